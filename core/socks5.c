/* SPDX-License-Identifier: MIT */
/* socks5.c - the messages of RFC 1928 and RFC 1929, to and from bytes */
#include "core/socks5.h"

#include <errno.h>
#include <string.h>

#include "core/cursor.h"

enum {
	USERPASS_VERSION = 1,
	FIELD_MAX = 255, /* what one length octet can say */
};

enum address_type {
	ATYP_IPV4 = 1,
	ATYP_NAME = 3,
	ATYP_IPV6 = 4,
};

static int encoded(const struct writer *w)
{
	return w->failed ? -ENOBUFS : (int)writer_used(w);
}

/*
 * RFC 1928 section 3
 *	+-----+----------+----------+
 *	| VER | NMETHODS | METHODS  |
 *	|  1  |    1     | 1 to 255 |
 *	+-----+----------+----------+
 */
int socks5_put_greeting(uint8_t *out, size_t size, const uint8_t *methods,
			size_t n_methods)
{
	struct writer w = writer_over(out, size);

	if (n_methods < 1 || n_methods > FIELD_MAX)
		return -EINVAL;
	writer_u8(&w, SOCKS5_VERSION);
	writer_u8(&w, (uint8_t)n_methods);
	writer_bytes(&w, methods, n_methods);
	return encoded(&w);
}

/*
 * RFC 1928 section 3
 *	+-----+--------+
 *	| VER | METHOD |
 *	|  1  |   1    |
 *	+-----+--------+
 */
int socks5_get_method(const uint8_t *in, size_t len, uint8_t *method)
{
	struct reader r = reader_over(in, len);

	if (len > 0 && reader_u8(&r) != SOCKS5_VERSION)
		return -EPROTO;
	if (len < 2)
		return 0;
	*method = reader_u8(&r);
	return 2;
}

/*
 * RFC 1929 section 2
 *	+-----+------+----------+------+----------+
 *	| VER | ULEN |  UNAME   | PLEN |  PASSWD  |
 *	|  1  |  1   | 1 to 255 |  1   | 1 to 255 |
 *	+-----+------+----------+------+----------+
 */
int socks5_put_userpass(uint8_t *out, size_t size, const char *username,
			const char *password)
{
	struct writer w = writer_over(out, size);
	size_t ulen = strlen(username), plen = strlen(password);

	if (ulen < 1 || ulen > FIELD_MAX || plen < 1 || plen > FIELD_MAX)
		return -EINVAL;
	writer_u8(&w, USERPASS_VERSION);
	writer_u8(&w, (uint8_t)ulen);
	writer_bytes(&w, username, ulen);
	writer_u8(&w, (uint8_t)plen);
	writer_bytes(&w, password, plen);
	return encoded(&w);
}

/*
 * RFC 1929 section 2; some servers put SOCKS' own version there
 *	+-----+--------+
 *	| VER | STATUS |
 *	|  1  |   1    |
 *	+-----+--------+
 */
int socks5_get_userpass_status(const uint8_t *in, size_t len, uint8_t *status)
{
	struct reader r = reader_over(in, len);
	uint8_t version = reader_u8(&r);

	if (len > 0 && version != USERPASS_VERSION && version != SOCKS5_VERSION)
		return -EPROTO;
	if (len < 2)
		return 0;
	*status = reader_u8(&r);
	return 2;
}

/* ATYP, address and port. */
static int put_endpoint(struct writer *w, const struct endpoint *e)
{
	switch (e->kind) {
	case ENDPOINT_IPV4:
		writer_u8(w, ATYP_IPV4);
		writer_bytes(w, e->v4, sizeof(e->v4));
		break;
	case ENDPOINT_IPV6:
		/* Its link is one of ours, and means another to the proxy. */
		if (e->scope_id)
			return -EINVAL;
		writer_u8(w, ATYP_IPV6);
		writer_bytes(w, e->v6, sizeof(e->v6));
		break;
	case ENDPOINT_NAME:
		if (e->name_len == 0)
			return -EINVAL;
		writer_u8(w, ATYP_NAME);
		writer_u8(w, e->name_len);
		writer_bytes(w, e->name, e->name_len);
		break;
	default:
		return -EINVAL;
	}
	writer_be16(w, e->port);
	return 0;
}

/*
 * RFC 1928 section 4
 *	+-----+-----+-------+------+----------+----------+
 *	| VER | CMD |  RSV  | ATYP | DST.ADDR | DST.PORT |
 *	|  1  |  1  | X'00' |  1   | Variable |    2     |
 *	+-----+-----+-------+------+----------+----------+
 */
int socks5_put_request(uint8_t *out, size_t size, enum socks5_command command,
		       const struct endpoint *destination)
{
	struct writer w = writer_over(out, size);
	int rc;

	writer_u8(&w, SOCKS5_VERSION);
	writer_u8(&w, (uint8_t)command);
	writer_u8(&w, 0);
	rc = put_endpoint(&w, destination);
	return rc < 0 ? rc : encoded(&w);
}

/* One that is no name, empty or with a NUL, leaves ENDPOINT_NONE. */
static void get_name(struct reader *r, struct endpoint *e)
{
	char name[FIELD_MAX];
	size_t len = reader_u8(r);

	if (reader_bytes(r, name, len))
		endpoint_set_name(e, name, len);
}

/* Address and port, after their ATYP. */
static void get_endpoint(struct reader *r, uint8_t type, struct endpoint *e)
{
	uint8_t address[16];

	switch (type) {
	case ATYP_IPV4:
		e->kind = ENDPOINT_IPV4;
		reader_bytes(r, e->v4, sizeof(e->v4));
		break;
	case ATYP_IPV6:
		if (reader_bytes(r, address, sizeof(address)))
			endpoint_set_ipv6(e, address, 0);
		break;
	default:
		get_name(r, e);
		break;
	}
	e->port = reader_be16(r);
}

static bool is_address_type(uint8_t type)
{
	return type == ATYP_IPV4 || type == ATYP_NAME || type == ATYP_IPV6;
}

/*
 * RFC 1928 section 6
 *	+-----+-----+-------+------+----------+----------+
 *	| VER | REP |  RSV  | ATYP | BND.ADDR | BND.PORT |
 *	|  1  |  1  | X'00' |  1   | Variable |    2     |
 *	+-----+-----+-------+------+----------+----------+
 */
int socks5_get_reply(const uint8_t *in, size_t len, uint8_t *reply,
		     struct endpoint *bound)
{
	struct reader r = reader_over(in, len);
	uint8_t type;

	memset(bound, 0, sizeof(*bound));
	if (len > 0 && reader_u8(&r) != SOCKS5_VERSION)
		return -EPROTO;
	if (len < 2)
		return 0;
	*reply = reader_u8(&r);
	if (*reply != SOCKS5_SUCCEEDED)
		return 2;
	reader_u8(&r); /* RSV: what a server puts there changes nothing */
	type = reader_u8(&r);
	if (len >= 4 && !is_address_type(type))
		return -EPROTO;
	if (len < socks5_reply_needs(in, len))
		return 0;
	get_endpoint(&r, type, bound);
	return r.failed ? 0 : (int)(len - reader_left(&r));
}

size_t socks5_reply_needs(const uint8_t *in, size_t len)
{
	struct reader r = reader_over(in, len);
	uint8_t type;

	reader_u8(&r);
	if (reader_u8(&r) != SOCKS5_SUCCEEDED)
		return 2;
	if (len < 5)
		return 5;
	reader_u8(&r);
	type = reader_u8(&r);
	if (type == ATYP_IPV4)
		return 10;
	if (type == ATYP_IPV6)
		return 22;
	return 7 + (size_t)reader_u8(&r);
}

/*
 * RFC 1928 section 7
 *	+-----+------+------+----------+----------+----------+
 *	| RSV | FRAG | ATYP | DST.ADDR | DST.PORT |   DATA   |
 *	|  2  |  1   |  1   | Variable |    2     | Variable |
 *	+-----+------+------+----------+----------+----------+
 */
int socks5_put_udp_header(uint8_t *out, size_t size,
			  const struct endpoint *destination)
{
	struct writer w = writer_over(out, size);
	int rc;

	writer_be16(&w, 0);
	writer_u8(&w, 0);
	rc = put_endpoint(&w, destination);
	return rc < 0 ? rc : encoded(&w);
}

int socks5_get_udp_header(const uint8_t *in, size_t len, uint8_t *frag,
			  struct endpoint *source)
{
	struct reader r = reader_over(in, len);
	uint16_t reserved = reader_be16(&r);
	uint8_t type;

	*frag = reader_u8(&r);
	type = reader_u8(&r);
	source->kind = ENDPOINT_NONE;
	source->name_len = 0;
	source->scope_id = 0;
	if (reserved != 0 || !is_address_type(type))
		return -EPROTO;
	get_endpoint(&r, type, source);
	return r.failed ? -EPROTO : (int)(len - reader_left(&r));
}

/**
 * struct meaning - what a REP value says
 * @error:	to the program, as connect(2) would
 * @text:	to people
 */
struct meaning {
	int error;
	const char *text;
};

/* RFC 1928 section 6; by REP. */
static const struct meaning meanings[] = {
	[SOCKS5_SUCCEEDED] = { 0, "succeeded" },
	[SOCKS5_GENERAL_FAILURE] = { ECONNREFUSED, "general failure" },
	[SOCKS5_NOT_ALLOWED] = { EACCES, "not allowed by its rules" },
	[SOCKS5_NETWORK_UNREACHABLE] = { ENETUNREACH, "network unreachable" },
	[SOCKS5_HOST_UNREACHABLE] = { EHOSTUNREACH, "host unreachable" },
	[SOCKS5_CONNECTION_REFUSED] = { ECONNREFUSED, "connection refused" },
	[SOCKS5_TTL_EXPIRED] = { ETIMEDOUT, "TTL expired" },
	[SOCKS5_COMMAND_NOT_SUPPORTED] = { EOPNOTSUPP,
					   "command not supported" },
	[SOCKS5_ADDRESS_TYPE_NOT_SUPPORTED] = { EAFNOSUPPORT,
						"address type not supported" },
};

static const struct meaning unassigned = { ECONNREFUSED, "unassigned reply" };

static const struct meaning *meaning_of(uint8_t reply)
{
	if (reply < sizeof(meanings) / sizeof(meanings[0]))
		return &meanings[reply];
	return &unassigned;
}

int socks5_reply_errno(uint8_t reply)
{
	return meaning_of(reply)->error;
}

const char *socks5_reply_text(uint8_t reply)
{
	return meaning_of(reply)->text;
}
