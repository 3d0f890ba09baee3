#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""stun.py ADDRESS PORT - says who asks, as a STUN server (RFC 8489): Binding alone, IPv4"""

import socket
import struct
import sys

BINDING, SUCCESS, XOR_MAPPED_ADDRESS = 0x0001, 0x0101, 0x0020
COOKIE = 0x2112A442


def answer(query, peer):
    """None: it is no question."""
    kind, _, cookie, transaction = struct.unpack("!HHI12s", query[:20])
    if kind != BINDING or cookie != COOKIE:
        return None
    port = peer[1] ^ COOKIE >> 16
    address = struct.unpack("!I", socket.inet_aton(peer[0]))[0] ^ COOKIE
    mapped = struct.pack("!HHxBHI", XOR_MAPPED_ADDRESS, 8, 1, port, address)
    return struct.pack("!HHI12s", SUCCESS, len(mapped), COOKIE,
                       transaction) + mapped


def main():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((sys.argv[1], int(sys.argv[2])))
    print("listening", flush=True)
    while True:
        query, peer = sock.recvfrom(2000)
        reply = answer(query, peer) if len(query) >= 20 else None
        if reply is not None:
            print(*peer, flush=True)
            sock.sendto(reply, peer)


main()
