/* SPDX-License-Identifier: MIT */
/*
 * carry_island.h - a network of the supervisor's own, where the stub has every address
 *
 * Theory of Operation
 *
 * A resolver like musl's sends from a socket that is not connected, and takes an answer
 * only from the address that it asked. Nobody may send from another's address; but in a
 * network namespace of one's own all addresses can be one's own. There the supervisor has
 * a name server on port 53 of all of them. When a carried program sends to a name server
 * without having connected, a fresh socket of that namespace takes the place of the
 * program's under its number (SECCOMP_IOCTL_NOTIF_ADDFD), and the question goes, as it is,
 * to the address that it is for. Nothing leads out of there, so whatever else the program
 * does with that socket reaches nobody.
 *
 * The namespace is made when it is first needed, by a process that stays in it and makes
 * sockets when it is told to: an ordinary user makes it in a user namespace, and could not
 * come back from there. Where that is forbidden, there is no island.
 *
 * Epolls that wait for the old socket wait for the fresh one (carry_epoll.h). One that is
 * used for something else after all is exchanged back.
 */
#ifndef SOCKSIFY_LAUNCHER_CARRY_ISLAND_H
#define SOCKSIFY_LAUNCHER_CARRY_ISLAND_H

#include <stdbool.h>

#include "launcher/carry_target.h"

/* This socket is one of the island's. */
bool island_has(int fd);

/*
 * Puts a fresh UDP socket of that family in the place of fd, which the target has as
 * number: nonblocking, with a limit to waits, a port, and closed at exec, as that is. The
 * fresh one here, too, or -errno.
 */
int island_swap(const struct target *t, int number, int fd, int family);

/* The same with a socket that is none of the island's. */
int island_leave(const struct target *t, int number, int fd, int family);

#endif
