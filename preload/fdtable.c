/* SPDX-License-Identifier: MIT */
/*
 * fdtable.c - which descriptors stand for something of ours
 *
 * Theory of Operation
 *
 * Two levels: an array of chunks, each for 1,024 descriptors, mapped when one of
 * them is first told of and never unmapped. A slot holds a pointer to a thing
 * and notes. Readers take no lock: they load the pointer, raise the count of
 * references if it is not zero, and look whether the slot still holds that
 * pointer. That is sound because things live in memory that is only ever
 * reused for things (see conn_pool.c).
 *
 * A descriptor may be closed where we do not see it (libc's insides, a
 * raw system call). A slot is therefore a hint: who finds a thing asks the
 * kernel whether the socket is still the one it was made for (SO_COOKIE) before
 * anything hangs on it.
 *
 * fork: the child has a copy, and its copy is right. vfork and its like: the
 * child has the parent's memory with descriptors of its own; a close there is no
 * close here, so all changes are left out. The two are told apart by a page
 * that the kernel wipes in every child that gets a copy (MADV_WIPEONFORK): it
 * holds the pid of the tables' owner, and zero stands for "a new owner".
 */
#include "preload/fdtable.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "core/sys.h"
#include "preload/clock.h"

struct fdtable_slot *fdtable_chunks[FDTABLE_CHUNKS];
static pid_t *owner; /* in the page that fork wipes */

static void *map_pages(size_t size)
{
	long p = sys6(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p < 0 && p > -4096 ? NULL : (void *)p;
}

static pid_t *owner_page(void)
{
	pid_t *page = __atomic_load_n(&owner, __ATOMIC_ACQUIRE);
	pid_t *other = NULL;

	if (page != NULL)
		return page;
	page = map_pages(4096);
	if (page == NULL)
		return NULL;
	sys3(SYS_madvise, page, 4096, MADV_WIPEONFORK);
	if (__atomic_compare_exchange_n(&owner, &other, page, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return page;
	sys2(SYS_munmap, page, 4096);
	return other;
}

bool fdtable_ours(void)
{
	pid_t *page = owner_page();
	pid_t pid = (pid_t)sys0(SYS_getpid);
	pid_t nobody = 0;

	if (page == NULL)
		return false;
	if (__atomic_load_n(page, __ATOMIC_RELAXED) == pid)
		return true;
	return __atomic_compare_exchange_n(page, &nobody, pid, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static struct fdtable_slot *slot_made(int fd)
{
	const size_t size = FDTABLE_CHUNK * sizeof(struct fdtable_slot);
	struct fdtable_slot *slot = fdtable_slot(fd);
	struct fdtable_slot *chunk, *other = NULL;

	if (slot != NULL || fd < 0 || fd >= FDTABLE_CHUNKS * FDTABLE_CHUNK)
		return slot;
	chunk = map_pages(size);
	if (chunk == NULL)
		return NULL;
	if (!__atomic_compare_exchange_n(&fdtable_chunks[fd / FDTABLE_CHUNK],
					 &other, chunk, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		sys2(SYS_munmap, chunk, size);
	return fdtable_slot(fd);
}

bool fdtable_hold(struct thing *thing)
{
	uint32_t refs = __atomic_load_n(&thing->refs, __ATOMIC_RELAXED);

	while (refs != 0)
		if (__atomic_compare_exchange_n(&thing->refs, &refs, refs + 1,
						true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

void fdtable_put(struct thing *thing)
{
	if (thing != NULL &&
	    __atomic_sub_fetch(&thing->refs, 1, __ATOMIC_ACQ_REL) == 0)
		thing->kind->release(thing);
}

struct thing *fdtable_get(int fd)
{
	struct fdtable_slot *slot = fdtable_slot(fd);
	struct thing *thing;

	if (slot == NULL)
		return NULL;
	for (;;) {
		thing = __atomic_load_n(&slot->thing, __ATOMIC_ACQUIRE);
		if (thing == NULL)
			return NULL;
		if (!fdtable_hold(thing))
			continue;
		if (__atomic_load_n(&slot->thing, __ATOMIC_ACQUIRE) == thing)
			return thing;
		fdtable_put(thing);
	}
}

struct thing *fdtable_get_kind(int fd, const struct thing_kind *kind)
{
	struct thing *thing = fdtable_get(fd);

	if (thing == NULL || thing->kind == kind)
		return thing;
	fdtable_put(thing);
	return NULL;
}

int fdtable_set(int fd, struct thing *thing)
{
	struct fdtable_slot *slot;

	if (!fdtable_ours())
		return -EPERM;
	slot = slot_made(fd);
	if (slot == NULL)
		return -ENOMEM;
	fdtable_put(__atomic_exchange_n(&slot->thing, thing, __ATOMIC_ACQ_REL));
	return 0;
}

int fdtable_share(int fd, struct thing *thing)
{
	struct fdtable_slot *slot = fdtable_slot(fd);
	int r;

	if (slot && __atomic_load_n(&slot->thing, __ATOMIC_RELAXED) == thing)
		return 0;
	if (!fdtable_hold(thing))
		return -ENOENT;
	r = fdtable_set(fd, thing);
	if (r < 0)
		fdtable_put(thing);
	return r;
}

void fdtable_forget(int fd, struct thing *thing)
{
	struct fdtable_slot *slot = fdtable_slot(fd);
	struct thing *was = thing;

	if (slot == NULL || !fdtable_ours())
		return;
	if (__atomic_compare_exchange_n(&slot->thing, &was, NULL, false,
					__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		fdtable_put(thing);
}

int fdtable_find(const struct thing *thing)
{
	for (int fd = 0; fd < FDTABLE_CHUNKS * FDTABLE_CHUNK; fd++) {
		const struct fdtable_slot *slot = fdtable_slot(fd);

		if (slot == NULL)
			fd |= FDTABLE_CHUNK - 1; /* on to the next chunk */
		else if (__atomic_load_n(&slot->thing, __ATOMIC_RELAXED) ==
			 thing)
			return fd;
	}
	return -1;
}

/*
 * Who has the number next sees all that who had it before did with the slot: the kernel
 * orders the two, and the notes say it once more, for who cannot look into the kernel.
 */
static void slot_clear(struct fdtable_slot *slot)
{
	uint32_t notes = __atomic_load_n(&slot->notes, __ATOMIC_RELAXED);

	if (notes & FD_EPOLL)
		__atomic_store_n(&slot->epoll, 0, __ATOMIC_RELAXED);
	if (notes != 0)
		__atomic_store_n(&slot->notes, 0, __ATOMIC_RELEASE);
	if (__atomic_load_n(&slot->thing, __ATOMIC_RELAXED) != NULL)
		fdtable_put(__atomic_exchange_n(&slot->thing, NULL,
						__ATOMIC_ACQ_REL));
}

static bool slot_used(const struct fdtable_slot *slot)
{
	return __atomic_load_n(&slot->notes, __ATOMIC_ACQUIRE) != 0 ||
	       __atomic_load_n(&slot->thing, __ATOMIC_RELAXED) != NULL;
}

/* A vfork child may clear a note that costs nothing but a longer look later. */
static bool slot_matters(const struct fdtable_slot *slot)
{
	return __atomic_load_n(&slot->thing, __ATOMIC_RELAXED) != NULL ||
	       __atomic_load_n(&slot->notes, __ATOMIC_RELAXED) & FD_EPOLL;
}

void fdtable_drop(int fd)
{
	struct fdtable_slot *slot = fdtable_slot(fd);

	if (slot != NULL && slot_used(slot) &&
	    (!slot_matters(slot) || fdtable_ours()))
		slot_clear(slot);
}

void fdtable_drop_range(unsigned int first, unsigned int last)
{
	unsigned int end = FDTABLE_CHUNKS * FDTABLE_CHUNK - 1;

	if (last > end)
		last = end;
	if (!fdtable_ours())
		return;
	for (unsigned int fd = first; fd <= last; fd++) {
		struct fdtable_slot *slot = fdtable_slot((int)fd);

		if (slot == NULL)
			fd |= FDTABLE_CHUNK - 1; /* on to the next chunk */
		else if (slot_used(slot))
			slot_clear(slot);
	}
}

void fdtable_dup(int from, int to)
{
	struct fdtable_slot *source = fdtable_slot(from);
	struct fdtable_slot *target;
	struct thing *thing;

	if (from == to)
		return;
	if (source == NULL || !slot_used(source)) {
		fdtable_drop(to);
		return;
	}
	if (!fdtable_ours())
		return;
	target = slot_made(to);
	if (target == NULL)
		return;
	__atomic_fetch_or(&source->notes, FD_DUPED, __ATOMIC_RELAXED);
	thing = fdtable_get(from);
	fdtable_put(__atomic_exchange_n(&target->thing, thing,
					__ATOMIC_ACQ_REL));
	__atomic_store_n(&target->epoll,
			 __atomic_load_n(&source->epoll, __ATOMIC_RELAXED),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&target->notes,
			 __atomic_load_n(&source->notes, __ATOMIC_RELAXED),
			 __ATOMIC_RELAXED);
}

void fdtable_note(int fd, unsigned int notes)
{
	struct fdtable_slot *slot;

	if ((fdtable_notes(fd) & notes) == notes)
		return;
	slot = slot_made(fd);
	if (slot != NULL)
		__atomic_fetch_or(&slot->notes, notes, __ATOMIC_RELAXED);
}

/* Neither two processes nor two moments give the same; as good as that. */
static uint32_t new_mark(void)
{
	uint64_t pid = (uint64_t)sys0(SYS_getpid);
	uint32_t mark = (uint32_t)(pid * 0x9e3779b97f4a7c15 >> 32) ^
			(uint32_t)clock_now_ns();

	return mark ? mark : 1;
}

void fdtable_note_epoll(int fd, bool made)
{
	struct fdtable_slot *slot;
	uint32_t none = 0;

	if (!made && fdtable_epoll(fd) != 0)
		return;
	slot = slot_made(fd);
	/* In a vfork child the number may be an epoll's of its parent. */
	if (slot != NULL && fdtable_ours()) {
		if (made)
			__atomic_store_n(&slot->epoll, 0, __ATOMIC_RELAXED);
		__atomic_compare_exchange_n(&slot->epoll, &none, new_mark(),
					    false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
	}
	fdtable_note(fd, FD_EPOLL);
}

bool fdtable_note_first(int fd, unsigned int note)
{
	struct fdtable_slot *slot = slot_made(fd);

	return slot == NULL || !(__atomic_fetch_or(&slot->notes, note,
						   __ATOMIC_ACQ_REL) &
				 note);
}

void fdtable_inherit(void)
{
	for (int fd = 0; fd < FDTABLE_CHUNKS * FDTABLE_CHUNK; fd++) {
		struct fdtable_slot *slot = fdtable_slot(fd);

		if (slot == NULL)
			fd |= FDTABLE_CHUNK - 1;
		else if (slot->notes & FD_SEEN)
			slot->notes |= FD_INHERITED;
	}
}

void fdtable_unnote(int fd, unsigned int notes)
{
	struct fdtable_slot *slot = fdtable_slot(fd);

	if (slot != NULL)
		__atomic_fetch_and(&slot->notes, ~notes, __ATOMIC_RELAXED);
}

void fdtable_watch(int fd, const struct fd_watch *watch, bool changed)
{
	struct fdtable_slot *slot = slot_made(fd);
	bool known;

	if (slot == NULL)
		return;
	known = fdtable_notes(fd) & FD_WATCHED;
	if (known && (!changed || slot->watch.epfd != watch->epfd))
		fdtable_note(fd, FD_WATCHED_MORE);
	else
		slot->watch = *watch;
	fdtable_note(fd, watch->events & EPOLLONESHOT ?
				 FD_WATCHED | FD_WATCHED_MORE :
				 FD_WATCHED);
}

bool fdtable_watched(int fd, struct fd_watch *watch)
{
	const struct fdtable_slot *slot = fdtable_slot(fd);
	unsigned int asked = FD_SEEN | FD_WATCHED | FD_WATCHED_MORE | FD_DUPED;

	if (slot == NULL ||
	    (fdtable_notes(fd) & asked) != (FD_SEEN | FD_WATCHED))
		return false;
	*watch = slot->watch;
	return true;
}

void fdtable_each_noted(unsigned int notes, void (*each)(int fd, void *arg),
			void *arg)
{
	for (int fd = 0; fd < FDTABLE_CHUNKS * FDTABLE_CHUNK; fd++) {
		struct fdtable_slot *slot = fdtable_slot(fd);

		if (slot == NULL)
			fd |= FDTABLE_CHUNK - 1;
		else if (__atomic_load_n(&slot->notes, __ATOMIC_RELAXED) &
			 notes)
			each(fd, arg);
	}
}

int fdtable_next(int fd)
{
	for (fd++; fd < FDTABLE_CHUNKS * FDTABLE_CHUNK; fd++) {
		const struct fdtable_slot *slot = fdtable_slot(fd);

		if (slot == NULL)
			fd |= FDTABLE_CHUNK - 1;
		else if (__atomic_load_n(&slot->thing, __ATOMIC_RELAXED) !=
			 NULL)
			return fd;
	}
	return -1;
}
