/* SPDX-License-Identifier: MIT */
/*
 * handshake.c - the client's side of a SOCKS5 negotiation as a pure machine
 *
 * Theory of Operation
 *
 * States follow each other as the messages do; those in brackets only if the
 * proxy chose username and password:
 *
 *	GREETING, METHOD, [USERPASS, USERPASS_STATUS,] REQUEST, REPLY, DONE
 *
 * or, pipelined, when one method is offered and so none can be chosen
 *
 *	GREETING (and request), METHOD, REPLY, DONE
 *
 * and every one of them can end in FAILED. In a state that sends, the driver
 * takes handshake_output, sends it with one send(2) and tells handshake_sent
 * how much went; there are servers that take one recv(2) for one message, so
 * nothing is put behind a message unless asked for. A message is encoded again whenever
 * the rest of it is asked for: the machine keeps no password, only how far it
 * got. In a state that receives, the driver reads at most handshake_wants
 * bytes; what follows the reply belongs to the program and stays in the socket.
 *
 * A failure has two faces: the errno that connect(2) shows (error), and the
 * words for the log, of which only a number (why) is kept, since the
 * struct may lie in shared memory. Whoever drives the machine closes or
 * disconnects the socket; it does not wait for the proxy to do so.
 *
 * The struct has no lock: its owner has one.
 */
#include "core/handshake.h"

#include <errno.h>
#include <string.h>

#include "core/log.h"

enum why {
	WHY_NOTHING,
	WHY_REPLY,
	WHY_BROKEN,
	WHY_TIMEOUT,
	WHY_TIMEOUT_PIPELINED,
	WHY_RESET,
	WHY_UNSAYABLE,
	WHY_NOT_SOCKS5,
	WHY_NO_METHOD,
	WHY_NO_METHOD_NO_CREDENTIALS,
	WHY_METHOD_NOT_OFFERED,
	WHY_STATUS_MALFORMED,
	WHY_REJECTED,
	WHY_REPLY_MALFORMED,
	WHY_ADDRESS_TYPE,
	WHY_EOF_AT_GREETING,
	WHY_EOF_AT_USERPASS,
	WHY_EOF_AT_REQUEST,
	WHY_EOF_WITHIN,
};

/* Formats for log_format, with at most the one %x of telling_byte. */
static const char *const reasons[] = {
	[WHY_NOTHING] = "",
	[WHY_TIMEOUT] = "the proxy did not answer in time",
	[WHY_TIMEOUT_PIPELINED] =
		"the proxy did not answer in time "
		"(it may be one that needs \"pipeline no\")",
	[WHY_RESET] = "the proxy reset the connection",
	[WHY_UNSAYABLE] =
		"this destination or password cannot be said in SOCKS5",
	[WHY_NOT_SOCKS5] =
		"that is no SOCKS5 proxy: it answered with byte 0x%x",
	[WHY_NO_METHOD] =
		"no acceptable authentication method: "
		"the proxy takes none of those offered",
	[WHY_NO_METHOD_NO_CREDENTIALS] =
		"no acceptable authentication method offered "
		"(no credentials configured)",
	[WHY_METHOD_NOT_OFFERED] =
		"the proxy chose an authentication method "
		"that was not offered (0x%x)",
	[WHY_STATUS_MALFORMED] =
		"the proxy's answer to the password is malformed: "
		"it begins with byte 0x%x",
	[WHY_REJECTED] = "the proxy rejected the username or password",
	[WHY_REPLY_MALFORMED] =
		"the proxy's reply is malformed: it begins with byte 0x%x",
	[WHY_ADDRESS_TYPE] =
		"the proxy's reply is malformed: it has address type 0x%x",
	[WHY_EOF_AT_GREETING] =
		"the proxy closed the connection at the greeting "
		"(is it a SOCKS5 proxy?)",
	[WHY_EOF_AT_USERPASS] =
		"the proxy closed the connection at the username and password",
	[WHY_EOF_AT_REQUEST] =
		"the proxy closed the connection without a reply",
	[WHY_EOF_WITHIN] =
		"the proxy closed the connection in the middle of an answer",
};

static void fail(struct handshake *h, enum why why, int error)
{
	h->asked = h->state == HANDSHAKE_REPLY;
	h->state = HANDSHAKE_FAILED;
	h->why = (uint8_t)why;
	h->error = error;
}

static void enter(struct handshake *h, enum handshake_state state)
{
	h->state = (uint8_t)state;
	h->sent = 0;
	h->left = 0;
	h->have = 0;
}

void handshake_begin(struct handshake *h, enum socks5_command command,
		     const struct endpoint *destination)
{
	memset(h, 0, sizeof(*h));
	h->command = (uint8_t)command;
	h->destination = *destination;
	enter(h, HANDSHAKE_GREETING);
}

void handshake_pipeline(struct handshake *h)
{
	h->pipelined = true;
}

static bool offers_userpass(const struct credentials *who)
{
	return who && who->username && who->password;
}

static int put_greeting(const struct credentials *who, uint8_t *out,
			size_t size)
{
	/* In this order: some servers take the first that they know. */
	static const uint8_t methods[] = { SOCKS5_METHOD_NONE,
					   SOCKS5_METHOD_USERPASS };

	return socks5_put_greeting(out, size, methods,
				   offers_userpass(who) ? 2 : 1);
}

static int put_request(const struct handshake *h, uint8_t *out, size_t size)
{
	return socks5_put_request(out, size, h->command, &h->destination);
}

static int put_opening(const struct handshake *h, const struct credentials *who,
		       uint8_t *out, size_t size)
{
	int greeting = put_greeting(who, out, size);
	int request;

	if (greeting < 0 || !h->pipelined)
		return greeting;
	request = put_request(h, out + greeting, size - (size_t)greeting);
	return request < 0 ? request : greeting + request;
}

static int put_message(const struct handshake *h,
		       const struct credentials *who, uint8_t *out, size_t size)
{
	switch (h->state) {
	case HANDSHAKE_GREETING:
		return put_opening(h, who, out, size);
	case HANDSHAKE_USERPASS:
		if (!offers_userpass(who))
			return -EINVAL;
		return socks5_put_userpass(out, size, who->username,
					   who->password);
	default:
		return put_request(h, out, size);
	}
}

size_t handshake_output(struct handshake *h, const struct credentials *who,
			uint8_t *out, size_t size)
{
	int len;

	if (!handshake_sends(h))
		return 0;
	if (offers_userpass(who))
		h->pipelined = false;
	len = put_message(h, who, out, size);
	if (len < 0 || h->sent >= len) {
		fail(h, WHY_UNSAYABLE, ECONNREFUSED);
		return 0;
	}
	h->left = (uint16_t)(len - h->sent);
	memmove(out, out + h->sent, h->left);
	return h->left;
}

void handshake_sent(struct handshake *h, size_t n)
{
	if (!handshake_sends(h) || n == 0 || h->left == 0)
		return;
	if (n < h->left) {
		h->sent = (uint16_t)(h->sent + n);
		h->left = (uint16_t)(h->left - n);
		return;
	}
	/* What comes stands behind what was sent, in the enum too. */
	enter(h, h->state + 1);
}

/* Bytes that the message to come has at least, those in h->in counted. */
static size_t needs(const struct handshake *h)
{
	switch (h->state) {
	case HANDSHAKE_METHOD:
	case HANDSHAKE_USERPASS_STATUS:
		return 2;
	case HANDSHAKE_REPLY:
		return socks5_reply_needs(h->in, h->have);
	default:
		return 0;
	}
}

size_t handshake_wants(const struct handshake *h)
{
	size_t whole = needs(h);

	return whole > h->have ? whole - h->have : 0;
}

static void got_method(struct handshake *h, const struct credentials *who)
{
	uint8_t method;
	int rc = socks5_get_method(h->in, h->have, &method);

	if (rc < 0)
		fail(h, WHY_NOT_SOCKS5, ECONNREFUSED);
	else if (rc == 0)
		return;
	else if (method == SOCKS5_METHOD_NONE)
		enter(h, h->pipelined ? HANDSHAKE_REPLY : HANDSHAKE_REQUEST);
	else if (method == SOCKS5_METHOD_USERPASS && offers_userpass(who))
		enter(h, HANDSHAKE_USERPASS);
	else if (method != SOCKS5_METHOD_UNACCEPTABLE)
		fail(h, WHY_METHOD_NOT_OFFERED, ECONNREFUSED);
	else if (offers_userpass(who))
		fail(h, WHY_NO_METHOD, ECONNREFUSED);
	else
		fail(h, WHY_NO_METHOD_NO_CREDENTIALS, ECONNREFUSED);
}

static void got_status(struct handshake *h)
{
	uint8_t status;
	int rc = socks5_get_userpass_status(h->in, h->have, &status);

	if (rc < 0)
		fail(h, WHY_STATUS_MALFORMED, ECONNREFUSED);
	else if (rc > 0 && status != 0)
		fail(h, WHY_REJECTED, ECONNREFUSED);
	else if (rc > 0)
		enter(h, HANDSHAKE_REQUEST);
}

static void got_reply(struct handshake *h)
{
	int rc = socks5_get_reply(h->in, h->have, &h->reply, &h->bound);

	/* EPROTO is no errno of connect(2): the program sees a refusal. */
	if (rc < 0 && h->in[0] != SOCKS5_VERSION)
		fail(h, WHY_REPLY_MALFORMED, ECONNREFUSED);
	else if (rc < 0)
		fail(h, WHY_ADDRESS_TYPE, ECONNREFUSED);
	else if (rc > 0 && h->reply != SOCKS5_SUCCEEDED)
		fail(h, WHY_REPLY, socks5_reply_errno(h->reply));
	else if (rc > 0)
		enter(h, HANDSHAKE_DONE);
}

void handshake_received(struct handshake *h, const struct credentials *who,
			const uint8_t *bytes, size_t n)
{
	size_t wants = handshake_wants(h);

	if (n > wants)
		n = wants;
	if (n == 0)
		return;
	memcpy(h->in + h->have, bytes, n);
	h->have = (uint16_t)(h->have + n);
	switch (h->state) {
	case HANDSHAKE_METHOD:
		got_method(h, who);
		break;
	case HANDSHAKE_USERPASS_STATUS:
		got_status(h);
		break;
	default:
		got_reply(h);
		break;
	}
}

void handshake_eof(struct handshake *h)
{
	if (handshake_over(h))
		return;
	if (h->have > 0)
		fail(h, WHY_EOF_WITHIN, ECONNREFUSED);
	else if (h->state <= HANDSHAKE_METHOD)
		fail(h, WHY_EOF_AT_GREETING, ECONNREFUSED);
	else if (h->state <= HANDSHAKE_USERPASS_STATUS)
		fail(h, WHY_EOF_AT_USERPASS, ECONNREFUSED);
	else
		fail(h, WHY_EOF_AT_REQUEST, ECONNREFUSED);
}

void handshake_broken(struct handshake *h, int error)
{
	if (handshake_over(h))
		return;
	if (error == ECONNRESET || error == EPIPE)
		fail(h, WHY_RESET, ECONNREFUSED);
	else if (error == ETIMEDOUT && h->pipelined)
		fail(h, WHY_TIMEOUT_PIPELINED, ETIMEDOUT);
	else if (error == ETIMEDOUT)
		fail(h, WHY_TIMEOUT, ETIMEDOUT);
	else
		fail(h, WHY_BROKEN, error);
}

/* The byte of the last message that came which tells what was wrong. */
static uint8_t telling_byte(const struct handshake *h)
{
	switch (h->why) {
	case WHY_METHOD_NOT_OFFERED:
		return h->in[1];
	case WHY_ADDRESS_TYPE:
		return h->in[3];
	default:
		return h->in[0];
	}
}

const char *handshake_reason(const struct handshake *h, char *text,
			     size_t size)
{
	switch (h->why) {
	case WHY_REPLY:
		log_format(text, size, "the proxy refused: %s (REP %u)",
			   socks5_reply_text(h->reply), h->reply);
		break;
	case WHY_BROKEN:
		log_format(text, size, "the connection to the proxy broke: %e",
			   h->error);
		break;
	default:
		log_format(text, size, reasons[h->why], telling_byte(h));
		break;
	}
	return text;
}

const char *handshake_state_name(enum handshake_state state)
{
	static const char *const names[] = {
		[HANDSHAKE_GREETING] = "greeting",
		[HANDSHAKE_METHOD] = "method",
		[HANDSHAKE_USERPASS] = "username and password",
		[HANDSHAKE_USERPASS_STATUS] = "status",
		[HANDSHAKE_REQUEST] = "request",
		[HANDSHAKE_REPLY] = "reply",
		[HANDSHAKE_DONE] = "done",
		[HANDSHAKE_FAILED] = "failed",
	};

	return names[state];
}
