/* SPDX-License-Identifier: MIT */
/*
 * fuzz_segments.c - data cut into segments, and control data that says what it likes
 *
 * Input: one octet each for the header's length, the segments' size, how many of them go at
 * once, how many vectors there is room for, and how many the data is in; one for each of
 * those, its length; the rest is control data.
 *
 *	clang -fsanitize=fuzzer,address,undefined
 *	cc -DREPLAY: a program that runs the files that it is given, once
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/segments.h"

enum { VECTORS = 63, LONGEST = 255, ROOM = 128, CONTROL_ROOM = 128 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

/* --- cutting ------------------------------------------------------------------------- */

struct plan {
	uint8_t header, size, most, room, count;
};

/* Numbered bytes, each vector in memory of its own; how many bytes. */
static size_t make(struct iovec *vectors, const uint8_t *lens, size_t count)
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t *bytes = malloc(lens[i] ? lens[i] : 1);

		must(bytes != NULL, "there is memory");
		for (size_t k = 0; k < lens[i]; k++)
			bytes[k] = (uint8_t)(total + k);
		vectors[i] = (struct iovec){ bytes, lens[i] };
		total += lens[i];
	}
	return total;
}

/* Of one call's vectors: header, segment, header, segment ...; how many bytes of data. */
static size_t check_call(const struct plan *plan, const struct iovec *header,
			 const struct iovec *to, size_t n, size_t done, size_t left)
{
	size_t i = 0, number = 0, cut = 0;

	while (i < n) {
		size_t part = 0;
		size_t wanted = left - cut < plan->size ? left - cut : plan->size;

		must(to[i].iov_base == header->iov_base &&
			     to[i].iov_len == header->iov_len,
		     "a header is before each");
		for (i++; i < n && part < wanted; i++) {
			const uint8_t *bytes = to[i].iov_base;

			must(to[i].iov_len > 0, "nothing is laid out for nothing");
			for (size_t k = 0; k < to[i].iov_len; k++)
				must(bytes[k] == (uint8_t)(done + cut + part + k),
				     "all of it in its order");
			part += to[i].iov_len;
		}
		must(part == wanted, "segments are whole");
		cut += part;
		number++;
	}
	must(number <= plan->most, "no more than may go");
	return cut;
}

static void check_cut(const struct plan *plan, const uint8_t *lens)
{
	uint8_t octets[LONGEST];
	struct iovec header = { octets, plan->header };
	struct iovec vectors[VECTORS], to[ROOM + 1];
	struct segments segments = { .vectors = vectors };
	size_t total = make(vectors, lens, plan->count), done = 0;

	segments.left = total;
	while (segments.left > 0) {
		size_t left = segments.left, n, cut;

		memset(&to[plan->room], 0xa5, sizeof(to[0]));
		n = segments_lay_out(&segments, &header, plan->size, plan->most,
				     to, plan->room);
		must(n <= plan->room, "there is room");
		must(((uint8_t *)&to[plan->room])[0] == 0xa5 || n > plan->room,
		     "nothing beyond is written");
		cut = check_call(plan, &header, to, n, done, left);
		must(segments.left == left - cut, "what is left is known");
		done += cut;
		if (n == 0) /* not even one segment */
			break;
	}
	must(segments.left > 0 || done == total, "all of it is laid out");
	for (size_t i = 0; i < plan->count; i++)
		free(vectors[i].iov_base);
}

/* --- control data -------------------------------------------------------------------- */

static void check_control(const uint8_t *bytes, size_t len)
{
	_Alignas(struct cmsghdr) uint8_t room[CONTROL_ROOM + 8];
	uint8_t *given = malloc(len ? len : 1);
	struct msghdr message = { .msg_control = given, .msg_controllen = len };
	struct cmsghdr *last = NULL;
	uint16_t size;
	int r;

	must(given != NULL, "there is memory");
	memcpy(given, bytes, len);
	memset(room, 0xa5, sizeof(room));
	r = segments_put_control(&message, room, CONTROL_ROOM, 1234);
	for (size_t i = CONTROL_ROOM; i < sizeof(room); i++)
		must(room[i] == 0xa5, "control data has room");
	if (r < 0) {
		must(r == -EINVAL || r == -ENOBUFS, "it is wrong or too much");
		must(message.msg_control == given, "a fault changes nothing");
	} else {
		must(message.msg_control == room &&
			     message.msg_controllen <= CONTROL_ROOM,
		     "it is the new one");
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL;
		     c = CMSG_NXTHDR(&message, c)) {
			must(last == NULL || !segments_is_size(last),
			     "nobody else's size is left");
			last = c;
		}
		must(last != NULL && segments_is_size(last), "the size is last");
		memcpy(&size, CMSG_DATA(last), sizeof(size));
		must(size == 1234, "and the one that was given");
	}
	free(given);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plan plan;

	if (size < sizeof(plan))
		return 0;
	memcpy(&plan, data, sizeof(plan));
	plan.size += plan.size == 0;
	plan.room %= ROOM + 1;
	plan.count %= VECTORS + 1;
	data += sizeof(plan);
	size -= sizeof(plan);
	if (size < plan.count)
		return 0;
	check_cut(&plan, data);
	check_control(data + plan.count, size - plan.count);
	return 0;
}

#include "tests/fuzz/replay.h"
