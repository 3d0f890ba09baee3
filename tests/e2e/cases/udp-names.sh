#!/bin/bash
# SPDX-License-Identifier: MIT
# udp-names.sh - several names with one port on one socket: each answer is shown as from
# the name that was sent to, or as what it is, whatever order they come in
# shellcheck source=tests/e2e/relays.sh
. "$(dirname "$0")/../relays.sh"
topology
start_danted none
start_shadowsocks
start_v2ray
names=()
many=()
addresses="$WORLD,$WORLD6,$OTHER"
for i in {0..49}; do
	many+=("n$i.world.example")
	names+=(--name "n$i.world.example=10.22.2.$((100 + i))")
	addresses+=",10.22.2.$((100 + i))"
done
in_world ip route add local 10.22.2.96/27 dev lo
in_world ip route add local 10.22.2.128/27 dev lo
for name in www=$WORLD ssh=$WORLD other=$OTHER slow=$WORLD silent=$OTHER v6=$WORLD6; do
	names+=(--name "${name/=/.world.example=}")
done
start_proxy relays "${names[@]}" --name "inner.example=$OTHER" \
	--at="$PROXY:1200=udp=41000" \
	--at="$PROXY:1202=udp=41002,udp.reverse=2" \
	--at="$PROXY:1203=udp=41003,udp.reverse=3" \
	--at="$PROXY:1204=udp=41004,udp.names" \
	--at="$PROXY:1205=udp=41005,udp.before=000000010a1602031b596576696c+000000010a1602021b596576696c+00000001c00002011b596576696c"
ALLOWED_RELAYS+=(41000-41099)
start world udp "$PYTHON" "$SUPPORT/dgram.py" serve "$addresses" 7000
start world dns "$PYTHON" "$SUPPORT/dns.py" --log "$WORK/dns.requests" "$WORLD"
wait_until "the datagram servers" grep -q listening "$WORK/udp.log"
wait_port world 53 "$WORK/dns.log"

dgram=("$PYTHON" "$SUPPORT/dgram.py")
danted="socks5h://$PROXY:1080"
three="www.world.example other.world.example v6.world.example"
all=$(printf '%s: same same same\n' blocking select poll epoll registered threads \
	asyncio connected)

# together URL HOST...
together() {
	through "$1" "${dgram[@]}" together 7000 "${@:2}" 2>"$WORK/together.err"
}

# Whom the datagrams have gone to since, in order, each once in a row.
went_to() {
	tail -n +$((before + 1)) "$WORK/relays.requests" | grep '"udp"' |
		grep -o '"dst": "[^"]*"' | cut -d '"' -f 4 | uniq | xargs
}

# Before a program whose datagrams went_to is asked for.
mark() {
	before=$(wc -l <"$WORK/relays.requests")
}

capture_start
export SOCKSIFY_DNS=$WORLD

# --- a name server tells ----------------------------------------------------------

is "directly each way to wait for two names' answers" \
	"$(in_proxyhost "${dgram[@]}" together 7000 www.world.example \
		other.world.example 2>&1)" "${all//same same same/same same}"
# shellcheck disable=SC2086 # words
is "does the same through danted, and for three" "$(together "$danted" $three)" "$all"
like "as the name server was asked about all of them" \
	"$(sort "$WORK/dns.requests" | awk '{ print $1, $3, $4 }' | uniq)" \
	'tcp other.world.example. A
tcp v6.world.example. A
tcp v6.world.example. AAAA
tcp www.world.example. A'
for port in 1084 1085; do
	# shellcheck disable=SC2086 # words
	is "and over port $port" "$(DGRAM_WAYS="blocking epoll threads connected" \
		together "socks5h://$PROXY:$port" $three)" \
		"$(grep 'blocking\|epoll\|threads\|connected' <<<"$all")"
done
mark
# shellcheck disable=SC2086 # words
is "and over a relay that turns the answers round" \
	"$(DGRAM_WAYS="blocking select poll epoll registered threads asyncio" \
		together "socks5h://$PROXY:1203" $three)" \
	"$(grep -v connected <<<"$all")"
like "the first one goes by name, the others by address" "$(went_to)" \
	"^www.world.example $OTHER $WORLD6 www"
is "two names of one host are told by their turn" \
	"$(DGRAM_WAYS="blocking epoll" together "socks5h://$PROXY:1200" \
		www.world.example ssh.world.example)" "blocking: same same
epoll: same same"
is "a name server may be slow" \
	"$(DGRAM_WAYS="blocking registered threads poll" together \
		"socks5h://$PROXY:1202" other.world.example slow.world.example)" \
	"blocking: same same
registered: same same
threads: same same
poll: same same"
mark
through "socks5h://$PROXY:1200" "$PYTHON" -c 'import socket
sock = socket.socket(type=socket.SOCK_DGRAM)
sock.setblocking(False)
sock.sendto(b"first", ("other.world.example", 7009))
sock.sendto(b"last", ("slow.world.example", 7009))' 2>/dev/null
is "and what is sent last arrives" "$(went_to)" "other.world.example $WORLD"
is "one that says nothing is not waited for long" \
	"$(DGRAM_WAYS=blocking together "socks5h://$PROXY:1200" www.world.example \
		silent.world.example)" "blocking: EHOSTUNREACH same"
is "fifty names on one socket" \
	"$(DGRAM_WAYS="blocking epoll" together "socks5h://$PROXY:1200" \
		"${many[@]}" | tr ' ' '\n' | sort | uniq -c | xargs)" \
	"1 blocking: 1 epoll: 100 same"

# Before each answer something comes from other ports: of another host, the same, a third.
is "a connected socket takes from its name's port alone" \
	"$(through "socks5h://$PROXY:1205" "${dgram[@]}" talk www.world.example 7000 \
		connected files 2>/dev/null)" "connected: same
connected nonblocking: same
files: same"

# --- none does --------------------------------------------------------------------

export SOCKSIFY_DNS=$OTHER
mark
# shellcheck disable=SC2086 # words
is "without a name server names in turn are told all the same" \
	"$(through "socks5h://$PROXY:1200" "${dgram[@]}" names 7000 $three \
		2>/dev/null)" "same same same same same same"
is "the earlier ones go by the address that has answered" "$(went_to)" \
	"$three $WORLD $OTHER v6.world.example"
# shellcheck disable=SC2086 # words
is "all at once, others than the first are refused" \
	"$(DGRAM_WAYS="blocking blocking poll threads" DGRAM_PATIENCE=2 together \
		"socks5h://$PROXY:1200" $three | sort -u)" \
	"blocking: EHOSTUNREACH EHOSTUNREACH same
poll: EHOSTUNREACH EHOSTUNREACH same
threads: EHOSTUNREACH EHOSTUNREACH same"
is "which is said once of each" "$(grep -c \
	'another name of that port has not answered yet' "$WORK/together.err")" 2
# shellcheck disable=SC2086 # words
unlike "nor is anybody shown another's answer that came to who did not wait" \
	"$(DGRAM_WAYS=epoll DGRAM_PATIENCE=2 together "socks5h://$PROXY:1200" $three)" other:
mark
# shellcheck disable=SC2086 # words
is "a relay that tells names is believed" \
	"$(through "socks5h://$PROXY:1204" "${dgram[@]}" names 7000 $three \
		2>/dev/null)" "same same same same same same"
is "and gets names" "$(went_to)" "$three $three"

# --- a name server that does not know the name, as the proxy does ------------------

export SOCKSIFY_DNS=$WORLD
is "a name that only the proxy knows" \
	"$(through "socks5h://$PROXY:1200" "${dgram[@]}" names 7000 \
		www.world.example inner.example 2>/dev/null)" "same same same same"
assert_no_leak "nothing but the relay's datagrams was on the link"
done_testing
