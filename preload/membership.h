/* SPDX-License-Identifier: MIT */
/* membership.h - multicast groups: joining one puts a packet on the network */
#ifndef SOCKSIFY_PRELOAD_MEMBERSHIP_H
#define SOCKSIFY_PRELOAD_MEMBERSHIP_H

#include <stdbool.h>
#include <sys/socket.h>

#include "core/config.h"

/*
 * Whether a socket option may be set: false for one that joins a group (the kernel then
 * reports it to the network by IGMP or MLD) which no direct rule names. Said in the log.
 */
bool membership_allowed(const struct config *config, int level, int name,
			const void *value, socklen_t len);

#endif
