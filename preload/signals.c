/* SPDX-License-Identifier: MIT */
/*
 * signals.c - signals held off for a moment, and what an interrupted wait means
 */
#include "preload/signals.h"

#include <stdint.h>
#include <string.h>

#include "core/sys.h"

enum { KERNEL_SIGSET_SIZE = 8 };

/* As the kernel has it; libc's struct sigaction is another. */
struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	unsigned long mask;
};

/* SIGCANCEL and SIGSETXID, which glibc keeps to itself: nptl(7). */
#define GLIBC_SIGNALS (UINT64_C(3) << (32 - 1))

void signals_exchange(const sigset_t *set, sigset_t *blocked)
{
	memset(blocked, 0, sizeof(*blocked));
	sys4(SYS_rt_sigprocmask, SIG_SETMASK, set, blocked, KERNEL_SIGSET_SIZE);
}

static void block(uint64_t signals, sigset_t *before)
{
	sigset_t set;

	memset(&set, 0, sizeof(set));
	memcpy(&set, &signals, sizeof(signals));
	signals_exchange(&set, before);
}

void signals_block(sigset_t *before)
{
	block(UINT64_MAX, before);
}

void signals_block_but_cancel(sigset_t *before)
{
	block(~GLIBC_SIGNALS, before);
}

void signals_restore(const sigset_t *before)
{
	sys4(SYS_rt_sigprocmask, SIG_SETMASK, before, NULL,
	     KERNEL_SIGSET_SIZE);
}

bool signals_restart(const sigset_t *before)
{
	uint64_t blocked;

	memcpy(&blocked, before, sizeof(blocked));
	for (int number = 1; number < NSIG; number++) {
		struct kernel_sigaction action;

		if (blocked >> (number - 1) & 1 ||
		    sys4(SYS_rt_sigaction, number, NULL, &action,
			 KERNEL_SIGSET_SIZE) < 0)
			continue;
		if (action.handler != (void *)SIG_DFL &&
		    action.handler != (void *)SIG_IGN &&
		    !(action.flags & SA_RESTART))
			return false;
	}
	return true;
}
