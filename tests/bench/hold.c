// SPDX-License-Identifier: MIT
/*
 * hold.c - what many open connections cost in memory and descriptors
 *
 * hold COUNT ADDRESS PORT: opens COUNT connections, one after the other.
 * Prints by how many bytes this process's memory has grown, and how many
 * descriptors there are more than it opened.
 */
#include <dirent.h>

#include "tests/bench/bench.h"

enum { COUNT_MAX = 100000 };

static long resident_bytes(void)
{
	char line[256];
	long kib = -1;
	FILE *rollup = fopen("/proc/self/smaps_rollup", "r");

	if (rollup == NULL)
		die("no smaps_rollup");
	while (kib < 0 && fgets(line, sizeof(line), rollup) != NULL)
		sscanf(line, "Rss: %ld kB", &kib);
	fclose(rollup);
	return kib * 1024;
}

static int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (dir == NULL)
		die("no /proc/self/fd");
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void open_one(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		die("a connect failed");
}

int main(int argc, char **argv)
{
	struct sockaddr_in to;
	int count = argc == 4 ? atoi(argv[1]) : 0;
	int before;
	long bytes;

	if (count < 1 || count > COUNT_MAX)
		die("usage: hold COUNT ADDRESS PORT");
	raise_descriptor_limit();
	to = address_of(argv[2], argv[3]);
	open_one(&to); /* what is made once for all shall not count */
	before = descriptors();
	bytes = resident_bytes();
	for (int i = 0; i < count; i++)
		open_one(&to);
	bytes = resident_bytes() - bytes;
	printf("%ld %d\n", bytes, descriptors() - before - count);
	return 0;
}
