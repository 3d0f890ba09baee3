/* SPDX-License-Identifier: MIT */
/* passing.h - descriptors in messages, SCM_RIGHTS of unix(7) */
#ifndef SOCKSIFY_PRELOAD_PASSING_H
#define SOCKSIFY_PRELOAD_PASSING_H

#include <sys/socket.h>

/*
 * message is about to be sent: the connections in it are negotiated to their end first,
 * since who gets one may know nothing of us. That may wait, at most for the proxy's time.
 */
void passing_sent(const struct msghdr *message);

/* message was received: numbers that were handed out with it are new. */
void passing_received(const struct msghdr *message);

#endif
