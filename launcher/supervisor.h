/* SPDX-License-Identifier: MIT */
/* supervisor.h - the process between the command and a program that is carried (carry.h) */
#ifndef SOCKSIFY_LAUNCHER_SUPERVISOR_H
#define SOCKSIFY_LAUNCHER_SUPERVISOR_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

/* What the supervisor tells the command. */
enum report_kind {
	REPORT_FAILED,	  /* value: -errno of what, which cannot be had */
	REPORT_STARTED,	  /* the program is about to be */
	REPORT_STOPPED,	  /* value: by this signal */
	REPORT_CONTINUED,
	REPORT_ENDED,	  /* value: as waitpid(2) has it */
	REPORT_ENDED_ALL, /* likewise, and the supervisor ends, too: there is nobody left */
};

struct report {
	enum report_kind kind;
	int value;
	const char *what; /* one of the supervisor's constants: it is a fork */
};

enum { SENT_BY_KERNEL = -1 };

/**
 * struct order - what the command tells the supervisor: a signal that it was sent
 * @signal:	which
 * @sender:	by whom; 0: by somebody in a pid namespace around; SENT_BY_KERNEL
 * @read_ns:	when it was read (CLOCK_MONOTONIC)
 */
struct order {
	int signal;
	pid_t sender;
	int64_t read_ns;
};

/**
 * struct supervision - what a supervisor is to do
 * @command:	to the command: reports out, orders in
 * @path:	the program
 * @argv:	its arguments
 * @caller:	the command's process, for whom the caller takes the program
 * @signals:	the mask that it is started with
 */
struct supervision {
	int command;
	const char *path;
	char **argv;
	pid_t caller;
	sigset_t signals;
};

/* In a child of the command's, with all signals blocked. */
_Noreturn void supervisor_main(const struct supervision *supervision);

/*
 * Has standard input and output lead nowhere, and closes all other descriptors but standard
 * error and these n, in ascending order.
 */
void supervisor_let_go(const int *kept, size_t n);

/* Has standard error lead nowhere, too. */
void supervisor_let_go_stderr(void);

#endif
