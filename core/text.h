/* SPDX-License-Identifier: MIT */
/* text.h - small pieces of text that rules and configuration are made of */
#ifndef SOCKSIFY_CORE_TEXT_H
#define SOCKSIFY_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct text - a span of characters, without a NUL of its own
 * @at:		first character
 * @len:	how many
 */
struct text {
	const char *at;
	size_t len;
};

/* A whole NUL-terminated string. */
struct text text_of(const char *string);

/* All of text is that string; without regard to ASCII case in the second. */
bool text_is(struct text text, const char *string);
bool text_is_nocase(struct text text, const char *string);

/* Blanks are space, tab and carriage return. */
bool text_blank(char c);

/* Without the blanks at both ends. */
struct text text_trim(struct text text);

/*
 * Takes the next word off the front of rest, where blanks and commas stand
 * between words. False when there is none left.
 */
bool text_word(struct text *rest, struct text *word);

/*
 * A decimal number from low to high, digits only, no leading zero. False if
 * text is anything else.
 */
bool text_number(struct text text, unsigned int low, unsigned int high,
		 unsigned int *value);

/* ASCII only, whatever the locale. */
char text_lower(char c);

/*
 * Whether text can be the name of a host, maybe with a dot at its end: 1 to 255
 * letters, digits, '-', '_' and bytes above ASCII in labels between dots, the
 * last label not of digits alone (that is a mistyped IPv4 address).
 */
bool text_is_host_name(struct text text);

/*
 * Copies text and a NUL to out. False if it does not fit or holds a NUL; out is
 * then empty.
 */
bool text_copy(struct text text, char *out, size_t size);

/* The last max characters of a string: of a long path, what tells most. */
const char *text_tail(const char *string, size_t max);

#endif
