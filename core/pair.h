/* SPDX-License-Identifier: MIT */
/*
 * pair.h - a value of many words that is read without a lock while another thread changes it
 *
 * There are two of it, and a count of its changes whose last bit says which one counts. Who
 * changes it, one at a time, writes the other one and then counts it. Who reads copies the one
 * that counts, and has all of one value if the count is the same after that: the same memory
 * is written again only by the change after the next. A handler that interrupts a change finds
 * the value of before.
 *
 * A size is one of whole words of eight bytes, and the two begin at such a word.
 */
#ifndef SOCKSIFY_CORE_PAIR_H
#define SOCKSIFY_CORE_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t __attribute__((may_alias)) pair_word;

/* Part of a value, or all of it, as it is just now; and what is there from now on. */
static inline __attribute__((always_inline)) void
pair_copy(void *to, const void *from, size_t size)
{
#pragma GCC unroll 4
	for (size_t i = 0; i < size / sizeof(pair_word); i++) {
		pair_word word = __atomic_load_n((const pair_word *)from + i,
						 __ATOMIC_RELAXED);

		memcpy((uint8_t *)to + i * sizeof(word), &word, sizeof(word));
	}
}

static inline __attribute__((always_inline)) void
pair_fill(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size / sizeof(pair_word); i++) {
		pair_word word;

		memcpy(&word, (const uint8_t *)from + i * sizeof(word),
		       sizeof(word));
		__atomic_store_n((pair_word *)to + i, word, __ATOMIC_RELAXED);
	}
}

static inline uint32_t pair_begin(const uint32_t *count)
{
	return __atomic_load_n(count, __ATOMIC_ACQUIRE);
}

/* What was copied since pair_begin said begun is all of one value. */
static inline bool pair_is_whole(const uint32_t *count, uint32_t begun)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(count, __ATOMIC_RELAXED) == begun;
}

/* The part of it that is len bytes from at on. */
static inline void pair_read_part(const uint32_t *count, const void *two, size_t size,
				  size_t at, void *part, size_t len)
{
	uint32_t begun;

	do {
		begun = pair_begin(count);
		pair_copy(part, (const uint8_t *)two + (begun & 1) * size + at,
			  len);
	} while (!pair_is_whole(count, begun));
}

static inline void pair_read(const uint32_t *count, const void *two, void *value,
			     size_t size)
{
	pair_read_part(count, two, size, 0, value, size);
}

static inline void pair_write(uint32_t *count, void *two, const void *value,
			      size_t size)
{
	uint32_t next = __atomic_load_n(count, __ATOMIC_RELAXED) + 1;

	__atomic_thread_fence(__ATOMIC_RELEASE);
	pair_fill((uint8_t *)two + (next & 1) * size, value, size);
	__atomic_store_n(count, next, __ATOMIC_RELEASE);
}

#endif
