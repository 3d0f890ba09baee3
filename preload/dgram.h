/* SPDX-License-Identifier: MIT */
/* dgram.h - what a program's UDP socket stands for, once it means a proxied peer */
#ifndef SOCKSIFY_PRELOAD_DGRAM_H
#define SOCKSIFY_PRELOAD_DGRAM_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "core/config.h"
#include "core/fragments.h"
#include "core/pair.h"
#include "core/socks5.h"
#include "preload/assoc.h"
#include "preload/pool.h"
#include "resolver/route.h"
#include "preload/sources.h"

/* Who is told by the kernel what ICMP says (IP_RECVERR); the connected are in any case. */
enum dgram_told {
	DGRAM_UNTOLD,
	DGRAM_TOLD_US,	/* nobody else: the program has not asked for it */
	DGRAM_TOLD_BOTH,
};

/* Whom the program has connected its socket to. */
enum dgram_peer {
	DGRAM_NONE,   /* nobody: the kernel's socket is not connected either */
	DGRAM_VIA,    /* a proxied peer: the kernel's is connected to the relay */
	DGRAM_DNS,    /* a name server: the kernel's is connected to itself (dgram_dns.c) */
	DGRAM_APART,  /* one that is not; the kernel's is connected to nobody (dgram_tie.c) */
	DGRAM_DIRECT, /* likewise, and so is the kernel's */
};

enum { DGRAM_SHORT = 24 }; /* a header of an address, in whole words */

/**
 * struct dgram_brief - the first word of a target
 * @route:	enum route, or what outgoing.route may be
 * @source:	which of the sources it is, and 1; 0: none
 * @len:	of its header
 * @unused:	fills the word
 */
struct dgram_brief {
	uint16_t route;
	uint16_t source;
	uint16_t len;
	uint16_t unused;
};

/**
 * struct dgram_target - a peer in the form in which it is sent to
 * @route:	as in a brief, and so on
 * @header:	of RFC 1928 section 7
 * @peer:	as the program gave it
 */
struct dgram_target {
	uint16_t route;
	uint16_t source;
	uint16_t len;
	uint16_t unused;
	uint8_t header[(SOCKS5_UDP_HEADER_MAX + 7) / 8 * 8];
	struct peer peer;
};

enum {
	DGRAM_ROUTES = 4,
	DGRAM_SENDERS = 4,
	DGRAM_SLOT_HEADER = 64
};

/**
 * struct dgram_known - what is known of an address that was sent to lately, or has sent
 * @turn:	of who has sent: sources_turn of that time
 * @route:	of who was sent to: enum route
 * @len:	of @header; of who has sent 0: unused
 * @source:	which of the sources it is, and 1; 0: none
 * @peer:	as the program gave it, or was shown it
 * @header:	what goes before the data
 */
struct dgram_known {
	uint32_t turn;
	uint8_t route;
	uint8_t len;
	uint16_t source;
	struct peer peer;
	uint8_t header[DGRAM_SLOT_HEADER];
};

/**
 * struct dgram_slot - where that is kept
 * @seq:	odd while it is written; read by words, as a pair is
 * @known:	what is
 */
struct dgram_slot {
	uint32_t seq;
	_Alignas(pair_word) struct dgram_known known;
};

_Static_assert(sizeof(struct dgram_brief) % sizeof(pair_word) == 0 &&
		       sizeof(struct dgram_target) % sizeof(pair_word) == 0 &&
		       sizeof(struct dgram_known) % sizeof(pair_word) == 0 &&
		       sizeof(struct peer) % sizeof(pair_word) == 0 &&
		       offsetof(struct dgram_target, peer) %
				       sizeof(pair_word) ==
			       0,
	       "they are read by words");

/* True: it may be copied by now, and is whole if dgram_slot_is says so afterwards. */
static inline bool dgram_slot_begin(const struct dgram_slot *slot,
				    uint32_t *seq)
{
	*seq = pair_begin(&slot->seq);
	return !(*seq & 1);
}

static inline bool dgram_slot_is(const struct dgram_slot *slot, uint32_t seq)
{
	return pair_is_whole(&slot->seq, seq);
}

/* Unless another is at it. */
static inline void dgram_slot_write(struct dgram_slot *slot,
				    const struct dgram_known *known)
{
	uint32_t seq = __atomic_load_n(&slot->seq, __ATOMIC_RELAXED);

	if (seq & 1 ||
	    !__atomic_compare_exchange_n(&slot->seq, &seq, seq + 1, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	pair_fill(&slot->known, known, sizeof(*known));
	__atomic_store_n(&slot->seq, seq + 2, __ATOMIC_RELEASE);
}

/**
 * struct dgram - a UDP socket that has to do with the proxy
 * @thing:	first, for fdtable
 * @index:	for pool
 * @link:	likewise
 * @lock:	of whoever changes what is not atomic; with signals blocked, never held
 *		over a wait
 * @fd:		a descriptor of the socket, lately
 * @leaves:	it is closed, and stays until its last datagrams have gone (dgram_leave.c)
 * @leave_ns:	until then at the most
 * @handed_on:	another process may have it
 * @parted:	a datagram was sent past the proxy in parts
 * @loose:	the kernel's socket is connected to nobody, and will not be (dgram_tie.c)
 * @tied:	it is connected to the relay: what is sent there names no address
 * @tied_to:	where that has led; a length of 0: nowhere yet
 * @mixed:	not all that comes is the relay's, or nobody's
 * @family:	AF_INET or AF_INET6
 * @cookie:	SO_COOKIE
 * @nudged:	there may be a nudge to be read (dgram_dns.c)
 * @connected:	enum dgram_peer
 * @turn:	changes of @targets, by core/pair.h
 * @targets:	whom the program has connected it to
 * @assoc:	the association
 * @error:	errno (positive) that the kernel tells as ECONNREFUSED (dgram_error.c)
 * @whole:	a datagram put together was only looked at: it is the next one
 * @queue:	first datagrams, until there is a relay; a mapping, or NULL
 * @queued:	bytes in it
 * @queue_last:	where its last datagram is
 * @queue_open:	which what is sent next goes on with
 * @odd:		its next six: nothing of that is so; asked of each datagram
 * @cork:	UDP_CORK, as the program has set it
 * @corked:	the kernel has the beginning of a datagram, and waits for the rest
 * @shared:	another process has it too, with an association of its own
 * @stdio:	libc writes to it where we do not see it: its header is to lie ready
 * @primed:	and may do so
 * @segment:	UDP_SEGMENT, as the program has set it
 * @self_turn:	changes of @selves, likewise
 * @selves:	its own address, once it has handed itself a datagram
 * @lead:	how long the latest header of an incoming datagram was
 * @batch:	memory for sendmmsg and the like; a mapping, or NULL
 * @batch_busy:	somebody has it
 * @dropped:	datagrams that were no answer of anybody's
 * @noisy:	the latest that came was one of those
 * @fragments:	being put together; a mapping that stays, or NULL
 * @routes:	where it sent to lately
 * @senders:	who has sent to it lately
 * @direct:	it has sent something past the proxy
 * @told:	enum dgram_told
 * @sources:	whom it sent to, and who answers
 */
struct dgram {
	struct thing thing;
	uint32_t index;
	uint32_t link;
	uint32_t lock;
	int32_t fd;
	int32_t family;
	uint32_t connected;
	uint64_t cookie;
	uint32_t leaves;
	int64_t leave_ns;
	bool nudged;
	bool handed_on;
	bool parted;
	uint32_t loose;
	uint32_t tied;
	uint32_t mixed;
	struct peer tied_to;
	uint32_t turn;
	_Alignas(pair_word) struct dgram_target targets[2];
	struct assoc assoc;
	int32_t error;
	uint32_t whole;
	uint8_t *queue;
	uint32_t queued;
	uint32_t queue_last;
	bool queue_open;
	union {
		struct {
			bool cork;
			bool corked;
			bool shared;
			bool stdio;
			bool primed;
			uint16_t segment;
		};
		uint64_t odd;
	};
	uint32_t lead;
	void *batch;
	uint32_t batch_busy;
	uint32_t dropped;
	uint32_t noisy;
	uint32_t self_turn;
	_Alignas(pair_word) struct peer selves[2];
	struct fragments *fragments;
	struct dgram_slot routes[DGRAM_ROUTES];
	struct dgram_slot senders[DGRAM_SENDERS];
	bool direct;
	uint32_t told;
	struct sources sources;
};

extern const struct thing_kind dgram_kind;

/* How many this process has. */
extern uint32_t dgram_count;

void dgram_setup(const struct config *config);

/*
 * What fd stands for, if it is one. No reference, and the kernel is not asked: the memory
 * stays one of its kind, and what the number of another file gets fails on it (dgram_stale).
 */
static inline struct dgram *dgram_peek(int fd)
{
	const struct thing *thing;

	if (__builtin_expect(__atomic_load_n(&dgram_count, __ATOMIC_RELAXED) ==
				     0,
			     1))
		return NULL;
	thing = fdtable_peek(fd);
	return thing != NULL && __atomic_load_n(&thing->kind,
						__ATOMIC_RELAXED) == &dgram_kind
		       ? (struct dgram *)thing
		       : NULL;
}

static inline enum dgram_peer dgram_connected(const struct dgram *dgram)
{
	return __atomic_load_n(&dgram->connected, __ATOMIC_ACQUIRE);
}

static inline enum dgram_told dgram_who_is_told(const struct dgram *dgram)
{
	return __atomic_load_n(&dgram->told, __ATOMIC_RELAXED);
}

static inline bool dgram_is_loose(const struct dgram *dgram)
{
	return __atomic_load_n(&dgram->loose, __ATOMIC_ACQUIRE);
}

/* Its peer is one that we stand for. */
static inline bool dgram_is_proxied(const struct dgram *dgram)
{
	enum dgram_peer peer = dgram_connected(dgram);

	return peer == DGRAM_VIA || peer == DGRAM_DNS;
}

/* There is a dgram_target. */
static inline bool dgram_has_target(const struct dgram *dgram)
{
	enum dgram_peer peer = dgram_connected(dgram);

	return peer != DGRAM_NONE && peer != DGRAM_DIRECT;
}

static inline struct dgram_target dgram_target(const struct dgram *dgram)
{
	struct dgram_target target;

	pair_read(&dgram->turn, dgram->targets, &target, sizeof(target));
	return target;
}

/* Whom the program is shown as its peer, if there is a target. */
static inline struct peer dgram_peer(const struct dgram *dgram)
{
	struct peer peer;

	pair_read_part(&dgram->turn, dgram->targets,
		       sizeof(struct dgram_target),
		       offsetof(struct dgram_target, peer), &peer, sizeof(peer));
	return peer;
}

/* How long the header is that goes to it. */
static inline size_t dgram_head(const struct dgram *dgram)
{
	struct dgram_brief brief;

	pair_read_part(&dgram->turn, dgram->targets,
		       sizeof(struct dgram_target), 0, &brief, sizeof(brief));
	return brief.len;
}

/* Where what it has sent to itself comes from; a length of 0: it has not yet. */
static inline struct peer dgram_self(const struct dgram *dgram)
{
	struct peer self;

	pair_read(&dgram->self_turn, dgram->selves, &self, sizeof(self));
	return self;
}

/* fd is a UDP socket of AF_INET or AF_INET6; *family tells which. */
bool dgram_is_udp(int fd, int *family);

/*
 * Where a datagram to that address goes: ROUTE_DIRECT, or ROUTE_VIA with what the proxy is
 * to be told in *to, or -errno, and the log says why.
 */
int dgram_judge(const union route_address *address, socklen_t len,
		struct endpoint *to);

/* The program's connect(), of a UDP socket. 0 or -errno. */
int dgram_connect(int fd, const union route_address *address, socklen_t len);

/* Its connect(AF_UNSPEC). 0 or -errno. */
int dgram_disconnect(struct dgram *dgram, int fd, const struct sockaddr *none,
		     socklen_t len);

/* What fd stands for; made if need be. NULL: no memory. */
struct dgram *dgram_made(int fd, int family);

/*
 * fd has failed in a way that a UDP socket does not: true if it is another file by now, of
 * which nothing is known any more.
 */
bool dgram_stale(struct dgram *dgram, int fd);

/* Some descriptor of the socket, or -1. */
int dgram_shown_by(struct dgram *dgram);

/*
 * Makes sure that there is a relay. 0: there is; 1: it is being asked for and the call may
 * not wait: it is queued; else -errno.
 */
int dgram_need_relay(struct dgram *dgram, int fd, int flags);

/* The association may be lost: if so a later need makes another. */
void dgram_lost(struct dgram *dgram);

/*
 * Nobody is at the relay, says its host: the association is at its end, but for one that is
 * so young that an earlier one may be meant.
 */
void dgram_refused(struct dgram *dgram);

/*
 * Waits until fd has something to be read, stepping the association meanwhile. 0; -EINTR;
 * -EAGAIN: SO_RCVTIMEO is over. Returns at once when nothing is pending.
 */
int dgram_wait_readable(struct dgram *dgram, int fd);

/* The program has set an option of UDP. */
void dgram_option_set(struct dgram *dgram, int fd, int name);

/* The option that says who is told; and the program has set it. */
static inline bool dgram_is_told_option(int level, int name)
{
	return (level == IPPROTO_IP && name == IP_RECVERR) ||
	       (level == IPPROTO_IPV6 && name == IPV6_RECVERR);
}

void dgram_told_set(struct dgram *dgram);

/* What the kernel says of an int option becomes what the program is to see. */
void dgram_option(struct dgram *dgram, int fd, int level, int name, int *value);

/*
 * fd has become a descriptor that stdio may write to, by itself: the header of the next
 * datagram is laid ready in the kernel, so that what is written without us is behind it.
 */
void dgram_prime(int fd);

/* That is taken back, before a datagram of ours is sent. */
void dgram_unprime(struct dgram *dgram, int fd);

/* One datagram was dropped: why, for the log, which tells it once. */
void dgram_dropped(struct dgram *dgram, const char *why);

/* A control connection gives up its number, which the program wants. */
void dgram_move_control(int fd);

/* Before a fork; and in the child of a fork: what is queued is its parent's to send. */
void dgram_before_fork(void);
void dgram_forked_child(void);

/*
 * The one at index, of all that there ever were: NULL in *dgram where it is not in use. False:
 * there never were that many.
 */
bool dgram_at(uint32_t index, const struct dgram **dgram);

/**
 * struct dgram_heir - what a socket stands for that another program has handed on
 * @cookie:	which socket it is
 * @control:	the control connection; -1: who has handed on the socket keeps it
 * @relay:	a length of 0: there is no association
 * @peer:	whom it is connected to, through the proxy; a length of 0: nobody
 */
struct dgram_heir {
	uint64_t cookie;
	struct private_fd control;
	struct peer relay;
	struct peer peer;
};

/* fd is such a socket. */
void dgram_inherit(int fd, const struct dgram_heir *heir);

/*
 * fd goes to another process, or came from one, by a message: each makes an association of
 * its own, to which the connected socket turns when that one sends.
 */
void dgram_shares(int fd);

/* --- dgram_leave.c: what is closed, but not gone ---------------------------------------- */

extern uint32_t dgram_leaving;

static inline bool dgram_any_leaving(void)
{
	return __builtin_expect(__atomic_load_n(&dgram_leaving,
						__ATOMIC_RELAXED) != 0,
				0);
}

/* Goes on with what leaves, and ends what is over. */
void dgram_leave_look(void);

/* And adds to fds what has to be waited for; how many. */
size_t dgram_leave_attend(struct pollfd *fds, size_t max);

/* The process ends: what was sent, or is queued, gets its time. */
void dgram_leave(void);

/* It becomes another program: likewise, for what is closed already. */
void dgram_leave_exec(void);

/* In the child of a fork: it is its parent's. */
void dgram_leave_child(void);

/* Before another program is started: what is pending is finished. */
void dgram_finish(int fd);

/* Another process will have it, too. */
static inline void dgram_hand_on(struct dgram *dgram)
{
	__atomic_store_n(&dgram->handed_on, true, __ATOMIC_RELAXED);
}

#endif
