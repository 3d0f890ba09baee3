/* SPDX-License-Identifier: MIT */
/* handover.c - connections that others get: programs that are started, receivers */
#include "preload/handover.h"

#include <fcntl.h>
#include <poll.h>
#include <time.h>

#include "core/sys.h"
#include "preload/clock.h"
#include "preload/conn.h"
#include "preload/dgram.h"

enum { KERNEL_SIGSET_SIZE = 8 };

static bool is_handed_on(int fd)
{
	long flags = sys2(SYS_fcntl, fd, F_GETFD);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

/*
 * One step. 0: it is over; else what it waits for. No reference is held over a
 * wait: a signal's handler may leave it by siglongjmp.
 */
static short step(int fd)
{
	struct conn *conn = conn_get(fd);
	short events = 0;

	if (conn != NULL && conn_step(conn, fd) <= CONN_EARLY)
		events = conn_events(conn);
	conn_put(conn);
	return events;
}

static void wait_for(int fd, short events)
{
	struct pollfd pollfd = { .fd = fd, .events = events };
	int64_t left = conn_look_again(true) - clock_now_ns();
	struct timespec timeout = { .tv_sec = left / 1000000000,
				    .tv_nsec = left % 1000000000 };

	if (left > 0)
		sys5(SYS_ppoll, &pollfd, 1, &timeout, NULL,
		     KERNEL_SIGSET_SIZE);
	conn_expire();
}

void handover_finish_one(int fd)
{
	short events;

	while ((events = step(fd)) != 0)
		wait_for(fd, events);
}

void handover_finish(void)
{
	if (!conn_any() || !fdtable_ours())
		return;
	for (int fd = fdtable_next(-1); fd >= 0; fd = fdtable_next(fd)) {
		if (!is_handed_on(fd))
			continue;
		handover_finish_one(fd);
		dgram_finish(fd);
	}
}
