/* SPDX-License-Identifier: MIT */
/* conn.h - one proxied stream: dialling the proxy, driving the handshake */
#ifndef SOCKSIFY_PRELOAD_CONN_H
#define SOCKSIFY_PRELOAD_CONN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "core/config.h"
#include "core/socks5.h"
#include "preload/fdtable.h"
#include "preload/kin.h"
#include "preload/pending.h"

enum conn_phase {
	CONN_PENDING,	/* being negotiated */
	CONN_EARLY,	/* early-data: the program's, but the answers are to come first */
	CONN_BOUND,	/* BIND: the first reply is there, the second is waited for */
	CONN_CONNECTED, /* the program's: no call needs us but getpeername */
	CONN_ARRIVED,	/* BIND: the second reply, or the end, is there to be read */
	CONN_SPENT,	/* BIND: it was accepted; a further one is to be asked for */
	CONN_FAILED,	/* over; the error was not told yet */
};

struct conn;

/*
 * A connection of our own is over in this process: phase is CONN_CONNECTED or CONN_FAILED.
 * Called once, by whoever looks at it, without a lock.
 */
typedef void conn_over(struct conn *conn, void *owner);

/**
 * struct bound - what a reply tells
 * @reply:	REP; also of a failure. 0 with CONN_FAILED: there was no reply
 * @asked:	with CONN_FAILED: the request was sent
 * @kind:	ENDPOINT_IPV4, ENDPOINT_IPV6, or ENDPOINT_NONE for a name or nothing usable
 * @port:	in host byte order
 * @address:	network order
 */
struct bound {
	uint8_t reply;
	uint8_t kind;
	bool asked;
	uint16_t port;
	uint8_t address[16];
};

/**
 * struct conn - what a descriptor that was connected through the proxy shows
 * @thing:	first, for fdtable
 * @index:	its place, for the list of free ones (pool.h)
 * @link:	likewise
 * @state:	enum conn_phase, moves on only; and, in CONN_FAILED,
 *		the errno (positive) that SO_ERROR has to tell << 8, and CONN_SILENT
 * @told:	connect() has said that it is connected; from then on it is EISCONN
 * @family:	of the socket, AF_INET or AF_INET6
 * @generation:	of @pending
 * @pending:	the negotiation, in CONN_PENDING and CONN_EARLY; of a BIND for good
 * @counted:	what @pending was when the latest fork counted for its child
 * @cookie:	of the socket, SO_COOKIE
 * @peer:	the address that the program connected to, as it gave it
 * @over:	of the request; NULL: nobody is to be told
 * @owner:	likewise
 * @kept_until_ns: in CONN_BOUND, until when its control is kept back (listener.h),
 *		CLOCK_MONOTONIC; 0: it was not yet
 * @bound:	once it is over; for CONNECT only with @control
 * @control:	not 0: listeners of the program may go with it (listener.h); the highest
 *		was used last
 * @listens:	listen() was called
 * @names_bound: getsockname() shows @bound
 */
struct conn {
	struct thing thing;
	uint32_t index;
	uint32_t link;
	uint32_t state;
	uint32_t told;
	int32_t family;
	uint32_t generation;
	struct pending *pending;
	struct pending *counted;
	uint64_t cookie;
	struct peer peer;
	conn_over *over;
	void *owner;
	int64_t kept_until_ns;
	struct bound bound;
	uint32_t control;
	bool listens;
	bool names_bound;
};

extern const struct thing_kind conn_kind;

/* In conn->state: the kernel holds no error of its own to be drained. */
#define CONN_SILENT 0x80000000u
/* In conn->state: somebody is about to set the next one, or has it claimed. */
#define CONN_SETTLING 0x40000000u

/* How many connections of this process are pending, early, or failed and not told. */
extern uint32_t conn_attention;

/* Some descriptor needs more than the kernel: the hooks' first question. */
static inline bool conn_any(void)
{
	return __builtin_expect(
		__atomic_load_n(&conn_attention, __ATOMIC_RELAXED) != 0 ||
			kin_any(),
		0);
}

/**
 * struct conn_request - a request to the proxy
 * @fd:		the program's socket, or one of our own (private_fd.h)
 * @command:	SOCKS5_CONNECT: a connect(2) of the program's; else the socket is the
 *		control connection of what was asked for
 * @peer:	the address that getpeername will tell, AF_INET or AF_INET6
 * @destination: DST.ADDR and DST.PORT
 * @domain:	SO_DOMAIN
 * @nonblocking: O_NONBLOCK is set
 * @unawaited:	conn_open does not wait, whatever the socket is
 * @listens:	as in struct conn
 * @control:	likewise
 * @over:	to be called when it is over; NULL: nobody is to be told. Not called where
 *		conn_open fails at once
 * @owner:	handed to @over; must live until then, or until the descriptor is closed
 */
struct conn_request {
	int fd;
	enum socks5_command command;
	const struct sockaddr *peer;
	const struct endpoint *destination;
	int domain;
	bool nonblocking;
	bool unawaited;
	bool listens;
	uint32_t control;
	conn_over *over;
	void *owner;
};

void conn_setup(const struct config *config);

/*
 * Connects. 0 when the far side is connected; -EINPROGRESS when that goes on (a
 * nonblocking socket, or SO_SNDTIMEO is over); -EINTR, and it goes on likewise;
 * other -errno: it failed, and the socket is as after a connect(2) that failed so.
 * -EBUSY: a connection of it stands, or another thread is beginning one.
 */
int conn_open(const struct conn_request *request);

/* The other numbers of the socket that fd shows stand for conn, too. */
void conn_show_duplicates(struct conn *conn, int fd);

/*
 * The connection behind fd, with a reference, or NULL. The kernel was asked
 * whether it still is that socket.
 */
struct conn *conn_get(int fd);

/*
 * As conn_get. A connection that another thread is just beginning is waited for: the kernel
 * would send the proxy what is written before the handshake.
 */
struct conn *conn_get_begun(int fd);

/*
 * One that needs no negotiation (any more): phase is CONN_CONNECTED or CONN_SPENT. With a
 * reference, or NULL when memory is short.
 */
struct conn *conn_made(enum conn_phase phase, uint64_t cookie,
		       const struct peer *peer);

/*
 * With CONN_FAILED: the proxy does not do what it was asked for. It says "not supported",
 * "not allowed" or "general failure", or ends the connection in place of an answer; a time
 * that is over says nothing.
 */
bool conn_tells_lack(const struct conn *conn);

/*
 * The reply's BND.ADDR and BND.PORT of a connection that was no CONNECT, or has @control,
 * once there is a reply that promises them; false before. A name there gives ENDPOINT_NONE
 * with the port.
 */
bool conn_bound(struct conn *conn, struct endpoint *bound);
void conn_set_bound(struct conn *conn, const struct endpoint *bound);

/* It is a listener of the program's, or about to be one. */
static inline bool conn_is_bind(enum conn_phase phase)
{
	return phase == CONN_BOUND || phase == CONN_ARRIVED ||
	       phase == CONN_SPENT;
}

/*
 * A listener that fd shows in that phase is put aside, or a further BIND is asked for, by one
 * thread of this process at a time: false when another is at it, or was. Signals are blocked
 * until conn_let_go().
 */
bool conn_claim(struct conn *conn, int fd, enum conn_phase phase);
void conn_let_go(struct conn *conn);

/* Somebody takes the second reply: false when a relative, or another thread, already has. */
bool conn_take_arrival(struct conn *conn);

/* It could not be taken after all. */
void conn_leave_arrival(struct conn *conn);

/* It was taken: what the socket says is not this listener's any more. */
bool conn_arrival_taken(const struct conn *conn);

/*
 * A connection of our own, pending, is stepped by whoever waits in the program's epoll epfd,
 * too, for as long as it is pending. 0; -errno of epoll_ctl, or -ENOMEM with more than
 * PENDING_WATCHES.
 */
int conn_attend(int fd, int epfd);
void conn_put(struct conn *conn);

/*
 * Goes on with the negotiation as far as it goes without waiting, and returns the
 * phase. fd is a descriptor of the socket.
 */
enum conn_phase conn_step(struct conn *conn, int fd);

/* In CONN_FAILED: what is to be told, or was (positive; 0 then). */
static inline int conn_error(const struct conn *conn)
{
	uint32_t state = __atomic_load_n(&conn->state, __ATOMIC_ACQUIRE);

	return (int)((state & ~(CONN_SILENT | CONN_SETTLING)) >> 8);
}

/* The phase as it is, without a step. */
enum conn_phase conn_look(struct conn *conn);

/* What a pending or early connection waits for: POLLIN or POLLOUT. */
short conn_events(const struct conn *conn);

/*
 * Waits until the connection behind fd is no longer pending, or until limit_ns
 * (CLOCK_MONOTONIC; INT64_MAX: no limit). 0: not pending (any more);
 * -EAGAIN: the time is over; -EINTR: a signal handler ran and the call is not to
 * be restarted. A cancellation point; nothing is held while it waits.
 */
int conn_settle(int fd, int64_t limit_ns);

/*
 * Goes on waiting in a blocking connect(), within SO_SNDTIMEO: its result, as
 * conn_open's.
 */
int conn_await(int fd);

/*
 * What a data call on fd has to do first. 0: go on; -EAGAIN or -EINTR as the
 * kernel would answer for a connection under way. option is SO_RCVTIMEO or
 * SO_SNDTIMEO, whichever bounds that call.
 */
int conn_before_data(int fd, bool dontwait, int option);

/*
 * The error of a failed connection, once: 0 if there is none (any more). kernel_has is
 * what the kernel's own SO_ERROR was: nothing when another process was told already.
 */
int conn_take_error(struct conn *conn, int fd, int kernel_has);

/*
 * What connect() says to a socket whose connection is over: its error, once; or 0 once and
 * then EISCONN. 0 or -errno.
 */
int conn_tell(struct conn *conn, int fd);

/* This process's connection that fd shows though the table does not know it, or NULL. */
struct conn *conn_adopt(int fd);

/* fd is connected to the proxy, whoever has connected it. */
bool conn_leads_to_proxy(int fd);

/*
 * Options that would stall a handshake (SO_RCVLOWAT, TCP_CORK) while one is under way: what
 * the program has set, and that it has just set the one of that level.
 */
bool conn_option(int fd, int level, int name, int *value);
void conn_option_changed(int fd, int level);

/* Steps whatever is pending. */
void conn_step_all(void);

/* Steps what is registered in the epoll epfd; false: nothing is. */
bool conn_step_watched(int epfd);

/*
 * The program's epoll_ctl for fd. False: fd is no connection under way, the call is
 * the kernel's; else *result is its result, 0 or -errno.
 */
bool conn_epoll_ctl(int epfd, int op, int fd, const struct epoll_event *event,
		    int *result);

/* A marker event came out of an epoll: steps what it names. */
void conn_step_marker(uint64_t marker);

/*
 * When the first of the pending connections runs out of time (CLOCK_MONOTONIC,
 * ns; INT64_MAX: none), and: fails those whose time is over.
 */
int64_t conn_deadline(void);
void conn_expire(void);

/*
 * conn_deadline for who waits on the descriptors: another thread may finish meanwhile, or
 * have finished by now what was under way when the caller looked (waits_for_one).
 */
int64_t conn_look_again(bool waits_for_one);

/* The child of a fork: what other threads were about is not going on here. */
void conn_wait_after_fork(void);

/*
 * The program shuts its reading end of an early connection down: true when that is done by
 * us once the answers are whole, which the kernel would answer with a reset.
 */
bool conn_deafen(struct conn *conn);

/* The program is about to close fd: no thread steps by that number from now on. */
void conn_closing(int fd);

/*
 * The program dissolves the connection (connect AF_UNSPEC, shutdown), and so does this, if it
 * was under way; else that is left to the caller.
 */
void conn_abandon(int fd);

/* epfd is about to be closed. */
void conn_epoll_closing(int epfd);

/*
 * Both sides of a fork go on with what is pending. Signals are blocked from before the fork
 * until one of the other two was called.
 */
void conn_before_fork(void);
void conn_forked_parent(void);
void conn_forked_child(void);

/*
 * A child of fork is about to become another program: what it holds of its parent's records
 * would never be let go of. And: that has failed.
 */
void conn_leave(void);
void conn_stay(void);

#endif
