/* SPDX-License-Identifier: MIT */
/* dnswire.c - DNS messages to and from bytes (RFC 1035, 6891, 3596, 9460) */
#include "resolver/dnswire.h"

#include <string.h>

#include "core/text.h"

enum {
	LABEL_KIND = 0xc0, /* the two bits that tell labels from pointers */
	LABEL_PLAIN = 0x00,
	LABEL_POINTER = 0xc0,
	QUESTION_NAME = 0xc000 | DNS_HEADER_SIZE, /* a pointer to it */
};

struct dns_message dnswire_open(const void *bytes, size_t len)
{
	return (struct dns_message){
		.bytes = bytes,
		.rest = reader_over(bytes, len),
	};
}

struct dns_message dnswire_open_rdata(const struct dns_message *m,
				      const struct dns_record *record)
{
	return (struct dns_message){
		.bytes = m->bytes,
		.rest = reader_over(record->rdata, record->rdata_len),
	};
}

static bool fail(struct dns_message *m)
{
	m->rest.failed = true;
	return false;
}

/*
 * RFC 1035 section 4.1.1
 *
 *	  0  1  2  3  4  5  6  7  8  9  0  1  2  3  4  5
 *	+-----------------------------------------------+
 *	|                      ID                       |
 *	|QR|   OPCODE  |AA|TC|RD|RA| Z|AD|CD|   RCODE   |
 *	|                    QDCOUNT                    |
 *	|                    ANCOUNT                    |
 *	|                    NSCOUNT                    |
 *	|                    ARCOUNT                    |
 *	+-----------------------------------------------+
 */
bool dnswire_get_header(struct dns_message *m, struct dns_header *header)
{
	header->id = reader_be16(&m->rest);
	header->flags = reader_be16(&m->rest);
	header->questions = reader_be16(&m->rest);
	header->answers = reader_be16(&m->rest);
	header->authorities = reader_be16(&m->rest);
	header->additionals = reader_be16(&m->rest);
	return !m->rest.failed;
}

void dnswire_put_header(struct writer *w, const struct dns_header *header)
{
	writer_be16(w, header->id);
	writer_be16(w, header->flags);
	writer_be16(w, header->questions);
	writer_be16(w, header->answers);
	writer_be16(w, header->authorities);
	writer_be16(w, header->additionals);
}

/* --- names --------------------------------------------------------------- */

/* One label of len octets, 0 being the root. False if it does not fit. */
static bool add_label(struct dns_name *name, const void *octets, size_t len)
{
	size_t room = DNS_NAME_MAX - name->len;

	if (len > DNS_LABEL_MAX || room < 1 + len)
		return false;
	name->octets[name->len] = (uint8_t)len;
	memcpy(name->octets + name->len + 1, octets, len);
	name->len = (uint8_t)(name->len + 1 + len);
	return true;
}

/**
 * struct trail - where a name is being read
 * @at:		the next octets
 * @run:	where the labels began that are being read: a pointer has to lead
 *		to before it, so that every chain of pointers has an end
 */
struct trail {
	struct reader at;
	const uint8_t *run;
};

/* high: the octet that begins the pointer, and has been read. */
static bool follow(const struct dns_message *m, struct trail *trail,
		   uint8_t high)
{
	size_t offset =
		(size_t)(high & ~LABEL_KIND) << 8 | reader_u8(&trail->at);
	const uint8_t *end = trail->at.end;

	if (trail->at.failed || offset < DNS_HEADER_SIZE ||
	    offset >= (size_t)(trail->run - m->bytes))
		return false;
	trail->run = m->bytes + offset;
	trail->at = reader_over(trail->run, (size_t)(end - trail->run));
	return true;
}

/* Moves what the reader gives into the name. */
static bool read_label(struct dns_name *name, struct reader *from, size_t len)
{
	uint8_t octets[DNS_LABEL_MAX];

	return reader_bytes(from, octets, len) && add_label(name, octets, len);
}

/*
 * RFC 1035 sections 3.1 and 4.1.4: labels up to that of no length, which is the
 * root's, or up to a pointer to where the rest of the name is.
 *
 *	+--+--+------+-------------+		+--+--+--------------------+
 *	| 0  0 LENGTH|   octets    | ...	| 1  1        OFFSET       |
 *	+--+--+------+-------------+		+--+--+--------------------+
 *
 * The kinds 01 and 10 are not used any more (RFC 6891 section 5).
 */
bool dnswire_get_name(struct dns_message *m, struct dns_name *name)
{
	struct trail trail = { m->rest, m->rest.at };
	bool moved = false;
	uint8_t octet;

	name->len = 0;
	do {
		octet = reader_u8(&trail.at);
		if (trail.at.failed)
			return fail(m);
		switch (octet & LABEL_KIND) {
		case LABEL_PLAIN:
			if (!read_label(name, &trail.at, octet))
				return fail(m);
			if (!moved)
				m->rest = trail.at;
			break;
		case LABEL_POINTER:
			if (!moved)
				reader_bytes(&m->rest, NULL, 2);
			moved = true;
			if (!follow(m, &trail, octet))
				return fail(m);
			break;
		default:
			return fail(m);
		}
	} while (octet != 0);
	return true;
}

void dnswire_put_name(struct writer *w, const struct dns_name *name)
{
	writer_bytes(w, name->octets, name->len);
}

bool dnswire_same_name(const struct dns_name *a, const struct dns_name *b)
{
	if (a->len != b->len)
		return false;
	/* Lengths are no letters: they are below 'A'. */
	for (size_t i = 0; i < a->len; i++)
		if (text_lower((char)a->octets[i]) !=
		    text_lower((char)b->octets[i]))
			return false;
	return true;
}

static void put_octet_text(struct writer *w, uint8_t octet)
{
	if (octet <= ' ' || octet > '~') {
		writer_u8(w, '\\');
		writer_u8(w, (uint8_t)('0' + octet / 100));
		writer_u8(w, (uint8_t)('0' + octet / 10 % 10));
		writer_u8(w, (uint8_t)('0' + octet % 10));
		return;
	}
	if (octet == '.' || octet == '\\')
		writer_u8(w, '\\');
	writer_u8(w, octet);
}

bool dnswire_name_text(const struct dns_name *name, char *text, size_t size)
{
	struct writer w = writer_over(text, size);
	struct reader r = reader_over(name->octets, name->len);
	uint8_t len = reader_u8(&r);

	if (len == 0)
		writer_u8(&w, '.');
	while (len != 0) {
		for (; len > 0; len--)
			put_octet_text(&w, reader_u8(&r));
		len = reader_u8(&r);
		if (len != 0)
			writer_u8(&w, '.');
	}
	writer_u8(&w, '\0');
	return !w.failed;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What is behind a backslash. False if it stands for no octet. */
static bool unescape(const char **text, uint8_t *octet)
{
	const char *at = *text;
	unsigned int value;

	if (*at == '\0')
		return false;
	if (!is_digit(*at)) {
		*octet = (uint8_t)*at;
		*text += 1;
		return true;
	}
	if (!is_digit(at[1]) || !is_digit(at[2]))
		return false;
	value = (unsigned int)((at[0] - '0') * 100 + (at[1] - '0') * 10 +
			       (at[2] - '0'));
	*octet = (uint8_t)value;
	*text += 3;
	return value <= UINT8_MAX;
}

/* The label that text begins with, up to a dot or the end. */
static bool add_label_text(struct dns_name *name, const char **text)
{
	uint8_t octets[DNS_LABEL_MAX];
	size_t len = 0;

	while (**text && **text != '.') {
		uint8_t octet = (uint8_t)**text;

		*text += 1;
		if (octet == '\\' && !unescape(text, &octet))
			return false;
		if (len == sizeof(octets))
			return false;
		octets[len++] = octet;
	}
	return len > 0 && add_label(name, octets, len);
}

bool dnswire_set_name(struct dns_name *name, const char *text)
{
	name->len = 0;
	if (strcmp(text, ".") == 0)
		return add_label(name, "", 0);
	do {
		if (!add_label_text(name, &text))
			return false;
		if (*text == '.')
			text++;
	} while (*text);
	return add_label(name, "", 0);
}

/* --- questions and records ----------------------------------------------- */

/*
 * RFC 1035 section 4.1.2
 *
 *	+------------+-------------+-------------+
 *	|   QNAME    |  QTYPE (2)  |  QCLASS (2) |
 *	+------------+-------------+-------------+
 */
bool dnswire_get_question(struct dns_message *m, struct dns_question *question)
{
	if (!dnswire_get_name(m, &question->name))
		return false;
	question->type = reader_be16(&m->rest);
	question->class = reader_be16(&m->rest);
	return !m->rest.failed;
}

void dnswire_put_question(struct writer *w, const struct dns_question *q)
{
	dnswire_put_name(w, &q->name);
	writer_be16(w, q->type);
	writer_be16(w, q->class);
}

/*
 * RFC 1035 section 4.1.3. RDATA is four octets for an A, sixteen for an AAAA
 * (RFC 3596 section 2.2), a name for a PTR.
 *
 *	+--------+----------+-----------+---------+--------------+---------+
 *	|  NAME  | TYPE (2) | CLASS (2) | TTL (4) | RDLENGTH (2) |  RDATA  |
 *	+--------+----------+-----------+---------+--------------+---------+
 */
bool dnswire_get_record(struct dns_message *m, struct dns_record *record)
{
	if (!dnswire_get_name(m, &record->name))
		return false;
	record->type = reader_be16(&m->rest);
	record->class = reader_be16(&m->rest);
	record->ttl = reader_be32(&m->rest);
	record->rdata_len = reader_be16(&m->rest);
	record->rdata = m->rest.at;
	return reader_bytes(&m->rest, NULL, record->rdata_len);
}

static void put_data(struct writer *w, const void *rdata, size_t len)
{
	if (len > UINT16_MAX)
		w->failed = true;
	writer_be16(w, (uint16_t)len);
	writer_bytes(w, rdata, len);
}

void dnswire_put_record(struct writer *w, const struct dns_record *record)
{
	dnswire_put_name(w, &record->name);
	writer_be16(w, record->type);
	writer_be16(w, record->class);
	writer_be32(w, record->ttl);
	put_data(w, record->rdata, record->rdata_len);
}

void dnswire_put_answer(struct writer *w, enum dns_type type, uint32_t ttl,
			const void *rdata, size_t len)
{
	writer_be16(w, QUESTION_NAME);
	writer_be16(w, (uint16_t)type);
	writer_be16(w, DNS_IN);
	writer_be32(w, ttl);
	put_data(w, rdata, len);
}

/* --- EDNS ---------------------------------------------------------------- */

/*
 * RFC 6891 section 6.1: a record of the root's name whose class and TTL mean
 * something else. Its data are options, of which we make none.
 *
 *	+---+----------+----------+----------------+-------------+-----------+
 *	| 0 |  41 (2)  | SIZE (2) | RCODE-HIGH (1) | VERSION (1) | FLAGS (2) |
 *	+---+----------+----------+----------------+-------------+-----------+
 *	| RDLENGTH (2) | {OPTION-CODE (2) OPTION-LENGTH (2) data} ...        |
 *	+--------------+-----------------------------------------------------+
 */
bool dnswire_edns_of(const struct dns_record *record, struct dns_edns *edns)
{
	if (record->type != DNS_OPT)
		return false;
	edns->size = record->class;
	edns->rcode_high = (uint8_t)(record->ttl >> 24);
	edns->version = (uint8_t)(record->ttl >> 16);
	edns->flags = (uint16_t)record->ttl;
	return true;
}

void dnswire_put_edns(struct writer *w, const struct dns_edns *edns)
{
	writer_u8(w, 0);
	writer_be16(w, DNS_OPT);
	writer_be16(w, edns->size);
	writer_u8(w, edns->rcode_high);
	writer_u8(w, edns->version);
	writer_be16(w, edns->flags);
	writer_be16(w, 0);
}

unsigned int dnswire_rcode(const struct dns_header *header,
			   const struct dns_edns *edns)
{
	unsigned int high = edns->rcode_high;

	return (header->flags & DNS_RCODE) | high << 4;
}
