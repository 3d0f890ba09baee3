/* SPDX-License-Identifier: MIT */
/* segments.c - data that is cut into segments, each with a header before it */
#include "core/segments.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

/* Vectors for up to size bytes more; how many, or 0 with no room for them. */
static size_t cut(struct segments *segments, size_t size, struct iovec *to, size_t room)
{
	size_t n = 0;

	while (size > 0 && segments->left > 0) {
		const struct iovec *from = &segments->vectors[segments->vector];
		size_t piece = from->iov_len - segments->at;

		if (piece == 0) {
			segments->vector++;
			segments->at = 0;
			continue;
		}
		if (n == room)
			return 0;
		piece = piece < size ? piece : size;
		to[n].iov_base = (uint8_t *)from->iov_base + segments->at;
		to[n++].iov_len = piece;
		segments->at += piece;
		segments->left -= piece;
		size -= piece;
	}
	return n;
}

/* Where all of it is in one vector: 1; else 0, and nothing is done. */
static inline size_t cut_simply(struct segments *segments, size_t size,
				struct iovec *to)
{
	const struct iovec *from = &segments->vectors[segments->vector];

	if (from->iov_len - segments->at < size)
		return 0;
	*to = (struct iovec){ (uint8_t *)from->iov_base + segments->at, size };
	segments->at += size;
	segments->left -= size;
	if (segments->at == from->iov_len) {
		segments->vector++;
		segments->at = 0;
	}
	return 1;
}

size_t segments_lay_out(struct segments *segments, const struct iovec *header,
			size_t size, size_t most, struct iovec *to, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < most && segments->left > 0; i++) {
		struct segments at_first = *segments;
		size_t n;

		if (room - count < 2)
			break;
		n = cut_simply(segments, size, &to[count + 1]);
		if (n == 0)
			n = cut(segments, size, &to[count + 1], room - count - 1);
		if (n == 0) {
			*segments = at_first;
			break;
		}
		to[count] = *header;
		count += n + 1;
	}
	return count;
}

bool segments_is_size(const struct cmsghdr *c)
{
	return c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT &&
	       c->cmsg_len == CMSG_LEN(sizeof(uint16_t));
}

int segments_put_control(struct msghdr *message, void *control, size_t room,
			 uint16_t size)
{
	const uint8_t *given = message->msg_control;
	size_t left = message->msg_controllen, used = 0;
	struct cmsghdr *last;

	/* By hand: CMSG_NXTHDR ends at one that does not fit, which the kernel refuses. */
	while (left >= sizeof(struct cmsghdr)) {
		const struct cmsghdr *c = (const void *)given;
		size_t whole = CMSG_ALIGN(c->cmsg_len);

		if (c->cmsg_len < sizeof(*c) || c->cmsg_len > left)
			return -EINVAL;
		if (!segments_is_size(c)) {
			if (whole > room - CMSG_SPACE(sizeof(size)) - used)
				return -ENOBUFS;
			memcpy((uint8_t *)control + used, c, c->cmsg_len);
			used += whole;
		}
		given += whole < left ? whole : left;
		left -= whole < left ? whole : left;
	}
	last = (struct cmsghdr *)(void *)((uint8_t *)control + used);
	last->cmsg_level = IPPROTO_UDP;
	last->cmsg_type = UDP_SEGMENT;
	last->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(last), &size, sizeof(size));
	message->msg_control = control;
	message->msg_controllen = used + CMSG_SPACE(sizeof(size));
	return 0;
}
