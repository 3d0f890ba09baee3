/* SPDX-License-Identifier: MIT */
/* socks5.h - the messages of RFC 1928 and RFC 1929, to and from bytes */
#ifndef SOCKSIFY_CORE_SOCKS5_H
#define SOCKSIFY_CORE_SOCKS5_H

#include <stddef.h>
#include <stdint.h>

#include "core/endpoint.h"

/* The greatest messages: RFC 1929's request, RFC 1928's request and reply. */
#define SOCKS5_AUTH_MAX	   513
#define SOCKS5_MESSAGE_MAX 262

/* What stands before the data of a datagram, RFC 1928 section 7; by ATYP. */
enum {
	SOCKS5_UDP_HEADER_IPV4 = 10,
	SOCKS5_UDP_HEADER_IPV6 = 22,
	SOCKS5_UDP_HEADER_MAX = 262,
};

enum { SOCKS5_VERSION = 5 };

enum socks5_method {
	SOCKS5_METHOD_NONE = 0x00,
	SOCKS5_METHOD_GSSAPI = 0x01,
	SOCKS5_METHOD_USERPASS = 0x02,
	SOCKS5_METHOD_UNACCEPTABLE = 0xff,
};

enum socks5_command {
	SOCKS5_CONNECT = 1,
	SOCKS5_BIND = 2,
	SOCKS5_UDP_ASSOCIATE = 3,
};

enum socks5_reply {
	SOCKS5_SUCCEEDED = 0,
	SOCKS5_GENERAL_FAILURE = 1,
	SOCKS5_NOT_ALLOWED = 2,
	SOCKS5_NETWORK_UNREACHABLE = 3,
	SOCKS5_HOST_UNREACHABLE = 4,
	SOCKS5_CONNECTION_REFUSED = 5,
	SOCKS5_TTL_EXPIRED = 6,
	SOCKS5_COMMAND_NOT_SUPPORTED = 7,
	SOCKS5_ADDRESS_TYPE_NOT_SUPPORTED = 8,
};

/*
 * Encoders write one whole message to out and return its length, or -EINVAL
 * where a value cannot be said in the protocol, -ENOBUFS where size is short.
 * Decoders return the bytes used, 0 for "more is needed", -EPROTO for a
 * message that cannot be right.
 */
int socks5_put_greeting(uint8_t *out, size_t size, const uint8_t *methods,
			size_t n_methods);
int socks5_get_method(const uint8_t *in, size_t len, uint8_t *method);
int socks5_put_userpass(uint8_t *out, size_t size, const char *username,
			const char *password);
int socks5_get_userpass_status(const uint8_t *in, size_t len, uint8_t *status);
int socks5_put_request(uint8_t *out, size_t size, enum socks5_command command,
		       const struct endpoint *destination);

/*
 * A reply. reply is set as soon as it is known (two bytes). With a reply other
 * than SOCKS5_SUCCEEDED those two bytes are a whole message, whatever follows:
 * bound is then ENDPOINT_NONE (servers send short and odd tails). With success
 * a well-formed tail is needed; a name that is none, empty or with a NUL in it,
 * gives ENDPOINT_NONE with the port. A wrong version or address type is
 * -EPROTO as soon as it is there.
 */
int socks5_get_reply(const uint8_t *in, size_t len, uint8_t *reply,
		     struct endpoint *bound);

/*
 * How many bytes of the reply that begins at in may be taken, those that are
 * there counted, and surely none of what follows it: 5 while fewer are known
 * (no success is shorter), then the exact length of a success; 2 once REP says
 * failure, which is all that socks5_get_reply needs of it.
 */
size_t socks5_reply_needs(const uint8_t *in, size_t len);

/*
 * The header of a datagram to destination, which stands alone (FRAG 0). As the encoders
 * above.
 */
int socks5_put_udp_header(uint8_t *out, size_t size,
			  const struct endpoint *destination);

/*
 * The header at the beginning of a datagram of len bytes. The bytes used; -EPROTO where it
 * is short, RSV is not 0 or ATYP is unknown. A name that is none, empty or with a NUL in
 * it, gives ENDPOINT_NONE with the port.
 */
int socks5_get_udp_header(const uint8_t *in, size_t len, uint8_t *frag,
			  struct endpoint *source);

/* The errno (positive) that connect(2) shows for a reply other than 0. */
int socks5_reply_errno(uint8_t reply);

/* "connection refused", … ; for the log. */
const char *socks5_reply_text(uint8_t reply);

#endif
