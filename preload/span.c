/* SPDX-License-Identifier: MIT */
/*
 * span.c - the time that a program's wait may take, over several real waits
 */
#include "preload/span.h"

#include <limits.h>

#include "preload/clock.h"
#include "preload/conn.h"

#define TICK_NS	  (4 * NS_PER_MS)

/*
 * With nothing pending the end is only needed if a connect begins meanwhile: a clock
 * of one tick's resolution does, and costs a few nanoseconds.
 */
static int64_t start_ns(void)
{
	struct timespec now;

	if (conn_any())
		return clock_now_ns();
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec + TICK_NS;
}

static struct span span_of_ns(int64_t ns)
{
	struct span span = { .end_ns = INT64_MAX };
	int64_t now;

	if (ns == 0) {
		span.end_ns = 0; /* no clock is needed for a look */
		return span;
	}
	now = start_ns();
	if (ns < INT64_MAX - now)
		span.end_ns = now + ns;
	return span;
}

bool span_valid(const struct timespec *timeout)
{
	return timeout == NULL ||
	       (timeout->tv_sec >= 0 && timeout->tv_nsec >= 0 &&
		timeout->tv_nsec < NS_PER_S);
}

struct span span_of(const struct timespec *timeout)
{
	struct span span = { .end_ns = INT64_MAX };

	if (timeout == NULL || timeout->tv_sec >= INT64_MAX / NS_PER_S / 2)
		return span;
	return span_of_ns(timeout->tv_sec * NS_PER_S + timeout->tv_nsec);
}

struct span span_of_ms(int timeout_ms)
{
	struct span span = { .end_ns = INT64_MAX };

	return timeout_ms < 0 ? span : span_of_ns(timeout_ms * NS_PER_MS);
}

/* INT64_MAX: for ever. */
static int64_t slice_ns(const struct span *span, int64_t limit_ns)
{
	int64_t until = span->end_ns < limit_ns ? span->end_ns : limit_ns;
	int64_t left;

	if (until == INT64_MAX)
		return INT64_MAX;
	left = until == 0 ? 0 : until - clock_now_ns();
	return left < 0 ? 0 : left;
}

struct timespec *span_slice(const struct span *span, int64_t limit_ns,
			    struct timespec *slice)
{
	int64_t ns = slice_ns(span, limit_ns);

	if (ns == INT64_MAX)
		return NULL;
	slice->tv_sec = ns / NS_PER_S;
	slice->tv_nsec = ns % NS_PER_S;
	return slice;
}

int span_slice_ms(const struct span *span, int64_t limit_ns)
{
	int64_t ns = slice_ns(span, limit_ns);
	int64_t ms;

	if (ns == INT64_MAX)
		return -1;
	ms = (ns + NS_PER_MS - 1) / NS_PER_MS;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

bool span_over(const struct span *span)
{
	if (span->end_ns == INT64_MAX)
		return false;
	return span->end_ns == 0 || clock_now_ns() >= span->end_ns;
}

void span_left(const struct span *span, struct timeval *left)
{
	int64_t ns = span->end_ns == 0 ? 0 : span->end_ns - clock_now_ns();

	if (span->end_ns == INT64_MAX)
		return;
	if (ns < 0)
		ns = 0;
	left->tv_sec = ns / NS_PER_S;
	left->tv_usec = ns % NS_PER_S / 1000;
}
