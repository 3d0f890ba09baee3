/* SPDX-License-Identifier: MIT */
/*
 * dgramodds.c - datagrams with bad pointers, many vectors, and threads that do not come back
 *
 * The far side echoes. Each row is run directly and through proxies, and has to say the same.
 */
#include <setjmp.h>
#include <sys/mman.h>

#include "tests/victims/dgrams.h"

enum { PAGE = 4096 };

/* Of vectors: too many, and too few. The compiler is not to know. */
static volatile int counts[2] = { 2000, -1 };

/* --- what is not there --------------------------------------------------------------------- */

/* Three of them: none, a small number, and a page that nobody may look at. */
enum { NOWHERES = 3 };

static void *nowhere(int i)
{
	static void *page;

	if (page == NULL)
		page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	return i == 0 ? NULL : i == 1 ? (void *)8 : page;
}

static int sent(const struct far *far)
{
	int fd = datagram(far, 0);

	say_rc("sendto", send_to(fd, far, words, WORDS, 0));
	return fd;
}

static struct msghdr message_of(const struct far *far, struct iovec *iov)
{
	return (struct msghdr){ .msg_name = (void *)&far->address,
				.msg_namelen = far->len,
				.msg_iov = iov,
				.msg_iovlen = 1 };
}

static void say_left(int fd)
{
	say_rc("left", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
}

/* fd stands for a proxied peer, or for nothing yet. */
static void bad_sends(int fd, const struct far *far)
{
	for (int i = 0; i < NOWHERES; i++) {
		void *bad = nowhere(i);
		struct iovec iov = { (void *)words, WORDS };
		struct msghdr message = message_of(far, &iov);
		struct mmsghdr two[2] = { { .msg_hdr = message },
					  { .msg_hdr = message } };

		say("pointer", "%d", i);
		if (i > 0) {
			say_rc("address", sendto(fd, words, WORDS, 0, bad, far->len));
			say_rc("connect", connect(fd, bad, far->len));
			message.msg_name = bad;
			say_rc("name", sendmsg(fd, &message, 0));
		}
		say_rc("message", sendmsg(fd, bad, 0));
		message = message_of(far, bad);
		say_rc("vectors", sendmsg(fd, &message, 0));
		message = message_of(far, &iov);
		iov.iov_base = bad;
		say_rc("data", sendmsg(fd, &message, 0));
		iov.iov_base = (void *)words;
		message.msg_control = bad;
		message.msg_controllen = 64;
		if (i > 0)
			say_rc("control", sendmsg(fd, &message, 0));
		say_rc("messages", sendmmsg(fd, bad, 2, 0));
		two[1].msg_hdr.msg_iov = bad;
		say_rc("second", sendmmsg(fd, two, 2, 0));
		say_rc("writev", writev(fd, bad, 2));
	}
}

static void send_faults(const struct far *far)
{
	struct iovec iov = { (void *)words, WORDS };
	struct msghdr message = message_of(far, &iov);
	int fd = datagram(far, 0);

	bad_sends(fd, far);
	say_rc("none", sendto(fd, words, WORDS, 0, NULL, far->len));
	say_rc("too-long", sendto(fd, words, WORDS, 0, (void *)&far->address, 200));
	say_rc("negative", sendto(fd, words, WORDS, 0, (void *)&far->address,
				  (socklen_t)-1));
	message.msg_namelen = (socklen_t)-1;
	say_rc("negative", sendmsg(fd, &message, 0));
	message = message_of(far, &iov);
	message.msg_iovlen = 2000;
	say_rc("too-many", sendmsg(fd, &message, 0));
	say_rc("dial", dial(fd, far));
	bad_sends(fd, far);
	say_rc("writev", writev(fd, &iov, counts[0]));
	say_rc("writev", writev(fd, &iov, counts[1]));
	say_rc("send", send(fd, words, WORDS, 0));
	for (int i = 0; i < 2 * NOWHERES + 1; i++)
		say_rc("echo", recv(fd, buffer, BUFFER, 0));
	say_left(fd);
}

/* What was received is gone, whatever is wrong with where it was to go. */
static void receive_faults(const struct far *far)
{
	struct sockaddr_storage from;
	struct iovec iov = { buffer, BUFFER };
	struct msghdr message;
	socklen_t len;

	for (int i = 0; i < NOWHERES; i++) {
		struct mmsghdr one;
		void *bad = nowhere(i);
		int fd = sent(far);

		say("pointer", "%d", i);
		say_rc("message", recvmsg(fd, bad, 0));
		message = (struct msghdr){ .msg_iov = bad, .msg_iovlen = 1 };
		say_rc("vectors", recvmsg(fd, &message, 0));
		say_rc("messages", recvmmsg(fd, bad, 1, 0, NULL));
		one.msg_hdr = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
		if (i > 0)
			say_rc("timeout", recvmmsg(fd, &one, 1, 0, bad));
		say_rc("readv", readv(fd, bad, 2));
		one.msg_hdr = message;
		say_rc("second", recvmmsg(fd, &one, 1, 0, NULL));
		say_next("next", far, fd, BUFFER, 0);
		say_left(fd);
		close(fd);

		fd = sent(far);
		say_rc("data", recv(fd, bad, 100, 0));
		say_left(fd);
		close(fd);

		fd = sent(far);
		say_rc("length", recvfrom(fd, buffer, BUFFER, 0, (void *)&from, bad));
		say_left(fd);
		close(fd);
		if (i == 0)
			continue;

		fd = sent(far);
		len = sizeof(from);
		say_rc("name", recvfrom(fd, buffer, BUFFER, 0, bad, &len));
		say_left(fd);
		close(fd);

		fd = sent(far);
		message = (struct msghdr){ .msg_name = bad,
					   .msg_namelen = sizeof(from),
					   .msg_iov = &iov,
					   .msg_iovlen = 1 };
		say_rc("message-name", recvmsg(fd, &message, 0));
		say_left(fd);
		close(fd);
	}
}

static void receive_lengths(const struct far *far)
{
	struct sockaddr_storage from;
	struct iovec iov = { buffer, BUFFER };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 2000 };
	socklen_t len = (socklen_t)-1;
	int fd = sent(far);

	say_rc("too-many", recvmsg(fd, &message, 0));
	say_rc("readv", readv(fd, &iov, counts[0]));
	say_rc("readv", readv(fd, &iov, counts[1]));
	message.msg_iovlen = 1;
	message.msg_name = &from;
	message.msg_namelen = (socklen_t)-1;
	say_rc("negative", recvmsg(fd, &message, 0));
	say_rc("negative", recvfrom(fd, buffer, BUFFER, 0, (void *)&from, &len));
	say_left(fd);
	send_to(fd, far, words, WORDS, 0);
	len = 0;
	say_rc("none", recvfrom(fd, buffer, BUFFER, 0, (void *)&from, &len));
	say("none.len", "%u", len);
	send_to(fd, far, words, WORDS, 0);
	memset(&from, 0, sizeof(from));
	len = 3;
	say_rc("three", recvfrom(fd, buffer, BUFFER, 0, (void *)&from, &len));
	say("three.len", "%u:%d", len, ((char *)&from)[3]);
}

/* --- many vectors ---------------------------------------------------------------------------- */

enum { MOST = 1024 };

static struct iovec pieces[MOST];

/* n vectors of one byte each, and the last one of the rest. */
static struct msghdr in_pieces(char *bytes, size_t len, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pieces[i] = (struct iovec){ bytes + i,
					    i + 1 < n ? 1 : len - n + 1 };
	return (struct msghdr){ .msg_iov = pieces, .msg_iovlen = n };
}

static void many_vectors(const struct far *far)
{
	static const size_t numbers[] = { 15, 16, 17, 18, 100, MOST - 1, MOST };
	static char long_words[2000];
	int fd = connected(far, 0);

	memset(long_words, 'x', sizeof(long_words));
	memcpy(long_words, words, WORDS);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct msghdr message = in_pieces(long_words, sizeof(long_words),
						  numbers[i]);

		say("vectors", "%zu", numbers[i]);
		say_rc("sent", sendmsg(fd, &message, 0));
		message = in_pieces(buffer, 1200, numbers[i]);
		memset(buffer, 0, sizeof(buffer));
		say_rc("peek", recvmsg(fd, &message, MSG_PEEK));
		say("peek", "%x:%d", message.msg_flags,
		    memcmp(buffer, long_words, 1200));
		say_rc("peek-trunc", recvmsg(fd, &message, MSG_PEEK | MSG_TRUNC));
		memset(buffer, 0, sizeof(buffer));
		say_rc("got", recvmsg(fd, &message, 0));
		say("got", "%x:%d:%d", message.msg_flags,
		    memcmp(buffer, long_words, 1200), buffer[1200]);
	}
	say_left(fd);
}

/* --- calls that do not return ------------------------------------------------------------------ */

/* In kilobytes. */
static long mapped(void)
{
	FILE *stream = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (stream == NULL || fscanf(stream, "%ld", &pages) != 1)
		say("statm", "%s", errno_name(errno));
	if (stream != NULL)
		fclose(stream);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

enum how { BY_RECV, BY_VECTORS, BY_RECVMMSG, BY_RECVFROM, HOWS };

struct receiver {
	int fd;
	enum how how;
};

static long receive(const struct receiver *r)
{
	struct msghdr message = in_pieces(buffer, BUFFER, 20);
	struct iovec iov = { buffer, BUFFER };
	struct mmsghdr two[2] = {
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
	};
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);

	switch (r->how) {
	case BY_VECTORS:
		return recvmsg(r->fd, &message, 0);
	case BY_RECVMMSG:
		return recvmmsg(r->fd, two, 2, 0, NULL);
	case BY_RECVFROM:
		return recvfrom(r->fd, buffer, BUFFER, 0, (void *)&from, &len);
	default:
		return recv(r->fd, buffer, BUFFER, 0);
	}
}

/* All that a socket did before, it does afterwards. */
static void say_all_works(int fd, const struct far *far)
{
	struct iovec iov = { (void *)words, WORDS };
	struct mmsghdr two[2] = { { .msg_hdr = message_of(far, &iov) },
				  { .msg_hdr = message_of(far, &iov) } };
	struct msghdr message = in_pieces(buffer, BUFFER, 20);
	struct timeval patience = { .tv_sec = 5 };
	int size = 10;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	say_rc("sendmmsg", sendmmsg(fd, two, 2, 0));
	say_next("next", far, fd, BUFFER, 0);
	say_rc("vectors", recvmsg(fd, &message, 0));
	setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size));
	say_rc("segments", send_to(fd, far, words, WORDS, 0));
	say_rc("recv", recv(fd, buffer, BUFFER, 0));
	say_rc("recv", recv(fd, buffer, BUFFER, 0));
	say_left(fd);
}

/* It has had an association, and now nothing comes. */
static int silent(const struct far *far)
{
	struct timeval none = { 0 };
	int fd = sent(far);

	say_next("next", far, fd, BUFFER, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
	return fd;
}

static void *wait_for_ever(void *arg)
{
	return (void *)receive(arg);
}

enum { TIMES = 40, LEAK_KB = 1024 };

static void cancelled(const struct far *far)
{
	for (int how = 0; how < HOWS; how++) {
		struct receiver r = { silent(far), (enum how)how };
		long before = 0;
		int all = 0;

		for (int i = 0; i < TIMES; i++) {
			pthread_t id = thread(wait_for_ever, &r);
			void *result = NULL;

			sleep_ms(2);
			pthread_cancel(id);
			pthread_join(id, &result);
			all += result == PTHREAD_CANCELED;
			if (i == TIMES / 4)
				before = mapped();
		}
		say("cancelled", "%d", all);
		say("leaked", "%d", mapped() - before > LEAK_KB);
		say_all_works(r.fd, far);
		close(r.fd);
	}
}

static sigjmp_buf back;

static void jump(int number)
{
	siglongjmp(back, number);
}

static void jumped(const struct far *far)
{
	on_signal(SIGALRM, jump, 0);
	for (volatile int how = 0; how < HOWS; how++) {
		struct receiver r = { silent(far), (enum how)how };
		volatile long before = 0;
		volatile int all = 0, i;

		for (i = 0; i < TIMES; i++) {
			if (sigsetjmp(back, 1) == 0) {
				alarm_ms(2, 0);
				receive(&r);
			} else {
				all++;
			}
			if (i == TIMES / 4)
				before = mapped();
		}
		say("jumped", "%d", all);
		say("leaked", "%d", mapped() - before > LEAK_KB);
		say_all_works(r.fd, far);
		close(r.fd);
	}
}

/* --- waits of a known length ------------------------------------------------------------------ */

static int64_t since;

static void begin_wait(void)
{
	since = now_ms();
}

static void waits(const struct far *far)
{
	struct timeval timeout = { .tv_usec = 300000 };
	struct iovec iov[3] = { { buffer, 100 }, { buffer, 100 }, { buffer, 100 } };
	struct mmsghdr three[3] = { 0 };
	struct timespec short_time = { .tv_nsec = 100000000 };
	int fd = silent(far);

	for (int i = 0; i < 3; i++) {
		three[i].msg_hdr.msg_iov = &iov[i];
		three[i].msg_hdr.msg_iovlen = 1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	begin_wait();
	say_rc("recv", recv(fd, buffer, BUFFER, 0));
	say_took("recv", since, 300);
	begin_wait();
	say_rc("recvmmsg", recvmmsg(fd, three, 3, 0, NULL));
	say_took("recvmmsg", since, 300);
	send_to(fd, far, words, WORDS, 0);
	say_poll("one", fd, POLLIN, LONG_MS);
	begin_wait();
	say_rc("one-of-three", recvmmsg(fd, three, 3, 0, NULL));
	say_took("one-of-three", since, 300);
	send_to(fd, far, words, WORDS, 0);
	say_poll("one", fd, POLLIN, LONG_MS);
	say_rc("waitforone", recvmmsg(fd, three, 3, MSG_WAITFORONE, NULL));
	send_to(fd, far, words, WORDS, 0);
	send_to(fd, far, words, WORDS, 0);
	sleep_ms(400);
	say_rc("time-over", recvmmsg(fd, three, 3, 0, &short_time));
	say_rc("dontwait", recvmmsg(fd, three, 3, MSG_DONTWAIT, NULL));

	on_signal(SIGALRM, catch_it, 0);
	alarm_ms(100, 100);
	say_rc("interrupted", recv(fd, buffer, BUFFER, 0));
	alarm_ms(0, 0);
	on_signal(SIGALRM, catch_it, SA_RESTART);
	alarm_ms(100, 100);
	say_rc("timeout-and-restart", recv(fd, buffer, BUFFER, 0));
	alarm_ms(0, 0);
	timeout.tv_usec = 0;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	alarm_ms(50, 50);
	send_to(fd, far, words, WORDS, 0);
	say_rc("restarted", recv(fd, buffer, BUFFER, 0));
	alarm_ms(0, 0);
	on_signal(SIGALRM, catch_it, 0);
	alarm_ms(100, 100);
	say_rc("interrupted", recvmmsg(fd, three, 3, 0, NULL));
	alarm_ms(0, 0);
}

/* A signal ends the wait, whatever is received meanwhile that is nobody's. */
static void alarms(const struct far *far)
{
	enum {
		ALARMS = 15
	};
	struct timeval timeout = { .tv_sec = 1 };
	int fd = silent(far), ended = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	on_signal(SIGALRM, catch_it, 0);
	for (int i = 0; i < ALARMS; i++) {
		alarm_ms(100, 0);
		ended += recv(fd, buffer, BUFFER, 0) < 0 && errno == EINTR;
	}
	say("ended", "%d", ended);
}

/* Shorter than the datagram, which comes in several fragments where a proxy makes them. */
static void short_rooms(const struct far *far)
{
	static const size_t rooms[] = { 0, 1, 10, 300, 2500, 9000 };
	enum { LENGTH = 8000 };
	int fd = sent(far), n;

	say_next("first", far, fd, BUFFER, 0);
	memset(buffer, 'x', LENGTH);
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		struct iovec iov = { buffer, rooms[i] };
		struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
		struct mmsghdr one = { .msg_hdr = message };

		say("room", "%zu", rooms[i]);
		for (int k = 0; k < 4; k++)
			send_to(fd, far, buffer, LENGTH, 0);
		say_poll("poll", fd, POLLIN, LONG_MS);
		sleep_ms(PENDING_MS); /* for the last fragment, too */
		say_rc("ioctl", ioctl(fd, FIONREAD, &n));
		say("fionread", "%d", n);
		say_rc("peek", recvmsg(fd, &message, MSG_PEEK));
		say("peek.flags", "%x", message.msg_flags);
		say_rc("peek-trunc", recv(fd, buffer, rooms[i], MSG_PEEK | MSG_TRUNC));
		say_rc("recv", recv(fd, buffer, rooms[i], 0));
		say_rc("recvmsg", recvmsg(fd, &message, 0));
		say("recvmsg.flags", "%x", message.msg_flags);
		say_rc("trunc", recv(fd, buffer, rooms[i], MSG_TRUNC));
		say_rc("recvmmsg", recvmmsg(fd, &one, 1, 0, NULL));
		say("recvmmsg", "%u:%x", one.msg_len, one.msg_hdr.msg_flags);
		say("data", "%d", strspn(buffer, "x") >= rooms[i]);
	}
	say_left(fd);
}

static const struct row rows[] = {
	{ "send-faults", "echo", send_faults },
	{ "receive-faults", "echo", receive_faults },
	{ "receive-lengths", "echo", receive_lengths },
	{ "many-vectors", "echo", many_vectors },
	{ "cancelled", "echo", cancelled },
	{ "jumped", "echo", jumped },
	{ "waits", "echo", waits },
	{ "alarms", "echo", alarms },
	{ "short-rooms", "echo", short_rooms },
};

VICTIM_MAIN(rows)
