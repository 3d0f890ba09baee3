/* SPDX-License-Identifier: MIT */
/* failures.c - victim: what a program sees of a connect that fails, and after */
#include <sys/sendfile.h>

#include "tests/victims/victim.h"

#define ALL (EPOLLIN | EPOLLOUT | EPOLLRDHUP)

/*
 * A new connect on the socket that failed: the kernel may tell of the failure
 * first (ECONNABORTED, where SO_ERROR was asked for before).
 */
static void dial_anew(int fd, const struct far *far)
{
	if (say_rc("good.connect", dial_good(fd, far)) < 0 &&
	    errno != EINPROGRESS)
		say_rc("good.connect", dial_good(fd, far));
}

static void say_second_try(int fd, const struct far *far)
{
	dial_anew(fd, far);
	say_poll("good.poll", fd, POLLOUT, LONG_MS);
	say_works(fd);
}

/* --- blocking -------------------------------------------------------------- */

static void blocking(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("connect", dial(fd, far));
	say_so_error("so_error", fd);
	say_poll("poll", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	say_peer("peer", fd);
	say_second_try(fd, far);
}

/*
 * Where ICMP over IPv4 told of the failure, the kernel keeps the message in the
 * socket's error queue, and with it POLLERR, also over the next connect. No
 * proxy hands that on. So these rows do not look at events after the failure;
 * error_queue does.
 */
static void blocking_briefly(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("connect", dial(fd, far));
	say_so_error("so_error", fd);
	say_peer("peer", fd);
	dial_anew(fd, far);
	say_works(fd);
}

static void error_queue(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("connect", dial(fd, far));
	say_so_error("so_error", fd);
	say_poll("poll", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
}

/* What each call says of a socket on which a connect failed. */
static void blocking_then_calls(const struct far *far)
{
	int fd = stream(far, 0);
	char byte;

	on_signal(SIGPIPE, catch_it, 0);
	say_rc("connect", dial(fd, far));
	say_rc("read", read(fd, &byte, 1));
	say_rc("write", write(fd, "x", 1));
	say("sigpipe", "%d", (int)caught);
	say_rc("send", send(fd, "x", 1, MSG_NOSIGNAL));
	say("sigpipe", "%d", (int)caught);
	say_rc("recv", recv(fd, &byte, 1, 0));
	say_rc("shutdown", shutdown(fd, SHUT_RDWR));
	say_so_error("so_error", fd);
	say_rc("connect.again", dial(fd, far));
	say_rc("connect.again", dial(fd, far));
	say_second_try(fd, far);
}

/* --- epoll ----------------------------------------------------------------- */

static void epoll_row(const struct far *far, uint32_t events, bool before)
{
	int ep = epoll_create1(0), fd = stream(far, SOCK_NONBLOCK);

	if (before) {
		say_rc("add", epoll_change(ep, EPOLL_CTL_ADD, fd, events, 7));
		if (!(events & EPOLLONESHOT))
			say_epoll("unconnected", ep, 0);
	}
	say_rc("connect", dial(fd, far));
	if (!before)
		say_rc("add", epoll_change(ep, EPOLL_CTL_ADD, fd, events, 7));
	say_epoll("pending", ep, SOON_MS);
	say_epoll("ready", ep, LONG_MS);
	if (events & (EPOLLET | EPOLLONESHOT))
		say_surplus("surplus", ep);
	else
		say_epoll("again", ep, 0);
	say_so_error("so_error", fd);
	say_so_error("so_error.again", fd);
	say_peer("peer", fd);
	say_epoll("after", ep, 0);
	say_poll("poll", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	if (events & EPOLLONESHOT)
		say_rc("rearm",
		       epoll_change(ep, EPOLL_CTL_MOD, fd, events, 8));
	dial_anew(fd, far);
	say_epoll("good.ready", ep, LONG_MS);
	say_works(fd);
}

#define EPOLL_ROW(name, ...)                                                   \
	static void name(const struct far *far)                                \
	{                                                                      \
		epoll_row(far, __VA_ARGS__);                                   \
	}

EPOLL_ROW(level_before, ALL, true)
EPOLL_ROW(level_after, ALL, false)
EPOLL_ROW(level_out_after, EPOLLOUT, false)
EPOLL_ROW(level_none_after, 0, false)
EPOLL_ROW(edge_before, ALL | EPOLLET, true)
EPOLL_ROW(edge_after, ALL | EPOLLET, false)
EPOLL_ROW(edge_out_before, EPOLLOUT | EPOLLET, true)
EPOLL_ROW(edge_in_after, EPOLLIN | EPOLLET, false)
EPOLL_ROW(oneshot_before, ALL | EPOLLONESHOT, true)
EPOLL_ROW(oneshot_after, ALL | EPOLLONESHOT, false)
EPOLL_ROW(exclusive_before, EPOLLIN | EPOLLOUT | EPOLLEXCLUSIVE, true)
EPOLL_ROW(exclusive_after, EPOLLIN | EPOLLOUT | EPOLLEXCLUSIVE, false)
EPOLL_ROW(edge_exclusive_after, EPOLLIN | EPOLLOUT | EPOLLET | EPOLLEXCLUSIVE,
	  false)

static void edge_briefly(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);

	epoll_change(ep, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 7);
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_so_error("so_error", fd);
	say_so_error("so_error.again", fd);
	say_peer("peer", fd);
	dial_anew(fd, far);
}

/* --- poll and select ------------------------------------------------------- */

static void poll_briefly(const struct far *far)
{
	int fd = pending(far);

	say_poll("ready", fd, POLLIN | POLLOUT | POLLRDHUP, LONG_MS);
	say_so_error("so_error", fd);
	say_so_error("so_error.again", fd);
	say_peer("peer", fd);
}

static void poll_row(const struct far *far)
{
	int fd = pending(far);

	say_poll("pending", fd, POLLIN | POLLOUT | POLLRDHUP, SOON_MS);
	say_poll("ready", fd, POLLIN | POLLOUT | POLLRDHUP, LONG_MS);
	say_poll("again", fd, POLLOUT, 0);
	say_so_error("so_error", fd);
	say_so_error("so_error.again", fd);
	say_poll("after", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	say_peer("peer", fd);
	say_second_try(fd, far);
}

/* No events asked for: an error is reported all the same. */
static void poll_no_events(const struct far *far)
{
	int fd = pending(far);

	say_poll("ready", fd, 0, LONG_MS);
	say_so_error("so_error", fd);
	say_poll("after", fd, 0, 0);
}

static void select_row(const struct far *far)
{
	int fd = pending(far), n;
	fd_set r, w, e;

	for (int i = 0; i < 2; i++) {
		FD_ZERO(&r);
		FD_ZERO(&w);
		FD_ZERO(&e);
		FD_SET(fd, &r);
		FD_SET(fd, &w);
		FD_SET(fd, &e);
		n = select(fd + 1, &r, &w, &e, NULL);
		say("select", "%d:%d%d%d", n, FD_ISSET(fd, &r) != 0,
		    FD_ISSET(fd, &w) != 0, FD_ISSET(fd, &e) != 0);
		say_so_error("so_error", fd);
	}
	say_second_try(fd, far);
}

/* --- the pending error goes to whoever asks first, once -------------------- */

static int failed(const struct far *far)
{
	int fd = pending(far);

	say_poll("failed", fd, POLLOUT, LONG_MS);
	return fd;
}

/* SO_ERROR is 4 at level SOL_SOCKET only; other levels have other fours. */
static void other_levels(const struct far *far)
{
	int fd = failed(far);

	say_option("tcp", fd, IPPROTO_TCP, SO_ERROR);
	say_option("ip", fd, IPPROTO_IP, SO_ERROR);
	say_option("ipv6", fd, IPPROTO_IPV6, SO_ERROR);
	say_option("udp", fd, IPPROTO_UDP, SO_ERROR);
	say_so_error("so_error", fd);
	say_option("tcp", fd, IPPROTO_TCP, TCP_KEEPIDLE);
	say_so_error("so_error.again", fd);
}

/* The option's buffer, when it is short, long or bad. */
static void so_error_lengths(const struct far *far)
{
	unsigned char bytes[8];
	int fd = failed(far);
	socklen_t len = 8;

	memset(bytes, 0xee, sizeof(bytes));
	say_rc("no buffer", getsockopt(fd, SOL_SOCKET, SO_ERROR, NULL, &len));
	len = -1;
	say_rc("negative", getsockopt(fd, SOL_SOCKET, SO_ERROR, bytes, &len));
	close(fd);
	fd = failed(far);
	len = 2;
	say_rc("short", getsockopt(fd, SOL_SOCKET, SO_ERROR, bytes, &len));
	say("short.bytes", "%u %02x %02x %02x", (unsigned int)len, bytes[0],
	    bytes[1], bytes[2]);
	say_so_error("again", fd);
	close(fd);
	fd = failed(far);
	len = 8;
	memset(bytes, 0xee, sizeof(bytes));
	say_rc("long", getsockopt(fd, SOL_SOCKET, SO_ERROR, bytes, &len));
	say("long.bytes", "%u %02x %02x %02x", (unsigned int)len, bytes[0],
	    bytes[3], bytes[4]);
	say_so_error("again", fd);
}

static void write_first(const struct far *far)
{
	int fd = failed(far);

	on_signal(SIGPIPE, catch_it, 0);
	say_rc("write", write(fd, "x", 1));
	say("sigpipe", "%d", (int)caught);
	say_rc("write.again", write(fd, "x", 1));
	say("sigpipe", "%d", (int)caught);
	say_so_error("so_error", fd);
	say_poll("after", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	say_second_try(fd, far);
}

static void send_first(const struct far *far)
{
	int fd = failed(far);

	say_rc("send", send(fd, "x", 1, MSG_NOSIGNAL));
	say_rc("send.again", send(fd, "x", 1, MSG_NOSIGNAL));
	say_so_error("so_error", fd);
}

static void read_first(const struct far *far)
{
	int fd = failed(far);
	char byte;

	say_rc("read", read(fd, &byte, 1));
	say_rc("read.again", read(fd, &byte, 1));
	say_so_error("so_error", fd);
	say_poll("after", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	say_second_try(fd, far);
}

static void recv_first(const struct far *far)
{
	int fd = failed(far);
	char byte;

	say_rc("recv", recv(fd, &byte, 1, MSG_PEEK));
	say_rc("recv.again", recv(fd, &byte, 1, MSG_DONTWAIT));
	say_so_error("so_error", fd);
}

static void recvmsg_first(const struct far *far)
{
	int fd = failed(far);
	struct iovec iov = { .iov_base = (char[4]){ 0 }, .iov_len = 4 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	say_rc("recvmsg", recvmsg(fd, &msg, 0));
	say_rc("recvmsg.again", recvmsg(fd, &msg, 0));
	say_rc("sendmsg", sendmsg(fd, &msg, MSG_NOSIGNAL));
	say_so_error("so_error", fd);
}

static void writev_first(const struct far *far)
{
	int fd = failed(far);
	struct iovec iov = { .iov_base = (char[4]){ 0 }, .iov_len = 4 };

	on_signal(SIGPIPE, catch_it, 0);
	say_rc("writev", writev(fd, &iov, 1));
	say("sigpipe", "%d", (int)caught);
	say_rc("readv", readv(fd, &iov, 1));
	say_so_error("so_error", fd);
}

static void sendfile_first(const struct far *far)
{
	int fd = failed(far), file = open("/proc/self/exe", O_RDONLY);
	off_t at = 0;

	on_signal(SIGPIPE, catch_it, 0);
	say_rc("sendfile", sendfile(fd, file, &at, 100));
	say("sigpipe", "%d", (int)caught);
	say_rc("sendfile.again", sendfile(fd, file, &at, 100));
	say("sigpipe", "%d", (int)caught);
	say_so_error("so_error", fd);
}

/* connect again tells the error; the one after it begins anew. */
static void connect_first(const struct far *far)
{
	int fd = failed(far);

	say_rc("connect", dial(fd, far));
	say_so_error("so_error", fd);
	say_rc("connect.again", dial(fd, far));
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_so_error("so_error", fd);
	say_rc("connect.once more", dial(fd, far));
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_rc("connect.told", dial(fd, far));
}

static void connect_polling(const struct far *far)
{
	int64_t end = now_ms() + LONG_MS;
	int fd = pending(far), rc;

	while ((rc = dial(fd, far)) < 0 && errno == EALREADY && now_ms() < end)
		sleep_ms(5);
	say_rc("done", rc);
	say_so_error("so_error", fd);
	say_second_try(fd, far);
}

static void so_error_polling(const struct far *far)
{
	int64_t end = now_ms() + LONG_MS;
	int fd = pending(far), error = 0;
	socklen_t len = sizeof(error);

	while (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
	       error == 0 && now_ms() < end)
		sleep_ms(5);
	say("so_error", "%s", errno_name(error));
	say_so_error("again", fd);
	say_second_try(fd, far);
}

static void write_polling(const struct far *far)
{
	int64_t end = now_ms() + LONG_MS;
	int fd = pending(far);
	ssize_t n;

	on_signal(SIGPIPE, catch_it, 0);
	while ((n = write(fd, "hello", 5)) < 0 && errno == EAGAIN &&
	       now_ms() < end)
		sleep_ms(5);
	say_rc("write", n);
	say("sigpipe", "%d", (int)caught);
	say_so_error("so_error", fd);
	say_second_try(fd, far);
}

static void other_calls(const struct far *far)
{
	int fd = failed(far), value = -1;

	say_peer("peer", fd);
	say_rc("shutdown", shutdown(fd, SHUT_WR));
	say_rc("fionread", ioctl(fd, FIONREAD, &value));
	say("fionread.value", "%d", value);
	say_rc("listen", listen(fd, 1) < 0 ? -1 : 0);
	say_so_error("so_error", fd);
}

/* connect(AF_UNSPEC) after the failure, before anyone asked for the error. */
static void unspec_first(const struct far *far)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = failed(far);

	say_rc("unspec", connect(fd, &none, sizeof(none)));
	say_so_error("so_error", fd);
	say_poll("poll", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	say_second_try(fd, far);
}

/* The error is the socket's: one of the numbers, one of the processes gets it. */
static void dup_sees(const struct far *far)
{
	int fd = failed(far), other = dup(fd);

	close(fd);
	say_so_error("other", other);
	say_so_error("again", other);
	say_second_try(other, far);
}

static void child_asks(const struct far *far)
{
	int fd = failed(far);
	pid_t pid = child();

	if (pid == 0) {
		say_so_error("child", fd);
		exit(0);
	}
	child_join("joined", pid);
	say_so_error("parent", fd);
	say_second_try(fd, far);
}

static void child_waits(const struct far *far)
{
	int fd = pending(far), ep = epoll_create1(0);
	pid_t pid;

	epoll_change(ep, EPOLL_CTL_ADD, fd, ALL, 3);
	pid = child();
	if (pid == 0) {
		say_epoll("child", ep, LONG_MS);
		exit(0);
	}
	child_join("joined", pid);
	say_epoll("parent", ep, LONG_MS);
	say_so_error("parent", fd);
	say_so_error("again", fd);
}

/* Two epolls and a poll: each sees the failure. */
static void several(const struct far *far)
{
	int one = epoll_create1(0), two = epoll_create1(0), fd = pending(far);

	epoll_change(one, EPOLL_CTL_ADD, fd, ALL | EPOLLET, 1);
	epoll_change(two, EPOLL_CTL_ADD, fd, EPOLLOUT | EPOLLONESHOT, 2);
	say_epoll("two", two, LONG_MS);
	say_poll("poll", fd, POLLOUT, 0);
	say_epoll("one", one, LONG_MS);
	say_surplus("surplus.one", one);
	say_surplus("surplus.two", two);
	say_so_error("so_error", fd);
}

/* Waiting for reading alone wakes too. */
static void read_waiters(const struct far *far)
{
	int fd = pending(far);
	fd_set r;

	FD_ZERO(&r);
	FD_SET(fd, &r);
	say_rc("select", select(fd + 1, &r, NULL, NULL, NULL));
	say_poll("poll", fd, POLLIN, 0);
	say_so_error("so_error", fd);
}

/* Three attempts in a row on one socket, as programs do that try ports. */
static void in_a_row(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK);

	for (int i = 0; i < 3; i++) {
		say_rc("connect", dial(fd, far));
		say_poll("ready", fd, POLLOUT, LONG_MS);
		say_so_error("so_error", fd);
	}
	say_second_try(fd, far);
}

/* Options, flags and the local port hold over a failure. */
static void keeps_options(const struct far *far)
{
	struct linger linger = { 1, 7 };
	socklen_t len = sizeof(linger);
	int one = 1, fd = stream(far, SOCK_NONBLOCK | SOCK_CLOEXEC);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	say_rc("connect", dial(fd, far));
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_so_error("so_error", fd);
	say_option("nodelay", fd, IPPROTO_TCP, TCP_NODELAY);
	say_option("keepalive", fd, SOL_SOCKET, SO_KEEPALIVE);
	linger.l_linger = 0;
	getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len);
	say("linger", "%d %d", linger.l_onoff, linger.l_linger);
	say("flags", "0x%x", (unsigned int)fcntl(fd, F_GETFL));
	say("fd flags", "0x%x", (unsigned int)fcntl(fd, F_GETFD));
	say_second_try(fd, far);
}

/* The peer ends a connection that was made: no failure of connect. */
static void peer_says_bye(const struct far *far)
{
	int fd = pending(far);
	char bytes[8] = "";

	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_so_error("so_error", fd);
	say_rc("read", (long)read_all(fd, bytes, 4));
	say("bytes", "%.3s", bytes);
	say_rc("end", (long)read_all(fd, bytes, 1));
	say_poll("poll", fd, POLLIN | POLLOUT | POLLRDHUP, LONG_MS);
}

static const struct row rows[] = {
	{ "blocking", "closed", blocking },
	{ "blocking-v6", "closed6", blocking },
	{ "blocking-mapped", "closed-mapped", blocking },
	{ "blocking-no-host", "no-host", blocking_briefly },
	{ "blocking-no-net", "no-net", blocking_briefly },
	{ "blocking-no-host-v6", "no-host6", blocking },
	{ "blocking-no-net-v6", "no-net6", blocking },
	{ "blocking-silent", "silent", blocking },
	{ "blocking-then-calls", "closed", blocking_then_calls },
	{ "level-before", "closed", level_before },
	{ "level-after", "closed", level_after },
	{ "level-out-after", "closed", level_out_after },
	{ "level-none-after", "closed", level_none_after },
	{ "edge-before", "closed", edge_before },
	{ "edge-after", "closed", edge_after },
	{ "edge-out-before", "closed", edge_out_before },
	{ "edge-in-after", "closed", edge_in_after },
	{ "edge-after-v6", "closed6", edge_after },
	{ "edge-after-mapped", "closed-mapped", edge_after },
	{ "edge-after-no-host", "no-host", edge_briefly },
	{ "edge-after-no-host-v6", "no-host6", edge_after },
	{ "edge-after-no-net", "no-net", edge_briefly },
	{ "edge-after-silent", "silent", edge_after },
	{ "oneshot-before", "closed", oneshot_before },
	{ "oneshot-after", "closed", oneshot_after },
	{ "exclusive-before", "closed", exclusive_before },
	{ "exclusive-after", "closed", exclusive_after },
	{ "edge-exclusive-after", "closed", edge_exclusive_after },
	{ "poll", "closed", poll_row },
	{ "poll-v6", "closed6", poll_row },
	{ "poll-no-host", "no-host", poll_briefly },
	{ "poll-no-net", "no-net", poll_briefly },
	{ "error-queue", "no-host", error_queue },
	{ "poll-no-host-v6", "no-host6", poll_row },
	{ "poll-no-events", "closed", poll_no_events },
	{ "select", "closed", select_row },
	{ "other-levels", "closed", other_levels },
	{ "so-error-lengths", "closed", so_error_lengths },
	{ "write-first", "closed", write_first },
	{ "send-first", "closed", send_first },
	{ "read-first", "closed", read_first },
	{ "recv-first", "closed", recv_first },
	{ "recvmsg-first", "closed", recvmsg_first },
	{ "writev-first", "closed", writev_first },
	{ "sendfile-first", "closed", sendfile_first },
	{ "connect-first", "closed", connect_first },
	{ "connect-polling", "closed", connect_polling },
	{ "so-error-polling", "closed", so_error_polling },
	{ "write-polling", "closed", write_polling },
	{ "other-calls", "closed", other_calls },
	{ "unspec-first", "closed", unspec_first },
	{ "dup-sees", "closed", dup_sees },
	{ "child-asks", "closed", child_asks },
	{ "child-waits", "closed", child_waits },
	{ "several", "closed", several },
	{ "read-waiters", "closed", read_waiters },
	{ "in-a-row", "closed", in_a_row },
	{ "keeps-options", "closed", keeps_options },
	{ "peer-says-bye", "bye", peer_says_bye },
};

VICTIM_MAIN(rows)
