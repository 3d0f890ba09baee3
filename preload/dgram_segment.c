/* SPDX-License-Identifier: MIT */
/*
 * dgram_segment.c - UDP_SEGMENT: one call, many datagrams, each with a header
 *
 * The kernel cuts what it is given into pieces of one size. So it is given header, segment,
 * header, segment and so on, and the size of both together: the fast way stays fast. The
 * option of the socket, which knows of no header, is overruled by the message's own.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/mman.h>

#include "core/segments.h"
#include "core/sys.h"
#include "core/token.h"
#include "preload/dgram_inner.h"
#include "preload/signals.h"

enum {
	SEGMENTS_MAX = 64,  /* UDP_MAX_SEGMENTS */
	VECTORS_MAX = 1024, /* UIO_MAXIOV */
	CONTROL_MAX = 512,
};

size_t segment_size_asked(const struct dgram *dgram,
			  const struct msghdr *message)
{
	struct msghdr *m = (struct msghdr *)message;
	uint16_t size = (uint16_t)__atomic_load_n(&dgram->segment,
						  __ATOMIC_RELAXED);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c))
		if (segments_is_size(c))
			memcpy(&size, CMSG_DATA(c), sizeof(size));
	return size;
}

/**
 * struct cut - a message, as far as it is cut up
 * @message:	the program's
 * @data:	what is left of its data
 */
struct cut {
	const struct msghdr *message;
	struct segments data;
};

/* As many segments as go in one call. How many vectors; *several: it is more than one. */
static size_t lay_out(struct cut *cut, const struct outgoing *out, size_t size,
		      struct iovec *vectors, bool *several)
{
	const struct iovec header = { (void *)out->header, out->len };
	size_t most = DGRAM_MAX / (size + out->len), before = cut->data.left, n;

	if (most > SEGMENTS_MAX)
		most = SEGMENTS_MAX;
	n = segments_lay_out(&cut->data, &header, size, most, vectors,
			     VECTORS_MAX);
	*several = before - cut->data.left > size;
	return n;
}

static int put_size(struct msghdr *part, void *control, size_t size)
{
	return segments_put_control(part, control, CONTROL_MAX, (uint16_t)size);
}

/* As much as goes without waiting. 0: all of it is sent; else -errno. */
static long send_all(struct dgram *dgram, int fd, struct cut *cut,
		     const struct outgoing *out, size_t size, int flags,
		     struct iovec *vectors)
{
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_MAX];

	while (cut->data.left > 0) {
		struct msghdr part = *cut->message;
		struct cut before = *cut;
		bool several;
		long n;

		part.msg_iov = vectors;
		part.msg_iovlen = lay_out(cut, out, size, vectors, &several);
		n = part.msg_iovlen == 0
			    ? -EMSGSIZE
			    : put_size(&part, control,
				       several ? size + out->len : 0);
		outgoing_address(dgram, &part);
		if (n == 0)
			n = token_sendmsg(fd, &part, flags | MSG_DONTWAIT);
		if (n < 0) {
			*cut = before;
			return n;
		}
	}
	return 0;
}

/* The whole is one datagram: the socket's own size must not cut it with its header. */
static long send_whole(struct dgram *dgram, int fd, struct cut *cut,
		       const struct outgoing *out, int flags, struct iovec *vectors)
{
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_MAX];
	const struct msghdr *message = cut->message;
	struct msghdr whole = *message;
	long r = put_size(&whole, control, 0);

	if (r < 0 || message->msg_iovlen >= VECTORS_MAX)
		return r < 0 ? r : -EMSGSIZE;
	vectors[0] = (struct iovec){ (void *)out->header, out->len };
	memcpy(&vectors[1], message->msg_iov,
	       message->msg_iovlen * sizeof(vectors[0]));
	whole.msg_iov = vectors;
	whole.msg_iovlen = message->msg_iovlen + 1;
	outgoing_address(dgram, &whole);
	r = token_sendmsg(fd, &whole, flags | MSG_DONTWAIT);
	if (r < 0)
		return r;
	cut->data.left = 0;
	return 0;
}

static long send_with(struct dgram *dgram, int fd, struct cut *cut,
		      const struct outgoing *out, size_t size, int flags,
		      struct iovec *vectors)
{
	if (outgoing_length(cut->message) > size)
		return send_all(dgram, fd, cut, out, size, flags, vectors);
	return send_whole(dgram, fd, cut, out, flags, vectors);
}

/* The memory for the vectors is held only for so long. */
static long send_now(struct dgram *dgram, int fd, struct cut *cut,
		     const struct outgoing *out, size_t size, int flags)
{
	size_t room = VECTORS_MAX * sizeof(struct iovec);
	sigset_t signals;
	void *own = batch_claim(dgram, &signals);
	long p, n = -ENOBUFS;

	if (own != NULL) {
		n = send_with(dgram, fd, cut, out, size, flags, own);
		batch_free(dgram, &signals);
		return n;
	}
	signals_block(&signals);
	p = sys6(SYS_mmap, NULL, room, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p >= 0 || p <= -4096) {
		n = send_with(dgram, fd, cut, out, size, flags, (void *)p);
		sys2(SYS_munmap, p, room);
	}
	signals_restore(&signals);
	return n;
}

long segment_send(struct dgram *dgram, int fd, const struct msghdr *message,
		  const struct outgoing *out, size_t size, int flags)
{
	size_t len = outgoing_length(message);
	struct cut cut = { .message = message,
			   .data = { .vectors = message->msg_iov,
				     .left = len } };
	long n;

	if (len > DGRAM_MAX)
		return -EMSGSIZE;
	do {
		n = send_now(dgram, fd, &cut, out, size, flags);
		if (n == -EAGAIN)
			n = dgram_await_room(fd, flags) < 0 ? -EAGAIN : 1;
	} while (n > 0);
	if (n < 0 && cut.data.left == len)
		return n;
	return (long)(len - cut.data.left + out->len);
}
