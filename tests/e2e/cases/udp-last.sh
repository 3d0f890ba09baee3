#!/bin/bash
# SPDX-License-Identifier: MIT
# udp-last.sh - what a program sends last arrives: by a socket that it closes at once, or
# when it ends, over proxies that drop what they have not passed on
# shellcheck source=tests/e2e/relays.sh
. "$(dirname "$0")/../relays.sh"
topology
start_danted none
start_shadowsocks
start_v2ray
start_proxy relays --at="$PROXY:1200=udp=0,method.delay=60,reply.delay=60" \
	--name "www.world.example=$WORLD"
ALLOWED_RELAYS+=(10000-65535)
start world last "$PYTHON" "$SUPPORT/last.py" collect "$WORLD" 7100
wait_until "the collector" grep -q listening "$WORK/last.log"

came() {
	local tries=250
	until grep -qxF "$1" "$WORK/last.log"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.02
	done
	: >"$WORK/last.log"
}

# sent LABEL PROXY-PORT WAY: the program's last datagram is seen at the far side.
sent() {
	through "socks5h://$PROXY:$2" timeout 20 "$PYTHON" "$SUPPORT/last.py" send \
		www.world.example 7100 "$3" >/dev/null 2>"$WORK/send.err"
	ok "$1: what is sent last arrives: $3" came "$3"
}

capture_start
for way in close open linked-close linked-open exec forks _exit; do
	sent Dante 1080 "$way"
	sent "a slow proxy" 1200 "$way"
done
# By a socket that is closed before there is a relay: whoever waits afterwards sees to it.
for way in poll select epoll others linked-poll; do
	sent "a slow proxy" 1200 "$way"
done
for port in 1084 1085; do
	sent "port $port" "$port" close
	sent "port $port" "$port" open
done
is "sockets that were closed are gone soon" \
	"$(through "socks5h://$PROXY:1200" "$PYTHON" "$SUPPORT/last.py" many \
		"$WORLD" 7100 50)" "True 0"
is "and each has sent" "$(grep -c '^many' "$WORK/last.log")" 50
assert_no_leak "nothing but the relays' datagrams was on the link"
done_testing
