// SPDX-License-Identifier: MIT
/*
 * socks_server.c - a SOCKS5 proxy that is not what a measurement waits for
 *
 * socks_server PORT NAMED-ADDRESS: CONNECT without authentication, on all
 * addresses, by IPv4 address or by name; every name stands for NAMED-ADDRESS.
 * One thread, one epoll, edges only; the bytes go from socket to socket
 * through a pipe and are never copied. It trusts its clients, who are ours:
 * greeting and request are taken to come whole.
 */
#include <signal.h>
#include <sys/epoll.h>

#include "tests/bench/bench.h"

enum { MESSAGE_MAX = 512, PIPE_BYTES = 1 << 20, POOL = 64, EVENTS = 64 };

enum state { GREETING, REQUEST, DIALLING, RELAYING, OVER };

/**
 * struct half - one of the two sockets of a pair, and what it sends on
 * @pair:	the pair; NULL: the listener
 * @other:	the socket that gets what comes from here
 * @pipe:	what came and did not get out yet is in it; [0] < 0: none
 * @held:	bytes in it
 * @ended:	the end of the stream came, and was passed on
 */
struct half {
	struct pair *pair;
	struct half *other;
	int fd;
	int pipe[2];
	size_t held;
	bool ended;
};

struct pair {
	enum state state;
	struct half client;
	struct half server;
	struct pair *next; /* of those to be freed */
};

static int epfd;
static struct in_addr named;

/* --- pipes: a half has one only while something is in it ------------------ */

static int pool[POOL][2];
static int pooled;

static bool pipe_get(int pipe[2])
{
	if (pooled > 0) {
		memcpy(pipe, pool[--pooled], sizeof(pool[0]));
		return true;
	}
	if (pipe2(pipe, O_NONBLOCK | O_CLOEXEC) < 0)
		return false;
	fcntl(pipe[0], F_SETPIPE_SZ, PIPE_BYTES);
	return true;
}

static void pipe_put(struct half *half)
{
	if (half->pipe[0] >= 0 && half->held == 0 && pooled < POOL) {
		memcpy(pool[pooled++], half->pipe, sizeof(pool[0]));
	} else if (half->pipe[0] >= 0) {
		close(half->pipe[0]);
		close(half->pipe[1]);
	}
	half->pipe[0] = -1;
	half->held = 0;
}

/* --- pairs ---------------------------------------------------------------- */

static struct pair *dropped; /* freed when no event can name them any more */

static void watch(struct half *half)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = half,
	};

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, half->fd, &event) < 0)
		die("epoll_ctl");
}

static void drop(struct pair *pair)
{
	if (pair->state == OVER)
		return;
	pair->state = OVER;
	pipe_put(&pair->client);
	pipe_put(&pair->server);
	close(pair->client.fd);
	if (pair->server.fd >= 0)
		close(pair->server.fd);
	pair->next = dropped;
	dropped = pair;
}

static void free_dropped(void)
{
	while (dropped != NULL) {
		struct pair *pair = dropped;

		dropped = pair->next;
		free(pair);
	}
}

static void take_new(int listener)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct pair *pair = calloc(1, sizeof(*pair));

		if (pair == NULL)
			die("out of memory");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		pair->client = (struct half){ .pair = pair, .fd = fd,
					      .other = &pair->server,
					      .pipe = { -1, -1 } };
		pair->server = (struct half){ .pair = pair, .fd = -1,
					      .other = &pair->client,
					      .pipe = { -1, -1 } };
		watch(&pair->client);
	}
}

/* --- the handshake -------------------------------------------------------- */

static bool parse_request(const uint8_t *bytes, ssize_t n,
			  struct sockaddr_in *to)
{
	const uint8_t *port = bytes + 8;

	memset(to, 0, sizeof(*to));
	to->sin_family = AF_INET;
	if (n < 10 || bytes[1] != 1)
		return false;
	if (bytes[3] == 1) {
		memcpy(&to->sin_addr, bytes + 4, 4);
	} else if (bytes[3] == 3 && n == 7 + bytes[4]) {
		to->sin_addr = named;
		port = bytes + 5 + bytes[4];
	} else {
		return false;
	}
	memcpy(&to->sin_port, port, 2);
	return true;
}

static bool dial(struct pair *pair, const struct sockaddr_in *to)
{
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return false;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	pair->server.fd = fd;
	pair->state = DIALLING;
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 &&
	    errno != EINPROGRESS)
		return false;
	watch(&pair->server);
	return true;
}

static bool negotiate(struct pair *pair)
{
	uint8_t bytes[MESSAGE_MAX];
	struct sockaddr_in to;
	ssize_t n = recv(pair->client.fd, bytes, sizeof(bytes), 0);

	if (n < 0)
		return errno == EAGAIN;
	if (n < 3 || bytes[0] != 5)
		return false;
	if (pair->state == GREETING) {
		pair->state = REQUEST;
		return send(pair->client.fd, "\x05\x00", 2, MSG_NOSIGNAL) == 2;
	}
	return parse_request(bytes, n, &to) && dial(pair, &to);
}

static bool dialled(struct pair *pair)
{
	uint8_t reply[10] = { 5, 0, 0, 1 };
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(pair->server.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	reply[1] = error ? 5 : 0;
	pair->state = RELAYING;
	return send(pair->client.fd, reply, sizeof(reply), MSG_NOSIGNAL) ==
		       sizeof(reply) &&
	       error == 0;
}

/* --- the relay ------------------------------------------------------------ */

/* Sends on what is held; false: the pair is over. */
static bool let_out(struct half *half)
{
	while (half->held > 0) {
		ssize_t n = splice(half->pipe[0], NULL, half->other->fd, NULL,
				   half->held,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0)
			return false;
		half->held -= (size_t)n;
	}
	return true;
}

/* As much as goes from half to its other without waiting; false: over. */
static bool relay(struct half *half)
{
	while (!half->ended) {
		ssize_t n;

		if (!let_out(half))
			return false;
		if (half->held > 0)
			return true;
		if (half->pipe[0] < 0 && !pipe_get(half->pipe))
			return false;
		n = splice(half->fd, NULL, half->pipe[1], NULL, PIPE_BYTES,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n < 0 && errno == EAGAIN) {
			pipe_put(half);
			return true;
		}
		if (n < 0)
			return false;
		half->held = (size_t)n;
		if (n == 0) {
			half->ended = true;
			shutdown(half->other->fd, SHUT_WR);
			pipe_put(half);
		}
	}
	return !half->other->ended;
}

static bool advance(struct half *half)
{
	struct pair *pair = half->pair;

	switch (pair->state) {
	case GREETING:
	case REQUEST:
		return negotiate(pair);
	case DIALLING:
		if (half == &pair->client)
			return true;
		return dialled(pair);
	case RELAYING:
		return relay(half) && relay(half->other);
	case OVER:
		return true;
	}
	return false;
}

static void serve(struct half *half)
{
	if (half->pair == NULL)
		take_new(half->fd);
	else if (!advance(half))
		drop(half->pair);
}

int main(int argc, char **argv)
{
	struct half listener = { .pair = NULL };
	struct sockaddr_in any;

	if (argc != 3)
		die("usage: socks_server PORT NAMED-ADDRESS");
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	any = address_of("0.0.0.0", argv[1]);
	named = address_of(argv[2], "0").sin_addr;
	epfd = epoll_create1(0);
	listener.fd = listen_at(&any);
	watch(&listener);
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(epfd, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			serve(events[i].data.ptr);
		free_dropped();
	}
}
