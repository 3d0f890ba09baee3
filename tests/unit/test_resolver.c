/* SPDX-License-Identifier: MIT */
/* test_resolver.c - lookups: whose answer, which addresses, which error */
#include "resolver/resolver.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <locale.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resolver/fakemap.h"
#include "resolver/hosts.h"

static char directory[256], hosts[300];
static struct config config;

/*
 * The libc that is handed in: the real one, which must never be asked for a
 * name, but for direct ones, which it then "finds".
 */
static char asked[300];

static int guarded_getaddrinfo(const char *node, const char *service,
			       const struct addrinfo *hints,
			       struct addrinfo **result)
{
	struct addrinfo numeric = *hints;
	int rc;

	if (!node || strcmp(node, "*") == 0 ||
	    (hints->ai_flags & AI_NUMERICHOST))
		return getaddrinfo(node, service, hints, result);
	strcpy(asked, node);
	numeric.ai_flags = AI_NUMERICHOST;
	rc = getaddrinfo(hints->ai_family == AF_INET6 ? "2001:db8::77"
						      : "192.0.2.77",
			 service, &numeric, result);
	for (struct addrinfo *a = rc ? NULL : *result; a; a = a->ai_next)
		a->ai_flags = hints->ai_flags;
	if (rc == 0 && (hints->ai_flags & AI_CANONNAME))
		(*result)->ai_canonname = strdup("canonical.direct.example");
	return rc;
}

static int guarded_getnameinfo(const struct sockaddr *sa, socklen_t len,
			       char *host, socklen_t host_size, char *service,
			       socklen_t service_size, unsigned int flags)
{
	ck_assert(!host || sa->sa_family == AF_UNIX ||
		  (flags & NI_NUMERICHOST));
	return getnameinfo(sa, len, host, host_size, service, service_size,
			   (int)flags);
}

static void add_rule(enum route route, const char *pattern)
{
	const char *why;

	ck_assert_int_eq(
		rules_add(&config.rules, route, pattern, strlen(pattern), &why),
		0);
}

static void write_hosts(const char *text)
{
	FILE *f = fopen(hosts, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	hosts_setup(hosts);
}

static void start(void)
{
	struct resolver_libc libc = {
		guarded_getaddrinfo,
		(__typeof__(getnameinfo) *)guarded_getnameinfo,
	};

	fakemap_setup(&config);
	resolver_setup(&config, libc, (struct resolver_io){ 0 });
}

static void make_place(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/resolver-XXXXXX",
		 tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(hosts, sizeof(hosts), "%s/hosts", directory);
	memset(&config, 0, sizeof(config));
	memcpy(config.fake4, (uint8_t[]){ 198, 18, 0, 0 }, 4);
	config.fake4_bits = 15;
	memcpy(config.fake6, (uint8_t[]){ 0xfd, 1, 2, 3, 4, 5, 6, 7 }, 8);
	snprintf(config.map_path, sizeof(config.map_path), "%s/map", directory);
	write_hosts("127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
		    "192.0.2.1 one.example one\n192.0.2.2 one.example uno\n"
		    "2001:db8::1 one.example\n"
		    "192.0.2.4 four.example\n2001:db8::6 six.example\n");
	start();
}

static void remove_place(void)
{
	char command[300];

	ck_assert_str_eq(asked, "");
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	ck_assert_int_eq(system(command), 0);
}

/* --- showing ------------------------------------------------------------- */

static const char *eai_name(int rc)
{
	static const struct {
		int rc;
		const char *name;
	} names[] = {
		{ EAI_BADFLAGS, "BADFLAGS" },
		{ EAI_NONAME, "NONAME" },
		{ EAI_AGAIN, "AGAIN" },
		{ EAI_FAIL, "FAIL" },
		{ EAI_FAMILY, "FAMILY" },
		{ EAI_SOCKTYPE, "SOCKTYPE" },
		{ EAI_SERVICE, "SERVICE" },
		{ EAI_OVERFLOW, "OVERFLOW" },
		{ EAI_ADDRFAMILY, "ADDRFAMILY" },
		{ EAI_IDN_ENCODE, "IDN_ENCODE" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].rc == rc)
			return names[i].name;
	return "?";
}

/* Writes the address, "fake" or "fake6" in place of one that is. */
static void show_address(char *out, size_t size, const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	struct endpoint e, name;

	ck_assert_int_eq(endpoint_from_sockaddr(&e, sa, sizeof(*in6)), 0);
	if (fakemap_name(&e, &name) == 1)
		snprintf(out, size, "%s(%s)",
			 sa->sa_family == AF_INET6 ? "fake6" : "fake",
			 name.name);
	else if (sa->sa_family == AF_INET)
		inet_ntop(AF_INET, &in->sin_addr, out, (socklen_t)size);
	else
		inet_ntop(AF_INET6, &in6->sin6_addr, out, (socklen_t)size);
}

static const char *show_list(struct addrinfo *list)
{
	static char text[2000];

	text[0] = '\0';
	for (struct addrinfo *a = list; a; a = a->ai_next) {
		const struct sockaddr_in *in = (const void *)a->ai_addr;
		size_t used = strlen(text);
		char address[300];

		ck_assert_int_eq(a->ai_family, a->ai_addr->sa_family);
		ck_assert_uint_eq(a->ai_addrlen,
				  a->ai_family == AF_INET
					  ? sizeof(struct sockaddr_in)
					  : sizeof(struct sockaddr_in6));
		show_address(address, sizeof(address), a->ai_addr);
		snprintf(text + used, sizeof(text) - used, "%s%s:%d/%d/%d",
			 used ? " " : "", address, ntohs(in->sin_port),
			 a->ai_socktype, a->ai_protocol);
		if (a->ai_canonname)
			snprintf(text + strlen(text),
				 sizeof(text) - strlen(text), "=%s",
				 a->ai_canonname);
	}
	return text;
}

static const char *look_up_hints(const char *node, const char *service,
				 const struct addrinfo *hints)
{
	struct addrinfo *list = NULL;
	const char *text;
	int rc = resolver_getaddrinfo(node, service, hints, &list);

	if (rc != 0)
		return eai_name(rc);
	for (struct addrinfo *a = list; hints && a; a = a->ai_next)
		ck_assert_int_eq(a->ai_flags, hints->ai_flags);
	text = show_list(list);
	freeaddrinfo(list);
	return text;
}

/* Streams to port 80, so that there is an entry for each address. */
static const char *look_up(const char *node, int family, int flags)
{
	struct addrinfo hints = {
		.ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags,
	};

	return look_up_hints(node, "80", &hints);
}

/* --- fakes --------------------------------------------------------------- */

START_TEST(gives_names_fake_addresses)
{
	ck_assert_str_eq(look_up("example.com", AF_UNSPEC, 0),
			 "fake(example.com):80/1/6");
	ck_assert_str_eq(look_up("example.com", AF_INET, 0),
			 "fake(example.com):80/1/6");
	ck_assert_str_eq(look_up("example.com", AF_INET6, 0),
			 "fake6(example.com):80/1/6");
	ck_assert_str_eq(look_up("example.com", AF_INET6, AI_V4MAPPED | AI_ALL),
			 "fake6(example.com):80/1/6");
	ck_assert_str_eq(look_up("example.com.", AF_INET, AI_ADDRCONFIG),
			 "fake(example.com):80/1/6");
	ck_assert_str_eq(look_up("single", AF_INET, 0), "fake(single):80/1/6");
	ck_assert_str_eq(look_up("_dmarc.x-y.example", AF_INET, 0),
			 "fake(_dmarc.x-y.example):80/1/6");
	ck_assert_str_eq(look_up("9digits.example", AF_INET, 0),
			 "fake(9digits.example):80/1/6");
}
END_TEST

START_TEST(takes_hints_that_are_not_there)
{
	struct addrinfo *list;

	ck_assert_str_eq(look_up_hints("example.com", "443", NULL),
			 "fake(example.com):443/1/6 fake(example.com):443/2/17 "
			 "fake(example.com):443/3/0");
	ck_assert_str_eq(look_up_hints("example.com", NULL, NULL),
			 "fake(example.com):0/1/6 fake(example.com):0/2/17 "
			 "fake(example.com):0/3/0");
	ck_assert_int_eq(resolver_getaddrinfo("example.com", NULL, NULL, &list),
			 0);
	ck_assert_int_eq(list->ai_flags, AI_V4MAPPED | AI_ADDRCONFIG);
	freeaddrinfo(list);
}
END_TEST

START_TEST(leaves_services_to_libc)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };

	ck_assert_str_eq(look_up_hints("example.com", "domain", &hints),
			 "fake(example.com):53/2/17");
	ck_assert_str_eq(
		look_up_hints("example.com", "no-such-service", &hints),
		"SERVICE");
	hints.ai_flags = AI_NUMERICSERV;
	ck_assert_str_eq(look_up_hints("example.com", "domain", &hints),
			 "NONAME");
	hints.ai_flags = 0;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_protocol = IPPROTO_UDP;
	ck_assert_str_eq(look_up_hints("example.com", "80", &hints),
			 "SOCKTYPE");
}
END_TEST

START_TEST(gives_the_canonical_name)
{
	ck_assert_str_eq(look_up("Example.com.", AF_INET, AI_CANONNAME),
			 "fake(Example.com):80/1/6=Example.com");
	ck_assert_str_eq(look_up("one", AF_INET, AI_CANONNAME),
			 "192.0.2.1:80/1/6=one.example");
	ck_assert_str_eq(look_up("192.0.2.9", AF_INET, AI_CANONNAME),
			 "192.0.2.9:80/1/6=192.0.2.9");
}
END_TEST

START_TEST(lets_libc_judge_the_hints)
{
	struct addrinfo hints = { .ai_family = AF_UNIX };

	ck_assert_str_eq(look_up("example.com", AF_INET, 0x40000000),
			 "BADFLAGS");
	ck_assert_str_eq(look_up("one.example", AF_INET, 0x40000000),
			 "BADFLAGS");
	ck_assert_str_eq(look_up_hints("example.com", "80", &hints), "FAMILY");
	ck_assert_str_eq(look_up_hints("one.example", "80", &hints), "FAMILY");
	hints.ai_family = AF_INET;
	hints.ai_socktype = 77;
	ck_assert_str_eq(look_up_hints("example.com", NULL, &hints),
			 "SOCKTYPE");
}
END_TEST

START_TEST(refuses_what_cannot_be_a_name)
{
	char name[400];

	ck_assert_str_eq(look_up("", AF_INET, 0), "NONAME");
	ck_assert_str_eq(look_up(".", AF_INET, 0), "NONAME");
	ck_assert_str_eq(look_up("a..b", AF_INET, 0), "NONAME");
	ck_assert_str_eq(look_up("a b", AF_INET, 0), "NONAME");
	ck_assert_str_eq(look_up("a/b", AF_INET, 0), "NONAME");
	ck_assert_str_eq(look_up("a\nb", AF_INET, 0), "NONAME");
	ck_assert_str_eq(look_up("example.com:80", AF_INET, 0), "NONAME");
	ck_assert_str_eq(look_up("[::1]", AF_INET6, 0), "NONAME");
	ck_assert_str_eq(look_up("1.2.3.4.5", AF_INET, 0), "NONAME");
	ck_assert_str_eq(look_up("1.2.3.256", AF_INET, 0), "NONAME");
	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	ck_assert_str_eq(look_up(name, AF_INET, 0), "NONAME");
	memset(name, 'a', sizeof(name));
	for (int i = 50; i < 300; i += 50)
		name[i] = '.';
	name[255] = '\0';
	ck_assert_str_ne(look_up(name, AF_INET, 0), "NONAME");
	name[255] = 'a';
	name[256] = '\0';
	ck_assert_str_eq(look_up(name, AF_INET, 0), "NONAME");
}
END_TEST

START_TEST(puts_ipv6_first_where_the_proxy_has_nothing_else)
{
	config.n_addresses = 1;
	ck_assert_int_eq(
		endpoint_parse_address(&config.addresses[0], "2001:db8::5"), 0);
	ck_assert_str_eq(look_up("example.com", AF_UNSPEC, 0),
			 "fake6(example.com):80/1/6");
	ck_assert_str_eq(look_up("example.com", AF_INET, 0),
			 "fake(example.com):80/1/6");
	config.n_addresses = 2;
	ck_assert_int_eq(
		endpoint_parse_address(&config.addresses[1], "192.0.2.5"), 0);
	ck_assert_str_eq(look_up("example.com", AF_UNSPEC, 0),
			 "fake(example.com):80/1/6");
}
END_TEST

/* --- addresses, and no node ---------------------------------------------- */

START_TEST(leaves_addresses_as_they_are)
{
	static const char *const same[] = {
		"192.0.2.9", "127.1", "0x7f000001",  "017700000001",
		"1",	     "::1",   "2001:db8::9", "::ffff:192.0.2.9",
		"fe80::1%1",
	};
	static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6 };
	static const int flags[] = { 0, AI_NUMERICHOST, AI_V4MAPPED,
				     AI_V4MAPPED | AI_ALL | AI_CANONNAME };

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		for (int j = 0; j < 3; j++)
			for (int k = 0; k < 4; k++) {
				struct addrinfo hints = {
					.ai_family = families[j],
					.ai_flags = flags[k] | AI_NUMERICHOST,
				};
				struct addrinfo *list;
				char libc[2000];
				int rc = getaddrinfo(same[i], "80", &hints,
						     &list);

				strcpy(libc,
				       rc ? eai_name(rc) : show_list(list));
				if (rc == 0)
					freeaddrinfo(list);
				hints.ai_flags = flags[k];
				ck_assert_str_eq(
					look_up_hints(same[i], "80", &hints),
					libc);
			}
}
END_TEST

START_TEST(takes_no_interest_in_which_families_are_configured)
{
	/* where that is allowed, none is: a new namespace's loopback is down */
	if (unshare(CLONE_NEWNET) < 0)
		ck_assert_int_eq(errno, EPERM);
	ck_assert_str_eq(look_up("192.0.2.9", AF_INET, AI_ADDRCONFIG),
			 "192.0.2.9:80/1/6");
	ck_assert_str_eq(look_up("2001:db8::9", AF_INET6, AI_ADDRCONFIG),
			 "2001:db8::9:80/1/6");
	ck_assert_str_eq(look_up("example.com", AF_INET6, AI_ADDRCONFIG),
			 "fake6(example.com):80/1/6");
}
END_TEST

START_TEST(makes_no_fake_for_a_numeric_host_that_is_a_name)
{
	struct endpoint fake;

	config.fake4_bits = 30; /* three names */
	snprintf(config.map_path, sizeof(config.map_path), "%s/small",
		 directory);
	for (int i = 0; i < 10; i++) {
		char name[20];

		snprintf(name, sizeof(name), "name-%d", i);
		ck_assert_str_eq(look_up(name, AF_INET, AI_NUMERICHOST),
				 "NONAME");
	}
	start();
	for (int i = 10; i < 13; i++) {
		char name[20];
		struct endpoint e = { .kind = ENDPOINT_NONE };

		snprintf(name, sizeof(name), "name-%d", i);
		endpoint_set_name(&e, name, strlen(name));
		ck_assert_int_eq(fakemap_address(&e, AF_INET, &fake), 0);
	}
}
END_TEST

START_TEST(leaves_the_null_node_to_libc)
{
	struct addrinfo passive = { .ai_family = AF_INET,
				    .ai_socktype = SOCK_STREAM,
				    .ai_flags = AI_PASSIVE };

	ck_assert_str_eq(look_up_hints(NULL, "80", &passive), "0.0.0.0:80/1/6");
	ck_assert_str_eq(look_up_hints("*", "80", &passive), "0.0.0.0:80/1/6");
	ck_assert_str_eq(look_up(NULL, AF_INET6, 0), "::1:80/1/6");
	ck_assert_str_eq(look_up_hints(NULL, NULL, &passive), "NONAME");
	ck_assert_str_eq(look_up(NULL, AF_INET, AI_CANONNAME), "BADFLAGS");
}
END_TEST

/* --- what the machine knows ---------------------------------------------- */

START_TEST(answers_from_the_hosts_file)
{
	ck_assert_str_eq(look_up("ONE", AF_INET, 0), "192.0.2.1:80/1/6");
	ck_assert_str_eq(look_up("one.example", AF_INET, 0),
			 "192.0.2.1:80/1/6 192.0.2.2:80/1/6");
	ck_assert_str_eq(look_up("one.example.", AF_INET6, 0),
			 "2001:db8::1:80/1/6");
	ck_assert_str_eq(look_up("four.example", AF_UNSPEC, 0),
			 "192.0.2.4:80/1/6");
	ck_assert_str_eq(look_up("six.example", AF_UNSPEC, AI_ADDRCONFIG),
			 "2001:db8::6:80/1/6");
	ck_assert_str_eq(look_up("four.example", AF_INET6, 0), "NONAME");
	ck_assert_str_eq(look_up("six.example", AF_INET, 0), "NONAME");
	ck_assert_str_eq(look_up("four.example", AF_INET6, AI_V4MAPPED),
			 "::ffff:192.0.2.4:80/1/6");
	ck_assert_str_eq(look_up("one.example", AF_INET6, AI_V4MAPPED),
			 "2001:db8::1:80/1/6");
	ck_assert_str_eq(look_up("one.example", AF_INET6, AI_V4MAPPED | AI_ALL),
			 "2001:db8::1:80/1/6 ::ffff:192.0.2.1:80/1/6 "
			 "::ffff:192.0.2.2:80/1/6");
	ck_assert_str_eq(look_up_hints("four.example", "no-such-service", NULL),
			 "SERVICE");
}
END_TEST

START_TEST(lists_both_families_of_localhost)
{
	const char *text = look_up("localhost", AF_UNSPEC, 0);

	/* which of them is first depends on the machine */
	ck_assert_ptr_nonnull(strstr(text, "127.0.0.1:80/1/6"));
	ck_assert_ptr_nonnull(strstr(text, "::1:80/1/6"));
	text = look_up("any.localhost", AF_INET, 0);
	ck_assert_str_eq(text, "127.0.0.1:80/1/6");
}
END_TEST

/* --- rules --------------------------------------------------------------- */

START_TEST(asks_libc_for_direct_names_only)
{
	add_rule(ROUTE_DIRECT, ".direct.example");
	ck_assert_str_eq(look_up("a.direct.example", AF_INET, 0),
			 "192.0.2.77:80/1/6");
	ck_assert_str_eq(asked, "a.direct.example");
	asked[0] = '\0';
	ck_assert_str_eq(look_up("a.example", AF_INET, 0),
			 "fake(a.example):80/1/6");
}
END_TEST

static bool is_direct(const char *address, uint16_t port)
{
	struct endpoint e = { .port = port };

	ck_assert_int_eq(endpoint_parse_address(&e, address), 0);
	return resolver_is_direct(&e);
}

START_TEST(remembers_the_addresses_of_direct_names)
{
	add_rule(ROUTE_DIRECT, "a.example:22");
	add_rule(ROUTE_DIRECT, "four.example");
	ck_assert(!is_direct("192.0.2.77", 22));
	look_up("a.example", AF_INET, 0);
	ck_assert_str_eq(asked, "a.example");
	ck_assert(is_direct("192.0.2.77", 22));
	ck_assert(is_direct("::ffff:192.0.2.77", 22));
	ck_assert(!is_direct("192.0.2.77", 80));
	ck_assert(!is_direct("192.0.2.78", 22));
	look_up("one.example", AF_INET, 0);
	look_up("four.example", AF_INET, 0);
	ck_assert(is_direct("192.0.2.4", 80));
	ck_assert(!is_direct("192.0.2.1", 80));
	for (int i = 0; i < 1000; i++) /* more of the same takes no room */
		look_up("a.example", AF_INET, 0);
	look_up("a.example", AF_INET6, 0);
	ck_assert(is_direct("2001:db8::77", 22));
	asked[0] = '\0';
}
END_TEST

START_TEST(refuses_blocked_names)
{
	add_rule(ROUTE_BLOCK, "bad.example");
	add_rule(ROUTE_BLOCK, "four.example");
	ck_assert_str_eq(look_up("BAD.example", AF_INET, 0), "FAIL");
	ck_assert_str_eq(look_up("four.example", AF_INET, 0), "FAIL");
	ck_assert_str_eq(look_up("good.example", AF_INET, 0),
			 "fake(good.example):80/1/6");
}
END_TEST

START_TEST(refuses_names_of_the_local_link)
{
	ck_assert_str_eq(look_up("printer.local", AF_INET, 0), "NONAME");
	ck_assert_str_eq(look_up("printer.LOCAL.", AF_INET, 0), "NONAME");
	ck_assert_str_eq(look_up("local", AF_INET, 0), "fake(local):80/1/6");
	ck_assert_str_eq(look_up("_Gateway", AF_INET, 0), "NONAME");
	ck_assert_str_eq(look_up("_outbound", AF_INET, 0), "NONAME");
	ck_assert_str_eq(look_up("_localdnsstub", AF_INET, 0), "NONAME");
	ck_assert_str_eq(look_up("_gateway.example", AF_INET, 0),
			 "fake(_gateway.example):80/1/6");
	add_rule(ROUTE_DIRECT, ".local");
	ck_assert_str_eq(look_up("printer.local", AF_INET, 0),
			 "192.0.2.77:80/1/6");
	ck_assert_str_eq(asked, "printer.local");
	asked[0] = '\0';
}
END_TEST

START_TEST(fails_all_but_local_names_when_misconfigured)
{
	config.broken = true;
	add_rule(ROUTE_DIRECT, "direct.example");
	ck_assert_str_eq(look_up("example.com", AF_INET, 0), "FAIL");
	ck_assert_str_eq(look_up("direct.example", AF_INET, 0), "FAIL");
	ck_assert_str_eq(look_up("localhost", AF_INET, 0), "127.0.0.1:80/1/6");
	ck_assert_str_eq(look_up("192.0.2.9", AF_INET, 0), "192.0.2.9:80/1/6");
}
END_TEST

START_TEST(says_so_when_the_map_is_full)
{
	config.fake4_bits = 30;
	snprintf(config.map_path, sizeof(config.map_path), "%s/small",
		 directory);
	start();
	ck_assert_str_eq(look_up("a", AF_INET, 0), "fake(a):80/1/6");
	ck_assert_str_eq(look_up("b", AF_INET, 0), "fake(b):80/1/6");
	ck_assert_str_eq(look_up("c", AF_INET, 0), "fake(c):80/1/6");
	ck_assert_str_eq(look_up("d", AF_INET, 0), "AGAIN");
}
END_TEST

/* --- names that are not ASCII -------------------------------------------- */

START_TEST(encodes_names_as_libidn2_does)
{
	const char *text;

	if (!setlocale(LC_ALL, "C.UTF-8"))
		return;
	text = look_up("b\xc3\xbc"
		       "cher.example",
		       AF_INET, AI_CANONNAME);
	if (strcmp(text, "IDN_ENCODE") != 0) /* the library is not there */
		ck_assert_str_eq(text, "fake(xn--bcher-kva.example):80/1/6"
				       "=xn--bcher-kva.example");
	ck_assert_str_eq(look_up("\xff\xfe.example", AF_INET, AI_IDN),
			 "IDN_ENCODE");
}
END_TEST

/* --- getnameinfo --------------------------------------------------------- */

static const char *name_of(const char *address, int flags)
{
	static char host[NI_MAXHOST], service[NI_MAXSERV];
	struct sockaddr_storage sa;
	struct endpoint e = { .port = 80 };
	int len, rc;

	ck_assert_int_eq(endpoint_parse_address(&e, address), 0);
	len = endpoint_to_sockaddr(
		&e, strchr(address, ':') ? AF_INET6 : AF_INET, &sa);
	rc = resolver_getnameinfo((void *)&sa, (socklen_t)len, host,
				  sizeof(host), service, sizeof(service),
				  flags | NI_NUMERICSERV);
	if (rc != 0)
		return eai_name(rc);
	ck_assert_str_eq(service, "80");
	return host;
}

static void fake_address(const char *name, int family, char *out, size_t size)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = 1 };
	struct addrinfo *list;

	ck_assert_int_eq(resolver_getaddrinfo(name, NULL, &hints, &list), 0);
	ck_assert_int_eq(getnameinfo(list->ai_addr, list->ai_addrlen, out,
				     (socklen_t)size, NULL, 0, NI_NUMERICHOST),
			 0);
	freeaddrinfo(list);
}

START_TEST(names_fake_addresses)
{
	char v4[64], v6[64], mapped[80];

	fake_address("example.com", AF_INET, v4, sizeof(v4));
	fake_address("example.com", AF_INET6, v6, sizeof(v6));
	snprintf(mapped, sizeof(mapped), "::ffff:%s", v4);
	ck_assert_str_eq(name_of(v4, 0), "example.com");
	ck_assert_str_eq(name_of(v4, NI_NAMEREQD), "example.com");
	ck_assert_str_eq(name_of(v4, NI_NUMERICHOST), v4);
	ck_assert_str_eq(name_of(v4, NI_DGRAM | NI_NOFQDN), "example.com");
	ck_assert_str_eq(name_of(v6, 0), "example.com");
	ck_assert_str_eq(name_of(mapped, 0), "example.com");
}
END_TEST

START_TEST(never_asks_for_the_name_of_an_address)
{
	ck_assert_str_eq(name_of("192.0.2.4", 0), "four.example");
	ck_assert_str_eq(name_of("2001:db8::6", 0), "six.example");
	ck_assert_str_eq(name_of("127.0.0.1", NI_NAMEREQD), "localhost");
	ck_assert_str_eq(name_of("192.0.2.99", 0), "192.0.2.99");
	ck_assert_str_eq(name_of("192.0.2.99", NI_NAMEREQD), "NONAME");
	ck_assert_str_eq(name_of("198.19.1.1", NI_NAMEREQD), "NONAME");
	ck_assert_str_eq(name_of("2001:db8::99", 0), "2001:db8::99");
}
END_TEST

START_TEST(keeps_getnameinfos_limits)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(80) };
	struct sockaddr un = { .sa_family = AF_UNIX };
	char host[12], service[4];

	inet_pton(AF_INET, "192.0.2.4", &in.sin_addr); /* four.example */
	ck_assert_int_eq(resolver_getnameinfo((void *)&in, sizeof(in), host,
					      sizeof(host), NULL, 0, 0),
			 EAI_OVERFLOW);
	ck_assert_int_eq(resolver_getnameinfo((void *)&in, sizeof(in), NULL, 0,
					      service, 2, NI_NUMERICSERV),
			 EAI_OVERFLOW);
	ck_assert_int_eq(resolver_getnameinfo((void *)&in, sizeof(in), NULL, 0,
					      service, sizeof(service),
					      NI_NUMERICSERV),
			 0);
	ck_assert_str_eq(service, "80");
	ck_assert_int_eq(resolver_getnameinfo((void *)&in, 4, host,
					      sizeof(host), NULL, 0, 0),
			 EAI_FAMILY);
	ck_assert_int_eq(resolver_getnameinfo((void *)&in, sizeof(in), host,
					      sizeof(host), NULL, 0, 0x1000),
			 EAI_BADFLAGS);
	ck_assert_int_eq(resolver_getnameinfo((void *)&in, sizeof(in), NULL, 0,
					      NULL, 0, NI_NAMEREQD),
			 EAI_NONAME);
	ck_assert_int_eq(resolver_getnameinfo(&un, sizeof(un), NULL, 0, service,
					      sizeof(service), 0),
			 getnameinfo(&un, sizeof(un), NULL, 0, service,
				     sizeof(service), 0));
}
END_TEST

/* --- gethostbyname, gethostbyaddr ---------------------------------------- */

/* "NAME ALIAS ... = ADDRESS ...", or the h_errno and the errno. */
static const char *show_host(int rc, const struct hostent *h, int error)
{
	static char text[2000];

	if (!h) {
		snprintf(text, sizeof(text), "%d/%s", error,
			 rc ? strerrorname_np(rc) : "0");
		return text;
	}
	ck_assert_int_eq(rc, 0);
	strcpy(text, h->h_name);
	for (char **a = h->h_aliases; *a; a++)
		sprintf(text + strlen(text), " %s", *a);
	strcat(text, " =");
	for (char **a = h->h_addr_list; *a; a++) {
		struct sockaddr_in in = { .sin_family = AF_INET };
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

		memcpy(&in.sin_addr, *a, 4);
		ck_assert_int_eq(h->h_length,
				 h->h_addrtype == AF_INET ? 4 : 16);
		if (h->h_addrtype == AF_INET6)
			memcpy(&in6.sin6_addr, *a, 16);
		strcat(text, " ");
		show_address(text + strlen(text), 300,
			     h->h_addrtype == AF_INET6 ? (void *)&in6
						       : (void *)&in);
	}
	return text;
}

static const char *host_of(const char *name, int family)
{
	struct hostent host, *result = NULL;
	char buffer[4096];
	int error = 4711;
	int rc = resolver_gethostbyname(name, family, &host, buffer + 1,
					sizeof(buffer) - 1, &result, &error);

	ck_assert(!result || error == NETDB_SUCCESS);
	return show_host(rc, result, error);
}

static const char *host_at(const char *address, int family, socklen_t len)
{
	struct hostent host, *result = NULL;
	char buffer[4096], bytes[16];
	int error = 4711, rc;

	inet_pton(family, address, bytes);
	rc = resolver_gethostbyaddr(bytes, len, family, &host, buffer + 3,
				    sizeof(buffer) - 3, &result, &error);
	return show_host(rc, result, error);
}

START_TEST(fills_hostents_from_names)
{
	ck_assert_str_eq(host_of("example.com", AF_INET),
			 "example.com = fake(example.com)");
	ck_assert_str_eq(host_of("example.com", AF_INET6),
			 "example.com = fake6(example.com)");
	ck_assert_str_eq(host_of("one.example", AF_INET),
			 "one.example one uno = 192.0.2.1 192.0.2.2");
	ck_assert_str_eq(host_of("one.example", AF_INET6),
			 "one.example = 2001:db8::1");
	ck_assert_str_eq(host_of("192.0.2.9", AF_INET),
			 "192.0.2.9 = 192.0.2.9");
	ck_assert_str_eq(host_of("127.1", AF_INET), "127.1 = 127.0.0.1");
	ck_assert_str_eq(host_of("::1", AF_INET6), "::1 = ::1");
	ck_assert_str_eq(host_of("::1", AF_INET), "1/0");
	ck_assert_str_eq(host_of("192.0.2.9", AF_INET6), "1/0");
	ck_assert_str_eq(host_of("six.example", AF_INET), "1/0");
	ck_assert_str_eq(host_of("", AF_INET), "1/0");
	ck_assert_str_eq(host_of("a b", AF_INET), "1/0");
	ck_assert_str_eq(host_of("example.com", AF_UNIX), "-1/EAFNOSUPPORT");
	config.broken = true;
	ck_assert_str_eq(host_of("example.org", AF_INET), "3/0");
}
END_TEST

START_TEST(fills_hostents_of_direct_names)
{
	add_rule(ROUTE_DIRECT, "a.example");
	ck_assert_str_eq(host_of("a.example", AF_INET),
			 "canonical.direct.example = 192.0.2.77");
	ck_assert(is_direct("192.0.2.77", 1));
	asked[0] = '\0';
}
END_TEST

START_TEST(fills_hostents_from_addresses)
{
	char v4[64], v6[64];

	fake_address("example.com", AF_INET, v4, sizeof(v4));
	fake_address("example.com", AF_INET6, v6, sizeof(v6));
	ck_assert_str_eq(host_at(v4, AF_INET, 4),
			 "example.com = fake(example.com)");
	ck_assert_str_eq(host_at(v6, AF_INET6, 16),
			 "example.com = fake6(example.com)");
	ck_assert_str_eq(host_at("192.0.2.1", AF_INET, 4),
			 "one.example one = 192.0.2.1");
	ck_assert_str_eq(host_at("::ffff:192.0.2.1", AF_INET6, 16),
			 "one.example one = ::ffff:192.0.2.1");
	ck_assert_str_eq(host_at("192.0.2.99", AF_INET, 4), "1/0");
	ck_assert_str_eq(host_at("198.19.0.1", AF_INET, 4), "1/0");
	ck_assert_str_eq(host_at("192.0.2.1", AF_INET, 3), "-1/EAFNOSUPPORT");
}
END_TEST

/* The next of gethostent_r's, in so large a buffer. */
static const char *next_host(size_t size)
{
	struct hostent host, *result = NULL;
	char *buffer = malloc(size); /* its end is watched */
	const char *text;
	int error = 4711;
	int rc = resolver_gethostent(&host, buffer, size, &result, &error);

	text = rc == ENOENT ? "end" : show_host(rc, result, error);
	free(buffer);
	return text;
}

START_TEST(lists_the_hosts_file)
{
	write_hosts("# nothing\n\n127.0.0.1 localhost\n::1 localhost6 six\n"
		    "192.0.2.1 one.example one\n2001:db8::1 one.example\n"
		    "nonsense a\n192.0.2.9\n::ffff:192.0.2.2 two # three");
	ck_assert_str_eq(next_host(1000), "localhost = 127.0.0.1");
	ck_assert_str_eq(next_host(1000), "localhost6 six = 127.0.0.1");
	ck_assert_str_eq(next_host(1000), "one.example one = 192.0.2.1");
	ck_assert_str_eq(next_host(1000), "two = 192.0.2.2");
	ck_assert_str_eq(next_host(1000), "end");
	ck_assert_str_eq(next_host(1000), "end");
	resolver_sethostent();
	ck_assert_str_eq(next_host(1000), "localhost = 127.0.0.1");
	ck_assert_str_eq(next_host(30), "4711/ERANGE");
	ck_assert_str_eq(next_host(1000), "localhost6 six = 127.0.0.1");
	/* the file changes under who reads it: in bounds, at a line's start */
	write_hosts("192.0.2.3 a-name-that-is-rather-long.example alias\n"
		    "192.0.2.4 four\n");
	ck_assert_str_eq(next_host(1000), "four = 192.0.2.4");
	write_hosts("");
	ck_assert_str_eq(next_host(1000), "end");
}
END_TEST

START_TEST(says_erange_for_every_short_buffer)
{
	struct hostent host, *result;
	size_t size;
	int error;

	for (size = 0;; size++) {
		char *buffer = malloc(size); /* its end is watched */
		int rc = resolver_gethostbyname("one.example", AF_INET, &host,
						buffer, size, &result, &error);

		if (rc == 0)
			show_host(rc, result, error);
		free(buffer);
		if (rc == 0)
			break;
		ck_assert_int_eq(rc, ERANGE);
		ck_assert_ptr_null(result);
		ck_assert_int_eq(error, NETDB_INTERNAL);
		ck_assert_uint_lt(size, 500);
	}
	ck_assert_uint_gt(size, 60);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("resolver");
	TCase *c = tcase_create("resolver");

	tcase_add_checked_fixture(c, make_place, remove_place);
	tcase_set_timeout(c, 30);
	tcase_add_test(c, gives_names_fake_addresses);
	tcase_add_test(c, takes_hints_that_are_not_there);
	tcase_add_test(c, leaves_services_to_libc);
	tcase_add_test(c, gives_the_canonical_name);
	tcase_add_test(c, lets_libc_judge_the_hints);
	tcase_add_test(c, refuses_what_cannot_be_a_name);
	tcase_add_test(c, puts_ipv6_first_where_the_proxy_has_nothing_else);
	tcase_add_test(c, leaves_addresses_as_they_are);
	tcase_add_test(c, takes_no_interest_in_which_families_are_configured);
	tcase_add_test(c, makes_no_fake_for_a_numeric_host_that_is_a_name);
	tcase_add_test(c, leaves_the_null_node_to_libc);
	tcase_add_test(c, answers_from_the_hosts_file);
	tcase_add_test(c, lists_both_families_of_localhost);
	tcase_add_test(c, asks_libc_for_direct_names_only);
	tcase_add_test(c, remembers_the_addresses_of_direct_names);
	tcase_add_test(c, refuses_blocked_names);
	tcase_add_test(c, refuses_names_of_the_local_link);
	tcase_add_test(c, fails_all_but_local_names_when_misconfigured);
	tcase_add_test(c, says_so_when_the_map_is_full);
	tcase_add_test(c, encodes_names_as_libidn2_does);
	tcase_add_test(c, names_fake_addresses);
	tcase_add_test(c, never_asks_for_the_name_of_an_address);
	tcase_add_test(c, keeps_getnameinfos_limits);
	tcase_add_test(c, fills_hostents_from_names);
	tcase_add_test(c, fills_hostents_of_direct_names);
	tcase_add_test(c, fills_hostents_from_addresses);
	tcase_add_test(c, lists_the_hosts_file);
	tcase_add_test(c, says_erange_for_every_short_buffer);
	suite_add_tcase(s, c);
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
