/* SPDX-License-Identifier: MIT */
/*
 * carry_target.h - who made a call that is carried: its memory and its descriptors
 *
 * A thread id may be another's by the time it is used, so what was read counts only after
 * target_waits has said that the call still waits. Errors are -errno; none of them is a
 * reason to let a call go on.
 */
#ifndef SOCKSIFY_LAUNCHER_CARRY_TARGET_H
#define SOCKSIFY_LAUNCHER_CARRY_TARGET_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/**
 * struct target - a thread whose call waits
 * @listener:	where its call was told
 * @id:		of the notification
 * @tid:	as this process sees it
 */
struct target {
	int listener;
	uint64_t id;
	pid_t tid;
};

/* Looks around where this process is; before all else. */
void target_setup(void);

/* /proc is there, and shows the targets under the numbers that they have here. */
bool target_has_proc(void);

/* Whether the call still waits for its answer. */
bool target_waits(const struct target *t);

/* A descriptor of our own, closed at exec, of the file that the target has as number. */
int target_file(const struct target *t, int number);

/* len bytes of the target's memory, all or -EFAULT. */
int target_read(const struct target *t, uint64_t at, void *out, size_t len);
int target_write(const struct target *t, uint64_t at, const void *bytes, size_t len);

/* What n vectors hold, one after the other; -EMSGSIZE where it is more than size. */
ssize_t target_gather(const struct target *t, const struct iovec *vectors, size_t n,
		      void *out, size_t size);

/* The thread is no more, or will not run again. */
bool target_is_gone(const struct target *t);

/*
 * A signal that has a handler or stops waits for the thread, whose call waits: the kernel
 * has noted that, so that the errnos of a call that begins anew (kernel-internal ones) hold.
 */
bool target_is_signalled(const struct target *t);

/* Lines of the log are about this one from now on (core/log.h); NULL: about nobody. */
void target_speak_for(const struct target *t);

/* Its name as ps shows it. The string holds until the next call. */
const char *target_name(const struct target *t);

/* A path that the target would open by this one, as this process sees it. */
void target_path(const struct target *t, const char *path, char *out, size_t size);

#endif
