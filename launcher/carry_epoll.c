/* SPDX-License-Identifier: MIT */
/* carry_epoll.c - the epolls of a target that wait for one of its descriptors */
#include "launcher/carry_epoll.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * "tfd: 5 events: 19 data: 5 pos:0 ino:1f9 sdev:9", of /proc/PID/fdinfo: whether it is the
 * file of that number.
 */
static bool read_entry(const char *line, int number, ino_t inode,
		       struct epoll_event *event)
{
	unsigned long long data, found;
	unsigned int events;
	int tfd;

	if (sscanf(line, "tfd: %d events: %x data: %llx pos:%*d ino:%llx", &tfd, /* NOLINT */
		   &events, &data, &found) != 4 ||
	    tfd != number || found != inode)
		return false;
	*event = (struct epoll_event){ .events = events, .data.u64 = data };
	return true;
}

static bool waits_for(const struct target *t, int epoll, int number, ino_t inode,
		      struct epoll_event *event)
{
	char name[64], line[256];
	bool there = false;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/fdinfo/%d", (int)t->tid, epoll);
	file = fopen(name, "re");
	if (!file)
		return false;
	while (!there && fgets(line, sizeof(line), file))
		there = read_entry(line, number, inode, event);
	fclose(file);
	return there;
}

static bool is_epoll(int directory, const char *name)
{
	static const char epoll[] = "anon_inode:[eventpoll]";
	char seen[sizeof(epoll)];

	return readlinkat(directory, name, seen, sizeof(seen)) == sizeof(epoll) - 1 &&
	       !memcmp(seen, epoll, sizeof(epoll) - 1);
}

size_t epolls_find(const struct target *t, int number, int fd,
		   struct epoll_entry list[EPOLL_ENTRIES_MAX])
{
	const struct dirent *entry;
	struct stat file;
	char name[48];
	size_t n = 0;
	DIR *all;

	snprintf(name, sizeof(name), "/proc/%d/fd", (int)t->tid);
	all = target_has_proc() && fstat(fd, &file) == 0 ? opendir(name) : NULL;
	if (!all)
		return 0;
	while (n < EPOLL_ENTRIES_MAX && (entry = readdir(all))) {
		int epoll = (int)strtol(entry->d_name, NULL, 10);

		if (!is_epoll(dirfd(all), entry->d_name) ||
		    !waits_for(t, epoll, number, file.st_ino, &list[n].event))
			continue;
		list[n].epoll = target_file(t, epoll);
		n += list[n].epoll >= 0;
	}
	closedir(all);
	return n;
}

/* The number has to be that of the target: in a process whose numbers are of no account. */
static void join(const struct epoll_entry *entry, int number, int fresh)
{
	struct epoll_event event = entry->event;
	int epoll = fcntl(entry->epoll, F_DUPFD_CLOEXEC, number + 1);

	if (epoll >= 0 && dup2(fresh, number) == number)
		epoll_ctl(epoll, EPOLL_CTL_ADD, number, &event);
	_exit(0);
}

void epolls_join(const struct epoll_entry *list, size_t n, int number, int fresh)
{
	for (size_t i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0)
			join(&list[i], number, fresh);
		if (pid > 0)
			waitpid(pid, NULL, 0);
		close(list[i].epoll);
	}
}
