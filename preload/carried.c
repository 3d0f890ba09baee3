/* SPDX-License-Identifier: MIT */
/*
 * carried.c - libc's calls that a carrying guard tells of, as the library makes them
 *
 * What the library has judged is not to be judged again by the supervisor, which costs a
 * round trip, holds signals back, and cannot be had by who has forbidden to be looked into.
 * They are cancellation points as libc's are, and in the same way.
 */
#include "preload/carried.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

#include "core/token.h"

static long told(long r)
{
	if (r >= 0)
		return r;
	errno = (int)-r;
	return -1;
}

static int begin(void)
{
	int type;

	/* Around a system call alone, as libc has it. */
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, /* NOLINT(cert-pos47-c) */
			      &type);
	return type;
}

static long end(int type, long r)
{
	pthread_setcanceltype(type, NULL);
	return told(r);
}

static int carried_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	int type = begin();

	return (int)end(type, token_connect(fd, address, len));
}

static ssize_t carried_sendmsg(int fd, const struct msghdr *message, int flags)
{
	int type = begin();

	return end(type, token_sendmsg(fd, message, flags));
}

static int carried_sendmmsg(int fd, struct mmsghdr *messages, unsigned int n,
			    int flags)
{
	int type = begin();

	return (int)end(type, token_sendmmsg(fd, messages, n, flags));
}

static int carried_getpeername(int fd, struct sockaddr *address, socklen_t *len)
{
	return (int)told(token_getpeername(fd, address, len));
}

void *carried_call(enum real_id id)
{
	if (!token_carried())
		return NULL;
	switch (id) {
	case REAL_connect:
		return (void *)carried_connect;
	case REAL_sendmsg:
		return (void *)carried_sendmsg;
	case REAL_sendmmsg:
		return (void *)carried_sendmmsg;
	case REAL_getpeername:
		return (void *)carried_getpeername;
	default:
		return NULL;
	}
}
