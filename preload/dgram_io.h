/* SPDX-License-Identifier: MIT */
/* dgram_io.h - datagrams of sockets that have to do with the proxy */
#ifndef SOCKSIFY_PRELOAD_DGRAM_IO_H
#define SOCKSIFY_PRELOAD_DGRAM_IO_H

#include <sys/types.h>
#include <sys/uio.h>

#include "preload/dgram.h"

/* What became of a call: a count, or -errno. The kernel's own calls, without a header,
 * where that is what it comes to. */
ssize_t dgram_send(struct dgram *dgram, int fd, const struct msghdr *message,
		   int flags);
ssize_t dgram_receive(struct dgram *dgram, int fd, struct msghdr *message,
		      int flags);

int dgram_send_many(struct dgram *dgram, int fd, struct mmsghdr *messages,
		    unsigned int n, int flags);
int dgram_receive_many(struct dgram *dgram, int fd, struct mmsghdr *messages,
		       unsigned int n, int flags, struct timespec *timeout);

/* FIONREAD: how long the next datagram is; 0: there is none. */
int dgram_next_length(struct dgram *dgram, int fd);

/*
 * What message says can be read, and means something: 0, or the -errno that the kernel has. The
 * second one is for a message that is to be sent, with its address and control data. Before
 * all of the above.
 */
int dgram_unreadable(const struct msghdr *message);
int dgram_unsendable(const struct msghdr *message);

/* The simpler forms. */
static inline ssize_t dgram_send_bytes(struct dgram *dgram, int fd, const void *bytes,
				       size_t n, int flags)
{
	struct iovec iov = { (void *)bytes, n };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	return dgram_send(dgram, fd, &message, flags);
}

static inline ssize_t dgram_receive_bytes(struct dgram *dgram, int fd, void *bytes,
					  size_t n, int flags)
{
	struct iovec iov = { bytes, n };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	return dgram_receive(dgram, fd, &message, flags);
}
ssize_t dgram_send_vectors(struct dgram *dgram, int fd, const struct iovec *iov,
			   size_t n);
ssize_t dgram_receive_vectors(struct dgram *dgram, int fd, const struct iovec *iov,
			      size_t n);

#endif
