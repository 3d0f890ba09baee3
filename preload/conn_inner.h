/* SPDX-License-Identifier: MIT */
/* conn_inner.h - what the files of conn have in common; for conn*.c only */
#ifndef SOCKSIFY_PRELOAD_CONN_INNER_H
#define SOCKSIFY_PRELOAD_CONN_INNER_H

#include <signal.h>

#include "preload/conn.h"

static inline enum conn_phase conn_phase_of(const struct conn *conn)
{
	return __atomic_load_n(&conn->state, __ATOMIC_ACQUIRE) & 0xff;
}

static inline void conn_attention_add(int change)
{
	__atomic_add_fetch(&conn_attention, (uint32_t)change,
			   __ATOMIC_RELAXED);
}

/* --- conn.c --- */

/* What fd stands for, without asking the kernel and without a reference; or NULL. */
static inline const struct conn *conn_peek(int fd)
{
	const struct thing *thing = fdtable_peek(fd);

	return thing != NULL && __atomic_load_n(&thing->kind, __ATOMIC_RELAXED) ==
					&conn_kind ?
		       (const struct conn *)thing :
		       NULL;
}

/* One in CONN_PENDING, with one reference; takes over the caller's to pending. */
struct conn *conn_new(struct pending *pending);

/*
 * A step by fd, if that still shows the record. Signals are blocked, signals is what they
 * were: what is said in the log may wait for whoever reads it, so it is said with these,
 * without the lock, and with a reference.
 */
void conn_step_record(struct pending *pending, uint32_t generation, int fd,
		      const sigset_t *signals);

/* The same for whichever descriptor of this process shows it. */
void conn_step_pending(struct pending *pending);

/* --- conn_open.c --- */

void conn_open_setup(const struct config *config);

/* --- conn_wait.c --- */

/* Something that is pending runs out of time then. */
void conn_note_deadline(int64_t deadline);

/*
 * Waits until the phase is least or later, or fd shows another connection. 0, or as
 * conn_settle.
 */
int conn_wait_known(struct conn *conn, uint32_t generation, int fd,
		    enum conn_phase least, int64_t limit_ns);

/* --- conn_fork.c --- */

/* A connection under way is another process's, too, which may finish it; ever since. */
void conn_note_shared(void);
bool conn_any_shared(void);

#endif
