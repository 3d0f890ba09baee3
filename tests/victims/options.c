/* SPDX-License-Identifier: MIT */
/* options.c - victim: options, flags and kinds of socket around a connect */
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/victims/victim.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* --- options set before are there after ------------------------------------ */

/**
 * struct option - an integer option
 * @name:	what it is called
 * @level:	as setsockopt has it
 * @option:	likewise
 * @value:	what is set
 */
struct option {
	const char *name;
	int level;
	int option;
	int value;
};

static const struct option many_options[] = {
	{ "rcvlowat", SOL_SOCKET, SO_RCVLOWAT, 1024 },
	{ "rcvbuf", SOL_SOCKET, SO_RCVBUF, 50000 },
	{ "sndbuf", SOL_SOCKET, SO_SNDBUF, 60000 },
	{ "keepalive", SOL_SOCKET, SO_KEEPALIVE, 1 },
	{ "priority", SOL_SOCKET, SO_PRIORITY, 3 },
	{ "mark", SOL_SOCKET, SO_MARK, 77 },
	{ "oobinline", SOL_SOCKET, SO_OOBINLINE, 1 },
	{ "reuseaddr", SOL_SOCKET, SO_REUSEADDR, 1 },
	{ "timestamp", SOL_SOCKET, SO_TIMESTAMP, 1 },
	{ "nodelay", IPPROTO_TCP, TCP_NODELAY, 1 },
	{ "keepidle", IPPROTO_TCP, TCP_KEEPIDLE, 44 },
	{ "keepintvl", IPPROTO_TCP, TCP_KEEPINTVL, 11 },
	{ "keepcnt", IPPROTO_TCP, TCP_KEEPCNT, 5 },
	{ "user_timeout", IPPROTO_TCP, TCP_USER_TIMEOUT, 30000 },
	{ "maxseg", IPPROTO_TCP, TCP_MAXSEG, 1000 },
	{ "linger2", IPPROTO_TCP, TCP_LINGER2, 9 },
	{ "syncnt", IPPROTO_TCP, TCP_SYNCNT, 3 },
	{ "notsent_lowat", IPPROTO_TCP, TCP_NOTSENT_LOWAT, 16384 },
	{ "quickack", IPPROTO_TCP, TCP_QUICKACK, 1 },
	{ "tos", IPPROTO_IP, IP_TOS, 0x10 },
	{ "ttl", IPPROTO_IP, IP_TTL, 55 },
	{ "recverr", IPPROTO_IP, IP_RECVERR, 1 },
};

enum { MANY = sizeof(many_options) / sizeof(many_options[0]) };

static void set_int(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		say_rc("setsockopt", -1);
}

static void say_many(int fd)
{
	for (int i = 0; i < MANY; i++) {
		/* What these two read back is the route's affair. */
		if (many_options[i].level == IPPROTO_TCP &&
		    (many_options[i].option == TCP_MAXSEG ||
		     many_options[i].option == TCP_QUICKACK))
			continue;
		say_option(many_options[i].name, fd, many_options[i].level,
			   many_options[i].option);
	}
}

static void set_many(int fd)
{
	for (int i = 0; i < MANY; i++)
		set_int(fd, many_options[i].level, many_options[i].option,
			many_options[i].value);
}

static void many_blocking(const struct far *far)
{
	int fd = stream(far, 0);

	set_many(fd);
	say_rc("connect", dial(fd, far));
	say_many(fd);
	set_int(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
	say_works(fd);
}

static void many_nonblocking(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK);

	set_many(fd);
	say_rc("connect", dial(fd, far));
	say_many(fd);
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_many(fd);
	set_int(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
	say_works(fd);
}

/* Set while the connect pends: there afterwards. */
static void many_while_pending(const struct far *far)
{
	int fd = pending(far);

	set_many(fd);
	say_many(fd);
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_many(fd);
	set_int(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
	say_works(fd);
}

/* RCVLOWAT really holds after: 16 bytes do not wake, 1024 do. */
static void rcvlowat(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK);
	char bytes[1024];

	memset(bytes, 'a', sizeof(bytes));
	set_int(fd, SOL_SOCKET, SO_RCVLOWAT, 1024);
	say_rc("connect", dial(fd, far));
	say_poll("ready", fd, POLLIN | POLLOUT, LONG_MS);
	say_option("rcvlowat", fd, SOL_SOCKET, SO_RCVLOWAT);
	say_rc("few", write(fd, bytes, 16));
	say_poll("few", fd, POLLIN, 4 * PENDING_MS);
	say_rc("many", write(fd, bytes, 1008));
	say_poll("many", fd, POLLIN, LONG_MS);
	say_rc("read", (long)read_all(fd, bytes, 1024));
}

/* A blocking connect with RCVLOWAT must not sleep for ever. */
static void rcvlowat_blocking(const struct far *far)
{
	int fd = stream(far, 0);

	set_int(fd, SOL_SOCKET, SO_RCVLOWAT, 1024);
	say_rc("connect", dial(fd, far));
	say_option("rcvlowat", fd, SOL_SOCKET, SO_RCVLOWAT);
	set_int(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
	say_works(fd);
}

/* A corked socket connects at once, and holds its own bytes back after. */
static void cork_row(const struct far *far, int flags)
{
	int fd = stream(far, flags);
	char back[4] = "";

	set_int(fd, IPPROTO_TCP, TCP_CORK, 1);
	say_rc("connect", dial(fd, far));
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_option("cork", fd, IPPROTO_TCP, TCP_CORK);
	say_rc("write", write(fd, "ab", 2));
	set_int(fd, IPPROTO_TCP, TCP_CORK, 0);
	say_rc("read", (long)read_all(fd, back, 2));
	say_works(fd);
}

static void cork(const struct far *far)
{
	cork_row(far, SOCK_NONBLOCK);
}

static void cork_blocking(const struct far *far)
{
	cork_row(far, 0);
}

static void linger_row(const struct far *far)
{
	struct linger linger = { 1, 3 };
	socklen_t len = sizeof(linger);
	int fd = stream(far, SOCK_NONBLOCK);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, len);
	say_rc("connect", dial(fd, far));
	say_poll("ready", fd, POLLOUT, LONG_MS);
	memset(&linger, 0, sizeof(linger));
	getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len);
	say("linger", "%d %d", linger.l_onoff, linger.l_linger);
	say_works(fd);
}

static void linger_close_pending(const struct far *far)
{
	struct linger linger = { 1, 3 };
	int fd = pending(far);
	int64_t start = now_ms();

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	say_rc("close", close(fd));
	say_took("took", start, 0);
}

/* --- flags ----------------------------------------------------------------- */

static void say_flags(const char *key, int fd)
{
	say(key, "0x%x 0x%x", (unsigned int)fcntl(fd, F_GETFL),
	    (unsigned int)fcntl(fd, F_GETFD));
}

static void flags(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK | SOCK_CLOEXEC);

	on_signal(SIGIO, SIG_IGN, 0);
	fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND | O_ASYNC);
	say_flags("before", fd);
	say_rc("connect", dial(fd, far));
	say_flags("pending", fd);
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_flags("after", fd);
	say_works(fd);
}

static void flags_blocking(const struct far *far)
{
	int fd = stream(far, 0);

	fcntl(fd, F_SETFL, O_APPEND);
	say_rc("connect", dial(fd, far));
	say_flags("after", fd);
	say_works(fd);
}

/* SIGIO tells of the connect. */
static void owner(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK);

	on_signal(SIGIO, catch_it, SA_RESTART);
	fcntl(fd, F_SETOWN, getpid());
	fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC);
	say_rc("connect", dial(fd, far));
	say("at once", "%d", (int)caught);
	while (!ready(fd, POLLOUT))
		;
	say("told", "%d", caught > 0);
	say("owner", "%d", fcntl(fd, F_GETOWN) == getpid());
	say_works(fd);
}

/* The open file stays: the same inode under the same number. */
static void same_file(const struct far *far)
{
	struct stat before, after;
	int fd = stream(far, SOCK_NONBLOCK);
	uint64_t one = 0, two = 0;
	socklen_t len = sizeof(one);

	fstat(fd, &before);
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &one, &len);
	say_rc("connect", dial(fd, far));
	say_poll("ready", fd, POLLOUT, LONG_MS);
	fstat(fd, &after);
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &two, &len);
	say("inode", "%d", before.st_ino == after.st_ino);
	say("cookie", "%d", one == two);
	say_option("type", fd, SOL_SOCKET, SO_TYPE);
	say_option("domain", fd, SOL_SOCKET, SO_DOMAIN);
	say_option("protocol", fd, SOL_SOCKET, SO_PROTOCOL);
	say_option("acceptconn", fd, SOL_SOCKET, SO_ACCEPTCONN);
}

/* No descriptor is left behind, or shown while the connect pends. */
static int descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void no_descriptors(const struct far *far)
{
	int before = descriptors(), fd = pending(far);

	say("pending", "%d", descriptors() - before);
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say("after", "%d", descriptors() - before);
	say("next", "%d", dup(fd) == fd + 1);
}

/* --- where from ------------------------------------------------------------ */

static void local_bound(int fd, int family, uint16_t port, long *rc)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET,
				    .sin_port = htons(port) };

	if (family == AF_INET6)
		*rc = bind(fd, (void *)&six, sizeof(six));
	else
		*rc = bind(fd, (void *)&four, sizeof(four));
}

static int local_port(int fd)
{
	struct sockaddr_in6 local = { 0 };
	socklen_t len = sizeof(local);

	getsockname(fd, (void *)&local, &len);
	return ntohs(local.sin6_port); /* at the same place as sin_port */
}

static void fixed_port(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK), one = 1;
	/* Not one that another run may hold. */
	uint16_t port = (uint16_t)(20000 + getpid() % 10000);
	long rc;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	local_bound(fd, far->address.ss_family, port, &rc);
	say_rc("bind", rc);
	say_rc("connect", dial(fd, far));
	say("pending", "%d", local_port(fd) == port);
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say("port", "%d", local_port(fd) == port);
	say_works(fd);
}

/* A port that the kernel chose at bind stays. */
static void bound_any(const struct far *far)
{
	int fd = stream(far, 0), port;
	long rc;

	local_bound(fd, far->address.ss_family, 0, &rc);
	port = local_port(fd);
	say_rc("bind", rc);
	say_rc("connect", dial(fd, far));
	say("port", "%d", local_port(fd) == port);
	say_works(fd);
}

static void late_bind(const struct far *far)
{
	int fd = stream(far, 0), one = 1;

	say_rc("option", setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT,
				    &one, sizeof(one)));
	say_rc("connect", dial(fd, far));
	say("port", "%d", local_port(fd) != 0);
	say_works(fd);
}

/* While pending there is a local address and port, of the socket's family. */
static void sockname(const struct far *far)
{
	struct sockaddr_storage local = { 0 };
	socklen_t len = sizeof(local);
	int fd = stream(far, SOCK_NONBLOCK);

	say_rc("before", getsockname(fd, (void *)&local, &len));
	say("before", "%d %u %d", local.ss_family, (unsigned int)len,
	    local_port(fd) != 0);
	say_rc("connect", dial(fd, far));
	say("pending", "%d", local_port(fd) != 0);
	say_poll("ready", fd, POLLOUT, LONG_MS);
	len = sizeof(local);
	say_rc("after", getsockname(fd, (void *)&local, &len));
	say("after", "%d %u %d", local.ss_family, (unsigned int)len,
	    local_port(fd) != 0);
}

static void say_device(int fd)
{
	char name[IF_NAMESIZE] = "";
	socklen_t len = sizeof(name);

	if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len) < 0)
		say("device", "%s", errno_name(errno));
	else
		say("device", "%s", name);
}

/* The device by which the far side, or the proxy, is reached. */
static int bound_to_device(const struct far *far, int more)
{
	int fd = stream(far, more);

	say_rc("bind", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 4));
	return fd;
}

static void device(const struct far *far)
{
	int fd = bound_to_device(far, SOCK_NONBLOCK);

	say_rc("connect", dial(fd, far));
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_device(fd);
	say_works(fd);
}

static void device_refused(const struct far *far)
{
	int fd = bound_to_device(far, SOCK_NONBLOCK), ep = epoll_create1(0);

	say_rc("connect", dial(fd, far));
	epoll_change(ep, EPOLL_CTL_ADD, fd,
		     EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, 1);
	say_epoll("epoll", ep, LONG_MS);
	say_poll("poll", fd, POLLIN | POLLOUT | POLLRDHUP, LONG_MS);
	say_so_error("so_error", fd);
	say_so_error("again", fd);
	say_device(fd);
}

static void device_refused_blocking(const struct far *far)
{
	int fd = bound_to_device(far, 0);

	say_rc("connect", dial(fd, far));
	say_so_error("so_error", fd);
	say_rc("good", dial_good(fd, far));
	say_works(fd);
}

/* A device by which nothing is reached. */
static void device_wrong(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("bind", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
	say("reached", "%d", dial(fd, far) == 0);
}

/* --- fast open ------------------------------------------------------------- */

static void fastopen_connect(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK);

	set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	say_rc("connect", dial(fd, far));
	say_option("option", fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT);
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_works(fd);
}

static void fastopen_connect_blocking(const struct far *far)
{
	int fd = stream(far, 0);

	set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	say_rc("connect", dial(fd, far));
	say_works(fd);
}

static void fastopen_connect_refused(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK);

	set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	say_rc("connect", dial(fd, far));
	say_poll("ready", fd, POLLIN | POLLOUT, LONG_MS);
	say_so_error("so_error", fd);
}

/* What went by the connecting call is echoed first. */
static void say_first(int fd, long sent)
{
	char back[8] = "";

	if (sent > 0) {
		say_rc("read", (long)read_all(fd, back, sent));
		say("back", "%s", back);
	}
	say_works(fd);
}

static void fastopen_sendto(const struct far *far)
{
	int fd = stream(far, 0);
	long n = say_rc("sendto", sendto(fd, "first", 5, MSG_FASTOPEN,
					 (const void *)&far->address,
					 far->len));

	say_first(fd, n);
}

static void fastopen_sendto_nonblocking(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK);
	long n = say_rc("sendto", sendto(fd, "first", 5, MSG_FASTOPEN,
					 (const void *)&far->address,
					 far->len));

	say_rc("again", sendto(fd, "first", 5, MSG_FASTOPEN,
			       (const void *)&far->address, far->len));
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_first(fd, n);
}

static long fastopen_message(int fd, const struct far *far, struct msghdr *msg,
			     struct iovec *iov)
{
	iov->iov_base = (char *)"first";
	iov->iov_len = 5;
	memset(msg, 0, sizeof(*msg));
	msg->msg_name = (void *)&far->address;
	msg->msg_namelen = far->len;
	msg->msg_iov = iov;
	msg->msg_iovlen = 1;
	return sendmsg(fd, msg, MSG_FASTOPEN);
}

static void fastopen_sendmsg(const struct far *far)
{
	int fd = stream(far, 0);
	struct msghdr msg;
	struct iovec iov;

	say_first(fd, say_rc("sendmsg",
			     fastopen_message(fd, far, &msg, &iov)));
}

static void fastopen_sendmsg_nonblocking(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK);
	struct msghdr msg;
	struct iovec iov;
	long n = say_rc("sendmsg", fastopen_message(fd, far, &msg, &iov));

	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_first(fd, n);
}

static void fastopen_sendmmsg(const struct far *far)
{
	struct iovec iov = { (char *)"first", 5 };
	struct mmsghdr msgs[1] = { { .msg_hdr = {
					     .msg_name = (void *)&far->address,
					     .msg_namelen = far->len,
					     .msg_iov = &iov,
					     .msg_iovlen = 1,
				     } } };
	int fd = stream(far, 0);
	long n = say_rc("sendmmsg", sendmmsg(fd, msgs, 1, MSG_FASTOPEN));

	say("length", "%u", msgs[0].msg_len);
	say_first(fd, n > 0 ? 5 : 0);
}

static void fastopen_refused(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("sendto", sendto(fd, "first", 5, MSG_FASTOPEN,
				(const void *)&far->address, far->len));
	say_so_error("so_error", fd);
	say_rc("connect", dial_good(fd, far));
	say_works(fd);
}

static void fastopen_without_address(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("send", send(fd, "first", 5, MSG_FASTOPEN | MSG_NOSIGNAL));
	say_rc("connect", dial(fd, far));
	say_works(fd);
}

/* An address without MSG_FASTOPEN: a stream ignores it. */
static void sendto_address(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("unconnected",
	       sendto(fd, "x", 1, MSG_NOSIGNAL, (const void *)&far->address,
		      far->len));
	say_rc("connect", dial(fd, far));
	say_rc("connected", sendto(fd, "x", 1, MSG_NOSIGNAL,
				   (const void *)&far->good, far->len));
	say_rc("read", (long)read_all(fd, (char[1]){ 0 }, 1));
	say_works(fd);
}

/* --- kinds of socket ------------------------------------------------------- */

static void mptcp(const struct far *far)
{
	int fd = socket(far->address.ss_family, SOCK_STREAM, IPPROTO_MPTCP);

	say_rc("connect", dial(fd, far));
	say_option("protocol", fd, SOL_SOCKET, SO_PROTOCOL);
	say_works(fd);
}

static void mptcp_nonblocking(const struct far *far)
{
	int fd = socket(far->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK,
			IPPROTO_MPTCP);
	int ep = epoll_create1(0);

	say_rc("connect", dial(fd, far));
	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 1);
	say_epoll("pending", ep, SOON_MS);
	say_epoll("ready", ep, LONG_MS);
	say_works(fd);
}

static void v6only(const struct far *far)
{
	int fd = stream(far, 0);

	set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	say_rc("connect", dial(fd, far));
	say_option("v6only", fd, IPPROTO_IPV6, IPV6_V6ONLY);
	say_works(fd);
}

static void v6only_nonblocking(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK), ep = epoll_create1(0);

	set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT | EPOLLET, 1);
	say_epoll("unconnected", ep, 0);
	say_rc("connect", dial(fd, far));
	say_option("v6only", fd, IPPROTO_IPV6, IPV6_V6ONLY);
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_option("v6only", fd, IPPROTO_IPV6, IPV6_V6ONLY);
	say_works(fd);
}

static void v6only_bound(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK), ep = epoll_create1(0);
	long rc;

	set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	local_bound(fd, AF_INET6, 0, &rc);
	say_rc("bind", rc);
	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT | EPOLLET, 1);
	say_epoll("unconnected", ep, 0);
	say_rc("connect", dial(fd, far));
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_option("nodelay", fd, IPPROTO_TCP, TCP_NODELAY);
	say_option("v6only", fd, IPPROTO_IPV6, IPV6_V6ONLY);
	say_works(fd);
}

/* A v4-mapped address on a socket that is v6 only. */
static void v6only_mapped(const struct far *far)
{
	int fd = stream(far, 0);

	set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	say_rc("connect", dial(fd, far));
	say_peer("peer", fd);
	say_poll("poll", fd, POLLIN | POLLOUT, 0);
}

/* A socket of the other family than the address. */
static void other_family(const struct far *far)
{
	bool six = far->address.ss_family == AF_INET6;
	int fd = socket(six ? AF_INET : AF_INET6, SOCK_STREAM, 0);

	say_rc("connect", dial(fd, far));
	say_poll("poll", fd, POLLOUT, 0);
	close(fd);
	fd = stream(far, 0);
	say_rc("fitting", dial(fd, far));
	say_works(fd);
}

static void short_address(const struct far *far)
{
	struct sockaddr_storage wrong = far->address;
	int fd = stream(far, 0);

	for (socklen_t len = 0; len < 16; len += len < 2 ? 1 : 7) {
		char key[16];

		snprintf(key, sizeof(key), "length %u", (unsigned int)len);
		say_rc(key, connect(fd, (const void *)&far->address, len));
	}
	say_rc("negative", connect(fd, (const void *)&far->address, -1));
	say_rc("huge", connect(fd, (const void *)&far->address, 129));
	say_rc("null", connect(fd, NULL, far->len));
	wrong.ss_family = AF_UNIX;
	say_rc("unix", connect(fd, (const void *)&wrong, far->len));
	wrong.ss_family = 77;
	say_rc("unknown", connect(fd, (const void *)&wrong, far->len));
	say_rc("closed", connect(-1, (const void *)&far->address, far->len));
	say_rc("not a socket", connect(0, (const void *)&far->address,
				       far->len));
	say_rc("connect", dial(fd, far));
	say_works(fd);
}

static void long_address(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("connect", connect(fd, (const void *)&far->address,
				  sizeof(far->address)));
	say_works(fd);
}

static void port_zero(const struct far *far)
{
	struct far zero = *far;
	int fd = stream(far, 0);

	((struct sockaddr_in *)&zero.address)->sin_port = 0;
	say_rc("connect", dial(fd, &zero));
	say_so_error("so_error", fd);
}

/* --- dissolving ------------------------------------------------------------ */

static long dissolve(int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	return connect(fd, &none, sizeof(none));
}

static void dissolve_fresh(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("unspec", dissolve(fd));
	say_rc("connect", dial(fd, far));
	say_works(fd);
}

static void dissolve_pending(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLET, 1);
	say_epoll("pending", ep, 0);
	say_rc("unspec", dissolve(fd));
	say_epoll("dissolved", ep, 0);
	say_so_error("so_error", fd);
	say_peer("peer", fd);
	say_poll("poll", fd, POLLIN | POLLOUT, 3 * PENDING_MS);
	say_rc("again", dial(fd, far));
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_works(fd);
}

static void dissolve_connected(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("connect", dial(fd, far));
	say_rc("unspec", dissolve(fd));
	say_peer("peer", fd);
	say_so_error("so_error", fd);
	say_rc("write", write(fd, "x", 1));
	say_rc("again", dial(fd, far));
	say_works(fd);
}

static void dissolve_then_listen(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("connect", dial(fd, far));
	say_rc("unspec", dissolve(fd));
	say_rc("listen", listen(fd, 1));
	say_rc("connect", dial(fd, far));
}

static void connect_listening(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("listen", listen(fd, 1));
	say_rc("connect", dial(fd, far));
	say_poll("poll", fd, POLLIN | POLLOUT, 0);
}

static void listen_connected(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("connect", dial(fd, far));
	say_rc("listen", listen(fd, 1));
	say_rc("accept", accept(fd, NULL, NULL));
	say_works(fd);
}

/* --- what is not carried --------------------------------------------------- */

static void unix_sockets(const struct far *far)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), peer;

	(void)far;
	snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "victim %d",
		 (int)getpid());
	say_rc("bind", bind(server, (void *)&name, sizeof(name)));
	say_rc("listen", listen(server, 1));
	say_rc("connect", connect(fd, (void *)&name, sizeof(name)));
	peer = accept(server, NULL, NULL);
	say_rc("write", write(fd, "x", 1));
	say_rc("read", read(peer, (char[1]){ 0 }, 1));
	say_so_error("so_error", fd);
	name.sun_path[1] = 'V';
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	say_rc("refused", connect(fd, (void *)&name, sizeof(name)));
}

static void loopback(const struct far *far)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	struct sockaddr_in peer = { 0 };
	socklen_t len = sizeof(name);
	int server = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0), accepted;

	(void)far;
	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	say_rc("bind", bind(server, (void *)&name, sizeof(name)));
	say_rc("listen", listen(server, 1));
	getsockname(server, (void *)&name, &len);
	say_rc("connect", connect(fd, (void *)&name, sizeof(name)));
	len = sizeof(peer);
	say_rc("peer", getpeername(fd, (void *)&peer, &len));
	say("same", "%d", memcmp(&peer, &name, sizeof(peer)) == 0);
	accepted = accept(server, NULL, NULL);
	say_rc("write", write(fd, "x", 1));
	say_rc("read", read(accepted, (char[1]){ 0 }, 1));
	close(accepted);
	close(server);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	say("refused", "%d", connect(fd, (void *)&name, sizeof(name)));
	say_poll("poll", fd, POLLOUT, LONG_MS);
	say_so_error("so_error", fd);
}

/* A datagram socket to a local server is the kernel's own. */
static void local_datagrams(const struct far *far)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	socklen_t len = sizeof(name);
	int server = socket(AF_INET, SOCK_DGRAM, 0);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char bytes[8];

	(void)far;
	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	say_rc("bind", bind(server, (void *)&name, sizeof(name)));
	getsockname(server, (void *)&name, &len);
	say_rc("sendto", sendto(fd, "one", 3, 0, (void *)&name, len));
	say_rc("recv", recv(server, bytes, sizeof(bytes), 0));
	say_rc("connect", connect(fd, (void *)&name, len));
	say_rc("send", send(fd, "three", 5, 0));
	say_rc("recv", recv(server, bytes, sizeof(bytes), 0));
	say_so_error("so_error", fd);
}

static void socketpairs(const struct far *far)
{
	int pair[2];

	(void)far;
	say_rc("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	say_rc("write", write(pair[0], "x", 1));
	say_rc("read", read(pair[1], (char[1]){ 0 }, 1));
	say_rc("connect", dial(pair[0], far));
}

static const struct row rows[] = {
	{ "many-blocking", "echo", many_blocking },
	{ "many-nonblocking", "echo", many_nonblocking },
	{ "many-while-pending", "echo", many_while_pending },
	{ "rcvlowat", "echo", rcvlowat },
	{ "rcvlowat-blocking", "echo", rcvlowat_blocking },
	{ "cork", "echo", cork },
	{ "cork-blocking", "echo", cork_blocking },
	{ "linger", "echo", linger_row },
	{ "linger-close-pending", "echo", linger_close_pending },
	{ "flags", "echo", flags },
	{ "flags-blocking", "echo", flags_blocking },
	{ "owner", "echo", owner },
	{ "same-file", "echo", same_file },
	{ "no-descriptors", "echo", no_descriptors },
	{ "fixed-port", "echo", fixed_port },
	{ "fixed-port-v6", "echo6", fixed_port },
	{ "fixed-port-mapped", "echo-mapped", fixed_port },
	{ "bound-any", "echo", bound_any },
	{ "bound-any-v6", "echo6", bound_any },
	{ "late-bind", "echo", late_bind },
	{ "sockname", "echo", sockname },
	{ "sockname-v6", "echo6", sockname },
	{ "device", "echo", device },
	{ "device-refused", "closed", device_refused },
	{ "device-refused-blocking", "closed", device_refused_blocking },
	{ "device-wrong", "silent", device_wrong },
	{ "fastopen-connect", "echo", fastopen_connect },
	{ "fastopen-connect-blocking", "echo", fastopen_connect_blocking },
	{ "fastopen-connect-refused", "closed", fastopen_connect_refused },
	{ "fastopen-sendto", "echo", fastopen_sendto },
	{ "fastopen-sendto-v6", "echo6", fastopen_sendto },
	{ "fastopen-sendto-nonblocking", "echo", fastopen_sendto_nonblocking },
	{ "fastopen-sendmsg", "echo", fastopen_sendmsg },
	{ "fastopen-sendmsg-nonblocking", "echo",
	  fastopen_sendmsg_nonblocking },
	{ "fastopen-sendmmsg", "echo", fastopen_sendmmsg },
	{ "fastopen-refused", "closed", fastopen_refused },
	{ "fastopen-without-address", "echo", fastopen_without_address },
	{ "sendto-address", "echo", sendto_address },
	{ "mptcp", "echo", mptcp },
	{ "mptcp-nonblocking", "echo", mptcp_nonblocking },
	{ "v6only", "echo6", v6only },
	{ "v6only-nonblocking", "echo6", v6only_nonblocking },
	{ "v6only-bound", "echo6", v6only_bound },
	{ "v6only-mapped", "echo-mapped", v6only_mapped },
	{ "other-family", "echo", other_family },
	{ "other-family-v6", "echo6", other_family },
	{ "short-address", "echo", short_address },
	{ "short-address-v6", "echo6", short_address },
	{ "long-address", "echo", long_address },
	{ "port-zero", "closed", port_zero },
	{ "dissolve-fresh", "echo", dissolve_fresh },
	{ "dissolve-pending", "echo", dissolve_pending },
	{ "dissolve-connected", "echo", dissolve_connected },
	{ "dissolve-then-listen", "echo", dissolve_then_listen },
	{ "connect-listening", "echo", connect_listening },
	{ "listen-connected", "echo", listen_connected },
	{ "unix-sockets", "echo", unix_sockets },
	{ "loopback", "echo", loopback },
	{ "local-datagrams", "echo", local_datagrams },
	{ "socketpairs", "echo", socketpairs },
};

VICTIM_MAIN(rows)
