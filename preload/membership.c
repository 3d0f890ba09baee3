/* SPDX-License-Identifier: MIT */
/* membership.c - multicast groups: joining one puts a packet on the network */
#include "preload/membership.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "resolver/route.h"

/* Where the options that join have their group: an address, or a sockaddr (family 0). */
static const struct {
	int level;
	int name;
	int family;
	size_t offset;
} joins[] = {
	{ IPPROTO_IP, IP_ADD_MEMBERSHIP, AF_INET,
	  offsetof(struct ip_mreqn, imr_multiaddr) },
	{ IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, AF_INET,
	  offsetof(struct ip_mreq_source, imr_multiaddr) },
	{ IPPROTO_IP, MCAST_JOIN_GROUP, 0,
	  offsetof(struct group_req, gr_group) },
	{ IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, 0,
	  offsetof(struct group_source_req, gsr_group) },
	{ IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, AF_INET6,
	  offsetof(struct ipv6_mreq, ipv6mr_multiaddr) },
	{ IPPROTO_IPV6, IPV6_JOIN_ANYCAST, AF_INET6,
	  offsetof(struct ipv6_mreq, ipv6mr_multiaddr) },
	{ IPPROTO_IPV6, MCAST_JOIN_GROUP, 0,
	  offsetof(struct group_req, gr_group) },
	{ IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, 0,
	  offsetof(struct group_source_req, gsr_group) },
};

/* The group as an address; false if value is too short to hold one. */
static bool group_at(int family, const uint8_t *at, size_t len,
		     union route_address *group)
{
	size_t size = family == AF_INET	 ? sizeof(group->in.sin_addr) :
		      family == AF_INET6 ? sizeof(group->in6.sin6_addr) :
					   sizeof(group->storage);

	if (len < size)
		return false;
	memset(group, 0, sizeof(*group));
	if (family != 0)
		group->sa.sa_family = (sa_family_t)family;
	if (family == AF_INET)
		memcpy(&group->in.sin_addr, at, size);
	else if (family == AF_INET6)
		memcpy(&group->in6.sin6_addr, at, size);
	else
		memcpy(&group->storage, at, size);
	return true;
}

static bool judge(const struct config *config,
		  const union route_address *group)
{
	struct endpoint to;
	int route = route_of_datagram(config, &group->sa, sizeof(*group), &to);

	if (route == ROUTE_DIRECT || route == -EAFNOSUPPORT)
		return true;
	if (route > 0)
		route_refused(&to, "joining a group needs a direct rule");
	return false;
}

bool membership_allowed(const struct config *config, int level, int name,
			const void *value, socklen_t len)
{
	for (size_t i = 0; i < sizeof(joins) / sizeof(joins[0]); i++) {
		size_t offset = joins[i].offset;
		union route_address group;

		if (joins[i].level != level || joins[i].name != name)
			continue;
		/* What is malformed the kernel refuses. */
		if (value == NULL || len <= offset ||
		    !group_at(joins[i].family, (const uint8_t *)value + offset,
			      len - offset, &group))
			return true;
		return judge(config, &group);
	}
	return true;
}
