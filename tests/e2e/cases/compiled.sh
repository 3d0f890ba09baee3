#!/bin/bash
# SPDX-License-Identifier: MIT
# compiled.sh - a program of Rust and tokio, which is covered; and those of Go, which
# no library can cover, but a supervisor carries
# time: 120
# shellcheck source=tests/e2e/programs.sh
. "$(dirname "$0")/../programs.sh"
rust=("$PROGRAMS/connects-rust")
[ -x "${rust[0]}" ] || bail_out "${rust[0]} is not there: run make programs"
programs_topology

for kind in tokio current std timeout; do
	connects Rust "$kind" 50 "${rust[@]}"
	refused Rust "$kind" 20 "${rust[@]}"
done
by_address Rust tokio 50 "${rust[@]}"
by_address Rust std 20 "${rust[@]}"

# Go's own calls are not libc's: the command says so and runs nothing, or carries them.
for program in connects-go cgo; do
	out=$(through "$DANTE" --guard=deny "$PROGRAMS/$program" "$WORLD" 80 none 2>&1)
	is "$program is refused by --guard=deny" "$?" 126
	like "and it says why" "$out" "^socksify: .*$program: is a .*Go program"
	new_name
	out=$(through "$DANTE" "$PROGRAMS/$program" "$NAMED" 80 "$NAMED" 2>&1)
	like "$program is carried" "$out" 'go: ok'
	unlike "and nothing of it fails" "$out" 'cut|denied|lookup'
	at_most "and the proxy was asked for the name" 1 \
		"$(asked "$DANTE" "$NAMED" 80)"
done
# Where a covered program starts them, the guard keeps Go's sockets off the network.
# C's part of a program goes through the proxy all the same.
like "Go started by a shell has no network" \
	"$(through "$DANTE" sh -c "$PROGRAMS/connects-go $WORLD 80 none" \
		2>/dev/null)" '^go: dial tcp .*permission denied$'
new_name
out=$(through "$DANTE" sh -c "$PROGRAMS/cgo $NAMED 80 $NAMED; :" 2>/dev/null)
like "the C in a Go program goes through the proxy" "$out" '^c: ok'
is "which was asked for the name" "$(asked "$DANTE" "$NAMED" 80)" 1
is "and the far side saw the proxy host" "$(served "$NAMED")" "1 $OUTSIDE"
like "and its Go has no network" "$out" 'go: .*permission denied$'
new_name
out=$(through "$DANTE" "$PYTHON" -c 'import ctypes, sys
ctypes.CDLL(sys.argv[1]).Both(*(word.encode() for word in sys.argv[2:]))
' "$PROGRAMS/cgo.so" "$NAMED" 80 "$NAMED" 2>/dev/null)
like "the C of a Go library in a C program is covered" "$out" '^c: ok'
like "and its Go has no network" "$out" 'go: .*permission denied$'
is "and the far side saw the proxy host" "$(served "$NAMED")" "1 $OUTSIDE"
# Without the guard nothing stops it but the look at the file.
status_is "without the guard the shell may not even start it" 126 \
	through "$DANTE" --no-guard sh -c "$PROGRAMS/cgo $WORLD 80 none"
programs_done
