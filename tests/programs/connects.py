#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""connects.py KIND COUNT HOST PORT TAG - COUNT connections by Python's own ways

KIND is a selector of asyncio's (select, poll, epoll); "threads", a blocking socket
in each; "thread-timeouts", the same with a time limit; "urllib", in threads too;
or "limit", asyncio's with half a second for each.

Prints how often each result came: "ok" is a page, else the errno's name. TAG is in
the request, for the server's log.
"""

import asyncio
import collections
import concurrent.futures
import errno
import selectors
import socket
import sys
import urllib.error
import urllib.request

PAGE = b"hello from the world\n"
PATIENCE_S = 20
SELECTORS = {
    "select": selectors.SelectSelector,
    "poll": selectors.PollSelector,
    "epoll": selectors.EpollSelector,
}


def named(error):
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)) and not getattr(
            error, "errno", None):
        return "timeout"
    if isinstance(error, urllib.error.URLError):
        return named(error.reason)
    return errno.errorcode.get(error.errno, str(error))


def judge(page):
    return "ok" if page.endswith(PAGE) else "cut"


def request(tag):
    return f"GET /slow?{tag} HTTP/1.0\r\n\r\n".encode()


async def one(host, port, tag):
    try:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(request(tag))
        page = await reader.read()
        writer.close()
        return judge(page)
    except OSError as error:
        return named(error)


async def in_time(seconds, what):
    try:
        return await asyncio.wait_for(what, seconds)
    except asyncio.TimeoutError as error:
        return named(error)


def by_asyncio(selector, seconds, count, *target):
    async def everything():
        return await asyncio.gather(
            *(in_time(seconds, one(*target)) for _ in range(count)))

    loop = asyncio.SelectorEventLoop(selector())
    try:
        return loop.run_until_complete(everything())
    finally:
        loop.close()


def by_socket(timeout, host, port, tag):
    try:
        with socket.create_connection((host, port), timeout) as sock:
            sock.sendall(request(tag))
            return judge(sock.makefile("rb").read())
    except OSError as error:
        return named(error)


def by_urllib(host, port, tag):
    url = f"http://{host}:{port}/slow?{tag}"
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as response:
            return judge(response.read())
    except OSError as error:
        return named(error)


def in_threads(count, function, *arguments):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return [future.result() for future in
                [pool.submit(function, *arguments) for _ in range(count)]]


def main():
    kind, count, host, port, tag = sys.argv[1:]
    count, target = int(count), (host, int(port), tag)
    if kind in SELECTORS:
        results = by_asyncio(SELECTORS[kind], PATIENCE_S, count, *target)
    elif kind == "limit":
        results = by_asyncio(selectors.EpollSelector, 0.5, count, *target)
    elif kind == "threads":
        results = in_threads(count, by_socket, None, *target)
    elif kind == "thread-timeouts":
        results = in_threads(count, by_socket, PATIENCE_S, *target)
    elif kind == "thread-limit":
        results = in_threads(count, by_socket, 0.5, *target)
    elif kind == "urllib":
        results = in_threads(count, by_urllib, *target)
    else:
        raise SystemExit(__doc__)
    for result, times in sorted(collections.Counter(results).items()):
        print(times, result)


if __name__ == "__main__":
    main()
