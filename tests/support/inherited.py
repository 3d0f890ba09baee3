#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""inherited.py COMMAND... - runs COMMAND with sockets that it could not make itself

Raw ICMP is descriptor 100, ICMP by datagrams 101, UDP-Lite, where the kernel has it, 102.
"""

import os
import socket
import sys

IPPROTO_UDPLITE = 136

for fd, kind, protocol in ((100, socket.SOCK_RAW, socket.IPPROTO_ICMP),
                           (101, socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
                           (102, socket.SOCK_DGRAM, IPPROTO_UDPLITE)):
    try:
        made = socket.socket(socket.AF_INET, kind, protocol)
    except OSError:
        if protocol != IPPROTO_UDPLITE:
            raise
        continue
    os.dup2(made.fileno(), fd)
os.execvp(sys.argv[1], sys.argv[1:])
