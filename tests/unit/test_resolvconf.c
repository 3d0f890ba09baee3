/* SPDX-License-Identifier: MIT */
/* test_resolvconf.c - name servers found in resolv.conf as libc finds them */
#include "resolver/resolvconf.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const char *servers_of(const char *text, size_t len)
{
	static char all[RESOLVCONF_SERVERS_MAX * ENDPOINT_TEXT_MAX];
	struct endpoint servers[RESOLVCONF_SERVERS_MAX];
	char path[] = "/tmp/socksify-test-XXXXXX", one[ENDPOINT_TEXT_MAX];
	int fd = mkstemp(path);
	size_t n;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	close(fd);
	resolvconf_setup(path);
	n = resolvconf_servers(servers);
	unlink(path);
	all[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		strcat(all, i > 0 ? " " : "");
		strcat(all, endpoint_format(&servers[i], one, sizeof(one)));
	}
	return all;
}

static const struct {
	const char *text;
	const char *servers;
} files[] = {
	{ "nameserver 192.0.2.1\n", "192.0.2.1:53" },
	{ "nameserver 192.0.2.1", "192.0.2.1:53" },
	{ "search a.example\n# nameserver 192.0.2.9\nnameserver\t192.0.2.1 # x\n"
	  "options edns0\nnameserver  2001:db8::1\n",
	  "192.0.2.1:53 [2001:db8::1]:53" },
	{ "nameserver fe80::1%2\n", "[fe80::1%2]:53" },
	{ "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n"
	  "nameserver 192.0.2.4\n",
	  "192.0.2.1:53 192.0.2.2:53 192.0.2.3:53" },
	{ " nameserver 192.0.2.1\nnameservers 192.0.2.2\nnameserver x\n"
	  "nameserver\nnameserver 192.0.2.3\n",
	  "192.0.2.3:53" },
	{ "", "127.0.0.1:53" },
	{ "search example\n", "127.0.0.1:53" },
};

START_TEST(finds_the_servers_of)
{
	ck_assert_str_eq(servers_of(files[_i].text, strlen(files[_i].text)),
			 files[_i].servers);
}
END_TEST

START_TEST(takes_no_file_for_an_empty_one)
{
	struct endpoint servers[RESOLVCONF_SERVERS_MAX];

	resolvconf_setup("/nonexistent/resolv.conf");
	ck_assert_uint_eq(resolvconf_servers(servers), 1);
	ck_assert(endpoint_is_loopback(&servers[0]));
}
END_TEST

/* Wherever a line is cut between two reads, it stays one. */
START_TEST(reads_on_behind_long_lines)
{
	char text[4096];
	size_t len = (size_t)_i;

	memset(text, 'x', len);
	len += (size_t)sprintf(text + len, "\nnameserver 192.0.2.77\n");
	ck_assert_str_eq(servers_of(text, len), "192.0.2.77:53");
}
END_TEST

START_TEST(takes_bytes_of_any_kind)
{
	static const char text[] = "\0nameserver 192.0.2.1\n\xff\xfe\r\n"
				   "nameserver 192.0.2.2\r\n";

	ck_assert_str_eq(servers_of(text, sizeof(text) - 1), "192.0.2.2:53");
}
END_TEST

static const struct {
	const char *address;
	bool global;
} addresses[] = {
	{ "9.9.9.9", true },	  { "1.1.1.1", true },
	{ "172.32.0.1", true },	  { "100.128.0.1", true },
	{ "192.169.0.1", true },  { "10.0.0.1", false },
	{ "172.31.255.1", false }, { "192.168.1.1", false },
	{ "100.64.0.1", false },  { "127.0.0.53", false },
	{ "169.254.1.1", false }, { "198.19.0.1", false },
	{ "0.0.0.0", false },	  { "224.0.0.251", false },
	{ "255.255.255.255", false }, { "2620:fe::fe", true },
	{ "::1", false },	  { "fd00::1", false },
	{ "fe80::1", false },	  { "ff02::fb", false },
	{ "::ffff:10.0.0.1", false }, { "::ffff:9.9.9.9", true },
};

START_TEST(knows_what_is_the_same_from_everywhere)
{
	struct endpoint e = { .port = 53 };

	ck_assert_int_eq(endpoint_parse_address(&e, addresses[_i].address), 0);
	ck_assert_msg(resolvconf_is_global(&e) == addresses[_i].global, "%s",
		      addresses[_i].address);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resolvconf");
	TCase *t = tcase_create("servers");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(t, finds_the_servers_of, 0, N(files));
	tcase_add_test(t, takes_no_file_for_an_empty_one);
	tcase_add_loop_test(t, reads_on_behind_long_lines, 480, 520);
	tcase_add_test(t, takes_bytes_of_any_kind);
	tcase_add_loop_test(t, knows_what_is_the_same_from_everywhere, 0,
			    N(addresses));
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
