#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""families.py - a program that looks closely at the family of its sockets.

    families.py seen HOST PORT      what a connected socket shows of itself
    families.py options HOST PORT   what it had set and does not read back
    families.py epoll HOST PORT     registered before the connect, in each way
    families.py port HOST PORT      from a source port of its choice
    families.py taken HOST PORT     from one that the other family has taken
    families.py twin HOST PORT      by a duplicate, without FD_CLOEXEC
    families.py again HOST PORT SHUT    refused at SHUT, connected, dissolved,
                                    connected again, then to a local server, bound
    families.py full HOST PORT      with no descriptor left

HOST is an address; "@v6only" after the command makes AF_INET6 sockets V6ONLY and
bound, "@bound" binds them to the IPv6 address of the environment's BIND.
"""

import ctypes
import errno
import fcntl
import os
import resource
import select
import signal
import socket
import struct
import sys

PAGE = b"hello from the world\n"
MANNER = ""


def errno_name(number):
    if number == errno.EOPNOTSUPP:
        return "EOPNOTSUPP"  # ENOTSUP is the same number
    return errno.errorcode.get(number, str(number))


def make(host, flags=0):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | flags)
    if MANNER == "v6only":
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("::", 0))
    elif MANNER == "bound":
        sock.bind((os.environ["BIND"], 0))
    return sock


def connect(sock, host, port):
    error = sock.connect_ex((host, int(port)))
    return errno_name(error) if error else "ok"


def page(sock):
    """Whether it is connected to the web server of the world."""
    sock.setblocking(True)
    sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
    answer = b""
    while True:
        more = sock.recv(65536)
        if not more:
            return "page" if answer.endswith(PAGE) else "cut"
        answer += more


def dissolve(sock):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.connect(sock.fileno(), struct.pack("H14x", 0), 16) < 0:
        return errno_name(ctypes.get_errno())
    return "ok"


def seen(host, port):
    sock = make(host)
    print("connect", connect(sock, host, port))
    name, peer = sock.getsockname(), sock.getpeername()
    domain = sock.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN)
    print("peer", peer[0], peer[1])
    print("name", name[0], "with a port" if name[1] else "without")
    print("family", socket.AddressFamily(domain).name, len(name))
    try:
        print("v6only",
              sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))
    except OSError as error:
        print("v6only", errno_name(error.errno))
    print(page(sock))


COMMON = [
    (socket.SOL_SOCKET, "SO_RCVBUF", 50000),
    (socket.SOL_SOCKET, "SO_SNDBUF", 60000),
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.SOL_SOCKET, "SO_REUSEADDR", 1),
    (socket.SOL_SOCKET, "SO_OOBINLINE", 1),
    (socket.SOL_SOCKET, "SO_MARK", 77),
    (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
    (socket.IPPROTO_TCP, "TCP_CORK", 0),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 44),
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 11),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 5),
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 30000),
    (socket.IPPROTO_TCP, "TCP_SYNCNT", 3),
    (socket.IPPROTO_TCP, "TCP_NOTSENT_LOWAT", 16384),
]
V4 = [(socket.IPPROTO_IP, "IP_TOS", 0x10), (socket.IPPROTO_IP, "IP_TTL", 56),
      (socket.IPPROTO_IP, "IP_RECVTOS", 1)]
V6 = [(socket.IPPROTO_IPV6, "IPV6_TCLASS", 0x10),
      (socket.IPPROTO_IPV6, "IPV6_UNICAST_HOPS", 56),
      (socket.IPPROTO_IPV6, "IPV6_RECVHOPLIMIT", 1)]


def options(host, port):
    sock = make(host)
    wanted = COMMON + (V6 if ":" in host else V4)
    linger = struct.pack("ii", 1, 3)
    timeout = struct.pack("ll", 7, 500000)
    for level, name, value in wanted:
        sock.setsockopt(level, getattr(socket, name), value)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    fcntl.fcntl(sock, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(sock, fcntl.F_SETFL, os.O_APPEND | os.O_ASYNC)

    def read():
        return {name: sock.getsockopt(level, getattr(socket, name))
                for level, name, _ in wanted} | {
            "linger": sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8),
            "timeout": sock.getsockopt(
                socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16),
            "priority": sock.getsockopt(
                socket.SOL_SOCKET, socket.SO_PRIORITY),
            "device": sock.getsockopt(
                socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16),
            "congestion": sock.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16),
            "owner": fcntl.fcntl(sock, fcntl.F_GETOWN),
            "flags": fcntl.fcntl(sock, fcntl.F_GETFL),
            "cloexec": fcntl.fcntl(sock, fcntl.F_GETFD),
        }

    before = read()
    print("connect", connect(sock, host, port))
    after = read()
    for name, value in before.items():
        if after[name] != value:
            print(name, "was", value, "is", after[name])
    for level, name, value in V6 if ":" in host else V4:
        sock.setsockopt(level, getattr(socket, name), value // 2)
        if sock.getsockopt(level, getattr(socket, name)) != value // 2:
            print(name, "cannot be changed")
    print(page(sock))


def epoll(host, port):
    """Level, edge, and a ONESHOT that has fired and is armed again later."""
    for events, later in ((select.EPOLLOUT, False),
                          (select.EPOLLOUT | select.EPOLLET, False),
                          (select.EPOLLIN | select.EPOLLOUT
                           | select.EPOLLONESHOT, True)):
        sock = make(host, socket.SOCK_NONBLOCK)
        poller = select.epoll()
        poller.register(sock, events)
        first = poller.poll(0)
        print("first", [hex(event) for _, event in first], end=" ")
        print("connect", connect(sock, host, port), end=" ")
        if later:
            print("idle", poller.poll(0), end=" ")
            poller.modify(sock, select.EPOLLOUT | select.EPOLLONESHOT)
        found = poller.poll(10)
        print("then", [(fd == sock.fileno(), hex(event))
                       for fd, event in found], end=" ")
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        print(errno_name(error) if error else "ok", page(sock))
        poller.unregister(sock)


def port(host, number):
    any_address = "::" if ":" in host else "0.0.0.0"
    sock = make(host)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if not MANNER:
        sock.bind((any_address, 20000 + os.getpid() % 10000))
    before = sock.getsockname()[1]
    print("connect", connect(sock, host, number))
    print("kept" if sock.getsockname()[1] == before else "lost", page(sock))


def taken(host, number):
    other = socket.AF_INET if ":" in host else socket.AF_INET6
    holder = socket.socket(other, socket.SOCK_STREAM)
    if other == socket.AF_INET6:
        holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock = make(host)
    if not MANNER:
        sock.bind(("0.0.0.0", 0))
    before = sock.getsockname()
    holder.bind(("::" if other == socket.AF_INET6 else "0.0.0.0", before[1]))
    inode = os.fstat(sock.fileno()).st_ino
    print("connect", connect(sock, host, number))
    print("untouched", sock.getsockname() == before
          and os.fstat(sock.fileno()).st_ino == inode)
    holder.close()
    print("connect", connect(sock, host, number), page(sock))


def twin(host, number):
    sock = make(host, socket.SOCK_NONBLOCK)
    other = os.dup(sock.fileno())
    os.set_inheritable(other, True)
    print("connect", connect(sock, host, number))
    poller = select.poll()
    poller.register(other, select.POLLOUT)
    print("ready", [hex(event) for _, event in poller.poll(10000)])
    print("inheritable", sock.get_inheritable(), os.get_inheritable(other))
    sock.close()
    print(page(socket.socket(fileno=other)))


def again(host, number, shut):
    sock = make(host)
    print("shut", connect(sock, host, shut))
    print("open", connect(sock, host, number))
    print("more", connect(sock, host, number), page(sock))
    print("dissolve", dissolve(sock), connect(sock, host, number), page(sock))
    print("dissolve", dissolve(sock))
    if MANNER:
        return
    server = socket.create_server(("127.0.0.1", 0))
    print("local", connect(sock, *server.getsockname()), sock.getsockname()[0])
    print("same", server.accept()[1] == sock.getsockname())
    sock = make(host)
    print("shut", connect(sock, host, shut))
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    print("listen", sock.getsockname()[0])


def full(host, number):
    sock = make(host)
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (sock.fileno() + 1, sock.fileno() + 1))
    print("connect", connect(sock, host, number))


def main():
    global MANNER  # pylint: disable=global-statement
    command, _, MANNER = sys.argv[1].partition("@")
    commands = {"seen": seen, "options": options, "epoll": epoll,
                "port": port, "taken": taken, "twin": twin, "again": again,
                "full": full}
    commands[command](*sys.argv[2:])


main()
