/* SPDX-License-Identifier: MIT */
/*
 * carry_group.h - whether a signal to the command was one to its whole group
 *
 * The program has had that already. The supervisor is in the group, too, and the kernel
 * begins with who came last into it: so the supervisor has a signal to the group before the
 * command has. But either may read of it late, and what is sent again before it is read is
 * read once. So they are not counted, but told apart by when they were read:
 *
 *	read by the command before the supervisor read one: the supervisor's is that one,
 *	or one that came right after it;
 *	read by the command at once after that, or, where there was none in between, later:
 *	the supervisor's is that one.
 *
 * Pure.
 */
#ifndef SOCKSIFY_LAUNCHER_CARRY_GROUP_H
#define SOCKSIFY_LAUNCHER_CARRY_GROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { GROUP_SIGNALS_MAX = 65 };

/*
 * The supervisor has read of a signal, from this sender, now. 0 is a sender, too: one in a
 * pid namespace around this one.
 */
void group_signal(int number, pid_t sender, int64_t now_ns);

/*
 * What the command read at that time was to the whole group. Asked after the supervisor has
 * read all that there is.
 */
bool group_has_had(int number, pid_t sender, int64_t read_ns);

#endif
