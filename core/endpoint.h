/* SPDX-License-Identifier: MIT */
/* endpoint.h - where a connection goes: IPv4, IPv6 or a name, with a port */
#ifndef SOCKSIFY_CORE_ENDPOINT_H
#define SOCKSIFY_CORE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ENDPOINT_NAME_MAX 255 /* octets of an ATYP 3 name, RFC 1928 section 5 */

/* Room for endpoint_format: "[" name or address "]:" port, and a NUL. */
#define ENDPOINT_TEXT_MAX (ENDPOINT_NAME_MAX + 10)

enum endpoint_kind {
	ENDPOINT_NONE,
	ENDPOINT_IPV4,
	ENDPOINT_IPV6,
	ENDPOINT_NAME,
};

/**
 * struct endpoint - an address or a name, and a port
 * @kind:	which member of the union holds
 * @name_len:	length of @name, without its NUL; 0 for addresses
 * @port:	in host byte order
 * @scope_id:	of a link-local IPv6 address, else 0
 * @v4:		network byte order
 * @v6:		network byte order; never a v4-mapped address (those become
 *		ENDPOINT_IPV4 in every function here)
 * @name:	NUL-terminated, as it goes on the wire
 */
struct endpoint {
	enum endpoint_kind kind;
	uint8_t name_len;
	uint16_t port;
	uint32_t scope_id;
	union {
		uint8_t v4[4];
		uint8_t v6[16];
		char name[ENDPOINT_NAME_MAX + 1];
	};
};

/*
 * From an AF_INET or AF_INET6 address of len bytes; a v4-mapped one becomes
 * ENDPOINT_IPV4. -EINVAL if len is too short for the family (an AF_INET6 one
 * may lack its scope, as for the kernel), -EAFNOSUPPORT for other families.
 */
int endpoint_from_sockaddr(struct endpoint *e, const struct sockaddr *sa,
			   socklen_t len);

/*
 * Writes the address in the form that a socket of that family (AF_INET or
 * AF_INET6) takes: an IPv4 endpoint becomes v4-mapped for AF_INET6. Returns
 * the length, or -EAFNOSUPPORT for a name, or IPv6 for an AF_INET socket.
 */
int endpoint_to_sockaddr(const struct endpoint *e, int family,
			 struct sockaddr_storage *sa);

/*
 * From 16 octets in network order; a v4-mapped address becomes ENDPOINT_IPV4,
 * the scope is kept where it means something. Leaves port alone.
 */
void endpoint_set_ipv6(struct endpoint *e, const uint8_t address[16],
		       uint32_t scope_id);

/*
 * A numeric address without brackets or port ("192.0.2.1", "2001:db8::1",
 * v4-mapped becomes IPv4, "fe80::1%2" with a numeric scope). Sets the kind and
 * address, leaves port alone. Only the four-part dotted form counts as IPv4.
 * 0, or -EINVAL if text is no such address.
 */
int endpoint_parse_address(struct endpoint *e, const char *text);

/*
 * A name: 1..255 octets after one trailing dot is removed, no NUL. Leaves port
 * alone. 0, -EINVAL if empty or with a NUL, -ENAMETOOLONG if too long.
 */
int endpoint_set_name(struct endpoint *e, const char *name, size_t len);

/* The same address and scope, or name in whatever case, and the same port. */
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* As above without the port. */
bool endpoint_same_host(const struct endpoint *a, const struct endpoint *b);

/* How far an address reaches. */
enum endpoint_scope {
	ENDPOINT_SCOPE_NOWHERE, /* unspecified, or none */
	ENDPOINT_SCOPE_HOST,	/* loopback */
	ENDPOINT_SCOPE_LINK,	/* link-local */
	ENDPOINT_SCOPE_SITE,	/* private, unique local, behind a carrier's NAT */
	ENDPOINT_SCOPE_GLOBAL,	/* all others, and names */
	ENDPOINT_SCOPE_GROUP,	/* multicast, and the limited broadcast */
};

enum endpoint_scope endpoint_scope(const struct endpoint *e);

/* 127.0.0.0/8 or ::1, or the unspecified address, which means this host. */
bool endpoint_is_loopback(const struct endpoint *e);

/*
 * "192.0.2.1:80", "[2001:db8::1]:80", "[fe80::1%2]:80", "example.com:80",
 * "-:80" for none; always NUL-terminated, cut at size; bytes of a name that
 * are not visible ASCII become '?'. Returns text.
 */
char *endpoint_format(const struct endpoint *e, char *text, size_t size);

#endif
