/* SPDX-License-Identifier: MIT */
/* sources.h - whom a UDP socket sent to, and under which address they answer */
#ifndef SOCKSIFY_PRELOAD_SOURCES_H
#define SOCKSIFY_PRELOAD_SOURCES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/endpoint.h"
#include "preload/pending.h"

enum { SOURCES_NAMES = 8, SOURCES_KNOWN = 2, SOURCES_ADDRESSES = 64 };

/* A real address, without a port. */
struct source_host {
	uint8_t kind; /* enum endpoint_kind */
	uint8_t address[16];
};

/**
 * struct source - a name that was sent to
 * @seq:	odd while it is written; 0: unused
 * @given:	the address that stands for it, as the program gave it
 * @known:	under which addresses it has answered; in the order in which they came
 */
struct source {
	uint32_t seq;
	struct peer given;
	struct source_host known[SOURCES_KNOWN];
};

/**
 * struct sources - of one socket
 * @names:	the names
 * @latest:	which of them was sent to last
 * @count:	how many were ever entered
 * @addresses:	of the other addresses, a hash each: so that their answers are not taken for
 *		a name's
 */
struct sources {
	uint32_t latest;
	uint32_t count;
	struct source names[SOURCES_NAMES];
	uint32_t addresses[SOURCES_ADDRESSES];
};

/*
 * Counts the changes after which sources_show may say something else of an address than it
 * did, of all sockets: who remembers an answer asks again when this is another.
 */
extern uint32_t sources_changes;

static inline uint32_t sources_turn(void)
{
	return __atomic_load_n(&sources_changes, __ATOMIC_ACQUIRE);
}

void sources_clear(struct sources *sources);

/* A datagram goes to given, which stands for a name. */
void sources_sent_to_name(struct sources *sources, const struct sockaddr *given,
			  socklen_t len);

/* A datagram goes to that address. */
void sources_sent_to_address(struct sources *sources, const struct endpoint *to);

/*
 * What a socket of that family is shown as the source of a datagram that comes from e. False:
 * there is nothing that could be shown.
 */
bool sources_show(struct sources *sources, int family, const struct endpoint *e,
		  struct peer *shown);

#endif
