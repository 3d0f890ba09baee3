#!/bin/bash
# SPDX-License-Identifier: MIT
# leaks.sh - ways past the library that do put packets on the link without it, and
# none with it: neither under the library alone nor under the command
# time: 200
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start_web

victim=$BUILD/victims/leaks
# Datagrams for the proxy's relay, and what comes of those that are too late.
relayed="host $CLIENT and host $PROXY and (udp or icmp) and not port 53"
url="socks5h://$PROXY:1080"

# Networks are looked up in the DNS, too.
printf '%s\n' 'hosts: files dns' 'networks: files dns' >"$WORK/nsswitch"
in_client mount --bind "$WORK/nsswitch" /etc/nsswitch.conf

# told FILTER: what tcpdump says of the packets on the link that it matches.
told() {
	as_tester tcpdump -nn -v -r "$WORK/eth0.pcap" "$1" 2>"$WORK/tcpdump.err"
	grep -q '^reading from' "$WORK/tcpdump.err" ||
		bail_out "tcpdump: $(cat "$WORK/tcpdump.err")"
}

# go COMMAND...: the victim goes every way; SEEN is what was on the link.
go() {
	capture_start
	in_client "$PYTHON" "$SUPPORT/inherited.py" "$@" "$victim" "$WORLD" \
		"$WORLD6" eth0 >"$WORK/rows" 2>&1
	capture_stop
	SEEN=$(told "")
}

# none: of all the ways, none was on the link, nor anything else but the proxy's.
none() {
	local way mark leaked=
	while read -r way mark; do
		! grep -qF -- "$mark" <<<"$SEEN" || leaked+=" $way"
	done <<<"$MARKS"
	is "under $1, no way leads out" "$leaked" ""
	is "and nothing else is on the link" \
		"$(told "not ($(allowed_on_link)) and not ($relayed)")" ""
}

MARKS=$("$victim" marks)
go env SOCKSIFY_PROXY="$url" LD_PRELOAD="$PRELOAD"
none "the library alone"
like "what is connected by number goes through the proxy" \
	"$(danted_requests)" "ATYP: 1 address: $WORLD\\.7100"

go "$SOCKSIFY" -x "$url"
none "the command"

# A proxy on this machine is not looked for on the device.
start client microsocks microsocks -i 127.0.0.1 -p 1085
wait_port client 1085 "$WORK/microsocks.log"
capture_start
status_is "by a socket on a device no proxy on this machine is reached" 7 \
	through socks5h://127.0.0.1:1085 curl -sS --max-time 5 \
	--interface if!eth0 "http://$PROXY:1080/"
capture_stop
is "nor looked for there" "$(told "host 127.0.0.1")" ""

# Last, since the kernel goes on for a while to report a group that was joined.
go
while read -r way mark; do
	like "without either, there is a packet of $way" "$SEEN" \
		"${mark//./[.]}"
done <<<"$MARKS"
done_testing
