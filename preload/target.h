/* SPDX-License-Identifier: MIT */
/* target.h - what would run if a path were executed: can the library get into it? */
#ifndef SOCKSIFY_PRELOAD_TARGET_H
#define SOCKSIFY_PRELOAD_TARGET_H

/*
 * The file of an execveat(2) with these arguments. 0: start it, or the kernel will say
 * why not; -EACCES: it would go past the proxy, and a line in the log says so;
 * other -errno of execve(2): it cannot be looked at. Changes nothing of the program's
 * but the clock's time, in some 10 us: also in a vfork child and a signal handler.
 */
int target_check_at(int dirfd, const char *path, int flags);

/* The same for a path of execve(2). */
int target_check(const char *path);

#endif
