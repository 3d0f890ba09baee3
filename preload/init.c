/* SPDX-License-Identifier: MIT */
/*
 * init.c - the order of start
 *
 * Theory of Operation
 *
 * The library lives in another's process, and the rules of the place are: no thread,
 * no child, no signal handler, no exit; nothing is printed uninvited; no heap in calls
 * that libc promises to be async-signal-safe; errno is untouched on success; the
 * program's environment stays what it is.
 *
 * Loading does little: the environment (and a configuration file) is read into one
 * struct config, which is constant from then on; everything else is made when it is
 * first needed. Hooks may run before our constructor, called by those of other
 * libraries: so each begins with hooks_config(), and the first one does the work.
 *
 * A call passes through the layers from the top: hook_*.c decides whose it is (guard,
 * find, ask) and alone sets errno; conn.c and watch.c own what goes on with
 * a descriptor; fdtable.c and pending.c remember it; core/ and resolver/ know nothing of
 * preloading.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/token.h"
#include "preload/conn.h"
#include "preload/ask.h"
#include "preload/dgram.h"
#include "preload/dnsconn.h"
#include "preload/heirs.h"
#include "preload/hooks.h"
#include "preload/inherit.h"
#include "preload/listener.h"
#include "preload/proxy.h"
#include "preload/tunnel.h"
#include "resolver/fakemap.h"
#include "resolver/resolver.h"

enum { UNREAD, READING, READY };

static struct config config;
static int stage;
static long reader; /* tid of who is reading */

static int libc_getaddrinfo(const char *node, const char *service,
			    const struct addrinfo *hints,
			    struct addrinfo **result)
{
	return REAL(getaddrinfo)(node, service, hints, result);
}

static int libc_getnameinfo(const struct sockaddr *sa, socklen_t len,
			    char *host, socklen_t host_size, char *service,
			    socklen_t service_size, int flags)
{
	return REAL(getnameinfo)(sa, len, host, host_size, service,
				 service_size, flags);
}

/* Everyone is given where the configuration will be, and keeps that. */
static void hand_out(void)
{
	struct resolver_libc libc = { libc_getaddrinfo, libc_getnameinfo };
	struct resolver_io io = { &tunnel_io, &tunnel_local_io };

	proxy_setup(&config);
	conn_setup(&config);
	listener_setup(&config);
	dgram_setup(&config);
	resolver_setup(&config, libc, io);
	lookup_setup(&config);
	tunnel_setup(&config);
}

/* Handed out before it is read, for the handler that interrupts the reading. */
static void read_all(void)
{
	hand_out();
	inherit_setup();
	token_setup(getenv(TOKEN_VARIABLE));
	config_load(&config, getenv);
	log_setup((enum log_level)config.log_level,
		  config.log_path[0] ? config.log_path : NULL);
	fakemap_setup(&config);
	heirs_take(getenv(HEIRS_VARIABLE));
}

/* A hook that is called by the reading itself, or in a handler that interrupts it,
 * goes on with what there is: no proxy and no rule, so nothing is let out. */
static const struct config *wait_for_reader(void)
{
	while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) != READY &&
	       __atomic_load_n(&reader, __ATOMIC_RELAXED) != sys0(SYS_gettid))
		sys0(SYS_sched_yield);
	return &config;
}

const struct config *hooks_config(void)
{
	int now = __atomic_load_n(&stage, __ATOMIC_ACQUIRE);

	if (__builtin_expect(now == READY, 1))
		return &config;
	if (now == READING ||
	    !__atomic_compare_exchange_n(&stage, &now, READING, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return wait_for_reader();
	__atomic_store_n(&reader, sys0(SYS_gettid), __ATOMIC_RELAXED);
	read_all();
	__atomic_store_n(&stage, READY, __ATOMIC_RELEASE);
	return &config;
}

/* What the family is to share has to be there before the first of it. */
static void before_fork(void)
{
	kin_setup();
	pending_setup();
	dgram_before_fork();
	conn_before_fork();
}

/* The tables are claimed at once: else the first to ask could be a vfork child. */
static void after_fork(void)
{
	pending_after_fork();
	conn_wait_after_fork();
	fdtable_ours();
	fdtable_inherit();
	conn_forked_child();
	dgram_forked_child();
	ask_forked_child();
	dnsconn_forked_child();
	proxy_forked_child();
}

__attribute__((constructor)) static void start(void)
{
	hooks_ready();
	fdtable_ours();
	pthread_atfork(before_fork, conn_forked_parent, after_fork);
}

__attribute__((destructor)) static void end(void)
{
	dgram_leave();
}
