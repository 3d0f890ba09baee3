/* SPDX-License-Identifier: MIT */
/*
 * dgramlives.c - UDP sockets over fork, exec and messages; and those that stay on this machine
 *
 * The far side echoes.
 */
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "tests/victims/dgrams.h"

extern char **environ;

/* --- children ------------------------------------------------------------------------ */

/* Which of the two receives is told by who waits: never both. */
static void both_sides(const struct far *far)
{
	for (int linked = 0; linked < 2; linked++) {
		for (int used = 0; used < 2; used++) {
			int fd = linked ? connected(far, 0) : datagram(far, 0);
			pid_t pid;

			if (used) {
				send_to(fd, far, words, WORDS, 0);
				say_next("before", far, fd, BUFFER, 0);
			}
			pid = child();
			if (pid == 0) {
				say_rc("child.send",
				       send_to(fd, far, words, WORDS, 0));
				say_next("child", far, fd, BUFFER, 0);
				say_peer("child.peer", fd);
				_exit(0);
			}
			child_join("child", pid);
			say_rc("send", send_to(fd, far, words, 5, 0));
			say_next("parent", far, fd, BUFFER, 0);
			say_peer("peer", fd);
		}
	}
}

/* The parent goes, and its child goes on: as a daemon does. */
static void outlived(const struct far *far)
{
	int fd = connected(far, 0), ends[2];
	char end;
	pid_t pid;

	send(fd, words, WORDS, 0);
	say_next("before", far, fd, BUFFER, 0);
	if (pipe(ends) < 0)
		return;
	pid = child();
	if (pid == 0) {
		if (fork() == 0) {
			close(ends[0]);
			while (getppid() == pid)
				sleep_ms(1);
			sleep_ms(SOON_MS);
			for (int i = 0; i < 3; i++) {
				say_rc("send", send(fd, words, WORDS, 0));
				say_next("next", far, fd, BUFFER, 0);
			}
			_exit(0);
		}
		exit(0);
	}
	close(fd);
	close(ends[1]);
	child_join("child", pid);
	while (read(ends[0], &end, 1) > 0)
		;
}

/*
 * Of a child that shares our memory, what it sends is as good as ours. (TSan makes a fork of
 * it: then only what is mapped so is shared.)
 */
static void by_vfork(const struct far *far)
{
	volatile long *sent = mmap(NULL, sizeof(*sent), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = connected(far, 0);
	pid_t pid;

	send(fd, words, WORDS, 0);
	say_next("before", far, fd, BUFFER, 0);
	pid = vfork();
	if (pid == 0) {
		*sent = send(fd, words, WORDS, 0);
		close(fd);
		_exit(3);
	}
	child_join("child", pid);
	say_rc("sent", *sent);
	say_next("next", far, fd, BUFFER, 0);
	say_rc("send", send(fd, words, WORDS, 0));
	say_next("next", far, fd, BUFFER, 0);
}

/* --- closed at once ----------------------------------------------------------------------- */

enum { CLOSERS = 6, CLOSES = 8 };

static void *send_and_close(void *arg)
{
	const struct far *far = arg;

	for (int i = 0; i < CLOSES; i++) {
		int fd = i % 2 ? connected(far, SOCK_NONBLOCK) :
				 datagram(far, SOCK_NONBLOCK);
		struct pollfd pollfd = { .fd = fd, .events = POLLIN };

		if (send_to(fd, far, words, WORDS, 0) != WORDS)
			say("send", "failed");
		if (i % 4 == 3) /* some have their answer first */
			poll(&pollfd, 1, LONG_MS);
		close(fd);
	}
	return NULL;
}

static int descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 2000; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Threads leave sockets behind all the time; in the end none is left. */
static void left_behind(const struct far *far)
{
	int before = descriptors();
	int64_t end = now_ms() + LONG_MS;
	pthread_t threads[CLOSERS];

	for (int i = 0; i < CLOSERS; i++)
		threads[i] = thread(send_and_close, (void *)far);
	for (int i = 0; i < CLOSERS; i++)
		pthread_join(threads[i], NULL);
	while (descriptors() > before && now_ms() < end) {
		close(datagram(far, 0));
		sleep_ms(SOON_MS);
	}
	say("left", "%d", descriptors() - before);
}

/* --- other programs --------------------------------------------------------------------- */

enum { INHERITED = 40 };

/* The row "inherited" is what is started: with the socket under that number. */
static char **words_of(const struct far *far, char *host, size_t size, char *port)
{
	static char *argv[5] = { "dgramlives", "inherited" };
	const struct sockaddr_in6 *six = (void *)&far->address;
	const struct sockaddr_in *four = (void *)&far->address;

	if (far->address.ss_family == AF_INET6)
		inet_ntop(AF_INET6, &six->sin6_addr, host, (socklen_t)size);
	else
		inet_ntop(AF_INET, &four->sin_addr, host, (socklen_t)size);
	sprintf(port, "%u", ntohs(four->sin_port));
	argv[2] = host;
	argv[3] = port;
	return argv;
}

static void inherited(const struct far *far)
{
	int flags = fcntl(INHERITED, F_GETFL);

	if (flags < 0) {
		say("inherited", "nothing");
		return;
	}
	say_peer("inherited.peer", INHERITED);
	say_next("inherited", far, INHERITED, BUFFER, MSG_DONTWAIT * 0);
	say_rc("inherited.send", send_to(INHERITED, far, words, WORDS, 0));
	say_next("inherited", far, INHERITED, BUFFER, 0);
	say_rc("inherited.none", recv(INHERITED, buffer, BUFFER, MSG_DONTWAIT));
}

enum starts { BY_EXEC, BY_SPAWN, BY_SHELL, BY_VFORK, STARTS };

static void start(enum starts how, char **argv)
{
	char command[200];
	pid_t pid = -1;

	switch (how) {
	case BY_SPAWN:
		posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
		break;
	case BY_SHELL:
		snprintf(command, sizeof(command), "exec /proc/%d/exe %s %s %s",
			 (int)getpid(), argv[1], argv[2], argv[3]);
		fflush(stdout);
		say_rc("system", system(command));
		return;
	case BY_VFORK:
		pid = vfork();
		if (pid == 0) {
			execve("/proc/self/exe", argv, environ);
			_exit(9);
		}
		break;
	default:
		pid = child();
		if (pid == 0) {
			execv("/proc/self/exe", argv);
			_exit(9);
		}
		break;
	}
	child_join("started", pid);
}

static void handed_on(const struct far *far)
{
	char host[INET6_ADDRSTRLEN], port[8];
	char **argv = words_of(far, host, sizeof(host), port);

	for (int how = BY_EXEC; how < STARTS; how++) {
		for (int linked = 0; linked < 2; linked++) {
			int fd = linked ? connected(far, 0) : datagram(far, 0);

			send_to(fd, far, words, WORDS, 0);
			say_poll("in", fd, POLLIN, LONG_MS);
			dup2(fd, INHERITED);
			start((enum starts)how, argv);
			say_rc("send", send_to(fd, far, words, 7, 0));
			say_next("still", far, fd, BUFFER, 0);
			close(INHERITED);
			close(fd);
		}
	}
}

/* --- descriptors in messages -------------------------------------------------------------- */

static long pass(int by, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(by, &message, 0);
}

static int taken(int by)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(by, &message, 0) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static void use_taken(const struct far *far, int fd)
{
	say_peer("taken.peer", fd);
	say_next("taken", far, fd, BUFFER, 0);
	for (int i = 0; i < 2; i++) {
		say_rc("taken.send", send_to(fd, far, words, WORDS, 0));
		say_next("taken", far, fd, BUFFER, 0);
	}
	say_rc("taken.none", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
}

/* To a process that was there before the socket; what it stands for is not in its memory. */
static void passed(const struct far *far)
{
	for (int linked = 0; linked < 2; linked++) {
		int pair[2], fd;
		pid_t pid;
		long r;

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
			return;
		pid = child();
		if (pid == 0) {
			close(pair[0]);
			use_taken(far, taken(pair[1]));
			_exit(0);
		}
		close(pair[1]);
		fd = linked ? connected(far, 0) : datagram(far, 0);
		send_to(fd, far, words, WORDS, 0);
		say_poll("in", fd, POLLIN, LONG_MS);
		r = pass(pair[0], fd);
		child_join("child", pid);
		say_rc("pass", r);
		say_rc("send", send_to(fd, far, words, WORDS, 0));
		say_next("still", far, fd, BUFFER, 0);
		close(fd);
		close(pair[0]);
	}
}

/* And closed by who has sent it, before it is taken out. */
static void passed_away(const struct far *far)
{
	for (int linked = 0; linked < 2; linked++) {
		int pair[2], fd;
		pid_t pid;
		long r;

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
			return;
		pid = child();
		if (pid == 0) {
			close(pair[0]);
			sleep_ms(2 * SOON_MS);
			use_taken(far, taken(pair[1]));
			_exit(0);
		}
		close(pair[1]);
		fd = linked ? connected(far, 0) : datagram(far, 0);
		send_to(fd, far, words, WORDS, 0);
		say_poll("in", fd, POLLIN, LONG_MS);
		r = pass(pair[0], fd);
		close(fd);
		child_join("child", pid);
		say_rc("pass", r);
		close(pair[0]);
	}
}

static void passed_here(const struct far *far)
{
	for (int linked = 0; linked < 2; linked++) {
		int pair[2];
		int fd = linked ? connected(far, 0) : datagram(far, 0);

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
			return;
		send_to(fd, far, words, WORDS, 0);
		say_poll("in", fd, POLLIN, LONG_MS);
		say_rc("pass", pass(pair[0], fd));
		close(fd);
		use_taken(far, taken(pair[1]));
	}
}

/* --- on this machine ------------------------------------------------------------------------- */

static int local_server(const struct far *far, struct sockaddr_storage *at)
{
	struct sockaddr_in6 *six = (void *)at;
	struct sockaddr_in *four = (void *)at;
	socklen_t len = far->len;
	int fd = datagram(far, 0);

	memset(at, 0, sizeof(*at));
	at->ss_family = far->address.ss_family;
	if (at->ss_family == AF_INET)
		four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)&far->address)
					       ->sin6_addr))
		inet_pton(AF_INET6, "::ffff:127.0.0.1", &six->sin6_addr);
	else
		six->sin6_addr = in6addr_loopback;
	say_rc("bind", bind(fd, (void *)at, far->len));
	getsockname(fd, (void *)at, &len);
	return fd;
}

static void say_who(const char *key, const struct far *far,
		    const struct sockaddr_storage *local, int fd)
{
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);
	long n = recvfrom(fd, buffer, BUFFER, 0, (void *)&from, &len);

	say(key, "%ld from %s", n,
	    len != far->len			      ? "an address of another length" :
	    memcmp(&from, &far->address, len) == 0 ? "the far side" :
	    memcmp(&from, local, len) == 0	      ? "here" :
						       "somebody");
}

/* A server of this machine, and a client beside it: nothing of theirs is the proxy's. */
static void stays_here(const struct far *far)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_storage at, from = { 0 };
	socklen_t len = sizeof(from);
	int server = local_server(far, &at);
	int fd = datagram(far, 0);

	for (int linked = 0; linked < 2; linked++) {
		if (linked)
			say_rc("connect", connect(fd, (void *)&at, far->len));
		say_rc("send", linked ? send(fd, words, WORDS, 0) :
					sendto(fd, words, WORDS, 0, (void *)&at,
					       far->len));
		len = sizeof(from);
		say_rc("server", recvfrom(server, buffer, BUFFER, 0,
					  (void *)&from, &len));
		say_rc("answer", sendto(server, words, 5, 0, (void *)&from, len));
		say_who("client", far, &at, fd);
	}
	say("peer", "%d", getpeername(fd, (void *)&from, &len) == 0 &&
				  memcmp(&from, &at, len) == 0);
	/* And then it turns to the far side. */
	say_rc("dissolve", connect(fd, &none, sizeof(none)));
	say_rc("dial", dial(fd, far));
	say_rc("send", send(fd, words, WORDS, 0));
	say_next("far", far, fd, BUFFER, 0);
	say_rc("dissolve", connect(fd, &none, sizeof(none)));
	say_rc("connect", connect(fd, (void *)&at, far->len));
	say_rc("send", send(fd, words, WORDS, 0));
	say_rc("server", recv(server, buffer, BUFFER, 0));
}

/* One socket for peers of both kinds: who has sent what is told apart. */
static void both_kinds(const struct far *far)
{
	struct sockaddr_storage at, own;
	socklen_t len = sizeof(own);
	struct sockaddr_storage any = { .ss_family = far->address.ss_family };
	int server = local_server(far, &at);
	int fd = datagram(far, 0);
	struct sockaddr_storage back = at;

	say_rc("bind", bind(fd, (void *)&any, far->len));
	getsockname(fd, (void *)&own, &len);
	((struct sockaddr_in *)&back)->sin_port =
		((struct sockaddr_in *)&own)->sin_port;
	for (int i = 0; i < 3; i++) {
		say_rc("far", send_to(fd, far, words, WORDS, 0));
		say_who("far", far, &at, fd);
		say_rc("here", sendto(fd, words, 3, 0, (void *)&at, far->len));
		say_rc("server", recv(server, buffer, BUFFER, 0));
		say_rc("answer", sendto(server, words, 4, 0, (void *)&back,
					far->len));
		say_who("here", far, &at, fd);
		/* Unasked, as to any server. */
		say_rc("unasked", sendto(server, words, 6, 0, (void *)&back,
					 far->len));
		say_poll("in", fd, POLLIN, LONG_MS);
		say_who("unasked", far, &at, fd);
	}
	say_rc("none", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
}

/* --- the numbers ------------------------------------------------------------------------------ */

static void numbers(const struct far *far)
{
	int fd = connected(far, 0), copy, null = open("/dev/null", O_RDWR);
	int other = datagram(far, 0);

	send(fd, words, WORDS, 0);
	say_next("1", far, fd, BUFFER, 0);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	say("copy", "%d", copy);
	say_rc("dup2", dup2(null, fd) == fd);
	say_rc("write", write(fd, words, WORDS));
	say_rc("null", send(fd, words, WORDS, 0));
	say_rc("send", send(copy, words, WORDS, 0));
	say_next("2", far, copy, BUFFER, 0);
	say_rc("dup3", dup3(copy, 200, O_CLOEXEC));
	say_rc("range", close_range(100, 150, 0));
	say_rc("closed", send(copy, words, WORDS, 0));
	say_rc("send", send(200, words, WORDS, 0));
	say_next("3", far, 200, BUFFER, 0);
	/* Another UDP socket takes the number, and is nobody's. */
	say_rc("over", dup2(other, 200));
	say_peer("peer", 200);
	say_rc("send", send(200, words, WORDS, 0));
	say_rc("sendto", send_to(200, far, words, WORDS, 0));
	say_next("4", far, other, BUFFER, 0);
	/* A raw close is seen by nobody. */
	say_rc("close", close_range(200, 200, 0));
	fd = connected(far, 0);
	send(fd, words, WORDS, 0);
	say_next("5", far, fd, BUFFER, 0);
	say_rc("dup2", dup2(other, fd) == fd);
	say_rc("sendto", send_to(fd, far, words, WORDS, 0));
	say_next("6", far, fd, BUFFER, 0);
	closefrom(3);
	fd = datagram(far, 0);
	say("fd", "%d", fd);
	say_rc("sendto", send_to(fd, far, words, WORDS, 0));
	say_next("7", far, fd, BUFFER, 0);
}

static const struct row rows[] = {
	{ "both-sides", "echo", both_sides },
	{ "outlived", "echo", outlived },
	{ "by-vfork", "echo", by_vfork },
	{ "left-behind", "echo", left_behind },
	{ "inherited", "echo", inherited },
	{ "handed-on", "echo", handed_on },
	{ "passed", "echo", passed },
	{ "passed-away", "echo", passed_away },
	{ "passed-here", "echo", passed_here },
	{ "stays-here", "echo", stays_here },
	{ "both-kinds", "echo", both_kinds },
	{ "numbers", "echo", numbers },
};

VICTIM_MAIN(rows)
