/* SPDX-License-Identifier: MIT */
/*
 * dnsconn.c - a program's TCP connection to a name server that the stub answers for
 *
 * Theory of Operation
 *
 * The program's socket is connected, by the kernel and over loopback, to a listener of ours
 * that is there only for that; it accepts the one connection that comes from the program's
 * own address, and the accepted end is read and written here, by whoever waits for anything
 * (ask.h) and before each data call on the program's descriptor. So connecting, readiness,
 * timeouts and ends are the kernel's, for blocking sockets and others, and there is no thread.
 *
 * Messages have two octets of length before them (RFC 1035 section 4.2.2), come in any pieces
 * and as many at once as the program likes (RFC 7766 section 6.2.1.1), and are answered as
 * soon as an answer is there, in any order. Both buffers are bounded: while there is no room
 * for the longest answer, or too much is asked, nothing is read, and the program's own writes
 * find the socket full.
 *
 * An idle connection is ended, as servers do; the program makes another one.
 *
 * fork: the parent goes on; the child has the program's end, which the parent answers.
 */
#include "preload/dnsconn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>

#include "core/sys.h"
#include "core/token.h"
#include "preload/clock.h"
#include "preload/detour.h"
#include "preload/options.h"
#include "preload/signals.h"
#include "preload/swap.h"
#include "resolver/dnswire.h"
#include "resolver/stub.h"

enum {
	FRAME_MAX = 2 + 65535,
	ASKED_MAX = 16, /* at once, by one connection */
	BACKLOG = 8,
	ACCEPT_MS = 1000,
	STRANGERS = 8, /* that may come to the listener before the program */
};

#define IDLE_NS (30 * NS_PER_S)

/**
 * struct dnsconn_buffers - what has come, and what is to go
 * @in:		the beginning of the stream of queries
 * @out:	of the stream of answers: the longest one always fits
 */
struct dnsconn_buffers {
	uint8_t in[FRAME_MAX];
	uint8_t out[2 * FRAME_MAX];
};

static struct pool dnsconns = { .size = sizeof(struct dnsconn), .per_chunk = 16 };

static void dnsconn_release(struct thing *thing);

static const struct thing_kind dnsconn_kind = { .release = dnsconn_release };

static struct dnsconn *of_served(struct ask_served *served)
{
	return (struct dnsconn *)((char *)served -
				  offsetof(struct dnsconn, served));
}

/* --- answers ------------------------------------------------------------------------- */

static bool has_room(const struct dnsconn *dnsconn)
{
	return sizeof(dnsconn->buffers->out) - dnsconn->unsent >= FRAME_MAX;
}

static uint8_t *out_of(const struct dnsconn *dnsconn)
{
	return dnsconn->buffers->out + dnsconn->unsent;
}

/* The message is in its place, behind its length. */
static void put_frame(struct dnsconn *dnsconn, size_t len)
{
	uint8_t *frame = out_of(dnsconn);

	if (len == 0)
		return;
	frame[0] = (uint8_t)(len >> 8);
	frame[1] = (uint8_t)len;
	dnsconn->unsent += 2 + (uint32_t)len;
}

static void put_failure(struct dnsconn *dnsconn, const uint8_t *query, size_t len)
{
	put_frame(dnsconn, stub_fail(query, len, DNS_SERVFAIL,
				     out_of(dnsconn) + 2, FRAME_MAX - 2));
}

/* What does not fit any more would not be read either. */
static void answered(void *owner, const struct ask_question *question,
		     uint8_t *reply, size_t len)
{
	struct dnsconn *dnsconn = owner;

	dnsconn->asked--;
	if (len + 2 > sizeof(dnsconn->buffers->out) - dnsconn->unsent)
		len = 0;
	if (len > 0) {
		memcpy(out_of(dnsconn) + 2, reply, len);
		put_frame(dnsconn, len);
	} else if (has_room(dnsconn)) {
		put_failure(dnsconn, question->query, question->len);
	}
}

static const struct asker asker = { .answered = answered };

static void take_query(struct dnsconn *dnsconn, const uint8_t *query, size_t len)
{
	struct ask_question question = { .query = query, .len = len };
	size_t reply_len;

	switch (stub_answer(query, len, true, out_of(dnsconn) + 2,
			    FRAME_MAX - 2, &reply_len)) {
	case STUB_REPLY:
		put_frame(dnsconn, reply_len);
		break;
	case STUB_ASK:
		dnsconn->asked++;
		if (ask_within(dnsconn, &asker, &question) == 0)
			break;
		dnsconn->asked--;
		put_failure(dnsconn, query, len);
		break;
	default:
		break;
	}
}

/* --- the stream ------------------------------------------------------------------------ */

static bool may_take(const struct dnsconn *dnsconn)
{
	return has_room(dnsconn) && dnsconn->asked < ASKED_MAX;
}

/* The length of the message that begins there; 0: it is not whole. */
static size_t whole(const uint8_t *bytes, size_t have)
{
	size_t len = have < 2 ? 0 : (size_t)(bytes[0] << 8 | bytes[1]);

	return have >= 2 + len ? 2 + len : 0;
}

static bool take_queries(struct dnsconn *dnsconn)
{
	uint8_t *in = dnsconn->buffers->in;
	size_t at = 0, frame;

	while (may_take(dnsconn) &&
	       (frame = whole(in + at, dnsconn->have - at)) != 0) {
		take_query(dnsconn, in + at + 2, frame - 2);
		at += frame;
	}
	memmove(in, in + at, dnsconn->have - at);
	dnsconn->have -= (uint32_t)at;
	return at > 0;
}

static bool read_some(struct dnsconn *dnsconn)
{
	size_t room = FRAME_MAX - dnsconn->have;
	long n;

	if (dnsconn->ended || room == 0 || !may_take(dnsconn))
		return false;
	n = sys6(SYS_recvfrom, dnsconn->end.fd,
		 dnsconn->buffers->in + dnsconn->have, room, MSG_DONTWAIT, NULL,
		 NULL);
	if (n > 0)
		dnsconn->have += (uint32_t)n;
	else if (n == 0)
		dnsconn->ended = true;
	else if (n != -EAGAIN && n != -EINTR)
		dnsconn->broken = true;
	return n > 0;
}

static bool write_some(struct dnsconn *dnsconn)
{
	uint8_t *out = dnsconn->buffers->out;
	long n;

	if (dnsconn->unsent == 0)
		return false;
	n = sys6(SYS_sendto, dnsconn->end.fd, out, dnsconn->unsent,
		 MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
	if (n > 0) {
		dnsconn->unsent -= (uint32_t)n;
		memmove(out, out + n, dnsconn->unsent);
	} else if (n != -EAGAIN && n != -EINTR) {
		dnsconn->broken = true;
	}
	return n > 0;
}

/* Called with ask's lock, like all that changes a connection. */
static void end(struct dnsconn *dnsconn)
{
	ask_forget_within(dnsconn);
	ask_serve_end(&dnsconn->served);
	private_fd_close(&dnsconn->end);
	if (dnsconn->buffers != NULL)
		sys2(SYS_munmap, dnsconn->buffers, sizeof(*dnsconn->buffers));
	dnsconn->buffers = NULL;
}

static void step(struct ask_served *served)
{
	struct dnsconn *dnsconn = of_served(served);
	bool moved, ever = false;

	if (private_fd_get(&dnsconn->end) < 0) {
		end(dnsconn);
		return;
	}
	do {
		moved = read_some(dnsconn);
		moved = take_queries(dnsconn) || moved;
		moved = write_some(dnsconn) || moved;
		ever = ever || moved;
	} while (moved && !dnsconn->broken);
	if (ever || dnsconn->asked > 0)
		served->until_ns = clock_now_ns() + IDLE_NS;
	if (dnsconn->broken ||
	    (dnsconn->unsent == 0 && dnsconn->asked == 0 &&
	     (dnsconn->ended || clock_now_ns() >= served->until_ns)))
		end(dnsconn);
}

static void attend(struct ask_served *served, struct pollfd *pollfd)
{
	struct dnsconn *dnsconn = of_served(served);

	pollfd->fd = private_fd_get(&dnsconn->end);
	pollfd->events = 0;
	if (!dnsconn->ended && dnsconn->have < FRAME_MAX && may_take(dnsconn))
		pollfd->events |= POLLIN;
	if (dnsconn->unsent > 0)
		pollfd->events |= POLLOUT;
}

/* --- its life -------------------------------------------------------------------------- */

static void dnsconn_release(struct thing *thing)
{
	struct dnsconn *dnsconn = (struct dnsconn *)thing;
	sigset_t signals;

	ask_lock(&signals);
	end(dnsconn);
	ask_unlock(&signals);
	pool_give(&dnsconns, dnsconn);
}

static struct dnsconn *dnsconn_new(int fd, const struct private_fd *own,
				   const union route_address *address,
				   socklen_t len)
{
	struct dnsconn *dnsconn = pool_take(&dnsconns);
	long p;

	if (dnsconn == NULL)
		return NULL;
	p = sys6(SYS_mmap, NULL, sizeof(*dnsconn->buffers),
		 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096) {
		pool_give(&dnsconns, dnsconn);
		return NULL;
	}
	dnsconn->buffers = (struct dnsconn_buffers *)p;
	dnsconn->thing.kind = &dnsconn_kind;
	dnsconn->served = (struct ask_served){
		.attend = attend,
		.step = step,
		.until_ns = clock_now_ns() + IDLE_NS,
	};
	dnsconn->cookie = option_cookie(fd);
	dnsconn->end = *own;
	dnsconn->peer.len = len;
	memcpy(&dnsconn->peer.address, address, sizeof(dnsconn->peer.address));
	dnsconn->have = dnsconn->unsent = dnsconn->asked = 0;
	dnsconn->ended = dnsconn->broken = false;
	__atomic_store_n(&dnsconn->thing.refs, 1, __ATOMIC_RELEASE);
	return dnsconn;
}

static void show_too(int fd, void *arg)
{
	struct dnsconn *dnsconn = arg;

	if (option_cookie(fd) == dnsconn->cookie)
		fdtable_share(fd, &dnsconn->thing);
}

static int show(int fd, struct dnsconn *dnsconn)
{
	sigset_t signals;
	int r = fdtable_set(fd, &dnsconn->thing);

	if (r < 0) {
		fdtable_put(&dnsconn->thing);
		return r;
	}
	if (fdtable_notes(fd) & FD_DUPED)
		fdtable_each_noted(FD_DUPED, show_too, dnsconn);
	ask_lock(&signals);
	ask_serve(&dnsconn->served);
	ask_unlock(&signals);
	return 0;
}

/* --- connecting --------------------------------------------------------------------------- */

/* The listener's address, as a socket of the program's family has it. */
struct listening {
	struct private_fd own;
	struct peer peer;
};

static int listen_at(struct listening *listening, int family, int shown_family)
{
	struct endpoint e = { .kind = ENDPOINT_IPV4, .v4 = { 127, 0, 0, 1 } };
	struct sockaddr_storage sa;
	socklen_t len;
	int r = private_fd_socket(&listening->own, family, SOCK_STREAM);

	if (r < 0)
		return r;
	if (family == AF_INET6)
		e = (struct endpoint){ .kind = ENDPOINT_IPV6,
				       .v6 = { [15] = 1 } };
	len = (socklen_t)endpoint_to_sockaddr(&e, family, &sa);
	r = (int)sys3(SYS_bind, listening->own.fd, &sa, len);
	if (r == 0)
		r = (int)sys2(SYS_listen, listening->own.fd, BACKLOG);
	if (r == 0)
		r = (int)sys3(SYS_getsockname, listening->own.fd, &sa, &len);
	if (r == 0)
		r = endpoint_from_sockaddr(&e, (struct sockaddr *)&sa, len);
	if (r == 0)
		r = endpoint_to_sockaddr(&e, shown_family, &sa);
	if (r < 0) {
		private_fd_close(&listening->own);
		return r;
	}
	listening->peer.len = (socklen_t)r;
	memcpy(&listening->peer.address, &sa, (size_t)r);
	return 0;
}

/* A machine may have no ::1. */
static int listen_for(struct listening *listening, int family)
{
	int r = listen_at(listening, family, family);

	return r < 0 && family == AF_INET6 ?
		       listen_at(listening, AF_INET, family) :
		       r;
}

static bool is_from(int fd, const struct sockaddr_storage *from, socklen_t len)
{
	struct sockaddr_storage sa;
	socklen_t own_len = sizeof(sa);
	struct endpoint a, b;

	return sys3(SYS_getsockname, fd, &sa, &own_len) == 0 &&
	       endpoint_from_sockaddr(&a, (struct sockaddr *)&sa, own_len) == 0 &&
	       endpoint_from_sockaddr(&b, (const struct sockaddr *)from, len) ==
		       0 &&
	       endpoint_equal(&a, &b);
}

/* The connection that fd has made; others may come to the port, too. A descriptor or -errno. */
static int accept_from(const struct listening *listening, int fd)
{
	struct timespec patience = { .tv_sec = ACCEPT_MS / 1000 };

	for (int tries = 0; tries < STRANGERS; tries++) {
		struct pollfd pollfd = { .fd = listening->own.fd,
					 .events = POLLIN };
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		long end;

		if (sys5(SYS_ppoll, &pollfd, 1, &patience, NULL, 0) <= 0)
			break;
		end = sys4(SYS_accept4, listening->own.fd, &from, &len,
			   SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (end < 0)
			continue;
		if (is_from(fd, &from, len))
			return (int)end;
		sys1(SYS_close, end);
	}
	return -ECONNREFUSED;
}

static int connect_to(int fd, const struct listening *listening,
		      struct private_fd *end)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int r, accepted;

	/* It would not begin before the first byte. */
	if (option_get(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0))
		option_set(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0);
	r = (int)token_connect(fd, &listening->peer.address,
		      listening->peer.len);
	if (r < 0 && r != -EINPROGRESS)
		return r;
	accepted = accept_from(listening, fd);
	if (accepted < 0) {
		token_connect(fd, &none, sizeof(none));
		return accepted;
	}
	private_fd_adopt(end, accepted);
	option_set(end->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return r;
}

int dnsconn_open(int fd, const union route_address *address, socklen_t len)
{
	struct listening listening;
	struct dnsconn *dnsconn;
	struct private_fd own;
	int result, r;

	if (!detour_stays(fd))
		return -ENETUNREACH;
	r = swap_shown(fd) ? swap_back(fd) : 0;
	if (r == 0)
		r = listen_for(&listening,
			       option_get(fd, SOL_SOCKET, SO_DOMAIN, AF_INET));
	if (r < 0)
		return r;
	result = connect_to(fd, &listening, &own);
	private_fd_close(&listening.own);
	if (result < 0 && result != -EINPROGRESS)
		return result;
	dnsconn = dnsconn_new(fd, &own, address, len);
	if (dnsconn == NULL) {
		private_fd_close(&own);
		return -ENOBUFS;
	}
	r = show(fd, dnsconn);
	return r < 0 ? r : result;
}

/* --- what the program does with it ------------------------------------------------------- */

static struct dnsconn *dnsconn_get(int fd)
{
	const struct thing *peeked = fdtable_peek(fd);
	struct dnsconn *dnsconn;

	if (peeked == NULL ||
	    __atomic_load_n(&peeked->kind, __ATOMIC_RELAXED) != &dnsconn_kind)
		return NULL;
	dnsconn = (struct dnsconn *)fdtable_get_kind(fd, &dnsconn_kind);
	if (dnsconn == NULL || option_cookie(fd) == dnsconn->cookie)
		return dnsconn;
	/* The number was closed where we did not see it. */
	fdtable_forget(fd, &dnsconn->thing);
	fdtable_put(&dnsconn->thing);
	return NULL;
}

static void dnsconn_put(struct dnsconn *dnsconn)
{
	if (dnsconn != NULL)
		fdtable_put(&dnsconn->thing);
}

void dnsconn_after_data(int fd)
{
	if (dnsconn_is(fd))
		ask_step();
}

bool dnsconn_is(int fd)
{
	struct dnsconn *dnsconn = dnsconn_get(fd);

	dnsconn_put(dnsconn);
	return dnsconn != NULL;
}

void dnsconn_forget(int fd)
{
	struct dnsconn *dnsconn = dnsconn_get(fd);

	if (dnsconn == NULL)
		return;
	fdtable_forget(fd, &dnsconn->thing);
	fdtable_put(&dnsconn->thing);
}

bool dnsconn_peer(int fd, struct peer *peer)
{
	struct dnsconn *dnsconn = dnsconn_get(fd);

	if (dnsconn == NULL)
		return false;
	*peer = dnsconn->peer;
	fdtable_put(&dnsconn->thing);
	return true;
}

int dnsconn_before_data(int fd, int flags, int option)
{
	if (!dnsconn_is(fd))
		return 0;
	ask_step();
	if (flags & MSG_DONTWAIT || sys2(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK)
		return 0;
	return ask_await(fd, option, NULL);
}

void dnsconn_forked_child(void)
{
	uint32_t used = pool_used(&dnsconns);

	for (uint32_t i = 0; i < used; i++) {
		struct dnsconn *dnsconn = pool_at(&dnsconns, i);

		if (dnsconn != NULL && dnsconn->thing.refs > 0)
			private_fd_close(&dnsconn->end);
	}
}
