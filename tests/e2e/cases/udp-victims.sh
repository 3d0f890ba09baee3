#!/bin/bash
# SPDX-License-Identifier: MIT
# udp-victims.sh - each call that carries datagrams, field by field as it is directly
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
# Before each of its answers the last one sends what is none.
noise="+00+0000+000000+00000001c0000201+00010001c0000201000765+00000002c0000201000765+00000003ff6162+0000000300000765+00000003016100076576696c+00000004c0000201000765+02000001c0000201000765+00000201c0000201000765"
start_proxy relays --at="$PROXY:1200=udp=0,method.delay=50,reply.delay=50" \
	--at="$PROXY:1201=udp=0,udp.foreign,udp.before=$noise"
start world udp "$PYTHON" "$SUPPORT/dgram.py" serve "$WORLD,$WORLD6" 7000
wait_until "the datagram servers" grep -q listening "$WORK/udp.log"

# way NAME PROXY
way() {
	echo "--way=$1=$(command_in client env LD_PRELOAD="$PRELOAD" \
		SOCKSIFY_PROXY="socks5h://$2")"
}

# same HOST VICTIM ROWS WAY... [--only ROW]...: so many rows are as directly.
same() {
	local host=$1 output
	output=$("$PYTHON" "$SUPPORT/compare.py" --victim "$BUILD/victims/$2" \
		--table "$WORK/table.md" --lines "$WORK/lines" --jobs 4 \
		--far "echo=$host:7000" --direct "$(command_in proxyhost)" \
		"${@:4}")
	unlike "$2: every call is to $host what it is directly" "$output" 'not ok'
	is "and of its rows there were" "$(grep -c ', direct, ' <<<"$output")" "$3"
	[[ $output != *"not ok"* ]] || note "$(grep -A 8 "^not ok" <<<"$output")"
}

danted=$(way danted "$PROXY:1080")
danted6=$(way danted "[$PROXY6]:1080")
slow=$(way slow "$PROXY:1200")
mixed=$(way mixed "$PROXY:1200") # an IPv4 relay, for IPv6
noisy=$(way noisy "$PROXY:1201")

# alike VICTIM ROWS
alike() {
	same "$WORLD" "$@" "$danted" "$slow"
	same "::ffff:$WORLD" "$@" "$danted" "$slow"
	same "$WORLD6" "$@" "$danted6" "$mixed"
}

alike dgrams 24
alike dgramcalls 21
alike dgramwaits 15
alike dgramlives 12

# What is dropped wakes nobody who sleeps in a receive, and takes no room of one. (Of who
# polls first and may not wait then, it does: such rows are not here.)
# among_noise VICTIM ROW...
among_noise() {
	local victim=$1 row only=()
	shift
	for row; do
		only+=(--only "$row")
	done
	note "among noise"
	same "$WORLD" "$victim" $# "$noisy" "${only[@]}"
}

among_noise dgrams send-calls receive-calls lengths many duplicates forks \
	controls interrupted shut left-of-timeout
among_noise dgramcalls fortified aliases shapes partial rooms controls-in stamps \
	names kinds
among_noise dgramwaits modes timeouts cancelled
done_testing
