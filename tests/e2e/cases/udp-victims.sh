#!/bin/bash
# SPDX-License-Identifier: MIT
# udp-victims.sh - each call that carries datagrams, field by field as it is directly
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start_proxy relays --at="$PROXY:1200=udp=0,method.delay=50,reply.delay=50"
start world udp "$PYTHON" "$SUPPORT/dgram.py" serve "$WORLD,$WORLD6" 7000
wait_until "the datagram servers" grep -q listening "$WORK/udp.log"

command_in() {
	printf '%q ' nsenter --target "${holders[$1]}" --net --mount \
		--wdns="$WORK" -- "${@:2}"
}

under() {
	command_in client env LD_PRELOAD="$PRELOAD" SOCKSIFY_PROXY="socks5h://$1"
}

for host in "$WORLD" "$WORLD6" "::ffff:$WORLD"; do
	output=$("$PYTHON" "$SUPPORT/compare.py" --victim "$BUILD/victims/dgrams" \
		--table "$WORK/table.md" --lines "$WORK/lines" --jobs 4 \
		--far "echo=$host:7000" --direct "$(command_in proxyhost)" \
		--way "danted=$(under "$PROXY:1080")" \
		--way "slow=$(under "$PROXY:1200")")
	unlike "every call is to $host what it is directly" "$output" 'not ok'
	like "and there were some" "$output" "ok 72 "
	note "$(grep -A 8 "^not ok" <<<"$output")"
done
done_testing
