// SPDX-License-Identifier: MIT
/*
 * delay.c - a link that takes time: two TUN devices, and a program between
 * them
 *
 * delay MS NEAR-PID NEAR-NAME FAR-PID FAR-NAME makes a TUN device of that name
 * in the network namespace of each of the two processes, and carries every
 * packet from one to the other MS milliseconds after it came. So a handshake
 * of TCP takes a round trip of twice that, as it does on a network; no loss,
 * no reordering, no limit of bandwidth but the queue's. Says "linked" when
 * both devices are up.
 */
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "tests/bench/bench.h"

enum { PACKET_MAX = 2048, QUEUE = 8192 };

struct packet {
	int64_t due_ns;
	ssize_t len;
	uint8_t bytes[PACKET_MAX];
};

/**
 * struct way - one direction: a ring of packets, the oldest first
 * @from, @to:	devices
 * @first:	count of packets that were taken out
 * @end:	count of packets that were put in
 */
struct way {
	int from;
	int to;
	unsigned int first;
	unsigned int end;
	struct packet ring[QUEUE];
};

static struct way ways[2];
static int64_t delay_ns;

static void enter(const char *pid)
{
	char path[64];
	int ns;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		die("cannot enter the network of process %s", pid);
	close(ns);
}

static void set_up(const struct ifreq *device)
{
	struct ifreq request = *device;
	int any = socket(AF_INET, SOCK_DGRAM, 0);

	if (ioctl(any, SIOCGIFFLAGS, &request) < 0)
		die("cannot ask for the flags of %s", device->ifr_name);
	request.ifr_flags |= IFF_UP;
	if (ioctl(any, SIOCSIFFLAGS, &request) < 0)
		die("cannot bring %s up", device->ifr_name);
	close(any);
}

static int make_tun(const char *pid, const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int tun;

	enter(pid);
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0)
		die("cannot make the device %s", name);
	set_up(&request);
	return tun;
}

static void take_in(struct way *way)
{
	while (way->end - way->first < QUEUE) {
		struct packet *packet = &way->ring[way->end % QUEUE];

		packet->len = read(way->from, packet->bytes, PACKET_MAX);
		if (packet->len <= 0)
			return;
		packet->due_ns = wall_ns() + delay_ns;
		way->end++;
	}
}

/* A packet that the device will not take is lost, as on any network. */
static void let_out(struct way *way)
{
	int64_t now = wall_ns();

	while (way->first != way->end) {
		const struct packet *packet = &way->ring[way->first % QUEUE];

		if (packet->due_ns > now)
			return;
		if (write(way->to, packet->bytes, (size_t)packet->len) < 0 &&
		    errno != EAGAIN && errno != EIO)
			die("a packet was not taken");
		way->first++;
	}
}

static int64_t next_due_ns(void)
{
	int64_t due = INT64_MAX;

	for (int i = 0; i < 2; i++) {
		const struct way *way = &ways[i];

		if (way->first != way->end &&
		    way->ring[way->first % QUEUE].due_ns < due)
			due = way->ring[way->first % QUEUE].due_ns;
	}
	return due;
}

static void wait_for_packets(void)
{
	struct pollfd devices[2] = { { .fd = ways[0].from, .events = POLLIN },
				     { .fd = ways[1].from, .events = POLLIN } };
	int64_t left = next_due_ns();
	struct timespec timeout;

	if (left != INT64_MAX)
		left -= wall_ns();
	if (left < 0)
		left = 0;
	timeout.tv_sec = left / NS_PER_S;
	timeout.tv_nsec = left % NS_PER_S;
	ppoll(devices, 2, &timeout, NULL);
}

int main(int argc, char **argv)
{
	if (argc != 6)
		die("usage: delay MS NEAR-PID NEAR-NAME FAR-PID FAR-NAME");
	delay_ns = atoi(argv[1]) * (NS_PER_S / 1000);
	ways[0].from = ways[1].to = make_tun(argv[2], argv[3]);
	ways[1].from = ways[0].to = make_tun(argv[4], argv[5]);
	prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);
	puts("linked");
	fflush(stdout);
	for (;;) {
		wait_for_packets();
		for (int i = 0; i < 2; i++)
			take_in(&ways[i]);
		for (int i = 0; i < 2; i++)
			let_out(&ways[i]);
	}
}
