/* SPDX-License-Identifier: MIT */
/* upstream.c - the proxy's side of one connection: reached, logged in, agreed on protection */
#include "relay/upstream.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/socks5.h"
#include "relay/io.h"

/* The context is made in two steps, or a few: a server that goes on is a broken one. */
enum { STEPS_MAX = 16 };

/* --- the way to it -------------------------------------------------------------------- */

static int dial(struct upstream *up, const struct endpoint *address)
{
	struct sockaddr_storage sa;
	int family = address->kind == ENDPOINT_IPV4 ? AF_INET : AF_INET6;
	int len = endpoint_to_sockaddr(address, family, &sa), error = 0;
	socklen_t size = sizeof(error);
	int fd;

	if (len < 0)
		return len;
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, (socklen_t)len) < 0) {
		error = errno;
		if (error == EINPROGRESS) {
			error = -io_wait(fd, POLLOUT, up->deadline_ms);
			if (!error)
				getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
		}
	}
	if (error) {
		close(fd);
		return -error;
	}
	io_no_delay(fd);
	io_keep_alive(fd);
	up->fd = fd;
	up->address = *address;
	return 0;
}

static int dial_any(struct upstream *up, const struct config *config)
{
	int r = -EHOSTUNREACH;

	for (size_t i = 0; i < config->n_addresses && up->fd < 0; i++)
		r = dial(up, &config->addresses[i]);
	return r;
}

/* --- messages ------------------------------------------------------------------------- */

static int send_message(struct upstream *up, enum gssapi_type type, const uint8_t *token,
			size_t len)
{
	uint8_t *message;
	int r;

	if (len > GSSAPI_TOKEN_MAX)
		return -EMSGSIZE;
	message = malloc(GSSAPI_HEADER_LEN + len);
	if (!message)
		return -ENOMEM;
	r = gssapi_put_header(message, GSSAPI_HEADER_LEN, type, len);
	if (r > 0) {
		memcpy(message + r, token, len);
		r = io_write(up->fd, message, (size_t)r + len, up->deadline_ms);
	}
	free(message);
	return r;
}

/* A whole message into memory that is the caller's to free, and none of what follows it. */
static int receive_message(struct upstream *up, enum gssapi_type type, uint8_t **memory,
			   const uint8_t **token, size_t *len)
{
	uint8_t *in = malloc(GSSAPI_MESSAGE_MAX);
	size_t have = 0;
	int r = in ? 0 : -ENOMEM;

	while (r == 0) {
		size_t wants = gssapi_needs(in, have);

		r = io_read(up->fd, in + have, wants - have, up->deadline_ms);
		if (r < 0)
			break;
		have = wants;
		r = gssapi_get_message(in, have, type, token, len);
	}
	if (r < 0)
		free(in);
	else
		*memory = in;
	return r < 0 ? r : 0;
}

int upstream_send(struct upstream *up, const uint8_t *in, size_t len)
{
	struct token token;
	int r;

	if (up->security.level == GSSAPI_CLEAR)
		return io_write(up->fd, in, len, up->deadline_ms);
	r = security_wrap(&up->security, in, len, &token);
	if (r == 0)
		r = send_message(up, GSSAPI_ENCAPSULATED, token.at, token.len);
	token_release(&token);
	return r;
}

/* --- the login ------------------------------------------------------------------------ */

static int choose_method(struct upstream *up)
{
	static const uint8_t methods[] = { SOCKS5_METHOD_GSSAPI };
	uint8_t out[3], in[2], method = SOCKS5_METHOD_UNACCEPTABLE;
	int r = socks5_put_greeting(out, sizeof(out), methods, 1);

	if (r > 0)
		r = io_write(up->fd, out, (size_t)r, up->deadline_ms);
	if (r == 0)
		r = io_read(up->fd, in, sizeof(in), up->deadline_ms);
	if (r < 0)
		return r;
	if (socks5_get_method(in, sizeof(in), &method) < 0)
		return -EPROTO;
	return method == SOCKS5_METHOD_GSSAPI ? 0 : -EOPNOTSUPP;
}

/* The server's token, if it is its turn, and our answer. As security_step. */
static int exchange(struct upstream *up, bool first)
{
	const uint8_t *token = NULL;
	uint8_t *memory = NULL;
	struct token out = { NULL, 0 };
	size_t len = 0;
	int r = first ? 0 :
			receive_message(up, GSSAPI_AUTHENTICATION, &memory, &token, &len);
	int state;

	if (r < 0)
		return r;
	state = security_step(&up->security, token, len, &out);
	free(memory);
	if (state >= 0 && out.len > 0)
		r = send_message(up, GSSAPI_AUTHENTICATION, out.at, out.len);
	token_release(&out);
	return r < 0 ? r : state;
}

static int make_context(struct upstream *up)
{
	int r = 0;

	for (int i = 0; i < STEPS_MAX && r == 0; i++)
		r = exchange(up, i == 0);
	if (r == 0)
		return -EPROTO;
	return r > 0 ? 0 : r;
}

/*
 * RFC 1961 section 4: one octet each way, wrapped for integrity; or, by the variant of
 * NEC's implementation, as it is.
 */
static int send_level(struct upstream *up, uint8_t level, bool nec)
{
	struct token token;
	int r;

	if (nec)
		return send_message(up, GSSAPI_PROTECTION, &level, 1);
	r = security_wrap(&up->security, &level, 1, &token);
	if (r == 0)
		r = send_message(up, GSSAPI_PROTECTION, token.at, token.len);
	token_release(&token);
	return r;
}

static int receive_level(struct upstream *up, bool nec)
{
	struct token plain = { NULL, 0 };
	const uint8_t *token;
	uint8_t *memory;
	size_t len;
	int r = receive_message(up, GSSAPI_PROTECTION, &memory, &token, &len);

	if (r < 0)
		return r;
	if (nec) {
		r = gssapi_get_level(token, len);
	} else {
		r = security_unwrap(&up->security, token, len, &plain);
		if (r == 0)
			r = gssapi_get_level(plain.at, plain.len);
		token_release(&plain);
	}
	free(memory);
	return r;
}

static int agree(struct upstream *up, const struct config *config)
{
	static const char *const names[] = { "none", "integrity", "confidentiality",
					     "either" };
	enum gssapi_level required = config->gssapi_protection;
	int r = send_level(up, (uint8_t)required, config->gssapi_nec);

	if (r == 0)
		r = receive_level(up, config->gssapi_nec);
	/* So says Dante that it does not do what is asked for. */
	if (r == -ECONNRESET || r == -EPIPE)
		log_format(up->security.why, sizeof(up->security.why),
			   "it ended the login when it was asked for gssapi-protection %s: "
			   "it may want another, or another gssapi-nec",
			   names[required]);
	if (r < 0)
		return r;
	if (!gssapi_level_suffices((enum gssapi_level)r, required)) {
		log_format(up->security.why, sizeof(up->security.why),
			   "it protects by %s at most; gssapi-protection %s would accept that",
			   names[r], names[r]);
		return -EACCES;
	}
	return security_agree(&up->security, (enum gssapi_level)r);
}

/* --- all of it ------------------------------------------------------------------------ */

static void name_service(const struct config *config, char *out, size_t size)
{
	char proxy[ENDPOINT_TEXT_MAX];
	struct endpoint host = config->proxy;
	char *port;

	if (strchr(config->gssapi_service, '@')) {
		log_format(out, size, "%s", config->gssapi_service);
		return;
	}
	endpoint_format(&host, proxy, sizeof(proxy));
	port = strrchr(proxy, ':');
	if (port)
		*port = '\0';
	log_format(out, size, "%s@%s", config->gssapi_service, proxy);
}

static int log_in(struct upstream *up, const struct config *config, bool datagrams)
{
	char service[CONFIG_SERVICE_MAX + ENDPOINT_TEXT_MAX];
	int r;

	name_service(config, service, sizeof(service));
	r = security_begin(&up->security, service, datagrams, config->gssapi_protection);
	if (r == 0)
		r = choose_method(up);
	if (r == 0)
		r = make_context(up);
	if (r == 0)
		r = agree(up, config);
	return r;
}

/* Why, in words, where GSSAPI has none. */
static const char *reason(int error)
{
	switch (-error) {
	case EOPNOTSUPP:
		return "it does not take GSSAPI (say auth login)";
	case ECONNABORTED:
		return "it broke the login off: is the ticket for this proxy, and its key "
		       "the one that it has?";
	case EPROTO:
		return "its answer is malformed";
	case ECONNRESET:
	case EPIPE:
		return "it closed the connection during the login";
	default:
		return NULL;
	}
}

static uint8_t reply_of(int error)
{
	switch (-error) {
	case ENETUNREACH:
		return SOCKS5_NETWORK_UNREACHABLE;
	case EHOSTUNREACH:
		return SOCKS5_HOST_UNREACHABLE;
	case ECONNREFUSED:
		return SOCKS5_CONNECTION_REFUSED;
	case ETIMEDOUT:
		return SOCKS5_TTL_EXPIRED;
	default:
		return SOCKS5_GENERAL_FAILURE;
	}
}

static void report(const struct upstream *up, const struct config *config, int error)
{
	char proxy[ENDPOINT_TEXT_MAX], subject[SECURITY_WHY_MAX];
	const char *why = up->security.why;

	endpoint_format(&config->proxy, proxy, sizeof(proxy));
	if (!*why)
		why = reason(error);
	log_format(subject, sizeof(subject), "%s%d", why ? why : "", error);
	if (up->fd < 0)
		log_once(subject, "the proxy %s cannot be reached: %e", proxy, error);
	else if (why)
		log_once(subject, "the proxy %s: %s", proxy, why);
	else
		log_once(subject, "the proxy %s: %e", proxy, error);
}

int upstream_open(struct upstream *up, const struct config *config, bool datagrams)
{
	int r;

	*up = (struct upstream){
		.fd = -1,
		.deadline_ms = io_now_ms() + config->timeout_ms,
	};
	r = dial_any(up, config);
	if (r == 0)
		r = log_in(up, config, datagrams);
	if (r == 0)
		return 0;
	report(up, config, r);
	return reply_of(r);
}

void upstream_close(struct upstream *up)
{
	security_end(&up->security);
	if (up->fd >= 0)
		close(up->fd);
	up->fd = -1;
}

int upstream_receive(struct upstream *up, struct token *out)
{
	const uint8_t *token;
	uint8_t *memory;
	size_t len;
	int r = receive_message(up, GSSAPI_ENCAPSULATED, &memory, &token, &len);

	if (r < 0)
		return r;
	r = security_unwrap(&up->security, token, len, out);
	free(memory);
	return r;
}
