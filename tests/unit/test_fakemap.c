/* SPDX-License-Identifier: MIT */
/* test_fakemap.c - the fake map: layout, sharing, damage, limits */
#include "resolver/fakemap.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "resolver/fakemap_layout.h"
#include "resolver/siphash.h"

/*
 * A child shares the stream on which check is told of its parent's assertions: what it
 * wrote there, killed half-way or beside others, would be noise. So it just ends.
 */
static bool in_child;

#define HOLDS(condition)                       \
	do {                                   \
		if (!in_child)                 \
			ck_assert(condition);  \
		else if (!(condition))         \
			_exit(99);             \
	} while (0)

static pid_t fork_child(void)
{
	pid_t pid = fork();

	in_child = pid == 0;
	return pid;
}

static char directory[256];
static struct config config;

/* Each test runs in a process of its own: its map is not open yet. */
static void make_place(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/fakemap-XXXXXX",
		 tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	memset(&config, 0, sizeof(config));
	memcpy(config.fake4, (uint8_t[]){ 198, 18, 0, 0 }, 4);
	config.fake4_bits = 15;
	memcpy(config.fake6, (uint8_t[]){ 0xfd, 1, 2, 3, 4, 5, 6, 7 }, 8);
	snprintf(config.map_path, sizeof(config.map_path), "%s/map", directory);
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("TMPDIR");
}

static void remove_place(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	HOLDS(system(command) == 0);
}

static struct endpoint named(const char *name)
{
	struct endpoint e = { .port = 0 };

	HOLDS(endpoint_set_name(&e, name, strlen(name)) == 0);
	return e;
}

static struct endpoint literal(const char *text)
{
	struct endpoint e = { .port = 0 };

	HOLDS(endpoint_parse_address(&e, text) == 0);
	return e;
}

/* The address in text, or the errno. */
static const char *address(const char *name, int family)
{
	static char text[ENDPOINT_TEXT_MAX];
	struct endpoint e = named(name), out;
	int rc = fakemap_address(&e, family, &out);

	if (rc < 0)
		return strerrorname_np(-rc);
	HOLDS(out.port == 0);
	inet_ntop(out.kind == ENDPOINT_IPV6 ? AF_INET6 : AF_INET, &out.v4, text,
		  sizeof(text));
	return text;
}

/* What the address in text stands for, "0" if it is no fake, or the errno. */
static const char *name_at(const char *text)
{
	static struct endpoint name;
	struct endpoint e = literal(text);
	int rc;

	e.port = 443;
	rc = fakemap_name(&e, &name);
	if (rc < 0)
		return strerrorname_np(-rc);
	if (rc == 0)
		return "0";
	HOLDS(rc == 1);
	HOLDS(name.kind == ENDPOINT_NAME);
	HOLDS(name.port == 443);
	HOLDS(name.name_len == strlen(name.name));
	return name.name;
}

/* The file, mapped as somebody else would. */
static struct fakemap_file *peek(size_t *size)
{
	struct fakemap_file *file;
	struct stat st;
	int fd = open(config.map_path, O_RDWR);

	ck_assert_int_ge(fd, 0);
	HOLDS(fstat(fd, &st) == 0);
	file = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(file, MAP_FAILED);
	close(fd);
	if (size)
		*size = (size_t)st.st_size;
	return file;
}

static struct fakemap_entry *entry_of(struct fakemap_file *file, uint32_t index)
{
	return &file->pages[index / FAKEMAP_PAGE_ENTRIES]
			.entries[index % FAKEMAP_PAGE_ENTRIES];
}

static uint32_t index_in(const char *v4)
{
	struct endpoint e = literal(v4);

	return (uint32_t)(e.v4[1] & 1) << 16 | (uint32_t)e.v4[2] << 8 | e.v4[3];
}

/* --- layout -------------------------------------------------------------- */

START_TEST(keeps_its_layout)
{
	ck_assert_uint_eq(sizeof(struct fakemap_identity), 32);
	ck_assert_uint_eq(offsetof(struct fakemap_identity, version), 8);
	ck_assert_uint_eq(offsetof(struct fakemap_identity, capacity), 12);
	ck_assert_uint_eq(offsetof(struct fakemap_identity, fake4), 16);
	ck_assert_uint_eq(offsetof(struct fakemap_identity, fake4_bits), 20);
	ck_assert_uint_eq(offsetof(struct fakemap_identity, fake6), 24);
	ck_assert_uint_eq(sizeof(struct fakemap_header), 4096);
	ck_assert_uint_eq(offsetof(struct fakemap_header, key), 32);
	ck_assert_uint_eq(offsetof(struct fakemap_header, backed), 1024);
	ck_assert_uint_eq(sizeof(struct fakemap_entry), 272);
	ck_assert_uint_eq(offsetof(struct fakemap_entry, minute), 8);
	ck_assert_uint_eq(offsetof(struct fakemap_entry, length), 12);
	ck_assert_uint_eq(offsetof(struct fakemap_entry, name), 16);
	ck_assert_uint_eq(sizeof(struct fakemap_page), 4096);
	ck_assert_uint_eq(offsetof(struct fakemap_file, pages), 4096);
}
END_TEST

START_TEST(hashes_as_the_paper_says)
{
	/* SipHash paper, appendix A */
	static const uint64_t key[2] = { 0x0706050403020100,
					 0x0f0e0d0c0b0a0908 };
	uint8_t bytes[15];

	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	ck_assert_uint_eq(siphash(key, bytes, sizeof(bytes)),
			  0xa129ca6149be45e5);
}
END_TEST

START_TEST(writes_the_file_as_laid_out)
{
	struct fakemap_file *file;
	struct fakemap_entry *entry;
	struct stat st;
	size_t size;

	fakemap_setup(&config);
	entry = NULL;
	ck_assert_str_eq(name_at("198.18.0.1"), "ECONNREFUSED");
	file = peek(&size);
	ck_assert_uint_eq(size, 4096 + 8739 * 4096);
	ck_assert_mem_eq(file, "sfakemap", 8);
	ck_assert_uint_eq(file->header.identity.version, 1);
	ck_assert_uint_eq(file->header.identity.capacity, 131072);
	entry = entry_of(file, index_in(address("Example.com", AF_INET)));
	ck_assert_uint_eq(entry->length, 11);
	ck_assert_mem_eq(entry->name, "Example.com", 11);
	ck_assert_uint_eq(entry->tag,
			  siphash(file->header.key, "example.com", 11));
	ck_assert_int_le(labs((long)entry->minute - time(NULL) / 60), 1);
	ck_assert_int_eq(stat(config.map_path, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
	ck_assert_int_le(st.st_blocks, 64);
}
END_TEST

/* --- names and addresses ------------------------------------------------- */

START_TEST(gives_a_name_the_same_address_again)
{
	char first[64];

	fakemap_setup(&config);
	strcpy(first, address("example.com", AF_INET));
	ck_assert_msg(strncmp(first, "198.1", 5) == 0, "%s", first);
	ck_assert_str_eq(address("example.com", AF_INET), first);
	ck_assert_str_eq(address("EXAMPLE.Com", AF_INET), first);
	ck_assert_str_ne(address("example.org", AF_INET), first);
	ck_assert_str_eq(name_at(first), "example.com");
}
END_TEST

START_TEST(keeps_the_first_spelling)
{
	fakemap_setup(&config);
	address("MiXed.example", AF_INET);
	ck_assert_str_eq(name_at(address("mixed.EXAMPLE", AF_INET)),
			 "MiXed.example");
}
END_TEST

START_TEST(uses_one_index_in_both_families)
{
	char v6[64], expected[64];
	uint32_t index;

	fakemap_setup(&config);
	strcpy(v6, address("example.com", AF_INET6));
	index = index_in(address("example.com", AF_INET));
	ck_assert_uint_gt(index, 0);
	snprintf(expected, sizeof(expected), "fd01:203:405:607::%x:%x",
		 index >> 16, index & 0xffff);
	ck_assert_mem_eq(literal(v6).v6, literal(expected).v6, 16);
	ck_assert_str_eq(name_at(v6), "example.com");
}
END_TEST

START_TEST(takes_names_of_any_length)
{
	char name[ENDPOINT_NAME_MAX + 1];

	fakemap_setup(&config);
	for (size_t len = 1; len <= ENDPOINT_NAME_MAX; len++) {
		memset(name, 'a', len);
		name[len] = '\0';
		ck_assert_str_eq(name_at(address(name, AF_INET)), name);
	}
}
END_TEST

START_TEST(refuses_fakes_that_stand_for_nothing)
{
	fakemap_setup(&config);
	address("example.com", AF_INET);
	ck_assert_str_eq(name_at("198.18.0.0"), "ECONNREFUSED");
	ck_assert_str_eq(name_at("fd01:203:405:607::"), "ECONNREFUSED");
	ck_assert_str_eq(name_at("fd01:203:405:607::2:0"), "ECONNREFUSED");
	ck_assert_str_eq(name_at("fd01:203:405:607:1::1"), "ECONNREFUSED");
	ck_assert_str_eq(name_at("fd01:203:405:607:ffff:ffff:ffff:ffff"),
			 "ECONNREFUSED");
	for (int i = 1; i < 200; i++) {
		char text[32];
		struct endpoint name;
		struct endpoint e;

		snprintf(text, sizeof(text), "198.19.%d.%d", i, i);
		e = literal(text);
		ck_assert_int_ne(fakemap_name(&e, &name), 0);
	}
}
END_TEST

START_TEST(leaves_other_addresses_alone)
{
	fakemap_setup(&config);
	ck_assert_str_eq(name_at("198.17.255.255"), "0");
	ck_assert_str_eq(name_at("198.20.0.0"), "0");
	ck_assert_str_eq(name_at("127.0.0.1"), "0");
	ck_assert_str_eq(name_at("255.255.255.255"), "0");
	ck_assert_str_eq(name_at("::1"), "0");
	ck_assert_str_eq(name_at("fd01:203:405:608::1"), "0");
}
END_TEST

START_TEST(refuses_what_is_no_name)
{
	struct endpoint e = { .kind = ENDPOINT_NONE }, out;

	fakemap_setup(&config);
	ck_assert_int_eq(fakemap_address(&e, AF_INET, &out), -EINVAL);
	e = literal("192.0.2.1");
	ck_assert_int_eq(fakemap_address(&e, AF_INET, &out), -EINVAL);
}
END_TEST

START_TEST(leaves_errno_and_descriptors_alone)
{
	int before = dup(0), after;

	close(before);
	errno = 4711;
	fakemap_setup(&config);
	address("example.com", AF_INET);
	name_at("198.18.0.9");
	ck_assert_int_eq(errno, 4711);
	after = dup(0);
	ck_assert_int_eq(after, before);
}
END_TEST

/* --- sharing ------------------------------------------------------------- */

static int wait_for(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(shows_a_later_process_what_an_earlier_one_stored)
{
	char text[64];
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork_child();
	if (pid == 0) {
		const char *at;

		fakemap_setup(&config);
		at = address("example.com", AF_INET);
		_exit(write(ends[1], at, strlen(at) + 1) < 0);
	}
	ck_assert_int_eq(wait_for(pid), 0);
	ck_assert_int_gt(read(ends[0], text, sizeof(text)), 0);
	fakemap_setup(&config);
	ck_assert_str_eq(name_at(text), "example.com");
}
END_TEST

enum { NAMES = 3000, WRITERS = 4, MAKERS = 3 };

/* Waits, without sleeping, until all the makers are here. */
static void meet(uint32_t *arrived, uint32_t all)
{
	__atomic_fetch_add(arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(arrived, __ATOMIC_SEQ_CST) < all)
		sched_yield();
}

struct makers {
	uint32_t ready;
	uint32_t stored;
	char at[MAKERS][64];
};

/* Makes the file, and sees what the others stored in it. */
static int make_and_compare(struct makers *makers, int me)
{
	static const char *const names[MAKERS] = { "a", "b", "c" };

	meet(&makers->ready, MAKERS);
	fakemap_setup(&config);
	strcpy(makers->at[me], address(names[me], AF_INET));
	meet(&makers->stored, MAKERS);
	for (int i = 0; i < MAKERS; i++)
		if (strcmp(name_at(makers->at[i]), names[i]) != 0)
			return 1;
	return 0;
}

START_TEST(agrees_on_the_file_with_processes_that_make_it_at_once)
{
	struct makers *makers =
		mmap(NULL, sizeof(*makers), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (int round = 0; round < 200; round++) {
		pid_t pids[MAKERS];

		memset(makers, 0, sizeof(*makers));
		unlink(config.map_path);
		for (int i = 0; i < MAKERS; i++) {
			pids[i] = fork_child();
			if (pids[i] == 0)
				_exit(make_and_compare(makers, i));
		}
		for (int i = 0; i < MAKERS; i++)
			ck_assert_int_eq(wait_for(pids[i]), 0);
	}
}
END_TEST

static void store_many(uint32_t *indices, int from)
{
	for (int i = 0; i < NAMES; i++) {
		int n = (from + i) % NAMES;
		char name[64];

		snprintf(name, sizeof(name), "host-%d.example", n);
		indices[n] = index_in(address(name, AF_INET));
	}
}

START_TEST(agrees_with_processes_that_store_at_once)
{
	size_t size = sizeof(uint32_t) * NAMES;
	uint32_t *seen = mmap(NULL, size * WRITERS, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[WRITERS];

	ck_assert_ptr_ne(seen, MAP_FAILED);
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork_child();
		if (pids[i] == 0) {
			/* they make the file at once, too */
			fakemap_setup(&config);
			store_many(seen + i * NAMES, i % 2 ? 0 : 10 * i);
			_exit(0);
		}
	}
	for (int i = 0; i < WRITERS; i++)
		ck_assert_int_eq(wait_for(pids[i]), 0);
	for (int i = 1; i < WRITERS; i++)
		ck_assert_mem_eq(seen, seen + i * NAMES, size);
	fakemap_setup(&config);
	for (uint32_t n = 0; n < NAMES; n++) {
		char name[64], text[64];

		snprintf(name, sizeof(name), "host-%u.example", n);
		snprintf(text, sizeof(text), "198.%u.%u.%u",
			 18 + (seen[n] >> 16), seen[n] >> 8 & 0xff,
			 seen[n] & 0xff);
		ck_assert_str_eq(name_at(text), name);
	}
}
END_TEST

enum { KILLED = 200, STORED_MAX = 500 }; /* which have room, all of them together */

/* Stores new names until it is killed; says how far it got. */
static void store_until_killed(int round, volatile uint32_t *progress)
{
	char name[64];

	fakemap_setup(&config);
	for (uint32_t n = 0; n < STORED_MAX; n++) {
		snprintf(name, sizeof(name), "host-%d-%u.example", round, n);
		address(name, AF_INET);
		*progress = n;
	}
	for (;;)
		pause();
}

START_TEST(survives_processes_killed_while_they_store)
{
	volatile uint32_t *progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char name[64];

	for (int round = 0; round < KILLED; round++) {
		struct timespec nap = { 0, 300000 + round * 7001 };
		pid_t pid = fork_child();

		*progress = 0;
		if (pid == 0)
			store_until_killed(round, progress);
		nanosleep(&nap, NULL);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(WTERMSIG(wait_for(pid)), SIGKILL);
		fakemap_setup(&config);
		/* what it had stored, and what it was about to */
		for (uint32_t n = 0; n < *progress + 3; n++) {
			snprintf(name, sizeof(name), "host-%d-%u.example",
				 round, n);
			ck_assert_str_eq(name_at(address(name, AF_INET)), name);
		}
	}
}
END_TEST

enum { KILLS = 16, STEPS_MAX = 1000000 };

/* Entries that are taken, but stand for nothing yet. */
static int count_half_written(void)
{
	static struct fakemap_file *file;
	int n = 0;

	if (!file)
		file = peek(NULL);
	for (uint32_t i = 1; i < file->header.identity.capacity; i++) {
		const struct fakemap_entry *entry = entry_of(file, i);

		if (file->header.backed[i / FAKEMAP_PAGE_ENTRIES / 32] >>
			    (i / FAKEMAP_PAGE_ENTRIES % 32) & 1)
			n += entry->tag != 0 && entry->length == 0;
	}
	return n;
}

/* Stops before it stores the name, for its parent to trace it. */
static void store_traced(const char *name)
{
	fakemap_setup(&config);
	address("before", AF_INET);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(98);
	raise(SIGSTOP);
	address(name, AF_INET);
	_exit(0);
}

/* A child that is about to store the name, stopped. */
static pid_t start_traced(const char *name)
{
	pid_t pid = fork_child();
	int status;

	if (pid == 0)
		store_traced(name);
	status = wait_for(pid);
	ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	return pid;
}

/* Lets it do so many instructions; false when it has ended before. */
static bool step(pid_t pid, long steps)
{
	for (; steps > 0; steps--) {
		ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		if (WIFEXITED(wait_for(pid)))
			return false;
	}
	return true;
}

/**
 * struct window - the instructions of storing a name, counted
 * @first:	after this one it is half written
 * @last:	and after this one for the last time
 */
struct window {
	long first;
	long last;
};

static struct window find_window(void)
{
	pid_t pid = start_traced("host-00.example");
	struct window window = { 0, 0 };

	for (long n = 1; n < STEPS_MAX && step(pid, 1); n++) {
		if (count_half_written() == 0)
			continue;
		window.first = window.first ? window.first : n;
		window.last = n;
	}
	ck_assert_int_gt(window.first, 1);
	return window;
}

/* Few, since each instruction costs two switches: the test above has many. */
START_TEST(survives_a_process_killed_in_the_middle_of_storing)
{
	struct window window;
	int unfinished = 0;

	config.fake4_bits = 20; /* so that all entries are soon looked at */
	fakemap_setup(&config);
	address("before", AF_INET);
	window = find_window();
	for (int n = 1; n <= KILLS; n++) {
		long span = window.last - window.first + 1;
		char name[64];
		pid_t pid;

		snprintf(name, sizeof(name), "host-%02d.example", n);
		pid = start_traced(name);
		ck_assert(step(pid, window.first + n * span / (KILLS + 1)));
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(WTERMSIG(wait_for(pid)), SIGKILL);
		unfinished += count_half_written();
		ck_assert_str_eq(name_at(address(name, AF_INET)), name);
		ck_assert_str_eq(name_at(address("before", AF_INET)), "before");
		ck_assert_int_eq(count_half_written(), 0);
	}
	ck_assert_int_ge(unfinished, KILLS / 2);
}
END_TEST

START_TEST(finishes_a_name_that_was_left_half_written)
{
	struct fakemap_file *file;
	struct fakemap_entry *entry;
	char text[64];

	fakemap_setup(&config);
	strcpy(text, address("example.com", AF_INET));
	file = peek(NULL);
	entry = entry_of(file, index_in(text));
	memset(entry->name, 0, 5);
	ck_assert_str_eq(name_at(text), "ECONNREFUSED");
	entry->length = 0;
	ck_assert_str_eq(name_at(text), "ECONNREFUSED");
	ck_assert_str_eq(address("example.com", AF_INET), text);
	ck_assert_str_eq(name_at(text), "example.com");
}
END_TEST

/* --- damage and foreign files -------------------------------------------- */

START_TEST(refuses_entries_that_are_not_what_their_tag_says)
{
	struct fakemap_file *file;
	struct fakemap_entry *entry;
	char text[64];

	fakemap_setup(&config);
	strcpy(text, address("example.com", AF_INET));
	file = peek(NULL);
	entry = entry_of(file, index_in(text));
	for (uint32_t length = 0; length < 600; length++) {
		entry->length = length == 11 ? UINT32_MAX : length;
		ck_assert_str_eq(name_at(text), "ECONNREFUSED");
	}
	entry->length = 11;
	ck_assert_str_eq(name_at(text), "example.com");
	memcpy(entry->name, "evil.test", 9);
	ck_assert_str_eq(name_at(text), "ECONNREFUSED");
}
END_TEST

START_TEST(stays_in_bounds_whatever_the_file_holds)
{
	struct fakemap_file *file;
	unsigned int random = 12345;
	struct endpoint name;
	size_t size;

	config.fake4_bits = 24;
	fakemap_setup(&config);
	address("example.com", AF_INET);
	file = peek(&size);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < size; i++)
			((uint8_t *)file)[i] =
				round ? (uint8_t)rand_r(&random) : 0xff;
		for (int i = 0; i < 256; i++) {
			struct endpoint e = literal("198.18.0.0");

			e.v4[3] = (uint8_t)i;
			ck_assert_int_eq(fakemap_name(&e, &name),
					 -ECONNREFUSED);
		}
		for (int i = 0; i < 256; i++) {
			char text[32];

			snprintf(text, sizeof(text), "host-%d", i);
			address(text, AF_INET);
		}
	}
}
END_TEST

/* The file as another process of this user left it. */
static void make_file_first(void)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		fakemap_setup(&config);
		_exit(strcmp(name_at(address("before", AF_INET)), "before"));
	}
	ck_assert_int_eq(wait_for(pid), 0);
}

/*
 * With map_path of no use, the map is in the runtime directory: nothing is
 * written where map_path points.
 */
static void expect_elsewhere(void)
{
	char path[300];

	ck_assert_int_eq(chmod(directory, 0700), 0);
	ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", directory, 1), 0);
	fakemap_setup(&config);
	ck_assert_str_eq(name_at(address("example.com", AF_INET)),
			 "example.com");
	snprintf(path, sizeof(path), "%s/socksify", directory);
	ck_assert_int_eq(access(path, F_OK), 0);
}

START_TEST(does_not_follow_a_symbolic_link)
{
	char other[300];

	make_file_first();
	snprintf(other, sizeof(other), "%s/other", directory);
	ck_assert_int_eq(rename(config.map_path, other), 0);
	ck_assert_int_eq(symlink(other, config.map_path), 0);
	expect_elsewhere();
}
END_TEST

START_TEST(does_not_take_a_file_with_a_second_name)
{
	char other[300];

	make_file_first();
	snprintf(other, sizeof(other), "%s/other", directory);
	ck_assert_int_eq(link(config.map_path, other), 0);
	expect_elsewhere();
}
END_TEST

START_TEST(does_not_take_a_file_that_others_may_read)
{
	make_file_first();
	ck_assert_int_eq(chmod(config.map_path, 0640), 0);
	expect_elsewhere();
}
END_TEST

START_TEST(does_not_take_a_file_of_another_user)
{
	make_file_first();
	if (geteuid() != 0)
		return; /* it cannot be given away */
	ck_assert_int_eq(chown(config.map_path, 12345, 12345), 0);
	expect_elsewhere();
}
END_TEST

START_TEST(does_not_take_a_fifo)
{
	ck_assert_int_eq(mkfifo(config.map_path, 0600), 0);
	expect_elsewhere();
}
END_TEST

START_TEST(does_not_take_a_file_of_another_size)
{
	make_file_first();
	ck_assert_int_eq(truncate(config.map_path, 8192), 0);
	expect_elsewhere();
}
END_TEST

static void damage(size_t offset)
{
	struct fakemap_file *file;

	make_file_first();
	file = peek(NULL);
	((uint8_t *)file)[offset] ^= 1;
	expect_elsewhere();
}

START_TEST(does_not_take_a_file_of_another_layout_or_range)
{
	damage((size_t)_i);
}
END_TEST

/* Removes the file that this process has mapped, wherever it is. */
static void remove_mapped(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];

	while (fgets(line, sizeof(line), maps)) {
		char *path = strchr(line, '/');

		if (!path || !strstr(path, "/names-"))
			continue;
		path[strcspn(path, "\n")] = '\0';
		unlink(path);
	}
	fclose(maps);
}

START_TEST(does_not_take_another_users_runtime_dir)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/run", directory);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(chmod(path, 0755), 0);
	setenv("XDG_RUNTIME_DIR", path, 1);
	setenv("TMPDIR", directory, 1);
	config.map_path[0] = '\0';
	config.fake6[1] = (uint8_t)getpid(); /* no file of the user's own */
	fakemap_setup(&config);
	ck_assert_str_eq(name_at(address("example.com", AF_INET)),
			 "example.com");
	remove_mapped();
	strcat(path, "/socksify");
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* The files in the runtime directory's part of ours. */
static int count_files(void)
{
	char command[400];
	FILE *out;
	int n = -1;

	snprintf(command, sizeof(command), "ls -A '%s/socksify' | wc -l",
		 directory);
	out = popen(command, "r");
	ck_assert_int_eq(fscanf(out, "%d", &n), 1);
	pclose(out);
	return n;
}

START_TEST(keeps_different_ranges_in_different_files)
{
	config.map_path[0] = '\0';
	setenv("XDG_RUNTIME_DIR", directory, 1);
	make_file_first();
	make_file_first();
	ck_assert_int_eq(count_files(), 1);
	config.fake4_bits = 16;
	make_file_first();
	ck_assert_int_eq(count_files(), 2);
	config.fake6[7]++;
	make_file_first();
	ck_assert_int_eq(count_files(), 3);
}
END_TEST

/* --- places -------------------------------------------------------------- */

/* A /dev/shm of this process's own, with these options. False if it may not. */
static bool mount_shm(const char *options)
{
	return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", "/dev/shm", "tmpfs", 0, options) == 0;
}

/* The map is in TMPDIR, since the places before are of no use. */
static void expect_in_tmpdir(void)
{
	char path[300];

	ck_assert_int_eq(setenv("TMPDIR", directory, 1), 0);
	config.map_path[0] = '\0';
	fakemap_setup(&config);
	ck_assert_str_eq(name_at(address("example.com", AF_INET)),
			 "example.com");
	snprintf(path, sizeof(path), "%s/socksify-%u", directory, geteuid());
	ck_assert_int_eq(access(path, F_OK), 0);
}

/* 0: another user's; 1: that others may read; 2: a symbolic link; 3: a file. */
START_TEST(takes_no_directory_that_is_not_its_own)
{
	const char *path = "/dev/shm/socksify-0";

	if (!mount_shm("mode=1777"))
		return; /* it takes a directory of the system */
	if (_i == 2)
		ck_assert_int_eq(symlink(directory, path), 0);
	else if (_i == 3)
		ck_assert_int_ge(open(path, O_CREAT | O_WRONLY, 0700), 0);
	else
		ck_assert_int_eq(mkdir(path, 0700), 0);
	if (_i == 0)
		ck_assert_int_eq(chown(path, 12345, 12345), 0);
	if (_i == 1)
		ck_assert_int_eq(chmod(path, 0750), 0);
	expect_in_tmpdir();
}
END_TEST

START_TEST(goes_on_where_a_place_is_read_only)
{
	if (!mount_shm("mode=1777") ||
	    mount("none", "/dev/shm", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return;
	expect_in_tmpdir();
}
END_TEST

START_TEST(goes_on_where_a_place_is_missing)
{
	char path[300];

	if (!mount_shm("mode=1777"))
		return;
	/* no such runtime directory, and a limit of the tmpfs: no room for one */
	snprintf(path, sizeof(path), "%s/none", directory);
	ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", path, 1), 0);
	ck_assert_int_eq(umount("/dev/shm"), 0);
	ck_assert_int_eq(mount("none", "/dev/shm", "tmpfs", 0, "nr_inodes=1"),
			 0);
	expect_in_tmpdir();
}
END_TEST

START_TEST(says_why_there_is_no_place_at_all)
{
	struct endpoint name = named("example.com"), out;

	if (!mount_shm("mode=1777") ||
	    mount("none", "/dev/shm", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0 ||
	    mount("none", "/tmp", "tmpfs", MS_RDONLY, NULL) < 0)
		return;
	config.map_path[0] = '\0';
	fakemap_setup(&config);
	ck_assert_int_eq(fakemap_address(&name, AF_INET, &out), -EROFS);
	ck_assert_int_eq(umount2("/tmp", MNT_DETACH), 0);
}
END_TEST

START_TEST(stays_open_when_privileges_are_dropped)
{
	char text[64];
	pid_t pid;

	if (geteuid() != 0)
		return;
	fakemap_setup(&config);
	strcpy(text, address("before", AF_INET));
	pid = fork_child();
	if (pid == 0) {
		HOLDS(chroot(directory) == 0 && chdir("/") == 0);
		HOLDS(setresgid(12345, 12345, 12345) == 0);
		HOLDS(setresuid(12345, 12345, 12345) == 0);
		HOLDS(strcmp(name_at(text), "before") == 0);
		HOLDS(strcmp(name_at(address("after", AF_INET)), "after") == 0);
		_exit(0);
	}
	ck_assert_int_eq(wait_for(pid), 0);
	ck_assert_str_eq(name_at(address("after", AF_INET)), "after");
}
END_TEST

/* --- limits -------------------------------------------------------------- */

static void fill(int n)
{
	for (int i = 1; i <= n; i++) {
		char name[32];

		snprintf(name, sizeof(name), "host-%d", i);
		ck_assert_str_eq(name_at(address(name, AF_INET)), name);
	}
}

START_TEST(fails_when_it_is_full)
{
	config.fake4_bits = 28;
	fakemap_setup(&config);
	fill(15);
	ck_assert_str_eq(address("one-more", AF_INET), "ENOSPC");
	ck_assert_str_eq(address("one-more", AF_INET6), "ENOSPC");
	fill(15);
}
END_TEST

START_TEST(replaces_a_name_unused_for_a_day)
{
	struct fakemap_file *file;
	char old[64];

	config.fake4_bits = 28;
	fakemap_setup(&config);
	fill(15);
	strcpy(old, address("host-7", AF_INET));
	file = peek(NULL);
	entry_of(file, index_in(old))->minute -= 24 * 60 - 2;
	ck_assert_str_eq(address("too-early", AF_INET), "ENOSPC");
	entry_of(file, index_in(old))->minute -= 2;
	ck_assert_str_eq(address("new", AF_INET), old);
	ck_assert_str_eq(name_at(old), "new");
	ck_assert_str_eq(address("host-7", AF_INET), "ENOSPC");
	ck_assert_str_eq(name_at(address("host-8", AF_INET)), "host-8");
}
END_TEST

START_TEST(spares_names_whose_address_is_used)
{
	struct fakemap_file *file;
	char old[64];

	config.fake4_bits = 28;
	fakemap_setup(&config);
	fill(15);
	strcpy(old, address("host-7", AF_INET));
	file = peek(NULL);
	entry_of(file, index_in(old))->minute -= 48 * 60;
	ck_assert_str_eq(name_at(old), "host-7");
	ck_assert_str_eq(address("new", AF_INET), "ENOSPC");
}
END_TEST

START_TEST(spares_names_that_were_never_stamped)
{
	struct fakemap_file *file;
	char old[64];

	config.fake4_bits = 28;
	fakemap_setup(&config);
	fill(15);
	strcpy(old, address("host-7", AF_INET));
	file = peek(NULL);
	entry_of(file, index_in(old))->minute = 0;
	ck_assert_str_eq(address("new", AF_INET), "ENOSPC");
	ck_assert_uint_ne(entry_of(file, index_in(old))->minute, 0);
}
END_TEST

/* With a key that is always the same, or how many are lost would be left to chance. */
START_TEST(fills_nearly_the_whole_range)
{
	static const uint64_t key[2] = { 1, 2 };
	struct fakemap_file *file;
	int stored = 0;

	config.fake4_bits = 20;
	fakemap_setup(&config);
	address("before", AF_INET);
	file = peek(NULL);
	memcpy(file->header.key, key, sizeof(key));
	for (int i = 0; i < 4095; i++) {
		char name[32];

		snprintf(name, sizeof(name), "host-%d", i);
		stored += strcmp(address(name, AF_INET), "ENOSPC") != 0;
	}
	ck_assert_int_ge(stored, 4000);
}
END_TEST

/* 131,071 names, as many as the range has: a table so full loses some. */
START_TEST(holds_nearly_as_many_names_as_there_are_addresses)
{
	static bool seen[FAKEMAP_CAPACITY_MAX];
	int stored = 0, names = FAKEMAP_CAPACITY_MAX - 1;
	char name[32], at[64];

	fakemap_setup(&config);
	for (int i = 0; i < names; i++) {
		snprintf(name, sizeof(name), "host-%d.example", i);
		strcpy(at, address(name, AF_INET));
		if (strcmp(at, "ENOSPC") == 0)
			continue;
		ck_assert(!seen[index_in(at)]);
		seen[index_in(at)] = true;
		stored++;
	}
	ck_assert_int_ge(stored, names / 100 * 98);
	/* none was lost, though it was full */
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "host-%d.example", i);
		strcpy(at, address(name, AF_INET));
		ck_assert_str_eq(name_at(at), name);
	}
}
END_TEST

START_TEST(is_not_killed_by_the_file_size_limit)
{
	struct rlimit limit = { 4096, 4096 };
	struct endpoint name = named("example.com"), out;

	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	config.map_path[0] = '\0';
	setenv("XDG_RUNTIME_DIR", directory, 1);
	config.fake6[0] = 0xfc; /* no file of these ranges is there yet */
	config.fake6[1] = (uint8_t)getpid();
	fakemap_setup(&config);
	ck_assert_int_eq(fakemap_address(&name, AF_INET, &out), -EFBIG);
	/* and says so without trying again for each name */
	ck_assert_int_eq(fakemap_address(&name, AF_INET, &out), -EFBIG);
}
END_TEST

START_TEST(fails_politely_when_the_file_system_is_full)
{
	char place[300], options[] = "size=64k,mode=700";
	int full = 0;

	snprintf(place, sizeof(place), "%s/full", directory);
	ck_assert_int_eq(mkdir(place, 0700), 0);
	if (system(NULL) == 0 || geteuid() != 0)
		return; /* it takes a file system of its own */
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", place, "tmpfs", 0, options) < 0)
		return;
	snprintf(config.map_path, sizeof(config.map_path), "%s/map", place);
	fakemap_setup(&config);
	for (int i = 0; i < 100; i++) {
		char name[32];

		snprintf(name, sizeof(name), "host-%d", i);
		full += strcmp(address(name, AF_INET), "ENOSPC") == 0;
	}
	umount2(place, MNT_DETACH);
	ck_assert_int_ge(full, 80);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fakemap");
	TCase *layout = tcase_create("layout");
	TCase *names = tcase_create("names");
	TCase *sharing = tcase_create("sharing");
	TCase *foreign = tcase_create("foreign");
	TCase *places = tcase_create("places");
	TCase *limits = tcase_create("limits");

	tcase_add_checked_fixture(layout, make_place, remove_place);
	tcase_add_test(layout, keeps_its_layout);
	tcase_add_test(layout, hashes_as_the_paper_says);
	tcase_add_test(layout, writes_the_file_as_laid_out);
	suite_add_tcase(s, layout);
	tcase_add_checked_fixture(names, make_place, remove_place);
	tcase_add_test(names, gives_a_name_the_same_address_again);
	tcase_add_test(names, keeps_the_first_spelling);
	tcase_add_test(names, uses_one_index_in_both_families);
	tcase_add_test(names, takes_names_of_any_length);
	tcase_add_test(names, refuses_fakes_that_stand_for_nothing);
	tcase_add_test(names, leaves_other_addresses_alone);
	tcase_add_test(names, refuses_what_is_no_name);
	tcase_add_test(names, leaves_errno_and_descriptors_alone);
	suite_add_tcase(s, names);
	tcase_add_checked_fixture(sharing, make_place, remove_place);
	tcase_set_timeout(sharing, 60);
	tcase_add_test(sharing,
		       shows_a_later_process_what_an_earlier_one_stored);
	tcase_add_test(sharing,
		       agrees_on_the_file_with_processes_that_make_it_at_once);
	tcase_add_test(sharing, agrees_with_processes_that_store_at_once);
	tcase_add_test(sharing, survives_processes_killed_while_they_store);
	tcase_add_test(sharing, survives_a_process_killed_in_the_middle_of_storing);
	tcase_add_test(sharing, finishes_a_name_that_was_left_half_written);
	suite_add_tcase(s, sharing);
	tcase_add_checked_fixture(foreign, make_place, remove_place);
	tcase_set_timeout(foreign, 60);
	tcase_add_test(foreign,
		       refuses_entries_that_are_not_what_their_tag_says);
	tcase_add_test(foreign, stays_in_bounds_whatever_the_file_holds);
	tcase_add_test(foreign, does_not_follow_a_symbolic_link);
	tcase_add_test(foreign, does_not_take_a_file_with_a_second_name);
	tcase_add_test(foreign, does_not_take_a_file_that_others_may_read);
	tcase_add_test(foreign, does_not_take_a_file_of_another_user);
	tcase_add_test(foreign, does_not_take_a_fifo);
	tcase_add_test(foreign, does_not_take_a_file_of_another_size);
	tcase_add_loop_test(foreign,
			    does_not_take_a_file_of_another_layout_or_range, 0,
			    sizeof(struct fakemap_identity));
	tcase_add_test(foreign, does_not_take_another_users_runtime_dir);
	tcase_add_test(foreign, keeps_different_ranges_in_different_files);
	suite_add_tcase(s, foreign);
	tcase_add_checked_fixture(places, make_place, remove_place);
	tcase_add_loop_test(places, takes_no_directory_that_is_not_its_own, 0,
			    4);
	tcase_add_test(places, goes_on_where_a_place_is_read_only);
	tcase_add_test(places, goes_on_where_a_place_is_missing);
	tcase_add_test(places, says_why_there_is_no_place_at_all);
	tcase_add_test(places, stays_open_when_privileges_are_dropped);
	suite_add_tcase(s, places);
	tcase_add_checked_fixture(limits, make_place, remove_place);
	tcase_set_timeout(limits, 60);
	tcase_add_test(limits, fails_when_it_is_full);
	tcase_add_test(limits, replaces_a_name_unused_for_a_day);
	tcase_add_test(limits, spares_names_whose_address_is_used);
	tcase_add_test(limits, spares_names_that_were_never_stamped);
	tcase_add_test(limits, fills_nearly_the_whole_range);
	tcase_add_test(limits,
		       holds_nearly_as_many_names_as_there_are_addresses);
	tcase_add_test(limits, is_not_killed_by_the_file_size_limit);
	tcase_add_test(limits, fails_politely_when_the_file_system_is_full);
	suite_add_tcase(s, limits);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
