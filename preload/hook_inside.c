/* SPDX-License-Identifier: MIT */
/*
 * hook_inside.c - calls that look a name up, or connect, inside libc
 *
 * What they do there passes no hook. gethostid and the networks are answered from
 * this machine's files; the r-commands, which do a whole login, are refused.
 */
#include <limits.h>
#include <nss.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/log.h"
#include "core/sys.h"
#include "preload/hooks.h"
#include "resolver/resolver.h"

/* --- gethostid --------------------------------------------------------------- */

static bool read_hostid(int32_t *id)
{
	long fd = sys4(SYS_openat, AT_FDCWD, "/etc/hostid",
		       O_RDONLY | O_CLOEXEC, 0);
	long n;

	if (fd < 0)
		return false;
	n = sys3(SYS_read, fd, id, sizeof(*id));
	sys1(SYS_close, fd);
	return n == sizeof(*id);
}

/* Else libc takes it from the address of the machine's name. */
EXPORT long gethostid(void)
{
	char name[HOST_NAME_MAX + 1] = "", buffer[1024];
	struct hostent host, *found = NULL;
	int before = errno, h_error;
	uint32_t address;
	int32_t id = 0;

	if (read_hostid(&id))
		return id;
	hooks_ready();
	if (gethostname(name, sizeof(name) - 1) == 0 && name[0] != '\0')
		resolver_gethostbyname(name, AF_INET, &host, buffer,
				       sizeof(buffer), &found, &h_error);
	errno = before;
	if (found == NULL)
		return 0;
	memcpy(&address, found->h_addr_list[0], sizeof(address));
	return (int32_t)(address << 16 | address >> 16);
}

/* --- networks ---------------------------------------------------------------- */

/* The DNS can be asked for them too, as /etc/nsswitch.conf may say. */
static void ask_files_only(void)
{
	__nss_configure_lookup("networks", "files");
}

static void networks_of_files(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	hooks_ready();
	pthread_once(&once, ask_files_only);
}

EXPORT struct netent *getnetbyname(const char *name)
{
	networks_of_files();
	/* cppcheck-suppress CastIntegerToAddressAtReturn; it does not see through REAL */
	return REAL(getnetbyname)(name);
}

EXPORT int getnetbyname_r(const char *name, struct netent *ret, char *buffer,
			  size_t size, struct netent **result, int *h_errnop)
{
	networks_of_files();
	return REAL(getnetbyname_r)(name, ret, buffer, size, result, h_errnop);
}

EXPORT struct netent *getnetbyaddr(uint32_t net, int family)
{
	networks_of_files();
	return REAL(getnetbyaddr)(net, family);
}

EXPORT int getnetbyaddr_r(uint32_t net, int family, struct netent *ret,
			  char *buffer, size_t size, struct netent **result,
			  int *h_errnop)
{
	networks_of_files();
	return REAL(getnetbyaddr_r)(net, family, ret, buffer, size, result,
				    h_errnop);
}

/* --- the r-commands ---------------------------------------------------------- */

static int refuse(const char *what, const char *host)
{
	hooks_ready();
	log_once(what, "%s(%s) refused: libc would ask and connect past the proxy",
		 what, host ? host : "");
	return (int)hooks_result(-EACCES);
}

#define UNUSED __attribute__((unused))

EXPORT int rcmd(char **host, UNUSED unsigned short port,
		UNUSED const char *local_user, UNUSED const char *user,
		UNUSED const char *command, UNUSED int *fd2)
{
	return refuse("rcmd", *host);
}

EXPORT int rcmd_af(char **host, UNUSED unsigned short port,
		   UNUSED const char *local_user, UNUSED const char *user,
		   UNUSED const char *command, UNUSED int *fd2,
		   UNUSED sa_family_t family)
{
	return refuse("rcmd_af", *host);
}

EXPORT int rexec(char **host, UNUSED int port, UNUSED const char *user,
		 UNUSED const char *password, UNUSED const char *command,
		 UNUSED int *fd2)
{
	return refuse("rexec", *host);
}

EXPORT int rexec_af(char **host, UNUSED int port, UNUSED const char *user,
		    UNUSED const char *password, UNUSED const char *command,
		    UNUSED int *fd2, UNUSED sa_family_t family)
{
	return refuse("rexec_af", *host);
}

/* Whoever trusts hosts by their names looks up each that is in the files. */
EXPORT int ruserok(const char *host, UNUSED int superuser,
		   UNUSED const char *user, UNUSED const char *local_user)
{
	return refuse("ruserok", host);
}

EXPORT int ruserok_af(const char *host, UNUSED int superuser,
		      UNUSED const char *user, UNUSED const char *local_user,
		      UNUSED sa_family_t family)
{
	return refuse("ruserok_af", host);
}

EXPORT int iruserok(UNUSED uint32_t address, UNUSED int superuser,
		    UNUSED const char *user, UNUSED const char *local_user)
{
	return refuse("iruserok", NULL);
}

EXPORT int iruserok_af(UNUSED const void *address, UNUSED int superuser,
		       UNUSED const char *user, UNUSED const char *local_user,
		       UNUSED sa_family_t family)
{
	return refuse("iruserok_af", NULL);
}
