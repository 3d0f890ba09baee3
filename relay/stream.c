/* SPDX-License-Identifier: MIT */
/* stream.c - the bytes of one connection, wrapped one way and unwrapped the other */
#include "relay/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/log.h"
#include "relay/io.h"

/**
 * struct flow - one direction
 * @from:	where it comes from
 * @to:		where it goes
 * @ended:	@from has ended
 * @closed:	and @to has been told
 * @in:		what has come and is not dealt with
 * @have:	how much of it
 * @out:	what is to be written to @to
 * @sent:	how much of it is
 */
struct flow {
	int from;
	int to;
	bool ended;
	bool closed;
	uint8_t in[GSSAPI_MESSAGE_MAX];
	size_t have;
	struct token out;
	size_t sent;
};

struct stream {
	struct upstream *up;
	struct flow forth; /* from the program to the proxy */
	struct flow back;
	uint8_t message[GSSAPI_MESSAGE_MAX]; /* forth.out points here, and to plain bytes */
};

/* --- bytes of one flow ---------------------------------------------------------------- */

static bool is_written(const struct flow *flow)
{
	return flow->sent == flow->out.len;
}

/* How much there was, 0: nothing now; or -errno. An end is noted. */
static ssize_t fill(struct flow *flow, size_t room)
{
	ssize_t n = recv(flow->from, flow->in + flow->have, room - flow->have, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		flow->ended = true;
	flow->have += (size_t)n;
	return n;
}

static int drain(struct flow *flow)
{
	ssize_t n = send(flow->to, flow->out.at + flow->sent, flow->out.len - flow->sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	flow->sent += (size_t)n;
	return 0;
}

static void hold(struct flow *flow, uint8_t *bytes, size_t len)
{
	flow->out = (struct token){ bytes, len };
	flow->sent = 0;
}

/* --- to the proxy --------------------------------------------------------------------- */

/* What has come, as one message, of which @message keeps the bytes. */
static int wrap(struct stream *s)
{
	struct security *security = &s->up->security;
	struct token token;
	int r = security_wrap(security, s->forth.in, s->forth.have, &token);

	s->forth.have = 0;
	if (r == 0)
		r = gssapi_put_header(s->message, GSSAPI_HEADER_LEN, GSSAPI_ENCAPSULATED,
				      token.len);
	if (r > 0) {
		memcpy(s->message + r, token.at, token.len);
		hold(&s->forth, s->message, (size_t)r + token.len);
	}
	token_release(&token);
	return r < 0 ? r : 0;
}

static int go_forth(struct stream *s)
{
	struct flow *flow = &s->forth;
	ssize_t n = fill(flow, s->up->security.room);

	if (n <= 0)
		return (int)n;
	if (s->up->security.level != GSSAPI_CLEAR)
		return wrap(s);
	memcpy(s->message, flow->in, flow->have);
	hold(flow, s->message, flow->have);
	flow->have = 0;
	return 0;
}

/* --- from the proxy ------------------------------------------------------------------- */

static void release(struct flow *flow)
{
	token_release(&flow->out);
	flow->sent = 0;
}

/* The first message that is here, if a whole one is. 1, 0 or -errno. */
static int unwrap(struct stream *s)
{
	struct flow *flow = &s->back;
	const uint8_t *token;
	size_t len;
	int used = gssapi_get_message(flow->in, flow->have, GSSAPI_ENCAPSULATED, &token, &len);
	int r;

	if (used <= 0)
		return used;
	release(flow);
	r = security_unwrap(&s->up->security, token, len, &flow->out);
	if (r < 0)
		return r;
	flow->have -= (size_t)used;
	memmove(flow->in, flow->in + used, flow->have);
	return 1;
}

static int go_back_plain(struct flow *flow)
{
	ssize_t n = fill(flow, sizeof(flow->in));

	if (n > 0)
		hold(flow, flow->in, flow->have);
	flow->have = 0;
	return n < 0 ? (int)n : 0;
}

/* Those of no content are passed over. */
static int take_next(struct stream *s)
{
	int r;

	do
		r = unwrap(s);
	while (r > 0 && s->back.out.len == 0);
	return r;
}

static int go_back(struct stream *s)
{
	struct flow *flow = &s->back;
	ssize_t n;
	int r;

	if (s->up->security.level == GSSAPI_CLEAR)
		return go_back_plain(flow);
	r = take_next(s);
	if (r != 0)
		return r < 0 ? r : 0;
	n = fill(flow, sizeof(flow->in));
	if (n < 0)
		return (int)n;
	if (flow->ended && flow->have > 0)
		return -EBADMSG; /* the end of a message is missing */
	r = take_next(s);
	return r < 0 ? r : 0;
}

/* --- both ----------------------------------------------------------------------------- */

/* Whether another message may be asked for: one is here already, or may come. */
static bool wants_more(const struct flow *flow)
{
	return is_written(flow) && !flow->ended;
}

static int close_ended(struct flow *flow)
{
	if (flow->ended && !flow->closed && is_written(flow)) {
		flow->closed = true;
		if (shutdown(flow->to, SHUT_WR) < 0)
			return -errno;
	}
	return 0;
}

/* What came before an error is read first, as a program does of its own socket. */
static int step(struct stream *s, const struct pollfd *client, const struct pollfd *proxy)
{
	int r = 0;

	if (!is_written(&s->back) && (client->revents & POLLOUT))
		r = drain(&s->back);
	if (r == 0 && wants_more(&s->back))
		r = go_back(s);
	if (r == 0 && !is_written(&s->forth) && (proxy->revents & POLLOUT))
		r = drain(&s->forth);
	if (r == 0 && wants_more(&s->forth) && client->revents)
		r = go_forth(s);
	if (r == 0)
		r = close_ended(&s->forth);
	if (r == 0)
		r = close_ended(&s->back);
	return r;
}

/*
 * What is waited for at a side that one flow reads from and the other writes to. Where it is
 * nothing the side is heard of all the same, if it breaks; but not once both its ends are
 * shut, for then the kernel never stops to say so.
 */
static void watch(struct pollfd *side, int fd, const struct flow *reads,
		  const struct flow *writes)
{
	side->events = (short)((wants_more(reads) ? POLLIN : 0) |
			       (is_written(writes) ? 0 : POLLOUT));
	side->fd = side->events || !writes->closed ? fd : -1;
	side->revents = 0;
}

static bool is_gone(const struct pollfd *side)
{
	return side->events == 0 && (side->revents & (POLLERR | POLLHUP | POLLNVAL));
}

static int pump(struct stream *s)
{
	struct pollfd fds[2];
	int r = 0;

	while (r == 0 && !(s->forth.closed && s->back.closed)) {
		watch(&fds[0], s->forth.from, &s->forth, &s->back);
		watch(&fds[1], s->forth.to, &s->back, &s->forth);
		if (poll(fds, 2, -1) < 0)
			r = errno == EINTR ? 0 : -errno;
		else if (is_gone(&fds[0]) || is_gone(&fds[1]))
			r = -ECONNRESET;
		else
			r = step(s, &fds[0], &fds[1]);
	}
	return r;
}

static void tell(const struct stream *s, int error)
{
	if (error == -EBADMSG || error == -EPROTO || error == -ECONNABORTED)
		log_once("broken stream",
			 "the proxy: what came from it was broken or altered on the way, and "
			 "the connection is reset: %s",
			 s->up->security.why[0] ? s->up->security.why : "no whole message");
}

void stream_run(int client, struct upstream *up)
{
	struct stream *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		io_reset(client);
		io_reset(up->fd);
		return;
	}
	s->up = up;
	s->forth.from = s->back.to = client;
	s->forth.to = s->back.from = up->fd;
	r = pump(s);
	if (r < 0) {
		tell(s, r);
		io_reset(client);
		io_reset(up->fd);
	}
	if (up->security.level != GSSAPI_CLEAR)
		release(&s->back);
	free(s);
}
