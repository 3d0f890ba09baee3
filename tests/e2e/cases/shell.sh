#!/bin/bash
# SPDX-License-Identifier: MIT
# shell.sh - the library without the command: export LD_PRELOAD in a shell, the
# environment and files alone, and a configuration that is broken
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start_web

page="hello from the world"
url="socks5h://$PROXY:1080"
fetch="curl -sS --max-time 10 http://www.world.example/"
probe=("$PYTHON" "$SUPPORT/probe.py")

# alone SETTING... -- COMMAND: the library with these settings and no command.
alone() {
	local settings=()
	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	in_client env LD_PRELOAD="$LIBRARY" "${settings[@]}" "$@"
}

capture_start
is "eval \"\$(socksify --export)\" covers what a shell starts" \
	"$(in_client bash -c "eval \"\$($SOCKSIFY -x $url --export)\"
		$fetch" 2>"$WORK/said")" "$page"
is "in sh, too" \
	"$(in_client sh -c "eval \"\$($SOCKSIFY -x $url --export)\"
		$fetch" 2>"$WORK/said")" "$page"
is "and what its children start" \
	"$(in_client bash -c "eval \"\$($SOCKSIFY -x $url --export)\"
		sh -c 'sh -c \"$fetch\" | cat'" 2>"$WORK/said")" "$page"
is "a name looked up by one child can be connected to by another" \
	"$(in_client bash -c "eval \"\$($SOCKSIFY -x $url --export)\"
		address=\$($PYTHON -c 'import socket
print(socket.gethostbyname(\"www.world.example\"))')
		curl -sS --max-time 10 http://\$address/" 2>"$WORK/said")" "$page"
is "the shell itself is covered after exec" \
	"$(in_client bash -c "eval \"\$($SOCKSIFY -x $url --export)\"
		exec bash -c 'exec 3<>/dev/tcp/www.world.example/80
			printf \"GET / HTTP/1.0\\r\\n\\r\\n\" >&3
			tail -n 1 <&3'" 2>"$WORK/said")" "$page"
is "the export takes ALL_PROXY away" \
	"$(in_client env ALL_PROXY="$url" bash -c "
		eval \"\$($SOCKSIFY --export)\"
		echo \"\${ALL_PROXY-gone}\"; $fetch" 2>"$WORK/said")" $'gone\n'"$page"

like "and says that the shell itself is not covered yet" \
	"$(cat "$WORK/said")" "^socksify: .*exec \"\\\$SHELL\"\$"

is "the library alone, with SOCKSIFY_PROXY" \
	"$(alone SOCKSIFY_PROXY="$url" -- bash -c "$fetch" 2>&1)" "$page"
is "with a file that SOCKSIFY_CONFIG names" \
	"$(echo "proxy $url" >"$WORK/socksify.conf"
	alone SOCKSIFY_CONFIG="$WORK/socksify.conf" -- bash -c "$fetch" 2>&1)" \
	"$page"
is "by address, and the far side sees the proxy host" \
	"$(alone SOCKSIFY_PROXY="$url" -- curl -sS "http://$WORLD/peer" 2>&1)" \
	"$OUTSIDE"
is "SOCKSIFY_BLOCK refuses" \
	"$(alone SOCKSIFY_PROXY="$url" SOCKSIFY_BLOCK=.world.example -- \
		"${probe[@]}" fetch www.world.example 80 2>/dev/null |
		grep -c "$page")" 0
is "SOCKSIFY_BLOCK refuses nothing else" \
	"$(alone SOCKSIFY_PROXY="$url" SOCKSIFY_BLOCK=.other.example -- \
		"${probe[@]}" fetch www.world.example 80 2>&1)" "$page"
like "Dante was asked for the name" "$(danted_requests)" \
	'ATYP: 3 address: www\.world\.example\.80'
assert_no_leak "nothing else was on the link"

# Broken settings: nothing but loopback can be reached, and nothing leaks.
in_client "$PYTHON" -c '
import http.server
http.server.HTTPServer(("127.0.0.1", 8000),
                       http.server.SimpleHTTPRequestHandler).serve_forever()
' >"$WORK/loopback.log" 2>&1 &
wait_port client 8000 "$WORK/loopback.log"
echo "nonsense" >"$WORK/broken.conf"
capture_start
before=$(danted_requests | wc -l)
for broken in "SOCKSIFY_PROXY=socks5h://$PROXY:99999" \
	"SOCKSIFY_PROXY=http://$PROXY:1080" "SOCKSIFY_CONFIG=$WORK/missing.conf" \
	"SOCKSIFY_CONFIG=$WORK/broken.conf" "SOCKSIFY_PROXY="; do
	name=${broken/$WORK/}
	like "$name: a connect by address is refused" \
		"$(alone "$broken" -- "${probe[@]}" connect "$WORLD" 80 2>/dev/null)" \
		'^ECONNREFUSED '
	unlike "$name: a connect by name fails" \
		"$(alone "$broken" -- "${probe[@]}" connect www.world.example 80 \
			2>/dev/null)" '^ok'
	like "$name: so does the proxy's own address" \
		"$(alone "$broken" -- "${probe[@]}" connect "$PROXY" 1080 2>/dev/null)" \
		'^ECONNREFUSED '
	like "$name: loopback works" \
		"$(alone "$broken" -- "${probe[@]}" connect 127.0.0.1 8000 2>/dev/null)" \
		'^ok '
	is "$name: UDP fails" \
		"$(alone "$broken" -- "${probe[@]}" udp "$WORLD" 7 2>/dev/null |
			sort -u -k2 | cut -d' ' -f2)" ENETUNREACH
done
is "rules that are wrong refuse, too" \
	"$(alone SOCKSIFY_PROXY="$url" SOCKSIFY_DIRECT=1.2.3.4/99 -- \
		"${probe[@]}" connect "$WORLD" 80 2>/dev/null | cut -d' ' -f1)" \
	ECONNREFUSED
is "none of them reached the proxy" "$(danted_requests | wc -l)" "$before"
is "and a right setting does, still" \
	"$(alone SOCKSIFY_PROXY="$url" -- bash -c "$fetch" 2>&1)" "$page"
assert_no_leak "a broken configuration leaks nothing"
done_testing
