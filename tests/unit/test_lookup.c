/* SPDX-License-Identifier: MIT */
/*
 * test_lookup.c - questions are answered, or fail in time, whatever a server does
 *
 * The transport is scripted: the port of a server says what it does. No stream is a
 * descriptor, and a wait sleeps for the time that it is given, at most a millisecond.
 */
#include "resolver/lookup.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "resolver/resolvconf.h"

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

enum {
	ANSWERS = 1,
	SILENT,
	REFUSED,	 /* no stream */
	BREAKS,		 /* no stream, told by the first send */
	ENDS,		 /* instead of an answer */
	ENDS_WITHIN,	 /* an answer */
	OTHER_ID,	 /* before the answer */
	OTHER_QUESTION,	 /* before the answer */
	SERVER_FAILURE,
	NO_SUCH_NAME,
	NOTHING_THERE,	 /* an answer without records */
	ONE_BY_ONE,	 /* bytes, and each call would have to wait once */
	TOO_SHORT,	 /* a message without a header, and the end */
	EMPTY,		 /* a message of length 0, and the end */
	LOOP,		 /* a name that points to itself */
	BAD_NAME,	 /* a CNAME that is no host's */
	LARGE,		 /* as large as a message can be */
};

/* --- the scripted transport ---------------------------------------------------- */

enum { STREAMS_MAX = 64, BUFFER_SIZE = 2 + LOOKUP_MESSAGE_MAX + 4096 };

static struct script {
	bool open;
	int what;
	bool would_wait[2];
	uint8_t in[BUFFER_SIZE];
	size_t in_len;
	uint8_t out[BUFFER_SIZE];
	size_t out_len, out_at;
	bool ends;
} scripts[STREAMS_MAX];

static int opened[STREAMS_MAX]; /* what each was opened to */
static int n_opened, n_open, n_waits;

static void put(struct script *s, const void *bytes, size_t len)
{
	ck_assert_uint_le(s->out_len + len, sizeof(s->out));
	memcpy(s->out + s->out_len, bytes, len);
	s->out_len += len;
}

static void put16(struct script *s, unsigned int value)
{
	put(s, (uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

static void set16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_record(struct script *s, const void *name, size_t name_len,
		       int type, const void *data, size_t len)
{
	put(s, name, name_len);
	put16(s, (unsigned int)type);
	put16(s, 1);
	put16(s, 0);
	put16(s, 60);
	put16(s, (unsigned int)len);
	put(s, data, len);
}

/* The question's own name, and one that an alias leads to. */
static const uint8_t the_name[] = { 0xc0, 12 };
static const uint8_t target[] = "\4real\5world\7example";
static const uint8_t bad_target[] = "\4a b;\7example";
static const uint8_t v4[] = { 192, 0, 2, 1, 192, 0, 2, 2 };
static const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };

static int question_type(const struct script *s)
{
	return s->in[s->in_len - 3];
}

static int put_addresses(struct script *s, const void *name, size_t len)
{
	if (question_type(s) == 28) {
		put_record(s, name, len, 28, v6, 16);
		return 1;
	}
	put_record(s, name, len, 1, v4, 4);
	put_record(s, name, len, 1, v4 + 4, 4);
	return 2;
}

/* How many records of an answer were put. */
static int put_records(struct script *s)
{
	static const uint8_t text[60000];

	switch (s->what) {
	case SERVER_FAILURE:
	case NO_SUCH_NAME:
	case NOTHING_THERE:
		return 0;
	case LOOP:
		put_record(s, (uint8_t[]){ 0xc0, (uint8_t)(s->out_len - 2) }, 2,
			   1, v4, 4);
		return 1;
	case BAD_NAME:
		put_record(s, the_name, 2, 5, bad_target, sizeof(bad_target));
		return 1 + put_addresses(s, bad_target, sizeof(bad_target));
	case LARGE:
		put_record(s, the_name, 2, 16, text, sizeof(text));
		return 1;
	default:
		break;
	}
	if (question_type(s) == 12) {
		put_record(s, the_name, 2, 12, target, sizeof(target));
		return 1;
	}
	put_record(s, the_name, 2, 5, target, sizeof(target));
	return 1 + put_addresses(s, target, sizeof(target));
}

static void put_answer(struct script *s, int id_plus, int letter_plus)
{
	size_t at = s->out_len;
	uint8_t *message;

	put(s, s->in, s->in_len); /* with its length before it */
	message = s->out + at + 2;
	message[1] += (uint8_t)id_plus;
	message[13] += (uint8_t)letter_plus;
	message[2] |= 0x80;
	message[3] = 0x80 | (s->what == SERVER_FAILURE ? 2 :
			     s->what == NO_SUCH_NAME   ? 3 :
							 0);
	set16(message + 6, (unsigned int)put_records(s));
	set16(s->out + at, (unsigned int)(s->out_len - at - 2));
}

static void react(struct script *s)
{
	s->ends = s->what == ENDS || s->what == ENDS_WITHIN ||
		  s->what == TOO_SHORT || s->what == EMPTY ||
		  s->what == BREAKS;
	switch (s->what) {
	case SILENT:
	case ENDS:
	case BREAKS:
		return;
	case TOO_SHORT:
		put(s, "\0\5hello", 7);
		return;
	case EMPTY:
		put(s, "\0\0", 2);
		return;
	case OTHER_ID:
		put_answer(s, 1, 0);
		break;
	case OTHER_QUESTION:
		put_answer(s, 0, 1);
		break;
	default:
		break;
	}
	put_answer(s, 0, 0);
	if (s->what == ENDS_WITHIN)
		s->out_len -= 3;
}

static int do_open(struct lookup_stream *stream, const struct endpoint *server)
{
	ck_assert_int_lt(n_opened, STREAMS_MAX);
	opened[n_opened] = server->port;
	stream->fd = 1000 + n_opened;
	scripts[n_opened] = (struct script){ .what = server->port };
	if (server->port == REFUSED) {
		n_opened++;
		return -ECONNREFUSED;
	}
	scripts[n_opened++].open = true;
	n_open++;
	return 0;
}

static struct script *script_of(const struct lookup_stream *stream)
{
	struct script *s = &scripts[stream->fd - 1000];

	ck_assert(s->open);
	return s;
}

/* Each second call in a direction would have to wait. */
static bool would_wait(struct script *s, bool receives)
{
	s->would_wait[receives] = !s->would_wait[receives];
	return s->what == ONE_BY_ONE && s->would_wait[receives];
}

static long do_send(struct lookup_stream *stream, const void *bytes, size_t len)
{
	struct script *s = script_of(stream);

	if (would_wait(s, false))
		return -EAGAIN;
	if (s->what == BREAKS)
		return -EPIPE;
	if (s->what == ONE_BY_ONE)
		len = 1;
	ck_assert_uint_le(s->in_len + len, sizeof(s->in));
	memcpy(s->in + s->in_len, bytes, len);
	s->in_len += len;
	if (s->in_len >= 2 &&
	    s->in_len == 2u + (unsigned int)(s->in[0] << 8 | s->in[1]))
		react(s);
	return (long)len;
}

static long do_receive(struct lookup_stream *stream, void *bytes, size_t size)
{
	struct script *s = script_of(stream);
	size_t left = s->out_len - s->out_at;

	if (would_wait(s, true))
		return -EAGAIN;
	if (s->what == ONE_BY_ONE && left > 0)
		left = 1;
	if (left == 0)
		return s->ends ? 0 : -EAGAIN;
	if (size > left)
		size = left;
	memcpy(bytes, s->out + s->out_at, size);
	s->out_at += size;
	return (long)size;
}

static short do_events(struct lookup_stream *stream, short wanted)
{
	script_of(stream);
	return wanted;
}

static void do_close(struct lookup_stream *stream)
{
	script_of(stream)->open = false;
	n_open--;
}

static void do_wait(struct pollfd *fds, size_t n, int64_t until_ns)
{
	(void)until_ns;
	for (size_t i = 0; i < n; i++)
		ck_assert(scripts[fds[i].fd - 1000].open);
	n_waits++;
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static struct lookup_io io = { false,	  do_open,   do_send, do_receive,
			       do_events, do_close, do_wait };

/* --- asking ---------------------------------------------------------------------- */

static struct config config;
static uint8_t answer[LOOKUP_MESSAGE_MAX];

/* The servers that do these things; 0 ends the list. */
static void with_servers(int timeout_ms, const int *whats)
{
	config.timeout_ms = timeout_ms;
	config.n_dns = 0;
	for (; config.n_dns < CONFIG_DNS_MAX && *whats; whats++)
		config.dns[config.n_dns++] =
			(struct endpoint){ .kind = ENDPOINT_IPV4,
					   .port = (uint16_t)*whats,
					   .v4 = { 192, 0, 2, 53 } };
	lookup_setup(&config);
}

static ssize_t ask_for(const struct lookup_io *how, int type, uint8_t *into,
		       size_t size)
{
	static uint8_t query[] = "\xab\xcd\1\0\0\1\0\0\0\0\0\0"
				 "\3www\5world\7example\0\0\0\0\1";
	const size_t len = sizeof(query) - 1;

	query[len - 3] = (uint8_t)type;
	return lookup_send(how, query, len, into, size);
}

static ssize_t ask(int timeout_ms, const int *whats)
{
	with_servers(timeout_ms, whats);
	return ask_for(&io, 1, answer, sizeof(answer));
}

/* What was opened, as digits: "1", "24". */
static const char *trail(void)
{
	static char text[4 * STREAMS_MAX];
	char *at = text;

	*at = '\0';
	for (int i = 0; i < n_opened; i++)
		at += sprintf(at, "%s%d", i > 0 ? " " : "", opened[i]);
	return text;
}

#define assert_closed() ck_assert_int_eq(n_open, 0)

static const struct {
	int servers[CONFIG_DNS_MAX + 1];
	int rcode; /* or -errno */
	const char *trail;
} outcomes[] = {
	{ { ANSWERS }, 0, "1" },
	{ { OTHER_ID }, 0, "7" },
	{ { OTHER_QUESTION }, 0, "8" },
	{ { ONE_BY_ONE }, 0, "12" },
	{ { NO_SUCH_NAME, ANSWERS }, 3, "10" },
	{ { NOTHING_THERE, ANSWERS }, 0, "11" },
	/* Another server may know more. */
	{ { SERVER_FAILURE, ANSWERS }, 0, "9 1" },
	{ { SERVER_FAILURE }, 2, "9" },
	{ { SERVER_FAILURE, REFUSED }, 2, "9 3" },
	{ { SERVER_FAILURE, SERVER_FAILURE }, 2, "9 9" },
	{ { REFUSED, ANSWERS }, 0, "3 1" },
	{ { BREAKS, ANSWERS }, 0, "4 1" },
	{ { ENDS, ENDS_WITHIN, TOO_SHORT, ANSWERS }, 0, "5 6 13 1" },
	{ { EMPTY, ANSWERS }, 0, "14 1" },
	/* And each is tried again. */
	{ { REFUSED }, -ECONNREFUSED, "3 3" },
	{ { BREAKS, ENDS }, -ECONNREFUSED, "4 5 4 5" },
};

START_TEST(comes_to)
{
	ssize_t len = ask(5000, outcomes[_i].servers);

	if (outcomes[_i].rcode < 0) {
		ck_assert_int_eq(len, outcomes[_i].rcode);
	} else {
		ck_assert_int_gt(len, 12);
		ck_assert_int_eq(answer[3] & 15, outcomes[_i].rcode);
	}
	ck_assert_str_eq(trail(), outcomes[_i].trail);
	assert_closed();
}
END_TEST

START_TEST(asks_the_next_server_while_there_is_time)
{
	ck_assert_int_gt(ask(600, (int[]){ SILENT, ANSWERS, 0 }), 12);
	ck_assert_str_eq(trail(), "2 1");
	assert_closed();
}
END_TEST

START_TEST(fails_when_the_time_is_over)
{
	ck_assert_int_eq(ask(100, (int[]){ SILENT, 0 }), -ETIMEDOUT);
	assert_closed();
}
END_TEST

START_TEST(tells_the_whole_length_of_what_does_not_fit)
{
	uint8_t small[20];
	ssize_t len;

	with_servers(5000, (int[]){ LARGE, 0 });
	memset(small, 0xa5, sizeof(small));
	len = ask_for(&io, 16, small, sizeof(small) - 1);
	ck_assert_int_gt(len, 60000);
	ck_assert_uint_eq(small[2] & 0x80, 0x80);
	ck_assert_uint_eq(small[sizeof(small) - 1], 0xa5);
}
END_TEST

START_TEST(repeats_the_id_of_a_whole_message)
{
	static const uint8_t query[] = { 0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0,
					 0,    0,    1, 'X', 0, 0, 15, 0, 1 };

	with_servers(5000, (int[]){ ANSWERS, 0 });
	ck_assert_int_gt(lookup_send(&io, query, sizeof(query), answer,
				     sizeof(answer)),
			 12);
	ck_assert_mem_eq(answer, query, 2);
	ck_assert_mem_eq(answer + 12, query + 12, 7);
	/* On the wire it was that, with its length before it. */
	ck_assert_uint_eq(scripts[0].in_len, 2 + sizeof(query));
	ck_assert_mem_eq(scripts[0].in + 2, query, sizeof(query));
	ck_assert_int_eq(lookup_send(&io, query, 11, answer, sizeof(answer)),
			 -EINVAL);
}
END_TEST

static const char *const wrong_names[] = {
	"a..b", ".a",
	"label-of-more-than-sixty-three-octets-which-no-name-in-the-dns-can-have.x",
};

START_TEST(asks_for_no_wrong_name)
{
	struct hosts_answer hosts;

	with_servers(5000, (int[]){ ANSWERS, 0 });
	ck_assert_int_eq(lookup_addresses(&io, wrong_names[_i], AF_INET, &hosts),
			 -EINVAL);
	ck_assert_int_eq(n_opened, 0);
}
END_TEST

START_TEST(leaves_errno_alone)
{
	errno = 4711;
	ask(5000, (int[]){ BREAKS, ENDS, ONE_BY_ONE, 0 });
	ck_assert_int_eq(errno, 4711);
}
END_TEST

/* --- who is asked ------------------------------------------------------------------ */

static const char *resolvconf(const char *text)
{
	static char path[] = "/tmp/socksify-test-XXXXXX";
	int fd;

	strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	resolvconf_setup(path);
	return path;
}

static char asked[16 * ENDPOINT_TEXT_MAX];

static int note_server(struct lookup_stream *stream,
		       const struct endpoint *server)
{
	char one[ENDPOINT_TEXT_MAX];

	(void)stream;
	strcat(asked, asked[0] ? " " : "");
	strcat(asked, endpoint_format(server, one, sizeof(one)));
	return -ECONNREFUSED;
}

static const struct {
	bool local;
	const char *file;
	const char *servers; /* both rounds */
} choices[] = {
	{ false, "nameserver 192.168.1.1\nnameserver 8.8.8.8\n",
	  "8.8.8.8:53 8.8.8.8:53" },
	{ false, "nameserver 127.0.0.53\n",
	  "9.9.9.9:53 1.1.1.1:53 9.9.9.9:53 1.1.1.1:53" },
	{ true, "nameserver 127.0.0.53\n", "127.0.0.53:53 127.0.0.53:53" },
	{ true, "", "127.0.0.1:53 127.0.0.1:53" },
};

START_TEST(chooses_servers_that_the_transport_reaches)
{
	struct lookup_io noting = io;
	const char *path = resolvconf(choices[_i].file);

	noting.open = note_server;
	noting.local = choices[_i].local;
	with_servers(5000, (int[]){ 0 });
	ck_assert_int_eq(ask_for(&noting, 1, answer, sizeof(answer)),
			 -ECONNREFUSED);
	unlink(path);
	ck_assert_str_eq(asked, choices[_i].servers);
}
END_TEST

/* --- addresses and names -------------------------------------------------------------- */

static struct hosts_answer found;

static const char *found_text(void)
{
	static char text[HOSTS_ADDRESSES_MAX * (INET6_ADDRSTRLEN + 1) + 1];
	char one[INET6_ADDRSTRLEN];

	text[0] = '\0';
	for (size_t i = 0; i < found.count; i++) {
		strcat(text, i > 0 ? " " : "");
		strcat(text, inet_ntop(found.addresses[i].family,
				       found.addresses[i].bytes, one,
				       sizeof(one)));
	}
	return text;
}

static int find(int what, int family)
{
	with_servers(5000, (int[]){ what, 0 });
	return lookup_addresses(&io, "www.world.example", family, &found);
}

static const struct {
	int what;
	int family;
	int result;
	const char *addresses;
} finds[] = {
	{ ANSWERS, AF_INET, 0, "192.0.2.1 192.0.2.2" },
	{ ANSWERS, AF_INET6, 0, "2001:db8::1" },
	{ ANSWERS, AF_UNSPEC, 0, "192.0.2.1 192.0.2.2 2001:db8::1" },
	{ ONE_BY_ONE, AF_UNSPEC, 0, "192.0.2.1 192.0.2.2 2001:db8::1" },
	{ NO_SUCH_NAME, AF_UNSPEC, -ENOENT, "" },
	{ NOTHING_THERE, AF_UNSPEC, -ENODATA, "" },
	{ SERVER_FAILURE, AF_UNSPEC, -EAGAIN, "" },
	{ REFUSED, AF_INET, -ECONNREFUSED, "" },
	{ LOOP, AF_INET, -EBADMSG, "" },
	{ BAD_NAME, AF_INET, -EBADMSG, "" },
};

START_TEST(finds_addresses)
{
	ck_assert_int_eq(find(finds[_i].what, finds[_i].family),
			 finds[_i].result);
	ck_assert_str_eq(found_text(), finds[_i].addresses);
	if (finds[_i].result == 0) {
		ck_assert_str_eq(found.name, "real.world.example");
		ck_assert_str_eq(found.aliases, "www.world.example");
	}
	assert_closed();
}
END_TEST

START_TEST(finds_the_name_of_an_address)
{
	struct hosts_address address = { .family = AF_INET };

	memcpy(address.bytes, v4, 4);
	with_servers(5000, (int[]){ ANSWERS, 0 });
	ck_assert_int_eq(lookup_name(&io, &address, 5000, &found), 0);
	ck_assert_str_eq(found.name, "real.world.example");
	ck_assert_str_eq(found_text(), "192.0.2.1");
	ck_assert_mem_eq(scripts[0].in + 14,
			 "\1" "1" "\1" "2" "\1" "0" "\3" "192" "\7in-addr\4arpa",
			 24);
	address.family = AF_INET6;
	memcpy(address.bytes, v6, 16);
	ck_assert_int_eq(lookup_name(&io, &address, 5000, &found), 0);
	ck_assert_mem_eq(scripts[1].in + 14, "\1" "1" "\1" "0", 4);
	ck_assert_mem_eq(scripts[1].in + 14 + 64, "\3ip6\4arpa", 10);
	assert_closed();
}
END_TEST

START_TEST(waits_no_longer_for_a_name_than_it_may)
{
	struct hosts_address address = { .family = AF_INET };

	with_servers(60000, (int[]){ SILENT, 0 });
	ck_assert_int_eq(lookup_name(&io, &address, 50, &found), -ETIMEDOUT);
	assert_closed();
}
END_TEST

/* --- asking, and going on ---------------------------------------------------------------- */

static size_t done_len;
static int n_done;

static void note_done(void *arg, const uint8_t *reply, size_t len)
{
	ck_assert_ptr_eq(arg, &n_done);
	ck_assert(len == 0 || reply);
	done_len = len;
	n_done++;
}

static const uint8_t mx_query[] = { 1, 2, 1, 0, 0, 1, 0, 0, 0, 0,
				    0, 0, 1, 'x', 0, 0, 15, 0, 1 };

static struct lookup *begin(int what)
{
	struct endpoint server = { .kind = ENDPOINT_IPV4,
				   .port = (uint16_t)what };

	return lookup_start(&io, &server, mx_query, sizeof(mx_query), note_done,
			    &n_done);
}

START_TEST(goes_on_step_by_step)
{
	struct lookup *lookup = begin(ONE_BY_ONE);
	struct pollfd fd;
	int steps = 0;

	for (; n_done == 0 && steps < 10000; steps++) {
		ck_assert_int_gt(lookup_deadline(lookup), 0);
		ck_assert_uint_eq(lookup_fds(lookup, &fd, 1), 1);
		ck_assert_int_eq(fd.fd, 1000);
		lookup_step(lookup);
	}
	ck_assert_int_eq(n_done, 1);
	ck_assert_uint_gt(done_len, sizeof(mx_query));
	ck_assert_int_gt(steps, 10);
	ck_assert_int_eq(n_waits, 0);
	assert_closed();
}
END_TEST

START_TEST(tells_of_a_failure_by_the_next_step)
{
	struct lookup *lookup = begin(REFUSED);

	ck_assert_int_eq(n_done, 0);
	ck_assert_int_eq(lookup_deadline(lookup), 0);
	lookup_step(lookup);
	ck_assert_int_eq(n_done, 1);
	ck_assert_uint_eq(done_len, 0);
}
END_TEST

START_TEST(says_nothing_once_cancelled)
{
	struct lookup *lookup = begin(SILENT);

	lookup_step(lookup);
	lookup_cancel(lookup);
	ck_assert_int_eq(n_done, 0);
	assert_closed();
}
END_TEST

START_TEST(wants_to_write_only_what_is_not_written)
{
	struct lookup *lookup = begin(SILENT);
	struct pollfd fd;

	lookup_fds(lookup, &fd, 1);
	ck_assert_int_eq(fd.events, POLLIN | POLLOUT);
	lookup_step(lookup);
	lookup_fds(lookup, &fd, 1);
	ck_assert_int_eq(fd.events, POLLIN);
	ck_assert_uint_eq(lookup_fds(lookup, &fd, 0), 0);
	lookup_cancel(lookup);
}
END_TEST

START_TEST(begins_anew_in_a_child)
{
	struct lookup *lookup = begin(ANSWERS);
	int status;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		lookup_step(lookup);
		_exit(n_opened == 2 && n_done == 1 && done_len > 12 &&
			      scripts[0].in_len == 0 && n_open == 0 ?
			      0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	lookup_step(lookup);
	ck_assert_int_eq(n_opened, 1);
	ck_assert_int_eq(n_done, 1);
}
END_TEST

/* gcc's ASan takes what a cancelled thread's frames leave on its stack for an overflow. */
#ifndef __SANITIZE_ADDRESS__
static void *ask_for_ever(void *arg)
{
	(void)arg;
	ask(60000, (int[]){ SILENT, 0 });
	return NULL;
}

static void *ask_when_cancelled(void *arg)
{
	pthread_cancel(pthread_self());
	return ask_for_ever(arg);
}

/* c-ares opens a file for each attempt, which would be a point to be cancelled at, too. */
START_TEST(is_cancelled_in_the_wait_alone)
{
	pthread_t thread;
	void *result;

	ck_assert_int_eq(pthread_create(&thread, NULL, ask_when_cancelled,
					NULL), 0);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_ptr_eq(result, PTHREAD_CANCELED);
	ck_assert_int_eq(n_opened, 1);
	assert_closed();
}
END_TEST

START_TEST(leaves_nothing_when_cancelled)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, ask_for_ever, NULL), 0);
	while (__atomic_load_n(&n_waits, __ATOMIC_RELAXED) < 3)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	assert_closed();
}
END_TEST
#endif

/* --- */

static TCase *asking(void)
{
	TCase *t = tcase_create("asking");

	tcase_add_loop_test(t, comes_to, 0, N(outcomes));
	tcase_add_test(t, asks_the_next_server_while_there_is_time);
	tcase_add_test(t, fails_when_the_time_is_over);
	tcase_add_test(t, tells_the_whole_length_of_what_does_not_fit);
	tcase_add_test(t, repeats_the_id_of_a_whole_message);
	tcase_add_loop_test(t, asks_for_no_wrong_name, 0, N(wrong_names));
	tcase_add_test(t, leaves_errno_alone);
	tcase_add_loop_test(t, chooses_servers_that_the_transport_reaches, 0,
			    N(choices));
	return t;
}

static TCase *finding(void)
{
	TCase *t = tcase_create("finding");

	tcase_add_loop_test(t, finds_addresses, 0, N(finds));
	tcase_add_test(t, finds_the_name_of_an_address);
	tcase_add_test(t, waits_no_longer_for_a_name_than_it_may);
	return t;
}

static TCase *going_on(void)
{
	TCase *t = tcase_create("going on");

	tcase_add_test(t, goes_on_step_by_step);
	tcase_add_test(t, tells_of_a_failure_by_the_next_step);
	tcase_add_test(t, says_nothing_once_cancelled);
	tcase_add_test(t, wants_to_write_only_what_is_not_written);
	tcase_add_test(t, begins_anew_in_a_child);
#ifndef __SANITIZE_ADDRESS__
	tcase_add_test(t, is_cancelled_in_the_wait_alone);
	tcase_add_test(t, leaves_nothing_when_cancelled);
#endif
	return t;
}

int main(void)
{
	Suite *suite = suite_create("lookup");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, asking());
	suite_add_tcase(suite, finding());
	suite_add_tcase(suite, going_on());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
