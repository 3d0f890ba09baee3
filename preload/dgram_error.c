/* SPDX-License-Identifier: MIT */
/*
 * dgram_error.c - the error of a socket whose datagrams were taken, and lost
 *
 * A call that may not wait leaves its datagram in a queue, and has succeeded. If the proxy
 * then does no UDP, the program is to know at once, as it does of a network that is
 * unreachable: or a QUIC client sits out its first timeout before it takes TCP. So the
 * connected socket gets an error of the kernel's own, which wakes whoever waits for it by
 * whatever call, and which the next receive or SO_ERROR tells, once.
 *
 * It is made like a real one: a datagram to a port of this machine where nobody is. The
 * kernel's word for that, ECONNREFUSED, is ENETUNREACH to the program. A socket that is not
 * connected has no such errors; its next send fails.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>

#include "core/sys.h"
#include "core/token.h"
#include "preload/detour.h"
#include "preload/dgram_inner.h"
#include "preload/options.h"

enum {
	ARRIVAL_NS = 5000000
};

static int name_of(int fd, long call, struct peer *peer)
{
	peer->len = sizeof(peer->address);
	return (int)sys3(call, fd, &peer->address, &peer->len);
}

/*
 * A socket of ours at the address of own, which is connected to itself: from anybody else it
 * takes nothing, and no other gets its port meanwhile.
 */
static int deaf_socket(struct private_fd *deaf, const struct peer *own,
		       struct peer *name)
{
	int r = private_fd_socket(deaf, own->address.sa.sa_family, SOCK_DGRAM);

	if (r < 0)
		return r;
	*name = *own;
	name->address.in.sin_port = 0; /* it stands in the same place in both */
	r = (int)sys3(SYS_bind, deaf->fd, &name->address, name->len);
	if (r == 0)
		r = name_of(deaf->fd, SYS_getsockname, name);
	if (r == 0)
		r = (int)token_connect(deaf->fd, &name->address, name->len);
	if (r < 0)
		private_fd_close(deaf);
	return r;
}

/* What is sent there is refused at once. True: the kernel has made an error of it. */
static bool send_to_nobody(int fd, const struct peer *nobody)
{
	struct pollfd pollfd = { .fd = fd };
	struct timespec patience = { .tv_nsec = ARRIVAL_NS };

	return token_connect(fd, &nobody->address, nobody->len) == 0 &&
	       sys6(SYS_sendto, fd, NULL, 0, MSG_DONTWAIT | MSG_NOSIGNAL,
		    &nobody->address, nobody->len) == 0 &&
	       sys5(SYS_ppoll, &pollfd, 1, &patience, NULL, 0) == 1;
}

void dgram_fail(struct dgram *dgram, int fd)
{
	struct peer own, peer, nobody;
	struct private_fd deaf;

	if (dgram_connected(dgram) != DGRAM_VIA || dgram->cork ||
	    !dgram_may_move(dgram) || !detour_stays(fd) ||
	    name_of(fd, SYS_getsockname, &own) < 0 ||
	    name_of(fd, SYS_getpeername, &peer) < 0 ||
	    deaf_socket(&deaf, &own, &nobody) < 0)
		return;
	/* Whoever is woken is told. */
	__atomic_store_n(&dgram->error, ENETUNREACH, __ATOMIC_RELEASE);
	if (!send_to_nobody(fd, &nobody))
		__atomic_store_n(&dgram->error, 0, __ATOMIC_RELAXED);
	token_connect(fd, &peer.address, peer.len);
	private_fd_close(&deaf);
}

int dgram_take_error(struct dgram *dgram)
{
	if (__atomic_load_n(&dgram->error, __ATOMIC_ACQUIRE) == 0)
		return 0;
	return -__atomic_exchange_n(&dgram->error, 0, __ATOMIC_RELAXED);
}

void dgram_error_told(struct dgram *dgram, int fd)
{
	if (dgram_take_error(dgram) < 0)
		option_get(fd, SOL_SOCKET, SO_ERROR, 0);
}
