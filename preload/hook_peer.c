// SPDX-License-Identifier: MIT
/*
 * hook_peer.c - what a program asks of a connection: its peer, its error, its end
 */
#include <netinet/in.h>
#include <string.h>

#include "core/sys.h"
#include "preload/conn.h"
#include "preload/hooks.h"

static void give_peer(const struct conn *conn, struct sockaddr *addr,
		      socklen_t *len, socklen_t room)
{
	memcpy(addr, &conn->peer, room < conn->peer_len ? room :
							  conn->peer_len);
	*len = conn->peer_len;
}

EXPORT int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct conn *conn = conn_get(fd);
	enum conn_phase phase;
	socklen_t room;
	int r;

	if (conn == NULL)
		return REAL(getpeername)(fd, addr, len);
	phase = conn_step(conn, fd);
	if (phase == CONN_PENDING) {
		conn_put(conn);
		return (int)hooks_result(-ENOTCONN);
	}
	room = len ? *len : 0;
	r = REAL(getpeername)(fd, addr, len);
	if (r == 0 && phase == CONN_CONNECTED)
		give_peer(conn, addr, len, room);
	conn_put(conn);
	return r;
}

/* SO_ERROR of a failed connection: ours, and the kernel's is drained with it. */
static void give_error(struct conn *conn, int fd, void *value, socklen_t len)
{
	int error = conn_take_error(conn, fd);

	if (error != 0)
		memcpy(value, &error,
		       len < sizeof(error) ? len : sizeof(error));
}

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct conn *conn;
	int r;

	if (level != SOL_SOCKET || name != SO_ERROR || !conn_any())
		return REAL(getsockopt)(fd, level, name, value, len);
	conn = conn_get(fd);
	if (conn != NULL)
		conn_step(conn, fd);
	r = REAL(getsockopt)(fd, level, name, value, len);
	if (conn != NULL && r == 0)
		give_error(conn, fd, value, *len);
	conn_put(conn);
	return r;
}

/* The kernel dissolves a connection under way when it is shut down. */
EXPORT int shutdown(int fd, int how)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct conn *conn = conn_any() ? conn_get(fd) : NULL;
	enum conn_phase phase;

	if (conn == NULL || how < SHUT_RD || how > SHUT_RDWR)
		return REAL(shutdown)(fd, how);
	phase = conn_step(conn, fd);
	conn_put(conn);
	if (phase != CONN_PENDING)
		return REAL(shutdown)(fd, how);
	conn_abandon(fd);
	return (int)hooks_result(sys3(SYS_connect, fd, &none, sizeof(none)));
}
