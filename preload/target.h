/* SPDX-License-Identifier: MIT */
/* target.h - what would run for a path: can the library get into it? */
#ifndef SOCKSIFY_PRELOAD_TARGET_H
#define SOCKSIFY_PRELOAD_TARGET_H

/*
 * The file of an execveat(2) with these arguments. 0: start it, or the kernel
 * will say why not; -EACCES: it would go past the proxy, and a line in the log
 * says so; other -errno of execve(2): it cannot be looked at. Changes nothing
 * of the program's but the clock's time, in some 10 us: also in a vfork child
 * and a signal handler.
 */
int target_check_at(int dirfd, const char *path, int flags);

/* The same for a path of execve(2). */
int target_check(const char *path);

/*
 * The same for a name of posix_spawnp(3): the first file that PATH leads to and
 * that may be executed.
 */
int target_check_name(const char *name);

/* PATH as libc's callers of exec know it: with its default. */
const char *target_path_list(void);

enum { TARGET_PATH_MAX = 4096 }; /* what libc takes of PATH at most */

#endif
