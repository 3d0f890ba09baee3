/* SPDX-License-Identifier: MIT */
/* private_fd.c - descriptors of our own among the program's */
#include "preload/private_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "core/sys.h"
#include "core/token.h"
#include "preload/fdtable.h"
#include "preload/options.h"

/*
 * Above what shells and scripts name themselves. Not higher than needed: the kernel's table
 * of the process grows with the highest number.
 */
enum { LOWEST = 960, LOWEST_TRIED = 64 };

/* The limit may be below any number that we would like: then less will do. */
static long moved_up(long fd)
{
	struct rlimit limit = { .rlim_cur = LOWEST };
	long lowest = LOWEST;
	long up = -1;

	sys4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	if (limit.rlim_cur < LOWEST + LOWEST_TRIED)
		lowest = (long)limit.rlim_cur * 3 / 4;
	if (fd < lowest)
		up = sys3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest);
	if (up < 0)
		return fd;
	sys1(SYS_close, fd);
	return up;
}

/* Whoever finds the number finds its cookie. */
static void set(struct private_fd *own, int fd, uint64_t cookie)
{
	__atomic_store_n(&own->cookie, cookie, __ATOMIC_RELAXED);
	__atomic_store_n(&own->fd, fd, __ATOMIC_RELEASE);
}

static void adopt(struct private_fd *own, long fd, unsigned int notes)
{
	fd = moved_up(fd);
	fdtable_drop((int)fd);
	fdtable_note((int)fd, FD_SEEN | FD_PRIVATE | notes);
	set(own, (int)fd, option_cookie((int)fd));
}

int private_fd_socket(struct private_fd *own, int domain, int type)
{
	long fd = token_socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	set(own, -1, 0);
	if (fd < 0)
		return (int)fd;
	adopt(own, fd, (type == SOCK_STREAM ? FD_STREAM : 0) |
			       (domain == AF_INET6 ? FD_INET6 : 0));
	return 0;
}

void private_fd_adopt(struct private_fd *own, int fd)
{
	adopt(own, fd, FD_STREAM);
}

int private_fd_keep(const struct private_fd *own)
{
	if (private_fd_get(own) < 0)
		return -EBADF;
	sys3(SYS_fcntl, own->fd, F_SETFD, FD_CLOEXEC);
	fdtable_drop(own->fd);
	fdtable_note(own->fd, FD_SEEN | FD_PRIVATE | FD_STREAM);
	return 0;
}

int private_fd_of_ours(long fd)
{
	if (fd < 0)
		return (int)fd;
	fd = moved_up(fd);
	fdtable_drop((int)fd);
	fdtable_note((int)fd, FD_OURS);
	return (int)fd;
}

void private_fd_move(struct private_fd *own)
{
	long fd = sys3(SYS_fcntl, own->fd, F_DUPFD_CLOEXEC, own->fd + 1);

	if (fd < 0)
		fd = sys3(SYS_fcntl, own->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return;
	fdtable_dup(own->fd, (int)fd);
	__atomic_store_n(&own->fd, (int)fd, __ATOMIC_RELAXED);
}

int private_fd_get(const struct private_fd *own)
{
	int fd = private_fd_number(own);

	if (fd < 0 || option_cookie(fd) !=
			      __atomic_load_n(&own->cookie, __ATOMIC_RELAXED))
		return -1;
	return fd;
}

void private_fd_close(struct private_fd *own)
{
	if (private_fd_get(own) >= 0) {
		fdtable_drop(own->fd);
		sys1(SYS_close, own->fd);
	}
	__atomic_store_n(&own->fd, -1, __ATOMIC_RELAXED);
}
