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

#include "core/sys.h"
#include "core/token.h"
#include "preload/dgram_inner.h"
#include "preload/signals.h"

enum {
	SEGMENTS_MAX = 64,  /* UDP_MAX_SEGMENTS */
	VECTORS_MAX = 1024, /* UIO_MAXIOV */
	CONTROL_MAX = 512,
};

static bool is_segment(const struct cmsghdr *c)
{
	return c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT &&
	       c->cmsg_len == CMSG_LEN(sizeof(uint16_t));
}

size_t segment_size_asked(const struct dgram *dgram,
			  const struct msghdr *message)
{
	struct msghdr *m = (struct msghdr *)message;
	uint16_t size = (uint16_t)__atomic_load_n(&dgram->segment,
						  __ATOMIC_RELAXED);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c))
		if (is_segment(c))
			memcpy(&size, CMSG_DATA(c), sizeof(size));
	return size;
}

/* The message's control without its segment size, and with ours. -ENOBUFS: no room; -EINVAL. */
static int put_control(struct msghdr *message, void *control, uint16_t size)
{
	const uint8_t *given = message->msg_control;
	size_t left = message->msg_controllen;
	struct cmsghdr *last;
	size_t used = 0;

	/* By hand: CMSG_NXTHDR ends at one that does not fit, which the kernel refuses. */
	while (left >= sizeof(struct cmsghdr)) {
		const struct cmsghdr *c = (const void *)given;
		size_t room = CMSG_ALIGN(c->cmsg_len);

		if (c->cmsg_len < sizeof(*c) || c->cmsg_len > left)
			return -EINVAL;
		if (!is_segment(c)) {
			if (room > CONTROL_MAX - CMSG_SPACE(sizeof(size)) - used)
				return -ENOBUFS;
			memcpy((uint8_t *)control + used, c, c->cmsg_len);
			used += room;
		}
		given += room;
		left -= room < left ? room : left;
	}
	last = (struct cmsghdr *)(void *)((uint8_t *)control + used);
	last->cmsg_level = IPPROTO_UDP;
	last->cmsg_type = UDP_SEGMENT;
	last->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(last), &size, sizeof(size));
	message->msg_control = control;
	message->msg_controllen = used + CMSG_SPACE(sizeof(size));
	return 0;
}

/**
 * struct cut - the data of a message, as far as it is cut up
 * @message:	the program's
 * @vector:	index of the vector at hand
 * @at:		bytes of it that are used
 * @left:	bytes of the whole that are not
 */
struct cut {
	const struct msghdr *message;
	size_t vector;
	size_t at;
	size_t left;
};

/* Vectors for up to size bytes more; how many, or 0 with no room for them. */
static size_t cut_segment(struct cut *cut, size_t size, struct iovec *to,
			  size_t room)
{
	size_t n = 0;

	while (size > 0 && cut->left > 0) {
		const struct iovec *from = &cut->message->msg_iov[cut->vector];
		size_t piece = from->iov_len - cut->at;

		if (piece == 0) {
			cut->vector++;
			cut->at = 0;
			continue;
		}
		if (n == room)
			return 0;
		piece = piece < size ? piece : size;
		to[n].iov_base = (uint8_t *)from->iov_base + cut->at;
		to[n++].iov_len = piece;
		cut->at += piece;
		cut->left -= piece;
		size -= piece;
	}
	return n;
}

/* Where all of it is in one vector: 1; else 0, and nothing is done. */
static inline size_t cut_simply(struct cut *cut, size_t size, struct iovec *to)
{
	const struct iovec *from = &cut->message->msg_iov[cut->vector];

	if (from->iov_len - cut->at < size)
		return 0;
	*to = (struct iovec){ (uint8_t *)from->iov_base + cut->at, size };
	cut->at += size;
	cut->left -= size;
	if (cut->at == from->iov_len) {
		cut->vector++;
		cut->at = 0;
	}
	return 1;
}

/* As many segments as go in one call. How many vectors; *data is what they hold of it. */
static size_t lay_out(struct cut *cut, const struct outgoing *out, size_t size,
		      struct iovec *vectors, size_t *data)
{
	size_t most = DGRAM_MAX / (size + out->len);
	size_t before = cut->left, count = 0;

	if (most > SEGMENTS_MAX)
		most = SEGMENTS_MAX;
	for (size_t i = 0; i < most && cut->left > 0; i++) {
		struct cut at_first = *cut;
		size_t n;

		if (VECTORS_MAX - count < 2)
			break;
		n = cut_simply(cut, size, &vectors[count + 1]);
		if (n == 0)
			n = cut_segment(cut, size, &vectors[count + 1],
					VECTORS_MAX - count - 1);
		if (n == 0) {
			*cut = at_first;
			break;
		}
		vectors[count] = (struct iovec){ (void *)out->header, out->len };
		count += n + 1;
	}
	*data = before - cut->left;
	return count;
}

/* As much as goes without waiting. 0: all of it is sent; else -errno. */
static long send_all(struct dgram *dgram, int fd, struct cut *cut,
		     const struct outgoing *out, size_t size, int flags,
		     struct iovec *vectors)
{
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_MAX];

	while (cut->left > 0) {
		struct msghdr part = *cut->message;
		struct cut before = *cut;
		size_t data;
		long n;

		part.msg_iov = vectors;
		part.msg_iovlen = lay_out(cut, out, size, vectors, &data);
		n = part.msg_iovlen == 0 ? -EMSGSIZE :
		    put_control(&part, control,
				data > size ? (uint16_t)(size + out->len) : 0);
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
	long r = put_control(&whole, control, 0);

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
	cut->left = 0;
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
	struct cut cut = { .message = message, .left = len };
	long n;

	if (len > DGRAM_MAX)
		return -EMSGSIZE;
	do {
		n = send_now(dgram, fd, &cut, out, size, flags);
		if (n == -EAGAIN)
			n = dgram_await_room(fd, flags) < 0 ? -EAGAIN : 1;
	} while (n > 0);
	if (n < 0 && cut.left == len)
		return n;
	return (long)(len - cut.left + out->len);
}
