/* SPDX-License-Identifier: MIT */
/*
 * elf.h - what kind of program a file is: can the library get into it?
 *
 * Pure: the caller reads or maps the file and asks the kernel about its owner.
 */
#ifndef SOCKSIFY_CORE_ELF_H
#define SOCKSIFY_CORE_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Room for a "#!" line (the kernel reads 256 bytes) or a loader's name. */
enum { ELF_TEXT_MAX = 256 };

enum elf_kind {
	ELF_NOT_A_PROGRAM, /* nothing that the kernel itself can run */
	ELF_SCRIPT,	   /* "#!": see interpreter and argument */
	ELF_DYNAMIC_GLIBC, /* honours LD_PRELOAD; also glibc's ld.so itself */
	ELF_DYNAMIC_MUSL,  /* likewise, with a library made for musl */
	ELF_DYNAMIC_OTHER, /* asks for a loader that is neither */
	ELF_STATIC,	   /* no loader takes part, static-pie too */
	ELF_STATIC_GO,	   /* the same, and made by Go */
	ELF_OTHER_CLASS,   /* a 32-bit program */
	ELF_OTHER_MACHINE, /* 64-bit, for another processor */
};

/**
 * struct elf - what was found
 * @kind:	see above
 * @go:		made by Go: makes system calls of its own, dynamic or not
 * @loader:	is a dynamic loader itself: its arguments name what it runs
 * @interpreter: the loader of a dynamic program, or a script's interpreter; cut
 *		if too long
 * @argument:	the one argument of a script's line, or empty
 */
struct elf {
	enum elf_kind kind;
	bool go;
	bool loader;
	char interpreter[ELF_TEXT_MAX];
	char argument[ELF_TEXT_MAX];
};

/*
 * Looks at a file's len bytes. The whole file, or less of it: what lies past
 * the end counts as absent, at worst a Go program is not known as one.
 */
void elf_inspect(struct elf *elf, const void *file, size_t len);

/*
 * "statically linked", "a 32-bit program", …: to stand behind "is" in a message; and
 * what its user can do about it.
 */
const char *elf_kind_text(enum elf_kind kind);
const char *elf_kind_cure(enum elf_kind kind);

/**
 * struct elf_rights - what decides whether exec gives a program new privileges
 * @mode:	the file's st_mode
 * @owner:	its st_uid
 * @group:	its st_gid
 * @capabilities: it has a security.capability attribute
 * @no_new_privs: the process has PR_SET_NO_NEW_PRIVS, or the file is on a
 *		nosuid mount: all of that is ignored
 * @uid:	the process's real user
 * @euid:	its effective user
 * @gid:	its real group
 * @egid:	its effective group
 */
struct elf_rights {
	mode_t mode;
	uid_t owner;
	gid_t group;
	bool capabilities;
	bool no_new_privs;
	uid_t uid;
	uid_t euid;
	gid_t gid;
	gid_t egid;
};

enum elf_secure {
	ELF_PLAIN,	  /* LD_PRELOAD is honoured */
	ELF_SET_UID,	  /* ignored: runs as another user */
	ELF_SET_GID,	  /* ignored: runs as another group */
	ELF_CAPABILITIES, /* ignored: gains capabilities */
};

/*
 * Whether the kernel would set AT_SECURE, upon which the loader drops
 * LD_PRELOAD. In doubt (capabilities that may turn out to be none) it says so.
 */
enum elf_secure elf_judge(const struct elf_rights *rights);

/* "has file capabilities", …: to stand behind a program's name; and the cure. */
const char *elf_secure_text(enum elf_secure secure);
const char *elf_secure_cure(enum elf_secure secure);

#endif
