/* SPDX-License-Identifier: MIT */
/* options.h - socket options, asked of the kernel itself */
#ifndef SOCKSIFY_PRELOAD_OPTIONS_H
#define SOCKSIFY_PRELOAD_OPTIONS_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "core/sys.h"
#include "preload/fdtable.h"

/* An int option, or otherwise where there is none. */
static inline int option_get(int fd, int level, int name, int otherwise)
{
	int value = otherwise;
	socklen_t len = sizeof(value);

	sys5(SYS_getsockopt, fd, level, name, &value, &len);
	return value;
}

static inline long option_set(int fd, int level, int name, int value)
{
	return sys5(SYS_setsockopt, fd, level, name, &value, sizeof(value));
}

/* SO_COOKIE: which socket it is, as long as the machine runs; 0: none. */
static inline uint64_t option_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	sys5(SYS_getsockopt, fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	return cookie;
}

/* SO_RCVTIMEO or SO_SNDTIMEO; zero: none. */
static inline struct timeval option_timeout(int fd, int option)
{
	struct timeval timeout = { 0 };
	socklen_t len = sizeof(timeout);

	sys5(SYS_getsockopt, fd, SOL_SOCKET, option, &timeout, &len);
	return timeout;
}

/* SO_SNDTIMEO, without a question where it is known to be none. */
static inline struct timeval option_send_timeout(int fd)
{
	struct timeval none = { 0 };

	return fdtable_plain(fd) ? none : option_timeout(fd, SO_SNDTIMEO);
}

#endif
