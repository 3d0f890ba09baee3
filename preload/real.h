/* SPDX-License-Identifier: MIT */
/* real.h - the next definitions of the interposed calls: libc's, usually */
#ifndef SOCKSIFY_PRELOAD_REAL_H
#define SOCKSIFY_PRELOAD_REAL_H

#include "preload/libc_names.h"

enum real_id {
#define CALL(family, name) REAL_##name,
#include "preload/calls.def"
#undef CALL
	REAL_COUNT
};

extern void *real_table[REAL_COUNT];

/* Looks up the whole family of id; never NULL (a missing call gives ENOSYS). */
void *real_resolve(enum real_id id) __attribute__((cold));

static inline void *real_get(enum real_id id)
{
	void *call = __atomic_load_n(&real_table[id], __ATOMIC_RELAXED);

	return __builtin_expect(call != NULL, 1) ? call : real_resolve(id);
}

/* REAL(connect)(fd, addr, len): a cancellation point wherever libc's is. */
#define REAL(name) ((__typeof__(&(name)))real_get(REAL_##name))

#endif
