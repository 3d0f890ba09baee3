/* SPDX-License-Identifier: MIT */
/* streams.c - victim: every way for bytes to go in and out of a connection */
#include <sys/sendfile.h>
#include <sys/mman.h>

#include "tests/victims/victim.h"

enum { BIG = 1 << 20 };

static int connected(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("connect", dial(fd, far));
	return fd;
}

/* A sum that tells bytes lost, doubled or out of order. */
static unsigned int sum(const unsigned char *bytes, size_t n)
{
	unsigned int s = 1;

	while (n-- > 0)
		s = s * 31 + *bytes++;
	return s;
}

static void fill(unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)(i * 13 + (i >> 8));
}

/* A file of BIG bytes without a name. */
static int big_file(void)
{
	unsigned char *bytes;
	int file = memfd_create("victim", MFD_CLOEXEC);

	if (ftruncate(file, BIG) < 0)
		exit(2);
	bytes = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	fill(bytes, BIG);
	munmap(bytes, BIG);
	return file;
}

/* Ends our half and reads what the sink says it got. */
static void say_sink(int fd)
{
	say_rc("shutdown", shutdown(fd, SHUT_WR));
	say_line("sink", fd);
	say_rc("end", (long)read_all(fd, (char[1]){ 0 }, 1));
}

/* --- out ------------------------------------------------------------------- */

static void out_write(const struct far *far)
{
	static unsigned char bytes[BIG];
	int fd = connected(far);

	fill(bytes, sizeof(bytes));
	say("sent", "%d", send_all(fd, (char *)bytes, sizeof(bytes)));
	say_sink(fd);
}

static void out_nonblocking(const struct far *far)
{
	static unsigned char bytes[BIG];
	int fd = pending(far);

	fill(bytes, sizeof(bytes));
	say("sent", "%d", send_all(fd, (char *)bytes, sizeof(bytes)));
	say_sink(fd);
}

static void out_writev(const struct far *far)
{
	struct iovec iov[] = { { (char *)"one ", 4 },
			       { (char *)"", 0 },
			       { (char *)"two ", 4 },
			       { (char *)"three", 5 } };
	int fd = connected(far);

	say_rc("writev", writev(fd, iov, 4));
	say_sink(fd);
}

static void out_sendfile(const struct far *far)
{
	int fd = connected(far), file = big_file();
	off_t at = 0;

	while (at < BIG && sendfile(fd, file, &at, BIG - at) > 0)
		;
	say("sent", "%ld", (long)at);
	say_sink(fd);
}

/* sendfile before the connection is there, and after. */
static void out_sendfile_pending(const struct far *far)
{
	int fd = pending(far), file = big_file();
	off_t at = 0;

	say_rc("pending", sendfile(fd, file, &at, 100));
	say("at", "%ld", (long)at);
	while (at < BIG) {
		if (!ready(fd, POLLOUT) || sendfile(fd, file, &at, BIG) < 0)
			break;
	}
	say("sent", "%ld", (long)at);
	set_nonblocking(fd, false);
	say_sink(fd);
}

static void out_splice(const struct far *far)
{
	int fd = connected(far), file = big_file(), pipes[2];
	loff_t at = 0;
	long total = 0, n, m;

	if (pipe(pipes) < 0)
		return;
	while ((n = splice(file, &at, pipes[1], NULL, 65536, 0)) > 0) {
		while (n > 0 && (m = splice(pipes[0], NULL, fd, NULL, n,
					    SPLICE_F_MORE)) > 0) {
			n -= m;
			total += m;
		}
	}
	say("sent", "%ld", total);
	say_sink(fd);
}

static void out_splice_pending(const struct far *far)
{
	int fd = pending(far), pipes[2];

	if (pipe(pipes) < 0)
		return;
	say_rc("write", write(pipes[1], "spliced", 7));
	say_rc("pending",
	       splice(pipes[0], NULL, fd, NULL, 7, SPLICE_F_NONBLOCK));
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_rc("splice", splice(pipes[0], NULL, fd, NULL, 7, 0));
	set_nonblocking(fd, false);
	say_sink(fd);
}

static void out_stdio(const struct far *far)
{
	int fd = connected(far), rc;
	FILE *file = fdopen(fd, "r+");
	char line[TEXT_MAX] = "";

	setvbuf(file, NULL, _IOFBF, 4096);
	rc = 0;
	for (int i = 0; i < 5000; i++)
		rc += fprintf(file, "%d green bottles\n", i);
	say("written", "%d", rc);
	say_rc("flush", fflush(file));
	say_rc("shutdown", shutdown(fd, SHUT_WR));
	say("line", "%s", fgets(line, sizeof(line), file) ? line : "(none)");
	say("end", "%d", fgetc(file) == EOF && feof(file));
	say_rc("close", fclose(file));
	say_rc("closed", fcntl(fd, F_GETFD));
}

static void out_messages(const struct far *far)
{
	struct iovec iov[4] = { { (char *)"a", 1 },
				{ (char *)"bc", 2 },
				{ (char *)"def", 3 },
				{ (char *)"ghij", 4 } };
	struct mmsghdr msgs[2] = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 4 };
	int fd = connected(far);

	for (int i = 0; i < 2; i++) {
		msgs[i].msg_hdr.msg_iov = iov + 2 * i;
		msgs[i].msg_hdr.msg_iovlen = 2;
	}
	say_rc("sendmsg", sendmsg(fd, &msg, MSG_NOSIGNAL));
	say_rc("sendmmsg", sendmmsg(fd, msgs, 2, MSG_NOSIGNAL));
	say("lengths", "%u %u", msgs[0].msg_len, msgs[1].msg_len);
	say_rc("more", send(fd, "k", 1, MSG_MORE));
	say_sink(fd);
}

static void out_zerocopy(const struct far *far)
{
	static unsigned char bytes[65536];
	int fd = connected(far), one = 1;

	fill(bytes, sizeof(bytes));
	say_rc("option",
	       setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)));
	say_rc("send", send(fd, bytes, sizeof(bytes), MSG_ZEROCOPY));
	say_sink(fd);
}

/* --- in -------------------------------------------------------------------- */

static void say_got(const unsigned char *bytes, size_t n)
{
	say("got", "%zu %08x", n, sum(bytes, n));
}

static void in_read(const struct far *far)
{
	static unsigned char bytes[BIG + 1];
	int fd = connected(far);

	say_got(bytes, read_all(fd, (char *)bytes, sizeof(bytes)));
	say_rc("end", read(fd, bytes, 1));
}

static void in_nonblocking(const struct far *far)
{
	static unsigned char bytes[BIG + 1];
	int fd = pending(far);

	say_got(bytes, read_all(fd, (char *)bytes, sizeof(bytes)));
}

static void in_waitall(const struct far *far)
{
	static unsigned char bytes[BIG];
	int fd = connected(far);

	say_rc("recv", recv(fd, bytes, BIG, MSG_WAITALL));
	say_got(bytes, BIG);
	say_rc("end", recv(fd, bytes, 1, MSG_WAITALL));
}

static void in_splice(const struct far *far)
{
	static unsigned char bytes[BIG];
	int fd = connected(far), file = memfd_create("victim", 0), pipes[2];
	loff_t at = 0;
	long n, m;

	if (pipe(pipes) < 0)
		return;
	while ((n = splice(fd, NULL, pipes[1], NULL, 65536, 0)) > 0) {
		while (n > 0 &&
		       (m = splice(pipes[0], NULL, file, &at, n, 0)) > 0)
			n -= m;
	}
	say_rc("read", pread(file, bytes, BIG, 0));
	say_got(bytes, BIG);
}

static void in_readv(const struct far *far)
{
	char one[7] = "", two[3] = "", three[32] = "";
	struct iovec iov[] = { { one, 6 }, { two, 2 }, { three, 31 } };
	int fd = connected(far);

	say_poll("ready", fd, POLLIN, LONG_MS);
	say_rc("readv", readv(fd, iov, 3));
	say("pieces", "%s|%s|%.7s", one, two, three);
	say_works(fd);
}

static void in_stdio(const struct far *far)
{
	int fd = connected(far);
	FILE *file = fdopen(fd, "r+");
	char line[TEXT_MAX] = "";

	say("line", "%.15s",
	    fgets(line, sizeof(line), file) ? line : "(none)");
	say("written", "%d", fprintf(file, "hello stdio\n"));
	say_rc("flush", fflush(file));
	say("line", "%.11s",
	    fgets(line, sizeof(line), file) ? line : "(none)");
	say_rc("close", fclose(file));
}

static void in_peek(const struct far *far)
{
	char bytes[32] = "";
	int fd = connected(far), n = -1;

	say_poll("ready", fd, POLLIN, LONG_MS);
	say_rc("peek", recv(fd, bytes, 6, MSG_PEEK));
	say_rc("fionread", ioctl(fd, FIONREAD, &n));
	say("count", "%d", n);
	say_rc("trunc", recv(fd, NULL, 7, MSG_TRUNC));
	say_line("rest", fd);
	say_works(fd);
}

static void in_messages(const struct far *far)
{
	char one[8] = "", two[32] = "", control[64];
	struct iovec iov[] = { { one, 7 }, { two, 31 } };
	struct sockaddr_storage name = { .ss_family = 0x7777 };
	struct msghdr msg = { .msg_name = &name,
			      .msg_namelen = sizeof(name),
			      .msg_iov = iov,
			      .msg_iovlen = 2,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct mmsghdr msgs[2] = { { .msg_hdr = { .msg_iov = iov,
						  .msg_iovlen = 1 } },
				   { .msg_hdr = { .msg_iov = iov + 1,
						  .msg_iovlen = 1 } } };
	int fd = connected(far);

	say_poll("ready", fd, POLLIN, LONG_MS);
	say_rc("recvmsg", recvmsg(fd, &msg, 0));
	say("pieces", "%s|%.8s", one, two);
	say("message", "%u %zu 0x%x", msg.msg_namelen, msg.msg_controllen,
	    (unsigned int)msg.msg_flags);
	say_rc("write", write(fd, "abcdefg12", 9));
	say_poll("ready", fd, POLLIN, LONG_MS);
	say_rc("recvmmsg", recvmmsg(fd, msgs, 2, MSG_WAITFORONE, NULL));
	say("lengths", "%u %u", msgs[0].msg_len, msgs[1].msg_len);
	say_works(fd);
}

/* A stream's recvfrom gives no address. */
static void in_recvfrom(const struct far *far)
{
	struct sockaddr_storage name = { .ss_family = 0x7777 };
	socklen_t len = sizeof(name);
	char bytes[32];
	int fd = connected(far);

	say_poll("ready", fd, POLLIN, LONG_MS);
	say_rc("recvfrom",
	       recvfrom(fd, bytes, sizeof(bytes), 0, (void *)&name, &len));
	say("name", "%u 0x%x", (unsigned int)len, name.ss_family);
	say_works(fd);
}

/* A banner that comes with the connection is whole for each kind of waiter. */
static void banner_epoll(const struct far *far)
{
	int ep = epoll_create1(0), fd = pending(far);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 1);
	say_epoll("ready", ep, LONG_MS);
	say_line("line", fd);
	say_works(fd);
}

static void banner_asleep(const struct far *far)
{
	int64_t end = now_ms() + LONG_MS;
	int fd = connected(far), n = 0, rc = 0;

	while (rc == 0 && n == 0 && now_ms() < end) {
		sleep_ms(PENDING_MS);
		rc = ioctl(fd, FIONREAD, &n);
	}
	say_rc("fionread", rc);
	say("count", "%d", n);
	say_line("line", fd);
	say_works(fd);
}

/* --- what calls say while the connect pends -------------------------------- */

static void pending_calls(const struct far *far)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct mmsghdr mmsg = { .msg_hdr = msg };
	int fd = pending(far), n = -1;

	say_rc("write", write(fd, "x", 1));
	say_rc("writev", writev(fd, &iov, 1));
	say_rc("send", send(fd, "x", 1, 0));
	say_rc("send none", send(fd, "x", 0, 0));
	say_rc("sendto", sendto(fd, "x", 1, 0, NULL, 0));
	say_rc("sendmsg", sendmsg(fd, &msg, 0));
	say_rc("sendmmsg", sendmmsg(fd, &mmsg, 1, 0));
	say_rc("send oob", send(fd, "x", 1, MSG_OOB));
	say_rc("read", read(fd, &byte, 1));
	say_rc("readv", readv(fd, &iov, 1));
	say_rc("recv", recv(fd, &byte, 1, 0));
	say_rc("recv peek", recv(fd, &byte, 1, MSG_PEEK));
	say_rc("recvfrom", recvfrom(fd, &byte, 1, 0, NULL, NULL));
	say_rc("recvmsg", recvmsg(fd, &msg, 0));
	say_rc("recvmmsg", recvmmsg(fd, &mmsg, 1, 0, NULL));
	say_rc("fionread", ioctl(fd, FIONREAD, &n));
	say("count", "%d", n);
	say_rc("outq", ioctl(fd, TIOCOUTQ, &n));
	say("count", "%d", n);
	say_rc("listen", listen(fd, 1));
	say_rc("accept", accept(fd, NULL, NULL));
	say_so_error("so_error", fd);
	say_peer("peer", fd);
	say_poll("ready", fd, POLLOUT, LONG_MS);
	say_works(fd);
}

/* Half a connection is closed: the other half goes on. */
static void half_closed(const struct far *far)
{
	char back[8] = "";
	int fd = connected(far);

	say_rc("write", write(fd, "before", 6));
	say_rc("shutdown", shutdown(fd, SHUT_WR));
	say_rc("write", write(fd, "after", 5));
	say_rc("read", (long)read_all(fd, back, 6));
	say("back", "%s", back);
	say_rc("end", read(fd, back, 1));
	say_poll("poll", fd, POLLIN | POLLRDHUP, LONG_MS);
	say_peer("peer", fd);
}

/* A child gets the connection over exec's way: by number, with nothing known. */
static void after_exec(const struct far *far)
{
	char command[64];
	int fd = connected(far);
	pid_t pid;

	snprintf(command, sizeof(command),
		 "echo by a shell >&%d; head -n 1 <&%d", fd, fd);
	pid = child();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	child_join("shell", pid);
	say_works(fd);
}

/* The connect pends over the exec; the new program waits by writing. */
static void pending_over_exec(const struct far *far)
{
	char command[96];
	int fd = pending(far);
	pid_t pid;

	set_nonblocking(fd, false);
	snprintf(command, sizeof(command),
		 "echo by a shell >&%d; head -n 1 <&%d", fd, fd);
	pid = child();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	child_join("shell", pid);
	say_works(fd);
}

static const struct row rows[] = {
	{ "out-write", "sink", out_write },
	{ "out-nonblocking", "sink", out_nonblocking },
	{ "out-writev", "sink", out_writev },
	{ "out-sendfile", "sink", out_sendfile },
	{ "out-sendfile-pending", "sink", out_sendfile_pending },
	{ "out-splice", "sink", out_splice },
	{ "out-splice-pending", "sink", out_splice_pending },
	{ "out-stdio", "sink", out_stdio },
	{ "out-messages", "sink", out_messages },
	{ "out-zerocopy", "sink", out_zerocopy },
	{ "in-read", "source", in_read },
	{ "in-nonblocking", "source", in_nonblocking },
	{ "in-waitall", "source", in_waitall },
	{ "in-splice", "source", in_splice },
	{ "in-readv", "banner", in_readv },
	{ "in-stdio", "banner", in_stdio },
	{ "in-peek", "banner", in_peek },
	{ "in-messages", "banner", in_messages },
	{ "in-recvfrom", "banner", in_recvfrom },
	{ "banner-epoll", "banner", banner_epoll },
	{ "banner-asleep", "banner", banner_asleep },
	{ "pending-calls", "echo", pending_calls },
	{ "half-closed", "echo", half_closed },
	{ "after-exec", "echo", after_exec },
	{ "pending-over-exec", "echo", pending_over_exec },
};

VICTIM_MAIN(rows)
