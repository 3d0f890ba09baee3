#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sweep.py WAY COUNT HOST PORT - COUNT connections, one after the other

WAY is blocking, or epoll (edge-triggered, registered before the connect). Each
fetches a line by http. Prints what came of them, in their order: "ok" or the errno's
name, with how many had the same in a row.
"""

import errno
import itertools
import select
import socket
import sys

PAGE = b"hello from the world\n"
PATIENCE_S = 10


def by_epoll(sock, address):
    with select.epoll() as epoll:
        epoll.register(sock, select.EPOLLOUT | select.EPOLLIN | select.EPOLLET)
        epoll.poll(0)  # what it is before its connect
        sock.setblocking(False)
        if sock.connect_ex(address) != errno.EINPROGRESS:
            return errno.EBADMSG
        events = epoll.poll(PATIENCE_S)
    return verdict(sock, [mask for _, mask in events])


def verdict(sock, masks):
    """SO_ERROR, and that the event was one of a failure or of none."""
    if len(masks) != 1:
        return errno.ETIME
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if bool(masks[0] & select.EPOLLERR) != bool(error):
        return errno.EPROTO
    return error


WAYS = {"blocking": lambda sock, address: sock.connect_ex(address),
        "epoll": by_epoll}


def one(way, address):
    with socket.socket() as sock:
        error = WAYS[way](sock, address)
        if error:
            return errno.errorcode[error]
        sock.setblocking(True)
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return "ok" if sock.makefile("rb").read().endswith(PAGE) else "cut"


def main():
    way, count, host, port = sys.argv[1:]
    results = [one(way, (host, int(port))) for _ in range(int(count))]
    print(", ".join(f"{len(list(same))} {result}"
                    for result, same in itertools.groupby(results)))


if __name__ == "__main__":
    main()
