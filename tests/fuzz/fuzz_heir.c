/* SPDX-License-Identifier: MIT */
/*
 * fuzz_heir.c - the variable by which a program is told of sockets that it inherits
 *
 * Input: its value. What is taken is said again, and is the same.
 *
 *	clang -fsanitize=fuzzer,address,undefined
 *	cc -DREPLAY: a program that runs the files that it is given, once
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/heir.h"

enum { LONGEST = 3 * (16 + 1) + 2 * (2 * HEIR_ADDRESS_MAX + 1) };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static void check_address(const struct heir_address *a, const struct heir_address *b)
{
	must(a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0,
	     "an address is the same");
}

static void check_words(const struct heir *heir)
{
	char text[LONGEST + 1];
	struct heir again;
	const char *at = text;
	size_t n = heir_put(text, LONGEST, heir);

	must(n > 0 && n <= LONGEST, "the longest has room");
	text[n] = '\0';
	must(heir_take(&at, &again) && at == text + n, "it is taken again");
	must(again.cookie == heir->cookie && again.control == heir->control &&
		     again.control_cookie == heir->control_cookie,
	     "numbers are the same");
	check_address(&again.relay, &heir->relay);
	check_address(&again.peer, &heir->peer);
	must(heir_put(text, n - 1, heir) == 0, "less room is none");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1); /* so that an over-read is seen */
	const char *at = text;
	struct heir heir;

	must(text != NULL, "there is memory");
	memcpy(text, data, size);
	text[size] = '\0';
	while (*at != '\0' && heir_take(&at, &heir)) {
		must(heir.cookie != 0, "a socket is named");
		must(heir.relay.len <= HEIR_ADDRESS_MAX &&
			     heir.peer.len <= HEIR_ADDRESS_MAX,
		     "addresses have room");
		check_words(&heir);
	}
	must(at <= text + size, "nothing beyond is read");
	free(text);
	return 0;
}

#include "tests/fuzz/replay.h"
