#!/bin/bash
# SPDX-License-Identifier: MIT
# curl.sh - the main job: curl by name and address through Dante, with nothing
# else on the link
# time: 200
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/suites.sh
. "$HERE/suites.sh"
topology
start_danted none
start_web

capture_start
curl_suite "no password" "socks5h://$PROXY:1080"
requests=$(danted_requests)
like "Dante was asked for the name" "$requests" \
	'ATYP: 3 address: www\.world\.example\.80'
like "and for the name with https" "$requests" \
	'ATYP: 3 address: www\.world\.example\.443'
like "and for the name of IPv6" "$requests" \
	'ATYP: 3 address: v6\.world\.example\.80'
like "and for the IPv4 address" "$requests" "ATYP: 1 address: $WORLD\\.80"
like "and for the IPv6 address" "$requests" 'ATYP: 4 address: .*fd22:2::2.*80'
unlike "and for no fake address" "$requests" '198\.1[89]\.'
status_is "a name that the proxy does not know is curl's exit status 7" 7 \
	through "socks5h://$PROXY:1080" "${fetch[@]}" \
	http://nowhere.world.example/
is "curl shows where it is connected as if it were there" \
	"$(through "socks5h://$PROXY:1080" "${fetch[@]}" -o /dev/null \
		-w '%{remote_ip} %{remote_port}' "http://$WORLD/")" "$WORLD 80"
is "a keep-alive connection is used twice" \
	"$(through "socks5h://$PROXY:1080" "${fetch[@]}" \
		-w '%{num_connects} ' -o /dev/null -o /dev/null \
		http://www.world.example/ http://www.world.example/)" "1 0 "
is "the proxy by its IPv6 address" \
	"$(through "socks5h://[$PROXY6]:1080" "${fetch[@]}" \
		http://www.world.example/ 2>&1)" "$page"
is "and an IPv6 target by it" \
	"$(through "socks5h://[$PROXY6]:1080" "${fetch[@]}" \
		"http://[$WORLD6]/" 2>&1)" "$page"
is "and an IPv4 target" \
	"$(through "socks5h://[$PROXY6]:1080" "${fetch[@]}" \
		"http://$WORLD/" 2>&1)" "$page"
assert_no_leak "nothing else was on the link"

kill "$danted"
wait_until "the end of Dante" not listens proxyhost 1080
capture_start
status_is "a proxy that is down is curl's exit status 7" 7 \
	through "socks5h://$PROXY:1080" "${fetch[@]}" http://www.world.example/
status_is "by address, too" 7 \
	through "socks5h://$PROXY:1080" "${fetch[@]}" "http://$WORLD/"
assert_no_leak "and nothing went past it"

rm "$WORK/danted.log"
start_danted username
capture_start
curl_suite "password" "socks5h://alice:secret@$PROXY:1080"
like "Dante was asked for the name with a password" "$(danted_requests)" \
	'ATYP: 3 address: www\.world\.example\.80'
status_is "a wrong password is curl's exit status 7" 7 \
	through "socks5h://alice:wrong@$PROXY:1080" "${fetch[@]}" \
	http://www.world.example/
status_is "and so is none" 7 \
	through "socks5h://$PROXY:1080" "${fetch[@]}" http://www.world.example/
assert_no_leak "nothing else was on the link with a password"
done_testing
