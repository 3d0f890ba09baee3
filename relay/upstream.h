/* SPDX-License-Identifier: MIT */
/* upstream.h - the proxy's side of one connection: reached, logged in, agreed on protection */
#ifndef SOCKSIFY_RELAY_UPSTREAM_H
#define SOCKSIFY_RELAY_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "relay/security.h"

/**
 * struct upstream - a connection to the proxy
 * @fd:		-1: none
 * @address:	the proxy's, that it goes to
 * @security:	its context
 * @deadline_ms: for all that comes before data
 */
struct upstream {
	int fd;
	struct endpoint address;
	struct security security;
	int64_t deadline_ms;
};

/*
 * Dials the proxy, logs in by GSSAPI and agrees on protection. 0, or what the program is to
 * be told of it (a REP); the log has been told why. To be closed in any case.
 */
int upstream_open(struct upstream *up, const struct config *config, bool datagrams);
void upstream_close(struct upstream *up);

/* One message out, which fits into a token. 0 or -errno. */
int upstream_send(struct upstream *up, const uint8_t *in, size_t len);

/* The content of the next message; at level GSSAPI_CLEAR some bytes. 0 or -errno. */
int upstream_receive(struct upstream *up, struct token *out);

#endif
