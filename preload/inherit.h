/* SPDX-License-Identifier: MIT */
/* inherit.h - what the programs that this one starts get from us */
#ifndef SOCKSIFY_PRELOAD_INHERIT_H
#define SOCKSIFY_PRELOAD_INHERIT_H

#include "core/envfix.h"

/* Remembers it; once, before the program may change its environment. */
void inherit_setup(void);

/* NULL: the library does not know its own path, so nothing may be started. */
const struct envfix *inherit_fix(void);

#endif
