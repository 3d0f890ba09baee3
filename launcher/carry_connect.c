/* SPDX-License-Identifier: MIT */
/* carry_connect.c - connections under way, for programs whose connect() waits */
#include "launcher/carry_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/exchange.h"
#include "core/log.h"
#include "core/sys.h"
#include "core/way.h"
#include "launcher/carry_call.h"
#include "launcher/carry_loop.h"

enum {
	CALLS_MAX = 8,	     /* that wait for one flight */
	LOOK_AGAIN_MS = 250, /* whether those who wait are still there */
	/* The kernel's own errnos of a call that is made again: after a handler, if that is
	 * said so of the signal; or in any case. */
	RESTART_SYSTEM = 512,
	RESTART_ALWAYS = 513,
};

enum flight_phase { FLIGHT_DIALLING, FLIGHT_TALKING, FLIGHT_DIRECT };

/**
 * struct flight - one connection under way
 * @source:	the duplicate of the program's socket; first
 * @next:	in the list of all
 * @phase:	see above
 * @cookie:	SO_COOKIE
 * @calls:	who waits
 * @n_calls:	how many
 * @family:	the socket's
 * @kind:	of the proxy's addresses that the socket can reach
 * @address:	index of the one that is tried
 * @begun_ns:	when
 * @deadline_ns: when it is over
 * @late:	what is said then
 * @rcvlowat:	what SO_RCVLOWAT was; 0: it was left alone
 * @cork:	TCP_CORK was set
 * @v6only:	IPV6_V6ONLY was, and has been taken off
 * @shown:	the address that the program named
 * @handshake:	the negotiation
 */
struct flight {
	struct source source;
	struct flight *next;
	enum flight_phase phase;
	uint64_t cookie;
	struct target calls[CALLS_MAX];
	size_t n_calls;
	int family;
	enum endpoint_kind kind;
	size_t address;
	int64_t begun_ns;
	int64_t deadline_ns;
	int late;
	int rcvlowat;
	bool cork;
	bool v6only;
	struct peer shown;
	struct handshake handshake;
};

static const struct config *config;
static struct flight *flights;

void flight_setup(const struct config *the_config)
{
	config = the_config;
}

/* --- the socket ------------------------------------------------------------- */

static int get_option(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) < 0 ? 0 : value;
}

static void set_option(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof(value));
}

static bool is_blocking(int fd)
{
	return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* Zero: for ever. */
static struct timeval send_timeout(int fd)
{
	struct timeval timeout = { 0 };
	socklen_t len = sizeof(timeout);

	getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, &len);
	return timeout;
}

int flight_connect_briefly(int fd, const void *address, socklen_t len)
{
	/* Whether it waits may be changed by another thread at any moment. */
	struct timeval tick = { .tv_usec = 1 }, timeout = send_timeout(fd);
	int r;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tick, sizeof(tick));
	r = connect(fd, address, len) < 0 ? -errno : 0;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	return r;
}

/* Who dissolves a connection that stands leaves an error, which nobody is to find. */
void flight_dissolve(int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	sys3(SYS_connect, fd, &none, sizeof(none));
	get_option(fd, SOL_SOCKET, SO_ERROR);
}

/* Options that would keep a negotiation's bytes back. */
static void neutralise_options(struct flight *f)
{
	int fd = f->source.fd, rcvlowat = get_option(fd, SOL_SOCKET, SO_RCVLOWAT);

	if (rcvlowat > 1) {
		f->rcvlowat = rcvlowat;
		set_option(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
	}
	f->cork = get_option(fd, IPPROTO_TCP, TCP_CORK) != 0;
	if (f->cork)
		set_option(fd, IPPROTO_TCP, TCP_CORK, 0);
}

static void restore_options(struct flight *f)
{
	if (f->rcvlowat)
		set_option(f->source.fd, SOL_SOCKET, SO_RCVLOWAT, f->rcvlowat);
	if (f->cork)
		set_option(f->source.fd, IPPROTO_TCP, TCP_CORK, 1);
	/* Of a socket that is connected the kernel takes it no more. */
	if (f->v6only)
		set_option(f->source.fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
}

/* --- ends ------------------------------------------------------------------- */

static void unlink_flight(struct flight *f)
{
	struct flight **link = &flights;

	while (*link != f)
		link = &(*link)->next;
	*link = f->next;
}

/* What the proxy has said, for the log. */
static void report(const struct flight *f, int result)
{
	char to[ENDPOINT_TEXT_MAX], via[ENDPOINT_TEXT_MAX];
	char why[HANDSHAKE_REASON_MAX];
	long ms = (long)((loop_now() - f->begun_ns) / NS_PER_MS);
	enum log_level level = result < 0 ? LOG_REFUSAL : LOG_CONNECTION;

	if (!log_wants(level))
		return;
	target_speak_for(&f->calls[0]);
	endpoint_format(&f->handshake.destination, to, sizeof(to));
	endpoint_format(&config->proxy, via, sizeof(via));
	if (result == 0)
		log_line(LOG_CONNECTION, "%s: connected via %s, %ld ms", to, via,
			 ms);
	else if (f->phase == FLIGHT_DIALLING)
		log_once(to, "%s: the proxy %s cannot be reached: %e, %ld ms%s", to,
			 via, result, ms, config_cure(config));
	else
		log_once(to, "%s: %s (%s), %ld ms", to,
			 handshake_reason(&f->handshake, why, sizeof(why)), via,
			 ms);
	target_speak_for(NULL);
}

/* Nobody may wait any more: then the call is made again, and told the same. */
static bool answer_calls(const struct flight *f, int result)
{
	bool told = false;

	for (size_t i = 0; i < f->n_calls; i++)
		told |= call_answer(f->calls[i].listener, f->calls[i].id,
				    result) == 0;
	return told;
}

/* Before it is answered: the program may close its socket next, and be sure of that. */
static void close_flight(struct flight *f)
{
	if (f->source.fd < 0)
		return;
	loop_remove(&f->source);
	close(f->source.fd);
	f->source.fd = -1;
}

static void free_flight(struct flight *f)
{
	unlink_flight(f);
	close_flight(f);
	free(f);
}

static void land(struct flight *f, int result)
{
	bool via = f->phase != FLIGHT_DIRECT;
	struct peer *peer;

	if (via && result < 0)
		flight_dissolve(f->source.fd);
	if (via) {
		restore_options(f);
		report(f, result);
	}
	/* Known before the program can ask for it. */
	if (via && result == 0)
		peers_set(f->cookie, &f->shown);
	close_flight(f);
	if (!answer_calls(f, result) && via && result == 0) {
		peer = peers_find(f->cookie);
		if (peer)
			peer->untold = true;
	}
	free_flight(f);
}

/* --- the proxy -------------------------------------------------------------- */

/* A socket is tried at the addresses of one kind only, those of the first it can reach. */
static enum endpoint_kind reachable(struct flight *f)
{
	int fd = f->source.fd;

	for (size_t i = 0; i < config->n_addresses; i++) {
		enum endpoint_kind kind = config->addresses[i].kind;

		if (kind == (f->family == AF_INET ? ENDPOINT_IPV4 : ENDPOINT_IPV6))
			return kind;
		if (f->family == AF_INET6) {
			f->v6only = get_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 0;
			if (f->v6only)
				set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
			return kind;
		}
	}
	return ENDPOINT_NONE;
}

static int dial_address(const struct flight *f)
{
	const struct endpoint *to = &config->addresses[f->address];
	struct sockaddr_storage sa;
	int len = endpoint_to_sockaddr(to, f->family, &sa);

	if (len < 0)
		return len;
	if (endpoint_is_loopback(to) && way_of_socket(f->source.fd))
		return -ENETUNREACH; /* the proxy is here, and it would leave */
	return flight_connect_briefly(f->source.fd, &sa, (socklen_t)len);
}

/* The address is at fault, not the socket. */
static bool another_may_do(int r)
{
	return r == -ECONNREFUSED || r == -ENETUNREACH || r == -EHOSTUNREACH ||
	       r == -ETIMEDOUT || r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT ||
	       r == -EACCES || r == -EPERM || r == -ECONNRESET;
}

static bool is_under_way(int r)
{
	return r == -EINPROGRESS || r == -EALREADY;
}

/*
 * Tries the addresses from the one at hand on, of which r is what was found before. 0: the
 * proxy is reached; -EINPROGRESS; or the last one's error.
 */
static int dial_on(struct flight *f, int r)
{
	while (another_may_do(r) && f->address + 1 < config->n_addresses) {
		f->address++;
		if (config->addresses[f->address].kind != f->kind)
			continue;
		flight_dissolve(f->source.fd);
		r = dial_address(f);
	}
	return r;
}

static int dial(struct flight *f)
{
	f->kind = reachable(f);
	if (f->kind == ENDPOINT_NONE)
		return -EHOSTUNREACH;
	while (config->addresses[f->address].kind != f->kind)
		f->address++;
	return dial_on(f, dial_address(f));
}

/* --- the negotiation --------------------------------------------------------- */

/* As far as it goes without waiting. */
static void talk(struct flight *f)
{
	struct credentials who = config_credentials(config);

	while (!handshake_over(&f->handshake)) {
		enum handshake_state before = f->handshake.state;
		long n = exchange_step(&f->handshake, f->source.fd, &who);

		if (n == -EAGAIN)
			break;
		if (n < 0)
			handshake_broken(&f->handshake,
					 n == -EPIPE ? ECONNRESET : (int)-n);
		if (f->handshake.state != before && log_wants(LOG_PROTOCOL))
			log_line(LOG_PROTOCOL, "%s > %s",
				 handshake_state_name(before),
				 handshake_state_name(f->handshake.state));
	}
}

static void go_on_talking(struct flight *f)
{
	talk(f);
	if (f->handshake.state == HANDSHAKE_FAILED)
		land(f, -f->handshake.error);
	else if (f->handshake.state == HANDSHAKE_DONE)
		land(f, 0);
	else
		loop_change(&f->source, handshake_sends(&f->handshake) ?
						EPOLLOUT : EPOLLIN);
}

/* What a dial came to. */
static void dialled(struct flight *f, int r)
{
	if (is_under_way(r))
		return;
	if (r < 0) {
		land(f, r == -ECONNRESET ? -ECONNREFUSED : r);
		return;
	}
	f->phase = FLIGHT_TALKING;
	go_on_talking(f);
}

/* --- what the loop calls ------------------------------------------------------ */

/* connect() once more says how it went, and has the kernel take it for connected. */
static void look_at_dial(struct flight *f)
{
	int r = dial_address(f);

	if (r == -EISCONN)
		r = 0;
	dialled(f, dial_on(f, r));
}

static void look_at_direct(struct flight *f)
{
	int r = flight_connect_briefly(f->source.fd, &f->shown.address,
				       f->shown.len);

	if (!is_under_way(r))
		land(f, r == -EISCONN ? 0 : r);
}

static void flight_ready(struct source *source, uint32_t events)
{
	struct flight *f = (struct flight *)source;

	(void)events;
	switch (f->phase) {
	case FLIGHT_DIALLING:
		look_at_dial(f);
		break;
	case FLIGHT_TALKING:
		go_on_talking(f);
		break;
	case FLIGHT_DIRECT:
		look_at_direct(f);
		break;
	}
}

/* --- begins -------------------------------------------------------------------- */

/* Where a call that waits is noted: in the place of one that does not any more. */
static struct target *place_for(struct flight *f, const struct target *t)
{
	for (size_t i = 0; i < f->n_calls; i++)
		if (f->calls[i].tid == t->tid || !target_waits(&f->calls[i]))
			return &f->calls[i];
	return f->n_calls < CALLS_MAX ? &f->calls[f->n_calls++] : NULL;
}

static struct flight *flight_of(uint64_t cookie)
{
	struct flight *f = flights;

	while (f && f->cookie != cookie)
		f = f->next;
	return f;
}

bool flight_join(uint64_t cookie, const struct target *t)
{
	struct flight *f = flight_of(cookie);
	struct target *place;

	if (!f)
		return false;
	place = place_for(f, t);
	if (place)
		*place = *t;
	else
		call_answer(t->listener, t->id, -EALREADY);
	return true;
}

/* Nobody is to find what was under way. */
static void take_back(struct flight *f)
{
	flight_dissolve(f->source.fd);
	restore_options(f);
	close_flight(f);
}

void flight_abort(uint64_t cookie)
{
	struct flight *f = flight_of(cookie);

	if (!f)
		return;
	take_back(f);
	answer_calls(f, -ECONNABORTED);
	free_flight(f);
}

/* NULL: the call is answered with an error, and fd closed. */
static struct flight *take_off(const struct target *t, int fd,
			       enum flight_phase phase, const struct peer *shown)
{
	struct flight *f = calloc(1, sizeof(*f));
	int r = f ? 0 : -ENOMEM;

	if (f) {
		f->source = (struct source){ fd, flight_ready };
		f->phase = phase;
		f->cookie = peers_cookie(fd);
		f->calls[f->n_calls++] = *t;
		f->begun_ns = loop_now();
		f->deadline_ns = INT64_MAX;
		f->shown = *shown;
		f->next = flights;
		r = loop_add(&f->source, EPOLLOUT);
	}
	if (r == 0) {
		flights = f;
		return f;
	}
	call_answer(t->listener, t->id, r);
	free(f);
	close(fd);
	return NULL;
}

/* The program's own limit, where it comes first: what a send timeout of a connect does. */
static void limit(struct flight *f, int late)
{
	struct timeval timeout = send_timeout(f->source.fd);
	int64_t end = f->begun_ns + timeout.tv_sec * INT64_C(1000000000) +
		      timeout.tv_usec * INT64_C(1000);

	if (!is_blocking(f->source.fd) || (!timeout.tv_sec && !timeout.tv_usec) ||
	    end > f->deadline_ns)
		return;
	f->deadline_ns = end;
	f->late = late;
}

void flight_via(const struct target *t, int fd, int family,
		const struct endpoint *destination, const struct peer *shown)
{
	struct flight *f = take_off(t, fd, FLIGHT_DIALLING, shown);

	if (!f)
		return;
	f->family = family;
	f->deadline_ns = f->begun_ns + config->timeout_ms * NS_PER_MS;
	f->late = -ETIMEDOUT;
	limit(f, -ETIMEDOUT);
	handshake_begin(&f->handshake, SOCKS5_CONNECT, destination);
	/* With a login the method has to be known first. */
	if (!config_credentials(config).username &&
	    (config->pipeline || config->early_data))
		handshake_pipeline(&f->handshake);
	neutralise_options(f);
	dialled(f, dial(f));
}

void flight_direct(const struct target *t, int fd, const struct peer *to)
{
	struct flight *f = take_off(t, fd, FLIGHT_DIRECT, to);
	int r;

	if (!f)
		return;
	limit(f, -EINPROGRESS);
	peers_forget(f->cookie);
	r = flight_connect_briefly(fd, &to->address, to->len);
	if (!is_under_way(r) || !is_blocking(fd))
		land(f, r);
}

/* --- times -------------------------------------------------------------------- */

/* Whether somebody waits, or will come again: of those who do not, who is no more? */
static bool is_deserted(const struct flight *f)
{
	for (size_t i = 0; i < f->n_calls; i++)
		if (target_waits(&f->calls[i]) || !target_is_gone(&f->calls[i]))
			return false;
	return true;
}

/*
 * What an interrupted connect() of the kernel's says. One that does not wait is interrupted
 * by nothing, and one with a limit is not made again.
 */
static int interruption(const struct flight *f)
{
	struct timeval timeout = send_timeout(f->source.fd);

	if (!is_blocking(f->source.fd))
		return -RESTART_ALWAYS;
	return timeout.tv_sec || timeout.tv_usec ? -EINTR : -RESTART_SYSTEM;
}

/* Who has a signal is let go to it; the flight goes on, and is joined again. */
static void interrupt(const struct flight *f)
{
	for (size_t i = 0; i < f->n_calls; i++)
		if (target_is_signalled(&f->calls[i]))
			call_answer(f->calls[i].listener, f->calls[i].id,
				    interruption(f));
}

static void expire(struct flight *f, int64_t now)
{
	if (now >= f->deadline_ns) {
		if (f->phase == FLIGHT_TALKING)
			handshake_broken(&f->handshake, ETIMEDOUT);
		land(f, f->late);
	} else if (is_deserted(f)) {
		take_back(f);
		free_flight(f);
	} else {
		interrupt(f);
	}
}

int64_t flight_expire(void)
{
	static int64_t looked;
	int64_t now = loop_now(), next = INT64_MAX;
	bool look = now >= looked + LOOK_AGAIN_MS * NS_PER_MS;
	struct flight *following;

	if (look)
		looked = now;
	for (struct flight *f = flights; f; f = following) {
		following = f->next;
		if (look || now >= f->deadline_ns)
			expire(f, now);
	}
	for (const struct flight *f = flights; f; f = f->next)
		if (f->deadline_ns < next)
			next = f->deadline_ns;
	if (flights && looked + LOOK_AGAIN_MS * NS_PER_MS < next)
		next = looked + LOOK_AGAIN_MS * NS_PER_MS;
	return next;
}
