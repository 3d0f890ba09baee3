/* SPDX-License-Identifier: MIT */
/*
 * proxy.c - where the proxy is, if the configuration has only its name
 *
 * The one name that is looked up on this machine. config is constant but for the
 * addresses that are added here, once: whoever sees their count sees them.
 */
#include "preload/proxy.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>

#include "core/log.h"
#include "preload/real.h"

static struct config *config;
static pthread_mutex_t looking = PTHREAD_MUTEX_INITIALIZER;

void proxy_setup(struct config *the_config)
{
	config = the_config;
}

static bool is_known(void)
{
	return __atomic_load_n(&config->n_addresses, __ATOMIC_ACQUIRE) > 0;
}

static void add_addresses(const struct addrinfo *found)
{
	size_t n = 0;

	for (; found != NULL && n < CONFIG_ADDRESSES_MAX; found = found->ai_next) {
		struct endpoint *e = &config->addresses[n];

		if (endpoint_from_sockaddr(e, found->ai_addr,
					   found->ai_addrlen) < 0)
			continue;
		e->port = config->proxy.port;
		n++;
	}
	__atomic_store_n(&config->n_addresses, n, __ATOMIC_RELEASE);
}

int proxy_find(void)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;

	if (is_known())
		return 0;
	pthread_mutex_lock(&looking);
	if (!is_known() && config->proxy.kind == ENDPOINT_NAME &&
	    REAL(getaddrinfo)(config->proxy.name, NULL, &hints, &found) == 0) {
		add_addresses(found);
		freeaddrinfo(found);
	}
	pthread_mutex_unlock(&looking);
	if (is_known())
		return 0;
	log_once(config->proxy.name, "the proxy %s cannot be looked up",
		 config->proxy.name);
	return -EHOSTUNREACH;
}

void proxy_forked_child(void)
{
	pthread_mutex_init(&looking, NULL);
}
