/* SPDX-License-Identifier: MIT */
/* endpoint.c - where a connection goes: IPv4, IPv6 or a name, with a port */
#include "core/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "core/cursor.h"

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };
static const uint8_t zeros[16];
static const uint8_t v6_loopback[16] = { [15] = 1 };

static void set_ipv4(struct endpoint *e, const uint8_t address[4])
{
	e->kind = ENDPOINT_IPV4;
	e->name_len = 0;
	e->scope_id = 0;
	memmove(e->v4, address, 4);
}

/*
 * Whether an address means something on one link or interface only: fe80::/10,
 * and the multicast scopes 1 and 2 (RFC 4291 section 2.7).
 */
static bool has_scope(const uint8_t v6[16])
{
	uint8_t scope = v6[1] & 0x0f;

	if (v6[0] == 0xff)
		return scope == 1 || scope == 2;
	return v6[0] == 0xfe && (v6[1] & 0xc0) == 0x80;
}

void endpoint_set_ipv6(struct endpoint *e, const uint8_t address[16],
		       uint32_t scope_id)
{
	if (memcmp(address, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		set_ipv4(e, address + sizeof(mapped_prefix));
		return;
	}
	e->kind = ENDPOINT_IPV6;
	e->name_len = 0;
	e->scope_id = has_scope(address) ? scope_id : 0;
	memmove(e->v6, address, 16);
}

static int from_in(struct endpoint *e, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in in;

	if (len < sizeof(in))
		return -EINVAL;
	memcpy(&in, sa, sizeof(in));
	set_ipv4(e, (const uint8_t *)&in.sin_addr);
	e->port = ntohs(in.sin_port);
	return 0;
}

static int from_in6(struct endpoint *e, const struct sockaddr *sa,
		    socklen_t len)
{
	struct sockaddr_in6 in6 = { 0 };

	/* As the kernel does: the scope came later and may be missing. */
	if (len < offsetof(struct sockaddr_in6, sin6_scope_id))
		return -EINVAL;
	memcpy(&in6, sa, len < sizeof(in6) ? len : sizeof(in6));
	if (len < sizeof(in6))
		in6.sin6_scope_id = 0;
	endpoint_set_ipv6(e, in6.sin6_addr.s6_addr, in6.sin6_scope_id);
	e->port = ntohs(in6.sin6_port);
	return 0;
}

int endpoint_from_sockaddr(struct endpoint *e, const struct sockaddr *sa,
			   socklen_t len)
{
	sa_family_t family;

	if (!sa || len < sizeof(family))
		return -EINVAL;
	memcpy(&family, sa, sizeof(family));
	switch (family) {
	case AF_INET:
		return from_in(e, sa, len);
	case AF_INET6:
		return from_in6(e, sa, len);
	default:
		return -EAFNOSUPPORT;
	}
}

static int to_in(const struct endpoint *e, struct sockaddr_storage *sa)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (e->kind != ENDPOINT_IPV4)
		return -EAFNOSUPPORT;
	in.sin_port = htons(e->port);
	memcpy(&in.sin_addr, e->v4, 4);
	memcpy(sa, &in, sizeof(in));
	return sizeof(in);
}

static int to_in6(const struct endpoint *e, struct sockaddr_storage *sa)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	uint8_t *address = in6.sin6_addr.s6_addr;

	if (e->kind == ENDPOINT_IPV4) {
		memcpy(address, mapped_prefix, sizeof(mapped_prefix));
		memcpy(address + sizeof(mapped_prefix), e->v4, 4);
	} else if (e->kind == ENDPOINT_IPV6) {
		memcpy(address, e->v6, 16);
		in6.sin6_scope_id = e->scope_id;
	} else {
		return -EAFNOSUPPORT;
	}
	in6.sin6_port = htons(e->port);
	memcpy(sa, &in6, sizeof(in6));
	return sizeof(in6);
}

int endpoint_to_sockaddr(const struct endpoint *e, int family,
			 struct sockaddr_storage *sa)
{
	memset(sa, 0, sizeof(*sa));
	switch (family) {
	case AF_INET:
		return to_in(e, sa);
	case AF_INET6:
		return to_in6(e, sa);
	default:
		return -EAFNOSUPPORT;
	}
}

/* A decimal number of 32 bits and nothing else. */
static int parse_scope(const char *text, uint32_t *scope)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > UINT32_MAX)
			return -EINVAL;
	}
	*scope = (uint32_t)value;
	return 0;
}

int endpoint_parse_address(struct endpoint *e, const char *text)
{
	const char *percent = strchr(text, '%');
	size_t len = percent ? (size_t)(percent - text) : strlen(text);
	char address[INET6_ADDRSTRLEN];
	uint8_t bytes[16];
	uint32_t scope = 0;

	if (len >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, len);
	address[len] = '\0';
	if (percent && parse_scope(percent + 1, &scope) < 0)
		return -EINVAL;
	if (inet_pton(AF_INET6, address, bytes) == 1) {
		endpoint_set_ipv6(e, bytes, scope);
		return 0;
	}
	if (percent || inet_pton(AF_INET, address, bytes) != 1)
		return -EINVAL;
	set_ipv4(e, bytes);
	return 0;
}

int endpoint_set_name(struct endpoint *e, const char *name, size_t len)
{
	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || memchr(name, '\0', len))
		return -EINVAL;
	if (len > ENDPOINT_NAME_MAX)
		return -ENAMETOOLONG;
	e->kind = ENDPOINT_NAME;
	e->name_len = (uint8_t)len;
	e->scope_id = 0;
	memmove(e->name, name, len);
	e->name[len] = '\0';
	return 0;
}

/* ASCII alone, whatever the program's locale. */
static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_name(const struct endpoint *a, const struct endpoint *b)
{
	if (a->name_len != b->name_len)
		return false;
	for (size_t i = 0; i < a->name_len; i++)
		if (lower(a->name[i]) != lower(b->name[i]))
			return false;
	return true;
}

bool endpoint_same_host(const struct endpoint *a, const struct endpoint *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case ENDPOINT_IPV4:
		return memcmp(a->v4, b->v4, sizeof(a->v4)) == 0;
	case ENDPOINT_IPV6:
		return a->scope_id == b->scope_id &&
		       memcmp(a->v6, b->v6, sizeof(a->v6)) == 0;
	case ENDPOINT_NAME:
		return same_name(a, b);
	default:
		return true;
	}
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && endpoint_same_host(a, b);
}

/* The first prefix that holds an address says how far it reaches. */
static const struct {
	uint8_t kind;
	uint8_t bits;
	uint8_t scope;
	uint8_t prefix[4];
} scopes[] = {
	{ ENDPOINT_IPV4, 32, ENDPOINT_SCOPE_NOWHERE, { 0, 0, 0, 0 } },
	{ ENDPOINT_IPV4, 8, ENDPOINT_SCOPE_HOST, { 127 } },
	{ ENDPOINT_IPV4, 16, ENDPOINT_SCOPE_LINK, { 169, 254 } },
	{ ENDPOINT_IPV4, 8, ENDPOINT_SCOPE_SITE, { 10 } },
	{ ENDPOINT_IPV4, 12, ENDPOINT_SCOPE_SITE, { 172, 16 } },
	{ ENDPOINT_IPV4, 16, ENDPOINT_SCOPE_SITE, { 192, 168 } },
	{ ENDPOINT_IPV4, 10, ENDPOINT_SCOPE_SITE, { 100, 64 } },
	{ ENDPOINT_IPV4, 4, ENDPOINT_SCOPE_GROUP, { 224 } },
	{ ENDPOINT_IPV4, 32, ENDPOINT_SCOPE_GROUP, { 255, 255, 255, 255 } },
	{ ENDPOINT_IPV6, 10, ENDPOINT_SCOPE_LINK, { 0xfe, 0x80 } },
	{ ENDPOINT_IPV6, 7, ENDPOINT_SCOPE_SITE, { 0xfc } },
	{ ENDPOINT_IPV6, 8, ENDPOINT_SCOPE_GROUP, { 0xff } },
};

static bool has_prefix(const uint8_t *address, const uint8_t *prefix,
		       unsigned int bits)
{
	for (; bits >= 8; bits -= 8)
		if (*address++ != *prefix++)
			return false;
	return bits == 0 || ((*address ^ *prefix) >> (8 - bits)) == 0;
}

enum endpoint_scope endpoint_scope(const struct endpoint *e)
{
	if (e->kind == ENDPOINT_NONE)
		return ENDPOINT_SCOPE_NOWHERE;
	if (e->kind == ENDPOINT_IPV6 &&
	    memcmp(e->v6, zeros, 15) == 0 && e->v6[15] <= 1)
		return e->v6[15] ? ENDPOINT_SCOPE_HOST : ENDPOINT_SCOPE_NOWHERE;
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		if (scopes[i].kind == e->kind &&
		    has_prefix(e->kind == ENDPOINT_IPV4 ? e->v4 : e->v6,
			       scopes[i].prefix, scopes[i].bits))
			return scopes[i].scope;
	}
	return ENDPOINT_SCOPE_GLOBAL;
}

bool endpoint_is_loopback(const struct endpoint *e)
{
	switch (e->kind) {
	case ENDPOINT_IPV4:
		return e->v4[0] == 127 ||
		       memcmp(e->v4, zeros, sizeof(e->v4)) == 0;
	case ENDPOINT_IPV6:
		return memcmp(e->v6, v6_loopback, sizeof(e->v6)) == 0 ||
		       memcmp(e->v6, zeros, sizeof(e->v6)) == 0;
	default:
		return false;
	}
}

/* Text is cut where it no longer fits: what did fit stays, byte by byte. */
static void put_char(struct writer *w, char c)
{
	writer_u8(w, (uint8_t)c);
}

static void put_number(struct writer *w, uint32_t value, uint32_t base)
{
	char digits[10];
	size_t n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value > 0);
	while (n > 0)
		put_char(w, digits[--n]);
}

static void put_ipv4(struct writer *w, const uint8_t v4[4])
{
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			put_char(w, '.');
		put_number(w, v4[i], 10);
	}
}

/* The first longest run of two or more zero groups, which "::" stands for. */
static int zero_run(const uint16_t groups[8], int *length)
{
	int best = -1;

	*length = 1;
	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && groups[i + n] == 0)
			n++;
		if (n > *length) {
			best = i;
			*length = n;
		}
	}
	return best;
}

/* RFC 5952: lower case, no leading zeros, the longest run of zeros as "::". */
static void put_ipv6(struct writer *w, const uint8_t v6[16])
{
	struct reader r = reader_over(v6, 16);
	uint16_t groups[8];
	int run, length;

	for (int i = 0; i < 8; i++)
		groups[i] = reader_be16(&r);
	run = zero_run(groups, &length);
	for (int i = 0; i < 8; i++) {
		if (i == run) {
			put_char(w, ':');
			put_char(w, ':');
			i += length - 1;
			continue;
		}
		if (i > 0 && i != run + length)
			put_char(w, ':');
		put_number(w, groups[i], 16);
	}
}

static void put_name(struct writer *w, const struct endpoint *e)
{
	for (size_t i = 0; i < e->name_len; i++) {
		char c = e->name[i];

		put_char(w, c > ' ' && c < 0x7f ? c : '?');
	}
}

static void put_host(struct writer *w, const struct endpoint *e)
{
	switch (e->kind) {
	case ENDPOINT_IPV4:
		put_ipv4(w, e->v4);
		break;
	case ENDPOINT_IPV6:
		put_char(w, '[');
		put_ipv6(w, e->v6);
		if (e->scope_id) {
			put_char(w, '%');
			put_number(w, e->scope_id, 10);
		}
		put_char(w, ']');
		break;
	case ENDPOINT_NAME:
		put_name(w, e);
		break;
	default:
		put_char(w, '-');
		break;
	}
}

char *endpoint_format(const struct endpoint *e, char *text, size_t size)
{
	struct writer w = writer_over(text, size > 0 ? size - 1 : 0);

	put_host(&w, e);
	put_char(&w, ':');
	put_number(&w, e->port, 10);
	if (size > 0)
		text[writer_used(&w)] = '\0';
	return text;
}
