/* SPDX-License-Identifier: MIT */
/*
 * fuzz_row.c - bytes in several vectors, against the same bytes in one piece
 *
 * Input: one octet for how many vectors of two rows there are, four bits each; one for each
 * vector's length; then operations, of an octet for which and three for its numbers.
 *
 *	clang -fsanitize=fuzzer,address,undefined
 *	cc -DREPLAY: a program that runs the files that it is given, once
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/row.h"

enum { VECTORS = 15, LONGEST = 31, ROOM = VECTORS * LONGEST };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

/**
 * struct twin - a row, and what it must be the same as
 * @row:	over @vectors, each a piece of memory of its own
 * @whole:	the bytes
 * @len:	how many
 */
struct twin {
	struct row row;
	struct iovec vectors[VECTORS];
	uint8_t whole[ROOM];
	size_t len;
};

static const uint8_t *make(struct twin *twin, size_t count, const uint8_t *lens,
			   uint8_t first)
{
	twin->row = (struct row){ twin->vectors, count };
	twin->len = 0;
	for (size_t i = 0; i < count; i++) {
		size_t len = lens[i] & LONGEST;
		uint8_t *bytes = malloc(len ? len : 1);

		must(bytes != NULL, "there is memory");
		for (size_t k = 0; k < len; k++)
			bytes[k] = twin->whole[twin->len++] = first++;
		twin->vectors[i] = (struct iovec){ bytes, len };
	}
	return lens + count;
}

static void unmake(struct twin *twin)
{
	for (size_t i = 0; i < twin->row.count; i++)
		free(twin->vectors[i].iov_base);
}

static void check(const struct twin *twin)
{
	size_t at = 0;

	for (size_t i = 0; i < twin->row.count; i++) {
		must(memcmp(twin->vectors[i].iov_base, twin->whole + at,
			    twin->vectors[i].iov_len) == 0,
		     "a row is as it would be in one piece");
		at += twin->vectors[i].iov_len;
	}
}

/* How many of n are there from offset on. */
static size_t there(const struct twin *twin, size_t offset, size_t n)
{
	size_t left = offset < twin->len ? twin->len - offset : 0;

	return n < left ? n : left;
}

static void move(struct twin *twin, size_t to, size_t from, size_t n)
{
	size_t fits = there(twin, to > from ? to : from, n);

	row_move(&twin->row, to, from, n);
	if (fits > 0)
		memmove(twin->whole + to, twin->whole + from, fits);
}

static void copy(struct twin *to, const struct twin *from, size_t n)
{
	size_t fits = there(from, 0, there(to, 0, n));

	row_copy(&to->row, &from->row, n);
	memcpy(to->whole, from->whole, fits);
}

static void operate(struct twin *one, struct twin *other, const uint8_t *op)
{
	size_t a = op[1], b = op[2], n = (size_t)op[3] * 2, fits = there(one, a, n);
	uint8_t bytes[2 * UINT8_MAX];

	memset(bytes, op[2], sizeof(bytes));
	switch (op[0] % 5) {
	case 0:
		must(row_read(&one->row, a, bytes, n) == fits,
		     "what is there is read");
		must(memcmp(bytes, one->whole + (fits ? a : 0), fits) == 0,
		     "as it is");
		for (size_t i = fits; i < sizeof(bytes); i++)
			must(bytes[i] == op[2], "and nothing beyond");
		break;
	case 1:
		must(row_write(&one->row, a, bytes, n) == fits,
		     "what fits is written");
		memset(one->whole + (fits ? a : 0), op[2], fits);
		break;
	case 2:
		row_clear(&one->row, a, n);
		memset(one->whole + (fits ? a : 0), 0, fits);
		break;
	case 3:
		move(one, a, b, n);
		break;
	default:
		copy(one, other, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct twin one, other;
	const uint8_t *at = data + 1, *end = data + size;

	if (size == 0 || size < 1u + (data[0] >> 4) + (data[0] & 15))
		return 0;
	at = make(&one, data[0] >> 4, at, 0);
	at = make(&other, data[0] & 15, at, 128);
	for (; end - at >= 4; at += 4) {
		operate(&one, &other, at);
		check(&one);
		check(&other);
	}
	unmake(&one);
	unmake(&other);
	return 0;
}

#include "tests/fuzz/replay.h"
