#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""connects_asyncio.py COUNT ADDRESS PORT [PROXY:PORT]

As connects.c, by asyncio: COUNT connects at once, a byte there and back on each.
With PROXY the program is itself a SOCKS5 client. Prints the nanoseconds: by the
clock, of this process.
"""

import asyncio
import socket
import sys
import time


async def negotiate(reader, writer, address, port):
    writer.write(b"\x05\x01\x00")
    await reader.readexactly(2)
    writer.write(b"\x05\x01\x00\x01" + socket.inet_aton(address)
                 + port.to_bytes(2, "big"))
    if (await reader.readexactly(10))[:2] != b"\x05\x00":
        raise OSError("the proxy refuses")


async def one(address, port, proxy):
    reader, writer = await asyncio.open_connection(*(proxy or (address, port)))
    if proxy:
        await negotiate(reader, writer, address, port)
    writer.write(b"x")
    if await reader.readexactly(1) != b"x":
        raise OSError("another byte came back")
    writer.close()


async def main():
    count, address, port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    proxy = None
    if len(sys.argv) > 4:
        host, _, proxy_port = sys.argv[4].partition(":")
        proxy = host, int(proxy_port)
    wall, cpu = time.monotonic_ns(), time.process_time_ns()
    await asyncio.gather(*(one(address, port, proxy) for _ in range(count)))
    print(time.monotonic_ns() - wall, time.process_time_ns() - cpu)


asyncio.run(main())
