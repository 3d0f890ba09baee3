/* SPDX-License-Identifier: MIT */
/* options.h - what was asked for on the command line */
#ifndef SOCKSIFY_LAUNCHER_OPTIONS_H
#define SOCKSIFY_LAUNCHER_OPTIONS_H

#include "launcher/guard.h"

enum task {
	TASK_RUN,
	TASK_EXPORT_SH,	  /* --export: sh, bash, zsh */
	TASK_EXPORT_FISH, /* --export=fish */
	TASK_VERSION,
	TASK_HELP,
};

enum { VERBOSE_UNSAID = -1 };

/**
 * struct options - the command line
 * @task:	what to do
 * @proxy:	-x, a URL that config_parse_url accepts; NULL: not given
 * @config:	-c, a file; NULL: not given
 * @log:	--log, a file or "stderr"; NULL: not given
 * @timeout:	--timeout, as it was typed; NULL: not given
 * @dns:	--dns, as it was typed; NULL: not given
 * @rules:	-d, --via and -b in the order typed, as SOCKSIFY_RULES has them:
 *		"direct=PATTERN via=PATTERN block=PATTERN", each pattern valid
 * @guard:	--guard or --no-guard
 * @verbose:	0 for -q, 2 for -v, 3 for -vv; VERBOSE_UNSAID: neither
 * @program:	the program and its arguments, NULL-terminated
 */
struct options {
	enum task task;
	const char *proxy;
	const char *config;
	const char *log;
	const char *timeout;
	const char *dns;
	char *rules;
	enum guard guard;
	int verbose;
	char **program;
};

/*
 * Reads the command line as far as the program's name; its options are its own.
 * Dies with one line where something is wrong.
 */
void options_parse(struct options *options, int argc, char **argv);

/* The help, on standard output: one screen of 80 columns and 24 lines. */
void options_help(void);

#endif
