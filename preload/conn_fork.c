/* SPDX-License-Identifier: MIT */
/*
 * conn_fork.c - connections under way, on both sides of a fork
 *
 * The records are shared (pending.c), and each process's conn counts as one reference:
 * the child's are counted before it exists. Either side may then finish the work.
 */
#include "core/sys.h"
#include "preload/conn_inner.h"
#include "preload/conn_pool.h"
#include "preload/signals.h"

/* Something that is, or was, pending is another process's, too, which may finish it. */
static bool shared;
static pid_t forker; /* who did so last */

static uint32_t fork_lock;     /* one fork at a time; held with signals blocked */
static sigset_t fork_signals;  /* what they were; belongs to who holds it */
static uint32_t fork_counted;  /* likewise: how many conns were counted; 0: none pending */

/* A reference for the child; only to what conn has indeed. */
static struct pending *count_for_child(const struct conn *conn)
{
	struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);

	if (pending == NULL || !pending_hold(pending))
		return NULL;
	if (__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE) == pending)
		return pending;
	pending_unref(pending);
	return NULL;
}

/*
 * The references are the child's: it has a copy of each conn, and no other way to
 * count itself before the parent goes on. A fork that fails leaves them behind.
 */
void conn_before_fork(void)
{
	sigset_t signals;

	signals_block(&signals);
	while (__atomic_exchange_n(&fork_lock, 1, __ATOMIC_ACQUIRE) != 0)
		sys0(SYS_sched_yield);
	fork_signals = signals;
	/* Not before: what a fork that was waited for has counted is not this one's. */
	fork_counted = conn_any() ? conn_pool_used() : 0;
	forker = (pid_t)sys0(SYS_getpid);
	for (uint32_t i = 0; i < fork_counted; i++) {
		struct conn *conn = conn_pool_at(i);

		if (conn != NULL)
			conn->counted = count_for_child(conn);
	}
}

static void fork_over(void)
{
	sigset_t signals = fork_signals;

	if (fork_counted > 0 || conn_any())
		conn_note_shared();
	__atomic_store_n(&fork_lock, 0, __ATOMIC_RELEASE);
	signals_restore(&signals);
}

void conn_note_shared(void)
{
	__atomic_store_n(&shared, true, __ATOMIC_RELAXED);
}

bool conn_any_shared(void)
{
	return __atomic_load_n(&shared, __ATOMIC_RELAXED);
}

void conn_forked_parent(void)
{
	fork_over();
}

static bool is_child(void)
{
	return forker != 0 && forker != sys0(SYS_getpid) && fdtable_ours();
}

/* Calls each for every connection of a child that is under way. */
static void each_of_child(void (*each)(struct conn *conn,
				       struct pending *pending))
{
	uint32_t used = conn_pool_used();

	if (!conn_any() || !is_child())
		return;
	for (uint32_t i = 0; i < used; i++) {
		struct conn *conn = conn_pool_at(i);
		struct pending *pending =
			conn ? __atomic_load_n(&conn->pending,
					       __ATOMIC_ACQUIRE)
			     : NULL;

		if (pending != NULL)
			each(conn, pending);
	}
}

static void let_go(struct conn *conn, struct pending *pending)
{
	(void)conn;
	pending_leave(pending);
}

/* A record that is another's by now was finished by the parent: the kernel knows how. */
static void take_again(struct conn *conn, struct pending *pending)
{
	uint32_t was = conn_phase_of(conn);

	if (pending_hold(pending)) {
		pending_enter(pending);
		if (pending->generation == conn->generation)
			return;
		pending_leave(pending);
	}
	__atomic_store_n(&conn->pending, NULL, __ATOMIC_RELEASE);
	if (was <= CONN_EARLY &&
	    __atomic_compare_exchange_n(&conn->state, &was, CONN_CONNECTED,
					false, __ATOMIC_ACQ_REL,
					__ATOMIC_RELAXED))
		conn_attention_add(-1);
}

void conn_leave(void)
{
	each_of_child(let_go);
}

void conn_stay(void)
{
	each_of_child(take_again);
}

/*
 * Threads that the child does not have went on between the count and the copy: what began
 * meanwhile was not counted, and what ended is not held here any more.
 */
static void recount(struct conn *conn, struct pending *counted)
{
	conn->state &= ~CONN_SETTLING; /* by nobody here: it would never end */
	if (counted != NULL && counted == conn->pending) {
		pending_enter(counted);
		return;
	}
	if (counted != NULL)
		pending_unref(counted);
	if (conn->thing.refs == 0)
		conn->pending = NULL; /* it was being made, or given back */
	else if (conn->pending != NULL)
		take_again(conn, conn->pending);
}

void conn_forked_child(void)
{
	uint32_t used = conn_pool_used();

	for (uint32_t i = 0; (fork_counted > 0 || conn_any()) && i < used; i++) {
		struct conn *conn = conn_pool_at(i);

		if (conn != NULL)
			recount(conn, i < fork_counted ? conn->counted : NULL);
	}
	fork_over();
}
