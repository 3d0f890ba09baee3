#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""dns.py - a name server of the world, by UDP and TCP, that tells whom it answered

dns.py [--log FILE] [--port PORT] ADDRESS...

Its zone is world.example. (and the reverse names of what is in it); what is not there
does not exist, and other zones are REFUSED. Some names are odd:

    nothing.     is there, and has no records
    broken.      SERVFAIL
    silent.      no answer
    slow.        an answer after a second
    cut.         the connection ends within the answer
    wrong-id.    an answer to another question first
    big.         a TXT of some 4,000 octets
    ad.          AD is set in the answer
    n0. to n99.  each has an address of its own, from 10.22.2.100 on

FILE gets a line per question: "tcp PEER NAME TYPE".
"""
import argparse
import ipaddress
import selectors
import socket
import struct
import threading
import time

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, OPT = \
    1, 2, 5, 6, 12, 15, 16, 28, 33, 41
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
ZONE = "world.example."
TYPES = {A: "A", NS: "NS", CNAME: "CNAME", SOA: "SOA", PTR: "PTR", MX: "MX",
         TXT: "TXT", AAAA: "AAAA", SRV: "SRV", 65: "HTTPS", 255: "ANY"}


def name(text):
    labels = [label for label in text.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode()
                    for label in labels) + b"\0"


def address(text):
    return ipaddress.ip_address(text).packed


def txt(*strings):
    return b"".join(bytes([len(s)]) + s.encode() for s in strings)


RECORDS = {
    "": [(SOA, name("ns." + ZONE) + name("root." + ZONE) +
          struct.pack(">5I", 1, 3600, 600, 86400, 60)),
         (MX, struct.pack(">H", 10) + name("mx." + ZONE)),
         (MX, struct.pack(">H", 20) + name("mx2." + ZONE)),
         (TXT, txt("v=spf1 -all", "second string")),
         (NS, name("ns." + ZONE))],
    "www": [(A, address("10.22.2.2"))],
    "ssh": [(A, address("10.22.2.2"))],
    "other": [(A, address("10.22.2.3"))],
    "dual": [(A, address("10.22.2.2")), (AAAA, address("fd22:2::2"))],
    "many": [(A, address("10.22.2.2")), (A, address("10.22.2.3"))],
    "v6": [(AAAA, address("fd22:2::2"))],
    "alias": [(CNAME, name("second." + ZONE))],
    "second": [(CNAME, name("dual." + ZONE))],
    "_sip._tcp": [(SRV, struct.pack(">3H", 1, 2, 5060) + name("www." + ZONE))],
    "big": [(TXT, b"".join(txt("x" * 250) for _ in range(16)))],
    "slow": [(A, address("10.22.2.2"))],
    "cut": [(A, address("10.22.2.2"))],
    "wrong-id": [(A, address("10.22.2.2"))],
    "ad": [(A, address("10.22.2.2"))],
    "nothing": [],
    **{f"n{i}": [(A, address(f"10.22.2.{100 + i}"))] for i in range(100)},
}
REVERSE = {
    ipaddress.ip_address(host).reverse_pointer + ".": "www." + ZONE
    for host in ("10.22.2.2", "fd22:2::2", "10.22.2.9", "fd22:2::9")
}
REVERSE_ZONES = ("22.10.in-addr.arpa.", "2.2.d.f.ip6.arpa.")


def records_of(asked):
    """The records of a name, None if it does not exist, or False: not our zone."""
    if asked in REVERSE:
        return [(PTR, name(REVERSE[asked]))]
    if asked.endswith(REVERSE_ZONES):
        return None
    if asked != ZONE and not asked.endswith("." + ZONE):
        return False
    return RECORDS.get(asked[:-len(ZONE)].rstrip("."))


def answer(asked, kind):
    """The RCODE and the records, each with its owner."""
    found = []
    while True:
        records = records_of(asked)
        if records is False:
            return REFUSED, []
        if records is None:
            return NXDOMAIN, found
        found += [(asked, t, data) for t, data in records
                  if t == kind or kind == 255 or t == CNAME]
        alias = [data for t, data in records if t == CNAME]
        if not alias or kind == CNAME:
            return NOERROR, found
        asked = read_name(alias[0], 0)[0]


def read_name(message, at):
    labels = []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1"))
        at += 1 + message[at]
    return ".".join(labels) + ".", at + 1


def reply_to(query, stream):
    """The label that makes it odd, a line for the log, and the reply's bytes."""
    ident, flags, questions = struct.unpack_from(">3H", query)
    asked, at = read_name(query, 12)
    kind, = struct.unpack_from(">H", query, at)
    question = query[12:at + 4]
    lower = asked.lower()
    rcode, found = answer(lower, kind)
    label = lower.split(".")[0]
    if label in ("broken", "silent"):
        rcode, found = SERVFAIL, []
    body = b"".join(
        (b"\xc0\x0c" if owner == lower else name(owner)) +
        struct.pack(">2HIH", t, 1, 60, len(data)) + data
        for owner, t, data in found)
    flags = 0x8080 | flags & 0x0100 | rcode | (0x20 if label == "ad" else 0)
    count = len(found)
    if not stream and 12 + len(question) + len(body) > 512:
        flags, body, count = flags | 0x0200, b"", 0
    reply = struct.pack(">6H", ident, flags, questions, count, 0, 0) + \
        question + body
    return label, "%s %s" % (asked, TYPES.get(kind, str(kind))), reply


class Server:
    def __init__(self, log):
        self.log = log
        self.lock = threading.Lock()

    def note(self, how, peer, line):
        if self.log:
            with self.lock:
                print(how, peer[0], line, file=self.log, flush=True)

    def datagram(self, sock):
        query, peer = sock.recvfrom(65535)
        label, line, reply = reply_to(query, False)
        self.note("udp", peer, line)
        if label == "slow":
            time.sleep(1)
        if label != "silent":
            sock.sendto(reply, peer)

    def stream(self, sock, peer):
        with sock, sock.makefile("rb") as lines:
            while True:
                size = lines.read(2)
                if len(size) < 2:
                    return
                query = lines.read(struct.unpack(">H", size)[0])
                label, line, reply = reply_to(query, True)
                self.note("tcp", peer, line)
                if label == "silent":
                    continue
                if label == "slow":
                    time.sleep(1)
                if label == "wrong-id":
                    other = bytes([reply[0] ^ 1]) + reply[1:]
                    sock.sendall(struct.pack(">H", len(other)) + other)
                framed = struct.pack(">H", len(reply)) + reply
                if label == "cut":
                    sock.sendall(framed[:-5])
                    return
                sock.sendall(framed)

    def accept(self, sock):
        stream, peer = sock.accept()
        threading.Thread(target=self.stream, args=(stream, peer),
                         daemon=True).start()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log")
    parser.add_argument("--port", type=int, default=53)
    parser.add_argument("addresses", nargs="+")
    options = parser.parse_args()
    server = Server(open(options.log, "a") if options.log else None)
    selector = selectors.DefaultSelector()
    for host in options.addresses:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        datagrams = socket.socket(family, socket.SOCK_DGRAM)
        datagrams.bind((host, options.port))
        streams = socket.socket(family, socket.SOCK_STREAM)
        streams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        streams.bind((host, options.port))
        streams.listen(64)
        selector.register(datagrams, selectors.EVENT_READ, server.datagram)
        selector.register(streams, selectors.EVENT_READ, server.accept)
    while True:
        for key, _ in selector.select():
            key.data(key.fileobj)


main()
