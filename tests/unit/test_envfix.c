/* SPDX-License-Identifier: MIT */
/* test_envfix.c - the environment that a program gets, repaired */
#include "core/envfix.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define N(array)  ((int)(sizeof(array) / sizeof((array)[0])))
#define ENV(...)  ((char *[]){ __VA_ARGS__ __VA_OPT__(,) NULL })
#define LIBRARY	  "/opt/x/libsocksify.so"
#define PRELOADED "LD_PRELOAD=" LIBRARY

static const char *const kept[] = { "SOCKSIFY_PROXY=socks5://p:1",
				    "SOCKSIFY_LOG=stderr", NULL };
static const char *const none[] = { NULL };
static const struct envfix fix = { LIBRARY, kept, NULL };
static const struct envfix bare = { LIBRARY, none, NULL };

/* The repair in memory of just its size: ASan sees what goes past it. */
static char **repair(const struct envfix *with, char *const *env)
{
	size_t size = envfix_size(with, env);

	ck_assert_uint_gt(size, 0);
	return envfix_make(with, env, malloc(size));
}

static void assert_env(char **got, const char *const *wanted)
{
	size_t i;

	for (i = 0; wanted[i]; i++) {
		ck_assert_ptr_nonnull(got[i]);
		ck_assert_str_eq(got[i], wanted[i]);
	}
	ck_assert_ptr_null(got[i]);
	free(got);
}

START_TEST(leaves_a_whole_environment_alone)
{
	ck_assert_uint_eq(envfix_size(&fix, ENV("A=b", PRELOADED,
						"SOCKSIFY_LOG=stderr",
						"SOCKSIFY_PROXY=socks5://p:1")),
			  0);
	ck_assert_uint_eq(envfix_size(&bare, ENV(PRELOADED)), 0);
}
END_TEST

START_TEST(fills_an_empty_environment)
{
	const char *const wanted[] = { PRELOADED, kept[0], kept[1], NULL };

	assert_env(repair(&fix, ENV()), wanted);
	assert_env(repair(&fix, NULL), wanted);
}
END_TEST

START_TEST(keeps_what_the_program_has_set_itself)
{
	const char *const wanted[] = { "SOCKSIFY_PROXY=other", "SOCKSIFY_LOG=",
				       PRELOADED, NULL };

	assert_env(repair(&fix, ENV("SOCKSIFY_PROXY=other", "SOCKSIFY_LOG=")),
		   wanted);
}
END_TEST

START_TEST(takes_no_other_name_for_one_of_ours)
{
	const char *const wanted[] = { "SOCKSIFY_PROXY2=x", "SOCKSIFY_PROXY",
				       "LD_PRELOADED=" LIBRARY, "",
				       PRELOADED, kept[0], kept[1], NULL };

	assert_env(repair(&fix, ENV("SOCKSIFY_PROXY2=x", "SOCKSIFY_PROXY",
				    "LD_PRELOADED=" LIBRARY, "")),
		   wanted);
}
END_TEST

START_TEST(points_to_the_strings_that_stay)
{
	char entry[] = "A=b";
	char **got = repair(&fix, ENV(entry));

	ck_assert_ptr_eq(got[0], entry);
	ck_assert_ptr_eq(got[2], kept[0]);
	free(got);
}
END_TEST

static const struct {
	const char *list, *repaired; /* NULL: it is whole */
} lists[] = {
	{ "", LIBRARY },
	{ LIBRARY, NULL },
	{ "a.so", LIBRARY ":a.so" },
	{ "a.so b.so", LIBRARY ":a.so:b.so" },
	{ ":a.so::b.so ", LIBRARY ":a.so:b.so" },
	{ LIBRARY ":a.so", NULL },
	{ "a.so:" LIBRARY, NULL },
	{ "a.so " LIBRARY " b.so", NULL },
	/* another file of that name comes in its place, not beside it */
	{ "libsocksify.so", LIBRARY },
	{ "./build/libsocksify.so", LIBRARY },
	{ "a.so:/old/libsocksify.so:b.so", "a.so:" LIBRARY ":b.so" },
	{ LIBRARY ":" LIBRARY, LIBRARY },
	{ "/old/libsocksify.so:a.so:" LIBRARY, LIBRARY ":a.so" },
	{ "a.so:/old/libsocksify.so " LIBRARY ":b.so",
	  "a.so:" LIBRARY ":b.so" },
	/* and what only looks like it is not it */
	{ "/x/mylibsocksify.so", LIBRARY ":/x/mylibsocksify.so" },
	{ LIBRARY ".1", LIBRARY ":" LIBRARY ".1" },
	{ "/opt/x/libsocksify.s", LIBRARY ":/opt/x/libsocksify.s" },
	{ "libsocksify.so/a.so", LIBRARY ":libsocksify.so/a.so" },
};

START_TEST(names_the_library_once_and_in_its_place)
{
	char entry[200] = "LD_PRELOAD=", wanted[200] = "LD_PRELOAD=";

	strcat(entry, lists[_i].list);
	if (!lists[_i].repaired) {
		ck_assert_uint_eq(envfix_size(&bare, ENV("A=b", entry)), 0);
		return;
	}
	strcat(wanted, lists[_i].repaired);
	assert_env(repair(&bare, ENV("A=b", entry, "C=d")),
		   (const char *const[]){ "A=b", wanted, "C=d", NULL });
	/* and the repair is whole */
	ck_assert_uint_eq(envfix_size(&bare, ENV(wanted)), 0);
}
END_TEST

/* ld.so takes the last of two, getenv the first. */
START_TEST(repairs_every_LD_PRELOAD)
{
	const char *const wanted[] = { PRELOADED ":a.so", PRELOADED,
				       PRELOADED ":b.so", NULL };

	assert_env(repair(&bare, ENV("LD_PRELOAD=a.so", PRELOADED,
				     "LD_PRELOAD=b.so")),
		   wanted);
}
END_TEST

/* --- a command of the shell ----------------------------------------------- */

/* Runs the command that a repair of env makes of command; what it writes. */
static void run(char *const *env, const char *command, char *out, size_t size)
{
	char **made = repair(&fix, env);
	size_t len = envfix_command_size(made, env, command), have = 0;
	char *text = malloc(len);
	ssize_t n;
	int ends[2];

	envfix_command_make(made, env, command, text);
	ck_assert_uint_eq(strlen(text) + 1, len);
	ck_assert_int_eq(pipe(ends), 0);
	if (fork() == 0) {
		dup2(ends[1], 1);
		/* ld.so complains of the library that is not there. */
		close(2);
		execle("/bin/sh", "sh", "-c", text, NULL, env);
		_exit(1);
	}
	close(ends[1]);
	while (have + 1 < size &&
	       (n = read(ends[0], out + have, size - 1 - have)) > 0)
		have += (size_t)n;
	out[have] = '\0';
	close(ends[0]);
	wait(NULL);
	free(text);
	free(made);
}

START_TEST(hands_the_command_on_as_it_is)
{
	char out[500];

	run(ENV("A=b"), "printf '%s|' \"it's\" \"$A\" 'a\\b' \"$((1 + 1))\" $#",
	    out, sizeof(out));
	ck_assert_str_eq(out, "it's|b|a\\b|2|0|");
	run(ENV("A=b"), "", out, sizeof(out));
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(exports_what_was_missing_before_the_command)
{
	char out[500];

	run(ENV("SOCKSIFY_LOG=it's \"$A\"", "LD_PRELOAD=a'b.so"),
	    "echo \"$LD_PRELOAD $SOCKSIFY_PROXY $SOCKSIFY_LOG\"", out,
	    sizeof(out));
	ck_assert_str_eq(out, LIBRARY ":a'b.so socks5://p:1 it's \"$A\"\n");
}
END_TEST

START_TEST(adds_to_the_command_only_what_is_missing)
{
	char *env[] = { (char *)kept[1], PRELOADED, NULL };
	char **made = repair(&fix, env);
	char text[200];

	ck_assert_uint_le(envfix_command_size(made, env, "true"), sizeof(text));
	envfix_command_make(made, env, "true", text);
	ck_assert_str_eq(text, "export SOCKSIFY_PROXY='socks5://p:1'; "
			       "exec /bin/sh -c 'true'");
	free(made);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("envfix");
	TCase *tcase = tcase_create("the environment");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, leaves_a_whole_environment_alone);
	tcase_add_test(tcase, fills_an_empty_environment);
	tcase_add_test(tcase, keeps_what_the_program_has_set_itself);
	tcase_add_test(tcase, takes_no_other_name_for_one_of_ours);
	tcase_add_test(tcase, points_to_the_strings_that_stay);
	tcase_add_loop_test(tcase, names_the_library_once_and_in_its_place, 0,
			    N(lists));
	tcase_add_test(tcase, repairs_every_LD_PRELOAD);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("a command");
	tcase_add_test(tcase, hands_the_command_on_as_it_is);
	tcase_add_test(tcase, exports_what_was_missing_before_the_command);
	tcase_add_test(tcase, adds_to_the_command_only_what_is_missing);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
