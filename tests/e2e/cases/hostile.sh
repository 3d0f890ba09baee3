#!/bin/bash
# SPDX-License-Identifier: MIT
# hostile.sh - proxies that refuse, lie, cut, dawdle or keep silent: what the
# program sees, and how soon
# time: 200
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_web

page="hello from the world"
user=alice:secret
# NAME|SCRIPT|what connect(2) says, for each a listener of the scripted proxy.
rows=(
	"REP 1, general failure|rep=1|ECONNREFUSED"
	"REP 2, not allowed|rep=2|EACCES"
	"REP 3, network unreachable|rep=3|ENETUNREACH"
	"REP 4, host unreachable|rep=4|EHOSTUNREACH"
	"REP 5, refused|rep=5|ECONNREFUSED"
	"REP 6, TTL expired|rep=6|ETIMEDOUT"
	"REP 7, command not supported|rep=7|EOPNOTSUPP"
	"REP 8, address type not supported|rep=8|EAFNOSUPPORT"
	"REP 9, not assigned|rep=9|ECONNREFUSED"
	"REP 255|rep=255|ECONNREFUSED"
	"a refusal of two bytes|rep=2,tail=none|EACCES"
	"a refusal of four bytes|rep=3,tail=short|ENETUNREACH"
	"a refusal with ATYP 0|rep=4,atyp=0|EHOSTUNREACH"
	"a refusal with ATYP 3|rep=4,atyp=3|EHOSTUNREACH"
	"a refusal with ATYP 4|rep=2,atyp=4|EACCES"
	"a refusal byte by byte|rep=2,reply.drip=5|EACCES"
	"a refusal that keeps the connection open for 2 s|rep=3,close,linger=2000|ENETUNREACH"
	"a refusal, then a flood|rep=2,reply.flood=100000|EACCES"
	"no method is good|method=255|ECONNREFUSED"
	"a method that was not offered|method=1|ECONNREFUSED"
	"a method of the wrong version|method.flip=0|ECONNREFUSED"
	"the end of the stream in place of a method|method.cut=0|ECONNREFUSED"
	"the end after one byte of it|method.cut=1|ECONNREFUSED"
	"a reset in place of a method|method.reset=0|ECONNREFUSED"
	"credentials refused|user=$user,auth.status=1|ECONNREFUSED"
	"credentials refused with status 255|user=$user,auth.status=255|ECONNREFUSED"
	"wrong credentials|user=alice:other|ECONNREFUSED"
	"an answer to credentials of version 0|user=$user,auth.version=0|ECONNREFUSED"
	"an answer to credentials cut|user=$user,auth.cut=1|ECONNREFUSED"
	"a reply of the wrong version|reply.flip=0|ECONNREFUSED"
	"a reply of an unknown ATYP|reply.bytes=05000005000000000000|ECONNREFUSED"
	"the end of the stream in place of a reply|reply.cut=0|ECONNREFUSED"
	"the end after one byte of a reply|reply.cut=1|ECONNREFUSED"
	"the end in the middle of a reply|reply.cut=7|ECONNREFUSED"
	"the end before the last byte of a reply|reply.cut=9|ECONNREFUSED"
	"a reset in place of a reply|reply.reset=0|ECONNREFUSED"
	"a reset in the middle of a reply|reply.reset=4|ECONNREFUSED"
)
# NAME|SCRIPT for those that are odd and yet right: the page comes.
odd=(
	"answers byte by byte|method.drip=5,reply.drip=5"
	"credentials answered byte by byte|user=$user,auth.drip=5"
	"an answer to credentials of version 5|user=$user,auth.version=5"
	"a reply in two segments, cut after 1|reply.split=1"
	"a reply in two segments, cut after 4|reply.split=4"
	"a method in two segments|method.split=1"
	"BND by IPv6 address|bound=[fd22:2::1]:4660"
	"BND by name|bound=www.world.example:80"
	"BND by a name of no length|bound=:0,atyp=3"
	"BND by ATYP 4 of an IPv4 target|atyp=4"
	"answers 100 ms late|method.delay=100,reply.delay=100"
)

options=(--name www.world.example="$WORLD")
port=2000
for row in "${rows[@]}" "${odd[@]}"; do
	IFS='|' read -r _ script _ <<<"$row"
	options+=("--at=$PROXY:$port=$script")
	port=$((port + 1))
done
start_proxy hostile "${options[@]}" \
	"--at=$PROXY:3000=reply.delay=200" \
	"--at=$PROXY:3001=rep=0,reply.append=220 a banner\n" \
	"--at=$PROXY:3002=method.silent" \
	"--at=$PROXY:3003=reply.silent" \
	"--at=$PROXY:3004=reply.drip=400" \
	"--at=$PROXY:3005=accepts=0"

probe=("$PYTHON" "$SUPPORT/probe.py")
say() {
	through "socks5h://$user@$PROXY:$1" timeout 10 \
		"${probe[@]}" "${@:2}" 2>"$WORK/said"
}

capture_start
port=2000
for row in "${rows[@]}"; do
	IFS='|' read -r name _ wanted <<<"$row"
	read -r got took <<<"$(say "$port" connect www.world.example 80)"
	is "$name: $wanted" "$got" "$wanted"
	at_most "$name: at once" "${took:-never}" 1000
	like "$name: $wanted without blocking" \
		"$(say "$port" nonblocking www.world.example 80)" \
		"^EINPROGRESS ready $wanted "
	port=$((port + 1))
done
for row in "${odd[@]}"; do
	IFS='|' read -r name _ <<<"$row"
	is "$name: the page comes" \
		"$(say "$port" fetch www.world.example 80)" "$page"
	port=$((port + 1))
done

read -r count verdict took <<<"$(say 3000 asyncio 50 www.world.example 80)"
is "50 asyncio connects with replies 200 ms late succeed" \
	"$count $verdict" "50 ok"
at_most "in less than half a second" "${took:-never}" 499
at_most "and not before the replies" 200 "${took:-0}"
read -r count verdict took <<<"$(say 3000 asyncio 300 "$WORLD" 80)"
is "300 of them succeed" "$count $verdict" "300 ok"

is "a banner in the reply's own segment is the program's" \
	"$(say 3001 banner www.world.example 80)" "220 a banner"

# A silent proxy is bounded by --timeout.
patient() {
	local proxy=$1
	shift
	in_client "$SOCKSIFY" -x "socks5h://$PROXY:$proxy" --timeout 1 \
		timeout 10 "${probe[@]}" "$@" 2>"$WORK/said"
}
for port in 3002 3003 3004; do
	read -r got took <<<"$(patient "$port" connect "$WORLD" 80)"
	is "a proxy that is too slow (port $port): ETIMEDOUT" \
		"$got" ETIMEDOUT
	at_most "after the second that --timeout said (port $port)" \
		"${took:-never}" 1900
	at_most "and not before (port $port)" 900 "${took:-0}"
	like "likewise without blocking (port $port)" \
		"$(patient "$port" nonblocking "$WORLD" 80)" \
		'^EINPROGRESS ready ETIMEDOUT (9|1[0-8])[0-9][0-9]$'
done
like "a proxy that resets at once" "$(say 3005 connect "$WORLD" 80)" \
	'^(ECONNREFUSED|ECONNRESET) '
ALLOWED_PORTS+=(3999)
like "a proxy that does not listen" "$(say 3999 connect "$WORLD" 80)" \
	'^ECONNREFUSED '

like "the requests went by name" "$(cat "$WORK/hostile.requests")" \
	'"atyp": 3, .*"dst": "www\.world\.example", "port": 80'
unlike "no greeting was spoken on after a method that is not ours" \
	"$(cat "$WORK/hostile.requests")" 'spoke on'
assert_no_leak "nothing went past the proxies that refuse"
done_testing
