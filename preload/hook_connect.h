/* SPDX-License-Identifier: MIT */
/* hook_connect.h - connect, for the calls that connect on the way (MSG_FASTOPEN) */
#ifndef SOCKSIFY_PRELOAD_HOOK_CONNECT_H
#define SOCKSIFY_PRELOAD_HOOK_CONNECT_H

#include <sys/socket.h>

/* As connect(2), with errno. */
int hook_connect(int fd, const struct sockaddr *addr, socklen_t len);

#endif
