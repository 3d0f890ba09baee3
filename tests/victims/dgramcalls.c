/* SPDX-License-Identifier: MIT */
/*
 * dgramcalls.c - the calls that carry datagrams by their less usual names, flags and shapes
 *
 * The usual ones are in dgrams.c. The far side echoes.
 */
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include "tests/victims/dgrams.h"

#include <linux/errqueue.h> /* which does without its own <time.h> */
#include <linux/net_tstamp.h>
#include <linux/sockios.h>

#ifndef SO_TIMESTAMPING
#define SO_TIMESTAMPING 37
#endif

ssize_t __recv_chk(int fd, void *buf, size_t n, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t size, int flags,
		       struct sockaddr *addr, socklen_t *len);
ssize_t __read_chk(int fd, void *buf, size_t n, size_t size);
ssize_t __send(int fd, const void *buf, size_t n, int flags);
ssize_t __read(int fd, void *buf, size_t n);
ssize_t __write(int fd, const void *buf, size_t n);

static bool is_mapped(const struct far *far)
{
	const struct sockaddr_in6 *six = (const void *)&far->address;

	return far->address.ss_family == AF_INET6 &&
	       IN6_IS_ADDR_V4MAPPED(&six->sin6_addr);
}

/* What is sent comes back whole, and nothing else does. */
static void say_back(const char *key, const struct far *far, int fd, long sent)
{
	char name[64];

	snprintf(name, sizeof(name), "%s.sent", key);
	say_rc(name, sent);
	if (sent < 0)
		return;
	say_next(key, far, fd, BUFFER, 0);
	snprintf(name, sizeof(name), "%s.more", key);
	say_rc(name, recv(fd, buffer, BUFFER, MSG_DONTWAIT));
}

static void say_text(const char *key, long n)
{
	char name[64];

	say_rc(key, n);
	snprintf(name, sizeof(name), "%s.text", key);
	say(name, "%.*s", n < 0 ? 0 : (int)n, buffer);
	memset(buffer, 0, 200);
}

/* --- names --------------------------------------------------------------------------- */

static void fortified(const struct far *far)
{
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);
	int fd = connected(far, 0);
	pid_t pid;

	for (int i = 0; i < 6; i++)
		send(fd, words, WORDS, 0);
	say_text("recv", __recv_chk(fd, buffer, 100, BUFFER, 0));
	say_text("recv-short", __recv_chk(fd, buffer, 5, 5, 0));
	say_text("recvfrom", __recvfrom_chk(fd, buffer, 100, BUFFER, 0,
					    (void *)&from, &len));
	say_source("recvfrom.from", far, &from, len);
	say_text("recvfrom-none",
		 __recvfrom_chk(fd, buffer, 100, 100, 0, NULL, NULL));
	say_text("read", __read_chk(fd, buffer, 100, BUFFER));
	say_text("read-short", __read_chk(fd, buffer, 5, 5));
	for (int call = 0; call < 3; call++) {
		pid = child();
		if (pid == 0) {
			close(STDERR_FILENO);
			if (call == 0)
				__recv_chk(fd, buffer, 100, 99, 0);
			else if (call == 1)
				__recvfrom_chk(fd, buffer, 100, 99, 0, NULL,
					       NULL);
			else
				__read_chk(fd, buffer, 100, 99);
			_exit(0);
		}
		child_join("overflow", pid);
	}
}

static void aliases(const struct far *far)
{
	struct iovec iov = { (void *)words, WORDS };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct mmsghdr many = { .msg_hdr = message };
	int fd = connected(far, 0);

	say_back("__send", far, fd, __send(fd, words, WORDS, 0));
	say_back("__write", far, fd, __write(fd, words, WORDS));
	say_back("sys-sendto", far, fd,
		 syscall(SYS_sendto, fd, words, WORDS, 0, NULL, 0));
	say_back("sys-sendmsg", far, fd, syscall(SYS_sendmsg, fd, &message, 0));
	say_back("sys-sendmmsg", far, fd,
		 syscall(SYS_sendmmsg, fd, &many, 1, 0));
	say_back("sys-write", far, fd, syscall(SYS_write, fd, words, WORDS));
	say_back("sys-writev", far, fd, syscall(SYS_writev, fd, &iov, 1));

	iov = (struct iovec){ buffer, 100 };
	many.msg_hdr = message;
	for (int i = 0; i < 6; i++)
		send(fd, words, WORDS, 0);
	say_text("__read", __read(fd, buffer, 100));
	say_text("sys-recvfrom",
		 syscall(SYS_recvfrom, fd, buffer, 100, 0, NULL, NULL));
	say_text("sys-recvmsg", syscall(SYS_recvmsg, fd, &message, 0));
	say_rc("sys-recvmmsg", syscall(SYS_recvmmsg, fd, &many, 1, 0, NULL));
	say_text("sys-recvmmsg.len", many.msg_len);
	say_text("sys-read", syscall(SYS_read, fd, buffer, 100));
	say_text("sys-readv", syscall(SYS_readv, fd, &iov, 1));
}

/* Calls that have a place in the file, which a socket has not but for "here". */
static void placed(const struct far *far)
{
	struct iovec out[] = { { (void *)words, 4 },
			       { (void *)(words + 4), WORDS - 4 } };
	struct iovec in[] = { { buffer, 4 }, { buffer + 4, 100 } };
	int fd = connected(far, 0);

	say_back("pwritev2", far, fd, pwritev2(fd, out, 2, -1, 0));
	say_back("pwritev64v2", far, fd, pwritev64v2(fd, out, 2, -1, 0));
	say_rc("pwritev2.there", pwritev2(fd, out, 2, 0, 0));
	say_rc("pwrite", pwrite(fd, words, WORDS, 0));
	say_rc("pwritev", pwritev(fd, out, 2, 0));
	say_rc("pwritev2.flags", pwritev2(fd, out, 2, -1, 0x40000000));
	say_rc("none", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
	for (int i = 0; i < 3; i++)
		send(fd, words, WORDS, 0);
	say_poll("in", fd, POLLIN, LONG_MS);
	say_text("preadv2", preadv2(fd, in, 2, -1, 0));
	say_text("preadv64v2", preadv64v2(fd, in, 2, -1, 0));
	say_rc("preadv2.there", preadv2(fd, in, 2, 0, 0));
	say_rc("pread", pread(fd, buffer, 100, 0));
	say_rc("preadv", preadv(fd, in, 2, 0));
	say_text("recv", recv(fd, buffer, 100, 0));
	say_rc("nowait", preadv2(fd, in, 2, -1, RWF_NOWAIT));
	send(fd, words, WORDS, 0);
	say_poll("in", fd, POLLIN, LONG_MS);
	sleep_ms(PENDING_MS); /* noise wakes, too, and comes before the answer */
	say_text("nowait", preadv2(fd, in, 2, -1, RWF_NOWAIT));
}

/* --- shapes -------------------------------------------------------------------------- */

enum { VECTORS = 1026 };

static struct iovec vectors[VECTORS];

/* n vectors over the first so many bytes: of 3, of none, of 1, and so on. */
static size_t shape(int n, char *bytes)
{
	static const size_t lengths[] = { 3, 0, 1, 7, 0, 0, 2 };
	size_t at = 0;

	for (int i = 0; i < n; i++) {
		size_t len = lengths[i % 7];

		vectors[i] = (struct iovec){ len ? bytes + at : NULL, len };
		at += len;
	}
	return at;
}

static void say_pattern(const char *key, size_t n)
{
	size_t good = 0;

	while (good < n && buffer[good] == (char)('a' + good % 23))
		good++;
	say(key, "%zu", good);
}

static void shapes(const struct far *far)
{
	static const int counts[] = { 0,  1,  2,  14,	15,   16,   17,
				      18, 31, 64, 1023, 1024, 1025, -1 };
	static char pattern[8000];
	struct msghdr message = { .msg_iov = vectors };
	int fd = connected(far, 0);
	long n;

	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (char)('a' + i % 23);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		shape(counts[i], pattern);
		message.msg_iovlen = (size_t)counts[i];
		say("count", "%d", counts[i]);
		n = say_rc("sendmsg", sendmsg(fd, &message, 0));
		if (n >= 0) {
			say_rc("back", recv(fd, buffer, BUFFER, 0));
			say_pattern("same", (size_t)n);
		}
		n = say_rc("writev", writev(fd, vectors, counts[i]));
		if (n > 0) {
			say_rc("back", recv(fd, buffer, BUFFER, 0));
			say_pattern("same", (size_t)n);
		}
		shape(counts[i], buffer);
		if (counts[i] > 0 && counts[i] <= 1024) {
			memset(buffer, 0, sizeof(pattern));
			send(fd, pattern, 3000, 0);
			message.msg_flags = 0;
			n = say_rc("recvmsg", recvmsg(fd, &message, 0));
			say("recvmsg.flags", "%x", message.msg_flags);
			say_pattern("same", (size_t)n);
			memset(buffer, 0, sizeof(pattern));
			send(fd, pattern, 3000, 0);
			n = say_rc("readv", readv(fd, vectors, counts[i]));
			say_pattern("same", (size_t)n);
		} else if (counts[i] != 0) {
			say_rc("recvmsg", recvmsg(fd, &message, MSG_DONTWAIT));
			say_rc("readv", readv(fd, vectors, counts[i]));
		}
		say_rc("none", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
	}
}

static void nothing(const struct far *far)
{
	struct iovec iov = { (void *)words, 0 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = connected(far, 0);

	say_back("send", far, fd, send(fd, NULL, 0, 0));
	say_back("sendto", far, fd, send_to(fd, far, NULL, 0, 0));
	say_back("sendmsg", far, fd, sendmsg(fd, &message, 0));
	message.msg_iovlen = 0;
	message.msg_iov = NULL;
	say_back("sendmsg-none", far, fd, sendmsg(fd, &message, 0));
	say_back("write", far, fd, write(fd, words, 0));
	say_rc("writev", writev(fd, &iov, 1));
	say_rc("writev-none", writev(fd, NULL, 0));
	say_rc("none", recv(fd, buffer, BUFFER, MSG_DONTWAIT));

	/* Room for nothing takes a datagram, but in read() and readv(). */
	for (int i = 0; i < 3; i++)
		send(fd, words, WORDS, 0);
	say_poll("in", fd, POLLIN, LONG_MS);
	say_rc("read", read(fd, buffer, 0));
	say_rc("readv", readv(fd, &iov, 1));
	say_rc("readv-none", readv(fd, NULL, 0));
	say_rc("recv", recv(fd, buffer, 0, 0));
	say_rc("recvmsg", recvmsg(fd, &message, 0));
	say("recvmsg.flags", "%x", message.msg_flags);
	say_text("left", recv(fd, buffer, BUFFER, 0));
	say_rc("read-empty", read(fd, buffer, 0));
	say_rc("none", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
	/* An empty datagram is one, to poll and to FIONREAD. */
	send(fd, NULL, 0, 0);
	say_poll("in", fd, POLLIN, LONG_MS);
	{
		int n = -1;

		say_rc("fionread", ioctl(fd, FIONREAD, &n));
		say("fionread.n", "%d", n);
	}
	say_rc("empty", read(fd, buffer, 10));
	say_rc("none", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
}

/* --- flags --------------------------------------------------------------------------- */

static void flags(const struct far *far)
{
	static const int in[] = { MSG_WAITALL, MSG_NOSIGNAL, MSG_CMSG_CLOEXEC,
				  MSG_TRUNC,   MSG_CTRUNC,   MSG_EOR,
				  MSG_OOB };
	static const int out[] = { MSG_CONFIRM, MSG_DONTROUTE, MSG_EOR,
				   MSG_NOSIGNAL, MSG_DONTWAIT, MSG_ERRQUEUE,
				   MSG_PEEK, MSG_WAITALL, MSG_TRUNC };
	struct iovec iov = { buffer, 10 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = connected(far, 0);

	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
		say("flag", "%x", (unsigned int)out[i]);
		say_back("send", far, fd, send(fd, words, WORDS, out[i]));
	}
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		say("flag", "%x", (unsigned int)in[i]);
		send(fd, words, WORDS, 0);
		say_text("recv", recv(fd, buffer, 100, in[i]));
		send(fd, words, WORDS, 0);
		message.msg_flags = -1;
		say_rc("recvmsg", recvmsg(fd, &message, in[i]));
		say("flags", "%x", message.msg_flags);
		say_rc("none", recv(fd, buffer, 100, MSG_DONTWAIT));
	}
}

/* Some part of the datagrams is sent, and the count says so. */
static void partial(const struct far *far)
{
	static char large[66000];
	struct mmsghdr many[5] = { 0 };
	struct iovec iov[5];
	struct sockaddr_in none = { .sin_family = AF_APPLETALK };
	int fd = datagram(far, 0);

	for (int bad = 0; bad < 3; bad++) {
		for (int i = 0; i < 5; i++) {
			iov[i] = (struct iovec){ (void *)words, (size_t)i + 1 };
			many[i].msg_len = 99;
			many[i].msg_hdr = (struct msghdr){
				.msg_name = (void *)&far->address,
				.msg_namelen = far->len,
				.msg_iov = &iov[i],
				.msg_iovlen = 1,
			};
		}
		iov[bad] = (struct iovec){ large, sizeof(large) };
		say_rc("too-long", sendmmsg(fd, many, 5, 0));
		for (int i = 0; i < 5; i++)
			say("len", "%u", i < bad ? many[i].msg_len : 0);
		for (int i = 0; i < bad; i++)
			say_rc("back", recv(fd, buffer, BUFFER, 0));
		iov[bad] = (struct iovec){ (void *)words, 1 };
		many[bad].msg_hdr.msg_name = &none;
		many[bad].msg_hdr.msg_namelen = sizeof(none);
		say_rc("other-family", sendmmsg(fd, many, 5, 0));
		for (int i = 0; i < bad; i++)
			say_rc("back", recv(fd, buffer, BUFFER, 0));
	}
	say_rc("none", sendmmsg(fd, many, 0, 0));
	say_rc("receive-none", recvmmsg(fd, many, 0, MSG_DONTWAIT, NULL));
	say_rc("empty", recvmmsg(fd, many, 5, MSG_DONTWAIT, NULL));
	say_rc("left", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
}

/* More than one system call's worth, some with no name, some truncated. */
static void hundreds(const struct far *far)
{
	enum { MANY = 200 };
	static struct mmsghdr many[MANY];
	static struct iovec iov[MANY];
	static char bytes[MANY][8];
	static struct sockaddr_storage from[MANY];
	unsigned int at = 0, wrong = 0, named = 0, cut = 0;
	int fd = connected(far, 0);

	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(bytes[i], sizeof(bytes[i]), "%u", i);
		iov[i] = (struct iovec){ bytes[i], i % 5 ? 5 : 8 };
		many[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i],
						   .msg_iovlen = 1 };
	}
	for (unsigned int i = 0; i < MANY; i += 50) {
		say_rc("sendmmsg", sendmmsg(fd, many + i, 50, 0));
		sleep_ms(20); /* for who receives them all */
	}
	memset(bytes, 0, sizeof(bytes));
	for (unsigned int i = 0; i < MANY; i++) {
		iov[i].iov_len = 6;
		if (i % 2) {
			many[i].msg_hdr.msg_name = &from[i];
			many[i].msg_hdr.msg_namelen = sizeof(from[i]);
		}
	}
	while (at < MANY) {
		int n = recvmmsg(fd, many + at, MANY - at, 0, NULL);

		if (n <= 0)
			break;
		at += (unsigned int)n;
	}
	for (unsigned int i = 0; i < at; i++) {
		const struct msghdr *m = &many[i].msg_hdr;

		wrong += (unsigned int)atoi(bytes[i]) != i ||
			 many[i].msg_len != (i % 5 ? 5 : 6);
		cut += (m->msg_flags & MSG_TRUNC) != 0;
		named += m->msg_name != NULL && m->msg_namelen == far->len &&
			 memcmp(m->msg_name, &far->address, far->len) == 0;
	}
	say("got", "%u, %u wrong, %u cut, %u named", at, wrong, cut, named);
}

/* --- addresses ----------------------------------------------------------------------- */

static void rooms(const struct far *far)
{
	static const socklen_t lens[] = { 0, 1, 2, 8, 15, 16, 28, 128, 4000 };
	char room[4096];
	struct sockaddr_storage from;
	struct iovec iov = { buffer, BUFFER };
	struct msghdr message;
	int fd = connected(far, 0);

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		socklen_t len = lens[i];
		socklen_t common = len < far->len ? len : far->len;

		say("room", "%u", (unsigned int)len);
		memset(room, 0x5a, sizeof(room));
		send(fd, words, WORDS, 0);
		say_rc("recvfrom", recvfrom(fd, buffer, BUFFER, 0, (void *)room,
					    &len));
		say("len", "%u", (unsigned int)len);
		say("right", "%d",
		    memcmp(room, &far->address, common) == 0 &&
			    room[common] == 0x5a);
		memset(room, 0x5a, sizeof(room));
		message = (struct msghdr){ .msg_name = room,
					   .msg_namelen = lens[i],
					   .msg_iov = &iov,
					   .msg_iovlen = 1 };
		send(fd, words, WORDS, 0);
		say_rc("recvmsg", recvmsg(fd, &message, 0));
		say("len", "%u", (unsigned int)message.msg_namelen);
		say("right", "%d",
		    memcmp(room, &far->address, common) == 0 &&
			    room[common] == 0x5a);
		len = lens[i];
		memset(room, 0x5a, sizeof(room));
		say_rc("getpeername", getpeername(fd, (void *)room, &len));
		say("len", "%u", (unsigned int)len);
		say("right", "%d",
		    memcmp(room, &far->address, common) == 0 &&
			    room[common] == 0x5a);
	}
	send(fd, words, WORDS, 0);
	message = (struct msghdr){ .msg_namelen = 100,
				   .msg_iov = &iov,
				   .msg_iovlen = 1 };
	say_rc("no-name", recvmsg(fd, &message, 0));
	say("no-name.len", "%u", (unsigned int)message.msg_namelen);
	{
		socklen_t minus = (socklen_t)-1;

		say_rc("getpeername-minus",
		       getpeername(fd, (void *)&from, &minus));
	}
}

static void wrong_addresses(const struct far *far)
{
	struct sockaddr_storage to = far->address;
	struct sockaddr_in6 *six = (void *)&to;
	struct sockaddr_in *four = (void *)&to;
	bool is_six = to.ss_family == AF_INET6;
	int fd = datagram(far, 0);

	say_rc("to-nobody", send(fd, words, WORDS, 0));
	say_rc("write-nobody", write(fd, words, WORDS));
	say_rc("sendto-short", sendto(fd, words, WORDS, 0, (void *)&to, 1));
	say_rc("sendto-long", sendto(fd, words, WORDS, 0, (void *)&to,
				     sizeof(to)));
	say_next("long", far, fd, BUFFER, 0);
	say_rc("sendto-longer",
	       sendto(fd, words, WORDS, 0, (void *)&to, sizeof(to) + 1));
	say_rc("connect-short", connect(fd, (void *)&to, 4));
	if (is_six)
		six->sin6_port = 0;
	else
		four->sin_port = 0;
	say_rc("port-0", sendto(fd, words, WORDS, 0, (void *)&to, far->len));
	say_rc("connect-port-0", connect(datagram(far, 0), (void *)&to, far->len));
	to = far->address;
	to.ss_family = AF_UNSPEC;
	say_back("unspec", far, fd,
		 sendto(fd, words, WORDS, 0, (void *)&to, far->len));
	say_rc("connected", dial(fd, far));
	if (!is_six) /* what IPv6 makes of it hangs on the peer's kind */
		say_back("connected-unspec", far, fd,
			 sendto(fd, words, WORDS, 0, (void *)&to, far->len));
	to.ss_family = AF_APPLETALK;
	say_rc("other", sendto(fd, words, WORDS, 0, (void *)&to, far->len));
	say_rc("connect-other", connect(fd, (void *)&to, far->len));
	say_rc("listen", listen(fd, 1));
	say_rc("accept", accept(fd, NULL, NULL));
	say_peer("peer", fd);
}

/* --- control messages ----------------------------------------------------------------- */

/* Addresses and times are not the same twice; numbers are. */
static void say_control(const struct cmsghdr *c)
{
	size_t n = c->cmsg_len - CMSG_LEN(0);
	char key[64];
	int value = 0;

	snprintf(key, sizeof(key), "control.%d.%d", c->cmsg_level, c->cmsg_type);
	if (c->cmsg_level == SOL_SOCKET || n > sizeof(value)) {
		say(key, "%zu bytes", n);
		return;
	}
	memcpy(&value, CMSG_DATA(c), n);
	say(key, "%d in %zu bytes", value, n);
}

static long receive_control(int fd, size_t room, int how)
{
	_Alignas(struct cmsghdr) static char control[512];
	struct iovec iov = { buffer, BUFFER };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = room };
	struct mmsghdr many = { .msg_hdr = message };
	long n = how ? recvmmsg(fd, &many, 1, 0, NULL) :
		       recvmsg(fd, &message, 0);

	if (how) {
		message = many.msg_hdr;
		n = n == 1 ? (long)many.msg_len : n;
	}
	say_rc(how ? "recvmmsg" : "recvmsg", n);
	say("flags", "%x", message.msg_flags);
	if (message.msg_flags & MSG_CTRUNC)
		say("len", "%zu", (size_t)message.msg_controllen);
	else
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c;
		     c = CMSG_NXTHDR(&message, c))
			say_control(c);
	return n;
}

static void say_set(const char *key, int fd, int level, int name, int value)
{
	say_rc(key, setsockopt(fd, level, name, &value, sizeof(value)));
}

static void controls_in(const struct far *far)
{
	bool six = far->address.ss_family == AF_INET6;
	int fd = datagram(far, 0);

	say_set("rxq-ovfl", fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
	if (six) {
		say_set("pktinfo", fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		say_set("hop-limit", fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		say_set("class", fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
		say_set("options", fd, IPPROTO_IPV6, IPV6_RECVHOPOPTS, 1);
		say_set("orig-dst", fd, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, 1);
	} else {
		say_set("pktinfo", fd, IPPROTO_IP, IP_PKTINFO, 1);
		say_set("ttl", fd, IPPROTO_IP, IP_RECVTTL, 1);
		say_set("tos", fd, IPPROTO_IP, IP_RECVTOS, 1);
		say_set("options", fd, IPPROTO_IP, IP_RECVOPTS, 1);
		say_set("ret-options", fd, IPPROTO_IP, IP_RETOPTS, 1);
		say_set("orig-dst", fd, IPPROTO_IP, IP_RECVORIGDSTADDR, 1);
	}
	for (int how = 0; how < 2; how++) {
		send_to(fd, far, words, WORDS, 0);
		receive_control(fd, 512, how);
		send_to(fd, far, words, WORDS, 0);
		receive_control(fd, CMSG_SPACE(sizeof(int)) - 1, how);
		send_to(fd, far, words, WORDS, 0);
		receive_control(fd, 0, how);
	}
	say_set("again", fd, SOL_SOCKET, SO_TIMESTAMP, 1);
	dial(fd, far);
	send(fd, words, WORDS, 0);
	receive_control(fd, 512, 0);
}

static void stamps(const struct far *far)
{
	static const int options[] = { SO_TIMESTAMP, SO_TIMESTAMPNS,
				       SO_TIMESTAMPING };
	int rx = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	struct timespec t;

	for (size_t i = 0; i < 3; i++) {
		int fd = datagram(far, 0);

		say_set("stamp", fd, SOL_SOCKET, options[i],
			options[i] == SO_TIMESTAMPING ? rx : 1);
		/* The kernel begins to stamp a moment after it is asked to. */
		sleep_ms(50);
		send_to(fd, far, words, WORDS, 0);
		receive_control(fd, 512, 0);
		send_to(fd, far, words, WORDS, 0);
		say_text("recv", recv(fd, buffer, BUFFER, 0));
		if (options[i] != SO_TIMESTAMPING)
			continue;
		say_rc("stamp", ioctl(fd, SIOCGSTAMPNS_OLD, &t));
	}
}

/* One control message of an int, or of whatever it is. */
static long send_control(int fd, const struct far *far, int level, int type,
			 const void *value, size_t len)
{
	_Alignas(struct cmsghdr) char control[256] = { 0 };
	struct iovec iov = { (void *)words, WORDS };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_name = (void *)&far->address,
				  .msg_namelen = far->len,
				  .msg_control = control,
				  .msg_controllen = CMSG_SPACE(len) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), value, len);
	return sendmsg(fd, &message, 0);
}

static void controls_out(const struct far *far)
{
	bool six = far->address.ss_family == AF_INET6;
	struct in_pktinfo here = { 0 };
	struct in6_pktinfo here6 = { 0 };
	uint16_t segment = 5;
	int fd = datagram(far, 0);
	int value = 0x2e, zero = 0;

	say_back("plain", far, fd, send_to(fd, far, words, WORDS, 0));
	if (six) {
		say_back("class", far, fd,
			 send_control(fd, far, IPPROTO_IPV6, IPV6_TCLASS,
				      &value, sizeof(value)));
		say_back("hop-limit", far, fd,
			 send_control(fd, far, IPPROTO_IPV6, IPV6_HOPLIMIT,
				      &value, sizeof(value)));
		say_back("dont-frag", far, fd,
			 send_control(fd, far, IPPROTO_IPV6, IPV6_DONTFRAG,
				      &zero, sizeof(zero)));
		if (!is_mapped(far)) /* "any" is not the way to an IPv4 address */
			say_back("pktinfo", far, fd,
				 send_control(fd, far, IPPROTO_IPV6,
					      IPV6_PKTINFO, &here6,
					      sizeof(here6)));
		value = 300;
		if (say_rc("class-wrong",
			   send_control(fd, far, IPPROTO_IPV6, IPV6_TCLASS,
					&value, sizeof(value))) >= 0)
			recv(fd, buffer, BUFFER, 0);
	} else {
		say_back("tos", far, fd,
			 send_control(fd, far, IPPROTO_IP, IP_TOS, &value,
				      sizeof(value)));
		say_back("ttl", far, fd,
			 send_control(fd, far, IPPROTO_IP, IP_TTL, &value,
				      sizeof(value)));
		say_back("pktinfo", far, fd,
			 send_control(fd, far, IPPROTO_IP, IP_PKTINFO, &here,
				      sizeof(here)));
		value = 300;
		say_rc("ttl-wrong", send_control(fd, far, IPPROTO_IP, IP_TTL,
						 &value, sizeof(value)));
		say_rc("ttl-short", send_control(fd, far, IPPROTO_IP, IP_TTL,
						 &value, 1));
	}
	say_rc("segment", send_control(fd, far, IPPROTO_UDP, UDP_SEGMENT,
				       &segment, sizeof(segment)));
	for (int i = 0; i < 4; i++)
		say_rc("piece", recv(fd, buffer, BUFFER, 0));
	say_rc("unknown", send_control(fd, far, SOL_SOCKET, 9999, &value,
				       sizeof(value)));
	say_back("other-level", far, fd,
		 send_control(fd, far, IPPROTO_TCP, 1, &value, sizeof(value)));
}

/* --- where it is ---------------------------------------------------------------------- */

static unsigned int own_port(int fd, bool *any)
{
	struct sockaddr_storage own = { 0 };
	socklen_t len = sizeof(own);
	const struct sockaddr_in6 *six = (void *)&own;
	const struct sockaddr_in *four = (void *)&own;

	getsockname(fd, (void *)&own, &len);
	*any = own.ss_family == AF_INET6 ?
		       IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr) :
		       four->sin_addr.s_addr == 0;
	return ntohs(four->sin_port);
}

static void say_own(const char *key, int fd)
{
	bool any;
	unsigned int port = own_port(fd, &any);

	say(key, "%s, %s", any ? "any" : "one", port ? "a port" : "none");
}

static long bind_to(int fd, const struct far *far, unsigned int port)
{
	struct sockaddr_storage own = { .ss_family = far->address.ss_family };

	((struct sockaddr_in *)&own)->sin_port = htons((uint16_t)port);
	return bind(fd, (void *)&own, far->len);
}

static void names(const struct far *far)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = datagram(far, 0);
	unsigned int port;
	bool any;

	say_own("fresh", fd);
	send_to(fd, far, words, WORDS, 0);
	say_own("sent", fd);
	say_next("1", far, fd, BUFFER, 0);
	port = own_port(fd, &any);
	say_rc("bind-late", bind_to(fd, far, 0));
	dial(fd, far);
	say_own("connected", fd);
	say("same", "%d", own_port(fd, &any) == port);
	send(fd, words, WORDS, 0);
	say_next("2", far, fd, BUFFER, 0);
	connect(fd, &none, sizeof(none));
	say_own("dissolved", fd);

	fd = datagram(far, 0);
	say_rc("bind", bind_to(fd, far, 0));
	say_own("bound", fd);
	port = own_port(fd, &any);
	say_rc("bind-again", bind_to(fd, far, 0));
	send_to(fd, far, words, WORDS, 0);
	say_next("3", far, fd, BUFFER, 0);
	dial(fd, far);
	say_own("connected", fd);
	send(fd, words, WORDS, 0);
	say_next("4", far, fd, BUFFER, 0);
	connect(fd, &none, sizeof(none));
	say_own("dissolved", fd);
	send_to(fd, far, words, WORDS, 0);
	say_next("5", far, fd, BUFFER, 0);
	say("same", "%d", own_port(fd, &any) == port);

	fd = datagram(far, 0);
	say_rc("connect", dial(fd, far));
	say_own("connected", fd);
	port = own_port(fd, &any);
	say_rc("bind", bind_to(fd, far, 0));
	send(fd, words, WORDS, 0);
	say_next("6", far, fd, BUFFER, 0);
	say("same", "%d", own_port(fd, &any) == port);
}

/* Two sockets with one port: whom each is connected to tells them apart. */
static void shared_port(const struct far *far)
{
	static const int options[] = { SO_REUSEADDR, SO_REUSEPORT };

	for (size_t i = 0; i < 2; i++) {
		int a = datagram(far, 0), b = datagram(far, 0);
		unsigned int port;
		bool any;

		say_rc("alone", bind_to(a, far, 0));
		port = own_port(a, &any);
		say_rc("twice", bind_to(b, far, port));
		close(a);
		a = datagram(far, 0);
		say_set("option", a, SOL_SOCKET, options[i], 1);
		say_set("option", b, SOL_SOCKET, options[i], 1);
		say_rc("bind", bind_to(a, far, 0));
		port = own_port(a, &any);
		say_rc("bind", bind_to(b, far, port));
		say_option("option", a, SOL_SOCKET, options[i]);
		/* One is for the far side, the other one for this machine. */
		say_rc("connect", dial(a, far));
		send(a, words, WORDS, 0);
		say_next("a", far, a, BUFFER, 0);
		say_rc("none", recv(b, buffer, BUFFER, MSG_DONTWAIT));
		say("same", "%d", own_port(a, &any) == port &&
					  own_port(b, &any) == port);
		close(a);
		close(b);
	}
}

static void kinds(const struct far *far)
{
	bool six = far->address.ss_family == AF_INET6;
	int fd = datagram(far, 0);

	for (int sent = 0; sent < 3; sent++) {
		say_option("domain", fd, SOL_SOCKET, SO_DOMAIN);
		say_option("type", fd, SOL_SOCKET, SO_TYPE);
		say_option("protocol", fd, SOL_SOCKET, SO_PROTOCOL);
		say_option("listens", fd, SOL_SOCKET, SO_ACCEPTCONN);
		say_option("error", fd, SOL_SOCKET, SO_ERROR);
		say_option("lowat", fd, SOL_SOCKET, SO_RCVLOWAT);
		say_option("broadcast", fd, SOL_SOCKET, SO_BROADCAST);
		say_option("cork", fd, IPPROTO_UDP, UDP_CORK);
		say_option("segment", fd, IPPROTO_UDP, UDP_SEGMENT);
		say_set("tos", fd, six ? IPPROTO_IPV6 : IPPROTO_IP,
			six ? IPV6_TCLASS : IP_TOS, 0x10);
		say_option("tos", fd, six ? IPPROTO_IPV6 : IPPROTO_IP,
			   six ? IPV6_TCLASS : IP_TOS);
		say_set("ttl", fd, six ? IPPROTO_IPV6 : IPPROTO_IP,
			six ? IPV6_UNICAST_HOPS : IP_TTL, 77);
		say_option("ttl", fd, six ? IPPROTO_IPV6 : IPPROTO_IP,
			   six ? IPV6_UNICAST_HOPS : IP_TTL);
		say_set("recverr", fd, six ? IPPROTO_IPV6 : IPPROTO_IP,
			six ? IPV6_RECVERR : IP_RECVERR, 1);
		say_option("recverr", fd, six ? IPPROTO_IPV6 : IPPROTO_IP,
			   six ? IPV6_RECVERR : IP_RECVERR);
		say_set("lowat", fd, SOL_SOCKET, SO_RCVLOWAT, 4000);
		say_set("error", fd, SOL_SOCKET, SO_ERROR, 1);
		say_set("unknown", fd, IPPROTO_UDP, 9999, 1);
		if (sent == 1)
			dial(fd, far);
		say_back("sent", far, fd, send_to(fd, far, words, WORDS, 0));
	}
}

/* --- what the kernel would move by itself ---------------------------------------------- */

static int file_of_words(void)
{
	FILE *file = tmpfile();

	fputs(words, file);
	fflush(file);
	return fileno(file);
}

/* Copied where that is refused, as programs do. */
static void moved(const struct far *far)
{
	int fd = connected(far, 0);
	int file = file_of_words();
	int pipes[2];
	off_t at = 0;
	long n;

	n = sendfile(fd, file, &at, WORDS);
	say("sendfile", "%s", n < 0 ? errno_name(errno) : "sent");
	if (n < 0)
		send(fd, words, WORDS, 0);
	say_next("sendfile.back", far, fd, BUFFER, 0);
	if (pipe(pipes) < 0)
		return;
	say_rc("pipe", write(pipes[1], words, WORDS));
	n = splice(pipes[0], NULL, fd, NULL, WORDS, 0);
	say("splice", "%s", n < 0 ? errno_name(errno) : "sent");
	if (n < 0)
		write(fd, buffer, (size_t)read(pipes[0], buffer, WORDS));
	say_next("splice.back", far, fd, BUFFER, 0);
	send(fd, words, WORDS, 0);
	say_poll("in", fd, POLLIN, LONG_MS);
	n = splice(fd, NULL, pipes[1], NULL, 100, SPLICE_F_NONBLOCK);
	say("splice-in", "%s", n < 0 ? errno_name(errno) : "moved");
	if (n < 0)
		n = write(pipes[1], buffer, (size_t)read(fd, buffer, 100));
	say_text("splice-in", read(pipes[0], buffer, 100));
	say_rc("none", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
}

/* As mtu in dgrams.c, of IPv6. */
static void mtu_six(const struct far *far)
{
	enum { HEADERS = 48 };
	_Alignas(struct cmsghdr) char control[256];
	struct iovec iov = { buffer, BUFFER };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct sock_extended_err error = { 0 };
	int fd = connected(far, 0), room = 0;
	socklen_t len = sizeof(room);
	struct cmsghdr *c;

	if (far->address.ss_family == AF_INET || is_mapped(far))
		return;
	say_set("discover", fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
		IPV6_PMTUDISC_DO);
	say_set("recverr", fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	say_set("dont-frag", fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
	say_back("send", far, fd, send(fd, words, WORDS, 0));
	say_rc("mtu", getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &room, &len));
	room -= HEADERS;
	say("fits", "%d", send(fd, buffer, (size_t)room, 0) == room);
	say("comes", "%d", recv(fd, buffer, BUFFER, 0) == room);
	say_rc("too-long", send(fd, buffer, (size_t)room + 1, 0));
	say_rc("errqueue", recvmsg(fd, &message, MSG_ERRQUEUE));
	c = CMSG_FIRSTHDR(&message);
	if (c != NULL && c->cmsg_type == IPV6_RECVERR)
		memcpy(&error, CMSG_DATA(c), sizeof(error));
	say("error", "%s of %d, %d beside the MTU",
	    errno_name((int)error.ee_errno), error.ee_origin,
	    (int)error.ee_info - room - HEADERS);
	say_so_error("so_error", fd);
	say_back("again", far, fd, send(fd, words, WORDS, 0));
}

/* A program does without where the kernel has it not. */
static void without_copies(const struct far *far)
{
	int fd = connected(far, 0), on = 1;
	long r = setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on));

	say("option", "%s", r < 0 ? errno_name(errno) : "0");
	say_rc("send", send(fd, words, WORDS, r < 0 ? 0 : MSG_ZEROCOPY));
	say_next("back", far, fd, BUFFER, 0);
	say_rc("unasked", send(connected(far, 0), words, WORDS, MSG_ZEROCOPY));
}

/* Where the next look begins, and what a receive does to that. */
static void look_from(const struct far *far)
{
	int fd = connected(far, 0);
	int at = 0;
	bool has = setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &at, sizeof(at)) == 0;

	say("option", "%s", has ? "0" : errno_name(errno));
	send(fd, words, WORDS, 0);
	say_poll("in", fd, POLLIN, LONG_MS);
	for (int i = 0; i < 3; i++) {
		long n = recv(fd, buffer, 4 * (has ? 1u : i + 1u), MSG_PEEK);

		say("peek", "%.4s", n < 4 ? "" : buffer + n - 4);
	}
	say_text("whole", recv(fd, buffer, 100, 0));
	send(fd, words, WORDS, 0);
	say_poll("in", fd, POLLIN, LONG_MS);
	say_text("peek", recv(fd, buffer, 4, MSG_PEEK));
	say_text("whole", recv(fd, buffer, 100, 0));
}

static void counts(const struct far *far)
{
	int fd = connected(far, 0), n = -1, on = 1;

	send(fd, words, WORDS, 0);
	send(fd, words, 4, 0);
	say_poll("in", fd, POLLIN, LONG_MS);
	sleep_ms(SOON_MS);
	say_rc("fionread", ioctl(fd, FIONREAD, &n));
	say("n", "%d", n);
	say_rc("recv", recv(fd, buffer, 2, 0));
	say_rc("siocinq", ioctl(fd, SIOCINQ, &n));
	say("n", "%d", n);
	say_rc("recv", recv(fd, buffer, BUFFER, 0));
	say_rc("fionread", ioctl(fd, FIONREAD, &n));
	say("n", "%d", n);
	say_rc("siocoutq", ioctl(fd, SIOCOUTQ, &n));
	say("n", "%d", n);
	say_rc("fionbio", ioctl(fd, FIONBIO, &on));
	say_rc("recv", recv(fd, buffer, BUFFER, 0));
	say("flags", "%d", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	on = 0;
	say_rc("fionbio", ioctl(fd, FIONBIO, &on));
	send(fd, words, WORDS, 0);
	say_text("recv", recv(fd, buffer, BUFFER, 0));
	say_rc("unknown", ioctl(fd, 0x5499, &n));
}

static const struct row rows[] = {
	{ "fortified", "echo", fortified },
	{ "aliases", "echo", aliases },
	{ "placed", "echo", placed },
	{ "shapes", "echo", shapes },
	{ "nothing", "echo", nothing },
	{ "flags", "echo", flags },
	{ "partial", "echo", partial },
	{ "hundreds", "echo", hundreds },
	{ "rooms", "echo", rooms },
	{ "wrong-addresses", "echo", wrong_addresses },
	{ "controls-in", "echo", controls_in },
	{ "stamps", "echo", stamps },
	{ "controls-out", "echo", controls_out },
	{ "names", "echo", names },
	{ "shared-port", "echo", shared_port },
	{ "kinds", "echo", kinds },
	{ "moved", "echo", moved },
	{ "mtu-six", "echo", mtu_six },
	{ "without-copies", "echo", without_copies },
	{ "look-from", "echo", look_from },
	{ "counts", "echo", counts },
};

VICTIM_MAIN(rows)
