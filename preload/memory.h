/* SPDX-License-Identifier: MIT */
/* memory.h - the program's memory, which may not be where it says */
#ifndef SOCKSIFY_PRELOAD_MEMORY_H
#define SOCKSIFY_PRELOAD_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEMORY_PAGE_BITS = 12, MEMORY_PAGES = 64 };

/* Pages that were there when they were asked for: their numbers, and one more. */
extern uintptr_t memory_pages[MEMORY_PAGES];

bool memory_asked(const void *p, size_t n);

/*
 * The n bytes at p, which a call of the program's has named, can be read: if not, the call is
 * EFAULT, and does not end the program in our code. The kernel is asked of a page once; what is
 * unmapped later, or only not to be written, is not found out.
 */
static inline bool memory_there(const void *p, size_t n)
{
	uintptr_t page = (uintptr_t)p >> MEMORY_PAGE_BITS;
	uintptr_t last = ((uintptr_t)p + n - 1) >> MEMORY_PAGE_BITS;

	if (n == 0)
		return true;
	return __builtin_expect(
		       page == last &&
			       __atomic_load_n(&memory_pages[page % MEMORY_PAGES],
					       __ATOMIC_RELAXED) == page + 1,
		       1) ||
	       memory_asked(p, n);
}

/* Where nothing ever is: in place of what is not there, for the kernel to refuse. */
#define MEMORY_NOWHERE ((void *)-4096)

#endif
