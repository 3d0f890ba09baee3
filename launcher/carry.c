/* SPDX-License-Identifier: MIT */
/* carry.c - the command while a program is carried: it waits, and ends as the program ends */
#include "launcher/carry.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launcher/carry_loop.h"
#include "launcher/die.h"
#include "launcher/supervisor.h"

/* --- how it ends, and stops -------------------------------------------------------- */

static void take_signal(int signal)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, signal);
	kill(getpid(), signal);
	sigprocmask(SIG_UNBLOCK, &one, NULL); /* here it is taken */
	sigprocmask(SIG_BLOCK, &one, NULL);
}

/* Its core would be ours, and has the program's place. */
static _Noreturn void die_by(int signal_number)
{
	struct rlimit none = { 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	signal(signal_number, SIG_DFL);
	take_signal(signal_number);
	_exit(128 + signal_number);
}

static _Noreturn void end_as(int status)
{
	if (WIFSIGNALED(status))
		die_by(WTERMSIG(status));
	_exit(WEXITSTATUS(status));
}

/*
 * Until somebody lets us go on. A stop by the terminal's keys counts only where a shell is
 * there to end it, as for the program itself.
 */
static void stop_by(int signal_number)
{
	signal(signal_number, SIG_DFL);
	take_signal(signal_number);
}

static _Noreturn void die_of(const struct report *report)
{
	if (report->value == -EBUSY)
		die(STATUS_CANNOT_RUN,
		    "cannot be carried: an outer program is told of system calls here "
		    "(seccomp user notification), as socksify --guard=carry or a "
		    "container's runtime is; run it outside of that");
	die(STATUS_CANNOT_RUN,
	    "cannot be carried: %s: %s; the kernel (5.9 or later), the container's "
	    "profile and Yama's ptrace_scope (0 or 1) have to allow it",
	    report->what, strerror(-report->value));
}

static void let_go(int supervisor, int signals)
{
	int kept[] = { supervisor < signals ? supervisor : signals,
		       supervisor < signals ? signals : supervisor };

	supervisor_let_go(kept, 2);
	supervisor_let_go_stderr();
}

/* --- what it hears ------------------------------------------------------------------ */

/*
 * Where the supervisor has ended with an order unread, the kernel tells that first
 * (ECONNRESET), and then what it had reported.
 */
static ssize_t read_report(int supervisor, struct report *report)
{
	ssize_t n = read(supervisor, report, sizeof(*report));

	if (n < 0 && errno == ECONNRESET)
		n = read(supervisor, report, sizeof(*report));
	return n;
}

static void take_report(int supervisor, int signals, pid_t pid)
{
	struct report report;
	ssize_t n = read_report(supervisor, &report);

	if (n != (ssize_t)sizeof(report))
		die(STATUS_OWN_FAILURE,
		    "the supervisor has ended before the program, whose connections "
		    "fail from now on");
	switch (report.kind) {
	case REPORT_FAILED:
		die_of(&report);
	case REPORT_STARTED:
		/* From now on there is nothing to be said. */
		let_go(supervisor, signals);
		break;
	case REPORT_STOPPED:
		stop_by(report.value);
		break;
	case REPORT_CONTINUED:
		break; /* who is stopped does not read this: the supervisor woke us */
	case REPORT_ENDED_ALL:
		/* What the program used is counted as used by whom we waited for. */
		waitpid(pid, NULL, 0);
		end_as(report.value);
	case REPORT_ENDED:
		end_as(report.value);
	}
}

/* A moment later: what was sent to the whole group, the supervisor has had then, too. */
static void pass_on(int supervisor, int signals)
{
	const struct timespec moment = { .tv_nsec = 2000000 };
	struct signalfd_siginfo info;
	struct order order;

	if (read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	order = (struct order){ (int)info.ssi_signo,
				info.ssi_code > 0 ? SENT_BY_KERNEL :
						    (pid_t)info.ssi_pid,
				loop_now() };
	nanosleep(&moment, NULL);
	if (write(supervisor, &order, sizeof(order)) < 0)
		return; /* its end is heard of next */
}

static _Noreturn void attend(int supervisor, int signals, pid_t pid)
{
	struct pollfd fds[] = { { .fd = supervisor, .events = POLLIN },
				{ .fd = signals, .events = POLLIN } };

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			pass_on(supervisor, signals);
		if (fds[0].revents)
			take_report(supervisor, signals, pid);
	}
}

/* --- start -------------------------------------------------------------------------- */

static int open_signals(const sigset_t *all)
{
	sigset_t ours = *all;
	int fd;

	/* The supervisor's end is heard of otherwise. */
	sigdelset(&ours, SIGCHLD);
	fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		die(STATUS_OWN_FAILURE, "signals: %s", strerror(errno));
	return fd;
}

/*
 * What is opened from here on must not become standard input or such. The program finds
 * these closed, as they were.
 */
static void fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

void carry_run(const char *path, char **argv)
{
	struct supervision supervision = { .path = path, .argv = argv,
					   .caller = getpid() };
	sigset_t all;
	int pair[2];
	pid_t pid;

	fill_standard();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &supervision.signals);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die(STATUS_OWN_FAILURE, "a supervisor: %s", strerror(errno));
	supervision.command = pair[1];
	pid = fork();
	if (pid < 0)
		die(STATUS_OWN_FAILURE, "a supervisor: %s", strerror(errno));
	if (pid == 0) {
		close(pair[0]);
		supervisor_main(&supervision);
	}
	close(pair[1]);
	attend(pair[0], open_signals(&all), pid);
}
