#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""last.py - the last datagrams of sockets and programs.

    last.py collect ADDRESS PORT   prints what comes, a line each
    last.py send HOST PORT WAY     sends "WAY" without waiting, and is gone in that way
    last.py many HOST PORT COUNT   as many sockets, one datagram of each, closed at once
"""

import os
import select
import socket
import sys
import time


def collect(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((address, int(port)))
        print("listening", flush=True)
        while True:
            print(sock.recv(100).decode(), flush=True)


def wait_by_poll(seconds):
    select.poll().poll(seconds * 1000)


def wait_by_select(seconds):
    select.select([], [], [], seconds)


def wait_by_epoll(seconds):
    select.epoll().poll(seconds)


def use_others(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
        time.sleep(0.01)


def held_by_another(_):
    """Nobody waits here, and the process is killed: its child has no part of it."""
    if os.fork() == 0:
        time.sleep(0.1)
        os._exit(0)
    os.wait()


WAITS = {"poll": wait_by_poll, "select": wait_by_select, "epoll": wait_by_epoll,
         "others": use_others}


def send(host, port, way):
    found = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
    sock = socket.socket(found[0], socket.SOCK_DGRAM)
    sock.setblocking(False)
    if way.startswith("linked"):
        sock.connect(found[4])
        sock.send(way.encode())
    else:
        sock.sendto(way.encode(), found[4])
    what = way.split("-")[-1]
    if what != "open":
        sock.close()
    if what in WAITS:
        WAITS[what](1)
        # Nothing that is done at the end may help.
        os.kill(os.getpid(), 9)
    if what == "forks":
        held_by_another(0)
    if what == "exec":
        os.execv("/bin/true", ["true"])
    if what == "_exit":
        os._exit(0)


def many(host, port, count):
    found = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
    before = len(os.listdir("/proc/self/fd"))
    for i in range(int(count)):
        with socket.socket(found[0], socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(f"many {i}".encode(), found[4])
        time.sleep(0.01)
    most = len(os.listdir("/proc/self/fd")) - before
    use_others(1)
    left = len(os.listdir("/proc/self/fd")) - before
    print(f"{most <= 65} {left}")


def main():
    action, *arguments = sys.argv[1:]
    {"collect": collect, "send": send, "many": many}[action](*arguments)


if __name__ == "__main__":
    main()
