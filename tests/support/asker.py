#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""asker.py - asks a name server by a socket of its own, and tells who answered what

asker.py HOW[,HOW...] SERVER NAME TYPE...

All questions are in flight at once, with a 0x20 mixed name and EDNS. Prints a line per
answer, in the order of the questions: "SOURCE RCODE TYPE ANSWER...", and "nothing" where no
answer came in ten seconds. HOW is

    blocking      sendto and recvfrom
    timeout       settimeout(), which is nonblocking and poll
    connected     connect, send, recv
    rcvtimeo      SO_RCVTIMEO
    select poll epoll edge      nonblocking, and waited for so; edge is EPOLLET
    nested        an epoll in an epoll
    message       sendmsg in pieces, recvmsg_into
    readwrite     connect, write, read
    peek          looked at twice before it is taken
    busy          nonblocking, tried again and again
    asyncio       a datagram endpoint
    thread        another thread is in recvfrom already
    threadpoll threadepoll      likewise in poll, epoll
    threadadd     likewise in an epoll, to which the socket is added when all is sent
    fork          the child waits for what the parent has asked
    dup           asked by one descriptor, received by another
    reconnect     from a server to another, and away from it
    bound         to a local address first
    stranger keptout    some other socket sends what looks like an answer
    device        bound to eth0
    fionread      how long the next one is
    retransmit    all of it twice
    disconnect    connected, and connected to nobody
    tcp           one connection
    tcpsplit      likewise, cut into single octets
    tcpnonblock   nonblocking, poll
    tcpasyncio tcpselect tcpepoll tcpdup
    tcphalf       with an end of the questions
    tcpmany       thousands of questions, until the socket is full; then the answers
"""
import asyncio
import ctypes
import errno
import fcntl
import os
import select
import socket
import struct
import sys
import termios
import threading
import time

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16,
         "AAAA": 28, "SRV": 33, "HTTPS": 65, "ANY": 255}
NAMES = {number: name for name, number in TYPES.items()}
PATIENCE = 10


def mixed(text):
    return "".join(c.upper() if i % 2 else c for i, c in enumerate(text))


def put_name(text):
    return b"".join(bytes([len(label)]) + label.encode()
                    for label in text.split(".") if label) + b"\0"


def query(number, name, kind):
    return struct.pack(">6H", 0x1000 + number, 0x0100, 1, 0, 0, 1) + \
        put_name(mixed(name)) + struct.pack(">2H", TYPES[kind], 1) + \
        b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)


def get_name(message, at):
    labels, end = [], None
    while message[at]:
        if message[at] >= 192:
            end = end or at + 2
            at = (message[at] & 63) << 8 | message[at + 1]
            continue
        labels.append(message[at + 1:at + 1 + message[at]].decode())
        at += 1 + message[at]
    return ".".join(labels), end or at + 1


def show_data(message, at, size, kind):
    data = message[at:at + size]
    if kind == 1:
        return socket.inet_ntop(socket.AF_INET, data)
    if kind == 28:
        return socket.inet_ntop(socket.AF_INET6, data)
    if kind in (2, 5, 12):
        return get_name(message, at)[0]
    if kind == 15:
        return "%d:%s" % (data[0] << 8 | data[1], get_name(message, at + 2)[0])
    if kind == 33:
        return "%d:%s" % (data[4] << 8 | data[5], get_name(message, at + 6)[0])
    if kind == 16:
        return data[1:1 + data[0]].decode()
    return "..."


def show(message, name, kind):
    number, flags, questions, answers = struct.unpack_from(">4H", message)
    asked, at = get_name(message, 12)
    if asked != mixed(name) or questions != 1 or not flags & 0x8000:
        return "another question"
    at += 4
    words = ["RCODE%d" % (flags & 15) + ("-TC" if flags & 0x200 else "")]
    for _ in range(answers):
        _, at = get_name(message, at)
        got, _, _, size = struct.unpack_from(">HHIH", message, at)
        words.append(show_data(message, at + 10, size, got))
        at += 10 + size
    return " ".join([words[0], kind] + words[1:])


class Asker:
    def __init__(self, server, name, kinds):
        self.server = (server, 53)
        self.family = socket.AF_INET6 if ":" in server else socket.AF_INET
        self.name, self.kinds = name, kinds
        self.queries = [query(i, name, kind) for i, kind in enumerate(kinds)]
        self.answers = [None] * len(kinds)
        self.extra = 0

    def take(self, message, source):
        number = (message[0] << 8 | message[1]) - 0x1000
        if self.answers[number] is not None:
            self.extra += 1
        self.answers[number] = "%s#%d %s" % (
            source[0], source[1], show(message, self.name, self.kinds[number]))

    def done(self):
        return None not in self.answers

    def tell(self):
        for answer in self.answers:
            print(answer or "nothing")
        if self.extra:
            print(self.extra, "answers too many")

    def socket(self, kind=socket.SOCK_DGRAM):
        return socket.socket(self.family, kind)

    def send_all(self, s):
        for message in self.queries:
            assert s.sendto(message, self.server) == len(message)

    def receive(self, s, flags=0):
        message, source = s.recvfrom(65535, flags)
        self.take(message, source)

    # --- ways

    def blocking(self):
        s = self.socket()
        self.send_all(s)
        while not self.done():
            self.receive(s)

    def timeout(self):
        s = self.socket()
        s.settimeout(PATIENCE)
        self.send_all(s)
        while not self.done():
            self.receive(s)

    def rcvtimeo(self):
        s = self.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                     struct.pack("ll", PATIENCE, 0))
        self.send_all(s)
        while not self.done():
            self.receive(s)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                     struct.pack("ll", 0, 100000))
        try:
            s.recv(1)
        except BlockingIOError:
            return

    def connected(self):
        s = self.socket()
        s.connect(self.server)
        assert s.getpeername()[1] == 53
        for message in self.queries:
            assert s.send(message) == len(message)
        while not self.done():
            self.receive(s)

    def readwrite(self):
        s = self.socket()
        s.connect(self.server)
        for message in self.queries:
            os.write(s.fileno(), message)
        while not self.done():
            self.take(os.read(s.fileno(), 65535), s.getpeername())

    def message(self):
        s = self.socket()
        for message in self.queries:
            sent = s.sendmsg([message[:5], b"", message[5:40], message[40:]],
                             [], 0, self.server)
            assert sent == len(message)
        while not self.done():
            first, rest = bytearray(7), bytearray(65535)
            n, _, _, source = s.recvmsg_into([first, rest])
            self.take(bytes(first + rest)[:n], source)

    def peek(self):
        s = self.socket()
        self.send_all(s)
        while not self.done():
            head, source = s.recvfrom(12, socket.MSG_PEEK)
            whole = s.recv(65535, socket.MSG_PEEK)
            length = s.recv_into(bytearray(1), 1,
                                 socket.MSG_PEEK | socket.MSG_TRUNC)
            message, again = s.recvfrom(65535)
            assert message == whole and message[:12] == head
            assert source == again and length == len(message), length
            self.take(message, source)

    def busy(self):
        s = self.socket()
        self.send_all(s)
        end = time.monotonic() + PATIENCE
        while not self.done() and time.monotonic() < end:
            try:
                self.receive(s, socket.MSG_DONTWAIT)
            except BlockingIOError:
                time.sleep(0.001)

    def drain(self, s):
        try:
            while True:
                self.receive(s, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass

    def waiting(self, s, wait):
        end = time.monotonic() + PATIENCE
        while not self.done() and time.monotonic() < end:
            if not wait(end - time.monotonic()):
                break
            self.drain(s)

    def select(self):
        s = self.socket()
        s.setblocking(False)
        self.send_all(s)
        assert select.select([], [s], [], 1)[1]
        self.waiting(s, lambda t: select.select([s], [], [], t)[0])

    def poll(self):
        s = self.socket()
        s.setblocking(False)
        poll = select.poll()
        poll.register(s, select.POLLIN)
        self.send_all(s)
        self.waiting(s, lambda t: poll.poll(t * 1000))

    def by_epoll(self, events):
        s = self.socket()
        s.setblocking(False)
        epoll = select.epoll()
        epoll.register(s, events)
        self.send_all(s)
        self.waiting(s, epoll.poll)

    def epoll(self):
        self.by_epoll(select.EPOLLIN)

    def edge(self):
        self.by_epoll(select.EPOLLIN | select.EPOLLET)

    def nested(self):
        s = self.socket()
        inner, outer = select.epoll(), select.epoll()
        inner.register(s, select.EPOLLIN)
        outer.register(inner, select.EPOLLIN)
        self.send_all(s)
        self.waiting(s, outer.poll)

    def asyncio(self):
        asker = self

        class Protocol(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                for message in asker.queries:
                    transport.sendto(message)

            def datagram_received(self, data, addr):
                asker.take(data, addr)
                if asker.done():
                    over.set_result(True)

        async def main():
            nonlocal over
            loop = asyncio.get_running_loop()
            over = loop.create_future()
            await loop.create_datagram_endpoint(Protocol,
                                                remote_addr=self.server)
            await asyncio.wait_for(over, PATIENCE)

        over = None
        asyncio.run(main())

    def with_thread(self, wait):
        s = self.socket()
        s.bind(("", 0))
        thread = threading.Thread(target=wait, args=(s,))
        thread.start()
        time.sleep(0.3)
        self.send_all(s)
        thread.join(PATIENCE)

    def thread(self):
        def wait(s):
            while not self.done():
                self.receive(s)
        self.with_thread(wait)

    def threadpoll(self):
        def wait(s):
            poll = select.poll()
            poll.register(s, select.POLLIN)
            self.waiting(s, lambda t: poll.poll(t * 1000))
        self.with_thread(wait)

    def threadepoll(self):
        def wait(s):
            epoll = select.epoll()
            epoll.register(s, select.EPOLLIN)
            self.waiting(s, epoll.poll)
        self.with_thread(wait)

    def threadadd(self):
        s = self.socket()
        s.setblocking(False)
        epoll = select.epoll()
        thread = threading.Thread(target=self.waiting, args=(s, epoll.poll))
        thread.start()
        time.sleep(0.3)
        self.send_all(s)
        epoll.register(s, select.EPOLLIN)
        thread.join(PATIENCE)

    def fork(self):
        s = self.socket()
        self.send_all(s)
        child = os.fork()
        if child == 0:
            while not self.done():
                self.receive(s)
            self.tell()
            sys.stdout.flush()
            os._exit(0)
        # The parent's steps, without a look at its answers.
        other = self.socket()
        other.settimeout(0.01)
        end = time.monotonic() + PATIENCE
        while os.waitpid(child, os.WNOHANG)[0] == 0 and time.monotonic() < end:
            try:
                other.recv(1)
            except OSError:
                pass
        os._exit(0)

    def dup(self):
        s = self.socket()
        copy = s.dup()
        self.send_all(s)
        s.close()
        while not self.done():
            self.receive(copy)

    def reconnect(self):
        s = self.socket()
        s.connect(("::1" if self.family == socket.AF_INET6 else "127.0.0.9",
                   53))
        name = s.getsockname()
        s.connect(self.server)
        assert s.getsockname()[1] == name[1]
        s.send(self.queries[0])
        self.receive(s)
        for message in self.queries[1:]:
            s.send(message)
        while not self.done():
            self.receive(s)

    def bound(self):
        s = self.socket()
        s.bind(("::1" if self.family == socket.AF_INET6 else "127.0.0.1", 0))
        self.send_all(s)
        while not self.done():
            self.receive(s)

    def strangers(self, connected):
        """What others send is theirs, whatever it looks like."""
        s = self.socket()
        if connected:
            s.connect(self.server)
        else:
            s.bind(("", 0))
        self.send_all(s)
        while not self.done():
            self.receive(s)
        address = "::1" if self.family == socket.AF_INET6 else "127.0.0.1"
        other = self.socket()
        other.bind((address, 0))
        framed = b"\0\0\0\1\x7f\0\0\x35\0\x35" + self.queries[0]
        other.sendto(framed, (address, s.getsockname()[1]))
        try:
            message, source = s.recvfrom(65535, socket.MSG_DONTWAIT)
        except OSError:
            print("kept out")
            return
        print("let in", message == framed,
              source[:2] == other.getsockname()[:2])

    def stranger(self):
        self.strangers(False)

    def keptout(self):
        self.strangers(True)

    def device(self):
        """By a device: even what it sends to itself would leave."""
        so_bindtodevice = 25
        for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
            s = self.socket(kind)
            s.setsockopt(socket.SOL_SOCKET, so_bindtodevice, b"eth0\0")
            if kind == socket.SOCK_DGRAM:
                self.refused(s.sendto, self.queries[0], self.server)
            self.refused(s.connect, self.server)
        self.answers = ["refused"]

    def refused(self, call, *arguments):
        try:
            call(*arguments)
        except OSError as error:
            assert error.errno == errno.ENETUNREACH, error
        else:
            print("not refused")

    def fionread(self):
        s = self.socket()
        self.send_all(s)
        while not self.done():
            select.select([s], [], [], PATIENCE)
            count = fcntl.ioctl(s, termios.FIONREAD, b"\0\0\0\0")
            message, source = s.recvfrom(65535)
            assert struct.unpack("i", count)[0] == len(message), count
            self.take(message, source)

    def retransmit(self):
        """Asked twice, a question that is still open is answered once."""
        s = self.socket()
        self.send_all(s)
        self.send_all(s)
        while not self.done():
            self.receive(s)

    def disconnect(self):
        """Its own again after connect(AF_UNSPEC)."""
        s = self.socket()
        s.connect(self.server)
        port = s.getsockname()[1]
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.connect(s.fileno(), bytes(16), 16) == 0
        assert s.getsockname()[0] in ("0.0.0.0", "::"), port
        self.send_all(s)
        while not self.done():
            self.receive(s)

    # --- TCP

    def frames(self):
        return b"".join(struct.pack(">H", len(q)) + q for q in self.queries)

    def take_frames(self, data, source):
        while len(data) >= 2 and len(data) >= 2 + (data[0] << 8 | data[1]):
            size = data[0] << 8 | data[1]
            self.take(bytes(data[2:2 + size]), source)
            data = data[2 + size:]
        return data

    def stream(self):
        s = self.socket(socket.SOCK_STREAM)
        s.settimeout(PATIENCE)
        s.connect(self.server)
        return s

    def read_stream(self, s):
        data, source = b"", s.getpeername()
        while not self.done():
            more = s.recv(65535)
            if not more:
                break
            data = self.take_frames(data + more, source)

    def tcp(self):
        s = self.stream()
        s.settimeout(None)
        s.sendall(self.frames())
        self.read_stream(s)

    def tcpsplit(self):
        s = self.stream()
        for octet in self.frames():
            s.send(bytes([octet]))
        self.read_stream(s)

    def tcpnonblock(self):
        s = self.socket(socket.SOCK_STREAM)
        s.setblocking(False)
        s.connect_ex(self.server)
        poll = select.poll()
        poll.register(s, select.POLLOUT)
        poll.poll(PATIENCE * 1000)
        assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        s.send(self.frames())
        poll.modify(s, select.POLLIN)
        data = b""
        while not self.done() and poll.poll(PATIENCE * 1000):
            more = s.recv(65535)
            if not more:
                break
            data = self.take_frames(data + more, s.getpeername())

    def tcphalf(self):
        s = self.stream()
        source = s.getpeername()
        s.sendall(self.frames())
        s.shutdown(socket.SHUT_WR)
        data = b""
        while not self.done():
            data = self.take_frames(data + s.recv(65535), source)
        assert s.recv(1) == b""

    def tcpmany(self):
        """More than the answers' room, before any of them is read."""
        s = self.stream()
        frames, count = self.frames(), 0
        s.settimeout(0.2)
        try:
            while count < 3000:
                s.sendall(frames)
                count += 1
        except TimeoutError:
            print("the socket is full")
        s.settimeout(PATIENCE)
        data, answers = b"", 0
        while answers < count * len(self.queries):
            data += s.recv(1 << 20)
            while len(data) >= 2 and len(data) >= 2 + (data[0] << 8 | data[1]):
                data = data[2 + (data[0] << 8 | data[1]):]
                answers += 1
        self.answers = ["all"]

    def tcpdup(self):
        s = self.stream()
        copy = s.dup()
        s.close()
        copy.sendall(self.frames())
        self.read_stream(copy)

    def tcpselect(self):
        s = self.stream()
        s.sendall(self.frames())
        data = b""
        while not self.done() and select.select([s], [], [], PATIENCE)[0]:
            data = self.take_frames(data + s.recv(3), s.getpeername())

    def tcpepoll(self):
        s = self.stream()
        epoll = select.epoll()
        epoll.register(s, select.EPOLLIN)
        s.sendall(self.frames())
        data = b""
        while not self.done() and epoll.poll(PATIENCE):
            data = self.take_frames(data + s.recv(65535), s.getpeername())

    def tcpasyncio(self):
        async def main():
            reader, writer = await asyncio.open_connection(*self.server)
            writer.write(self.frames())
            while not self.done():
                size, = struct.unpack(">H", await reader.readexactly(2))
                self.take(await reader.readexactly(size),
                          writer.get_extra_info("peername"))
            writer.close()

        asyncio.run(asyncio.wait_for(main(), PATIENCE))


def main():
    for how in sys.argv[1].split(","):
        asker = Asker(sys.argv[2], sys.argv[3], sys.argv[4:])
        try:
            getattr(asker, how)()
        except (OSError, asyncio.TimeoutError) as error:
            print(how, type(error).__name__, error)
        asker.tell()


if __name__ == "__main__":
    main()
