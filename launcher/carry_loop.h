/* SPDX-License-Identifier: MIT */
/* carry_loop.h - what the supervisor waits for: descriptors and times */
#ifndef SOCKSIFY_LAUNCHER_CARRY_LOOP_H
#define SOCKSIFY_LAUNCHER_CARRY_LOOP_H

#include <stdint.h>

#define NS_PER_MS INT64_C(1000000)

/**
 * struct source - a descriptor that is waited for; part of its owner's struct
 * @fd:		the descriptor
 * @ready:	called with epoll's events; may end and free its owner
 */
struct source {
	int fd;
	void (*ready)(struct source *source, uint32_t events);
};

/* 0 or -errno. */
int loop_open(void);

/* Begins to wait, or waits for other events from now on. 0 or -errno. */
int loop_add(struct source *source, uint32_t events);
int loop_change(struct source *source, uint32_t events);

/*
 * Has to come before the close: the file may be a target's too, and epoll would go on
 * telling of it.
 */
void loop_remove(struct source *source);

/* Waits for one of the sources until then (CLOCK_MONOTONIC), and calls its ready. */
void loop_once(int64_t until_ns);

int64_t loop_now(void);

#endif
