/* SPDX-License-Identifier: MIT */
/* datagrams.h - one UDP association: a relay on this machine before the proxy's */
#ifndef SOCKSIFY_RELAY_DATAGRAMS_H
#define SOCKSIFY_RELAY_DATAGRAMS_H

#include "relay/upstream.h"

/*
 * Asks the proxy for an association, gives the client one with a relay of our own, and
 * passes on what comes, wrapped and unwrapped, until one of the two connections ends. What
 * is no whole message, or was altered, is dropped.
 */
void datagrams_run(int client, struct upstream *up);

#endif
