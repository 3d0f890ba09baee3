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

/* connect(2) of a UDP socket of that family. 0 or -errno. */
int datagram_connect(int fd, int family, const struct peer *to);

/* sendto(2), sendmsg(2) and sendmmsg(2) by a UDP socket: their results, or -errno. */
long datagram_sendto(const struct target *t, int fd, int family, const __u64 args[6]);
long datagram_sendmsg(const struct target *t, int fd, int family, const __u64 args[6]);
long datagram_sendmmsg(const struct target *t, int fd, int family, const __u64 args[6]);

#endif
