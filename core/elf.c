/* SPDX-License-Identifier: MIT */
/* elf.c - what kind of program a file is, from its bytes */
#include "core/elf.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#error "elf.c: no machine number for this architecture yet"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTE_ORDER_HERE ELFDATA2LSB
#else
#define BYTE_ORDER_HERE ELFDATA2MSB
#endif

/* Bounds on the work that a hostile file can ask for. */
enum {
	PROGRAM_HEADERS_MAX = 512,
	SECTIONS_MAX = 4096,
	NOTES_MAX = 256,
	DYNAMIC_MAX = 1024,
	SCRIPT_MAX = 256, /* linux/binfmts.h: BINPRM_BUF_SIZE */
};

/* Go's note of type 4 holds its build ID (cmd/internal/buildid). */
#define GO_NOTE_TYPE 4

/**
 * struct image - the file, and its header once that is known to be there
 * @bytes:	the file
 * @len:	its length
 * @header:	a copy, as the file need not be aligned
 */
struct image {
	const uint8_t *bytes;
	size_t len;
	Elf64_Ehdr header;
};

/* Copies size bytes at offset to out, or says that they are not all there. */
static bool take(const struct image *image, uint64_t offset, void *out,
		 size_t size)
{
	if (offset > image->len || size > image->len - offset)
		return false;
	memcpy(out, image->bytes + offset, size);
	return true;
}

/*
 * The string at offset, of no more than max bytes with its NUL, or NULL when
 * there is no NUL in time.
 */
static const char *string_at(const struct image *image, uint64_t offset,
			     uint64_t max)
{
	if (offset >= image->len)
		return NULL;
	if (max > image->len - offset)
		max = image->len - offset;
	if (!memchr(image->bytes + offset, '\0', max))
		return NULL;
	return (const char *)image->bytes + offset;
}

static bool program_header(const struct image *image, unsigned int i,
			   Elf64_Phdr *out)
{
	return i < image->header.e_phnum && i < PROGRAM_HEADERS_MAX &&
	       image->header.e_phentsize == sizeof(*out) &&
	       image->header.e_phoff <= image->len &&
	       take(image, image->header.e_phoff + i * sizeof(*out), out,
		    sizeof(*out));
}

static bool find_segment(const struct image *image, uint32_t type,
			 Elf64_Phdr *out)
{
	for (unsigned int i = 0; program_header(image, i, out); i++) {
		if (out->p_type == type)
			return true;
	}
	return false;
}

static bool section_header(const struct image *image, unsigned int i,
			   Elf64_Shdr *out)
{
	return i < image->header.e_shnum && i < SECTIONS_MAX &&
	       image->header.e_shentsize == sizeof(*out) &&
	       image->header.e_shoff <= image->len &&
	       take(image, image->header.e_shoff + i * sizeof(*out), out,
		    sizeof(*out));
}

/* Where in the file the loader finds what it maps at address. */
static bool file_offset(const struct image *image, uint64_t address,
			uint64_t *offset)
{
	Elf64_Phdr segment;

	for (unsigned int i = 0; program_header(image, i, &segment); i++) {
		if (segment.p_type != PT_LOAD || address < segment.p_vaddr ||
		    address - segment.p_vaddr >= segment.p_filesz)
			continue;
		*offset = segment.p_offset + (address - segment.p_vaddr);
		return *offset >= segment.p_offset;
	}
	return false;
}

/* --- Go ------------------------------------------------------------------ */

/* A note's name and contents are padded to four bytes. */
static uint64_t padded(uint32_t size)
{
	return ((uint64_t)size + 3) & ~(uint64_t)3;
}

static bool segment_has_go_note(const struct image *image,
				const Elf64_Phdr *segment)
{
	uint64_t at = segment->p_offset;
	uint64_t left = segment->p_filesz;
	Elf64_Nhdr note;

	for (unsigned int i = 0; i < NOTES_MAX; i++) {
		uint64_t size;
		char name[4];

		if (left < sizeof(note) ||
		    !take(image, at, &note, sizeof(note)))
			return false;
		if (note.n_type == GO_NOTE_TYPE && note.n_namesz == 4 &&
		    take(image, at + sizeof(note), name, sizeof(name)) &&
		    !memcmp(name, "Go\0", 4))
			return true;
		size = sizeof(note) + padded(note.n_namesz) +
		       padded(note.n_descsz);
		if (size > left)
			return false;
		at += size;
		left -= size;
	}
	return false;
}

static bool has_go_note(const struct image *image)
{
	Elf64_Phdr segment;

	for (unsigned int i = 0; program_header(image, i, &segment); i++) {
		if (segment.p_type == PT_NOTE &&
		    segment_has_go_note(image, &segment))
			return true;
	}
	return false;
}

static bool has_go_section(const struct image *image)
{
	Elf64_Shdr names, section;

	if (!section_header(image, image->header.e_shstrndx, &names))
		return false;
	for (unsigned int i = 0; section_header(image, i, &section); i++) {
		const char *name;

		if (section.sh_name >= names.sh_size ||
		    names.sh_offset > image->len)
			continue;
		name = string_at(image, names.sh_offset + section.sh_name,
				 names.sh_size - section.sh_name);
		if (name && (!strcmp(name, ".go.buildinfo") ||
			     !strcmp(name, ".note.go.buildid")))
			return true;
	}
	return false;
}

/* --- loaders ------------------------------------------------------------- */

static bool begins_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* path: of a loader, or its DT_SONAME. */
static enum elf_kind kind_by_loader(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	/* musl's loader and libc are one file, called either. */
	if (begins_with(name, "ld-musl-") || begins_with(name, "libc.musl-") ||
	    !strcmp(name, "libc.so"))
		return ELF_DYNAMIC_MUSL;
	if (begins_with(name, "ld-linux") || begins_with(name, "ld-lsb-") ||
	    begins_with(name, "ld-2."))
		return ELF_DYNAMIC_GLIBC;
	return ELF_DYNAMIC_OTHER;
}

/* The name that a shared object goes by, or NULL. */
static const char *find_soname(const struct image *image)
{
	Elf64_Phdr segment;
	uint64_t strings = 0, strings_size = 0, name = 0, at = 0;
	bool named = false;

	if (!find_segment(image, PT_DYNAMIC, &segment))
		return NULL;
	for (unsigned int i = 0; i < DYNAMIC_MAX; i++) {
		Elf64_Dyn entry;

		if (at >= segment.p_filesz || segment.p_offset > image->len ||
		    !take(image, segment.p_offset + at, &entry,
			  sizeof(entry)) ||
		    entry.d_tag == DT_NULL)
			break;
		at += sizeof(entry);
		if (entry.d_tag == DT_STRTAB)
			strings = entry.d_un.d_ptr;
		if (entry.d_tag == DT_STRSZ)
			strings_size = entry.d_un.d_val;
		if (entry.d_tag == DT_SONAME) {
			name = entry.d_un.d_val;
			named = true;
		}
	}
	if (!named || name >= strings_size ||
	    !file_offset(image, strings, &at) || at > image->len ||
	    name > image->len)
		return NULL;
	return string_at(image, at + name, strings_size - name);
}

static void copy_cut(char *out, const char *text, size_t len)
{
	if (len >= ELF_TEXT_MAX)
		len = ELF_TEXT_MAX - 1;
	memcpy(out, text, len);
	out[len] = '\0';
}

/* --- the kinds ----------------------------------------------------------- */

static void inspect_dynamic(struct elf *elf, const struct image *image,
			    const Elf64_Phdr *segment)
{
	const char *path =
		string_at(image, segment->p_offset, segment->p_filesz);

	/* The kernel refuses it likewise. */
	if (!path || !path[0])
		return;
	elf->kind = kind_by_loader(path);
	copy_cut(elf->interpreter, path, strlen(path));
}

/* Without an interpreter: a static program, or an interpreter itself. */
static void inspect_alone(struct elf *elf, const struct image *image)
{
	const char *soname =
		image->header.e_type == ET_DYN ? find_soname(image) : NULL;
	enum elf_kind loader =
		soname ? kind_by_loader(soname) : ELF_DYNAMIC_OTHER;

	if (loader != ELF_DYNAMIC_OTHER) {
		elf->kind = loader;
		elf->loader = true;
	} else {
		elf->kind = elf->go ? ELF_STATIC_GO : ELF_STATIC;
	}
}

static void inspect_native(struct elf *elf, const struct image *image)
{
	Elf64_Phdr segment;

	if (image->header.e_type != ET_EXEC && image->header.e_type != ET_DYN)
		return;
	if (!find_segment(image, PT_LOAD, &segment))
		return;
	elf->go = has_go_note(image) || has_go_section(image);
	if (find_segment(image, PT_INTERP, &segment))
		inspect_dynamic(elf, image, &segment);
	else
		inspect_alone(elf, image);
}

static void inspect_elf(struct elf *elf, struct image *image)
{
	const uint8_t *ident = image->bytes;

	if (image->len < EI_NIDENT)
		return;
	if (ident[EI_CLASS] == ELFCLASS32) {
		elf->kind = ELF_OTHER_CLASS;
		return;
	}
	if (ident[EI_CLASS] != ELFCLASS64 ||
	    !take(image, 0, &image->header, sizeof(image->header)))
		return;
	if (ident[EI_DATA] != BYTE_ORDER_HERE ||
	    image->header.e_machine != MACHINE) {
		elf->kind = ELF_OTHER_MACHINE;
		return;
	}
	inspect_native(elf, image);
}

static bool ends_line(char c)
{
	return c == '\n' || c == '\0';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * As the kernel's binfmt_script: the interpreter up to a blank, then all the
 * rest as one argument without the blanks around it. A name that the kernel's
 * buffer cuts is none.
 */
static void inspect_script(struct elf *elf, const char *text, size_t len)
{
	size_t end = 2, name, name_end;

	while (end < len && end < SCRIPT_MAX && !ends_line(text[end]))
		end++;
	for (name = 2; name < end && is_blank(text[name]); name++)
		;
	for (name_end = name; name_end < end && !is_blank(text[name_end]);)
		name_end++;
	if (name == name_end || name_end == SCRIPT_MAX)
		return;
	elf->kind = ELF_SCRIPT;
	copy_cut(elf->interpreter, text + name, name_end - name);

	for (name = name_end; name < end && is_blank(text[name]); name++)
		;
	while (end > name && is_blank(text[end - 1]))
		end--;
	copy_cut(elf->argument, text + name, end - name);
}

void elf_inspect(struct elf *elf, const void *file, size_t len)
{
	struct image image = { .bytes = file, .len = len };

	memset(elf, 0, sizeof(*elf));
	elf->kind = ELF_NOT_A_PROGRAM;
	if (len >= SELFMAG && !memcmp(file, ELFMAG, SELFMAG))
		inspect_elf(elf, &image);
	else if (len > 2 && !memcmp(file, "#!", 2))
		inspect_script(elf, file, len);
}

const char *elf_kind_text(enum elf_kind kind)
{
	static const char *const texts[] = {
		[ELF_NOT_A_PROGRAM] = "not a program",
		[ELF_SCRIPT] = "a script",
		[ELF_DYNAMIC_GLIBC] = "dynamically linked",
		[ELF_DYNAMIC_MUSL] = "linked with musl",
		[ELF_DYNAMIC_OTHER] = "linked for another loader than glibc's",
		[ELF_STATIC] = "statically linked",
		[ELF_STATIC_GO] = "a statically linked Go program",
		[ELF_OTHER_CLASS] = "a 32-bit program",
		[ELF_OTHER_MACHINE] = "a program for another processor",
	};

	return texts[kind];
}

const char *elf_kind_cure(enum elf_kind kind)
{
	static const char *const cures[] = {
		[ELF_NOT_A_PROGRAM] = "check the path",
		[ELF_SCRIPT] = "check its interpreter",
		[ELF_DYNAMIC_GLIBC] = "use the program's own proxy settings",
		[ELF_DYNAMIC_MUSL] = "use a build for glibc",
		[ELF_DYNAMIC_OTHER] = "use a build for glibc",
		[ELF_STATIC] = "use a dynamically linked build",
		[ELF_STATIC_GO] = "use the program's own proxy settings",
		[ELF_OTHER_CLASS] = "use a 64-bit build",
		[ELF_OTHER_MACHINE] = "use a build for this machine",
	};

	return cures[kind];
}

/*
 * The kernel's cap_bprm_creds_from_file: ids that differ from the caller's real
 * ones make a program secure, and so do capabilities unless the caller's real
 * user is root, who has them anyway.
 */
enum elf_secure elf_judge(const struct elf_rights *rights)
{
	bool honoured = !rights->no_new_privs;
	uid_t uid = rights->euid;
	gid_t gid = rights->egid;

	if (honoured && (rights->mode & S_ISUID))
		uid = rights->owner;
	/* Without the group's x bit, S_ISGID once meant mandatory locking. */
	if (honoured && (rights->mode & S_ISGID) && (rights->mode & S_IXGRP))
		gid = rights->group;
	if (uid != rights->uid)
		return ELF_SET_UID;
	if (gid != rights->gid)
		return ELF_SET_GID;
	if (honoured && rights->capabilities && rights->uid != 0)
		return ELF_CAPABILITIES;
	return ELF_PLAIN;
}

const char *elf_secure_text(enum elf_secure secure)
{
	static const char *const texts[] = {
		[ELF_PLAIN] = "has no privileges of its own",
		[ELF_SET_UID] = "runs as another user (set-user-ID)",
		[ELF_SET_GID] = "runs as another group (set-group-ID)",
		[ELF_CAPABILITIES] = "has file capabilities",
	};

	return texts[secure];
}

const char *elf_secure_cure(enum elf_secure secure)
{
	static const char *const cures[] = {
		[ELF_PLAIN] = "nothing is wrong with it",
		[ELF_SET_UID] = "run socksify as that user",
		[ELF_SET_GID] = "run socksify with that group",
		[ELF_CAPABILITIES] = "run socksify as root, or copy it without",
	};

	return cures[secure];
}
