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

/* Turns an inner result, a count or -errno, into libc's. */
static inline long hooks_result(long result)
{
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

#endif
