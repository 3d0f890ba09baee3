/* SPDX-License-Identifier: MIT */
/*
 * fuzz_gssapi.c - a stream of RFC 1961's messages under arbitrary bytes and splits
 *
 * Input: one octet that says which type is expected, eight that say how large the pieces are
 * in turn, then what the server says.
 *
 *	clang -fsanitize=fuzzer,address,undefined
 *	cc -DREPLAY: a program that runs the files that it is given, once
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/gssapi.h"

enum { SPLITS = 8, HEADER = 1 + SPLITS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

/**
 * struct run - what came of a stream
 * @outcome:	0: it ended within a message or after one; else -errno
 * @taken:	bytes of whole messages
 * @tokens:	bytes of tokens
 */
struct run {
	int outcome;
	size_t taken;
	size_t tokens;
};

/* A message that begins at in, of which pieces come in turn. Its length, 0 or -errno. */
static int take_one(const uint8_t *in, size_t len, enum gssapi_type type,
		    const uint8_t splits[SPLITS], struct run *run)
{
	size_t have = 0;

	for (size_t turn = 0;; turn++) {
		const uint8_t *token = NULL;
		size_t token_len = 0, wants = gssapi_needs(in, have), most;
		/* A copy of that length, so that an over-read is seen. */
		uint8_t *part = malloc(have + !have);
		int r;

		must(part != NULL, "there is memory");
		memcpy(part, in, have);
		r = gssapi_get_message(part, have, type, &token, &token_len);
		must(r <= (int)have, "no byte is used that is not there");
		if (r > 0) {
			must((size_t)r == wants && have == wants,
			     "no more was wanted than it has");
			must(token_len > 0 && token + token_len == part + r,
			     "the token ends the message");
			run->tokens += token_len;
		}
		free(part);
		if (r != 0)
			return r;
		must(wants > have && wants <= GSSAPI_MESSAGE_MAX,
		     "a message that is not whole wants more, within bounds");
		if (have == len)
			return 0;
		most = 1 + (size_t)splits[turn % SPLITS];
		wants -= have;
		wants = wants < most ? wants : most;
		have += wants < len - have ? wants : len - have;
	}
}

static struct run take_all(const uint8_t *in, size_t len, enum gssapi_type type,
			   const uint8_t splits[SPLITS])
{
	struct run run = { 0 };

	while (run.taken < len) {
		int r = take_one(in + run.taken, len - run.taken, type, splits, &run);

		if (r <= 0) {
			run.outcome = r;
			break;
		}
		run.taken += (size_t)r;
	}
	must(run.outcome == 0 || run.outcome == -EPROTO ||
		     run.outcome == -ECONNABORTED,
	     "there are three ends");
	return run;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t byte_by_byte[SPLITS];
	struct run pieces, bytes;
	enum gssapi_type type;

	must(gssapi_get_level(data, size) <= GSSAPI_SELECTIVE, "levels are four");
	/* Byte by byte is quadratic. */
	if (size < HEADER || size > 4096)
		return 0;
	type = (enum gssapi_type)(1 + data[0] % 3);
	pieces = take_all(data + HEADER, size - HEADER, type, data + 1);
	bytes = take_all(data + HEADER, size - HEADER, type, byte_by_byte);
	must(pieces.outcome == bytes.outcome && pieces.taken == bytes.taken &&
		     pieces.tokens == bytes.tokens,
	     "splits change nothing");
	return 0;
}

#include "tests/fuzz/replay.h"
