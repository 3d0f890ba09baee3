/* SPDX-License-Identifier: MIT */
/*
 * conn.c - one proxied stream: dialling the proxy, driving the handshake
 *
 * Theory of Operation
 *
 * The program's own socket is connected to the proxy and the handshake runs on
 * it, so options, duplicates, epoll membership and the local address are the
 * program's all along. A struct conn is what this process knows of such a
 * socket; while it is CONN_PENDING the work itself is described by a struct
 * pending, which forks share (pending.c).
 *
 * A step (under the record's lock, signals blocked) sends and receives as much as
 * goes without waiting. Steps are made by whoever happens to look: the blocking
 * connect(), the wait hooks, any data call on the socket. There is no thread and
 * no descriptor of our own. The first send doubles as the question whether the
 * proxy was reached: it gives EAGAIN while the kernel still dials, and the dial's
 * error when it failed; then the proxy's next address is tried.
 *
 * When a step ends the negotiation the record becomes PENDING_DONE or
 * PENDING_FAILED, the program's epoll registrations are put back, and every
 * process's conn follows when it is next looked at (settle()). A failed socket is
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
 * Conns live in chunks that are never unmapped, as fdtable asks, and go back to a
 * list of free ones.
 */
#include "preload/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <time.h>

#include "core/log.h"
#include "core/sys.h"
#include "preload/conn_pool.h"
#include "preload/dial.h"
#include "preload/options.h"
#include "preload/real.h"
#include "preload/signals.h"
#include "preload/swap.h"
#include "preload/watch.h"

#define NS_PER_S  1000000000ll
#define NS_PER_MS 1000000ll

/* The state of one that was early and is reset, where the kernel holds no error. */
#define CONN_RESET (CONN_FAILED | (uint32_t)ECONNRESET << 8 | CONN_SILENT)

/* How late a waiter may learn what another one has done. */
#define LOOK_AGAIN_NS (10 * NS_PER_MS)

uint32_t conn_attention;

static const struct config *config;

/* Something was pending at a fork: another process may finish it. */
static bool forked;
static pid_t forker; /* who did so last */

/* The earliest deadline of what is pending, or an earlier one; 0: none known. */
static int64_t nearest_deadline;

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t conn_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

void conn_setup(const struct config *the_config)
{
	config = the_config;
	dial_setup(the_config);
}

static void note_deadline(int64_t deadline)
{
	int64_t nearest =
		__atomic_load_n(&nearest_deadline, __ATOMIC_RELAXED);

	while (nearest == 0 || deadline < nearest)
		if (__atomic_compare_exchange_n(&nearest_deadline, &nearest,
						deadline, false,
						__ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return;
}

static void attention(int change)
{
	__atomic_add_fetch(&conn_attention, (uint32_t)change,
			   __ATOMIC_RELAXED);
}

static enum conn_phase phase_of(const struct conn *conn)
{
	return __atomic_load_n(&conn->state, __ATOMIC_ACQUIRE) & 0xff;
}

static void conn_release(struct thing *thing)
{
	struct conn *conn = (struct conn *)thing;

	if (phase_of(conn) != CONN_CONNECTED)
		attention(-1);
	if (conn->pending != NULL)
		pending_leave(conn->pending);
	__atomic_store_n(&conn->pending, NULL, __ATOMIC_RELEASE);
	conn_pool_give(conn);
}

/* One in CONN_PENDING, with one reference; takes over the caller's to pending. */
static struct conn *conn_new(struct pending *pending)
{
	struct conn *conn = conn_pool_take();

	if (conn == NULL)
		return NULL;
	conn->thing.release = conn_release;
	conn->state = CONN_PENDING;
	conn->told = false;
	conn->family = pending->family;
	__atomic_store_n(&conn->pending, pending, __ATOMIC_RELEASE);
	conn->generation = pending->generation;
	__atomic_store_n(&conn->cookie, pending->cookie, __ATOMIC_RELAXED);
	conn->peer = pending->peer;
	pending_enter(pending);
	attention(1);
	__atomic_store_n(&conn->thing.refs, 1, __ATOMIC_RELEASE);
	return conn;
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	sys5(SYS_getsockopt, fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	return cookie;
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
	uint64_t cookie = fdtable_notes(fd) & FD_STREAM ? cookie_of(fd) : 0;
	struct pending *pending = cookie ? kin_find(cookie) : NULL;
	struct conn *conn;

	if (pending == NULL)
		return NULL;
	conn = conn_new(pending);
	if (conn == NULL)
		pending_unref(pending);
	else
		note_deadline(pending->deadline_ns);
	return shown_by(fd, conn);
}

struct conn *conn_get(int fd)
{
	struct thing *thing = fdtable_get(fd);
	struct conn *conn = (struct conn *)thing;

	if (thing == NULL)
		return kin_any() ? conn_of_kin(fd) : NULL;
	if (conn->cookie == cookie_of(fd))
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

static long send_some(struct pending *pending, int fd)
{
	struct credentials who = config_credentials(config);
	uint8_t message[SOCKS5_AUTH_MAX];
	size_t len = handshake_output(&pending->handshake, &who, message,
				      sizeof(message));
	long n;

	if (len == 0)
		return 0;
	n = sys6(SYS_sendto, fd, message, len, MSG_NOSIGNAL | MSG_DONTWAIT,
		 NULL, 0);
	explicit_bzero(message, len);
	if (n > 0) {
		pending->dialling = false;
		handshake_sent(&pending->handshake, (size_t)n);
	}
	return n == -EINPROGRESS ? -EAGAIN : n; /* TCP_FASTOPEN_CONNECT */
}

static long receive_some(struct pending *pending, int fd)
{
	struct credentials who = config_credentials(config);
	uint8_t bytes[SOCKS5_MESSAGE_MAX];
	size_t wants = handshake_wants(&pending->handshake);
	long n;

	if (wants > sizeof(bytes))
		wants = sizeof(bytes);
	n = sys6(SYS_recvfrom, fd, bytes, wants, MSG_DONTWAIT, NULL, NULL);
	if (n > 0)
		handshake_received(&pending->handshake, &who, bytes, (size_t)n);
	else if (n == 0)
		handshake_eof(&pending->handshake);
	return n;
}

static void talk(struct pending *pending, int fd)
{
	struct handshake *handshake = &pending->handshake;

	while (!handshake_over(handshake)) {
		bool sends = handshake_sends(handshake);
		long n = sends ? send_some(pending, fd) :
				 receive_some(pending, fd);

		if (n == -EAGAIN)
			return;
		/* The answer is not there yet, and a blocking connect() waits for it. */
		if (n > 0 && pending->blocking && sends &&
		    !handshake_sends(handshake))
			return;
		if (n >= 0)
			continue;
		if (pending->dialling) {
			int r = dial_next(pending, fd);

			if (r == 0 || r == -EINPROGRESS)
				continue;
		}
		handshake_broken(handshake, n == -EPIPE ? ECONNRESET : (int)-n);
	}
}

static void restore_cork(struct pending *pending, int fd)
{
	if (pending->cork)
		option_set(fd, IPPROTO_TCP, TCP_CORK, 1);
	pending->cork = false;
}

static void restore_options(struct pending *pending, int fd)
{
	if (pending->rcvlowat > 0)
		option_set(fd, SOL_SOCKET, SO_RCVLOWAT, pending->rcvlowat);
	restore_cork(pending, fd);
}

/* Options that would stall the handshake: an RCVLOWAT sleeps for ever, a CORK
 * costs 200 ms. */
static void neutralise_options(struct pending *pending, int fd)
{
	int rcvlowat;

	if (fdtable_plain(fd))
		return;
	rcvlowat = option_get(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
	if (rcvlowat > 1) {
		pending->rcvlowat = rcvlowat;
		option_set(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
	}
	if (!pending->open && option_get(fd, IPPROTO_TCP, TCP_CORK, 0)) {
		pending->cork = true;
		option_set(fd, IPPROTO_TCP, TCP_CORK, 0);
	}
}

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
	if (pending != NULL && pending_lock(pending, conn->generation)) {
		/* What it was set to before does not count any more. */
		if (level == SOL_SOCKET)
			pending->rcvlowat = 0;
		else
			pending->cork = false;
		neutralise_options(pending, fd);
		pending_unlock(pending);
	}
	signals_restore(&signals);
	conn_put(conn);
}

static void finish(struct pending *pending, int fd)
{
	bool failed = pending->handshake.state == HANDSHAKE_FAILED;

	if (failed && pending->open)
		pending->silent = !dial_look_reset(fd);
	else if (failed)
		pending->silent = !dial_look_refused(pending, fd);
	else if (pending->deaf)
		sys2(SYS_shutdown, fd, SHUT_RD);
	kin_end(pending, !failed);
	restore_options(pending, fd);
	watch_end(pending, fd);
	__atomic_store_n(&pending->state,
			 failed ? PENDING_FAILED : PENDING_DONE,
			 __ATOMIC_RELEASE);
}

static void report(const struct pending *pending)
{
	char destination[ENDPOINT_TEXT_MAX], reason[HANDSHAKE_REASON_MAX];
	const struct handshake *handshake = &pending->handshake;
	int64_t ms = (conn_now_ns() - pending->begun_ns) / NS_PER_MS;
	bool failed = handshake->state == HANDSHAKE_FAILED;
	char proxy[ENDPOINT_TEXT_MAX];

	if (!log_wants(failed ? LOG_REFUSAL : LOG_CONNECTION))
		return;
	endpoint_format(&handshake->destination, destination,
			sizeof(destination));
	endpoint_format(&config->proxy, proxy, sizeof(proxy));
	if (!failed) {
		log_line(LOG_CONNECTION, "%s: connected via %s, %ld ms",
			 destination, proxy, (long)ms);
		return;
	}
	handshake_reason(handshake, reason, sizeof(reason));
	if (pending->dialling)
		log_once(destination,
			 "%s: the proxy %s cannot be reached: %e, %ld ms",
			 destination, proxy, handshake->error, (long)ms);
	else
		log_once(destination, "%s: %s (%s), %ld ms%s", destination,
			 reason, proxy, (long)ms,
			 pending->open ? ", shown as a reset" : "");
}

static void hand_out(struct pending *pending, int fd)
{
	restore_cork(pending, fd);
	watch_end(pending, fd);
	__atomic_store_n(&pending->open, true, __ATOMIC_RELEASE);
}

/* Signals are blocked. True when that ended it: the caller then reports. */
static bool step_locked(struct pending *pending, int fd)
{
	if (conn_now_ns() >= pending->deadline_ns)
		handshake_broken(&pending->handshake, ETIMEDOUT);
	else
		talk(pending, fd);
	if (handshake_over(&pending->handshake)) {
		finish(pending, fd);
		return true;
	}
	if (handshake_sends(&pending->handshake))
		watch_change(pending, fd, EPOLLOUT);
	else if (!pending->early)
		watch_change(pending, fd, EPOLLIN);
	else if (!pending->open)
		hand_out(pending, fd);
	return false;
}

/* What a step has done, for -vv. */
static void trace(const struct pending *pending, enum handshake_state from,
		  enum handshake_state to)
{
	char destination[ENDPOINT_TEXT_MAX];

	if (from == to || !log_wants(LOG_PROTOCOL))
		return;
	endpoint_format(&pending->handshake.destination, destination,
			sizeof(destination));
	log_line(LOG_PROTOCOL, "%s: %s > %s", destination,
		 handshake_state_name(from), handshake_state_name(to));
}

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
	const struct conn *conn = (const struct conn *)fdtable_peek(fd);

	return conn != NULL && has(conn, pending);
}

/*
 * Signals are blocked, signals is what they were. What is said in the log may wait for
 * whoever reads it: without the lock, with a reference, and with the program's signals.
 */
static void step(struct pending *pending, uint32_t generation, int fd,
		 const sigset_t *signals)
{
	enum handshake_state from, to;
	sigset_t blocked;
	bool over;

	if (!pending_lock(pending, generation))
		return;
	if (!shows(fd, pending)) {
		pending_unlock(pending);
		return;
	}
	from = pending->handshake.state;
	over = step_locked(pending, fd);
	to = pending->handshake.state;
	pending_ref(pending);
	pending_unlock(pending);
	if (log_wants(LOG_PROTOCOL) || (over && log_wants(LOG_REFUSAL))) {
		signals_exchange(signals, &blocked);
		trace(pending, from, to);
		if (over)
			report(pending);
		signals_restore(&blocked);
	}
	pending_unref(pending);
}

/* The state of a conn whose record is like this. */
static uint32_t state_after(const struct pending *pending)
{
	bool open = __atomic_load_n(&pending->open, __ATOMIC_ACQUIRE);
	uint32_t error = (uint32_t)pending->handshake.error;

	switch (pending_state(pending)) {
	case PENDING_DONE:
		return CONN_CONNECTED;
	case PENDING_FAILED:
		if (open && !pending->silent)
			return CONN_CONNECTED; /* all the rest is the kernel's */
		if (open)
			return CONN_RESET;
		return CONN_FAILED | error << 8 |
		       (pending->silent ? CONN_SILENT : 0);
	default:
		return open ? CONN_EARLY : CONN_PENDING;
	}
}

/*
 * The conn follows its record. Who comes late may read a record that is
 * another's by now; its change of state then fails.
 */
static enum conn_phase settle(struct conn *conn)
{
	struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);
	uint32_t was = __atomic_load_n(&conn->state, __ATOMIC_ACQUIRE);
	uint32_t next;

	if (pending == NULL || was > CONN_EARLY)
		return phase_of(conn);
	next = state_after(pending);
	if (next <= CONN_EARLY) {
		if (next > was)
			__atomic_compare_exchange_n(&conn->state, &was, next,
						    false, __ATOMIC_ACQ_REL,
						    __ATOMIC_ACQUIRE);
		return phase_of(conn);
	}
	if (__atomic_compare_exchange_n(&conn->state, &was, next, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&conn->pending, NULL, __ATOMIC_RELEASE);
		if (next == CONN_CONNECTED)
			attention(-1);
		pending_leave(pending);
	}
	return phase_of(conn);
}

enum conn_phase conn_step(struct conn *conn, int fd)
{
	struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);

	sigset_t signals;

	if (pending != NULL && pending_state(pending) == PENDING_ACTIVE) {
		signals_block(&signals);
		step(pending, conn->generation, fd, &signals);
		signals_restore(&signals);
	}
	return settle(conn);
}

enum conn_phase conn_look(struct conn *conn)
{
	return settle(conn);
}

short conn_events(const struct conn *conn)
{
	const struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);

	if (pending == NULL || handshake_sends(&pending->handshake))
		return POLLOUT;
	return POLLIN;
}

/* This process's connection that a record belongs to, by its descriptor. */
static struct conn *conn_of(const struct pending *pending, int *fd)
{
	uint32_t used = conn_pool_used();
	struct conn *conn = conn_get(*fd = pending->fd);

	if (conn != NULL && has(conn, pending))
		return conn;
	conn_put(conn);
	for (uint32_t i = 0; i < used; i++) {
		conn = conn_pool_at(i);
		if (conn == NULL || !has(conn, pending))
			continue;
		*fd = fdtable_find(&conn->thing);
		conn = conn_get(*fd);
		if (conn != NULL && has(conn, pending))
			return conn;
		conn_put(conn);
	}
	return NULL;
}

static void step_pending(struct pending *pending)
{
	int fd;
	struct conn *conn = conn_of(pending, &fd);

	if (conn != NULL)
		conn_step(conn, fd);
	conn_put(conn);
}

struct step_watched {
	int epfd;
	bool any;
};

static void step_if_active(struct pending *pending, void *arg)
{
	(void)arg;
	if (pending_state(pending) == PENDING_ACTIVE)
		step_pending(pending);
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
	step_pending(pending);
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
		step_pending(pending);
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
	while (!ours && settle(conn) == CONN_PENDING) {
		pending = conn->pending;
		ours = pending != NULL &&
		       pending_lock(pending, conn->generation);
		if (ours && pending->open) {
			pending_unlock(pending);
			ours = false;
		}
	}
	if (ours) {
		*result = watch_ctl(pending, epfd, op, fd, event);
		pending_unlock(pending);
	}
	signals_restore(&signals);
	conn_put(conn);
	return ours;
}

/* --- time ----------------------------------------------------------------------- */

int64_t conn_deadline(void)
{
	int64_t nearest =
		__atomic_load_n(&nearest_deadline, __ATOMIC_RELAXED);

	return nearest == 0 || !conn_any() ? INT64_MAX : nearest;
}

static void expire_one(struct pending *pending, void *arg)
{
	const int64_t *now = arg;

	if (pending_state(pending) != PENDING_ACTIVE)
		return;
	if (pending->deadline_ns > *now) {
		note_deadline(pending->deadline_ns);
		return;
	}
	step_pending(pending);
}

/*
 * A connection that another thread or process finishes wakes nobody who waits for the
 * proxy's answer here: the kernel has no more to say. So such a wait looks again.
 */
int64_t conn_look_again(void)
{
	int64_t deadline = conn_deadline();

	if (deadline == INT64_MAX || (__libc_single_threaded && !forked))
		return deadline;
	return earlier(deadline, conn_now_ns() + LOOK_AGAIN_NS);
}

void conn_expire(void)
{
	int64_t now = conn_now_ns();

	if (conn_deadline() > now)
		return;
	__atomic_store_n(&nearest_deadline, 0, __ATOMIC_RELAXED);
	pending_each(expire_one, &now);
}

/* --- waiting -------------------------------------------------------------------- */

/* Waits on the descriptor itself, with the program's signals. A cancellation point. */
static int wait_for(int fd, short events, int64_t until_ns,
		    const sigset_t *signals)
{
	struct pollfd pollfd = { .fd = fd, .events = events };
	int64_t left = until_ns - conn_now_ns();
	struct timespec timeout;

	if (left < 0)
		left = 0;
	timeout.tv_sec = left / NS_PER_S;
	timeout.tv_nsec = left % NS_PER_S;
	return REAL(ppoll)(&pollfd, 1, &timeout, signals) < 0 ? -errno : 0;
}

/* 0: it is there; -1: fd does not show it any more; else what it waits for. */
static int step_round(struct conn *conn, uint32_t generation, int fd,
		      enum conn_phase least, const sigset_t *signals)
{
	struct thing *thing = fdtable_get(fd);
	int result = -1;

	if (thing == &conn->thing && conn->generation == generation) {
		struct pending *pending =
			__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);

		if (pending != NULL)
			step(pending, generation, fd, signals);
		result = settle(conn) >= least ? 0 : conn_events(conn);
	}
	fdtable_put(thing);
	return result;
}

/*
 * One round of settle_to, signals blocked but in the wait. 0: it is there; -EAGAIN: the
 * limit is over; -EINTR; 1: go on.
 */
static int settle_once(struct conn *conn, uint32_t generation, int fd,
		       enum conn_phase least, int64_t limit_ns,
		       const sigset_t *signals)
{
	int events = step_round(conn, generation, fd, least, signals);
	int64_t until;
	int r;

	if (events <= 0)
		return events < 0 ? 1 : 0;
	conn_expire(); /* or a deadline long past would be waited for */
	until = earlier(limit_ns, conn_look_again());
	if (limit_ns != INT64_MAX && conn_now_ns() >= limit_ns)
		return -EAGAIN;
	r = wait_for(fd, (short)events, until, signals);
	if (r == -EINTR && limit_ns == INT64_MAX && signals_restart(signals))
		return 1;
	return r == -EINTR ? r : 1;
}

static bool stands(int fd, const struct conn *conn, uint32_t generation)
{
	struct thing *now = fdtable_get(fd);
	bool same = now == &conn->thing && conn->generation == generation;

	fdtable_put(now);
	return same;
}

/* A number that was closed meanwhile may have duplicates: one of them will do. */
static bool still_stands(int *fd, const struct conn *conn, uint32_t generation)
{
	if (stands(*fd, conn, generation))
		return true;
	*fd = fdtable_find(&conn->thing);
	return *fd >= 0 && stands(*fd, conn, generation);
}

/*
 * No reference is held over a wait, which a handler may leave by siglongjmp: conns stay
 * conns, and the generation tells whether it still is the same one. Cancellation, where it
 * is asynchronous, is kept out of the steps: the wait is a cancellation point anyway.
 */
static int settle_known(struct conn *conn, uint32_t generation, int fd,
			enum conn_phase least, int64_t limit_ns)
{
	int saved_errno = errno;
	sigset_t signals;
	int type;
	int r;

	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	signals_block_but_cancel(&signals);
	do {
		r = settle_once(conn, generation, fd, least, limit_ns,
				&signals);
	} while (r == 1 && still_stands(&fd, conn, generation));
	signals_restore(&signals);
	pthread_setcanceltype(type, NULL);
	errno = saved_errno;
	return r == 1 ? 0 : r;
}

static int settle_to(int fd, enum conn_phase least, int64_t limit_ns)
{
	struct conn *conn = conn_get(fd);
	uint32_t generation;

	if (conn == NULL)
		return 0;
	generation = conn->generation;
	conn_put(conn);
	return settle_known(conn, generation, fd, least, limit_ns);
}

int conn_settle(int fd, int64_t limit_ns)
{
	return settle_to(fd, CONN_EARLY, limit_ns);
}

/* When a wait that SO_SNDTIMEO or SO_RCVTIMEO bounds is over. */
static int64_t limit_of(const struct timeval *timeout)
{
	if (timeout->tv_sec == 0 && timeout->tv_usec == 0)
		return INT64_MAX;
	return conn_now_ns() + timeout->tv_sec * NS_PER_S +
	       timeout->tv_usec * 1000ll;
}

/* The error of a failed connection, once, where the kernel has none to tell. */
static int tell_silent(int fd)
{
	struct conn *conn = conn_get(fd);
	int error = 0;

	if (conn == NULL)
		return 0;
	if (__atomic_load_n(&conn->state, __ATOMIC_ACQUIRE) & CONN_SILENT)
		error = conn_take_error(conn, fd, 0);
	conn_put(conn);
	return -error;
}

/* Connected for good, by what the table says: then there is nothing to ask the kernel. */
static bool is_connected(int fd)
{
	const struct conn *conn = (const struct conn *)fdtable_peek(fd);

	return conn != NULL && phase_of(conn) == CONN_CONNECTED;
}

int conn_before_data(int fd, bool dontwait, int option)
{
	/* What is written early stands behind the request; what is read, behind the reply. */
	enum conn_phase least = option == SO_SNDTIMEO ? CONN_EARLY :
							CONN_CONNECTED;
	struct conn *conn;
	enum conn_phase phase;
	struct timeval timeout;
	int r;

	if (is_connected(fd))
		return 0;
	conn = conn_get(fd);
	if (conn == NULL)
		return 0;
	phase = conn_step(conn, fd);
	conn_put(conn);
	if (phase < least) {
		if (dontwait || sys2(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK)
			return -EAGAIN;
		timeout = option_timeout(fd, option);
		r = settle_to(fd, least, limit_of(&timeout));
		if (r < 0)
			return r;
	} else if (phase != CONN_FAILED) {
		return 0;
	}
	return tell_silent(fd);
}

/* --- connect ---------------------------------------------------------------------- */

/* The first dial is no step yet: nobody else can know the record. */
static int dial_first(struct pending *pending, int fd)
{
	sigset_t signals;
	int r;

	if (!pending->blocking)
		return dial(pending, fd);
	signals_block(&signals);
	r = dial(pending, fd);
	signals_restore(&signals);
	return r;
}

static struct pending *begin(const struct conn_request *request)
{
	struct pending *pending = pending_new();

	if (pending == NULL)
		return NULL;
	pending->fd = request->fd;
	pending->cookie = cookie_of(request->fd);
	pending->family = swap_family(request->fd, request->domain);
	pending->blocking = !request->nonblocking;
	pending->events = EPOLLOUT;
	pending->peer.len = request->peer->sa_family == AF_INET ?
				    sizeof(pending->peer.address.in) :
				    sizeof(pending->peer.address.in6);
	memcpy(&pending->peer.address, request->peer, pending->peer.len);
	pending->begun_ns = conn_now_ns();
	pending->deadline_ns =
		pending->begun_ns + config->timeout_ms * NS_PER_MS;
	handshake_begin(&pending->handshake, SOCKS5_CONNECT,
			request->destination);
	/* With a login the method has to be known first. */
	if (config_credentials(config).username == NULL) {
		pending->early = config->early_data;
		if (config->pipeline || config->early_data)
			handshake_pipeline(&pending->handshake);
	}
	return pending;
}

static bool may_be_watched(int fd)
{
	return (fdtable_notes(fd) & (FD_SEEN | FD_WATCHED | FD_DUPED)) !=
	       FD_SEEN;
}

/* A duplicate that was made before the connect shows the same connection. */
static void show_too(int fd, void *arg)
{
	struct conn *conn = arg;

	if (cookie_of(fd) == conn->cookie)
		fdtable_share(fd, &conn->thing);
}

/* What woke a waiter before this could not be stepped: it is asked for again. */
static void go_live(struct pending *pending, int fd)
{
	uint32_t generation = pending->generation;
	sigset_t signals;

	pending_activate(pending);
	if (!watch_any(pending))
		return;
	signals_block(&signals);
	if (pending_lock(pending, generation)) {
		watch_again(pending, fd);
		pending_unlock(pending);
	}
	signals_restore(&signals);
}

/* The fresh socket is dialled before it takes the place: a failure leaves all as it was. */
static int dial_fresh(struct pending *pending, int fd, int fresh)
{
	int r = dial_first(pending, fresh);
	int placed;

	if (r < 0 && r != -EINPROGRESS)
		return r;
	placed = swap_place(pending, fd, fresh);
	return placed < 0 ? placed : r;
}

/* The socket's family reaches none of the proxy's addresses: the other one may. */
static int dial_swapped(struct conn *conn, int fd)
{
	struct pending *pending = conn->pending;
	int family = pending->family == AF_INET ? AF_INET6 : AF_INET;
	sigset_t signals;
	int fresh, r;

	signals_block(&signals);
	r = fresh = swap_make(fd, family);
	if (fresh >= 0) {
		pending->family = family;
		pending->address = 0;
		r = dial_fresh(pending, fd, fresh);
		sys1(SYS_close, fresh);
	}
	signals_restore(&signals);
	conn->family = pending->family;
	conn->cookie = pending->cookie;
	return r;
}

static int start(const struct conn_request *request, struct conn *conn)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct pending *pending = conn->pending;
	int fd = request->fd;
	int r = 0;

	if (may_be_watched(fd))
		r = watch_begin(pending, fd);
	if (r < 0)
		return r;
	neutralise_options(pending, fd);
	r = dial_first(pending, fd);
	if (r == -EAFNOSUPPORT && !swap_shown(fd))
		r = dial_swapped(conn, fd);
	if (r == 0 || r == -EINPROGRESS) {
		r = fdtable_set(fd, &conn->thing);
		if (r == 0) {
			if (fdtable_notes(fd) & FD_DUPED)
				fdtable_each_noted(FD_DUPED, show_too, conn);
			note_deadline(pending->deadline_ns);
			if (fdtable_notes(fd) & FD_INHERITED)
				kin_begin(pending);
			go_live(pending, fd);
			return 0;
		}
		sys3(SYS_connect, fd, &none, sizeof(none));
	}
	restore_options(pending, fd);
	watch_end(pending, fd);
	return r;
}

static void report_dial(const struct conn_request *request, int error)
{
	char destination[ENDPOINT_TEXT_MAX], proxy[ENDPOINT_TEXT_MAX];

	if (!log_wants(LOG_REFUSAL))
		return;
	endpoint_format(request->destination, destination,
			sizeof(destination));
	endpoint_format(&config->proxy, proxy, sizeof(proxy));
	log_once(destination, "%s: the proxy %s cannot be reached: %e",
		 destination, proxy, error);
}

/*
 * The table does not know fd any more. Another thread dissolved it; or closed it, which
 * does not keep the kernel's connect() from going on and answering.
 */
static int outcome_unknown(int fd, uint64_t cookie)
{
	if (cookie_of(fd) != cookie)
		return 0;
	option_get(fd, SOL_SOCKET, SO_ERROR, 0);
	return -ECONNRESET;
}

int conn_tell(struct conn *conn, int fd)
{
	int error = conn_take_error(conn, fd, ECONNREFUSED);

	if (error != 0) {
		dial_tell_refused(fd, conn->family);
		return -error;
	}
	if (phase_of(conn) == CONN_FAILED) {
		dial_tell_refused(fd, conn->family);
		return -ECONNABORTED;
	}
	return __atomic_exchange_n(&conn->told, 1, __ATOMIC_RELAXED) ? -EISCONN :
								       0;
}

static int await_known(struct conn *conn, uint32_t generation, uint64_t cookie,
		       int fd)
{
	struct timeval timeout = option_send_timeout(fd);
	int r = settle_known(conn, generation, fd, CONN_EARLY,
			     limit_of(&timeout));
	struct thing *thing;

	if (r == -EAGAIN)
		return -EINPROGRESS;
	if (r < 0)
		return r;
	thing = fdtable_get(fd);
	if (thing == &conn->thing && conn->generation == generation)
		r = conn_tell(conn, fd);
	else
		r = outcome_unknown(fd, cookie);
	fdtable_put(thing);
	return r;
}

int conn_await(int fd)
{
	struct conn *conn = conn_get(fd);
	uint32_t generation;
	uint64_t cookie;

	if (conn == NULL)
		return -EBADF;
	generation = conn->generation;
	cookie = conn->cookie;
	conn_put(conn);
	return await_known(conn, generation, cookie, fd);
}

int conn_open(const struct conn_request *request)
{
	struct pending *pending = begin(request);
	uint32_t generation;
	struct conn *conn;
	int r;

	if (pending == NULL)
		return -ENOBUFS;
	conn = conn_new(pending);
	if (conn == NULL) {
		pending_unref(pending);
		return -ENOBUFS;
	}
	generation = conn->generation;
	r = start(request, conn);
	if (r < 0) {
		conn_put(conn);
		if (dial_another_may_do(r))
			report_dial(request, -r);
		return r;
	}
	if (request->nonblocking)
		return -EINPROGRESS;
	return await_known(conn, generation, conn->cookie, request->fd);
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
	attention(-1);
	return ECONNRESET;
}

int conn_take_error(struct conn *conn, int fd, int kernel_has)
{
	uint32_t state = __atomic_load_n(&conn->state, __ATOMIC_ACQUIRE);

	if (state == CONN_RESET)
		return take_reset(conn);
	if (phase_of(conn) != CONN_FAILED)
		return 0;
	state = __atomic_exchange_n(&conn->state, CONN_FAILED,
				    __ATOMIC_ACQ_REL);
	fdtable_forget(fd, &conn->thing);
	if (kernel_has == 0 && !(state & CONN_SILENT))
		return 0;
	return (int)((state & ~CONN_SILENT) >> 8);
}

static struct conn *conn_of_memo(uint64_t cookie)
{
	struct conn *conn = conn_pool_take();

	if (conn == NULL)
		return NULL;
	if (!kin_peer(cookie, &conn->peer)) {
		conn_pool_give(conn);
		return NULL;
	}
	conn->thing.release = conn_release;
	conn->state = CONN_CONNECTED;
	conn->told = true;
	conn->pending = NULL;
	conn->cookie = cookie;
	__atomic_store_n(&conn->thing.refs, 1, __ATOMIC_RELEASE);
	return conn;
}

struct conn *conn_adopt(int fd)
{
	uint64_t cookie = cookie_of(fd);
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
	return shown_by(fd, conn_of_memo(cookie));
}

bool conn_deafen(struct conn *conn)
{
	struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);
	bool later = false;
	sigset_t signals;

	signals_block(&signals);
	if (pending != NULL && pending_lock(pending, conn->generation)) {
		later = pending->open;
		pending->deaf = later;
		pending_unlock(pending);
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
	if (pending != NULL && pending_lock(pending, conn->generation)) {
		fdtable_drop(fd);
		pending_unlock(pending);
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
	if (conn != NULL && settle(conn) == CONN_EARLY)
		conn_step(conn, fd);
	if (conn != NULL)
		drop_unstepped(conn, fd);
	conn_put(conn);
}

void conn_abandon(int fd)
{
	struct thing *thing = fdtable_get(fd);
	struct conn *conn = (struct conn *)thing;
	struct pending *pending;
	sigset_t signals;

	if (thing == NULL)
		return;
	pending = conn->pending;
	signals_block(&signals);
	if (pending != NULL && pending_lock(pending, conn->generation)) {
		restore_options(pending, fd);
		watch_end(pending, fd);
		kin_end(pending, false);
		handshake_broken(&pending->handshake, ECONNABORTED);
		__atomic_store_n(&pending->state, PENDING_FAILED,
				 __ATOMIC_RELEASE);
		pending_unlock(pending);
	}
	signals_restore(&signals);
	fdtable_forget(fd, thing);
	fdtable_put(thing);
}

static void drop_epoll(struct pending *pending, void *arg)
{
	const int *epfd = arg;
	uint32_t generation =
		__atomic_load_n(&pending->generation, __ATOMIC_RELAXED);

	if (!pending_lock(pending, generation))
		return;
	watch_drop(pending, *epfd);
	pending_unlock(pending);
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

/* --- fork ------------------------------------------------------------------------ */

static uint32_t fork_lock;     /* one fork at a time; held with signals blocked */
static sigset_t fork_signals;  /* what they were; belongs to who holds it */
static bool fork_counted;      /* likewise: something was pending */

/* A reference for the child; only to what conn has indeed. */
static struct pending *count_for_child(const struct conn *conn)
{
	struct pending *pending =
		__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE);

	if (pending == NULL || !pending_hold(pending))
		return NULL;
	if (__atomic_load_n(&conn->pending, __ATOMIC_ACQUIRE) == pending)
		return pending;
	pending_unref(pending);
	return NULL;
}

/*
 * The references are the child's: it has a copy of each conn, and no other way to
 * count itself before the parent goes on. A fork that fails leaves them behind.
 */
void conn_before_fork(void)
{
	uint32_t used = conn_pool_used();
	sigset_t signals;

	signals_block(&signals);
	while (__atomic_exchange_n(&fork_lock, 1, __ATOMIC_ACQUIRE) != 0)
		sys0(SYS_sched_yield);
	fork_signals = signals;
	fork_counted = conn_any();
	forker = (pid_t)sys0(SYS_getpid);
	for (uint32_t i = 0; fork_counted && i < used; i++) {
		struct conn *conn = conn_pool_at(i);

		if (conn != NULL)
			conn->counted = count_for_child(conn);
	}
}

static void fork_over(void)
{
	sigset_t signals = fork_signals;

	forked = forked || fork_counted || conn_any();
	__atomic_store_n(&fork_lock, 0, __ATOMIC_RELEASE);
	signals_restore(&signals);
}

void conn_forked_parent(void)
{
	fork_over();
}

static bool is_child(void)
{
	return forker != 0 && forker != sys0(SYS_getpid) && fdtable_ours();
}

/* Calls each for every connection of a child that is under way. */
static void each_of_child(void (*each)(struct conn *conn,
				       struct pending *pending))
{
	uint32_t used = conn_pool_used();

	if (!conn_any() || !is_child())
		return;
	for (uint32_t i = 0; i < used; i++) {
		struct conn *conn = conn_pool_at(i);
		struct pending *pending =
			conn ? __atomic_load_n(&conn->pending,
					       __ATOMIC_ACQUIRE)
			     : NULL;

		if (pending != NULL)
			each(conn, pending);
	}
}

static void let_go(struct conn *conn, struct pending *pending)
{
	(void)conn;
	pending_leave(pending);
}

/* A record that is another's by now was finished by the parent: the kernel knows how. */
static void take_again(struct conn *conn, struct pending *pending)
{
	uint32_t was = phase_of(conn);

	if (pending_hold(pending)) {
		pending_enter(pending);
		if (pending->generation == conn->generation)
			return;
		pending_leave(pending);
	}
	__atomic_store_n(&conn->pending, NULL, __ATOMIC_RELEASE);
	if (was <= CONN_EARLY &&
	    __atomic_compare_exchange_n(&conn->state, &was, CONN_CONNECTED,
					false, __ATOMIC_ACQ_REL,
					__ATOMIC_RELAXED))
		attention(-1);
}

void conn_leave(void)
{
	each_of_child(let_go);
}

void conn_stay(void)
{
	each_of_child(take_again);
}

/*
 * Threads that the child does not have went on between the count and the copy: what began
 * meanwhile was not counted, and what ended is not held here any more.
 */
static void recount(struct conn *conn)
{
	struct pending *counted = fork_counted ? conn->counted : NULL;

	if (counted != NULL && counted == conn->pending) {
		pending_enter(counted);
		return;
	}
	if (counted != NULL)
		pending_unref(counted);
	if (conn->thing.refs == 0)
		conn->pending = NULL; /* it was being made, or given back */
	else if (conn->pending != NULL)
		take_again(conn, conn->pending);
}

void conn_forked_child(void)
{
	uint32_t used = conn_pool_used();

	for (uint32_t i = 0; (fork_counted || conn_any()) && i < used; i++) {
		struct conn *conn = conn_pool_at(i);

		if (conn != NULL)
			recount(conn);
	}
	fork_over();
}
