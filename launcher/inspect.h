/* SPDX-License-Identifier: MIT */
/* inspect.h - finds the program and whether the library gets into it */
#ifndef SOCKSIFY_LAUNCHER_INSPECT_H
#define SOCKSIFY_LAUNCHER_INSPECT_H

/*
 * The path of the program that execvp(3) would run for this name, once it is
 * sure that LD_PRELOAD will be honoured by what really runs: a script's
 * interpreter is looked at in its place. Dies with cause and cure where it
 * would run past the proxy (STATUS_CANNOT_RUN) or is not there
 * (STATUS_NOT_FOUND).
 */
const char *inspect_program(const char *name);

#endif
