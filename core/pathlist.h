/* SPDX-License-Identifier: MIT */
/* pathlist.h - the files that a name may mean by PATH */
#ifndef SOCKSIFY_CORE_PATHLIST_H
#define SOCKSIFY_CORE_PATHLIST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes the next candidate to out, as execvp(3) tries them: "ENTRY/name", or
 * name alone for an empty entry, which is the current directory. list moves on
 * from PATH's value and is NULL after its last entry. An entry that does not
 * fit in size is passed over. False: there is none left.
 */
bool pathlist_next(const char **list, const char *name, char *out, size_t size);

#endif
