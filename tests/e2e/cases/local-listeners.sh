#!/bin/bash
# SPDX-License-Identifier: MIT
# local-listeners.sh - what listens under socksify and has nothing to do with FTP is
# reached on this machine, with a proxy elsewhere and with ssh -D on loopback
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start_sshd proxyhost
start_sshd world
start_web
start world far "$PYTHON" "$SUPPORT/far.py" "$OTHER"
wait_until "the far side" grep -q listening "$WORK/far.log"
start client ssh-local ssh -F "$WORK/ssh_config" -N -D 127.0.0.1:1085 \
	"tester@$PROXY"
wait_port client 1085 "$WORK/ssh-local.log"
ALLOWED_PORTS+=(22)

# started URL NAME COMMAND...: in the client, under socksify.
started() {
	start client "$2" "$SOCKSIFY" -x "$1" "${@:3}"
}

from_here() {
	in_client curl -sS --max-time 10 "$@" 2>&1
}

# Listens where ADDRESS PORT say, with a connection through the proxy to port 21 open.
callback() {
	cat <<-'END'
	import socket
	import sys

	control = socket.create_connection((sys.argv[3], int(sys.argv[4])), 10)
	listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
	print("listening", flush=True)
	while True:
	    connection, peer = listener.accept()
	    connection.sendall(b"called from " + peer[0].encode() + b"\n")
	    connection.close()
	END
}
callback >"$WORK/callback.py"
mkdir -p "$WORK/served"
echo "served from here" >"$WORK/served/page"

capture_start
port=8000
for url in "socks5h://$PROXY:1080" socks5h://127.0.0.1:1085; do
	label=${url#socks5h://}
	started "$url" "http-$port" "$PYTHON" -m http.server "$port" \
		--directory "$WORK/served"
	wait_port client "$port" "$WORK/http-$port.log"
	is "$label: python -m http.server" \
		"$(from_here "http://$CLIENT:$port/page")" "served from here"
	port=$((port + 1))

	started "$url" "nc-$port" sh -c "echo from nc | nc -l -N $port"
	wait_port client "$port" "$WORK/nc-$port.log"
	is "$label: nc -l" "$(in_client nc -N 127.0.0.1 "$port" </dev/null)" "from nc"
	port=$((port + 1))

	started "$url" "ssh-$port" ssh -F "$WORK/ssh_config" -N \
		-L "$port:$WORLD:80" -D "127.0.0.1:$((port + 1))" \
		-R "127.0.0.1:$((port + 2)):127.0.0.1:$((port - 2))" \
		"tester@$WORLD"
	wait_port client "$port" "$WORK/ssh-$port.log"
	wait_port world "$((port + 2))" "$WORK/ssh-$port.log"
	is "$label: ssh -L" "$(from_here "http://127.0.0.1:$port/")" \
		"hello from the world"
	is "$label: ssh -D" "$(from_here -x "socks5h://127.0.0.1:$((port + 1))" \
		"http://$WORLD/")" "hello from the world"
	is "$label: ssh -R, to a server of this machine" \
		"$(in_world curl -sS --max-time 10 \
			"http://127.0.0.1:$((port + 2))/page" 2>&1)" \
		"served from here"
	port=$((port + 3))

	started "$url" "oauth-$port" "$PYTHON" "$WORK/callback.py" 127.0.0.1 \
		"$port" "$WORLD" 80
	wait_port client "$port" "$WORK/oauth-$port.log"
	is "$label: a callback on loopback" \
		"$(in_client nc -N 127.0.0.1 "$port" </dev/null)" \
		"called from 127.0.0.1"
	port=$((port + 1))

	started "$url" "any-$port" "$PYTHON" "$WORK/callback.py" "" \
		"$port" "$OTHER" 21
	wait_port client "$port" "$WORK/any-$port.log"
	is "$label: a server with an FTP connection, on a port that it names" \
		"$(in_client nc -N "$CLIENT" "$port" </dev/null)" \
		"called from $CLIENT"
	port=$((port + 1))
done
started "socks5h://$PROXY:1080" sshd-here unshare --user --map-user=1000 \
	--map-group=1000 "$(command -v sshd)" -D -e -f "$WORK/sshd_config" -p 2222
wait_port client 2222 "$WORK/sshd-here.log"
is "sshd" "$(in_client ssh -F "$WORK/ssh_config" -p 2222 tester@127.0.0.1 \
	echo logged in 2>&1)" "logged in"
assert_no_leak "nothing else was on the link"
done_testing
