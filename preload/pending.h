/* SPDX-License-Identifier: MIT */
/* pending.h - connections being negotiated, in memory that forks share */
#ifndef SOCKSIFY_PRELOAD_PENDING_H
#define SOCKSIFY_PRELOAD_PENDING_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/handshake.h"

enum pending_state {
	PENDING_NEW,	/* being filled in */
	PENDING_ACTIVE, /* the proxy is being dialled, or the handshake runs */
	PENDING_DONE,
	PENDING_FAILED,
};

enum { PENDING_WATCHES = 8, PENDING_HOLDERS = 6 };

/**
 * struct watch - one registration of the socket in an epoll of the program
 * @epfd:	the epoll's descriptor; -1: none
 * @epoll:	its mark (fdtable.h): in another process the number may be another epoll's
 * @fd:		the descriptor that is registered
 * @events:	what the program asked for
 * @data:	what the program wants back
 * @own:	it is ours alone: the program has not registered this descriptor
 */
struct watch {
	int32_t epfd;
	uint32_t epoll;
	int32_t fd;
	uint32_t events;
	uint64_t data;
	bool own;
};

/**
 * struct peer - the address that a program connected to, as it gave it
 */
struct peer {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} address;
};

/**
 * struct pending - one negotiation
 * @lock:	tid of who is at it, and whether somebody wants it; 0: nobody. Taken with
 *		signals blocked, never held across a wait
 * @refs:	processes' connections that look at this record
 * @state:	enum pending_state; the rest belongs to who holds @lock
 * @generation:	changes when the record is used anew
 * @holders:	pids of processes that have a connection of it; 0: none
 * @fd:		the descriptor that connect() was called with
 * @cookie:	of the socket, SO_COOKIE
 * @begun_ns:	CLOCK_MONOTONIC
 * @deadline_ns: likewise; when the proxy's time is over
 * @awaits:	the next byte is the proxy's, not ours: read without the lock
 * @dialling:	no byte went to the proxy yet
 * @early:	early-data: it is to be opened once the request is sent
 * @open:	the program has the socket, and the answers are still to come out of it
 * @deaf:	open, and the program has shut its reading end down
 * @bound:	BIND: the first reply is there
 * @taken:	BIND: somebody has accepted the connection
 * @blocking:	the socket was not O_NONBLOCK when connect() was called
 * @kind:	enum endpoint_kind of the proxy's addresses that are tried
 * @address:	index of the proxy's address that is being tried
 * @family:	the socket's domain, AF_INET or AF_INET6
 * @rcvlowat:	what SO_RCVLOWAT has to become again; 0: as it is
 * @cork:	TCP_CORK has to be set again
 * @events:	what our registrations in the program's epolls ask for
 * @silent:	failed, and the kernel holds no error of it
 * @kin:	it is counted in kin_page
 * @peer:	what getpeername() will tell
 * @handshake:	the machine
 * @watches:	the program's registrations, kept while ours stand in for them
 */
struct pending {
	uint32_t lock;
	uint32_t refs;
	uint32_t state;
	uint32_t generation;
	uint32_t holders[PENDING_HOLDERS];
	int32_t fd;
	uint64_t cookie;
	int64_t begun_ns;
	int64_t deadline_ns;
	bool awaits;
	bool dialling;
	bool early;
	bool open;
	bool deaf;
	bool bound;
	bool taken;
	bool blocking;
	uint8_t kind;
	uint8_t address;
	bool cork;
	bool silent;
	uint32_t events;
	int32_t family;
	int32_t rcvlowat;
	bool kin;
	struct peer peer;
	struct handshake handshake;
	struct watch watches[PENDING_WATCHES];
};

/*
 * A record with one reference, PENDING_NEW; NULL when memory is short. Its other
 * fields are to be filled in, then pending_activate lets others at it.
 */
struct pending *pending_new(void);

/* Maps the first records, before the first fork, so that all its children share them. */
void pending_setup(void);
void pending_activate(struct pending *pending);
void pending_ref(struct pending *pending);

/* A reference to what may have none left by now: false then. */
bool pending_hold(struct pending *pending);
void pending_unref(struct pending *pending);

/*
 * A reference that the caller has is from now on a connection's of this process, and is let
 * go of with pending_leave: or by others, when this process has died.
 */
void pending_enter(struct pending *pending);
void pending_leave(struct pending *pending);

/*
 * Takes the lock of the record, and a reference to it. False: it has no references, or
 * somebody (alive) holds the lock for long, and was told that it was wanted. The caller has
 * all signals blocked (signals.h) until pending_unlock, which lets go of both; or of
 * neither, false, once each time that the lock was wanted in vain. For watch_lock and
 * watch_unlock (watch.h), which all others use.
 */
bool pending_lock(struct pending *pending);
bool pending_unlock(struct pending *pending);

/* It is being negotiated, and still is of that generation. */
bool pending_is_active(const struct pending *pending, uint32_t generation);

/* With the lock: no other process has a connection of it. False also when in doubt. */
bool pending_is_own(const struct pending *pending);

/* The child of a fork: its thread has another tid. */
void pending_after_fork(void);

static inline uint32_t pending_state(const struct pending *pending)
{
	return __atomic_load_n(&pending->state, __ATOMIC_ACQUIRE);
}

/* The value that stands in an epoll's data for this record, and back. NULL: data
 * is the program's own. */
uint64_t pending_marker(const struct pending *pending);
struct pending *pending_of_marker(uint64_t data);

/* data has the shape of a marker, whether its record still lives or not. */
bool pending_is_marker(uint64_t data);

/* Calls each for every record in use. */
void pending_each(void (*each)(struct pending *pending, void *arg), void *arg);

#endif
