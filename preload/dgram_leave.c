/* SPDX-License-Identifier: MIT */
/*
 * dgram_leave.c - sockets that are closed, while datagrams of theirs are on their way
 *
 * Theory of Operation
 *
 * A datagram that was sent before a close arrives, as it would directly. Two things are in
 * the way of that: it may be in the queue still, since there is no relay yet or its name is
 * asked for; and the relay
 * may have it in its own socket's queue, and drop it there when it sees the control
 * connection end (Dante does; shadowsocks and v2ray do not). How long that takes nobody
 * tells, so it is given a time: fifty milliseconds, or as much more as the proxy took to
 * answer the request for the association, which it spent on other things.
 *
 * The close itself does not wait. The struct dgram of the closed socket leaves: it stays,
 * without a descriptor that shows it, until its association is there and has sent what is
 * queued (by another socket: the program may want the port), and its time is over. Whoever
 * waits for anything meanwhile steps the negotiation; whoever makes, closes or waits for
 * sockets afterwards ends what is over. Exit and exec wait for it, five seconds at the most
 * for a proxy that does not answer. A child gets no part of it: its parent has all of it.
 */
#include "preload/dgram_names.h"

#include "core/sys.h"
#include "preload/ask.h"
#include "preload/clock.h"
#include "preload/hooks.h"

enum {
	LEAVING_MAX = 64,
	PATIENCE_S = 5,
};

enum { STAYS, LEAVES, GONE };

uint32_t dgram_leaving;

bool dgram_leaves(const struct dgram *dgram)
{
	return __atomic_load_n(&dgram->leaves, __ATOMIC_ACQUIRE) == LEAVES;
}

/* All of these with the lock held. */

static bool has_queued(const struct dgram *dgram)
{
	return assoc_phase(&dgram->assoc) != ASSOC_NONE && dgram->queued > 0;
}

static bool has_reason(const struct dgram *dgram)
{
	return has_queued(dgram) || assoc_grace_left(&dgram->assoc) > 0;
}

static bool is_over(const struct dgram *dgram)
{
	if (has_queued(dgram))
		return clock_now_ns() >= dgram->leave_ns;
	return assoc_phase(&dgram->assoc) != ASSOC_READY ||
	       assoc_grace_left(&dgram->assoc) <= 0;
}

/* And with it taken. */
static bool judged(struct dgram *dgram, bool (*judge)(const struct dgram *dgram))
{
	sigset_t signals;
	bool answer;

	dgram_lock(dgram, &signals);
	answer = judge(dgram);
	dgram_unlock(dgram, &signals);
	return answer;
}

bool dgram_leave_begin(struct dgram *dgram, bool *queued)
{
	*queued = judged(dgram, has_queued);
	if (__atomic_load_n(&dgram->leaves, __ATOMIC_ACQUIRE) != STAYS ||
	    !fdtable_ours() || !judged(dgram, has_reason))
		return false;
	if (__atomic_add_fetch(&dgram_leaving, 1, __ATOMIC_RELAXED) >
	    LEAVING_MAX) {
		__atomic_sub_fetch(&dgram_leaving, 1, __ATOMIC_RELAXED);
		if (*queued)
			dgram_dropped(dgram, "too many sockets are closed "
					     "before there is a relay");
		assoc_grace(&dgram->assoc);
		return false;
	}
	dgram->leave_ns = clock_now_ns() + PATIENCE_S * NS_PER_S;
	__atomic_store_n(&dgram->leaves, LEAVES, __ATOMIC_RELEASE);
	__atomic_store_n(&dgram->thing.refs, 1, __ATOMIC_RELEASE);
	return true;
}

/* One caller alone lets go of it. */
static void let_go(struct dgram *dgram)
{
	uint32_t leaves = LEAVES;

	if (!__atomic_compare_exchange_n(&dgram->leaves, &leaves, GONE, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	__atomic_sub_fetch(&dgram_leaving, 1, __ATOMIC_RELAXED);
	fdtable_put(&dgram->thing);
}

/* With a reference: another thread may let go of it. */
static struct dgram *next_leaving(uint32_t *index)
{
	const struct dgram *found;
	struct dgram *dgram;

	while (dgram_at((*index)++, &found)) {
		dgram = (struct dgram *)found;
		if (dgram == NULL || !dgram_leaves(dgram) ||
		    !fdtable_hold(&dgram->thing))
			continue;
		if (dgram_leaves(dgram))
			return dgram;
		fdtable_put(&dgram->thing);
	}
	return NULL;
}

void dgram_leave_look(void)
{
	struct dgram *dgram;
	uint32_t index = 0;

	if (!fdtable_ours())
		return;
	while ((dgram = next_leaving(&index)) != NULL) {
		if (assoc_phase(&dgram->assoc) == ASSOC_PENDING)
			assoc_step(&dgram->assoc);
		if (judged(dgram, is_over))
			let_go(dgram);
		fdtable_put(&dgram->thing);
	}
}

size_t dgram_leave_attend(struct pollfd *fds, size_t max)
{
	struct dgram *dgram;
	uint32_t index = 0;
	size_t n = 0;

	dgram_leave_look();
	while (n < max && (dgram = next_leaving(&index)) != NULL) {
		n += dgram_kind.attend(&dgram->thing, fds + n, max - n);
		fdtable_put(&dgram->thing);
	}
	return n;
}

/* --- the end --------------------------------------------------------------------------- */

/* What is queued goes out, if the relay is there by then. */
static void settle(struct dgram *dgram, int64_t limit_ns)
{
	while (assoc_phase(&dgram->assoc) == ASSOC_PENDING &&
	       judged(dgram, has_queued) && clock_now_ns() < limit_ns &&
	       conn_settle(private_fd_number(&dgram->assoc.control),
			   limit_ns) == -EINTR)
		;
	while (ask_any() && assoc_phase(&dgram->assoc) == ASSOC_READY &&
	       judged(dgram, has_queued) && clock_now_ns() < limit_ns)
		dgram_names_wait(limit_ns);
}

/* All that are, or those that leave only. */
static void wait_for_all(bool leaving)
{
	int64_t limit = clock_now_ns() + PATIENCE_S * NS_PER_S;
	const struct dgram *dgram;

	for (uint32_t i = 0; dgram_at(i, &dgram); i++)
		if (dgram != NULL && (!leaving || dgram_leaves(dgram)))
			settle((struct dgram *)dgram, limit);
	for (uint32_t i = 0; dgram_at(i, &dgram); i++)
		if (dgram != NULL && (!leaving || dgram_leaves(dgram)))
			assoc_grace(&dgram->assoc);
}

void dgram_leave(void)
{
	if (__atomic_load_n(&dgram_count, __ATOMIC_RELAXED) > 0 &&
	    fdtable_ours())
		wait_for_all(false);
}

void dgram_leave_exec(void)
{
	if (dgram_any_leaving() && fdtable_ours())
		wait_for_all(true);
}

void dgram_leave_child(void)
{
	struct dgram *dgram;
	uint32_t index = 0;

	while (dgram_any_leaving() && (dgram = next_leaving(&index)) != NULL) {
		let_go(dgram);
		fdtable_put(&dgram->thing);
	}
	dgram_leaving = 0;
}
