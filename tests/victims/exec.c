/* SPDX-License-Identifier: MIT */
/*
 * exec.c - victim: programs that are started, and what their parent leaves them
 *
 * Each row starts this same program again, with "--child" or "--inherit" for
 * its row: the one connects, and says how it found its arguments and
 * environment; the other goes on with a descriptor that it was given.
 */
#include <grp.h>
#include <libgen.h>
#include <spawn.h>
#include <sys/stat.h>
#include <wordexp.h>

#include "tests/victims/victim.h"

static char program[512];  /* this file */
static char *address, *port; /* of the far side, as given */
static char given[1024];   /* a shell's words for the child */

static char *own_env[] = { "MARK=own", "PATH=/usr/bin:/bin", NULL };
static char *no_env[] = { NULL };

/* --- what is started ------------------------------------------------------ */

static int child_main(int argc, char **argv)
{
	struct far far;
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	read_address(&far.address, &far.len, argv[2], argv[3]);
	far.good = far.address;
	live_only_so_long();
	say("child.argc", "%d", argc);
	say("child.mark", "%s", getenv("MARK") ? getenv("MARK") : "(none)");
	fd = stream(&far, 0);
	say_rc("child.connect", dial(fd, &far));
	say_echo("child.echo", fd);
	return 7;
}

static int inherit_main(char **argv)
{
	int fd = atoi(argv[2]);

	setvbuf(stdout, NULL, _IOLBF, 0);
	live_only_so_long();
	say_poll("inherited.poll", fd, POLLOUT, LONG_MS);
	say_so_error("inherited.so_error", fd);
	say_echo("inherited.echo", fd);
	return 7;
}

/* --- in a child of fork --------------------------------------------------- */

#define ARGV ((char *[]){ program, "--child", address, port, NULL })

static void try_execve_own(void)
{
	execve(program, ARGV, own_env);
}

static void try_execve_empty(void)
{
	execve(program, ARGV, no_env);
}

static void try_execve_null(void)
{
	char **volatile nothing = NULL;

	execve(program, ARGV, nothing);
}

static void try_execv(void)
{
	setenv("MARK", "set", 1);
	execv(program, ARGV);
}

static void try_execv_cleared(void)
{
	clearenv();
	execv(program, ARGV);
}

static void in_own_directory(void)
{
	char directory[sizeof(program)];

	strcpy(directory, program);
	setenv("PATH", dirname(directory), 1);
}

static void try_execvp(void)
{
	in_own_directory();
	execvp("exec", ARGV);
}

static void try_execvpe(void)
{
	in_own_directory();
	execvpe("exec", ARGV, own_env);
}

static void try_execl(void)
{
	setenv("MARK", "set", 1);
	execl(program, "name", "--child", address, port, "a", "b", "c", "d",
	      "e", "f", NULL);
}

static void try_execlp(void)
{
	in_own_directory();
	execlp("exec", "name", "--child", address, port, "a", NULL);
}

static void try_execle_own(void)
{
	execle(program, "name", "--child", address, port, "a", NULL, own_env);
}

static void try_execle_empty(void)
{
	execle(program, "name", "--child", address, port, NULL, no_env);
}

static void try_fexecve(void)
{
	fexecve(open(program, O_RDONLY | O_CLOEXEC), ARGV, own_env);
}

static void try_fexecve_path(void)
{
	fexecve(open(program, O_PATH | O_CLOEXEC), ARGV, no_env);
}

static void try_execveat(void)
{
	char directory[sizeof(program)];

	strcpy(directory, program);
	execveat(open(dirname(directory), O_PATH | O_CLOEXEC), "exec", ARGV,
		 own_env, 0);
}

/* Variables past what any stack of ours would hold. */
static void try_execve_large(void)
{
	enum { N = 10000 };
	static char *large[N + 2];

	large[0] = "MARK=first";
	for (int i = 1; i <= N; i++)
		large[i] = "X=y";
	execve(program, ARGV, large);
}

static void exec_row(void (*try)(void))
{
	pid_t pid = child();

	if (pid == 0) {
		try();
		say_rc("exec", -1);
		_exit(1);
	}
	child_join("child", pid);
}

#define EXEC_ROW(name)                                \
	static void row_##name(const struct far *far) \
	{                                             \
		(void)far;                            \
		exec_row(try_##name);                 \
	}

EXEC_ROW(execve_own)
EXEC_ROW(execve_empty)
EXEC_ROW(execve_null)
EXEC_ROW(execve_large)
EXEC_ROW(execv)
EXEC_ROW(execv_cleared)
EXEC_ROW(execvp)
EXEC_ROW(execvpe)
EXEC_ROW(execl)
EXEC_ROW(execlp)
EXEC_ROW(execle_own)
EXEC_ROW(execle_empty)
EXEC_ROW(fexecve)
EXEC_ROW(fexecve_path)
EXEC_ROW(execveat)

/* --- scripts -------------------------------------------------------------- */

/*
 * A file of this text in a directory of its own; both are removed at the end.
 */
static char made_dir[] = "/tmp/victim-exec-XXXXXX";
static char made[sizeof(made_dir) + 16];

static void make_file(const char *text, mode_t mode)
{
	int fd;

	strcpy(made_dir + strlen(made_dir) - 6, "XXXXXX");
	if (!mkdtemp(made_dir))
		exit(2);
	snprintf(made, sizeof(made), "%s/script", made_dir);
	fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0 || !send_all(fd, text, strlen(text)))
		exit(2);
	close(fd);
}

static void remove_file(void)
{
	unlink(made);
	rmdir(made_dir);
}

static void try_made(void)
{
	execve(made, ((char *[]){ made, "one", "two words", NULL }), no_env);
}

static void try_made_by_shell(void)
{
	setenv("PATH", made_dir, 1);
	execlp("script", "script", "one", "two words", NULL);
}

static void script(const struct far *far)
{
	char text[sizeof(given) + 100];

	(void)far;
	snprintf(text, sizeof(text), "#! /bin/sh -e\necho args=$#:$2\n%s\n",
		 given);
	make_file(text, 0700);
	exec_row(try_made);
	remove_file();
}

static void script_of_script(const struct far *far)
{
	char text[sizeof(given) + 100], first[sizeof(made) + 8];

	(void)far;
	snprintf(text, sizeof(text), "#!/bin/sh\necho args=$#\n%s\n", given);
	make_file(text, 0700);
	snprintf(first, sizeof(first), "%s.2", made);
	snprintf(text, sizeof(text), "#!%s\n", made);
	int fd = open(first, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	if (fd < 0 || !send_all(fd, text, strlen(text)))
		exit(2);
	close(fd);
	strcat(made, ".2");
	exec_row(try_made);
	unlink(made);
	made[strlen(made) - 2] = '\0';
	remove_file();
}

/* Without "#!": the kernel will not, and execlp takes the shell. */
static void script_of_shell(const struct far *far)
{
	char text[sizeof(given) + 100];

	(void)far;
	snprintf(text, sizeof(text), "echo args=$#:$2\n%s\n", given);
	make_file(text, 0700);
	exec_row(try_made);
	exec_row(try_made_by_shell);
	remove_file();
}

/* --- what cannot be started ----------------------------------------------- */

static void say_exec(const char *key, const char *path)
{
	say_rc(key, execve(path, ARGV, own_env));
}

static void errors(const struct far *far)
{
	char long_name[300];

	(void)far;
	memset(long_name, 'x', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	say_exec("absent", "/nowhere/at/all");
	say_exec("directory", "/tmp");
	say_exec("below-file", "/bin/sh/x");
	say_exec("empty", "");
	say_exec("long", long_name);
	say_exec("device", "/dev/null");
	say_exec("bad", (const char *)1);
	make_file("not for the kernel\n", 0700);
	say_exec("text", made);
	chmod(made, 0600);
	say_exec("not-executable", made);
	setenv("PATH", "/nowhere", 1);
	say_rc("name.absent", execvp("exec", ARGV));
	setenv("PATH", made_dir, 1);
	say_rc("name.denied", execvp("script", ARGV));
	say_rc("name.empty", execvp("", ARGV));
	say_rc("name.long", execvp(long_name, ARGV));
	remove_file();
	make_file("#!/nowhere/interpreter\n", 0700);
	say_exec("no-interpreter", made);
	remove_file();
	make_file("", 0700);
	say_exec("nothing-in-it", made);
	remove_file();
	say_rc("fd", fexecve(-1, ARGV, own_env));
	say_rc("fd.closed", fexecve(99, ARGV, own_env));
	say_rc("at.link", execveat(AT_FDCWD, "/proc/self/exe", ARGV, own_env,
				   AT_SYMLINK_NOFOLLOW));
	say_rc("at.flags", execveat(AT_FDCWD, program, ARGV, own_env, 0x40));
	make_file("", 0700);
	unlink(made);
	say_rc("loop", symlink("script", made));
	say_exec("loop.exec", made);
	remove_file();
}

/* --- posix_spawn ---------------------------------------------------------- */

static void say_spawned(int error, pid_t pid)
{
	if (error == 0)
		child_join("child", pid);
	say("spawn", "%s", errno_name(error));
}

static void spawn_empty(const struct far *far)
{
	pid_t pid = -1;

	(void)far;
	say_spawned(posix_spawn(&pid, program, NULL, NULL, ARGV, no_env), pid);
}

static void spawnp_own(const struct far *far)
{
	pid_t pid = -1;

	(void)far;
	in_own_directory();
	say_spawned(posix_spawnp(&pid, "exec", NULL, NULL, ARGV, own_env), pid);
}

static void spawn_errors(const struct far *far)
{
	pid_t pid = -1;

	(void)far;
	say_spawned(posix_spawn(&pid, "/nowhere", NULL, NULL, ARGV, no_env),
		    pid);
	say_spawned(posix_spawnp(&pid, "no-such-name", NULL, NULL, ARGV, NULL),
		    pid);
	say_spawned(posix_spawn(&pid, "/tmp", NULL, NULL, ARGV, NULL), pid);
}

/* The child's output comes by a pipe, its standard input is the connection. */
static void spawn_actions(const struct far *far)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char *argv[] = { program, "--inherit", "0", NULL };
	int ends[2], fd = stream(far, 0);
	char text[TEXT_MAX] = "";
	pid_t pid = -1;

	say_rc("connect", dial(fd, far));
	if (pipe2(ends, O_CLOEXEC) < 0)
		exit(2);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	posix_spawn_file_actions_adddup2(&actions, fd, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	say("spawn", "%s",
	    errno_name(posix_spawn(&pid, program, &actions, &attributes, argv,
				   no_env)));
	close(ends[1]);
	read_all(ends[0], text, sizeof(text) - 1);
	child_join("child", pid);
	fputs(text, stdout);
	say_works(fd);
}

/* --- the shell ------------------------------------------------------------ */

static void say_status(const char *key, int status)
{
	if (WIFEXITED(status))
		say(key, "exit %d", WEXITSTATUS(status));
	else
		say(key, "status 0x%x", (unsigned int)status);
}

static void by_system(const struct far *far)
{
	(void)far;
	say_rc("null", system(NULL) != 0);
	say_status("system", system(given));
	clearenv();
	say_status("cleared", system(given));
	say_status("quotes", system("echo \"it's $((6 * 7))\" 'a\\b'; exit 3"));
	say_status("signal", system("kill -9 $$"));
}

static void say_read(FILE *stream)
{
	char line[TEXT_MAX];

	if (!stream) {
		say_rc("popen", -1);
		return;
	}
	while (fgets(line, sizeof(line), stream))
		fputs(line, stdout);
	say_status("pclose", pclose(stream));
}

/* The name by which programs of old C++ libraries import it. */
FILE *_IO_popen(const char *command, const char *mode);

static void by_popen(const struct far *far)
{
	FILE *stream;

	(void)far;
	say_read(popen(given, "r"));
	clearenv();
	say_read(popen(given, "re"));
	say_read(_IO_popen(given, "r"));
	fflush(stdout);
	stream = popen("sed s/^/read:/", "w");
	fputs("words=here\n", stream);
	say_status("pclose", pclose(stream));
	say_rc("mode", popen(given, "x") ? 0 : -1);
}

static void by_wordexp(const struct far *far)
{
	wordexp_t words;

	(void)far;
	say_rc("wordexp", wordexp("$(echo some words) ~root", &words, 0));
	say("words", "%zu %s %s", words.we_wordc, words.we_wordv[0],
	    words.we_wordv[2]);
	wordfree(&words);
}

/* --- vfork ---------------------------------------------------------------- */

/* Starts program with these arguments and descriptors 0 and from 3 closed. */
static pid_t by_vfork(char **argv, int fd)
{
	pid_t pid;

	fflush(stdout);
	pid = vfork();
	if (pid == 0) {
		dup2(fd, 0);
		for (int i = 3; i < 100; i++)
			close(i);
		closefrom(3);
		close_range(3, ~0u, 0);
		execve(program, argv, no_env);
		_exit(1);
	}
	return pid;
}

static void vfork_inherits(const struct far *far)
{
	char *argv[] = { program, "--inherit", "0", NULL };
	int fd = stream(far, SOCK_CLOEXEC);

	say_rc("connect", dial(fd, far));
	child_join("child", by_vfork(argv, fd));
	say_works(fd);
}

/* The child's closes are not the parent's, and its connect() either. */
static void vfork_while_pending(const struct far *far)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fd = pending(far);

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT, 5);
	child_join("child", by_vfork(ARGV, null));
	say_poll("poll", fd, POLLOUT, LONG_MS);
	say_epoll("epoll", ep, LONG_MS);
	say_works(fd);
}

/* The first thing that happens to any descriptor happens in a vfork child. */
static void vfork_first(const struct far *far)
{
	int fd;

	child_join("child", by_vfork(ARGV, 0));
	fd = pending(far);
	say_poll("poll", fd, POLLOUT, LONG_MS);
	say_works(fd);
}

/* The same in a child of fork, which has tables of its own. */
static void vfork_first_in_fork(const struct far *far)
{
	pid_t pid = child();

	if (pid == 0) {
		vfork_first(far);
		fflush(stdout);
		_exit(0);
	}
	child_join("forked", pid);
}

/* Nothing piles up in a parent whose children leave by exec. */
static long mapped_pages(void)
{
	long size = 0;
	FILE *statm = fopen("/proc/self/statm", "r");

	if (!statm || fscanf(statm, "%ld", &size) != 1)
		exit(2);
	fclose(statm);
	return size;
}

static void vfork_many(const struct far *far)
{
	char *argv[] = { "/bin/true", NULL };
	static int bad;
	long before;
	int status;

	(void)far;
	before = mapped_pages();
	for (int i = 0; i < 200; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			execve(argv[0], argv, own_env);
			_exit(1);
		}
		waitpid(pid, &status, 0);
		bad += status != 0;
	}
	say("bad", "%d", bad);
	say("grown", "%s", mapped_pages() - before < 64 ? "no" : "yes");
}

/* --- a connect that pends while exec comes -------------------------------- */

static void try_inherit(int fd)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	execve(program, ((char *[]){ program, "--inherit", number, NULL }),
	       no_env);
}

static void exec_pending(const struct far *far)
{
	pid_t pid = child();

	if (pid == 0) {
		try_inherit(pending(far));
		_exit(1);
	}
	child_join("child", pid);
}

static void exec_pending_in_child(const struct far *far)
{
	int fd = pending(far);
	pid_t pid = child();

	if (pid == 0) {
		int high = fcntl(fd, F_DUPFD, 40);

		close(fd);
		try_inherit(high);
		_exit(1);
	}
	child_join("child", pid);
	say_poll("poll", fd, POLLOUT, LONG_MS);
	say_works(fd);
}

static int exec_beside(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK | SOCK_CLOEXEC);
	pid_t pid;

	say_rc("connect", dial(fd, far));
	pid = child();
	if (pid == 0) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	child_join("child", pid);
	return fd;
}

static void exec_pending_cloexec(const struct far *far)
{
	int fd = exec_beside(far);

	say_poll("poll", fd, POLLOUT, LONG_MS);
	say_works(fd);
}

/* One that is not handed on keeps nobody waiting: this takes seconds to fail. */
static void exec_pending_silent(const struct far *far)
{
	say_poll("still", exec_beside(far), POLLOUT, 0);
}

static void spawn_pending(const struct far *far)
{
	char number[16];
	int fd = pending(far);
	pid_t pid = -1;

	snprintf(number, sizeof(number), "%d", fd);
	say_spawned(posix_spawn(&pid, program, NULL, NULL,
				((char *[]){ program, "--inherit", number,
					     NULL }),
				no_env),
		    pid);
	say_works(fd);
}

/* --- fork while a connect pends ------------------------------------------- */

static void fork_parent_finishes(const struct far *far)
{
	int fd = pending(far), done[2];
	pid_t pid;
	char word;

	if (pipe(done) < 0)
		return;
	pid = child();
	if (pid == 0) {
		if (read(done[0], &word, 1) != 1)
			_exit(1);
		say_poll("child.poll", fd, POLLOUT, 0);
		say_so_error("child.so_error", fd);
		say_peer("child.peer", fd);
		_exit(0);
	}
	say_poll("poll", fd, POLLOUT, LONG_MS);
	say_works(fd);
	if (write(done[1], "x", 1) != 1)
		return;
	child_join("child", pid);
}

static void fork_child_finishes(const struct far *far)
{
	int fd = pending(far);
	pid_t pid = child();

	if (pid == 0) {
		say_poll("child.poll", fd, POLLOUT, LONG_MS);
		say_works(fd);
		fflush(stdout);
		_exit(0);
	}
	child_join("child", pid);
	say_poll("poll", fd, POLLOUT, 0);
	say_works(fd);
}

static void fork_both_wait(const struct far *far)
{
	int fd = pending(far);
	pid_t pid = child();

	if (pid == 0)
		_exit(ready(fd, POLLOUT) ? 0 : 1);
	say_poll("poll", fd, POLLOUT, LONG_MS);
	child_join("child", pid);
	say_works(fd);
}

static void fork_child_dies(const struct far *far)
{
	int fd = pending(far);
	pid_t pid = child();

	if (pid == 0) {
		poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1,
		     SOON_MS);
		raise(SIGKILL);
	}
	child_join("child", pid);
	say_poll("poll", fd, POLLOUT, LONG_MS);
	say_works(fd);
}

static void fork_parent_closes(const struct far *far)
{
	int fd = pending(far);
	pid_t pid = child();

	if (pid == 0) {
		sleep_ms(SOON_MS);
		say_poll("child.poll", fd, POLLOUT, LONG_MS);
		say_works(fd);
		fflush(stdout);
		_exit(0);
	}
	say_rc("close", close(fd));
	child_join("child", pid);
}

static void fork_child_closes(const struct far *far)
{
	int fd = pending(far);
	pid_t pid = child();

	if (pid == 0)
		_exit(close(fd) != 0);
	child_join("child", pid);
	say_poll("poll", fd, POLLOUT, LONG_MS);
	say_works(fd);
}

/*
 * What a child held of a connect that pends goes when it becomes another
 * program.
 */
static void fork_often(const struct far *far)
{
	int status, last, bad = 0;
	long before = 0;

	for (int i = 0; i < 300; i++) {
		int fd = stream(far, SOCK_NONBLOCK | SOCK_CLOEXEC);
		pid_t pid;

		dial(fd, far);
		pid = fork();
		if (pid == 0) {
			execl("/nowhere", "nowhere", NULL);
			execl("/bin/true", "true", NULL);
			_exit(1);
		}
		waitpid(pid, &status, 0);
		bad += status != 0;
		if (i % 50 == 0)
			bad += !ready(fd, POLLOUT);
		close(fd);
		if (i == 20)
			before = mapped_pages();
	}
	say("bad", "%d", bad);
	say("grown", "%s", mapped_pages() - before < 48 ? "no" : "yes");
	last = pending(far);
	say_poll("poll", last, POLLOUT, LONG_MS);
	say_works(last);
}

/* An exec that fails leaves the child with what it had. */
static void fork_fails_to_exec(const struct far *far)
{
	int fd = stream(far, SOCK_NONBLOCK | SOCK_CLOEXEC);
	pid_t pid;

	say_rc("connect", dial(fd, far));
	pid = child();
	if (pid == 0) {
		say_exec("exec", "/nowhere");
		say_poll("child.poll", fd, POLLOUT, LONG_MS);
		say_works(fd);
		fflush(stdout);
		_exit(0);
	}
	child_join("child", pid);
	say_works(fd);
}

/*
 * The parent has finished it, and begun others, before the child's exec fails.
 */
static void fork_fails_late(const struct far *far)
{
	int ends[2], fd = stream(far, SOCK_NONBLOCK | SOCK_CLOEXEC);
	char byte;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		exit(2);
	say_rc("connect", dial(fd, far));
	pid = child();
	if (pid == 0) {
		if (read(ends[0], &byte, 1) != 1)
			_exit(1);
		for (int i = 0; i < 20; i++)
			execve("/nowhere", ARGV, no_env);
		say_poll("child.poll", fd, POLLOUT, 0);
		say_works(fd);
		fflush(stdout);
		_exit(0);
	}
	say_poll("poll", fd, POLLOUT, LONG_MS);
	for (int i = 0; i < 5; i++)
		dial(stream(far, SOCK_NONBLOCK | SOCK_CLOEXEC), far);
	if (write(ends[1], "x", 1) != 1)
		exit(2);
	child_join("child", pid);
	say_works(fd);
}

/* --- a daemon ------------------------------------------------------------- */

static void daemon_connects(const struct far *far)
{
	int ends[2], fd;
	char byte;

	if (pipe2(ends, O_CLOEXEC) < 0)
		exit(2);
	fd = stream(far, 0);
	say_rc("connect", dial(fd, far));
	fflush(stdout);
	if (fork() == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
		live_only_so_long();
		for (int i = 3; i < 1024; i++) {
			if (i != ends[1])
				close(i);
		}
		if (chdir("/") < 0)
			_exit(1);
		fd = stream(far, 0);
		say_rc("daemon.connect", dial(fd, far));
		say_works(fd);
		exit(0);
	}
	close(ends[1]);
	say_rc("ended", read(ends[0], &byte, 1));
	say_works(fd);
}

static void as_nobody(const struct far *far)
{
	pid_t pid = child();
	int fd;

	if (pid == 0) {
		say_rc("setgroups", setgroups(0, NULL));
		say_rc("setgid", setgid(65534));
		say_rc("setuid", setuid(65534));
		fd = stream(far, 0);
		say_rc("child.connect", dial(fd, far));
		say_works(fd);
		fflush(stdout);
		_exit(0);
	}
	child_join("child", pid);
}

static void in_chroot(const struct far *far)
{
	pid_t pid = child();
	int fd;

	if (pid == 0) {
		say_rc("chroot", chroot("/proc/self/fdinfo"));
		say_rc("chdir", chdir("/"));
		fd = stream(far, 0);
		say_rc("child.connect", dial(fd, far));
		say_works(fd);
		fflush(stdout);
		_exit(0);
	}
	child_join("child", pid);
}

static const struct row rows[] = {
	{ "execve-own", "echo", row_execve_own },
	{ "execve-empty", "echo", row_execve_empty },
	{ "execve-null", "echo", row_execve_null },
	{ "execve-large", "echo", row_execve_large },
	{ "execv", "echo", row_execv },
	{ "execv-cleared", "echo", row_execv_cleared },
	{ "execvp", "echo", row_execvp },
	{ "execvpe", "echo", row_execvpe },
	{ "execl", "echo", row_execl },
	{ "execlp", "echo", row_execlp },
	{ "execle-own", "echo", row_execle_own },
	{ "execle-empty", "echo", row_execle_empty },
	{ "fexecve", "echo", row_fexecve },
	{ "fexecve-path", "echo", row_fexecve_path },
	{ "execveat", "echo", row_execveat },
	{ "script", "echo", script },
	{ "script-of-script", "echo", script_of_script },
	{ "script-of-shell", "echo", script_of_shell },
	{ "errors", "echo", errors },
	{ "spawn-empty", "echo", spawn_empty },
	{ "spawnp-own", "echo", spawnp_own },
	{ "spawn-errors", "echo", spawn_errors },
	{ "spawn-actions", "echo", spawn_actions },
	{ "system", "echo", by_system },
	{ "popen", "echo", by_popen },
	{ "wordexp", "echo", by_wordexp },
	{ "vfork-inherits", "echo", vfork_inherits },
	{ "vfork-while-pending", "echo", vfork_while_pending },
	{ "vfork-first", "echo", vfork_first },
	{ "vfork-first-in-fork", "echo", vfork_first_in_fork },
	{ "vfork-many", "echo", vfork_many },
	{ "exec-pending", "echo", exec_pending },
	{ "exec-pending-in-child", "echo", exec_pending_in_child },
	{ "exec-pending-refused", "closed", exec_pending },
	{ "exec-pending-cloexec", "echo", exec_pending_cloexec },
	{ "exec-pending-silent", "silent", exec_pending_silent },
	{ "spawn-pending", "echo", spawn_pending },
	{ "fork-parent-finishes", "echo", fork_parent_finishes },
	{ "fork-child-finishes", "echo", fork_child_finishes },
	{ "fork-both-wait", "echo", fork_both_wait },
	{ "fork-child-dies", "echo", fork_child_dies },
	{ "fork-parent-closes", "echo", fork_parent_closes },
	{ "fork-child-closes", "echo", fork_child_closes },
	{ "fork-often", "echo", fork_often },
	{ "fork-fails-to-exec", "echo", fork_fails_to_exec },
	{ "fork-fails-late", "echo", fork_fails_late },
	{ "daemon", "echo", daemon_connects },
	{ "nobody", "echo", as_nobody },
	{ "chroot", "echo", in_chroot },
};

int main(int argc, char **argv)
{
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (len < 0)
		return 2;
	program[len] = '\0';
	if (argc >= 4 && strcmp(argv[1], "--child") == 0)
		return child_main(argc, argv);
	if (argc == 3 && strcmp(argv[1], "--inherit") == 0)
		return inherit_main(argv);
	if (argc >= 4) {
		address = argv[2];
		port = argv[3];
		snprintf(given, sizeof(given), "%s --child %s %s", program,
			 address, port);
	}
	return victim_main(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
