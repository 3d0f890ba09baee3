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

#include "core/row.h"
#include "core/sys.h"
#include "core/token.h"
#include "preload/clock.h"
#include "preload/detour.h"
#include "preload/dgram_inner.h"
#include "preload/span.h"

/* --- sending ------------------------------------------------------------------------- */

struct out_message {
	struct iovec vectors[DGRAM_VECTORS];
	struct outgoing out;
};

struct out_batch {
	struct mmsghdr kernel[BATCH_MESSAGES];
	struct out_message messages[BATCH_MESSAGES];
};

_Static_assert(sizeof(struct out_batch) <= BATCH_SIZE, "it fits");

/* As it is, that is. */
static bool out_control_fits(const struct dgram *dgram, int fd,
			     const struct msghdr *message)
{
	const struct peer *relay = assoc_relay(&dgram->assoc);

	return message->msg_controllen == 0 ||
	       (segment_size(dgram, message) == 0 &&
		!control_misfits(dgram, message) &&
		detour_datagram(fd, message, &relay->address.sa, relay->len) == 0);
}

/* Makes up one message; false: it has to be sent by itself. */
static bool out_make(struct dgram *dgram, int fd, const struct msghdr *message,
		     struct mmsghdr *kernel, struct out_message *to)
{
	union route_address address;

	if (dgram_unsendable(message) < 0 ||
	    message->msg_iovlen >= DGRAM_VECTORS ||
	    outgoing_find(dgram, message, &address, &to->out) < 0 ||
	    !outgoing_is_relays(&to->out) || !out_control_fits(dgram, fd, message))
		return false;
	kernel->msg_hdr = (struct msghdr){
		.msg_iov = to->vectors,
		.msg_iovlen = outgoing_lay_out(&to->out, message, to->vectors),
		.msg_control = message->msg_control,
		.msg_controllen = message->msg_controllen,
	};
	outgoing_address(dgram, &kernel->msg_hdr);
	return true;
}

/* As many as go in one call; 0: the first one has to be sent by itself. */
static unsigned int send_batch(struct dgram *dgram, int fd,
			       struct mmsghdr *messages, unsigned int n, int flags)
{
	struct out_batch *batch;
	unsigned int made;
	sigset_t signals;
	long sent = 0;

	if (n < 2 || !outgoing_may_be_plain(dgram, fd, flags))
		return 0;
	batch = batch_claim(dgram, &signals);
	if (batch == NULL)
		return 0;
	for (made = 0; made < n && made < BATCH_MESSAGES; made++)
		if (!out_make(dgram, fd, &messages[made].msg_hdr,
			      &batch->kernel[made], &batch->messages[made]))
			break;
	if (made > 0)
		sent = token_sendmmsg(fd, batch->kernel, made,
			    flags | MSG_DONTWAIT);
	for (long i = 0; i < sent; i++)
		messages[i].msg_len = batch->kernel[i].msg_len -
				      (unsigned int)batch->messages[i].out.len;
	batch_free(dgram, &signals);
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
		r = dgram_unsendable(&messages[sent].msg_hdr);
		if (r == 0)
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

/*
 * What was received for one may be given to another one before it, so all of a batch have the
 * same room: nothing is cut for the wrong one.
 */
static bool has_room_of(const struct msghdr *message,
			const struct msghdr *first)
{
	return message->msg_controllen == first->msg_controllen &&
	       outgoing_length(message) == outgoing_length(first);
}

static bool in_make(const struct dgram *dgram, const struct msghdr *message,
		    const struct msghdr *first, struct mmsghdr *kernel,
		    struct incoming *in)
{
	if (dgram_unreadable(message) < 0 ||
	    message->msg_iovlen > DGRAM_VECTORS || !has_room_of(message, first))
		return false;
	incoming_lay_out(dgram, in, message);
	incoming_message(in, message, &kernel->msg_hdr);
	return true;
}

/* As the kernel cuts it. */
static void move_control(struct msghdr *to, const struct msghdr *from)
{
	size_t len = from->msg_controllen;

	if (len > to->msg_controllen) {
		len = to->msg_controllen;
		to->msg_flags |= MSG_CTRUNC;
	}
	if (len > 0)
		memcpy(to->msg_control, from->msg_control, len);
	to->msg_controllen = len;
}

/*
 * Gives what the kernel has filled in for messages[i] to messages[place]: where some before it
 * were dropped its data is in the vectors of its own message, and is copied. Its length, or
 * -EFAULT.
 */
static ssize_t in_give(struct in_batch *batch, struct mmsghdr *messages,
		       unsigned int i, unsigned int place, int flags)
{
	struct incoming *in = &batch->messages[i];
	struct msghdr own = messages[i].msg_hdr, *to = &messages[place].msg_hdr;
	const struct msghdr *got = &batch->kernel[i].msg_hdr;
	struct row target = { to->msg_iov, to->msg_iovlen };
	struct row source = { own.msg_iov, own.msg_iovlen };
	ssize_t n;

	if (i == place) {
		n = incoming_give(in, to, got, flags);
	} else {
		own.msg_name = NULL; /* of which to may have more room */
		n = incoming_give(in, &own, got, flags);
		row_copy(&target, &source, (size_t)n);
		to->msg_flags = own.msg_flags;
		move_control(to, &own);
		if (incoming_name(in, to) < 0)
			n = -EFAULT;
	}
	if (n >= 0)
		messages[place].msg_len = (unsigned int)n;
	return n;
}

/* Of the first got messages of the kernel's. How many are the program's, or -EFAULT. */
static long in_give_all(struct dgram *dgram, struct in_batch *batch,
			struct mmsghdr *messages, long got, int flags)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; (long)i < got; i++) {
		struct incoming *in = &batch->messages[i];
		ssize_t n;

		if (incoming_judge(dgram, in, &batch->kernel[i].msg_hdr,
				   batch->kernel[i].msg_len) != INCOMING_GIVEN)
			continue;
		n = in_give(batch, messages, i, kept, flags);
		if (n < 0)
			return kept > 0 ? (long)kept : n;
		kept++;
	}
	return (long)kept;
}

/*
 * What is there by now: a count, or -errno; 0: all that was there has been dropped. *more: there
 * may be others still.
 */
static long receive_batch(struct dgram *dgram, int fd, struct mmsghdr *messages,
			  unsigned int n, int flags, bool *more)
{
	sigset_t signals;
	struct in_batch *batch = batch_claim(dgram, &signals);
	unsigned int made;
	long got = -ENOBUFS;

	if (batch == NULL)
		return got;
	for (made = 0; made < n && made < BATCH_MESSAGES; made++)
		if (!in_make(dgram, &messages[made].msg_hdr,
			     &messages[0].msg_hdr, &batch->kernel[made],
			     &batch->messages[made]))
			break;
	if (made > 0)
		got = sys5(SYS_recvmmsg, fd, batch->kernel, made,
			   (flags & ~MSG_WAITFORONE) | MSG_DONTWAIT | MSG_TRUNC,
			   NULL);
	*more = got == (long)made;
	if (got > 0)
		got = in_give_all(dgram, batch, messages, got, flags);
	batch_free(dgram, &signals);
	return got;
}

/* Only for what is plain: the rest goes one by one. */
static bool may_batch(const struct dgram *dgram, int flags)
{
	return !(flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB)) &&
	       !incoming_in_fragments() &&
	       dgram_connected(dgram) != DGRAM_DIRECT &&
	       assoc_phase(&dgram->assoc) == ASSOC_READY;
}

static int receive_until(struct dgram *dgram, int fd, struct mmsghdr *messages,
			 unsigned int n, int flags, const struct span *span)
{
	unsigned int got = 0;

	while (got < n && !(got > 0 && span_over(span))) {
		bool more = true;
		ssize_t r = 0;

		if (may_batch(dgram, flags))
			r = receive_batch(dgram, fd, messages + got, n - got,
					  flags, &more);
		if (r > 0) {
			got += (unsigned int)r;
			if (!more && flags & (MSG_WAITFORONE | MSG_DONTWAIT))
				break;
			continue;
		}
		if (got > 0 && flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		r = dgram_unreadable(&messages[got].msg_hdr);
		if (r == 0)
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
