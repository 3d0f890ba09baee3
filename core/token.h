/* SPDX-License-Identifier: MIT */
/*
 * token.h - how our own sockets pass the guard of the command
 *
 * Under the guard (launcher/guard.h) the kernel gives a network socket only to
 * who names the token: a random number, in an argument that socket(2) does not
 * have. The environment carries it to every process of the program.
 */
#ifndef SOCKSIFY_CORE_TOKEN_H
#define SOCKSIFY_CORE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define TOKEN_VARIABLE "SOCKSIFY_TOKEN"

enum { TOKEN_TEXT_SIZE = 17 };

/*
 * Takes the token as the environment has it: 16 hexadecimal digits, not all
 * zero. Anything else, or NULL, means that there is none.
 */
void token_setup(const char *text);

/* Whether there is one; that the kernel asks for it is not said by that. */
bool token_known(void);

/* The text that token_setup reads. */
void token_format(uint64_t value, char out[TOKEN_TEXT_SIZE]);

/*
 * socket(2) with the token, or with nothing there. A descriptor or -errno;
 * async-signal-safe, and as in libc no cancellation point.
 */
long token_socket(int domain, int type, int protocol);

/*
 * connect(2), sendmsg(2) and sendmmsg(2) with the token: under the carrying guard
 * (launcher/carry.h) these go to the kernel, and not to the supervisor, which would
 * take them for the program's own. The result or -errno; likewise.
 */
long token_connect(int fd, const void *address, socklen_t len);
long token_sendmsg(int fd, const struct msghdr *message, int flags);
long token_sendmmsg(int fd, struct mmsghdr *messages, unsigned int n, int flags);

/* getpeername(2), likewise. */
long token_getpeername(int fd, void *address, socklen_t *len);

/*
 * Whether the guard in force carries what escapes the library, and does not deny it: a
 * socket is to be had without the token. Asked of the kernel, once.
 */
bool token_carried(void);

#endif
