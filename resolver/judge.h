/* SPDX-License-Identifier: MIT */
/*
 * judge.h - whose answer a name gets, whichever way a program asks
 *
 * libc's lookups (resolver.c) and a program's own DNS messages (stub.c) are
 * answered by the same judgement.
 */
#ifndef SOCKSIFY_RESOLVER_JUDGE_H
#define SOCKSIFY_RESOLVER_JUDGE_H

#include <stdbool.h>

#include "core/config.h"
#include "core/endpoint.h"
#include "resolver/hosts.h"

enum verdict {
	VERDICT_LOCAL,	 /* this machine knows the addresses */
	VERDICT_FAKE,	 /* the proxy will */
	VERDICT_DIRECT,	 /* libc may ask, by a rule */
	VERDICT_BLOCKED, /* by a rule, or as all are: the configuration is broken */
	VERDICT_LINK, /* only this machine or its link could tell: not asked */
	VERDICT_NO_HOST, /* no host can have that name */
};

/* config must outlive all use. */
void judge_setup(const struct config *config);

/* A name, as it goes on the wire, no dot at its end. Fills local if it is that. */
enum verdict judge_name(const char *name, struct hosts_answer *local);

/*
 * The addresses that libc has found before of a name under VERDICT_DIRECT: for
 * who cannot ask libc. None (and a line in the log says so) if it was not asked.
 */
void judge_direct(const char *name, struct hosts_answer *found);

/* Whether names under VERDICT_FAKE get their real addresses, over the proxy. */
bool judge_asks(void);

/* The family of which a fake is given where any will do. */
int judge_family(void);

/* The fake address of a name in a family, or AF_UNSPEC. 0 or -errno. */
int judge_fake(const struct endpoint *name, int family,
	       struct hosts_address *out);

/*
 * Who may be asked for the name of an address that is not known here: the far side
 * (VERDICT_FAKE), this machine's own servers (VERDICT_DIRECT), or nobody.
 */
enum verdict judge_reverse(const struct endpoint *address);

/*
 * What is known of an address without asking anybody: 1 and its names. 0:
 * nothing. -ECONNREFUSED: nothing, and nobody is to be asked over the proxy: it
 * is a stale fake, or of this machine or its link, or a rule keeps it here.
 */
int judge_address(const struct endpoint *e, struct hosts_answer *answer);

#endif
