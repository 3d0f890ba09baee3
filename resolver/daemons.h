/* SPDX-License-Identifier: MIT */
/* daemons.h - the daemons of this machine that look names up for programs */
#ifndef SOCKSIFY_RESOLVER_DAEMONS_H
#define SOCKSIFY_RESOLVER_DAEMONS_H

#include <stdbool.h>

/*
 * A socket of nscd, of systemd's resolver or of avahi has this path, or is this file by
 * another: /var/run, a directory that it is seen from.
 */
bool daemons_is_one(const char *path);

#endif
