/* SPDX-License-Identifier: MIT */
/*
 * detour.h - what sends a packet elsewhere than its address says: source routes, devices
 *
 * A socket that is told to use a device puts there what is for 127.0.0.1, too.
 */
#ifndef SOCKSIFY_PRELOAD_DETOUR_H
#define SOCKSIFY_PRELOAD_DETOUR_H

#include <stdbool.h>
#include <sys/socket.h>

#include "preload/fdtable.h"

/*
 * Before setsockopt(): 0, or -EPERM for an option that names the hops of a packet, or a
 * device that cannot be asked for again. One that names a device else is noted of fd.
 */
int detour_option(int fd, int level, int name, const void *value, socklen_t len);

bool detour_stays_asked(int fd);

/* What fd sends to this machine stays on it: no device but loopback's is named. */
static inline bool detour_stays(int fd)
{
	const unsigned int doubts = FD_DEVICE | FD_DUPED | FD_INHERITED;

	return (fdtable_notes(fd) & (FD_SEEN | doubts)) == FD_SEEN ||
	       detour_stays_asked(fd);
}

/*
 * The same for a message's control data: 0; -EPERM where it names hops; -ENETUNREACH where it
 * names a device for what is to stay here.
 */
int detour_message(int fd, const struct msghdr *message);

int detour_datagram_asked(int fd, const struct msghdr *message,
			  const struct sockaddr *to, socklen_t len);

/* Of the socket's options and the control data, for a datagram that is to go to (len). */
static inline int detour_datagram(int fd, const struct msghdr *message,
				  const struct sockaddr *to, socklen_t len)
{
	if (message->msg_control == NULL && detour_stays(fd))
		return 0;
	return detour_datagram_asked(fd, message, to, len);
}

#endif
