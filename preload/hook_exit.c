/* SPDX-License-Identifier: MIT */
/*
 * hook_exit.c - the end of a process that runs no destructor
 *
 * As of exit(), init.c: what it sent last may still be on its way. A child of vfork ends
 * without: its sockets are its parent's. libc's own is the system call and no more, and is
 * not looked up: a child may end so while a thread that it does not have holds the loader's
 * lock.
 */
#include <stdlib.h>
#include <unistd.h>

#include "core/sys.h"
#include "preload/dgram.h"
#include "preload/hooks.h"

EXPORT void _exit(int status)
{
	dgram_leave();
	for (;;)
		sys1(SYS_exit_group, status);
}

EXPORT void _Exit(int status)
{
	_exit(status);
}
