/* SPDX-License-Identifier: MIT */
/*
 * lookup.h - real questions to a DNS server, by TCP over a transport that is handed in
 *
 * For what the fake map cannot answer: other types than addresses, a server that a program
 * names, and all names where the configuration says so. Asking may wait, uses the heap, and
 * is not async-signal-safe. Errors are -errno: -ETIMEDOUT, -ECONNREFUSED (no server could be
 * had), -ENOMEM, -EINVAL (no name or no message).
 */
#ifndef SOCKSIFY_RESOLVER_LOOKUP_H
#define SOCKSIFY_RESOLVER_LOOKUP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/config.h"
#include "core/endpoint.h"
#include "resolver/hosts.h"

/**
 * struct lookup_stream - a stream to a server; the transport's, kept by the lookup
 * @fd:		what to poll
 * @cookie:	tells the transport whether that still is the socket it made
 */
struct lookup_stream {
	int fd;
	uint64_t cookie;
};

/**
 * struct lookup_io - a transport
 * @local:	it leads to this machine's own servers, those of resolv.conf; else the
 *		configured ones are asked
 * @open:	begins a stream to a server. 0 or -errno; it need not stand yet
 * @send:	as send(2) and recv(2), but -errno and without waiting; -EAGAIN while
 * @receive:	the stream is being made
 * @events:	what to poll the stream for where the lookup wants these events
 * @close:	ends it
 * @wait:	waits for events or a time (CLOCK_MONOTONIC, ns), or for less long; a
 *		cancellation point
 */
struct lookup_io {
	bool local;
	int (*open)(struct lookup_stream *stream, const struct endpoint *server);
	long (*send)(struct lookup_stream *stream, const void *bytes, size_t len);
	long (*receive)(struct lookup_stream *stream, void *bytes, size_t size);
	short (*events)(struct lookup_stream *stream, short wanted);
	void (*close)(struct lookup_stream *stream);
	void (*wait)(struct pollfd *fds, size_t n, int64_t until_ns);
};

/* The longest message that TCP can carry, RFC 1035 section 4.2.2. */
enum { LOOKUP_MESSAGE_MAX = 65535 };

/* config must outlive all use. */
void lookup_setup(const struct config *config);

/* --- asking, and waiting for the answer ------------------------------------ */

/*
 * Asks by a whole message, whose id and question the answer repeats, and waits. The length of
 * the answer, of which as much as size holds is in answer; it may say that there is no such
 * name. Or -errno.
 */
ssize_t lookup_send(const struct lookup_io *io, const uint8_t *query,
		    size_t len, uint8_t *answer, size_t size);

/* What a server answered is not that it could not tell: SERVFAIL, NOTIMP, REFUSED. */
bool lookup_is_verdict(const uint8_t *reply);

/*
 * The addresses of a name, of one family or of both (AF_UNSPEC); answer's name is the
 * canonical one, its aliases those that lead there. 0; -ENOENT: there is no such name;
 * -ENODATA: it has none; or another -errno, and it may have some.
 */
int lookup_addresses(const struct lookup_io *io, const char *name, int family,
		     struct hosts_answer *answer);

/* The name of an address, within so many milliseconds. As lookup_addresses. */
int lookup_name(const struct lookup_io *io, const struct hosts_address *address,
		int within_ms, struct hosts_answer *answer);

/* --- asking, and going on ---------------------------------------------------- */

struct lookup;

/* What a lookup came to: len is 0 where nobody answered. The lookup is no more. */
typedef void lookup_done(void *arg, const uint8_t *reply, size_t len);

/*
 * Begins to ask; done is called by a later lookup_step, never by this. server is NULL for
 * those of the transport. NULL: no memory, or no message.
 *
 * In the child of a fork the lookup begins anew, with a stream of its own, at the next
 * lookup_fds or lookup_step there.
 */
struct lookup *lookup_start(const struct lookup_io *io,
			    const struct endpoint *server, const uint8_t *query,
			    size_t len, lookup_done *done, void *arg);

/* What to poll for: how many of fds, max at the most, are set. */
size_t lookup_fds(struct lookup *lookup, struct pollfd *fds, size_t max);

/* When to step though nothing happened (CLOCK_MONOTONIC, ns). */
int64_t lookup_deadline(const struct lookup *lookup);

/* Goes on as far as that goes without waiting. False: done was called. */
bool lookup_step(struct lookup *lookup);

/* Forgets it; done is not called. */
void lookup_cancel(struct lookup *lookup);

/*
 * The message that asks for a name's addresses of one family: its length, or -errno. And what
 * the reply to it says, as lookup_addresses would.
 */
int lookup_query(const char *name, int family, uint8_t *query, size_t size);
int lookup_read(const uint8_t *reply, size_t len, int family,
		struct hosts_answer *answer);

#endif
