/* SPDX-License-Identifier: MIT */
/*
 * sources.c - whom a UDP socket sent to, and under which address they answer
 *
 * Theory of Operation
 *
 * What goes to a name is sent to the fake address that stands for it, and the answer comes
 * from a real one. The program is to see the address that it sent to, and never the answer of
 * another: it tells its peers apart by nothing else.
 *
 * The first name of a port goes to the proxy as a name. The first answer from that port which
 * comes from an address that nobody is known by tells the real address of the name; from then
 * on whatever comes from there, be it from another port, is shown as from the fake one. One
 * more address is learnt so, for names that have several. This is a belief: whoever else can
 * send to the relay, from that port, and is faster, is taken for the name.
 *
 * A second name of the same port would make it a guess. So the addresses of that are asked for
 * (dgram_names.c), and it goes to the proxy by address (SOURCE_FIXED): its answers come from
 * these, and what comes from an unknown one is still the first name's, if that waits. Its
 * addresses are asked for, too, for both names may lead to one host; which of the two an
 * answer is for is then told by who was sent to first and has no answer yet.
 *
 * Where nobody can tell the addresses of the second name, one of two things is done. If the
 * first has answered, it goes by the address that it has answered from, from now on, and the
 * second is the one that goes as a name. If not, the second is refused until it has: an
 * error is better than the answer of one host shown as another's. So is silence: what comes
 * from an address that cannot be placed is shown as what it is.
 *
 * Some relays say in their answers which name they come from. Then there is nothing to be
 * guessed, and all names go as names.
 *
 * Of the addresses that were sent to as such a hash each is kept, so that their answers are
 * not taken for a name's. When there were too many for that, nothing is learnt any more.
 *
 * Names and hosts are only ever added, and are complete when their number counts them, so
 * whoever looks needs no lock. Who changes something has it, with signals blocked. A few fit
 * into the structure; with more they are copied into a mapping, and whoever still looks at the
 * old ones misses the latest.
 *
 * After a fork each process knows what it has sent itself. A name that another process sends
 * to by the same socket is unknown here.
 */
#include "preload/sources.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "core/sys.h"
#include "preload/signals.h"
#include "resolver/fakemap.h"
#include "resolver/nameserver.h"

uint32_t sources_changes;

static void changed(void)
{
	__atomic_add_fetch(&sources_changes, 1, __ATOMIC_RELEASE);
}

void sources_clear(struct sources *sources)
{
	struct source_table *room = sources->room;

	if (sources->more != NULL)
		sys3(SYS_madvise, room, sizeof(*room), MADV_DONTNEED);
	memset(sources, 0, sizeof(*sources));
	sources->room = room;
	changed();
}

static void lock(struct sources *sources, sigset_t *signals)
{
	signals_block(signals);
	while (__atomic_exchange_n(&sources->lock, 1, __ATOMIC_ACQUIRE) != 0)
		sys0(SYS_sched_yield);
}

static void unlock(struct sources *sources, const sigset_t *signals)
{
	__atomic_store_n(&sources->lock, 0, __ATOMIC_RELEASE);
	signals_restore(signals);
}

/* --- names and hosts ------------------------------------------------------------------ */

/* The numbers are read first: what they count is where this points to afterwards. */
static int count_names(const struct sources *sources)
{
	return (int)__atomic_load_n(&sources->n_names, __ATOMIC_ACQUIRE);
}

static int count_hosts(const struct sources *sources)
{
	return (int)__atomic_load_n(&sources->n_hosts, __ATOMIC_ACQUIRE);
}

static struct source *name_at(const struct sources *sources, int i)
{
	struct source_table *more =
		__atomic_load_n(&sources->more, __ATOMIC_ACQUIRE);

	return more != NULL ? &more->names[i] : (struct source *)&sources->few[i];
}

static struct source_host *host_at(const struct sources *sources, int i)
{
	struct source_table *more =
		__atomic_load_n(&sources->more, __ATOMIC_ACQUIRE);

	return more != NULL ? &more->hosts[i] :
			      (struct source_host *)&sources->few_hosts[i];
}

static enum source_state state_of(const struct source *source)
{
	return __atomic_load_n(&source->state, __ATOMIC_ACQUIRE);
}

static void set_state(struct source *source, enum source_state state)
{
	__atomic_store_n(&source->state, state, __ATOMIC_RELEASE);
	changed();
}

static enum source_asking asking_of(const struct source *source)
{
	return __atomic_load_n(&source->asking, __ATOMIC_RELAXED);
}

static void set_asking(struct source *source, enum source_asking asking)
{
	__atomic_store_n(&source->asking, asking, __ATOMIC_RELAXED);
}

static int hosts_of(const struct source *source)
{
	return __atomic_load_n(&source->n_hosts, __ATOMIC_RELAXED);
}

static bool has_forgotten(const struct sources *sources)
{
	return __atomic_load_n(&sources->forgot, __ATOMIC_RELAXED);
}

static bool tells_names(const struct sources *sources)
{
	return __atomic_load_n(&sources->tells_names, __ATOMIC_RELAXED);
}

static bool map_room(struct sources *sources)
{
	long p;

	if (sources->room != NULL)
		return true;
	p = sys6(SYS_mmap, NULL, sizeof(*sources->room), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096)
		return false;
	sources->room = (struct source_table *)p;
	return true;
}

/* There is room for so many more. */
static bool has_room(struct sources *sources, uint32_t names, uint32_t hosts)
{
	names += sources->n_names;
	hosts += sources->n_hosts;
	if (sources->more != NULL)
		return names <= SOURCES_NAMES && hosts <= SOURCES_HOSTS;
	if (names <= SOURCES_FEW && hosts <= SOURCES_FEW_HOSTS)
		return true;
	if (!map_room(sources))
		return false;
	memcpy(sources->room->names, sources->few, sizeof(sources->few));
	memcpy(sources->room->hosts, sources->few_hosts,
	       sizeof(sources->few_hosts));
	__atomic_store_n(&sources->more, sources->room, __ATOMIC_RELEASE);
	return true;
}

static uint32_t hash_bytes(uint32_t hash, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) /* FNV-1a */
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

enum { HASH_BASIS = 0x811c9dc5 };

static const uint8_t *bytes_of(const struct endpoint *e, size_t *n)
{
	*n = e->kind == ENDPOINT_IPV4 ? sizeof(e->v4) : sizeof(e->v6);
	return e->kind == ENDPOINT_IPV4 ? e->v4 : e->v6;
}

static uint32_t hash_of_host(const struct endpoint *e)
{
	size_t n;
	const uint8_t *bytes = bytes_of(e, &n);

	return hash_bytes(HASH_BASIS, bytes, n);
}

/* Names are the same in any case. */
static uint32_t hash_of_name(const struct endpoint *name)
{
	uint32_t hash = HASH_BASIS;

	for (size_t i = 0; i < name->name_len; i++) {
		uint8_t c = (uint8_t)name->name[i];

		c |= c >= 'A' && c <= 'Z' ? 'a' - 'A' : 0;
		hash = hash_bytes(hash, &c, 1);
	}
	return hash;
}

static bool is_host(const struct source_host *host, uint32_t hash,
		    const struct endpoint *e)
{
	size_t n;
	const uint8_t *bytes = bytes_of(e, &n);

	return host->hash == hash && host->kind == e->kind &&
	       memcmp(host->address, bytes, n) == 0;
}

static bool is_name(const struct source *source, uint32_t hash,
		    const struct endpoint *name)
{
	struct endpoint address, stands_for;

	if (source->name_hash != hash ||
	    endpoint_from_sockaddr(&address, &source->given.address.sa,
				   source->given.len) < 0 ||
	    fakemap_name(&address, &stands_for) != 1)
		return false;
	return endpoint_same_host(&stands_for, name);
}

/* --- sent ----------------------------------------------------------------------------- */

static int find_given(const struct sources *sources, const struct sockaddr *given,
		      socklen_t len)
{
	int n = count_names(sources);

	for (int i = 0; i < n; i++) {
		const struct peer *peer = &name_at(sources, i)->given;

		if (peer->len == len && memcmp(&peer->address, given, len) == 0)
			return i;
	}
	return -1;
}

static int add_name(struct sources *sources, const struct sockaddr *given,
		    socklen_t len, const struct endpoint *name)
{
	struct source source = { .name_hash = hash_of_name(name),
				 .port = name->port };
	int i = find_given(sources, given, len);

	if (i >= 0)
		return i;
	if (len > sizeof(source.given.address) || !has_room(sources, 1, 0))
		return -ENOBUFS;
	source.given.len = len;
	memcpy(&source.given.address, given, len);
	i = (int)sources->n_names;
	*name_at(sources, i) = source;
	__atomic_store_n(&sources->n_names, i + 1, __ATOMIC_RELEASE);
	return i;
}

int sources_enter(struct sources *sources, const struct sockaddr *given,
		  socklen_t len, const struct endpoint *name)
{
	int i = find_given(sources, given, len);
	sigset_t signals;

	if (i >= 0)
		return i;
	lock(sources, &signals);
	i = add_name(sources, given, len, name);
	unlock(sources, &signals);
	return i;
}

void sources_sent_to_name(struct sources *sources, int name)
{
	struct source *source = name_at(sources, name);
	uint32_t turn;

	if (__atomic_load_n(&source->unanswered, __ATOMIC_RELAXED) != 0)
		return;
	turn = __atomic_load_n(&sources->turns, __ATOMIC_RELAXED) + 1;
	__atomic_store_n(&sources->turns, turn, __ATOMIC_RELAXED);
	__atomic_store_n(&source->unanswered, turn, __ATOMIC_RELAXED);
}

static uint32_t hash_of_address(const struct endpoint *e)
{
	uint32_t hash = hash_of_host(e) ^ e->port * 0x9e3779b1u;

	return hash != 0 ? hash : 1;
}

/* Its place, or the first free one; NULL: it is not there, and there is none. */
static uint32_t *address_slot(const struct sources *sources, uint32_t hash)
{
	for (uint32_t i = 0; i < SOURCES_ADDRESSES; i++) {
		const uint32_t *slot =
			&sources->addresses[((hash ^ hash >> 16) + i) %
					    SOURCES_ADDRESSES];
		uint32_t there = __atomic_load_n(slot, __ATOMIC_RELAXED);

		if (there == hash || there == 0)
			return (uint32_t *)slot;
	}
	return NULL;
}

void sources_sent_to_address(struct sources *sources, const struct endpoint *to)
{
	uint32_t hash = hash_of_address(to);

	while (!has_forgotten(sources)) {
		uint32_t *slot = address_slot(sources, hash);
		uint32_t none = 0;

		if (slot == NULL)
			__atomic_store_n(&sources->forgot, true,
					 __ATOMIC_RELAXED);
		else if (__atomic_load_n(slot, __ATOMIC_RELAXED) == hash ||
			 __atomic_compare_exchange_n(slot, &none, hash, false,
						     __ATOMIC_RELAXED,
						     __ATOMIC_RELAXED))
			return;
	}
}

static bool was_sent_to(const struct sources *sources, const struct endpoint *e)
{
	uint32_t hash = hash_of_address(e);
	const uint32_t *slot = address_slot(sources, hash);

	return slot != NULL && __atomic_load_n(slot, __ATOMIC_RELAXED) == hash;
}

/* --- how a name is sent to -------------------------------------------------------------- */

/* The next one from i on that goes by name and has that port; -1: there is none. */
static int next_named(const struct sources *sources, int i, uint16_t port)
{
	int n = count_names(sources);

	for (; i < n; i++) {
		const struct source *source = name_at(sources, i);

		if (source->port == port && state_of(source) == SOURCE_NAMED)
			return i;
	}
	return -1;
}

/* Who did not tell in time is not waited for. */
static bool is_asked(struct source *source, int64_t now_ns)
{
	if (asking_of(source) != ASKING_NOT &&
	    now_ns - source->asked_ns >= SOURCES_PATIENCE_NS) {
		set_asking(source, ASKING_NOT);
		source->failed = true;
	}
	return asking_of(source) != ASKING_NOT;
}

/* Another one may go by name without a doubt. */
static bool is_clear(const struct sources *sources, uint16_t port)
{
	return tells_names(sources) ||
	       (!has_forgotten(sources) && next_named(sources, 0, port) < 0);
}

/* From an address, that is. */
static bool has_answered(const struct source *source)
{
	return __atomic_load_n(&source->answered, __ATOMIC_ACQUIRE) &&
	       hosts_of(source) > 0;
}

/*
 * Makes it so, if all those of that port have answered. When nothing is learnt any more one
 * does not harm the other: all of them are shown as what they are.
 */
static bool make_clear(struct sources *sources, uint16_t port, bool *pinned)
{
	if (has_forgotten(sources))
		return true;
	for (int i = 0; (i = next_named(sources, i, port)) >= 0; i++)
		if (!has_answered(name_at(sources, i)))
			return false;
	for (int i = 0; (i = next_named(sources, i, port)) >= 0; i++) {
		set_state(name_at(sources, i), SOURCE_FIXED);
		*pinned = true;
	}
	return true;
}

static bool is_any_named_asked(const struct sources *sources, uint16_t port)
{
	for (int i = 0; (i = next_named(sources, i, port)) >= 0; i++)
		if (asking_of(name_at(sources, i)) != ASKING_NOT)
			return true;
	return false;
}

/* Its addresses are known; who else may have them is, too. */
static bool is_told(const struct sources *sources, const struct source *source)
{
	return hosts_of(source) > 0 && asking_of(source) == ASKING_NOT &&
	       !is_any_named_asked(sources, source->port);
}

enum source_way sources_way(const struct sources *sources, int name)
{
	const struct source *source = name_at(sources, name);

	switch (state_of(source)) {
	case SOURCE_NAMED:
		return SOURCE_BY_NAME;
	case SOURCE_FIXED:
		return SOURCE_BY_ADDRESS;
	default:
		return asking_of(source) != ASKING_NOT || hosts_of(source) > 0 ?
			       SOURCE_WAITS :
			       SOURCE_REFUSED;
	}
}

static enum source_way decide(struct sources *sources, struct source *source,
			      int64_t now_ns, bool may_ask, bool *pinned)
{
	for (int i = 0; (i = next_named(sources, i, source->port)) >= 0; i++)
		is_asked(name_at(sources, i), now_ns);
	if (is_asked(source, now_ns))
		return SOURCE_WAITS;
	if (hosts_of(source) > 0) {
		if (!is_told(sources, source))
			return SOURCE_WAITS;
		set_state(source, SOURCE_FIXED);
		return SOURCE_BY_ADDRESS;
	}
	if (source->failed && now_ns - source->asked_ns >= SOURCES_AGAIN_NS)
		source->failed = false;
	if (!is_clear(sources, source->port)) {
		if (!source->failed && may_ask)
			return SOURCE_TO_ASK;
		if (!make_clear(sources, source->port, pinned))
			return SOURCE_REFUSED;
	}
	set_state(source, SOURCE_NAMED);
	return SOURCE_BY_NAME;
}

enum source_way sources_decide(struct sources *sources, int name, int64_t now_ns,
			       bool may_ask, bool *pinned)
{
	enum source_way way = sources_way(sources, name);
	sigset_t signals;

	if (way == SOURCE_BY_NAME || way == SOURCE_BY_ADDRESS)
		return way;
	lock(sources, &signals);
	way = sources_way(sources, name); /* another thread was faster */
	if (way != SOURCE_BY_NAME && way != SOURCE_BY_ADDRESS)
		way = decide(sources, name_at(sources, name), now_ns, may_ask,
			     pinned);
	unlock(sources, &signals);
	return way;
}

/* --- asking for their addresses -------------------------------------------------------- */

static void want(struct source *source, int64_t now_ns)
{
	set_asking(source, ASKING_SOON);
	source->asked_ns = now_ns;
	source->failed = false;
}

void sources_want(struct sources *sources, int name, int64_t now_ns)
{
	struct source *source;
	sigset_t signals;

	lock(sources, &signals);
	source = name_at(sources, name);
	if (state_of(source) == SOURCE_OPEN && asking_of(source) == ASKING_NOT)
		want(source, now_ns);
	for (int i = 0; (i = next_named(sources, i, source->port)) >= 0; i++) {
		struct source *rival = name_at(sources, i);

		if (hosts_of(rival) == 0 && rival->asked_ns == 0)
			want(rival, now_ns);
	}
	unlock(sources, &signals);
}

static int next_to_ask(struct sources *sources)
{
	int n = count_names(sources), soon = -1, asked = 0;

	for (int i = n - 1; i >= 0; i--) {
		enum source_asking asking = asking_of(name_at(sources, i));

		asked += asking == ASKING_NOW;
		if (asking == ASKING_SOON)
			soon = i;
	}
	return asked < SOURCES_AT_ONCE ? soon : -1;
}

int sources_ask_next(struct sources *sources)
{
	sigset_t signals;
	int i;

	lock(sources, &signals);
	i = next_to_ask(sources);
	if (i >= 0)
		set_asking(name_at(sources, i), ASKING_NOW);
	unlock(sources, &signals);
	return i;
}

const struct peer *sources_given(const struct sources *sources, int name)
{
	return &name_at(sources, name)->given;
}

/* False: it has as many as are kept. */
static bool add_host(struct sources *sources, int name, const struct endpoint *e)
{
	struct source *source = name_at(sources, name);
	struct source_host host = { .hash = hash_of_host(e),
				    .name = (uint16_t)name,
				    .kind = (uint8_t)e->kind };
	int i = (int)sources->n_hosts;
	size_t n;
	const uint8_t *bytes = bytes_of(e, &n);

	if (hosts_of(source) >= SOURCES_HOSTS_OF_NAME ||
	    !has_room(sources, 0, 1))
		return false;
	memcpy(host.address, bytes, n);
	*host_at(sources, i) = host;
	source = name_at(sources, name);
	if (hosts_of(source) == 0)
		source->first = (uint16_t)i;
	__atomic_store_n(&source->n_hosts, hosts_of(source) + 1,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&sources->n_hosts, i + 1, __ATOMIC_RELEASE);
	changed();
	return true;
}

static int host_of_name(const struct sources *sources, int name,
			const struct endpoint *e)
{
	uint32_t hash = hash_of_host(e);
	int n = count_hosts(sources);

	for (int i = 0; i < n; i++)
		if (host_at(sources, i)->name == name &&
		    is_host(host_at(sources, i), hash, e))
			return i;
	return -1;
}

static bool knows(const struct sources *sources, int name,
		  const struct endpoint *e)
{
	return host_of_name(sources, name, e) >= 0;
}

void sources_told(struct sources *sources, int name, const struct endpoint *host)
{
	sigset_t signals;

	lock(sources, &signals);
	if (!knows(sources, name, host))
		add_host(sources, name, host);
	unlock(sources, &signals);
}

/* Those of a port that have only waited for that. */
static void fix_told(struct sources *sources, uint16_t port)
{
	int n = count_names(sources);

	for (int i = 0; i < n; i++) {
		struct source *source = name_at(sources, i);

		if (source->port == port && state_of(source) == SOURCE_OPEN &&
		    is_told(sources, source))
			set_state(source, SOURCE_FIXED);
	}
}

void sources_asked(struct sources *sources, int name)
{
	struct source *source;
	sigset_t signals;

	lock(sources, &signals);
	source = name_at(sources, name);
	source->failed = hosts_of(source) == 0;
	set_asking(source, ASKING_NOT);
	fix_told(sources, source->port);
	unlock(sources, &signals);
}

void sources_address(const struct sources *sources, int name,
		     struct endpoint *address)
{
	const struct source *source = name_at(sources, name);
	const struct source_host *host = host_at(sources, source->first);

	memset(address, 0, sizeof(*address));
	address->kind = host->kind;
	address->port = source->port;
	if (host->kind == ENDPOINT_IPV4)
		memcpy(address->v4, host->address, sizeof(address->v4));
	else
		memcpy(address->v6, host->address, sizeof(address->v6));
}

void sources_forked_child(struct sources *sources)
{
	sources->lock = 0;
	for (int i = 0; i < count_names(sources); i++) {
		struct source *source = name_at(sources, i);

		if (asking_of(source) != ASKING_NOT)
			source->asked_ns = 0;
		set_asking(source, ASKING_NOT);
	}
}

/* --- received ------------------------------------------------------------------------- */

/* As it is, in the form that the socket's family has. */
static bool show_plainly(int family, const struct endpoint *e, struct peer *shown)
{
	struct sockaddr_storage sa;
	int len = endpoint_to_sockaddr(e, family, &sa);

	if (len < 0)
		return false;
	shown->len = (socklen_t)len;
	memcpy(&shown->address, &sa, (size_t)len);
	return true;
}

/**
 * struct match - whose answer it may be
 * @name:	the best so far; -1: nobody's
 * @port_fits:	it is from the port that was sent to
 * @turn:	since when it owes an answer; UINT32_MAX: it does not
 */
struct match {
	int name;
	bool port_fits;
	uint32_t turn;
};

/* The port first; then, of names that lead to one host, who was sent to first. */
static bool is_better(const struct match *a, const struct match *b)
{
	if (b->name < 0 || a->port_fits != b->port_fits)
		return b->name < 0 || a->port_fits;
	return a->turn < b->turn;
}

static void consider(const struct sources *sources, struct match *best, int name,
		     uint16_t port)
{
	const struct source *source = name_at(sources, name);
	struct match match = {
		.name = name,
		.port_fits = source->port == port,
		/* 0 becomes the latest of all */
		.turn = __atomic_load_n(&source->unanswered, __ATOMIC_RELAXED) -
			1,
	};

	if (is_better(&match, best))
		*best = match;
}

static int find_host(const struct sources *sources, const struct endpoint *e)
{
	struct match match = { .name = -1 };
	uint32_t hash = hash_of_host(e);
	int n = count_hosts(sources);

	for (int i = 0; i < n; i++) {
		const struct source_host *host = host_at(sources, i);

		if (is_host(host, hash, e) &&
		    state_of(name_at(sources, host->name)) != SOURCE_OPEN)
			consider(sources, &match, host->name, e->port);
	}
	return match.name;
}

/* What comes from port 53 our own side has made (dgram_dns.c). */
static void note_told(struct sources *sources, uint16_t port)
{
	if (port != DNS_SERVICE_PORT && !tells_names(sources))
		__atomic_store_n(&sources->tells_names, true, __ATOMIC_RELAXED);
}

static int find_name(struct sources *sources, const struct endpoint *e)
{
	struct match match = { .name = -1 };
	uint32_t hash = hash_of_name(e);
	int n = count_names(sources);

	for (int i = 0; i < n; i++)
		if (is_name(name_at(sources, i), hash, e))
			consider(sources, &match, i, e->port);
	if (match.name >= 0)
		note_told(sources, e->port);
	return match.name;
}

/* Of those that go by name the only one of that port, if it may have another address. */
static int find_waiting(const struct sources *sources, uint16_t port)
{
	int i = next_named(sources, 0, port);

	if (i < 0 || __atomic_load_n(&name_at(sources, i)->n_learnt,
			     __ATOMIC_RELAXED) >= SOURCES_LEARNT ||
	    next_named(sources, i + 1, port) >= 0)
		return -1;
	return i;
}

static bool add_learnt(struct sources *sources, int name,
		       const struct endpoint *e)
{
	struct source *source;

	if (!add_host(sources, name, e))
		return false;
	source = name_at(sources, name);
	__atomic_store_n(&source->n_learnt, source->n_learnt + 1,
			 __ATOMIC_RELAXED);
	return true;
}

/* It has answered from there: that is where it goes if it goes by address. */
static void note_answer(struct sources *sources, int name,
			const struct endpoint *e)
{
	struct source *source = name_at(sources, name);
	sigset_t signals;
	int host;

	if (__atomic_load_n(&source->answered, __ATOMIC_RELAXED) ||
	    e->kind == ENDPOINT_NAME || e->port != source->port)
		return;
	lock(sources, &signals);
	source = name_at(sources, name);
	host = host_of_name(sources, name, e);
	if (host >= 0 && state_of(source) == SOURCE_NAMED && !source->answered) {
		source->first = (uint16_t)host;
		__atomic_store_n(&source->answered, true, __ATOMIC_RELEASE);
	}
	unlock(sources, &signals);
}

/* Whose first answer it is, or from another address, as far as that can be known; -1. */
static int learn(struct sources *sources, const struct endpoint *e)
{
	sigset_t signals;
	int i;

	if (has_forgotten(sources) || was_sent_to(sources, e) ||
	    find_waiting(sources, e->port) < 0)
		return -1;
	lock(sources, &signals);
	i = find_host(sources, e); /* another thread was faster */
	if (i < 0) {
		i = find_waiting(sources, e->port);
		if (i >= 0 && !add_learnt(sources, i, e))
			i = -1;
	}
	unlock(sources, &signals);
	return i;
}

static bool same_host(const struct peer *a, const struct peer *b)
{
	if (a->address.sa.sa_family != b->address.sa.sa_family)
		return false;
	if (a->address.sa.sa_family == AF_INET)
		return a->address.in.sin_addr.s_addr ==
		       b->address.in.sin_addr.s_addr;
	return memcmp(&a->address.in6.sin6_addr, &b->address.in6.sin6_addr,
		      sizeof(a->address.in6.sin6_addr)) == 0;
}

/* The only name that has not answered yet, at whatever port; -1: there are none, or more. */
static int find_only(const struct sources *sources)
{
	int n = count_names(sources);
	int only = -1;

	for (int i = 0; i < n; i++) {
		const struct source *source = name_at(sources, i);

		if (hosts_of(source) > 0)
			continue;
		if (only >= 0 &&
		    !same_host(&source->given, &name_at(sources, only)->given))
			return -1;
		only = i;
	}
	return only;
}

static void show_given(struct sources *sources, int name, uint16_t port,
		       struct peer *shown)
{
	struct source *source = name_at(sources, name);

	*shown = source->given;
	if (source->port == port)
		__atomic_store_n(&source->unanswered, 0, __ATOMIC_RELAXED);
	else if (shown->address.sa.sa_family == AF_INET6)
		shown->address.in6.sin6_port = htons(port);
	else
		shown->address.in.sin_port = htons(port);
}

bool sources_show(struct sources *sources, int family, const struct endpoint *e,
		  struct peer *shown)
{
	int i = -1;

	if (count_names(sources) == 0)
		return show_plainly(family, e, shown);
	if (e->kind == ENDPOINT_NAME) {
		i = find_name(sources, e);
	} else {
		i = find_host(sources, e);
		if (i < 0)
			i = learn(sources, e);
		if (i < 0 && show_plainly(family, e, shown))
			return true;
		/* What the family cannot show at all was not sent to, either. */
		if (i < 0)
			i = find_only(sources);
	}
	if (i < 0)
		return false;
	show_given(sources, i, e->port, shown);
	note_answer(sources, i, e);
	return true;
}

bool sources_may_remember(struct sources *sources, const struct endpoint *e,
			  int *name)
{
	uint32_t hash;
	int n = count_hosts(sources);

	*name = -1;
	if (e->kind == ENDPOINT_NAME) {
		*name = find_name(sources, e);
		return true;
	}
	hash = hash_of_host(e);
	for (int i = 0; i < n; i++) {
		const struct source_host *host = host_at(sources, i);

		if (!is_host(host, hash, e))
			continue;
		if (*name >= 0)
			return false;
		*name = host->name;
	}
	return true;
}

void sources_answered(struct sources *sources, int name)
{
	__atomic_store_n(&name_at(sources, name)->unanswered, 0, __ATOMIC_RELAXED);
}

/* Nothing was sent here, but by another process that has the socket: as a name, no doubt. */
static void claim(struct sources *sources, int name)
{
	sigset_t signals;

	lock(sources, &signals);
	if (state_of(name_at(sources, name)) == SOURCE_OPEN &&
	    is_clear(sources, name_at(sources, name)->port))
		set_state(name_at(sources, name), SOURCE_NAMED);
	unlock(sources, &signals);
}

bool sources_is_answer(struct sources *sources, int name, const struct endpoint *e)
{
	const struct source *source = name_at(sources, name);

	if (source->port != e->port)
		return false;
	if (state_of(source) == SOURCE_OPEN)
		claim(sources, name);
	if (e->kind == ENDPOINT_NAME) {
		if (!is_name(source, hash_of_name(e), e))
			return false;
		note_told(sources, e->port);
		return true;
	}
	if (!(state_of(source) != SOURCE_OPEN && knows(sources, name, e)) &&
	    !(find_host(sources, e) < 0 && learn(sources, e) == name))
		return false;
	note_answer(sources, name, e);
	return true;
}
