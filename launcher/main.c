/* SPDX-License-Identifier: MIT */
/*
 * main.c - the socksify command: options to environment, then exec
 *
 * It works out everything that can be wrong before the program starts, says it
 * in one line, and becomes the program. Nothing of it stays behind: what it
 * found is in the environment, where the library finds it in every process of
 * the program's. Only where the program is to be carried it stays, as its parent
 * (carry.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "core/sys.h"
#include "launcher/carry.h"
#include "launcher/die.h"
#include "launcher/environ.h"
#include "launcher/export.h"
#include "launcher/gateway.h"
#include "launcher/guard.h"
#include "launcher/inspect.h"
#include "launcher/library.h"
#include "launcher/options.h"

/*
 * Under the library our own look-up of the proxy's name would be answered with
 * a fake address. Starts this command again without it, past the library's own
 * exec, which would put it back. Returns where it was not there, or without
 * /proc.
 */
static void leave_library(char **argv)
{
	if (environ_drop_library())
		sys3(SYS_execve, "/proc/self/exe", argv, environ);
}

static void check_task(const struct options *options)
{
	if (options->task == TASK_RUN && !options->program[0])
		die(STATUS_OWN_FAILURE,
		    "no program is named; say socksify PROGRAM [ARGUMENT]..., "
		    "or socksify --help");
	if (options->task != TASK_RUN && options->program[0])
		die(STATUS_OWN_FAILURE,
		    "--export runs no program; take away '%s', or --export",
		    options->program[0]);
	if (options->task != TASK_RUN &&
	    (options->guard == GUARD_DENY || options->guard == GUARD_CARRY))
		die(STATUS_OWN_FAILURE,
		    "--export sets no guard; run the shell itself under it: "
		    "socksify --guard=%s \"$SHELL\"",
		    options->guard == GUARD_DENY ? "deny" : "carry");
}

/* The library's words for a mistake, in the command's terms. */
static void die_of_config(const struct config *config,
			  const struct options *options)
{
	static const char no_proxy[] = "no proxy is known: set ";
	static const char timeout[] = "SOCKSIFY_TIMEOUT: ";
	static const char dns[] = "SOCKSIFY_DNS: ";
	const char *why = config->why;

	if (!strncmp(why, no_proxy, strlen(no_proxy)))
		die(STATUS_OWN_FAILURE,
		    "no proxy is known: say -x socks5h://host:port, set %s",
		    why + strlen(no_proxy));
	if (options->timeout && !strncmp(why, timeout, strlen(timeout)))
		die(STATUS_OWN_FAILURE, "--timeout %s: %s", options->timeout,
		    why + strlen(timeout));
	if (options->dns && !strncmp(why, dns, strlen(dns)))
		die(STATUS_OWN_FAILURE, "--dns %s: %s", options->dns,
		    why + strlen(dns));
	die(STATUS_OWN_FAILURE, "%s", why);
}

/* In a shell of one's own nothing is told, for nothing is to wait for its end. */
static void start_gateway(const struct config *config, const struct options *options,
			  const char *library)
{
	if (options->task == TASK_RUN)
		gateway_start(config, library, getpid(), true);
	else
		gateway_start(config, library, gateway_shell(), false);
}

/* The configuration as the library will find it, or dies. Its log level. */
static enum log_level settle(const struct options *options, const char *library)
{
	static struct config config;

	environ_take_options(options);
	config_load(&config, getenv);
	if (config.broken && config.gateway != CONFIG_GATEWAY_MISSING)
		die_of_config(&config, options);
	if (config.skipped_http_proxy && config.log_level > LOG_QUIET)
		tell("ALL_PROXY names an HTTP proxy and is passed over: "
		     "socksify speaks SOCKS5");
	environ_settle_proxy(&config);
	/* In a shell of one's own nothing is told unless asked for. */
	if (!config.log_path[0] &&
	    (options->task == TASK_RUN || config.log_level > LOG_REFUSAL))
		environ_log_to_stderr();
	if (config.gateway == CONFIG_GATEWAY_MISSING)
		start_gateway(&config, options, library);
	return (enum log_level)config.log_level;
}

static void print_exports(const struct options *options)
{
	size_t count;
	const char *const *names = environ_names(&count);

	if (options->task == TASK_EXPORT_FISH)
		export_for_fish(names, count);
	else
		export_for_sh(names, count);
	if (fflush(stdout) || ferror(stdout))
		die(STATUS_OWN_FAILURE, "writing the commands: %s",
		    strerror(errno));
	if (options->verbose != LOG_QUIET)
		tell("covers what this shell starts; the shell itself only "
		     "after: exec \"$SHELL\"");
}

static void run(char **program, const char *library, enum log_level level)
{
	struct inspected found;

	inspect_program(program[0], &found);
	environ_preload(found.loads ? NULL : library);
	if (guard_wants_carry(found.covered)) {
		guard_check_carry(found.path);
		if (!found.covered && level >= LOG_CONNECTION)
			tell("%s: is %s: a supervisor carries it", found.path,
			     found.kind);
		carry_run(found.path, program);
	}
	guard_load(level == LOG_QUIET);
	execvp(found.path, program);
	die(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN,
	    "%s: cannot be run: %s", found.path, strerror(errno));
}

int main(int argc, char **argv)
{
	struct options options;
	const char *library;
	enum log_level level;

	options_parse(&options, argc, argv);
	switch (options.task) {
	case TASK_HELP:
		options_help();
		return 0;
	case TASK_VERSION:
		puts("socksify " SOCKSIFY_VERSION);
		return 0;
	default:
		break;
	}
	check_task(&options);
	leave_library(argv);
	library = library_find();
	guard_prepare(options.guard);
	level = settle(&options, library);
	if (options.task == TASK_RUN)
		run(options.program, library, level);
	environ_preload(library);
	print_exports(&options);
	return 0;
}
