/* SPDX-License-Identifier: MIT */
/* handover.h - connections that others get: programs that are started, receivers */
#ifndef SOCKSIFY_PRELOAD_HANDOVER_H
#define SOCKSIFY_PRELOAD_HANDOVER_H

/*
 * Waits until no connection that exec would hand on is still being negotiated,
 * for each until its own time is over: the program that gets it could not go on
 * with it. Async-signal-safe, no cancellation point. Does nothing in a vfork
 * child, whose descriptors are not those that the tables tell of.
 */
void handover_finish(void);

/* The same for the one behind fd, which is about to be passed to somebody. */
void handover_finish_one(int fd);

#endif
