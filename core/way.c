/* SPDX-License-Identifier: MIT */
/* way.c - what a socket's options and control data say of a packet's way */
#include "core/way.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "core/sys.h"

enum { LOOPBACK_IFINDEX = 1 }; /* in every network namespace */

bool way_leads_out(uint32_t device)
{
	return device != 0 && device != LOOPBACK_IFINDEX;
}

uint32_t way_device_in(const void *info, size_t len, size_t offset)
{
	uint32_t device = 0;

	if (len >= offset + sizeof(device))
		memcpy(&device, (const char *)info + offset, sizeof(device));
	return device;
}

/* Old ones of IPv6 can hold both hops and a device; a flow label, all that a packet can. */
bool way_names_hops(int level, int name)
{
	return (level == IPPROTO_IP && name == IP_OPTIONS) ||
	       (level == IPPROTO_IPV6 &&
		(name == IPV6_RTHDR || name == IPV6_2292PKTOPTIONS ||
		 name == IPV6_FLOWLABEL_MGR));
}

static uint32_t option_of(int fd, int level, int name)
{
	uint32_t value = 0;
	socklen_t len = sizeof(value);

	return sys5(SYS_getsockopt, fd, level, name, &value, &len) < 0 ? 0 : value;
}

bool way_of_socket(int fd)
{
	return way_leads_out(option_of(fd, SOL_SOCKET, SO_BINDTOIFINDEX)) ||
	       way_leads_out(ntohl(option_of(fd, IPPROTO_IP, IP_UNICAST_IF))) ||
	       way_leads_out(ntohl(option_of(fd, IPPROTO_IPV6, IPV6_UNICAST_IF)));
}

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
		return way_device_in(CMSG_DATA(c), len,
				 offsetof(struct in_pktinfo, ipi_ifindex));
	if (c->cmsg_level == IPPROTO_IPV6 && (c->cmsg_type == IPV6_PKTINFO ||
					      c->cmsg_type == IPV6_2292PKTINFO))
		return way_device_in(CMSG_DATA(c), len,
				 offsetof(struct in6_pktinfo, ipi6_ifindex));
	return 0;
}

int way_of_control(const struct msghdr *message)
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
		if (way_leads_out(device_of(c)))
			r = 1;
	}
	return r;
}
