/* SPDX-License-Identifier: MIT */
/*
 * datagrams.c - datagrams there and back
 *
 * datagrams [-s PROXY:PORT] [-c] MODE ADDRESS PORT SIZE COUNT, the far side being that of
 * udp_relay.c. MODE: "trip", one there and back in turn; "one", sent one by one; "mmsg", 32
 * by a call; "gso", 32 by a call and UDP_SEGMENT; "receive", received one by one, when 64
 * have come: so nobody sleeps. -c: on a connected socket. With -s the program is itself a
 * SOCKS5 client, header and data by one sendmsg. Prints nanoseconds for each datagram: by
 * the clock, of this process; the mean of trips, else the least of many windows.
 */
#include <netinet/udp.h>
#include <sys/uio.h>

#include "tests/bench/bench.h"

enum {
	HEADER = 10,
	BATCH = 32,
	WAITING = 64,
	WINDOW = 512,
	ROOM = 1 << 16
};
enum { COME_US = 2000 }; /* in which WAITING datagrams do */

/* The least that a datagram has taken, and when the window at hand began. */
static int64_t wall, cpu, wall_begun, cpu_begun;

static int fd;
static struct sockaddr_in to, relay;
static bool native, connected;
static size_t size;
static uint8_t header[HEADER] = { 0, 0, 0, 1 };
static uint8_t data[ROOM], back[ROOM];

static void associate(const struct sockaddr_in *proxy)
{
	static const uint8_t request[] = { 5, 3, 0, 1, 0, 0, 0, 0, 0, 0 };
	uint8_t reply[10];
	int control = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(control, (const void *)proxy, sizeof(*proxy)) < 0 ||
	    send(control, "\x05\x01\0", 3, 0) != 3 ||
	    recv(control, reply, 2, MSG_WAITALL) != 2 ||
	    send(control, request, sizeof(request), 0) != sizeof(request) ||
	    recv(control, reply, sizeof(reply), MSG_WAITALL) != sizeof(reply) ||
	    reply[1] != 0)
		die("no association");
	relay.sin_family = AF_INET;
	memcpy(&relay.sin_addr, reply + 4, 4);
	memcpy(&relay.sin_port, reply + 8, 2);
	memcpy(header + 4, &to.sin_addr, 4);
	memcpy(header + 8, &to.sin_port, 2);
}

/* The vectors of one datagram; how many. */
static size_t lay_out(struct iovec *vectors)
{
	size_t n = 0;

	if (native)
		vectors[n++] = (struct iovec){ header, HEADER };
	vectors[n++] = (struct iovec){ data, size };
	return n;
}

static struct sockaddr_in *target(void)
{
	return native ? &relay : &to;
}

static struct msghdr message_of(struct iovec *vectors, size_t n)
{
	return (struct msghdr){
		.msg_name = connected ? NULL : target(),
		.msg_namelen = connected ? 0 : sizeof(relay),
		.msg_iov = vectors,
		.msg_iovlen = n,
	};
}

static void send_one(void)
{
	struct iovec vectors[2];
	struct msghdr message = message_of(vectors, lay_out(vectors));
	ssize_t n;

	if (native)
		n = sendmsg(fd, &message, 0);
	else if (connected)
		n = send(fd, data, size, 0);
	else
		n = sendto(fd, data, size, 0, (void *)&to, sizeof(to));
	if (n < (ssize_t)size)
		die("a datagram was not sent");
}

static void receive_one(void)
{
	struct sockaddr_in from;
	struct iovec vectors[] = { { header + 0, 0 }, { back, sizeof(back) } };
	uint8_t head[HEADER];
	struct msghdr message = { .msg_name = &from,
				  .msg_namelen = sizeof(from),
				  .msg_iov = vectors,
				  .msg_iovlen = 2 };
	socklen_t len = sizeof(from);
	ssize_t n;

	if (native) {
		vectors[0] = (struct iovec){ head, HEADER };
		n = recvmsg(fd, &message, 0) - HEADER;
	} else if (connected) {
		n = recv(fd, back, sizeof(back), 0);
	} else {
		n = recvfrom(fd, back, sizeof(back), 0, (void *)&from, &len);
	}
	if (n != (ssize_t)size)
		die("a datagram of %zd bytes", n);
	if (native && (head[0] | head[1] | head[2] || head[3] != 1))
		die("a wrong header");
}

static void send_many(int n)
{
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH][2];
	int sent = 0;

	for (int i = 0; i < n; i++)
		messages[i].msg_hdr = message_of(vectors[i], lay_out(vectors[i]));
	while (sent < n) {
		int r = sendmmsg(fd, messages + sent, (unsigned int)(n - sent), 0);

		if (r <= 0)
			die("sendmmsg");
		sent += r;
	}
}

static void send_segments(int n)
{
	struct iovec vectors[BATCH * 2];
	uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
	size_t count = 0;
	struct msghdr message;
	struct cmsghdr *c;
	uint16_t segment = (uint16_t)(size + (native ? HEADER : 0));

	for (int i = 0; i < n; i++)
		count += lay_out(vectors + count);
	message = message_of(vectors, count);
	message.msg_control = control;
	message.msg_controllen = sizeof(control);
	c = CMSG_FIRSTHDR(&message);
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(segment));
	memcpy(CMSG_DATA(c), &segment, sizeof(segment));
	if (sendmsg(fd, &message, 0) < (ssize_t)size)
		die("segments");
}

static void ask_for(int n)
{
	data[0] = 'r';
	data[1] = (uint8_t)(n >> 8);
	data[2] = (uint8_t)n;
	send_one();
}

static void window_begin(void)
{
	wall_begun = wall_ns();
	cpu_begun = cpu_ns();
}

static void window_end(int n)
{
	int64_t wall_each = (wall_ns() - wall_begun) / n;
	int64_t cpu_each = (cpu_ns() - cpu_begun) / n;

	wall = wall == 0 || wall_each < wall ? wall_each : wall;
	cpu = cpu == 0 || cpu_each < cpu ? cpu_each : cpu;
}

static void run_trips(int n)
{
	window_begin();
	for (int i = 0; i < n; i++) {
		send_one();
		receive_one();
	}
	window_end(n);
}

static void receive_waiting(int n)
{
	ask_for(n);
	usleep(COME_US);
	window_begin();
	for (int i = 0; i < n; i++)
		receive_one();
	window_end(n);
}

static void send_window(const char *mode)
{
	window_begin();
	if (strcmp(mode, "one") == 0) {
		for (int i = 0; i < WINDOW; i++)
			send_one();
	} else {
		for (int i = 0; i < WINDOW; i += BATCH)
			(strcmp(mode, "gso") ? send_many
					     : send_segments)(BATCH);
	}
	window_end(WINDOW);
}

static void run(const char *mode, int count)
{
	if (strcmp(mode, "trip") == 0) {
		run_trips(count);
	} else if (strcmp(mode, "receive") == 0) {
		for (int i = 0; i < count; i += WAITING)
			receive_waiting(WAITING);
	} else {
		for (int i = 0; i < count; i += WINDOW)
			send_window(mode);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in proxy;
	int option, count;

	while ((option = getopt(argc, argv, "s:c")) != -1) {
		if (option == 's')
			proxy = address_of_pair(optarg);
		native = native || option == 's';
		connected = connected || option == 'c';
	}
	if (argc - optind != 5)
		die("usage: datagrams [-s PROXY:PORT] [-c] MODE ADDRESS PORT SIZE COUNT");
	to = address_of(argv[optind + 1], argv[optind + 2]);
	size = (size_t)atoi(argv[optind + 3]);
	count = atoi(argv[optind + 4]);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (native)
		associate(&proxy);
	if (connected && connect(fd, (void *)target(), sizeof(to)) < 0)
		die("connect");
	data[0] = 'e';
	send_one(); /* what happens once has happened */
	receive_one();
	data[0] = strcmp(argv[optind], "trip") ? 's' : 'e';
	run(argv[optind], WAITING);
	wall = cpu = 0;
	run(argv[optind], count);
	printf("%lld %lld\n", (long long)wall, (long long)cpu);
	return 0;
}
