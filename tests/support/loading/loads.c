/* SPDX-License-Identifier: MIT */
/* loads.c - loads a plugin by its bare name, with the flags given, and runs it */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	int flags = RTLD_NOW;
	void (*run)(const char *address);
	void *handle;

	if (argc != 4)
		return 2;
	if (strcmp(argv[1], "deep") == 0)
		flags |= RTLD_DEEPBIND;
	handle = dlopen(argv[2], flags);
	if (handle == NULL) {
		printf("%s\n", dlerror());
		return 1;
	}
	*(void **)&run = dlsym(handle, "plugin_run");
	if (run == NULL)
		return 1;
	run(argv[3]);
	return 0;
}
