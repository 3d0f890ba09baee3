/* SPDX-License-Identifier: MIT */
/* rules.h - which endpoint goes where: direct, via the proxy, or blocked */
#ifndef SOCKSIFY_CORE_RULES_H
#define SOCKSIFY_CORE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/endpoint.h"

enum route {
	ROUTE_NONE,   /* no rule speaks of it */
	ROUTE_DIRECT, /* as if there were no proxy */
	ROUTE_VIA,    /* through the proxy */
	ROUTE_BLOCK,  /* refused */
};

enum {
	RULES_MAX = 256,
	RULES_TEXT_MAX = 16384, /* bytes of names in all */
};

/* What a rule speaks of. */
enum rule_kind {
	RULE_ANY,    /* "*" */
	RULE_IPV4,   /* address and prefix length */
	RULE_IPV6,
	RULE_NAME,   /* that name */
	RULE_SUFFIX, /* ".example.com": every name below it, and itself */
};

/**
 * struct rule - one pattern
 * @route:	what happens to what it matches
 * @kind:	how to match
 * @prefix:	length in bits, for addresses
 * @port_low:	first port (host order)
 * @port_high:	last port
 * @name:	offset of the NUL-terminated lower-case name in rules.text, without
 *		a suffix's dot
 * @address:	network order
 */
struct rule {
	uint8_t route;
	uint8_t kind;
	uint8_t prefix;
	uint16_t port_low;
	uint16_t port_high;
	uint16_t name;
	uint8_t address[16];
};

/**
 * struct rules - an ordered list; the first match wins
 */
struct rules {
	size_t count;
	size_t text_used;
	struct rule list[RULES_MAX];
	char text[RULES_TEXT_MAX];
};

/*
 * Adds the rule that pattern (len bytes, no blanks) describes:
 *	HOST [":" PORT ["-" PORT]]
 *	HOST = "*" | IPv4 ["/" bits] | IPv6 ["/" bits] | name | ".suffix"
 * An IPv6 with a port stands in brackets: "[2001:db8::/32]:443". Without a port
 * all ports. A v4-mapped IPv6 net counts as the IPv4 net.
 * 0, or -EINVAL with *why set to a short reason (a static string), -ENOSPC when
 * the list is full.
 */
int rules_add(struct rules *rules, enum route route, const char *pattern,
	      size_t len, const char **why);

/*
 * The first rule that matches e, or NULL; and its route, or ROUTE_NONE. e is an address or a
 * name (names are compared without regard to case). A rule with an address never
 * matches a name, nor the other way round.
 */
const struct rule *rules_find(const struct rules *rules,
			      const struct endpoint *e);
enum route rules_match(const struct rules *rules, const struct endpoint *e);

/* It speaks of some ports, not of all. */
static inline bool rule_names_port(const struct rule *rule)
{
	return rule->port_low > 0 || rule->port_high < 65535;
}

/*
 * What a lookup, which knows no port, has to do with a name: the route of the first rule
 * that matches it on all ports, or ROUTE_NONE. A direct rule that names it for some ports
 * counts too; one of "*" for some ports does not, or every name would be looked up here.
 */
enum route rules_match_name(const struct rules *rules, const char *name);

#endif
