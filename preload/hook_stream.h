/* SPDX-License-Identifier: MIT */
/* hook_stream.h - what surrounds every data call */
#ifndef SOCKSIFY_PRELOAD_HOOK_STREAM_H
#define SOCKSIFY_PRELOAD_HOOK_STREAM_H

#include <stdbool.h>
#include <sys/single_threaded.h>

#include "preload/ask.h"
#include "preload/conn.h"
#include "preload/dnsconn.h"
#include "preload/hooks.h"

bool hook_before_pending(int fd, int flags, int option);

/* UDP has no urgent data, and does not look at the flag that asks for it. */
static inline int hook_no_urgent(int flags)
{
	return flags & ~MSG_OOB;
}

/*
 * A UDP socket that another thread may send by, through the proxy, while this one waits to
 * receive: what comes then is not to be received as it is.
 */
static inline bool hook_may_turn(int fd, int option)
{
	return option == SO_RCVTIMEO && !__libc_single_threaded &&
	       (fdtable_notes(fd) & (FD_SEEN | FD_STREAM)) == FD_SEEN;
}
long hook_after_failure(int fd, long result);

/*
 * Before a data call on fd, with its MSG_ flags and the timeout option that bounds
 * it: false when the call ends here (errno is set), since a connection is still
 * under way.
 */
static inline bool hook_before(int fd, int flags, int option)
{
	return (!conn_any() && !ask_any() && !hook_may_turn(fd, option)) ||
	       hook_before_pending(fd, flags, option);
}

/*
 * After it: what the kernel says of a failed connection is ECONNREFUSED, since we
 * made it look so; the program is told what really happened, once.
 */
static inline long hook_after(int fd, long result)
{
	if (result >= 0 && ask_any())
		dnsconn_after_data(fd);
	return result >= 0 || !conn_any() ? result :
					    hook_after_failure(fd, result);
}

#endif
