/* SPDX-License-Identifier: MIT */
/*
 * hook_wait.c - poll and select
 *
 * The kernel calls a socket writable when the proxy is reached; the program may
 * write when the far side is. So while anything is pending, these wait with the
 * handshake's events for such descriptors, step what woke, and wait on for the rest
 * of the time. Afterwards they look again in any case: the connect may have begun in
 * another thread while this one slept. With early-data a connection is the program's
 * before the proxy has answered: what is readable then may be the answers.
 *
 * A wait for a listener at the proxy and for its control does not say that the control is
 * readable before the listener is, for a while (listener.c). What would be said is taken out
 * of the result, and from then on the kernel is not asked for it, or it would wake at once
 * again and again; the slice ends when the while does.
 */
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "core/sys.h"
#include "preload/ask.h"
#include "preload/conn.h"
#include "preload/dgram_dns.h"
#include "preload/hooks.h"
#include "preload/listener.h"
#include "preload/span.h"

/* --- memory for copies: the stack's, or pages where that is too small ----------- */

struct scratch {
	void *pages;
	size_t size;
};

static void *scratch_get(struct scratch *scratch, void *own, size_t own_size,
			 size_t size)
{
	long p;

	if (size <= own_size)
		return own;
	p = sys6(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096)
		return NULL;
	scratch->pages = (void *)p;
	scratch->size = size;
	return scratch->pages;
}

/* Also when the thread is cancelled in the wait. */
static void scratch_drop(struct scratch *scratch)
{
	if (scratch->pages != NULL)
		sys2(SYS_munmap, scratch->pages, scratch->size);
}

#define SCRATCH __attribute__((cleanup(scratch_drop))) struct scratch

/* What the kernel says is not all: the hooks' first question. */
static bool any_of_ours(void)
{
	return conn_any() || ask_any() || dgram_any_leaving();
}

/* --- poll ----------------------------------------------------------------------- */

/* The kernel alone says too much of such a one: it is under way, or a listener. */
static bool needs_us(enum conn_phase phase)
{
	return phase <= CONN_BOUND || conn_is_bind(phase);
}

/* All that a listener can become, and what is kept back of a control. */
#define LISTENER_EVENTS (POLLIN | POLLRDNORM)

enum { AWAITED_MAX = 8 };

/**
 * struct awaited - what one wait asks for that has an order
 * @until_ns:	CLOCK_MONOTONIC: then the first of what is not asked for ends to be kept
 *		back; INT64_MAX: nothing is
 * @count:	how many listeners the second reply is awaited of; with more than AWAITED_MAX
 *		the others have no order
 * @fds:	they; -1: it is told
 */
struct awaited {
	int64_t until_ns;
	int count;
	int fds[AWAITED_MAX];
};

static void await(struct awaited *awaited, int fd)
{
	if (awaited->count < AWAITED_MAX)
		awaited->fds[awaited->count++] = fd;
}

static void await_told(struct awaited *awaited, int fd)
{
	for (int i = 0; i < awaited->count; i++)
		if (awaited->fds[i] == fd)
			awaited->fds[i] = -1;
}

/* What is readable of fd is not to be told yet, or, before it is: would not be. */
static bool keeps_back(struct awaited *awaited, int fd, bool readable)
{
	for (int i = 0; i < awaited->count; i++) {
		int listener = awaited->fds[i];
		int64_t until = listener < 0 ? 0 :
				listener_keeps_back(listener, fd, readable);

		if (until == 0)
			continue;
		if (until < awaited->until_ns)
			awaited->until_ns = until;
		return true;
	}
	return false;
}

/* When to look again, for who waits with that in order. */
static int64_t look_again(const struct awaited *awaited, bool ours)
{
	int64_t limit_ns = conn_look_again(ours);

	return limit_ns < awaited->until_ns ? limit_ns : awaited->until_ns;
}

/* fd is a connection under way, after a step. */
static bool under_way(int fd)
{
	struct conn *conn = conn_get(fd);
	bool is = conn != NULL && needs_us(conn_step(conn, fd));

	conn_put(conn);
	return is;
}

/*
 * Whether fd is a connection under way, for which the program asks for *events; that is
 * then what is to be waited for; a listener is noted in awaited. It is not stepped: what can
 * be is what will wake.
 */
static bool to_wait_for(int fd, short *events, struct awaited *awaited)
{
	struct conn *conn;
	enum conn_phase phase;

	if (listener_any())
		listener_attend(fd);
	conn = conn_get(fd);
	if (conn == NULL)
		return false;
	phase = conn_look(conn);
	if (phase == CONN_BOUND && *events & LISTENER_EVENTS)
		await(awaited, fd);
	if (phase == CONN_PENDING || phase == CONN_BOUND)
		*events = conn_events(conn);
	else if (phase == CONN_EARLY)
		*events |= conn_events(conn);
	else if (conn_is_bind(phase))
		*events &= LISTENER_EVENTS;
	conn_put(conn);
	return needs_us(phase);
}

/* What fd shows of events by now, which woke and was under way. */
static short shown_now(int fd, short events)
{
	struct pollfd pollfd = { .fd = fd, .events = events };
	struct conn *conn = conn_get(fd);
	enum conn_phase phase = CONN_CONNECTED;
	struct timespec now = { 0 };
	bool taken;

	if (conn != NULL)
		phase = conn_step(conn, fd);
	if (conn_is_bind(phase))
		pollfd.events = events & LISTENER_EVENTS;
	taken = phase == CONN_ARRIVED && conn_arrival_taken(conn);
	conn_put(conn);
	if (phase == CONN_PENDING || phase == CONN_BOUND || taken ||
	    sys5(SYS_ppoll, &pollfd, 1, &now, NULL, 0) <= 0)
		return 0;
	/* The step has left nothing to be read: it is the next answer by now. */
	if (phase == CONN_EARLY)
		pollfd.revents &= POLLOUT | POLLWRNORM | POLLWRBAND | POLLPRI;
	/* An end is what accept() will tell. */
	return conn_is_bind(phase) ? pollfd.events : pollfd.revents;
}

enum { EPOLL_TRIES = 4 };

/*
 * fd woke, but not for the program: a connection under way, or an epoll that wakes only for
 * such (it is stepped, and asked again).
 */
static bool woke_for_us(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	struct timespec now = { 0 };

	if (under_way(fd) || dgram_was_nudged(fd))
		return true;
	if (!(fdtable_notes(fd) & FD_EPOLL))
		return false;
	/* The proxy's next answer may be there at once. */
	for (int tries = 0; tries < EPOLL_TRIES && conn_step_watched(fd);
	     tries++)
		if (sys5(SYS_ppoll, &pollfd, 1, &now, NULL, 0) == 0)
			return true;
	return false;
}

/* Marks an entry of the copy that waits for us; the kernel never reports it. */
#define POLL_OURS POLLMSG

/* A listener that nobody would accept from: the kernel would wake us for an end of it. */
static void wait_for_us(struct pollfd *copy, short events)
{
	if (events == 0)
		copy->fd = -1;
	copy->events = (short)(events | POLL_OURS);
}

/* Of what is kept back the kernel is asked for the rest alone. */
static void prepare_kept(struct pollfd *copy, nfds_t n, struct awaited *awaited)
{
	for (nfds_t i = 0; i < n; i++)
		if (copy[i].fd >= 0 && copy[i].events & LISTENER_EVENTS &&
		    !(copy[i].events & POLL_OURS) &&
		    keeps_back(awaited, copy[i].fd, false))
			copy[i].events = (short)((copy[i].events &
						  ~LISTENER_EVENTS) |
						 POLL_OURS);
}

/* The copy asks for what is to be waited for. Returns whether we wait for any of it. */
static bool prepare(const struct pollfd *fds, struct pollfd *copy, nfds_t n,
		    struct awaited *awaited)
{
	bool ours = false;

	*awaited = (struct awaited){ .until_ns = INT64_MAX };

	for (nfds_t i = 0; i < n; i++) {
		short events = (short)(fds[i].events & ~POLL_OURS);

		copy[i].fd = fds[i].fd;
		copy[i].events = events;
		copy[i].revents = 0;
		if (fds[i].fd < 0 || !to_wait_for(fds[i].fd, &events, awaited))
			continue;
		wait_for_us(&copy[i], events);
		ours = true;
	}
	if (awaited->count > 0)
		prepare_kept(copy, n, awaited);
	return ours;
}

/* --- what else the things behind descriptors wait for ------------------------------- */

/* For one wait: what is left out is looked at again soon. One more for what is asked. */
enum { ATTEND_MAX = 8, EXTRA_MAX = ATTEND_MAX + 1 };

/* Adds to fds, from *n on, what fd's thing wants to be waited for. */
static void attend(int fd, struct pollfd *fds, size_t *n, size_t room)
{
	const struct thing *peeked = fdtable_peek(fd);
	struct thing *thing;

	if (peeked == NULL ||
	    __atomic_load_n(&peeked->kind, __ATOMIC_RELAXED)->attend == NULL)
		return;
	thing = fdtable_get(fd);
	if (thing != NULL && thing->kind->attend != NULL)
		*n += thing->kind->attend(thing, fds + *n, room - *n);
	fdtable_put(thing);
}

static void step_thing(int fd)
{
	const struct thing *peeked = fdtable_peek(fd);
	struct thing *thing;

	if (peeked == NULL || __atomic_load_n(&peeked->kind, __ATOMIC_RELAXED)->step == NULL)
		return;
	thing = fdtable_get(fd);
	if (thing != NULL && thing->kind->step != NULL)
		thing->kind->step(thing);
	fdtable_put(thing);
}

/* An end is told at once. */
static bool only_readable(short revents)
{
	return revents & LISTENER_EVENTS &&
	       !(revents & (POLLHUP | POLLERR | POLLRDHUP));
}

/* Takes out what is not to be told yet. Returns how many have nothing left to be told. */
static int keep_back(struct pollfd *fds, nfds_t n, struct awaited *awaited)
{
	int kept = 0;

	for (nfds_t i = 0; awaited->count > 0 && i < n; i++) {
		if (!only_readable(fds[i].revents) ||
		    !keeps_back(awaited, fds[i].fd, true))
			continue;
		fds[i].revents &= ~LISTENER_EVENTS;
		kept += fds[i].revents == 0;
	}
	return kept;
}

/*
 * What woke and was not waited for by us is told, what was is stepped and looked at anew;
 * returns how many are told.
 */
static int tell(struct pollfd *fds, const struct pollfd *copy, nfds_t n,
		struct awaited *awaited)
{
	int told = 0;

	for (nfds_t i = 0; i < n; i++) {
		bool ours = copy[i].events & POLL_OURS;

		fds[i].revents = copy[i].revents;
		if (fds[i].revents != 0 && ours)
			fds[i].revents = shown_now(fds[i].fd, fds[i].events);
		else if (fds[i].revents != 0 && woke_for_us(fds[i].fd))
			fds[i].revents = 0;
		if (fds[i].revents != 0) {
			await_told(awaited, fds[i].fd);
			told++;
		}
	}
	return told - keep_back(fds, n, awaited);
}

/* Behind the n of the program: what their things attend to. Returns how many. */
static size_t prepare_attendants(const struct pollfd *fds, struct pollfd *extra,
				 nfds_t n)
{
	size_t count = 0;

	for (nfds_t i = 0; i < n && count < ATTEND_MAX; i++)
		if (fds[i].fd >= 0)
			attend(fds[i].fd, extra, &count, ATTEND_MAX);
	if (dgram_any_leaving())
		count += dgram_leave_attend(extra + count, ATTEND_MAX - count);
	if (ask_attend(&extra[count]))
		count++;
	return count;
}

/* Returns how many of them woke. */
static int step_attendants(const struct pollfd *fds, nfds_t n,
			   const struct pollfd *extra, size_t count)
{
	int woke = 0;

	for (size_t i = 0; i < count; i++)
		woke += extra[i].revents != 0;
	for (nfds_t i = 0; woke > 0 && i < n; i++)
		if (fds[i].fd >= 0)
			step_thing(fds[i].fd);
	if (woke > 0 && dgram_any_leaving())
		dgram_leave_look();
	if (woke > 0)
		ask_step();
	return woke;
}

static int poll_pending(struct pollfd *fds, struct pollfd *copy, nfds_t n,
			struct span *span, const sigset_t *mask)
{
	for (;;) {
		struct awaited awaited;
		struct timespec slice;
		size_t more;
		bool ours;
		int r;

		conn_expire();
		ours = prepare(fds, copy, n, &awaited);
		more = prepare_attendants(fds, copy + n, n);
		r = REAL(ppoll)(copy, n + more,
				span_slice(span, look_again(&awaited, ours),
					   &slice),
				mask);
		if (r < 0)
			return r;
		r -= step_attendants(fds, n, copy + n, more);
		r = r > 0 ? tell(fds, copy, n, &awaited) : 0;
		if (r > 0)
			return r;
		if (span_over(span)) {
			for (nfds_t i = 0; i < n; i++)
				fds[i].revents = 0;
			return 0;
		}
	}
}

enum { OWN_POLLFDS = 64 };

static int poll_slowly(struct pollfd *fds, nfds_t n, struct span *span,
		       const sigset_t *mask)
{
	SCRATCH scratch = { 0 };
	struct pollfd own[OWN_POLLFDS];
	struct pollfd *copy = scratch_get(&scratch, own, sizeof(own),
					  (n + EXTRA_MAX) * sizeof(*copy));

	if (copy == NULL)
		return (int)hooks_result(-ENOMEM);
	return poll_pending(fds, copy, n, span, mask);
}

/* Something woke that is, by now, a connection under way. */
static bool woke_early(const struct pollfd *fds, nfds_t n)
{
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents != 0 && woke_for_us(fds[i].fd))
			return true;
	return false;
}

static int do_ppoll(struct pollfd *fds, nfds_t n,
		    const struct timespec *timeout, const sigset_t *mask)
{
	struct span span;
	int r;

	if (!span_valid(timeout))
		return REAL(ppoll)(fds, n, timeout, mask);
	span = span_of(timeout);
	if (!any_of_ours()) {
		r = REAL(ppoll)(fds, n, timeout, mask);
		if (r <= 0 || !any_of_ours() || !woke_early(fds, n))
			return r;
	}
	return poll_slowly(fds, n, &span, mask);
}

static int do_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct span span = span_of_ms(timeout_ms);
	int r;

	if (!any_of_ours()) {
		r = REAL(poll)(fds, n, timeout_ms);
		if (r <= 0 || !any_of_ours() || !woke_early(fds, n))
			return r;
	}
	return poll_slowly(fds, n, &span, NULL);
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	return do_poll(fds, n, timeout_ms);
}

EXPORT int __poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	return do_poll(fds, n, timeout_ms);
}

/* Too small an array is libc's to complain of. */
EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int timeout_ms, size_t size)
{
	if (size / sizeof(*fds) < n)
		return REAL(__poll_chk)(fds, n, timeout_ms, size);
	return do_poll(fds, n, timeout_ms);
}

EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		 const sigset_t *mask)
{
	return do_ppoll(fds, n, timeout, mask);
}

EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n,
		       const struct timespec *timeout, const sigset_t *mask,
		       size_t size)
{
	if (size / sizeof(*fds) < n)
		return REAL(__ppoll_chk)(fds, n, timeout, mask, size);
	return do_ppoll(fds, n, timeout, mask);
}

/* --- select --------------------------------------------------------------------- */

/* Sets of any size: a program may have allocated more than an fd_set. */
typedef unsigned long set_word;

enum { WORD_BITS = 8 * sizeof(set_word), OWN_SET_BYTES = 128 };

enum which_set { SET_IN, SET_OUT, SET_EXCEPT, SETS };

struct sets {
	int n;
	size_t bytes;	     /* of one set */
	set_word *set[SETS]; /* NULL where the program gave none */
};

static bool in_set(const set_word *set, int fd)
{
	return set && set[fd / WORD_BITS] >> (fd % WORD_BITS) & 1;
}

static bool in_sets(const struct sets *sets, int fd)
{
	return in_set(sets->set[SET_IN], fd) ||
	       in_set(sets->set[SET_OUT], fd) ||
	       in_set(sets->set[SET_EXCEPT], fd);
}

static void take_out(set_word *set, int fd)
{
	set[fd / WORD_BITS] &= ~(1ul << (fd % WORD_BITS));
}

static void clear(struct sets *sets, int fd)
{
	for (int i = 0; i < SETS; i++)
		if (sets->set[i])
			take_out(sets->set[i], fd);
}

static void copy_sets(struct sets *to, const struct sets *from)
{
	for (int i = 0; i < SETS; i++) {
		if (from->set[i])
			memcpy(to->set[i], from->set[i], from->bytes);
		else
			memset(to->set[i], 0, to->bytes);
	}
}

static void add(set_word *set, int fd)
{
	set[fd / WORD_BITS] |= 1ul << (fd % WORD_BITS);
}

/* As select() has it: EPOLLIN_SET, EPOLLOUT_SET and EPOLLEX_SET in the kernel. */
static const struct {
	short ask;
	short show;
} meaning[SETS] = {
	[SET_IN] = { POLLIN | POLLRDNORM,
		     POLLIN | POLLRDNORM | POLLHUP | POLLERR },
	[SET_OUT] = { POLLOUT | POLLWRNORM, POLLOUT | POLLWRNORM | POLLERR },
	[SET_EXCEPT] = { POLLPRI, POLLPRI },
};

static short asked_for(const struct sets *sets, int fd)
{
	short events = 0;

	for (int i = 0; i < SETS; i++)
		if (in_set(sets->set[i], fd))
			events |= meaning[i].ask;
	return events;
}

/* Puts what fd shows by now in the place of what woke it. */
static void show(const struct sets *given, struct sets *got, int fd)
{
	short events = shown_now(fd, asked_for(given, fd));

	clear(got, fd);
	for (int i = 0; i < SETS; i++)
		if (in_set(given->set[i], fd) && events & meaning[i].show)
			add(got->set[i], fd);
}

/* As prepare_kept; select cannot ask for an end alone, so that is told when all is. */
static void prepare_kept_sets(struct sets *asked, const set_word *ours,
			      struct awaited *awaited)
{
	for (int fd = 0; fd < asked->n; fd++)
		if (in_set(asked->set[SET_IN], fd) && !in_set(ours, fd) &&
		    keeps_back(awaited, fd, false))
			take_out(asked->set[SET_IN], fd);
}

/* Asks for the handshake's events where a connection is under way: such are ours. */
static bool prepare_sets(const struct sets *given, struct sets *asked,
			 set_word *ours, struct awaited *awaited)
{
	bool any = false;

	*awaited = (struct awaited){ .until_ns = INT64_MAX };

	copy_sets(asked, given);
	memset(ours, 0, given->bytes);
	for (int fd = 0; fd < given->n; fd++) {
		short events = asked_for(given, fd);

		if (!in_sets(given, fd) || !to_wait_for(fd, &events, awaited))
			continue;
		clear(asked, fd);
		for (int i = 0; i < SETS; i++)
			if (events & meaning[i].ask)
				add(asked->set[i], fd);
		add(ours, fd);
		any = true;
	}
	if (awaited->count > 0)
		prepare_kept_sets(asked, ours, awaited);
	return any;
}

/* As keep_back: returns how many bits were taken out. */
static int keep_back_sets(struct sets *got, struct awaited *awaited)
{
	int kept = 0;

	for (int fd = 0; awaited->count > 0 && fd < got->n; fd++) {
		if (!in_set(got->set[SET_IN], fd) ||
		    !only_readable(shown_now(fd, LISTENER_EVENTS)) ||
		    !keeps_back(awaited, fd, true))
			continue;
		take_out(got->set[SET_IN], fd);
		kept++;
	}
	return kept;
}

/* Takes out what is not to be told; returns how many bits are left. */
static int tell_sets(const struct sets *given, struct sets *got,
		     const set_word *ours, struct awaited *awaited)
{
	int told = 0;

	for (int fd = 0; fd < got->n; fd++) {
		if (!in_sets(got, fd))
			continue;
		if (in_set(ours, fd))
			show(given, got, fd);
		else if (woke_for_us(fd))
			clear(got, fd);
		for (int i = 0; i < SETS; i++)
			told += in_set(got->set[i], fd);
		if (in_set(got->set[SET_IN], fd))
			await_told(awaited, fd);
	}
	return told - keep_back_sets(got, awaited);
}

/* The same of those alone that were given. */
static void copy_given(struct sets *to, const struct sets *from)
{
	for (int i = 0; i < SETS; i++) {
		if (from->set[i])
			memcpy(to->set[i], from->set[i], from->bytes);
		else
			to->set[i] = NULL;
	}
}

static void give_sets(const struct sets *given, const struct sets *copy)
{
	for (int i = 0; i < SETS; i++)
		if (given->set[i])
			memcpy(given->set[i], copy->set[i], given->bytes);
}

static struct sets sets_in(char *memory, int n, size_t bytes)
{
	struct sets sets = { .n = n, .bytes = bytes };

	for (size_t i = 0; i < SETS; i++)
		sets.set[i] = (set_word *)(void *)(memory + i * bytes);
	return sets;
}

static int real_select(struct sets *sets, const struct timespec *timeout,
		       const sigset_t *mask)
{
	return REAL(pselect)(sets->n, (fd_set *)sets->set[SET_IN],
			     (fd_set *)sets->set[SET_OUT],
			     (fd_set *)sets->set[SET_EXCEPT], timeout, mask);
}

/* --- select, where things attend to more than the program's own: by poll -------- */

static size_t sets_attendants(const struct sets *given, struct pollfd *extra)
{
	size_t count = 0;

	for (int fd = 0; fd < given->n && count < ATTEND_MAX; fd++)
		if (in_sets(given, fd))
			attend(fd, extra, &count, ATTEND_MAX);
	if (dgram_any_leaving())
		count += dgram_leave_attend(extra + count, ATTEND_MAX - count);
	if (ask_attend(&extra[count]))
		count++;
	return count;
}

static nfds_t sets_to_fds(const struct sets *asked, struct pollfd *fds)
{
	nfds_t n = 0;

	for (int fd = 0; fd < asked->n; fd++) {
		if (!in_sets(asked, fd))
			continue;
		fds[n].fd = fd;
		fds[n].events = asked_for(asked, fd);
		fds[n++].revents = 0;
	}
	return n;
}

/* Leaves in got what the fds show; returns how many bits, or -EBADF. */
static int fds_to_sets(const struct pollfd *fds, nfds_t n, struct sets *got)
{
	int bits = 0;

	for (nfds_t i = 0; i < n; i++) {
		if (fds[i].revents & POLLNVAL)
			return -EBADF;
		for (int k = 0; k < SETS; k++) {
			bool shown = in_set(got->set[k], fds[i].fd) &&
				     fds[i].revents & meaning[k].show;

			if (!shown && got->set[k])
				take_out(got->set[k], fds[i].fd);
			bits += shown;
		}
	}
	return bits;
}

static int select_attending(const struct sets *given, struct sets *got,
			    struct pollfd *fds, const struct timespec *timeout,
			    const sigset_t *mask)
{
	nfds_t n = sets_to_fds(got, fds);
	size_t more = sets_attendants(given, fds + n);
	int r = REAL(ppoll)(fds, n + more, timeout, mask);

	if (r < 0)
		return r;
	step_attendants(fds, n, fds + n, more);
	r = fds_to_sets(fds, n, got);
	return r < 0 ? (int)hooks_result(r) : r;
}

/* How many descriptors are in the sets. */
static size_t sets_count(const struct sets *sets)
{
	size_t count = 0;

	for (int fd = 0; fd < sets->n; fd++)
		count += in_sets(sets, fd);
	return count;
}

enum { OWN_SET_FDS = 32 };

static int select_once(const struct sets *given, struct sets *got,
		       const struct timespec *timeout, const sigset_t *mask)
{
	SCRATCH scratch = { 0 };
	struct pollfd own[OWN_SET_FDS];
	struct pollfd extra[EXTRA_MAX], *fds;

	if (sets_attendants(given, extra) == 0)
		return real_select(got, timeout, mask);
	fds = scratch_get(&scratch, own, sizeof(own),
			  (sets_count(given) + EXTRA_MAX) * sizeof(*fds));
	if (fds == NULL)
		return (int)hooks_result(-ENOMEM);
	return select_attending(given, got, fds, timeout, mask);
}

static int select_pending(const struct sets *given, struct sets *got,
			  set_word *ours, struct span *span,
			  const sigset_t *mask)
{
	for (;;) {
		struct awaited awaited;
		struct timespec slice;
		bool any;
		int r;

		conn_expire();
		any = prepare_sets(given, got, ours, &awaited);
		r = select_once(given, got,
				span_slice(span, look_again(&awaited, any),
					   &slice),
				mask);
		if (r < 0)
			return r;
		r = r > 0 ? tell_sets(given, got, ours, &awaited) : 0;
		if (r > 0 || span_over(span)) {
			give_sets(given, got);
			return r;
		}
	}
}

static int select_slowly(const struct sets *given, struct span *span,
			 const sigset_t *mask)
{
	SCRATCH scratch = { 0 };
	set_word own[(SETS + 1) * OWN_SET_BYTES / sizeof(set_word)];
	size_t bytes = given->bytes;
	char *memory = scratch_get(&scratch, own, sizeof(own),
				   (SETS + 1) * bytes);
	struct sets got;

	if (memory == NULL)
		return (int)hooks_result(-ENOMEM);
	got = sets_in(memory, given->n, bytes);
	return select_pending(given, &got,
			      (set_word *)(void *)(memory + SETS * bytes), span,
			      mask);
}

static bool sets_woke_early(const struct sets *sets)
{
	for (int fd = 0; fd < sets->n; fd++)
		if (in_sets(sets, fd) && woke_for_us(fd))
			return true;
	return false;
}

/* As pselect's, or as select's, which is told in timeval what time is left. */
static int select_itself(struct sets *sets, const struct timespec *timeout,
			 struct timeval *timeval, const sigset_t *mask)
{
	if (timeval != NULL)
		return REAL(select)(sets->n, (fd_set *)sets->set[SET_IN],
				    (fd_set *)sets->set[SET_OUT],
				    (fd_set *)sets->set[SET_EXCEPT], timeval);
	return real_select(sets, timeout, mask);
}

/*
 * There is nothing of ours: the kernel's own, which *early says came back too soon. The sets
 * as they were are needed again when a connect began meanwhile in another thread, and the
 * kernel overwrites what it is given: so it is given a copy.
 */
static int select_plainly(const struct sets *given,
			  const struct timespec *timeout,
			  struct timeval *timeval, const sigset_t *mask,
			  bool *early)
{
	SCRATCH scratch = { 0 };
	set_word own[SETS * OWN_SET_BYTES / sizeof(set_word)];
	char *memory =
		scratch_get(&scratch, own, sizeof(own), SETS * given->bytes);
	struct sets got;
	int r;

	*early = false;
	if (memory == NULL)
		return (int)hooks_result(-ENOMEM);
	got = sets_in(memory, given->n, given->bytes);
	copy_given(&got, given);
	r = select_itself(&got, timeout, timeval, mask);
	*early = r > 0 && any_of_ours() && sets_woke_early(&got);
	if (r >= 0 && !*early)
		give_sets(given, &got);
	return r;
}

static int do_pselect(const struct sets *given, const struct timespec *timeout,
		      const sigset_t *mask)
{
	struct span span = span_of(timeout);
	bool early = true;
	int r = 0;

	if (!any_of_ours())
		r = select_plainly(given, timeout, NULL, mask, &early);
	return early ? select_slowly(given, &span, mask) : r;
}

static struct sets sets_given(int n, fd_set *in, fd_set *out, fd_set *except)
{
	struct sets sets = {
		.n = n,
		.bytes = ((size_t)n + WORD_BITS - 1) / WORD_BITS *
			 sizeof(set_word),
		.set = { (set_word *)in, (set_word *)out, (set_word *)except },
	};

	return sets;
}

static int select_by_span(const struct sets *given, struct timeval *timeout)
{
	struct timespec time;
	struct span span;
	int r;

	if (timeout) {
		time.tv_sec = timeout->tv_sec + timeout->tv_usec / 1000000;
		time.tv_nsec = timeout->tv_usec % 1000000 * 1000;
	}
	span = span_of(timeout ? &time : NULL);
	r = select_slowly(given, &span, NULL);
	if (timeout && r == 0) /* the span may end a tick later */
		*timeout = (struct timeval){ 0 };
	else if (timeout)
		span_left(&span, timeout);
	return r;
}

/* Linux writes the time that is left back, select(2). */
static int do_select(int n, fd_set *in, fd_set *out, fd_set *except,
		     struct timeval *timeout)
{
	bool early = true;
	struct sets given;
	int r = 0;

	if (n < 0 || (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0)))
		return REAL(select)(n, in, out, except, timeout);
	given = sets_given(n, in, out, except);
	if (!any_of_ours())
		r = select_plainly(&given, NULL, timeout, NULL, &early);
	return early ? select_by_span(&given, timeout) : r;
}

EXPORT int select(int n, fd_set *in, fd_set *out, fd_set *except,
		  struct timeval *timeout)
{
	return do_select(n, in, out, except, timeout);
}

EXPORT int __select(int n, fd_set *in, fd_set *out, fd_set *except,
		    struct timeval *timeout)
{
	return do_select(n, in, out, except, timeout);
}

EXPORT int pselect(int n, fd_set *in, fd_set *out, fd_set *except,
		   const struct timespec *timeout, const sigset_t *mask)
{
	struct sets given;

	if (n < 0 || !span_valid(timeout))
		return REAL(pselect)(n, in, out, except, timeout, mask);
	given = sets_given(n, in, out, except);
	return do_pselect(&given, timeout, mask);
}
