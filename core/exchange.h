/* SPDX-License-Identifier: MIT */
/* exchange.h - a negotiation's messages (handshake.h) over a descriptor */
#ifndef SOCKSIFY_CORE_EXCHANGE_H
#define SOCKSIFY_CORE_EXCHANGE_H

#include "core/handshake.h"

/*
 * Sends or receives what comes next, or a part of it, without waiting and without SIGPIPE.
 * Returns the number of bytes; 0 where nothing was left to be sent, or at the end of the
 * stream, of which the machine is told; or -errno, of which it is not: another address may
 * do. No copy of a password is left.
 */
long exchange_step(struct handshake *handshake, int fd, const struct credentials *who);

#endif
