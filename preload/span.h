/* SPDX-License-Identifier: MIT */
/* span.h - the time that a program's wait may take, over several real waits */
#ifndef SOCKSIFY_PRELOAD_SPAN_H
#define SOCKSIFY_PRELOAD_SPAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

/**
 * struct span - a time out
 * @end_ns:	CLOCK_MONOTONIC; INT64_MAX: for ever
 */
struct span {
	int64_t end_ns;
};

/* NULL: for ever. A time that the kernel refuses becomes one in the past. */
struct span span_of(const struct timespec *timeout);

/* As poll's and epoll_wait's: negative means for ever. */
struct span span_of_ms(int timeout_ms);

/*
 * The time for the next real wait: what is left, but no more than until the first
 * pending connection runs out of time. Returns slice, or NULL for ever.
 */
struct timespec *span_slice(const struct span *span, struct timespec *slice);

/* The same in milliseconds, rounded up; -1 for ever. */
int span_slice_ms(const struct span *span);

bool span_over(const struct span *span);

/* What is left, for select. */
void span_left(const struct span *span, struct timeval *left);

#endif
