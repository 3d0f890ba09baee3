/* SPDX-License-Identifier: MIT */
/* own.c - a program with a connect(), and names of c-ares, of its own */
#include <dlfcn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

void plugin_run(const char *address);

static int calls;

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	int (*next)(int, const struct sockaddr *, socklen_t);

	calls++;
	*(void **)&next = dlsym(RTLD_NEXT, "connect");
	return next(fd, addr, len);
}

int ares_library_init(int flags)
{
	return flags + 7777;
}

const char *ares_version(int *version)
{
	*version = 0;
	return "own";
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	plugin_run(argv[1]);
	printf("own %d\n", calls);
	return 0;
}
