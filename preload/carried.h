/* SPDX-License-Identifier: MIT */
/* carried.h - libc's calls that a carrying guard tells of, as the library makes them */
#ifndef SOCKSIFY_PRELOAD_CARRIED_H
#define SOCKSIFY_PRELOAD_CARRIED_H

#include "preload/real.h"

/*
 * Under a guard that carries: what stands in libc's place for that call, the same with the
 * token; NULL for the others, and without such a guard.
 */
void *carried_call(enum real_id id);

#endif
