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

/* What /proc says behind "Tgid:", or -ESRCH. */
static long process_of(pid_t tid)
{
	char name[48], line[128];
	long process = -ESRCH;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/status", (int)tid);
	file = fopen(name, "re");
	if (!file)
		return -ESRCH;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "Tgid:", 5)) {
			process = strtol(line + 5, NULL, 10);
			break;
		}
	fclose(file);
	return process;
}

/* Of the thread, or before Linux 6.9 of its process, whose descriptors are the same. */
static long open_pidfd(pid_t tid)
{
	long fd = sys2(SYS_pidfd_open, tid, PIDFD_THREAD);
	long process;

	if (fd != -EINVAL)
		return fd;
	process = process_of(tid);
	return process < 0 ? process : sys2(SYS_pidfd_open, process, 0);
}

int target_file(const struct target *t, int number)
{
	long pidfd, fd;

	if (t->tid <= 0)
		return -EPERM; /* in a pid namespace beside this one */
	pidfd = open_pidfd(t->tid);
	if (pidfd < 0)
		return (int)pidfd;
	fd = sys3(SYS_pidfd_getfd, pidfd, number, 0);
	close((int)pidfd);
	if (fd >= 0 && !target_waits(t)) {
		close((int)fd);
		return -ESRCH;
	}
	return (int)fd;
}

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

int target_write(const struct target *t, uint64_t at, const void *bytes, size_t len)
{
	struct iovec local = { (void *)bytes, len };
	struct iovec remote = { (void *)(uintptr_t)at, len };

	/* Before and not after: else another's memory would be written to. */
	if (!target_waits(t))
		return -ESRCH;
	if (len == 0)
		return 0;
	return whole(process_vm_writev(t->tid, &local, 1, &remote, 1, 0), len);
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

bool target_is_gone(const struct target *t)
{
	return kill(t->tid, 0) < 0 && errno == ESRCH;
}

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
