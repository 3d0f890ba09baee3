/* SPDX-License-Identifier: MIT */
/*
 * target.c - what would run for a path: can the library get into it?
 *
 * The kernel is asked for the file as exec would look for it, and the file is
 * mapped for a moment: core/elf judges. Scripts are followed to their
 * interpreters. What cannot be executed at all is left to the kernel, whose
 * errno is the program's.
 *
 * No barrier against a program that means to get past: the file may be another
 * one when the kernel opens it. Not seen: interpreters that binfmt_misc names,
 * and what a dynamic loader that is called by its own name is told to run.
 */
#include "preload/target.h"

#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/elf.h"
#include "core/log.h"
#include "core/pathlist.h"
#include "core/sys.h"
#include "core/token.h"
#include "preload/inherit.h"

/* The kernel follows as many interpreters of interpreters. */
enum { DEPTH_MAX = 5 };

/**
 * struct target - a file that would run
 * @dirfd:	as for execveat(2)
 * @path:	likewise
 * @flags:	likewise
 * @fd:		open for reading
 * @st:		of the file
 */
struct target {
	int dirfd;
	const char *path;
	int flags;
	int fd;
	struct stat st;
};

static bool is_descriptor(const struct target *t)
{
	return t->flags & AT_EMPTY_PATH && t->path && !*t->path;
}

static bool is_executable(const struct target *t)
{
	return sys4(SYS_faccessat2, t->dirfd, t->path, X_OK,
		    AT_EACCESS | (t->flags & AT_EMPTY_PATH)) == 0;
}

/* What the program itself has open may be open for execution only (O_PATH). */
static long reopened(int fd)
{
	char name[32];

	log_format(name, sizeof(name), "/proc/self/fd/%d", fd);
	return sys4(SYS_openat, AT_FDCWD, name,
		    O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
}

static long opened(const struct target *t)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

	if (is_descriptor(t))
		return reopened(t->dirfd);
	if (t->flags & AT_SYMLINK_NOFOLLOW)
		flags |= O_NOFOLLOW;
	return sys4(SYS_openat, t->dirfd, t->path, flags, 0);
}

/* --- refusals ------------------------------------------------------------- */

static const char *name_of(const struct target *t)
{
	return is_descriptor(t) ? "a program given by its descriptor" : t->path;
}

static int refuse_unreadable(const struct target *t)
{
	if (!is_executable(t))
		return 0;
	log_once(t->path,
		 "%s: not started: it cannot be read, so nothing tells whether "
		 "it would go past the proxy; chmod +r it", name_of(t));
	return -EACCES;
}

/*
 * Under a guard it may run, if it does not need the network: the kernel refuses it
 * sockets. (An apt that could not run ldconfig would be no use.) Where the guard
 * carries, it has the network, by way of the supervisor.
 */
static int leave_to_guard(const struct target *t, const struct elf *elf)
{
	/* Another libc's loader would stumble over LD_PRELOAD. */
	bool other = elf->kind == ELF_DYNAMIC_MUSL ||
		     elf->kind == ELF_DYNAMIC_OTHER;

	if (token_carried() && !other)
		return 0;
	log_once(t->path,
		 "%s: is %s: it runs without the library, and the guard keeps it "
		 "off the network; socksify %s carries it", name_of(t),
		 elf->go ? "a Go program" : elf_kind_text(elf->kind),
		 other ? "by itself" : "--guard=carry");
	return 0;
}

static int refuse_kind(const struct target *t, const struct elf *elf)
{
	if (!is_executable(t))
		return 0;
	if (token_known())
		return leave_to_guard(t, elf);
	if (elf->kind == ELF_DYNAMIC_GLIBC)
		log_once(t->path,
			 "%s: not started: it is a Go program, which calls the "
			 "kernel past every library and would go past the "
			 "proxy; %s", name_of(t), elf_kind_cure(elf->kind));
	else
		log_once(t->path,
			 "%s: not started: it is %s, so the library cannot be "
			 "loaded into it and it would go past the proxy; %s",
			 name_of(t), elf_kind_text(elf->kind),
			 elf_kind_cure(elf->kind));
	return -EACCES;
}

static int refuse_secure(const struct target *t, enum elf_secure secure)
{
	if (!is_executable(t))
		return 0;
	log_once(t->path,
		 "%s: not started: it %s, so LD_PRELOAD is ignored and it "
		 "would go past the proxy; %s", name_of(t), elf_secure_text(secure),
		 elf_secure_cure(secure));
	return -EACCES;
}

/*
 * After a chroot, or as a user who may not read it: ld.so would go on without.
 */
static int refuse_without_library(const struct target *t, const char *library)
{
	log_once(t->path,
		 "%s: not started: %s cannot be read from here, so it would go "
		 "past the proxy; install the library where every user and "
		 "every root has it", name_of(t), library);
	return -EACCES;
}

/* --- judgement ------------------------------------------------------------ */

/* Set-id bits and capabilities of this file are ignored by the kernel. */
static bool gives_nothing(const struct target *t)
{
	struct statfs fs;

	return sys5(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
	       (sys2(SYS_fstatfs, t->fd, &fs) == 0 &&
		(unsigned long)fs.f_flags & ST_NOSUID);
}

static enum elf_secure judge_rights(const struct target *t)
{
	struct elf_rights rights = {
		.mode = t->st.st_mode,
		.owner = t->st.st_uid,
		.group = t->st.st_gid,
		.uid = (uid_t)sys0(SYS_getuid),
		.euid = (uid_t)sys0(SYS_geteuid),
		.gid = (gid_t)sys0(SYS_getgid),
		.egid = (gid_t)sys0(SYS_getegid),
	};
	enum elf_secure secure;

	rights.capabilities =
		rights.uid != 0 && sys4(SYS_fgetxattr, t->fd,
					"security.capability", NULL, 0) > 0;
	secure = elf_judge(&rights);
	if (secure == ELF_PLAIN || !gives_nothing(t))
		return secure;
	rights.no_new_privs = true;
	return elf_judge(&rights);
}

static int judge(const struct target *t, const struct elf *elf)
{
	enum elf_secure secure;

	/*
	 * A script is its interpreter's; and what is no program at all the
	 * kernel will not start, or by an interpreter that we are not told of.
	 */
	if (elf->kind == ELF_SCRIPT || elf->kind == ELF_NOT_A_PROGRAM)
		return 0;
	if (elf->kind != ELF_DYNAMIC_GLIBC || elf->go)
		return refuse_kind(t, elf);
	secure = judge_rights(t);
	return secure == ELF_PLAIN ? 0 : refuse_secure(t, secure);
}

static int inspect(const struct target *t, struct elf *elf)
{
	size_t size = (size_t)t->st.st_size;
	long p;

	elf->kind = ELF_NOT_A_PROGRAM;
	if (size == 0)
		return 0;
	p = sys6(SYS_mmap, NULL, size, PROT_READ, MAP_PRIVATE, t->fd, 0);
	if (p < 0 && p > -4096)
		return p == -ENOMEM ? -ENOMEM : refuse_unreadable(t);
	elf_inspect(elf, (const void *)p, size);
	sys2(SYS_munmap, p, size);
	return 0;
}

static int look(struct target *t, struct elf *elf)
{
	long rc = sys2(SYS_fstat, t->fd, &t->st);

	elf->kind = ELF_NOT_A_PROGRAM;
	if (rc < 0 || !S_ISREG(t->st.st_mode))
		return 0;
	rc = inspect(t, elf);
	return rc < 0 ? (int)rc : judge(t, elf);
}

/* One file, without what it needs to run. */
static int look_at(struct target *t, struct elf *elf)
{
	long fd = opened(t);
	int rc;

	elf->kind = ELF_NOT_A_PROGRAM;
	if (fd == -EACCES || (fd < 0 && is_descriptor(t) && fd != -EBADF))
		return refuse_unreadable(t);
	if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
		return (int)fd;
	if (fd < 0)
		return 0;
	t->fd = (int)fd;
	rc = look(t, elf);
	sys1(SYS_close, fd);
	return rc;
}

static int check_library(const struct target *t)
{
	const struct envfix *fix = inherit_fix();

	if (!fix)
		return -ENOMEM; /* there was none at the start */
	if (sys3(SYS_faccessat, AT_FDCWD, fix->library, R_OK) == 0)
		return 0;
	return is_executable(t) ? refuse_without_library(t, fix->library) : 0;
}

/* A file, and the interpreters that it needs. */
static int follow(struct target t)
{
	char interpreter[ELF_TEXT_MAX];
	struct elf elf;
	int rc = 0;

	for (int depth = 0; depth <= DEPTH_MAX; depth++) {
		rc = look_at(&t, &elf);
		if (rc < 0 || elf.kind != ELF_SCRIPT)
			break;
		memcpy(interpreter, elf.interpreter, sizeof(interpreter));
		t = (struct target){ .dirfd = AT_FDCWD, .path = interpreter };
	}
	return rc;
}

int target_check_at(int dirfd, const char *path, int flags)
{
	struct target t = { .dirfd = dirfd, .path = path, .flags = flags };
	int rc = follow(t);

	return rc < 0 ? rc : check_library(&t);
}

int target_check(const char *path)
{
	return target_check_at(AT_FDCWD, path, 0);
}

/* --- PATH ----------------------------------------------------------------- */

const char *target_path_list(void)
{
	const char *list = getenv("PATH");

	return list ? list : "/bin:/usr/bin";
}

static bool may_start(const char *path)
{
	struct target t = { .dirfd = AT_FDCWD, .path = path };

	return is_executable(&t) &&
	       sys4(SYS_newfstatat, AT_FDCWD, path, &t.st, 0) == 0 &&
	       S_ISREG(t.st.st_mode);
}

static int check_in(const char *list, const char *name, char *path, size_t size)
{
	while (pathlist_next(&list, name, path, size)) {
		if (may_start(path))
			return target_check(path);
	}
	return 0;
}

int target_check_name(const char *name)
{
	const char *list = target_path_list();
	size_t size = strnlen(list, TARGET_PATH_MAX) + strlen(name) + 2;

	if (strchr(name, '/'))
		return target_check(name);
	if (size > 2 * TARGET_PATH_MAX)
		return 0; /* ENAMETOOLONG */
	return check_in(list, name, alloca(size), size);
}
