#!/bin/bash
# SPDX-License-Identifier: MIT
# controls.sh - what the other cases rely on: without socksify the same commands
# leak and are caught, and run in the proxy host they pass
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/suites.sh
. "$HERE/suites.sh"
topology
start_danted none
start_sshd world
start_web

# caught NAME PATTERN COMMAND...: the command fails, and what it put on the link
# is found.
caught() {
	local name=$1 pattern=$2
	shift 2
	capture_start
	in_client "$@" >"$WORK/caught.out" 2>&1
	find_leaks
	like "$name" "$LEAKED" "$pattern"
}

fetch=(curl -sS --connect-timeout 0.5 --max-time 1 --cacert "$WORK/ca.pem")

caught "a lookup leaves by the link" '> 10\.11\.1\.53\.53: .*www\.world' \
	"${fetch[@]}" http://www.world.example/
caught "a connect by IPv4 address leaves by the link" \
	'> 10\.22\.2\.2\.80: Flags \[S\]' "${fetch[@]}" "http://$WORLD/"
caught "a connect by IPv6 address leaves by the link" \
	'> fd22:2::2\.80: Flags \[S\]' "${fetch[@]}" "http://[$WORLD6]/"
caught "a connect to another port of the proxy is told apart" \
	'> 10\.11\.1\.1\.80: Flags \[S\]' "${fetch[@]}" "http://$PROXY/"
caught "a datagram leaves by the link" '> 10\.22\.2\.2\.7: UDP' \
	bash -c "echo leak >/dev/udp/$WORLD/7"
caught "a datagram over IPv6 leaves by the link" '> fd22:2::2\.7: UDP' \
	bash -c "echo leak >/dev/udp/$WORLD6/7"
caught "a neighbour that is not the proxy is asked for" \
	'who-has 10\.11\.1\.99' bash -c "echo leak >/dev/udp/10.11.1.99/7"
caught "a query to a stub on loopback is seen" '> 127\.0\.0\.53\.53: ' \
	bash -c "echo leak >/dev/udp/127.0.0.53/53"

capture_start
is "curl's own SOCKS support gets the page" \
	"$(in_client curl -sS --socks5-hostname "$PROXY:1080" \
		http://www.world.example/ 2>&1)" "hello from the world"
is "and by IPv6 to the proxy" \
	"$(in_client curl -sS --socks5-hostname "[$PROXY6]:1080" \
		http://v6.world.example/ 2>&1)" "hello from the world"
like "and Dante's log shows the name" "$(danted_requests)" \
	'ATYP: 3 address: www\.world\.example\.80'
assert_no_leak "and nothing but that is on the link"

# The negative control: what the cases run under socksify, run without it.
through() { in_client "${@:2}"; }
capture_start
without=$(curl_suite "without socksify" none)
find_leaks
is "without socksify curl_suite fails at everything" \
	"$(grep '^ok ' <<<"$without")" ""
like "and at as much as there is" "$(grep -c '^not ok ' <<<"$without")" \
	'^1[0-9]$'
like "and leaks names" "$LEAKED" '> 10\.11\.1\.53\.53: .*www\.world'
like "and IPv4 connects" "$LEAKED" '> 10\.22\.2\.2\.80: Flags \[S\]'
like "and IPv6 connects" "$LEAKED" '> fd22:2::2\.80: Flags \[S\]'

# The positive control: the same where the world can be reached.
through() { in_proxyhost "${@:2}"; }
fetch=(curl -sS --max-time 20 --cacert "$WORK/ca.pem")
curl_suite "in the proxy host" none
program_suite "in the proxy host" none
done_testing
