#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""dgram.py - datagram servers, and an ordinary program that talks to them.

    dgram.py serve ADDRESS[,ADDRESS...] PORT   echoes; on PORT+1 says "from ADDRESS PORT: "
                                  before it, on PORT+2 answers from another port
    dgram.py talk HOST PORT [WAY...]  each way to talk to a server, or these: name and
                                  outcome, by line
    dgram.py names PORT HOST...   one socket and several names
    dgram.py together PORT HOST...   each way to send to all of them before anything is
                                  received: the way and what came, by line
    dgram.py family HOST PORT [WORD...]  a socket of that address's family: "v6only",
                                  "bound", "connected" before it sends
    dgram.py again HOST PORT      one socket, three times, with pauses
    dgram.py insist HOST PORT TIMES  each kind of socket, three words, each of them sent until
                                  it comes back, so often at most; and each error on the way
    dgram.py source HOST PORT     where an answer comes from
    dgram.py most HOST PORT N     the most that goes into a datagram is N bytes

Names are looked up as programs do it.
"""

import asyncio
import errno
import os
import select
import selectors
import socket
import sys
import threading
import time

PATIENCE = int(os.environ.get("DGRAM_PATIENCE", "10"))


def bound(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.bind((host, port))
    return sock


def serve(hosts, port):
    selector = selectors.DefaultSelector()
    for host in hosts.split(","):
        selector.register(bound(host, int(port)), 0x1, "echo")
        selector.register(bound(host, int(port) + 1), 0x1, "tell")
        selector.register(bound(host, int(port) + 2), 0x1,
                          bound(host, 0))
    print("listening", flush=True)
    while True:
        for key, _ in selector.select():
            data, peer = key.fileobj.recvfrom(1 << 16)
            if key.data == "tell":
                data = f"from {peer[0]} {peer[1]}: ".encode() + data
            sender = key.fileobj if isinstance(key.data, str) else key.data
            sender.sendto(data, peer)


def resolve(host, port):
    found = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
    return found[0], found[4]


def fresh(family, blocking=True):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(PATIENCE)
    if blocking:
        sock.setblocking(True)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                        PATIENCE.to_bytes(8, "little") + bytes(8))
    return sock


def same(got, wanted):
    return "same" if got == wanted else f"other: {got[:60]!r}"


def connected(family, address, blocking):
    sock = fresh(family, blocking)
    sock.connect(address)
    sock.send(b"connected")
    return same((sock.recv(100), sock.getpeername()[:2]),
                (b"connected", address[:2]))


def unconnected(family, address, blocking):
    sock = fresh(family, blocking)
    sock.sendto(b"unconnected", address)
    return same(sock.recvfrom(100), (b"unconnected", address))


def messages(family, address, blocking):
    sock = fresh(family, blocking)
    sock.sendmsg([b"one", b"", b" message"], [], 0, address)
    parts = [bytearray(2), bytearray(0), bytearray(5)]
    n, _, flags, source = sock.recvmsg_into(parts)
    return same((n, b"".join(parts), flags, source),
                (7, b"one mes", socket.MSG_TRUNC, address))


def files(family, address, _):
    sock = fresh(family)
    sock.connect(address)
    stream = sock.makefile("rwb", buffering=0)
    stream.write(b"written")
    return same(stream.read(100), b"written")


def many(family, address, blocking):
    sock = fresh(family, blocking)
    words = {f"datagram {i}".encode() * 100 for i in range(20)}
    for word in words:
        sock.sendto(word, address)
    return same({sock.recvfrom(2000) for _ in words},
                {(word, address) for word in words})


def large(family, address, blocking):
    sock = fresh(family, blocking)
    sock.sendto(b"x" * 60000, address)
    return same(sock.recvfrom(65536), (b"x" * 60000, address))


def empty(family, address, blocking):
    sock = fresh(family, blocking)
    sock.sendto(b"", address)
    return same(sock.recvfrom(10), (b"", address))


def peeked(family, address, blocking):
    sock = fresh(family, blocking)
    sock.sendto(b"peeked", address)
    return same([sock.recvfrom(3, socket.MSG_PEEK), sock.recvfrom(100)],
                [(b"pee", address), (b"peeked", address)])


class Echoed(asyncio.DatagramProtocol):
    def __init__(self, done):
        self.done = done

    def datagram_received(self, data, addr):
        if not self.done.done():
            self.done.set_result((data, addr))


def asynchronous(family, address, how):
    async def work():
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        keywords = {how: address[:2]} if how == "remote_addr" else {
            "family": family}
        transport, _ = await loop.create_datagram_endpoint(
            lambda: Echoed(done), **keywords)
        if how == "remote_addr":
            transport.sendto(b"asyncio")
        else:
            transport.sendto(b"asyncio", address)
        result = await asyncio.wait_for(done, PATIENCE)
        transport.close()
        return result
    return same(asyncio.run(work()), (b"asyncio", address))


def everything_closed(family, address, _):
    """Descriptors that are not the program's survive its close of all others."""
    sock = fresh(family)
    sock.sendto(b"before", address)
    first = sock.recvfrom(100)
    for fd in set(range(3, 2000)) - {sock.fileno()}:
        try:
            os.close(fd)
        except OSError:
            pass
    os.closerange(sock.fileno() + 1, 1 << 20)
    for fd in range(900, 1000):
        os.dup2(2, fd)
    sock.sendto(b"after", address)
    return same((first, sock.recvfrom(100)),
                ((b"before", address), (b"after", address)))


def again(host, port):
    family, address = resolve(host, port)
    sock = fresh(family)
    results = []
    for word in (b"one", b"two", b"three"):
        sock.sendto(word, address)
        results.append(same(sock.recvfrom(100), (word, address)))
        time.sleep(0.3)
    print(*results)


RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11),
           socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}


def try_once(sock, send, word, errors):
    """True when the word has come back, half a second later at most."""
    try:
        send(word)
        if select.select([sock], [], [], 0.5)[0]:
            return sock.recv(100, socket.MSG_DONTWAIT) == word
    except BlockingIOError:
        pass
    except OSError as error:
        errors.append(errno.errorcode[error.errno])
    try:
        sock.recvmsg(100, 500, socket.MSG_ERRQUEUE)
        errors.append("queued")
    except BlockingIOError:
        pass
    time.sleep(0.1)
    return False


def insist(host, port, times):
    family, address = resolve(host, port)
    for kind in ("connected", "unconnected"):
        for told in (0, 1):
            sock, errors = fresh(family), []
            sock.setsockopt(*RECVERR[family], told)
            send = lambda word: sock.sendto(word, address)
            if kind == "connected":
                sock.connect(address)
                send = sock.send
            words = [f"word {i}".encode() for i in range(3)]
            back = [any(try_once(sock, send, word, errors)
                        for _ in range(int(times)))
                    for word in words]
            print(kind, "told" if told else "untold", sum(back), "of", len(back),
                  *(errors or ["no error"]))


def source(host, port):
    family, address = resolve(host, port)
    sock = fresh(family)
    sock.sendto(b"who", address)
    answered = sock.recvfrom(100)[1]
    print("the same" if answered[1] == int(port) else "another", "port of",
          answered[0])


def most(host, port, size):
    family, address = resolve(host, port)
    for linked in (False, True):
        sock = fresh(family)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
        if linked:
            sock.connect(address)
        sock.sendto(b"x" * int(size), address)
        results = [same(sock.recvfrom(1 << 16), (b"x" * int(size), address))]
        try:
            sock.sendto(b"x" * (int(size) + 1), address)
        except OSError as error:
            results.append(errno.errorcode[error.errno])
        print(*results)


def names(port, *hosts):
    """One socket, several names with one port: in turn, then all at once."""
    addresses = [resolve(host, port) for host in hosts]
    sock = fresh(addresses[0][0])
    results = []
    for _, address in addresses:
        sock.sendto(str(address).encode(), address)
        data, source = sock.recvfrom(100)
        results.append(same(source, address))
    for _, address in addresses:
        sock.sendto(str(address).encode(), address)
    for _ in addresses:
        data, source = sock.recvfrom(100)
        results.append(same(str(source).encode(), data))
    print(*results)


def of_family(host, port, *words):
    family, address = resolve(host, port)
    sock = fresh(family)
    if "v6only" in words:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if "bound" in words:
        sock.bind(("", 0))
    try:
        if "connected" in words:
            sock.connect(address)
            sock.send(b"word")
        else:
            sock.sendto(b"word", address)
        print(same(sock.recvfrom(100), (b"word", address)))
    except OSError as error:
        print(errno.errorcode[error.errno])
    if "v6only" in words:
        print("v6only", sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))


def send_all(sock, addresses):
    """To each address itself, as text; those that could not be sent to."""
    failed = []
    for address in addresses:
        try:
            sock.sendto(str(address).encode(), address)
        except OSError as error:
            failed.append(errno.errorcode[error.errno])
    return failed


def got(sock, n):
    """What n answers come to: whether each says whom it is from."""
    answers = [sock.recvfrom(100) for _ in range(n)]
    return [same(str(source).encode(), data) for data, source in answers]


def ready(make, sock, n):
    """Nonblocking, by a selector of that kind."""
    answers = []
    with make() as selector:
        selector.register(sock, selectors.EVENT_READ)
        while len(answers) < n and selector.select(PATIENCE):
            try:
                answers += got(sock, 1)
            except BlockingIOError:
                pass
    return answers


def together_blocking(sock, addresses):
    failed = send_all(sock, addresses)
    return failed + got(sock, len(addresses) - len(failed))


def together_by(make):
    def work(sock, addresses):
        sock.setblocking(False)
        failed = send_all(sock, addresses)
        return failed + ready(make, sock, len(addresses) - len(failed))
    return work


def together_registered(sock, addresses):
    """In an epoll since before."""
    sock.setblocking(False)
    answers = []
    with selectors.EpollSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        failed = send_all(sock, addresses)
        while len(answers) + len(failed) < len(addresses) and \
                selector.select(PATIENCE):
            try:
                answers += got(sock, 1)
            except BlockingIOError:
                pass
    return failed + answers


def together_threads(sock, addresses):
    """Another thread is asleep in the receive."""
    answers = []

    def receive():
        for _ in addresses:
            answers.extend(got(sock, 1))
    receiver = threading.Thread(target=receive, daemon=True)
    receiver.start()
    time.sleep(0.2)
    failed = []
    for address in addresses:
        try:
            sock.sendto(str(address).encode(), socket.MSG_DONTWAIT, address)
        except OSError as error:
            failed.append(errno.errorcode[error.errno])
    receiver.join(PATIENCE)
    return failed + answers


def together_asyncio(sock, addresses):
    """As a program with a protocol does it."""
    sock.setblocking(False)
    answers = []

    class Peer(asyncio.DatagramProtocol):
        def datagram_received(self, data, addr):
            answers.append(same(str(addr).encode(), data))
            if len(answers) == len(addresses):
                done.set_result(True)

        def error_received(self, exc):
            answers.append(errno.errorcode[exc.errno])

    async def work():
        nonlocal done
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        transport, _ = await loop.create_datagram_endpoint(Peer, sock=sock)
        for address in addresses:
            transport.sendto(str(address).encode(), address)
        await asyncio.wait_for(done, PATIENCE)
    done = None
    asyncio.run(work())
    return answers


def together_connected(sock, addresses):
    """One after the other, while the answer to the one before may still come."""
    answers = []
    for address in addresses:
        sock.connect(address)
        sock.send(str(address).encode())
        answers.append(same(sock.recv(100), str(address).encode()))
    return answers


TOGETHER = {
    "blocking": together_blocking,
    "select": together_by(selectors.SelectSelector),
    "poll": together_by(selectors.PollSelector),
    "epoll": together_by(selectors.EpollSelector),
    "registered": together_registered,
    "threads": together_threads,
    "asyncio": together_asyncio,
    "connected": together_connected,
}


def together(port, *hosts):
    """DGRAM_WAYS names those of the ways that are meant; DGRAM_PATIENCE is in seconds."""
    addresses = [resolve(host, port) for host in hosts]
    only = os.environ.get("DGRAM_WAYS", " ".join(TOGETHER)).split()
    for way in only:
        sock = fresh(addresses[0][0])
        try:
            outcome = " ".join(TOGETHER[way](sock, [a for _, a in addresses]))
        except (OSError, asyncio.TimeoutError) as error:
            outcome = repr(error)
        print(f"{way}: {outcome}", flush=True)
        sock.close()


def talk(host, port, *only):
    family, address = resolve(host, port)
    ways = [(f"{work.__name__}{suffix}", work, blocking)
            for work in (connected, unconnected, messages, many, large, empty,
                         peeked)
            for suffix, blocking in (("", True), (" nonblocking", False))]
    ways.append(("files", files, True))
    ways.append(("everything closed", everything_closed, True))
    ways.append(("asyncio connected", asynchronous, "remote_addr"))
    ways.append(("asyncio unconnected", asynchronous, "local_addr"))
    for name, work, argument in ways:
        if only and name.split()[0] not in only:
            continue
        try:
            outcome = work(family, address, argument)
        except (OSError, asyncio.TimeoutError) as error:
            outcome = repr(error)
        print(f"{name}: {outcome}", flush=True)


def main():
    action, *arguments = sys.argv[1:]
    {"serve": serve, "talk": talk, "again": again, "source": source, "most": most,
     "names": names, "together": together, "family": of_family,
     "insist": insist}[action](*arguments)


if __name__ == "__main__":
    main()
