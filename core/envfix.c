/* SPDX-License-Identifier: MIT */
/* envfix.c - the environment that a program gets, repaired */
#include "core/envfix.h"

#include <string.h>

static const char preload[] = "LD_PRELOAD";

enum { PRELOAD_LEN = sizeof(preload) - 1 };

/**
 * struct out - text that is counted, and written if there is where
 * @at:		the next character's place, or NULL: only counted
 * @len:	characters so far
 */
struct out {
	char *at;
	size_t len;
};

static void put(struct out *out, const char *bytes, size_t len)
{
	if (out->at) {
		memcpy(out->at, bytes, len);
		out->at += len;
	}
	out->len += len;
}

static void put_string(struct out *out, const char *string)
{
	put(out, string, strlen(string));
}

bool envfix_is(const char *entry, const char *name, size_t len)
{
	return !strncmp(entry, name, len) && entry[len] == '=';
}

static bool has(char *const *env, const char *name, size_t len)
{
	for (; *env; env++) {
		if (envfix_is(*env, name, len))
			return true;
	}
	return false;
}

/* --- LD_PRELOAD ---------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A file of the library's name: itself, or a copy that would come beside it. */
static bool is_ours(const struct envfix *fix, const char *name, size_t len)
{
	const char *base = base_name(fix->library);
	size_t base_len = strlen(base);

	return len >= base_len &&
	       !strncmp(name + len - base_len, base, base_len) &&
	       (len == base_len || name[len - base_len - 1] == '/');
}

/*
 * Takes the next name off the list, which may be empty. False: there is none.
 */
static bool take_name(const char **list, const char **name, size_t *len)
{
	if (!*list)
		return false;
	*name = *list;
	*len = strcspn(*name, " :"); /* as ld.so splits it */
	*list = (*name)[*len] ? *name + *len + 1 : NULL;
	return true;
}

/* How many files of the library's name the list has; exact: how many are it. */
static unsigned int count_ours(const struct envfix *fix, const char *list,
			       unsigned int *exact)
{
	size_t len, library_len = strlen(fix->library);
	unsigned int found = 0;
	const char *name;

	*exact = 0;
	while (take_name(&list, &name, &len)) {
		if (!is_ours(fix, name, len))
			continue;
		found++;
		if (len == library_len && !strncmp(name, fix->library, len))
			(*exact)++;
	}
	return found;
}

static bool list_is_whole(const struct envfix *fix, const char *list)
{
	unsigned int exact;

	return count_ours(fix, list, &exact) == 1 && exact == 1;
}

static void put_list(struct out *out, const struct envfix *fix,
		     const char *list)
{
	unsigned int exact;
	bool done = !count_ours(fix, list, &exact);
	size_t len, start = out->len;
	const char *name;

	if (done)
		put_string(out, fix->library);
	while (take_name(&list, &name, &len)) {
		bool ours = is_ours(fix, name, len);

		if (len == 0 || (ours && done))
			continue;
		if (out->len > start)
			put(out, ":", 1);
		if (ours)
			put_string(out, fix->library);
		else
			put(out, name, len);
		done = done || ours;
	}
}

/* The value of entry if it is an LD_PRELOAD that has to change, or NULL. */
static const char *broken_list(const struct envfix *fix, const char *entry)
{
	const char *list = entry + PRELOAD_LEN + 1;

	if (!envfix_is(entry, preload, PRELOAD_LEN) ||
	    list_is_whole(fix, list))
		return NULL;
	return list;
}

static void put_preload(struct out *out, const struct envfix *fix,
			const char *list)
{
	put(out, preload, PRELOAD_LEN);
	put(out, "=", 1);
	put_list(out, fix, list);
	put(out, "", 1);
}

/* --- the environment ----------------------------------------------------- */

static char *const nothing[] = { NULL };

static bool is_missing(char *const *env, const char *kept)
{
	return !has(env, kept, strcspn(kept, "="));
}

static bool is_state(const struct envfix *fix, const char *entry)
{
	return fix->state && envfix_is(entry, fix->state, strcspn(fix->state, "="));
}

size_t envfix_size(const struct envfix *fix, char *const *env)
{
	struct out strings = { 0 };
	size_t entries = 0, added = 0;

	env = env ? env : nothing;
	for (; env[entries]; entries++) {
		const char *list = broken_list(fix, env[entries]);

		if (list)
			put_preload(&strings, fix, list);
	}
	if (!has(env, preload, PRELOAD_LEN)) {
		put_preload(&strings, fix, "");
		added++;
	}
	for (size_t i = 0; fix->kept[i]; i++)
		added += is_missing(env, fix->kept[i]);
	added += fix->state != NULL;
	if (added == 0 && strings.len == 0)
		return 0;
	return (entries + added + 1) * sizeof(char *) + strings.len;
}

static char *const *end_of(char *const *env)
{
	while (*env)
		env++;
	return env;
}

char **envfix_make(const struct envfix *fix, char *const *env, void *memory)
{
	char **made = memory, **next = made;
	size_t room;
	struct out strings = { 0 };

	env = env ? env : nothing;
	room = (size_t)(end_of(env) - env) + 2;
	for (size_t i = 0; fix->kept[i]; i++)
		room += is_missing(env, fix->kept[i]);
	room += fix->state != NULL;
	if (has(env, preload, PRELOAD_LEN))
		room--;
	strings.at = (char *)(made + room);
	for (size_t i = 0; env[i]; i++) {
		const char *list = broken_list(fix, env[i]);

		if (is_state(fix, env[i]))
			continue;
		*next++ = list ? strings.at : env[i];
		if (list)
			put_preload(&strings, fix, list);
	}
	if (!has(env, preload, PRELOAD_LEN)) {
		*next++ = strings.at;
		put_preload(&strings, fix, "");
	}
	for (size_t i = 0; fix->kept[i]; i++) {
		if (is_missing(env, fix->kept[i]) &&
		    !is_state(fix, fix->kept[i]))
			*next++ = (char *)fix->kept[i];
	}
	if (fix->state)
		*next++ = (char *)fix->state;
	*next = NULL;
	return made;
}

/* --- a command of the shell ---------------------------------------------- */

/* In single quotes, where only the single quote itself needs care. */
static void put_quoted(struct out *out, const char *text)
{
	put(out, "'", 1);
	for (; *text; text++) {
		if (*text == '\'')
			put_string(out, "'\\''");
		else
			put(out, text, 1);
	}
	put(out, "'", 1);
}

static void put_export(struct out *out, const char *entry)
{
	size_t name = strcspn(entry, "=");

	put_string(out, "export ");
	put(out, entry, name + 1);
	put_quoted(out, entry + name + 1);
	put_string(out, "; ");
}

static void put_command(struct out *out, char *const *made, char *const *env,
			const char *command)
{
	bool ended = !env;

	for (size_t i = 0; made[i]; i++) {
		ended = ended || !env[i];
		if (ended || made[i] != env[i])
			put_export(out, made[i]);
	}
	put_string(out, "exec /bin/sh -c ");
	put_quoted(out, command);
	put(out, "", 1);
}

size_t envfix_command_size(char *const *made, char *const *env,
			   const char *command)
{
	struct out out = { 0 };

	put_command(&out, made, env, command);
	return out.len;
}

void envfix_command_make(char *const *made, char *const *env,
			 const char *command, char *out)
{
	struct out text = { .at = out };

	put_command(&text, made, env, command);
}
