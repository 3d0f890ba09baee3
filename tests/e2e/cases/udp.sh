#!/bin/bash
# SPDX-License-Identifier: MIT
# udp.sh - datagrams through the proxy: every way to send and receive, by address
# and by name, and nothing on the link but what goes to the relay
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start world udp "$PYTHON" "$SUPPORT/dgram.py" serve \
	"$WORLD,$WORLD6,$OTHER,$OTHER6" 7000
wait_until "the datagram servers" grep -q listening "$WORK/udp.log"

url="socks5h://$PROXY:1080"
dgram=("$PYTHON" "$SUPPORT/dgram.py")

capture_start
for host in "$WORLD" www.world.example "$WORLD6" v6.world.example; do
	talked=$(through "$url" "${dgram[@]}" talk "$host" 7000 2>&1)
	unlike "every way to talk to $host works" "$talked" 'other:|Error|refused'
	like "all of them" "$talked" 'asyncio unconnected: same'
done
is "several names on one socket answer as themselves" \
	"$(through "$url" "${dgram[@]}" names 7000 www.world.example \
		other.world.example v6.world.example 2>/dev/null)" \
	"same same same same same same"

for most in "$WORLD 65497" "$WORLD6 65485" "www.world.example 65483"; do
	read -r host size <<<"$most"
	is "$size bytes fit into a datagram to $host, and no more" \
		"$(through "$url" "${dgram[@]}" most "$host" 7000 "$size" 2>&1)" \
		"same EMSGSIZE
same EMSGSIZE"
done

# In bash a connected socket is made by one process and used by those that it starts.
told=$(through "$url" bash -c "exec 3<>/dev/udp/www.world.example/7001
	echo one >&3
	timeout 10 dd bs=100 count=1 status=none <&3
	timeout 10 sh -c 'echo two >&3; dd bs=100 count=1 status=none <&3'
	exec 4<&3 3<&-
	timeout 10 $PYTHON -c 'import socket
s = socket.socket(fileno=4)
print(s.getpeername()[1], s.recv(100) if s.send(b\"three\") else 0)'
	(exec 5<&4 4<&-; echo four >&5; timeout 10 head -n 1 <&5)" 2>&1)
is "programs that inherit a socket use it" \
	"$(sed 's/ [0-9]*:/:/; s/[0-9]* from/from/' <<<"$told")" "from $OUTSIDE: one
from $OUTSIDE: two
7001 b'from $OUTSIDE: three'
from $OUTSIDE: four"
is "which keeps its port and its association" \
	"$(grep -o "$OUTSIDE [0-9]*" <<<"$told" | sort -u | wc -l)" 1
is "and udp = block lets none through" \
	"$(through "$url" env SOCKSIFY_UDP=block "$PYTHON" "$SUPPORT/probe.py" \
		udp "$WORLD" 7000 2>/dev/null | sort -u -k 2)" "connect ENETUNREACH"
assert_no_leak "nothing but the relay's datagrams was on the link"
done_testing
