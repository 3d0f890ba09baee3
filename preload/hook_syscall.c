/* SPDX-License-Identifier: MIT */
/*
 * hook_syscall.c - syscall(2), by which programs make calls that their libc may lack
 *
 * Libraries of today ask the kernel by number for what an older libc had no function
 * for, on the sockets that they have from libc: libuv sends its datagrams so. Each
 * number whose function is ours goes through that one; io_uring is not to be had, as under
 * the command's guard; all else goes to the kernel as it came.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/select.h>

#include "core/sys.h"
#include "preload/hooks.h"

/* The arguments of a call, as many as there may be. */
struct arguments {
	long n[6];
};

#define INT(i)	  ((int)a->n[i])
#define UINT(i)	  ((unsigned int)a->n[i])
#define SIZE(i)	  ((size_t)a->n[i])
#define POINTER(i) ((void *)a->n[i])

/* Each of these has *result and returns true if the number is one of its own. */
static bool do_socket(long number, const struct arguments *a, long *result)
{
	switch (number) {
	case SYS_socket:
		*result = socket(INT(0), INT(1), INT(2));
		return true;
	case SYS_connect:
		*result = connect(INT(0), POINTER(1), UINT(2));
		return true;
	case SYS_bind:
		*result = bind(INT(0), POINTER(1), UINT(2));
		return true;
	case SYS_listen:
		*result = listen(INT(0), INT(1));
		return true;
#ifdef SYS_accept
	case SYS_accept:
		*result = accept(INT(0), POINTER(1), POINTER(2));
		return true;
#endif
	case SYS_accept4:
		*result = accept4(INT(0), POINTER(1), POINTER(2), INT(3));
		return true;
	case SYS_shutdown:
		*result = shutdown(INT(0), INT(1));
		return true;
	case SYS_getsockname:
		*result = getsockname(INT(0), POINTER(1), POINTER(2));
		return true;
	case SYS_getpeername:
		*result = getpeername(INT(0), POINTER(1), POINTER(2));
		return true;
	case SYS_getsockopt:
		*result = getsockopt(INT(0), INT(1), INT(2), POINTER(3),
				     POINTER(4));
		return true;
	case SYS_setsockopt:
		*result = setsockopt(INT(0), INT(1), INT(2), POINTER(3),
				     UINT(4));
		return true;
	case SYS_ioctl:
		*result = ioctl(INT(0), (unsigned long)a->n[1], POINTER(2));
		return true;
	default:
		return false;
	}
}

static bool do_message(long number, const struct arguments *a, long *result)
{
	switch (number) {
	case SYS_sendto:
		*result = sendto(INT(0), POINTER(1), SIZE(2), INT(3),
				 POINTER(4), UINT(5));
		return true;
	case SYS_sendmsg:
		*result = sendmsg(INT(0), POINTER(1), INT(2));
		return true;
	case SYS_sendmmsg:
		*result = sendmmsg(INT(0), POINTER(1), UINT(2), INT(3));
		return true;
	case SYS_recvfrom:
		*result = recvfrom(INT(0), POINTER(1), SIZE(2), INT(3),
				   POINTER(4), POINTER(5));
		return true;
	case SYS_recvmsg:
		*result = recvmsg(INT(0), POINTER(1), INT(2));
		return true;
	case SYS_recvmmsg:
		*result = recvmmsg(INT(0), POINTER(1), UINT(2), INT(3),
				   POINTER(4));
		return true;
	default:
		return false;
	}
}

static bool do_stream(long number, const struct arguments *a, long *result)
{
	switch (number) {
	case SYS_read:
		*result = read(INT(0), POINTER(1), SIZE(2));
		return true;
	case SYS_write:
		*result = write(INT(0), POINTER(1), SIZE(2));
		return true;
	case SYS_readv:
		*result = readv(INT(0), POINTER(1), INT(2));
		return true;
	case SYS_writev:
		*result = writev(INT(0), POINTER(1), INT(2));
		return true;
	case SYS_preadv2: /* the second half of a long place is for longer ones */
		*result = preadv2(INT(0), POINTER(1), INT(2), a->n[3], INT(5));
		return true;
	case SYS_pwritev2:
		*result = pwritev2(INT(0), POINTER(1), INT(2), a->n[3], INT(5));
		return true;
	case SYS_sendfile:
		*result = sendfile(INT(0), INT(1), POINTER(2), SIZE(3));
		return true;
	case SYS_splice:
		*result = splice(INT(0), POINTER(1), INT(2), POINTER(3),
				 SIZE(4), UINT(5));
		return true;
	default:
		return false;
	}
}

static bool do_descriptor(long number, const struct arguments *a, long *result)
{
	switch (number) {
	case SYS_close:
		*result = close(INT(0));
		return true;
	case SYS_close_range:
		*result = close_range(UINT(0), UINT(1), INT(2));
		return true;
	case SYS_dup:
		*result = dup(INT(0));
		return true;
#ifdef SYS_dup2 /* 64-bit ARM has no such call */
	case SYS_dup2:
		*result = dup2(INT(0), INT(1));
		return true;
#endif
	case SYS_dup3:
		*result = dup3(INT(0), INT(1), INT(2));
		return true;
	case SYS_pidfd_getfd:
		*result = pidfd_getfd(INT(0), INT(1), UINT(2));
		return true;
	case SYS_fcntl:
		*result = fcntl(INT(0), INT(1), a->n[2]);
		return true;
	default:
		return false;
	}
}

/* The last argument of pselect6(2), for there is no seventh. */
static const sigset_t *mask_of(const void *argument)
{
	const sigset_t *const *mask = argument;

	return mask ? *mask : NULL;
}

static bool do_wait(long number, const struct arguments *a, long *result)
{
	switch (number) {
#ifdef SYS_poll /* 64-bit ARM has neither this */
	case SYS_poll:
		*result = poll(POINTER(0), SIZE(1), INT(2));
		return true;
#endif
	case SYS_ppoll:
		*result = ppoll(POINTER(0), SIZE(1), POINTER(2), POINTER(3));
		return true;
#ifdef SYS_select /* nor this */
	case SYS_select:
		*result = select(INT(0), POINTER(1), POINTER(2), POINTER(3),
				 POINTER(4));
		return true;
#endif
	case SYS_pselect6:
		*result = pselect(INT(0), POINTER(1), POINTER(2), POINTER(3),
				  POINTER(4), mask_of(POINTER(5)));
		return true;
	default:
		return false;
	}
}

static bool do_epoll(long number, const struct arguments *a, long *result)
{
	switch (number) {
#ifdef SYS_epoll_create /* nor this */
	case SYS_epoll_create:
		*result = epoll_create(INT(0));
		return true;
#endif
	case SYS_epoll_create1:
		*result = epoll_create1(INT(0));
		return true;
	case SYS_epoll_ctl:
		*result = epoll_ctl(INT(0), INT(1), INT(2), POINTER(3));
		return true;
#ifdef SYS_epoll_wait /* nor this */
	case SYS_epoll_wait:
		*result = epoll_wait(INT(0), POINTER(1), INT(2), INT(3));
		return true;
#endif
	case SYS_epoll_pwait:
		*result = epoll_pwait(INT(0), POINTER(1), INT(2), INT(3),
				      POINTER(4));
		return true;
	case SYS_epoll_pwait2:
		*result = epoll_pwait2(INT(0), POINTER(1), INT(2), POINTER(3),
				       POINTER(4));
		return true;
	default:
		return false;
	}
}

static bool do_other(long number, const struct arguments *a, long *result)
{
	switch (number) {
	case SYS_execve:
		*result = execve(POINTER(0), POINTER(1), POINTER(2));
		return true;
	case SYS_execveat:
		*result = execveat(INT(0), POINTER(1), POINTER(2), POINTER(3),
				   INT(4));
		return true;
	case SYS_io_uring_setup:
	case SYS_io_uring_enter:
	case SYS_io_uring_register:
		*result = hooks_result(-ENOSYS);
		return true;
	default:
		return false;
	}
}

/* Of what the kernel returns, only these are errors: an address may be negative. */
static long kernel_result(long result)
{
	enum { ERRNO_MAX = 4095 };

	return result < 0 && result >= -ERRNO_MAX ? hooks_result(result) :
						    result;
}

EXPORT long syscall(long number, ...)
{
	struct arguments arguments;
	long *n = arguments.n;
	long result;
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		n[i] = va_arg(list, long);
	va_end(list);
	if (do_socket(number, &arguments, &result) ||
	    do_message(number, &arguments, &result) ||
	    do_stream(number, &arguments, &result) ||
	    do_descriptor(number, &arguments, &result) ||
	    do_wait(number, &arguments, &result) ||
	    do_epoll(number, &arguments, &result) ||
	    do_other(number, &arguments, &result))
		return result;
	return kernel_result(sys_call(number, n[0], n[1], n[2], n[3], n[4], n[5]));
}
