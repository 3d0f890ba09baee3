/* SPDX-License-Identifier: MIT */
/*
 * hook_stream.c - data calls, while a connection is under way
 *
 * After the handshake they all go straight to the kernel: the one test that is left
 * is whether any connection of the process is pending at all.
 */
#include "preload/hook_stream.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "core/sys.h"
#include "preload/conn.h"
#include "preload/dgram_io.h"
#include "preload/dnsconn.h"
#include "preload/hooks.h"
#include "preload/memory.h"

/* As long as there is nothing to receive, the wait is ours; then fd is looked at anew. */
static int before_turning(int fd, int flags)
{
	char byte;

	if (flags & (MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB) ||
	    dgram_peek(fd) != NULL ||
	    sys6(SYS_recvfrom, fd, &byte, 0, MSG_PEEK | MSG_DONTWAIT, NULL,
		 NULL) != -EAGAIN ||
	    sys2(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK)
		return 0;
	return ask_await(fd, SO_RCVTIMEO, NULL);
}

bool hook_before_pending(int fd, int flags, int option)
{
	int r = ask_any() ? dnsconn_before_data(fd, flags, option) : 0;

	if (r == 0 && hook_may_turn(fd, option))
		r = before_turning(fd, flags);
	if (r == 0 && conn_any())
		r = conn_before_data(fd, flags & MSG_DONTWAIT, option);
	return hooks_result(r) == 0;
}

long hook_after_failure(int fd, long result)
{
	struct conn *conn;
	int error;

	if (errno != ECONNREFUSED)
		return result;
	conn = conn_get(fd);
	if (conn == NULL)
		return result;
	error = conn_take_error(conn, fd, ECONNREFUSED);
	conn_put(conn);
	errno = error ? error : ECONNREFUSED;
	return result;
}

/* The number was another file's by now, which read() and the like take. */
static bool is_no_socket(ssize_t result)
{
	return result == -ENOTSOCK;
}

/* Room for nothing takes no datagram, as of any file. */
static ssize_t read_dgram(struct dgram *dgram, int fd, void *buf, size_t count)
{
	ssize_t n = count == 0 ? 0 : dgram_receive_bytes(dgram, fd, buf, count, 0);

	return is_no_socket(n) ? REAL(read)(fd, buf, count) : hooks_result(n);
}

static ssize_t write_dgram(struct dgram *dgram, int fd, const void *buf,
			   size_t count)
{
	ssize_t n = dgram_send_bytes(dgram, fd, buf, count, 0);

	return is_no_socket(n) ? REAL(write)(fd, buf, count) : hooks_result(n);
}

/* Vectors of nothing make no datagram, and take none: there the kernel returns early. */
static bool holds_nothing(const struct iovec *iov, int count)
{
	for (int i = 0; i < count; i++)
		if (iov[i].iov_len > 0)
			return false;
	return true;
}

static ssize_t readv_dgram(struct dgram *dgram, int fd, const struct iovec *iov,
			   int count, int flags)
{
	struct msghdr message = { .msg_iov = (struct iovec *)iov,
				  .msg_iovlen = (size_t)count };
	ssize_t n;

	if (count < 0 || count > IOV_MAX)
		return hooks_result(-EINVAL);
	if (!memory_there(iov, (size_t)count * sizeof(*iov)))
		return hooks_result(-EFAULT);
	if (holds_nothing(iov, count))
		return 0;
	n = dgram_receive(dgram, fd, &message, flags);
	return is_no_socket(n) ? REAL(readv)(fd, iov, count) : hooks_result(n);
}

static ssize_t writev_dgram(struct dgram *dgram, int fd, const struct iovec *iov,
			    int count, int flags)
{
	struct msghdr message = { .msg_iov = (struct iovec *)iov,
				  .msg_iovlen = (size_t)count };
	ssize_t n;

	if (count < 0 || count > IOV_MAX)
		return hooks_result(-EINVAL);
	if (!memory_there(iov, (size_t)count * sizeof(*iov)))
		return hooks_result(-EFAULT);
	if (holds_nothing(iov, count))
		return 0;
	n = dgram_send(dgram, fd, &message, flags);
	return is_no_socket(n) ? REAL(writev)(fd, iov, count) : hooks_result(n);
}

EXPORT ssize_t read(int fd, void *buf, size_t count)
{
	struct dgram *dgram;

	if (!hook_before(fd, 0, SO_RCVTIMEO))
		return -1;
	dgram = dgram_peek(fd);
	if (dgram != NULL)
		return read_dgram(dgram, fd, buf, count);
	return hook_after(fd, REAL(read)(fd, buf, count));
}

EXPORT ssize_t __read(int fd, void *buf, size_t count)
{
	struct dgram *dgram;

	if (!hook_before(fd, 0, SO_RCVTIMEO))
		return -1;
	dgram = dgram_peek(fd);
	if (dgram != NULL)
		return read_dgram(dgram, fd, buf, count);
	return hook_after(fd, REAL(read)(fd, buf, count));
}

EXPORT ssize_t __read_chk(int fd, void *buf, size_t count, size_t size)
{
	struct dgram *dgram;

	if (!hook_before(fd, 0, SO_RCVTIMEO))
		return -1;
	dgram = dgram_peek(fd);
	if (dgram != NULL && count <= size)
		return read_dgram(dgram, fd, buf, count);
	return hook_after(fd, REAL(__read_chk)(fd, buf, count, size));
}

EXPORT ssize_t write(int fd, const void *buf, size_t count)
{
	struct dgram *dgram = dgram_peek(fd);

	if (dgram != NULL)
		return write_dgram(dgram, fd, buf, count);
	if (!hook_before(fd, 0, SO_SNDTIMEO))
		return -1;
	return hook_after(fd, REAL(write)(fd, buf, count));
}

EXPORT ssize_t __write(int fd, const void *buf, size_t count)
{
	struct dgram *dgram = dgram_peek(fd);

	if (dgram != NULL)
		return write_dgram(dgram, fd, buf, count);
	if (!hook_before(fd, 0, SO_SNDTIMEO))
		return -1;
	return hook_after(fd, REAL(write)(fd, buf, count));
}

EXPORT ssize_t readv(int fd, const struct iovec *iov, int n)
{
	struct dgram *dgram;

	if (!hook_before(fd, 0, SO_RCVTIMEO))
		return -1;
	dgram = dgram_peek(fd);
	if (dgram != NULL)
		return readv_dgram(dgram, fd, iov, n, 0);
	return hook_after(fd, REAL(readv)(fd, iov, n));
}

EXPORT ssize_t writev(int fd, const struct iovec *iov, int n)
{
	struct dgram *dgram = dgram_peek(fd);

	if (dgram != NULL)
		return writev_dgram(dgram, fd, iov, n, 0);
	if (!hook_before(fd, 0, SO_SNDTIMEO))
		return -1;
	return hook_after(fd, REAL(writev)(fd, iov, n));
}

/*
 * At the place "here" they are readv and writev of a socket; any other is the kernel's to
 * refuse.
 */
static bool is_here(off64_t offset)
{
	return offset == -1;
}

enum { RWF_HARMLESS = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT };

static int message_flags(int flags)
{
	return flags & RWF_NOWAIT ? MSG_DONTWAIT : 0;
}

static ssize_t do_preadv2(int fd, const struct iovec *iov, int n, off64_t offset,
			  int flags)
{
	struct dgram *dgram;

	if (!hook_before(fd, message_flags(flags), SO_RCVTIMEO))
		return -1;
	dgram = dgram_peek(fd);
	if (dgram == NULL || !is_here(offset))
		return hook_after(fd, REAL(preadv64v2)(fd, iov, n, offset, flags));
	if (flags & ~RWF_HARMLESS)
		return hooks_result(-EOPNOTSUPP);
	return readv_dgram(dgram, fd, iov, n, message_flags(flags));
}

EXPORT ssize_t preadv2(int fd, const struct iovec *iov, int n, off_t offset,
		       int flags)
{
	return do_preadv2(fd, iov, n, offset, flags);
}

EXPORT ssize_t preadv64v2(int fd, const struct iovec *iov, int n, off64_t offset,
			  int flags)
{
	return do_preadv2(fd, iov, n, offset, flags);
}

static ssize_t do_pwritev2(int fd, const struct iovec *iov, int n, off64_t offset,
			   int flags)
{
	struct dgram *dgram = dgram_peek(fd);

	if (dgram != NULL && is_here(offset)) {
		if (flags & ~RWF_HARMLESS)
			return hooks_result(-EOPNOTSUPP);
		return writev_dgram(dgram, fd, iov, n, message_flags(flags));
	}
	if (!hook_before(fd, message_flags(flags), SO_SNDTIMEO))
		return -1;
	return hook_after(fd, REAL(pwritev64v2)(fd, iov, n, offset, flags));
}

EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int n, off_t offset,
			int flags)
{
	return do_pwritev2(fd, iov, n, offset, flags);
}

EXPORT ssize_t pwritev64v2(int fd, const struct iovec *iov, int n, off64_t offset,
			   int flags)
{
	return do_pwritev2(fd, iov, n, offset, flags);
}

EXPORT ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	struct dgram *dgram;

	if (!hook_before(fd, flags, SO_RCVTIMEO))
		return -1;
	dgram = dgram_peek(fd);
	if (dgram != NULL)
		return hooks_result(
			dgram_receive_bytes(dgram, fd, buf, len,
					    hook_no_urgent(flags)));
	return hook_after(fd, REAL(recv)(fd, buf, len, flags));
}

EXPORT ssize_t __recv_chk(int fd, void *buf, size_t len, size_t size,
			  int flags)
{
	struct dgram *dgram;

	if (!hook_before(fd, flags, SO_RCVTIMEO))
		return -1;
	dgram = dgram_peek(fd);
	if (dgram != NULL && len <= size)
		return hooks_result(
			dgram_receive_bytes(dgram, fd, buf, len,
					    hook_no_urgent(flags)));
	return hook_after(fd, REAL(__recv_chk)(fd, buf, len, size, flags));
}

EXPORT ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	struct dgram *dgram = dgram_peek(fd);

	if (dgram != NULL)
		return hooks_result(
			dgram_send_bytes(dgram, fd, buf, len, flags));
	if (!hook_before(fd, flags, SO_SNDTIMEO))
		return -1;
	return hook_after(fd, REAL(send)(fd, buf, len, flags));
}

EXPORT ssize_t __send(int fd, const void *buf, size_t len, int flags)
{
	struct dgram *dgram = dgram_peek(fd);

	if (dgram != NULL)
		return hooks_result(
			dgram_send_bytes(dgram, fd, buf, len, flags));
	if (!hook_before(fd, flags, SO_SNDTIMEO))
		return -1;
	return hook_after(fd, REAL(send)(fd, buf, len, flags));
}

/* The kernel would move the data past us: whoever gets this copies it. */
static bool has_header(int fd)
{
	const struct dgram *dgram = dgram_peek(fd);

	return dgram != NULL && dgram_connected(dgram) != DGRAM_DIRECT;
}

EXPORT ssize_t sendfile(int out, int in, off_t *offset, size_t count)
{
	if (has_header(out))
		return hooks_result(-EINVAL);
	if (!hook_before(in, 0, SO_RCVTIMEO) ||
	    !hook_before(out, 0, SO_SNDTIMEO))
		return -1;
	return hook_after(out, REAL(sendfile)(out, in, offset, count));
}

EXPORT ssize_t sendfile64(int out, int in, off64_t *offset, size_t count)
{
	if (has_header(out))
		return hooks_result(-EINVAL);
	if (!hook_before(in, 0, SO_RCVTIMEO) ||
	    !hook_before(out, 0, SO_SNDTIMEO))
		return -1;
	return hook_after(out, REAL(sendfile64)(out, in, offset, count));
}

/* Either end may be the socket. */
EXPORT ssize_t splice(int in, off64_t *in_offset, int out, off64_t *out_offset,
		      size_t len, unsigned int flags)
{
	int dontwait = flags & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0;

	if (has_header(in) || has_header(out))
		return hooks_result(-EINVAL);
	if (!hook_before(in, dontwait, SO_RCVTIMEO) ||
	    !hook_before(out, dontwait, SO_SNDTIMEO))
		return -1;
	return hook_after(out, REAL(splice)(in, in_offset, out, out_offset, len, flags));
}

/* What stdio has written by itself took the header that lay ready: another one. */
EXPORT int fflush(FILE *stream)
{
	int saved_errno = errno;
	int r = REAL(fflush)(stream);

	if (stream != NULL && dgram_peek(fileno(stream)) != NULL)
		dgram_prime(fileno(stream));
	if (r == 0)
		errno = saved_errno;
	return r;
}
