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

/* The kernel takes this time (NULL: for ever). */
bool span_valid(const struct timespec *timeout);

/* NULL: for ever. */
struct span span_of(const struct timespec *timeout);

/* As poll's and epoll_wait's: negative means for ever. */
struct span span_of_ms(int timeout_ms);

/*
 * The time for the next real wait: what is left, but not beyond limit_ns (CLOCK_MONOTONIC;
 * conn_deadline or conn_look_again). Returns slice, or NULL for ever.
 */
struct timespec *span_slice(const struct span *span, int64_t limit_ns,
			    struct timespec *slice);

/* The same in milliseconds, rounded up; -1 for ever. */
int span_slice_ms(const struct span *span, int64_t limit_ns);

bool span_over(const struct span *span);

/* What is left, for select. */
void span_left(const struct span *span, struct timeval *left);

#endif
