#!/bin/bash
# SPDX-License-Identifier: MIT
# bind-order.sh - which is readable first: the listener at the proxy, or its control
#
# The control is kept back for a second at the most, or 100 ms where it cannot be read. What is to be quicker than that, on a
# machine that does other things too, is tried several times.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/bind.sh
. "$HERE/bind.sh"
topology
start_callers
start_danted none
script second.delay=30
script second.delay=2000
script second.rep=1
start_scripts

# The server says WORD when it has connected: ordered URL WAY WORD [MORE...]
ordered() {
	active "$1" "$WORLD" "order-$2" says "${@:3}"
}

tries() {
	for _ in 1 2 3 4 5; do
		"$@"
	done
}

taken="accept $WORLD 20 as the control's,data called,data echo"
too_early="first control 0x[0-9a-f]+ at once"

capture_start
for way in poll look select; do
	unlike "Dante, $way: the control is not readable first" \
		"$(ordered "socks5h://$PROXY:1080" "$way" 226 10 times)" "$too_early"
	for says in 226 250-and-more $'\x17encrypted'; do
		name="$way: a transfer is over, it says ${says/$'\x17'/}:"
		got=$(ordered "$(url second.delay=30)" "$way" "$says" 5 times)
		like "$name the listener is readable before the control" \
			"$got" "first listener,said $says,$taken"
		unlike "$name the control is not, for a while" "$got" "$too_early"
	done
	is "$way: a second reply that is late: the control is told, and then again" \
		"$(ordered "$(url second.delay=2000)" "$way" 226 |
			grep -oE 'first control.*')" \
		"first control 0x1 kept idle,again 0x1,said 226,$taken"
	like "$way: a second reply that says no" \
		"$(ordered "$(url second.rep=1)" "$way" 226 5 times)" \
		",first listener,said 226,accept ECONNREFUSED"
	like "$way: that it will connect is told at once" \
		"$(tries ordered "$(url second.delay=2000)" "$way" 150 closes)" \
		",first control 0x1 at once idle,again 0x1,said 150"
	like "$way: that it cannot is told at once" \
		"$(tries ordered "$(url plain)" "$way" 226 miscalled closes)" \
		",first control 0x1 at once idle,again 0x1,said 425"
	like "$way: the end of a control is told at once" \
		"$(tries ordered "$(url plain)" "$way" 226 uncalled hangs-up closes)" \
		",first control 0x(1|11) at once idle"
done
like "what else the control shows is told at once" \
	"$(ordered "$(url second.delay=2000)" look 226 writable)" \
	",at first 0x4,first control 0x5 kept"
assert_no_leak "nothing else was on the link"
done_testing
