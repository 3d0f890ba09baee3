/* SPDX-License-Identifier: MIT */
/*
 * leaks.c - ways past a library that stands in front of libc's functions
 *
 *     leaks WORLD WORLD6 DEVICE     goes each way, in a child that has 700 ms
 *     leaks marks                   what tells each way's packets from the others'
 *
 * WORLD and WORLD6 are addresses beyond the device. A row is the way's name and what came
 * of it. Without the library each way puts a packet on the device; its mark is a port or a
 * name that no other way uses, as tcpdump -v shows it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_PORT = 7100, TIME_MS = 700 };

static const char *world, *world6, *device;
static in_port_t port;
static char name[64]; /* as the way's, in a domain of this program's own */

static struct sockaddr_in to(const char *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = port };

	inet_pton(AF_INET, address, &in.sin_addr);
	return in;
}

/* --- by number ---------------------------------------------------------------- */

static long syscall_connect(void)
{
	struct sockaddr_in in = to(world);

	return syscall(SYS_connect, socket(AF_INET, SOCK_STREAM, 0), &in,
		       sizeof(in));
}

static long syscall_sendto(void)
{
	struct sockaddr_in in = to(world);

	return syscall(SYS_sendto, socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0,
		       &in, sizeof(in));
}

static long syscall_sendmsg(void)
{
	struct sockaddr_in in = to(world);
	struct iovec iov = { "x", 1 };
	struct msghdr message = { .msg_name = &in,
				  .msg_namelen = sizeof(in),
				  .msg_iov = &iov,
				  .msg_iovlen = 1 };

	return syscall(SYS_sendmsg, socket(AF_INET, SOCK_DGRAM, 0), &message,
		       0);
}

static long syscall_sendmmsg(void)
{
	struct sockaddr_in in = to(world);
	struct iovec iov = { "x", 1 };
	struct mmsghdr message = { .msg_hdr = { .msg_name = &in,
						.msg_namelen = sizeof(in),
						.msg_iov = &iov,
						.msg_iovlen = 1 } };

	return syscall(SYS_sendmmsg, socket(AF_INET, SOCK_DGRAM, 0), &message,
		       1, 0);
}

static long syscall_socket_raw(void)
{
	struct sockaddr_in in = to(world);
	uint8_t udp[9] = { 0, 9, 0, 0, 0, sizeof(udp), 0, 0, 'x' };

	memcpy(udp + 2, &port, sizeof(port));
	return sendto((int)syscall(SYS_socket, AF_INET, SOCK_RAW, IPPROTO_UDP),
		      udp, sizeof(udp), 0, (void *)&in, sizeof(in));
}

/* --- inside libc ---------------------------------------------------------------- */

static long in_gethostid(void)
{
	if (sethostname(name, strlen(name)) < 0)
		return -1;
	return gethostid() ? 0 : 0;
}

static long in_getnetbyname(void)
{
	return getnetbyname(name) ? 0 : -1;
}

static long in_getnetbyname_r(void)
{
	struct netent net, *result;
	char buffer[1024];
	int error;

	getnetbyname_r(name, &net, buffer, sizeof(buffer), &result, &error);
	return result ? 0 : -1;
}

/* As networks are written: 10.111.0.0 without what is zero. */
static long in_getnetbyaddr(void)
{
	return getnetbyaddr(10 << 8 | 111, AF_INET) ? 0 : -1;
}

static long in_getnetbyaddr_r(void)
{
	struct netent net, *result;
	char buffer[1024];
	int error;

	getnetbyaddr_r(10 << 8 | 112, AF_INET, &net, buffer, sizeof(buffer),
		       &result, &error);
	return result ? 0 : -1;
}

static long in_rcmd(void)
{
	char *host = name;

	return rcmd(&host, port, "user", "user", "command", NULL);
}

static long in_rcmd_address(void)
{
	char *host = (char *)world;

	return rcmd(&host, port, "user", "user", "command", NULL);
}

static long in_rcmd_af(void)
{
	char *host = name;

	return rcmd_af(&host, port, "user", "user", "command", NULL, AF_INET6);
}

static long in_rexec(void)
{
	char *host = name;

	return rexec(&host, port, "user", "password", "command", NULL);
}

static long in_rexec_af(void)
{
	char *host = (char *)world6;

	return rexec_af(&host, port, "user", "password", "command", NULL,
			AF_INET6);
}

static long in_ruserok(void)
{
	return ruserok(name, 0, "user", "root");
}

static long in_ruserok_af(void)
{
	return ruserok_af(name, 0, "user", "root", AF_INET6);
}

/* --- all of them ---------------------------------------------------------------- */

static const struct {
	const char *name;
	long (*go)(void);
	const char *mark; /* NULL: the port; "": the name */
} ways[] = {
	{ "syscall-connect", syscall_connect, NULL },
	{ "syscall-sendto", syscall_sendto, NULL },
	{ "syscall-sendmsg", syscall_sendmsg, NULL },
	{ "syscall-sendmmsg", syscall_sendmmsg, NULL },
	{ "syscall-socket-raw", syscall_socket_raw, NULL },
	{ "gethostid", in_gethostid, "" },
	{ "getnetbyname", in_getnetbyname, "" },
	{ "getnetbyname-r", in_getnetbyname_r, "" },
	{ "getnetbyaddr", in_getnetbyaddr, ".111.10.in-addr.arpa" },
	{ "getnetbyaddr-r", in_getnetbyaddr_r, ".112.10.in-addr.arpa" },
	{ "rcmd", in_rcmd, "" },
	{ "rcmd-address", in_rcmd_address, NULL },
	{ "rcmd-af", in_rcmd_af, "" },
	{ "rexec", in_rexec, "" },
	{ "rexec-af", in_rexec_af, NULL },
	{ "ruserok", in_ruserok, "" },
	{ "ruserok-af", in_ruserok_af, "" },
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static void prepare(int i)
{
	port = htons((uint16_t)(FIRST_PORT + i));
	snprintf(name, sizeof(name), "%s.leak.example", ways[i].name);
}

static void show_mark(int i)
{
	prepare(i);
	if (ways[i].mark == NULL)
		printf("%s .%d: \n", ways[i].name, ntohs(port));
	else
		printf("%s %s\n", ways[i].name,
		       ways[i].mark[0] ? ways[i].mark : name);
}

static void go(int i)
{
	struct itimerval time = { .it_value.tv_usec = TIME_MS * 1000 };
	long r;

	prepare(i);
	setitimer(ITIMER_REAL, &time, NULL);
	errno = 0;
	r = ways[i].go();
	printf("%s %s\n", ways[i].name,
	       r < 0 ? strerrorname_np(errno) : "ok");
	fflush(stdout);
	_exit(0);
}

static void go_in_child(int i)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		go(i);
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("%s %s\n", ways[i].name,
		       WTERMSIG(status) == SIGALRM ? "waits" : "dies");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	bool marks = argc == 2 && !strcmp(argv[1], "marks");

	if (!marks && argc != 4)
		return 2;
	world = argv[1];
	world6 = marks ? NULL : argv[2];
	device = marks ? NULL : argv[3];
	for (int i = 0; i < WAYS; i++) {
		if (marks)
			show_mark(i);
		else
			go_in_child(i);
	}
	return 0;
}
