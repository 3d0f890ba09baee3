/* SPDX-License-Identifier: MIT */
/*
 * native.h - a program's own SOCKS5 client, as short as one can be
 *
 * What the library is measured against: CONNECT without authentication, two
 * messages out, two messages in, one system call for each, no copy of
 * anything. A reply is asked for whole at once, which is right for bound
 * addresses of IPv4 alone: the proxy of these measurements gives no other.
 */
#ifndef TESTS_BENCH_NATIVE_H
#define TESTS_BENCH_NATIVE_H

#include "tests/bench/bench.h"

enum { NATIVE_METHOD_LEN = 2, NATIVE_REPLY_LEN = 10, NATIVE_NAME_MAX = 255 };

enum native_state { NATIVE_METHOD, NATIVE_REPLY, NATIVE_DONE };

/**
 * struct native_request - what every connection asks for
 * @bytes:	the request
 * @len:	its length
 */
struct native_request {
	uint8_t bytes[7 + NATIVE_NAME_MAX];
	size_t len;
};

static inline void native_by_address(struct native_request *request,
				     const struct sockaddr_in *to)
{
	memcpy(request->bytes, "\x05\x01\x00\x01", 4);
	memcpy(request->bytes + 4, &to->sin_addr, 4);
	memcpy(request->bytes + 8, &to->sin_port, 2);
	request->len = 10;
}

static inline void native_by_name(struct native_request *request,
				  const char *name, uint16_t port)
{
	size_t len = strlen(name);

	if (len > NATIVE_NAME_MAX)
		die("the name is too long");
	memcpy(request->bytes, "\x05\x01\x00\x03", 4);
	request->bytes[4] = (uint8_t)len;
	memcpy(request->bytes + 5, name, len);
	request->bytes[5 + len] = (uint8_t)(port >> 8);
	request->bytes[6 + len] = (uint8_t)port;
	request->len = 7 + len;
}

static inline void native_send(int fd, const void *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("the proxy does not take a message");
}

static inline void native_receive(int fd, uint8_t *bytes, size_t len)
{
	if (recv(fd, bytes, len, MSG_WAITALL) != (ssize_t)len ||
	    bytes[0] != 5 || bytes[1] != 0)
		die("the proxy does not answer well");
}

static inline void native_greet(int fd)
{
	native_send(fd, "\x05\x01\x00", 3);
}

/* The answer is there (or the socket blocks): one step on from state. */
static inline enum native_state
native_step(int fd, enum native_state state,
	    const struct native_request *request)
{
	uint8_t bytes[NATIVE_REPLY_LEN];

	if (state == NATIVE_METHOD) {
		native_receive(fd, bytes, NATIVE_METHOD_LEN);
		native_send(fd, request->bytes, request->len);
		return NATIVE_REPLY;
	}
	native_receive(fd, bytes, NATIVE_REPLY_LEN);
	return NATIVE_DONE;
}

/* All of it, on a blocking socket that is connected to the proxy. */
static inline void native_negotiate(int fd,
				    const struct native_request *request)
{
	native_greet(fd);
	native_step(fd, NATIVE_METHOD, request);
	native_step(fd, NATIVE_REPLY, request);
}

#endif
