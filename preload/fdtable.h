/* SPDX-License-Identifier: MIT */
/* fdtable.h - which descriptors stand for something of ours */
#ifndef SOCKSIFY_PRELOAD_FDTABLE_H
#define SOCKSIFY_PRELOAD_FDTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pollfd;
struct thing;

/**
 * struct thing_kind - what kind of thing it is: told by the address of this
 * @release:	called when the last reference is gone
 * @attend:	what else is to be waited for by whoever waits for the descriptor: fills up to
 *		max of fds, with events, and returns how many. NULL: never anything
 * @step:	some of that has woken, or may have: goes on without waiting
 */
struct thing_kind {
	void (*release)(struct thing *thing);
	size_t (*attend)(struct thing *thing, struct pollfd *fds, size_t max);
	void (*step)(struct thing *thing);
};

/**
 * struct thing - what a descriptor stands for; the first member of the real one
 * @refs:	descriptors that show it, and hooks that are using it
 * @kind:	constant; the memory of a thing is always of the same kind
 *
 * The memory of a thing must stay a thing for ever (it may be given to another
 * one): a reader without a lock may still look at @refs after the release.
 */
struct thing {
	uint32_t refs;
	const struct thing_kind *kind;
};

/* What is known of a descriptor besides; all false for a number never seen. */
enum fd_note {
	FD_SEEN = 1,	/* its socket() was ours, so the rest is complete */
	FD_WATCHED = 2, /* it was added to an epoll of the program */
	FD_ODD = 4,	/* options that a handshake has to know of were set */
	FD_EPOLL = 8,	/* it is an epoll to which a socket was added */
	FD_STREAM = 16, /* with FD_SEEN: it is a TCP socket, else a UDP one */
	FD_INET6 = 32,	/* with FD_SEEN: of AF_INET6, else of AF_INET */
	FD_DUPED = 64,	/* other descriptors may show the same socket */
	FD_V6ONLY = 128, /* IPV6_V6ONLY was set, and had to be taken away */
	FD_NESTS = 256, /* it is an epoll to which another was added */
	FD_INHERITED = 512, /* it was there before this process was forked */
	FD_SWAPPED = 1024, /* one of the other family stands for it (swap.h) */
	FD_WATCHED_MORE = 2048, /* fdtable_watch does not know all of that */
	FD_CLAIMED = 4096, /* bound so that it goes with a connection (listener.h) */
	FD_DEVICE = 8192, /* an option that names a device was set (detour.h) */
	FD_PRIVATE = 16384, /* it is one of ours (private_fd.h) */
	FD_OURS = 32768, /* it is none of the program's (ask.h) */
	FD_DIALLED = 65536, /* a thread is beginning its connection (conn_open.c) */
};

/**
 * struct fd_watch - a descriptor's registration in an epoll of the program
 * @epfd:	the epoll
 * @events:	as given to epoll_ctl
 * @data:	likewise
 */
struct fd_watch {
	int32_t epfd;
	uint32_t events;
	uint64_t data;
};

/* --- the table itself: here only so that a look at it needs no call ----------------- */

enum {
	FDTABLE_CHUNK = 1024,
	FDTABLE_CHUNKS = 1024, /* fs.nr_open is 1,048,576 unless raised */
};

struct fdtable_slot {
	struct thing *thing;
	uint32_t notes;
	uint32_t epoll; /* with FD_EPOLL: fdtable_epoll */
	struct fd_watch watch;
};

extern struct fdtable_slot *fdtable_chunks[FDTABLE_CHUNKS];

static inline struct fdtable_slot *fdtable_slot(int fd)
{
	struct fdtable_slot *chunk;

	if ((unsigned int)fd >= FDTABLE_CHUNKS * FDTABLE_CHUNK)
		return NULL;
	chunk = __atomic_load_n(&fdtable_chunks[fd / FDTABLE_CHUNK],
				__ATOMIC_ACQUIRE);
	return chunk == NULL ? NULL : &chunk[fd % FDTABLE_CHUNK];
}

/* --- what it is asked ---------------------------------------------------------------- */

/* The thing behind fd with a reference, or NULL. No lock. */
struct thing *fdtable_get(int fd);

/* The same if it is of that kind. */
struct thing *fdtable_get_kind(int fd, const struct thing_kind *kind);
void fdtable_put(struct thing *thing);

/* One more reference, to a thing that was found otherwise; false: it is gone. */
bool fdtable_hold(struct thing *thing);

/* The same without a reference: it may become another thing at any time. */
static inline const struct thing *fdtable_peek(int fd)
{
	const struct fdtable_slot *slot = fdtable_slot(fd);

	return slot ? __atomic_load_n(&slot->thing, __ATOMIC_ACQUIRE) : NULL;
}

/*
 * Makes fd stand for thing, taking over the caller's reference; what it stood
 * for before is dropped. -ENOMEM, or -EPERM in a vfork child, whose table is its
 * parent's: the reference then stays the caller's.
 */
int fdtable_set(int fd, struct thing *thing);

/* As fdtable_set with a reference of its own; 0 also if fd stands for it already. */
int fdtable_share(int fd, struct thing *thing);

/* Forgets all about fd: it is about to be closed, or is a new file. */
void fdtable_drop(int fd);
void fdtable_drop_range(unsigned int first, unsigned int last);

/* Forgets thing if fd still stands for it. */
void fdtable_forget(int fd, struct thing *thing);

/* Some descriptor that stands for thing, or -1. Looks at all of them. */
int fdtable_find(const struct thing *thing);

/* to is now a copy of from. */
void fdtable_dup(int from, int to);

/*
 * Notes are made without asking whose tables these are: a vfork child that makes
 * sockets would only cost a look at the kernel's own lists later.
 */
static inline unsigned int fdtable_notes(int fd)
{
	const struct fdtable_slot *slot = fdtable_slot(fd);

	return slot ? __atomic_load_n(&slot->notes, __ATOMIC_RELAXED) : 0;
}

/* All is known of fd, and it has no FD_ODD options: there is no need to ask for them. */
static inline bool fdtable_plain(int fd)
{
	unsigned int doubts = FD_ODD | FD_DUPED | FD_INHERITED;

	return (fdtable_notes(fd) & (FD_SEEN | doubts)) == FD_SEEN;
}
void fdtable_note(int fd, unsigned int notes);

/* The same for one note: false if it was there already. */
bool fdtable_note_first(int fd, unsigned int note);
void fdtable_unnote(int fd, unsigned int notes);

/*
 * fd is an epoll; made: one that was made now. It gets a mark that its duplicates and the
 * children of a fork have, too, by which another epoll of the same number is told from it.
 */
void fdtable_note_epoll(int fd, bool made);

/* That mark; 0: none. */
static inline uint32_t fdtable_epoll(int fd)
{
	const struct fdtable_slot *slot = fdtable_slot(fd);

	return slot && __atomic_load_n(&slot->notes, __ATOMIC_RELAXED) &
				       FD_EPOLL
		       ? __atomic_load_n(&slot->epoll, __ATOMIC_RELAXED)
		       : 0;
}

/*
 * Remembers a registration, about to be made (or changed) by epoll_ctl; the first one of a
 * descriptor. Others, and a ONESHOT, of which only the kernel knows whether it has fired, are
 * noted as FD_WATCHED_MORE.
 */
void fdtable_watch(int fd, const struct fd_watch *watch, bool changed);

/*
 * The one registration of fd, as far as epoll_ctl has told. False: there are more, or it is
 * not known; the kernel is to be asked.
 */
bool fdtable_watched(int fd, struct fd_watch *watch);

/* Calls each for every descriptor noted with notes, in order. */
void fdtable_each_noted(unsigned int notes, void (*each)(int fd, void *arg),
			void *arg);

/* The first descriptor above fd that stands for a thing, or -1. */
int fdtable_next(int fd);

/* In the child of a fork: the sockets that are known are FD_INHERITED. */
void fdtable_inherit(void);

/*
 * The process that these tables belong to is this one. False in a vfork child
 * (and its like), which must leave everything as it is; after a fork of any
 * kind the tables are the child's own.
 */
bool fdtable_ours(void);

#endif
