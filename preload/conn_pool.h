/* SPDX-License-Identifier: MIT */
/* conn_pool.h - the memory of conns, which always stays memory of conns */
#ifndef SOCKSIFY_PRELOAD_CONN_POOL_H
#define SOCKSIFY_PRELOAD_CONN_POOL_H

#include "preload/conn.h"

/* One with no references, or NULL when memory is short. No lock, no heap. */
struct conn *conn_pool_take(void);
void conn_pool_give(struct conn *conn);

/* All that were ever taken have an index below this; NULL where one has no memory. */
uint32_t conn_pool_used(void);
struct conn *conn_pool_at(uint32_t index);

#endif
