/* SPDX-License-Identifier: MIT */
/* resolver.h - the face that the name hooks see: libc's lookups, answered here */
#ifndef SOCKSIFY_RESOLVER_RESOLVER_H
#define SOCKSIFY_RESOLVER_RESOLVER_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "core/config.h"
#include "resolver/lookup.h"

/**
 * struct resolver_libc - libc's own functions, handed in by who interposes them
 *
 * Called only where they ask nothing of the network: with numeric hosts
 * (AI_NUMERICHOST, NI_NUMERICHOST), which leaves hints, services, result lists
 * and error codes to libc, and for names under a direct rule.
 */
struct resolver_libc {
	__typeof__(getaddrinfo) *getaddrinfo;
	__typeof__(getnameinfo) *getnameinfo;
};

/**
 * struct resolver_io - what carries questions
 * @proxy:	to the configured servers, through the proxy
 * @local:	to this machine's own, for what is direct
 */
struct resolver_io {
	const struct lookup_io *proxy;
	const struct lookup_io *local;
};

void resolver_setup(const struct config *config, struct resolver_libc libc,
		    struct resolver_io io);

/* As getaddrinfo(3): EAI_ codes, a list that libc's freeaddrinfo frees. */
int resolver_getaddrinfo(const char *node, const char *service,
			 const struct addrinfo *hints, struct addrinfo **result);

/* As getnameinfo(3). */
int resolver_getnameinfo(const struct sockaddr *sa, socklen_t len, char *host,
			 socklen_t host_size, char *service,
			 socklen_t service_size, int flags);

/*
 * As gethostbyname2_r(3) and gethostbyaddr_r(3): 0 with *result set or NULL,
 * ERANGE when buffer is short; *h_errnop as libc sets it.
 */
int resolver_gethostbyname(const char *name, int family, struct hostent *ret,
			   char *buffer, size_t size, struct hostent **result,
			   int *h_errnop);
int resolver_gethostbyaddr(const void *address, socklen_t len, int family,
			   struct hostent *ret, char *buffer, size_t size,
			   struct hostent **result, int *h_errnop);

/*
 * As sethostent(3) and gethostent_r(3): /etc/hosts line by line, which is all that
 * can be listed. ENOENT at its end; the same line again after ERANGE. As in libc,
 * *h_errnop then stays as it is.
 */
void resolver_sethostent(void);
int resolver_gethostent(struct hostent *ret, char *buffer, size_t size,
			struct hostent **result, int *h_errnop);

/*
 * Whether a lookup of a name that is direct, at this port, gave this address: a
 * rule for a name has to hold for the connection that follows the lookup.
 * Async-signal-safe.
 */
bool resolver_is_direct(const struct endpoint *address);

#endif
