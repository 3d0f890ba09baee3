/* SPDX-License-Identifier: MIT */
/* carry_call.h - one call that escaped the library: told, judged, answered */
#ifndef SOCKSIFY_LAUNCHER_CARRY_CALL_H
#define SOCKSIFY_LAUNCHER_CARRY_CALL_H

#include <stdint.h>

#include "core/config.h"

/* 0 or -errno. config must outlive all use. */
int call_setup(const struct config *config, int listener);

/* Takes the next call in hand. Where no call waits any more it does nothing. */
void call_next(void);

/*
 * The answer to a call that was taken in hand: its result (>= 0) or -errno. -ENOENT: it
 * does not wait any more.
 */
int call_answer(int listener, uint64_t id, long result);

#endif
