/* SPDX-License-Identifier: MIT */
/*
 * hook_epoll.c - epoll, with the markers of connections under way taken out
 *
 * watch.c puts a marker in the place of the program's data while a connection is
 * negotiated. Whoever waits on the epoll, and be it since before the connect, gets the
 * marker out, steps that handshake and waits on for the rest of the time.
 */
#include <poll.h>
#include <string.h>

#include "core/sys.h"
#include "preload/ask.h"
#include "preload/conn.h"
#include "preload/dgram_dns.h"
#include "preload/hooks.h"
#include "preload/listener.h"
#include "preload/span.h"

/**
 * struct wait - one wait on an epoll
 * @precise:	by epoll_pwait2, which not every kernel has
 */
struct wait {
	int epfd;
	struct epoll_event *events;
	int max;
	const sigset_t *mask;
	bool precise;
};

/* The number may be that of a descriptor that was closed where we did not see it. */
static int made(int epfd)
{
	if (epfd >= 0) {
		fdtable_drop(epfd);
		fdtable_note_epoll(epfd, true);
	}
	return epfd;
}

EXPORT int epoll_create(int size)
{
	return made(REAL(epoll_create)(size));
}

EXPORT int epoll_create1(int flags)
{
	return made(REAL(epoll_create1)(flags));
}

/* Before the call: a connect that begins meanwhile in another thread shall find it. */
static void remember(int epfd, int op, int fd, const struct epoll_event *event)
{
	struct fd_watch watch = { epfd, event->events, event->data.u64 };

	if (fdtable_notes(fd) & FD_STREAM)
		fdtable_watch(fd, &watch, op == EPOLL_CTL_MOD);
	else if (op == EPOLL_CTL_ADD)
		fdtable_note(fd, FD_WATCHED | FD_WATCHED_MORE);
}

enum { ATTEND_MAX = 8 };

/* What fd's thing attends to is stepped by who waits in epfd. */
static void attend(int epfd, int fd)
{
	const struct thing *peeked = fdtable_peek(fd);
	struct pollfd fds[ATTEND_MAX];
	struct thing *thing;
	size_t n = 0;

	if (peeked == NULL || peeked->kind->attend == NULL)
		return;
	thing = fdtable_get(fd);
	if (thing != NULL && thing->kind->attend != NULL)
		n = thing->kind->attend(thing, fds, ATTEND_MAX);
	fdtable_put(thing);
	for (size_t i = 0; i < n; i++)
		conn_attend(fds[i].fd, epfd);
}

/*
 * What has woken who slept is not to wake who waits from now on. But while something is asked
 * by fd another thread may sleep in the epoll, which knows of no question: then it is left for
 * that one to find, and who begins to wait takes it away (ask_attend).
 */
static void take_nudge(int fd)
{
	const struct dgram *dgram = dgram_peek(fd);

	if (dgram != NULL && !ask_waits(dgram))
		dgram_was_nudged(fd);
}

EXPORT int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	int result;

	if (op == EPOLL_CTL_ADD) {
		fdtable_note_epoll(epfd, false);
		if (fdtable_notes(fd) & FD_EPOLL)
			fdtable_note(epfd, FD_NESTS);
	}
	if (op != EPOLL_CTL_DEL)
		take_nudge(fd);
	if (op != EPOLL_CTL_DEL && event != NULL)
		remember(epfd, op, fd, event);
	if (op != EPOLL_CTL_DEL && listener_any())
		listener_attend(fd);
	if (conn_any() && (event != NULL || op == EPOLL_CTL_DEL) &&
	    conn_epoll_ctl(epfd, op, fd, event, &result))
		return (int)hooks_result(result);
	result = REAL(epoll_ctl)(epfd, op, fd, event);
	if (result == 0 && op == EPOLL_CTL_ADD && conn_any())
		attend(epfd, fd);
	return result;
}

/* Steps what the markers name; returns how many events are the program's. */
static int take_markers(struct epoll_event *events, int n)
{
	int kept = 0;

	for (int i = 0; i < n; i++) {
		if (pending_is_marker(events[i].data.u64))
			conn_step_marker(events[i].data.u64);
		else
			events[kept++] = events[i];
	}
	return kept;
}

static int wait_once(const struct wait *wait, const struct span *span)
{
	struct timespec slice;

	if (wait->precise)
		return REAL(epoll_pwait2)(wait->epfd, wait->events, wait->max,
					  span_slice(span, conn_deadline(), &slice), wait->mask);
	return REAL(epoll_pwait)(wait->epfd, wait->events, wait->max,
				 span_slice_ms(span, conn_deadline()), wait->mask);
}

enum { STEP_TRIES = 8 };

/* Still readable after what is pending was stepped; the proxy's next answer may be there at
 * once, so it is tried several times. */
static bool stays_readable(int epfd)
{
	struct pollfd pollfd = { .fd = epfd, .events = POLLIN };
	struct timespec now = { 0 };

	for (int tries = 0; tries < STEP_TRIES; tries++) {
		conn_step_all();
		if (sys5(SYS_ppoll, &pollfd, 1, &now, NULL, 0) != 1)
			return false;
	}
	return true;
}

/*
 * The epoll is polled first, which takes nothing out of it, and asked for events when it has
 * some:
 *
 * where there is another in it, whose marker wakes the outer one, with data that is the
 * program's: when it still has some after what is pending was stepped;
 *
 * while something is asked (ask.h), which is waited for beside it.
 */
static bool needs_polling(int epfd)
{
	return ask_any() || (conn_any() && fdtable_notes(epfd) & FD_NESTS);
}

static bool has_events(const struct pollfd *epoll)
{
	if (epoll->revents == 0)
		return false;
	return !(fdtable_notes(epoll->fd) & FD_NESTS) ||
	       stays_readable(epoll->fd);
}

static int wait_polling(const struct wait *wait, const struct span *span)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = wait->epfd, .events = POLLIN } };
		struct span at_once = span_of_ms(0);
		struct timespec slice;
		nfds_t n = ask_attend(&fds[1]) ? 2 : 1;
		int r;

		conn_expire();
		r = REAL(ppoll)(fds, n,
				span_slice(span, conn_deadline(), &slice),
				wait->mask);
		if (r < 0)
			return r;
		if (n > 1 && fds[1].revents != 0)
			ask_step();
		r = has_events(&fds[0]) ? wait_once(wait, &at_once) : 0;
		r = r > 0 ? take_markers(wait->events, r) : r;
		if (r != 0 || span_over(span))
			return r;
	}
}

/* r: what the first real wait gave. */
static int go_on(const struct wait *wait, const struct span *span, int r)
{
	for (;;) {
		int n = r > 0 ? take_markers(wait->events, r) : r;

		if (n != 0 || (r == 0 && span_over(span)))
			return n;
		conn_expire();
		r = wait_once(wait, span);
	}
}

/* Datagrams that are still to be sent by what is closed: who waits here sees to them. */
static void attend_leaving(int epfd)
{
	struct pollfd fds[ATTEND_MAX];
	size_t n = dgram_leave_attend(fds, ATTEND_MAX);

	for (size_t i = 0; i < n; i++)
		conn_attend(fds[i].fd, epfd);
}

static int do_epoll_wait(const struct wait *wait, int timeout_ms)
{
	struct span span = span_of_ms(timeout_ms);
	int r;

	if (dgram_any_leaving())
		attend_leaving(wait->epfd);
	if (needs_polling(wait->epfd) && wait->max > 0)
		return wait_polling(wait, &span);
	if (conn_any()) {
		conn_expire();
		r = wait_once(wait, &span);
	} else if (wait->mask == NULL) {
		r = REAL(epoll_wait)(wait->epfd, wait->events, wait->max,
				     timeout_ms);
	} else {
		r = REAL(epoll_pwait)(wait->epfd, wait->events, wait->max,
				      timeout_ms, wait->mask);
	}
	return go_on(wait, &span, r);
}

EXPORT int epoll_wait(int epfd, struct epoll_event *events, int max,
		      int timeout_ms)
{
	struct wait wait = { epfd, events, max, NULL, false };

	return do_epoll_wait(&wait, timeout_ms);
}

EXPORT int epoll_pwait(int epfd, struct epoll_event *events, int max,
		       int timeout_ms, const sigset_t *mask)
{
	struct wait wait = { epfd, events, max, mask, false };

	return do_epoll_wait(&wait, timeout_ms);
}

EXPORT int epoll_pwait2(int epfd, struct epoll_event *events, int max,
			const struct timespec *timeout, const sigset_t *mask)
{
	struct wait wait = { epfd, events, max, mask, true };
	struct span span;
	int r;

	if (!span_valid(timeout))
		return REAL(epoll_pwait2)(epfd, events, max, timeout, mask);
	if (dgram_any_leaving())
		attend_leaving(epfd);
	span = span_of(timeout);
	if (needs_polling(epfd) && max > 0)
		return wait_polling(&wait, &span);
	if (conn_any()) {
		conn_expire();
		r = wait_once(&wait, &span);
	} else {
		r = REAL(epoll_pwait2)(epfd, events, max, timeout, mask);
	}
	return go_on(&wait, &span, r);
}
