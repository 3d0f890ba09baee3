/* SPDX-License-Identifier: MIT */
/* test_elf.c - programs made by hand, and those of the machine */
#include "core/elf.h"

#include <check.h>
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

#if defined(__x86_64__)
#define MACHINE	      EM_X86_64
#define OTHER_MACHINE EM_AARCH64
#define GLIBC_LOADER  "/lib64/ld-linux-x86-64.so.2"
#else
#define MACHINE	      EM_AARCH64
#define OTHER_MACHINE EM_X86_64
#define GLIBC_LOADER  "/lib/ld-linux-aarch64.so.1"
#endif

/* --- a program made by hand ---------------------------------------------- */

enum { HEADERS_MAX = 8, IMAGE_MAX = 4096, HEADERS_AT = sizeof(Elf64_Ehdr) };

static _Alignas(Elf64_Ehdr) uint8_t image[IMAGE_MAX];
static size_t image_len;
static Elf64_Ehdr *header = (Elf64_Ehdr *)image;

/* An executable with one segment that covers it, at address 0x400000. */
static void begin(uint16_t type)
{
	memset(image, 0, sizeof(image));
	memcpy(header->e_ident, ELFMAG, SELFMAG);
	header->e_ident[EI_CLASS] = ELFCLASS64;
	header->e_ident[EI_DATA] = ELFDATA2LSB;
	header->e_ident[EI_VERSION] = EV_CURRENT;
	header->e_type = type;
	header->e_machine = MACHINE;
	header->e_version = EV_CURRENT;
	header->e_ehsize = sizeof(*header);
	header->e_phoff = HEADERS_AT;
	header->e_phentsize = sizeof(Elf64_Phdr);
	image_len = HEADERS_AT + HEADERS_MAX * sizeof(Elf64_Phdr);
}

static Elf64_Phdr *segment(uint32_t type, uint64_t offset, uint64_t size)
{
	Elf64_Phdr *p = (Elf64_Phdr *)(image + HEADERS_AT) + header->e_phnum++;

	ck_assert_int_le(header->e_phnum, HEADERS_MAX);
	p->p_type = type;
	p->p_offset = offset;
	p->p_filesz = size;
	p->p_memsz = size;
	p->p_vaddr = 0x400000 + offset;
	return p;
}

static uint64_t append(const void *bytes, size_t len)
{
	uint64_t at = image_len;

	ck_assert_uint_le(image_len + len, sizeof(image));
	memcpy(image + image_len, bytes, len);
	image_len += (len + 7) & ~(size_t)7;
	return at;
}

static void begin_static(uint16_t type)
{
	begin(type);
	segment(PT_LOAD, 0, sizeof(image));
}

static void begin_dynamic(const char *loader)
{
	begin_static(ET_DYN);
	segment(PT_INTERP, append(loader, strlen(loader) + 1),
		strlen(loader) + 1);
}

static void add_go_note(void)
{
	static const uint8_t note[] = {
		4,   0,	  0,   0, /* n_namesz */
		3,   0,	  0,   0, /* n_descsz */
		4,   0,	  0,   0, /* n_type: Go's build ID */
		'G', 'o', 0,   0, /* name */
		'i', 'd', '1', 0, /* contents */
	};
	static const uint8_t gnu[] = {
		4,   0,	  0,   0, /* n_namesz */
		5,   0,	  0,   0, /* n_descsz */
		3,   0,	  0,   0, /* n_type: GNU build ID */
		'G', 'N', 'U', 0, 'i', 'd', '2', '3', '4', 0, 0, 0,
	};
	uint64_t at = image_len;

	memcpy(image + image_len, gnu, sizeof(gnu));
	memcpy(image + image_len + sizeof(gnu), note, sizeof(note));
	image_len += sizeof(gnu) + sizeof(note);
	segment(PT_NOTE, at, sizeof(gnu) + sizeof(note));
}

/* Section headers: none, ".go.buildinfo", and the names. */
static void add_go_section(void)
{
	static const char names[] = "\0.shstrtab\0.go.buildinfo";
	uint64_t names_at = append(names, sizeof(names));
	Elf64_Shdr sections[3];

	memset(sections, 0, sizeof(sections));
	sections[1].sh_name = 11;
	sections[2].sh_name = 1;
	sections[2].sh_offset = names_at;
	sections[2].sh_size = sizeof(names);
	header->e_shoff = append(sections, sizeof(sections));
	header->e_shentsize = sizeof(Elf64_Shdr);
	header->e_shnum = 3;
	header->e_shstrndx = 2;
}

/* A shared object without an interpreter that goes by that name. */
static void begin_named(const char *soname)
{
	Elf64_Dyn dynamic[4];
	uint64_t strings, at;

	begin_static(ET_DYN);
	strings = append(soname, strlen(soname) + 1);
	memset(dynamic, 0, sizeof(dynamic));
	dynamic[0].d_tag = DT_SONAME;
	dynamic[1].d_tag = DT_STRTAB;
	dynamic[1].d_un.d_ptr = 0x400000 + strings;
	dynamic[2].d_tag = DT_STRSZ;
	dynamic[2].d_un.d_val = strlen(soname) + 1;
	at = append(dynamic, sizeof(dynamic));
	segment(PT_DYNAMIC, at, sizeof(dynamic));
}

/*
 * From memory of exactly that length: a sanitizer then sees what is read past
 * its end.
 */
static struct elf inspect(const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct elf elf;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, len);
	memset(&elf, 0xa5, sizeof(elf));
	elf_inspect(&elf, copy, len);
	free(copy);
	return elf;
}

static struct elf inspect_image(void)
{
	return inspect(image, sizeof(image));
}

/* --- kinds --------------------------------------------------------------- */

static const struct {
	const char *loader;
	enum elf_kind kind;
} loaders[] = {
	{ GLIBC_LOADER, ELF_DYNAMIC_GLIBC },
	{ "/nix/store/0c7c96-glibc-2.38/lib/ld-linux-x86-64.so.2",
	  ELF_DYNAMIC_GLIBC },
	{ "/lib64/ld-lsb-x86-64.so.3", ELF_DYNAMIC_GLIBC },
	{ "ld-linux-aarch64.so.1", ELF_DYNAMIC_GLIBC },
	{ "/lib/ld-musl-x86_64.so.1", ELF_DYNAMIC_MUSL },
	{ "/opt/ld-linux/ld-musl-aarch64.so.1", ELF_DYNAMIC_MUSL },
	{ "/system/bin/linker64", ELF_DYNAMIC_OTHER },
	{ "/lib/ld64-uClibc.so.1", ELF_DYNAMIC_OTHER },
	{ "/lib/ld-linux.d/loader", ELF_DYNAMIC_OTHER },
};

START_TEST(knows_a_dynamic_program_by_its_loader)
{
	struct elf elf;

	begin_dynamic(loaders[_i].loader);
	elf = inspect_image();
	ck_assert_int_eq(elf.kind, loaders[_i].kind);
	ck_assert_str_eq(elf.interpreter, loaders[_i].loader);
	ck_assert_str_eq(elf.argument, "");
	ck_assert(!elf.go);
	ck_assert(!elf.loader);
}
END_TEST

START_TEST(knows_a_static_program)
{
	struct elf elf;

	begin_static(ET_EXEC);
	elf = inspect_image();
	ck_assert_int_eq(elf.kind, ELF_STATIC);
	ck_assert_str_eq(elf.interpreter, "");
	ck_assert(!elf.go);
}
END_TEST

START_TEST(knows_a_static_pie_by_its_missing_loader)
{
	begin_static(ET_DYN);
	segment(PT_DYNAMIC, 512, 64);
	ck_assert_int_eq(inspect_image().kind, ELF_STATIC);
	begin_named("libsomething.so.1");
	ck_assert_int_eq(inspect_image().kind, ELF_STATIC);
}
END_TEST

START_TEST(knows_a_static_go_program_by_its_note)
{
	struct elf elf;

	begin_static(ET_EXEC);
	add_go_note();
	elf = inspect_image();
	ck_assert_int_eq(elf.kind, ELF_STATIC_GO);
	ck_assert(elf.go);
}
END_TEST

START_TEST(knows_a_static_go_program_by_its_section)
{
	begin_static(ET_EXEC);
	add_go_section();
	ck_assert_int_eq(inspect_image().kind, ELF_STATIC_GO);
}
END_TEST

START_TEST(flags_a_dynamic_go_program)
{
	struct elf elf;

	begin_dynamic(GLIBC_LOADER);
	add_go_note();
	elf = inspect_image();
	ck_assert_int_eq(elf.kind, ELF_DYNAMIC_GLIBC);
	ck_assert(elf.go);
}
END_TEST

START_TEST(knows_a_loader_by_its_name)
{
	struct elf elf;

	begin_named("ld-linux-x86-64.so.2");
	elf = inspect_image();
	ck_assert_int_eq(elf.kind, ELF_DYNAMIC_GLIBC);
	ck_assert(elf.loader);

	begin_named("libc.musl-x86_64.so.1");
	elf = inspect_image();
	ck_assert_int_eq(elf.kind, ELF_DYNAMIC_MUSL);
	ck_assert(elf.loader);

	begin_named("libc.so");
	ck_assert_int_eq(inspect_image().kind, ELF_DYNAMIC_MUSL);
	begin_named("libc.so.6");
	ck_assert_int_eq(inspect_image().kind, ELF_STATIC);
}
END_TEST

START_TEST(knows_a_32_bit_program)
{
	begin_dynamic("/lib/ld-linux.so.2");
	header->e_ident[EI_CLASS] = ELFCLASS32;
	header->e_machine = EM_386;
	ck_assert_int_eq(inspect_image().kind, ELF_OTHER_CLASS);
	ck_assert_int_eq(inspect(image, EI_NIDENT).kind, ELF_OTHER_CLASS);
}
END_TEST

START_TEST(knows_a_program_for_another_machine)
{
	begin_dynamic(GLIBC_LOADER);
	header->e_machine = OTHER_MACHINE;
	ck_assert_int_eq(inspect_image().kind, ELF_OTHER_MACHINE);
	begin_dynamic(GLIBC_LOADER);
	header->e_ident[EI_DATA] = ELFDATA2MSB;
	ck_assert_int_eq(inspect_image().kind, ELF_OTHER_MACHINE);
}
END_TEST

START_TEST(knows_what_is_no_program)
{
	ck_assert_int_eq(inspect("", 0).kind, ELF_NOT_A_PROGRAM);
	ck_assert_int_eq(inspect("echo hello\n", 11).kind, ELF_NOT_A_PROGRAM);
	ck_assert_int_eq(inspect(ELFMAG, 4).kind, ELF_NOT_A_PROGRAM);
	begin_static(ET_REL);
	ck_assert_int_eq(inspect_image().kind, ELF_NOT_A_PROGRAM);
	begin_static(ET_CORE);
	ck_assert_int_eq(inspect_image().kind, ELF_NOT_A_PROGRAM);
	begin(ET_EXEC); /* nothing to load */
	ck_assert_int_eq(inspect_image().kind, ELF_NOT_A_PROGRAM);
	begin_static(ET_EXEC);
	header->e_ident[EI_CLASS] = ELFCLASSNONE;
	ck_assert_int_eq(inspect_image().kind, ELF_NOT_A_PROGRAM);
	begin_static(ET_EXEC);
	header->e_phentsize = 32;
	ck_assert_int_eq(inspect_image().kind, ELF_NOT_A_PROGRAM);
}
END_TEST

/* --- hostile files ------------------------------------------------------- */

static void whole_go_program(void)
{
	begin_dynamic(GLIBC_LOADER);
	add_go_note();
	add_go_section();
}

START_TEST(reads_no_byte_past_a_file_cut_anywhere)
{
	whole_go_program();
	for (size_t len = 0; len <= image_len; len++) {
		struct elf elf = inspect(image, len);

		ck_assert_ptr_nonnull(elf_kind_text(elf.kind));
		if (len < HEADERS_AT + 2 * sizeof(Elf64_Phdr))
			ck_assert_int_ne(elf.kind, ELF_DYNAMIC_GLIBC);
	}
	ck_assert_int_eq(inspect(image, image_len).kind, ELF_DYNAMIC_GLIBC);
	begin_named("ld-linux-x86-64.so.2");
	for (size_t len = 0; len <= image_len; len++)
		inspect(image, len);
}
END_TEST

/* Each byte of the file is in turn one of these. */
static const uint8_t lies[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

START_TEST(survives_a_lie_in_any_byte)
{
	for (int named = 0; named < 2; named++) {
		if (named)
			begin_named("ld-linux-x86-64.so.2");
		else
			whole_go_program();
		for (size_t i = 0; i < image_len; i++) {
			uint8_t truth = image[i];
			struct elf elf;

			image[i] = lies[_i];
			elf = inspect(image, image_len);
			ck_assert_ptr_nonnull(elf_kind_text(elf.kind));
			ck_assert_ptr_nonnull(
				memchr(elf.interpreter, '\0', ELF_TEXT_MAX));
			image[i] = truth;
		}
	}
}
END_TEST

START_TEST(survives_numbers_that_overflow)
{
	static const uint64_t numbers[] = { UINT64_MAX,	    UINT64_MAX - 63,
					    INT64_MAX,	    1ull << 63,
					    IMAGE_MAX,	    IMAGE_MAX - 1,
					    UINT64_MAX - 7, 1ull << 32 };

	for (int i = 0; i < N(numbers); i++) {
		Elf64_Phdr *p;

		whole_go_program();
		p = (Elf64_Phdr *)(image + HEADERS_AT);
		p[1].p_offset = numbers[i];
		p[2].p_offset = numbers[i];
		ck_assert_int_eq(inspect_image().kind, ELF_NOT_A_PROGRAM);
		whole_go_program();
		p[1].p_filesz = numbers[i];
		p[2].p_filesz = numbers[i];
		inspect_image();
		header->e_shoff = numbers[i];
		inspect_image();
		header->e_phoff = numbers[i];
		ck_assert_int_eq(inspect_image().kind, ELF_NOT_A_PROGRAM);

		begin_named("ld-linux-x86-64.so.2");
		p[0].p_vaddr = numbers[i];
		ck_assert_int_eq(inspect_image().kind, ELF_STATIC);
		begin_named("ld-linux-x86-64.so.2");
		p[0].p_offset = numbers[i];
		ck_assert_int_eq(inspect_image().kind, ELF_STATIC);
		begin_named("ld-linux-x86-64.so.2");
		p[1].p_offset = numbers[i];
		ck_assert_int_eq(inspect_image().kind, ELF_STATIC);
	}
}
END_TEST

START_TEST(refuses_a_loaders_name_without_an_end)
{
	Elf64_Phdr *p = (Elf64_Phdr *)(image + HEADERS_AT);

	begin_dynamic(GLIBC_LOADER);
	p[1].p_filesz--;
	ck_assert_int_eq(inspect_image().kind, ELF_NOT_A_PROGRAM);
	p[1].p_filesz = 0;
	ck_assert_int_eq(inspect_image().kind, ELF_NOT_A_PROGRAM);
}
END_TEST

START_TEST(cuts_a_long_loaders_name_but_judges_it_whole)
{
	char name[600];
	struct elf elf;

	memset(name, 'x', sizeof(name));
	name[0] = '/';
	strcpy(name + 500, "/ld-musl-x86_64.so.1");
	begin_dynamic(name);
	elf = inspect_image();
	ck_assert_int_eq(elf.kind, ELF_DYNAMIC_MUSL);
	ck_assert_uint_eq(strlen(elf.interpreter), ELF_TEXT_MAX - 1);
}
END_TEST

/* --- scripts ------------------------------------------------------------- */

static const struct {
	const char *text;
	const char *interpreter; /* NULL: no script */
	const char *argument;
} scripts[] = {
	{ "#!/bin/sh\necho\n", "/bin/sh", "" },
	{ "#!/bin/sh", "/bin/sh", "" },
	{ "#! \t/bin/sh \t\n", "/bin/sh", "" },
	{ "#!/usr/bin/env python3\n", "/usr/bin/env", "python3" },
	{ "#!/usr/bin/env -S a  b \t\nx", "/usr/bin/env", "-S a  b" },
	{ "#!/bin/sh\r\n", "/bin/sh\r", "" },
	{ "#!sh\n", "sh", "" },
	{ "#!\n/bin/sh\n", NULL, NULL },
	{ "#!  \n", NULL, NULL },
	{ "#!", NULL, NULL },
	{ "# !/bin/sh\n", NULL, NULL },
	{ " #!/bin/sh\n", NULL, NULL },
};

START_TEST(reads_a_scripts_first_line)
{
	struct elf elf = inspect(scripts[_i].text, strlen(scripts[_i].text));

	if (!scripts[_i].interpreter) {
		ck_assert_int_eq(elf.kind, ELF_NOT_A_PROGRAM);
		return;
	}
	ck_assert_int_eq(elf.kind, ELF_SCRIPT);
	ck_assert_str_eq(elf.interpreter, scripts[_i].interpreter);
	ck_assert_str_eq(elf.argument, scripts[_i].argument);
}
END_TEST

START_TEST(reads_as_much_of_a_script_as_the_kernel)
{
	char text[400];
	struct elf elf;

	memset(text, 'x', sizeof(text));
	memcpy(text, "#!/", 3);
	ck_assert_int_eq(inspect(text, sizeof(text)).kind, ELF_NOT_A_PROGRAM);
	text[255] = ' ';
	elf = inspect(text, sizeof(text));
	ck_assert_int_eq(elf.kind, ELF_SCRIPT);
	ck_assert_uint_eq(strlen(elf.interpreter), 253);
	ck_assert_str_eq(elf.argument, "");
	memcpy(text + 3, "bin/sh ", 7);
	elf = inspect(text, sizeof(text));
	ck_assert_str_eq(elf.interpreter, "/bin/sh");
	ck_assert_uint_eq(strlen(elf.argument), 255 - 10);
}
END_TEST

/* --- programs of the machine --------------------------------------------- */

static struct elf inspect_file(const char *path)
{
	struct elf elf = { .kind = ELF_NOT_A_PROGRAM };
	struct stat st;
	void *bytes;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s", path);
	ck_assert_int_eq(fstat(fd, &st), 0);
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert_ptr_ne(bytes, MAP_FAILED);
	close(fd);
	elf_inspect(&elf, bytes, (size_t)st.st_size);
	munmap(bytes, (size_t)st.st_size);
	return elf;
}

START_TEST(knows_this_program_and_its_loader)
{
	struct elf elf = inspect_file("/proc/self/exe");

	ck_assert_int_eq(elf.kind, ELF_DYNAMIC_GLIBC);
	ck_assert(!elf.loader);
	ck_assert(!elf.go);

	elf = inspect_file(elf.interpreter);
	ck_assert_int_eq(elf.kind, ELF_DYNAMIC_GLIBC);
	ck_assert(elf.loader);
}
END_TEST

START_TEST(knows_programs_of_the_machine)
{
	ck_assert_int_eq(inspect_file("/bin/true").kind, ELF_DYNAMIC_GLIBC);
	ck_assert_int_eq(inspect_file("/bin/sh").kind, ELF_DYNAMIC_GLIBC);
	ck_assert_int_eq(inspect_file("/etc/passwd").kind, ELF_NOT_A_PROGRAM);
	/* glibc's own is static on every distribution that has it */
	if (access("/sbin/ldconfig.real", R_OK) != 0 &&
	    access("/sbin/ldconfig", R_OK) == 0)
		ck_assert_int_eq(inspect_file("/sbin/ldconfig").kind,
				 ELF_STATIC);
}
END_TEST

/* --- privileges ---------------------------------------------------------- */

/* root owns the file, 1000 runs it, unless said otherwise. */
#define USER .uid = 1000, .euid = 1000, .gid = 1000, .egid = 1000

static const struct {
	struct elf_rights rights;
	enum elf_secure secure;
} judged[] = {
	{ { .mode = 0100755, USER }, ELF_PLAIN },
	{ { .mode = 0104755, USER }, ELF_SET_UID },
	{ { .mode = 0104755, .owner = 1000, USER }, ELF_PLAIN },
	{ { .mode = 0104755, .uid = 0, .euid = 0 }, ELF_PLAIN },
	{ { .mode = 0104755, .owner = 33, .uid = 0, .euid = 0 }, ELF_SET_UID },
	{ { .mode = 0104755, .no_new_privs = true, USER }, ELF_PLAIN },
	{ { .mode = 0102755, .group = 42, USER }, ELF_SET_GID },
	{ { .mode = 0102755, .group = 1000, USER }, ELF_PLAIN },
	{ { .mode = 0102745, .group = 42, USER }, ELF_PLAIN },
	{ { .mode = 0102755, .group = 42, .no_new_privs = true, USER },
	  ELF_PLAIN },
	{ { .mode = 0106755, .group = 42, USER }, ELF_SET_UID },
	{ { .mode = 0100755, .capabilities = true, USER }, ELF_CAPABILITIES },
	{ { .mode = 0100755, .capabilities = true, .no_new_privs = true, USER },
	  ELF_PLAIN },
	{ { .mode = 0100755, .capabilities = true, .uid = 0 }, ELF_PLAIN },
	/* a process that runs as another user already */
	{ { .mode = 0100755, .uid = 1000, .euid = 0 }, ELF_SET_UID },
	{ { .mode = 0100755, .gid = 1000, .egid = 8, .no_new_privs = true },
	  ELF_SET_GID },
};

START_TEST(judges_whether_exec_gives_privileges)
{
	ck_assert_int_eq(elf_judge(&judged[_i].rights), judged[_i].secure);
}
END_TEST

static void add_kind_tests(Suite *s)
{
	TCase *t = tcase_create("kind");

	tcase_add_loop_test(t, knows_a_dynamic_program_by_its_loader, 0,
			    N(loaders));
	tcase_add_test(t, knows_a_static_program);
	tcase_add_test(t, knows_a_static_pie_by_its_missing_loader);
	tcase_add_test(t, knows_a_static_go_program_by_its_note);
	tcase_add_test(t, knows_a_static_go_program_by_its_section);
	tcase_add_test(t, flags_a_dynamic_go_program);
	tcase_add_test(t, knows_a_loader_by_its_name);
	tcase_add_test(t, knows_a_32_bit_program);
	tcase_add_test(t, knows_a_program_for_another_machine);
	tcase_add_test(t, knows_what_is_no_program);
	tcase_add_test(t, knows_this_program_and_its_loader);
	tcase_add_test(t, knows_programs_of_the_machine);
	suite_add_tcase(s, t);
}

static void add_hostile_tests(Suite *s)
{
	TCase *t = tcase_create("hostile");

	tcase_add_test(t, reads_no_byte_past_a_file_cut_anywhere);
	tcase_add_loop_test(t, survives_a_lie_in_any_byte, 0, N(lies));
	tcase_add_test(t, survives_numbers_that_overflow);
	tcase_add_test(t, refuses_a_loaders_name_without_an_end);
	tcase_add_test(t, cuts_a_long_loaders_name_but_judges_it_whole);
	suite_add_tcase(s, t);
}

int main(void)
{
	Suite *s = suite_create("elf");
	TCase *script = tcase_create("script");
	TCase *rights = tcase_create("rights");
	SRunner *runner;
	int failed;

	add_kind_tests(s);
	add_hostile_tests(s);
	tcase_add_loop_test(script, reads_a_scripts_first_line, 0, N(scripts));
	tcase_add_test(script, reads_as_much_of_a_script_as_the_kernel);
	suite_add_tcase(s, script);
	tcase_add_loop_test(rights, judges_whether_exec_gives_privileges, 0,
			    N(judged));
	suite_add_tcase(s, rights);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
