/* SPDX-License-Identifier: MIT */
/* direct.h - the real addresses of names that a rule makes direct */
#ifndef SOCKSIFY_RESOLVER_DIRECT_H
#define SOCKSIFY_RESOLVER_DIRECT_H

#include <stdbool.h>

#include "core/endpoint.h"
#include "core/rules.h"
#include "resolver/hosts.h"

/* A name was found at an address: a connection there is one to the name. */
void direct_learn(const struct endpoint *address, const char *name);

/* The same for all addresses of an answer. */
void direct_learn_all(const struct hosts_answer *answer, const char *name);

/*
 * Adds what was learnt of a name to an answer. False if nothing was. Only what
 * lookups by libc have found: nobody is asked.
 */
bool direct_by_name(const char *name, struct hosts_answer *answer);

/*
 * Whether the rules make a name direct that was found at this address, at its
 * port. Async-signal-safe, no lock. Known to this process and its forks only.
 */
bool direct_has(const struct rules *rules, const struct endpoint *address);

#endif
