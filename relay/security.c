/* SPDX-License-Identifier: MIT */
/* security.c - one GSSAPI context: who is who, and what is wrapped */
#include "relay/security.h"

#include <errno.h>
#include <gssapi/gssapi.h>
#include <string.h>

#include "core/log.h"

/* Larger ones make no difference in speed, and all that is in one has to come first. */
enum { ROOM_MAX = 16384 };

/* What may be wrong with a message's place among the others. */
static const OM_uint32 out_of_order = GSS_S_DUPLICATE_TOKEN | GSS_S_OLD_TOKEN |
				      GSS_S_UNSEQ_TOKEN | GSS_S_GAP_TOKEN;

/* --- what went wrong ------------------------------------------------------------------ */

static bool describe(OM_uint32 status, int type, char *out, size_t size)
{
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor, more = 0;
	bool told;

	told = gss_display_status(&minor, status, type, GSS_C_NO_OID, &more, &text) ==
		       GSS_S_COMPLETE &&
	       text.length > 0;
	if (told) {
		size_t len = text.length < size ? text.length : size - 1;

		memcpy(out, text.value, len);
		out[len] = '\0';
	}
	gss_release_buffer(&minor, &text);
	return told;
}

static const char *cure(OM_uint32 major, const char *words)
{
	/* Several versions of the library have one number for all of these. */
	if (GSS_ROUTINE_ERROR(major) == GSS_S_NO_CRED ||
	    GSS_ROUTINE_ERROR(major) == GSS_S_CREDENTIALS_EXPIRED ||
	    strcasestr(words, "credential") || strcasestr(words, "expired"))
		return "; there is no valid ticket: run kinit";
	if (strcasestr(words, "not found in Kerberos database"))
		return "; name the service that the proxy has a key for: gssapi-service";
	return "";
}

/* The mechanism's words say more, where it has any. */
static void explain(char *why, size_t size, OM_uint32 major, OM_uint32 minor)
{
	char words[SECURITY_WHY_MAX / 2] = "no reason was given";

	if (!minor || !describe(minor, GSS_C_MECH_CODE, words, sizeof(words)))
		describe(major, GSS_C_GSS_CODE, words, sizeof(words));
	log_format(why, size, "GSSAPI: %s%s", words, cure(major, words));
}

int security_look_for_ticket(char *why, size_t size)
{
	gss_cred_id_t credentials = GSS_C_NO_CREDENTIAL;
	OM_uint32 major, minor, ignored, lifetime = 0;

	major = gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE,
				 GSS_C_NO_OID_SET, GSS_C_INITIATE, &credentials, NULL,
				 NULL);
	/* What it has may be a promise: asking for its time keeps it. */
	if (!GSS_ERROR(major))
		major = gss_inquire_cred(&minor, credentials, NULL, &lifetime, NULL,
					 NULL);
	gss_release_cred(&ignored, &credentials);
	if (GSS_ERROR(major)) {
		explain(why, size, major, minor);
		return -EACCES;
	}
	if (lifetime == 0) {
		log_format(why, size, "the ticket has expired: run kinit");
		return -EACCES;
	}
	return 0;
}

/* --- the context ---------------------------------------------------------------------- */

int security_begin(struct security *s, const char *service, bool datagrams,
		   enum gssapi_level required)
{
	gss_buffer_desc text = { strlen(service), (void *)service };
	gss_name_t name = GSS_C_NO_NAME;
	OM_uint32 major, minor;

	*s = (struct security){ .datagrams = datagrams, .required = required };
	major = gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &name);
	if (GSS_ERROR(major)) {
		explain(s->why, sizeof(s->why), major, minor);
		return -EINVAL;
	}
	s->target = name;
	return 0;
}

void security_end(struct security *s)
{
	gss_ctx_id_t context = s->context;
	gss_name_t name = s->target;
	OM_uint32 minor;

	gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
	gss_release_name(&minor, &name);
	s->context = NULL;
	s->target = NULL;
}

/* The least that the context has to be capable of: the server is who it says, for one. */
static OM_uint32 wanted_flags(const struct security *s)
{
	OM_uint32 flags = GSS_C_MUTUAL_FLAG;

	if (s->required >= GSSAPI_INTEGRITY)
		flags |= GSS_C_INTEG_FLAG;
	if (s->required >= GSSAPI_CONFIDENTIALITY)
		flags |= GSS_C_CONF_FLAG;
	return flags;
}

static OM_uint32 asked_flags(const struct security *s)
{
	OM_uint32 flags = GSS_C_MUTUAL_FLAG | GSS_C_INTEG_FLAG | GSS_C_CONF_FLAG |
			  GSS_C_REPLAY_FLAG;

	return s->datagrams ? flags : flags | GSS_C_SEQUENCE_FLAG;
}

int security_step(struct security *s, const uint8_t *in, size_t len, struct token *out)
{
	gss_buffer_desc input = { len, (void *)in }, output = GSS_C_EMPTY_BUFFER;
	gss_ctx_id_t context = s->context;
	OM_uint32 major, minor, flags = 0;

	major = gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, &context,
				     s->target, GSS_C_NO_OID, asked_flags(s), 0,
				     GSS_C_NO_CHANNEL_BINDINGS,
				     in ? &input : GSS_C_NO_BUFFER, NULL, &output,
				     &flags, NULL);
	s->context = context;
	*out = (struct token){ output.value, output.length };
	if (GSS_ERROR(major)) {
		explain(s->why, sizeof(s->why), major, minor);
		return -EACCES;
	}
	if (major & GSS_S_CONTINUE_NEEDED)
		return 0;
	if ((flags & wanted_flags(s)) != wanted_flags(s)) {
		log_format(s->why, sizeof(s->why),
			   "GSSAPI: the mechanism has not the protection that is required");
		return -EACCES;
	}
	return 1;
}

static bool encrypts(const struct security *s)
{
	return s->level == GSSAPI_CONFIDENTIALITY || s->level == GSSAPI_SELECTIVE;
}

int security_agree(struct security *s, enum gssapi_level level)
{
	OM_uint32 major, minor, room = ROOM_MAX;

	s->level = level;
	if (level == GSSAPI_CLEAR) {
		s->room = ROOM_MAX;
		return 0;
	}
	major = gss_wrap_size_limit(&minor, s->context, encrypts(s), GSS_C_QOP_DEFAULT,
				    GSSAPI_TOKEN_MAX, &room);
	if (GSS_ERROR(major) || room == 0) {
		explain(s->why, sizeof(s->why), major, minor);
		return -EPROTO;
	}
	/* Of a datagram all has to be in one. */
	s->room = room < ROOM_MAX || s->datagrams ? room : ROOM_MAX;
	return 0;
}

/* --- messages ------------------------------------------------------------------------- */

int security_wrap(struct security *s, const uint8_t *in, size_t len, struct token *out)
{
	gss_buffer_desc input = { len, (void *)in }, output = GSS_C_EMPTY_BUFFER;
	OM_uint32 major, minor;
	int encrypted = 0;

	*out = (struct token){ NULL, 0 };
	major = gss_wrap(&minor, s->context, encrypts(s), GSS_C_QOP_DEFAULT, &input,
			 &encrypted, &output);
	*out = (struct token){ output.value, output.length };
	if (GSS_ERROR(major)) {
		explain(s->why, sizeof(s->why), major, minor);
		return -EPROTO;
	}
	if (encrypts(s) && !encrypted) {
		log_format(s->why, sizeof(s->why), "GSSAPI: nothing was encrypted");
		return -EPROTO;
	}
	return 0;
}

/* A message that was not encrypted does only where that was agreed on. */
static bool is_protected(const struct security *s, int encrypted)
{
	return encrypted ||
	       (s->level != GSSAPI_CONFIDENTIALITY &&
		(s->level != GSSAPI_SELECTIVE || s->required < GSSAPI_CONFIDENTIALITY));
}

int security_unwrap(struct security *s, const uint8_t *in, size_t len, struct token *out)
{
	gss_buffer_desc input = { len, (void *)in }, output = GSS_C_EMPTY_BUFFER;
	OM_uint32 major, minor;
	int encrypted = 0;

	major = gss_unwrap(&minor, s->context, &input, &output, &encrypted, NULL);
	*out = (struct token){ output.value, output.length };
	if (GSS_ERROR(major)) {
		explain(s->why, sizeof(s->why), major, minor);
	} else if (major & out_of_order) {
		log_format(s->why, sizeof(s->why),
			   "GSSAPI: a message is out of order, or came twice");
	} else if (!is_protected(s, encrypted)) {
		log_format(s->why, sizeof(s->why), "GSSAPI: a message was not encrypted");
	} else {
		return 0;
	}
	token_release(out);
	return -EBADMSG;
}

void token_release(struct token *token)
{
	gss_buffer_desc buffer = { token->len, token->at };
	OM_uint32 minor;

	gss_release_buffer(&minor, &buffer);
	*token = (struct token){ NULL, 0 };
}
