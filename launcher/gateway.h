/* SPDX-License-Identifier: MIT */
/* gateway.h - the process that speaks GSSAPI to the proxy (relay/gateway.c): started */
#ifndef SOCKSIFY_LAUNCHER_GATEWAY_H
#define SOCKSIFY_LAUNCHER_GATEWAY_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/config.h"

/*
 * Starts the gateway that config asks for, beside this library, and names it in
 * SOCKSIFY_GATEWAY. Dies with cause and cure where it cannot be had. It lives at least as
 * long as its owner; tells says whether it may use standard error until then.
 */
void gateway_start(const struct config *config, const char *library, pid_t owner,
		   bool tells);

/* The shell that evaluates what this command prints. */
pid_t gateway_shell(void);

#endif
