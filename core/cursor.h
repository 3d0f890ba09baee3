/* SPDX-License-Identifier: MIT */
/* cursor.h - bounded reading and writing of bytes, with a sticky failure */
#ifndef SOCKSIFY_CORE_CURSOR_H
#define SOCKSIFY_CORE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct reader - a span of bytes being read from its beginning
 * @at:		next byte
 * @end:	one past the last byte
 * @failed:	a read went past the end; everything read since is zero
 */
struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

/**
 * struct writer - a span of bytes being filled from its beginning
 * @start:	first byte
 * @at:		next byte to be written
 * @end:	one past the last byte that may be written
 * @failed:	a write did not fit; nothing is written since
 */
struct writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool failed;
};

struct reader reader_over(const void *bytes, size_t len);
size_t reader_left(const struct reader *r);
uint8_t reader_u8(struct reader *r);
uint16_t reader_be16(struct reader *r);
uint32_t reader_be32(struct reader *r);

/* Copies len bytes to out (zeros them on failure); out may be NULL to skip. */
bool reader_bytes(struct reader *r, void *out, size_t len);

struct writer writer_over(void *bytes, size_t len);
size_t writer_used(const struct writer *w);
void writer_u8(struct writer *w, uint8_t value);
void writer_be16(struct writer *w, uint16_t value);
void writer_be32(struct writer *w, uint32_t value);
void writer_bytes(struct writer *w, const void *bytes, size_t len);

#endif
