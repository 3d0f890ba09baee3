/* SPDX-License-Identifier: MIT */
/* blocking.c - victim: connects that wait, and what may come between */
#include <setjmp.h>

#include "tests/victims/victim.h"

enum { SHORT_MS = 50 }; /* well before a connect is done */

/**
 * struct dialer - a thread that connects
 * @far:	where
 * @fd:		the socket
 * @rc:		what connect returned, or minus the errno
 * @cleaned:	how many times its cleanup handler ran
 */
struct dialer {
	const struct far *far;
	int fd;
	int rc;
	int cleaned;
};

static void *dial_there(void *argument)
{
	struct dialer *d = argument;

	d->rc = dial(d->fd, d->far) < 0 ? -errno : 0;
	return NULL;
}

/* To where another thread's connect, however late that is, has gone on for a while. */
static void sleep_into_connect(int fd)
{
	struct tcp_info info = { .tcpi_state = TCP_CLOSE };
	int64_t end = now_ms() + LONG_MS;

	while (info.tcpi_state == TCP_CLOSE && now_ms() < end) {
		socklen_t len = sizeof(info);

		sleep_ms(1);
		getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	}
	sleep_ms(SHORT_MS);
}

static void say_dialed(const char *key, const struct dialer *d)
{
	say(key, "%s", errno_name(-d->rc));
}

/* A connect that was left pending is done in the end. */
static void say_done_later(int fd)
{
	say_poll("later", fd, POLLIN | POLLOUT | POLLRDHUP, LONG_MS);
	say_works(fd);
}

static void plain(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("connect", dial(fd, far));
	say_rc("again", dial(fd, far));
	say_works(fd);
	say_poll("poll", fd, POLLIN | POLLOUT, 0);
}

static void banner(const struct far *far)
{
	int fd = stream(far, 0);

	say_rc("connect", dial(fd, far));
	say_line("line", fd);
	say_works(fd);
}

/* Registered before a connect that blocks: the event comes after it. */
static void in_epoll(const struct far *far)
{
	int ep = epoll_create1(0), fd = stream(far, 0);

	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLET, 1);
	say_epoll("unconnected", ep, 0);
	say_rc("connect", dial(fd, far));
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_works(fd);
}

/* --- socket timeouts ------------------------------------------------------- */

static void set_timeout(int fd, int option, int ms)
{
	struct timeval wait = { ms / 1000, ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, option, &wait, sizeof(wait));
}

static void say_timeout(const char *key, int fd, int option)
{
	struct timeval wait = { -1, -1 };
	socklen_t len = sizeof(wait);

	if (getsockopt(fd, SOL_SOCKET, option, &wait, &len) < 0)
		say(key, "%s", errno_name(errno));
	else
		say(key, "%d ms", (int)(wait.tv_sec * 1000 +
					(wait.tv_usec + 999) / 1000));
}

static void sndtimeo(const struct far *far)
{
	int fd = stream(far, 0);
	int64_t start;

	set_timeout(fd, SO_SNDTIMEO, SHORT_MS);
	start = now_ms();
	say_rc("connect", dial(fd, far));
	say_took("took", start, SHORT_MS);
	say_peer("peer", fd);
	say_timeout("timeout", fd, SO_SNDTIMEO);
	say_done_later(fd);
	say_rc("again", dial(fd, far));
	say_rc("again", dial(fd, far));
}

static void sndtimeo_again(const struct far *far)
{
	int fd = stream(far, 0);
	int64_t start;

	set_timeout(fd, SO_SNDTIMEO, SHORT_MS);
	say_rc("connect", dial(fd, far));
	start = now_ms();
	say_rc("again", dial(fd, far));
	say_took("took", start, SHORT_MS);
	set_timeout(fd, SO_SNDTIMEO, LONG_MS);
	say_rc("patient", dial(fd, far));
	say_rc("once more", dial(fd, far));
	say_works(fd);
}

static void sndtimeo_long(const struct far *far)
{
	int fd = stream(far, 0);

	set_timeout(fd, SO_SNDTIMEO, LONG_MS);
	say_rc("connect", dial(fd, far));
	say_timeout("timeout", fd, SO_SNDTIMEO);
	say_works(fd);
}

/* Longer than 64 bits of nanoseconds tell. */
static void sndtimeo_centuries(const struct far *far)
{
	struct timeval wait = { .tv_sec = 10000000000l };
	int fd = stream(far, 0);

	say_rc("set", setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait,
				 sizeof(wait)));
	say_rc("connect", dial(fd, far));
	say_works(fd);
}

static void sndtimeo_refused(const struct far *far)
{
	int fd = stream(far, 0);

	set_timeout(fd, SO_SNDTIMEO, SHORT_MS);
	say_rc("connect", dial(fd, far));
	say_poll("later", fd, POLLOUT, LONG_MS);
	say_so_error("so_error", fd);
	say_so_error("again", fd);
}

/* What a write says on a socket whose connect ran out of time. */
static void sndtimeo_write(const struct far *far)
{
	int fd = stream(far, 0);

	set_timeout(fd, SO_SNDTIMEO, SHORT_MS);
	say_rc("connect", dial(fd, far));
	say_rc("write", write(fd, "x", 1));
	set_timeout(fd, SO_SNDTIMEO, 0);
	say_rc("patient", write(fd, "y", 1));
	say_rc("read", read(fd, (char[1]){ 0 }, 1));
	say_works(fd);
}

/* The receive timeout says nothing about connect. */
static void rcvtimeo(const struct far *far)
{
	int fd = stream(far, 0);
	char byte;
	int64_t start;

	set_timeout(fd, SO_RCVTIMEO, SHORT_MS);
	say_rc("connect", dial(fd, far));
	start = now_ms();
	say_rc("read", read(fd, &byte, 1));
	say_took("took", start, SHORT_MS);
	say_timeout("timeout", fd, SO_RCVTIMEO);
	say_works(fd);
}

/* --- signals --------------------------------------------------------------- */

static void eintr(const struct far *far)
{
	int fd = stream(far, 0);

	on_signal(SIGALRM, catch_it, 0);
	alarm_ms(SHORT_MS, 0);
	say_rc("connect", dial(fd, far));
	say("caught", "%d", (int)caught);
	say_peer("peer", fd);
	say_so_error("so_error", fd);
	say_poll("now", fd, POLLIN | POLLOUT, 0);
	say_done_later(fd);
}

static void eintr_again(const struct far *far)
{
	int fd = stream(far, 0);

	on_signal(SIGALRM, catch_it, 0);
	alarm_ms(SHORT_MS, 0);
	say_rc("connect", dial(fd, far));
	say_rc("again", dial(fd, far));
	say_rc("once more", dial(fd, far));
	say_works(fd);
}

static void eintr_refused(const struct far *far)
{
	int fd = stream(far, 0);

	on_signal(SIGALRM, catch_it, 0);
	alarm_ms(SHORT_MS, 0);
	say_rc("connect", dial(fd, far));
	say_rc("again", dial(fd, far));
	say_so_error("so_error", fd);
}

static void eintr_epoll(const struct far *far)
{
	int fd = stream(far, 0), ep = epoll_create1(0);

	on_signal(SIGALRM, catch_it, 0);
	alarm_ms(SHORT_MS, 0);
	say_rc("connect", dial(fd, far));
	epoll_change(ep, EPOLL_CTL_ADD, fd, EPOLLOUT | EPOLLET, 1);
	say_epoll("pending", ep, 0);
	say_epoll("ready", ep, LONG_MS);
	say_surplus("surplus", ep);
	say_works(fd);
}

/* A read waits for the connect that a signal broke off. */
static void eintr_read(const struct far *far)
{
	int fd = stream(far, 0);

	on_signal(SIGALRM, catch_it, 0);
	alarm_ms(SHORT_MS, 0);
	say_rc("connect", dial(fd, far));
	say_line("line", fd);
	say_works(fd);
}

static void sa_restart(const struct far *far)
{
	int fd = stream(far, 0);

	on_signal(SIGALRM, catch_it, SA_RESTART);
	alarm_ms(SHORT_MS, 0);
	say_rc("connect", dial(fd, far));
	say("caught", "%d", (int)caught);
	say_works(fd);
}

/* With SO_SNDTIMEO the kernel does not restart. */
static void sa_restart_sndtimeo(const struct far *far)
{
	int fd = stream(far, 0);

	set_timeout(fd, SO_SNDTIMEO, LONG_MS);
	on_signal(SIGALRM, catch_it, SA_RESTART);
	alarm_ms(SHORT_MS, 0);
	say_rc("connect", dial(fd, far));
	say("caught", "%d", (int)caught);
	say_done_later(fd);
}

/* A signal that is ignored, and one that stops and goes on. */
static void ignored(const struct far *far)
{
	int fd = stream(far, 0);

	on_signal(SIGALRM, SIG_IGN, 0);
	alarm_ms(10, 10);
	say_rc("connect", dial(fd, far));
	alarm_ms(0, 0);
	say_works(fd);
}

static void stopped(const struct far *far)
{
	int fd = stream(far, 0), status;
	pid_t pid = child();

	if (pid == 0) {
		say_rc("connect", dial(fd, far));
		say_works(fd);
		exit(0);
	}
	sleep_ms(SHORT_MS);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	say("stopped", "%d", WIFSTOPPED(status) != 0);
	sleep_ms(SOON_MS);
	kill(pid, SIGCONT);
	child_join("joined", pid);
}

/* A timer that fires many times, as profilers have. */
static void many_timers_restart(const struct far *far)
{
	int fd = stream(far, 0);

	on_signal(SIGALRM, catch_it, SA_RESTART);
	alarm_ms(5, 5);
	say_rc("connect", dial(fd, far));
	alarm_ms(0, 0);
	say("caught", "%s", caught >= 5 ? "many" : "few");
	say_works(fd);
}

static void many_timers(const struct far *far)
{
	int64_t end = now_ms() + LONG_MS;
	int fd = stream(far, 0), interrupted = 0, rc;

	on_signal(SIGALRM, catch_it, 0);
	alarm_ms(5, 5);
	while ((rc = dial(fd, far)) < 0 && errno == EINTR && now_ms() < end)
		interrupted++;
	say_rc("connect", rc);
	alarm_ms(0, 0);
	say("interrupted", "%s", interrupted >= 5 ? "many" : "few");
	say_works(fd);
}

/* A signal whose handler itself connects another socket. */
static const struct far *handler_far;
static int handler_fd, handler_rc;

static void dial_in_handler(int signo)
{
	int error = errno;

	(void)signo;
	handler_rc = dial(handler_fd, handler_far) < 0 ? -errno : 0;
	errno = error;
}

static void connect_in_handler(const struct far *far)
{
	int fd = stream(far, 0);

	handler_far = far;
	handler_fd = stream(far, SOCK_NONBLOCK);
	on_signal(SIGALRM, dial_in_handler, SA_RESTART);
	alarm_ms(SHORT_MS, 0);
	say_rc("connect", dial(fd, far));
	say("handler", "%s", errno_name(-handler_rc));
	say_works(fd);
	say_poll("handler's", handler_fd, POLLOUT, LONG_MS);
	say_works(handler_fd);
}

/* --- jumping out ----------------------------------------------------------- */

static sigjmp_buf jump;

static void jump_out(int signo)
{
	siglongjmp(jump, signo);
}

/* The connect is left by a jump after SHORT_MS, as wget's --timeout does. */
static int jumped(const struct far *far)
{
	static int fd;

	fd = stream(far, 0);
	on_signal(SIGALRM, jump_out, 0);
	if (sigsetjmp(jump, 1) == 0) {
		alarm_ms(SHORT_MS, 0);
		say_rc("connect", dial(fd, far));
	} else {
		say("connect", "jumped");
	}
	on_signal(SIGALRM, SIG_DFL, 0);
	return fd;
}

static void jump_close(const struct far *far)
{
	int fd = jumped(far), again;

	say_rc("close", close(fd));
	again = stream(far, 0);
	say("same number", "%d", again == fd);
	say_rc("connect", dial(again, far));
	say_works(again);
}

static void jump_wait(const struct far *far)
{
	int fd = jumped(far);

	say_peer("peer", fd);
	say_done_later(fd);
}

static void jump_connect(const struct far *far)
{
	int fd = jumped(far);

	say_rc("again", dial(fd, far));
	say_rc("once more", dial(fd, far));
	say_works(fd);
}

static void jump_write(const struct far *far)
{
	int fd = jumped(far);

	say_works(fd);
}

static void jump_many(const struct far *far)
{
	for (int i = 0; i < 5; i++)
		close(jumped(far));
	plain(far);
}

enum {
	JUMPS = 200
};

/* A connect that does not wait, left by a jump somewhere. */
static void begin_and_jump(const struct far *far, int fd, int us)
{
	struct itimerval timer = { .it_value.tv_usec = us };

	if (sigsetjmp(jump, 1) != 0)
		return;
	setitimer(ITIMER_REAL, &timer, NULL);
	dial(fd, far);
	for (;;)
		pause();
}

/* False: it is to be waited for. */
static bool is_over(const struct far *far, int fd, int *there)
{
	bool is_there = dial(fd, far) == 0 || errno == EISCONN;

	*there += is_there;
	return is_there || (errno != EINPROGRESS && errno != EALREADY);
}

/* How many of them are there in time, asked for again and again. */
static int dial_all(const struct far *far, const int *fds)
{
	struct pollfd polled[JUMPS];
	int64_t end = now_ms() + LONG_MS;
	int waited, there = 0;

	for (int i = 0; i < JUMPS; i++)
		polled[i] = (struct pollfd){ fds[i], POLLOUT, POLLOUT };
	do {
		waited = 0;
		for (int i = 0; i < JUMPS; i++) {
			if (polled[i].revents != 0 && polled[i].fd >= 0 &&
			    is_over(far, polled[i].fd, &there))
				polled[i].fd = -1;
			waited += polled[i].fd >= 0;
		}
	} while (waited > 0 && now_ms() < end &&
		 poll(polled, JUMPS, (int)(end - now_ms())) >= 0);
	return there;
}

/* Wherever it was left: it has begun, or it can be begun. */
static void jump_anywhere(const struct far *far)
{
	static int fds[JUMPS];

	on_signal(SIGALRM, jump_out, 0);
	for (int i = 0; i < JUMPS; i++) {
		fds[i] = stream(far, SOCK_NONBLOCK);
		begin_and_jump(far, fds[i], 1 + i);
	}
	on_signal(SIGALRM, SIG_DFL, 0);
	say("there", "%d", dial_all(far, fds));
	say_works(fds[0]);
}

/* --- cancellation ---------------------------------------------------------- */

static void clean(void *argument)
{
	struct dialer *d = argument;

	d->cleaned++;
}

static void *dial_cancellable(void *argument)
{
	struct dialer *d = argument;
	int old;

	if (d->cleaned < 0) {
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
		d->cleaned = 0;
	}
	pthread_cleanup_push(clean, d);
	dial_there(d);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *dial_uncancellable(void *argument)
{
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	return dial_there(argument);
}

static void cancelled(const struct far *far, void *(*run)(void *),
		      bool asynchronous)
{
	struct dialer d = { far, stream(far, 0), -ENOSYS, -asynchronous };
	pthread_t id = thread(run, &d);
	void *result;

	sleep_into_connect(d.fd);
	say_rc("cancel", pthread_cancel(id));
	pthread_join(id, &result);
	say("result", "%s",
	    result == PTHREAD_CANCELED ? "cancelled" : "returned");
	say("cleaned", "%d", d.cleaned);
	if (result != PTHREAD_CANCELED)
		say_dialed("connect", &d);
	say_done_later(d.fd);
}

static void cancel_deferred(const struct far *far)
{
	cancelled(far, dial_cancellable, false);
}

static void cancel_asynchronous(const struct far *far)
{
	cancelled(far, dial_cancellable, true);
}

static void cancel_disabled(const struct far *far)
{
	cancelled(far, dial_uncancellable, false);
}

/* Cancelled before: connect is a cancellation point and does nothing. */
static void *dial_when_cancelled(void *argument)
{
	struct dialer *d = argument;
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	sleep_ms(2 * SHORT_MS);
	pthread_cleanup_push(clean, d);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
	dial_there(d);
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancel_before(const struct far *far)
{
	struct dialer d = { far, stream(far, 0), -ENOSYS, 0 };
	pthread_t id = thread(dial_when_cancelled, &d);
	void *result;

	pthread_cancel(id);
	pthread_join(id, &result);
	say("result", "%s",
	    result == PTHREAD_CANCELED ? "cancelled" : "returned");
	say("cleaned", "%d", d.cleaned);
	say_poll("poll", d.fd, POLLOUT, 0);
	say_rc("connect", dial(d.fd, far));
	say_works(d.fd);
}

/* A nonblocking connect too is a cancellation point, else unharmed. */
static void cancel_wait(const struct far *far)
{
	struct dialer d = { far, pending(far), 0, 0 };
	pthread_t id = thread(dial_when_cancelled, &d);
	void *result;

	pthread_cancel(id);
	pthread_join(id, &result);
	say("result", "%s",
	    result == PTHREAD_CANCELED ? "cancelled" : "returned");
	say_done_later(d.fd);
}

/* --- threads on one socket ------------------------------------------------- */

static void two_dial(const struct far *far)
{
	struct dialer d[2] = { { far, stream(far, 0), 0, 0 } };
	pthread_t id[2];

	d[1] = d[0];
	id[0] = thread(dial_there, &d[0]);
	sleep_into_connect(d[0].fd);
	id[1] = thread(dial_there, &d[1]);
	for (int i = 0; i < 2; i++)
		pthread_join(id[i], NULL);
	/* Which of them the kernel wakes first is not known. */
	say("both", "%d", (d[0].rc == 0 || d[0].rc == -EISCONN) &&
				  (d[1].rc == 0 || d[1].rc == -EISCONN));
	say_works(d[0].fd);
}

static void dial_and_poll(const struct far *far)
{
	struct dialer d = { far, stream(far, 0), 0, 0 };
	pthread_t id = thread(dial_there, &d);

	sleep_into_connect(d.fd);
	say_peer("pending", d.fd);
	say_poll("ready", d.fd, POLLIN | POLLOUT, LONG_MS);
	pthread_join(id, NULL);
	say_dialed("connect", &d);
	say_works(d.fd);
}

static void dial_and_write(const struct far *far)
{
	struct dialer d = { far, stream(far, 0), 0, 0 };
	pthread_t id = thread(dial_there, &d);

	sleep_into_connect(d.fd);
	say_echo("echo", d.fd);
	pthread_join(id, NULL);
	say_dialed("connect", &d);
	say_works(d.fd);
}

static void dial_and_epoll(const struct far *far)
{
	struct dialer d = { far, stream(far, 0), 0, 0 };
	pthread_t id = thread(dial_there, &d);
	int ep = epoll_create1(0);

	sleep_into_connect(d.fd);
	say_rc("add", epoll_change(ep, EPOLL_CTL_ADD, d.fd,
				   EPOLLOUT | EPOLLET, 1));
	say_epoll("ready", ep, LONG_MS);
	pthread_join(id, NULL);
	say_dialed("connect", &d);
	say_surplus("surplus", ep);
	say_works(d.fd);
}

/* The number is closed in another thread: the connect goes on to its end. */
static void dial_and_close(const struct far *far)
{
	struct dialer d = { far, stream(far, 0), 0, 0 };
	pthread_t id = thread(dial_there, &d);

	sleep_into_connect(d.fd);
	say_rc("close", close(d.fd));
	pthread_join(id, NULL);
	say_dialed("connect", &d);
	say_rc("write", write(d.fd, "x", 1));
}

/* Closed, and the number is something else's when the connect returns. */
static void dial_and_reuse(const struct far *far)
{
	struct dialer d = { far, stream(far, 0), 0, 0 };
	pthread_t id = thread(dial_there, &d);
	int pipes[2], other;

	sleep_into_connect(d.fd);
	other = dup(d.fd);
	if (pipe(pipes) < 0)
		return;
	say("dup2", "%d", dup2(pipes[1], d.fd) == d.fd);
	pthread_join(id, NULL);
	say_dialed("connect", &d);
	say_rc("write", write(d.fd, "x", 1));
	say_poll("pipe", pipes[0], POLLIN, 0);
	say_works(other);
}

static void dial_and_shutdown(const struct far *far)
{
	struct dialer d = { far, stream(far, 0), 0, 0 };
	pthread_t id = thread(dial_there, &d);

	sleep_into_connect(d.fd);
	say_rc("shutdown", shutdown(d.fd, SHUT_RDWR));
	pthread_join(id, NULL);
	say_dialed("connect", &d);
	say_so_error("so_error", d.fd);
	say_poll("poll", d.fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	say_rc("write", write(d.fd, "x", 1));
}

enum { PAIRS = 24 };

struct paired {
	struct dialer dialer;
	pthread_barrier_t *both;
};

static void *dial_with_other(void *argument)
{
	struct paired *paired = argument;

	pthread_barrier_wait(paired->both);
	return dial_there(&paired->dialer);
}

/* Two threads connect one socket, many times at the same moment: each is told that it is. */
static void dial_at_once(const struct far *far)
{
	static struct paired pairs[PAIRS][2];
	static pthread_barrier_t both[PAIRS];
	pthread_t ids[PAIRS][2];
	int wrong = 0;

	for (int i = 0; i < PAIRS; i++) {
		int fd = stream(far, 0);

		pthread_barrier_init(&both[i], NULL, 2);
		for (int k = 0; k < 2; k++) {
			pairs[i][k].dialer.far = far;
			pairs[i][k].dialer.fd = fd;
			pairs[i][k].both = &both[i];
			ids[i][k] = thread(dial_with_other, &pairs[i][k]);
		}
	}
	for (int i = 0; i < PAIRS; i++) {
		for (int k = 0; k < 2; k++) {
			int rc;

			pthread_join(ids[i][k], NULL);
			rc = pairs[i][k].dialer.rc;
			wrong += rc != 0 && rc != -EISCONN;
		}
	}
	say("wrong", "%d", wrong);
	say_works(pairs[0][0].dialer.fd);
	say_works(pairs[PAIRS - 1][0].dialer.fd);
}

static void many_threads(const struct far *far)
{
	enum { MANY = 8 };
	struct dialer d[MANY];
	pthread_t id[MANY];

	for (int i = 0; i < MANY; i++) {
		d[i] = (struct dialer){ far, stream(far, 0), 0, 0 };
		id[i] = thread(dial_there, &d[i]);
	}
	for (int i = 0; i < MANY; i++) {
		pthread_join(id[i], NULL);
		say_dialed("connect", &d[i]);
		say_works(d[i].fd);
	}
}

/* --- flags and processes --------------------------------------------------- */

/* O_NONBLOCK is the open file's: set through one number, it holds for both. */
static void nonblock_on_dup(const struct far *far)
{
	int fd = stream(far, 0), other = dup(fd);

	set_nonblocking(other, true);
	say_rc("connect", dial(fd, far));
	say_poll("ready", other, POLLOUT, LONG_MS);
	say_works(fd);
}

/* Set while another thread's connect waits: that one goes on waiting. */
static void nonblock_meanwhile(const struct far *far)
{
	struct dialer d = { far, stream(far, 0), 0, 0 };
	pthread_t id = thread(dial_there, &d);

	sleep_into_connect(d.fd);
	set_nonblocking(d.fd, true);
	say_rc("other", dial(d.fd, far));
	pthread_join(id, NULL);
	say_dialed("connect", &d);
	say("flags", "0x%x", (unsigned int)fcntl(d.fd, F_GETFL));
	say_works(d.fd);
}

static void ioctl_nonblock(const struct far *far)
{
	int fd = stream(far, 0), one = 1, zero = 0;

	say_rc("ioctl", ioctl(fd, FIONBIO, &one));
	say_rc("connect", dial(fd, far));
	say_rc("ioctl", ioctl(fd, FIONBIO, &zero));
	say_rc("again", dial(fd, far));
	say_works(fd);
}

/* The flags look the same while the connect waits. */
static void flags_meanwhile(const struct far *far)
{
	struct dialer d = { far, stream(far, 0), 0, 0 };
	pthread_t id = thread(dial_there, &d);

	sleep_into_connect(d.fd);
	say("flags", "0x%x", (unsigned int)fcntl(d.fd, F_GETFL));
	say_option("rcvlowat", d.fd, SOL_SOCKET, SO_RCVLOWAT);
	pthread_join(id, NULL);
	say_dialed("connect", &d);
	say_works(d.fd);
}

/* The child connects, blocking; the parent waits by poll on the same socket. */
static void fork_child_dials(const struct far *far)
{
	int fd = stream(far, 0);
	pid_t pid = child();

	if (pid == 0) {
		exit(dial(fd, far) < 0 ? errno : 0);
	}
	child_join("child", pid);
	say_rc("again", dial(fd, far));
	say_works(fd);
}

static void fork_child_killed(const struct far *far)
{
	int fd = stream(far, 0);
	pid_t pid = child();

	if (pid == 0)
		exit(dial(fd, far) < 0 ? errno : 0);
	sleep_ms(SHORT_MS);
	kill(pid, SIGKILL);
	child_join("child", pid);
	say_peer("peer", fd);
	say_done_later(fd);
}

static const struct row rows[] = {
	{ "plain", "echo", plain },
	{ "plain-v6", "echo6", plain },
	{ "plain-mapped", "echo-mapped", plain },
	{ "banner", "banner", banner },
	{ "in-epoll", "echo", in_epoll },
	{ "sndtimeo", "echo", sndtimeo },
	{ "sndtimeo-again", "echo", sndtimeo_again },
	{ "sndtimeo-long", "echo", sndtimeo_long },
	{ "sndtimeo-centuries", "echo", sndtimeo_centuries },
	{ "sndtimeo-refused", "closed", sndtimeo_refused },
	{ "sndtimeo-write", "echo", sndtimeo_write },
	{ "rcvtimeo", "echo", rcvtimeo },
	{ "eintr", "echo", eintr },
	{ "eintr-again", "echo", eintr_again },
	{ "eintr-refused", "closed", eintr_refused },
	{ "eintr-epoll", "echo", eintr_epoll },
	{ "eintr-read", "banner", eintr_read },
	{ "sa-restart", "echo", sa_restart },
	{ "sa-restart-refused", "closed", sa_restart },
	{ "sa-restart-sndtimeo", "echo", sa_restart_sndtimeo },
	{ "ignored", "echo", ignored },
	{ "stopped", "echo", stopped },
	{ "many-timers-restart", "echo", many_timers_restart },
	{ "many-timers", "echo", many_timers },
	{ "connect-in-handler", "echo", connect_in_handler },
	{ "jump-close", "echo", jump_close },
	{ "jump-wait", "echo", jump_wait },
	{ "jump-connect", "echo", jump_connect },
	{ "jump-write", "echo", jump_write },
	{ "jump-many", "echo", jump_many },
	{ "jump-anywhere", "echo", jump_anywhere },
	{ "cancel-deferred", "echo", cancel_deferred },
	{ "cancel-asynchronous", "echo", cancel_asynchronous },
	{ "cancel-disabled", "echo", cancel_disabled },
	{ "cancel-before", "echo", cancel_before },
	{ "cancel-wait", "echo", cancel_wait },
	{ "two-dial", "echo", two_dial },
	{ "dial-and-poll", "echo", dial_and_poll },
	{ "dial-and-write", "echo", dial_and_write },
	{ "dial-and-epoll", "echo", dial_and_epoll },
	{ "dial-and-close", "echo", dial_and_close },
	{ "dial-and-reuse", "echo", dial_and_reuse },
	{ "dial-and-shutdown", "echo", dial_and_shutdown },
	{ "dial-at-once", "echo", dial_at_once },
	{ "many-threads", "echo", many_threads },
	{ "nonblock-on-dup", "echo", nonblock_on_dup },
	{ "nonblock-meanwhile", "echo", nonblock_meanwhile },
	{ "ioctl-nonblock", "echo", ioctl_nonblock },
	{ "flags-meanwhile", "echo", flags_meanwhile },
	{ "fork-child-dials", "echo", fork_child_dials },
	{ "fork-child-killed", "echo", fork_child_killed },
};

VICTIM_MAIN(rows)
