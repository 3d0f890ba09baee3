/* SPDX-License-Identifier: MIT */
/* assoc.h - one UDP association: its control connection and its relay */
#ifndef SOCKSIFY_PRELOAD_ASSOC_H
#define SOCKSIFY_PRELOAD_ASSOC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "preload/clock.h"
#include "preload/conn.h"
#include "preload/private_fd.h"

enum assoc_phase {
	ASSOC_NONE,    /* not asked for, failed, or lost */
	ASSOC_PENDING, /* being negotiated */
	ASSOC_READY,   /* the relay is known */
};

/**
 * struct assoc - a UDP association of one socket
 * @phase:	enum assoc_phase; changed by who holds the owner's lock
 * @turn:	which of @relays counts: the other one may still be read
 * @made_ns:	when it was made
 * @looked_ns:	when the control connection was last looked at
 * @used_ns:	when it was last asked for, to send something
 * @unanswered:	nothing has come since
 * @silent_ns:	when the first was sent of what has no answer
 * @here:	the relay is on this machine
 * @begun_ns:	when the association was asked for
 * @grace_ns:	how long what was sent may wait at the relay
 * @control:	the control connection
 * @relays:	where datagrams go, as the program's socket takes it
 */
struct assoc {
	uint32_t phase;
	uint32_t turn;
	int64_t made_ns;
	int64_t looked_ns;
	int64_t used_ns;
	uint32_t unanswered;
	int64_t silent_ns;
	bool here;
	int64_t begun_ns;
	int64_t grace_ns;
	struct private_fd control;
	struct peer relays[2];
};

void assoc_setup(const struct config *config);

static inline enum assoc_phase assoc_phase(const struct assoc *assoc)
{
	return __atomic_load_n(&assoc->phase, __ATOMIC_ACQUIRE);
}

static inline const struct peer *assoc_relay(const struct assoc *assoc)
{
	return &assoc->relays[__atomic_load_n(&assoc->turn, __ATOMIC_ACQUIRE)];
}

/* The proxy has said lately that it does no UDP. */
bool assoc_is_refused(void);

/*
 * Where fd, a socket of that family, is to be connected as long as there is no relay: the
 * proxy itself. 0, or -ENETUNREACH: no address of the proxy is within its reach.
 */
int assoc_proxy(int fd, int family, struct peer *proxy);

/*
 * Begins an association for fd, a socket of that family. 0: ASSOC_PENDING, and over is called
 * with owner, which calls assoc_settle; else -errno.
 */
int assoc_begin(struct assoc *assoc, int fd, int family, conn_over *over,
		void *owner);

/* The control connection of assoc is over: ASSOC_READY follows, or ASSOC_NONE. */
void assoc_settle(struct assoc *assoc, struct conn *conn, int family);

/* Another program has made it, and handed it on. */
void assoc_inherit(struct assoc *assoc, const struct private_fd *control,
		   const struct peer *relay);

/* What comes from there is its answer, though the association is none of ours. */
void assoc_know_relay(struct assoc *assoc, const struct peer *relay);

/* Goes on with what is pending, as far as it goes without waiting. */
void assoc_step(struct assoc *assoc);

/* Something is sent by it. */
static inline void assoc_used(struct assoc *assoc, int64_t now_ns)
{
	__atomic_store_n(&assoc->used_ns, now_ns, __ATOMIC_RELAXED);
	if (__atomic_load_n(&assoc->unanswered, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&assoc->silent_ns, now_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&assoc->unanswered, true, __ATOMIC_RELAXED);
}

/*
 * Something is about to be sent. True: the control connection has been looked at not longer
 * than ASSOC_LOOK_NS ago, which is enough.
 */
#define ASSOC_LOOK_NS 100000000
static inline bool assoc_use(struct assoc *assoc)
{
	int64_t time = clock_about_ns();

	assoc_used(assoc, time);
	return time - __atomic_load_n(&assoc->looked_ns, __ATOMIC_RELAXED) <
	       ASSOC_LOOK_NS;
}

/* The control connection still stands; asked of the kernel now, or else as for assoc_use. */
bool assoc_is_alive(struct assoc *assoc, bool now);

/* Something has come by its relay. */
static inline void assoc_answered(struct assoc *assoc)
{
	if (__atomic_load_n(&assoc->unanswered, __ATOMIC_RELAXED))
		__atomic_store_n(&assoc->unanswered, false, __ATOMIC_RELAXED);
}

/* There was time for an answer to what was sent, and none has come. */
#define ASSOC_SILENT_NS 1000000000
static inline bool assoc_is_silent(const struct assoc *assoc)
{
	return __atomic_load_n(&assoc->unanswered, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&assoc->used_ns, __ATOMIC_RELAXED) -
			       __atomic_load_n(&assoc->silent_ns,
					       __ATOMIC_RELAXED) >
		       ASSOC_SILENT_NS;
}

/*
 * Before it is ended: what was sent just now and may still wait at the relay gets the time to
 * go on. Some proxies drop it when they see the end. How much of that is left; and waits.
 */
int64_t assoc_grace_left(const struct assoc *assoc);
void assoc_grace(const struct assoc *assoc);

/* ASSOC_NONE; the control connection is closed. */
void assoc_end(struct assoc *assoc);

#endif
