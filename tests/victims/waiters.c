/* SPDX-License-Identifier: MIT */
/* waiters.c - victim: every way of waiting for a connect to be done */
#include <sys/syscall.h>

#include "tests/victims/victim.h"

#define ALL (EPOLLIN | EPOLLOUT | EPOLLRDHUP)

/* --- epoll: each mode, registered before and after ------------------------- */

/**
 * struct registration - how a socket is put into an epoll
 * @events:	with the mode's bits
 * @before:	before the connect, else after
 * @fetch:	what an unconnected socket shows is fetched before the connect
 */
struct registration {
	uint32_t events;
	bool before;
	bool fetch;
};

/* What comes after the first event, by the mode. */
static void say_after(int ep, int fd, uint32_t events)
{
	if (events & EPOLLONESHOT) {
		say_surplus("surplus", ep);
		say_rc("rearm", epoll_change(ep, EPOLL_CTL_MOD, fd, events, 8));
		say_epoll("rearmed", ep, LONG_MS);
	} else if (events & EPOLLET) {
		say_surplus("surplus", ep);
	} else {
		say_epoll("again", ep, LONG_MS);
	}
}

static void epoll_row(const struct far *far, const struct registration *r)
{
	int ep = epoll_create1(0), fd = stream(far, SOCK_NONBLOCK);

	if (r->before)
		say_rc("add", epoll_change(ep, EPOLL_CTL_ADD, fd, r->events, 7));
	if (r->fetch)
		say_epoll("unconnected", ep, 0);
	say_rc("connect", dial(fd, far));
	if (!r->before)
		say_rc("add", epoll_change(ep, EPOLL_CTL_ADD, fd, r->events, 7));
	if (r->fetch && (r->events & EPOLLONESHOT)) {
		say_epoll("fired", ep, 5 * PENDING_MS);
		say_rc("rearm",
		       epoll_change(ep, EPOLL_CTL_MOD, fd, r->events, 7));
	} else {
		say_epoll("pending", ep, r->fetch ? SOON_MS : 0);
	}
	say_epoll("ready", ep, LONG_MS);
	say_after(ep, fd, r->events);
	say_works(fd);
	say_epoll("later", ep, 0);
}

#define EPOLL_ROW(name, ...)                                                   \
	static void name(const struct far *far)                                \
	{                                                                      \
		static const struct registration r = { __VA_ARGS__ };          \
		epoll_row(far, &r);                                            \
	}

EPOLL_ROW(level_before, ALL, true, true)
EPOLL_ROW(level_before_unfetched, ALL, true, false)
EPOLL_ROW(level_after, ALL, false, false)
EPOLL_ROW(level_out_before, EPOLLOUT, true, true)
EPOLL_ROW(level_out_after, EPOLLOUT, false, false)
EPOLL_ROW(edge_before, ALL | EPOLLET, true, true)
EPOLL_ROW(edge_before_unfetched, ALL | EPOLLET, true, false)
EPOLL_ROW(edge_after, ALL | EPOLLET, false, false)
EPOLL_ROW(edge_out_before, EPOLLOUT | EPOLLET, true, true)
EPOLL_ROW(edge_out_after, EPOLLOUT | EPOLLET, false, false)
EPOLL_ROW(oneshot_before, ALL | EPOLLONESHOT, true, false)
EPOLL_ROW(oneshot_fired, ALL | EPOLLONESHOT, true, true)
EPOLL_ROW(oneshot_after, ALL | EPOLLONESHOT, false, false)
EPOLL_ROW(edge_oneshot_before, ALL | EPOLLET | EPOLLONESHOT, true, false)
EPOLL_ROW(edge_oneshot_fired, ALL | EPOLLET | EPOLLONESHOT, true, true)
EPOLL_ROW(edge_oneshot_after, ALL | EPOLLET | EPOLLONESHOT, false, false)
EPOLL_ROW(exclusive_before, EPOLLIN | EPOLLOUT | EPOLLEXCLUSIVE, true, true)
EPOLL_ROW(exclusive_after, EPOLLIN | EPOLLOUT | EPOLLEXCLUSIVE, false, false)
EPOLL_ROW(edge_exclusive_before,
	  EPOLLIN | EPOLLOUT | EPOLLET | EPOLLEXCLUSIVE, true, true)
EPOLL_ROW(edge_exclusive_after,
	  EPOLLIN | EPOLLOUT | EPOLLET | EPOLLEXCLUSIVE, false, false)
EPOLL_ROW(wakeup_after, ALL | EPOLLWAKEUP, false, false)

/* Only errors are asked for: success is no event, until MOD asks for more. */
static void no_events(const struct far *far)
{
	int ep = epoll_create1(0), fd = stream(far, SOCK_NONBLOCK);

	say_rc("add", epoll_change(ep, EPOLL_CTL_ADD, fd, 0, 7));
	say_epoll("unconnected", ep, 0);
	say_rc("connect", dial(fd, far));
	say_epoll("waited", ep, 3 * PENDING_MS);
	say_poll("poll", fd, POLLOUT, LONG_MS);
	say_epoll("connected", ep, SOON_MS);
	say_rc("mod", epoll_change(ep, EPOLL_CTL_MOD, fd, EPOLLOUT, 8));
	say_epoll("asked", ep, LONG_MS);
	say_works(fd);
}

/* Only reading is asked for, and the peer speaks first. */
static void in_banner(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 7);
	say_epoll("pending", ep, SOON_MS);
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_line("line", fd);
	say_works(fd);
	say_epoll("later", ep, 0);
}

/* Only reading is asked for, and the peer waits: no event before the echo. */
static void in_echo(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 7);
	say_poll("poll", fd, POLLOUT, LONG_MS);
	say_epoll("silent", ep, SOON_MS);
	say_rc("write", write(fd, "x", 1));
	say_epoll("answered", ep, LONG_MS);
}

/* --- several waiters ------------------------------------------------------- */

static void several_epolls(const struct far *far)
{
	static const uint32_t modes[] = { EPOLLET, 0, EPOLLONESHOT };
	int ep[3], fd = stream(far, SOCK_NONBLOCK);
	char key[16];

	for (int i = 0; i < 3; i++)
		ep[i] = epoll_create1(EPOLL_CLOEXEC);
	epoll_change(ep[0], EPOLL_CTL_ADD, fd, ALL | modes[0], 10);
	say_epoll("unconnected", ep[0], 0);
	epoll_change(ep[1], EPOLL_CTL_ADD, fd, ALL | modes[1], 11);
	say_rc("connect", dial(fd, far));
	epoll_change(ep[2], EPOLL_CTL_ADD, fd, ALL | modes[2], 12);
	for (int i = 0; i < 3; i++) {
		snprintf(key, sizeof(key), "pending.%d", i);
		say_epoll(key, ep[i], 0);
	}
	for (int i = 2; i >= 0; i--) {
		snprintf(key, sizeof(key), "ready.%d", i);
		say_epoll(key, ep[i], LONG_MS);
	}
	say_surplus("surplus.0", ep[0]);
	say_epoll("again.1", ep[1], 0);
	say_surplus("surplus.2", ep[2]);
	say_works(fd);
}

/* The socket twice in one epoll, under two numbers. */
static void dup_registered(const struct far *far)
{
	int ep = epoll_create1(0), fd = stream(far, SOCK_NONBLOCK), other;

	other = dup(fd);
	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT | EPOLLET, 1);
	epoll_change(ep, EPOLL_CTL_ADD, other, ALL | EPOLLET, 2);
	say_epoll("unconnected", ep, 0);
	say_rc("connect", dial(fd, far));
	say_epoll("pending", ep, SOON_MS);
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_works(other);
}

static void nested(const struct far *far)
{
	int outer = epoll_create1(0), inner = epoll_create1(0);
	int fd = pending(far);

	epoll_change(inner, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 1);
	epoll_change(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 2);
	say_epoll("pending", outer, SOON_MS);
	say_epoll("outer", outer, LONG_MS);
	say_epoll("inner", inner, 0);
	say_epoll("emptied", outer, SOON_MS);
	say_works(fd);
}

static void in_poll(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);

	epoll_change(ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 1);
	say_poll("pending", ep, POLLIN, SOON_MS);
	say_poll("ready", ep, POLLIN, LONG_MS);
	say_epoll("event", ep, 0);
	say_poll("emptied", ep, POLLIN, SOON_MS);
	say_works(fd);
}

/* By syscall(), as programs ask that do not trust their libc to have the call. */
static void by_number(const struct far *far)
{
	struct timespec soon = { 0, SOON_MS * 1000000l };
	struct timespec *no_limit = NULL;
	int fd = pending(far);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	fd_set set;

	say_rc("pending", (int)syscall(SYS_ppoll, &p, 1l, &soon, NULL, 0l));
	FD_ZERO(&set);
	FD_SET(fd, &set);
	soon.tv_nsec = SOON_MS * 1000000l;
	say_rc("selected", (int)syscall(SYS_pselect6, fd + 1l, NULL, &set, NULL,
					&soon, NULL));
	say_rc("ready", (int)syscall(SYS_ppoll, &p, 1l, no_limit, NULL, 0l));
	say("events", "0x%x", (unsigned int)p.revents);
	FD_SET(fd, &set);
	say_rc("selected", (int)syscall(SYS_pselect6, fd + 1l, NULL, &set, NULL,
					NULL, NULL));
	say_works(fd);
}

static void in_select(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);
	struct timeval wait = { LONG_MS / 1000, 0 };
	fd_set set;

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	FD_ZERO(&set);
	FD_SET(ep, &set);
	say_rc("ready", select(ep + 1, &set, NULL, NULL, &wait));
	say_epoll("event", ep, 0);
	say_works(fd);
}

/**
 * struct waiter - a thread that waits on an epoll
 * @ep:		it
 * @ms:		at the most
 * @n:		what epoll_wait returned
 * @event:	the event
 */
struct waiter {
	int ep;
	int ms;
	int n;
	struct epoll_event event;
};

static void *wait_there(void *argument)
{
	struct waiter *w = argument;

	w->n = epoll_wait(w->ep, &w->event, 1, w->ms);
	return NULL;
}

/* Two threads wait on one epoll: one of them gets the one event. */
static void two_threads(const struct far *far, uint32_t mode, bool before)
{
	struct waiter w[2] = { 0 };
	int fd = stream(far, SOCK_NONBLOCK);
	pthread_t id[2];
	bool second;

	w[0].ep = w[1].ep = epoll_create1(0);
	w[0].ms = w[1].ms = 5 * PENDING_MS;
	if (before) {
		epoll_change(w[0].ep, EPOLL_CTL_ADD, fd, ALL | mode, 5);
		if (mode & EPOLLET)
			say_epoll("unconnected", w[0].ep, 0);
	}
	say_rc("connect", dial(fd, far));
	if (!before)
		epoll_change(w[0].ep, EPOLL_CTL_ADD, fd, ALL | mode, 5);
	for (int i = 0; i < 2; i++)
		id[i] = thread(wait_there, &w[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(id[i], NULL);
	say("together", "%d", w[0].n + w[1].n);
	second = w[1].n > 0;
	say_events("event", &w[second].event, w[second].n);
	say_works(fd);
}

static void two_threads_edge(const struct far *far)
{
	two_threads(far, EPOLLET, true);
}

static void two_threads_oneshot(const struct far *far)
{
	two_threads(far, EPOLLONESHOT, false);
}

static void two_threads_two_epolls(const struct far *far)
{
	struct waiter w[2] = { 0 };
	int fd = pending(far);
	pthread_t id[2];

	for (int i = 0; i < 2; i++) {
		w[i].ep = epoll_create1(0);
		w[i].ms = LONG_MS;
		epoll_change(w[i].ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, i);
		id[i] = thread(wait_there, &w[i]);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(id[i], NULL);
	say_events("first", &w[0].event, w[0].n);
	say_events("second", &w[1].event, w[1].n);
	say_works(fd);
}

/* The waiter sleeps already when the socket is registered and connected. */
static void blocked_before_add(const struct far *far)
{
	struct waiter w = { .ep = epoll_create1(0), .ms = LONG_MS };
	pthread_t id = thread(wait_there, &w);
	int fd;

	sleep_ms(SOON_MS);
	fd = pending(far);
	say_rc("add", epoll_change(w.ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 5));
	pthread_join(id, NULL);
	say_events("event", &w.event, w.n);
	say_surplus("surplus", w.ep);
	say_works(fd);
}

/* The socket is registered, a waiter sleeps, then the connect begins. */
static void blocked_before_connect(const struct far *far)
{
	struct waiter w = { .ep = epoll_create1(0), .ms = LONG_MS };
	int fd = stream(far, SOCK_NONBLOCK);
	pthread_t id;

	epoll_change(w.ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 5);
	say_epoll("unconnected", w.ep, 0);
	id = thread(wait_there, &w);
	sleep_ms(SOON_MS);
	say_rc("connect", dial(fd, far));
	pthread_join(id, NULL);
	say_events("event", &w.event, w.n);
	say_surplus("surplus", w.ep);
	say_works(fd);
}

/* Likewise, and the connecting thread waits too, by poll. */
static void blocked_before_and_poll(const struct far *far)
{
	struct waiter w = { .ep = epoll_create1(0), .ms = LONG_MS };
	int fd = stream(far, SOCK_NONBLOCK);
	pthread_t id;

	epoll_change(w.ep, EPOLL_CTL_ADD, fd, ALL | EPOLLONESHOT, 5);
	say_epoll("unconnected", w.ep, 0);
	epoll_change(w.ep, EPOLL_CTL_MOD, fd, ALL | EPOLLET, 6);
	say_epoll("rearmed", w.ep, 0);
	id = thread(wait_there, &w);
	sleep_ms(SOON_MS);
	say_rc("connect", dial(fd, far));
	say_poll("poll", fd, POLLOUT, LONG_MS);
	pthread_join(id, NULL);
	say_events("event", &w.event, w.n);
	say_works(fd);
}

static void many_at_once(const struct far *far)
{
	enum { MANY = 8 };
	int ep = epoll_create1(0), fd[MANY], total = 0, bad = 0;
	struct epoll_event events[MANY];

	for (int i = 0; i < MANY; i++) {
		fd[i] = stream(far, SOCK_NONBLOCK);
		if (dial(fd[i], far) == 0 || errno != EINPROGRESS)
			bad++;
		epoll_change(ep, EPOLL_CTL_ADD, fd[i], ALL | EPOLLET, i);
	}
	while (total < MANY) {
		int n = epoll_wait(ep, events, 3, LONG_MS);

		for (int i = 0; i < n; i++)
			bad += events[i].events != EPOLLOUT;
		if (n <= 0)
			break;
		total += n;
	}
	say("ready", "%d", total);
	say("bad", "%d", bad);
	say_surplus("surplus", ep);
	for (int i = 0; i < MANY; i++)
		say_works(fd[i]);
}

/* Other descriptors of the same epoll are reported while a connect pends. */
static void others_meanwhile(const struct far *far)
{
	int ep = epoll_create1(0), pipes[2], fd;
	char byte;

	if (pipe(pipes) < 0)
		return;
	fd = pending(far);
	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	epoll_change(ep, EPOLL_CTL_ADD, pipes[0], EPOLLIN, 2);
	say_rc("write", write(pipes[1], "x", 1));
	say_epoll("pipe", ep, LONG_MS);
	say_rc("read", read(pipes[0], &byte, 1));
	say_epoll("pending", ep, SOON_MS);
	say_rc("write", write(pipes[1], "x", 1));
	say_epoll("pipe", ep, LONG_MS);
	say_rc("read", read(pipes[0], &byte, 1));
	say_epoll("ready", ep, LONG_MS);
	say_works(fd);
}

/* --- fork ------------------------------------------------------------------ */

/* Both sides of a fork wait on the shared epoll. */
static void fork_both(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);
	pid_t pid;

	epoll_change(ep, EPOLL_CTL_ADD, fd, ALL, 3);
	pid = child();
	if (pid == 0) {
		say_epoll("child", ep, LONG_MS);
		say_so_error("child.so_error", fd);
		exit(0);
	}
	child_join("joined", pid);
	say_epoll("parent", ep, LONG_MS);
	say_works(fd);
}

/* Only the child waits; the parent uses the connection after it. */
static void fork_child_waits(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);
	pid_t pid;

	epoll_change(ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 3);
	pid = child();
	if (pid == 0) {
		say_epoll("child", ep, LONG_MS);
		say_works(fd);
		exit(0);
	}
	child_join("joined", pid);
	say_works(fd);
}

/* The parent lets go of the socket; the child's connect goes on. */
static void fork_parent_closes(const struct far *far)
{
	int go[2], fd, ep = epoll_create1(0);
	pid_t pid;
	char byte;

	if (pipe(go) < 0)
		return;
	fd = pending(far);
	epoll_change(ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 3);
	pid = child();
	if (pid == 0) {
		close(go[1]);
		say_rc("child.go", read(go[0], &byte, 1));
		say_epoll("child", ep, LONG_MS);
		say_works(fd);
		exit(0);
	}
	say_rc("close", close(fd));
	close(go[1]);
	child_join("joined", pid);
}

/* The child lets go of the socket; the parent's connect goes on. */
static void fork_child_closes(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);
	pid_t pid;

	epoll_change(ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 3);
	pid = child();
	if (pid == 0) {
		say_rc("child.close", close(fd));
		exit(0);
	}
	child_join("joined", pid);
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_works(fd);
}

/* The child lets go of everything, as who is about to exec does; the parent's goes on. */
static void fork_child_closes_all(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);
	pid_t pid;

	epoll_change(ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 3);
	pid = child();
	if (pid == 0) {
		say_rc("child.close", close(ep));
		say_rc("child.close", close(fd));
		exit(0);
	}
	child_join("joined", pid);
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_works(fd);
}

/* An epoll and a connection in each, and in both by the same numbers; the child's end. */
static void fork_same_numbers(const struct far *far)
{
	int go[2], ep, fd;
	pid_t pid;
	char byte;

	if (pipe(go) < 0)
		return;
	pid = child();
	ep = epoll_create1(0);
	fd = pending(far);
	epoll_change(ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 3);
	if (pid == 0) {
		say_rc("child.go", read(go[0], &byte, 1));
		say_rc("child.close", close(ep));
		exit(0);
	}
	if (write(go[1], "x", 1) != 1)
		return;
	child_join("joined", pid);
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_works(fd);
}

/* As event loops do it after a fork: the child has all in a new epoll, and drops it there. */
static void fork_child_loops_anew(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);
	pid_t pid;

	epoll_change(ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 3);
	pid = child();
	if (pid == 0) {
		close(ep);
		say("child.same", "%d", epoll_create1(0) == ep);
		say_rc("child.add",
		       epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 4));
		say_rc("child.del", epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
		say_rc("child.add",
		       epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 5));
		exit(0);
	}
	child_join("joined", pid);
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_works(fd);
}

/* The child begins the connect on a socket and an epoll that it inherited. */
static void fork_child_connects(const struct far *far)
{
	int ep = epoll_create1(0), fd = stream(far, SOCK_NONBLOCK);
	pid_t pid;

	epoll_change(ep, EPOLL_CTL_ADD, fd, ALL, 3);
	pid = child();
	if (pid == 0) {
		say_rc("child.connect", dial(fd, far));
		say_epoll("child", ep, LONG_MS);
		exit(0);
	}
	child_join("joined", pid);
	say_epoll("parent", ep, LONG_MS);
	say_works(fd);
}

enum {
	SHARED = 16
};

/* How many become writable in time. */
static int writable_of(const int *fds)
{
	struct pollfd polled[SHARED];
	int64_t end = now_ms() + LONG_MS;
	int done = 0;

	for (int i = 0; i < SHARED; i++)
		polled[i] = (struct pollfd){ .fd = fds[i], .events = POLLOUT };
	while (done < SHARED && now_ms() < end) {
		if (poll(polled, SHARED, (int)(end - now_ms())) < 0)
			return -errno;
		for (int i = 0; i < SHARED; i++) {
			if (polled[i].fd < 0 || !(polled[i].revents & POLLOUT))
				continue;
			polled[i].fd = -1;
			done++;
		}
	}
	return done;
}

/* The child connects what was there before it, and both wait for it by poll. */
static void fork_both_poll(const struct far *far)
{
	int fds[SHARED], go[2], writable;
	pid_t pid;
	char byte;

	if (pipe(go) < 0)
		return;
	for (int i = 0; i < SHARED; i++)
		fds[i] = stream(far, SOCK_NONBLOCK);
	pid = child();
	if (pid == 0) {
		for (int i = 0; i < SHARED; i++)
			dial(fds[i], far);
		if (write(go[1], "x", 1) != 1)
			exit(1);
		say("child.writable", "%d", writable_of(fds));
		exit(0);
	}
	if (read(go[0], &byte, 1) != 1)
		return;
	writable = writable_of(fds);
	child_join("joined", pid);
	say("writable", "%d", writable);
	say_works(fds[0]);
}

/* --- epoll_ctl while a connect pends --------------------------------------- */

static void ctl_errors(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);
	struct epoll_event e = { .events = ALL };

	say_rc("add", epoll_change(ep, EPOLL_CTL_ADD, fd, ALL, 1));
	say_rc("add.again", epoll_change(ep, EPOLL_CTL_ADD, fd, ALL, 1));
	say_rc("mod.exclusive",
	       epoll_change(ep, EPOLL_CTL_MOD, fd, ALL | EPOLLEXCLUSIVE, 1));
	say_rc("del", epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
	say_rc("del.again", epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
	say_rc("mod.absent", epoll_change(ep, EPOLL_CTL_MOD, fd, ALL, 1));
	say_rc("add.exclusive.rdhup",
	       epoll_change(ep, EPOLL_CTL_ADD, fd, ALL | EPOLLEXCLUSIVE, 1));
	say_rc("add.exclusive",
	       epoll_change(ep, EPOLL_CTL_ADD, fd,
			    EPOLLIN | EPOLLOUT | EPOLLEXCLUSIVE, 1));
	say_rc("mod.of.exclusive", epoll_change(ep, EPOLL_CTL_MOD, fd, ALL, 1));
	say_rc("bad.op", epoll_ctl(ep, 77, fd, &e));
	say_rc("bad.epoll", epoll_ctl(fd, EPOLL_CTL_ADD, ep, &e));
	say_rc("bad.fd", epoll_ctl(ep, EPOLL_CTL_ADD, -1, &e));
	say_rc("bad.self", epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e));
	say_rc("bad.event", epoll_ctl(ep, EPOLL_CTL_ADD, fd, NULL));
	say_epoll("ready", ep, LONG_MS);
	say_works(fd);
}

/* MOD while pending: the new events and data hold afterwards. */
static void mod_pending(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 1);
	say_epoll("pending", ep, SOON_MS);
	say_rc("mod", epoll_change(ep, EPOLL_CTL_MOD, fd, EPOLLOUT, 2));
	say_epoll("ready", ep, LONG_MS);
	say_works(fd);
	say_epoll("later", ep, 0);
}

static void mod_to_edge(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	say_rc("mod", epoll_change(ep, EPOLL_CTL_MOD, fd, ALL | EPOLLET, 2));
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_works(fd);
}

static void mod_to_oneshot(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	say_rc("mod",
	       epoll_change(ep, EPOLL_CTL_MOD, fd, ALL | EPOLLONESHOT, 2));
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_works(fd);
}

/* MOD to no events: none comes, though the connect is done. */
static void mod_to_nothing(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	say_rc("mod", epoll_change(ep, EPOLL_CTL_MOD, fd, 0, 2));
	say_epoll("waited", ep, 3 * PENDING_MS);
	say_poll("poll", fd, POLLOUT, LONG_MS);
	say_rc("mod", epoll_change(ep, EPOLL_CTL_MOD, fd, EPOLLOUT, 3));
	say_epoll("ready", ep, LONG_MS);
	say_works(fd);
}

static void del_pending(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	say_rc("del", epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
	say_epoll("waited", ep, 3 * PENDING_MS);
	say_poll("poll", fd, POLLOUT, LONG_MS);
	say_rc("add", epoll_change(ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 2));
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_works(fd);
}

/* Taken out and put back, as libev and others do instead of MOD. */
static void del_add_pending(const struct far *far)
{
	int ep = epoll_create1(0), fd = stream(far, SOCK_NONBLOCK);

	epoll_change(ep, EPOLL_CTL_ADD, fd, ALL, 1);
	say_rc("connect", dial(fd, far));
	say_rc("del", epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
	say_rc("add", epoll_change(ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 2));
	say_epoll("pending", ep, 0);
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_works(fd);
}

/* --- closing while a connect pends ----------------------------------------- */

static void close_pending(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far), again;

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	say_rc("close", close(fd));
	say_epoll("waited", ep, 3 * PENDING_MS);
	again = stream(far, SOCK_NONBLOCK);
	say("same number", "%d", again == fd);
	say_rc("connect", dial(again, far));
	say_rc("add", epoll_change(ep, EPOLL_CTL_ADD, again, ALL, 2));
	say_epoll("ready", ep, LONG_MS);
	say_works(again);
}

/* The number goes, the open file stays registered under it. */
static void close_original(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far), other;

	epoll_change(ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 1);
	other = dup(fd);
	say_rc("close", close(fd));
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_works(other);
}

/* Likewise, waiting by poll on the copy. */
static void close_original_poll(const struct far *far)
{
	int fd = pending(far), other = fcntl(fd, F_DUPFD_CLOEXEC, 50);

	say_rc("close", close(fd));
	say_rc("again", dial(other, far));
	say_poll("pending", other, POLLOUT, SOON_MS);
	say_poll("ready", other, POLLOUT, LONG_MS);
	say_works(other);
}

/* The number is given to something else meanwhile. */
static void dup2_over(const struct far *far)
{
	int fd = pending(far), pipes[2], ep = epoll_create1(0);

	if (pipe(pipes) < 0)
		return;
	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	say("dup2", "%d", dup2(pipes[0], fd) == fd);
	say_poll("pipe", fd, POLLIN, SOON_MS);
	say_rc("write", write(pipes[1], "x", 1));
	say_poll("pipe", fd, POLLIN, LONG_MS);
	say_epoll("epoll", ep, 3 * PENDING_MS);
	say_peer("peer", fd);
}

/* The epoll goes while the connect pends, and its number comes back. */
static void close_epoll(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far), again;

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	say_rc("close", close(ep));
	again = epoll_create1(0);
	say("same number", "%d", again == ep);
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_epoll("empty", again, SOON_MS);
	say_works(fd);
}

static void shutdown_pending(const struct far *far, int how)
{
	int ep = epoll_create1(0), fd = pending(far);

	epoll_change(ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 1);
	say_epoll("pending", ep, 0);
	say_rc("shutdown", shutdown(fd, how));
	say_epoll("event", ep, 4 * PENDING_MS);
	say_poll("poll", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	say_so_error("so_error", fd);
	say_peer("peer", fd);
	say_rc("write", write(fd, "x", 1));
	say_rc("connect.good", dial_good(fd, far));
	say_poll("ready", fd, POLLOUT, LONG_MS);
}

static void shutdown_write(const struct far *far)
{
	shutdown_pending(far, SHUT_WR);
}

static void shutdown_both(const struct far *far)
{
	shutdown_pending(far, SHUT_RDWR);
}

/* --- epoll's timeouts and signal masks ------------------------------------- */

static void epoll_timeout(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);
	int64_t start;

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	start = now_ms();
	say_epoll("first", ep, SOON_MS);
	say_took("took", start, SOON_MS);
	say_epoll("second", ep, SOON_MS);
	say_epoll("ready", ep, -1);
	say_works(fd);
}

static void epoll_pwait_null(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far), n;
	struct epoll_event events[4];

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	n = epoll_pwait(ep, events, 4, SOON_MS, NULL);
	say_events("pending", events, n);
	n = epoll_pwait(ep, events, 4, -1, NULL);
	say_events("ready", events, n);
	say_works(fd);
}

/* A blocked signal that waits is let in by the call's mask alone. */
static void epoll_pwait_mask(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far), n;
	struct epoll_event events[4];
	sigset_t block, none;

	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	on_signal(SIGUSR1, catch_it, SA_RESTART);
	raise(SIGUSR1);
	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	n = epoll_pwait(ep, events, 4, SOON_MS, &block);
	say_events("masked", events, n);
	say("caught", "%d", (int)caught);
	n = epoll_pwait(ep, events, 4, LONG_MS, &none);
	say_events("unmasked", events, n);
	say("caught", "%d", (int)caught);
	n = epoll_pwait(ep, events, 4, LONG_MS, &none);
	say_events("ready", events, n);
	say_works(fd);
}

static void epoll_pwait2_row(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far), n;
	struct timespec soon = { 0, SOON_MS * 1000000L };
	struct epoll_event events[4];
	int64_t start;

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	start = now_ms();
	n = epoll_pwait2(ep, events, 4, &soon, NULL);
	say_events("pending", events, n);
	say_took("took", start, SOON_MS);
	say("timeout", "%d", soon.tv_nsec == SOON_MS * 1000000L);
	n = epoll_pwait2(ep, events, 4, NULL, NULL);
	say_events("ready", events, n);
	say_works(fd);
}

/* epoll_wait ends with EINTR whatever the handler's flags; the mask swaps. */
static void epoll_interrupted(const struct far *far)
{
	int ep = epoll_create1(0), fd;
	struct timespec later = { LONG_MS / 1000, 0 };
	struct epoll_event events[4];
	sigset_t alarms, none;
	int n;

	on_signal(SIGALRM, catch_it, SA_RESTART);
	fd = pending(far);
	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	alarm_ms(SOON_MS, 0);
	say_epoll("interrupted", ep, LONG_MS);
	say("caught", "%d", (int)caught);
	sigemptyset(&none);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarms, NULL);
	alarm_ms(SOON_MS, 0);
	n = epoll_pwait2(ep, events, 4, &later, &none);
	say_events("interrupted", events, n);
	say("caught", "%d", (int)caught);
	alarm_ms(SOON_MS, 0);
	say_epoll("blocked", ep, LONG_MS);
	say("caught", "%d", (int)caught);
	say_works(fd);
}

static void epoll_bad_arguments(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);
	struct epoll_event events[1];
	volatile int negative = -1; /* the compiler would complain */

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	say_rc("none", epoll_wait(ep, events, 0, 0));
	say_rc("negative", epoll_wait(ep, events, negative, 0));
	say_rc("closed", epoll_wait(-1, events, 1, 0));
	say_rc("socket", epoll_wait(fd, events, 1, 0));
	say_epoll("ready", ep, LONG_MS);
	say_works(fd);
}

/* --- poll ------------------------------------------------------------------ */

static void poll_row(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK);
	int64_t start;

	say_poll("unconnected", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	say_rc("connect", dial(fd, far));
	say_poll("now", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	start = now_ms();
	say_poll("pending", fd, POLLIN | POLLOUT | POLLRDHUP, SOON_MS);
	say_took("took", start, SOON_MS);
	say_poll("ready", fd, POLLIN | POLLOUT | POLLRDHUP, LONG_MS);
	say_poll("again", fd, POLLOUT | POLLWRNORM | POLLWRBAND, 0);
	say_works(fd);
}

static void poll_no_events(const struct far *far)
{
	int fd = pending(far);

	say_poll("waited", fd, 0, 3 * PENDING_MS);
	say_poll("pri", fd, POLLPRI, SOON_MS);
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_poll("nothing", fd, 0, SOON_MS);
	say_works(fd);
}

static void poll_in_banner(const struct far *far)
{
	int fd = pending(far);

	say_poll("pending", fd, POLLIN, SOON_MS);
	say_poll("ready", fd, POLLIN, LONG_MS);
	say_line("line", fd);
	say_works(fd);
}

/* Two sockets, a pipe, an unused slot and a closed descriptor. */
static void poll_many(const struct far *far)
{
	int one = pending(far), two = pending(far), pipes[2], n;
	struct pollfd p[] = {
		{ .fd = one, .events = POLLOUT }, { .fd = -1, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },	  { .fd = two, .events = POLLIN },
		{ .fd = 900, .events = POLLIN },
	};

	if (pipe(pipes) < 0)
		return;
	p[2].fd = pipes[0];
	n = poll(p, 5, SOON_MS);
	say("closed", "%d: %x %x %x %x %x", n, p[0].revents, p[1].revents,
	    p[2].revents, p[3].revents, p[4].revents);
	n = poll(p, 4, SOON_MS);
	say("pending", "%d: %x %x %x %x", n, p[0].revents, p[1].revents,
	    p[2].revents, p[3].revents);
	say_rc("write", write(pipes[1], "x", 1));
	n = poll(p, 4, LONG_MS);
	say("pipe", "%d: %x %x %x %x", n, p[0].revents, p[1].revents,
	    p[2].revents, p[3].revents);
	p[2].fd = -1;
	n = poll(p, 4, -1);
	say("ready", "%d: %x %x %x %x", n, p[0].revents, p[1].revents,
	    p[2].revents, p[3].revents);
	say_works(one);
	say_poll("two", two, POLLOUT, LONG_MS);
	say_works(two);
}

static void *poll_there(void *argument)
{
	struct pollfd *p = argument;

	poll(p, 1, LONG_MS);
	return NULL;
}

static void poll_two_threads(const struct far *far)
{
	struct pollfd p[2] = { { .events = POLLOUT },
			       { .events = POLLIN | POLLOUT } };
	pthread_t id[2];
	int fd = pending(far);

	for (int i = 0; i < 2; i++) {
		p[i].fd = fd;
		id[i] = thread(poll_there, &p[i]);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(id[i], NULL);
	say("first", "%x", p[0].revents);
	say("second", "%x", p[1].revents);
	say_works(fd);
}

/* Another thread's poll sleeps on a pipe while a connect comes and goes. */
static void poll_thread_elsewhere(const struct far *far)
{
	struct pollfd p = { .events = POLLIN };
	int pipes[2], fd;
	pthread_t id;

	if (pipe(pipes) < 0)
		return;
	p.fd = pipes[0];
	id = thread(poll_there, &p);
	fd = pending(far);
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_rc("write", write(pipes[1], "x", 1));
	pthread_join(id, NULL);
	say("pipe", "%x", p.revents);
	say_works(fd);
}

static void poll_interrupted(const struct far *far)
{
	int fd;

	on_signal(SIGALRM, catch_it, SA_RESTART);
	fd = pending(far);
	alarm_ms(SOON_MS, 0);
	say_poll("interrupted", fd, POLLOUT, LONG_MS);
	say("caught", "%d", (int)caught);
	say_poll("ready", fd, POLLOUT, -1);
	say_works(fd);
}

static void say_ppoll(const char *key, int fd, const struct timespec *wait,
		      const sigset_t *mask)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int n = ppoll(&p, 1, wait, mask);

	if (n < 0)
		say(key, "%s", errno_name(errno));
	else
		say(key, "%d:0x%x", n, (unsigned int)p.revents);
}

static void ppoll_row(const struct far *far)
{
	struct timespec soon = { 0, SOON_MS * 1000000L };
	struct timespec bad = { 0, 1000000000L };
	sigset_t block, none;
	int fd = pending(far);
	int64_t start;

	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	on_signal(SIGUSR1, catch_it, 0);
	raise(SIGUSR1);
	start = now_ms();
	say_ppoll("masked", fd, &soon, NULL);
	say_took("took", start, SOON_MS);
	say("timeout", "%d", soon.tv_nsec == SOON_MS * 1000000L);
	say("caught", "%d", (int)caught);
	say_ppoll("unmasked", fd, NULL, &none);
	say("caught", "%d", (int)caught);
	say_ppoll("bad", fd, &bad, NULL);
	say_ppoll("ready", fd, NULL, &none);
	say_works(fd);
}

/* --- select ---------------------------------------------------------------- */

/* What select says of one descriptor, and what it leaves of the time. */
static void say_select(const char *key, int fd, int ms, bool forever)
{
	struct timeval wait = { ms / 1000, ms % 1000 * 1000 };
	fd_set r, w, e;
	int n, left;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&e);
	FD_SET(fd, &r);
	FD_SET(fd, &w);
	FD_SET(fd, &e);
	n = select(fd + 1, &r, &w, &e, forever ? NULL : &wait);
	left = (int)(wait.tv_sec * 1000 + wait.tv_usec / 1000);
	if (n < 0)
		say(key, "%s", errno_name(errno));
	else
		say(key, "%d:%d%d%d left %s", n, FD_ISSET(fd, &r) != 0,
		    FD_ISSET(fd, &w) != 0, FD_ISSET(fd, &e) != 0,
		    left == 0	  ? "nothing"
		    : left >= ms  ? "all"
				  : "some");
}

static void select_row(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK);
	int64_t start;

	say_select("unconnected", fd, 0, false);
	say_rc("connect", dial(fd, far));
	say_select("now", fd, 0, false);
	start = now_ms();
	say_select("pending", fd, SOON_MS, false);
	say_took("took", start, SOON_MS);
	say_select("ready", fd, LONG_MS, false);
	say_select("again", fd, LONG_MS, true);
	say_works(fd);
}

static void select_forever(const struct far *far)
{
	int fd = pending(far);

	say_select("ready", fd, 0, true);
	say_works(fd);
}

/* Only one set, and a second descriptor below it. */
static void select_write_only(const struct far *far)
{
	int pipes[2], fd;
	fd_set r, w;

	if (pipe(pipes) < 0)
		return;
	fd = pending(far);
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(pipes[0], &r);
	FD_SET(fd, &w);
	say_rc("select", select(fd + 1, &r, &w, NULL, NULL));
	say("pipe", "%d", FD_ISSET(pipes[0], &r) != 0);
	say("socket", "%d", FD_ISSET(fd, &w) != 0);
	say_works(fd);
}

static void select_read_banner(const struct far *far)
{
	int fd = pending(far);
	fd_set r;

	FD_ZERO(&r);
	FD_SET(fd, &r);
	say_rc("select", select(fd + 1, &r, NULL, NULL, NULL));
	say("socket", "%d", FD_ISSET(fd, &r) != 0);
	say_line("line", fd);
	say_works(fd);
}

static void select_interrupted(const struct far *far)
{
	int fd;

	on_signal(SIGALRM, catch_it, SA_RESTART);
	fd = pending(far);
	alarm_ms(SOON_MS, 0);
	say_select("interrupted", fd, LONG_MS, false);
	say("caught", "%d", (int)caught);
	say_select("ready", fd, LONG_MS, false);
	say_works(fd);
}

static void pselect_row(const struct far *far)
{
	struct timespec soon = { 0, SOON_MS * 1000000L };
	sigset_t block, none;
	int fd = pending(far);
	fd_set w;

	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	on_signal(SIGUSR1, catch_it, 0);
	raise(SIGUSR1);
	FD_ZERO(&w);
	FD_SET(fd, &w);
	say_rc("masked", pselect(fd + 1, NULL, &w, NULL, &soon, NULL));
	say("timeout", "%d", soon.tv_nsec == SOON_MS * 1000000L);
	say("caught", "%d", (int)caught);
	FD_SET(fd, &w);
	say_rc("unmasked", pselect(fd + 1, NULL, &w, NULL, NULL, &none));
	say("caught", "%d", (int)caught);
	say("set kept", "%d", FD_ISSET(fd, &w) != 0);
	say_rc("ready", pselect(fd + 1, NULL, &w, NULL, NULL, &none));
	say("socket", "%d", FD_ISSET(fd, &w) != 0);
	say_works(fd);
}

static void select_bad_arguments(const struct far *far)
{
	int fd = pending(far), pipes[2];
	struct timeval bad = { 0, -1 };
	fd_set w;

	if (pipe(pipes) < 0)
		return;
	close(pipes[0]);
	FD_ZERO(&w);
	FD_SET(fd, &w);
	say_rc("negative", select(-1, NULL, &w, NULL, NULL));
	say_rc("time", select(fd + 1, NULL, &w, NULL, &bad));
	FD_SET(pipes[0], &w);
	say_rc("closed", select(pipes[0] + 1, NULL, &w, NULL, NULL));
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_works(fd);
}

/* --- not waiting: asking again and again ----------------------------------- */

static void connect_again(const struct far *far)
{
	int fd = pending(far);

	say_rc("pending", dial(fd, far));
	say_rc("other", dial_good(fd, far));
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_rc("first", dial(fd, far));
	say_rc("second", dial(fd, far));
	say_works(fd);
	say_rc("third", dial(fd, far));
}

static void connect_polling(const struct far *far)
{
	int64_t end = now_ms() + LONG_MS;
	int fd = pending(far), rc;

	while ((rc = dial(fd, far)) < 0 && errno == EALREADY && now_ms() < end)
		sleep_ms(5);
	say_rc("done", rc);
	say_rc("again", dial(fd, far));
	say_works(fd);
}

static void peer_polling(const struct far *far)
{
	struct sockaddr_storage peer;
	int64_t end = now_ms() + LONG_MS;
	int fd = stream(far, SOCK_NONBLOCK);
	socklen_t len;

	say_peer("unconnected", fd);
	say_rc("connect", dial(fd, far));
	say_peer("pending", fd);
	do {
		sleep_ms(5);
		len = sizeof(peer);
	} while (getpeername(fd, (void *)&peer, &len) < 0 &&
		 errno == ENOTCONN && now_ms() < end);
	say_works(fd);
}

/* SO_ERROR is 0 while pending and after; a poll of no time tells which. */
static void so_error_polling(const struct far *far)
{
	struct pollfd p = { .events = POLLOUT };
	int64_t end = now_ms() + LONG_MS;
	int error = 0, seen = 0;
	socklen_t len = sizeof(error);

	p.fd = pending(far);
	do {
		sleep_ms(5);
		getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &len);
		seen |= error;
	} while (poll(&p, 1, 0) == 0 && now_ms() < end);
	say("seen", "%s", errno_name(seen));
	say("poll", "%x", p.revents);
	say_works(p.fd);
}

static void write_polling(const struct far *far)
{
	int64_t end = now_ms() + LONG_MS;
	int fd = pending(far);
	char back[6] = "";
	ssize_t n;

	say_rc("pending", write(fd, "hello", 5));
	while ((n = write(fd, "hello", 5)) < 0 && errno == EAGAIN &&
	       now_ms() < end)
		sleep_ms(5);
	say_rc("written", n);
	say_rc("read", (long)read_all(fd, back, 5));
	say("back", "%s", back);
	say_works(fd);
}

static void read_polling(const struct far *far)
{
	int64_t end = now_ms() + LONG_MS;
	int fd = pending(far);
	char byte = 0;
	ssize_t n;

	say_rc("pending", read(fd, &byte, 1));
	while ((n = read(fd, &byte, 1)) < 0 && errno == EAGAIN &&
	       now_ms() < end)
		sleep_ms(5);
	say_rc("read", n);
	say("byte", "%c", byte);
	say_line("rest", fd);
	say_works(fd);
}

/* The program sleeps, then looks once. */
static void asleep_epoll(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT | EPOLLET, 1);
	sleep_ms(6 * PENDING_MS);
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_works(fd);
}

static void asleep_write(const struct far *far)
{
	int fd = pending(far);

	set_nonblocking(fd, false);
	sleep_ms(6 * PENDING_MS);
	say_works(fd);
}

/* Made blocking while pending: calls wait for the connection. */
static void unblocked_write(const struct far *far)
{
	int fd = pending(far);

	set_nonblocking(fd, false);
	say_echo("echo", fd);
	say_works(fd);
}

static void unblocked_read(const struct far *far)
{
	int fd = pending(far);

	set_nonblocking(fd, false);
	say_line("line", fd);
	say_works(fd);
}

static void unblocked_connect(const struct far *far)
{
	int fd = pending(far);

	set_nonblocking(fd, false);
	say_rc("connect", dial(fd, far));
	say_rc("again", dial(fd, far));
	say_works(fd);
}

static const struct row rows[] = {
	{ "level-before", "echo", level_before },
	{ "level-before-unfetched", "echo", level_before_unfetched },
	{ "level-after", "echo", level_after },
	{ "level-out-before", "echo", level_out_before },
	{ "level-out-after", "echo", level_out_after },
	{ "edge-before", "echo", edge_before },
	{ "edge-before-unfetched", "echo", edge_before_unfetched },
	{ "edge-after", "echo", edge_after },
	{ "edge-out-before", "echo", edge_out_before },
	{ "edge-out-after", "echo", edge_out_after },
	{ "edge-before-v6", "echo6", edge_before },
	{ "oneshot-before", "echo", oneshot_before },
	{ "oneshot-fired", "echo", oneshot_fired },
	{ "oneshot-after", "echo", oneshot_after },
	{ "edge-oneshot-before", "echo", edge_oneshot_before },
	{ "edge-oneshot-fired", "echo", edge_oneshot_fired },
	{ "edge-oneshot-after", "echo", edge_oneshot_after },
	{ "exclusive-before", "echo", exclusive_before },
	{ "exclusive-after", "echo", exclusive_after },
	{ "edge-exclusive-before", "echo", edge_exclusive_before },
	{ "edge-exclusive-after", "echo", edge_exclusive_after },
	{ "wakeup-after", "echo", wakeup_after },
	{ "no-events", "echo", no_events },
	{ "in-banner", "banner", in_banner },
	{ "in-echo", "echo", in_echo },
	{ "several-epolls", "echo", several_epolls },
	{ "dup-registered", "echo", dup_registered },
	{ "nested", "echo", nested },
	{ "in-poll", "echo", in_poll },
	{ "in-select", "echo", in_select },
	{ "by-number", "echo", by_number },
	{ "two-threads-edge", "echo", two_threads_edge },
	{ "two-threads-oneshot", "echo", two_threads_oneshot },
	{ "two-threads-two-epolls", "echo", two_threads_two_epolls },
	{ "blocked-before-add", "echo", blocked_before_add },
	{ "blocked-before-connect", "echo", blocked_before_connect },
	{ "blocked-before-and-poll", "echo", blocked_before_and_poll },
	{ "many-at-once", "echo", many_at_once },
	{ "others-meanwhile", "echo", others_meanwhile },
	{ "fork-both", "echo", fork_both },
	{ "fork-child-waits", "echo", fork_child_waits },
	{ "fork-parent-closes", "echo", fork_parent_closes },
	{ "fork-child-closes", "echo", fork_child_closes },
	{ "fork-child-closes-all", "echo", fork_child_closes_all },
	{ "fork-child-loops-anew", "echo", fork_child_loops_anew },
	{ "fork-same-numbers", "echo", fork_same_numbers },
	{ "fork-child-connects", "echo", fork_child_connects },
	{ "fork-both-poll", "echo", fork_both_poll },
	{ "ctl-errors", "echo", ctl_errors },
	{ "mod-pending", "echo", mod_pending },
	{ "mod-to-edge", "echo", mod_to_edge },
	{ "mod-to-oneshot", "echo", mod_to_oneshot },
	{ "mod-to-nothing", "echo", mod_to_nothing },
	{ "del-pending", "echo", del_pending },
	{ "del-add-pending", "echo", del_add_pending },
	{ "close-pending", "echo", close_pending },
	{ "close-original", "echo", close_original },
	{ "close-original-poll", "echo", close_original_poll },
	{ "dup2-over", "echo", dup2_over },
	{ "close-epoll", "echo", close_epoll },
	{ "shutdown-write", "echo", shutdown_write },
	{ "shutdown-both", "echo", shutdown_both },
	{ "epoll-timeout", "echo", epoll_timeout },
	{ "epoll-pwait-null", "echo", epoll_pwait_null },
	{ "epoll-pwait-mask", "echo", epoll_pwait_mask },
	{ "epoll-pwait2", "echo", epoll_pwait2_row },
	{ "epoll-interrupted", "echo", epoll_interrupted },
	{ "epoll-bad-arguments", "echo", epoll_bad_arguments },
	{ "poll", "echo", poll_row },
	{ "poll-v6", "echo6", poll_row },
	{ "poll-no-events", "echo", poll_no_events },
	{ "poll-in-banner", "banner", poll_in_banner },
	{ "poll-many", "echo", poll_many },
	{ "poll-two-threads", "echo", poll_two_threads },
	{ "poll-thread-elsewhere", "echo", poll_thread_elsewhere },
	{ "poll-interrupted", "echo", poll_interrupted },
	{ "ppoll", "echo", ppoll_row },
	{ "select", "echo", select_row },
	{ "select-forever", "echo", select_forever },
	{ "select-write-only", "echo", select_write_only },
	{ "select-read-banner", "banner", select_read_banner },
	{ "select-interrupted", "echo", select_interrupted },
	{ "pselect", "echo", pselect_row },
	{ "select-bad-arguments", "echo", select_bad_arguments },
	{ "connect-again", "echo", connect_again },
	{ "connect-polling", "echo", connect_polling },
	{ "peer-polling", "echo", peer_polling },
	{ "so-error-polling", "echo", so_error_polling },
	{ "write-polling", "echo", write_polling },
	{ "read-polling", "banner", read_polling },
	{ "asleep-epoll", "echo", asleep_epoll },
	{ "asleep-write", "echo", asleep_write },
	{ "unblocked-write", "echo", unblocked_write },
	{ "unblocked-read", "banner", unblocked_read },
	{ "unblocked-connect", "echo", unblocked_connect },
};

VICTIM_MAIN(rows)
