/* SPDX-License-Identifier: MIT */
/*
 * route.c - where an address leads that a program hands to a socket call
 */
#include "resolver/route.h"

#include <errno.h>

#include "core/log.h"
#include "resolver/direct.h"
#include "resolver/fakemap.h"

typedef enum route route_judge(const struct config *config,
			       const struct endpoint *e);

static int route_by(route_judge *judge, const struct config *config,
		    const struct sockaddr *addr, socklen_t len,
		    struct endpoint *to)
{
	struct endpoint name;
	enum route route;
	int r = endpoint_from_sockaddr(to, addr, len);

	if (r < 0)
		return r;
	r = fakemap_name(to, &name);
	if (r < 0) {
		route_refused(to, "a fake address that stands for no name");
		return r;
	}
	if (r == 0) {
		route = judge(config, to);
		return route == ROUTE_VIA && direct_has(&config->rules, to) ?
			       ROUTE_DIRECT :
			       route;
	}
	*to = name;
	route = judge(config, to);
	/* A fake address leads nowhere: its name can only go to the proxy. */
	return route == ROUTE_DIRECT ? ROUTE_VIA : route;
}

int route_of(const struct config *config, const struct sockaddr *addr,
	     socklen_t len, struct endpoint *to)
{
	return route_by(config_route, config, addr, len, to);
}

int route_of_datagram(const struct config *config, const struct sockaddr *addr,
		      socklen_t len, struct endpoint *to)
{
	return route_by(config_route_datagram, config, addr, len, to);
}

void route_refused(const struct endpoint *to, const char *why)
{
	char text[ENDPOINT_TEXT_MAX];

	if (log_wants(LOG_REFUSAL))
		log_once(endpoint_format(to, text, sizeof(text)),
			 "%s: refused: %s", text, why);
}

int route_blocked(const struct config *config, const struct endpoint *to)
{
	if (config->broken) {
		route_refused(to, config->why);
		return -ECONNREFUSED;
	}
	route_refused(to, to->port == 53 && endpoint_is_loopback(to) ?
				  "a local DNS forwarder would ask in the clear" :
				  "blocked by a rule");
	return -EACCES;
}
