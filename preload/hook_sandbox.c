/* SPDX-License-Identifier: MIT */
/*
 * hook_sandbox.c - prctl, by which a program says that it is about to give something up
 *
 * A sandbox is put on in these steps: no new privileges, a filter of system calls, another
 * root. Firefox's process for sockets has no files after that, but is handed addresses that
 * its parent has looked up. So what we need of the files is got before.
 *
 * Programs call it between fork and exec, where libc's is not looked for: that might wait for
 * a lock of the loader's which nobody has any more.
 */
#include <stdarg.h>
#include <sys/prctl.h>

#include "core/sys.h"
#include "preload/hooks.h"
#include "resolver/fakemap.h"

EXPORT int prctl(int option, ...)
{
	unsigned long words[4];
	va_list args;
	int before = errno;

	va_start(args, option);
	for (size_t i = 0; i < 4; i++)
		words[i] = va_arg(args, unsigned long);
	va_end(args);
	if (option == PR_SET_NO_NEW_PRIVS || option == PR_SET_SECCOMP) {
		hooks_ready();
		fakemap_open();
		errno = before;
	}
	return (int)hooks_result(sys5(SYS_prctl, option, words[0], words[1],
				      words[2], words[3]));
}
