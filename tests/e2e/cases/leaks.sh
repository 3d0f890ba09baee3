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
url="socks5h://$PROXY:1080"

# Networks are looked up in the DNS, too.
printf '%s\n' 'hosts: files dns' 'networks: files dns' >"$WORK/nsswitch"
in_client mount --bind "$WORK/nsswitch" /etc/nsswitch.conf

# go COMMAND...: the victim goes every way; SEEN is what was on the link and is not
# the proxy's.
go() {
	capture_start
	in_client "$@" "$victim" "$WORLD" "$WORLD6" eth0 >"$WORK/rows" 2>&1
	capture_stop
	SEEN=$(as_tester tcpdump -nn -v -r "$WORK/eth0.pcap" \
		"not ($(allowed_on_link))" 2>"$WORK/tcpdump.err")
	grep -q '^reading from' "$WORK/tcpdump.err" ||
		bail_out "tcpdump: $(cat "$WORK/tcpdump.err")"
}

# none NAME: of all the ways, none was on the link.
none() {
	local way mark leaked=
	while read -r way mark; do
		! grep -qF -- "$mark" <<<"$SEEN" || leaked+=" $way"
	done <<<"$MARKS"
	is "$1" "$leaked" ""
}

MARKS=$("$victim" marks)
go
while read -r way mark; do
	like "without the library, there is a packet of $way" "$SEEN" \
		"${mark//./[.]}"
done <<<"$MARKS"

go env SOCKSIFY_PROXY="$url" LD_PRELOAD="$PRELOAD"
none "under the library alone, no way leads out"
is "and nothing else is on the link" "$SEEN" ""
like "what is connected by number goes through the proxy" \
	"$(danted_requests)" "ATYP: 1 address: $WORLD\\.7100"

go "$SOCKSIFY" -x "$url"
none "under the command, no way leads out"
is "and nothing else is on the link" "$SEEN" ""
done_testing
