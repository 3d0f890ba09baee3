/* SPDX-License-Identifier: MIT */
/*
 * carriedodds.c - what carried programs seldom do, for tests/e2e/cases/carry-odds.sh: each
 * says in a line what came of it
 *
 *     carriedodds wrong               another's connect while one to nowhere is not over
 *     carriedodds unmake SILENT GOOD PORT  takes apart what another thread waits for
 *     carriedodds beside ADDRESS PORT      what another thread does while a connect waits
 *     carriedodds interrupted ADDRESS PORT HOW   a signal while a connect waits
 *     carriedodds only6 ADDRESS6 PORT      IPV6_V6ONLY of a socket that was refused
 *     carriedodds table ADDRESS PORT       a thread with descriptors of its own
 *     carriedodds orphan ADDRESS PORT      a child killed in a connect, and not waited for
 *     carriedodds many N ADDRESS PORT      N connects, one after the other; waits for a line
 *     carriedodds burn MILLISECONDS        of processor time
 *     carriedodds peer-nowhere ADDRESS PORT    getpeername into no memory
 *     carriedodds waits ADDRESS PORT [thread]    says "ready", and connects
 *     carriedodds full ADDRESS PORT        connects when standard error has no room
 *     carriedodds asks SERVER [epoll|talks|both]  a name server, by a socket that is not
 *                                     connected: who answers; and another one's answer
 *     carriedodds records NAME TYPE       RCODE and number of answers, by res_query
 *     carriedodds label               a flow label
 */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <resolv.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *outcome(long result)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{ ECONNREFUSED, "ECONNREFUSED" }, { ECONNABORTED, "ECONNABORTED" },
		{ EINTR, "EINTR" },		  { EISCONN, "EISCONN" },
		{ EPERM, "EPERM" },		  { ENETUNREACH, "ENETUNREACH" },
		{ ETIMEDOUT, "ETIMEDOUT" },	  { EBADF, "EBADF" },
	};

	if (result >= 0)
		return "ok";
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].error == errno)
			return names[i].name;
	return strerror(errno);
}

static void row(const char *name, long result)
{
	printf("%s %s\n", name, outcome(result));
	fflush(stdout);
}

static socklen_t fill(struct sockaddr_storage *sa, const char *host, int port)
{
	struct sockaddr_in *in = (void *)sa;
	struct sockaddr_in6 *in6 = (void *)sa;

	memset(sa, 0, sizeof(*sa));
	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
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

static int stream(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static void moment(void)
{
	usleep(300000);
}

/* --- a connect in another thread --------------------------------------------------- */

static struct {
	int fd;
	const char *host;
	int port;
	int error; /* -1: it is not over */
} other = { .error = -1 };

static void *connect_other(void *arg)
{
	int r = connect_to(other.fd, other.host, other.port);

	(void)arg;
	__atomic_store_n(&other.error, r < 0 ? errno : 0, __ATOMIC_RELEASE);
	return NULL;
}

static pthread_t begin_other(const char *host, int port)
{
	pthread_t thread;

	other.fd = stream();
	other.host = host;
	other.port = port;
	if (pthread_create(&thread, NULL, connect_other, NULL))
		exit(1);
	moment();
	return thread;
}

static void say_other(const char *name, pthread_t thread)
{
	pthread_join(thread, NULL);
	errno = other.error;
	row(name, other.error ? -1 : 0);
}

static int a_listener(int backlog, int *port)
{
	struct sockaddr_storage sa;
	socklen_t len = fill(&sa, "127.0.0.1", 0);
	int fd = stream();

	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, backlog) < 0)
		exit(1);
	getsockname(fd, (struct sockaddr *)&sa, &len);
	*port = ntohs(((struct sockaddr_in *)&sa)->sin_port);
	return fd;
}

/* --- the kernel waits -------------------------------------------------------------- */

static void *connect_wrongly(void *fd)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	connect((int)(intptr_t)fd, (struct sockaddr *)&un, sizeof(un));
	return NULL;
}

/*
 * A listener with no room keeps a connect waiting. On that socket a connect with an address
 * of another family waits likewise; and nobody else is to wait for it.
 */
static int wrong(void)
{
	int port, full = a_listener(0, &port), good_port, fd;
	pthread_t thread;

	a_listener(5, &good_port);
	for (int i = 0; i < 4; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect_to(fd, "127.0.0.1", port);
	}
	fcntl(fd, F_SETFL, 0);
	pthread_create(&thread, NULL, connect_wrongly, (void *)(intptr_t)fd);
	moment();
	alarm(10);
	row("beside it", connect_to(stream(), "127.0.0.1", good_port));
	return full < 0;
}

/* --- taken apart ------------------------------------------------------------------- */

static int unmake(const char *silent, const char *good, int port)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	char text[INET_ADDRSTRLEN];
	pthread_t thread;

	alarm(20);
	thread = begin_other(silent, port);
	row("unmade", connect(other.fd, &none, sizeof(none)));
	say_other("who waited", thread);
	row("another", connect_to(other.fd, good, port));
	getpeername(other.fd, (struct sockaddr *)&peer, &len);
	puts(inet_ntop(AF_INET, &((struct sockaddr_in *)&peer)->sin_addr, text,
		       sizeof(text)));
	return 0;
}

/* --- beside ------------------------------------------------------------------------ */

static int beside(const char *host, int port)
{
	int good_port, server = a_listener(5, &good_port), datagram;
	struct sockaddr_storage sa;
	socklen_t len = fill(&sa, "127.0.0.1", good_port);

	begin_other(host, port);
	alarm(20);
	for (int i = 0; i < 100; i++) {
		int fd = stream();

		datagram = socket(AF_INET, SOCK_DGRAM, 0);
		if (connect_to(fd, "127.0.0.1", good_port) < 0 ||
		    sendto(datagram, "x", 1, 0, (struct sockaddr *)&sa, len) != 1)
			break;
		close(accept(server, NULL, NULL));
		close(fd);
		close(datagram);
		if (i == 99)
			puts("a hundred calls");
	}
	puts(__atomic_load_n(&other.error, __ATOMIC_ACQUIRE) == -1 ?
		     "and it waits" : "and it is over");
	fflush(stdout);
	_exit(0);
}

/* --- signals ----------------------------------------------------------------------- */

static sigjmp_buf out;

static void end_here(int number)
{
	static const char said[] = "handler\n";

	(void)number;
	_exit(write(1, said, sizeof(said) - 1) < 0);
}

static void jump(int number)
{
	(void)number;
	siglongjmp(out, 1);
}

static volatile sig_atomic_t handled;

/* The third one gives up: a call that is made again each time goes on for ever. */
static void count(int number)
{
	if (++handled == 3)
		end_here(number);
}

static void after(void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
	struct sigevent by_signal = { .sigev_signo = SIGUSR2 };
	struct itimerspec each = { { 0, 300000000 }, { 0, 300000000 } };
	timer_t timer;

	sigaction(SIGUSR2, &action, NULL);
	timer_create(CLOCK_MONOTONIC, &by_signal, &timer);
	timer_settime(timer, 0, &each, NULL);
}

static int interrupted(const char *host, int port, const char *how)
{
	int fd = stream();
	pthread_t thread;

	alarm(40);
	if (!strcmp(how, "restarts")) {
		after(count, SA_RESTART);
	} else if (!strcmp(how, "not-waiting")) {
		/* What does not wait is not interrupted. */
		fcntl(fd, F_SETFL, O_NONBLOCK);
		after(count, 0);
	} else if (!strcmp(how, "ends")) {
		after(count, 0);
	} else if (!strcmp(how, "jumps")) {
		if (sigsetjmp(out, 1)) {
			puts("jumped");
			return 0;
		}
		after(jump, SA_RESTART);
	} else {
		signal(SIGUSR1, end_here);
		thread = begin_other(host, port);
		pthread_kill(thread, SIGUSR1);
		say_other("thread", thread);
		return 0;
	}
	row(how, connect_to(fd, host, port));
	return 0;
}

static int waits(const char *host, int port, int in_thread)
{
	alarm(40);
	puts("ready");
	fflush(stdout);
	if (in_thread)
		say_other("connect", begin_other(host, port));
	else
		row("connect", connect_to(stream(), host, port));
	return 0;
}

/* --- options ----------------------------------------------------------------------- */

static int only6(const char *host, int port)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0), on = 1, now = -1;
	socklen_t len = sizeof(now);

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	row("connect", connect_to(fd, host, port));
	getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &now, &len);
	printf("only %d\n", now);
	return 0;
}

static int label(void)
{
	struct in6_flowlabel {
		struct in6_addr dst;
		uint32_t label;
		uint8_t action, share;
		uint16_t flags, expires, linger;
		uint32_t pad;
	} request = { .dst = IN6ADDR_LOOPBACK_INIT, .share = 255, .flags = 1 };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	row("label", setsockopt(fd, IPPROTO_IPV6, 32, &request, sizeof(request)));
	return 0;
}

/* --- descriptors --------------------------------------------------------------------- */

static struct {
	int fd;
	const char *host;
	int port;
} hidden;

/* Here the number is a UDP socket, and a local one in the rest of the process. */
static void *send_by_own(void *arg)
{
	struct sockaddr_storage sa;
	socklen_t len = fill(&sa, hidden.host, hidden.port);
	struct iovec iov = { (void *)"leak", 4 };
	struct msghdr m = { .msg_name = &sa, .msg_namelen = len, .msg_iov = &iov,
			    .msg_iovlen = 1 };

	if (unshare(CLONE_FILES) < 0)
		return NULL;
	dup2(socket(AF_INET, SOCK_DGRAM, 0), hidden.fd);
	row("own table", sendmsg(hidden.fd, &m, 0));
	return arg;
}

static int table(const char *host, int port)
{
	pthread_t thread;
	int pair[2];

	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	hidden.fd = pair[0];
	hidden.host = host;
	hidden.port = port;
	pthread_create(&thread, NULL, send_by_own, NULL);
	pthread_join(thread, NULL);
	return 0;
}

static int many(int n, const char *host, int port)
{
	char line[8];
	int good = 0;

	alarm(120);
	for (int i = 0; i < n; i++) {
		int fd = stream();

		good += connect_to(fd, host, port) == 0;
		close(fd);
	}
	printf("%d ok\n", good);
	fflush(stdout);
	return !fgets(line, sizeof(line), stdin);
}

static int peer_nowhere(const char *host, int port)
{
	socklen_t *len = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = stream();

	*len = sizeof(struct sockaddr_storage);
	row("connect", connect_to(fd, host, port));
	row("getpeername", getpeername(fd, (void *)16, len));
	return 0;
}

static int full(const char *host, int port)
{
	char bytes[4096] = { 0 };

	alarm(20);
	fcntl(2, F_SETFL, O_NONBLOCK);
	while (write(2, bytes, sizeof(bytes)) > 0)
		continue;
	fcntl(2, F_SETFL, 0);
	row("connect", connect_to(stream(), host, port));
	return 0;
}

/* An answer comes, by epoll or else: from whom. */
static void show_answer(int fd, int epoll)
{
	struct timeval patience = { 10, 0 };
	struct epoll_event event = { 0 };
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char bytes[512], text[INET6_ADDRSTRLEN] = "nobody";
	ssize_t n = -1;

	if (epoll < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (epoll < 0 || (epoll_wait(epoll, &event, 1, 10000) == 1 && event.data.u64 == 77))
		n = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &len);
	if (n > 0)
		inet_ntop(AF_INET, &((struct sockaddr_in *)&from)->sin_addr, text,
			  sizeof(text));
	printf("%s %d\n", text, n > 0 ? ntohs(((struct sockaddr_in *)&from)->sin_port) : 0);
}

static void ask_server(int fd, const char *server, int port)
{
	unsigned char query[512];
	struct sockaddr_storage sa;
	socklen_t len = fill(&sa, server, port);
	int n = res_mkquery(ns_o_query, "world.example", ns_c_in, ns_t_a, NULL, 0, NULL,
			    query, sizeof(query));

	if (sendto(fd, query, (size_t)n, 0, (struct sockaddr *)&sa, len) != n)
		row("sendto", -1);
}

/* Somebody of this machine, who sends back what he gets. */
static int echo_port;

static void *echo(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct sockaddr_storage from;
	char bytes[512];
	ssize_t n;

	for (;;) {
		socklen_t len = sizeof(from);

		n = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &len);
		sendto(fd, bytes, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
	return NULL;
}

static void begin_echo(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_storage sa;
	socklen_t len = fill(&sa, "127.0.0.1", 0);
	pthread_t thread;

	bind(fd, (struct sockaddr *)&sa, len);
	getsockname(fd, (struct sockaddr *)&sa, &len);
	echo_port = ntohs(((struct sockaddr_in *)&sa)->sin_port);
	pthread_create(&thread, NULL, echo, (void *)(intptr_t)fd);
}

static int asks(const char *server, const char *how)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = 77 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), epoll = -1;
	struct sockaddr_storage own;
	socklen_t len = fill(&own, "0.0.0.0", 0);
	int port;

	bind(fd, (struct sockaddr *)&own, len);
	getsockname(fd, (struct sockaddr *)&own, &len);
	port = ((struct sockaddr_in *)&own)->sin_port;
	if (!strcmp(how, "epoll") || !strcmp(how, "both")) {
		epoll = epoll_create1(0);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	}
	begin_echo();
	if (!strcmp(how, "talks")) {
		ask_server(fd, "127.0.0.1", echo_port);
		show_answer(fd, epoll);
	}
	ask_server(fd, server, 53);
	show_answer(fd, epoll);
	if (!strcmp(how, "both")) {
		ask_server(fd, "127.0.0.1", echo_port);
		show_answer(fd, epoll);
	}
	getsockname(fd, (struct sockaddr *)&own, &len);
	puts(((struct sockaddr_in *)&own)->sin_port == port ? "same port" : "another port");
	if (epoll >= 0)
		row("del", epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL));
	return 0;
}

/* Asked and answered, as the message says itself. */
static int records(const char *name, int type)
{
	unsigned char query[512], reply[4096] = { 0 };
	int len = res_mkquery(ns_o_query, name, ns_c_in, type, NULL, 0, NULL, query,
			      sizeof(query));

	len = res_send(query, len, reply, sizeof(reply));
	if (len < 12)
		puts("no answer");
	else
		printf("%d %d\n", reply[3] & 15, reply[6] << 8 | reply[7]);
	return 0;
}

/* --- processes --------------------------------------------------------------------- */

static int orphan(const char *host, int port)
{
	pid_t child = fork();
	char line[8];

	if (child == 0) {
		connect_to(stream(), host, port);
		_exit(0);
	}
	moment();
	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	kill(child, SIGKILL); /* and is not waited for */
	puts("killed");
	fflush(stdout);
	return !fgets(line, sizeof(line), stdin);
}

static int burn(long ms)
{
	while (clock() < ms * (CLOCKS_PER_SEC / 1000))
		continue;
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "wrong"))
		return wrong();
	if (!strcmp(what, "label"))
		return label();
	if (!strcmp(what, "unmake") && argc == 5)
		return unmake(argv[2], argv[3], atoi(argv[4]));
	if (!strcmp(what, "beside") && argc == 4)
		return beside(argv[2], atoi(argv[3]));
	if (!strcmp(what, "interrupted") && argc == 5)
		return interrupted(argv[2], atoi(argv[3]), argv[4]);
	if (!strcmp(what, "waits") && argc >= 4)
		return waits(argv[2], atoi(argv[3]), argc > 4);
	if (!strcmp(what, "only6") && argc == 4)
		return only6(argv[2], atoi(argv[3]));
	if (!strcmp(what, "table") && argc == 4)
		return table(argv[2], atoi(argv[3]));
	if (!strcmp(what, "orphan") && argc == 4)
		return orphan(argv[2], atoi(argv[3]));
	if (!strcmp(what, "many") && argc == 5)
		return many(atoi(argv[2]), argv[3], atoi(argv[4]));
	if (!strcmp(what, "full") && argc == 4)
		return full(argv[2], atoi(argv[3]));
	if (!strcmp(what, "records") && argc == 4)
		return records(argv[2], atoi(argv[3]));
	if (!strcmp(what, "asks") && argc >= 3)
		return asks(argv[2], argc > 3 ? argv[3] : "");
	if (!strcmp(what, "burn") && argc == 3)
		return burn(atol(argv[2]));
	if (!strcmp(what, "peer-nowhere") && argc == 4)
		return peer_nowhere(argv[2], atoi(argv[3]));
	fprintf(stderr, "usage: see the head of carriedodds.c\n");
	return 2;
}
