/* SPDX-License-Identifier: MIT */
/*
 * udp_relay.c - a SOCKS5 server for UDP ASSOCIATE alone, with the far side in it
 *
 * udp_relay ADDRESS PORT: each connection gets a process and a relay. What a datagram's first
 * byte of data says is done: 'e' it goes back as it is; 's' it is swallowed; 'r' as many as
 * the next two bytes say, of the same size, come back. The header is taken for an IPv4 one.
 */
#include <poll.h>
#include <signal.h>
#include <sys/uio.h>

#include "tests/bench/bench.h"

enum { HEADER = 10, ROOM = 1 << 16, NAP_US = 1000 };

static uint8_t data[ROOM];

static void send_back(int relay, const struct sockaddr_in *client, ssize_t n,
		      int count)
{
	for (int i = 0; i < count; i++)
		sendto(relay, data, (size_t)n, 0, (const void *)client,
		       sizeof(*client));
}

static void serve_datagrams(int control, int relay)
{
	struct pollfd fds[] = { { .fd = relay, .events = POLLIN },
				{ .fd = control, .events = POLLIN } };
	struct sockaddr_in client;
	bool swallowed;
	socklen_t len;
	ssize_t n;

	while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
		swallowed = false;
		do {
			len = sizeof(client);
			n = recvfrom(relay, data, sizeof(data), MSG_DONTWAIT,
				     (void *)&client, &len);
			if (n > HEADER && data[HEADER] == 'e')
				send_back(relay, &client, n, 1);
			if (n > HEADER + 2 && data[HEADER] == 'r')
				send_back(relay, &client, n,
					  data[HEADER + 1] << 8 |
						  data[HEADER + 2]);
			swallowed |= n > HEADER && data[HEADER] == 's';
		} while (n >= 0);
		/* To wake it for each of many is work that the kernel charges to the client. */
		if (swallowed)
			usleep(NAP_US);
	}
}

static void take(int fd, size_t n)
{
	if (recv(fd, data, n, MSG_WAITALL) != (ssize_t)n)
		exit(0);
}

/* The methods are counted, the request is one of IPv4. */
static void serve(int control, struct sockaddr_in own)
{
	uint8_t reply[10] = { 5, 0, 0, 1 };
	int relay = socket(AF_INET, SOCK_DGRAM, 0);
	int room = 1 << 24;
	socklen_t len = sizeof(own);

	own.sin_port = 0;
	setsockopt(relay, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(relay, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	if (bind(relay, (void *)&own, sizeof(own)) < 0 ||
	    getsockname(relay, (void *)&own, &len) < 0)
		die("no relay");
	take(control, 2);
	take(control, data[1]);
	if (send(control, "\x05\0", 2, MSG_NOSIGNAL) != 2)
		return;
	take(control, 10);
	memcpy(reply + 4, &own.sin_addr, 4);
	memcpy(reply + 8, &own.sin_port, 2);
	if (send(control, reply, sizeof(reply), MSG_NOSIGNAL) == sizeof(reply))
		serve_datagrams(control, relay);
}

int main(int argc, char **argv)
{
	struct sockaddr_in own;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1;

	if (argc != 3)
		die("usage: udp_relay ADDRESS PORT");
	signal(SIGCHLD, SIG_IGN);
	own = address_of(argv[1], argv[2]);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (void *)&own, sizeof(own)) < 0 ||
	    listen(listener, 64) < 0)
		die("cannot listen");
	for (;;) {
		int control = accept(listener, NULL, NULL);

		if (control >= 0 && fork() == 0) {
			close(listener);
			serve(control, own);
			return 0;
		}
		close(control);
	}
}
