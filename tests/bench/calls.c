// SPDX-License-Identifier: MIT
/*
 * calls.c - what single calls on a pipe cost
 *
 * Prints nanoseconds per call of read, write, close, poll, epoll_wait and
 * select, one line "NAME NS" each: the least of many batches, since a
 * disturbance only ever adds.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>

#include "core/sys.h"
#include "tests/bench/bench.h"

enum { BATCHES = 400, CALLS = 250 };

static int ends[2];
static int epfd;
static int copies[CALLS];

static void fill(void)
{
	char bytes[CALLS] = "";

	if (write(ends[1], bytes, CALLS) != CALLS)
		die("write");
}

static void drain(void)
{
	char bytes[CALLS];

	if (read(ends[0], bytes, CALLS) != CALLS)
		die("read");
}

static void nothing(void)
{
}

/* Past whatever stands before libc's dup. */
static void make_copies(void)
{
	for (int i = 0; i < CALLS; i++)
		copies[i] = (int)sys1(SYS_dup, ends[0]);
}

static bool call_read(int i)
{
	char byte;

	(void)i;
	return read(ends[0], &byte, 1) == 1;
}

static bool call_write(int i)
{
	(void)i;
	return write(ends[1], "", 1) == 1;
}

static bool call_close(int i)
{
	return close(copies[i]) == 0;
}

static bool call_poll(int i)
{
	struct pollfd entry = { .fd = ends[1], .events = POLLOUT };

	(void)i;
	return poll(&entry, 1, 0) == 1;
}

static bool call_epoll_wait(int i)
{
	struct epoll_event event;

	(void)i;
	return epoll_wait(epfd, &event, 1, 0) == 1;
}

static bool call_select(int i)
{
	struct timeval none = { 0 };
	fd_set out;

	(void)i;
	FD_ZERO(&out);
	FD_SET(ends[1], &out);
	return select(ends[1] + 1, NULL, &out, NULL, &none) == 1;
}

static const struct {
	const char *name;
	void (*before)(void);
	bool (*call)(int i);
	void (*after)(void);
} rows[] = {
	{ "read", fill, call_read, nothing },
	{ "write", nothing, call_write, drain },
	{ "close", make_copies, call_close, nothing },
	{ "poll", nothing, call_poll, nothing },
	{ "epoll_wait", nothing, call_epoll_wait, nothing },
	{ "select", nothing, call_select, nothing },
};

static int64_t batch(size_t row)
{
	int64_t start, taken;

	rows[row].before();
	start = wall_ns();
	for (int i = 0; i < CALLS; i++)
		if (!rows[row].call(i))
			die("%s failed", rows[row].name);
	taken = wall_ns() - start;
	rows[row].after();
	return taken;
}

int main(void)
{
	struct epoll_event event = { .events = EPOLLOUT };

	if (pipe(ends) < 0 || (epfd = epoll_create1(0)) < 0 ||
	    epoll_ctl(epfd, EPOLL_CTL_ADD, ends[1], &event) < 0)
		die("cannot make a pipe and an epoll");
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		int64_t least = INT64_MAX;

		for (int i = 0; i < BATCHES; i++) {
			int64_t taken = batch(row);

			least = taken < least ? taken : least;
		}
		printf("%s %.1f\n", rows[row].name, (double)least / CALLS);
	}
	return 0;
}
