/* SPDX-License-Identifier: MIT */
/*
 * nameservice.c - the daemons of this machine that look names up for programs
 *
 * libc's own questions to nscd never pass here; but some programs and libraries
 * speak to these daemons themselves. By D-Bus they can be asked all the same:
 * what is said there is not looked at.
 */
#include "preload/nameservice.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "core/log.h"
#include "core/sys.h"
#include "preload/hooks.h"

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

/* The same file by whatever way: /var/run, a directory that it is seen from. */
static bool is_same_file(const char *a, const char *b)
{
	struct stat one, other;

	return sys4(SYS_newfstatat, AT_FDCWD, a, &one, 0) == 0 &&
	       sys4(SYS_newfstatat, AT_FDCWD, b, &other, 0) == 0 &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static bool is_one(const char *path)
{
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++)
		if (strcmp(path, sockets[i]) == 0 ||
		    (strcmp(last_part(path), last_part(sockets[i])) == 0 &&
		     is_same_file(path, sockets[i])))
			return true;
	return false;
}

bool nameservice_refused(const struct sockaddr *addr, socklen_t len)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1] = "";
	size_t start = offsetof(struct sockaddr_un, sun_path);

	if (addr == NULL || len <= start || len > sizeof(struct sockaddr_un) ||
	    addr->sa_family != AF_UNIX)
		return false;
	memcpy(path, (const char *)addr + start, len - start);
	if (!is_one(path))
		return false;
	hooks_ready();
	log_once(path, "%s: refused: it would look names up on this machine",
		 path);
	return true;
}
