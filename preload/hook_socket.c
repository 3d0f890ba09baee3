/* SPDX-License-Identifier: MIT */
/*
 * hook_socket.c - which sockets there may be; what a handshake has to know of them
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <string.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/token.h"
#include "preload/conn.h"
#include "preload/detour.h"
#include "preload/dgram.h"
#include "preload/hooks.h"
#include "preload/listener.h"
#include "preload/membership.h"
#include "preload/swap.h"

#ifndef SOCK_TYPE_MASK
#define SOCK_TYPE_MASK 0xf
#endif

/*
 * 0 if a socket of that kind is carried or stays on this machine; else -errno.
 * Whatever else could reach a network fails as it would for a program without the
 * right, or on a kernel without the protocol.
 */
static int judge(int domain, int type, int protocol)
{
	switch (domain) {
	case AF_UNIX:
	case AF_NETLINK:
	case AF_ALG:
	case AF_VSOCK:
		return 0;
	case AF_PACKET:
		return -EPERM;
	case AF_INET:
	case AF_INET6:
		break;
	default:
		return -EAFNOSUPPORT;
	}
	switch (type & SOCK_TYPE_MASK) {
	case SOCK_STREAM:
		if (protocol == 0 || protocol == IPPROTO_TCP ||
		    protocol == IPPROTO_MPTCP)
			return 0;
		return -EPROTONOSUPPORT;
	case SOCK_DGRAM:
		if (protocol == 0 || protocol == IPPROTO_UDP)
			return 0;
		if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
			return -EACCES;
		return -EPROTONOSUPPORT;
	case SOCK_RAW:
	case SOCK_PACKET:
		return -EPERM;
	default:
		return -ESOCKTNOSUPPORT;
	}
}

static unsigned int notes_of(int domain, int type)
{
	unsigned int notes = FD_SEEN;

	if ((type & SOCK_TYPE_MASK) == SOCK_STREAM)
		notes |= FD_STREAM;
	if (domain == AF_INET6)
		notes |= FD_INET6;
	return notes;
}

/*
 * Under the guard the call has to carry the token, which libc's does not: a library
 * behind this one that defines socket() too is then passed over.
 */
static int make(int domain, int type, int protocol)
{
	int fd;

	if (token_known())
		fd = (int)hooks_result(token_socket(domain, type, protocol));
	else
		fd = REAL(socket)(domain, type, protocol);
	if (fd < 0 && errno == EACCES && (domain == AF_INET || domain == AF_INET6))
		log_once(TOKEN_VARIABLE,
			 "the kernel refuses sockets: SOCKSIFY_TOKEN %s",
			 token_known() ? "is not that of the guard in force" :
					 "is lost, and a guard is in force");
	return fd;
}

static void refused(int domain, int type, int protocol)
{
	char kind[48];

	log_format(kind, sizeof(kind), "socket(%d, %d, %d)", domain,
		   type & SOCK_TYPE_MASK, protocol);
	log_once(kind, "%s refused: a SOCKS5 proxy carries TCP and UDP only; only "
		 "without socksify may the program have it", kind);
}

EXPORT int socket(int domain, int type, int protocol)
{
	int verdict = judge(domain, type, protocol);
	int fd;

	hooks_ready();
	if (verdict < 0) {
		refused(domain, type, protocol);
		return (int)hooks_result(verdict);
	}
	fd = make(domain, type, protocol);
	if (fd >= 0 && (domain == AF_INET || domain == AF_INET6)) {
		fdtable_drop(fd);
		fdtable_note(fd, notes_of(domain, type));
	}
	return fd;
}

static bool odd(int level, int name)
{
	return (level == SOL_SOCKET &&
		(name == SO_RCVLOWAT || name == SO_SNDTIMEO)) ||
	       (level == IPPROTO_TCP && name == TCP_CORK);
}

/*
 * An option of IPv4 is taken by the IPv6 socket too, for what else it brings about
 * (IP_TOS sets SO_PRIORITY).
 */
static void set_swapped(int fd, int *level, int *name, const void *value,
			socklen_t len)
{
	if (*level == IPPROTO_IP)
		sys5(SYS_setsockopt, fd, *level, *name, value, len);
	swap_option(fd, level, name);
}

/*
 * What has no proxy in it is for a socket of the program's own family. Where that cannot
 * be, or a connection stands or failed untold, the kernel refuses the call itself.
 */
static void want_own_family(int fd)
{
	struct conn *conn;

	if (!swap_shown(fd))
		return;
	conn = conn_get(fd);
	if (conn == NULL)
		swap_back(fd);
	conn_put(conn);
}

/* The address is copied once: another thread may change it while we decide. */
static int bind_claimed(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_storage real = { 0 };
	bool claimed = false;
	int r;

	if (addr == NULL || len > sizeof(real))
		return REAL(bind)(fd, addr, len);
	memcpy(&real, addr, len);
	if (len >= sizeof(struct sockaddr_in))
		claimed = listener_claims(fd, &real);
	r = REAL(bind)(fd, (struct sockaddr *)&real, len);
	if (r == 0 && claimed)
		fdtable_note(fd, FD_CLAIMED);
	return r;
}

EXPORT int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	want_own_family(fd);
	if (listener_any())
		return bind_claimed(fd, addr, len);
	return REAL(bind)(fd, addr, len);
}

EXPORT int listen(int fd, int backlog)
{
	int r = listener_any() ? listener_listen(fd) : LISTENER_NONE;

	if (r != LISTENER_NONE)
		return (int)hooks_result(r);
	want_own_family(fd);
	return REAL(listen)(fd, backlog);
}

static void give_address(const struct sockaddr_storage *from,
			 struct sockaddr *addr, socklen_t *len)
{
	socklen_t size = from->ss_family == AF_INET ?
				 sizeof(struct sockaddr_in) :
				 sizeof(struct sockaddr_in6);

	if (addr == NULL || len == NULL)
		return;
	memcpy(addr, from, *len < size ? *len : size);
	*len = size;
}

/* What the table says of the number is about a file that was closed unseen. */
static int accepted(int fd)
{
	if (fd >= 0)
		fdtable_drop(fd);
	return fd;
}

static int accept_proxied(int fd, struct sockaddr *addr, socklen_t *len,
			  int flags)
{
	struct sockaddr_storage peer;
	int r;

	if (!listener_any())
		return LISTENER_NONE;
	r = listener_accept(fd, flags, &peer);
	if (r >= 0)
		give_address(&peer, addr, len);
	return r;
}

EXPORT int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	int r = accept_proxied(fd, addr, len, 0);

	if (r != LISTENER_NONE)
		return (int)hooks_result(r);
	return accepted(REAL(accept)(fd, addr, len));
}

EXPORT int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	int r = accept_proxied(fd, addr, len, flags);

	if (r != LISTENER_NONE)
		return (int)hooks_result(r);
	return accepted(REAL(accept4)(fd, addr, len, flags));
}

/*
 * What a UDP socket has not, since every datagram of it may have a header: that the kernel
 * puts several together (UDP_GRO); that it reads them where they are until they have left,
 * for the header does not stay (SO_ZEROCOPY); that it counts bytes that were looked at
 * (SO_PEEK_OFF). A program does without where that is not to be had. 0 or -errno.
 */
static int refuse_option(int fd, int level, int name, const void *value,
			 socklen_t len)
{
	int family, given;

	if (len < sizeof(given) || value == NULL ||
	    !((level == IPPROTO_UDP && name == UDP_GRO) ||
	      (level == SOL_SOCKET &&
	       (name == SO_ZEROCOPY || name == SO_PEEK_OFF))))
		return 0;
	memcpy(&given, value, sizeof(given));
	if (name == SO_PEEK_OFF && level == SOL_SOCKET)
		return given >= 0 && dgram_peek(fd) != NULL ? -EOPNOTSUPP : 0;
	if (given == 0 || !dgram_is_udp(fd, &family))
		return 0;
	return level == IPPROTO_UDP ? -ENOPROTOOPT : -EOPNOTSUPP;
}

EXPORT int setsockopt(int fd, int level, int name, const void *value,
		      socklen_t len)
{
	int r = detour_option(fd, level, name, value, len);

	if (r < 0)
		return (int)hooks_result(r);
	if (!membership_allowed(hooks_config(), level, name, value, len))
		return (int)hooks_result(-ENODEV);
	if (swap_shown(fd))
		set_swapped(fd, &level, &name, value, len);
	r = refuse_option(fd, level, name, value, len);
	if (r < 0)
		return (int)hooks_result(r);
	r = REAL(setsockopt)(fd, level, name, value, len);
	if (level == IPPROTO_IPV6 && name == IPV6_ADDRFORM)
		fdtable_unnote(fd, FD_SEEN); /* it is of the other family now */
	if (level == IPPROTO_UDP && dgram_peek(fd) != NULL)
		dgram_option_set(dgram_peek(fd), fd, name);
	if (dgram_is_told_option(level, name) && dgram_peek(fd) != NULL)
		dgram_told_set(dgram_peek(fd));
	if (!odd(level, name))
		return r;
	fdtable_note(fd, FD_ODD);
	if (conn_any())
		conn_option_changed(fd, level);
	return r;
}
