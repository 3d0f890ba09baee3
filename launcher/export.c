/* SPDX-License-Identifier: MIT */
/* export.c - the environment as commands for a shell */
#include "launcher/export.h"

#include <stdio.h>
#include <stdlib.h>

/* sh ends the quotes for a quote of the value's own; all else is literal. */
static void print_quoted_for_sh(const char *value)
{
	putchar('\'');
	for (; *value; value++)
		if (*value == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*value);
	putchar('\'');
}

/* In fish's single quotes a backslash hides a quote or a backslash. */
static void print_quoted_for_fish(const char *value)
{
	putchar('\'');
	for (; *value; value++) {
		if (*value == '\'' || *value == '\\')
			putchar('\\');
		putchar(*value);
	}
	putchar('\'');
}

void export_for_sh(const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *value = getenv(names[i]);

		if (!value) {
			printf("unset %s;\n", names[i]);
			continue;
		}
		printf("export %s=", names[i]);
		print_quoted_for_sh(value);
		puts(";");
	}
}

void export_for_fish(const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *value = getenv(names[i]);

		if (!value) {
			printf("set -e %s;\n", names[i]);
			continue;
		}
		printf("set -gx %s ", names[i]);
		print_quoted_for_fish(value);
		puts(";");
	}
}
