/* SPDX-License-Identifier: MIT */
/* nameservice.h - the daemons of this machine that look names up for programs */
#ifndef SOCKSIFY_PRELOAD_NAMESERVICE_H
#define SOCKSIFY_PRELOAD_NAMESERVICE_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * Whether an address is the socket of such a daemon; then it is refused, with a
 * line in the log, for what it is asked it would ask the network, in the clear.
 * addr is readable for len bytes. Async-signal-safe.
 */
bool nameservice_refused(const struct sockaddr *addr, socklen_t len);

#endif
