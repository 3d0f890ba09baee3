/* SPDX-License-Identifier: MIT */
/* io.c - exact reads and writes of a nonblocking socket, until a deadline */
#include "relay/io.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t io_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int io_wait(int fd, short events, int64_t deadline_ms)
{
	struct pollfd poller = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline_ms - io_now_ms();
		int n;

		if (left <= 0)
			return -ETIMEDOUT;
		n = poll(&poller, 1, (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* What a call of send or recv made of it: how far it came, 0 to try again, or -errno. */
static ssize_t progress(ssize_t n, int fd, short events, int64_t deadline_ms)
{
	if (n > 0)
		return n;
	if (n == 0)
		return -ECONNRESET;
	if (errno == EINTR)
		return 0;
	return errno == EAGAIN ? io_wait(fd, events, deadline_ms) : -errno;
}

int io_read(int fd, void *out, size_t len, int64_t deadline_ms)
{
	uint8_t *at = out;

	while (len > 0) {
		ssize_t n = progress(recv(fd, at, len, MSG_DONTWAIT), fd, POLLIN,
				     deadline_ms);

		if (n < 0)
			return (int)n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int io_write(int fd, const void *in, size_t len, int64_t deadline_ms)
{
	const uint8_t *at = in;

	while (len > 0) {
		ssize_t n = progress(send(fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL), fd,
				     POLLOUT, deadline_ms);

		if (n < 0)
			return (int)n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

void io_no_delay(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void io_keep_alive(int fd)
{
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

void io_reset(int fd)
{
	const struct linger none = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}
