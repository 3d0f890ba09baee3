/* SPDX-License-Identifier: MIT */
/* clock.h - the time that deadlines are told in */
#ifndef SOCKSIFY_PRELOAD_CLOCK_H
#define SOCKSIFY_PRELOAD_CLOCK_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#define NS_PER_S  1000000000ll
#define NS_PER_MS 1000000ll

/* CLOCK_MONOTONIC, by the vDSO: no system call, async-signal-safe. */
static inline int64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* The same to some milliseconds, at a fifth of the price. */
static inline int64_t clock_about_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/*
 * When a time from now on is over that SO_SNDTIMEO or SO_RCVTIMEO bounds: INT64_MAX for
 * none (zero), or for longer than any machine runs.
 */
static inline int64_t clock_limit_ns(const struct timeval *timeout)
{
	const int64_t never = INT64_MAX / 2 / NS_PER_S;

	if ((timeout->tv_sec == 0 && timeout->tv_usec == 0) ||
	    timeout->tv_sec > never)
		return INT64_MAX;
	return clock_now_ns() + timeout->tv_sec * NS_PER_S +
	       timeout->tv_usec * 1000ll;
}

#endif
