/* SPDX-License-Identifier: MIT */
/*
 * carry_epoll.h - the epolls of a target that wait for one of its descriptors
 *
 * An epoll knows a file and a number. Where another file is put under that number, the
 * epoll goes on waiting for the old one; so it is told of the new one, as the target would.
 */
#ifndef SOCKSIFY_LAUNCHER_CARRY_EPOLL_H
#define SOCKSIFY_LAUNCHER_CARRY_EPOLL_H

#include <stddef.h>
#include <sys/epoll.h>

#include "launcher/carry_target.h"

/**
 * struct epoll_entry - an epoll that waits for a descriptor
 * @epoll:	a duplicate of it, closed by epolls_join
 * @event:	for what, and what it says then
 */
struct epoll_entry {
	int epoll;
	struct epoll_event event;
};

enum { EPOLL_ENTRIES_MAX = 8 };

/* Those that wait for the file that the target has as number, of which fd is a duplicate. */
size_t epolls_find(const struct target *t, int number, int fd,
		   struct epoll_entry list[EPOLL_ENTRIES_MAX]);

/* They wait for fresh, too, as for what the target has as number. */
void epolls_join(const struct epoll_entry *list, size_t n, int number, int fresh);

#endif
