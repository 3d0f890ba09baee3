/* SPDX-License-Identifier: MIT */
/* dgram_dns.h - datagrams that a program's own DNS client sends */
#ifndef SOCKSIFY_PRELOAD_DGRAM_DNS_H
#define SOCKSIFY_PRELOAD_DGRAM_DNS_H

#include <sys/types.h>

#include "preload/dgram.h"
#include "resolver/nameserver.h"

/* What goes with this header goes to a name server. */
static inline bool dgram_is_dns(const uint8_t *header, size_t len)
{
	return len > 2 && header[len - 2] == 0 &&
	       header[len - 1] == DNS_SERVICE_PORT;
}

/*
 * The program sends message to the server of that header. Its length, or -errno: the answer
 * comes to the socket by itself.
 */
ssize_t dgram_ask(struct dgram *dgram, int fd, const struct msghdr *message,
		  const uint8_t *header, size_t header_len);

/*
 * Connects the kernel's socket, for a program that connects it to a name server: to itself,
 * with the local address that it would have. 0 or -errno.
 */
int dgram_connect_self(int fd, const union route_address *address, socklen_t len);

/* What it sends to itself goes to there, if it is not connected. 0 or -errno. */
int dgram_own_address(int fd, struct peer *own);

/* What the socket sent to itself is no answer, and only woke whoever was waiting already. */
bool dgram_is_nudge(const uint8_t *bytes, size_t len);

/*
 * Wakes who waits for fd already, in this process: the association is under way since. And
 * what nobody was woken by is taken away, before that is over.
 */
void dgram_nudge(struct dgram *dgram, int fd);
void dgram_unnudge(struct dgram *dgram);

/* fd woke, and had nothing but such. False: there is more, or was nothing. */
bool dgram_was_nudged(int fd);

/*
 * Before a receive: steps what is asked, and waits for the first answer to this socket's
 * questions, if the call may wait. 0; -EAGAIN: SO_RCVTIMEO is over; -EINTR.
 */
int dgram_await_answer(const struct dgram *dgram, int fd, int flags);

#endif
