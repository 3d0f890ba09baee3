/* SPDX-License-Identifier: MIT */
/*
 * config_file.c - the text of a configuration file
 *
 * A line is "KEY VALUE" or "KEY = VALUE", with blanks around as one likes; one
 * that begins with '#' is a comment. A '#' after a blank begins a comment too,
 * but not in a username or password, which go to the end of the line. Each key
 * comes once, but for the rules:
 *
 *	proxy URL		username TEXT		password TEXT
 *	auth login|gssapi	gssapi-service NAME	gssapi-nec yes|no
 *	gssapi-protection confidentiality|integrity|none
 *	timeout SECONDS		verbose 0..3		log stderr|/FILE
 *	pipeline yes|no		early-data yes|no
 *	bind auto|off		bind-for PORT...
 *	udp proxy|block
 *	resolve fake|tunnel	dns ADDRESS[:PORT]...
 *	fake4 ADDRESS/8..30	fake6 ADDRESS/64
 *	direct|via|block PATTERN...
 *
 * username and password are for the proxy of the same file; a file without
 * proxy gives them to a proxy named elsewhere that brings none of its own. So a
 * file's password never goes to another proxy than the file means.
 *
 * A line may hold a password by mistake: messages show keys and rules only.
 */
#include "core/config_parts.h"

#include <errno.h>
#include <string.h>

enum key {
	KEY_PROXY,
	KEY_USERNAME,
	KEY_PASSWORD,
	KEY_AUTH,
	KEY_GSSAPI_SERVICE,
	KEY_GSSAPI_PROTECTION,
	KEY_GSSAPI_NEC,
	KEY_TIMEOUT,
	KEY_PIPELINE,
	KEY_EARLY_DATA,
	KEY_BIND,
	KEY_BIND_FOR,
	KEY_UDP,
	KEY_RESOLVE,
	KEY_DNS,
	KEY_VERBOSE,
	KEY_LOG,
	KEY_FAKE4,
	KEY_FAKE6,
	KEY_DIRECT,
	KEY_VIA,
	KEY_BLOCK,
	KEYS,
};

static const char *const key_names[KEYS] = {
	[KEY_PROXY] = "proxy",	     [KEY_USERNAME] = "username",
	[KEY_PASSWORD] = "password", [KEY_TIMEOUT] = "timeout",
	[KEY_AUTH] = "auth",	     [KEY_GSSAPI_SERVICE] = "gssapi-service",
	[KEY_GSSAPI_PROTECTION] = "gssapi-protection",
	[KEY_GSSAPI_NEC] = "gssapi-nec",
	[KEY_PIPELINE] = "pipeline", [KEY_EARLY_DATA] = "early-data",
	[KEY_BIND] = "bind",	     [KEY_BIND_FOR] = "bind-for",
	[KEY_UDP] = "udp",
	[KEY_RESOLVE] = "resolve",   [KEY_DNS] = "dns",
	[KEY_VERBOSE] = "verbose",   [KEY_LOG] = "log",
	[KEY_FAKE4] = "fake4",	     [KEY_FAKE6] = "fake6",
	[KEY_DIRECT] = "direct",     [KEY_VIA] = "via",
	[KEY_BLOCK] = "block",
};

/**
 * struct file - a file being read
 * @config:	what it says goes there
 * @name:	for messages
 * @line:	number of the line at hand
 * @seen:	line in which each key came first, or 0
 * @proxy:	of the proxy, username and password lines
 * @why:	the caller's room for a message
 * @why_size:	its size
 */
struct file {
	struct config *config;
	const char *name;
	unsigned int line;
	unsigned int seen[KEYS];
	struct config_proxy proxy;
	char *why;
	size_t why_size;
};

static int wrong(const struct file *file, unsigned int line, const char *reason)
{
	log_format(file->why, file->why_size, "%s:%u: %s",
		   text_tail(file->name, CONFIG_SHOWN_MAX), line, reason);
	return -EINVAL;
}

static int wrong_key(const struct file *file, enum key key, const char *reason)
{
	char text[128];

	log_format(text, sizeof(text), "%s %s", key_names[key], reason);
	return wrong(file, file->line, text);
}

static int unknown_key(const struct file *file, struct text key)
{
	char shown[17];
	char text[CONFIG_WHY_MAX];

	if (!key.len || !text_copy(key, shown, sizeof(shown)) ||
	    strspn(shown, "abcdefghijklmnopqrstuvwxyz_-") != key.len)
		return wrong(file, file->line,
			     "a line begins with a key, such as proxy, direct, "
			     "via or block");
	log_format(text, sizeof(text),
		   "unknown key \"%s\"; there are proxy, username, password, "
		   "auth, gssapi-service, gssapi-protection, gssapi-nec, "
		   "timeout, pipeline, early-data, bind, bind-for, udp, resolve, "
		   "dns, verbose, log, fake4, fake6, direct, via, block",
		   shown);
	return wrong(file, file->line, text);
}

/* Takes the key off the front of line, and the '=' where there is one. */
static struct text take_key(struct text *line)
{
	struct text key = { line->at, 0 };

	while (key.len < line->len && !text_blank(key.at[key.len]) &&
	       key.at[key.len] != '=')
		key.len++;
	line->at += key.len;
	line->len -= key.len;
	*line = text_trim(*line);
	if (line->len && line->at[0] == '=') {
		line->at++;
		line->len--;
		*line = text_trim(*line);
	}
	return key;
}

static enum key find_key(struct text text)
{
	int key = 0;

	while (key < KEYS && !text_is(text, key_names[key]))
		key++;
	return (enum key)key;
}

static struct text without_comment(struct text value)
{
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] == '#' &&
		    (i == 0 || text_blank(value.at[i - 1])))
			value.len = i;
	}
	return text_trim(value);
}

/* Apart from its callers, or their frames would add up to one large one. */
__attribute__((noinline)) static int read_url(struct file *file,
					      struct text value)
{
	struct config_proxy proxy;
	char text[CONFIG_WHY_MAX];
	int error = config_read_url(&proxy, value, text, sizeof(text));

	if (error)
		error = wrong(file, file->line, text);
	else if (proxy.username[0] &&
		 (file->seen[KEY_USERNAME] || file->seen[KEY_PASSWORD]))
		error = wrong_key(file, KEY_PROXY,
				  "has a login in its URL, and there is a "
				  "username or password line too; keep one");
	else if (proxy.username[0])
		file->proxy = proxy;
	else
		file->proxy.endpoint = proxy.endpoint;
	explicit_bzero(&proxy, sizeof(proxy));
	return error;
}

static int read_login(struct file *file, enum key key, struct text value)
{
	char *out = key == KEY_USERNAME ? file->proxy.username :
					  file->proxy.password;
	enum key other = key == KEY_USERNAME ? KEY_PASSWORD : KEY_USERNAME;

	/* Not from a line, so from the URL. */
	if (file->proxy.username[0] && !file->seen[other])
		return wrong_key(file, key,
				 "is in the proxy's URL already; keep one");
	if (!config_login_fits(value) ||
	    !text_copy(value, out, sizeof(file->proxy.username)))
		return wrong_key(file, key, "has 1 to 255 bytes");
	return 0;
}

static int read_rules(struct file *file, enum route route, struct text value)
{
	char text[CONFIG_WHY_MAX];

	if (config_add_rules(file->config, route, value, text, sizeof(text)))
		return wrong(file, file->line, text);
	return 0;
}

static int read_value(struct file *file, enum key key, struct text value)
{
	struct config *config = file->config;
	const char *reason = NULL;

	switch (key) {
	case KEY_PROXY:
		return read_url(file, value);
	case KEY_USERNAME:
	case KEY_PASSWORD:
		return read_login(file, key, value);
	case KEY_DIRECT:
		return read_rules(file, ROUTE_DIRECT, value);
	case KEY_VIA:
		return read_rules(file, ROUTE_VIA, value);
	case KEY_BLOCK:
		return read_rules(file, ROUTE_BLOCK, value);
	case KEY_AUTH:
		reason = config_set_auth(config, value);
		break;
	case KEY_GSSAPI_SERVICE:
		reason = config_set_gssapi_service(config, value);
		break;
	case KEY_GSSAPI_PROTECTION:
		reason = config_set_gssapi_protection(config, value);
		break;
	case KEY_GSSAPI_NEC:
		reason = config_set_gssapi_nec(config, value);
		break;
	case KEY_TIMEOUT:
		reason = config_set_timeout(config, value);
		break;
	case KEY_PIPELINE:
		reason = config_set_pipeline(config, value);
		break;
	case KEY_EARLY_DATA:
		reason = config_set_early_data(config, value);
		break;
	case KEY_BIND:
		reason = config_set_bind(config, value);
		break;
	case KEY_BIND_FOR:
		reason = config_set_bind_for(config, value);
		break;
	case KEY_UDP:
		reason = config_set_udp(config, value);
		break;
	case KEY_RESOLVE:
		reason = config_set_resolve(config, value);
		break;
	case KEY_DNS:
		reason = config_set_dns(config, value);
		break;
	case KEY_VERBOSE:
		reason = config_set_verbose(config, value);
		break;
	case KEY_LOG:
		reason = config_set_log(config, value);
		break;
	case KEY_FAKE4:
		reason = config_set_fake4(config, value);
		break;
	case KEY_FAKE6:
		reason = config_set_fake6(config, value);
		break;
	case KEYS:
		break;
	}
	return reason ? wrong_key(file, key, reason) : 0;
}

static int read_line(struct file *file, struct text line)
{
	struct text name, value;
	enum key key;
	int error;

	line = text_trim(line);
	if (!line.len || line.at[0] == '#')
		return 0;
	if (memchr(line.at, '\0', line.len))
		return wrong(file, file->line, "a NUL byte; this is no text");
	value = line;
	name = take_key(&value);
	key = find_key(name);
	if (key == KEYS)
		return unknown_key(file, name);
	if (key != KEY_USERNAME && key != KEY_PASSWORD)
		value = without_comment(value);
	if (!value.len)
		return wrong_key(file, key, "needs a value after it");
	if (key < KEY_DIRECT && file->seen[key])
		return wrong_key(file, key, "is given twice");
	error = read_value(file, key, value);
	if (!file->seen[key])
		file->seen[key] = file->line;
	return error;
}

static int check_login(const struct file *file)
{
	if (file->proxy.username[0] && !file->proxy.password[0])
		return wrong(file, file->seen[KEY_USERNAME],
			     "a username needs a password line too");
	if (file->proxy.password[0] && !file->proxy.username[0])
		return wrong(file, file->seen[KEY_PASSWORD],
			     "a password needs a username line too");
	return 0;
}

static void use_proxy(const struct file *file)
{
	struct config *config = file->config;

	if (file->seen[KEY_PROXY]) {
		if (config->proxy.kind == ENDPOINT_NONE)
			config_use_proxy(config, &file->proxy,
					 CONFIG_FROM_FILE);
	} else if (!config->username[0]) {
		memcpy(config->username, file->proxy.username,
		       sizeof(config->username));
		memcpy(config->password, file->proxy.password,
		       sizeof(config->password));
	}
}

static int read_lines(struct file *file, struct text text)
{
	while (text.len) {
		const char *end = memchr(text.at, '\n', text.len);
		size_t len = end ? (size_t)(end - text.at) : text.len;
		int error;

		file->line++;
		error = read_line(file, (struct text){ text.at, len });
		if (error)
			return error;
		len += end ? 1 : 0;
		text.at += len;
		text.len -= len;
	}
	return check_login(file);
}

int config_read_file(struct config *config, struct text text, const char *name,
		     bool *holds_password, char *why, size_t why_size)
{
	struct file file = {
		.config = config,
		.name = name,
		.why = why,
		.why_size = why_size,
	};
	int error = read_lines(&file, text);

	*holds_password = file.proxy.password[0];
	if (!error)
		use_proxy(&file);
	explicit_bzero(&file.proxy, sizeof(file.proxy));
	return error;
}

int config_parse_file(struct config *config, const char *text, size_t len,
		      const char *name, char *why, size_t why_size)
{
	bool holds_password;

	return config_read_file(config, (struct text){ text, len }, name,
				&holds_password, why, why_size);
}
