/* SPDX-License-Identifier: MIT */
/* kin.h - sockets made before a fork, and connected by the child */
#ifndef SOCKSIFY_PRELOAD_KIN_H
#define SOCKSIFY_PRELOAD_KIN_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/pending.h"

enum {
	KIN_SETS = 512, /* a cookie's set is its remainder: cookies are counted up */
	KIN_WAYS = 8,
};

/**
 * struct kin_memo - who a socket was connected to
 * @cookie:	SO_COOKIE; 0: none
 * @turn:	when it was left
 * @peer:	as the program gave it
 */
struct kin_memo {
	uint64_t cookie;
	uint32_t turn;
	struct peer peer;
};

/**
 * struct kin - what a process and its forks tell each other
 * @pending:	connections under way whose socket other processes have, too
 * @turn:	how many memos were left
 * @memos:	of the sockets that others may come to have, the latest few thousand
 */
struct kin {
	uint32_t pending;
	uint32_t turn;
	struct kin_memo memos[KIN_SETS][KIN_WAYS];
};

/* Shared with the children; never NULL. */
extern struct kin *kin_page;

/* It is set once, while other threads look. */
static inline struct kin *kin_now(void)
{
	return __atomic_load_n(&kin_page, __ATOMIC_ACQUIRE);
}

/* Some socket that this process knows nothing of may be under way. */
static inline bool kin_any(void)
{
	return __atomic_load_n(&kin_now()->pending, __ATOMIC_RELAXED) != 0;
}

/*
 * Before each fork, and before the first memo; the first time counts. Without memory for it,
 * nothing is told.
 */
void kin_setup(void);

/* The record's socket was inherited: others are to know, until kin_end. */
void kin_begin(struct pending *pending);
void kin_end(struct pending *pending, bool connected);

/*
 * The record of a socket that a relative has begun to connect, with a reference; NULL if
 * there is none. Records that nobody has gone on with are given up here.
 */
struct pending *kin_find(uint64_t cookie);

/* Leaves word of who that socket is connected to, for whoever else gets it. */
void kin_leave(uint64_t cookie, const struct peer *peer);

/* Some relative has left word of any. */
static inline bool kin_left(void)
{
	return __atomic_load_n(&kin_now()->turn, __ATOMIC_RELAXED) != 0;
}

/* Who a relative has connected that socket to. */
bool kin_peer(uint64_t cookie, struct peer *peer);

#endif
