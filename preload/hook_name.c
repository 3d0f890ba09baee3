/* SPDX-License-Identifier: MIT */
/* hook_name.c - names and addresses: getaddrinfo and its elders */
#include <errno.h>
#include <netdb.h>

#include "preload/hooks.h"
#include "resolver/resolver.h"

enum {
	STATIC_SIZE = 4096
}; /* more than the resolver ever fills */

/*
 * What the forms without a buffer of the caller's return: as in libc, the next
 * call of the same function overwrites it.
 */
struct kept {
	struct hostent host;
	char buffer[STATIC_SIZE] __attribute__((aligned(sizeof(char *))));
};

EXPORT int getaddrinfo(const char *node, const char *service,
		       const struct addrinfo *hints, struct addrinfo **result)
{
	int before = errno, rc;

	hooks_ready();
	rc = resolver_getaddrinfo(node, service, hints, result);
	if (rc != EAI_SYSTEM)
		errno = before;
	return rc;
}

EXPORT int getnameinfo(const struct sockaddr *sa, socklen_t len, char *host,
		       socklen_t host_size, char *service,
		       socklen_t service_size, int flags)
{
	int before = errno, rc;

	hooks_ready();
	rc = resolver_getnameinfo(sa, len, host, host_size, service,
				  service_size, flags);
	if (rc != EAI_SYSTEM)
		errno = before;
	return rc;
}

EXPORT int gethostbyname2_r(const char *name, int family, struct hostent *ret,
			    char *buffer, size_t size, struct hostent **result,
			    int *h_errnop)
{
	int before = errno, rc;

	hooks_ready();
	rc = resolver_gethostbyname(name, family, ret, buffer, size, result,
				    h_errnop);
	errno = rc != 0 ? rc : before;
	return rc;
}

EXPORT int gethostbyname_r(const char *name, struct hostent *ret, char *buffer,
			   size_t size, struct hostent **result, int *h_errnop)
{
	return gethostbyname2_r(name, AF_INET, ret, buffer, size, result,
				h_errnop);
}

EXPORT int gethostbyaddr_r(const void *address, socklen_t len, int family,
			   struct hostent *ret, char *buffer, size_t size,
			   struct hostent **result, int *h_errnop)
{
	int before = errno, rc;

	hooks_ready();
	rc = resolver_gethostbyaddr(address, len, family, ret, buffer, size,
				    result, h_errnop);
	errno = rc != 0 ? rc : before;
	return rc;
}

/* What the forms without _r return; h_errno only says why there is nothing. */
static struct hostent *host_or_h_errno(struct hostent *result, int error)
{
	if (!result)
		h_errno = error;
	return result;
}

EXPORT struct hostent *gethostbyname(const char *name)
{
	static struct kept kept;
	struct hostent *result;
	int error = NETDB_INTERNAL;

	gethostbyname_r(name, &kept.host, kept.buffer, sizeof(kept.buffer),
			&result, &error);
	return host_or_h_errno(result, error);
}

EXPORT struct hostent *gethostbyname2(const char *name, int family)
{
	static struct kept kept;
	struct hostent *result;
	int error = NETDB_INTERNAL;

	gethostbyname2_r(name, family, &kept.host, kept.buffer,
			 sizeof(kept.buffer), &result, &error);
	return host_or_h_errno(result, error);
}

EXPORT struct hostent *gethostbyaddr(const void *address, socklen_t len,
				     int family)
{
	static struct kept kept;
	struct hostent *result;
	int error = NETDB_INTERNAL;

	gethostbyaddr_r(address, len, family, &kept.host, kept.buffer,
			sizeof(kept.buffer), &result, &error);
	return host_or_h_errno(result, error);
}

EXPORT void sethostent(int stay_open)
{
	(void)stay_open; /* nothing is open */
	hooks_ready();
	resolver_sethostent();
}

EXPORT void endhostent(void)
{
	sethostent(0);
}

EXPORT int gethostent_r(struct hostent *ret, char *buffer, size_t size,
			struct hostent **result, int *h_errnop)
{
	int before = errno, rc;

	hooks_ready();
	rc = resolver_gethostent(ret, buffer, size, result, h_errnop);
	errno = rc == ERANGE ? rc : before;
	return rc;
}

EXPORT struct hostent *gethostent(void)
{
	static struct kept kept;
	struct hostent *result;
	int error = HOST_NOT_FOUND;

	gethostent_r(&kept.host, kept.buffer, sizeof(kept.buffer), &result,
		     &error);
	return host_or_h_errno(result, error);
}
