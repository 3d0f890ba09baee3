/* SPDX-License-Identifier: MIT */
/* supervisor.c - the process between the command and a program that is carried (carry.h) */
#include "launcher/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/config.h"
#include "core/log.h"
#include "core/sys.h"
#include "launcher/carry_ask.h"
#include "launcher/carry_call.h"
#include "launcher/carry_connect.h"
#include "launcher/carry_dgram.h"
#include "launcher/carry_dns.h"
#include "launcher/carry_group.h"
#include "launcher/carry_loop.h"
#include "launcher/die.h"
#include "launcher/guard.h"
#include "resolver/fakemap.h"
#include "resolver/judge.h"

static struct config config;
static pid_t program; /* 0: it has ended */
static int command;   /* the socket to the command; -1: it has ended */
static bool deserted; /* nobody runs under the filter any more */

static void report(enum report_kind kind, int value, const char *what)
{
	struct report r = { kind, value, what };

	if (command >= 0 &&
	    send(command, &r, sizeof(r), MSG_NOSIGNAL) != (ssize_t)sizeof(r))
		return; /* its end is heard of by the loop */
}

static _Noreturn void fail(int error, const char *what)
{
	if (program > 0)
		kill(program, SIGKILL);
	report(REPORT_FAILED, error, what);
	_exit(STATUS_CANNOT_RUN);
}

static void to_nowhere(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		close(fd);
	else if (null != fd) {
		dup2(null, fd);
		close(null);
	}
}

void supervisor_let_go(const int *kept, size_t n)
{
	unsigned int from = STDERR_FILENO + 1;

	for (size_t i = 0; i < n; i++) {
		unsigned int fd = (unsigned int)kept[i];

		if (fd > from)
			close_range(from, fd - 1, 0);
		if (fd >= from)
			from = fd + 1;
	}
	close_range(from, ~0u, 0);
	for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++)
		to_nowhere(fd);
}

void supervisor_let_go_stderr(void)
{
	to_nowhere(STDERR_FILENO);
}

/* --- the program's side -------------------------------------------------------------- */

/* Who has such a variable looks in it for its own number, and finds the command's. */
static void rename_self(const char *variable, pid_t caller)
{
	const char *named = getenv(variable);
	char text[24];

	if (!named || strtol(named, NULL, 10) != caller)
		return;
	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv(variable, text, 1);
}

/*
 * In the program's process, before it is the program: puts itself under the filter, says
 * under what number the listener is, and goes on when the supervisor has it.
 */
static _Noreturn void become_program(const struct supervision *s, int to_supervisor)
{
	int listener = guard_carry();
	char go;

	/* The filter is in force: what is sent here must be no message. */
	if (write(to_supervisor, &listener, sizeof(listener)) < 0 || listener < 0 ||
	    read(to_supervisor, &go, 1) != 1)
		_exit(STATUS_CANNOT_RUN);
	/* Without the supervisor it would go on with no network, and nobody to wait for it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, &s->signals, NULL);
	rename_self("LISTEN_PID", s->caller);
	rename_self("WATCHDOG_PID", s->caller);
	execvp(s->path, s->argv);
	die(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN,
	    "%s: cannot be run: %s", s->path, strerror(errno));
}

/* Whether its memory may be looked into, which each call needs. */
static int try_memory(pid_t pid)
{
	static char here[1], there[1];
	struct iovec local = { here, 1 }, remote = { there, 1 };

	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == 1 ? 0 : -errno;
}

/**
 * struct start - the program's process, which is not the program yet
 * @listener:	where its calls are told
 * @gate:	a byte lets it begin
 */
struct start {
	int listener;
	int gate;
};

static int take_listener(int number)
{
	long pidfd = sys2(SYS_pidfd_open, program, 0);
	long fd;

	if (pidfd < 0)
		fail((int)pidfd, "pidfd_open");
	fd = sys3(SYS_pidfd_getfd, pidfd, number, 0);
	close((int)pidfd);
	if (fd < 0)
		fail((int)fd, "pidfd_getfd");
	return (int)fd;
}

/* Dies with a report where something stands in the way. */
static struct start start_program(const struct supervision *s)
{
	struct start start;
	int pair[2], number, r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		fail(-errno, "a socket pair");
	program = fork();
	if (program < 0)
		fail(-errno, "a process");
	if (program == 0) {
		close(pair[0]);
		close(s->command);
		become_program(s, pair[1]);
	}
	close(pair[1]);
	start.gate = pair[0];
	if (read(start.gate, &number, sizeof(number)) != (ssize_t)sizeof(number))
		fail(-ECHILD, "the program's process");
	if (number < 0)
		fail(number, "a filter with user notification");
	start.listener = take_listener(number);
	r = try_memory(program);
	if (r < 0)
		fail(r, "process_vm_readv");
	return start;
}

/* --- what is waited for ---------------------------------------------------------------- */

static void listener_ready(struct source *source, uint32_t events)
{
	if (events & EPOLLIN) {
		call_next();
		return;
	}
	loop_remove(source); /* EPOLLHUP: nobody is under the filter any more */
	deserted = true;
}

static struct source listener;

static bool is_last(void)
{
	struct pollfd pollfd = { .fd = listener.fd };

	return deserted || (poll(&pollfd, 1, 0) == 1 && (pollfd.revents & POLLHUP));
}

/* Standard error may be a pipe whose reader waits for the program's end. */
static void program_ended(int status)
{
	if (is_last()) {
		report(REPORT_ENDED_ALL, status, NULL);
		_exit(0);
	}
	report(REPORT_ENDED, status, NULL);
	program = 0;
	if (config.log_path[0] && !strcmp(config.log_path, "stderr"))
		log_setup(LOG_QUIET, NULL);
	supervisor_let_go_stderr();
}

/*
 * The command has stopped itself, or will when it reads of the stop: it is woken until it
 * has read that the program goes on.
 */
static bool asleep;

static int64_t wake_command(void)
{
	enum { AGAIN_MS = 50 };
	int unread = 0;

	if (!asleep || command < 0)
		return INT64_MAX;
	kill(getppid(), SIGCONT);
	asleep = ioctl(command, SIOCOUTQ, &unread) == 0 && unread > 0;
	return asleep ? loop_now() + AGAIN_MS * NS_PER_MS : INT64_MAX;
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What time has come for is done; until when there is nothing. */
static int64_t next_time(void)
{
	return earliest(earliest(flight_expire(), ask_expire()), wake_command());
}

static void take_child(pid_t pid, int status)
{
	if (pid != program)
		return;
	if (WIFSTOPPED(status)) {
		report(REPORT_STOPPED, WSTOPSIG(status), NULL);
	} else if (WIFCONTINUED(status)) {
		report(REPORT_CONTINUED, 0, NULL);
		asleep = true;
	} else {
		program_ended(status);
	}
}

static void signal_ready(struct source *source, uint32_t events);
static struct source signals = { .ready = signal_ready };

static void signal_ready(struct source *source, uint32_t events)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	(void)events;
	while (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_code <= 0) /* by a process */
			group_signal((int)info.ssi_signo, (pid_t)info.ssi_pid,
				     loop_now());
	while ((pid = waitpid(-1, &status,
			      WNOHANG | WUNTRACED | WCONTINUED)) > 0)
		take_child(pid, status);
}

/* Only who is in the program's place is killed for it: its children are their own. */
static void command_ended(struct source *source)
{
	loop_remove(source);
	close(source->fd);
	command = -1;
	if (program > 0)
		kill(program, SIGKILL);
}

/*
 * What the kernel sends by itself, a terminal's keys for one, goes to the whole group; but
 * that the terminal is gone it says to the session's leader alone.
 */
static bool is_for_program(const struct order *order)
{
	if (order->signal <= 0 || order->signal >= GROUP_SIGNALS_MAX)
		return false;
	if (order->sender == program || order->sender == getpid())
		return false; /* its own, to its group, it has had */
	if (getpgid(program) != getpgrp())
		return true;
	if (order->sender == SENT_BY_KERNEL)
		return order->signal == SIGHUP && getsid(0) == getppid();
	return !group_has_had(order->signal, order->sender, order->read_ns);
}

static void command_ready(struct source *source, uint32_t events)
{
	struct order order;
	ssize_t n = recv(source->fd, &order, sizeof(order), MSG_DONTWAIT);

	(void)events;
	if (n == (ssize_t)sizeof(order)) {
		signal_ready(&signals, 0); /* what came to the group before */
		if (program > 0 && is_for_program(&order))
			kill(program, order.signal);
	} else if (n == 0 || errno != EAGAIN) {
		command_ended(source);
	}
}

static struct source listener = { .ready = listener_ready };
static struct source orders = { .ready = command_ready };

/* --- start ------------------------------------------------------------------------------ */

/* Each call that is in hand has a descriptor here. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* A name gets an address that stands for it: addresses asked for through the proxy are
 * the library's to give. */
static void read_config(void)
{
	config_load(&config, getenv);
	config.resolve = CONFIG_RESOLVE_FAKE;
	log_setup((enum log_level)config.log_level,
		  config.log_path[0] ? config.log_path : NULL);
	log_never_wait();
	fakemap_setup(&config);
	judge_setup(&config);
	flight_setup(&config);
	datagram_setup(&config);
	ask_setup(&config);
}

static int open_signals(void)
{
	sigset_t all;

	/* Who ignores it has no children to wait for. */
	signal(SIGCHLD, SIG_DFL);
	sigfillset(&all);
	signals.fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals.fd < 0 ? -errno : loop_add(&signals, EPOLLIN);
}

static int open_all(void)
{
	int r = loop_open();

	if (r == 0)
		r = call_setup(&config, listener.fd);
	if (r == 0)
		r = dns_setup();
	if (r == 0)
		r = open_signals();
	if (r == 0)
		r = loop_add(&listener, EPOLLIN);
	if (r == 0)
		r = loop_add(&orders, EPOLLIN);
	return r;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Whatever can fail has done so before the program begins. */
static void start_all(const struct supervision *supervision)
{
	struct start start = start_program(supervision);
	int kept[] = { start.listener, start.gate, command };
	int r;

	qsort(kept, 3, sizeof(kept[0]), compare);
	supervisor_let_go(kept, 3);
	listener.fd = start.listener;
	orders.fd = command;
	raise_limit();
	read_config();
	r = open_all();
	if (r < 0)
		fail(r, "the supervisor's own sockets");
	report(REPORT_STARTED, 0, NULL);
	if (write(start.gate, "", 1) != 1)
		fail(-errno, "the program's process");
	close(start.gate);
	if (chdir("/") < 0)
		return; /* it only keeps a file system in use */
}

void supervisor_main(const struct supervision *supervision)
{
	command = supervision->command;
	prctl(PR_SET_NAME, "socksify-carry");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		fail(-errno, "PR_SET_CHILD_SUBREAPER");
	start_all(supervision);
	while (program > 0 || !deserted)
		loop_once(next_time());
	_exit(0);
}
