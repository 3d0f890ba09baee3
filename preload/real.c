/* SPDX-License-Identifier: MIT */
/*
 * real.c - the only dlsym
 *
 * A lookup costs some 2.5 us, and most programs use few of the calls: so they
 * are made by family when the first one is needed. dlsym(3) allocates nothing
 * when it finds the name, so a program's own malloc is not entered.
 */
#include "preload/real.h"

#include <dlfcn.h>
#include <errno.h>

#include "preload/carried.h"

enum family {
	FAMILY_SOCKET,
	FAMILY_STREAM,
	FAMILY_DGRAM,
	FAMILY_WAIT,
	FAMILY_FD,
	FAMILY_NAME,
	FAMILY_SANDBOX,
	FAMILY_INSIDE,
	FAMILY_EXEC,
	FAMILY_EXIT,
	FAMILY_SPAWN,
	FAMILY_LOAD,
	FAMILY_SYSCALL,
};

struct call {
	enum family family;
	const char *name;
};

static const struct call calls[REAL_COUNT] = {
#define CALL(family, name) { FAMILY_##family, #name },
#include "preload/calls.def"
#undef CALL
};

void *real_table[REAL_COUNT];

/* Stands in for a call that this libc does not have (yet). */
static long missing(void)
{
	errno = ENOSYS;
	return -1;
}

void *real_resolve(enum real_id id)
{
	for (size_t i = 0; i < REAL_COUNT; i++) {
		void *call;

		if (calls[i].family != calls[id].family)
			continue;
		call = carried_call((enum real_id)i);
		if (call == NULL)
			call = dlsym(RTLD_NEXT, calls[i].name);
		if (call == NULL)
			call = (void *)missing;
		__atomic_store_n(&real_table[i], call, __ATOMIC_RELAXED);
	}
	return __atomic_load_n(&real_table[id], __ATOMIC_RELAXED);
}
