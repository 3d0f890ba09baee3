#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""slowlink.py MS NEAR-PID NEAR-NAME FAR-PID FAR-NAME - a link that takes time

Makes a TUN device in the network namespace of each of two processes, under the
names given, and hands packets from one to the other, each after MS
milliseconds. So a connect over it takes as long as a real one, and what a
program does meanwhile can be looked at. Says "linked" when both are up.
"""

import asyncio
import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
CLONE_NEWNET = 0x40000000

LIBC = ctypes.CDLL(None, use_errno=True)


def enter(pid):
    with open(f"/proc/{pid}/ns/net", encoding="ascii") as ns:
        if LIBC.setns(ns.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def make_tun(pid, name):
    enter(pid)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    request = struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI)
    fcntl.ioctl(tun, TUNSETIFF, request)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = fcntl.ioctl(any_socket, SIOCGIFFLAGS, request)
        flags = struct.unpack_from("H", flags, 16)[0]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS,
                    struct.pack("16sH22x", name.encode(), flags | IFF_UP))
    return tun


def carry(loop, delay, source, sink):
    def put(packet):
        try:
            os.write(sink, packet)
        except OSError:
            pass  # as any network may lose a packet

    def take():
        while True:
            try:
                packet = os.read(source, 65536)
            except BlockingIOError:
                return
            loop.call_later(delay, put, packet)

    loop.add_reader(source, take)


async def main():
    delay = int(sys.argv[1]) / 1000
    near = make_tun(int(sys.argv[2]), sys.argv[3])
    far = make_tun(int(sys.argv[4]), sys.argv[5])
    loop = asyncio.get_running_loop()
    carry(loop, delay, near, far)
    carry(loop, delay, far, near)
    print("linked", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(main())
