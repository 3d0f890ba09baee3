/* SPDX-License-Identifier: MIT */
/*
 * dgramraces.c - what one thread does to a socket while others send by it
 *
 * The far side echoes; the place of the good one is a name server's. What leaves past the
 * proxy is seen by whoever captures; what the program itself can see, it says. The order in
 * which threads meet is nobody's: each row goes so many rounds that the fault which it is for
 * showed several times per run, on two busy CPUs, and says how often.
 */
#include <dirent.h>

#include "tests/victims/dgrams.h"

enum { SENDERS = 2, HERE_PORT = 7777 };

enum {
	ROUNDS_MS = 4000
};

/* A busy machine, or a sanitizer, does not come to all of them. */
static bool goes_on(int round, int rounds)
{
	static int64_t begun;

	if (round == 0)
		begun = now_ms();
	return round < rounds && now_ms() - begun < ROUNDS_MS;
}

/* Which the senders use; -1: none for now, -2: they end. */
static int shared = -1;

static void share(int fd)
{
	__atomic_store_n(&shared, fd, __ATOMIC_RELEASE);
}

static void *keep_sending_to(void *arg)
{
	const struct far *far = arg;
	int fd;

	while ((fd = __atomic_load_n(&shared, __ATOMIC_ACQUIRE)) != -2)
		if (fd >= 0)
			send_to(fd, far, words, WORDS, MSG_DONTWAIT);
	return NULL;
}

static void *keep_sending(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = __atomic_load_n(&shared, __ATOMIC_ACQUIRE)) != -2)
		if (fd >= 0)
			send(fd, words, WORDS, MSG_DONTWAIT);
	return NULL;
}

struct senders {
	pthread_t ids[SENDERS];
	int n;
};

static void begin(struct senders *senders, int n, void *(*run)(void *),
		  const struct far *far)
{
	senders->n = n;
	for (int i = 0; i < n; i++)
		senders->ids[i] = thread(run, (void *)far);
}

static void end(struct senders *senders)
{
	share(-2);
	for (int i = 0; i < senders->n; i++)
		pthread_join(senders->ids[i], NULL);
}

static struct far loopback(void)
{
	struct far here = { .len = sizeof(struct sockaddr_in) };
	struct sockaddr_in *in = (void *)&here.address;

	in->sin_family = AF_INET;
	in->sin_port = htons(HERE_PORT);
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return here;
}

/* The words go there and come back, or what went wrong. */
static void say_there_and_back(const char *key, int fd, const struct far *far)
{
	long n = send_to(fd, far, words, WORDS, 0);

	if (n >= 0)
		n = recv(fd, buffer, BUFFER, 0);
	say_rc(key, n);
}

/* --- at once ------------------------------------------------------------------------- */

/*
 * The number is closed and given out again between the look at it and the send: what was
 * sent to a proxied peer went there by the new socket, raw: 8 to 30 times per run. What the
 * close did to an association was taken for the proxy's word that it does no UDP: in one run
 * of four.
 */
static void close_rounds(const struct far *far, int rounds)
{
	struct senders senders;

	begin(&senders, SENDERS, keep_sending_to, far);
	for (int i = 0; goes_on(i, rounds); i++) {
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		share(fd);
		send_to(fd, far, words, WORDS, MSG_DONTWAIT);
		close(fd);
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		close(fd);
	}
	end(&senders);
	say_there_and_back("after", datagram(far, 0), far);
}

static void closed(const struct far *far)
{
	close_rounds(far, 3000);
}

/* By a proxy that does no UDP the sends return sooner: some hundreds per run. */
static void closed_refused(const struct far *far)
{
	close_rounds(far, 20000);
}

/*
 * On its way to this machine, a socket was connected to the real server for a moment: some
 * thousands of datagrams per run.
 */
static void to_server(const struct far *far)
{
	struct senders senders;

	begin(&senders, 1, keep_sending, NULL);
	for (int i = 0; goes_on(i, 10000); i++) {
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		share(fd);
		dial_good(fd, far);
		share(-1);
		close(fd);
	}
	end(&senders);
}

/* Likewise, some hundreds. */
static void from_peer_to_server(const struct far *far)
{
	struct senders senders;
	int fd = connected(far, 0);

	say_rc("send", send(fd, words, WORDS, 0));
	share(fd);
	begin(&senders, 1, keep_sending, NULL);
	for (int i = 0; goes_on(i, 10000); i++) {
		dial_good(fd, far);
		dial(fd, far);
	}
	end(&senders);
}

static bool is_at(int fd, in_port_t port)
{
	struct sockaddr_in peer = { 0 };
	socklen_t len = sizeof(peer);

	return getpeername(fd, (void *)&peer, &len) == 0 &&
	       peer.sin_port == port;
}

/*
 * What meets the connect took the route of before, to the relay: in each run the address of
 * this machine was asked for on the link.
 */
static void to_here(const struct far *far)
{
	struct far own = loopback();
	struct senders senders;
	int fd = connected(far, 0), elsewhere = 0;

	say_rc("send", send(fd, words, WORDS, 0));
	share(fd);
	begin(&senders, 2, keep_sending, NULL);
	for (int i = 0; goes_on(i, 10000); i++) {
		dial(fd, &own);
		elsewhere += !is_at(fd, htons(HERE_PORT));
		dial(fd, far);
	}
	end(&senders);
	say("elsewhere", "%d", elsewhere);
}

/* Once it is apart from the kernel's, it is heard by its peer, and hears nobody else. */
static void apart(const struct far *far)
{
	struct far own = loopback(), self = { .len = sizeof(self.address) };
	int fd = connected(far, 0), peer = datagram(&own, 0);
	struct senders senders;
	long n;

	say_rc("bind", bind(peer, (void *)&own.address, own.len));
	say_there_and_back("before", fd, far);
	share(fd);
	begin(&senders, 1, keep_sending, NULL);
	dial(fd, &own);
	share(-1);
	say("peer", "%s", is_at(fd, htons(HERE_PORT)) ? "here" : "elsewhere");
	say_rc("send", send(fd, "to you", 6, 0));
	do { /* what the thread sent may be before it */
		self.len = sizeof(self.address);
		n = recvfrom(peer, buffer, BUFFER, 0, (void *)&self.address,
			     &self.len);
	} while (n == WORDS);
	say_rc("heard", n);
	send_to(datagram(&own, 0), &self, "not meant", 9, 0);
	send_to(peer, &self, "to me", 5, 0);
	say_rc("back", recv(fd, buffer, BUFFER, 0));
	dial(fd, far);
	say_rc("far", send(fd, words, WORDS, 0));
	say_rc("far", recv(fd, buffer, BUFFER, 0));
	end(&senders);
}

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	if (dir != NULL)
		closedir(dir);
	return n;
}

/* A send that lost to a close made an association that nobody would end: 12 to 74 per run. */
static void orphans(const struct far *far)
{
	int before = open_descriptors();
	struct far here = loopback();
	struct senders senders;
	int64_t begun;

	begin(&senders, 1, keep_sending_to, far);
	for (int i = 0; goes_on(i, 1500); i++) {
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		share(fd);
		send_to(fd, i % 2 ? &here : far, words, WORDS, MSG_DONTWAIT);
		if (i % 3 == 0)
			usleep(100);
		close(fd);
	}
	end(&senders);
	begun = now_ms();
	/* What waits for its last datagrams is ended by a later call. */
	while (open_descriptors() > before && now_ms() - begun < LONG_MS) {
		sleep_ms(20);
		close(socket(AF_INET, SOCK_DGRAM, 0));
	}
	say("left", "%d", open_descriptors() - before);
}

/*
 * An association that settles meanwhile connected the socket over what the program said: 3 to
 * 20 times per run.
 */
static void here(const struct far *far)
{
	struct far own = loopback();
	struct senders senders;
	int elsewhere = 0;

	begin(&senders, 1, keep_sending_to, far);
	for (int i = 0; goes_on(i, 400); i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

		dial(fd, far);
		send(fd, words, WORDS, 0);
		share(fd);
		for (int turn = 0; turn < 300; turn++) {
			dial(fd, &own);
			elsewhere += !is_at(fd, htons(HERE_PORT));
			dial(fd, far);
		}
		share(-1);
		close(fd);
	}
	end(&senders);
	say("elsewhere", "%d", elsewhere);
}

/* --- in turn ------------------------------------------------------------------------- */

/*
 * The association is lost, and both sides of a fork make one of their own. When one of them
 * ends, the other's socket was still connected to a relay that was no more.
 */
static void forked(const struct far *far)
{
	struct timeval patience = { .tv_sec = 1 };
	int fd = connected(far, 0), works = 0, turns[2];
	char byte = 0;
	pid_t pid;

	say_there_and_back("before", fd, far);
	say_there_and_back("before", fd, far);
	sleep_ms(200);
	if (pipe(turns) < 0)
		return;
	pid = child();
	if (pid == 0) {
		if (read(turns[0], &byte, 1) == 1)
			say_there_and_back("child", fd, far);
		_exit(0);
	}
	say_there_and_back("parent", fd, far);
	say_rc("turn", write(turns[1], &byte, 1));
	child_join("child", pid);
	sleep_ms(200);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (int i = 0; i < 4; i++) {
		if (send(fd, words, WORDS, 0) == WORDS &&
		    recv(fd, buffer, BUFFER, 0) == WORDS)
			works++;
		sleep_ms(200);
	}
	say("parent", "%s", works >= 2 ? "goes on" : "is lost");
}

/* Each leaves its address behind in the kernel, for what is sent without one. */
static void parts(const struct far *far)
{
	struct timeval patience = { .tv_sec = 1 };
	struct far own = loopback();
	int fd = connected(far, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	say_there_and_back("before", fd, far);
	say_rc("part", send_to(fd, &own, "one", 3, MSG_MORE));
	say_rc("part", send_to(fd, &own, "two", 3, 0));
	say_rc("send", send(fd, words, WORDS, 0));
	say_rc("after", recv(fd, buffer, BUFFER, 0));
}

static void connect_fails(const struct far *far)
{
	struct timeval patience = { .tv_sec = 1 };
	int fd = connected(far, 0);
	struct far all = loopback();

	((struct sockaddr_in *)(void *)&all.address)->sin_addr.s_addr =
		htonl(INADDR_BROADCAST);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	say_there_and_back("before", fd, far);
	say_rc("connect", connect(fd, (void *)&all.address, all.len));
	for (int i = 0; i < 2; i++) {
		say_rc("send", send(fd, words, WORDS, 0));
		say_rc("after", recv(fd, buffer, BUFFER, 0));
	}
}

/* That an association was not made in time says nothing of the next one. */
static void after_silence(const struct far *far)
{
	say_there_and_back("silent", datagram(far, 0), far);
	say_there_and_back("next", datagram(far, 0), far);
	say_there_and_back("connected", connected(far, 0), far);
}

/* Nor does one that the program did not wait for. */
static void after_close(const struct far *far)
{
	for (int i = 0; i < 3; i++) {
		int fd = connected(far, SOCK_NONBLOCK);

		say_rc("send", send(fd, words, WORDS, 0));
		say_poll("poll", fd, POLLIN, SOON_MS);
		close(fd);
	}
	sleep_ms(SOON_MS);
	say_there_and_back("next", datagram(far, 0), far);
}

static int64_t alarmed_at;

static void note_alarm(int number)
{
	(void)number;
	alarmed_at = now_ms();
}

/* The proxy's name takes its time to be looked up: signals do not wait for that. */
static void named(const struct far *far)
{
	int fd = datagram(far, 0);
	int64_t begun = now_ms(), over;

	on_signal(SIGALRM, note_alarm, 0);
	alarm_ms(300, 0);
	say_rc("send", send_to(fd, far, words, WORDS, MSG_DONTWAIT));
	over = now_ms();
	sleep_ms(400);
	say("lookup", "%s", over - begun > 1000 ? "slow" : "quick");
	say("alarm", "%s", alarmed_at < over - 500 ? "meanwhile" : "late");
}

/* What a datagram costs is seen from outside. */
static void many(const struct far *far)
{
	int first = datagram(far, 0), fd = dup(first);

	close(first);
	dial(fd, far);
	say_there_and_back("first", fd, far);
	for (int i = 0; i < 200; i++)
		send(fd, words, WORDS, 0);
}

static const struct row rows[] = {
	{ "closed", "echo", closed },
	{ "closed-refused", "echo", closed_refused },
	{ "to-server", "echo", to_server },
	{ "from-peer-to-server", "echo", from_peer_to_server },
	{ "to-here", "echo", to_here },
	{ "apart", "echo", apart },
	{ "orphans", "echo", orphans },
	{ "here", "echo", here },
	{ "forked", "echo", forked },
	{ "parts", "echo", parts },
	{ "connect-fails", "echo", connect_fails },
	{ "after-silence", "echo", after_silence },
	{ "after-close", "echo", after_close },
	{ "named", "echo", named },
	{ "many", "echo", many },
};

VICTIM_MAIN(rows)
