/* SPDX-License-Identifier: MIT */
/*
 * config_load.c - the configuration put together from environment and file
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

enum { FILE_SIZE_MAX = 64 * 1024 };

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

static void load_settings(struct config *config, config_getenv *env)
{
	static const struct {
		const char *name;
		const char *(*set)(struct config *config, struct text text);
	} settings[] = {
		{ "SOCKSIFY_LOG", config_set_log },
		{ "SOCKSIFY_VERBOSE", config_set_verbose },
		{ "SOCKSIFY_AUTH", config_set_auth },
		{ "SOCKSIFY_GSSAPI_SERVICE", config_set_gssapi_service },
		{ "SOCKSIFY_GSSAPI_PROTECTION", config_set_gssapi_protection },
		{ "SOCKSIFY_GSSAPI_NEC", config_set_gssapi_nec },
		{ "SOCKSIFY_TIMEOUT", config_set_timeout },
		{ "SOCKSIFY_PIPELINE", config_set_pipeline },
		{ "SOCKSIFY_EARLY_DATA", config_set_early_data },
		{ "SOCKSIFY_BIND", config_set_bind },
		{ "SOCKSIFY_BIND_FOR", config_set_bind_for },
		{ "SOCKSIFY_UDP", config_set_udp },
		{ "SOCKSIFY_RESOLVE", config_set_resolve },
		{ "SOCKSIFY_DNS", config_set_dns },
		{ "SOCKSIFY_MAP", config_set_map },
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

/* What follows "KEY=", where value begins with that and the key is this one. */
static const char *behind_key(const char *value, const char *key)
{
	size_t len = strlen(key);

	return value && !strncmp(value, key, len) && value[len] == '=' ?
		       value + len + 1 :
		       NULL;
}

/*
 * The gateway takes the proxy's place: it is what this process talks to. That of another
 * proxy, or for less protection than is wanted now, is none.
 */
static void load_gateway(struct config *config, config_getenv *env)
{
	char key[CONFIG_GATEWAY_KEY_MAX];
	const char *url;

	if (config->auth != CONFIG_AUTH_GSSAPI || config->broken)
		return;
	if (config->username[0]) {
		break_config(config, "auth gssapi",
			     "logs in by a ticket; take the username and password away, "
			     "or say auth login");
		return;
	}
	url = behind_key(value_of(env, "SOCKSIFY_GATEWAY"),
			 config_gateway_key(config, key, sizeof(key)));
	if (!url) {
		config->gateway = CONFIG_GATEWAY_MISSING;
		break_config(config, "auth gssapi",
			     "needs the gateway that the command starts; run the program "
			     "by socksify, or cover the shell by socksify --export");
		return;
	}
	load_url(config, "SOCKSIFY_GATEWAY", url, config->proxy_source);
	if (config->broken)
		return;
	if (!endpoint_is_loopback(&config->proxy) || !config->username[0])
		break_config(config, "SOCKSIFY_GATEWAY",
			     "must be what the command set");
	else
		config->gateway = CONFIG_GATEWAY_THERE;
}

void config_load(struct config *config, config_getenv *env)
{
	if (getauxval(AT_SECURE))
		env = NULL;
	config_begin(config);
	load_options(config, env);
	load_list(config, env, "SOCKSIFY_BLOCK", ROUTE_BLOCK);
	load_list(config, env, "SOCKSIFY_VIA", ROUTE_VIA);
	load_list(config, env, "SOCKSIFY_DIRECT", ROUTE_DIRECT);
	load_proxy(config, env);
	load_file(config, env);
	load_settings(config, env);
	load_addresses(config, env);
	config_add_built_in_rules(config);
	check_proxy(config);
	load_gateway(config, env);
}
