/* SPDX-License-Identifier: MIT */
/* carry_peers.c - whom the program of a carried socket has connected it to */
#include "launcher/carry_peers.h"

#include <stddef.h>

enum { BUCKETS = 4096, WAYS = 4 };

static struct {
	uint64_t cookie; /* 0: free */
	uint64_t age;
	struct peer peer;
} table[BUCKETS][WAYS];

static uint64_t now;

uint64_t peers_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	return cookie;
}

static size_t bucket_of(uint64_t cookie)
{
	return (size_t)(cookie % BUCKETS); /* the kernel counts them */
}

struct peer *peers_find(uint64_t cookie)
{
	size_t b = bucket_of(cookie);

	for (size_t i = 0; i < WAYS; i++)
		if (cookie && table[b][i].cookie == cookie)
			return &table[b][i].peer;
	return NULL;
}

void peers_set(uint64_t cookie, const struct peer *peer)
{
	size_t b = bucket_of(cookie), at = 0;
	struct peer *known = peers_find(cookie);

	if (known) {
		*known = *peer;
		return;
	}
	for (size_t i = 1; i < WAYS; i++)
		if (table[b][i].age < table[b][at].age)
			at = i;
	table[b][at].cookie = cookie;
	table[b][at].age = ++now;
	table[b][at].peer = *peer;
}

void peers_forget(uint64_t cookie)
{
	size_t b = bucket_of(cookie);

	for (size_t i = 0; i < WAYS; i++)
		if (table[b][i].cookie == cookie) {
			table[b][i].cookie = 0;
			table[b][i].age = 0;
		}
}
