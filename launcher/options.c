/* SPDX-License-Identifier: MIT */
/* options.c - what was asked for on the command line */
#include "launcher/options.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/rules.h"
#include "launcher/die.h"

struct spec;
typedef void take_fn(struct options *options, const struct spec *spec,
		     const char *value);

/**
 * struct spec - one option
 * @letter:	its short form, or 0
 * @name:	its long form
 * @has_arg:	as in struct option
 * @value:	what its value is called in the help
 * @help:	what it does
 * @take:	puts it into struct options
 * @arg:	what take needs to know, or 0
 */
struct spec {
	char letter;
	const char *name;
	int has_arg;
	const char *value;
	const char *help;
	take_fn *take;
	int arg;
};

static void take_proxy(struct options *options, const struct spec *spec,
		       const char *value)
{
	static struct config scratch;
	char why[CONFIG_WHY_MAX];

	(void)spec;
	if (config_parse_url(&scratch, value, why, sizeof(why)) < 0)
		die(STATUS_OWN_FAILURE, "-x: %s", why);
	options->proxy = value;
}

static void take_config(struct options *options, const struct spec *spec,
			const char *value)
{
	(void)spec;
	options->config = value;
}

/* Adds "direct=VALUE" (or via, block: the option's name) to the rules. */
static void take_rule(struct options *options, const struct spec *spec,
		      const char *value)
{
	static struct rules scratch;
	const char *why = "";
	char *all;

	if (rules_add(&scratch, (enum route)spec->arg, value, strlen(value),
		      &why) < 0)
		die(STATUS_OWN_FAILURE,
		    "--%s '%s': %s; a rule is HOST[:PORT[-PORT]], HOST a name, "
		    "a .suffix, an address, a net or *",
		    spec->name, value, *why ? why : "too many rules");
	if (asprintf(&all, "%s%s%s=%s", options->rules ? options->rules : "",
		     options->rules ? " " : "", spec->name, value) < 0)
		die(STATUS_OWN_FAILURE, "--%s: out of memory", spec->name);
	free(options->rules);
	options->rules = all;
}

static void take_verbose(struct options *options, const struct spec *spec,
			 const char *value)
{
	(void)spec;
	(void)value;
	if (options->verbose < LOG_CONNECTION)
		options->verbose = LOG_CONNECTION;
	else
		options->verbose = LOG_PROTOCOL;
}

static void take_quiet(struct options *options, const struct spec *spec,
		       const char *value)
{
	(void)spec;
	(void)value;
	options->verbose = LOG_QUIET;
}

static void take_log(struct options *options, const struct spec *spec,
		     const char *value)
{
	(void)spec;
	options->log = value;
}

static void take_timeout(struct options *options, const struct spec *spec,
			 const char *value)
{
	(void)spec;
	options->timeout = value;
}

static void take_dns(struct options *options, const struct spec *spec,
		     const char *value)
{
	(void)spec;
	options->dns = value;
}

static void take_guard(struct options *options, const struct spec *spec,
		       const char *value)
{
	if (!value)
		options->guard = (enum guard)spec->arg;
	else if (!strcmp(value, "auto"))
		options->guard = GUARD_AUTO;
	else if (!strcmp(value, "deny"))
		options->guard = GUARD_DENY;
	else if (!strcmp(value, "carry"))
		options->guard = GUARD_CARRY;
	else
		die(STATUS_OWN_FAILURE,
		    "--guard=%s: is not known; say auto, deny or carry, or "
		    "--no-guard",
		    value);
}

static void take_export(struct options *options, const struct spec *spec,
			const char *value)
{
	(void)spec;
	if (!value || !strcmp(value, "sh") || !strcmp(value, "bash") ||
	    !strcmp(value, "zsh"))
		options->task = TASK_EXPORT_SH;
	else if (!strcmp(value, "fish"))
		options->task = TASK_EXPORT_FISH;
	else
		die(STATUS_OWN_FAILURE,
		    "--export=%s: unknown shell; say --export for sh, bash and "
		    "zsh, or --export=fish", value);
}

static void take_task(struct options *options, const struct spec *spec,
		      const char *value)
{
	(void)value;
	options->task = (enum task)spec->arg;
}

static const struct spec specs[] = {
	{ 'x', "proxy", required_argument, "URL",
	  "the proxy: socks5h://[USER:PASSWORD@]HOST[:PORT]", take_proxy, 0 },
	{ 'c', "config", required_argument, "FILE",
	  "read FILE, not the user's or the system's socksify.conf",
	  take_config, 0 },
	{ 'd', "direct", required_argument, "RULE",
	  "past the proxy: HOST[:PORT[-PORT]], HOST a name,", take_rule,
	  ROUTE_DIRECT },
	{ 0, "via", required_argument, "RULE",
	  "through the proxy         a .suffix, an address,", take_rule,
	  ROUTE_VIA },
	{ 'b', "block", required_argument, "RULE",
	  "refused                   a net 192.0.2.0/24 or *", take_rule,
	  ROUTE_BLOCK },
	{ 'v', "verbose", no_argument, "",
	  "tell of each connection; -vv of each message", take_verbose, 0 },
	{ 'q', "quiet", no_argument, "", "tell nothing", take_quiet, 0 },
	{ 0, "log", required_argument, "FILE",
	  "tell it to FILE, not to standard error", take_log, 0 },
	{ 0, "timeout", required_argument, "SECONDS",
	  "for reaching a target through the proxy (60)", take_timeout, 0 },
	{ 0, "dns", required_argument, "ADDR,ADDR",
	  "DNS servers to ask through the proxy, where one is asked",
	  take_dns, 0 },
	{ 0, "guard", required_argument, "WORD",
	  "what escapes the library: auto, deny, carry (see man)",
	  take_guard, 0 },
	{ 0, "no-guard", no_argument, "",
	  "do not: static programs, for one, get past the proxy",
	  take_guard, GUARD_NONE },
	{ 0, "export", optional_argument, "[=fish]",
	  "print what covers a shell: eval \"$(socksify --export)\"",
	  take_export, 0 },
	{ 'V', "version", no_argument, "", "print the version", take_task,
	  TASK_VERSION },
	{ 'h', "help", no_argument, "", "print this", take_task, TASK_HELP },
};

enum { N_SPECS = sizeof(specs) / sizeof(specs[0]) };

/* What getopt_long gives for an option: past every letter. */
enum { FIRST_INDEX = 256 };

static void fill_long_options(struct option *out)
{
	for (int i = 0; i < N_SPECS; i++)
		out[i] = (struct option){ specs[i].name, specs[i].has_arg, NULL,
					  FIRST_INDEX + i };
	out[N_SPECS] = (struct option){ 0 };
}

/* "+" stops at the program's name, ":" tells a missing value apart. */
static void fill_letters(char *out)
{
	*out++ = '+';
	*out++ = ':';
	for (int i = 0; i < N_SPECS; i++) {
		if (!specs[i].letter)
			continue;
		*out++ = specs[i].letter;
		if (specs[i].has_arg == required_argument)
			*out++ = ':';
	}
	*out = '\0';
}

/* The option that a value from getopt_long stands for, or NULL. */
static const struct spec *find_spec(int value)
{
	if (value >= FIRST_INDEX && value < FIRST_INDEX + N_SPECS)
		return &specs[value - FIRST_INDEX];
	for (int i = 0; i < N_SPECS; i++)
		if (value && specs[i].letter == value)
			return &specs[i];
	return NULL;
}

static void die_of_option(int outcome, char **argv)
{
	const struct spec *spec = find_spec(optopt);

	if (outcome == ':' && spec)
		die(STATUS_OWN_FAILURE, "option --%s needs a value: --%s %s",
		    spec->name, spec->name, spec->value);
	if (spec)
		die(STATUS_OWN_FAILURE, "option --%s takes no value",
		    spec->name);
	if (optopt)
		die(STATUS_OWN_FAILURE,
		    "unknown option '-%c'; socksify --help lists them", optopt);
	die(STATUS_OWN_FAILURE,
	    "unknown option '%s'; socksify --help lists them",
	    argv[optind - 1]);
}

void options_parse(struct options *options, int argc, char **argv)
{
	struct option long_options[N_SPECS + 1];
	char letters[2 * N_SPECS + 3];
	const struct spec *spec;
	int outcome;

	*options = (struct options){ .verbose = VERBOSE_UNSAID };
	fill_long_options(long_options);
	fill_letters(letters);
	opterr = 0;
	while ((outcome = getopt_long(argc, argv, letters, long_options,
				      NULL)) != -1) {
		spec = outcome == ':' ? NULL : find_spec(outcome);
		if (!spec)
			die_of_option(outcome, argv);
		spec->take(options, spec, optarg);
	}
	options->program = argv + optind;
}

void options_help(void)
{
	char left[64];

	printf("Usage: socksify [OPTION]... PROGRAM [ARGUMENT]...\n"
	       "       socksify [OPTION]... --export[=fish]\n\n"
	       "Runs PROGRAM: its connections and names go through a SOCKS5 "
	       "proxy, or nowhere.\n\n");
	for (int i = 0; i < N_SPECS; i++) {
		const struct spec *s = &specs[i];

		snprintf(left, sizeof(left), "%c%c%c --%s%s%s",
			 s->letter ? '-' : ' ', s->letter ? s->letter : ' ',
			 s->letter ? ',' : ' ', s->name,
			 s->has_arg == required_argument ? " " : "", s->value);
		printf("  %-21s %s\n", left, s->help);
	}
	printf("\nWithout -x: $SOCKSIFY_PROXY, else $ALL_PROXY, else the file "
	       "~/.config/socksify/\nsocksify.conf or /etc/socksify.conf. "
	       "Exit status: PROGRAM's; 125 for a mistake\nhere, 126 PROGRAM "
	       "cannot run, 127 not found. More: man socksify\n");
}
