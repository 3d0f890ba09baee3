/* SPDX-License-Identifier: MIT */
/* client.c - the program's side: the SOCKS5 server that the library of socksify talks to */
#include "relay/client.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "relay/io.h"

static bool offers(const uint8_t *methods, size_t n, uint8_t method)
{
	return memchr(methods, method, n) != NULL;
}

static int take_greeting(int fd, int64_t deadline_ms)
{
	uint8_t head[2], methods[255];
	uint8_t answer[2] = { SOCKS5_VERSION, SOCKS5_METHOD_USERPASS };
	int r = io_read(fd, head, sizeof(head), deadline_ms);

	if (r == 0 && head[0] != SOCKS5_VERSION)
		r = -EPROTO;
	if (r == 0)
		r = io_read(fd, methods, head[1], deadline_ms);
	if (r < 0)
		return r;
	if (!offers(methods, head[1], SOCKS5_METHOD_USERPASS))
		answer[1] = SOCKS5_METHOD_UNACCEPTABLE;
	r = io_write(fd, answer, sizeof(answer), deadline_ms);
	return answer[1] == SOCKS5_METHOD_USERPASS ? r : -EACCES;
}

/* Takes as long whatever it finds. */
static bool is_same(const uint8_t *a, const uint8_t *b, size_t len)
{
	unsigned int differences = 0;

	for (size_t i = 0; i < len; i++)
		differences |= a[i] ^ b[i];
	return differences == 0;
}

/* What the client has to say is known to the byte, and so is its length. */
static int take_login(int fd, const char *username, const char *password,
		      int64_t deadline_ms)
{
	uint8_t wanted[SOCKS5_AUTH_MAX], in[SOCKS5_AUTH_MAX];
	uint8_t status[2] = { 1, 0 };
	int len = socks5_put_userpass(wanted, sizeof(wanted), username, password);
	int r = len < 0 ? len : io_read(fd, in, (size_t)len, deadline_ms);

	if (r < 0)
		return r;
	status[1] = is_same(in, wanted, (size_t)len) ? 0 : 1;
	r = io_write(fd, status, sizeof(status), deadline_ms);
	return status[1] == 0 ? r : -EACCES;
}

/* A request is as long as a reply of its address type: RFC 1928 sections 4 and 6. */
static int take_request(int fd, struct request *request, int64_t deadline_ms)
{
	uint8_t as_reply[SOCKS5_MESSAGE_MAX];
	int r = 0;

	request->len = 0;
	while (r == 0) {
		size_t needs;

		memcpy(as_reply, request->bytes, request->len);
		if (request->len > 1)
			as_reply[1] = SOCKS5_SUCCEEDED;
		needs = socks5_reply_needs(as_reply, request->len);
		if (needs == request->len)
			break;
		r = io_read(fd, request->bytes + request->len, needs - request->len,
			    deadline_ms);
		request->len = needs;
	}
	if (r == 0 && request->bytes[0] != SOCKS5_VERSION)
		r = -EPROTO;
	request->command = request->bytes[1];
	return r;
}

int client_accept(int fd, const char *username, const char *password,
		  struct request *request, int64_t deadline_ms)
{
	int r = take_greeting(fd, deadline_ms);

	if (r == 0)
		r = take_login(fd, username, password, deadline_ms);
	if (r == 0)
		r = take_request(fd, request, deadline_ms);
	return r;
}

int client_reply(int fd, uint8_t reply, const struct endpoint *bound, int64_t deadline_ms)
{
	static const struct endpoint nothing = { .kind = ENDPOINT_IPV4 };
	uint8_t out[SOCKS5_MESSAGE_MAX];
	/* A reply is a request with REP in the place of CMD. */
	int len = socks5_put_request(out, sizeof(out), SOCKS5_CONNECT,
				     bound ? bound : &nothing);

	if (len < 0)
		return len;
	out[1] = reply;
	return io_write(fd, out, (size_t)len, deadline_ms);
}
