/* SPDX-License-Identifier: MIT */
/*
 * stub.h - the name server that a program's own DNS client believes to ask
 *
 * Query bytes become reply bytes: no descriptor, no clock, no heap, no lock.
 */
#ifndef SOCKSIFY_RESOLVER_STUB_H
#define SOCKSIFY_RESOLVER_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What becomes of a question that a program asks by itself. */
enum stub_verdict {
	STUB_DROP,  /* nothing can be answered: say nothing */
	STUB_REPLY, /* *reply_len bytes are the answer */
	STUB_ASK,   /* to be asked for real, over the proxy, as it is */
};

/*
 * Answers a query of len bytes into reply, which has room for size. stream: the
 * question came over TCP (both are without TCP's two octets of length), so the
 * answer need not fit into a datagram. *reply_len is 0 unless STUB_REPLY is
 * returned.
 */
enum stub_verdict stub_answer(const uint8_t *query, size_t len, bool stream,
			      uint8_t *reply, size_t size, size_t *reply_len);

/*
 * Makes a real answer fit the datagram that the asker can take: one longer than
 * what the query's EDNS allows (512 without) is cut after the question, keeps
 * the fixed part of its OPT record and gets TC. Returns the new length.
 */
size_t stub_fit(const uint8_t *query, size_t query_len, uint8_t *reply,
		size_t reply_len);

/*
 * A reply with nothing but an RCODE (DNS_SERVFAIL when asking failed). Its
 * length, or 0 if the query gets none, or there is no room.
 */
size_t stub_fail(const uint8_t *query, size_t len, unsigned int rcode,
		 uint8_t *reply, size_t size);

#endif
