/* SPDX-License-Identifier: MIT */
/* filter.h - the kernel filters of the guard, as programs for seccomp */
#ifndef SOCKSIFY_LAUNCHER_FILTER_H
#define SOCKSIFY_LAUNCHER_FILTER_H

#include <stdint.h>

/* A network socket is only for who names the token; what it is: guard.h. 0 or -errno. */
int filter_deny(uint64_t token);

/*
 * Sockets that are carried are for all, and the calls that say where something goes wait
 * for a supervisor's answer, unless they name the token; what it is: carry.h. The
 * descriptor where these calls are told, or -errno: -EBUSY where an outer filter's are
 * told to somebody.
 */
int filter_carry(uint64_t token);

#endif
