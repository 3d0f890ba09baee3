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
"""

import asyncio
import signal
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
                        (12, source)):
        await asyncio.start_server(server(serve), addresses, port,
                                   backlog=1024)
    print("listening", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(main(sys.argv[1:]))
