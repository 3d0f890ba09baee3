/* SPDX-License-Identifier: MIT */
/* signals.h - signals held off for a moment, and what an interrupted wait means */
#ifndef SOCKSIFY_PRELOAD_SIGNALS_H
#define SOCKSIFY_PRELOAD_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/* Blocks all of this thread's signals, glibc's own too; before: what was blocked. */
void signals_block(sigset_t *before);

/*
 * The same for a span with waits in it that are cancellation points: glibc's own two stay
 * open. It waits for the one of them to come when a cancellation meets the end of such a
 * call, and would wait for ever.
 */
void signals_block_but_cancel(sigset_t *before);

void signals_restore(const sigset_t *before);

/* As signals_restore; blocked is what it was until now. */
void signals_exchange(const sigset_t *set, sigset_t *blocked);

/*
 * Whether a wait that a handler interrupted goes on: if every handler that could have
 * run, where before was blocked, is one of SA_RESTART. The kernel tells no more.
 */
bool signals_restart(const sigset_t *before);

#endif
