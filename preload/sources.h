/* SPDX-License-Identifier: MIT */
/* sources.h - whom a UDP socket sent to, and under which address they answer */
#ifndef SOCKSIFY_PRELOAD_SOURCES_H
#define SOCKSIFY_PRELOAD_SOURCES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/endpoint.h"
#include "preload/pending.h"

enum {
	SOURCES_FEW = 4, /* names for which there is room without a mapping */
	SOURCES_FEW_HOSTS = 8,
	SOURCES_NAMES = 1024,
	SOURCES_HOSTS = 4096,
	SOURCES_HOSTS_OF_NAME = 8,
	SOURCES_LEARNT = 2, /* of which so many by what came */
	SOURCES_AT_ONCE = 16, /* names whose addresses are asked for */
	SOURCES_ADDRESSES = 64,
};

/* How long the addresses of a name are waited for, and when they are asked for again. */
#define SOURCES_PATIENCE_NS INT64_C(5000000000)
#define SOURCES_AGAIN_NS INT64_C(60000000000)

enum source_state {
	SOURCE_OPEN,  /* not decided: nothing has gone there */
	SOURCE_NAMED, /* goes to the proxy by its name */
	SOURCE_FIXED, /* goes there by an address */
};

enum source_asking {
	ASKING_NOT,
	ASKING_SOON, /* when others have been told */
	ASKING_NOW,
};

/**
 * struct source - a name and port that was sent to
 * @given:	the address that stands for it, as the program gave it
 * @name_hash:	of the name
 * @first:	index of the host that has answered first, else of its first
 * @port:	in host byte order
 * @state:	enum source_state
 * @unanswered:	the turn at which it was sent to, if there is no answer since; else 0
 * @asking:	enum source_asking, for its addresses
 * @failed:	nobody told them
 * @answered:	something has come from there
 * @n_hosts:	how many are known
 * @n_learnt:	of these, by what came
 * @asked_ns:	when they were asked for (CLOCK_MONOTONIC); 0: never
 */
struct source {
	struct peer given;
	uint32_t name_hash;
	uint32_t unanswered;
	uint16_t first;
	uint16_t port;
	uint8_t state;
	uint8_t asking;
	uint8_t failed;
	uint8_t answered;
	uint8_t n_hosts;
	uint8_t n_learnt;
	int64_t asked_ns;
};

/**
 * struct source_host - a real address of a name
 * @hash:	of the address
 * @name:	index of the name
 * @kind:	enum endpoint_kind
 * @address:	4 or 16 bytes
 */
struct source_host {
	uint32_t hash;
	uint16_t name;
	uint8_t kind;
	uint8_t address[16];
};

struct source_table {
	struct source names[SOURCES_NAMES];
	struct source_host hosts[SOURCES_HOSTS];
};

/**
 * struct sources - of one socket
 * @lock:	of whoever changes it
 * @n_names:	how many names there are
 * @n_hosts:	how many addresses of theirs are known
 * @turns:	counts what is sent to names that owe no answer
 * @tells_names: this relay says in an answer which name it comes from
 * @forgot:	there were more other addresses than are remembered
 * @more:	where names and hosts are, if not in @few and @few_hosts
 * @room:	for that; a mapping that stays, or NULL
 * @addresses:	of the other addresses that were sent to a hash each
 */
struct sources {
	uint32_t lock;
	uint32_t n_names;
	uint32_t n_hosts;
	uint32_t turns;
	bool tells_names;
	bool forgot;
	struct source_table *more;
	struct source_table *room;
	struct source few[SOURCES_FEW];
	struct source_host few_hosts[SOURCES_FEW_HOSTS];
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

/* In the child of a fork: what is asked is its parent's. */
void sources_forked_child(struct sources *sources);

/* --- sent --------------------------------------------------------------------------- */

/*
 * The index of a name that stands behind given; -ENOBUFS: there were too many. Nothing is
 * sent yet.
 */
int sources_enter(struct sources *sources, const struct sockaddr *given,
		  socklen_t len, const struct endpoint *name);

/* A datagram goes to that name. */
void sources_sent_to_name(struct sources *sources, int name);

/* A datagram goes to that address. */
void sources_sent_to_address(struct sources *sources, const struct endpoint *to);

/* How a name is to be sent to. */
enum source_way {
	SOURCE_BY_NAME,
	SOURCE_BY_ADDRESS, /* that of sources_address */
	SOURCE_TO_ASK,	   /* its addresses, and those of its rivals, are to be asked for */
	SOURCE_WAITS,	   /* they are */
	SOURCE_REFUSED,	   /* its answers could not be told from another's */
};

/*
 * Decides it. With may_ask false, asking is of no use. *pinned becomes true if a name that was
 * sent to as such no longer is.
 */
enum source_way sources_decide(struct sources *sources, int name, int64_t now_ns,
			       bool may_ask, bool *pinned);

/* The same, of what is decided; SOURCE_REFUSED, too, while nothing is. */
enum source_way sources_way(const struct sources *sources, int name);

/*
 * Its addresses are wanted, and those of other names of that port which have not answered and
 * were not asked for.
 */
void sources_want(struct sources *sources, int name, int64_t now_ns);

/* The next one that is to be asked for now; -1: there is none. */
int sources_ask_next(struct sources *sources);

/* The address that stands for it, as the program gave it. */
const struct peer *sources_given(const struct sources *sources, int name);

/* It has that address. And asking is over: nobody tells more. */
void sources_told(struct sources *sources, int name, const struct endpoint *host);
void sources_asked(struct sources *sources, int name);

/* Where a name goes that goes by address. */
void sources_address(const struct sources *sources, int name,
		     struct endpoint *address);

/* --- received ----------------------------------------------------------------------- */

/*
 * What a socket of that family is shown as the source of a datagram that comes from e. False:
 * there is nothing that could be shown.
 */
bool sources_show(struct sources *sources, int family, const struct endpoint *e,
		  struct peer *shown);

/*
 * The same may be said of the next one that comes from there, as long as sources_turn does not
 * change: not so where names share a host, and take turns. *name is which name it is, or -1.
 */
bool sources_may_remember(struct sources *sources, const struct endpoint *e,
			  int *name);

/* One has come from that name, and was not asked for. */
void sources_answered(struct sources *sources, int name);

/* A datagram from e is one that a socket which is connected to that name expects. */
bool sources_is_answer(struct sources *sources, int name, const struct endpoint *e);

#endif
