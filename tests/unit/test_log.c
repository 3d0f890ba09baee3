/* SPDX-License-Identifier: MIT */
/* test_log.c - what lines look like, where they go, and where they must not */
#include "core/log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/test_log.XXXXXX";
static char path[64];
static int saved_stderr;

static void setup(void)
{
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/log", directory);
	saved_stderr = fcntl(2, F_DUPFD_CLOEXEC, 100);
	ck_assert_int_ge(saved_stderr, 100);
}

static void teardown(void)
{
	log_setup(LOG_QUIET, NULL);
	dup2(saved_stderr, 2);
	close(saved_stderr);
	unlink(path);
	ck_assert_int_eq(rmdir(directory), 0);
}

/* The log file's text; "" if there is none. */
static const char *written(void)
{
	static char text[64 * 1024];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	ck_assert_int_ge(n, 0);
	if (fd >= 0)
		close(fd);
	text[n] = '\0';
	return text;
}

static int count_lines(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/*
 * Puts the writing end of a pipe in descriptor 2's place; returns the reading
 * end, nonblocking. A packet of it is one write(2).
 */
static int pipe_at_stderr(void)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_DIRECT | O_NONBLOCK), 0);
	ck_assert_int_eq(dup2(ends[1], 2), 2);
	close(ends[1]);
	return ends[0];
}

/* --- the formatter -------------------------------------------------------- */

#define CHECK_FORMAT(expected, ...)                                       \
	do {                                                              \
		char text_[128];                                          \
		size_t len_ = log_format(text_, sizeof(text_), __VA_ARGS__); \
		ck_assert_str_eq(text_, expected);                        \
		ck_assert_uint_eq(len_, strlen(expected));                \
	} while (0)

START_TEST(formats_numbers)
{
	CHECK_FORMAT("0 -1 2147483647 -2147483648", "%d %d %d %d", 0, -1,
		     INT_MAX, INT_MIN);
	CHECK_FORMAT("0 4294967295", "%u %u", 0U, UINT_MAX);
	CHECK_FORMAT("0x0 0x48 0xffffffff", "0x%x 0x%x 0x%x", 0U, 0x48U,
		     UINT_MAX);
	CHECK_FORMAT("-9223372036854775808 9223372036854775807", "%ld %ld",
		     LONG_MIN, LONG_MAX);
	CHECK_FORMAT("18446744073709551615", "%lu", ULONG_MAX);
	CHECK_FORMAT("18446744073709551615 -1", "%zu %zd", SIZE_MAX,
		     (ssize_t)-1);
}
END_TEST

START_TEST(formats_text)
{
	CHECK_FORMAT("", "%s", "");
	CHECK_FORMAT("plain", "plain");
	CHECK_FORMAT("a and b, 100%", "%s and %c, %d%%", "a", 'b', 100);
	CHECK_FORMAT("(null)", "%s", (const char *)NULL);
}
END_TEST

START_TEST(formats_errno_values_of_either_sign)
{
	CHECK_FORMAT("Connection refused", "%e", ECONNREFUSED);
	CHECK_FORMAT("Connection refused!", "%e!", -ECONNREFUSED);
	CHECK_FORMAT("error 4000", "%e", 4000);
	CHECK_FORMAT("error -4000", "%e", -4000);
	CHECK_FORMAT("error -2147483648", "%e", INT_MIN);
}
END_TEST

START_TEST(replaces_bytes_that_could_steer_a_terminal)
{
	CHECK_FORMAT("a?b??[31m?", "a%cb%s", '\n', "\r\x1b[31m\x7f");
	CHECK_FORMAT("?? ~", "%s", "\xc3\xa4 ~");
}
END_TEST

START_TEST(shows_a_conversion_that_it_does_not_know)
{
	CHECK_FORMAT("5d 1", "%5d %d", 1);
	CHECK_FORMAT("lx", "%lx");
	CHECK_FORMAT("end", "end%");
	CHECK_FORMAT("endl", "end%l");
}
END_TEST

START_TEST(cuts_at_the_room_and_terminates)
{
	char text[8];

	for (size_t size = 1; size <= 6; size++) {
		memset(text, '#', sizeof(text));
		ck_assert_uint_eq(log_format(text, size, "%s%d", "ab", 1234),
				  size - 1);
		ck_assert_uint_eq(strlen(text), size - 1);
		ck_assert_int_eq(text[size], '#');
	}
}
END_TEST

/* --- lines into a file ---------------------------------------------------- */

START_TEST(writes_program_pid_and_text)
{
	char expected[128];

	log_setup(LOG_CONNECTION, path);
	log_line(LOG_CONNECTION, "%s refused", "example.com:80");
	snprintf(expected, sizeof(expected),
		 "socksify: %s[%d]: example.com:80 refused\n",
		 program_invocation_short_name, getpid());
	ck_assert_str_eq(written(), expected);
}
END_TEST

START_TEST(names_the_program_by_one_word_of_a_title)
{
	char title[] = "browser -type tab -of example.com";
	char *before = program_invocation_short_name;
	char expected[64];

	log_setup(LOG_CONNECTION, path);
	program_invocation_short_name = title;
	log_line(LOG_CONNECTION, "x");
	program_invocation_short_name = before;
	snprintf(expected, sizeof(expected), "socksify: browser[%d]: x\n",
		 getpid());
	ck_assert_str_eq(written(), expected);
}
END_TEST

static const char *name_another(long *pid)
{
	*pid = 4711;
	return "other";
}

static const char *name_nobody(long *pid)
{
	*pid = 4712;
	return NULL;
}

START_TEST(names_whom_it_speaks_for)
{
	char own[64];

	log_setup(LOG_CONNECTION, path);
	log_speak_for(name_another);
	log_line(LOG_CONNECTION, "one");
	log_speak_for(NULL);
	log_line(LOG_CONNECTION, "two");
	snprintf(own, sizeof(own), "[%d]: two\n", (int)getpid());
	ck_assert_ptr_nonnull(strstr(written(), "socksify: other[4711]: one\n"));
	ck_assert_ptr_nonnull(strstr(written(), own));
}
END_TEST

START_TEST(speaks_for_itself_where_nobody_is_named)
{
	char own[64];

	log_setup(LOG_CONNECTION, path);
	log_speak_for(name_nobody);
	log_line(LOG_CONNECTION, "one");
	log_speak_for(NULL);
	snprintf(own, sizeof(own), "[%d]: one\n", (int)getpid());
	ck_assert_ptr_nonnull(strstr(written(), own));
}
END_TEST

START_TEST(appends_to_what_is_there)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	ck_assert_int_eq(write(fd, "before\n", 7), 7);
	close(fd);
	log_setup(LOG_CONNECTION, path);
	log_line(LOG_REFUSAL, "one");
	log_line(LOG_REFUSAL, "two");
	ck_assert_int_eq(count_lines(written()), 3);
	ck_assert_ptr_nonnull(strstr(written(), "before\nsocksify: "));
	ck_assert_ptr_nonnull(strstr(written(), "]: one\nsocksify: "));
	ck_assert_ptr_nonnull(strstr(written(), "]: two\n"));
}
END_TEST

START_TEST(makes_a_file_that_others_cannot_read)
{
	struct stat st;

	umask(0);
	log_setup(LOG_REFUSAL, path);
	log_line(LOG_REFUSAL, "x");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(writes_up_to_its_level)
{
	static const struct {
		enum log_level level;
		int lines;
	} cases[] = { { LOG_QUIET, 0 },
		      { LOG_REFUSAL, 1 },
		      { LOG_CONNECTION, 2 },
		      { LOG_PROTOCOL, 3 } };
	int before = 0;

	for (int i = 0; i < 4; i++) {
		log_setup(cases[i].level, path);
		for (int level = LOG_QUIET; level <= LOG_PROTOCOL; level++) {
			ck_assert_int_eq(log_wants(level),
					 level != LOG_QUIET &&
						 level <= (int)cases[i].level);
			log_line(level, "level %d", level);
		}
		ck_assert_int_eq(count_lines(written()),
				 before + cases[i].lines);
		before += cases[i].lines;
	}
}
END_TEST

START_TEST(writes_nowhere_without_a_path)
{
	log_setup(LOG_PROTOCOL, NULL);
	ck_assert(!log_wants(LOG_REFUSAL));
	log_line(LOG_REFUSAL, "x");
	log_once("nowhere", "x");
	/* What was not told then is told now. */
	log_setup(LOG_REFUSAL, path);
	log_once("nowhere", "x");
	ck_assert_int_eq(count_lines(written()), 1);
}
END_TEST

START_TEST(cuts_a_line_at_1024_bytes)
{
	char text[2000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_setup(LOG_REFUSAL, path);
	log_line(LOG_REFUSAL, "%s", text);
	log_line(LOG_REFUSAL, "next");
	ck_assert_int_eq(count_lines(written()), 2);
	ck_assert_int_eq(strchr(written(), '\n') - written(), 1023);
}
END_TEST

START_TEST(keeps_errno)
{
	errno = 4711;
	log_setup(LOG_REFUSAL, "/nonexistent/directory/log");
	log_line(LOG_REFUSAL, "lost");
	log_setup(LOG_REFUSAL, path);
	log_line(LOG_REFUSAL, "%e", EINVAL);
	log_once("keeps_errno", "x");
	ck_assert_int_eq(errno, 4711);
}
END_TEST

START_TEST(holds_no_descriptor)
{
	int before = dup(0), after;

	close(before);
	log_setup(LOG_REFUSAL, path);
	log_line(LOG_REFUSAL, "x");
	after = dup(0);
	close(after);
	ck_assert_int_eq(after, before);
}
END_TEST

START_TEST(does_not_wait_for_a_fifo_without_a_reader)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	log_setup(LOG_REFUSAL, path);
	log_line(LOG_REFUSAL, "lost");
}
END_TEST

/* --- lines to standard error ---------------------------------------------- */

START_TEST(writes_a_line_at_once)
{
	int reader = pipe_at_stderr();
	char text[LOG_LINE_MAX + 1];
	ssize_t n;

	log_setup(LOG_REFUSAL, "stderr");
	log_line(LOG_REFUSAL, "%s %d", "first", 1);
	log_line(LOG_REFUSAL, "second");
	n = read(reader, text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "]: first 1\n"));
	ck_assert_ptr_null(strstr(text, "second"));
	close(reader);
}
END_TEST

START_TEST(leaves_another_file_at_2_alone)
{
	int reader = pipe_at_stderr(), other, fd;

	log_setup(LOG_REFUSAL, "stderr");
	other = pipe_at_stderr();
	log_line(LOG_REFUSAL, "x");
	ck_assert_int_eq(read(other, path, 1), -1);
	ck_assert_int_eq(errno, EAGAIN);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(dup2(fd, 2), 2);
	log_line(LOG_REFUSAL, "x");
	ck_assert_str_eq(written(), "");
	close(fd);
	close(other);
	close(reader);
}
END_TEST

START_TEST(writes_again_when_2_is_the_file_it_was)
{
	int reader = pipe_at_stderr(), kept = dup(2);
	char c;

	log_setup(LOG_REFUSAL, "stderr");
	close(2);
	errno = 0;
	log_line(LOG_REFUSAL, "lost");
	ck_assert_int_eq(errno, 0);
	ck_assert_int_eq(read(reader, &c, 1), -1);
	dup2(kept, 2);
	log_line(LOG_REFUSAL, "told");
	ck_assert_int_eq(read(reader, &c, 1), 1);
	close(kept);
	close(reader);
}
END_TEST

START_TEST(wants_nothing_if_2_was_closed_from_the_start)
{
	close(2);
	log_setup(LOG_PROTOCOL, "stderr");
	ck_assert(!log_wants(LOG_REFUSAL));
}
END_TEST

static void break_the_pipe(void)
{
	int reader = pipe_at_stderr();

	log_setup(LOG_REFUSAL, "stderr");
	close(reader);
}

START_TEST(survives_a_dead_reader)
{
	sigset_t pending, mask;

	break_the_pipe();
	signal(SIGPIPE, SIG_DFL);
	log_line(LOG_REFUSAL, "lost");
	sigpending(&pending);
	ck_assert(!sigismember(&pending, SIGPIPE));
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	ck_assert(!sigismember(&mask, SIGPIPE));
}
END_TEST

START_TEST(keeps_a_signal_that_was_pending)
{
	const struct timespec no_wait = { 0 };
	sigset_t set, pending;

	break_the_pipe();
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	raise(SIGPIPE);
	log_line(LOG_REFUSAL, "lost");
	sigpending(&pending);
	ck_assert(sigismember(&pending, SIGPIPE));
	ck_assert_int_eq(sigtimedwait(&set, NULL, &no_wait), SIGPIPE);
	log_line(LOG_REFUSAL, "lost");
	sigpending(&pending);
	ck_assert(!sigismember(&pending, SIGPIPE));
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
END_TEST

/* --- once ----------------------------------------------------------------- */

START_TEST(tells_a_subject_once)
{
	log_setup(LOG_REFUSAL, path);
	for (int i = 0; i < 3; i++) {
		log_once("a.example:80", "a refused, %d", i);
		log_once("b.example:80", "b refused, %d", i);
	}
	log_once("", "an empty subject");
	log_once("", "an empty subject");
	ck_assert_int_eq(count_lines(written()), 3);
	ck_assert_ptr_nonnull(strstr(written(), "a refused, 0\n"));
	ck_assert_ptr_nonnull(strstr(written(), "b refused, 0\n"));
}
END_TEST

static void tell(int subject)
{
	char name[32];

	snprintf(name, sizeof(name), "subject %d", subject);
	log_once(name, "%s", name);
}

START_TEST(remembers_the_latest_256_subjects)
{
	log_setup(LOG_REFUSAL, path);
	for (int i = 1000; i < 1256; i++)
		tell(i);
	for (int i = 1000; i < 1256; i++)
		tell(i);
	ck_assert_int_eq(count_lines(written()), 256);
	tell(2000);
	tell(2001);
	ck_assert_int_eq(count_lines(written()), 258);
	for (int i = 1002; i < 1256; i++)
		tell(i);
	ck_assert_int_eq(count_lines(written()), 258);
	tell(1000);
	ck_assert_int_eq(count_lines(written()), 259);
}
END_TEST

static void *tell_many(void *unused)
{
	(void)unused;
	for (int i = 3000; i < 3200; i++)
		tell(i);
	return NULL;
}

START_TEST(tells_a_subject_once_in_all_threads)
{
	pthread_t threads[4];

	log_setup(LOG_REFUSAL, path);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, tell_many, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(count_lines(written()), 200);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("log");
	TCase *format = tcase_create("format");
	TCase *file = tcase_create("file");
	TCase *to_stderr = tcase_create("stderr");
	TCase *once = tcase_create("once");

	tcase_add_test(format, formats_numbers);
	tcase_add_test(format, formats_text);
	tcase_add_test(format, formats_errno_values_of_either_sign);
	tcase_add_test(format, replaces_bytes_that_could_steer_a_terminal);
	tcase_add_test(format, shows_a_conversion_that_it_does_not_know);
	tcase_add_test(format, cuts_at_the_room_and_terminates);
	suite_add_tcase(s, format);
	tcase_add_checked_fixture(file, setup, teardown);
	tcase_add_test(file, writes_program_pid_and_text);
	tcase_add_test(file, names_the_program_by_one_word_of_a_title);
	tcase_add_test(file, names_whom_it_speaks_for);
	tcase_add_test(file, speaks_for_itself_where_nobody_is_named);
	tcase_add_test(file, appends_to_what_is_there);
	tcase_add_test(file, makes_a_file_that_others_cannot_read);
	tcase_add_test(file, writes_up_to_its_level);
	tcase_add_test(file, writes_nowhere_without_a_path);
	tcase_add_test(file, cuts_a_line_at_1024_bytes);
	tcase_add_test(file, keeps_errno);
	tcase_add_test(file, holds_no_descriptor);
	tcase_add_test(file, does_not_wait_for_a_fifo_without_a_reader);
	suite_add_tcase(s, file);
	tcase_add_checked_fixture(to_stderr, setup, teardown);
	tcase_add_test(to_stderr, writes_a_line_at_once);
	tcase_add_test(to_stderr, leaves_another_file_at_2_alone);
	tcase_add_test(to_stderr, writes_again_when_2_is_the_file_it_was);
	tcase_add_test(to_stderr, wants_nothing_if_2_was_closed_from_the_start);
	tcase_add_test(to_stderr, survives_a_dead_reader);
	tcase_add_test(to_stderr, keeps_a_signal_that_was_pending);
	suite_add_tcase(s, to_stderr);
	tcase_add_checked_fixture(once, setup, teardown);
	/* First: the others fill the memory, where tests do not fork. */
	tcase_add_test(once, tells_a_subject_once_in_all_threads);
	tcase_add_test(once, tells_a_subject_once);
	tcase_add_test(once, remembers_the_latest_256_subjects);
	suite_add_tcase(s, once);
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
