/* SPDX-License-Identifier: MIT */
/* talk.h - one step of a negotiation with the proxy */
#ifndef SOCKSIFY_PRELOAD_TALK_H
#define SOCKSIFY_PRELOAD_TALK_H

#include <stdbool.h>

#include "core/config.h"
#include "preload/pending.h"

void talk_setup(const struct config *config);

/*
 * Sends and receives what goes without waiting; fd is a descriptor of the record's
 * socket. Called with the record's lock, signals blocked. True when that ended it: the
 * record is PENDING_DONE or PENDING_FAILED, or, for BIND, bound; and the caller is to say so
 * (talk_report).
 */
bool talk_step(struct pending *pending, int fd);

/*
 * The log's line for a negotiation that is over; and what a step has done, for -vv. May
 * wait for whoever reads the log: not with the lock.
 */
void talk_report(const struct pending *pending);
void talk_trace(const struct pending *pending, enum handshake_state from,
		enum handshake_state to);

/*
 * Options that would stall the handshake (an RCVLOWAT sleeps for ever, a CORK costs
 * 200 ms) are taken away meanwhile and remembered in the record; and put back.
 */
void talk_neutralise_options(struct pending *pending, int fd);
void talk_restore_options(struct pending *pending, int fd);

#endif
