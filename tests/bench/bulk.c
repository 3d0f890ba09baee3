// SPDX-License-Identifier: MIT
/*
 * bulk.c - a large download over one connection
 *
 * bulk [-s PROXY:PORT] ADDRESS PORT MIB: asks the far side (far.c) for so many
 * mebibytes and reads them. With -s the program is itself a SOCKS5 client.
 * Prints the nanoseconds: by the clock, of this process.
 */
#include "tests/bench/bench.h"
#include "tests/bench/native.h"

static char buffer[1 << 16];

static void ask(int fd, long long bytes)
{
	int len = snprintf(buffer, sizeof(buffer),
			   "GET /%lld HTTP/1.0\r\n\r\n", bytes);

	if (write(fd, buffer, (size_t)len) != len)
		die("the request was not sent");
}

/* Answers how many bytes came, the head of the answer included. */
static long long read_all(int fd)
{
	long long sum = 0;
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		sum += n;
	if (n < 0)
		die("read");
	return sum;
}

int main(int argc, char **argv)
{
	struct native_request request;
	struct sockaddr_in to, proxy = { .sin_family = AF_UNSPEC };
	int64_t wall, cpu;
	long long bytes;
	bool is_native;
	int option, fd;

	while ((option = getopt(argc, argv, "s:")) != -1) {
		if (option != 's')
			return 1;
		proxy = address_of_pair(optarg);
	}
	if (argc - optind != 3)
		die("usage: bulk [-s PROXY:PORT] ADDRESS PORT MIB");
	to = address_of(argv[optind], argv[optind + 1]);
	bytes = atoll(argv[optind + 2]) << 20;
	native_by_address(&request, &to);
	is_native = proxy.sin_family == AF_INET;
	if (!is_native)
		proxy = to;
	wall = wall_ns();
	cpu = cpu_ns();
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&proxy, sizeof(proxy)) < 0)
		die("connect");
	if (is_native)
		native_negotiate(fd, &request);
	ask(fd, bytes);
	if (read_all(fd) < bytes)
		die("bytes are missing");
	close(fd);
	printf("%lld %lld\n", (long long)(wall_ns() - wall),
	       (long long)(cpu_ns() - cpu));
	return 0;
}
