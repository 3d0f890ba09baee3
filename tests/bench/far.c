// SPDX-License-Identifier: MIT
/*
 * far.c - the far side: an echo, and as many bytes as one asks for
 *
 * far ECHO-PORT SOURCE-PORT, on all addresses, one thread. The echo gives back
 * what comes. The source answers "GET /N HTTP/1.0" with N bytes and the end of
 * the stream, out of a file in memory, so that it is never what a download
 * waits for.
 */
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "tests/bench/bench.h"

enum { ECHO_MAX = 4096, HEAD_MAX = 1024, SOURCE_FILE = 1 << 20 };

enum role { LISTEN_ECHO, LISTEN_SOURCE, ECHO, SOURCE };

/**
 * struct peer - one descriptor
 * @left:	bytes of a source that were not sent yet; -1: not asked yet
 */
struct peer {
	int fd;
	enum role role;
	long long left;
};

static int epfd;
static int file;

static void watch(int op, struct peer *peer, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = peer };

	if (epoll_ctl(epfd, op, peer->fd, &event) < 0)
		die("epoll_ctl");
}

static void add(int fd, enum role role)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL)
		die("out of memory");
	peer->fd = fd;
	peer->role = role;
	peer->left = -1;
	watch(EPOLL_CTL_ADD, peer, EPOLLIN);
}

static void drop(struct peer *peer)
{
	close(peer->fd);
	free(peer);
}

static void take_new(const struct peer *listener)
{
	int fd, one = 1;

	while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		add(fd, listener->role == LISTEN_ECHO ? ECHO : SOURCE);
	}
}

static void echo(struct peer *peer)
{
	char bytes[ECHO_MAX];
	ssize_t n = recv(peer->fd, bytes, sizeof(bytes), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || send(peer->fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
		drop(peer);
}

/* The head is small and the first thing in its socket: it comes whole. */
static bool asked(struct peer *peer)
{
	char head[HEAD_MAX];
	ssize_t n = recv(peer->fd, head, sizeof(head) - 1, 0);
	int len;

	if (n <= 0)
		return false;
	head[n] = '\0';
	if (sscanf(head, "GET /%lld ", &peer->left) != 1)
		return false;
	len = snprintf(head, sizeof(head),
		       "HTTP/1.0 200 OK\r\nContent-Length: %lld\r\n\r\n",
		       peer->left);
	watch(EPOLL_CTL_MOD, peer, EPOLLOUT);
	return send(peer->fd, head, (size_t)len, MSG_NOSIGNAL | MSG_MORE) ==
	       len;
}

static void source(struct peer *peer)
{
	while (peer->left > 0) {
		off_t start = 0;
		size_t part = SOURCE_FILE;
		ssize_t n;

		if ((long long)part > peer->left)
			part = (size_t)peer->left;
		n = sendfile(peer->fd, file, &start, part);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			break;
		peer->left -= n;
	}
	drop(peer);
}

static void serve(struct peer *peer)
{
	if (peer->role == LISTEN_ECHO || peer->role == LISTEN_SOURCE)
		take_new(peer);
	else if (peer->role == ECHO)
		echo(peer);
	else if (peer->left >= 0)
		source(peer);
	else if (!asked(peer))
		drop(peer);
}

int main(int argc, char **argv)
{
	struct sockaddr_in any;

	if (argc != 3)
		die("usage: far ECHO-PORT SOURCE-PORT");
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	epfd = epoll_create1(0);
	file = memfd_create("source", 0);
	if (file < 0 || ftruncate(file, SOURCE_FILE) < 0)
		die("cannot make a file in memory");
	any = address_of("0.0.0.0", argv[1]);
	add(listen_at(&any), LISTEN_ECHO);
	any = address_of("0.0.0.0", argv[2]);
	add(listen_at(&any), LISTEN_SOURCE);
	for (;;) {
		struct epoll_event event;

		if (epoll_wait(epfd, &event, 1, -1) == 1)
			serve(event.data.ptr);
	}
}
