/* SPDX-License-Identifier: MIT */
/* client.h - the program's side: the SOCKS5 server that the library of socksify talks to */
#ifndef SOCKSIFY_RELAY_CLIENT_H
#define SOCKSIFY_RELAY_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "core/endpoint.h"
#include "core/socks5.h"

/**
 * struct request - what a program asks for, as it came
 * @bytes:	the message
 * @len:	its length
 * @command:	CMD
 */
struct request {
	uint8_t bytes[SOCKS5_MESSAGE_MAX];
	size_t len;
	uint8_t command;
};

/*
 * Greeting, login and request. 0, or -errno: nobody who knows the secret, or no message
 * that can be; there is nothing to be said to that one.
 */
int client_accept(int fd, const char *username, const char *password,
		  struct request *request, int64_t deadline_ms);

/* The reply, with what is bound, or with nothing (NULL). 0 or -errno. */
int client_reply(int fd, uint8_t reply, const struct endpoint *bound, int64_t deadline_ms);

#endif
