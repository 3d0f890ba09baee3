# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# programs.sh - a case of real programs: what each did, as it says itself, as the
# proxy's log has it, and as the far side saw it
#
# Dante is one of the proxies; the other is the scripted one, which is 50 ms late
# with each answer, so that connections pend long enough to be waited for.

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/e2e/suites.sh
. "$HERE/suites.sh"

# shellcheck disable=SC2034 # for the cases
PROGRAMS=$BUILD/programs
DANTE="socks5h://$PROXY:1080"
SLOW="socks5h://$PROXY:1090"
# Their port is one where nothing listens.
CLOSED=81

# What all these cases have; and captures, from here on.
programs_topology() {
	topology
	start_danted none
	start_proxy slow --at="$PROXY:1090=method.delay=50,reply.delay=50"
	start_web
	capture_start
}

# A name that nobody has used before, in NAMED.
names_made=0
new_name() {
	names_made=$((names_made + 1))
	NAMED=n$names_made.world.example
	echo "$WORLD $NAMED" >>"$WORK/hosts.proxyhost"
}

# asked URL NAME PORT: how often that proxy was asked for it, by name.
asked() {
	case $1 in
	"$DANTE") danted_requests | grep -c "ATYP: 3 address: $2\.$3\$" ;;
	*) grep -c "\"atyp\": 3, \"command\": 1, \"dst\": \"$2\", \"port\": $3}" \
		"$WORK/slow.requests" ;;
	esac
}

# served TAG: how many requests with that tag the far side had from the proxy host,
# and from whom else.
served() {
	sed -n "s/^\([^ ]*\) .*[?]$1 HTTP.* 200 .*/\1/p" "$WORK/web.log" |
		sort | uniq -c | sed 's/^ *//'
}

# connects LABEL KIND COUNT COMMAND...: "COMMAND KIND COUNT HOST PORT TAG" makes
# COUNT connections to a name and says "COUNT ok".
connects() {
	local label=$1 kind=$2 count=$3 url port=80
	shift 3
	[ "$kind" != https ] || port=443
	for url in "$DANTE" "$SLOW"; do
		new_name
		is "$label, $kind: $count by name and $url" \
			"$(through "$url" timeout 60 "$@" "$kind" "$count" \
				"$NAMED" "$port" "$NAMED" 2>&1)" "$count ok"
		is "and the proxy was asked for it" \
			"$(asked "$url" "$NAMED" "$port")" "$count"
		is "and the far side saw the proxy host" \
			"$(served "$NAMED")" "$count $OUTSIDE"
	done
}

# by_address LABEL KIND COUNT COMMAND...: likewise to the IPv4 and IPv6 address.
by_address() {
	local label=$1 kind=$2 count=$3
	shift 3
	new_name
	is "$label, $kind: $count by IPv4 address" \
		"$(through "$SLOW" timeout 60 "$@" "$kind" "$count" "$WORLD" 80 \
			"$NAMED" 2>&1)" "$count ok"
	is "and the far side saw the proxy host" \
		"$(served "$NAMED")" "$count $OUTSIDE"
	new_name
	is "$label, $kind: $count by IPv6 address" \
		"$(through "$SLOW" timeout 60 "$@" "$kind" "$count" "$WORLD6" 80 \
			"$NAMED" 2>&1)" "$count ok"
	is "and the far side saw the proxy host" \
		"$(served "$NAMED")" "$count $OUTSIDE6"
}

# refused LABEL KIND COUNT COMMAND...: at a closed port it says, COUNT times, what
# it says without a proxy.
refused() {
	local label=$1 kind=$2 count=$3 url direct
	shift 3
	direct=$(in_proxyhost timeout 60 "$@" "$kind" "$count" \
		www.world.example "$CLOSED" none 2>&1)
	like "$label, $kind, directly: $count refused" "$direct" \
		"^$count [^o][^k]"
	for url in "$DANTE" "$SLOW"; do
		is "$label, $kind: $count refused by $url" \
			"$(through "$url" timeout 60 "$@" "$kind" "$count" \
				www.world.example "$CLOSED" none \
				2>"$WORK/refused.err")" "$direct"
	done
}

programs_done() {
	assert_no_leak "nothing else was on the link"
	done_testing
}
