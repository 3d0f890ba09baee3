/* SPDX-License-Identifier: MIT */
/*
 * fakemap.c - names and their fake addresses, in a file that is mapped
 *
 * Theory of Operation
 *
 * A program wants an address for a name and later connects to it, maybe in
 * another process that it started or talks to. So the names are in a file, one
 * for each user, that every process maps: entry N is the name of address N of
 * the fake IPv4 range and of the fake IPv6 prefix.
 *
 * The table is its own index. A name's keyed hash, its tag, says where the
 * search for it starts; it takes the first free entry from there. There is no
 * lock: a process may be killed, stopped, or thrown out by siglongjmp at any
 * instruction, and the others must not wait for it. Instead:
 *
 * - An entry is taken by a compare-and-swap of its tag, from 0 or, when all are
 *   taken, from that of a name unused for a day. Then the name is written.
 * - An entry holds a name only while the name's hash is its tag. So a torn,
 *   half-written or overwritten one stands for nothing: who looks up its
 *   address is refused, and never sent to a wrong host. Who looks for the name
 *   itself finds its tag and writes the name, be it for the second time.
 *
 * The key is random, so nobody can make two names with one tag.
 *
 * The file is sparse. Touching a page that the file system has no room for
 * would raise SIGBUS, so a bit in the header tells which pages exist; one that
 * does not is asked for by madvise(2), which fails politely.
 *
 * Nothing read from the file is used as an offset or a length before it is
 * bounded: another process of the same user can make answers wrong, no more.
 * No descriptor is kept; the mapping survives fork, setuid, chroot and closing
 * all descriptors.
 *
 * Not handled: a file removed while in use (who has it mapped goes on with it,
 * processes started later make another), or cut short by this user.
 */
#include "resolver/fakemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* RENAME_NOREPLACE */
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/text.h"
#include "resolver/fakemap_layout.h"
#include "resolver/siphash.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum {
	PLACE_MAX = 256,
	SEARCH_MAX = 512,	/* entries looked at for one name */
	IDLE_MINUTES = 24 * 60, /* a name that long unused may be replaced */
	STAMP_MINUTES = 60,	/* how exact its last use is known */
	RETRY_S = 1,		/* pause after a failure to open the file */
	FILE_NAME_MAX = 48,
	TAKEN_BY_OTHER = 0, /* results of entry_offer */
	TAKEN_BY_NAME = 1,
};

/**
 * struct fakemap - the ranges and where the file may be; written by
 * fakemap_setup
 * @config:	the ranges, and the place that the user named
 * @capacity:	entries, with index 0
 * @size:	of the file
 * @identity:	what the file must say of itself
 * @file_name:	tells layout and ranges apart; in the usual places
 * @runtime_dir: XDG_RUNTIME_DIR, or empty
 * @tmp_dir:	TMPDIR, or empty
 * @file:	the mapping, NULL until it is needed; set once, atomically
 * @failure:	-errno of the last try to open it
 * @failed_at:	when that was; atomic as the one above
 */
struct fakemap {
	const struct config *config;
	uint32_t capacity;
	size_t size;
	struct fakemap_identity identity;
	char file_name[FILE_NAME_MAX];
	char runtime_dir[PLACE_MAX];
	char tmp_dir[PLACE_MAX];
	struct fakemap_file *file;
	int failure;
	int64_t failed_at;
};

static struct fakemap map;

/* --- opening the file ---------------------------------------------------- */

static uint32_t capacity_of(const struct config *config)
{
	uint32_t addresses = UINT32_C(1) << (32 - config->fake4_bits);

	return addresses < FAKEMAP_CAPACITY_MAX ? addresses
						: FAKEMAP_CAPACITY_MAX;
}

static size_t file_size(uint32_t capacity)
{
	size_t pages =
		(capacity + FAKEMAP_PAGE_ENTRIES - 1) / FAKEMAP_PAGE_ENTRIES;

	return sizeof(struct fakemap_header) +
	       pages * sizeof(struct fakemap_page);
}

static struct fakemap_identity identity_of(const struct config *config)
{
	struct fakemap_identity identity = {
		.magic = FAKEMAP_MAGIC,
		.version = FAKEMAP_VERSION,
		.capacity = capacity_of(config),
		.fake4_bits = config->fake4_bits,
	};

	memcpy(identity.fake4, config->fake4, sizeof(identity.fake4));
	memcpy(identity.fake6, config->fake6, sizeof(identity.fake6));
	return identity;
}

/* Nobody but this user may have been able to write what it refers to. */
static int check_owner(int fd, mode_t type, struct stat *st)
{
	long rc = sys2(SYS_fstat, fd, st);

	if (rc < 0)
		return (int)rc;
	if ((st->st_mode & S_IFMT) != type ||
	    st->st_uid != (uid_t)sys0(SYS_geteuid) || (st->st_mode & 077) != 0)
		return -EPERM;
	return 0;
}

static int check_file(int fd)
{
	struct stat st;
	int rc = check_owner(fd, S_IFREG, &st);

	if (rc < 0)
		return rc;
	if (st.st_nlink != 1)
		return -EMLINK;
	return st.st_size == (off_t)map.size ? 0 : -EBADMSG;
}

/* The file behind fd, mapped. NULL with *rc set if it is not as it must be. */
static struct fakemap_file *map_file(int fd, int *rc)
{
	struct fakemap_file *file;
	long at;

	*rc = check_file(fd);
	if (*rc < 0)
		return NULL;
	at = sys6(SYS_mmap, NULL, map.size, PROT_READ | PROT_WRITE, MAP_SHARED,
		  fd, 0);
	if (at < 0 && at > -4096) {
		*rc = (int)at;
		return NULL;
	}
	file = (struct fakemap_file *)at;
	if (memcmp(&file->header.identity, &map.identity,
		   sizeof(map.identity)) != 0) {
		sys2(SYS_munmap, at, map.size);
		*rc = -EBADMSG;
		return NULL;
	}
	return file;
}

/* Growing a file past the limit would raise SIGXFSZ. */
static int check_size_limit(void)
{
	struct rlimit limit;
	long rc = sys4(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit);

	if (rc < 0)
		return (int)rc;
	return limit.rlim_cur < map.size ? -EFBIG : 0;
}

/* Gives a new file its size and the beginning of its header. */
static int fill_file(int fd)
{
	struct {
		struct fakemap_identity identity;
		uint64_t key[2];
	} start = { .identity = map.identity };
	long rc = check_size_limit();

	_Static_assert(sizeof(start) ==
			       offsetof(struct fakemap_header, unused1),
		       "the header begins with identity and key");
	if (rc < 0)
		return (int)rc;
	rc = sys3(SYS_getrandom, start.key, sizeof(start.key), 0);
	if (rc != sizeof(start.key))
		return rc < 0 ? (int)rc : -EIO;
	rc = sys2(SYS_fchmod, fd, 0600); /* whatever the umask */
	if (rc < 0)
		return (int)rc;
	rc = sys2(SYS_ftruncate, fd, map.size);
	if (rc < 0)
		return (int)rc;
	rc = sys4(SYS_pwrite64, fd, &start, sizeof(start), 0);
	if (rc != sizeof(start))
		return rc < 0 ? (int)rc : -ENOSPC;
	return 0;
}

/*
 * Makes the file under a name of its own and gives it the real one when it is
 * whole, unless somebody else was first: then theirs is the one. 0 in both
 * cases.
 */
static int make_file(int dir, const char *name)
{
	char temporary[FILE_NAME_MAX];
	uint32_t number[2];
	long fd, rc;

	rc = sys3(SYS_getrandom, number, sizeof(number), 0);
	if (rc != sizeof(number))
		return rc < 0 ? (int)rc : -EIO;
	log_format(temporary, sizeof(temporary), "new-%x-%x", number[0],
		   number[1]);
	fd = sys4(SYS_openat, dir, temporary,
		  O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return (int)fd;
	rc = fill_file((int)fd);
	sys1(SYS_close, fd);
	if (rc == 0)
		rc = sys5(SYS_renameat2, dir, temporary, dir, name,
			  RENAME_NOREPLACE);
	if (rc < 0)
		sys3(SYS_unlinkat, dir, temporary, 0);
	return rc == -EEXIST ? 0 : (int)rc;
}

static struct fakemap_file *open_file(int dir, const char *name, int *rc)
{
	const int flags =
		O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct fakemap_file *file;
	long fd = sys4(SYS_openat, dir, name, flags, 0);

	if (fd == -ENOENT) {
		*rc = make_file(dir, name);
		if (*rc < 0)
			return NULL;
		fd = sys4(SYS_openat, dir, name, flags, 0);
	}
	if (fd < 0) {
		*rc = (int)fd;
		return NULL;
	}
	file = map_file((int)fd, rc);
	sys1(SYS_close, fd);
	return file;
}

static long open_directory(long dir, const char *name, int more_flags)
{
	return sys4(SYS_openat, dir, name,
		    O_PATH | O_DIRECTORY | O_CLOEXEC | more_flags, 0);
}

/* In a directory named sub, for this user alone, of the directory parent. */
static struct fakemap_file *open_in_own(long parent, const char *sub, int *rc)
{
	struct fakemap_file *file = NULL;
	long dir, made = 0;
	struct stat st;

	dir = open_directory(parent, sub, O_NOFOLLOW);
	if (dir == -ENOENT) {
		made = sys3(SYS_mkdirat, parent, sub, 0700);
		dir = open_directory(parent, sub, O_NOFOLLOW);
	}
	if (dir < 0) {
		*rc = (int)(made < 0 ? made : dir);
		return NULL;
	}
	*rc = check_owner((int)dir, S_IFDIR, &st);
	if (*rc == 0)
		file = open_file((int)dir, map.file_name, rc);
	sys1(SYS_close, dir);
	return file;
}

/* XDG_RUNTIME_DIR; another user's, kept by sudo or su, is not for us. */
static struct fakemap_file *open_in_runtime_dir(int *rc)
{
	struct fakemap_file *file = NULL;
	struct stat st;
	long parent;

	parent = open_directory(AT_FDCWD, map.runtime_dir, 0);
	if (parent < 0) {
		*rc = (int)parent;
		return NULL;
	}
	*rc = check_owner((int)parent, S_IFDIR, &st);
	if (*rc == 0)
		file = open_in_own(parent, "socksify", rc);
	sys1(SYS_close, parent);
	return file;
}

/* A directory where everybody writes. */
static struct fakemap_file *open_in_shared(const char *path, int *rc)
{
	struct fakemap_file *file;
	char sub[FILE_NAME_MAX];
	long parent = open_directory(AT_FDCWD, path, 0);

	if (parent < 0) {
		*rc = (int)parent;
		return NULL;
	}
	log_format(sub, sizeof(sub), "socksify-%u",
		   (unsigned int)sys0(SYS_geteuid));
	file = open_in_own(parent, sub, rc);
	sys1(SYS_close, parent);
	return file;
}

static struct fakemap_file *open_at_path(const char *path, int *rc)
{
	const char *slash = strrchr(path, '/');
	char directory[CONFIG_PATH_MAX];
	struct fakemap_file *file;
	long dir;

	if (!slash || !slash[1])
		slash = NULL;
	if (!slash ||
	    !text_copy((struct text){ path, (size_t)(slash - path) + 1 },
		       directory, sizeof(directory))) {
		*rc = -EINVAL;
		return NULL;
	}
	dir = open_directory(AT_FDCWD, directory, 0);
	if (dir < 0) {
		*rc = (int)dir;
		return NULL;
	}
	file = open_file((int)dir, slash + 1, rc);
	sys1(SYS_close, dir);
	return file;
}

static struct fakemap_file *open_somewhere(int *rc)
{
	struct fakemap_file *file = NULL;

	if (map.config->map_path[0]) {
		file = open_at_path(map.config->map_path, rc);
		if (!file)
			log_once(map.config->map_path,
				 "%s is not used for the addresses of names "
				 "(%e): it has to be a file that socksify made, "
				 "and this user's alone",
				 map.config->map_path, *rc);
	}
	if (!file && map.runtime_dir[0])
		file = open_in_runtime_dir(rc);
	if (!file)
		file = open_in_shared("/dev/shm", rc);
	if (!file && map.tmp_dir[0])
		file = open_in_shared(map.tmp_dir, rc);
	if (!file)
		file = open_in_shared("/tmp", rc);
	return file;
}

static int64_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec;
}

static bool failed_just_now(void)
{
	int64_t at = __atomic_load_n(&map.failed_at, __ATOMIC_ACQUIRE);

	return at && seconds() - at <= RETRY_S;
}

static void remember_failure(int rc)
{
	__atomic_store_n(&map.failure, rc, __ATOMIC_RELAXED);
	__atomic_store_n(&map.failed_at, seconds(), __ATOMIC_RELEASE);
	log_once("fake map",
		 "names cannot be looked up: no place for the file "
		 "of their addresses (XDG_RUNTIME_DIR, /dev/shm, "
		 "TMPDIR, /tmp): %e",
		 rc);
}

static struct fakemap_file *shown_to_all(struct fakemap_file *file)
{
	struct fakemap_file *other = NULL;

	if (__atomic_compare_exchange_n(&map.file, &other, file, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return file;
	sys2(SYS_munmap, file, map.size); /* another thread was first */
	return other;
}

/* The mapped file; NULL with *rc set when there is none to be had. */
static struct fakemap_file *file_of_map(int *rc)
{
	struct fakemap_file *file;

	file = __atomic_load_n(&map.file, __ATOMIC_ACQUIRE);
	if (file)
		return file;
	if (!map.config) {
		*rc = -EAGAIN;
		return NULL;
	}
	if (failed_just_now()) {
		*rc = __atomic_load_n(&map.failure, __ATOMIC_RELAXED);
		return NULL;
	}
	file = open_somewhere(rc);
	if (!file) {
		remember_failure(*rc);
		return NULL;
	}
	return shown_to_all(file);
}

void fakemap_open(void)
{
	struct fakemap_file *file =
		__atomic_load_n(&map.file, __ATOMIC_ACQUIRE);
	int rc;

	if (file || !map.config)
		return;
	file = open_somewhere(&rc);
	if (file)
		shown_to_all(file);
}

static void take_directory(const char *variable, char *out)
{
	const char *value = getenv(variable);

	if (!value || value[0] != '/' ||
	    !text_copy(text_of(value), out, PLACE_MAX))
		out[0] = '\0';
}

/* Files of other ranges or layouts have other names: 32 bits of FNV-1a. */
static void name_file(void)
{
	const uint8_t *bytes = (const uint8_t *)&map.identity;
	uint32_t tag = UINT32_C(0x811c9dc5);

	for (size_t i = 0; i < sizeof(map.identity); i++)
		tag = (tag ^ bytes[i]) * UINT32_C(0x01000193);
	log_format(map.file_name, sizeof(map.file_name), "names-%d-%x",
		   FAKEMAP_VERSION, tag);
}

void fakemap_setup(const struct config *config)
{
	int rc;

	map.config = config;
	map.capacity = capacity_of(config);
	map.size = file_size(map.capacity);
	map.identity = identity_of(config);
	name_file();
	take_directory("XDG_RUNTIME_DIR", map.runtime_dir);
	take_directory("TMPDIR", map.tmp_dir);
	if (sys0(SYS_geteuid) == 0)
		(void)file_of_map(&rc);
}

/* --- entries ------------------------------------------------------------- */

static uint32_t page_of(uint32_t index)
{
	return index / FAKEMAP_PAGE_ENTRIES;
}

static struct fakemap_entry *entry_at(struct fakemap_file *file, uint32_t index)
{
	return &file->pages[page_of(index)]
			.entries[index % FAKEMAP_PAGE_ENTRIES];
}

static bool is_backed(const struct fakemap_file *file, uint32_t page)
{
	uint32_t bits = __atomic_load_n(&file->header.backed[page / 32],
					__ATOMIC_ACQUIRE);

	return bits & UINT32_C(1) << page % 32;
}

/* Makes sure that an entry's page can be touched. */
static int back(struct fakemap_file *file, uint32_t page)
{
	uintptr_t os_page = getauxval(AT_PAGESZ);
	uintptr_t at = (uintptr_t)&file->pages[page] & ~(os_page - 1);
	long rc;

	if (is_backed(file, page))
		return 0;
	/* -EINVAL: a kernel that does not know it; then hope there is room. */
	rc = sys3(SYS_madvise, at, os_page, MADV_POPULATE_WRITE);
	if (rc < 0 && rc != -EINVAL)
		return -ENOSPC;
	__atomic_fetch_or(&file->header.backed[page / 32],
			  UINT32_C(1) << page % 32, __ATOMIC_RELEASE);
	return 0;
}

static uint64_t entry_tag(struct fakemap_file *file, uint32_t index)
{
	if (!is_backed(file, page_of(index)))
		return 0;
	return __atomic_load_n(&entry_at(file, index)->tag, __ATOMIC_ACQUIRE);
}

static uint64_t tag_of(const struct fakemap_file *file,
		       const struct endpoint *name)
{
	char lower[ENDPOINT_NAME_MAX];
	uint64_t tag;

	for (size_t i = 0; i < name->name_len; i++)
		lower[i] = text_lower(name->name[i]);
	tag = siphash(file->header.key, lower, name->name_len);
	return tag ? tag : 1;
}

/* Fills kind and name. False if the entry stands for nothing. */
static bool entry_read(struct fakemap_file *file, uint32_t index,
		       struct endpoint *name)
{
	const struct fakemap_entry *entry = entry_at(file, index);
	uint64_t tag = entry_tag(file, index);
	uint64_t words[FAKEMAP_NAME_WORDS];
	uint32_t length;

	if (tag == 0)
		return false;
	length = __atomic_load_n(&entry->length, __ATOMIC_ACQUIRE);
	if (length == 0 || length > ENDPOINT_NAME_MAX)
		return false;
	for (size_t i = 0; i * sizeof(words[0]) < length; i++)
		words[i] = __atomic_load_n(&entry->name[i], __ATOMIC_RELAXED);
	if (endpoint_set_name(name, (const char *)words, length) < 0)
		return false;
	return tag_of(file, name) == tag;
}

static void entry_write(struct fakemap_entry *entry,
			const struct endpoint *name)
{
	uint64_t words[FAKEMAP_NAME_WORDS] = { 0 };

	memcpy(words, name->name, name->name_len);
	for (size_t i = 0; i * sizeof(words[0]) < name->name_len; i++)
		__atomic_store_n(&entry->name[i], words[i], __ATOMIC_RELAXED);
	__atomic_store_n(&entry->length, name->name_len, __ATOMIC_RELEASE);
}

static uint32_t minute_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return (uint32_t)(t.tv_sec / 60);
}

/* Seldom a write: lookups shall leave the page alone. */
static void entry_used(struct fakemap_entry *entry)
{
	uint32_t now = minute_now();
	uint32_t then = __atomic_load_n(&entry->minute, __ATOMIC_RELAXED);
	int32_t ago = (int32_t)(now - then);

	if (ago > STAMP_MINUTES || ago < -STAMP_MINUTES)
		__atomic_store_n(&entry->minute, now, __ATOMIC_RELAXED);
}

/*
 * Whether an entry may be replaced, and by nobody else: the clock is set, and
 * only one can do that. One that was never stamped (its maker died, or is just
 * at it) is young from now on.
 */
static bool entry_retire(struct fakemap_entry *entry)
{
	uint32_t now = minute_now();
	uint32_t then = __atomic_load_n(&entry->minute, __ATOMIC_RELAXED);
	bool idle = (int32_t)(now - then) >= IDLE_MINUTES;

	if (then != 0 && !idle)
		return false;
	return __atomic_compare_exchange_n(&entry->minute, &then, now, false,
					   __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED) &&
	       then != 0;
}

/* --- search -------------------------------------------------------------- */

/* The n-th index to be looked at for a name: any but 0. */
static uint32_t index_for(uint64_t tag, uint32_t n)
{
	return 1 + (uint32_t)((tag + n) % (map.capacity - 1));
}

static uint32_t search_length(void)
{
	return map.capacity - 1 < SEARCH_MAX ? map.capacity - 1 : SEARCH_MAX;
}

/*
 * Lets the name have this entry, if it is free or the name's own.
 * TAKEN_BY_NAME, TAKEN_BY_OTHER or -ENOSPC.
 */
static int entry_offer(struct fakemap_file *file, uint32_t index, uint64_t tag,
		       const struct endpoint *name)
{
	uint64_t found = entry_tag(file, index);
	struct fakemap_entry *entry = entry_at(file, index);
	struct endpoint stored;

	if (found == 0) {
		int rc = back(file, page_of(index));

		if (rc < 0)
			return rc;
		if (__atomic_compare_exchange_n(&entry->tag, &found, tag, false,
						__ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			found = tag;
	}
	if (found != tag)
		return TAKEN_BY_OTHER;
	if (!entry_read(file, index, &stored))
		entry_write(entry, name);
	else if (!endpoint_same_host(&stored, name))
		return TAKEN_BY_OTHER;
	entry_used(entry);
	return TAKEN_BY_NAME;
}

/* The index of an idle entry that is the name's from now on, or -ENOSPC. */
static int replace_idle(struct fakemap_file *file, uint64_t tag,
			const struct endpoint *name)
{
	for (uint32_t n = 0; n < search_length(); n++) {
		uint32_t index = index_for(tag, n);
		struct fakemap_entry *entry = entry_at(file, index);
		uint64_t old = entry_tag(file, index);

		if (old == 0 || !entry_retire(entry))
			continue;
		if (!__atomic_compare_exchange_n(&entry->tag, &old, tag, false,
						 __ATOMIC_ACQ_REL,
						 __ATOMIC_RELAXED))
			continue;
		entry_write(entry, name);
		return (int)index;
	}
	return -ENOSPC;
}

/* The index of the name, made if it has none yet, or -errno. */
static int index_of(struct fakemap_file *file, const struct endpoint *name)
{
	uint64_t tag = tag_of(file, name);

	for (uint32_t n = 0; n < search_length(); n++) {
		uint32_t index = index_for(tag, n);
		int rc = entry_offer(file, index, tag, name);

		if (rc < 0)
			return rc;
		if (rc == TAKEN_BY_NAME)
			return (int)index;
	}
	return replace_idle(file, tag, name);
}

/* --- addresses ----------------------------------------------------------- */

static uint32_t read_be32(const uint8_t b[4])
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	       (uint32_t)b[2] << 8 | b[3];
}

static void write_be32(uint8_t b[4], uint32_t value)
{
	b[0] = (uint8_t)(value >> 24);
	b[1] = (uint8_t)(value >> 16);
	b[2] = (uint8_t)(value >> 8);
	b[3] = (uint8_t)value;
}

static void address_of(uint32_t index, int family, struct endpoint *out)
{
	const struct config *config = map.config;

	memset(out, 0, sizeof(*out));
	if (family == AF_INET6) {
		out->kind = ENDPOINT_IPV6;
		memcpy(out->v6, config->fake6, sizeof(config->fake6));
		write_be32(out->v6 + 12, index);
		return;
	}
	out->kind = ENDPOINT_IPV4;
	write_be32(out->v4, read_be32(config->fake4) + index);
}

/* Whether the address is in a fake range; *offset is where. */
static bool offset_of(const struct endpoint *address, uint64_t *offset)
{
	const struct config *config = map.config;
	uint32_t v4;

	if (!config)
		return false;
	switch (address->kind) {
	case ENDPOINT_IPV4:
		v4 = read_be32(address->v4) - read_be32(config->fake4);
		*offset = v4;
		return v4 >> (32 - config->fake4_bits) == 0;
	case ENDPOINT_IPV6:
		*offset = (uint64_t)read_be32(address->v6 + 8) << 32 |
			  read_be32(address->v6 + 12);
		return memcmp(address->v6, config->fake6,
			      sizeof(config->fake6)) == 0;
	default:
		return false;
	}
}

int fakemap_address(const struct endpoint *name, int family,
		    struct endpoint *out)
{
	struct fakemap_file *file;
	int index = 0;

	if (name->kind != ENDPOINT_NAME || name->name_len == 0)
		return -EINVAL;
	file = file_of_map(&index);
	if (!file)
		return index;
	index = index_of(file, name);
	if (index == -ENOSPC)
		log_once("fake map full", "names cannot be looked up: the map "
					  "of their addresses is full");
	if (index < 0)
		return index;
	address_of((uint32_t)index, family, out);
	return 0;
}

int fakemap_name(const struct endpoint *address, struct endpoint *name)
{
	struct fakemap_file *file;
	uint64_t index;
	int rc;

	if (!offset_of(address, &index))
		return 0;
	if (index == 0 || index >= map.capacity)
		return -ECONNREFUSED;
	file = file_of_map(&rc);
	if (!file || !entry_read(file, (uint32_t)index, name))
		return -ECONNREFUSED;
	entry_used(entry_at(file, (uint32_t)index));
	name->port = address->port;
	return 1;
}
