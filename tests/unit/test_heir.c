/* SPDX-License-Identifier: MIT */
/* test_heir.c - a UDP socket that a program gets, as text */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/heir.h"

static const struct heir heir = {
	.cookie = 0x1a2b,
	.control = 5,
	.control_cookie = 0xffffffffffffffff,
	.relay = { { 2, 0, 0x1f, 0x90 }, 4 },
	.peer = { { 10, 0, 0xff }, 3 },
};
static const char said[] = "1a2b,05,ffffffffffffffff,02001f90,0a00ff;";

START_TEST(says_numbers_without_zeros_and_addresses_whole)
{
	char text[sizeof(said)] = "";

	ck_assert_uint_eq(heir_put(text, sizeof(text) - 1, &heir),
			  sizeof(said) - 1);
	ck_assert_str_eq(text, said);
}
END_TEST

/* For each room that is too small. */
START_TEST(says_nothing_beyond_its_room)
{
	char text[sizeof(said)];

	memset(text, '.', sizeof(text));
	ck_assert_uint_eq(heir_put(text, (size_t)_i, &heir), 0);
	for (size_t i = (size_t)_i; i < sizeof(text); i++)
		ck_assert_int_eq(text[i], '.');
}
END_TEST

START_TEST(takes_what_it_has_said)
{
	const char *text = "1a2b,05,ffffffffffffffff,02001f90,0a00ff;01,,,,;";
	struct heir taken;

	ck_assert(heir_take(&text, &taken));
	ck_assert_uint_eq(taken.cookie, heir.cookie);
	ck_assert_uint_eq(taken.control, heir.control);
	ck_assert_uint_eq(taken.control_cookie, heir.control_cookie);
	ck_assert_uint_eq(taken.relay.len, 4);
	ck_assert_mem_eq(taken.relay.bytes, heir.relay.bytes, 4);
	ck_assert_uint_eq(taken.peer.len, 3);
	ck_assert_mem_eq(taken.peer.bytes, heir.peer.bytes, 3);
	ck_assert(heir_take(&text, &taken));
	ck_assert_uint_eq(taken.cookie, 1);
	ck_assert_uint_eq(taken.relay.len + taken.peer.len, 0);
	ck_assert_str_eq(text, "");
}
END_TEST

/* 28 octets are an address, 29 are not. */
#define OCTETS_28 "00112233445566778899aabbccddeeff00112233445566778899aabb"

static const char *const wrong[] = {
	"",
	";",
	",,,,;",
	"00,,,,;",
	"1,,,,;",
	"01,,,,",
	"01,,,;",
	"01,,,",
	"01,0,,,;",
	"01,,,0,;",
	"01,,,,0;",
	"0A,,,,;",
	"0x,,,,;",
	" 01,,,,;",
	"01;,,,;",
	"010000000000000000,,,,;",
	"01,010000000000000000,,,;",
	"01,,," OCTETS_28 "cc,;",
	"01,,,," OCTETS_28 "cc;",
	"01,,,\xff\xff,;",
	"-1,,,,;",
};

START_TEST(takes_nothing_else)
{
	const char *text = wrong[_i];
	struct heir taken;

	ck_assert(!heir_take(&text, &taken));
	ck_assert_uint_le((size_t)(text - wrong[_i]), strlen(wrong[_i]));
}
END_TEST

START_TEST(takes_the_longest_address)
{
	const char *text = "01,,," OCTETS_28 "," OCTETS_28 ";";
	struct heir taken;

	ck_assert(heir_take(&text, &taken));
	ck_assert_uint_eq(taken.relay.len, HEIR_ADDRESS_MAX);
	ck_assert_uint_eq(taken.peer.len, HEIR_ADDRESS_MAX);
	ck_assert_uint_eq(taken.peer.bytes[27], 0xbb);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("heir");
	TCase *tcase = tcase_create("text");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, says_numbers_without_zeros_and_addresses_whole);
	tcase_add_loop_test(tcase, says_nothing_beyond_its_room, 0,
			    sizeof(said) - 1);
	tcase_add_test(tcase, takes_what_it_has_said);
	tcase_add_loop_test(tcase, takes_nothing_else, 0,
			    sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tcase, takes_the_longest_address);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
