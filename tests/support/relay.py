# SPDX-License-Identifier: MIT
"""relay.py - the relay of one UDP association, for proxy.py: scripted, too."""

import asyncio
import ipaddress
import struct


class BadDatagram(Exception):
    """The client sent something that the protocol does not allow."""


def unwrap(data):
    """RSV FRAG ATYP DST.ADDR DST.PORT DATA: host, port, data."""
    reserved, frag, atyp = struct.unpack("!HBB", data[:4])
    if reserved or frag:
        raise BadDatagram(f"RSV {reserved}, FRAG {frag}")
    if atyp == 3:
        length, at = data[4], 5
        host = data[5:5 + length].decode("latin-1")
    elif atyp in (1, 4):
        length, at = 4 if atyp == 1 else 16, 4
        host = str(ipaddress.ip_address(data[4:4 + length]))
    else:
        raise BadDatagram(f"ATYP {atyp}")
    at += length
    port, = struct.unpack("!H", data[at:at + 2])
    return host, port, data[at + 2:]


def wrap(frag, host, port, data):
    try:
        address = ipaddress.ip_address(host)
        name = bytes([1 if address.version == 4 else 4]) + address.packed
    except ValueError:
        name = bytes([3, len(host)]) + host.encode()
    return bytes([0, 0, frag]) + name + struct.pack("!H", port) + data


def put(transport, data, addr):
    """As the transport's sendto, which drops what is empty."""
    try:
        transport.get_extra_info("socket")._sock.sendto(data, addr)
    except OSError:
        pass


class Far(asyncio.DatagramProtocol):
    """The side of a relay that the world sees."""

    def __init__(self, relay):
        self.relay = relay

    def datagram_received(self, data, addr):
        self.relay.answer(data, addr)


class Relay(asyncio.DatagramProtocol):
    """The client's side; script and proxy are proxy.py's, end() ends the association."""

    def __init__(self, proxy, script, end):
        self.proxy = proxy
        self.script = script
        self.end = end
        self.transport = self.foreign = None
        self.far = {}
        self.peer = self.noise = None
        self.count = 0
        self.called = {}
        self.held = []

    async def open(self, own):
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(
            lambda: self, (own, self.script.number("udp")))
        self.foreign, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, (own, 0))
        for version, anywhere in ((4, "0.0.0.0"), (6, "::")):
            self.far[version], _ = await loop.create_datagram_endpoint(
                lambda: Far(self), (anywhere, 0))
        if "udp.noise" in self.script:
            self.noise = asyncio.create_task(self.make_noise())
        return self.transport.get_extra_info("sockname")[:2]

    async def make_noise(self):
        while True:
            await asyncio.sleep(self.script.number("udp.noise") / 1000)
            if self.peer:
                for _ in range(self.script.number("udp.din", 1)):
                    put(self.transport, b"\0\0\0\x09noise", self.peer)

    def datagram_received(self, data, addr):
        self.peer = addr
        try:
            host, port, rest = unwrap(data)
        except (BadDatagram, IndexError, ValueError, struct.error) as error:
            self.proxy.log({"error": f"a bad datagram: {error}"})
            return
        self.proxy.log({"udp": len(rest), "from": addr[0], "sport": addr[1],
                        "dst": host, "port": port})
        called, host = host, self.proxy.names.get(host.lower(), host)
        self.called[host] = called
        put(self.far[ipaddress.ip_address(host).version], rest, (host, port))

    def answer(self, data, source):
        """Passed on, or kept until there are enough to be turned round."""
        self.held.append((data, source))
        if len(self.held) < self.script.number("udp.reverse", 1):
            return
        while self.held:
            self.pass_on(*self.held.pop())

    def pass_on(self, data, source):
        host, port = self.script.text("udp.source", source[0]), source[1]
        if "udp.names" in self.script:
            host = self.called.get(host, host)
        if "udp.foreign" in self.script:
            put(self.foreign, wrap(0, host, port, b"evil"), self.peer)
        for raw in filter(None, self.script.text("udp.before", "").split("+")):
            put(self.transport, bytes.fromhex(raw), self.peer)
        pieces = self.script.number("udp.fragments", 1)
        size = -(-len(data) // pieces)
        for i in range(pieces):
            frag = 0 if pieces == 1 else i + 1
            if pieces > 1 and i == pieces - 1:
                frag |= 0x80
            put(self.transport,
                wrap(frag, host, port, data[i * size:(i + 1) * size]),
                self.peer)
        self.count += 1
        if self.count == self.script.number("udp.end"):
            self.end()
        if self.count == self.script.number("udp.shut"):
            self.transport.close()

    def close(self):
        if self.noise:
            self.noise.cancel()
        for transport in (self.transport, self.foreign, *self.far.values()):
            if transport:
                transport.close()
