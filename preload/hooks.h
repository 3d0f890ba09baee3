/* SPDX-License-Identifier: MIT */
/* hooks.h - what every hook begins with */
#ifndef SOCKSIFY_PRELOAD_HOOKS_H
#define SOCKSIFY_PRELOAD_HOOKS_H

#include <errno.h>

#include "core/config.h"
#include "preload/real.h"

#define EXPORT __attribute__((visibility("default")))

/*
 * The configuration, after making sure that it is read: hooks may be called by
 * the constructors of other libraries, before ours. Async-signal-safe.
 */
const struct config *hooks_config(void);

/* The same where only the set-up matters. */
static inline void hooks_ready(void)
{
	(void)hooks_config();
}

/*
 * Makes sure that the proxy's addresses are known: one that is known by name only, when
 * the command did not look it up, is looked up now, by libc and locally. 0, or
 * -EHOSTUNREACH. Not async-signal-safe in that one case.
 */
int hooks_find_proxy(void);

/* Turns an inner result, a count or -errno, into libc's. */
static inline long hooks_result(long result)
{
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

#endif
