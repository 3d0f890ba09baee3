/* SPDX-License-Identifier: MIT */
/*
 * hook_load.c - dlopen, which may not bind past the library
 *
 * What is loaded with RTLD_DEEPBIND finds libc's names in libc first, not here, and so
 * would connect past the proxy: the flag is taken away. The real dlopen looks at its
 * return address for whose $ORIGIN and RUNPATH count, so it is jumped to, not called,
 * and a few instructions are all that is here.
 *
 * dlmopen(3) makes a namespace of its own, where the library is not: the guard alone
 * stops what is in there.
 */
#include <dlfcn.h>

#include "preload/hooks.h"

/* The real one, once it was asked for. Named by the code below. */
extern void *hook_load_real;
void *hook_load_resolve(void);

void *hook_load_real;

void *hook_load_resolve(void)
{
	void *real = (void *)REAL(dlopen);

	__atomic_store_n(&hook_load_real, real, __ATOMIC_RELAXED);
	return real;
}

_Static_assert(RTLD_DEEPBIND == 8, "the code below clears bit 3");

#if defined(__x86_64__)

__asm__(".pushsection .text\n"
	".globl dlopen\n"
	".type dlopen, @function\n"
	"dlopen:\n"
	"	.cfi_startproc\n"
	"	endbr64\n"
	"	andl	$-9, %esi\n"
	"	movq	hook_load_real(%rip), %rax\n"
	"	testq	%rax, %rax\n"
	"	je	1f\n"
	"	jmp	*%rax\n"
	"1:	pushq	%rdi\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	pushq	%rsi\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	subq	$8, %rsp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	call	hook_load_resolve\n"
	"	addq	$8, %rsp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	popq	%rsi\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	popq	%rdi\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	jmp	*%rax\n"
	"	.cfi_endproc\n"
	".size dlopen, . - dlopen\n"
	".popsection\n");

#elif defined(__aarch64__)

__asm__(".pushsection .text\n"
	".globl dlopen\n"
	".type dlopen, %function\n"
	"dlopen:\n"
	"	.cfi_startproc\n"
	"	and	w1, w1, #0xfffffff7\n"
	"	adrp	x16, hook_load_real\n"
	"	ldr	x16, [x16, :lo12:hook_load_real]\n"
	"	cbz	x16, 1f\n"
	"	br	x16\n"
	"1:	stp	x29, x30, [sp, -32]!\n"
	"	.cfi_def_cfa_offset 32\n"
	"	.cfi_offset 29, -32\n"
	"	.cfi_offset 30, -24\n"
	"	stp	x0, x1, [sp, 16]\n"
	"	bl	hook_load_resolve\n"
	"	mov	x16, x0\n"
	"	ldp	x0, x1, [sp, 16]\n"
	"	ldp	x29, x30, [sp], 32\n"
	"	.cfi_def_cfa_offset 0\n"
	"	br	x16\n"
	"	.cfi_endproc\n"
	".size dlopen, . - dlopen\n"
	".popsection\n");

#endif
