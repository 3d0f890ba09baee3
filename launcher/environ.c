/* SPDX-License-Identifier: MIT */
/* environ.c - the environment that tells the library what was asked for */
#include "launcher/environ.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "launcher/die.h"
#include "launcher/guard.h"
#include "launcher/library.h"

/* A shell sets LD_PRELOAD last: what it starts before that is not ours yet. */
static const char *const names[] = {
	"SOCKSIFY_PROXY",   "SOCKSIFY_PROXY_ADDRESS",
	"SOCKSIFY_CONFIG",  "SOCKSIFY_RULES",
	"SOCKSIFY_DIRECT",  "SOCKSIFY_TIMEOUT",
	"SOCKSIFY_DNS",	    "SOCKSIFY_GATEWAY",
	"SOCKSIFY_LOG",	    "SOCKSIFY_VERBOSE",
	"ALL_PROXY",	    "all_proxy",
	"LD_PRELOAD",
};

const char *const *environ_names(size_t *count)
{
	*count = sizeof(names) / sizeof(names[0]);
	return names;
}

/* An empty value counts as none, as it does for the library. */
static const char *value_of(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static void set(const char *name, const char *value)
{
	if (setenv(name, value, 1) < 0)
		die(STATUS_OWN_FAILURE, "setting %s: %s", name,
		    strerror(errno));
}

/* Sets name to both texts with separator between them, if there are two. */
static void set_joined(const char *name, const char *first, char separator,
		       const char *second)
{
	char *joined;

	if (!second) {
		set(name, first);
		return;
	}
	if (asprintf(&joined, "%s%c%s", first, separator, second) < 0)
		die(STATUS_OWN_FAILURE, "setting %s: out of memory", name);
	set(name, joined);
	free(joined);
}

/* --- LD_PRELOAD ---------------------------------------------------------- */

/* Whether this entry of LD_PRELOAD is our library, from whatever directory. */
static bool is_our_library(const char *entry)
{
	const char *slash = strrchr(entry, '/');

	return !strcmp(slash ? slash + 1 : entry, LIBRARY_NAME);
}

bool environ_drop_library(void)
{
	const char *value = value_of("LD_PRELOAD");
	char *entries, *rest, *entry, *kept;
	bool ours = false;

	if (!value)
		return false;
	entries = strdup(value);
	kept = calloc(1, strlen(value) + 1);
	if (!entries || !kept)
		die(STATUS_OWN_FAILURE, "reading LD_PRELOAD: out of memory");
	rest = entries;
	while ((entry = strsep(&rest, " :"))) {
		if (is_our_library(entry)) {
			ours = true;
			continue;
		}
		if (!*entry)
			continue;
		if (*kept)
			strcat(kept, ":");
		strcat(kept, entry);
	}
	if (ours && *kept)
		set("LD_PRELOAD", kept);
	else if (ours)
		unsetenv("LD_PRELOAD");
	free(entries);
	free(kept);
	return ours;
}

void environ_preload(const char *library)
{
	environ_drop_library();
	if (!library)
		return;
	set_joined("LD_PRELOAD", library, ':', value_of("LD_PRELOAD"));
}

/* --- options ------------------------------------------------------------- */

/* The program may change its directory: names of files are made absolute. */
static void set_path(const char *variable, const char *path)
{
	char *directory;

	if (path[0] == '/') {
		set(variable, path);
		return;
	}
	directory = getcwd(NULL, 0);
	if (!directory)
		die(STATUS_OWN_FAILURE, "%s: the current directory has no name "
		    "(%s); give the file's whole path", path, strerror(errno));
	set_joined(variable, directory, '/', path);
	free(directory);
}

/* The library loses lines that it cannot write, so that is found out here. */
static void set_log(const char *path)
{
	int fd;

	if (!strcmp(path, "stderr")) {
		set("SOCKSIFY_LOG", path);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY |
			O_CLOEXEC, 0600);
	if (fd < 0)
		die(STATUS_OWN_FAILURE,
		    "--log %s: cannot be written: %s; name a file that can",
		    path, strerror(errno));
	close(fd);
	set_path("SOCKSIFY_LOG", path);
}

/* What an outer socksify has found: NAME=ADDRESSES, or NULL. */
static char *known_addresses;

static char *value_copy(const char *name)
{
	const char *value = value_of(name);
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		die(STATUS_OWN_FAILURE, "reading %s: out of memory", name);
	return copy;
}

void environ_take_options(const struct options *options)
{
	char level[2] = { (char)('0' + options->verbose), '\0' };

	/*
	 * Addresses are looked up again: they may be another proxy's. Under an
	 * outer guard libc cannot ask.
	 */
	if (guard_inherited())
		known_addresses = value_copy("SOCKSIFY_PROXY_ADDRESS");
	else
		unsetenv("SOCKSIFY_GATEWAY"); /* it lives as long as who started it */
	unsetenv("SOCKSIFY_PROXY_ADDRESS");
	if (options->proxy)
		set("SOCKSIFY_PROXY", options->proxy);
	if (options->config)
		set_path("SOCKSIFY_CONFIG", options->config);
	if (options->rules)
		set_joined("SOCKSIFY_RULES", options->rules, ' ',
			   value_of("SOCKSIFY_RULES"));
	if (options->timeout)
		set("SOCKSIFY_TIMEOUT", options->timeout);
	if (options->dns)
		set("SOCKSIFY_DNS", options->dns);
	if (options->log)
		set_log(options->log);
	if (options->verbose != VERBOSE_UNSAID)
		set("SOCKSIFY_VERBOSE", level);
}

void environ_log_to_stderr(void)
{
	set("SOCKSIFY_LOG", "stderr");
}

/* --- the proxy ----------------------------------------------------------- */

/* One name of NO_PROXY as a direct rule: itself and all below it. */
static void add_no_proxy(struct text word)
{
	static struct rules scratch;
	char pattern[ENDPOINT_NAME_MAX + 16] = ".";
	const char *why, *from = pattern;

	if (word.at[0] == '*' && word.len > 1)
		word = (struct text){ word.at + 1, word.len - 1 };
	if (!text_copy(word, pattern + 1, sizeof(pattern) - 1))
		return;
	scratch.count = scratch.text_used = 0;
	if (rules_add(&scratch, ROUTE_DIRECT, from, strlen(from), &why) < 0)
		from++;
	if (rules_add(&scratch, ROUTE_DIRECT, from, strlen(from), &why) < 0)
		return;
	if (value_of("SOCKSIFY_DIRECT"))
		set_joined("SOCKSIFY_DIRECT", getenv("SOCKSIFY_DIRECT"), ' ',
			   from);
	else
		set("SOCKSIFY_DIRECT", from);
}

static void take_all_proxy(void)
{
	const char *url = value_of("ALL_PROXY");
	const char *no_proxy = value_of("NO_PROXY");
	struct text rest, word;

	/* config_load took the first that is no HTTP proxy. */
	if (!url || strncasecmp(url, "socks", 5))
		url = value_of("all_proxy");
	set("SOCKSIFY_PROXY", url);
	if (!no_proxy)
		no_proxy = value_of("no_proxy");
	if (!no_proxy)
		return;
	rest = text_of(no_proxy);
	while (text_word(&rest, &word))
		add_no_proxy(word);
}

/* Room for an address, "%", a scope, and a comma or NUL. */
enum { ADDRESS_TEXT_MAX = INET6_ADDRSTRLEN + 12 };

/* Writes an address as the library reads it: with its scope as a number. */
static int format_address(char *out, const struct sockaddr *sa)
{
	const struct sockaddr_in *v4 = (const void *)sa;
	const struct sockaddr_in6 *v6 = (const void *)sa;
	char text[INET6_ADDRSTRLEN];

	if (sa->sa_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
	if (sa->sa_family == AF_INET || !v6->sin6_scope_id)
		return sprintf(out, "%s", text);
	return sprintf(out, "%s%%%u", text, v6->sin6_scope_id);
}

/* Whether an outer socksify has looked up that very name. */
static bool is_known(const char *name)
{
	size_t len = strlen(name);

	return known_addresses && !strncasecmp(known_addresses, name, len) &&
	       known_addresses[len] == '=';
}

static void look_up(const char *name)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char list[ENDPOINT_NAME_MAX + 2 +
		  CONFIG_ADDRESSES_MAX * ADDRESS_TEXT_MAX];
	char *end = list + sprintf(list, "%s=", name);
	struct addrinfo *found;
	/* An outer supervisor would answer with a fake. */
	int n = 0, error = guard_inherited_carries() ?
				   EAI_AGAIN :
				   getaddrinfo(name, NULL, &hints, &found);

	if (error && guard_inherited())
		die(STATUS_OWN_FAILURE,
		    "cannot look up the proxy %s under the guard of an outer "
		    "socksify; give its address", name);
	if (error)
		die(STATUS_OWN_FAILURE,
		    "cannot look up the proxy %s: %s; check the name or give "
		    "its address", name, error == EAI_SYSTEM ?
		    strerror(errno) : gai_strerror(error));
	for (struct addrinfo *ai = found; ai && n < CONFIG_ADDRESSES_MAX;
	     ai = ai->ai_next, n++) {
		if (n)
			*end++ = ',';
		end += format_address(end, ai->ai_addr);
	}
	freeaddrinfo(found);
	set("SOCKSIFY_PROXY_ADDRESS", list);
}

void environ_settle_proxy(const struct config *config)
{
	if (config->proxy_source == CONFIG_FROM_ALL_PROXY)
		take_all_proxy();
	unsetenv("ALL_PROXY");
	unsetenv("all_proxy");
	if (config->proxy.kind != ENDPOINT_NAME)
		return;
	if (is_known(config->proxy.name))
		set("SOCKSIFY_PROXY_ADDRESS", known_addresses);
	else
		look_up(config->proxy.name);
}
