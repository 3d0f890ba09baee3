/* SPDX-License-Identifier: MIT */
/*
 * ask.c - questions of programs' own DNS clients that are asked for real
 *
 * Theory of Operation
 *
 * Each question is a lookup (resolver/lookup.h) over a stream of its own. What they all wait
 * for is gathered in one epoll of ours, with a timer for the nearest time, so that whoever
 * waits for anything in this process has one descriptor more to wait for, and steps all of
 * them when it is readable. Both are there only while something is asked.
 *
 * The stream of a lookup changes, and so does what it waits for; other threads may have moved
 * it on. So before each wait what the epoll holds is made what the lookups say.
 *
 * The numbers of the epoll and the timer may be closed by a program that closes all numbers:
 * the note in the table is gone then, and they are made anew.
 *
 * One lock, with signals blocked, never held over a wait. c-ares uses the heap: a signal
 * handler that interrupts malloc() and then sends or waits for such a question may hang, as it
 * would in getaddrinfo(). What the stub answers itself uses none.
 *
 * fork: the parent asks on. The child gives what it has copied back when it next asks: the
 * fork may have been made in a handler. What was being stepped at that moment is lost memory.
 */
#include "preload/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "core/sys.h"
#include "preload/clock.h"
#include "preload/conn.h"
#include "preload/fdtable.h"
#include "preload/options.h"
#include "preload/private_fd.h"
#include "preload/real.h"
#include "preload/signals.h"
#include "preload/tunnel.h"

enum { ASKS_MAX = 64 };

/**
 * struct asked - a question under way
 * @next:	the one that was asked before
 * @lookup:	NULL: it is over
 * @owner:	NULL: the asker is gone
 * @asker:	its functions
 * @server:	@question's, if it has one
 * @question:	its bytes are behind it
 */
struct asked {
	struct asked *next;
	struct lookup *lookup;
	void *owner;
	const struct asker *asker;
	struct endpoint server;
	struct ask_question question;
	uint8_t bytes[];
};

uint32_t ask_count;

static struct asked *all;
static struct ask_served *served_all;
static struct asked *orphans; /* a parent's, in the child of a fork */
static bool stepping; /* all of them are gone through: none is freed */
static uint32_t lock_word;
static int gathering = -1; /* the epoll */
static int timer = -1;

void ask_lock(sigset_t *signals)
{
	signals_block(signals);
	while (__atomic_exchange_n(&lock_word, 1, __ATOMIC_ACQUIRE) != 0)
		sys0(SYS_sched_yield);
}

void ask_unlock(const sigset_t *signals)
{
	__atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE);
	signals_restore(signals);
}

/* --- what is waited for ---------------------------------------------------------------- */

static bool is_ours(int fd)
{
	return fd >= 0 && fdtable_notes(fd) & FD_OURS;
}

static void close_ours(int *fd)
{
	if (is_ours(*fd)) {
		fdtable_drop(*fd);
		sys1(SYS_close, *fd);
	}
	*fd = -1;
}

static void close_both(void)
{
	close_ours(&timer);
	close_ours(&gathering);
}

static int ctl(int op, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };

	return (int)sys4(SYS_epoll_ctl, gathering, op, fd, &event);
}

static bool open_both(void)
{
	if (is_ours(gathering) && is_ours(timer))
		return true;
	close_both();
	gathering = private_fd_of_ours(sys1(SYS_epoll_create1, EPOLL_CLOEXEC));
	timer = private_fd_of_ours(sys2(SYS_timerfd_create, CLOCK_MONOTONIC,
				     TFD_CLOEXEC | TFD_NONBLOCK));
	if (gathering >= 0 && timer >= 0 && ctl(EPOLL_CTL_ADD, timer, EPOLLIN) == 0)
		return true;
	close_both();
	return false;
}

/* The number may be that of another file by now, of which the epoll knows nothing. */
static void gather(const struct pollfd *fds)
{
	uint32_t events = (uint32_t)fds->events; /* the same bits */

	if (events == 0)
		ctl(EPOLL_CTL_DEL, fds->fd, 0);
	else if (ctl(EPOLL_CTL_MOD, fds->fd, events) == -ENOENT)
		ctl(EPOLL_CTL_ADD, fds->fd, events);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void set_timer(int64_t at)
{
	struct itimerspec time = { 0 };

	if (at < 1)
		at = 1; /* 0 would stop it */
	time.it_value.tv_sec = at / NS_PER_S;
	time.it_value.tv_nsec = at % NS_PER_S;
	sys4(SYS_timerfd_settime, timer, TFD_TIMER_ABSTIME, &time, NULL);
}

/* What the epoll holds becomes what the lookups wait for. */
static void gather_all(void)
{
	/*
	 * What another thread does with a stream wakes nobody here. What it has done before
	 * this is seen below.
	 */
	int64_t until = conn_look_again(false);
	struct pollfd fds;

	if (all == NULL && served_all == NULL) {
		close_both();
		return;
	}
	if (!open_both())
		return;
	for (struct asked *asked = all; asked != NULL; asked = asked->next) {
		if (asked->lookup == NULL)
			continue;
		if (lookup_fds(asked->lookup, &fds, 1) == 1)
			gather(&fds);
		until = earlier(until, lookup_deadline(asked->lookup));
	}
	for (struct ask_served *served = served_all; served != NULL;
	     served = served->next) {
		served->attend(served, &fds);
		gather(&fds);
		until = earlier(until, served->until_ns);
	}
	set_timer(until);
}

/* --- questions ----------------------------------------------------------------------------- */

static void done(void *arg, const uint8_t *reply, size_t len)
{
	struct asked *asked = arg;
	uint8_t *copy = NULL;

	asked->lookup = NULL;
	if (asked->owner == NULL)
		return;
	if (len > 0)
		copy = malloc(len);
	if (copy != NULL)
		memcpy(copy, reply, len);
	asked->asker->answered(asked->owner, &asked->question, copy,
			copy != NULL ? len : 0);
	free(copy);
}

static void give_up(struct asked *asked)
{
	if (asked->lookup == NULL)
		return;
	lookup_cancel(asked->lookup);
	asked->lookup = NULL;
	if (asked->owner != NULL)
		asked->asker->answered(asked->owner, &asked->question, NULL, 0);
}

/* Those that are over, or whose asker is gone. */
static void bury(void)
{
	struct asked **list = &all;

	while (*list != NULL) {
		struct asked *asked = *list;

		if (asked->lookup != NULL && asked->owner != NULL) {
			list = &asked->next;
			continue;
		}
		if (asked->lookup != NULL)
			lookup_cancel(asked->lookup);
		*list = asked->next;
		__atomic_sub_fetch(&ask_count, 1, __ATOMIC_RELAXED);
		free(asked);
	}
}

static void bury_orphans(void)
{
	while (orphans != NULL) {
		struct asked *asked = orphans;

		orphans = asked->next;
		if (asked->lookup != NULL)
			lookup_cancel(asked->lookup);
		free(asked);
	}
}

static struct asked *asked_new(void *owner, const struct asker *asker,
			       const struct ask_question *question)
{
	struct asked *asked =
		malloc(sizeof(*asked) + question->len + question->tag_len);

	if (asked == NULL)
		return NULL;
	asked->owner = owner;
	asked->asker = asker;
	asked->question = *question;
	memcpy(asked->bytes, question->query, question->len);
	asked->question.query = asked->bytes;
	if (question->tag_len > 0)
		memcpy(asked->bytes + question->len, question->tag,
		       question->tag_len);
	asked->question.tag = asked->bytes + question->len;
	if (question->server != NULL) {
		asked->server = *question->server;
		asked->question.server = &asked->server;
	}
	return asked;
}

static bool same(const struct ask_question *a, const struct ask_question *b)
{
	return a->len == b->len && a->tag_len == b->tag_len &&
	       memcmp(a->query, b->query, a->len) == 0 &&
	       (a->tag_len == 0 || memcmp(a->tag, b->tag, a->tag_len) == 0);
}

static bool is_asked(const void *owner, const struct ask_question *question)
{
	for (const struct asked *asked = all; asked != NULL; asked = asked->next)
		if (asked->owner == owner && asked->lookup != NULL &&
		    same(&asked->question, question))
			return true;
	return false;
}

static void make_room(void)
{
	struct asked *oldest = all;

	if (ask_count < ASKS_MAX)
		return;
	while (oldest->next != NULL)
		oldest = oldest->next;
	give_up(oldest);
	bury();
}

int ask_within(void *owner, const struct asker *asker,
	       const struct ask_question *question)
{
	struct asked *asked;

	bury_orphans();
	if (!stepping)
		bury();
	if (is_asked(owner, question))
		return 0;
	if (!stepping)
		make_room();
	asked = asked_new(owner, asker, question);
	if (asked == NULL)
		return -ENOMEM;
	asked->lookup = lookup_start(&tunnel_io, asked->question.server,
				     question->query, question->len, done,
				     asked);
	if (asked->lookup == NULL) {
		free(asked);
		return -ENOMEM;
	}
	asked->next = all;
	all = asked;
	__atomic_add_fetch(&ask_count, 1, __ATOMIC_RELAXED);
	return 0;
}

int ask(void *owner, const struct asker *asker,
	const struct ask_question *question)
{
	int saved_errno = errno;
	sigset_t signals;
	int r;

	if (!fdtable_ours())
		return -EPERM; /* a vfork child: it would be its parent's */
	ask_lock(&signals);
	r = ask_within(owner, asker, question);
	gather_all();
	ask_unlock(&signals);
	errno = saved_errno;
	return r;
}

bool ask_waits(const void *owner)
{
	sigset_t signals;
	bool waits = false;

	if (!ask_any())
		return false;
	ask_lock(&signals);
	for (const struct asked *asked = all; asked != NULL; asked = asked->next)
		waits = waits || (asked->owner == owner && asked->lookup != NULL);
	ask_unlock(&signals);
	return waits;
}

/* No heap: close() may be called by a signal handler. */
void ask_forget_within(const void *owner)
{
	for (struct asked *asked = all; asked != NULL; asked = asked->next)
		if (asked->owner == owner)
			asked->owner = NULL;
}

void ask_forget(const void *owner)
{
	sigset_t signals;

	if (!ask_any())
		return;
	ask_lock(&signals);
	ask_forget_within(owner);
	ask_unlock(&signals);
}

/* --- streams of questions ------------------------------------------------------------------ */

void ask_serve(struct ask_served *served)
{
	served->next = served_all;
	served_all = served;
	__atomic_add_fetch(&ask_count, 1, __ATOMIC_RELAXED);
}

void ask_serve_end(struct ask_served *served)
{
	for (struct ask_served **at = &served_all; *at != NULL;
	     at = &(*at)->next) {
		if (*at != served)
			continue;
		*at = served->next;
		__atomic_sub_fetch(&ask_count, 1, __ATOMIC_RELAXED);
		return;
	}
}

static void step_served(void)
{
	struct ask_served *next;

	for (struct ask_served *served = served_all; served != NULL;
	     served = next) {
		next = served->next;
		served->step(served);
	}
}

/* --- waiting ---------------------------------------------------------------------------------- */

bool ask_attend(struct pollfd *pollfd)
{
	sigset_t signals;

	if (!ask_any() || !fdtable_ours())
		return false;
	ask_lock(&signals);
	bury();
	for (struct asked *asked = all; asked != NULL; asked = asked->next)
		if (asked->asker->waiting != NULL)
			asked->asker->waiting(asked->owner);
	gather_all();
	*pollfd = (struct pollfd){ .fd = gathering, .events = POLLIN };
	ask_unlock(&signals);
	return pollfd->fd >= 0;
}

void ask_step(void)
{
	int saved_errno = errno;
	sigset_t signals;

	if (!ask_any() || !fdtable_ours())
		return;
	conn_expire();
	ask_lock(&signals);
	stepping = true;
	for (struct asked *asked = all; asked != NULL; asked = asked->next)
		if (asked->lookup != NULL && asked->owner != NULL)
			lookup_step(asked->lookup);
	stepping = false;
	bury();
	step_served();
	gather_all();
	ask_unlock(&signals);
	errno = saved_errno;
}

static int64_t limit_of(int fd, int option)
{
	struct timeval timeout = option_timeout(fd, option);

	return clock_limit_ns(&timeout);
}

/* 1: go on; 0: fd is ready; -errno. */
static int await_once(int fd, short events, int64_t limit)
{
	struct pollfd fds[2] = { { .fd = fd, .events = events } };
	int64_t left = limit == INT64_MAX ? 0 : limit - clock_now_ns();
	struct timespec timeout = { .tv_sec = left / NS_PER_S,
				    .tv_nsec = left % NS_PER_S };
	nfds_t n = ask_attend(&fds[1]) ? 2 : 1;
	sigset_t now;
	int r;

	if (left < 0)
		return -EAGAIN;
	signals_exchange(NULL, &now); /* only asked */
	r = REAL(ppoll)(fds, n, limit == INT64_MAX ? NULL : &timeout, NULL);
	if (r < 0)
		return errno == EINTR && limit == INT64_MAX &&
				       signals_restart(&now) ?
			       1 :
			       -errno;
	ask_step();
	return fds[0].revents == 0;
}

int ask_await(int fd, int option, const void *owner)
{
	short events = option == SO_RCVTIMEO ? POLLIN : POLLOUT;
	int64_t limit = limit_of(fd, option);
	int r;

	do {
		if (owner != NULL && !ask_waits(owner))
			return 0;
		r = await_once(fd, events, limit);
	} while (r > 0);
	return r;
}

void ask_forked_child(void)
{
	/* The epoll is the parent's, too: it is not to be changed. */
	close_both();
	orphans = __atomic_load_n(&lock_word, __ATOMIC_RELAXED) == 0 ? all :
								       NULL;
	all = NULL;
	served_all = NULL;
	ask_count = 0;
	stepping = false;
	lock_word = 0;
}
