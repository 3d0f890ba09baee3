/* SPDX-License-Identifier: MIT */
/*
 * dgram_send.c - datagrams to the proxy's relay: a header, and the program's data
 *
 * One datagram of the program is one on the wire, whatever its vectors: the header is the
 * first of the kernel's, and the data is not touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>

#include "core/row.h"
#include "core/sys.h"
#include "core/token.h"
#include "preload/detour.h"
#include "preload/dgram_dns.h"
#include "preload/dgram_names.h"
#include "preload/memory.h"
#include "preload/options.h"
#include "preload/signals.h"
#include "resolver/nameserver.h"

static long real_send(int fd, const struct msghdr *message, int flags)
{
	long n = REAL(sendmsg)(fd, message, flags);

	return n < 0 ? -errno : n;
}

/* --- what a message says ------------------------------------------------------------- */

int dgram_unreadable(const struct msghdr *message)
{
	if (!memory_there(message, sizeof(*message)))
		return -EFAULT;
	if (message->msg_iovlen > UIO_MAXIOV)
		return -EMSGSIZE;
	if (message->msg_name != NULL && message->msg_namelen > INT_MAX)
		return -EINVAL;
	return memory_there(message->msg_iov,
			    message->msg_iovlen * sizeof(*message->msg_iov)) ?
		       0 :
		       -EFAULT;
}

int dgram_unsendable(const struct msghdr *message)
{
	int r = dgram_unreadable(message);
	size_t name;

	if (r < 0)
		return r;
	name = message->msg_namelen;
	if (name > sizeof(union route_address))
		name = sizeof(union route_address);
	if (message->msg_name != NULL && !memory_there(message->msg_name, name))
		return -EFAULT;
	if (message->msg_control != NULL &&
	    !memory_there(message->msg_control, message->msg_controllen))
		return -EFAULT;
	return 0;
}

/* --- where to ------------------------------------------------------------------------ */

static struct dgram_slot *route_slot(struct dgram *dgram,
				     const union route_address *address)
{
	uint32_t hash = address->in.sin_port ^ address->in.sin_addr.s_addr;

	if (address->sa.sa_family == AF_INET6)
		hash = address->in6.sin6_port ^
		       address->in6.sin6_addr.s6_addr32[3];
	hash ^= hash >> 16;
	return &dgram->routes[(hash ^ hash >> 8) % DGRAM_ROUTES];
}

/* What is behind port and address of an IPv4 one says nothing. */
static inline bool same_destination(const struct peer *known,
				    const union route_address *address,
				    socklen_t len)
{
	if (known->len != len)
		return false;
	return len == sizeof(address->in)
		       ? memcmp(&known->address, address,
				offsetof(struct sockaddr_in, sin_zero)) == 0
		       : memcmp(&known->address, address, len) == 0;
}

static bool route_known(struct dgram_slot *slot,
			const union route_address *address, socklen_t len,
			struct outgoing *out)
{
	enum {
		UPTO = offsetof(struct dgram_known, header)
	};
	struct dgram_known known;
	uint32_t seq;

	if (!dgram_slot_begin(slot, &seq))
		return false;
	pair_copy(&known, &slot->known, UPTO);
	if (!same_destination(&known.peer, address, len))
		return false;
	out->route = known.route;
	out->source = known.source;
	out->len = known.len;
	if (__builtin_expect(known.len <= DGRAM_SHORT, 1))
		pair_copy(out->own, slot->known.header, DGRAM_SHORT);
	else
		pair_copy(out->own, slot->known.header, DGRAM_SLOT_HEADER);
	return dgram_slot_is(slot, seq);
}

static void route_keep(struct dgram_slot *slot,
		       const union route_address *address, socklen_t len,
		       const struct outgoing *out)
{
	struct dgram_known known = { .route = (uint8_t)out->route,
				     .len = (uint8_t)out->len,
				     .source = (uint16_t)out->source,
				     .peer.len = len };

	if (out->len > sizeof(known.header))
		return;
	memcpy(&known.peer.address, address, len);
	memcpy(known.header, out->own, out->len);
	dgram_slot_write(slot, &known);
}

static void forget_route(struct dgram_slot *slot)
{
	static const struct dgram_known nothing;

	dgram_slot_write(slot, &nothing);
}

void dgram_forget_ways(struct dgram *dgram)
{
	for (size_t i = 0; i < DGRAM_ROUTES; i++)
		forget_route(&dgram->routes[i]);
	dgram_unsettle_target(dgram);
}

/*
 * What goes before the data to that name. A name server is asked in another way, and its
 * answer tells the name.
 */
static int name_found(struct dgram *dgram, const union route_address *address,
		      socklen_t len, const struct endpoint *to,
		      struct outgoing *out)
{
	int name = sources_enter(&dgram->sources, &address->sa, len, to);
	int r = 0;

	if (name < 0) {
		route_refused(to, "there were too many other names already");
		return name;
	}
	out->source = (uint32_t)name + 1;
	if (to->port != DNS_SERVICE_PORT) {
		r = dgram_name_header(dgram, name, to, out->own);
		if (r == 0)
			out->route = OUTGOING_HELD;
	}
	return r != 0 ? r :
			socks5_put_udp_header(out->own, sizeof(out->own), to);
}

static int header_found(struct dgram *dgram, const union route_address *address,
			socklen_t len, const struct endpoint *to,
			struct outgoing *out)
{
	int r = to->kind == ENDPOINT_NAME ?
			name_found(dgram, address, len, to, out) :
			socks5_put_udp_header(out->own, sizeof(out->own), to);

	if (r < 0)
		return r == -EHOSTUNREACH || r == -ENOBUFS ? r : -ENETUNREACH;
	out->len = (size_t)r;
	/* The first answer comes from the like of it. */
	if (assoc_phase(&dgram->assoc) == ASSOC_NONE)
		__atomic_store_n(&dgram->lead,
				 to->kind == ENDPOINT_IPV4 ?
					 SOCKS5_UDP_HEADER_IPV4 :
					 SOCKS5_UDP_HEADER_IPV6,
				 __ATOMIC_RELAXED);
	if (to->kind != ENDPOINT_NAME)
		sources_sent_to_address(&dgram->sources, to);
	return 0;
}

static int route_found(struct dgram *dgram, const union route_address *address,
		       socklen_t len, struct outgoing *out)
{
	struct endpoint to;
	int r = dgram_judge(address, len, &to);

	out->route = r == -EINVAL ? ROUTE_DIRECT : r; /* the kernel's to refuse */
	out->source = 0;
	out->len = 0;
	if (r == ROUTE_VIA)
		return to.port == 0 ? -EINVAL :
				      header_found(dgram, address, len, &to, out);
	return r == -EINVAL || r > 0 ? 0 : r;
}

/* An address in the call. What the kernel takes for none, or refuses, is left to it. */
static int by_address(struct dgram *dgram, const union route_address *address,
		      socklen_t len, struct outgoing *out)
{
	struct dgram_slot *slot;
	int r;

	out->header = out->own;
	if (len > sizeof(slot->known.peer.address))
		len = sizeof(slot->known.peer.address);
	slot = route_slot(dgram, address);
	if (!route_known(slot, address, len, out)) {
		r = route_found(dgram, address, len, out);
		if (r < 0)
			return r;
		if (out->route != OUTGOING_HELD)
			route_keep(slot, address, len, out);
	}
	if (out->source > 0)
		sources_sent_to_name(&dgram->sources, (int)out->source - 1);
	return 0;
}

/* A target that does not stand ready, has a long header, or is changed just now. */
static __attribute__((noinline)) int
by_target(struct dgram *dgram, union route_address *address,
	  struct outgoing *out)
{
	struct dgram_target target = dgram_target(dgram);

	out->route = target.route;
	out->named = 0;
	out->len = target.len;
	switch (target.route) {
	case ROUTE_VIA:
		memcpy(out->own, target.header, target.len);
		return 0;
	case OUTGOING_HELD:
		return dgram_settle_target(dgram, &target, out);
	case ROUTE_DIRECT:
		memcpy(address, &target.peer.address,
		       sizeof(target.peer.address));
		out->named = target.peer.len;
		return 0;
	default:
		return -EINVAL; /* nothing can be sent to port 0 */
	}
}

ALWAYS_INLINE int by_connection(struct dgram *dgram, union route_address *address,
				struct outgoing *out)
{
	const struct dgram_target *target;
	struct dgram_brief brief;
	uint32_t begun;

	if (!dgram_has_target(dgram)) {
		out->route = ROUTE_DIRECT;
		out->named = 0;
		return 0;
	}
	begun = pair_begin(&dgram->turn);
	target = &dgram->targets[begun & 1];
	pair_copy(&brief, target, sizeof(brief));
	pair_copy(out->own, target->header, DGRAM_SHORT);
	out->route = brief.route;
	out->header = out->own;
	out->len = brief.len;
	return __builtin_expect(brief.route == ROUTE_VIA &&
					brief.len <= DGRAM_SHORT &&
					pair_is_whole(&dgram->turn, begun),
				1)
		       ? 0
		       : by_target(dgram, address, out);
}

static __attribute__((noinline)) int by_no_address(struct dgram *dgram,
						   union route_address *address,
						   struct outgoing *out)
{
	return by_connection(dgram, address, out);
}

/* Out of the way of the connected, whose header stands ready. */
static __attribute__((noinline)) int
find_way(struct dgram *dgram, const struct msghdr *message,
	 union route_address *address, struct outgoing *out)
{
	socklen_t len = message->msg_namelen;

	if (len < sizeof(address->sa.sa_family))
		return -EINVAL;
	if (len == sizeof(address->in))
		memcpy(address, message->msg_name, sizeof(address->in));
	else if (len <= sizeof(*address))
		memcpy(address, message->msg_name, len);
	else
		memcpy(address, message->msg_name, sizeof(*address));
	/* To an IPv4 socket AF_UNSPEC is AF_INET too, to an IPv6 one it is no address. */
	if (address->sa.sa_family == AF_UNSPEC && dgram->family == AF_INET)
		address->sa.sa_family = AF_INET;
	if (address->sa.sa_family == AF_UNSPEC)
		return by_no_address(dgram, address, out);
	out->named = 0;
	if (address->sa.sa_family == AF_INET ||
	    (address->sa.sa_family == AF_INET6 && dgram->family == AF_INET6))
		return by_address(dgram, address, len, out);
	out->route = ROUTE_DIRECT;
	return 0;
}

ALWAYS_INLINE int find(struct dgram *dgram, const struct msghdr *message,
		       union route_address *address, struct outgoing *out)
{
	if (message->msg_name == NULL || message->msg_namelen == 0)
		return by_connection(dgram, address, out);
	return find_way(dgram, message, address, out);
}

int outgoing_find(struct dgram *dgram, const struct msghdr *message,
		  union route_address *address, struct outgoing *out)
{
	return find(dgram, message, address, out);
}

/* --- sending -------------------------------------------------------------------------- */

/*
 * Vectors beyond what is kept on the stack: the data is copied behind the header. Nothing is
 * waited for as long as the memory for that is held, and no signal comes between.
 */
static long send_copied_now(int fd, const struct msghdr *message,
			    const struct outgoing *out, size_t len, int flags)
{
	struct msghdr copied = *message;
	struct iovec whole = { .iov_len = out->len + len }, data;
	sigset_t signals;
	long n;

	signals_block(&signals);
	n = sys6(SYS_mmap, NULL, whole.iov_len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (n < 0 && n > -4096) {
		signals_restore(&signals);
		return -ENOBUFS;
	}
	whole.iov_base = (void *)n;
	memcpy(whole.iov_base, out->header, out->len);
	data = (struct iovec){ (uint8_t *)whole.iov_base + out->len, len };
	copied.msg_iov = &whole;
	copied.msg_iovlen = 1;
	n = outgoing_gather(&data, 1, message, len);
	if (n == 0)
		n = token_sendmsg(fd, &copied, flags | MSG_DONTWAIT);
	sys2(SYS_munmap, whole.iov_base, whole.iov_len);
	signals_restore(&signals);
	return n;
}

static long send_copied(int fd, const struct msghdr *message,
			const struct outgoing *out, int flags)
{
	size_t len = outgoing_length(message);
	long n;

	if (len > DGRAM_MAX)
		return -EMSGSIZE;
	for (;;) {
		n = send_copied_now(fd, message, out, len, flags);
		if (n == -EAGAIN)
			n = dgram_await_room(fd, flags);
		if (n != 0)
			return n;
	}
}

/* message is the caller's own copy. */
static long send_framed(int fd, struct msghdr *message,
			const struct outgoing *out, int flags)
{
	struct iovec vectors[DGRAM_VECTORS];

	if (message->msg_iovlen >= DGRAM_VECTORS)
		return send_copied(fd, message, out, flags);
	message->msg_iovlen = outgoing_lay_out(out, message, vectors);
	message->msg_iov = vectors;
	return real_send(fd, message, flags);
}

size_t outgoing_length(const struct msghdr *message)
{
	size_t n = 0;

	for (size_t i = 0; i < message->msg_iovlen; i++)
		if (__builtin_add_overflow(n, message->msg_iov[i].iov_len, &n))
			return SIZE_MAX;
	return n;
}

int outgoing_gather(const struct iovec *to, size_t pieces,
		    const struct msghdr *message, size_t len)
{
	struct row target = { to, pieces };
	struct row source = { message->msg_iov, message->msg_iovlen };

	for (size_t i = 0; i < source.count; i++)
		if (!memory_there(source.vectors[i].iov_base,
				  source.vectors[i].iov_len))
			return -EFAULT;
	row_copy(&target, &source, len);
	return 0;
}

/* As the kernel would, with SO_SNDTIMEO, in a send that found no room. 0 or -errno. */
long dgram_await_room(int fd, int flags)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLOUT };
	struct timeval timeout = option_timeout(fd, SO_SNDTIMEO);
	struct timespec time = { timeout.tv_sec, timeout.tv_usec * 1000 };
	bool bounded = timeout.tv_sec != 0 || timeout.tv_usec != 0;
	int r;

	if (flags & MSG_DONTWAIT || sys2(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK)
		return -EAGAIN;
	r = REAL(ppoll)(&pollfd, 1, bounded ? &time : NULL, NULL);
	if (r < 0)
		return -errno;
	return r == 0 ? -EAGAIN : 0;
}

void outgoing_address(const struct dgram *dgram, struct msghdr *message)
{
	const struct peer *relay = assoc_relay(&dgram->assoc);
	bool tied = dgram_is_tied(dgram);

	message->msg_name = tied ? NULL : (void *)&relay->address;
	message->msg_namelen = tied ? 0 : relay->len;
}

/* --- datagrams in more than one call ---------------------------------------------------- */

/* More is to follow: by MSG_MORE, or UDP_CORK. */
static bool is_unfinished(const struct dgram *dgram, int flags)
{
	return flags & MSG_MORE || dgram->cork;
}

static bool is_corked(const struct dgram *dgram)
{
	return __atomic_load_n(&dgram->corked, __ATOMIC_ACQUIRE);
}

/* The rest of a datagram whose beginning the kernel has: the header is there. */
static long send_on(struct dgram *dgram, int fd, const struct msghdr *message,
		    const struct outgoing *out, int flags)
{
	struct msghdr rest = *message;
	long n;

	outgoing_address(dgram, &rest);
	n = real_send(fd, &rest, flags);
	/* An error drops all of it. */
	__atomic_store_n(&dgram->corked, n >= 0 && is_unfinished(dgram, flags),
			 __ATOMIC_RELEASE);
	return n < 0 ? n : n + (long)out->len;
}

/* --- one datagram -------------------------------------------------------------------------- */

/* One try. */
static long send_via(struct dgram *dgram, int fd, const struct msghdr *message,
		     const struct outgoing *out, int flags)
{
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_ROOM];
	size_t segment = segment_size(dgram, message);
	struct msghdr framed = *message;
	long n;
	int r;

	if (segment > 0 && is_unfinished(dgram, flags))
		return -EINVAL; /* a header for each could not be put in later */
	r = dgram_need_relay(dgram, fd, flags);
	if (r < 0)
		return r;
	if (r > 0) {
		r = dgram_queue(dgram, fd, message, out, segment,
				is_unfinished(dgram, flags));
		if (r <= 0)
			return r < 0 ? r :
				       (long)(outgoing_length(message) +
					      out->len);
	}
	if (is_corked(dgram)) /* by what was queued */
		return send_on(dgram, fd, message, out, flags);
	r = detour_datagram(fd, message, &assoc_relay(&dgram->assoc)->address.sa,
			    assoc_relay(&dgram->assoc)->len);
	if (r == 0 && message->msg_control != NULL)
		r = control_fit(dgram, &framed, control);
	if (r < 0)
		return r;
	outgoing_address(dgram, &framed);
	n = segment > 0 ? segment_send(dgram, fd, &framed, out, segment, flags) :
			  send_framed(fd, &framed, out, flags);
	if (n >= 0 && is_unfinished(dgram, flags))
		__atomic_store_n(&dgram->corked, true, __ATOMIC_RELEASE);
	return n;
}

/*
 * What the way to the relay has been said to be like meets the next send, whatever that is
 * for: it is tried again, with another association if that is what it takes. Who refuses each
 * time gets no datagram: like one that is lost.
 */
static long send_until_sent(struct dgram *dgram, int fd,
			    const struct msghdr *message,
			    const struct outgoing *out, int flags)
{
	enum { TRIES = 3 };
	long n = 0, told;

	for (int i = 0; i < TRIES; i++) {
		n = send_via(dgram, fd, message, out, flags);
		/* Without an association this is not the kernel's word; but for that one. */
		if (n >= 0 || (assoc_phase(&dgram->assoc) != ASSOC_READY &&
			       n != -EDESTADDRREQ))
			return n;
		told = dgram_told(dgram, fd, n);
		if (told < 0)
			return told;
	}
	return n == -ECONNREFUSED ? (long)(outgoing_length(message) + out->len) :
				    n;
}

static __attribute__((noinline)) long
send_either(struct dgram *dgram, int fd, const struct msghdr *message,
	    const struct outgoing *out, int flags)
{
	long n;

	if (is_corked(dgram))
		return send_on(dgram, fd, message, out, flags);
	if (__atomic_load_n(&dgram->primed, __ATOMIC_RELAXED))
		dgram_unprime(dgram, fd);
	n = send_until_sent(dgram, fd, message, out, flags);
	if (__atomic_load_n(&dgram->stdio, __ATOMIC_RELAXED))
		dgram_prime(fd);
	return n;
}

/* --- without anything in the way ------------------------------------------------------------ */

ALWAYS_INLINE bool may_be_plain(struct dgram *dgram, int fd, int flags)
{
	if (__atomic_load_n(&dgram->odd, __ATOMIC_RELAXED) ||
	    flags & MSG_MORE || assoc_phase(&dgram->assoc) != ASSOC_READY)
		return false;
	if (__builtin_expect(!assoc_use(&dgram->assoc), 0) &&
	    !assoc_is_alive(&dgram->assoc, true)) {
		dgram_lost(dgram);
		return false;
	}
	dgram_look_at_way(dgram, fd);
	return !dgram->assoc.here || detour_stays(fd);
}

bool outgoing_may_be_plain(struct dgram *dgram, int fd, int flags)
{
	return may_be_plain(dgram, fd, flags);
}

ALWAYS_INLINE long send_plain(const struct dgram *dgram, int fd,
		       const struct msghdr *message, const struct outgoing *out,
		       int flags)
{
	struct iovec vectors[DGRAM_VECTORS];
	struct msghdr framed = {
		.msg_iov = vectors,
		.msg_iovlen = outgoing_lay_out(out, message, vectors),
	};

	outgoing_address(dgram, &framed);
	return real_send(fd, &framed, flags);
}

/* --- all of it ------------------------------------------------------------------------------- */

/* Past the proxy. */
static ssize_t send_direct(struct dgram *dgram, int fd,
			   const struct msghdr *message, socklen_t named,
			   union route_address *address, int flags)
{
	struct msghdr plain = *message;
	long n;

	__atomic_store_n(&dgram->direct, true, __ATOMIC_RELAXED);
	if (named > 0)
		plain.msg_namelen = named;
	if (named == 0 &&
	    (message->msg_name == NULL ||
	     message->msg_namelen < sizeof(address->sa.sa_family))) {
		n = detour_message(fd, message);
	} else {
		plain.msg_name = address;
		n = detour_datagram(fd, message, &address->sa,
				    plain.msg_namelen);
		if (n == 0 && is_unfinished(dgram, flags))
			n = dgram_part_past(dgram);
	}
	return n < 0 ? n : real_send(fd, &plain, flags);
}

/* Header and all: as sendmsg, or -errno. */
ALWAYS_INLINE long send_outgoing(struct dgram *dgram, int fd, const struct msghdr *message,
			  const struct outgoing *out, int flags)
{
	long n;

	if (dgram_is_dns(out->header, out->len)) {
		n = dgram_ask(dgram, fd, message, out->header, out->len);
		return n < 0 ? n : n + (long)out->len;
	}
	if (message->msg_controllen == 0 && message->msg_iovlen < DGRAM_VECTORS &&
	    may_be_plain(dgram, fd, flags)) {
		n = send_plain(dgram, fd, message, out, flags);
		if (__builtin_expect(n >= 0, 1))
			return n;
		n = dgram_told(dgram, fd, n);
		if (n < 0)
			return n;
	}
	return send_either(dgram, fd, message, out, flags);
}

/*
 * To a name of which it is not decided how it is sent to. The association is asked for
 * meanwhile. 0: it is, and stands in out, or it is queued; or -errno.
 */
static long send_held(struct dgram *dgram, int fd, const struct msghdr *message,
		      union route_address *address, struct outgoing *out, int flags)
{
	size_t segment = segment_size(dgram, message);
	bool more = is_unfinished(dgram, flags);
	long r;

	if (segment > 0 && more)
		return -EINVAL;
	r = dgram_need_relay(dgram, fd, flags | MSG_DONTWAIT);
	if (r < 0)
		return r;
	dgram_name_await(dgram, fd, (int)out->source - 1, flags);
	do {
		r = outgoing_find(dgram, message, address, out);
		if (r < 0 || out->route != OUTGOING_HELD)
			return r;
		r = dgram_queue(dgram, fd, message, out, segment, more);
	} while (r > 0);
	/* Whoever sleeps on the socket already is to step what is asked. */
	if (r == 0 && !__libc_single_threaded)
		dgram_nudge(dgram, fd);
	return r;
}

/* What does not stand ready. True: *n is what became of it, without a header; false: it does now. */
static __attribute__((noinline)) bool
send_otherwise(struct dgram *dgram, int fd, const struct msghdr *message,
	       union route_address *address, struct outgoing *out, int flags,
	       long *n)
{
	if (out->route != OUTGOING_HELD) {
		*n = send_direct(dgram, fd, message, out->named, address,
				 flags);
		out->len = 0;
		return true;
	}
	*n = send_held(dgram, fd, message, address, out, flags);
	if (*n == 0 && out->route == ROUTE_VIA)
		return false;
	if (*n == 0)
		*n = (long)outgoing_length(message);
	out->len = 0;
	return true;
}

ssize_t dgram_send(struct dgram *dgram, int fd, const struct msghdr *message,
		   int flags)
{
	union route_address address;
	struct outgoing out;
	int saved_errno = errno;
	long n = find(dgram, message, &address, &out);

	if (n < 0)
		return n;
	if (__builtin_expect(out.route == ROUTE_VIA, 1) ||
	    !send_otherwise(dgram, fd, message, &address, &out, flags, &n))
		n = send_outgoing(dgram, fd, message, &out, flags);
	if (__builtin_expect(n >= (long)out.len, 1)) {
		errno = saved_errno;
		return n - (long)out.len;
	}
	/* An address was not judged for what has the number now. */
	if ((n == -ENOTSOCK || n == -EBADF || n == -EOPNOTSUPP) &&
	    dgram_stale(dgram, fd) && message->msg_name == NULL)
		return real_send(fd, message, flags);
	return n;
}


ssize_t dgram_send_vectors(struct dgram *dgram, int fd, const struct iovec *iov,
			   size_t n)
{
	struct msghdr message = { .msg_iov = (struct iovec *)iov,
				  .msg_iovlen = n };

	return dgram_send(dgram, fd, &message, 0);
}
