/* SPDX-License-Identifier: MIT */
/* dial.h - the kernel's connect() to the proxy, and what a refused one looks like */
#ifndef SOCKSIFY_PRELOAD_DIAL_H
#define SOCKSIFY_PRELOAD_DIAL_H

#include <stdbool.h>

#include "core/config.h"
#include "preload/pending.h"

void dial_setup(const struct config *config);

/*
 * Which of the proxy's addresses fd, a socket of that family, can reach; it may lose
 * IPV6_V6ONLY by that. ENDPOINT_NONE: none.
 */
enum endpoint_kind dial_reachable(int fd, int family);

/*
 * Connects fd to the proxy's address that the record is at, or the first after it that
 * takes a connection. 0, -EINPROGRESS, or the last one's error. Signals are blocked
 * where the record says that the socket is blocking.
 */
int dial(struct pending *pending, int fd);

/* The same after the address at hand has failed. -ENOENT: there is no other. */
int dial_next(struct pending *pending, int fd);

/* The proxy's address is at fault for this error, not the socket. */
bool dial_another_may_do(int r);

/*
 * Makes fd look as after a connection that was refused natively and not yet told: the
 * event mask, and what later calls say. True when the kernel holds an error to be told.
 */
bool dial_look_refused(const struct pending *pending, int fd);

/*
 * Makes fd look as after a reset that came natively: the event mask, what later calls say,
 * nothing left to be read. True when the kernel holds an error to be told.
 */
bool dial_look_reset(int fd);

/* The same after connect() told it: the error is gone, the socket can be used again. */
void dial_tell_refused(int fd, int family);

#endif
