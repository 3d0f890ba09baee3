/* SPDX-License-Identifier: MIT */
/* token.c - how our own sockets pass the guard of the command */
#include "core/token.h"

#include "core/sys.h"

static uint64_t token; /* 0: there is none */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

void token_setup(const char *text)
{
	uint64_t value = 0;
	int i;

	token = 0;
	if (text == NULL)
		return;
	for (i = 0; i < TOKEN_TEXT_SIZE - 1 && digit(text[i]) >= 0; i++)
		value = value << 4 | (uint64_t)digit(text[i]);
	if (i == TOKEN_TEXT_SIZE - 1 && text[i] == '\0')
		token = value;
}

bool token_known(void)
{
	return token != 0;
}

void token_format(uint64_t value, char out[TOKEN_TEXT_SIZE])
{
	for (int i = TOKEN_TEXT_SIZE - 2; i >= 0; i--, value >>= 4)
		out[i] = "0123456789abcdef"[value & 0xf];
	out[TOKEN_TEXT_SIZE - 1] = '\0';
}

long token_socket(int domain, int type, int protocol)
{
	long fd = sys6(SYS_socket, domain, type, protocol, 0, 0, token);

	/* A raw call of the program's own must not find it there. */
	sys_clear_sixth();
	return fd;
}
