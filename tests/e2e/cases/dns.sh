#!/bin/bash
# SPDX-License-Identifier: MIT
# dns.sh - what is really asked goes to the configured server through the proxy, and
# comes back as libc's own lookups would have it
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start_microsocks none
start_web
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

# As libc's own lookup by its servers: with SOCKSIFY_RESOLVE=tunnel.
same_names() {
	is "names $*" \
		"$(through "$danted" "$BUILD/victims/names" "$@" 2>/dev/null)" \
		"$(in_proxyhost "$BUILD/victims/names" "$@" 2>/dev/null)"
}

# same WORDS...: the victim says the same through the proxy as without.
same() {
	is "resolv: $*" "$(covered "$@")" "$(direct "$@")"
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
same around world.example MX
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

for way in EARLY_DATA PIPELINE; do
	like "with SOCKSIFY_$way, too" "$(in_client env "SOCKSIFY_$way=1" \
		"$SOCKSIFY" -x "$danted" "$resolv" query world.example MX \
		2>/dev/null)" 'MX 10 mx.world.example'
done
like "and by a proxy of IPv6" "$(url="socks5h://[$PROXY6]:1080" \
	covered query world.example MX)" 'MX 10 mx.world.example'
like "a server that a rule blocks is not asked" \
	"$(url="socks5h://$PROXY:1080" SOCKSIFY_TIMEOUT=2 SOCKSIFY_BLOCK="$WORLD:53" \
		covered query world.example MX)" '-1 TRY_AGAIN '

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

# --- names, asked for ------------------------------------------------------------

export SOCKSIFY_RESOLVE=tunnel
for words in "many.world.example 80 4" "many.world.example http 4 stream" \
	"second.world.example 80 6 stream" "alias.world.example - 4 CANONNAME" \
	"alias.world.example - 6 CANONNAME stream" \
	"many.world.example 80 6 V4MAPPED stream" \
	"alias.world.example 80 6 V4MAPPED ALL stream" \
	"many.world.example 80 6" "nothing.world.example 80" \
	"absent.world.example 80" "absent.world.example 80 4" \
	"broken.world.example 80 4" "label..empty 80"; do
	# shellcheck disable=SC2086 # words
	same_names getaddrinfo $words
done
for call in gethostbyname gethostbyname_r; do
	for name in many alias absent nothing broken; do
		same_names "$call" "$name.world.example"
	done
done
same_names gethostbyname2_r alias.world.example 6
same_names gethostbyname2_r many.world.example 6
same_names gethostbyname_r many.world.example 4 20
is "a name of both families has IPv4 first" \
	"$(through "$danted" getent ahosts alias.world.example 2>/dev/null |
		awk '$2 == "STREAM" { print $1 }' | paste -sd ' ')" \
	"$WORLD $WORLD6"
is "the address that was found is reached" \
	"$(through "$danted" curl -sS http://many.world.example/ 2>&1)" \
	"hello from the world"
like "by address" "$(danted_requests)" "ATYP: 1 address: $WORLD\\.80"

# What is in no hosts file, and the last one in no zone.
for address in 10.22.2.9 fd22:2::9 10.22.2.77; do
	same_names getnameinfo "$address" 80
	same_names getnameinfo "$address" 80 NAMEREQD
	same_names getnameinfo "$address" 80 NUMERICHOST
	same_names gethostbyaddr "$address"
done
for how in wait suspend signal thread; do
	same background "$how" many.world.example absent.world.example \
		nothing.world.example 192.0.2.1
done
unset SOCKSIFY_RESOLVE
for how in wait suspend signal thread cancel; do
	is "in the background, $how, a name gets the address that stands for it" \
		"$(covered background "$how" gai.world.example |
			grep -v "^  told 4711, as it should be: 1$")" \
		"background $how: 0
  gai.world.example: found $(through "$danted" getent ahostsv4 \
		gai.world.example 2>/dev/null | awk '/STREAM/ { print $1 }')"
done
: >"$WORK/dns.requests"
is "without that, an address is shown in numbers" \
	"$(through "$danted" "$BUILD/victims/names" getnameinfo "$WORLD" 80 \
		2>/dev/null)" "$(in_proxyhost "$BUILD/victims/names" \
		getnameinfo "$WORLD" 80 NUMERICHOST)"
is "and nobody is asked" "$(cat "$WORK/dns.requests")" ""
same_names getnameinfo 10.22.2.9 80 NAMEREQD
same_names gethostbyaddr fd22:2::9

assert_no_leak "none of it was on the client's link, or at its port 53"

# --- names under a direct rule are asked for here, by this machine's servers -----

start proxyhost dns-here "$PYTHON" "$SUPPORT/dns.py" \
	--log "$WORK/dns-here.requests" "$RESOLVER"
wait_port proxyhost 53 "$WORK/dns-here.log"
here() {
	through "$danted" -d .world.example -d 10.22.2.0/24 "$@" 2>/dev/null
}

: >"$WORK/dns.requests"
is "under the guard a direct name is looked up" \
	"$(here getent ahostsv4 many.world.example | awk '/STREAM/ { print $1 }' |
		paste -sd ' ')" "$WORLD $OTHER"
is "and has both families" \
	"$(here getent ahosts alias.world.example | awk '/STREAM/ { print $1 }' |
		sort | paste -sd ' ')" "$WORLD $WORLD6"
is "one that does not exist does not" \
	"$(here getent ahosts absent.world.example; echo $?)" 2
for call in "gethostbyname_r alias.world.example" \
	"getnameinfo 10.22.2.9 80 NAMEREQD" "gethostbyaddr 10.22.2.9"; do
	# shellcheck disable=SC2086 # words
	is "names $call" "$(here "$BUILD/victims/names" $call)" \
		"$(in_proxyhost "$BUILD/victims/names" $call)"
done
is "resolver(3) asks there, too" \
	"$(here "$resolv" every world.example MX)" \
	"$(direct every world.example MX)"
is "and the proxy's servers hear nothing of it" \
	"$(grep ^tcp "$WORK/dns.requests")" ""
like "this machine's did" "$(cat "$WORK/dns-here.requests")" \
	"tcp $CLIENT many.world.example. A"
done_testing
