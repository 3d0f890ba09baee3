/* SPDX-License-Identifier: MIT */
/* direct.c - the real addresses of names that a rule makes direct */
#include "resolver/direct.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "core/log.h"

enum {
	LEARNT_MAX = 256
};

/**
 * struct learnt - one address of one name
 * @whole:	the rest is filled in, and never changes again; atomic
 */
struct learnt {
	uint32_t whole;
	struct endpoint address;
	struct endpoint name;
};

static struct learnt list[LEARNT_MAX];
static uint32_t taken; /* atomic; entries given out */

static uint32_t count(void)
{
	uint32_t n = __atomic_load_n(&taken, __ATOMIC_ACQUIRE);

	return n < LEARNT_MAX ? n : LEARNT_MAX;
}

static bool is_at(const struct learnt *l, const struct endpoint *address)
{
	return __atomic_load_n(&l->whole, __ATOMIC_ACQUIRE) &&
	       endpoint_same_host(&l->address, address);
}

static bool is_known(const struct endpoint *address,
		     const struct endpoint *name)
{
	for (uint32_t i = 0; i < count(); i++)
		if (is_at(&list[i], address) &&
		    endpoint_same_host(&list[i].name, name))
			return true;
	return false;
}

void direct_learn(const struct endpoint *address, const char *name)
{
	struct endpoint e;
	uint32_t i;

	memset(&e, 0, sizeof(e));
	if (endpoint_set_name(&e, name, strlen(name)) < 0 ||
	    is_known(address, &e))
		return;
	i = count();
	if (i < LEARNT_MAX)
		i = __atomic_fetch_add(&taken, 1, __ATOMIC_ACQ_REL);
	if (i >= LEARNT_MAX) {
		log_once("direct names",
			 "%s: too many addresses of direct names: connections "
			 "to more of them go through the proxy",
			 name);
		return;
	}
	list[i].address = *address;
	list[i].name = e;
	__atomic_store_n(&list[i].whole, 1, __ATOMIC_RELEASE);
}

void direct_learn_all(const struct hosts_answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->count; i++) {
		const struct hosts_address *address = &answer->addresses[i];
		struct endpoint e = { .kind = ENDPOINT_IPV4 };

		if (address->family == AF_INET6)
			endpoint_set_ipv6(&e, address->bytes, 0);
		else
			memcpy(e.v4, address->bytes, sizeof(e.v4));
		direct_learn(&e, name);
	}
}

bool direct_by_name(const char *name, struct hosts_answer *answer)
{
	size_t before = answer->count;
	struct hosts_address address;
	struct endpoint e;

	memset(&e, 0, sizeof(e));
	if (endpoint_set_name(&e, name, strlen(name)) < 0)
		return false;
	for (uint32_t i = 0; i < count(); i++)
		if (__atomic_load_n(&list[i].whole, __ATOMIC_ACQUIRE) &&
		    endpoint_same_host(&list[i].name, &e) &&
		    hosts_set_address(&address, &list[i].address))
			hosts_add_address(answer, &address);
	return answer->count > before;
}

bool direct_has(const struct rules *rules, const struct endpoint *address)
{
	for (uint32_t i = 0; i < count(); i++) {
		struct endpoint name;

		if (!is_at(&list[i], address))
			continue;
		name = list[i].name;
		name.port = address->port;
		if (rules_match(rules, &name) == ROUTE_DIRECT)
			return true;
	}
	return false;
}
