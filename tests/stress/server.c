/* SPDX-License-Identifier: MIT */
/*
 * server.c - the proxy and the far side of the stress, in one
 *
 * server PORT: a SOCKS5 proxy on the loopback that connects to nobody. Whatever it is
 * asked for, it is itself: it says first what it was asked for, as "address port\n"
 * or "name port\n", and then gives back what it gets. So who hears another's
 * destination knows of a crossed connection. A destination of 10.0.0.0/8 is asked for
 * once in a run: a second request is a doubled one.
 *
 * The port asked for says how (see how.h). Answers are late by up to some milliseconds,
 * whole or in pieces, and the first words come with the reply or behind it.
 *
 * SIGTERM ends it, with a line of counts.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/stress/how.h"

enum { STACK_BYTES = 128 * 1024, IDS = 1 << 24 };

static uint8_t seen[IDS / 8];
static uint64_t connections, requests, doubled, malformed, echoed;

static void count(uint64_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

/* --- bytes ----------------------------------------------------------------- */

static bool get(int fd, void *bytes, size_t n)
{
	return recv(fd, bytes, n, MSG_WAITALL) == (ssize_t)n;
}

static void sleep_us(unsigned int us)
{
	struct timespec time = { .tv_nsec = us * 1000l };

	nanosleep(&time, NULL);
}

static bool put(int fd, const void *bytes, size_t n)
{
	return send(fd, bytes, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* Late, and cut in two at will. */
static bool answer(int fd, const uint8_t *bytes, size_t n, unsigned int *seed)
{
	size_t first = n;

	if (rand_r(seed) % 4)
		sleep_us((unsigned int)rand_r(seed) % 6000);
	if (rand_r(seed) % 4 == 0)
		first = (size_t)rand_r(seed) % n;
	if (first > 0 && !put(fd, bytes, first))
		return false;
	if (first < n)
		sleep_us((unsigned int)rand_r(seed) % 1000);
	return first == n || put(fd, bytes + first, n - first);
}

/* --- the protocol ------------------------------------------------------------ */

static bool greeted(int fd, unsigned int *seed)
{
	uint8_t head[2], methods[255];

	return get(fd, head, 2) && head[0] == 5 && head[1] > 0 &&
	       get(fd, methods, head[1]) &&
	       memchr(methods, 0, head[1]) != NULL &&
	       answer(fd, (const uint8_t *)"\x05", 2, seed);
}

struct request {
	char host[256];
	uint32_t id; /* of 10.0.0.0/8; else 0 */
	uint16_t port;
};

static bool get_address(int fd, struct request *request)
{
	uint8_t address[4];

	if (!get(fd, address, sizeof(address)))
		return false;
	inet_ntop(AF_INET, address, request->host, sizeof(request->host));
	if (address[0] == 10)
		request->id = (uint32_t)address[1] << 16 |
			      (uint32_t)address[2] << 8 | address[3];
	return true;
}

static bool get_request(int fd, struct request *request)
{
	uint8_t head[4], len, port[2];

	memset(request, 0, sizeof(*request));
	if (!get(fd, head, 4) || head[0] != 5 || head[1] != 1)
		return false;
	if (head[3] == 1) {
		if (!get_address(fd, request))
			return false;
	} else if (head[3] != 3 || !get(fd, &len, 1) ||
		   !get(fd, request->host, len)) {
		return false;
	}
	if (!get(fd, port, 2))
		return false;
	request->port = (uint16_t)(port[0] << 8 | port[1]);
	return true;
}

static void remember(uint32_t id)
{
	uint8_t bit = (uint8_t)(1 << id % 8);

	if (id != 0 &&
	    __atomic_fetch_or(&seen[id / 8], bit, __ATOMIC_RELAXED) & bit) {
		count(&doubled);
		fprintf(stderr, "server: 10.%u.%u.%u is asked for again\n",
			id >> 16, id >> 8 & 255, id & 255);
	}
}

static void echo(int fd)
{
	char bytes[512];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
		if (!put(fd, bytes, (size_t)n))
			return;
		count(&echoed);
	}
}

static void be_far_side(int fd, const struct request *request,
			unsigned int *seed)
{
	uint8_t words[10 + 280] = { 5, 0, 0, 1 };
	size_t n = 10 + (size_t)snprintf((char *)words + 10, sizeof(words) - 10,
					 "%s %u\n", request->host,
					 request->port);

	if (rand_r(seed) % 2) {
		if (!answer(fd, words, n, seed))
			return;
	} else if (!answer(fd, words, 10, seed) ||
		   !answer(fd, words + 10, n - 10, seed)) {
		return;
	}
	echo(fd);
}

static void refuse(int fd, uint8_t why, unsigned int *seed)
{
	uint8_t reply[10] = { 5, why, 0, 1 };

	answer(fd, reply, sizeof(reply), seed);
}

static void serve(int fd)
{
	unsigned int seed = (unsigned int)fd ^ (unsigned int)time(NULL);
	struct request request;

	if (!greeted(fd, &seed))
		return;
	if (!get_request(fd, &request))
		return;
	count(&requests);
	remember(request.id);
	switch (request.port) {
	case PORT_REFUSED:
		return refuse(fd, 5, &seed);
	case PORT_NO_HOST:
		return refuse(fd, 4, &seed);
	case PORT_DROPPED:
		return;
	case PORT_ECHO:
		return be_far_side(fd, &request, &seed);
	default:
		count(&malformed);
	}
}

static void *served(void *argument)
{
	int fd = (int)(intptr_t)argument;
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	serve(fd);
	close(fd);
	return NULL;
}

static void accept_all(int listener)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		count(&connections);
		while (pthread_create(&thread, &attributes, served,
				      (void *)(intptr_t)fd) != 0)
			sleep_us(10000);
	}
}

static void *wait_for_end(void *set)
{
	int signo;

	sigwait(set, &signo);
	printf("server: connections=%llu requests=%llu echoes=%llu "
	       "malformed=%llu doubled=%llu\n",
	       (unsigned long long)connections, (unsigned long long)requests,
	       (unsigned long long)echoed, (unsigned long long)malformed,
	       (unsigned long long)doubled);
	fflush(stdout);
	_exit(malformed || doubled);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t thread;
	sigset_t set;
	int one = 1;

	if (argc != 2)
		return 2;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&thread, NULL, wait_for_end, &set);
	at.sin_port = htons((uint16_t)atoi(argv[1]));
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (void *)&at, sizeof(at)) < 0 ||
	    listen(listener, 1024) < 0) {
		perror("server");
		return 1;
	}
	puts("listening");
	fflush(stdout);
	accept_all(listener);
}
