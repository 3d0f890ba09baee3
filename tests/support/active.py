#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""active.py HOST [WORD...] - what an FTP client does in active mode, step by step

Connects to far.py's port 21 (or --port N) at HOST, binds a socket to the address of that
connection, asks its name, listens, is called, and accepts. Prints a line for each step:
what came of it, or the name of the errno. Words change the course:

    listen-first      listen() before getsockname()
    any               binds to no address
    poll select epoll waits so for the listener before it accepts
    order-poll order-look order-select
                      lets the control have something to say, and asks so for both which
                      is readable first (look: by poll, without waiting)
    writable          with order-look, whether the control is writable, too
    says WORD         what the server says on the control when it has connected
    nonblocking       the listener is
    uncalled          nobody is told to call
    miscalled         somebody is, but where nobody listens
    hangs-up          ends the control then
    closes            closes the listener in place of accepting
    cut-off ADDRESS   accepts again, when that has no route any more
    named             asks the listener's name again when accept() has failed
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


def has_something(sock):
    try:
        sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def ask(way, control, listener, events):
    """What both show, the control first."""
    if way == "select":
        ready, _, _ = select.select([control, listener], [], [], 10)
        return [select.POLLIN if s in ready else 0 for s in (control, listener)]
    poll = select.poll()
    poll.register(control, events)
    poll.register(listener, select.POLLIN)
    shown = dict(poll.poll(0 if way == "look" else 10000))
    return [shown.get(s.fileno(), 0) for s in (control, listener)]


def order(control, listener, words):
    """Which is readable first; of the control, when and with what effort."""
    way = next(word for word in words if word.startswith("order-"))[6:]
    events = select.POLLIN
    if "writable" in words:
        events |= select.POLLOUT
    while not has_something(control):
        time.sleep(0.001)
    start, busy = time.monotonic(), time.process_time()
    said, heard = ask(way, control, listener, events)
    print("at first", hex(said), flush=True)
    while not heard and not said & ~select.POLLOUT:
        time.sleep(0.001)
        said, heard = ask(way, control, listener, events)
    kept = time.monotonic() - start >= 0.1
    busy = way != "look" and time.process_time() - busy >= 0.05
    if heard:
        print("first listener", flush=True)
    else:
        print("first control", hex(said), "kept" if kept else "at once",
              "busy" if busy else "idle", flush=True)
        said, _ = ask("look", control, listener, select.POLLIN)
        print("again", hex(said), flush=True)
    print("said", control.recv(64).decode().strip(), flush=True)


def cut_off(address):
    subprocess.run(["ip", "route", "add", "unreachable", address], check=True)


def accept(listener, words):
    start = time.monotonic()
    try:
        return step("accept", listener.accept)
    except Failed:
        print("after", round(time.monotonic() - start), "s", flush=True)
        if "named" in words:
            start = time.monotonic()
            name = step("getsockname", listener.getsockname)
            late = time.monotonic() - start > 9
            print("named", name[0], "late" if late else "in time", flush=True)
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
        port = 9 if "miscalled" in words else name[1]
        says = words[words.index("says") + 1] if "says" in words else ""
        control.sendall(f"CALL {target} {port} 0 {says}\n".encode())
    if "hangs-up" in words:
        control.shutdown(socket.SHUT_WR)
    if any(word.startswith("order-") for word in words):
        order(control, listener, words)
    if "closes" in words:
        listener.close()
        return
    wait(listener, words)
    listener.setblocking("nonblocking" not in words)
    data, peer = accept(listener, words)
    print("accept", peer[0], peer[1],
          "as" if peer[0] == control.getpeername()[0] else "not as",
          "the control's", flush=True)
    print("data", data.makefile().readline().strip(), flush=True)
    data.sendall(b"echo\n")
    print("data", data.makefile().readline().strip(), flush=True)
    if "cut-off" in words:
        cut_off(words[words.index("cut-off") + 1])
        accept(listener, words)


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
