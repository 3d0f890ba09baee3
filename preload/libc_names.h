/* SPDX-License-Identifier: MIT */
/* libc_names.h - prototypes of all interposed calls, with glibc's unpublished */
#ifndef SOCKSIFY_PRELOAD_LIBC_NAMES_H
#define SOCKSIFY_PRELOAD_LIBC_NAMES_H

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wordexp.h>

/* Public aliases (GLIBC_2.2.5) that some programs import by these names. */
int __connect(int fd, const struct sockaddr *addr, socklen_t len);
ssize_t __read(int fd, void *buf, size_t count);
ssize_t __write(int fd, const void *buf, size_t count);
ssize_t __send(int fd, const void *buf, size_t len, int flags);
int __close(int fd);
int __dup2(int from, int to);
FILE *_IO_popen(const char *command, const char *mode);
int _IO_fclose(FILE *stream);
int __fcntl(int fd, int cmd, ...);
int __poll(struct pollfd *fds, nfds_t n, int timeout_ms);
int __select(int n, fd_set *in, fd_set *out, fd_set *except,
	     struct timeval *timeout);

/* The names by which programs older than glibc 2.34 import these from libresolv. */
int __res_query(const char *name, int class, int type, unsigned char *answer,
		int size);
int __res_search(const char *name, int class, int type, unsigned char *answer,
		 int size);
int __res_querydomain(const char *name, const char *domain, int class, int type,
		      unsigned char *answer, int size);
int __res_send(const unsigned char *message, int len, unsigned char *answer,
	       int size);
int __res_nquery(res_state state, const char *name, int class, int type,
		 unsigned char *answer, int size);
int __res_nsearch(res_state state, const char *name, int class, int type,
		  unsigned char *answer, int size);
int __res_nquerydomain(res_state state, const char *name, const char *domain,
		       int class, int type, unsigned char *answer, int size);
int __res_nsend(res_state state, const unsigned char *message, int len,
		unsigned char *answer, int size);

/* In glibc since 2.36. */
int pidfd_getfd(int pidfd, int fd, unsigned int flags);

/* In glibc since 2.39. */
int pidfd_spawn(int *pidfd, const char *path,
		const posix_spawn_file_actions_t *actions,
		const posix_spawnattr_t *attributes, char *const argv[],
		char *const envp[]);
int pidfd_spawnp(int *pidfd, const char *file,
		 const posix_spawn_file_actions_t *actions,
		 const posix_spawnattr_t *attributes, char *const argv[],
		 char *const envp[]);

/* What a program built with -D_FORTIFY_SOURCE calls instead. */
ssize_t __read_chk(int fd, void *buf, size_t count, size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t size, int flags,
		       struct sockaddr *addr, socklen_t *addr_len);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout_ms, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		const sigset_t *mask, size_t size);

#endif
