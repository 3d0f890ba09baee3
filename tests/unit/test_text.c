/* SPDX-License-Identifier: MIT */
/* test_text.c - words, numbers and names out of spans of characters */
#include "core/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

START_TEST(compares_whole_texts)
{
	ck_assert(text_is(text_of("via"), "via"));
	ck_assert(!text_is(text_of("vi"), "via"));
	ck_assert(!text_is(text_of("viaa"), "via"));
	ck_assert(!text_is(text_of("VIA"), "via"));
	ck_assert(text_is_nocase(text_of("SOCKS5h"), "socks5H"));
	ck_assert(!text_is_nocase(text_of("socks5"), "socks5h"));
}
END_TEST

START_TEST(trims_blanks_at_both_ends_only)
{
	ck_assert(text_is(text_trim(text_of(" \ta b\r")), "a b"));
	ck_assert_uint_eq(text_trim(text_of(" \t \r")).len, 0);
}
END_TEST

START_TEST(takes_words_between_blanks_and_commas)
{
	struct text rest = text_of(" a,b ,\t\tcd,\n");
	struct text word;

	ck_assert(text_word(&rest, &word) && text_is(word, "a"));
	ck_assert(text_word(&rest, &word) && text_is(word, "b"));
	ck_assert(text_word(&rest, &word) && text_is(word, "cd"));
	ck_assert(!text_word(&rest, &word));
}
END_TEST

START_TEST(reads_numbers_exactly)
{
	unsigned int value = 0;

	ck_assert(text_number(text_of("0"), 0, 9, &value));
	ck_assert_uint_eq(value, 0);
	ck_assert(text_number(text_of("65535"), 1, 65535, &value));
	ck_assert_uint_eq(value, 65535);
	ck_assert(text_number(text_of("999999999"), 0, 999999999, &value));
	ck_assert_uint_eq(value, 999999999);
}
END_TEST

static const char *const no_numbers[] = {
	"",
	"0",
	"65536",
	"00",
	"080",
	"+80",
	"-1",
	" 80",
	"80 ",
	"8a",
	"0x50",
	"4294967376",
	"99999999999999999999",
};

START_TEST(refuses_what_is_no_number_in_range)
{
	unsigned int value = 7;

	ck_assert_msg(!text_number(text_of(no_numbers[_i]), 1, 65535, &value),
		      "%s", no_numbers[_i]);
	ck_assert_uint_eq(value, 7);
}
END_TEST

static const char *const names[] = {
	"a",
	"example.com",
	"example.com.",
	"under_score.x-y.z",
	"1.2.3.a",
	"3com",
	"b\xc3\xbc\x63her.example",
};

START_TEST(knows_a_host_name)
{
	ck_assert_msg(text_is_host_name(text_of(names[_i])), "%s", names[_i]);
}
END_TEST

static const char *const no_names[] = {
	"",	     ".",	  "..",	       ".a",	    "a..b",
	"a..",	     "a b",	  "a/b",       "a:b",	    "*",
	"*.a",	     "a@b",	  "127.0.0.1", "1.2.3",	    "1",
	"1.2.3.4.5", "example.1", "a\nb",      "300.1.1.1",
};

START_TEST(knows_what_is_no_host_name)
{
	ck_assert_msg(!text_is_host_name(text_of(no_names[_i])), "%s",
		      no_names[_i]);
}
END_TEST

START_TEST(bounds_a_host_name_at_255_bytes)
{
	char name[258];

	memset(name, 'a', sizeof(name));
	ck_assert(text_is_host_name((struct text){ name, 255 }));
	ck_assert(!text_is_host_name((struct text){ name, 256 }));
	name[255] = '.';
	ck_assert(text_is_host_name((struct text){ name, 256 }));
}
END_TEST

START_TEST(copies_what_fits_and_nothing_else)
{
	char out[4] = "xxx";

	ck_assert(text_copy(text_of("abc"), out, sizeof(out)));
	ck_assert_str_eq(out, "abc");
	ck_assert(!text_copy(text_of("abcd"), out, sizeof(out)));
	ck_assert_str_eq(out, "");
	ck_assert(!text_copy((struct text){ "a\0b", 3 }, out, sizeof(out)));
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(shows_the_end_of_what_is_long)
{
	ck_assert_str_eq(text_tail("abcdef", 3), "def");
	ck_assert_str_eq(text_tail("abc", 3), "abc");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("text");
	TCase *t = tcase_create("text");

	tcase_add_test(t, compares_whole_texts);
	tcase_add_test(t, trims_blanks_at_both_ends_only);
	tcase_add_test(t, takes_words_between_blanks_and_commas);
	tcase_add_test(t, reads_numbers_exactly);
	tcase_add_loop_test(t, refuses_what_is_no_number_in_range, 0,
			    N(no_numbers));
	tcase_add_loop_test(t, knows_a_host_name, 0, N(names));
	tcase_add_loop_test(t, knows_what_is_no_host_name, 0, N(no_names));
	tcase_add_test(t, bounds_a_host_name_at_255_bytes);
	tcase_add_test(t, copies_what_fits_and_nothing_else);
	tcase_add_test(t, shows_the_end_of_what_is_long);
	suite_add_tcase(s, t);
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
