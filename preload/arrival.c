/* SPDX-License-Identifier: MIT */
/*
 * arrival.c - the second reply of a BIND, where it stands: in the socket
 *
 * It is only looked at until accept() takes it, so the kernel itself shows the listener as
 * readable, to whoever waits in whatever way. A part of it is no reason to wake: SO_RCVLOWAT
 * says how much is needed, as far as that can be known.
 */
#include "preload/arrival.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <time.h>

#include "core/socks5.h"
#include "core/sys.h"
#include "preload/options.h"

enum { SHORTEST_REPLY = 7 }; /* of success: a name of no length */

void arrival_await(int fd)
{
	option_set(fd, SOL_SOCKET, SO_RCVLOWAT, SHORTEST_REPLY);
}

static bool has_ended(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLRDHUP };
	struct timespec now = { 0 };

	return sys5(SYS_ppoll, &pollfd, 1, &now, NULL, 0) == 1;
}

/* The end may have come between the look at the bytes and this one. */
static int need_more(int fd, const uint8_t *in, size_t len)
{
	option_set(fd, SOL_SOCKET, SO_RCVLOWAT,
		   (int)socks5_reply_needs(in, len));
	return -EAGAIN;
}

int arrival_look(int fd, struct arrival *arrival)
{
	uint8_t in[SOCKS5_MESSAGE_MAX];
	bool ended = has_ended(fd);
	long n = sys6(SYS_recvfrom, fd, in, sizeof(in),
		      MSG_PEEK | MSG_DONTWAIT, NULL, NULL);
	int used;

	arrival->reply = 0;
	if (n == -EAGAIN)
		return -EAGAIN;
	if (n <= 0)
		return -ECONNREFUSED;
	used = socks5_get_reply(in, (size_t)n, &arrival->reply, &arrival->peer);
	if (used == 0 && !ended)
		return need_more(fd, in, (size_t)n);
	if (used <= 0)
		return -ECONNREFUSED;
	if (arrival->reply != SOCKS5_SUCCEEDED)
		return -socks5_reply_errno(arrival->reply);
	arrival->length = (size_t)used;
	return 0;
}
