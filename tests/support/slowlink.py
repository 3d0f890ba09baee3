#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""slowlink.py MS NEAR-PID NEAR-NAME FAR-PID FAR-NAME [ADDRESS=CODE...]

A link that takes time. Makes a TUN device in the network namespace of each of two processes, under the
names given, and hands packets from one to the other, each after MS
milliseconds. So a connect over it takes as long as a real one, and what a
program does meanwhile can be looked at. What the near side sends to one of the
ADDRESSes is answered with ICMP "destination unreachable" of that CODE: here, not
by the kernel, which answers only so often. Says "linked" when both are up.
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


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def unreachable4(packet, code):
    """ICMP from where the packet went: its header and eight bytes more."""
    quote = packet[:28]
    icmp = struct.pack("!BBH4x", 3, code, 0) + quote
    icmp = struct.pack("!BBH4x", 3, code, checksum(icmp)) + quote
    head = struct.pack("!BBHIBBH4s4s", 0x45, 0, 20 + len(icmp), 0, 64, 1, 0,
                       packet[16:20], packet[12:16])
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + icmp


def unreachable6(packet, code):
    quote = packet[:60]
    ends = packet[24:40] + packet[8:24]
    icmp = struct.pack("!BBH4x", 1, code, 0) + quote
    pseudo = ends + struct.pack("!II", len(icmp), 58)
    icmp = struct.pack("!BBH4x", 1, code, checksum(pseudo + icmp)) + quote
    return struct.pack("!IHBB", 0x60000000, len(icmp), 58, 64) + ends + icmp


class Refusals:
    """The addresses that are unreachable, and what tells so."""

    def __init__(self, words):
        self.codes = {}
        for address, code in (word.split("=") for word in words):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self.codes[socket.inet_pton(family, address)] = int(code)

    def answer(self, packet):
        if packet[0] >> 4 == 4 and packet[16:20] in self.codes:
            return unreachable4(packet, self.codes[packet[16:20]])
        if packet[0] >> 4 == 6 and packet[24:40] in self.codes:
            return unreachable6(packet, self.codes[packet[24:40]])
        return None


def carry(loop, delay, source, sink, refusals=Refusals([])):
    def put(packet):
        try:
            answer = refusals.answer(packet)
            os.write(source if answer else sink, answer or packet)
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
    carry(loop, delay, near, far, Refusals(sys.argv[6:]))
    carry(loop, delay, far, near)
    print("linked", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(main())
