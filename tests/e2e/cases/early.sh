#!/bin/bash
# SPDX-License-Identifier: MIT
# early.sh - pipeline and early-data: fewer round trips, and what they cost
# time: 240
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/suites.sh
. "$(dirname "$0")/../suites.sh"
topology
start_web
start_sshd world
start_danted none
start_ssh_d
start_microsocks none
# The ways in which a proxy says no, each 100 ms late.
refusals=(
	"rep=5,reply.delay=100"
	"rep=2,tail=none,reply.delay=100"
	"rep=4,close,linger=1000,reply.delay=100"
	"rep=2,reply.drip=5,reply.delay=100"
	"rep=2,reply.delay=100,reply.flood=100000"
	"method=255,method.delay=100"
	"method.cut=0,method.delay=100"
	"method.reset=0,method.delay=100"
	"reply.reset=4,reply.delay=100"
)
at=() port=2000
for script in "${refusals[@]}"; do
	at+=("--at=$PROXY:$port=$script")
	port=$((port + 1))
done
start_proxy early --name www.world.example="$WORLD" \
	--name other.world.example="$OTHER" --name ssh.world.example="$WORLD" \
	"--at=$PROXY:1090" \
	"--at=$PROXY:1091=method.delay=150,reply.delay=150" \
	"--at=$PROXY:1092=method.delay=100,method.drip=20,reply.drip=20" \
	"--at=$PROXY:1093=rep=0,reply.delay=100,reply.append=220 a banner\n" \
	"--at=$PROXY:1094=user=alice:secret" \
	"--at=$PROXY:1095=reply.silent" "${at[@]}"
early=("$PYTHON" "$SUPPORT/early.py")

# to_proxy PORT [FILTER]: how many segments with data the client sent there.
to_proxy() {
	packets eth0 "tcp dst port $1 and (ip[2:2] - ((ip[0] & 0xf) << 2) -
		((tcp[12] & 0xf0) >> 2) != 0) ${2:+and $2}" | wc -l
}
data='tcp[((tcp[12] & 0xf0) >> 2)'

# --- neither -------------------------------------------------------------------

capture_start
is "unless asked for, a page comes" \
	"$(through "socks5h://$PROXY:1090" "${probe[@]}" fetch \
		www.world.example 80)" "$page"
capture_stop
is "and greeting and request are two segments" \
	"$(to_proxy 1090 "$data:4] = 0x05010003")" 1
like "and connect waits for both answers" \
	"$(through "socks5h://$PROXY:1091" "${early[@]}" times "$WORLD" 80)" \
	'^3[0-9][0-9] [0-9]+ ok$'

# --- pipeline ------------------------------------------------------------------

export SOCKSIFY_PIPELINE=1
capture_start
is "pipeline: a page comes" \
	"$(through "socks5h://$PROXY:1090" "${probe[@]}" fetch \
		www.world.example 80)" "$page"
capture_stop
is "pipeline: greeting and request are one segment" \
	"$(to_proxy 1090 "$data:4] = 0x05010005")" 1
is "pipeline: of two in all, with the program's own" "$(to_proxy 1090)" 2
like "pipeline: connect waits for both answers" \
	"$(through "socks5h://$PROXY:1091" "${early[@]}" times "$WORLD" 80)" \
	'^[3-9][0-9][0-9] [0-9]+ ok$'
is "pipeline: with a login it is as if it were off" \
	"$(through "socks5h://alice:secret@$PROXY:1094" "${probe[@]}" fetch \
		www.world.example 80)" "$page"
curl_suite "pipeline, Dante" "socks5h://$PROXY:1080"
program_suite "pipeline, ssh -D" "socks5h://$PROXY:1083"
for number in "${!refusals[@]}"; do
	port=$((2000 + number))
	refusal=$(SOCKSIFY_PIPELINE=0 through "socks5h://$PROXY:$port" \
		"${probe[@]}" connect www.world.example 80 2>/dev/null)
	like "pipeline: a refusal is what it is without (${refusals[number]})" \
		"$(through "socks5h://$PROXY:$port" "${probe[@]}" connect \
			www.world.example 80 2>/dev/null)" "^${refusal% *} "
done
read -r said took <<<"$(SOCKSIFY_TIMEOUT=2 through "socks5h://$PROXY:1081" \
	timeout 20 "${probe[@]}" connect "$WORLD" 80 2>"$WORK/said")"
is "pipeline: microsocks, which breaks, is a connect that times out" \
	"$said" ETIMEDOUT
at_most "pipeline: after the seconds that were said" "${took:-never}" 2500
is "pipeline: which one line tells" "$(wc -l <"$WORK/said")" 1
like "pipeline: with its cure" "$(cat "$WORK/said")" \
	"$WORLD:80: the proxy did not answer in time .*pipeline no"
unset SOCKSIFY_PIPELINE

# --- early-data ------------------------------------------------------------------

export SOCKSIFY_EARLY_DATA=1
capture_start
read -r connected took verdict <<<"$(through "socks5h://$PROXY:1091" \
	"${early[@]}" times "$WORLD" 80)"
capture_stop
is "early-data: a page comes" "$verdict" ok
at_most "early-data: connect does not wait for the answers" "$connected" 100
at_most "early-data: the page does" 300 "$took"
is "early-data: greeting and request are one segment" \
	"$(to_proxy 1091 "$data:4] = 0x05010005")" 1
first=$(packets eth0 "tcp port 1091 and (ip[2:2] - ((ip[0] & 0xf) << 2) -
	((tcp[12] & 0xf0) >> 2) != 0)" | head -n 2)
is "early-data: and the program's words go before the proxy's first" \
	"$(grep -c " > $PROXY\.1091: " <<<"$first")" 2
is "early-data: with a login it is as if it were off" \
	"$(through "socks5h://alice:secret@$PROXY:1094" "${probe[@]}" fetch \
		www.world.example 80)" "$page"

for proxy in 1091 1092; do
	url=socks5h://$PROXY:$proxy
	for way in poll select epoll epoll-edge; do
		is "early-data, $proxy: $way" "$(through "$url" "${early[@]}" \
			wait "$way" www.world.example 80)" ok
	done
	for way in recv read readv recvfrom recvmsg peek splice; do
		is "early-data, $proxy: read by $way" "$(through "$url" \
			"${early[@]}" read "$way" www.world.example 80)" ok
	done
	for row in dontwait forked executed threads half-closed deaf options \
		options-undone again; do
		is "early-data, $proxy: $row" "$(through "$url" "${early[@]}" \
			"$row" www.world.example 80)" ok
	done
	is "early-data, $proxy: 50 of asyncio's" \
		"$(through "$url" "${probe[@]}" asyncio 50 www.world.example 80 |
			cut -d' ' -f1,2)" "50 ok"
done
is "early-data: a banner in the reply's own segment is the program's" \
	"$(through "socks5h://$PROXY:1093" "${probe[@]}" banner \
		www.world.example 80)" "220 a banner"

is "early-data: an IPv4 socket, the proxy by its IPv6 address" \
	"$(through "socks5h://[$PROXY6]:1080" "${early[@]}" read recv \
		"$WORLD" 80)" ok

# What programs do, but for a connect that is refused.
early_suite() {
	local label=$1 url=$2
	is "$label: http by name" \
		"$(through "$url" "${fetch[@]}" http://www.world.example/ 2>&1)" \
		"$page"
	is "$label: https by name" \
		"$(through "$url" "${fetch[@]}" https://www.world.example/ 2>&1)" \
		"$page"
	is "$label: by IPv6 address" \
		"$(through "$url" "${fetch[@]}" "http://[$WORLD6]/peer" 2>&1)" \
		"$OUTSIDE6"
	is "$label: a POST comes back whole" \
		"$(through "$url" "${fetch[@]}" --data-binary @"$WORK/files/post" \
			http://www.world.example/echo 2>&1 | sha256sum)" \
		"$(sha256sum <"$WORK/files/post")"
	is "$label: a file of 24 MiB by https" \
		"$(through "$url" "${fetch[@]}" \
			https://www.world.example/file/big 2>&1 | sha256sum)" \
		"$(sha256sum <"$WORK/files/big")"
	is "$label: 20 at once by name" "$(parallel "$url" http)" "20 $page"
	is "$label: 20 at once by https" "$(parallel "$url" https)" "20 $page"
	is "$label: wget by name and https" \
		"$(through "$url" wget -q -T 10 -t 1 -O - \
			--ca-certificate "$WORK/ca.pem" \
			https://www.world.example/ 2>&1)" "$page"
	is "$label: ssh carries a megabyte each way" \
		"$(head -c 1000000 "$WORK/files/big" |
			through "$url" ssh -F "$WORK/ssh_config" \
				ssh.world.example cat 2>&1 | sha256sum)" \
		"$(head -c 1000000 "$WORK/files/big" | sha256sum)"
	like "$label: nc hears the banner" \
		"$(through "$url" timeout 10 nc -w 5 ssh.world.example 22 \
			<<<"bye" 2>&1)" '^SSH-2\.0-OpenSSH'
	is "$label: 50 of asyncio's at once" \
		"$(through "$url" "${probe[@]}" asyncio 50 www.world.example 80 |
			cut -d' ' -f1,2)" "50 ok"
}
capture_start
early_suite "early-data, Dante" "socks5h://$PROXY:1080"
early_suite "early-data, ssh -D" "socks5h://$PROXY:1083"
early_suite "early-data, the scripted proxy" "socks5h://$PROXY:1091"
assert_no_leak "early-data: nothing else was on the link"

# A refusal comes too late for connect(): it is what a reset is natively.
start world reset-server "${early[@]}" reset-server "$WORLD" 7
wait_until "the server that resets" grep -q listening "$WORK/reset-server.log"
for row in refused-read refused-write refused-error refused-epoll; do
	native=$(in_proxyhost "${early[@]}" "$row" "$WORLD" 7)
	like "a native reset is one ($row)" "$native" '^0 ECONNRESET '
	is "early-data: a refused port by Dante ($row)" \
		"$(through "socks5h://$PROXY:1080" "${early[@]}" "$row" \
			www.world.example 81 2>"$WORK/said")" "$native"
	like "early-data: the log has the true cause" "$(cat "$WORK/said")" \
		'^[^ ]*socksify.*www\.world\.example:81: the proxy refused: .*REP 5.*shown as a reset$'
	is "early-data: so by its IPv6 address, from an IPv4 socket ($row)" \
		"$(through "socks5h://[$PROXY6]:1080" "${early[@]}" "$row" \
			"$WORLD" 81 2>/dev/null)" "$native"
	for number in "${!refusals[@]}"; do
		is "early-data: $row of ${refusals[number]}" \
			"$(through "socks5h://$PROXY:$((2000 + number))" \
				"${early[@]}" "$row" www.world.example 80 \
				2>"$WORK/said")" "$native"
	done
done
is "early-data: a proxy that keeps silent is a reset, in time" \
	"$(SOCKSIFY_TIMEOUT=1 through "socks5h://$PROXY:1095" timeout 5 \
		"${early[@]}" refused-read "$WORLD" 80 2>"$WORK/said")" "$native"
like "early-data: which is told" "$(cat "$WORK/said")" \
	'the proxy did not answer in time .*shown as a reset$'
is "early-data: and so is microsocks, which loses data" \
	"$(SOCKSIFY_TIMEOUT=1 through "socks5h://$PROXY:1081" timeout 5 \
		"${early[@]}" refused-read "$WORLD" 80 2>"$WORK/said")" "$native"
is "early-data: with one line" "$(wc -l <"$WORK/said")" 1
unset SOCKSIFY_EARLY_DATA

# --- mistakes ---------------------------------------------------------------------

for variable in SOCKSIFY_PIPELINE SOCKSIFY_EARLY_DATA; do
	like "a wrong $variable stops everything" \
		"$(export "$variable=maybe"
			through "socks5h://$PROXY:1090" "${fetch[@]}" \
				"http://$WORLD/" 2>&1)" \
		"$variable: is yes or no"
done
done_testing
