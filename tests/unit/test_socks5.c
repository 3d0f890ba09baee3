/* SPDX-License-Identifier: MIT */
/* test_socks5.c - the messages of RFC 1928 and RFC 1929 */
#include "core/socks5.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N(array)     ((int)(sizeof(array) / sizeof((array)[0])))
#define BYTES(text)  ((const uint8_t *)(text))
#define LENGTH(text) (sizeof(text) - 1)

static struct endpoint address(const char *text, uint16_t port)
{
	struct endpoint e = { .port = port };

	ck_assert_int_eq(endpoint_parse_address(&e, text), 0);
	return e;
}

static struct endpoint name_of(const char *text, size_t len, uint16_t port)
{
	struct endpoint e = { .port = port };

	ck_assert_int_eq(endpoint_set_name(&e, text, len), 0);
	return e;
}

static const char *shown(const struct endpoint *e)
{
	static char text[ENDPOINT_TEXT_MAX];

	return endpoint_format(e, text, sizeof(text));
}

/* --- what the client says ------------------------------------------------- */

START_TEST(greets_with_the_methods_in_order)
{
	static const uint8_t methods[] = { 0, 2 };
	uint8_t out[8];

	ck_assert_int_eq(socks5_put_greeting(out, sizeof(out), methods, 2), 4);
	ck_assert_mem_eq(out, "\x05\x02\x00\x02", 4);
}
END_TEST

START_TEST(greets_with_1_to_255_methods)
{
	uint8_t methods[256] = { 0 }, out[300];

	ck_assert_int_eq(socks5_put_greeting(out, sizeof(out), methods, 0),
			 -EINVAL);
	ck_assert_int_eq(socks5_put_greeting(out, sizeof(out), methods, 255),
			 257);
	ck_assert_uint_eq(out[1], 255);
	ck_assert_int_eq(socks5_put_greeting(out, sizeof(out), methods, 256),
			 -EINVAL);
}
END_TEST

START_TEST(says_username_and_password)
{
	uint8_t out[32];

	ck_assert_int_eq(socks5_put_userpass(out, sizeof(out), "al", "s3c"), 8);
	ck_assert_mem_eq(out, "\x01\x02" "al" "\x03" "s3c", 8);
}
END_TEST

START_TEST(says_the_longest_username_and_password)
{
	char long_one[257];
	uint8_t out[SOCKS5_AUTH_MAX];

	memset(long_one, 'x', sizeof(long_one));
	long_one[256] = '\0';
	ck_assert_int_eq(socks5_put_userpass(out, sizeof(out), long_one, "p"),
			 -EINVAL);
	ck_assert_int_eq(socks5_put_userpass(out, sizeof(out), "u", long_one),
			 -EINVAL);
	long_one[255] = '\0';
	ck_assert_int_eq(
		socks5_put_userpass(out, sizeof(out), long_one, long_one),
		SOCKS5_AUTH_MAX);
	ck_assert_uint_eq(out[1], 255);
	ck_assert_uint_eq(out[257], 255);
	ck_assert_uint_eq(out[512], 'x');
}
END_TEST

START_TEST(refuses_an_empty_username_or_password)
{
	uint8_t out[32];

	ck_assert_int_eq(socks5_put_userpass(out, sizeof(out), "", "p"),
			 -EINVAL);
	ck_assert_int_eq(socks5_put_userpass(out, sizeof(out), "u", ""),
			 -EINVAL);
}
END_TEST

START_TEST(requests_an_ipv4_destination)
{
	struct endpoint e = address("192.0.2.1", 0x1234);
	uint8_t out[SOCKS5_MESSAGE_MAX];

	ck_assert_int_eq(
		socks5_put_request(out, sizeof(out), SOCKS5_CONNECT, &e), 10);
	ck_assert_mem_eq(out, "\x05\x01\x00\x01\xc0\x00\x02\x01\x12\x34", 10);
}
END_TEST

START_TEST(requests_an_ipv6_destination)
{
	struct endpoint e = address("2001:db8::1", 443);
	uint8_t out[SOCKS5_MESSAGE_MAX];

	ck_assert_int_eq(socks5_put_request(out, sizeof(out), SOCKS5_BIND, &e),
			 22);
	ck_assert_mem_eq(out,
			 "\x05\x02\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0"
			 "\0\1\x01\xbb",
			 22);
}
END_TEST

START_TEST(requests_a_mapped_destination_as_ipv4)
{
	struct endpoint e = address("::ffff:192.0.2.1", 80);
	uint8_t out[SOCKS5_MESSAGE_MAX];

	ck_assert_int_eq(
		socks5_put_request(out, sizeof(out), SOCKS5_CONNECT, &e), 10);
	ck_assert_uint_eq(out[3], 1);
}
END_TEST

START_TEST(requests_a_destination_by_name)
{
	struct endpoint e = name_of("example.com.", 12, 80);
	uint8_t out[SOCKS5_MESSAGE_MAX];

	ck_assert_int_eq(
		socks5_put_request(out, sizeof(out), SOCKS5_UDP_ASSOCIATE, &e),
		18);
	ck_assert_mem_eq(out, "\x05\x03\x00\x03\x0b" "example.com" "\x00\x50",
			 18);
}
END_TEST

START_TEST(requests_the_longest_name)
{
	uint8_t out[SOCKS5_MESSAGE_MAX];
	char name[255];
	struct endpoint e;

	memset(name, 'n', sizeof(name));
	e = name_of(name, sizeof(name), 65535);
	ck_assert_int_eq(
		socks5_put_request(out, sizeof(out), SOCKS5_CONNECT, &e),
		SOCKS5_MESSAGE_MAX);
	ck_assert_uint_eq(out[4], 255);
	ck_assert_uint_eq(out[259], 'n');
	ck_assert_uint_eq(out[261], 255);
}
END_TEST

START_TEST(refuses_a_destination_that_cannot_be_said)
{
	struct endpoint none = { .port = 80 };
	struct endpoint nameless = { .kind = ENDPOINT_NAME, .port = 80 };
	struct endpoint on_a_link = address("fe80::1%2", 80);
	uint8_t out[SOCKS5_MESSAGE_MAX];

	ck_assert_int_eq(
		socks5_put_request(out, sizeof(out), SOCKS5_CONNECT, &none),
		-EINVAL);
	ck_assert_int_eq(
		socks5_put_request(out, sizeof(out), SOCKS5_CONNECT, &nameless),
		-EINVAL);
	ck_assert_int_eq(socks5_put_request(out, sizeof(out), SOCKS5_CONNECT,
					    &on_a_link),
			 -EINVAL);
}
END_TEST

START_TEST(writes_no_message_that_does_not_fit)
{
	static const uint8_t methods[] = { 0, 2 };
	struct endpoint e = address("192.0.2.1", 80);
	uint8_t out[16];

	for (size_t size = 0; size < 4; size++)
		ck_assert_int_eq(socks5_put_greeting(out, size, methods, 2),
				 -ENOBUFS);
	for (size_t size = 0; size < 5; size++)
		ck_assert_int_eq(socks5_put_userpass(out, size, "u", "p"),
				 -ENOBUFS);
	for (size_t size = 0; size < 10; size++)
		ck_assert_int_eq(
			socks5_put_request(out, size, SOCKS5_CONNECT, &e),
			-ENOBUFS);
}
END_TEST

/* --- what the server says ------------------------------------------------- */

START_TEST(takes_any_method_of_version_5)
{
	for (int value = 0; value < 256; value++) {
		uint8_t in[2] = { 5, (uint8_t)value }, method = 77;

		ck_assert_int_eq(socks5_get_method(in, 0, &method), 0);
		ck_assert_int_eq(socks5_get_method(in, 1, &method), 0);
		ck_assert_uint_eq(method, 77);
		ck_assert_int_eq(socks5_get_method(in, 2, &method), 2);
		ck_assert_uint_eq(method, value);
	}
}
END_TEST

START_TEST(refuses_a_method_of_another_version)
{
	for (int version = 0; version < 256; version++) {
		uint8_t in[2] = { (uint8_t)version, 0 }, method;
		int rc = socks5_get_method(in, 1, &method);

		ck_assert_int_eq(rc, version == 5 ? 0 : -EPROTO);
		rc = socks5_get_method(in, 2, &method);
		ck_assert_int_eq(rc, version == 5 ? 2 : -EPROTO);
	}
}
END_TEST

START_TEST(takes_a_status_of_version_1_or_5)
{
	for (int version = 0; version < 256; version++) {
		uint8_t in[2] = { (uint8_t)version, 0xfe }, status = 0;
		bool right = version == 1 || version == 5;
		int rc = socks5_get_userpass_status(in, 1, &status);

		ck_assert_int_eq(rc, right ? 0 : -EPROTO);
		ck_assert_uint_eq(status, 0);
		rc = socks5_get_userpass_status(in, 2, &status);
		ck_assert_int_eq(rc, right ? 2 : -EPROTO);
		ck_assert_uint_eq(status, right ? 0xfe : 0);
		ck_assert_int_eq(socks5_get_userpass_status(in, 0, &status), 0);
	}
}
END_TEST

#define REPLY(head, text) { BYTES(head), LENGTH(head), text }

static const struct {
	const uint8_t *bytes;
	size_t len;
	const char *bound;
} successes[] = {
	REPLY("\5\0\0\1\xc0\0\2\1\0\x50", "192.0.2.1:80"),
	REPLY("\5\0\0\1\0\0\0\0\0\0", "0.0.0.0:0"),
	REPLY("\5\0\xff\1\x7f\0\0\1\xff\xff", "127.0.0.1:65535"),
	REPLY("\5\0\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\x50",
	      "[2001:db8::1]:80"),
	REPLY("\5\0\0\4\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1\0\x50",
	      "192.0.2.1:80"),
	REPLY("\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "[::]:0"),
	REPLY("\5\0\0\3\x0b" "example.com" "\0\x50", "example.com:80"),
	REPLY("\5\0\0\3\x01" "a" "\0\x50", "a:80"),
	REPLY("\5\0\0\3\0\0\0", "-:0"),
	REPLY("\5\0\0\3\0\0\x50", "-:80"),
	REPLY("\5\0\0\3\2a\0\0\x50", "-:80"),
	REPLY("\5\0\0\3\1.\0\x50", "-:80"),
};

START_TEST(takes_a_success_when_it_is_whole)
{
	uint8_t reply = 99, in[64] = { 0 };
	struct endpoint bound;

	memcpy(in, successes[_i].bytes, successes[_i].len);
	for (size_t len = 0; len < successes[_i].len; len++) {
		ck_assert_int_eq(socks5_get_reply(in, len, &reply, &bound), 0);
		ck_assert_uint_eq(reply, len < 2 ? 99 : 0);
		ck_assert_int_eq(bound.kind, ENDPOINT_NONE);
	}
	/* what follows is not taken */
	ck_assert_int_eq(socks5_get_reply(in, sizeof(in), &reply, &bound),
			 (int)successes[_i].len);
	ck_assert_str_eq(shown(&bound), successes[_i].bound);
}
END_TEST

START_TEST(needs_no_more_than_a_success_has)
{
	size_t len = successes[_i].len, known = 0, reads = 0;
	uint8_t in[64];

	while (known < len) {
		size_t needs = socks5_reply_needs(in, known);

		ck_assert_uint_gt(needs, known);
		ck_assert_uint_le(needs, len);
		memcpy(in, successes[_i].bytes, needs);
		known = needs;
		reads++;
	}
	ck_assert_uint_le(reads, 2);
	ck_assert_uint_eq(socks5_reply_needs(in, len), len);
}
END_TEST

START_TEST(takes_the_longest_name)
{
	uint8_t in[SOCKS5_MESSAGE_MAX] = { 5, 0, 0, 3, 255 }, reply;
	struct endpoint bound;

	memset(in + 5, 'z', 255);
	in[261] = 9;
	ck_assert_uint_eq(socks5_reply_needs(in, 5), sizeof(in));
	ck_assert_int_eq(socks5_get_reply(in, 261, &reply, &bound), 0);
	ck_assert_int_eq(socks5_get_reply(in, sizeof(in), &reply, &bound),
			 sizeof(in));
	ck_assert_uint_eq(bound.name_len, 255);
	ck_assert_uint_eq(bound.port, 9);
}
END_TEST

START_TEST(refuses_a_success_with_an_odd_address_type)
{
	for (int type = 0; type < 256; type++) {
		uint8_t in[10] = { 5, 0, 0, (uint8_t)type }, reply;
		bool right = type == 1 || type == 3 || type == 4;
		struct endpoint bound;
		int rc = socks5_get_reply(in, 3, &reply, &bound);

		ck_assert_int_eq(rc, 0);
		rc = socks5_get_reply(in, 4, &reply, &bound);
		ck_assert_int_eq(rc, right ? 0 : -EPROTO);
	}
}
END_TEST

START_TEST(refuses_a_reply_of_another_version)
{
	for (int version = 0; version < 256; version++) {
		uint8_t in[10] = { (uint8_t)version, 0, 0, 1 }, reply;
		struct endpoint bound;
		int rc = socks5_get_reply(in, 1, &reply, &bound);

		ck_assert_int_eq(rc, version == 5 ? 0 : -EPROTO);
		rc = socks5_get_reply(in, 10, &reply, &bound);
		ck_assert_int_eq(rc, version == 5 ? 10 : -EPROTO);
	}
}
END_TEST

START_TEST(takes_a_failure_by_two_bytes_whatever_follows)
{
	uint8_t in[10] = { 5, (uint8_t)_i, 0xee, 0xee, 0xee }, reply;
	struct endpoint bound;

	for (size_t len = 2; len <= sizeof(in); len++) {
		reply = 0;
		ck_assert_int_eq(socks5_get_reply(in, len, &reply, &bound), 2);
		ck_assert_uint_eq(reply, _i);
		ck_assert_int_eq(bound.kind, ENDPOINT_NONE);
		ck_assert_uint_eq(socks5_reply_needs(in, len), 2);
	}
}
END_TEST

/* --- REP to errno --------------------------------------------------------- */

static const int errnos[] = { 0,	    ECONNREFUSED, EACCES,
			      ENETUNREACH,  EHOSTUNREACH, ECONNREFUSED,
			      ETIMEDOUT,    EOPNOTSUPP,	  EAFNOSUPPORT };

START_TEST(maps_every_reply_to_its_errno)
{
	int expected = _i < N(errnos) ? errnos[_i] : ECONNREFUSED;

	ck_assert_int_eq(socks5_reply_errno((uint8_t)_i), expected);
	ck_assert_uint_gt(strlen(socks5_reply_text((uint8_t)_i)), 0);
}
END_TEST

START_TEST(tells_the_assigned_replies_apart)
{
	for (int i = 0; i <= N(errnos); i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(socks5_reply_text((uint8_t)i),
					 socks5_reply_text((uint8_t)j));
}
END_TEST

/* --- datagrams, RFC 1928 section 7 --------------------------------------------------- */

START_TEST(puts_a_header_before_the_data)
{
	struct endpoint e = address("192.0.2.1", 53);
	uint8_t out[SOCKS5_UDP_HEADER_MAX];

	ck_assert_int_eq(socks5_put_udp_header(out, sizeof(out), &e), 10);
	ck_assert_mem_eq(out, "\0\0\0\x01\xc0\x00\x02\x01\x00\x35", 10);
	e = address("2001:db8::1", 53);
	ck_assert_int_eq(socks5_put_udp_header(out, sizeof(out), &e), 22);
	ck_assert_mem_eq(out, "\0\0\0\x04\x20\x01\x0d\xb8", 8);
	e = name_of("example.com", 11, 53);
	ck_assert_int_eq(socks5_put_udp_header(out, sizeof(out), &e), 18);
	ck_assert_mem_eq(out, "\0\0\0\x03\x0b" "example.com" "\x00\x35", 18);
	ck_assert_int_eq(socks5_put_udp_header(out, 17, &e), -ENOBUFS);
}
END_TEST

START_TEST(takes_the_header_off)
{
	static const uint8_t four[] = "\0\0\x85\x01\xc0\x00\x02\x01\x00\x35" "data";
	static const uint8_t six[] = "\0\0\0\x04\x20\x01\x0d\xb8\0\0\0\0"
				     "\0\0\0\0\0\0\0\1\x00\x35" "data";
	static const uint8_t name[] = "\0\0\0\x03\x0b" "example.com" "\x00\x35" "data";
	struct endpoint e, wanted = address("192.0.2.1", 53);
	uint8_t frag;

	ck_assert_int_eq(socks5_get_udp_header(four, 14, &frag, &e), 10);
	ck_assert(endpoint_equal(&e, &wanted));
	ck_assert_uint_eq(frag, 0x85);
	wanted = address("2001:db8::1", 53);
	ck_assert_int_eq(socks5_get_udp_header(six, 26, &frag, &e), 22);
	ck_assert(endpoint_equal(&e, &wanted));
	ck_assert_uint_eq(frag, 0);
	wanted = name_of("EXAMPLE.com", 11, 53);
	ck_assert_int_eq(socks5_get_udp_header(name, 22, &frag, &e), 18);
	ck_assert(endpoint_equal(&e, &wanted));
	for (size_t n = 0; n < 10; n++)
		ck_assert_int_eq(socks5_get_udp_header(four, n, &frag, &e), -EPROTO);
	for (size_t n = 0; n < 22; n++)
		ck_assert_int_eq(socks5_get_udp_header(six, n, &frag, &e), -EPROTO);
	for (size_t n = 0; n < 18; n++)
		ck_assert_int_eq(socks5_get_udp_header(name, n, &frag, &e), -EPROTO);
}
END_TEST

START_TEST(refuses_a_header_that_cannot_be)
{
	uint8_t in[] = "\0\0\0\x01\xc0\x00\x02\x01\x00\x35";
	struct endpoint e;
	uint8_t frag;

	for (unsigned int type = 0; type < 256; type++) {
		in[3] = (uint8_t)type;
		if (type != 1 && type != 3)
			ck_assert_int_eq(socks5_get_udp_header(in, 10, &frag, &e),
					 -EPROTO);
	}
	in[3] = 1;
	in[1] = 1;
	ck_assert_int_eq(socks5_get_udp_header(in, 10, &frag, &e), -EPROTO);
	in[1] = 0;
	in[0] = 1;
	ck_assert_int_eq(socks5_get_udp_header(in, 10, &frag, &e), -EPROTO);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("socks5");
	TCase *client = tcase_create("client");
	TCase *server = tcase_create("server");
	TCase *datagrams = tcase_create("datagrams");
	TCase *table = tcase_create("table");

	tcase_add_test(client, greets_with_the_methods_in_order);
	tcase_add_test(client, greets_with_1_to_255_methods);
	tcase_add_test(client, says_username_and_password);
	tcase_add_test(client, says_the_longest_username_and_password);
	tcase_add_test(client, refuses_an_empty_username_or_password);
	tcase_add_test(client, requests_an_ipv4_destination);
	tcase_add_test(client, requests_an_ipv6_destination);
	tcase_add_test(client, requests_a_mapped_destination_as_ipv4);
	tcase_add_test(client, requests_a_destination_by_name);
	tcase_add_test(client, requests_the_longest_name);
	tcase_add_test(client, refuses_a_destination_that_cannot_be_said);
	tcase_add_test(client, writes_no_message_that_does_not_fit);
	suite_add_tcase(s, client);
	tcase_add_test(server, takes_any_method_of_version_5);
	tcase_add_test(server, refuses_a_method_of_another_version);
	tcase_add_test(server, takes_a_status_of_version_1_or_5);
	tcase_add_loop_test(server, takes_a_success_when_it_is_whole, 0,
			    N(successes));
	tcase_add_loop_test(server, needs_no_more_than_a_success_has, 0,
			    N(successes));
	tcase_add_test(server, takes_the_longest_name);
	tcase_add_test(server, refuses_a_success_with_an_odd_address_type);
	tcase_add_test(server, refuses_a_reply_of_another_version);
	tcase_add_loop_test(server,
			    takes_a_failure_by_two_bytes_whatever_follows, 1,
			    256);
	suite_add_tcase(s, server);
	tcase_add_test(datagrams, puts_a_header_before_the_data);
	tcase_add_test(datagrams, takes_the_header_off);
	tcase_add_test(datagrams, refuses_a_header_that_cannot_be);
	suite_add_tcase(s, datagrams);
	tcase_add_loop_test(table, maps_every_reply_to_its_errno, 0, 256);
	tcase_add_test(table, tells_the_assigned_replies_apart);
	suite_add_tcase(s, table);
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
