/* SPDX-License-Identifier: MIT */
/* carry_dns.c - the name server that carried programs believe to ask */
#include "launcher/carry_dns.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "launcher/carry_ask.h"
#include "launcher/carry_loop.h"
#include "resolver/dnswire.h"
#include "resolver/stub.h"

enum { STREAMS_MAX = 64 };

/**
 * struct server - a socket that is asked
 * @source:	first
 * @type:	SOCK_DGRAM, or SOCK_STREAM that listens
 * @address:	where it is; len 0: there is none
 * @len:	of @address
 */
struct server {
	struct source source;
	int type;
	struct sockaddr_storage address;
	socklen_t len;
};

/**
 * struct dns_stream - a connection with questions
 * @source:	first
 * @have:	bytes in @in
 * @in:		a length in two octets, and the question, as far as it is here
 */
struct dns_stream {
	struct source source;
	size_t have;
	uint8_t in[2 + DNS_QUERY_MAX];
};

static struct server servers[4]; /* IPv4 and IPv6, UDP and TCP */
static unsigned int streams;
static uint8_t admitted[2][65536 / 8]; /* local ports, UDP's and TCP's */

/* --- who may ask --------------------------------------------------------------- */

static uint16_t port_of(const struct sockaddr_storage *address)
{
	return ntohs(((const struct sockaddr_in *)address)->sin_port);
}

static int type_of(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	return type;
}

void dns_admit(int fd)
{
	struct sockaddr_storage own = { 0 };
	socklen_t len = sizeof(own);
	uint16_t port;

	if (getsockname(fd, (struct sockaddr *)&own, &len) < 0)
		return;
	port = port_of(&own);
	admitted[type_of(fd) == SOCK_STREAM][port / 8] |=
		(uint8_t)(1u << port % 8);
}

static bool is_admitted(int type, const struct sockaddr_storage *from)
{
	uint16_t port = port_of(from);

	return admitted[type == SOCK_STREAM][port / 8] & 1u << port % 8;
}

/* --- answers ------------------------------------------------------------------- */

enum { REPLY_MAX = 65535 }; /* what the length before it can say */

/* Room for the length, and the reply behind it. */
static uint8_t frame[2 + REPLY_MAX];
static uint8_t *const reply = frame + 2;

static bool send_stream(struct dns_stream *s, size_t len)
{
	frame[0] = (uint8_t)(len >> 8);
	frame[1] = (uint8_t)len;
	/* It fits what the kernel keeps, or nobody reads. */
	return send(s->source.fd, frame, 2 + len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	       (ssize_t)(2 + len);
}

static void send_datagram(const struct dns_asker *to, size_t len)
{
	struct iovec iov = { reply, len };
	struct msghdr m = { .msg_name = (void *)&to->address,
			    .msg_namelen = to->len,
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = (void *)to->control,
			    .msg_controllen = to->control_len };

	if (to->server->ready)
		sendmsg(to->server->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* What is in reply. */
static bool send_reply(const struct dns_asker *to, size_t len)
{
	if (len > 0 && to->stream)
		return send_stream(to->stream, len);
	if (len > 0)
		send_datagram(to, len);
	return true;
}

static bool send_failure(const struct dns_asker *to, const uint8_t *query, size_t len)
{
	return send_reply(to, stub_fail(query, len, DNS_SERVFAIL, reply, REPLY_MAX));
}

/* --- answers that come later ---------------------------------------------------- */

/**
 * struct waiting - a question that is asked for real
 * @next:	in the list of all
 * @ask:	who asks
 * @asker:	who is to have the answer
 * @len:	of @query
 */
struct waiting {
	struct waiting *next;
	struct ask *ask;
	struct dns_asker asker;
	size_t len;
	uint8_t query[];
};

static struct waiting *all_waiting;

static void unlink_waiting(struct waiting *w)
{
	struct waiting **link = &all_waiting;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
}

static void end_stream(struct dns_stream *s)
{
	struct waiting *next;

	for (struct waiting *w = all_waiting; w; w = next) {
		next = w->next;
		if (w->asker.stream != s)
			continue;
		ask_forget(w->ask);
		unlink_waiting(w);
		free(w);
	}
	loop_remove(&s->source);
	close(s->source.fd);
	free(s);
	streams--;
}

static void asked(void *arg, const uint8_t *answer, size_t len)
{
	struct waiting *w = arg;
	bool sent;

	unlink_waiting(w);
	if (len > 0)
		memcpy(reply, answer, len);
	if (len > 0 && !w->asker.stream)
		len = stub_fit(w->query, w->len, reply, len);
	sent = len > 0 ? send_reply(&w->asker, len) :
			 send_failure(&w->asker, w->query, w->len);
	if (!sent)
		end_stream(w->asker.stream);
	free(w);
}

static bool ask_for_real(const struct dns_asker *asker, const uint8_t *query, size_t len)
{
	struct waiting *w = malloc(sizeof(*w) + len);

	if (!w)
		return send_failure(asker, query, len);
	w->asker = *asker;
	w->len = len;
	memcpy(w->query, query, len);
	w->ask = ask_begin(query, len, asked, w);
	if (!w->ask) {
		free(w);
		return send_failure(asker, query, len);
	}
	w->next = all_waiting;
	all_waiting = w;
	return true;
}

bool dns_answer(const struct dns_asker *asker, const uint8_t *query, size_t len)
{
	size_t reply_len;

	switch (stub_answer(query, len, asker->stream != NULL, reply, REPLY_MAX,
			    &reply_len)) {
	case STUB_REPLY:
		return send_reply(asker, reply_len);
	case STUB_ASK:
		return ask_for_real(asker, query, len);
	default:
		return true;
	}
}

/* --- who asks --------------------------------------------------------------------- */

static void datagram_ready(struct source *source, uint32_t events)
{
	struct dns_asker asker = { .server = source, .len = sizeof(asker.address) };
	static uint8_t query[DNS_QUERY_MAX];
	ssize_t n;

	(void)events;
	n = recvfrom(source->fd, query, sizeof(query), MSG_DONTWAIT,
		     (struct sockaddr *)&asker.address, &asker.len);
	if (n > 0 && is_admitted(SOCK_DGRAM, &asker.address))
		dns_answer(&asker, query, (size_t)n);
}

/* Answers the whole questions that are there; false: the stream is of no use any more. */
static bool answer_stream(struct dns_stream *s)
{
	const struct dns_asker asker = { .stream = s };
	size_t len;

	while (s->have >= 2) {
		len = (size_t)s->in[0] << 8 | s->in[1];
		if (len > DNS_QUERY_MAX)
			return false;
		if (s->have < 2 + len)
			return true;
		if (!dns_answer(&asker, s->in + 2, len))
			return false;
		s->have -= 2 + len;
		memmove(s->in, s->in + 2 + len, s->have);
	}
	return true;
}

static bool has_waiting(const struct dns_stream *s)
{
	for (const struct waiting *w = all_waiting; w; w = w->next)
		if (w->asker.stream == s)
			return true;
	return false;
}

/* Who has said all that it will may still wait for an answer. */
static void stream_ready(struct source *source, uint32_t events)
{
	struct dns_stream *s = (struct dns_stream *)source;
	ssize_t n;

	n = recv(source->fd, s->in + s->have, sizeof(s->in) - s->have,
		 MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n == 0 && !(events & (EPOLLHUP | EPOLLERR)) && has_waiting(s)) {
		loop_change(source, 0);
		return;
	}
	if (n > 0)
		s->have += (size_t)n;
	if (n <= 0 || !answer_stream(s))
		end_stream(s);
}

static void listener_ready(struct source *source, uint32_t events)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct dns_stream *s;
	int fd;

	(void)events;
	fd = accept4(source->fd, (struct sockaddr *)&from, &len,
		     SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	s = streams < STREAMS_MAX && is_admitted(SOCK_STREAM, &from) ?
		    calloc(1, sizeof(*s)) : NULL;
	if (!s) {
		close(fd);
		return;
	}
	s->source = (struct source){ fd, stream_ready };
	streams++;
	if (loop_add(&s->source, EPOLLIN) < 0)
		end_stream(s);
}

/* --- where it is ---------------------------------------------------------------- */

static int open_server(struct server *server, int family, int type)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	const void *at = family == AF_INET ? (void *)&v4 : (void *)&v6;
	socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	server->source = (struct source){
		fd, type == SOCK_STREAM ? listener_ready : datagram_ready
	};
	server->type = type;
	server->len = sizeof(server->address);
	if (bind(fd, at, len) < 0 ||
	    (type == SOCK_STREAM && listen(fd, STREAMS_MAX) < 0) ||
	    getsockname(fd, (struct sockaddr *)&server->address,
			&server->len) < 0 ||
	    loop_add(&server->source, EPOLLIN) < 0) {
		server->len = 0;
		close(fd);
		return -EADDRNOTAVAIL;
	}
	return 0;
}

int dns_setup(void)
{
	int r = open_server(&servers[0], AF_INET, SOCK_DGRAM);

	if (r == 0)
		r = open_server(&servers[1], AF_INET, SOCK_STREAM);
	/* Where there is no IPv6 its sockets have no stub. */
	open_server(&servers[2], AF_INET6, SOCK_DGRAM);
	open_server(&servers[3], AF_INET6, SOCK_STREAM);
	return r;
}

int dns_address(int family, int type, struct sockaddr_storage *address)
{
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		if (servers[i].type != type || servers[i].len == 0 ||
		    servers[i].address.ss_family != family)
			continue;
		*address = servers[i].address;
		return (int)servers[i].len;
	}
	return -EADDRNOTAVAIL;
}
