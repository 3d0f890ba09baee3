/* SPDX-License-Identifier: MIT */
/* test_pathlist.c - the files that a name may mean by PATH */
#include "core/pathlist.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static void assert_candidates(const char *list, const char *name, size_t size,
			      const char *const *wanted)
{
	char *out = malloc(size); /* ASan sees what goes past it */

	for (; *wanted; wanted++) {
		ck_assert(pathlist_next(&list, name, out, size));
		ck_assert_str_eq(out, *wanted);
	}
	ck_assert(!pathlist_next(&list, name, out, size));
	ck_assert_ptr_null(list);
	ck_assert(!pathlist_next(&list, name, out, size));
	free(out);
}

START_TEST(tries_each_entry_in_order)
{
	assert_candidates("/usr/bin:/bin:x/", "sh", 20,
			  (const char *const[]){ "/usr/bin/sh", "/bin/sh",
						 "x//sh", NULL });
}
END_TEST

START_TEST(takes_an_empty_entry_for_the_current_directory)
{
	assert_candidates(":/bin::/x:", "sh", 20,
			  (const char *const[]){ "sh", "/bin/sh", "sh", "/x/sh",
						 "sh", NULL });
	assert_candidates("", "sh", 20, (const char *const[]){ "sh", NULL });
}
END_TEST

START_TEST(passes_over_what_does_not_fit)
{
	assert_candidates("/12345:/1234:/123456789:/b:", "sh", 9,
			  (const char *const[]){ "/1234/sh", "/b/sh", "sh",
						 NULL });
	assert_candidates("/bin:", "sh", 2, (const char *const[]){ NULL });
	assert_candidates(":/b", "sh", 3, (const char *const[]){ "sh", NULL });
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pathlist");
	TCase *tcase = tcase_create("PATH");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, tries_each_entry_in_order);
	tcase_add_test(tcase, takes_an_empty_entry_for_the_current_directory);
	tcase_add_test(tcase, passes_over_what_does_not_fit);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
