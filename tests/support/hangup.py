# SPDX-License-Identifier: MIT
"""Signals that a terminal or a group has for a program, which prints what it gets:

    hangup.py gone PROGRAM ARG...       its terminal goes away: "ended", or "lives"
    hangup.py group N PROGRAM ARG...    SIGUSR1 to its group, N times: how many it had
"""

import os
import pty
import signal
import subprocess
import sys
import time


def wait_until(what):
    for _ in range(200):
        if what():
            return True
        time.sleep(0.05)
    return False


def gone(program):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(program[0], program)
    said = b""
    while b"ready" not in said:
        said += os.read(terminal, 1000)
    os.close(terminal)
    ended = wait_until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    print("ended" if ended else "lives")


def group(times, program):
    child = subprocess.Popen(program, stdout=subprocess.PIPE, text=True, start_new_session=True)
    words = [child.stdout.readline()]
    for _ in range(times):
        os.killpg(child.pid, signal.SIGUSR1)
        words.append(child.stdout.readline())
    time.sleep(0.3)
    child.terminate()
    words.extend(child.stdout)
    child.wait()
    print(sum("usr1" in word for word in words))


if sys.argv[1] == "gone":
    gone(sys.argv[2:])
else:
    group(int(sys.argv[2]), sys.argv[3:])
