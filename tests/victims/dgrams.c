/* SPDX-License-Identifier: MIT */
/*
 * dgrams.c - every call that carries datagrams, and what is told of them
 *
 * The far side echoes; on the next port (BAD) it answers from a port of its own. Each row is
 * run directly and through proxies, and has to say the same.
 */
#include <limits.h>
#include <sys/ioctl.h>

#include "tests/victims/dgrams.h"

#include <linux/errqueue.h> /* which does without its own <time.h> */

static void send_calls(const struct far *far)
{
	struct iovec parts[] = { { (void *)words, 3 }, { NULL, 0 },
				 { (void *)(words + 3), WORDS - 3 } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 3 };
	int fd = connected(far, 0);

	say_rc("send", send(fd, words, WORDS, 0));
	say_next("1", far, fd, BUFFER, 0);
	say_rc("write", write(fd, words, WORDS));
	say_next("2", far, fd, BUFFER, 0);
	say_rc("writev", writev(fd, parts, 3));
	say_next("3", far, fd, BUFFER, 0);
	say_rc("sendmsg", sendmsg(fd, &message, 0));
	say_next("4", far, fd, BUFFER, 0);
	message.msg_name = (void *)&far->address;
	message.msg_namelen = far->len;
	say_rc("sendmsg-to", sendmsg(fd, &message, 0));
	say_next("5", far, fd, BUFFER, 0);
	say_rc("sendto", send_to(fd, far, words, WORDS, 0));
	say_next("6", far, fd, BUFFER, 0);
	say_rc("dontwait", send(fd, words, WORDS, MSG_DONTWAIT));
	say_next("7", far, fd, BUFFER, 0);
	say_peer("peer", fd);
	say_so_error("so_error", fd);
}

static void receive_calls(const struct far *far)
{
	struct iovec parts[] = { { buffer, 4 }, { NULL, 0 }, { buffer + 10, 100 } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 3 };
	int fd = connected(far, 0);

	for (int i = 0; i < 5; i++)
		send(fd, words, WORDS, 0);
	say_rc("recv", recv(fd, buffer, BUFFER, 0));
	say_rc("read", read(fd, buffer, BUFFER));
	memset(buffer, 0, 200);
	say_rc("readv", readv(fd, parts, 3));
	say("readv.data", "%s|%s", buffer, buffer + 10);
	say_rc("recvmsg", recvmsg(fd, &message, 0));
	say("recvmsg.flags", "%x", message.msg_flags);
	say_rc("recvfrom-null", recvfrom(fd, buffer, BUFFER, 0, NULL, NULL));
	say_rc("empty", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
}

static void unconnected(const struct far *far)
{
	int fd = datagram(far, 0);

	say_rc("send", send(fd, words, WORDS, 0));
	say_rc("sendto", send_to(fd, far, words, WORDS, 0));
	say_next("next", far, fd, BUFFER, 0);
	say_peer("peer", fd);
	say_rc("shutdown", shutdown(fd, SHUT_RDWR));
	say_so_error("so_error", fd);
}

static void lengths(const struct far *far)
{
	static const size_t sizes[] = { 0, 1, 9, 10, 11, 512, 1400, 9000, 60000 };
	int fd = datagram(far, 0);
	struct msghdr message = { 0 };
	struct iovec iov;

	memset(buffer, 'x', sizeof(buffer));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memset(buffer, 'x', sizes[i]);
		say_rc("sent", send_to(fd, far, buffer, sizes[i], 0));
		memset(buffer, 0, sizeof(buffer));
		say_rc("got", recv(fd, buffer, BUFFER, 0));
		say("length", "%zu", strspn(buffer, "x"));
	}
	say_rc("too-long", send_to(fd, far, buffer, 65600, 0));
	iov = (struct iovec){ buffer, 4 };
	message.msg_iov = &iov;
	message.msg_iovlen = 1;
	send_to(fd, far, words, WORDS, 0);
	say_rc("short", recvmsg(fd, &message, 0));
	say("short.flags", "%x", message.msg_flags);
	send_to(fd, far, words, WORDS, 0);
	say_rc("short-trunc", recvmsg(fd, &message, MSG_TRUNC));
	say("short-trunc.flags", "%x", message.msg_flags);
	send_to(fd, far, words, WORDS, 0);
	say_rc("none", recv(fd, NULL, 0, 0));
	send_to(fd, far, words, WORDS, 0);
	say_rc("none-trunc", recv(fd, NULL, 0, MSG_TRUNC));
	say_rc("left", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
}

static void peeks(const struct far *far)
{
	int fd = datagram(far, 0);
	int n = -1;

	send_to(fd, far, words, WORDS, 0);
	say_poll("poll", fd, POLLIN, LONG_MS);
	say_rc("fionread", ioctl(fd, FIONREAD, &n));
	say("fionread.n", "%d", n);
	say_next("peek", far, fd, BUFFER, MSG_PEEK);
	say_next("peek-short", far, fd, 5, MSG_PEEK);
	say_next("peek-trunc", far, fd, 5, MSG_PEEK | MSG_TRUNC);
	say_next("taken", far, fd, BUFFER, 0);
	n = -1;
	say_rc("fionread", ioctl(fd, FIONREAD, &n));
	say("fionread.n", "%d", n);
	say_next("left", far, fd, BUFFER, MSG_DONTWAIT);
}

enum { MANY = 5 };

static void many(const struct far *far)
{
	struct mmsghdr messages[MANY + 1] = { 0 };
	struct sockaddr_storage from[MANY + 1];
	struct iovec iov[MANY + 1];
	struct timespec soon = { .tv_nsec = 300000000 };
	int fd = datagram(far, 0);
	int n;

	for (int i = 0; i < MANY; i++) {
		iov[i] = (struct iovec){ (void *)words, (size_t)i * 4 };
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = (void *)&far->address,
			.msg_namelen = far->len,
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
		};
	}
	say_rc("sendmmsg", sendmmsg(fd, messages, MANY, 0));
	for (int i = 0; i < MANY; i++)
		say("sent", "%u", messages[i].msg_len);
	sleep_ms(PENDING_MS * 2 + 200);
	for (int i = 0; i <= MANY; i++) {
		iov[i] = (struct iovec){ buffer + 100 * i, 100 };
		messages[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
						       .msg_namelen = sizeof(from[i]),
						       .msg_iov = &iov[i],
						       .msg_iovlen = 1 };
	}
	n = (int)say_rc("recvmmsg", recvmmsg(fd, messages, 2, 0, NULL));
	for (int i = 0; i < n; i++) {
		say("got", "%u:%x", messages[i].msg_len,
		    messages[i].msg_hdr.msg_flags);
		say_source("got.from", far, &from[i],
			   messages[i].msg_hdr.msg_namelen);
	}
	say_rc("waitforone", recvmmsg(fd, messages, MANY + 1, MSG_WAITFORONE, NULL));
	say_rc("dontwait", recvmmsg(fd, messages, MANY, MSG_DONTWAIT, NULL));
	send_to(fd, far, words, WORDS, 0);
	say_rc("timeout", recvmmsg(fd, messages, 1, 0, &soon));
}

static void readiness(const struct far *far)
{
	int ep = epoll_create1(0);
	int fd = datagram(far, SOCK_NONBLOCK);
	fd_set in;
	struct timeval patience = { .tv_sec = 8 };

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLET, 7);
	say_poll("before", fd, POLLIN | POLLOUT, 0);
	say_rc("sendto", send_to(fd, far, words, WORDS, 0));
	say_rc("again", send_to(fd, far, words, WORDS, 0));
	say_poll("out", fd, POLLOUT, 0);
	say_poll("in", fd, POLLIN, LONG_MS);
	say_next("1", far, fd, BUFFER, 0);
	FD_ZERO(&in);
	FD_SET(fd, &in);
	say_rc("select", select(fd + 1, &in, NULL, NULL, &patience));
	say_next("2", far, fd, BUFFER, 0);
	say_rc("empty", recv(fd, buffer, BUFFER, 0));
}

/* The wait is what goes on with an association: in an epoll, in a select. */
static void epolled(const struct far *far)
{
	int ep = epoll_create1(0);
	int fd = datagram(far, SOCK_NONBLOCK);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 7);
	say_rc("sendto", send_to(fd, far, words, WORDS, 0));
	say_epoll("epoll", ep, LONG_MS);
	say_next("next", far, fd, BUFFER, 0);
	say_surplus("surplus", ep);
}

static void added_later(const struct far *far)
{
	int ep = epoll_create1(0);
	int fd = datagram(far, SOCK_NONBLOCK);

	say_rc("sendto", send_to(fd, far, words, WORDS, 0));
	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 7);
	say_epoll("epoll", ep, LONG_MS);
	say_next("next", far, fd, BUFFER, 0);
}

static void selected(const struct far *far)
{
	struct timeval patience = { .tv_sec = 8 };
	int fd = datagram(far, SOCK_NONBLOCK);
	fd_set in;

	say_rc("sendto", send_to(fd, far, words, WORDS, 0));
	FD_ZERO(&in);
	FD_SET(fd, &in);
	say_rc("select", select(fd + 1, &in, NULL, NULL, &patience));
	say_next("next", far, fd, BUFFER, 0);
}

static void reconnect(const struct far *far)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct far other = *far;
	int fd = connected(far, 0);

	other.address = far->good;
	say_rc("send", send(fd, words, WORDS, 0));
	say_next("1", far, fd, BUFFER, 0);
	say_rc("connect-again", dial_good(fd, far));
	say_peer("peer", fd);
	say_rc("send", send(fd, words, WORDS, 0));
	say_next("2", &other, fd, BUFFER, 0);
	say_rc("dissolve", connect(fd, &none, sizeof(none)));
	say_peer("peer", fd);
	say_rc("send", send(fd, words, WORDS, 0));
	say_rc("sendto", send_to(fd, far, words, WORDS, 0));
	say_next("3", far, fd, BUFFER, 0);
	say_rc("connect", dial(fd, far));
	say_rc("send", send(fd, words, WORDS, 0));
	say_next("4", far, fd, BUFFER, 0);
	say_rc("shutdown", shutdown(fd, SHUT_WR));
	say_rc("send", send(fd, words, WORDS, 0));
}

static void duplicates(const struct far *far)
{
	int fd = connected(far, 0), copy = dup(fd);

	close(fd);
	say_rc("send", send(copy, words, WORDS, 0));
	say_next("next", far, copy, BUFFER, 0);
	fd = dup(copy);
	close(copy);
	say_peer("peer", fd);
	say_rc("send", send(fd, words, WORDS, 0));
	say_next("next", far, fd, BUFFER, 0);
}

static void forks(const struct far *far)
{
	int fd = connected(far, 0);
	pid_t pid;

	send(fd, words, WORDS, 0);
	pid = child();
	if (pid == 0) {
		say_next("child", far, fd, BUFFER, 0);
		say_rc("child.send", send(fd, words, WORDS, 0));
		say_peer("child.peer", fd);
		_exit(0);
	}
	child_join("child", pid);
	say_next("parent", far, fd, BUFFER, 0);
	say_rc("send", send(fd, words, WORDS, 0));
	say_next("parent", far, fd, BUFFER, 0);
}

static void controls(const struct far *far)
{
	bool six = far->address.ss_family == AF_INET6;
	struct iovec iov = { buffer, BUFFER };
	_Alignas(struct cmsghdr) char control[256];
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	int fd = datagram(far, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on));
	setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP,
		   six ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof(on));
	if (!six) /* of an IPv4 relay's datagram there is none */
		setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));
	send_to(fd, far, words, WORDS, 0);
	say_rc("recvmsg", recvmsg(fd, &message, 0));
	say("flags", "%x", message.msg_flags);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c;
	     c = CMSG_NXTHDR(&message, c))
		say("control", "%d:%d:%zu", c->cmsg_level, c->cmsg_type,
		    (size_t)c->cmsg_len);
}

static void segments(const struct far *far)
{
	int fd = connected(far, 0), size = 100, on = 1;
	size_t sum = 0;

	say_rc("segment", setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size,
				     sizeof(size)));
	say_option("option", fd, IPPROTO_UDP, UDP_SEGMENT);
	memset(buffer, 'x', 450);
	say_rc("send", send(fd, buffer, 450, 0));
	for (int i = 0; i < 5; i++) {
		long n = recv(fd, buffer, BUFFER, 0);

		sum += n > 0 ? (size_t)n : 0;
		say("piece", "%ld", n);
	}
	say("sum", "%zu", sum);
	say_rc("whole", send(fd, buffer, 95, 0));
	say_rc("whole", recv(fd, buffer, BUFFER, 0));
	(void)on;
}

static void fails(const struct far *far)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	int fd = datagram(far, 0);

	say_rc("short-address", sendto(fd, words, WORDS, 0,
				       (const void *)&far->address, 4));
	say_rc("bad-buffer", sendto(fd, (void *)8, 100, 0,
				    (const void *)&far->address, far->len));
	say_rc("other-family",
	       far->address.ss_family == AF_INET ?
		       sendto(fd, words, WORDS, 0, (void *)&six, sizeof(six)) :
		       sendto(fd, words, WORDS, 0, (void *)&four, 3));
	if (far->address.ss_family == AF_INET) /* IPv6 sends it as any other */
		say_rc("oob", send_to(fd, far, words, WORDS, MSG_OOB));
	say_rc("too-long", send_to(fd, far, buffer, 65536, 0));
	say_rc("errqueue", recv(fd, buffer, BUFFER, MSG_ERRQUEUE));
	say_rc("timeout", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
	say_so_error("so_error", fd);
}

/* Datagrams that are made in several calls. */
static void pieces(const struct far *far)
{
	struct iovec many[20];
	struct msghdr message = { .msg_name = (void *)&far->address,
				  .msg_namelen = far->len,
				  .msg_iov = many,
				  .msg_iovlen = 20 };
	int on = 1, off = 0;

	for (int flags = 0; flags <= MSG_DONTWAIT; flags += MSG_DONTWAIT) {
		int fd = datagram(far, 0);

		say_rc("more", send_to(fd, far, words, 6, flags | MSG_MORE));
		say_rc("more", send_to(fd, far, words + 6, 3, flags | MSG_MORE));
		say_rc("last", send_to(fd, far, words + 9, WORDS - 9, flags));
		say_next("1", far, fd, BUFFER, 0);
		say_rc("dial", dial(fd, far));
		say_rc("cork", setsockopt(fd, IPPROTO_UDP, UDP_CORK, &on, sizeof(on)));
		say_rc("send", send(fd, words, 6, flags));
		say_rc("send", send(fd, words + 6, WORDS - 6, flags));
		say_rc("none", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
		say_rc("uncork",
		       setsockopt(fd, IPPROTO_UDP, UDP_CORK, &off, sizeof(off)));
		say_next("2", far, fd, BUFFER, 0);
		say_rc("plain", send(fd, words, WORDS, flags));
		say_next("3", far, fd, BUFFER, 0);

		/* Begun before there is an association, ended when there is. */
		fd = connected(far, 0);
		say_rc("whole", send(fd, words, WORDS, flags));
		say_rc("more", send(fd, words, 6, flags | MSG_MORE));
		say_next("whole", far, fd, BUFFER, 0);
		say_rc("last", send(fd, words + 6, WORDS - 6, 0));
		say_next("4", far, fd, BUFFER, 0);

		fd = connected(far, 0);
		say_rc("cork", setsockopt(fd, IPPROTO_UDP, UDP_CORK, &on, sizeof(on)));
		say_rc("send", send(fd, words, 6, flags));
		say_rc("send", send(fd, words + 6, WORDS - 6, flags));
		say_rc("uncork",
		       setsockopt(fd, IPPROTO_UDP, UDP_CORK, &off, sizeof(off)));
		say_next("5", far, fd, BUFFER, 0);

		fd = datagram(far, 0);
		for (int i = 0; i < 20; i++)
			many[i] = (struct iovec){ (void *)&words[i % WORDS],
						  i < (int)WORDS };
		say_rc("many-vectors", sendmsg(fd, &message, flags));
		say_next("6", far, fd, BUFFER, 0);
	}
}

/* Segments, and what cannot be read, before there is an association. */
static void first_sends(const struct far *far)
{
	int fd = connected(far, SOCK_NONBLOCK), size = 100;
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	size_t sum = 0;

	say_rc("bad-buffer", send(fd, (void *)8, 100, 0));
	say_rc("segment", setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size,
				     sizeof(size)));
	memset(buffer, 'x', 450);
	say_rc("send", send(fd, buffer, 450, 0));
	say_rc("whole", send(fd, buffer, 95, 0));
	for (int i = 0; i < 6; i++) {
		poll(&pollfd, 1, LONG_MS);
		sum += (size_t)say_rc("piece", recv(fd, buffer, BUFFER, 0));
	}
	say("sum", "%zu", sum);
	say_rc("none", recv(fd, buffer, BUFFER, 0));
}

static void say_error(const char *key, int fd)
{
	_Alignas(struct cmsghdr) char control[256];
	struct iovec iov = { buffer, BUFFER };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	int mtu = 0;
	socklen_t len = sizeof(mtu);

	getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &len);
	say_rc(key, recvmsg(fd, &message, MSG_ERRQUEUE));
	say("flags", "%x", message.msg_flags);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c;
	     c = CMSG_NXTHDR(&message, c)) {
		struct sock_extended_err *e = (void *)CMSG_DATA(c);

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR)
			say("error", "%s of %d, %d beside the MTU",
			    errno_name((int)e->ee_errno), e->ee_origin,
			    (int)e->ee_info - mtu);
	}
}

/* What fits, by the kernel's word, and what it says of what does not. */
static void mtu(const struct far *far)
{
	enum { HEADERS = 28 };
	int fd = connected(far, 0), on = 1, discover = IP_PMTUDISC_DO, room = 0;
	socklen_t len = sizeof(room);

	if (far->address.ss_family != AF_INET)
		return;
	setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover));
	setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	say_rc("send", send(fd, words, WORDS, 0));
	say_next("next", far, fd, BUFFER, 0);
	say_rc("mtu", getsockopt(fd, IPPROTO_IP, IP_MTU, &room, &len));
	room -= HEADERS;
	say("fits", "%d", send(fd, buffer, (size_t)room, 0) == room);
	say("comes", "%d", recv(fd, buffer, BUFFER, 0) == room);
	memset(buffer, 'x', BUFFER);
	say_rc("too-long", send(fd, buffer, (size_t)room + 1, 0));
	say_error("errqueue", fd);
	say_rc("empty", recv(fd, buffer, BUFFER, MSG_ERRQUEUE));
	say_so_error("so_error", fd);
	say_rc("again", send(fd, words, WORDS, 0));
	say_next("again", far, fd, BUFFER, 0);
}

static void on_alarm(int number)
{
	(void)number;
}

static void alarm_in(int ms, int flags)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };
	struct itimerval in = { .it_value.tv_usec = ms * 1000 };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &in, NULL);
}

/* Of a socket that is not connected: a port where nobody is is silence. */
static void send_nowhere(int fd, const struct far *far)
{
	struct far nowhere = *far;

	((struct sockaddr_in *)&nowhere.address)->sin_port = htons(9);
	send_to(fd, &nowhere, words, WORDS, MSG_DONTWAIT);
}

static void interrupted(const struct far *far)
{
	struct timeval none = { 0 };
	struct timeval soon = { .tv_usec = SOON_MS * 1000 };
	int fd = datagram(far, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
	send_nowhere(fd, far);
	alarm_in(SOON_MS, 0);
	say_rc("interrupted", recv(fd, buffer, BUFFER, 0));

	fd = datagram(far, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	send_nowhere(fd, far);
	say_rc("timeout", recv(fd, buffer, BUFFER, 0));
	soon.tv_sec = 4; /* which no load outlasts */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	alarm_in(SOON_MS, SA_RESTART);
	say_rc("timeout-interrupted", recv(fd, buffer, BUFFER, 0));

	fd = datagram(far, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
	alarm_in(SOON_MS, SA_RESTART);
	say_rc("dontwait", send_to(fd, far, words, WORDS, MSG_DONTWAIT));
	say_next("restarted", far, fd, BUFFER, 0);

	fd = datagram(far, 0);
	alarm_in(SOON_MS, 0);
	say_rc("send", send_to(fd, far, words, WORDS, 0));
	alarm_in(0, 0);
	say_next("sent", far, fd, BUFFER, 0);
}

/* Another thread shuts it down while this one waits, as programs end their receivers. */
static void *shut_down(void *arg)
{
	const int *fd = arg;

	sleep_ms(SOON_MS);
	shutdown(*fd, SHUT_RD);
	return NULL;
}

static void shut(const struct far *far)
{
	struct sockaddr_storage from = { 0 };
	struct iovec iov = { buffer, BUFFER };
	struct msghdr message = { .msg_name = &from,
				  .msg_namelen = sizeof(from),
				  .msg_iov = &iov,
				  .msg_iovlen = 1 };
	struct mmsghdr two[2] = { 0 };
	pthread_t thread;

	for (int linked = 0; linked < 2; linked++) {
		int fd = linked ? connected(far, 0) : datagram(far, 0);

		say_rc("sendto", send_to(fd, far, words, WORDS, 0));
		say_next("next", far, fd, BUFFER, 0);
		pthread_create(&thread, NULL, shut_down, &fd);
		say_rc("shut", recvmsg(fd, &message, 0));
		say("shut.from", "%u:%x", message.msg_namelen, message.msg_flags);
		pthread_join(thread, NULL);
		two[0].msg_hdr.msg_iov = two[1].msg_hdr.msg_iov = &iov;
		two[0].msg_hdr.msg_iovlen = two[1].msg_hdr.msg_iovlen = 1;
		say_rc("recvmmsg", recvmmsg(fd, two, 2, 0, NULL));
		say_rc("dontwait", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
		say_poll("poll", fd, POLLIN, 0);
	}
}

/* One thread waits for the socket, and another one sends by it, without waiting. */
enum how { BY_POLL, BY_SELECT, BY_RECV, BY_RECVMMSG, HOWS };

struct waiter {
	const struct far *far;
	enum how how;
	int fd;
};

static void *wait_for_it(void *arg)
{
	const struct waiter *w = arg;
	struct timeval patience = { .tv_sec = 8 };
	struct iovec iov = { buffer, BUFFER };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &iov,
						.msg_iovlen = 1 } };
	fd_set in;

	switch (w->how) {
	case BY_POLL:
		say_poll("poll", w->fd, POLLIN, LONG_MS);
		break;
	case BY_SELECT:
		FD_ZERO(&in);
		FD_SET(w->fd, &in);
		say_rc("select", select(w->fd + 1, &in, NULL, NULL, &patience));
		break;
	case BY_RECVMMSG:
		say_rc("recvmmsg", recvmmsg(w->fd, &message, 1, 0, NULL));
		return NULL;
	default:
		break;
	}
	say_next("next", w->far, w->fd, BUFFER, 0);
	return NULL;
}

static void waited_for(const struct far *far)
{
	for (int how = BY_POLL; how < HOWS; how++) {
		for (int linked = 0; linked < 2; linked++) {
			struct waiter w = { .far = far, .how = (enum how)how };
			pthread_t thread;

			w.fd = linked ? connected(far, 0) : datagram(far, 0);
			pthread_create(&thread, NULL, wait_for_it, &w);
			sleep_ms(SOON_MS);
			send_to(w.fd, far, words, WORDS, MSG_DONTWAIT);
			pthread_join(thread, NULL);
			say_rc("none", recv(w.fd, buffer, BUFFER, MSG_DONTWAIT));
			/* Nothing was left that wakes. */
			say_poll("still", w.fd, POLLIN, 0);
			close(w.fd);
		}
	}
}

/* What libc closes by itself, and gives the number of to another file. */
static void reused(const struct far *far)
{
	int fd = connected(far, 0);
	FILE *stream;

	say_rc("send", send(fd, words, WORDS, 0));
	stream = freopen("/dev/zero", "r+", fdopen(fd, "r+"));
	say("same", "%d", stream != NULL && fileno(stream) == fd);
	say_rc("read", read(fd, buffer, 10));

	fd = connected(far, 0);
	stream = freopen("/dev/null", "r+", fdopen(fd, "r+"));
	say("same", "%d", stream != NULL && fileno(stream) == fd);
	say_rc("write", write(fd, words, WORDS));
}

static void left_of_timeout(const struct far *far)
{
	struct iovec iov = { buffer, BUFFER };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &iov,
						.msg_iovlen = 1 } };
	struct timespec wrong = { .tv_nsec = 1000000000 };
	struct timespec patience = { .tv_sec = 100 };
	int fd = datagram(far, 0);

	say_rc("sendto", send_to(fd, far, words, WORDS, 0));
	say_rc("wrong", recvmmsg(fd, &message, 1, 0, &wrong));
	say_rc("recvmmsg", recvmmsg(fd, &message, 1, 0, &patience));
	say("left", "%d", patience.tv_sec > 50 && patience.tv_sec < 100);
}

static const struct row rows[] = {
	{ "send-calls", "echo", send_calls },
	{ "receive-calls", "echo", receive_calls },
	{ "unconnected", "echo", unconnected },
	{ "lengths", "echo", lengths },
	{ "peeks", "echo", peeks },
	{ "many", "echo", many },
	{ "readiness", "echo", readiness },
	{ "epolled", "echo", epolled },
	{ "added-later", "echo", added_later },
	{ "selected", "echo", selected },
	{ "reconnect", "echo", reconnect },
	{ "duplicates", "echo", duplicates },
	{ "forks", "echo", forks },
	{ "controls", "echo", controls },
	{ "segments", "echo", segments },
	{ "fails", "echo", fails },
	{ "pieces", "echo", pieces },
	{ "first-sends", "echo", first_sends },
	{ "waited-for", "echo", waited_for },
	{ "mtu", "echo", mtu },
	{ "interrupted", "echo", interrupted },
	{ "shut", "echo", shut },
	{ "reused", "echo", reused },
	{ "left-of-timeout", "echo", left_of_timeout },
};

VICTIM_MAIN(rows)
