// SPDX-License-Identifier: MIT
/*
 * nothing.c - the least that a preloaded library can do
 *
 * What a start takes longer with it in LD_PRELOAD is the loader's and the kernel's.
 */
extern int nothing;
int nothing;
