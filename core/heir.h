/* SPDX-License-Identifier: MIT */
/*
 * heir.h - a UDP socket that a program gets with what it stands for, as text
 *
 *	COOKIE,CONTROL,CONTROL-COOKIE,RELAY,PEER;
 *
 * All in hexadecimal, two digits an octet; RELAY and PEER are socket addresses, and empty
 * where there is none.
 */
#ifndef SOCKSIFY_CORE_HEIR_H
#define SOCKSIFY_CORE_HEIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEIR_ADDRESS_MAX = 28 }; /* a struct sockaddr_in6 */

struct heir_address {
	uint8_t bytes[HEIR_ADDRESS_MAX];
	size_t len;
};

/**
 * struct heir - such a socket
 * @cookie:		its SO_COOKIE
 * @control:		the descriptor of its association's control connection
 * @control_cookie:	that one's SO_COOKIE; 0: there is no association
 * @relay:		the association's relay
 * @peer:		whom it is connected to, through the proxy
 */
struct heir {
	uint64_t cookie;
	uint64_t control;
	uint64_t control_cookie;
	struct heir_address relay;
	struct heir_address peer;
};

/* Returns how many characters that are, without a NUL; 0: there is no room for them. */
size_t heir_put(char *to, size_t room, const struct heir *heir);

/* The first of a text, which goes on behind it. False: that is none. */
bool heir_take(const char **text, struct heir *heir);

#endif
