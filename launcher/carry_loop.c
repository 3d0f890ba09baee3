/* SPDX-License-Identifier: MIT */
/* carry_loop.c - what the supervisor waits for: descriptors and times */
#include "launcher/carry_loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>

static int epoll = -1;

int loop_open(void)
{
	epoll = epoll_create1(EPOLL_CLOEXEC);
	return epoll < 0 ? -errno : 0;
}

static int control(int what, struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(epoll, what, source->fd, &event) < 0 ? -errno : 0;
}

int loop_add(struct source *source, uint32_t events)
{
	return control(EPOLL_CTL_ADD, source, events);
}

int loop_change(struct source *source, uint32_t events)
{
	return control(EPOLL_CTL_MOD, source, events);
}

void loop_remove(struct source *source)
{
	control(EPOLL_CTL_DEL, source, 0);
}

int64_t loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* The milliseconds of a wait, rounded up. */
static int milliseconds(int64_t until_ns)
{
	enum { LONGEST_MS = 1000000 };
	int64_t left;

	if (until_ns == INT64_MAX)
		return -1;
	left = until_ns - loop_now();
	if (left <= 0)
		return 0;
	if (left > LONGEST_MS * NS_PER_MS)
		return LONGEST_MS;
	return (int)((left + NS_PER_MS - 1) / NS_PER_MS);
}

/* One event at a time: what is ready for one source may have ended the next. */
void loop_once(int64_t until_ns)
{
	struct epoll_event event;
	struct source *source;

	if (epoll_wait(epoll, &event, 1, milliseconds(until_ns)) != 1)
		return;
	source = event.data.ptr;
	source->ready(source, event.events);
}
