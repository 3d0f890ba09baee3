#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""typist.py SCRIPT COMMAND... - types at a program that has a terminal of its own

SCRIPT has a line for each thing to do:

    expect REGEX     waits until what was shown since the last one matches
    knock REGEX      types returns until what was shown since matches
    absent REGEX     what was shown since the last one must not match
    filled FILE      waits until there is something in it
    send TEXT        types; Python's escapes hold: "send ls\\r", "send \\x03" is ^C
    size ROWS COLS   resizes the terminal
    wait             waits for the end of the program

Prints what the terminal has shown. Exit status: 0 if all came so, else 1, with a line
that says what was waited for.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

SECONDS = 30


class Terminal:
    def __init__(self, command):
        self.shown, self.all = "", ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "dumb"
            os.execvp(command[0], command)
        self.size(24, 80)

    def size(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        """False at the end, or when nothing comes."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            text = os.read(self.fd, 65536).decode(errors="replace").replace("\0", "")
        except OSError:
            return False
        self.shown += text
        self.all += text
        return bool(text)

    def expect(self, pattern, seconds=SECONDS):
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.shown)
            if found:
                self.shown = self.shown[found.end():]
                return True
            if time.monotonic() > end or \
                    not self.read(end - time.monotonic()):
                return False

    def knock(self, pattern):
        for _ in range(SECONDS):
            if self.expect(pattern, 1):
                return True
            self.send("\\r")
        return False

    def absent(self, pattern):
        while self.read(0.3):
            pass
        return not re.search(pattern, self.shown)

    def filled(self, path):
        end = time.monotonic() + SECONDS
        while not os.path.exists(path) or os.path.getsize(path) == 0:
            if time.monotonic() > end:
                return False
            self.read(0.05)
        return True

    def send(self, text):
        os.write(self.fd, text.encode().decode("unicode_escape").encode(
            "latin-1"))

    def wait(self):
        end = time.monotonic() + SECONDS
        while self.read(max(0, end - time.monotonic())):
            pass
        return time.monotonic() < end


def play(terminal, line):
    verb, _, rest = line.partition(" ")
    if verb == "expect":
        return terminal.expect(rest)
    if verb == "knock":
        return terminal.knock(rest)
    if verb == "absent":
        return terminal.absent(rest)
    if verb == "filled":
        return terminal.filled(rest)
    if verb == "send":
        terminal.send(rest)
        return True
    if verb == "size":
        terminal.size(*map(int, rest.split()))
        return True
    if verb == "wait":
        return terminal.wait()
    raise SystemExit(f"typist.py: no such verb: {verb}")


def main():
    with open(sys.argv[1], encoding="utf-8") as script:
        lines = [line for line in script.read().splitlines() if line]
    # What a shell starts in the background ignores it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    terminal = Terminal(sys.argv[2:])
    failed = next((line for line in lines if not play(terminal, line)), None)
    print(terminal.all)
    if failed:
        print(f"typist.py: in vain: {failed}")
    try:
        os.kill(terminal.pid, signal.SIGHUP)
    except ProcessLookupError:
        pass
    sys.exit(1 if failed else 0)


main()
