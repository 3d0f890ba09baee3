#!/bin/bash
# SPDX-License-Identifier: MIT
# servers.sh - other proxies (microsocks, ssh -D) and other programs (wget, ssh,
# nc, Python)
# time: 200
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/suites.sh
. "$HERE/suites.sh"
topology
start_danted none
start_microsocks none
start_microsocks username
start_ssh_d
start_sshd world
start_web

capture_start
program_suite Dante "socks5h://$PROXY:1080"
program_suite microsocks "socks5h://$PROXY:1081"
program_suite "microsocks with a password" "socks5h://alice:secret@$PROXY:1082"
program_suite "ssh -D" "socks5h://$PROXY:1083"
like "microsocks refuses a wrong password" \
	"$(through "socks5h://alice:wrong@$PROXY:1082" "${probe[@]}" connect \
		"$WORLD" 80 2>/dev/null)" '^ECONNREFUSED '
like "microsocks was asked for the name" "$(cat "$WORK/microsocks-1081.log")" \
	'connected to www\.world\.example:80'
assert_no_leak "nothing else was on the link"
done_testing
