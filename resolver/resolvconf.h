/* SPDX-License-Identifier: MIT */
/* resolvconf.h - the name servers that this machine's resolv.conf names */
#ifndef SOCKSIFY_RESOLVER_RESOLVCONF_H
#define SOCKSIFY_RESOLVER_RESOLVCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/endpoint.h"

enum { RESOLVCONF_SERVERS_MAX = 3 }; /* libc's MAXNS: it asks no others */

/* Another file than /etc/resolv.conf. The string must outlive all use. */
void resolvconf_setup(const char *file);

/*
 * The servers that the file names, each with port 53, in its order; where it names none,
 * or is not there, that of this machine, as for libc. How many. The file is read each
 * time: who asks is about to wait for a network. No heap, any thread.
 */
size_t resolvconf_servers(struct endpoint servers[RESOLVCONF_SERVERS_MAX]);

/* An address that is the same host from everywhere: no private, local or reserved one. */
bool resolvconf_is_global(const struct endpoint *e);

#endif
