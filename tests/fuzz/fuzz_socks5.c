/* SPDX-License-Identifier: MIT */
/*
 * fuzz_socks5.c - decoders and handshake under arbitrary bytes and splits
 *
 * Input: one octet of flags (bit 0: credentials are offered, bit 1: the request
 * is pipelined), eight octets that say how large the pieces are in turn, then
 * what the server says.
 *
 *	clang -fsanitize=fuzzer,address,undefined
 *	cc -DREPLAY: a program that runs the files that it is given, once
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/handshake.h"

enum { SPLITS = 8, HEADER = 1 + SPLITS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static void decode_pairs(const uint8_t *in, size_t len)
{
	uint8_t value = 0;
	int rc = socks5_get_method(in, len, &value);

	must(rc == 2 || rc == 0 || rc == -EPROTO, "a method is two bytes");
	must(rc != 0 || len < 2, "two bytes decide a method");
	rc = socks5_get_userpass_status(in, len, &value);
	must(rc == 2 || rc == 0 || rc == -EPROTO, "a status is two bytes");
	must(rc != 0 || len < 2, "two bytes decide a status");
}

static void decode_reply(const uint8_t *in, size_t len)
{
	char text[ENDPOINT_TEXT_MAX];
	struct endpoint bound;
	uint8_t reply = 0;
	size_t needs = socks5_reply_needs(in, len);
	int rc = socks5_get_reply(in, len, &reply, &bound);

	must(needs >= 2 && needs <= SOCKS5_MESSAGE_MAX, "replies are bounded");
	must(rc <= (int)len, "no byte is used that is not there");
	if (rc == 0)
		must(needs > len, "a reply that is whole is decoded");
	else if (rc > 0)
		must((size_t)rc == needs, "a reply is as long as it needs");
	else
		must(rc == -EPROTO && bound.kind == ENDPOINT_NONE,
		     "a wrong reply binds nothing");
	must(strlen(endpoint_format(&bound, text, sizeof(text))) <
		     sizeof(text) - 1,
	     "an endpoint's text has room");
}

static void decode_every_prefix(const uint8_t *in, size_t len)
{
	size_t most = len < 300 ? len : 300;

	for (size_t n = 0; n <= most; n++) {
		/* A copy of that length, so that an over-read is seen. */
		uint8_t *prefix = malloc(n > 0 ? n : 1);

		must(prefix != NULL, "there is memory");
		memcpy(prefix, in, n);
		decode_pairs(prefix, n);
		decode_reply(prefix, n);
		free(prefix);
	}
}

/**
 * struct run - what came of a negotiation
 * @h:		the machine, over
 * @taken:	bytes of the server that it took
 * @sent:	bytes that it sent
 */
struct run {
	struct handshake h;
	size_t taken;
	size_t sent;
};

static const struct credentials *credentials_of(uint8_t flags)
{
	static const struct credentials nobody = { NULL, NULL };
	static const struct credentials alice = { "alice", "open sesame" };

	return flags & 1 ? &alice : &nobody;
}

/* In pieces of at most the sizes given in turn, 1 to 256. */
static struct run negotiate(uint8_t flags, const uint8_t splits[SPLITS],
			    const uint8_t *in, size_t len)
{
	const struct credentials *who = credentials_of(flags);
	struct endpoint destination = { .port = 80 };
	uint8_t out[SOCKS5_AUTH_MAX];
	struct run r = { .taken = 0 };

	endpoint_set_name(&destination, "example.com", 11);
	handshake_begin(&r.h, SOCKS5_CONNECT, &destination);
	if (flags & 2)
		handshake_pipeline(&r.h);
	for (size_t turn = 0; !handshake_over(&r.h); turn++) {
		size_t most = 1 + (size_t)splits[turn % SPLITS];
		size_t n = handshake_output(&r.h, who, out, sizeof(out));
		size_t wants = handshake_wants(&r.h);

		must((n > 0) != (wants > 0), "it either sends or receives");
		must(r.taken + wants <= 4 + SOCKS5_MESSAGE_MAX,
		     "it takes no more than three messages");
		if (n > 0) {
			n = n < most ? n : most;
			handshake_sent(&r.h, n);
			r.sent += n;
			continue;
		}
		n = wants < most ? wants : most;
		n = n < len - r.taken ? n : len - r.taken;
		if (n == 0)
			handshake_eof(&r.h);
		else
			handshake_received(&r.h, who, in + r.taken, n);
		r.taken += n;
	}
	return r;
}

static void check_end(const struct run *r, const uint8_t *in, size_t len)
{
	char text[HANDSHAKE_REASON_MAX];

	handshake_reason(&r->h, text, sizeof(text));
	must(strlen(text) < sizeof(text) - 1, "a reason has room");
	must(strstr(text, "sesame") == NULL, "a reason names no password");
	if (r->h.state == HANDSHAKE_DONE)
		must(r->h.error == 0 && !*text, "success has no reason");
	else
		must(r->h.error > 0 && *text, "a failure has a reason");
	/* Unless the server said it, in which case its bytes are kept. */
	must(memmem(in, len, "sesame", 6) != NULL ||
		     memmem(&r->h, sizeof(r->h), "sesame", 6) == NULL,
	     "the machine keeps no password");
}

/* However the stream is cut, the program sees the same. */
static void check_same(const struct run *a, const struct run *b)
{
	must(a->h.state == b->h.state && a->h.error == b->h.error &&
		     a->h.reply == b->h.reply && a->h.why == b->h.why,
	     "splits change nothing");
	must(a->sent == b->sent, "splits change nothing of what is sent");
	if (a->h.state == HANDSHAKE_DONE)
		must(a->taken == b->taken &&
			     endpoint_equal(&a->h.bound, &b->h.bound),
		     "splits do not move a reply's end");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t byte_by_byte[SPLITS];
	struct run pieces, bytes;

	decode_every_prefix(data, size);
	if (size < HEADER)
		return 0;
	pieces = negotiate(data[0], data + 1, data + HEADER, size - HEADER);
	bytes = negotiate(data[0], byte_by_byte, data + HEADER, size - HEADER);
	check_end(&pieces, data + HEADER, size - HEADER);
	check_end(&bytes, data + HEADER, size - HEADER);
	check_same(&pieces, &bytes);
	return 0;
}

#include "tests/fuzz/replay.h"
