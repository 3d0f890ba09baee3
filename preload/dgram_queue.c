/* SPDX-License-Identifier: MIT */
/*
 * dgram_queue.c - first datagrams, kept until there is a relay
 *
 * A call that may not wait leaves here what it sends; whoever finds that the association is
 * there sends it. What is sent with MSG_MORE, or while UDP_CORK is set, goes on with the
 * datagram before it, which is open; if that still is when there is a relay, it is given to
 * the kernel likewise.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/sys.h"
#include "preload/detour.h"
#include "preload/dgram_inner.h"
#include "preload/options.h"

enum {
	QUEUE_SIZE = 1 << 17,
	QUEUE_PIECES = 64, /* UDP_MAX_SEGMENTS */
};

struct datagram {
	uint32_t len; /* of what follows */
};

void dgram_queue_drop(struct dgram *dgram)
{
	if (dgram->queue != NULL)
		sys2(SYS_munmap, dgram->queue, QUEUE_SIZE);
	dgram->queue = NULL;
	dgram->queued = 0;
	dgram->queue_open = false;
}

static bool queue_made(struct dgram *dgram)
{
	long p;

	if (dgram->queue != NULL)
		return true;
	p = sys6(SYS_mmap, NULL, QUEUE_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096)
		return false;
	dgram->queue = (uint8_t *)p;
	dgram->queued = 0;
	dgram->queue_open = false;
	return true;
}

/* --- in ----------------------------------------------------------------------------------- */

static void put_length(struct dgram *dgram, uint32_t at, size_t len)
{
	struct datagram next = { .len = (uint32_t)len };

	memcpy(dgram->queue + at, &next, sizeof(next));
}

/* What comes behind the open datagram's data, and is part of it. */
static int go_on(struct dgram *dgram, const struct msghdr *message, size_t len)
{
	uint32_t before = dgram->queued - dgram->queue_last -
			  (uint32_t)sizeof(struct datagram);
	struct iovec to = { dgram->queue + dgram->queued, len };
	int r = len > QUEUE_SIZE - dgram->queued || before + len > DGRAM_MAX ?
			-EMSGSIZE :
			outgoing_gather(&to, 1, message, len);

	if (r < 0) { /* the kernel drops all of it, too */
		dgram->queued = dgram->queue_last;
		dgram->queue_open = false;
		return r;
	}
	put_length(dgram, dgram->queue_last, before + len);
	dgram->queued += (uint32_t)len;
	return 0;
}

/* One datagram, or more of them, each with its header; what there is no room for is dropped. */
static int enqueue(struct dgram *dgram, const struct msghdr *message,
		   const struct outgoing *out, size_t len, size_t segment)
{
	size_t pieces = segment > 0 && len > segment ?
				(len + segment - 1) / segment :
				1;
	size_t head = sizeof(struct datagram) + out->len;
	struct iovec to[QUEUE_PIECES];
	uint32_t at = dgram->queued;
	size_t left = len;
	int r;

	if (pieces > QUEUE_PIECES)
		return -EINVAL;
	if (len + pieces * head > QUEUE_SIZE - dgram->queued)
		return 0;
	for (size_t i = 0; i < pieces; i++) {
		size_t n = i + 1 < pieces ? segment : left;

		put_length(dgram, at, out->len + n);
		memcpy(dgram->queue + at + sizeof(struct datagram), out->header,
		       out->len);
		to[i] = (struct iovec){ dgram->queue + at + head, n };
		dgram->queue_last = at;
		at += (uint32_t)(head + n);
		left -= n;
	}
	r = outgoing_gather(to, pieces, message, len);
	if (r == 0)
		dgram->queued = at;
	return r;
}

int dgram_queue(struct dgram *dgram, int fd, const struct msghdr *message,
		const struct outgoing *out, size_t segment, bool more)
{
	size_t len = outgoing_length(message);
	sigset_t signals;
	int r = 1;

	if (len > DGRAM_MAX - out->len)
		return -EMSGSIZE;
	dgram_lock(dgram, &signals);
	dgram->fd = fd;
	if (assoc_phase(&dgram->assoc) == ASSOC_PENDING) {
		uint32_t before = dgram->queued;

		r = 0;
		if (queue_made(dgram))
			r = dgram->queue_open ?
				    go_on(dgram, message, len) :
				    enqueue(dgram, message, out, len, segment);
		if (r == 0)
			dgram->queue_open = more && dgram->queued > before;
	}
	dgram_unlock(dgram, &signals);
	return r;
}

/* --- out ----------------------------------------------------------------------------------- */

/* A segment size of the socket's would cut it with its header: it gets one of its own, none. */
static void send_one(struct dgram *dgram, int fd, uint32_t at, int flags)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))];
	struct iovec iov = { dgram->queue + at + sizeof(struct datagram), 0 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *whole = (struct cmsghdr *)(void *)control;
	struct datagram next;

	memcpy(&next, dgram->queue + at, sizeof(next));
	iov.iov_len = next.len;
	outgoing_address(dgram, &message);
	memset(control, 0, sizeof(control));
	whole->cmsg_level = IPPROTO_UDP;
	whole->cmsg_type = UDP_SEGMENT;
	whole->cmsg_len = CMSG_LEN(sizeof(uint16_t));
	if (dgram->segment > 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
	}
	sys3(SYS_sendmsg, fd, &message, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* All but the open one; the socket's UDP_CORK would make one of them all. */
static void send_closed(struct dgram *dgram, int fd, uint32_t end)
{
	struct datagram next;

	if (end > 0 && dgram->cork)
		option_set(fd, IPPROTO_UDP, UDP_CORK, 0);
	for (uint32_t at = 0; at < end; at += (uint32_t)sizeof(next) + next.len) {
		memcpy(&next, dgram->queue + at, sizeof(next));
		send_one(dgram, fd, at, 0);
	}
	if (end > 0 && dgram->cork)
		option_set(fd, IPPROTO_UDP, UDP_CORK, 1);
}

void dgram_queue_send(struct dgram *dgram, int fd)
{
	const struct peer *relay = assoc_relay(&dgram->assoc);
	struct msghdr plain = { 0 };

	if (dgram->queue == NULL ||
	    detour_datagram(fd, &plain, (const struct sockaddr *)&relay->address,
			    relay->len) < 0)
		return;
	send_closed(dgram, fd,
		    dgram->queue_open ? dgram->queue_last : dgram->queued);
	if (!dgram->queue_open)
		return;
	send_one(dgram, fd, dgram->queue_last, MSG_MORE);
	__atomic_store_n(&dgram->corked, true, __ATOMIC_RELEASE);
}
