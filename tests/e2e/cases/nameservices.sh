#!/bin/bash
# SPDX-License-Identifier: MIT
# nameservices.sh - the daemons of this machine that would look names up are not
# to be reached, by any call; other Unix sockets are
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology

# Stands for each daemon, as a stream and a datagram socket, and for one that is none.
in_client mkdir -p /run/nscd /run/systemd/resolve /run/avahi-daemon /run/other
start client daemons "$PYTHON" -c '
import os, signal, socket
kept = []
for path in ("nscd/socket", "systemd/resolve/io.systemd.Resolve",
             "systemd/resolve/io.systemd.Resolve.Monitor",
             "avahi-daemon/socket", "other/socket"):
    for kind, suffix in (socket.SOCK_STREAM, ""), (socket.SOCK_DGRAM, ".dgram"):
        s = socket.socket(socket.AF_UNIX, kind)
        s.bind("/run/" + path + suffix)
        if not suffix:
            s.listen()
        kept.append(s)
print("listening", flush=True)
signal.pause()'
wait_until "the daemons" grep -q listening "$WORK/daemons.log"

cat >"$WORK/ask.py" <<'EOF2'
import errno, os, socket, sys

def outcome(function):
    try:
        function()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"

def stream():
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(path)

def dgram():
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

path = sys.argv[1]
directory = os.path.dirname(path)
print(outcome(stream), end=" ")
os.chdir(directory)
path = os.path.basename(path)
print(outcome(stream), end=" ")
os.chdir("/")
path = sys.argv[1]
print(outcome(lambda: dgram().sendto(b"?", sys.argv[2])), end=" ")
print(outcome(lambda: dgram().sendmsg([b"?"], [], 0, sys.argv[2])), end=" ")
print(outcome(lambda: dgram().connect(sys.argv[2])))
EOF2

# ask SOCKET DGRAM-SOCKET: connect by its path, from its directory, and datagrams.
ask() {
	in_client env LD_PRELOAD="$PRELOAD" SOCKSIFY_PROXY="socks5h://$PROXY:1080" \
		SOCKSIFY_LOG="$WORK/refusals" \
		"$PYTHON" "$WORK/ask.py" "$1" "${2:-$1}"
}

refused="ECONNREFUSED ECONNREFUSED ECONNREFUSED ECONNREFUSED ECONNREFUSED"
for path in nscd/socket systemd/resolve/io.systemd.Resolve \
	systemd/resolve/io.systemd.Resolve.Monitor avahi-daemon/socket; do
	is "/run/$path is natively to be reached" \
		"$(in_client "$PYTHON" "$WORK/ask.py" "/run/$path" \
			"/run/$path.dgram")" "ok ok ok ok ok"
	is "under socksify it is refused" "$(ask "/run/$path")" "$refused"
	is "by way of /var/run, too" "$(ask "/var/run/$path")" "$refused"
	like "the log says why" "$(cat "$WORK/refusals")" \
		"/run/$path: refused: it would look names up"
done
is "one that only has a name like theirs is reached" \
	"$(ask /run/other/socket /run/other/socket.dgram)" "ok ok ok ok ok"
is "one that is not there is not there" "$(ask /run/other/none)" \
	"ENOENT ENOENT ENOENT ENOENT ENOENT"
done_testing
