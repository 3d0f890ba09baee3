/* SPDX-License-Identifier: MIT */
/*
 * sources.c - whom a UDP socket sent to, and under which address they answer
 *
 * What goes to a name is sent to the fake address that stands for it, and the answer comes
 * from a real one. The program is to see the address that it sent to. So the first answer
 * from that port which is nobody else's tells the real address of the name; from then on
 * whatever comes from there, be it from another port, is shown as from the fake one.
 *
 * What comes from an address that was never sent to is shown as it is.
 *
 * No lock: entries are counted odd while they are written, and who finds one so, or
 * changed, does as if it was not there.
 */
#include "preload/sources.h"

#include <string.h>

#include "resolver/fakemap.h"

uint32_t sources_changes;

void sources_clear(struct sources *sources)
{
	memset(sources, 0, sizeof(*sources));
}

/* --- entries ------------------------------------------------------------------------ */

static bool begin(struct source *source)
{
	uint32_t seq = __atomic_load_n(&source->seq, __ATOMIC_RELAXED);

	return !(seq & 1) &&
	       __atomic_compare_exchange_n(&source->seq, &seq, seq + 1, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void end(struct source *source)
{
	__atomic_add_fetch(&source->seq, 1, __ATOMIC_RELEASE);
	__atomic_add_fetch(&sources_changes, 1, __ATOMIC_RELEASE);
}

/* A copy that is whole; false: it is unused or being written. */
static bool read_source(const struct source *source, struct source *copy)
{
	uint32_t seq = __atomic_load_n(&source->seq, __ATOMIC_ACQUIRE);

	if (seq == 0 || seq & 1)
		return false;
	memcpy(copy, source, sizeof(*copy));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&source->seq, __ATOMIC_RELAXED) == seq;
}

static bool same_peer(const struct peer *a, const struct sockaddr *sa, socklen_t len)
{
	return a->len == len && memcmp(&a->address, sa, len) == 0;
}

static uint16_t port_of(const struct peer *peer)
{
	return ntohs(peer->address.sa.sa_family == AF_INET6 ?
			     peer->address.in6.sin6_port :
			     peer->address.in.sin_port);
}

static void set_port(struct peer *peer, uint16_t port)
{
	if (peer->address.sa.sa_family == AF_INET6)
		peer->address.in6.sin6_port = htons(port);
	else
		peer->address.in.sin_port = htons(port);
}

static struct source_host host_of(const struct endpoint *e)
{
	struct source_host host = { .kind = (uint8_t)e->kind };

	if (e->kind == ENDPOINT_IPV4)
		memcpy(host.address, e->v4, sizeof(e->v4));
	else
		memcpy(host.address, e->v6, sizeof(e->v6));
	return host;
}

/* --- sent ----------------------------------------------------------------------------- */

void sources_sent_to_name(struct sources *sources, const struct sockaddr *given,
			  socklen_t len)
{
	uint32_t latest = __atomic_load_n(&sources->latest, __ATOMIC_RELAXED);
	struct source *source = &sources->names[latest % SOURCES_NAMES];
	uint32_t place;

	if (same_peer(&source->given, given, len))
		return;
	for (uint32_t i = 0; i < SOURCES_NAMES; i++) {
		if (same_peer(&sources->names[i].given, given, len)) {
			__atomic_store_n(&sources->latest, i, __ATOMIC_RELAXED);
			return;
		}
	}
	place = __atomic_fetch_add(&sources->count, 1, __ATOMIC_RELAXED) %
		SOURCES_NAMES;
	source = &sources->names[place];
	if (len > sizeof(source->given.address) || !begin(source))
		return;
	memset(&source->given, 0, sizeof(*source) - sizeof(source->seq));
	source->given.len = len;
	memcpy(&source->given.address, given, len);
	end(source);
	__atomic_store_n(&sources->latest, place, __ATOMIC_RELAXED);
}

static uint32_t hash_of(const struct endpoint *e)
{
	const uint8_t *bytes = e->kind == ENDPOINT_IPV4 ? e->v4 : e->v6;
	size_t n = e->kind == ENDPOINT_IPV4 ? sizeof(e->v4) : sizeof(e->v6);
	uint32_t hash = 2166136261u ^ e->port; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash ? hash : 1;
}

void sources_sent_to_address(struct sources *sources, const struct endpoint *to)
{
	uint32_t hash = hash_of(to);

	__atomic_store_n(&sources->addresses[(hash ^ hash >> 16) %
					     SOURCES_ADDRESSES],
			 hash, __ATOMIC_RELAXED);
}

static bool was_sent_to(const struct sources *sources, const struct endpoint *e)
{
	uint32_t hash = hash_of(e);

	return __atomic_load_n(&sources->addresses[(hash ^ hash >> 16) %
						   SOURCES_ADDRESSES],
			       __ATOMIC_RELAXED) == hash;
}

/* --- received ------------------------------------------------------------------------- */

/* As it is, in the form that the socket's family has. */
static bool show_plainly(int family, const struct endpoint *e, struct peer *shown)
{
	struct sockaddr_storage sa;
	int len = endpoint_to_sockaddr(e, family, &sa);

	if (len < 0)
		return false;
	shown->len = (socklen_t)len;
	memcpy(&shown->address, &sa, (size_t)len);
	return true;
}

static bool is_name(const struct peer *given, const struct endpoint *name)
{
	struct endpoint address, stands_for;

	if (endpoint_from_sockaddr(&address, &given->address.sa, given->len) < 0 ||
	    fakemap_name(&address, &stands_for) != 1)
		return false;
	return endpoint_same_host(&stands_for, name);
}

static bool answers_as(const struct source *source, const struct source_host *host)
{
	for (size_t i = 0; i < SOURCES_KNOWN; i++)
		if (memcmp(&source->known[i], host, sizeof(*host)) == 0)
			return true;
	return false;
}

/*
 * Whose answer it is: the entry that is known by it, with the same port if there is one.
 * -1: nobody's.
 */
static int find(const struct sources *sources, const struct endpoint *e)
{
	struct source_host host = host_of(e);
	struct source copy;
	int found = -1;

	for (int i = 0; i < SOURCES_NAMES; i++) {
		if (!read_source(&sources->names[i], &copy))
			continue;
		if (e->kind == ENDPOINT_NAME ? !is_name(&copy.given, e) :
					       !answers_as(&copy, &host))
			continue;
		if (port_of(&copy.given) == e->port)
			return i;
		found = i;
	}
	return found;
}

/* How many addresses a name of that port is known by; -1: it is of another, or none. */
static int known_at(const struct source *source, uint16_t port)
{
	struct source copy;
	int n = 0;

	if (!read_source(source, &copy) || port_of(&copy.given) != port)
		return -1;
	while (n < SOURCES_KNOWN && copy.known[n].kind != ENDPOINT_NONE)
		n++;
	return n;
}

/*
 * Of the names that wait for their first answer from that port, the one that was entered
 * first; else the only one of that port may have another address. -1: nobody waits.
 */
static int find_waiting(const struct sources *sources, uint16_t port)
{
	uint32_t count = __atomic_load_n(&sources->count, __ATOMIC_RELAXED);
	int of_port = 0, last = -1;

	for (uint32_t i = 0; i < SOURCES_NAMES; i++) {
		uint32_t place = (count + i) % SOURCES_NAMES;
		int known = known_at(&sources->names[place], port);

		if (known == 0)
			return (int)place;
		if (known > 0) {
			of_port++;
			last = known < SOURCES_KNOWN ? (int)place : -1;
		}
	}
	return of_port == 1 ? last : -1;
}

static void learn(struct source *source, const struct endpoint *e)
{
	struct source_host host = host_of(e);

	if (!begin(source))
		return;
	for (size_t i = 0; i < SOURCES_KNOWN; i++) {
		if (source->known[i].kind == ENDPOINT_NONE) {
			source->known[i] = host;
			break;
		}
	}
	end(source);
}

static bool show_given(const struct source *source, uint16_t port,
		       struct peer *shown)
{
	struct source copy;

	if (!read_source(source, &copy))
		return false;
	*shown = copy.given;
	set_port(shown, port);
	return true;
}

bool sources_show(struct sources *sources, int family, const struct endpoint *e,
		  struct peer *shown)
{
	int i;

	if (__atomic_load_n(&sources->count, __ATOMIC_RELAXED) == 0)
		return show_plainly(family, e, shown);
	i = find(sources, e);
	if (i < 0 && e->kind != ENDPOINT_NAME && !was_sent_to(sources, e)) {
		i = find_waiting(sources, e->port);
		if (i >= 0)
			learn(&sources->names[i], e);
	}
	if (i < 0 && show_plainly(family, e, shown))
		return true;
	/* What the family cannot show at all is the latest name's, from another port. */
	if (i < 0 && e->kind != ENDPOINT_NAME)
		i = (int)__atomic_load_n(&sources->latest, __ATOMIC_RELAXED);
	return i >= 0 && show_given(&sources->names[i], e->port, shown);
}
