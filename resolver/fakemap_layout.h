/* SPDX-License-Identifier: MIT */
/*
 * fakemap_layout.h - the bytes of the file that the fake map lives in
 *
 * Fixed widths and no pointers: processes of another build or word size share
 * it. A change of anything here is a new FAKEMAP_VERSION.
 */
#ifndef SOCKSIFY_RESOLVER_FAKEMAP_LAYOUT_H
#define SOCKSIFY_RESOLVER_FAKEMAP_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define FAKEMAP_MAGIC UINT64_C(0x70616d656b616673) /* "sfakemap" */

enum {
	FAKEMAP_VERSION = 1,
	FAKEMAP_PAGE_SIZE = 4096,
	FAKEMAP_PAGE_ENTRIES = 15,
	FAKEMAP_CAPACITY_MAX = 131072, /* addresses of a /15 */
	FAKEMAP_PAGES_MAX = (FAKEMAP_CAPACITY_MAX + FAKEMAP_PAGE_ENTRIES - 1) /
			    FAKEMAP_PAGE_ENTRIES,
	FAKEMAP_NAME_WORDS = 32,
	FAKEMAP_BACKED_WORDS = (FAKEMAP_PAGES_MAX + 31) / 32,
};

/**
 * struct fakemap_entry - a name; its index is the offset in the fake ranges
 * @tag:	keyed hash of the name in lower case; 0: free
 * @minute:	since 1970, when the name or its address was last asked for; 0:
 *		not yet known
 * @length:	of the name
 * @name:	its octets, in words so that they can be copied atomically
 */
struct fakemap_entry {
	uint64_t tag;
	uint32_t minute;
	uint32_t length;
	uint64_t name[FAKEMAP_NAME_WORDS];
};

/* What is read or written as one piece of the file. */
struct fakemap_page {
	struct fakemap_entry entries[FAKEMAP_PAGE_ENTRIES];
	uint8_t unused[16];
};

/**
 * struct fakemap_identity - what two processes must agree on to share a file
 * @magic:	FAKEMAP_MAGIC
 * @version:	FAKEMAP_VERSION
 * @capacity:	entries, with index 0, which is never used
 * @fake4:	first address of the IPv4 range
 * @fake4_bits:	its prefix length
 * @fake6:	the IPv6 prefix
 */
struct fakemap_identity {
	uint64_t magic;
	uint32_t version;
	uint32_t capacity;
	uint8_t fake4[4];
	uint32_t fake4_bits;
	uint8_t fake6[8];
};

/**
 * struct fakemap_header - the file's first page
 * @identity:	see above
 * @key:	of the hash, random for each file
 * @backed:	a bit for each page that has memory or a disk block: no other
 *		page may be touched, for a full file system answers with SIGBUS
 */
struct fakemap_header {
	struct fakemap_identity identity;
	uint64_t key[2];
	uint8_t unused1[976];
	uint32_t backed[FAKEMAP_BACKED_WORDS];
	uint8_t unused2[3072 - 4 * FAKEMAP_BACKED_WORDS];
};

/* The whole file; as many pages as capacity needs. */
struct fakemap_file {
	struct fakemap_header header;
	struct fakemap_page pages[];
};

#endif
