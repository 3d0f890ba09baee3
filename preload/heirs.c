/* SPDX-License-Identifier: MIT */
/*
 * heirs.c - UDP sockets that another program gets, and what they stand for
 *
 * The kernel hands on the socket; what it stands for is said in a variable of the new
 * program's environment, and the association's control connection is handed on with it.
 * Sockets are told by SO_COOKIE, so whatever numbers they have by then they are found, and
 * a description that is out of date means nothing. What does not fit (core/heir.h) is left
 * out: that socket would have to be connected or sent to by its new program before it means a
 * proxied peer again.
 *
 * To one that gets a socket by a message, relatives leave word (kin.h): one memo has whom it
 * is connected to, one, under a cookie that no socket has, its relay. The control connection
 * stays with who has sent it, and the other makes an association of its own, for the same
 * socket, when it sends. Strangers are told nothing.
 */
#include "preload/heirs.h"

#include <fcntl.h>
#include <string.h>

#include "core/heir.h"
#include "core/sys.h"
#include "preload/dgram.h"
#include "preload/kin.h"
#include "preload/options.h"

/* --- saying ------------------------------------------------------------------------- */

_Static_assert(HEIR_ADDRESS_MAX >= sizeof(struct sockaddr_in6),
	       "there is room");

static struct heir_address address_of(const struct peer *peer)
{
	struct heir_address address = { .len = peer->len };

	if (address.len > sizeof(address.bytes))
		address.len = 0;
	memcpy(address.bytes, &peer->address, address.len);
	return address;
}

static struct heir heir_of(const struct dgram *dgram)
{
	struct heir heir = { .cookie = dgram->cookie };
	struct peer peer;

	if (assoc_phase(&dgram->assoc) == ASSOC_READY) {
		heir.control = (uint64_t)dgram->assoc.control.fd;
		heir.control_cookie = dgram->assoc.control.cookie;
		heir.relay = address_of(assoc_relay(&dgram->assoc));
	}
	if (dgram_is_proxied(dgram)) {
		peer = dgram_peer(dgram);
		heir.peer = address_of(&peer);
	}
	return heir;
}

/* --- who gets what ------------------------------------------------------------------- */

static bool is_handed_on(int fd)
{
	long flags = sys2(SYS_fcntl, fd, F_GETFD);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

/*
 * One of its descriptors stays open. A child that shares our memory may have made more of
 * them, which are not in the table: as its standard ones, usually.
 */
static bool is_inherited(const struct dgram *dgram)
{
	for (int fd = 0; fd <= 2; fd++)
		if (option_cookie(fd) == dgram->cookie && is_handed_on(fd))
			return true;
	for (int fd = fdtable_next(-1); fd >= 0; fd = fdtable_next(fd))
		if (dgram_peek(fd) == dgram && is_handed_on(fd) &&
		    option_cookie(fd) == dgram->cookie)
			return true;
	return false;
}

static void let_control(const struct dgram *dgram, bool stay)
{
	int fd = private_fd_get(&dgram->assoc.control);

	if (fd >= 0)
		sys3(SYS_fcntl, fd, F_SETFD, stay ? 0 : FD_CLOEXEC);
}

const char *heirs_describe(char text[HEIRS_TEXT_MAX], bool libc_starts)
{
	char *at = text + strlen(HEIRS_VARIABLE "=");
	char *end = text + HEIRS_TEXT_MAX - 1;
	const struct dgram *dgram;
	bool any = false;

	if (dgram_count == 0)
		return NULL;
	memcpy(text, HEIRS_VARIABLE "=", (size_t)(at - text));
	for (uint32_t i = 0; dgram_at(i, &dgram); i++) {
		struct heir heir;
		size_t n;

		if (dgram == NULL || dgram_shown_by((struct dgram *)dgram) < 0 ||
		    (!libc_starts && !is_inherited(dgram)))
			continue;
		dgram_hand_on((struct dgram *)dgram);
		heir = heir_of(dgram);
		n = heir_put(at, (size_t)(end - at), &heir);
		if (n == 0)
			break;
		at += n;
		let_control(dgram, true);
		any = true;
	}
	*at = '\0';
	return any ? text : NULL;
}

void heirs_recall(void)
{
	const struct dgram *dgram;

	for (uint32_t i = 0; dgram_count > 0 && dgram_at(i, &dgram); i++)
		if (dgram != NULL)
			let_control(dgram, false);
}

/* --- taking over --------------------------------------------------------------------- */

static struct peer peer_of(const struct heir_address *address)
{
	struct peer peer = { .len = (socklen_t)address->len };

	_Static_assert(sizeof(peer.address) >= sizeof(address->bytes),
		       "it fits");
	memcpy(&peer.address, address->bytes, address->len);
	return peer;
}

static struct dgram_heir as_dgram(const struct heir *heir)
{
	return (struct dgram_heir){
		.cookie = heir->cookie,
		.control = { .fd = (int)heir->control,
			     .cookie = heir->control_cookie },
		.relay = peer_of(&heir->relay),
		.peer = peer_of(&heir->peer),
	};
}

/* Descriptors are few and low, or else found when they are connected or sent to anew. */
enum { FDS_TRIED = 256 };

static void give(const struct dgram_heir *heir)
{
	for (int fd = 0; fd < FDS_TRIED; fd++)
		if (option_cookie(fd) == heir->cookie)
			dgram_inherit(fd, heir);
}

void heirs_take(const char *value)
{
	struct dgram_heir of_dgram;
	struct heir heir;

	while (value != NULL && *value != '\0' && heir_take(&value, &heir)) {
		of_dgram = as_dgram(&heir);
		give(&of_dgram);
	}
}

/* --- by a message --------------------------------------------------------------------- */

/* The kernel counts cookies up from 1. */
static uint64_t relay_memo(uint64_t cookie)
{
	return cookie | 1ull << 63;
}

void heirs_pass(int fd)
{
	static const struct peer none;
	const struct dgram *dgram = dgram_peek(fd);
	struct peer peer = none;
	bool ready;

	if (dgram == NULL || dgram->cookie != option_cookie(fd))
		return;
	dgram_finish(fd);
	ready = assoc_phase(&dgram->assoc) == ASSOC_READY;
	if (dgram_is_proxied(dgram))
		peer = dgram_peer(dgram);
	kin_leave(dgram->cookie, &peer);
	kin_leave(relay_memo(dgram->cookie),
		  ready ? assoc_relay(&dgram->assoc) : &none);
	dgram_shares(fd);
}

void heirs_receive(int fd)
{
	struct dgram_heir heir = { .control = { .fd = -1 } };

	heir.cookie = option_cookie(fd);
	if (heir.cookie == 0 ||
	    !kin_peer(relay_memo(heir.cookie), &heir.relay) ||
	    !kin_peer(heir.cookie, &heir.peer))
		return;
	dgram_inherit(fd, &heir);
	dgram_shares(fd);
}
