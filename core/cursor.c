/* SPDX-License-Identifier: MIT */
/* cursor.c - bounded reading and writing of bytes, with a sticky failure */
#include "core/cursor.h"

#include <string.h>

struct reader reader_over(const void *bytes, size_t len)
{
	const uint8_t *start = bytes;

	/* No arithmetic on NULL, not even of nothing. */
	return (struct reader){
		.at = start,
		.end = len > 0 ? start + len : start,
	};
}

size_t reader_left(const struct reader *r)
{
	return r->failed ? 0 : (size_t)(r->end - r->at);
}

/* The next len bytes, or NULL with the failure set. */
static const uint8_t *take(struct reader *r, size_t len)
{
	const uint8_t *bytes = r->at;

	if (r->failed || reader_left(r) < len) {
		r->failed = true;
		return NULL;
	}
	r->at += len;
	return bytes;
}

uint8_t reader_u8(struct reader *r)
{
	const uint8_t *b = take(r, 1);

	return b ? b[0] : 0;
}

uint16_t reader_be16(struct reader *r)
{
	const uint8_t *b = take(r, 2);

	return b ? (uint16_t)(b[0] << 8 | b[1]) : 0;
}

uint32_t reader_be32(struct reader *r)
{
	const uint8_t *b = take(r, 4);

	return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
			   (uint32_t)b[2] << 8 | b[3]
		 : 0;
}

bool reader_bytes(struct reader *r, void *out, size_t len)
{
	const uint8_t *bytes;

	if (len == 0)
		return !r->failed;
	bytes = take(r, len);
	if (out && bytes)
		memcpy(out, bytes, len);
	else if (out)
		memset(out, 0, len);
	return bytes != NULL;
}

struct writer writer_over(void *bytes, size_t len)
{
	uint8_t *start = bytes;

	return (struct writer){
		.start = start,
		.at = start,
		.end = len > 0 ? start + len : start,
	};
}

size_t writer_used(const struct writer *w)
{
	return (size_t)(w->at - w->start);
}

/* Room for len bytes, or NULL with the failure set. */
static uint8_t *claim(struct writer *w, size_t len)
{
	uint8_t *room = w->at;

	if (w->failed || (size_t)(w->end - w->at) < len) {
		w->failed = true;
		return NULL;
	}
	w->at += len;
	return room;
}

void writer_u8(struct writer *w, uint8_t value)
{
	uint8_t *b = claim(w, 1);

	if (b)
		b[0] = value;
}

void writer_be16(struct writer *w, uint16_t value)
{
	uint8_t *b = claim(w, 2);

	if (!b)
		return;
	b[0] = (uint8_t)(value >> 8);
	b[1] = (uint8_t)value;
}

void writer_be32(struct writer *w, uint32_t value)
{
	uint8_t *b = claim(w, 4);

	if (!b)
		return;
	b[0] = (uint8_t)(value >> 24);
	b[1] = (uint8_t)(value >> 16);
	b[2] = (uint8_t)(value >> 8);
	b[3] = (uint8_t)value;
}

void writer_bytes(struct writer *w, const void *bytes, size_t len)
{
	uint8_t *room;

	if (len == 0)
		return;
	room = claim(w, len);
	if (room)
		memcpy(room, bytes, len);
}
