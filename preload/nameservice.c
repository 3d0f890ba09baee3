/* SPDX-License-Identifier: MIT */
/*
 * nameservice.c - the daemons of this machine that look names up for programs
 *
 * libc's own questions to nscd never pass here; but some programs and libraries
 * speak to these daemons themselves. By D-Bus they can be asked all the same:
 * what is said there is not looked at.
 */
#include "preload/nameservice.h"

#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "core/log.h"
#include "preload/hooks.h"
#include "resolver/daemons.h"

bool nameservice_refused(const struct sockaddr *addr, socklen_t len)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1] = "";
	size_t start = offsetof(struct sockaddr_un, sun_path);

	if (addr == NULL || len <= start || len > sizeof(struct sockaddr_un) ||
	    addr->sa_family != AF_UNIX)
		return false;
	memcpy(path, (const char *)addr + start, len - start);
	if (!daemons_is_one(path))
		return false;
	hooks_ready();
	log_once(path, "%s: refused: it would look names up on this machine",
		 path);
	return true;
}
