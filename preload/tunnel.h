/* SPDX-License-Identifier: MIT */
/* tunnel.h - what carries our own questions to a DNS server */
#ifndef SOCKSIFY_PRELOAD_TUNNEL_H
#define SOCKSIFY_PRELOAD_TUNNEL_H

#include "core/config.h"
#include "resolver/lookup.h"

void tunnel_setup(const struct config *config);

/* Through the proxy, or as the rules say for the server's address. */
extern const struct lookup_io tunnel_io;

/*
 * Straight to this machine's own servers, by TCP: for names under a direct rule, which libc
 * could not ask for under the guard.
 */
extern const struct lookup_io tunnel_local_io;

#endif
