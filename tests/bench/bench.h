/* SPDX-License-Identifier: MIT */
/* bench.h - what the measuring programs share: clocks, sockets, giving up */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ll

/* Ends the program: a figure that was not measured right is none. */
__attribute__((format(printf, 1, 2), noreturn)) static inline void
die(const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (%s)\n", strerror(error));
	exit(1);
}

static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static inline int64_t wall_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* User and system time of this process, all its threads. */
static inline int64_t cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static inline struct sockaddr_in address_of(const char *host, const char *port)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
	};

	if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
		die("%s is no IPv4 address", host);
	return in;
}

/* "HOST:PORT" */
static inline struct sockaddr_in address_of_pair(const char *pair)
{
	char host[INET_ADDRSTRLEN] = "";
	const char *colon = strchr(pair, ':');

	if (colon == NULL || (size_t)(colon - pair) >= sizeof(host))
		die("%s is not ADDRESS:PORT", pair);
	memcpy(host, pair, (size_t)(colon - pair));
	return address_of(host, colon + 1);
}

static inline int listen_at(const struct sockaddr_in *at)
{
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 ||
	    listen(fd, 16384) < 0)
		die("cannot listen");
	return fd;
}

/* As many descriptors as the system lets root have, or else as there are. */
static inline void raise_descriptor_limit(void)
{
	struct rlimit limit = { .rlim_cur = 1 << 18, .rlim_max = 1 << 18 };

	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

#endif
