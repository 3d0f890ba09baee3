/* SPDX-License-Identifier: MIT */
/* gateway.c - the process that speaks GSSAPI to the proxy (relay/gateway.c): started */
#include "launcher/gateway.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/die.h"
#include "launcher/guard.h"

#define GATEWAY_NAME "socksify-gateway"

enum { ANSWER_MAX = 512 };

/* --- who owns it ------------------------------------------------------------------------ */

/* The number of bytes of a file of /proc, or 0. */
static size_t read_process(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, out, size);
	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (size_t)n;
}

static pid_t parent_of(pid_t pid)
{
	char stat[512];
	size_t len = read_process(pid, "stat", stat, sizeof(stat) - 1);
	const char *behind_name;

	stat[len] = '\0';
	behind_name = strrchr(stat, ')');
	return behind_name && strlen(behind_name) > 4 ?
		       (pid_t)strtol(behind_name + 4, NULL, 10) :
		       0;
}

static bool are_alike(pid_t a, pid_t b)
{
	static char of_a[4096], of_b[4096];
	size_t len = read_process(a, "cmdline", of_a, sizeof(of_a));

	return len > 0 && len == read_process(b, "cmdline", of_b, sizeof(of_b)) &&
	       !memcmp(of_a, of_b, len);
}

/* Within $(...) it may be a copy of the shell that waits for us, and not the shell. */
pid_t gateway_shell(void)
{
	pid_t pid = getppid(), above = parent_of(pid);

	return above > 1 && are_alike(pid, above) ? above : pid;
}

/* --- its start -------------------------------------------------------------------------- */

static void find(const char *library, char *path, size_t size)
{
	const char *slash = strrchr(library, '/');
	int len = snprintf(path, size, "%.*s/" GATEWAY_NAME,
			   (int)(slash ? slash - library : 0), library);

	if (len >= (int)size || access(path, X_OK) < 0)
		die(STATUS_OWN_FAILURE,
		    "auth gssapi: %s is not there: install libkrb5-dev, and run make, and "
		    "make install if it was, again", path);
}

/* Not among the standard ones, whichever of these are closed. */
static void open_pipe(int pair[2])
{
	int low[2];

	if (pipe2(low, O_CLOEXEC) < 0)
		die(STATUS_OWN_FAILURE, "the gateway: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		pair[i] = fcntl(low[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		if (pair[i] < 0)
			die(STATUS_OWN_FAILURE, "the gateway: %s", strerror(errno));
		close(low[i]);
	}
}

/* Those of the standard ones that are closed, too: what it opens must not take their place. */
static void fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static void to_nowhere(int fd)
{
	int null = open("/dev/null", O_RDWR);

	if (null >= 0 && null != fd) {
		dup2(null, fd);
		close(null);
	}
}

/* A file that the owner has opened must not stay open, nor a signal be as it has it. */
static _Noreturn void become_gateway(const char *path, pid_t owner, int answer, bool tells)
{
	char pid[16];
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	fill_standard();
	to_nowhere(STDIN_FILENO);
	if (!tells)
		to_nowhere(STDERR_FILENO);
	dup2(answer, STDOUT_FILENO);
	snprintf(pid, sizeof(pid), "%d", (int)owner);
	execl(path, GATEWAY_NAME, pid, (char *)NULL);
	dprintf(STDOUT_FILENO, "failed %s: %s\n", path, strerror(errno));
	_exit(STATUS_CANNOT_RUN);
}

/* A grandchild in a session of its own: the program waits for no child that it has not made. */
static void start(const char *path, pid_t owner, int answer, bool tells)
{
	pid_t pid = fork();

	if (pid < 0)
		die(STATUS_OWN_FAILURE, "the gateway: %s", strerror(errno));
	if (pid > 0) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return;
	}
	setsid();
	pid = fork();
	if (pid == 0)
		become_gateway(path, owner, answer, tells);
	_exit(0);
}

static void read_answer(int fd, char *answer, size_t size)
{
	size_t len = 0;
	ssize_t n = 1;

	while (n != 0 && len < size - 1 && !memchr(answer, '\n', len)) {
		n = read(fd, answer + len, size - 1 - len);
		if (n > 0)
			len += (size_t)n;
		else if (n < 0 && errno != EINTR)
			break;
	}
	answer[len] = '\0';
	answer[strcspn(answer, "\n")] = '\0';
}

/* What follows the word at the beginning of text, or NULL. */
static const char *behind(const char *text, const char *word)
{
	size_t len = strlen(word);

	return strncmp(text, word, len) ? NULL : text + len;
}

static void name_it(const struct config *config, const char *url)
{
	char key[CONFIG_GATEWAY_KEY_MAX], *value;

	config_gateway_key(config, key, sizeof(key));
	if (asprintf(&value, "%s=%s", key, url) < 0 ||
	    setenv("SOCKSIFY_GATEWAY", value, 1) < 0)
		die(STATUS_OWN_FAILURE, "setting SOCKSIFY_GATEWAY: out of memory");
	free(value);
}

void gateway_start(const struct config *config, const char *library, pid_t owner,
		   bool tells)
{
	static char path[PATH_MAX];
	char answer[ANSWER_MAX];
	const char *url, *why;
	int pair[2];

	if (guard_inherited())
		die(STATUS_OWN_FAILURE,
		    "auth gssapi: no gateway can be started under the guard of an outer "
		    "socksify; run this one outside of it");
	find(library, path, sizeof(path));
	open_pipe(pair);
	start(path, owner, pair[1], tells);
	close(pair[1]);
	read_answer(pair[0], answer, sizeof(answer));
	close(pair[0]);
	url = behind(answer, "listening ");
	why = behind(answer, "failed ");
	if (!url)
		die(STATUS_OWN_FAILURE, "auth gssapi: %s",
		    why ? why : "the gateway did not start");
	name_it(config, url);
}
