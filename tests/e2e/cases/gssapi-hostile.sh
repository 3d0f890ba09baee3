#!/bin/bash
# SPDX-License-Identifier: MIT
# gssapi-hostile.sh - proxies that speak GSSAPI wrongly, and what is altered on the way: no
# byte of it reaches the program
# time: 250
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/gssapi.sh
. "$HERE/gssapi.sh"
topology
start_kdc
start_web
start world udp "$PYTHON" "$SUPPORT/dgram.py" serve \
	"$WORLD,$WORLD6,$OTHER,$OTHER6" 7000
wait_until "the datagram servers" grep -q listening "$WORK/udp.log"
get_ticket
export SOCKSIFY_AUTH=gssapi SOCKSIFY_TIMEOUT=30

# One listener of the proxy's for each script.
declare -A ports
next_port=1100 listeners=()
script() {
	ports[$1]=$next_port
	listeners+=("--at=$PROXY:$next_port=$1")
	next_port=$((next_port + 1))
}

logins=(abort=1 junk=1 end=1 level.flip
	level.raw=01ff level.raw=0103000101 level.raw=01020000
	level.raw=0102000102 level.raw=0502000101)
replies=(flip=1 cut=1 plain=1 raw=1:01ff raw=1:01030000 raw=1:0103000100
	raw=1:0502000100 raw=1:05000001000000000000 raw=1:00 rep=5)
silent=(level.raw=010200 level.raw=0102ffff00 drop=1 raw=1:0103ffff00)
streams=(flip=2 flip=5 cut=2 cut=7 drop=3 twice=2 twice=6 plain=4 raw=3:01ff
	raw=4:01030000 raw=2:010300080102030405060708 raw=5:00
	"level=1,flip=5" "level=3,flip=5" "level=1,twice=3")
good=(drip empty most "level=1,empty,most" "level=2")
relays=(udp.flip=1 udp.twice=1 udp.raw=00 udp.raw=0103000401020304 udp.raw=01030000
	udp.raw=0103000800 "udp.raw=0000000101020304000765766974")
for words in "${logins[@]}" "${replies[@]}" "${silent[@]}" "${streams[@]}" "${good[@]}" "${relays[@]}"; do
	script "$words"
done
start_gssproxy gss "${listeners[@]}"
by() {
	through "socks5h://proxy.example:${ports[$1]}" "${@:2}"
}

for words in "${logins[@]}" "${replies[@]}"; do
	status_is "a login or reply with $words is a refusal" 7 \
		by "$words" curl -sS --max-time 40 http://www.world.example/
done
for words in "${silent[@]}"; do
	like "with $words, of which nothing more comes, the time is over" \
		"$(SOCKSIFY_TIMEOUT=2 by "$words" curl -sS --max-time 40 \
			http://www.world.example/ 2>&1)" 'did not answer in time'
done

# is_beginning FILE: whether it is the big file's beginning, and not all of it.
is_beginning() {
	local size
	size=$(stat -c %s "$1")
	[ "$size" -lt 25165824 ] && cmp -n "$size" "$1" "$WORK/files/big"
}

for words in "${streams[@]}"; do
	rm -f "$WORK/got"
	: >"$WORK/got"
	level=confidentiality
	[[ $words = level=* ]] && level=integrity
	SOCKSIFY_GSSAPI_PROTECTION=$level by "$words" curl -sS --max-time 40 \
		-o "$WORK/got" http://www.world.example/file/big >"$WORK/curl.log" 2>&1
	status=$?
	if [ "$status" -ne 0 ] && [ "$status" -ne 28 ] && is_beginning "$WORK/got"; then
		pass "a stream with $words ends with an error, and nothing of it is wrong"
	else
		fail "a stream with $words ends with an error, and nothing of it is wrong" \
			"status $status, $(stat -c %s "$WORK/got") bytes: $(cat "$WORK/curl.log")"
	fi
done
for words in "${good[@]}"; do
	level=confidentiality
	[[ $words = level=1* ]] && level=integrity
	is "a stream with $words is whole" \
		"$(SOCKSIFY_GSSAPI_PROTECTION=$level by "$words" curl -sS --max-time 60 \
			http://www.world.example/file/big 2>&1 | sha256sum)" \
		"$(sha256sum <"$WORK/files/big")"
done
like "what was altered is told of" \
	"$(by flip=5 curl -sS --max-time 40 -o /dev/null http://www.world.example/file/big \
		2>&1)" 'broken or altered on the way'

# An answer that comes again, or is altered, is none; the next one is.
for words in "${relays[@]}"; do
	is "datagrams with $words" \
		"$(by "$words" "$PYTHON" -c 'import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
	s.settimeout(5)
	got = []
	for n in range(6):
		word = b"word %d" % n
		for again in range(3):
			s.sendto(word, (sys.argv[1], 7000))
			try:
				answer = s.recv(100)
				break
			except TimeoutError:
				pass
		got.append(answer == word)
	s.settimeout(0.3)
	try:
		got.append(s.recv(100))
	except TimeoutError:
		pass
	print(got)' "$WORLD" 2>/dev/null)" "[True, True, True, True, True, True]"
done
done_testing
