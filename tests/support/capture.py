#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""capture.py INTERFACE FILE - writes every packet of an interface to a pcap file.

tcpdump would do, but in a user namespace with one user it refuses to start.
Prints "listening" when nothing will be missed any more. At SIGTERM it takes what
the kernel still holds and ends; with status 1 if the kernel had to drop any.
"""

import select
import signal
import socket
import struct
import sys
import time

SNAPSHOT = 256
ETH_P_ALL = 0x0003
SOL_PACKET = 263
PACKET_STATISTICS = 6
LINKTYPE_ETHERNET = 1


def open_socket(interface):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                         socket.htons(ETH_P_ALL))
    sock.bind((interface, ETH_P_ALL))
    try:
        so_rcvbufforce = 33
        sock.setsockopt(socket.SOL_SOCKET, so_rcvbufforce, 64 << 20)
    except OSError:
        pass
    sock.setblocking(False)
    return sock


def drain(sock, out):
    """Writes all that the kernel holds; returns when there is no more."""
    buffer = bytearray(SNAPSHOT)
    while True:
        try:
            length = sock.recv_into(buffer, 0, socket.MSG_TRUNC)
        except BlockingIOError:
            return
        kept = min(length, SNAPSHOT)
        now = time.time_ns()
        out.write(struct.pack("=IIII", now // 10**9, now // 1000 % 10**6,
                              kept, length))
        out.write(buffer[:kept])


def main():
    interface, path = sys.argv[1:]
    stop_reader, stop_writer = socket.socketpair()
    stop_writer.setblocking(False)
    signal.set_wakeup_fd(stop_writer.fileno())
    signal.signal(signal.SIGTERM, lambda *_: None)

    sock = open_socket(interface)
    with open(path, "wb") as out:
        out.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, SNAPSHOT,
                              LINKTYPE_ETHERNET))
        print("listening", flush=True)
        while True:
            ready, _, _ = select.select([sock, stop_reader], [], [])
            drain(sock, out)
            if stop_reader in ready:
                break
    dropped = struct.unpack("II", sock.getsockopt(
        SOL_PACKET, PACKET_STATISTICS, 8))[1]
    if dropped:
        sys.exit(f"capture.py: the kernel dropped {dropped} packets")


if __name__ == "__main__":
    main()
