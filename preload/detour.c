/* SPDX-License-Identifier: MIT */
/* detour.c - what sends a packet elsewhere than its address says */
#include "preload/detour.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "core/endpoint.h"
#include "preload/options.h"

#ifndef SO_BINDTOIFINDEX /* asm-generic's, which glibc takes since 2.29 */
#define SO_BINDTOIFINDEX 62
#endif
#ifndef IPV6_UNICAST_IF /* as linux/in6.h has it, which netinet/in.h excludes */
#define IPV6_UNICAST_IF 76
#endif

enum { LOOPBACK_IFINDEX = 1 }; /* in every network namespace */

static bool is_way_out(uint32_t device)
{
	return device != 0 && device != LOOPBACK_IFINDEX;
}

static uint32_t device_in(const void *info, size_t len, size_t offset)
{
	uint32_t device = 0;

	if (len >= offset + sizeof(device))
		memcpy(&device, (const char *)info + offset, sizeof(device));
	return device;
}

static bool is_here(const void *to, socklen_t len)
{
	struct endpoint e;

	return endpoint_from_sockaddr(&e, to, len) < 0 ||
	       endpoint_is_loopback(&e);
}

/* --- options ------------------------------------------------------------------ */

/* Old ones of IPv6 can hold both hops and a device. */
static bool names_hops(int level, int name)
{
	return (level == IPPROTO_IP && name == IP_OPTIONS) ||
	       (level == IPPROTO_IPV6 &&
		(name == IPV6_RTHDR || name == IPV6_2292PKTOPTIONS));
}

static bool names_device(int level, int name)
{
	return (level == SOL_SOCKET &&
		(name == SO_BINDTODEVICE || name == SO_BINDTOIFINDEX)) ||
	       (level == IPPROTO_IP && name == IP_UNICAST_IF) ||
	       (level == IPPROTO_IPV6 && name == IPV6_UNICAST_IF);
}

/* None at all, or loopback: an index of 0 or 1, a name of "" or "lo". */
static bool frees_device(int name, const void *value, socklen_t len)
{
	const char *text = value;
	uint32_t index = device_in(value, len, 0);

	if (name == SO_BINDTODEVICE)
		return len == 0 || text[0] == '\0' ||
		       (len >= 2 && text[0] == 'l' && text[1] == 'o' &&
			(len == 2 || text[2] == '\0'));
	return name == SO_BINDTOIFINDEX ? !is_way_out(index)
					: !is_way_out(ntohl(index));
}

static bool is_connected_here(int fd)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t len = sizeof(peer);

	return sys3(SYS_getpeername, fd, &peer, &len) == 0 &&
	       is_here(&peer, len);
}

int detour_option(int fd, int level, int name, const void *value, socklen_t len)
{
	if (value == NULL)
		return 0;
	if (names_hops(level, name) && len > 0)
		return -EPERM;
	if (level == IPPROTO_IPV6 && name == IPV6_PKTINFO &&
	    is_way_out(device_in(value, len,
				 offsetof(struct in6_pktinfo, ipi6_ifindex))))
		return -EPERM;
	if (!names_device(level, name))
		return 0;
	fdtable_note(fd, FD_DEVICE);
	/* What is connected to this machine would leave it by that device. */
	return !frees_device(name, value, len) && is_connected_here(fd) ? -EPERM
									: 0;
}

bool detour_stays_asked(int fd)
{
	return !is_way_out((uint32_t)option_get(fd, SOL_SOCKET,
						SO_BINDTOIFINDEX, 0)) &&
	       !is_way_out(ntohl((uint32_t)option_get(fd, IPPROTO_IP,
						      IP_UNICAST_IF, 0))) &&
	       !is_way_out(ntohl((uint32_t)option_get(fd, IPPROTO_IPV6,
						      IPV6_UNICAST_IF, 0)));
}

/* --- control data --------------------------------------------------------------- */

static bool is_routed(const struct cmsghdr *c)
{
	return (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RETOPTS) ||
	       (c->cmsg_level == IPPROTO_IPV6 &&
		(c->cmsg_type == IPV6_RTHDR || c->cmsg_type == IPV6_2292RTHDR));
}

static uint32_t device_of(const struct cmsghdr *c)
{
	size_t len = c->cmsg_len > CMSG_LEN(0) ? c->cmsg_len - CMSG_LEN(0) : 0;

	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
		return device_in(CMSG_DATA(c), len,
				 offsetof(struct in_pktinfo, ipi_ifindex));
	if (c->cmsg_level == IPPROTO_IPV6 && (c->cmsg_type == IPV6_PKTINFO ||
					      c->cmsg_type == IPV6_2292PKTINFO))
		return device_in(CMSG_DATA(c), len,
				 offsetof(struct in6_pktinfo, ipi6_ifindex));
	return 0;
}

/* To where the message says, or else to where the socket is connected. */
static bool is_for_here(int fd, const struct msghdr *message)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t len = sizeof(peer);

	if (message->msg_name != NULL)
		return is_here(message->msg_name, message->msg_namelen);
	return sys3(SYS_getpeername, fd, &peer, &len) < 0 ||
	       is_here(&peer, len);
}

/* -EPERM where hops are named; 1 where a device is; else 0. */
static int look_at_control(const struct msghdr *message)
{
	/* CMSG_NXTHDR of glibc 2.36 wants it so. */
	struct msghdr *m = (struct msghdr *)message;
	int r = 0;

	if (message->msg_control == NULL)
		return 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		if (is_routed(c))
			return -EPERM;
		if (is_way_out(device_of(c)))
			r = 1;
	}
	return r;
}

int detour_message(int fd, const struct msghdr *message)
{
	int r = message != NULL ? look_at_control(message) : 0;

	if (r <= 0)
		return r;
	return is_for_here(fd, message) ? -ENETUNREACH : 0;
}

int detour_datagram_asked(int fd, const struct msghdr *message,
			  const struct sockaddr *to, socklen_t len)
{
	int r = look_at_control(message);

	if (r < 0)
		return r;
	if (!is_here(to,
		     len)) /* by whichever device: it goes there, or nowhere */
		return 0;
	return r == 0 && detour_stays(fd) ? 0 : -ENETUNREACH;
}
