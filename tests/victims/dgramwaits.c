/* SPDX-License-Identifier: MIT */
/*
 * dgramwaits.c - waiting for datagrams: by every call, signal and thread that tells of them
 *
 * The far side echoes.
 */
#include <sys/ioctl.h>
#include <sys/signalfd.h>

#include "tests/victims/dgrams.h"

/* --- epoll ---------------------------------------------------------------------------- */

static void drain(const struct far *far, int fd)
{
	say_next("next", far, fd, BUFFER, MSG_DONTWAIT);
	say_rc("empty", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
}

static void level(const struct far *far)
{
	int ep = epoll_create1(0);
	int fd = datagram(far, SOCK_NONBLOCK);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 7);
	say_epoll("nothing", ep, 0);
	say_rc("send", send_to(fd, far, words, WORDS, 0));
	say_epoll("1", ep, LONG_MS);
	say_epoll("2", ep, LONG_MS);
	drain(far, fd);
	say_epoll("3", ep, 0);
	epoll_change(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT, 8);
	say_epoll("out", ep, LONG_MS);
	epoll_change(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 9);
	say_rc("send", send_to(fd, far, words, WORDS, 0));
	say_epoll("4", ep, LONG_MS);
	drain(far, fd);
	epoll_change(ep, EPOLL_CTL_DEL, fd, 0, 0);
	say_rc("send", send_to(fd, far, words, WORDS, 0));
	say_poll("in", fd, POLLIN, LONG_MS);
	say_epoll("gone", ep, SOON_MS);
}

static void edge(const struct far *far)
{
	int ep = epoll_create1(0);
	int fd = datagram(far, SOCK_NONBLOCK);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 7);
	for (int i = 0; i < 3; i++) {
		say_rc("send", send_to(fd, far, words, WORDS, 0));
		say_epoll("edge", ep, LONG_MS);
		say_surplus("surplus", ep);
		drain(far, fd);
		say_surplus("surplus", ep);
	}
	dial(fd, far);
	say_rc("send", send(fd, words, WORDS, 0));
	say_epoll("connected", ep, LONG_MS);
	drain(far, fd);
}

static void once(const struct far *far)
{
	int ep = epoll_create1(0);
	int fd = connected(far, SOCK_NONBLOCK);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT, 7);
	for (int i = 0; i < 3; i++) {
		say_rc("send", send(fd, words, WORDS, 0));
		say_epoll("once", ep, LONG_MS);
		say_surplus("surplus", ep);
		drain(far, fd);
		say_rc("send", send(fd, words, WORDS, 0));
		say_poll("in", fd, POLLIN, LONG_MS);
		say_surplus("surplus", ep);
		drain(far, fd);
		epoll_change(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT, 8);
	}
}

static void exclusive(const struct far *far)
{
	int ep = epoll_create1(0), other = epoll_create1(0);
	int fd = connected(far, SOCK_NONBLOCK);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLEXCLUSIVE, 7);
	epoll_change(other, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 8);
	say_rc("send", send(fd, words, WORDS, 0));
	say_epoll("exclusive", ep, LONG_MS);
	say_epoll("other", other, LONG_MS);
	drain(far, fd);
	say_surplus("surplus", ep);
	say_surplus("surplus", other);
}

static void nested(const struct far *far)
{
	int ep = epoll_create1(0), outer = epoll_create1(0);
	int fd = datagram(far, SOCK_NONBLOCK);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 7);
	epoll_change(outer, EPOLL_CTL_ADD, ep, EPOLLIN, 8);
	say_rc("send", send_to(fd, far, words, WORDS, 0));
	say_epoll("outer", outer, LONG_MS);
	say_epoll("inner", ep, 0);
	drain(far, fd);
	say_rc("send", send_to(fd, far, words, WORDS, 0));
	say_poll("polled", ep, POLLIN, LONG_MS);
	say_epoll("inner", ep, 0);
	drain(far, fd);
}

/* --- the other calls ------------------------------------------------------------------- */

/* SIGALRM is blocked but in the wait, which it ends, or not, as the mask says. */
static void masked(const struct far *far)
{
	struct timespec patience = { .tv_sec = 8 };
	sigset_t alarm_only, nothing;
	int ep = epoll_create1(0);
	fd_set in;

	sigemptyset(&nothing);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm_only, NULL);
	on_signal(SIGALRM, catch_it, 0);
	for (int call = 0; call < 4; call++) {
		int fd = datagram(far, SOCK_NONBLOCK);
		struct pollfd pollfd = { .fd = fd, .events = POLLIN };
		struct epoll_event event = { 0 };
		long r = 0;

		epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 7);
		for (int sent = 0; sent < 2; sent++) {
			if (sent)
				say_rc("send",
				       send_to(fd, far, words, WORDS, 0));
			else
				alarm_ms(SOON_MS, 0);
			FD_ZERO(&in);
			FD_SET(fd, &in);
			switch (call) {
			case 0:
				r = ppoll(&pollfd, 1, &patience, &nothing);
				break;
			case 1:
				r = pselect(fd + 1, &in, NULL, NULL, &patience,
					    &nothing);
				break;
			case 2:
				r = epoll_pwait(ep, &event, 1, LONG_MS,
						&nothing);
				break;
			default:
				r = epoll_pwait2(ep, &event, 1, &patience,
						 &nothing);
				break;
			}
			say_rc(sent ? "came" : "interrupted", r);
		}
		say("events", "%x", event.events);
		say("caught", "%d", (int)caught);
		drain(far, fd);
		close(fd);
	}
}

static void timeouts(const struct far *far)
{
	struct timespec soon = { .tv_nsec = SOON_MS * 1000000L };
	struct timeval time = { .tv_usec = SOON_MS * 1000 };
	struct timeval patience = { .tv_sec = 5 };
	int ep = epoll_create1(0);
	int fd = datagram(far, 0);
	struct epoll_event event;
	int64_t start;
	fd_set in;

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 7);
	for (int sent = 0; sent < 2; sent++) {
		if (sent) {
			send_to(fd, far, words, WORDS, 0);
			say_next("next", far, fd, BUFFER, 0);
		}
		start = now_ms();
		say_poll("poll", fd, POLLIN, SOON_MS);
		say_took("poll.took", start, SOON_MS);
		FD_ZERO(&in);
		FD_SET(fd, &in);
		start = now_ms();
		time.tv_usec = SOON_MS * 1000;
		say_rc("select", select(fd + 1, &in, NULL, NULL, &time));
		say_took("select.took", start, SOON_MS);
		say("select.left", "%ld", (long)time.tv_usec);
		start = now_ms();
		say_rc("pwait2", epoll_pwait2(ep, &event, 1, &soon, NULL));
		say_took("pwait2.took", start, SOON_MS);
		time.tv_usec = SOON_MS * 1000;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
		start = now_ms();
		say_rc("recv", recv(fd, buffer, BUFFER, 0));
		say_took("recv.took", start, SOON_MS);
		start = now_ms();
		say_rc("read", read(fd, buffer, BUFFER));
		say_took("read.took", start, SOON_MS);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			   sizeof(patience));
	}
}

static void modes(const struct far *far)
{
	int fd = datagram(far, 0), on = 1;

	set_nonblocking(fd, true);
	say_rc("empty", recv(fd, buffer, BUFFER, 0));
	say_rc("send", send_to(fd, far, words, WORDS, 0));
	set_nonblocking(fd, false);
	say_next("blocking", far, fd, BUFFER, 0);
	ioctl(fd, FIONBIO, &on);
	say_rc("empty", recv(fd, buffer, BUFFER, 0));
	say_rc("read", read(fd, buffer, BUFFER));
	set_nonblocking(fd, false);
	say_rc("dontwait", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
	say_rc("send", send_to(fd, far, words, WORDS, 0));
	say_next("blocking", far, fd, BUFFER, 0);
}

/* --- signals ---------------------------------------------------------------------------- */

static void own_signals(int fd, int signo)
{
	fcntl(fd, F_SETOWN, getpid());
	if (signo)
		fcntl(fd, F_SETSIG, signo);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC | O_NONBLOCK);
}

/* A program that sleeps until it is told: first by SIGIO, then by a queued signal. */
static void signalled(const struct far *far)
{
	for (int signo = 0; signo <= SIGRTMIN; signo += SIGRTMIN) {
		int wanted = signo ? signo : SIGIO;
		struct timespec patience = { .tv_sec = 8 };
		int fd = datagram(far, 0);
		siginfo_t info;
		sigset_t set;
		int r = -1;

		sigemptyset(&set);
		sigaddset(&set, wanted);
		sigprocmask(SIG_BLOCK, &set, NULL);
		own_signals(fd, signo);
		say_rc("send", send_to(fd, far, words, WORDS, 0));
		/* It may be told of what is none: then there is nothing. */
		for (int i = 0; i < 20 && r < 0; i++) {
			if (sigtimedwait(&set, &info, &patience) != wanted)
				break;
			r = (int)recv(fd, buffer, BUFFER, 0);
		}
		say("got", "%d", r);
		say("fd", "%d", signo == 0 || info.si_fd == fd);
		say_rc("send", send_to(fd, far, words, WORDS, 0));
		r = -1;
		for (int i = 0; i < 20 && r < 0; i++) {
			if (sigtimedwait(&set, &info, &patience) != wanted)
				break;
			r = (int)recv(fd, buffer, BUFFER, 0);
		}
		say("got", "%d", r);
		close(fd);
	}
}

static void signalled_by_fd(const struct far *far)
{
	int fd = datagram(far, 0), signals, ep = epoll_create1(0);
	struct signalfd_siginfo info;
	sigset_t set;
	int r = -1;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_NONBLOCK);
	epoll_change(ep, EPOLL_CTL_ADD, signals, EPOLLIN, 7);
	own_signals(fd, 0);
	say_rc("send", send_to(fd, far, words, WORDS, 0));
	for (int i = 0; i < 20 && r < 0; i++) {
		struct epoll_event event;

		if (epoll_wait(ep, &event, 1, LONG_MS) != 1 ||
		    read(signals, &info, sizeof(info)) != sizeof(info))
			break;
		r = (int)recv(fd, buffer, BUFFER, 0);
	}
	say("got", "%d", r);
}

/* A handler receives, whatever the program was in. */
static int handled_fd;
static volatile sig_atomic_t handled;

static void receive_now(int signo)
{
	int before = errno;
	char room[100];

	(void)signo;
	while (recv(handled_fd, room, sizeof(room), MSG_DONTWAIT) == WORDS)
		handled++;
	errno = before;
}

static void in_a_handler(const struct far *far)
{
	int64_t end = now_ms() + LONG_MS;

	handled_fd = datagram(far, 0);
	on_signal(SIGIO, receive_now, SA_RESTART);
	own_signals(handled_fd, 0);
	for (int i = 0; i < 20; i++)
		send_to(handled_fd, far, words, WORDS, 0);
	while (handled < 20 && now_ms() < end)
		sleep_ms(5);
	say("handled", "%d", (int)handled);
}

/* --- threads ------------------------------------------------------------------------------ */

enum { ROUNDS = 200 };

struct pair {
	const struct far *far;
	int fd;
	unsigned int got;
	unsigned int wrong;
};

static void *receives(void *arg)
{
	struct pair *pair = arg;
	char room[64];

	while (pair->got < ROUNDS) {
		struct sockaddr_storage from = { 0 };
		socklen_t len = sizeof(from);
		long n = recvfrom(pair->fd, room, sizeof(room), 0,
				  (void *)&from, &len);

		if (n < 0)
			break;
		pair->wrong += n != WORDS || memcmp(room, words, WORDS) != 0 ||
			       len != pair->far->len ||
			       memcmp(&from, &pair->far->address, len) != 0;
		__atomic_add_fetch(&pair->got, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* One sends and one receives, by one socket; never more under way than the way holds. */
static void one_each(const struct far *far)
{
	for (int linked = 0; linked < 2; linked++) {
		struct pair pair = { .far = far };
		int64_t end = now_ms() + LONG_MS;
		pthread_t receiver;

		pair.fd = linked ? connected(far, 0) : datagram(far, 0);
		receiver = thread(receives, &pair);
		for (unsigned int i = 0; i < ROUNDS; i++) {
			if (linked)
				send(pair.fd, words, WORDS, 0);
			else
				send_to(pair.fd, far, words, WORDS, 0);
			while (__atomic_load_n(&pair.got, __ATOMIC_ACQUIRE) + 20 <
				       i &&
			       now_ms() < end)
				sleep_ms(1);
		}
		pthread_join(receiver, NULL);
		say("got", "%u, %u wrong", pair.got, pair.wrong);
	}
}

static void *nothing(void *arg)
{
	return arg;
}

/* As libuv does it: sent by, and only then added. What wakes is an answer. */
static void added_among_threads(const struct far *far)
{
	pthread_t other = thread(nothing, NULL);

	pthread_join(other, NULL);
	for (int linked = 0; linked < 2; linked++) {
		int ep = epoll_create1(0);
		int fd = linked ? connected(far, SOCK_NONBLOCK) :
				  datagram(far, SOCK_NONBLOCK);

		say_rc("send", send_to(fd, far, words, WORDS, 0));
		epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 7);
		say_epoll("epoll", ep, LONG_MS);
		drain(far, fd);
		epoll_change(ep, EPOLL_CTL_DEL, fd, 0, 0);
		say_rc("send", send_to(fd, far, words, WORDS, 0));
		epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 8);
		say_epoll("again", ep, LONG_MS);
		drain(far, fd);
		say_surplus("surplus", ep);
	}
}

static void *sleeps_in_recv(void *arg)
{
	struct pair *pair = arg;
	struct iovec iov = { buffer, BUFFER };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct mmsghdr many = { .msg_hdr = message };

	if (pair->got)
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	switch (pair->wrong) {
	case 0:
		recv(pair->fd, buffer, BUFFER, 0);
		break;
	case 1:
		recvmsg(pair->fd, &message, 0);
		break;
	case 2:
		read(pair->fd, buffer, BUFFER);
		break;
	default:
		recvmmsg(pair->fd, &many, 1, 0, NULL);
		break;
	}
	return NULL;
}

/* Cancelled in a receive, the socket goes on as if nothing had been. */
static void cancelled(const struct far *far)
{
	struct timeval none = { 0 };

	for (unsigned int how = 0; how < 8; how++) {
		struct pair pair = { .far = far, .got = how & 1,
				     .wrong = how / 2 };
		pthread_t sleeper;
		void *end = NULL;

		pair.fd = how & 2 ? connected(far, 0) : datagram(far, 0);
		if (how & 4) {
			send_to(pair.fd, far, words, WORDS, 0);
			say_next("before", far, pair.fd, BUFFER, 0);
		}
		setsockopt(pair.fd, SOL_SOCKET, SO_RCVTIMEO, &none,
			   sizeof(none));
		sleeper = thread(sleeps_in_recv, &pair);
		sleep_ms(SOON_MS);
		pthread_cancel(sleeper);
		pthread_join(sleeper, &end);
		say("cancelled", "%d", end == PTHREAD_CANCELED);
		send_to(pair.fd, far, words, WORDS, 0);
		say_next("after", far, pair.fd, BUFFER, 0);
		close(pair.fd);
	}
}

static void *closes_it(void *arg)
{
	const struct pair *pair = arg;

	sleep_ms(SOON_MS);
	close(pair->fd);
	return NULL;
}

/* Closed by another thread, a receive sleeps on; its socket stays until it wakes. */
static void closed(const struct far *far)
{
	struct timeval soon = { .tv_usec = 4 * SOON_MS * 1000 };
	struct pair pair = { .far = far, .fd = datagram(far, 0) };
	pthread_t closer;

	send_to(pair.fd, far, words, WORDS, 0);
	say_next("next", far, pair.fd, BUFFER, 0);
	setsockopt(pair.fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	closer = thread(closes_it, &pair);
	say_rc("recv", recv(pair.fd, buffer, BUFFER, 0));
	pthread_join(closer, NULL);
	say_rc("then", recv(pair.fd, buffer, BUFFER, 0));
}

static const struct row rows[] = {
	{ "level", "echo", level },
	{ "edge", "echo", edge },
	{ "once", "echo", once },
	{ "exclusive", "echo", exclusive },
	{ "nested", "echo", nested },
	{ "masked", "echo", masked },
	{ "timeouts", "echo", timeouts },
	{ "modes", "echo", modes },
	{ "signalled", "echo", signalled },
	{ "signalled-by-fd", "echo", signalled_by_fd },
	{ "in-a-handler", "echo", in_a_handler },
	{ "one-each", "echo", one_each },
	{ "added-among-threads", "echo", added_among_threads },
	{ "cancelled", "echo", cancelled },
	{ "closed", "echo", closed },
};

VICTIM_MAIN(rows)
