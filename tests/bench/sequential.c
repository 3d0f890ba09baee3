// SPDX-License-Identifier: MIT
/*
 * sequential.c - blocking connects, one after the other
 *
 * sequential [-n COUNT] [-s PROXY:PORT] HOST PORT: HOST is an address or a
 * name, which is looked up each time. With -s the program is itself a SOCKS5
 * client and sends a name to the proxy. Prints the nanoseconds for one
 * connect, its socket() and close() included: by the clock, of this process.
 */
#include <netdb.h>

#include "tests/bench/bench.h"
#include "tests/bench/native.h"

static bool is_address(const char *host)
{
	struct in_addr unused;

	return inet_pton(AF_INET, host, &unused) == 1;
}

/* A blocking socket that is connected to there. */
static int connected(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		die("a connect failed");
	return fd;
}

static void connect_by_name(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_family = AF_INET,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int r = getaddrinfo(host, port, &hints, &found);

	if (r != 0)
		die("%s: %s", host, gai_strerror(r));
	close(connected((const struct sockaddr_in *)(void *)found->ai_addr));
	freeaddrinfo(found);
}

static void connect_natively(const struct sockaddr_in *proxy,
			     const struct native_request *request)
{
	int fd = connected(proxy);

	native_negotiate(fd, request);
	close(fd);
}

int main(int argc, char **argv)
{
	struct native_request request = { .len = 0 };
	struct sockaddr_in to = { .sin_family = AF_UNSPEC }, proxy = to;
	const char *host, *port;
	int64_t wall, cpu;
	int count = 1000;
	int option;

	while ((option = getopt(argc, argv, "n:s:")) != -1) {
		if (option == 'n')
			count = atoi(optarg);
		else if (option == 's')
			proxy = address_of_pair(optarg);
		else
			return 1;
	}
	if (argc - optind != 2 || count < 1)
		die("usage: sequential [-n COUNT] [-s PROXY:PORT] HOST PORT");
	host = argv[optind];
	port = argv[optind + 1];
	if (is_address(host)) {
		to = address_of(host, port);
		native_by_address(&request, &to);
	} else {
		native_by_name(&request, host, (uint16_t)atoi(port));
	}
	wall = wall_ns();
	cpu = cpu_ns();
	for (int i = 0; i < count; i++) {
		if (proxy.sin_family == AF_INET)
			connect_natively(&proxy, &request);
		else if (to.sin_family == AF_INET)
			close(connected(&to));
		else
			connect_by_name(host, port);
	}
	printf("%lld %lld\n", (long long)(wall_ns() - wall) / count,
	       (long long)(cpu_ns() - cpu) / count);
	return 0;
}
