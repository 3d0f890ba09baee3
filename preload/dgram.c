/* SPDX-License-Identifier: MIT */
/*
 * dgram.c - what a program's UDP socket stands for, once it means a proxied peer
 *
 * Theory of Operation
 *
 * A UDP socket is the kernel's until the program connects it to a proxied address or
 * sends to one. From then on its descriptor stands for a struct dgram, which knows what the
 * program believes (whom it is connected to) and what is true: the socket of a program that
 * connected is connected to the proxy's relay, so that the kernel itself keeps out what
 * others send, and readiness is its own; until there is a relay it is connected to the
 * proxy (dgram_tie.c). The socket of a program that did not connect is not connected either,
 * and what it receives is told apart by the sender's address.
 *
 * The association (assoc.c) is asked for when the first datagram is sent. A blocking call
 * waits for it; one that may not wait leaves its datagram in a queue, and whoever waits for
 * the socket afterwards steps the negotiation: an epoll by a marker (conn_attend), poll and
 * select by waiting for the control connection as well (thing_kind.attend), a blocking
 * receive here. Whoever finds that it is over sends what is queued.
 *
 * The way of a datagram when all that is done takes no lock and no allocation: the peer's
 * header stands ready (targets; routes), and what is read while it changes is the one or
 * the other. What changes is changed under the lock, by compare-and-swap with all signals
 * blocked, for a moment.
 *
 * The association ends with its TCP connection: that is looked at before a datagram is sent,
 * but not more often than ten times a second. A new one is made for the same socket, whose
 * port stays what it is.
 *
 * fork: both sides have the socket and the control connection, and go on. What is queued is
 * sent by the parent. vfork: a child makes no association, since it would be its parent's.
 * close: with the last descriptor that stands for it the control connection goes, too.
 */
#include "preload/dgram_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/token.h"
#include "preload/ask.h"
#include "preload/clock.h"
#include "preload/dgram_dns.h"
#include "preload/dgram_names.h"
#include "preload/detour.h"
#include "resolver/nameserver.h"
#include "preload/options.h"
#include "preload/proxy.h"
#include "preload/signals.h"
#include "preload/watch.h"
#include "resolver/fakemap.h"

enum { PATIENCE_S = 5 }; /* of a blocking call, for the proxy */

/* An association that is no older is not given up for a word of its host. */
#define YOUNG_NS (200 * NS_PER_MS)

const struct config *dgram_config;
static struct pool dgrams = { .size = sizeof(struct dgram), .per_chunk = 16 };

uint32_t dgram_count;

/* One is made at a time, or two threads make two of one socket. */
static uint32_t making;

void dgram_setup(const struct config *the_config)
{
	dgram_config = the_config;
	assoc_setup(the_config);
}

/* --- the lock ---------------------------------------------------------------------- */

void dgram_lock(struct dgram *dgram, sigset_t *signals)
{
	signals_block(signals);
	while (__atomic_exchange_n(&dgram->lock, 1, __ATOMIC_ACQUIRE) != 0)
		sys0(SYS_sched_yield);
}

void dgram_unlock(struct dgram *dgram, const sigset_t *signals)
{
	__atomic_store_n(&dgram->lock, 0, __ATOMIC_RELEASE);
	signals_restore(signals);
}

/* --- which sockets ----------------------------------------------------------------- */

bool dgram_is_udp(int fd, int *family)
{
	unsigned int notes = fdtable_notes(fd);

	/* What the notes call a stream may be another socket by now: the kernel is asked. */
	if ((notes & (FD_SEEN | FD_STREAM)) == FD_SEEN) {
		*family = notes & FD_INET6 ? AF_INET6 : AF_INET;
		return true;
	}
	*family = option_get(fd, SOL_SOCKET, SO_DOMAIN, AF_UNSPEC);
	return (*family == AF_INET || *family == AF_INET6) &&
	       option_get(fd, SOL_SOCKET, SO_TYPE, 0) == SOCK_DGRAM &&
	       option_get(fd, SOL_SOCKET, SO_PROTOCOL, 0) == IPPROTO_UDP;
}

static void dgram_release(struct thing *thing)
{
	struct dgram *dgram = (struct dgram *)thing;
	bool queued;
	bool leaves = dgram_leave_begin(dgram, &queued);
	sigset_t signals;

	if (!leaves || !queued)
		ask_forget(dgram); /* else it may be about names in the queue */
	if (leaves)
		return;
	/* Another thread may still be in a call on it; the batch stays for the next one. */
	dgram_lock(dgram, &signals);
	assoc_end(&dgram->assoc);
	dgram_queue_drop(dgram);
	dgram_unlock(dgram, &signals);
	__atomic_sub_fetch(&dgram_count, 1, __ATOMIC_RELAXED);
	pool_give(&dgrams, dgram);
}

/* Waiting for the socket is waiting for its association, too. */
static size_t dgram_attend(struct thing *thing, struct pollfd *fds, size_t max)
{
	struct dgram *dgram = (struct dgram *)thing;
	struct conn *conn;
	int control;

	if (max == 0 || assoc_phase(&dgram->assoc) != ASSOC_PENDING)
		return 0;
	control = private_fd_number(&dgram->assoc.control);
	conn = conn_get(control);
	if (conn == NULL)
		return 0;
	fds[0].fd = control;
	fds[0].events = conn_events(conn);
	fds[0].revents = 0;
	conn_put(conn);
	return 1;
}

static void dgram_step(struct thing *thing)
{
	struct dgram *dgram = (struct dgram *)thing;

	if (assoc_phase(&dgram->assoc) == ASSOC_PENDING)
		assoc_step(&dgram->assoc);
}

const struct thing_kind dgram_kind = {
	.release = dgram_release,
	.attend = dgram_attend,
	.step = dgram_step,
};

/* One whose writer was killed, or is in a signal handler that never returns, stays as it is. */
static void forget_slots(struct dgram *dgram)
{
	static const struct dgram_known nothing;

	for (size_t i = 0; i < DGRAM_ROUTES; i++)
		dgram_slot_write(&dgram->routes[i], &nothing);
	for (size_t i = 0; i < DGRAM_SENDERS; i++)
		dgram_slot_write(&dgram->senders[i], &nothing);
}

static struct dgram *dgram_new(int fd, int family)
{
	static const struct peer nowhere;
	struct dgram *dgram;

	if (dgram_any_leaving())
		dgram_leave_look();
	dgram = pool_take(&dgrams);
	if (dgram == NULL)
		return NULL;
	__atomic_store_n(&dgram->thing.kind, &dgram_kind, __ATOMIC_RELAXED);
	dgram->lock = 0;
	dgram->fd = fd;
	dgram->family = family;
	dgram->connected = DGRAM_NONE;
	dgram->cookie = option_cookie(fd);
	__atomic_store_n(&dgram->leaves, 0, __ATOMIC_RELAXED);
	dgram->nudged = false;
	dgram->handed_on = false;
	dgram->parted = false;
	dgram->loose = false;
	dgram->tied = false;
	dgram->mixed = false;
	dgram->tied_to.len = 0;
	dgram->assoc = (struct assoc){ .control = { .fd = -1 } };
	dgram->error = 0;
	dgram->dropped = 0;
	dgram->noisy = false;
	pair_write(&dgram->self_turn, dgram->selves, &nowhere, sizeof(nowhere));
	dgram->whole = false;
	if (dgram->fragments != NULL)
		fragments_reset(dgram->fragments);
	dgram->odd = 0;
	dgram->segment = (uint16_t)option_get(fd, IPPROTO_UDP, UDP_SEGMENT, 0);
	dgram->cork = option_get(fd, IPPROTO_UDP, UDP_CORK, 0) != 0;
	if (option_get(fd, SOL_SOCKET, SO_PEEK_OFF, -1) >= 0)
		option_set(fd, SOL_SOCKET, SO_PEEK_OFF, -1); /* hook_socket.c */
	dgram->lead = SOCKS5_UDP_HEADER_IPV4;
	forget_slots(dgram);
	dgram->direct = false;
	dgram->told = DGRAM_UNTOLD;
	sources_clear(&dgram->sources);
	__atomic_add_fetch(&dgram_count, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&dgram->thing.refs, 1, __ATOMIC_RELEASE);
	return dgram;
}

/* A duplicate that was made before shows the same socket. */
static void show_too(int fd, void *arg)
{
	struct dgram *dgram = arg;

	if (option_cookie(fd) == dgram->cookie)
		fdtable_share(fd, &dgram->thing);
}

static struct dgram *make_shown(int fd, int family)
{
	struct dgram *dgram = dgram_peek(fd);

	if (dgram != NULL)
		return dgram;
	dgram = dgram_new(fd, family);
	if (dgram == NULL)
		return NULL;
	if (fdtable_set(fd, &dgram->thing) < 0) {
		fdtable_put(&dgram->thing);
		return NULL;
	}
	if (fdtable_notes(fd) & FD_DUPED)
		fdtable_each_noted(FD_DUPED, show_too, dgram);
	return dgram;
}

struct dgram *dgram_made(int fd, int family)
{
	struct dgram *dgram = dgram_peek(fd);
	sigset_t signals;

	if (dgram != NULL && dgram->cookie == option_cookie(fd))
		return dgram;
	signals_block(&signals);
	while (__atomic_exchange_n(&making, 1, __ATOMIC_ACQUIRE) != 0)
		sys0(SYS_sched_yield);
	if (dgram != NULL)
		fdtable_forget(fd, &dgram->thing);
	dgram = make_shown(fd, family);
	__atomic_store_n(&making, 0, __ATOMIC_RELEASE);
	signals_restore(&signals);
	return dgram;
}

bool dgram_stale(struct dgram *dgram, int fd)
{
	if (option_cookie(fd) == dgram->cookie)
		return false;
	fdtable_forget(fd, &dgram->thing);
	return true;
}

int dgram_shown_by(struct dgram *dgram)
{
	if (dgram_peek(dgram->fd) == dgram &&
	    option_cookie(dgram->fd) == dgram->cookie)
		return dgram->fd;
	dgram->fd = fdtable_find(&dgram->thing);
	return dgram->fd >= 0 && option_cookie(dgram->fd) == dgram->cookie ?
		       dgram->fd :
		       -1;
}

/* --- where a datagram goes --------------------------------------------------------- */

/*
 * The broadcast address of one of this machine's own networks: the kernel knows. No packet
 * is sent, and the socket is gone when this returns.
 */
static bool is_broadcast(const struct endpoint *to)
{
	struct sockaddr_storage sa;
	struct private_fd own;
	int len;
	long r;

	if (to->kind != ENDPOINT_IPV4 || (to->v4[3] & 3) != 3 ||
	    endpoint_scope(to) != ENDPOINT_SCOPE_SITE)
		return false;
	len = endpoint_to_sockaddr(to, AF_INET, &sa);
	if (private_fd_socket(&own, AF_INET, SOCK_DGRAM) < 0)
		return true;
	r = token_connect(own.fd, &sa, len);
	private_fd_close(&own);
	return r == -EACCES;
}

/* Why it cannot go through a proxy, or NULL. */
static const char *unfit(const struct endpoint *to)
{
	/* What is asked of a name server goes by TCP (dgram_dns.c). */
	if (!dgram_config->udp && to->port != DNS_SERVICE_PORT)
		return "udp = block";
	switch (endpoint_scope(to)) {
	case ENDPOINT_SCOPE_GROUP:
		return "multicast and broadcast need a direct rule";
	case ENDPOINT_SCOPE_LINK:
		return "a link-local address needs a direct rule";
	default:
		break;
	}
	if (is_broadcast(to))
		return "multicast and broadcast need a direct rule";
	return NULL;
}

/* This machine's answer comes from there, if it is asked under no address. */
static void show_loopback(struct endpoint *e)
{
	static const uint8_t none[16], v6[16] = { [15] = 1 };
	static const uint8_t v4[4] = { 127, 0, 0, 1 };

	if (e->kind == ENDPOINT_IPV4 && memcmp(e->v4, none, sizeof(v4)) == 0)
		memcpy(e->v4, v4, sizeof(v4));
	else if (e->kind == ENDPOINT_IPV6 &&
		 memcmp(e->v6, none, sizeof(none)) == 0)
		memcpy(e->v6, v6, sizeof(v6));
}

int dgram_judge(const union route_address *address, socklen_t len,
		struct endpoint *to)
{
	int route = route_of_datagram(dgram_config, &address->sa, len, to);
	const char *why;

	if (route == -EINVAL)
		return route;
	if (route < 0)
		return -ENETUNREACH;
	if (nameserver_is_stub(dgram_config, to)) {
		show_loopback(to);
		return ROUTE_VIA;
	}
	if (route == ROUTE_DIRECT)
		return route;
	if (route == ROUTE_BLOCK) {
		route_blocked(dgram_config, to);
		return -ENETUNREACH;
	}
	why = unfit(to);
	if (why == NULL)
		return ROUTE_VIA;
	route_refused(to, why);
	return -ENETUNREACH;
}

/* --- the program's connect --------------------------------------------------------- */

static bool stands_for_name(const struct endpoint *to)
{
	return to->kind == ENDPOINT_NAME;
}

static void set_target(struct dgram *dgram, const struct dgram_target *target)
{
	__atomic_store_n(&dgram->lead,
			 target->peer.address.sa.sa_family == AF_INET ?
				 SOCKS5_UDP_HEADER_IPV4 :
				 SOCKS5_UDP_HEADER_IPV6,
			 __ATOMIC_RELAXED);
	pair_write(&dgram->turn, dgram->targets, target, sizeof(*target));
}

/*
 * How a name is sent to is decided when that is done: programs connect to learn their own
 * address, too. A name server is asked in another way. False: it cannot be a target.
 */
static bool make_target(struct dgram_target *target, const struct endpoint *to)
{
	int len = socks5_put_udp_header(target->header, sizeof(target->header),
					to);

	if (len < 0)
		return false;
	target->len = (uint16_t)len;
	target->route = ROUTE_VIA;
	if (to->port == 0)
		target->route = OUTGOING_NOWHERE;
	else if (stands_for_name(to) && to->port != DNS_SERVICE_PORT)
		target->route = OUTGOING_HELD;
	return true;
}

/* given is the address that stands for the name. 0 or -errno. */
static int enter_target(struct dgram *dgram, struct dgram_target *target,
			const union route_address *given, socklen_t len,
			const struct endpoint *to)
{
	int name;

	target->source = 0;
	if (target->route != OUTGOING_HELD)
		return 0;
	name = sources_enter(&dgram->sources, &given->sa, len, to);
	if (name < 0)
		return name;
	target->source = (uint16_t)(name + 1);
	return 0;
}

/* It still is, and is not settled. */
static bool is_target(const struct dgram *dgram, const struct dgram_target *target)
{
	struct dgram_target now = dgram_target(dgram);

	return now.route == OUTGOING_HELD && now.source == target->source &&
	       now.len == target->len &&
	       memcmp(now.header, target->header, now.len) == 0;
}

int dgram_settle_target(struct dgram *dgram, const struct dgram_target *target,
			struct outgoing *out)
{
	struct dgram_target settled = *target;
	struct endpoint to;
	sigset_t signals;
	uint8_t frag;
	int r;

	if (socks5_get_udp_header(settled.header, settled.len, &frag, &to) < 0)
		return -ENETUNREACH;
	out->source = settled.source;
	out->header = out->own;
	memcpy(out->own, settled.header, settled.len);
	r = dgram_name_header(dgram, settled.source - 1, &to, settled.header);
	if (r <= 0)
		return r; /* held, with the header of the name */
	memcpy(out->own, settled.header, (size_t)r);
	out->len = (size_t)r;
	out->route = ROUTE_VIA;
	settled.len = (uint16_t)r;
	settled.route = ROUTE_VIA;
	dgram_lock(dgram, &signals);
	if (is_target(dgram, target))
		set_target(dgram, &settled);
	dgram_unlock(dgram, &signals);
	return 0;
}

void dgram_unsettle_target(struct dgram *dgram)
{
	struct dgram_target target;
	struct endpoint address, to;
	sigset_t signals;

	dgram_lock(dgram, &signals);
	target = dgram_target(dgram);
	if (dgram_connected(dgram) == DGRAM_VIA && target.source > 0 &&
	    endpoint_from_sockaddr(&address, &target.peer.address.sa,
				   target.peer.len) == 0 &&
	    fakemap_name(&address, &to) == 1 && make_target(&target, &to))
		set_target(dgram, &target);
	dgram_unlock(dgram, &signals);
}

/* What the program is shown as its peer. */
static void shown_peer(struct peer *shown, const struct endpoint *to, int family,
		       const union route_address *address, socklen_t len)
{
	struct sockaddr_storage sa;

	shown->len = len;
	memcpy(&shown->address, &address->storage, sizeof(shown->address));
	if (!endpoint_is_loopback(to))
		return;
	shown->len = (socklen_t)endpoint_to_sockaddr(to, family, &sa);
	memcpy(&shown->address, &sa, shown->len);
}

static int connect_via(int fd, int family, const union route_address *address,
		       socklen_t len, const struct endpoint *to)
{
	bool dns = to->port == DNS_SERVICE_PORT;
	struct dgram_target target = { .unused = 0 };
	struct dgram *dgram;
	sigset_t signals;
	int r;

	if (!make_target(&target, to) || (!dns && assoc_is_refused()))
		return -ENETUNREACH;
	r = dns ? 0 : proxy_find();
	if (r < 0)
		return -ENETUNREACH;
	dgram = dgram_made(fd, family);
	if (dgram == NULL)
		return -ENOBUFS;
	shown_peer(&target.peer, to, family, address, len);
	r = enter_target(dgram, &target, address, len, to);
	if (r < 0)
		return r;
	dgram_lock(dgram, &signals);
	r = dns ? dgram_tie_self(dgram, fd, address, len)
		: dgram_tie(dgram, fd);
	if (r == 0) {
		set_target(dgram, &target);
		__atomic_store_n(&dgram->connected,
				 dns ? DGRAM_DNS : DGRAM_VIA, __ATOMIC_RELEASE);
	}
	dgram_unlock(dgram, &signals);
	return r;
}

/* Past the proxy. */
static int connect_past(struct dgram *dgram, int fd,
			const union route_address *address, socklen_t len,
			struct endpoint *to)
{
	struct dgram_target target = { .route = ROUTE_DIRECT };
	struct peer peer = { .len = len };
	sigset_t signals;
	int r;

	if (len > sizeof(peer.address))
		peer.len = sizeof(peer.address);
	memcpy(&peer.address, address, peer.len);
	show_loopback(to);
	shown_peer(&target.peer, to, dgram->family, address, peer.len);
	dgram_lock(dgram, &signals);
	r = dgram_tie_past(dgram, fd, &peer);
	if (r == DGRAM_APART)
		set_target(dgram, &target);
	if (r >= 0)
		__atomic_store_n(&dgram->connected, (uint32_t)r,
				 __ATOMIC_RELEASE);
	dgram_unlock(dgram, &signals);
	return r < 0 ? r : 0;
}

int dgram_connect(int fd, const union route_address *address, socklen_t len)
{
	struct dgram *dgram = dgram_peek(fd);
	struct endpoint to;
	int family;
	int route = dgram_judge(address, len, &to);

	if (route < 0)
		return route;
	if (!dgram_is_udp(fd, &family))
		return -EAFNOSUPPORT;
	/* An IPv6 address is none to an IPv4 socket: the kernel says so. */
	if (route == ROUTE_VIA &&
	    !(family == AF_INET && address->sa.sa_family == AF_INET6))
		return connect_via(fd, family, address, len, &to);
	return dgram == NULL ? (int)token_connect(fd, &address->sa, len)
			     : connect_past(dgram, fd, address, len, &to);
}

/* A port that the kernel chose is given up by that: the relay knows the old one. */
int dgram_disconnect(struct dgram *dgram, int fd, const struct sockaddr *none,
		     socklen_t len)
{
	uint16_t before = dgram_local_port(fd);
	sigset_t signals;
	int r;

	dgram_lock(dgram, &signals);
	dgram_untie(dgram);
	r = (int)token_connect(fd, none, len);
	if (r == 0) {
		__atomic_store_n(&dgram->connected, DGRAM_NONE,
				 __ATOMIC_RELEASE);
		if (dgram_local_port(fd) != before)
			assoc_end(&dgram->assoc);
	}
	dgram_unlock(dgram, &signals);
	return r;
}

/* --- the association ---------------------------------------------------------------- */

void dgram_send_queued(struct dgram *dgram)
{
	const struct peer *relay = assoc_relay(&dgram->assoc);
	struct private_fd own = { .fd = -1 };
	int fd;

	if (assoc_phase(&dgram->assoc) != ASSOC_READY)
		return;
	if (dgram_leaves(dgram))
		private_fd_socket(&own, dgram->family, SOCK_DGRAM);
	fd = own.fd >= 0 ? own.fd : dgram_shown_by(dgram);
	if (own.fd >= 0 && dgram_is_tied(dgram))
		token_connect(own.fd, &relay->address, relay->len);
	if (fd >= 0)
		dgram_queue_send(dgram, fd);
	else
		dgram_queue_drop(dgram);
	private_fd_close(&own);
}

/* Its control connection is over, in one way or the other. */
static void associated(struct conn *conn, void *owner)
{
	struct dgram *dgram = owner;
	sigset_t signals;
	int fd;

	dgram_lock(dgram, &signals);
	if (dgram->assoc.control.cookie == conn->cookie &&
	    assoc_phase(&dgram->assoc) == ASSOC_PENDING) {
		fd = dgram_leaves(dgram) ? -1 : dgram_shown_by(dgram);
		dgram_untie(dgram);
		assoc_settle(&dgram->assoc, conn, dgram->family);
		dgram_unnudge(dgram);
		if (assoc_phase(&dgram->assoc) == ASSOC_READY) {
			if (fd >= 0 && dgram_connected(dgram) == DGRAM_VIA)
				dgram_tie(dgram, fd);
			dgram_send_queued(dgram);
			assoc_used(&dgram->assoc, clock_now_ns());
		} else {
			if (fd >= 0 && dgram->queued > 0)
				dgram_fail(dgram, fd);
			dgram_queue_drop(dgram);
		}
	}
	dgram_unlock(dgram, &signals);
}

static void attend_epoll(int epfd, void *arg)
{
	const int *control = arg;

	conn_attend(*control, epfd);
}

static bool may_be_watched(int fd)
{
	return (fdtable_notes(fd) & (FD_SEEN | FD_WATCHED | FD_DUPED)) !=
	       FD_SEEN;
}

/* Whoever sleeps on the socket already, in an epoll or otherwise, is to step it. */
static void wake_waiters(struct dgram *dgram, int fd, int control, int flags)
{
	if (may_be_watched(fd))
		watch_each_epoll(fd, attend_epoll, &control);
	else if (!__libc_single_threaded && !dgram_may_wait(fd, flags))
		dgram_nudge(dgram, fd);
}

static int begin(struct dgram *dgram, int fd, int flags)
{
	sigset_t signals;
	int control = -1;
	int r = 0;

	if (proxy_find() < 0) /* which may take its time: not with the lock */
		return -ENETUNREACH;
	dgram_lock(dgram, &signals);
	/* Closed by another thread meanwhile: nobody would end it. */
	if (__atomic_load_n(&dgram->thing.refs, __ATOMIC_ACQUIRE) == 0) {
		r = -EBADF;
	} else if (assoc_phase(&dgram->assoc) == ASSOC_NONE) {
		r = assoc_begin(&dgram->assoc, fd, dgram->family, associated,
				dgram);
		control = dgram->assoc.control.fd;
	}
	dgram->fd = fd;
	dgram_unlock(dgram, &signals);
	if (r == 0 && control >= 0)
		wake_waiters(dgram, fd, control, flags);
	return r;
}

/* Not for long: a datagram would be lost by then. */
int64_t dgram_send_limit_ns(int fd)
{
	int64_t limit = clock_now_ns() + PATIENCE_S * NS_PER_S;
	struct timeval timeout = option_send_timeout(fd);
	int64_t own = clock_limit_ns(&timeout);

	return own < limit ? own : limit;
}

static void wait_for_relay(struct dgram *dgram, int fd)
{
	conn_settle(private_fd_number(&dgram->assoc.control),
		    dgram_send_limit_ns(fd));
}

/* The program has closed the control connection where we did not see it: nobody is told. */
static void give_up_stolen(struct dgram *dgram)
{
	sigset_t signals;

	dgram_lock(dgram, &signals);
	if (assoc_phase(&dgram->assoc) == ASSOC_PENDING &&
	    private_fd_get(&dgram->assoc.control) < 0)
		assoc_end(&dgram->assoc);
	dgram_unlock(dgram, &signals);
}

/* Where another process has connected the socket to its relay meanwhile. */
static void turn_to_own_relay(struct dgram *dgram, int fd)
{
	struct peer now = { .len = sizeof(now.address) };
	const struct peer *own;
	sigset_t signals;

	if (!dgram->shared || dgram_connected(dgram) != DGRAM_VIA)
		return;
	dgram_lock(dgram, &signals);
	own = assoc_relay(&dgram->assoc);
	if (token_getpeername(fd, &now.address, &now.len) == 0 &&
	    (now.len != own->len ||
	     memcmp(&now.address, &own->address, now.len) != 0))
		dgram_tie(dgram, fd);
	dgram_unlock(dgram, &signals);
}

int dgram_need_relay(struct dgram *dgram, int fd, int flags)
{
	int r;

	if (assoc_phase(&dgram->assoc) == ASSOC_READY) {
		if (assoc_is_alive(&dgram->assoc, false)) {
			turn_to_own_relay(dgram, fd);
			return 0;
		}
		dgram_lost(dgram);
	}
	if (assoc_phase(&dgram->assoc) == ASSOC_PENDING)
		give_up_stolen(dgram);
	if (assoc_phase(&dgram->assoc) == ASSOC_NONE) {
		r = begin(dgram, fd, flags);
		if (r == -EBADF)
			return r;
		if (r < 0) {
			dgram_error_told(dgram, fd);
			return -ENETUNREACH;
		}
	}
	assoc_step(&dgram->assoc);
	if (assoc_phase(&dgram->assoc) == ASSOC_PENDING) {
		if (!dgram_may_wait(fd, flags) && !dgram_tells_by_signal(fd))
			return 1;
		/* Nobody expects a datagram's send to be interrupted: it is queued. */
		wait_for_relay(dgram, fd);
	}
	switch (assoc_phase(&dgram->assoc)) {
	case ASSOC_READY:
		assoc_is_alive(&dgram->assoc, false); /* it is used */
		return 0;
	case ASSOC_PENDING:
		return 1;
	default:
		dgram_error_told(dgram, fd);
		return -ENETUNREACH;
	}
}

static void end_if_lost(struct dgram *dgram, bool refused)
{
	sigset_t signals;

	dgram_lock(dgram, &signals);
	if (assoc_phase(&dgram->assoc) == ASSOC_READY) {
		if (refused || !assoc_is_alive(&dgram->assoc, true))
			assoc_end(&dgram->assoc);
		else if (dgram_connected(dgram) == DGRAM_VIA &&
			 dgram_shown_by(dgram) >= 0)
			/* Another process that has it led it to its own relay. */
			dgram_tie(dgram, dgram->fd);
	}
	dgram_unlock(dgram, &signals);
}

void dgram_lost(struct dgram *dgram)
{
	end_if_lost(dgram, false);
}

void dgram_refused(struct dgram *dgram)
{
	int64_t made = __atomic_load_n(&dgram->assoc.made_ns, __ATOMIC_RELAXED);

	end_if_lost(dgram, clock_now_ns() - made > YOUNG_NS);
}

/* --- waiting -------------------------------------------------------------------------- */

/*
 * One round, signals blocked but in the wait. 0: there is no need to wait here (any more);
 * 1: go on; -errno of the receive.
 */
static int wait_once(struct dgram *dgram, int fd, int64_t limit_ns,
		     const sigset_t *signals)
{
	struct pollfd fds[2] = { { .fd = fd, .events = POLLIN } };
	int64_t until = conn_look_again(true);
	int64_t left = (until < limit_ns ? until : limit_ns) - clock_now_ns();
	struct timespec slice = { 0 };

	if (dgram_attend(&dgram->thing, &fds[1], 1) == 0)
		return 0;
	if (left > 0) {
		slice.tv_sec = left / NS_PER_S;
		slice.tv_nsec = left % NS_PER_S;
	}
	if (REAL(ppoll)(fds, 2, &slice, signals) < 0)
		return errno == EINTR && limit_ns == INT64_MAX &&
				       signals_restart(signals) ?
			       1 :
			       -errno;
	conn_expire();
	dgram_step(&dgram->thing);
	if (fds[0].revents != 0)
		return 0;
	return limit_ns != INT64_MAX && clock_now_ns() >= limit_ns ? -EAGAIN : 1;
}

/* As conn_wait_known: a cancellation point in the wait, and nowhere else. */
int dgram_wait_readable(struct dgram *dgram, int fd)
{
	struct timeval timeout = option_timeout(fd, SO_RCVTIMEO);
	int64_t limit = clock_limit_ns(&timeout);
	int saved_errno = errno;
	sigset_t signals;
	int r = 1;
	int type;

	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	signals_block_but_cancel(&signals);
	while (r == 1 && assoc_phase(&dgram->assoc) == ASSOC_PENDING)
		r = wait_once(dgram, fd, limit, &signals);
	signals_restore(&signals);
	pthread_setcanceltype(type, NULL);
	errno = saved_errno;
	return r < 0 ? r : 0;
}

void dgram_dropped(struct dgram *dgram, const char *why)
{
	__atomic_add_fetch(&dgram->dropped, 1, __ATOMIC_RELAXED);
	log_once(why, "a datagram was dropped: %s", why);
}

/* --- memory --------------------------------------------------------------------------- */

static void *batch_made(struct dgram *dgram)
{
	long p;

	if (dgram->batch != NULL)
		return dgram->batch;
	p = sys6(SYS_mmap, NULL, BATCH_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096)
		return NULL;
	dgram->batch = (void *)p;
	return dgram->batch;
}

void *batch_claim(struct dgram *dgram, sigset_t *signals)
{
	void *batch;

	signals_block(signals);
	if (__atomic_exchange_n(&dgram->batch_busy, 1, __ATOMIC_ACQUIRE) != 0) {
		signals_restore(signals);
		return NULL;
	}
	batch = batch_made(dgram);
	if (batch == NULL)
		batch_free(dgram, signals);
	return batch;
}

void batch_free(struct dgram *dgram, const sigset_t *signals)
{
	__atomic_store_n(&dgram->batch_busy, 0, __ATOMIC_RELEASE);
	signals_restore(signals);
}

/* --- what stdio writes by itself -------------------------------------------------------- */

/*
 * The kernel keeps what was sent with MSG_MORE until something is sent without it, and then
 * both are one datagram. What it keeps is dropped by a send that fails on the way.
 */
void dgram_unprime(struct dgram *dgram, int fd)
{
	sys6(SYS_sendto, fd, NULL, 1, MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL,
	     NULL, 0);
	__atomic_store_n(&dgram->primed, false, __ATOMIC_RELAXED);
}

void dgram_prime(int fd)
{
	struct dgram *dgram = dgram_peek(fd);
	const struct msghdr plain = { 0 };
	union route_address address;
	struct outgoing out;

	if (dgram == NULL || dgram_connected(dgram) != DGRAM_VIA ||
	    dgram_need_relay(dgram, fd, 0) != 0 || !dgram_is_tied(dgram) ||
	    outgoing_find(dgram, &plain, &address, &out) < 0 ||
	    out.route != ROUTE_VIA)
		return;
	dgram_unprime(dgram, fd);
	__atomic_store_n(&dgram->stdio, true, __ATOMIC_RELAXED);
	if (sys6(SYS_sendto, fd, out.header, out.len,
		 MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0) > 0)
		__atomic_store_n(&dgram->primed, true, __ATOMIC_RELAXED);
}

/* --- what the program asks ------------------------------------------------------------ */

void dgram_option_set(struct dgram *dgram, int fd, int name)
{
	sigset_t signals;

	if (name == UDP_SEGMENT)
		__atomic_store_n(&dgram->segment,
				 (uint16_t)option_get(fd, IPPROTO_UDP, name, 0),
				 __ATOMIC_RELAXED);
	if (name != UDP_CORK)
		return;
	dgram_lock(dgram, &signals);
	__atomic_store_n(&dgram->cork,
			 option_get(fd, IPPROTO_UDP, name, 0) != 0,
			 __ATOMIC_RELAXED);
	if (!dgram->cork) { /* which sends what was held back */
		dgram->queue_open = false;
		__atomic_store_n(&dgram->corked, false, __ATOMIC_RELAXED);
	}
	dgram_unlock(dgram, &signals);
}

void dgram_option(struct dgram *dgram, int fd, int level, int name, int *value)
{
	if (level == SOL_SOCKET && name == SO_ERROR)
		*value = (int)-dgram_told(dgram, fd, -*value);
	if (dgram_is_told_option(level, name) &&
	    dgram_who_is_told(dgram) == DGRAM_TOLD_US)
		*value = 0;
	if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY &&
	    fdtable_notes(fd) & FD_V6ONLY)
		*value = 1;
	if (dgram_connected(dgram) != DGRAM_VIA)
		return;
	if ((level == IPPROTO_IP && name == IP_MTU) ||
		   (level == IPPROTO_IPV6 && name == IPV6_MTU)) {
		*value -= (int)dgram_head(dgram);
	}
}

/* --- the life of descriptors ----------------------------------------------------------- */

void dgram_move_control(int fd)
{
	uint32_t used = pool_used(&dgrams);
	sigset_t signals;

	for (uint32_t i = 0; fdtable_ours() && i < used; i++) {
		struct dgram *dgram = pool_at(&dgrams, i);

		if (dgram == NULL || dgram->thing.refs == 0 ||
		    private_fd_number(&dgram->assoc.control) != fd)
			continue;
		dgram_lock(dgram, &signals);
		private_fd_move(&dgram->assoc.control);
		dgram_unlock(dgram, &signals);
	}
}

/* --- the life of the process ----------------------------------------------------------- */

/* What others make of the socket is not known: a header may lie ready in it. */
void dgram_before_fork(void)
{
	uint32_t used = pool_used(&dgrams);

	for (uint32_t i = 0; dgram_count > 0 && i < used; i++) {
		struct dgram *dgram = pool_at(&dgrams, i);

		if (dgram == NULL)
			continue;
		dgram_hand_on(dgram);
		if (dgram_connected(dgram) == DGRAM_VIA)
			__atomic_store_n(&dgram->primed, true, __ATOMIC_RELAXED);
	}
}

void dgram_forked_child(void)
{
	uint32_t used = pool_used(&dgrams);

	making = 0;
	for (uint32_t i = 0; dgram_count > 0 && i < used; i++) {
		struct dgram *dgram = pool_at(&dgrams, i);

		if (dgram == NULL || dgram->thing.refs == 0)
			continue;
		dgram->lock = 0;
		dgram->batch_busy = 0;
		dgram->assoc.unanswered = false; /* its parent sees to that */
		dgram_queue_drop(dgram);
		sources_forked_child(&dgram->sources);
	}
	dgram_leave_child();
}

bool dgram_at(uint32_t index, const struct dgram **dgram)
{
	*dgram = index < pool_used(&dgrams) ? pool_at(&dgrams, index) : NULL;
	if (*dgram != NULL &&
	    __atomic_load_n(&(*dgram)->thing.refs, __ATOMIC_RELAXED) == 0)
		*dgram = NULL;
	return index < pool_used(&dgrams);
}

/* Its peer is judged anew: a name that stood behind a fake address is found again. */
static void inherit_peer(struct dgram *dgram, int fd, const struct peer *peer)
{
	struct dgram_target target = { .peer = *peer };
	union route_address address = { 0 };
	struct endpoint to;

	memcpy(&address, &peer->address, sizeof(peer->address));
	if (dgram_judge(&address, peer->len, &to) != ROUTE_VIA ||
	    !make_target(&target, &to) ||
	    enter_target(dgram, &target, &address, peer->len, &to) < 0)
		return;
	set_target(dgram, &target);
	if (to.port == DNS_SERVICE_PORT) {
		__atomic_store_n(&dgram->connected, DGRAM_DNS, __ATOMIC_RELEASE);
		return;
	}
	dgram_tie_inherited(dgram, fd);
	__atomic_store_n(&dgram->connected, DGRAM_VIA, __ATOMIC_RELEASE);
	dgram->primed = true; /* or so it may be */
}

/* Another descriptor of that socket was inherited, too. */
static bool share_inherited(int fd, uint64_t cookie)
{
	const struct dgram *dgram;

	for (uint32_t i = 0; dgram_at(i, &dgram); i++)
		if (dgram != NULL && dgram->cookie == cookie) {
			fdtable_share(fd, (struct thing *)&dgram->thing);
			if (fd == STDOUT_FILENO || fd == STDERR_FILENO)
				dgram_prime(fd);
			return true;
		}
	return false;
}

void dgram_inherit(int fd, const struct dgram_heir *heir)
{
	struct dgram *dgram;
	int family;

	if (!dgram_is_udp(fd, &family) || dgram_peek(fd) != NULL ||
	    share_inherited(fd, heir->cookie))
		return;
	fdtable_note(fd, FD_DUPED);
	dgram = dgram_made(fd, family);
	if (dgram == NULL)
		return;
	if (heir->relay.len > 0 && private_fd_keep(&heir->control) == 0)
		assoc_inherit(&dgram->assoc, &heir->control, &heir->relay);
	else if (heir->relay.len > 0)
		assoc_know_relay(&dgram->assoc, &heir->relay);
	if (heir->peer.len > 0)
		inherit_peer(dgram, fd, &heir->peer);
	if (fd == STDOUT_FILENO || fd == STDERR_FILENO)
		dgram_prime(fd);
}

void dgram_shares(int fd)
{
	struct dgram *dgram = dgram_peek(fd);

	if (dgram != NULL)
		__atomic_store_n(&dgram->shared, true, __ATOMIC_RELAXED);
}

void dgram_finish(int fd)
{
	struct dgram *dgram = dgram_peek(fd);

	if (dgram != NULL && assoc_phase(&dgram->assoc) == ASSOC_PENDING)
		wait_for_relay(dgram, fd);
}
