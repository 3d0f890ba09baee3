/* SPDX-License-Identifier: MIT */
/* carry_island.c - a network of the supervisor's own, where the stub has every address */
#include "launcher/carry_island.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/log.h"
#include "launcher/carry_dns.h"
#include "launcher/carry_epoll.h"
#include "launcher/carry_loop.h"
#include "launcher/carry_peers.h"
#include "launcher/supervisor.h"
#include "resolver/nameserver.h"

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif
#ifndef SECCOMP_ADDFD_FLAG_SETFD
#define SECCOMP_ADDFD_FLAG_SETFD (1UL << 0)
#endif

enum {
	PATIENCE_MS = 2000, /* for the keeper, who has nothing else to do */
	LOOPBACK_IFINDEX = 1,
	ISLANDERS_MAX = 1024,
};

/* What is asked of the keeper: a byte each, answered by a byte and a descriptor. */
enum wish { WISH_SOCKET4 = 1, WISH_SOCKET6, WISH_SERVER4, WISH_SERVER6 };

static int keeper = -1;	 /* the socket to it */
static bool impossible; /* it was tried, and there is none */
static uint64_t islanders[ISLANDERS_MAX]; /* SO_COOKIE of sockets handed out, the latest */
static size_t turn;

/* --- descriptors between two processes -------------------------------------------- */

/* fd < 0: there is none. */
static bool send_descriptor(int to, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fd))] = { 0 };
	struct cmsghdr *c = (struct cmsghdr *)control;
	struct iovec byte = { (void *)"", 1 };
	struct msghdr m = { .msg_iov = &byte, .msg_iovlen = 1 };

	if (fd >= 0) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(to, &m, MSG_NOSIGNAL) == 1;
}

/* -ETIMEDOUT: it may come yet; -EHOSTUNREACH: there is none. */
static int receive_descriptor(int from)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct pollfd pollfd = { .fd = from, .events = POLLIN };
	int fd;

	if (poll(&pollfd, 1, PATIENCE_MS) != 1)
		return -ETIMEDOUT;
	if (recvmsg(from, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != 1 ||
	    m.msg_controllen < CMSG_LEN(sizeof(fd)))
		return -EHOSTUNREACH;
	memcpy(&fd, CMSG_DATA((struct cmsghdr *)control), sizeof(fd));
	return fd;
}

/* --- the keeper ------------------------------------------------------------------- */

static int leave_network(void)
{
	if (unshare(CLONE_NEWNET) == 0)
		return 0;
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ? -errno : 0;
}

static int raise_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* "ip route add local default dev lo": every address is this machine's. */
static int own_all_addresses(unsigned char family)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
		struct rtattr attribute;
		uint32_t device; /* cppcheck-suppress unusedStructMember */
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = RTM_NEWROUTE,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK },
		.route = { .rtm_family = family,
			   .rtm_table = RT_TABLE_LOCAL,
			   .rtm_protocol = RTPROT_STATIC,
			   .rtm_scope = RT_SCOPE_HOST,
			   .rtm_type = RTN_LOCAL },
		.attribute = { .rta_len = RTA_LENGTH(sizeof(uint32_t)),
			       .rta_type = RTA_OIF },
		.device = LOOPBACK_IFINDEX,
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int r = -EPROTO;

	if (fd < 0)
		return -errno;
	if (send(fd, &request, sizeof(request), 0) == (ssize_t)sizeof(request) &&
	    recv(fd, &answer, sizeof(answer), 0) >= (ssize_t)sizeof(answer.header) +
						    (ssize_t)sizeof(int))
		r = answer.error.error;
	close(fd);
	return r;
}

/* A server on port 53 of all addresses, which is told what address it was asked under. */
static int make_server(int family)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(DNS_SERVICE_PORT) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(DNS_SERVICE_PORT) };
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;
	bool good;

	if (fd < 0)
		return -errno;
	if (family == AF_INET)
		good = !setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) &&
		       !bind(fd, (struct sockaddr *)&in, sizeof(in));
	else
		good = !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) &&
		       /* It may answer from what is no interface's. */
		       !setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on,
				   sizeof(on)) &&
		       !setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on,
				   sizeof(on)) &&
		       !bind(fd, (struct sockaddr *)&in6, sizeof(in6));
	if (good)
		return fd;
	close(fd);
	return -EADDRNOTAVAIL;
}

static int grant(enum wish wish)
{
	switch (wish) {
	case WISH_SOCKET4:
		return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	case WISH_SOCKET6:
		return socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	case WISH_SERVER4:
		return make_server(AF_INET);
	case WISH_SERVER6:
		return make_server(AF_INET6);
	}
	return -EINVAL;
}

/* Ends with the supervisor. */
static _Noreturn void keep(int supervisor)
{
	const int kept[] = { supervisor };
	char wish;
	bool there;

	prctl(PR_SET_NAME, "socksify-names");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	supervisor_let_go(kept, 1);
	supervisor_let_go_stderr();
	there = leave_network() == 0 && raise_loopback() == 0 &&
		own_all_addresses(AF_INET) == 0;
	/* Without IPv6 there are no sockets that would ask by it. */
	if (there)
		own_all_addresses(AF_INET6);
	while (read(supervisor, &wish, 1) == 1) {
		int fd = there ? grant((enum wish)wish) : -1;

		if (!send_descriptor(supervisor, fd))
			break;
		if (fd >= 0)
			close(fd);
	}
	_exit(0);
}

/* --- the server ------------------------------------------------------------------- */

static struct source servers[2];

/* The answer goes out from the address that was asked, by the same control data. */
static void server_ready(struct source *source, uint32_t events)
{
	static uint8_t query[DNS_QUERY_MAX];
	struct dns_asker asker = { .server = source };
	struct iovec iov = { query, sizeof(query) };
	struct msghdr m = { .msg_name = &asker.address,
			    .msg_namelen = sizeof(asker.address),
			    .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = asker.control,
			    .msg_controllen = sizeof(asker.control) };
	struct cmsghdr *c;
	ssize_t n;

	(void)events;
	n = recvmsg(source->fd, &m, MSG_DONTWAIT);
	if (n <= 0)
		return;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo *info = (void *)CMSG_DATA(c);

		info->ipi_spec_dst = info->ipi_addr;
	}
	asker.len = m.msg_namelen;
	asker.control_len = m.msg_controllen;
	dns_answer(&asker, query, (size_t)n);
}

static void dismiss_keeper(void)
{
	close(keeper);
	keeper = -1;
}

/* An answer that came too late would be taken for the next one's: another keeper is had. */
static int ask_keeper(enum wish wish)
{
	char byte = (char)wish;
	int fd = -EHOSTUNREACH;

	if (send(keeper, &byte, 1, MSG_NOSIGNAL) == 1)
		fd = receive_descriptor(keeper);
	if (fd == -ETIMEDOUT)
		dismiss_keeper();
	return fd;
}

/* Of the keeper before this one. */
static void close_server(struct source *server)
{
	if (!server->ready)
		return;
	loop_remove(server);
	close(server->fd);
	server->ready = NULL;
}

static int open_server(struct source *server, enum wish wish)
{
	int fd;

	close_server(server);
	fd = ask_keeper(wish);
	if (fd < 0)
		return fd;
	*server = (struct source){ fd, server_ready };
	return loop_add(server, EPOLLIN);
}

/* --- the supervisor's side ----------------------------------------------------------- */

static int settle(void)
{
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		keep(pair[1]);
	close(pair[1]);
	keeper = pair[0];
	r = pid < 0 ? -EAGAIN : open_server(&servers[0], WISH_SERVER4);
	if (r == 0 && open_server(&servers[1], WISH_SERVER6) == -ETIMEDOUT)
		r = -ETIMEDOUT;
	if (r < 0 && keeper >= 0)
		dismiss_keeper();
	return r;
}

/* Who is late may have been kept off the processor: that can be tried again. */
static int settle_once(void)
{
	int r = keeper >= 0 ? 0 : impossible ? -EHOSTUNREACH : settle();

	if (r == 0 || impossible)
		return r;
	impossible = r == -EHOSTUNREACH;
	if (impossible)
		log_once("island", "names cannot be looked up by a socket that is not "
				   "connected, as musl does: no network namespace can be "
				   "made here");
	return r;
}

bool island_has(int fd)
{
	uint64_t cookie = peers_cookie(fd);

	for (size_t i = 0; i < ISLANDERS_MAX; i++)
		if (cookie && islanders[i] == cookie)
			return true;
	return false;
}

/* FD_CLOEXEC is the number's, not the file's: what /proc says of that. */
static bool closed_at_exec(const struct target *t, int number)
{
	char path[64], line[128];
	unsigned long flags = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)t->tid, number);
	file = fopen(path, "re");
	if (!file)
		return true;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "flags:", 6))
			flags = strtoul(line + 6, NULL, 8);
	fclose(file);
	return flags & O_CLOEXEC;
}

static void make_alike(int fresh, int old)
{
	struct sockaddr_storage own;
	struct timeval patience = { 0 };
	socklen_t len = sizeof(patience), own_len = sizeof(own);

	fcntl(fresh, F_SETFL, fcntl(old, F_GETFL) & O_NONBLOCK);
	if (!getsockopt(old, SOL_SOCKET, SO_RCVTIMEO, &patience, &len))
		setsockopt(fresh, SOL_SOCKET, SO_RCVTIMEO, &patience, len);
	if (getsockname(old, (struct sockaddr *)&own, &own_len) < 0 ||
	    !((struct sockaddr_in *)&own)->sin_port)
		return;
	if (bind(fresh, (struct sockaddr *)&own, own_len) < 0)
		return; /* the kernel will find another port */
}

/* Puts fresh in the place of old, in the target and in the epolls that wait for it. */
static int place(const struct target *t, int number, int old, int fresh)
{
	struct seccomp_notif_addfd place = {
		.id = t->id,
		.flags = SECCOMP_ADDFD_FLAG_SETFD,
		.srcfd = (__u32)fresh,
		.newfd = (__u32)number,
		.newfd_flags = closed_at_exec(t, number) ? O_CLOEXEC : 0,
	};
	struct epoll_entry epolls[EPOLL_ENTRIES_MAX];
	size_t n = epolls_find(t, number, old, epolls);
	bool placed;

	make_alike(fresh, old);
	placed = ioctl(t->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &place) >= 0;
	epolls_join(epolls, n, number, placed ? fresh : old);
	if (placed)
		return fresh;
	close(fresh);
	return -EHOSTUNREACH;
}

int island_swap(const struct target *t, int number, int fd, int family)
{
	int fresh = settle_once();

	if (fresh == 0)
		fresh = ask_keeper(family == AF_INET ? WISH_SOCKET4 : WISH_SOCKET6);
	if (fresh >= 0)
		fresh = place(t, number, fd, fresh);
	if (fresh >= 0)
		islanders[turn++ % ISLANDERS_MAX] = peers_cookie(fresh);
	return fresh;
}

int island_leave(const struct target *t, int number, int fd, int family)
{
	int fresh = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fresh < 0 ? -errno : place(t, number, fd, fresh);
}
