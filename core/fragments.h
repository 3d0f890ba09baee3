/* SPDX-License-Identifier: MIT */
/* fragments.h - datagrams that come in fragments, put together: RFC 1928 section 7 */
#ifndef SOCKSIFY_CORE_FRAGMENTS_H
#define SOCKSIFY_CORE_FRAGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/endpoint.h"

enum { FRAGMENTS_ROOM = 65536 }; /* more than a datagram can have */

/* The reassembly timer. */
#define FRAGMENTS_TIMER_NS 5000000000ll

/**
 * struct fragments - one reassembly queue, all zeros at first
 * @highest:	position of the fragment that came last; 0: none
 * @whole:	@bytes are a whole datagram, until the next fragment
 * @until_ns:	when the timer fires
 * @source:	of all of them
 * @len:	of @bytes
 * @bytes:	the data so far
 */
struct fragments {
	uint8_t highest;
	bool whole;
	int64_t until_ns;
	struct endpoint source;
	size_t len;
	uint8_t bytes[FRAGMENTS_ROOM];
};

/* Drops what there is. */
void fragments_reset(struct fragments *f);

/*
 * A fragment with n bytes of data has come, FRAG frag (not 0), at now_ns. Where its data
 * goes, which is to be put there before the next call; NULL: it is of no use, and nor may be
 * what there was.
 */
uint8_t *fragments_place(struct fragments *f, uint8_t frag,
			 const struct endpoint *source, size_t n, int64_t now_ns);

#endif
