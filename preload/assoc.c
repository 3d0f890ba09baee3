/* SPDX-License-Identifier: MIT */
/*
 * assoc.c - one UDP association: its control connection and its relay
 *
 * RFC 1928 section 6: the association lives as long as the TCP connection that asked for
 * it. That connection is a socket of our own (private_fd.c) and a conn like any other, so
 * whoever waits for anything steps it. Once the reply is there it is only kept, and looked
 * at now and then: an end of stream is the end of the association, and so is any byte, for
 * nothing may follow the reply.
 *
 * A proxy that does no UDP is remembered for minutes: programs that can do without, by
 * TCP, do so at once then.
 */
#include "preload/assoc.h"

#include <errno.h>
#include <linux/tcp.h> /* knows tcpi_min_rtt, which glibc does not */
#include <netinet/in.h>
#include <string.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/token.h"
#include "preload/clock.h"
#include "preload/dial.h"

static const struct config *config;

/* Until then nobody is asked (CLOCK_MONOTONIC); the process has one proxy. */
static int64_t refused_until;

#define REFUSED_NS (120 * NS_PER_S)

#define GRACE_LEAST_NS (50 * NS_PER_MS)
#define GRACE_MOST_NS  (250 * NS_PER_MS)

void assoc_setup(const struct config *the_config)
{
	config = the_config;
}

bool assoc_is_refused(void)
{
	int64_t until = __atomic_load_n(&refused_until, __ATOMIC_RELAXED);

	return until != 0 && clock_now_ns() < until;
}

/* The proxy's address that the socket's relay will be beside, or NULL. */
static const struct endpoint *proxy_for(int fd, int family)
{
	enum endpoint_kind kind = dial_reachable(fd, family);

	for (size_t i = 0; i < config->n_addresses; i++)
		if (config->addresses[i].kind == kind)
			return &config->addresses[i];
	if (family == AF_INET)
		log_once("udp-family", "no UDP: the proxy has no address that "
				       "an IPv4 socket reaches");
	else
		log_once("udp-v6only", "no UDP: the proxy has no address that "
				       "a bound socket with IPV6_V6ONLY reaches");
	return NULL;
}

static void peer_of(const struct endpoint *e, int family, struct peer *peer)
{
	struct sockaddr_storage sa;
	int len = endpoint_to_sockaddr(e, family, &sa);

	peer->len = len < 0 ? 0 : (socklen_t)len;
	if (len > 0)
		memcpy(&peer->address, &sa, (size_t)len);
}

int assoc_proxy(int fd, int family, struct peer *proxy)
{
	const struct endpoint *e;

	e = proxy_for(fd, family);
	if (e == NULL)
		return -ENETUNREACH;
	peer_of(e, family, proxy);
	return proxy->len > 0 ? 0 : -ENETUNREACH;
}

/*
 * Zeros for where the datagrams will come from, in the family of the control connection:
 * some servers' relay is of the family that they are given here.
 */
static int ask(struct assoc *assoc, const struct endpoint *proxy,
	       conn_over *over, void *owner)
{
	struct endpoint nowhere = { .kind = proxy->kind };
	struct peer peer;
	struct conn_request request = {
		.fd = assoc->control.fd,
		.command = SOCKS5_UDP_ASSOCIATE,
		.peer = &peer.address.sa,
		.destination = &nowhere,
		.domain = proxy->kind == ENDPOINT_IPV4 ? AF_INET : AF_INET6,
		.nonblocking = true,
		.over = over,
		.owner = owner,
	};

	peer_of(&nowhere, request.domain, &peer);
	return conn_open(&request);
}

int assoc_begin(struct assoc *assoc, int fd, int family, conn_over *over,
		void *owner)
{
	const struct endpoint *proxy;
	int r;

	if (assoc_is_refused() || !fdtable_ours())
		return -ENETUNREACH;
	proxy = proxy_for(fd, family);
	if (proxy == NULL)
		return -ENETUNREACH;
	r = private_fd_socket(&assoc->control,
			      proxy->kind == ENDPOINT_IPV4 ? AF_INET : AF_INET6,
			      SOCK_STREAM);
	if (r < 0)
		return r;
	assoc->begun_ns = clock_now_ns();
	__atomic_store_n(&assoc->phase, ASSOC_PENDING, __ATOMIC_RELEASE);
	r = ask(assoc, proxy, over, owner);
	if (r == 0 || r == -EINPROGRESS)
		return 0;
	assoc_end(assoc);
	return r;
}

/* --- the reply --------------------------------------------------------------------- */

static bool control_peer(const struct assoc *assoc, struct endpoint *e)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	return token_getpeername(assoc->control.fd, &sa, &len) == 0 &&
	       endpoint_from_sockaddr(e, (struct sockaddr *)&sa, len) == 0;
}

/*
 * Where the relay is: BND, unless that is no address, is one that means less here than it
 * does to the proxy, or is out of the socket's reach. Then the proxy's own.
 */
static bool find_relay(const struct assoc *assoc, const struct endpoint *bound,
		       int family, struct peer *relay)
{
	struct endpoint proxy;

	if (bound->port == 0 || !control_peer(assoc, &proxy))
		return false;
	relay->len = 0;
	if (bound->kind != ENDPOINT_NONE &&
	    endpoint_scope(bound) >= endpoint_scope(&proxy) &&
	    endpoint_scope(bound) <= ENDPOINT_SCOPE_GLOBAL)
		peer_of(bound, family, relay);
	proxy.port = bound->port;
	if (relay->len == 0)
		peer_of(&proxy, family, relay);
	return relay->len > 0;
}

/*
 * How long the proxy took to answer, but for the network's part of it: three round trips, of
 * the shortest that TCP has seen. So much it may let a datagram wait.
 */
static int64_t slowness(const struct assoc *assoc)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (sys5(SYS_getsockopt, assoc->control.fd, IPPROTO_TCP, TCP_INFO, &info,
		 &len) < 0)
		return 0;
	return clock_now_ns() - assoc->begun_ns - 3000ll * info.tcpi_min_rtt;
}

static int64_t grace_for(const struct assoc *assoc)
{
	int64_t ns = slowness(assoc);

	if (ns < GRACE_LEAST_NS)
		return GRACE_LEAST_NS;
	return ns < GRACE_MOST_NS ? ns : GRACE_MOST_NS;
}

static void remember_refusal(void)
{
	__atomic_store_n(&refused_until, clock_now_ns() + REFUSED_NS,
			 __ATOMIC_RELAXED);
	log_once("udp", "the proxy does no UDP: such datagrams are refused");
}

/* Whoever sees ASSOC_READY sees all of it. */
static void set_ready(struct assoc *assoc, uint32_t turn)
{
	const struct peer *relay = &assoc->relays[turn];
	struct endpoint e;

	assoc->here = endpoint_from_sockaddr(&e, &relay->address.sa,
					     relay->len) < 0 ||
		      endpoint_is_loopback(&e);
	__atomic_store_n(&assoc->unanswered, false, __ATOMIC_RELAXED);
	__atomic_store_n(&assoc->turn, turn, __ATOMIC_RELEASE);
	__atomic_store_n(&assoc->phase, ASSOC_READY, __ATOMIC_RELEASE);
}

void assoc_settle(struct assoc *assoc, struct conn *conn, int family)
{
	uint32_t turn = !assoc->turn;
	struct endpoint bound;
	bool promised = conn_bound(conn, &bound);

	if (promised &&
	    find_relay(assoc, &bound, family, &assoc->relays[turn])) {
		int64_t now = clock_now_ns();

		__atomic_store_n(&assoc->looked_ns, now, __ATOMIC_RELAXED);
		__atomic_store_n(&assoc->made_ns, now, __ATOMIC_RELAXED);
		assoc->grace_ns = grace_for(assoc);
		set_ready(assoc, turn);
		return;
	}
	/* A relay without a port is none; all else that fails here is of this machine. */
	if (promised ? bound.port == 0 : conn_tells_lack(conn))
		remember_refusal();
	assoc_end(assoc);
}

void assoc_know_relay(struct assoc *assoc, const struct peer *relay)
{
	assoc->relays[assoc->turn] = *relay;
}

void assoc_inherit(struct assoc *assoc, const struct private_fd *control,
		   const struct peer *relay)
{
	assoc->control = *control;
	assoc_know_relay(assoc, relay);
	assoc->grace_ns = GRACE_LEAST_NS;
	set_ready(assoc, assoc->turn);
}

void assoc_step(struct assoc *assoc)
{
	int control = private_fd_number(&assoc->control);
	struct conn *conn = conn_get(control);

	if (conn != NULL)
		conn_step(conn, control);
	conn_put(conn);
}

/* --- as long as it lasts ----------------------------------------------------------- */

bool assoc_is_alive(struct assoc *assoc, bool now)
{
	int control;
	char byte;

	if (!now && assoc_use(assoc))
		return true;
	__atomic_store_n(&assoc->looked_ns, clock_about_ns(), __ATOMIC_RELAXED);
	control = private_fd_get(&assoc->control);
	if (control < 0)
		return false;
	return sys6(SYS_recvfrom, control, &byte, 1, MSG_PEEK | MSG_DONTWAIT,
		    NULL, NULL) == -EAGAIN;
}

int64_t assoc_grace_left(const struct assoc *assoc)
{
	int64_t left;

	if (assoc_phase(assoc) != ASSOC_READY ||
	    !__atomic_load_n(&assoc->unanswered, __ATOMIC_RELAXED))
		return 0;
	left = __atomic_load_n(&assoc->used_ns, __ATOMIC_RELAXED) +
	       assoc->grace_ns - clock_now_ns();
	return left > 0 && left <= assoc->grace_ns ? left : 0;
}

void assoc_grace(const struct assoc *assoc)
{
	struct timespec time = { .tv_nsec = assoc_grace_left(assoc) };

	if (time.tv_nsec > 0)
		sys2(SYS_nanosleep, &time, NULL);
}

void assoc_end(struct assoc *assoc)
{
	__atomic_store_n(&assoc->phase, ASSOC_NONE, __ATOMIC_RELEASE);
	private_fd_close(&assoc->control);
}
