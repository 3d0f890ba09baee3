/* SPDX-License-Identifier: MIT */
/*
 * names.c - an ordinary program that looks names up, in every way libc has
 *
 *	names getaddrinfo NODE SERVICE [WORD]...
 *	names shapes NODE SERVICE
 *	names gethostbyname|gethostbyname2|gethostbyname_r|gethostbyname2_r
 *		NAME [4|6] [BUFFER-SIZE]
 *	names gethostbyaddr|gethostbyaddr_r ADDRESS [BUFFER-SIZE]
 *	names gethostent|gethostent_r [BUFFER-SIZE]
 *	names getnameinfo ADDRESS PORT [WORD]...
 *	names roundtrip NAME
 *	names everywhere NAME
 *	names memory COUNT NAME
 *
 * NODE or SERVICE "-" is NULL. WORDs are flags without AI_ or NI_ in front, and
 * for getaddrinfo 4, 6, stream, dgram, raw, and nohints. "shapes" asks with all
 * families, socket types and the usual flags. "roundtrip" asks for a name's
 * addresses and for their names again, by every pair of calls; "everywhere"
 * does the first in this process, and the second in a forked and in an executed
 * one. "memory" looks a name up so often, and says whether the heap has grown.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct word {
	const char *name;
	int value;
};

static const struct word ai_flags[] = {
	{ "PASSIVE", AI_PASSIVE },
	{ "CANONNAME", AI_CANONNAME },
	{ "NUMERICHOST", AI_NUMERICHOST },
	{ "V4MAPPED", AI_V4MAPPED },
	{ "ALL", AI_ALL },
	{ "ADDRCONFIG", AI_ADDRCONFIG },
	{ "IDN", AI_IDN },
	{ "CANONIDN", AI_CANONIDN },
	{ "NUMERICSERV", AI_NUMERICSERV },
	{ "BAD", 0x40000000 },
	{ 0 },
};

static const struct word ni_flags[] = {
	{ "NUMERICHOST", NI_NUMERICHOST },
	{ "NUMERICSERV", NI_NUMERICSERV },
	{ "NOFQDN", NI_NOFQDN },
	{ "NAMEREQD", NI_NAMEREQD },
	{ "DGRAM", NI_DGRAM },
	{ "BAD", 0x1000 },
	{ 0 },
};

static const struct word eai_codes[] = {
	{ "OK", 0 },
	{ "BADFLAGS", EAI_BADFLAGS },
	{ "NONAME", EAI_NONAME },
	{ "AGAIN", EAI_AGAIN },
	{ "FAIL", EAI_FAIL },
	{ "FAMILY", EAI_FAMILY },
	{ "SOCKTYPE", EAI_SOCKTYPE },
	{ "SERVICE", EAI_SERVICE },
	{ "MEMORY", EAI_MEMORY },
	{ "SYSTEM", EAI_SYSTEM },
	{ "OVERFLOW", EAI_OVERFLOW },
	{ "NODATA", EAI_NODATA },
	{ "ADDRFAMILY", EAI_ADDRFAMILY },
	{ "IDN_ENCODE", EAI_IDN_ENCODE },
	{ 0 },
};

static const struct word h_errors[] = {
	{ "OK", NETDB_SUCCESS },
	{ "INTERNAL", NETDB_INTERNAL },
	{ "HOST_NOT_FOUND", HOST_NOT_FOUND },
	{ "TRY_AGAIN", TRY_AGAIN },
	{ "NO_RECOVERY", NO_RECOVERY },
	{ "NO_DATA", NO_DATA },
	{ 0 },
};

static int value_of(const struct word *words, const char *name)
{
	for (; words->name; words++)
		if (strcmp(words->name, name) == 0)
			return words->value;
	fprintf(stderr, "unknown word: %s\n", name);
	exit(2);
}

static const char *name_of(const struct word *words, int value)
{
	for (; words->name; words++)
		if (words->value == value)
			return words->name;
	return "?";
}

static const char *or_null(const char *word)
{
	return strcmp(word, "-") == 0 ? NULL : word;
}

static const char *errno_name(int error)
{
	const char *name = error ? strerrorname_np(error) : "0";

	return name ? name : "?";
}

/* --- getaddrinfo --------------------------------------------------------- */

static void print_numeric(const struct sockaddr *sa, socklen_t len)
{
	char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";

	getnameinfo(sa, len, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV);
	printf("%s,%s", host, port);
}

/* "PREFIX.rc=OK", then "PREFIX.N=ADDRESS,PORT family type protocol name". */
static void ask_getaddrinfo(const char *prefix, const char *node,
			    const char *service, const struct addrinfo *hints)
{
	struct addrinfo *list = NULL;
	int rc, n = 0;

	errno = 0;
	rc = getaddrinfo(node, service, hints, &list);
	printf("%s.rc=%s\n", prefix, name_of(eai_codes, rc));
	if (rc == EAI_SYSTEM)
		printf("%s.errno=%s\n", prefix, errno_name(errno));
	if (rc != 0)
		return;
	printf("%s.errno=%s\n", prefix, errno_name(errno));
	for (struct addrinfo *a = list; a; a = a->ai_next) {
		printf("%s.%d=", prefix, n++);
		print_numeric(a->ai_addr, a->ai_addrlen);
		printf(" %d %d %d %s\n", a->ai_family, a->ai_socktype,
		       a->ai_protocol, a->ai_canonname ? a->ai_canonname : "-");
	}
	freeaddrinfo(list);
}

static int run_getaddrinfo(int argc, char **argv)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC };
	bool with_hints = true;

	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "4") == 0)
			hints.ai_family = AF_INET;
		else if (strcmp(argv[i], "6") == 0)
			hints.ai_family = AF_INET6;
		else if (strcmp(argv[i], "stream") == 0)
			hints.ai_socktype = SOCK_STREAM;
		else if (strcmp(argv[i], "dgram") == 0)
			hints.ai_socktype = SOCK_DGRAM;
		else if (strcmp(argv[i], "raw") == 0)
			hints.ai_socktype = SOCK_RAW;
		else if (strcmp(argv[i], "nohints") == 0)
			with_hints = false;
		else
			hints.ai_flags |= value_of(ai_flags, argv[i]);
	}
	ask_getaddrinfo("getaddrinfo", or_null(argv[0]), or_null(argv[1]),
			with_hints ? &hints : NULL);
	return 0;
}

static int run_shapes(int argc, char **argv)
{
	static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX };
	static const int types[] = { 0, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW };
	static const int flags[] = {
		0,
		AI_CANONNAME,
		AI_ADDRCONFIG,
		AI_V4MAPPED,
		AI_V4MAPPED | AI_ALL,
		AI_V4MAPPED | AI_ADDRCONFIG,
		AI_ALL,
		AI_NUMERICHOST,
		AI_NUMERICSERV,
		AI_PASSIVE,
		AI_PASSIVE | AI_CANONNAME,
		AI_IDN,
		AI_IDN | AI_CANONIDN | AI_CANONNAME,
		0x40000000,
	};
	char prefix[64];

	(void)argc;
	ask_getaddrinfo("nohints", or_null(argv[0]), or_null(argv[1]), NULL);
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 4; j++)
			for (size_t k = 0; k < sizeof(flags) / sizeof(int);
			     k++) {
				struct addrinfo hints = {
					.ai_family = families[i],
					.ai_socktype = types[j],
					.ai_flags = flags[k],
				};

				snprintf(prefix, sizeof(prefix), "%d.%d.%x",
					 families[i], types[j],
					 (unsigned int)flags[k]);
				ask_getaddrinfo(prefix, or_null(argv[0]),
						or_null(argv[1]), &hints);
			}
	return 0;
}

/* --- gethostbyname, gethostbyaddr ---------------------------------------- */

static void print_host(const struct hostent *h)
{
	char text[INET6_ADDRSTRLEN];
	int n = 0;

	printf("name=%s\nfamily=%d\nlength=%d\n", h->h_name, h->h_addrtype,
	       h->h_length);
	for (char **alias = h->h_aliases; *alias; alias++)
		printf("alias.%d=%s\n", n++, *alias);
	n = 0;
	for (char **address = h->h_addr_list; *address; address++)
		printf("address.%d=%s\n", n++,
		       inet_ntop(h->h_addrtype, *address, text, sizeof(text)));
}

static void print_answer(const struct hostent *h, int error)
{
	printf("h_errno=%s\n", h ? "OK" : name_of(h_errors, error));
	if (h)
		print_host(h);
}

static int family_of(const char *word)
{
	return strcmp(word, "6") == 0 ? AF_INET6 : AF_INET;
}

static int run_gethostbyname(int argc, char **argv)
{
	const struct hostent *h = gethostbyname(argv[0]);

	(void)argc;
	print_answer(h, h_errno);
	return 0;
}

static int run_gethostbyname2(int argc, char **argv)
{
	const struct hostent *h;

	h = gethostbyname2(argv[0], family_of(argc > 1 ? argv[1] : "4"));
	print_answer(h, h_errno);
	return 0;
}

static int print_answer_r(int rc, const struct hostent *h, int error)
{
	printf("rc=%s\n", errno_name(rc));
	print_answer(h, error);
	return 0;
}

static int run_gethostbyname2_r(int argc, char **argv)
{
	int family = family_of(argc > 1 ? argv[1] : "4");
	size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 4096;
	struct hostent host, *h = NULL;
	char *buffer = malloc(size);
	int error = 0, rc;

	rc = gethostbyname2_r(argv[0], family, &host, buffer, size, &h, &error);
	print_answer_r(rc, h, error);
	free(buffer);
	return 0;
}

static int run_gethostbyname_r(int argc, char **argv)
{
	size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 4096;
	struct hostent host, *h = NULL;
	char *buffer = malloc(size);
	int error = 0, rc;

	rc = gethostbyname_r(argv[0], &host, buffer, size, &h, &error);
	print_answer_r(rc, h, error);
	free(buffer);
	return 0;
}

/* Fills 16 bytes and the family. The length of the address. */
static socklen_t read_address(const char *text, unsigned char *bytes,
			      int *family)
{
	*family = AF_INET;
	if (inet_pton(AF_INET, text, bytes) == 1)
		return 4;
	*family = AF_INET6;
	if (inet_pton(AF_INET6, text, bytes) == 1)
		return 16;
	fprintf(stderr, "not an address: %s\n", text);
	exit(2);
}

static int run_gethostbyaddr(int argc, char **argv)
{
	unsigned char bytes[16];
	int family;
	socklen_t len = read_address(argv[0], bytes, &family);
	const struct hostent *h = gethostbyaddr(bytes, len, family);

	(void)argc;
	print_answer(h, h_errno);
	return 0;
}

static int run_gethostbyaddr_r(int argc, char **argv)
{
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 4096;
	struct hostent host, *h = NULL;
	char *buffer = malloc(size);
	unsigned char bytes[16];
	int family, error = 0, rc;
	socklen_t len = read_address(argv[0], bytes, &family);

	rc = gethostbyaddr_r(bytes, len, family, &host, buffer, size, &h,
			     &error);
	print_answer_r(rc, h, error);
	free(buffer);
	return 0;
}

/* --- gethostent ---------------------------------------------------------- */

/* Two entries, and from the beginning all of them. */
static int run_gethostent(int argc, char **argv)
{
	const struct hostent *h;

	(void)argc;
	(void)argv;
	for (int i = 0; i < 2 && (h = gethostent()) != NULL; i++)
		print_host(h);
	sethostent(1);
	while ((h = gethostent()) != NULL)
		print_host(h);
	printf("h_errno=%s\n", name_of(h_errors, h_errno));
	endhostent();
	h = gethostent();
	printf("again=%s\n", h ? h->h_name : "-");
	endhostent();
	return 0;
}

/* A buffer that is too small is followed by one that is not. */
static int run_gethostent_r(int argc, char **argv)
{
	size_t size = argc > 0 ? strtoul(argv[0], NULL, 10) : 4096;
	char *buffer = malloc(4096);
	struct hostent host, *h;
	int error, rc;

	for (int i = 0; i < 100; i++) {
		h = NULL;
		error = 4711; /* is it left alone? */
		errno = 0;
		rc = gethostent_r(&host, buffer, size, &h, &error);
		printf("rc=%s errno=%s ", errno_name(rc), errno_name(errno));
		print_answer(h, error);
		if (rc == ENOENT)
			break;
		size = 4096;
	}
	endhostent();
	free(buffer);
	return 0;
}

/* --- getnameinfo --------------------------------------------------------- */

static socklen_t read_sockaddr(const char *address, const char *port,
			       struct sockaddr_storage *sa)
{
	struct sockaddr_in *in = (void *)sa;
	struct sockaddr_in6 *in6 = (void *)sa;
	unsigned char bytes[16];
	int family;
	socklen_t len = read_address(address, bytes, &family);

	memset(sa, 0, sizeof(*sa));
	sa->ss_family = (sa_family_t)family;
	in->sin_port = htons((uint16_t)atoi(port)); /* in both at one place */
	if (family == AF_INET6)
		memcpy(&in6->sin6_addr, bytes, len);
	else
		memcpy(&in->sin_addr, bytes, len);
	return family == AF_INET6 ? sizeof(*in6) : sizeof(*in);
}

static int run_getnameinfo(int argc, char **argv)
{
	char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
	struct sockaddr_storage sa;
	socklen_t len = read_sockaddr(argv[0], argv[1], &sa);
	int flags = 0, rc;

	for (int i = 2; i < argc; i++)
		flags |= value_of(ni_flags, argv[i]);
	rc = getnameinfo((void *)&sa, len, host, sizeof(host), service,
			 sizeof(service), flags);
	printf("rc=%s\n", name_of(eai_codes, rc));
	if (rc == 0)
		printf("host=%s\nservice=%s\n", host, service);
	return 0;
}

/* --- there and back ------------------------------------------------------ */

static int run_roundtrip(int argc, char **argv)
{
	static const int families[] = { AF_INET, AF_INET6 };

	(void)argc;
	for (size_t i = 0; i < 2; i++) {
		struct addrinfo hints = { .ai_family = families[i],
					  .ai_socktype = SOCK_STREAM };
		struct hostent *h = gethostbyname2(argv[0], families[i]);
		int family = families[i] == AF_INET ? 4 : 6;
		char host[NI_MAXHOST];
		struct addrinfo *list;
		const void *address;

		if (!h || getaddrinfo(argv[0], "80", &hints, &list) != 0) {
			printf("v%d=no address\n", family);
			continue;
		}
		address =
			family == 4
				? (void *)&((struct sockaddr_in *)list->ai_addr)
					  ->sin_addr
				: (void *)&(
					  (struct sockaddr_in6 *)list->ai_addr)
					  ->sin6_addr;
		printf("v%d.same=%s\n", family,
		       memcmp(h->h_addr_list[0], address,
			      (size_t)h->h_length) == 0
			       ? "yes"
			       : "no");
		if (getnameinfo(list->ai_addr, list->ai_addrlen, host,
				sizeof(host), NULL, 0, NI_NAMEREQD) == 0)
			printf("v%d.getnameinfo=%s\n", family, host);
		h = gethostbyaddr(address, family == 4 ? 4 : 16, families[i]);
		printf("v%d.gethostbyaddr=%s\n", family, h ? h->h_name : "-");
		freeaddrinfo(list);
	}
	return 0;
}

static int run_everywhere(int argc, char **argv)
{
	struct addrinfo hints = { .ai_family = AF_INET,
				  .ai_socktype = SOCK_STREAM };
	char address[NI_MAXHOST];
	struct addrinfo *list;

	(void)argc;
	if (getaddrinfo(argv[0], NULL, &hints, &list) != 0)
		return 1;
	getnameinfo(list->ai_addr, list->ai_addrlen, address, sizeof(address),
		    NULL, 0, NI_NUMERICHOST);
	freeaddrinfo(list);
	for (int executed = 0; executed < 2; executed++) {
		char *again[] = { address, NULL };
		pid_t pid;

		printf("%s:\n", executed ? "executed" : "forked");
		fflush(stdout);
		pid = fork();
		if (pid == 0 && executed) {
			execl("/proc/self/exe", "names", "gethostbyaddr",
			      address, (char *)NULL);
			_exit(127);
		}
		if (pid == 0)
			exit(run_gethostbyaddr(1, again));
		waitpid(pid, NULL, 0);
	}
	return 0;
}

static void look_up_and_free(const char *name)
{
	struct addrinfo *list;
	struct hostent *h;

	if (getaddrinfo(name, "80", NULL, &list) != 0)
		exit(1);
	freeaddrinfo(list);
	h = gethostbyname(name);
	if (!h || !gethostbyaddr(h->h_addr_list[0], 4, AF_INET))
		exit(1);
}

static size_t mapped_kib(void)
{
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");
	unsigned long kib = 0;

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmData: %lu", &kib) == 1)
			break;
	if (status)
		fclose(status);
	return kib;
}

static int run_memory(int argc, char **argv)
{
	long count = strtol(argv[0], NULL, 10);
	size_t heap, data;

	(void)argc;
	for (int i = 0; i < 100; i++)
		look_up_and_free(argv[1]);
	data = mapped_kib();
	heap = mallinfo2().uordblks;
	for (long i = 0; i < count; i++)
		look_up_and_free(argv[1]);
	printf("heap=%zu\n", mallinfo2().uordblks - heap);
	printf("data=%zu\n", mapped_kib() - data);
	return 0;
}

static const struct {
	const char *name;
	int words;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "getaddrinfo", 2, run_getaddrinfo },
	{ "shapes", 2, run_shapes },
	{ "gethostbyname", 1, run_gethostbyname },
	{ "gethostbyname2", 1, run_gethostbyname2 },
	{ "gethostbyname_r", 1, run_gethostbyname_r },
	{ "gethostbyname2_r", 1, run_gethostbyname2_r },
	{ "gethostbyaddr", 1, run_gethostbyaddr },
	{ "gethostbyaddr_r", 1, run_gethostbyaddr_r },
	{ "gethostent", 0, run_gethostent },
	{ "gethostent_r", 0, run_gethostent_r },
	{ "getnameinfo", 2, run_getnameinfo },
	{ "roundtrip", 1, run_roundtrip },
	{ "everywhere", 1, run_everywhere },
	{ "memory", 2, run_memory },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc > 1 + commands[i].words &&
		    strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	fprintf(stderr, "usage: names CALL NAME...: see the source\n");
	return 2;
}
