#!/bin/bash
# SPDX-License-Identifier: MIT
# askers.sh - sockets that ask a name server: whatever way they ask, the answer comes from
# whom they asked, and no server of this machine or its network hears of it
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/askers.sh
. "$(dirname "$0")/../askers.sh"
topology
start_danted none
start_microsocks none
start_resolvers

danted="socks5h://$PROXY:1080"
microsocks="socks5h://$PROXY:1081"

# asked HOW SERVER NAME TYPE...: what asker.py was told.
asked() {
	through "${url:-$danted}" timeout 30 "$PYTHON" "$SUPPORT/asker.py" \
		"$@" 2>&1
}

# The answers that the world's zone gives, each from that server; fakes are FAKE.
zone() {
	sed "s/^/$1#53 RCODE0 /" <<-END
	A FAKE
	AAAA
	MX 10:mx.world.example 20:mx2.world.example
	TXT v=spf1 -all
	END
}

masked() {
	sed -E 's/ 198\.1[89]\.[0-9]+\.[0-9]+/ FAKE/'
}

types=(A AAAA MX TXT)

capture_start

# --- every way to send, wait and receive ---------------------------------------

for how in blocking timeout rcvtimeo connected readwrite message peek busy \
	select poll epoll edge nested asyncio thread threadpoll threadepoll \
	fork dup reconnect bound fionread disconnect \
	tcp tcpsplit tcpnonblock tcpasyncio tcpselect tcpepoll tcpdup tcphalf; do
	is "by $how" "$(asked "$how" 127.0.0.53 world.example "${types[@]}" |
		masked)" "$(zone 127.0.0.53)"
done
for server in 127.0.0.11 ::1 "$RESOLVER"; do
	is "from $server" "$(asked blocking,connected,tcp "$server" \
		world.example "${types[@]}" | masked)" \
		"$(zone "$server"; zone "$server"; zone "$server")"
done
# Nothing else wakes who sleeps already.
for how in thread threadpoll threadepoll threadadd; do
	is "by $how, where none is answered at once" \
		"$(asked "$how" 127.0.0.53 world.example MX TXT)" \
		"$(zone 127.0.0.53 | tail -n 2)"
done
is "a question that is open is asked once" \
	"$(asked retransmit 127.0.0.53 world.example MX TXT)" \
	"$(zone 127.0.0.53 | tail -n 2)"
is "a socket that is bound to a device is refused" \
	"$(asked device "$RESOLVER" world.example A 2>/dev/null |
		grep -v '^socksify:')" refused
like "what others send is not taken for an answer" \
	"$(asked stranger 127.0.0.53 world.example MX)" '^let in True True'
like "nor let in where it is connected" \
	"$(asked keptout 127.0.0.53 world.example MX)" '^kept out'
is "questions upon questions on one connection" \
	"$(asked tcpmany 127.0.0.53 world.example A AAAA A)" all
is "this machine under no address" \
	"$(asked blocking 0.0.0.0 world.example "${types[@]}" | masked)" \
	"$(zone 127.0.0.1)"
url=$microsocks
is "over microsocks" "$(asked blocking,poll 127.0.0.53 world.example \
	"${types[@]}" | masked)" "$(zone 127.0.0.53; zone 127.0.0.53)"
unset url
is "with udp = block, too" "$(SOCKSIFY_UDP=block asked blocking \
	127.0.0.53 world.example "${types[@]}" | masked)" "$(zone 127.0.0.53)"

is "a server that is named is asked" \
	"$(asked blocking,connected,epoll,tcp "$WORLD" www.world.example A MX)" \
	"$(for _ in 1 2 3 4; do
		echo "$WORLD#53 RCODE0 A $WORLD"
		echo "$WORLD#53 RCODE0 MX"
	done)"
for server in "$WORLD" "$WORLD6"; do
	for how in blocking,connected,readwrite,message,peek \
		rcvtimeo,busy,select,poll,epoll,edge nested,asyncio,thread \
		dup,fionread tcp,tcpsplit,tcpnonblock,tcpasyncio; do
		is "by $how, the same as without, from $server" \
			"$(asked "$how" "$server" world.example "${types[@]}")" \
			"$(in_proxyhost timeout 30 "$PYTHON" \
				"$SUPPORT/asker.py" "$how" "$server" \
				world.example "${types[@]}" 2>&1)"
	done
done
is "one of IPv6 likewise" \
	"$(asked blocking "$WORLD6" dual.world.example A AAAA)" \
	"$WORLD6#53 RCODE0 A $WORLD
$WORLD6#53 RCODE0 AAAA $WORLD6"
is "a direct rule without a port does not lead to a name server" \
	"$(SOCKSIFY_DIRECT='127.0.0.0/8 10.11.1.0/24' asked blocking \
		"$RESOLVER" world.example "${types[@]}" | masked)" \
	"$(zone "$RESOLVER")"
is "real addresses where they shall be real" \
	"$(SOCKSIFY_RESOLVE=tunnel asked blocking,tcp "$RESOLVER" \
		dual.world.example A AAAA)" \
	"$(for _ in 1 2; do
		echo "$RESOLVER#53 RCODE0 A $WORLD"
		echo "$RESOLVER#53 RCODE0 AAAA $WORLD6"
	done)"
is "there is no such name" \
	"$(asked blocking 127.0.0.53 absent.world.example MX)" \
	"127.0.0.53#53 RCODE3 MX"
is "who gets no answer is told so" \
	"$(SOCKSIFY_TIMEOUT=1 asked blocking 127.0.0.53 silent.world.example MX)" \
	"127.0.0.53#53 RCODE2 MX"
is "a long answer is cut to what was asked for" \
	"$(asked blocking 127.0.0.53 big.world.example TXT)" \
	"127.0.0.53#53 RCODE0-TC TXT"

assert_nobody_else_asked
done_testing
