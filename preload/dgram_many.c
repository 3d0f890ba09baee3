/* SPDX-License-Identifier: MIT */
/*
 * dgram_many.c - sendmmsg and recvmmsg: one call of the kernel's for many datagrams
 *
 * The kernel's messages are made up in memory of the socket's, which one call at a time
 * has; another one, or a handler's, goes datagram by datagram. What is out of the ordinary
 * in a message (too many vectors, a long name, segments, another way) is sent by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "core/sys.h"
#include "preload/clock.h"
#include "preload/detour.h"
#include "preload/dgram_dns.h"
#include "preload/dgram_inner.h"
#include "preload/span.h"

enum { HEADER_MAX = 64 };

/* --- sending ------------------------------------------------------------------------- */

struct out_message {
	struct iovec vectors[DGRAM_VECTORS];
	size_t len; /* of the header */
	uint8_t header[HEADER_MAX];
};

struct out_batch {
	struct mmsghdr kernel[BATCH_MESSAGES];
	struct out_message messages[BATCH_MESSAGES];
};

_Static_assert(sizeof(struct out_batch) <= BATCH_SIZE, "it fits");

/* Makes up one message; false: it has to be sent by itself. */
static bool out_make(struct dgram *dgram, int fd, const struct msghdr *message,
		     struct mmsghdr *kernel, struct out_message *to)
{
	union route_address address;
	struct outgoing out;

	if (message->msg_iovlen >= DGRAM_VECTORS ||
	    outgoing_find(dgram, message, &address, &out) < 0 ||
	    out.route != ROUTE_VIA || out.len > HEADER_MAX ||
	    dgram_is_dns(out.header, out.len) ||
	    segment_size(dgram, message) > 0 ||
	    control_misfits(dgram, message) ||
	    detour_datagram(fd, message, &assoc_relay(&dgram->assoc)->address.sa,
			    assoc_relay(&dgram->assoc)->len) < 0)
		return false;
	to->len = out.len;
	memcpy(to->header, out.header, out.len);
	to->vectors[0] = (struct iovec){ to->header, out.len };
	memcpy(&to->vectors[1], message->msg_iov,
	       message->msg_iovlen * sizeof(to->vectors[0]));
	kernel->msg_hdr = *message;
	kernel->msg_hdr.msg_iov = to->vectors;
	kernel->msg_hdr.msg_iovlen = message->msg_iovlen + 1;
	outgoing_address(dgram, &kernel->msg_hdr);
	return true;
}

/* As many as go in one call; 0: the first one has to be sent by itself. */
static unsigned int send_batch(struct dgram *dgram, int fd,
			       struct mmsghdr *messages, unsigned int n, int flags)
{
	struct out_batch *batch;
	unsigned int made;
	long sent = 0;

	if (n < 2 || flags & MSG_MORE || dgram->cork || dgram->corked ||
	    __atomic_load_n(&dgram->stdio, __ATOMIC_RELAXED) ||
	    assoc_phase(&dgram->assoc) != ASSOC_READY ||
	    !assoc_is_alive(&dgram->assoc, false))
		return 0;
	batch = batch_claim(dgram);
	if (batch == NULL)
		return 0;
	for (made = 0; made < n && made < BATCH_MESSAGES; made++)
		if (!out_make(dgram, fd, &messages[made].msg_hdr,
			      &batch->kernel[made], &batch->messages[made]))
			break;
	if (made > 0)
		sent = sys4(SYS_sendmmsg, fd, batch->kernel, made, flags);
	for (long i = 0; i < sent; i++)
		messages[i].msg_len = batch->kernel[i].msg_len -
				      (unsigned int)batch->messages[i].len;
	batch_free(dgram);
	return sent > 0 ? (unsigned int)sent : 0;
}

int dgram_send_many(struct dgram *dgram, int fd, struct mmsghdr *messages,
		    unsigned int n, int flags)
{
	unsigned int sent = 0;

	pthread_testcancel();
	while (sent < n) {
		unsigned int more = send_batch(dgram, fd, messages + sent,
					       n - sent, flags);
		ssize_t r;

		sent += more;
		if (more > 0)
			continue;
		r = dgram_send(dgram, fd, &messages[sent].msg_hdr, flags);
		if (r < 0)
			return sent > 0 ? (int)sent : (int)r;
		messages[sent++].msg_len = (unsigned int)r;
	}
	return (int)sent;
}

/* --- receiving ----------------------------------------------------------------------- */

struct in_batch {
	struct mmsghdr kernel[BATCH_MESSAGES];
	struct incoming messages[BATCH_MESSAGES];
};

_Static_assert(sizeof(struct in_batch) <= BATCH_SIZE, "it fits");

static bool in_make(const struct dgram *dgram, const struct msghdr *message, struct mmsghdr *kernel,
		    struct incoming *in)
{
	if (message->msg_iovlen > DGRAM_VECTORS)
		return false;
	incoming_lay_out(dgram, in, message);
	kernel->msg_hdr = (struct msghdr){
		.msg_name = &in->from.address,
		.msg_namelen = sizeof(in->from.address),
		.msg_iov = in->vectors,
		.msg_iovlen = in->count,
		.msg_control = message->msg_control,
		.msg_controllen = message->msg_controllen,
	};
	return true;
}

/*
 * The one at index came for the message before, some of which were dropped: its data is in
 * the vectors of its own message, and is copied.
 */
static void in_move(const struct msghdr *to, const struct msghdr *from, size_t n)
{
	size_t i = 0, k = 0, at_to = 0, at_from = 0;

	while (n > 0 && i < to->msg_iovlen && k < from->msg_iovlen) {
		size_t piece = to->msg_iov[i].iov_len - at_to;
		size_t there = from->msg_iov[k].iov_len - at_from;

		piece = piece < there ? piece : there;
		piece = piece < n ? piece : n;
		memcpy((uint8_t *)to->msg_iov[i].iov_base + at_to,
		       (uint8_t *)from->msg_iov[k].iov_base + at_from, piece);
		at_to += piece;
		at_from += piece;
		n -= piece;
		if (at_to == to->msg_iov[i].iov_len)
			i++, at_to = 0;
		if (at_from == from->msg_iov[k].iov_len)
			k++, at_from = 0;
	}
}

/* Gives what the kernel has filled in for messages[i] to messages[place]. */
static void in_give(struct in_batch *batch, struct mmsghdr *messages,
		    unsigned int i, unsigned int place, int flags)
{
	struct mmsghdr *kernel = &batch->kernel[i];
	struct msghdr *own = &messages[i].msg_hdr, *to = &messages[place].msg_hdr;
	ssize_t n = incoming_give(&batch->messages[i], own, &kernel->msg_hdr,
				  flags);

	messages[place].msg_len = (unsigned int)n;
	if (i == place)
		return;
	in_move(to, own, (size_t)n);
	if (to->msg_name != NULL)
		memcpy(to->msg_name, own->msg_name, own->msg_namelen);
	to->msg_namelen = own->msg_namelen;
	if (to->msg_control != NULL && own->msg_control != NULL)
		memcpy(to->msg_control, own->msg_control, own->msg_controllen);
	to->msg_controllen = own->msg_controllen;
	to->msg_flags = own->msg_flags;
}

/* What is there by now: a count, or -errno; 0: all that was there has been dropped. */
static long receive_batch(struct dgram *dgram, int fd, struct mmsghdr *messages,
			  unsigned int n, int flags)
{
	struct in_batch *batch = batch_claim(dgram);
	unsigned int made, kept = 0;
	long got = -ENOBUFS;

	if (batch == NULL)
		return got;
	for (made = 0; made < n && made < BATCH_MESSAGES; made++)
		if (!in_make(dgram, &messages[made].msg_hdr, &batch->kernel[made],
			     &batch->messages[made]))
			break;
	if (made > 0)
		got = sys5(SYS_recvmmsg, fd, batch->kernel, made,
			   (flags & ~MSG_WAITFORONE) | MSG_DONTWAIT | MSG_TRUNC,
			   NULL);
	for (unsigned int i = 0; (long)i < got; i++) {
		struct incoming *in = &batch->messages[i];

		in->n = batch->kernel[i].msg_len;
		in->from.len = batch->kernel[i].msg_hdr.msg_namelen;
		if (incoming_accept(dgram, in))
			in_give(batch, messages, i, kept++, flags);
	}
	batch_free(dgram);
	return got < 0 ? got : (long)kept;
}

/* Only for what is plain: the rest goes one by one. */
static bool may_batch(const struct dgram *dgram, int flags)
{
	return !(flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB)) &&
	       dgram_connected(dgram) != DGRAM_DIRECT &&
	       assoc_phase(&dgram->assoc) == ASSOC_READY;
}

static int receive_until(struct dgram *dgram, int fd, struct mmsghdr *messages,
			 unsigned int n, int flags, const struct span *span)
{
	unsigned int got = 0;

	while (got < n && !(got > 0 && span_over(span))) {
		long more = 0;
		ssize_t r;

		if (may_batch(dgram, flags))
			more = receive_batch(dgram, fd, messages + got, n - got,
					     flags);
		if (more > 0) {
			got += (unsigned int)more;
			continue;
		}
		if (got > 0 && flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		r = dgram_receive(dgram, fd, &messages[got].msg_hdr,
				  flags & ~MSG_WAITFORONE);
		if (r < 0)
			return got > 0 ? (int)got : (int)r;
		messages[got++].msg_len = (unsigned int)r;
	}
	return (int)got;
}

/*
 * recvmmsg(2) looks at the timeout after each datagram only, and then says in it what is left;
 * so does this.
 */
int dgram_receive_many(struct dgram *dgram, int fd, struct mmsghdr *messages,
		       unsigned int n, int flags, struct timespec *timeout)
{
	struct span span = span_of(timeout);
	bool bounded = timeout != NULL && span.end_ns != INT64_MAX;
	int64_t left;
	int got;

	pthread_testcancel();
	if (!span_valid(timeout))
		return -EINVAL;
	if (bounded)
		span.end_ns = clock_now_ns() + timeout->tv_sec * NS_PER_S +
			      timeout->tv_nsec;
	got = receive_until(dgram, fd, messages, n, flags, &span);
	if (got > 0 && bounded) {
		left = span.end_ns - clock_now_ns();
		timeout->tv_sec = left > 0 ? left / NS_PER_S : 0;
		timeout->tv_nsec = left > 0 ? left % NS_PER_S : 0;
	}
	return got;
}
