/* SPDX-License-Identifier: MIT */
/*
 * hook_spawn.c - programs that libc starts in a child of its own making
 *
 * That child's exec does not pass us: so the target and the environment are
 * dealt with before. posix_spawn takes an environment; system and popen use the
 * process's, inside libc: where something is missing there, their command first
 * exports it and then becomes the shell that was asked for. (To exchange
 * environ for the time of the call would be seen by the other threads.)
 *
 * Not seen: a file action that changes the directory
 * (posix_spawn_file_actions_addchdir) before a relative path is looked for.
 */
#include <paths.h>
#include <pthread.h>
#include <sys/mman.h>

#include "core/sys.h"
#include "preload/handover.h"
#include "preload/heirs.h"
#include "preload/hooks.h"
#include "preload/inherit.h"
#include "preload/target.h"

struct memory {
	void *at;
	size_t size;
};

static int memory_take(struct memory *memory, size_t size)
{
	long p = sys6(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p < 0 && p > -4096)
		return (int)p;
	memory->at = (void *)p;
	memory->size = size;
	return 0;
}

static void memory_give(void *arg)
{
	const struct memory *memory = arg;

	if (memory->at)
		sys2(SYS_munmap, memory->at, memory->size);
}

/* --- posix_spawn ---------------------------------------------------------- */

/*
 * posix_spawn and its three relatives: the first is a pid's place, or a
 * pidfd's.
 */
typedef int spawn_call(int *out, const char *file,
		       const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const argv[],
		       char *const envp[]);

/* envp repaired, in memory if need be. NULL: there is none to be had. */
static char *const *repaired(char *const *envp, struct memory *memory,
			     char sockets[HEIRS_TEXT_MAX])
{
	struct envfix fix;
	size_t size;

	if (inherit_fix() == NULL)
		return envp;
	fix = *inherit_fix();
	fix.state = heirs_describe(sockets, true);
	size = envfix_size(&fix, envp);
	if (size == 0)
		return envp;
	if (memory_take(memory, size) < 0)
		return NULL;
	return envfix_make(&fix, envp, memory->at);
}

/* An error number, as all of them return. checked: target_check's of file. */
static int spawn(enum real_id id, int checked, int *out, const char *file,
		 const posix_spawn_file_actions_t *actions,
		 const posix_spawnattr_t *attributes, char *const argv[],
		 char *const envp[])
{
	spawn_call *real = (spawn_call *)real_get(id);
	struct memory memory = { 0 };
	char sockets[HEIRS_TEXT_MAX];
	char *const *env;
	int r = ENOMEM;

	if (checked < 0)
		return -checked;
	handover_finish();
	env = repaired(envp, &memory, sockets);
	if (env)
		r = real(out, file, actions, attributes, argv, env);
	memory_give(&memory);
	heirs_recall();
	return r == -1 ? ENOSYS : r; /* this libc does not have it */
}

EXPORT int posix_spawn(pid_t *pid, const char *path,
		       const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const argv[],
		       char *const envp[])
{
	hooks_ready();
	return spawn(REAL_posix_spawn, target_check(path), pid, path, actions,
		     attributes, argv, envp);
}

EXPORT int posix_spawnp(pid_t *pid, const char *file,
			const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attributes, char *const argv[],
			char *const envp[])
{
	hooks_ready();
	return spawn(REAL_posix_spawnp, target_check_name(file), pid, file,
		     actions, attributes, argv, envp);
}

EXPORT int pidfd_spawn(int *pidfd, const char *path,
		       const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const argv[],
		       char *const envp[])
{
	hooks_ready();
	return spawn(REAL_pidfd_spawn, target_check(path), pidfd, path, actions,
		     attributes, argv, envp);
}

EXPORT int pidfd_spawnp(int *pidfd, const char *file,
			const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attributes, char *const argv[],
			char *const envp[])
{
	hooks_ready();
	return spawn(REAL_pidfd_spawnp, target_check_name(file), pidfd, file,
		     actions, attributes, argv, envp);
}

/* --- the shell ------------------------------------------------------------ */

/* A command that first puts the environment right, in memory. */
static const char *wrapped(const char *command, struct memory *memory)
{
	char sockets[HEIRS_TEXT_MAX];
	struct envfix fix;
	struct memory env;
	size_t env_size;
	char **made;

	if (inherit_fix() == NULL)
		return command;
	fix = *inherit_fix();
	fix.state = heirs_describe(sockets, true);
	env_size = envfix_size(&fix, environ);
	if (env_size == 0)
		return command;
	if (memory_take(&env, env_size) < 0)
		return NULL;
	made = envfix_make(&fix, environ, env.at);
	if (memory_take(memory, envfix_command_size(made, environ, command)) ==
	    0)
		envfix_command_make(made, environ, command, memory->at);
	memory_give(&env);
	return memory->at;
}

/* The call is a cancellation point. */
static int run(const char *command, struct memory *memory)
{
	volatile int r;

	pthread_cleanup_push(memory_give, memory);
	r = REAL(system)(command);
	pthread_cleanup_pop(1);
	heirs_recall();
	return r;
}

EXPORT int system(const char *command)
{
	struct memory memory = { 0 };

	hooks_ready();
	if (!command)
		return REAL(system)(command);
	if (target_check(_PATH_BSHELL) < 0)
		return 127 << 8; /* as for a shell that cannot be executed */
	handover_finish();
	command = wrapped(command, &memory);
	return command ? run(command, &memory) : (int)hooks_result(-ENOMEM);
}

static FILE *do_popen(const char *command, const char *mode)
{
	struct memory memory = { 0 };
	FILE *stream = NULL;
	int r;

	hooks_ready();
	r = target_check(_PATH_BSHELL);
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	handover_finish();
	command = wrapped(command, &memory);
	if (command)
		stream = REAL(popen)(command, mode);
	else
		errno = ENOMEM;
	memory_give(&memory);
	heirs_recall();
	return stream;
}

EXPORT FILE *popen(const char *command, const char *mode)
{
	return do_popen(command, mode);
}

EXPORT FILE *_IO_popen(const char *command, const char *mode)
{
	return do_popen(command, mode);
}

/* Commands in words run only where they find all that they need. */
EXPORT int wordexp(const char *words, wordexp_t *out, int flags)
{
	hooks_ready();
	handover_finish();
	if (target_check(_PATH_BSHELL) < 0 ||
	    envfix_size(inherit_fix(), environ) > 0)
		flags |= WRDE_NOCMD;
	return REAL(wordexp)(words, out, flags);
}
