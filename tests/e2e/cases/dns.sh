#!/bin/bash
# SPDX-License-Identifier: MIT
# dns.sh - what is really asked goes to the configured server through the proxy, and
# comes back as libc's own lookups would have it
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start_microsocks none
echo "nameserver $WORLD" >"$WORK/resolv.proxyhost"
start world dns "$PYTHON" "$SUPPORT/dns.py" --log "$WORK/dns.requests" \
	"$WORLD" "$WORLD6"
wait_port world 53 "$WORK/dns.log"
export SOCKSIFY_DNS=$WORLD

resolv=$BUILD/victims/resolv
danted="socks5h://$PROXY:1080"
microsocks="socks5h://$PROXY:1081"

direct() {
	in_proxyhost "$resolv" "$@" 2>&1
}

covered() {
	through "${url:-$danted}" "$resolv" "$@" 2>/dev/null
}

# same WORDS...: the victim says the same through the proxy as without.
same() {
	is "resolv $*" "$(covered "$@")" "$(direct "$@")"
}

capture_start

# --- resolver(3) ---------------------------------------------------------------

for url in "$danted" "$microsocks"; do
	same every world.example MX
	same every _sip._tcp.world.example SRV
	same every absent.world.example TXT
done
unset url
same every world.example TXT
same every nothing.world.example MX
same every broken.world.example TXT
same every 2.2.22.10.in-addr.arpa PTR
same every alias.world.example CNAME
same every big.world.example TXT
same query other.example MX
same querydomain world example MX
same nquerydomain world.example. - MX
same query big.world.example TXT 512
same query world.example MX 8
same query label..empty MX
same state world.example MX edns dnssec
same state ad.world.example TXT
same state world.example MX trustad
same state absent.world.example MX edns
like "a reply of another id is passed over" \
	"$(covered query wrong-id.world.example MX)" 'NO_DATA'
like "a server that says nothing ends in TRY_AGAIN" \
	"$(SOCKSIFY_TIMEOUT=1 covered query silent.world.example MX)" \
	'-1 TRY_AGAIN ETIMEDOUT$'
like "so does one whose connection ends" \
	"$(covered query cut.world.example MX)" '-1 TRY_AGAIN ECONNREFUSED$'
like "where the first server is not there the second is asked" \
	"$(SOCKSIFY_DNS=$WORLD:54,[$WORLD6]:53 \
		covered query world.example MX)" 'MX 10 mx.world.example'
like "the server is taken from the option, too" \
	"$(in_client env -u SOCKSIFY_DNS "$SOCKSIFY" -x "$danted" \
		--dns "$WORLD" "$resolv" query world.example MX)" 'MX 10'

is "a program's own c-ares is left alone" \
	"$(through "$danted" "$BUILD/victims/ownares" world.example 2>&1)" \
	"2 answers, 0 calls of my own c-ares"

unlike "an address is no question" "$(covered every www.world.example A)" \
	' (10|127)\.|-1'
like "but one that stands for the name" \
	"$(covered query www.world.example A)" ' A 198\.1[89]\.'
like "an IPv6 address is not there" \
	"$(covered query www.world.example AAAA)" 'NO_DATA'
like "nor is an HTTPS record" \
	"$(covered query www.world.example HTTPS)" 'NO_DATA'

asked=$(sort -u "$WORK/dns.requests")
unlike "the server is asked by the proxy alone, over TCP" \
	"$(grep -v "^udp $WORLD\|^udp $OUTSIDE" <<<"$asked")" '^(udp|tcp 10\.11)'
unlike "and for no address" "$(grep '^tcp' <<<"$asked")" ' (A|AAAA|HTTPS)$'

assert_no_leak "none of it was on the client's link, or at its port 53"
done_testing
