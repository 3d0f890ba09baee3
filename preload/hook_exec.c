/* SPDX-License-Identifier: MIT */
/*
 * hook_exec.c - the exec family: what is started finds the library, too
 *
 * libc's forms call each other inside, past us: so each of them is here, and
 * all come down to one system call. That is made directly: a lookup of libc's
 * own would take the loader's lock, and in the child of a fork another thread
 * may have left that locked.
 *
 * A program that cleared its environment gets back what names the library and
 * the proxy. The repaired environment is on the stack, as libc's own argument
 * vectors are: a vfork child that maps memory leaves it to its parent when it
 * is gone.
 */
#include <alloca.h>
#include <limits.h>
#include <paths.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "core/pathlist.h"
#include "core/sys.h"
#include "preload/conn.h"
#include "preload/dgram.h"
#include "preload/handover.h"
#include "preload/heirs.h"
#include "preload/hooks.h"
#include "preload/inherit.h"
#include "preload/target.h"

/* What is larger is mapped: some four thousand variables. */
enum { ON_STACK_MAX = 32768 };

/* What is asked of execveat(2). */
struct start {
	int dirfd;
	const char *path;
	char *const *argv;
	char *const *envp;
	int flags;
};

static int start_with(const struct start *s, char *const *envp)
{
	long r;

	conn_leave();
	if (s->dirfd == AT_FDCWD && s->flags == 0)
		r = sys3(SYS_execve, s->path, s->argv, envp);
	else
		r = sys5(SYS_execveat, s->dirfd, s->path, s->argv, envp,
			 s->flags);
	conn_stay();
	heirs_recall();
	return (int)r;
}

static int start_mapped(const struct start *s, const struct envfix *fix,
			size_t size)
{
	long p = sys6(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r;

	if (p < 0 && p > -4096)
		return -ENOMEM;
	r = start_with(s, envfix_make(fix, s->envp, (void *)p));
	sys2(SYS_munmap, p, size);
	return r;
}

/* -errno, or it does not return. */
static __attribute__((noinline)) int start(const struct start *s)
{
	char sockets[HEIRS_TEXT_MAX];
	struct envfix fix;
	size_t size;
	int r;

	hooks_ready();
	r = target_check_at(s->dirfd, s->path, s->flags);
	if (r < 0)
		return r;
	handover_finish();
	dgram_leave_exec();
	if (inherit_fix() == NULL)
		return start_with(s, s->envp);
	fix = *inherit_fix();
	fix.state = heirs_describe(sockets, false);
	size = envfix_size(&fix, s->envp);
	if (size == 0)
		return start_with(s, s->envp);
	if (size > ON_STACK_MAX)
		return start_mapped(s, &fix, size);
	return start_with(s, envfix_make(&fix, s->envp, alloca(size)));
}

static int start_path(const char *path, char *const argv[], char *const envp[])
{
	struct start s = { AT_FDCWD, path, argv, envp, 0 };

	return start(&s);
}

/* --- execvp --------------------------------------------------------------- */

/*
 * A file that the kernel does not know how to run is a script of the shell's.
 */
static __attribute__((noinline)) int
start_by_shell(const char *path, char *const argv[], char *const envp[])
{
	size_t n = 0;
	const char **shell;

	while (argv[n])
		n++;
	shell = alloca((n + 3) * sizeof(*shell));
	shell[0] = _PATH_BSHELL;
	shell[1] = path;
	shell[2] = NULL;
	for (size_t i = 1; i < n; i++) {
		shell[i + 1] = argv[i];
		shell[i + 2] = NULL;
	}
	return start_path(_PATH_BSHELL, (char *const *)shell, envp);
}

static int start_file(const char *path, char *const argv[], char *const envp[])
{
	int r = start_path(path, argv, envp);

	return r == -ENOEXEC ? start_by_shell(path, argv, envp) : r;
}

/*
 * Such an entry of PATH does not have it, and the search goes on: as in libc.
 */
static bool is_not_there(int r)
{
	return r == -EACCES || r == -ENOENT || r == -ESTALE ||
	       r == -ENOTDIR || r == -ENODEV || r == -ETIMEDOUT;
}

static __attribute__((noinline)) int
start_found(const char *name, char *const argv[], char *const envp[])
{
	const char *list = target_path_list();
	size_t size = strnlen(list, TARGET_PATH_MAX) + strlen(name) + 2;
	char *path = alloca(size);
	bool denied = false;
	int r = -ENOENT;

	while (pathlist_next(&list, name, path, size)) {
		r = start_file(path, argv, envp);
		if (!is_not_there(r))
			return r;
		denied = denied || r == -EACCES;
	}
	return denied ? -EACCES : r;
}

static int start_name(const char *name, char *const argv[], char *const envp[])
{
	if (!*name)
		return -ENOENT;
	if (strchr(name, '/'))
		return start_file(name, argv, envp);
	if (strnlen(name, NAME_MAX + 1) > NAME_MAX)
		return -ENAMETOOLONG;
	return start_found(name, argv, envp);
}

/* --- arguments that stand in the call ------------------------------------- */

static size_t count_args(const char *arg, va_list *args)
{
	size_t n = 0;

	for (; arg; arg = va_arg(*args, const char *))
		n++;
	return n;
}

/* Leaves args behind the NULL. */
static void take_args(const char **argv, const char *arg, va_list *args)
{
	for (; arg; arg = va_arg(*args, const char *))
		*argv++ = arg;
	*argv = NULL;
}

/* --- the hooks ------------------------------------------------------------ */

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	return (int)hooks_result(start_path(path, argv, envp));
}

EXPORT int execv(const char *path, char *const argv[])
{
	return (int)hooks_result(start_path(path, argv, environ));
}

EXPORT int execvp(const char *name, char *const argv[])
{
	return (int)hooks_result(start_name(name, argv, environ));
}

EXPORT int execvpe(const char *name, char *const argv[], char *const envp[])
{
	return (int)hooks_result(start_name(name, argv, envp));
}

EXPORT int execveat(int dirfd, const char *path, char *const argv[],
		    char *const envp[], int flags)
{
	struct start s = { dirfd, path, argv, envp, flags };

	return (int)hooks_result(start(&s));
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	struct start s = { fd, "", argv, envp, AT_EMPTY_PATH };

	if (fd < 0)
		return (int)hooks_result(-EINVAL);
	return (int)hooks_result(start(&s));
}

EXPORT int execl(const char *path, const char *arg, ...)
{
	const char **argv;
	va_list args;

	va_start(args, arg);
	argv = alloca((count_args(arg, &args) + 1) * sizeof(*argv));
	va_end(args);
	va_start(args, arg);
	take_args(argv, arg, &args);
	va_end(args);
	return (int)hooks_result(
		start_path(path, (char *const *)argv, environ));
}

EXPORT int execlp(const char *name, const char *arg, ...)
{
	const char **argv;
	va_list args;

	va_start(args, arg);
	argv = alloca((count_args(arg, &args) + 1) * sizeof(*argv));
	va_end(args);
	va_start(args, arg);
	take_args(argv, arg, &args);
	va_end(args);
	return (int)hooks_result(
		start_name(name, (char *const *)argv, environ));
}

EXPORT int execle(const char *path, const char *arg, ...)
{
	const char **argv;
	char *const *envp;
	va_list args;

	va_start(args, arg);
	argv = alloca((count_args(arg, &args) + 1) * sizeof(*argv));
	va_end(args);
	va_start(args, arg);
	take_args(argv, arg, &args);
	envp = va_arg(args, char *const *);
	va_end(args);
	return (int)hooks_result(start_path(path, (char *const *)argv, envp));
}
