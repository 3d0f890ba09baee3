/* SPDX-License-Identifier: MIT */
/*
 * carry_dns.h - the name server that carried programs believe to ask
 *
 * Sockets of the supervisor on loopback, UDP and TCP, to which a program's own sockets are
 * connected in place of the server that it names; resolver/stub.c has the answers. What it
 * cannot answer is asked for over the proxy (carry_ask.h), and SERVFAIL where nobody answers
 * there. Only who was connected here is answered, by its port, for loopback is open to every
 * user.
 */
#ifndef SOCKSIFY_LAUNCHER_CARRY_DNS_H
#define SOCKSIFY_LAUNCHER_CARRY_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "launcher/carry_loop.h"

/* 0 or -errno: without IPv6 it is for IPv4 alone. */
int dns_setup(void);

/*
 * Where a socket of a family and type finds the stub: the length of the address, or
 * -EADDRNOTAVAIL.
 */
int dns_address(int family, int type, struct sockaddr_storage *address);

enum { DNS_QUERY_MAX = 4096, DNS_CONTROL_MAX = 64 };

struct dns_stream;

/**
 * struct dns_asker - who is to have the answer, by a stream or a datagram
 * @stream:	or NULL
 * @server:	what the datagram came to, and its answer goes out by; its ready is NULL where
 *		it is no more
 * @address:	where it came from
 * @len:	of @address
 * @control:	what goes with the answer
 * @control_len: of @control
 */
struct dns_asker {
	struct dns_stream *stream;
	const struct source *server;
	struct sockaddr_storage address;
	socklen_t len;
	size_t control_len;
	_Alignas(size_t) uint8_t control[DNS_CONTROL_MAX];
};

/* Answers a question, now or later. False: an answer could not be sent by a stream. */
bool dns_answer(const struct dns_asker *asker, const uint8_t *query, size_t len);

/* Who has this socket may ask here from now on. */
void dns_admit(int fd);

#endif
