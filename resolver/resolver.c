/* SPDX-License-Identifier: MIT */
/*
 * resolver.c - the face that the name hooks see: libc's lookups, answered here
 *
 * A name is judged once, by judge.c: this machine knows it, a rule speaks of
 * it, or it gets a fake address. The answer is then put into the form that was
 * asked for. getaddrinfo's lists are libc's own: it is asked for numeric
 * addresses, which asks nobody, and knows best about hints, services, socket
 * types and error codes.
 */
#include "resolver/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/text.h"
#include "core/token.h"
#include "resolver/direct.h"
#include "resolver/hosts.h"
#include "resolver/idn.h"
#include "resolver/judge.h"
#include "resolver/lookup.h"
#include "resolver/resolvconf.h"

enum {
	NUMERIC_MAX = INET6_ADDRSTRLEN,
	/*
	 * How long a name for an address is waited for: who is looking at a peer may do
	 * without, and has somebody waiting.
	 */
	REVERSE_MS = 5000,
	/* Flags that mean nothing for an address. */
	NAME_FLAGS = AI_ADDRCONFIG | AI_IDN | AI_CANONIDN,
};

static struct {
	const struct config *config;
	struct resolver_libc libc;
	struct resolver_io io;
} face;

void resolver_setup(const struct config *config, struct resolver_libc libc,
		    struct resolver_io io)
{
	face.config = config;
	face.libc = libc;
	face.io = io;
	judge_setup(config);
}

bool resolver_is_direct(const struct endpoint *address)
{
	return direct_has(&face.config->rules, address);
}

/* --- judgements ---------------------------------------------------------- */

/* 0 with the name as it goes on the wire, or an EAI code. */
static int read_name(const char *node, struct endpoint *name)
{
	name->port = 0;
	if (!idn_is_ascii(node))
		return idn_encode(node, name);
	return endpoint_set_name(name, node, strlen(node)) < 0 ? EAI_NONAME : 0;
}

/* The fake map's errors; the log has told more. */
static int eai_of(int error)
{
	return error == -ENOSPC ? EAI_AGAIN : EAI_FAIL;
}

/* A lookup's errors. */
static int eai_of_lookup(int error)
{
	switch (error) {
	case 0:
		return 0;
	case -ENOENT:
	case -EINVAL:
		return EAI_NONAME;
	case -ENODATA:
		return EAI_NODATA;
	case -ENOMEM:
		return EAI_MEMORY;
	case -EBADMSG:
		return EAI_FAIL;
	default:
		return EAI_AGAIN;
	}
}

/* What a name that gets no address is answered with. */
static int eai_of_verdict(enum verdict verdict)
{
	return verdict == VERDICT_BLOCKED ? EAI_FAIL : EAI_NONAME;
}

/* The fake address of a name. 0 or an EAI code. */
static int fake_of(const struct endpoint *name, int family,
		   struct hosts_address *out)
{
	int rc = judge_fake(name, family, out);

	return rc < 0 ? eai_of(rc) : 0;
}

/* --- getaddrinfo --------------------------------------------------------- */

/* What getaddrinfo takes for hints that are NULL. */
static const struct addrinfo default_hints = {
	.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG,
};

/*
 * libc's list for an address; with drop, flags that it shall not see. Which
 * families the machine has addresses of does not matter: the proxy has others.
 */
static int numeric(const char *address, const char *service,
		   const struct addrinfo *hints, int drop,
		   struct addrinfo **result)
{
	struct addrinfo ours = *hints;
	int rc;

	ours.ai_flags =
		(hints->ai_flags | AI_NUMERICHOST) & ~(NAME_FLAGS | drop);
	rc = face.libc.getaddrinfo(address, service, &ours, result);
	if (rc != 0)
		return rc;
	for (struct addrinfo *a = *result; a; a = a->ai_next)
		a->ai_flags = hints->ai_flags;
	return 0;
}

static int list_address(const struct hosts_address *address,
			const char *service, const struct addrinfo *hints,
			struct addrinfo **result)
{
	char text[NUMERIC_MAX];

	inet_ntop(address->family, address->bytes, text, sizeof(text));
	return numeric(text, service, hints, AI_CANONNAME, result);
}

/* Gives the list its canonical name if that was asked for, else frees it. */
static int finish(struct addrinfo *list, const char *name,
		  const struct addrinfo *hints, struct addrinfo **result)
{
	if (hints->ai_flags & AI_CANONNAME) {
		list->ai_canonname = strdup(name);
		if (!list->ai_canonname) {
			freeaddrinfo(list);
			return EAI_MEMORY;
		}
	}
	*result = list;
	return 0;
}

static bool has_family(const struct hosts_answer *answer, int family)
{
	for (size_t i = 0; i < answer->count; i++)
		if (answer->addresses[i].family == family)
			return true;
	return false;
}

/* Whether the machine can speak IPv6 to that address: nothing is sent. */
static bool v6_works(const struct hosts_answer *answer)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
				   .sin6_port = htons(9) };
	long fd, rc;

	for (size_t i = 0; i < answer->count; i++)
		if (answer->addresses[i].family == AF_INET6)
			memcpy(&to.sin6_addr, answer->addresses[i].bytes, 16);
	fd = token_socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	rc = token_connect(fd, &to, sizeof(to));
	sys1(SYS_close, fd);
	return rc == 0;
}

/*
 * The families in the order that RFC 6724 gives, AF_UNSPEC for none: IPv6 first
 * where it works; where it does not, last, or not at all with AI_ADDRCONFIG.
 */
static void order_families(const struct hosts_answer *answer,
			   const struct addrinfo *hints, int order[2])
{
	bool v4 = has_family(answer, AF_INET);
	bool v6 = has_family(answer, AF_INET6);

	order[0] = hints->ai_family;
	order[1] = AF_UNSPEC;
	if (hints->ai_family == AF_INET6 && (hints->ai_flags & AI_V4MAPPED) &&
	    (!v6 || (hints->ai_flags & AI_ALL))) {
		order[1] = AF_INET; /* libc maps them */
		return;
	}
	if (hints->ai_family != AF_UNSPEC)
		return;
	order[0] = v4 ? AF_INET : AF_INET6;
	if (!v4 || !v6)
		return;
	if (v6_works(answer)) {
		order[0] = AF_INET6;
		order[1] = AF_INET;
	} else if (!(hints->ai_flags & AI_ADDRCONFIG)) {
		order[1] = AF_INET6;
	}
}

/* Adds the addresses of one family to the end of the list. */
static int list_family(const struct hosts_answer *answer, int family,
		       const char *service, const struct addrinfo *hints,
		       struct addrinfo **list)
{
	for (size_t i = 0; i < answer->count; i++) {
		int rc;

		if (answer->addresses[i].family != family)
			continue;
		while (*list)
			list = &(*list)->ai_next;
		rc = list_address(&answer->addresses[i], service, hints, list);
		if (rc != 0) {
			*list = NULL;
			return rc;
		}
	}
	return 0;
}

static int list_answer(const struct hosts_answer *answer, const int order[2],
		       const char *service, const struct addrinfo *hints,
		       struct addrinfo **result)
{
	struct addrinfo *list = NULL;
	int rc = 0;

	for (size_t i = 0; i < 2 && rc == 0; i++)
		if (order[i] != AF_UNSPEC)
			rc = list_family(answer, order[i], service, hints,
					 &list);
	if (rc != 0 && list)
		freeaddrinfo(list);
	if (rc != 0)
		return rc;
	if (!list)
		return EAI_NONAME; /* as for a name without such addresses */
	return finish(list, answer->name, hints, result);
}

static int list_local(const struct hosts_answer *answer, const char *service,
		      const struct addrinfo *hints, struct addrinfo **result)
{
	int order[2];

	order_families(answer, hints, order);
	return list_answer(answer, order, service, hints, result);
}

/* Both families where an IPv6 list may hold mapped addresses. */
static int asked_family(const struct addrinfo *hints)
{
	if (hints->ai_family == AF_INET6 && (hints->ai_flags & AI_V4MAPPED))
		return AF_UNSPEC;
	return hints->ai_family;
}

/*
 * A local name's answer by the lines of one family alone, for libc takes the names
 * from them. False if there are none.
 */
static bool narrow(const char *name, int family, struct hosts_answer *answer)
{
	if (family == AF_UNSPEC)
		return true;
	return has_family(answer, family) &&
	       hosts_by_name_in(name, family, answer);
}

/* The real addresses of a name, in the order that suits the proxy. */
static int list_asked(const char *name, struct hosts_answer *found,
		      const char *service, const struct addrinfo *hints,
		      struct addrinfo **result)
{
	int order[2] = { judge_family(), AF_INET6 };
	int rc = lookup_addresses(face.io.proxy, name, asked_family(hints),
				  found);

	if (rc < 0)
		return eai_of_lookup(rc);
	if (order[0] == AF_INET6)
		order[1] = AF_INET;
	if (hints->ai_family != AF_UNSPEC)
		order_families(found, hints, order);
	return list_answer(found, order, service, hints, result);
}

static int list_fake(const struct endpoint *name, const char *service,
		     const struct addrinfo *hints, struct addrinfo **result)
{
	struct addrinfo *list;
	struct hosts_address fake;
	int rc = fake_of(name, hints->ai_family, &fake);

	if (rc == 0)
		rc = list_address(&fake, service, hints, &list);
	if (rc != 0)
		return rc;
	return finish(list, name->name, hints, result);
}

/* An address, or an abbreviation of one, begins with a digit or has a colon. */
static bool may_be_address(const char *node)
{
	return (node[0] >= '0' && node[0] <= '9') || strchr(node, ':');
}

/* libc's verdict on service and hints; 0 if it finds nothing wrong. */
static int check_hints(const char *service, const struct addrinfo *hints)
{
	static const struct hosts_address any = { .family = AF_INET };
	static const struct hosts_address any6 = { .family = AF_INET6 };
	struct addrinfo *list;
	int rc;

	rc = list_address(hints->ai_family == AF_INET6 ? &any6 : &any, service,
			  hints, &list);
	if (rc == 0)
		freeaddrinfo(list);
	return rc;
}

/*
 * libc's own sockets have no token: a guard keeps it from asking a name server. What it fails
 * at may be had by ours.
 */
static bool may_ask_ourselves(int rc)
{
	return face.io.local && token_known() &&
	       (rc == EAI_AGAIN || rc == EAI_NONAME || rc == EAI_NODATA ||
		rc == EAI_SYSTEM || rc == EAI_FAIL);
}

static void blame_guard(const char *name)
{
	if (token_known())
		log_once(name,
			 "%s: is direct, but could not be looked up: the guard stops "
			 "libc's own questions, and no server of resolv.conf has "
			 "answered ours; put it into /etc/hosts, or use --no-guard",
			 name);
}

/* Likewise, where libc cannot ask. */
static int list_asked_here(const char *name, struct hosts_answer *found,
			   const char *service, const struct addrinfo *hints,
			   struct addrinfo **result)
{
	int rc = lookup_addresses(face.io.local, name, asked_family(hints),
				  found);

	if (rc < 0) {
		rc = eai_of_lookup(rc);
		if (rc == EAI_AGAIN)
			blame_guard(name);
		return rc;
	}
	direct_learn_all(found, name);
	return list_local(found, service, hints, result);
}

/* The real addresses of a name under a direct rule. */
static int list_direct(const char *node, const char *name,
		       struct hosts_answer *found, const char *service,
		       const struct addrinfo *hints, struct addrinfo **result)
{
	int rc = face.libc.getaddrinfo(node, service, hints, result);
	struct endpoint e;

	if (may_ask_ourselves(rc))
		return list_asked_here(name, found, service, hints, result);
	if (rc != 0)
		return rc;
	for (struct addrinfo *a = *result; a; a = a->ai_next)
		if (endpoint_from_sockaddr(&e, a->ai_addr, a->ai_addrlen) == 0)
			direct_learn(&e, name);
	return 0;
}

static int list_name(const char *node, const char *service,
		     const struct addrinfo *hints, struct addrinfo **result)
{
	struct hosts_answer answer;
	enum verdict verdict;
	struct endpoint name;
	int rc = read_name(node, &name);

	if (rc != 0)
		return rc;
	switch (verdict = judge_name(name.name, &answer)) {
	case VERDICT_LOCAL:
		if (!narrow(name.name, asked_family(hints), &answer))
			return EAI_NONAME;
		return list_local(&answer, service, hints, result);
	case VERDICT_FAKE:
		if (judge_asks())
			return list_asked(name.name, &answer, service, hints,
					  result);
		return list_fake(&name, service, hints, result);
	case VERDICT_DIRECT:
		return list_direct(node, name.name, &answer, service, hints,
				   result);
	default:
		return eai_of_verdict(verdict);
	}
}

int resolver_getaddrinfo(const char *node, const char *service,
			 const struct addrinfo *hints, struct addrinfo **result)
{
	int rc;

	/* No node or "*": the local addresses, or an error. */
	if (!node || strcmp(node, "*") == 0)
		return face.libc.getaddrinfo(node, service, hints, result);
	if (!hints)
		hints = &default_hints;
	if (may_be_address(node) || (hints->ai_flags & AI_NUMERICHOST)) {
		rc = numeric(node, service, hints, 0, result);
		if (rc != EAI_NONAME || (hints->ai_flags & AI_NUMERICHOST))
			return rc;
	}
	rc = check_hints(NULL, hints);
	if (rc == 0)
		rc = list_name(node, service, hints, result);
	if (rc != EAI_NONAME)
		return rc;
	/* A wrong service is told first; asking first would cost time. */
	rc = check_hints(service, hints);
	return rc ? rc : EAI_NONAME;
}

/* --- names of addresses ---------------------------------------------------- */

/*
 * The far side's servers know nothing of private nets, and shall not hear of ours; unless the
 * user has named a server, who may know more.
 */
static bool is_worth_asking(const struct endpoint *address)
{
	return face.config->n_dns > 0 || resolvconf_is_global(address);
}

/* Who is asked for the name of an address that is not known here; NULL: nobody. */
static const struct lookup_io *who_names(const struct endpoint *address,
					 bool needed)
{
	switch (judge_reverse(address)) {
	case VERDICT_DIRECT:
		return face.io.local;
	case VERDICT_FAKE:
		return (needed || judge_asks()) && is_worth_asking(address) ?
			       face.io.proxy :
			       NULL;
	default:
		return NULL;
	}
}

/*
 * The name of an address; needed: the numbers will not do instead, so it is asked for even
 * where names are not. 0 or an EAI code.
 */
static int name_of(const struct endpoint *e, bool needed,
		   struct hosts_answer *answer)
{
	struct hosts_address address;
	const struct lookup_io *io;
	int rc = judge_address(e, answer);

	if (rc > 0)
		return 0;
	io = who_names(e, needed);
	if (!io || (rc < 0 && io == face.io.proxy) || /* a stale fake */
	    !hosts_set_address(&address, e))
		return EAI_NONAME;
	return eai_of_lookup(lookup_name(io, &address, REVERSE_MS, answer));
}

int resolver_getnameinfo(const struct sockaddr *sa, socklen_t len, char *host,
			 socklen_t host_size, char *service,
			 socklen_t service_size, int flags)
{
	int numeric_flags = (flags & ~NI_NAMEREQD) | NI_NUMERICHOST;
	char scratch[NUMERIC_MAX + IF_NAMESIZE];
	struct hosts_answer answer;
	struct endpoint e;
	int rc;

	rc = endpoint_from_sockaddr(&e, sa, len);
	if (rc == -EINVAL)
		flags |= NI_NUMERICHOST; /* too short: an error, no question */
	if (rc < 0 || !host || host_size == 0 || (flags & NI_NUMERICHOST))
		return face.libc.getnameinfo(sa, len, host, host_size, service,
					     service_size, flags);
	rc = name_of(&e, flags & NI_NAMEREQD, &answer);
	if (rc != 0) {
		if (flags & NI_NAMEREQD)
			return rc;
		return face.libc.getnameinfo(sa, len, host, host_size, service,
					     service_size, numeric_flags);
	}
	rc = face.libc.getnameinfo(sa, len, scratch, sizeof(scratch), service,
				   service_size, numeric_flags);
	if (rc != 0)
		return rc;
	return text_copy(text_of(answer.name), host, host_size) ? 0
								: EAI_OVERFLOW;
}

/* --- gethostbyname, gethostbyaddr ---------------------------------------- */

/**
 * struct room - a caller's buffer being filled; pieces are aligned for pointers
 * @at:		what is left of it
 * @left:	bytes
 */
struct room {
	char *at;
	size_t left;
};

/* A piece of the buffer, or NULL when it is too small. */
static void *take(struct room *room, size_t size)
{
	size_t gap = -(uintptr_t)room->at % sizeof(char *);
	char *piece = room->at + gap;

	if (room->left < gap || room->left - gap < size)
		return NULL;
	room->at = piece + size;
	room->left -= gap + size;
	return piece;
}

static char *take_copy(struct room *room, const void *bytes, size_t size)
{
	char *piece = take(room, size);

	return piece ? memcpy(piece, bytes, size) : NULL;
}

static size_t address_size(int family)
{
	return family == AF_INET6 ? 16 : 4;
}

/* The addresses of one family, ended by NULL. */
static char **take_addresses(struct room *room,
			     const struct hosts_answer *answer, int family)
{
	char **list = take(room, (answer->count + 1) * sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; list && i < answer->count; i++) {
		const struct hosts_address *address = &answer->addresses[i];

		if (address->family != family)
			continue;
		list[n] = take_copy(room, address->bytes, address_size(family));
		if (!list[n++])
			return NULL;
	}
	if (list)
		list[n] = NULL;
	return list;
}

static char **take_aliases(struct room *room, const struct hosts_answer *answer)
{
	const char *end = answer->aliases + answer->aliases_len;
	char **list, *copy;
	size_t n = 0;

	for (const char *a = answer->aliases; a < end; a += strlen(a) + 1)
		n++;
	list = take(room, (n + 1) * sizeof(*list));
	copy = take_copy(room, answer->aliases, answer->aliases_len);
	if (!list || !copy)
		return NULL;
	for (size_t i = 0; i < n; i++, copy += strlen(copy) + 1)
		list[i] = copy;
	list[n] = NULL;
	return list;
}

/* 0, or ERANGE when the buffer is too small. */
static int fill_hostent(const struct hosts_answer *answer, int family,
			struct hostent *ret, char *buffer, size_t size)
{
	struct room room = { buffer, size };

	ret->h_addrtype = family;
	ret->h_length = (int)address_size(family);
	ret->h_addr_list = take_addresses(&room, answer, family);
	ret->h_aliases = take_aliases(&room, answer);
	ret->h_name = take_copy(&room, answer->name, strlen(answer->name) + 1);
	return ret->h_addr_list && ret->h_aliases && ret->h_name ? 0 : ERANGE;
}

/* What the _r functions return, with *result and *h_errnop set. */
static int hostent_result(const struct hosts_answer *answer, int family,
			  struct hostent *ret, char *buffer, size_t size,
			  struct hostent **result, int *h_errnop)
{
	if (fill_hostent(answer, family, ret, buffer, size) != 0) {
		*h_errnop = NETDB_INTERNAL;
		return ERANGE;
	}
	*h_errnop = NETDB_SUCCESS;
	*result = ret;
	return 0;
}

static int h_errno_of(int eai)
{
	switch (eai) {
	case EAI_AGAIN:
		return TRY_AGAIN;
	case EAI_NONAME:
	case EAI_ADDRFAMILY:
	case EAI_IDN_ENCODE:
		return HOST_NOT_FOUND;
	case EAI_NODATA:
		return NO_DATA;
	default:
		return NO_RECOVERY;
	}
}

/* The addresses of a list that libc made. */
static void answer_from_list(struct hosts_answer *answer,
			     const struct addrinfo *list)
{
	for (; list; list = list->ai_next) {
		struct hosts_address address = { .family = list->ai_family };
		const struct sockaddr_in6 *in6 = (const void *)list->ai_addr;
		const struct sockaddr_in *in = (const void *)list->ai_addr;

		if (list->ai_family == AF_INET6)
			memcpy(address.bytes, &in6->sin6_addr, 16);
		else if (list->ai_family == AF_INET)
			memcpy(address.bytes, &in->sin_addr, 4);
		hosts_add_address(answer, &address);
	}
}

/* Answered by libc: an address in numbers (by that flag) or a direct name. */
static int answer_by_libc(const char *node, int family, int flags,
			  struct hosts_answer *answer)
{
	struct addrinfo hints = {
		.ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags | AI_CANONNAME,
	};
	struct addrinfo *list;
	int rc = face.libc.getaddrinfo(node, NULL, &hints, &list);

	if (rc != 0)
		return rc;
	answer->count = 0;
	answer->aliases_len = 0;
	answer_from_list(answer, list);
	text_copy(text_of(list->ai_canonname ? list->ai_canonname : node),
		  answer->name, sizeof(answer->name));
	freeaddrinfo(list);
	return has_family(answer, family) ? 0 : EAI_NONAME;
}

/* What a name or address in numbers stands for. 0 or an EAI code. */
static int answer_of(const char *node, int family, struct hosts_answer *answer)
{
	enum verdict verdict;
	struct endpoint name;
	int rc;

	if (may_be_address(node)) {
		rc = answer_by_libc(node, family, AI_NUMERICHOST, answer);
		if (rc != EAI_NONAME)
			return rc;
	}
	rc = read_name(node, &name);
	if (rc != 0)
		return rc;
	switch (verdict = judge_name(name.name, answer)) {
	case VERDICT_LOCAL:
		return narrow(name.name, family, answer) ? 0 : EAI_NONAME;
	case VERDICT_DIRECT:
		rc = answer_by_libc(node, family, 0, answer);
		if (may_ask_ourselves(rc))
			rc = eai_of_lookup(lookup_addresses(
				face.io.local, name.name, family, answer));
		if (rc == EAI_AGAIN)
			blame_guard(name.name);
		if (rc == 0)
			direct_learn_all(answer, name.name);
		return rc;
	case VERDICT_FAKE:
		if (judge_asks())
			return eai_of_lookup(lookup_addresses(
				face.io.proxy, name.name, family, answer));
		answer->count = 1;
		memcpy(answer->name, name.name, sizeof(answer->name));
		return fake_of(&name, family, &answer->addresses[0]);
	default:
		return eai_of_verdict(verdict);
	}
}

int resolver_gethostbyname(const char *name, int family, struct hostent *ret,
			   char *buffer, size_t size, struct hostent **result,
			   int *h_errnop)
{
	struct hosts_answer answer;
	int rc;

	*result = NULL;
	if (family != AF_INET && family != AF_INET6) {
		*h_errnop = NETDB_INTERNAL;
		return EAFNOSUPPORT;
	}
	rc = answer_of(name, family, &answer);
	if (rc != 0) {
		*h_errnop = h_errno_of(rc);
		return rc == EAI_AGAIN ? EAGAIN : 0;
	}
	return hostent_result(&answer, family, ret, buffer, size, result,
			      h_errnop);
}

int resolver_gethostbyaddr(const void *address, socklen_t len, int family,
			   struct hostent *ret, char *buffer, size_t size,
			   struct hostent **result, int *h_errnop)
{
	struct hosts_address asked = { .family = family };
	struct hosts_answer answer;
	struct endpoint e = { .kind = ENDPOINT_IPV4 };
	int rc;

	*result = NULL;
	if ((family != AF_INET && family != AF_INET6) ||
	    len != address_size(family)) {
		*h_errnop = NETDB_INTERNAL;
		return EAFNOSUPPORT;
	}
	memcpy(asked.bytes, address, len);
	if (family == AF_INET6)
		endpoint_set_ipv6(&e, asked.bytes, 0);
	else
		memcpy(e.v4, asked.bytes, sizeof(e.v4));
	rc = name_of(&e, true, &answer);
	if (rc != 0) {
		*h_errnop = h_errno_of(rc);
		return rc == EAI_AGAIN ? EAGAIN : 0;
	}
	answer.addresses[0] = asked; /* in the form of the question */
	return hostent_result(&answer, family, ret, buffer, size, result,
			      h_errnop);
}

/* --- gethostent ---------------------------------------------------------- */

static size_t next_host; /* atomic: where the next line begins */

void resolver_sethostent(void)
{
	__atomic_store_n(&next_host, 0, __ATOMIC_RELAXED);
}

/* As libc, which has no IPv6 here but for ::1, to show as IPv4. */
static bool show_as_ipv4(struct hosts_address *address)
{
	static const uint8_t loopback6[16] = { [15] = 1 };
	static const struct hosts_address loopback = {
		.family = AF_INET, .bytes = { 127, 0, 0, 1 }
	};

	if (address->family == AF_INET6 &&
	    memcmp(address->bytes, loopback6, sizeof(loopback6)) == 0)
		*address = loopback;
	return address->family == AF_INET;
}

int resolver_gethostent(struct hostent *ret, char *buffer, size_t size,
			struct hostent **result, int *h_errnop)
{
	size_t offset = __atomic_load_n(&next_host, __ATOMIC_RELAXED);
	struct hosts_answer answer;

	*result = NULL;
	do {
		if (!hosts_next(&offset, &answer))
			return ENOENT;
	} while (!show_as_ipv4(&answer.addresses[0]));
	if (fill_hostent(&answer, AF_INET, ret, buffer, size) != 0)
		return ERANGE;
	__atomic_store_n(&next_host, offset, __ATOMIC_RELAXED);
	*h_errnop = NETDB_SUCCESS;
	*result = ret;
	return 0;
}
