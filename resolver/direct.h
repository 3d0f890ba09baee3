/* SPDX-License-Identifier: MIT */
/* direct.h - the real addresses of names that a rule makes direct */
#ifndef SOCKSIFY_RESOLVER_DIRECT_H
#define SOCKSIFY_RESOLVER_DIRECT_H

#include <stdbool.h>

#include "core/endpoint.h"
#include "core/rules.h"

/* A name was found at an address: a connection there is one to the name. */
void direct_learn(const struct endpoint *address, const char *name);

/*
 * Whether the rules make a name direct that was found at this address, at its
 * port. Async-signal-safe, no lock. Known to this process and its forks only.
 */
bool direct_has(const struct rules *rules, const struct endpoint *address);

#endif
