/* SPDX-License-Identifier: MIT */
/* pool.h - the memory of things, which always stays memory of things */
#ifndef SOCKSIFY_PRELOAD_POOL_H
#define SOCKSIFY_PRELOAD_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "preload/fdtable.h"

/**
 * struct pooled - what a thing of a pool begins with
 * @thing:	for fdtable
 * @index:	its place
 * @link:	the next free one, while it is free
 */
struct pooled {
	struct thing thing;
	uint32_t index;
	uint32_t link;
};

enum { POOL_CHUNKS = 8192 };

/**
 * struct pool - things of one kind
 * @size:	of a thing
 * @per_chunk:	how many are mapped at once
 * @used:	indices below were handed out once
 * @free:	a count against ABA << 32 | index + 1
 * @chunks:	never unmapped
 */
struct pool {
	size_t size;
	uint32_t per_chunk;
	uint32_t used;
	uint64_t free;
	void *chunks[POOL_CHUNKS];
};

/* One with no references, or NULL when memory is short. No lock, no heap. */
void *pool_take(struct pool *pool);
void pool_give(struct pool *pool, void *item);

/* All that were ever taken have an index below this; NULL where one has no memory. */
uint32_t pool_used(const struct pool *pool);
void *pool_at(const struct pool *pool, uint32_t index);

#endif
