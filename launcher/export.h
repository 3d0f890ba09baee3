/* SPDX-License-Identifier: MIT */
/* export.h - the environment as commands for a shell */
#ifndef SOCKSIFY_LAUNCHER_EXPORT_H
#define SOCKSIFY_LAUNCHER_EXPORT_H

#include <stddef.h>

/*
 * For each of the names prints what gives a shell the value that the name has
 * in our environment, or takes it away where it has none: for sh, bash and zsh,
 * or for fish. Any value survives, quotes and newlines too.
 */
void export_for_sh(const char *const *names, size_t count);
void export_for_fish(const char *const *names, size_t count);

#endif
