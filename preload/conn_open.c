/* SPDX-License-Identifier: MIT */
/*
 * conn_open.c - how a connection through the proxy begins
 *
 * Up to the moment when it is under way, and anybody may step it, signals are blocked: a
 * handler may leave connect() by siglongjmp, and would leave a socket behind that the kernel
 * has dialled and nobody goes on with. Nothing of it waits, but for a tick.
 */
#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/token.h"
#include "preload/clock.h"
#include "preload/conn_inner.h"
#include "preload/dial.h"
#include "preload/options.h"
#include "preload/signals.h"
#include "preload/swap.h"
#include "preload/talk.h"
#include "preload/watch.h"

static const struct config *config;

void conn_open_setup(const struct config *the_config)
{
	config = the_config;
}

static struct pending *begin(const struct conn_request *request)
{
	struct pending *pending = pending_new();

	if (pending == NULL)
		return NULL;
	__atomic_store_n(&pending->fd, request->fd, __ATOMIC_RELAXED);
	pending->cookie = option_cookie(request->fd);
	pending->family = swap_family(request->fd, request->domain);
	pending->blocking = !request->nonblocking;
	pending->events = EPOLLOUT;
	pending->peer.len = request->peer->sa_family == AF_INET ?
				    sizeof(pending->peer.address.in) :
				    sizeof(pending->peer.address.in6);
	memcpy(&pending->peer.address, request->peer, pending->peer.len);
	pending->begun_ns = clock_now_ns();
	pending->deadline_ns =
		pending->begun_ns + config->timeout_ms * NS_PER_MS;
	handshake_begin(&pending->handshake, request->command,
			request->destination);
	/* With a login the method has to be known first. */
	if (config_credentials(config).username == NULL) {
		pending->early = config->early_data &&
				 request->command == SOCKS5_CONNECT;
		if (config->pipeline || pending->early)
			handshake_pipeline(&pending->handshake);
	}
	return pending;
}

static bool may_be_watched(int fd)
{
	return (fdtable_notes(fd) & (FD_SEEN | FD_WATCHED | FD_DUPED)) !=
	       FD_SEEN;
}

static void show_too(int fd, void *arg)
{
	struct conn *conn = arg;

	if (option_cookie(fd) == conn->cookie)
		fdtable_share(fd, &conn->thing);
}

void conn_show_duplicates(struct conn *conn, int fd)
{
	if (fdtable_notes(fd) & FD_DUPED)
		fdtable_each_noted(FD_DUPED, show_too, conn);
}

/* What woke a waiter before this could not be stepped: it is asked for again. */
static void go_live(struct pending *pending, int fd)
{
	uint32_t generation = pending->generation;

	pending_activate(pending);
	if (watch_any(pending) && watch_lock(pending, generation)) {
		watch_again(pending, fd);
		watch_unlock(pending, fd);
	}
}

/* The fresh socket is dialled before it takes the place: a failure leaves all as it was. */
static int dial_fresh(struct pending *pending, int fd, int fresh)
{
	int r = dial(pending, fresh);
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
	int fresh, r;

	r = fresh = swap_make(fd, family);
	if (fresh >= 0) {
		pending->family = family;
		pending->address = 0;
		r = dial_fresh(pending, fd, fresh);
		sys1(SYS_close, fresh);
	}
	conn->family = pending->family;
	conn->cookie = pending->cookie;
	return r;
}

/* Another thread has closed the number while it was dialled, or another file has it. */
static bool was_closed(const struct conn_request *request,
		       const struct conn *conn)
{
	return request->command == SOCKS5_CONNECT &&
	       !(fdtable_notes(request->fd) & FD_DIALLED) &&
	       option_cookie(request->fd) != conn->cookie;
}

/* From then on it may be stepped, closed and forgotten by others. */
static int show(const struct conn_request *request, struct conn *conn)
{
	if (!was_closed(request, conn))
		return fdtable_set(request->fd, &conn->thing);
	fdtable_each_noted(FD_DUPED, show_too, conn);
	conn_put(conn);
	return 0;
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
	talk_neutralise_options(pending, fd);
	r = dial(pending,
		 fd); /* no step yet: nobody else can know the record */
	if (r == -EAFNOSUPPORT && !swap_shown(fd))
		r = dial_swapped(conn, fd);
	if (r == 0 || r == -EINPROGRESS) {
		pending_ref(pending);
		r = show(request, conn);
		if (r == 0) {
			conn_show_duplicates(conn, fd);
			conn_note_deadline(pending->deadline_ns);
			if (fdtable_notes(fd) & FD_INHERITED) {
				conn_note_shared();
				kin_begin(pending);
			}
			go_live(pending, fd);
			pending_unref(pending);
			return 0;
		}
		pending_unref(pending);
		token_connect(fd, &none, sizeof(none));
	}
	talk_restore_options(pending, fd);
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
	log_once(destination, "%s: the proxy %s cannot be reached: %e%s",
		 destination, proxy, error, config_cure(config));
}

/*
 * The table does not know fd any more. Another thread dissolved it; or closed it, which
 * does not keep the kernel's connect() from going on and answering.
 */
static int outcome_unknown(int fd, uint64_t cookie)
{
	if (option_cookie(fd) != cookie)
		return 0;
	option_get(fd, SOL_SOCKET, SO_ERROR, 0);
	return -ECONNRESET;
}

static int await_known(struct conn *conn, uint32_t generation, uint64_t cookie,
		       int fd)
{
	struct timeval timeout = option_send_timeout(fd);
	int r = conn_wait_known(conn, generation, fd, CONN_EARLY,
			     clock_limit_ns(&timeout));
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

/* The conn of a connection that is under way, and its generation; or -errno. */
static int open_begun(const struct conn_request *request, struct conn **begun,
		      uint32_t *generation)
{
	struct pending *pending = begin(request);
	struct conn *conn;
	int r;

	if (pending == NULL)
		return -ENOBUFS;
	conn = conn_new(pending);
	if (conn == NULL) {
		pending_unref(pending);
		return -ENOBUFS;
	}
	conn->control = request->control;
	conn->listens = request->listens;
	conn->names_bound |= request->control != 0;
	conn->over = request->over;
	conn->owner = request->owner;
	*begun = conn;
	*generation = conn->generation;
	r = start(request, conn);
	if (r < 0)
		conn_put(conn);
	return r;
}

/*
 * Two threads may connect one socket at the same moment: the second would dial what the
 * first has dialled, and take its tick for the program's SO_SNDTIMEO.
 */
static bool is_first(const struct conn_request *request)
{
	if (request->command != SOCKS5_CONNECT)
		return true;
	if (!fdtable_note_first(request->fd, FD_DIALLED))
		return false;
	if (conn_peek(request->fd) == NULL)
		return true;
	fdtable_unnote(request->fd, FD_DIALLED);
	return false;
}

int conn_open(const struct conn_request *request)
{
	int r = -EBUSY;
	uint32_t generation;
	struct conn *conn;
	sigset_t signals;

	signals_block(&signals);
	if (is_first(request)) {
		r = open_begun(request, &conn, &generation);
		fdtable_unnote(request->fd, FD_DIALLED);
	}
	signals_restore(&signals);
	if (r < 0) {
		if (dial_another_may_do(r))
			report_dial(request, -r);
		return r;
	}
	if (request->nonblocking || request->unawaited)
		return -EINPROGRESS;
	return await_known(conn, generation, conn->cookie, request->fd);
}
