/* SPDX-License-Identifier: MIT */
/* listener.h - listeners of the program that wait at the proxy: BIND, RFC 1928 */
#ifndef SOCKSIFY_PRELOAD_LISTENER_H
#define SOCKSIFY_PRELOAD_LISTENER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/config.h"
#include "preload/conn.h"

/* Nothing of ours: the call is the kernel's. */
enum { LISTENER_NONE = INT_MIN };

/* How many connections were made in this process that listeners may go with. */
extern uint32_t listener_controls;

static inline bool listener_any(void)
{
	return __builtin_expect(__atomic_load_n(&listener_controls,
						__ATOMIC_RELAXED) != 0, 0);
}

void listener_setup(const struct config *config);

/* For conn_request: what a connection to that port is in this respect; 0: nothing. */
uint32_t listener_control(uint16_t port);

/*
 * Before bind(fd, address): whether the listener that this may become goes with a
 * connection. address is then what is to be bound: where the program said the address that
 * getsockname() shows of that connection, the one that it really has.
 */
bool listener_claims(int fd, struct sockaddr_storage *address);

/*
 * What getsockname(fd) shows where that is not what the kernel says: its length. For a
 * claimed socket this asks for the BIND, if that was not done yet, and waits for the first
 * reply. LISTENER_NONE; other -errno: it was refused.
 */
int listener_name(int fd, struct sockaddr_storage *name);

/* listen(). 0: it waits at the proxy; LISTENER_NONE; other -errno. */
int listener_listen(int fd);

/* listen() was called, and it was for us. */
bool listener_listens(int fd);

/*
 * accept4(): a new descriptor, and who has connected. LISTENER_NONE; other -errno. A
 * cancellation point.
 */
int listener_accept(int fd, int flags, struct sockaddr_storage *peer);

/*
 * Somebody begins to wait for fd: where its connection was accepted already, a further BIND
 * is asked for, without waiting. 0; -errno where that failed at once: accept() will try
 * again, and tell.
 */
int listener_attend(int fd);

/*
 * A wait asks for the listener fd, whose second reply is awaited, and for control, too:
 * until when (CLOCK_MONOTONIC) it does not say that control is readable; 0: it does. That
 * time begins when control is first seen to be (readable).
 */
int64_t listener_keeps_back(int fd, int control, bool readable);

/*
 * connect() or shutdown(): what is no listener yet, or not any more, is as before its BIND.
 */
void listener_dissolve(int fd);

#endif
