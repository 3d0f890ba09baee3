/* SPDX-License-Identifier: MIT */
/* fakemap.h - names and their fake addresses, shared by a tree of processes */
#ifndef SOCKSIFY_RESOLVER_FAKEMAP_H
#define SOCKSIFY_RESOLVER_FAKEMAP_H

#include <stdbool.h>

#include "core/config.h"
#include "core/endpoint.h"

/*
 * Says where the map is and which ranges it fills; opens nothing, unless the
 * process may change its identity or root (then the file is mapped at once: it
 * may be out of reach later). config must outlive all use.
 */
void fakemap_setup(const struct config *config);

/* Maps the file now, if that can be: it is about to be out of reach. */
void fakemap_open(void);

/*
 * The fake address of a name (ENDPOINT_NAME, any case; the first spelling is
 * kept), made if it has none yet: out gets kind ENDPOINT_IPV4 or ENDPOINT_IPV6
 * as family (AF_INET, AF_INET6) asks, port 0. 0, or -errno: -ENOSPC when the
 * map is full, else why it cannot be opened; the log says so once. Not for
 * signal handlers.
 */
int fakemap_address(const struct endpoint *name, int family,
		    struct endpoint *out);

/*
 * What an address stands for. 1: name is filled (kind, name; port copied from
 * address). 0: the address is not in the fake ranges. -ECONNREFUSED: it is, but
 * stands for nothing (stale, or of another tree). No lock, no heap;
 * async-signal-safe once the map is open (the first call opens it by system
 * calls alone).
 */
int fakemap_name(const struct endpoint *address, struct endpoint *name);

#endif
