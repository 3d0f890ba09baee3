/* SPDX-License-Identifier: MIT */
/* io.h - exact reads and writes of a nonblocking socket, until a deadline */
#ifndef SOCKSIFY_RELAY_IO_H
#define SOCKSIFY_RELAY_IO_H

#include <stddef.h>
#include <stdint.h>

int64_t io_now_ms(void);

/* All len bytes. 0; -ECONNRESET at the end of the stream, -ETIMEDOUT, or another -errno. */
int io_read(int fd, void *out, size_t len, int64_t deadline_ms);
int io_write(int fd, const void *in, size_t len, int64_t deadline_ms);

/* Until one of the events of poll(2) is there. 0 or -errno. */
int io_wait(int fd, short events, int64_t deadline_ms);

/* What is written is sent at once: what we wait for is not more of it. */
void io_no_delay(int fd);

/* The program's own wish for this is about its socket, which ends on this machine. */
void io_keep_alive(int fd);

/* Ends the connection so that its far side hears an error, and not an end. */
void io_reset(int fd);

#endif
