/* SPDX-License-Identifier: MIT */
/* row.h - bytes that lie in several vectors, taken as one row */
#ifndef SOCKSIFY_CORE_ROW_H
#define SOCKSIFY_CORE_ROW_H

#include <stddef.h>
#include <sys/uio.h>

struct row {
	const struct iovec *vectors;
	size_t count;
};

/* Both copy n bytes at offset, as far as the row goes, and return how many that were. */
size_t row_read(const struct row *row, size_t offset, void *to, size_t n);
size_t row_write(const struct row *row, size_t offset, const void *from, size_t n);

/* Zeros. */
void row_clear(const struct row *row, size_t offset, size_t n);

/* n bytes from one offset to another one, as memmove; what is beyond the row is left out. */
void row_move(const struct row *row, size_t to, size_t from, size_t n);

/* From the beginning of one row to that of another. */
void row_copy(const struct row *to, const struct row *from, size_t n);

#endif
