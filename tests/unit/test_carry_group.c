/* SPDX-License-Identifier: MIT */
/* test_carry_group.c - signals to a group, read early and late, once and twice */
#include "launcher/carry_group.h"

#include <check.h>
#include <signal.h>

#define MS INT64_C(1000000)

enum { SENDER = 100, ANOTHER = 101 };

static void supervisor(int64_t at_ms)
{
	group_signal(SIGUSR1, SENDER, at_ms * MS);
}

static bool command(int64_t at_ms)
{
	return group_has_had(SIGUSR1, SENDER, at_ms * MS);
}

START_TEST(one_to_the_group_is_the_same_for_both)
{
	supervisor(1000);
	ck_assert(command(1001));
	supervisor(5000);
	ck_assert(command(7500)); /* kept off the processor */
	ck_assert(!command(7600));
}
END_TEST

START_TEST(one_to_the_command_is_another)
{
	ck_assert(!command(1000));
	supervisor(2000);
	ck_assert(command(2001));
	ck_assert(!command(2100));
	ck_assert(!group_has_had(SIGUSR2, SENDER, 2001 * MS));
	ck_assert(!group_has_had(SIGUSR1, ANOTHER, 2001 * MS));
	supervisor(3000);
	ck_assert(!command(6001)); /* too late to be that one */
}
END_TEST

START_TEST(two_that_the_supervisor_read_as_one)
{
	/* The command has read the first before, and the second before or after. */
	supervisor(1000);
	ck_assert(command(990));
	ck_assert(command(1001));
	supervisor(2000);
	ck_assert(command(1980));
	ck_assert(command(1990));
}
END_TEST

START_TEST(two_that_the_command_read_as_one)
{
	supervisor(1000);
	supervisor(1001);
	ck_assert(command(1002));
	ck_assert(!command(1100));
}
END_TEST

START_TEST(one_from_outside_the_namespace)
{
	ck_assert(!group_has_had(SIGUSR1, 0, 10 * MS));
	group_signal(SIGUSR1, 0, 1000 * MS);
	ck_assert(group_has_had(SIGUSR1, 0, 1001 * MS));
}
END_TEST

START_TEST(takes_no_number_that_is_none)
{
	group_signal(0, SENDER, 1000 * MS);
	group_signal(GROUP_SIGNALS_MAX, SENDER, 1000 * MS);
	ck_assert(!group_has_had(-1, SENDER, 1001 * MS));
	ck_assert(!group_has_had(GROUP_SIGNALS_MAX, SENDER, 1001 * MS));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("carry_group");
	TCase *tcase = tcase_create("carry_group");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, one_to_the_group_is_the_same_for_both);
	tcase_add_test(tcase, one_to_the_command_is_another);
	tcase_add_test(tcase, two_that_the_supervisor_read_as_one);
	tcase_add_test(tcase, two_that_the_command_read_as_one);
	tcase_add_test(tcase, one_from_outside_the_namespace);
	tcase_add_test(tcase, takes_no_number_that_is_none);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
