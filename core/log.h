/* SPDX-License-Identifier: MIT */
/* log.h - levelled lines to standard error or a file; no heap, no stdio */
#ifndef SOCKSIFY_CORE_LOG_H
#define SOCKSIFY_CORE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum { LOG_LINE_MAX = 1024 };

enum log_level {
	LOG_QUIET,	/* nothing (-q) */
	LOG_REFUSAL,	/* what was refused or is wrong, told once a target */
	LOG_CONNECTION, /* one line a connection (-v) */
	LOG_PROTOCOL,	/* each message of the protocol (-vv) */
};

/*
 * Where lines go from now on. path: an absolute file name, appended to (opened
 * and closed for each line, so that no descriptor is held in the program; made
 * with mode 0600); "stderr" is descriptor 2, as long as it stays the file that
 * it is during this call; NULL is nowhere. The string must outlive its use.
 * Not to be called while other threads log.
 */
void log_setup(enum log_level level, const char *path);

/*
 * For who does another's work: lines name the program and the process that this tells, and
 * is asked for only when there is a line. NULL from it, or in its place: this process.
 */
typedef const char *log_speaker(long *pid);
void log_speak_for(log_speaker *speaker);

/* For who must not stand still: a line that standard error has no room for is lost. */
void log_never_wait(void);

/* Whether such a line would go anywhere: ask before costly arguments. */
bool log_wants(enum log_level level);

/*
 * Writes "socksify: PROGRAM[PID]: ", the text as log_format makes it and a
 * newline, with one write(2), and cut at LOG_LINE_MAX bytes. What cannot be
 * written is lost: no retry, no SIGPIPE, errno as it was. Async-signal-safe.
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
 * The formatter behind the lines, for other fixed buffers: always terminated
 * (size at least 1), cut where it no longer fits; returns the length that was
 * written. Conversions: %s %c %d %u %x %ld %lu %zu %%, without flags or widths,
 * and %e, an int with an errno value of either sign, shown as its text
 * ("Connection refused"). In %s and %c, bytes that are control characters or
 * not ASCII become '?'; NULL for %s is "(null)". The compiler's format checks
 * do not know this %e, so no attribute asks for them.
 */
size_t log_format(char *out, size_t size, const char *format, ...);

#endif
