#!/bin/bash
# SPDX-License-Identifier: MIT
# mosh.sh - mosh: its server is started by ssh, its datagrams find it by name; and tools
# that want packets no proxy carries
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start_sshd world
url="socks5h://$PROXY:1080"

capture_start
# The session says a word when it is spoken to, and ends.
started=$(through "$url" timeout 20 ssh -F "$WORK/ssh_config" tester@ssh.world.example \
	"LC_ALL=C.UTF-8 mosh-server new -i $WORLD -p 60001 -- \
	sh -c 'read word; echo \"the-world-heard-\$word\"; sleep 1'" 2>&1)
like "mosh-server is started by ssh" "$started" 'MOSH CONNECT 60001 '
key=$(sed -n 's/^MOSH CONNECT 60001 \([A-Za-z0-9+/]*\).*/\1/p' <<<"$started")
address=$(through "$url" getent ahostsv4 ssh.world.example 2>/dev/null |
	awk 'NR == 1 { print $1 }')
like "its name stands for an address" "$address" '^198\.1[89]\.'
like "mosh-client talks to it there" "$( (sleep 1; echo word; sleep 3) |
	through "$url" env MOSH_KEY="$key" LC_ALL=C.UTF-8 TERM=xterm timeout 20 \
		script -qefc "stty rows 24 cols 80; mosh-client $address 60001" \
		/dev/null 2>&1)" 'the-world-heard-word'

for command in "ping -c 1 -W 1 $WORLD" "ping -c 1 -W 1 $WORLD6" \
	"traceroute -n -I $WORLD" "traceroute -n -T $WORLD6"; do
	# shellcheck disable=SC2086 # words
	told=$(through "$url" timeout 10 $command 2>&1)
	unlike "$command shows nothing of the world" "$told" 'bytes from|  *[0-9.]+ ms'
	like "$command is told why" "$told" \
		'refused: a SOCKS5 proxy carries TCP and UDP only'
done
# UDP with a short life is carried for that long only: nobody on the way is shown.
unlike "traceroute by UDP sees no hop" "$(through "$url" timeout 20 traceroute -n \
	-q 1 -w 1 -m 2 "$WORLD" 2>&1)" '  *[0-9.]+ ms'
assert_no_leak "nothing but the proxy's connections and relays was on the link"
done_testing
