/* SPDX-License-Identifier: MIT */
/* nameserver.h - which servers a program's own DNS client asks, and gets no answer from */
#ifndef SOCKSIFY_RESOLVER_NAMESERVER_H
#define SOCKSIFY_RESOLVER_NAMESERVER_H

#include <stdbool.h>

#include "core/config.h"

enum { DNS_SERVICE_PORT = 53 };

/*
 * The stub answers in its place: port 53 of a server that resolv.conf names, or of this
 * machine, unless a rule blocks it or names its port. Asked whenever a socket is about to be
 * used so: the file may have changed.
 */
bool nameserver_is_stub(const struct config *config, const struct endpoint *e);

#endif
