/* SPDX-License-Identifier: MIT */
/*
 * hook_fd.c - the life of descriptors: closed, duplicated
 *
 * What we know of a number is forgotten before it is closed: afterwards another thread
 * may already have it for something else. A number that is duplicated over never is
 * free, and is only forgotten when that has worked.
 *
 * Descriptors of our own are none to the program: a close of all numbers leaves them, and
 * one that is duplicated over makes way.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "core/sys.h"
#include "preload/conn.h"
#include "preload/dgram.h"
#include "preload/hooks.h"

/* The number may be another file's by now, which the record behind it tells. */
static bool is_private(int fd)
{
	struct conn *conn;

	if (!(fdtable_notes(fd) & FD_PRIVATE))
		return false;
	conn = conn_get(fd);
	conn_put(conn);
	return conn != NULL;
}

static void closing(int fd)
{
	if (fdtable_notes(fd) & FD_EPOLL)
		conn_epoll_closing(fd);
	conn_closing(fd);
	fdtable_drop(fd);
}

static int do_close(int fd)
{
	if (is_private(fd))
		return (int)hooks_result(-EBADF);
	if (dgram_any_leaving())
		dgram_leave_look();
	closing(fd);
	return REAL(close)(fd);
}

EXPORT int close(int fd)
{
	return do_close(fd);
}

EXPORT int __close(int fd)
{
	return do_close(fd);
}

/* libc closes a stream's descriptor by a call that cannot be interposed. */
static void closing_stream(FILE *stream)
{
	int before = errno;
	int fd = fileno(stream); /* -1: one in memory */

	if (fd >= 0 && dgram_peek(fd) != NULL)
		REAL(fflush)(stream); /* as long as there is an association */
	if (fd >= 0)
		closing(fd);
	errno = before;
}

EXPORT int fclose(FILE *stream)
{
	closing_stream(stream);
	return REAL(fclose)(stream);
}

EXPORT int _IO_fclose(FILE *stream)
{
	closing_stream(stream);
	return REAL(fclose)(stream);
}

struct range {
	unsigned int first;
	unsigned int last;
};

static void epoll_in_range(int fd, void *arg)
{
	const struct range *range = arg;

	if ((unsigned int)fd >= range->first && (unsigned int)fd <= range->last)
		conn_epoll_closing(fd);
}

/* What is done with the numbers of a range, which may be empty. */
typedef int range_user(unsigned int first, unsigned int last, int flags);

/* Around descriptors of our own. The first failure counts. */
static int use_pieces(unsigned int first, unsigned int last, int flags,
		      range_user *use)
{
	int from = first > INT_MAX ? INT_MAX : (int)first;
	int result = 0;

	for (int fd = fdtable_next(from - 1); fd >= 0 && (unsigned int)fd <= last;
	     fd = fdtable_next(fd)) {
		if (!is_private(fd))
			continue;
		if ((unsigned int)fd > first && result == 0)
			result = use(first, (unsigned int)fd - 1, flags);
		first = (unsigned int)fd + 1;
	}
	if (first <= last && result == 0)
		result = use(first, last, flags);
	return result;
}

static int forget_range(unsigned int first, unsigned int last, int flags)
{
	(void)flags;
	fdtable_drop_range(first, last);
	return 0;
}

static int close_them(unsigned int first, unsigned int last, int flags)
{
	return REAL(close_range)(first, last, flags);
}

static void closing_range(unsigned int first, unsigned int last)
{
	struct range range = { first, last };

	if (conn_any()) {
		fdtable_each_noted(FD_EPOLL, epoll_in_range, &range);
		for (int fd = fdtable_next(-1); fd >= 0; fd = fdtable_next(fd))
			if ((unsigned int)fd >= first &&
			    (unsigned int)fd <= last && !is_private(fd))
				conn_closing(fd);
	}
	use_pieces(first, last, 0, forget_range);
}

EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	/* With any other flag the kernel refuses. */
	if (flags & ~(int)CLOSE_RANGE_UNSHARE || first > last)
		return REAL(close_range)(first, last, flags);
	closing_range(first, last);
	return use_pieces(first, last, flags, close_them);
}

/* Where the kernel has no close_range, libc's own way takes ours, too. */
EXPORT void closefrom(int first)
{
	unsigned int from = first < 0 ? 0 : (unsigned int)first;
	int saved_errno = errno;

	closing_range(from, ~0u);
	if (use_pieces(from, ~0u, 0, close_them) < 0)
		REAL(closefrom)(first);
	errno = saved_errno;
}

static int duplicated(int from, int to)
{
	if (to < 0)
		return to;
	fdtable_dup(from, to);
	if (to == STDOUT_FILENO || to == STDERR_FILENO)
		dgram_prime(to);
	return to;
}

EXPORT int dup(int fd)
{
	return duplicated(fd, REAL(dup)(fd));
}

/* As for a close; but not where dup2 is about to fail and leaves to as it is. */
static void overwriting(int from, int to)
{
	if (from == to || sys2(SYS_fcntl, from, F_GETFD) < 0)
		return;
	if (is_private(to))
		dgram_move_control(to);
	else if (conn_any())
		conn_closing(to);
}

static int duplicated_over(int from, int to, int result)
{
	if (result >= 0 && from != to && fdtable_notes(to) & FD_EPOLL)
		conn_epoll_closing(to);
	return duplicated(from, result);
}

static int do_dup2(int from, int to)
{
	overwriting(from, to);
	return duplicated_over(from, to, REAL(dup2)(from, to));
}

EXPORT int dup2(int from, int to)
{
	return do_dup2(from, to);
}

EXPORT int __dup2(int from, int to)
{
	return do_dup2(from, to);
}

EXPORT int dup3(int from, int to, int flags)
{
	if (!(flags & ~O_CLOEXEC))
		overwriting(from, to);
	return duplicated_over(from, to, REAL(dup3)(from, to, flags));
}

/* Every command's argument fits a pointer, fcntl(2). */
static int do_fcntl(int fd, int cmd, void *arg)
{
	int r = REAL(fcntl64)(fd, cmd, arg);

	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		return duplicated(fd, r);
	return r;
}

EXPORT int fcntl(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	return do_fcntl(fd, cmd, arg);
}

EXPORT int __fcntl(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	return do_fcntl(fd, cmd, arg);
}

EXPORT int fcntl64(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	return do_fcntl(fd, cmd, arg);
}

/* A number that may have been closed unseen; and older libcs have no such function. */
EXPORT int pidfd_getfd(int pidfd, int fd, unsigned int flags)
{
	long got = sys3(SYS_pidfd_getfd, pidfd, fd, flags);

	if (got >= 0)
		fdtable_drop((int)got);
	return (int)hooks_result(got);
}
