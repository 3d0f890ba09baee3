/* SPDX-License-Identifier: MIT */
/* library.c - where libsocksify.so is, and that ld.so will really load it */
#include "launcher/library.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/elf.h"
#include "launcher/die.h"

/* Room for the ELF header and what it says of segments. */
enum { HEADERS_LEN = 4096 };

static char found[PATH_MAX];

/* Sets found to DIRECTORY/REST if that is there. */
static bool found_at(const char *directory, const char *rest)
{
	int len = snprintf(found, sizeof(found), "%s/%s", directory, rest);

	return len < (int)sizeof(found) && !access(found, F_OK);
}

/* Takes the last component off; what the kernel names has no links or dots. */
static void go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

/* Looks at the places in order; the directory of the command comes first. */
static bool search(void)
{
	static char own[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (len > 0) {
		go_up(own);
		if (found_at(own, LIBRARY_NAME))
			return true;
		go_up(own);
		if (found_at(own, "lib/socksify/" LIBRARY_NAME))
			return true;
	}
	return found_at(SOCKSIFY_LIBDIR, LIBRARY_NAME);
}

/* ld.so splits LD_PRELOAD at blanks and colons and expands $ORIGIN and such. */
static void check_path(void)
{
	const char *bad = strpbrk(found, " :$\t\n");

	if (!bad)
		return;
	die(STATUS_OWN_FAILURE,
	    "%s: the path has a %s, so LD_PRELOAD cannot name it; move or "
	    "install socksify elsewhere", found,
	    *bad == ' '	 ? "space" :
	    *bad == ':'	 ? "colon" :
	    *bad == '$'	 ? "dollar sign" :
			   "control character");
}

/*
 * Whether a file of that size which begins with these bytes is a shared library
 * of this machine's. The section headers end the file, so they show whether
 * it is whole.
 */
static bool is_whole_library(const void *bytes, size_t len, size_t size)
{
	struct elf elf;
	Elf64_Ehdr header;

	elf_inspect(&elf, bytes, len);
	/* "Static" is what a library is: no loader is named in it. */
	if (elf.kind != ELF_STATIC || len < sizeof(header))
		return false;
	memcpy(&header, bytes, sizeof(header));
	return header.e_type == ET_DYN && header.e_shoff <= size &&
	       (size_t)header.e_shnum * header.e_shentsize <=
		       size - header.e_shoff;
}

/*
 * Maps the beginning as ld.so will: that fails here, with a reason, where the
 * file system forbids execution.
 */
static void check_content(void)
{
	const char *cure = "run make or make install again";
	struct stat st;
	size_t size, len;
	void *bytes;
	int fd = open(found, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) < 0)
		die(STATUS_OWN_FAILURE,
		    "%s: cannot read the library: %s; make it readable (chmod "
		    "a+r)", found, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		die(STATUS_OWN_FAILURE, "%s: is no shared library; %s", found,
		    cure);
	size = (size_t)st.st_size;
	len = size < HEADERS_LEN ? size : HEADERS_LEN;
	bytes = mmap(NULL, len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		die(STATUS_OWN_FAILURE,
		    "%s: cannot load the library from there: %s; is the file "
		    "system mounted noexec?", found, strerror(errno));
	if (!is_whole_library(bytes, len, size))
		die(STATUS_OWN_FAILURE,
		    "%s: is no whole shared library for this machine; %s",
		    found, cure);
	munmap(bytes, len);
	close(fd);
}

const char *library_find(void)
{
	if (!search())
		die(STATUS_OWN_FAILURE,
		    "cannot find " LIBRARY_NAME " beside the command or in "
		    SOCKSIFY_LIBDIR "; run make or make install");
	check_path();
	check_content();
	return found;
}
