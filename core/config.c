/* SPDX-License-Identifier: MIT */
/*
 * config.c - the configuration put together from environment and file
 *
 * What stands where: the environment's proxy and settings win over the file's;
 * rules stand in the order SOCKSIFY_RULES (the command's options),
 * SOCKSIFY_BLOCK, SOCKSIFY_VIA, SOCKSIFY_DIRECT, NO_PROXY, the file, built in.
 * The file is the one that SOCKSIFY_CONFIG names, else the first of the usual
 * ones that is there.
 * An empty variable counts as unset.
 *
 * A process whose privileges differ from its caller's (AT_SECURE) believes
 * nothing in its environment, or the caller could choose where it writes its
 * log and to whom it talks: there only /etc/socksify.conf counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "core/config_parts.h"
#include "core/sys.h"

#define SYSTEM_FILE "/etc/socksify.conf"

enum {
	FILE_SIZE_MAX = 64 * 1024,
	DNS_PORT = 53,
	FTP_PORT = 21,
};

/* RFC 2544's benchmark range, which no host on the Internet has. */
static const uint8_t fake4_default[4] = { 198, 18, 0, 0 };

/* fd22:9957:d53d:7eca::/64: a unique local prefix, drawn once (RFC 4193). */
static const uint8_t fake6_default[8] = { 0xfd, 0x22, 0x99, 0x57,
					  0xd5, 0x3d, 0x7e, 0xca };

/*
 * The unspecified addresses mean this host to connect(2). Its port 53 is often
 * a forwarder, which would ask the local network in the clear.
 */
static const struct {
	enum route route;
	const char *pattern;
} built_in[] = {
	{ ROUTE_BLOCK, "127.0.0.0/8:53" }, { ROUTE_BLOCK, "[::1]:53" },
	{ ROUTE_BLOCK, "0.0.0.0:53" },	   { ROUTE_BLOCK, "[::]:53" },
	{ ROUTE_DIRECT, "127.0.0.0/8" },   { ROUTE_DIRECT, "::1" },
	{ ROUTE_DIRECT, "0.0.0.0" },	   { ROUTE_DIRECT, "::" },
};

enum {
	BUILT_IN = sizeof(built_in) / sizeof(built_in[0]),
	ASKED_FOR_MAX = RULES_MAX - BUILT_IN,
};

/* --- single values ------------------------------------------------------- */

void config_use_proxy(struct config *config, const struct config_proxy *proxy,
		      enum config_source source)
{
	config->proxy = proxy->endpoint;
	config->proxy_source = source;
	memcpy(config->username, proxy->username, sizeof(config->username));
	memcpy(config->password, proxy->password, sizeof(config->password));
	config->n_addresses = 0;
	if (proxy->endpoint.kind != ENDPOINT_NAME)
		config->addresses[config->n_addresses++] = proxy->endpoint;
}

/* The first three digits behind the point, as milliseconds. */
static bool read_fraction(struct text digits, unsigned int *ms)
{
	unsigned int place = 100;

	*ms = 0;
	for (size_t i = 0; i < digits.len; i++) {
		unsigned int digit = (unsigned char)digits.at[i] - '0';

		if (digit > 9)
			return false;
		*ms += digit * place;
		place /= 10;
	}
	return digits.len > 0;
}

const char *config_set_timeout(struct config *config, struct text text)
{
	static const char reason[] =
		"is seconds, from 0.001 to 86400, such as 10 or 0.5";
	const char *point = memchr(text.at, '.', text.len);
	struct text whole = text;
	unsigned int seconds, ms = 0;

	if (point) {
		struct text digits = { point + 1, 0 };

		whole.len = (size_t)(point - text.at);
		digits.len = text.len - whole.len - 1;
		if (!read_fraction(digits, &ms))
			return reason;
	}
	if (!text_number(whole, 0, 86400, &seconds) || seconds * 1000 + ms == 0)
		return reason;
	config->timeout_ms = (int)(seconds * 1000 + ms);
	return NULL;
}

static const char *set_switch(bool *on, struct text text)
{
	if (text_is(text, "yes") || text_is(text, "1"))
		*on = true;
	else if (text_is(text, "no") || text_is(text, "0"))
		*on = false;
	else
		return "is yes or no (or 1 or 0)";
	return NULL;
}

const char *config_set_pipeline(struct config *config, struct text text)
{
	return set_switch(&config->pipeline, text);
}

const char *config_set_early_data(struct config *config, struct text text)
{
	return set_switch(&config->early_data, text);
}

const char *config_set_bind(struct config *config, struct text text)
{
	if (text_is(text, "auto"))
		config->bind = true;
	else if (text_is(text, "off"))
		config->bind = false;
	else
		return "is auto or off";
	return NULL;
}

const char *config_set_bind_for(struct config *config, struct text text)
{
	uint16_t ports[CONFIG_BIND_PORTS_MAX];
	struct text word;
	size_t n = 0;

	while (text_word(&text, &word)) {
		unsigned int port;

		if (n == CONFIG_BIND_PORTS_MAX)
			return "names eight ports at the most";
		if (!text_number(word, 1, 65535, &port))
			return "is ports, such as 21 or 21,2121";
		ports[n++] = (uint16_t)port;
	}
	if (n == 0)
		return "needs a port";
	memcpy(config->bind_for, ports, n * sizeof(ports[0]));
	config->n_bind_for = n;
	return NULL;
}

const char *config_set_udp(struct config *config, struct text text)
{
	if (text_is(text, "proxy"))
		config->udp = true;
	else if (text_is(text, "block"))
		config->udp = false;
	else
		return "is proxy or block";
	return NULL;
}

const char *config_set_resolve(struct config *config, struct text text)
{
	if (text_is(text, "fake"))
		config->resolve = CONFIG_RESOLVE_FAKE;
	else if (text_is(text, "tunnel"))
		config->resolve = CONFIG_RESOLVE_TUNNEL;
	else
		return "is fake or tunnel";
	return NULL;
}

/* Cuts ":PORT" off, where text is "ADDRESS:PORT" or "[ADDRESS]:PORT"; the brackets, too. */
static bool cut_port(struct text *text, unsigned int *port)
{
	const char *colon = memrchr(text->at, ':', text->len);
	bool brackets = text->len > 0 && text->at[0] == '[';

	if (colon && (brackets ? colon[-1] == ']' :
				 memchr(text->at, ':', text->len) == colon)) {
		struct text number = { colon + 1, 0 };

		number.len = text->len - (size_t)(colon + 1 - text->at);
		if (!text_number(number, 1, 65535, port))
			return false;
		text->len = (size_t)(colon - text->at);
	}
	if (!brackets)
		return true;
	if (text->len < 2 || text->at[text->len - 1] != ']')
		return false;
	text->at++;
	text->len -= 2;
	return true;
}

static bool read_server(struct text text, struct endpoint *e)
{
	unsigned int port = DNS_PORT;
	char address[64];

	if (!cut_port(&text, &port) ||
	    !text_copy(text, address, sizeof(address)) ||
	    endpoint_parse_address(e, address))
		return false;
	e->port = (uint16_t)port;
	return true;
}

const char *config_set_dns(struct config *config, struct text text)
{
	struct endpoint servers[CONFIG_DNS_MAX];
	struct text word;
	size_t n = 0;

	while (text_word(&text, &word)) {
		if (n == CONFIG_DNS_MAX)
			return "names four servers at the most";
		servers[n] = (struct endpoint){ .kind = ENDPOINT_NONE };
		if (!read_server(word, &servers[n++]))
			return "is addresses of DNS servers, such as 9.9.9.9 or "
			       "[2620:fe::fe]:53";
	}
	if (n == 0)
		return "needs an address";
	memcpy(config->dns, servers, n * sizeof(servers[0]));
	config->n_dns = n;
	return NULL;
}

const char *config_set_verbose(struct config *config, struct text text)
{
	unsigned int level;

	if (!text_number(text, LOG_QUIET, LOG_PROTOCOL, &level))
		return "is 0 (nothing), 1 (refusals), 2 (connections) or 3 "
		       "(the protocol)";
	config->log_level = (int)level;
	return NULL;
}

/* Relative names would mean another file after each chdir(2). */
static bool copy_path(struct text text, char *out)
{
	char path[CONFIG_PATH_MAX];

	if (!text.len || text.at[0] != '/' ||
	    !text_copy(text, path, sizeof(path)))
		return false;
	memcpy(out, path, text.len + 1);
	return true;
}

const char *config_set_log(struct config *config, struct text text)
{
	if (text_is(text, "stderr")) {
		text_copy(text, config->log_path, sizeof(config->log_path));
		return NULL;
	}
	return copy_path(text, config->log_path) ?
		       NULL :
		       "is stderr or a file's name that begins with /";
}

/* Takes "ADDRESS/BITS" apart. */
static bool read_net(struct text text, unsigned int low, unsigned int high,
		     struct endpoint *e, unsigned int *bits)
{
	const char *slash = memchr(text.at, '/', text.len);
	struct text address = text;
	struct text length;
	char string[64];

	if (!slash)
		return false;
	address.len = (size_t)(slash - text.at);
	length = (struct text){ slash + 1, text.len - address.len - 1 };
	return text_copy(address, string, sizeof(string)) &&
	       !endpoint_parse_address(e, string) &&
	       text_number(length, low, high, bits);
}

const char *config_set_fake4(struct config *config, struct text text)
{
	struct endpoint e = { .kind = ENDPOINT_NONE };
	unsigned int bits;

	if (!read_net(text, 8, 30, &e, &bits) || e.kind != ENDPOINT_IPV4)
		return "is an IPv4 net of 8 to 30 bits, such as 198.18.0.0/15";
	if (e.v4[0] == 0 || e.v4[0] == 127 || e.v4[0] == 255 ||
	    (e.v4[0] >= 224 && e.v4[0] < 240))
		return "must be a net that hosts can have";
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int kept = bits > i * 8 ? bits - i * 8 : 0;

		config->fake4[i] =
			kept >= 8 ? e.v4[i] : e.v4[i] & (0xff00 >> kept);
	}
	config->fake4_bits = (uint8_t)bits;
	return NULL;
}

const char *config_set_fake6(struct config *config, struct text text)
{
	static const uint8_t zero[8];
	struct endpoint e = { .kind = ENDPOINT_NONE };
	unsigned int bits;

	if (!read_net(text, 64, 64, &e, &bits) || e.kind != ENDPOINT_IPV6)
		return "is an IPv6 net of 64 bits, such as "
		       "fd22:9957:d53d:7eca::/64";
	if (e.v6[0] == 0xff || (e.v6[0] == 0xfe && e.v6[1] >= 0x80) ||
	    !memcmp(e.v6, zero, sizeof(zero)))
		return "must be a net that hosts can have";
	memcpy(config->fake6, e.v6, sizeof(config->fake6));
	return NULL;
}

/* --- rules --------------------------------------------------------------- */

int config_add_rule(struct config *config, enum route route,
		    struct text pattern, char *why, size_t why_size)
{
	const char *reason = NULL;
	char shown[64];
	int error = -ENOSPC;

	/* Never at the cost of the built-in ones. */
	if (config->rules.count < ASKED_FOR_MAX)
		error = rules_add(&config->rules, route, pattern.at,
				  pattern.len, &reason);
	if (!error)
		return 0;
	if (error == -ENOSPC) {
		log_format(why, why_size,
			   "more than %d rules, or their names "
			   "are too long in all",
			   ASKED_FOR_MAX);
		return -EINVAL;
	}
	if (pattern.len >= sizeof(shown))
		pattern.len = sizeof(shown) - 1;
	text_copy(pattern, shown, sizeof(shown));
	log_format(why, why_size, "\"%s\": %s", shown, reason);
	return -EINVAL;
}

int config_add_rules(struct config *config, enum route route, struct text list,
		     char *why, size_t why_size)
{
	struct text word;

	while (text_word(&list, &word)) {
		int error = config_add_rule(config, route, word, why, why_size);

		if (error)
			return error;
	}
	return 0;
}

static void add_built_in_rules(struct config *config)
{
	const char *reason;

	for (size_t i = 0; i < BUILT_IN; i++)
		rules_add(&config->rules, built_in[i].route,
			  built_in[i].pattern, strlen(built_in[i].pattern),
			  &reason);
}

/* --- the environment ----------------------------------------------------- */

/* The first fault is the one that is told. */
static void break_config(struct config *config, const char *where,
			 const char *reason)
{
	if (config->broken)
		return;
	config->broken = true;
	log_format(config->why, sizeof(config->why), "%s: %s",
		   text_tail(where, CONFIG_SHOWN_MAX), reason);
}

static const char *value_of(config_getenv *env, const char *name)
{
	const char *value = env ? env(name) : NULL;

	return value && value[0] ? value : NULL;
}

static void load_list(struct config *config, config_getenv *env,
		      const char *name, enum route route)
{
	const char *value = value_of(env, name);
	char why[CONFIG_WHY_MAX];

	if (value &&
	    config_add_rules(config, route, text_of(value), why, sizeof(why)))
		break_config(config, name, why);
}

/* One word of SOCKSIFY_RULES: "ROUTE=PATTERN". */
static int add_option(struct config *config, struct text word, char *why,
		      size_t why_size)
{
	static const struct {
		const char *prefix;
		enum route route;
	} options[] = {
		{ "direct=", ROUTE_DIRECT },
		{ "via=", ROUTE_VIA },
		{ "block=", ROUTE_BLOCK },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		size_t len = strlen(options[i].prefix);

		if (word.len < len || memcmp(word.at, options[i].prefix, len))
			continue;
		word.at += len;
		word.len -= len;
		return config_add_rule(config, options[i].route, word, why,
				       why_size);
	}
	log_format(why, why_size,
		   "write direct=PATTERN, via=PATTERN or "
		   "block=PATTERN, with blanks between them");
	return -EINVAL;
}

static void load_options(struct config *config, config_getenv *env)
{
	const char *value = value_of(env, "SOCKSIFY_RULES");
	char why[CONFIG_WHY_MAX];
	struct text rest, word;

	if (!value)
		return;
	rest = text_of(value);
	while (text_word(&rest, &word)) {
		if (add_option(config, word, why, sizeof(why))) {
			break_config(config, "SOCKSIFY_RULES", why);
			return;
		}
	}
}

/*
 * NO_PROXY as curl reads it: "x" and ".x" both mean x and all below. It was
 * written for other programs, so what makes no sense here is passed over; what
 * it meant then goes through the proxy.
 */
static void add_no_proxy(struct config *config, struct text word)
{
	char suffix[ENDPOINT_NAME_MAX + 16] = ".";
	char why[CONFIG_WHY_MAX];

	if (word.at[0] == '*') {
		word.at++;
		word.len--;
	}
	if (text_copy(word, suffix + 1, sizeof(suffix) - 1) &&
	    !config_add_rule(config, ROUTE_DIRECT, text_of(suffix), why,
			     sizeof(why)))
		return;
	if (word.len)
		config_add_rule(config, ROUTE_DIRECT, word, why, sizeof(why));
}

static void load_no_proxy(struct config *config, config_getenv *env)
{
	const char *value = value_of(env, "NO_PROXY");
	char why[CONFIG_WHY_MAX];
	struct text rest, word;

	if (!value)
		value = value_of(env, "no_proxy");
	if (!value)
		return;
	rest = text_of(value);
	if (text_is(text_trim(rest), "*")) {
		config_add_rule(config, ROUTE_DIRECT, text_trim(rest), why,
				sizeof(why));
		return;
	}
	while (text_word(&rest, &word))
		add_no_proxy(config, word);
}

static void load_url(struct config *config, const char *name, const char *url,
		     enum config_source source)
{
	struct config_proxy proxy;
	char why[CONFIG_WHY_MAX];

	if (config_read_url(&proxy, text_of(url), why, sizeof(why)))
		break_config(config, name, why);
	else
		config_use_proxy(config, &proxy, source);
	explicit_bzero(&proxy, sizeof(proxy));
}

/* A URL without a scheme is an HTTP proxy in curl's reading of ALL_PROXY. */
static bool is_http(const char *url)
{
	return !strstr(url, "://") || !strncasecmp(url, "http://", 7) ||
	       !strncasecmp(url, "https://", 8);
}

/* Whether the variable named a SOCKS proxy, be it a wrong one. */
static bool load_all_proxy(struct config *config, config_getenv *env,
			   const char *name)
{
	const char *url = value_of(env, name);

	if (!url)
		return false;
	if (is_http(url)) {
		config->skipped_http_proxy = true;
		return false;
	}
	load_url(config, name, url, CONFIG_FROM_ALL_PROXY);
	return true;
}

static void load_proxy(struct config *config, config_getenv *env)
{
	const char *url = value_of(env, "SOCKSIFY_PROXY");

	if (url) {
		load_url(config, "SOCKSIFY_PROXY", url, CONFIG_FROM_SOCKSIFY);
		return;
	}
	if (load_all_proxy(config, env, "ALL_PROXY") ||
	    load_all_proxy(config, env, "all_proxy"))
		load_no_proxy(config, env);
}

static bool add_address(struct config *config, struct text word)
{
	struct endpoint e = { .port = config->proxy.port };
	char address[64];

	if (!text_copy(word, address, sizeof(address)) ||
	    endpoint_parse_address(&e, address))
		return false;
	if (config->n_addresses < CONFIG_ADDRESSES_MAX)
		config->addresses[config->n_addresses++] = e;
	return true;
}

/*
 * What the command found for a proxy that was given by name: "NAME=ADDRESS,…". That of
 * another name is left alone: SOCKSIFY_PROXY was changed since.
 */
static void load_addresses(struct config *config, config_getenv *env)
{
	const char *value = value_of(env, "SOCKSIFY_PROXY_ADDRESS");
	struct text name, rest, word;
	const char *equals;

	if (!value || config->proxy.kind != ENDPOINT_NAME)
		return;
	equals = strchr(value, '=');
	if (!equals) {
		break_config(config, "SOCKSIFY_PROXY_ADDRESS",
			     "must be NAME=ADDRESS,...");
		return;
	}
	name = (struct text){ value, (size_t)(equals - value) };
	if (!text_is_nocase(name, config->proxy.name))
		return;
	rest = text_of(equals + 1);
	while (text_word(&rest, &word)) {
		if (!add_address(config, word)) {
			break_config(config, "SOCKSIFY_PROXY_ADDRESS",
				     "must be numeric addresses with commas "
				     "between them");
			return;
		}
	}
}

static const char *set_map(struct config *config, struct text text)
{
	return copy_path(text, config->map_path) ?
		       NULL :
		       "is a file's name that begins with /";
}

static void load_settings(struct config *config, config_getenv *env)
{
	static const struct {
		const char *name;
		const char *(*set)(struct config *config, struct text text);
	} settings[] = {
		{ "SOCKSIFY_LOG", config_set_log },
		{ "SOCKSIFY_VERBOSE", config_set_verbose },
		{ "SOCKSIFY_TIMEOUT", config_set_timeout },
		{ "SOCKSIFY_PIPELINE", config_set_pipeline },
		{ "SOCKSIFY_EARLY_DATA", config_set_early_data },
		{ "SOCKSIFY_BIND", config_set_bind },
		{ "SOCKSIFY_BIND_FOR", config_set_bind_for },
		{ "SOCKSIFY_UDP", config_set_udp },
		{ "SOCKSIFY_RESOLVE", config_set_resolve },
		{ "SOCKSIFY_DNS", config_set_dns },
		{ "SOCKSIFY_MAP", set_map },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const char *value = value_of(env, settings[i].name);
		const char *reason;

		if (!value)
			continue;
		reason = settings[i].set(config, text_of(value));
		if (reason)
			break_config(config, settings[i].name, reason);
	}
}

/* --- the file ------------------------------------------------------------ */

/* The null device stands for "no file at all". */
static bool is_readable_kind(const struct stat *st)
{
	return S_ISREG(st->st_mode) ||
	       (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3));
}

/* Why a file with these marks must not hold a password, or NULL. */
static const char *secret_fault(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != (uid_t)sys0(SYS_geteuid))
		return "holds a password and belongs to another user; make "
		       "the file your own";
	if (S_ISREG(st->st_mode) && (st->st_mode & 077))
		return "holds a password and others can get at it; run "
		       "chmod 600 on the file";
	return NULL;
}

/* Reads until the end or size. The number of bytes, or -errno. */
static long read_all(int fd, char *out, size_t size)
{
	size_t used = 0;

	while (used < size) {
		long n = sys3(SYS_read, fd, out + used, size - used);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return n;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (long)used;
}

static void use_text(struct config *config, struct text text, const char *path,
		     const struct stat *st)
{
	bool holds_password = false;
	char why[CONFIG_WHY_MAX];
	const char *fault;
	int error = config_read_file(config, text, path, &holds_password, why,
				     sizeof(why));

	fault = holds_password ? secret_fault(st) : NULL;
	if (fault)
		break_config(config, path, fault);
	else if (error && !config->broken) {
		config->broken = true;
		memcpy(config->why, why, sizeof(config->why));
	}
}

/*
 * Memory of its own for the text: the stack may be small, the heap is not ours,
 * and a password is gone with it.
 */
static void use_open_file(struct config *config, int fd, const char *path)
{
	struct stat st;
	long memory, n;

	n = sys2(SYS_fstat, fd, &st);
	if (n < 0 || !is_readable_kind(&st)) {
		break_config(config, path, "is no regular file");
		return;
	}
	memory = sys6(SYS_mmap, 0, FILE_SIZE_MAX + 1, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory < 0 && memory > -4096) {
		break_config(config, path, "no memory to read it");
		return;
	}
	n = read_all(fd, (char *)memory, FILE_SIZE_MAX + 1);
	if (n < 0)
		break_config(config, path, "cannot be read");
	else if (n > FILE_SIZE_MAX)
		break_config(config, path, "is larger than 64 KiB");
	else
		use_text(config,
			 (struct text){ (const char *)memory, (size_t)n }, path,
			 &st);
	sys2(SYS_munmap, memory, FILE_SIZE_MAX + 1);
}

/* 0, or -errno when it cannot be opened. */
static int use_file(struct config *config, const char *path)
{
	/* Nonblocking: a fifo there must not hold the program up. */
	int fd = (int)sys4(SYS_openat, AT_FDCWD, path,
			   O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0)
		return fd;
	use_open_file(config, fd, path);
	sys1(SYS_close, fd);
	return 0;
}

static void tell_unreadable(struct config *config, const char *path, int error)
{
	char why[64];

	log_format(why, sizeof(why), "cannot be read: %e", -error);
	break_config(config, path, why);
}

static void load_named_file(struct config *config, const char *path)
{
	int error;

	if (path[0] != '/') {
		break_config(config, "SOCKSIFY_CONFIG",
			     "the file's name must begin with /");
		return;
	}
	error = use_file(config, path);
	if (error)
		tell_unreadable(config, path, error);
}

/*
 * Whether path was there and is dealt with. One that is out of reach (another
 * user's home, after a change of identity) is not there; one that can be seen
 * but not read is a fault, for its rules would be missed.
 */
static bool load_usual_file(struct config *config, const char *path)
{
	struct stat st;
	int error = use_file(config, path);

	if (!error)
		return true;
	if (error == -ENOENT || error == -ENOTDIR)
		return false;
	if (sys4(SYS_newfstatat, AT_FDCWD, path, &st, 0) < 0)
		return false;
	tell_unreadable(config, path, error);
	return true;
}

static bool join(char *path, size_t size, const char *base, const char *tail)
{
	size_t base_len = strlen(base);
	size_t tail_size = strlen(tail) + 1;

	if (base_len >= size || tail_size > size - base_len)
		return false;
	memcpy(path, base, base_len);
	memcpy(path + base_len, tail, tail_size);
	return true;
}

/* The user's file. False if the environment does not say where that is. */
static bool user_file(config_getenv *env, char *path, size_t size)
{
	const char *xdg = value_of(env, "XDG_CONFIG_HOME");
	const char *home = value_of(env, "HOME");

	/* The XDG specification has relative ones ignored. */
	if (xdg && xdg[0] == '/')
		return join(path, size, xdg, "/socksify/socksify.conf");
	if (home && home[0] == '/')
		return join(path, size, home,
			    "/.config/socksify/socksify.conf");
	return false;
}

static void load_file(struct config *config, config_getenv *env)
{
	const char *named = value_of(env, "SOCKSIFY_CONFIG");
	char path[CONFIG_PATH_MAX];

	if (named)
		load_named_file(config, named);
	else if (!user_file(env, path, sizeof(path)) ||
		 !load_usual_file(config, path))
		load_usual_file(config, SYSTEM_FILE);
}

/* --- the whole ----------------------------------------------------------- */

static void set_defaults(struct config *config)
{
	/* Of the long lists only what is used is ever touched. */
	memset(config, 0, offsetof(struct config, rules));
	config->rules.count = 0;
	config->rules.text_used = 0;
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

static void check_proxy(struct config *config)
{
	if (config->proxy.kind != ENDPOINT_NONE)
		return;
	break_config(config, "no proxy is known",
		     config->skipped_http_proxy ?
			     "ALL_PROXY names an HTTP proxy, which speaks no "
			     "SOCKS; set SOCKSIFY_PROXY=socks5h://host:port" :
			     "set SOCKSIFY_PROXY=socks5h://host:port, or write "
			     "\"proxy socks5h://host:port\" into "
			     "~/.config/socksify/socksify.conf");
}

void config_load(struct config *config, config_getenv *env)
{
	if (getauxval(AT_SECURE))
		env = NULL;
	set_defaults(config);
	load_options(config, env);
	load_list(config, env, "SOCKSIFY_BLOCK", ROUTE_BLOCK);
	load_list(config, env, "SOCKSIFY_VIA", ROUTE_VIA);
	load_list(config, env, "SOCKSIFY_DIRECT", ROUTE_DIRECT);
	load_proxy(config, env);
	load_file(config, env);
	load_settings(config, env);
	load_addresses(config, env);
	add_built_in_rules(config);
	check_proxy(config);
}

struct credentials config_credentials(const struct config *config)
{
	if (!config->username[0])
		return (struct credentials){ NULL, NULL };
	return (struct credentials){ config->username, config->password };
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
