/* SPDX-License-Identifier: MIT */
/* private_fd.h - descriptors of our own among the program's */
#ifndef SOCKSIFY_PRELOAD_PRIVATE_FD_H
#define SOCKSIFY_PRELOAD_PRIVATE_FD_H

#include <stdint.h>

/**
 * struct private_fd - a socket of our own
 * @fd:		-1: none
 * @cookie:	its SO_COOKIE: the program may close any number and use it anew
 */
struct private_fd {
	int fd;
	uint64_t cookie;
};

/*
 * A new socket of domain and type, nonblocking and close-on-exec, under a high number, out of
 * the way of shells, FD_SETSIZE and programs that count on low ones. 0 or -errno.
 */
int private_fd_socket(struct private_fd *own, int domain, int type);

/* A TCP socket that was accepted, nonblocking and close-on-exec, becomes one likewise. */
void private_fd_adopt(struct private_fd *own, int fd);

/* One that another program has handed on is ours from now on. 0, or -EBADF: it is not there. */
int private_fd_keep(const struct private_fd *own);

/*
 * Moves up a descriptor of another kind, made close-on-exec, and notes it as FD_OURS, which
 * is what tells it later. A descriptor, or -errno as it came.
 */
int private_fd_of_ours(long fd);

/* It gets another number; the old one shows it too, as long as it is not made another's. */
void private_fd_move(struct private_fd *own);

/* The number, which may be another's by now, or -1; also while another thread changes it. */
static inline int private_fd_number(const struct private_fd *own)
{
	return __atomic_load_n(&own->fd, __ATOMIC_ACQUIRE);
}

/* The number, if it still is that socket's; else -1. */
int private_fd_get(const struct private_fd *own);

/* Closes it, if it still is that socket's. */
void private_fd_close(struct private_fd *own);

#endif
