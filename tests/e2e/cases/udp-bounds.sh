#!/bin/bash
# SPDX-License-Identifier: MIT
# udp-bounds.sh - no further than there is room; lengths that cannot be; strangers
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
# Few, so that a datagram is not where the first of a batch is to be.
noise=00000003ff6162
start_proxy relays --at="$PROXY:1200=udp=0,method.delay=50,reply.delay=50" \
	--at="$PROXY:1201=udp=0,udp.foreign,udp.before=$noise" \
	--at="$PROXY:1202=udp=0,udp.fragments=5"
start world udp "$PYTHON" "$SUPPORT/dgram.py" serve "$WORLD,$WORLD6" 7000
wait_until "the datagram servers" grep -q listening "$WORK/udp.log"

victim=$BUILD/victims/dgrambounds

# way NAME PROXY
way() {
	echo "--way=$1=$(command_in client env LD_PRELOAD="$PRELOAD" \
		SOCKSIFY_PROXY="socks5h://$2")"
}

# same HOST ROWS WAY...: so many rows are as directly.
same() {
	local host=$1 row output only=()
	for row in $2; do
		only+=(--only "$row")
	done
	output=$("$PYTHON" "$SUPPORT/compare.py" --victim "$victim" \
		--table "$WORK/table.md" --lines "$WORK/lines" --jobs 4 \
		--far "echo=$host:7000" --direct "$(command_in proxyhost)" \
		"${only[@]}" "${@:3}")
	unlike "every call is to $host what it is directly" "$output" 'not ok'
	is "and of its rows there were" "$(grep -c ', direct, ' <<<"$output")" \
		"$(wc -w <<<"$2")"
	[[ $output != *"not ok"* ]] || note "$(grep -A 8 "^not ok" <<<"$output")"
}

rows="batches rest looked-at wrapping names"
same "$WORLD" "$rows controls" "$(way danted "$PROXY:1080")" "$(way slow "$PROXY:1200")" \
	"$(way noisy "$PROXY:1201")" "$(way pieces "$PROXY:1202")"
same "$WORLD6" "$rows" "$(way slow "$PROXY:1200")" "$(way noisy "$PROXY:1201")" \
	"$(way pieces "$PROXY:1202")"

# --- strangers ---------------------------------------------------------------

# The peer's name before it, as a relay says it.
evil=$(printf '00000001%02x%02x%02x%02x%04x' ${WORLD//./ } 7000)6576696c

# from PORT TO-PORT: three datagrams of the proxy's host, from that port.
from() {
	in_proxyhost "$PYTHON" -c "import socket
s = socket.socket(type=socket.SOCK_DGRAM)
s.bind(('$PROXY', $1))
for _ in range(3):
    s.sendto(bytes.fromhex('$evil'), ('$CLIENT', $2))"
}

# meet ROW FROM-PORT TO-PORT: what the row says, in one line.
meet() {
	in_client env LD_PRELOAD="$PRELOAD" \
		SOCKSIFY_PROXY="socks5h://$PROXY:1200" "$victim" "$1" "$WORLD" \
		7000 >"$WORK/$1.out" 2>&1 &
	local pid=$!
	wait_until "$1" grep -q ready "$WORK/$1.out"
	from "$2" "$3"
	wait "$pid"
	paste -sd ' ' "$WORK/$1.out"
}

heard="from=peer/16"
for port in 1200 2000; do
	is "who is no peer is not heard before the first datagram, from $port" \
		"$(meet stranger $port 45454)" \
		"bind=0 connect=0 ready=yes before=EAGAIN send=19 answer=19 answer.$heard answer.data=to be, or not to be more=EAGAIN end=reached"
	is "nor as the peer what came before connect(), from $port" \
		"$(meet early $port 45455)" \
		"bind=0 ready=yes in=1:0x1 connect=0 send=19 first=19 first.$heard first.data=to be, or not to be second=EAGAIN more=EAGAIN end=reached"
done

# --- what a program is told of a socket that it inherits ----------------------

ALLOWED_RELAYS+=(1024-65535)
capture_start
told=$(in_client "$PYTHON" "$SUPPORT/heirs.py" "$WORLD" 7000 \
	LD_PRELOAD="$PRELOAD" SOCKSIFY_PROXY="socks5h://$PROXY:1200" 2>&1)
is "whatever it is told, it sends through the proxy" \
	"$(grep -v ': same$' <<<"$told")" ""
is "of so many things" "$(wc -l <<<"$told")" 17
assert_no_leak "and nowhere else"
done_testing
