/* SPDX-License-Identifier: MIT */
/* test_stub.c - what a program's own DNS client is told */
#include "resolver/stub.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resolver/direct.h"
#include "resolver/dnswire.h"
#include "resolver/fakemap.h"
#include "resolver/hosts.h"
#include "resolver/judge.h"

enum {
	REPLY_SIZE = 4096
};

static char directory[256], hosts[300];
static struct config config;

static void add_rule(enum route route, const char *pattern)
{
	const char *why;

	ck_assert_int_eq(
		rules_add(&config.rules, route, pattern, strlen(pattern), &why),
		0);
}

static void make_place(void)
{
	const char *tmp = getenv("TMPDIR");
	FILE *f;

	snprintf(directory, sizeof(directory), "%s/stub-XXXXXX",
		 tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(hosts, sizeof(hosts), "%s/hosts", directory);
	f = fopen(hosts, "w");
	ck_assert_ptr_nonnull(f);
	fputs("127.0.0.1 localhost\n192.0.2.1 one.example one\n"
	      "192.0.2.2 one.example\n2001:db8::1 one.example\n"
	      "192.0.2.4 four.example\n",
	      f);
	for (int i = 1; i <= 24; i++)
		fprintf(f, "2001:db8::2:%x many.example\n", i);
	fclose(f);
	hosts_setup(hosts);
	memset(&config, 0, sizeof(config));
	memcpy(config.fake4, (uint8_t[]){ 198, 18, 0, 0 }, 4);
	config.fake4_bits = 15;
	memcpy(config.fake6, (uint8_t[]){ 0xfd, 1, 2, 3, 4, 5, 6, 7 }, 8);
	snprintf(config.map_path, sizeof(config.map_path), "%s/map", directory);
	fakemap_setup(&config);
	judge_setup(&config);
}

static void remove_place(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	ck_assert_int_eq(system(command), 0);
}

/* --- queries ------------------------------------------------------------- */

/**
 * struct asked - a query, which make_query fills
 */
struct asked {
	uint8_t bytes[600];
	size_t len;
	struct dns_header header;
	size_t question_len;
};

/* edns: the size that it claims, or 0 for no OPT. */
static struct asked make_query(const char *name, uint16_t type, uint16_t edns)
{
	struct asked q = {
		.header = {
			.id = 0xa55a,
			.flags = DNS_RD | DNS_CD | DNS_AD,
			.questions = 1,
			.additionals = edns != 0,
		},
	};
	struct dns_question question = { .type = type, .class = DNS_IN };
	struct dns_edns opt = { .size = edns, .flags = DNS_DO };
	struct writer w = writer_over(q.bytes, sizeof(q.bytes));

	ck_assert(dnswire_set_name(&question.name, name));
	dnswire_put_header(&w, &q.header);
	dnswire_put_question(&w, &question);
	q.question_len = writer_used(&w) - DNS_HEADER_SIZE;
	if (edns)
		dnswire_put_edns(&w, &opt);
	q.len = writer_used(&w);
	return q;
}

/* --- showing ------------------------------------------------------------- */

static const char *rcode_name(unsigned int rcode)
{
	static const char *const names[] = {
		[DNS_NOERROR] = "NOERROR",   [DNS_FORMERR] = "FORMERR",
		[DNS_SERVFAIL] = "SERVFAIL", [DNS_NXDOMAIN] = "NXDOMAIN",
		[DNS_NOTIMP] = "NOTIMP",     [DNS_REFUSED] = "REFUSED",
		[DNS_BADVERS] = "BADVERS",
	};

	return rcode < sizeof(names) / sizeof(names[0]) && names[rcode]
		       ? names[rcode]
		       : "?";
}

static void show_address(char *out, size_t size, int family,
			 const uint8_t *bytes)
{
	struct endpoint e = { .kind = ENDPOINT_IPV4 }, name;

	if (family == AF_INET6)
		endpoint_set_ipv6(&e, bytes, 0);
	else
		memcpy(e.v4, bytes, 4);
	if (fakemap_name(&e, &name) == 1)
		snprintf(out, size, " %s(%s)",
			 family == AF_INET6 ? "fake6" : "fake", name.name);
	else {
		*out = ' ';
		inet_ntop(family, bytes, out + 1, (socklen_t)size - 1);
	}
}

static void show_record(char *out, size_t size, const struct dns_message *m,
			const struct dns_record *r)
{
	struct dns_message data = dnswire_open_rdata(m, r);
	struct dns_name name;

	ck_assert_uint_eq(r->class, DNS_IN);
	ck_assert_uint_eq(r->ttl, 60);
	switch (r->type) {
	case DNS_A:
		ck_assert_uint_eq(r->rdata_len, 4);
		show_address(out, size, AF_INET, r->rdata);
		break;
	case DNS_AAAA:
		ck_assert_uint_eq(r->rdata_len, 16);
		show_address(out, size, AF_INET6, r->rdata);
		break;
	default:
		ck_assert_uint_eq(r->type, DNS_PTR);
		ck_assert(dnswire_get_name(&data, &name));
		ck_assert_uint_eq(reader_left(&data.rest), 0);
		*out = ' ';
		ck_assert(dnswire_name_text(&name, out + 1, size - 1));
	}
}

/* "RCODE RECORD ...", " TC" and " EDNS" where they are. */
static const char *show_reply(const struct asked *q, const uint8_t *reply,
			      size_t len)
{
	static char text[4000], records[3900];
	struct dns_message m = dnswire_open(reply, len);
	struct dns_edns edns = { .size = 0 };
	struct dns_question question;
	struct dns_record record;
	struct dns_header h;
	size_t used;

	ck_assert(dnswire_get_header(&m, &h));
	ck_assert_uint_eq(h.id, q->header.id);
	ck_assert_uint_eq(
		h.flags & ~(DNS_TC | DNS_RCODE),
		DNS_QR | DNS_RA |
			(q->header.flags & (DNS_OPCODE | DNS_RD | DNS_CD)));
	if (h.questions) {
		ck_assert_uint_eq(h.questions, 1);
		ck_assert_mem_eq(m.rest.at, q->bytes + DNS_HEADER_SIZE,
				 q->question_len); /* the case, too */
		ck_assert(dnswire_get_question(&m, &question));
	}
	records[0] = '\0';
	for (int i = 0; i < h.answers; i++) {
		used = strlen(records);
		ck_assert(dnswire_get_record(&m, &record));
		ck_assert(dnswire_same_name(&record.name, &question.name));
		ck_assert_uint_eq(record.type, question.type);
		show_record(records + used, sizeof(records) - used, &m,
			    &record);
	}
	ck_assert_uint_eq(h.authorities, 0);
	if (h.additionals) {
		ck_assert(dnswire_get_record(&m, &record));
		ck_assert(dnswire_edns_of(&record, &edns));
		ck_assert_uint_eq(edns.size, 1232);
		ck_assert_uint_eq(edns.version, 0);
	}
	ck_assert_uint_eq(reader_left(&m.rest), 0);
	snprintf(text, sizeof(text), "%s%s%s%s%s%s",
		 rcode_name(dnswire_rcode(&h, &edns)), records,
		 h.flags & DNS_TC ? " TC" : "", edns.size ? " EDNS" : "",
		 edns.flags & DNS_DO ? " DO" : "", h.questions ? "" : " ?");
	return text;
}

/* Of a copy whose ends are watched, into room of that size. */
static const char *answer_in(const struct asked *q, bool stream, size_t size)
{
	uint8_t *query = malloc(q->len + 1), *reply = malloc(size + 1);
	const char *text = "DROP";
	size_t len = 4711;

	memcpy(query + 1, q->bytes, q->len);
	reply[size] = 0xee;
	switch (stub_answer(query + 1, q->len, stream, reply, size, &len)) {
	case STUB_DROP:
		ck_assert_uint_eq(len, 0);
		break;
	case STUB_ASK:
		ck_assert_uint_eq(len, 0);
		text = "ASK";
		break;
	case STUB_REPLY:
		ck_assert_uint_ge(len, DNS_HEADER_SIZE);
		ck_assert_uint_le(len, size);
		text = show_reply(q, reply, len);
		break;
	}
	ck_assert_uint_eq(reply[size], 0xee);
	ck_assert_mem_eq(query + 1, q->bytes, q->len);
	free(query);
	free(reply);
	return text;
}

static const char *answer(const struct asked *q)
{
	return answer_in(q, false, REPLY_SIZE);
}

static const char *ask(const char *name, uint16_t type)
{
	struct asked q = make_query(name, type, 0);

	return answer(&q);
}

/* --- names --------------------------------------------------------------- */

START_TEST(gives_names_fake_addresses)
{
	ck_assert_str_eq(ask("example.com", DNS_A),
			 "NOERROR fake(example.com)");
	ck_assert_str_eq(ask("example.com", DNS_AAAA), "NOERROR");
	ck_assert_str_eq(ask("_srv.example.com", DNS_A),
			 "NOERROR fake(_srv.example.com)");
	ck_assert_str_eq(ask("intranet", DNS_A), "NOERROR fake(intranet)");
	ck_assert_str_eq(ask("hidden.onion", DNS_A),
			 "NOERROR fake(hidden.onion)");
}
END_TEST

START_TEST(gives_ipv6_where_the_proxy_has_nothing_else)
{
	config.addresses[0].kind = ENDPOINT_IPV6;
	config.n_addresses = 1;
	ck_assert_str_eq(ask("example.com", DNS_A), "NOERROR");
	ck_assert_str_eq(ask("example.com", DNS_AAAA),
			 "NOERROR fake6(example.com)");
}
END_TEST

START_TEST(hides_what_leads_past_the_fake_address)
{
	ck_assert_str_eq(ask("example.com", DNS_HTTPS), "NOERROR");
	ck_assert_str_eq(ask("_8443._https.example.com", DNS_HTTPS), "NOERROR");
	ck_assert_str_eq(ask("_dns.resolver.arpa", DNS_SVCB), "NOERROR");
	ck_assert_str_eq(ask("one.example", DNS_HTTPS), "NOERROR");
}
END_TEST

START_TEST(asks_for_everything_else)
{
	ck_assert_str_eq(ask("example.com", DNS_MX), "ASK");
	ck_assert_str_eq(ask("example.com", DNS_TXT), "ASK");
	ck_assert_str_eq(ask("_sip._udp.example.com", DNS_SRV), "ASK");
	ck_assert_str_eq(ask("host.example.com", 44), "ASK"); /* SSHFP */
	ck_assert_str_eq(ask("example.com", DNS_ANY_TYPE), "ASK");
	ck_assert_str_eq(ask("example.com", 65280), "ASK");
	ck_assert_str_eq(ask(".", 2), "ASK");
	ck_assert_str_eq(ask("one.example", DNS_MX), "ASK");
	ck_assert_str_eq(ask("My\\032Printer._ipp._tcp.example", DNS_SRV),
			 "ASK");
}
END_TEST

START_TEST(asks_for_names_that_no_host_has)
{
	ck_assert_str_eq(ask("*.example.com", DNS_A), "ASK");
	ck_assert_str_eq(ask("a\\032b.example", DNS_AAAA), "ASK");
	ck_assert_str_eq(ask("192.0.2.1", DNS_A), "ASK");
	ck_assert_str_eq(ask(".", DNS_A), "ASK");
	/* but not where a rule or the name itself speaks against it */
	add_rule(ROUTE_BLOCK, ".bad.example");
	ck_assert_str_eq(ask("*.bad.example", DNS_A), "REFUSED");
	ck_assert_str_eq(ask("a\\032b.local", DNS_A), "NXDOMAIN");
	ck_assert_str_eq(ask("a\\.b.example", DNS_A), "ASK");
	ck_assert_str_eq(ask("a\\000.example", DNS_A), "ASK");
}
END_TEST

START_TEST(asks_for_addresses_if_it_is_to)
{
	config.resolve = CONFIG_RESOLVE_TUNNEL;
	ck_assert_str_eq(ask("example.com", DNS_A), "ASK");
	ck_assert_str_eq(ask("example.com", DNS_AAAA), "ASK");
	ck_assert_str_eq(ask("example.com", DNS_HTTPS), "ASK");
	ck_assert_str_eq(ask("four.example", DNS_A), "NOERROR 192.0.2.4");
	ck_assert_str_eq(ask("localhost", DNS_A), "NOERROR 127.0.0.1");
	ck_assert_str_eq(ask("a.local", DNS_A), "NXDOMAIN");
}
END_TEST

START_TEST(answers_from_the_hosts_file)
{
	ck_assert_str_eq(ask("one.example", DNS_A),
			 "NOERROR 192.0.2.1 192.0.2.2");
	ck_assert_str_eq(ask("ONE", DNS_A), "NOERROR 192.0.2.1");
	ck_assert_str_eq(ask("one.example", DNS_AAAA), "NOERROR 2001:db8::1");
	ck_assert_str_eq(ask("four.example", DNS_AAAA), "NOERROR");
}
END_TEST

START_TEST(keeps_localhost_here)
{
	ck_assert_str_eq(ask("localhost", DNS_A), "NOERROR 127.0.0.1");
	ck_assert_str_eq(ask("any.localhost", DNS_A), "NOERROR 127.0.0.1");
	ck_assert_str_eq(ask("any.localhost", DNS_AAAA), "NOERROR ::1");
	ck_assert_str_eq(ask("any.localhost", DNS_MX), "NOERROR");
	ck_assert_str_eq(ask("localhost", DNS_TXT), "NOERROR");
	ck_assert_str_eq(ask("hidden.onion", DNS_MX), "NOERROR");
}
END_TEST

START_TEST(refuses_blocked_names_whatever_is_asked)
{
	add_rule(ROUTE_BLOCK, "ads.example");
	add_rule(ROUTE_BLOCK, "four.example");
	ck_assert_str_eq(ask("ADS.example", DNS_A), "REFUSED");
	ck_assert_str_eq(ask("ads.example", DNS_AAAA), "REFUSED");
	ck_assert_str_eq(ask("ads.example", DNS_HTTPS), "REFUSED");
	ck_assert_str_eq(ask("ads.example", DNS_MX), "REFUSED");
	ck_assert_str_eq(ask("four.example", DNS_A), "REFUSED");
}
END_TEST

START_TEST(asks_nobody_for_names_of_the_link)
{
	ck_assert_str_eq(ask("printer.local", DNS_A), "NXDOMAIN");
	ck_assert_str_eq(ask("printer.LOCAL", DNS_AAAA), "NXDOMAIN");
	ck_assert_str_eq(ask("_ipp._tcp.local", DNS_PTR), "NXDOMAIN");
	ck_assert_str_eq(ask("_gateway", DNS_A), "NXDOMAIN");
}
END_TEST

START_TEST(tells_of_direct_names_what_libc_has_found)
{
	struct endpoint found = { .kind = ENDPOINT_IPV4,
				  .v4 = { 192, 0, 2, 77 } };

	add_rule(ROUTE_DIRECT, ".corp.example");
	add_rule(ROUTE_DIRECT, "four.example");
	ck_assert_str_eq(ask("a.corp.example", DNS_A), "REFUSED");
	ck_assert_str_eq(ask("a.corp.example", DNS_MX), "REFUSED");
	ck_assert_str_eq(ask("a.corp.example", DNS_HTTPS), "NOERROR");
	ck_assert_str_eq(ask("four.example", DNS_A), "NOERROR 192.0.2.4");
	direct_learn(&found, "a.corp.example");
	ck_assert_str_eq(ask("A.corp.example", DNS_A), "NOERROR 192.0.2.77");
	/* which is not to say that there are no others */
	ck_assert_str_eq(ask("a.corp.example", DNS_AAAA), "REFUSED");
	ck_assert_str_eq(ask("b.corp.example", DNS_A), "REFUSED");
}
END_TEST

START_TEST(fails_all_but_local_names_when_misconfigured)
{
	config.broken = true;
	ck_assert_str_eq(ask("example.com", DNS_A), "REFUSED");
	ck_assert_str_eq(ask("example.com", DNS_MX), "REFUSED");
	ck_assert_str_eq(ask("99.2.0.192.in-addr.arpa", DNS_PTR), "NXDOMAIN");
	ck_assert_str_eq(ask("localhost", DNS_A), "NOERROR 127.0.0.1");
}
END_TEST

START_TEST(says_so_when_the_map_is_full)
{
	config.fake4_bits = 30;
	snprintf(config.map_path, sizeof(config.map_path), "%s/small",
		 directory);
	fakemap_setup(&config);
	ck_assert_str_eq(ask("a", DNS_A), "NOERROR fake(a)");
	ck_assert_str_eq(ask("b", DNS_A), "NOERROR fake(b)");
	ck_assert_str_eq(ask("c", DNS_A), "NOERROR fake(c)");
	ck_assert_str_eq(ask("d", DNS_A), "SERVFAIL");
	ck_assert_str_eq(ask("d", DNS_AAAA), "NOERROR");
}
END_TEST

/* --- addresses ----------------------------------------------------------- */

static const char *ask_pointer(const struct endpoint *e)
{
	char name[80] = "";

	if (e->kind == ENDPOINT_IPV4)
		sprintf(name, "%u.%u.%u.%u.In-Addr.ARPA", e->v4[3], e->v4[2],
			e->v4[1], e->v4[0]);
	else
		for (int i = 15; i >= 0; i--)
			sprintf(name + strlen(name), "%x.%X.%s", e->v6[i] & 15,
				e->v6[i] >> 4, i ? "" : "ip6.arpa");
	return ask(name, DNS_PTR);
}

static const char *ask_pointer_text(const char *address)
{
	struct endpoint e;

	ck_assert_int_eq(endpoint_parse_address(&e, address), 0);
	return ask_pointer(&e);
}

START_TEST(names_fake_addresses)
{
	struct endpoint name, e;

	ck_assert_int_eq(endpoint_set_name(&name, "example.com", 11), 0);
	name.kind = ENDPOINT_NAME;
	ck_assert_int_eq(fakemap_address(&name, AF_INET, &e), 0);
	ck_assert_str_eq(ask_pointer(&e), "NOERROR example.com");
	ck_assert_int_eq(fakemap_address(&name, AF_INET6, &e), 0);
	ck_assert_str_eq(ask_pointer(&e), "NOERROR example.com");
	ck_assert_str_eq(ask_pointer_text("198.19.255.254"), "NXDOMAIN");
}
END_TEST

START_TEST(names_the_addresses_of_the_hosts_file)
{
	ck_assert_str_eq(ask_pointer_text("192.0.2.1"), "NOERROR one.example");
	ck_assert_str_eq(ask_pointer_text("2001:db8::1"),
			 "NOERROR one.example");
	ck_assert_str_eq(ask("1.2.0.192.in-addr.arpa.", DNS_PTR),
			 "NOERROR one.example");
	ck_assert_str_eq(ask_pointer_text("::1"), "NOERROR localhost");
}
END_TEST

START_TEST(asks_for_the_names_of_addresses_out_there)
{
	ck_assert_str_eq(ask_pointer_text("192.0.2.99"), "ASK");
	ck_assert_str_eq(ask_pointer_text("2001:db8::99"), "ASK");
	ck_assert_str_eq(ask_pointer_text("10.0.0.1"), "ASK");
	/* what is no address is a name like any other */
	ck_assert_str_eq(ask("256.2.0.192.in-addr.arpa", DNS_PTR), "ASK");
	ck_assert_str_eq(ask("2.0.192.in-addr.arpa", DNS_PTR), "ASK");
	ck_assert_str_eq(ask("0.1.2.0.192.in-addr.arpa", DNS_PTR), "ASK");
	ck_assert_str_eq(ask("in-addr.arpa", DNS_PTR), "ASK");
	ck_assert_str_eq(ask("1.ip6.arpa", DNS_PTR), "ASK");
	ck_assert_str_eq(ask("1.2.0.192.in-addr.arpa", 2), "ASK");
}
END_TEST

START_TEST(asks_nobody_for_the_names_of_addresses_that_stay_here)
{
	add_rule(ROUTE_DIRECT, "192.168.0.0/16");
	add_rule(ROUTE_BLOCK, "192.0.2.128/25");
	add_rule(ROUTE_BLOCK, "192.0.2.0/25:25");
	ck_assert_str_eq(ask_pointer_text("192.168.7.7"), "NXDOMAIN");
	ck_assert_str_eq(ask_pointer_text("192.0.2.200"), "NXDOMAIN");
	ck_assert_str_eq(ask_pointer_text("192.0.2.99"), "ASK");
	ck_assert_str_eq(ask_pointer_text("127.0.0.53"), "NXDOMAIN");
	ck_assert_str_eq(ask_pointer_text("0.0.0.0"), "NXDOMAIN");
	ck_assert_str_eq(ask_pointer_text("169.254.1.1"), "NXDOMAIN");
	ck_assert_str_eq(ask_pointer_text("fe80::1"), "NXDOMAIN");
	ck_assert_str_eq(ask_pointer_text("febf::1"), "NXDOMAIN");
	ck_assert_str_eq(ask_pointer_text("fec0::1"), "ASK");
}
END_TEST

/* --- messages ------------------------------------------------------------ */

START_TEST(repeats_the_question_in_its_case)
{
	/* show_reply compares the bytes */
	ck_assert_str_eq(ask("eXaMpLe.CoM", DNS_A),
			 "NOERROR fake(eXaMpLe.CoM)");
	ck_assert_str_eq(ask("EXAMPLE.com", DNS_A),
			 "NOERROR fake(eXaMpLe.CoM)");
}
END_TEST

static const char *ask_flags(uint16_t flags)
{
	struct asked q = make_query("example.com", DNS_A, 0);
	struct writer w = writer_over(q.bytes, q.len);

	q.header.flags = flags;
	dnswire_put_header(&w, &q.header);
	return answer(&q);
}

START_TEST(copies_the_flags_that_are_the_askers)
{
	/* show_reply compares them */
	ck_assert_str_eq(ask_flags(0), "NOERROR fake(example.com)");
	ck_assert_str_eq(ask_flags(DNS_RD), "NOERROR fake(example.com)");
	ck_assert_str_eq(ask_flags(DNS_CD), "NOERROR fake(example.com)");
	ck_assert_str_eq(ask_flags(0x07ff), "NOERROR fake(example.com)");
}
END_TEST

START_TEST(says_nothing_to_responses)
{
	ck_assert_str_eq(ask_flags(DNS_QR), "DROP");
	ck_assert_str_eq(ask_flags(DNS_QR | DNS_OPCODE), "DROP");
}
END_TEST

START_TEST(knows_no_other_operation)
{
	for (uint16_t opcode = 1; opcode < 16; opcode++)
		ck_assert_str_eq(ask_flags((uint16_t)(opcode << 11)), "NOTIMP");
}
END_TEST

static const char *ask_class(uint16_t class)
{
	struct asked q = make_query("version.bind", DNS_TXT, 0);

	q.bytes[q.len - 2] = (uint8_t)(class >> 8);
	q.bytes[q.len - 1] = (uint8_t)class;
	return answer(&q);
}

START_TEST(knows_no_other_class)
{
	ck_assert_str_eq(ask_class(DNS_IN), "ASK");
	ck_assert_str_eq(ask_class(DNS_CH), "REFUSED");
	ck_assert_str_eq(ask_class(DNS_ANY_CLASS), "REFUSED");
	ck_assert_str_eq(ask_class(0), "REFUSED");
}
END_TEST

START_TEST(transfers_no_zones)
{
	ck_assert_str_eq(ask("example.com", 252), "REFUSED"); /* AXFR */
	ck_assert_str_eq(ask("example.com", 251), "REFUSED"); /* IXFR */
}
END_TEST

START_TEST(takes_one_question_at_a_time)
{
	struct asked q = make_query("example.com", DNS_A, 0);

	memcpy(q.bytes + q.len, q.bytes + DNS_HEADER_SIZE, q.question_len);
	q.len += q.question_len;
	q.bytes[5] = 2;
	ck_assert_str_eq(answer(&q), "FORMERR ?");
	q.bytes[5] = 0;
	q.len = DNS_HEADER_SIZE;
	ck_assert_str_eq(answer(&q), "FORMERR ?");
	q.bytes[4] = q.bytes[5] = 0xff;
	ck_assert_str_eq(answer(&q), "FORMERR ?");
}
END_TEST

START_TEST(answers_a_query_cut_anywhere_with_an_error)
{
	struct asked q = make_query("www.example.com", DNS_A, 1400);
	size_t whole = q.len;

	for (q.len = 0; q.len < whole; q.len++) {
		const char *wanted = q.len < DNS_HEADER_SIZE ? "DROP"
				     : q.len < DNS_HEADER_SIZE + q.question_len
					     ? "FORMERR ?"
					     : "FORMERR";

		ck_assert_str_eq(answer(&q), wanted);
	}
	ck_assert_str_eq(answer(&q), "NOERROR fake(www.example.com) EDNS DO");
	q.bytes[q.len++] = 0; /* one too many */
	ck_assert_str_eq(answer(&q), "FORMERR EDNS DO");
}
END_TEST

START_TEST(refuses_names_that_are_wrong)
{
	static const char *const names[] = {
		"\xc0\x0c\0",  /* a pointer to itself */
		"\1a\xc0\x0c", /* a loop */
		"\xc0\x00\0",  /* into the header */
		"\xc0\x11\0",  /* forwards */
		"\x40\0\0\0",  /* of a kind that is not */
		"\x3f\1a\0",   /* longer than the message */
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct asked q = make_query("abc", DNS_A, 0);

		memcpy(q.bytes + DNS_HEADER_SIZE, names[i], 4);
		ck_assert_str_eq(answer(&q), "FORMERR ?");
	}
}
END_TEST

START_TEST(takes_the_longest_names)
{
	char name[256], wanted[300];

	memset(name, 'a', sizeof(name));
	name[63] = name[127] = name[191] = '.';
	name[253] = '\0';
	snprintf(wanted, sizeof(wanted), "NOERROR fake(%s)", name);
	ck_assert_str_eq(ask(name, DNS_A), wanted);
	/* with escapes it is longer than any host's, and no rule knows it */
	memset(name, ' ', 63);
	ck_assert_str_eq(ask(name, DNS_A), "REFUSED");
}
END_TEST

/* --- EDNS ---------------------------------------------------------------- */

START_TEST(echoes_edns_with_a_size_of_its_own)
{
	struct asked q = make_query("example.com", DNS_A, 512);

	ck_assert_str_eq(answer(&q), "NOERROR fake(example.com) EDNS DO");
	q.bytes[q.len - 4] = 0; /* without DO */
	ck_assert_str_eq(answer(&q), "NOERROR fake(example.com) EDNS");
	q.bytes[q.len - 3] = 1; /* a flag that nobody knows */
	ck_assert_str_eq(answer(&q), "NOERROR fake(example.com) EDNS");
	q.bytes[q.len - 6] = 0xff; /* part of a code means nothing here */
	ck_assert_str_eq(answer(&q), "NOERROR fake(example.com) EDNS");
}
END_TEST

START_TEST(ignores_options_of_edns)
{
	static const uint8_t cookie[] = { 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct asked q = make_query("example.com", DNS_A, 1232);

	memcpy(q.bytes + q.len, cookie, sizeof(cookie));
	q.bytes[q.len - 1] = sizeof(cookie);
	q.len += sizeof(cookie);
	ck_assert_str_eq(answer(&q), "NOERROR fake(example.com) EDNS DO");
	q.bytes[q.len - sizeof(cookie) - 1]++;
	ck_assert_str_eq(answer(&q), "FORMERR");
}
END_TEST

START_TEST(knows_no_later_version_of_edns)
{
	struct asked q = make_query("example.com", DNS_A, 1232);

	q.bytes[q.len - 5] = 1;
	ck_assert_str_eq(answer(&q), "BADVERS EDNS DO");
	q.bytes[q.len - 5] = 255;
	ck_assert_str_eq(answer(&q), "BADVERS EDNS DO");
}
END_TEST

START_TEST(takes_one_opt_of_the_root)
{
	enum {
		OPT_SIZE = 11
	};
	struct asked q = make_query("example.com", DNS_A, 1232);

	memcpy(q.bytes + q.len, q.bytes + q.len - OPT_SIZE, OPT_SIZE);
	q.len += OPT_SIZE;
	q.bytes[11] = 2;
	ck_assert_str_eq(answer(&q), "FORMERR EDNS DO");
	q = make_query("example.com", DNS_A, 1232);
	memmove(q.bytes + q.len - OPT_SIZE + 2, q.bytes + q.len - OPT_SIZE,
		OPT_SIZE);
	memcpy(q.bytes + q.len - OPT_SIZE, "\1a", 2);
	q.len += 2;
	ck_assert_str_eq(answer(&q), "FORMERR");
}
END_TEST

START_TEST(reads_past_other_records)
{
	/* . TXT IN: an answer, an authority, an additional before the OPT */
	static const uint8_t record[] = { 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0 };
	struct asked q = make_query("example.com", DNS_A, 1232);
	uint8_t *opt = q.bytes + q.len - 11;

	memmove(opt + 3 * sizeof(record), opt, 11);
	for (int i = 0; i < 3; i++)
		memcpy(opt + i * sizeof(record), record, sizeof(record));
	q.len += 3 * sizeof(record);
	q.bytes[7] = q.bytes[9] = 1;
	q.bytes[11] = 2;
	ck_assert_str_eq(answer(&q), "NOERROR fake(example.com) EDNS DO");
	q.bytes[11] = 3;
	ck_assert_str_eq(answer(&q), "FORMERR EDNS DO");
	q.bytes[10] = q.bytes[11] = 0xff;
	ck_assert_str_eq(answer(&q), "FORMERR EDNS DO");
}
END_TEST

/* --- sizes --------------------------------------------------------------- */

START_TEST(cuts_what_a_datagram_does_not_hold)
{
	struct asked q = make_query("many.example", DNS_AAAA, 0);

	ck_assert_str_eq(answer(&q), "NOERROR TC");
	q = make_query("many.example", DNS_AAAA, 600);
	ck_assert_str_eq(answer(&q), "NOERROR TC EDNS DO");
	q = make_query("many.example", DNS_AAAA, 100); /* counts as 512 */
	ck_assert_str_eq(answer(&q), "NOERROR TC EDNS DO");
	ck_assert_ptr_nonnull(strstr(answer_in(&q, true, REPLY_SIZE),
				     " 2001:db8::2:18 EDNS"));
	q = make_query("many.example", DNS_AAAA, 1232);
	ck_assert_ptr_nonnull(strstr(answer(&q), " 2001:db8::2:18 EDNS"));
	/* 12 + 18 + 24 * 28 + 11 octets it is */
	q = make_query("many.example", DNS_AAAA, 713);
	ck_assert_ptr_nonnull(strstr(answer(&q), " 2001:db8::2:18 EDNS"));
	q = make_query("many.example", DNS_AAAA, 712);
	ck_assert_str_eq(answer(&q), "NOERROR TC EDNS DO");
}
END_TEST

START_TEST(writes_no_more_than_there_is_room_for)
{
	struct asked q = make_query("many.example", DNS_AAAA, 1232);

	for (size_t size = 0; size < 800; size++) {
		const char *wanted = size < 12 + 18 + 11 ? "DROP"
				     : size < 713	 ? "NOERROR TC EDNS DO"
							 : NULL;
		const char *text = answer_in(&q, false, size);

		if (wanted)
			ck_assert_str_eq(text, wanted);
		else
			ck_assert_ptr_nonnull(strstr(text, " 2001:db8::2:18"));
	}
	/* over TCP there is nothing that it could ask again by */
	ck_assert_str_eq(answer_in(&q, true, 700), "SERVFAIL EDNS DO");
}
END_TEST

static const char *fail_in(const struct asked *q, unsigned int rcode,
			   size_t size)
{
	uint8_t *reply = malloc(size + 1);
	const char *text = "DROP";
	size_t len = stub_fail(q->bytes, q->len, rcode, reply, size);

	ck_assert_uint_le(len, size);
	if (len > 0)
		text = show_reply(q, reply, len);
	free(reply);
	return text;
}

START_TEST(makes_replies_that_say_what_failed)
{
	struct asked plain = make_query("example.com", DNS_MX, 0);
	struct asked edns = make_query("example.com", DNS_MX, 1232);

	ck_assert_str_eq(fail_in(&plain, DNS_SERVFAIL, 100), "SERVFAIL");
	ck_assert_str_eq(fail_in(&edns, DNS_SERVFAIL, 100), "SERVFAIL EDNS DO");
	ck_assert_str_eq(fail_in(&edns, DNS_BADVERS, 100), "BADVERS EDNS DO");
	ck_assert_str_eq(fail_in(&plain, DNS_BADVERS, 100), "SERVFAIL");
	ck_assert_str_eq(fail_in(&plain, DNS_SERVFAIL, 29), "SERVFAIL");
	ck_assert_str_eq(fail_in(&plain, DNS_SERVFAIL, 28), "DROP");
	ck_assert_str_eq(fail_in(&plain, DNS_SERVFAIL, 0), "DROP");
	plain.len = 11;
	ck_assert_str_eq(fail_in(&plain, DNS_SERVFAIL, 100), "DROP");
	plain.len = 12;
	ck_assert_str_eq(fail_in(&plain, DNS_SERVFAIL, 100), "SERVFAIL ?");
}
END_TEST

/* --- real answers -------------------------------------------------------- */

/* A reply to q with an answer of size octets, and with an OPT, if edns is. */
static size_t make_reply(const struct asked *q, uint8_t *out, size_t room,
			 size_t size, uint16_t edns)
{
	static uint8_t data[UINT16_MAX];
	struct dns_edns opt = { .size = edns, .flags = DNS_DO };
	struct dns_header h = q->header;
	struct writer w = writer_over(out, room);

	h.flags = DNS_QR | DNS_RD | DNS_RA | DNS_CD;
	h.answers = 1;
	h.additionals = edns != 0;
	dnswire_put_header(&w, &h);
	writer_bytes(&w, q->bytes + DNS_HEADER_SIZE, q->question_len);
	dnswire_put_answer(&w, DNS_TXT, 60, data, size);
	if (edns)
		dnswire_put_edns(&w, &opt);
	ck_assert(!w.failed);
	return writer_used(&w);
}

static size_t fit(const struct asked *q, uint8_t *reply, size_t len)
{
	uint8_t *copy = malloc(len + 1), *end = copy + 1;
	size_t fits;

	memcpy(end, reply, len);
	fits = stub_fit(q->bytes, q->len, end, len);
	ck_assert_uint_le(fits, len);
	memcpy(reply, end, len);
	free(copy);
	return fits;
}

START_TEST(leaves_answers_that_fit_as_they_are)
{
	struct asked q = make_query("example.com", DNS_TXT, 0);
	uint8_t reply[2000], before[2000];
	size_t len = make_reply(&q, reply, sizeof(reply), 471, 0);

	ck_assert_uint_eq(len, DNS_DATAGRAM_MAX);
	memcpy(before, reply, len);
	ck_assert_uint_eq(fit(&q, reply, len), len);
	ck_assert_mem_eq(reply, before, len);
	q = make_query("example.com", DNS_TXT, 1500);
	len = make_reply(&q, reply, sizeof(reply), 1448, 1232);
	ck_assert_uint_eq(len, 1500);
	memcpy(before, reply, len);
	ck_assert_uint_eq(fit(&q, reply, len), len);
	ck_assert_mem_eq(reply, before, len);
}
END_TEST

START_TEST(cuts_answers_that_do_not_fit)
{
	struct asked q = make_query("example.com", DNS_TXT, 0);
	uint8_t reply[2000];
	size_t len = make_reply(&q, reply, sizeof(reply), 472, 0);

	ck_assert_uint_eq(len, DNS_DATAGRAM_MAX + 1);
	len = fit(&q, reply, len);
	ck_assert_uint_eq(len, DNS_HEADER_SIZE + q.question_len);
	ck_assert_str_eq(show_reply(&q, reply, len), "NOERROR TC");
	q = make_query("example.com", DNS_TXT, 1499);
	len = make_reply(&q, reply, sizeof(reply), 1448, 1232);
	len = fit(&q, reply, len);
	ck_assert_uint_eq(len, DNS_HEADER_SIZE + q.question_len + 11);
	ck_assert_str_eq(show_reply(&q, reply, len), "NOERROR TC EDNS DO");
}
END_TEST

START_TEST(cuts_answers_that_make_no_sense)
{
	struct asked q = make_query("example.com", DNS_TXT, 0);
	uint8_t reply[2000];
	size_t len;

	/* an OPT that is cut itself */
	len = make_reply(&q, reply, sizeof(reply), 1000, 1232);
	len = fit(&q, reply, len - 1);
	ck_assert_str_eq(show_reply(&q, reply, len), "NOERROR TC");
	/* two questions */
	len = make_reply(&q, reply, sizeof(reply), 1000, 0);
	reply[5] = 2;
	ck_assert_uint_eq(fit(&q, reply, len), DNS_HEADER_SIZE);
	ck_assert_str_eq(show_reply(&q, reply, DNS_HEADER_SIZE),
			 "NOERROR TC ?");
	/* nothing but ones */
	memset(reply, 0xff, sizeof(reply));
	ck_assert_uint_eq(fit(&q, reply, sizeof(reply)), DNS_HEADER_SIZE);
	for (len = 0; len <= DNS_DATAGRAM_MAX; len++)
		ck_assert_uint_eq(fit(&q, reply, len), len);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("stub");
	TCase *c = tcase_create("names");

	tcase_add_checked_fixture(c, make_place, remove_place);
	tcase_add_test(c, gives_names_fake_addresses);
	tcase_add_test(c, gives_ipv6_where_the_proxy_has_nothing_else);
	tcase_add_test(c, hides_what_leads_past_the_fake_address);
	tcase_add_test(c, asks_for_everything_else);
	tcase_add_test(c, asks_for_names_that_no_host_has);
	tcase_add_test(c, asks_for_addresses_if_it_is_to);
	tcase_add_test(c, answers_from_the_hosts_file);
	tcase_add_test(c, keeps_localhost_here);
	tcase_add_test(c, refuses_blocked_names_whatever_is_asked);
	tcase_add_test(c, asks_nobody_for_names_of_the_link);
	tcase_add_test(c, tells_of_direct_names_what_libc_has_found);
	tcase_add_test(c, fails_all_but_local_names_when_misconfigured);
	tcase_add_test(c, says_so_when_the_map_is_full);
	tcase_add_test(c, names_fake_addresses);
	tcase_add_test(c, names_the_addresses_of_the_hosts_file);
	tcase_add_test(c, asks_for_the_names_of_addresses_out_there);
	tcase_add_test(c,
		       asks_nobody_for_the_names_of_addresses_that_stay_here);
	suite_add_tcase(s, c);
	c = tcase_create("messages");
	tcase_add_checked_fixture(c, make_place, remove_place);
	tcase_add_test(c, repeats_the_question_in_its_case);
	tcase_add_test(c, copies_the_flags_that_are_the_askers);
	tcase_add_test(c, says_nothing_to_responses);
	tcase_add_test(c, knows_no_other_operation);
	tcase_add_test(c, knows_no_other_class);
	tcase_add_test(c, transfers_no_zones);
	tcase_add_test(c, takes_one_question_at_a_time);
	tcase_add_test(c, answers_a_query_cut_anywhere_with_an_error);
	tcase_add_test(c, refuses_names_that_are_wrong);
	tcase_add_test(c, takes_the_longest_names);
	tcase_add_test(c, echoes_edns_with_a_size_of_its_own);
	tcase_add_test(c, ignores_options_of_edns);
	tcase_add_test(c, knows_no_later_version_of_edns);
	tcase_add_test(c, takes_one_opt_of_the_root);
	tcase_add_test(c, reads_past_other_records);
	tcase_add_test(c, cuts_what_a_datagram_does_not_hold);
	tcase_add_test(c, writes_no_more_than_there_is_room_for);
	tcase_add_test(c, makes_replies_that_say_what_failed);
	tcase_add_test(c, leaves_answers_that_fit_as_they_are);
	tcase_add_test(c, cuts_answers_that_do_not_fit);
	tcase_add_test(c, cuts_answers_that_make_no_sense);
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
