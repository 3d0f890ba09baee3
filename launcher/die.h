/* SPDX-License-Identifier: MIT */
/* die.h - the command's own messages and how it ends without a program */
#ifndef SOCKSIFY_LAUNCHER_DIE_H
#define SOCKSIFY_LAUNCHER_DIE_H

/* How the command ends where the program does not run, as env(1) does. */
enum {
	STATUS_OWN_FAILURE = 125,
	STATUS_CANNOT_RUN = 126,
	STATUS_NOT_FOUND = 127,
};

/*
 * "socksify: " and the text on standard error, always one line: control bytes
 * are shown as '?'. Then exits with status.
 */
void die(int status, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* The same line, and goes on. */
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
