/* SPDX-License-Identifier: MIT */
/*
 * guard.h - a kernel filter that stops what escapes the library
 *
 * Theory of Operation
 *
 * The library sees what passes through libc. A static program, a child that was
 * started without the library, a system call of the program's own do not, and
 * would go past the proxy. So the command, before it becomes the program, loads
 * a seccomp filter, which stays with everything that descends from it: sockets
 * of local kinds are anybody's; any other kind is made only for a call that
 * carries the token (core/token.h), which the library's do, and fails with
 * EACCES else. io_uring, which makes sockets past every filter, and the system
 * calls of other ABIs are said not to exist.
 *
 * Nobody watches and no call waits, so what the library does costs no more than
 * without. It is no barrier to a program that looks for the token in its
 * environment, nor for descriptors from outside: those it was started with, or
 * gets from another process.
 *
 * Under an outer socksify its filter is in force already, and does for this one
 * too, with its token. A token in the environment proves nothing, though: the
 * kernel is asked for a socket with it and without.
 *
 * The other level carries what escapes the library, and is in carry.h; what is
 * here says whether it is to be had, and loads its filter.
 */
#ifndef SOCKSIFY_LAUNCHER_GUARD_H
#define SOCKSIFY_LAUNCHER_GUARD_H

#include <stdbool.h>

enum guard {
	GUARD_AUTO, /* where the kernel allows it; carries what is not covered */
	GUARD_DENY, /* or not at all */
	GUARD_CARRY, /* carries all, or not at all */
	GUARD_NONE,
};

/*
 * Finds out what guard is in force and whether one can be had. Dies where one
 * is in force whose token is not known: no socket can be made there. Comes
 * before everything that makes sockets.
 */
void guard_prepare(enum guard wanted);

/*
 * Whether an outer socksify's guard is in force: libc can look no names up then,
 * for it makes no sockets, or is answered with fakes.
 */
bool guard_inherited(void);

/* That fakes are what it would be answered with: the outer one carries. */
bool guard_inherited_carries(void);

/* Whether a program that the library covers, or not, is to be carried. */
bool guard_wants_carry(bool covered);

/* Dies (STATUS_CANNOT_RUN) where an outer socksify's guard stands in the way. */
void guard_check_carry(const char *called);

/*
 * Puts this process under the filter that carries, and the token into the
 * environment. The descriptor of the listener, or -errno.
 */
int guard_carry(void);

/*
 * Whether guard_load takes the power from programs that run as another user or
 * with capabilities of their own.
 */
bool guard_disarms(void);

/*
 * Puts the guard in force from here on, and its token into the environment.
 * Where it cannot be had, GUARD_AUTO is content with one line, unless quiet,
 * and GUARD_DENY dies.
 */
void guard_load(bool quiet);

#endif
