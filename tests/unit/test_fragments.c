/* SPDX-License-Identifier: MIT */
/* test_fragments.c - datagrams in fragments */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/fragments.h"

static struct fragments f;
static struct endpoint source;

static void begin(void)
{
	memset(&f, 0, sizeof(f));
	memset(&source, 0, sizeof(source));
	ck_assert_int_eq(endpoint_parse_address(&source, "192.0.2.1"), 0);
	source.port = 7;
}

/* True if it was of use. */
static bool add(uint8_t frag, const char *data, int64_t now_ns)
{
	uint8_t *place =
		fragments_place(&f, frag, &source, strlen(data), now_ns);

	if (place != NULL)
		memcpy(place, data, strlen(data));
	return place != NULL;
}

START_TEST(puts_fragments_together_in_order)
{
	ck_assert(add(1, "to be, ", 0));
	ck_assert(!f.whole);
	ck_assert(add(2, "or not ", 1));
	ck_assert(add(0x83, "to be", 2));
	ck_assert(f.whole);
	ck_assert_uint_eq(f.len, 19);
	ck_assert_mem_eq(f.bytes, "to be, or not to be", 19);
}
END_TEST

START_TEST(takes_a_sequence_of_one)
{
	ck_assert(add(0x81, "all", 0));
	ck_assert(f.whole);
	ck_assert(add(0x81, "again", 0));
	ck_assert(f.whole);
	ck_assert_uint_eq(f.len, 5);
}
END_TEST

START_TEST(begins_with_position_1_only)
{
	ck_assert(!add(2, "x", 0));
	ck_assert(!add(0x82, "x", 0));
	ck_assert(!add(0x80, "x", 0));
	ck_assert(!f.whole);
}
END_TEST

START_TEST(drops_the_queue_at_a_lower_position)
{
	ck_assert(add(1, "a", 0));
	ck_assert(add(2, "b", 0));
	ck_assert(!add(2, "b", 0));
	ck_assert(!add(0x83, "c", 0));
	ck_assert(!f.whole);
	ck_assert(add(1, "d", 0));
	ck_assert(add(1, "e", 0));
	ck_assert(add(0x82, "f", 0));
	ck_assert_mem_eq(f.bytes, "ef", 2);
}
END_TEST

START_TEST(drops_the_queue_at_a_gap)
{
	ck_assert(add(1, "a", 0));
	ck_assert(!add(3, "c", 0));
	ck_assert(!add(0x82, "b", 0));
}
END_TEST

START_TEST(drops_the_queue_when_the_timer_fires)
{
	ck_assert(add(1, "a", 10));
	ck_assert(add(2, "b", 9 + FRAGMENTS_TIMER_NS));
	ck_assert(!add(0x83, "c", 10 + FRAGMENTS_TIMER_NS));
}
END_TEST

START_TEST(takes_one_source_at_a_time)
{
	ck_assert(add(1, "a", 0));
	source.port = 8;
	ck_assert(!add(0x82, "b", 0));
	source.port = 7;
	ck_assert(!add(0x82, "b", 0));
}
END_TEST

START_TEST(bounds_what_it_keeps)
{
	size_t half = FRAGMENTS_ROOM / 2;

	ck_assert_ptr_nonnull(fragments_place(&f, 1, &source, half, 0));
	ck_assert_ptr_nonnull(fragments_place(&f, 2, &source, half, 0));
	ck_assert_ptr_null(fragments_place(&f, 0x83, &source, 1, 0));
	ck_assert_ptr_null(fragments_place(&f, 1, &source, SIZE_MAX, 0));
	ck_assert(!f.whole);
}
END_TEST

START_TEST(takes_127_fragments)
{
	for (int i = 1; i < 127; i++)
		ck_assert(add((uint8_t)i, "x", 0));
	ck_assert(add(0xff, "y", 0));
	ck_assert(f.whole);
	ck_assert_uint_eq(f.len, 127);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fragments");
	TCase *t = tcase_create("reassembly");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, begin, NULL);
	tcase_add_test(t, puts_fragments_together_in_order);
	tcase_add_test(t, takes_a_sequence_of_one);
	tcase_add_test(t, begins_with_position_1_only);
	tcase_add_test(t, drops_the_queue_at_a_lower_position);
	tcase_add_test(t, drops_the_queue_at_a_gap);
	tcase_add_test(t, drops_the_queue_when_the_timer_fires);
	tcase_add_test(t, takes_one_source_at_a_time);
	tcase_add_test(t, bounds_what_it_keeps);
	tcase_add_test(t, takes_127_fragments);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
