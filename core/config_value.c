/* SPDX-License-Identifier: MIT */
/* config_value.c - one value each: what may be said, and what it sets */
#include <errno.h>
#include <string.h>

#include "core/config_parts.h"

enum { DNS_PORT = 53 };

/* --- single values ------------------------------------------------------- */

void config_use_proxy(struct config *config, const struct config_proxy *proxy,
		      enum config_source source)
{
	config->proxy = proxy->endpoint;
	config->proxy_source = source;
	memcpy(config->username, proxy->username, sizeof(config->username));
	memcpy(config->password, proxy->password, sizeof(config->password));
	config->n_addresses = 0;
	if (proxy->endpoint.kind != ENDPOINT_NAME)
		config->addresses[config->n_addresses++] = proxy->endpoint;
}

/* The first three digits behind the point, as milliseconds. */
static bool read_fraction(struct text digits, unsigned int *ms)
{
	unsigned int place = 100;

	*ms = 0;
	for (size_t i = 0; i < digits.len; i++) {
		unsigned int digit = (unsigned char)digits.at[i] - '0';

		if (digit > 9)
			return false;
		*ms += digit * place;
		place /= 10;
	}
	return digits.len > 0;
}

const char *config_set_timeout(struct config *config, struct text text)
{
	static const char reason[] =
		"is seconds, from 0.001 to 86400, such as 10 or 0.5";
	const char *point = memchr(text.at, '.', text.len);
	struct text whole = text;
	unsigned int seconds, ms = 0;

	if (point) {
		struct text digits = { point + 1, 0 };

		whole.len = (size_t)(point - text.at);
		digits.len = text.len - whole.len - 1;
		if (!read_fraction(digits, &ms))
			return reason;
	}
	if (!text_number(whole, 0, 86400, &seconds) || seconds * 1000 + ms == 0)
		return reason;
	config->timeout_ms = (int)(seconds * 1000 + ms);
	return NULL;
}

static const char *set_switch(bool *on, struct text text)
{
	if (text_is(text, "yes") || text_is(text, "1"))
		*on = true;
	else if (text_is(text, "no") || text_is(text, "0"))
		*on = false;
	else
		return "is yes or no (or 1 or 0)";
	return NULL;
}

const char *config_set_auth(struct config *config, struct text text)
{
	if (text_is(text, "login"))
		config->auth = CONFIG_AUTH_LOGIN;
	else if (text_is(text, "gssapi"))
		config->auth = CONFIG_AUTH_GSSAPI;
	else
		return "is login or gssapi";
	return NULL;
}

/* "SERVICE" or "SERVICE@HOST", of characters that mean nothing elsewhere. */
const char *config_set_gssapi_service(struct config *config, struct text text)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-@";
	char service[CONFIG_SERVICE_MAX];

	if (!text.len || !text_copy(text, service, sizeof(service)) ||
	    strspn(service, good) != text.len || service[0] == '@' ||
	    service[text.len - 1] == '@')
		return "is a service, such as rcmd, or one of a host, such as "
		       "rcmd@proxy.example.net";
	memcpy(config->gssapi_service, service, text.len + 1);
	return NULL;
}

const char *config_set_gssapi_protection(struct config *config, struct text text)
{
	if (text_is(text, "none"))
		config->gssapi_protection = GSSAPI_CLEAR;
	else if (text_is(text, "integrity"))
		config->gssapi_protection = GSSAPI_INTEGRITY;
	else if (text_is(text, "confidentiality"))
		config->gssapi_protection = GSSAPI_CONFIDENTIALITY;
	else
		return "is confidentiality, integrity or none";
	return NULL;
}

const char *config_set_gssapi_nec(struct config *config, struct text text)
{
	return set_switch(&config->gssapi_nec, text);
}

const char *config_set_pipeline(struct config *config, struct text text)
{
	return set_switch(&config->pipeline, text);
}

const char *config_set_early_data(struct config *config, struct text text)
{
	return set_switch(&config->early_data, text);
}

const char *config_set_bind(struct config *config, struct text text)
{
	if (text_is(text, "auto"))
		config->bind = true;
	else if (text_is(text, "off"))
		config->bind = false;
	else
		return "is auto or off";
	return NULL;
}

const char *config_set_bind_for(struct config *config, struct text text)
{
	uint16_t ports[CONFIG_BIND_PORTS_MAX];
	struct text word;
	size_t n = 0;

	while (text_word(&text, &word)) {
		unsigned int port;

		if (n == CONFIG_BIND_PORTS_MAX)
			return "names eight ports at the most";
		if (!text_number(word, 1, 65535, &port))
			return "is ports, such as 21 or 21,2121";
		ports[n++] = (uint16_t)port;
	}
	if (n == 0)
		return "needs a port";
	memcpy(config->bind_for, ports, n * sizeof(ports[0]));
	config->n_bind_for = n;
	return NULL;
}

const char *config_set_udp(struct config *config, struct text text)
{
	if (text_is(text, "proxy"))
		config->udp = true;
	else if (text_is(text, "block"))
		config->udp = false;
	else
		return "is proxy or block";
	return NULL;
}

const char *config_set_resolve(struct config *config, struct text text)
{
	if (text_is(text, "fake"))
		config->resolve = CONFIG_RESOLVE_FAKE;
	else if (text_is(text, "tunnel"))
		config->resolve = CONFIG_RESOLVE_TUNNEL;
	else
		return "is fake or tunnel";
	return NULL;
}

/* Cuts ":PORT" off, where text is "ADDRESS:PORT" or "[ADDRESS]:PORT"; the brackets, too. */
static bool cut_port(struct text *text, unsigned int *port)
{
	const char *colon = memrchr(text->at, ':', text->len);
	bool brackets = text->len > 0 && text->at[0] == '[';

	if (colon && (brackets ? colon[-1] == ']' :
				 memchr(text->at, ':', text->len) == colon)) {
		struct text number = { colon + 1, 0 };

		number.len = text->len - (size_t)(colon + 1 - text->at);
		if (!text_number(number, 1, 65535, port))
			return false;
		text->len = (size_t)(colon - text->at);
	}
	if (!brackets)
		return true;
	if (text->len < 2 || text->at[text->len - 1] != ']')
		return false;
	text->at++;
	text->len -= 2;
	return true;
}

static bool read_server(struct text text, struct endpoint *e)
{
	unsigned int port = DNS_PORT;
	char address[64];

	if (!cut_port(&text, &port) ||
	    !text_copy(text, address, sizeof(address)) ||
	    endpoint_parse_address(e, address))
		return false;
	e->port = (uint16_t)port;
	return true;
}

const char *config_set_dns(struct config *config, struct text text)
{
	struct endpoint servers[CONFIG_DNS_MAX];
	struct text word;
	size_t n = 0;

	while (text_word(&text, &word)) {
		if (n == CONFIG_DNS_MAX)
			return "names four servers at the most";
		servers[n] = (struct endpoint){ .kind = ENDPOINT_NONE };
		if (!read_server(word, &servers[n++]))
			return "is addresses of DNS servers, such as 9.9.9.9 or "
			       "[2620:fe::fe]:53";
	}
	if (n == 0)
		return "needs an address";
	memcpy(config->dns, servers, n * sizeof(servers[0]));
	config->n_dns = n;
	return NULL;
}

const char *config_set_verbose(struct config *config, struct text text)
{
	unsigned int level;

	if (!text_number(text, LOG_QUIET, LOG_PROTOCOL, &level))
		return "is 0 (nothing), 1 (refusals), 2 (connections) or 3 "
		       "(the protocol)";
	config->log_level = (int)level;
	return NULL;
}

/* Relative names would mean another file after each chdir(2). */
static bool copy_path(struct text text, char *out)
{
	char path[CONFIG_PATH_MAX];

	if (!text.len || text.at[0] != '/' ||
	    !text_copy(text, path, sizeof(path)))
		return false;
	memcpy(out, path, text.len + 1);
	return true;
}

const char *config_set_log(struct config *config, struct text text)
{
	if (text_is(text, "stderr")) {
		text_copy(text, config->log_path, sizeof(config->log_path));
		return NULL;
	}
	return copy_path(text, config->log_path) ?
		       NULL :
		       "is stderr or a file's name that begins with /";
}

const char *config_set_map(struct config *config, struct text text)
{
	return copy_path(text, config->map_path) ?
		       NULL :
		       "is a file's name that begins with /";
}

/* Takes "ADDRESS/BITS" apart. */
static bool read_net(struct text text, unsigned int low, unsigned int high,
		     struct endpoint *e, unsigned int *bits)
{
	const char *slash = memchr(text.at, '/', text.len);
	struct text address = text;
	struct text length;
	char string[64];

	if (!slash)
		return false;
	address.len = (size_t)(slash - text.at);
	length = (struct text){ slash + 1, text.len - address.len - 1 };
	return text_copy(address, string, sizeof(string)) &&
	       !endpoint_parse_address(e, string) &&
	       text_number(length, low, high, bits);
}

const char *config_set_fake4(struct config *config, struct text text)
{
	struct endpoint e = { .kind = ENDPOINT_NONE };
	unsigned int bits;

	if (!read_net(text, 8, 30, &e, &bits) || e.kind != ENDPOINT_IPV4)
		return "is an IPv4 net of 8 to 30 bits, such as 198.18.0.0/15";
	if (e.v4[0] == 0 || e.v4[0] == 127 || e.v4[0] == 255 ||
	    (e.v4[0] >= 224 && e.v4[0] < 240))
		return "must be a net that hosts can have";
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int kept = bits > i * 8 ? bits - i * 8 : 0;

		config->fake4[i] =
			kept >= 8 ? e.v4[i] : e.v4[i] & (0xff00 >> kept);
	}
	config->fake4_bits = (uint8_t)bits;
	return NULL;
}

const char *config_set_fake6(struct config *config, struct text text)
{
	static const uint8_t zero[8];
	struct endpoint e = { .kind = ENDPOINT_NONE };
	unsigned int bits;

	if (!read_net(text, 64, 64, &e, &bits) || e.kind != ENDPOINT_IPV6)
		return "is an IPv6 net of 64 bits, such as "
		       "fd22:9957:d53d:7eca::/64";
	if (e.v6[0] == 0xff || (e.v6[0] == 0xfe && e.v6[1] >= 0x80) ||
	    !memcmp(e.v6, zero, sizeof(zero)))
		return "must be a net that hosts can have";
	memcpy(config->fake6, e.v6, sizeof(config->fake6));
	return NULL;
}

/* --- rules --------------------------------------------------------------- */

int config_add_rule(struct config *config, enum route route,
		    struct text pattern, char *why, size_t why_size)
{
	const char *reason = NULL;
	char shown[64];
	int error = -ENOSPC;

	/* Never at the cost of the built-in ones. */
	if (config->rules.count < CONFIG_RULES_MAX)
		error = rules_add(&config->rules, route, pattern.at,
				  pattern.len, &reason);
	if (!error)
		return 0;
	if (error == -ENOSPC) {
		log_format(why, why_size,
			   "more than %d rules, or their names "
			   "are too long in all",
			   CONFIG_RULES_MAX);
		return -EINVAL;
	}
	if (pattern.len >= sizeof(shown))
		pattern.len = sizeof(shown) - 1;
	text_copy(pattern, shown, sizeof(shown));
	log_format(why, why_size, "\"%s\": %s", shown, reason);
	return -EINVAL;
}

int config_add_rules(struct config *config, enum route route, struct text list,
		     char *why, size_t why_size)
{
	struct text word;

	while (text_word(&list, &word)) {
		int error = config_add_rule(config, route, word, why, why_size);

		if (error)
			return error;
	}
	return 0;
}
