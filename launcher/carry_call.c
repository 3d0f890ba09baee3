/* SPDX-License-Identifier: MIT */
/* carry_call.c - one call that escaped the library: told, judged, answered */
#include "launcher/carry_call.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/log.h"
#include "core/sys.h"
#include "core/way.h"
#include "launcher/carry_connect.h"
#include "launcher/carry_dgram.h"
#include "launcher/carry_dns.h"
#include "launcher/carry_peers.h"
#include "launcher/carry_target.h"
#include "resolver/daemons.h"
#include "resolver/nameserver.h"
#include "resolver/route.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/*
 * What a call comes to besides a result or -errno: the flight answers it, or the kernel
 * is to go on with it. The latter is never for what says where a network socket's data
 * goes.
 */
enum { LATER = -4096, GO_ON = -4097 };

/* RFC 2133's sockaddr_in6 had no scope id; the kernel still takes it. */
enum { SOCKADDR_IN6_LEN_MIN = 24 };

static const struct config *config;
static struct seccomp_notif *request;
static struct seccomp_notif_resp *response;
static struct seccomp_notif_sizes sizes;
static int told_at; /* the listener */

int call_setup(const struct config *the_config, int listener)
{
	long r = sys3(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes);

	if (r < 0)
		return (int)r;
	config = the_config;
	told_at = listener;
	target_setup();
	/* The kernel's may be larger than what this was built with, or smaller. */
	if (sizes.seccomp_notif < sizeof(*request))
		sizes.seccomp_notif = sizeof(*request);
	if (sizes.seccomp_notif_resp < sizeof(*response))
		sizes.seccomp_notif_resp = sizeof(*response);
	request = calloc(1, sizes.seccomp_notif);
	response = calloc(1, sizes.seccomp_notif_resp);
	if (!request || !response)
		return -ENOMEM;
	/* Both sides run in turn: where the kernel can, it is told so. */
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
	      SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	return 0;
}

/* --- answers --------------------------------------------------------------------- */

static int respond(int listener)
{
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response) < 0 ? -errno :
									 0;
}

int call_answer(int listener, uint64_t id, long result)
{
	memset(response, 0, sizes.seccomp_notif_resp);
	response->id = id;
	response->error = result < 0 ? (int)result : 0;
	response->val = result < 0 ? 0 : result;
	return respond(listener);
}

static void let_go_on(int listener, uint64_t id)
{
	memset(response, 0, sizes.seccomp_notif_resp);
	response->id = id;
	response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	respond(listener);
}

/* --- the socket -------------------------------------------------------------------- */

/**
 * struct asked - a socket that a call is about
 * @fd:		a duplicate of it
 * @domain:	its SO_DOMAIN
 * @type:	its SO_TYPE
 */
struct asked {
	int fd;
	int domain;
	int type;
};

static int socket_option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -errno :
								    value;
}

static bool is_network(const struct asked *s)
{
	return s->domain == AF_INET || s->domain == AF_INET6;
}

/* 0, or -errno: of the kernel for a number that is no socket's, or our own. */
static int ask(const struct target *t, const struct seccomp_data *call,
	       struct asked *s)
{
	int protocol;

	s->fd = target_file(t, (int)call->args[0]);
	if (s->fd < 0)
		return s->fd;
	s->domain = socket_option(s->fd, SO_DOMAIN);
	s->type = socket_option(s->fd, SO_TYPE);
	if (s->domain < 0 || !is_network(s))
		return s->domain < 0 ? s->domain : 0;
	protocol = socket_option(s->fd, SO_PROTOCOL);
	if ((s->type == SOCK_STREAM && protocol == IPPROTO_TCP) ||
	    (s->type == SOCK_DGRAM && protocol == IPPROTO_UDP))
		return 0;
	return -EACCES; /* from before the guard, or from elsewhere */
}

/* --- connect ------------------------------------------------------------------------ */

/* What the kernel goes on with: but for the name daemons of this machine. */
static int connect_elsewhere(const struct target *t, const struct asked *s,
			     const struct peer *to)
{
	const struct sockaddr_un *un = (const void *)&to->address;
	size_t start = offsetof(struct sockaddr_un, sun_path);
	char path[sizeof(un->sun_path) + 1] = "", seen[sizeof(path) + 48];

	if (s->domain != AF_UNIX || to->len <= start || to->len > sizeof(*un) ||
	    un->sun_family != AF_UNIX || !un->sun_path[0])
		return GO_ON;
	memcpy(path, un->sun_path, to->len - start);
	target_path(t, path, seen, sizeof(seen));
	if (!daemons_is_one(path) && !daemons_is_one(seen))
		return GO_ON;
	log_once(path, "%s: refused: it would look names up on this machine", path);
	return -ECONNREFUSED;
}

/*
 * The kernel says what is wrong, without being given the address. While it connects the
 * socket it looks at none, but waits.
 */
static int connect_wrong(const struct asked *s, struct peer *to)
{
	int r;

	to->address.ss_family = AF_MAX;
	r = flight_connect_briefly(s->fd, &to->address, to->len);
	return r < 0 ? r : -EINVAL;
}

/* Too short for the family, or of one that a stream of this family does not take. */
static bool is_wrong(const struct asked *s, const struct peer *to)
{
	int family = to->address.ss_family;

	if (family != AF_INET && family != AF_INET6)
		return true;
	if (s->type == SOCK_STREAM && family != s->domain)
		return true;
	return to->len < (family == AF_INET ? sizeof(struct sockaddr_in) :
					      SOCKADDR_IN6_LEN_MIN);
}

/* A v4-mapped address on a socket that is for IPv6 only. */
static bool cannot_reach(const struct asked *s, const struct peer *to)
{
	const struct sockaddr_in6 *in6 = (const void *)&to->address;
	int only = 0;
	socklen_t len = sizeof(only);

	return s->domain == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) &&
	       getsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &len) == 0 &&
	       only;
}

/* The stub is in this process, which has to be back in its loop to answer. */
static int connect_stub(const struct asked *s, const struct peer *to)
{
	struct sockaddr_storage stub;
	int len = dns_address(s->domain, SOCK_STREAM, &stub), r;

	if (len < 0 || way_of_socket(s->fd))
		return -ENETUNREACH;
	r = flight_connect_briefly(s->fd, &stub, (socklen_t)len);
	if (r == 0 || r == -EINPROGRESS) {
		dns_admit(s->fd);
		peers_set(peers_cookie(s->fd), to);
	}
	return r;
}

/* A call that was interrupted is made again; another finds the socket connected. */
static int connected_before(const struct asked *s)
{
	struct peer *known = peers_find(peers_cookie(s->fd));
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	if (!known)
		return 0;
	if (getpeername(s->fd, (struct sockaddr *)&peer, &len) < 0) {
		peers_forget(peers_cookie(s->fd));
		return 0;
	}
	if (!known->untold)
		return -EISCONN;
	known->untold = false;
	return 1;
}

/*
 * 0, or what the kernel says of a socket that is connected, connecting or listening: it is
 * not the supervisor's to take apart, nor to speak on.
 */
static int unconnected(const struct asked *s)
{
	uint8_t state = 0;
	socklen_t len = sizeof(state); /* the first byte of struct tcp_info */

	if (getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &state, &len) < 0)
		return -errno;
	switch (state) {
	case TCP_CLOSE:
		return 0;
	case TCP_SYN_SENT:
		return -EALREADY;
	default:
		return -EISCONN;
	}
}

/* LATER: the flight has the descriptor. */
static int connect_stream(const struct target *t, const struct asked *s,
			  const struct peer *to)
{
	struct endpoint e;
	int r, busy;

	if (flight_join(peers_cookie(s->fd), t)) {
		close(s->fd);
		return LATER;
	}
	r = connected_before(s);
	if (r != 0)
		return r < 0 ? r : 0;
	if (cannot_reach(s, to))
		return -ENETUNREACH;
	r = route_of(config, (const struct sockaddr *)&to->address, to->len, &e);
	if (r < 0)
		return r;
	busy = unconnected(s);
	if (nameserver_is_stub(config, &e) && !config_is_proxy(config, &e))
		return busy < 0 ? busy : connect_stub(s, to);
	if (r == ROUTE_BLOCK)
		return route_blocked(config, &e);
	if (r == ROUTE_VIA && busy < 0)
		return busy;
	if (r == ROUTE_VIA) {
		flight_via(t, s->fd, s->domain, &e, to);
		return LATER;
	}
	if (endpoint_is_loopback(&e) && way_of_socket(s->fd)) {
		route_refused(&e, "the socket is bound to a device, where it would "
				  "leave");
		return -ENETUNREACH;
	}
	flight_direct(t, s->fd, to);
	return LATER;
}

/* The program takes its connection apart. */
static int disconnect(const struct asked *s, const struct peer *to)
{
	flight_abort(peers_cookie(s->fd));
	peers_forget(peers_cookie(s->fd));
	return connect(s->fd, (const struct sockaddr *)&to->address, to->len) < 0 ?
		       -errno : 0;
}

static int connect_datagram(const struct target *t, int number, const struct asked *s,
			    const struct peer *to)
{
	struct sender sender = { t, number, s->fd, s->domain, -1 };
	int r = datagram_connect(&sender, to);

	if (sender.fresh >= 0)
		close(sender.fresh);
	return r;
}

static int connect_network(const struct target *t, int number, const struct asked *s,
			   struct peer *to)
{
	if (to->len < sizeof(sa_family_t))
		return -EINVAL;
	if (to->address.ss_family == AF_UNSPEC)
		return disconnect(s, to);
	if (is_wrong(s, to))
		return connect_wrong(s, to);
	if (to->address.ss_family == AF_INET6 &&
	    to->len < sizeof(struct sockaddr_in6))
		to->len = sizeof(struct sockaddr_in6); /* its scope id is zero */
	if (s->type == SOCK_STREAM)
		return connect_stream(t, s, to);
	return connect_datagram(t, number, s, to);
}

static int handle_connect(const struct target *t, const struct seccomp_data *call,
			  const struct asked *s)
{
	struct peer to = { .len = (socklen_t)call->args[2] };
	int r;

	if ((int)call->args[2] < 0 || to.len > sizeof(to.address))
		return -EINVAL;
	r = target_read(t, call->args[1], &to.address, to.len);
	if (r < 0)
		return r;
	if (!is_network(s))
		return connect_elsewhere(t, s, &to);
	return connect_network(t, (int)call->args[0], s, &to);
}

/* --- getpeername --------------------------------------------------------------------- */

static int handle_getpeername(const struct target *t, const struct seccomp_data *call,
			      const struct asked *s)
{
	const struct peer *known = peers_find(peers_cookie(s->fd));
	struct sockaddr_storage real;
	socklen_t len = sizeof(real), room;
	int r;

	if (!known || getpeername(s->fd, (struct sockaddr *)&real, &len) < 0)
		return GO_ON;
	r = target_read(t, call->args[2], &room, sizeof(room));
	if (r < 0 || (int)room < 0)
		return r < 0 ? r : -EINVAL;
	if (room > known->len)
		room = known->len;
	r = target_write(t, call->args[1], &known->address, room);
	if (r == 0)
		r = target_write(t, call->args[2], &known->len,
				 sizeof(known->len));
	return r;
}

/* --- sends --------------------------------------------------------------------------- */

/*
 * A stream's address is not looked at by the kernel, unless the call is to connect it,
 * which is told in a register.
 */
static long handle_datagram(const struct target *t, const struct seccomp_data *call,
			    const struct asked *s)
{
	struct sender sender = { t, (int)call->args[0], s->fd, s->domain, -1 };
	long r;

	switch (call->nr) {
	case SYS_sendto:
		r = datagram_sendto(&sender, call->args);
		break;
	case SYS_sendmsg:
		r = datagram_sendmsg(&sender, call->args);
		break;
	default:
		r = datagram_sendmmsg(&sender, call->args);
	}
	if (sender.fresh >= 0)
		close(sender.fresh);
	return r;
}

static long handle_send(const struct target *t, const struct seccomp_data *call,
			const struct asked *s)
{
	__u64 flags = call->args[call->nr == SYS_sendmsg ? 2 : 3];

	if (!is_network(s))
		return GO_ON;
	if (s->type == SOCK_STREAM)
		return flags & MSG_FASTOPEN ? -EOPNOTSUPP : GO_ON;
	return handle_datagram(t, call, s);
}

/* --- all ------------------------------------------------------------------------------ */

static long handle(const struct target *t, const struct seccomp_data *call,
		   const struct asked *s)
{
	switch (call->nr) {
	case SYS_connect:
		return handle_connect(t, call, s);
	case SYS_getpeername:
		return handle_getpeername(t, call, s);
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
		return handle_send(t, call, s);
	default:
		return -ENOSYS;
	}
}

/* A program that may not be looked into has no network: its calls fail. */
static long refuse_hidden(const struct target *t, long error)
{
	const char *name;

	if (error != -EPERM && error != -EACCES)
		return error;
	name = target_name(t);
	log_once(name,
		 "%s: refused: the supervisor may not look into it, since it "
		 "cannot be "
		 "read, has forbidden that (PR_SET_DUMPABLE), or runs as "
		 "another "
		 "user",
		 name);
	return -EACCES;
}

void call_next(void)
{
	struct target t = { .listener = told_at };
	struct asked s;
	long r;

	memset(request, 0, sizes.seccomp_notif);
	if (ioctl(told_at, SECCOMP_IOCTL_NOTIF_RECV, request) < 0)
		return;
	t.id = request->id;
	t.tid = (pid_t)request->pid;
	target_speak_for(&t);
	r = ask(&t, &request->data, &s);
	if (r == 0)
		r = handle(&t, &request->data, &s);
	else if (s.fd < 0)
		r = refuse_hidden(&t, r);
	target_speak_for(NULL);
	/* Before the answer: the program may close its socket next, and be sure of that. */
	if (r != LATER && s.fd >= 0)
		close(s.fd);
	if (r == GO_ON)
		let_go_on(t.listener, t.id);
	else if (r != LATER)
		call_answer(t.listener, t.id, r);
}
