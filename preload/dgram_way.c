/* SPDX-License-Identifier: MIT */
/*
 * dgram_way.c - what is said of the way to the relay
 *
 * A router, or the relay's host, speaks of the way to the relay: nothing of that is about the
 * peer that the program sends to, so it is told nobody; where it means that there is no relay
 * any more, another association is made. But what is too large for the way is the program's to
 * know, and how much is not, less our header.
 *
 * The kernel tells all that only who is connected, or asks for it. Who is neither, and sends
 * and gets no answer, might go on for ever to a relay that is no more: so for as long as it
 * seems to send in vain it is asked for, and nobody else is told.
 *
 * An error that waits in a socket which also sends past the proxy, and is not connected, may
 * be about those: it stays.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <linux/errqueue.h> /* which does without its own <time.h> */

#include "core/row.h"
#include "preload/dgram_inner.h"
#include "preload/options.h"

/* What the kernel makes of ICMP and ICMPv6, but for what is too large. */
static bool is_from_icmp(long error)
{
	switch (error) {
	case -ECONNREFUSED:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
	case -EHOSTDOWN:
	case -ENONET:
	case -ENOPROTOOPT:
	case -EPROTO:
	case -EOPNOTSUPP:
	case -EACCES:
		return true;
	default:
		return false;
	}
}

static bool is_of_relay_only(const struct dgram *dgram)
{
	enum dgram_peer peer = dgram_connected(dgram);

	return peer == DGRAM_VIA ||
	       (peer == DGRAM_NONE && assoc_relay(&dgram->assoc)->len > 0 &&
		!__atomic_load_n(&dgram->direct, __ATOMIC_RELAXED));
}

/* "Refused": nobody is at the relay's port. Whatever else is said may pass. */
static void doubt(struct dgram *dgram, int error)
{
	if (error == ECONNREFUSED)
		dgram_refused(dgram);
	else
		dgram_lost(dgram);
}

/* --- who is told --------------------------------------------------------------------------- */

static void say_told(struct dgram *dgram, enum dgram_told who)
{
	__atomic_store_n(&dgram->told, who, __ATOMIC_RELAXED);
}

/* An IPv6 socket has two of them, for its IPv4 peers. */
static void set_told(struct dgram *dgram, int fd, bool on)
{
	option_set(fd, IPPROTO_IP, IP_RECVERR, on);
	if (dgram->family == AF_INET6)
		option_set(fd, IPPROTO_IPV6, IPV6_RECVERR, on);
	say_told(dgram, on ? DGRAM_TOLD_US : DGRAM_UNTOLD);
}

static bool is_told(const struct dgram *dgram, int fd)
{
	return option_get(fd, IPPROTO_IP, IP_RECVERR, 0) != 0 ||
	       (dgram->family == AF_INET6 &&
		option_get(fd, IPPROTO_IPV6, IPV6_RECVERR, 0) != 0);
}

void dgram_told_set(struct dgram *dgram)
{
	say_told(dgram, DGRAM_UNTOLD);
}

void dgram_mind_way(struct dgram *dgram, int fd, bool silent)
{
	if (!is_of_relay_only(dgram))
		return;
	if (!silent && dgram_who_is_told(dgram) == DGRAM_TOLD_US)
		set_told(dgram, fd, false);
	else if (silent && !is_told(dgram, fd))
		set_told(dgram, fd, true);
	else
		say_told(dgram, silent ? DGRAM_TOLD_BOTH : DGRAM_UNTOLD);
}

/* Nor that it was connected no more when something was sent to the relay: that is named then. */
long dgram_told(struct dgram *dgram, int fd, long error)
{
	long own;

	if (error == -EDESTADDRREQ) {
		dgram_found_loose(dgram);
		return 0;
	}
	if (!is_from_icmp(error) || !is_of_relay_only(dgram))
		return error;
	own = error == -ECONNREFUSED ? dgram_take_error(dgram) : 0;
	if (own == 0)
		doubt(dgram, (int)-error);
	if (dgram_who_is_told(dgram) == DGRAM_TOLD_US) /* and what waits in the queue goes, too */
		set_told(dgram, fd, false);
	return own;
}

/* --- MSG_ERRQUEUE ------------------------------------------------------------------------ */

/* The message about one, or NULL. */
static struct cmsghdr *find_error(const struct msghdr *got,
				  struct sock_extended_err *error)
{
	struct msghdr *m = (struct msghdr *)got;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == IPPROTO_IPV6 &&
		      c->cmsg_type == IPV6_RECVERR))
			continue;
		if (c->cmsg_len < CMSG_LEN(sizeof(*error)))
			continue;
		memcpy(error, CMSG_DATA(c), sizeof(*error));
		return c;
	}
	return NULL;
}

/* Some router's word, or the relay's host's: it is not told. */
static bool is_of_way(struct dgram *dgram, const struct msghdr *got)
{
	struct sock_extended_err error;

	if (find_error(got, &error) == NULL ||
	    (error.ee_origin != SO_EE_ORIGIN_ICMP &&
	     error.ee_origin != SO_EE_ORIGIN_ICMP6) ||
	    error.ee_errno == EMSGSIZE)
		return false;
	doubt(dgram, (int)error.ee_errno);
	return true;
}

/* Of the MTU that it tells the header takes its part, as it does of IP_MTU. */
static void lessen_mtu(const struct msghdr *got, size_t head)
{
	struct sock_extended_err error;
	struct cmsghdr *c = find_error(got, &error);

	if (c == NULL || error.ee_errno != EMSGSIZE || error.ee_info < head)
		return;
	error.ee_info -= (uint32_t)head;
	memcpy(CMSG_DATA(c), &error, sizeof(error));
}

/* The datagram that an error speaks of had a header: whom it was for. */
static void unwrap_sent(struct dgram *dgram, struct incoming *in)
{
	struct row row = { in->vectors, in->count };
	uint8_t head[SOCKS5_UDP_HEADER_MAX];
	size_t have = row_read(&row, 0, head,
			       in->n < sizeof(head) ? in->n : sizeof(head));
	struct endpoint to;
	uint8_t frag;
	int r = socks5_get_udp_header(head, have, &frag, &to);

	if (dgram_connected(dgram) == DGRAM_VIA)
		in->shown = dgram_peer(dgram);
	if (r < 0)
		return;
	in->head = (size_t)r;
	if (dgram_connected(dgram) != DGRAM_VIA)
		sources_show(&dgram->sources, dgram->family, &to, &in->shown);
}

/* How long it was; of what is too large the kernel keeps nothing to be read. */
static size_t header_sent(const struct dgram *dgram, const struct incoming *in)
{
	if (dgram_connected(dgram) == DGRAM_VIA)
		return dgram_head(dgram);
	return in->head > 0 ? in->head : in->lead;
}

ssize_t dgram_receive_error(struct dgram *dgram, int fd, struct msghdr *message,
			    int flags)
{
	struct incoming in;

	incoming_lay_out(dgram, &in, message);
	for (;;) {
		struct msghdr got;
		long n;
		bool relay;

		incoming_message(&in, message, &got);
		n = REAL(recvmsg)(fd, &got, flags);
		if (n < 0)
			return -errno;
		in.n = (size_t)n;
		in.head = 0;
		in.from.len = got.msg_namelen;
		in.shown = in.from;
		relay = incoming_is_relays(dgram, &in);
		if (relay && is_of_way(dgram, &got))
			continue;
		if (relay) {
			unwrap_sent(dgram, &in);
			lessen_mtu(&got, header_sent(dgram, &in));
		}
		return incoming_give(&in, message, &got, flags & ~MSG_TRUNC);
	}
}
