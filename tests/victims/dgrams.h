/* SPDX-License-Identifier: MIT */
/* dgrams.h - what the victims of datagrams share */
#ifndef TESTS_VICTIMS_DGRAMS_H
#define TESTS_VICTIMS_DGRAMS_H

#include <netinet/udp.h>

#include "tests/victims/victim.h"

static const char words[] = "to be, or not to be";

enum { WORDS = sizeof(words) - 1, BUFFER = 70000 };

static char buffer[BUFFER];

static inline int datagram(const struct far *far, int flags)
{
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(far->address.ss_family, SOCK_DGRAM | flags, 0);

	if (fd < 0)
		say_rc("socket", fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static inline int connected(const struct far *far, int flags)
{
	int fd = datagram(far, flags);

	say_rc("connect", dial(fd, far));
	return fd;
}

static inline long send_to(int fd, const struct far *far, const void *data, size_t n,
		    int flags)
{
	return sendto(fd, data, n, flags, (const void *)&far->address, far->len);
}

static inline void say_source(const char *key, const struct far *far,
		       const struct sockaddr_storage *from, socklen_t len)
{
	char text[TEXT_MAX];

	if (len == far->len && memcmp(from, &far->address, len) == 0) {
		say(key, "peer/%u", (unsigned int)len);
		return;
	}
	address_text(from, len, text, sizeof(text));
	say(key, "%s", text);
}

/* What comes next: its length, its source, whether it is the words. */
static inline void say_next(const char *key, const struct far *far, int fd, size_t room,
		     int flags)
{
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);
	char name[64];
	long n;

	memset(buffer, 0, sizeof(buffer));
	n = recvfrom(fd, buffer, room, flags, (void *)&from, &len);
	say_rc(key, n);
	if (n < 0)
		return;
	snprintf(name, sizeof(name), "%s.from", key);
	say_source(name, far, &from, len);
	snprintf(name, sizeof(name), "%s.data", key);
	say(name, "%.40s", buffer);
}

#endif
