/* SPDX-License-Identifier: MIT */
/*
 * hook_peer.c - what a program asks of a connection: its peer, its error, its end
 */
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "core/sys.h"
#include "core/token.h"
#include "preload/conn.h"
#include "preload/dgram_io.h"
#include "preload/dnsconn.h"
#include "preload/hooks.h"
#include "preload/listener.h"
#include "preload/swap.h"

static void give_peer(const struct peer *peer, struct sockaddr *addr,
		      socklen_t *len, socklen_t room)
{
	memcpy(addr, &peer->address, room < peer->len ? room : peer->len);
	*len = peer->len;
}

/* The address is the proxy's: the descriptor shows a connection that was carried. */
static bool is_proxy(const struct sockaddr *addr, socklen_t len)
{
	struct endpoint e;

	return endpoint_from_sockaddr(&e, addr, len) == 0 &&
	       config_is_proxy(hooks_config(), &e);
}

/* Whom the program has connected a UDP socket to. */
static int dgram_peername(const struct dgram *dgram, struct sockaddr *addr,
			  socklen_t *len)
{
	struct peer peer = dgram_peer(dgram);

	if (*len > INT32_MAX)
		return -EINVAL;
	memcpy(addr, &peer.address, *len < peer.len ? *len : peer.len);
	*len = peer.len;
	return 0;
}

static struct conn *conn_shown(int fd, const struct sockaddr *addr,
			       socklen_t len, socklen_t room)
{
	struct conn *conn = conn_get(fd);

	if (conn == NULL && len <= room && is_proxy(addr, len))
		conn = conn_adopt(fd);
	return conn;
}

EXPORT int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	const struct dgram *dgram = dgram_peek(fd);
	socklen_t room = len ? *len : 0;
	struct peer server;
	struct conn *conn;
	int r;

	if (dgram != NULL && len != NULL && dgram_has_target(dgram))
		return (int)hooks_result(dgram_peername(dgram, addr, len));
	r = REAL(getpeername)(fd, addr, len);

	if (len == NULL || (r < 0 && errno != ENOTCONN))
		return r;
	if (r == 0 && dnsconn_peer(fd, &server)) {
		give_peer(&server, addr, len, room);
		return r;
	}
	conn = conn_shown(fd, addr, r == 0 ? *len : ~0u, room);
	if (conn == NULL)
		return r;
	switch (conn_step(conn, fd)) {
	case CONN_PENDING:
	case CONN_BOUND:
	case CONN_ARRIVED:
	case CONN_SPENT:
		r = (int)hooks_result(-ENOTCONN);
		break;
	case CONN_EARLY:
	case CONN_CONNECTED:
		if (r == 0)
			give_peer(&conn->peer, addr, len, room);
		break;
	default:
		r = REAL(getpeername)(fd, addr, len);
		break;
	}
	conn_put(conn);
	return r;
}

/*
 * The length of a name that is not what the kernel says: of a listener at the proxy; or of
 * a socket of the other family, as the program's own family has it. 0: none; -errno.
 */
static int virtual_name(int fd, struct sockaddr_storage *name)
{
	struct sockaddr_storage real = { 0 };
	socklen_t size = sizeof(real);
	int r = listener_any() ? listener_name(fd, name) : LISTENER_NONE;

	if (r != LISTENER_NONE)
		return r;
	if (!swap_shown(fd) || sys3(SYS_getsockname, fd, &real, &size) < 0)
		return 0;
	return (int)swap_name(fd, &real, name);
}

EXPORT int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_storage name;
	socklen_t room;
	int r, size;

	if (!listener_any() && !swap_shown(fd))
		return REAL(getsockname)(fd, addr, len);
	room = len ? *len : 0;
	r = REAL(getsockname)(fd, addr, len);
	if (r < 0 || len == NULL)
		return r;
	size = virtual_name(fd, &name);
	if (size <= 0)
		return (int)hooks_result(size);
	memcpy(addr, &name, room < (socklen_t)size ? room : (socklen_t)size);
	*len = (socklen_t)size;
	return r;
}

static void give_int(int given, void *value, socklen_t *len)
{
	if (*len > sizeof(given))
		*len = sizeof(given);
	memcpy(value, &given, *len);
}

/* SO_ERROR of a failed connection: ours, and the kernel's is drained with it. */
static int get_error(int fd, void *value, socklen_t *len)
{
	struct conn *conn = conn_get(fd);
	int kernel_has = 0;
	int error;
	int r;

	if (conn != NULL)
		conn_step(conn, fd);
	r = REAL(getsockopt)(fd, SOL_SOCKET, SO_ERROR, value, len);
	if (conn != NULL && r == 0) {
		memcpy(&kernel_has, value,
		       *len < sizeof(int) ? *len : sizeof(int));
		error = conn_take_error(conn, fd, kernel_has);
		if (error != 0)
			give_int(error, value, len);
	}
	conn_put(conn);
	return r;
}

static int get_swapped(int fd, int level, int name, void *value, socklen_t *len)
{
	int ours, r;
	bool told = swap_tells(fd, &level, &name, &ours);

	if (level == IPPROTO_IPV6 && !(fdtable_notes(fd) & FD_INET6))
		return (int)hooks_result(-EOPNOTSUPP); /* as an IPv4 socket's */
	swap_option(fd, &level, &name);
	r = REAL(getsockopt)(fd, level, name, value, len);
	if (told && r == 0)
		give_int(ours, value, len);
	return r;
}

static int get_acceptconn(int fd, void *value, socklen_t *len)
{
	int r = REAL(getsockopt)(fd, SOL_SOCKET, SO_ACCEPTCONN, value, len);

	if (r == 0 && listener_listens(fd))
		give_int(1, value, len);
	return r;
}

static int get_of_dgram(struct dgram *dgram, int fd, int level, int name,
			void *value, socklen_t *len)
{
	int r = REAL(getsockopt)(fd, level, name, value, len);
	int given;

	if (r < 0 || *len != sizeof(given))
		return r;
	memcpy(&given, value, sizeof(given));
	dgram_option(dgram, fd, level, name, &given);
	memcpy(value, &given, sizeof(given));
	return r;
}

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct dgram *dgram = dgram_peek(fd);
	int ours = 1;

	if (dgram != NULL)
		return get_of_dgram(dgram, fd, level, name, value, len);
	if (swap_shown(fd) && (level == IPPROTO_IP || level == IPPROTO_IPV6 ||
			       (level == SOL_SOCKET && name == SO_DOMAIN)))
		return get_swapped(fd, level, name, value, len);
	if (conn_any() && level == SOL_SOCKET && name == SO_ERROR)
		return get_error(fd, value, len);
	if (conn_any() && level == SOL_SOCKET && name == SO_ACCEPTCONN)
		return get_acceptconn(fd, value, len);
	if ((level == IPPROTO_IPV6 && name == IPV6_V6ONLY &&
	     fdtable_notes(fd) & FD_V6ONLY) ||
	    (conn_any() && conn_option(fd, level, name, &ours))) {
		int r = REAL(getsockopt)(fd, level, name, value, len);

		if (r == 0)
			give_int(ours, value, len);
		return r;
	}
	return REAL(getsockopt)(fd, level, name, value, len);
}

/* How much is to be read, or not yet sent: what is there meanwhile is the handshake's. */
static bool asks_count(unsigned long request)
{
	return request == FIONREAD || request == TIOCOUTQ;
}

static bool is_pending(int fd)
{
	struct conn *conn = conn_get(fd);
	bool pending = conn != NULL && conn_step(conn, fd) == CONN_PENDING;

	conn_put(conn);
	return pending;
}

/* Every request's argument fits a pointer, ioctl(2). */
EXPORT int ioctl(int fd, unsigned long request, ...)
{
	struct dgram *dgram;
	va_list args;
	void *arg;
	int count = 0; /* the program's int may lie anywhere */
	int r;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	dgram = dgram_peek(fd);
	if (dgram != NULL && request == FIONREAD && arg != NULL &&
	    dgram_connected(dgram) != DGRAM_DIRECT) {
		count = dgram_next_length(dgram, fd);
		memcpy(arg, &count, sizeof(count));
		return 0;
	}
	if (!conn_any() || !asks_count(request) || !is_pending(fd))
		return REAL(ioctl)(fd, request, arg);
	r = REAL(ioctl)(fd, request, arg);
	if (r == 0 && arg != NULL)
		memcpy(arg, &count, sizeof(count));
	return r;
}

/* The kernel dissolves a connection under way when it is shut down. */
EXPORT int shutdown(int fd, int how)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct conn *conn = conn_any() ? conn_get_begun(fd) : NULL;
	enum conn_phase phase;
	bool later;

	if (conn == NULL || how < SHUT_RD || how > SHUT_RDWR)
		return REAL(shutdown)(fd, how);
	phase = conn_step(conn, fd);
	if (conn_is_bind(phase) && how != SHUT_WR)
		listener_dissolve(fd); /* it stops listening */
	if (conn_is_bind(phase)) {
		conn_put(conn);
		return 0;
	}
	later = phase == CONN_EARLY && how != SHUT_WR && conn_deafen(conn);
	conn_put(conn);
	if (later)
		return how == SHUT_RD ? 0 : REAL(shutdown)(fd, SHUT_WR);
	if (phase != CONN_PENDING)
		return REAL(shutdown)(fd, how);
	conn_abandon(fd);
	return (int)hooks_result(token_connect(fd, &none, sizeof(none)));
}
