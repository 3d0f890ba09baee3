/* SPDX-License-Identifier: MIT */
/* row.c - bytes that lie in several vectors, taken as one row */
#include "core/row.h"

#include <stdint.h>
#include <string.h>

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* What is at offset, and how much of it is in one piece; NULL beyond the end. */
static uint8_t *at(const struct row *row, size_t offset, size_t *piece)
{
	for (size_t i = 0; i < row->count; i++) {
		const struct iovec *vector = &row->vectors[i];

		if (offset < vector->iov_len) {
			*piece = vector->iov_len - offset;
			return (uint8_t *)vector->iov_base + offset;
		}
		offset -= vector->iov_len;
	}
	return NULL;
}

/* How many bytes up to offset are in one piece; *end is behind them. */
static size_t piece_before(const struct row *row, size_t offset, uint8_t **end)
{
	for (size_t i = 0; i < row->count; i++) {
		const struct iovec *vector = &row->vectors[i];

		if (offset <= vector->iov_len) {
			*end = (uint8_t *)vector->iov_base + offset;
			return offset;
		}
		offset -= vector->iov_len;
	}
	return 0;
}

size_t row_read(const struct row *row, size_t offset, void *to, size_t n)
{
	size_t done = 0, piece;

	while (done < n) {
		const uint8_t *source = at(row, offset + done, &piece);

		if (source == NULL)
			break;
		piece = least(piece, n - done);
		memcpy((uint8_t *)to + done, source, piece);
		done += piece;
	}
	return done;
}

size_t row_write(const struct row *row, size_t offset, const void *from, size_t n)
{
	size_t done = 0, piece;

	while (done < n) {
		uint8_t *target = at(row, offset + done, &piece);

		if (target == NULL)
			break;
		piece = least(piece, n - done);
		memcpy(target, (const uint8_t *)from + done, piece);
		done += piece;
	}
	return done;
}

void row_clear(const struct row *row, size_t offset, size_t n)
{
	size_t piece;

	while (n > 0) {
		uint8_t *rest = at(row, offset, &piece);

		if (rest == NULL)
			return;
		piece = least(piece, n);
		memset(rest, 0, piece);
		offset += piece;
		n -= piece;
	}
}

static void move_down(const struct row *row, size_t to, size_t from, size_t n)
{
	while (n > 0) {
		size_t source_piece = 0, target_piece = 0, piece;
		uint8_t *source = at(row, from, &source_piece);
		uint8_t *target = at(row, to, &target_piece);

		if (source == NULL || target == NULL)
			return;
		piece = least(n, least(source_piece, target_piece));
		memmove(target, source, piece);
		from += piece;
		to += piece;
		n -= piece;
	}
}

/* The last bytes first. */
static void move_up(const struct row *row, size_t to, size_t from, size_t n)
{
	while (n > 0) {
		uint8_t *source = NULL, *target = NULL;
		size_t piece = least(n, piece_before(row, from + n, &source));

		piece = least(piece, piece_before(row, to + n, &target));
		if (piece == 0)
			return;
		memmove(target - piece, source - piece, piece);
		n -= piece;
	}
}

static size_t length(const struct row *row)
{
	size_t n = 0;

	for (size_t i = 0; i < row->count; i++)
		n += row->vectors[i].iov_len;
	return n;
}

void row_move(const struct row *row, size_t to, size_t from, size_t n)
{
	size_t room = length(row);

	if (from < to) {
		n = to < room ? least(n, room - to) : 0;
		move_up(row, to, from, n);
	} else {
		move_down(row, to, from, n);
	}
}

void row_copy(const struct row *to, const struct row *from, size_t n)
{
	size_t i = 0, at_to = 0;

	/* Vector by vector of the target: each is read in one go. */
	for (; n > 0 && i < to->count; i++) {
		size_t piece = least(to->vectors[i].iov_len, n);
		size_t done = row_read(from, at_to, to->vectors[i].iov_base,
				       piece);

		if (done < piece)
			return;
		at_to += piece;
		n -= piece;
	}
}
