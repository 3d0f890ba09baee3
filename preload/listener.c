/* SPDX-License-Identifier: MIT */
/*
 * listener.c - listeners of the program that wait at the proxy: BIND, RFC 1928
 *
 * Theory of Operation
 *
 * In FTP's active mode the client listens, tells the server where (PORT, EPRT), and the
 * server connects. Through a proxy the listener has to be the proxy's. Everything else that
 * listens goes on listening here, so the question is whose listener it is:
 *
 * A connection through the proxy to a port of bind-for (21) is a *control*. getsockname()
 * shows of it the address that the server sees (BND of its reply), since many clients put
 * that one into PORT. A socket is *claimed* (FD_CLAIMED) when the program binds it to that
 * address, to the address that the control really has, or, with port 0, to no address in
 * particular; listener_claims() then has the real address bound. The control that was used
 * last counts.
 *
 * A claimed socket is asked about, by getsockname(), or made to listen: whichever comes
 * first asks for the BIND (clients differ), with the control's peer as DST, and waits for
 * the first reply. The socket itself becomes the connection to the proxy: it has no
 * descriptor of ours, closing it ends the wait at the proxy, and its options, duplicates
 * and epoll registrations are its own. Its life in terms of conn.h:
 *
 *	CONN_PENDING	the BIND is negotiated, as any connection is
 *	CONN_BOUND	getsockname() shows BND of the first reply, the second is waited for
 *	CONN_ARRIVED	the second reply is in the socket (arrival.c): it is readable,
 *			and accept() takes it
 *	CONN_SPENT	it was taken
 *
 * accept() makes the connection the program's under a new number, and puts a fresh socket
 * like it (swap_twin) in the listener's place, under all of its numbers in this process.
 * RFC 1928 has one connection for each BIND: who accepts or polls again has a further one
 * asked for (at once where an epoll could not tell us that somebody waits). getsockname()
 * then shows its new port.
 *
 * Without a proxy the server's connection is complete before the server can say so on the
 * control: whoever looks at both never sees that the transfer is over (226) before the
 * listener is readable, and programs rely on it: curl ends with an error. Here these are
 * two connections through the proxy, and a small file's 226 may well be faster than the
 * second reply. So a poll or select that asks for both does not show the control as
 * readable until the second reply is there: once for each BIND, and for KEEP_OVER_NS at
 * most. That is no wait more, not even where the call does not wait (hook_wait.c). It
 * concerns 226 and 250, and, for less time, what cannot be read (TLS); all else, and the end
 * of the control, is told at once. A listener in CONN_BOUND goes with all controls to its server.
 *
 * Not so in an epoll: its event is data of the program's and no socket. It would have to be
 * taken out of the kernel's registration, and be put back when the time is over, by whatever
 * process looks then. Who waits so either looks at the listener alone, or asks poll before
 * he judges, as libcurl does: to that the control does not look readable for a while after
 * its event, which an edge does not say again.
 *
 * fork: the record of a BIND is shared and kept for as long as somebody has the listener
 * (pending.c), and says whether the connection was taken. The other side's listener is
 * then as spent.
 *
 * Not handled: a program started by exec finds a socket that is connected to the proxy.
 * While there is a listener a wait for the second reply costs what a pending connection
 * costs. A proxy that says it has no BIND is not asked again for a while.
 */
#include "preload/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/token.h"
#include "preload/arrival.h"
#include "preload/clock.h"
#include "preload/options.h"
#include "preload/real.h"
#include "resolver/route.h"
#include "preload/signals.h"
#include "preload/swap.h"

/* How long the word of a proxy counts that it has no BIND. */
#define LACK_NS (300 * NS_PER_S)

/* How long a control is kept back at the most: what says so itself, and what may say it. */
#define KEEP_OVER_NS   NS_PER_S
#define KEEP_UNREAD_NS (100 * NS_PER_MS)

static const struct config *config;
uint32_t listener_controls;

static int64_t lacking_until; /* CLOCK_MONOTONIC; guarded by nothing: it only saves time */
static int lacking_error;

void listener_setup(const struct config *the_config)
{
	config = the_config;
}

uint32_t listener_control(uint16_t port)
{
	bool is = false;

	for (size_t i = 0; i < config->n_bind_for; i++)
		is |= config->bind_for[i] == port;
	if (!is || !config->bind)
		return 0;
	return __atomic_add_fetch(&listener_controls, 1, __ATOMIC_RELAXED);
}

/* --- addresses ------------------------------------------------------------------ */

/* Room for any, told apart by the family. */
union address {
	struct sockaddr_storage any;
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static bool is_unspecified(const struct endpoint *e)
{
	static const uint8_t none[16];

	if (e->kind == ENDPOINT_IPV4)
		return memcmp(e->v4, none, sizeof(e->v4)) == 0;
	return e->kind != ENDPOINT_IPV6 ||
	       memcmp(e->v6, none, sizeof(e->v6)) == 0;
}

/* The kernel's getsockname() or getpeername(). */
static bool ask_address(long call, int fd, struct endpoint *e)
{
	union address address;
	socklen_t len = sizeof(address);

	return sys3(call, fd, &address, &len) == 0 &&
	       endpoint_from_sockaddr(e, &address.sa, len) == 0;
}

/* The program's family, whatever the socket's. */
static int family_of(int fd)
{
	unsigned int notes = fdtable_notes(fd);

	if (notes & (FD_SEEN | FD_SWAPPED))
		return notes & FD_INET6 ? AF_INET6 : AF_INET;
	return option_get(fd, SOL_SOCKET, SO_DOMAIN, AF_UNSPEC);
}

/*
 * Where the other side sees this one: BND, or the proxy itself, where it does not tell an
 * address (P21). False: not in the program's family.
 */
static bool outside_of(struct conn *conn, int fd, struct endpoint *e)
{
	struct sockaddr_storage sa;
	struct endpoint proxy;

	if (!conn->names_bound || !conn_bound(conn, e))
		return false;
	if (is_unspecified(e)) {
		if (!ask_address(SYS_getpeername, fd, &proxy))
			return false;
		proxy.port = e->port;
		*e = proxy;
	}
	return endpoint_to_sockaddr(e, conn->peer.address.sa.sa_family, &sa) > 0;
}

static socklen_t give(const struct endpoint *e, int family,
		      struct sockaddr_storage *sa)
{
	int len = endpoint_to_sockaddr(e, family, sa);

	return len > 0 ? (socklen_t)len : 0;
}

/* --- whose listener it is --------------------------------------------------------- */

/**
 * struct control - a connection that listeners go with
 * @conn:	with a reference; NULL: none
 * @fd:		shows it
 */
struct control {
	struct conn *conn;
	int fd;
};

/* Bound to address, in that family, a socket may go with it; to real, it will. */
typedef bool fits(const struct control *control, const struct endpoint *address);

static bool is_control(struct conn *conn, int family)
{
	return conn->control != 0 &&
	       conn->peer.address.sa.sa_family == family &&
	       conn_look(conn) == CONN_CONNECTED;
}

/* The one that was used last, of those that an address fits. */
static struct control find_control(int family, const struct endpoint *address,
				   fits *fit)
{
	struct control best = { NULL, -1 };

	for (int fd = fdtable_next(-1); fd >= 0; fd = fdtable_next(fd)) {
		struct control control = { conn_get(fd), fd };

		if (control.conn != NULL && is_control(control.conn, family) &&
		    (best.conn == NULL ||
		     control.conn->control > best.conn->control) &&
		    fit(&control, address)) {
			conn_put(best.conn);
			best = control;
		} else {
			conn_put(control.conn);
		}
	}
	return best;
}

/*
 * The program can know a loopback address from elsewhere, where the proxy is on this
 * machine: it then has to be the one that getsockname() shows.
 */
static bool fits_for_bind(const struct control *control,
			  const struct endpoint *address)
{
	struct endpoint outside, local;

	if (is_unspecified(address))
		return address->port == 0;
	if (outside_of(control->conn, control->fd, &outside)) {
		if (endpoint_same_host(&outside, address))
			return true;
		if (endpoint_is_loopback(address))
			return false;
	}
	return ask_address(SYS_getsockname, control->fd, &local) &&
	       endpoint_same_host(&local, address);
}

/* What is bound already is an address that the control has. */
static bool fits_bound(const struct control *control,
		       const struct endpoint *address)
{
	struct endpoint local;

	return is_unspecified(address) ||
	       (ask_address(SYS_getsockname, control->fd, &local) &&
		endpoint_same_host(&local, address));
}

static bool is_stream(int fd)
{
	unsigned int notes = fdtable_notes(fd);

	if (notes & FD_SEEN)
		return notes & FD_STREAM;
	return option_get(fd, SOL_SOCKET, SO_TYPE, 0) == SOCK_STREAM;
}

bool listener_claims(int fd, struct sockaddr_storage *address)
{
	struct endpoint wanted, local;
	struct control control;
	uint16_t port;

	if (!is_stream(fd) || address->ss_family != family_of(fd) ||
	    endpoint_from_sockaddr(&wanted, (struct sockaddr *)address,
				   sizeof(*address)) < 0)
		return false;
	control = find_control(address->ss_family, &wanted, fits_for_bind);
	if (control.conn == NULL)
		return false;
	port = wanted.port;
	if (!is_unspecified(&wanted) &&
	    ask_address(SYS_getsockname, control.fd, &local) &&
	    !endpoint_same_host(&wanted, &local)) {
		local.port = port;
		if (give(&local, address->ss_family, address) == 0) {
			/* It has another family (swap.h). */
			memset(&local, 0, sizeof(local));
			local.kind = ENDPOINT_IPV4;
			local.port = port;
			give(&local, address->ss_family, address);
		}
	}
	conn_put(control.conn);
	return true;
}

/* --- the BIND ------------------------------------------------------------------- */

static void remember_lack(struct conn *conn, void *owner)
{
	(void)owner;
	if (conn_look(conn) != CONN_FAILED || !conn_tells_lack(conn))
		return;
	lacking_error = conn_error(conn);
	__atomic_store_n(&lacking_until, clock_now_ns() + LACK_NS,
			 __ATOMIC_RELEASE);
}

static bool is_lacking(void)
{
	return clock_now_ns() <
	       __atomic_load_n(&lacking_until, __ATOMIC_ACQUIRE);
}

/*
 * Who is expected. A server that the proxy reached over IPv6, where the program's sockets
 * are of IPv4, takes a PORT of IPv4 if at all: that the proxy can only bind for whoever
 * comes.
 */
static int expected(const struct peer *peer, const struct endpoint *seen_as,
		    struct endpoint *destination)
{
	uint16_t port;
	int r = route_of(config, &peer->address.sa, peer->len, destination);

	if (r < 0)
		return r;
	if (destination->kind != ENDPOINT_NAME ||
	    peer->address.sa.sa_family != AF_INET ||
	    seen_as->kind != ENDPOINT_IPV6)
		return 0;
	log_once("BIND over IPv6",
		 "%s was reached over IPv6, and the program's sockets are of "
		 "IPv4: what is refused now goes in passive mode",
		 destination->name);
	port = destination->port;
	memset(destination, 0, sizeof(*destination));
	destination->kind = ENDPOINT_IPV4;
	destination->port = port;
	return 0;
}

static int open_bind(int fd, const struct peer *peer,
		     const struct endpoint *seen_as, bool listens)
{
	struct endpoint destination;
	struct conn_request request = {
		.fd = fd,
		.command = SOCKS5_BIND,
		.peer = &peer->address.sa,
		.destination = &destination,
		.domain = family_of(fd),
		.nonblocking = sys2(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK,
		.unawaited = true,
		.listens = listens,
		.over = remember_lack,
	};
	int r = expected(peer, seen_as, &destination);

	if (r < 0)
		return r;
	if (is_lacking())
		return -lacking_error;
	r = conn_open(&request);
	return r == -EINPROGRESS ? 0 : r;
}

/* For a claimed socket, whose control may have gone meanwhile: LISTENER_NONE. */
static int open_first(int fd)
{
	struct endpoint local, seen_as = { 0 };
	struct control control;
	int r;

	if (!ask_address(SYS_getsockname, fd, &local))
		return LISTENER_NONE;
	control = find_control(family_of(fd), &local, fits_bound);
	if (control.conn == NULL)
		return LISTENER_NONE;
	conn_bound(control.conn, &seen_as);
	r = open_bind(fd, &control.conn->peer, &seen_as, false);
	conn_put(control.conn);
	return r;
}

/* The proxy listens, but not where the program's sockets can be told. */
static int unusable(int fd)
{
	log_once("BIND family",
		 "the proxy waits for the connection at an IPv6 address, and "
		 "the program's socket is of IPv4: use passive mode");
	listener_dissolve(fd);
	return -EAFNOSUPPORT;
}

/*
 * Waits for the first reply, which getsockname() and listen() may not be interrupted in. 0
 * when fd is bound at the proxy; LISTENER_NONE when it is nothing of ours (any more).
 */
static int await_bound(int fd)
{
	struct conn *conn;
	struct endpoint e;
	int r = 0;

	while (conn_settle(fd, INT64_MAX) == -EINTR)
		;
	conn = conn_get(fd);
	if (conn == NULL)
		return LISTENER_NONE;
	if (conn_look(conn) == CONN_FAILED)
		r = conn_tell(conn, fd);
	else if (!conn_is_bind(conn_look(conn)))
		r = LISTENER_NONE;
	else if (!outside_of(conn, fd, &e))
		r = unusable(fd);
	conn_put(conn);
	return r;
}

/* fd shows nothing yet but a claim, or a BIND. */
static bool may_be_bound(int fd, bool *begun)
{
	struct conn *conn = conn_get(fd);
	bool may = fdtable_notes(fd) & FD_CLAIMED;

	*begun = conn != NULL;
	if (conn != NULL)
		may = conn->names_bound && conn->control == 0;
	conn_put(conn);
	return may;
}

/* 0: fd is bound at the proxy. */
static int make_bound(int fd)
{
	bool begun;
	int r = 0;

	if (!may_be_bound(fd, &begun))
		return LISTENER_NONE;
	if (!begun)
		r = open_first(fd);
	return r < 0 ? r : await_bound(fd);
}

/* --- what the program asks ------------------------------------------------------- */

static void note_use(struct conn *conn)
{
	conn->control =
		__atomic_add_fetch(&listener_controls, 1, __ATOMIC_RELAXED);
}

/* A control is not waited for: what is not told yet is not shown. */
static bool has_to_be_bound(int fd)
{
	struct conn *conn = conn_get(fd);
	bool has = conn == NULL;

	if (conn != NULL && conn->control != 0)
		note_use(conn);
	else if (conn != NULL)
		has = conn->names_bound && conn_look(conn) != CONN_CONNECTED;
	conn_put(conn);
	return has;
}

int listener_name(int fd, struct sockaddr_storage *name)
{
	struct endpoint e;
	struct conn *conn;
	int r = 0;

	listener_attend(fd); /* or it would be the port of a BIND that is over */
	if (has_to_be_bound(fd))
		r = make_bound(fd);
	if (r < 0)
		return r;
	r = LISTENER_NONE;
	conn = conn_get(fd);
	if (conn != NULL && outside_of(conn, fd, &e))
		r = (int)give(&e, conn->peer.address.sa.sa_family, name);
	conn_put(conn);
	return r;
}

int listener_listen(int fd)
{
	struct conn *conn;
	int r = make_bound(fd);

	if (r < 0)
		return r;
	conn = conn_get(fd);
	if (conn == NULL)
		return LISTENER_NONE;
	conn->listens = true;
	conn_put(conn);
	return 0;
}

bool listener_listens(int fd)
{
	struct conn *conn = conn_get(fd);
	bool listens = conn != NULL && conn->listens;

	conn_put(conn);
	return listens;
}

void listener_dissolve(int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	conn_abandon(fd);
	token_connect(fd, &none, sizeof(none));
	option_set(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
}

/* --- what the server says meanwhile -------------------------------------------------- */

/* That what it says may be about this listener. */
static bool go_together(const struct conn *listener, const struct conn *control)
{
	const struct peer *a = &listener->peer, *b = &control->peer;

	return control->control != 0 && a->len == b->len &&
	       memcmp(&a->address, &b->address, a->len) == 0;
}

/* For how long what the server says is to be kept back: it may be that all is over. */
static int64_t keep_ns(int control)
{
	char in[3];
	long n = sys6(SYS_recvfrom, control, in, sizeof(in),
		      MSG_PEEK | MSG_DONTWAIT, NULL, NULL);

	if (n <= 0)
		return 0;
	if (in[0] < '0' || in[0] > '9')
		return KEEP_UNREAD_NS;
	return memcmp(in, "226", (size_t)n) == 0 ||
			       memcmp(in, "250", (size_t)n) == 0 ?
		       KEEP_OVER_NS :
		       0;
}

static int64_t kept_until(struct conn *listener, int control, bool readable)
{
	int64_t now = clock_now_ns(), keep = readable ? keep_ns(control) : 0;
	int64_t until = 0;

	if (readable && keep == 0)
		return 0;
	if (!readable)
		until = __atomic_load_n(&listener->kept_until_ns,
					__ATOMIC_RELAXED);
	else if (__atomic_compare_exchange_n(&listener->kept_until_ns, &until,
					     now + keep, false,
					     __ATOMIC_RELAXED,
					     __ATOMIC_RELAXED))
		until = now + keep;
	return until > now ? until : 0;
}

int64_t listener_keeps_back(int fd, int control, bool readable)
{
	struct conn *listener = conn_get(fd), *other = conn_get(control);
	enum conn_phase phase = CONN_CONNECTED;
	int64_t until = 0;

	if (listener != NULL && other != NULL)
		phase = conn_look(listener);
	if ((phase == CONN_BOUND || phase == CONN_ARRIVED) &&
	    go_together(listener, other))
		until = kept_until(listener, control, readable);
	conn_put(other);
	conn_put(listener);
	return until;
}

/* --- accept ----------------------------------------------------------------------- */

/* The listener is a fresh socket from now on. 0, or -errno: all is as it was. */
static int become_spent(struct conn *conn, int fd)
{
	struct endpoint outside = { 0 };
	int fresh = swap_twin(fd);
	struct conn *spent;
	int r;

	if (fresh < 0)
		return fresh;
	/* Else the next BIND's answers might not wake who waits for them. */
	if (conn->pending != NULL)
		option_set(fresh, SOL_SOCKET, SO_RCVLOWAT,
			   conn->pending->rcvlowat);
	outside_of(conn, fd, &outside);
	spent = conn_made(CONN_SPENT, option_cookie(fresh), &conn->peer);
	r = spent == NULL ? -ENOBUFS : swap_replace(fd, fresh);
	sys1(SYS_close, fresh);
	if (r < 0) {
		conn_put(spent);
		return r;
	}
	conn_set_bound(spent, &outside);
	spent->names_bound = true;
	spent->listens = conn->listens;
	conn_show_duplicates(spent, fd);
	if (fdtable_share(fd, &spent->thing) == 0 && r == 1)
		listener_attend(fd);
	conn_put(spent);
	return 0;
}

/* A relative has accepted from this one: it is put aside here, too. */
static void put_aside(struct conn *conn, int fd)
{
	if (!conn_claim(conn, fd, CONN_ARRIVED))
		return;
	if (conn_arrival_taken(conn))
		become_spent(conn, fd);
	conn_let_go(conn);
}

/* 0, also where another thread is at it; or -errno. */
static int ask_again(struct conn *conn, int fd)
{
	struct endpoint seen_as = { 0 };
	int r;

	if (!conn_claim(conn, fd, CONN_SPENT))
		return 0;
	conn_bound(conn, &seen_as);
	r = open_bind(fd, &conn->peer, &seen_as, true);
	conn_let_go(conn);
	return r;
}

static bool was_taken(struct conn *conn)
{
	return conn_look(conn) == CONN_ARRIVED && conn_arrival_taken(conn);
}

static bool is_spent(struct conn *conn)
{
	return conn_look(conn) == CONN_SPENT && conn->listens;
}

int listener_attend(int fd)
{
	struct conn *conn = conn_get(fd);
	sigset_t signals;
	int r = 0;

	if (conn == NULL || !(was_taken(conn) || is_spent(conn))) {
		conn_put(conn);
		return 0;
	}
	signals_block(&signals);
	if (was_taken(conn)) {
		put_aside(conn, fd);
		conn_put(conn);
		conn = conn_get(fd);
	}
	if (conn != NULL && is_spent(conn))
		r = ask_again(conn, fd);
	signals_restore(&signals);
	conn_put(conn);
	return r;
}

/**
 * struct accepted - a connection that was accepted
 * @number:	its descriptor
 * @cookie:	of it
 * @name:	what its getsockname() is to show, the listener's
 * @peer:	who has connected, as the program's family has it
 */
struct accepted {
	int number;
	uint64_t cookie;
	struct endpoint name;
	struct peer peer;
};

/* The proxy was told to expect a name, and has it looked up. */
static bool is_by_name(const struct conn *conn)
{
	const struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);

	return pending != NULL &&
	       pending->handshake.destination.kind == ENDPOINT_NAME;
}

/*
 * Programs compare: one that knows the server by a name has an address of it that stands
 * for the name, and is told that one. Nor can an address of another family be told.
 */
static void set_peer(struct peer *peer, const struct endpoint *from,
		     bool by_name)
{
	int family = peer->address.sa.sa_family;
	union address sa;
	socklen_t len = 0;

	if (!by_name && !is_unspecified(from))
		len = give(from, family, &sa.any);
	if (len != 0) {
		memcpy(&peer->address, &sa, len);
		return;
	}
	if (family == AF_INET)
		peer->address.in.sin_port = htons(from->port);
	else
		peer->address.in6.sin6_port = htons(from->port);
}

static void report(const struct conn *conn, const struct arrival *arrival)
{
	char from[ENDPOINT_TEXT_MAX], awaited[ENDPOINT_TEXT_MAX];
	struct endpoint e;

	if (!log_wants(LOG_REFUSAL) ||
	    route_of(config, &conn->peer.address.sa, conn->peer.len, &e) < 0)
		return;
	endpoint_format(&arrival->peer, from, sizeof(from));
	endpoint_format(&e, awaited, sizeof(awaited));
	if (e.kind != ENDPOINT_NAME && !is_unspecified(&arrival->peer) &&
	    !endpoint_same_host(&e, &arrival->peer))
		log_once("BIND peer",
			 "%s: the proxy has let another host connect: %s",
			 awaited, from);
	else
		log_line(LOG_CONNECTION, "%s: accepted from %s", awaited, from);
}

/* What the table says of the number is about a file that was closed unseen. */
static void show_accepted(int fd, const struct accepted *accepted)
{
	unsigned int like = FD_SEEN | FD_STREAM | FD_INET6 | FD_ODD |
			    FD_V6ONLY | FD_SWAPPED;
	struct conn *conn = conn_made(CONN_CONNECTED, accepted->cookie,
				      &accepted->peer);

	fdtable_drop(accepted->number);
	fdtable_note(accepted->number, fdtable_notes(fd) & like);
	if (conn == NULL)
		return;
	conn_set_bound(conn, &accepted->name);
	conn->names_bound = true;
	if (fdtable_set(accepted->number, &conn->thing) < 0)
		conn_put(conn);
}

/* The flags are of the open file, which was the listener's until now. */
static void set_flags(int number, int flags)
{
	long now = sys2(SYS_fcntl, number, F_GETFL);

	now &= ~(long)(O_NONBLOCK | O_ASYNC);
	if (flags & SOCK_NONBLOCK)
		now |= O_NONBLOCK;
	sys3(SYS_fcntl, number, F_SETFL, now);
}

/* Out of the socket, and the listener out of its place. Signals are blocked. */
static int take(struct conn *conn, int fd, struct accepted *accepted,
		const struct arrival *arrival)
{
	uint8_t in[SOCKS5_MESSAGE_MAX];
	int r;

	accepted->cookie = conn->cookie;
	accepted->peer = conn->peer;
	set_peer(&accepted->peer, &arrival->peer, is_by_name(conn));
	outside_of(conn, fd, &accepted->name);
	if (conn->pending != NULL)
		option_set(fd, SOL_SOCKET, SO_RCVLOWAT,
			   conn->pending->rcvlowat);
	r = become_spent(conn, fd);
	if (r < 0)
		return r;
	sys6(SYS_recvfrom, accepted->number, in, arrival->length, MSG_DONTWAIT,
	     NULL, NULL);
	show_accepted(fd, accepted);
	return 0;
}

/*
 * The listener's connection is accepted under a new number. -EAGAIN: somebody else was
 * faster; other -errno.
 */
static int hand_out(struct conn *conn, int fd, int flags,
		    const struct arrival *arrival,
		    struct sockaddr_storage *peer)
{
	long number = sys3(SYS_fcntl, fd,
			   flags & SOCK_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
	struct accepted accepted = { .number = (int)number };
	int r = -EAGAIN;

	if (number < 0)
		return (int)number;
	if (option_cookie((int)number) == conn->cookie &&
	    conn_take_arrival(conn)) {
		r = take(conn, fd, &accepted, arrival);
		if (r < 0)
			conn_leave_arrival(conn);
	}
	if (r < 0) {
		sys1(SYS_close, number);
		return r;
	}
	set_flags((int)number, flags);
	memcpy(peer, &accepted.peer.address, accepted.peer.len);
	report(conn, arrival);
	return (int)number;
}

/* The second reply says no, or there is none. The listener is as after an accept. */
static int tell_failure(struct conn *conn, int fd, int error,
			const struct arrival *arrival)
{
	char awaited[ENDPOINT_TEXT_MAX] = "";
	struct endpoint e;

	if (!conn_take_arrival(conn))
		return -EAGAIN;
	if (route_of(config, &conn->peer.address.sa, conn->peer.len, &e) >= 0)
		endpoint_format(&e, awaited, sizeof(awaited));
	log_once("BIND second",
		 "%s: the proxy could not accept its connection: %s: use "
		 "passive mode",
		 awaited, arrival->reply ? socks5_reply_text(arrival->reply) :
					   "it closed");
	become_spent(conn, fd);
	return error;
}

static int accept_arrived(struct conn *conn, int fd, int flags,
			  struct sockaddr_storage *peer)
{
	struct arrival arrival;
	sigset_t signals;
	int r = -EAGAIN;

	signals_block(&signals);
	if (conn_claim(conn, fd, CONN_ARRIVED)) {
		r = arrival_look(fd, &arrival);
		if (r == 0)
			r = hand_out(conn, fd, flags, &arrival, peer);
		else if (r != -EAGAIN)
			r = tell_failure(conn, fd, r, &arrival);
		conn_let_go(conn);
	}
	signals_restore(&signals);
	return r;
}

/* One look. -EAGAIN: there is nothing yet; *events is what would change that. */
static int accept_once(int fd, int flags, struct sockaddr_storage *peer,
		       short *events)
{
	int r = LISTENER_NONE, attended = listener_attend(fd);
	struct conn *conn = conn_get(fd);

	if (conn == NULL)
		return LISTENER_NONE;
	*events = conn_events(conn);
	switch (conn_step(conn, fd)) {
	case CONN_ARRIVED:
		r = conn->listens ? accept_arrived(conn, fd, flags, peer) :
				    -EINVAL;
		break;
	case CONN_PENDING:
	case CONN_BOUND:
		r = conn->listens ? -EAGAIN : -EINVAL;
		break;
	case CONN_SPENT:
		/* A further BIND could not be begun; or another thread is at it. */
		r = !conn->listens ? -EINVAL : attended < 0 ? attended : -EAGAIN;
		break;
	case CONN_FAILED:
		if (conn->listens)
			r = conn_tell(conn, fd);
		break;
	case CONN_EARLY:
	case CONN_CONNECTED:
		break;
	}
	conn_put(conn);
	return r;
}

/**
 * struct limit - how long an accept() may take
 * @end_ns:	CLOCK_MONOTONIC
 * @error:	what it says then
 * @timed:	by the program's SO_RCVTIMEO: no call is restarted then
 */
struct limit {
	int64_t end_ns;
	int error;
	bool timed;
};

static struct limit limit_of(int fd)
{
	struct timeval timeout = option_timeout(fd, SO_RCVTIMEO);
	int64_t asked = clock_limit_ns(&timeout);
	struct limit limit = {
		.end_ns = clock_now_ns() + config->timeout_ms * NS_PER_MS,
		.error = -ETIMEDOUT,
		.timed = timeout.tv_sec != 0 || timeout.tv_usec != 0,
	};

	if (asked < limit.end_ns) {
		limit.end_ns = asked;
		limit.error = -EAGAIN;
	}
	return limit;
}

/* With the program's signals; a cancellation point. 0, -EINTR, or the limit's error. */
static int wait_for(int fd, short events, const struct limit *limit)
{
	struct pollfd pollfd = { .fd = fd, .events = events };
	int64_t left = limit->end_ns - clock_now_ns();
	struct timespec timeout;
	int saved_errno = errno;
	sigset_t signals;
	int r;

	if (left <= 0)
		return limit->error;
	timeout.tv_sec = left / NS_PER_S;
	timeout.tv_nsec = left % NS_PER_S;
	signals_block_but_cancel(&signals);
	r = REAL(ppoll)(&pollfd, 1, &timeout, &signals) < 0 ? -errno : 0;
	if (r == -EINTR && !limit->timed && signals_restart(&signals))
		r = 0;
	signals_restore(&signals);
	errno = saved_errno;
	return r == -EINTR ? r : 0;
}

static void tell_timeout(const struct limit *limit)
{
	if (limit->error == -ETIMEDOUT)
		log_once("BIND time",
			 "nobody has connected to the proxy in %d ms: use "
			 "passive mode", config->timeout_ms);
}

int listener_accept(int fd, int flags, struct sockaddr_storage *peer)
{
	struct limit limit;
	short events;
	int r;

	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return listener_listens(fd) ? -EINVAL : LISTENER_NONE;
	limit = limit_of(fd);
	while ((r = accept_once(fd, flags, peer, &events)) == -EAGAIN) {
		if (sys2(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK)
			return -EAGAIN;
		r = wait_for(fd, events, &limit);
		if (r < 0) {
			if (r != -EINTR)
				tell_timeout(&limit);
			return r;
		}
	}
	return r;
}
