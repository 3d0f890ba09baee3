/* SPDX-License-Identifier: MIT */
/*
 * way.h - what a socket's options and control data say of a packet's way
 *
 * Pure but for way_of_socket, which asks the kernel.
 */
#ifndef SOCKSIFY_CORE_WAY_H
#define SOCKSIFY_CORE_WAY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Options that name a way, where the C library's headers do not have them. */
#ifndef SO_BINDTOIFINDEX /* asm-generic's, which glibc takes since 2.29 */
#define SO_BINDTOIFINDEX 62
#endif
#ifndef IPV6_FLOWLABEL_MGR
#define IPV6_FLOWLABEL_MGR 32
#endif
#ifndef IPV6_UNICAST_IF /* as linux/in6.h has it, which netinet/in.h excludes */
#define IPV6_UNICAST_IF 76
#endif

/* An interface other than loopback is named: what is for 127.0.0.1 would leave by it. */
bool way_leads_out(uint32_t device);

/* The interface's number that stands at offset of value, or 0. */
uint32_t way_device_in(const void *value, size_t len, size_t offset);

/* The hops of a packet are named by this option. */
bool way_names_hops(int level, int name);

/* By fd's options packets for this machine would leave it. */
bool way_of_socket(int fd);

/* Control data: -EPERM where it names hops; 1 where it names a device; else 0. */
int way_of_control(const struct msghdr *message);

#endif
