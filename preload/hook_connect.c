/* SPDX-License-Identifier: MIT */
/*
 * hook_connect.c - connect
 */
#include "preload/hook_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "core/sys.h"
#include "preload/clock.h"
#include "preload/conn.h"
#include "preload/detour.h"
#include "preload/dgram.h"
#include "preload/dnsconn.h"
#include "preload/hooks.h"
#include "preload/listener.h"
#include "preload/memory.h"
#include "resolver/nameserver.h"
#include "preload/nameservice.h"
#include "preload/options.h"
#include "preload/proxy.h"
#include "resolver/route.h"
#include "preload/swap.h"

/* RFC 2133's sockaddr_in6 had no scope id; the kernel still takes it. */
enum { SOCKADDR_IN6_LEN_MIN = 24 };

static int socket_option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);
	long r = sys5(SYS_getsockopt, fd, SOL_SOCKET, name, &value, &len);

	return r < 0 ? (int)r : value;
}

/**
 * struct kind - what a socket is
 * @domain:	AF_INET, AF_INET6, or a family that stays on this machine
 * @type:	SOCK_STREAM (TCP, MPTCP) or SOCK_DGRAM (UDP)
 */
struct kind {
	int domain;
	int type;
};

/* 0; -errno of the kernel, or for a socket that is neither carried nor local. */
static int kind_asked(int fd, struct kind *kind)
{
	int protocol;

	kind->domain = socket_option(fd, SO_DOMAIN);
	kind->type = socket_option(fd, SO_TYPE);
	protocol = socket_option(fd, SO_PROTOCOL);
	switch (kind->domain) {
	case AF_INET:
	case AF_INET6:
		break;
	case AF_UNIX:
	case AF_NETLINK:
	case AF_ALG:
	case AF_VSOCK:
		return 0; /* with an address of IP: the kernel refuses it */
	default:
		return kind->domain < 0 ? kind->domain : -EAFNOSUPPORT;
	}
	if ((kind->type == SOCK_STREAM &&
	     (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP)) ||
	    (kind->type == SOCK_DGRAM && protocol == IPPROTO_UDP))
		return 0;
	return -EPERM;
}

static int kind_of(int fd, struct kind *kind)
{
	unsigned int notes = fdtable_notes(fd);

	if (!(notes & FD_SEEN))
		return kind_asked(fd, kind);
	kind->domain = notes & FD_INET6 ? AF_INET6 : AF_INET;
	kind->type = notes & FD_STREAM ? SOCK_STREAM : SOCK_DGRAM;
	return 0;
}

static bool nonblocking(int fd)
{
	return sys2(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK;
}

enum { CONNECT_ANEW = 1 };

/*
 * What was bound at the proxy, for its name was asked, and is not to listen after all: it
 * may be connected, as one that was only bound.
 */
static int connect_bound(const struct conn *conn, int fd)
{
	if (conn->listens)
		return -EISCONN;
	listener_dissolve(fd);
	return CONNECT_ANEW;
}

/* connect() on a socket that was connected through the proxy before. */
static int connect_again(struct conn *conn, int fd)
{
	enum conn_phase phase = conn_step(conn, fd);
	int r;

	if (conn_is_bind(phase))
		return connect_bound(conn, fd);
	if (phase != CONN_PENDING)
		return conn_tell(conn, fd);
	if (nonblocking(fd))
		return -EALREADY;
	r = conn_await(fd);
	return r == -EINPROGRESS ? -EALREADY : r;
}

/* A v4-mapped address on a socket that was made IPv6 only. */
static bool cannot_reach(int fd, const union route_address *addr)
{
	return addr->sa.sa_family == AF_INET6 &&
	       IN6_IS_ADDR_V4MAPPED(&addr->in6.sin6_addr) &&
	       (fdtable_notes(fd) & FD_V6ONLY ||
		option_get(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0));
}

/* An address that leads past the proxy is for a socket of the program's own family. */
static int connect_direct(int fd, const union route_address *addr, socklen_t len)
{
	int r = swap_shown(fd) ? swap_back(fd) : 0;

	if (r < 0)
		return r;
	return REAL(connect)(fd, &addr->sa, len) < 0 ? -errno : 0;
}

/* Another thread that begins a connection has the socket for less than that. */
#define BEGINNING_NS (200 * NS_PER_MS)

/*
 * Begins a connection, or goes on with the one that another thread is beginning. One
 * that was a thread of the parent's at a fork keeps nobody for longer.
 */
static int open_or_join(const struct conn_request *request)
{
	int64_t end = clock_now_ns() + BEGINNING_NS;
	struct conn *conn;
	int r;

	while ((r = conn_open(request)) == -EBUSY) {
		conn = conn_get(request->fd);
		if (conn != NULL) {
			r = connect_again(conn, request->fd);
			conn_put(conn);
			if (r != CONNECT_ANEW)
				return r;
		}
		if (clock_now_ns() > end)
			fdtable_unnote(request->fd, FD_DIALLED);
		sys0(SYS_sched_yield);
	}
	return r;
}

static int connect_stream(int fd, const union route_address *addr, socklen_t len,
			  int domain)
{
	const struct config *config = hooks_config();
	struct endpoint to;
	struct conn_request request = {
		.fd = fd,
		.command = SOCKS5_CONNECT,
		.peer = &addr->sa,
		.destination = &to,
		.domain = domain,
	};
	struct conn *conn;
	int route;

	conn = conn_get(fd);
	if (conn != NULL) {
		int r = connect_again(conn, fd);

		conn_put(conn);
		if (r != CONNECT_ANEW)
			return r;
	}
	if (dnsconn_is(fd))
		return REAL(connect)(fd, &addr->sa, len) < 0 ? -errno : 0;
	if (cannot_reach(fd, addr))
		return -ENETUNREACH;
	route = route_of(config, &addr->sa, len, &to);
	if (route < 0)
		return route;
	if (nameserver_is_stub(config, &to) && !config_is_proxy(config, &to))
		return dnsconn_open(fd, addr, len);
	if (route == ROUTE_DIRECT)
		return connect_direct(fd, addr, len);
	if (route == ROUTE_BLOCK)
		return route_blocked(config, &to);
	route = proxy_find();
	if (route < 0)
		return route;
	request.nonblocking = nonblocking(fd);
	request.control = listener_control(to.port);
	return open_or_join(&request);
}

/*
 * Too short for the family, or of the wrong one for a stream: the kernel refuses it before
 * it looks at the address.
 */
static bool is_wrong(const struct kind *kind, const union route_address *addr,
		     socklen_t len)
{
	if (kind->domain != AF_INET && kind->domain != AF_INET6)
		return true;
	if (kind->type == SOCK_STREAM && addr->sa.sa_family != kind->domain)
		return true;
	return len < (addr->sa.sa_family == AF_INET ?
			      sizeof(addr->in) :
			      SOCKADDR_IN6_LEN_MIN);
}

/*
 * The kernel says what is wrong, and would about any other family, too. It does not get the
 * address: the socket may be another one than we take it for.
 */
static int connect_wrong(int fd, union route_address *addr, socklen_t len)
{
	addr->sa.sa_family = AF_MAX;
	return REAL(connect)(fd, &addr->sa, len) < 0 ? -errno : 0;
}

/* What is to stay on this machine would be put on a device. */
static bool strays(int fd, const union route_address *addr, socklen_t len)
{
	struct endpoint to;

	if (detour_stays(fd) ||
	    route_of(hooks_config(), &addr->sa, len, &to) != ROUTE_DIRECT ||
	    !endpoint_is_loopback(&to))
		return false;
	route_refused(&to, "the socket is bound to a device, where it would leave");
	return true;
}

static int connect_inet(int fd, const struct sockaddr *sa, socklen_t len)
{
	union route_address addr = { 0 };
	struct kind kind;
	int r = kind_of(fd, &kind);

	if (r < 0)
		return r;
	hooks_ready();
	/* Copied once: another thread may change it while we decide. */
	memcpy(&addr, sa, len);
	/* The number may be another socket's since it was closed where we did not see it. */
	if (is_wrong(&kind, &addr, len) && !swap_shown(fd))
		r = kind_asked(fd, &kind);
	if (r < 0 || is_wrong(&kind, &addr, len))
		return r < 0 ? r : connect_wrong(fd, &addr, len);
	if (addr.sa.sa_family == AF_INET6 && len < sizeof(addr.in6))
		len = sizeof(addr.in6); /* its scope id is zero */
	if (strays(fd, &addr, len))
		return -ENETUNREACH;
	if (kind.type == SOCK_STREAM)
		return connect_stream(fd, &addr, len, kind.domain);
	return dgram_connect(fd, &addr, len);
}

/* Nothing that can be looked at: the kernel says what is wrong with it. */
static bool is_unreadable(const struct sockaddr *addr, socklen_t len)
{
	return len > sizeof(struct sockaddr_storage) || !memory_there(addr, len);
}

int hook_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (is_unreadable(addr, len))
		return REAL(connect)(fd, MEMORY_NOWHERE, len);
	if (len < sizeof(addr->sa_family))
		return REAL(connect)(fd, addr, len);
	if (addr->sa_family == AF_INET || addr->sa_family == AF_INET6) {
		pthread_testcancel(); /* as at the entry of libc's */
		return (int)hooks_result(connect_inet(fd, addr, len));
	}
	if (addr->sa_family == AF_UNSPEC) {
		struct dgram *dgram = dgram_peek(fd);

		if (dgram != NULL)
			return (int)hooks_result(
				dgram_disconnect(dgram, fd, addr, len));
		conn_abandon(fd);
		dnsconn_forget(fd);
	}
	if (nameservice_refused(addr, len))
		return (int)hooks_result(-ECONNREFUSED);
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
