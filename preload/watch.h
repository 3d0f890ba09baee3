/* SPDX-License-Identifier: MIT */
/* watch.h - the program's epoll registrations of a connection under way */
#ifndef SOCKSIFY_PRELOAD_WATCH_H
#define SOCKSIFY_PRELOAD_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "preload/pending.h"

/*
 * Finds the registrations of the socket fd in the epolls that the program is
 * known to use, remembers them in the record and puts the handshake's events and
 * the record's marker in their place. 0, or -ENOMEM when there are more than a
 * record remembers. The record is not active yet.
 */
int watch_begin(struct pending *pending, int fd);

/*
 * The socket's file is about to be replaced: those that watch_begin left alone, fired
 * ONESHOTs, are remembered too. As watch_begin.
 */
int watch_begin_fired(struct pending *pending, int fd);

/*
 * The record's lock, if it still is active and of that generation; false: leave it alone for
 * now. All signals are blocked until watch_unlock. There, whoever wanted it meanwhile in vain
 * may have taken a marker out of an epoll, which tells of it once: so it is asked for again.
 * fd is a descriptor of the socket, or -1 if none is at hand.
 */
bool watch_lock(struct pending *pending, uint32_t generation);
void watch_unlock(struct pending *pending, int fd);

/*
 * Takes what is remembered out of the epolls, and registers it anew, for the file that
 * fd shows then. 0, or -errno when some could not be.
 */
void watch_leave(const struct pending *pending, int fd);
int watch_join(const struct pending *pending, int fd);

/*
 * Our registrations ask for events (EPOLLIN or EPOLLOUT) from now on. Both at once would
 * make the epoll itself look readable for as long as the proxy can be written to, to
 * whoever polls the epoll. fd is a descriptor of the socket. Called with the record's
 * lock.
 */
void watch_change(struct pending *pending, int fd, uint32_t events);

/*
 * Asks again for what may have been reported before the record was active, when nobody
 * could step it. Called with the record's lock.
 */
void watch_again(struct pending *pending, int fd);

/*
 * Registers fd, a socket of our own, in the program's epoll epfd, until watch_end. 0 or
 * -errno. Called with the record's lock.
 */
int watch_attend(struct pending *pending, int epfd, int fd);

/* The socket is registered in some epoll; in epfd. */
bool watch_any(const struct pending *pending);
bool watch_is_in(const struct pending *pending, int epfd);

/* What of the program's own registrations shall count once they are put back. */
void watch_mask(struct pending *pending, uint32_t events);

/*
 * Puts the program's own registrations back: whoever waits sees what the kernel has to say
 * of the socket from now on. fd is a descriptor of the socket, for registrations whose own
 * descriptor was closed since. Called with the record's lock.
 */
void watch_end(struct pending *pending, int fd);

/*
 * The program's epoll_ctl for a socket whose connection is under way: made with
 * our events and marker, so that its errors are the kernel's, and remembered.
 * 0 or -errno. Called with the record's lock.
 */
int watch_ctl(struct pending *pending, int epfd, int op, int fd,
	      const struct epoll_event *event);

/*
 * epfd is about to be closed by the only process that has the connection: what hangs on it
 * is not ours any more.
 */
void watch_drop(struct pending *pending, int epfd);

/* Calls each for every epoll of the program in which the file of fd is registered. */
void watch_each_epoll(int fd, void (*each)(int epfd, void *arg), void *arg);

/* One line of an epoll's fdinfo. */
struct watch_line {
	int32_t fd;
	uint32_t events;
	uint64_t data;
	uint64_t inode;
};

/*
 * Parses a line of /proc/PID/fdinfo/EPFD as the kernel writes it (proc(5)):
 * "tfd: 5 events: 19 data: 5 pos:0 ino:abc sdev:7". 0, or -EINVAL if it is not
 * one of a registration.
 */
int watch_parse(const char *line, struct watch_line *out);

#endif
