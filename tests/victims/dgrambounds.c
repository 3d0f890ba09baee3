/* SPDX-License-Identifier: MIT */
/*
 * dgrambounds.c - datagrams go no further than there is room, and lengths that cannot be
 *
 * The far side echoes. Each row is run directly and through proxies, and has to say the same,
 * but for "stranger" and "early": those are for whoever sends to their ports.
 */
#include <stddef.h>

#include "tests/victims/dgrams.h"

enum { ROOM = 64, BATCH = 4, STRANGER_PORT = 45454, EARLY_PORT = 45455 };

/* How many bytes of so many are not what they were set to. */
static unsigned int changed(const void *bytes, size_t n, int was)
{
	const unsigned char *byte = bytes;
	unsigned int count = 0;

	for (size_t i = 0; i < n; i++)
		count += byte[i] != was;
	return count;
}

/* Waits until so many are there, among whatever else. */
static void let_come(int fd)
{
	say_poll("in", fd, POLLIN, LONG_MS);
	sleep_ms(PENDING_MS);
}

/* --- receiving ----------------------------------------------------------------------- */

/*
 * A name, a name's length and control data each between bytes that nobody may write; where a
 * datagram before was dropped, the next one's name went to its neighbour's.
 */
struct guarded {
	unsigned char before[ROOM];
	union {
		struct sockaddr_storage name;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		unsigned char bytes[ROOM];
	} name;
	unsigned char between[ROOM];
	_Alignas(struct cmsghdr) unsigned char control[ROOM];
	unsigned char after[ROOM];
	char data[ROOM];
};

static void lay_out(struct mmsghdr *many, struct guarded *boxes, struct iovec *iov,
		    socklen_t room)
{
	memset(boxes, 0xa5, BATCH * sizeof(*boxes));
	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ boxes[i].data, ROOM };
		many[i] = (struct mmsghdr){
			.msg_hdr = { .msg_name = room ? &boxes[i].name : NULL,
				     .msg_namelen = room,
				     .msg_iov = &iov[i],
				     .msg_iovlen = 1,
				     .msg_control = boxes[i].control,
				     .msg_controllen = ROOM },
			.msg_len = 77,
		};
	}
}

static void say_box(const struct far *far, const struct mmsghdr *one,
		    const struct guarded *box)
{
	const struct msghdr *message = &one->msg_hdr;
	size_t len = message->msg_namelen < far->len ? message->msg_namelen : far->len;

	say("len", "%u %x %.*s", one->msg_len, message->msg_flags, 5, box->data);
	say("name", "%u %s", message->msg_namelen,
	    memcmp(&box->name, &far->address, len) == 0 ? "peer" : "other");
	say("control", "%zu", message->msg_controllen);
	say("beyond", "%u %u %u", changed(box->before, ROOM, 0xa5),
	    changed(box->between, ROOM, 0xa5), changed(box->after, ROOM, 0xa5));
	say("beyond-name", "%u",
	    message->msg_namelen < ROOM ?
		    changed(box->name.bytes + message->msg_namelen,
			    ROOM - message->msg_namelen, 0xa5) :
		    0);
}

/* Each other one has room for little, and for no name. */
static void make_uneven(struct mmsghdr *many)
{
	for (int i = 1; i < BATCH; i += 2) {
		many[i].msg_hdr.msg_iov->iov_len = 5;
		many[i].msg_hdr.msg_name = NULL;
		many[i].msg_hdr.msg_namelen = 0;
	}
}

static void batches(const struct far *far)
{
	socklen_t rooms[] = { ROOM, ROOM, far->len, far->len - 1, 2, 0 };
	struct guarded boxes[BATCH];
	struct mmsghdr many[BATCH];
	struct iovec iov[BATCH];

	for (int connects = 0; connects < 2; connects++) {
		int fd = connects ? connected(far, 0) : datagram(far, 0);

		for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
			say("room", "%u", rooms[i]);
			lay_out(many, boxes, iov, rooms[i]);
			if (i == 1)
				make_uneven(many);
			for (int k = 0; k < 2; k++)
				send_to(fd, far, words, WORDS, 0);
			let_come(fd);
			say_rc("recvmmsg",
			       recvmmsg(fd, many, BATCH, MSG_DONTWAIT, NULL));
			for (int k = 0; k < 2; k++)
				say_box(far, &many[k], &boxes[k]);
			say("unused", "%u %u %zu", many[3].msg_len,
			    many[3].msg_hdr.msg_namelen,
			    many[3].msg_hdr.msg_controllen);
			say("unused-beyond", "%u",
			    changed(&boxes[3], offsetof(struct guarded, data),
				    0xa5));
		}
	}
}

/* What is dropped, or was a header, leaves nothing behind what is received. */
static void rest(const struct far *far)
{
	char bytes[ROOM];
	struct iovec iov[] = { { bytes, 3 }, { bytes + 3, ROOM - 3 } };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
	int fd = connected(far, 0);

	for (int call = 0; call < 3; call++) {
		long n;

		send(fd, words, 5, 0);
		let_come(fd);
		memset(bytes, '.', ROOM);
		n = call == 0 ? recv(fd, bytes, ROOM, MSG_DONTWAIT) :
		    call == 1 ? recvmsg(fd, &message, MSG_DONTWAIT) :
				recv(fd, bytes, ROOM, MSG_DONTWAIT | MSG_PEEK);
		say_rc("got", n);
		say("rest", "%u", n < 0 ? 0 : changed(bytes + n, ROOM - n, '.'));
	}
	recv(fd, bytes, ROOM, 0);
	memset(bytes, '.', ROOM);
	say_rc("none", recv(fd, bytes, ROOM, MSG_DONTWAIT));
	say("rest", "%u", changed(bytes, ROOM, '.'));
}

/* In fragments it is one datagram all the same, to who looks and to who waits. */
static void looked_at(const struct far *far)
{
	int fd = connected(far, 0), n;

	memset(buffer, 'f', 1500);
	for (int turn = 0; turn < 2; turn++) {
		send(fd, buffer, 1500, 0);
		let_come(fd);
		say_rc("peek", recv(fd, buffer, BUFFER, MSG_PEEK | MSG_DONTWAIT));
		say_poll("still", fd, POLLIN, SOON_MS);
		say_rc("ioctl", ioctl(fd, FIONREAD, &n));
		say("fionread", "%d", n);
		say_rc("peek-short", recv(fd, buffer, 10, MSG_PEEK | MSG_DONTWAIT |
								 MSG_TRUNC));
		say_rc("recv", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
		say("length", "%zu", strspn(buffer, "f"));
		say_rc("none", recv(fd, buffer, BUFFER, MSG_DONTWAIT));
	}
}

/* --- sending ------------------------------------------------------------------------- */

static volatile size_t too_long[] = { SIZE_MAX,	    SIZE_MAX - 5,  SIZE_MAX - 9,
				      SIZE_MAX / 2, (size_t)1 << 32, 65536 };

/* The kernel has three errors for what is too long; which of them is no program's affair. */
static void say_refused(const char *key, long n)
{
	bool refused = n < 0 && (errno == EMSGSIZE || errno == EINVAL ||
				 errno == EFAULT);

	say_rc(key, refused ? 0 : n);
}

static void say_too_long(int fd, const struct far *far)
{
	for (size_t i = 0; i < sizeof(too_long) / sizeof(too_long[0]); i++) {
		size_t n = too_long[i];
		struct iovec iov[] = { { (void *)words, WORDS },
				       { (void *)words, n } };
		struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
		struct mmsghdr many[] = { { .msg_hdr = { .msg_iov = iov,
							 .msg_iovlen = 1 } },
					  { .msg_hdr = message } };

		say("length", "%zx", n);
		say_refused("send", send(fd, words, n, 0));
		say_refused("sendto", send_to(fd, far, words, n, 0));
		say_refused("write", write(fd, words, n));
		say_refused("sendmsg", sendmsg(fd, &message, 0));
		say_refused("writev", writev(fd, iov, 2));
		say_rc("sendmmsg", sendmmsg(fd, many, 2, 0));
	}
}

/* How many of the words come back before an end that is sent after them. */
static void say_back(int fd, const struct far *far)
{
	enum { END = 3 };
	int back = 0;
	ssize_t n;

	send_to(fd, far, words, END, 0);
	while ((n = recv(fd, buffer, BUFFER, 0)) >= 0 && n != END)
		back += n == WORDS;
	say("back", "%d", back);
	say("end", "%zd", n);
}

/* While there is no relay yet, and when there is. */
static void wrapping(const struct far *far)
{
	int fd = connected(far, SOCK_NONBLOCK);

	say_too_long(fd, far);
	set_nonblocking(fd, false);
	say_rc("send", send(fd, words, WORDS, 0));
	say_next("next", far, fd, BUFFER, 0);
	say_too_long(fd, far);
	say_back(fd, far);
}

/* One piece of control data, and the length that it says of itself. */
static void say_control(int fd, size_t room, size_t len)
{
	_Alignas(struct cmsghdr) char control[2 * ROOM] = { 0 };
	struct iovec iov = { (void *)words, WORDS };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = room };
	struct cmsghdr *c = (void *)control;
	int ttl = 64;

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_TTL;
	c->cmsg_len = len;
	memcpy(CMSG_DATA(c), &ttl, sizeof(ttl));
	say("control", "%zx of %zu", len, room);
	say_rc("sendmsg", sendmsg(fd, &message, 0));
}

static void controls(const struct far *far)
{
	static const size_t rooms[] = { 0, 1, 8, 16, 20, 24, 48, 64 };
	static const size_t lens[] = { 0,  1,  15, 16,	     17,	   19,
				       20, 21, 48, SIZE_MAX, SIZE_MAX - 6, 100000 };

	for (int segment = 0; segment <= 10; segment += 10) {
		int fd = connected(far, 0);

		setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment,
			   sizeof(segment));
		say("segment", "%d", segment);
		send(fd, words, 5, 0);
		say_next("first", far, fd, BUFFER, 0);
		for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
			for (size_t k = 0; k < sizeof(lens) / sizeof(lens[0]); k++)
				say_control(fd, rooms[i], lens[k]);
	}
}

static void names(const struct far *far)
{
	static const socklen_t lens[] = { 0, 1, 2, 8, 15, 16, 24, 28, 128, 129, 200 };
	struct sockaddr_storage name[2] = { far->address };
	struct iovec iov = { (void *)words, WORDS };
	struct msghdr message = { .msg_name = name, .msg_iov = &iov, .msg_iovlen = 1 };

	for (int connects = 0; connects < 2; connects++) {
		int fd = connects ? connected(far, 0) : datagram(far, 0);

		say_rc("send", send_to(fd, far, words, 5, 0));
		say_next("first", far, fd, BUFFER, 0);
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			say("length", "%u", lens[i]);
			message.msg_namelen = lens[i];
			say_rc("sendmsg", sendmsg(fd, &message, 0));
			if (lens[i] <= sizeof(name))
				say_rc("sendto", sendto(fd, words, WORDS, 0,
							(void *)name, lens[i]));
		}
		say_back(fd, far);
	}
}

/* --- strangers ----------------------------------------------------------------------- */

static int bound_to(const struct far *far, uint16_t port)
{
	struct timeval patience = { .tv_sec = 1 };
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = datagram(far, 0);

	say_rc("bind", bind(fd, (void *)&own, sizeof(own)));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* Connected, and nothing sent yet: nobody but the peer is heard. */
static void stranger(const struct far *far)
{
	int fd = bound_to(far, STRANGER_PORT);

	say_rc("connect", dial(fd, far));
	say("ready", "yes");
	sleep_ms(SOON_MS * 20);
	say_next("before", far, fd, BUFFER, MSG_DONTWAIT);
	say_rc("send", send(fd, words, WORDS, 0));
	say_next("answer", far, fd, BUFFER, 0);
	say_next("more", far, fd, BUFFER, MSG_DONTWAIT);
}

/* What had come before connect() is heard, as whose it is: the peer it is not. */
static void early(const struct far *far)
{
	int fd = bound_to(far, EARLY_PORT);

	say("ready", "yes");
	say_poll("in", fd, POLLIN, LONG_MS);
	sleep_ms(SOON_MS * 10);
	say_rc("connect", dial(fd, far));
	say_rc("send", send(fd, words, WORDS, 0));
	say_next("first", far, fd, BUFFER, 0);
	say_next("second", far, fd, BUFFER, 0);
	say_next("more", far, fd, BUFFER, 0);
}

static const struct row rows[] = {
	{ "batches", "echo", batches },
	{ "rest", "echo", rest },
	{ "looked-at", "echo", looked_at },
	{ "wrapping", "echo", wrapping },
	{ "controls", "echo", controls },
	{ "names", "echo", names },
	{ "stranger", "echo", stranger },
	{ "early", "echo", early },
};

VICTIM_MAIN(rows)
