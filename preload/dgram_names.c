/* SPDX-License-Identifier: MIT */
/*
 * dgram_names.c - names whose addresses a UDP socket has to know
 *
 * sources.c says which: a second name of one port. Their addresses are asked for as a
 * program's own questions are (ask.c), over the proxy and by TCP, so whoever waits for
 * anything goes on with it. IPv4 is asked for first, and IPv6 if there is none: proxies
 * without IPv6 are many.
 *
 * A blocking call waits, as it does for the association; one that may not wait leaves its
 * datagram in the queue (dgram_queue.c), which is sent when the last answer is there.
 *
 * Where no name server has answered lately, none is asked for a while: or each name would
 * cost its five seconds.
 */
#include "preload/dgram_names.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/single_threaded.h>

#include "core/sys.h"
#include "preload/ask.h"
#include "preload/clock.h"
#include "resolver/fakemap.h"
#include "resolver/lookup.h"

enum {
	QUERY_MAX = 512,
	SILENCES = 2, /* in a row, and nobody is asked */
};

#define SILENT_NS (60 * NS_PER_S)
#define SLICE_NS (10 * NS_PER_MS)

/* Until then nobody is asked (CLOCK_MONOTONIC). */
static int64_t silent_until;
static uint32_t silences;

/**
 * struct tag - what comes back with an answer
 * @name:	index in the sources
 * @family:	that was asked for
 */
struct tag {
	int32_t name;
	int32_t family;
};

static bool is_worth_asking(int64_t now_ns)
{
	int64_t until = __atomic_load_n(&silent_until, __ATOMIC_RELAXED);

	return until == 0 || now_ns >= until;
}

static void note_reply(size_t len)
{
	if (len > 0)
		__atomic_store_n(&silences, 0, __ATOMIC_RELAXED);
	else if (__atomic_add_fetch(&silences, 1, __ATOMIC_RELAXED) >= SILENCES)
		__atomic_store_n(&silent_until, clock_now_ns() + SILENT_NS,
				 __ATOMIC_RELAXED);
}

/* --- asking ----------------------------------------------------------------------------- */

typedef int asks(void *owner, const struct asker *asker,
		 const struct ask_question *question);

static void answered(void *owner, const struct ask_question *question,
		     uint8_t *reply, size_t len);

static const struct asker asker = { .answered = answered };

/* By ask, or by ask_within where its lock is held. False: it cannot be asked. */
static __attribute__((noinline)) bool
ask_for(struct dgram *dgram, int name, int family, asks *ask_by)
{
	const struct peer *given = sources_given(&dgram->sources, name);
	struct tag tag = { .name = name, .family = family };
	uint8_t query[QUERY_MAX];
	struct ask_question question = { .query = query,
					 .tag = &tag,
					 .tag_len = sizeof(tag) };
	struct endpoint address, stands_for;
	int len;

	if (endpoint_from_sockaddr(&address, &given->address.sa, given->len) <
		    0 ||
	    fakemap_name(&address, &stands_for) != 1)
		return false;
	len = lookup_query(stands_for.name, family, query, sizeof(query));
	if (len < 0)
		return false;
	question.len = (size_t)len;
	return ask_by(dgram, &asker, &question) == 0;
}

static void ask_for_wanted(struct dgram *dgram, asks *ask_by)
{
	int name;

	while ((name = sources_ask_next(&dgram->sources)) >= 0)
		if (!ask_for(dgram, name, AF_INET, ask_by))
			sources_asked(&dgram->sources, name);
}

/* A datagram to nowhere, to many, or to the proxy's own machine is none that anybody means. */
static bool is_fit(const struct endpoint *host)
{
	enum endpoint_scope scope = endpoint_scope(host);

	return scope == ENDPOINT_SCOPE_SITE || scope == ENDPOINT_SCOPE_GLOBAL;
}

/* How many addresses the reply tells. */
static __attribute__((noinline)) int
take_reply(struct dgram *dgram, const struct tag *tag, const uint8_t *reply,
	   size_t len)
{
	struct hosts_answer answer;
	int taken = 0;

	if (lookup_read(reply, len, tag->family, &answer) < 0)
		return 0;
	for (size_t i = 0; i < answer.count; i++) {
		struct endpoint host = { .kind = ENDPOINT_IPV4 };

		if (tag->family == AF_INET)
			memcpy(host.v4, answer.addresses[i].bytes,
			       sizeof(host.v4));
		else
			endpoint_set_ipv6(&host, answer.addresses[i].bytes, 0);
		if (!is_fit(&host))
			continue;
		sources_told(&dgram->sources, tag->name, &host);
		taken++;
	}
	return taken;
}

/* What was queued for it goes, or is dropped. */
static void send_queued(struct dgram *dgram)
{
	sigset_t signals;

	dgram_lock(dgram, &signals);
	dgram_send_queued(dgram);
	dgram_unlock(dgram, &signals);
}

static void decide_without(struct dgram *dgram, int name)
{
	bool pinned = false;

	sources_decide(&dgram->sources, name, clock_now_ns(), false, &pinned);
	if (pinned)
		dgram_forget_ways(dgram);
}

/* With ask's lock. */
static void answered(void *owner, const struct ask_question *question,
		     uint8_t *reply, size_t len)
{
	struct dgram *dgram = owner;
	struct tag tag;
	int n;

	memcpy(&tag, question->tag, sizeof(tag));
	note_reply(len);
	n = take_reply(dgram, &tag, reply, len);
	if (n == 0 && len > 0 && tag.family == AF_INET &&
	    ask_for(dgram, tag.name, AF_INET6, ask_within))
		return;
	sources_asked(&dgram->sources, tag.name);
	if (n == 0)
		decide_without(dgram, tag.name);
	ask_for_wanted(dgram, ask_within);
	send_queued(dgram);
}

/* --- the sending side ------------------------------------------------------------------- */

static enum source_way decide(struct dgram *dgram, int name)
{
	int64_t now = clock_now_ns();
	bool may_ask = is_worth_asking(now), pinned = false;
	enum source_way way = sources_decide(&dgram->sources, name, now, may_ask,
					     &pinned);

	if (way == SOURCE_TO_ASK) {
		sources_want(&dgram->sources, name, now);
		ask_for_wanted(dgram, ask);
		way = sources_decide(&dgram->sources, name, now, false, &pinned);
	}
	if (pinned)
		dgram_forget_ways(dgram);
	return way;
}

int dgram_name_header(struct dgram *dgram, int name, const struct endpoint *to,
		      uint8_t *header)
{
	struct endpoint address;
	int r;

	switch (decide(dgram, name)) {
	case SOURCE_BY_NAME:
		r = socks5_put_udp_header(header, SOCKS5_UDP_HEADER_MAX, to);
		break;
	case SOURCE_BY_ADDRESS:
		sources_address(&dgram->sources, name, &address);
		r = socks5_put_udp_header(header, SOCKS5_UDP_HEADER_MAX,
					  &address);
		break;
	case SOURCE_REFUSED:
		route_refused(to, "another name of that port has not answered yet, "
				  "and no name server tells their addresses");
		return -EHOSTUNREACH;
	default:
		return 0;
	}
	return r < 0 ? -ENETUNREACH : r;
}

/* Another thread may be the one that learns of it: then nothing wakes this one. */
void dgram_names_wait(int64_t limit_ns)
{
	int64_t left = limit_ns - clock_now_ns();
	struct timespec timeout = { 0 };
	struct pollfd pollfd;
	nfds_t n = ask_attend(&pollfd) ? 1 : 0;

	if (left > SLICE_NS && (n == 0 || !__libc_single_threaded))
		left = SLICE_NS;
	if (left > 0) {
		timeout.tv_sec = left / NS_PER_S;
		timeout.tv_nsec = left % NS_PER_S;
	}
	REAL(ppoll)(&pollfd, n, &timeout, NULL);
	ask_step();
}

void dgram_name_await(struct dgram *dgram, int fd, int name, int flags)
{
	int64_t limit = dgram_send_limit_ns(fd);
	int saved_errno = errno;

	ask_step();
	if (!dgram_may_wait(fd, flags) && !dgram_tells_by_signal(fd))
		limit = 0;
	while (sources_way(&dgram->sources, name) == SOURCE_WAITS &&
	       clock_now_ns() < limit)
		dgram_names_wait(limit);
	if (limit > 0 && sources_way(&dgram->sources, name) == SOURCE_WAITS)
		note_reply(0);
	errno = saved_errno;
}
