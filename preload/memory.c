/* SPDX-License-Identifier: MIT */
/*
 * memory.c - the program's memory, which may not be where it says
 *
 * rt_sigprocmask reads a set of signals before it looks at what is to be done with it. With
 * nothing that it knows to be done it only tells whether the set can be read: EINVAL or EFAULT.
 * No sandbox of a program's forbids the call.
 */
#include "preload/memory.h"

#include <errno.h>

#include "core/sys.h"

enum {
	PAGE_SIZE = 1 << MEMORY_PAGE_BITS,
	NOTHING_TO_DO = -1,
	SET_SIZE = 8,
};

uintptr_t memory_pages[MEMORY_PAGES];

static bool page_there(uintptr_t page)
{
	uintptr_t *known = &memory_pages[page % MEMORY_PAGES];

	if (__atomic_load_n(known, __ATOMIC_RELAXED) == page + 1)
		return true;
	/* Not at its beginning: NULL is no set. */
	if (sys4(SYS_rt_sigprocmask, NOTHING_TO_DO,
		 (page << MEMORY_PAGE_BITS) + SET_SIZE, NULL,
		 SET_SIZE) == -EFAULT)
		return false;
	__atomic_store_n(known, page + 1, __ATOMIC_RELAXED);
	return true;
}

bool memory_asked(const void *p, size_t n)
{
	uintptr_t page = (uintptr_t)p >> MEMORY_PAGE_BITS;
	uintptr_t last = ((uintptr_t)p + n - 1) >> MEMORY_PAGE_BITS;

	if (n - 1 > UINTPTR_MAX - (uintptr_t)p)
		return false;
	for (; page <= last; page++)
		if (!page_there(page))
			return false;
	return true;
}
