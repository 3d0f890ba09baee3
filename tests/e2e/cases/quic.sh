#!/bin/bash
# SPDX-License-Identifier: MIT
# quic.sh - QUIC through relays: ngtcp2's client fetches by HTTP/3, moves to another port
# while it does, and is told where there are none; quinn's sends much, in segments;
# kdig asks
# time: 120
# shellcheck source=tests/e2e/quic.sh
. "$(dirname "$0")/../quic.sh"
topology
start_danted none
start_shadowsocks
start_v2ray
start_microsocks none
start_ssh_d
start_gtlsserver
quinn=$BUILD/programs/quic-rust
[ -x "$quinn" ] || bail_out "$quinn is not there: run make programs"
openssl x509 -in "$WORK/quic.pem" -outform der -out "$WORK/quic.der"
openssl pkcs8 -topk8 -nocrypt -in "$WORK/quic.key" -outform der -out "$WORK/quic-key.der"
start world quinn "$quinn" serve :: 4434 "$WORK/quic.der" "$WORK/quic-key.der"
start world doq "$quinn" doq "$WORLD" 853 "$WORK/quic.der" "$WORK/quic-key.der"
wait_until "quinn's server" grep -q listening "$WORK/quinn.log"
wait_until "the name server over QUIC" grep -q listening "$WORK/doq.log"
mkdir -p "$WORK/got"
head -c 3000000 /dev/urandom >"$WORK/files/big"
client=(timeout 30 gtlsclient --exit-on-all-streams-close --no-quic-dump
	--no-http-dump)

# Whom the server has got packets from since the last call, by line; with ports by "ports".
seen_lines=0
seen() {
	local pattern='s/^Received packet: .* remote=\[\([^]]*\)\]:\([0-9]*\).*/\1/p'
	[ "${1-}" != ports ] || pattern=${pattern/1\/p/1 \\2\/p}
	tail -n "+$((seen_lines + 1))" "$WORK/gtlsserver.log" |
		sed -n "$pattern" | sort -u
}

# fetch NAME PROXY HOST FROM [OPTION...]: the file is whole, and its server was asked by FROM.
fetch() {
	local name=$1 out
	rm -f "$WORK/got/big"
	seen_lines=$(wc -l <"$WORK/gtlsserver.log")
	out=$(through "$2" "${client[@]}" --download="$WORK/got" "${@:5}" "$3" 4433 \
		https://www.world.example/big 2>&1)
	if cmp -s "$WORK/got/big" "$WORK/files/big" && [[ $out != *dropped:* ]]; then
		pass "$name: the whole file"
	else
		fail "$name: the whole file" "$(grep -v '^I0' <<<"$out" | tail -n 8)"
	fi
	is "$name: of the proxy host, in the server's eyes" "$(seen)" "$4"
}

capture_start
for server in "danted 1080" "shadowsocks 1084" "v2ray 1085"; do
	# shellcheck disable=SC2086 # two words
	set -- $server
	url=socks5h://$PROXY:$2
	fetch "$1, by name" "$url" www.world.example "$OUTSIDE"
	fetch "$1, by address" "$url" "$WORLD" "$OUTSIDE"
	fetch "$1, IPv6 by name" "$url" v6.world.example "$OUTSIDE6"
done
# To an IPv6 address this client binds one of its own.
url=socks5h://[$PROXY6]:1080
fetch "danted, itself over IPv6" "$url" v6.world.example "$OUTSIDE6"
fetch "danted, IPv6 by address" "$url" "$WORLD6" "$OUTSIDE6"
# The client goes on from another socket, and the server proves that path.
fetch "another port on the way" "socks5h://$PROXY:1080" www.world.example "$OUTSIDE" \
	--change-local-addr=20ms
like "from both" "$(seen ports | wc -l)" '^[2-9]$'

# send NAME PROXY HOST FROM: four streams at once come back as they were, by FROM.
send() {
	local before
	before=$(wc -l <"$WORK/quinn.log")
	like "$1: quinn's streams come back as they were" "$(through "$2" timeout 30 \
		"$quinn" fetch "$3" 4434 "$WORK/quic.der" www.world.example 4 500000 \
		2>&1)" '^same '
	is "$1: of the proxy host, in its server's eyes" "$(tail -n "+$((before + 1))" \
		"$WORK/quinn.log" | sed 's/:[0-9]*$//')" "$4"
}

for server in "danted 1080" "shadowsocks 1084" "v2ray 1085"; do
	# shellcheck disable=SC2086
	set -- $server
	send "$1, by name" "socks5h://$PROXY:$2" www.world.example "[::ffff:$OUTSIDE]"
	send "$1, IPv6 by address" "socks5h://$PROXY:$2" "$WORLD6" "[$OUTSIDE6]"
	is "$1: kdig asks a name server over QUIC" "$(through "socks5h://$PROXY:$2" \
		kdig +quic +short @www.world.example name.example A 2>&1)" 192.0.2.7
done
is "which the proxy host alone has asked" "$(sed '1d; s/:[0-9]*$//' "$WORK/doq.log" |
	sort -u)" "$OUTSIDE"
send "danted, itself over IPv6" "socks5h://[$PROXY6]:1080" "$WORLD6" "[$OUTSIDE6]"

# told NAME URL [OPTION...]
told() {
	like "$1: the client is told" "$(in_client "$SOCKSIFY" -x "$2" "${@:3}" \
		"${client[@]}" www.world.example 4433 https://www.world.example/big \
		2>&1)" 'sendmsg: Network is unreachable'
}
told microsocks "socks5h://$PROXY:1081"
like "microsocks: so is kdig" "$(through "socks5h://$PROXY:1081" kdig +quic \
	@www.world.example name.example A 2>&1)" 'failed to query server'
told "ssh -D" "socks5h://$PROXY:1083"
SOCKSIFY_UDP=block told "udp = block" "socks5h://$PROXY:1080"

# A server of this machine, in segments, with the addresses that its clients have asked.
start client local "$SOCKSIFY" -x "socks5h://$PROXY:1080" gtlsserver -q -d "$WORK/files" \
	'*' 4433 "$WORK/quic.key" "$WORK/quic.pem"
wait_until "a server of HTTP/3 on the client's machine" udp_listens client 4433
for host in 127.0.0.1 ::1 localhost; do
	rm -f "$WORK/got/big"
	through "socks5h://$PROXY:1080" "${client[@]}" -q --download="$WORK/got" "$host" \
		4433 https://localhost/big >"$WORK/local-client.log" 2>&1
	ok "$host is this machine's" cmp "$WORK/got/big" "$WORK/files/big"
done
assert_no_leak "nothing but the proxies' connections and relays was on the link"
done_testing
