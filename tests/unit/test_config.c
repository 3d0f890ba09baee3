/* SPDX-License-Identifier: MIT */
/* test_config.c - URLs, files and environment put together as promised */
#include "core/config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

static struct config config;
static char why[CONFIG_WHY_MAX];

/* --- an environment of the test's own ------------------------------------ */

static struct {
	const char *name;
	char value[8192];
} variables[16];
static int n_variables;

static char *env(const char *name)
{
	for (int i = 0; i < n_variables; i++) {
		if (!strcmp(variables[i].name, name))
			return variables[i].value;
	}
	return NULL;
}

static void set(const char *name, const char *value)
{
	ck_assert_int_lt(n_variables, N(variables));
	ck_assert_uint_lt(strlen(value), sizeof(variables[0].value));
	variables[n_variables].name = name;
	strcpy(variables[n_variables++].value, value);
}

/* This stands before libc's, so that a test can be a set-id program. */
unsigned long __getauxval(unsigned long type);

static bool secure;

unsigned long getauxval(unsigned long type)
{
	return type == AT_SECURE && secure ? 1 : __getauxval(type);
}

/* Keeps the files of the machine out, where a test is not about files. */
static void no_file(void)
{
	n_variables = 0;
	set("SOCKSIFY_CONFIG", "/dev/null");
}

static void with_proxy(void)
{
	no_file();
	set("SOCKSIFY_PROXY", "socks5h://192.0.2.9:1080");
}

static char directory[] = "/tmp/socksify-test-XXXXXX";
static char file_path[sizeof(directory) + 64];

/* A file with that text, which SOCKSIFY_CONFIG names, and nothing else set. */
static void with_file(const char *text, mode_t mode)
{
	FILE *file;

	n_variables = 0;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(file_path, sizeof(file_path), "%s/conf", directory);
	file = fopen(file_path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(file_path, mode), 0);
	set("SOCKSIFY_CONFIG", file_path);
}

static void remove_file(void)
{
	unlink(file_path);
	rmdir(directory);
}

static void load(void)
{
	memset(&config, 0xa5, sizeof(config));
	config_load(&config, env);
}

static void load_whole(void)
{
	load();
	ck_assert_msg(!config.broken, "%s", config.why);
}

static struct endpoint to(const char *host, uint16_t port)
{
	struct endpoint e = { .port = port };

	if (endpoint_parse_address(&e, host))
		ck_assert_int_eq(endpoint_set_name(&e, host, strlen(host)), 0);
	return e;
}

static enum route route_of(const char *host, uint16_t port)
{
	struct endpoint e = to(host, port);

	return config_route(&config, &e);
}

static const char *proxy_text(void)
{
	static char text[ENDPOINT_TEXT_MAX];

	return endpoint_format(&config.proxy, text, sizeof(text));
}

/* The DNS servers, with blanks between them. */
static const char *dns_text(void)
{
	static char all[CONFIG_DNS_MAX * ENDPOINT_TEXT_MAX];
	char one[ENDPOINT_TEXT_MAX];

	all[0] = '\0';
	for (size_t i = 0; i < config.n_dns; i++) {
		if (i > 0)
			strcat(all, " ");
		strcat(all, endpoint_format(&config.dns[i], one, sizeof(one)));
	}
	return all;
}

/* Broken, and told in these words, on one line. */
static void assert_broken(const char *words)
{
	ck_assert(config.broken);
	ck_assert_msg(strstr(config.why, words) != NULL, "\"%s\" not in: %s",
		      words, config.why);
	ck_assert_ptr_null(strchr(config.why, '\n'));
}

/* --- URLs ---------------------------------------------------------------- */

static const struct {
	const char *url;
	const char *proxy;
	const char *username;
	const char *password;
} urls[] = {
	{ "socks5h://192.0.2.1:1080", "192.0.2.1:1080", "", "" },
	{ "socks5://192.0.2.1:9050", "192.0.2.1:9050", "", "" },
	{ "SOCKS5H://192.0.2.1:9050/", "192.0.2.1:9050", "", "" },
	{ "socks5h://192.0.2.1", "192.0.2.1:1080", "", "" },
	{ "192.0.2.1:9050", "192.0.2.1:9050", "", "" },
	{ "proxy.example", "proxy.example:1080", "", "" },
	{ "socks5h://Proxy.Example.:1", "Proxy.Example:1", "", "" },
	{ "socks5h://[2001:db8::1]:65535", "[2001:db8::1]:65535", "", "" },
	{ "socks5h://[::1]", "[::1]:1080", "", "" },
	{ "socks5h://[::ffff:192.0.2.1]:8", "192.0.2.1:8", "", "" },
	{ "socks5h://[fe80::1%252]:8", "[fe80::1%2]:8", "", "" },
	{ "socks5h://[fe80::1%2]:8", "[fe80::1%2]:8", "", "" },
	{ "socks5h://[fe80::1%25]:8", "[fe80::1%25]:8", "", "" },
	{ "socks5h://me:secret@h:1", "h:1", "me", "secret" },
	{ "socks5h://me:se:cr@et@h:1", "h:1", "me", "se:cr@et" },
	{ "socks5h://m%40e:%2f%3A%25%c3%BC@h:1", "h:1", "m@e", "/:%\xc3\xbc" },
	{ "socks5h://me:secret@[::1]:1", "[::1]:1", "me", "secret" },
	{ "me:secret@192.0.2.1", "192.0.2.1:1080", "me", "secret" },
};

START_TEST(reads_a_url)
{
	memset(&config, 0, sizeof(config));
	ck_assert_msg(
		config_parse_url(&config, urls[_i].url, why, sizeof(why)) == 0,
		"%s: %s", urls[_i].url, why);
	ck_assert_str_eq(proxy_text(), urls[_i].proxy);
	ck_assert_str_eq(config.username, urls[_i].username);
	ck_assert_str_eq(config.password, urls[_i].password);
}
END_TEST

static const struct {
	const char *url;
	const char *words;
} wrong_urls[] = {
	{ "sock5://h:1", "\"sock5://...\" has an unknown scheme; write "
			 "socks5h://host:port" },
	{ "http://h:3128", "HTTP proxy" },
	{ "https://secret@h:3128", "HTTP proxy" },
	{ "socks4://h:1", "SOCKS version 4" },
	{ "socks4a://h:1", "SOCKS version 4" },
	{ "socks://h:1", "which SOCKS version" },
	{ "://h:1", "no scheme" },
	{ "me:secret://h:1", "no scheme" },
	{ "", "host is missing" },
	{ "socks5h://", "host is missing" },
	{ "socks5h://:1080", "host is missing" },
	{ "socks5h:///", "host is missing" },
	{ "socks5h://h:", "port is not 1 to 65535" },
	{ "socks5h://h:0", "port is not 1 to 65535" },
	{ "socks5h://h:65536", "port is not 1 to 65535" },
	{ "socks5h://h:1080x", "port is not 1 to 65535" },
	{ "socks5h://me:secret", "port is not 1 to 65535" },
	{ "socks5h://h:1/path", "ends after the port" },
	{ "socks5h://h:1?q", "ends after the port" },
	{ "socks5h://h:1#f", "ends after the port" },
	{ "socks5h://me:sec/ret-secret@h:1", "%2F" },
	{ "socks5h://2001:db8::1:80", "in brackets" },
	{ "socks5h://[::1", "not closed" },
	{ "socks5h://[::1]1080", "follow the bracket" },
	{ "socks5h://[::1]:", "port is not 1 to 65535" },
	{ "socks5h://[]:1", "no IPv6 address" },
	{ "socks5h://[192.0.2.1]:1", "no IPv6 address" },
	{ "socks5h://[fe80::1%eth0]:1", "no IPv6 address" },
	{ "socks5h://1.2.3:1", "neither an address nor a name" },
	{ "socks5h://256.1.1.1:1", "neither an address nor a name" },
	{ "socks5h://a..b:1", "neither an address nor a name" },
	{ "socks5h://a%41:1", "neither an address nor a name" },
	{ "socks5h://me@h:1", "a username needs a password" },
	{ "socks5h://me:@h:1", "a username needs a password" },
	{ "socks5h://:secret@h:1", "username before @ is missing" },
	{ "socks5h://@h:1", "username before @ is missing" },
	{ "socks5h://me:secret%@h:1", "% is written %25" },
	{ "socks5h://me:secret%4@h:1", "% is written %25" },
	{ "socks5h://me:secret%zz@h:1", "% is written %25" },
	{ "socks5h://me:secret%00@h:1", "%00 cannot be sent" },
	{ "socks5h://me:sec ret-secret@h:1", "no blanks" },
	{ "socks5h://me:secret@h:1\n", "no control characters" },
};

START_TEST(refuses_a_url_and_never_shows_its_password)
{
	memset(&config, 0, sizeof(config));
	ck_assert_msg(config_parse_url(&config, wrong_urls[_i].url, why,
				       sizeof(why)) == -EINVAL,
		      "%s", wrong_urls[_i].url);
	ck_assert_msg(strstr(why, wrong_urls[_i].words) != NULL, "%s: %s",
		      wrong_urls[_i].url, why);
	ck_assert_ptr_null(strstr(why, "secret"));
	ck_assert_ptr_null(strchr(why, '\n'));
	ck_assert_int_eq(config.proxy.kind, ENDPOINT_NONE);
	ck_assert_str_eq(config.username, "");
}
END_TEST

static int parse_login(size_t user_len, size_t password_len)
{
	static char url[1024];
	char *at = stpcpy(url, "socks5h://");

	memset(at, 'u', user_len);
	at += user_len;
	*at++ = ':';
	memset(at, 'p', password_len);
	at += password_len;
	strcpy(at, "@h:1");
	memset(&config, 0, sizeof(config));
	return config_parse_url(&config, url, why, sizeof(why));
}

START_TEST(takes_a_login_of_1_to_255_bytes)
{
	ck_assert_int_eq(parse_login(1, 1), 0);
	ck_assert_int_eq(parse_login(255, 255), 0);
	ck_assert_uint_eq(strlen(config.username), 255);
	ck_assert_uint_eq(strlen(config.password), 255);
	ck_assert_int_eq(parse_login(256, 1), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "1 to 255 bytes"));
	ck_assert_int_eq(parse_login(1, 256), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "1 to 255 bytes"));
}
END_TEST

START_TEST(knows_the_address_of_a_numeric_proxy)
{
	memset(&config, 0, sizeof(config));
	ck_assert_int_eq(
		config_parse_url(&config, "192.0.2.1:7", why, sizeof(why)), 0);
	ck_assert_uint_eq(config.n_addresses, 1);
	ck_assert(endpoint_equal(&config.addresses[0], &config.proxy));
	ck_assert_int_eq(
		config_parse_url(&config, "a.example", why, sizeof(why)), 0);
	ck_assert_uint_eq(config.n_addresses, 0);
}
END_TEST

/* --- files --------------------------------------------------------------- */

static int parse_file(const char *text)
{
	memset(&config, 0, sizeof(config));
	return config_parse_file(&config, text, strlen(text), "f.conf", why,
				 sizeof(why));
}

START_TEST(reads_every_key_of_a_file)
{
	ck_assert_msg(parse_file("# a comment\n"
				 "\n"
				 "proxy socks5h://192.0.2.1:9050 # here\r\n"
				 "username\tme \n"
				 "password =  a #b =c\t\r\n"
				 "auth login\n"
				 "gssapi-service socks@proxy.example\n"
				 "gssapi-protection = integrity\n"
				 "gssapi-nec yes\n"
				 "  timeout=2.5\n"
				 "pipeline = yes\n"
				 "early-data yes # fast\n"
				 "udp = block\n"
				 "resolve tunnel\n"
				 "dns 9.9.9.9, [2620:fe::fe]:5353\n"
				 "verbose = 3\n"
				 "log /var/log/s.log\n"
				 "fake4 10.203.77.1/12\n"
				 "fake6 = fd00:1:2:3::9/64\n"
				 "\t# another\n"
				 "direct 10.0.0.0/8, .lan # ours\n"
				 "via 10.1.0.0/16\n"
				 "block *:25") == 0,
		      "%s", why);
	ck_assert_str_eq(proxy_text(), "192.0.2.1:9050");
	ck_assert_int_eq(config.proxy_source, CONFIG_FROM_FILE);
	ck_assert_str_eq(config.username, "me");
	ck_assert_str_eq(config.password, "a #b =c");
	ck_assert_int_eq(config.auth, CONFIG_AUTH_LOGIN);
	ck_assert_str_eq(config.gssapi_service, "socks@proxy.example");
	ck_assert_int_eq(config.gssapi_protection, GSSAPI_INTEGRITY);
	ck_assert(config.gssapi_nec);
	ck_assert_int_eq(config.timeout_ms, 2500);
	ck_assert(config.pipeline);
	ck_assert(config.early_data);
	ck_assert(!config.udp);
	ck_assert_int_eq(config.resolve, CONFIG_RESOLVE_TUNNEL);
	ck_assert_str_eq(dns_text(), "9.9.9.9:53 [2620:fe::fe]:5353");
	ck_assert_int_eq(config.log_level, 3);
	ck_assert_str_eq(config.log_path, "/var/log/s.log");
	ck_assert_mem_eq(config.fake4, "\x0a\xc0\0\0", 4);
	ck_assert_uint_eq(config.fake4_bits, 12);
	ck_assert_mem_eq(config.fake6, "\xfd\0\0\1\0\2\0\3", 8);
	ck_assert_uint_eq(config.rules.count, 4);
	ck_assert_int_eq(route_of("10.1.2.3", 80), ROUTE_DIRECT);
	ck_assert_int_eq(route_of("a.lan", 25), ROUTE_DIRECT);
	ck_assert_int_eq(route_of("example.com", 25), ROUTE_BLOCK);
}
END_TEST

static const struct {
	const char *text;
	const char *words;
} wrong_files[] = {
	{ "proxy sock5://h:1", "f.conf:1: \"sock5://...\" has an unknown" },
	{ "\n\n# x\nprxy h:1\n", "f.conf:4: unknown key \"prxy\"; there are" },
	{ "socks5h://me:secret@h:1\n", "f.conf:1: a line begins with a key" },
	{ "Secret\n", "f.conf:1: a line begins with a key" },
	{ "= x\n", "f.conf:1: a line begins with a key" },
	{ "proxy\n", "f.conf:1: proxy needs a value" },
	{ "proxy = \n", "f.conf:1: proxy needs a value" },
	{ "direct # nothing\n", "f.conf:1: direct needs a value" },
	{ "proxy h:1\nproxy i:1\n", "f.conf:2: proxy is given twice" },
	{ "timeout 1\r\ntimeout 2\r\n", "f.conf:2: timeout is given twice" },
	{ "timeout 0", "f.conf:1: timeout is seconds" },
	{ "timeout 0.0", "timeout is seconds" },
	{ "timeout 0.0001", "timeout is seconds" },
	{ "timeout -1", "timeout is seconds" },
	{ "timeout 1e3", "timeout is seconds" },
	{ "timeout .5", "timeout is seconds" },
	{ "timeout 5.", "timeout is seconds" },
	{ "timeout 86401", "timeout is seconds" },
	{ "timeout 1 2", "timeout is seconds" },
	{ "pipeline", "f.conf:1: pipeline needs a value" },
	{ "pipeline on", "f.conf:1: pipeline is yes or no" },
	{ "early-data = true", "early-data is yes or no" },
	{ "early_data yes", "unknown key \"early_data\"; there are" },
	{ "pipeline yes\npipeline no\n", "f.conf:2: pipeline is given twice" },
	{ "udp direct", "udp is proxy or block" },
	{ "udp block\nudp proxy\n", "f.conf:2: udp is given twice" },
	{ "resolve real", "resolve is fake or tunnel" },
	{ "dns dns.example", "dns is addresses of DNS servers" },
	{ "dns 9.9.9.9:0", "dns is addresses" },
	{ "dns 9.9.9.9:", "dns is addresses" },
	{ "dns []:53", "dns is addresses" },
	{ "dns [9.9.9.9", "dns is addresses" },
	{ "dns ,", "dns needs an address" },
	{ "dns 1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5", "dns names four" },
	{ "dns 9.9.9.9\ndns 1.1.1.1", "f.conf:2: dns is given twice" },
	{ "verbose 4", "verbose is 0 (nothing)" },
	{ "verbose yes", "verbose is 0 (nothing)" },
	{ "log s.log", "log is stderr or a file's name that begins with /" },
	{ "fake4 198.18.0.0", "fake4 is an IPv4 net of 8 to 30 bits" },
	{ "fake4 198.18.0.0/7", "fake4 is an IPv4 net" },
	{ "fake4 198.18.0.0/31", "fake4 is an IPv4 net" },
	{ "fake4 fd00::/15", "fake4 is an IPv4 net" },
	{ "fake4 127.0.0.0/8", "fake4 must be a net that hosts can have" },
	{ "fake4 224.0.0.0/8", "fake4 must be a net" },
	{ "fake6 fd00::/63", "fake6 is an IPv6 net of 64 bits" },
	{ "fake6 fd00::", "fake6 is an IPv6 net" },
	{ "fake6 198.18.0.0/64", "fake6 is an IPv6 net" },
	{ "fake6 ::/64", "fake6 must be a net that hosts can have" },
	{ "fake6 fe80::/64", "fake6 must be" },
	{ "fake6 ff05::/64", "fake6 must be" },
	{ "direct 10.0.0.0/8 10.0.0.0/33\n",
	  "f.conf:1: \"10.0.0.0/33\": the prefix length is 0 to 32" },
	{ "via = *:0", "f.conf:1: \"*:0\": a port is 1 to 65535" },
	{ "block 1.2.3", "f.conf:1: \"1.2.3\": neither an address" },
	{ "username me\nproxy h:1\n", "f.conf:1: a username needs a password" },
	{ "proxy h:1\npassword secret\n",
	  "f.conf:2: a password needs a username" },
	{ "proxy me:secret@h:1\nusername you\npassword secret\n",
	  "f.conf:2: username is in the proxy's URL already" },
	{ "proxy me:secret@h:1\npassword secret\n",
	  "f.conf:2: password is in the proxy's URL already" },
	{ "username you\npassword secret\nproxy me:secret@h:1\n",
	  "f.conf:3: proxy has a login in its URL" },
	{ "passwrd secret\n", "f.conf:1: unknown key \"passwrd\"" },
	{ "password: secret\n", "f.conf:1: a line begins with a key" },
};

START_TEST(names_the_wrong_line_and_never_shows_its_password)
{
	ck_assert_msg(parse_file(wrong_files[_i].text) == -EINVAL, "%s",
		      wrong_files[_i].text);
	ck_assert_msg(strstr(why, wrong_files[_i].words) != NULL, "%s: %s",
		      wrong_files[_i].text, why);
	ck_assert_ptr_null(strstr(why, "secret"));
	ck_assert_ptr_null(strchr(why, '\n'));
}
END_TEST

START_TEST(refuses_a_nul_byte_in_a_file)
{
	static const char text[] = "proxy h:1\ntime\0out 1\n";

	memset(&config, 0, sizeof(config));
	ck_assert_int_eq(config_parse_file(&config, text, sizeof(text) - 1,
					   "f.conf", why, sizeof(why)),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "f.conf:2: a NUL byte"));
}
END_TEST

START_TEST(refuses_a_long_password_line)
{
	char text[512] = "username u\npassword ";
	size_t used = strlen(text);

	memset(text + used, 'p', 255);
	ck_assert_int_eq(parse_file(text), 0);
	ck_assert_uint_eq(strlen(config.password), 255);
	text[used + 255] = 'p';
	ck_assert_int_eq(parse_file(text), -EINVAL);
	ck_assert_str_eq(why, "f.conf:2: password has 1 to 255 bytes");
}
END_TEST

START_TEST(says_the_reason_behind_a_long_file_name)
{
	char name[1024];

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	memset(&config, 0, sizeof(config));
	ck_assert_int_eq(config_parse_file(&config, "timeout x", 9, name, why,
					   sizeof(why)),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "n:1: timeout is seconds"));
}
END_TEST

START_TEST(gives_up_where_rules_are_too_many)
{
	static char text[RULES_MAX * 16];
	size_t used = 0;

	for (int i = 0; i < RULES_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "direct h%d\n", i);
	ck_assert_int_eq(parse_file(text), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "f.conf:249: more than 248 rules"));
}
END_TEST

/* --- the whole, from the environment ------------------------------------- */

START_TEST(has_defaults)
{
	with_proxy();
	load_whole();
	ck_assert_int_eq(config.proxy_source, CONFIG_FROM_SOCKSIFY);
	ck_assert_int_eq(config.timeout_ms, CONFIG_TIMEOUT_DEFAULT_MS);
	ck_assert_int_eq(config.log_level, LOG_REFUSAL);
	ck_assert_int_eq(config.auth, CONFIG_AUTH_LOGIN);
	ck_assert_int_eq(config.gateway, CONFIG_GATEWAY_UNASKED);
	ck_assert_str_eq(config.gssapi_service, "rcmd");
	ck_assert_int_eq(config.gssapi_protection, GSSAPI_CONFIDENTIALITY);
	ck_assert_str_eq(config.log_path, "");
	ck_assert_str_eq(config.map_path, "");
	ck_assert_mem_eq(config.fake4, "\xc6\x12\0\0", 4);
	ck_assert_uint_eq(config.fake4_bits, 15);
	ck_assert_mem_eq(config.fake6, "\xfd\x22\x99\x57\xd5\x3d\x7e\xca", 8);
	ck_assert_ptr_null(config_credentials(&config).username);
	ck_assert_str_eq(config.why, "");
}
END_TEST

START_TEST(is_broken_without_a_proxy)
{
	no_file();
	load();
	assert_broken("no proxy is known: set SOCKSIFY_PROXY=socks5h://");
}
END_TEST

START_TEST(takes_nothing_from_an_absent_environment)
{
	with_proxy();
	config_load(&config, NULL);
	ck_assert_str_ne(proxy_text(), "192.0.2.9:1080");
}
END_TEST

START_TEST(believes_no_environment_with_other_privileges)
{
	with_proxy();
	set("SOCKSIFY_LOG", "/etc/cron.d/log");
	secure = true;
	load();
	ck_assert_str_ne(proxy_text(), "192.0.2.9:1080");
	ck_assert_str_ne(config.log_path, "/etc/cron.d/log");
}
END_TEST

START_TEST(prefers_its_own_variable)
{
	with_proxy();
	set("ALL_PROXY", "socks5h://192.0.2.1:1");
	set("NO_PROXY", "example.com");
	load_whole();
	ck_assert_str_eq(proxy_text(), "192.0.2.9:1080");
	ck_assert_int_eq(route_of("example.com", 80), ROUTE_VIA);
}
END_TEST

START_TEST(counts_an_empty_variable_as_unset)
{
	no_file();
	set("SOCKSIFY_PROXY", "");
	set("SOCKSIFY_TIMEOUT", "");
	set("ALL_PROXY", "");
	set("all_proxy", "socks5h://me:pw@192.0.2.1:1");
	load_whole();
	ck_assert_str_eq(proxy_text(), "192.0.2.1:1");
	ck_assert_int_eq(config.proxy_source, CONFIG_FROM_ALL_PROXY);
	ck_assert_str_eq(config_credentials(&config).username, "me");
	ck_assert_str_eq(config_credentials(&config).password, "pw");
}
END_TEST

START_TEST(skips_an_http_proxy)
{
	no_file();
	set("ALL_PROXY", "HTTP://192.0.2.1:3128");
	load();
	ck_assert(config.skipped_http_proxy);
	assert_broken("ALL_PROXY names an HTTP proxy");

	set("all_proxy", "socks5://192.0.2.2:1");
	load_whole();
	ck_assert(config.skipped_http_proxy);
	ck_assert_str_eq(proxy_text(), "192.0.2.2:1");
}
END_TEST

START_TEST(takes_all_proxy_without_a_scheme_for_http)
{
	no_file();
	set("ALL_PROXY", "192.0.2.1:3128");
	load();
	ck_assert(config.skipped_http_proxy);
	ck_assert(config.broken);
}
END_TEST

START_TEST(is_broken_by_a_socks4_proxy)
{
	no_file();
	set("ALL_PROXY", "socks4://192.0.2.1:1080");
	load();
	assert_broken("ALL_PROXY: \"socks4://...\" is SOCKS version 4");
	ck_assert(!config.skipped_http_proxy);
}
END_TEST

static const struct {
	const char *no_proxy;
	const char *host;
	enum route route;
} no_proxies[] = {
	{ "example.com", "example.com", ROUTE_DIRECT },
	{ "example.com", "www.example.com", ROUTE_DIRECT },
	{ "example.com", "notexample.com", ROUTE_VIA },
	{ ".example.com", "example.com", ROUTE_DIRECT },
	{ ".example.com", "www.example.com", ROUTE_DIRECT },
	{ "*.example.com", "www.example.com", ROUTE_DIRECT },
	{ "a.example, b.example", "b.example", ROUTE_DIRECT },
	{ "a.example b.example", "b.example", ROUTE_DIRECT },
	{ "192.0.2.1", "192.0.2.1", ROUTE_DIRECT },
	{ "192.0.2.1", "192.0.2.2", ROUTE_VIA },
	{ "192.0.2.0/24", "192.0.2.2", ROUTE_DIRECT },
	{ "2001:db8::1", "2001:db8::1", ROUTE_DIRECT },
	{ "[2001:db8::1]", "2001:db8::1", ROUTE_DIRECT },
	{ "*", "example.com", ROUTE_DIRECT },
	{ " * ", "192.0.2.1", ROUTE_DIRECT },
	/* of a list, "*" is no member */
	{ "a.example,*", "example.com", ROUTE_VIA },
	/* what cannot be understood is passed over */
	{ "<local>,10.0.0.0/99,a.example", "a.example", ROUTE_DIRECT },
	{ "<local>", "example.com", ROUTE_VIA },
};

START_TEST(reads_no_proxy_as_curl_does)
{
	no_file();
	set("ALL_PROXY", "socks5h://192.0.2.9:1");
	set("NO_PROXY", no_proxies[_i].no_proxy);
	load_whole();
	ck_assert_msg(route_of(no_proxies[_i].host, 80) == no_proxies[_i].route,
		      "%s against %s", no_proxies[_i].no_proxy,
		      no_proxies[_i].host);
}
END_TEST

START_TEST(takes_settings_from_the_environment)
{
	with_proxy();
	set("SOCKSIFY_LOG", "stderr");
	set("SOCKSIFY_VERBOSE", "0");
	set("SOCKSIFY_TIMEOUT", "0.5");
	set("SOCKSIFY_MAP", "/run/user/0/map");
	load_whole();
	ck_assert_str_eq(config.log_path, "stderr");
	ck_assert_int_eq(config.log_level, LOG_QUIET);
	ck_assert_int_eq(config.timeout_ms, 500);
	ck_assert_str_eq(config.map_path, "/run/user/0/map");
}
END_TEST

START_TEST(sends_one_message_at_a_time_unless_asked)
{
	with_proxy();
	load_whole();
	ck_assert(!config.pipeline);
	ck_assert(!config.early_data);
	ck_assert(config.udp);
	set("SOCKSIFY_PIPELINE", "1");
	set("SOCKSIFY_EARLY_DATA", "yes");
	load_whole();
	ck_assert(config.pipeline);
	ck_assert(config.early_data);
}
END_TEST

static const struct {
	const char *value;
	const char *servers;
} dns_values[] = {
	{ "9.9.9.9", "9.9.9.9:53" },
	{ "9.9.9.9:5353,1.1.1.1", "9.9.9.9:5353 1.1.1.1:53" },
	{ "2620:fe::fe", "[2620:fe::fe]:53" },
	{ "[2620:fe::fe]", "[2620:fe::fe]:53" },
	{ "[::ffff:9.9.9.9]:54", "9.9.9.9:54" },
	{ "1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4",
	  "1.1.1.1:53 1.1.1.2:53 1.1.1.3:53 1.1.1.4:53" },
};

START_TEST(takes_dns_servers_from_the_environment)
{
	with_proxy();
	set("SOCKSIFY_DNS", dns_values[_i].value);
	load_whole();
	ck_assert_str_eq(dns_text(), dns_values[_i].servers);
}
END_TEST

START_TEST(prefers_the_environments_dns_servers_to_the_files)
{
	with_file("proxy h:1\ndns 8.8.8.8 8.8.4.4\nresolve tunnel\n", 0600);
	set("SOCKSIFY_DNS", "9.9.9.9");
	set("SOCKSIFY_RESOLVE", "fake");
	load();
	remove_file();
	ck_assert_msg(!config.broken, "%s", config.why);
	ck_assert_str_eq(dns_text(), "9.9.9.9:53");
	ck_assert_int_eq(config.resolve, CONFIG_RESOLVE_FAKE);
}
END_TEST

START_TEST(binds_for_ftp_unless_told_otherwise)
{
	with_proxy();
	load_whole();
	ck_assert(config.bind);
	ck_assert_uint_eq(config.n_bind_for, 1);
	ck_assert_uint_eq(config.bind_for[0], 21);
}
END_TEST

START_TEST(takes_the_ports_to_bind_for)
{
	with_file("proxy h:1\nbind-for 21, 2121\nbind off\n", 0600);
	load();
	remove_file();
	ck_assert_msg(!config.broken, "%s", config.why);
	ck_assert(!config.bind);
	ck_assert_uint_eq(config.n_bind_for, 2);
	ck_assert_uint_eq(config.bind_for[1], 2121);
}
END_TEST

START_TEST(prefers_the_environments_word_on_bind)
{
	with_file("proxy h:1\nbind-for 21 2121\nbind off\n", 0600);
	set("SOCKSIFY_BIND", "auto");
	set("SOCKSIFY_BIND_FOR", "2100");
	load();
	remove_file();
	ck_assert_msg(!config.broken, "%s", config.why);
	ck_assert(config.bind);
	ck_assert_uint_eq(config.n_bind_for, 1);
	ck_assert_uint_eq(config.bind_for[0], 2100);
}
END_TEST

START_TEST(lets_the_environment_switch_off_what_the_file_has_on)
{
	with_file("proxy h:1\npipeline yes\nearly-data = 1\n", 0600);
	set("SOCKSIFY_PIPELINE", "no");
	set("SOCKSIFY_EARLY_DATA", "0");
	load();
	remove_file();
	ck_assert_msg(!config.broken, "%s", config.why);
	ck_assert(!config.pipeline);
	ck_assert(!config.early_data);
}
END_TEST

static const struct {
	const char *name;
	const char *value;
	const char *words;
} wrong_variables[] = {
	{ "SOCKSIFY_LOG", "log.txt", "SOCKSIFY_LOG: is stderr or a file's" },
	{ "SOCKSIFY_VERBOSE", "9", "SOCKSIFY_VERBOSE: is 0 (nothing)" },
	{ "SOCKSIFY_PIPELINE", "Yes", "SOCKSIFY_PIPELINE: is yes or no" },
	{ "SOCKSIFY_EARLY_DATA", "2", "SOCKSIFY_EARLY_DATA: is yes or no" },
	{ "SOCKSIFY_AUTH", "kerberos", "SOCKSIFY_AUTH: is login or gssapi" },
	{ "SOCKSIFY_GSSAPI_SERVICE", "a=b",
	  "SOCKSIFY_GSSAPI_SERVICE: is a service" },
	{ "SOCKSIFY_GSSAPI_SERVICE", "@host",
	  "SOCKSIFY_GSSAPI_SERVICE: is a service" },
	{ "SOCKSIFY_GSSAPI_SERVICE", "rcmd@",
	  "SOCKSIFY_GSSAPI_SERVICE: is a service" },
	{ "SOCKSIFY_GSSAPI_PROTECTION", "2",
	  "SOCKSIFY_GSSAPI_PROTECTION: is confidentiality, integrity or none" },
	{ "SOCKSIFY_GSSAPI_NEC", "on", "SOCKSIFY_GSSAPI_NEC: is yes or no" },
	{ "SOCKSIFY_TIMEOUT", "0", "SOCKSIFY_TIMEOUT: is seconds" },
	{ "SOCKSIFY_BIND", "on", "SOCKSIFY_BIND: is auto or off" },
	{ "SOCKSIFY_BIND_FOR", "ftp",
	  "SOCKSIFY_BIND_FOR: is ports, such as 21" },
	{ "SOCKSIFY_BIND_FOR", "0", "SOCKSIFY_BIND_FOR: is ports, such as 21" },
	{ "SOCKSIFY_BIND_FOR", ",", "SOCKSIFY_BIND_FOR: needs a port" },
	{ "SOCKSIFY_BIND_FOR", "1 2 3 4 5 6 7 8 9",
	  "SOCKSIFY_BIND_FOR: names eight ports at the most" },
	{ "SOCKSIFY_RESOLVE", "local", "SOCKSIFY_RESOLVE: is fake or tunnel" },
	{ "SOCKSIFY_DNS", "localhost", "SOCKSIFY_DNS: is addresses of DNS" },
	{ "SOCKSIFY_MAP", "map", "SOCKSIFY_MAP: is a file's name" },
	{ "SOCKSIFY_DIRECT", "a.b 10.0.0.0/33",
	  "SOCKSIFY_DIRECT: \"10.0.0.0/33\": the prefix length is 0 to 32" },
	{ "SOCKSIFY_VIA", "*:x", "SOCKSIFY_VIA: \"*:x\": a port is" },
	{ "SOCKSIFY_BLOCK", "1.2.3\n", "SOCKSIFY_BLOCK: \"1.2.3\": neither" },
	{ "SOCKSIFY_RULES", "10.0.0.0/8", "SOCKSIFY_RULES: write direct=" },
	{ "SOCKSIFY_RULES", "via=", "SOCKSIFY_RULES: \"\": neither" },
	{ "SOCKSIFY_CONFIG", "a.conf", "SOCKSIFY_CONFIG: the file's name" },
	{ "SOCKSIFY_CONFIG", "/nonexistent/a.conf",
	  "/nonexistent/a.conf: cannot be read: No such file" },
	{ "SOCKSIFY_CONFIG", "/tmp", "/tmp: is no regular file" },
	{ "SOCKSIFY_CONFIG", "/dev/zero", "/dev/zero: is no regular file" },
};

START_TEST(is_broken_by_a_wrong_variable)
{
	n_variables = 0;
	set(wrong_variables[_i].name, wrong_variables[_i].value);
	set("SOCKSIFY_CONFIG", "/dev/null");
	set("SOCKSIFY_PROXY", "192.0.2.9:1080");
	load();
	assert_broken(wrong_variables[_i].words);
}
END_TEST

/* --- the gateway ---------------------------------------------------------- */

#define GATEWAY "=socks5h://gateway:secret@127.0.0.1:4321"

static void with_gssapi(const char *gateway)
{
	with_proxy();
	set("SOCKSIFY_AUTH", "gssapi");
	if (gateway)
		set("SOCKSIFY_GATEWAY", gateway);
}

START_TEST(puts_the_gateway_in_the_proxys_place)
{
	with_gssapi("192.0.2.9:1080,rcmd,2" GATEWAY);
	load_whole();
	ck_assert_int_eq(config.gateway, CONFIG_GATEWAY_THERE);
	ck_assert_int_eq(config.proxy_source, CONFIG_FROM_SOCKSIFY);
	ck_assert_str_eq(proxy_text(), "127.0.0.1:4321");
	ck_assert_uint_eq(config.n_addresses, 1);
	ck_assert_str_eq(config_credentials(&config).username, "gateway");
	ck_assert_str_eq(config_credentials(&config).password, "secret");
}
END_TEST

static const struct {
	const char *gateway;
	const char *name;
	const char *value;
} missing_gateways[] = {
	{ NULL, "SOCKSIFY_UDP", "proxy" },
	{ "", "SOCKSIFY_UDP", "proxy" },
	{ "192.0.2.9:1080,rcmd,2", "SOCKSIFY_UDP", "proxy" },
	{ "192.0.2.9:1081,rcmd,2" GATEWAY, "SOCKSIFY_UDP", "proxy" },
	{ "192.0.2.9:1080,rcmd,1" GATEWAY, "SOCKSIFY_UDP", "proxy" },
	{ "192.0.2.9:1080,rcmd,2" GATEWAY, "SOCKSIFY_GSSAPI_NEC", "yes" },
	{ "192.0.2.9:1080,rcmd,2" GATEWAY, "SOCKSIFY_GSSAPI_SERVICE", "rcm" },
	{ "192.0.2.9:1080,rcmd,2" GATEWAY, "SOCKSIFY_GSSAPI_PROTECTION",
	  "none" },
};

START_TEST(is_broken_without_its_own_gateway)
{
	with_gssapi(missing_gateways[_i].gateway);
	set(missing_gateways[_i].name, missing_gateways[_i].value);
	load();
	assert_broken("auth gssapi: needs the gateway that the command starts");
	ck_assert_int_eq(config.gateway, CONFIG_GATEWAY_MISSING);
	ck_assert_str_eq(proxy_text(), "192.0.2.9:1080");
}
END_TEST

START_TEST(takes_no_gateway_that_the_command_has_not_set)
{
	static const char *const gateways[] = {
		"192.0.2.9:1080,rcmd,2=socks5h://gateway:secret@192.0.2.1:4321",
		"192.0.2.9:1080,rcmd,2=socks5h://127.0.0.1:4321",
	};

	with_gssapi(gateways[_i]);
	load();
	assert_broken("SOCKSIFY_GATEWAY: must be what the command set");
	ck_assert_int_eq(config.gateway, CONFIG_GATEWAY_UNASKED);
}
END_TEST

START_TEST(takes_no_login_besides_a_ticket)
{
	no_file();
	set("SOCKSIFY_PROXY", "socks5h://me:secret@192.0.2.9:1080");
	set("SOCKSIFY_AUTH", "gssapi");
	load();
	assert_broken("auth gssapi: logs in by a ticket; take the username");
	ck_assert_int_eq(config.gateway, CONFIG_GATEWAY_UNASKED);
}
END_TEST

START_TEST(asks_for_no_gateway_unless_told)
{
	with_proxy();
	set("SOCKSIFY_GATEWAY", "192.0.2.9:1080,rcmd,2" GATEWAY);
	load_whole();
	ck_assert_int_eq(config.gateway, CONFIG_GATEWAY_UNASKED);
	ck_assert_str_eq(proxy_text(), "192.0.2.9:1080");
}
END_TEST

START_TEST(tells_the_first_fault)
{
	no_file();
	set("SOCKSIFY_DIRECT", "1.2.3");
	set("SOCKSIFY_PROXY", "sock5://h");
	set("SOCKSIFY_TIMEOUT", "x");
	load();
	assert_broken("SOCKSIFY_DIRECT");
}
END_TEST

START_TEST(takes_the_addresses_of_a_named_proxy)
{
	no_file();
	set("SOCKSIFY_PROXY", "socks5h://proxy.example:99");
	set("SOCKSIFY_PROXY_ADDRESS",
	    "Proxy.example=192.0.2.1,2001:db8::1");
	load_whole();
	ck_assert_uint_eq(config.n_addresses, 2);
	ck_assert_int_eq(route_of("192.0.2.1", 99), ROUTE_DIRECT);
	ck_assert_int_eq(route_of("2001:db8::1", 99), ROUTE_DIRECT);
	ck_assert_int_eq(route_of("192.0.2.1", 98), ROUTE_VIA);
}
END_TEST

START_TEST(keeps_to_a_numeric_proxy)
{
	with_proxy();
	set("SOCKSIFY_PROXY_ADDRESS", "192.0.2.9=192.0.2.1");
	load_whole();
	ck_assert_uint_eq(config.n_addresses, 1);
	ck_assert_int_eq(route_of("192.0.2.9", 1080), ROUTE_DIRECT);
	ck_assert_int_eq(route_of("192.0.2.1", 1080), ROUTE_VIA);
}
END_TEST

START_TEST(has_room_for_eight_addresses)
{
	no_file();
	set("SOCKSIFY_PROXY", "proxy.example");
	set("SOCKSIFY_PROXY_ADDRESS",
	    "proxy.example=10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,"
	    "10.0.0.7,10.0.0.8,10.0.0.9");
	load_whole();
	ck_assert_uint_eq(config.n_addresses, CONFIG_ADDRESSES_MAX);
}
END_TEST

START_TEST(is_broken_by_a_name_among_the_addresses)
{
	no_file();
	set("SOCKSIFY_PROXY", "proxy.example");
	set("SOCKSIFY_PROXY_ADDRESS",
	    "proxy.example=192.0.2.1,proxy.example");
	load();
	assert_broken("SOCKSIFY_PROXY_ADDRESS: must be numeric");
}
END_TEST

START_TEST(is_broken_by_addresses_of_nobody)
{
	no_file();
	set("SOCKSIFY_PROXY", "proxy.example");
	set("SOCKSIFY_PROXY_ADDRESS", "192.0.2.1");
	load();
	assert_broken("SOCKSIFY_PROXY_ADDRESS: must be NAME=");
}
END_TEST

START_TEST(leaves_the_addresses_of_another_proxy)
{
	no_file();
	set("SOCKSIFY_PROXY", "proxy.example");
	set("SOCKSIFY_PROXY_ADDRESS", "old.example=192.0.2.1");
	load_whole();
	ck_assert_uint_eq(config.n_addresses, 0);
}
END_TEST

/* --- routes -------------------------------------------------------------- */

static const struct {
	const char *host;
	uint16_t port;
	enum route route;
	enum route broken;
} routes[] = {
	{ "127.0.0.1", 80, ROUTE_DIRECT, ROUTE_DIRECT },
	{ "127.255.0.1", 1, ROUTE_DIRECT, ROUTE_DIRECT },
	{ "::1", 80, ROUTE_DIRECT, ROUTE_DIRECT },
	{ "0.0.0.0", 80, ROUTE_DIRECT, ROUTE_DIRECT },
	{ "::", 80, ROUTE_DIRECT, ROUTE_DIRECT },
	{ "127.0.0.53", 53, ROUTE_BLOCK, ROUTE_BLOCK },
	{ "::1", 53, ROUTE_BLOCK, ROUTE_BLOCK },
	{ "0.0.0.0", 53, ROUTE_BLOCK, ROUTE_BLOCK },
	{ "::", 53, ROUTE_BLOCK, ROUTE_BLOCK },
	{ "192.0.2.9", 1080, ROUTE_DIRECT, ROUTE_BLOCK },
	{ "192.0.2.9", 1081, ROUTE_VIA, ROUTE_BLOCK },
	{ "10.0.0.1", 80, ROUTE_VIA, ROUTE_BLOCK },
	{ "192.168.1.1", 80, ROUTE_VIA, ROUTE_BLOCK },
	{ "fe80::1", 80, ROUTE_VIA, ROUTE_BLOCK },
	{ "example.com", 80, ROUTE_VIA, ROUTE_BLOCK },
	{ "192.0.2.1", 53, ROUTE_VIA, ROUTE_BLOCK },
	{ "127.0.0.1.example", 80, ROUTE_VIA, ROUTE_BLOCK },
};

START_TEST(routes_by_the_built_in_rules)
{
	with_proxy();
	load_whole();
	ck_assert_msg(route_of(routes[_i].host, routes[_i].port) ==
			      routes[_i].route,
		      "%s port %d", routes[_i].host, routes[_i].port);
}
END_TEST

START_TEST(blocks_all_but_loopback_when_broken)
{
	with_proxy();
	set("SOCKSIFY_TIMEOUT", "never");
	set("SOCKSIFY_DIRECT", "10.0.0.0/8 192.168.0.0/16");
	load();
	ck_assert(config.broken);
	ck_assert_msg(route_of(routes[_i].host, routes[_i].port) ==
			      routes[_i].broken,
		      "%s port %d", routes[_i].host, routes[_i].port);
}
END_TEST

START_TEST(never_routes_loopback_via_when_broken)
{
	no_file();
	set("SOCKSIFY_VIA", "127.0.0.0/8");
	load();
	ck_assert_int_eq(route_of("127.0.0.1", 80), ROUTE_BLOCK);
	ck_assert_int_eq(route_of("::1", 80), ROUTE_DIRECT);
}
END_TEST

START_TEST(puts_the_users_rules_before_the_built_in_ones)
{
	with_proxy();
	set("SOCKSIFY_DIRECT", "127.0.0.53:53");
	set("SOCKSIFY_VIA", "127.0.0.1");
	load_whole();
	ck_assert_int_eq(route_of("127.0.0.53", 53), ROUTE_DIRECT);
	ck_assert_int_eq(route_of("127.0.0.54", 53), ROUTE_BLOCK);
	ck_assert_int_eq(route_of("127.0.0.1", 53), ROUTE_VIA);
	ck_assert_int_eq(route_of("127.0.0.1", 80), ROUTE_VIA);
	ck_assert_int_eq(route_of("127.0.0.2", 80), ROUTE_DIRECT);
}
END_TEST

static bool leaves(const char *host, uint16_t port)
{
	struct endpoint e = to(host, port);

	return config_leaves_port(&config, &e);
}

START_TEST(leaves_to_a_rule_what_port_it_names)
{
	with_proxy();
	set("SOCKSIFY_DIRECT", "10.0.0.1:53 10.0.0.2:1-1024 10.0.0.0/8");
	set("SOCKSIFY_BLOCK", "192.168.0.0/16");
	load_whole();
	ck_assert(leaves("10.0.0.1", 53));
	ck_assert(leaves("10.0.0.2", 53));
	ck_assert(leaves("192.168.0.1", 53));
	ck_assert(!leaves("10.0.0.3", 53));
	ck_assert(!leaves("127.0.0.1", 53));
	ck_assert(!leaves("::1", 53));
	ck_assert(!leaves("9.9.9.9", 53));
}
END_TEST

START_TEST(leaves_all_to_a_broken_configuration)
{
	no_file();
	set("SOCKSIFY_TIMEOUT", "never");
	load();
	ck_assert(leaves("127.0.0.1", 53));
}
END_TEST

START_TEST(reaches_the_proxy_whatever_the_rules_say)
{
	with_proxy();
	set("SOCKSIFY_BLOCK", "*");
	load_whole();
	ck_assert_int_eq(route_of("192.0.2.9", 1080), ROUTE_DIRECT);
	ck_assert_int_eq(route_of("192.0.2.9", 1081), ROUTE_BLOCK);
	ck_assert_int_eq(route_of("127.0.0.1", 80), ROUTE_BLOCK);
}
END_TEST

START_TEST(orders_rules_by_where_they_come_from)
{
	/* 10.1: all five; each further net is left out by one more. */
	with_file("direct 10.0.0.0/8\n", 0600);
	set("SOCKSIFY_PROXY", "192.0.2.9:1080");
	set("SOCKSIFY_RULES", "direct=10.1.0.0/32\tvia=10.1.0.0/16 "
			      "block=10.2.0.0/32");
	set("SOCKSIFY_BLOCK", "10.1.0.0/16,10.2.0.0/16");
	set("SOCKSIFY_VIA", "10.1.0.0/16 10.2.0.0/16 10.3.0.0/16");
	set("SOCKSIFY_DIRECT", "10.3.0.0/16 11.0.0.0/8");
	load_whole();
	remove_file();
	ck_assert_int_eq(route_of("10.1.0.0", 1), ROUTE_DIRECT);
	ck_assert_int_eq(route_of("10.1.0.1", 1), ROUTE_VIA);
	ck_assert_int_eq(route_of("10.2.0.1", 1), ROUTE_BLOCK);
	ck_assert_int_eq(route_of("10.3.0.1", 1), ROUTE_VIA);
	ck_assert_int_eq(route_of("10.4.0.1", 1), ROUTE_DIRECT);
	ck_assert_int_eq(route_of("11.4.0.1", 1), ROUTE_DIRECT);
}
END_TEST

START_TEST(keeps_the_built_in_rules_when_the_list_is_full)
{
	static char list[8192];
	size_t used = 0;

	for (int i = 0; i < RULES_MAX; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used,
					 "h%d.example ", i);
	with_proxy();
	set("SOCKSIFY_DIRECT", list);
	load();
	assert_broken("SOCKSIFY_DIRECT: more than 248 rules");
	ck_assert_int_eq(route_of("127.0.0.1", 80), ROUTE_DIRECT);
	ck_assert_int_eq(route_of("127.0.0.1", 53), ROUTE_BLOCK);
}
END_TEST

/* --- files, from the disk ------------------------------------------------ */

START_TEST(takes_the_proxy_from_the_file)
{
	with_file("proxy socks5h://me:pw@192.0.2.1:5\ntimeout 3\n", 0600);
	set("SOCKSIFY_TIMEOUT", "4");
	load_whole();
	remove_file();
	ck_assert_str_eq(proxy_text(), "192.0.2.1:5");
	ck_assert_int_eq(config.proxy_source, CONFIG_FROM_FILE);
	ck_assert_str_eq(config.password, "pw");
	ck_assert_int_eq(config.timeout_ms, 4000);
	ck_assert_int_eq(route_of("192.0.2.1", 5), ROUTE_DIRECT);
}
END_TEST

START_TEST(gives_a_files_password_to_no_other_proxy)
{
	with_file("proxy 192.0.2.1:5\nusername me\npassword pw\n", 0600);
	set("SOCKSIFY_PROXY", "192.0.2.9:1080");
	load_whole();
	remove_file();
	ck_assert_str_eq(proxy_text(), "192.0.2.9:1080");
	ck_assert_str_eq(config.username, "");
	ck_assert_str_eq(config.password, "");
}
END_TEST

START_TEST(gives_a_login_without_a_proxy_to_the_proxy_there_is)
{
	with_file("username me\npassword pw\n", 0600);
	set("SOCKSIFY_PROXY", "192.0.2.9:1080");
	load_whole();
	ck_assert_str_eq(config.username, "me");
	ck_assert_str_eq(config.password, "pw");

	strcpy(variables[1].value, "you:own@192.0.2.9:1080");
	load_whole();
	remove_file();
	ck_assert_str_eq(config.username, "you");
	ck_assert_str_eq(config.password, "own");
}
END_TEST

static const struct {
	const char *text;
	mode_t mode;
	bool fits;
} modes[] = {
	{ "proxy me:pw@192.0.2.1\n", 0600, true },
	{ "proxy me:pw@192.0.2.1\n", 0400, true },
	{ "proxy me:pw@192.0.2.1\n", 0640, false },
	{ "proxy me:pw@192.0.2.1\n", 0604, false },
	{ "proxy 192.0.2.1\nusername me\npassword pw\n", 0644, false },
	{ "password pw\ntimeout x\n", 0644, false },
	{ "proxy 192.0.2.1\n", 0644, true },
};

START_TEST(refuses_a_password_that_others_can_read)
{
	with_file(modes[_i].text, modes[_i].mode);
	load();
	remove_file();
	if (modes[_i].fits)
		ck_assert_msg(!config.broken, "%s", config.why);
	else
		assert_broken("conf: holds a password and others can get at "
			      "it; run chmod 600");
}
END_TEST

START_TEST(refuses_a_password_in_a_file_of_another_user)
{
	if (geteuid() != 0)
		return; /* only root can give a file away */
	with_file("proxy me:pw@192.0.2.1\n", 0600);
	ck_assert_int_eq(chown(file_path, 65534, 65534), 0);
	load();
	remove_file();
	assert_broken("belongs to another user");
}
END_TEST

START_TEST(names_file_and_line_of_a_fault)
{
	with_file("proxy 192.0.2.1\n\nnonsense here\n", 0644);
	load();
	remove_file();
	assert_broken("conf:3: unknown key \"nonsense\"");
	ck_assert_int_eq(strncmp(config.why, "/tmp/", 5), 0);
}
END_TEST

START_TEST(bounds_the_size_of_a_file)
{
	static char text[64 * 1024 + 2];
	const char *proxy = "proxy 192.0.2.1\n";

	memset(text, '\n', sizeof(text) - 1);
	memcpy(text, proxy, strlen(proxy));
	with_file(text, 0644);
	load();
	assert_broken("is larger than 64 KiB");
	remove_file();

	text[sizeof(text) - 2] = '\0';
	with_file(text, 0644);
	load_whole();
	remove_file();
}
END_TEST

START_TEST(does_not_wait_at_a_fifo)
{
	with_file("", 0600);
	ck_assert_int_eq(unlink(file_path), 0);
	ck_assert_int_eq(mkfifo(file_path, 0600), 0);
	load();
	remove_file();
	assert_broken("is no regular file");
}
END_TEST

/* Puts the file where the XDG specification has it, below that directory. */
static void at_usual_place(const char *below, char *path, size_t size)
{
	static const char *const parts[] = { "/.config", "/socksify", "" };
	char dir[256];

	snprintf(dir, sizeof(dir), "%s", directory);
	if (below[0]) {
		strcat(dir, parts[0]);
		ck_assert_int_eq(mkdir(dir, 0700), 0);
	}
	strcat(dir, parts[1]);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	snprintf(path, size, "%s/socksify.conf", dir);
	ck_assert_int_eq(rename(file_path, path), 0);
}

static void remove_usual_place(const char *below, char *path)
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	*strrchr(path, '/') = '\0';
	if (below[0])
		rmdir(path);
	remove_file();
}

START_TEST(finds_the_users_file_by_xdg_config_home)
{
	char path[512];

	with_file("proxy 192.0.2.77\n", 0644);
	at_usual_place("", path, sizeof(path));
	n_variables = 0;
	set("XDG_CONFIG_HOME", directory);
	load();
	remove_usual_place("", path);
	ck_assert_msg(!config.broken, "%s", config.why);
	ck_assert_str_eq(proxy_text(), "192.0.2.77:1080");
}
END_TEST

START_TEST(finds_the_users_file_by_home)
{
	char path[512];

	with_file("proxy 192.0.2.78\n", 0644);
	at_usual_place(".config", path, sizeof(path));
	n_variables = 0;
	set("XDG_CONFIG_HOME", "relative");
	set("HOME", directory);
	load();
	remove_usual_place(".config", path);
	ck_assert_msg(!config.broken, "%s", config.why);
	ck_assert_str_eq(proxy_text(), "192.0.2.78:1080");
}
END_TEST

START_TEST(does_without_a_users_file)
{
	with_file("", 0644);
	remove_file();
	n_variables = 0;
	set("XDG_CONFIG_HOME", directory);
	set("SOCKSIFY_PROXY", "192.0.2.9:1080");
	load();
	/* A file of the machine's own may be there, but has no say in this. */
	ck_assert_str_eq(proxy_text(), "192.0.2.9:1080");
	ck_assert_ptr_null(strstr(config.why, directory));
}
END_TEST

START_TEST(leaves_errno_and_descriptors_alone)
{
	int before, after;

	with_file("proxy 192.0.2.1\n", 0644);
	before = dup(0);
	close(before);
	errno = 77;
	config_load(&config, env);
	ck_assert_int_eq(errno, 77);
	after = dup(0);
	close(after);
	remove_file();
	ck_assert_int_eq(before, after);
}
END_TEST

static void add_url_tests(Suite *s)
{
	TCase *t = tcase_create("url");

	tcase_add_loop_test(t, reads_a_url, 0, N(urls));
	tcase_add_loop_test(t, refuses_a_url_and_never_shows_its_password, 0,
			    N(wrong_urls));
	tcase_add_test(t, takes_a_login_of_1_to_255_bytes);
	tcase_add_test(t, knows_the_address_of_a_numeric_proxy);
	suite_add_tcase(s, t);
}

static void add_text_tests(Suite *s)
{
	TCase *t = tcase_create("text of a file");

	tcase_add_test(t, reads_every_key_of_a_file);
	tcase_add_loop_test(t,
			    names_the_wrong_line_and_never_shows_its_password,
			    0, N(wrong_files));
	tcase_add_test(t, refuses_a_nul_byte_in_a_file);
	tcase_add_test(t, refuses_a_long_password_line);
	tcase_add_test(t, says_the_reason_behind_a_long_file_name);
	tcase_add_test(t, gives_up_where_rules_are_too_many);
	suite_add_tcase(s, t);
}

static void add_environment_tests(Suite *s)
{
	TCase *t = tcase_create("environment");

	tcase_add_test(t, has_defaults);
	tcase_add_test(t, is_broken_without_a_proxy);
	tcase_add_test(t, takes_nothing_from_an_absent_environment);
	tcase_add_test(t, believes_no_environment_with_other_privileges);
	tcase_add_test(t, prefers_its_own_variable);
	tcase_add_test(t, counts_an_empty_variable_as_unset);
	tcase_add_test(t, skips_an_http_proxy);
	tcase_add_test(t, takes_all_proxy_without_a_scheme_for_http);
	tcase_add_test(t, is_broken_by_a_socks4_proxy);
	tcase_add_loop_test(t, reads_no_proxy_as_curl_does, 0, N(no_proxies));
	tcase_add_test(t, takes_settings_from_the_environment);
	tcase_add_test(t, sends_one_message_at_a_time_unless_asked);
	tcase_add_test(t, binds_for_ftp_unless_told_otherwise);
	tcase_add_test(t, takes_the_ports_to_bind_for);
	tcase_add_test(t, prefers_the_environments_word_on_bind);
	tcase_add_test(t,
		       lets_the_environment_switch_off_what_the_file_has_on);
	tcase_add_loop_test(t, takes_dns_servers_from_the_environment, 0,
			    N(dns_values));
	tcase_add_test(t, prefers_the_environments_dns_servers_to_the_files);
	tcase_add_loop_test(t, is_broken_by_a_wrong_variable, 0,
			    N(wrong_variables));
	tcase_add_test(t, puts_the_gateway_in_the_proxys_place);
	tcase_add_loop_test(t, is_broken_without_its_own_gateway, 0,
			    N(missing_gateways));
	tcase_add_loop_test(t, takes_no_gateway_that_the_command_has_not_set, 0,
			    2);
	tcase_add_test(t, takes_no_login_besides_a_ticket);
	tcase_add_test(t, asks_for_no_gateway_unless_told);
	tcase_add_test(t, tells_the_first_fault);
	tcase_add_test(t, takes_the_addresses_of_a_named_proxy);
	tcase_add_test(t, keeps_to_a_numeric_proxy);
	tcase_add_test(t, has_room_for_eight_addresses);
	tcase_add_test(t, is_broken_by_a_name_among_the_addresses);
	tcase_add_test(t, is_broken_by_addresses_of_nobody);
	tcase_add_test(t, leaves_the_addresses_of_another_proxy);
	suite_add_tcase(s, t);
}

static void add_route_tests(Suite *s)
{
	TCase *t = tcase_create("route");

	tcase_add_loop_test(t, routes_by_the_built_in_rules, 0, N(routes));
	tcase_add_loop_test(t, blocks_all_but_loopback_when_broken, 0,
			    N(routes));
	tcase_add_test(t, never_routes_loopback_via_when_broken);
	tcase_add_test(t, puts_the_users_rules_before_the_built_in_ones);
	tcase_add_test(t, leaves_to_a_rule_what_port_it_names);
	tcase_add_test(t, leaves_all_to_a_broken_configuration);
	tcase_add_test(t, reaches_the_proxy_whatever_the_rules_say);
	tcase_add_test(t, orders_rules_by_where_they_come_from);
	tcase_add_test(t, keeps_the_built_in_rules_when_the_list_is_full);
	suite_add_tcase(s, t);
}

static void add_file_tests(Suite *s)
{
	TCase *t = tcase_create("file");

	tcase_add_test(t, takes_the_proxy_from_the_file);
	tcase_add_test(t, gives_a_files_password_to_no_other_proxy);
	tcase_add_test(t, gives_a_login_without_a_proxy_to_the_proxy_there_is);
	tcase_add_loop_test(t, refuses_a_password_that_others_can_read, 0,
			    N(modes));
	tcase_add_test(t, refuses_a_password_in_a_file_of_another_user);
	tcase_add_test(t, names_file_and_line_of_a_fault);
	tcase_add_test(t, bounds_the_size_of_a_file);
	tcase_add_test(t, does_not_wait_at_a_fifo);
	tcase_add_test(t, finds_the_users_file_by_xdg_config_home);
	tcase_add_test(t, finds_the_users_file_by_home);
	tcase_add_test(t, does_without_a_users_file);
	tcase_add_test(t, leaves_errno_and_descriptors_alone);
	suite_add_tcase(s, t);
}

int main(void)
{
	Suite *s = suite_create("config");
	SRunner *runner;
	int failed;

	add_url_tests(s);
	add_text_tests(s);
	add_environment_tests(s);
	add_route_tests(s);
	add_file_tests(s);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
