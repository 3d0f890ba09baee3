/* SPDX-License-Identifier: MIT */
/*
 * raw.c - system calls of a program's own, past libc
 *
 *     raw table                  each call that could make a socket, or not
 *     raw send ADDRESS PORT      TCP and UDP to a numeric address
 *     raw leftover               socket() of libc, then one past it
 *     raw token HEX              each place that a token may be in
 *     raw exec PROGRAM ARG...    with an empty environment but for PATH
 *     raw forbid PROGRAM ARG...  where seccomp(2) fails with EPERM
 *     raw after PROGRAM ARG...   behind a filter of its own: acct(2) fails with ENOTTY
 *     raw acct                   what acct(2) says
 *     raw cancel ADDRESS PORT    a thread is cancelled in libc's accept and connect
 *     raw sockets N              N sockets of libc's, closed again
 *
 * "table" and "token" print a row per call: its name and what came of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STREAM = SOCK_STREAM, DATAGRAM = SOCK_DGRAM };

static long raw(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10),
			   "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
#else
	long result = syscall(number, a, b, c, d, e, f);

	return result < 0 ? -errno : result;
#endif
}

static void say(const char *name, long result)
{
	printf("%s %s\n", name, result < 0 ? strerrorname_np((int)-result) :
					     "ok");
}

static void try_socket(const char *name, long domain, long type)
{
	long fd = raw(SYS_socket, domain, type, 0, 0, 0, 0);

	say(name, fd);
	if (fd >= 0)
		close((int)fd);
}

static void try_pair(const char *name, int domain, int type)
{
	int fds[2];
	long r = raw(SYS_socketpair, domain, type, 0, (long)fds, 0, 0);

	say(name, r);
	if (r == 0) {
		close(fds[0]);
		close(fds[1]);
	}
}

/* --- other ABIs' ways into the kernel ---------------------------------------- */

#if defined(__x86_64__)

static sigjmp_buf no_entry;

static void on_fault(int signal)
{
	siglongjmp(no_entry, signal);
}

static void say_i386(const char *name, long result)
{
	/* What comes back has 32 bits. */
	say(name, (int)result);
}

static long i386(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c)
			 : "r8", "r9", "r10", "r11", "memory");
	return result;
}

static void try_i386(void)
{
	signal(SIGSEGV, on_fault);
	if (sigsetjmp(no_entry, 1)) {
		printf("i386 none\n");
		return;
	}
	say_i386("i386-socket-inet", i386(359, AF_INET, STREAM, 0));
	say_i386("i386-socket-unix", i386(359, AF_UNIX, STREAM, 0));
	say_i386("i386-getpid", i386(20, 0, 0, 0));
	signal(SIGSEGV, SIG_DFL);
}

static void try_others(void)
{
	const long x32 = 0x40000000;

	try_i386();
	say("x32-socket-inet", raw(x32 | SYS_socket, AF_INET, STREAM, 0, 0, 0,
				   0));
	say("x32-getpid", raw(x32 | SYS_getpid, 0, 0, 0, 0, 0, 0));
}

#else

static void try_others(void)
{
}

#endif

static void table(void)
{
	static const struct {
		const char *name;
		long domain;
		long type;
	} sockets[] = {
		{ "inet-tcp", AF_INET, STREAM },
		{ "inet-udp", AF_INET, DATAGRAM },
		{ "inet-raw", AF_INET, SOCK_RAW },
		{ "inet-flags", AF_INET, STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK },
		{ "inet6-tcp", AF_INET6, STREAM },
		{ "inet6-udp", AF_INET6, DATAGRAM },
		{ "packet", AF_PACKET, SOCK_RAW },
		{ "unspec", AF_UNSPEC, STREAM },
		{ "key", AF_KEY, SOCK_RAW },
		{ "tipc", AF_TIPC, STREAM },
		{ "bluetooth", AF_BLUETOOTH, STREAM },
		{ "can", AF_CAN, SOCK_RAW },
		{ "smc", 43, STREAM },
		{ "xdp", 44, SOCK_RAW },
		{ "domain-46", 46, STREAM },
		{ "domain-1000", 1000, STREAM },
		{ "domain-minus-1", -1, STREAM },
		/* The kernel looks at 32 bits of a domain. */
		{ "inet-high-bits", 0x100000000 | AF_INET, STREAM },
		{ "unix-high-bits", 0x100000000 | AF_UNIX, STREAM },
		{ "unix", AF_UNIX, STREAM },
		{ "unix-udp", AF_UNIX, DATAGRAM },
		{ "netlink", AF_NETLINK, SOCK_RAW },
		{ "alg", AF_ALG, SOCK_SEQPACKET },
		{ "vsock", 40, STREAM },
	};
	char parameters[256] = { 0 };

	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++)
		try_socket(sockets[i].name, sockets[i].domain,
			   sockets[i].type);
	try_pair("pair-unix", AF_UNIX, STREAM);
	try_pair("pair-inet", AF_INET, STREAM);
	try_pair("pair-tipc", AF_TIPC, STREAM);
	say("io_uring_setup", raw(425, 4, (long)parameters, 0, 0, 0, 0));
	say("io_uring_enter", raw(426, -1, 0, 0, 0, 0, 0));
	say("io_uring_register", raw(427, -1, 0, 0, 0, 0, 0));
	say("no-call", raw(-1, 0, 0, 0, 0, 0, 0));
	say("getpid", raw(SYS_getpid, 0, 0, 0, 0, 0, 0));
	try_others();
}

/* --- the token ------------------------------------------------------------- */

static void try_token(const char *name, long d, long e, long f)
{
	long fd = raw(SYS_socket, AF_INET, STREAM, 0, d, e, f);

	say(name, fd);
	if (fd >= 0)
		close((int)fd);
}

static void token(const char *hex)
{
	uint64_t right = strtoull(hex, NULL, 16);

	try_token("right", 0, 0, (long)right);
	try_token("none", 0, 0, 0);
	try_token("fourth", (long)right, 0, 0);
	try_token("fifth", 0, (long)right, 0);
	try_token("low-half", 0, 0, (long)(right & 0xffffffff));
	try_token("high-half", 0, 0, (long)(right & ~0xffffffffull));
	try_token("one-bit-off", 0, 0, (long)(right ^ 1));
	try_token("top-bit-off", 0, 0, (long)(right ^ 1ull << 63));
	try_token("halves-swapped", 0, 0, (long)(right << 32 | right >> 32));
}

/* What libc's call left in the registers is not touched in between. */
static void leftover(void)
{
	int fd = socket(AF_UNIX, STREAM, 0);
	long result;

#if defined(__x86_64__)
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"((long)SYS_socket), "D"((long)AF_INET),
			   "S"((long)STREAM), "d"(0L)
			 : "rcx", "r11", "memory");
#else
	result = syscall(SYS_socket, AF_INET, STREAM, 0);
#endif
	say("libc", fd);
	say("raw", result);
}

/* --- sending ---------------------------------------------------------------- */

static void send_to(const char *address, const char *port)
{
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)atoi(port)),
	};
	struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_port = v6.sin6_port,
	};
	void *to = &v4;
	long domain = AF_INET, len = sizeof(v4), tcp, udp;

	if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1) {
		to = &v6;
		domain = AF_INET6;
		len = sizeof(v6);
	} else if (inet_pton(AF_INET, address, &v4.sin_addr) != 1) {
		exit(2);
	}
	tcp = raw(SYS_socket, domain, STREAM | SOCK_NONBLOCK, 0, 0, 0, 0);
	say("tcp-socket", tcp);
	say("tcp-connect", raw(SYS_connect, tcp, (long)to, len, 0, 0, 0));
	udp = raw(SYS_socket, domain, DATAGRAM, 0, 0, 0, 0);
	say("udp-socket", udp);
	say("udp-send", raw(SYS_sendto, udp, (long)"leak", 4, 0, (long)to,
			    len));
}

/* --- cancellation points ------------------------------------------------------ */

struct wait {
	struct sockaddr_in to;
	bool connects;
};

static void *wait_in_libc(void *argument)
{
	const struct wait *wait = argument;
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, STREAM, 0);

	if (wait->connects)
		return (void *)(intptr_t)(1 + connect(fd,
						      (const void *)&wait->to,
						      sizeof(wait->to)));
	bind(fd, (void *)&any, sizeof(any));
	listen(fd, 1);
	return (void *)(intptr_t)(1 + accept(fd, NULL, NULL));
}

static void try_cancel(const char *name, struct wait *wait)
{
	struct timespec moment = { .tv_nsec = 200000000 };
	pthread_t id;
	void *result;

	if (pthread_create(&id, NULL, wait_in_libc, wait) != 0)
		exit(2);
	nanosleep(&moment, NULL);
	pthread_cancel(id);
	pthread_join(id, &result);
	printf("%s %s\n", name, result == PTHREAD_CANCELED ? "cancelled" :
							     "returned");
}

/* The address is of one who does not answer. */
static void cancel(const char *address, const char *port)
{
	struct wait wait = { .to = { .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)atoi(port)) } };

	inet_pton(AF_INET, address, &wait.to.sin_addr);
	try_cancel("accept", &wait);
	wait.connects = true;
	try_cancel("connect", &wait);
}

/* --- being another program -------------------------------------------------- */

static void start(char **argv, char **env)
{
	long r = raw(SYS_execve, (long)argv[0], (long)argv, (long)env, 0, 0,
		     0);

	say(argv[0], r);
	exit(127);
}

/* From here on that call fails with that error. */
static void forbid(uint32_t number, uint32_t error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = filter,
	};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		perror("seccomp");
		exit(1);
	}
}

static void make_sockets(int n)
{
	while (n-- > 0)
		close(socket(AF_INET, STREAM, 0));
}

int main(int argc, char **argv)
{
	char *path[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "table"))
		table();
	else if (!strcmp(what, "send") && argc == 4)
		send_to(argv[2], argv[3]);
	else if (!strcmp(what, "leftover"))
		leftover();
	else if (!strcmp(what, "token") && argc == 3)
		token(argv[2]);
	else if (!strcmp(what, "sockets") && argc == 3)
		make_sockets(atoi(argv[2]));
	else if (!strcmp(what, "exec") && argc > 2)
		start(argv + 2, path);
	else if (!strcmp(what, "forbid") && argc > 2) {
		forbid(SYS_seccomp, EPERM);
		start(argv + 2, environ);
	} else if (!strcmp(what, "after") && argc > 2) {
		forbid(SYS_acct, ENOTTY);
		start(argv + 2, environ);
	} else if (!strcmp(what, "acct")) {
		say("acct", raw(SYS_acct, 0, 0, 0, 0, 0, 0));
	} else if (!strcmp(what, "cancel") && argc == 4) {
		cancel(argv[2], argv[3]);
	} else {
		return 2;
	}
	return 0;
}
