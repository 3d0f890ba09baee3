#!/bin/bash
# SPDX-License-Identifier: MIT
# mosh.sh - mosh: its server is started by ssh, its datagrams find it by name; and tools
# that want packets no proxy carries
# shellcheck source=tests/e2e/relays.sh
. "$(dirname "$0")/../relays.sh"
topology
start_danted none
start_shadowsocks
start_v2ray
start_sshd world
url="socks5h://$PROXY:1080"

# A word, and then nothing, until FILE has the answer.
speak() {
	local tries=400
	sleep 1
	echo word
	until grep -qs the-world-heard-word "$1"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || break
		sleep 0.05
	done
	sleep 1
}

# talk URL MOSH-PORT: the session says a word when it is spoken to, and ends.
talk() {
	local started key address screen=$WORK/mosh.$2
	started=$(through "$1" timeout 40 ssh -F "$WORK/ssh_config" \
		tester@ssh.world.example "LC_ALL=C.UTF-8 mosh-server new -i $WORLD \
		-p $2 -- sh -c 'read word; echo \"the-world-heard-\$word\"
		sleep 1'" 2>&1)
	key=$(sed -n "s/^MOSH CONNECT $2 \([A-Za-z0-9+/]*\).*/\1/p" <<<"$started")
	address=$(through "$1" getent ahostsv4 ssh.world.example 2>/dev/null |
		awk 'NR == 1 { print $1 }')
	echo "started ${key:+with a key} at $address"
	# shellcheck disable=SC2094 # it is looked at while it is written
	speak "$screen" | through "$1" env MOSH_KEY="$key" LC_ALL=C.UTF-8 \
		TERM=xterm timeout 40 script -qefc \
		"stty rows 24 cols 80; mosh-client $address $2" /dev/null \
		>"$screen" 2>&1
	cat "$screen"
}

capture_start
running=()
for port in 1080 1084 1085; do
	talk "socks5h://$PROXY:$port" "6$port" >"$WORK/talk.$port" 2>&1 &
	running+=($!)
done
wait "${running[@]}"
for server in "Dante 1080" "shadowsocks 1084" "v2ray 1085"; do
	read -r name port <<<"$server"
	talked=$(tr -d '\0' <"$WORK/talk.$port")
	like "$name: mosh-server is started by ssh, under a name that stands for an address" \
		"$talked" 'started with a key at 198\.1[89]\.'
	like "$name: mosh-client talks to it there" "$talked" 'the-world-heard-word'
done

for command in "ping -c 1 -W 1 $WORLD" "ping -c 1 -W 1 $WORLD6" \
	"traceroute -n -I $WORLD" "traceroute -n -T $WORLD6"; do
	# shellcheck disable=SC2086 # words
	told=$(through "$url" timeout 10 $command 2>&1)
	unlike "$command shows nothing of the world" "$told" 'bytes from|  *[0-9.]+ ms'
	like "$command is told why" "$told" \
		'refused: a SOCKS5 proxy carries TCP and UDP only; only without socksify'
done
# UDP with a short life is carried for that long only: nobody on the way is shown.
unlike "traceroute by UDP sees no hop" "$(through "$url" timeout 20 traceroute -n \
	-q 1 -w 1 -m 2 "$WORLD" 2>&1)" '  *[0-9.]+ ms'
assert_no_leak "nothing but the proxy's connections and relays was on the link"
done_testing
