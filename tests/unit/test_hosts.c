/* SPDX-License-Identifier: MIT */
/* test_hosts.c - the hosts file: both ways, changes, odd and huge files */
#include "resolver/hosts.h"

#include <arpa/inet.h>
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[256];
static struct hosts_answer answer;

static void write_bytes(const void *bytes, size_t len)
{
	char fresh[300];
	FILE *f;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	f = fopen(fresh, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(rename(fresh, path), 0);
	hosts_setup(path); /* so that the next call looks at once */
}

static void write_file(const char *text)
{
	write_bytes(text, strlen(text));
}

static void make_path(void)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	snprintf(path, sizeof(path), "%s/hosts-XXXXXX", tmp ? tmp : "/tmp");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	hosts_setup(path);
}

static void remove_path(void)
{
	unlink(path);
}

/* "ADDRESS ADDRESS ... = NAME ALIAS ...", or "-" if nothing is known. */
static const char *shown(bool found)
{
	static char text[8192];
	const char *end = answer.aliases + answer.aliases_len;

	if (!found)
		return "-";
	text[0] = '\0';
	for (size_t i = 0; i < answer.count; i++) {
		size_t used = strlen(text);

		inet_ntop(answer.addresses[i].family, answer.addresses[i].bytes,
			  text + used, (socklen_t)(sizeof(text) - used));
		strcat(text, " ");
	}
	strcat(text, "= ");
	strcat(text, answer.name);
	for (const char *a = answer.aliases; a < end; a += strlen(a) + 1) {
		strcat(text, " ");
		strcat(text, a);
	}
	return text;
}

static const char *by_name(const char *name)
{
	return shown(hosts_by_name(name, &answer));
}

static const char *by_address(const char *text)
{
	struct hosts_address address = { .family = AF_INET };

	if (inet_pton(AF_INET, text, address.bytes) != 1) {
		address.family = AF_INET6;
		ck_assert_int_eq(inet_pton(AF_INET6, text, address.bytes), 1);
	}
	return shown(hosts_by_address(&address, &answer));
}

/* --- lines --------------------------------------------------------------- */

START_TEST(finds_names_and_aliases)
{
	write_file("192.0.2.1 one.example one uno\n"
		   "192.0.2.2\ttwo.example\n");
	ck_assert_str_eq(by_name("one.example"),
			 "192.0.2.1 = one.example one uno");
	ck_assert_str_eq(by_name("uno"), "192.0.2.1 = one.example one uno");
	ck_assert_str_eq(by_name("two.example"), "192.0.2.2 = two.example");
	ck_assert_str_eq(by_name("three.example"), "-");
	ck_assert_str_eq(by_name("192.0.2.1"), "-");
}
END_TEST

START_TEST(finds_names_in_any_case)
{
	write_file("192.0.2.1 One.Example\n");
	ck_assert_str_eq(by_name("oNE.eXAMPLE"), "192.0.2.1 = One.Example");
}
END_TEST

START_TEST(gathers_the_lines_of_a_name)
{
	write_file("192.0.2.1 a.example a\n"
		   "2001:db8::1 a.example a6\n"
		   "192.0.2.9 other\n"
		   "192.0.2.2 b.example a.example\n"
		   "192.0.2.1 a.example a\n");
	ck_assert_str_eq(by_name("a.example"),
			 "192.0.2.1 2001:db8::1 192.0.2.2 "
			 "= a.example a a6 b.example");
}
END_TEST

START_TEST(finds_the_first_line_of_an_address)
{
	write_file("192.0.2.1 first alias\n192.0.2.1 second\n"
		   "2001:db8:0::1 six\n192.0.2.3\n192.0.2.3 named\n");
	ck_assert_str_eq(by_address("192.0.2.1"), "192.0.2.1 = first alias");
	ck_assert_str_eq(by_address("2001:db8::1"), "2001:db8::1 = six");
	ck_assert_str_eq(by_address("192.0.2.3"), "192.0.2.3 = named");
	ck_assert_str_eq(by_address("192.0.2.4"), "-");
}
END_TEST

START_TEST(skips_comments_and_broken_lines)
{
	write_file("# 192.0.2.1 commented\n"
		   "192.0.2.2 half # 192.0.2.3 hidden\n"
		   "192.0.2.4 glued#tail\n"
		   "192.0.2 short\n192.0.2.256 large\nnonsense name\n"
		   "   \n\n192.0.2.5\n"
		   "  192.0.2.6 indented\r\n"
		   "192.0.2.7 last");
	ck_assert_str_eq(by_name("commented"), "-");
	ck_assert_str_eq(by_name("half"), "192.0.2.2 = half");
	ck_assert_str_eq(by_name("hidden"), "-");
	ck_assert_str_eq(by_name("glued"), "192.0.2.4 = glued");
	ck_assert_str_eq(by_name("short"), "-");
	ck_assert_str_eq(by_name("large"), "-");
	ck_assert_str_eq(by_name("name"), "-");
	ck_assert_str_eq(by_name("indented"), "192.0.2.6 = indented");
	ck_assert_str_eq(by_name("last"), "192.0.2.7 = last");
}
END_TEST

/* --- what needs no file -------------------------------------------------- */

START_TEST(knows_localhost_and_the_own_name)
{
	char own[256] = "", expected[300];

	write_file("");
	gethostname(own, sizeof(own) - 1);
	ck_assert_str_eq(by_name("localhost"), "::1 127.0.0.1 = localhost");
	ck_assert_str_eq(by_name("a.LocalHost"), "::1 127.0.0.1 = a.LocalHost");
	ck_assert_str_eq(by_name("notlocalhost"), "-");
	ck_assert_str_eq(by_name("localhost.example"), "-");
	snprintf(expected, sizeof(expected), "::1 127.0.0.1 = %s", own);
	ck_assert_str_eq(by_name(own), expected);
	ck_assert_str_eq(by_address("127.0.0.1"), "127.0.0.1 = localhost");
	ck_assert_str_eq(by_address("::1"), "::1 = localhost");
	ck_assert_str_eq(by_address("127.0.0.2"), "-");
}
END_TEST

START_TEST(lets_the_file_say_what_localhost_is)
{
	write_file("127.0.0.9 localhost loop\n");
	ck_assert_str_eq(by_name("localhost"), "127.0.0.9 = localhost loop");
}
END_TEST

START_TEST(does_without_a_file)
{
	unlink(path);
	hosts_setup(path);
	ck_assert_str_eq(by_name("one.example"), "-");
	ck_assert_str_eq(by_name("localhost"), "::1 127.0.0.1 = localhost");
	hosts_setup("/dev/zero");
	ck_assert_str_eq(by_name("one.example"), "-");
	hosts_setup("/");
	ck_assert_str_eq(by_name("one.example"), "-");
}
END_TEST

/* --- changes ------------------------------------------------------------- */

START_TEST(sees_a_changed_file)
{
	write_file("192.0.2.1 a\n");
	ck_assert_str_eq(by_name("a"), "192.0.2.1 = a");
	write_file("192.0.2.2 a\n");
	ck_assert_str_eq(by_name("a"), "192.0.2.2 = a");
	unlink(path);
	hosts_setup(path);
	ck_assert_str_eq(by_name("a"), "-");
	write_file("192.0.2.3 a\n");
	ck_assert_str_eq(by_name("a"), "192.0.2.3 = a");
}
END_TEST

START_TEST(looks_again_within_two_seconds)
{
	FILE *f;

	write_file("192.0.2.1 a\n");
	by_name("a");
	by_name("a");
	f = fopen(path, "a");
	fputs("192.0.2.2 b\n", f);
	fclose(f);
	ck_assert_str_eq(by_name("b"), "-"); /* not each time */
	sleep(2);
	ck_assert_str_eq(by_name("b"), "192.0.2.2 = b");
}
END_TEST

static int stop;

static void *read_always(void *arg)
{
	struct hosts_answer mine;

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (!hosts_by_name("name", &mine) || mine.count != 2 ||
		    mine.addresses[0].bytes[3] != mine.addresses[1].bytes[3])
			return "mixed";
	}
	return NULL;
}

START_TEST(changes_under_readers_without_mixing)
{
	pthread_t threads[3];
	void *result;

	write_file("192.0.2.0 name\n192.0.3.0 name\n");
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, read_always, NULL),
			0);
	for (int i = 0; i < 300; i++) {
		int failed = 1;
		char text[64];
		pid_t pid;

		snprintf(text, sizeof(text),
			 "192.0.2.%d name\n192.0.3.%d name\n", i % 256,
			 i % 256);
		write_file(text);
		if (i % 30)
			continue;
		/* in the child, the other threads stopped in mid-lookup */
		pid = fork();
		if (pid == 0) {
			alarm(5);
			strcat(path, "-child");
			write_file("192.0.2.1 forked\n");
			failed = !hosts_by_name("forked", &answer);
			unlink(path);
			_exit(failed);
		}
		ck_assert_int_eq(waitpid(pid, &failed, 0), pid);
		ck_assert_int_eq(failed, 0);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &result);
		ck_assert_ptr_null(result);
	}
}
END_TEST

/* --- size ---------------------------------------------------------------- */

START_TEST(keeps_a_big_file_that_blocks_names)
{
	enum {
		LINES = 150000
	};
	char *text = malloc(LINES * 40), *at = text;

	at += sprintf(at, "127.0.0.1 localhost\n");
	for (int i = 0; i < LINES; i++)
		at += sprintf(at, "0.0.0.0 ads-%d.example\n", i);
	write_bytes(text, (size_t)(at - text));
	free(text);
	ck_assert_str_eq(by_name("ads-0.example"), "0.0.0.0 = ads-0.example");
	ck_assert_str_eq(by_name("ads-149999.example"),
			 "0.0.0.0 = ads-149999.example");
	ck_assert_str_eq(by_name("ads-150000.example"), "-");
	ck_assert_str_eq(by_name("localhost"), "127.0.0.1 = localhost");
	ck_assert_str_eq(by_address("0.0.0.0"), "0.0.0.0 = ads-0.example");
}
END_TEST

START_TEST(bounds_the_addresses_of_one_name)
{
	enum {
		LINES = 20000
	};
	char *text = malloc(LINES * 40), *at = text;

	for (int i = 0; i < LINES; i++)
		at += sprintf(at, "10.0.%d.%d many alias-%d\n", i / 256,
			      i % 256, i);
	write_bytes(text, (size_t)(at - text));
	free(text);
	ck_assert(hosts_by_name("many", &answer));
	ck_assert_uint_eq(answer.count, HOSTS_ADDRESSES_MAX);
	ck_assert_uint_eq(answer.addresses[23].bytes[3], 23);
	ck_assert_uint_le(answer.aliases_len, HOSTS_ALIASES_SIZE);
	ck_assert(hosts_by_address(&answer.addresses[23], &answer));
	ck_assert_str_eq(answer.name, "many");
}
END_TEST

START_TEST(indexes_every_word_of_dense_files)
{
	/* the most words that fit into a file: one-letter names */
	for (int lines = 1; lines < 40; lines++) {
		char text[1000] = "";

		for (int i = 0; i < lines; i++)
			sprintf(text + strlen(text), "::%x a b c d e f\n",
				i + 1);
		strcat(text, "::ffff last");
		write_file(text);
		ck_assert_str_eq(by_name("last"), "::ffff = last");
		ck_assert(hosts_by_name("f", &answer));
		ck_assert_uint_eq(answer.count, lines < HOSTS_ADDRESSES_MAX
							? (size_t)lines
							: HOSTS_ADDRESSES_MAX);
	}
}
END_TEST

START_TEST(stays_in_bounds_whatever_the_file_holds)
{
	static const char alphabet[] = "\n\n\n  \t#0123456789.:abcd\0\r\xff";
	unsigned int random = (unsigned int)_i;
	uint8_t bytes[400];

	for (int round = 0; round < 50; round++) {
		size_t len = (size_t)rand_r(&random) % sizeof(bytes);

		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)alphabet[(size_t)rand_r(&random) %
						     (sizeof(alphabet) - 1)];
		write_bytes(bytes, len);
		by_name("a");
		by_name("ab");
		by_name("");
		by_address("0.0.0.0");
		by_address("::");
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("hosts");
	TCase *lines = tcase_create("lines");
	TCase *builtin = tcase_create("builtin");
	TCase *changes = tcase_create("changes");
	TCase *size = tcase_create("size");

	tcase_add_checked_fixture(lines, make_path, remove_path);
	tcase_add_test(lines, finds_names_and_aliases);
	tcase_add_test(lines, finds_names_in_any_case);
	tcase_add_test(lines, gathers_the_lines_of_a_name);
	tcase_add_test(lines, finds_the_first_line_of_an_address);
	tcase_add_test(lines, skips_comments_and_broken_lines);
	suite_add_tcase(s, lines);
	tcase_add_checked_fixture(builtin, make_path, remove_path);
	tcase_add_test(builtin, knows_localhost_and_the_own_name);
	tcase_add_test(builtin, lets_the_file_say_what_localhost_is);
	tcase_add_test(builtin, does_without_a_file);
	suite_add_tcase(s, builtin);
	tcase_add_checked_fixture(changes, make_path, remove_path);
	tcase_set_timeout(changes, 60);
	tcase_add_test(changes, sees_a_changed_file);
	tcase_add_test(changes, looks_again_within_two_seconds);
	tcase_add_test(changes, changes_under_readers_without_mixing);
	suite_add_tcase(s, changes);
	tcase_add_checked_fixture(size, make_path, remove_path);
	tcase_set_timeout(size, 60);
	tcase_add_test(size, keeps_a_big_file_that_blocks_names);
	tcase_add_test(size, bounds_the_addresses_of_one_name);
	tcase_add_test(size, indexes_every_word_of_dense_files);
	tcase_add_loop_test(size, stays_in_bounds_whatever_the_file_holds, 0,
			    20);
	suite_add_tcase(s, size);
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
