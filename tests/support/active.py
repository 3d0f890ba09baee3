#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""active.py HOST [WORD...] - what an FTP client does in active mode, step by step

Connects to far.py's port 21 (or --port N) at HOST, binds a socket to the address of that
connection, asks its name, listens, is called, and accepts. Prints a line for each step:
what came of it, or the name of the errno. Words change the course:

    listen-first      listen() before getsockname()
    any               binds to no address
    poll select epoll waits so for the listener before it accepts
    nonblocking       the listener is
    uncalled          nobody is told to call
    closes            closes the listener in place of accepting
    cut-off ADDRESS   accepts again, when that has no route any more
    N times           does all of it again, on a new socket each time
"""

import errno
import select
import socket
import subprocess
import sys
import time


class Failed(Exception):
    pass


def step(name, call, *arguments):
    try:
        return call(*arguments)
    except OSError as error:
        word = errno.errorcode.get(error.errno, str(error))
        print(f"{name} {word}", flush=True)
        raise Failed from error


def wait(listener, words):
    """How long until it is readable, and whether it was writable ever."""
    if "poll" in words:
        poll = select.poll()
        poll.register(listener, select.POLLIN | select.POLLOUT)
        events = poll.poll(10000)
        print("poll", *(hex(event) for _, event in events), flush=True)
    if "select" in words:
        events = select.select([listener], [listener], [], 10)
        print("select", *(len(s) for s in events), flush=True)
    if "epoll" in words:
        with select.epoll() as epoll:
            epoll.register(listener, select.EPOLLIN | select.EPOLLOUT)
            events = epoll.poll(10)
        print("epoll", *(hex(event) for _, event in events), flush=True)


def cut_off(address):
    subprocess.run(["ip", "route", "add", "unreachable", address], check=True)


def accept(listener):
    start = time.monotonic()
    try:
        return step("accept", listener.accept)
    except Failed:
        print("after", round(time.monotonic() - start), "s", flush=True)
        raise


def once(control, words):
    listener = socket.socket(control.family)
    host = control.getsockname()[0]
    step("bind", listener.bind, ("" if "any" in words else host, 0))
    if "listen-first" in words:
        step("listen", listener.listen, 1)
    name = step("getsockname", listener.getsockname)
    print("name", name[0], "as" if name[0] == host else "not as",
          "the control's", flush=True)
    if "listen-first" not in words:
        step("listen", listener.listen, 1)
    if "uncalled" not in words:
        target = name[0].removeprefix("::ffff:")
        control.sendall(f"CALL {target} {name[1]} 0\n".encode())
    if "closes" in words:
        listener.close()
        return
    wait(listener, words)
    listener.setblocking("nonblocking" not in words)
    data, peer = accept(listener)
    print("accept", peer[0], peer[1],
          "as" if peer[0] == control.getpeername()[0] else "not as",
          "the control's", flush=True)
    print("data", data.makefile().readline().strip(), flush=True)
    data.sendall(b"echo\n")
    print("data", data.makefile().readline().strip(), flush=True)
    if "cut-off" in words:
        cut_off(words[words.index("cut-off") + 1])
        accept(listener)


def main():
    host, *words = sys.argv[1:]
    port = 21
    if "--port" in words:
        port = int(words[words.index("--port") + 1])
    times = 1
    if "times" in words:
        times = int(words[words.index("times") - 1])
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM)[0]
    control = socket.socket(family)
    control.connect(address)
    for _ in range(times):
        try:
            once(control, words)
        except Failed:
            pass


main()
