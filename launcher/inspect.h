/* SPDX-License-Identifier: MIT */
/* inspect.h - finds the program and whether the library gets into it */
#ifndef SOCKSIFY_LAUNCHER_INSPECT_H
#define SOCKSIFY_LAUNCHER_INSPECT_H

#include <stdbool.h>

/**
 * struct inspected - a program that may run
 * @path:	its file
 * @covered:	LD_PRELOAD will be honoured by what really runs: a script's
 *		interpreter in its place. Else it has to be carried
 * @kind:	what it is, if it is not covered: "statically linked"
 * @loads:	its loader would try to load the library, and must not: it is made
 *		for another libc
 */
struct inspected {
	const char *path;
	bool covered;
	const char *kind;
	bool loads;
};

/*
 * Finds what execvp(3) would run for this name. Dies with cause and cure where
 * it would run past the proxy (STATUS_CANNOT_RUN) or is not there
 * (STATUS_NOT_FOUND).
 */
void inspect_program(const char *name, struct inspected *found);

#endif
