/* SPDX-License-Identifier: MIT */
/*
 * carry_connect.h - connections under way, for programs whose connect() waits
 *
 * Theory of Operation
 *
 * A flight is one connect() of a program's that is carried: the supervisor has a duplicate
 * of the socket, dials the proxy with it and negotiates, and answers the call when the far
 * side is there, or is not. The socket's open file is the program's, so nothing of it is
 * changed that others would see for longer than a moment: never O_NONBLOCK; a blocking
 * socket's connect is cut to one tick by SO_SNDTIMEO, and what is left of it waited for
 * in the supervisor's loop. SO_RCVLOWAT and TCP_CORK are put back at the end, and
 * IPV6_V6ONLY where there is no connection.
 *
 *	FLIGHT_DIALLING ─► FLIGHT_TALKING ─► answered
 *	FLIGHT_DIRECT ─► answered
 *
 * A nonblocking connect() of the program waits, too: EINPROGRESS cannot be said, since the
 * kernel would call the socket writable when the proxy is reached. A direct one to
 * somewhere is the kernel's in everything, so there EINPROGRESS is the truth.
 *
 * Several calls may wait for one flight: other threads, or one that a signal interrupted
 * and that is made again. Since Linux 5.19 the kernel holds a signal with a handler, and a
 * stop, back until the call is answered; so it is, with an errno by which the kernel makes
 * it again, where such a signal is seen to wait. A call that is no more because its thread is no more
 * ends the flight within a second.
 */
#ifndef SOCKSIFY_LAUNCHER_CARRY_CONNECT_H
#define SOCKSIFY_LAUNCHER_CARRY_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "launcher/carry_peers.h"
#include "launcher/carry_target.h"

/* config must outlive all use. */
void flight_setup(const struct config *config);

/* A call of connect() is answered when and as the flight of that socket ends. */
bool flight_join(uint64_t cookie, const struct target *t);

/* The program takes that socket's connection apart: who waits for it is told so. */
void flight_abort(uint64_t cookie);

/*
 * Begins a connection of fd, which becomes the flight's, for the call of t: through the
 * proxy to destination. shown is the address that the program named.
 */
void flight_via(const struct target *t, int fd, int family,
		const struct endpoint *destination, const struct peer *shown);

/* The same past the proxy. */
void flight_direct(const struct target *t, int fd, const struct peer *to);

/* What is over by time is ended; when to come again (CLOCK_MONOTONIC, ns). */
int64_t flight_expire(void);

/* The kernel's connect, which waits for a tick at the most. 0 or -errno. */
int flight_connect_briefly(int fd, const void *address, socklen_t len);

/* Takes the kernel's connection of a socket apart. */
void flight_dissolve(int fd);

#endif
