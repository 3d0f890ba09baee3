#!/bin/bash
# SPDX-License-Identifier: MIT
# carry-dns.sh - what carried programs ask a name server besides addresses is asked of the
# configured one, through the proxy
# time: 60
# shellcheck source=tests/e2e/programs.sh
. "$(dirname "$0")/../programs.sh"
# shellcheck source=tests/e2e/askers.sh
. "$HERE/askers.sh"
programs_topology
start_resolvers
start_proxy lame --at="$PROXY:1094=rep=5"
go=$PROGRAMS/carried-go
[ -x "$go" ] || bail_out "$go is not there: run make programs"
static=$WORK/static musl=$WORK/musl
cc -D_GNU_SOURCE -static -pthread -o "$static" "$HERE/../victims/carriedodds.c" \
	-lresolv 2>"$WORK/cc.log" || bail_out "$(cat "$WORK/cc.log")"
musl-gcc -D_GNU_SOURCE -static -pthread -idirafter /usr/include \
	-idirafter "/usr/include/$(cc -print-multiarch)" -o "$musl" \
	"$HERE/../victims/carriedodds.c" 2>"$WORK/cc.log" || bail_out "$(cat "$WORK/cc.log")"
MX=15 TXT=16 SRV=33

for url in "$DANTE" "$SLOW"; do
	for program in "$static" "$musl"; do
		while read -r name type; do
			# musl waits for ten seconds whether somebody else knows.
			[ "$program $name" != "$musl broken.world.example" ] || continue
			is "$(basename "$program"): $name $type by $url" \
				"$(through "$url" "$program" records "$name" "$type" 2>&1)" \
				"$(in_proxyhost "$program" records "$name" "$type" 2>&1)"
		done <<-END
			world.example $MX
			world.example $TXT
			_sip._tcp.world.example $SRV
			absent.world.example $TXT
			broken.world.example $TXT
			slow.world.example $TXT
		END
	done
	is "Go by $url" "$(through "$url" "$go" records world.example 2>&1)" \
		"10 mx.world.example.
20 mx2.world.example.
<nil>
1 <nil>
1 <nil>
true
40 at once"
done
is "as Go without" "$(in_proxyhost "$go" records world.example 2>&1)" \
	"$(through "$DANTE" "$go" records world.example 2>&1)"

# A socket that is not connected, which may be in an epoll, and is used for others, too.
echoed='127\.0\.0\.1 [0-9]+'
for program in "$static" "$musl"; do
	name=$(basename "$program")
	is "$name: the answer is from who was asked" \
		"$(through "$DANTE" "$program" asks "$RESOLVER" 2>&1)" "$RESOLVER 53
same port"
	is "$name: by an epoll" \
		"$(through "$DANTE" "$program" asks "$RESOLVER" epoll 2>&1)" "$RESOLVER 53
same port
del ok"
	like "$name: one that has talked to others" \
		"$(through "$DANTE" "$program" asks "$RESOLVER" talks 2>&1)" \
		"^$echoed
$echoed
same port\$"
	like "$name: one that talks to others afterwards" \
		"$(through "$DANTE" "$program" asks "$RESOLVER" both 2>&1)" "^$RESOLVER 53
$echoed
same port
del ok\$"
done

# SERVFAIL, which it does not wait for.
fails() { like "$1" "$("${@:2}" "$go" text "${name:-world.example}" 2>&1)" misbehaving; }
name=silent.world.example fails "who answers nothing" through "$DANTE" -q --timeout 2
fails "a proxy that cannot" through "socks5h://$PROXY:1094" -q
fails "and no proxy" through "socks5h://$PROXY:81" -q
ALLOWED_PORTS+=(81)
assert_nobody_else_asked
done_testing
