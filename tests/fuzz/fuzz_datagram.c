/* SPDX-License-Identifier: MIT */
/*
 * fuzz_datagram.c - headers of datagrams, and fragments put together
 *
 * Input: datagrams, each one octet of seconds that have passed and one of length, doubled
 * as often as its two highest bits say, before it.
 *
 *	clang -fsanitize=fuzzer,address,undefined
 *	cc -DREPLAY: a program that runs the files that it is given, once
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fragments.h"
#include "core/socks5.h"

enum { OLD_NS = 1000000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

/* Its header's length, or 0. What is decoded is encoded to the same bytes. */
static size_t decode(const uint8_t *in, size_t len, uint8_t *frag,
		     struct endpoint *source)
{
	uint8_t again[SOCKS5_UDP_HEADER_MAX];
	int rc = socks5_get_udp_header(in, len, frag, source);
	int back;

	if (rc < 0) {
		must(rc == -EPROTO, "a header is right or wrong");
		return 0;
	}
	must(rc >= 7 && rc <= (int)len && rc <= SOCKS5_UDP_HEADER_MAX,
	     "a header is as long as it can be");
	if (source->kind == ENDPOINT_NONE)
		return (size_t)rc;
	back = socks5_put_udp_header(again, sizeof(again), source);
	must(back > 0, "what came can be said");
	must(back != rc || in[3] == 3 ||
		     memcmp(in + 3, again + 3, (size_t)rc - 3) == 0,
	     "and is the same");
	return (size_t)rc;
}

static void check_fragments(struct fragments *f, const uint8_t *in, size_t len,
			    int64_t now_ns)
{
	struct endpoint source;
	uint8_t frag = 0, *place;
	size_t before = f->len, head = decode(in, len, &frag, &source);
	uint8_t highest = f->highest;

	if (head == 0 || frag == 0)
		return;
	place = fragments_place(f, frag, &source, len - head, now_ns);
	must(f->len <= FRAGMENTS_ROOM, "the queue is bounded");
	if (place == NULL) {
		must(f->len == 0 && !f->whole, "a drop leaves nothing");
		return;
	}
	must(place + (len - head) == f->bytes + f->len, "data is put in order");
	memcpy(place, in + head, len - head);
	must(f->highest == (frag & 0x7f), "the highest is the latest");
	must((frag & 0x7f) == 1 ||
		     (highest + 1 == (frag & 0x7f) &&
		      f->len == before + len - head),
	     "a sequence has no gaps");
	must(f->whole == (frag >> 7), "the last one ends it");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fragments f;
	int64_t now_ns = 0;

	memset(&f, 0, sizeof(f));
	while (size >= 2) {
		size_t len = (size_t)(data[1] & 0x3f) << (data[1] >> 6);
		uint8_t *copy;

		now_ns += data[0] * (int64_t)OLD_NS;
		data += 2;
		size -= 2;
		len = len < size ? len : size;
		copy = malloc(len ? len : 1); /* so that an over-read is seen */
		must(copy != NULL, "there is memory");
		memcpy(copy, data, len);
		check_fragments(&f, copy, len, now_ns);
		free(copy);
		data += len;
		size -= len;
	}
	return 0;
}

#include "tests/fuzz/replay.h"
