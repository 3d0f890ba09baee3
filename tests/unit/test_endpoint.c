/* SPDX-License-Identifier: MIT */
/* test_endpoint.c - addresses and names: from, to, parsed, compared, shown */
#include "core/endpoint.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

static struct endpoint parsed(const char *text, uint16_t port)
{
	struct endpoint e = { .port = port };

	ck_assert_msg(endpoint_parse_address(&e, text) == 0, "%s", text);
	return e;
}

static struct endpoint named(const char *name, uint16_t port)
{
	struct endpoint e = { .port = port };

	ck_assert_int_eq(endpoint_set_name(&e, name, strlen(name)), 0);
	return e;
}

static const char *shown(const struct endpoint *e)
{
	static char text[ENDPOINT_TEXT_MAX];

	return endpoint_format(e, text, sizeof(text));
}

/* --- parsing and formatting of addresses ---------------------------------- */

static const struct {
	const char *text;
	const char *shown; /* with port 80 */
} addresses[] = {
	{ "192.0.2.1", "192.0.2.1:80" },
	{ "0.0.0.0", "0.0.0.0:80" },
	{ "255.255.255.255", "255.255.255.255:80" },
	{ "2001:db8::1", "[2001:db8::1]:80" },
	{ "2001:DB8:0:0:0:0:0:1", "[2001:db8::1]:80" },
	{ "::", "[::]:80" },
	{ "::1", "[::1]:80" },
	{ "1::", "[1::]:80" },
	{ "1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]:80" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:80" },
	/* RFC 5952: one zero group is no run; the first of equal runs */
	{ "1:0:3:4:5:6:7:8", "[1:0:3:4:5:6:7:8]:80" },
	{ "1:0:0:4:5:0:0:8", "[1::4:5:0:0:8]:80" },
	{ "1:0:0:4:0:0:0:8", "[1:0:0:4::8]:80" },
	{ "0:0:3:4:5:6:7:8", "[::3:4:5:6:7:8]:80" },
	{ "1:2:3:4:5:6:0:0", "[1:2:3:4:5:6::]:80" },
	{ "::ffff:192.0.2.1", "192.0.2.1:80" },
	{ "::ffff:c000:201", "192.0.2.1:80" },
	{ "::fffe:c000:201", "[::fffe:c000:201]:80" },
	{ "64:ff9b::192.0.2.1", "[64:ff9b::c000:201]:80" },
	{ "fe80::1%2", "[fe80::1%2]:80" },
	{ "febf::1%4294967295", "[febf::1%4294967295]:80" },
	{ "ff02::fb%3", "[ff02::fb%3]:80" },
	{ "fe80::1%0", "[fe80::1]:80" },
	/* a scope where it means nothing */
	{ "2001:db8::1%2", "[2001:db8::1]:80" },
	{ "ff0e::1%2", "[ff0e::1]:80" },
};

START_TEST(reads_and_shows_an_address)
{
	struct endpoint e = parsed(addresses[_i].text, 80);

	ck_assert_str_eq(shown(&e), addresses[_i].shown);
	ck_assert_uint_eq(e.name_len, 0);
}
END_TEST

static const char *const no_addresses[] = {
	"",
	" ",
	"1",
	"127.1",
	"0x7f.0.0.1",
	"2130706433",
	"192.0.2",
	"192.0.2.256",
	"192.0.2.1.",
	"192.0.2.1 ",
	" 192.0.2.1",
	"192.0.2.1:80",
	"192.0.2.1%1",
	"[::1]",
	":",
	":::",
	"1::2::3",
	"1:2:3:4:5:6:7",
	"1:2:3:4:5:6:7:8:9",
	"12345::",
	"g::",
	"fe80::1%",
	"fe80::1%eth0",
	"fe80::1%1%2",
	"fe80::1%-1",
	"fe80::1%4294967296",
	"fe80::1%18446744073709551617",
	"%1",
	"example.com",
	"1:2:3:4:5:6:7:8:9:a:b:c:d:e:f:10:11:12:13:14:15:16:17:18:19:1a:1b:1c",
};

START_TEST(refuses_what_is_no_address)
{
	struct endpoint e = { .kind = ENDPOINT_NONE };

	ck_assert_int_eq(endpoint_parse_address(&e, no_addresses[_i]), -EINVAL);
	ck_assert_int_eq(e.kind, ENDPOINT_NONE);
}
END_TEST

START_TEST(leaves_the_port_alone)
{
	struct endpoint e = { .port = 4711 };

	ck_assert_int_eq(endpoint_parse_address(&e, "::1"), 0);
	ck_assert_int_eq(endpoint_set_name(&e, "a", 1), 0);
	ck_assert_uint_eq(e.port, 4711);
}
END_TEST

/* --- socket addresses ----------------------------------------------------- */

static struct sockaddr_in in_of(const char *address, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(port) };

	inet_pton(AF_INET, address, &in.sin_addr);
	return in;
}

static struct sockaddr_in6 in6_of(const char *address, uint16_t port,
				  uint32_t scope)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(port),
				    .sin6_scope_id = scope };

	inet_pton(AF_INET6, address, &in6.sin6_addr);
	return in6;
}

START_TEST(takes_an_ipv4_sockaddr)
{
	struct sockaddr_in in = in_of("192.0.2.1", 65535);
	struct endpoint e;

	ck_assert_int_eq(
		endpoint_from_sockaddr(&e, (void *)&in, sizeof(in)), 0);
	ck_assert_int_eq(e.kind, ENDPOINT_IPV4);
	ck_assert_str_eq(shown(&e), "192.0.2.1:65535");
}
END_TEST

START_TEST(takes_an_ipv6_sockaddr_with_its_scope)
{
	struct sockaddr_in6 in6 = in6_of("fe80::1", 22, 7);
	struct endpoint e;

	ck_assert_int_eq(
		endpoint_from_sockaddr(&e, (void *)&in6, sizeof(in6)), 0);
	ck_assert_str_eq(shown(&e), "[fe80::1%7]:22");
}
END_TEST

START_TEST(takes_a_mapped_sockaddr_as_ipv4)
{
	struct sockaddr_in6 in6 = in6_of("::ffff:127.0.0.1", 80, 3);
	struct endpoint e;

	ck_assert_int_eq(
		endpoint_from_sockaddr(&e, (void *)&in6, sizeof(in6)), 0);
	ck_assert_int_eq(e.kind, ENDPOINT_IPV4);
	ck_assert_uint_eq(e.scope_id, 0);
	ck_assert_str_eq(shown(&e), "127.0.0.1:80");
}
END_TEST

START_TEST(takes_an_old_ipv6_sockaddr_without_a_scope)
{
	struct sockaddr_in6 in6 = in6_of("fe80::1", 22, 7);
	struct endpoint e;

	ck_assert_int_eq(endpoint_from_sockaddr(&e, (void *)&in6, 24), 0);
	ck_assert_str_eq(shown(&e), "[fe80::1]:22");
}
END_TEST

START_TEST(takes_a_sockaddr_at_any_alignment)
{
	struct sockaddr_in6 in6 = in6_of("2001:db8::1", 80, 0);
	char room[sizeof(in6) + 1];
	struct endpoint e;

	memcpy(room + 1, &in6, sizeof(in6));
	ck_assert_int_eq(
		endpoint_from_sockaddr(&e, (void *)(room + 1), sizeof(in6)), 0);
	ck_assert_str_eq(shown(&e), "[2001:db8::1]:80");
}
END_TEST

START_TEST(refuses_a_short_sockaddr)
{
	struct sockaddr_in in = in_of("192.0.2.1", 80);
	struct sockaddr_in6 in6 = in6_of("2001:db8::1", 80, 0);
	struct endpoint e;

	ck_assert_int_eq(endpoint_from_sockaddr(&e, (void *)&in, 15), -EINVAL);
	ck_assert_int_eq(endpoint_from_sockaddr(&e, (void *)&in, 1), -EINVAL);
	ck_assert_int_eq(endpoint_from_sockaddr(&e, (void *)&in, 0), -EINVAL);
	ck_assert_int_eq(endpoint_from_sockaddr(&e, NULL, 0), -EINVAL);
	ck_assert_int_eq(endpoint_from_sockaddr(&e, (void *)&in6, 23), -EINVAL);
}
END_TEST

START_TEST(refuses_other_families)
{
	struct sockaddr sa = { .sa_family = AF_UNIX };
	struct endpoint e;

	ck_assert_int_eq(endpoint_from_sockaddr(&e, &sa, sizeof(sa)),
			 -EAFNOSUPPORT);
	sa.sa_family = AF_UNSPEC;
	ck_assert_int_eq(endpoint_from_sockaddr(&e, &sa, sizeof(sa)),
			 -EAFNOSUPPORT);
}
END_TEST

START_TEST(gives_back_the_sockaddr_that_it_took)
{
	struct sockaddr_in in = in_of("192.0.2.1", 80);
	struct sockaddr_in6 in6 = in6_of("fe80::1", 443, 9);
	struct sockaddr_storage out;
	struct endpoint e;

	endpoint_from_sockaddr(&e, (void *)&in, sizeof(in));
	ck_assert_int_eq(endpoint_to_sockaddr(&e, AF_INET, &out), sizeof(in));
	ck_assert_mem_eq(&out, &in, sizeof(in));
	endpoint_from_sockaddr(&e, (void *)&in6, sizeof(in6));
	ck_assert_int_eq(endpoint_to_sockaddr(&e, AF_INET6, &out), sizeof(in6));
	ck_assert_mem_eq(&out, &in6, sizeof(in6));
}
END_TEST

START_TEST(maps_ipv4_for_an_ipv6_socket)
{
	struct sockaddr_in6 expected = in6_of("::ffff:192.0.2.1", 80, 0);
	struct endpoint e = parsed("192.0.2.1", 80);
	struct sockaddr_storage out;

	ck_assert_int_eq(endpoint_to_sockaddr(&e, AF_INET6, &out),
			 sizeof(expected));
	ck_assert_mem_eq(&out, &expected, sizeof(expected));
}
END_TEST

START_TEST(has_no_sockaddr_where_there_can_be_none)
{
	struct endpoint v6 = parsed("2001:db8::1", 80);
	struct endpoint v4 = parsed("192.0.2.1", 80);
	struct endpoint name = named("example.com", 80);
	struct endpoint none = { 0 };
	struct sockaddr_storage out;

	ck_assert_int_eq(endpoint_to_sockaddr(&v6, AF_INET, &out),
			 -EAFNOSUPPORT);
	ck_assert_int_eq(endpoint_to_sockaddr(&name, AF_INET, &out),
			 -EAFNOSUPPORT);
	ck_assert_int_eq(endpoint_to_sockaddr(&name, AF_INET6, &out),
			 -EAFNOSUPPORT);
	ck_assert_int_eq(endpoint_to_sockaddr(&none, AF_INET6, &out),
			 -EAFNOSUPPORT);
	ck_assert_int_eq(endpoint_to_sockaddr(&v4, AF_UNIX, &out),
			 -EAFNOSUPPORT);
}
END_TEST

/* --- names ---------------------------------------------------------------- */

START_TEST(keeps_a_name_as_typed)
{
	struct endpoint e = named("Example.COM", 443);

	ck_assert_int_eq(e.kind, ENDPOINT_NAME);
	ck_assert_uint_eq(e.name_len, 11);
	ck_assert_str_eq(e.name, "Example.COM");
	ck_assert_str_eq(shown(&e), "Example.COM:443");
}
END_TEST

START_TEST(removes_one_trailing_dot)
{
	struct endpoint e = named("example.com.", 80);

	ck_assert_str_eq(e.name, "example.com");
	ck_assert_uint_eq(e.name_len, 11);
}
END_TEST

START_TEST(takes_a_name_of_255_octets_and_no_more)
{
	char name[300];
	struct endpoint e = { 0 };

	memset(name, 'a', sizeof(name));
	ck_assert_int_eq(endpoint_set_name(&e, name, 255), 0);
	ck_assert_uint_eq(e.name_len, 255);
	ck_assert_uint_eq(strlen(e.name), 255);
	ck_assert_int_eq(endpoint_set_name(&e, name, 256), -ENAMETOOLONG);
	ck_assert_int_eq(endpoint_set_name(&e, name, 300), -ENAMETOOLONG);
	name[255] = '.';
	ck_assert_int_eq(endpoint_set_name(&e, name, 256), 0);
	ck_assert_uint_eq(e.name_len, 255);
	name[256] = '.';
	ck_assert_int_eq(endpoint_set_name(&e, name, 257), -ENAMETOOLONG);
}
END_TEST

START_TEST(refuses_an_empty_name)
{
	struct endpoint e = { 0 };

	ck_assert_int_eq(endpoint_set_name(&e, "", 0), -EINVAL);
	ck_assert_int_eq(endpoint_set_name(&e, ".", 1), -EINVAL);
	ck_assert_int_eq(e.kind, ENDPOINT_NONE);
}
END_TEST

START_TEST(refuses_a_name_with_a_nul)
{
	struct endpoint e = { 0 };

	ck_assert_int_eq(endpoint_set_name(&e, "good\0evil", 9), -EINVAL);
	ck_assert_int_eq(endpoint_set_name(&e, "good", 5), -EINVAL);
	ck_assert_int_eq(endpoint_set_name(&e, "\0", 1), -EINVAL);
	ck_assert_int_eq(e.kind, ENDPOINT_NONE);
}
END_TEST

START_TEST(takes_its_own_name_again)
{
	struct endpoint e = named("www.example.com", 80);

	ck_assert_int_eq(endpoint_set_name(&e, e.name + 4, 11), 0);
	ck_assert_str_eq(e.name, "example.com");
}
END_TEST

START_TEST(shows_strange_bytes_of_a_name_as_question_marks)
{
	struct endpoint e = { .port = 1 };

	ck_assert_int_eq(endpoint_set_name(&e, "a\n\x1b[\x7f\xc3\xa4 b", 9), 0);
	ck_assert_str_eq(shown(&e), "a??[????b:1");
}
END_TEST

/* --- comparison ----------------------------------------------------------- */

START_TEST(finds_the_same_equal)
{
	struct endpoint a = named("Example.com", 80);
	struct endpoint b = named("eXAMPLE.COM.", 80);
	struct endpoint c = parsed("::ffff:192.0.2.1", 80);
	struct endpoint d = parsed("192.0.2.1", 80);

	ck_assert(endpoint_equal(&a, &b));
	ck_assert(endpoint_equal(&c, &d));
	d.port = 81;
	ck_assert(!endpoint_equal(&c, &d));
	ck_assert(endpoint_same_host(&c, &d));
}
END_TEST

START_TEST(finds_others_different)
{
	struct endpoint all[] = {
		named("example.com", 80),   named("example.co", 80),
		named("example.comx", 80),  named("example-com", 80),
		named("192.0.2.1", 80),	    parsed("192.0.2.1", 80),
		parsed("192.0.2.2", 80),    parsed("2001:db8::1", 80),
		parsed("2001:db8::2", 80),  parsed("fe80::1%1", 80),
		parsed("fe80::1%2", 80),    { .port = 80 },
	};

	for (int i = 0; i < N(all); i++)
		for (int j = 0; j < N(all); j++)
			ck_assert_msg(endpoint_same_host(&all[i], &all[j]) ==
					      (i == j),
				      "%d and %d", i, j);
}
END_TEST

START_TEST(does_not_take_at_signs_for_letters)
{
	struct endpoint a = named("a@b[", 80);
	struct endpoint b = named("a`b{", 80);

	ck_assert(!endpoint_equal(&a, &b));
}
END_TEST

static const struct {
	const char *text;
	bool loopback;
} hosts[] = {
	{ "127.0.0.1", true },	     { "127.255.255.254", true },
	{ "::1", true },	     { "::ffff:127.0.0.53", true },
	{ "0.0.0.0", true },	     { "::", true },
	{ "::ffff:0.0.0.0", true },  { "126.255.255.255", false },
	{ "128.0.0.1", false },	     { "0.0.0.1", false },
	{ "::2", false },	     { "::127.0.0.1", false },
	{ "fe80::1%1", false },	     { "192.168.0.1", false },
};

START_TEST(knows_loopback_addresses)
{
	struct endpoint e = parsed(hosts[_i].text, 80);

	ck_assert_int_eq(endpoint_is_loopback(&e), hosts[_i].loopback);
}
END_TEST

START_TEST(takes_no_name_for_loopback)
{
	struct endpoint e = named("localhost", 80);
	struct endpoint none = { 0 };

	ck_assert(!endpoint_is_loopback(&e));
	ck_assert(!endpoint_is_loopback(&none));
}
END_TEST

/* --- the text's bounds ---------------------------------------------------- */

START_TEST(shows_the_longest_name_whole)
{
	char name[255], expected[ENDPOINT_TEXT_MAX];
	struct endpoint e = { .port = 65535 };

	memset(name, 'z', sizeof(name));
	ck_assert_int_eq(endpoint_set_name(&e, name, sizeof(name)), 0);
	snprintf(expected, sizeof(expected), "%.255s:65535", e.name);
	ck_assert_str_eq(shown(&e), expected);
}
END_TEST

START_TEST(cuts_text_at_its_room)
{
	const char *whole = "[2001:db8::1]:80";
	struct endpoint e = parsed("2001:db8::1", 80);
	char text[32];

	for (size_t size = 1; size <= strlen(whole) + 1; size++) {
		memset(text, '#', sizeof(text));
		ck_assert_ptr_eq(endpoint_format(&e, text, size), text);
		ck_assert_uint_eq(strlen(text), size - 1);
		ck_assert(strncmp(text, whole, size - 1) == 0);
		ck_assert_int_eq(text[size], '#');
	}
	text[0] = '#';
	endpoint_format(&e, text, 0);
	ck_assert_int_eq(text[0], '#');
}
END_TEST

START_TEST(shows_nothing_as_a_dash)
{
	struct endpoint e = { .port = 80 };

	ck_assert_str_eq(shown(&e), "-:80");
}
END_TEST

START_TEST(knows_how_far_an_address_reaches)
{
	static const struct {
		const char *text;
		enum endpoint_scope scope;
	} rows[] = {
		{ "0.0.0.0", ENDPOINT_SCOPE_NOWHERE },
		{ "::", ENDPOINT_SCOPE_NOWHERE },
		{ "127.255.0.1", ENDPOINT_SCOPE_HOST },
		{ "::1", ENDPOINT_SCOPE_HOST },
		{ "169.254.3.4", ENDPOINT_SCOPE_LINK },
		{ "fe80::1", ENDPOINT_SCOPE_LINK },
		{ "febf::1", ENDPOINT_SCOPE_LINK },
		{ "10.1.2.3", ENDPOINT_SCOPE_SITE },
		{ "172.31.0.1", ENDPOINT_SCOPE_SITE },
		{ "192.168.0.1", ENDPOINT_SCOPE_SITE },
		{ "100.127.0.1", ENDPOINT_SCOPE_SITE },
		{ "fd00::1", ENDPOINT_SCOPE_SITE },
		{ "::ffff:10.0.0.1", ENDPOINT_SCOPE_SITE },
		{ "172.32.0.1", ENDPOINT_SCOPE_GLOBAL },
		{ "100.128.0.1", ENDPOINT_SCOPE_GLOBAL },
		{ "2001:db8::1", ENDPOINT_SCOPE_GLOBAL },
		{ "::2", ENDPOINT_SCOPE_GLOBAL },
		{ "224.0.0.1", ENDPOINT_SCOPE_GROUP },
		{ "239.255.255.250", ENDPOINT_SCOPE_GROUP },
		{ "255.255.255.255", ENDPOINT_SCOPE_GROUP },
		{ "255.255.255.254", ENDPOINT_SCOPE_GLOBAL },
		{ "ff02::fb", ENDPOINT_SCOPE_GROUP },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct endpoint e = { .port = 1 };

		ck_assert_int_eq(endpoint_parse_address(&e, rows[i].text), 0);
		ck_assert_msg(endpoint_scope(&e) == rows[i].scope, "%s",
			      rows[i].text);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("endpoint");
	TCase *text = tcase_create("text");
	TCase *sockaddr = tcase_create("sockaddr");
	TCase *name = tcase_create("name");
	TCase *compare = tcase_create("compare");

	tcase_add_loop_test(text, reads_and_shows_an_address, 0, N(addresses));
	tcase_add_loop_test(text, refuses_what_is_no_address, 0,
			    N(no_addresses));
	tcase_add_test(text, leaves_the_port_alone);
	tcase_add_test(text, shows_the_longest_name_whole);
	tcase_add_test(text, cuts_text_at_its_room);
	tcase_add_test(text, shows_nothing_as_a_dash);
	suite_add_tcase(s, text);
	tcase_add_test(sockaddr, takes_an_ipv4_sockaddr);
	tcase_add_test(sockaddr, takes_an_ipv6_sockaddr_with_its_scope);
	tcase_add_test(sockaddr, takes_a_mapped_sockaddr_as_ipv4);
	tcase_add_test(sockaddr, takes_an_old_ipv6_sockaddr_without_a_scope);
	tcase_add_test(sockaddr, takes_a_sockaddr_at_any_alignment);
	tcase_add_test(sockaddr, refuses_a_short_sockaddr);
	tcase_add_test(sockaddr, refuses_other_families);
	tcase_add_test(sockaddr, gives_back_the_sockaddr_that_it_took);
	tcase_add_test(sockaddr, maps_ipv4_for_an_ipv6_socket);
	tcase_add_test(sockaddr, has_no_sockaddr_where_there_can_be_none);
	suite_add_tcase(s, sockaddr);
	tcase_add_test(name, keeps_a_name_as_typed);
	tcase_add_test(name, removes_one_trailing_dot);
	tcase_add_test(name, takes_a_name_of_255_octets_and_no_more);
	tcase_add_test(name, refuses_an_empty_name);
	tcase_add_test(name, refuses_a_name_with_a_nul);
	tcase_add_test(name, takes_its_own_name_again);
	tcase_add_test(name, shows_strange_bytes_of_a_name_as_question_marks);
	suite_add_tcase(s, name);
	tcase_add_test(compare, finds_the_same_equal);
	tcase_add_test(compare, finds_others_different);
	tcase_add_test(compare, does_not_take_at_signs_for_letters);
	tcase_add_loop_test(compare, knows_loopback_addresses, 0, N(hosts));
	tcase_add_test(compare, takes_no_name_for_loopback);
	tcase_add_test(compare, knows_how_far_an_address_reaches);
	suite_add_tcase(s, compare);
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
