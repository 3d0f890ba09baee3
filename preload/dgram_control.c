/* SPDX-License-Identifier: MIT */
/*
 * dgram_control.c - control data of datagrams that go to the relay
 *
 * It is the kernel's and says how the packet to the relay is sent, so it stays what it is;
 * but for the address that IPV6_PKTINFO wants it sent from. That is of the kind of the
 * peer's, IPv6 or v4-mapped, and the relay's may be the other one: the kernel would refuse
 * it. Then any address of this machine will do; an interface still counts.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "preload/dgram_inner.h"

static bool relay_is_mapped(const struct dgram *dgram)
{
	const struct peer *relay = assoc_relay(&dgram->assoc);

	return IN6_IS_ADDR_V4MAPPED(&relay->address.in6.sin6_addr);
}

static bool is_pktinfo(const struct cmsghdr *c)
{
	return c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO &&
	       c->cmsg_len >= CMSG_LEN(sizeof(struct in6_pktinfo));
}

/* The first address from which nothing leads to the relay, or NULL. */
static struct cmsghdr *find_misfit(const struct dgram *dgram,
				   const struct msghdr *message)
{
	struct msghdr *m = (struct msghdr *)message;
	struct in6_pktinfo info;

	if (dgram->family != AF_INET6 || message->msg_control == NULL)
		return NULL;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		if (!is_pktinfo(c))
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		if (IN6_IS_ADDR_V4MAPPED(&info.ipi6_addr) !=
		    relay_is_mapped(dgram))
			return c;
	}
	return NULL;
}

bool control_misfits(const struct dgram *dgram, const struct msghdr *message)
{
	return find_misfit(dgram, message) != NULL;
}

int control_fit(const struct dgram *dgram, struct msghdr *message,
		uint8_t room[CONTROL_ROOM])
{
	static const struct in6_addr any_mapped = { .s6_addr = { [10] = 0xff,
								 [11] = 0xff } };
	struct in6_pktinfo info;
	struct cmsghdr *c;

	if (!control_misfits(dgram, message))
		return 0;
	if (message->msg_controllen > CONTROL_ROOM)
		return -EINVAL;
	memcpy(room, message->msg_control, message->msg_controllen);
	message->msg_control = room;
	while ((c = find_misfit(dgram, message)) != NULL) {
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		info.ipi6_addr = relay_is_mapped(dgram) ? any_mapped :
							  in6addr_any;
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
	return 0;
}
