/* SPDX-License-Identifier: MIT */
/*
 * gateway.c - socksify-gateway: a SOCKS5 proxy on this machine, before one that wants GSSAPI
 *
 * Theory of Operation
 *
 * Behind a login by GSSAPI every byte to and from the proxy is in messages that are made
 * and taken apart by a library (RFC 1961). The library of socksify lets go of a socket once
 * it is connected, and has no hooks where data pass; nor does it load Kerberos into every
 * program. So this process does both. The command starts it where the configuration says
 * "auth gssapi", and puts it in the proxy's place:
 *
 *	program ── loopback, SOCKS5 with a login ── gateway ── RFC 1961 ── proxy
 *
 * To the program's side it is a proxy like any other: connects that do not wait, names,
 * BIND and programs that a supervisor carries are as they were. It listens at 127.0.0.1, at
 * a port that the kernel chose, and serves who knows its secret: a random login, which is in
 * the environment of the programs it is for, and so as private as that is.
 *
 * A thread for each connection (serve): the program's greeting, login and request
 * (client.c); the proxy reached, the context made, the protection agreed on (upstream.c);
 * then the request goes out wrapped, and stream.c passes on whatever follows, of which the
 * proxy's replies are a part. UDP ASSOCIATE alone is answered here: the program gets a relay
 * of this process's, before the proxy's (datagrams.c). Where anything fails the program gets
 * a reply that says so, or a reset; never a byte that the proxy did not say.
 *
 * The KDC is asked directly, and so is the name server for what Kerberos wants to know:
 * this process is under no guard. It has no controlling terminal, and of the caller's
 * descriptors standard error alone, for the log, as long as its owner lives, or the command
 * says that not even so.
 *
 * It ends with its last user. Its owner is the program that the command becomes, or the
 * shell that covers itself by --export; but what the owner has started may live on. So when
 * the owner has ended and no connection is open it looks, every other second, whether a
 * process is left that has its secret in the environment (users.c); twice, for a process is
 * without one for an instant while it becomes another program.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/config.h"
#include "core/log.h"
#include "relay/client.h"
#include "relay/datagrams.h"
#include "relay/io.h"
#include "relay/stream.h"
#include "relay/upstream.h"
#include "relay/users.h"

enum {
	SECRET_BYTES = 16,
	BACKLOG = 1024,
	STACK = 512 * 1024, /* name service modules of libc run on it, too */
	LOOK_MS = 2000, /* between two looks for users */
	LOOKS = 2,
	BREATH_NS = 20000000, /* after there was no room for another connection */
};

#define USERNAME "gateway"

static struct config config;
static char secret[2 * SECRET_BYTES + 1];
static atomic_int connections;

/* --- one connection -------------------------------------------------------------------- */

static void serve_request(int fd, const struct request *request)
{
	bool datagrams = request->command == SOCKS5_UDP_ASSOCIATE;
	struct upstream up;
	int reply = upstream_open(&up, &config, datagrams);

	if (reply != SOCKS5_SUCCEEDED)
		client_reply(fd, (uint8_t)reply, NULL, up.deadline_ms);
	else if (datagrams)
		datagrams_run(fd, &up);
	else if (upstream_send(&up, request->bytes, request->len) < 0)
		client_reply(fd, SOCKS5_GENERAL_FAILURE, NULL, up.deadline_ms);
	else
		stream_run(fd, &up);
	upstream_close(&up);
}

static void *serve(void *argument)
{
	int fd = (int)(intptr_t)argument;
	struct request request;

	io_no_delay(fd);
	if (client_accept(fd, USERNAME, secret, &request,
			  io_now_ms() + config.timeout_ms) == 0)
		serve_request(fd, &request);
	close(fd);
	atomic_fetch_sub(&connections, 1);
	return NULL;
}

static void accept_one(int listener)
{
	const struct timespec breath = { .tv_nsec = BREATH_NS };
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			nanosleep(&breath, NULL);
		return;
	}
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	atomic_fetch_add(&connections, 1);
	r = pthread_create(&thread, &attributes, serve, (void *)(intptr_t)fd);
	pthread_attr_destroy(&attributes);
	if (r != 0) {
		log_once("threads", "no more connections can be had: %e", r);
		atomic_fetch_sub(&connections, 1);
		io_reset(fd);
		close(fd);
	}
}

/* --- as long as somebody needs it ------------------------------------------------------ */

static void to_nowhere(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, fd);
		close(null);
	}
}

/* Standard error may be a pipe whose reader waits for the owner's end. */
static void owner_ended(void)
{
	to_nowhere(STDERR_FILENO);
}

static bool is_needed(void)
{
	return atomic_load(&connections) > 0 || users_exist(secret);
}

static void attend(int listener, int owner)
{
	struct pollfd fds[] = { { .fd = listener, .events = POLLIN },
				{ .fd = owner, .events = POLLIN } };
	int looks = LOOKS;

	while (looks > 0) {
		int n = poll(fds, 2, fds[1].fd < 0 ? LOOK_MS : -1);

		if (n > 0 && fds[1].revents) {
			fds[1].fd = -1;
			owner_ended();
		}
		if (n > 0 && fds[0].revents)
			accept_one(listener);
		if (n == 0)
			looks = is_needed() ? LOOKS : looks - 1;
	}
}

/* --- start ----------------------------------------------------------------------------- */

/* The command waits for one line of standard output, and tells the user if it is this. */
static _Noreturn void fail(const char *what, int error)
{
	if (error)
		printf("failed %s: %s\n", what, strerror(error));
	else
		printf("failed %s\n", what);
	exit(EXIT_FAILURE);
}

static void make_secret(void)
{
	uint8_t bytes[SECRET_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		fail("random numbers", errno);
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(secret + 2 * i, 3, "%02x", bytes[i]);
}

static int open_listener(struct sockaddr_in *sa)
{
	socklen_t len = sizeof(*sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*sa = (struct sockaddr_in){ .sin_family = AF_INET };
	sa->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)sa, sizeof(*sa)) < 0 ||
	    listen(fd, BACKLOG) < 0 || getsockname(fd, (struct sockaddr *)sa, &len) < 0)
		fail("a listener on this machine", errno);
	return fd;
}

static int open_owner(const char *pid)
{
	long fd = syscall(SYS_pidfd_open, strtol(pid, NULL, 10), 0);

	if (fd < 0)
		fail("its owner (pidfd_open)", errno);
	fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	return (int)fd;
}

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* The gateway is what is missing in it, and that is right here. */
static void read_config(void)
{
	char why[SECURITY_WHY_MAX];

	config_load(&config, getenv);
	if (config.gateway != CONFIG_GATEWAY_MISSING)
		fail(config.broken ? config.why : "no gateway is asked for", 0);
	if (config.n_addresses == 0)
		fail("the proxy's address is not known", 0);
	if (security_look_for_ticket(why, sizeof(why)) < 0)
		fail(why, 0);
	log_setup((enum log_level)config.log_level,
		  config.log_path[0] ? config.log_path : NULL);
}

int main(int argc, char **argv)
{
	struct sockaddr_in sa;
	int listener, owner;

	if (argc != 2) {
		fprintf(stderr, "socksify-gateway is started by socksify, where its "
				"configuration says \"auth gssapi\"\n");
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	owner = open_owner(argv[1]);
	raise_limit();
	read_config();
	make_secret();
	listener = open_listener(&sa);
	printf("listening socks5h://" USERNAME ":%s@127.0.0.1:%u\n", secret,
	       ntohs(sa.sin_port));
	fflush(stdout);
	to_nowhere(STDOUT_FILENO);
	attend(listener, owner);
	return EXIT_SUCCESS;
}
