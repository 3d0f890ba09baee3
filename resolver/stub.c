/* SPDX-License-Identifier: MIT */
/*
 * stub.c - the name server that a program's own DNS client believes to ask
 *
 * Theory of Operation
 *
 * Programs with a DNS client of their own (c-ares, dig, Go, browsers) ask for
 * addresses that they then connect to. They get what libc's callers get, by the
 * same judgement (judge.c):
 *
 *	name			A, AAAA			HTTPS, SVCB	other types
 *	----			-------			-----------	-----------
 *	blocked			REFUSED			REFUSED		REFUSED
 *	known here		its addresses		none		asked
 *	direct by a rule	known ones, or REFUSED	none		REFUSED
 *	of the local link	NXDOMAIN		NXDOMAIN	NXDOMAIN
 *	of a host		a fake address		none		asked
 *	of no host		asked			asked		asked
 *
 * "None" is NOERROR without a record. It is also what the family gets that a
 * name has no fake address of: one is enough, and NXDOMAIN or REFUSED would make
 * clients give up the other. HTTPS and SVCB records carry addresses (ipv4hint)
 * and keys (ech) of the real host, past the fake one. PTR is answered for fake
 * addresses and what /etc/hosts lists.
 *
 * "Asked" means over the proxy: what has no address in it needs no fake. Where
 * the user wants real addresses (resolve = tunnel) those are asked for, too. A name
 * that is direct may be known to this machine's name servers alone, so asking
 * it over the proxy would be wrong; and asking it here is for libc to do, which
 * the direct rule lets it. So who asks by DNS gets the addresses that libc has
 * found before, or REFUSED.
 *
 * Nothing is authoritative, nothing is signed (a client that validates by itself
 * will not believe fakes), and negative answers have no SOA: clients then do not
 * cache them (RFC 2308 section 5), which costs nothing here.
 */
#include "resolver/stub.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "core/text.h"
#include "resolver/dnswire.h"
#include "resolver/hosts.h"
#include "resolver/judge.h"

enum {
	/*
	 * Seconds that an answer may be kept. Asking again costs microseconds,
	 * and /etc/hosts or the map may change; but some clients take 0 as
	 * "ask before each use" and do it twice for each connect.
	 */
	TTL = 60,
	EDNS_SIZE = 1232, /* what we claim to take: it fits every link */
	ADDRESS_MAX = 16,
	QTYPE_IXFR = 251, /* RFC 1995 */
	QTYPE_AXFR = 252, /* RFC 5936 */
	NOT_A_QUERY = -1, /* beside the RCODEs of read_query */
};

/* --- reading ------------------------------------------------------------- */

/**
 * struct query - what is understood of a message
 * @header:	its first twelve octets
 * @question:	its question, if it has exactly one
 * @asked:	that as it is in the message, to be repeated to the letter
 * @asked_len:	0: there is none
 * @has_edns:	it has an OPT record
 * @edns:	which says this
 */
struct query {
	struct dns_header header;
	struct dns_question question;
	const uint8_t *asked;
	size_t asked_len;
	bool has_edns;
	struct dns_edns edns;
};

static bool read_question(struct dns_message *m, struct query *q)
{
	q->asked = m->rest.at;
	if (q->header.questions != 1 || !dnswire_get_question(m, &q->question))
		return false;
	q->asked_len = (size_t)(m->rest.at - q->asked);
	return true;
}

/* RFC 6891 section 6.1.1: at most one OPT, of the root's name. */
static bool take_edns(struct query *q, const struct dns_record *record)
{
	if (record->type != DNS_OPT)
		return true;
	if (q->has_edns || record->name.len != 1)
		return false;
	q->has_edns = dnswire_edns_of(record, &q->edns);
	return true;
}

/* The records; there is nothing to be learnt but what the OPT says. */
static bool read_records(struct dns_message *m, struct query *q)
{
	uint32_t before = (uint32_t)q->header.answers + q->header.authorities;
	struct dns_record record;

	for (uint32_t n = before + q->header.additionals; n > 0; n--) {
		if (!dnswire_get_record(m, &record))
			return false;
		if (n <= q->header.additionals && !take_edns(q, &record))
			return false;
	}
	return reader_left(&m->rest) == 0;
}

/*
 * DNS_NOERROR when it can be answered, another RCODE when that is the answer,
 * or NOT_A_QUERY: then there is none.
 */
static int read_query(const uint8_t *bytes, size_t len, struct query *q)
{
	struct dns_message m = dnswire_open(bytes, len);
	bool has_question;

	memset(q, 0, sizeof(*q));
	if (!dnswire_get_header(&m, &q->header) || q->header.flags & DNS_QR)
		return NOT_A_QUERY;
	has_question = read_question(&m, q);
	if (q->header.flags & DNS_OPCODE)
		return DNS_NOTIMP;
	if (!has_question || !read_records(&m, q))
		return DNS_FORMERR;
	return q->edns.version == 0 ? DNS_NOERROR : DNS_BADVERS;
}

/* --- writing ------------------------------------------------------------- */

/**
 * struct answers - what is said to a question
 * @rcode:	the RCODE
 * @count:	records, all of the question's type
 * @size:	of each
 * @data:	theirs, one after the other
 */
struct answers {
	unsigned int rcode;
	uint16_t count;
	uint16_t size;
	uint8_t data[HOSTS_ADDRESSES_MAX * ADDRESS_MAX];
};

_Static_assert(sizeof(((struct answers *)0)->data) >= DNS_NAME_MAX,
	       "a name fits in the place of addresses");

/* RFC 6840 section 5.6: CD is copied, as RD is by RFC 1035 section 4.1.1. */
static struct dns_header reply_header(const struct query *q,
				      const struct answers *a, bool cut)
{
	uint16_t kept = q->header.flags & (DNS_OPCODE | DNS_RD | DNS_CD);
	uint16_t rcode = a->rcode & DNS_RCODE;

	return (struct dns_header){
		.id = q->header.id,
		.flags = DNS_QR | DNS_RA | kept | rcode | (cut ? DNS_TC : 0),
		.questions = q->asked_len > 0,
		.answers = a->count,
		.additionals = q->has_edns,
	};
}

/* The reply's length, or 0 if size is too small. */
static size_t write_reply(const struct query *q, const struct answers *a,
			  bool cut, uint8_t *reply, size_t size)
{
	struct dns_header header = reply_header(q, a, cut);
	struct dns_edns edns = {
		.size = EDNS_SIZE,
		.rcode_high = (uint8_t)(a->rcode >> 4),
		.flags = q->edns.flags & DNS_DO, /* RFC 3225 section 3 */
	};
	struct writer w = writer_over(reply, size);

	dnswire_put_header(&w, &header);
	writer_bytes(&w, q->asked, q->asked_len);
	for (size_t i = 0; i < a->count; i++)
		dnswire_put_answer(&w, q->question.type, TTL,
				   a->data + i * a->size, a->size);
	if (q->has_edns)
		dnswire_put_edns(&w, &edns);
	return w.failed ? 0 : writer_used(&w);
}

/* What a datagram to the asker may hold; less than 512 counts as 512. */
static size_t datagram_limit(const struct query *q)
{
	return q->has_edns && q->edns.size > DNS_DATAGRAM_MAX
		       ? q->edns.size
		       : DNS_DATAGRAM_MAX;
}

static size_t write_error(const struct query *q, unsigned int rcode, bool cut,
			  uint8_t *reply, size_t size)
{
	struct answers none = { .rcode = rcode };

	if (rcode > DNS_RCODE && !q->has_edns)
		none.rcode = DNS_SERVFAIL; /* its high bits are in the OPT */
	return write_reply(q, &none, cut, reply, size);
}

/* --- addresses ----------------------------------------------------------- */

/* The label before the first dot; the rest is what is behind that. */
static struct text next_label(struct text *rest)
{
	const char *dot = memchr(rest->at, '.', rest->len);
	struct text label = *rest;

	if (dot)
		label.len = (size_t)(dot - rest->at);
	rest->at += label.len + (dot != NULL);
	rest->len -= label.len + (dot != NULL);
	return label;
}

/* RFC 1035 section 3.5: 4.3.2.1.in-addr.arpa is 1.2.3.4. */
static bool reverse_v4(struct text name, struct endpoint *e)
{
	uint8_t address[4];
	unsigned int octet;

	for (size_t i = 4; i > 0; i--) {
		if (!text_number(next_label(&name), 0, UINT8_MAX, &octet))
			return false;
		address[i - 1] = (uint8_t)octet;
	}
	e->kind = ENDPOINT_IPV4;
	memcpy(e->v4, address, sizeof(e->v4));
	return text_is_nocase(name, "in-addr.arpa");
}

static bool read_nibble(struct text label, uint8_t *value)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;

	if (label.len != 1)
		return false;
	at = memchr(digits, text_lower(label.at[0]), sizeof(digits) - 1);
	if (at)
		*value = (uint8_t)(at - digits);
	return at != NULL;
}

/* RFC 3596 section 2.5: nibbles, the last first, below ip6.arpa. */
static bool reverse_v6(struct text name, struct endpoint *e)
{
	uint8_t address[16], low, high;

	for (size_t i = sizeof(address); i > 0; i--) {
		if (!read_nibble(next_label(&name), &low) ||
		    !read_nibble(next_label(&name), &high))
			return false;
		address[i - 1] = (uint8_t)(high << 4 | low);
	}
	endpoint_set_ipv6(e, address, 0);
	return text_is_nocase(name, "ip6.arpa");
}

/* Whether a name stands for an address, which e then is. */
static bool is_reverse(const char *name, struct endpoint *e)
{
	memset(e, 0, sizeof(*e));
	return reverse_v4(text_of(name), e) || reverse_v6(text_of(name), e);
}

/* --- answering ----------------------------------------------------------- */

static enum stub_verdict say(struct answers *a, enum dns_rcode rcode)
{
	a->rcode = rcode;
	return STUB_REPLY;
}

/* One more record; all of an answer are of one size. */
static void add(struct answers *a, const void *rdata, size_t size)
{
	a->size = (uint16_t)size;
	memcpy(a->data + size * a->count, rdata, size);
	a->count++;
}

static size_t address_size(int family)
{
	return family == AF_INET6 ? ADDRESS_MAX : sizeof(struct in_addr);
}

static enum stub_verdict say_addresses(struct answers *a, uint16_t type,
				       const struct hosts_answer *found)
{
	int family = type == DNS_AAAA ? AF_INET6 : AF_INET;

	for (size_t i = 0; i < found->count; i++)
		if (found->addresses[i].family == family)
			add(a, found->addresses[i].bytes, address_size(family));
	return say(a, DNS_NOERROR);
}

static enum stub_verdict say_fake(struct answers *a, uint16_t type,
				  const struct endpoint *name)
{
	int family = type == DNS_AAAA ? AF_INET6 : AF_INET;
	struct hosts_address fake;

	if (family != judge_family())
		return say(a, DNS_NOERROR);
	if (judge_fake(name, family, &fake) < 0)
		return say(a, DNS_SERVFAIL);
	add(a, fake.bytes, address_size(family));
	return say(a, DNS_NOERROR);
}

static enum stub_verdict say_direct(struct answers *a, uint16_t type,
				    const struct endpoint *name,
				    struct hosts_answer *found)
{
	judge_direct(name->name, found);
	say_addresses(a, type, found);
	return a->count > 0 ? STUB_REPLY : say(a, DNS_REFUSED);
}

/*
 * Other types than addresses. Names that stand for nothing outside are not
 * asked for: localhost (RFC 6761 section 6.3), onion (RFC 7686 section 2).
 */
static enum stub_verdict answer_other(struct answers *a, const struct query *q,
				      const char *name, enum verdict verdict)
{
	const char *last = strrchr(name, '.');
	struct text tld = text_of(last ? last + 1 : name);

	if (verdict == VERDICT_DIRECT)
		return say(a, DNS_REFUSED);
	if (text_is_nocase(tld, "localhost") || text_is_nocase(tld, "onion"))
		return say(a, DNS_NOERROR);
	/* They are many messages, and no program needs one of a forwarder. */
	if (q->question.type == QTYPE_AXFR || q->question.type == QTYPE_IXFR)
		return say(a, DNS_REFUSED);
	return STUB_ASK;
}

static enum stub_verdict answer_address(struct answers *a, uint16_t type,
					const struct endpoint *name,
					enum verdict verdict,
					struct hosts_answer *local)
{
	if (verdict == VERDICT_FAKE && judge_asks())
		return STUB_ASK;
	if (type == DNS_HTTPS || type == DNS_SVCB)
		return say(a, DNS_NOERROR);
	switch (verdict) {
	case VERDICT_LOCAL:
		return say_addresses(a, type, local);
	case VERDICT_DIRECT:
		return say_direct(a, type, name, local);
	default:
		return say_fake(a, type, name);
	}
}

static bool is_of_address(uint16_t type)
{
	return type == DNS_A || type == DNS_AAAA || type == DNS_HTTPS ||
	       type == DNS_SVCB;
}

/* Not inlined, nor is answer_pointer: what they hold is large. */
static __attribute__((noinline)) enum stub_verdict
answer_name(struct answers *a, const struct query *q,
	    const struct endpoint *name)
{
	struct hosts_answer local;
	enum verdict verdict = judge_name(name->name, &local);

	if (verdict == VERDICT_BLOCKED)
		return say(a, DNS_REFUSED);
	if (verdict == VERDICT_LINK)
		return say(a, DNS_NXDOMAIN);
	if (verdict != VERDICT_NO_HOST && is_of_address(q->question.type))
		return answer_address(a, q->question.type, name, verdict,
				      &local);
	return answer_other(a, q, name->name, verdict);
}

/* The name of an address; what only this machine or its link has is not asked. */
static __attribute__((noinline)) enum stub_verdict
answer_pointer(struct answers *a, const struct endpoint *e)
{
	struct hosts_answer names;
	struct dns_name name;
	int rc = judge_address(e, &names);

	if (rc == 0)
		return STUB_ASK;
	if (rc < 0 || !dnswire_set_name(&name, names.name))
		return say(a, DNS_NXDOMAIN);
	add(a, name.octets, name.len);
	return say(a, DNS_NOERROR);
}

static enum stub_verdict answer_question(struct answers *a,
					 const struct query *q)
{
	struct endpoint name = { .kind = ENDPOINT_NAME };
	struct endpoint address;

	if (q->question.class != DNS_IN)
		return say(a, DNS_REFUSED);
	/* No host's name, of which no rule could speak. */
	if (!dnswire_name_text(&q->question.name, name.name, sizeof(name.name)))
		return say(a, DNS_REFUSED);
	name.name_len = (uint8_t)strlen(name.name);
	if (q->question.type == DNS_PTR && is_reverse(name.name, &address))
		return answer_pointer(a, &address);
	return answer_name(a, q, &name);
}

enum stub_verdict stub_answer(const uint8_t *query, size_t len, bool stream,
			      uint8_t *reply, size_t size, size_t *reply_len)
{
	struct answers a;
	struct query q;
	size_t limit;
	int rcode = read_query(query, len, &q);

	*reply_len = 0;
	a.count = 0;
	a.rcode = (unsigned int)rcode;
	if (rcode == NOT_A_QUERY)
		return STUB_DROP;
	if (rcode == DNS_NOERROR && answer_question(&a, &q) == STUB_ASK)
		return STUB_ASK;
	limit = stream ? DNS_MESSAGE_MAX : datagram_limit(&q);
	limit = size < limit ? size : limit;
	*reply_len = write_reply(&q, &a, false, reply, limit);
	if (*reply_len == 0)
		*reply_len = write_error(&q, stream ? DNS_SERVFAIL : a.rcode,
					 !stream, reply, limit);
	return *reply_len > 0 ? STUB_REPLY : STUB_DROP;
}

size_t stub_fail(const uint8_t *query, size_t len, unsigned int rcode,
		 uint8_t *reply, size_t size)
{
	struct query q;

	if (read_query(query, len, &q) == NOT_A_QUERY)
		return 0;
	return write_error(&q, rcode, false, reply, size);
}

/* --- cutting ------------------------------------------------------------- */

/*
 * RFC 6891 section 7: what remains of a reply that is cut is header, question
 * and OPT.
 */
static size_t cut(uint8_t *reply, size_t len)
{
	struct dns_message m = dnswire_open(reply, len);
	size_t kept = DNS_HEADER_SIZE;
	struct query r;
	struct writer w;

	memset(&r, 0, sizeof(r));
	dnswire_get_header(&m, &r.header);
	if (read_question(&m, &r))
		read_records(&m, &r);
	r.header.flags |= DNS_TC;
	r.header.questions = r.asked_len > 0;
	r.header.answers = 0;
	r.header.authorities = 0;
	r.header.additionals = r.has_edns;
	w = writer_over(reply, DNS_HEADER_SIZE);
	dnswire_put_header(&w, &r.header);
	kept += r.asked_len; /* is in its place */
	w = writer_over(reply + kept, len - kept);
	if (r.has_edns)
		dnswire_put_edns(&w, &r.edns);
	return kept + writer_used(&w);
}

size_t stub_fit(const uint8_t *query, size_t query_len, uint8_t *reply,
		size_t reply_len)
{
	struct query q;

	(void)read_query(query, query_len, &q);
	return reply_len <= datagram_limit(&q) ? reply_len
					       : cut(reply, reply_len);
}
