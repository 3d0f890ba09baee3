/* SPDX-License-Identifier: MIT */
/* idn.c - names that are not ASCII */
#include "resolver/idn.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libidn2.so.0" /* the one that glibc loads itself */

enum {
	IDN2_MALLOC = -100
};

typedef int lookup_function(const char *name, char **out, int flags);
typedef void free_function(void *out);

bool idn_is_ascii(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name >= 0x80)
			return false;
	return true;
}

int idn_encode(const char *name, struct endpoint *out)
{
	/* Loaded again each time: it stays loaded, and such names are rare. */
	void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
	lookup_function *lookup;
	free_function *release;
	char *ascii = NULL;
	int rc;

	if (!library)
		return EAI_IDN_ENCODE;
	lookup = (lookup_function *)dlsym(library, "idn2_lookup_ul");
	release = (free_function *)dlsym(library, "idn2_free");
	rc = lookup && release ? lookup(name, &ascii, 0) : EAI_IDN_ENCODE;
	if (rc == 0) {
		rc = endpoint_set_name(out, ascii, strlen(ascii));
		release(ascii);
	}
	dlclose(library);
	if (rc == IDN2_MALLOC)
		return EAI_MEMORY;
	return rc == 0 ? 0 : EAI_IDN_ENCODE;
}
