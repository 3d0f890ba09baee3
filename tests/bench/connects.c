// SPDX-License-Identifier: MIT
/*
 * connects.c - many nonblocking connects at once, then a byte there and back
 *
 * connects [-d epoll|poll|select] [-n COUNT] [-g MICROSECONDS] [-b]
 *	[-s PROXY:PORT] ADDRESS PORT
 *
 * Begins COUNT connects, all at once or with a gap of -g between two, waits for
 * them by the means of -d, sends a byte on each as soon as it is connected, and
 * closes it when the byte is back. -b: the socket is registered before
 * connect(), not after EINPROGRESS. With -s the program is itself a SOCKS5
 * client; without, it knows of no proxy. Prints the nanoseconds from the first
 * socket() to the last close(): by the clock, of this process.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "tests/bench/bench.h"
#include "tests/bench/native.h"

enum { COUNT_MAX = 1000, LIMIT_MS = 20000 };

enum flow_state { FLOW_CONNECTING, FLOW_NEGOTIATING, FLOW_ECHOING, FLOW_OVER };

/**
 * struct flow - one connection
 * @events:	POLLIN or POLLOUT, whichever it waits for; 0: it is over
 */
struct flow {
	int fd;
	short events;
	enum flow_state state;
	enum native_state native;
};

/**
 * struct driver - a way of waiting
 * @add:	waits for the flow from now on
 * @change:	for other events than before, or for none: before it is closed
 * @wait:	calls advance() for what is ready; a limit in milliseconds
 */
struct driver {
	const char *name;
	void (*add)(struct flow *flow);
	void (*change)(struct flow *flow);
	void (*wait)(int limit_ms);
};

static struct flow flows[COUNT_MAX];
static int count = 200;
static int begun;
static int left;
static int64_t gap_ns;
static bool is_native;
static struct native_request request;
static const struct driver *driver;

static void send_byte(struct flow *flow)
{
	char byte = (char)(flow - flows);

	if (send(flow->fd, &byte, 1, MSG_NOSIGNAL) != 1)
		die("a byte was not sent");
	flow->state = FLOW_ECHOING;
	flow->events = POLLIN;
}

static void connected(struct flow *flow)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(flow->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	errno = error;
	if (error != 0)
		die("a connect failed");
	if (!is_native) {
		send_byte(flow);
		return;
	}
	native_greet(flow->fd);
	flow->native = NATIVE_METHOD;
	flow->state = FLOW_NEGOTIATING;
	flow->events = POLLIN;
}

static void echoed(struct flow *flow)
{
	char byte;

	if (recv(flow->fd, &byte, 1, 0) != 1 || byte != (char)(flow - flows))
		die("another byte came back");
	flow->state = FLOW_OVER;
	flow->events = 0;
}

static void advance(struct flow *flow)
{
	short before = flow->events;

	switch (flow->state) {
	case FLOW_CONNECTING:
		connected(flow);
		break;
	case FLOW_NEGOTIATING:
		flow->native = native_step(flow->fd, flow->native, &request);
		if (flow->native == NATIVE_DONE)
			send_byte(flow);
		break;
	case FLOW_ECHOING:
		echoed(flow);
		break;
	case FLOW_OVER:
		die("what is over was ready");
	}
	if (flow->events != before)
		driver->change(flow);
	if (flow->events == 0) {
		close(flow->fd);
		left--;
	}
}

/* --- epoll ---------------------------------------------------------------- */

static int epfd = -1;

static void epoll_set(int op, struct flow *flow)
{
	struct epoll_event event = { .data.ptr = flow };

	event.events = flow->events == POLLIN ? EPOLLIN : EPOLLOUT;
	if (epoll_ctl(epfd, op, flow->fd, &event) < 0)
		die("epoll_ctl");
}

static void epoll_add(struct flow *flow)
{
	if (epfd < 0)
		epfd = epoll_create1(EPOLL_CLOEXEC);
	epoll_set(EPOLL_CTL_ADD, flow);
}

static void epoll_change(struct flow *flow)
{
	epoll_set(flow->events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL, flow);
}

static void epoll_once(int limit_ms)
{
	struct epoll_event events[64];
	int n = epoll_wait(epfd, events, 64, limit_ms);

	if (n < 0)
		die("epoll_wait gave %d", n);
	for (int i = 0; i < n; i++)
		advance(events[i].data.ptr);
}

/* --- poll ----------------------------------------------------------------- */

static struct pollfd polled[COUNT_MAX];

static void poll_set(struct flow *flow)
{
	struct pollfd *entry = &polled[flow - flows];

	entry->fd = flow->events ? flow->fd : -1;
	entry->events = flow->events;
}

static void poll_once(int limit_ms)
{
	int n = poll(polled, (nfds_t)begun, limit_ms);

	if (n < 0)
		die("poll gave %d", n);
	for (int i = 0; i < begun; i++)
		if (polled[i].revents != 0)
			advance(&flows[i]);
}

/* --- select --------------------------------------------------------------- */

static fd_set want_in, want_out;
static int fd_end;

static void select_set(struct flow *flow)
{
	FD_CLR(flow->fd, &want_in);
	FD_CLR(flow->fd, &want_out);
	if (flow->events)
		FD_SET(flow->fd, flow->events == POLLIN ? &want_in : &want_out);
	if (flow->fd >= fd_end)
		fd_end = flow->fd + 1;
}

static void select_once(int limit_ms)
{
	struct timeval timeout = { .tv_sec = limit_ms / 1000,
				   .tv_usec = limit_ms % 1000 * 1000 };
	fd_set in = want_in, out = want_out;
	int n = select(fd_end, &in, &out, NULL, &timeout);

	if (n < 0)
		die("select gave %d", n);
	for (int i = 0; i < begun; i++)
		if (flows[i].events != 0 && (FD_ISSET(flows[i].fd, &in) ||
					     FD_ISSET(flows[i].fd, &out)))
			advance(&flows[i]);
}

static const struct driver drivers[] = {
	{ "epoll", epoll_add, epoll_change, epoll_once },
	{ "poll", poll_set, poll_set, poll_once },
	{ "select", select_set, select_set, select_once },
};

static const struct driver *driver_named(const char *name)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(drivers[i].name, name) == 0)
			return &drivers[i];
	die("no driver %s", name);
}

static void begin(struct flow *flow, const struct sockaddr_in *to, bool before)
{
	flow->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	flow->events = POLLOUT;
	if (flow->fd < 0 || flow->fd >= FD_SETSIZE)
		die("socket gave %d", flow->fd);
	if (before)
		driver->add(flow);
	if (connect(flow->fd, (const struct sockaddr *)to, sizeof(*to)) == 0 ||
	    errno != EINPROGRESS)
		die("connect did not answer EINPROGRESS");
	if (!before)
		driver->add(flow);
}

/* Begins those that are due; the milliseconds until the next one is. */
static int begin_due(int64_t start, const struct sockaddr_in *to, bool before)
{
	while (begun < count && wall_ns() >= start + begun * gap_ns)
		begin(&flows[begun++], to, before);
	if (begun == count)
		return LIMIT_MS;
	return (int)((start + begun * gap_ns - wall_ns()) / 1000000) + 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to, proxy;
	int64_t wall, cpu;
	bool before = false;
	int option;

	driver = &drivers[0];
	while ((option = getopt(argc, argv, "d:n:g:bs:")) != -1) {
		if (option == 'd')
			driver = driver_named(optarg);
		else if (option == 'n')
			count = atoi(optarg);
		else if (option == 'g')
			gap_ns = atoi(optarg) * 1000ll;
		else if (option == 'b')
			before = true;
		else if (option == 's')
			is_native = (proxy = address_of_pair(optarg), true);
		else
			return 1;
	}
	if (argc - optind != 2 || count < 1 || count > COUNT_MAX)
		die("usage: connects [OPTION...] ADDRESS PORT");
	to = address_of(argv[optind], argv[optind + 1]);
	native_by_address(&request, &to);
	left = count;
	wall = wall_ns();
	cpu = cpu_ns();
	while (left > 0) {
		int limit_ms =
			begin_due(wall, is_native ? &proxy : &to, before);

		if (wall_ns() > wall + LIMIT_MS * 1000000ll)
			die("%d connections are not over", left);
		driver->wait(limit_ms);
	}
	printf("%lld %lld\n", (long long)(wall_ns() - wall),
	       (long long)(cpu_ns() - cpu));
	return 0;
}
