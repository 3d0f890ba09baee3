/* SPDX-License-Identifier: MIT */
/*
 * swap.c - a socket of the other family in the place of the program's own
 *
 * Theory of Operation
 *
 * The program's own socket is connected to the proxy, with one exception: where its
 * family reaches none of the proxy's addresses. That is an AF_INET socket and a proxy
 * with IPv6 addresses only; and an AF_INET6 socket that is V6ONLY and bound (so the option
 * cannot be cleared any more; bound to an IPv6 address, it is V6ONLY) and a proxy
 * with IPv4 addresses only. Then a socket of the other family is made in its image
 * (swap_make), dialled by conn.c, and only then put in its place (swap_place), so that
 * whatever fails before leaves everything as it was.
 *
 * FD_SWAPPED is noted of its descriptors; FD_INET6 goes on to mean the program's family.
 * It stays swapped through failures and further connects by the proxy. What has
 * no proxy in it (bind, listen, connect to a direct address) gets a socket of the
 * program's own family again (swap_back).
 *
 * Not handled: other processes that have the same socket, and descriptors that the table
 * does not know, keep the old one, unconnected; socket filters are not carried over; a
 * program started by exec sees the family that the socket really has.
 */
#include "preload/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "core/endpoint.h"
#include "core/log.h"
#include "core/sys.h"
#include "core/token.h"
#include "preload/options.h"
#include "preload/signals.h"
#include "preload/watch.h"

/* Of linux/tcp.h, linux/in.h and asm/socket.h, where libc's headers lack them. */
enum {
	OPTION_BUF_LOCK = 72,		/* SO_BUF_LOCK */
	OPTION_TXREHASH = 74,		/* SO_TXREHASH */
	OPTION_TX_DELAY = 37,		/* TCP_TX_DELAY */
	OPTION_LOCAL_PORT_RANGE = 51,	/* IP_LOCAL_PORT_RANGE */
};

enum { OPTION_SIZE_MAX = 64 };

struct option {
	int level;
	int name;
};

/*
 * What both families have. Those before a source port is bound come first in effect too:
 * all are set before it. SO_PRIORITY is not here: IP_TOS changes it.
 */
static const struct option common[] = {
	{ SOL_SOCKET, SO_BINDTODEVICE },
	{ SOL_SOCKET, SO_MARK },
	{ SOL_SOCKET, SO_REUSEADDR },
	{ SOL_SOCKET, SO_REUSEPORT },
	{ SOL_SOCKET, SO_DEBUG },
	{ SOL_SOCKET, SO_DONTROUTE },
	{ SOL_SOCKET, SO_KEEPALIVE },
	{ SOL_SOCKET, SO_LINGER },
	{ SOL_SOCKET, SO_OOBINLINE },
	{ SOL_SOCKET, SO_RCVLOWAT },
	{ SOL_SOCKET, SO_RCVTIMEO },
	{ SOL_SOCKET, SO_SNDTIMEO },
	{ SOL_SOCKET, SO_TIMESTAMP },
	{ SOL_SOCKET, SO_TIMESTAMPNS },
	{ SOL_SOCKET, SO_TIMESTAMPING },
	{ SOL_SOCKET, SO_BUSY_POLL },
	{ SOL_SOCKET, SO_PREFER_BUSY_POLL },
	{ SOL_SOCKET, SO_INCOMING_CPU },
	{ SOL_SOCKET, SO_MAX_PACING_RATE },
	{ SOL_SOCKET, SO_RXQ_OVFL },
	{ SOL_SOCKET, SO_SELECT_ERR_QUEUE },
	{ SOL_SOCKET, SO_ZEROCOPY },
	{ SOL_SOCKET, OPTION_TXREHASH },
	{ IPPROTO_TCP, TCP_CONGESTION },
	{ IPPROTO_TCP, TCP_CORK },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT },
	{ IPPROTO_TCP, TCP_FASTOPEN_CONNECT },
	{ IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE },
	{ IPPROTO_TCP, TCP_INQ },
	{ IPPROTO_TCP, TCP_KEEPCNT },
	{ IPPROTO_TCP, TCP_KEEPIDLE },
	{ IPPROTO_TCP, TCP_KEEPINTVL },
	{ IPPROTO_TCP, TCP_LINGER2 },
	{ IPPROTO_TCP, TCP_MAXSEG },
	{ IPPROTO_TCP, TCP_NODELAY },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT },
	{ IPPROTO_TCP, TCP_QUICKACK },
	{ IPPROTO_TCP, TCP_SAVE_SYN },
	{ IPPROTO_TCP, TCP_SYNCNT },
	{ IPPROTO_TCP, TCP_THIN_DUPACK },
	{ IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP },
	{ IPPROTO_TCP, OPTION_TX_DELAY },
	{ IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT },
	{ IPPROTO_IP, OPTION_LOCAL_PORT_RANGE },
};

/* What the families call differently. */
static const struct {
	int v4;
	int v6;
} pairs[] = {
	{ IP_TOS, IPV6_TCLASS },
	{ IP_TTL, IPV6_UNICAST_HOPS },
	{ IP_MTU_DISCOVER, IPV6_MTU_DISCOVER },
	{ IP_RECVERR, IPV6_RECVERR },
	{ IP_RECVTTL, IPV6_RECVHOPLIMIT },
	{ IP_RECVTOS, IPV6_RECVTCLASS },
	{ IP_MINTTL, IPV6_MINHOPCOUNT },
	{ IP_FREEBIND, IPV6_FREEBIND },
	{ IP_TRANSPARENT, IPV6_TRANSPARENT },
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static int other(int family)
{
	return family == AF_INET ? AF_INET6 : AF_INET;
}

static struct option paired(size_t i, int family)
{
	if (family == AF_INET)
		return (struct option){ IPPROTO_IP, pairs[i].v4 };
	return (struct option){ IPPROTO_IPV6, pairs[i].v6 };
}

static int program_family(int fd)
{
	return fdtable_notes(fd) & FD_INET6 ? AF_INET6 : AF_INET;
}

/* --- a socket in the image of another ------------------------------------------ */

/*
 * What reads alike was not changed; nor was a zero that the other family cannot tell
 * (MPTCP's IPV6_TCLASS). 0 also for an option that this kernel lacks.
 */
static long carry(int old, struct option from, int fresh, struct option to)
{
	char value[OPTION_SIZE_MAX] = "", now[OPTION_SIZE_MAX] = "";
	socklen_t len = sizeof(value), now_len = sizeof(now);

	if (sys5(SYS_getsockopt, old, from.level, from.name, value, &len) < 0)
		return 0;
	if (sys5(SYS_getsockopt, fresh, to.level, to.name, now, &now_len) < 0)
		now_len = len;
	if (len == now_len && memcmp(value, now, len) == 0)
		return 0;
	return sys5(SYS_setsockopt, fresh, to.level, to.name, value, len);
}

static long carry_same(int old, int fresh, int level, int name)
{
	struct option option = { level, name };

	return carry(old, option, fresh, option);
}

/* The kernel doubles what is set, and holds it to a limit unless it is forced. */
static long carry_buffer(int old, int fresh, int name, int forced)
{
	int value = option_get(old, SOL_SOCKET, name, 0);

	if (option_get(fresh, SOL_SOCKET, name, 0) == value)
		return 0;
	option_set(fresh, SOL_SOCKET, name, value / 2);
	if (option_get(fresh, SOL_SOCKET, name, 0) == value)
		return 0;
	return option_set(fresh, SOL_SOCKET, forced, value / 2);
}

/* From a socket of family from to one of family to. */
static long carry_options(int old, int from, int fresh, int to)
{
	long r = 0;

	for (size_t i = 0; r == 0 && i < LENGTH(common); i++)
		r = carry_same(old, fresh, common[i].level, common[i].name);
	for (size_t i = 0; r == 0 && i < LENGTH(pairs); i++)
		r = carry(old, paired(i, from), fresh, paired(i, to));
	if (r == 0)
		r = carry_same(old, fresh, SOL_SOCKET, SO_PRIORITY);
	if (r == 0)
		r = carry_buffer(old, fresh, SO_RCVBUF, SO_RCVBUFFORCE);
	if (r == 0)
		r = carry_buffer(old, fresh, SO_SNDBUF, SO_SNDBUFFORCE);
	if (r == 0)
		r = carry_same(old, fresh, SOL_SOCKET, OPTION_BUF_LOCK);
	return r;
}

/* O_ASYNC is for swap_place: the signal names the descriptor that it was set by. */
static void carry_flags(int old, int fresh)
{
	struct f_owner_ex owner;
	long number;

	sys3(SYS_fcntl, fresh, F_SETFL,
	     sys2(SYS_fcntl, old, F_GETFL) & ~(long)O_ASYNC);
	if (sys3(SYS_fcntl, old, F_GETOWN_EX, &owner) == 0 && owner.pid != 0)
		sys3(SYS_fcntl, fresh, F_SETOWN_EX, &owner);
	number = sys2(SYS_fcntl, old, F_GETSIG);
	if (number > 0)
		sys3(SYS_fcntl, fresh, F_SETSIG, number);
}

/* Room for either, told apart by the family. */
union address {
	struct sockaddr_storage any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static uint16_t port_of(const union address *address)
{
	return address->any.ss_family == AF_INET ? address->in.sin_port :
						   address->in6.sin6_port;
}

/*
 * After a connection getsockname() goes on naming the port that the kernel chose for it.
 * IPV6_V6ONLY tells, which is refused to a socket that is bound.
 */
static bool is_bound(int fd)
{
	int v6only = option_get(fd, IPPROTO_IPV6, IPV6_V6ONLY, -1);

	return v6only < 0 ||
	       option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only) < 0;
}

/* V6ONLY leaves the port to the IPv4 socket that has it still. */
static long carry_port(int old, int fresh, int family)
{
	union address bound = { 0 };
	socklen_t len = sizeof(bound);
	uint16_t port;
	long r;

	sys3(SYS_getsockname, old, &bound, &len);
	port = port_of(&bound);
	if (port == 0 || !is_bound(old))
		return 0;
	memset(&bound, 0, sizeof(bound));
	bound.any.ss_family = (sa_family_t)family;
	if (family == AF_INET)
		bound.in.sin_port = port;
	else
		bound.in6.sin6_port = port;
	r = sys3(SYS_bind, fresh, &bound,
		 family == AF_INET ? sizeof(bound.in) : sizeof(bound.in6));
	if (r == 0)
		return 0;
	log_once("source port",
		 "the source port %u cannot be had in the family in which the "
		 "proxy is reached: %e", ntohs(port), (int)r);
	return -EADDRNOTAVAIL;
}

static long carry_over(int old, int fresh, int family)
{
	long r;

	if (family == AF_INET6 &&
	    (!swap_shown(old) || fdtable_notes(old) & FD_V6ONLY))
		option_set(fresh, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	r = carry_options(old, other(family), fresh, family);
	if (r < 0) {
		log_once("swapped options",
			 "a socket's options cannot be carried over to the "
			 "family in which the proxy is reached: %e", (int)r);
		return -EAFNOSUPPORT;
	}
	carry_flags(old, fresh);
	return carry_port(old, fresh, family);
}

/* 0, or what connect() says to a socket that is in use. */
static int is_in_use(int fd)
{
	struct tcp_info info = { .tcpi_state = TCP_CLOSE };
	socklen_t len = sizeof(info);

	sys5(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	if (info.tcpi_state == TCP_SYN_SENT)
		return -EALREADY;
	return info.tcpi_state == TCP_CLOSE ? 0 : -EISCONN;
}

int swap_make(int fd, int family)
{
	long fresh, r = is_in_use(fd);

	if (r < 0)
		return (int)r;
	if (!fdtable_ours())
		return -EAFNOSUPPORT; /* a vfork child cannot note it */
	fresh = token_socket(family, SOCK_STREAM | SOCK_CLOEXEC,
			     option_get(fd, SOL_SOCKET, SO_PROTOCOL, 0));
	if (fresh < 0) {
		log_once("swapped socket",
			 "no socket of the family in which the proxy is "
			 "reached: %e", (int)fresh);
		return -EAFNOSUPPORT;
	}
	r = carry_over(fd, (int)fresh, family);
	if (r == 0)
		return (int)fresh;
	sys1(SYS_close, fresh);
	return (int)r;
}

static void carry_address(int old, int fresh)
{
	union address bound = { 0 };
	socklen_t len = sizeof(bound);

	sys3(SYS_getsockname, old, &bound, &len);
	if (bound.any.ss_family == AF_INET)
		bound.in.sin_port = 0;
	else
		bound.in6.sin6_port = 0;
	sys3(SYS_bind, fresh, &bound, len);
}

int swap_twin(int fd)
{
	int family = option_get(fd, SOL_SOCKET, SO_DOMAIN, AF_INET);
	long fresh;

	if (!fdtable_ours())
		return -EPERM;
	fresh = token_socket(family, SOCK_STREAM | SOCK_CLOEXEC,
			     option_get(fd, SOL_SOCKET, SO_PROTOCOL, 0));
	if (fresh < 0)
		return (int)fresh;
	carry_options(fd, family, (int)fresh, family);
	carry_flags(fd, (int)fresh);
	carry_address(fd, (int)fresh);
	return (int)fresh;
}

/* --- in its place -------------------------------------------------------------- */

/**
 * struct move - from one file to another
 * @cookie:	of the socket that goes
 * @to:		a descriptor of the one that comes
 */
struct move {
	uint64_t cookie;
	int to;
};

static void move_one(int fd, void *arg)
{
	const struct move *move = arg;
	long flags;

	if (option_cookie(fd) != move->cookie)
		return;
	flags = sys2(SYS_fcntl, fd, F_GETFD);
	sys3(SYS_dup3, move->to, fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0);
}

static void move_all(int fd, uint64_t cookie, int to)
{
	struct move move = { .cookie = cookie, .to = to };

	if (fdtable_notes(fd) & FD_DUPED)
		fdtable_each_noted(FD_DUPED, move_one, &move);
	move_one(fd, &move);
}

/* Registered in the epolls under the same numbers, or all as before. */
static int move_file(struct pending *pending, int fd, int old, int fresh)
{
	uint64_t before = option_cookie(old), after = option_cookie(fresh);
	int r;

	watch_leave(pending, fd);
	move_all(fd, before, fresh);
	pending->cookie = after;
	r = watch_join(pending, fd);
	if (r == 0)
		return 0;
	watch_leave(pending, fd);
	move_all(fd, after, old);
	pending->cookie = before;
	watch_join(pending, fd);
	return -EAFNOSUPPORT;
}

/**
 * struct noting - what to note of those that show a socket
 * @cookie:	of it
 * @set:	notes
 * @clear:	notes
 */
struct noting {
	uint64_t cookie;
	unsigned int set;
	unsigned int clear;
};

static void note_one(int fd, void *arg)
{
	const struct noting *noting = arg;

	if (option_cookie(fd) != noting->cookie)
		return;
	fdtable_note(fd, noting->set);
	fdtable_unnote(fd, noting->clear);
}

/*
 * From now on the notes say what the program's socket is; where it was made out of our
 * sight, they say that it may be all that they can.
 */
static unsigned int notes_of(int fd, int family)
{
	unsigned int notes = fdtable_notes(fd) & FD_V6ONLY;

	if (family == AF_INET6)
		notes |= FD_INET6;
	if (family == AF_INET6 && option_get(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0))
		notes |= FD_V6ONLY;
	if (!(fdtable_notes(fd) & FD_SEEN))
		notes |= FD_SEEN | FD_STREAM | FD_WATCHED | FD_ODD | FD_DUPED;
	return notes | FD_SWAPPED;
}

static void note_all(int fd, struct noting *noting)
{
	noting->cookie = option_cookie(fd);
	if (fdtable_notes(fd) & FD_DUPED)
		fdtable_each_noted(FD_DUPED, note_one, noting);
	note_one(fd, noting);
}

/* What is registered is in the record but for the fired ONESHOTs. */
static int place(struct pending *pending, int fd, int fresh)
{
	long old = sys3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0);
	long flags = sys2(SYS_fcntl, fd, F_GETFL);
	int r = -EAFNOSUPPORT;

	if (old < 0)
		return r;
	if (watch_begin_fired(pending, fd) == 0)
		r = move_file(pending, fd, (int)old, fresh);
	if (r == 0 && flags & O_ASYNC)
		sys3(SYS_fcntl, fd, F_SETFL, flags);
	sys1(SYS_close, old);
	return r;
}

int swap_place(struct pending *pending, int fd, int fresh)
{
	struct noting noting = { 0 };
	int r;

	if (swap_shown(fd))
		noting.clear = FD_SWAPPED;
	else
		noting.set = notes_of(fd, option_get(fd, SOL_SOCKET, SO_DOMAIN,
						     AF_INET));
	r = place(pending, fd, fresh);
	if (r == 0)
		note_all(fd, &noting);
	return r;
}

/* Only for the registrations: it is never active. */
static struct pending *record_of(int fd)
{
	struct pending *pending = pending_new();

	if (pending == NULL)
		return NULL;
	__atomic_store_n(&pending->fd, fd, __ATOMIC_RELAXED);
	pending->cookie = option_cookie(fd);
	pending->events = EPOLLOUT;
	return pending;
}

static int place_own(struct pending *pending, int fd)
{
	int fresh = swap_make(fd, program_family(fd));
	int r;

	if (fresh < 0)
		return fresh;
	r = watch_begin(pending, fd);
	if (r == 0)
		r = swap_place(pending, fd, fresh);
	watch_end(pending, fd);
	sys1(SYS_close, fresh);
	return r;
}

int swap_replace(int fd, int fresh)
{
	struct pending *pending = record_of(fd);
	sigset_t signals;
	int r;

	if (pending == NULL)
		return -EAFNOSUPPORT;
	signals_block(&signals);
	r = watch_begin(pending, fd);
	if (r == 0)
		r = place(pending, fd, fresh);
	if (r == 0 && watch_any(pending))
		r = 1;
	watch_end(pending, fd);
	signals_restore(&signals);
	pending_unref(pending);
	return r;
}

int swap_back(int fd)
{
	struct pending *pending = record_of(fd);
	sigset_t signals;
	int r;

	if (pending == NULL)
		return -ENOBUFS;
	signals_block(&signals);
	r = place_own(pending, fd);
	signals_restore(&signals);
	pending_unref(pending);
	return r;
}

/* --- what the program sees ------------------------------------------------------- */

static bool is_unspecified(const struct sockaddr_storage *address)
{
	const union address *any = (const union address *)address;

	return any->any.ss_family == AF_INET &&
	       any->in.sin_addr.s_addr == htonl(INADDR_ANY);
}

socklen_t swap_name(int fd, const struct sockaddr_storage *real,
		    struct sockaddr_storage *name)
{
	int family = program_family(fd);
	union address *own = (union address *)name;
	struct endpoint e;
	int len = -EAFNOSUPPORT;

	if (!is_unspecified(real) &&
	    endpoint_from_sockaddr(&e, (const struct sockaddr *)real,
				   sizeof(*real)) == 0)
		len = endpoint_to_sockaddr(&e, family, name);
	if (len >= 0)
		return (socklen_t)len;
	memset(own, 0, sizeof(*own));
	own->any.ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		own->in.sin_port = port_of((const union address *)real);
		return sizeof(own->in);
	}
	own->in6.sin6_port = port_of((const union address *)real);
	return sizeof(own->in6);
}

void swap_option(int fd, int *level, int *name)
{
	int family = program_family(fd);

	for (size_t i = 0; i < LENGTH(pairs); i++) {
		struct option own = paired(i, family);
		struct option real = paired(i, other(family));

		if (own.level != *level || own.name != *name)
			continue;
		*level = real.level;
		*name = real.name;
		return;
	}
}

bool swap_tells(int fd, int *level, int *name, int *value)
{
	if (*level == SOL_SOCKET && *name == SO_DOMAIN) {
		*value = program_family(fd);
		return true;
	}
	if (*level != IPPROTO_IPV6 || *name != IPV6_V6ONLY ||
	    program_family(fd) == AF_INET)
		return false;
	*value = (fdtable_notes(fd) & FD_V6ONLY) != 0;
	*level = SOL_SOCKET; /* the real socket does not know that one */
	*name = SO_DOMAIN;
	return true;
}
