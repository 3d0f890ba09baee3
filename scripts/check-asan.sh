#!/bin/sh
# SPDX-License-Identifier: MIT
# check-asan.sh - the unit tests and the library under ASan and UBSan
#
# The whole library is built with the sanitizers. Programs know nothing of them.
# For the victims ASan's run-time is preloaded too, behind the library and before
# libc, so that it sees what they do with longjmp. Larger programs get it as what
# the library depends on, behind libc (with it in front curl hangs at its start);
# the library's own memory accesses are checked all the same.
set -u

cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL CC CFLAGS
export ASAN_OPTIONS UBSAN_OPTIONS
build=build/asan
cases=${CASES:-curl dns askers hostile refusals blocking waiters failures listeners udp udp-relay udp-victims}
passed=0
failed=0

# Leaks are the programs' own affair: they exit without freeing. Reports go to
# files, since the cases throw some programs' words away.
reports=$PWD/$build/reports
ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0
# Its own handlers lack SA_RESTART, by which a blocking connect goes.
ASAN_OPTIONS=$ASAN_OPTIONS:handle_segv=0:handle_sigbus=0:handle_sigfpe=0
UBSAN_OPTIONS=print_stacktrace=1

# Runs a part whose last line is "…: N passed, M failed", and adds it up.
part() {
	output=$("$@" 2>&1)
	status=$?
	printf '%s\n' "$output"
	last=$(printf '%s\n' "$output" | grep ' passed, [0-9]* failed$' |
		tail -n 1)
	good=$(printf '%s\n' "$last" | sed 's/.* \([0-9]*\) passed.*/\1/')
	bad=$(printf '%s\n' "$last" | sed 's/.* \([0-9]*\) failed$/\1/')
	if [ "$status" -ne 0 ] && [ "${bad:-0}" -eq 0 ]; then
		bad=1
	fi
	passed=$((passed + ${good:-0}))
	failed=$((failed + ${bad:-0}))
}

if ! make -j2 BUILD=$build SANITIZE=address,undefined WERROR=-Werror \
	all victims; then
	echo "asan: 0 passed, 1 failed"
	exit 1
fi
part make -j2 -s BUILD=$build SANITIZE=address,undefined WERROR=-Werror unit
part make -j2 -s BUILD=$build SANITIZE=address,undefined WERROR=-Werror \
	fuzz-replay

rm -rf "$reports"
mkdir -p "$reports"
ASAN_OPTIONS=$ASAN_OPTIONS:log_path=$reports/asan
UBSAN_OPTIONS=$UBSAN_OPTIONS:log_path=$reports/ubsan
runtime=$(LD_PRELOAD=$PWD/$build/libsocksify.so \
	sed -n '/libasan/{s|^[^/]*||p;q;}' /proc/self/maps)
if [ -z "$runtime" ]; then
	echo "check-asan.sh: the library does not bring the sanitizer with it"
	failed=$((failed + 1))
fi
# shellcheck disable=SC2086 # a list
part env BUILD=$build SANITIZER="$runtime" tests/e2e/run $cases
for report in "$reports"/*; do
	if [ -e "$report" ]; then
		head -n 40 "$report"
		failed=$((failed + 1))
	fi
done

echo "asan: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
