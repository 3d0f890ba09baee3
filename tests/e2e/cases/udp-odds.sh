#!/bin/bash
# SPDX-License-Identifier: MIT
# udp-odds.sh - bad pointers, many vectors, calls that do not return; and noise from the relay
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start_proxy relays --at="$PROXY:1200=udp=0,udp.noise=3" \
	--at="$PROXY:1201=udp=0,udp.fragments=5" \
	--at="$PROXY:1202=udp=0,udp.noise=2,udp.din=200"
start world udp "$PYTHON" "$SUPPORT/dgram.py" serve "$WORLD,$WORLD6" 7000
wait_until "the datagram servers" grep -q listening "$WORK/udp.log"

under() {
	command_in client env LD_PRELOAD="$PRELOAD" SOCKSIFY_PROXY="socks5h://$1"
}

# compare HOST [OPTION...]
compare() {
	"$PYTHON" "$SUPPORT/compare.py" --victim "$BUILD/victims/dgramodds" \
		--table "$WORK/table.md" --lines "$WORK/lines" --jobs 4 \
		--far "echo=$1:7000" --direct "$(command_in proxyhost)" "${@:2}"
}

# What a poll says where there is noise may be the noise's.
noisy=(send-faults receive-faults receive-lengths many-vectors cancelled jumped waits)
rows=("${noisy[@]}" short-rooms)

for host in "$WORLD" "$WORLD6"; do
	output=$(compare "$host" "${rows[@]/#/--only=}" \
		--way "danted=$(under "$PROXY:1080")" \
		--way "pieces=$(under "$PROXY:1201")")
	unlike "every call is to $host what it is directly" "$output" 'not ok'
	like "and there were some" "$output" "ok $((${#rows[@]} * 3)) "
	[[ $output != *"not ok"* ]] || note "$(grep -A 8 "^not ok" <<<"$output")"
	output=$(compare "$host" "${noisy[@]/#/--only=}" \
		--way "noise=$(under "$PROXY:1200")")
	unlike "and so it is where the relay sends what is nobody's" "$output" 'not ok'
	like "and there were some" "$output" "ok $((${#noisy[@]} * 2)) "
	[[ $output != *"not ok"* ]] || note "$(grep -A 8 "^not ok" <<<"$output")"
	output=$(compare "$host" --only=alarms --way "din=$(under "$PROXY:1202")")
	unlike "a signal ends a wait in which much is dropped" "$output" 'not ok'
	like "and there was one" "$output" "ok 2 "
done
done_testing
