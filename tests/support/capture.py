#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""capture.py INTERFACE FILE - writes every packet of an interface to a pcap file.

tcpdump would do, but in a user namespace with one user it refuses to start.
Prints "listening" when nothing will be missed any more. At SIGTERM it takes what
the kernel still holds and ends; with status 1 if the kernel had to drop any.
"""

import mmap
import select
import signal
import socket
import struct
import sys

ETH_P_ALL = 0x0003
LINKTYPE_ETHERNET = 1
SOL_PACKET = 263
PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION = 5, 6, 10
TPACKET_V2 = 1
STATUS_KERNEL, STATUS_USER = 0, 1

# 32 MiB of frames: a ring may be as large as that without any privilege, which
# a socket's own buffer may not.
FRAME = 512
FRAMES = 1 << 16
BLOCK = 1 << 16


class Ring:
    """A packet socket that the kernel writes to a ring of frames."""

    def __init__(self, interface):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        self.sock.setsockopt(SOL_PACKET, PACKET_RX_RING, struct.pack(
            "IIII", BLOCK, FRAME * FRAMES // BLOCK, FRAME, FRAMES))
        self.memory = mmap.mmap(self.sock.fileno(), FRAME * FRAMES)
        self.next = 0
        self.sock.bind((interface, ETH_P_ALL))

    def packets(self):
        """What has come since the last time: (s, ns, length, bytes)."""
        while True:
            at = self.next * FRAME
            status, length, kept, start, _, seconds, nanoseconds = (
                struct.unpack_from("=IIIHHII", self.memory, at))
            if not status & STATUS_USER:
                return
            data = self.memory[at + start:at + start + kept]
            yield seconds, nanoseconds, length, data
            struct.pack_into("=I", self.memory, at, STATUS_KERNEL)
            self.next = (self.next + 1) % FRAMES

    def dropped(self):
        return struct.unpack("II", self.sock.getsockopt(
            SOL_PACKET, PACKET_STATISTICS, 8))[1]


def drain(ring, out):
    for seconds, nanoseconds, length, data in ring.packets():
        out.write(struct.pack("=IIII", seconds, nanoseconds // 1000,
                              len(data), length))
        out.write(data)


def main():
    interface, path = sys.argv[1:]
    stop_reader, stop_writer = socket.socketpair()
    stop_writer.setblocking(False)
    signal.set_wakeup_fd(stop_writer.fileno())
    signal.signal(signal.SIGTERM, lambda *_: None)

    ring = Ring(interface)
    with open(path, "wb") as out:
        out.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, FRAME,
                              LINKTYPE_ETHERNET))
        print("listening", flush=True)
        stop = False
        while not stop:
            ready, _, _ = select.select([ring.sock, stop_reader], [], [])
            stop = stop_reader in ready
            drain(ring, out)
    if ring.dropped():
        sys.exit("capture.py: the kernel had to drop packets")


if __name__ == "__main__":
    main()
