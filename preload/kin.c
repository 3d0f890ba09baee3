/* SPDX-License-Identifier: MIT */
/*
 * kin.c - sockets made before a fork, and connected by the child
 *
 * A process finds its connections by descriptor, in a table of its own. Where a child
 * connects a socket that it was forked with, the parent has that socket too and no entry. So
 * such connections, and no others, are counted in a page that both share: while the count
 * is not zero, a TCP socket that the table does not know is looked for by its cookie among
 * the records, which are shared anyway, and adopted. A child that is killed half-way is
 * thus succeeded by whoever uses the socket next. When it is over, a memo of the peer is
 * left for getpeername().
 */
#include "preload/kin.h"

#include <stddef.h>
#include <sys/mman.h>

#include "core/sys.h"
#include "preload/clock.h"

/* How long after its deadline a record may wait for a successor. */
#define GRACE_NS NS_PER_S

/* In the place of a cookie, which counts up from 1. */
#define WRITING UINT64_MAX

static struct kin nobody;
struct kin *kin_page = &nobody;

void kin_setup(void)
{
	struct kin *none = &nobody;
	long p;

	if (__atomic_load_n(&kin_page, __ATOMIC_RELAXED) != &nobody)
		return;
	p = sys6(SYS_mmap, NULL, sizeof(struct kin), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096)
		return;
	if (!__atomic_compare_exchange_n(&kin_page, &none, (struct kin *)p,
					 false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		sys2(SYS_munmap, p, sizeof(struct kin));
}

void kin_begin(struct pending *pending)
{
	pending->kin = true;
	pending_ref(pending);
	__atomic_add_fetch(&kin_now()->pending, 1, __ATOMIC_RELEASE);
}

static uint64_t cookie_in(const struct kin_memo *memo)
{
	return __atomic_load_n(&memo->cookie, __ATOMIC_ACQUIRE);
}

static struct kin_memo *memo_of(uint64_t cookie)
{
	struct kin_memo *set = kin_now()->memos[cookie % KIN_SETS];

	for (size_t i = 0; i < KIN_WAYS; i++)
		if (cookie_in(&set[i]) == cookie)
			return &set[i];
	return NULL;
}

static uint32_t age_of(const struct kin_memo *memo, uint32_t turn)
{
	return turn - __atomic_load_n(&memo->turn, __ATOMIC_RELAXED);
}

static struct kin_memo *oldest_of(struct kin_memo *set, uint32_t turn)
{
	struct kin_memo *oldest = NULL;

	for (size_t i = 0; i < KIN_WAYS; i++)
		if (cookie_in(&set[i]) != WRITING &&
		    (oldest == NULL ||
		     age_of(&set[i], turn) > age_of(oldest, turn)))
			oldest = &set[i];
	return oldest;
}

/*
 * The memo to write, which is the caller's alone until it gets a cookie: the one that the
 * socket has (connected anew it has one, not two), else the oldest of its set. NULL: all
 * are being written, or their writers were killed meanwhile.
 */
static struct kin_memo *memo_taken(uint64_t cookie, uint32_t turn)
{
	for (;;) {
		struct kin_memo *memo = memo_of(cookie);
		uint64_t was;

		if (memo == NULL)
			memo = oldest_of(kin_now()->memos[cookie % KIN_SETS],
					 turn);
		if (memo == NULL)
			return NULL;
		was = cookie_in(memo);
		if (was != WRITING &&
		    __atomic_compare_exchange_n(&memo->cookie, &was, WRITING,
						false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return memo;
	}
}

/* By words that cannot tear: a reader may look meanwhile. */
static void copy_peer(struct peer *to, const struct peer *from)
{
	uint32_t *out = (uint32_t *)to;
	const uint32_t *in = (const uint32_t *)from;

	_Static_assert(sizeof(*to) % sizeof(*out) == 0, "whole words");
	for (size_t i = 0; i < sizeof(*to) / sizeof(*out); i++)
		__atomic_store_n(&out[i],
				 __atomic_load_n(&in[i], __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
}

/* The page is there before its first memo: one that is copied later may be half written. */
void kin_leave(uint64_t cookie, const struct peer *peer)
{
	struct kin_memo *memo;
	uint32_t turn;

	kin_setup();
	turn = __atomic_add_fetch(&kin_now()->turn, 1, __ATOMIC_RELAXED);
	memo = memo_taken(cookie, turn);
	if (memo == NULL)
		return;
	__atomic_store_n(&memo->turn, turn, __ATOMIC_RELAXED);
	copy_peer(&memo->peer, peer);
	__atomic_store_n(&memo->cookie, cookie, __ATOMIC_RELEASE);
}

void kin_end(struct pending *pending, bool connected)
{
	if (!pending->kin)
		return;
	pending->kin = false;
	if (connected)
		kin_leave(pending->cookie, &pending->peer);
	__atomic_sub_fetch(&kin_now()->pending, 1, __ATOMIC_RELEASE);
	pending_unref(pending);
}

bool kin_peer(uint64_t cookie, struct peer *peer)
{
	const struct kin_memo *memo = memo_of(cookie);

	if (memo == NULL)
		return false;
	copy_peer(peer, &memo->peer);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return cookie_in(memo) == cookie && peer->len <= sizeof(peer->address);
}

struct search {
	uint64_t cookie;
	int64_t now_ns;
	struct pending *found;
};

/* Nobody has it any more, or who has it does not look at it. */
static void give_up(struct pending *pending)
{
	uint32_t active = PENDING_ACTIVE;

	if (__atomic_compare_exchange_n(&pending->state, &active,
					PENDING_FAILED, false,
					__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		kin_end(pending, false);
}

static void look_at(struct pending *pending, void *arg)
{
	struct search *search = arg;

	if (!pending->kin || pending_state(pending) != PENDING_ACTIVE)
		return;
	if (pending->cookie == search->cookie) {
		search->found = pending;
		return;
	}
	if (search->now_ns - GRACE_NS > pending->deadline_ns)
		give_up(pending);
}

struct pending *kin_find(uint64_t cookie)
{
	struct search search = { .cookie = cookie,
				 .now_ns = clock_now_ns() };

	pending_each(look_at, &search);
	return search.found && pending_hold(search.found) ? search.found : NULL;
}
