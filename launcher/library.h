/* SPDX-License-Identifier: MIT */
/* library.h - where libsocksify.so is, and that ld.so will really load it */
#ifndef SOCKSIFY_LAUNCHER_LIBRARY_H
#define SOCKSIFY_LAUNCHER_LIBRARY_H

#define LIBRARY_NAME "libsocksify.so"

/*
 * The library's absolute path: beside the command (the build tree), else where
 * the installation has it. ld.so only mutters about a library that it cannot
 * load and runs the program without it, so everything that it would stumble
 * over is looked at here: dies with cause and cure.
 */
const char *library_find(void);

#endif
