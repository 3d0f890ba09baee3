# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# victims.sh - a case that compares a victim's rows with their direct runs
#
# The direct run is made in the proxy host, which has a route to the world; the
# others in the client, under the library, through Dante and through the
# scripted proxy with each answer delayed by 50 ms. All reach the same far side,
# over a link that takes 100 ms each way, so that a connect pends long enough to
# be looked at.

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SLOW=10.33.3.2 SLOW6=fd33:3::2
# For these there is ICMP that says host or network unreachable, or nothing.
NO_HOST=10.33.3.9 NO_NET=10.33.3.10 NO_HOST6=fd33:3::9 NO_NET6=fd33:3::10
SILENT=10.33.3.8

slow_link() {
	start proxyhost slowlink "$PYTHON" "$SUPPORT/slowlink.py" 100 \
		"${holders[proxyhost]}" eth0 "${holders[world]}" slow \
		"$NO_HOST=1" "$NO_NET=0" "$NO_HOST6=3" "$NO_NET6=0"
	wait_until "the slow link" grep -q linked "$WORK/slowlink.log"
	# shellcheck disable=SC2015 # whichever of them fails
	in_world sh -ec "
		cd /proc/sys/net
		for conf in all default slow eth0; do
			echo 0 >ipv4/conf/\$conf/rp_filter
		done
		ip addr add $SLOW/32 dev slow
		ip addr add $SLOW6/128 dev slow
		ip rule add from $SLOW table 7
		ip route add $OUTSIDE/32 dev slow table 7
		ip -6 rule add from $SLOW6 table 7
		ip -6 route add $OUTSIDE6/128 dev slow table 7" ||
		bail_out "cannot set up the world's end of the slow link"
	in_proxyhost sh -ec "
		echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
		echo 0 >/proc/sys/net/ipv4/conf/eth0/rp_filter
		echo 1 >/proc/sys/net/ipv4/tcp_syn_retries
		ip route add 10.33.3.0/24 dev eth0 src $OUTSIDE
		ip -6 route add fd33:3::/64 dev eth0 src $OUTSIDE6" ||
		bail_out "cannot set up the slow link"
	in_client sh -c "echo 1 >/proc/sys/net/ipv4/tcp_syn_retries"
	# Dante connects from the client's own port, and a direct run from the same host:
	# where that one's end is still on the link, the far side would refuse the other.
	in_client sh -c "echo 32768 46999 >/proc/sys/net/ipv4/ip_local_port_range"
	in_proxyhost sh -c "echo 47000 60999 >/proc/sys/net/ipv4/ip_local_port_range"
}

start_far() {
	start world far "$PYTHON" "$SUPPORT/far.py" "$SLOW" "$SLOW6"
	wait_until "the far side" grep -q listening "$WORK/far.log"
}

# compare VICTIM: every row, or those that the environment's ROWS names; by danted
# and slow, or by what WAYS names: "again" is a second direct run, which shows
# whether a row is worth anything; "six" is Dante by its IPv6 address, which no
# IPv4 socket reaches.
compare() {
	local row options=()
	for row in ${ROWS:-}; do
		options+=(--only "$row")
	done
	for row in ${WAYS-danted slow}; do
		case $row in
		again)	options+=(--way "again=$(command_in proxyhost)") ;;
		danted)	options+=(--way "danted=$(command_in client env \
				LD_PRELOAD="$PRELOAD" \
				SOCKSIFY_PROXY="socks5h://$PROXY:1080")") ;;
		slow)	options+=(--way "slow=$(command_in client env \
				LD_PRELOAD="$PRELOAD" \
				SOCKSIFY_PROXY="socks5h://$PROXY:1090")") ;;
		six)	options+=(--way "six=$(command_in client env \
				LD_PRELOAD="$PRELOAD" \
				SOCKSIFY_PROXY="socks5h://[$PROXY6]:1080")") ;;
		esac
	done
	"$PYTHON" "$SUPPORT/compare.py" --victim "$BUILD/victims/$1" \
		--table "$WORK/table.md" --lines "$WORK/lines" \
		--jobs "${ROWS_AT_ONCE:-6}" \
		--far "echo=$SLOW:7" --far "echo6=$SLOW6:7" \
		--far "echo-mapped=::ffff:$SLOW:7" \
		--far "banner=$SLOW:8" --far "closed=$SLOW:9" \
		--far "closed6=$SLOW6:9" --far "bye=$SLOW:10" \
		--far "closed-mapped=::ffff:$SLOW:9" \
		--far "sink=$SLOW:11" --far "source=$SLOW:12" \
		--far "no-host=$NO_HOST:7" --far "no-net=$NO_NET:7" \
		--far "control=$SLOW:21" --far "control6=$SLOW6:21" \
		--far "control-mapped=::ffff:$SLOW:21" \
		--far "no-host6=$NO_HOST6:7" \
		--far "no-net6=$NO_NET6:7" --far "silent=$SILENT:7" \
		--direct "$(command_in proxyhost)" "${options[@]}"
}

# victim_case VICTIM: the whole case.
victim_case() {
	[ -x "$BUILD/victims/$1" ] ||
		bail_out "$BUILD/victims/$1 is not there: run make victims"
	topology
	slow_link
	start_far
	start_danted none
	start_proxy slow --at="$PROXY:1090=method.delay=50,reply.delay=50"
	compare "$1"
}
