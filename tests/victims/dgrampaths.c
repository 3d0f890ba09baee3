/* SPDX-License-Identifier: MIT */
/*
 * dgrampaths.c - datagrams that are too large for a link on their way
 *
 * The far side echoes, and is behind a router whose next link has a smaller MTU than the first
 * one. Under a proxy it is the proxy that is behind it. Lengths are told from the MTU that the
 * kernel tells, and the header takes its part of that.
 */
#include "tests/victims/dgrams.h"

#include <linux/errqueue.h> /* which does without its own <time.h> */

enum { HEADERS = 28, HEADERS6 = 48, ICMP_MS = 300 };

static bool is_six(const struct far *far)
{
	return far->address.ss_family == AF_INET6;
}

static void set_int(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof(value));
}

static int aware(const struct far *far, int discover, bool errors)
{
	int fd = connected(far, 0);

	if (is_six(far)) {
		set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, discover);
		set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, errors);
	} else {
		set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, discover);
		set_int(fd, IPPROTO_IP, IP_RECVERR, errors);
	}
	return fd;
}

static int mtu_of(int fd, const struct far *far)
{
	int mtu = -1;
	socklen_t len = sizeof(mtu);

	if (getsockopt(fd, is_six(far) ? IPPROTO_IPV6 : IPPROTO_IP,
		       is_six(far) ? IPV6_MTU : IP_MTU, &mtu, &len) < 0)
		say("mtu", "%s", errno_name(errno));
	return mtu;
}

/* The longest datagram that fits. */
static size_t room_of(int fd, const struct far *far)
{
	return (size_t)(mtu_of(fd, far) - (is_six(far) ? HEADERS6 : HEADERS));
}

static void say_sent(const char *key, int fd, size_t len)
{
	long n = send(fd, buffer, len, 0);

	if (n < 0)
		say_rc(key, n);
	else
		say(key, "%s", (size_t)n == len ? "all" : "a part");
}

static void say_echoed(const char *key, int fd, size_t len)
{
	long n = recv(fd, buffer, BUFFER, 0);

	if (n < 0)
		say_rc(key, n);
	else
		say(key, "%s", (size_t)n == len ? "all" : "a part");
}

static void say_offender(const struct sock_extended_err *e)
{
	struct sockaddr_storage offender = { 0 };
	const struct sockaddr *from = SO_EE_OFFENDER(e);
	char text[TEXT_MAX];
	socklen_t len = from->sa_family == AF_INET6 ?
				sizeof(struct sockaddr_in6) :
				sizeof(struct sockaddr_in);

	if (from->sa_family == AF_INET || from->sa_family == AF_INET6)
		memcpy(&offender, from, len);
	address_text(&offender, len, text, sizeof(text));
	say("offender", "%s", text);
}

static void say_error(const char *key, const struct far *far, int fd)
{
	_Alignas(struct cmsghdr) char control[512];
	struct sockaddr_storage about = { 0 };
	struct iovec iov = { buffer, BUFFER };
	struct msghdr message = { .msg_name = &about,
				  .msg_namelen = sizeof(about),
				  .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	long n = recvmsg(fd, &message, MSG_ERRQUEUE);

	if (n < 0) {
		say_rc(key, n);
		return;
	}
	say(key, "%x", message.msg_flags);
	say_source("about", far, &about, message.msg_namelen);
	say("words", "%.10s", buffer);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c;
	     c = CMSG_NXTHDR(&message, c)) {
		struct sock_extended_err *e = (void *)CMSG_DATA(c);

		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == IPPROTO_IPV6 &&
		      c->cmsg_type == IPV6_RECVERR))
			continue;
		say("error", "%s of %d, %d %d, %d beside the MTU",
		    errno_name((int)e->ee_errno), e->ee_origin, e->ee_type,
		    e->ee_code, (int)e->ee_info - mtu_of(fd, far));
		say_offender(e);
	}
}

/* A first one there and back: whatever has to be made is made. */
static void begin(const struct far *far, int fd)
{
	say_rc("send", send(fd, words, WORDS, 0));
	say_next("next", far, fd, BUFFER, 0);
	memset(buffer, 'x', BUFFER);
}

/* What fits the first link, and not the second; and then what fits both. */
static void too_large(const struct far *far, int fd, bool errors)
{
	int first = mtu_of(fd, far);
	size_t room = room_of(fd, far);

	say_sent("too-large", fd, room);
	sleep_ms(ICMP_MS);
	say_poll("poll", fd, POLLIN | POLLOUT, 0);
	say_rc("recv", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
	if (errors)
		say_error("errqueue", far, fd);
	say_error("empty", far, fd);
	say_so_error("so_error", fd);
	say("less", "%d", first - mtu_of(fd, far));
	memset(buffer, 'x', BUFFER);
	say_sent("again", fd, room);
	if (errors)
		say_error("errqueue", far, fd);
	memset(buffer, 'x', BUFFER);
	room = room_of(fd, far);
	say_sent("fits", fd, room);
	say_echoed("fits", fd, room);
}

static void with_errors(const struct far *far)
{
	int fd = aware(far, IP_PMTUDISC_DO, true);

	begin(far, fd);
	too_large(far, fd, true);
	say_sent("one-more", fd, room_of(fd, far) + 1);
	say_error("one-more", far, fd);
}

static void without_errors(const struct far *far)
{
	int fd = aware(far, IP_PMTUDISC_DO, false);

	begin(far, fd);
	too_large(far, fd, false);
}

/* A send is told what the last one met. */
static void told_by_send(const struct far *far)
{
	int fd = aware(far, IP_PMTUDISC_DO, true);

	begin(far, fd);
	say_sent("too-large", fd, room_of(fd, far));
	sleep_ms(ICMP_MS);
	say_rc("send", send(fd, words, WORDS, 0));
	say_rc("send", send(fd, words, WORDS, 0));
	say_next("next", far, fd, BUFFER, 0);
}

/* The default: the first one is lost, then they go in pieces. */
static void in_pieces(const struct far *far)
{
	int fd = connected(far, 0), tries = 0;
	struct timeval patience = { .tv_sec = 1 };
	size_t room;
	long n = -1;

	begin(far, fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	room = room_of(fd, far);
	while (n < 0 && tries++ < 5) {
		send(fd, buffer, room, 0);
		n = recv(fd, buffer, BUFFER, 0);
	}
	say("tries", "%d", tries);
	say("echoed", "%d", n == (long)room);
	say_so_error("so_error", fd);
}

/* What is known of the way does not bind who probes it. */
static void probing(const struct far *far)
{
	int fd = aware(far, IP_PMTUDISC_PROBE, true);
	size_t room;

	begin(far, fd);
	room = room_of(fd, far);
	say_sent("probe", fd, room);
	sleep_ms(ICMP_MS);
	say_poll("poll", fd, POLLIN | POLLOUT, 0);
	say_error("errqueue", far, fd);
	memset(buffer, 'x', BUFFER);
	say_sent("probe", fd, room);
	sleep_ms(ICMP_MS);
	say_error("errqueue", far, fd);
	say_sent("beyond", fd, 1473 + 200);
	say_rc("recv", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
	say_rc("send", send(fd, words, WORDS, 0));
	say_next("next", far, fd, BUFFER, 0);
}

/* Not connected: told only who asks for it. */
static void not_connected(const struct far *far)
{
	for (int errors = 0; errors < 2; errors++) {
		int fd = datagram(far, 0);
		int known = connected(far, 0);

		set_int(fd, is_six(far) ? IPPROTO_IPV6 : IPPROTO_IP,
			is_six(far) ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER,
			IP_PMTUDISC_PROBE);
		if (errors)
			set_int(fd, is_six(far) ? IPPROTO_IPV6 : IPPROTO_IP,
				is_six(far) ? IPV6_RECVERR : IP_RECVERR, 1);
		say_rc("sendto", send_to(fd, far, words, WORDS, 0));
		say_next("next", far, fd, BUFFER, 0);
		memset(buffer, 'x', BUFFER);
		say_rc("too-large", send_to(fd, far, buffer, 1400, 0));
		sleep_ms(ICMP_MS);
		say_poll("poll", fd, POLLIN | POLLOUT, 0);
		say_rc("recv", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
		say_rc("recv", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
		/* A router sends some of it back, and our header with it. */
		say_rc("errqueue", recv(fd, buffer, 400, MSG_ERRQUEUE));
		say_rc("sendto", send_to(fd, far, words, WORDS, 0));
		say_next("next", far, fd, BUFFER, 0);
		close(known);
	}
}

static const struct row rows[] = {
	{ "with-errors", "echo", with_errors },
	{ "without-errors", "echo", without_errors },
	{ "told-by-send", "echo", told_by_send },
	{ "in-pieces", "echo", in_pieces },
	{ "probing", "echo", probing },
	{ "not-connected", "echo", not_connected },
};

VICTIM_MAIN(rows)
