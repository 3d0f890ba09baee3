/* SPDX-License-Identifier: MIT */
/*
 * fuzz_dnswire.c - DNS messages, and the stub that answers them, under any bytes
 *
 * Input: two octets that say how much room the reply has (bit 15: the query
 * came over TCP), then the message.
 *
 *	clang -fsanitize=fuzzer,address,undefined
 *	cc -DREPLAY: a program that runs the files that it is given, once
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resolver/dnswire.h"
#include "resolver/fakemap.h"
#include "resolver/hosts.h"
#include "resolver/judge.h"
#include "resolver/stub.h"

enum {
	HEADER = 2,
	STREAM = 0x8000,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

/* --- what names are judged by -------------------------------------------- */

static struct config config;
static char directory[] = "/tmp/fuzz-dnswire-XXXXXX";
static char hosts[64];

static void remove_place(void)
{
	unlink(config.map_path);
	unlink(hosts);
	rmdir(directory);
}

static void add_rule(enum route route, const char *pattern)
{
	const char *why;

	must(rules_add(&config.rules, route, pattern, strlen(pattern), &why) ==
		     0,
	     "a rule is one");
}

static void make_place(void)
{
	static const uint8_t fake6[8] = { 0xfd, 1, 2, 3, 4, 5, 6, 7 };
	FILE *f;

	must(mkdtemp(directory) != NULL, "there is a place");
	atexit(remove_place);
	snprintf(hosts, sizeof(hosts), "%s/hosts", directory);
	f = fopen(hosts, "w");
	must(f != NULL, "a file can be made");
	for (int i = 1; i <= 24; i++)
		fprintf(f, "192.0.2.%d h\n2001:db8::%d h\n", i, i);
	fclose(f);
	config.fake4[0] = 198;
	config.fake4[1] = 18;
	config.fake4_bits = 15;
	memcpy(config.fake6, fake6, sizeof(fake6));
	snprintf(config.map_path, sizeof(config.map_path), "%s/map", directory);
	add_rule(ROUTE_BLOCK, ".b");
	add_rule(ROUTE_DIRECT, ".d");
	hosts_setup(hosts);
	fakemap_setup(&config);
	judge_setup(&config);
}

/* --- reading and writing ------------------------------------------------- */

static void check_name(const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name again;

	must(name->len >= 1 && name->octets[name->len - 1] == 0,
	     "a name ends with the root");
	must(dnswire_name_text(name, text, sizeof(text)),
	     "there is room for the text of every name");
	must(dnswire_set_name(&again, text), "the text of a name is one");
	must(again.len == name->len &&
		     memcmp(again.octets, name->octets, name->len) == 0,
	     "it is the text of that name");
	must(dnswire_same_name(&again, name), "a name is the same as itself");
}

static void check_record(const struct dns_record *record)
{
	static uint8_t bytes[DNS_NAME_MAX + 10 + UINT16_MAX];
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct dns_message m;
	struct dns_record again;

	check_name(&record->name);
	dnswire_put_record(&w, record);
	m = dnswire_open(bytes, writer_used(&w));
	must(!w.failed && dnswire_get_record(&m, &again) &&
		     reader_left(&m.rest) == 0,
	     "what is written can be read");
	must(again.type == record->type && again.class == record->class &&
		     again.ttl == record->ttl &&
		     again.rdata_len == record->rdata_len &&
		     memcmp(again.rdata, record->rdata, again.rdata_len) == 0,
	     "it is what was written");
}

/* Names in the data, wherever they may be. */
static void read_data(const struct dns_message *m,
		      const struct dns_record *record)
{
	for (size_t at = 0; at <= record->rdata_len && at < 64; at++) {
		struct dns_message data = dnswire_open_rdata(m, record);
		struct dns_name name;

		reader_bytes(&data.rest, NULL, at);
		if (dnswire_get_name(&data, &name))
			check_name(&name);
	}
}

static void read_all(const uint8_t *bytes, size_t len)
{
	struct dns_message m = dnswire_open(bytes, len);
	struct dns_question question;
	struct dns_record record;
	struct dns_header h;

	if (!dnswire_get_header(&m, &h))
		return;
	for (unsigned int n = h.questions; n > 0; n--) {
		if (!dnswire_get_question(&m, &question))
			break;
		check_name(&question.name);
	}
	while (reader_left(&m.rest) > 0 && dnswire_get_record(&m, &record)) {
		check_record(&record);
		read_data(&m, &record);
	}
}

/* --- the stub ------------------------------------------------------------ */

static size_t limit_of(const uint8_t *query, size_t len)
{
	struct dns_message m = dnswire_open(query, len);
	struct dns_edns edns = { .size = 0 };
	struct dns_question question;
	struct dns_record record;
	struct dns_header h;

	dnswire_get_header(&m, &h);
	for (unsigned int n = h.questions; n > 0 && !m.rest.failed; n--)
		dnswire_get_question(&m, &question);
	while (dnswire_get_record(&m, &record))
		if (dnswire_edns_of(&record, &edns))
			break;
	return edns.size > DNS_DATAGRAM_MAX ? edns.size : DNS_DATAGRAM_MAX;
}

/* A reply is a whole message, about the query. */
static void check_reply(const uint8_t *query, const uint8_t *reply, size_t len)
{
	struct dns_message m = dnswire_open(reply, len);
	struct dns_question question;
	struct dns_record record;
	struct dns_header h;

	must(dnswire_get_header(&m, &h) && h.flags & DNS_QR,
	     "a reply says that it is one");
	must(memcmp(query, reply, 2) == 0, "it has the query's ID");
	must(h.questions <= 1 && h.authorities == 0 && h.additionals <= 1,
	     "it has one question and no more than an OPT");
	if (h.questions) {
		must(dnswire_get_question(&m, &question), "it can be read");
		must(memcmp(query + DNS_HEADER_SIZE, reply + DNS_HEADER_SIZE,
			    (size_t)(m.rest.at - reply) - DNS_HEADER_SIZE) == 0,
		     "the question is the query's to the letter");
	}
	for (unsigned int n = h.answers + h.additionals; n > 0; n--)
		must(dnswire_get_record(&m, &record), "so can the records");
	must(reader_left(&m.rest) == 0, "that is all");
}

static void answer(const uint8_t *query, size_t len, bool stream, size_t room)
{
	uint8_t *reply = malloc(room > 0 ? room : 1);
	size_t reply_len = 1;
	enum stub_verdict verdict;

	must(reply != NULL, "there is memory");
	verdict = stub_answer(query, len, stream, reply, room, &reply_len);
	must((reply_len > 0) == (verdict == STUB_REPLY),
	     "there are bytes where there is a reply");
	must(reply_len <= room, "they are where there is room");
	must(stream || reply_len <= limit_of(query, len),
	     "a datagram is not longer than was asked for");
	must(verdict == STUB_DROP || !(query[2] & DNS_QR >> 8),
	     "responses are not answered");
	if (verdict == STUB_REPLY)
		check_reply(query, reply, reply_len);
	reply_len = stub_fail(query, len, DNS_SERVFAIL, reply, room);
	must(reply_len <= room, "failures, too, are where there is room");
	if (reply_len > 0)
		check_reply(query, reply, reply_len);
	free(reply);
}

/* The message as the answer to itself. */
static void fit(const uint8_t *bytes, size_t len)
{
	uint8_t *reply = malloc(len > 0 ? len : 1);
	size_t fits;

	must(reply != NULL, "there is memory");
	memcpy(reply, bytes, len);
	fits = stub_fit(bytes, len, reply, len);
	must(fits <= len, "nothing grows by being cut");
	if (fits < len) {
		must(fits <= DNS_DATAGRAM_MAX, "what is cut fits everywhere");
		must(reply[2] & DNS_TC >> 8, "it says that it was cut");
	} else {
		must(memcmp(reply, bytes, len) == 0, "what fits is left alone");
	}
	free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *message;
	unsigned int room;

	if (!config.map_path[0])
		make_place();
	if (size < HEADER)
		return 0;
	room = (unsigned int)data[0] << 8 | data[1];
	size -= HEADER;
	message = malloc(size > 0 ? size : 1); /* so that its end is watched */
	must(message != NULL, "there is memory");
	memcpy(message, data + HEADER, size);
	read_all(message, size);
	answer(message, size, room & STREAM, room & ~STREAM);
	fit(message, size);
	free(message);
	return 0;
}

#include "tests/fuzz/replay.h"
