/* SPDX-License-Identifier: MIT */
/*
 * conn_pool.c - the memory of conns, which always stays memory of conns
 *
 * fdtable's readers may look at a conn that was released meanwhile, so chunks are never
 * unmapped. What is free is on a list without a lock: its head carries a count, so that
 * a head that went and came back is told from one that stayed.
 */
#include "preload/conn_pool.h"

#include <stddef.h>
#include <sys/mman.h>

#include "core/sys.h"

enum {
	CHUNK_CONNS = 128,
	CHUNKS = 8192,
};

static struct conn *chunks[CHUNKS];
static uint32_t conns_used; /* indices below were handed out once */
static uint64_t free_list;  /* a count against ABA << 32 | index + 1 */

/* The next free one, while a conn is on the list, is kept in its generation. */
struct conn *conn_pool_at(uint32_t index)
{
	struct conn *chunk = __atomic_load_n(&chunks[index / CHUNK_CONNS],
					     __ATOMIC_ACQUIRE);

	return chunk ? &chunk[index % CHUNK_CONNS] : NULL;
}

static struct conn *pop_free(void)
{
	uint64_t head = __atomic_load_n(&free_list, __ATOMIC_ACQUIRE);

	while ((uint32_t)head != 0) {
		struct conn *conn = conn_pool_at((uint32_t)head - 1);
		uint64_t next = ((head >> 32) + 1) << 32 |
				__atomic_load_n(&conn->generation,
						__ATOMIC_RELAXED);

		if (__atomic_compare_exchange_n(&free_list, &head, next, true,
						__ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			return conn;
	}
	return NULL;
}

void conn_pool_give(struct conn *conn)
{
	uint64_t head = __atomic_load_n(&free_list, __ATOMIC_ACQUIRE);
	uint64_t next;

	do {
		__atomic_store_n(&conn->generation, (uint32_t)head,
				 __ATOMIC_RELAXED);
		next = ((head >> 32) + 1) << 32 | (conn->index + 1);
	} while (!__atomic_compare_exchange_n(&free_list, &head, next, true,
					      __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
}

static struct conn *take_unused(void)
{
	uint32_t index;
	size_t size = CHUNK_CONNS * sizeof(struct conn);
	struct conn *conn, *other = NULL;
	long p;

	if (conn_pool_used() == CHUNKS * CHUNK_CONNS)
		return NULL;
	index = __atomic_fetch_add(&conns_used, 1, __ATOMIC_RELAXED);
	if (index >= CHUNKS * CHUNK_CONNS)
		return NULL;
	if (conn_pool_at(index) == NULL) {
		p = sys6(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p < 0 && p > -4096)
			return NULL;
		if (!__atomic_compare_exchange_n(&chunks[index / CHUNK_CONNS],
						 &other, (struct conn *)p,
						 false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE))
			sys2(SYS_munmap, p, size);
	}
	conn = conn_pool_at(index);
	conn->index = index;
	return conn;
}

struct conn *conn_pool_take(void)
{
	struct conn *conn = pop_free();

	return conn ? conn : take_unused();
}

uint32_t conn_pool_used(void)
{
	uint32_t used = __atomic_load_n(&conns_used, __ATOMIC_RELAXED);

	return used < CHUNKS * CHUNK_CONNS ? used : CHUNKS * CHUNK_CONNS;
}
