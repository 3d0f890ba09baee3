/* SPDX-License-Identifier: MIT */
/*
 * sys.h - system calls, past every libc name that can be interposed
 *
 * The library lives behind libc's names: a plain close() in here would come
 * back to its own hook. It also has to work before libc is ready, in vfork
 * children and in signal handlers, and must leave errno alone. So what the
 * library itself asks of the kernel goes through these: they return the result
 * or -errno, touch nothing, and are no cancellation points. Waits that a
 * program may cancel go through preload/real.h instead.
 */
#ifndef SOCKSIFY_CORE_SYS_H
#define SOCKSIFY_CORE_SYS_H

#include <stddef.h>
#include <sys/syscall.h>

#if defined(__x86_64__) && defined(__LP64__)

static inline long sys_call(long number, long a, long b, long c, long d,
			    long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10),
			   "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* The register of the sixth argument outlives the call: empties it. */
static inline void sys_clear_sixth(void)
{
	__asm__ volatile("xorl %%r9d, %%r9d" ::: "r9", "cc");
}

#elif defined(__aarch64__)

static inline long sys_call(long number, long a, long b, long c, long d,
			    long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

static inline void sys_clear_sixth(void)
{
	__asm__ volatile("mov x5, xzr" ::: "x5");
}

#else
#error "sys.h: no system call sequence for this architecture yet"
#endif

#define SYS_ARG(x)  ((long)(x))
#define sys0(n)	    sys_call(n, 0, 0, 0, 0, 0, 0)
#define sys1(n, a)  sys_call(n, SYS_ARG(a), 0, 0, 0, 0, 0)
#define sys2(n, a, b) sys_call(n, SYS_ARG(a), SYS_ARG(b), 0, 0, 0, 0)
#define sys3(n, a, b, c) \
	sys_call(n, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), 0, 0, 0)
#define sys4(n, a, b, c, d) \
	sys_call(n, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), 0, 0)
#define sys5(n, a, b, c, d, e)                                        \
	sys_call(n, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), \
		 SYS_ARG(e), 0)
#define sys6(n, a, b, c, d, e, f)                                     \
	sys_call(n, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), \
		 SYS_ARG(e), SYS_ARG(f))

#endif
