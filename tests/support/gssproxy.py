#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gssproxy.py - a SOCKS5 proxy that wants GSSAPI (RFC 1961), and does what it is told.

    gssproxy.py [--log FILE] [--name NAME=ADDRESS]... --at=HOST:PORT[=SCRIPT]...

Each --at is a listener with a script of its own: words with commas between. Without one
it takes the level that the client asks for; CONNECT, BIND and UDP ASSOCIATE relay. Its key
is in the keytab that KRB5_KTNAME names. The words:
    level=N        this level, whatever was asked for (0 clear, 1 integrity,
                   2 confidentiality, 3 either for each message: it takes turns)
    nec            the level goes both ways without protection
    method=N       this method, whatever was offered
    abort=N        0x01 0xff in the place of the N-th token of the context
    junk=N         bytes that are no token in the place of the N-th one
    end=N          the end of the stream in the place of the N-th token or later message
    level.raw=HEX  these bytes in the place of the message with the level
    level.end      the end of the stream in its place
    level.flip     that message with a bit turned over
    drip           every byte alone, with pauses, until the reply is out
    flip=N         the N-th message after the level has a bit turned over
    cut=N          half of the N-th message, then the end of the stream
    raw=N:HEX      these bytes in the place of the N-th message
    twice=N        the N-th message is sent again behind it
    drop=N         the N-th message is not sent
    plain=N        the N-th message is wrapped for integrity alone
    empty          messages of no content before each
    most           messages as large as can be
    rep=N          this REP
    udp.flip=N, udp.twice=N  the N-th answer of the relay
    udp.raw=HEX    this datagram before each answer
    udp.none       REP 7 to UDP ASSOCIATE

The log has a JSON object per line: at (the listener's port), user, asked and level, command,
dst, port; one for each datagram, with its length as "udp"; one with "error" for what a
client said that cannot be.
"""

import argparse
import ipaddress
import itertools
import json
import socket
import struct
import threading
import time

import gssapi

AUTHENTICATION, PROTECTION, ENCAPSULATED, ABORT = 1, 2, 3, 0xff
CONNECT, BIND, UDP_ASSOCIATE = 1, 2, 3
WORDS = {"level", "nec", "method", "abort", "junk", "end", "level.raw", "level.flip", "level.end",
         "drip", "flip", "cut", "raw", "twice", "drop", "plain", "empty", "most", "rep",
         "udp.flip", "udp.twice", "udp.raw", "udp.none"}
CHUNKS = (1, 100, 5000, 16000, 30000)
MOST = 65000


class Violation(Exception):
    """The client said something that cannot be."""


class Ended(Exception):
    """The stream has ended, or the script has ended it."""


class Script:
    def __init__(self, text):
        self.words = {}
        for word in filter(None, text.split(",")):
            key, _, value = word.partition("=")
            if key not in WORDS:
                raise SystemExit(f"gssproxy.py: unknown word in a script: {key}")
            self.words[key] = value

    def __contains__(self, key):
        return key in self.words

    def text(self, key):
        return self.words[key]

    def number(self, key, default=None):
        return int(self.words.get(key, default if default is not None else -1), 0) \
            if key in self.words else default

    def is_at(self, key, count):
        return key in self.words and int(self.words[key].partition(":")[0]) == count


def flipped(data):
    """With one bit turned over near the end, where content is."""
    data = bytearray(data)
    data[-1 - len(data) // 8] ^= 4
    return bytes(data)


def put_address(host, port):
    address = ipaddress.ip_address(host)
    kind = 1 if address.version == 4 else 4
    return bytes([kind]) + address.packed + struct.pack(">H", port)


def get_address(data):
    """(host, port, bytes used) of ATYP and what follows."""
    if data[0] == 1:
        host, used = str(ipaddress.IPv4Address(data[1:5])), 5
    elif data[0] == 4:
        host, used = str(ipaddress.IPv6Address(data[1:17])), 17
    elif data[0] == 3:
        used = 2 + data[1]
        host = data[2:used].decode("ascii")
    else:
        raise Violation(f"address type {data[0]}")
    return host, struct.unpack(">H", data[used:used + 2])[0], used + 2


class Connection:
    """One client."""

    def __init__(self, server, sock):
        self.server, self.script, self.sock = server, server.script, sock
        self.dripping = "drip" in self.script
        self.context = gssapi.SecurityContext(usage="accept", creds=server.credentials)
        self.level = None
        self.messages = 0
        self.turns = itertools.count()
        self.lock = threading.Lock()
        self.inbox = b""

    # --- bytes ---

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise Ended
            data += more
        return data

    def send(self, data):
        if not self.dripping:
            self.sock.sendall(data)
            return
        for i in range(len(data)):
            self.sock.sendall(data[i:i + 1])
            time.sleep(0.001)

    # --- messages ---

    def receive_message(self, kind):
        version, mtyp = self.read(2)
        if version != 1 or mtyp != kind:
            raise Violation(f"version {version}, type {mtyp} in place of {kind}")
        length, = struct.unpack(">H", self.read(2))
        return self.read(length)

    @staticmethod
    def message(kind, token):
        return struct.pack(">BBH", 1, kind, len(token)) + token

    def encrypts(self):
        if self.level == 3:
            return next(self.turns) % 2 == 0
        return self.level == 2

    def wrapped(self, data, encrypt):
        return self.message(ENCAPSULATED, self.context.wrap(data, encrypt).message)

    def send_data(self, data):
        """One message after the level, in the manner that the script says."""
        if self.level == 0:
            self.send(data)
            return
        with self.lock:
            if "empty" in self.script:
                self.send(self.wrapped(b"", self.encrypts()))
            self.messages += 1
            n = self.messages
            encrypt = self.encrypts() and not self.script.is_at("plain", n)
            out = self.wrapped(data, encrypt)
            if self.script.is_at("flip", n):
                out = flipped(out)
            if self.script.is_at("raw", n):
                out = bytes.fromhex(self.script.text("raw").partition(":")[2])
            if self.script.is_at("cut", n):
                self.send(out[:len(out) // 2])
                raise Ended
            if self.script.is_at("drop", n):
                return
            self.send(out)
            if self.script.is_at("twice", n):
                self.send(out)

    def receive_data(self):
        if self.level == 0:
            data = self.sock.recv(65536)
            if not data:
                raise Ended
            return data
        result = self.context.unwrap(self.receive_message(ENCAPSULATED))
        if self.level == 2 and not result.encrypted:
            raise Violation("a message that is not encrypted")
        return result.message

    def read_data(self, n):
        """Exactly so many bytes of the content, in however many messages."""
        while len(self.inbox) < n:
            self.inbox += self.receive_data()
        data, self.inbox = self.inbox[:n], self.inbox[n:]
        return data

    # --- the login ---

    def negotiate(self):
        version, n = self.read(2)
        methods = self.read(n)
        method = self.script.number("method", 1 if 1 in methods else 255)
        self.server.note(methods=list(methods))
        self.send(bytes([5, method]))
        if version != 5 or method != 1:
            raise Ended
        self.make_context()
        self.agree()

    def make_context(self):
        n = 0
        while not self.context.complete:
            token = self.context.step(self.receive_message(AUTHENTICATION))
            n += 1
            if self.script.is_at("abort", n):
                self.send(bytes([1, ABORT]))
                raise Ended
            if self.script.is_at("end", n):
                raise Ended
            if self.script.is_at("junk", n):
                token = b"this is no token"
            if token:
                self.send(self.message(AUTHENTICATION, token))

    def agree(self):
        token = self.receive_message(PROTECTION)
        nec = "nec" in self.script
        content = token if nec else self.context.unwrap(token).message
        if len(content) != 1:
            raise Violation("a level of several octets")
        level = self.script.number("level", content[0])
        self.server.note(user=str(self.context.initiator_name), asked=content[0],
                         level=level)
        if "level.end" in self.script:
            raise Ended
        out = bytes([level])
        out = self.message(PROTECTION, out if nec else self.context.wrap(out, False).message)
        if "level.raw" in self.script:
            out = bytes.fromhex(self.script.text("level.raw"))
        if "level.flip" in self.script:
            out = flipped(out)
        self.send(out)
        self.level = level

    # --- requests ---

    def request(self):
        head = self.read_data(5)
        version, command, _, kind, first = head
        rest = {1: 5, 4: 17, 3: first + 2}.get(kind)
        if version != 5 or rest is None:
            raise Violation("a request that is none")
        host, port, _ = get_address(head[3:] + self.read_data(rest))
        self.server.note(command=command, dst=host, port=port)
        return command, host, port

    def reply(self, rep, host="0.0.0.0", port=0):
        self.send_data(bytes([5, rep, 0]) + put_address(host, port))
        self.dripping = False

    def relay(self, far):
        def back():
            try:
                for turn in itertools.count():
                    size = MOST if "most" in self.script else CHUNKS[turn % len(CHUNKS)]
                    data = far.recv(size)
                    if not data:
                        break
                    self.send_data(data)
            except (OSError, Ended, gssapi.exceptions.GSSError):
                pass
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        thread = threading.Thread(target=back, daemon=True)
        thread.start()
        try:
            if self.inbox:
                far.sendall(self.inbox)
            while True:
                far.sendall(self.receive_data())
        except Ended:
            far.shutdown(socket.SHUT_WR)
        thread.join()

    def connect(self, host, port):
        rep = self.script.number("rep", 0)
        if rep:
            self.reply(rep)
            return
        try:
            far = socket.create_connection((self.server.names.get(host, host), port), 10)
        except OSError as error:
            self.reply({111: 5, 113: 4, 101: 3}.get(error.errno, 1))
            return
        far.settimeout(None)
        self.reply(0, *far.getsockname()[:2])
        with far:
            self.relay(far)

    def bind(self, host):
        address = self.server.names.get(host, host)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            own = probe.getsockname()[0]
        with socket.create_server((own, 0)) as listener:
            listener.settimeout(20)
            self.reply(0, *listener.getsockname())
            far, peer = listener.accept()
        self.send_data(bytes([5, 0, 0]) + put_address(*peer))
        with far:
            self.relay(far)

    def associate(self):
        if "udp.none" in self.script:
            self.reply(7)
            return
        near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        near.bind((self.sock.getsockname()[0], 0))
        far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client = []
        answers = itertools.count(1)

        def back():
            while True:
                data, source = far.recvfrom(65536)
                if not client:
                    continue
                n = next(answers)
                out = b"\0\0\0" + put_address(*source) + data
                out = out if self.level == 0 else self.wrapped(out, self.encrypts())
                if "udp.raw" in self.script:
                    near.sendto(bytes.fromhex(self.script.text("udp.raw")), client[0])
                if self.script.is_at("udp.flip", n):
                    out = flipped(out)
                near.sendto(out, client[0])
                if self.script.is_at("udp.twice", n):
                    near.sendto(out, client[0])

        def forth():
            while True:
                data, source = near.recvfrom(65536)
                client[:] = [source]
                try:
                    if self.level != 0:
                        if data[:2] != b"\1\3" or \
                                struct.unpack(">H", data[2:4])[0] != len(data) - 4:
                            raise Violation("a datagram that is no message")
                        result = self.context.unwrap(data[4:])
                        if self.level == 2 and not result.encrypted:
                            raise Violation("a datagram that is not encrypted")
                        data = result.message
                    host, port, used = get_address(data[3:])
                except (Violation, gssapi.exceptions.GSSError) as error:
                    self.server.note(error=str(error))
                    continue
                self.server.note(udp=len(data) - 3 - used, dst=host, port=port)
                far.sendto(data[3 + used:], (self.server.names.get(host, host), port))

        def until_closed(way):
            try:
                way()
            except OSError:
                pass

        for way in back, forth:
            threading.Thread(target=until_closed, args=(way,), daemon=True).start()
        self.reply(0, *near.getsockname())
        try:
            self.receive_data()
        finally:
            for sock in near, far:
                sock.close()

    def run(self):
        try:
            self.negotiate()
            command, host, port = self.request()
            if command == CONNECT:
                self.connect(host, port)
            elif command == BIND:
                self.bind(host)
            elif command == UDP_ASSOCIATE:
                self.associate()
        except Ended:
            pass
        except (Violation, gssapi.exceptions.GSSError) as error:
            self.server.note(error=str(error))
        except OSError:
            pass
        finally:
            self.sock.close()


class Server:
    """One listener."""

    lock = threading.Lock()

    def __init__(self, at, names, log):
        at, _, script = at.partition("=")
        host, _, port = at.rpartition(":")
        self.host, self.port = host.strip("[]"), int(port)
        self.script, self.names, self.log = Script(script), names, log
        self.credentials = gssapi.Credentials(usage="accept")

    def note(self, **what):
        with self.lock:
            print(json.dumps({"at": self.port, **what}), file=self.log, flush=True)

    def run(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.create_server((self.host, self.port), family=family,
                                  backlog=256) as listener:
            while True:
                sock, _ = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=Connection(self, sock).run, daemon=True).start()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", default="/dev/stdout")
    parser.add_argument("--name", action="append", default=[])
    parser.add_argument("--at", action="append", required=True)
    options = parser.parse_args()
    names = dict(name.split("=", 1) for name in options.name)
    log = open(options.log, "a", encoding="ascii")
    threads = [threading.Thread(target=Server(at, names, log).run) for at in options.at]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
