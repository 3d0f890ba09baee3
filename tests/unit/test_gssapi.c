/* SPDX-License-Identifier: MIT */
/* test_gssapi.c - the messages of RFC 1961 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/gssapi.h"

static const uint8_t *token;
static size_t token_len;

static int get(const uint8_t *in, size_t len, enum gssapi_type type)
{
	token = NULL;
	token_len = 0;
	return gssapi_get_message(in, len, type, &token, &token_len);
}

START_TEST(puts_a_header_before_a_token)
{
	static const uint8_t wanted[] = { 1, 1, 0x12, 0x34 };
	uint8_t out[GSSAPI_HEADER_LEN];

	ck_assert_int_eq(gssapi_put_header(out, sizeof(out),
					   GSSAPI_AUTHENTICATION, 0x1234),
			 4);
	ck_assert_mem_eq(out, wanted, sizeof(wanted));
	ck_assert_int_eq(gssapi_put_header(out, sizeof(out),
					   GSSAPI_ENCAPSULATED, 65535),
			 4);
	ck_assert_mem_eq(out, "\1\3\xff\xff", 4);
}
END_TEST

START_TEST(says_no_length_that_cannot_be_said)
{
	uint8_t out[GSSAPI_HEADER_LEN];

	ck_assert_int_eq(gssapi_put_header(out, 4, GSSAPI_ENCAPSULATED, 65536),
			 -EINVAL);
	ck_assert_int_eq(gssapi_put_header(out, 4, GSSAPI_ENCAPSULATED, 0),
			 -EINVAL);
	ck_assert_int_eq(gssapi_put_header(out, 3, GSSAPI_ENCAPSULATED, 1),
			 -ENOBUFS);
}
END_TEST

static const enum gssapi_type types[] = {
	GSSAPI_AUTHENTICATION,
	GSSAPI_PROTECTION,
	GSSAPI_ENCAPSULATED,
};

/* A message of each type, cut at each byte, with more of the stream behind it. */
START_TEST(takes_a_message_cut_at_any_byte)
{
	enum gssapi_type type = types[_i];
	uint8_t in[] = { 1, (uint8_t)type, 0, 5, 'h', 'e', 'l', 'l', 'o', 1, 3 };
	size_t whole = 9;

	for (size_t len = 0; len < sizeof(in); len++) {
		/* A copy of that length, so that an over-read is seen. */
		uint8_t *part = malloc(len + !len);

		memcpy(part, in, len);
		if (len < whole) {
			ck_assert_int_eq(get(part, len, type), 0);
			ck_assert_uint_gt(gssapi_needs(part, len), len);
			ck_assert_uint_le(gssapi_needs(part, len), whole);
		} else {
			ck_assert_int_eq(get(part, len, type), (int)whole);
			ck_assert_uint_eq(token_len, 5);
			ck_assert_mem_eq(token, "hello", 5);
			ck_assert_uint_eq(gssapi_needs(part, len), whole);
		}
		free(part);
	}
}
END_TEST

START_TEST(takes_the_longest_token)
{
	static uint8_t in[GSSAPI_MESSAGE_MAX] = { 1, 3, 0xff, 0xff };

	ck_assert_uint_eq(gssapi_needs(in, 4), GSSAPI_MESSAGE_MAX);
	ck_assert_int_eq(get(in, sizeof(in) - 1, GSSAPI_ENCAPSULATED), 0);
	ck_assert_int_eq(get(in, sizeof(in), GSSAPI_ENCAPSULATED),
			 GSSAPI_MESSAGE_MAX);
	ck_assert_uint_eq(token_len, GSSAPI_TOKEN_MAX);
}
END_TEST

START_TEST(knows_an_abort_by_two_bytes)
{
	static const uint8_t in[] = { 1, 0xff, 3, 3 };

	ck_assert_uint_eq(gssapi_needs(in, 1), 2);
	ck_assert_uint_eq(gssapi_needs(in, 2), 2);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(get(in, 1, types[i]), 0);
		ck_assert_int_eq(get(in, 2, types[i]), -ECONNABORTED);
		ck_assert_int_eq(get(in, 4, types[i]), -ECONNABORTED);
	}
}
END_TEST

START_TEST(refuses_another_version_at_its_first_byte)
{
	static const uint8_t in[] = { 5, 0xff };

	ck_assert_int_eq(get(in, 1, GSSAPI_AUTHENTICATION), -EPROTO);
	ck_assert_int_eq(get(in, 2, GSSAPI_AUTHENTICATION), -EPROTO);
}
END_TEST

START_TEST(refuses_another_type_at_its_second_byte)
{
	for (int mtyp = 0; mtyp < 0xff; mtyp++) {
		uint8_t in[] = { 1, (uint8_t)mtyp, 0, 1, 0 };

		for (size_t i = 0; i < 3; i++) {
			if (mtyp == (int)types[i])
				continue;
			ck_assert_int_eq(get(in, 2, types[i]), -EPROTO);
			ck_assert_int_eq(get(in, 5, types[i]), -EPROTO);
		}
	}
}
END_TEST

START_TEST(refuses_a_token_of_no_length)
{
	static const uint8_t in[] = { 1, 3, 0, 0 };

	ck_assert_int_eq(get(in, 3, GSSAPI_ENCAPSULATED), 0);
	ck_assert_int_eq(get(in, 4, GSSAPI_ENCAPSULATED), -EPROTO);
}
END_TEST

START_TEST(takes_a_level_of_one_octet)
{
	static const uint8_t in[] = { 0, 1, 2, 3, 4, 255 };

	for (int level = 0; level <= 3; level++)
		ck_assert_int_eq(gssapi_get_level(in + level, 1), level);
	ck_assert_int_eq(gssapi_get_level(in + 4, 1), -EPROTO);
	ck_assert_int_eq(gssapi_get_level(in + 5, 1), -EPROTO);
	ck_assert_int_eq(gssapi_get_level(in, 0), -EPROTO);
	ck_assert_int_eq(gssapi_get_level(in, 2), -EPROTO);
}
END_TEST

START_TEST(lets_no_level_below_what_is_required_do)
{
	for (int required = 0; required <= 2; required++) {
		for (int chosen = 0; chosen <= 3; chosen++)
			ck_assert_int_eq(gssapi_level_suffices(
						 (enum gssapi_level)chosen,
						 (enum gssapi_level)required),
					 chosen >= required);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gssapi");
	TCase *tcase = tcase_create("messages");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, puts_a_header_before_a_token);
	tcase_add_test(tcase, says_no_length_that_cannot_be_said);
	tcase_add_loop_test(tcase, takes_a_message_cut_at_any_byte, 0, 3);
	tcase_add_test(tcase, takes_the_longest_token);
	tcase_add_test(tcase, knows_an_abort_by_two_bytes);
	tcase_add_test(tcase, refuses_another_version_at_its_first_byte);
	tcase_add_test(tcase, refuses_another_type_at_its_second_byte);
	tcase_add_test(tcase, refuses_a_token_of_no_length);
	tcase_add_test(tcase, takes_a_level_of_one_octet);
	tcase_add_test(tcase, lets_no_level_below_what_is_required_do);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
