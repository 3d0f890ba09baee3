/* SPDX-License-Identifier: MIT */
/* inspect.c - finds the program and whether the library gets into it */
#include "launcher/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/elf.h"
#include "launcher/die.h"
#include "launcher/guard.h"

/* The kernel follows as many interpreters of interpreters. */
enum { DEPTH_MAX = 5 };

/**
 * struct subject - a file that would run
 * @path:	its path
 * @called:	what messages call it: its path, and the script that needs it
 * @fd:		open for reading
 * @st:		of the file
 * @bytes:	its content
 */
struct subject {
	const char *path;
	const char *called;
	int fd;
	struct stat st;
	const char *bytes;
};

/* --- where it is --------------------------------------------------------- */

static char *join(const char *directory, int len, const char *name)
{
	char *path;

	/* An empty entry of PATH means the current directory. */
	if (asprintf(&path, "%.*s/%s", len ? len : 1, len ? directory : ".",
		     name) < 0)
		die(STATUS_OWN_FAILURE, "looking for %s: out of memory", name);
	return path;
}

/* As exec judges it: by the effective user. */
static bool is_executable(const char *path)
{
	return !faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
}

/*
 * The first executable file of that name in PATH, or NULL. unfit: the first one
 * that is there but cannot be executed, or NULL.
 */
static char *search_path(const char *name, char **unfit)
{
	const char *entry = getenv("PATH");
	struct stat st;
	char *path;
	int len;

	*unfit = NULL;
	for (entry = entry ? entry : _PATH_DEFPATH;; entry += len + 1) {
		bool there;

		len = (int)strcspn(entry, ":");
		path = join(entry, len, name);
		there = !stat(path, &st) && S_ISREG(st.st_mode);
		if (there && is_executable(path))
			return path;
		if (there && !*unfit)
			*unfit = path;
		else
			free(path);
		if (!entry[len])
			return NULL;
	}
}

/* As typed if it is a path, else from PATH, else dies. */
static char *find(const char *name, const char *for_whom)
{
	char *unfit, *path;

	if (strchr(name, '/')) {
		path = strdup(name);
		if (path)
			return path;
		die(STATUS_OWN_FAILURE, "%s: out of memory", name);
	}
	path = *name ? search_path(name, &unfit) : NULL;
	if (path)
		return path;
	if (*name && unfit)
		die(STATUS_CANNOT_RUN, "%s: is not executable; chmod +x it, or "
		    "give another program's path", unfit);
	die(STATUS_NOT_FOUND, "%s'%s' is not found in PATH; check the name or "
	    "give its path", for_whom, name);
}

/* --- what it is ---------------------------------------------------------- */

static void open_subject(struct subject *s)
{
	if (stat(s->path, &s->st) < 0)
		die(errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND :
							  STATUS_CANNOT_RUN,
		    "%s: cannot be run: %s; check the path", s->called,
		    strerror(errno));
	if (!S_ISREG(s->st.st_mode))
		die(STATUS_CANNOT_RUN, "%s: is %s, not a program; check the "
		    "path", s->called,
		    S_ISDIR(s->st.st_mode) ? "a directory" : "a special file");
	if (!is_executable(s->path))
		die(STATUS_CANNOT_RUN, "%s: is not executable; chmod +x it",
		    s->called);
	s->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (s->fd < 0)
		die(STATUS_CANNOT_RUN,
		    "%s: cannot be read (%s), so nothing tells whether it "
		    "would go past the proxy; chmod +r it", s->called,
		    strerror(errno));
	s->bytes = "";
	if (s->st.st_size == 0)
		return;
	s->bytes = mmap(NULL, (size_t)s->st.st_size, PROT_READ, MAP_PRIVATE,
			s->fd, 0);
	if (s->bytes == MAP_FAILED)
		die(STATUS_CANNOT_RUN, "%s: cannot be read: %s; is it whole?",
		    s->called, strerror(errno));
}

static void close_subject(struct subject *s)
{
	if (s->st.st_size)
		munmap((void *)s->bytes, (size_t)s->st.st_size);
	close(s->fd);
}

/* Neither ELF nor "#!": execvp(3) hands it to the shell, if it is text. */
static bool is_for_shell(const struct subject *s)
{
	size_t len = (size_t)s->st.st_size;
	const char *line_end = memchr(s->bytes, '\n', len);
	size_t line_len = line_end ? (size_t)(line_end - s->bytes) : len;

	return !memchr(s->bytes, '\0', line_len);
}

/* Whether the kernel ignores set-id bits and capabilities of this file. */
static bool gives_nothing(const struct subject *s)
{
	struct statvfs fs;

	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
	       (!fstatvfs(s->fd, &fs) && (fs.f_flag & ST_NOSUID));
}

/* Dies if the loader will ignore LD_PRELOAD because of privileges. */
static void check_rights(const struct subject *s)
{
	bool capabilities = fgetxattr(s->fd, "security.capability", NULL,
				      0) > 0;
	bool special = capabilities || (s->st.st_mode & (S_ISUID | S_ISGID));
	struct elf_rights rights = {
		.mode = s->st.st_mode,
		.owner = s->st.st_uid,
		.group = s->st.st_gid,
		.capabilities = capabilities,
		.no_new_privs = special && gives_nothing(s),
		.uid = getuid(),
		.euid = geteuid(),
		.gid = getgid(),
		.egid = getegid(),
	};
	enum elf_secure secure = elf_judge(&rights);

	if (secure != ELF_PLAIN && guard_disarms())
		die(STATUS_CANNOT_RUN,
		    "%s: %s, which the guard takes from it (no_new_privs), and "
		    "without the guard it would go past the proxy; %s",
		    s->called, elf_secure_text(secure),
		    elf_secure_cure(secure));
	if (secure != ELF_PLAIN)
		die(STATUS_CANNOT_RUN,
		    "%s: %s, so LD_PRELOAD is ignored and it would go past the "
		    "proxy; %s", s->called, elf_secure_text(secure),
		    elf_secure_cure(secure));
}

static struct inspected *result;

/* The kernel's filter is for programs of this machine's own ABI. */
static bool may_be_carried(const struct elf *elf)
{
	return elf->kind == ELF_STATIC || elf->kind == ELF_STATIC_GO ||
	       elf->kind == ELF_DYNAMIC_MUSL ||
	       elf->kind == ELF_DYNAMIC_OTHER ||
	       (elf->kind == ELF_DYNAMIC_GLIBC && elf->go);
}

/*
 * Dies if nothing can be loaded into a program of this kind, or to no avail, and it is not
 * to be carried, either.
 */
static void check_kind(const struct subject *s, const struct elf *elf)
{
	if ((elf->kind != ELF_DYNAMIC_GLIBC || elf->go) && may_be_carried(elf) &&
	    guard_wants_carry(false)) {
		guard_check_carry(s->called);
		result->covered = false;
		result->kind = elf->go ? "a Go program" :
					 elf_kind_text(elf->kind);
		result->loads |= elf->kind == ELF_DYNAMIC_MUSL ||
				 elf->kind == ELF_DYNAMIC_OTHER;
		return;
	}
	if (elf->kind != ELF_DYNAMIC_GLIBC)
		die(STATUS_CANNOT_RUN,
		    "%s: is %s, so the library cannot be loaded into it and it "
		    "would go past the proxy; %s", s->called,
		    elf_kind_text(elf->kind), elf_kind_cure(elf->kind));
	if (elf->go)
		die(STATUS_CANNOT_RUN,
		    "%s: is a Go program, which calls the kernel past every "
		    "library and would go past the proxy; %s", s->called,
		    elf_kind_cure(ELF_STATIC_GO));
}

/* --- scripts ------------------------------------------------------------- */

static void look_at(const char *path, const char *called, int depth);

static void look_at_needed(const char *path, const struct subject *script,
			   int depth)
{
	char *called;

	if (asprintf(&called, "%s (which %s needs)", path, script->path) < 0)
		die(STATUS_OWN_FAILURE, "looking at %s: out of memory", path);
	look_at(path, called, depth + 1);
	free(called);
}

/*
 * The program in env's one argument: the whole of it or, after -S, the first
 * word that is neither an option nor NAME=VALUE. NULL: none is named.
 */
static char *program_of_env(char *argument, const struct subject *script)
{
	char *rest = argument, *word;

	if (strncmp(argument, "-S", 2))
		return *argument && *argument != '-' ? argument : NULL;
	rest += 2;
	while ((word = strsep(&rest, " \t"))) {
		if (!strcmp(word, "-i") || !strcmp(word, "-"))
			die(STATUS_CANNOT_RUN,
			    "%s: its first line has env empty the environment, "
			    "so it would go past the proxy; take out %s",
			    script->called, word);
		if (!strcmp(word, "-u") || !strcmp(word, "-C"))
			strsep(&rest, " \t");
		else if (*word && *word != '-' && !strchr(word, '='))
			return word;
	}
	return NULL;
}

static void look_at_script(const struct subject *script, struct elf *elf,
			   int depth)
{
	const char *slash = strrchr(elf->interpreter, '/');
	char *program, *path, *for_whom;

	look_at_needed(elf->interpreter, script, depth);
	if (strcmp(slash ? slash + 1 : elf->interpreter, "env"))
		return;
	program = program_of_env(elf->argument, script);
	if (!program)
		return;
	if (asprintf(&for_whom, "%s: its interpreter ", script->called) < 0)
		die(STATUS_OWN_FAILURE, "looking at %s: out of memory",
		    script->called);
	path = find(program, for_whom);
	look_at_needed(path, script, depth);
	free(for_whom);
	free(path);
}

/* Dies unless what runs for this path is covered. */
static void look_at(const char *path, const char *called, int depth)
{
	struct subject s = { .path = path, .called = called };
	struct elf elf;

	if (depth > DEPTH_MAX)
		die(STATUS_CANNOT_RUN, "%s: is a script of a script of a "
		    "script, too deep for the kernel", called);
	open_subject(&s);
	elf_inspect(&elf, s.bytes, (size_t)s.st.st_size);
	if (elf.kind == ELF_SCRIPT) {
		look_at_script(&s, &elf, depth);
	} else if (elf.kind == ELF_NOT_A_PROGRAM && is_for_shell(&s)) {
		look_at_needed(_PATH_BSHELL, &s, depth);
	} else {
		check_kind(&s, &elf);
		check_rights(&s);
	}
	close_subject(&s);
}

void inspect_program(const char *name, struct inspected *found)
{
	char *path = find(name, "");

	*found = (struct inspected){ .path = path, .covered = true };
	result = found;
	look_at(path, path, 0);
}
