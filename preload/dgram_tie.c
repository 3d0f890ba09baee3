/* SPDX-License-Identifier: MIT */
/*
 * dgram_tie.c - whom the kernel's socket is connected to
 *
 * Theory of Operation
 *
 * A datagram that names no address the kernel sends to where the socket is connected, by the
 * route that it keeps beside. A connect() changes the two one after the other, and a send
 * looks at them without a lock: where they meet, it may take the new address and the route of
 * before, and may leave that route behind for all that is sent later. Here the route of before
 * leads to the relay, and the address may be one of this machine: what is meant for it would
 * be on the network, in the clear.
 *
 * A socket is tied when it is connected to the relay, and what goes there names no address
 * (which saves the kernel a look at its routes). From then on such a send may be under way in
 * another thread, or in another process that has the socket, and nobody can tell when the last
 * one is over. So where the program then connects it to another host, it becomes loose, for
 * good: connected to nobody, so that what the kernel keeps means nothing. Each datagram names
 * where it goes, and what others send is dropped here, as it is for sockets that the program
 * never connected. A send that was under way reaches the relay, or is told EDESTADDRREQ, and
 * is tried again with an address.
 *
 * With one thread, and the socket nobody else's, nothing is under way: the kernel's socket
 * goes where the program's does.
 *
 * IPv6 goes on to ask for the sender after that: a socket that was connected to an IPv6 or a
 * v4-mapped peer, and is not any more, takes from IPv6 hosts what that peer sends, and no
 * more. One that would be loose, and have another IPv6 peer, is refused.
 *
 * Two more things leave an address behind in an IPv4 socket, which the next datagrams that
 * name none go to: a connect() that failed, and a datagram in parts (MSG_MORE) that named one.
 * After such the socket is not tied: until it is connected to the relay anew, or, after parts, at
 * all.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/single_threaded.h>

#include "core/log.h"
#include "core/token.h"
#include "preload/dgram_inner.h"
#include "preload/private_fd.h"

/* --- what is known ---------------------------------------------------------------------- */

/* Datagrams that name no address, on their way to the relay. */
static bool may_be_under_way(const struct dgram *dgram)
{
	return dgram->tied_to.len > 0 &&
	       (dgram->shared || !__libc_single_threaded ||
		__atomic_load_n(&dgram->handed_on, __ATOMIC_RELAXED));
}

static bool is_mapped(const struct peer *peer)
{
	return peer->address.sa.sa_family == AF_INET6 &&
	       IN6_IS_ADDR_V4MAPPED(&peer->address.in6.sin6_addr);
}

static bool same_host(const struct peer *a, const struct peer *b)
{
	if (a->address.sa.sa_family != b->address.sa.sa_family)
		return false;
	if (a->address.sa.sa_family == AF_INET)
		return a->address.in.sin_addr.s_addr ==
		       b->address.in.sin_addr.s_addr;
	return memcmp(&a->address.in6.sin6_addr, &b->address.in6.sin6_addr,
		      sizeof(a->address.in6.sin6_addr)) == 0;
}

/* A loose socket gets what that peer sends. */
static bool would_hear(const struct dgram *dgram, const struct peer *peer)
{
	return dgram->family == AF_INET || is_mapped(peer) ||
	       same_host(peer, &dgram->tied_to);
}

void dgram_untie(struct dgram *dgram)
{
	__atomic_store_n(&dgram->tied, false, __ATOMIC_RELAXED);
}

static void note_loose(struct dgram *dgram)
{
	dgram_untie(dgram);
	__atomic_store_n(&dgram->mixed, true, __ATOMIC_RELAXED);
	__atomic_store_n(&dgram->loose, true, __ATOMIC_RELEASE);
}

/* --- loose ------------------------------------------------------------------------------ */

uint16_t dgram_local_port(int fd)
{
	struct peer own = { .len = sizeof(own.address) };

	if (sys3(SYS_getsockname, fd, &own.address, &own.len) < 0)
		return 0;
	return own.address.in
		.sin_port; /* it stands in the same place in both */
}

/* A port that the kernel chose is given up with the connection: the relay knows that one. */
static void keep_port(struct dgram *dgram, int fd, in_port_t port)
{
	struct peer own = { .len = sizeof(own.address) };

	if (sys3(SYS_getsockname, fd, &own.address, &own.len) == 0 &&
	    own.address.in.sin_port == 0) {
		own.address.in.sin_port = port;
		sys3(SYS_bind, fd, &own.address, own.len);
	}
	if (dgram_local_port(fd) != port)
		assoc_end(&dgram->assoc);
}

static int loosen(struct dgram *dgram, int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	in_port_t port = dgram_local_port(fd);
	int r;

	note_loose(dgram);
	r = (int)token_connect(fd, &none, sizeof(none));
	if (r == 0)
		keep_port(dgram, fd, port);
	return r;
}

static int refuse(void)
{
	log_once("udp-tied",
		 "an IPv6 socket that sends to the proxy's relay cannot be "
		 "connected elsewhere while others may send by it");
	return -ENETUNREACH;
}

static int loosen_for(struct dgram *dgram, int fd, const struct peer *peer)
{
	if (!would_hear(dgram, peer))
		return refuse();
	return dgram_is_loose(dgram) ? 0 : loosen(dgram, fd);
}

bool dgram_loosen(struct dgram *dgram, int fd)
{
	return dgram_is_loose(dgram) ||
	       (dgram->family == AF_INET && loosen(dgram, fd) == 0);
}

bool dgram_may_move(const struct dgram *dgram)
{
	return !dgram_is_loose(dgram) && !may_be_under_way(dgram);
}

/* --- the program's peer ----------------------------------------------------------------- */

/* The relay; the proxy itself as long as there is none. */
static int find_relay(const struct dgram *dgram, int fd, struct peer *relay)
{
	if (assoc_phase(&dgram->assoc) != ASSOC_READY)
		return assoc_proxy(fd, dgram->family, relay);
	*relay = *assoc_relay(&dgram->assoc);
	return 0;
}

int dgram_tie(struct dgram *dgram, int fd)
{
	struct peer to;
	int r = find_relay(dgram, fd, &to);

	dgram_untie(dgram);
	if (r < 0)
		return -ENETUNREACH;
	if (!dgram_may_move(dgram) &&
	    (dgram_is_loose(dgram) || !same_host(&to, &dgram->tied_to)))
		return loosen_for(dgram, fd, &to);
	r = (int)token_connect(fd, &to.address, to.len);
	if (r < 0 || assoc_phase(&dgram->assoc) != ASSOC_READY)
		return r;
	dgram->tied_to = to;
	__atomic_store_n(&dgram->tied, !dgram->parted, __ATOMIC_RELEASE);
	return 0;
}

void dgram_tie_inherited(struct dgram *dgram, int fd)
{
	struct peer to = { .len = sizeof(to.address) };

	__atomic_store_n(&dgram->handed_on, true, __ATOMIC_RELAXED);
	if (token_getpeername(fd, &to.address, &to.len) < 0) {
		note_loose(dgram);
		return;
	}
	dgram->tied_to = to;
	__atomic_store_n(&dgram->tied, true, __ATOMIC_RELEASE);
}

int dgram_tie_self(struct dgram *dgram, int fd,
		   const union route_address *address, socklen_t len)
{
	struct peer own;
	int r;

	dgram_untie(dgram);
	if (dgram_may_move(dgram)) {
		dgram->tied_to.len = 0;
		return dgram_connect_self(fd, address, len);
	}
	r = dgram_own_address(fd, &own);
	return r < 0 ? r : loosen_for(dgram, fd, &own);
}

/* What the kernel says of it, asked with a socket of our own. */
static int try_connect(int family, const struct peer *peer)
{
	struct private_fd probe;
	int r = private_fd_socket(&probe, family, SOCK_DGRAM);

	if (r < 0)
		return r;
	r = (int)token_connect(probe.fd, &peer->address, peer->len);
	private_fd_close(&probe);
	return r;
}

int dgram_tie_past(struct dgram *dgram, int fd, const struct peer *peer)
{
	int r;

	dgram_untie(dgram);
	if (dgram_may_move(dgram)) {
		dgram->tied_to.len = 0;
		r = (int)token_connect(fd, &peer->address, peer->len);
		return r < 0 ? r : DGRAM_DIRECT;
	}
	r = try_connect(dgram->family, peer);
	if (r == 0)
		r = loosen_for(dgram, fd, peer);
	return r < 0 ? r : DGRAM_APART;
}

/* --- what sends ------------------------------------------------------------------------- */

int dgram_part_past(struct dgram *dgram)
{
	sigset_t signals;
	int r = 0;

	if (dgram->family != AF_INET) /* IPv6 does not look there */
		return 0;
	dgram_lock(dgram, &signals);
	if (may_be_under_way(dgram)) {
		r = -EOPNOTSUPP;
	} else {
		dgram->parted = true;
		dgram_untie(dgram);
	}
	dgram_unlock(dgram, &signals);
	return r;
}

void dgram_found_loose(struct dgram *dgram)
{
	note_loose(dgram);
}
