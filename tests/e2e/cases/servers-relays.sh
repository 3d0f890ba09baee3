#!/bin/bash
# SPDX-License-Identifier: MIT
# servers-relays.sh - proxies that are the near end of something longer: shadowsocks,
# v2ray, and tor as far as it answers without a network
# time: 200
# shellcheck source=tests/e2e/relays.sh
. "$(dirname "$0")/../relays.sh"
# shellcheck source=tests/e2e/suites.sh
. "$HERE/suites.sh"
topology
start_shadowsocks
start_v2ray
start_tor
start_sshd world
start_web

# too_late LABEL PROXY-URL: what a proxy does that says success before it dials: the
# connect succeeds, and the connection ends.
too_late() {
	like "$1: a connect to a refused port seems to succeed" \
		"$(through "$2" "${probe[@]}" connect "$WORLD" 81 2>&1)" '^ok '
	status_is "$1: and is curl's empty reply" 52 \
		through "$2" "${fetch[@]}" http://www.world.example:81/
}

capture_start
good_programs_suite shadowsocks "socks5h://$PROXY:1084"
too_late shadowsocks "socks5h://$PROXY:1084"
like "shadowsocks was asked for the name" "$(cat "$WORK/ss-local.log")" \
	'connect to www\.world\.example:80'
unlike "and for no fake address" "$(cat "$WORK/ss-local.log")" '198\.1[89]\.'
like "a user's password is not offered where none is asked for" \
	"$(through "socks5h://alice:secret@$PROXY:1084" "${probe[@]}" connect \
		www.world.example 80 2>&1)" '^ok '

good_programs_suite v2ray "socks5h://$PROXY:1085"
too_late v2ray "socks5h://$PROXY:1085"
good_programs_suite "v2ray with a password" "socks5h://alice:secret@$PROXY:1086"
like "v2ray refuses a wrong password" \
	"$(through "socks5h://alice:wrong@$PROXY:1086" "${probe[@]}" connect \
		"$WORLD" 80 2>/dev/null)" '^ECONNREFUSED '
like "and none" "$(through "socks5h://$PROXY:1086" "${probe[@]}" connect \
	"$WORLD" 80 2>/dev/null)" '^ECONNREFUSED '
like "v2ray was asked for the name" "$(cat "$WORK/v2ray.log")" \
	'TCP Connect request to tcp:www\.world\.example:80'
unlike "and for no fake address" "$(cat "$WORK/v2ray.log")" '198\.1[89]\.'

# tor: no circuit is TTL expired (6), or a failure (1) where it looks for one just
# then; an address is not allowed (2), a name that is none a failure; any login is
# good.
no_circuit='(ETIMEDOUT|ECONNREFUSED)'
for login in "" alice:secret@; do
	url="socks5h://$login$PROXY:1087"
	like "tor ($url), blocking: no circuit" \
		"$(through "$url" "${probe[@]}" connect www.world.example 80 \
			2>/dev/null)" "^$no_circuit [1-3][0-9]{3}\$"
	like "tor ($url), without blocking" \
		"$(through "$url" "${probe[@]}" nonblocking www.world.example \
			80 2>/dev/null)" \
		"^EINPROGRESS ready $no_circuit [1-3][0-9]{3}\$"
	like "tor ($url), 50 at once" \
		"$(through "$url" "${probe[@]}" asyncio 50 www.world.example \
			80 2>/dev/null)" "^([0-9]+ $no_circuit )+[1-4][0-9]{3}\$"
	like "tor ($url): an address is not allowed" \
		"$(through "$url" "${probe[@]}" connect "$WORLD" 80 \
			2>/dev/null)" '^EACCES '
	like "tor ($url): a name that it does not take" \
		"$(through "$url" "${probe[@]}" connect foo.exit 80 \
			2>/dev/null)" '^ECONNREFUSED '
done
like "a refusal of tor's is told with its reason" \
	"$(through "socks5h://$PROXY:1087" "${probe[@]}" connect "$WORLD" 80 \
		2>&1)" "^socksify: .*$WORLD"
like "tor was asked for the name" "$(cat "$WORK/tor.log")" \
	'get a connection to www\.world\.example:80'
assert_no_leak "nothing else was on the link"
done_testing
