/* SPDX-License-Identifier: MIT */
/* config_parts.h - what the files of config have in common; for config*.c only */
#ifndef SOCKSIFY_CORE_CONFIG_PARTS_H
#define SOCKSIFY_CORE_CONFIG_PARTS_H

#include "core/config.h"
#include "core/text.h"

/* Rules that are asked for; the built-in ones have the rest of RULES_MAX. */
enum { CONFIG_RULES_MAX = RULES_MAX - 8 };

/* How much of a file's name a message shows: the reason needs room too. */
enum { CONFIG_SHOWN_MAX = 100 };

/**
 * struct config_proxy - what one URL says
 * @endpoint:	the proxy, by name or address
 * @username:	empty: none
 * @password:	empty exactly when @username is
 */
struct config_proxy {
	struct endpoint endpoint;
	char username[256];
	char password[256];
};

/* As config_parse_url, into proxy, which is undefined after a failure. */
int config_read_url(struct config_proxy *proxy, struct text url, char *why,
		    size_t why_size);

/* Makes that the proxy, with its login; forgets the addresses of another. */
void config_use_proxy(struct config *config, const struct config_proxy *proxy,
		      enum config_source source);

/* Whether a username or password has a length that RFC 1929 can say. */
bool config_login_fits(struct text text);

/* Before anything is read: nothing but the defaults, and no rule. */
void config_begin(struct config *config);

/* The last rules. */
void config_add_built_in_rules(struct config *config);

/* Setters: NULL, or the reason (a static string) and nothing is changed. */
const char *config_set_auth(struct config *config, struct text text);
const char *config_set_gssapi_service(struct config *config, struct text text);
const char *config_set_gssapi_protection(struct config *config, struct text text);
const char *config_set_gssapi_nec(struct config *config, struct text text);
const char *config_set_timeout(struct config *config, struct text text);
const char *config_set_pipeline(struct config *config, struct text text);
const char *config_set_early_data(struct config *config, struct text text);
const char *config_set_bind(struct config *config, struct text text);
const char *config_set_bind_for(struct config *config, struct text text);
const char *config_set_udp(struct config *config, struct text text);
const char *config_set_resolve(struct config *config, struct text text);
const char *config_set_dns(struct config *config, struct text text);
const char *config_set_verbose(struct config *config, struct text text);
const char *config_set_log(struct config *config, struct text text);
const char *config_set_map(struct config *config, struct text text);
const char *config_set_fake4(struct config *config, struct text text);
const char *config_set_fake6(struct config *config, struct text text);

/* Adds one rule. 0, or -EINVAL with why filled, which quotes the pattern. */
int config_add_rule(struct config *config, enum route route,
		    struct text pattern, char *why, size_t why_size);

/* Adds a rule for each word of a list; stops at the first wrong one. */
int config_add_rules(struct config *config, enum route route, struct text list,
		     char *why, size_t why_size);

/*
 * As config_parse_file. holds_password tells whether the text holds one, also
 * where it then failed.
 */
int config_read_file(struct config *config, struct text text, const char *name,
		     bool *holds_password, char *why, size_t why_size);

#endif
