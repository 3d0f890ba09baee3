// SPDX-License-Identifier: MIT
/*
 * hook_connect.c - connect
 */
#include "preload/hook_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

#include "core/sys.h"
#include "preload/conn.h"
#include "preload/hooks.h"
#include "preload/route.h"

/* RFC 2133's sockaddr_in6 had no scope id; the kernel still takes it. */
enum { SOCKADDR_IN6_LEN_MIN = 24 };

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int socket_option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);
	long r = sys5(SYS_getsockopt, fd, SOL_SOCKET, name, &value, &len);

	return r < 0 ? (int)r : value;
}

/**
 * struct kind - what a socket is
 * @domain:	AF_INET or AF_INET6
 * @type:	SOCK_STREAM (TCP, MPTCP) or SOCK_DGRAM (UDP)
 */
struct kind {
	int domain;
	int type;
};

/* 0; -errno of the kernel, or for a socket that is neither carried nor local. */
static int kind_of(int fd, struct kind *kind)
{
	unsigned int notes = fdtable_notes(fd);
	int protocol;

	if (notes & FD_SEEN) {
		kind->domain = notes & FD_INET6 ? AF_INET6 : AF_INET;
		kind->type = notes & FD_STREAM ? SOCK_STREAM : SOCK_DGRAM;
		return 0;
	}
	kind->domain = socket_option(fd, SO_DOMAIN);
	kind->type = socket_option(fd, SO_TYPE);
	protocol = socket_option(fd, SO_PROTOCOL);
	if (kind->domain < 0)
		return kind->domain;
	if (kind->domain != AF_INET && kind->domain != AF_INET6)
		return -EAFNOSUPPORT;
	if ((kind->type == SOCK_STREAM &&
	     (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP)) ||
	    (kind->type == SOCK_DGRAM && protocol == IPPROTO_UDP))
		return 0;
	return -EPERM;
}

static bool nonblocking(int fd)
{
	return sys2(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK;
}

/*
 * What the kernel says to connect() on a socket that is connected: 0 the first
 * time after EINPROGRESS, then EISCONN. Asked with an address that cannot be
 * reached, in case the socket was dissolved where we did not see it.
 */
static int ask_connected(int fd, int domain)
{
	union address nowhere = { 0 };
	socklen_t len = sizeof(nowhere.in);

	nowhere.sa.sa_family = (sa_family_t)domain;
	nowhere.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (domain == AF_INET6) {
		nowhere.in6.sin6_addr = in6addr_loopback;
		len = sizeof(nowhere.in6);
	}
	return (int)sys3(SYS_connect, fd, &nowhere, len);
}

/* A failed connection is told once, and the socket is fresh again. */
static int tell_failure(struct conn *conn, int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int error = conn_take_error(conn, fd);

	sys3(SYS_connect, fd, &none, sizeof(none));
	return error ? -error : -ECONNABORTED;
}

/* connect() on a socket that was connected through the proxy before. */
static int connect_again(struct conn *conn, int fd, int domain)
{
	enum conn_phase phase = conn_step(conn, fd);

	if (phase == CONN_PENDING && nonblocking(fd))
		return -EALREADY;
	if (phase == CONN_PENDING)
		return conn_await(fd);
	if (phase == CONN_FAILED)
		return tell_failure(conn, fd);
	return ask_connected(fd, domain);
}

static int connect_stream(int fd, const union address *addr, socklen_t len,
			  int domain)
{
	const struct config *config = hooks_config();
	struct endpoint to;
	struct conn_request request = {
		.fd = fd,
		.peer = &addr->sa,
		.peer_len = len,
		.destination = &to,
		.domain = domain,
	};
	struct conn *conn;
	int route;

	if (addr->sa.sa_family != domain)
		return -EAFNOSUPPORT;
	conn = conn_get(fd);
	if (conn != NULL) {
		int r = connect_again(conn, fd, domain);

		conn_put(conn);
		return r;
	}
	route = route_of(config, &addr->sa, len, &to);
	if (route < 0)
		return route;
	if (route == ROUTE_DIRECT)
		return REAL(connect)(fd, &addr->sa, len) < 0 ? -errno : 0;
	if (route == ROUTE_BLOCK)
		return route_blocked(config, &to);
	route = hooks_find_proxy();
	if (route < 0)
		return route;
	request.nonblocking = nonblocking(fd);
	return conn_open(&request);
}

static int connect_datagram(int fd, const union address *addr, socklen_t len)
{
	const struct config *config = hooks_config();
	struct endpoint to;
	int route = route_of(config, &addr->sa, len, &to);

	if (route == ROUTE_DIRECT)
		return REAL(connect)(fd, &addr->sa, len) < 0 ? -errno : 0;
	if (route == -EINVAL)
		return route;
	if (route > 0)
		route_refused(&to, "only a direct rule lets UDP pass");
	return -ENETUNREACH;
}

static int connect_inet(int fd, const struct sockaddr *sa, socklen_t len)
{
	union address addr = { 0 };
	struct kind kind;
	int r = kind_of(fd, &kind);

	if (r < 0)
		return r;
	/* Copied once: another thread may change it while we decide. */
	memcpy(&addr, sa, len < sizeof(addr) ? len : sizeof(addr));
	if (len < (addr.sa.sa_family == AF_INET ? sizeof(addr.in) :
						  SOCKADDR_IN6_LEN_MIN))
		return -EINVAL;
	if (addr.sa.sa_family == AF_INET6 && len < sizeof(addr.in6))
		len = sizeof(addr.in6); /* its scope id is zero */
	if (kind.type == SOCK_STREAM)
		return connect_stream(fd, &addr, len, kind.domain);
	return connect_datagram(fd, &addr, len);
}

int hook_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (addr == NULL || len < sizeof(addr->sa_family))
		return REAL(connect)(fd, addr, len);
	if (addr->sa_family == AF_INET || addr->sa_family == AF_INET6)
		return (int)hooks_result(connect_inet(fd, addr, len));
	if (addr->sa_family == AF_UNSPEC)
		conn_abandon(fd);
	return REAL(connect)(fd, addr, len);
}

EXPORT int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return hook_connect(fd, addr, len);
}

EXPORT int __connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return hook_connect(fd, addr, len);
}
