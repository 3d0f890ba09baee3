/* SPDX-License-Identifier: MIT */
/* plugin.c - a plugin that connects, and needs a library that lies beside it */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef BESIDE

const char *beside(void)
{
	return "beside";
}

#else

const char *beside(void);

/* "beside", and what a web server at that address says last, or why it says nothing. */
void plugin_run(const char *address)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[4096];
	size_t n = 0;
	ssize_t got;

	inet_pton(AF_INET, address, &to.sin_addr);
	printf("%s ", beside());
	if (fd < 0 || connect(fd, (void *)&to, sizeof(to)) < 0) {
		printf("%m\n");
		return;
	}
	if (write(fd, request, strlen(request)) < 0)
		printf("%m\n");
	while (n + 1 < sizeof(text) &&
	       (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	printf("%s", strstr(text, "\r\n\r\n") ? strstr(text, "\r\n\r\n") + 4 : text);
	close(fd);
}

#endif
