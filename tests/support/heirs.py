#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""heirs.py HOST PORT ENVIRONMENT... - programs that are told nonsense of a socket they inherit

Each gets one UDP socket and, under the library that the environment preloads, a description
of it that no library has made; it sends to the echo server there. Prints, by what is wrong
with it, what came back.
"""

import os
import socket
import subprocess
import sys

SO_COOKIE = 57

# COOKIE,CONTROL,CONTROL-COOKIE,RELAY,PEER; (core/heir.h)
NONSENSE = {
    "nothing": "",
    "no text": "\xff\xfe;,;",
    "a cookie alone": "{cookie},,,,;",
    "no end": "{cookie},,,,",
    "too long a number": "{cookie},0102030405060708090a,,,;",
    "too long an address": "{cookie},,,," + "02" * 40 + ";",
    "a peer of one octet": "{cookie},,,,02;",
    "a peer of no family": "{cookie},,,,0000;",
    "a peer of another family": "{cookie},,,,01002f746d702f78;",
    "a peer cut short": "{cookie},,,,02001b580a16;",
    "a relay of no family": "{cookie},05,01,ffff,;",
    "a relay without control": "{cookie},,,02001b580a1602020000000000000000,;",
    "no such control": "{cookie},7fffffff,01,02001b580a1602020000000000000000,;",
    "control that is negative":
        "{cookie},ffffffffffffffff,01,02001b580a1602020000000000000000,;",
    "control that is another": "{cookie},00,01,02001b580a1602020000000000000000,;",
    "itself as control":
        "{cookie},{fd},{cookie},02001b580a1602020000000000000000,;",
    "many": "01,,,,;" * 500 + "{cookie},,,,;",
}

PROGRAM = """
import socket, sys
s = socket.socket(fileno=int(sys.argv[1]))
s.settimeout(5)
a = (sys.argv[2], int(sys.argv[3]))
s.sendto(b"words", a)
print("same" if s.recvfrom(100) == (b"words", a) else "other")
"""


def octets(number):
    text = f"{number:x}"
    return "0" * (len(text) % 2) + text


def ask(text, host, port, environment):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fd = sock.fileno()
        cookie = int.from_bytes(
            sock.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8), "little")
        text = text.format(cookie=octets(cookie), fd=octets(fd))
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, str(fd), host, port],
            pass_fds=[fd], capture_output=True, text=True,
            env={**os.environ, **environment, "SOCKSIFY_DATAGRAMS": text})


def main():
    host, port, *settings = sys.argv[1:]
    environment = dict(setting.split("=", 1) for setting in settings)
    for name, text in NONSENSE.items():
        done = ask(text, host, port, environment)
        print(f"{name}: {done.stdout.strip() or done.stderr[-200:]}"
              + (f" {done.returncode}" if done.returncode else ""))


if __name__ == "__main__":
    main()
