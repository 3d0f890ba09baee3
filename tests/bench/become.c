// SPDX-License-Identifier: MIT
/*
 * become.c - the least that a command like ours can do
 *
 * become NAME=VALUE... PROGRAM ARGUMENT...: puts the variables into the
 * environment and becomes the program. Its start-up is what is left of the
 * command's when all that the command decides is taken away.
 */
#include "tests/bench/bench.h"

int main(int argc, char **argv)
{
	int i = 1;

	while (i < argc && strchr(argv[i], '=') != NULL)
		putenv(argv[i++]);
	if (i < argc)
		execv(argv[i], &argv[i]);
	die("usage: become NAME=VALUE... PROGRAM ARGUMENT...");
}
