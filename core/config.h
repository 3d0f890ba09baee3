/* SPDX-License-Identifier: MIT */
/*
 * config.h - what the user asked for: one struct, built once, then read only
 *
 * Pure parsing: the texts (environment values, a file's content) are handed
 * in. config_load below is the one function that reads files.
 */
#ifndef SOCKSIFY_CORE_CONFIG_H
#define SOCKSIFY_CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/endpoint.h"
#include "core/gssapi.h"
#include "core/handshake.h"
#include "core/log.h"
#include "core/rules.h"

enum {
	CONFIG_ADDRESSES_MAX = 8,
	CONFIG_DNS_MAX = 4,
	CONFIG_BIND_PORTS_MAX = 8,
	CONFIG_PATH_MAX = 1024,
	CONFIG_WHY_MAX = 256,
	CONFIG_SERVICE_MAX = 256,
	CONFIG_GATEWAY_KEY_MAX = CONFIG_SERVICE_MAX + ENDPOINT_TEXT_MAX + 32,
	CONFIG_TIMEOUT_DEFAULT_MS = 60000,
	CONFIG_PORT_DEFAULT = 1080, /* RFC 1928 section 3 */
};

/* Where the proxy's URL came from; lower ones are asked first. */
enum config_source {
	CONFIG_FROM_NOWHERE,
	CONFIG_FROM_SOCKSIFY, /* SOCKSIFY_PROXY, -x */
	CONFIG_FROM_ALL_PROXY,
	CONFIG_FROM_FILE,
};

/* What a program gets for a name that this machine does not know. */
enum config_resolve {
	CONFIG_RESOLVE_FAKE,   /* an address that stands for it; nobody is asked */
	CONFIG_RESOLVE_TUNNEL, /* its addresses, asked for through the proxy */
};

/* How the program's side shows the proxy who it is. */
enum config_auth {
	CONFIG_AUTH_LOGIN,  /* not, or by username and password */
	CONFIG_AUTH_GSSAPI, /* by a ticket, and so no other method */
};

/*
 * GSSAPI is spoken by a process of its own (relay/): who runs under the command sees
 * that one's end, a SOCKS5 proxy on this machine with a login of its own.
 */
enum config_gateway {
	CONFIG_GATEWAY_UNASKED,
	CONFIG_GATEWAY_MISSING, /* asked for, and not there: broken, if by nothing else */
	CONFIG_GATEWAY_THERE,	/* proxy, addresses and login are the gateway's */
};

/**
 * struct config - the configuration
 * @broken:	something is wrong: every connection but loopback's is refused
 * @why:	what is wrong and how to mend it, one line without a newline
 * @proxy:	the proxy as given, a name or an address; kind ENDPOINT_NONE: none
 * @proxy_source: where that came from
 * @skipped_http_proxy: ALL_PROXY was there but is no SOCKS URL
 * @addresses:	the proxy's addresses, each with its port; from @proxy where that
 *		is an address, else from SOCKSIFY_PROXY_ADDRESS
 * @n_addresses: how many
 * @username:	RFC 1929; empty: no such method is offered
 * @password:	likewise
 * @auth:	SOCKSIFY_AUTH
 * @gateway:	whether one is needed, and there: SOCKSIFY_GATEWAY
 * @gssapi_service: SOCKSIFY_GSSAPI_SERVICE: "rcmd", or "rcmd@host" where the proxy's own
 *		name is not what its key is for
 * @gssapi_protection: SOCKSIFY_GSSAPI_PROTECTION: the least that will do
 * @gssapi_nec:	SOCKSIFY_GSSAPI_NEC: protection is agreed on without any
 * @timeout_ms:	for dialling the proxy and the handshake together
 * @pipeline:	SOCKSIFY_PIPELINE: greeting and request in one segment, where no
 *		login is configured
 * @early_data:	SOCKSIFY_EARLY_DATA: so, and connect() does not wait for the answers
 * @bind:	SOCKSIFY_BIND: some listeners are asked for at the proxy
 * @bind_for:	SOCKSIFY_BIND_FOR: those that go with a connection to one of these ports
 * @n_bind_for:	how many
 * @udp:	SOCKSIFY_UDP: datagrams go through the proxy; else only by direct rules
 * @resolve:	SOCKSIFY_RESOLVE
 * @dns:	SOCKSIFY_DNS: who is asked real questions, addresses with ports
 * @n_dns:	how many; 0: those of resolv.conf that the proxy may reach, or well-known ones
 * @log_level:	SOCKSIFY_VERBOSE (0 to 3), LOG_REFUSAL unless said
 * @log_path:	SOCKSIFY_LOG: "stderr" or an absolute path; empty: nowhere
 * @map_path:	SOCKSIFY_MAP: file of the fake map; empty: the usual place
 * @fake4:	first address of the fake IPv4 range, network order
 * @fake4_bits:	its prefix length, 8 to 30 (15)
 * @fake6:	the fake IPv6 /64, its first 8 octets
 * @rules:	command line, environment, file and built-in rules, in that order;
 *		the proxy's own address comes before all and is not among them
 */
struct config {
	bool broken;
	char why[CONFIG_WHY_MAX];
	struct endpoint proxy;
	enum config_source proxy_source;
	bool skipped_http_proxy;
	struct endpoint addresses[CONFIG_ADDRESSES_MAX];
	size_t n_addresses;
	char username[256];
	char password[256];
	enum config_auth auth;
	enum config_gateway gateway;
	char gssapi_service[CONFIG_SERVICE_MAX];
	enum gssapi_level gssapi_protection;
	bool gssapi_nec;
	int timeout_ms;
	bool pipeline;
	bool early_data;
	bool bind;
	uint16_t bind_for[CONFIG_BIND_PORTS_MAX];
	size_t n_bind_for;
	bool udp;
	enum config_resolve resolve;
	struct endpoint dns[CONFIG_DNS_MAX];
	size_t n_dns;
	int log_level;
	char log_path[CONFIG_PATH_MAX];
	char map_path[CONFIG_PATH_MAX];
	uint8_t fake4[4];
	uint8_t fake4_bits;
	uint8_t fake6[8];
	struct rules rules;
};

/*
 * Looks a variable up: getenv's signature, so that tests can hand in their own.
 */
typedef char *config_getenv(const char *name);

/*
 * Reads the whole configuration as it holds for this process: the environment
 * and the file that it names, or the usual files. Does not look names up. Fills
 * every field; where something is wrong, broken and why are set, and the rest
 * holds as far as it was understood. No heap.
 */
void config_load(struct config *config, config_getenv *env);

/*
 * One proxy URL as curl writes them: [SCHEME://][USER[:PASSWORD]@]HOST[:PORT],
 * SCHEME socks5 or socks5h (alike), HOST a name, an IPv4 or a bracketed IPv6
 * address; percent-escapes in user and password. 0, or -EINVAL with why filled:
 * one line that names cause and cure and never shows the password.
 */
int config_parse_url(struct config *config, const char *url, char *why,
		     size_t why_size);

/*
 * A configuration file's text; name is for messages. 0, or -EINVAL with why
 * "NAME:LINE: reason". Stops at the first wrong line.
 */
int config_parse_file(struct config *config, const char *text, size_t len,
		      const char *name, char *why, size_t why_size);

/* What the handshake may offer. The pointers are into config. */
struct credentials config_credentials(const struct config *config);

/*
 * What a gateway is for, without a "=": SOCKSIFY_GATEWAY is this, "=", and the URL of the
 * gateway. CONFIG_GATEWAY_KEY_MAX bytes of room do. Returns text. To be asked while proxy
 * is the real one still.
 */
char *config_gateway_key(const struct config *config, char *text, size_t size);

/* What to add where the proxy cannot be reached: "", or what that means and helps. */
const char *config_cure(const struct config *config);

/* e is one of the proxy's own addresses, with its port. */
bool config_is_proxy(const struct config *config, const struct endpoint *e);

/*
 * Where e goes: the proxy's own address and port is direct, then the rules,
 * then via. Never ROUTE_NONE. A broken configuration blocks all but loopback.
 */
enum route config_route(const struct config *config, const struct endpoint *e);

/* The same for a datagram: the proxy's own address is open to connections only. */
enum route config_route_datagram(const struct config *config,
				 const struct endpoint *e);

/*
 * A rule that was asked for blocks e, or names its port: then that rule alone says what
 * becomes of it. Also true of a broken configuration.
 */
bool config_leaves_port(const struct config *config, const struct endpoint *e);

#endif
