/* SPDX-License-Identifier: MIT */
/*
 * pending.c - connections being negotiated, in memory that forks share
 *
 * Theory of Operation
 *
 * After a fork both sides hold the socket, and either may be the one that waits
 * for it: so the negotiation's state lives in shared anonymous pages, and each
 * process's connection counts as one reference. A record is found again by its
 * index and generation, which make the marker that stands in the data of the
 * program's epoll registrations.
 *
 * Pages are mapped in chunks, when a record is needed and none is free. A chunk
 * that was mapped before a fork is shared with the child, one mapped after it is
 * not: the tables of chunks may differ from then on, the records do not. A chunk
 * is never unmapped, so an old pointer always points to some record, and its
 * generation tells whether it is still the one.
 *
 * The lock is a word that holds the tid of its owner. It is only ever tried, for a
 * bounded time: what its owner does is short, but the owner may have been preempted,
 * or stopped; or killed, and then the lock is taken over. Who does not get it says so
 * in the lock word and waits on. It may have come by a marker that an epoll tells of
 * once, and the owner is not always there for a step: so who lets go finds that word
 * and sees to it that somebody steps (watch_unlock).
 *
 * A process that dies does not let go of its references. So records name who holds them,
 * and before more memory is mapped the references of the dead are taken away. (More than
 * PENDING_HOLDERS are not named, nor are those of another pid namespace: those records stay
 * in use, about a kilobyte each.)
 */
#include "preload/pending.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "core/sys.h"

enum {
	CHUNK_RECORDS = 64,
	CHUNKS = 1024,
	LOCK_YIELDS = 256,
	LOCK_NAPS = 50,
	NAP_NS = 1000000,
	MARKER_TAG_SHIFT = 40, /* 24 bits of tag, 24 of generation, 16 of index */
	MARKER_GENERATION_SHIFT = 16,
	MARKER_GENERATION_MASK = 0xffffff,
};

/* In the place of the count of references. */
#define CLAIMED UINT32_MAX

/* Beside the owner's tid in the lock, which has 22 bits: somebody gave up. */
#define MISSED (1u << 31)

/* No pointer of a program and no small number has these upper bits. */
#define MARKER_TAG 0xa5c5e7ull

static struct pending *chunks[CHUNKS];

static struct pending *chunk_at(size_t i)
{
	return __atomic_load_n(&chunks[i], __ATOMIC_ACQUIRE);
}

static struct pending *chunk_made(size_t i)
{
	size_t size = CHUNK_RECORDS * sizeof(struct pending);
	struct pending *other = NULL;
	long p = sys6(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p < 0 && p > -4096)
		return NULL;
	if (__atomic_compare_exchange_n(&chunks[i], &other, (struct pending *)p,
					false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return (struct pending *)p;
	sys2(SYS_munmap, p, size);
	return other;
}

void pending_setup(void)
{
	if (chunk_at(0) == NULL)
		chunk_made(0);
}

/*
 * While it is made new nobody gets a reference: one that was closed while it was pending
 * still looks active, and of the generation that somebody may look for.
 */
static bool claim(struct pending *pending)
{
	uint32_t unused = 0;

	if (!__atomic_compare_exchange_n(&pending->refs, &unused, CLAIMED,
					 false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return false;
	__atomic_store_n(&pending->state, PENDING_NEW, __ATOMIC_RELAXED);
	__atomic_fetch_add(&pending->generation, 1, __ATOMIC_RELEASE);
	for (size_t i = 0; i < PENDING_HOLDERS; i++)
		__atomic_store_n(&pending->holders[i], 0, __ATOMIC_RELAXED);
	memset(&pending->fd, 0,
	       offsetof(struct pending, watches) - offsetof(struct pending, fd));
	for (size_t i = 0; i < PENDING_WATCHES; i++)
		__atomic_store_n(&pending->watches[i].epfd, -1,
				 __ATOMIC_RELAXED);
	__atomic_store_n(&pending->refs, 1, __ATOMIC_RELEASE);
	return true;
}

void pending_activate(struct pending *pending)
{
	__atomic_store_n(&pending->state, PENDING_ACTIVE, __ATOMIC_RELEASE);
}

void pending_ref(struct pending *pending)
{
	__atomic_add_fetch(&pending->refs, 1, __ATOMIC_RELAXED);
}

void pending_unref(struct pending *pending)
{
	__atomic_sub_fetch(&pending->refs, 1, __ATOMIC_ACQ_REL);
}

bool pending_hold(struct pending *pending)
{
	uint32_t refs = __atomic_load_n(&pending->refs, __ATOMIC_RELAXED);

	while (refs != 0 && refs != CLAIMED)
		if (__atomic_compare_exchange_n(&pending->refs, &refs, refs + 1,
						true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

/* --- who holds it ----------------------------------------------------------------- */

static uint32_t own_pid; /* 0: ask; any thread may */
static bool foreign; /* this process or an ancestor is the first of its pid namespace */

static uint32_t pid(void)
{
	uint32_t own = __atomic_load_n(&own_pid, __ATOMIC_RELAXED);

	if (own == 0) {
		own = (uint32_t)sys0(SYS_getpid);
		__atomic_store_n(&own_pid, own, __ATOMIC_RELAXED);
	}
	return own;
}

static bool exchange_holder(struct pending *pending, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < PENDING_HOLDERS; i++) {
		uint32_t was = from;

		if (__atomic_compare_exchange_n(&pending->holders[i], &was, to,
						false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return true;
	}
	return false;
}

void pending_leave(struct pending *pending)
{
	exchange_holder(pending, pid(), 0);
	pending_unref(pending);
}

/* This process' connection has one reference, and who holds the lock. */
bool pending_is_own(const struct pending *pending)
{
	if (__atomic_load_n(&pending->refs, __ATOMIC_RELAXED) != 2)
		return false;
	for (size_t i = 0; i < PENDING_HOLDERS; i++)
		if (__atomic_load_n(&pending->holders[i], __ATOMIC_RELAXED) ==
		    pid())
			return true;
	return false;
}

static bool is_dead(uint32_t process)
{
	return sys2(SYS_kill, process, 0) == -ESRCH;
}

/* Takes the references of the dead away; true if that leaves it free. */
static bool reap(struct pending *pending)
{
	for (size_t i = 0; i < PENDING_HOLDERS; i++) {
		uint32_t holder = __atomic_load_n(&pending->holders[i],
						  __ATOMIC_RELAXED);

		if (holder != 0 && holder != pid() && is_dead(holder) &&
		    __atomic_compare_exchange_n(&pending->holders[i], &holder,
						0, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			pending_unref(pending);
	}
	return __atomic_load_n(&pending->refs, __ATOMIC_RELAXED) == 0;
}

/* Full is mostly full of the dead: a child that ends leaves its name. */
void pending_enter(struct pending *pending)
{
	if (foreign || exchange_holder(pending, 0, pid()))
		return;
	reap(pending);
	exchange_holder(pending, 0, pid());
}

static bool reap_all(void)
{
	bool any = false;

	if (foreign)
		return false; /* the names are of processes that it cannot see */
	for (size_t i = 0; i < CHUNKS && chunk_at(i) != NULL; i++)
		for (size_t k = 0; k < CHUNK_RECORDS; k++)
			any |= reap(&chunk_at(i)[k]);
	return any;
}

static struct pending *claim_any(struct pending *chunk)
{
	for (size_t k = 0; k < CHUNK_RECORDS; k++)
		if (claim(&chunk[k]))
			return &chunk[k];
	return NULL;
}

struct pending *pending_new(void)
{
	bool reaped = false;

	for (size_t i = 0; i < CHUNKS; i++) {
		struct pending *chunk = chunk_at(i), *found;

		if (chunk == NULL && i > 0 && !reaped) {
			reaped = reap_all();
			i = reaped ? 0 : i;
			chunk = chunk_at(i);
		}
		if (chunk == NULL)
			chunk = chunk_made(i);
		if (chunk == NULL)
			return NULL;
		found = claim_any(chunk);
		if (found != NULL)
			return found;
	}
	return NULL;
}

/* --- the lock ---------------------------------------------------------------------- */

/* A child that nobody has waited for is there for kill(2), but does nothing any more. */
static bool is_dead_child(uint32_t tid)
{
	siginfo_t info = { 0 };

	return sys5(SYS_waitid, P_PID, tid, &info,
		    WEXITED | WNOHANG | WNOWAIT | __WALL, NULL) == 0 &&
	       info.si_pid != 0;
}

static bool owner_is_dead(uint32_t tid)
{
	return sys2(SYS_tkill, tid, 0) == -ESRCH || is_dead_child(tid);
}

/* In the static TLS: no allocation may happen here. */
static __thread uint32_t own_tid __attribute__((tls_model("initial-exec")));

void pending_after_fork(void)
{
	own_tid = 0;
	own_pid = 0;
	foreign = foreign || sys0(SYS_getppid) == 0;
}

static uint32_t tid(void)
{
	if (own_tid == 0)
		own_tid = (uint32_t)sys0(SYS_gettid);
	return own_tid;
}

/* From is what the lock word was. */
static bool take(struct pending *pending, uint32_t *from)
{
	return __atomic_compare_exchange_n(&pending->lock, from,
					   tid() | (*from & MISSED), false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static bool take_free(struct pending *pending)
{
	uint32_t nobody = 0;

	return take(pending, &nobody);
}

static bool take_from_dead(struct pending *pending)
{
	uint32_t word = __atomic_load_n(&pending->lock, __ATOMIC_RELAXED);

	return word != 0 && owner_is_dead(word & ~MISSED) &&
	       take(pending, &word);
}

/* ppoll, since waits need that anyway: a sandbox that has us allows it. */
static void nap(void)
{
	struct timespec time = { .tv_nsec = NAP_NS };

	sys5(SYS_ppoll, NULL, 0, &time, NULL, 0);
}

/* An owner that was preempted on this CPU needs it. */
static bool take_in_time(struct pending *pending)
{
	for (int i = 0; i < LOCK_YIELDS; i++) {
		if (take_free(pending))
			return true;
		sys0(SYS_sched_yield);
	}
	for (int i = 0; i < LOCK_NAPS; i++) {
		if (take_free(pending) || take_from_dead(pending))
			return true;
		nap();
	}
	return false;
}

/* False: there is no owner to tell it. */
static bool leave_word(struct pending *pending)
{
	uint32_t word = __atomic_load_n(&pending->lock, __ATOMIC_RELAXED);

	while (word != 0)
		if (__atomic_compare_exchange_n(
			    &pending->lock, &word, word | MISSED, false,
			    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return true;
	return false;
}

bool pending_lock(struct pending *pending)
{
	bool taken;

	if (!pending_hold(pending))
		return false;
	taken = take_in_time(pending);
	while (!taken && !leave_word(pending))
		taken = take_free(pending);
	if (!taken)
		pending_unref(pending);
	return taken;
}

/* Another owner's word means that we were taken for dead: then it is that one's. */
bool pending_unlock(struct pending *pending)
{
	uint32_t word = tid();

	if (!__atomic_compare_exchange_n(&pending->lock, &word, 0, false,
					 __ATOMIC_RELEASE, __ATOMIC_RELAXED) &&
	    word == (tid() | MISSED)) {
		__atomic_and_fetch(&pending->lock, ~MISSED, __ATOMIC_ACQUIRE);
		return false;
	}
	pending_unref(pending);
	return true;
}

/*
 * The state is looked at before the generation: a record that is being claimed
 * anew gets its generation first and becomes active last.
 */
bool pending_is_active(const struct pending *pending, uint32_t generation)
{
	return pending_state(pending) == PENDING_ACTIVE &&
	       __atomic_load_n(&pending->generation, __ATOMIC_RELAXED) ==
		       generation;
}

static size_t index_of(const struct pending *pending)
{
	for (size_t i = 0; i < CHUNKS; i++) {
		const struct pending *chunk = chunk_at(i);

		if (chunk == NULL)
			break;
		if (pending >= chunk && pending < chunk + CHUNK_RECORDS)
			return i * CHUNK_RECORDS + (size_t)(pending - chunk);
	}
	return 0;
}

uint64_t pending_marker(const struct pending *pending)
{
	uint64_t generation = pending->generation & MARKER_GENERATION_MASK;

	return MARKER_TAG << MARKER_TAG_SHIFT |
	       generation << MARKER_GENERATION_SHIFT | index_of(pending);
}

bool pending_is_marker(uint64_t data)
{
	return data >> MARKER_TAG_SHIFT == MARKER_TAG;
}

struct pending *pending_of_marker(uint64_t data)
{
	size_t i = data & 0xffff;
	struct pending *chunk, *pending;
	uint32_t generation;

	if (!pending_is_marker(data))
		return NULL;
	chunk = chunk_at(i / CHUNK_RECORDS);
	if (chunk == NULL)
		return NULL;
	pending = &chunk[i % CHUNK_RECORDS];
	generation =
		__atomic_load_n(&pending->generation, __ATOMIC_RELAXED);
	if ((generation & MARKER_GENERATION_MASK) !=
	    (data >> MARKER_GENERATION_SHIFT & MARKER_GENERATION_MASK))
		return NULL;
	return pending;
}

void pending_each(void (*each)(struct pending *pending, void *arg), void *arg)
{
	for (size_t i = 0; i < CHUNKS; i++) {
		struct pending *chunk = chunk_at(i);

		if (chunk == NULL)
			return;
		for (size_t k = 0; k < CHUNK_RECORDS; k++)
			if (__atomic_load_n(&chunk[k].refs, __ATOMIC_RELAXED))
				each(&chunk[k], arg);
	}
}
