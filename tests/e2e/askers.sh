# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# askers.sh - what the cases of programs that speak DNS themselves have in common
#
# The world's server is the configured one. One on the client's loopback and one on the link
# must hear nothing.

start_resolvers() {
	echo "nameserver $WORLD" >"$WORK/resolv.proxyhost"
	start world dns "$PYTHON" "$SUPPORT/dns.py" --log "$WORK/dns.requests" \
		"$WORLD" "$WORLD6"
	start client here "$PYTHON" "$SUPPORT/dns.py" --log "$WORK/here.requests" \
		127.0.0.1 127.0.0.11 127.0.0.53 ::1 "$CLIENT"
	start proxyhost link "$PYTHON" "$SUPPORT/dns.py" \
		--log "$WORK/link.requests" "$RESOLVER"
	wait_port world 53 "$WORK/dns.log"
	wait_port client 53 "$WORK/here.log"
	wait_port proxyhost 53 "$WORK/link.log"
	export SOCKSIFY_DNS=$WORLD
}

assert_nobody_else_asked() {
	is "no server of this machine was asked" "$(cat "$WORK/here.requests")" ""
	is "no server of its network was asked" "$(cat "$WORK/link.requests")" ""
	unlike "the world's was asked by the proxy alone, over TCP" \
		"$(grep -v "^udp $OUTSIDE\|^udp $WORLD" "$WORK/dns.requests")" \
		'^(udp|tcp 10\.11)'
	assert_no_leak "none of it was on the client's link, or at its port 53"
}
