/* SPDX-License-Identifier: MIT */
/*
 * dnswire.h - DNS messages to and from bytes (RFC 1035, 6891, 3596, 9460)
 *
 * Pure: no descriptor, clock, heap or file. A message is read part by part, in
 * its order; the first thing that is cut or wrong fails that read and all after
 * it. What is written goes to a writer, which says in the end whether it fitted.
 */
#ifndef SOCKSIFY_RESOLVER_DNSWIRE_H
#define SOCKSIFY_RESOLVER_DNSWIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cursor.h"

enum {
	DNS_PORT = 53,
	DNS_HEADER_SIZE = 12,
	DNS_LABEL_MAX = 63,	  /* RFC 1035 section 2.3.4 */
	DNS_NAME_MAX = 255,	  /* with the lengths and the root's */
	DNS_NAME_TEXT_MAX = 1004, /* of 250 octets as \DDD, dots and a NUL */
	DNS_DATAGRAM_MAX = 512,	  /* without EDNS, RFC 1035 section 4.2.1 */
	DNS_MESSAGE_MAX = 65535,  /* what TCP's two octets of length can say */
};

/* The bits of the second word of a header. */
enum {
	DNS_QR = 0x8000, /* a response */
	DNS_OPCODE = 0x7800,
	DNS_AA = 0x0400,
	DNS_TC = 0x0200,
	DNS_RD = 0x0100,
	DNS_RA = 0x0080,
	DNS_AD = 0x0020, /* RFC 4035 section 3.2.3 */
	DNS_CD = 0x0010,
	DNS_RCODE = 0x000f,
};

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16, /* RFC 6891 section 9; its high bits are in the OPT */
};

enum dns_type {
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28, /* RFC 3596 */
	DNS_SRV = 33,
	DNS_OPT = 41,  /* RFC 6891 */
	DNS_SVCB = 64, /* RFC 9460 */
	DNS_HTTPS = 65,
	DNS_ANY_TYPE = 255,
};

enum dns_class {
	DNS_IN = 1,
	DNS_CH = 3,
	DNS_ANY_CLASS = 255,
};

/**
 * struct dns_header - the first twelve octets
 * @id:		what ties a response to its query
 * @flags:	DNS_QR and the others
 * @questions:	QDCOUNT
 * @answers:	ANCOUNT
 * @authorities: NSCOUNT
 * @additionals: ARCOUNT
 */
struct dns_header {
	uint16_t id;
	uint16_t flags;
	uint16_t questions;
	uint16_t answers;
	uint16_t authorities;
	uint16_t additionals;
};

/**
 * struct dns_name - a domain name as it is on the wire, uncompressed
 * @len:	octets used, with the root's zero
 * @octets:	labels, each after its length
 */
struct dns_name {
	uint8_t len;
	uint8_t octets[DNS_NAME_MAX];
};

struct dns_question {
	struct dns_name name;
	uint16_t type;
	uint16_t class;
};

/**
 * struct dns_record - a resource record
 * @name:	its owner
 * @rdata:	in the message that it was read from; names in it may be
 *		compressed (dnswire_open_rdata)
 */
struct dns_record {
	struct dns_name name;
	uint16_t type;
	uint16_t class;
	uint32_t ttl;
	uint16_t rdata_len;
	const uint8_t *rdata;
};

/**
 * struct dns_edns - the fixed part of an OPT record
 * @size:	of the datagrams that its sender takes
 * @rcode_high:	the upper eight bits of the response code
 * @version:	0 is the only one
 * @flags:	DNS_DO and what may come
 */
struct dns_edns {
	uint16_t size;
	uint8_t rcode_high;
	uint8_t version;
	uint16_t flags;
};

enum {
	DNS_DO = 0x8000 /* RFC 3225 */
};

/**
 * struct dns_message - a message being read
 * @bytes:	the whole, which compressed names refer to
 * @rest:	what is still to be read; rest.failed: it is cut or wrong
 */
struct dns_message {
	const uint8_t *bytes;
	struct reader rest;
};

struct dns_message dnswire_open(const void *bytes, size_t len);

/* The data of a record of m, to be read with the functions below. */
struct dns_message dnswire_open_rdata(const struct dns_message *m,
				      const struct dns_record *record);

/* The next part of the message; false, from then on, if it is cut or wrong. */
bool dnswire_get_header(struct dns_message *m, struct dns_header *header);
bool dnswire_get_name(struct dns_message *m, struct dns_name *name);
bool dnswire_get_question(struct dns_message *m, struct dns_question *question);
bool dnswire_get_record(struct dns_message *m, struct dns_record *record);

/* What an OPT record says; false if the record is none. */
bool dnswire_edns_of(const struct dns_record *record, struct dns_edns *edns);

/* The code that header and OPT make together. */
unsigned int dnswire_rcode(const struct dns_header *header,
			   const struct dns_edns *edns);

void dnswire_put_header(struct writer *w, const struct dns_header *header);
void dnswire_put_name(struct writer *w, const struct dns_name *name);
void dnswire_put_question(struct writer *w, const struct dns_question *q);
void dnswire_put_record(struct writer *w, const struct dns_record *record);
void dnswire_put_edns(struct writer *w, const struct dns_edns *edns);

/* A record of class IN whose owner is the name of the message's question. */
void dnswire_put_answer(struct writer *w, enum dns_type type, uint32_t ttl,
			const void *rdata, size_t len);

/*
 * As text without a dot at the end, "." for the root; what is no visible ASCII
 * is \DDD, and a dot or backslash in a label has a backslash before it (RFC
 * 1035 section 5.1). False if it does not fit; DNS_NAME_TEXT_MAX always does.
 */
bool dnswire_name_text(const struct dns_name *name, char *text, size_t size);

/*
 * From such text, with or without a dot at its end. False if a label is empty
 * or too long, or the whole is.
 */
bool dnswire_set_name(struct dns_name *name, const char *text);

/* Without regard to ASCII case. */
bool dnswire_same_name(const struct dns_name *a, const struct dns_name *b);

#endif
