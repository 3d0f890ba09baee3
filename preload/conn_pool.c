/* SPDX-License-Identifier: MIT */
/* conn_pool.c - the memory of conns */
#include "preload/conn_pool.h"

#include <stddef.h>

#include "preload/pool.h"

_Static_assert(offsetof(struct conn, index) == offsetof(struct pooled, index) &&
		       offsetof(struct conn, link) ==
			       offsetof(struct pooled, link),
	       "a conn begins as what is pooled does");

static struct pool conns = { .size = sizeof(struct conn), .per_chunk = 128 };

struct conn *conn_pool_take(void)
{
	return pool_take(&conns);
}

void conn_pool_give(struct conn *conn)
{
	pool_give(&conns, conn);
}

uint32_t conn_pool_used(void)
{
	return pool_used(&conns);
}

struct conn *conn_pool_at(uint32_t index)
{
	return pool_at(&conns, index);
}
