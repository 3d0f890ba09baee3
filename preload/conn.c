/* SPDX-License-Identifier: MIT */
/*
 * conn.c - one proxied stream: what a process knows of it, and who steps it
 *
 * Theory of Operation
 *
 * The program's own socket is connected to the proxy and the handshake runs on
 * it, so options, duplicates, epoll membership and the local address are the
 * program's all along. A struct conn is what this process knows of such a
 * socket; while it is CONN_PENDING the work itself is described by a struct
 * pending, which forks share (pending.c).
 *
 * A step (talk.c; under the record's lock, signals blocked) sends and receives as much as
 * goes without waiting. Steps are made by whoever happens to look: the blocking
 * connect(), the wait hooks, any data call on the socket. There is no thread and
 * no descriptor of our own. The first send doubles as the question whether the
 * proxy was reached: it gives EAGAIN while the kernel still dials, and the dial's
 * error when it failed; then the proxy's next address is tried.
 *
 * When a step ends the negotiation the record becomes PENDING_DONE or
 * PENDING_FAILED, the program's epoll registrations are put back, and every
 * process's conn follows when it is next looked at (conn_look()). A failed socket is
 * made to look like one that was refused natively: it is disconnected and
 * connected to a loopback port that nobody can listen on (port 0), which leaves
 * the event mask and the state of a refusal; SO_ERROR is then answered by us, once.
 *
 * With early-data the program gets the socket (CONN_EARLY) as soon as the request is sent:
 * its registrations are put back, its writes follow the request, and the record stays
 * active. A call that reads first steps, so the two answers are taken out of the stream by
 * their exact lengths before the program's first byte; as long as they are not whole there
 * is nothing to be read, and poll and select look for themselves. A failure comes too late
 * for connect(): the kernel is made to show a reset.
 *
 * A blocking socket is not made nonblocking for a handshake, since that would show in
 * every duplicate. The kernel's connect() is kept short by a send timeout of one tick,
 * and the wait is ours.
 *
 * conn_open.c begins a connection, conn_wait.c waits for it, conn_fork.c takes it through a
 * fork. Conns live in chunks that are never unmapped, as fdtable asks, and go back to a
 * list of free ones.
 */
#include "preload/conn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/token.h"
#include "preload/conn_inner.h"
#include "preload/conn_pool.h"
#include "preload/dial.h"
#include "preload/options.h"
#include "preload/signals.h"
#include "preload/talk.h"
#include "preload/watch.h"

/* The state of one that was early and is reset, where the kernel holds no error. */
#define CONN_RESET (CONN_FAILED | (uint32_t)ECONNRESET << 8 | CONN_SILENT)

uint32_t conn_attention;

static const struct config *config;

void conn_setup(const struct config *the_config)
{
	config = the_config;
	dial_setup(config);
	talk_setup(config);
	conn_open_setup(config);
}

static void conn_release(struct thing *thing)
{
	struct conn *conn = (struct conn *)thing;

	if (conn_phase_of(conn) != CONN_CONNECTED)
		conn_attention_add(-1);
	if (conn->pending != NULL)
		pending_leave(conn->pending);
	__atomic_store_n(&conn->pending, NULL, __ATOMIC_RELEASE);
	conn_pool_give(conn);
}

const struct thing_kind conn_kind = { .release = conn_release };

/* What is looked at without a reference, by who had one to what this was before. */
static void set_look(struct conn *conn, enum conn_phase phase)
{
	__atomic_store_n(&conn->thing.kind, &conn_kind, __ATOMIC_RELAXED);
	__atomic_store_n(&conn->state, phase, __ATOMIC_RELAXED);
}

/* One in CONN_PENDING, with one reference; takes over the caller's to pending. */
struct conn *conn_new(struct pending *pending)
{
	struct conn *conn = conn_pool_take();

	if (conn == NULL)
		return NULL;
	set_look(conn, CONN_PENDING);
	conn->over = NULL;
	conn->told = false;
	conn->control = 0;
	conn->kept_until_ns = 0;
	conn->listens = false;
	conn->names_bound = pending->handshake.command == SOCKS5_BIND;
	conn->family = pending->family;
	__atomic_store_n(&conn->pending, pending, __ATOMIC_RELEASE);
	__atomic_store_n(&conn->generation, pending->generation,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&conn->cookie, pending->cookie, __ATOMIC_RELAXED);
	conn->peer = pending->peer;
	pending_enter(pending);
	conn_attention_add(1);
	__atomic_store_n(&conn->thing.refs, 1, __ATOMIC_RELEASE);
	return conn;
}

/* Makes fd stand for conn, whose reference is the caller's and stays it. NULL if it fails. */
static struct conn *shown_by(int fd, struct conn *conn)
{
	if (conn != NULL && fdtable_share(fd, &conn->thing) == 0)
		return conn;
	conn_put(conn);
	return NULL;
}

/* What a relative has begun is gone on with here. */
static struct conn *conn_of_kin(int fd)
{
	uint64_t cookie = fdtable_notes(fd) & FD_STREAM ? option_cookie(fd) : 0;
	struct pending *pending = cookie ? kin_find(cookie) : NULL;
	struct conn *conn;

	if (pending == NULL)
		return NULL;
	conn = conn_new(pending);
	if (conn == NULL) {
		pending_unref(pending);
		return NULL;
	}
	conn_note_shared();
	conn_note_deadline(pending->deadline_ns);
	return shown_by(fd, conn);
}

/* Its file may just be exchanged, before the table is told. */
static bool is_claimed(const struct conn *conn)
{
	return __atomic_load_n(&conn->state, __ATOMIC_ACQUIRE) & CONN_SETTLING;
}

struct conn *conn_get(int fd)
{
	struct thing *thing = fdtable_get_kind(fd, &conn_kind);
	struct conn *conn = (struct conn *)thing;

	if (thing == NULL)
		return kin_any() ? conn_of_kin(fd) : NULL;
	if (conn->cookie == option_cookie(fd) || is_claimed(conn))
		return conn;
	fdtable_forget(fd, thing);
	fdtable_put(thing);
	return NULL;
}

void conn_put(struct conn *conn)
{
	if (conn != NULL)
		fdtable_put(&conn->thing);
}

/* --- one step ------------------------------------------------------------------ */

static bool has(const struct conn *conn, const struct pending *pending)
{
	return __atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE) == pending;
}

/*
 * fd still is a descriptor of the record's socket. Said under the lock, which a close that
 * we see takes too, it stays so: else the bytes could go into another file of that number.
 */
static bool shows(int fd, const struct pending *pending)
{
	const struct conn *conn = conn_peek(fd);

	return conn != NULL && has(conn, pending);
}

/*
 * Signals are blocked, signals is what they were. What is said in the log may wait for
 * whoever reads it: without the lock, with a reference, and with the program's signals.
 */
void conn_step_record(struct pending *pending, uint32_t generation, int fd,
		 const sigset_t *signals)
{
	enum handshake_state from, to;
	sigset_t blocked;
	bool over;

	if (!watch_lock(pending, generation))
		return;
	if (!shows(fd, pending)) {
		watch_unlock(pending, -1);
		return;
	}
	from = pending->handshake.state;
	over = talk_step(pending, fd);
	to = pending->handshake.state;
	pending_ref(pending);
	watch_unlock(pending, fd);
	if (log_wants(LOG_PROTOCOL) || (over && log_wants(LOG_REFUSAL))) {
		signals_exchange(signals, &blocked);
		talk_trace(pending, from, to);
		if (over)
			talk_report(pending);
		signals_restore(&blocked);
	}
	pending_unref(pending);
}

/* The state of a conn whose record is like this. */
static uint32_t state_after(const struct pending *pending)
{
	enum pending_state state = pending_state(pending);
	bool open = __atomic_load_n(&pending->open, __ATOMIC_ACQUIRE);
	bool bound = __atomic_load_n(&pending->bound, __ATOMIC_ACQUIRE);
	uint32_t error = (uint32_t)pending->handshake.error;

	switch (state) {
	case PENDING_DONE:
		return bound ? CONN_ARRIVED : CONN_CONNECTED;
	case PENDING_FAILED:
		if (open && !pending->silent)
			return CONN_CONNECTED; /* all the rest is the kernel's */
		if (open)
			return CONN_RESET;
		return CONN_FAILED | error << 8 |
		       (pending->silent ? CONN_SILENT : 0);
	default:
		if (bound)
			return CONN_BOUND;
		return open ? CONN_EARLY : CONN_PENDING;
	}
}

void conn_set_bound(struct conn *conn, const struct endpoint *e)
{
	struct bound bound = { .kind = (uint8_t)e->kind, .port = e->port };

	if (e->kind == ENDPOINT_IPV4)
		memcpy(bound.address, e->v4, sizeof(e->v4));
	else if (e->kind == ENDPOINT_IPV6)
		memcpy(bound.address, e->v6, sizeof(e->v6));
	else
		bound.kind = ENDPOINT_NONE;
	conn->bound = bound;
}

/* What the proxy has bound is to be there before the phase that promises it. */
static bool settle_bound(struct conn *conn, const struct pending *pending,
			 uint32_t was, uint32_t next)
{
	sigset_t signals;
	bool mine;

	signals_block(&signals);
	mine = __atomic_compare_exchange_n(&conn->state, &was,
					   was | CONN_SETTLING, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	if (mine) {
		conn_set_bound(conn, &pending->handshake.bound);
		conn->bound.reply = pending->handshake.reply;
		conn->bound.asked = pending->handshake.asked;
		__atomic_store_n(&conn->state, next, __ATOMIC_RELEASE);
	}
	signals_restore(&signals);
	return mine;
}

/* True for the one who has made the step from was to next. */
static bool move_on(struct conn *conn, const struct pending *pending,
		    uint32_t was, uint32_t next)
{
	if (was < CONN_BOUND && (conn->control != 0 ||
				 pending->handshake.command != SOCKS5_CONNECT))
		return settle_bound(conn, pending, was, next);
	return __atomic_compare_exchange_n(&conn->state, &was, next, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

bool conn_tells_lack(const struct conn *conn)
{
	switch (conn->bound.reply) {
	case SOCKS5_COMMAND_NOT_SUPPORTED:
	case SOCKS5_NOT_ALLOWED:
	case SOCKS5_GENERAL_FAILURE:
		return true;
	default:
		return conn->bound.reply == 0 && conn->bound.asked &&
		       conn_error(conn) == ECONNREFUSED;
	}
}

bool conn_bound(struct conn *conn, struct endpoint *bound)
{
	enum conn_phase phase = conn_look(conn);

	if (phase < CONN_BOUND || phase == CONN_FAILED)
		return false;
	memset(bound, 0, sizeof(*bound));
	bound->kind = conn->bound.kind;
	bound->port = conn->bound.port;
	if (bound->kind == ENDPOINT_IPV4)
		memcpy(bound->v4, conn->bound.address, sizeof(bound->v4));
	else if (bound->kind == ENDPOINT_IPV6)
		memcpy(bound->v6, conn->bound.address, sizeof(bound->v6));
	return true;
}

/*
 * The conn follows its record. Who comes late may read a record that is
 * another's by now; its change of state then fails.
 */
enum conn_phase conn_look(struct conn *conn)
{
	struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);
	uint32_t was = __atomic_load_n(&conn->state, __ATOMIC_ACQUIRE);
	uint32_t next;

	if (pending == NULL || was > CONN_BOUND)
		return conn_phase_of(conn);
	next = state_after(pending);
	if (next <= was || !move_on(conn, pending, was, next))
		return conn_phase_of(conn);
	if (next == CONN_CONNECTED)
		conn_attention_add(-1);
	if (next > CONN_EARLY && !conn_is_bind(next)) {
		__atomic_store_n(&conn->pending, NULL, __ATOMIC_RELEASE);
		pending_leave(pending);
	}
	if (was < CONN_BOUND && next >= CONN_BOUND && conn->over != NULL)
		conn->over(conn, conn->owner);
	return conn_phase_of(conn);
}

bool conn_claim(struct conn *conn, int fd, enum conn_phase phase)
{
	uint32_t was = phase;
	struct conn *shown;

	if (!__atomic_compare_exchange_n(&conn->state, &was,
					 was | CONN_SETTLING, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return false;
	shown = conn_get(fd);
	conn_put(shown);
	if (shown != conn)
		conn_let_go(conn);
	return shown == conn;
}

void conn_let_go(struct conn *conn)
{
	__atomic_and_fetch(&conn->state, ~CONN_SETTLING, __ATOMIC_RELEASE);
}

bool conn_take_arrival(struct conn *conn)
{
	struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);

	return pending == NULL ||
	       !__atomic_exchange_n(&pending->taken, true, __ATOMIC_ACQ_REL);
}

void conn_leave_arrival(struct conn *conn)
{
	struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);

	if (pending != NULL)
		__atomic_store_n(&pending->taken, false, __ATOMIC_RELEASE);
}

bool conn_arrival_taken(const struct conn *conn)
{
	const struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);

	return pending != NULL &&
	       __atomic_load_n(&pending->taken, __ATOMIC_ACQUIRE);
}

enum conn_phase conn_step(struct conn *conn, int fd)
{
	struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);

	sigset_t signals;

	if (pending != NULL && pending_state(pending) == PENDING_ACTIVE) {
		signals_block(&signals);
		conn_step_record(pending, conn->generation, fd, &signals);
		signals_restore(&signals);
	}
	return conn_look(conn);
}

short conn_events(const struct conn *conn)
{
	const struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);

	if (pending == NULL ||
	    !__atomic_load_n(&pending->awaits, __ATOMIC_RELAXED))
		return POLLOUT;
	return POLLIN;
}

/* The record's connection, if fd shows it. */
static struct conn *conn_shown(int fd, const struct pending *pending)
{
	struct conn *conn = conn_get(fd);

	if (conn == NULL || has(conn, pending))
		return conn;
	conn_put(conn);
	return NULL;
}

/* This process's connection that a record belongs to, by its descriptor. */
static struct conn *conn_of(const struct pending *pending, int *fd)
{
	uint32_t used = conn_pool_used();
	struct conn *conn;

	*fd = __atomic_load_n(&pending->fd, __ATOMIC_RELAXED);
	conn = conn_shown(*fd, pending);
	for (uint32_t i = 0; conn == NULL && i < used; i++) {
		const struct conn *other = conn_pool_at(i);

		if (other == NULL || !has(other, pending))
			continue;
		*fd = fdtable_find(&other->thing);
		conn = conn_shown(*fd, pending);
	}
	return conn;
}

enum { MOVED_TRIES = 8 };

/* The descriptor may be closed in the middle of it, where the socket has another one. */
void conn_step_pending(struct pending *pending)
{
	bool moved = true;

	for (int tries = 0; moved && tries < MOVED_TRIES; tries++) {
		int fd;
		struct conn *conn = conn_of(pending, &fd);

		if (conn == NULL)
			return;
		conn_step(conn, fd);
		moved = has(conn, pending) && conn_peek(fd) != conn;
		conn_put(conn);
	}
}

struct step_watched {
	int epfd;
	bool any;
};

static void step_if_active(struct pending *pending, void *arg)
{
	(void)arg;
	if (pending_state(pending) == PENDING_ACTIVE)
		conn_step_pending(pending);
}

void conn_step_all(void)
{
	pending_each(step_if_active, NULL);
}

static void step_if_watched(struct pending *pending, void *arg)
{
	struct step_watched *search = arg;

	if (pending_state(pending) != PENDING_ACTIVE ||
	    !watch_is_in(pending, search->epfd))
		return;
	search->any = true;
	conn_step_pending(pending);
}

bool conn_step_watched(int epfd)
{
	struct step_watched search = { .epfd = epfd };

	pending_each(step_if_watched, &search);
	return search.any;
}

void conn_step_marker(uint64_t marker)
{
	struct pending *pending = pending_of_marker(marker);

	if (pending != NULL)
		conn_step_pending(pending);
}

/* Its registrations are markers. */
static bool is_watched(enum conn_phase phase)
{
	return phase == CONN_PENDING || phase == CONN_BOUND;
}

/* A listener never is writable, which its socket is. */
static int listener_ctl(int epfd, int op, int fd,
			const struct epoll_event *event)
{
	struct epoll_event masked = { 0 };

	if (op != EPOLL_CTL_DEL)
		masked = *event;
	masked.events &= ~(uint32_t)EPOLLOUT;
	return (int)sys4(SYS_epoll_ctl, epfd, op, fd, &masked);
}

bool conn_epoll_ctl(int epfd, int op, int fd, const struct epoll_event *event,
		    int *result)
{
	struct conn *conn = conn_get(fd);
	struct pending *pending;
	sigset_t signals;
	bool ours = false;

	if (conn == NULL)
		return false;
	signals_block(&signals);
	while (!ours && is_watched(conn_look(conn))) {
		pending = conn->pending;
		ours = pending != NULL && watch_lock(pending, conn->generation);
		if (ours && pending->open) {
			watch_unlock(pending, fd);
			ours = false;
		}
	}
	if (ours) {
		*result = watch_ctl(pending, epfd, op, fd, event);
		watch_unlock(pending, fd);
	} else if (conn_is_bind(conn_look(conn))) {
		*result = listener_ctl(epfd, op, fd, event);
		ours = true;
	}
	signals_restore(&signals);
	conn_put(conn);
	return ours;
}

int conn_attend(int fd, int epfd)
{
	struct conn *conn = conn_get(fd);
	struct pending *pending = NULL;
	sigset_t signals;
	int r = 0;

	signals_block(&signals);
	if (conn != NULL)
		pending = __atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);
	if (pending != NULL && watch_lock(pending, conn->generation)) {
		r = watch_attend(pending, epfd, fd);
		watch_unlock(pending, fd);
	}
	signals_restore(&signals);
	conn_put(conn);
	return r;
}

/* --- what the program asks --------------------------------------------------------- */

bool conn_option(int fd, int level, int name, int *value)
{
	struct conn *conn = conn_get(fd);
	const struct pending *pending;

	if (conn == NULL)
		return false;
	pending = __atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);
	*value = 0;
	if (pending != NULL && level == SOL_SOCKET && name == SO_RCVLOWAT)
		*value = pending->rcvlowat;
	if (pending != NULL && level == IPPROTO_TCP && name == TCP_CORK)
		*value = pending->cork;
	conn_put(conn);
	return *value != 0;
}

void conn_option_changed(int fd, int level)
{
	struct conn *conn = conn_get(fd);
	struct pending *pending;
	sigset_t signals;

	if (conn == NULL)
		return;
	pending = __atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);
	signals_block(&signals);
	if (pending != NULL && watch_lock(pending, conn->generation)) {
		/* What it was set to before does not count any more. */
		if (level == SOL_SOCKET)
			pending->rcvlowat = 0;
		else
			pending->cork = false;
		talk_neutralise_options(pending, fd);
		watch_unlock(pending, fd);
	}
	signals_restore(&signals);
	conn_put(conn);
}

int conn_tell(struct conn *conn, int fd)
{
	int error = conn_take_error(conn, fd, ECONNREFUSED);

	if (error != 0) {
		dial_tell_refused(fd, conn->family);
		return -error;
	}
	if (conn_phase_of(conn) == CONN_FAILED) {
		dial_tell_refused(fd, conn->family);
		return -ECONNABORTED;
	}
	return __atomic_exchange_n(&conn->told, 1, __ATOMIC_RELAXED) ? -EISCONN :
								       0;
}

/* --- the end of it ------------------------------------------------------------------ */

/* It was early, the kernel has none of its own: what comes after is the kernel's again. */
static int take_reset(struct conn *conn)
{
	uint32_t was = CONN_RESET;

	if (!__atomic_compare_exchange_n(&conn->state, &was, CONN_CONNECTED,
					 false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return 0;
	conn_attention_add(-1);
	return ECONNRESET;
}

int conn_take_error(struct conn *conn, int fd, int kernel_has)
{
	uint32_t state = __atomic_load_n(&conn->state, __ATOMIC_ACQUIRE);

	if (state == CONN_RESET)
		return take_reset(conn);
	if (conn_phase_of(conn) != CONN_FAILED)
		return 0;
	state = __atomic_exchange_n(&conn->state, CONN_FAILED,
				    __ATOMIC_ACQ_REL);
	fdtable_forget(fd, &conn->thing);
	if (kernel_has == 0 && !(state & CONN_SILENT))
		return 0;
	return (int)((state & ~CONN_SILENT) >> 8);
}

bool conn_leads_to_proxy(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	struct endpoint e;

	return token_getpeername(fd, &peer, &len) == 0 &&
	       endpoint_from_sockaddr(&e, (struct sockaddr *)&peer, len) == 0 &&
	       config_is_proxy(config, &e);
}

struct conn *conn_made(enum conn_phase phase, uint64_t cookie,
		       const struct peer *peer)
{
	struct conn *conn = conn_pool_take();

	if (conn == NULL)
		return NULL;
	set_look(conn, phase);
	conn->told = true;
	conn->family = peer->address.sa.sa_family;
	__atomic_store_n(&conn->pending, NULL, __ATOMIC_RELAXED);
	conn->over = NULL;
	conn->control = 0;
	conn->listens = false;
	conn->names_bound = false;
	conn->peer = *peer;
	if (phase != CONN_CONNECTED)
		conn_attention_add(1);
	__atomic_store_n(&conn->cookie, cookie, __ATOMIC_RELAXED);
	__atomic_store_n(&conn->thing.refs, 1, __ATOMIC_RELEASE);
	return conn;
}

/* A memo may be of an earlier connection: the socket was dissolved and has failed since. */
static struct conn *conn_of_memo(int fd, uint64_t cookie)
{
	struct peer peer;

	return conn_leads_to_proxy(fd) && kin_peer(cookie, &peer) ?
		       conn_made(CONN_CONNECTED, cookie, &peer) :
		       NULL;
}

struct conn *conn_adopt(int fd)
{
	uint64_t cookie = option_cookie(fd);
	uint32_t used = conn_pool_used();

	if (cookie == 0)
		return NULL;
	for (uint32_t i = 0; i < used; i++) {
		struct conn *conn = conn_pool_at(i);
		int shown;

		if (conn == NULL ||
		    __atomic_load_n(&conn->cookie, __ATOMIC_RELAXED) != cookie)
			continue;
		shown = fdtable_find(&conn->thing);
		conn = shown < 0 ? NULL : conn_get(shown);
		/* By now the number may be another's. */
		if (conn != NULL && conn->cookie != cookie) {
			conn_put(conn);
			continue;
		}
		if (shown_by(fd, conn) != NULL)
			return conn;
	}
	return shown_by(fd, conn_of_memo(fd, cookie));
}

bool conn_deafen(struct conn *conn)
{
	struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);
	bool later = false;
	sigset_t signals;

	signals_block(&signals);
	if (pending != NULL && watch_lock(pending, conn->generation)) {
		later = pending->open;
		pending->deaf = later;
		watch_unlock(pending, -1);
	}
	signals_restore(&signals);
	return later;
}

/* Nobody is stepping by that number when this returns, nor begins to. */
static void drop_unstepped(const struct conn *conn, int fd)
{
	struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);
	sigset_t signals;

	signals_block(&signals);
	if (pending != NULL && watch_lock(pending, conn->generation)) {
		fdtable_drop(fd);
		watch_unlock(pending, fd);
	}
	signals_restore(&signals);
}

/* An answer that nobody has read makes a close a reset, which costs the far side what was
 * sent last. */
void conn_closing(int fd)
{
	struct conn *conn;

	if (!conn_any() || !fdtable_ours())
		return;
	conn = conn_get(fd);
	if (conn != NULL && conn_look(conn) == CONN_EARLY)
		conn_step(conn, fd);
	if (conn != NULL)
		drop_unstepped(conn, fd);
	conn_put(conn);
}

/* Another thread may wait for it: when that looks, the kernel's word has to be there. */
void conn_abandon(int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct thing *thing = fdtable_get_kind(fd, &conn_kind);
	struct conn *conn = (struct conn *)thing;
	struct pending *pending;
	sigset_t signals;

	if (thing == NULL)
		return;
	pending = conn->pending;
	signals_block(&signals);
	if (pending != NULL && watch_lock(pending, conn->generation)) {
		talk_restore_options(pending, fd);
		watch_end(pending, fd);
		kin_end(pending, false);
		token_connect(fd, &none, sizeof(none));
		fdtable_forget(fd, thing);
		handshake_broken(&pending->handshake, ECONNABORTED);
		__atomic_store_n(&pending->state, PENDING_FAILED,
				 __ATOMIC_RELEASE);
		watch_unlock(pending, fd);
	}
	signals_restore(&signals);
	fdtable_forget(fd, thing);
	fdtable_put(thing);
}

/*
 * The number says nothing of an epoll of another process; and one that a fork has made two
 * of is not closed yet.
 */
static void drop_epoll(struct pending *pending, void *arg)
{
	const int *epfd = arg;
	uint32_t generation =
		__atomic_load_n(&pending->generation, __ATOMIC_RELAXED);

	/* Most are not, and may just be stepped: those are left alone. */
	if (!watch_is_in(pending, *epfd))
		return;
	if (!watch_lock(pending, generation))
		return;
	if (pending_is_own(pending))
		watch_drop(pending, *epfd);
	watch_unlock(pending, -1);
}

void conn_epoll_closing(int epfd)
{
	sigset_t signals;

	if (!conn_any() || !fdtable_ours())
		return;
	signals_block(&signals);
	pending_each(drop_epoll, &epfd);
	signals_restore(&signals);
}
