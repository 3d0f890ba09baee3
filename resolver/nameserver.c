/* SPDX-License-Identifier: MIT */
/* nameserver.c - which servers a program's own DNS client asks, and gets no answer from */
#include "resolver/nameserver.h"

#include "resolver/resolvconf.h"

static bool is_configured(const struct endpoint *e)
{
	struct endpoint servers[RESOLVCONF_SERVERS_MAX];
	size_t n = resolvconf_servers(servers);

	for (size_t i = 0; i < n; i++)
		if (endpoint_equal(e, &servers[i]))
			return true;
	return false;
}

bool nameserver_is_stub(const struct config *config, const struct endpoint *e)
{
	if (e->port != DNS_SERVICE_PORT || config_leaves_port(config, e))
		return false;
	return endpoint_is_loopback(e) || is_configured(e);
}
