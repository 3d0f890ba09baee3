/* SPDX-License-Identifier: MIT */
/*
 * carry_peers.h - whom the program of a carried socket has connected it to
 *
 * The kernel knows the proxy, or the stub. Sockets are told apart by SO_COOKIE, which no
 * two have as long as the machine runs; so nothing has to be forgotten, and the latest
 * 16,384 are known.
 */
#ifndef SOCKSIFY_LAUNCHER_CARRY_PEERS_H
#define SOCKSIFY_LAUNCHER_CARRY_PEERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/**
 * struct peer - an address of a socket
 * @len:	of @address
 * @untold:	the call that asked for the connection was interrupted, and will be
 *		made again
 * @address:	AF_INET or AF_INET6
 */
struct peer {
	socklen_t len;
	bool untold;
	struct sockaddr_storage address;
};

/* What tells a socket from all others, or 0. */
uint64_t peers_cookie(int fd);

/* Puts the latest in an older one's place. */
void peers_set(uint64_t cookie, const struct peer *peer);

/* NULL: it is the kernel's own. */
struct peer *peers_find(uint64_t cookie);

void peers_forget(uint64_t cookie);

#endif
