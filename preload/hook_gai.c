/* SPDX-License-Identifier: MIT */
/*
 * hook_gai.c - getaddrinfo_a, whose answers are there when it returns
 *
 * libc asks in threads of its own, by sockets that nobody can interpose. A fake address is
 * given without waiting, so there is nothing to be done in the background: the call itself
 * looks every name up, and then tells of it as was asked for. Where names are direct or
 * asked for over the proxy it takes as long as that takes. gai_error, gai_suspend and
 * gai_cancel are libc's: to them the requests are over.
 */
#include <pthread.h>
#include <stdlib.h>

#include "core/sys.h"
#include "preload/hooks.h"
#include "resolver/resolver.h"

/**
 * struct notice - what a program's function is called with, in a thread that it asked for
 */
struct notice {
	void (*function)(union sigval value);
	union sigval value;
};

static void *give_notice(void *arg)
{
	struct notice notice = *(struct notice *)arg;

	free(arg);
	notice.function(notice.value);
	return NULL;
}

/* The thread is not ours but what SIGEV_THREAD means. */
static void notify_by_thread(const struct sigevent *event)
{
	const pthread_attr_t *attributes = event->sigev_notify_attributes;
	struct notice *notice = malloc(sizeof(*notice));
	pthread_t thread;

	if (notice == NULL)
		return;
	notice->function = event->sigev_notify_function;
	notice->value = event->sigev_value;
	if (pthread_create(&thread, attributes, give_notice, notice) != 0)
		free(notice);
	else if (attributes == NULL)
		pthread_detach(thread);
}

static void notify_by_signal(const struct sigevent *event)
{
	siginfo_t info = { .si_signo = event->sigev_signo,
			   .si_code = SI_ASYNCNL };
	pid_t self = (pid_t)sys0(SYS_getpid);

	info.si_pid = self;
	info.si_uid = (uid_t)sys0(SYS_getuid);
	info.si_value = event->sigev_value;
	sys3(SYS_rt_sigqueueinfo, self, event->sigev_signo, &info);
}

static void notify(const struct sigevent *event)
{
	switch (event->sigev_notify) {
	case SIGEV_THREAD:
		notify_by_thread(event);
		break;
	case SIGEV_SIGNAL:
		notify_by_signal(event);
		break;
	default:
		break;
	}
}

EXPORT int getaddrinfo_a(int mode, struct gaicb *list[], int n,
			 struct sigevent *event)
{
	int before = errno;

	hooks_ready();
	if (mode != GAI_WAIT && mode != GAI_NOWAIT) {
		errno = EINVAL;
		return EAI_SYSTEM;
	}
	for (int i = 0; i < n; i++)
		if (list[i] != NULL)
			list[i]->__return = resolver_getaddrinfo(
				list[i]->ar_name, list[i]->ar_service,
				list[i]->ar_request, &list[i]->ar_result);
	if (mode == GAI_NOWAIT && event != NULL)
		notify(event);
	errno = before;
	return 0;
}
