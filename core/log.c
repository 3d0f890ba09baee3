/* SPDX-License-Identifier: MIT */
/* log.c - levelled lines to standard error or a file; no heap, no stdio */
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "core/sys.h"

enum { SUBJECTS_MAX = 256, PROGRAM_MAX = 32 };

/**
 * struct destination - where lines go; written by log_setup only
 * @level:	the highest level that is written
 * @path:	a file's name; NULL: see @to_stderr
 * @to_stderr:	to descriptor 2, while it is still the file below
 * @device:	st_dev
 * @inode:	st_ino
 * @mode:	st_mode's file type
 */
struct destination {
	enum log_level level;
	const char *path;
	bool to_stderr;
	dev_t device;
	ino_t inode;
	mode_t mode;
};

static struct destination destination;

static log_speaker *speaker;
static bool never_waits;

/*
 * Hashes of the subjects told by log_once, in the order of their telling; 0 is
 * a free slot. Without a lock, for signal handlers: slots are claimed by
 * compare-and-swap, and only a full table, whose oldest is replaced at turn,
 * lets two threads tell the same at once.
 */
static uint64_t told[SUBJECTS_MAX];
static unsigned int turn;

/**
 * struct text - a line in the making
 * @out:	the buffer
 * @size:	its size
 * @len:	bytes used, at most @size
 */
struct text {
	char *out;
	size_t size;
	size_t len;
};

static void put(struct text *t, char c)
{
	if (t->len < t->size)
		t->out[t->len++] = c;
}

/* What comes from elsewhere must not steer a terminal or fake a line. */
static void put_foreign(struct text *t, char c)
{
	put(t, c >= ' ' && c < 0x7f ? c : '?');
}

static void put_string(struct text *t, const char *s)
{
	if (!s)
		s = "(null)";
	while (*s && t->len < t->size)
		put_foreign(t, *s++);
}

static void put_unsigned(struct text *t, unsigned long value, unsigned int base)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value > 0);
	while (n > 0)
		put(t, digits[--n]);
}

static void put_signed(struct text *t, long value)
{
	unsigned long magnitude = (unsigned long)value;

	if (value < 0) {
		put(t, '-');
		magnitude = 0 - magnitude;
	}
	put_unsigned(t, magnitude, 10);
}

static void put_errno(struct text *t, int error)
{
	/* Of either sign; INT_MIN has no opposite, and no text either. */
	const char *words = strerrordesc_np(error < 0 && error > -4096 ? -error
								       : error);

	if (words) {
		put_string(t, words);
		return;
	}
	put_string(t, "error ");
	put_signed(t, error);
}

static void put_size(struct text *t, char conversion, va_list *args)
{
	if (conversion == 'u')
		put_unsigned(t, va_arg(*args, unsigned long), 10);
	else
		put_signed(t, va_arg(*args, long));
}

/* One conversion, past its '%'. Returns where the format goes on. */
static const char *convert(struct text *t, const char *f, va_list *args)
{
	switch (*f) {
	case 's':
		put_string(t, va_arg(*args, const char *));
		break;
	case 'c':
		put_foreign(t, (char)va_arg(*args, int));
		break;
	case 'd':
		put_signed(t, va_arg(*args, int));
		break;
	case 'u':
		put_unsigned(t, va_arg(*args, unsigned int), 10);
		break;
	case 'x':
		put_unsigned(t, va_arg(*args, unsigned int), 16);
		break;
	case 'e':
		put_errno(t, va_arg(*args, int));
		break;
	case 'l':
	case 'z':
		if (f[1] != 'u' && f[1] != 'd')
			return f;
		put_size(t, *++f, args);
		break;
	case '%':
		put(t, '%');
		break;
	default:
		return f;
	}
	return f + 1;
}

static void put_format(struct text *t, const char *f, va_list *args)
{
	while (*f) {
		if (*f == '%')
			f = convert(t, f + 1, args);
		else
			put(t, *f++);
	}
}

size_t log_format(char *out, size_t size, const char *format, ...)
{
	struct text t = { .out = out, .size = size - 1 };
	va_list args;

	va_start(args, format);
	put_format(&t, format, &args);
	va_end(args);
	out[t.len] = '\0';
	return t.len;
}

static int identify_stderr(struct destination *d)
{
	struct stat st;
	long rc = sys2(SYS_fstat, 2, &st);

	if (rc < 0)
		return (int)rc;
	d->device = st.st_dev;
	d->inode = st.st_ino;
	d->mode = st.st_mode & S_IFMT;
	return 0;
}

void log_setup(enum log_level level, const char *path)
{
	struct destination d = { .level = level, .path = path };

	if (path && strcmp(path, "stderr") == 0) {
		d.path = NULL;
		d.to_stderr = identify_stderr(&d) == 0;
	}
	destination = d;
}

void log_speak_for(log_speaker *the_speaker)
{
	speaker = the_speaker;
}

void log_never_wait(void)
{
	never_waits = true;
}

bool log_wants(enum log_level level)
{
	return level != LOG_QUIET && level <= destination.level &&
	       (destination.path || destination.to_stderr);
}

/*
 * The program may have closed 2 and opened something else there: a socket, a
 * data file. Our lines would land in it.
 */
static bool stderr_is_unchanged(void)
{
	struct destination now = { 0 };

	return identify_stderr(&now) == 0 &&
	       now.device == destination.device &&
	       now.inode == destination.inode && now.mode == destination.mode;
}

/*
 * A file always has room. What else knows no RWF_NOWAIT is asked whether it has some, which
 * another writer may take first.
 */
static long write_now(int fd, const char *bytes, size_t len)
{
	const struct timespec no_wait = { 0 };
	const struct iovec whole = { (void *)bytes, len };
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	long r;

	if (!destination.to_stderr || destination.mode == S_IFREG)
		return sys3(SYS_write, fd, bytes, len);
	r = sys6(SYS_pwritev2, fd, &whole, 1, -1, -1, RWF_NOWAIT);
	if (r != -EOPNOTSUPP && r != -ENOSYS)
		return r;
	if (sys5(SYS_ppoll, &room, 1, &no_wait, NULL, sizeof(uint64_t)) != 1 ||
	    !(room.revents & POLLOUT))
		return -EAGAIN;
	return sys3(SYS_write, fd, bytes, len);
}

/*
 * Writes without the SIGPIPE that a reader's death brings: the program did not
 * ask for this write and must not die of it. One that was pending before is
 * the program's own and stays.
 */
static void write_quietly(int fd, const char *bytes, size_t len)
{
	const uint64_t pipe_signal = UINT64_C(1) << (SIGPIPE - 1);
	const size_t set_size = sizeof(pipe_signal);
	const struct timespec no_wait = { 0 };
	uint64_t before = 0, pending = 0;
	long rc;

	if (sys4(SYS_rt_sigprocmask, SIG_BLOCK, &pipe_signal, &before,
		 set_size) < 0)
		return;
	sys2(SYS_rt_sigpending, &pending, set_size);
	rc = never_waits ? write_now(fd, bytes, len) :
			   sys3(SYS_write, fd, bytes, len);
	if (rc == -EPIPE && !(pending & pipe_signal))
		sys4(SYS_rt_sigtimedwait, &pipe_signal, NULL, &no_wait,
		     set_size);
	sys4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, set_size);
}

static void deliver(const char *bytes, size_t len)
{
	long fd;

	if (destination.to_stderr) {
		if (stderr_is_unchanged())
			write_quietly(2, bytes, len);
		return;
	}
	/* O_NONBLOCK: a FIFO that nobody reads must not stop the program. */
	fd = sys4(SYS_openat, AT_FDCWD, destination.path,
		  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY |
			  O_NONBLOCK,
		  0600);
	if (fd < 0)
		return;
	write_quietly((int)fd, bytes, len);
	sys1(SYS_close, fd);
}

/* Some write a title over their arguments, into which libc's name points: its first word. */
static void put_program(struct text *t)
{
	const char *name = program_invocation_short_name;

	for (size_t i = 0; i < PROGRAM_MAX && name[i] && name[i] != ' '; i++)
		put_foreign(t, name[i]);
}

static void write_line(const char *format, va_list *args)
{
	char line[LOG_LINE_MAX];
	struct text t = { .out = line, .size = sizeof(line) - 1 };
	long pid;
	const char *who = speaker ? speaker(&pid) : NULL;

	put_string(&t, "socksify: ");
	if (who)
		put_string(&t, who);
	else
		put_program(&t);
	put(&t, '[');
	put_signed(&t, who ? pid : sys0(SYS_getpid));
	put_string(&t, "]: ");
	put_format(&t, format, args);
	line[t.len++] = '\n';
	deliver(line, t.len);
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	if (!log_wants(level))
		return;
	va_start(args, format);
	write_line(format, &args);
	va_end(args);
}

/* FNV-1a; never 0. */
static uint64_t hash(const char *subject)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *subject; subject++) {
		h ^= (uint8_t)*subject;
		h *= UINT64_C(0x100000001b3);
	}
	return h ? h : 1;
}

/* Remembers a subject; whether it was not known. */
static bool is_news(const char *subject)
{
	uint64_t h = hash(subject);
	unsigned int oldest;

	for (size_t i = 0; i < SUBJECTS_MAX; i++) {
		uint64_t found = 0;

		if (__atomic_compare_exchange_n(&told[i], &found, h, false,
						__ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return true;
		if (found == h)
			return false;
	}
	oldest = __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&told[oldest % SUBJECTS_MAX], h, __ATOMIC_RELAXED);
	return true;
}

void log_once(const char *subject, const char *format, ...)
{
	va_list args;

	if (!log_wants(LOG_REFUSAL) || !is_news(subject))
		return;
	va_start(args, format);
	write_line(format, &args);
	va_end(args);
}
