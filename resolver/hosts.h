/* SPDX-License-Identifier: MIT */
/* hosts.h - what this machine knows by itself: /etc/hosts and its own name */
#ifndef SOCKSIFY_RESOLVER_HOSTS_H
#define SOCKSIFY_RESOLVER_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/endpoint.h"

enum {
	HOSTS_ADDRESSES_MAX = 24,
	HOSTS_ALIASES_SIZE = 512,
};

/**
 * struct hosts_address - an address
 * @family:	AF_INET or AF_INET6
 * @bytes:	4 or 16 of them, network order
 */
struct hosts_address {
	int family;
	uint8_t bytes[16];
};

/**
 * struct hosts_answer - what is known of a name or an address
 * @name:	the first name on the (first) line
 * @count:	addresses
 * @addresses:	in the order of the file, each once
 * @aliases_len: bytes used of @aliases
 * @aliases:	the other names, each with its NUL; those that fit
 */
struct hosts_answer {
	char name[ENDPOINT_NAME_MAX + 1];
	size_t count;
	struct hosts_address addresses[HOSTS_ADDRESSES_MAX];
	size_t aliases_len;
	char aliases[HOSTS_ALIASES_SIZE];
};

/* Another file than /etc/hosts. The string must outlive all use. */
void hosts_setup(const char *file);

/*
 * The file's lines for a name (without a dot at its end, in any case), in both
 * families; for localhost, all below it and the machine's own name, if there is
 * no line: the loopback addresses, IPv6 first. False if the name is none of
 * them. The file is read at the first call, and again when it has changed,
 * which is looked for once a second. Any thread, no lock.
 */
bool hosts_by_name(const char *name, struct hosts_answer *answer);

/*
 * The same by the lines of one family alone: their names are the canonical one and
 * the aliases that libc's lookups in that family give.
 */
bool hosts_by_name_in(const char *name, int family,
		      struct hosts_answer *answer);

/* The file's first line with the address; localhost, if there is none for a
 * loopback address. */
bool hosts_by_address(const struct hosts_address *address,
		      struct hosts_answer *answer);

/*
 * The next line of the file that has an address and a name: the first at or
 * behind *offset, 0 being the beginning; that is then moved behind it. False at
 * the end.
 */
bool hosts_next(size_t *offset, struct hosts_answer *answer);

/* An answer without anything. */
void hosts_begin(struct hosts_answer *answer);

/* An endpoint in that form. False if it is no address. */
bool hosts_set_address(struct hosts_address *out, const struct endpoint *e);

/* Adds an address unless it is there already, or there is no room. */
void hosts_add_address(struct hosts_answer *answer,
		       const struct hosts_address *address);

#endif
