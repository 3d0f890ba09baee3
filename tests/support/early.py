#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""early.py - an ordinary program on a connection that may be younger than it looks.

    early.py reset-server HOST PORT   accepts, waits for words, and resets
    early.py times HOST PORT          milliseconds: connect; then the page
    early.py wait WAY HOST PORT       connects without blocking, waits by WAY
    early.py read WAY HOST PORT       reads a page by WAY
    early.py ROW HOST PORT            another of the functions below

PORT serves what web.py does, but for refused and its kin, which want it refused.
Prints "ok", or what was not as it should be.
"""

import errno
import os
import select
import socket
import struct
import sys
import threading
import time

REQUEST = b"GET / HTTP/1.0\r\n\r\n"
PAGE = b"hello from the world\n"
CAME_EARLY = 200  # milliseconds; the proxy's answers take longer


def milliseconds(since):
    return round((time.monotonic() - since) * 1000)


def is_page(data):
    return data.startswith(b"HTTP/1.") and data.endswith(PAGE)


def verdict(data):
    return "ok" if is_page(data) else f"not the page: {data[:80]}"


def name_of(error):
    return errno.errorcode.get(error.errno, str(error))


def tried(function, *arguments):
    try:
        return function(*arguments)
    except OSError as error:
        return name_of(error)


def read_all(sock):
    data = b""
    while piece := sock.recv(4096):
        data += piece
    return data


def nonblocking(host, port):
    """A socket that is being connected, and the address."""
    family, kind, proto, _, address = socket.getaddrinfo(
        host, int(port), type=socket.SOCK_STREAM)[0]
    sock = socket.socket(family, kind, proto)
    sock.setblocking(False)
    sock.connect_ex(address)
    return sock, address


# --- waiting ------------------------------------------------------------------

def by_poll(sock, writable, edge=0):
    poll = select.poll()
    poll.register(sock, select.POLLOUT if writable else select.POLLIN)
    return [events for _, events in poll.poll(5000)]


def by_select(sock, writable, edge=0):
    sets = ([], [sock]) if writable else ([sock], [])
    ready = select.select(*sets, [], 5)
    return ready[0] + ready[1]


class Epoll:
    """One epoll for both waits, as a program has it."""

    def __init__(self, edge):
        self.epoll = select.epoll()
        self.edge = edge
        self.registered = False

    def __call__(self, sock, writable):
        events = select.EPOLLOUT if writable else select.EPOLLIN
        if self.edge:
            events = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET
        if not self.registered:
            self.epoll.register(sock, events)
            self.registered = True
        elif not self.edge:
            self.epoll.modify(sock, events)
        return [events for _, events in self.epoll.poll(5)]


def wait(way, host, port):
    """Writable at once; readable when the page comes, and for nothing else."""
    ways = {"poll": by_poll, "select": by_select, "epoll": Epoll(False),
            "epoll-edge": Epoll(True)}
    ready, strict = ways[way], way in ("poll", "select")
    began = time.monotonic()
    sock, address = nonblocking(host, port)
    if not ready(sock, True):
        return "never writable"
    if milliseconds(began) >= CAME_EARLY:
        return f"writable only after {milliseconds(began)} ms"
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error or sock.getpeername() != address:
        return f"SO_ERROR {error}, peer {sock.getpeername()}"
    sock.send(REQUEST)
    data, spurious = b"", 0
    while not is_page(data):
        if not ready(sock, False):
            return f"nothing to read: {data[:80]}"
        try:
            while piece := sock.recv(4096):
                data += piece
            break
        except BlockingIOError:
            spurious += not data
    if strict and spurious:
        return f"{spurious} times readable with nothing to read"
    if milliseconds(began) < CAME_EARLY:
        return f"the page came after {milliseconds(began)} ms"
    return verdict(data)


# --- reading ------------------------------------------------------------------

def by_readv(sock):
    buffers = [bytearray(4), bytearray(4096)]
    n = os.readv(sock.fileno(), buffers)
    return b"".join(buffers)[:n]


def by_recvmsg(sock):
    return sock.recvmsg(4096)[0]


def by_peek(sock):
    seen = sock.recv(4, socket.MSG_PEEK)
    data = sock.recv(4096)
    return data if data.startswith(seen) else b"peeked: " + seen


def by_splice(sock):
    out, into = os.pipe()
    n = os.splice(sock.fileno(), into, 4096)
    return os.read(out, n) if n else b""


def read(way, host, port):
    """The first byte that is read is the program's own, by whichever call."""
    ways = {"recv": lambda sock: sock.recv(4096),
            "read": lambda sock: os.read(sock.fileno(), 4096),
            "readv": by_readv, "recvmsg": by_recvmsg,
            "recvfrom": lambda sock: sock.recvfrom(4096)[0],
            "peek": by_peek}
    if hasattr(os, "splice"):
        ways["splice"] = by_splice
    if way not in ways:
        return "ok"  # this Python has no such call
    sock = socket.create_connection((host, int(port)))
    sock.sendall(REQUEST)
    return verdict(ways[way](sock) + read_all(sock))


def times(host, port):
    began = time.monotonic()
    sock = socket.create_connection((host, int(port)))
    connected = milliseconds(began)
    sock.sendall(REQUEST)
    page = verdict(read_all(sock))
    return f"{connected} {milliseconds(began)} {page}"


def dontwait(host, port):
    """MSG_DONTWAIT finds nothing; a receive timeout is over in time."""
    sock = socket.create_connection((host, int(port)))
    sock.sendall(REQUEST)
    at_once = tried(sock.recv, 1, socket.MSG_DONTWAIT)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                    struct.pack("ll", 0, 50000))
    began = time.monotonic()
    timed_out = tried(sock.recv, 1)
    took = milliseconds(began)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                    struct.pack("ll", 0, 0))
    if (at_once, timed_out) != ("EAGAIN", "EAGAIN") or not 40 <= took <= 150:
        return f"{at_once} {timed_out} after {took} ms"
    return verdict(read_all(sock))


def forked(host, port):
    """The child reads the beginning, the parent the rest."""
    sock = socket.create_connection((host, int(port)))
    sock.sendall(REQUEST)
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(into, sock.recv(5))
        os._exit(0)
    os.waitpid(child, 0)
    return verdict(os.read(out, 5) + read_all(sock))


def executed(host, port):
    """What is started gets a stream without the answers in it."""
    sock = socket.create_connection((host, int(port)))
    sock.sendall(REQUEST)
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(sock.fileno(), 0)
        os.dup2(into, 1)
        os.execv("/bin/cat", ["cat"])
    os.close(into)
    os.waitpid(child, 0)
    return verdict(os.read(out, 4096))


def threads(host, port):
    """One reads while the other, later, writes."""
    sock = socket.create_connection((host, int(port)))
    copy = sock.dup()
    data = []
    reader = threading.Thread(target=lambda: data.append(read_all(copy)))
    reader.start()
    time.sleep(0.05)
    for byte in REQUEST:
        sock.send(bytes([byte]))
        time.sleep(0.01)
    reader.join(5)
    return verdict(b"".join(data))


def half_closed(host, port):
    sock = socket.create_connection((host, int(port)))
    sock.sendall(REQUEST)
    sock.shutdown(socket.SHUT_WR)
    return verdict(read_all(sock))


def deaf(host, port):
    """Shut for reading before the answers: what is written still arrives."""
    sock = socket.create_connection((host, int(port)))
    sock.shutdown(socket.SHUT_RD)
    sent = tried(sock.send, REQUEST)
    # What is there by then can be read natively, too.
    if (got := tried(sock.recv, 4096)) != b"" and got[:7] != b"HTTP/1.":
        return f"read {got}"
    again = tried(sock.send, b"x")
    return "ok" if (sent, again) == (len(REQUEST), 1) else f"{sent} {again}"


def options(host, port, last=3000):
    """Options that would stall the answers are the program's all along."""
    sock = socket.create_connection((host, int(port)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 3000)
    cork = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CORK)
    lowat = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)
    sock.sendall(REQUEST)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    if last != 3000:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, last)
    data = read_all(sock)
    if (cork, lowat) != (1, 3000):
        return f"CORK {cork}, RCVLOWAT {lowat}"
    cork = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CORK)
    lowat = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)
    if (cork, lowat) != (0, last):
        return f"then CORK {cork}, RCVLOWAT {lowat}"
    return verdict(data)


def options_undone(host, port):
    return options(host, port, 1)


def again(host, port):
    """connect() on what is connected."""
    sock, address = nonblocking(host, port)
    by_poll(sock, True)
    said = [sock.connect_ex(address) for _ in range(2)]
    return "ok" if said == [0, errno.EISCONN] else str(said)


# --- a connection that is reset ---------------------------------------------------

def mask(sock):
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLOUT | 0x2000)
    return [hex(events) for _, events in poll.poll(0)]


def aftermath(sock, address):
    return " ".join(str(part) for part in (
        mask(sock),
        tried(sock.send, b"x"), tried(sock.recv, 10), tried(sock.recv, 10),
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
        tried(sock.getpeername), tried(sock.connect, address)))


def spoken(host, port):
    sock = socket.create_connection((host, int(port)))
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, "it came before the words")
    sock.send(REQUEST)
    return sock, sock.getpeername(), error


def connected(host, port):
    """One that is reset after our words: a refusal may be faster now and then."""
    for _ in range(20):
        try:
            return spoken(host, port)
        except OSError as error:
            last = error
    raise last


def refused_read(host, port):
    sock, address, before = connected(host, port)
    return f"{before} {tried(sock.recv, 10)} {aftermath(sock, address)}"


def refused_write(host, port):
    sock, address, before = connected(host, port)
    by_poll(sock, False)
    return f"{before} {tried(sock.send, b'x')} {aftermath(sock, address)}"


def refused_error(host, port):
    sock, address, before = connected(host, port)
    by_poll(sock, False)
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return f"{before} {errno.errorcode.get(error)} {aftermath(sock, address)}"


def refused_epoll(host, port):
    sock, address, before = connected(host, port)
    sock.setblocking(False)
    epoll = select.epoll()
    epoll.register(sock, select.EPOLLIN | select.EPOLLRDHUP)
    while (said := tried(sock.recv, 10)) == "EAGAIN":
        if not epoll.poll(5):
            return "nothing came"
    return f"{before} {said} {aftermath(sock, address)}"


def reset_server(host, port):
    listener = socket.create_server((host, int(port)))
    print("listening", flush=True)
    while True:
        sock = listener.accept()[0]
        sock.recv(4096)
        time.sleep(0.1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
        sock.close()


def main():
    action, *arguments = sys.argv[1:]
    try:
        print(globals()[action.replace("-", "_")](*arguments))
    except OSError as error:
        print(name_of(error))


if __name__ == "__main__":
    main()
