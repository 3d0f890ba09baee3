/* SPDX-License-Identifier: MIT */
/*
 * tunnel.c - what carries our own questions to a DNS server
 *
 * A stream is a socket of our own (private_fd.h) that is connected as a program's would be:
 * through the proxy by conn, or directly where a rule says so. While it is pending each look
 * at it is a step, as everywhere; whoever else steps it meanwhile helps. It lives as long as
 * a lookup's attempt. A program that closes it, with all numbers it does not know, ends that
 * attempt, and the next one makes another.
 */
#include "preload/tunnel.h"

#include <errno.h>

#include "core/sys.h"
#include "core/token.h"
#include "preload/clock.h"
#include "preload/conn.h"
#include "preload/proxy.h"
#include "preload/real.h"
#include "preload/private_fd.h"
#include "resolver/route.h"
#include "resolver/judge.h"

static const struct config *config;

void tunnel_setup(const struct config *the_config)
{
	config = the_config;
}

static struct private_fd own_of(const struct lookup_stream *stream)
{
	return (struct private_fd){ stream->fd, stream->cookie };
}

/* The stream's descriptor, or -ECONNRESET where the program has closed it. */
static int fd_of(const struct lookup_stream *stream)
{
	struct private_fd own = own_of(stream);
	int fd = private_fd_get(&own);

	return fd < 0 ? -ECONNRESET : fd;
}

static int make_socket(struct lookup_stream *stream, int family)
{
	struct private_fd own;
	int r = private_fd_socket(&own, family, SOCK_STREAM);

	stream->fd = own.fd;
	stream->cookie = own.cookie;
	return r;
}

static void stream_close(struct lookup_stream *stream)
{
	struct private_fd own = own_of(stream);

	if (private_fd_get(&own) >= 0)
		conn_closing(own.fd);
	private_fd_close(&own);
	stream->fd = -1;
}

/* A stream that could not be begun is none. */
static int begun(struct lookup_stream *stream, int r)
{
	if (r >= 0 || r == -EINPROGRESS)
		return 0;
	stream_close(stream);
	return r;
}

static int open_via(struct lookup_stream *stream, const struct endpoint *server)
{
	struct sockaddr_storage peer = { .ss_family = AF_INET };
	struct conn_request request = {
		.command = SOCKS5_CONNECT,
		.peer = (const struct sockaddr *)&peer,
		.destination = server,
		.domain = judge_family(),
		.nonblocking = true,
	};
	int r = proxy_find();

	if (r < 0)
		return r;
	r = make_socket(stream, request.domain);
	if (r < 0)
		return r;
	if (server->kind != ENDPOINT_NAME)
		endpoint_to_sockaddr(server, AF_INET6, &peer);
	request.fd = stream->fd;
	return begun(stream, conn_open(&request));
}

static int open_direct(struct lookup_stream *stream,
		       const struct endpoint *server)
{
	int family = server->kind == ENDPOINT_IPV6 ? AF_INET6 : AF_INET;
	struct sockaddr_storage address;
	int len = endpoint_to_sockaddr(server, family, &address);
	int r = len < 0 ? len : make_socket(stream, family);

	if (r < 0)
		return r;
	return begun(stream, (int)token_connect(stream->fd, &address, len));
}

static int stream_open(struct lookup_stream *stream,
		       const struct endpoint *server)
{
	switch (config_route(config, server)) {
	case ROUTE_BLOCK:
		return route_blocked(config, server);
	case ROUTE_DIRECT:
		return open_direct(stream, server);
	default:
		return open_via(stream, server);
	}
}

static long stream_send(struct lookup_stream *stream, const void *bytes,
			size_t len)
{
	int fd = fd_of(stream);
	int r = fd < 0 ? fd : conn_before_data(fd, true, SO_SNDTIMEO);

	if (r < 0)
		return r;
	return sys6(SYS_sendto, fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT,
		    NULL, 0);
}

static long stream_receive(struct lookup_stream *stream, void *bytes,
			   size_t size)
{
	int fd = fd_of(stream);
	int r = fd < 0 ? fd : conn_before_data(fd, true, SO_RCVTIMEO);
	long n;

	if (r < 0)
		return r;
	n = sys6(SYS_recvfrom, fd, bytes, size, MSG_DONTWAIT, NULL, NULL);
	return n == -ENOTCONN ? -EAGAIN : n; /* while the kernel still dials */
}

static short stream_events(struct lookup_stream *stream, short wanted)
{
	int fd = fd_of(stream);
	struct conn *conn = fd < 0 ? NULL : conn_get(fd);

	if (conn != NULL && conn_look(conn) == CONN_PENDING)
		wanted = conn_events(conn);
	conn_put(conn);
	return wanted;
}

/* With the program's signals; what they interrupt is looked at again by the caller. */
static void stream_wait(struct pollfd *fds, size_t n, int64_t until_ns)
{
	int saved_errno = errno;
	struct timespec timeout;
	int64_t again, left;

	conn_expire(); /* or a deadline long past would be waited for */
	again = conn_look_again(true);
	left = (until_ns < again ? until_ns : again) - clock_now_ns();
	if (left < 0)
		left = 0;
	timeout.tv_sec = left / NS_PER_S;
	timeout.tv_nsec = left % NS_PER_S;
	REAL(ppoll)(fds, n, &timeout, NULL);
	errno = saved_errno;
}

const struct lookup_io tunnel_io = {
	.open = stream_open,
	.send = stream_send,
	.receive = stream_receive,
	.events = stream_events,
	.close = stream_close,
	.wait = stream_wait,
};

const struct lookup_io tunnel_local_io = {
	.local = true,
	.open = open_direct,
	.send = stream_send,
	.receive = stream_receive,
	.events = stream_events,
	.close = stream_close,
	.wait = stream_wait,
};
