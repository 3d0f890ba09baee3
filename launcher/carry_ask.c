/* SPDX-License-Identifier: MIT */
/* carry_ask.c - what the name server (carry_dns.h) cannot answer, asked for real */
#include "launcher/carry_ask.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/exchange.h"
#include "launcher/carry_loop.h"
#include "resolver/lookup.h"
#include "resolver/route.h"

enum { ASKS_MAX = 64 };

/**
 * struct ask - a question on its way
 * @source:	the connection at hand; first; fd -1: there is none
 * @next:	in the list of all
 * @lookup:	who asks
 * @done:	who wants to know
 * @arg:	for @done
 * @over:	@done was called, and the lookup is no more
 * @watched:	the loop has @source
 * @direct:	past the proxy
 * @handshake:	with the proxy
 */
struct ask {
	struct source source;
	struct ask *next;
	struct lookup *lookup;
	ask_done *done;
	void *arg;
	bool over;
	bool watched;
	bool direct;
	struct handshake handshake;
};

static const struct config *config;
static struct ask *asks;
static unsigned int n_asks;
static struct ask *subject; /* for whom the transport opens a stream */
static size_t address;	    /* the proxy's, which is dialled */

void ask_setup(const struct config *the_config)
{
	config = the_config;
	lookup_setup(the_config);
}

/* --- the transport ------------------------------------------------------------------ */

static struct ask *ask_of(const struct lookup_stream *stream)
{
	return (struct ask *)(uintptr_t)stream->cookie;
}

static int dial(struct ask *ask, const struct endpoint *to)
{
	int family = to->kind == ENDPOINT_IPV6 ? AF_INET6 : AF_INET, len, fd;
	struct sockaddr_storage sa;

	len = endpoint_to_sockaddr(to, family, &sa);
	if (len < 0)
		return len;
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, (socklen_t)len) < 0 &&
	    errno != EINPROGRESS) {
		int error = errno;

		close(fd);
		return -error;
	}
	ask->source.fd = fd;
	return 0;
}

static int dial_proxy(struct ask *ask, const struct endpoint *server)
{
	int r;

	if (config->n_addresses == 0)
		return -EHOSTUNREACH;
	handshake_begin(&ask->handshake, SOCKS5_CONNECT, server);
	r = dial(ask, &config->addresses[address % config->n_addresses]);
	if (r < 0)
		address++; /* for the next attempt */
	return r;
}

static int stream_open(struct lookup_stream *stream, const struct endpoint *server)
{
	int route = config_route(config, server), r;

	if (route == ROUTE_BLOCK)
		return route_blocked(config, server);
	subject->direct = route == ROUTE_DIRECT;
	r = subject->direct ? dial(subject, server) : dial_proxy(subject, server);
	if (r < 0)
		return r;
	stream->fd = subject->source.fd;
	stream->cookie = (uintptr_t)subject;
	return 0;
}

/* 0: the server is reached; -EAGAIN; or another -errno. */
static int reach(struct ask *ask)
{
	struct credentials who = config_credentials(config);
	long n;

	if (ask->direct)
		return 0;
	while (!handshake_over(&ask->handshake)) {
		n = exchange_step(&ask->handshake, ask->source.fd, &who);
		if (n == -EAGAIN)
			return -EAGAIN;
		if (n >= 0)
			continue;
		handshake_broken(&ask->handshake, (int)-n);
		address++;
	}
	return ask->handshake.state == HANDSHAKE_DONE ? 0 : -ECONNREFUSED;
}

static long stream_send(struct lookup_stream *stream, const void *bytes, size_t len)
{
	int r = reach(ask_of(stream));
	ssize_t n;

	if (r < 0)
		return r;
	n = send(stream->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

static long stream_receive(struct lookup_stream *stream, void *bytes, size_t size)
{
	int r = reach(ask_of(stream));
	ssize_t n;

	if (r < 0)
		return r;
	n = recv(stream->fd, bytes, size, MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

static short stream_events(struct lookup_stream *stream, short wanted)
{
	const struct ask *ask = ask_of(stream);

	if (ask->direct || handshake_over(&ask->handshake))
		return wanted;
	return handshake_sends(&ask->handshake) ? POLLOUT : POLLIN;
}

static void stream_close(struct lookup_stream *stream)
{
	struct ask *ask = ask_of(stream);

	if (ask->watched)
		loop_remove(&ask->source);
	ask->watched = false;
	close(ask->source.fd);
	ask->source.fd = -1;
}

/* Nobody waits here but the loop. */
static const struct lookup_io io = {
	.open = stream_open,
	.send = stream_send,
	.receive = stream_receive,
	.events = stream_events,
	.close = stream_close,
};

/* --- asking --------------------------------------------------------------------------- */

static void answered(void *arg, const uint8_t *reply, size_t len)
{
	struct ask *ask = arg;

	ask->over = true;
	ask->done(ask->arg, reply, len);
}

static void free_ask(struct ask *ask)
{
	struct ask **link = &asks;

	while (*link != ask)
		link = &(*link)->next;
	*link = ask->next;
	n_asks--;
	free(ask);
}

/* The loop has what there is to wait for; poll's events are epoll's. */
static void watch(struct ask *ask)
{
	struct pollfd pollfd;

	if (lookup_fds(ask->lookup, &pollfd, 1) == 0)
		return;
	if (ask->watched)
		loop_change(&ask->source, (uint32_t)pollfd.events);
	else
		ask->watched = loop_add(&ask->source, (uint32_t)pollfd.events) == 0;
}

static void go_on(struct ask *ask)
{
	subject = ask;
	if (lookup_step(ask->lookup))
		watch(ask);
	else
		free_ask(ask);
}

static void ask_ready(struct source *source, uint32_t events)
{
	(void)events;
	go_on((struct ask *)source);
}

struct ask *ask_begin(const uint8_t *query, size_t len, ask_done *done, void *arg)
{
	struct ask *ask = n_asks < ASKS_MAX ? calloc(1, sizeof(*ask)) : NULL;

	if (!ask)
		return NULL;
	ask->source = (struct source){ -1, ask_ready };
	ask->done = done;
	ask->arg = arg;
	subject = ask;
	ask->lookup = lookup_start(&io, NULL, query, len, answered, ask);
	if (!ask->lookup) {
		free(ask);
		return NULL;
	}
	ask->next = asks;
	asks = ask;
	n_asks++;
	watch(ask);
	return ask;
}

void ask_forget(struct ask *ask)
{
	if (ask->over)
		return; /* it is about to be freed */
	lookup_cancel(ask->lookup);
	free_ask(ask);
}

/* An answer may have others forgotten: the list is gone through from its head again. */
static bool step_one(int64_t now)
{
	for (struct ask *ask = asks; ask; ask = ask->next)
		if (lookup_deadline(ask->lookup) <= now) {
			go_on(ask);
			return true;
		}
	return false;
}

int64_t ask_expire(void)
{
	int64_t next = INT64_MAX;

	while (asks && step_one(loop_now()))
		;
	for (const struct ask *ask = asks; ask; ask = ask->next)
		if (lookup_deadline(ask->lookup) < next)
			next = lookup_deadline(ask->lookup);
	return next;
}
