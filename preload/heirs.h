/* SPDX-License-Identifier: MIT */
/* heirs.h - UDP sockets that another program gets, and what they stand for */
#ifndef SOCKSIFY_PRELOAD_HEIRS_H
#define SOCKSIFY_PRELOAD_HEIRS_H

#include <stdbool.h>
#include <stddef.h>

#define HEIRS_VARIABLE "SOCKSIFY_DATAGRAMS"

enum { HEIRS_TEXT_MAX = 1024 };

/*
 * Describes the sockets that a program started now gets, as a variable for its
 * environment, and lets it have their control connections. libc_starts: it is started by
 * libc, which may hand on what is closed on exec. NULL: there are none. Returns text.
 */
const char *heirs_describe(char text[HEIRS_TEXT_MAX], bool libc_starts);

/* The start has failed, or was made: the control connections are ours again. */
void heirs_recall(void);

/* At the start of a program: takes over what value, the variable's, describes. */
void heirs_take(const char *value);

/* fd goes to another process by a message, and came by one. */
void heirs_pass(int fd);
void heirs_receive(int fd);

#endif
