#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""far.py ADDRESS... - the far side of the victims' connections

On each address:
    port 7    gives back what it gets
    port 8    says "banner 12345678" first, and is then as port 7
    port 9    nothing listens
    port 10   says "bye" and ends the connection
    port 11   reads to the end, then says how many bytes came and their CRC
    port 12   sends a mebibyte (SOURCE below) and ends the connection
    port 21   calls back: "CALL ADDRESS PORT MS [SAYS]\n" lets it wait, connect there
              from its port 20, say "called" and be as port 7; here it says "150" (or
              SAYS) when it has connected and "425" when it cannot
"""

import asyncio
import errno
import signal
import socket
import sys
import zlib

BANNER = b"banner 12345678\n"
SOURCE = bytes(i * 7 + (i >> 8) & 0xFF for i in range(1 << 20))


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def banner(reader, writer):
    writer.write(BANNER)
    await echo(reader, writer)


async def bye(_reader, writer):
    writer.write(b"bye\n")


async def sink(reader, writer):
    count, crc = 0, 0
    while data := await reader.read(65536):
        count += len(data)
        crc = zlib.crc32(data, crc)
    writer.write(f"{count} {crc:08x}\n".encode())


async def source(_reader, writer):
    writer.write(SOURCE)


async def call_back(host, port, source):
    """Connects from port 20, as FTP servers do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    try:
        sock.bind((source, 20))
        await asyncio.wait_for(
            asyncio.get_running_loop().sock_connect(sock, (host, port)), 5)
    except (OSError, asyncio.TimeoutError):
        sock.close()
        raise
    return await asyncio.open_connection(sock=sock)


async def call_back_again(host, port, source):
    """The same once the last one to that port, from port 20 too, is gone."""
    for _ in range(100):
        try:
            return await call_back(host, port, source)
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
        await asyncio.sleep(0.05)
    raise asyncio.TimeoutError


async def called(host, port, source, control, says="150"):
    try:
        reader, writer = await call_back_again(host, port, source)
    except (OSError, asyncio.TimeoutError):
        control.write(b"425\n")
        return
    control.write(says.encode() + b"\n")
    try:
        writer.write(b"called\n")
        await echo(reader, writer)
    except OSError:
        pass
    writer.close()


async def caller(reader, writer):
    source = writer.get_extra_info("sockname")[0]
    calls = set()
    while line := await reader.readline():
        _, host, port, ms, *says = line.decode().split()
        await asyncio.sleep(int(ms) / 1000)
        # The loop keeps weak references only.
        calls.add(asyncio.create_task(
            called(host, int(port), source, writer, *says)))


def server(serve):
    async def served(reader, writer):
        try:
            await serve(reader, writer)
            await writer.drain()
            writer.close()
        except OSError:
            writer.transport.abort()

    return served


async def main(addresses):
    for port, serve in ((7, echo), (8, banner), (10, bye), (11, sink),
                        (12, source), (21, caller)):
        await asyncio.start_server(server(serve), addresses, port,
                                   backlog=1024)
    print("listening", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(main(sys.argv[1:]))
