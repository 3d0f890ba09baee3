/* SPDX-License-Identifier: MIT */
/* ask.h - questions of programs' own DNS clients that are asked for real */
#ifndef SOCKSIFY_PRELOAD_ASK_H
#define SOCKSIFY_PRELOAD_ASK_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/endpoint.h"

/**
 * struct ask_question - what is asked
 * @server:	who; NULL: the configured ones
 * @query:	the message
 * @len:	of it
 * @tag:	the asker's own word, copied and handed back
 * @tag_len:	of it
 */
struct ask_question {
	const struct endpoint *server;
	const uint8_t *query;
	size_t len;
	const void *tag;
	size_t tag_len;
};

/**
 * struct asker - who asks; both are called with signals blocked and the lock
 * @answered:	what owner's question came to; len is 0 where nobody answered. reply may be
 *		changed. May ask more, by ask_within
 * @waiting:	somebody is about to wait, and will step; or NULL
 */
struct asker {
	void (*answered)(void *owner, const struct ask_question *question,
			 uint8_t *reply, size_t len);
	void (*waiting)(void *owner);
};

/**
 * struct ask_served - a stream of questions, which is stepped as they are
 * @next:	ask.c's
 * @attend:	what it waits for; no events: nothing
 * @step:	goes on without waiting; may ask, and end what is served
 * @until_ns:	when to step though nothing happened (CLOCK_MONOTONIC)
 */
struct ask_served {
	struct ask_served *next;
	void (*attend)(struct ask_served *served, struct pollfd *pollfd);
	void (*step)(struct ask_served *served);
	int64_t until_ns;
};

/* How many of both this process has: the hooks' first question. */
extern uint32_t ask_count;

static inline bool ask_any(void)
{
	return __builtin_expect(
		__atomic_load_n(&ask_count, __ATOMIC_RELAXED) != 0, 0);
}

/*
 * Begins to ask; the same question of the same owner is asked once. With too many under way
 * the oldest is given up. 0 or -errno. Uses the heap.
 */
int ask(void *owner, const struct asker *asker,
	const struct ask_question *question);

/* owner has some under way. */
bool ask_waits(const void *owner);

/* owner is about to be no more. */
void ask_forget(const void *owner);

/*
 * Begins to serve, and ends it. With the lock, as all that a stream of questions does; a step
 * has it.
 */
void ask_lock(sigset_t *signals);
void ask_unlock(const sigset_t *signals);
void ask_serve(struct ask_served *served);
void ask_serve_end(struct ask_served *served);

/* The same as ask and ask_forget, with the lock. */
int ask_within(void *owner, const struct asker *asker,
	       const struct ask_question *question);
void ask_forget_within(const void *owner);

/*
 * Whoever waits for anything waits for this, too: false when nothing is under way. It is
 * readable when ask_step has something to do, be it because a time is over.
 */
bool ask_attend(struct pollfd *pollfd);

/*
 * Waits until fd can be read (SO_RCVTIMEO) or written (SO_SNDTIMEO), within that option's
 * time, and steps meanwhile; with an owner only while something of its is asked. 0; -EAGAIN: the time is over; -EINTR. A cancellation point.
 */
int ask_await(int fd, int option, const void *owner);

/* Goes on with all of them, as far as that goes without waiting. */
void ask_step(void);

/* In the child of a fork: what is under way is its parent's to ask. */
void ask_forked_child(void);

#endif
