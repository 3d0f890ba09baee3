/* SPDX-License-Identifier: MIT */
/*
 * lookup.c - real questions to a DNS server, by TCP over a transport that is handed in
 *
 * Theory of Operation
 *
 * A lookup is one message and the answer to it. c-ares makes and frames it, and finds the
 * answer by id and question among what the server says; which server is asked, how often and
 * how long is decided here: each attempt is a channel of its own with one
 * server and one try. An attempt ends by an answer, by the end of its stream, or by its
 * time; then the next server is asked, and all of them a second time with twice the time. An
 * answer that says that the server could not tell (SERVFAIL, NOTIMP, REFUSED) is kept, and is
 * what it comes to if no other server says more.
 *
 * The channel's socket functions lead to the transport, and its address is a dummy: c-ares
 * never makes a socket, and knows the one stream by a number that is no descriptor. It is
 * told all that it would otherwise read from files and the environment.
 *
 * There is no thread, nothing at the start, and nothing between two lookups. A channel never
 * serves two processes: the child of a fork begins anew. Who waits in here may be cancelled,
 * in the wait alone, which forgets the lookup. A handler that leaves by siglongjmp loses its memory and its
 * stream's descriptor, as it would lose libc's.
 *
 * c-ares is linked statically and hidden: programs bring their own, which may be newer.
 */
#include "resolver/lookup.h"

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/sys.h"
#include "core/text.h"
#include "resolver/dnswire.h"
#include "resolver/resolvconf.h"

#define NS_PER_S  1000000000ll
#define NS_PER_MS 1000000ll

enum {
	THE_SOCKET = 0, /* c-ares' name for the stream */
	ROUNDS = 2,	/* each server is asked so often */
	ATTEMPT_MS = 6000, /* in the first round */
	PTR_NAME_MAX = 32 * 2 + sizeof("ip6.arpa"),
};

/**
 * struct lookup - a question under way
 * @io:		the transport
 * @done, @arg:	who wants to know
 * @owner:	the process whose channel and stream these are
 * @channel:	c-ares', of this attempt; NULL: none
 * @stream:	this attempt's, if @open
 * @moved:	bytes came or went since this was last cleared
 * @over:	the attempt is
 * @reply:	what this or an earlier attempt brought, or NULL
 * @reply_len:	its length
 * @servers:	who is asked, in this order
 * @n_servers:	how many
 * @attempt:	counts from 0
 * @attempt_ends_ns: when the next one begins
 * @deadline_ns: when there is none any more
 * @len:	of @query
 */
struct lookup {
	const struct lookup_io *io;
	lookup_done *done;
	void *arg;
	pid_t owner;
	ares_channel channel;
	struct lookup_stream stream;
	bool open;
	bool moved;
	bool over;
	uint8_t *reply;
	size_t reply_len;
	struct endpoint servers[CONFIG_DNS_MAX];
	size_t n_servers;
	size_t attempt;
	int64_t attempt_ends_ns;
	int64_t deadline_ns;
	size_t len;
	uint8_t query[];
};

static const struct config *config;

void lookup_setup(const struct config *the_config)
{
	config = the_config;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/**
 * struct outside - what a caller is to find as it was
 * @error:	errno
 * @cancel:	the state of cancellation, which finds nothing half done: c-ares opens files
 */
struct outside {
	int error;
	int cancel;
};

static struct outside enter(void)
{
	struct outside outside = { .error = errno };

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &outside.cancel);
	return outside;
}

static void leave(struct outside outside)
{
	pthread_setcancelstate(outside.cancel, NULL);
	errno = outside.error;
}

static int64_t whole_ms(void)
{
	return config ? config->timeout_ms : CONFIG_TIMEOUT_DEFAULT_MS;
}

/* --- who is asked -------------------------------------------------------------- */

/* Who answers everybody, where this machine's own servers are of no use to the proxy. */
static const struct endpoint well_known[] = {
	{ .kind = ENDPOINT_IPV4, .port = DNS_PORT, .v4 = { 9, 9, 9, 9 } },
	{ .kind = ENDPOINT_IPV4, .port = DNS_PORT, .v4 = { 1, 1, 1, 1 } },
};

static void ask(struct lookup *lookup, const struct endpoint *server)
{
	if (lookup->n_servers < CONFIG_DNS_MAX)
		lookup->servers[lookup->n_servers++] = *server;
}

static void ask_those_of_resolvconf(struct lookup *lookup)
{
	struct endpoint servers[RESOLVCONF_SERVERS_MAX];
	size_t n = resolvconf_servers(servers), i = 0;

	do { /* there is one at least */
		if (lookup->io->local || resolvconf_is_global(&servers[i]))
			ask(lookup, &servers[i]);
	} while (++i < n);
}

static void ask_configured(struct lookup *lookup)
{
	for (size_t i = 0; config && i < config->n_dns; i++)
		ask(lookup, &config->dns[i]);
	if (lookup->n_servers == 0)
		ask_those_of_resolvconf(lookup);
	if (lookup->n_servers > 0)
		return;
	ask(lookup, &well_known[0]);
	ask(lookup, &well_known[1]);
}

static void choose_servers(struct lookup *lookup, const struct endpoint *server)
{
	if (server)
		ask(lookup, server);
	else if (lookup->io->local)
		ask_those_of_resolvconf(lookup);
	else
		ask_configured(lookup);
}

/* --- c-ares' socket is our stream ------------------------------------------------ */

static struct endpoint *server_of(struct lookup *lookup)
{
	return &lookup->servers[lookup->attempt % lookup->n_servers];
}

static int errno_is(int error)
{
	errno = error;
	return -1;
}

static ares_socket_t on_socket(int family, int type, int protocol, void *arg)
{
	struct lookup *lookup = arg;
	int r = lookup->io->open(&lookup->stream, server_of(lookup));

	(void)family;
	(void)type;
	(void)protocol;
	if (r < 0)
		return errno_is(-r);
	lookup->open = true;
	return THE_SOCKET;
}

static int on_connect(ares_socket_t socket, const struct sockaddr *address,
		      ares_socklen_t len, void *arg)
{
	(void)socket;
	(void)address;
	(void)len;
	(void)arg;
	return errno_is(EINPROGRESS);
}

static int on_close(ares_socket_t socket, void *arg)
{
	struct lookup *lookup = arg;

	(void)socket;
	if (lookup->open)
		lookup->io->close(&lookup->stream);
	lookup->open = false;
	return 0;
}

static ares_ssize_t on_receive(ares_socket_t socket, void *bytes, size_t size,
			       int flags, struct sockaddr *from,
			       ares_socklen_t *from_len, void *arg)
{
	struct lookup *lookup = arg;
	long n = lookup->io->receive(&lookup->stream, bytes, size);

	(void)socket;
	(void)flags;
	(void)from;
	(void)from_len;
	lookup->moved = lookup->moved || n > 0;
	return n < 0 ? errno_is((int)-n) : n;
}

static ares_ssize_t on_send(ares_socket_t socket, const struct iovec *pieces,
			    int count, void *arg)
{
	struct lookup *lookup = arg;
	ares_ssize_t sent = 0;

	(void)socket;
	for (int i = 0; i < count; i++) {
		long n = lookup->io->send(&lookup->stream, pieces[i].iov_base,
					  pieces[i].iov_len);

		if (n < 0 && sent == 0)
			return errno_is((int)-n);
		if (n > 0)
			sent += n;
		if (n < (long)pieces[i].iov_len)
			break;
	}
	lookup->moved = lookup->moved || sent > 0;
	return sent;
}

static const struct ares_socket_functions functions = {
	.asocket = on_socket,
	.aclose = on_close,
	.aconnect = on_connect,
	.arecvfrom = on_receive,
	.asendv = on_send,
};

/* --- attempts ----------------------------------------------------------------------- */

static void keep(struct lookup *lookup, const uint8_t *reply, size_t len)
{
	uint8_t *copy = malloc(len);

	if (!copy)
		return;
	memcpy(copy, reply, len);
	free(lookup->reply);
	lookup->reply = copy;
	lookup->reply_len = len;
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *reply,
		      int len)
{
	struct lookup *lookup = arg;

	(void)timeouts;
	if (status == ARES_SUCCESS && len >= DNS_HEADER_SIZE)
		keep(lookup, reply, (size_t)len);
	lookup->over = true;
}

static void end_attempt(struct lookup *lookup)
{
	ares_destroy(lookup->channel);
	lookup->channel = NULL;
}

/* With a short time for all, each server still gets its turn. */
static int64_t attempt_ms(const struct lookup *lookup)
{
	int64_t ms = earlier(ATTEMPT_MS,
			     whole_ms() / (int64_t)lookup->n_servers);

	return lookup->attempt < lookup->n_servers ? ms : 2 * ms;
}

/* Nothing is left to be looked for elsewhere. */
static ares_channel make_channel(int timeout_ms)
{
	static const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS |
				ARES_OPT_TRIES | ARES_OPT_NDOTS |
				ARES_OPT_SERVERS | ARES_OPT_DOMAINS |
				ARES_OPT_LOOKUPS | ARES_OPT_SORTLIST |
				ARES_OPT_NOROTATE | ARES_OPT_TCP_PORT |
				ARES_OPT_UDP_PORT | ARES_OPT_EDNSPSZ;
	struct in_addr dummy = { htonl(INADDR_LOOPBACK) };
	char lookups[] = "b";
	struct ares_options options = {
		.flags = ARES_FLAG_USEVC | ARES_FLAG_NOSEARCH |
			 ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP,
		.timeout = timeout_ms,
		.tries = 1,
		.ndots = 1,
		.tcp_port = DNS_PORT,
		.udp_port = DNS_PORT,
		.servers = &dummy,
		.nservers = 1,
		.lookups = lookups,
		.ednspsz = 1280,
	};
	ares_channel channel;

	if (ares_init_options(&channel, &options, mask) != ARES_SUCCESS)
		return NULL;
	return channel;
}

/* The time is ours; c-ares' own is a little longer, and never comes. */
static void begin_attempt(struct lookup *lookup)
{
	int64_t ms = attempt_ms(lookup);

	lookup->over = false;
	lookup->attempt_ends_ns =
		earlier(now_ns() + ms * NS_PER_MS, lookup->deadline_ns);
	lookup->channel = make_channel((int)ms + 1000);
	if (!lookup->channel) {
		lookup->over = true;
		return;
	}
	ares_set_socket_functions(lookup->channel, &functions, lookup);
	ares_send(lookup->channel, lookup->query, (int)lookup->len, on_answer,
		  lookup);
}

bool lookup_is_verdict(const uint8_t *reply)
{
	switch (reply[3] & DNS_RCODE) {
	case DNS_SERVFAIL:
	case DNS_NOTIMP:
	case DNS_REFUSED:
		return false;
	default:
		return true;
	}
}

/* A server that could not tell is not asked again. */
static bool another_attempt(const struct lookup *lookup)
{
	size_t rounds = lookup->reply ? 1 : ROUNDS;

	return !(lookup->reply && lookup_is_verdict(lookup->reply)) &&
	       lookup->attempt + 1 < rounds * lookup->n_servers &&
	       now_ns() < lookup->deadline_ns;
}

static void forget(struct lookup *lookup)
{
	end_attempt(lookup);
	free(lookup->reply);
	free(lookup);
}

/* Whose attempt is over. False: the lookup is no more. */
static bool next_attempt(struct lookup *lookup)
{
	end_attempt(lookup);
	if (another_attempt(lookup)) {
		lookup->attempt++;
		begin_attempt(lookup);
		return true;
	}
	lookup->done(lookup->arg, lookup->reply,
		     lookup->reply ? lookup->reply_len : 0);
	forget(lookup);
	return false;
}

static void talk(struct lookup *lookup)
{
	do {
		lookup->moved = false;
		ares_process_fd(lookup->channel, THE_SOCKET, THE_SOCKET);
	} while (lookup->moved && !lookup->over);
}

/* A fork's child has no part in its parent's stream. */
static void renew_in_child(struct lookup *lookup)
{
	pid_t self = (pid_t)sys0(SYS_getpid);

	if (lookup->owner == self)
		return;
	lookup->owner = self;
	end_attempt(lookup);
	begin_attempt(lookup);
}

/* --- asking, and going on ------------------------------------------------------------- */

struct lookup *lookup_start(const struct lookup_io *io,
			    const struct endpoint *server, const uint8_t *query,
			    size_t len, lookup_done *done, void *arg)
{
	struct outside outside;
	struct lookup *lookup;

	if (len < DNS_HEADER_SIZE || len > LOOKUP_MESSAGE_MAX)
		return NULL;
	outside = enter();
	lookup = calloc(1, sizeof(*lookup) + len);
	if (lookup) {
		lookup->io = io;
		lookup->done = done;
		lookup->arg = arg;
		lookup->owner = (pid_t)sys0(SYS_getpid);
		lookup->len = len;
		memcpy(lookup->query, query, len);
		lookup->deadline_ns = now_ns() + whole_ms() * NS_PER_MS;
		choose_servers(lookup, server);
		begin_attempt(lookup);
	}
	leave(outside);
	return lookup;
}

size_t lookup_fds(struct lookup *lookup, struct pollfd *fds, size_t max)
{
	struct outside outside = enter();
	ares_socket_t socket;
	short wanted = POLLIN;
	int bits;

	renew_in_child(lookup);
	leave(outside);
	if (!lookup->open || !lookup->channel || max == 0)
		return 0;
	bits = ares_getsock(lookup->channel, &socket, 1);
	if (ARES_GETSOCK_WRITABLE(bits, 0))
		wanted |= POLLOUT;
	fds->fd = lookup->stream.fd;
	fds->events = lookup->io->events(&lookup->stream, wanted);
	fds->revents = 0;
	return 1;
}

int64_t lookup_deadline(const struct lookup *lookup)
{
	return lookup->over ? 0 : lookup->attempt_ends_ns;
}

bool lookup_step(struct lookup *lookup)
{
	struct outside outside = enter();
	bool there = true;

	renew_in_child(lookup);
	while (there) {
		if (!lookup->over && lookup->channel)
			talk(lookup);
		if (!lookup->over && now_ns() < lookup->attempt_ends_ns)
			break;
		there = next_attempt(lookup);
	}
	leave(outside);
	return there;
}

void lookup_cancel(struct lookup *lookup)
{
	struct outside outside = enter();

	forget(lookup);
	leave(outside);
}

/* --- asking, and waiting for the answer -------------------------------------------------- */

enum { AT_ONCE_MAX = 2 };

/**
 * struct question - one that is waited for
 * @lookup:	NULL: it is over
 * @reply:	from malloc, or NULL
 * @len:	its length, or -errno
 */
struct question {
	struct lookup *lookup;
	uint8_t *reply;
	ssize_t len;
};

/**
 * struct questions - several at once
 * @n:		how many
 */
struct questions {
	size_t n;
	struct question each[AT_ONCE_MAX];
};

static void answered(void *arg, const uint8_t *reply, size_t len)
{
	struct question *question = arg;
	bool late = now_ns() >= question->lookup->attempt_ends_ns;

	question->len = late ? -ETIMEDOUT : -ECONNREFUSED;
	if (len == 0)
		return;
	question->reply = malloc(len);
	if (!question->reply) {
		question->len = -ENOMEM;
		return;
	}
	memcpy(question->reply, reply, len);
	question->len = (ssize_t)len;
}

static void forget_questions(void *arg)
{
	struct questions *questions = arg;

	for (size_t i = 0; i < questions->n; i++) {
		struct question *question = &questions->each[i];

		if (question->lookup)
			lookup_cancel(question->lookup);
		free(question->reply);
		*question = (struct question){ 0 };
	}
}

/* Waits for one of them to have something to do. False: all are over. */
static bool wait_for_any(const struct lookup_io *io,
			 const struct questions *questions)
{
	struct pollfd fds[AT_ONCE_MAX];
	int64_t until = INT64_MAX;
	bool any = false;
	size_t n = 0;

	for (size_t i = 0; i < questions->n; i++) {
		struct lookup *lookup = questions->each[i].lookup;

		if (!lookup)
			continue;
		any = true;
		n += lookup_fds(lookup, fds + n, 1);
		until = earlier(until, lookup_deadline(lookup));
	}
	if (any && until > 0)
		io->wait(fds, n, until);
	return any;
}

static void step(struct question *question)
{
	if (question->lookup && !lookup_step(question->lookup))
		question->lookup = NULL;
}

/* Cancellation may come in the wait alone, and finds nothing half done. */
static void wait_for_all(const struct lookup_io *io,
			 struct questions *questions)
{
	int type;

	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	pthread_cleanup_push(forget_questions, questions);
	while (wait_for_any(io, questions))
		for (size_t i = 0; i < questions->n; i++)
			step(&questions->each[i]);
	pthread_cleanup_pop(0);
	pthread_setcanceltype(type, NULL);
}

static int add_question(struct questions *questions, const struct lookup_io *io,
			const uint8_t *query, size_t len)
{
	struct question *question = &questions->each[questions->n];

	*question = (struct question){ 0 };
	question->lookup =
		lookup_start(io, NULL, query, len, answered, question);
	if (!question->lookup)
		return len < DNS_HEADER_SIZE ? -EINVAL : -ENOMEM;
	questions->n++;
	return 0;
}

ssize_t lookup_send(const struct lookup_io *io, const uint8_t *query,
		    size_t len, uint8_t *answer, size_t size)
{
	struct questions questions = { 0 };
	int r = add_question(&questions, io, query, len);
	const struct question *question = &questions.each[0];

	if (r < 0)
		return r;
	wait_for_all(io, &questions);
	if (question->len > 0)
		memcpy(answer, question->reply,
		       (size_t)question->len < size ? (size_t)question->len :
						      size);
	r = (int)question->len;
	forget_questions(&questions);
	return r;
}

static unsigned short random_id(void)
{
	unsigned short id = (unsigned short)(now_ns() / 1000);

	sys3(SYS_getrandom, &id, sizeof(id), 0);
	return id;
}

/* A message that asks, to be freed by ares_free_string. 0 or -errno. */
static int make_query(const char *name, int type, uint8_t **query, int *len)
{
	switch (ares_create_query(name, DNS_IN, type, random_id(), 1, query,
				  len, 0)) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENOTFOUND:
		return -ENOENT; /* .onion is not for the DNS, RFC 7686 */
	case ARES_ENOMEM:
		return -ENOMEM;
	default:
		return -EINVAL;
	}
}

static int add_name(struct questions *questions, const struct lookup_io *io,
		    const char *name, int type)
{
	uint8_t *query;
	int len, r = make_query(name, type, &query, &len);

	if (r < 0)
		return r;
	r = add_question(questions, io, query, (size_t)len);
	ares_free_string(query);
	return r;
}

/* --- addresses and names out of answers ------------------------------------------------- */

/**
 * struct harvest - what is taken out of an answer
 * @type:	the type that was asked for
 * @name:	the question's name, or where CNAMEs have led from it so far
 * @hosts:	what was found
 */
struct harvest {
	int type;
	struct dns_name name;
	struct hosts_answer *hosts;
};

static void add_alias(struct hosts_answer *hosts, const char *alias)
{
	size_t size = strlen(alias) + 1;

	if (size > sizeof(hosts->aliases) - hosts->aliases_len)
		return;
	memcpy(hosts->aliases + hosts->aliases_len, alias, size);
	hosts->aliases_len += size;
}

/* As libc, no name is let through that programs would not expect in one. */
static bool host_text(const struct dns_name *name, char *text, size_t size)
{
	return dnswire_name_text(name, text, size) &&
	       text_is_host_name(text_of(text));
}

static bool take_address(struct harvest *harvest,
			 const struct dns_record *record)
{
	struct hosts_address address = { .family = AF_INET };
	size_t size = 4;

	if (harvest->type == DNS_AAAA) {
		address.family = AF_INET6;
		size = 16;
	}
	if (record->rdata_len != size)
		return false;
	memcpy(address.bytes, record->rdata, size);
	hosts_add_address(harvest->hosts, &address);
	return true;
}

/* The first name is the one, others are its aliases. */
static bool take_name(struct harvest *harvest, const struct dns_name *name)
{
	struct hosts_answer *hosts = harvest->hosts;
	char text[ENDPOINT_NAME_MAX + 1];

	if (!host_text(name, text, sizeof(text)))
		return false;
	if (hosts->name[0])
		add_alias(hosts, text);
	else
		memcpy(hosts->name, text, sizeof(text));
	return true;
}

/* Aliases of a name, not of an address, are told. */
static bool follow(struct harvest *harvest, const struct dns_name *target)
{
	char text[ENDPOINT_NAME_MAX + 1];

	if (harvest->type != DNS_PTR) {
		if (!host_text(&harvest->name, text, sizeof(text)))
			return false;
		if (!harvest->hosts->name[0])
			add_alias(harvest->hosts, text);
	}
	harvest->name = *target;
	return true;
}

/* False if the record is not what it should be; one of another name or type is passed over. */
static bool take_record(struct harvest *harvest, const struct dns_message *message,
			const struct dns_record *record)
{
	struct dns_message rdata = dnswire_open_rdata(message, record);
	struct dns_name name;

	if (record->class != DNS_IN ||
	    !dnswire_same_name(&record->name, &harvest->name))
		return true;
	if (record->type == harvest->type && harvest->type != DNS_PTR)
		return take_address(harvest, record);
	if (record->type != harvest->type && record->type != DNS_CNAME)
		return true;
	if (!dnswire_get_name(&rdata, &name))
		return false;
	return record->type == DNS_CNAME ? follow(harvest, &name) :
					   take_name(harvest, &name);
}

/*
 * 0, or -EBADMSG. CNAMEs come before what they lead to, as libc expects it, too; where they
 * lead to is the name of the addresses.
 */
static int harvest_records(struct harvest *harvest, struct dns_message *message,
			   unsigned int count)
{
	struct hosts_answer *hosts = harvest->hosts;
	struct dns_record record;

	for (; count > 0; count--)
		if (!dnswire_get_record(message, &record) ||
		    !take_record(harvest, message, &record))
			return -EBADMSG;
	if (harvest->type == DNS_PTR || hosts->name[0])
		return 0;
	return hosts->count == 0 || host_text(&harvest->name, hosts->name,
					      sizeof(hosts->name)) ?
		       0 :
		       -EBADMSG;
}

static void forget_hosts(struct hosts_answer *hosts)
{
	hosts->name[0] = '\0';
	hosts->count = 0;
	hosts->aliases_len = 0;
}

/* 0 with something added to hosts, -ENOENT, -ENODATA, or another -errno. */
static int take_answer(const struct question *question, int type,
		       struct hosts_answer *hosts)
{
	struct harvest harvest = { .type = type, .hosts = hosts };
	struct dns_question asked;
	struct dns_message message;
	struct dns_header header;
	size_t before = hosts->count;
	int r;

	if (question->len <= 0)
		return (int)question->len;
	message = dnswire_open(question->reply, (size_t)question->len);
	if (!dnswire_get_header(&message, &header) || header.questions != 1 ||
	    !dnswire_get_question(&message, &asked))
		return -EBADMSG;
	if ((header.flags & DNS_RCODE) == DNS_NXDOMAIN)
		return -ENOENT;
	if ((header.flags & DNS_RCODE) != DNS_NOERROR)
		return -EAGAIN;
	harvest.name = asked.name;
	r = harvest_records(&harvest, &message, header.answers);
	if (r == 0 && (hosts->count > before ||
		       (type == DNS_PTR && hosts->name[0])))
		return 0;
	/* What an earlier answer has brought stays. */
	hosts->count = before;
	if (before == 0)
		forget_hosts(hosts);
	return r < 0 ? r : -ENODATA;
}

/* What two questions about one name come to. */
static int worse(int a, int b)
{
	if (a == 0 || b == 0)
		return 0;
	if (a == -ENOENT || b == -ENOENT)
		return -ENOENT;
	return a == -ENODATA ? b : a;
}

int lookup_query(const char *name, int family, uint8_t *query, size_t size)
{
	struct outside outside = enter();
	uint8_t *made;
	int len, r = make_query(name, family == AF_INET6 ? DNS_AAAA : DNS_A,
				&made, &len);

	if (r == 0) {
		r = (size_t)len <= size ? len : -EMSGSIZE;
		if (r > 0)
			memcpy(query, made, (size_t)len);
		ares_free_string(made);
	}
	leave(outside);
	return r;
}

int lookup_read(const uint8_t *reply, size_t len, int family,
		struct hosts_answer *answer)
{
	struct question question = { .reply = (uint8_t *)reply,
				     .len = (ssize_t)len };

	forget_hosts(answer);
	if (len == 0)
		return -ETIMEDOUT;
	return take_answer(&question, family == AF_INET6 ? DNS_AAAA : DNS_A,
			   answer);
}

int lookup_addresses(const struct lookup_io *io, const char *name, int family,
		     struct hosts_answer *answer)
{
	struct questions questions = { 0 };
	int types[AT_ONCE_MAX], r = 0, n = 0;

	forget_hosts(answer);
	if (family != AF_INET6)
		types[n++] = DNS_A;
	if (family != AF_INET)
		types[n++] = DNS_AAAA;
	for (int i = 0; r == 0 && i < n; i++)
		r = add_name(&questions, io, name, types[i]);
	if (r == 0) {
		wait_for_all(io, &questions);
		r = take_answer(&questions.each[0], types[0], answer);
	}
	if (n > 1 && questions.n == (size_t)n)
		r = worse(r, take_answer(&questions.each[1], types[1],
					 answer));
	forget_questions(&questions);
	return r;
}

/* "1.2.0.192.in-addr.arpa", or the like of IPv6: RFC 1035 section 3.5, RFC 3596 section 2.5. */
static void ptr_name(const struct hosts_address *address, char *out)
{
	const uint8_t *b = address->bytes;

	if (address->family == AF_INET) {
		sprintf(out, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1],
			b[0]);
		return;
	}
	for (int i = 15; i >= 0; i--)
		out += sprintf(out, "%x.%x.", b[i] & 15, b[i] >> 4);
	strcpy(out, "ip6.arpa");
}

int lookup_name(const struct lookup_io *io, const struct hosts_address *address,
		int within_ms, struct hosts_answer *answer)
{
	struct questions questions = { 0 };
	char name[PTR_NAME_MAX];
	int64_t until = now_ns() + within_ms * NS_PER_MS;
	struct lookup *lookup;
	int r;

	forget_hosts(answer);
	ptr_name(address, name);
	r = add_name(&questions, io, name, DNS_PTR);
	if (r < 0)
		return r;
	lookup = questions.each[0].lookup;
	lookup->deadline_ns = earlier(lookup->deadline_ns, until);
	lookup->attempt_ends_ns = earlier(lookup->attempt_ends_ns, until);
	wait_for_all(io, &questions);
	r = take_answer(&questions.each[0], DNS_PTR, answer);
	forget_questions(&questions);
	if (r == 0)
		hosts_add_address(answer, address);
	return r;
}
