/* SPDX-License-Identifier: MIT */
/* test_pair.c - a value of many words that is read while another thread changes it */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/pair.h"

enum { WORDS = 40, ROUNDS = 200000 };

struct value {
	uint64_t words[WORDS];
};

static uint32_t count;
static struct value two[2];
static uint32_t over;

static struct value value_of(uint64_t number)
{
	struct value value;

	for (int i = 0; i < WORDS; i++)
		value.words[i] = number;
	return value;
}

START_TEST(what_was_written_is_read)
{
	struct value value = value_of(7), got;

	value.words[3] = 8;
	pair_write(&count, two, &value, sizeof(value));
	pair_read(&count, two, &got, sizeof(got));
	ck_assert_mem_eq(&got, &value, sizeof(got));
	pair_read_part(&count, two, sizeof(got), 3 * sizeof(uint64_t), &got,
		       sizeof(uint64_t));
	ck_assert_uint_eq(got.words[0], 8);
}
END_TEST

START_TEST(a_copy_that_a_change_overtakes_is_not_whole)
{
	struct value value = value_of(1);
	uint32_t begun = pair_begin(&count);

	ck_assert(pair_is_whole(&count, begun));
	pair_write(&count, two, &value, sizeof(value));
	ck_assert(!pair_is_whole(&count, begun));
	pair_write(&count, two, &value, sizeof(value));
	ck_assert(!pair_is_whole(&count, begun));
}
END_TEST

static void *keep_writing(void *arg)
{
	struct value value;

	(void)arg;
	for (uint64_t i = 0; !__atomic_load_n(&over, __ATOMIC_RELAXED); i++) {
		value = value_of(i);
		pair_write(&count, two, &value, sizeof(value));
	}
	return NULL;
}

START_TEST(nobody_reads_parts_of_two)
{
	struct value got = value_of(0);
	pthread_t writer;
	int torn = 0;

	pair_write(&count, two, &got, sizeof(got));
	ck_assert_int_eq(pthread_create(&writer, NULL, keep_writing, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		pair_read(&count, two, &got, sizeof(got));
		for (int k = 1; k < WORDS; k++)
			torn += got.words[k] != got.words[0];
	}
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	pthread_join(writer, NULL);
	ck_assert_int_eq(torn, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pair");
	TCase *all = tcase_create("pair");
	SRunner *runner;
	int failed;

	tcase_set_timeout(all, 60);
	tcase_add_test(all, what_was_written_is_read);
	tcase_add_test(all, a_copy_that_a_change_overtakes_is_not_whole);
	tcase_add_test(all, nobody_reads_parts_of_two);
	suite_add_tcase(s, all);
	runner = srunner_create(s);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
