#!/bin/bash
# SPDX-License-Identifier: MIT
# hostile-bytes.sh - each byte of each answer late, cut, reset or flipped; proxies that
# die or freeze with 50 handshakes under way
# time: 300
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_web
sources=$(cd "$HERE/../programs" && pwd)
user=alice:secret

# --- byte by byte ------------------------------------------------------------

# NAME|BYTES|BND|what a flipped byte of the reply is taken for. With the 4 bytes that
# come before it, method and answer to credentials, BYTES are sent in all.
replies=(
	"an IPv4 address|14|10.22.2.2:80|1 ok, 1 ECONNREFUSED, 6 ok"
	"an IPv6 address|26|[fd22:2::2]:80|1 ok, 1 ECONNREFUSED, 18 ok"
	# A length that is too great never ends.
	"a name|24|www.world.example:80|1 ok, 1 ECONNREFUSED, 1 ETIMEDOUT, 15 ok"
)
ways=(blocking epoll)
manners=(late cut reset flip)

options=() port=4000
for reply in "${replies[@]}"; do
	IFS='|' read -r _ _ bound _ <<<"$reply"
	for manner in "${manners[@]}"; do
		for _ in "${ways[@]}"; do
			options+=("--at=$PROXY:$port=user=$user,bound=$bound,sweep=$manner")
			port=$((port + 1))
		done
	done
done
start_proxy bytes "${options[@]}"

# sweep PORT WAY COUNT
sweep() {
	in_client "$SOCKSIFY" -x "socks5h://$user@$PROXY:$1" --timeout 3 \
		"$PYTHON" "$SUPPORT/sweep.py" "$2" "$3" "$WORLD" 80 \
		2>"$WORK/sweep.$1.err"
}

capture_start
port=4000
for reply in "${replies[@]}"; do
	IFS='|' read -r name bytes _ flipped <<<"$reply"
	for manner in "${manners[@]}"; do
		case $manner in
		late) wanted="$bytes ok" ;;
		cut | reset) wanted="$bytes ECONNREFUSED" ;;
		flip) wanted="6 ECONNREFUSED, $flipped" ;;
		esac
		for way in "${ways[@]}"; do
			sweep "$port" "$way" "$bytes" >"$WORK/sweep.$port" &
			sweeps[port]=$!
			port=$((port + 1))
		done
		port=$((port - ${#ways[@]}))
		for way in "${ways[@]}"; do
			wait "${sweeps[$port]}"
			is "each byte $manner, BND is $name, $way" \
				"$(cat "$WORK/sweep.$port")" "$wanted"
			port=$((port + 1))
		done
	done
done

# --- many at once ------------------------------------------------------------

# at_proxy PORT: how many connections the proxy host has there.
at_proxy() {
	in_proxyhost ss -Htn state established "( sport = :$1 )" | wc -l
}

all_are_at() {
	[ "$(at_proxy "$1")" -eq "$2" ]
}

# crowd PORT WAY: 50 connections by that way of connects.py, in the background.
crowd() {
	in_client "$SOCKSIFY" -x "socks5h://$PROXY:$1" --timeout "${3:-30}" \
		timeout 60 "$PYTHON" "$sources/connects.py" "$2" 50 "$WORLD" 80 \
		none >"$WORK/crowd" 2>"$WORK/crowd.err" &
	crowd=$!
	wait_until "50 handshakes at port $1" all_are_at "$1" 50
}

# told: the lines about the target on standard error.
told() {
	grep -c "^socksify: .*$WORLD:80" "$WORK/crowd.err"
}

port=5000
for stage in method reply; do
	for way in epoll poll select threads; do
		start_proxy "dying-$port" --at="$PROXY:$port=$stage.silent"
		dying=$!
		crowd "$port" "$way"
		kill -KILL "$dying"
		wait "$dying" 2>/dev/null
		wait "$crowd"
		is "the proxy dies before its $stage, and 50 are told: $way" \
			"$(cat "$WORK/crowd")" "50 ECONNREFUSED"
		is "in one line" "$(told)" 1
		port=$((port + 1))
	done
done

for way in epoll poll threads threads; do
	start_proxy "freezing-$port" --at="$PROXY:$port=reply.delay=100"
	freezing=$!
	kill -STOP "$freezing"
	crowd "$port" "$way" 2
	wait "$crowd"
	is "a frozen proxy, and 50 are told once their time is over: $way" \
		"$(cat "$WORK/crowd")" "50 ETIMEDOUT"
	is "in one line" "$(told)" 1
	kill -KILL "$freezing"
	wait "$freezing" 2>/dev/null
	port=$((port + 1))
done

# A program's own limit comes before ours.
start_proxy silent --at="$PROXY:$port=reply.silent"
for way in limit thread-limit; do
	is "a silent proxy, and the program's half second: $way" \
		"$(through "socks5h://$PROXY:$port" timeout 60 "$PYTHON" \
			"$sources/connects.py" "$way" 50 "$WORLD" 80 none 2>&1)" \
		"50 timeout"
done
port=$((port + 1))

# Where descriptors are short, as many are had as without us.
start_proxy slow --at="$PROXY:$port=method.delay=50,reply.delay=50"
short=(prlimit --nofile=40 "$PYTHON" "$sources/connects.py" epoll 100 "$WORLD" 80
	short)
is "100 with 40 descriptors: as many fail as directly" \
	"$(through "socks5h://$PROXY:$port" "${short[@]}" 2>&1)" \
	"$(in_proxyhost "${short[@]}" 2>&1)"
for way in epoll poll select; do
	is "300 at once: $way" \
		"$(through "socks5h://$PROXY:$port" timeout 60 "$PYTHON" \
			"$sources/connects.py" "$way" 300 "$WORLD" 80 many 2>&1)" \
		"300 ok"
done
assert_no_leak "nothing went past these proxies"
done_testing
