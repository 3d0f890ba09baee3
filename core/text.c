/* SPDX-License-Identifier: MIT */
/* text.c - small pieces of text that rules and configuration are made of */
#include "core/text.h"

#include <string.h>

#include "core/endpoint.h"

struct text text_of(const char *string)
{
	return (struct text){ string, strlen(string) };
}

bool text_is(struct text text, const char *string)
{
	return text.len == strlen(string) && !memcmp(text.at, string, text.len);
}

bool text_is_nocase(struct text text, const char *string)
{
	if (text.len != strlen(string))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text_lower(text.at[i]) != text_lower(string[i]))
			return false;
	}
	return true;
}

bool text_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct text text_trim(struct text text)
{
	while (text.len && text_blank(text.at[0])) {
		text.at++;
		text.len--;
	}
	while (text.len && text_blank(text.at[text.len - 1]))
		text.len--;
	return text;
}

static bool separates(char c)
{
	return text_blank(c) || c == '\n' || c == ',';
}

bool text_word(struct text *rest, struct text *word)
{
	while (rest->len && separates(rest->at[0])) {
		rest->at++;
		rest->len--;
	}
	word->at = rest->at;
	word->len = 0;
	while (rest->len && !separates(rest->at[0])) {
		word->len++;
		rest->at++;
		rest->len--;
	}
	return word->len > 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool text_number(struct text text, unsigned int low, unsigned int high,
		 unsigned int *value)
{
	unsigned int sum = 0;

	/* Nine digits cannot overflow. */
	if (text.len < 1 || text.len > 9)
		return false;
	if (text.at[0] == '0' && text.len > 1)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (!is_digit(text.at[i]))
			return false;
		sum = sum * 10 + (unsigned int)(text.at[i] - '0');
	}
	if (sum < low || sum > high)
		return false;
	*value = sum;
	return true;
}

char text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_name_byte(char c)
{
	char lower = text_lower(c);

	return is_digit(c) || (lower >= 'a' && lower <= 'z') || c == '-' ||
	       c == '_' || (unsigned char)c >= 0x80;
}

bool text_is_host_name(struct text text)
{
	bool label_is_digits = true;
	size_t label_len = 0;

	if (text.len && text.at[text.len - 1] == '.')
		text.len--;
	if (text.len < 1 || text.len > ENDPOINT_NAME_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (c == '.' && label_len > 0) {
			label_is_digits = true;
			label_len = 0;
			continue;
		}
		if (!is_name_byte(c))
			return false;
		label_is_digits = label_is_digits && is_digit(c);
		label_len++;
	}
	return label_len > 0 && !label_is_digits;
}

bool text_copy(struct text text, char *out, size_t size)
{
	bool fits = text.len < size && !memchr(text.at, '\0', text.len);

	if (fits)
		memcpy(out, text.at, text.len);
	if (size)
		out[fits ? text.len : 0] = '\0';
	return fits;
}

const char *text_tail(const char *string, size_t max)
{
	size_t len = strlen(string);

	return len > max ? string + len - max : string;
}
