/* SPDX-License-Identifier: MIT */
/* idn.h - names that are not ASCII */
#ifndef SOCKSIFY_RESOLVER_IDN_H
#define SOCKSIFY_RESOLVER_IDN_H

#include <stdbool.h>

#include "core/endpoint.h"

bool idn_is_ascii(const char *name);

/*
 * The A-labels of a name in the locale's charset, by libidn2 as libc's AI_IDN.
 * 0, or EAI_IDN_ENCODE (also where that library is not installed) or
 * EAI_MEMORY. Uses the heap.
 */
int idn_encode(const char *name, struct endpoint *out);

#endif
