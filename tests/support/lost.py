#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lost.py HOST PORT - how a connected UDP socket learns that nothing arrives there

Each way to wait for it sends by a call that may not wait, and prints what woke it, and which
error was told how. A port where nobody is, and a proxy without UDP, differ in its name alone.
"""

import asyncio
import errno
import os
import select
import socket
import sys
import threading

PATIENCE = 20


def connected(family, address):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.connect(address)
    return sock


def send(sock):
    sock.send(b"lost", socket.MSG_DONTWAIT)


def told(call, *arguments):
    try:
        return str(call(*arguments))
    except OSError as error:
        return errno.errorcode[error.errno]


def received(sock):
    """Once the error, and then that there is nothing."""
    return " ".join(told(sock.recv, 10, socket.MSG_DONTWAIT) for _ in range(2))


def polled(sock):
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    send(sock)
    return poll.poll(PATIENCE * 1000)[0][1], received(sock)


def selected(sock):
    send(sock)
    ready = select.select([sock], [], [sock], PATIENCE)
    return [len(ready[0]), len(ready[2])], received(sock)


def epolled(sock, events):
    with select.epoll() as epoll:
        epoll.register(sock, events)
        send(sock)
        return epoll.poll(PATIENCE)[0][1], received(sock)


def level(sock):
    return epolled(sock, select.EPOLLIN)


def edge(sock):
    return epolled(sock, select.EPOLLIN | select.EPOLLET | select.EPOLLRDHUP)


def late(sock):
    """The epoll comes to know it when it is under way."""
    send(sock)
    with select.epoll() as epoll:
        epoll.register(sock, select.EPOLLIN)
        return epoll.poll(PATIENCE)[0][1], received(sock)


def asked(sock):
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    send(sock)
    poll.poll(PATIENCE * 1000)
    errors = [sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
              for _ in range(2)]
    return [errno.errorcode.get(e, e) for e in errors], received(sock)


def blocked(sock):
    send(sock)
    return told(sock.recv, 10), received(sock)


def threaded(sock):
    """Another thread sleeps in it since before."""
    outcome = []
    thread = threading.Thread(
        target=lambda: outcome.append(told(sock.recv, 10)), daemon=True)
    thread.start()
    thread.join(0.3)
    send(sock)
    thread.join(PATIENCE)
    return outcome, received(sock)


class Protocol(asyncio.DatagramProtocol):
    def __init__(self, done):
        self.done = done

    def error_received(self, error):
        if not self.done.done():
            self.done.set_result(errno.errorcode[error.errno])


async def looped(family, address):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Protocol(done), remote_addr=address[:2], family=family)
    transport.sendto(b"lost")
    outcome = await asyncio.wait_for(done, PATIENCE)
    transport.close()
    return outcome


def tell(way, family, address):
    if way is looped:
        return asyncio.run(looped(family, address))
    sock = connected(family, address)
    return " ".join(map(str, way(sock)))


def main():
    family, _, _, _, address = socket.getaddrinfo(
        sys.argv[1], int(sys.argv[2]), type=socket.SOCK_DGRAM)[0]
    for way in (polled, selected, level, edge, late, asked, blocked, threaded,
                looped):
        # In a process of its own: what a proxy cannot do is asked once.
        pid = os.fork()
        if pid == 0:
            try:
                print(f"{way.__name__}: {tell(way, family, address)}")
            except (IndexError, TimeoutError):
                print(f"{way.__name__}: not woken")
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(pid, 0)


main()
