/* SPDX-License-Identifier: MIT */
/*
 * watch.c - the program's epoll registrations of a connection under way
 *
 * While a connection is negotiated the kernel would call its socket writable
 * long before the program may write. So the program's registrations get other
 * events and data meanwhile: the direction that the handshake waits for,
 * edge-triggered, and a marker that names our record. The waiter that finds a marker steps the handshake
 * (hook_epoll.c); when it is over the registration is made what it was, and the
 * kernel itself reports what is to be reported.
 *
 * Which registrations there are is told by epoll_ctl, as long as there is one (fdtable);
 * else it is read from the epoll's fdinfo, which also knows those that were made
 * where we do not see it, and whether a ONESHOT has fired.
 */
#include "preload/watch.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/log.h"
#include "core/sys.h"
#include "preload/fdtable.h"
#include "preload/options.h"

/* What ep_insert() lets through beside EPOLLEXCLUSIVE, epoll_ctl(2). */
#define EXCLUSIVE_OK                                                  \
	(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | \
	 EPOLLET | EPOLLEXCLUSIVE)

/* A ONESHOT that has fired keeps nothing but these, and waits for a MOD. */
#define PRIVATE_BITS (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)

static int ctl(int epfd, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	return (int)sys4(SYS_epoll_ctl, epfd, op, fd, &event);
}

/* An exclusive registration cannot be changed, only made again; if there is one. */
static int replace(int epfd, int fd, bool exclusive, uint32_t events,
		   uint64_t data)
{
	int r;

	if (!exclusive)
		return ctl(epfd, EPOLL_CTL_MOD, fd, events, data);
	r = ctl(epfd, EPOLL_CTL_DEL, fd, 0, 0);
	return r < 0 ? r : ctl(epfd, EPOLL_CTL_ADD, fd, events, data);
}

/* watch_is_in looks without the lock. */
static bool is_in(const struct watch *watch, int epfd)
{
	return __atomic_load_n(&watch->epfd, __ATOMIC_RELAXED) == epfd &&
	       __atomic_load_n(&watch->epoll, __ATOMIC_RELAXED) ==
		       fdtable_epoll(epfd);
}

static void set_epoll(struct watch *watch, int epfd)
{
	__atomic_store_n(&watch->epoll, fdtable_epoll(epfd), __ATOMIC_RELAXED);
	__atomic_store_n(&watch->epfd, epfd, __ATOMIC_RELAXED);
}

static struct watch *watch_find(struct pending *pending, int epfd, int fd)
{
	for (size_t i = 0; i < PENDING_WATCHES; i++)
		if (is_in(&pending->watches[i], epfd) &&
		    pending->watches[i].fd == fd)
			return &pending->watches[i];
	return NULL;
}

static struct watch *watch_free(struct pending *pending)
{
	for (size_t i = 0; i < PENDING_WATCHES; i++)
		if (pending->watches[i].epfd == -1)
			return &pending->watches[i];
	return NULL;
}

static int remember(struct pending *pending, int epfd, int fd, uint32_t events,
		    uint64_t data)
{
	struct watch *watch = watch_find(pending, epfd, fd);

	if (watch == NULL)
		watch = watch_free(pending);
	if (watch == NULL)
		return -ENOMEM;
	set_epoll(watch, epfd);
	watch->fd = fd;
	watch->events = events;
	watch->own = false;
	watch->data = data;
	return 0;
}

/* --- the kernel's list ------------------------------------------------------ */

static const char *skip_to(const char *at, const char *label)
{
	const char *found = strstr(at, label);

	return found ? found + strlen(label) : NULL;
}

static const char *number(const char *at, unsigned int base, uint64_t *value)
{
	*value = 0;
	while (*at == ' ' || *at == '\t')
		at++;
	for (;; at++) {
		unsigned int digit;

		if (*at >= '0' && *at <= '9')
			digit = (unsigned int)(*at - '0');
		else if (*at >= 'a' && *at <= 'f')
			digit = (unsigned int)(*at - 'a') + 10;
		else
			return at;
		if (digit >= base)
			return at;
		*value = *value * base + digit;
	}
}

int watch_parse(const char *line, struct watch_line *out)
{
	static const struct {
		const char *label;
		unsigned int base;
	} fields[] = {
		{ "tfd:", 10 }, { "events:", 16 }, { "data:", 16 }, { "ino:", 16 }
	};
	uint64_t values[4];

	for (size_t i = 0; i < 4; i++) {
		line = skip_to(line, fields[i].label);
		if (line == NULL)
			return -EINVAL;
		line = number(line, fields[i].base, &values[i]);
	}
	out->fd = (int32_t)values[0];
	out->events = (uint32_t)values[1];
	out->data = values[2];
	out->inode = values[3];
	return 0;
}

/* fired: only the ONESHOTs that have fired are looked for, else only the others. */
struct search {
	struct pending *pending;
	uint64_t inode;
	bool fired;
	int result;
};

static bool take_over(int epfd, const struct watch_line *line, void *arg)
{
	struct search *search = arg;
	struct pending *pending = search->pending;

	if (line->inode != search->inode ||
	    !(line->events & ~PRIVATE_BITS) != search->fired)
		return true;
	search->result = remember(pending, epfd, line->fd, line->events,
				  line->data);
	if (search->result == 0 && !search->fired)
		replace(epfd, line->fd, line->events & EPOLLEXCLUSIVE,
			pending->events | EPOLLET, pending_marker(pending));
	return search->result == 0;
}

/* What is done with a line; false: with no more of them. */
typedef bool line_user(int epfd, const struct watch_line *line, void *arg);

static bool use_lines(int epfd, char *text, line_user *use, void *arg)
{
	char *end;

	for (; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		struct watch_line line;

		*end = '\0';
		if (watch_parse(text, &line) == 0 && !use(epfd, &line, arg))
			return false;
	}
	return true;
}

/* Reads epfd's fdinfo by pieces, whole lines at a time. */
static void read_fdinfo(int epfd, line_user *use, void *arg)
{
	char text[1024];
	size_t have = 0;
	long file, n;

	log_format(text, sizeof(text), "/proc/self/fdinfo/%d", epfd);
	file = sys4(SYS_openat, AT_FDCWD, text, O_RDONLY | O_CLOEXEC, 0);
	if (file < 0)
		return;
	while ((n = sys3(SYS_read, file, text + have,
			 sizeof(text) - 1 - have)) > 0) {
		char *last;

		have += (size_t)n;
		text[have] = '\0';
		last = strrchr(text, '\n');
		if (last == NULL)
			break;
		n = last + 1 - text;
		if (!use_lines(epfd, text, use, arg))
			break;
		memmove(text, text + n, have - (size_t)n);
		have -= (size_t)n;
	}
	sys1(SYS_close, file);
}

static void search_epoll(int epfd, void *arg)
{
	struct search *search = arg;

	if (search->result == 0)
		read_fdinfo(epfd, take_over, search);
}

/* The file's inode; 0: there is no such descriptor. */
static uint64_t inode_of(int fd)
{
	struct stat st;

	return sys4(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH) < 0 ? 0 :
								      st.st_ino;
}

struct holders {
	uint64_t inode;
	bool found;
	void (*each)(int epfd, void *arg);
	void *arg;
};

static bool is_holder(int epfd, const struct watch_line *line, void *arg)
{
	struct holders *holders = arg;

	(void)epfd;
	holders->found = line->inode == holders->inode;
	return !holders->found;
}

static void tell_holder(int epfd, void *arg)
{
	struct holders *holders = arg;

	holders->found = false;
	read_fdinfo(epfd, is_holder, holders);
	if (holders->found)
		holders->each(epfd, holders->arg);
}

void watch_each_epoll(int fd, void (*each)(int epfd, void *arg), void *arg)
{
	struct holders holders = { .inode = inode_of(fd), .each = each, .arg = arg };

	if (holders.inode != 0)
		fdtable_each_noted(FD_EPOLL, tell_holder, &holders);
}

static int search_epolls(struct pending *pending, int fd, bool fired)
{
	struct search search = { .pending = pending, .fired = fired };

	search.inode = inode_of(fd);
	if (search.inode == 0)
		return -EBADF;
	fdtable_each_noted(FD_EPOLL, search_epoll, &search);
	return search.result;
}

/* The kernel's word for it: what is not registered (any more) cannot be changed. */
static bool take_over_known(struct pending *pending, int fd)
{
	struct fd_watch watch;

	if (!fdtable_watched(fd, &watch) || watch.events & EPOLLEXCLUSIVE ||
	    ctl(watch.epfd, EPOLL_CTL_MOD, fd, pending->events | EPOLLET,
		pending_marker(pending)) < 0)
		return false;
	remember(pending, watch.epfd, fd, watch.events, watch.data);
	return true;
}

int watch_begin(struct pending *pending, int fd)
{
	int r;

	if (take_over_known(pending, fd))
		return 0;
	r = search_epolls(pending, fd, false);

	if (r < 0)
		watch_end(pending, fd);
	return r;
}

int watch_begin_fired(struct pending *pending, int fd)
{
	return search_epolls(pending, fd, true);
}

/* --- while it is pending ------------------------------------------------------ */

/*
 * A registration outlives its descriptor where the socket has another one, fd, but can only
 * be named by that number: which is taken for the moment, if it is free. One in an epoll that
 * this process does not have is left alone.
 */
static int apply(const struct pending *pending, const struct watch *watch,
		 int fd, int op, uint32_t events, uint64_t data)
{
	bool shown = watch->fd == fd || option_cookie(watch->fd) == pending->cookie;
	long number = watch->fd;
	int r = -EBUSY;

	if (!is_in(watch, watch->epfd))
		return -EBADF;
	if (!shown)
		number = sys3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, watch->fd);
	if (number == watch->fd)
		r = op == EPOLL_CTL_MOD ?
			    replace(watch->epfd, watch->fd,
				    watch->events & EPOLLEXCLUSIVE, events,
				    data) :
			    ctl(watch->epfd, op, watch->fd, events, data);
	if (number >= 0 && !shown)
		sys1(SYS_close, number);
	return r;
}

void watch_end(struct pending *pending, int fd)
{
	for (size_t i = 0; i < PENDING_WATCHES; i++) {
		struct watch *watch = &pending->watches[i];

		if (watch->epfd == -1)
			continue;
		apply(pending, watch, fd,
		      watch->own ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, watch->events,
		      watch->data);
		set_epoll(watch, -1);
	}
}

/* The bits that are not events stay. */
void watch_mask(struct pending *pending, uint32_t events)
{
	for (size_t i = 0; i < PENDING_WATCHES; i++)
		pending->watches[i].events &= events | PRIVATE_BITS;
}

void watch_again(struct pending *pending, int fd)
{
	for (size_t i = 0; i < PENDING_WATCHES; i++)
		if (pending->watches[i].epfd != -1)
			apply(pending, &pending->watches[i], fd, EPOLL_CTL_MOD,
			      pending->events | EPOLLET,
			      pending_marker(pending));
}

bool watch_lock(struct pending *pending, uint32_t generation)
{
	if (!pending_is_active(pending, generation) || !pending_lock(pending))
		return false;
	if (pending_is_active(pending, generation))
		return true;
	watch_unlock(pending, -1);
	return false;
}

/* What is not active yet is asked for again when it is. */
void watch_unlock(struct pending *pending, int fd)
{
	while (!pending_unlock(pending))
		if (pending_state(pending) == PENDING_ACTIVE)
			watch_again(pending, fd);
}

void watch_leave(const struct pending *pending, int fd)
{
	for (size_t i = 0; i < PENDING_WATCHES; i++)
		if (pending->watches[i].epfd != -1)
			apply(pending, &pending->watches[i], fd, EPOLL_CTL_DEL,
			      0, 0);
}

/* Two descriptors of one epoll are remembered as two: the second finds it done. */
int watch_join(const struct pending *pending, int fd)
{
	int result = 0;

	for (size_t i = 0; i < PENDING_WATCHES; i++) {
		int r;

		if (pending->watches[i].epfd == -1)
			continue;
		r = apply(pending, &pending->watches[i], fd, EPOLL_CTL_ADD,
			  pending->events | EPOLLET, pending_marker(pending));
		if (r < 0 && r != -EEXIST)
			result = r;
	}
	return result;
}

void watch_change(struct pending *pending, int fd, uint32_t events)
{
	if (pending->events == events)
		return;
	pending->events = events;
	watch_again(pending, fd);
}

bool watch_any(const struct pending *pending)
{
	for (size_t i = 0; i < PENDING_WATCHES; i++)
		if (pending->watches[i].epfd != -1)
			return true;
	return false;
}

bool watch_is_in(const struct pending *pending, int epfd)
{
	for (size_t i = 0; i < PENDING_WATCHES; i++)
		if (is_in(&pending->watches[i], epfd))
			return true;
	return false;
}

void watch_drop(struct pending *pending, int epfd)
{
	for (size_t i = 0; i < PENDING_WATCHES; i++)
		if (is_in(&pending->watches[i], epfd))
			set_epoll(&pending->watches[i], -1);
}

int watch_attend(struct pending *pending, int epfd, int fd)
{
	uint32_t events = pending->events | EPOLLET;
	uint64_t marker = pending_marker(pending);
	int r;

	/* It may have been another epoll, of the same number. */
	if (watch_find(pending, epfd, fd) != NULL &&
	    ctl(epfd, EPOLL_CTL_MOD, fd, events, marker) == 0)
		return 0;
	if (watch_find(pending, epfd, fd) == NULL &&
	    watch_free(pending) == NULL)
		return -ENOMEM;
	r = ctl(epfd, EPOLL_CTL_ADD, fd, events, marker);
	if (r < 0)
		return r;
	remember(pending, epfd, fd, 0, 0);
	watch_find(pending, epfd, fd)->own = true;
	return 0;
}

static int ctl_remove(struct pending *pending, int epfd, int fd)
{
	struct watch *watch = watch_find(pending, epfd, fd);
	int r = ctl(epfd, EPOLL_CTL_DEL, fd, 0, 0);

	if (watch != NULL)
		set_epoll(watch, -1);
	return r;
}

int watch_ctl(struct pending *pending, int epfd, int op, int fd,
	      const struct epoll_event *event)
{
	struct watch *watch = watch_find(pending, epfd, fd);
	int r;

	if (op == EPOLL_CTL_DEL)
		return ctl_remove(pending, epfd, fd);
	if (event->events & EPOLLEXCLUSIVE) {
		/* What the kernel refuses, it shall refuse itself. */
		if (op != EPOLL_CTL_ADD || event->events & ~EXCLUSIVE_OK)
			return ctl(epfd, op, fd, event->events,
				   event->data.u64);
	} else if (op == EPOLL_CTL_MOD && watch != NULL &&
		   watch->events & EPOLLEXCLUSIVE) {
		return -EINVAL;
	}
	if (watch == NULL && watch_free(pending) == NULL)
		return -ENOMEM;
	r = ctl(epfd, op, fd, pending->events | EPOLLET,
		pending_marker(pending));
	if (r < 0)
		return r;
	return remember(pending, epfd, fd, event->events, event->data.u64);
}
