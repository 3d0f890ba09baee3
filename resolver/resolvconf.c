/* SPDX-License-Identifier: MIT */
/* resolvconf.c - the name servers that this machine's resolv.conf names */
#include "resolver/resolvconf.h"

#include <fcntl.h>
#include <string.h>

#include "core/sys.h"
#include "core/text.h"
#include "resolver/dnswire.h"

enum {
	READ_SIZE = 512,
	LINE_MAX_BYTES = 128, /* a longer one names no address */
};

static const char *resolvconf_path = "/etc/resolv.conf"; /* atomic */

void resolvconf_setup(const char *file)
{
	__atomic_store_n(&resolvconf_path, file, __ATOMIC_RELAXED);
}

/* "nameserver ADDRESS", as libc reads it: from the first column, the rest is ignored. */
static bool read_line(struct text line, struct endpoint *e)
{
	struct text key, value;
	char address[64];

	if (line.len == 0 || text_blank(line.at[0]) ||
	    !text_word(&line, &key) || !text_is(key, "nameserver") ||
	    !text_word(&line, &value) ||
	    !text_copy(value, address, sizeof(address)))
		return false;
	*e = (struct endpoint){ .port = DNS_PORT };
	return endpoint_parse_address(e, address) == 0;
}

/**
 * struct lines - a file cut into lines, of which the overlong are passed over
 * @line:	the one at hand
 * @len:	its bytes; LINE_MAX_BYTES: it is too long
 * @servers:	what was found
 * @count:	likewise
 */
struct lines {
	char line[LINE_MAX_BYTES];
	size_t len;
	struct endpoint *servers;
	size_t count;
};

static void end_line(struct lines *lines)
{
	struct text line = { lines->line, lines->len };

	if (lines->count < RESOLVCONF_SERVERS_MAX && line.len < LINE_MAX_BYTES &&
	    read_line(line, &lines->servers[lines->count]))
		lines->count++;
	lines->len = 0;
}

static void take_bytes(struct lines *lines, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n')
			end_line(lines);
		else if (lines->len < LINE_MAX_BYTES)
			lines->line[lines->len++] = bytes[i];
	}
}

static void read_file(struct lines *lines)
{
	const char *path = __atomic_load_n(&resolvconf_path, __ATOMIC_RELAXED);
	long fd = sys4(SYS_openat, AT_FDCWD, path,
		       O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	char bytes[READ_SIZE];
	long n;

	if (fd < 0)
		return;
	while ((n = sys3(SYS_read, fd, bytes, sizeof(bytes))) > 0)
		take_bytes(lines, bytes, (size_t)n);
	end_line(lines);
	sys1(SYS_close, fd);
}

size_t resolvconf_servers(struct endpoint servers[RESOLVCONF_SERVERS_MAX])
{
	struct lines lines = { .servers = servers };

	read_file(&lines);
	if (lines.count > 0)
		return lines.count;
	servers[0] = (struct endpoint){ .kind = ENDPOINT_IPV4,
					.port = DNS_PORT,
					.v4 = { 127, 0, 0, 1 } };
	return 1;
}

/* The special-purpose registry of RFC 6890, as far as hosts can have the addresses. */
static const struct {
	uint8_t net[4];
	uint8_t bits;
} special[] = {
	{ { 0, 0, 0, 0 }, 8 },	    { { 10, 0, 0, 0 }, 8 },
	{ { 100, 64, 0, 0 }, 10 },  { { 127, 0, 0, 0 }, 8 },
	{ { 169, 254, 0, 0 }, 16 }, { { 172, 16, 0, 0 }, 12 },
	{ { 192, 0, 0, 0 }, 24 },   { { 192, 0, 2, 0 }, 24 },
	{ { 192, 168, 0, 0 }, 16 }, { { 198, 18, 0, 0 }, 15 },
	{ { 198, 51, 100, 0 }, 24 }, { { 203, 0, 113, 0 }, 24 },
	{ { 224, 0, 0, 0 }, 3 },
};

static uint32_t number(const uint8_t v4[4])
{
	return (uint32_t)v4[0] << 24 | (uint32_t)v4[1] << 16 |
	       (uint32_t)v4[2] << 8 | v4[3];
}

bool resolvconf_is_global(const struct endpoint *e)
{
	if (e->kind == ENDPOINT_IPV6)
		return (e->v6[0] & 0xe0) == 0x20; /* 2000::/3 */
	if (e->kind != ENDPOINT_IPV4)
		return false;
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if ((number(e->v4) ^ number(special[i].net)) >>
			    (32 - special[i].bits) ==
		    0)
			return false;
	return true;
}
