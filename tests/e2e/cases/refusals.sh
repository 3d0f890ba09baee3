#!/bin/bash
# SPDX-License-Identifier: MIT
# refusals.sh - what cannot be carried fails with the right errno, and nothing
# of it is seen on the link or at port 53 of loopback
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start_web

probe=("$PYTHON" "$SUPPORT/probe.py")
url="socks5h://$PROXY:1080"
ways=(connect sendto sendto-empty sendto-dontwait sendmsg sendmmsg)

# What probe.py prints when every way to send fails with this errno.
all_fail() {
	printf '%s\n' "${ways[@]/%/ $1}"
}

in_client "$PYTHON" -c '
import socket
for address in ("127.0.0.1", 7), ("127.0.0.53", 53), ("127.0.0.1", 53):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(address)
    if address[1] == 53:
        t = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        t.bind(address)
        t.listen()
        globals()["t%s" % id(t)] = t
    globals()["s%s" % id(s)] = s
import signal
signal.pause()' &
wait_until "a name server on the client's loopback" listens client 53

capture_start
for target in "$WORLD 53" "$WORLD6 53" "$RESOLVER 53" "127.0.0.53 53" "127.0.0.1 53" "::1 53" "0.0.0.0 53" \
	"::ffff:127.0.0.1 53"; do
	read -r host port <<<"$target"
	is "what is no question goes nowhere from $host port $port" \
		"$(through "$url" "${probe[@]}" udp "$host" "$port" 2>/dev/null)" \
		"connect 4
sendto 4
sendto-empty 0
sendto-dontwait 4
sendmsg 4
sendmmsg 1"
done
is "a rule blocks a name server, too" \
	"$(in_client "$SOCKSIFY" -x "$url" --block 127.0.0.0/8:53 "${probe[@]}" \
		udp 127.0.0.53 53 2>/dev/null)" "$(all_fail ENETUNREACH)"
for target in "224.0.0.251 5353" \
	"ff02::fb 5353" "10.11.1.255 9" "255.255.255.255 9" "169.254.1.1 9" \
	"fe80::1 9" "198.18.0.1 7"; do
	read -r host port <<<"$target"
	is "UDP to $host port $port fails in every sending call" \
		"$(through "$url" "${probe[@]}" udp "$host" "$port" 2>/dev/null)" \
		"$(all_fail ENETUNREACH)"
done
is "UDP to loopback is the kernel's" \
	"$(through "$url" "${probe[@]}" udp 127.0.0.1 7 2>/dev/null)" \
	"$(in_client "${probe[@]}" udp 127.0.0.1 7)"

for target in "127.0.0.53 53" "127.0.0.1 53" "::1 53" "0.0.0.0 53"; do
	read -r host port <<<"$target"
	like "TCP to $host port $port ends here" \
		"$(through "$url" "${probe[@]}" connect "$host" "$port" 2>&1)" \
		'^ok'
done
status_is "TCP to the client's own network is refused by the proxy" 7 \
	through "$url" curl -sS --max-time 5 "http://$PROXY:81/"
like "which was asked for it" "$(danted_requests)" \
	"ATYP: 1 address: $PROXY\\.81"
like "an unknown fake address is refused" \
	"$(through "$url" "${probe[@]}" connect 198.18.77.77 80 2>/dev/null)" \
	'^ECONNREFUSED '

sockets=$(through "$url" "${probe[@]}" sockets 2>/dev/null)
native=$(in_client "${probe[@]}" sockets)
for kind in raw raw6 rawip packet packet-dgram; do
	like "natively, a $kind socket can be had" $'\n'"$native" \
		$'\n'"$kind ok"
	like "under socksify, a $kind socket is EPERM" $'\n'"$sockets" \
		$'\n'"$kind EPERM"
done
for kind in ping ping6 sctp udplite dccp; do
	unlike "a $kind socket is not to be had" $'\n'"$sockets" \
		$'\n'"$kind ok"
done
for kind in tcp tcp6 udp unix netlink; do
	like "a $kind socket is to be had" $'\n'"$sockets" $'\n'"$kind ok"
done

is "and a page can still be had" \
	"$(through "$url" curl -sS http://www.world.example/ 2>&1)" \
	"hello from the world"
assert_no_leak "nothing of all that was on the link or at port 53"
done_testing
