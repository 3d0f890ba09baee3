// SPDX-License-Identifier: MIT
/*
 * spawn.c - how long programs take from their start to their end
 *
 * spawn ROUNDS COMMAND...: each COMMAND is one argument, words with spaces
 * between; words like NAME=VALUE before the program are put into its
 * environment. In each round each is started once, in turn, and waited for. No
 * shell has a part in it, and posix_spawn does not copy this process. Prints
 * of each what the quickest twentieth took at most, for other work of the machine
 * only ever adds; in nanoseconds, one line.
 */
#include <spawn.h>
#include <sys/wait.h>

#include "tests/bench/bench.h"

enum { WORDS_MAX = 32, COMMANDS_MAX = 16, ROUNDS_MAX = 4096 };

struct command {
	char *words[WORDS_MAX]; /* the program and its arguments */
	char *environment[WORDS_MAX];
	int64_t taken[ROUNDS_MAX];
};

static struct command commands[COMMANDS_MAX];

static void split(struct command *command, char *text)
{
	size_t words = 0, variables = 0;

	command->environment[variables++] = "PATH=/usr/bin:/bin";
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		if (words + variables + 2 > WORDS_MAX)
			die("too many words");
		if (words == 0 && strchr(word, '=') != NULL)
			command->environment[variables++] = word;
		else
			command->words[words++] = word;
	}
	if (words == 0)
		die("a command without a program");
}

static posix_spawn_file_actions_t silence;

static int64_t run(const struct command *command)
{
	int64_t start = wall_ns();
	int status, error;
	pid_t pid;

	error = posix_spawn(&pid, command->words[0], &silence, NULL,
			    command->words, command->environment);
	errno = error;
	if (error != 0)
		die("cannot start %s", command->words[0]);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("%s failed", command->words[0]);
	return wall_ns() - start;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[1]) : 0;
	int n = argc - 2;

	if (rounds < 1 || rounds > ROUNDS_MAX || n > COMMANDS_MAX)
		die("usage: spawn ROUNDS COMMAND...");
	posix_spawn_file_actions_init(&silence);
	posix_spawn_file_actions_addopen(&silence, STDOUT_FILENO, "/dev/null",
					 O_WRONLY, 0);
	for (int i = 0; i < n; i++) {
		split(&commands[i], argv[2 + i]);
		run(&commands[i]);
	}
	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < n; i++)
			commands[i].taken[round] = run(&commands[i]);
	for (int i = 0; i < n; i++) {
		qsort(commands[i].taken, (size_t)rounds, sizeof(int64_t),
		      by_size);
		printf("%lld ", (long long)commands[i].taken[rounds / 20]);
	}
	putchar('\n');
	return 0;
}
