#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""inetd.py PORT COMMAND... - runs COMMAND for each connection, as its standard files"""

import signal
import socket
import subprocess
import sys


def main():
    # The terminal that telnetd makes takes NUL for ^C at first, and sends one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    # Nobody waits for them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.create_server(("::", int(sys.argv[1])),
                                    family=socket.AF_INET6,
                                    dualstack_ipv6=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            subprocess.Popen(sys.argv[2:], stdin=connection,
                             stdout=connection, stderr=connection)


main()
