/* SPDX-License-Identifier: MIT */
/* judge.c - whose answer a name gets, whichever way a program asks */
#include "resolver/judge.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/log.h"
#include "core/text.h"
#include "resolver/direct.h"
#include "resolver/fakemap.h"

enum {
	LABEL_MAX = 63 /* RFC 1035 section 2.3.4 */
};

static const struct config *config;

void judge_setup(const struct config *of)
{
	config = of;
}

static bool is_host_name(const char *name)
{
	const char *label = name;
	size_t len;

	for (; *label; label += len + (label[len] == '.')) {
		len = strcspn(label, ".");
		if (len > LABEL_MAX)
			return false;
	}
	return text_is_host_name(text_of(name));
}

/* RFC 6762: .local is asked for on the link, which no proxy can do. */
static bool is_multicast_name(const char *name)
{
	const char *last = strrchr(name, '.');

	return last && text_is_nocase(text_of(last + 1), "local");
}

/*
 * What systemd's resolver makes names for by itself: this machine's gateway and
 * the like. The proxy would take its own, or none.
 */
static bool is_machines_own(const char *name)
{
	static const char *const names[] = {
		"_gateway",
		"_outbound",
		"_localdnsstub",
		"_localdnsproxy",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (text_is_nocase(text_of(name), names[i]))
			return true;
	return false;
}

static enum verdict refuse(enum verdict verdict, const char *name,
			   const char *why)
{
	log_once(name, "%s: not looked up: %s", name, why);
	return verdict;
}

enum verdict judge_name(const char *name, struct hosts_answer *local)
{
	enum route route = rules_match_name(&config->rules, name);

	if (route == ROUTE_BLOCK)
		return refuse(VERDICT_BLOCKED, name, "blocked by a rule");
	if (hosts_by_name(name, local)) {
		if (route == ROUTE_DIRECT)
			direct_learn_all(local, name);
		return VERDICT_LOCAL;
	}
	if (config->broken)
		return refuse(VERDICT_BLOCKED, name, config->why);
	if (route == ROUTE_DIRECT)
		return VERDICT_DIRECT;
	if (is_multicast_name(name))
		return refuse(VERDICT_LINK, name,
			      "names in .local are asked for on the local "
			      "link; a rule may make them direct");
	if (is_machines_own(name))
		return refuse(VERDICT_LINK, name,
			      "this machine's own resolver makes it up");
	return is_host_name(name) ? VERDICT_FAKE : VERDICT_NO_HOST;
}

void judge_direct(const char *name, struct hosts_answer *found)
{
	hosts_begin(found);
	if (!direct_by_name(name, found))
		log_once(name,
			 "%s: refused: a rule makes it direct, but the program "
			 "asks by DNS itself, which goes over the proxy; put it "
			 "into /etc/hosts", name);
}

bool judge_asks(void)
{
	return config->resolve == CONFIG_RESOLVE_TUNNEL;
}

/* Connections to a proxy that has only IPv6 are easier from IPv6 sockets. */
int judge_family(void)
{
	for (size_t i = 0; i < config->n_addresses; i++)
		if (config->addresses[i].kind != ENDPOINT_IPV6)
			return AF_INET;
	return config->n_addresses > 0 ? AF_INET6 : AF_INET;
}

int judge_fake(const struct endpoint *name, int family,
	       struct hosts_address *out)
{
	struct endpoint fake;
	int rc;

	if (family == AF_UNSPEC)
		family = judge_family();
	rc = fakemap_address(name, family, &fake);
	if (rc < 0)
		return rc;
	hosts_set_address(out, &fake);
	return 0;
}

static bool is_link_local(const struct endpoint *e)
{
	if (e->kind == ENDPOINT_IPV4)
		return e->v4[0] == 169 && e->v4[1] == 254;
	return e->v6[0] == 0xfe && (e->v6[1] & 0xc0) == 0x80;
}

enum verdict judge_reverse(const struct endpoint *address)
{
	struct endpoint any_port = *address;

	if (config->broken || endpoint_is_loopback(address) ||
	    is_link_local(address))
		return VERDICT_NO_HOST;
	any_port.port = 0; /* rules for some ports only do not match it */
	switch (rules_match(&config->rules, &any_port)) {
	case ROUTE_DIRECT:
		return VERDICT_DIRECT;
	case ROUTE_BLOCK:
		return VERDICT_BLOCKED;
	default:
		return VERDICT_FAKE;
	}
}

int judge_address(const struct endpoint *e, struct hosts_answer *answer)
{
	struct hosts_address address;
	struct endpoint name;
	int rc = fakemap_name(e, &name);

	if (rc < 0)
		return rc;
	if (!hosts_set_address(&address, e))
		return 0;
	if (rc == 0 && hosts_by_address(&address, answer))
		return 1;
	if (rc == 0)
		return judge_reverse(e) == VERDICT_FAKE ? 0 : -ECONNREFUSED;
	hosts_begin(answer);
	memcpy(answer->name, name.name, sizeof(answer->name));
	hosts_add_address(answer, &address);
	return 1;
}
