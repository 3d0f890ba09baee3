/* SPDX-License-Identifier: MIT */
/*
 * dgram_receive.c - receiving: until there is a datagram that is the program's
 *
 * The wait is the kernel's, in a recvmsg of libc's: a cancellation point, and one that a
 * handler may leave by siglongjmp. So nothing is held in it, no lock and no memory. Where a
 * datagram has to come into memory of our own, it is waited for first, and taken then.
 *
 * A signal that comes while something is dropped would end no wait, and a program that was to be
 * woken by it would sleep on. So after that, and in the next call as long as such things come,
 * signals are held back but for the wait, which is ours then.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "core/row.h"
#include "core/sys.h"
#include "preload/ask.h"
#include "preload/clock.h"
#include "preload/dgram_dns.h"
#include "preload/dgram_inner.h"
#include "preload/memory.h"
#include "preload/options.h"
#include "preload/signals.h"

/* errno says what it said before. */
static long real_receive(int fd, struct msghdr *message, int flags)
{
	int saved_errno = errno;
	long n = REAL(recvmsg)(fd, message, flags);

	if (n < 0) {
		n = -errno;
		errno = saved_errno;
	}
	return n;
}

/* --- before and after a try --------------------------------------------------------------- */

static bool may_wait(int fd, int flags)
{
	return !(flags & MSG_DONTWAIT) &&
	       !(sys2(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK);
}

/* A wake is no reason to leave an association alone that nobody else may step. */
static bool is_still_pending(const struct dgram *dgram, int fd, int flags)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	struct timespec now = { 0 };

	return assoc_phase(&dgram->assoc) == ASSOC_PENDING &&
	       may_wait(fd, flags) &&
	       sys5(SYS_ppoll, &pollfd, 1, &now, NULL, 0) == 0;
}

/* What is pending goes on, and is waited for if that may be. 0 or -errno. */
static int await_pending(struct dgram *dgram, int fd, int flags)
{
	int saved_errno = errno;
	bool asked;
	int r = 0;

	do {
		asked = false;
		if (assoc_phase(&dgram->assoc) == ASSOC_PENDING) {
			if (may_wait(fd, flags))
				r = dgram_wait_readable(dgram, fd);
			else
				assoc_step(&dgram->assoc);
		}
		if (r == 0 && ask_any()) {
			asked = ask_waits(dgram);
			r = dgram_await_answer(dgram, fd, flags);
		}
	} while (r == 0 && asked && is_still_pending(dgram, fd, flags));
	errno = saved_errno;
	return r;
}

static inline int await(struct dgram *dgram, int fd, int flags)
{
	return assoc_phase(&dgram->assoc) == ASSOC_PENDING || ask_any() ?
		       await_pending(dgram, fd, flags) :
		       0;
}

/* --- into memory of our own ------------------------------------------------------------------ */

static ssize_t scatter(const struct msghdr *message, struct iovec *own, size_t n)
{
	struct row to = { message->msg_iov, message->msg_iovlen };
	struct row from = { own, 1 };
	size_t left = n;

	for (size_t i = 0; i < to.count && left > 0; i++) {
		size_t piece = to.vectors[i].iov_len < left ?
				       to.vectors[i].iov_len :
				       left;

		if (!memory_there(to.vectors[i].iov_base, piece))
			return -EFAULT;
		left -= piece;
	}
	row_copy(&to, &from, n);
	return (ssize_t)(n - left);
}

/* From own, which had room for all of it. */
static ssize_t give_copied(struct incoming *in, struct msghdr *message,
			   const struct msghdr *got, struct iovec *own, int flags)
{
	struct msghdr whole = *message;
	ssize_t n, done;

	whole.msg_iov = own;
	whole.msg_iovlen = 1;
	n = incoming_give(in, &whole, got, flags | MSG_TRUNC);
	if (n < 0)
		return n;
	done = scatter(message, own, (size_t)n);
	message->msg_namelen = whole.msg_namelen;
	message->msg_controllen = whole.msg_controllen;
	message->msg_flags = whole.msg_flags;
	if (done >= 0 && done < n)
		message->msg_flags |= MSG_TRUNC;
	return done < 0 || !(flags & MSG_TRUNC) ? done : n;
}

static ssize_t take_into(struct dgram *dgram, int fd, struct msghdr *message,
			 int flags, struct iovec *own)
{
	struct msghdr whole = { .msg_iov = own,
				.msg_iovlen = 1,
				.msg_control = message->msg_control,
				.msg_controllen = message->msg_controllen };
	struct incoming in;
	struct msghdr got;
	long n;

	incoming_lay_out(dgram, &in, &whole);
	in.peek = flags & MSG_PEEK;
	incoming_message(&in, &whole, &got);
	if (__atomic_load_n(&dgram->whole, __ATOMIC_ACQUIRE) &&
	    incoming_take_whole(dgram, &in)) {
		got.msg_controllen = 0;
		return give_copied(&in, message, &got, own, flags);
	}
	n = sys3(SYS_recvmsg, fd, &got,
		 (flags & MSG_PEEK) | MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0)
		return n == -EAGAIN ? INCOMING_NOTHING : n;
	if (incoming_is_end(n, &got))
		return incoming_end(message, &got);
	if (incoming_judge(dgram, &in, &got, (size_t)n) == INCOMING_GIVEN)
		return give_copied(&in, message, &got, own, flags);
	incoming_take_away(fd, flags);
	return INCOMING_NOTHING;
}

/* Without a wait, and with no signal that could end it half-way. */
static ssize_t take_copied(struct dgram *dgram, int fd, struct msghdr *message,
			   int flags)
{
	struct iovec own = { .iov_len = INCOMING_ROOM };
	sigset_t signals;
	ssize_t n = -ENOBUFS;
	long p;

	signals_block(&signals);
	p = sys6(SYS_mmap, NULL, own.iov_len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p >= 0 || p <= -4096) {
		own.iov_base = (void *)p;
		n = take_into(dgram, fd, message, flags, &own);
		sys2(SYS_munmap, own.iov_base, own.iov_len);
	}
	signals_restore(&signals);
	return n;
}

/* As the program's own call would wait. */
static long await_datagram(struct dgram *dgram, int fd, int flags)
{
	struct msghdr nothing = { 0 };

	if (__atomic_load_n(&dgram->whole, __ATOMIC_ACQUIRE))
		return 0;
	return real_receive(fd, &nothing, (flags & MSG_DONTWAIT) | MSG_PEEK);
}

/*
 * For more vectors than are kept on the stack, and where fragments come that may be longer than
 * what the program has.
 */
static ssize_t take_awaited(struct dgram *dgram, int fd, struct msghdr *message,
			    int flags)
{
	long r = await_datagram(dgram, fd, flags);

	return r < 0 ? r : take_copied(dgram, fd, message, flags);
}

/* --- into the program's ------------------------------------------------------------------------ */

static ssize_t take_whole(struct dgram *dgram, struct msghdr *message, int flags)
{
	struct msghdr nothing = { .msg_flags = 0 };
	struct incoming in;

	incoming_lay_out(dgram, &in, message);
	in.peek = flags & MSG_PEEK;
	return incoming_take_whole(dgram, &in) ?
		       incoming_give(&in, message, &nothing, flags) :
		       INCOMING_NOTHING;
}

/* --- after something was dropped --------------------------------------------------------------- */

typedef ssize_t taking(struct dgram *dgram, int fd, struct msghdr *message,
		       int flags);

enum {
	WAIT_OVER = POLLIN | POLLRDHUP,
	PLENTY = 16, /* dropped in a row: there may be no end to it */
};

static bool is_noisy(const struct dgram *dgram)
{
	return __atomic_load_n(&dgram->noisy, __ATOMIC_RELAXED);
}

static ssize_t take_noted(struct dgram *dgram, int fd, struct msghdr *message,
			  int flags, taking *take)
{
	ssize_t r = take(dgram, fd, message, flags);

	__atomic_store_n(&dgram->noisy, r == INCOMING_NOTHING,
			 __ATOMIC_RELAXED);
	return r;
}

/*
 * What woke, with signals let in as they were for the program; or -errno. Where there is a time, a
 * receive does not go on after any handler, and neither does this.
 */
static int await_next(int fd, int64_t limit_ns, const sigset_t *signals)
{
	struct pollfd pollfd = { .fd = fd, .events = WAIT_OVER };
	struct timespec rest = { 0 };
	int64_t left;
	int r;

	do {
		left = limit_ns - clock_now_ns();
		if (left > 0) {
			rest.tv_sec = left / NS_PER_S;
			rest.tv_nsec = left % NS_PER_S;
		}
		r = REAL(ppoll)(&pollfd, 1,
				limit_ns == INT64_MAX ? NULL : &rest, signals);
	} while (r < 0 && errno == EINTR && limit_ns == INT64_MAX &&
		 signals_restart(signals));
	if (r < 0)
		return -errno;
	return r == 0 ? -EAGAIN : pollfd.revents;
}

/* What is there wakes before a signal does, and after the time is over. 0 or -errno. */
static int look_up(int64_t limit_ns, const sigset_t *signals)
{
	struct timespec now = { 0 };

	if (clock_now_ns() >= limit_ns)
		return -EAGAIN;
	return REAL(ppoll)(NULL, 0, &now, signals) < 0 &&
			       !(limit_ns == INT64_MAX &&
				 signals_restart(signals))
		       ? -EINTR
		       : 0;
}

/*
 * The kernel would begin SO_RCVTIMEO anew, each time: limit_ns is when it is over. Only for what
 * wakes and cannot be received (the queue of errors) the wait is the kernel's. A cancellation
 * point in the waits.
 */
static ssize_t take_rest(struct dgram *dgram, int fd, struct msghdr *message,
			 int flags, taking *take, int64_t limit_ns)
{
	int saved_errno = errno;
	sigset_t signals;
	int type, woke;
	ssize_t r = 0;

	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	signals_block_but_cancel(&signals);
	for (unsigned int n = 1;; n++) {
		woke = await_next(fd, limit_ns, &signals);
		if (woke < 0 || !(woke & WAIT_OVER))
			break;
		r = take_noted(dgram, fd, message,
			       woke & POLLRDHUP ? flags : flags | MSG_DONTWAIT,
			       take);
		if (r == -EAGAIN) /* another has taken it */
			r = INCOMING_NOTHING;
		if (r != INCOMING_NOTHING ||
		    assoc_phase(&dgram->assoc) == ASSOC_PENDING || ask_any())
			break;
		woke = n % PLENTY == 0 ? look_up(limit_ns, &signals) : 0;
		if (woke < 0)
			break;
	}
	signals_restore(&signals);
	pthread_setcanceltype(type, NULL);
	errno = saved_errno;
	if (woke < 0)
		return woke;
	return woke == 0 || woke & WAIT_OVER ? r
					     : take(dgram, fd, message, flags);
}

/* r is what the first try came to. */
static ssize_t receive_on(struct dgram *dgram, int fd, struct msghdr *message,
			  int flags, taking *take, ssize_t r)
{
	int64_t limit_ns = 0;
	struct timeval timeout;
	bool waits = false;

	if (r == INCOMING_NOTHING)
		__atomic_store_n(&dgram->noisy, true, __ATOMIC_RELAXED);
	while (r < 0) {
		if (r == INCOMING_LEFT) {
			take = take_awaited;
		} else if (r != INCOMING_NOTHING) {
			r = dgram_told(dgram, fd, r);
			if (r < 0)
				return r;
		}
		if (limit_ns == 0) {
			timeout = option_timeout(fd, SO_RCVTIMEO);
			limit_ns = clock_limit_ns(&timeout);
			waits = may_wait(fd, flags);
		}
		if (waits && assoc_phase(&dgram->assoc) != ASSOC_PENDING &&
		    !ask_any()) {
			r = take_rest(dgram, fd, message, flags, take,
				      limit_ns);
			continue;
		}
		r = await(dgram, fd, flags);
		if (r < 0)
			return r;
		r = take_noted(dgram, fd, message, flags, take);
	}
	return r;
}

static ssize_t receive_copied(struct dgram *dgram, int fd,
			      struct msghdr *message, int flags)
{
	ssize_t r = await(dgram, fd, flags);

	if (r == 0)
		r = take_awaited(dgram, fd, message, flags);
	return receive_on(dgram, fd, message, flags, take_awaited, r);
}

/* --- one of both, or neither --------------------------------------------------------------------- */

static bool is_roomy(const struct msghdr *message)
{
	size_t room = 0;

	for (size_t i = 0; i < message->msg_iovlen; i++)
		room += message->msg_iov[i].iov_len;
	return room >= INCOMING_ROOM;
}

static ssize_t receive_framed(struct dgram *dgram, int fd,
			      struct msghdr *message, int flags)
{
	ssize_t r = INCOMING_NOTHING;

	if (message->msg_iovlen > DGRAM_VECTORS ||
	    (incoming_in_fragments() && !is_roomy(message)))
		return receive_copied(dgram, fd, message, flags);
	if (__atomic_load_n(&dgram->whole, __ATOMIC_ACQUIRE))
		r = take_whole(dgram, message, flags);
	if (r == INCOMING_NOTHING && !is_noisy(dgram)) {
		r = await(dgram, fd, flags);
		if (r == 0)
			r = incoming_take(dgram, fd, message, flags);
	}
	return r >= 0 ? r
		      : receive_on(dgram, fd, message, flags, incoming_take, r);
}

/* Any other than a datagram that is there, or will be, and goes where the program wants it. */
static ssize_t receive_odd(struct dgram *dgram, int fd, struct msghdr *message,
			   int flags)
{
	if (flags & MSG_OOB || dgram_connected(dgram) == DGRAM_DIRECT)
		return real_receive(fd, message, flags);
	if (message->msg_iovlen > UIO_MAXIOV)
		return -EMSGSIZE;
	if (!(flags & MSG_ERRQUEUE))
		return receive_framed(dgram, fd, message, flags);
	return message->msg_iovlen <= DGRAM_VECTORS ?
		       dgram_receive_error(dgram, fd, message, flags) :
		       real_receive(fd, message, flags);
}

static __attribute__((noinline)) ssize_t receive_oddly(struct dgram *dgram, int fd,
						       struct msghdr *message,
						       int flags)
{
	ssize_t n = receive_odd(dgram, fd, message, flags);

	if ((n == -ENOTSOCK || n == -EBADF) && dgram_stale(dgram, fd))
		return real_receive(fd, message, flags);
	return n;
}

/* What is left where the first try has come to r, which is none of the program's yet. */
ssize_t incoming_none(struct dgram *dgram, int fd, struct msghdr *message,
		      int flags, ssize_t r)
{
	r = receive_on(dgram, fd, message, flags, incoming_take, r);
	if ((r == -ENOTSOCK || r == -EBADF) && dgram_stale(dgram, fd))
		return real_receive(fd, message, flags);
	return r;
}

static inline bool is_odd(const struct dgram *dgram, const struct msghdr *message,
			  int flags)
{
	return flags & (MSG_OOB | MSG_ERRQUEUE) ||
	       message->msg_iovlen > DGRAM_VECTORS || incoming_in_fragments() ||
	       ask_any() || dgram_connected(dgram) == DGRAM_DIRECT ||
	       is_noisy(dgram) || assoc_phase(&dgram->assoc) == ASSOC_PENDING;
}

ssize_t dgram_receive(struct dgram *dgram, int fd, struct msghdr *message,
		      int flags)
{
	if (__builtin_expect(is_odd(dgram, message, flags), 0))
		return receive_oddly(dgram, fd, message, flags);
	return incoming_receive(dgram, fd, message, flags);
}

ssize_t dgram_receive_vectors(struct dgram *dgram, int fd, const struct iovec *iov,
			      size_t n)
{
	struct msghdr message = { .msg_iov = (struct iovec *)iov,
				  .msg_iovlen = n };

	return dgram_receive(dgram, fd, &message, 0);
}

int dgram_next_length(struct dgram *dgram, int fd)
{
	ssize_t n = dgram_receive_bytes(dgram, fd, NULL, 0,
					MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	return n > 0 ? (int)n : 0;
}
