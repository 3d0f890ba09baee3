/* SPDX-License-Identifier: MIT */
/*
 * hook_res.c - the resolver(3) calls and getaddrinfo_a, which ask from inside libc
 *
 * libc's own sockets cannot be interposed, so a question of theirs would leave in the
 * clear: they fail as when no name server answers.
 */
#include "core/log.h"
#include "preload/hooks.h"

static int refuse(const char *what, const char *name)
{
	hooks_ready();
	log_once(what, "%s(%s) refused: the question would be asked locally",
		 what, name);
	h_errno = TRY_AGAIN;
	return (int)hooks_result(-ECONNREFUSED);
}

#define UNUSED __attribute__((unused))

EXPORT int res_query(const char *name, UNUSED int class, UNUSED int type,
		     UNUSED unsigned char *answer, UNUSED int size)
{
	return refuse("res_query", name);
}

EXPORT int __res_query(const char *name, UNUSED int class, UNUSED int type,
		       UNUSED unsigned char *answer, UNUSED int size)
{
	return refuse("res_query", name);
}

EXPORT int res_search(const char *name, UNUSED int class, UNUSED int type,
		      UNUSED unsigned char *answer, UNUSED int size)
{
	return refuse("res_search", name);
}

EXPORT int __res_search(const char *name, UNUSED int class, UNUSED int type,
			UNUSED unsigned char *answer, UNUSED int size)
{
	return refuse("res_search", name);
}

EXPORT int res_querydomain(const char *name, UNUSED const char *domain,
			   UNUSED int class, UNUSED int type,
			   UNUSED unsigned char *answer, UNUSED int size)
{
	return refuse("res_querydomain", name);
}

EXPORT int __res_querydomain(const char *name, UNUSED const char *domain,
			     UNUSED int class, UNUSED int type,
			     UNUSED unsigned char *answer, UNUSED int size)
{
	return refuse("res_querydomain", name);
}

EXPORT int res_send(UNUSED const unsigned char *message, UNUSED int len,
		    UNUSED unsigned char *answer, UNUSED int size)
{
	return refuse("res_send", "");
}

EXPORT int __res_send(UNUSED const unsigned char *message, UNUSED int len,
		      UNUSED unsigned char *answer, UNUSED int size)
{
	return refuse("res_send", "");
}

EXPORT int res_nquery(UNUSED res_state state, const char *name,
		      UNUSED int class, UNUSED int type,
		      UNUSED unsigned char *answer, UNUSED int size)
{
	return refuse("res_nquery", name);
}

EXPORT int __res_nquery(UNUSED res_state state, const char *name,
			UNUSED int class, UNUSED int type,
			UNUSED unsigned char *answer, UNUSED int size)
{
	return refuse("res_nquery", name);
}

EXPORT int res_nsearch(UNUSED res_state state, const char *name,
		       UNUSED int class, UNUSED int type,
		       UNUSED unsigned char *answer, UNUSED int size)
{
	return refuse("res_nsearch", name);
}

EXPORT int __res_nsearch(UNUSED res_state state, const char *name,
			 UNUSED int class, UNUSED int type,
			 UNUSED unsigned char *answer, UNUSED int size)
{
	return refuse("res_nsearch", name);
}

EXPORT int res_nquerydomain(UNUSED res_state state, const char *name,
			    UNUSED const char *domain, UNUSED int class,
			    UNUSED int type, UNUSED unsigned char *answer,
			    UNUSED int size)
{
	return refuse("res_nquerydomain", name);
}

EXPORT int __res_nquerydomain(UNUSED res_state state, const char *name,
			      UNUSED const char *domain, UNUSED int class,
			      UNUSED int type, UNUSED unsigned char *answer,
			      UNUSED int size)
{
	return refuse("res_nquerydomain", name);
}

EXPORT int res_nsend(UNUSED res_state state,
		     UNUSED const unsigned char *message, UNUSED int len,
		     UNUSED unsigned char *answer, UNUSED int size)
{
	return refuse("res_nsend", "");
}

EXPORT int __res_nsend(UNUSED res_state state,
		       UNUSED const unsigned char *message, UNUSED int len,
		       UNUSED unsigned char *answer, UNUSED int size)
{
	return refuse("res_nsend", "");
}

EXPORT int getaddrinfo_a(UNUSED int mode, UNUSED struct gaicb *list[],
			 UNUSED int n, UNUSED struct sigevent *done)
{
	refuse("getaddrinfo_a", "");
	return EAI_AGAIN;
}
