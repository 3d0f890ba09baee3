/* SPDX-License-Identifier: MIT */
/*
 * fuzz_config.c - URLs, files and lists of rules from arbitrary bytes
 *
 * Input: one octet that says what the rest is: 'u' a URL, 'f' a file, 'r' the
 * value of SOCKSIFY_RULES, 'n' of NO_PROXY, 'd' of SOCKSIFY_DNS, anything else a
 * single pattern.
 *
 *	clang -fsanitize=fuzzer,address,undefined
 *	cc -DREPLAY: a program that runs the files that it is given, once
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"

/* Stands for a password in the corpus: no message about a URL may show it. */
#define SECRET "zqzq"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config config;
static char text[1 << 16];

static void must(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static void check_message(const char *why)
{
	must(strlen(why) > 0 && strlen(why) < CONFIG_WHY_MAX,
	     "a fault has a message");
	for (; *why; why++)
		must(*why >= ' ' && *why < 0x7f, "a message is printable");
}

static void check_rules(void)
{
	const struct rules *rules = &config.rules;

	must(rules->count <= RULES_MAX, "the list is bounded");
	must(rules->text_used <= RULES_TEXT_MAX, "names are bounded");
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->list[i];

		must(rule->port_low <= rule->port_high, "ports are ordered");
		must(rule->prefix <= 128, "a prefix is bounded");
		must(rule->kind != RULE_IPV4 || rule->prefix <= 32,
		     "an IPv4 prefix is bounded");
		must(rule->name < RULES_TEXT_MAX, "a name is in its place");
	}
}

static void check_routes(void)
{
	static const char *const hosts[] = { "127.0.0.1", "192.0.2.1", "::1",
					     "2001:db8::1", "www.example.com" };

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct endpoint e = { .port = 80 };
		enum route route;

		if (endpoint_parse_address(&e, hosts[i]))
			endpoint_set_name(&e, hosts[i], strlen(hosts[i]));
		route = config_route(&config, &e);
		must(route != ROUTE_NONE, "everything has a route");
		must(!config.broken || route == ROUTE_BLOCK ||
			     (route == ROUTE_DIRECT &&
			      endpoint_is_loopback(&e)),
		     "a broken configuration lets nothing out");
		rules_match_name(&config.rules, hosts[i]);
	}
}

static void try_url(void)
{
	char why[CONFIG_WHY_MAX] = "";
	const char *mark = strstr(text, "://");
	const char *secret = strstr(text, SECRET);
	int rc = config_parse_url(&config, text, why, sizeof(why));

	must(rc == 0 || rc == -EINVAL, "a URL is right or wrong");
	if (rc) {
		check_message(why);
		/* A scheme may be shown. */
		must((mark && secret < mark) || !strstr(why, SECRET),
		     "no password is shown");
		must(config.proxy.kind == ENDPOINT_NONE,
		     "a fault sets nothing");
		return;
	}
	must(config.proxy.kind != ENDPOINT_NONE && config.proxy.port,
	     "a URL names a proxy");
	must(!config.username[0] == !config.password[0],
	     "a username has a password");
}

static void try_file(size_t len)
{
	char why[CONFIG_WHY_MAX] = "";
	int rc =
		config_parse_file(&config, text, len, "name", why, sizeof(why));

	must(rc == 0 || rc == -EINVAL, "a file is right or wrong");
	if (rc) {
		check_message(why);
		must(!strncmp(why, "name:", 5), "a message names the line");
	}
	must(!config.username[0] == !config.password[0],
	     "a username has a password");
}

static void try_pattern(size_t len)
{
	const char *why = NULL;
	int rc = rules_add(&config.rules, ROUTE_DIRECT, text, len, &why);

	must(rc == 0 || rc == -EINVAL, "a pattern is right or wrong");
	must(rc == 0 || why, "a fault has a reason");
	must(config.rules.count == (rc == 0), "a fault adds nothing");
}

static const char *variable;

static char *env(const char *name)
{
	static char null[] = "/dev/null";
	static char proxy[] = "socks5h://192.0.2.9";

	if (!strcmp(name, variable))
		return text;
	if (!strcmp(name, "SOCKSIFY_CONFIG"))
		return null;
	return strcmp(name, "ALL_PROXY") ? NULL : proxy;
}

static void try_variable(const char *name)
{
	variable = name;
	config_load(&config, env);
	if (config.broken)
		check_message(config.why);
	must(strcmp(name, "NO_PROXY") || !config.broken,
	     "NO_PROXY breaks nothing");
}

static void try_dns(void)
{
	try_variable("SOCKSIFY_DNS");
	must(config.n_dns <= CONFIG_DNS_MAX, "so many servers at the most");
	for (size_t i = 0; i < config.n_dns; i++)
		must((config.dns[i].kind == ENDPOINT_IPV4 ||
		      config.dns[i].kind == ENDPOINT_IPV6) &&
			     config.dns[i].port,
		     "a server is an address and a port");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > sizeof(text))
		return 0;
	memset(&config, 0, sizeof(config));
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == 'u')
		try_url();
	else if (data[0] == 'f')
		try_file(size - 1);
	else if (data[0] == 'r')
		try_variable("SOCKSIFY_RULES");
	else if (data[0] == 'n')
		try_variable("NO_PROXY");
	else if (data[0] == 'd')
		try_dns();
	else
		try_pattern(size - 1);
	check_rules();
	check_routes();
	return 0;
}

#include "tests/fuzz/replay.h"
