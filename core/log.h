/* SPDX-License-Identifier: MIT */
/* log.h - levelled lines to standard error or a file; no heap, no stdio */
#ifndef SOCKSIFY_CORE_LOG_H
#define SOCKSIFY_CORE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level {
	LOG_QUIET,	/* nothing (-q) */
	LOG_REFUSAL,	/* what was refused or is wrong, told once a target */
	LOG_CONNECTION, /* one line a connection (-v) */
	LOG_PROTOCOL,	/* each message of the protocol (-vv) */
};

/*
 * Where lines go from now on. path: an absolute file name, appended to (opened
 * and closed for each line, so that no descriptor is held in the program);
 * "stderr" is descriptor 2, as long as it stays the file that it is during
 * this call; NULL is nowhere. The string must outlive its use.
 */
void log_setup(enum log_level level, const char *path);

/* Whether a line of this level would go anywhere: ask before costly arguments. */
bool log_wants(enum log_level level);

/*
 * Writes "socksify: PROGRAM[PID]: " and the text as one line in one write(2).
 * errno is left as it was. Async-signal-safe. Understands %s %c %d %u %x %ld
 * %lu %zu %% and %m (the text of errno value given as an int argument is %e).
 * Control bytes in strings are shown as '?'. Cut at 1,024 bytes.
 */
void log_line(enum log_level level, const char *format, ...)
	__attribute__((cold));

/*
 * As log_line at LOG_REFUSAL, but only the first time in this process that
 * this subject is named (a bounded memory: after 256 subjects the oldest may be
 * told again).
 */
void log_once(const char *subject, const char *format, ...)
	__attribute__((cold));

/*
 * The formatter behind the lines, for other fixed buffers: always terminated,
 * returns the length that was written.
 */
size_t log_format(char *out, size_t size, const char *format, ...);

#endif
