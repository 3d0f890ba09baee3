/* SPDX-License-Identifier: MIT */
/*
 * replay.h - the end of a fuzzer: with REPLAY a main() that runs it once over each file it
 * is given, by whatever compiler and sanitizer; else libFuzzer has the main()
 */
#ifdef REPLAY

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *name)
{
	static uint8_t data[1 << 17];
	FILE *f = fopen(name, "rb");
	size_t n;

	if (!f) {
		perror(name);
		return -1;
	}
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
	return 0;
}

int main(int argc, char **argv)
{
	int replayed = 0;

	for (int i = 1; i < argc; i++)
		if (replay(argv[i]) == 0)
			replayed++;
	printf("replayed %d of %d files\n", replayed, argc - 1);
	return replayed > 0 && replayed == argc - 1 ? EXIT_SUCCESS
						    : EXIT_FAILURE;
}

#endif
