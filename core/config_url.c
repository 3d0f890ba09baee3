/* SPDX-License-Identifier: MIT */
/*
 * config_url.c - one proxy URL: [SCHEME://][USER:PASSWORD@]HOST[:PORT][/]
 *
 * A wrong URL may hold a password anywhere, also where none belongs. So no
 * message shows any part of it but a well-formed scheme.
 */
#include "core/config_parts.h"

#include <errno.h>
#include <string.h>

#define SCHEME_MAX 15

static int wrong(char *why, size_t size, const char *reason)
{
	log_format(why, size, "%s", reason);
	return -EINVAL;
}

/* Cuts the first n characters off the front of text, and skip more. */
static struct text take(struct text *text, size_t n, size_t skip)
{
	struct text front = { text->at, n };

	text->at += n + skip;
	text->len -= n + skip;
	return front;
}

static bool is_scheme(struct text text)
{
	if (text.len < 1 || text.len > SCHEME_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text_lower(text.at[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    !strchr("+-.", c))
			return false;
	}
	return true;
}

static const char *scheme_fault(struct text scheme)
{
	static const struct {
		const char *scheme;
		const char *fault;
	} known[] = {
		{ "socks5", NULL },
		{ "socks5h", NULL },
		{ "http", "is an HTTP proxy and speaks no SOCKS" },
		{ "https", "is an HTTP proxy and speaks no SOCKS" },
		{ "socks4", "is SOCKS version 4; version 5 is needed" },
		{ "socks4a", "is SOCKS version 4; version 5 is needed" },
		{ "socks", "does not say which SOCKS version" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (text_is_nocase(scheme, known[i].scheme))
			return known[i].fault;
	}
	return "has an unknown scheme";
}

static int read_scheme(struct text *rest, char *why, size_t size)
{
	const char *mark = memmem(rest->at, rest->len, "://", 3);
	char shown[SCHEME_MAX + 1];
	struct text scheme;
	const char *fault;

	if (!mark)
		return 0;
	scheme = take(rest, (size_t)(mark - rest->at), 3);
	if (!is_scheme(scheme))
		return wrong(why, size,
			     "what stands before :// is no scheme; "
			     "write socks5h://host:port");
	fault = scheme_fault(scheme);
	if (!fault)
		return 0;
	text_copy(scheme, shown, sizeof(shown));
	log_format(why, size, "\"%s://...\" %s; write socks5h://host:port",
		   shown, fault);
	return -EINVAL;
}

static int hex_digit(char c)
{
	c = text_lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Resolves percent-escapes in place of out. Its length, or -1. */
static int unescape(struct text text, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (c == '%') {
			int high = i + 2 < text.len ?
					   hex_digit(text.at[i + 1]) :
					   -1;
			int low = high >= 0 ? hex_digit(text.at[i + 2]) : -1;

			if (low < 0)
				return -1;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (!c || used + 1 >= size)
			return -1;
		out[used++] = c;
	}
	out[used] = '\0';
	return (int)used;
}

bool config_login_fits(struct text text)
{
	return text.len >= 1 && text.len <= 255;
}

static int read_login(struct config_proxy *proxy, struct text login, char *why,
		      size_t size)
{
	const char *colon = memchr(login.at, ':', login.len);
	struct text username = login;
	struct text password = { NULL, 0 };

	if (colon) {
		username = take(&login, (size_t)(colon - login.at), 1);
		password = login;
	}
	if (!username.len)
		return wrong(why, size, "the username before @ is missing");
	if (!password.len)
		return wrong(why, size,
			     "a username needs a password; write "
			     "socks5h://user:password@host:port");
	if (unescape(username, proxy->username, sizeof(proxy->username)) < 1 ||
	    unescape(password, proxy->password, sizeof(proxy->password)) < 1)
		return wrong(why, size,
			     "username and password have 1 to 255 bytes each; "
			     "% is written %25, and %00 cannot be sent");
	return 0;
}

static int read_port(struct endpoint *e, struct text port, char *why,
		     size_t size)
{
	unsigned int value = CONFIG_PORT_DEFAULT;

	if (port.at && !text_number(port, 1, 65535, &value))
		return wrong(why, size,
			     "the proxy's port is not 1 to 65535; "
			     "write socks5h://host:port");
	e->port = (uint16_t)value;
	return 0;
}

/* An RFC 6874 zone comes as "%25" and the number; a plain "%" is taken too. */
static bool read_ipv6(struct endpoint *e, struct text host)
{
	const char *zone = memmem(host.at, host.len, "%25", 3);
	char address[64];
	size_t head;

	if (!text_copy(host, address, sizeof(address)))
		return false;
	head = zone ? (size_t)(zone - host.at) + 1 : 0;
	if (zone && head + 2 < host.len)
		memmove(address + head, address + head + 2,
			host.len - head - 1);
	return strchr(address, ':') && !endpoint_parse_address(e, address);
}

static int read_bracketed(struct endpoint *e, struct text host, char *why,
			  size_t size)
{
	const char *end = memchr(host.at, ']', host.len);
	struct text port = host;
	struct text inner;

	if (!end)
		return wrong(why, size,
			     "a bracket is not closed; write "
			     "socks5h://[address]:port");
	inner = take(&port, (size_t)(end - host.at), 1);
	take(&inner, 0, 1);
	if (!read_ipv6(e, inner))
		return wrong(why, size,
			     "no IPv6 address in the brackets; a "
			     "scope is written as a number");
	if (!port.len)
		port.at = NULL;
	else if (port.at[0] != ':')
		return wrong(why, size, "only :port may follow the bracket");
	else
		take(&port, 0, 1);
	return read_port(e, port, why, size);
}

static int read_host(struct endpoint *e, struct text host, char *why,
		     size_t size)
{
	const char *colon = memchr(host.at, ':', host.len);
	struct text port = { NULL, 0 };
	char address[64];

	if (host.len && host.at[0] == '[')
		return read_bracketed(e, host, why, size);
	if (colon) {
		port = host;
		host = take(&port, (size_t)(colon - host.at), 1);
	}
	if (port.at && memchr(port.at, ':', port.len))
		return wrong(why, size,
			     "an IPv6 address stands in brackets; "
			     "write socks5h://[address]:port");
	if (!host.len)
		return wrong(why, size,
			     "the proxy's host is missing; write "
			     "socks5h://host:port");
	if (text_copy(host, address, sizeof(address)) &&
	    !endpoint_parse_address(e, address))
		return read_port(e, port, why, size);
	if (!text_is_host_name(host) || endpoint_set_name(e, host.at, host.len))
		return wrong(why, size,
			     "the proxy's host is neither an "
			     "address nor a name");
	return read_port(e, port, why, size);
}

static bool has_blanks(struct text text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.at[i] <= ' ' || text.at[i] == 0x7f)
			return true;
	}
	return false;
}

/* Whether something follows host and port that a proxy's URL does not have. */
static bool has_path(struct text *authority)
{
	struct text rest = *authority;
	size_t n = 0;

	while (n < rest.len && !memchr("/?#", rest.at[n], 3))
		n++;
	*authority = take(&rest, n, 0);
	return rest.len && !text_is(rest, "/");
}

int config_read_url(struct config_proxy *proxy, struct text url, char *why,
		    size_t why_size)
{
	const char *at;
	int error;

	memset(proxy, 0, sizeof(*proxy));
	if (has_blanks(url))
		return wrong(why, why_size,
			     "a URL has no blanks and no control characters; "
			     "write %20 for a space");
	error = read_scheme(&url, why, why_size);
	if (error)
		return error;
	if (has_path(&url))
		return wrong(why, why_size,
			     "a proxy's URL ends after the port; in a password "
			     "write %2F for / and %3F for ? and %23 for #");
	at = memrchr(url.at, '@', url.len);
	if (at) {
		struct text login = take(&url, (size_t)(at - url.at), 1);

		error = read_login(proxy, login, why, why_size);
		if (error)
			return error;
	}
	return read_host(&proxy->endpoint, url, why, why_size);
}

int config_parse_url(struct config *config, const char *url, char *why,
		     size_t why_size)
{
	struct config_proxy proxy;
	int error = config_read_url(&proxy, text_of(url), why, why_size);

	if (!error)
		config_use_proxy(config, &proxy, config->proxy_source);
	explicit_bzero(&proxy, sizeof(proxy));
	return error;
}
