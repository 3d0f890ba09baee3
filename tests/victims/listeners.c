/* SPDX-License-Identifier: MIT */
/*
 * listeners.c - victim: a listener that goes with a connection to an FTP port
 *
 * The far side is told where to call: with what getsockname() shows of the listener.
 */
#include <sys/resource.h>

#include "tests/victims/victim.h"

static int control(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("control", dial(fd, far));
	return fd;
}

union any {
	struct sockaddr_storage any;
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static union any name_of(const char *key, int fd)
{
	union any name = { 0 };
	socklen_t len = sizeof(name);

	if (getsockname(fd, &name.sa, &len) < 0)
		say(key, "%s", errno_name(errno));
	return name;
}

static in_port_t *port_of(union any *name)
{
	return name->sa.sa_family == AF_INET ? &name->in.sin_port :
					       &name->in6.sin6_port;
}

static void say_same_host(const char *key, union any a, union any b)
{
	*port_of(&a) = *port_of(&b) = 0;
	say(key, "%s, family %d",
	    memcmp(&a, &b, sizeof(a)) == 0 ? "same" : "other", a.sa.sa_family);
}

/* Bound to the address of the control connection, under another port. */
static int bound(int ctl, int flags)
{
	union any name = name_of("control.name", ctl);
	int fd = socket(name.sa.sa_family, SOCK_STREAM | flags, 0);

	*port_of(&name) = 0;
	say_rc("bind", bind(fd, &name.sa,
			    name.sa.sa_family == AF_INET ? sizeof(name.in) :
							   sizeof(name.in6)));
	return fd;
}

/* Lets the far side call, where the listener is. */
static void call(int ctl, int fd, int ms)
{
	union any name = name_of("call", fd);
	char host[INET6_ADDRSTRLEN] = "", line[128];
	int n;

	if (name.sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &name.in.sin_addr, host, sizeof(host));
	else if (IN6_IS_ADDR_V4MAPPED(&name.in6.sin6_addr))
		inet_ntop(AF_INET, &name.in6.sin6_addr.s6_addr[12], host,
			  sizeof(host));
	else
		inet_ntop(AF_INET6, &name.in6.sin6_addr, host, sizeof(host));
	n = snprintf(line, sizeof(line), "CALL %s %d %d\n", host,
		     ntohs(*port_of(&name)), ms);
	say("told", "%d", send_all(ctl, line, (size_t)n));
}

static int taken(const char *key, int fd, int flags)
{
	union any peer = { 0 };
	socklen_t len = sizeof(peer);
	char text[TEXT_MAX];
	int r = accept4(fd, &peer.sa, &len, flags);

	if (r < 0) {
		say(key, "%s", errno_name(errno));
		return r;
	}
	address_text(&peer.any, len, text, sizeof(text));
	say(key, "%s", text);
	return r;
}

static void say_data(int data)
{
	say_peer("data.peer", data);
	say_line("data.line", data);
	say_echo("data.echo", data);
	say_so_error("data.so_error", data);
}

static int listening(int ctl, int flags)
{
	int fd = bound(ctl, flags);

	say_rc("listen", listen(fd, 1));
	return fd;
}

/* --- order ------------------------------------------------------------------- */

static void name_first(const struct far *far)
{
	int ctl = control(far), fd = bound(ctl, 0), data;

	say_same_host("name", name_of("name", fd), name_of("control", ctl));
	say_rc("listen", listen(fd, 1));
	say_same_host("again", name_of("again", fd), name_of("control", ctl));
	call(ctl, fd, 0);
	data = taken("accept", fd, 0);
	say_line("control.line", ctl);
	say_data(data);
	say_same_host("data.name", name_of("data", data),
		      name_of("control", ctl));
	say_works(data);
}

static void listen_first(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, 0), data;

	say_same_host("name", name_of("name", fd), name_of("control", ctl));
	call(ctl, fd, 0);
	data = taken("accept", fd, 0);
	say_data(data);
	say_rc("close", close(fd));
	say_echo("after.close", data);
}

/* As Python's ftplib: any address, any port. */
static void any_address(const struct far *far)
{
	union any any = { 0 };
	int ctl = control(far), data;
	int fd = stream(far, 0);

	any.sa.sa_family = far->address.ss_family;
	say_rc("bind", bind(fd, &any.sa, far->len));
	say_rc("listen", listen(fd, 1));
	any = name_of("name", fd);
	(void)any;
	{
		/* The host is the control's. */
		union any where = name_of("control", ctl);
		char host[INET6_ADDRSTRLEN] = "", line[128];
		int n;

		inet_ntop(where.sa.sa_family,
			  where.sa.sa_family == AF_INET ?
				  (void *)&where.in.sin_addr :
				  (void *)&where.in6.sin6_addr,
			  host, sizeof(host));
		n = snprintf(line, sizeof(line), "CALL %s %d 0\n", host,
			     ntohs(*port_of(&any)));
		send_all(ctl, line, (size_t)n);
	}
	data = taken("accept", fd, 0);
	say_data(data);
}

static void passive_after_name(const struct far *far)
{
	int ctl = control(far), fd = bound(ctl, 0);

	say_same_host("name", name_of("name", fd), name_of("control", ctl));
	say_rc("connect", dial_good(fd, far));
	say_works(fd);
}

static void passive_bound(const struct far *far)
{
	int ctl = control(far), fd = bound(ctl, 0);

	say_rc("connect", dial_good(fd, far));
	say_works(fd);
}

/* --- readiness --------------------------------------------------------------- */

static void by_poll(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, 0);

	say_poll("before", fd, POLLIN | POLLOUT, SOON_MS);
	call(ctl, fd, 200);
	say_poll("out", fd, POLLOUT, SOON_MS);
	say_poll("soon", fd, POLLIN | POLLOUT, SOON_MS);
	say_poll("then", fd, POLLIN | POLLOUT | POLLPRI, LONG_MS);
	say_poll("still", fd, POLLIN | POLLRDNORM, LONG_MS);
	say_data(taken("accept", fd, 0));
}

static void say_select(const char *key, int fd, bool out, int ms)
{
	struct timeval timeout = { ms / 1000, ms % 1000 * 1000 };
	fd_set in, outs;
	int n;

	FD_ZERO(&in);
	FD_ZERO(&outs);
	FD_SET(fd, &in);
	if (out)
		FD_SET(fd, &outs);
	n = select(fd + 1, &in, &outs, NULL, &timeout);
	say(key, "%d:%d%d", n, FD_ISSET(fd, &in) != 0, FD_ISSET(fd, &outs) != 0);
}

static void by_select(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, SOCK_NONBLOCK);

	say_select("before", fd, true, SOON_MS);
	call(ctl, fd, 200);
	say_rc("early", accept(fd, NULL, NULL));
	say_select("soon", fd, true, SOON_MS);
	say_select("then", fd, true, LONG_MS);
	say_data(taken("accept", fd, 0));
}

static void with_epoll(const struct far *far, uint32_t events)
{
	int ctl = control(far), fd = listening(ctl, SOCK_NONBLOCK);
	int ep = epoll_create1(0);

	say_rc("add", epoll_change(ep, EPOLL_CTL_ADD, fd, events, 7));
	say_epoll("before", ep, SOON_MS);
	call(ctl, fd, 200);
	say_epoll("soon", ep, SOON_MS);
	say_epoll("then", ep, LONG_MS);
	if (events & (EPOLLET | EPOLLONESHOT))
		say_surplus("surplus", ep);
	else
		say_epoll("still", ep, LONG_MS);
	say_data(taken("accept", fd, 0));
	say_epoll("after", ep, SOON_MS);
}

static void epoll_level(const struct far *far)
{
	with_epoll(far, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
}

static void epoll_edge(const struct far *far)
{
	with_epoll(far, EPOLLIN | EPOLLOUT | EPOLLET);
}

static void epoll_oneshot(const struct far *far)
{
	with_epoll(far, EPOLLIN | EPOLLONESHOT);
}

static void epoll_before_bind(const struct far *far)
{
	int ctl = control(far), ep = epoll_create1(0), fd, data;
	union any name = name_of("control", ctl);

	fd = stream(far, SOCK_NONBLOCK);
	say_rc("add", epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 7));
	say_surplus("unbound", ep); /* one event: HUP */
	*port_of(&name) = 0;
	say_rc("bind", bind(fd, &name.sa, far->len));
	say_rc("listen", listen(fd, 1));
	say_surplus("listening", ep);
	call(ctl, fd, 0);
	say_epoll("then", ep, LONG_MS);
	data = taken("accept", fd, 0);
	say_rc("nonblocking", fcntl(data, F_GETFL) & O_NONBLOCK);
	say_data(data);
	say_surplus("after", ep);
}

static void epoll_changed(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, SOCK_NONBLOCK);
	int ep = epoll_create1(0);

	say_rc("add", epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 7));
	say_rc("again", epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 8));
	call(ctl, fd, 100);
	say_epoll("out", ep, PENDING_MS);
	say_rc("mod", epoll_change(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT, 9));
	say_epoll("then", ep, LONG_MS);
	say_rc("mod2", epoll_change(ep, EPOLL_CTL_MOD, fd, EPOLLOUT, 10));
	say_epoll("out2", ep, SOON_MS);
	say_rc("del", epoll_change(ep, EPOLL_CTL_DEL, fd, 0, 0));
	say_rc("del2", epoll_change(ep, EPOLL_CTL_DEL, fd, 0, 0));
	say_data(taken("accept", fd, 0));
}

static void epoll_twice(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, SOCK_NONBLOCK);
	int ep = epoll_create1(0);

	say_rc("add", epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 7));
	for (int i = 0; i < 3; i++) {
		int data;

		call(ctl, fd, 0);
		say_epoll("event", ep, LONG_MS);
		data = taken("accept", fd, 0);
		say_data(data);
		say_epoll("after", ep, SOON_MS);
		close(data);
	}
}

static void *accept_it(void *arg)
{
	return (void *)(long)accept(*(int *)arg, NULL, NULL);
}

static void by_thread(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, 0);
	pthread_t id;
	void *data;

	call(ctl, fd, 100);
	id = thread(accept_it, &fd);
	pthread_join(id, &data);
	say_data((int)(long)data);
}

/* --- accept ------------------------------------------------------------------ */

static void flags_of_accept(const struct far *far)
{
	static const int flags[] = { 0, SOCK_CLOEXEC, SOCK_NONBLOCK,
				     SOCK_CLOEXEC | SOCK_NONBLOCK };
	int ctl = control(far);

	for (size_t i = 0; i < 4; i++) {
		int fd = listening(ctl, i & 1 ? 0 : SOCK_CLOEXEC), data;

		call(ctl, fd, 0);
		data = taken("accept", fd, flags[i]);
		say("fd", "%d", fcntl(data, F_GETFD));
		say("fl", "%x", fcntl(data, F_GETFL));
		say("listener.fd", "%d", fcntl(fd, F_GETFD));
		say("listener.fl", "%x", fcntl(fd, F_GETFL));
		say_option("acceptconn", fd, SOL_SOCKET, SO_ACCEPTCONN);
		say_option("data.acceptconn", data, SOL_SOCKET, SO_ACCEPTCONN);
		say_peer("listener.peer", fd);
		set_nonblocking(data, false);
		say_data(data);
		close(data);
		close(fd);
	}
	say_rc("flags", accept4(ctl, NULL, NULL, 1));
}

static void lowest_number(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, 0), gap = dup(0), data;

	call(ctl, fd, 0);
	close(gap);
	data = taken("accept", fd, 0);
	say("number", "%s", data == gap ? "the lowest" : "another");
	say_data(data);
}

/* No number is left, and then one is. */
static void no_number(const struct far *far)
{
	struct rlimit limit;
	int ctl = control(far), fd = listening(ctl, 0);

	call(ctl, fd, 0);
	say_poll("then", fd, POLLIN, LONG_MS);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)fd + 1;
	setrlimit(RLIMIT_NOFILE, &limit);
	say_rc("accept", accept(fd, NULL, NULL));
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	say_data(taken("accept", fd, 0));
}

/* One that is being connected, or is, does not listen. */
static void listen_on_others(const struct far *far)
{
	int ctl = control(far), fd = bound(ctl, SOCK_NONBLOCK);

	say_rc("connect", dial_good(fd, far));
	say_rc("listen", listen(fd, 1));
	say_rc("control", listen(ctl, 1));
	set_nonblocking(fd, false);
	say_works(fd);
	say_rc("listen", listen(fd, 1));
}

static void several(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, 0);

	for (int i = 0; i < 3; i++) {
		int data;

		call(ctl, fd, 20);
		data = taken("accept", fd, 0);
		say_data(data);
		close(data);
	}
	say_poll("then", fd, POLLIN, SOON_MS);
}

static void several_polled(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, SOCK_NONBLOCK);

	for (int i = 0; i < 3; i++) {
		int data;

		say_poll("before", fd, POLLIN | POLLOUT, SOON_MS);
		call(ctl, fd, 20);
		say_poll("then", fd, POLLIN, LONG_MS);
		data = taken("accept", fd, 0);
		say_data(data);
		close(data);
	}
}

/**
 * struct crowd - threads that accept from one listener
 * @fd:		the listener
 * @data:	what one of them has accepted; -1: nothing yet
 * @over:	they are to end
 * @wrong:	an errno that none of them should have met
 */
struct crowd {
	int fd;
	int data;
	bool over;
	int wrong;
};

static void *accept_in_crowd(void *argument)
{
	struct crowd *crowd = argument;

	while (!__atomic_load_n(&crowd->over, __ATOMIC_RELAXED)) {
		struct pollfd p = { .fd = crowd->fd, .events = POLLIN };
		int data;

		poll(&p, 1, 1);
		data = accept(crowd->fd, NULL, NULL);
		if (data >= 0)
			__atomic_store_n(&crowd->data, data, __ATOMIC_RELEASE);
		else if (errno != EAGAIN)
			__atomic_store_n(&crowd->wrong, errno, __ATOMIC_RELAXED);
	}
	return NULL;
}

static int data_of(struct crowd *crowd)
{
	int64_t end = now_ms() + LONG_MS;
	int data;

	do {
		usleep(1000);
		data = __atomic_exchange_n(&crowd->data, -1, __ATOMIC_ACQUIRE);
	} while (data < 0 && now_ms() < end);
	return data;
}

static void in_threads(const struct far *far)
{
	enum { THREADS = 4, TIMES = 8 };
	int ctl = control(far);
	struct crowd crowd = { .fd = listening(ctl, SOCK_NONBLOCK), .data = -1 };
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, accept_in_crowd, &crowd);
	for (int i = 0; i < TIMES; i++) {
		int data;

		call(ctl, crowd.fd, 0);
		data = data_of(&crowd);
		say_data(data);
		close(data);
	}
	__atomic_store_n(&crowd.over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	say("wrong", "%s", errno_name(crowd.wrong));
}

static void options_kept(const struct far *far)
{
	struct timeval timeout = { 7, 0 };
	int ctl = control(far), fd = bound(ctl, 0), data = -1, on = 1, low = 3;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low));
	say_rc("listen", listen(fd, 1));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	call(ctl, fd, 0);
	for (int i = 0; i < 2; i++) {
		say_option("lowat", fd, SOL_SOCKET, SO_RCVLOWAT);
		say_option("keepalive", fd, SOL_SOCKET, SO_KEEPALIVE);
		say_option("nodelay", fd, IPPROTO_TCP, TCP_NODELAY);
		if (i == 0)
			data = taken("accept", fd, 0);
	}
	say_option("data.lowat", data, SOL_SOCKET, SO_RCVLOWAT);
	say_option("data.keepalive", data, SOL_SOCKET, SO_KEEPALIVE);
	say_option("data.nodelay", data, IPPROTO_TCP, TCP_NODELAY);
	say_data(data);
}

static void lowat_meanwhile(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, 0), data, low = 30;

	say_option("before", fd, SOL_SOCKET, SO_RCVLOWAT);
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low));
	say_option("set", fd, SOL_SOCKET, SO_RCVLOWAT);
	call(ctl, fd, 50);
	say_poll("then", fd, POLLIN, LONG_MS);
	data = taken("accept", fd, 0);
	say_option("data.lowat", data, SOL_SOCKET, SO_RCVLOWAT);
	low = 1;
	setsockopt(data, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low));
	say_data(data);
}

static void timed(const struct far *far)
{
	struct timeval timeout = { 0, 100000 };
	int ctl = control(far), fd = listening(ctl, 0);
	int64_t start = now_ms();

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	say_rc("accept", accept(fd, NULL, NULL));
	say_took("took", start, 100);
	call(ctl, fd, 0);
	timeout.tv_sec = 8;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	say_data(taken("accept", fd, 0));
}

static void interrupted(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, 0);

	on_signal(SIGALRM, catch_it, 0);
	alarm_ms(100, 0);
	say_rc("accept", accept(fd, NULL, NULL));
	say("caught", "%d", caught);
	on_signal(SIGALRM, catch_it, SA_RESTART);
	alarm_ms(50, 50);
	call(ctl, fd, 300);
	say_data(taken("accept", fd, 0));
	alarm_ms(0, 0);
}

static void on_the_listener(const struct far *far)
{
	int ctl = control(far), fd = bound(ctl, 0);
	char byte;

	say_option("acceptconn.before", fd, SOL_SOCKET, SO_ACCEPTCONN);
	say_rc("accept.before", accept(fd, NULL, NULL));
	say_rc("listen", listen(fd, 1));
	say_rc("again", listen(fd, 5));
	say_option("acceptconn", fd, SOL_SOCKET, SO_ACCEPTCONN);
	say_peer("peer", fd);
	say_rc("read", read(fd, &byte, 1));
	say_rc("write", write(fd, "x", 1));
	say_rc("connect", dial_good(fd, far));
	say_so_error("so_error", fd);
	call(ctl, fd, 0);
	say_data(taken("accept", fd, 0));
}

static void wrong_calls(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, 0);

	say_rc("flags", accept4(fd, NULL, NULL, 0x10));
	say_rc("control", accept(ctl, NULL, NULL));
	say_rc("bad", accept(-1, NULL, NULL));
	say_rc("shutdown", shutdown(fd, SHUT_RD));
	say_rc("after", accept(fd, NULL, NULL));
	say_option("acceptconn", fd, SOL_SOCKET, SO_ACCEPTCONN);
}

/* --- the listener's numbers and processes ------------------------------------ */

static void through_dup(const struct far *far)
{
	int ctl = control(far), fd = bound(ctl, 0), other = dup(fd), data;

	say_rc("listen", listen(other, 1));
	say_option("acceptconn", fd, SOL_SOCKET, SO_ACCEPTCONN);
	call(ctl, fd, 0);
	say_poll("other", other, POLLIN, LONG_MS);
	data = taken("accept", fd, 0);
	say_data(data);
	say_option("acceptconn", other, SOL_SOCKET, SO_ACCEPTCONN);
	say_rc("close", close(fd));
	close(data);
	call(ctl, other, 0);
	say_data(taken("other.accept", other, 0));
}

static void closed(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, 0);

	call(ctl, fd, 200);
	say_rc("close", close(fd));
	say_line("control.line", ctl);
}

static void child_accepts(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, 0);
	pid_t pid;

	call(ctl, fd, 100);
	pid = child();
	if (pid == 0) {
		say_data(taken("child", fd, 0));
		exit(0);
	}
	child_join("exit", pid);
	say_poll("parent", fd, POLLIN | POLLOUT, SOON_MS);
	call(ctl, fd, 0);
	say_data(taken("parent", fd, 0));
}

static void parent_accepts(const struct far *far)
{
	int ctl = control(far), fd = listening(ctl, 0), back[2], data;
	pid_t pid;
	char byte;

	say_rc("pipe", pipe(back));
	call(ctl, fd, 50);
	pid = child();
	if (pid == 0) {
		close(back[1]);
		say("told", "%zd", read(back[0], &byte, 1));
		say_poll("child", fd, POLLIN | POLLOUT, SOON_MS);
		exit(0);
	}
	data = accept(fd, NULL, NULL);
	close(back[1]);
	child_join("exit", pid);
	say_data(data);
}

static void child_does_all(const struct far *far)
{
	int ctl = control(far);
	pid_t pid = child();

	if (pid == 0) {
		int fd = listening(ctl, 0);

		call(ctl, fd, 0);
		say_data(taken("accept", fd, 0));
		exit(0);
	}
	child_join("exit", pid);
}

/* --- which are not ------------------------------------------------------------ */

/* Somebody of this machine connects to it. */
static void say_local(const char *key, union any name)
{
	int fd = socket(name.sa.sa_family, SOCK_STREAM, 0);

	say_rc(key, connect(fd, &name.sa,
			    name.sa.sa_family == AF_INET ? sizeof(name.in) :
							   sizeof(name.in6)));
	close(fd);
}

static void stays_here(const struct far *far)
{
	union any here = { 0 };
	int ctl = control(far), fd = stream(far, 0);

	here.sa.sa_family = far->address.ss_family;
	if (here.sa.sa_family == AF_INET)
		here.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		here.in6.sin6_addr = in6addr_loopback;
	say_rc("bind", bind(fd, &here.sa, far->len));
	say_rc("listen", listen(fd, 1));
	say_local("loopback", name_of("name", fd));
	say_rc("accept", accept(fd, NULL, NULL) < 0 ? -1 : 0);
	/* Not bound at all. */
	fd = stream(far, 0);
	say_rc("listen", listen(fd, 1));
	here = name_of("name", fd);
	say_local("unbound", here);
	say_rc("control", send(ctl, "", 0, 0));
}

static void without_control(const struct far *far)
{
	int ctl = control(far), fd = bound(ctl, 0);
	union any name;

	say_rc("close", close(ctl));
	say_rc("listen", listen(fd, 1));
	name = name_of("name", fd);
	say("family", "%d", name.sa.sa_family);
	say_option("acceptconn", fd, SOL_SOCKET, SO_ACCEPTCONN);
}

static const struct row rows[] = {
	{ "name-first", "control", name_first },
	{ "name-first-6", "control6", name_first },
	{ "name-first-mapped", "control-mapped", name_first },
	{ "listen-first", "control", listen_first },
	{ "listen-first-6", "control6", listen_first },
	{ "listen-first-mapped", "control-mapped", listen_first },
	{ "any-address", "control", any_address },
	{ "any-address-6", "control6", any_address },
	{ "passive-after-name", "control", passive_after_name },
	{ "passive-bound", "control", passive_bound },
	{ "poll", "control", by_poll },
	{ "poll-6", "control6", by_poll },
	{ "select", "control", by_select },
	{ "epoll-level", "control", epoll_level },
	{ "epoll-edge", "control", epoll_edge },
	{ "epoll-oneshot", "control", epoll_oneshot },
	{ "epoll-before-bind", "control", epoll_before_bind },
	{ "epoll-changed", "control", epoll_changed },
	{ "epoll-twice", "control", epoll_twice },
	{ "thread", "control", by_thread },
	{ "flags", "control", flags_of_accept },
	{ "lowest-number", "control", lowest_number },
	{ "no-number", "control", no_number },
	{ "listen-on-others", "control", listen_on_others },
	{ "several", "control", several },
	{ "several-polled", "control", several_polled },
	{ "in-threads", "control", in_threads },
	{ "options-kept", "control", options_kept },
	{ "lowat-meanwhile", "control", lowat_meanwhile },
	{ "timed", "control", timed },
	{ "interrupted", "control", interrupted },
	{ "on-the-listener", "control", on_the_listener },
	{ "wrong-calls", "control", wrong_calls },
	{ "through-dup", "control", through_dup },
	{ "closed", "control", closed },
	{ "child-accepts", "control", child_accepts },
	{ "parent-accepts", "control", parent_accepts },
	{ "child-does-all", "control", child_does_all },
	{ "stays-here", "control", stays_here },
	{ "stays-here-6", "control6", stays_here },
	{ "without-control", "control", without_control },
};

VICTIM_MAIN(rows)
