/* SPDX-License-Identifier: MIT */
/* dgram_inner.h - what the files of dgram have in common; for dgram*.c only */
#ifndef SOCKSIFY_PRELOAD_DGRAM_INNER_H
#define SOCKSIFY_PRELOAD_DGRAM_INNER_H

#include <signal.h>
#include <sys/uio.h>

#include "preload/dgram_io.h"
#include "preload/real.h"

enum {
	DGRAM_VECTORS = 16, /* of the program's, kept on the stack; more are copied */
	DGRAM_MAX = 65507,  /* of data behind an IPv4 header */
};

/* --- dgram_send.c --- */

/**
 * struct outgoing - a datagram on its way
 * @route:	ROUTE_DIRECT or ROUTE_VIA
 * @len:	of @header
 * @header:	what goes before the data
 * @own:	room for one that does not stand ready
 */
struct outgoing {
	int route;
	size_t len;
	const uint8_t *header;
	uint8_t own[SOCKS5_UDP_HEADER_MAX];
};

/* Where a message goes: 0, or -errno; *address is what was judged, if it has one. */
int outgoing_find(struct dgram *dgram, const struct msghdr *message,
		  union route_address *address, struct outgoing *out);

/* The relay as an address for a message; none where the kernel's socket is connected to it. */
void outgoing_address(const struct dgram *dgram, struct msghdr *message);

size_t outgoing_length(const struct msghdr *message);

/* --- dgram_control.c --- */

enum { CONTROL_ROOM = 256 };

/* Something in the message's control data has to be changed before it goes to the relay. */
bool control_misfits(const struct dgram *dgram, const struct msghdr *message);

/* Changes it, in a copy, which the message then has. 0 or -errno. */
int control_fit(const struct dgram *dgram, struct msghdr *message,
		uint8_t room[CONTROL_ROOM]);

/* --- dgram_queue.c --- */

/*
 * Keeps a datagram, or its segments, each with its header, until there is a relay; what there
 * is no room for is dropped, as a full network would. more: the datagram is not whole yet.
 * 0; 1: there is a relay by now; -errno.
 */
int dgram_queue(struct dgram *dgram, int fd, const struct msghdr *message,
		const struct outgoing *out, size_t segment, bool more);

/* There is a relay: sends all of it. And forgets it. Both with the lock held. */
void dgram_queue_send(struct dgram *dgram, int fd);
void dgram_queue_drop(struct dgram *dgram);

/* --- dgram_segment.c --- */

/*
 * The size that the program wants its data cut into, by UDP_SEGMENT; 0: not at all. What
 * is not longer than that is one datagram.
 */
size_t segment_size(const struct dgram *dgram, const struct msghdr *message);

/* Sends data in segments, each with its header. As sendmsg, header and all; or -errno. */
long segment_send(struct dgram *dgram, int fd, const struct msghdr *message,
		  const struct outgoing *out, size_t size, int flags);

/* --- dgram.c --- */

/* As dgram_setup was given it. */
extern const struct config *dgram_config;

void dgram_lock(struct dgram *dgram, sigset_t *signals);
void dgram_unlock(struct dgram *dgram, const sigset_t *signals);

/* --- dgram_error.c --- */

/* Datagrams were taken, and cannot be sent: the program is told. With the lock held. */
void dgram_fail(struct dgram *dgram, int fd);

/* That error as -errno, or 0: the kernel has told it just now, as ECONNREFUSED. */
int dgram_take_error(struct dgram *dgram);

/* A send has told as much: nobody else does. */
void dgram_error_told(struct dgram *dgram, int fd);

/* --- dgram_receive.c --- */

enum { DGRAM_SPILL = SOCKS5_UDP_HEADER_MAX - SOCKS5_UDP_HEADER_IPV4 };

/**
 * struct incoming - a datagram that came
 * @n:		its length on the wire
 * @head:	its header's length; 0: it has none
 * @lead:	length of the first vector: what the header may be like
 * @peek:	it is only looked at
 * @room:	of the program's vectors
 * @from:	who sent it, by the kernel
 * @shown:	who sent it, to the program
 * @count:	of @vectors
 * @vectors:	header, the program's, spill
 * @first:	for the header
 * @spill:	for what a longer header pushes out of the program's vectors
 */
struct incoming {
	size_t n;
	size_t head;
	size_t lead;
	bool peek;
	size_t room;
	struct peer from;
	struct peer shown;
	size_t count;
	struct iovec vectors[DGRAM_VECTORS + 2];
	uint8_t first[SOCKS5_UDP_HEADER_MAX];
	uint8_t spill[DGRAM_SPILL];
};

/* The vectors for the kernel, around the message's, of which there are DGRAM_VECTORS at most. */
void incoming_lay_out(const struct dgram *dgram, struct incoming *in,
		      const struct msghdr *message);

/* True: it is the program's; else it is to be dropped. */
bool incoming_accept(struct dgram *dgram, struct incoming *in);

/* Puts all of it where the program wants it; got is what the kernel said. Its length. */
ssize_t incoming_give(struct incoming *in, struct msghdr *message,
		      const struct msghdr *got, int flags);

/* --- memory for more than one datagram, or many vectors: one user at a time --- */

enum { BATCH_MESSAGES = 64, BATCH_SIZE = 1 << 17 };

/* NULL: somebody has it, or there is none. */
void *batch_claim(struct dgram *dgram);
void batch_free(struct dgram *dgram);

#endif
