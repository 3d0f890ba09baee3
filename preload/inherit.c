/* SPDX-License-Identifier: MIT */
/*
 * inherit.c - what the programs that this one starts get from us
 *
 * Copies in memory of our own: a program may write over the strings that it was
 * started with (setproctitle does), and it may be gone from its directory by
 * the time that it starts another.
 */
#include "preload/inherit.h"

#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/sys.h"
#include "preload/heirs.h"

/* What else names the proxy, where no variable of ours does. */
static const char *const others[] = { "ALL_PROXY", "all_proxy", "NO_PROXY",
				      "no_proxy" };

static struct envfix fix;

static bool is_among_others(const char *entry)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (envfix_is(entry, others[i], strlen(others[i])))
			return true;
	}
	return false;
}

static bool has_proxy(void)
{
	for (char **entry = environ; *entry; entry++) {
		if (!strncmp(*entry, "SOCKSIFY_PROXY=", 15))
			return true;
	}
	return false;
}

/* Only what a shell takes as a name, too: system() may need it there. */
static bool is_name(const char *entry)
{
	size_t len = strspn(entry, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return entry[len] == '=';
}

static bool is_kept(const char *entry, bool with_others)
{
	if (envfix_is(entry, HEIRS_VARIABLE, strlen(HEIRS_VARIABLE)))
		return false; /* each program gets its own */
	return (!strncmp(entry, "SOCKSIFY_", 9) && is_name(entry)) ||
	       (with_others && is_among_others(entry));
}

static bool is_in(const struct dl_phdr_info *object, uintptr_t address)
{
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD &&
		    address - (object->dlpi_addr + segment->p_vaddr) <
			    segment->p_memsz)
			return true;
	}
	return false;
}

static int look_at(struct dl_phdr_info *object, size_t size, void *file)
{
	(void)size;
	if (!is_in(object, (uintptr_t)&fix))
		return 0;
	*(const char **)file = object->dlpi_name;
	return 1;
}

/*
 * The loader's name of this very file; it may be relative to where we started. dladdr would
 * go through all our symbols to tell it.
 */
static const char *own_file(void)
{
	const char *file = NULL;

	dl_iterate_phdr(look_at, &file);
	return file;
}

/*
 * The directory that file is relative to, with a slash; "" if it is absolute.
 */
static bool base_of(const char *file, char *base, size_t size)
{
	long len;

	base[0] = '\0';
	if (file[0] == '/')
		return true;
	len = sys2(SYS_getcwd, base, size - 1);
	if (len < 2)
		return false;
	memcpy(base + len - 1, "/", 2);
	return true;
}

static char *append(char *at, const char *string)
{
	size_t size = strlen(string) + 1;

	memcpy(at, string, size);
	return at + size;
}

static void remember(const char *base, const char *file, bool with_others)
{
	size_t count = 0, size = strlen(base) + strlen(file) + 1;
	const char **kept;
	char *text;
	long p;

	for (char **entry = environ; *entry; entry++) {
		if (!is_kept(*entry, with_others))
			continue;
		count++;
		size += strlen(*entry) + 1;
	}
	size += (count + 1) * sizeof(*kept);
	p = sys6(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096)
		return;
	kept = (const char **)p;
	fix.kept = kept;
	text = (char *)(kept + count + 1); /* after it, zeroes */
	for (char **entry = environ; *entry; entry++) {
		if (!is_kept(*entry, with_others))
			continue;
		*kept++ = text;
		text = append(text, *entry);
	}
	fix.library = text;
	append(append(text, base) - 1, file);
}

void inherit_setup(void)
{
	const char *file = own_file();
	char base[1024]; /* a path that is longer is no use in LD_PRELOAD */

	if (environ && file && base_of(file, base, sizeof(base)))
		remember(base, file, !has_proxy());
}

const struct envfix *inherit_fix(void)
{
	return fix.library ? &fix : NULL;
}
