/* SPDX-License-Identifier: MIT */
/* living.c - victim: descriptors and little room, in a program that knows of no guest */
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/victims/victim.h"

/* A close that no library sees. */
static void close_unseen(int fd)
{
#if defined(__x86_64__)
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"((long)SYS_close), "D"((long)fd)
			 : "rcx", "r11", "memory");
#else
	syscall(SYS_close, fd);
#endif
}

/* --- close_range and closefrom ------------------------------------------------ */

static void range_cloexec(const struct far *far)
{
	int up = stream(far, 0), under_way;

	say_rc("connect", dial(up, far));
	under_way = pending(far);
	say_rc("close_range", close_range((unsigned int)up, ~0u,
					  CLOSE_RANGE_CLOEXEC));
	say_rc("flags", fcntl(up, F_GETFD));
	say_rc("flags", fcntl(under_way, F_GETFD));
	say_poll("poll", under_way, POLLOUT, LONG_MS);
	say_works(under_way);
	say_works(up);
}

static void range_unshare(const struct far *far)
{
	int up = stream(far, 0), other = pending(far);

	say_rc("connect", dial(up, far));
	say_rc("close_range", close_range((unsigned int)other,
					  (unsigned int)other,
					  CLOSE_RANGE_UNSHARE));
	say_rc("closed", fcntl(other, F_GETFD));
	say_works(up);
}

static void range_errors(const struct far *far)
{
	int up = stream(far, 0);

	say_rc("connect", dial(up, far));
	say_rc("backwards", close_range((unsigned int)up, 0, 0));
	say_rc("flags", close_range((unsigned int)up, ~0u, 64));
	say_works(up);
}

static void from_pending(const struct far *far)
{
	int low = stream(far, 0), under_way = pending(far), again;

	say_rc("connect", dial(low, far));
	closefrom(low + 1);
	say_rc("closed", fcntl(under_way, F_GETFD));
	again = pending(far);
	say("number", "%s", again == under_way ? "the same" : "another");
	say_poll("poll", again, POLLOUT, LONG_MS);
	say_works(again);
	say_works(low);
}

static void loop_closes(const struct far *far)
{
	int fd;

	pending(far);
	pending(far);
	for (int i = 3; i < 4096; i++)
		close(i);
	fd = stream(far, 0);
	say("number", "%d", fd);
	say_rc("connect", dial(fd, far));
	say_works(fd);
}

/* --- a number that is used anew ------------------------------------------------- */

static void reused_by_pair(const struct far *far)
{
	int fd = pending(far), pair[2];
	char bytes[64];

	close_unseen(fd);
	say_rc("pair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	say("number", "%s", pair[0] == fd ? "the same" : "another");
	say_poll("poll", pair[0], POLLIN | POLLOUT, LONG_MS);
	say_rc("write", write(pair[1], "words", 5));
	say_rc("read", read(pair[0], bytes, sizeof(bytes)));
	say_rc("stray", recv(pair[1], bytes, sizeof(bytes), MSG_DONTWAIT));
	say_so_error("so_error", pair[0]);
}

static void reused_by_accept(const struct far *far)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client, fd, got;
	struct sockaddr_in mine, peer;

	say_rc("bind", bind(listener, (void *)&at, sizeof(at)));
	say_rc("listen", listen(listener, 1));
	getsockname(listener, (void *)&at, &len);
	client = socket(AF_INET, SOCK_STREAM, 0);
	say_rc("dial", connect(client, (void *)&at, sizeof(at)));
	fd = stream(far, 0);
	say_rc("connect", dial(fd, far));
	close_unseen(fd);
	got = accept(listener, NULL, NULL);
	say("number", "%s", got == fd ? "the same" : "another");
	len = sizeof(mine);
	getsockname(client, (void *)&mine, &len);
	len = sizeof(peer);
	say_rc("peer", getpeername(got, (void *)&peer, &len));
	say("peer", "%s", memcmp(&mine, &peer, sizeof(peer)) ? "another" :
							       "the client");
}

static void reused_by_socket(const struct far *far)
{
	int fd = pending(far), again;

	close_unseen(fd);
	again = stream(far, 0);
	say("number", "%s", again == fd ? "the same" : "another");
	say_rc("connect", dial(again, far));
	say_works(again);
}

static void closed_by_stdio(const struct far *far)
{
	int fd = pending(far), again;
	FILE *file = fdopen(fd, "r+");

	say_rc("fclose", fclose(file));
	again = pending(far);
	say("number", "%s", again == fd ? "the same" : "another");
	say_poll("poll", again, POLLOUT, LONG_MS);
	say_works(again);
}

/* --- little room ------------------------------------------------------------------ */

static void *in_small_stack(void *argument)
{
	const struct far *far = argument;
	int ep = epoll_create1(EPOLL_CLOEXEC), fd = stream(far, 0), other;
	struct epoll_event event;
	char byte = 'x';

	if (dial(fd, far) != 0 || write(fd, &byte, 1) != 1 ||
	    read(fd, &byte, 1) != 1 || byte != 'x')
		return "blocking";
	other = stream(far, SOCK_NONBLOCK);
	epoll_change(ep, EPOLL_CTL_ADD, other, EPOLLOUT, 1);
	if (dial(other, far) != -1 || errno != EINPROGRESS ||
	    epoll_wait(ep, &event, 1, LONG_MS) != 1 ||
	    write(other, &byte, 1) != 1)
		return "nonblocking";
	close(fd);
	close(other);
	close(ep);
	return NULL;
}

static void small_stack(const struct far *far)
{
	pthread_attr_t attributes;
	pthread_t id;
	void *bad = NULL;

	pthread_attr_init(&attributes);
	say_rc("size", -pthread_attr_setstacksize(&attributes, 16384));
	if (pthread_create(&id, &attributes, in_small_stack, (void *)far) != 0)
		exit(2);
	pthread_join(id, &bad);
	say("bad", "%s", bad ? (const char *)bad : "nothing");
}

static void few_descriptors(const struct far *far)
{
	struct rlimit limit = { 16, 16 };
	int fds[32], n = 0, fd;

	say_rc("setrlimit", setrlimit(RLIMIT_NOFILE, &limit));
	fd = stream(far, 0);
	say_rc("connect", dial(fd, far));
	while (n < 32 && (fds[n] = stream(far, 0)) >= 0)
		n++;
	say("last", "%d", n > 0 ? fds[n - 1] : -1);
	say_rc("one more", dial(fds[n - 1], far));
	say_works(fds[n - 1]);
	say_works(fd);
}

static long mapped_pages(void)
{
	long size = 0;
	FILE *statm = fopen("/proc/self/statm", "r");

	if (!statm || fscanf(statm, "%ld", &size) != 1)
		exit(2);
	fclose(statm);
	return size;
}

/* No row for each: what is made and closed leaves nothing. */
static void many_opens(const struct far *far)
{
	long before = 0;
	int fd = -1;

	for (int i = 0; i < 100000; i++) {
		fd = socket(far->address.ss_family, SOCK_STREAM, 0);
		if (i % 4 == 0)
			close(dup(fd));
		if (i % 2000 == 0) {
			fcntl(fd, F_SETFL, O_NONBLOCK);
			dial(fd, far);
		}
		if (i % 3 == 0)
			close_unseen(fd);
		else
			close(fd);
		if (i == 10000)
			before = mapped_pages();
	}
	say("number", "%d", fd);
	say("grown", "%s", mapped_pages() - before < 48 ? "no" : "yes");
	fd = stream(far, 0);
	say_rc("connect", dial(fd, far));
	say_works(fd);
}

/* --- clone ------------------------------------------------------------------------ */

static pid_t clone_with(unsigned long flags)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };

	fflush(stdout);
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* A process with memory of its own and the parent's descriptors. */
static void clone_files(const struct far *far)
{
	int up = stream(far, 0), other;
	pid_t pid;

	say_rc("connect", dial(up, far));
	pid = clone_with(CLONE_FILES);
	if (pid == 0) {
		say_works(up);
		other = stream(far, 0);
		say_rc("child.connect", dial(other, far));
		say_works(other);
		close(other);
		fflush(stdout);
		_exit(0);
	}
	child_join("child", pid);
	say_works(up);
	other = stream(far, 0);
	say_rc("connect", dial(other, far));
	say_works(other);
}

static void clone_plain(const struct far *far)
{
	int up = stream(far, 0), other;
	pid_t pid;

	say_rc("connect", dial(up, far));
	pid = clone_with(0);
	if (pid == 0) {
		close(up);
		other = stream(far, 0);
		say_rc("child.connect", dial(other, far));
		say_works(other);
		fflush(stdout);
		_exit(0);
	}
	child_join("child", pid);
	say_works(up);
}

static const struct row rows[] = {
	{ "range-cloexec", "echo", range_cloexec },
	{ "range-unshare", "echo", range_unshare },
	{ "range-errors", "echo", range_errors },
	{ "from-pending", "echo", from_pending },
	{ "loop-closes", "echo", loop_closes },
	{ "reused-by-pair", "echo", reused_by_pair },
	{ "reused-by-accept", "echo", reused_by_accept },
	{ "reused-by-socket", "echo", reused_by_socket },
	{ "closed-by-stdio", "echo", closed_by_stdio },
	{ "small-stack", "echo", small_stack },
	{ "few-descriptors", "echo", few_descriptors },
	{ "many-opens", "echo", many_opens },
	{ "clone-files", "echo", clone_files },
	{ "clone-plain", "echo", clone_plain },
};

VICTIM_MAIN(rows)
