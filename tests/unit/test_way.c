/* SPDX-License-Identifier: MIT */
/* test_way.c - what a socket's options and control data say of a packet's way */
#include "core/way.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

/* What is said of one control message. */
static int verdict(int level, int type, const void *data, size_t len)
{
	_Alignas(struct cmsghdr) char control[256] = { 0 };
	struct msghdr m = { .msg_control = control,
			    .msg_controllen = CMSG_SPACE(len) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	return way_of_control(&m);
}

START_TEST(knows_the_options_that_name_hops)
{
	ck_assert(way_names_hops(IPPROTO_IP, IP_OPTIONS));
	ck_assert(way_names_hops(IPPROTO_IPV6, IPV6_RTHDR));
	ck_assert(way_names_hops(IPPROTO_IPV6, 32)); /* IPV6_FLOWLABEL_MGR */
	ck_assert(!way_names_hops(IPPROTO_IP, IP_TOS));
	ck_assert(!way_names_hops(IPPROTO_IP, 32)); /* IP_MULTICAST_IF */
	ck_assert(!way_names_hops(SOL_SOCKET, IP_OPTIONS));
}
END_TEST

START_TEST(refuses_hops_in_control_data)
{
	const char hops[24] = { 0 };

	ck_assert_int_eq(verdict(IPPROTO_IP, IP_RETOPTS, hops, 8), -EPERM);
	ck_assert_int_eq(verdict(IPPROTO_IPV6, IPV6_RTHDR, hops, 24), -EPERM);
	ck_assert_int_eq(verdict(IPPROTO_IP, IP_TOS, hops, 4), 0);
}
END_TEST

START_TEST(tells_a_device_from_loopback_and_none)
{
	struct in_pktinfo v4 = { .ipi_ifindex = 2 };
	struct in6_pktinfo v6 = { .ipi6_ifindex = 3 };

	ck_assert_int_eq(verdict(IPPROTO_IP, IP_PKTINFO, &v4, sizeof(v4)), 1);
	ck_assert_int_eq(verdict(IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof(v6)), 1);
	v4.ipi_ifindex = 1;
	v6.ipi6_ifindex = 0;
	ck_assert_int_eq(verdict(IPPROTO_IP, IP_PKTINFO, &v4, sizeof(v4)), 0);
	ck_assert_int_eq(verdict(IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof(v6)), 0);
}
END_TEST

START_TEST(takes_short_and_no_control_data)
{
	struct msghdr none = { .msg_control = NULL };
	const char cut[2] = { 2, 0 };

	ck_assert_int_eq(way_of_control(&none), 0);
	ck_assert_int_eq(verdict(IPPROTO_IP, IP_PKTINFO, cut, sizeof(cut)), 0);
}
END_TEST

START_TEST(a_fresh_socket_stays)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert(!way_of_socket(fd));
	close(fd);
	ck_assert(!way_of_socket(-1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("way");
	TCase *tcase = tcase_create("way");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, knows_the_options_that_name_hops);
	tcase_add_test(tcase, refuses_hops_in_control_data);
	tcase_add_test(tcase, tells_a_device_from_loopback_and_none);
	tcase_add_test(tcase, takes_short_and_no_control_data);
	tcase_add_test(tcase, a_fresh_socket_stays);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
