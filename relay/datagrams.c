/* SPDX-License-Identifier: MIT */
/* datagrams.c - one UDP association: a relay on this machine before the proxy's */
#include "relay/datagrams.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/socks5.h"
#include "relay/client.h"
#include "relay/io.h"
#include "relay/users.h"

enum { DATAGRAM_MAX = 65536 };

/**
 * struct association - one
 * @up:		the connection to the proxy, which it lasts as long as
 * @near:	the socket that the program sends to
 * @far:	connected to the proxy's relay
 * @known:	@near is connected to the program's socket
 * @in:		what has come
 * @message:	what goes on
 */
struct association {
	struct upstream *up;
	int near;
	int far;
	bool known;
	uint8_t in[DATAGRAM_MAX];
	uint8_t message[GSSAPI_MESSAGE_MAX];
};

/* --- the proxy's side ------------------------------------------------------------------ */

/* Takes the whole reply, in however many messages it comes. 0, REP, or -errno. */
static int take_reply(struct upstream *up, struct endpoint *bound)
{
	uint8_t in[SOCKS5_MESSAGE_MAX], reply = SOCKS5_GENERAL_FAILURE;
	size_t have = 0;
	int used = 0;

	while (used == 0) {
		struct token plain = { NULL, 0 };
		size_t needs = socks5_reply_needs(in, have) - have;
		int r;

		if (up->security.level == GSSAPI_CLEAR) {
			r = io_read(up->fd, in + have, needs, up->deadline_ms);
			have += needs;
		} else {
			r = upstream_receive(up, &plain);
			if (r == 0 && plain.len > sizeof(in) - have)
				r = -EPROTO;
			if (r == 0 && plain.len > 0)
				memcpy(in + have, plain.at, plain.len);
			have += r == 0 ? plain.len : 0;
			token_release(&plain);
		}
		if (r < 0)
			return r;
		used = socks5_get_reply(in, have, &reply, bound);
	}
	return used < 0 ? used : reply;
}

static int ask(struct upstream *up, struct endpoint *bound)
{
	/* Zeros for where datagrams will come from, of the connection's family. */
	struct endpoint nowhere = { .kind = up->address.kind };
	uint8_t out[SOCKS5_MESSAGE_MAX];
	int r = socks5_put_request(out, sizeof(out), SOCKS5_UDP_ASSOCIATE, &nowhere);

	if (r > 0)
		r = upstream_send(up, out, (size_t)r);
	return r < 0 ? r : take_reply(up, bound);
}

/* Where BND is of no use from here, the relay is at the proxy's own address. */
static int repair(struct endpoint *relay, const struct endpoint *proxy)
{
	enum endpoint_scope scope = endpoint_scope(relay);
	struct endpoint repaired = *proxy;

	if (relay->port == 0)
		return -EPROTO;
	repaired.port = relay->port;
	if (relay->kind != proxy->kind || scope == ENDPOINT_SCOPE_GROUP ||
	    scope < endpoint_scope(proxy))
		*relay = repaired;
	return 0;
}

static int open_far(struct association *a, const struct endpoint *relay)
{
	struct sockaddr_storage sa;
	int family = relay->kind == ENDPOINT_IPV4 ? AF_INET : AF_INET6;
	int len = endpoint_to_sockaddr(relay, family, &sa);

	if (len < 0)
		return len;
	a->far = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->far < 0 || connect(a->far, (struct sockaddr *)&sa, (socklen_t)len) < 0)
		return -errno;
	return 0;
}

/* --- the program's side ---------------------------------------------------------------- */

static int open_near(struct association *a, struct endpoint *bound)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a->near = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->near < 0 || bind(a->near, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    getsockname(a->near, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	return endpoint_from_sockaddr(bound, (struct sockaddr *)&sa, len);
}

/*
 * The first who sends is the program: nobody else has been told the port. Who has found it is
 * another user.
 */
static ssize_t receive_near(struct association *a)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(a->near, a->in, sizeof(a->in), 0, (struct sockaddr *)&from, &len);

	if (n >= 0 && !a->known)
		a->known = users_own_port(ntohs(from.sin_port)) &&
			   connect(a->near, (struct sockaddr *)&from, len) == 0;
	return a->known ? n : -1;
}

/* --- what passes ----------------------------------------------------------------------- */

/* Lost where it cannot go, as datagrams are; one that is too large is told of. */
static void send_on(int fd, const uint8_t *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EMSGSIZE)
		log_once("EMSGSIZE", "a datagram of %zu bytes, with what protects it, is too "
				     "large and is lost", len);
}

static void go_forth(struct association *a)
{
	struct security *security = &a->up->security;
	ssize_t n = receive_near(a);
	struct token token;
	int head;

	if (n < 0 || security->level == GSSAPI_CLEAR) {
		if (n > 0)
			send_on(a->far, a->in, (size_t)n);
		return;
	}
	if ((size_t)n > security->room) {
		log_once("room", "a datagram of %zu bytes is too large to be protected, and is "
				 "lost", (size_t)n);
		return;
	}
	if (security_wrap(security, a->in, (size_t)n, &token) == 0) {
		head = gssapi_put_header(a->message, GSSAPI_HEADER_LEN, GSSAPI_ENCAPSULATED,
					 token.len);
		if (head > 0) {
			memcpy(a->message + head, token.at, token.len);
			send_on(a->far, a->message, (size_t)head + token.len);
		}
	}
	token_release(&token);
}

static void go_back(struct association *a)
{
	struct security *security = &a->up->security;
	ssize_t n = recv(a->far, a->in, sizeof(a->in), 0);
	struct token plain;
	const uint8_t *token;
	size_t len;

	if (n < 0 || !a->known)
		return;
	if (security->level == GSSAPI_CLEAR) {
		send_on(a->near, a->in, (size_t)n);
		return;
	}
	/* One datagram is one message. */
	if (gssapi_get_message(a->in, (size_t)n, GSSAPI_ENCAPSULATED, &token, &len) != n ||
	    security_unwrap(security, token, len, &plain) < 0) {
		log_once("broken datagram", "datagrams of the proxy's relay that are broken, "
					    "altered or said twice are dropped");
		return;
	}
	send_on(a->near, plain.at, plain.len);
	token_release(&plain);
}

/* Until one of the connections says anything: there is nothing more to be said but an end. */
static void pass_on(struct association *a, int client)
{
	struct pollfd fds[] = {
		{ .fd = client, .events = POLLIN },
		{ .fd = a->up->fd, .events = POLLIN },
		{ .fd = a->near, .events = POLLIN },
		{ .fd = a->far, .events = POLLIN },
	};

	do {
		if (poll(fds, 4, -1) < 0)
			continue;
		if (fds[2].revents)
			go_forth(a);
		if (fds[3].revents)
			go_back(a);
	} while (!fds[0].revents && !fds[1].revents);
}

/* What the client is told: REP, and where our relay is. */
static uint8_t set_up(struct association *a, struct endpoint *bound)
{
	struct endpoint relay;
	int r = ask(a->up, &relay);

	if (r > 0)
		return (uint8_t)r;
	if (r == 0)
		r = repair(&relay, &a->up->address);
	if (r == 0)
		r = open_far(a, &relay);
	if (r == 0)
		r = open_near(a, bound);
	if (r == 0)
		return SOCKS5_SUCCEEDED;
	log_once("association", "the proxy's answer to UDP ASSOCIATE is of no use: %e", r);
	return SOCKS5_GENERAL_FAILURE;
}

void datagrams_run(int client, struct upstream *up)
{
	struct association *a = calloc(1, sizeof(*a));
	struct endpoint bound = { .kind = ENDPOINT_IPV4 };
	uint8_t reply;

	if (!a) {
		client_reply(client, SOCKS5_GENERAL_FAILURE, NULL, up->deadline_ms);
		return;
	}
	a->up = up;
	a->near = a->far = -1;
	reply = set_up(a, &bound);
	if (client_reply(client, reply, reply ? NULL : &bound, up->deadline_ms) == 0 &&
	    reply == SOCKS5_SUCCEEDED)
		pass_on(a, client);
	if (a->near >= 0)
		close(a->near);
	if (a->far >= 0)
		close(a->far);
	free(a);
}
