/* SPDX-License-Identifier: MIT */
/* route.h - where an address leads that a program hands to a socket call */
#ifndef SOCKSIFY_RESOLVER_ROUTE_H
#define SOCKSIFY_RESOLVER_ROUTE_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "core/config.h"

/* A copy of what a program gave, so that what is judged is what is used. */
union route_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage storage;
};

/*
 * The route (enum route) of an AF_INET or AF_INET6 address, and in *to what the
 * proxy would be asked for: a fake address becomes its name. -EINVAL for a short
 * address, -EAFNOSUPPORT for other families, -ECONNREFUSED for a fake address that
 * stands for nothing.
 */
int route_of(const struct config *config, const struct sockaddr *addr,
	     socklen_t len, struct endpoint *to);

/* The same for a datagram. */
int route_of_datagram(const struct config *config, const struct sockaddr *addr,
		      socklen_t len, struct endpoint *to);

/* Says once in the log that something was not sent there, and why not. */
void route_refused(const struct endpoint *to, const char *why);

/* Refuses a connection by ROUTE_BLOCK: logs why, returns connect()'s -errno. */
int route_blocked(const struct config *config, const struct endpoint *to);

#endif
