/* SPDX-License-Identifier: MIT */
/* environ.h - the environment that tells the library what was asked for */
#ifndef SOCKSIFY_LAUNCHER_ENVIRON_H
#define SOCKSIFY_LAUNCHER_ENVIRON_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config.h"
#include "launcher/options.h"

/*
 * Takes our library out of LD_PRELOAD and leaves the others. Whether it was
 * there: this process then runs under it, as in "socksify socksify PROGRAM".
 */
bool environ_drop_library(void);

/* Puts the library first in LD_PRELOAD, once, before what is there already. */
void environ_preload(const char *library);

/*
 * The options as variables of the library's: what was given replaces what is
 * there, but rules come before those that are there.
 */
void environ_take_options(const struct options *options);

/* For where nobody said where the log goes. */
void environ_log_to_stderr(void);

/*
 * Completes what only the command can say of the proxy that config_load found:
 * one from ALL_PROXY becomes SOCKSIFY_PROXY, with NO_PROXY's names as direct
 * rules; one named by host is looked up. The program then no longer sees
 * ALL_PROXY, or it would speak SOCKS itself, through socksify.
 */
void environ_settle_proxy(const struct config *config);

/* The variables that the functions above set or take away. */
const char *const *environ_names(size_t *count);

#endif
