/* SPDX-License-Identifier: MIT */
/*
 * conn_wait.c - waiting for connections under way, and their time
 *
 * No reference is held over a wait, and no lock. What waits here is the thread that
 * called: a blocking connect(), or a data call on a socket that is not connected yet.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/single_threaded.h>
#include <time.h>

#include "core/sys.h"
#include "preload/clock.h"
#include "preload/conn_inner.h"
#include "preload/options.h"
#include "preload/real.h"
#include "preload/signals.h"

/* How late a waiter may learn what another one has done. */
#define LOOK_AGAIN_NS (10 * NS_PER_MS)

/* The earliest deadline of what is pending, or an earlier one; 0: none known. */
static int64_t nearest_deadline;

/*
 * Who looks for it anew forgets it first: until all are noted again, nobody may take what
 * is there for the earliest. A thread that never comes back from its search (siglongjmp)
 * leaves these unequal, and waits are short then.
 */
static uint32_t searches_begun, searches_over;

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void conn_note_deadline(int64_t deadline)
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

int64_t conn_deadline(void)
{
	uint32_t over = __atomic_load_n(&searches_over, __ATOMIC_SEQ_CST);
	int64_t nearest = __atomic_load_n(&nearest_deadline, __ATOMIC_SEQ_CST);

	if (!conn_any())
		return INT64_MAX;
	if (nearest == 0)
		nearest = INT64_MAX;
	if (__atomic_load_n(&searches_begun, __ATOMIC_SEQ_CST) != over)
		return earlier(nearest, clock_now_ns() + LOOK_AGAIN_NS);
	return nearest;
}

void conn_wait_after_fork(void)
{
	searches_begun = searches_over = 0;
}

static void expire_one(struct pending *pending, void *arg)
{
	const int64_t *now = arg;

	if (pending_state(pending) != PENDING_ACTIVE ||
	    pending->deadline_ns == INT64_MAX)
		return;
	if (pending->deadline_ns > *now) {
		conn_note_deadline(pending->deadline_ns);
		return;
	}
	conn_step_pending(pending);
}

/*
 * A connection that another thread or process finishes wakes nobody who waits for the
 * proxy's answer here: the kernel has no more to say. So such a wait looks again.
 */
int64_t conn_look_again(bool waits_for_one)
{
	int64_t deadline = conn_deadline();

	if (__libc_single_threaded && !conn_any_shared())
		return deadline;
	if (deadline == INT64_MAX && !waits_for_one)
		return deadline;
	return earlier(deadline, clock_now_ns() + LOOK_AGAIN_NS);
}

void conn_expire(void)
{
	int64_t now = clock_now_ns();

	if (conn_deadline() > now)
		return;
	__atomic_add_fetch(&searches_begun, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&nearest_deadline, 0, __ATOMIC_SEQ_CST);
	pending_each(expire_one, &now);
	__atomic_add_fetch(&searches_over, 1, __ATOMIC_SEQ_CST);
}

/* --- waiting -------------------------------------------------------------------- */

/* Waits on the descriptor itself, with the program's signals. A cancellation point. */
static int wait_for(int fd, short events, int64_t until_ns,
		    const sigset_t *signals)
{
	struct pollfd pollfd = { .fd = fd, .events = events };
	int64_t left = until_ns - clock_now_ns();
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
			conn_step_record(pending, generation, fd, signals);
		result = conn_look(conn) >= least ? 0 : conn_events(conn);
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
	until = earlier(limit_ns, conn_look_again(true));
	if (limit_ns != INT64_MAX && clock_now_ns() >= limit_ns)
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
int conn_wait_known(struct conn *conn, uint32_t generation, int fd,
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
	return conn_wait_known(conn, generation, fd, least, limit_ns);
}

int conn_settle(int fd, int64_t limit_ns)
{
	return settle_to(fd, CONN_EARLY, limit_ns);
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
	const struct conn *conn = conn_peek(fd);

	return conn != NULL && conn_phase_of(conn) == CONN_CONNECTED;
}

/* A thread that dials has the socket for a tick, or for as long as it is not let run. */
#define DIALLING_NS NS_PER_S

struct conn *conn_get_begun(int fd)
{
	struct conn *conn = conn_get(fd);
	int64_t end;

	if (conn != NULL || !(fdtable_notes(fd) & FD_DIALLED))
		return conn;
	end = clock_now_ns() + DIALLING_NS;
	while (conn == NULL && fdtable_notes(fd) & FD_DIALLED) {
		/* Of a fork's child the thread may be the parent's. */
		if (clock_now_ns() > end)
			fdtable_unnote(fd, FD_DIALLED);
		sys0(SYS_sched_yield);
		conn = conn_get(fd);
	}
	return conn;
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
	conn = conn_get_begun(fd);
	if (conn == NULL)
		return 0;
	phase = conn_step(conn, fd);
	conn_put(conn);
	if (conn_is_bind(phase))
		return option == SO_SNDTIMEO ? -EPIPE : -ENOTCONN;
	if (phase < least) {
		if (dontwait || sys2(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK)
			return -EAGAIN;
		timeout = option_timeout(fd, option);
		r = settle_to(fd, least, clock_limit_ns(&timeout));
		if (r < 0)
			return r;
	} else if (phase != CONN_FAILED) {
		return 0;
	}
	return tell_silent(fd);
}
