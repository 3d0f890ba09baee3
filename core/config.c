/* SPDX-License-Identifier: MIT */
/* config.c - what the configuration is before anything is read, and what it decides */
#include <string.h>

#include "core/config_parts.h"

enum { FTP_PORT = 21 };

/* RFC 2544's benchmark range, which no host on the Internet has. */
static const uint8_t fake4_default[4] = { 198, 18, 0, 0 };

/* fd22:9957:d53d:7eca::/64: a unique local prefix, drawn once (RFC 4193). */
static const uint8_t fake6_default[8] = { 0xfd, 0x22, 0x99, 0x57,
					  0xd5, 0x3d, 0x7e, 0xca };

/*
 * The unspecified addresses mean this host to connect(2). Its port 53 is often
 * a forwarder, which would ask the local network in the clear.
 */
static const struct rule built_in[] = {
	/* 127.0.0.0/8:53, [::1]:53, 0.0.0.0:53, [::]:53 */
	{ ROUTE_BLOCK, RULE_IPV4, 8, 53, 53, 0, { 127 } },
	{ ROUTE_BLOCK, RULE_IPV6, 128, 53, 53, 0, { [15] = 1 } },
	{ ROUTE_BLOCK, RULE_IPV4, 32, 53, 53, 0, { 0 } },
	{ ROUTE_BLOCK, RULE_IPV6, 128, 53, 53, 0, { 0 } },
	/* the same hosts without a port */
	{ ROUTE_DIRECT, RULE_IPV4, 8, 0, 65535, 0, { 127 } },
	{ ROUTE_DIRECT, RULE_IPV6, 128, 0, 65535, 0, { [15] = 1 } },
	{ ROUTE_DIRECT, RULE_IPV4, 32, 0, 65535, 0, { 0 } },
	{ ROUTE_DIRECT, RULE_IPV6, 128, 0, 65535, 0, { 0 } },
};

/* All but as many are for those that are asked for. */
enum { BUILT_IN = sizeof(built_in) / sizeof(built_in[0]) };

_Static_assert(BUILT_IN == RULES_MAX - CONFIG_RULES_MAX,
	       "each has its place");

/* --- before anything is read ---------------------------------------------- */

void config_begin(struct config *config)
{
	/* Of the long lists only what is used is ever touched. */
	memset(config, 0, offsetof(struct config, rules));
	config->rules.count = 0;
	config->rules.text_used = 0;
	memcpy(config->gssapi_service, "rcmd", sizeof("rcmd"));
	config->gssapi_protection = GSSAPI_CONFIDENTIALITY;
	config->timeout_ms = CONFIG_TIMEOUT_DEFAULT_MS;
	config->udp = true;
	config->log_level = LOG_REFUSAL;
	memcpy(config->fake4, fake4_default, sizeof(config->fake4));
	config->fake4_bits = 15;
	config->bind = true;
	config->bind_for[0] = FTP_PORT;
	config->n_bind_for = 1;
	memcpy(config->fake6, fake6_default, sizeof(config->fake6));
}

void config_add_built_in_rules(struct config *config)
{
	struct rules *rules = &config->rules;

	memcpy(&rules->list[rules->count], built_in, sizeof(built_in));
	rules->count += BUILT_IN;
}

/* --- what it decides ------------------------------------------------------ */

struct credentials config_credentials(const struct config *config)
{
	if (!config->username[0])
		return (struct credentials){ NULL, NULL };
	return (struct credentials){ config->username, config->password };
}

char *config_gateway_key(const struct config *config, char *text, size_t size)
{
	char proxy[ENDPOINT_TEXT_MAX];

	log_format(text, size, "%s,%s,%d%s",
		   endpoint_format(&config->proxy, proxy, sizeof(proxy)),
		   config->gssapi_service, (int)config->gssapi_protection,
		   config->gssapi_nec ? ",nec" : "");
	return text;
}

const char *config_cure(const struct config *config)
{
	if (config->gateway != CONFIG_GATEWAY_THERE)
		return "";
	return " (that is the gateway for auth gssapi, and it has ended: run the program "
	       "by socksify again)";
}

bool config_is_proxy(const struct config *config, const struct endpoint *e)
{
	for (size_t i = 0; i < config->n_addresses; i++) {
		if (endpoint_equal(e, &config->addresses[i]))
			return true;
	}
	return false;
}

enum route config_route(const struct config *config, const struct endpoint *e)
{
	if (!config->broken && config_is_proxy(config, e))
		return ROUTE_DIRECT;
	return config_route_datagram(config, e);
}

enum route config_route_datagram(const struct config *config,
				 const struct endpoint *e)
{
	enum route route = rules_match(&config->rules, e);

	if (config->broken)
		return route == ROUTE_DIRECT && endpoint_is_loopback(e) ?
			       ROUTE_DIRECT :
			       ROUTE_BLOCK;
	return route == ROUTE_NONE ? ROUTE_VIA : route;
}

bool config_leaves_port(const struct config *config, const struct endpoint *e)
{
	const struct rule *rule = rules_find(&config->rules, e);
	size_t asked_for = config->rules.count - BUILT_IN;

	if (config->broken)
		return true;
	return rule && rule < config->rules.list + asked_for &&
	       (rule->route == ROUTE_BLOCK || rule_names_port(rule));
}
