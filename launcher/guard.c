/* SPDX-License-Identifier: MIT */
/* guard.c - a kernel filter that stops what escapes the library */
#include "launcher/guard.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "core/sys.h"
#include "core/token.h"
#include "launcher/die.h"
#include "launcher/filter.h"

static enum guard wanted;
static int bare;       /* what socket(2) says to who has no token */
static bool inherited; /* an outer guard is in force, and its token known */
static bool outer_carries; /* and it is one that carries */
static int impossible; /* 0, or why no filter can be had: -errno */
static bool privileged; /* a filter can be had without PR_SET_NO_NEW_PRIVS */

/* --- what is there ------------------------------------------------------- */

static int outcome(long fd)
{
	if (fd < 0)
		return (int)fd;
	sys1(SYS_close, fd);
	return 0;
}

/* 0 or -errno: as anybody who has no token. */
static int try_socket(void)
{
	return outcome(sys6(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0));
}

static int try_socket_with_token(void)
{
	return outcome(token_socket(AF_INET, SOCK_STREAM, 0));
}

/*
 * Either filter refuses a domain that there is not, to who has no token; the kernel has
 * another word for it.
 */
static bool is_refused_by_filter(bool with_token)
{
	long r = with_token ? token_socket(AF_UNSPEC, SOCK_STREAM, 0) :
			      sys6(SYS_socket, AF_UNSPEC, SOCK_STREAM, 0, 0, 0, 0);

	return outcome(r) == -EACCES;
}

static bool has_admin_capability(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return sys2(SYS_capget, &header, data) == 0 &&
	       (data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective &
		CAP_TO_MASK(CAP_SYS_ADMIN));
}

/* An outer guard's token, or none if what the environment has is stale. */
static void look_for_outer_guard(void)
{
	const char *text = getenv(TOKEN_VARIABLE);

	token_setup(text);
	bare = try_socket();
	outer_carries = bare != -EACCES && token_known() &&
			is_refused_by_filter(false) &&
			!is_refused_by_filter(true);
	if (outer_carries) {
		inherited = true;
		return;
	}
	if (bare != -EACCES) {
		token_setup(NULL);
		unsetenv(TOKEN_VARIABLE);
		return;
	}
	inherited = token_known() && try_socket_with_token() == 0;
	if (!inherited)
		die(STATUS_OWN_FAILURE,
		    "no socket can be made here: if an outer socksify's guard "
		    "is in force, %s; keep that variable as it was",
		    text ? TOKEN_VARIABLE " is not its token" :
			   "its " TOKEN_VARIABLE " is lost");
}

void guard_prepare(enum guard the_wanted)
{
	const uint32_t action = SECCOMP_RET_ERRNO;

	wanted = the_wanted;
	look_for_outer_guard();
	if (inherited || wanted == GUARD_NONE)
		return;
	impossible = (int)sys3(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0,
			       &action);
	privileged = has_admin_capability();
}

bool guard_inherited(void)
{
	return inherited;
}

bool guard_inherited_carries(void)
{
	return outer_carries;
}

bool guard_disarms(void)
{
	return wanted != GUARD_NONE && !inherited && !impossible &&
	       !privileged;
}

/* --- putting it in force ------------------------------------------------- */

static int make_token(uint64_t *token)
{
	do {
		if (getrandom(token, sizeof(*token), 0) != sizeof(*token))
			return -errno;
	} while (*token == 0);
	return 0;
}

/* 0, or -errno of what stands in the way. */
static int load(char text[TOKEN_TEXT_SIZE])
{
	uint64_t token;
	int r = impossible ? impossible : make_token(&token);

	if (r < 0)
		return r;
	if (!privileged && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	r = filter_deny(token);
	if (r < 0)
		return r;
	token_format(token, text);
	token_setup(text);
	return 0;
}

/* --- the one that carries -------------------------------------------------- */

bool guard_wants_carry(bool covered)
{
	return wanted == GUARD_CARRY || (wanted == GUARD_AUTO && !covered);
}

void guard_check_carry(const char *called)
{
	if (!inherited)
		return;
	if (outer_carries)
		die(STATUS_CANNOT_RUN,
		    "%s: cannot be carried: an outer socksify carries already, and "
		    "there can be one only; run it under that, without this one",
		    called);
	die(STATUS_CANNOT_RUN,
	    "%s: cannot be carried: the guard of an outer socksify denies it "
	    "sockets; run the outer one with --guard=carry", called);
}

int guard_carry(void)
{
	char text[TOKEN_TEXT_SIZE];
	uint64_t token;
	int r = make_token(&token), listener;

	if (r < 0)
		return r;
	if (!privileged && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	listener = filter_carry(token);
	if (listener < 0)
		return listener;
	token_format(token, text);
	token_setup(text);
	if (!is_refused_by_filter(false) || is_refused_by_filter(true))
		return -ENOTSUP; /* it was taken and does not do what it says */
	return setenv(TOKEN_VARIABLE, text, 1) < 0 ? -ENOMEM : listener;
}

/* --- putting the other in force ---------------------------------------------- */

/* A filter that was taken and does not do what it says is no guard. */
static void check_filter(void)
{
	if (try_socket() != -EACCES)
		die(STATUS_OWN_FAILURE,
		    "the kernel took the guard's filter and does not obey it; "
		    "--no-guard does without");
	if (try_socket_with_token() != bare)
		die(STATUS_OWN_FAILURE,
		    "the guard keeps the library from making sockets, too; "
		    "--no-guard does without");
}

void guard_load(bool quiet)
{
	char text[TOKEN_TEXT_SIZE];
	int r;

	if (inherited || wanted == GUARD_NONE)
		return;
	r = load(text);
	if (r < 0 && wanted == GUARD_DENY)
		die(STATUS_OWN_FAILURE,
		    "--guard=deny: the kernel or the container allows no "
		    "seccomp filter (%s); without the option it is done "
		    "without", strerror(-r));
	if (r < 0) {
		if (!quiet)
			tell("no guard: the kernel or the container allows no "
			     "seccomp filter (%s), so static programs and "
			     "system calls of their own get past the proxy",
			     strerror(-r));
		return;
	}
	check_filter();
	if (setenv(TOKEN_VARIABLE, text, 1) < 0)
		die(STATUS_OWN_FAILURE, "setting " TOKEN_VARIABLE ": %s",
		    strerror(errno));
}
