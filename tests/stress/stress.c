/* SPDX-License-Identifier: MIT */
/*
 * stress.c - random operations on sockets by many threads, each of which knows what it
 * must see
 *
 * stress [-t THREADS] [-n SECONDS] [-o OPERATIONS] [-s SEED] [-q]
 *
 * An ordinary program: it knows of no proxy. Its far side (server.c) says what it was asked
 * for, so a crossed, lost or doubled connection shows. Each thread has a few sockets that are
 * new, under way or up, and does at random one thing with one of them; what it does is fixed
 * by the seed and the thread's number. Every two seconds all is closed and all threads rest:
 * then the descriptors and the memory must be what they were.
 *
 * -q is for the thread sanitizer, which takes part in none of these: no forks, no signals,
 * no closes that it does not see.
 *
 * Ends with a line of counts; its status is 1 if anything was wrong.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/sys.h"
#include "tests/stress/how.h"

enum {
	SLOTS = 12,	  /* sockets of a thread */
	THREADS_MAX = 128,
	NAMES = 500,
	ROUND_MS = 2000,
	PATIENCE_MS = 30000, /* what takes longer hangs */
	CHILD_LIFE_S = 30,
	GROWTH_KIB = 6144, /* of the resident memory, from the third round on */
	LINE_MAX = 64,
};

/**
 * struct sock - one socket of a thread
 * @fd:		-1: none
 * @up:		the connection is there, and its first line was read
 * @passed:	it came in a message: what it failed with may be ECONNREFUSED then
 * @serial:	what it is called in the thread's epoll
 * @watched:	it was added to the thread's epoll
 * @woke:	and that has told of it
 * @host:	what was asked for
 * @port:	likewise
 */
struct sock {
	int fd;
	bool up;
	bool passed;
	bool watched;
	bool woke;
	uint64_t serial;
	uint16_t port;
	char host[24];
};

struct worker {
	pthread_t thread;
	int number;
	uint64_t random;
	int epoll;
	int inbox[2]; /* [0] is read by this one, [1] written by others */
	int canary[2];
	struct sock socks[SLOTS];
	uint64_t serials;
	const char *doing;
	uint64_t done;
};

static struct worker workers[THREADS_MAX];
static int n_workers = 16;
static uint64_t operations_max = UINT64_MAX;
static uint64_t seed = 1;
static bool quiet;

static uint32_t last_id;
static uint32_t round_now; /* odd: work, even: rest */
static uint32_t resting;
static int64_t round_end_ms;

static uint64_t n_done, n_connected, n_refused, n_forks, n_passed, n_signals;
static uint64_t n_wrong;

static void add(uint64_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* xorshift64*: the same everywhere. */
static uint32_t pick(struct worker *w, uint32_t below)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (uint32_t)((w->random * 0x2545f4914f6cdd1dull) >> 33) % below;
}

static void wrong(const struct worker *w, const struct sock *s,
		  const char *what)
{
	int error = errno;

	add(&n_wrong);
	fprintf(stderr,
		"stress: seed %llu, thread %d, operation %llu (%s), "
		"fd %d to %s %u: %s (%s)\n",
		(unsigned long long)seed, w->number,
		(unsigned long long)w->done, w->doing, s ? s->fd : -1,
		s ? s->host : "-", s ? s->port : 0, what,
		strerrorname_np(error));
}

/* --- what is waited for ------------------------------------------------------ */

static int wait_by_poll(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t end = now_ms() + ms;
	int n;

	do {
		int64_t left = end - now_ms();

		n = poll(&p, 1, left < 0 ? 0 : (int)left);
	} while (n < 0 && errno == EINTR);
	return n;
}

static int wait_by_select(int fd, short events, int ms)
{
	int64_t end = now_ms() + ms;
	int n;

	do {
		int64_t left = end - now_ms();
		struct timeval time = { .tv_sec = left < 0 ? 0 : left / 1000 };
		fd_set set;

		FD_ZERO(&set);
		FD_SET(fd, &set);
		n = select(fd + 1, events == POLLIN ? &set : NULL,
			   events == POLLIN ? NULL : &set, NULL, &time);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* An edge is told once: whoever waits tells the others of the thread's sockets. */
static void remember(struct worker *w, const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++)
		for (size_t k = 0; k < SLOTS; k++)
			if (w->socks[k].watched &&
			    w->socks[k].serial == events[i].data.u64)
				w->socks[k].woke = true;
}

static int wait_by_epoll(struct worker *w, const struct sock *s, int ms)
{
	int64_t end = now_ms() + ms;

	while (!s->woke) {
		struct epoll_event events[8];
		int64_t left = end - now_ms();
		int n = epoll_wait(w->epoll, events, 8,
				   left < 0 ? 0 : (int)left);

		if (n < 0 && errno != EINTR)
			return n;
		remember(w, events, n);
		if (left <= 0)
			return s->woke;
	}
	return 1;
}

static int wait_by_new_epoll(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u64 = 1 };
	int ep = epoll_create1(EPOLL_CLOEXEC), n;

	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
	do {
		n = epoll_wait(ep, &event, 1, PATIENCE_MS);
	} while (n < 0 && errno == EINTR);
	close(ep);
	return n;
}

/* --- connections ---------------------------------------------------------------- */

static bool is_nonblocking(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

/* n bytes, or the reason why not. Used by children, too: no stdio. */
static const char *get(int fd, char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t got = recv(fd, bytes, n, 0);

		if (got == 0)
			return "the end came too early";
		if (got < 0 && errno == EAGAIN) {
			if (wait_by_poll(fd, POLLIN, PATIENCE_MS) == 0)
				return "what should come did not";
			continue;
		}
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return "recv fails";
		bytes += got;
		n -= (size_t)got;
	}
	return NULL;
}

static const char *hear_first_line(const struct sock *s)
{
	char wanted[LINE_MAX], line[LINE_MAX];
	const char *bad;
	int n = snprintf(wanted, sizeof(wanted), "%s %u\n", s->host, s->port);

	bad = get(s->fd, line, (size_t)n);
	if (bad != NULL)
		return bad;
	return memcmp(line, wanted, (size_t)n) ? "another's first line" : NULL;
}

static const char *exchange(struct worker *w, const struct sock *s)
{
	char there[LINE_MAX], back[LINE_MAX];
	size_t n = 1 + pick(w, LINE_MAX - 1);
	const char *bad;

	for (size_t i = 0; i < n; i++)
		there[i] = (char)pick(w, 256);
	if (send(s->fd, there, n, MSG_NOSIGNAL) != (ssize_t)n)
		return "send fails";
	bad = get(s->fd, back, n);
	if (bad != NULL)
		return bad;
	return memcmp(there, back, n) ? "another's bytes" : NULL;
}

static const char *has_right_peer(const struct sock *s)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	char host[24];

	if (getpeername(s->fd, (void *)&peer, &len) < 0)
		return "getpeername fails";
	if (s->host[0] == 'h')
		return NULL;
	inet_ntop(AF_INET, &peer.sin_addr, host, sizeof(host));
	if (strcmp(host, s->host) != 0 || ntohs(peer.sin_port) != s->port)
		return "another peer";
	return NULL;
}

/* The connection is said to be there. */
static const char *prove(struct worker *w, struct sock *s)
{
	const char *bad = NULL;

	if (!s->up) {
		bad = hear_first_line(s);
		s->up = bad == NULL;
	}
	return bad != NULL ? bad : exchange(w, s);
}

static int wanted_error(const struct sock *s)
{
	switch (s->port) {
	case PORT_REFUSED:
	case PORT_DROPPED:
		return ECONNREFUSED;
	case PORT_NO_HOST:
		return EHOSTUNREACH;
	default:
		return 0;
	}
}

static void drop(struct sock *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* error: what connect() or SO_ERROR has said at the end. */
static void judge(struct worker *w, struct sock *s, int error)
{
	const char *bad;

	if (error != wanted_error(s) &&
	    !(s->passed && error == ECONNREFUSED && wanted_error(s) != 0)) {
		errno = error;
		wrong(w, s, "another outcome");
		drop(s);
		return;
	}
	if (error != 0) {
		add(&n_refused);
		drop(s);
		return;
	}
	bad = has_right_peer(s);
	if (bad == NULL)
		bad = prove(w, s);
	if (bad != NULL) {
		wrong(w, s, bad);
		drop(s);
		return;
	}
	add(&n_connected);
}

static int so_error(int fd)
{
	int error = -1;
	socklen_t len = sizeof(error);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

static bool destination(struct worker *w, struct sock *s,
			struct sockaddr_in *to)
{
	static const uint16_t bad_ports[] = { PORT_REFUSED, PORT_NO_HOST,
					      PORT_DROPPED };
	struct addrinfo hints = { .ai_family = AF_INET }, *found;
	uint32_t id;

	memset(to, 0, sizeof(*to));
	to->sin_family = AF_INET;
	s->port = pick(w, 8) ? PORT_ECHO : bad_ports[pick(w, 3)];
	s->up = s->passed = s->watched = s->woke = false;
	if (pick(w, 4)) {
		id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED) &
		     0xffffff;
		to->sin_addr.s_addr = htonl(10u << 24 | id);
		inet_ntop(AF_INET, &to->sin_addr, s->host, sizeof(s->host));
	} else {
		snprintf(s->host, sizeof(s->host), "h%u.stress.test",
			 pick(w, NAMES));
		if (getaddrinfo(s->host, NULL, &hints, &found) != 0) {
			wrong(w, s, "getaddrinfo fails");
			return false;
		}
		memcpy(to, found->ai_addr, sizeof(*to));
		freeaddrinfo(found);
	}
	to->sin_port = htons(s->port);
	return true;
}

static void watch(struct worker *w, struct sock *s, uint32_t events)
{
	struct epoll_event event = { .events = events,
				     .data.u64 = s->serial = ++w->serials };

	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, s->fd, &event) < 0)
		wrong(w, s, "epoll_ctl fails");
	s->watched = true;
}

static struct sock *free_slot(struct worker *w)
{
	uint32_t i = pick(w, SLOTS);

	drop(&w->socks[i]);
	return &w->socks[i];
}

static struct sock *used_slot(struct worker *w, bool up)
{
	uint32_t first = pick(w, SLOTS);

	for (uint32_t i = 0; i < SLOTS; i++) {
		struct sock *s = &w->socks[(first + i) % SLOTS];

		if (s->fd >= 0 && s->up == up)
			return s;
	}
	return NULL;
}

static struct sock *any_slot(struct worker *w)
{
	struct sock *s = used_slot(w, pick(w, 2));

	return s != NULL ? s : used_slot(w, true);
}

/* --- operations: connecting ---------------------------------------------------- */

static void connect_blocking(struct worker *w)
{
	struct sock *s = free_slot(w);
	struct sockaddr_in to;

	if (!destination(w, s, &to))
		return;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (pick(w, 4) == 0)
		watch(w, s, EPOLLIN | EPOLLOUT | EPOLLET);
	judge(w, s, connect(s->fd, (void *)&to, sizeof(to)) < 0 ? errno : 0);
}

static void connect_nonblocking(struct worker *w)
{
	struct sock *s = free_slot(w);
	struct sockaddr_in to;

	if (!destination(w, s, &to))
		return;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (pick(w, 3) == 0)
		watch(w, s, EPOLLOUT | (pick(w, 2) ? EPOLLET : 0));
	if (connect(s->fd, (void *)&to, sizeof(to)) == 0 ||
	    errno != EINPROGRESS) {
		wrong(w, s, "connect is not in progress");
		drop(s);
		return;
	}
	if (!s->watched && pick(w, 3) == 0)
		watch(w, s, EPOLLOUT | EPOLLONESHOT);
}

/* Blocks from now on, and asks connect() itself. */
static int connect_again(const struct sock *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(s->port) };

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) & ~O_NONBLOCK);
	if (connect(s->fd, (void *)&to, sizeof(to)) == 0)
		return 0;
	/* Somebody else was told already. */
	return s->passed && errno == EISCONN ? 0 : errno;
}

static void finish(struct worker *w)
{
	struct sock *s = used_slot(w, false);
	int n = 1;

	if (s == NULL)
		return connect_nonblocking(w);
	switch (s->watched ? 5 : pick(w, 5)) {
	case 0:
		n = wait_by_poll(s->fd, POLLOUT, PATIENCE_MS);
		break;
	case 1:
		n = wait_by_select(s->fd, POLLOUT, PATIENCE_MS);
		break;
	case 2:
		n = wait_by_new_epoll(s->fd, EPOLLOUT | EPOLLET);
		break;
	case 3:
		n = wait_by_new_epoll(s->fd, EPOLLIN | EPOLLRDHUP);
		break;
	case 4:
		return judge(w, s, connect_again(s));
	case 5:
		n = wait_by_epoll(w, s, PATIENCE_MS);
		break;
	}
	if (n <= 0) {
		wrong(w, s, n < 0 ? "waiting fails" : "nothing woke");
		drop(s);
		return;
	}
	judge(w, s, so_error(s->fd));
}

/* Whoever reads takes the error, too. */
static void peek(struct worker *w, struct sock *s)
{
	char byte;
	ssize_t n = recv(s->fd, &byte, 1, MSG_PEEK);

	if (n > 0 && byte != s->host[0])
		wrong(w, s, "what is read is none of the far side's");
	else if (n < 0 && errno != EAGAIN)
		judge(w, s, errno);
}

static void look(struct worker *w)
{
	struct sock *s = used_slot(w, false);

	if (s == NULL || !is_nonblocking(s->fd))
		return;
	switch (pick(w, 3)) {
	case 0:
		wait_by_poll(s->fd, POLLIN, (int)pick(w, 3));
		break;
	case 1:
		peek(w, s);
		break;
	case 2:
		wait_by_poll(w->epoll, POLLIN, 0);
		break;
	}
}

/* --- operations: data -------------------------------------------------------------- */

static void talk(struct worker *w)
{
	struct sock *s = used_slot(w, true);
	const char *bad;

	if (s == NULL)
		return connect_blocking(w);
	bad = pick(w, 8) ? prove(w, s) : has_right_peer(s);
	if (bad != NULL) {
		wrong(w, s, bad);
		drop(s);
	}
}

/* --- operations: numbers ------------------------------------------------------------ */

static void number_changed(struct worker *w, struct sock *s, int fd)
{
	if (fd < 0)
		wrong(w, s, "no other number");
	else
		s->fd = fd;
}

/* A registration stays with the number that it was made for. */
static void duplicate(struct worker *w)
{
	struct sock *s = any_slot(w);
	int old, fd = -1;

	if (s == NULL || s->watched)
		return;
	old = s->fd;
	switch (pick(w, 4)) {
	case 0:
		fd = dup(old);
		break;
	case 1:
		fd = fcntl(old, F_DUPFD_CLOEXEC, 100 + (int)pick(w, 100));
		break;
	case 2:
		fd = dup2(old, open("/dev/null", O_RDONLY | O_CLOEXEC));
		break;
	case 3:
		fd = dup3(old, socket(AF_INET, SOCK_STREAM, 0), O_CLOEXEC);
		break;
	}
	number_changed(w, s, fd);
	if (fd >= 0)
		close(old);
}

/* A pair that nobody writes to: what is in it came from a step gone astray. */
static void look_at_canary(struct worker *w)
{
	char bytes[LINE_MAX];

	if (w->canary[0] >= 0) {
		for (int i = 0; i < 2; i++) {
			if (recv(w->canary[i], bytes, sizeof(bytes),
				 MSG_DONTWAIT) >= 0)
				wrong(w, NULL, "stray bytes in a socket pair");
		}
		close(w->canary[0]);
		close(w->canary[1]);
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w->canary) < 0)
		wrong(w, NULL, "no socket pair");
}

static void close_it(struct worker *w)
{
	struct sock *s = any_slot(w);
	FILE *file;

	if (s == NULL)
		return;
	switch (pick(w, 6)) {
	case 0:
		if (quiet)
			close(s->fd);
		else
			close_range((unsigned int)s->fd, (unsigned int)s->fd,
				    0);
		break;
	case 1:
		shutdown(s->fd, SHUT_RDWR);
		close(s->fd);
		break;
	case 2:
		file = fdopen(s->fd, "r+");
		if (file != NULL)
			fclose(file);
		break;
	case 3:
		if (quiet)
			close(s->fd);
		else
			sys1(SYS_close, s->fd);
		break;
	default:
		close(s->fd);
	}
	s->fd = -1;
	look_at_canary(w);
}

/* Dissolved, the same socket is connected once more. */
static void dissolve(struct worker *w)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sock *s = any_slot(w);
	struct sockaddr_in to;
	int fd, r;

	if (s == NULL || s->watched)
		return;
	fd = s->fd;
	if (connect(fd, &none, sizeof(none)) < 0) {
		wrong(w, s, "AF_UNSPEC fails");
		return drop(s);
	}
	if (!destination(w, s, &to))
		return drop(s);
	r = connect(fd, (void *)&to, sizeof(to));
	if (r < 0 && errno == EINPROGRESS)
		return;
	judge(w, s, r < 0 ? errno : 0);
}

/* --- operations: passing ---------------------------------------------------------- */

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static bool send_sock(int through, const struct sock *s)
{
	union control control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
					      .cmsg_level = SOL_SOCKET,
					      .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (void *)s, sizeof(*s) };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.header), &s->fd, sizeof(int));
	return sendmsg(through, &message, MSG_DONTWAIT) == sizeof(*s);
}

static bool receive_sock(int from, struct sock *s)
{
	union control control;
	struct iovec iov = { s, sizeof(*s) };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	s->fd = -1;
	if (recvmsg(from, &message, MSG_DONTWAIT) != sizeof(*s))
		return false;
	memcpy(&s->fd, CMSG_DATA(&control.header), sizeof(int));
	s->passed = true;
	return true;
}

static void pass_on(struct worker *w)
{
	struct worker *to = &workers[pick(w, (uint32_t)n_workers)];
	struct sock *s = any_slot(w);

	if (s == NULL || s->watched || !send_sock(to->inbox[1], s))
		return;
	add(&n_passed);
	drop(s);
}

static void take_in(struct worker *w)
{
	struct sock *s = free_slot(w);

	receive_sock(w->inbox[0], s);
}

/* --- operations: processes ----------------------------------------------------------- */

enum child_deed { CHILD_NOTHING, CHILD_FINISHES, CHILD_DIES, CHILD_WAITS,
		  CHILD_DIALS, CHILD_DEEDS };

__attribute__((noreturn)) static void be_child(struct worker *w, struct sock *s,
					       enum child_deed deed,
					       struct sock *own,
					       const struct sockaddr_in *to)
{
	int n;

	signal(SIGALRM, SIG_DFL);
	alarm(CHILD_LIFE_S);
	switch (deed) {
	case CHILD_NOTHING:
	case CHILD_DEEDS:
		break;
	case CHILD_FINISHES:
		n = s->up ? 1 : wait_by_poll(s->fd, POLLOUT, PATIENCE_MS);
		if (n != 1 || (!s->up && so_error(s->fd) != 0))
			_exit(3);
		if (prove(w, s) != NULL)
			_exit(4);
		break;
	case CHILD_DIES:
		wait_by_poll(s->fd, POLLOUT, (int)pick(w, 6));
		kill(getpid(), SIGKILL);
		break;
	case CHILD_WAITS:
		wait_by_poll(s->fd, POLLOUT, PATIENCE_MS);
		break;
	case CHILD_DIALS:
		own->fd = socket(AF_INET, SOCK_STREAM, 0);
		n = connect(own->fd, (const void *)to, sizeof(*to));
		if ((n < 0 ? errno : 0) != wanted_error(own))
			_exit(5);
		if (n == 0 && prove(w, own) != NULL)
			_exit(6);
		break;
	}
	_exit(0);
}

static int join(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void fork_child(struct worker *w)
{
	struct sock *s = any_slot(w), own = { .fd = -1 };
	enum child_deed deed = pick(w, CHILD_DEEDS);
	bool close_first = deed == CHILD_FINISHES && pick(w, 3) == 0;
	struct sockaddr_in to;
	pid_t pid;
	int status;

	if (quiet || s == NULL || s->watched || !destination(w, &own, &to))
		return;
	if (deed == CHILD_FINISHES && wanted_error(s) != 0)
		deed = CHILD_NOTHING;
	pid = fork();
	if (pid == 0)
		be_child(w, s, deed, &own, &to);
	if (pid < 0)
		return wrong(w, s, "fork fails");
	add(&n_forks);
	if (close_first && deed == CHILD_FINISHES)
		drop(s);
	status = join(pid);
	if (WIFSIGNALED(status) &&
	    !(deed == CHILD_DIES && WTERMSIG(status) == SIGKILL))
		wrong(w, s, "a child is killed");
	else if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
		errno = WEXITSTATUS(status);
		wrong(w, deed == CHILD_DIALS ? &own : s, "a child fails");
		drop(s);
	} else if (deed == CHILD_FINISHES && s->fd >= 0) {
		s->up = true;
	}
}

/* --- the schedule ---------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(struct worker *w);
	unsigned int weight;
} operations[] = {
	{ "connect", connect_blocking, 20 },
	{ "connect, nonblocking", connect_nonblocking, 60 },
	{ "finish", finish, 45 },
	{ "look", look, 40 },
	{ "talk", talk, 60 },
	{ "duplicate", duplicate, 40 },
	{ "close", close_it, 30 },
	{ "dissolve", dissolve, 8 },
	{ "pass on", pass_on, 20 },
	{ "take in", take_in, 20 },
	{ "fork", fork_child, 2 },
};

enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

static void operate(struct worker *w)
{
	unsigned int total = 0, at;
	size_t i = 0;

	for (size_t k = 0; k < OPERATIONS; k++)
		total += operations[k].weight;
	for (at = pick(w, total); at >= operations[i].weight; i++)
		at -= operations[i].weight;
	__atomic_store_n(&w->doing, operations[i].name, __ATOMIC_RELAXED);
	operations[i].run(w);
	__atomic_add_fetch(&w->done, 1, __ATOMIC_RELAXED);
	add(&n_done);
}

static void close_all(struct worker *w)
{
	struct sock s;

	for (size_t i = 0; i < SLOTS; i++)
		drop(&w->socks[i]);
	look_at_canary(w);
	for (int i = 0; i < 2; i++)
		close(w->canary[i]);
	w->canary[0] = -1;
	while (receive_sock(w->inbox[0], &s))
		drop(&s);
}

static void sleep_a_little(void)
{
	struct timespec time = { .tv_nsec = 1000000 };

	nanosleep(&time, NULL);
}

/* Rests until the round is another than that one. */
static void rest(uint32_t than)
{
	while (__atomic_load_n(&round_now, __ATOMIC_ACQUIRE) == than)
		sleep_a_little();
}

static bool working(void)
{
	return now_ms() < __atomic_load_n(&round_end_ms, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&n_done, __ATOMIC_RELAXED) < operations_max;
}

static void *work(void *argument)
{
	struct worker *w = argument;

	for (uint32_t turn = 0;; turn += 2) {
		rest(turn);
		if (__atomic_load_n(&round_end_ms, __ATOMIC_RELAXED) == 0)
			return NULL;
		while (working())
			operate(w);
		__atomic_store_n(&w->doing, "resting", __ATOMIC_RELAXED);
		close_all(w);
		__atomic_add_fetch(&resting, 1, __ATOMIC_ACQ_REL);
		rest(turn + 1);
		/* What others had sent meanwhile. */
		close_all(w);
		__atomic_add_fetch(&resting, 1, __ATOMIC_ACQ_REL);
	}
}

/* --- signals ---------------------------------------------------------------------------- */

/* What a handler may do: connect(2), poll(2), close(2) and their like. */
static void on_alarm(int signo)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(PORT_ECHO) };
	uint32_t id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	int error = errno, fd;
	struct pollfd p;

	(void)signo;
	add(&n_signals);
	to.sin_addr.s_addr = htonl(10u << 24 | (id & 0xffffff));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	connect(fd, (void *)&to, sizeof(to));
	p.fd = fd;
	p.events = POLLOUT;
	poll(&p, 1, id % 3);
	close(fd);
	errno = error;
}

static void set_alarms(int ms)
{
	struct itimerval timer = { .it_interval.tv_usec = ms * 1000,
				   .it_value.tv_usec = ms * 1000 };
	struct sigaction action = { .sa_handler = on_alarm,
				    .sa_flags = SA_RESTART };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* --- what must stay as it was --------------------------------------------------------- */

static int count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int n = 0;

	while (directory != NULL && readdir(directory) != NULL)
		n++;
	if (directory != NULL)
		closedir(directory);
	return n;
}

/* What a file shows is the page cache's affair: the rest, with what forks share. */
static long resident_kib(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	long sum = 0, kib;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "RssAnon: %ld", &kib) == 1 ||
		    sscanf(line, "RssShmem: %ld", &kib) == 1)
			sum += kib;
	if (file != NULL)
		fclose(file);
	return sum;
}

#if defined(__x86_64__)
/*
 * While anything is under way, waits need more than the program's own system call: a child
 * in which ppoll(2) fails still polls when nothing is left.
 */
static bool nothing_left(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ppoll, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | E2BIG),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };
	pid_t pid = fork();

	if (pid == 0) {
		struct pollfd p = { .fd = 0 };

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
			_exit(0);
		_exit(poll(&p, 1, 0) < 0);
	}
	return join(pid) == 0;
}
#else
static bool nothing_left(void)
{
	return true;
}
#endif

/*
 * What was closed where a library cannot see it is told by its number, when that is handed
 * out again.
 */
static void use_all_numbers(void)
{
	/* More than the threads can ever have had. */
	static int fds[THREADS_MAX * (SLOTS + 8)];
	size_t n = (size_t)n_workers * (SLOTS + 8);

	for (size_t i = 0; i < n; i++)
		fds[i] = dup(0);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static void die_hanging(void)
{
	for (int i = 0; i < n_workers; i++)
		fprintf(stderr, "stress: thread %d: %s, after %llu\n", i,
			workers[i].doing,
			(unsigned long long)workers[i].done);
	fprintf(stderr, "stress: it hangs, seed %llu\n",
		(unsigned long long)seed);
	abort();
}

static void wait_for_rest(void)
{
	int64_t end = now_ms() + PATIENCE_MS * 2;

	while (__atomic_load_n(&resting, __ATOMIC_ACQUIRE) <
	       (uint32_t)n_workers) {
		if (now_ms() > end)
			die_hanging();
		sleep_a_little();
	}
	__atomic_store_n(&resting, 0, __ATOMIC_RELEASE);
}

static void one_round(int64_t end_ms)
{
	int64_t end = now_ms() + ROUND_MS;

	__atomic_store_n(&round_end_ms, end < end_ms ? end : end_ms,
			 __ATOMIC_RELAXED);
	set_alarms(quiet ? 0 : 7);
	__atomic_add_fetch(&round_now, 1, __ATOMIC_RELEASE);
	while (working())
		sleep_a_little();
	set_alarms(0);
	wait_for_rest();
	__atomic_add_fetch(&round_now, 1, __ATOMIC_RELEASE);
	wait_for_rest();
}

static void complain(const char *what, long is, long was)
{
	add(&n_wrong);
	fprintf(stderr, "stress: %s: %ld, were %ld\n", what, is, was);
}

static void rounds(int seconds)
{
	int64_t end = now_ms() + seconds * 1000ll;
	int descriptors = count_descriptors();
	long at_first = 0, at_last = 0;

	for (int round = 1; now_ms() < end && n_done < operations_max;
	     round++) {
		int now;

		one_round(end);
		now = count_descriptors();
		if (now != descriptors)
			complain("descriptors", now, descriptors);
		at_last = resident_kib();
		if (round <= 3)
			at_first = at_last;
		use_all_numbers();
		if (!quiet && !nothing_left())
			complain("connections under way, and none is", 1, 0);
	}
	if (!quiet && at_last > at_first + GROWTH_KIB)
		complain("KiB of memory", at_last, at_first);
	printf("stress: operations=%llu connected=%llu refused=%llu forks=%llu "
	       "passed=%llu signals=%llu descriptors=%d memory=%ld-%ldKiB "
	       "wrong=%llu\n",
	       (unsigned long long)n_done, (unsigned long long)n_connected,
	       (unsigned long long)n_refused, (unsigned long long)n_forks,
	       (unsigned long long)n_passed, (unsigned long long)n_signals,
	       descriptors, at_first, at_last, (unsigned long long)n_wrong);
}

static void start_worker(int i)
{
	struct worker *w = &workers[i];

	w->number = i;
	w->random = (seed + 1) * 0x9e3779b97f4a7c15ull ^
		    ((uint64_t)i + 1) * 0xd1b54a32d192ed03ull;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->canary[0] = -1;
	w->doing = "nothing";
	for (size_t k = 0; k < SLOTS; k++)
		w->socks[k].fd = -1;
	if (w->epoll < 0 ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, w->inbox) < 0) {
		perror("stress");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	int seconds = 10, option;

	while ((option = getopt(argc, argv, "t:n:o:s:q")) != -1) {
		if (option == 't')
			n_workers = atoi(optarg);
		else if (option == 'n')
			seconds = atoi(optarg);
		else if (option == 'o')
			operations_max = strtoull(optarg, NULL, 10);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 'q')
			quiet = true;
		else
			return 2;
	}
	if (n_workers < 1 || n_workers > THREADS_MAX)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 0; i < n_workers; i++)
		start_worker(i);
	for (int i = 0; i < n_workers; i++)
		if (pthread_create(&workers[i].thread, NULL, work,
				   &workers[i]) != 0)
			return 2;
	rounds(seconds);
	__atomic_store_n(&round_end_ms, 0, __ATOMIC_RELAXED);
	__atomic_add_fetch(&round_now, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < n_workers; i++)
		pthread_join(workers[i].thread, NULL);
	return n_wrong != 0;
}
