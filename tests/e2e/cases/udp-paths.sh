#!/bin/bash
# SPDX-License-Identifier: MIT
# udp-paths.sh - what is said of the way to the relay: links too narrow, nobody there
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology

# Here the proxy host is a router, whose second link takes less, and the proxy is behind it.
# A router asks its neighbours by link-local addresses.
in_proxyhost sh -ec "
	echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
	ip addr add fe80::1/64 dev link1
	ip addr add fe80::1/64 dev link2
	ip link set link2 mtu 1300" || bail_out "cannot make a router"
in_world sh -ec "
	ip link set eth0 mtu 1300
	ip route add 10.11.1.0/24 via $OUTSIDE
	ip -6 route add fd11:1::/64 via $OUTSIDE6" ||
	bail_out "cannot route back"
start world relays "$PYTHON" "$SUPPORT/proxy.py" --log "$WORK/relays.requests" \
	--at="$WORLD:1200=udp=0" --at="[$WORLD6]:1200=udp=0"
wait_port world 1200 "$WORK/relays.log"
start_proxy near --at="$PROXY:1201=udp=0,udp.shut=1" \
	--at="$PROXY:1202=udp=0,udp.announce=10.11.1.77" \
	--at="[$PROXY6]:1203=udp=0,udp.shut=1"
start world udp "$PYTHON" "$SUPPORT/dgram.py" serve "$OTHER,$OTHER6" 7000
wait_until "the datagram servers" grep -q listening "$WORK/udp.log"

under() {
	command_in client env LD_PRELOAD="$PRELOAD" SOCKSIFY_PROXY="socks5h://$1"
}

forget_paths() {
	in_client ip route flush cache
	in_client ip -6 route flush cache
}

# What one run has learnt of a way the kernel knows in the next one.
for host in "$OTHER" "$OTHER6"; do
	proxy=$WORLD
	[ "$host" = "$OTHER" ] || proxy="[$WORLD6]"
	for row in with-errors without-errors told-by-send in-pieces probing \
		not-connected; do
		output=$("$PYTHON" "$SUPPORT/compare.py" --only "$row" \
			--victim "$BUILD/victims/dgrampaths" \
			--table "$WORK/table.md" --lines "$WORK/lines" --jobs 1 \
			--far "echo=$host:7000" \
			--direct "$(command_in client)" \
			--way "relay=$(under "$proxy:1200")")
		like "$row to $host: what is too large is told as directly" \
			"$output" "ok 2 - "
		unlike "$row to $host: in each line" "$output" 'not ok'
		[[ $output != *"not ok"* ]] || note "$output"
		forget_paths
	done
done

# insist PROXY HOST TIMES: what ordinary programs come to that send until they get an answer.
insist() {
	through "socks5h://$1" "$PYTHON" "$SUPPORT/dgram.py" insist "$2" 7000 "$3" 2>&1
}

kinds='connected untold %s
connected told %s
unconnected untold %s
unconnected told %s'

# all WHAT: the line of each kind.
all() {
	echo "${kinds//%s/$1}"
}

is "a relay that is gone is followed by another one, and nobody is told" \
	"$(insist "$PROXY:1201" "$OTHER" 10)" "$(all "3 of 3 no error")"
like "for which the proxy was asked" "$(grep -c '"command": 3' \
	"$WORK/near.requests")" '^[12][0-9]$'
is "the same by IPv6" "$(insist "[$PROXY6]:1203" "$OTHER6" 10)" \
	"$(all "3 of 3 no error")"
is "that nobody has the relay's address is told nobody" \
	"$(insist "$PROXY:1202" "$OTHER" 2)" "$(all "0 of 3 no error")"
done_testing
