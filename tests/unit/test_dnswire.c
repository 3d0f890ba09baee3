/* SPDX-License-Identifier: MIT */
/* test_dnswire.c - DNS messages to and from bytes */
#include "resolver/dnswire.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* A message of nothing but a name at octet 12, where names begin. */
static uint8_t message[4096];

static bool read_at(size_t offset, size_t len, struct dns_name *name,
		    size_t *used)
{
	struct dns_message m = dnswire_open(message, len);
	bool ok;

	reader_bytes(&m.rest, NULL, offset);
	ok = dnswire_get_name(&m, name);
	ck_assert(ok == !m.rest.failed);
	*used = ok ? (size_t)(m.rest.at - message) - offset : 0;
	return ok;
}

/* The name's text, or "wrong". */
static const char *text_at(size_t offset, size_t len)
{
	static char text[DNS_NAME_TEXT_MAX];
	struct dns_name name;
	size_t used;

	if (!read_at(offset, len, &name, &used))
		return "wrong";
	ck_assert(dnswire_name_text(&name, text, sizeof(text)));
	return text;
}

static const char *text_of_bytes(const char *bytes, size_t len)
{
	memset(message, 0xee, sizeof(message));
	memcpy(message + DNS_HEADER_SIZE, bytes, len);
	return text_at(DNS_HEADER_SIZE, DNS_HEADER_SIZE + len);
}

#define NAME(bytes) text_of_bytes(bytes, sizeof(bytes) - 1)

/* --- names --------------------------------------------------------------- */

START_TEST(reads_labels)
{
	ck_assert_str_eq(NAME("\0"), ".");
	ck_assert_str_eq(NAME("\1a\0"), "a");
	ck_assert_str_eq(NAME("\7example\3com\0"), "example.com");
	ck_assert_str_eq(NAME("\7ExAmPlE\3COM\0"), "ExAmPlE.COM");
}
END_TEST

START_TEST(shows_what_is_no_plain_text)
{
	ck_assert_str_eq(NAME("\3a.b\1c\0"), "a\\.b.c");
	ck_assert_str_eq(NAME("\3a\\b\0"), "a\\\\b");
	ck_assert_str_eq(NAME("\3a\0b\0"), "a\\000b");
	ck_assert_str_eq(NAME("\3a b\0"), "a\\032b");
	ck_assert_str_eq(NAME("\2\xc3\xbc\0"), "\\195\\188");
	ck_assert_str_eq(NAME("\2\x7f\xff\0"), "\\127\\255");
}
END_TEST

START_TEST(follows_pointers_backwards)
{
	static const char bytes[] = "\3com\0" /* 12 */
				    "\7example\xc0\x0c" /* 17 */
				    "\3www\xc0\x11" /* 27 */
				    "\xc0\x1b" /* 33 */
				    "\x01z"; /* 35 */
	size_t len = DNS_HEADER_SIZE + sizeof(bytes) - 1, used;
	struct dns_name name;

	memcpy(message + DNS_HEADER_SIZE, bytes, sizeof(bytes));
	ck_assert_str_eq(text_at(12, len), "com");
	ck_assert_str_eq(text_at(17, len), "example.com");
	ck_assert_str_eq(text_at(27, len), "www.example.com");
	ck_assert_str_eq(text_at(33, len), "www.example.com");
	/* what follows a pointer is read next */
	ck_assert(read_at(17, len, &name, &used));
	ck_assert_uint_eq(used, 10);
	ck_assert(read_at(33, len, &name, &used));
	ck_assert_uint_eq(used, 2);
	ck_assert_uint_eq(name.len, 17);
	ck_assert_str_eq(text_at(35, len), "wrong");
}
END_TEST

START_TEST(refuses_pointers_that_lead_nowhere)
{
	ck_assert_str_eq(NAME("\xc0\x0c"), "wrong");	/* to itself */
	ck_assert_str_eq(NAME("\xc0\x0e\0"), "wrong");	/* forwards */
	ck_assert_str_eq(NAME("\1a\xc0\x0c"), "wrong"); /* round and round */
	ck_assert_str_eq(NAME("\1a\xc0\x0e"), "wrong"); /* to that pointer */
	ck_assert_str_eq(NAME("\xc0\x00"), "wrong");	/* into the header */
	ck_assert_str_eq(NAME("\xc0\x0b"), "wrong");
	ck_assert_str_eq(NAME("\xff\xff"), "wrong"); /* past the end */
	ck_assert_str_eq(NAME("\xc0"), "wrong");     /* half of one */
	/* two that point at each other */
	memcpy(message + 12, "\xc0\x0e\xc0\x0c", 4);
	ck_assert_str_eq(text_at(12, 16), "wrong");
	ck_assert_str_eq(text_at(14, 16), "wrong");
	/* a later name that begins in an earlier one and runs into itself */
	memcpy(message + 12, "\3abc\xc0\x0d", 6);
	ck_assert_str_eq(text_at(16, 18), "wrong");
}
END_TEST

START_TEST(refuses_kinds_of_labels_that_do_not_exist)
{
	ck_assert_str_eq(NAME("\x40"
			      "a\0"),
			 "wrong");
	ck_assert_str_eq(NAME("\x41\1a\0"), "wrong");
	ck_assert_str_eq(NAME("\x80"
			      "a\0"),
			 "wrong");
	ck_assert_str_eq(NAME("\xbf"
			      "a\0"),
			 "wrong");
}
END_TEST

START_TEST(ends_every_chain_of_pointers)
{
	struct dns_name name;
	size_t used, at;

	/* Each pointer leads to the one before it; the first to the root. */
	memset(message, 0, sizeof(message));
	for (at = DNS_HEADER_SIZE + 1; at + 2 <= sizeof(message); at += 2) {
		size_t to = at == DNS_HEADER_SIZE + 1 ? at - 1 : at - 2;

		message[at] = (uint8_t)(0xc0 | to >> 8);
		message[at + 1] = (uint8_t)to;
	}
	ck_assert(read_at(at - 2, sizeof(message), &name, &used));
	ck_assert_uint_eq(name.len, 1);
	ck_assert_uint_eq(used, 2);
}
END_TEST

/* Labels of 63, 63, 63 and last octets, and the root: 193 + 1 + last. */
static size_t make_long_name(uint8_t *out, size_t last)
{
	size_t len = 0;

	for (int i = 0; i < 4; i++) {
		size_t label = i < 3 ? DNS_LABEL_MAX : last;

		out[len++] = (uint8_t)label;
		memset(out + len, 'a' + i, label);
		len += label;
	}
	out[len++] = 0;
	return len;
}

START_TEST(takes_names_of_255_octets_and_no_more)
{
	static char text[DNS_NAME_TEXT_MAX];
	struct dns_name name, again;
	size_t used, len;

	len = make_long_name(message + DNS_HEADER_SIZE, 61);
	ck_assert_uint_eq(len, DNS_NAME_MAX);
	ck_assert(read_at(12, 12 + len, &name, &used));
	ck_assert_uint_eq(name.len, DNS_NAME_MAX);
	ck_assert_uint_eq(used, DNS_NAME_MAX);
	ck_assert(dnswire_name_text(&name, text, sizeof(text)));
	ck_assert_uint_eq(strlen(text), 253);
	ck_assert(dnswire_set_name(&again, text));
	ck_assert(dnswire_same_name(&name, &again));
	strcat(text, "d");
	ck_assert(!dnswire_set_name(&again, text));

	len = make_long_name(message + DNS_HEADER_SIZE, 62);
	ck_assert_uint_eq(len, DNS_NAME_MAX + 1);
	ck_assert(!read_at(12, 12 + len, &name, &used));
}
END_TEST

START_TEST(counts_what_pointers_add_to_the_length)
{
	struct dns_name name;
	size_t used, len = make_long_name(message + DNS_HEADER_SIZE, 59);

	memcpy(message + 12 + len, "\1x\xc0\x0c\2xx\xc0\x0c", 9);
	ck_assert(read_at(12 + len, 12 + len + 9, &name, &used));
	ck_assert_uint_eq(name.len, DNS_NAME_MAX);
	ck_assert(!read_at(12 + len + 4, 12 + len + 9, &name, &used));
}
END_TEST

START_TEST(has_room_for_the_text_of_any_name)
{
	static char text[DNS_NAME_TEXT_MAX];
	uint8_t *octets = message + DNS_HEADER_SIZE;
	struct dns_name name, again;
	size_t used, len = make_long_name(octets, 61);

	for (size_t i = 0; i < len; i++)
		if (octets[i] >= 'a')
			octets[i] = 0xff;
	ck_assert(read_at(12, 12 + len, &name, &used));
	ck_assert(dnswire_name_text(&name, text, sizeof(text)));
	ck_assert_uint_eq(strlen(text), DNS_NAME_TEXT_MAX - 1);
	ck_assert(!dnswire_name_text(&name, text, sizeof(text) - 1));
	ck_assert(dnswire_set_name(&again, text));
	ck_assert_uint_eq(again.len, DNS_NAME_MAX);
	ck_assert_mem_eq(again.octets, name.octets, DNS_NAME_MAX);
}
END_TEST

START_TEST(reads_names_from_text)
{
	static const struct {
		const char *text, *back;
	} rows[] = {
		{ ".", "." },
		{ "a", "a" },
		{ "a.", "a" },
		{ "www.Example.com.", "www.Example.com" },
		{ "a\\.b.c", "a\\.b.c" },
		{ "\\097\\x", "ax" },
		{ "a\\032b", "a\\032b" },
		{ "\\000.\\255", "\\000.\\255" },
		{ "", NULL },
		{ "..", NULL },
		{ ".a", NULL },
		{ "a..b", NULL },
		{ "a..", NULL },
		{ "a\\", NULL },
		{ "a\\1", NULL },
		{ "a\\12", NULL },
		{ "a\\12x", NULL },
		{ "a\\256", NULL },
		{ "a\\999", NULL },
	};
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name name;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool ok = dnswire_set_name(&name, rows[i].text);

		ck_assert_msg(ok == (rows[i].back != NULL), "%s", rows[i].text);
		if (!ok)
			continue;
		ck_assert(dnswire_name_text(&name, text, sizeof(text)));
		ck_assert_str_eq(text, rows[i].back);
	}
	memset(text, 'x', sizeof(text));
	text[DNS_LABEL_MAX] = '\0';
	ck_assert(dnswire_set_name(&name, text));
	text[DNS_LABEL_MAX] = 'x';
	text[DNS_LABEL_MAX + 1] = '\0';
	ck_assert(!dnswire_set_name(&name, text));
}
END_TEST

START_TEST(compares_names_without_regard_to_case)
{
	struct dns_name a, b, c, d;

	ck_assert(dnswire_set_name(&a, "Example.COM"));
	ck_assert(dnswire_set_name(&b, "eXAMPLE.com"));
	ck_assert(dnswire_set_name(&c, "example.con"));
	ck_assert(dnswire_set_name(&d, "example\\.com"));
	ck_assert(dnswire_same_name(&a, &b));
	ck_assert(!dnswire_same_name(&a, &c));
	ck_assert(!dnswire_same_name(&a, &d));
}
END_TEST

/* --- whole messages ------------------------------------------------------ */

/* clang-format off: a line for each thing */

/* A response as servers send it. */
static const uint8_t response[] = {
	0xbe, 0xef,		      /* ID */
	0x85, 0xb0,		      /* QR AA RD, RA AD CD, NOERROR */
	0, 1, 0, 2, 0, 1, 0, 1,	      /* 1 question, 2, 1 and 1 records */
	3, 'w', 'w', 'w',	      /* 12: www */
	7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, /* 16: example. */
	0, 15, 0, 1,		      /* MX IN */
	0xc0, 12,		      /* www.example. */
	0, 5, 0, 1, 0, 0, 0x0e, 0x10, /* CNAME IN 3600 */
	0, 7,
	4, 'm', 'a', 'i', 'l',
	0xc0, 16,		      /* mail.example. */
	0xc0, 41,		      /* mail.example. */
	0, 15, 0, 1, 0, 1, 0, 0,      /* MX IN 65536 */
	0, 4,
	0, 10, 0xc0, 12,	      /* 10 www.example. */
	0,			      /* . */
	0, 6, 0, 1, 0, 0, 0, 1,	      /* SOA IN 1 */
	0, 0,			      /* nothing: it is not our matter */
	0,			      /* . */
	0, 41, 0x04, 0xd0,	      /* OPT 1232 */
	0x01, 0x00, 0x80, 0x00,	      /* BADVERS' high bits, 0, DO */
	0, 4,
	0, 10, 0, 0,		      /* an empty cookie */
};

/* . PTR IN 0, whose data, three octets, end inside the name that they are. */
static const uint8_t name_cut_by_its_data[] = {
	0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
	0, 0, 12, 0, 1, 0, 0, 0, 0, 0, 3,
	3, 'w', 'w', 'w', 0,
};

static const uint8_t written[] = {
	0x12, 0x34, 0x01, 0x20,		/* ID; RD, AD */
	0, 1, 0, 2, 0, 0, 0, 1,
	1, 'a', 1, 'B', 0,
	0, 28, 0, 1,			/* a.B AAAA IN */
	0xc0, 12,
	0, 28, 0, 1, 0, 0, 0, 60,	/* a.B AAAA IN 60 2001:db8::1 */
	0, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	1, 'a', 1, 'B', 0,
	0, 16, 0, 3, 0xff, 0, 0, 1,	/* a.B TXT CH 4278190081 "hi" */
	0, 3, 2, 'h', 'i',
	0,				/* . */
	0, 41, 0x10, 0x00, 0, 0, 0x80, 0, /* OPT 4096 DO */
	0, 0,
};

/* clang-format on */

/* How many of its parts can be read, of a copy that ends there. */
static int parts_of(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len + 1);
	uint8_t *start = memcpy(copy + 1, bytes, len); /* its end is watched */
	struct dns_message m = dnswire_open(start, len);
	struct dns_question question;
	struct dns_record record;
	struct dns_header header;
	int parts = 0;

	parts += dnswire_get_header(&m, &header);
	parts += dnswire_get_question(&m, &question);
	for (int i = 0; i < 4; i++)
		parts += dnswire_get_record(&m, &record);
	ck_assert(m.rest.failed == (parts < 6));
	free(copy);
	return parts;
}

START_TEST(reads_a_response)
{
	struct dns_message m = dnswire_open(response, sizeof(response));
	struct dns_message data;
	struct dns_question question;
	struct dns_record record;
	struct dns_header header;
	struct dns_edns edns;
	struct dns_name name;
	char text[DNS_NAME_TEXT_MAX];

	ck_assert(dnswire_get_header(&m, &header));
	ck_assert_uint_eq(header.id, 0xbeef);
	ck_assert_uint_eq(header.flags, DNS_QR | DNS_AA | DNS_RD | DNS_RA |
						DNS_AD | DNS_CD);
	ck_assert_uint_eq(header.questions, 1);
	ck_assert_uint_eq(header.answers, 2);
	ck_assert_uint_eq(header.authorities, 1);
	ck_assert_uint_eq(header.additionals, 1);
	ck_assert(dnswire_get_question(&m, &question));
	ck_assert_uint_eq(question.type, DNS_MX);
	ck_assert_uint_eq(question.class, DNS_IN);

	ck_assert(dnswire_get_record(&m, &record));
	ck_assert(dnswire_same_name(&record.name, &question.name));
	ck_assert_uint_eq(record.type, DNS_CNAME);
	ck_assert_uint_eq(record.ttl, 3600);
	ck_assert(!dnswire_edns_of(&record, &edns));
	data = dnswire_open_rdata(&m, &record);
	ck_assert(dnswire_get_name(&data, &name));
	ck_assert(dnswire_name_text(&name, text, sizeof(text)));
	ck_assert_str_eq(text, "mail.example");
	ck_assert_uint_eq(reader_left(&data.rest), 0);

	ck_assert(dnswire_get_record(&m, &record));
	ck_assert_uint_eq(record.ttl, 65536);
	data = dnswire_open_rdata(&m, &record);
	ck_assert_uint_eq(reader_be16(&data.rest), 10);
	ck_assert(dnswire_get_name(&data, &name));
	ck_assert(dnswire_same_name(&name, &question.name));

	ck_assert(dnswire_get_record(&m, &record));
	ck_assert_uint_eq(record.rdata_len, 0);
	ck_assert(dnswire_get_record(&m, &record));
	ck_assert(dnswire_edns_of(&record, &edns));
	ck_assert_uint_eq(edns.size, 1232);
	ck_assert_uint_eq(edns.version, 0);
	ck_assert_uint_eq(edns.flags, DNS_DO);
	ck_assert_uint_eq(dnswire_rcode(&header, &edns), DNS_BADVERS);
	ck_assert_uint_eq(reader_left(&m.rest), 0);
}
END_TEST

START_TEST(notices_a_response_cut_anywhere)
{
	static const size_t ends[] = { 12, 29, 48, 64, 75, sizeof(response) };
	int parts = 0;

	for (size_t len = 0; len <= sizeof(response); len++) {
		if (len == ends[parts])
			parts++;
		ck_assert_msg(parts_of(response, len) == parts, "%zu", len);
	}
	ck_assert_int_eq(parts, 6);
}
END_TEST

START_TEST(refuses_data_that_end_past_the_message)
{
	uint8_t bytes[sizeof(response)];

	memcpy(bytes, response, sizeof(response));
	bytes[sizeof(bytes) - 5]++; /* the length of the last record's data */
	ck_assert_int_eq(parts_of(bytes, sizeof(bytes)), 5);
	bytes[sizeof(bytes) - 6] = 0xff;
	ck_assert_int_eq(parts_of(bytes, sizeof(bytes)), 5);
}
END_TEST

START_TEST(keeps_names_in_data_inside_them)
{
	struct dns_message m = dnswire_open(name_cut_by_its_data,
					    sizeof(name_cut_by_its_data));
	struct dns_message data;
	struct dns_header header;
	struct dns_record record;
	struct dns_name name;

	ck_assert(dnswire_get_header(&m, &header));
	ck_assert(dnswire_get_record(&m, &record));
	data = dnswire_open_rdata(&m, &record);
	ck_assert(!dnswire_get_name(&data, &name));
}
END_TEST

/* --- writing ------------------------------------------------------------- */

START_TEST(writes_what_it_reads)
{
	struct dns_message m = dnswire_open(written, sizeof(written));
	uint8_t out[sizeof(written) + 1];
	struct dns_question question;
	struct dns_record aaaa, txt, opt;
	struct dns_header header;
	struct dns_edns edns;

	ck_assert(dnswire_get_header(&m, &header));
	ck_assert(dnswire_get_question(&m, &question));
	ck_assert(dnswire_get_record(&m, &aaaa));
	ck_assert(dnswire_get_record(&m, &txt));
	ck_assert(dnswire_get_record(&m, &opt));
	ck_assert(dnswire_edns_of(&opt, &edns));
	for (size_t size = 0; size <= sizeof(out); size++) {
		struct writer w = writer_over(out, size);

		memset(out, 0xee, sizeof(out));
		dnswire_put_header(&w, &header);
		dnswire_put_question(&w, &question);
		dnswire_put_answer(&w, DNS_AAAA, aaaa.ttl, aaaa.rdata,
				   aaaa.rdata_len);
		dnswire_put_record(&w, &txt);
		dnswire_put_edns(&w, &edns);
		ck_assert(w.failed == (size < sizeof(written)));
		for (size_t i = size; i < sizeof(out); i++)
			ck_assert_uint_eq(out[i], 0xee);
		if (!w.failed)
			ck_assert_uint_eq(writer_used(&w), sizeof(written));
	}
	ck_assert_mem_eq(out, written, sizeof(written));
}
END_TEST

START_TEST(writes_no_data_that_have_no_length)
{
	static uint8_t data[UINT16_MAX + 1], out[UINT16_MAX + 100];
	struct writer w = writer_over(out, sizeof(out));

	dnswire_put_answer(&w, DNS_TXT, 0, data, UINT16_MAX);
	ck_assert(!w.failed);
	w = writer_over(out, sizeof(out));
	dnswire_put_answer(&w, DNS_TXT, 0, data, sizeof(data));
	ck_assert(w.failed);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dnswire");
	TCase *c = tcase_create("names");

	tcase_add_test(c, reads_labels);
	tcase_add_test(c, shows_what_is_no_plain_text);
	tcase_add_test(c, follows_pointers_backwards);
	tcase_add_test(c, refuses_pointers_that_lead_nowhere);
	tcase_add_test(c, refuses_kinds_of_labels_that_do_not_exist);
	tcase_add_test(c, ends_every_chain_of_pointers);
	tcase_add_test(c, takes_names_of_255_octets_and_no_more);
	tcase_add_test(c, counts_what_pointers_add_to_the_length);
	tcase_add_test(c, has_room_for_the_text_of_any_name);
	tcase_add_test(c, reads_names_from_text);
	tcase_add_test(c, compares_names_without_regard_to_case);
	suite_add_tcase(s, c);
	c = tcase_create("messages");
	tcase_add_test(c, reads_a_response);
	tcase_add_test(c, notices_a_response_cut_anywhere);
	tcase_add_test(c, refuses_data_that_end_past_the_message);
	tcase_add_test(c, keeps_names_in_data_inside_them);
	tcase_add_test(c, writes_what_it_reads);
	tcase_add_test(c, writes_no_data_that_have_no_length);
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
