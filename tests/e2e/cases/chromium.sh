#!/bin/bash
# SPDX-License-Identifier: MIT
# chromium.sh - a browser in its sandbox: HTTP/3 through relays, HTTP/2 where there are none,
# and what WebRTC tells of this machine
# time: 180
# shellcheck source=tests/e2e/quic.sh
. "$(dirname "$0")/../quic.sh"
topology
start_danted none
start_shadowsocks
start_v2ray
start_microsocks none
start_ssh_d
start_caddy
cp "$SUPPORT/page.html" "$WORK/files"
start world stun "$PYTHON" "$SUPPORT/stun.py" "$WORLD" 3478
wait_until "the STUN server" grep -q listening "$WORK/stun.log"

# Certificates that no public authority has signed are good for QUIC where an origin of that
# name is named so; naming port 443 forces QUIC on it, and any other does not.
flags=(--headless --disable-gpu --no-first-run --disable-sync --disable-extensions
	--disable-background-networking --disable-component-update
	"--ignore-certificate-errors-spki-list=$(quic_key_hash)")

# Where a user may make no user namespace there is no sandbox to be had.
as_tester unshare --user true 2>/dev/null || {
	note "without Chromium's sandbox, which is forbidden here"
	flags+=(--no-sandbox)
}

# browse LABEL PROXY-PORT QUIC-PORT [OPTION...]: visits the page as a user who is not root,
# in the browser's own sandbox, until it has reported, which is $reported then. Its profile is
# $WORK/profile-LABEL.
browse() {
	local label=$1 port=$2 browser
	start client "chromium-$label" unshare --user --map-user=1000 \
		--map-group=1000 -- "$SOCKSIFY" -v -x "socks5h://$PROXY:$port" \
		chromium "${flags[@]}" \
		"--user-data-dir=$WORK/profile-$label" \
		"--origin-to-force-quic-on=www.world.example:$3" "${@:4}" \
		"https://www.world.example/page.html?$label"
	browser=$!
	reported=
	SECONDS=0
	until [ -n "$reported" ] || [ "$SECONDS" -ge 30 ]; do
		sleep 0.1
		reported=$(served "/report.$label-" | sed "s/.*$label-//")
	done
	kill "$browser"
	wait "$browser"
	[ -n "$reported" ] || note "$(grep -v dbus "$WORK/chromium-$label.log" |
		tail -n 20)"
}

# Each request of the label, as ADDRESS PROTOCOL, once.
ways() {
	served "$1" | cut -d ' ' -f 1,2 | sort -u
}

capture_start
for server in "danted 1080" "shadowsocks 1084" "v2ray 1085"; do
	# shellcheck disable=SC2086 # two words
	set -- $server
	browse "$1-forced" "$2" 443
	is "$1: the page comes by HTTP/3" "$reported" h3-h3
	is "of the proxy host, in the server's eyes" "$(ways "$1-forced")" \
		"$OUTSIDE HTTP/3.0"
done

browse offered 1080 444
is "HTTP/3 that is offered with an answer is taken" "$reported" h2-h3
is "of the proxy host, as HTTP/2 was" "$(ways offered)" \
	"$OUTSIDE HTTP/2.0"$'\n'"$OUTSIDE HTTP/3.0"
like "and is expected from then on" "$(grep -rl '"protocol_str":"quic"' \
	"$WORK/profile-offered")" 'State'

for server in "microsocks 1081" "ssh 1083"; do
	# shellcheck disable=SC2086
	set -- $server
	cp -r "$WORK/profile-offered" "$WORK/profile-$1"
	browse "$1" "$2" 444
	is "$1, which has no UDP: the page comes by HTTP/2 all the same" \
		"$reported" h2-h2
	is "and all else, by the proxy host" "$(ways "$1")" "$OUTSIDE HTTP/2.0"
	like "after HTTP/3 was tried" "$(cat "$WORK/chromium-$1.log")" \
		'the proxy does no UDP'
done

browse danted-webrtc 1080 444
is "WebRTC finds the proxy's address, and none of this machine" "$reported" \
	"srflx%2C$OUTSIDE"
is "which the STUN server saw" "$(sed -n 's/ [0-9]*$//p' "$WORK/stun.log" | sort -u)" \
	"$OUTSIDE"
browse microsocks-webrtc 1081 444
is "and nothing where there is no UDP" "$reported" none

unlike "no renderer was killed by its sandbox" "$(cat "$WORK"/chromium-*.log)" \
	'CRASHING'
assert_no_leak "nothing but the proxies' connections and relays was on the link"
done_testing
