/* SPDX-License-Identifier: MIT */
/*
 * dgram_dns.c - datagrams that a program's own DNS client sends
 *
 * Theory of Operation
 *
 * What a program sends to port 53 does not leave: the stub answers it at once, or it is asked
 * for real (ask.c), over the proxy and by TCP; that of a server which is neither configured nor
 * this machine's in any case, and of that server.
 *
 * The answer is a datagram that the program's own socket sends to itself, so that readiness,
 * blocking, timeouts and all ways to receive are the kernel's. It has the header that a relay's
 * has, which names the server, and the receiving side takes it off and shows that address.
 * A socket that the program has connected is connected to itself; from one that it has not, only
 * what comes from its own address is taken for ours: no other process sends from there.
 *
 * A thread that already waits for the socket in the kernel does not know that something is
 * asked, and would sleep until another one steps it. So where there are threads a question
 * makes the socket readable by a nudge, a datagram which nobody is shown. Whoever begins to wait
 * afterwards takes it away first, for some programs cannot bear to find nothing there.
 */
#include "preload/dgram_dns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/single_threaded.h>

#include "core/sys.h"
#include "core/token.h"
#include "preload/ask.h"
#include "preload/clock.h"
#include "preload/detour.h"
#include "preload/dgram_inner.h"
#include "resolver/nameserver.h"
#include "preload/options.h"
#include "preload/private_fd.h"
#include "preload/signals.h"
#include "resolver/dnswire.h"
#include "resolver/stub.h"

enum {
	QUERY_MAX = 1232, /* what servers on the Internet take, and no client exceeds */
	REPLY_MAX = 1232,
};

/* RFC 1928 knows no fragment 255: nor does it know a header so short. */
static const uint8_t nudge[] = { 0, 0, 255, 0 };

/* --- the socket's own address ------------------------------------------------------------ */

static int name_of(int fd, struct peer *own)
{
	own->len = sizeof(own->address);
	return (int)sys3(SYS_getsockname, fd, &own->address, &own->len);
}

/* It stands in the same place in both. */
static bool has_port(const struct peer *peer)
{
	return peer->address.in.sin_port != 0;
}

static bool is_wildcard(const struct peer *peer)
{
	static const struct in6_addr any = IN6ADDR_ANY_INIT;

	if (peer->address.sa.sa_family == AF_INET)
		return peer->address.in.sin_addr.s_addr == htonl(INADDR_ANY);
	return memcmp(&peer->address.in6.sin6_addr, &any, sizeof(any)) == 0;
}

static void set_loopback(struct peer *peer, bool mapped)
{
	static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;

	if (peer->address.sa.sa_family == AF_INET) {
		peer->address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return;
	}
	peer->address.in6.sin6_addr = loopback;
	if (!mapped)
		return;
	memset(&peer->address.in6.sin6_addr, 0, 10);
	memset(&peer->address.in6.sin6_addr.s6_addr[10], 0xff, 2);
	peer->address.in6.sin6_addr.s6_addr32[3] = htonl(INADDR_LOOPBACK);
}

/* The kernel would choose a port at the first send. */
static int bound_name_of(int fd, struct peer *own)
{
	int r = name_of(fd, own);

	if (r < 0 || has_port(own))
		return r;
	r = (int)sys3(SYS_bind, fd, &own->address, own->len);
	if (r < 0 && r != -EINVAL) /* another thread has bound it */
		return r;
	return name_of(fd, own);
}

/*
 * The address that the kernel would send from. Asked by a socket of our own: were the program's
 * connected there, be it for a moment, another thread's datagram would leave.
 */
static void set_source(struct peer *own, const union route_address *address,
		       socklen_t len)
{
	in_port_t port = own->address.in.sin_port;
	struct private_fd probe;
	struct peer source;
	bool found;

	set_loopback(own, false);
	if (private_fd_socket(&probe, own->address.sa.sa_family, SOCK_DGRAM) <
	    0)
		return;
	/* There may be no way to it, which is none of ours. */
	found = token_connect(probe.fd, address, len) == 0 &&
		name_of(probe.fd, &source) == 0;
	private_fd_close(&probe);
	if (!found)
		return;
	*own = source;
	own->address.in.sin_port = port;
}

/* The loose hear IPv4 only. */
int dgram_own_address(int fd, struct peer *own)
{
	int r;

	if (!detour_stays(fd))
		return -ENETUNREACH;
	r = bound_name_of(fd, own);
	if (r == 0 && is_wildcard(own))
		set_loopback(own, true);
	return r;
}

int dgram_connect_self(int fd, const union route_address *address, socklen_t len)
{
	struct peer own;
	int r;

	if (!detour_stays(fd))
		return -ENETUNREACH;
	r = bound_name_of(fd, &own);
	if (r < 0)
		return r;
	if (is_wildcard(&own))
		set_source(&own, address, len);
	return (int)token_connect(fd, &own.address, own.len);
}

/* --- what is sent to it ------------------------------------------------------------------- */

/* The address is named though the socket may be connected there: dgram_tie.c says why. */
static int send_to(int fd, const struct peer *own,
		   const struct iovec vectors[2])
{
	struct msghdr message = { .msg_name = (void *)&own->address,
				  .msg_namelen = own->len,
				  .msg_iov = (struct iovec *)vectors,
				  .msg_iovlen = 2 };

	return (int)token_sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool is_self(const struct dgram *dgram, const struct peer *own)
{
	struct peer self = dgram_self(dgram);

	return self.len == own->len &&
	       memcmp(&self.address, &own->address, own->len) == 0;
}

/* Whoever receives shall know it before it comes. Under the lock. */
static void set_self(struct dgram *dgram, const struct peer *own)
{
	if (is_self(dgram, own))
		return;
	__atomic_store_n(&dgram->mixed, true, __ATOMIC_RELAXED);
	pair_write(&dgram->self_turn, dgram->selves, own, sizeof(*own));
}

static void know_self(struct dgram *dgram, const struct peer *own)
{
	sigset_t signals;

	if (is_self(dgram, own))
		return;
	dgram_lock(dgram, &signals);
	set_self(dgram, own);
	dgram_unlock(dgram, &signals);
}

static int send_self(struct dgram *dgram, int fd, const void *head,
		     size_t head_len, const void *data, size_t len)
{
	struct iovec vectors[2] = { { (void *)head, head_len },
				    { (void *)data, len } };
	struct peer own;
	bool wildcard;
	int r;

	if (!detour_stays(fd))
		return -ENETUNREACH; /* it would leave by that device */
	r = bound_name_of(fd, &own);
	if (r < 0)
		return r;
	wildcard = is_wildcard(&own);
	if (wildcard)
		set_loopback(&own, dgram_is_loose(dgram));
	know_self(dgram, &own);
	r = send_to(fd, &own, vectors);
	if (r >= 0 || !wildcard || own.address.sa.sa_family != AF_INET6)
		return r;
	set_loopback(&own, true); /* a machine without ::1 */
	know_self(dgram, &own);
	return send_to(fd, &own, vectors);
}

/* A full socket drops it, as it would any datagram. */
static int told(int r)
{
	return r >= 0 || r == -EAGAIN || r == -ENOBUFS ? 0 : r;
}

static __attribute__((noinline)) int fail(struct dgram *dgram, int fd,
					  const struct ask_question *question,
					  unsigned int rcode)
{
	uint8_t reply[512];
	size_t len = stub_fail(question->query, question->len, rcode, reply,
			       sizeof(reply));

	if (len == 0)
		return 0;
	return told(send_self(dgram, fd, question->tag, question->tag_len,
			      reply, len));
}

static void answered(void *owner, const struct ask_question *question,
		     uint8_t *reply, size_t len)
{
	struct dgram *dgram = owner;
	int fd = dgram_shown_by(dgram);

	if (fd < 0)
		return;
	if (len == 0) {
		fail(dgram, fd, question, DNS_SERVFAIL);
		return;
	}
	len = stub_fit(question->query, question->len, reply, len);
	send_self(dgram, fd, question->tag, question->tag_len, reply, len);
}

static void waiting(void *owner);

static const struct asker asker = { .answered = answered, .waiting = waiting };

/* --- what the program sends ------------------------------------------------------------------ */

static int ask_for_real(struct dgram *dgram, int fd,
			const struct ask_question *question)
{
	if (ask(dgram, &asker, question) < 0)
		return fail(dgram, fd, question, DNS_SERVFAIL);
	if (!__libc_single_threaded &&
	    send_self(dgram, fd, nudge, sizeof(nudge), NULL, 0) >= 0)
		__atomic_store_n(&dgram->nudged, true, __ATOMIC_RELEASE);
	return 0;
}

/* By the stub; 1: it does not know. */
static __attribute__((noinline)) int
answer_here(struct dgram *dgram, int fd, const struct ask_question *question)
{
	uint8_t reply[REPLY_MAX];
	size_t len;

	switch (stub_answer(question->query, question->len, false, reply,
			    sizeof(reply), &len)) {
	case STUB_REPLY:
		return told(send_self(dgram, fd, question->tag,
				      question->tag_len, reply, len));
	case STUB_ASK:
		return 1;
	default:
		return 0;
	}
}

static __attribute__((noinline)) int answer(struct dgram *dgram, int fd,
					    struct ask_question *question)
{
	struct endpoint server;
	uint8_t frag;
	int r;

	if (socks5_get_udp_header(question->tag, question->tag_len, &frag,
				  &server) < 0)
		return -ENETUNREACH;
	dgram->fd = fd;
	if (nameserver_is_stub(dgram_config, &server)) {
		r = answer_here(dgram, fd, question);
		if (r <= 0)
			return r;
	} else {
		question->server = &server;
	}
	return ask_for_real(dgram, fd, question);
}

/* False: it is longer. */
static bool copy_in(const struct msghdr *message, uint8_t *query, size_t *len)
{
	bool fits = true;

	*len = 0;
	for (size_t i = 0; i < message->msg_iovlen; i++) {
		const struct iovec *iov = &message->msg_iov[i];

		fits = fits && iov->iov_len <= QUERY_MAX - *len;
		if (fits)
			memcpy(query + *len, iov->iov_base, iov->iov_len);
		*len += iov->iov_len;
	}
	return fits;
}

ssize_t dgram_ask(struct dgram *dgram, int fd, const struct msghdr *message,
		  const uint8_t *header, size_t header_len)
{
	uint8_t query[QUERY_MAX];
	struct ask_question question = { .query = query,
					 .tag = header,
					 .tag_len = header_len };
	bool fits = copy_in(message, query, &question.len);
	int r = 0;

	if (!detour_stays(fd))
		return -ENETUNREACH; /* so would the answer */
	if (fits && question.len > 0)
		r = answer(dgram, fd, &question);
	return r < 0 ? r : (ssize_t)question.len;
}

/* --- what wakes ------------------------------------------------------------------------------- */

bool dgram_is_nudge(const uint8_t *bytes, size_t len)
{
	return len == sizeof(nudge) && memcmp(bytes, nudge, len) == 0;
}

/* Takes those away that come next. How many, or -1: something else comes next. */
static int take_nudges(const struct dgram *dgram, int fd)
{
	struct peer self = dgram_self(dgram);

	for (int n = 0;; n++) {
		uint8_t bytes[sizeof(nudge) + 1];
		struct peer from = { .len = sizeof(from.address) };
		long len = sys6(SYS_recvfrom, fd, bytes, sizeof(bytes),
				MSG_PEEK | MSG_DONTWAIT, &from.address,
				&from.len);

		if (len == -EAGAIN)
			return n;
		if (len < 0 || !dgram_is_nudge(bytes, (size_t)len) ||
		    from.len != self.len ||
		    memcmp(&from.address, &self.address, from.len) != 0)
			return -1;
		sys6(SYS_recvfrom, fd, bytes, sizeof(bytes), MSG_DONTWAIT, NULL,
		     NULL);
	}
}

bool dgram_was_nudged(int fd)
{
	const struct dgram *dgram = dgram_peek(fd);

	return dgram != NULL && __atomic_load_n(&dgram->nudged, __ATOMIC_ACQUIRE) &&
	       take_nudges(dgram, fd) > 0;
}

/* Whoever else waits need not wake (any more). */
static void waiting(void *owner)
{
	struct dgram *dgram = owner;
	int fd;

	if (!__atomic_load_n(&dgram->nudged, __ATOMIC_ACQUIRE))
		return;
	fd = dgram_shown_by(dgram);
	if (fd >= 0 && take_nudges(dgram, fd) >= 0)
		__atomic_store_n(&dgram->nudged, false, __ATOMIC_RELEASE);
}

void dgram_unnudge(struct dgram *dgram)
{
	waiting(dgram);
}

enum { ARRIVAL_NS = 5000000 };

/* The kernel's socket takes it only while it is connected to itself. Under the lock. */
static int nudge_connected(struct dgram *dgram, int fd, const struct peer *own)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	struct timespec patience = { .tv_nsec = ARRIVAL_NS };
	struct peer peer = { .len = sizeof(peer.address) };
	int r;

	if (assoc_phase(&dgram->assoc) != ASSOC_PENDING ||
	    token_getpeername(fd, &peer.address, &peer.len) < 0 ||
	    token_connect(fd, &own->address, own->len) < 0)
		return -ENOTCONN;
	r = (int)sys6(SYS_sendto, fd, nudge, sizeof(nudge),
		      MSG_DONTWAIT | MSG_NOSIGNAL, &own->address, own->len);
	/* It is there, as a rule; or somebody has been woken by it. */
	if (r >= 0)
		sys5(SYS_ppoll, &pollfd, 1, &patience, NULL, 0);
	token_connect(fd, &peer.address, peer.len);
	return r;
}

void dgram_nudge(struct dgram *dgram, int fd)
{
	struct peer own;
	sigset_t signals;
	bool hears;
	int r = -ENOTCONN;

	if (!detour_stays(fd) || name_of(fd, &own) < 0)
		return;
	dgram_lock(dgram, &signals);
	hears = dgram_connected(dgram) != DGRAM_VIA;
	if (!hears && !dgram_may_move(dgram)) {
		hears = dgram_loosen(dgram, fd);
	} else if (!hears) {
		set_self(dgram, &own);
		r = nudge_connected(dgram, fd, &own);
	}
	dgram_unlock(dgram, &signals);
	if (hears)
		r = send_self(dgram, fd, nudge, sizeof(nudge), NULL, 0);
	if (r >= 0)
		__atomic_store_n(&dgram->nudged, true, __ATOMIC_RELEASE);
}

int dgram_await_answer(const struct dgram *dgram, int fd, int flags)
{
	ask_step();
	if (flags & MSG_DONTWAIT || sys2(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK)
		return 0;
	return ask_await(fd, SO_RCVTIMEO, dgram);
}
