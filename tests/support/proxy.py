#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""proxy.py - a SOCKS5 proxy that does what it is told, also what is wrong.

    proxy.py [--log FILE] [--name NAME=ADDRESS]... --at=HOST:PORT[=SCRIPT]...

Each --at is a listener with a script of its own: words with commas between.
Without a script it is a proxy as RFC 1928 and 1929 have it; CONNECT and BIND relay.

Its answers are "method" (to the greeting), "auth" (to the credentials), "reply" (to a
CONNECT), "bind" (the first one to a BIND) and "second" (the one when somebody has
connected). How an answer is sent (STAGE is one of these):
    STAGE.delay=MS     after a pause
    STAGE.drip=MS      byte by byte, with pauses
    STAGE.split=K      in two segments, the first of K bytes
    STAGE.cut=K        K bytes of it, then the end of the stream
    STAGE.reset=K      K bytes of it, then a reset
    STAGE.flip=K       with all bits of byte K turned over
    STAGE.bytes=HEX    other bytes in its place
    STAGE.append=TEXT  with TEXT in the same segment; \\n in it is a newline
    STAGE.flood=N      with N more bytes after it
    STAGE.silent       not at all; the connection stays open
    STAGE.silent=N     likewise, to the first N connections
What an answer says:
    method=N           this method, whatever was offered (255: none is good)
    user=NAME:PASSWORD username and password are required
    auth.version=N     VER of the answer to credentials
    auth.status=N      STATUS, whatever the credentials
    rep=N              this REP; nothing is dialled
    atyp=N             the form of BND.ADDR: 1, 3, 4, or 0 (no address at all)
    bound=HOST:PORT    BND itself; HOST may be empty for atyp=3
    tail=none|short    a reply cut after 2 or 4 bytes, then the end of the stream
    close              the end of the stream after the reply
    linger=MS          a pause before that end
    bind.rep=N         this REP to a BIND; nothing is bound
    bind.bound=HOST:PORT  BND of the first reply; port 0 is the real one
    bind.tail=none|short  a first reply cut after 2 or 4 bytes, then the end of the stream
    second.rep=N       this REP when somebody has connected
    second.bound=HOST:PORT  BND of the second reply
And of the relay that UDP ASSOCIATE gets, where the script has udp=PORT (0: any):
    udp.announce=HOST  BND.ADDR in place of the relay's own
    udp.foreign        "evil", from another port, before each answer
    udp.before=HEX+HEX raw datagrams from the relay before each answer
    udp.fragments=N    answers in N fragments
    udp.source=HOST    this in place of the answer's source, a name or an address
    udp.names          answers come from the name that was sent to
    udp.reverse=N      answers are kept until there are N, and come in reverse order
    udp.end=N          the end of the connection after N answers
    udp.shut=N         no relay any more after N answers; the connection stays
    udp.noise=MS       a malformed datagram each so many milliseconds
    udp.din=N          so many of them
And of the listener:
    sweep=MANNER       the N-th connection has its N-th byte, of all the answers
                       together, flipped, late (a pause before it), cut or reset
                       (at it)
    accepts=N          after N connections, the others are reset
    dead               CONNECT succeeds without dialling and swallows all bytes

The log has a JSON object per line for each request: time, at (the listener's
port), from, offered (methods), method, user, command, atyp, dst, port; one
with an "error" for each connection that ended before its request; and for a BIND one
with "bound" (its port) and one with what became of it, "accepted" (from whom) or
"given_up" (the client closed); for each datagram one with "udp" (its length), from,
sport, dst, port.
"""

import argparse
import asyncio
import errno
import ipaddress
import json
import resource
import socket
import struct
import time

from relay import Relay

VERSION = 5
METHOD_NONE, METHOD_USERPASS, METHOD_UNACCEPTABLE = 0x00, 0x02, 0xff
CONNECT, BIND, UDP_ASSOCIATE = 1, 2, 3
SUCCEEDED, GENERAL_FAILURE, HOST_UNREACHABLE, NOT_SUPPORTED = 0, 1, 4, 7
REP_OF_ERRNO = {
    errno.EACCES: 2,
    errno.ENETUNREACH: 3,
    errno.EHOSTUNREACH: 4,
    errno.ECONNREFUSED: 5,
    errno.ETIMEDOUT: 6,
    errno.EAFNOSUPPORT: 8,
}
ATYP_NOTHING, ATYP_IPV4, ATYP_NAME, ATYP_IPV6 = 0, 1, 3, 4
STAGES = ("method", "auth", "reply", "bind", "second")
SPLIT_PAUSE = 0.05
SWEEP_PAUSE = 0.03


class Violation(Exception):
    """The client said something that the protocol does not allow."""


class Ended(Exception):
    """The script has ended this connection."""


class Script:
    """What one listener is to do: the words, by name."""

    KNOWN = {"method", "user", "auth.version", "auth.status", "rep", "atyp",
             "bound", "tail", "close", "linger", "accepts", "dead",
             "bind.rep", "bind.bound", "bind.tail", "second.rep",
             "second.bound", "sweep", "udp", "udp.announce", "udp.foreign",
             "udp.before", "udp.fragments", "udp.source", "udp.names",
             "udp.reverse", "udp.end", "udp.shut", "udp.noise",
             "udp.din"}
    MANNERS = {"delay", "drip", "split", "cut", "reset", "flip", "bytes",
               "append", "flood", "silent"}

    def __init__(self, text):
        self.words = {}
        for word in filter(None, text.split(",")):
            key, _, value = word.partition("=")
            stage, _, manner = key.partition(".")
            if key not in self.KNOWN and not (
                    stage in STAGES and manner in self.MANNERS):
                raise SystemExit(f"proxy.py: unknown word in a script: {key}")
            self.words[key] = value

    def __contains__(self, key):
        return key in self.words

    def text(self, key, default=None):
        return self.words.get(key, default)

    def number(self, key, default=None):
        return int(self.words[key], 0) if key in self.words else default

    def seconds(self, key):
        return self.number(key, 0) / 1000


def reset(writer):
    """Ends a connection with RST in place of FIN."""
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Answerer:
    """Sends the answers of one connection in the manner that the script says."""

    def __init__(self, script, turn, reader, writer):
        self.script = script
        self.turn = turn
        self.at = turn  # the byte of a sweep, counted from the next answer
        self.reader = reader
        self.writer = writer

    async def sweep(self, answer):
        """Sends an answer in which, maybe, one byte is not as it should be."""
        at, self.at = self.at, self.at - len(answer)
        manner = self.script.text("sweep")
        if not 0 <= at < len(answer):
            await self.write(answer)
        elif manner == "flip":
            await self.write(
                answer[:at] + bytes([answer[at] ^ 0xff]) + answer[at + 1:])
        elif manner == "late":
            await self.in_pieces([answer[:at], answer[at:]], SWEEP_PAUSE)
        else:
            await self.write(answer[:at])
            if manner == "reset":
                await asyncio.sleep(SWEEP_PAUSE)
                reset(self.writer)
            raise Ended

    async def send(self, stage, answer):
        if "sweep" in self.script:
            await self.sweep(answer)
            return

        def has(manner):
            return f"{stage}.{manner}" in self.script

        def number(manner):
            return self.script.number(f"{stage}.{manner}")

        silent = self.script.text(f"{stage}.silent")

        if silent is not None and (not silent or self.turn < int(silent)):
            await swallow(self.reader)
            raise Ended
        if has("delay"):
            await asyncio.sleep(number("delay") / 1000)
        if has("bytes"):
            answer = bytes.fromhex(self.script.text(f"{stage}.bytes"))
        if has("flip"):
            at = number("flip")
            answer = answer[:at] + bytes([answer[at] ^ 0xff]) + answer[at + 1:]
        if has("cut"):
            await self.write(answer[:number("cut")])
            raise Ended
        if has("reset"):
            await self.write(answer[:number("reset")])
            await asyncio.sleep(SPLIT_PAUSE)
            reset(self.writer)
            raise Ended
        if has("append"):
            text = self.script.text(f"{stage}.append")
            answer += text.replace("\\n", "\n").encode()
        if has("flood"):
            answer += b"x" * number("flood")
        if has("drip"):
            await self.in_pieces([bytes([b]) for b in answer],
                                 number("drip") / 1000)
        elif has("split"):
            at = number("split")
            await self.in_pieces([answer[:at], answer[at:]], SPLIT_PAUSE)
        else:
            await self.write(answer)

    async def in_pieces(self, pieces, pause):
        for piece in pieces:
            await self.write(piece)
            await asyncio.sleep(pause)

    async def write(self, data):
        self.writer.write(data)
        await self.writer.drain()


def pack_address(atyp, host, port):
    """ATYP, BND.ADDR, BND.PORT."""
    if atyp == ATYP_NOTHING:
        return bytes([ATYP_NOTHING])
    if atyp == ATYP_NAME:
        octets = bytes([len(host)]) + host.encode()
    else:
        octets = ipaddress.ip_address(host).packed
    return bytes([atyp]) + octets + struct.pack("!H", port)


def split_host_port(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def rep_of(error):
    """What a proxy says of an OSError."""
    if isinstance(error, socket.gaierror):
        return HOST_UNREACHABLE
    return REP_OF_ERRNO.get(error.errno, GENERAL_FAILURE)


class Client:
    """One connection: greeting, credentials, request, and what comes of it."""

    def __init__(self, proxy, listener, reader, writer):
        self.proxy = proxy
        self.script = listener.script
        self.reader = reader
        self.writer = writer
        self.answerer = Answerer(self.script, listener.accepted - 1, reader,
                                 writer)
        self.record = {"time": time.time(), "at": listener.port,
                       "from": writer.get_extra_info("peername")[0]}

    async def serve(self):
        try:
            await self.negotiate()
            command, host, port = await self.request()
        except Violation as violation:
            self.log(error=str(violation))
            return
        except (asyncio.IncompleteReadError, ConnectionError):
            self.log(error="the client closed")
            return
        self.log(command=command, dst=host, port=port)
        await self.carry_out(command, host, port)

    def log(self, **more):
        self.proxy.log({**self.record, **more})

    async def negotiate(self):
        version, count = await self.reader.readexactly(2)
        offered = list(await self.reader.readexactly(count))
        self.record["offered"] = offered
        if version != VERSION or not count:
            raise Violation(f"greeting of version {version}, {count} methods")
        method = self.choose(offered)
        self.record["method"] = method
        await self.answerer.send("method", bytes([VERSION, method]))
        if method == METHOD_USERPASS:
            await self.authenticate()
        elif method not in offered:
            if await self.reader.read(1):
                raise Violation("spoke on after a method that it has not")
            raise Violation("the client closed, as it must")

    def choose(self, offered):
        if "method" in self.script:
            return self.script.number("method")
        wanted = METHOD_USERPASS if "user" in self.script else METHOD_NONE
        return wanted if wanted in offered else METHOD_UNACCEPTABLE

    async def authenticate(self):
        version = (await self.reader.readexactly(1))[0]
        fields = []
        for _ in range(2):
            length = (await self.reader.readexactly(1))[0]
            fields.append((await self.reader.readexactly(length)).decode())
        self.record["user"] = fields[0]
        if version != 1:
            raise Violation(f"credentials of version {version}")
        good = ":".join(fields) == self.script.text("user", "")
        status = self.script.number("auth.status", 0 if good else 1)
        await self.answerer.send(
            "auth", bytes([self.script.number("auth.version", 1), status]))
        if status:
            raise Violation("wrong credentials")

    async def request(self):
        version, command, reserved, atyp = await self.reader.readexactly(4)
        self.record["atyp"] = atyp
        if version != VERSION or reserved:
            raise Violation(f"request of version {version}, RSV {reserved}")
        if atyp == ATYP_NAME:
            length = (await self.reader.readexactly(1))[0]
            host = (await self.reader.readexactly(length)).decode("latin-1")
        elif atyp in (ATYP_IPV4, ATYP_IPV6):
            octets = await self.reader.readexactly(
                4 if atyp == ATYP_IPV4 else 16)
            host = str(ipaddress.ip_address(octets))
        else:
            raise Violation(f"request of ATYP {atyp}")
        port, = struct.unpack("!H", await self.reader.readexactly(2))
        return command, host, port

    async def carry_out(self, command, host, port):
        if "rep" in self.script:
            rep = self.script.number("rep")
            await self.reply(rep)
            if rep == SUCCEEDED:
                await swallow(self.reader)
        elif "dead" in self.script:
            await self.reply(SUCCEEDED)
            await swallow(self.reader)
        elif command == CONNECT:
            await self.connect(host, port)
        elif command == BIND:
            await self.bind(host, port)
        elif command == UDP_ASSOCIATE and "udp" in self.script:
            await self.associate()
        else:
            await self.reply(NOT_SUPPORTED)

    async def connect(self, host, port):
        try:
            reader, writer = await asyncio.open_connection(
                self.proxy.names.get(host.lower(), host), port)
        except OSError as error:
            await self.reply(rep_of(error))
            return
        try:
            await self.reply(SUCCEEDED, writer.get_extra_info("sockname"))
            await asyncio.gather(pump(self.reader, writer),
                                 pump(reader, self.writer))
        finally:
            writer.close()

    async def bind(self, host, port):
        rep = self.script.number("bind.rep", SUCCEEDED)
        if rep != SUCCEEDED:
            await self.say("bind", rep)
            return
        listener = socket.create_server(
            (outside(self.proxy.names.get(host.lower(), host)), 0),
            family=family_of(host, self.proxy.names))
        listener.setblocking(False)
        with listener:
            bound = listener.getsockname()
            self.log(bound=bound[1])
            await self.say("bind", SUCCEEDED, bound)
            caller = await self.wait_for_caller(listener)
        if caller is None:
            return
        reader, writer = await asyncio.open_connection(sock=caller)
        try:
            peer = writer.get_extra_info("peername")
            self.log(accepted=peer[0])
            rep = self.script.number("second.rep", SUCCEEDED)
            await self.say("second", rep, peer)
            if rep == SUCCEEDED:
                await asyncio.gather(pump(self.reader, writer),
                                     pump(reader, self.writer))
        finally:
            writer.close()

    async def associate(self):
        relay = Relay(self.proxy, self.script, self.writer.close)
        try:
            host, port = await relay.open(
                self.writer.get_extra_info("sockname")[0])
            await self.reply(SUCCEEDED,
                             (self.script.text("udp.announce", host), port))
            await swallow(self.reader)
        finally:
            relay.close()

    async def wait_for_caller(self, listener):
        """The socket of who connects, or None when the client closes before."""
        accept = asyncio.create_task(
            asyncio.get_running_loop().sock_accept(listener))
        gone = asyncio.create_task(self.reader.read(1))
        await asyncio.wait({accept, gone},
                           return_when=asyncio.FIRST_COMPLETED)
        if accept.done():
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            return accept.result()[0]
        accept.cancel()
        self.log(given_up=True)
        return None

    async def say(self, stage, rep, bound=("0.0.0.0", 0)):
        """A reply to BIND."""
        host, port = bound[:2]
        if f"{stage}.bound" in self.script:
            host, other = split_host_port(self.script.text(f"{stage}.bound"))
            port = other or port
        answer = bytes([VERSION, rep, 0]) + pack_address(
            self.form_of(host), host, port)
        tail = self.script.text(f"{stage}.tail", "full")
        if tail != "full":
            answer = answer[:{"none": 2, "short": 4}[tail]]
        await self.answerer.send(stage, answer)
        if tail != "full":
            raise Ended

    async def reply(self, rep, bound=("0.0.0.0", 0)):
        host, port = bound[:2]
        if "bound" in self.script:
            host, port = split_host_port(self.script.text("bound"))
        atyp = self.script.number("atyp", self.form_of(host))
        if atyp != self.form_of(host) and "bound" not in self.script:
            host = {ATYP_IPV4: "0.0.0.0", ATYP_IPV6: "::"}.get(
                atyp, "bound.example")
        answer = bytes([VERSION, rep, 0]) + pack_address(atyp, host, port)
        tail = self.script.text("tail", "full")
        if tail != "full":
            answer = answer[:{"none": 2, "short": 4}[tail]]
        await self.answerer.send("reply", answer)
        if tail != "full" or "close" in self.script:
            await asyncio.sleep(self.script.seconds("linger"))
            raise Ended

    @staticmethod
    def form_of(host):
        try:
            version = ipaddress.ip_address(host).version
        except ValueError:
            return ATYP_NAME
        return ATYP_IPV4 if version == 4 else ATYP_IPV6


def family_of(host, names):
    address = ipaddress.ip_address(names.get(host.lower(), host))
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def outside(host):
    """The address of this machine that leads to host; any, for no host."""
    if ipaddress.ip_address(host).is_unspecified:
        host = "10.22.2.2"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))
        return probe.getsockname()[0]


async def swallow(reader):
    """Reads until the other side ends the stream."""
    while await reader.read(1 << 16):
        pass


async def pump(reader, writer):
    """Copies one direction; its end becomes the other side's end."""
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()


class Listener:
    """One --at: an address, a script, and how many connections came."""

    def __init__(self, proxy, text):
        # HOST:PORT[=SCRIPT]; scripts have '=' of their own.
        address, _, script = text.partition("=")
        self.proxy = proxy
        self.host, self.port = split_host_port(address)
        self.script = Script(script)
        self.accepted = 0

    async def listen(self):
        return await asyncio.start_server(
            self.serve, self.host, self.port, backlog=1024)

    async def serve(self, reader, writer):
        self.accepted += 1
        if self.accepted > self.script.number("accepts", self.accepted):
            reset(writer)
            return
        try:
            await Client(self.proxy, self, reader, writer).serve()
        except (Ended, ConnectionError):
            pass
        finally:
            writer.close()


class Proxy:
    """The listeners with what they share: the names and the log."""

    def __init__(self, arguments):
        self.names = dict(pair.lower().split("=", 1)
                          for pair in arguments.name)
        self.file = open(arguments.log, "a") if arguments.log else None
        self.listeners = [Listener(self, text) for text in arguments.at]

    def log(self, record):
        if self.file:
            print(json.dumps(record), file=self.file, flush=True)

    async def run(self):
        servers = [await listener.listen() for listener in self.listeners]
        await asyncio.gather(*(s.serve_forever() for s in servers))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--log", metavar="FILE")
    parser.add_argument("--name", metavar="NAME=ADDRESS", action="append",
                        default=[])
    parser.add_argument("--at", metavar="HOST:PORT[=SCRIPT]", action="append",
                        required=True)
    arguments = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        asyncio.run(Proxy(arguments).run())
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
