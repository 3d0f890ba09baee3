/* SPDX-License-Identifier: MIT */
/* users.c - whether a process is left that the gateway is for */
#include "relay/users.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define VARIABLE "SOCKSIFY_GATEWAY="
#define LIBRARY	 "/libsocksify.so"

/* More than the kernel lets arguments and environment have, with the usual stack. */
static char text[4 << 20];

/* The number of bytes; 0 also where it cannot be read. */
static size_t read_file(const char *pid, const char *name)
{
	char path[300];
	size_t len = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while (len < sizeof(text) && (n = read(fd, text + len, sizeof(text) - len)) > 0)
		len += (size_t)n;
	close(fd);
	return len;
}

static bool contains(size_t len, const char *words)
{
	return memmem(text, len, words, strlen(words)) != NULL;
}

static bool is_user(const char *pid, const char *mark)
{
	size_t len = read_file(pid, "environ");

	if (contains(len, mark))
		return true;
	if (contains(len, VARIABLE))
		return false; /* another's */
	return contains(read_file(pid, "maps"), LIBRARY);
}

/* The one that was found last, for it is most likely to be there still. */
static char latest[NAME_MAX + 1];

static bool search(DIR *processes, const char *mark)
{
	const struct dirent *entry;
	size_t seen = 0;

	while ((entry = readdir(processes))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		seen++;
		if (is_user(entry->d_name, mark)) {
			strcpy(latest, entry->d_name);
			return true;
		}
	}
	return seen == 0;
}

bool users_exist(const char *mark)
{
	DIR *processes;
	bool found;

	if (latest[0] && is_user(latest, mark))
		return true;
	processes = opendir("/proc");
	if (!processes)
		return true;
	found = search(processes, mark);
	closedir(processes);
	return found;
}

/* --- ports ------------------------------------------------------------------------------ */

/* Where these stand in a line of the kernel's tables; the first is 0. */
enum {
	FIELD_LOCAL = 1, /* ADDRESS:PORT, hexadecimal */
	FIELD_UID = 7,
};

/* False for the line of headings. */
static bool read_line(char *line, unsigned long *port, unsigned long *uid)
{
	char *rest = line, *field, *colon = NULL;
	int n = 0;

	while (n <= FIELD_UID && (field = strsep(&rest, " \n"))) {
		if (!*field)
			continue;
		if (n == FIELD_LOCAL)
			colon = strchr(field, ':');
		if (n++ < FIELD_UID)
			continue;
		*uid = strtoul(field, NULL, 10);
		*port = colon ? strtoul(colon + 1, NULL, 16) : 0;
		return colon != NULL;
	}
	return false;
}

/* How many sockets have it, and how many of them are another's. */
static void count_sockets(const char *table, uint16_t wanted, unsigned int *all,
			  unsigned int *others)
{
	FILE *file = fopen(table, "re");
	unsigned long port, uid;
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		if (!read_line(line, &port, &uid) || port != wanted)
			continue;
		++*all;
		*others += uid != geteuid();
	}
	if (file)
		fclose(file);
}

bool users_own_port(uint16_t port)
{
	unsigned int all = 0, others = 0;

	if (geteuid() == 0)
		return true;
	count_sockets("/proc/net/udp", port, &all, &others);
	count_sockets("/proc/net/udp6", port, &all, &others);
	return all > 0 && others == 0;
}
