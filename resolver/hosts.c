/* SPDX-License-Identifier: MIT */
/*
 * hosts.c - what this machine knows by itself: /etc/hosts and its own name
 *
 * The file is kept as it is, beside an index of where its names and addresses
 * are, in one piece of memory that never changes: a snapshot. When the file has
 * changed, a new snapshot takes the place of the old, which is freed when
 * nobody reads any. There is no lock that a fork or siglongjmp could leave
 * taken: at worst an old snapshot is not freed.
 */
#include "resolver/hosts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/text.h"

enum {
	SIZE_MAX_BYTES = 16 << 20, /* of the file; what is beyond is not seen */
	WORDS_MAX = 1 << 20,	   /* likewise names and addresses */
	LOOK_AGAIN_S = 1,
};

/**
 * struct slot - where a name or an address is
 * @hash:	of the name or address
 * @line:	offset of its line, plus 1; 0: the slot is free
 */
struct slot {
	uint32_t hash;
	uint32_t line;
};

/**
 * struct identity - tells one state of the file from another; zeros: no file
 */
struct identity {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
	struct timespec modified;
};

/**
 * struct snapshot - the file as it was, never changed once published
 * @next:	of those not in use any more
 * @identity:	of the file
 * @own_name:	the machine's name then
 * @text:	the file's content
 * @len:	its length
 * @slots:	open addressing, linear; equal hashes in the order of the lines
 * @mask:	slots less one; a power of two less one
 * @mapped:	bytes of the whole
 */
struct snapshot {
	struct snapshot *next;
	struct identity identity;
	char own_name[sizeof(((struct utsname *)0)->nodename)];
	const char *text;
	size_t len;
	struct slot *slots;
	uint32_t mask;
	size_t mapped;
};

static const char *hosts_path = "/etc/hosts"; /* atomic */

static const char *path(void)
{
	return __atomic_load_n(&hosts_path, __ATOMIC_RELAXED);
}

/*
 * All atomic. A reader counts itself before it loads current; a snapshot that
 * was taken out of current, and then found while there were no readers, has
 * none.
 */
static struct snapshot *current;
static struct snapshot *retired;
static unsigned int readers;
static int64_t looked_at;

/* --- addresses ----------------------------------------------------------- */

bool hosts_set_address(struct hosts_address *out, const struct endpoint *e)
{
	memset(out, 0, sizeof(*out));
	switch (e->kind) {
	case ENDPOINT_IPV4:
		out->family = AF_INET;
		memcpy(out->bytes, e->v4, sizeof(e->v4));
		return true;
	case ENDPOINT_IPV6:
		out->family = AF_INET6;
		memcpy(out->bytes, e->v6, sizeof(e->v6));
		return true;
	default:
		return false;
	}
}

/* --- words --------------------------------------------------------------- */

static bool is_blank(char c)
{
	return (unsigned char)c <= ' ' && c != '\n';
}

/* The next word of a line, which ends at a newline or '#'. */
static bool next_word(struct text *rest, struct text *word)
{
	size_t n = 0;

	while (rest->len && is_blank(*rest->at)) {
		rest->at++;
		rest->len--;
	}
	while (n < rest->len && !is_blank(rest->at[n]) && rest->at[n] != '#' &&
	       rest->at[n] != '\n')
		n++;
	*word = (struct text){ rest->at, n };
	rest->at += n;
	rest->len -= n;
	return n > 0;
}

/* The text from a line's beginning on. */
static struct text rest_from(const struct snapshot *s, size_t offset)
{
	return (struct text){ s->text + offset, s->len - offset };
}

static bool parse_address(struct text word, struct hosts_address *out)
{
	char string[INET6_ADDRSTRLEN];
	struct endpoint e;

	return text_copy(word, string, sizeof(string)) &&
	       endpoint_parse_address(&e, string) == 0 &&
	       hosts_set_address(out, &e);
}

static bool same_address(const struct hosts_address *a,
			 const struct hosts_address *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* FNV-1a, without regard to case. */
static uint32_t hash_of(const void *bytes, size_t len)
{
	const char *at = bytes;
	uint32_t hash = UINT32_C(0x811c9dc5);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)text_lower(at[i])) *
		       UINT32_C(0x01000193);
	return hash;
}

static uint32_t hash_address(const struct hosts_address *address)
{
	return hash_of(address->bytes, sizeof(address->bytes)) +
	       (uint32_t)address->family;
}

/* --- making a snapshot --------------------------------------------------- */

/*
 * Notes that a name or address of this hash is on this line. Of many lines for
 * the same, only as many as an answer has room for.
 */
static void index_word(struct snapshot *s, uint32_t hash, size_t line)
{
	int equal = 0;

	for (uint32_t i = hash & s->mask;; i = (i + 1) & s->mask) {
		struct slot *slot = &s->slots[i];

		if (!slot->line) {
			slot->hash = hash;
			slot->line = (uint32_t)line + 1;
			return;
		}
		if (slot->hash == hash && ++equal == HOSTS_ADDRESSES_MAX)
			return;
	}
}

/* Returns how many words it noted. */
static uint32_t index_line(struct snapshot *s, size_t line)
{
	struct text rest = rest_from(s, line), word;
	struct hosts_address address;
	uint32_t n = 1;

	if (!next_word(&rest, &word) || !parse_address(word, &address))
		return 0;
	index_word(s, hash_address(&address), line);
	for (; next_word(&rest, &word); n++)
		index_word(s, hash_of(word.at, word.len), line);
	return n;
}

static size_t next_line(const struct snapshot *s, size_t line)
{
	const char *end = memchr(s->text + line, '\n', s->len - line);

	return end ? (size_t)(end - s->text) + 1 : s->len;
}

static void index_text(struct snapshot *s)
{
	uint32_t left = s->mask / 2;

	for (size_t line = 0; line < s->len; line = next_line(s, line)) {
		/* A word takes two bytes of the line, with what ends it. */
		if ((next_line(s, line) - line) / 2 + 1 > left)
			break;
		left -= index_line(s, line);
	}
}

/* Slots for a file: twice as many as it can have words. */
static uint32_t slots_for(size_t len)
{
	uint32_t slots = 64;

	while (slots < len + 4 && slots < 2 * WORDS_MAX)
		slots *= 2;
	return slots;
}

static struct snapshot *new_snapshot(size_t len)
{
	uint32_t slots = slots_for(len);
	size_t index_size = slots * sizeof(struct slot);
	size_t mapped = sizeof(struct snapshot) + index_size + len;
	struct snapshot *s;
	long at;

	at = sys6(SYS_mmap, NULL, mapped, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at < 0 && at > -4096)
		return NULL;
	s = (struct snapshot *)at;
	s->slots = (struct slot *)(s + 1);
	s->mask = slots - 1;
	s->text = (const char *)(s->slots + slots);
	s->mapped = mapped;
	return s;
}

static void free_snapshot(struct snapshot *s)
{
	sys2(SYS_munmap, s, s->mapped);
}

/* How much of the file was read. */
static size_t read_text(int fd, char *text, size_t size)
{
	size_t len = 0;

	while (len < size) {
		long n = sys3(SYS_read, fd, text + len, size - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return len;
}

/* The machine's name; empty if it has none. */
static void read_own_name(char *name, size_t size)
{
	struct utsname machine;

	name[0] = '\0';
	if (sys1(SYS_uname, &machine) == 0)
		text_copy(text_of(machine.nodename), name, size);
}

static struct identity identity_of(const struct stat *st)
{
	struct identity identity;

	memset(&identity, 0, sizeof(identity));
	identity.device = st->st_dev;
	identity.inode = st->st_ino;
	identity.size = st->st_size;
	identity.changed = st->st_ctim;
	identity.modified = st->st_mtim;
	return identity;
}

static struct snapshot *snapshot_of(int fd, const struct stat *st)
{
	size_t size = st->st_size < SIZE_MAX_BYTES ? (size_t)st->st_size
						   : SIZE_MAX_BYTES;
	struct snapshot *s = new_snapshot(size);

	if (!s)
		return NULL;
	s->identity = identity_of(st);
	s->len = read_text(fd, (char *)s->text, size);
	index_text(s);
	return s;
}

/* The file as it is now; empty if there is none. NULL: no memory. */
static struct snapshot *load(void)
{
	struct snapshot *s = NULL;
	struct stat st;
	long fd;

	fd = sys4(SYS_openat, AT_FDCWD, path(),
		  O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	if (fd >= 0 && sys2(SYS_fstat, fd, &st) == 0 && S_ISREG(st.st_mode))
		s = snapshot_of((int)fd, &st);
	else
		s = new_snapshot(0);
	if (fd >= 0)
		sys1(SYS_close, fd);
	if (s)
		read_own_name(s->own_name, sizeof(s->own_name));
	return s;
}

/* --- keeping it fresh ---------------------------------------------------- */

static bool is_stale(const struct snapshot *s)
{
	char own_name[sizeof(s->own_name)];
	struct identity now;
	struct stat st;

	memset(&now, 0, sizeof(now));
	if (sys4(SYS_newfstatat, AT_FDCWD, path(), &st, 0) == 0)
		now = identity_of(&st);
	read_own_name(own_name, sizeof(own_name));
	return memcmp(&now, &s->identity, sizeof(now)) != 0 ||
	       strcmp(own_name, s->own_name) != 0;
}

/* Whether it is this thread's turn to look whether the file has changed. */
static bool time_to_look(void)
{
	int64_t then = __atomic_load_n(&looked_at, __ATOMIC_RELAXED);
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec - then < LOOK_AGAIN_S)
		return false;
	return __atomic_compare_exchange_n(&looked_at, &then, now.tv_sec, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static void retire(struct snapshot *s)
{
	s->next = __atomic_load_n(&retired, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&retired, &s->next, s, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
}

/* Frees what was retired, unless somebody may still be reading it. */
static void free_retired(void)
{
	struct snapshot *s =
		__atomic_exchange_n(&retired, NULL, __ATOMIC_SEQ_CST);
	bool unread = __atomic_load_n(&readers, __ATOMIC_SEQ_CST) == 0;

	while (s) {
		struct snapshot *next = s->next;

		if (unread)
			free_snapshot(s);
		else
			retire(s);
		s = next;
	}
}

static void renew(void)
{
	struct snapshot *old, *s = load();

	if (!s)
		return;
	old = __atomic_exchange_n(&current, s, __ATOMIC_SEQ_CST);
	if (old)
		retire(old);
}

/* The snapshot, fresh enough, until release. NULL when there is no memory. */
static const struct snapshot *acquire(void)
{
	const struct snapshot *s;

	__atomic_fetch_add(&readers, 1, __ATOMIC_SEQ_CST);
	s = __atomic_load_n(&current, __ATOMIC_SEQ_CST);
	if (s && !time_to_look())
		return s;
	if (!s || is_stale(s)) {
		renew();
		s = __atomic_load_n(&current, __ATOMIC_SEQ_CST);
	}
	return s;
}

static void release(void)
{
	__atomic_fetch_sub(&readers, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&retired, __ATOMIC_RELAXED))
		free_retired();
}

void hosts_setup(const char *file)
{
	__atomic_store_n(&hosts_path, file, __ATOMIC_RELAXED);
	__atomic_store_n(&looked_at, 0, __ATOMIC_RELAXED);
}

/* --- answers ------------------------------------------------------------- */

void hosts_begin(struct hosts_answer *answer)
{
	answer->name[0] = '\0';
	answer->count = 0;
	answer->aliases_len = 0;
}

void hosts_add_address(struct hosts_answer *answer,
		       const struct hosts_address *address)
{
	for (size_t i = 0; i < answer->count; i++)
		if (same_address(&answer->addresses[i], address))
			return;
	if (answer->count < HOSTS_ADDRESSES_MAX)
		answer->addresses[answer->count++] = *address;
}

static void add_alias(struct hosts_answer *answer, struct text word)
{
	size_t left = sizeof(answer->aliases) - answer->aliases_len;
	const char *end = answer->aliases + answer->aliases_len;

	if (text_is_nocase(word, answer->name))
		return;
	for (const char *a = answer->aliases; a < end; a += strlen(a) + 1)
		if (text_is_nocase(word, a))
			return;
	if (word.len < left &&
	    text_copy(word, answer->aliases + answer->aliases_len, left))
		answer->aliases_len += word.len + 1;
}

/* A line's names; the first answer's first name is the canonical one. */
static void add_names(struct hosts_answer *answer, struct text rest)
{
	struct text word;

	while (next_word(&rest, &word)) {
		if (answer->name[0])
			add_alias(answer, word);
		else
			text_copy(word, answer->name, sizeof(answer->name));
	}
}

static bool line_names(struct text rest, const char *name)
{
	struct text word;

	while (next_word(&rest, &word))
		if (text_is_nocase(word, name))
			return true;
	return false;
}

/* family: of the lines that count, or AF_UNSPEC. */
static bool find_name(const struct snapshot *s, const char *name, int family,
		      struct hosts_answer *answer)
{
	uint32_t hash = hash_of(name, strlen(name));

	for (uint32_t i = hash & s->mask; s->slots[i].line;
	     i = (i + 1) & s->mask) {
		struct hosts_address address;
		struct text rest, word;

		if (s->slots[i].hash != hash)
			continue;
		rest = rest_from(s, s->slots[i].line - 1);
		if (!next_word(&rest, &word) ||
		    !parse_address(word, &address) || !line_names(rest, name))
			continue;
		if (family != AF_UNSPEC && address.family != family)
			continue;
		hosts_add_address(answer, &address);
		add_names(answer, rest);
	}
	return answer->count > 0;
}

static bool find_address(const struct snapshot *s,
			 const struct hosts_address *wanted,
			 struct hosts_answer *answer)
{
	uint32_t hash = hash_address(wanted);

	for (uint32_t i = hash & s->mask; s->slots[i].line;
	     i = (i + 1) & s->mask) {
		struct hosts_address address;
		struct text rest, word;

		if (s->slots[i].hash != hash)
			continue;
		rest = rest_from(s, s->slots[i].line - 1);
		if (!next_word(&rest, &word) ||
		    !parse_address(word, &address) ||
		    !same_address(&address, wanted))
			continue;
		add_names(answer, rest);
		if (!answer->name[0])
			continue;
		hosts_add_address(answer, &address);
		return true;
	}
	return false;
}

static const struct hosts_address loopbacks[] = {
	{ .family = AF_INET6, .bytes = { [15] = 1 } },
	{ .family = AF_INET, .bytes = { 127, 0, 0, 1 } },
};

/* RFC 6761 section 6.3: localhost and all below it. */
static bool is_localhost(const char *name)
{
	static const char word[] = "localhost";
	size_t len = strlen(name), tail = sizeof(word) - 1;

	if (len < tail || !text_is_nocase(text_of(name + len - tail), word))
		return false;
	return len == tail || name[len - tail - 1] == '.';
}

static bool answer_loopback(const char *name, int family,
			    struct hosts_answer *answer)
{
	text_copy(text_of(name), answer->name, sizeof(answer->name));
	for (size_t i = 0; i < 2; i++)
		if (family == AF_UNSPEC || loopbacks[i].family == family)
			hosts_add_address(answer, &loopbacks[i]);
	return true;
}

bool hosts_by_name_in(const char *name, int family, struct hosts_answer *answer)
{
	const struct snapshot *s = acquire();
	bool found, own;

	hosts_begin(answer);
	found = s && find_name(s, name, family, answer);
	own = s && text_is_nocase(text_of(name), s->own_name);
	release();
	if (found)
		return true;
	if (own || is_localhost(name))
		return answer_loopback(name, family, answer);
	return false;
}

bool hosts_by_name(const char *name, struct hosts_answer *answer)
{
	return hosts_by_name_in(name, AF_UNSPEC, answer);
}

bool hosts_by_address(const struct hosts_address *address,
		      struct hosts_answer *answer)
{
	const struct snapshot *s = acquire();
	bool found;

	hosts_begin(answer);
	found = s && find_address(s, address, answer);
	release();
	if (found)
		return true;
	for (size_t i = 0; i < 2; i++) {
		if (!same_address(address, &loopbacks[i]))
			continue;
		text_copy(text_of("localhost"), answer->name,
			  sizeof(answer->name));
		hosts_add_address(answer, address);
		return true;
	}
	return false;
}

/* --- line by line -------------------------------------------------------- */

static bool read_line(struct text rest, struct hosts_answer *answer)
{
	struct hosts_address address;
	struct text word;

	hosts_begin(answer);
	if (!next_word(&rest, &word) || !parse_address(word, &address))
		return false;
	hosts_add_address(answer, &address);
	add_names(answer, rest);
	return answer->name[0] != '\0';
}

/* Where a line begins; the file may have changed under who reads it. */
static size_t line_at(const struct snapshot *s, size_t offset)
{
	if (offset == 0 || offset >= s->len || s->text[offset - 1] == '\n')
		return offset;
	return next_line(s, offset);
}

bool hosts_next(size_t *offset, struct hosts_answer *answer)
{
	const struct snapshot *s = acquire();
	bool found = false;

	for (size_t at = s ? line_at(s, *offset) : 0;
	     s && !found && at < s->len; *offset = at) {
		found = read_line(rest_from(s, at), answer);
		at = next_line(s, at);
	}
	release();
	return found;
}
