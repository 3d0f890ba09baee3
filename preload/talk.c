/* SPDX-License-Identifier: MIT */
/*
 * talk.c - one step of a negotiation with the proxy
 *
 * Works on a record (pending.h) and a descriptor of its socket, whose lock the caller
 * holds with signals blocked: sends and receives as much as goes without waiting, and at
 * the end leaves the socket, its options and the program's epoll registrations as the
 * program is to find them. Who calls, when, and what a process makes of the result is
 * conn.c's.
 */
#include "preload/talk.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include "core/exchange.h"
#include "core/log.h"
#include "core/sys.h"
#include "preload/arrival.h"
#include "preload/clock.h"
#include "preload/dial.h"
#include "preload/fdtable.h"
#include "preload/kin.h"
#include "preload/options.h"
#include "preload/watch.h"

static const struct config *config;

void talk_setup(const struct config *the_config)
{
	config = the_config;
}

static long step(struct pending *pending, int fd, bool sends)
{
	struct credentials who = config_credentials(config);
	long n = exchange_step(&pending->handshake, fd, &who);

	if (n > 0 && sends)
		pending->dialling = false;
	return n == -EINPROGRESS ? -EAGAIN : n; /* TCP_FASTOPEN_CONNECT */
}

static void talk(struct pending *pending, int fd)
{
	struct handshake *handshake = &pending->handshake;

	while (!handshake_over(handshake)) {
		bool sends = handshake_sends(handshake);
		long n = step(pending, fd, sends);

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

static void wait_for_second(struct pending *pending, int fd)
{
	if (pending->rcvlowat == 0)
		pending->rcvlowat = 1;
	arrival_await(fd);
}

void talk_restore_options(struct pending *pending, int fd)
{
	if (pending->rcvlowat > 0)
		option_set(fd, SOL_SOCKET, SO_RCVLOWAT, pending->rcvlowat);
	restore_cork(pending, fd);
}

void talk_neutralise_options(struct pending *pending, int fd)
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
	if (pending->bound)
		wait_for_second(pending, fd);
}

/*
 * The first reply of a BIND is there. The record stays active until the second one is in
 * the socket, for as long as the program waits for it.
 */
static void become_bound(struct pending *pending, int fd)
{
	restore_cork(pending, fd);
	wait_for_second(pending, fd);
	pending->deadline_ns = INT64_MAX;
	watch_change(pending, fd, EPOLLIN);
	__atomic_store_n(&pending->bound, true, __ATOMIC_RELEASE);
}

/* It is left there, so the kernel says "readable" in our place; "writable" is never said. */
static bool look_for_arrival(struct pending *pending, int fd)
{
	struct arrival arrival;

	if (arrival_look(fd, &arrival) == -EAGAIN)
		return false;
	kin_end(pending, false);
	watch_mask(pending, EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDHUP);
	watch_end(pending, fd);
	__atomic_store_n(&pending->state, PENDING_DONE, __ATOMIC_RELEASE);
	return false;
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
	talk_restore_options(pending, fd);
	watch_end(pending, fd);
	__atomic_store_n(&pending->state,
			 failed ? PENDING_FAILED : PENDING_DONE,
			 __ATOMIC_RELEASE);
}

static void report_success(const struct handshake *handshake,
			   const char *destination, const char *proxy, long ms)
{
	char bound[ENDPOINT_TEXT_MAX];

	if (handshake->command != SOCKS5_BIND) {
		log_line(LOG_CONNECTION, "%s: connected via %s, %ld ms",
			 destination, proxy, ms);
		return;
	}
	endpoint_format(&handshake->bound, bound, sizeof(bound));
	log_line(LOG_CONNECTION, "%s: awaited at %s via %s, %ld ms",
		 destination, bound, proxy, ms);
}

/* What goes on without a BIND is FTP's passive mode. */
static const char *remark(const struct pending *pending)
{
	if (pending->handshake.command == SOCKS5_BIND)
		return ", asked to accept a connection (BIND): use passive mode";
	return pending->open ? ", shown as a reset" : "";
}

void talk_report(const struct pending *pending)
{
	char destination[ENDPOINT_TEXT_MAX], reason[HANDSHAKE_REASON_MAX];
	const struct handshake *handshake = &pending->handshake;
	int64_t ms = (clock_now_ns() - pending->begun_ns) / NS_PER_MS;
	bool failed = handshake->state == HANDSHAKE_FAILED;
	char proxy[ENDPOINT_TEXT_MAX];

	if (!log_wants(failed ? LOG_REFUSAL : LOG_CONNECTION))
		return;
	endpoint_format(&handshake->destination, destination,
			sizeof(destination));
	endpoint_format(&config->proxy, proxy, sizeof(proxy));
	if (!failed) {
		report_success(handshake, destination, proxy, (long)ms);
		return;
	}
	handshake_reason(handshake, reason, sizeof(reason));
	if (pending->dialling)
		log_once(destination,
			 "%s: the proxy %s cannot be reached: %e, %ld ms%s",
			 destination, proxy, handshake->error, (long)ms,
			 config_cure(config));
	else
		log_once(handshake->command == SOCKS5_BIND ? "BIND" : destination,
			 "%s: %s (%s), %ld ms%s", destination, reason, proxy,
			 (long)ms, remark(pending));
}

static void hand_out(struct pending *pending, int fd)
{
	restore_cork(pending, fd);
	watch_end(pending, fd);
	__atomic_store_n(&pending->open, true, __ATOMIC_RELEASE);
}

bool talk_step(struct pending *pending, int fd)
{
	bool sends;

	if (pending->bound)
		return look_for_arrival(pending, fd);
	if (clock_now_ns() >= pending->deadline_ns)
		handshake_broken(&pending->handshake, ETIMEDOUT);
	else
		talk(pending, fd);
	sends = handshake_sends(&pending->handshake);
	__atomic_store_n(&pending->awaits, !sends, __ATOMIC_RELAXED);
	if (pending->handshake.state == HANDSHAKE_DONE &&
	    pending->handshake.command == SOCKS5_BIND) {
		become_bound(pending, fd);
		return true;
	}
	if (handshake_over(&pending->handshake)) {
		finish(pending, fd);
		return true;
	}
	if (sends)
		watch_change(pending, fd, EPOLLOUT);
	else if (!pending->early)
		watch_change(pending, fd, EPOLLIN);
	else if (!pending->open)
		hand_out(pending, fd);
	return false;
}

void talk_trace(const struct pending *pending, enum handshake_state from,
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
