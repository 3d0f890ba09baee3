/* SPDX-License-Identifier: MIT */
/* audit.c - an auditor of the loader, rtld-audit(7), that takes all as it is */
#define _GNU_SOURCE
#include <link.h>

unsigned int la_version(unsigned int version)
{
	return version;
}
