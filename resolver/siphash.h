/* SPDX-License-Identifier: MIT */
/* siphash.h - SipHash-2-4, a keyed hash that strangers cannot aim at */
#ifndef SOCKSIFY_RESOLVER_SIPHASH_H
#define SOCKSIFY_RESOLVER_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* As Aumasson and Bernstein define it; key[0] holds the first 8 octets. */
uint64_t siphash(const uint64_t key[2], const void *bytes, size_t len);

#endif
