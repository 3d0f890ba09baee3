/* SPDX-License-Identifier: MIT */
/*
 * carry_ask.h - what the name server (carry_dns.h) cannot answer, asked for real
 *
 * resolver/lookup.c asks, over a connection of the supervisor's own through the proxy: each
 * question has one, as long as it is asked. It is bounded how many there are at once.
 */
#ifndef SOCKSIFY_LAUNCHER_CARRY_ASK_H
#define SOCKSIFY_LAUNCHER_CARRY_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "core/config.h"

struct ask;

/* The answer; len is 0 where nobody gave one. The ask is no more. */
typedef void ask_done(void *arg, const uint8_t *reply, size_t len);

/* config must outlive all use. */
void ask_setup(const struct config *config);

/* Begins to ask; done is called later. NULL: it cannot be asked. */
struct ask *ask_begin(const uint8_t *query, size_t len, ask_done *done, void *arg);

/* Forgets it; done is not called. */
void ask_forget(struct ask *ask);

/* What time has come for goes on; when to come again (CLOCK_MONOTONIC, ns). */
int64_t ask_expire(void);

#endif
