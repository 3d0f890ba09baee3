/* SPDX-License-Identifier: MIT */
/* carry_target.c - who made a call that is carried: its memory and its descriptors */
#include "launcher/carry_target.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/sys.h"

#ifndef PIDFD_THREAD /* Linux 6.9 */
#define PIDFD_THREAD O_EXCL
#endif

bool target_waits(const struct target *t)
{
	return ioctl(t->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &t->id) == 0;
}

/* --- what /proc says of it ---------------------------------------------------------- */

/**
 * struct status - a thread, as /proc/TID/status has it
 * @state:	a letter
 * @process:	whose thread it is
 * @ours:	its number in the innermost pid namespace; -1: it has more than one
 * @pending:	signals for it alone, which wait
 * @shared:	those for any thread of the process
 * @blocked:	those that it does not take
 * @ignored:	those that nothing comes of
 * @caught:	those that have a handler
 */
struct status {
	char state;
	pid_t process;
	pid_t ours;
	uint64_t pending;
	uint64_t shared;
	uint64_t blocked;
	uint64_t ignored;
	uint64_t caught;
};

static void take_signals(const char *line, const char *name, uint64_t *signals)
{
	size_t len = strlen(name);

	if (!strncmp(line, name, len))
		*signals = strtoull(line + len, NULL, 16);
}

static void take_line(struct status *s, const char *line)
{
	char *end;

	if (!strncmp(line, "State:\t", 7))
		s->state = line[7];
	if (!strncmp(line, "Tgid:", 5))
		s->process = (pid_t)strtol(line + 5, NULL, 10);
	if (!strncmp(line, "NSpid:", 6)) {
		s->ours = (pid_t)strtol(line + 6, &end, 10);
		if (*end != '\n')
			s->ours = -1;
	}
	take_signals(line, "SigPnd:", &s->pending);
	take_signals(line, "ShdPnd:", &s->shared);
	take_signals(line, "SigBlk:", &s->blocked);
	take_signals(line, "SigIgn:", &s->ignored);
	take_signals(line, "SigCgt:", &s->caught);
}

/* 0 or -errno; -ESRCH: there is no such thread. */
static int read_status(pid_t tid, struct status *s)
{
	char name[48], line[256];
	FILE *file;

	*s = (struct status){ .process = 0 };
	snprintf(name, sizeof(name), "/proc/%d/status", (int)tid);
	file = fopen(name, "re");
	if (!file)
		return errno == ENOENT ? -ESRCH : -errno;
	while (fgets(line, sizeof(line), file))
		take_line(s, line);
	fclose(file);
	return s->process > 0 ? 0 : -ESRCH; /* it has gone meanwhile */
}

/*
 * Whether what /proc shows under a number is what has that number here. In a pid namespace
 * of one's own it may still be the outer one's.
 */
static bool proc_is_ours;

void target_setup(void)
{
	struct status s;

	proc_is_ours = read_status(getpid(), &s) == 0 && s.ours == getpid();
}

bool target_has_proc(void)
{
	return proc_is_ours;
}

/* --- its descriptors ------------------------------------------------------------------ */

/* A thread may have descriptors of its own: what is the process's is looked at twice. */
static bool is_file_of(pid_t tid, int number, int fd)
{
	struct stat there, here;
	char name[64];

	snprintf(name, sizeof(name), "/proc/%d/fd/%d", (int)tid, number);
	return stat(name, &there) == 0 && fstat(fd, &here) == 0 &&
	       there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

static long file_by(long pidfd, int number)
{
	long fd;

	if (pidfd < 0)
		return pidfd;
	fd = sys3(SYS_pidfd_getfd, pidfd, number, 0);
	close((int)pidfd);
	return fd;
}

/* Before Linux 6.9 a descriptor of a thread can be had from its process only. */
static long file_of_process(pid_t tid, int number)
{
	struct status s;
	long fd;
	int r;

	if (!proc_is_ours)
		return file_by(sys2(SYS_pidfd_open, tid, 0), number);
	r = read_status(tid, &s);
	if (r < 0)
		return r;
	fd = file_by(sys2(SYS_pidfd_open, s.process, 0), number);
	if (fd >= 0 && s.process != tid && !is_file_of(tid, number, (int)fd)) {
		close((int)fd);
		return -EPERM;
	}
	return fd;
}

int target_file(const struct target *t, int number)
{
	long pidfd, fd;

	if (t->tid <= 0)
		return -EPERM; /* in a pid namespace beside this one */
	pidfd = sys2(SYS_pidfd_open, t->tid, PIDFD_THREAD);
	fd = pidfd == -EINVAL ? file_of_process(t->tid, number) :
				file_by(pidfd, number);
	if (fd >= 0 && !target_waits(t)) {
		close((int)fd);
		return -ESRCH;
	}
	return (int)fd;
}

/* --- its memory ------------------------------------------------------------------------ */

static int whole(ssize_t n, size_t len)
{
	if (n < 0)
		return errno == EFAULT || errno == ENOMEM ? -EFAULT : -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}

int target_read(const struct target *t, uint64_t at, void *out, size_t len)
{
	struct iovec local = { out, len };
	struct iovec remote = { (void *)(uintptr_t)at, len };
	int r;

	if (len == 0)
		return 0;
	r = whole(process_vm_readv(t->tid, &local, 1, &remote, 1, 0), len);
	return r == 0 && !target_waits(t) ? -ESRCH : r;
}

static int open_memory(const struct target *t)
{
	char name[48];

	snprintf(name, sizeof(name), "/proc/%d/mem", (int)t->tid);
	return proc_is_ours ? open(name, O_WRONLY | O_CLOEXEC) : -1;
}

/*
 * The descriptor stays with the memory that it was opened for, whosever the number becomes;
 * and the call waits after it was opened. Without /proc the number has to do.
 */
int target_write(const struct target *t, uint64_t at, const void *bytes, size_t len)
{
	struct iovec local = { (void *)bytes, len };
	struct iovec remote = { (void *)(uintptr_t)at, len };
	int fd, r = 0;

	if (len == 0)
		return target_waits(t) ? 0 : -ESRCH;
	fd = open_memory(t);
	if (!target_waits(t))
		r = -ESRCH;
	else if (fd < 0)
		r = whole(process_vm_writev(t->tid, &local, 1, &remote, 1, 0), len);
	else if (pwrite(fd, bytes, len, (off_t)at) != (ssize_t)len)
		r = -EFAULT;
	if (fd >= 0)
		close(fd);
	return r;
}

ssize_t target_gather(const struct target *t, const struct iovec *vectors, size_t n,
		      void *out, size_t size)
{
	struct iovec local = { out, size };
	size_t len = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		if (vectors[i].iov_len > size - len)
			return -EMSGSIZE;
		len += vectors[i].iov_len;
	}
	if (len == 0)
		return 0;
	local.iov_len = len;
	r = whole(process_vm_readv(t->tid, &local, 1, vectors, n, 0), len);
	if (r < 0)
		return r;
	return target_waits(t) ? (ssize_t)len : -ESRCH;
}

/* --- how it stands ---------------------------------------------------------------------- */

bool target_is_gone(const struct target *t)
{
	struct status s;
	int r;

	if (!proc_is_ours)
		return kill(t->tid, 0) < 0 && errno == ESRCH;
	r = read_status(t->tid, &s);
	return r == -ESRCH || (r == 0 && (s.state == 'Z' || s.state == 'X'));
}

static uint64_t bit(int number)
{
	return UINT64_C(1) << (number - 1);
}

/*
 * What is sent to a process the kernel gives to its first thread, if that takes it; of other
 * threads it is not known whom it was given to.
 */
static bool has_signal(const struct status *s, pid_t tid)
{
	uint64_t stops = bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU);
	uint64_t there = s->process == tid ? s->pending | s->shared : s->pending;

	return there & (s->caught | (stops & ~s->ignored)) & ~s->blocked;
}

/* Another thread has begun a stop of all. */
static bool is_to_stop(const struct status *s, pid_t tid)
{
	struct status first;

	return s->process != tid && read_status(s->process, &first) == 0 &&
	       first.state == 'T';
}

bool target_is_signalled(const struct target *t)
{
	struct status s;

	return proc_is_ours && read_status(t->tid, &s) == 0 &&
	       (has_signal(&s, t->tid) || is_to_stop(&s, t->tid)) && target_waits(t);
}

/* --- its names -------------------------------------------------------------------------- */

const char *target_name(const struct target *t)
{
	static char name[17];
	char path[48];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)t->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, name, sizeof(name) - 1);
		close(fd);
	}
	name[n > 0 ? n : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	return *name ? name : "-";
}

static const struct target *subject;

static const char *name_subject(long *pid)
{
	if (!subject)
		return NULL;
	*pid = subject->tid;
	return target_name(subject);
}

void target_speak_for(const struct target *t)
{
	subject = t;
	log_speak_for(name_subject);
}

void target_path(const struct target *t, const char *path, char *out, size_t size)
{
	snprintf(out, size, "/proc/%d/%s/%s", (int)t->tid,
		 *path == '/' ? "root" : "cwd", path);
}
