/* SPDX-License-Identifier: MIT */
/* token.c - how our own sockets pass the guard of the command */
#include "core/token.h"

#include <errno.h>
#include <netinet/in.h>

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

long token_connect(int fd, const void *address, socklen_t len)
{
	long r = sys6(SYS_connect, fd, address, len, 0, 0, token);

	sys_clear_sixth();
	return r;
}

long token_sendmsg(int fd, const struct msghdr *message, int flags)
{
	long r = sys6(SYS_sendmsg, fd, message, flags, 0, 0, token);

	sys_clear_sixth();
	return r;
}

long token_sendmmsg(int fd, struct mmsghdr *messages, unsigned int n, int flags)
{
	long r = sys6(SYS_sendmmsg, fd, messages, n, flags, 0, token);

	sys_clear_sixth();
	return r;
}

long token_getpeername(int fd, void *address, socklen_t *len)
{
	long r = sys6(SYS_getpeername, fd, address, len, 0, 0, token);

	sys_clear_sixth();
	return r;
}

/* The one says of MPTCP that the kernel has none, the other refuses it as any socket. */
bool token_carried(void)
{
	static int carried; /* 0: not asked yet; 1: no; 2: yes */
	int known = __atomic_load_n(&carried, __ATOMIC_RELAXED);
	long fd;

	if (known == 0 && token != 0) {
		fd = sys6(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
			  IPPROTO_MPTCP, 0, 0, 0);
		known = fd == -EPROTONOSUPPORT ? 2 : 1;
		if (fd >= 0)
			sys1(SYS_close, fd);
		__atomic_store_n(&carried, known, __ATOMIC_RELAXED);
	}
	return known == 2;
}
