/* SPDX-License-Identifier: MIT */
/* arrival.h - the second reply of a BIND, where it stands: in the socket */
#ifndef SOCKSIFY_PRELOAD_ARRIVAL_H
#define SOCKSIFY_PRELOAD_ARRIVAL_H

#include <stddef.h>
#include <stdint.h>

#include "core/endpoint.h"

/**
 * struct arrival - the second reply
 * @reply:	REP; with a failure 0 means that there was none
 * @length:	bytes of it, of one that is whole
 * @peer:	BND: who has connected; ENDPOINT_NONE with a port for a name
 */
struct arrival {
	uint8_t reply;
	size_t length;
	struct endpoint peer;
};

/* From now on the kernel calls fd readable when the shortest of replies is there. */
void arrival_await(int fd);

/*
 * Looks without taking anything out. 0: it is whole and says that somebody has connected;
 * -EAGAIN: it is not whole, and fd is not readable before it is; other -errno: nobody will,
 * as a failing reply tells, or an end of the stream.
 */
int arrival_look(int fd, struct arrival *arrival);

#endif
