/* SPDX-License-Identifier: MIT */
/* gssapi.c - the messages of RFC 1961, to and from bytes; what is in a token is not known here */
#include "core/gssapi.h"

#include <errno.h>

#include "core/cursor.h"

enum { ABORT_LEN = 2 };

/*
 * RFC 1961 sections 3.4, 4.3 and 5.1
 *	+------+------+------+.......................+
 *	| ver  | mtyp | len  |         token         |
 *	|  1   |  1   |  2   | up to 2^16 - 1 octets |
 *	+------+------+------+.......................+
 */
int gssapi_put_header(uint8_t *out, size_t size, enum gssapi_type type, size_t len)
{
	struct writer w = writer_over(out, size);

	if (len < 1 || len > GSSAPI_TOKEN_MAX)
		return -EINVAL;
	writer_u8(&w, GSSAPI_VERSION);
	writer_u8(&w, (uint8_t)type);
	writer_be16(&w, (uint16_t)len);
	return w.failed ? -ENOBUFS : GSSAPI_HEADER_LEN;
}

/*
 * RFC 1961 section 3.6: an abort ends with its type
 *	+------+------+
 *	| ver  | mtyp |
 *	|  1   | 0xff |
 *	+------+------+
 */
size_t gssapi_needs(const uint8_t *in, size_t len)
{
	struct reader r = reader_over(in, len);

	if (len < ABORT_LEN)
		return ABORT_LEN;
	reader_u8(&r);
	if (reader_u8(&r) == GSSAPI_ABORT)
		return ABORT_LEN;
	if (len < GSSAPI_HEADER_LEN)
		return GSSAPI_HEADER_LEN;
	return GSSAPI_HEADER_LEN + (size_t)reader_be16(&r);
}

int gssapi_get_message(const uint8_t *in, size_t len, enum gssapi_type type,
		       const uint8_t **token, size_t *token_len)
{
	struct reader r = reader_over(in, len);
	uint8_t version = reader_u8(&r);
	uint8_t mtyp = reader_u8(&r);
	uint16_t size = reader_be16(&r);

	if (len > 0 && version != GSSAPI_VERSION)
		return -EPROTO;
	if (len >= ABORT_LEN && mtyp == GSSAPI_ABORT)
		return -ECONNABORTED;
	if (len >= ABORT_LEN && mtyp != type)
		return -EPROTO;
	if (len < GSSAPI_HEADER_LEN)
		return 0;
	if (size == 0)
		return -EPROTO;
	if (reader_left(&r) < size)
		return 0;
	*token = r.at;
	*token_len = size;
	return GSSAPI_HEADER_LEN + size;
}

int gssapi_get_level(const uint8_t *in, size_t len)
{
	if (len != 1 || in[0] > GSSAPI_SELECTIVE)
		return -EPROTO;
	return in[0];
}

bool gssapi_level_suffices(enum gssapi_level chosen, enum gssapi_level required)
{
	return chosen >= required;
}
