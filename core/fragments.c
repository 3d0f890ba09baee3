/* SPDX-License-Identifier: MIT */
/*
 * fragments.c - datagrams that come in fragments, put together: RFC 1928 section 7
 *
 * FRAG is the position of a fragment, from 1; its high bit says that it is the last one.
 * A position that is not the next one ends the sequence: below it the RFC says so, and beyond
 * it something is missing, which could only come with a lower position. So there is nothing
 * to be kept but the data in order.
 */
#include "core/fragments.h"

enum { LAST = 0x80 };

void fragments_reset(struct fragments *f)
{
	f->highest = 0;
	f->whole = false;
	f->len = 0;
}

static bool goes_on(const struct fragments *f, uint8_t position,
		    const struct endpoint *source, int64_t now_ns)
{
	return !f->whole && f->highest > 0 && now_ns < f->until_ns &&
	       position == f->highest + 1 && endpoint_equal(source, &f->source);
}

uint8_t *fragments_place(struct fragments *f, uint8_t frag,
			 const struct endpoint *source, size_t n, int64_t now_ns)
{
	uint8_t position = frag & ~LAST;
	uint8_t *place;

	if (!goes_on(f, position, source, now_ns)) {
		fragments_reset(f);
		if (position != 1)
			return NULL;
		f->source = *source;
		f->until_ns = now_ns + FRAGMENTS_TIMER_NS;
	}
	if (n > sizeof(f->bytes) - f->len) {
		fragments_reset(f);
		return NULL;
	}
	place = f->bytes + f->len;
	f->len += n;
	f->highest = position;
	f->whole = frag & LAST;
	return place;
}
