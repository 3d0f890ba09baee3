/* SPDX-License-Identifier: MIT */
/* users.h - whether a process is left that the gateway is for */
#ifndef SOCKSIFY_RELAY_USERS_H
#define SOCKSIFY_RELAY_USERS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a process has been started with this mark in its environment; or has the library
 * of socksify loaded, and has written over its environment so that nothing can be told.
 * Only processes that this one may look into are seen. True where that cannot be found out
 * at all.
 */
bool users_exist(const char *mark);

/*
 * Whether the UDP port of this machine is this user's; root's programs may have become
 * anybody.
 */
bool users_own_port(uint16_t port);

#endif
