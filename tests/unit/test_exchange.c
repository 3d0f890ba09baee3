/* SPDX-License-Identifier: MIT */
/* test_exchange.c - a negotiation over a socket: by pieces, ended, broken */
#include "core/exchange.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct credentials nobody = { NULL, NULL };
static const struct endpoint destination = {
	.kind = ENDPOINT_IPV4, .port = 80, .v4 = { 192, 0, 2, 7 }
};

static struct handshake handshake;
static int ours, theirs;

static void begin(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ours = pair[0];
	theirs = pair[1];
	handshake_begin(&handshake, SOCKS5_CONNECT, &destination);
}

static void end(void)
{
	close(ours);
	close(theirs);
}

static long step(void)
{
	return exchange_step(&handshake, ours, &nobody);
}

static void server_says(const char *bytes, size_t len)
{
	ck_assert_int_eq(write(theirs, bytes, len), (ssize_t)len);
}

/* As far as it goes; the request has been sent then. */
static void reach_request(void)
{
	char bytes[64];

	ck_assert_int_eq(step(), 3);
	ck_assert_int_eq(read(theirs, bytes, sizeof(bytes)), 3);
	server_says("\5\0", 2);
	ck_assert_int_eq(step(), 2);
	ck_assert_int_eq(step(), 10);
	ck_assert_int_eq(read(theirs, bytes, sizeof(bytes)), 10);
	ck_assert_mem_eq(bytes, "\5\1\0\1\300\0\2\7\0\120", 10);
}

START_TEST(goes_through_and_leaves_what_follows)
{
	static const char reply[] = "\5\0\0\1\0\0\0\0\0\0SSH";
	char rest[8];

	begin();
	reach_request();
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(step(), -EAGAIN);
		server_says(reply + i, 1);
		ck_assert_int_eq(step(), 1);
	}
	ck_assert_int_eq(handshake.state, HANDSHAKE_DONE);
	server_says(reply + 10, 3);
	ck_assert_int_eq(read(ours, rest, sizeof(rest)), 3);
	end();
}
END_TEST

START_TEST(tells_the_machine_of_an_end)
{
	begin();
	reach_request();
	shutdown(theirs, SHUT_WR);
	ck_assert_int_eq(step(), 0);
	ck_assert_int_eq(handshake.state, HANDSHAKE_FAILED);
	ck_assert_int_eq(handshake.error, ECONNREFUSED);
	end();
}
END_TEST

START_TEST(leaves_an_error_to_its_caller_and_raises_no_signal)
{
	begin();
	close(theirs);
	ck_assert_int_eq(step(), -EPIPE);
	ck_assert_int_eq(handshake.state, HANDSHAKE_GREETING);
	close(ours);
}
END_TEST

START_TEST(sends_the_rest_when_there_is_room)
{
	char bytes[4096] = { 0 };
	size_t filled = 0;
	ssize_t n;

	begin();
	while ((n = send(ours, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		filled += (size_t)n;
	ck_assert_int_eq(step(), -EAGAIN);
	for (; filled > 0; filled -= (size_t)n) {
		n = read(theirs, bytes, filled < sizeof(bytes) ? filled : sizeof(bytes));
		ck_assert_int_gt(n, 0);
	}
	ck_assert_int_eq(step(), 3);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("exchange");
	TCase *tcase = tcase_create("exchange");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, goes_through_and_leaves_what_follows);
	tcase_add_test(tcase, tells_the_machine_of_an_end);
	tcase_add_test(tcase, leaves_an_error_to_its_caller_and_raises_no_signal);
	tcase_add_test(tcase, sends_the_rest_when_there_is_room);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
