/* SPDX-License-Identifier: MIT */
/* test_sources.c - whom a UDP socket sent to, and under which address they answer */
#include "preload/sources.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/fakemap.h"

static char directory[256];
static struct config config;
static struct sources s;
static int64_t now = 1000000000;

static void begin(void)
{
	snprintf(directory, sizeof(directory), "%s/sources-XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	memcpy(config.fake4, (uint8_t[]){ 198, 18, 0, 0 }, 4);
	config.fake4_bits = 15;
	memcpy(config.fake6, (uint8_t[]){ 0xfd, 1, 2, 3, 4, 5, 6, 7 }, 8);
	snprintf(config.map_path, sizeof(config.map_path), "%s/map", directory);
	fakemap_setup(&config);
	sources_clear(&s);
}

static void end(void)
{
	remove(config.map_path);
	remove(directory);
}

static struct endpoint host(const char *text, uint16_t port)
{
	struct endpoint e = { .port = port };

	if (endpoint_parse_address(&e, text) < 0)
		ck_assert_int_eq(endpoint_set_name(&e, text, strlen(text)), 0);
	e.port = port;
	return e;
}

/* The index of a name, as a program enters it: by the address that stands for it. */
static int enter(const char *text, uint16_t port)
{
	struct endpoint name = host(text, port), fake;
	struct sockaddr_storage sa;
	int len;

	ck_assert_int_eq(fakemap_address(&name, AF_INET, &fake), 0);
	fake.port = port;
	len = endpoint_to_sockaddr(&fake, AF_INET, &sa);
	return sources_enter(&s, (struct sockaddr *)&sa, (socklen_t)len, &name);
}

static enum source_way decide(int name, bool may_ask)
{
	bool pinned = false;

	return sources_decide(&s, name, now, may_ask, &pinned);
}

static bool pins(int name)
{
	bool pinned = false;

	sources_decide(&s, name, now, false, &pinned);
	return pinned;
}

/* Sent to by its name. */
static int sent(const char *text, uint16_t port)
{
	int name = enter(text, port);

	ck_assert_int_eq(decide(name, true), SOURCE_BY_NAME);
	sources_sent_to_name(&s, name);
	return name;
}

/* A second one is asked for, and the name servers say this; "" for nothing. */
static void told(int name, const char *text)
{
	struct endpoint e;

	if (*text != '\0') {
		e = host(text, 0);
		sources_told(&s, name, &e);
	}
	sources_asked(&s, name);
}

static int asked(const char *text, uint16_t port)
{
	int name = enter(text, port);

	ck_assert_int_eq(decide(name, true), SOURCE_TO_ASK);
	sources_want(&s, name, now);
	ck_assert_int_eq(decide(name, true), SOURCE_WAITS);
	while (sources_ask_next(&s) >= 0)
		;
	return name;
}

static void sent_to_address(const char *text, uint16_t port)
{
	struct endpoint e = host(text, port);

	sources_sent_to_address(&s, &e);
}

/* "www.example:53", "192.0.2.1:53", or "nothing". */
static const char *shown_to(int family, const char *from, uint16_t port)
{
	static char text[ENDPOINT_TEXT_MAX];
	struct endpoint e = host(from, port), address, name;
	struct peer shown;

	if (!sources_show(&s, family, &e, &shown))
		return "nothing";
	ck_assert_int_eq(endpoint_from_sockaddr(&address, &shown.address.sa,
						shown.len),
			 0);
	return endpoint_format(fakemap_name(&address, &name) == 1 ? &name :
								    &address,
			       text, sizeof(text));
}

static const char *shown(const char *from, uint16_t port)
{
	return shown_to(AF_INET, from, port);
}

static const char *going_to(int name)
{
	static char text[ENDPOINT_TEXT_MAX];
	struct endpoint e;

	sources_address(&s, name, &e);
	return endpoint_format(&e, text, sizeof(text));
}

static bool is_answer(int name, const char *from, uint16_t port)
{
	struct endpoint e = host(from, port);

	return sources_is_answer(&s, name, &e);
}

/* --- one name --------------------------------------------------------------------------- */

START_TEST(shows_addresses_as_they_are_where_no_name_was_sent_to)
{
	ck_assert_str_eq(shown("192.0.2.1", 123), "192.0.2.1:123");
	sent_to_address("192.0.2.1", 123);
	ck_assert_str_eq(shown("192.0.2.1", 123), "192.0.2.1:123");
	ck_assert_str_eq(shown_to(AF_INET6, "2001:db8::1", 7), "[2001:db8::1]:7");
	ck_assert_str_eq(shown("2001:db8::1", 7), "nothing");
	ck_assert_str_eq(shown("a.example", 7), "nothing");
}
END_TEST

START_TEST(takes_the_first_answer_of_that_port_for_the_name_s)
{
	sent("a.example", 123);
	ck_assert_str_eq(shown("192.0.2.1", 124), "192.0.2.1:124");
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
	ck_assert_str_eq(shown("192.0.2.1", 9), "a.example:9");
}
END_TEST

START_TEST(learns_two_addresses_of_a_name_and_no_more)
{
	sent("a.example", 123);
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
	ck_assert_str_eq(shown("2001:db8::2", 123), "a.example:123");
	ck_assert_str_eq(shown("192.0.2.3", 123), "192.0.2.3:123");
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
}
END_TEST

START_TEST(takes_no_address_that_was_sent_to_for_a_name_s)
{
	sent("a.example", 123);
	sent_to_address("192.0.2.9", 123);
	ck_assert_str_eq(shown("192.0.2.9", 123), "192.0.2.9:123");
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
}
END_TEST

START_TEST(learns_nothing_once_it_has_forgotten_addresses)
{
	char text[32];

	sent("a.example", 123);
	for (int i = 0; i <= SOURCES_ADDRESSES; i++) {
		snprintf(text, sizeof(text), "198.51.100.%d", i);
		sent_to_address(text, 123);
	}
	ck_assert_str_eq(shown("198.51.100.64", 123), "198.51.100.64:123");
	ck_assert_str_eq(shown("192.0.2.1", 123), "192.0.2.1:123");
}
END_TEST

START_TEST(remembers_many_addresses)
{
	char text[32];

	for (int i = 0; i < SOURCES_ADDRESSES; i++) {
		snprintf(text, sizeof(text), "198.51.100.%d", i);
		sent_to_address(text, 123);
	}
	sent("a.example", 123);
	for (int i = 0; i < SOURCES_ADDRESSES; i++) {
		snprintf(text, sizeof(text), "198.51.100.%d", i);
		ck_assert_str_ne(shown(text, 123), "a.example:123");
	}
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
}
END_TEST

START_TEST(shows_what_an_ipv4_socket_cannot_as_from_the_only_name_that_waits)
{
	sent("a.example", 69);
	ck_assert_str_eq(shown("2001:db8::1", 5000), "a.example:5000");
	ck_assert_str_eq(shown_to(AF_INET6, "2001:db8::1", 5000),
			 "[2001:db8::1]:5000");
	sent("a.example", 5000);
	ck_assert_str_eq(shown("2001:db8::1", 5000), "a.example:5000");
	sent("b.example", 70);
	sent("c.example", 71);
	ck_assert_str_eq(shown("2001:db8::2", 9), "nothing");
}
END_TEST

/* --- two names of one port ----------------------------------------------------------------- */

START_TEST(tells_names_of_different_ports_by_these)
{
	sent("a.example", 1);
	sent("b.example", 2);
	ck_assert_str_eq(shown("192.0.2.2", 2), "b.example:2");
	ck_assert_str_eq(shown("192.0.2.1", 1), "a.example:1");
}
END_TEST

START_TEST(asks_for_both_of_two_names_of_one_port)
{
	int a = sent("a.example", 123), b = enter("b.example", 123);

	ck_assert_int_eq(decide(b, true), SOURCE_TO_ASK);
	sources_want(&s, b, now);
	ck_assert_int_eq(sources_ask_next(&s), a);
	ck_assert_int_eq(sources_ask_next(&s), b);
	ck_assert_int_eq(sources_ask_next(&s), -1);
	ck_assert_int_eq(decide(b, true), SOURCE_WAITS);
	told(b, "192.0.2.2");
	ck_assert_int_eq(decide(b, true), SOURCE_WAITS);
	told(a, "192.0.2.1");
	ck_assert_int_eq(decide(b, true), SOURCE_BY_ADDRESS);
	ck_assert_int_eq(decide(a, true), SOURCE_BY_NAME);
	ck_assert_str_eq(going_to(b), "192.0.2.2:123");
}
END_TEST

START_TEST(asks_for_the_first_only_if_it_waits)
{
	int b;

	sent("a.example", 123);
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
	b = enter("b.example", 123);
	sources_want(&s, b, now);
	ck_assert_int_eq(sources_ask_next(&s), b);
	ck_assert_int_eq(sources_ask_next(&s), -1);
}
END_TEST

START_TEST(tells_them_in_whatever_order_they_answer)
{
	int a = sent("a.example", 123), b = asked("b.example", 123);

	told(a, "192.0.2.1");
	told(b, "192.0.2.2");
	ck_assert_str_eq(shown("192.0.2.2", 123), "b.example:123");
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
}
END_TEST

START_TEST(takes_nothing_for_the_answer_of_who_was_not_sent_to)
{
	int a = sent("a.example", 123), b = asked("b.example", 123);

	/* It waits until it is known whether that is the first one's host, too. */
	told(b, "192.0.2.1");
	ck_assert(!is_answer(b, "192.0.2.1", 123));
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
	told(a, "192.0.2.1");
	sources_sent_to_name(&s, b);
	ck_assert_str_eq(shown("192.0.2.1", 123), "b.example:123");
}
END_TEST

START_TEST(takes_what_nobody_is_known_by_for_the_one_that_went_by_name)
{
	int a = sent("a.example", 123), b = asked("b.example", 123);

	told(a, "");
	told(b, "192.0.2.2");
	ck_assert_str_eq(shown("192.0.2.77", 123), "a.example:123");
	ck_assert_str_eq(shown("192.0.2.2", 123), "b.example:123");
	ck_assert_str_eq(shown("192.0.2.2", 99), "b.example:99");
}
END_TEST

START_TEST(knows_all_addresses_that_are_told)
{
	int a = sent("a.example", 123), b = asked("b.example", 123);
	struct endpoint second = host("2001:db8::2", 0);

	told(a, "192.0.2.1");
	sources_told(&s, b, &second);
	told(b, "192.0.2.2");
	ck_assert_str_eq(going_to(b), "[2001:db8::2]:123");
	ck_assert_str_eq(shown("192.0.2.2", 123), "b.example:123");
	ck_assert_str_eq(shown("2001:db8::2", 123), "b.example:123");
}
END_TEST

START_TEST(tells_names_of_one_host_by_whose_turn_it_is)
{
	int a = sent("a.example", 123), b = asked("b.example", 123);

	told(a, "192.0.2.1");
	told(b, "192.0.2.1");
	ck_assert_int_eq(decide(b, true), SOURCE_BY_ADDRESS);
	sources_sent_to_name(&s, b);
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
	ck_assert_str_eq(shown("192.0.2.1", 123), "b.example:123");
	sources_sent_to_name(&s, b);
	sources_sent_to_name(&s, a);
	sources_sent_to_name(&s, b);
	ck_assert_str_eq(shown("192.0.2.1", 123), "b.example:123");
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
}
END_TEST

START_TEST(refuses_a_second_name_while_the_first_waits_and_nobody_tells)
{
	int a = sent("a.example", 123), b = asked("b.example", 123);

	told(a, "");
	told(b, "");
	ck_assert_int_eq(decide(b, true), SOURCE_REFUSED);
	ck_assert_int_eq(decide(b, false), SOURCE_REFUSED);
	ck_assert_int_eq(decide(a, true), SOURCE_BY_NAME);
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
}
END_TEST

START_TEST(lets_the_first_go_by_its_address_once_it_has_answered)
{
	int a = sent("a.example", 123), b = asked("b.example", 123);

	told(a, "");
	told(b, "");
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
	ck_assert(pins(b));
	ck_assert_int_eq(decide(b, true), SOURCE_BY_NAME);
	ck_assert_int_eq(decide(a, true), SOURCE_BY_ADDRESS);
	ck_assert_str_eq(going_to(a), "192.0.2.1:123");
	ck_assert_str_eq(shown("192.0.2.2", 123), "b.example:123");
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
}
END_TEST

START_TEST(goes_by_the_address_that_has_answered_rather_than_one_that_was_told)
{
	int a = sent("a.example", 123), b = asked("b.example", 123);

	told(a, "192.0.2.1");
	told(b, "");
	ck_assert_str_eq(shown("192.0.2.7", 123), "a.example:123");
	ck_assert(pins(b));
	ck_assert_str_eq(going_to(a), "192.0.2.7:123");
}
END_TEST

START_TEST(refuses_a_second_name_though_where_the_first_may_answer_from_is_told)
{
	int a = sent("a.example", 123), b = asked("b.example", 123);

	told(a, "192.0.2.1");
	told(b, "");
	/* Its answer may still come from another address: who asks elsewhere is told others. */
	ck_assert_int_eq(decide(b, true), SOURCE_REFUSED);
	ck_assert_str_eq(shown("192.0.2.1", 9), "a.example:9");
	ck_assert_int_eq(decide(b, true), SOURCE_REFUSED);
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
	ck_assert(pins(b));
	ck_assert_str_eq(going_to(a), "192.0.2.1:123");
}
END_TEST

START_TEST(lets_the_peer_go_by_its_address_once_it_has_answered)
{
	int a = sent("a.example", 123), b = asked("b.example", 123);

	told(a, "");
	told(b, "");
	ck_assert(is_answer(a, "192.0.2.1", 123));
	ck_assert(pins(b));
	ck_assert_str_eq(going_to(a), "192.0.2.1:123");
}
END_TEST

START_TEST(does_without_asking_where_that_is_of_no_use)
{
	int b;

	sent("a.example", 123);
	b = enter("b.example", 123);
	ck_assert_int_eq(decide(b, false), SOURCE_REFUSED);
	ck_assert_str_eq(shown("192.0.2.1", 123), "a.example:123");
	ck_assert_int_eq(decide(b, false), SOURCE_BY_NAME);
}
END_TEST

START_TEST(waits_five_seconds_and_asks_again_after_a_minute)
{
	int b;

	sent("a.example", 123);
	b = asked("b.example", 123);
	now += SOURCES_PATIENCE_NS - 1;
	ck_assert_int_eq(decide(b, true), SOURCE_WAITS);
	now += 1;
	ck_assert_int_eq(decide(b, true), SOURCE_REFUSED);
	now += SOURCES_AGAIN_NS - SOURCES_PATIENCE_NS - 1;
	ck_assert_int_eq(decide(b, true), SOURCE_REFUSED);
	now += 1;
	ck_assert_int_eq(decide(b, true), SOURCE_TO_ASK);
}
END_TEST

START_TEST(takes_what_is_told_late)
{
	int b;

	sent("a.example", 123);
	b = asked("b.example", 123);
	now += SOURCES_PATIENCE_NS;
	ck_assert_int_eq(decide(b, true), SOURCE_REFUSED);
	told(b, "192.0.2.2");
	ck_assert_int_eq(decide(b, true), SOURCE_BY_ADDRESS);
}
END_TEST

START_TEST(believes_a_relay_that_tells_names)
{
	sent("a.example", 123);
	ck_assert_str_eq(shown("A.example", 123), "a.example:123");
	sent("b.example", 123);
	sent("c.example", 123);
	ck_assert_str_eq(shown("c.example", 123), "c.example:123");
	ck_assert_str_eq(shown("b.example", 99), "b.example:99");
	ck_assert_str_eq(shown("d.example", 123), "nothing");
	/* Which of them has an address is not told. */
	ck_assert_str_eq(shown("192.0.2.1", 123), "192.0.2.1:123");
}
END_TEST

START_TEST(does_not_take_our_own_answers_for_the_relay_s)
{
	enter("ns.example", 53);
	ck_assert_str_eq(shown("ns.example", 53), "ns.example:53");
	sent("a.example", 123);
	ck_assert_int_eq(decide(enter("b.example", 123), true), SOURCE_TO_ASK);
}
END_TEST

START_TEST(asks_in_the_child_of_a_fork_what_its_parent_asks)
{
	int b;

	sent("a.example", 123);
	b = asked("b.example", 123);
	sources_forked_child(&s);
	ck_assert_int_eq(decide(b, true), SOURCE_TO_ASK);
}
END_TEST

/* --- many ------------------------------------------------------------------------------- */

START_TEST(shows_the_late_answer_of_an_old_name_as_from_that)
{
	char text[32], from[32], wanted[32];
	int names[100];

	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "n%d.example", i);
		snprintf(from, sizeof(from), "192.0.2.%d", i);
		names[i] = i == 0 ? sent(text, 123) : asked(text, 123);
		told(names[i], from);
	}
	for (int i = 0; i < 100; i++) {
		snprintf(wanted, sizeof(wanted), "n%d.example:123", i);
		snprintf(from, sizeof(from), "192.0.2.%d", i);
		ck_assert_str_eq(shown(from, 123), wanted);
		snprintf(text, sizeof(text), "n%d.example", i);
		ck_assert_int_eq(enter(text, 123), names[i]);
	}
	sources_clear(&s);
	ck_assert_str_eq(shown("192.0.2.7", 123), "192.0.2.7:123");
	ck_assert_int_eq(sent("n7.example", 123), 0);
}
END_TEST

START_TEST(asks_for_so_many_at_once)
{
	int first = sent("a.example", 123);
	char text[32];

	told(first, "192.0.2.1");
	for (int i = 0; i < SOURCES_AT_ONCE + 3; i++) {
		snprintf(text, sizeof(text), "n%d.example", i);
		sources_want(&s, enter(text, 123), now);
	}
	for (int i = 0; i < SOURCES_AT_ONCE; i++)
		ck_assert_int_eq(sources_ask_next(&s), first + 1 + i);
	ck_assert_int_eq(sources_ask_next(&s), -1);
	ck_assert_int_eq(decide(first + SOURCES_AT_ONCE + 2, true), SOURCE_WAITS);
	told(first + 5, "");
	ck_assert_int_eq(sources_ask_next(&s), first + SOURCES_AT_ONCE + 1);
	ck_assert_int_eq(sources_ask_next(&s), -1);
}
END_TEST

START_TEST(takes_as_many_names_as_there_is_room_for)
{
	for (uint16_t i = 1; i <= SOURCES_NAMES; i++)
		ck_assert_int_eq(sent("a.example", i), i - 1);
	ck_assert_int_eq(enter("a.example", SOURCES_NAMES + 1), -ENOBUFS);
	ck_assert_int_eq(enter("a.example", SOURCES_NAMES), SOURCES_NAMES - 1);
	ck_assert_str_eq(shown("192.0.2.1", 500), "a.example:500");
}
END_TEST

/* --- connected -------------------------------------------------------------------------- */

START_TEST(takes_from_its_peer_and_from_that_port_alone)
{
	int a = sent("a.example", 123);

	ck_assert(!is_answer(a, "192.0.2.1", 124));
	ck_assert(is_answer(a, "192.0.2.1", 123));
	ck_assert(!is_answer(a, "192.0.2.1", 124));
	ck_assert(is_answer(a, "192.0.2.2", 123));
	ck_assert(!is_answer(a, "192.0.2.3", 123));
	ck_assert(is_answer(a, "a.example", 123));
	ck_assert(!is_answer(a, "a.example", 124));
	ck_assert(!is_answer(a, "b.example", 123));
}
END_TEST

START_TEST(takes_from_its_peer_nothing_that_is_another_s)
{
	int a = sent("a.example", 123), b = asked("b.example", 123);

	told(a, "");
	told(b, "192.0.2.2");
	sent_to_address("192.0.2.9", 123);
	ck_assert(!is_answer(b, "192.0.2.77", 123));
	ck_assert(!is_answer(a, "192.0.2.2", 123));
	ck_assert(!is_answer(a, "192.0.2.9", 123));
	ck_assert(is_answer(b, "192.0.2.2", 123));
	ck_assert(is_answer(a, "192.0.2.77", 123));
}
END_TEST

START_TEST(takes_from_a_host_of_two_names_what_is_its_peer_s)
{
	int a = sent("a.example", 123), b = asked("b.example", 123);

	told(a, "192.0.2.1");
	told(b, "192.0.2.1");
	ck_assert(is_answer(b, "192.0.2.1", 123));
	ck_assert(is_answer(a, "192.0.2.1", 123));
}
END_TEST

START_TEST(takes_answers_to_what_another_process_has_sent)
{
	int a = enter("a.example", 123);

	ck_assert(is_answer(a, "192.0.2.1", 123));
	ck_assert_int_eq(decide(a, true), SOURCE_BY_NAME);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sources");
	TCase *one = tcase_create("one name"), *two = tcase_create("two names"),
	      *many = tcase_create("many"), *peer = tcase_create("connected");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(one, begin, end);
	tcase_add_test(one, shows_addresses_as_they_are_where_no_name_was_sent_to);
	tcase_add_test(one, takes_the_first_answer_of_that_port_for_the_name_s);
	tcase_add_test(one, learns_two_addresses_of_a_name_and_no_more);
	tcase_add_test(one, takes_no_address_that_was_sent_to_for_a_name_s);
	tcase_add_test(one, learns_nothing_once_it_has_forgotten_addresses);
	tcase_add_test(one, remembers_many_addresses);
	tcase_add_test(one, shows_what_an_ipv4_socket_cannot_as_from_the_only_name_that_waits);
	tcase_add_checked_fixture(two, begin, end);
	tcase_add_test(two, tells_names_of_different_ports_by_these);
	tcase_add_test(two, asks_for_both_of_two_names_of_one_port);
	tcase_add_test(two, asks_for_the_first_only_if_it_waits);
	tcase_add_test(two, tells_them_in_whatever_order_they_answer);
	tcase_add_test(two, takes_nothing_for_the_answer_of_who_was_not_sent_to);
	tcase_add_test(two, takes_what_nobody_is_known_by_for_the_one_that_went_by_name);
	tcase_add_test(two, knows_all_addresses_that_are_told);
	tcase_add_test(two, tells_names_of_one_host_by_whose_turn_it_is);
	tcase_add_test(two, refuses_a_second_name_while_the_first_waits_and_nobody_tells);
	tcase_add_test(two, lets_the_first_go_by_its_address_once_it_has_answered);
	tcase_add_test(two, goes_by_the_address_that_has_answered_rather_than_one_that_was_told);
	tcase_add_test(two, refuses_a_second_name_though_where_the_first_may_answer_from_is_told);
	tcase_add_test(two, lets_the_peer_go_by_its_address_once_it_has_answered);
	tcase_add_test(two, does_without_asking_where_that_is_of_no_use);
	tcase_add_test(two, waits_five_seconds_and_asks_again_after_a_minute);
	tcase_add_test(two, takes_what_is_told_late);
	tcase_add_test(two, believes_a_relay_that_tells_names);
	tcase_add_test(two, does_not_take_our_own_answers_for_the_relay_s);
	tcase_add_test(two, asks_in_the_child_of_a_fork_what_its_parent_asks);
	tcase_add_checked_fixture(many, begin, end);
	tcase_add_test(many, shows_the_late_answer_of_an_old_name_as_from_that);
	tcase_add_test(many, asks_for_so_many_at_once);
	tcase_add_test(many, takes_as_many_names_as_there_is_room_for);
	tcase_add_checked_fixture(peer, begin, end);
	tcase_add_test(peer, takes_from_its_peer_and_from_that_port_alone);
	tcase_add_test(peer, takes_from_its_peer_nothing_that_is_another_s);
	tcase_add_test(peer, takes_from_a_host_of_two_names_what_is_its_peer_s);
	tcase_add_test(peer, takes_answers_to_what_another_process_has_sent);
	suite_add_tcase(suite, one);
	suite_add_tcase(suite, two);
	suite_add_tcase(suite, many);
	suite_add_tcase(suite, peer);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
