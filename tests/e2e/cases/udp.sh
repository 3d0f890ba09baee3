#!/bin/bash
# SPDX-License-Identifier: MIT
# udp.sh - datagrams through the proxy: every way to send and receive, by address
# and by name
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start world udp "$PYTHON" "$SUPPORT/dgram.py" serve \
	"$WORLD,$WORLD6,$OTHER,$OTHER6" 7000
wait_until "the datagram servers" grep -q listening "$WORK/udp.log"

url="socks5h://$PROXY:1080"
dgram=("$PYTHON" "$SUPPORT/dgram.py")

for host in "$WORLD" www.world.example "$WORLD6" v6.world.example; do
	talked=$(through "$url" "${dgram[@]}" talk "$host" 7000 2>&1)
	unlike "every way to talk to $host works" "$talked" 'other|rror|refused'
	like "all of them" "$talked" 'asyncio unconnected: same'
done
is "and udp = block lets none through" \
	"$(through "$url" env SOCKSIFY_UDP=block "$PYTHON" "$SUPPORT/probe.py" \
		udp "$WORLD" 7000 2>/dev/null | sort -u -k 2)" "connect ENETUNREACH"
done_testing
