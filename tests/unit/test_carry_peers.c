/* SPDX-License-Identifier: MIT */
/* test_carry_peers.c - whom the program of a carried socket has connected it to */
#include "launcher/carry_peers.h"

#include <check.h>
#include <netinet/in.h>
#include <stddef.h>

static struct peer peer_with_port(uint16_t port)
{
	struct peer peer = { .len = sizeof(struct sockaddr_in) };
	struct sockaddr_in *in = (void *)&peer.address;

	in->sin_family = AF_INET;
	in->sin_port = port;
	return peer;
}

static uint16_t port_of(uint64_t cookie)
{
	const struct peer *peer = peers_find(cookie);

	return peer ? ((const struct sockaddr_in *)&peer->address)->sin_port : 0;
}

static void set(uint64_t cookie, uint16_t port)
{
	struct peer peer = peer_with_port(port);

	peers_set(cookie, &peer);
}

START_TEST(knows_what_was_set_and_nothing_else)
{
	set(7, 80);
	set(8, 81);
	ck_assert_uint_eq(port_of(7), 80);
	ck_assert_uint_eq(port_of(8), 81);
	ck_assert_ptr_null(peers_find(9));
	ck_assert_ptr_null(peers_find(0));
}
END_TEST

START_TEST(has_one_peer_for_a_socket)
{
	set(7, 80);
	set(7, 443);
	ck_assert_uint_eq(port_of(7), 443);
	peers_forget(7);
	ck_assert_ptr_null(peers_find(7));
	peers_forget(7);
}
END_TEST

START_TEST(keeps_the_latest_of_as_many_as_there_is_room_for)
{
	enum { ROOM = 16384, ALL = 3 * ROOM };

	for (uint64_t cookie = 1; cookie <= ALL; cookie++)
		set(cookie, (uint16_t)(cookie % 60000 + 1));
	for (uint64_t cookie = ALL - ROOM + 1; cookie <= ALL; cookie++)
		ck_assert_uint_eq(port_of(cookie), cookie % 60000 + 1);
	ck_assert_ptr_null(peers_find(1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("carry_peers");
	TCase *tcase = tcase_create("carry_peers");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, knows_what_was_set_and_nothing_else);
	tcase_add_test(tcase, has_one_peer_for_a_socket);
	tcase_add_test(tcase, keeps_the_latest_of_as_many_as_there_is_room_for);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
