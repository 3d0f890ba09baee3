/* SPDX-License-Identifier: MIT */
/* dgram_inner.h - what the files of dgram have in common; for dgram*.c only */
#ifndef SOCKSIFY_PRELOAD_DGRAM_INNER_H
#define SOCKSIFY_PRELOAD_DGRAM_INNER_H

#include <fcntl.h>
#include <signal.h>
#include <sys/uio.h>

#include "core/sys.h"
#include "preload/dgram_dns.h"
#include "preload/dgram_io.h"
#include "preload/real.h"

/* On the way of every datagram: the compiler is not to weigh it. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum {
	DGRAM_VECTORS = 16, /* of the program's, kept on the stack; more are copied */
	DGRAM_MAX = 65507,  /* of data behind an IPv4 header */
};

/* --- dgram_send.c --- */

/* Besides the routes. */
enum {
	OUTGOING_HELD = 0x40, /* it is not decided yet how a name is sent to */
	OUTGOING_NOWHERE,     /* a peer of port 0 */
};

/**
 * struct outgoing - a datagram on its way
 * @route:	ROUTE_DIRECT, ROUTE_VIA or OUTGOING_HELD, with the header of the name
 * @source:	which of the sources it goes to, and 1; 0: none
 * @named:	how long the address is that the message is to have, though it came without
 * @len:	of @header
 * @header:	what goes before the data
 * @own:	room for one that does not stand ready
 */
struct outgoing {
	int route;
	uint32_t source;
	socklen_t named;
	size_t len;
	const uint8_t *header;
	uint8_t own[SOCKS5_UDP_HEADER_MAX];
};

/* Where a message goes: 0, or -errno; *address is what was judged, if it has one. */
int outgoing_find(struct dgram *dgram, const struct msghdr *message,
		  union route_address *address, struct outgoing *out);

/* The relay as an address for a message; none where the socket is tied to it. */
void outgoing_address(const struct dgram *dgram, struct msghdr *message);

/* It is for a relay, and no question for a name server. */
static inline bool outgoing_is_relays(const struct outgoing *out)
{
	return out->route == ROUTE_VIA && !dgram_is_dns(out->header, out->len);
}

/*
 * Nothing is in the way of datagrams that are a header, and data, and no more: there is an
 * association, lately looked at, and no option of the socket's or the call's.
 */
bool outgoing_may_be_plain(struct dgram *dgram, int fd, int flags);

/* The header and the message's vectors, fewer than DGRAM_VECTORS. How many. */
static inline size_t outgoing_lay_out(const struct outgoing *out,
				      const struct msghdr *message,
				      struct iovec vectors[DGRAM_VECTORS])
{
	size_t n = message->msg_iovlen;

	vectors[0] = (struct iovec){ (void *)out->header, out->len };
	for (size_t i = 0; i < n; i++)
		vectors[i + 1] = message->msg_iov[i];
	return n + 1;
}

/* Of its data; SIZE_MAX stands for all that is more. */
size_t outgoing_length(const struct msghdr *message);

/* What stands ready is not true any more: a name goes another way. */
void dgram_forget_ways(struct dgram *dgram);

/* A send found no room: waits for some, if it may. 0 or -errno. Nothing may be held. */
long dgram_await_room(int fd, int flags);

/* All of the message's data, which is len long, into the pieces. 0 or -EFAULT. */
int outgoing_gather(const struct iovec *to, size_t pieces,
		    const struct msghdr *message, size_t len);

/* --- dgram_control.c --- */

enum { CONTROL_ROOM = 256 };

/* Something in the message's control data has to be changed before it goes to the relay. */
bool control_misfits(const struct dgram *dgram, const struct msghdr *message);

/* Changes it, in a copy, which the message then has. 0 or -errno. */
int control_fit(const struct dgram *dgram, struct msghdr *message,
		uint8_t room[CONTROL_ROOM]);

/* --- dgram_queue.c --- */

/*
 * Keeps a datagram, or its segments, each with its header, until there is a relay and, if it is
 * held, the way to its name; what there is no room for is dropped, as a full network would.
 * more: the datagram is not whole yet. 0; 1: both are there by now; -errno.
 */
int dgram_queue(struct dgram *dgram, int fd, const struct msghdr *message,
		const struct outgoing *out, size_t segment, bool more);

/* There is a relay: sends all but what is still held. And forgets it. Both with the lock held. */
void dgram_queue_send(struct dgram *dgram, int fd);
void dgram_queue_drop(struct dgram *dgram);

/* --- dgram_segment.c --- */

size_t segment_size_asked(const struct dgram *dgram,
			  const struct msghdr *message);

/*
 * The size that the program wants its data cut into, by UDP_SEGMENT; 0: not at all. What
 * is not longer than that is one datagram.
 */
static inline size_t segment_size(const struct dgram *dgram,
				  const struct msghdr *message)
{
	return message->msg_controllen == 0
		       ? (uint16_t)__atomic_load_n(&dgram->segment,
						   __ATOMIC_RELAXED)
		       : segment_size_asked(dgram, message);
}

/* Sends data in segments, each with its header. As sendmsg, header and all; or -errno. */
long segment_send(struct dgram *dgram, int fd, const struct msghdr *message,
		  const struct outgoing *out, size_t size, int flags);

/* --- dgram_leave.c --- */

/*
 * It has no descriptor any more; true: it stays for a while, as one that leaves. *queued: it
 * has something still to be sent.
 */
bool dgram_leave_begin(struct dgram *dgram, bool *queued);
bool dgram_leaves(const struct dgram *dgram);

/* --- dgram.c --- */

/* As dgram_setup was given it. */
extern const struct config *dgram_config;

void dgram_lock(struct dgram *dgram, sigset_t *signals);
void dgram_unlock(struct dgram *dgram, const sigset_t *signals);

/* Until when a call that sends may wait: SO_SNDTIMEO, and five seconds at the most. */
int64_t dgram_send_limit_ns(int fd);

static inline bool dgram_may_wait(int fd, int flags)
{
	return !(flags & MSG_DONTWAIT) &&
	       !(sys2(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK);
}

/* Who sleeps until SIGIO comes steps nothing: the first datagram waits in any case. */
static inline bool dgram_tells_by_signal(int fd)
{
	return sys2(SYS_fcntl, fd, F_GETFL) & O_ASYNC;
}

/*
 * The header for the peer is decided upon, as for any name that is sent to: as outgoing_find,
 * for a target of OUTGOING_HELD.
 */
int dgram_settle_target(struct dgram *dgram, const struct dgram_target *target,
			struct outgoing *out);

/* With the lock: what is queued goes out, as far as nothing is missing for it. */
void dgram_send_queued(struct dgram *dgram);

/* It is to be decided anew. */
void dgram_unsettle_target(struct dgram *dgram);

/* --- dgram_tie.c --- */

/* All that take fd with the lock held. */

/* The kernel's socket is connected to the relay; to the proxy as long as there is none. */
int dgram_tie(struct dgram *dgram, int fd);

/* To itself, for a name server of that address; and to one that is no proxied peer's. */
int dgram_tie_self(struct dgram *dgram, int fd,
		   const union route_address *address, socklen_t len);
int dgram_tie_past(struct dgram *dgram, int fd, const struct peer *peer);

/* Another program has done so. */
void dgram_tie_inherited(struct dgram *dgram, int fd);

/* What is sent to the relay names it from now on. */
static inline bool dgram_is_tied(const struct dgram *dgram)
{
	return __atomic_load_n(&dgram->tied, __ATOMIC_RELAXED);
}

void dgram_untie(struct dgram *dgram);

/* It may be connected elsewhere, for a moment. */
bool dgram_may_move(const struct dgram *dgram);

/* It becomes loose, if it may: what it sends to itself comes. */
bool dgram_loosen(struct dgram *dgram, int fd);

/* It is, says the kernel: another has made it so. */
void dgram_found_loose(struct dgram *dgram);

/* A part of a datagram goes past the proxy, to an address. 0 or -errno. Without the lock. */
int dgram_part_past(struct dgram *dgram);

uint16_t dgram_local_port(int fd);

/* --- dgram_error.c --- */

/* Datagrams were taken, and cannot be sent: the program is told. With the lock held. */
void dgram_fail(struct dgram *dgram, int fd);

/* That error as -errno, or 0: the kernel has told it just now, as ECONNREFUSED. */
int dgram_take_error(struct dgram *dgram);

/* A send has told as much: nobody else does. */
void dgram_error_told(struct dgram *dgram, int fd);

/* --- dgram_incoming.c --- */

enum { DGRAM_SPILL = SOCKS5_UDP_HEADER_MAX - SOCKS5_UDP_HEADER_IPV4 };

/**
 * struct incoming - a datagram that came
 * @n:		its length on the wire
 * @head:	its header's length; 0: it has none
 * @lead:	length of the first vector: what the header may be like
 * @room:	of the program's vectors
 * @peek:	it is only looked at
 * @count:	of @vectors
 * @from:	who sent it, by the kernel
 * @shown:	who sent it, to the program
 * @first:	for the header
 * @vectors:	header, the program's, spill
 * @spill:	for what a longer header pushes out of the program's vectors
 */
struct incoming {
	size_t n;
	size_t head;
	size_t lead;
	size_t room;
	bool peek;
	size_t count;
	struct peer from;
	struct peer shown;
	uint8_t first[SOCKS5_UDP_HEADER_MAX];
	struct iovec vectors[DGRAM_VECTORS + 2];
	uint8_t spill[DGRAM_SPILL];
};

/* The vectors for the kernel, around the message's, of which there are DGRAM_VECTORS at most. */
void incoming_lay_out(const struct dgram *dgram, struct incoming *in,
		      const struct msghdr *message);

/* The kernel's message for that; control data is the program's own. */
static inline void incoming_message(struct incoming *in, const struct msghdr *message,
				    struct msghdr *kernel)
{
	*kernel = (struct msghdr){
		.msg_name = &in->from.address,
		.msg_namelen = sizeof(in->from.address),
		.msg_iov = in->vectors,
		.msg_iovlen = in->count,
		.msg_control = message->msg_control,
		.msg_controllen = message->msg_controllen,
	};
}

/**
 * enum verdict - what is to become of a datagram
 * @INCOMING_GIVEN:	it is the program's
 * @INCOMING_DROPPED:	it is nobody's, or only a part
 * @INCOMING_CUT:	a fragment that did not find enough room
 */
enum verdict { INCOMING_GIVEN, INCOMING_DROPPED, INCOMING_CUT };

/* n bytes came, by the kernel's message. */
enum verdict incoming_judge(struct dgram *dgram, struct incoming *in,
			    const struct msghdr *got, size_t n);

/* Comes from the relay; the kernel keeps out all others where the socket is connected. */
bool incoming_is_relays(const struct dgram *dgram, const struct incoming *in);

/* A datagram that was put together and only looked at is the next one: it is in *in then. */
bool incoming_take_whole(struct dgram *dgram, struct incoming *in);

/* What one datagram may have: a fragment in as much room is not cut. */
enum { INCOMING_ROOM = 1 << 16 };

/* A fragment has come to this process: others may be longer than a program's buffer. */
extern uint32_t incoming_fragments;

static inline bool incoming_in_fragments(void)
{
	return __builtin_expect(__atomic_load_n(&incoming_fragments,
						__ATOMIC_RELAXED) != 0,
				0);
}

/* After shutdown(SHUT_RD) the kernel says 0, and names nobody. */
static inline bool incoming_is_end(long n, const struct msghdr *got)
{
	return n == 0 && got->msg_namelen == 0;
}

ssize_t incoming_end(struct msghdr *message, const struct msghdr *got);

/* What was only looked at, and is dropped. */
void incoming_take_away(int fd, int flags);

/*
 * One call of the kernel's for one datagram, into the message's vectors, of which there are
 * DGRAM_VECTORS at most. What the program gets; or -errno, of the call, of which errno itself
 * says nothing; or neither:
 * @INCOMING_NOTHING:	something came, and was dropped
 * @INCOMING_LEFT:	a fragment that the room is too small for was only looked at
 */
enum { INCOMING_NOTHING = -4095, INCOMING_LEFT = -4094 };

ssize_t incoming_take(struct dgram *dgram, int fd, struct msghdr *message,
		      int flags);

/*
 * The same for a first try, that mostly is the only one: with what is none of the program's
 * dgram_receive.c goes on.
 */
ssize_t incoming_receive(struct dgram *dgram, int fd, struct msghdr *message,
			 int flags);
ssize_t incoming_none(struct dgram *dgram, int fd, struct msghdr *message,
		      int flags, ssize_t r);

/* Its sender, as far as there is room and somebody asked; 0 or -EFAULT. */
int incoming_name(const struct incoming *in, struct msghdr *message);

/*
 * Puts all of it where the program wants it; got is what the kernel said. Its length, or
 * -EFAULT.
 */
ssize_t incoming_give(struct incoming *in, struct msghdr *message,
		      const struct msghdr *got, int flags);

/* --- dgram_way.c --- */

/*
 * A call on the socket failed: what the program is told in its place. 0: nothing, for it was
 * said of the way to the relay, by some router or the relay's host.
 */
long dgram_told(struct dgram *dgram, int fd, long error);

/* Before something is sent by one that is not connected: when it seems to be in vain, what ICMP says is to be told. */
void dgram_mind_way(struct dgram *dgram, int fd, bool silent);

static inline void dgram_look_at_way(struct dgram *dgram, int fd)
{
	bool silent = assoc_is_silent(&dgram->assoc);

	if (__builtin_expect(
		    silent != (dgram_who_is_told(dgram) != DGRAM_UNTOLD), 0) &&
	    (dgram_connected(dgram) == DGRAM_NONE || dgram_is_loose(dgram)))
		dgram_mind_way(dgram, fd, silent);
}

/* By MSG_ERRQUEUE. As recvmsg, or -errno. */
ssize_t dgram_receive_error(struct dgram *dgram, int fd, struct msghdr *message,
			    int flags);

/* --- memory for more than one datagram, or many vectors: one user at a time --- */

enum { BATCH_MESSAGES = 64, BATCH_SIZE = 1 << 17 };

/*
 * NULL: somebody has it, or there is none. Until it is free signals are blocked, and nothing
 * is waited for: a thread that is cancelled, or a handler that jumps out, would keep it.
 */
void *batch_claim(struct dgram *dgram, sigset_t *signals);
void batch_free(struct dgram *dgram, const sigset_t *signals);

#endif
