/* SPDX-License-Identifier: MIT */
/* pathlist.c - the files that a name may mean by PATH */
#include "core/pathlist.h"

#include <string.h>

static bool join(const char *entry, size_t len, const char *name, char *out,
		 size_t size)
{
	size_t slash = len > 0, name_size = strlen(name) + 1;

	if (len >= size || name_size + slash > size - len)
		return false;
	memcpy(out, entry, len);
	memcpy(out + len, "/", slash);
	memcpy(out + len + slash, name, name_size);
	return true;
}

bool pathlist_next(const char **list, const char *name, char *out, size_t size)
{
	while (*list) {
		const char *entry = *list;
		size_t len = strcspn(entry, ":");

		*list = entry[len] ? entry + len + 1 : NULL;
		if (join(entry, len, name, out, size))
			return true;
	}
	return false;
}
