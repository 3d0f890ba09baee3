/* SPDX-License-Identifier: MIT */
/*
 * pool.c - the memory of things, which always stays memory of things
 *
 * fdtable's readers may look at a thing that was released meanwhile, so chunks are never
 * unmapped. What is free is on a list without a lock: its head carries a count, so that
 * a head that went and came back is told from one that stayed.
 */
#include "preload/pool.h"

#include <sys/mman.h>

#include "core/sys.h"

void *pool_at(const struct pool *pool, uint32_t index)
{
	char *chunk = __atomic_load_n(&pool->chunks[index / pool->per_chunk],
				      __ATOMIC_ACQUIRE);

	return chunk ? chunk + index % pool->per_chunk * pool->size : NULL;
}

static struct pooled *pop_free(struct pool *pool)
{
	uint64_t head = __atomic_load_n(&pool->free, __ATOMIC_ACQUIRE);

	while ((uint32_t)head != 0) {
		struct pooled *item = pool_at(pool, (uint32_t)head - 1);
		uint64_t next =
			((head >> 32) + 1) << 32 |
			__atomic_load_n(&item->link, __ATOMIC_RELAXED);

		if (__atomic_compare_exchange_n(&pool->free, &head, next, true,
						__ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			return item;
	}
	return NULL;
}

void pool_give(struct pool *pool, void *thing)
{
	uint64_t head = __atomic_load_n(&pool->free, __ATOMIC_ACQUIRE);
	struct pooled *item = thing;
	uint64_t next;

	do {
		__atomic_store_n(&item->link, (uint32_t)head, __ATOMIC_RELAXED);
		next = ((head >> 32) + 1) << 32 | (item->index + 1);
	} while (!__atomic_compare_exchange_n(&pool->free, &head, next, true,
					      __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
}

static uint32_t most(const struct pool *pool)
{
	return POOL_CHUNKS * pool->per_chunk;
}

static bool chunk_made(struct pool *pool, uint32_t index)
{
	size_t size = pool->per_chunk * pool->size;
	void *other = NULL;
	long p = sys6(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p < 0 && p > -4096)
		return false;
	if (!__atomic_compare_exchange_n(&pool->chunks[index / pool->per_chunk],
					 &other, (void *)p, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		sys2(SYS_munmap, p, size);
	return true;
}

static struct pooled *take_unused(struct pool *pool)
{
	struct pooled *item;
	uint32_t index;

	if (pool_used(pool) == most(pool))
		return NULL;
	index = __atomic_fetch_add(&pool->used, 1, __ATOMIC_RELAXED);
	if (index >= most(pool))
		return NULL;
	if (pool_at(pool, index) == NULL && !chunk_made(pool, index))
		return NULL;
	item = pool_at(pool, index);
	item->index = index;
	return item;
}

void *pool_take(struct pool *pool)
{
	struct pooled *item = pop_free(pool);

	return item ? item : take_unused(pool);
}

uint32_t pool_used(const struct pool *pool)
{
	uint32_t used = __atomic_load_n(&pool->used, __ATOMIC_RELAXED);

	return used < most(pool) ? used : most(pool);
}
