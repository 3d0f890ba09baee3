/* SPDX-License-Identifier: MIT */
/*
 * resolv.c - an ordinary program that asks the DNS by resolver(3), and in the background
 *
 *	resolv query|search|nquery|nsearch|old NAME TYPE [SIZE]
 *	resolv querydomain|nquerydomain|olddomain NAME DOMAIN TYPE
 *	resolv send|nsend|oldsend NAME TYPE [SIZE]
 *	resolv state NAME TYPE [edns|dnssec|trustad]...
 *	resolv every|around NAME TYPE
 *	resolv background wait|suspend|signal|thread|cancel NAME...
 *
 * "old" are the names by which programs from before glibc 2.34 import these. SIZE is that of
 * the buffer for the answer. "every" is all calls in turn, which have to agree; "around" asks before and after a
 * fork, in eight threads at once, with all descriptors closed meanwhile, and tells how many
 * are open in the end. DOMAIN "-" is
 * NULL. "background" is getaddrinfo_a, waited for in that way.
 *
 * A line tells the call's result, h_errno and errno; more tell the answer's header and records.
 */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <resolv.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int old_query(const char *name, int class, int type, unsigned char *answer,
	      int size);
int old_querydomain(const char *name, const char *domain, int class, int type,
		    unsigned char *answer, int size);
int old_send(const unsigned char *message, int len, unsigned char *answer,
	     int size);
__asm__(".symver old_query,__res_query@GLIBC_2.2.5");
__asm__(".symver old_querydomain,__res_querydomain@GLIBC_2.2.5");
__asm__(".symver old_send,__res_send@GLIBC_2.2.5");

static unsigned char answer[65536];
static int size = sizeof(answer);

static const struct {
	const char *name;
	int type;
} types[] = {
	{ "A", ns_t_a },     { "AAAA", ns_t_aaaa }, { "MX", ns_t_mx },
	{ "TXT", ns_t_txt }, { "SRV", ns_t_srv },   { "PTR", ns_t_ptr },
	{ "NS", ns_t_ns },   { "SOA", ns_t_soa },   { "CNAME", ns_t_cname },
	{ "HTTPS", 65 },
};

static int type_of(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	fprintf(stderr, "no type: %s\n", name);
	exit(2);
}

static const char *type_name(int type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].name;
	return "?";
}

static void print_name(ns_msg *message, const unsigned char *at)
{
	char name[NS_MAXDNAME];

	if (ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message), at,
			       name, sizeof(name)) < 0)
		strcpy(name, "?");
	printf(" %s", name);
}

static void print_text(const unsigned char *at, size_t len)
{
	for (size_t i = 0; i < len; i += 1u + at[i])
		printf(" \"%.*s\"", at[i], (const char *)at + i + 1);
}

static void print_record(ns_msg *message, ns_rr *record)
{
	const unsigned char *data = ns_rr_rdata(*record);
	char text[INET6_ADDRSTRLEN];

	printf("  %s %s", ns_rr_name(*record), type_name(ns_rr_type(*record)));
	switch ((int)ns_rr_type(*record)) {
	case ns_t_a:
		printf(" %s", inet_ntop(AF_INET, data, text, sizeof(text)));
		break;
	case ns_t_aaaa:
		printf(" %s", inet_ntop(AF_INET6, data, text, sizeof(text)));
		break;
	case ns_t_mx:
		printf(" %u", ns_get16(data));
		print_name(message, data + 2);
		break;
	case ns_t_srv:
		printf(" %u %u %u", ns_get16(data), ns_get16(data + 2),
		       ns_get16(data + 4));
		print_name(message, data + 6);
		break;
	case ns_t_txt:
		print_text(data, ns_rr_rdlen(*record));
		break;
	default:
		print_name(message, data);
	}
	putchar('\n');
}

static void print_answer(int len)
{
	ns_msg message;
	ns_rr record;

	if (len > size) {
		printf("  cut, TC %d\n", answer[2] >> 1 & 1);
		return;
	}
	if (ns_initparse(answer, len, &message) < 0) {
		printf("  not to be parsed\n");
		return;
	}
	printf("  rcode %d, AD %d, answers %d\n",
	       ns_msg_getflag(message, ns_f_rcode),
	       ns_msg_getflag(message, ns_f_ad),
	       ns_msg_count(message, ns_s_an));
	for (int i = 0; i < ns_msg_count(message, ns_s_an); i++)
		if (ns_parserr(&message, ns_s_an, i, &record) == 0)
			print_record(&message, &record);
}

static void tell(const char *call, int rc)
{
	static const char *const words[] = { "-", "HOST_NOT_FOUND", "TRY_AGAIN",
					     "NO_RECOVERY", "NO_DATA" };
	int error = errno;

	if (rc >= 0)
		printf("%s: %d\n", call, rc);
	else
		printf("%s: %d %s%s%s\n", call, rc,
		       h_errno >= 0 && h_errno <= 4 ? words[h_errno] :
						      "NETDB_INTERNAL",
		       error ? " " : "", error ? strerrorname_np(error) : "");
	if (rc > 0)
		print_answer(rc);
}

static int make(const char *name, int type, unsigned char *query, int room)
{
	return res_mkquery(ns_o_query, name, ns_c_in, type, NULL, 0, NULL,
			   query, room);
}

static int call_named(const char *call, const char *name, int type)
{
	struct __res_state state = { 0 };
	unsigned char query[512];
	int len;

	res_ninit(&state);
	errno = 0;
	if (strcmp(call, "query") == 0)
		return res_query(name, ns_c_in, type, answer, size);
	if (strcmp(call, "search") == 0)
		return res_search(name, ns_c_in, type, answer, size);
	if (strcmp(call, "old") == 0)
		return old_query(name, ns_c_in, type, answer, size);
	if (strcmp(call, "nquery") == 0)
		return res_nquery(&state, name, ns_c_in, type, answer, size);
	if (strcmp(call, "nsearch") == 0)
		return res_nsearch(&state, name, ns_c_in, type, answer, size);
	len = make(name, type, query, sizeof(query));
	errno = 0;
	if (strcmp(call, "send") == 0)
		return res_send(query, len, answer, size);
	if (strcmp(call, "oldsend") == 0)
		return old_send(query, len, answer, size);
	return res_nsend(&state, query, len, answer, size);
}

static int call_domain(const char *call, const char *name, const char *domain,
		       int type)
{
	struct __res_state state = { 0 };

	res_ninit(&state);
	errno = 0;
	if (strcmp(domain, "-") == 0)
		domain = NULL;
	if (strcmp(call, "querydomain") == 0)
		return res_querydomain(name, domain, ns_c_in, type, answer,
				       size);
	if (strcmp(call, "olddomain") == 0)
		return old_querydomain(name, domain, ns_c_in, type, answer,
				       size);
	return res_nquerydomain(&state, name, domain, ns_c_in, type, answer,
				size);
}

static void with_state(const char *name, int type, char **words)
{
	struct __res_state state = { 0 };

	res_ninit(&state);
	for (; *words; words++)
		state.options |= strcmp(*words, "edns") == 0 ? RES_USE_EDNS0 :
				 strcmp(*words, "dnssec") == 0 ?
					RES_USE_DNSSEC :
					RES_TRUSTAD;
	errno = 0;
	tell("state", res_nquery(&state, name, ns_c_in, type, answer, size));
	printf("  the state's h_errno %d\n", state.res_h_errno);
	res_nclose(&state);
}

static void every(const char *name, int type)
{
	static const char *const calls[] = { "query",  "search", "nquery",
					     "nsearch", "old",	 "send",
					     "nsend",  "oldsend" };
	static const char *const domains[] = { "querydomain", "nquerydomain",
					       "olddomain" };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		tell(calls[i], call_named(calls[i], name, type));
	for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++)
		tell(domains[i], call_domain(domains[i], name, "-", type));
}

/* --- what goes on around it -------------------------------------------------------- */

static const char *asked_name;
static int asked_type;

static void *ask_once(void *arg)
{
	unsigned char own[4096];

	(void)arg;
	return (void *)(long)res_query(asked_name, ns_c_in, asked_type, own,
				       sizeof(own));
}

static void in_threads(void)
{
	pthread_t threads[8];
	void *result;

	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, ask_once, NULL);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &result);
		printf("  thread: %ld\n", (long)result);
	}
}

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 3; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A query that loses its socket may fail, but ends, and the next one is as good as ever. */
static void among_closes(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, ask_once, NULL);
	for (int round = 0; round < 50; round++)
		for (int fd = 900; fd < 1100; fd++)
			close(fd);
	pthread_join(thread, NULL);
}

static void around(const char *name, int type)
{
	int status;

	asked_name = name;
	asked_type = type;
	printf("  before: %ld\n", (long)ask_once(NULL));
	in_threads();
	fflush(stdout);
	if (fork() == 0) {
		printf("  child: %ld\n", (long)ask_once(NULL));
		printf("  its descriptors: %d\n", open_descriptors());
		exit(0);
	}
	wait(&status);
	among_closes();
	printf("  after: %ld\n", (long)ask_once(NULL));
	printf("  descriptors: %d\n", open_descriptors());
}

/* --- getaddrinfo_a --------------------------------------------------------------- */

enum { REQUESTS_MAX = 8 };

static struct gaicb requests[REQUESTS_MAX], *list[REQUESTS_MAX];
static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
static sem_t told;
static int value_told;
static bool other_thread;
static pthread_t main_thread;

static void print_requests(int n)
{
	char host[INET6_ADDRSTRLEN];

	for (int i = 0; i < n; i++) {
		int rc = gai_error(&requests[i]);

		printf("  %s: %s", requests[i].ar_name,
		       rc ? gai_strerror(rc) : "found");
		for (struct addrinfo *a = rc ? NULL : requests[i].ar_result; a;
		     a = a->ai_next)
			if (getnameinfo(a->ai_addr, a->ai_addrlen, host,
					sizeof(host), NULL, 0,
					NI_NUMERICHOST) == 0)
				printf(" %s", host);
		putchar('\n');
		if (rc == 0)
			freeaddrinfo(requests[i].ar_result);
	}
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	value_told = info->si_value.sival_int;
	other_thread = info->si_code == SI_ASYNCNL;
	sem_post(&told);
}

static void on_thread(union sigval value)
{
	value_told = value.sival_int;
	other_thread = !pthread_equal(pthread_self(), main_thread);
	sem_post(&told);
}

static int in_background(const char *how, int n)
{
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	struct sigaction action = { .sa_sigaction = on_signal,
				    .sa_flags = SA_SIGINFO };
	int rc;

	event.sigev_value.sival_int = 4711;
	if (strcmp(how, "wait") == 0)
		return getaddrinfo_a(GAI_WAIT, list, n, NULL);
	if (strcmp(how, "signal") == 0) {
		event.sigev_notify = SIGEV_SIGNAL;
		event.sigev_signo = SIGUSR1;
		sigaction(SIGUSR1, &action, NULL);
	} else if (strcmp(how, "thread") == 0) {
		event.sigev_notify = SIGEV_THREAD;
		event.sigev_notify_function = on_thread;
	}
	rc = getaddrinfo_a(GAI_NOWAIT, list, n, &event);
	if (rc == 0 && event.sigev_notify != SIGEV_NONE) {
		while (sem_wait(&told) < 0)
			;
		printf("  told %d, as it should be: %d\n", value_told,
		       other_thread);
	}
	if (rc == 0 && strcmp(how, "cancel") == 0)
		for (int i = 0; i < n; i++)
			gai_cancel(list[i]);
	for (int i = 0; rc == 0 && i < n; i++)
		while (gai_error(list[i]) == EAI_INPROGRESS)
			gai_suspend((const struct gaicb *const *)&list[i], 1,
				    NULL);
	return rc;
}

static void background(const char *how, char **names)
{
	int n = 0, rc;

	main_thread = pthread_self();
	sem_init(&told, 0, 0);
	for (; n < REQUESTS_MAX && names[n]; n++) {
		requests[n].ar_name = names[n];
		requests[n].ar_service = "80";
		requests[n].ar_request = &hints;
		list[n] = &requests[n];
	}
	rc = in_background(how, n);
	printf("background %s: %s\n", how, rc ? gai_strerror(rc) : "0");
	if (rc == 0)
		print_requests(n);
}

int main(int argc, char **argv)
{
	const char *call = argv[1];

	if (argc < 4)
		return 2;
	if (strcmp(call, "background") == 0)
		background(argv[2], argv + 3);
	else if (strcmp(call, "every") == 0)
		every(argv[2], type_of(argv[3]));
	else if (strcmp(call, "around") == 0)
		around(argv[2], type_of(argv[3]));
	else if (strcmp(call, "state") == 0)
		with_state(argv[2], type_of(argv[3]), argv + 4);
	else if (strstr(call, "domain"))
		tell(call, call_domain(call, argv[2], argv[3],
				       type_of(argv[4])));
	else {
		if (argc > 4)
			size = atoi(argv[4]);
		tell(call, call_named(call, argv[2], type_of(argv[3])));
	}
	return 0;
}
