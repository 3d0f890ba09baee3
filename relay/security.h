/* SPDX-License-Identifier: MIT */
/* security.h - one GSSAPI context: who is who, and what is wrapped; security.c alone knows gssapi.h */
#ifndef SOCKSIFY_RELAY_SECURITY_H
#define SOCKSIFY_RELAY_SECURITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/gssapi.h"

enum { SECURITY_WHY_MAX = 320 };

/**
 * struct token - bytes that the library of GSSAPI has made
 * @at:		NULL: none
 * @len:	how many
 */
struct token {
	uint8_t *at;
	size_t len;
};

/**
 * struct security - one context
 * @context:	the library's; NULL: none yet
 * @target:	the library's name of the service
 * @datagrams:	what is wrapped may be lost and change its order on the way
 * @level:	what both sides have agreed on
 * @required:	the least that will do, for each message that comes
 * @room:	the most bytes that one message is made of, once there is a level
 * @why:	of the latest failure, for the log: cause and cure
 */
struct security {
	void *context;
	void *target;
	bool datagrams;
	enum gssapi_level level;
	enum gssapi_level required;
	size_t room;
	char why[SECURITY_WHY_MAX];
};

/* 0, or -EACCES where the user has no ticket, with why filled. */
int security_look_for_ticket(char *why, size_t size);

/* Begins with nothing but the name: "SERVICE@HOST". 0 or -EINVAL. To be ended in any case. */
int security_begin(struct security *s, const char *service, bool datagrams,
		   enum gssapi_level required);
void security_end(struct security *s);

/*
 * The next step, with a token of the server's (none: the first). 1: this side is complete,
 * 0: another token of the server's is needed; in both cases out may have one for it. -EACCES
 * where it fails, or ends without what is required.
 */
int security_step(struct security *s, const uint8_t *in, size_t len, struct token *out);

/* That level holds from now on. 0, or -EPROTO where no message could be made. */
int security_agree(struct security *s, enum gssapi_level level);

/* Wraps bytes: as the level says; or, before there is one, for integrity. 0 or -EPROTO. */
int security_wrap(struct security *s, const uint8_t *in, size_t len, struct token *out);

/*
 * Takes the bytes out of a token. -EBADMSG where it was made by somebody else, altered,
 * taken out of its order or said twice, or has less protection than agreed.
 */
int security_unwrap(struct security *s, const uint8_t *in, size_t len, struct token *out);

void token_release(struct token *token);

#endif
