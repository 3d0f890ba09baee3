// SPDX-License-Identifier: MIT
/*
 * names.c - what looking names up costs
 *
 * names COUNT: looks COUNT new names up, then the last of them COUNT times
 * again. Prints the nanoseconds of a new name and of a known one.
 */
#include <netdb.h>

#include "tests/bench/bench.h"

static void look_up(const char *name)
{
	struct addrinfo hints = { .ai_family = AF_INET,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int r = getaddrinfo(name, "80", &hints, &found);

	if (r != 0)
		die("%s: %s", name, gai_strerror(r));
	freeaddrinfo(found);
}

int main(int argc, char **argv)
{
	char name[64] = "first.bench.example";
	int count = argc == 2 ? atoi(argv[1]) : 0;
	int64_t start, fresh, known;

	if (count < 1)
		die("usage: names COUNT");
	look_up(name);
	start = wall_ns();
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "host%d.p%d.bench.example", i,
			 (int)getpid());
		look_up(name);
	}
	fresh = (wall_ns() - start) / count;
	start = wall_ns();
	for (int i = 0; i < count; i++)
		look_up(name);
	known = (wall_ns() - start) / count;
	printf("%lld %lld\n", (long long)fresh, (long long)known);
	return 0;
}
