/* SPDX-License-Identifier: MIT */
/*
 * carry_dgram.h - UDP of carried programs: to this machine, by direct rules, to the stub
 *
 * What is to go through the proxy is refused. What may go is sent by the supervisor, on a
 * duplicate of the program's socket, of a copy of the data: the program could change an
 * address between the judgement and the kernel's look at it.
 */
#ifndef SOCKSIFY_LAUNCHER_CARRY_DGRAM_H
#define SOCKSIFY_LAUNCHER_CARRY_DGRAM_H

#include <linux/seccomp.h>
#include <sys/socket.h>

#include "core/config.h"
#include "launcher/carry_peers.h"
#include "launcher/carry_target.h"

/* config must outlive all use. */
void datagram_setup(const struct config *config);

/**
 * struct sender - who sends by a UDP socket, or connects it
 * @target:	the thread
 * @number:	of the socket, there
 * @fd:		a duplicate of it, or @fresh
 * @family:	its SO_DOMAIN
 * @fresh:	what was put in its place by the call, or -1; the caller closes it
 */
struct sender {
	const struct target *target;
	int number;
	int fd;
	int family;
	int fresh;
};

/* connect(2). 0 or -errno. */
int datagram_connect(struct sender *s, const struct peer *to);

/* sendto(2), sendmsg(2) and sendmmsg(2): their results, or -errno. */
long datagram_sendto(struct sender *s, const __u64 args[6]);
long datagram_sendmsg(struct sender *s, const __u64 args[6]);
long datagram_sendmmsg(struct sender *s, const __u64 args[6]);

#endif
