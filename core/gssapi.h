/* SPDX-License-Identifier: MIT */
/* gssapi.h - the messages of RFC 1961, to and from bytes; what is in a token is not known here */
#ifndef SOCKSIFY_CORE_GSSAPI_H
#define SOCKSIFY_CORE_GSSAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GSSAPI_VERSION = 1,
	GSSAPI_HEADER_LEN = 4,
	GSSAPI_TOKEN_MAX = 65535,
	GSSAPI_MESSAGE_MAX = GSSAPI_HEADER_LEN + GSSAPI_TOKEN_MAX,
};

/* MTYP */
enum gssapi_type {
	GSSAPI_AUTHENTICATION = 0x01, /* section 3: a token of the context */
	GSSAPI_PROTECTION = 0x02,     /* section 4: the protection level */
	GSSAPI_ENCAPSULATED = 0x03,   /* section 5: everything after that */
	GSSAPI_ABORT = 0xff,	      /* section 3.6: no more of it follows */
};

/* The protection level of section 4; 0 is what servers in use have besides. */
enum gssapi_level {
	GSSAPI_CLEAR = 0,
	GSSAPI_INTEGRITY = 1,
	GSSAPI_CONFIDENTIALITY = 2,
	GSSAPI_SELECTIVE = 3, /* each message one of the two */
};

/*
 * What stands before a token of len bytes. GSSAPI_HEADER_LEN, or -EINVAL where that length
 * cannot be said, -ENOBUFS where size is short.
 */
int gssapi_put_header(uint8_t *out, size_t size, enum gssapi_type type, size_t len);

/*
 * How many bytes of the message that begins at in may be taken, those that are there
 * counted, and surely none of what follows it.
 */
size_t gssapi_needs(const uint8_t *in, size_t len);

/*
 * A message of that type. The bytes used, with token and token_len set; 0 for "more is
 * needed"; -ECONNABORTED for an abort; -EPROTO, as soon as it is there, for another version
 * or type, or no token.
 */
int gssapi_get_message(const uint8_t *in, size_t len, enum gssapi_type type,
		       const uint8_t **token, size_t *token_len);

/* The level that the content of a protection message says, or -EPROTO. */
int gssapi_get_level(const uint8_t *in, size_t len);

/* Whether what was chosen is no less than required, which is none but the first three. */
bool gssapi_level_suffices(enum gssapi_level chosen, enum gssapi_level required);

#endif
