/* SPDX-License-Identifier: MIT */
/*
 * passing.c - descriptors in messages, SCM_RIGHTS of unix(7)
 *
 * A receiver in this process, or one forked from it, is told the peer of a connection
 * (kin.h), and what a UDP socket stands for (heirs.h); every other sees the proxy's address.
 */
#include "preload/passing.h"

#include <string.h>

#include "core/sys.h"
#include "preload/conn.h"
#include "preload/handover.h"
#include "preload/heirs.h"

static void sent(int fd)
{
	struct conn *conn;

	heirs_pass(fd);
	handover_finish_one(fd);
	conn = conn_get(fd);
	if (conn != NULL && conn_step(conn, fd) == CONN_CONNECTED)
		kin_leave(conn->cookie, &conn->peer);
	conn_put(conn);
}

/*
 * What the table says of the number is about a file that was closed unseen. The kernel is
 * asked where there is something to be found alone: in a sandbox (a browser's renderer) a
 * question about a socket kills, and descriptors come in messages all the time.
 */
static void received(int fd)
{
	fdtable_drop(fd);
	if (conn_any() || (kin_left() && conn_leads_to_proxy(fd)))
		conn_put(conn_adopt(fd));
	if (kin_left())
		heirs_receive(fd);
}

static void each_in(const struct msghdr *message, void (*each)(int fd))
{
	/* CMSG_NXTHDR of glibc 2.36 wants it so. */
	struct msghdr *m = (struct msghdr *)message;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		size_t n = c->cmsg_len > CMSG_LEN(0) ?
				   (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) :
				   0;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			each(fd);
		}
	}
}

void passing_sent(const struct msghdr *message)
{
	if (message != NULL && message->msg_control != NULL && fdtable_ours())
		each_in(message, sent);
}

void passing_received(const struct msghdr *message)
{
	if (message != NULL && message->msg_control != NULL)
		each_in(message, received);
}
