/* SPDX-License-Identifier: MIT */
/* detour.c - what sends a packet elsewhere than its address says */
#include "preload/detour.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "core/endpoint.h"
#include "core/token.h"
#include "core/way.h"
#include "preload/options.h"

static bool is_here(const void *to, socklen_t len)
{
	struct endpoint e;

	return endpoint_from_sockaddr(&e, to, len) < 0 ||
	       endpoint_is_loopback(&e);
}

/* --- options ------------------------------------------------------------------ */

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
	uint32_t index = way_device_in(value, len, 0);

	if (name == SO_BINDTODEVICE)
		return len == 0 || text[0] == '\0' ||
		       (len >= 2 && text[0] == 'l' && text[1] == 'o' &&
			(len == 2 || text[2] == '\0'));
	return name == SO_BINDTOIFINDEX ? !way_leads_out(index)
					: !way_leads_out(ntohl(index));
}

static bool is_connected_here(int fd)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t len = sizeof(peer);

	return token_getpeername(fd, &peer, &len) == 0 && is_here(&peer, len);
}

int detour_option(int fd, int level, int name, const void *value, socklen_t len)
{
	if (value == NULL)
		return 0;
	if (way_names_hops(level, name) && len > 0)
		return -EPERM;
	if (level == IPPROTO_IPV6 && name == IPV6_PKTINFO &&
	    way_leads_out(way_device_in(value, len,
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
	return !way_of_socket(fd);
}

/* --- control data --------------------------------------------------------------- */

/* To where the message says, or else to where the socket is connected. */
static bool is_for_here(int fd, const struct msghdr *message)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t len = sizeof(peer);

	if (message->msg_name != NULL)
		return is_here(message->msg_name, message->msg_namelen);
	return token_getpeername(fd, &peer, &len) < 0 || is_here(&peer, len);
}

int detour_message(int fd, const struct msghdr *message)
{
	int r = message != NULL ? way_of_control(message) : 0;

	if (r <= 0)
		return r;
	return is_for_here(fd, message) ? -ENETUNREACH : 0;
}

int detour_datagram_asked(int fd, const struct msghdr *message,
			  const struct sockaddr *to, socklen_t len)
{
	int r = way_of_control(message);

	if (r < 0)
		return r;
	if (!is_here(to,
		     len)) /* by whichever device: it goes there, or nowhere */
		return 0;
	return r == 0 && detour_stays(fd) ? 0 : -ENETUNREACH;
}
