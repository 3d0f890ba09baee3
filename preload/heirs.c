/* SPDX-License-Identifier: MIT */
/*
 * heirs.c - UDP sockets that another program gets, and what they stand for
 *
 * The kernel hands on the socket; what it stands for is said in a variable of the new
 * program's environment, and the association's control connection is handed on with it.
 * Sockets are told by SO_COOKIE, so whatever numbers they have by then they are found, and
 * a description that is out of date means nothing. Of each:
 *
 *	COOKIE,CONTROL,CONTROL-COOKIE,RELAY,PEER;
 *
 * all in hexadecimal; RELAY and PEER are socket addresses, byte by byte, and empty where
 * there is none. What does not fit is left out: that socket would have to be connected or
 * sent to by its new program before it means a proxied peer again.
 *
 * To one that gets a socket by a message, relatives leave word (kin.h): one memo has whom it
 * is connected to, one, under a cookie that no socket has, its relay. The control connection
 * stays with who has sent it, and the other makes an association of its own, for the same
 * socket, when it sends. Strangers are told nothing.
 */
#include "preload/heirs.h"

#include <fcntl.h>
#include <string.h>

#include "core/log.h"
#include "core/sys.h"
#include "preload/dgram.h"
#include "preload/kin.h"
#include "preload/options.h"

/* --- saying ------------------------------------------------------------------------- */

/**
 * struct words - text being made
 * @at:		the next character's place
 * @end:	where the text's last NUL may be
 * @failed:	it did not fit
 */
struct words {
	char *at;
	char *end;
	bool failed;
};

static void put(struct words *words, char c)
{
	if (words->at == words->end)
		words->failed = true;
	else
		*words->at++ = c;
}

static void put_byte(struct words *words, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";

	put(words, digits[byte >> 4]);
	put(words, digits[byte & 15]);
}

static void put_number(struct words *words, uint64_t number)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		if (number >> shift != 0 || shift == 0)
			put_byte(words, (uint8_t)(number >> shift));
}

static void put_peer(struct words *words, const struct peer *peer)
{
	const uint8_t *bytes = (const uint8_t *)&peer->address;

	for (socklen_t i = 0; i < peer->len; i++)
		put_byte(words, bytes[i]);
}

static void put_socket(struct words *words, const struct dgram *dgram)
{
	static const struct peer none;
	bool ready = assoc_phase(&dgram->assoc) == ASSOC_READY;

	put_number(words, dgram->cookie);
	put(words, ',');
	put_number(words, ready ? (uint64_t)dgram->assoc.control.fd : 0);
	put(words, ',');
	put_number(words, ready ? dgram->assoc.control.cookie : 0);
	put(words, ',');
	put_peer(words, ready ? assoc_relay(&dgram->assoc) : &none);
	put(words, ',');
	put_peer(words, dgram_has_target(dgram) ?
				&dgram_target(dgram)->peer :
				&none);
	put(words, ';');
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
	struct words words = { text, text + HEIRS_TEXT_MAX - 1, false };
	const struct dgram *dgram;
	bool any = false;

	if (dgram_count == 0)
		return NULL;
	for (const char *c = HEIRS_VARIABLE "="; *c; c++)
		put(&words, *c);
	for (uint32_t i = 0; dgram_at(i, &dgram); i++) {
		struct words before = words;

		if (dgram == NULL || dgram_shown_by((struct dgram *)dgram) < 0 ||
		    (!libc_starts && !is_inherited(dgram)))
			continue;
		put_socket(&words, dgram);
		if (words.failed) {
			words = before;
			break;
		}
		let_control(dgram, true);
		any = true;
	}
	*words.at = '\0';
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

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The digits up to end, which is taken too. False: something else stands there. */
static bool take_bytes(const char **at, char end, uint8_t *bytes, size_t room,
		       size_t *n)
{
	for (*n = 0; **at != end; (*n)++) {
		int high = digit_of(**at);
		int low = high < 0 ? -1 : digit_of((*at)[1]);

		if (low < 0 || *n == room)
			return false;
		bytes[*n] = (uint8_t)(high << 4 | low);
		*at += 2;
	}
	(*at)++;
	return true;
}

static bool take_number(const char **at, uint64_t *number)
{
	uint8_t bytes[8];
	size_t n;

	*number = 0;
	if (!take_bytes(at, ',', bytes, sizeof(bytes), &n))
		return false;
	for (size_t i = 0; i < n; i++)
		*number = *number << 8 | bytes[i];
	return true;
}

static bool take_peer(const char **at, char end, struct peer *peer)
{
	size_t n;

	memset(peer, 0, sizeof(*peer));
	if (!take_bytes(at, end, (uint8_t *)&peer->address, sizeof(peer->address),
			&n))
		return false;
	peer->len = (socklen_t)n;
	return true;
}

static bool take_heir(const char **at, struct dgram_heir *heir)
{
	uint64_t control;

	if (!take_number(at, &heir->cookie) || !take_number(at, &control) ||
	    !take_number(at, &heir->control.cookie) ||
	    !take_peer(at, ',', &heir->relay) || !take_peer(at, ';', &heir->peer))
		return false;
	heir->control.fd = (int)control;
	return heir->cookie != 0;
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
	struct dgram_heir heir;

	while (value != NULL && *value != '\0' && take_heir(&value, &heir))
		give(&heir);
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
	bool ready;

	if (dgram == NULL || dgram->cookie != option_cookie(fd))
		return;
	dgram_finish(fd);
	ready = assoc_phase(&dgram->assoc) == ASSOC_READY;
	kin_leave(dgram->cookie,
		  dgram_has_target(dgram) ? &dgram_target(dgram)->peer : &none);
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
