#!/bin/bash
# SPDX-License-Identifier: MIT
# udp-relay.sh - relays that are odd, hostile, far away or gone; proxies without any
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
names=(--name "www.world.example=$WORLD" --name "v6.world.example=$WORLD6")
start_proxy relays "${names[@]}" \
	--at="$PROXY:1200=udp=41000" \
	--at="$PROXY:1201=udp=41001,udp.announce=0.0.0.0" \
	--at="$PROXY:1202=udp=41002,udp.announce=relay.example" \
	--at="$PROXY:1203=udp=41003,udp.announce=127.0.0.1" \
	--at="$PROXY:1204=udp=41004,udp.announce=::" \
	--at="$PROXY:1205=udp=41005,udp.foreign" \
	--at="$PROXY:1206=udp=41006,udp.before=+00+0000+000000+00000001c0000201+00010001c0000201000765+00000002c0000201000765+00000003ff6162+0000000300000765+00000003016100076576696c+00000004c0000201000765+02000001c0000201000765+00000201c0000201000765" \
	--at="$PROXY:1207=udp=41007,udp.fragments=5" \
	--at="$PROXY:1208=udp=41008,udp.source=$WORLD6" \
	--at="$PROXY:1209=udp=41009,udp.source=www.world.example" \
	--at="$PROXY:1210=udp=41010,udp.end=1" \
	--at="$PROXY:1211=udp=41011,reply.append=x" \
	--at="$PROXY:1212=udp=41012,user=alice:secret" \
	--at="[$PROXY6]:1213=udp=41013" \
	--at="$PROXY:1220=rep=7" --at="$PROXY:1221=rep=2" --at="$PROXY:1222=rep=1" \
	--at="$PROXY:1223=rep=7,tail=short" --at="$PROXY:1224=reply.cut=0" \
	--at="$PROXY:1225=udp=0,bound=0.0.0.0:0" \
	--at="$PROXY:1226=rep=7,reply.delay=200" \
	--at="[$PROXY6]:1227=rep=7,reply.delay=200"
ALLOWED_RELAYS+=(41000-41099)
start world udp "$PYTHON" "$SUPPORT/dgram.py" serve "$WORLD,$WORLD6" 7000
wait_until "the datagram servers" grep -q listening "$WORK/udp.log"
dgram=("$PYTHON" "$SUPPORT/dgram.py")

capture_start

# talk PORT HOST WHAT [WAYS]
talk() {
	local talked
	talked=$(through "socks5h://${LOGIN:-}$PROXY:$1" "${dgram[@]}" talk \
		"$2" 7000 "${@:4}" 2>&1)
	unlike "$3: every way works" "$talked" 'other:|Error|refused'
	like "$3: all of them" "$talked" ': same'
}

talk 1200 "$WORLD" "a plain relay"
talk 1200 v6.world.example "a plain relay to a name of IPv6"
talk 1201 "$WORLD" "announced as 0.0.0.0"
talk 1202 "$WORLD" "announced by a name"
talk 1203 "$WORLD" "announced as its own loopback"
talk 1204 "$WORLD" "announced as ::"
talk 1205 "$WORLD" "datagrams of another" unconnected connected large
talk 1206 www.world.example "malformed datagrams" unconnected connected peeked \
	messages empty large asyncio
talk 1206 "$WORLD" "malformed datagrams, by address" unconnected connected \
	peeked messages empty large asyncio
talk 1207 www.world.example "answers in fragments" connected unconnected large \
	peeked asyncio
talk 1208 www.world.example "answers from an address of the other family"
talk 1209 www.world.example "answers from a name"
LOGIN=alice:secret@ talk 1212 "$WORLD" "a relay with a login"

is "an association that ends is made again, from the same port" \
	"$(through "socks5h://$PROXY:1210" "${dgram[@]}" again "$WORLD" 7000 \
		2>/dev/null)" "same same same"
is "of the same port each time" "$(grep '"dst": "'"$WORLD" \
	"$WORK/relays.requests" | tail -n 3 | grep -o '"sport": [0-9]*' |
	sort -u | wc -l)" 1
is "and so is one with bytes after its reply" \
	"$(through "socks5h://$PROXY:1211" "${dgram[@]}" again "$WORLD" 7000 \
		2>/dev/null)" "same same same"

# Sockets whose own family does not reach the proxy.
family() {
	through "socks5h://$1" "${dgram[@]}" family "$2" 7000 "${@:3}" \
		2>"$WORK/family.err" | paste -sd ' '
}
for words in "" connected; do
	# shellcheck disable=SC2086 # none or one
	is "V6ONLY, and a proxy of IPv4 $words" \
		"$(family "$PROXY:1200" "$WORLD6" v6only $words)" "same v6only 1"
	# shellcheck disable=SC2086 # none or one
	is "V6ONLY, bound, and a proxy of IPv4 $words" \
		"$(family "$PROXY:1200" "$WORLD6" v6only bound $words)" \
		"ENETUNREACH v6only 1"
	like "is told $words" "$(cat "$WORK/family.err")" 'a bound socket with IPV6_V6ONLY'
	# shellcheck disable=SC2086 # none or one
	is "V6ONLY, bound, and a proxy of IPv6 $words" \
		"$(family "[$PROXY6]:1213" "$WORLD6" v6only bound $words)" \
		"same v6only 1"
	# shellcheck disable=SC2086 # none or one
	is "IPv4, and a proxy of IPv6 $words" \
		"$(family "[$PROXY6]:1213" "$WORLD" $words)" ENETUNREACH
	like "is told, too $words" "$(cat "$WORK/family.err")" 'an IPv4 socket reaches'
done

for port in 1220 1221 1222 1223 1224 1225; do
	before=$(wc -l <"$WORK/relays.requests")
	is "no UDP at port $port is ENETUNREACH" \
		"$(through "socks5h://$PROXY:$port" "$PYTHON" \
			"$SUPPORT/probe.py" udp "$WORLD" 7000 2>/dev/null |
			awk '{ print $2 }' | sort -u)" ENETUNREACH
	is "and is asked for once" \
		"$(($(wc -l <"$WORK/relays.requests") - before))" 1
done
like "which is said once" \
	"$(through "socks5h://$PROXY:1220" "$PYTHON" "$SUPPORT/probe.py" udp \
		"$WORLD" 7000 2>&1 >/dev/null | grep -c 'does no UDP')" '^1$'
# By who has sent already it is learnt as by the kernel's word for a port without anybody.
native=$(in_client "$PYTHON" "$SUPPORT/lost.py" "$CLIENT" 4999 2>&1)
like "the kernel tells who waits that nobody is there" "$native" 'looped: ECONN'
is "and so is who waits while the proxy says that it does no UDP" \
	"$(through "socks5h://$PROXY:1226" "$PYTHON" "$SUPPORT/lost.py" "$WORLD" \
		4999 2>/dev/null)" "${native//ECONNREFUSED/ENETUNREACH}"
is "with IPv6, too" "$(through "socks5h://[$PROXY6]:1227" "$PYTHON" \
	"$SUPPORT/lost.py" "$WORLD6" 4999 2>/dev/null)" \
	"${native//ECONNREFUSED/ENETUNREACH}"
unlike "no datagram was malformed" "$(cat "$WORK/relays.requests")" 'bad datagram'
find_leaks
# What the proxy's host sends from elsewhere, and the client's word that nobody is there,
# are part of the test.
is "nothing of the client's but what goes to the relays was on the link" \
	"$(grep -Ev "> $CLIENT\\.[0-9]+: UDP|ICMP $CLIENT udp port" <<<"$LEAKED")" ""
done_testing
