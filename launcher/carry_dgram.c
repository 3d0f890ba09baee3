/* SPDX-License-Identifier: MIT */
/* carry_dgram.c - UDP of carried programs: to this machine, by direct rules, to the stub */
#include "launcher/carry_dgram.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/way.h"
#include "launcher/carry_connect.h"
#include "launcher/carry_dns.h"
#include "launcher/carry_island.h"
#include "resolver/nameserver.h"
#include "resolver/route.h"

enum {
	DATA_MAX = 65536,
	CONTROL_MAX = 4096,
	MESSAGES_MAX = 1024, /* as the kernel takes of sendmmsg */
};

/* A message as it lies in the target's memory; both are of 64 bits. */
struct remote {
	struct msghdr header;
	struct iovec vectors[IOV_MAX];
};

static const struct config *config;

void datagram_setup(const struct config *the_config)
{
	config = the_config;
}

/* --- where to ------------------------------------------------------------------- */

enum way { WAY_DIRECT, WAY_STUB };

/* WAY_ or -errno. */
static int judge(const struct peer *to, struct endpoint *e)
{
	int route = route_of_datagram(config, (const struct sockaddr *)&to->address,
				      to->len, e);

	if (route < 0)
		return route;
	if (nameserver_is_stub(config, e))
		return WAY_STUB;
	if (route == ROUTE_DIRECT)
		return WAY_DIRECT;
	if (route == ROUTE_BLOCK)
		return route_blocked(config, e);
	return -ENETUNREACH;
}

/*
 * Programs connect a UDP socket to find the address that they would send from, so that
 * is told to who wants to know all.
 */
static void tell_refused(const struct endpoint *to, enum log_level level)
{
	static const char why[] = "UDP of a carried program goes nowhere but by a "
				  "direct rule";
	char text[ENDPOINT_TEXT_MAX];

	endpoint_format(to, text, sizeof(text));
	if (level == LOG_REFUSAL)
		log_once(text, "%s: refused: %s", text, why);
	else
		log_line(level, "%s: refused: %s", text, why);
}

/* What is for this machine would leave it, by an option or control data. */
static bool strays(int fd, const struct endpoint *to, int control)
{
	return endpoint_is_loopback(to) && (control > 0 || way_of_socket(fd));
}

/* --- on the island and off it ------------------------------------------------------ */

/*
 * Sockets that have been sent by elsewhere, by their cookies: these are not exchanged for
 * one that reaches nobody. Who is forgotten is exchanged there and back.
 */
static uint64_t talkers[1024];

static uint64_t *talker_of(int fd)
{
	return &talkers[peers_cookie(fd) % (sizeof(talkers) / sizeof(talkers[0]))];
}

static void note_talker(int fd)
{
	*talker_of(fd) = peers_cookie(fd);
}

static bool is_talker(int fd)
{
	return *talker_of(fd) == peers_cookie(fd);
}

typedef int exchange_for(const struct target *t, int number, int fd, int family);

static int exchange(struct sender *s, exchange_for *another)
{
	int fresh = another(s->target, s->number, s->fd, s->family);

	if (fresh < 0)
		return fresh;
	if (s->fresh >= 0)
		close(s->fresh);
	s->fresh = s->fd = fresh;
	return 0;
}

/* For what is to reach somebody. */
static int leave_island(struct sender *s)
{
	return island_has(s->fd) ? exchange(s, island_leave) : 0;
}

/* --- connect ------------------------------------------------------------------------ */

static int connect_fd(int fd, const struct peer *to)
{
	return connect(fd, (const struct sockaddr *)&to->address, to->len) < 0 ? -errno : 0;
}

static int connect_direct(struct sender *s, const struct peer *to,
			  const struct endpoint *e)
{
	int r = leave_island(s);

	if (r == 0)
		r = strays(s->fd, e, 0) ? -ENETUNREACH : connect_fd(s->fd, to);
	if (r == 0)
		peers_forget(peers_cookie(s->fd));
	return r;
}

/* Where it is on the island, the server is, too. */
static int connect_stub(const struct sender *s, const struct peer *to)
{
	struct peer real = *to;
	int r;

	if (!island_has(s->fd)) {
		r = dns_address(s->family, SOCK_DGRAM, &real.address);
		if (r < 0)
			return -ENETUNREACH;
		real.len = (socklen_t)r;
	}
	if (way_of_socket(s->fd))
		return -ENETUNREACH;
	r = connect_fd(s->fd, &real);
	if (r == 0) {
		dns_admit(s->fd);
		peers_set(peers_cookie(s->fd), to);
	}
	return r;
}

int datagram_connect(struct sender *s, const struct peer *to)
{
	struct endpoint e;
	int way = judge(to, &e);

	if (way == -ENETUNREACH)
		tell_refused(&e, LOG_CONNECTION);
	if (way < 0)
		return way;
	return way == WAY_STUB ? connect_stub(s, to) : connect_direct(s, to, &e);
}

/* --- sending -------------------------------------------------------------------- */

/* It does not wait here for room: the program is told that there was none, as it may be. */
static long send_copy(int fd, const struct msghdr *m, int flags)
{
	ssize_t n = sendmsg(fd, m, flags | MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0)
		return n;
	return errno == EAGAIN && !(flags & MSG_DONTWAIT) ? -ENOBUFS : -errno;
}

static long send_copy_to(int fd, const struct msghdr *m, const void *to,
			 socklen_t len, int flags)
{
	struct msghdr addressed = *m;

	addressed.msg_name = (void *)to;
	addressed.msg_namelen = len;
	return send_copy(fd, &addressed, flags);
}

/*
 * To a name server, from a socket that is not connected to it: the answer is to come from
 * there. Where that cannot be, it comes from the stub, with which some are content.
 */
static long ask_stub(struct sender *s, const struct msghdr *m, const struct peer *to,
		     int flags)
{
	struct msghdr plain = { .msg_iov = m->msg_iov, .msg_iovlen = m->msg_iovlen };
	struct sockaddr_storage stub;
	int len;
	long n;

	if (!island_has(s->fd) && !is_talker(s->fd))
		exchange(s, island_swap);
	if (island_has(s->fd))
		return send_copy_to(s->fd, &plain, &to->address, to->len, flags);
	len = dns_address(s->family, SOCK_DGRAM, &stub);
	if (len < 0 || way_of_socket(s->fd))
		return -ENETUNREACH;
	n = send_copy_to(s->fd, &plain, &stub, (socklen_t)len, flags);
	if (n >= 0)
		dns_admit(s->fd);
	return n;
}

/*
 * Sends what was copied. With no name it goes to whom the socket is connected to, which
 * was judged then.
 */
static long send_judged(struct sender *s, const struct msghdr *m, int flags)
{
	struct peer to = { .len = m->msg_namelen };
	int control = way_of_control(m), way;
	struct endpoint e;
	long n;

	if (control < 0)
		return control;
	/* The kernel would go on reading the copy, which is the next one's then. */
	if (flags & MSG_ZEROCOPY)
		return -ENOBUFS;
	if (!m->msg_name) {
		to.len = sizeof(to.address);
		if (control > 0 &&
		    (getpeername(s->fd, (struct sockaddr *)&to.address, &to.len) < 0 ||
		     endpoint_from_sockaddr(&e, (struct sockaddr *)&to.address,
					    to.len) < 0 ||
		     endpoint_is_loopback(&e)))
			return -ENETUNREACH;
		return send_copy(s->fd, m, flags);
	}
	memcpy(&to.address, m->msg_name, to.len);
	if (to.address.ss_family == AF_UNSPEC && s->family == AF_INET)
		to.address.ss_family = AF_INET; /* the kernel takes it for that */
	way = judge(&to, &e);
	if (way == -ENETUNREACH)
		tell_refused(&e, LOG_REFUSAL);
	if (way < 0)
		return way;
	if (way == WAY_STUB)
		return ask_stub(s, m, &to, flags);
	if (strays(s->fd, &e, control))
		return -ENETUNREACH;
	n = leave_island(s);
	if (n < 0)
		return n;
	n = send_copy_to(s->fd, m, &to.address, to.len, flags);
	if (n >= 0)
		note_talker(s->fd);
	return n;
}

static uint8_t data[DATA_MAX];

long datagram_sendto(struct sender *s, const __u64 args[6])
{
	struct sockaddr_storage name;
	struct iovec whole = { data, (size_t)args[2] };
	struct msghdr m = { .msg_iov = &whole, .msg_iovlen = 1,
			    .msg_name = &name, .msg_namelen = (socklen_t)args[5] };
	int r;

	if (args[2] > sizeof(data))
		return -EMSGSIZE;
	if (m.msg_namelen > sizeof(name))
		return -EINVAL;
	memset(&name, 0, sizeof(name));
	r = target_read(s->target, args[4], &name, m.msg_namelen);
	if (r == 0)
		r = target_read(s->target, args[1], data, (size_t)args[2]);
	return r < 0 ? r : send_judged(s, &m, (int)args[3]);
}

/* One message whose header is at hand: its name, control data and content are copied. */
static long send_remote(struct sender *s, struct remote *remote, int flags)
{
	static _Alignas(struct cmsghdr) uint8_t control[CONTROL_MAX];
	const struct msghdr *theirs = &remote->header;
	struct sockaddr_storage name;
	struct iovec whole = { .iov_base = data };
	struct msghdr m = { .msg_iov = &whole, .msg_iovlen = 1 };
	ssize_t n;
	int r = 0;

	if (theirs->msg_iovlen > IOV_MAX)
		return -EMSGSIZE;
	if (theirs->msg_controllen > sizeof(control))
		return -ENOBUFS;
	memset(&name, 0, sizeof(name));
	if (theirs->msg_name && theirs->msg_namelen > 0) {
		if (theirs->msg_namelen > sizeof(name))
			return -EINVAL;
		m.msg_name = &name;
		m.msg_namelen = theirs->msg_namelen;
		r = target_read(s->target, (uintptr_t)theirs->msg_name, &name,
				m.msg_namelen);
	}
	if (r == 0 && theirs->msg_control && theirs->msg_controllen > 0) {
		m.msg_control = control;
		m.msg_controllen = theirs->msg_controllen;
		r = target_read(s->target, (uintptr_t)theirs->msg_control, control,
				m.msg_controllen);
	}
	if (r == 0)
		r = target_read(s->target, (uintptr_t)theirs->msg_iov, remote->vectors,
				theirs->msg_iovlen * sizeof(struct iovec));
	if (r < 0)
		return r;
	n = target_gather(s->target, remote->vectors, theirs->msg_iovlen, data,
			  sizeof(data));
	if (n < 0)
		return n;
	whole.iov_len = (size_t)n;
	return send_judged(s, &m, flags);
}

static struct remote remote;

long datagram_sendmsg(struct sender *s, const __u64 args[6])
{
	int r = target_read(s->target, args[1], &remote.header, sizeof(remote.header));

	return r < 0 ? r : send_remote(s, &remote, (int)args[2]);
}

long datagram_sendmmsg(struct sender *s, const __u64 args[6])
{
	unsigned int n = (unsigned int)args[2], sent = 0, len;
	long r = 0;

	if (n > MESSAGES_MAX)
		n = MESSAGES_MAX;
	for (; sent < n; sent++) {
		uint64_t at = args[1] + sent * sizeof(struct mmsghdr);

		r = target_read(s->target, at, &remote.header, sizeof(remote.header));
		if (r == 0)
			r = send_remote(s, &remote, (int)args[3]);
		if (r < 0)
			break;
		len = (unsigned int)r;
		r = target_write(s->target, at + offsetof(struct mmsghdr, msg_len), &len,
				 sizeof(len));
		if (r < 0)
			break;
	}
	return sent > 0 ? (long)sent : r;
}
