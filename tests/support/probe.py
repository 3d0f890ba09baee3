#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""probe.py - an ordinary program that says how its sockets fared.

    probe.py connect HOST PORT      one blocking connect
    probe.py fetch HOST PORT        likewise, and a line of a web page by http
    probe.py fetch6 HOST PORT       likewise, by what AF_INET6 is looked up
    probe.py banner HOST PORT       likewise, and the line that the server says
    probe.py nonblocking HOST PORT  connect, poll, SO_ERROR
    probe.py asyncio N HOST PORT    N connects at once, with a page each
    probe.py udp HOST PORT          each way to send a datagram
    probe.py sockets                making sockets that bypass TCP and UDP

Prints "ok" or the name of the errno, and the milliseconds where time matters:
measured here, after the interpreter's own start.
"""

import asyncio
import collections
import ctypes
import errno
import select
import socket
import sys
import time

REQUEST = b"GET / HTTP/1.0\r\n\r\n"


def errno_name(error):
    """What an OSError, a gaierror or an errno value is called."""
    if isinstance(error, socket.gaierror):
        return f"gaierror {error.errno}"
    number = error.errno if isinstance(error, OSError) else error
    if number == errno.EOPNOTSUPP:
        return "EOPNOTSUPP"  # ENOTSUP is the same number
    return errno.errorcode.get(number, str(error))


def outcome(function, *arguments):
    """What the call returned, or the name of the error."""
    try:
        result = function(*arguments)
    except OSError as error:
        return errno_name(error)
    return "ok" if result is None else result


def milliseconds(since):
    return round((time.monotonic() - since) * 1000)


def connect(host, port):
    began = time.monotonic()
    try:
        socket.create_connection((host, int(port)), 30).close()
        result = "ok"
    except OSError as error:
        result = errno_name(error)
    print(result, milliseconds(began))


def last_line(connection):
    return connection.makefile().read().splitlines()[-1]


def fetch(host, port):
    def work():
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(REQUEST)
            return last_line(connection)
    print(outcome(work))


def fetch6(host, port):
    def work():
        address = socket.getaddrinfo(host, int(port), socket.AF_INET6)[0][4]
        with socket.socket(socket.AF_INET6) as connection:
            connection.connect(address)
            connection.sendall(REQUEST)
            return last_line(connection)
    print(outcome(work))


def banner(host, port):
    def work():
        with socket.create_connection((host, int(port))) as connection:
            return connection.makefile().readline().rstrip()
    print(outcome(work))


def nonblocking(host, port):
    family, kind, proto, _, address = socket.getaddrinfo(
        host, int(port), type=socket.SOCK_STREAM)[0]
    began = time.monotonic()
    sock = socket.socket(family, kind, proto)
    sock.setblocking(False)
    first = errno_name(sock.connect_ex(address))
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    events = poll.poll(30000)
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    print(first, "ready" if events else "not-ready",
          errno_name(error) if error else "ok", milliseconds(began))


def many(count, host, port):
    async def one():
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(REQUEST)
            page = await reader.read()
            writer.close()
            return "ok" if page.endswith(b"hello from the world\n") else "cut"
        except OSError as error:
            return errno_name(error)

    async def all_of_them():
        return await asyncio.gather(*(one() for _ in range(int(count))))

    began = time.monotonic()
    results = asyncio.run(all_of_them())
    took = milliseconds(began)
    tally = collections.Counter(results)
    print(*(f"{n} {name}" for name, n in sorted(tally.items())), took)


class Message(ctypes.Structure):
    """struct mmsghdr, flattened."""
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32),
                ("iov", ctypes.c_void_p), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int), ("len", ctypes.c_uint)]


class Vector(ctypes.Structure):
    """struct iovec."""
    _fields_ = [("base", ctypes.c_char_p), ("len", ctypes.c_size_t)]


def sockaddr_bytes(family, host, port):
    """A sockaddr_in or sockaddr_in6."""
    head = family.to_bytes(2, "little") + port.to_bytes(2, "big")
    if family == socket.AF_INET:
        return head + socket.inet_pton(family, host) + bytes(8)
    return head + bytes(4) + socket.inet_pton(family, host) + bytes(4)


def sendmmsg(sock, host, port):
    """sendmmsg(2) of one datagram, which Python does not have."""
    libc = ctypes.CDLL(None, use_errno=True)
    address = ctypes.create_string_buffer(
        sockaddr_bytes(sock.family, host, port))
    vector = Vector(b"leak", 4)
    message = Message(ctypes.addressof(address), len(address) - 1,
                      ctypes.addressof(vector), 1)
    result = libc.sendmmsg(sock.fileno(), ctypes.byref(message), 1, 0)
    if result < 0:
        raise OSError(ctypes.get_errno(), "sendmmsg")
    return result


def udp(host, port):
    port = int(port)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET

    def fresh():
        return socket.socket(family, socket.SOCK_DGRAM)

    def connect_and_send():
        sock = fresh()
        sock.connect((host, port))
        return sock.send(b"leak")

    address = (host, port)
    print("connect", outcome(connect_and_send))
    print("sendto", outcome(fresh().sendto, b"leak", address))
    print("sendto-empty", outcome(fresh().sendto, b"", address))
    print("sendto-dontwait", outcome(
        fresh().sendto, b"leak", socket.MSG_DONTWAIT, address))
    print("sendmsg", outcome(fresh().sendmsg, [b"le", b"ak"], [], 0, address))
    print("sendmmsg", outcome(sendmmsg, fresh(), host, port))


def sockets():
    ipproto_udplite, ipproto_dccp, ipproto_mptcp = 136, 33, 262
    sock_dccp = 6
    wanted = {
        "raw": (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        "raw6": (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6),
        "rawip": (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
        "packet": (socket.AF_PACKET, socket.SOCK_RAW, 0x0300),
        "packet-dgram": (socket.AF_PACKET, socket.SOCK_DGRAM, 0x0300),
        "ping": (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
        "ping6": (socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6),
        "sctp": (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP),
        "udplite": (socket.AF_INET, socket.SOCK_DGRAM, ipproto_udplite),
        "dccp": (socket.AF_INET, sock_dccp, ipproto_dccp),
        "tcp": (socket.AF_INET, socket.SOCK_STREAM, 0),
        "tcp6": (socket.AF_INET6, socket.SOCK_STREAM, 0),
        "mptcp": (socket.AF_INET, socket.SOCK_STREAM, ipproto_mptcp),
        "udp": (socket.AF_INET, socket.SOCK_DGRAM, 0),
        "unix": (socket.AF_UNIX, socket.SOCK_STREAM, 0),
        "netlink": (socket.AF_NETLINK, socket.SOCK_RAW, 0),
    }
    for name, arguments in wanted.items():
        try:
            socket.socket(*arguments).close()
            print(name, "ok")
        except OSError as error:
            print(name, errno_name(error))


def main():
    action, *arguments = sys.argv[1:]
    {"connect": connect, "fetch": fetch, "fetch6": fetch6, "banner": banner,
     "nonblocking": nonblocking, "asyncio": many, "udp": udp,
     "sockets": sockets}[action](*arguments)


if __name__ == "__main__":
    main()
