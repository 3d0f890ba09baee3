/* SPDX-License-Identifier: MIT */
/* exchange.c - a negotiation's messages (handshake.h) over a descriptor */
#include "core/exchange.h"

#include <string.h>
#include <sys/socket.h>

#include "core/sys.h"

static long send_some(struct handshake *handshake, int fd, const struct credentials *who)
{
	uint8_t message[SOCKS5_AUTH_MAX];
	size_t len = handshake_output(handshake, who, message, sizeof(message));
	long n;

	if (len == 0)
		return 0;
	n = sys6(SYS_sendto, fd, message, len, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
	explicit_bzero(message, len);
	if (n > 0)
		handshake_sent(handshake, (size_t)n);
	return n;
}

static long receive_some(struct handshake *handshake, int fd,
			 const struct credentials *who)
{
	uint8_t bytes[SOCKS5_MESSAGE_MAX];
	size_t wants = handshake_wants(handshake);
	long n;

	if (wants > sizeof(bytes))
		wants = sizeof(bytes);
	n = sys6(SYS_recvfrom, fd, bytes, wants, MSG_DONTWAIT, NULL, NULL);
	if (n > 0)
		handshake_received(handshake, who, bytes, (size_t)n);
	else if (n == 0)
		handshake_eof(handshake);
	return n;
}

long exchange_step(struct handshake *handshake, int fd, const struct credentials *who)
{
	return handshake_sends(handshake) ? send_some(handshake, fd, who) :
					    receive_some(handshake, fd, who);
}
