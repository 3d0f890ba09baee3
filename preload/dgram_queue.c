/* SPDX-License-Identifier: MIT */
/*
 * dgram_queue.c - first datagrams, kept until there is a relay
 *
 * A call that may not wait leaves here what it sends; whoever finds that the association is
 * there sends it. What is sent with MSG_MORE, or while UDP_CORK is set, goes on with the
 * datagram before it, which is open; if that still is when there is a relay, it is given to
 * the kernel likewise.
 *
 * What goes to a name of which it is not decided how it is sent to (dgram_names.c) is kept
 * until that is, too, and has the header of the name till then.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/sys.h"
#include "core/token.h"
#include "preload/detour.h"
#include "preload/dgram_inner.h"
#include "preload/options.h"

enum {
	QUEUE_SIZE = 1 << 17,
	QUEUE_PIECES = 64, /* UDP_MAX_SEGMENTS */
};

/**
 * struct datagram - before each
 * @len:	of what follows
 * @head:	of that the header
 * @held:	which of the sources it goes to, and 1; 0: the header is what it goes with
 */
struct datagram {
	uint32_t len;
	uint16_t head;
	uint16_t held;
};

/*
 * Who is given the memory that another socket gave back sees all that was done there: the
 * kernel orders the two, and this says it once more, for who cannot look into the kernel.
 */
static uint32_t given_back;

void dgram_queue_drop(struct dgram *dgram)
{
	if (dgram->queue != NULL) {
		__atomic_fetch_add(&given_back, 1, __ATOMIC_RELEASE);
		sys2(SYS_munmap, dgram->queue, QUEUE_SIZE);
	}
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
	__atomic_load_n(&given_back, __ATOMIC_ACQUIRE);
	dgram->queue = (uint8_t *)p;
	dgram->queued = 0;
	dgram->queue_open = false;
	return true;
}

/* --- in ----------------------------------------------------------------------------------- */

static struct datagram datagram_at(const struct dgram *dgram, uint32_t at)
{
	struct datagram datagram;

	memcpy(&datagram, dgram->queue + at, sizeof(datagram));
	return datagram;
}

static void put(struct dgram *dgram, uint32_t at, struct datagram datagram)
{
	memcpy(dgram->queue + at, &datagram, sizeof(datagram));
}

/* What comes behind the open datagram's data, and is part of it. */
static int go_on(struct dgram *dgram, const struct msghdr *message, size_t len)
{
	struct datagram open = datagram_at(dgram, dgram->queue_last);
	struct iovec to = { dgram->queue + dgram->queued, len };
	int r = len > QUEUE_SIZE - dgram->queued || open.len + len > DGRAM_MAX ?
			-EMSGSIZE :
			outgoing_gather(&to, 1, message, len);

	if (r < 0) { /* the kernel drops all of it, too */
		dgram->queued = dgram->queue_last;
		dgram->queue_open = false;
		return r;
	}
	open.len += (uint32_t)len;
	put(dgram, dgram->queue_last, open);
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

		put(dgram, at,
		    (struct datagram){
			    .len = (uint32_t)(out->len + n),
			    .head = (uint16_t)out->len,
			    .held = out->route == OUTGOING_HELD ?
					    (uint16_t)out->source :
					    0,
		    });
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

/* Of what it has to wait for something is missing. */
static bool has_to_wait(const struct dgram *dgram, const struct outgoing *out)
{
	return assoc_phase(&dgram->assoc) == ASSOC_PENDING ||
	       (out->route == OUTGOING_HELD &&
		sources_way(&dgram->sources, (int)out->source - 1) ==
			SOURCE_WAITS);
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
	if (has_to_wait(dgram, out)) {
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

/**
 * struct departure - a datagram that is about to leave the queue
 * @head:	its header; @own, or in the queue
 * @data:	what is behind it
 * @own:	room for the address of what was held
 */
struct departure {
	struct iovec head;
	struct iovec data;
	uint8_t own[SOCKS5_UDP_HEADER_IPV6];
};

static bool has_address(const struct dgram *dgram, int name,
			struct departure *departure)
{
	struct endpoint address;
	int r;

	sources_address(&dgram->sources, name, &address);
	r = socks5_put_udp_header(departure->own, sizeof(departure->own),
				  &address);
	departure->head = (struct iovec){ departure->own, (size_t)r };
	return r > 0;
}

/* SOURCE_BY_NAME, SOURCE_BY_ADDRESS: it goes; SOURCE_WAITS: it stays; else it is dropped. */
static enum source_way depart(const struct dgram *dgram, uint32_t at,
			      struct departure *departure)
{
	struct datagram datagram = datagram_at(dgram, at);
	uint8_t *bytes = dgram->queue + at + sizeof(datagram);
	int name = (int)datagram.held - 1;
	enum source_way way = name < 0 ? SOURCE_BY_NAME :
					 sources_way(&dgram->sources, name);

	departure->head = (struct iovec){ bytes, datagram.head };
	departure->data = (struct iovec){ bytes + datagram.head,
					  datagram.len - datagram.head };
	if (way == SOURCE_BY_ADDRESS && !has_address(dgram, name, departure))
		return SOURCE_REFUSED;
	return way;
}

/* A segment size of the socket's would cut it with its header: it gets one of its own, none. */
static void send_one(struct dgram *dgram, int fd,
		     const struct departure *departure, int flags)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))];
	struct iovec iov[2] = { departure->head, departure->data };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
	struct cmsghdr *whole = (struct cmsghdr *)(void *)control;

	outgoing_address(dgram, &message);
	memset(control, 0, sizeof(control));
	whole->cmsg_level = IPPROTO_UDP;
	whole->cmsg_type = UDP_SEGMENT;
	whole->cmsg_len = CMSG_LEN(sizeof(uint16_t));
	if (dgram->segment > 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
	}
	token_sendmsg(fd, &message, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Moves one that stays to where there is room before it; how long it is. */
static uint32_t keep(struct dgram *dgram, uint32_t at, uint32_t to)
{
	uint32_t len = (uint32_t)sizeof(struct datagram) +
		       datagram_at(dgram, at).len;

	if (at != to)
		memmove(dgram->queue + to, dgram->queue + at, len);
	return len;
}

/* All that may go, up to end; how many bytes stay. The socket's UDP_CORK would make one of them. */
static uint32_t send_closed(struct dgram *dgram, int fd, uint32_t end)
{
	struct departure departure;
	uint32_t next, kept = 0;

	if (end > 0 && dgram->cork)
		option_set(fd, IPPROTO_UDP, UDP_CORK, 0);
	for (uint32_t at = 0; at < end; at = next) {
		enum source_way way = depart(dgram, at, &departure);

		next = at + (uint32_t)sizeof(struct datagram) +
		       datagram_at(dgram, at).len;
		if (way == SOURCE_BY_NAME || way == SOURCE_BY_ADDRESS)
			send_one(dgram, fd, &departure, 0);
		else if (way == SOURCE_WAITS)
			kept += keep(dgram, at, kept);
	}
	if (end > 0 && dgram->cork)
		option_set(fd, IPPROTO_UDP, UDP_CORK, 1);
	return kept;
}

/* The open one behind them: the kernel gets it, and waits for its rest. How much of it stays. */
static uint32_t send_open(struct dgram *dgram, int fd, uint32_t kept)
{
	struct departure departure;
	uint32_t at = dgram->queue_last;
	enum source_way way = depart(dgram, at, &departure);

	if (way == SOURCE_WAITS) {
		dgram->queue_last = kept;
		return keep(dgram, at, kept);
	}
	dgram->queue_open = false;
	if (way == SOURCE_REFUSED)
		return 0;
	send_one(dgram, fd, &departure, MSG_MORE);
	__atomic_store_n(&dgram->corked, true, __ATOMIC_RELEASE);
	return 0;
}

void dgram_queue_send(struct dgram *dgram, int fd)
{
	const struct peer *relay = assoc_relay(&dgram->assoc);
	struct msghdr plain = { 0 };
	uint32_t kept;

	if (dgram->queue == NULL)
		return;
	if (detour_datagram(fd, &plain, (const struct sockaddr *)&relay->address,
			    relay->len) < 0) {
		dgram_queue_drop(dgram);
		return;
	}
	kept = send_closed(dgram, fd,
			   dgram->queue_open ? dgram->queue_last :
					       dgram->queued);
	if (dgram->queue_open)
		kept += send_open(dgram, fd, kept);
	dgram->queued = kept;
	if (kept == 0)
		dgram_queue_drop(dgram);
}
