/* SPDX-License-Identifier: MIT */
/*
 * hook_res.c - the resolver(3) calls
 *
 * libc makes the message, as the caller's state says, and would send it by sockets inside
 * libc that nobody can interpose. Here the stub answers it, or it is asked for real: through
 * the proxy, or, for a name under a direct rule, of this machine's own servers.
 *
 * A name is taken as it is typed, without the search list of resolv.conf: that is about the
 * local network, and its names are none of the far side's business.
 *
 * Each call has two names: that which programs import today, and that of programs older than
 * glibc 2.34.
 */
#include <arpa/nameser.h>
#include <string.h>

#include "core/cursor.h"
#include "preload/hooks.h"
#include "preload/tunnel.h"
#include "resolver/dnswire.h"
#include "resolver/judge.h"
#include "resolver/stub.h"

enum {
	EDNS_SIZE = 1200, /* what libc says that it takes */
	QUERY_SIZE = DNS_HEADER_SIZE + DNS_NAME_MAX + 4 + 11,
};

/* --- messages -------------------------------------------------------------------- */

/* Apart from its caller, which waits: the frames would add up. */
__attribute__((noinline)) static bool is_direct(const uint8_t *query,
						size_t len)
{
	struct dns_message message = dnswire_open(query, len);
	char name[ENDPOINT_NAME_MAX + 1];
	struct dns_question question;
	struct hosts_answer local;
	struct dns_header header;

	return dnswire_get_header(&message, &header) &&
	       header.questions == 1 &&
	       dnswire_get_question(&message, &question) &&
	       dnswire_name_text(&question.name, name, sizeof(name)) &&
	       judge_name(name, &local) == VERDICT_DIRECT;
}

/*
 * By the proxy, or here. To libc a server that could not tell is one that has not answered.
 */
static ssize_t ask(const struct lookup_io *io, const uint8_t *query, size_t len,
		   uint8_t *answer, size_t size)
{
	ssize_t n = lookup_send(io, query, len, answer, size);

	return n < 0 || lookup_is_verdict(answer) ? n : -ETIMEDOUT;
}

/* The answer's length, which may be more than size, or -errno. */
static ssize_t exchange(const uint8_t *query, size_t len, uint8_t *answer,
			size_t size)
{
	uint8_t reply[1024];
	size_t reply_len;

	if (is_direct(query, len))
		return ask(&tunnel_local_io, query, len, answer, size);
	switch (stub_answer(query, len, true, reply, sizeof(reply),
			    &reply_len)) {
	case STUB_REPLY:
		memcpy(answer, reply, reply_len < size ? reply_len : size);
		return (ssize_t)reply_len;
	case STUB_ASK:
		return ask(&tunnel_io, query, len, answer, size);
	default:
		return -EINVAL;
	}
}

/* As libc's res_nsend: a cut answer says so, and only who asks for it may see AD. */
static int send_message(const struct __res_state *state, const uint8_t *query,
			int len, uint8_t *answer, int size)
{
	ssize_t n;

	if (len < DNS_HEADER_SIZE || size < DNS_HEADER_SIZE)
		return (int)hooks_result(-EINVAL);
	n = exchange(query, (size_t)len, answer, (size_t)size);
	if (n < 0)
		return (int)hooks_result(n);
	if (n > size)
		answer[2] |= DNS_TC >> 8;
	if (!(state->options & RES_TRUSTAD) && n >= DNS_HEADER_SIZE)
		answer[3] &= (uint8_t)~DNS_AD;
	return (int)n;
}

static int fails(res_state state, int h_errno_value)
{
	state->res_h_errno = h_errno_value;
	h_errno = h_errno_value;
	return -1;
}

/* A caller's own state is its own matter. */
static bool is_ready(const struct __res_state *state)
{
	return state != &_res || (state->options & RES_INIT) ||
	       res_init() == 0;
}

/* The OPT record that libc adds where the state wants it; it does so in res_nquery, too. */
static int add_edns(const struct __res_state *state, uint8_t *query, int len)
{
	struct dns_edns edns = {
		.size = EDNS_SIZE,
		.flags = state->options & RES_USE_DNSSEC ? DNS_DO : 0,
	};
	struct writer w;

	if (!(state->options & (RES_USE_EDNS0 | RES_USE_DNSSEC)))
		return len;
	w = writer_over(query + len, (size_t)(QUERY_SIZE - len));
	dnswire_put_edns(&w, &edns);
	query[11] = 1; /* ARCOUNT */
	return len + (int)writer_used(&w);
}

static int h_errno_of(const uint8_t *answer)
{
	switch (answer[3] & DNS_RCODE) {
	case DNS_NOERROR:
		return NO_DATA;
	case DNS_NXDOMAIN:
		return HOST_NOT_FOUND;
	case DNS_SERVFAIL:
		return TRY_AGAIN;
	default:
		return NO_RECOVERY;
	}
}

static int query_name(res_state state, const char *name, int class, int type,
		      uint8_t *answer, int size)
{
	uint8_t query[QUERY_SIZE];
	int before = errno, n;

	hooks_ready();
	if (!is_ready(state))
		return fails(state, NETDB_INTERNAL);
	n = res_nmkquery(state, ns_o_query, name, class, type, NULL, 0, NULL,
			 query, QUERY_SIZE - 11);
	if (n <= 0)
		return fails(state, NO_RECOVERY);
	n = send_message(state, query, add_edns(state, query, n), answer, size);
	if (n < 0)
		return fails(state, TRY_AGAIN);
	errno = before;
	if ((answer[3] & DNS_RCODE) != DNS_NOERROR ||
	    (answer[6] == 0 && answer[7] == 0)) /* ANCOUNT */
		return fails(state, h_errno_of(answer));
	return n;
}

static int query_domain(res_state state, const char *name, const char *domain,
			int class, int type, uint8_t *answer, int size)
{
	char whole[MAXDNAME];
	size_t len = strlen(name), more = domain ? strlen(domain) + 1 : 0;

	if (len + more >= sizeof(whole))
		return fails(state, NO_RECOVERY);
	memcpy(whole, name, len + 1);
	if (domain) {
		whole[len] = '.';
		memcpy(whole + len + 1, domain, more);
	}
	return query_name(state, whole, class, type, answer, size);
}

static int send_query(res_state state, const uint8_t *query, int len,
		      uint8_t *answer, int size)
{
	int before = errno, n;

	hooks_ready();
	if (!is_ready(state))
		return fails(state, NETDB_INTERNAL);
	n = send_message(state, query, len, answer, size);
	if (n >= 0)
		errno = before;
	return n;
}

/* --- the calls ----------------------------------------------------------------------- */

EXPORT int res_nquery(res_state state, const char *name, int class, int type,
		      unsigned char *answer, int size)
{
	return query_name(state, name, class, type, answer, size);
}

EXPORT int __res_nquery(res_state state, const char *name, int class, int type,
			unsigned char *answer, int size)
{
	return query_name(state, name, class, type, answer, size);
}

EXPORT int res_query(const char *name, int class, int type,
		     unsigned char *answer, int size)
{
	return query_name(&_res, name, class, type, answer, size);
}

EXPORT int __res_query(const char *name, int class, int type,
		       unsigned char *answer, int size)
{
	return query_name(&_res, name, class, type, answer, size);
}

EXPORT int res_nsearch(res_state state, const char *name, int class, int type,
		       unsigned char *answer, int size)
{
	return query_name(state, name, class, type, answer, size);
}

EXPORT int __res_nsearch(res_state state, const char *name, int class, int type,
			 unsigned char *answer, int size)
{
	return query_name(state, name, class, type, answer, size);
}

EXPORT int res_search(const char *name, int class, int type,
		      unsigned char *answer, int size)
{
	return query_name(&_res, name, class, type, answer, size);
}

EXPORT int __res_search(const char *name, int class, int type,
			unsigned char *answer, int size)
{
	return query_name(&_res, name, class, type, answer, size);
}

EXPORT int res_nquerydomain(res_state state, const char *name,
			    const char *domain, int class, int type,
			    unsigned char *answer, int size)
{
	return query_domain(state, name, domain, class, type, answer, size);
}

EXPORT int __res_nquerydomain(res_state state, const char *name,
			      const char *domain, int class, int type,
			      unsigned char *answer, int size)
{
	return query_domain(state, name, domain, class, type, answer, size);
}

EXPORT int res_querydomain(const char *name, const char *domain, int class,
			   int type, unsigned char *answer, int size)
{
	return query_domain(&_res, name, domain, class, type, answer, size);
}

EXPORT int __res_querydomain(const char *name, const char *domain, int class,
			     int type, unsigned char *answer, int size)
{
	return query_domain(&_res, name, domain, class, type, answer, size);
}

EXPORT int res_nsend(res_state state, const unsigned char *message, int len,
		     unsigned char *answer, int size)
{
	return send_query(state, message, len, answer, size);
}

EXPORT int __res_nsend(res_state state, const unsigned char *message, int len,
		       unsigned char *answer, int size)
{
	return send_query(state, message, len, answer, size);
}

EXPORT int res_send(const unsigned char *message, int len,
		    unsigned char *answer, int size)
{
	return send_query(&_res, message, len, answer, size);
}

EXPORT int __res_send(const unsigned char *message, int len,
		      unsigned char *answer, int size)
{
	return send_query(&_res, message, len, answer, size);
}
