/* SPDX-License-Identifier: MIT */
/*
 * victim.h - what the victims share: arguments, and saying what they see
 *
 * A victim is an ordinary program: it knows of no proxy. "VICTIM ROW ADDRESS
 * PORT [GOOD-ADDRESS GOOD-PORT]" does one thing with the far side at that numeric address and
 * prints what it saw in lines "key=value". Nothing is printed that differs
 * between two runs: no local address, no time but as early, in-time or late. So
 * two runs over different ways can be compared line by line. "--list" prints
 * the rows and the kind of far side that each wants.
 *
 * The far side is a round trip of PENDING_MS or more away, so that a connect is
 * still pending where a row looks at one that is.
 */
#ifndef TESTS_VICTIMS_VICTIM_H
#define TESTS_VICTIMS_VICTIM_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PENDING_MS = 150, /* a connect takes longer than this */
	SOON_MS = 30,	  /* to look at what is, or wait for what must not be */
	LONG_MS = 8000,	  /* to wait for what must come */
	LIFE_S = 15,	  /* a row that hangs is killed after this */
	TEXT_MAX = 160,
};

/**
 * struct far - the far side
 * @address:	where
 * @len:	its length
 * @good:	where an echo server listens, of the same family
 */
struct far {
	struct sockaddr_storage address;
	struct sockaddr_storage good;
	socklen_t len;
};

/**
 * struct row - one thing to do
 * @name:	its name
 * @wants:	the kind of far side: echo, banner, closed, unreachable ...
 * @run:	does it
 */
struct row {
	const char *name;
	const char *wants;
	void (*run)(const struct far *far);
};

/* --- saying ---------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static inline void
say(const char *key, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	printf("%s=%s\n", key, text);
}

static inline const char *errno_name(int error)
{
	const char *name = error ? strerrorname_np(error) : "0";

	return name ? name : "?";
}

/* What a call returned: a number, or the name of the errno. */
static inline long say_rc(const char *key, long rc)
{
	int error = errno;

	if (rc < 0)
		say(key, "%s", errno_name(error));
	else
		say(key, "%ld", rc);
	errno = error;
	return rc;
}

static inline void say_so_error(const char *key, int fd)
{
	int error = -1;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		say(key, "getsockopt:%s", errno_name(errno));
	else
		say(key, "%s", errno_name(error));
}

static inline void say_option(const char *key, int fd, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, level, option, &value, &len) < 0)
		say(key, "%s", errno_name(errno));
	else
		say(key, "%d/%u", value, (unsigned int)len);
}

static inline void address_text(const struct sockaddr_storage *address,
				socklen_t len, char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "";
	const struct sockaddr_in6 *six = (const void *)address;
	const struct sockaddr_in *four = (const void *)address;

	if (address->ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof(host));
		snprintf(text, size, "[%s]:%u/%u/%u", host,
			 ntohs(six->sin6_port), six->sin6_scope_id,
			 (unsigned int)len);
	} else if (address->ss_family == AF_INET) {
		inet_ntop(AF_INET, &four->sin_addr, host, sizeof(host));
		snprintf(text, size, "%s:%u/%u", host, ntohs(four->sin_port),
			 (unsigned int)len);
	} else {
		snprintf(text, size, "family %u/%u", address->ss_family,
			 (unsigned int)len);
	}
}

static inline void say_peer(const char *key, int fd)
{
	struct sockaddr_storage address = { .ss_family = 0xffff };
	socklen_t len = sizeof(address);
	char text[TEXT_MAX];

	if (getpeername(fd, (void *)&address, &len) < 0) {
		say(key, "%s", errno_name(errno));
		return;
	}
	address_text(&address, len, text, sizeof(text));
	say(key, "%s", text);
}

static inline void say_poll(const char *key, int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n = poll(&p, 1, ms);

	if (n < 0)
		say(key, "%s", errno_name(errno));
	else
		say(key, "%d:0x%x", n, (unsigned int)p.revents);
}

/* --- time ------------------------------------------------------------------ */

static inline int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static inline void sleep_ms(int ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* Whether what began at start took ms: a busy machine may add to it. */
static inline void say_took(const char *key, int64_t start, int ms)
{
	int64_t took = now_ms() - start;

	say(key, "%s", took < ms - 1	 ? "early"
		       : took > ms + 700 ? "late"
					 : "in-time");
}

/* --- sockets --------------------------------------------------------------- */

static inline int stream(const struct far *far, int flags)
{
	int fd = socket(far->address.ss_family, SOCK_STREAM | flags, 0);

	if (fd < 0)
		say_rc("socket", fd);
	return fd;
}

static inline int dial(int fd, const struct far *far)
{
	return connect(fd, (const void *)&far->address, far->len);
}

static inline int dial_good(int fd, const struct far *far)
{
	return connect(fd, (const void *)&far->good, far->len);
}

/* A nonblocking socket whose connect has just begun. */
static inline int pending(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK);

	say_rc("connect", dial(fd, far));
	return fd;
}

static inline bool ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, LONG_MS) > 0;
}

static inline void set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

/* Sends all, whether the socket blocks or not. */
static inline bool send_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t sent = write(fd, bytes, n);

		if (sent < 0 && errno == EAGAIN && ready(fd, POLLOUT))
			continue;
		if (sent <= 0)
			return false;
		bytes += sent;
		n -= sent;
	}
	return true;
}

/* Reads n bytes; returns how many came before the end or an error. */
static inline size_t read_all(int fd, char *bytes, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = read(fd, bytes + have, n - have);

		if (got < 0 && errno == EAGAIN && ready(fd, POLLIN))
			continue;
		if (got <= 0)
			break;
		have += got;
	}
	return have;
}

/* A few bytes go to the echo server and come back. */
static inline void say_echo(const char *key, int fd)
{
	static const char words[] = "to be, or not to be\n";
	char back[sizeof(words)] = "";
	size_t got;

	if (!send_all(fd, words, strlen(words))) {
		say(key, "write:%s", errno_name(errno));
		return;
	}
	got = read_all(fd, back, strlen(words));
	if (got == strlen(words) && strcmp(back, words) == 0)
		say(key, "same");
	else
		say(key, "%zu bytes, %s", got, errno_name(errno));
}

/* Reads what the peer says first: one line. */
static inline void say_line(const char *key, int fd)
{
	char line[TEXT_MAX / 2] = "";
	size_t n = 0;

	while (n + 1 < sizeof(line) && read_all(fd, line + n, 1) == 1 &&
	       line[n] != '\n')
		n++;
	line[n] = '\0';
	say(key, "%s", line);
}

/* What nearly every row ends with: the connection is there and works. */
static inline void say_works(int fd)
{
	say_so_error("works.so_error", fd);
	say_peer("works.peer", fd);
	say_echo("works.echo", fd);
}

/* --- epoll ----------------------------------------------------------------- */

static inline long epoll_change(int ep, int op, int fd, uint32_t events,
				uint64_t data)
{
	struct epoll_event e = { .events = events, .data.u64 = data };

	return epoll_ctl(ep, op, fd, &e);
}

/* The number of events and each one's mask and data, in the order of data. */
static inline void say_events(const char *key, const struct epoll_event *events,
			      int n)
{
	char text[TEXT_MAX];
	size_t used;
	uint64_t last = 0;
	bool first = true;

	if (n < 0) {
		say(key, "%s", errno_name(errno));
		return;
	}
	used = snprintf(text, sizeof(text), "%d", n);
	for (int done = 0; done < n && used < sizeof(text);) {
		uint64_t next = UINT64_MAX;

		for (int i = 0; i < n; i++) {
			if ((first || events[i].data.u64 > last) &&
			    events[i].data.u64 < next)
				next = events[i].data.u64;
		}
		if (next == UINT64_MAX)
			break;
		for (int i = 0; i < n; i++) {
			if (events[i].data.u64 != next)
				continue;
			used += snprintf(text + used, sizeof(text) - used,
					 ":0x%x:%llx", events[i].events,
					 (unsigned long long)next);
			done++;
			if (used >= sizeof(text))
				break;
		}
		last = next;
		first = false;
	}
	say(key, "%s", text);
}

static inline int say_epoll(const char *key, int ep, int ms)
{
	struct epoll_event events[16];
	int n = epoll_wait(ep, events, 16, ms);

	say_events(key, events, n);
	return n;
}

/* How many events come in the next SOON_MS: for those that come once. */
static inline void say_surplus(const char *key, int ep)
{
	int64_t end = now_ms() + SOON_MS;
	struct epoll_event events[16];
	int total = 0;
	int64_t left;

	while ((left = end - now_ms()) > 0 && total < 1000) {
		int n = epoll_wait(ep, events, 16, (int)left);

		if (n > 0)
			total += n;
	}
	say(key, "%d", total);
}

/* --- signals, threads, processes ------------------------------------------- */

static volatile sig_atomic_t caught;

static inline void catch_it(int signo)
{
	(void)signo;
	caught++;
}

static inline void on_signal(int signo, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigaction(signo, &action, NULL);
}

/* SIGALRM after ms, and again each again ms if that is not 0. */
static inline void alarm_ms(int ms, int again)
{
	struct itimerval timer = {
		.it_value = { ms / 1000, ms % 1000 * 1000 },
		.it_interval = { again / 1000, again % 1000 * 1000 },
	};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static inline pthread_t thread(void *(*run)(void *), void *argument)
{
	pthread_t id;

	if (pthread_create(&id, NULL, run, argument) != 0)
		exit(2);
	return id;
}

/*
 * fork: the child's lines come after the parent's so far, and it dies with it.
 * Use child_join, so that the parent's later lines come after the child's.
 */
static inline pid_t child(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static inline void child_join(const char *key, pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		say(key, "signal %d", WTERMSIG(status));
	else
		say(key, "exit %d", WEXITSTATUS(status));
}

/* --- main ------------------------------------------------------------------ */

static inline void read_address(struct sockaddr_storage *out, socklen_t *len,
				const char *host, const char *port)
{
	struct sockaddr_in6 *six = (void *)out;
	struct sockaddr_in *four = (void *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(atoi(port));
		*len = sizeof(*six);
	} else if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(atoi(port));
		*len = sizeof(*four);
	} else {
		fprintf(stderr, "not an address: %s\n", host);
		exit(2);
	}
}

/* Ends a row that hangs; a timer of its own leaves alarm() to the rows. */
static inline void live_only_so_long(void)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGXCPU,
	};
	struct itimerspec when = { .it_value.tv_sec = LIFE_S };
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
		timer_settime(timer, 0, &when, NULL);
}

static inline int victim_main(int argc, char **argv, const struct row *rows,
			      size_t n)
{
	struct far far;

	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < n; i++)
			printf("%s %s\n", rows[i].name, rows[i].wants);
		return 0;
	}
	if (argc < 4) {
		fprintf(stderr, "usage: %s ROW ADDRESS PORT "
			"[GOOD-ADDRESS GOOD-PORT]\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	read_address(&far.address, &far.len, argv[2], argv[3]);
	read_address(&far.good, &far.len, argv[argc > 5 ? 4 : 2],
		     argv[argc > 5 ? 5 : 3]);
	live_only_so_long();
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].name, argv[1]) != 0)
			continue;
		rows[i].run(&far);
		say("end", "reached");
		return 0;
	}
	fprintf(stderr, "no such row: %s\n", argv[1]);
	return 2;
}

#define VICTIM_MAIN(rows)                                                      \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		return victim_main(argc, argv, rows,                           \
				   sizeof(rows) / sizeof((rows)[0]));          \
	}

#endif
