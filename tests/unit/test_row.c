/* SPDX-License-Identifier: MIT */
/* test_row.c - bytes in several vectors, taken as one row */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/row.h"

enum { LENGTH = 12, VECTORS = 5 };

/* "abcdefghijkl" in every cut into pieces, some of them empty. */
static char bytes[VECTORS][LENGTH];
static struct iovec vectors[VECTORS];
static struct row row = { vectors, VECTORS };

static void cut(int number)
{
	size_t at[VECTORS + 1] = { 0 };
	const char *text = "abcdefghijkl";

	for (int i = 1; i < VECTORS; i++) {
		at[i] = at[i - 1] + (size_t)(number % 4);
		number /= 4;
	}
	at[VECTORS] = LENGTH;
	for (int i = 0; i < VECTORS; i++) {
		vectors[i] = (struct iovec){ bytes[i], at[i + 1] - at[i] };
		memcpy(bytes[i], text + at[i], vectors[i].iov_len);
	}
}

enum { CUTS = 4 * 4 * 4 * 4 };

static const char *whole(void)
{
	static char text[LENGTH + 1];

	ck_assert_uint_eq(row_read(&row, 0, text, LENGTH + 1), LENGTH);
	return text;
}

START_TEST(reads_across_pieces)
{
	char text[8] = "";

	cut(_i);
	ck_assert_str_eq(whole(), "abcdefghijkl");
	ck_assert_uint_eq(row_read(&row, 3, text, 5), 5);
	ck_assert_str_eq(text, "defgh");
	ck_assert_uint_eq(row_read(&row, 10, text, 5), 2);
	ck_assert_uint_eq(row_read(&row, 12, text, 5), 0);
	ck_assert_uint_eq(row_read(&row, 99, text, 5), 0);
}
END_TEST

START_TEST(writes_across_pieces_and_no_further)
{
	cut(_i);
	ck_assert_uint_eq(row_write(&row, 2, "CDEF", 4), 4);
	ck_assert_str_eq(whole(), "abCDEFghijkl");
	ck_assert_uint_eq(row_write(&row, 10, "KLMN", 4), 2);
	ck_assert_str_eq(whole(), "abCDEFghijKL");
}
END_TEST

START_TEST(clears_across_pieces)
{
	char text[LENGTH];

	cut(_i);
	row_clear(&row, 4, 3);
	row_read(&row, 0, text, LENGTH);
	ck_assert_mem_eq(text, "abcd\0\0\0hijkl", LENGTH);
	row_clear(&row, 11, 9);
	row_read(&row, 0, text, LENGTH);
	ck_assert_mem_eq(text, "abcd\0\0\0hijk", LENGTH);
}
END_TEST

START_TEST(moves_towards_the_beginning)
{
	cut(_i);
	row_move(&row, 1, 4, 7);
	ck_assert_str_eq(whole(), "aefghijkijkl");
}
END_TEST

START_TEST(moves_towards_the_end)
{
	cut(_i);
	row_move(&row, 4, 1, 7);
	ck_assert_str_eq(whole(), "abcdbcdefghl");
}
END_TEST

START_TEST(moves_nothing_beyond_the_end)
{
	cut(_i);
	row_move(&row, 8, 0, 12);
	ck_assert_str_eq(whole(), "abcdefghabcd");
	row_move(&row, 20, 0, 4);
	ck_assert_str_eq(whole(), "abcdefghabcd");
}
END_TEST

START_TEST(copies_between_rows)
{
	char other[2][8] = { "", "" };
	struct iovec to[3] = { { other[0], 3 }, { NULL, 0 }, { other[1], 7 } };
	struct row target = { to, 3 };

	cut(_i);
	row_copy(&target, &row, 8);
	ck_assert_str_eq(other[0], "abc");
	ck_assert_str_eq(other[1], "defgh");
	row_copy(&target, &row, 99);
	ck_assert_str_eq(other[1], "defghij");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("row");
	TCase *all = tcase_create("row");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(all, reads_across_pieces, 0, CUTS);
	tcase_add_loop_test(all, writes_across_pieces_and_no_further, 0, CUTS);
	tcase_add_loop_test(all, clears_across_pieces, 0, CUTS);
	tcase_add_loop_test(all, moves_towards_the_beginning, 0, CUTS);
	tcase_add_loop_test(all, moves_towards_the_end, 0, CUTS);
	tcase_add_loop_test(all, moves_nothing_beyond_the_end, 0, CUTS);
	tcase_add_loop_test(all, copies_between_rows, 0, CUTS);
	suite_add_tcase(s, all);
	runner = srunner_create(s);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
