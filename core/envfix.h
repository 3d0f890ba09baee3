/* SPDX-License-Identifier: MIT */
/*
 * envfix.h - the environment that a program gets, repaired
 *
 * Pure: what to add was remembered by the caller, and so was where to write.
 */
#ifndef SOCKSIFY_CORE_ENVFIX_H
#define SOCKSIFY_CORE_ENVFIX_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct envfix - what every program that is started has to find
 * @library:	the absolute path that LD_PRELOAD has to name
 * @kept:	"NAME=value" and NULL at the end: for programs that lack a NAME
 * @state:	"NAME=value" for each of them, whatever it has of that NAME; NULL: none
 */
struct envfix {
	const char *library;
	const char *const *kept;
	const char *state;
};

/*
 * Bytes of memory that the repair of env (NULL: an empty one) needs, or 0: env
 * has all of it already.
 */
size_t envfix_size(const struct envfix *fix, char *const *env);

/*
 * Writes the repaired environment to memory of envfix_size bytes, aligned for
 * pointers, and returns it. LD_PRELOAD names the library exactly once, in the
 * place where a file of its name stood, else first; all other entries keep
 * their order. Variables that are there keep their values. Strings of env and
 * kept are pointed to, not copied.
 */
char **envfix_make(const struct envfix *fix, char *const *env, void *memory);

/*
 * The same for a command of sh(1) that is started with env itself: a command
 * that exports what made, its repair, has besides, and then becomes a shell
 * that runs the given one. Its size with the NUL.
 */
size_t envfix_command_size(char *const *made, char *const *env,
			   const char *command);
void envfix_command_make(char *const *made, char *const *env,
			 const char *command, char *out);

/* entry is "NAME=value" for that name of len characters. */
bool envfix_is(const char *entry, const char *name, size_t len);

#endif
