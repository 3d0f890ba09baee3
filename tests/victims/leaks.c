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
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/sys.h"

enum { FIRST_PORT = 7100, TIME_MS = 700 };

/* As linux/in6.h has it, which netinet/in.h excludes. */
#define UNICAST_IF6 76

static const char *world, *world6, *device;
static in_port_t port;
static char name[64]; /* as the way's, in a domain of this program's */

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

/* --- another way than the address says ----------------------------------------- */

static const char here[] = "127.0.0.1", here6[] = "::1";

static struct sockaddr_in6 to6(const char *address)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = port };

	inet_pton(AF_INET6, address, &in6.sin6_addr);
	return in6;
}

static long connect_here(int fd)
{
	struct sockaddr_in in = to(here);

	return connect(fd, (void *)&in, sizeof(in));
}

static long connect_here6(int fd)
{
	struct sockaddr_in6 in6 = to6(here6);

	return connect(fd, (void *)&in6, sizeof(in6));
}

static long send_here(int fd)
{
	struct sockaddr_in in = to(here);

	return sendto(fd, "x", 1, 0, (void *)&in, sizeof(in));
}

static long send_here6(int fd)
{
	struct sockaddr_in6 in6 = to6(here6);

	return sendto(fd, "x", 1, 0, (void *)&in6, sizeof(in6));
}

/* A socket that is bound to the device. */
static int on_device(int family, int type)
{
	int fd = socket(family, type, 0);

	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
		       (socklen_t)strlen(device)) < 0)
		return -1;
	return fd;
}

static long device_connect(void)
{
	return connect_here(on_device(AF_INET, SOCK_STREAM));
}

static long device_connect6(void)
{
	return connect_here6(on_device(AF_INET6, SOCK_STREAM));
}

static long device_send(void)
{
	return send_here(on_device(AF_INET, SOCK_DGRAM));
}

static long device_send6(void)
{
	return send_here6(on_device(AF_INET6, SOCK_DGRAM));
}

static long device_send_connected(void)
{
	int fd = on_device(AF_INET, SOCK_DGRAM);

	return connect_here(fd) < 0 ? -1 : send(fd, "x", 1, 0);
}

/* The option is of the socket, not of the descriptor that it was set by. */
static long device_send_dup(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), copy = dup(fd);

	setsockopt(copy, SOL_SOCKET, SO_BINDTODEVICE, device,
		   (socklen_t)strlen(device));
	return send_here(fd);
}

/* What is connected to this machine, from the device's address, and gets the device later. */
static int device_later(int type)
{
	struct ifreq own = { .ifr_addr.sa_family = AF_INET };
	int fd = socket(AF_INET, type, 0);

	strncpy(own.ifr_name, device, sizeof(own.ifr_name) - 1);
	if (ioctl(fd, SIOCGIFADDR, &own) < 0 ||
	    bind(fd, &own.ifr_addr, sizeof(own.ifr_addr)) < 0 ||
	    connect_here(fd) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
		       (socklen_t)strlen(device)) < 0)
		return -1;
	return fd;
}

static long device_later_send(void)
{
	return send(device_later(SOCK_DGRAM), "x", 1, 0);
}

static long device_later_write6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	if (connect_here6(fd) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
		       (socklen_t)strlen(device)) < 0)
		return -1;
	return write(fd, "x", 1);
}

static long device_later_stream(void)
{
	struct sockaddr_in in = to(here);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	bind(listener, (void *)&in, sizeof(in));
	listen(listener, 1);
	return send(device_later(SOCK_STREAM), "x", 1, 0) < 0 ? -1
							      : usleep(300000);
}

static int set(int fd, int level, int option, const void *value, socklen_t len)
{
	return setsockopt(fd, level, option, value, len) < 0 ? -1 : fd;
}

static long unicast_if(void)
{
	uint32_t index = htonl(if_nametoindex(device));

	return send_here(set(socket(AF_INET, SOCK_DGRAM, 0), IPPROTO_IP,
			     IP_UNICAST_IF, &index, sizeof(index)));
}

static long unicast_if6(void)
{
	uint32_t index = htonl(if_nametoindex(device));

	return send_here6(set(socket(AF_INET6, SOCK_DGRAM, 0), IPPROTO_IPV6,
			      UNICAST_IF6, &index, sizeof(index)));
}

static long pktinfo6_option(void)
{
	struct in6_pktinfo info = { .ipi6_ifindex = if_nametoindex(device) };

	return send_here6(set(socket(AF_INET6, SOCK_DGRAM, 0), IPPROTO_IPV6,
			      IPV6_PKTINFO, &info, sizeof(info)));
}

/* One datagram with one piece of control data; to NULL: to where fd is connected. */
static long send_control(int fd, void *address, socklen_t len, int level,
			 int type, const void *data, size_t size)
{
	char control[CMSG_SPACE(64)] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { "x", 1 };
	struct msghdr message = { .msg_name = address,
				  .msg_namelen = len,
				  .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = CMSG_SPACE(size) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), data, size);
	return sendmsg(fd, &message, 0);
}

static long pktinfo(void)
{
	struct in_pktinfo info = { .ipi_ifindex = (int)if_nametoindex(device) };
	struct sockaddr_in in = to(here);

	return send_control(socket(AF_INET, SOCK_DGRAM, 0), &in, sizeof(in),
			    IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static long pktinfo6(void)
{
	struct in6_pktinfo info = { .ipi6_ifindex = if_nametoindex(device) };
	struct sockaddr_in6 in6 = to6(here6);

	return send_control(socket(AF_INET6, SOCK_DGRAM, 0), &in6, sizeof(in6),
			    IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

/* A loose source route (RFC 791 section 3.1) over the world. */
static void route_over_world(uint8_t option[8])
{
	const uint8_t route[8] = { 131, 7, 4 };

	memcpy(option, route, sizeof(route));
	inet_pton(AF_INET, world, option + 3);
}

static int routed(int type)
{
	uint8_t option[8];

	route_over_world(option);
	return set(socket(AF_INET, type, 0), IPPROTO_IP, IP_OPTIONS, option,
		   sizeof(option));
}

static long route_connect(void)
{
	return connect_here(routed(SOCK_STREAM));
}

static long route_send(void)
{
	return send_here(routed(SOCK_DGRAM));
}

static long route_send_control(void)
{
	struct sockaddr_in in = to(here);
	uint8_t option[8];

	route_over_world(option);
	return send_control(socket(AF_INET, SOCK_DGRAM, 0), &in, sizeof(in),
			    IPPROTO_IP, IP_RETOPTS, option, sizeof(option));
}

/* --- a socket of another kind than it was --------------------------------------- */

/* Connected to an IPv4 listener it can be made an IPv4 socket, and dissolved. */
static long addrform(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_in6 in6 = to6("::ffff:127.0.0.1");
	int family = AF_INET, listener = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	socklen_t len = sizeof(in);

	bind(listener, (void *)&in, sizeof(in));
	listen(listener, 1);
	getsockname(listener, (void *)&in, &len);
	in6.sin6_port = in.sin_port;
	if (connect(fd, (void *)&in6, sizeof(in6)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, &family,
		       sizeof(family)) < 0 ||
	    connect(fd, &none, sizeof(none)) < 0)
		return -1;
	in = to(world);
	return connect(fd, (void *)&in, sizeof(in));
}

/* The number was an IPv6 socket's; it is closed and made another where nobody sees it. */
static long number_again(void)
{
	struct sockaddr_in in = to(world);
	int reserved = IPPORT_RESERVED - 1, fd;

	sys1(SYS_close, socket(AF_INET6, SOCK_STREAM, 0));
	fd = rresvport(&reserved);
	return connect(fd, (void *)&in, sizeof(in));
}

/* The number was a TCP socket's; what it is now came by the kernel's hand. */
static long number_again_datagram(void)
{
	struct sockaddr_in in = to(world);
	int kept = socket(AF_INET, SOCK_DGRAM, 0);
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

	sys1(SYS_close, socket(AF_INET, SOCK_STREAM, 0));
	return sendto((int)syscall(SYS_pidfd_getfd, self, kept, 0), "x", 1, 0,
		      (void *)&in, sizeof(in));
}

/* --- what the program was started with (tests/support/inherited.py) --------------- */

enum {
	RAW = 100,
	PING,
	UDPLITE,
	RAW_MARK = 17101,
	PING_MARK
};

static long echo_request(int fd, uint16_t number, bool by_message)
{
	struct sockaddr_in in = to(world);
	uint8_t echo[8] = { 8, 0, 0, 0, 0, 1 }; /* RFC 792 */
	struct iovec iov = { echo, sizeof(echo) };
	struct msghdr message = { .msg_name = &in,
				  .msg_namelen = sizeof(in),
				  .msg_iov = &iov,
				  .msg_iovlen = 1 };

	number = htons(number);
	memcpy(echo + 6, &number, sizeof(number));
	return by_message ? sendmsg(fd, &message, 0)
			  : sendto(fd, echo, sizeof(echo), 0, (void *)&in,
				   sizeof(in));
}

static long inherited_raw(void)
{
	return echo_request(RAW, RAW_MARK, false);
}

static long inherited_ping(void)
{
	return echo_request(PING, PING_MARK, true);
}

static long inherited_udplite(void)
{
	struct sockaddr_in in = to(world);

	return sendto(UDPLITE, "x", 1, 0, (void *)&in, sizeof(in));
}

static bool has_udplite(void)
{
	return socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE) >= 0;
}

/* --- groups ---------------------------------------------------------------------- */

static long join_group(void)
{
	struct ip_mreqn group = { .imr_ifindex = (int)if_nametoindex(device) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, "239.1.2.7", &group.imr_multiaddr);
	if (syscall(SYS_setsockopt, fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group,
		    sizeof(group)) < 0)
		return -1;
	return usleep(300000);
}

/* The kernel joins the solicited-node group of such an address. */
static long join_anycast(void)
{
	struct ipv6_mreq group = { .ipv6mr_interface = if_nametoindex(device) };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	inet_pton(AF_INET6, "fd11:1::7:7777", &group.ipv6mr_multiaddr);
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_ANYCAST, &group,
		       sizeof(group)) < 0)
		return -1;
	return usleep(300000);
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
	{ "device-connect", device_connect, NULL },
	{ "device-connect6", device_connect6, NULL },
	{ "device-send", device_send, NULL },
	{ "device-send6", device_send6, NULL },
	{ "device-send-connected", device_send_connected, NULL },
	{ "device-send-dup", device_send_dup, NULL },
	{ "device-later-send", device_later_send, NULL },
	{ "device-later-write6", device_later_write6, NULL },
	{ "device-later-stream", device_later_stream, NULL },
	{ "unicast-if", unicast_if, NULL },
	{ "unicast-if6", unicast_if6, NULL },
	{ "pktinfo", pktinfo, NULL },
	{ "pktinfo6", pktinfo6, NULL },
	{ "pktinfo6-option", pktinfo6_option, NULL },
	{ "route-connect", route_connect, NULL },
	{ "route-send", route_send, NULL },
	{ "route-send-control", route_send_control, NULL },
	{ "addrform", addrform, NULL },
	{ "number-again", number_again, NULL },
	{ "number-again-datagram", number_again_datagram, NULL },
	{ "inherited-raw", inherited_raw, "seq 17101" },
	{ "inherited-ping", inherited_ping, "seq 17102" },
	{ "inherited-udplite", inherited_udplite, "proto-136" },
	{ "join-group", join_group, "239.1.2.7" },
	{ "join-anycast", join_anycast, "ff02::1:ff07:7777" },
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
	if (ways[i].go == inherited_udplite && !has_udplite())
		return;
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
