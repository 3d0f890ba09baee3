/* SPDX-License-Identifier: MIT */
/* test_token.c - the token of the guard, as text */
#include <check.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/token.h"

START_TEST(takes_sixteen_hexadecimal_digits)
{
	token_setup("0123456789abcdef");
	ck_assert(token_known());
	token_setup("ffffffffffffffff");
	ck_assert(token_known());
	token_setup("0000000000000001");
	ck_assert(token_known());
}
END_TEST

static const char *const no_tokens[] = {
	NULL,
	"",
	"0",
	"0123456789abcde",
	"0123456789abcdef0",
	"0123456789ABCDEF",
	"0123456789abcdeg",
	" 123456789abcdef",
	"+123456789abcdef",
	"0x23456789abcdef",
	"0123456789abcdef ",
	"0000000000000000",
};

START_TEST(takes_nothing_else)
{
	token_setup("0123456789abcdef");
	token_setup(no_tokens[_i]);
	ck_assert(!token_known());
}
END_TEST

START_TEST(writes_what_it_reads)
{
	char text[TOKEN_TEXT_SIZE];

	token_format(0x0123456789abcdef, text);
	ck_assert_str_eq(text, "0123456789abcdef");
	token_format(UINT64_MAX, text);
	ck_assert_str_eq(text, "ffffffffffffffff");
	token_format(1, text);
	ck_assert_str_eq(text, "0000000000000001");
	token_setup(text);
	ck_assert(token_known());
}
END_TEST

START_TEST(makes_sockets_with_and_without_one)
{
	for (int i = 0; i < 2; i++) {
		long fd = token_socket(AF_UNIX, SOCK_STREAM, 0);

		ck_assert_int_ge(fd, 0);
		close((int)fd);
		ck_assert_int_eq(token_socket(AF_UNIX, -1, 0), -EINVAL);
		token_setup("0123456789abcdef");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("token");
	TCase *tcase = tcase_create("token");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, takes_sixteen_hexadecimal_digits);
	tcase_add_loop_test(tcase, takes_nothing_else, 0,
			    sizeof(no_tokens) / sizeof(no_tokens[0]));
	tcase_add_test(tcase, writes_what_it_reads);
	tcase_add_test(tcase, makes_sockets_with_and_without_one);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
