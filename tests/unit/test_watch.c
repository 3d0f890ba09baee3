/* SPDX-License-Identifier: MIT */
/* test_watch.c - the lock of a record, and what an epoll tells of once */
#include "preload/watch.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/options.h"

enum {
	OWN,
	PEER
};

static int ep, pair[2];
static struct pending *record;
static uint32_t generation;

/* A record of a socket that waits for its first byte, registered in ep. */
static void begin(void)
{
	struct epoll_event wanted = { .events = EPOLLOUT, .data.u64 = 7 };

	ep = epoll_create1(0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	record = pending_new();
	ck_assert_ptr_nonnull(record);
	generation = record->generation;
	record->cookie = option_cookie(pair[OWN]);
	record->events = EPOLLIN;
	pending_enter(record);
	pending_activate(record);
	ck_assert(watch_lock(record, generation));
	ck_assert_int_eq(
		watch_ctl(record, ep, EPOLL_CTL_ADD, pair[OWN], &wanted), 0);
	watch_unlock(record, pair[OWN]);
}

static void end(void)
{
	pending_leave(record);
	close(ep);
	close(pair[OWN]);
	close(pair[PEER]);
}

/* What epoll_wait gives: 0 for nothing. */
static uint64_t told_by(int epfd)
{
	struct epoll_event event;

	return epoll_wait(epfd, &event, 1, 0) == 1 ? event.data.u64 : 0;
}

static void byte_comes(void)
{
	ck_assert_int_eq(write(pair[PEER], "x", 1), 1);
}

/* --- who holds it meanwhile ------------------------------------------------------ */

/**
 * struct holder - somebody else who has the lock from has_it on until let_go
 * @has_it:	written to by the holder
 * @let_go:	read by it
 */
struct holder {
	int has_it[2];
	int let_go[2];
	pthread_t thread;
	pid_t process;
};

static void say(const int pipe[2])
{
	ck_assert_int_eq(write(pipe[1], "x", 1), 1);
}

static void hear(const int pipe[2])
{
	char byte;

	ck_assert_int_eq(read(pipe[0], &byte, 1), 1);
}

static void holder_init(struct holder *holder)
{
	ck_assert_int_eq(pipe(holder->has_it), 0);
	ck_assert_int_eq(pipe(holder->let_go), 0);
}

static void *hold(void *arg)
{
	struct holder *holder = arg;

	ck_assert(watch_lock(record, generation));
	say(holder->has_it);
	hear(holder->let_go);
	watch_unlock(record, -1);
	return NULL;
}

static void thread_holds(struct holder *holder)
{
	holder_init(holder);
	ck_assert_int_eq(pthread_create(&holder->thread, NULL, hold, holder),
			 0);
	hear(holder->has_it);
}

static void thread_lets_go(struct holder *holder)
{
	say(holder->let_go);
	pthread_join(holder->thread, NULL);
}

static void process_holds(struct holder *holder)
{
	holder_init(holder);
	holder->process = fork();
	if (holder->process == 0) {
		pending_after_fork();
		hold(holder);
		_exit(0);
	}
	hear(holder->has_it);
}

/* Killed, and not waited for yet. */
static void process_dies(const struct holder *holder)
{
	siginfo_t info;

	kill(holder->process, SIGKILL);
	ck_assert_int_eq(
		waitid(P_PID, (id_t)holder->process, &info, WEXITED | WNOWAIT),
		0);
}

static void process_is_buried(const struct holder *holder)
{
	ck_assert_int_eq(waitpid(holder->process, NULL, 0), holder->process);
}

/* --- the lock ---------------------------------------------------------------------- */

START_TEST(tells_again_what_was_taken_out_in_vain)
{
	uint64_t marker = pending_marker(record);
	struct holder holder;

	thread_holds(&holder);
	byte_comes();
	ck_assert_uint_eq(told_by(ep), marker);
	ck_assert(!watch_lock(record, generation));
	ck_assert_uint_eq(told_by(ep), 0);
	thread_lets_go(&holder);
	ck_assert_uint_eq(told_by(ep), marker);
	ck_assert_uint_eq(told_by(ep), 0);
	ck_assert(watch_lock(record, generation));
	watch_unlock(record, pair[OWN]);
	ck_assert_uint_eq(told_by(ep), 0);
}
END_TEST

START_TEST(tells_nothing_again_that_nobody_wanted)
{
	struct holder holder;

	thread_holds(&holder);
	byte_comes();
	ck_assert_uint_eq(told_by(ep), pending_marker(record));
	thread_lets_go(&holder);
	ck_assert_uint_eq(told_by(ep), 0);
}
END_TEST

START_TEST(tells_the_program_alone_once_it_is_over)
{
	struct holder holder;

	thread_holds(&holder);
	byte_comes();
	ck_assert(!watch_lock(record, generation));
	watch_end(record, pair[OWN]);
	record->state = PENDING_DONE;
	thread_lets_go(&holder);
	ck_assert_uint_eq(told_by(ep), 7);
}
END_TEST

START_TEST(is_taken_from_the_dead)
{
	struct holder holder;

	process_holds(&holder);
	process_dies(&holder);
	process_is_buried(&holder);
	ck_assert(watch_lock(record, generation));
	watch_unlock(record, pair[OWN]);
}
END_TEST

START_TEST(is_taken_from_a_dead_child_that_nobody_has_waited_for)
{
	struct holder holder;

	process_holds(&holder);
	process_dies(&holder);
	ck_assert(watch_lock(record, generation));
	watch_unlock(record, pair[OWN]);
	process_is_buried(&holder);
}
END_TEST

START_TEST(tells_again_what_was_left_with_the_dead)
{
	struct holder holder;

	process_holds(&holder);
	byte_comes();
	ck_assert_uint_eq(told_by(ep), pending_marker(record));
	ck_assert(!watch_lock(record, generation));
	process_dies(&holder);
	ck_assert(watch_lock(record, generation));
	ck_assert_uint_eq(told_by(ep), 0);
	watch_unlock(record, pair[OWN]);
	ck_assert_uint_eq(told_by(ep), pending_marker(record));
	process_is_buried(&holder);
}
END_TEST

START_TEST(is_not_for_an_earlier_or_one_that_is_over)
{
	ck_assert(!watch_lock(record, generation - 1));
	ck_assert(watch_lock(record, generation));
	record->state = PENDING_FAILED;
	watch_unlock(record, pair[OWN]);
	ck_assert(!watch_lock(record, generation));
}
END_TEST

/* --- whose it is --------------------------------------------------------------------- */

START_TEST(is_its_own_until_another_counts_on_it)
{
	ck_assert(watch_lock(record, generation));
	ck_assert(pending_is_own(record));
	pending_ref(record);
	ck_assert(!pending_is_own(record));
	pending_unref(record);
	watch_unlock(record, pair[OWN]);
}
END_TEST

START_TEST(is_none_of_a_process_that_has_no_connection_of_it)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		bool own;

		pending_after_fork();
		own = !watch_lock(record, generation) || pending_is_own(record);
		watch_unlock(record, -1);
		_exit(own);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* --- a socket of our own in the program's epoll ------------------------------------------ */

START_TEST(is_attended_to_in_another_epoll_of_the_same_number)
{
	int first = epoll_create1(0), again;

	ck_assert_int_eq(watch_attend(record, first, pair[OWN]), 0);
	ck_assert_int_eq(watch_attend(record, first, pair[OWN]), 0);
	close(first);
	again = epoll_create1(0);
	ck_assert_int_eq(again, first);
	ck_assert_int_eq(watch_attend(record, again, pair[OWN]), 0);
	byte_comes();
	ck_assert_uint_eq(told_by(again), pending_marker(record));
	close(again);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watch");
	TCase *lock = tcase_create("lock");
	TCase *whose = tcase_create("whose");
	TCase *own = tcase_create("own");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(lock, begin, end);
	tcase_add_test(lock, tells_again_what_was_taken_out_in_vain);
	tcase_add_test(lock, tells_nothing_again_that_nobody_wanted);
	tcase_add_test(lock, tells_the_program_alone_once_it_is_over);
	tcase_add_test(lock, is_taken_from_the_dead);
	tcase_add_test(lock,
		       is_taken_from_a_dead_child_that_nobody_has_waited_for);
	tcase_add_test(lock, tells_again_what_was_left_with_the_dead);
	tcase_add_test(lock, is_not_for_an_earlier_or_one_that_is_over);
	tcase_add_checked_fixture(whose, begin, end);
	tcase_add_test(whose, is_its_own_until_another_counts_on_it);
	tcase_add_test(whose,
		       is_none_of_a_process_that_has_no_connection_of_it);
	tcase_add_checked_fixture(own, begin, end);
	tcase_add_test(own, is_attended_to_in_another_epoll_of_the_same_number);
	suite_add_tcase(suite, lock);
	suite_add_tcase(suite, whose);
	suite_add_tcase(suite, own);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
