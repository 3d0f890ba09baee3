/* SPDX-License-Identifier: MIT */
/* test_cursor.c - bounded reading and writing */
#include "core/cursor.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

START_TEST(reads_numbers_in_network_order)
{
	struct reader r = reader_over(bytes, sizeof(bytes));

	ck_assert_uint_eq(reader_u8(&r), 0x01);
	ck_assert_uint_eq(reader_be16(&r), 0x0203);
	ck_assert_uint_eq(reader_be32(&r), 0x04050607);
	ck_assert_uint_eq(reader_left(&r), 1);
	ck_assert(!r.failed);
}
END_TEST

START_TEST(reads_the_highest_values)
{
	static const uint8_t high[7] = { 0xff, 0xff, 0xff, 0xff,
					 0xff, 0xff, 0xff };
	struct reader r = reader_over(high, sizeof(high));

	ck_assert_uint_eq(reader_u8(&r), 0xff);
	ck_assert_uint_eq(reader_be16(&r), 0xffff);
	ck_assert_uint_eq(reader_be32(&r), 0xffffffff);
}
END_TEST

START_TEST(reads_up_to_the_last_byte)
{
	struct reader r = reader_over(bytes, 4);

	ck_assert_uint_eq(reader_be32(&r), 0x01020304);
	ck_assert(!r.failed);
	ck_assert_uint_eq(reader_left(&r), 0);
}
END_TEST

START_TEST(fails_one_byte_past_the_end)
{
	struct reader r = reader_over(bytes, 3);

	ck_assert_uint_eq(reader_be32(&r), 0);
	ck_assert(r.failed);
}
END_TEST

START_TEST(stays_failed_though_bytes_are_left)
{
	struct reader r = reader_over(bytes, 3);

	reader_be32(&r);
	ck_assert_uint_eq(reader_left(&r), 0);
	ck_assert_uint_eq(reader_u8(&r), 0);
	ck_assert_uint_eq(reader_be16(&r), 0);
	ck_assert(!reader_bytes(&r, NULL, 0));
	ck_assert(r.failed);
}
END_TEST

START_TEST(copies_and_skips_bytes)
{
	struct reader r = reader_over(bytes, sizeof(bytes));
	uint8_t out[3];

	ck_assert(reader_bytes(&r, NULL, 2));
	ck_assert(reader_bytes(&r, out, sizeof(out)));
	ck_assert_mem_eq(out, bytes + 2, sizeof(out));
	ck_assert_uint_eq(reader_left(&r), 3);
}
END_TEST

START_TEST(zeroes_what_it_could_not_copy)
{
	struct reader r = reader_over(bytes, 2);
	uint8_t out[3] = { 9, 9, 9 };
	static const uint8_t zeros[3];

	ck_assert(!reader_bytes(&r, out, sizeof(out)));
	ck_assert_mem_eq(out, zeros, sizeof(out));
	ck_assert(!reader_bytes(&r, NULL, 1));
}
END_TEST

START_TEST(refuses_a_length_that_would_wrap_around)
{
	struct reader r = reader_over(bytes, sizeof(bytes));

	ck_assert(!reader_bytes(&r, NULL, SIZE_MAX));
	ck_assert(r.failed);
}
END_TEST

START_TEST(reads_nothing_from_nothing)
{
	struct reader r = reader_over(NULL, 0);

	ck_assert_uint_eq(reader_left(&r), 0);
	ck_assert(reader_bytes(&r, NULL, 0));
	ck_assert(!r.failed);
	ck_assert_uint_eq(reader_u8(&r), 0);
	ck_assert(r.failed);
}
END_TEST

START_TEST(writes_numbers_in_network_order)
{
	static const uint8_t expected[] = { 0xab, 0x01, 0x02, 0xff, 0xfe, 0xfd,
					    0xfc, 'x',	'y' };
	uint8_t out[sizeof(expected)];
	struct writer w = writer_over(out, sizeof(out));

	writer_u8(&w, 0xab);
	writer_be16(&w, 0x0102);
	writer_be32(&w, 0xfffefdfc);
	writer_bytes(&w, "xy", 2);
	ck_assert(!w.failed);
	ck_assert_uint_eq(writer_used(&w), sizeof(expected));
	ck_assert_mem_eq(out, expected, sizeof(expected));
}
END_TEST

START_TEST(writes_nothing_of_what_does_not_fit)
{
	uint8_t out[4] = { 0, 0, 0, 0x77 };
	struct writer w = writer_over(out, 3);

	writer_u8(&w, 1);
	writer_be32(&w, 0xffffffff);
	ck_assert(w.failed);
	ck_assert_uint_eq(writer_used(&w), 1);
	ck_assert_uint_eq(out[1], 0);
	ck_assert_uint_eq(out[3], 0x77);
}
END_TEST

START_TEST(writes_nothing_after_a_failure)
{
	uint8_t out[3] = { 0 };
	struct writer w = writer_over(out, sizeof(out));

	writer_bytes(&w, "four", 4);
	writer_u8(&w, 1);
	writer_be16(&w, 1);
	writer_bytes(&w, "x", 1);
	ck_assert(w.failed);
	ck_assert_uint_eq(writer_used(&w), 0);
	ck_assert_uint_eq(out[0], 0);
}
END_TEST

START_TEST(writes_nothing_into_nothing)
{
	struct writer w = writer_over(NULL, 0);

	writer_bytes(&w, NULL, 0);
	ck_assert(!w.failed);
	ck_assert_uint_eq(writer_used(&w), 0);
	writer_u8(&w, 1);
	ck_assert(w.failed);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("cursor");
	TCase *reader = tcase_create("reader");
	TCase *writer = tcase_create("writer");

	tcase_add_test(reader, reads_numbers_in_network_order);
	tcase_add_test(reader, reads_the_highest_values);
	tcase_add_test(reader, reads_up_to_the_last_byte);
	tcase_add_test(reader, fails_one_byte_past_the_end);
	tcase_add_test(reader, stays_failed_though_bytes_are_left);
	tcase_add_test(reader, copies_and_skips_bytes);
	tcase_add_test(reader, zeroes_what_it_could_not_copy);
	tcase_add_test(reader, refuses_a_length_that_would_wrap_around);
	tcase_add_test(reader, reads_nothing_from_nothing);
	suite_add_tcase(s, reader);
	tcase_add_test(writer, writes_numbers_in_network_order);
	tcase_add_test(writer, writes_nothing_of_what_does_not_fit);
	tcase_add_test(writer, writes_nothing_after_a_failure);
	tcase_add_test(writer, writes_nothing_into_nothing);
	suite_add_tcase(s, writer);
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
