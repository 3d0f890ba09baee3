/* SPDX-License-Identifier: MIT */
/*
 * carried.c - what programs do that no library covers; for tests/e2e/cases/carry.sh
 *
 *     carried get HOST PORT TAG       a page, by getaddrinfo; "ok", or what failed
 *     carried peer ADDRESS PORT       what getpeername says of such a connection
 *     carried threads N ADDRESS PORT TAG   N pages at once, a thread each
 *     carried nonblocking ADDRESS PORT     what a connect that does not wait comes to
 *     carried again ADDRESS PORT      connects a socket that was refused, then a good one
 *     carried alarm ADDRESS PORT      connects while a timer's handler runs
 *     carried limit ADDRESS PORT      connects with SO_SNDTIMEO of 300 ms
 *     carried leaks ADDRESS ADDRESS6 PORT  a row for each way past an address
 *     carried local                   UDP to loopback by each call, TCP to loopback
 *     carried closes                  how often what was closed after a call was not, of 500
 *     carried later FILE ADDRESS PORT TAG  a daemon: a page into FILE, when its parent is gone
 *     carried end STATUS              exits
 *     carried die SIGNAL              dies
 *     carried outer PROGRAM ARG...    runs it where this process is told of acct(2)
 *     carried closed                  which of 0, 1 and 2 are open, by its status
 *     carried count                   prints each SIGUSR1 and SIGCONT; SIGTERM ends it with 7
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

static const char *error_name(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{ ECONNREFUSED, "ECONNREFUSED" }, { EHOSTUNREACH, "EHOSTUNREACH" },
		{ ENETUNREACH, "ENETUNREACH" },	  { ETIMEDOUT, "ETIMEDOUT" },
		{ EACCES, "EACCES" },		  { EINPROGRESS, "EINPROGRESS" },
		{ EISCONN, "EISCONN" },		  { EOPNOTSUPP, "EOPNOTSUPP" },
		{ ENOPROTOOPT, "ENOPROTOOPT" },	  { EPERM, "EPERM" },
		{ ENODEV, "ENODEV" },		  { EINTR, "EINTR" },
		{ EPROTONOSUPPORT, "EPROTONOSUPPORT" },
		{ ENOTCONN, "ENOTCONN" },	  { EINVAL, "EINVAL" },
		{ EFAULT, "EFAULT" },		  { EBADF, "EBADF" },
		{ EPIPE, "EPIPE" },		  { ENOSYS, "ENOSYS" },
		{ EDESTADDRREQ, "EDESTADDRREQ" }, { EAFNOSUPPORT, "EAFNOSUPPORT" },
		{ EADDRNOTAVAIL, "EADDRNOTAVAIL" }, { ENOTSOCK, "ENOTSOCK" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].error == error)
			return names[i].name;
	return strerror(error);
}

static const char *outcome(long result)
{
	return result < 0 ? error_name(errno) : "ok";
}

static void row(const char *name, long result)
{
	printf("%s %s\n", name, outcome(result));
	fflush(stdout);
}

/* An address of either family, or of loopback where host is NULL. */
static socklen_t fill(struct sockaddr_storage *sa, const char *host, int port)
{
	struct sockaddr_in *in = (void *)sa;
	struct sockaddr_in6 *in6 = (void *)sa;

	memset(sa, 0, sizeof(*sa));
	if (inet_pton(AF_INET, host ? host : "127.0.0.1", &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		return sizeof(*in);
	}
	inet_pton(AF_INET6, host, &in6->sin6_addr);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	return sizeof(*in6);
}

static int connect_to(int fd, const char *host, int port)
{
	struct sockaddr_storage sa;
	socklen_t len = fill(&sa, host, port);

	return connect(fd, (struct sockaddr *)&sa, len);
}

static int stream_for(const char *host)
{
	return socket(strchr(host, ':') ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
}

/* Whether a page with the line of text comes over fd. */
static bool is_served(int fd, const char *tag)
{
	char text[2048];
	size_t have = 0;
	ssize_t n;

	dprintf(fd, "GET /?%s HTTP/1.0\r\n\r\n", tag);
	while (have < sizeof(text) - 1 &&
	       (n = read(fd, text + have, sizeof(text) - 1 - have)) > 0)
		have += (size_t)n;
	text[have] = '\0';
	return strstr(text, "hello from the world") != NULL;
}

static const char *get(const char *host, int port, const char *tag)
{
	int fd = stream_for(host);
	const char *said = outcome(connect_to(fd, host, port));

	if (!strcmp(said, "ok") && !is_served(fd, tag))
		said = "cut";
	close(fd);
	return said;
}

static int get_by_name(const char *host, const char *port, const char *tag)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int error = getaddrinfo(host, port, &hints, &found);
	const char *said = "none";

	if (error) {
		printf("%s\n", gai_strerror(error));
		return 1;
	}
	for (struct addrinfo *ai = found; ai; ai = ai->ai_next) {
		int fd = socket(ai->ai_family, SOCK_STREAM, 0);

		said = outcome(connect(fd, ai->ai_addr, ai->ai_addrlen));
		if (!strcmp(said, "ok")) {
			puts(is_served(fd, tag) ? "ok" : "cut");
			return 0;
		}
		close(fd);
	}
	puts(said);
	return 1;
}

static int show_peer(const char *host, int port)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	char text[INET6_ADDRSTRLEN];
	int fd = stream_for(host);

	row("connect", connect_to(fd, host, port));
	row("getpeername", getpeername(fd, (struct sockaddr *)&sa, &len));
	if (sa.ss_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *)&sa)->sin_addr, text,
			  sizeof(text));
	else
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&sa)->sin6_addr, text,
			  sizeof(text));
	printf("%s %d %d\n", text, ntohs(((struct sockaddr_in *)&sa)->sin_port),
	       (int)len);
	row("connect again", connect_to(fd, host, port));
	return 0;
}

/* --- at once ------------------------------------------------------------------ */

static char **arguments;
static int good;

static void *get_one(void *arg)
{
	const char *said = get(arguments[3], atoi(arguments[4]), arguments[5]);

	(void)arg;
	if (!strcmp(said, "ok"))
		__atomic_fetch_add(&good, 1, __ATOMIC_RELAXED);
	else
		printf("%s\n", said);
	return NULL;
}

static int threads(int n)
{
	pthread_t *list = calloc((size_t)n, sizeof(*list));
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	for (int i = 0; i < n; i++)
		if (pthread_create(&list[i], &attributes, get_one, NULL))
			return 1;
	for (int i = 0; i < n; i++)
		pthread_join(list[i], NULL);
	printf("%d ok\n", good);
	return 0;
}

/* --- manners ------------------------------------------------------------------- */

static int nonblocking(const char *host, int port)
{
	int fd = stream_for(host), error = 0, r;
	socklen_t len = sizeof(error);
	struct pollfd pollfd = { .fd = fd, .events = POLLOUT };

	fcntl(fd, F_SETFL, O_NONBLOCK);
	r = connect_to(fd, host, port);
	if (r < 0 && errno == EINPROGRESS && poll(&pollfd, 1, 10000) == 1) {
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
		errno = error;
		r = error ? -1 : 0;
	}
	printf("%s %s\n", outcome(r),
	       fcntl(fd, F_GETFL) & O_NONBLOCK ? "nonblocking" : "blocking");
	return 0;
}

static int again(const char *host, int port)
{
	int fd = stream_for(host);

	row("first", connect_to(fd, host, 81));
	row("second", connect_to(fd, host, port));
	puts(is_served(fd, "again") ? "served" : "cut");
	return 0;
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal_number)
{
	(void)signal_number;
	alarms++;
}

static int with_alarm(const char *host, int port)
{
	struct sigaction action = { .sa_handler = on_alarm,
				    .sa_flags = SA_RESTART };
	struct itimerval each = { { 0, 20000 }, { 0, 20000 } }, none = { 0 };
	int fd = stream_for(host), r;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &each, NULL);
	r = connect_to(fd, host, port);
	setitimer(ITIMER_REAL, &none, NULL);
	row("connect", r);
	puts(is_served(fd, "alarm") ? "served" : "cut");
	puts(alarms > 0 ? "alarms" : "no alarm");
	return 0;
}

static int with_limit(const char *host, int port)
{
	struct timeval limit = { 0, 300000 }, found;
	socklen_t len = sizeof(found);
	int fd = stream_for(host);

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	row("connect", connect_to(fd, host, port));
	getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &found, &len);
	/* The kernel counts in ticks. */
	puts(found.tv_sec == 0 && found.tv_usec >= 300000 && found.tv_usec < 320000 ?
		     "limit kept" : "limit changed");
	return 0;
}

/* --- ways past an address --------------------------------------------------------- */

static void try_datagram(const char *name, const char *host, int port, int how)
{
	struct sockaddr_storage sa;
	socklen_t len = fill(&sa, host, port);
	int fd = socket(sa.ss_family, SOCK_DGRAM, 0);
	struct iovec iov = { (void *)"leak", 4 };
	struct mmsghdr m = { .msg_hdr = { .msg_name = &sa, .msg_namelen = len,
					  .msg_iov = &iov, .msg_iovlen = 1 } };

	if (how == 0)
		row(name, sendto(fd, "leak", 4, 0, (struct sockaddr *)&sa, len));
	else if (how == 1)
		row(name, sendmsg(fd, &m.msg_hdr, 0));
	else if (how == 2)
		row(name, sendmmsg(fd, &m, 1, 0));
	else {
		int r = connect(fd, (struct sockaddr *)&sa, len);

		row(name, r < 0 ? r : send(fd, "leak", 4, 0));
	}
	close(fd);
}

static void try_option(const char *name, int family, int type, int level, int option,
		       const void *value, socklen_t len)
{
	int fd = socket(family, type, 0);

	row(name, setsockopt(fd, level, option, value, len));
	close(fd);
}

static void try_fast_open(const char *host, int port)
{
	struct sockaddr_storage sa;
	socklen_t len = fill(&sa, host, port);
	struct iovec iov = { (void *)"leak", 4 };
	struct msghdr m = { .msg_name = &sa, .msg_namelen = len, .msg_iov = &iov,
			    .msg_iovlen = 1 };
	int fd = stream_for(host);

	row("fastopen-sendto", sendto(fd, "leak", 4, MSG_FASTOPEN | MSG_NOSIGNAL,
				      (struct sockaddr *)&sa, len));
	row("fastopen-sendmsg", sendmsg(fd, &m, MSG_FASTOPEN | MSG_NOSIGNAL));
	row("sendto-unconnected", sendto(fd, "leak", 4, MSG_NOSIGNAL,
					 (struct sockaddr *)&sa, len));
	close(fd);
}

static int leaks(const char *v4, const char *v6, int port)
{
	struct ip_mreqn group = { .imr_multiaddr.s_addr = htonl(0xe0000077) };
	unsigned char hops[8] = { 131, 7, 4, 10, 11, 1, 1, 0 };
	int on = 1;

	try_datagram("udp-sendto", v4, port, 0);
	try_datagram("udp-sendmsg", v4, port, 1);
	try_datagram("udp-sendmmsg", v4, port, 2);
	try_datagram("udp-connect", v4, port, 3);
	try_datagram("udp6-sendto", v6, port, 0);
	try_datagram("udp6-sendmmsg", v6, port, 2);
	try_datagram("udp6-connect", v6, port, 3);
	try_datagram("dns-elsewhere", v4, 53, 0);
	try_fast_open(v4, port);
	try_option("fastopen-connect", AF_INET, SOCK_STREAM, IPPROTO_TCP,
		   TCP_FASTOPEN_CONNECT, &on, sizeof(on));
	try_option("hops", AF_INET, SOCK_STREAM, IPPROTO_IP, IP_OPTIONS, hops,
		   sizeof(hops));
	try_option("device", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5);
	try_option("device-index", AF_INET6, SOCK_STREAM, IPPROTO_IPV6, 76, &on,
		   sizeof(on));
	try_option("group", AF_INET, SOCK_DGRAM, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group,
		   sizeof(group));
	row("raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	row("ping", socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
	row("packet", socket(AF_PACKET, SOCK_RAW, 0));
	row("mptcp", socket(AF_INET, SOCK_STREAM, 262));
	row("sctp", socket(AF_INET, SOCK_STREAM, 132));
	return 0;
}

/* --- this machine ------------------------------------------------------------------- */

/* Sends what by one of the calls, and whether it arrives whole. */
static void try_local(const char *name, int how, size_t size)
{
	struct sockaddr_storage sa, from;
	socklen_t len = fill(&sa, NULL, 0), from_len = sizeof(from);
	int server = socket(AF_INET, SOCK_DGRAM, 0), fd;
	struct timeval patience = { 5, 0 };
	static char what[60000], got[60001];
	struct iovec iov[2] = { { what, size / 2 }, { what + size / 2, size - size / 2 } };
	struct mmsghdr m = { .msg_hdr = { .msg_name = &sa, .msg_namelen = len,
					  .msg_iov = iov, .msg_iovlen = 2 } };
	long n;

	for (size_t i = 0; i < size; i++)
		what[i] = (char)(i * 7 + (size_t)how);
	bind(server, (struct sockaddr *)&sa, len);
	getsockname(server, (struct sockaddr *)&sa, &len);
	setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	switch (how) {
	case 0:
		n = sendto(fd, what, size, 0, (struct sockaddr *)&sa, len);
		break;
	case 1:
		n = sendmsg(fd, &m.msg_hdr, 0);
		break;
	case 2:
		n = sendmmsg(fd, &m, 1, 0) == 1 ? (long)m.msg_len : -1;
		break;
	default:
		n = connect(fd, (struct sockaddr *)&sa, len);
		m.msg_hdr.msg_name = NULL;
		m.msg_hdr.msg_namelen = 0;
		n = n < 0 ? n : sendmsg(fd, &m.msg_hdr, 0);
	}
	if (n != (long)size)
		row(name, n);
	else
		printf("%s %s\n", name,
		       recvfrom(server, got, sizeof(got), 0, (struct sockaddr *)&from,
				&from_len) == (long)size &&
				       !memcmp(got, what, size) ?
			       "ok" : "lost");
	close(fd);
	close(server);
}

static void try_local_stream(void)
{
	struct sockaddr_storage sa;
	socklen_t len = fill(&sa, NULL, 0);
	int server = socket(AF_INET, SOCK_STREAM, 0), fd, closed, accepted;
	char byte = 0;

	bind(server, (struct sockaddr *)&sa, len);
	listen(server, 5);
	getsockname(server, (struct sockaddr *)&sa, &len);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	row("stream", connect(fd, (struct sockaddr *)&sa, len));
	accepted = accept(server, NULL, NULL);
	row("accept", accepted);
	row("stream-again", connect(fd, (struct sockaddr *)&sa, len));
	/* It is connected, and stays so. */
	row("stream-elsewhere", connect_to(fd, "192.0.2.1", 80));
	row("accepted-elsewhere", connect_to(accepted, "192.0.2.1", 80));
	row("listener-elsewhere", connect_to(server, "192.0.2.1", 80));
	row("write", write(fd, "x", 1));
	row("read", read(accepted, &byte, 1));
	row("accept-again", connect(socket(AF_INET, SOCK_STREAM, 0),
				    (struct sockaddr *)&sa, len));
	puts(byte == 'x' ? "alive" : "dead");
	close(server);
	closed = socket(AF_INET, SOCK_STREAM, 0);
	row("stream-closed", connect(closed, (struct sockaddr *)&sa, len));
	row("bad-address", connect(closed, (void *)1, len));
	row("bad-number", connect(999, (struct sockaddr *)&sa, len));
	row("no-socket", connect(0, (struct sockaddr *)&sa, len));
	row("short", connect(closed, (struct sockaddr *)&sa, 4));
}

static void try_unix(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct iovec iov = { (void *)"x", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), pair[2];

	snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "carried-%d", (int)getpid());
	bind(server, (struct sockaddr *)&un, sizeof(un));
	listen(server, 1);
	row("unix", connect(fd, (struct sockaddr *)&un, sizeof(un)));
	row("unix-sendmsg", sendmsg(fd, &m, 0));
	strcpy(un.sun_path, "/run/nscd/socket");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	row("unix-nscd", connect(fd, (struct sockaddr *)&un, sizeof(un)));
	row("pair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	row("pair-sendmsg", sendmsg(pair[0], &m, 0));
}

static int local(void)
{
	try_local("sendto", 0, 100);
	try_local("sendto-large", 0, 60000);
	try_local("sendmsg", 1, 100);
	try_local("sendmsg-large", 1, 60000);
	try_local("sendmmsg", 2, 100);
	try_local("connected", 3, 100);
	try_local_stream();
	try_unix();
	return 0;
}

/* --- closing ---------------------------------------------------------------------------- */

enum {
	CLOSES = 500
};

/* A port of this machine that nobody has; a socket of that type is bound to it. */
static int bound(int type, struct sockaddr_in *own)
{
	int fd = socket(AF_INET, type, 0);

	if (bind(fd, (struct sockaddr *)own, sizeof(*own)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Binds, makes a call that is answered by another process, closes, and binds again. */
static int still_bound(int type)
{
	struct sockaddr_in own = { .sin_family = AF_INET }, to = own;
	socklen_t len = sizeof(own);
	int busy = 0, fd;

	own.sin_addr.s_addr = to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(9);
	fd = bound(type, &own);
	getsockname(fd, (struct sockaddr *)&own, &len);
	close(fd);
	for (int i = 0; i < CLOSES; i++) {
		fd = bound(type, &own);
		if (fd < 0) {
			busy++;
			continue;
		}
		if (type == SOCK_DGRAM)
			sendto(fd, "x", 1, 0, (struct sockaddr *)&to,
			       sizeof(to));
		else
			connect(fd, (struct sockaddr *)&to, sizeof(to));
		close(fd);
	}
	return busy;
}

static int still_open(void)
{
	struct iovec iov = { (void *)"x", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int open_still = 0, pair[2];
	char byte;

	for (int i = 0; i < CLOSES; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
			return -1;
		sendmsg(pair[0], &m, 0);
		close(pair[0]);
		open_still += read(pair[1], &byte, 1) != 1 ||
			      recv(pair[1], &byte, 1, MSG_DONTWAIT) != 0;
		close(pair[1]);
	}
	return open_still;
}

static int closes(void)
{
	printf("udp %d\ntcp %d\nunix %d\n", still_bound(SOCK_DGRAM),
	       still_bound(SOCK_STREAM), still_open());
	return 0;
}

/* --- processes -------------------------------------------------------------------------- */

static int later(const char *file, const char *host, int port, const char *tag)
{
	pid_t parent = getpid();

	if (fork())
		return 0;
	setsid();
	if (fork())
		return 0;
	while (kill(parent, 0) == 0)
		usleep(10000);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	dprintf(0, "%s\n", get(host, port, tag));
	return 0;
}

static void on_signal(int number)
{
	const char *said = number == SIGCONT ? "continued\n" : "usr1\n";

	if (number == SIGTERM)
		_exit(7);
	if (write(1, said, strlen(said)) < 0)
		_exit(1);
}

static _Noreturn void count(void)
{
	signal(SIGUSR1, on_signal);
	signal(SIGCONT, on_signal);
	signal(SIGTERM, on_signal);
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

/* As a container's runtime may do: the listener stays open. */
static int outer(char **argv)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_acct, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };
	long fd;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		     SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (fd < 0)
		return 3;
	fcntl((int)fd, F_SETFD, 0);
	execvp(argv[0], argv);
	return 2;
}

static int closed(void)
{
	int open_ones = 0;

	for (int fd = 0; fd < 3; fd++)
		open_ones |= (fcntl(fd, F_GETFD) >= 0) << fd;
	return open_ones;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	arguments = argv;
	if (!strcmp(what, "get") && argc == 5)
		return get_by_name(argv[2], argv[3], argv[4]);
	if (!strcmp(what, "peer") && argc == 4)
		return show_peer(argv[2], atoi(argv[3]));
	if (!strcmp(what, "threads") && argc == 6)
		return threads(atoi(argv[2]));
	if (!strcmp(what, "nonblocking") && argc == 4)
		return nonblocking(argv[2], atoi(argv[3]));
	if (!strcmp(what, "again") && argc == 4)
		return again(argv[2], atoi(argv[3]));
	if (!strcmp(what, "alarm") && argc == 4)
		return with_alarm(argv[2], atoi(argv[3]));
	if (!strcmp(what, "limit") && argc == 4)
		return with_limit(argv[2], atoi(argv[3]));
	if (!strcmp(what, "leaks") && argc == 5)
		return leaks(argv[2], argv[3], atoi(argv[4]));
	if (!strcmp(what, "local"))
		return local();
	if (!strcmp(what, "closes"))
		return closes();
	if (!strcmp(what, "later") && argc == 6)
		return later(argv[2], argv[3], atoi(argv[4]), argv[5]);
	if (!strcmp(what, "outer") && argc > 2)
		return outer(argv + 2);
	if (!strcmp(what, "closed"))
		return closed();
	if (!strcmp(what, "end") && argc == 3)
		return atoi(argv[2]);
	if (!strcmp(what, "die") && argc == 3)
		return raise(atoi(argv[2]));
	if (!strcmp(what, "count"))
		count();
	fprintf(stderr, "usage: see the head of carried.c\n");
	return 2;
}
