/* SPDX-License-Identifier: MIT */
/*
 * carry_dns.h - the name server that carried programs believe to ask
 *
 * Sockets of the supervisor on loopback, UDP and TCP, to which a program's own sockets are
 * connected in place of the server that it names; resolver/stub.c has the answers. What it
 * cannot answer is SERVFAIL. Only who was connected here is answered, by its port, for
 * loopback is open to every user.
 */
#ifndef SOCKSIFY_LAUNCHER_CARRY_DNS_H
#define SOCKSIFY_LAUNCHER_CARRY_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* 0 or -errno: without IPv6 it is for IPv4 alone. */
int dns_setup(void);

/*
 * Where a socket of a family and type finds the stub: the length of the address, or
 * -EADDRNOTAVAIL.
 */
int dns_address(int family, int type, struct sockaddr_storage *address);

enum { DNS_QUERY_MAX = 4096, DNS_REPLY_MAX = 16384 };

/* The answer to a question: its length, or 0 where there is none. */
size_t dns_reply(const uint8_t *query, size_t len, bool stream, uint8_t *reply,
		 size_t size);

/* Who has this socket may ask here from now on. */
void dns_admit(int fd);

#endif
