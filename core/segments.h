/* SPDX-License-Identifier: MIT */
/* segments.h - data that is cut into segments, each with a header before it */
#ifndef SOCKSIFY_CORE_SEGMENTS_H
#define SOCKSIFY_CORE_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

/**
 * struct segments - the data, as far as it is cut
 * @vectors:	it; there is as much as @left says
 * @vector:	index of the vector at hand
 * @at:		bytes of it that are used
 * @left:	bytes of the whole that are not
 */
struct segments {
	const struct iovec *vectors;
	size_t vector;
	size_t at;
	size_t left;
};

/*
 * Up to most segments of size bytes, the last one of the rest, and header before each, laid
 * out in up to room vectors at to; none in part. Returns how many vectors those are.
 */
size_t segments_lay_out(struct segments *segments, const struct iovec *header,
			size_t size, size_t most, struct iovec *to, size_t room);

/*
 * message gets control data at room, of so many bytes, in place of its own: that, but for a
 * segment size, and size as one. 0; -ENOBUFS: there is no room; -EINVAL: it says that it is
 * longer than it is, or shorter than anything.
 */
int segments_put_control(struct msghdr *message, void *control, size_t room,
			 uint16_t size);

/* A message about the size of segments. */
bool segments_is_size(const struct cmsghdr *c);

#endif
