/* SPDX-License-Identifier: MIT */
/* dnsconn.h - a program's TCP connection to a name server that the stub answers for */
#ifndef SOCKSIFY_PRELOAD_DNSCONN_H
#define SOCKSIFY_PRELOAD_DNSCONN_H

#include <sys/socket.h>

#include "preload/ask.h"
#include "preload/pending.h"
#include "preload/pool.h"
#include "preload/private_fd.h"
#include "resolver/route.h"

/**
 * struct dnsconn - a connection whose other end is ours
 * @thing:	first, for fdtable
 * @index:	for pool
 * @link:	likewise
 * @served:	for whoever waits (ask.h); its lock guards all that follows
 * @cookie:	of the program's socket, SO_COOKIE
 * @end:	our end
 * @peer:	what getpeername() shows
 * @buffers:	a mapping
 * @have:	bytes of queries in it
 * @unsent:	bytes of answers in it
 * @asked:	questions under way
 * @ended:	the program will write no more
 * @broken:	nor can it be written to
 */
struct dnsconn {
	struct thing thing;
	uint32_t index;
	uint32_t link;
	struct ask_served served;
	uint64_t cookie;
	struct private_fd end;
	struct peer peer;
	struct dnsconn_buffers *buffers;
	uint32_t have;
	uint32_t unsent;
	uint32_t asked;
	bool ended;
	bool broken;
};

/*
 * The program connects fd, a TCP socket, to the server at address. 0, -EINPROGRESS as the
 * kernel says it, or another -errno.
 */
int dnsconn_open(int fd, const union route_address *address, socklen_t len);

/* The program has connected fd so before. */
bool dnsconn_is(int fd);

/* It dissolves that: connect AF_UNSPEC. */
void dnsconn_forget(int fd);

/*
 * Before a data call on fd, with its MSG_ flags and the option that bounds it: what was written
 * is answered, and if the call may wait that is done here. 0; -EAGAIN: the option's time is
 * over; -EINTR.
 */
int dnsconn_before_data(int fd, int flags, int option);

/* After it: what it has written is answered, for who waits in another thread. */
void dnsconn_after_data(int fd);

/* What getpeername() shows; false: fd is none. */
bool dnsconn_peer(int fd, struct peer *peer);

/* In the child of a fork: the other end is its parent's. */
void dnsconn_forked_child(void);

#endif
