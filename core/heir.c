/* SPDX-License-Identifier: MIT */
/* heir.c - a UDP socket that a program gets with what it stands for, as text */
#include "core/heir.h"

/* --- saying ------------------------------------------------------------------------- */

/**
 * struct words - text being made
 * @at:		the next character's place
 * @end:	where there is no room any more
 * @failed:	it did not fit
 */
struct words {
	char *at;
	char *end;
	bool failed;
};

static void put(struct words *words, char c)
{
	if (words->at == words->end)
		words->failed = true;
	else
		*words->at++ = c;
}

static void put_bytes(struct words *words, const uint8_t *bytes, size_t n, char end)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		put(words, digits[bytes[i] >> 4]);
		put(words, digits[bytes[i] & 15]);
	}
	put(words, end);
}

/* Without zeros in front. */
static void put_number(struct words *words, uint64_t number)
{
	uint8_t bytes[8];
	size_t n = 0;

	for (int shift = 56; shift >= 0; shift -= 8)
		if (number >> shift != 0 || shift == 0)
			bytes[n++] = (uint8_t)(number >> shift);
	put_bytes(words, bytes, n, ',');
}

size_t heir_put(char *to, size_t room, const struct heir *heir)
{
	struct words words = { to, to + room, false };

	put_number(&words, heir->cookie);
	put_number(&words, heir->control);
	put_number(&words, heir->control_cookie);
	put_bytes(&words, heir->relay.bytes, heir->relay.len, ',');
	put_bytes(&words, heir->peer.bytes, heir->peer.len, ';');
	return words.failed ? 0 : (size_t)(words.at - to);
}

/* --- taking ------------------------------------------------------------------------- */

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The digits up to end, which is taken too. False: something else stands there. */
static bool take_bytes(const char **at, char end, uint8_t *bytes, size_t room,
		       size_t *n)
{
	for (*n = 0; **at != end; (*n)++) {
		int high = digit_of(**at);
		int low = high < 0 ? -1 : digit_of((*at)[1]);

		if (low < 0 || *n == room)
			return false;
		bytes[*n] = (uint8_t)(high << 4 | low);
		*at += 2;
	}
	(*at)++;
	return true;
}

static bool take_number(const char **at, uint64_t *number)
{
	uint8_t bytes[8];
	size_t n;

	*number = 0;
	if (!take_bytes(at, ',', bytes, sizeof(bytes), &n))
		return false;
	for (size_t i = 0; i < n; i++)
		*number = *number << 8 | bytes[i];
	return true;
}

static bool take_address(const char **at, char end, struct heir_address *address)
{
	return take_bytes(at, end, address->bytes, sizeof(address->bytes),
			  &address->len);
}

bool heir_take(const char **text, struct heir *heir)
{
	return take_number(text, &heir->cookie) &&
	       take_number(text, &heir->control) &&
	       take_number(text, &heir->control_cookie) &&
	       take_address(text, ',', &heir->relay) &&
	       take_address(text, ';', &heir->peer) && heir->cookie != 0;
}
