/* SPDX-License-Identifier: MIT */
/* rules.c - which endpoint goes where: patterns read, and matched in order */
#include "core/rules.h"

#include <errno.h>
#include <string.h>

#include "core/text.h"

enum {
	V4_MAPPED_BITS = 96, /* of ::ffff:0:0/96 */
	ADDRESS_TEXT = 64,   /* the longest text of an address, and to spare */
};

/* A pattern taken apart; absent parts have a NULL at. */
struct pattern {
	struct text host;
	struct text bits;
	struct text ports;
	bool bracketed;
};

static int wrong(const char **why, const char *reason)
{
	*why = reason;
	return -EINVAL;
}

/* Cuts text at the first c: what follows it; its at is NULL if none does. */
static struct text cut(struct text *text, char c)
{
	const char *found = text->len ? memchr(text->at, c, text->len) : NULL;
	struct text rest = { NULL, 0 };

	if (found) {
		rest.at = found + 1;
		rest.len = text->len - (size_t)(found + 1 - text->at);
		text->len = (size_t)(found - text->at);
	}
	return rest;
}

static int split_bracketed(struct pattern *p, struct text text,
			   const char **why)
{
	struct text inner = { text.at + 1, text.len - 1 };
	struct text after = cut(&inner, ']');

	if (!after.at)
		return wrong(why, "a bracket is not closed");
	if (after.len && after.at[0] != ':')
		return wrong(why, "only :PORT may follow the bracket");
	if (after.len)
		p->ports = (struct text){ after.at + 1, after.len - 1 };
	p->host = inner;
	p->bracketed = true;
	return 0;
}

/* Two colons make an IPv6 address, which has a port only in brackets. */
static int split(struct pattern *p, struct text text, const char **why)
{
	*p = (struct pattern){ .host = text };
	if (text.len && text.at[0] == '[') {
		int error = split_bracketed(p, text, why);

		if (error)
			return error;
	} else {
		struct text after = cut(&p->host, ':');

		if (after.at && memchr(after.at, ':', after.len))
			p->host = text;
		else
			p->ports = after;
	}
	p->bits = cut(&p->host, '/');
	return 0;
}

static int read_ports(struct rule *rule, struct text ports, const char **why)
{
	static const char reason[] = "a port is 1 to 65535, a range LOW-HIGH";
	unsigned int low, high;
	struct text end;

	rule->port_low = 0;
	rule->port_high = 65535;
	if (!ports.at)
		return 0;
	end = cut(&ports, '-');
	if (!text_number(ports, 1, 65535, &low))
		return wrong(why, reason);
	high = low;
	if (end.at && !text_number(end, low, 65535, &high))
		return wrong(why, reason);
	rule->port_low = (uint16_t)low;
	rule->port_high = (uint16_t)high;
	return 0;
}

/* Whether text can only be meant as an IPv6 address. */
static bool looks_like_ipv6(struct text text)
{
	return text.len && memchr(text.at, ':', text.len);
}

static bool parse_address(struct text text, struct endpoint *e)
{
	char string[ADDRESS_TEXT];

	memset(e, 0, sizeof(*e));
	return text_copy(text, string, sizeof(string)) &&
	       !strchr(string, '%') && !endpoint_parse_address(e, string);
}

static int read_ipv4_net(struct rule *rule, const struct endpoint *e,
			 const struct pattern *p, const char **why)
{
	/* As it was written: a v4-mapped one counts its bits from 96. */
	unsigned int above = looks_like_ipv6(p->host) ? V4_MAPPED_BITS : 0;
	unsigned int bits = above + 32;

	if (p->bits.at && !text_number(p->bits, above, above + 32, &bits))
		return wrong(why, above ? "the prefix length of a v4-mapped "
					  "net is 96 to 128" :
					  "the prefix length is 0 to 32");
	rule->kind = RULE_IPV4;
	rule->prefix = (uint8_t)(bits - above);
	memcpy(rule->address, e->v4, sizeof(e->v4));
	return 0;
}

static int read_ipv6_net(struct rule *rule, const struct endpoint *e,
			 const struct pattern *p, const char **why)
{
	unsigned int bits = 128;

	if (p->bits.at && !text_number(p->bits, 0, 128, &bits))
		return wrong(why, "the prefix length is 0 to 128; a port needs "
				  "brackets, as in [2001:db8::/32]:443");
	rule->kind = RULE_IPV6;
	rule->prefix = (uint8_t)bits;
	memcpy(rule->address, e->v6, sizeof(e->v6));
	return 0;
}

static int add_name(struct rules *rules, struct rule *rule, struct text name,
		    const char **why)
{
	rule->kind = RULE_NAME;
	if (name.len && name.at[0] == '.') {
		rule->kind = RULE_SUFFIX;
		name.at++;
		name.len--;
	}
	if (!text_is_host_name(name))
		return wrong(why, "neither an address nor a name nor .suffix");
	if (name.at[name.len - 1] == '.')
		name.len--;
	if (name.len + 1 > sizeof(rules->text) - rules->text_used)
		return -ENOSPC;

	rule->name = (uint16_t)rules->text_used;
	for (size_t i = 0; i < name.len; i++)
		rules->text[rules->text_used++] = text_lower(name.at[i]);
	rules->text[rules->text_used++] = '\0';
	return 0;
}

/* What the host part speaks of. The last step, for it may use up rules.text. */
static int add_host(struct rules *rules, struct rule *rule,
		    const struct pattern *p, const char **why)
{
	struct endpoint e;

	if (parse_address(p->host, &e)) {
		if (p->bracketed && !looks_like_ipv6(p->host))
			return wrong(why, "brackets are for IPv6 addresses");
		return e.kind == ENDPOINT_IPV4 ?
			       read_ipv4_net(rule, &e, p, why) :
			       read_ipv6_net(rule, &e, p, why);
	}
	if (p->bracketed || looks_like_ipv6(p->host))
		return wrong(why, "no IPv6 address");
	if (p->bits.at)
		return wrong(why, "a prefix length needs a whole address "
				  "before it");
	if (text_is(p->host, "*")) {
		rule->kind = RULE_ANY;
		return 0;
	}
	return add_name(rules, rule, p->host, why);
}

int rules_add(struct rules *rules, enum route route, const char *pattern,
	      size_t len, const char **why)
{
	struct rule rule = { .route = (uint8_t)route };
	struct pattern p;
	int error;

	error = split(&p, (struct text){ pattern, len }, why);
	if (!error)
		error = read_ports(&rule, p.ports, why);
	if (!error && rules->count >= RULES_MAX)
		error = -ENOSPC;
	if (!error)
		error = add_host(rules, &rule, &p, why);
	if (error)
		return error;
	rules->list[rules->count++] = rule;
	return 0;
}

static bool same_net(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int bytes = bits / 8;
	unsigned int mask = 0xff00u >> (bits % 8) & 0xff;

	if (memcmp(a, b, bytes))
		return false;
	return !mask || !((a[bytes] ^ b[bytes]) & mask);
}

/* lower is in lower case already. */
static bool same_name(const char *name, const char *lower, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text_lower(name[i]) != lower[i])
			return false;
	}
	return true;
}

static bool matches_text(const char *wanted, bool suffix, struct text name)
{
	size_t len = strlen(wanted);

	if (name.len < len || !same_name(name.at + name.len - len, wanted, len))
		return false;
	return name.len == len ||
	       (suffix && name.at[name.len - len - 1] == '.');
}

static bool matches_name(const struct rules *rules, const struct rule *rule,
			 struct text name)
{
	switch (rule->kind) {
	case RULE_ANY:
		return true;
	case RULE_NAME:
	case RULE_SUFFIX:
		return matches_text(rules->text + rule->name,
				    rule->kind == RULE_SUFFIX, name);
	default:
		return false;
	}
}

static bool matches_host(const struct rules *rules, const struct rule *rule,
			 const struct endpoint *e)
{
	switch (e->kind) {
	case ENDPOINT_NONE:
		return rule->kind == RULE_ANY;
	case ENDPOINT_IPV4:
		return rule->kind == RULE_ANY ||
		       (rule->kind == RULE_IPV4 &&
			same_net(rule->address, e->v4, rule->prefix));
	case ENDPOINT_IPV6:
		return rule->kind == RULE_ANY ||
		       (rule->kind == RULE_IPV6 &&
			same_net(rule->address, e->v6, rule->prefix));
	case ENDPOINT_NAME:
		return matches_name(rules, rule,
				    (struct text){ e->name, e->name_len });
	}
	return false;
}

const struct rule *rules_find(const struct rules *rules, const struct endpoint *e)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->list[i];

		if (e->port >= rule->port_low && e->port <= rule->port_high &&
		    matches_host(rules, rule, e))
			return rule;
	}
	return NULL;
}

enum route rules_match(const struct rules *rules, const struct endpoint *e)
{
	const struct rule *rule = rules_find(rules, e);

	return rule ? (enum route)rule->route : ROUTE_NONE;
}

enum route rules_match_name(const struct rules *rules, const char *name)
{
	struct text text = text_of(name);

	if (text.len && text.at[text.len - 1] == '.')
		text.len--;
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->list[i];
		bool all = !rule_names_port(rule);
		bool some = rule->route == ROUTE_DIRECT &&
			    rule->kind != RULE_ANY;

		if ((all || some) && matches_name(rules, rule, text))
			return (enum route)rule->route;
	}
	return ROUTE_NONE;
}
