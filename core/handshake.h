/* SPDX-License-Identifier: MIT */
/*
 * handshake.h - the client's side of a SOCKS5 negotiation as a pure machine
 *
 * Bytes in, bytes out: no descriptor, no clock, no allocation, no pointer kept.
 * The struct may live in memory that several processes share.
 */
#ifndef SOCKSIFY_CORE_HANDSHAKE_H
#define SOCKSIFY_CORE_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/endpoint.h"
#include "core/socks5.h"

/* What the machine is at: named by the message that comes next. */
enum handshake_state {
	HANDSHAKE_GREETING,	    /* to send: version, methods; or, pipelined,
				       these and the request */
	HANDSHAKE_METHOD,	    /* to come: the method chosen */
	HANDSHAKE_USERPASS,	    /* to send: RFC 1929 request */
	HANDSHAKE_USERPASS_STATUS, /* to come: RFC 1929 status */
	HANDSHAKE_REQUEST,	    /* to send: command, destination */
	HANDSHAKE_REPLY,	    /* to come: reply, bound address */
	HANDSHAKE_DONE,
	HANDSHAKE_FAILED,
};

/**
 * struct credentials - what authentication methods may be offered
 * @username:	RFC 1929, NUL-terminated, 1..255 octets
 * @password:	likewise; if either is NULL, the method is not offered
 */
struct credentials {
	const char *username;
	const char *password;
};

enum { HANDSHAKE_REASON_MAX = 96 };

/**
 * struct handshake - one negotiation; the fields are handshake.c's own, but
 *		      @state, @error, @reply, @asked, @bound, @destination may be
 *		      read
 * @state:	see above
 * @command:	enum socks5_command
 * @reply:	REP of the reply, once there is one
 * @error:	errno (positive) that tells the program why it failed, else 0
 * @sent:	bytes of the message in the making that went out
 * @left:	bytes of it that do not yet, as handshake_output last told
 * @have:	bytes of the message to come that are in @in
 * @why:	index of the reason for the log
 * @pipelined:	greeting and request are one message
 * @asked:	failed after the request was sent
 * @destination: DST.ADDR and DST.PORT
 * @bound:	BND.ADDR and BND.PORT, once done
 * @in:		the message to come, as far as it is here
 */
struct handshake {
	uint8_t state;
	uint8_t command;
	uint8_t reply;
	uint8_t why;
	bool pipelined;
	bool asked;
	int32_t error;
	uint16_t sent;
	uint16_t left;
	uint16_t have;
	struct endpoint destination;
	struct endpoint bound;
	uint8_t in[SOCKS5_MESSAGE_MAX];
};

/* Starts a negotiation for command to destination. */
void handshake_begin(struct handshake *h, enum socks5_command command,
		     const struct endpoint *destination);

/*
 * Before anything went out: the request follows the greeting in one message,
 * without waiting for the method, of which there is but one then. Where
 * credentials are given this changes nothing, for the method has to be known.
 * Not for servers that take one receive for one message.
 */
void handshake_pipeline(struct handshake *h);

static inline bool handshake_over(const struct handshake *h)
{
	return h->state >= HANDSHAKE_DONE;
}

/* Something is to be sent next (else, if not over, something is to come). */
static inline bool handshake_sends(const struct handshake *h)
{
	return h->state == HANDSHAKE_GREETING ||
	       h->state == HANDSHAKE_USERPASS || h->state == HANDSHAKE_REQUEST;
}

/*
 * What is left to be sent of the message at hand: encoded anew into out each
 * time (SOCKS5_AUTH_MAX bytes of room always do), so that no password is kept
 * in the machine. Returns the number of bytes; 0 if nothing is to be sent, or
 * if the message cannot be made (the state is then HANDSHAKE_FAILED). The same
 * credentials must be given each time. The caller wipes out.
 */
size_t handshake_output(struct handshake *h, const struct credentials *who,
			uint8_t *out, size_t size);

/* n bytes of what handshake_output told last went out. */
void handshake_sent(struct handshake *h, size_t n);

/*
 * How many bytes may be read now: never more than surely belong to the message
 * to come, so what follows it stays in the socket. 0 unless one is to come.
 */
size_t handshake_wants(const struct handshake *h);

/*
 * n bytes came, n no more than handshake_wants said (none beyond are looked
 * at). Decides as soon as what came leaves no choice: a success when it is
 * whole, a failure by its second byte. who tells which methods were offered.
 */
void handshake_received(struct handshake *h, const struct credentials *who,
			const uint8_t *bytes, size_t n);

/*
 * The stream ended: ECONNREFUSED, which is how some servers say every failure.
 * Once the machine is over this changes nothing, so a failing reply that is cut
 * short still counts as that reply.
 */
void handshake_eof(struct handshake *h);

/*
 * The stream broke with this errno (positive), or the time is over (ETIMEDOUT).
 * ECONNRESET and EPIPE are an end of stream to the program: ECONNREFUSED.
 */
void handshake_broken(struct handshake *h, int error);

/*
 * Why it failed, in words for the log, never with credentials; "" if it did
 * not. size HANDSHAKE_REASON_MAX does. Returns text.
 */
const char *handshake_reason(const struct handshake *h, char *text,
			     size_t size);

/* A state's name, for the log. */
const char *handshake_state_name(enum handshake_state state);

#endif
