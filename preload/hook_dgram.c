/* SPDX-License-Identifier: MIT */
/*
 * hook_dgram.c - calls that carry an address or a message header
 *
 * An address in a sending call is a connect of its own: for a datagram, or for a
 * stream with MSG_FASTOPEN. So it is judged here. What goes to a socket without an
 * address goes where connect() let it go. A UDP socket that has to do with the proxy is
 * dgram.h's.
 */
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/uio.h>

#include "core/sys.h"
#include "preload/detour.h"
#include "preload/dgram_io.h"
#include "preload/hook_connect.h"
#include "preload/hook_stream.h"
#include "preload/memory.h"
#include "preload/nameservice.h"
#include "preload/options.h"
#include "preload/passing.h"
#include "resolver/route.h"

/*
 * What is taken for a stream is let go wherever it is addressed to, so the kernel is asked: the
 * number may be another socket's since it was closed where we did not see it.
 */
static bool is_stream(int fd)
{
	if ((fdtable_notes(fd) & (FD_SEEN | FD_STREAM)) == FD_SEEN)
		return false;
	return option_get(fd, SOL_SOCKET, SO_TYPE, 0) == SOCK_STREAM;
}

/* An address that can be read; of one that is too long the kernel says so first. */
static bool is_there(const struct sockaddr *addr, socklen_t len)
{
	return len <= sizeof(union route_address) && memory_there(addr, len);
}

/* To an IPv4 datagram socket AF_UNSPEC is AF_INET too (udp_sendmsg in the kernel). */
static bool is_inet(const struct sockaddr *addr, socklen_t len)
{
	return addr != NULL && len >= sizeof(addr->sa_family) &&
	       (addr->sa_family == AF_INET || addr->sa_family == AF_INET6 ||
		addr->sa_family == AF_UNSPEC);
}

/**
 * struct judged - what a call's address comes to
 * @copy:	of the address, taken once: what was judged is what is sent
 * @name:	it, or NULL: none is given to the kernel
 * @dgram:	what the socket stands for from now on; NULL: the kernel sends
 */
struct judged {
	union route_address copy;
	struct sockaddr *name;
	struct dgram *dgram;
};

/*
 * The address means nothing to that socket. The number may be another one's a moment
 * later, so the kernel gets one that means nothing to any.
 */
static int means_nothing(struct judged *judged)
{
	judged->copy.sa.sa_family = AF_MAX;
	return 0;
}

/* Raw ones and the like send to addresses of their family, as UDP does, and are refused. */
static int judge_other(int fd, struct judged *judged)
{
	int family = option_get(fd, SOL_SOCKET, SO_DOMAIN, AF_UNSPEC);

	if (family == AF_INET || family == AF_INET6)
		return -EPERM;
	return means_nothing(judged);
}

/* For a socket that had nothing to do with the proxy yet: 0 or -errno. */
static int judge(int fd, const struct sockaddr *addr, socklen_t len,
		 struct judged *judged)
{
	union route_address *copy = &judged->copy;
	struct endpoint to;
	int family, route;

	judged->dgram = NULL;
	judged->name = &copy->sa;
	if (len > sizeof(*copy))
		return -EINVAL;
	hooks_ready();
	memcpy(copy, addr, len);
	if (is_stream(fd))
		return means_nothing(judged); /* TCP does not look at it */
	if (!dgram_is_udp(fd, &family))
		return judge_other(fd, judged);
	if (copy->sa.sa_family == AF_UNSPEC && family == AF_INET)
		copy->sa.sa_family = AF_INET;
	if (copy->sa.sa_family == AF_UNSPEC) {
		judged->name = NULL; /* to where it is connected */
		return 0;
	}
	if (copy->sa.sa_family == AF_INET6 && family == AF_INET)
		return -EAFNOSUPPORT; /* as the kernel has it */
	route = dgram_judge(copy, len, &to);
	if (route == ROUTE_DIRECT && endpoint_is_loopback(&to) &&
	    !detour_stays(fd))
		return -ENETUNREACH;
	if (route == ROUTE_DIRECT || route == -EINVAL)
		return 0;
	if (route < 0)
		return route;
	judged->dgram = dgram_made(fd, family);
	return judged->dgram != NULL ? 0 : -ENOBUFS;
}

/*
 * MSG_FASTOPEN with an address: connect() first. True when data may be sent now;
 * else errno says why not, as the kernel does without a cookie (EINPROGRESS).
 */
static bool fastopen(int fd, const struct sockaddr *addr, socklen_t len)
{
	return hook_connect(fd, addr, len) == 0;
}

static ssize_t send_dgram_to(struct dgram *dgram, int fd, const void *buf, size_t n,
			     int flags, const struct sockaddr *addr,
			     socklen_t len)
{
	struct iovec iov = { (void *)buf, n };
	struct msghdr message = { .msg_name = (void *)addr,
				  .msg_namelen = addr ? len : 0,
				  .msg_iov = &iov,
				  .msg_iovlen = 1 };

	if (addr != NULL && len == 0) /* which means none in a message only */
		return hooks_result(-EINVAL);
	return hooks_result(dgram_send(dgram, fd, &message, flags));
}

EXPORT ssize_t sendto(int fd, const void *buf, size_t n, int flags,
		      const struct sockaddr *addr, socklen_t len)
{
	struct dgram *dgram = dgram_peek(fd);
	struct judged judged;
	int r;

	if (addr != NULL && !is_there(addr, len))
		return REAL(sendto)(fd, buf, n, flags, MEMORY_NOWHERE, len);
	if (dgram != NULL)
		return send_dgram_to(dgram, fd, buf, n, flags, addr, len);
	if (is_inet(addr, len) && flags & MSG_FASTOPEN && is_stream(fd)) {
		if (!fastopen(fd, addr, len))
			return -1;
		return REAL(send)(fd, buf, n, flags & ~MSG_FASTOPEN);
	}
	if (nameservice_refused(addr, len))
		return hooks_result(-ECONNREFUSED);
	if (!hook_before(fd, flags, SO_SNDTIMEO))
		return -1;
	if (!is_inet(addr, len))
		return hook_after(fd, REAL(sendto)(fd, buf, n, flags, addr, len));
	r = judge(fd, addr, len, &judged);
	if (r < 0)
		return hooks_result(r);
	if (judged.dgram != NULL)
		return send_dgram_to(judged.dgram, fd, buf, n, flags,
				     judged.name, len);
	return hook_after(fd, REAL(sendto)(fd, buf, n, flags, judged.name,
					   judged.name != NULL ? len : 0));
}

static ssize_t send_fastopen(int fd, const struct msghdr *message, int flags)
{
	struct msghdr plain = *message;

	if (!fastopen(fd, message->msg_name, message->msg_namelen))
		return -1;
	plain.msg_name = NULL;
	plain.msg_namelen = 0;
	return REAL(sendmsg)(fd, &plain, flags & ~MSG_FASTOPEN);
}

/* The kernel says what is wrong, of the descriptor first. */
static ssize_t unsendable(int fd, int error, int flags)
{
	return error == -EFAULT ? REAL(sendmsg)(fd, MEMORY_NOWHERE, flags) :
				  hooks_result(error);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct dgram *dgram = dgram_peek(fd);
	struct judged judged;
	struct msghdr plain;
	bool addressed;
	int r;

	r = dgram_unsendable(message);
	if (r < 0)
		return unsendable(fd, r, flags);
	addressed = is_inet(message->msg_name, message->msg_namelen);
	if (dgram != NULL)
		return hooks_result(dgram_send(dgram, fd, message, flags));
	if (addressed && flags & MSG_FASTOPEN && is_stream(fd))
		return send_fastopen(fd, message, flags);
	if (nameservice_refused(message->msg_name, message->msg_namelen))
		return hooks_result(-ECONNREFUSED);
	if (!hook_before(fd, flags, SO_SNDTIMEO))
		return -1;
	r = detour_message(fd, message);
	if (r < 0)
		return hooks_result(r);
	passing_sent(message);
	if (!addressed)
		return hook_after(fd, REAL(sendmsg)(fd, message, flags));
	r = judge(fd, message->msg_name, message->msg_namelen, &judged);
	if (r < 0)
		return hooks_result(r);
	plain = *message;
	plain.msg_name = judged.name;
	if (judged.name == NULL)
		plain.msg_namelen = 0;
	if (judged.dgram != NULL)
		return hooks_result(
			dgram_send(judged.dgram, fd, &plain, flags));
	return hook_after(fd, REAL(sendmsg)(fd, &plain, flags));
}

/* How many of an array the kernel would take, and come to. */
static unsigned int within_reach(const struct mmsghdr *messages, unsigned int n)
{
	unsigned int i;

	if (n > UIO_MAXIOV)
		n = UIO_MAXIOV;
	if (memory_there(messages, n * sizeof(*messages)))
		return n;
	for (i = 0; i < n; i++)
		if (!memory_there(messages + i, sizeof(*messages)))
			break;
	return i;
}

static bool any_address(const struct mmsghdr *messages, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (messages[i].msg_hdr.msg_name != NULL)
			return true;
	return false;
}

/* With addresses, one message at a time: each is judged by itself. */
static int send_each(int fd, struct mmsghdr *messages, unsigned int n,
		     int flags)
{
	unsigned int sent;

	for (sent = 0; sent < n; sent++) {
		ssize_t r = sendmsg(fd, &messages[sent].msg_hdr, flags);

		if (r < 0)
			break;
		messages[sent].msg_len = (unsigned int)r;
	}
	return sent > 0 || n == 0 ? (int)sent : -1;
}

/* How many of them can be sent, up to the first that cannot; *error is why. */
static unsigned int sendable(const struct mmsghdr *messages, unsigned int n,
			     int *error)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		*error = dgram_unsendable(&messages[i].msg_hdr);
		if (*error < 0)
			break;
	}
	return i;
}

EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned int n, int flags)
{
	struct dgram *dgram = dgram_peek(fd);
	unsigned int given = within_reach(messages, n);
	int r = 0;

	if (given == 0 && n > 0)
		return (int)unsendable(fd, -EFAULT, flags);
	if (dgram != NULL)
		return (int)hooks_result(
			dgram_send_many(dgram, fd, messages, given, flags));
	n = sendable(messages, given, &r);
	if (n == 0 && r < 0)
		return (int)unsendable(fd, r, flags);
	if (any_address(messages, n))
		return send_each(fd, messages, n, flags);
	if (!hook_before(fd, flags, SO_SNDTIMEO))
		return -1;
	for (unsigned int i = 0; i < n; i++) {
		r = detour_message(fd, &messages[i].msg_hdr);
		if (r < 0)
			return (int)hooks_result(r);
		passing_sent(&messages[i].msg_hdr);
	}
	return (int)hook_after(fd, REAL(sendmmsg)(fd, messages, n, flags));
}

/* What is wrong with where the source is wanted is only found once there is a datagram. */
static ssize_t receive_dgram_from(struct dgram *dgram, int fd, void *buf, size_t n,
				  int flags, struct sockaddr *addr,
				  socklen_t *len)
{
	struct iovec iov = { buf, n };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	bool wanted = addr != NULL && memory_there(len, sizeof(*len));
	ssize_t got;

	if (wanted) {
		message.msg_name = addr;
		message.msg_namelen = *len < INT_MAX ? *len : 0;
	}
	got = dgram_receive(dgram, fd, &message, hook_no_urgent(flags));
	if (got < 0 || addr == NULL)
		return hooks_result(got);
	if (!wanted)
		return hooks_result(-EFAULT);
	if (*len > INT_MAX)
		return hooks_result(-EINVAL);
	*len = message.msg_namelen;
	return got;
}

EXPORT ssize_t recvfrom(int fd, void *buf, size_t n, int flags,
			struct sockaddr *addr, socklen_t *len)
{
	struct dgram *dgram;

	if (!hook_before(fd, flags, SO_RCVTIMEO))
		return -1;
	dgram = dgram_peek(fd);
	if (dgram != NULL)
		return receive_dgram_from(dgram, fd, buf, n, flags, addr, len);
	return hook_after(fd, REAL(recvfrom)(fd, buf, n, flags, addr, len));
}

EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t size,
			      int flags, struct sockaddr *addr, socklen_t *len)
{
	struct dgram *dgram;

	if (!hook_before(fd, flags, SO_RCVTIMEO))
		return -1;
	dgram = dgram_peek(fd);
	if (dgram != NULL && n <= size)
		return receive_dgram_from(dgram, fd, buf, n, flags, addr, len);
	return hook_after(fd, REAL(__recvfrom_chk)(fd, buf, n, size, flags,
						   addr, len));
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	struct dgram *dgram;
	ssize_t n;

	if (!hook_before(fd, flags, SO_RCVTIMEO))
		return -1;
	dgram = dgram_peek(fd);
	if (dgram != NULL) {
		n = dgram_unreadable(message);
		if (n == 0)
			n = dgram_receive(dgram, fd, message,
					  hook_no_urgent(flags));
		return hooks_result(n);
	}
	n = REAL(recvmsg)(fd, message, flags);
	if (n >= 0)
		passing_received(message);
	return hook_after(fd, n);
}

EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned int n, int flags,
		    struct timespec *timeout)
{
	struct dgram *dgram;
	unsigned int given;
	int got;

	if (!hook_before(fd, flags, SO_RCVTIMEO))
		return -1;
	dgram = dgram_peek(fd);
	if (dgram != NULL) {
		given = within_reach(messages, n);
		if ((given == 0 && n > 0) ||
		    (timeout != NULL && !memory_there(timeout, sizeof(*timeout))))
			return (int)hooks_result(-EFAULT);
		return (int)hooks_result(dgram_receive_many(
			dgram, fd, messages, given, hook_no_urgent(flags), timeout));
	}
	got = REAL(recvmmsg)(fd, messages, n, flags, timeout);
	for (int i = 0; i < got; i++)
		passing_received(&messages[i].msg_hdr);
	return (int)hook_after(fd, got);
}
