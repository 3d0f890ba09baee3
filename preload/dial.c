/* SPDX-License-Identifier: MIT */
/*
 * dial.c - the kernel's connect() to the proxy, and what a refused one looks like
 */
#include "preload/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "core/token.h"
#include "preload/detour.h"
#include "preload/fdtable.h"
#include "preload/options.h"

static const struct config *config;

void dial_setup(const struct config *the_config)
{
	config = the_config;
}

/*
 * IPV6_V6ONLY would keep the socket from a v4-mapped proxy. That it was set is noted, for
 * getsockopt() to tell.
 */
static int allow_mapped(int fd)
{
	if (!option_get(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0))
		return 0;
	if (option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) < 0)
		return -EAFNOSUPPORT;
	fdtable_note(fd, FD_V6ONLY);
	return 0;
}

/*
 * A socket is tried at the addresses of one kind only, those of the first that it can
 * reach: after a v4-mapped address the kernel completes no IPv6 one, nor the other way
 * round. One that is V6ONLY and bound cannot be mapped.
 */
enum endpoint_kind dial_reachable(int fd, int family)
{
	for (size_t i = 0; i < config->n_addresses; i++) {
		enum endpoint_kind kind = config->addresses[i].kind;

		if (kind == (family == AF_INET ? ENDPOINT_IPV4 : ENDPOINT_IPV6))
			return kind;
		if (family == AF_INET6 && allow_mapped(fd) == 0)
			return kind;
	}
	return ENDPOINT_NONE;
}

/*
 * A blocking socket's wait in the kernel's connect() is cut to one tick; what is
 * left of it is waited for in conn_settle, within the proxy's time and the
 * program's. Signals are blocked, so no handler can see the option changed.
 */
static int connect_briefly(int fd, const struct sockaddr_storage *sa, int len)
{
	struct timeval tick = { .tv_usec = 1 };
	struct timeval timeout = option_send_timeout(fd);
	int r;

	sys5(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &tick, sizeof(tick));
	r = (int)token_connect(fd, sa, len);
	sys5(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &timeout,
	     sizeof(timeout));
	return r;
}

static int dial_one(struct pending *pending, int fd)
{
	const struct endpoint *to = &config->addresses[pending->address];
	struct sockaddr_storage sa;
	int len = endpoint_to_sockaddr(to, pending->family, &sa);

	if (len < 0)
		return len;
	if (endpoint_is_loopback(to) && !detour_stays(fd))
		return -ENETUNREACH; /* the proxy is here, and it would leave */
	if (pending->blocking)
		return connect_briefly(fd, &sa, len);
	return (int)token_connect(fd, &sa, len);
}

/* The address is at fault, not the socket: the next one may do. */
bool dial_another_may_do(int r)
{
	return r == -ECONNREFUSED || r == -ENETUNREACH || r == -EHOSTUNREACH ||
	       r == -ETIMEDOUT || r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT ||
	       r == -EACCES || r == -EPERM;
}

/* Tries the addresses from the one at hand on; the last one's error counts. */
int dial(struct pending *pending, int fd)
{
	int r = -EAFNOSUPPORT;

	pending->dialling = true;
	if (pending->kind == ENDPOINT_NONE)
		pending->kind = (uint8_t)dial_reachable(fd, pending->family);
	for (; pending->address < config->n_addresses; pending->address++) {
		if (config->addresses[pending->address].kind != pending->kind)
			continue;
		r = dial_one(pending, fd);
		if (!dial_another_may_do(r))
			break;
	}
	return r;
}

int dial_next(struct pending *pending, int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (pending->address + 1u >= config->n_addresses)
		return -ENOENT;
	token_connect(fd, &none, sizeof(none));
	pending->address++;
	return dial(pending, fd);
}

/* Port 0 can be connected to and never listened on: it always refuses. */
static void connect_refused(int fd, int family, bool mapped)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	if (family == AF_INET) {
		token_connect(fd, &in, sizeof(in));
		return;
	}
	if (mapped) {
		memset(&in6.sin6_addr, 0, sizeof(in6.sin6_addr));
		in6.sin6_addr.s6_addr[10] = 0xff;
		in6.sin6_addr.s6_addr[11] = 0xff;
		memcpy(&in6.sin6_addr.s6_addr[12], &in.sin_addr, 4);
	}
	token_connect(fd, &in6, sizeof(in6));
}

/*
 * A connect that is not waited for leaves its error for SO_ERROR and poll. A blocking
 * socket would wait: nobody can have use for its being nonblocking for that moment, since
 * it is not connected.
 */
static void connect_refused_later(const struct pending *pending, int fd,
				  bool mapped)
{
	long flags = sys2(SYS_fcntl, fd, F_GETFL);

	if (!(flags & O_NONBLOCK))
		sys3(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
	connect_refused(fd, pending->family, mapped);
	if (!(flags & O_NONBLOCK))
		sys3(SYS_fcntl, fd, F_SETFL, flags);
}

static bool bound_to_device(int fd)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	return sys5(SYS_getsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, name,
		    &len) == 0 &&
	       len > 0 && name[0] != '\0';
}

static void dissolve(int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	token_connect(fd, &none, sizeof(none));
}

static bool holds_error(int fd)
{
	struct pollfd pollfd = { .fd = fd };
	struct timespec now = { 0 };

	return sys5(SYS_ppoll, &pollfd, 1, &now, NULL, 0) == 1 &&
	       pollfd.revents & POLLERR;
}

bool dial_look_refused(const struct pending *pending, int fd)
{
	dissolve(fd);
	/* A SYN would leave on the device, whatever the address; a shutdown gives
	 * the same event mask, and what is different is only the state after. */
	if (bound_to_device(fd))
		sys2(SYS_shutdown, fd, SHUT_RDWR);
	else
		connect_refused_later(pending, fd,
				      pending->kind == ENDPOINT_IPV4);
	return holds_error(fd);
}

/* Who dissolves a connection that stands finds ECONNRESET, as tcp_disconnect in the kernel
 * has it, and one that was reset keeps it. The shutdown is of both ends, as a reset is. */
bool dial_look_reset(int fd)
{
	dissolve(fd);
	sys2(SYS_shutdown, fd, SHUT_RDWR);
	return holds_error(fd);
}

void dial_tell_refused(int fd, int family)
{
	if (bound_to_device(fd))
		dissolve(fd);
	else
		connect_refused(fd, family, false);
	option_get(fd, SOL_SOCKET, SO_ERROR, 0);
}
