# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# bind.sh - what the cases about BIND have in common: who calls, and proxies by script
#
# After lib.sh. A case names its scripts, starts them with start_scripts, and has
# "active URL WORD..." do what an FTP client does (active.py).

# The far side, which calls who asks for it.
start_callers() {
	start world far "$PYTHON" "$SUPPORT/far.py" "$WORLD" "$WORLD6" "$OTHER"
	wait_until "the far side" grep -q listening "$WORK/far.log"
}

# One listener of the scripted proxy for each script: url SCRIPT is its URL.
declare -A ports
next_port=1100 scripts=()
script() {
	ports[$1]=$next_port
	scripts+=("--at=$PROXY:$next_port=$1")
	next_port=$((next_port + 1))
}

url() {
	echo "socks5h://$PROXY:${ports[$1]}"
}

# And one without, "plain".
start_scripts() {
	ports[plain]=1099
	start_proxy scripted --name "www.world.example=$WORLD" \
		--at="$PROXY:1099" "${scripts[@]}"
}

# active URL WORD...: active.py's lines, joined by commas; the log in "said".
active() {
	in_client env SOCKSIFY_LOG="$WORK/said" SOCKSIFY_TIMEOUT="${TIMEOUT:-10}" \
		"$SOCKSIFY" -x "$1" "$PYTHON" "$SUPPORT/active.py" "${@:2}" \
		2>&1 | paste -s -d, -
}
