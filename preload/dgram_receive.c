/* SPDX-License-Identifier: MIT */
/*
 * dgram_receive.c - datagrams from the proxy's relay: without their header
 *
 * The kernel is given three vectors: room for the header, as long as the latest one was, the
 * program's own, and a spill. So the data is in its place at once; behind a header of another
 * length it is moved there, and what the program's vectors had no room for before comes out
 * of the spill. How long the datagram is the kernel tells by MSG_TRUNC.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#include "core/sys.h"
#include "preload/ask.h"
#include "preload/clock.h"
#include "preload/dgram_dns.h"
#include "preload/dgram_inner.h"
#include "preload/options.h"

static long real_receive(int fd, struct msghdr *message, int flags)
{
	long n = REAL(recvmsg)(fd, message, flags);

	return n < 0 ? -errno : n;
}

/* --- one row of bytes over several vectors -------------------------------------------- */

/* What is at offset, and how much of it is in one piece; NULL beyond the end. */
static uint8_t *at(const struct incoming *in, size_t offset, size_t *piece)
{
	for (size_t i = 0; i < in->count; i++) {
		if (offset < in->vectors[i].iov_len) {
			*piece = in->vectors[i].iov_len - offset;
			return (uint8_t *)in->vectors[i].iov_base + offset;
		}
		offset -= in->vectors[i].iov_len;
	}
	return NULL;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Moves len bytes towards the beginning. */
static void slide_down(const struct incoming *in, size_t from, size_t to, size_t len)
{
	while (len > 0) {
		size_t source_piece = 0, target_piece = 0, n;
		uint8_t *source = at(in, from, &source_piece);
		uint8_t *target = at(in, to, &target_piece);

		if (source == NULL || target == NULL)
			return;
		n = least(len, least(source_piece, target_piece));
		memmove(target, source, n);
		from += n;
		to += n;
		len -= n;
	}
}

/* How many bytes up to offset are in one piece; *end is behind them. */
static size_t piece_before(const struct incoming *in, size_t offset, uint8_t **end)
{
	for (size_t i = 0; i < in->count; i++) {
		if (offset <= in->vectors[i].iov_len) {
			*end = (uint8_t *)in->vectors[i].iov_base + offset;
			return offset;
		}
		offset -= in->vectors[i].iov_len;
	}
	return 0;
}

/* Moves len bytes towards the end: their last ones first. */
static void slide_up(const struct incoming *in, size_t from, size_t to, size_t len)
{
	while (len > 0) {
		uint8_t *source = NULL, *target = NULL;
		size_t n = least(len, piece_before(in, from + len, &source));

		n = least(n, piece_before(in, to + len, &target));
		if (n == 0)
			return;
		memmove(target - n, source - n, n);
		len -= n;
	}
}

static size_t copy_out(const struct incoming *in, size_t offset, uint8_t *out,
		       size_t len)
{
	size_t done = 0, piece;

	while (done < len) {
		const uint8_t *source = at(in, offset + done, &piece);

		if (source == NULL)
			break;
		piece = least(piece, len - done);
		memcpy(out + done, source, piece);
		done += piece;
	}
	return done;
}

/* Puts n bytes to offset, as far as there is room. */
static void copy_in(const struct incoming *in, size_t offset, const uint8_t *from,
		    size_t n)
{
	size_t piece;

	while (n > 0) {
		uint8_t *target = at(in, offset, &piece);

		if (target == NULL)
			return;
		piece = least(piece, n);
		memcpy(target, from, piece);
		offset += piece;
		from += piece;
		n -= piece;
	}
}

/* --- whose it is ------------------------------------------------------------------------ */

static bool same_address(const struct peer *a, const struct peer *b)
{
	if (a->address.sa.sa_family != b->address.sa.sa_family)
		return false;
	if (a->address.sa.sa_family == AF_INET)
		return a->address.in.sin_port == b->address.in.sin_port &&
		       a->address.in.sin_addr.s_addr ==
			       b->address.in.sin_addr.s_addr;
	return a->address.in6.sin6_port == b->address.in6.sin6_port &&
	       memcmp(&a->address.in6.sin6_addr, &b->address.in6.sin6_addr,
		      sizeof(a->address.in6.sin6_addr)) == 0;
}

/* The socket is connected: the kernel has kept out all others than the relay. */
static bool is_relay(const struct dgram *dgram, const struct incoming *in)
{
	if (dgram_connected(dgram) == DGRAM_VIA)
		return true;
	return same_address(&in->from, assoc_relay(&dgram->assoc));
}

/* What the socket has sent to itself, dgram_dns.c. */
static bool is_self(const struct dgram *dgram, const struct incoming *in)
{
	const struct peer *self = dgram_self(dgram);

	return self->len > 0 && same_address(&in->from, self);
}

/* Of a peer that datagrams go to past the proxy. */
static bool is_direct(const struct incoming *in)
{
	struct endpoint e;

	return endpoint_from_sockaddr(&e, &in->from.address.sa, in->from.len) ==
		       0 &&
	       config_route_datagram(dgram_config, &e) == ROUTE_DIRECT;
}

/* For the connected: but for FRAG byte for byte the header that it sends with, or that name's answer. */
static bool is_of_peer(struct dgram *dgram, const struct incoming *in,
		       const uint8_t *head, const struct endpoint *source,
		       struct peer *shown)
{
	const struct dgram_target *target = dgram_target(dgram);

	if (in->head == target->len &&
	    memcmp(head + 3, target->header + 3, in->head - 3) == 0) {
		*shown = target->peer;
		return true;
	}
	return target->header[3] == 3 &&
	       sources_show(&dgram->sources, dgram->family, source, shown) &&
	       same_address(shown, &target->peer);
}

/* --- fragments ------------------------------------------------------------------------ */

static struct fragments *fragments_made(struct dgram *dgram)
{
	long p;

	if (dgram->fragments != NULL)
		return dgram->fragments;
	p = sys6(SYS_mmap, NULL, sizeof(struct fragments),
		 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096)
		return NULL;
	dgram->fragments = (struct fragments *)p;
	return dgram->fragments;
}

/* What is put together is as if it had come so, with a header of that length. */
static void put_whole(struct incoming *in, const struct fragments *f)
{
	copy_in(in, in->lead, f->bytes, f->len);
	in->n = in->lead + f->len;
	in->head = in->lead;
}

/* False: it is not whole yet, or never will be. */
static bool put_together(struct dgram *dgram, struct incoming *in, size_t head,
			 uint8_t frag, const struct endpoint *source)
{
	struct fragments *f = fragments_made(dgram);
	size_t len = in->n - head;
	uint8_t *place;

	if (f == NULL)
		return false;
	place = fragments_place(f, frag, source, len, clock_now_ns());
	if (place == NULL) {
		dgram_dropped(dgram, "a fragment that is out of turn");
		return false;
	}
	/* The rest of it was cut off by the program's buffer, and is gone. */
	if (copy_out(in, head, place, len) < len)
		fragments_reset(f);
	if (!f->whole)
		return false;
	put_whole(in, f);
	__atomic_store_n(&dgram->whole, in->peek, __ATOMIC_RELEASE);
	return true;
}

static bool fragment_came(struct dgram *dgram, struct incoming *in, size_t head,
			  uint8_t frag, const struct endpoint *source)
{
	sigset_t signals;
	bool whole;

	dgram_lock(dgram, &signals);
	whole = put_together(dgram, in, head, frag, source);
	dgram_unlock(dgram, &signals);
	return whole;
}

static void show_source(struct dgram *dgram, struct incoming *in,
			const struct endpoint *source)
{
	if (dgram_connected(dgram) == DGRAM_VIA)
		in->shown = dgram_target(dgram)->peer;
	else
		sources_show(&dgram->sources, dgram->family, source, &in->shown);
}

/* One that was put together and only looked at comes first. */
static bool take_whole(struct dgram *dgram, struct incoming *in)
{
	sigset_t signals;
	bool whole;

	dgram_lock(dgram, &signals);
	whole = dgram->whole && dgram->fragments->whole;
	if (whole) {
		put_whole(in, dgram->fragments);
		show_source(dgram, in, &dgram->fragments->source);
	}
	dgram->whole = whole && in->peek;
	dgram_unlock(dgram, &signals);
	return whole;
}

/* --- what the header says ------------------------------------------------------------- */

/* Who has sent it, to the program. False: nobody whom that expects. */
static bool is_expected(struct dgram *dgram, struct incoming *in,
			const uint8_t *head, const struct endpoint *source)
{
	bool known;

	if (dgram_has_target(dgram))
		known = is_of_peer(dgram, in, head, source, &in->shown);
	else
		known = source->kind != ENDPOINT_NONE &&
			sources_show(&dgram->sources, dgram->family, source,
				     &in->shown);
	if (!known)
		dgram_dropped(dgram, "from another than whom it was sent to");
	return known;
}

/* The header that the connected sends with, byte for byte: nothing is left to be read from it. */
static bool is_from_target(const struct dgram *dgram, struct incoming *in)
{
	const struct dgram_target *target = dgram_target(dgram);

	if (!dgram_has_target(dgram) || target->len != in->lead ||
	    in->n < in->lead ||
	    memcmp(in->first, target->header, in->lead) != 0)
		return false;
	in->head = in->lead;
	in->shown = target->peer;
	return true;
}

/* False: it is to be dropped. */
static bool unwrap(struct dgram *dgram, struct incoming *in)
{
	uint8_t head[SOCKS5_UDP_HEADER_MAX];
	struct endpoint source;
	const uint8_t *bytes = in->first;
	uint8_t frag;
	int r;

	if (is_from_target(dgram, in))
		return true;
	r = socks5_get_udp_header(bytes, least(in->n, in->lead), &frag, &source);
	if (r < 0 && in->n > in->lead) {
		bytes = head;
		r = socks5_get_udp_header(
			head, copy_out(in, 0, head, least(in->n, sizeof(head))),
			&frag, &source);
	}
	if (r < 0) {
		dgram_dropped(dgram, "a malformed header from the relay");
		return false;
	}
	in->head = (size_t)r;
	if (r >= SOCKS5_UDP_HEADER_IPV4)
		__atomic_store_n(&dgram->lead, (uint32_t)r, __ATOMIC_RELAXED);
	if (!is_expected(dgram, in, bytes, &source))
		return false;
	return frag == 0 || fragment_came(dgram, in, (size_t)r, frag, &source);
}

/*
 * What the socket has sent to itself: the answer of a name server, or what the program itself
 * meant for it.
 */
static bool unwrap_own(struct dgram *dgram, struct incoming *in)
{
	static const uint8_t zeros[3]; /* RSV, and no fragment */

	if (dgram_is_nudge(in->first, in->n))
		return false;
	if (in->n >= sizeof(zeros) && memcmp(in->first, zeros, sizeof(zeros)) == 0)
		return unwrap(dgram, in);
	in->shown = in->from;
	return dgram_connected(dgram) == DGRAM_NONE;
}

bool incoming_accept(struct dgram *dgram, struct incoming *in)
{
	in->head = 0;
	if (dgram_connected(dgram) == DGRAM_DNS || is_self(dgram, in))
		return unwrap_own(dgram, in);
	if (assoc_relay(&dgram->assoc)->len > 0 && is_relay(dgram, in)) {
		assoc_answered(&dgram->assoc);
		return unwrap(dgram, in);
	}
	in->shown = in->from;
	if (assoc_relay(&dgram->assoc)->len == 0 || is_direct(in))
		return true;
	dgram_dropped(dgram, "from another than the proxy's relay");
	return false;
}

/* --- receiving -------------------------------------------------------------------------- */

void incoming_lay_out(const struct dgram *dgram, struct incoming *in,
		      const struct msghdr *message)
{
	in->lead = __atomic_load_n(&dgram->lead, __ATOMIC_RELAXED);
	in->vectors[0] = (struct iovec){ in->first, in->lead };
	memcpy(&in->vectors[1], message->msg_iov,
	       message->msg_iovlen * sizeof(in->vectors[0]));
	in->count = message->msg_iovlen + 2;
	in->vectors[in->count - 1] =
		(struct iovec){ in->spill, sizeof(in->spill) };
	in->room = 0;
	in->peek = false;
	for (size_t i = 1; i < in->count - 1; i++)
		in->room += in->vectors[i].iov_len;
}

/* What a longer header has pushed behind the data; a program may count on zeros there. */
static void clear_behind(const struct incoming *in, size_t offset)
{
	size_t end = least(in->n, in->lead + in->room), piece;

	while (offset < end) {
		uint8_t *rest = at(in, offset, &piece);

		if (rest == NULL)
			return;
		piece = least(piece, end - offset);
		memset(rest, 0, piece);
		offset += piece;
	}
}

/* The data to where the program wants it. */
static void put_in_place(struct incoming *in)
{
	size_t len = least(in->n - in->head, in->room);

	if (in->head > in->lead) {
		slide_down(in, in->head, in->lead, len);
		clear_behind(in, in->lead + len);
	} else if (in->head < in->lead) {
		slide_up(in, in->head, in->lead, len);
	}
}

static void give_name(const struct incoming *in, struct msghdr *message)
{
	if (message->msg_name == NULL)
		return;
	memcpy(message->msg_name, &in->shown.address,
	       least(message->msg_namelen, in->shown.len));
	message->msg_namelen = in->shown.len;
}

ssize_t incoming_give(struct incoming *in, struct msghdr *message,
		      const struct msghdr *got, int flags)
{
	size_t len = in->n - in->head;

	put_in_place(in);
	give_name(in, message);
	message->msg_controllen = got->msg_controllen;
	message->msg_flags = got->msg_flags & ~MSG_TRUNC;
	if (len > in->room)
		message->msg_flags |= MSG_TRUNC;
	return (ssize_t)(flags & MSG_TRUNC ? len : least(len, in->room));
}

/* What was only looked at is dropped now. */
static void take_away(int fd, int flags)
{
	char byte;

	if (flags & MSG_PEEK)
		sys6(SYS_recvfrom, fd, &byte, 1, MSG_DONTWAIT, NULL, NULL);
}

static bool may_wait(int fd, int flags)
{
	return !(flags & MSG_DONTWAIT) &&
	       !(sys2(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK);
}

/* Before each try: what is pending goes on, and is waited for if that may be. 0 or -errno. */
static int await(struct dgram *dgram, int fd, int flags)
{
	int r = 0;

	if (assoc_phase(&dgram->assoc) == ASSOC_PENDING) {
		if (may_wait(fd, flags))
			r = dgram_wait_readable(dgram, fd);
		else
			assoc_step(&dgram->assoc);
	}
	return r == 0 && ask_any() ? dgram_await_answer(dgram, fd, flags) : r;
}

/*
 * After something was dropped the kernel would begin SO_RCVTIMEO anew, each time. So from the
 * first such on the wait is ours: limit is when it is over, 0 before. 0 or -errno.
 */
static int await_rest(const struct dgram *dgram, int fd, int flags,
		      int64_t *limit)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	struct timespec rest;
	struct timeval timeout;
	int64_t left;
	int r;

	if (assoc_phase(&dgram->assoc) == ASSOC_PENDING || ask_any())
		return 0; /* await does it */
	if (*limit == 0) {
		timeout = option_timeout(fd, SO_RCVTIMEO);
		*limit = may_wait(fd, flags) ? clock_limit_ns(&timeout) :
					       INT64_MAX;
	}
	if (*limit == INT64_MAX)
		return 0;
	left = *limit - clock_now_ns();
	if (left < 0)
		left = 0;
	rest.tv_sec = left / NS_PER_S;
	rest.tv_nsec = left % NS_PER_S;
	r = REAL(ppoll)(&pollfd, 1, &rest, NULL);
	if (r < 0)
		return -errno;
	return r == 0 ? -EAGAIN : 0;
}

/* After shutdown(SHUT_RD) the kernel says 0, and names nobody. */
static bool is_end(long n, const struct msghdr *got)
{
	return n == 0 && got->msg_namelen == 0;
}

static ssize_t give_end(struct msghdr *message, const struct msghdr *got)
{
	message->msg_namelen = 0;
	message->msg_controllen = got->msg_controllen;
	message->msg_flags = got->msg_flags;
	return 0;
}

/*
 * An error of the way to the relay is none of the peer's, and is told nobody (0); that there is
 * no relay, and what was sent is lost, is.
 */
static long told_error(struct dgram *dgram, long error)
{
	if (error != -ECONNREFUSED || dgram_connected(dgram) != DGRAM_VIA)
		return error;
	error = dgram_take_error(dgram);
	if (error == 0)
		dgram_lost(dgram);
	return error;
}

static ssize_t receive_framed(struct dgram *dgram, int fd,
			      struct msghdr *message, int flags)
{
	struct incoming in;
	int64_t limit = 0;

	incoming_lay_out(dgram, &in, message);
	in.peek = flags & MSG_PEEK;
	if (__atomic_load_n(&dgram->whole, __ATOMIC_ACQUIRE) &&
	    take_whole(dgram, &in)) {
		struct msghdr nothing = { .msg_flags = 0 };

		return incoming_give(&in, message, &nothing, flags);
	}
	for (;;) {
		int r = await(dgram, fd, flags);
		struct msghdr got = {
			.msg_name = &in.from.address,
			.msg_namelen = sizeof(in.from.address),
			.msg_iov = in.vectors,
			.msg_iovlen = in.count,
			.msg_control = message->msg_control,
			.msg_controllen = message->msg_controllen,
		};
		long n = r < 0 ? r : real_receive(fd, &got, flags | MSG_TRUNC);
		long error = n < 0 ? told_error(dgram, n) : 0;

		if (error < 0)
			return error;
		if (is_end(n, &got))
			return give_end(message, &got);
		if (n >= 0) {
			in.n = (size_t)n;
			in.from.len = got.msg_namelen;
			if (incoming_accept(dgram, &in))
				return incoming_give(&in, message, &got, flags);
			take_away(fd, flags);
		}
		r = await_rest(dgram, fd, flags, &limit);
		if (r < 0)
			return r;
	}
}

/* --- errors, by MSG_ERRQUEUE --------------------------------------------------------- */

/* The message about one, or NULL. */
static struct cmsghdr *find_error(const struct msghdr *got,
				  struct sock_extended_err *error)
{
	struct msghdr *m = (struct msghdr *)got;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == IPPROTO_IPV6 &&
		      c->cmsg_type == IPV6_RECVERR))
			continue;
		if (c->cmsg_len < CMSG_LEN(sizeof(*error)))
			continue;
		memcpy(error, CMSG_DATA(c), sizeof(*error));
		return c;
	}
	return NULL;
}

/* Some router's word, or the relay's host's. */
static bool is_icmp(const struct msghdr *got)
{
	struct sock_extended_err error;

	return find_error(got, &error) != NULL &&
	       (error.ee_origin == SO_EE_ORIGIN_ICMP ||
		error.ee_origin == SO_EE_ORIGIN_ICMP6);
}

/* Of the MTU that it tells the header takes its part, as it does of IP_MTU. */
static void lessen_mtu(const struct msghdr *got, size_t head)
{
	struct sock_extended_err error;
	struct cmsghdr *c = find_error(got, &error);

	if (c == NULL || error.ee_errno != EMSGSIZE || error.ee_info < head)
		return;
	error.ee_info -= (uint32_t)head;
	memcpy(CMSG_DATA(c), &error, sizeof(error));
}

/* The datagram that an error speaks of had a header: whom it was for. */
static void unwrap_sent(const struct dgram *dgram, struct incoming *in)
{
	uint8_t head[SOCKS5_UDP_HEADER_MAX];
	size_t have = copy_out(in, 0, head, least(in->n, sizeof(head)));
	struct sockaddr_storage sa;
	struct endpoint to;
	uint8_t frag;
	int r = socks5_get_udp_header(head, have, &frag, &to);

	if (dgram_connected(dgram) == DGRAM_VIA)
		in->shown = dgram_target(dgram)->peer;
	if (r < 0)
		return;
	in->head = (size_t)r;
	r = endpoint_to_sockaddr(&to, dgram->family, &sa);
	if (r < 0 || dgram_connected(dgram) == DGRAM_VIA)
		return;
	in->shown.len = (socklen_t)r;
	memcpy(&in->shown.address, &sa, (size_t)r);
}

/* How long it was; of what is too large the kernel keeps nothing to be read. */
static size_t header_sent(const struct dgram *dgram, const struct incoming *in)
{
	if (dgram_connected(dgram) == DGRAM_VIA)
		return dgram_target(dgram)->len;
	return in->head > 0 ? in->head : in->lead;
}

/*
 * What is said of the way to the relay is none of the peer's: it is dropped. What this
 * machine says of a datagram (too large) is the program's to know.
 */
static ssize_t receive_error(struct dgram *dgram, int fd, struct msghdr *message,
			     int flags)
{
	struct incoming in;

	incoming_lay_out(dgram, &in, message);
	for (;;) {
		struct msghdr got = {
			.msg_name = &in.from.address,
			.msg_namelen = sizeof(in.from.address),
			.msg_iov = in.vectors,
			.msg_iovlen = in.count,
			.msg_control = message->msg_control,
			.msg_controllen = message->msg_controllen,
		};
		long n = real_receive(fd, &got, flags);
		bool relay;

		if (n < 0)
			return n;
		in.n = (size_t)n;
		in.head = 0;
		in.from.len = got.msg_namelen;
		in.shown = in.from;
		relay = assoc_relay(&dgram->assoc)->len > 0 &&
			is_relay(dgram, &in);
		if (relay && is_icmp(&got)) {
			dgram_lost(dgram);
			continue;
		}
		if (relay) {
			unwrap_sent(dgram, &in);
			lessen_mtu(&got, header_sent(dgram, &in));
		}
		return incoming_give(&in, message, &got, flags & ~MSG_TRUNC);
	}
}

/* More vectors than are kept on the stack: into memory of our own, and out of it. */
static ssize_t receive_copied(struct dgram *dgram, int fd, struct msghdr *message,
			      int flags)
{
	struct msghdr whole = *message;
	struct iovec own = { .iov_len = 1 << 16 };
	ssize_t n;
	size_t done = 0;
	long p = sys6(SYS_mmap, NULL, own.iov_len, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p < 0 && p > -4096)
		return -ENOBUFS;
	own.iov_base = (void *)p;
	whole.msg_iov = &own;
	whole.msg_iovlen = 1;
	n = receive_framed(dgram, fd, &whole, flags | MSG_TRUNC);
	for (size_t i = 0; n > 0 && i < message->msg_iovlen; i++) {
		const struct iovec *iov = &message->msg_iov[i];
		size_t len = least(iov->iov_len, (size_t)n - done);

		memcpy(iov->iov_base, (uint8_t *)own.iov_base + done, len);
		done += len;
	}
	sys2(SYS_munmap, own.iov_base, own.iov_len);
	if (n < 0)
		return n;
	message->msg_namelen = whole.msg_namelen;
	message->msg_controllen = whole.msg_controllen;
	message->msg_flags = whole.msg_flags;
	if (done < (size_t)n)
		message->msg_flags |= MSG_TRUNC;
	return flags & MSG_TRUNC ? n : (ssize_t)done;
}

ssize_t dgram_receive(struct dgram *dgram, int fd, struct msghdr *message,
		      int flags)
{
	int saved_errno = errno;
	ssize_t n;

	if (flags & MSG_OOB || dgram_connected(dgram) == DGRAM_DIRECT)
		return real_receive(fd, message, flags);
	if (flags & MSG_ERRQUEUE)
		return message->msg_iovlen <= DGRAM_VECTORS ?
			       receive_error(dgram, fd, message, flags) :
			       real_receive(fd, message, flags);
	if (message->msg_iovlen <= DGRAM_VECTORS)
		n = receive_framed(dgram, fd, message, flags);
	else
		n = receive_copied(dgram, fd, message, flags);
	if ((n == -ENOTSOCK || n == -EBADF) && dgram_stale(dgram, fd))
		return real_receive(fd, message, flags);
	if (n >= 0)
		errno = saved_errno;
	return n;
}

ssize_t dgram_receive_bytes(struct dgram *dgram, int fd, void *bytes, size_t n,
			    int flags)
{
	struct iovec iov = { bytes, n };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	return dgram_receive(dgram, fd, &message, flags);
}

ssize_t dgram_receive_vectors(struct dgram *dgram, int fd, const struct iovec *iov,
			      size_t n)
{
	struct msghdr message = { .msg_iov = (struct iovec *)iov,
				  .msg_iovlen = n };

	return dgram_receive(dgram, fd, &message, 0);
}

int dgram_next_length(struct dgram *dgram, int fd)
{
	ssize_t n = dgram_receive_bytes(dgram, fd, NULL, 0,
					MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	return n > 0 ? (int)n : 0;
}
