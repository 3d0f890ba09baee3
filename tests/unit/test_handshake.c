/* SPDX-License-Identifier: MIT */
/*
 * test_handshake.c - whole negotiations, cut, refused and lied to everywhere
 *
 * A script is what both sides say, message by message. play() is the driver
 * and the server at once: it checks each byte that the machine wants to send,
 * and hands out the server's bytes in pieces of the size that its caller
 * chooses, never more than the machine asked for.
 */
#include "core/handshake.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N(array)     ((int)(sizeof(array) / sizeof((array)[0])))
#define LENGTH(text) (sizeof(text) - 1)

/* Stands behind the reply, in the same segment: it is the program's. */
#define BANNER "SSH-2.0-banner\r\n"

#define USER "alice"
#define PASSWORD "open sesame"

static const struct credentials nobody = { NULL, NULL };
static const struct credentials alice = { USER, PASSWORD };

struct message {
	bool from_client;
	size_t len;
	uint8_t bytes[600];
};

struct script {
	const struct credentials *who;
	struct endpoint destination;
	const char *bound;
	bool pipelined;
	int n;
	struct message messages[6];
};

/* What the client says behind its own words is one message with them. */
static void say(struct script *s, bool from_client, const void *bytes,
		size_t len)
{
	struct message *m = &s->messages[s->n - (s->n > 0)];

	if (s->n == 0 || !from_client || !m->from_client)
		m = &s->messages[s->n++];
	m->from_client = from_client;
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}

#define CLIENT(s, text) say(s, true, text, LENGTH(text))
#define SERVER(s, text) say(s, false, text, LENGTH(text))

/* The greeting, and what it leads to. */
static void say_method(struct script *s, int authentication)
{
	s->who = authentication == 0 ? &nobody : &alice;
	if (s->who == &nobody)
		CLIENT(s, "\5\1\0");
	else
		CLIENT(s, "\5\2\0\2");
	if (authentication < 2) {
		SERVER(s, "\5\0");
		return;
	}
	SERVER(s, "\5\2");
	CLIENT(s, "\1\5" USER "\x0b" PASSWORD);
	if (authentication == 2)
		SERVER(s, "\1\0");
	else
		SERVER(s, "\5\0");
}

static void say_request(struct script *s, int destination)
{
	s->destination.port = 80;
	if (destination == 0) {
		endpoint_parse_address(&s->destination, "192.0.2.1");
		CLIENT(s, "\5\1\0\1\xc0\0\2\1\0\x50");
	} else if (destination == 1) {
		endpoint_parse_address(&s->destination, "2001:db8::1");
		CLIENT(s, "\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			  "\0\x50");
	} else {
		endpoint_set_name(&s->destination, "example.com.", 12);
		CLIENT(s, "\5\1\0\3\x0b" "example.com" "\0\x50");
	}
}

static void say_reply(struct script *s, int reply)
{
	if (reply == 0) {
		SERVER(s, "\5\0\0\1\xc6\x33\x64\7\x1f\x90");
		s->bound = "198.51.100.7:8080";
	} else if (reply == 1) {
		SERVER(s, "\5\0\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"
			  "\x1f\x90");
		s->bound = "[2001:db8::2]:8080";
	} else if (reply == 2) {
		SERVER(s, "\5\0\0\3\7" "a.proxy" "\x1f\x90");
		s->bound = "a.proxy:8080";
	} else {
		SERVER(s, "\5\0\0\3\0\0\0");
		s->bound = "-:0";
	}
}

enum { PIPELINED = 4 };
enum { AUTHENTICATIONS = 5, DESTINATIONS = 3, REPLIES = 4 };
enum { SCRIPTS = AUTHENTICATIONS * REPLIES };

/* Every authentication with every reply, to the destinations in turn. */
static struct script script_of(int i)
{
	struct script s = { 0 };

	if (i % AUTHENTICATIONS == PIPELINED) {
		s.pipelined = true;
		s.who = &nobody;
		CLIENT(&s, "\5\1\0");
		say_request(&s, i % DESTINATIONS);
		SERVER(&s, "\5\0");
	} else {
		say_method(&s, i % AUTHENTICATIONS);
		say_request(&s, i % DESTINATIONS);
	}
	say_reply(&s, i / AUTHENTICATIONS);
	return s;
}

static size_t script_length(const struct script *s)
{
	size_t len = 0;

	for (int i = 0; i < s->n; i++)
		len += s->messages[i].len;
	return len;
}

/**
 * struct play - a negotiation under way
 * @script:	what is said
 * @h:		the machine
 * @message:	which message is at hand
 * @at:		how much of it was said
 * @position:	bytes said by both sides
 */
struct play {
	const struct script *script;
	struct handshake h;
	int message;
	size_t at;
	size_t position;
};

static struct play play_of(const struct script *s)
{
	struct play p = { .script = s };

	handshake_begin(&p.h, SOCKS5_CONNECT, &s->destination);
	if (s->pipelined)
		handshake_pipeline(&p.h);
	return p;
}

/* How many bytes may be said now; checks that nothing else would be. */
static size_t play_offers(struct play *p, const struct message *m, uint8_t *out)
{
	size_t left = m->len - p->at, n;

	ck_assert(!handshake_over(&p->h));
	ck_assert_int_eq(handshake_sends(&p->h), m->from_client);
	n = handshake_output(&p->h, p->script->who, out, SOCKS5_AUTH_MAX);
	if (m->from_client) {
		ck_assert_uint_eq(handshake_wants(&p->h), 0);
		ck_assert_uint_eq(n, left);
		ck_assert_mem_eq(out, m->bytes + p->at, left);
		return left;
	}
	ck_assert_uint_eq(n, 0);
	n = handshake_wants(&p->h);
	ck_assert_uint_gt(n, 0);
	ck_assert_msg(n <= left, "it would read %zu of %zu bytes", n, left);
	return n;
}

static void play_says(struct play *p, const struct message *m, size_t n)
{
	if (m->from_client)
		handshake_sent(&p->h, n);
	else
		handshake_received(&p->h, p->script->who, m->bytes + p->at, n);
	p->at += n;
	p->position += n;
	if (p->at == m->len) {
		p->message++;
		p->at = 0;
	}
}

/* Says something of at most the size that limit gives; whether more is left. */
static bool play_step(struct play *p, size_t limit)
{
	const struct message *m = &p->script->messages[p->message];
	uint8_t out[SOCKS5_AUTH_MAX];
	size_t n = play_offers(p, m, out);

	ck_assert_uint_gt(limit, 0);
	play_says(p, m, n < limit ? n : limit);
	ck_assert_ptr_null(memmem(&p->h, sizeof(p->h), PASSWORD, 4));
	return p->message < p->script->n;
}

static void play_up_to(struct play *p, size_t position)
{
	while (p->position < position)
		play_step(p, position - p->position);
}

static const char *reason_of(const struct handshake *h)
{
	static char text[HANDSHAKE_REASON_MAX];

	ck_assert_ptr_eq(handshake_reason(h, text, sizeof(text)), text);
	/* Cut text would be as long as its room. */
	ck_assert_uint_lt(strlen(text), sizeof(text) - 1);
	return text;
}

static void assert_done(const struct play *p)
{
	char bound[ENDPOINT_TEXT_MAX];

	ck_assert_int_eq(p->h.state, HANDSHAKE_DONE);
	ck_assert_int_eq(p->h.error, 0);
	ck_assert_uint_eq(p->position, script_length(p->script));
	endpoint_format(&p->h.bound, bound, sizeof(bound));
	ck_assert_str_eq(bound, p->script->bound);
	ck_assert_uint_eq(handshake_wants(&p->h), 0);
	ck_assert_str_eq(reason_of(&p->h), "");
}

static void assert_failed(const struct handshake *h, int error,
			  const char *reason)
{
	struct handshake after = *h;
	uint8_t out[SOCKS5_AUTH_MAX];

	ck_assert_int_eq(h->state, HANDSHAKE_FAILED);
	ck_assert_int_eq(h->error, error);
	ck_assert_msg(strstr(reason_of(h), reason) != NULL,
		      "\"%s\", not \"%s\"", reason_of(h), reason);
	ck_assert_uint_eq(handshake_wants(h), 0);
	ck_assert_uint_eq(handshake_output(&after, &alice, out, sizeof(out)),
			  0);
	/* What comes later changes nothing. */
	handshake_received(&after, &alice, (const uint8_t *)"\5\0\5\0", 4);
	handshake_sent(&after, 1);
	handshake_broken(&after, EPIPE);
	handshake_eof(&after);
	ck_assert_mem_eq(&after, h, sizeof(after));
}

/* --- complete negotiations ------------------------------------------------ */

START_TEST(negotiates)
{
	struct script s = script_of(_i);
	struct play p = play_of(&s);
	int steps = 1;

	while (play_step(&p, SIZE_MAX))
		steps++;
	assert_done(&p);
	/* The reply takes two reads; a message takes one. */
	ck_assert_int_le(steps, s.n + 1);
}
END_TEST

START_TEST(negotiates_byte_by_byte)
{
	struct script s = script_of(_i);
	struct play p = play_of(&s);

	while (play_step(&p, 1))
		;
	assert_done(&p);
}
END_TEST

/* Which script and which of its bytes a loop's number means. */
static struct script script_at(int i, size_t *cut)
{
	for (int n = 0;; n++) {
		struct script s = script_of(n);
		int len = (int)script_length(&s);

		if (i < len) {
			*cut = (size_t)i;
			return s;
		}
		i -= len;
	}
}

static int count_cuts(void)
{
	int n = 0;

	for (int i = 0; i < SCRIPTS; i++) {
		struct script s = script_of(i);

		n += (int)script_length(&s);
	}
	return n;
}

START_TEST(negotiates_when_cut_at_any_byte)
{
	size_t cut;
	struct script s = script_at(_i, &cut);
	struct play p = play_of(&s);

	play_up_to(&p, cut);
	while (play_step(&p, SIZE_MAX))
		;
	assert_done(&p);
}
END_TEST

START_TEST(refuses_when_the_stream_ends_at_any_byte)
{
	struct script s = script_of(_i);

	for (size_t cut = 0; cut < script_length(&s); cut++) {
		struct play p = play_of(&s);

		play_up_to(&p, cut);
		handshake_eof(&p.h);
		assert_failed(&p.h, ECONNREFUSED,
			      "the proxy closed the connection");
	}
}
END_TEST

static const struct {
	int error, shown;
	const char *reason;
} breaks[] = {
	{ ECONNRESET, ECONNREFUSED, "the proxy reset the connection" },
	{ EPIPE, ECONNREFUSED, "the proxy reset the connection" },
	{ ETIMEDOUT, ETIMEDOUT, "the proxy did not answer in time" },
	{ EHOSTUNREACH, EHOSTUNREACH, "No route to host" },
};

START_TEST(tells_how_the_stream_broke_at_any_byte)
{
	struct script s = script_of(2);

	for (size_t cut = 0; cut < script_length(&s); cut++) {
		struct play p = play_of(&s);

		play_up_to(&p, cut);
		handshake_broken(&p.h, breaks[_i].error);
		assert_failed(&p.h, breaks[_i].shown, breaks[_i].reason);
	}
}
END_TEST

START_TEST(leaves_what_follows_the_reply)
{
	struct script s = script_of(_i);
	struct message *reply = &s.messages[s.n - 1];
	size_t len = reply->len;
	struct play p = play_of(&s);

	memcpy(reply->bytes + len, BANNER, sizeof(BANNER));
	reply->len += sizeof(BANNER);
	while (!handshake_over(&p.h))
		play_step(&p, SIZE_MAX);
	ck_assert_int_eq(p.h.state, HANDSHAKE_DONE);
	ck_assert_int_eq(p.message, s.n - 1);
	ck_assert_uint_eq(p.at, len);
	ck_assert_uint_eq(handshake_wants(&p.h), 0);
}
END_TEST

/* Which method is chosen has to be known first, whichever it then is. */
START_TEST(pipelines_nothing_where_credentials_are_given)
{
	struct script s = script_of(_i);
	struct play p;

	s.pipelined = true;
	p = play_of(&s);
	while (play_step(&p, SIZE_MAX))
		;
	assert_done(&p);
	ck_assert_int_ge(s.n, 4);
}
END_TEST

static struct handshake pipelined_up_to_the_method(void)
{
	struct script s = script_of(PIPELINED);
	struct play p = play_of(&s);

	play_step(&p, SIZE_MAX);
	ck_assert_int_eq(p.h.state, HANDSHAKE_METHOD);
	return p.h;
}

static const struct {
	const char *method;
	const char *reason;
} no_methods[] = {
	{ "\5\xff", "no acceptable authentication method offered" },
	{ "\5\2", "that was not offered (0x2)" },
	{ "\5\1", "that was not offered (0x1)" },
	{ "HT", "that is no SOCKS5 proxy" },
};

START_TEST(refuses_another_method_than_it_pipelined_for)
{
	struct handshake h = pipelined_up_to_the_method();

	handshake_received(&h, &nobody,
			   (const uint8_t *)no_methods[_i].method, 2);
	assert_failed(&h, ECONNREFUSED, no_methods[_i].reason);
}
END_TEST

START_TEST(suspects_the_pipeline_when_no_answer_comes)
{
	struct handshake h = pipelined_up_to_the_method();

	handshake_received(&h, &nobody, (const uint8_t *)"\5\0", 2);
	ck_assert_int_eq(h.state, HANDSHAKE_REPLY);
	handshake_broken(&h, ETIMEDOUT);
	assert_failed(&h, ETIMEDOUT, "may be one that needs \"pipeline no\"");
}
END_TEST

/* The same numbers on every machine. */
static uint64_t random_state;

static size_t random_below(size_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)(random_state % limit);
}

static void play_at_random(const struct script *s)
{
	struct play home = play_of(s), moved;
	bool more = true;

	while (more) {
		/* It holds no pointer: it may be moved at any time. */
		moved = home;
		memset(&home, 0xa5, sizeof(home));
		more = play_step(&moved, 1 + random_below(8));
		home = moved;
	}
	assert_done(&home);
}

START_TEST(negotiates_under_10000_random_schedules)
{
	const uint64_t seed = UINT64_C(0x1928192919611080);

	random_state = seed;
	printf("seed %#llx\n", (unsigned long long)seed);
	for (int i = 0; i < 10000; i++) {
		struct script s = script_of((int)random_below(SCRIPTS));

		play_at_random(&s);
	}
}
END_TEST

START_TEST(ends_whatever_it_is_fed)
{
	const uint64_t seed = UINT64_C(0x5eed0f10);
	struct endpoint destination = { .kind = ENDPOINT_IPV4 };

	random_state = seed;
	printf("seed %#llx\n", (unsigned long long)seed);
	for (int i = 0; i < 10000; i++) {
		struct handshake h;
		uint8_t out[SOCKS5_AUTH_MAX], in[SOCKS5_MESSAGE_MAX];
		size_t taken = 0;

		handshake_begin(&h, SOCKS5_CONNECT, &destination);
		while (!handshake_over(&h)) {
			size_t n = handshake_output(&h, &alice, out,
						    sizeof(out));

			handshake_sent(&h, n);
			n = handshake_wants(&h);
			/* Small values go furthest. */
			for (size_t j = 0; j < n; j++)
				in[j] = (uint8_t)random_below(
					random_below(4) ? 6 : 256);
			if (n > 0 && random_below(4))
				in[0] = 5;
			handshake_received(&h, &alice, in, n);
			taken += n;
			ck_assert_uint_le(taken, 2 + 2 + SOCKS5_MESSAGE_MAX);
		}
		ck_assert_int_eq(h.error == 0, h.state == HANDSHAKE_DONE);
	}
}
END_TEST

START_TEST(takes_no_more_than_it_wanted)
{
	struct script s = script_of(0);
	struct play p = play_of(&s);

	play_up_to(&p, 3);
	handshake_received(&p.h, &nobody, (const uint8_t *)"\5\0" BANNER, 18);
	ck_assert_int_eq(p.h.state, HANDSHAKE_REQUEST);
	ck_assert_uint_eq(handshake_wants(&p.h), 0);
}
END_TEST

START_TEST(advances_by_no_more_than_it_offered)
{
	struct endpoint destination = { .kind = ENDPOINT_IPV4 };
	uint8_t out[SOCKS5_AUTH_MAX];
	struct handshake h;

	handshake_begin(&h, SOCKS5_CONNECT, &destination);
	handshake_sent(&h, 3);
	ck_assert_int_eq(h.state, HANDSHAKE_GREETING);
	ck_assert_uint_eq(handshake_output(&h, NULL, out, sizeof(out)), 3);
	handshake_sent(&h, 0);
	ck_assert_int_eq(h.state, HANDSHAKE_GREETING);
	handshake_sent(&h, 1000);
	ck_assert_int_eq(h.state, HANDSHAKE_METHOD);
}
END_TEST

/* --- failing replies ------------------------------------------------------ */

static const int errnos[] = { 0,	    ECONNREFUSED, EACCES,
			      ENETUNREACH,  EHOSTUNREACH, ECONNREFUSED,
			      ETIMEDOUT,    EOPNOTSUPP,	  EAFNOSUPPORT };

/* What real servers send behind a failing REP, and worse. */
static const struct {
	const char *bytes;
	size_t len;
} tails[] = {
	{ "", 0 },
	{ "\0", 1 },
	{ "\0\1", 2 },
	{ "\0\0\0\0\0\0\0\0", 8 },
	{ "\0\1\0\0\0\0\0\0", 8 },
	{ "\0\3\x0b" "example.com" "\0\x50", 16 },
	{ "\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20 },
	{ "\xff\xff\xff", 3 },
};

/* A negotiation up to its reply, which is then REP and that tail. */
static struct script failing_script(int which, uint8_t reply, int tail)
{
	struct script s = script_of(which);
	struct message *m = &s.messages[s.n - 1];

	m->bytes[0] = 5;
	m->bytes[1] = reply;
	memcpy(m->bytes + 2, tails[tail].bytes, tails[tail].len);
	m->len = 2 + tails[tail].len;
	return s;
}

/* As a socket would: a read gives what is there, if that is less. */
static void play_until_over(struct play *p, size_t limit)
{
	const struct message *m;

	play_up_to(p, script_length(p->script) -
			      p->script->messages[p->script->n - 1].len);
	m = &p->script->messages[p->message];
	while (!handshake_over(&p->h) && p->at < m->len) {
		size_t n = handshake_wants(&p->h), left = m->len - p->at;

		ck_assert_uint_gt(n, 0);
		n = n < limit ? n : limit;
		n = n < left ? n : left;
		handshake_received(&p->h, p->script->who, m->bytes + p->at, n);
		p->at += n;
	}
}

START_TEST(shows_every_failing_reply_as_its_errno)
{
	int error = _i < N(errnos) ? errnos[_i] : ECONNREFUSED;
	char rep[16];

	snprintf(rep, sizeof(rep), "(REP %d)", _i);
	for (int tail = 0; tail < N(tails); tail++) {
		for (size_t limit = 1; limit <= 5; limit++) {
			struct script s = failing_script(tail, (uint8_t)_i,
							 tail);
			struct play p = play_of(&s);

			play_until_over(&p, limit);
			/* Two bytes were enough. */
			ck_assert_uint_le(p.at, limit == 1 ? 2 : 5);
			ck_assert_uint_eq(p.h.reply, _i);
			assert_failed(&p.h, error, rep);
		}
	}
}
END_TEST

START_TEST(says_a_failing_reply_in_words)
{
	struct script s = failing_script(0, 4, 0);
	struct play p = play_of(&s);

	play_until_over(&p, 5);
	ck_assert_str_eq(reason_of(&p.h),
			 "the proxy refused: host unreachable (REP 4)");
}
END_TEST

/* --- malformed and unwelcome answers -------------------------------------- */

#define ANSWER(authentication, after, text, reason) \
	{ authentication, after, text, LENGTH(text), reason }

/* after: how many messages of the script were said before the answer. */
static const struct {
	int authentication, after;
	const char *bytes;
	size_t len;
	const char *reason;
} answers[] = {
	ANSWER(0, 1, "\4\0", "no SOCKS5 proxy: it answered with byte 0x4"),
	ANSWER(0, 1, "\0\x5b", "no SOCKS5 proxy: it answered with byte 0x0"),
	ANSWER(0, 1, "HTTP/1.1 400 Bad Request\r\n",
	       "that is no SOCKS5 proxy: it answered with byte 0x48"),
	ANSWER(0, 1, "\5\2", "authentication method that was not offered"),
	ANSWER(0, 1, "\5\1", "method that was not offered (0x1)"),
	ANSWER(1, 1, "\5\1", "method that was not offered (0x1)"),
	ANSWER(1, 1, "\5\x80", "method that was not offered (0x80)"),
	ANSWER(1, 1, "\5\xfe", "method that was not offered (0xfe)"),
	ANSWER(0, 1, "\5\xff", "no acceptable authentication method"),
	ANSWER(0, 1, "\5\xff", "no credentials configured"),
	ANSWER(1, 1, "\5\xff", "the proxy takes none of those offered"),
	ANSWER(2, 3, "\0\0", "malformed: it begins with byte 0x0"),
	ANSWER(2, 3, "\2\0", "malformed: it begins with byte 0x2"),
	ANSWER(2, 3, "HTTP", "malformed: it begins with byte 0x48"),
	ANSWER(2, 3, "\1\1", "rejected the username or password"),
	ANSWER(2, 3, "\1\xff", "rejected the username or password"),
	ANSWER(2, 3, "\5\1", "rejected the username or password"),
	ANSWER(0, 3, "\4\0\0\1\0", "malformed: it begins with byte 0x4"),
	ANSWER(0, 3, "\0\x5a\0\0\0", "malformed: it begins with byte 0x0"),
	ANSWER(2, 5, "\1\0\0\1\0", "malformed: it begins with byte 0x1"),
	ANSWER(0, 3, "\5\0\0\0\0", "malformed: it has address type 0x0"),
	ANSWER(0, 3, "\5\0\0\2\0", "malformed: it has address type 0x2"),
	ANSWER(0, 3, "\5\0\0\5\0", "malformed: it has address type 0x5"),
	ANSWER(2, 5, "\5\0\0\xff\0", "malformed: it has address type 0xff"),
};

START_TEST(refuses_a_wrong_answer)
{
	struct script s = script_of(answers[_i].authentication);
	const uint8_t *bytes = (const uint8_t *)answers[_i].bytes;

	for (size_t limit = 1; limit <= 5; limit++) {
		struct play p = play_of(&s);
		size_t at = 0;

		while (p.message < answers[_i].after)
			play_step(&p, SIZE_MAX);
		while (!handshake_over(&p.h)) {
			size_t n = handshake_wants(&p.h);

			n = n < limit ? n : limit;
			ck_assert_uint_le(at + n, answers[_i].len);
			handshake_received(&p.h, s.who, bytes + at, n);
			at += n;
		}
		assert_failed(&p.h, ECONNREFUSED, answers[_i].reason);
	}
}
END_TEST

START_TEST(tells_where_the_stream_ended)
{
	static const struct {
		size_t position;
		const char *reason;
	} ends[] = {
		{ 0, "at the greeting (is it a SOCKS5 proxy?)" },
		{ 4, "at the greeting (is it a SOCKS5 proxy?)" },
		{ 5, "in the middle of an answer" },
		{ 6, "at the username and password" },
		{ 25, "at the username and password" },
		{ 26, "in the middle of an answer" },
		{ 27, "the proxy closed the connection without a reply" },
		{ 45, "the proxy closed the connection without a reply" },
		{ 46, "in the middle of an answer" },
		{ 54, "in the middle of an answer" },
	};
	struct script s = script_of(2);

	for (int i = 0; i < N(ends); i++) {
		struct play p = play_of(&s);

		play_up_to(&p, ends[i].position);
		handshake_eof(&p.h);
		assert_failed(&p.h, ECONNREFUSED, ends[i].reason);
	}
}
END_TEST

/* --- what cannot be said -------------------------------------------------- */

START_TEST(fails_if_the_destination_cannot_be_said)
{
	struct script s = script_of(0);
	struct play p = play_of(&s);
	uint8_t out[SOCKS5_AUTH_MAX];

	p.h.destination.kind = ENDPOINT_NONE;
	play_up_to(&p, 5);
	ck_assert_uint_eq(handshake_output(&p.h, s.who, out, sizeof(out)), 0);
	assert_failed(&p.h, ECONNREFUSED, "cannot be said");
}
END_TEST

START_TEST(fails_if_the_password_cannot_be_said)
{
	static const struct credentials empty = { "user", "" };
	struct script s = script_of(2);
	struct play p = play_of(&s);
	uint8_t out[SOCKS5_AUTH_MAX];

	play_up_to(&p, 6);
	ck_assert_uint_eq(handshake_output(&p.h, &empty, out, sizeof(out)), 0);
	assert_failed(&p.h, ECONNREFUSED, "cannot be said");
}
END_TEST

START_TEST(offers_no_password_without_a_username)
{
	static const struct credentials halves[] = { { "user", NULL },
						     { NULL, "password" } };
	struct endpoint destination = { .kind = ENDPOINT_IPV4 };
	uint8_t out[SOCKS5_AUTH_MAX];
	struct handshake h;

	for (int i = 0; i < N(halves); i++) {
		handshake_begin(&h, SOCKS5_CONNECT, &destination);
		ck_assert_uint_eq(
			handshake_output(&h, &halves[i], out, sizeof(out)), 3);
		ck_assert_mem_eq(out, "\5\1\0", 3);
	}
}
END_TEST

START_TEST(says_the_longest_credentials)
{
	char text[256];
	struct credentials who = { text, text };
	struct script s = script_of(2);
	struct play p = play_of(&s);
	uint8_t out[SOCKS5_AUTH_MAX];

	memset(text, 'x', 255);
	text[255] = '\0';
	play_up_to(&p, 6);
	for (size_t left = SOCKS5_AUTH_MAX; left > 0; left--) {
		ck_assert_uint_eq(
			handshake_output(&p.h, &who, out, sizeof(out)), left);
		handshake_sent(&p.h, 1);
	}
	ck_assert_int_eq(p.h.state, HANDSHAKE_USERPASS_STATUS);
}
END_TEST

START_TEST(requests_each_command)
{
	struct script s = script_of(0);
	uint8_t out[SOCKS5_AUTH_MAX];

	for (int command = 1; command <= 3; command++) {
		struct play p = play_of(&s);

		handshake_begin(&p.h, command, &s.destination);
		play_up_to(&p, 5);
		ck_assert_uint_eq(
			handshake_output(&p.h, s.who, out, sizeof(out)), 10);
		ck_assert_uint_eq(out[1], command);
	}
}
END_TEST

START_TEST(names_every_state)
{
	struct handshake h = { 0 };

	for (int i = HANDSHAKE_GREETING; i <= HANDSHAKE_FAILED; i++) {
		h.state = (uint8_t)i;
		ck_assert_uint_gt(strlen(handshake_state_name(h.state)), 0);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("handshake");
	TCase *whole = tcase_create("whole");
	TCase *replies = tcase_create("replies");
	TCase *answers_case = tcase_create("answers");
	TCase *unsayable = tcase_create("unsayable");
	int cuts = count_cuts();

	tcase_set_timeout(whole, 60);
	tcase_add_loop_test(whole, negotiates, 0, SCRIPTS);
	tcase_add_loop_test(whole, negotiates_byte_by_byte, 0, SCRIPTS);
	tcase_add_loop_test(whole, negotiates_when_cut_at_any_byte, 0, cuts);
	tcase_add_loop_test(whole, refuses_when_the_stream_ends_at_any_byte, 0,
			    SCRIPTS);
	tcase_add_loop_test(whole, tells_how_the_stream_broke_at_any_byte, 0,
			    N(breaks));
	tcase_add_loop_test(whole, leaves_what_follows_the_reply, 0, SCRIPTS);
	tcase_add_loop_test(whole,
			    pipelines_nothing_where_credentials_are_given, 1,
			    PIPELINED);
	tcase_add_loop_test(whole,
			    refuses_another_method_than_it_pipelined_for, 0,
			    N(no_methods));
	tcase_add_test(whole, suspects_the_pipeline_when_no_answer_comes);
	tcase_add_test(whole, negotiates_under_10000_random_schedules);
	tcase_add_test(whole, ends_whatever_it_is_fed);
	tcase_add_test(whole, takes_no_more_than_it_wanted);
	tcase_add_test(whole, advances_by_no_more_than_it_offered);
	suite_add_tcase(s, whole);
	tcase_add_loop_test(replies, shows_every_failing_reply_as_its_errno, 1,
			    256);
	tcase_add_test(replies, says_a_failing_reply_in_words);
	suite_add_tcase(s, replies);
	tcase_add_loop_test(answers_case, refuses_a_wrong_answer, 0,
			    N(answers));
	tcase_add_test(answers_case, tells_where_the_stream_ended);
	suite_add_tcase(s, answers_case);
	tcase_add_test(unsayable, fails_if_the_destination_cannot_be_said);
	tcase_add_test(unsayable, fails_if_the_password_cannot_be_said);
	tcase_add_test(unsayable, offers_no_password_without_a_username);
	tcase_add_test(unsayable, says_the_longest_credentials);
	tcase_add_test(unsayable, requests_each_command);
	tcase_add_test(unsayable, names_every_state);
	suite_add_tcase(s, unsayable);
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
