/* SPDX-License-Identifier: MIT */
/*
 * dgram_incoming.c - one datagram from the proxy's relay: whose it is, and without its header
 *
 * The kernel is given three vectors: room for the header, as long as the latest one was, the
 * program's own, and a spill. So the data is in its place at once; behind a header of another
 * length it is moved there, and what the program's vectors had no room for before comes out
 * of the spill. How long the datagram is the kernel tells by MSG_TRUNC.
 *
 * Most datagrams have the header of one before them: it is compared, byte for byte, and nothing
 * is read from it. That of the peer of a connected socket stands ready anyway; of other senders
 * a few are remembered (dgram_known), until sources.c might say something else of them.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "core/row.h"
#include "core/sys.h"
#include "core/token.h"
#include "preload/clock.h"
#include "preload/dgram_dns.h"
#include "preload/dgram_inner.h"
#include "preload/memory.h"

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static struct row row_of(const struct incoming *in)
{
	return (struct row){ in->vectors, in->count };
}

/* Mostly of ten bytes: two comparisons, which compilers make one call of, unless told. */
static inline bool same_header(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint64_t a8, b8;
	uint16_t a2, b2;

	if (len != SOCKS5_UDP_HEADER_IPV4)
		return memcmp(a, b, len) == 0;
	memcpy(&a8, a, sizeof(a8));
	memcpy(&b8, b, sizeof(b8));
	memcpy(&a2, a + sizeof(a8), sizeof(a2));
	memcpy(&b2, b + sizeof(b8), sizeof(b2));
	return a8 == b8 && a2 == b2;
}

_Static_assert(SOCKS5_UDP_HEADER_IPV4 == sizeof(uint64_t) + sizeof(uint16_t),
	       "as it is compared");

/* --- whose it is ------------------------------------------------------------------------ */

ALWAYS_INLINE bool same_address(const struct peer *a, const struct peer *b)
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

/* Also of a connected socket: what came before it was, the kernel has kept. */
static inline bool is_relays(const struct dgram *dgram, const struct incoming *in)
{
	const struct peer *relay = assoc_relay(&dgram->assoc);

	return relay->len > 0 && same_address(&in->from, relay);
}

/* Another process that has the socket, too, may have connected it to a relay of its own. */
static bool is_other_relays(struct dgram *dgram, const struct incoming *in)
{
	struct peer peer = { .len = sizeof(peer.address) };
	int fd;

	if (dgram_connected(dgram) != DGRAM_VIA ||
	    assoc_relay(&dgram->assoc)->len == 0)
		return false;
	fd = dgram_shown_by(dgram);
	return fd >= 0 &&
	       token_getpeername(fd, &peer.address, &peer.len) == 0 &&
	       same_address(&in->from, &peer);
}

bool incoming_is_relays(const struct dgram *dgram, const struct incoming *in)
{
	return is_relays(dgram, in);
}

/* What the socket has sent to itself, dgram_dns.c. */
static inline bool is_self(const struct dgram *dgram, const struct incoming *in)
{
	struct peer self = dgram_self(dgram);

	return self.len > 0 && same_address(&in->from, &self);
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
	struct dgram_target target = dgram_target(dgram);

	*shown = target.peer;
	if (in->head == target.len &&
	    memcmp(head + 3, target.header + 3, in->head - 3) == 0)
		return true;
	return target.source > 0 &&
	       sources_is_answer(&dgram->sources, target.source - 1, source);
}

/* --- fragments ------------------------------------------------------------------------ */

uint32_t incoming_fragments;

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
	struct row row = row_of(in);

	row_write(&row, in->lead, f->bytes, f->len);
	in->n = in->lead + f->len;
	in->head = in->lead;
}

/* Dropped: it is not whole yet, or never will be. */
static enum verdict put_together(struct dgram *dgram, struct incoming *in,
				 size_t head, uint8_t frag,
				 const struct endpoint *source)
{
	struct fragments *f = fragments_made(dgram);
	struct row row = row_of(in);
	size_t len = in->n - head;
	uint8_t *place;

	if (f == NULL)
		return INCOMING_DROPPED;
	place = fragments_place(f, frag, source, len, clock_now_ns());
	if (place == NULL) {
		dgram_dropped(dgram, "a fragment that is out of turn");
		return INCOMING_DROPPED;
	}
	row_read(&row, head, place, len);
	if (!f->whole)
		return INCOMING_DROPPED;
	put_whole(in, f);
	__atomic_store_n(&dgram->whole, in->peek, __ATOMIC_RELEASE);
	return INCOMING_GIVEN;
}

static bool is_cut(const struct incoming *in)
{
	return in->n > in->lead + in->room + sizeof(in->spill);
}

static enum verdict fragment_came(struct dgram *dgram, struct incoming *in,
				  size_t head, uint8_t frag,
				  const struct endpoint *source)
{
	enum verdict verdict = INCOMING_CUT;
	sigset_t signals;

	__atomic_store_n(&incoming_fragments, 1, __ATOMIC_RELAXED);
	if (is_cut(in) && in->peek)
		return INCOMING_CUT;
	dgram_lock(dgram, &signals);
	if (!is_cut(in))
		verdict = put_together(dgram, in, head, frag, source);
	else if (dgram->fragments != NULL)
		fragments_reset(dgram->fragments);
	dgram_unlock(dgram, &signals);
	return verdict;
}

static void show_source(struct dgram *dgram, struct incoming *in,
			const struct endpoint *source)
{
	if (dgram_connected(dgram) == DGRAM_VIA)
		in->shown = dgram_peer(dgram);
	else
		sources_show(&dgram->sources, dgram->family, source, &in->shown);
}

bool incoming_take_whole(struct dgram *dgram, struct incoming *in)
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

/* words are of a slot's header, or a target's, which may be longer: that is read. */
ALWAYS_INLINE bool has_header(const uint8_t *words, const uint8_t *bytes,
			      size_t len)
{
	uint8_t header[DGRAM_SLOT_HEADER];

	if (__builtin_expect(len == SOCKS5_UDP_HEADER_IPV4, 1)) {
		pair_copy(header, words, 2 * sizeof(pair_word));
		return same_header(bytes, header, SOCKS5_UDP_HEADER_IPV4);
	}
	if (len > DGRAM_SLOT_HEADER)
		return false;
	pair_copy(header, words, DGRAM_SLOT_HEADER);
	return memcmp(bytes, header, len) == 0;
}

/* --- senders whose header was read lately ------------------------------------------------ */

/* By port and the end of the address, which are the end of every header. */
static inline struct dgram_slot *sender_slot(struct dgram *dgram,
					     const struct incoming *in)
{
	uint32_t hash;

	memcpy(&hash, in->first + in->lead - sizeof(hash), sizeof(hash));
	hash ^= hash >> 16;
	return &dgram->senders[(hash ^ hash >> 8) % DGRAM_SENDERS];
}

ALWAYS_INLINE bool sender_known(struct dgram *dgram, struct incoming *in)
{
	struct dgram_slot *slot = sender_slot(dgram, in);
	struct dgram_known known;
	uint32_t seq;

	if (!dgram_slot_begin(slot, &seq))
		return false;
	pair_copy(&known, &slot->known, sizeof(pair_word));
	if (known.len != in->lead || known.turn != sources_turn() ||
	    !has_header(slot->known.header, in->first, in->lead))
		return false;
	pair_copy(&in->shown, &slot->known.peer, sizeof(in->shown));
	if (known.source > 0)
		sources_answered(&dgram->sources, known.source - 1);
	return dgram_slot_is(slot, seq);
}

/*
 * turn is from before sources.c was asked. What an IPv4 socket is shown of an IPv6 source is
 * whatever name was sent to last: that is not remembered.
 */
static void sender_keep(struct dgram *dgram, const struct incoming *in,
			const struct endpoint *source, uint32_t turn)
{
	struct dgram_known known = { .turn = turn,
				     .len = (uint8_t)in->lead,
				     .peer = in->shown };
	int name;

	if (in->head != in->lead || in->lead > sizeof(known.header) ||
	    (source->kind == ENDPOINT_IPV6 && dgram->family == AF_INET) ||
	    !sources_may_remember(&dgram->sources, source, &name))
		return;
	known.source = (uint16_t)(name + 1);
	memcpy(known.header, in->first, in->lead);
	dgram_slot_write(sender_slot(dgram, in), &known);
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

/* One that answers for the peer's name. */
static __attribute__((noinline)) bool is_peers_known(struct dgram *dgram,
						     struct incoming *in)
{
	struct dgram_target target = dgram_target(dgram);

	return target.source > 0 && sender_known(dgram, in) &&
	       same_address(&in->shown, &target.peer);
}

/* The header that the connected sends with, or one that was read lately. */
ALWAYS_INLINE bool is_as_before(struct dgram *dgram, struct incoming *in)
{
	const struct dgram_target *target;
	struct dgram_brief brief;
	uint32_t begun;

	if (in->n < in->lead)
		return false;
	in->head = in->lead;
	if (!dgram_has_target(dgram))
		return sender_known(dgram, in);
	begun = pair_begin(&dgram->turn);
	target = &dgram->targets[begun & 1];
	pair_copy(&brief, target, sizeof(brief));
	if (brief.len != in->lead ||
	    !has_header(target->header, in->first, in->lead))
		return is_peers_known(dgram, in);
	pair_copy(&in->shown, &target->peer, sizeof(in->shown));
	return pair_is_whole(&dgram->turn, begun);
}

static enum verdict read_header(struct dgram *dgram, struct incoming *in)
{
	uint8_t head[SOCKS5_UDP_HEADER_MAX];
	const uint8_t *bytes = in->first;
	struct row row = row_of(in);
	uint32_t turn = sources_turn();
	struct endpoint source;
	uint8_t frag;
	int r;

	r = socks5_get_udp_header(bytes, least(in->n, in->lead), &frag, &source);
	if (r < 0 && in->n > in->lead) {
		bytes = head;
		r = socks5_get_udp_header(
			head, row_read(&row, 0, head, least(in->n, sizeof(head))),
			&frag, &source);
	}
	if (r < 0) {
		dgram_dropped(dgram, "a malformed header from the relay");
		return INCOMING_DROPPED;
	}
	in->head = (size_t)r;
	if (r >= SOCKS5_UDP_HEADER_IPV4)
		__atomic_store_n(&dgram->lead, (uint32_t)r, __ATOMIC_RELAXED);
	if (!is_expected(dgram, in, bytes, &source))
		return INCOMING_DROPPED;
	if (frag != 0)
		return fragment_came(dgram, in, (size_t)r, frag, &source);
	sender_keep(dgram, in, &source, turn);
	return INCOMING_GIVEN;
}

static enum verdict unwrap(struct dgram *dgram, struct incoming *in)
{
	return is_as_before(dgram, in) ? INCOMING_GIVEN : read_header(dgram, in);
}

/*
 * What the socket has sent to itself: the answer of a name server, or what the program itself
 * meant for it.
 */
static enum verdict unwrap_own(struct dgram *dgram, struct incoming *in)
{
	static const uint8_t zeros[3]; /* RSV, and no fragment */

	if (dgram_is_nudge(in->first, in->n))
		return INCOMING_DROPPED;
	if (in->n >= sizeof(zeros) && memcmp(in->first, zeros, sizeof(zeros)) == 0)
		return unwrap(dgram, in);
	in->shown = in->from;
	return dgram_connected(dgram) == DGRAM_NONE ? INCOMING_GIVEN :
						      INCOMING_DROPPED;
}

/* Not of the relay's. */
static enum verdict judge_other(struct dgram *dgram, struct incoming *in)
{
	in->shown = in->from;
	in->head = 0;
	if (dgram_connected(dgram) == DGRAM_NONE &&
	    (assoc_relay(&dgram->assoc)->len == 0 || is_direct(in)))
		return INCOMING_GIVEN;
	dgram_dropped(dgram, "from another than the proxy's relay");
	return INCOMING_DROPPED;
}

/* Of a peer past the proxy, to which the kernel's socket is not connected. */
static enum verdict judge_apart(struct dgram *dgram, struct incoming *in)
{
	struct peer peer;

	in->shown = in->from;
	peer = dgram_peer(dgram);
	if (same_address(&in->from, &peer))
		return INCOMING_GIVEN;
	if (!is_self(dgram, in))
		dgram_dropped(dgram, "from another than the peer");
	return INCOMING_DROPPED;
}

/* The kernel has let nobody else's through. */
static inline bool is_surely_own(const struct dgram *dgram)
{
	return dgram_connected(dgram) == DGRAM_DNS && !dgram_is_loose(dgram);
}

static enum verdict judge(struct dgram *dgram, struct incoming *in)
{
	in->head = 0;
	if (dgram_connected(dgram) == DGRAM_APART)
		return judge_apart(dgram, in);
	if (is_surely_own(dgram) || is_self(dgram, in))
		return unwrap_own(dgram, in);
	if (!is_relays(dgram, in) && !is_other_relays(dgram, in))
		return judge_other(dgram, in);
	assoc_answered(&dgram->assoc);
	return unwrap(dgram, in);
}

/* Most of them: the kernel, or a look at the sender, has told whose it is. */
ALWAYS_INLINE bool is_usual(struct dgram *dgram, struct incoming *in)
{
	if (__atomic_load_n(&dgram->mixed, __ATOMIC_RELAXED) ||
	    !is_relays(dgram, in) || !is_as_before(dgram, in))
		return false;
	assoc_answered(&dgram->assoc);
	return true;
}

enum verdict incoming_judge(struct dgram *dgram, struct incoming *in,
			    const struct msghdr *got, size_t n)
{
	in->n = n;
	in->from.len = got->msg_namelen;
	return __builtin_expect(is_usual(dgram, in), 1) ? INCOMING_GIVEN :
							  judge(dgram, in);
}

/* --- around the program's vectors -------------------------------------------------------- */

ALWAYS_INLINE void lay_out(const struct dgram *dgram, struct incoming *in,
			   const struct msghdr *message)
{
	size_t n = message->msg_iovlen;

	in->lead = __atomic_load_n(&dgram->lead, __ATOMIC_RELAXED);
	in->peek = false;
	in->vectors[0] = (struct iovec){ in->first, in->lead };
	if (__builtin_expect(n == 1, 1)) {
		in->vectors[1] = message->msg_iov[0];
		in->room = message->msg_iov[0].iov_len;
	} else {
		in->room = 0;
		for (size_t i = 0; i < n; i++) {
			in->vectors[i + 1] = message->msg_iov[i];
			in->room += message->msg_iov[i].iov_len;
		}
	}
	/* Where everything has room nothing is spilt. */
	in->count = n + 1;
	if (in->room < INCOMING_ROOM)
		in->vectors[in->count++] =
			(struct iovec){ in->spill, sizeof(in->spill) };
}

void incoming_lay_out(const struct dgram *dgram, struct incoming *in,
		      const struct msghdr *message)
{
	lay_out(dgram, in, message);
}

/*
 * The data to where the program wants it. What a longer header has pushed behind it is cleared,
 * for a program may count on zeros there.
 */
static __attribute__((noinline)) void put_in_place(struct incoming *in, size_t len)
{
	struct row row = row_of(in);
	size_t end = least(in->n, in->lead + in->room);

	row_move(&row, in->lead, in->head, len);
	if (in->lead + len < end)
		row_clear(&row, in->lead + len, end - in->lead - len);
}

int incoming_name(const struct incoming *in, struct msghdr *message)
{
	size_t len = least(message->msg_namelen, in->shown.len);

	if (message->msg_name == NULL)
		return 0;
	if (!memory_there(message->msg_name, len))
		return -EFAULT;
	if (len == sizeof(in->shown.address.in))
		memcpy(message->msg_name, &in->shown.address,
		       sizeof(in->shown.address.in));
	else
		memcpy(message->msg_name, &in->shown.address, len);
	message->msg_namelen = in->shown.len;
	return 0;
}

ALWAYS_INLINE ssize_t give(struct incoming *in, struct msghdr *message,
			   const struct msghdr *got, int flags)
{
	size_t len = in->n - in->head;
	size_t fits = least(len, in->room);
	int r = 0;

	if (in->head != in->lead)
		put_in_place(in, fits);
	if (message->msg_name != NULL)
		r = incoming_name(in, message);
	message->msg_controllen = got->msg_controllen;
	message->msg_flags = got->msg_flags & ~MSG_TRUNC;
	if (len > fits)
		message->msg_flags |= MSG_TRUNC;
	if (r < 0)
		return r;
	return (ssize_t)(flags & MSG_TRUNC ? len : fits);
}

ssize_t incoming_give(struct incoming *in, struct msghdr *message,
		      const struct msghdr *got, int flags)
{
	return give(in, message, got, flags);
}

/* --- one try -------------------------------------------------------------------------------- */

ssize_t incoming_end(struct msghdr *message, const struct msghdr *got)
{
	message->msg_namelen = 0;
	message->msg_controllen = got->msg_controllen;
	message->msg_flags = got->msg_flags;
	return 0;
}

void incoming_take_away(int fd, int flags)
{
	char byte;

	if (flags & MSG_PEEK)
		sys6(SYS_recvfrom, fd, &byte, 1, MSG_DONTWAIT, NULL, NULL);
}

/* Whatever is not for the program at once. */
static __attribute__((noinline)) ssize_t
take_unusual(struct dgram *dgram, int fd, struct incoming *in,
	     struct msghdr *message, const struct msghdr *got, int flags)
{
	enum verdict verdict;

	if (incoming_is_end((long)in->n, got))
		return incoming_end(message, got);
	verdict = judge(dgram, in);
	if (verdict == INCOMING_GIVEN)
		return give(in, message, got, flags);
	if (verdict == INCOMING_CUT && in->peek)
		return INCOMING_LEFT;
	incoming_take_away(fd, flags);
	return INCOMING_NOTHING;
}

/* One call of the kernel's, and what it comes to. */
ALWAYS_INLINE ssize_t take(struct dgram *dgram, int fd, struct msghdr *message,
			   int flags)
{
	int *error = &errno;
	int saved_errno = *error;
	struct incoming in;
	struct msghdr got;
	ssize_t n;

	lay_out(dgram, &in, message);
	in.peek = flags & MSG_PEEK;
	incoming_message(&in, message, &got);
	n = REAL(recvmsg)(fd, &got, flags | MSG_TRUNC);
	if (__builtin_expect(n < 0, 0)) {
		n = -*error;
		*error = saved_errno;
		return n;
	}
	in.n = (size_t)n;
	in.from.len = got.msg_namelen;
	return __builtin_expect(is_usual(dgram, &in), 1) ?
		       give(&in, message, &got, flags) :
		       take_unusual(dgram, fd, &in, message, &got, flags);
}

ssize_t incoming_take(struct dgram *dgram, int fd, struct msghdr *message,
		      int flags)
{
	return take(dgram, fd, message, flags);
}

ssize_t incoming_receive(struct dgram *dgram, int fd, struct msghdr *message,
			 int flags)
{
	ssize_t n = take(dgram, fd, message, flags);

	return __builtin_expect(n >= 0, 1) ?
		       n :
		       incoming_none(dgram, fd, message, flags, n);
}
