/* SPDX-License-Identifier: MIT */
/* proxy.h - where the proxy is, if the configuration has only its name */
#ifndef SOCKSIFY_PRELOAD_PROXY_H
#define SOCKSIFY_PRELOAD_PROXY_H

#include "core/config.h"

/* Found addresses are put into config. */
void proxy_setup(struct config *config);

/*
 * Makes sure that the proxy's addresses are known: one that is known by name only, when
 * the command did not look it up, is looked up now, by libc and locally. 0, or
 * -EHOSTUNREACH. Not async-signal-safe in that one case.
 */
int proxy_find(void);

/* The child of a fork does not have the thread that was looking. */
void proxy_forked_child(void);

#endif
