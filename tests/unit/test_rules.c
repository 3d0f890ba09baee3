/* SPDX-License-Identifier: MIT */
/* test_rules.c - patterns read exactly, and matched in order */
#include "core/rules.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

static struct rules rules;

/* Nothing but the counts tells that a list is empty. */
static void empty(void)
{
	memset(&rules, 0xa5, sizeof(rules));
	rules.count = 0;
	rules.text_used = 0;
}

static void add(enum route route, const char *pattern)
{
	const char *why = NULL;

	ck_assert_msg(
		rules_add(&rules, route, pattern, strlen(pattern), &why) == 0,
		"%s: %s", pattern, why ? why : "no reason");
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

	return rules_match(&rules, &e);
}

/* --- one pattern --------------------------------------------------------- */

static const struct {
	const char *pattern;
	const char *host;
	uint16_t port;
	bool matches;
} cases[] = {
	/* anything */
	{ "*", "192.0.2.1", 80, true },
	{ "*", "2001:db8::1", 80, true },
	{ "*", "example.com", 80, true },
	{ "*", "example.com", 0, true },
	{ "*:80", "example.com", 80, true },
	{ "*:80", "example.com", 81, false },
	/* IPv4 */
	{ "192.0.2.1", "192.0.2.1", 1, true },
	{ "192.0.2.1", "192.0.2.2", 1, false },
	{ "192.0.2.1/32", "192.0.2.1", 1, true },
	{ "10.0.0.0/8", "10.255.255.255", 65535, true },
	{ "10.0.0.0/8", "11.0.0.0", 1, false },
	{ "10.1.2.3/8", "10.9.9.9", 1, true },
	{ "192.0.2.128/25", "192.0.2.127", 1, false },
	{ "192.0.2.128/25", "192.0.2.128", 1, true },
	{ "192.0.2.4/31", "192.0.2.5", 1, true },
	{ "192.0.2.4/31", "192.0.2.6", 1, false },
	{ "0.0.0.0/0", "255.1.2.3", 1, true },
	{ "0.0.0.0/0", "2001:db8::1", 1, false },
	{ "0.0.0.0/0", "example.com", 1, false },
	{ "127.0.0.0/8:53", "127.0.0.53", 53, true },
	{ "127.0.0.0/8:53", "127.0.0.53", 54, false },
	/* IPv6 */
	{ "::1", "::1", 1, true },
	{ "::1", "::2", 1, false },
	{ "[::1]", "::1", 1, true },
	{ "[::1]:53", "::1", 53, true },
	{ "[::1]:53", "::1", 54, false },
	{ "2001:db8::/32", "2001:db8:ffff::1", 1, true },
	{ "2001:db8::/32", "2001:db9::1", 1, false },
	{ "[2001:db8::/32]:443", "2001:db8::1", 443, true },
	{ "[2001:db8::/32]:443", "2001:db8::1", 80, false },
	{ "2001:db8::80/121", "2001:db8::ff", 1, true },
	{ "2001:db8::80/121", "2001:db8::7f", 1, false },
	{ "::/0", "2001:db8::1", 1, true },
	{ "::/0", "192.0.2.1", 1, false },
	/* v4-mapped counts as IPv4 */
	{ "::ffff:10.0.0.0/104", "10.1.2.3", 1, true },
	{ "::ffff:10.0.0.0/104", "11.1.2.3", 1, false },
	{ "::ffff:192.0.2.1", "192.0.2.1", 1, true },
	{ "[::ffff:192.0.2.1]:7", "192.0.2.1", 7, true },
	{ "::ffff:0.0.0.0/96", "192.0.2.1", 1, true },
	/* names */
	{ "example.com", "example.com", 1, true },
	{ "Example.COM", "eXAMPLE.com", 1, true },
	{ "example.com.", "example.com", 1, true },
	{ "example.com", "example.com.", 1, true },
	{ "example.com", "www.example.com", 1, false },
	{ "example.com", "example.com.org", 1, false },
	{ "example.com", "192.0.2.1", 1, false },
	{ "example.com:22", "example.com", 22, true },
	{ "example.com:22", "example.com", 23, false },
	{ "localhost", "localhost", 1, true },
	/* suffixes */
	{ ".example.com", "example.com", 1, true },
	{ ".example.com", "www.example.com", 1, true },
	{ ".example.com", "a.b.EXAMPLE.com", 1, true },
	{ ".example.com", "notexample.com", 1, false },
	{ ".example.com", "com", 1, false },
	{ ".example.com.", "www.example.com", 1, true },
	{ ".local:1-1024", "printer.local", 1024, true },
	{ ".local:1-1024", "printer.local", 1025, false },
	/* ports */
	{ "*:1-65535", "192.0.2.1", 65535, true },
	{ "*:1-65535", "192.0.2.1", 0, false },
	{ "*:80-80", "192.0.2.1", 80, true },
	{ "*:8000-8999", "192.0.2.1", 7999, false },
	{ "*:8000-8999", "192.0.2.1", 8000, true },
	{ "*:8000-8999", "192.0.2.1", 9000, false },
};

START_TEST(matches_what_the_pattern_says)
{
	enum route wanted = cases[_i].matches ? ROUTE_DIRECT : ROUTE_NONE;

	empty();
	add(ROUTE_DIRECT, cases[_i].pattern);
	ck_assert_msg(route_of(cases[_i].host, cases[_i].port) == wanted,
		      "%s against %s port %d", cases[_i].pattern,
		      cases[_i].host, cases[_i].port);
}
END_TEST

static const char *const wrong[] = {
	"",
	/* IPv4 */
	"10.0.0.0/33",
	"10.0.0.0/",
	"10.0.0.0/08",
	"10.0.0.0/-1",
	"10.0.0.0/8/8",
	"1.2.3",
	"1.2.3/24",
	"1.2.3.4.5",
	"256.0.0.1",
	"1.2.3.4/255.255.255.0",
	"[10.0.0.1]",
	"[10.0.0.1]:80",
	"10",
	/* IPv6 */
	"2001:db8::/129",
	"2001:db8:::",
	"::1::",
	"[::1",
	"::1]",
	"[::1]80",
	"[]",
	"[]:80",
	"[::1]:",
	"[::1]/128",
	"2001:db8::/32:443",
	"fe80::1%2",
	"[::1]:0",
	"::ffff:10.0.0.0/95",
	"::ffff:10.0.0.0/129",
	"[example.com]",
	"[*]",
	/* names */
	"*.example.com",
	"exa mple.com",
	"example..com",
	"..example.com",
	".",
	"-d=x",
	"http://example.com",
	"user@example.com",
	"example.com/8",
	"*/8",
	"**",
	/* ports */
	"*:",
	"*:0",
	"*:65536",
	"*:80-",
	"*:-80",
	"*:90-80",
	"*:80-65536",
	"*:0-80",
	"*:080",
	"*:http",
	"*:80-90-100",
	"*:80,90",
	"example.com:",
	":80",
	":",
};

START_TEST(refuses_a_wrong_pattern_with_a_reason)
{
	const char *why = NULL;

	empty();
	add(ROUTE_VIA, "a.example");
	ck_assert_msg(rules_add(&rules, ROUTE_DIRECT, wrong[_i],
				strlen(wrong[_i]), &why) == -EINVAL,
		      "%s", wrong[_i]);
	ck_assert_ptr_nonnull(why);
	ck_assert_uint_gt(strlen(why), 0);
	ck_assert_uint_eq(rules.count, 1);
	ck_assert_uint_eq(rules.text_used, sizeof("a.example"));
}
END_TEST

START_TEST(reads_no_further_than_len)
{
	const char *why;

	empty();
	ck_assert_int_eq(rules_add(&rules, ROUTE_DIRECT, "192.0.2.1/24garbage",
				   12, &why),
			 0);
	ck_assert_int_eq(route_of("192.0.2.77", 1), ROUTE_DIRECT);
}
END_TEST

START_TEST(refuses_a_nul_in_a_pattern)
{
	const char *why;

	empty();
	ck_assert_int_eq(rules_add(&rules, ROUTE_DIRECT, "a\0b", 3, &why),
			 -EINVAL);
	ck_assert_int_eq(rules_add(&rules, ROUTE_DIRECT, "10.0.0.1\0", 9, &why),
			 -EINVAL);
}
END_TEST

/* --- several ------------------------------------------------------------- */

START_TEST(lets_the_first_match_win)
{
	empty();
	add(ROUTE_BLOCK, "10.1.0.0/16:25");
	add(ROUTE_VIA, "10.1.0.0/16");
	add(ROUTE_DIRECT, "10.0.0.0/8");
	add(ROUTE_BLOCK, "10.0.0.0/8");
	ck_assert_int_eq(route_of("10.1.2.3", 25), ROUTE_BLOCK);
	ck_assert_int_eq(route_of("10.1.2.3", 80), ROUTE_VIA);
	ck_assert_int_eq(route_of("10.2.2.3", 80), ROUTE_DIRECT);
	ck_assert_int_eq(route_of("11.2.2.3", 80), ROUTE_NONE);
}
END_TEST

START_TEST(holds_as_many_as_it_says)
{
	const char *why;

	empty();
	for (int i = 0; i < RULES_MAX; i++) {
		char pattern[32];

		snprintf(pattern, sizeof(pattern), "h%d.example", i);
		add(ROUTE_DIRECT, pattern);
	}
	ck_assert_int_eq(rules_add(&rules, ROUTE_DIRECT, "*", 1, &why),
			 -ENOSPC);
	ck_assert_int_eq(route_of("h0.example", 1), ROUTE_DIRECT);
	ck_assert_int_eq(route_of("h255.example", 1), ROUTE_DIRECT);
	ck_assert_int_eq(route_of("h256.example", 1), ROUTE_NONE);
}
END_TEST

START_TEST(is_full_when_the_names_are)
{
	char name[ENDPOINT_NAME_MAX + 1];
	const char *why;
	int error = 0;

	empty();
	memset(name, 'n', sizeof(name));
	for (int i = 0; i < RULES_MAX && !error; i++)
		error = rules_add(&rules, ROUTE_DIRECT, name, ENDPOINT_NAME_MAX,
				  &why);
	ck_assert_int_eq(error, -ENOSPC);
	ck_assert_uint_eq(rules.count,
			  RULES_TEXT_MAX / (ENDPOINT_NAME_MAX + 1));
	ck_assert_uint_le(rules.text_used, RULES_TEXT_MAX);
}
END_TEST

START_TEST(matches_nothing_when_empty)
{
	empty();
	ck_assert_int_eq(route_of("127.0.0.1", 1), ROUTE_NONE);
	ck_assert_int_eq(rules_match_name(&rules, "example.com"), ROUTE_NONE);
}
END_TEST

/* --- names whose port is not known yet ----------------------------------- */

START_TEST(tells_a_lookup_the_rule_for_all_ports)
{
	empty();
	add(ROUTE_BLOCK, "bad.example");
	add(ROUTE_VIA, "www.example.com");
	add(ROUTE_DIRECT, ".example.com");
	ck_assert_int_eq(rules_match_name(&rules, "BAD.example."), ROUTE_BLOCK);
	ck_assert_int_eq(rules_match_name(&rules, "www.example.com"),
			 ROUTE_VIA);
	ck_assert_int_eq(rules_match_name(&rules, "ftp.example.com"),
			 ROUTE_DIRECT);
	ck_assert_int_eq(rules_match_name(&rules, "example.org"), ROUTE_NONE);
}
END_TEST

START_TEST(tells_a_lookup_direct_for_a_direct_port)
{
	empty();
	add(ROUTE_BLOCK, "git.example:25");
	add(ROUTE_DIRECT, "git.example:22");
	add(ROUTE_BLOCK, "git.example");
	ck_assert_int_eq(rules_match_name(&rules, "git.example"), ROUTE_DIRECT);
}
END_TEST

START_TEST(keeps_a_direct_port_of_every_name_out_of_a_lookup)
{
	empty();
	add(ROUTE_DIRECT, "*:22");
	ck_assert_int_eq(rules_match_name(&rules, "a.example"), ROUTE_NONE);
	add(ROUTE_DIRECT, "*");
	ck_assert_int_eq(rules_match_name(&rules, "a.example"), ROUTE_DIRECT);
}
END_TEST

START_TEST(passes_over_blocked_ports_in_a_lookup)
{
	empty();
	add(ROUTE_BLOCK, "*:25");
	add(ROUTE_VIA, ".example:443");
	ck_assert_int_eq(rules_match_name(&rules, "a.example"), ROUTE_NONE);
}
END_TEST

START_TEST(tells_a_lookup_nothing_from_address_rules)
{
	empty();
	add(ROUTE_BLOCK, "0.0.0.0/0");
	add(ROUTE_DIRECT, "::/0");
	ck_assert_int_eq(rules_match_name(&rules, "a.example"), ROUTE_NONE);
	ck_assert_int_eq(rules_match_name(&rules, ""), ROUTE_NONE);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("rules");
	TCase *pattern = tcase_create("pattern");
	TCase *list = tcase_create("list");
	TCase *name = tcase_create("name");

	tcase_add_loop_test(pattern, matches_what_the_pattern_says, 0,
			    N(cases));
	tcase_add_loop_test(pattern, refuses_a_wrong_pattern_with_a_reason, 0,
			    N(wrong));
	tcase_add_test(pattern, reads_no_further_than_len);
	tcase_add_test(pattern, refuses_a_nul_in_a_pattern);
	suite_add_tcase(s, pattern);
	tcase_add_test(list, lets_the_first_match_win);
	tcase_add_test(list, holds_as_many_as_it_says);
	tcase_add_test(list, is_full_when_the_names_are);
	tcase_add_test(list, matches_nothing_when_empty);
	suite_add_tcase(s, list);
	tcase_add_test(name, tells_a_lookup_the_rule_for_all_ports);
	tcase_add_test(name, tells_a_lookup_direct_for_a_direct_port);
	tcase_add_test(name, keeps_a_direct_port_of_every_name_out_of_a_lookup);
	tcase_add_test(name, passes_over_blocked_ports_in_a_lookup);
	tcase_add_test(name, tells_a_lookup_nothing_from_address_rules);
	suite_add_tcase(s, name);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
