/* SPDX-License-Identifier: MIT */
/* daemons.c - the daemons of this machine that look names up for programs */
#include "resolver/daemons.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "core/sys.h"

static const char *const sockets[] = {
	"/run/nscd/socket",
	"/run/systemd/resolve/io.systemd.Resolve",
	"/run/systemd/resolve/io.systemd.Resolve.Monitor",
	"/run/avahi-daemon/socket",
};

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat one, other;

	return sys4(SYS_newfstatat, AT_FDCWD, a, &one, 0) == 0 &&
	       sys4(SYS_newfstatat, AT_FDCWD, b, &other, 0) == 0 &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

bool daemons_is_one(const char *path)
{
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++)
		if (strcmp(path, sockets[i]) == 0 ||
		    (strcmp(last_part(path), last_part(sockets[i])) == 0 &&
		     is_same_file(path, sockets[i])))
			return true;
	return false;
}
