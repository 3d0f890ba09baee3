/* SPDX-License-Identifier: MIT */
/* swap.h - a socket of the other family in the place of the program's own */
#ifndef SOCKSIFY_PRELOAD_SWAP_H
#define SOCKSIFY_PRELOAD_SWAP_H

#include <stdbool.h>
#include <sys/socket.h>

#include "preload/fdtable.h"
#include "preload/pending.h"

static inline bool swap_shown(int fd)
{
	return __builtin_expect((fdtable_notes(fd) & FD_SWAPPED) != 0, 0);
}

/* The family of the socket that fd shows, where the program's is family. */
static inline int swap_family(int fd, int family)
{
	if (!swap_shown(fd))
		return family;
	return family == AF_INET ? AF_INET6 : AF_INET;
}

/*
 * A new TCP socket of that family which is otherwise like fd: options, status flags,
 * owner, source port. Its descriptor, which is the caller's to close, or -EADDRNOTAVAIL
 * when the port is taken in that family, or -EAFNOSUPPORT, and the log tells why;
 * -EISCONN or -EALREADY for a socket that is not at rest.
 */
int swap_make(int fd, int family);

/*
 * Puts the file of fresh in the place of that of fd: under its number, under the other
 * numbers that the table knows to show the same, and in the epolls, with the record's
 * marker; those of watch_begin are remembered in the record already. Its cookie becomes
 * the new one. 0, or -EAFNOSUPPORT: all is as it was. Signals are blocked.
 */
int swap_place(struct pending *pending, int fd, int fresh);

/*
 * A new socket that is like fd, of the same family, at rest, and bound to the same address
 * under another port. Its descriptor, which is the caller's to close, or -errno.
 */
int swap_twin(int fd);

/*
 * Puts the file of fresh in the place of that of fd everywhere, as swap_place does. 0, or
 * 1 if it is registered in some epoll of the program; -EAFNOSUPPORT: all is as it was.
 */
int swap_replace(int fd, int fresh);

/*
 * The program wants its own socket again, for what has no proxy in it: a fresh one of its
 * own family takes the place of fd, which is not connected. 0, or -errno as above.
 */
int swap_back(int fd);

/* --- what the program sees of it: for descriptors that swap_shown tells of ----- */

/* getsockname(): real is what the kernel says. Returns the length of the address. */
socklen_t swap_name(int fd, const struct sockaddr_storage *real,
		    struct sockaddr_storage *name);

/* The option that is meant by one of the program's own family. */
void swap_option(int fd, int *level, int *name);

/*
 * An option whose value is ours to tell: true, and *value is to be given where the
 * kernel gives the option that level and name are now.
 */
bool swap_tells(int fd, int *level, int *name, int *value);

#endif
