/* SPDX-License-Identifier: MIT */
/* stream.h - the bytes of one connection, wrapped one way and unwrapped the other */
#ifndef SOCKSIFY_RELAY_STREAM_H
#define SOCKSIFY_RELAY_STREAM_H

#include "relay/upstream.h"

/*
 * Passes all that comes until both sides have ended. An end is passed on as an end, and an
 * error, or a message that is not what the server has sent, as a reset: the program never
 * sees altered data, nor an end in their place.
 */
void stream_run(int client, struct upstream *up);

#endif
