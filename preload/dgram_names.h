/* SPDX-License-Identifier: MIT */
/* dgram_names.h - names whose addresses a UDP socket has to know; for dgram*.c only */
#ifndef SOCKSIFY_PRELOAD_DGRAM_NAMES_H
#define SOCKSIFY_PRELOAD_DGRAM_NAMES_H

#include "preload/dgram_inner.h"

/*
 * The header for what goes to that name of the socket's sources: its length; 0: it is not
 * decided yet; or -errno, and the log says why. to is the name; header has room for any.
 */
int dgram_name_header(struct dgram *dgram, int name, const struct endpoint *to,
		      uint8_t *header);

/* Waits until that is decided, if the call may wait, five seconds at most. */
void dgram_name_await(struct dgram *dgram, int fd, int name, int flags);

/* Waits for what is asked, or until then, or for less long, and goes on with it. */
void dgram_names_wait(int64_t limit_ns);

#endif
