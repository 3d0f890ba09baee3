#!/bin/sh
# SPDX-License-Identifier: MIT
# check-tsan.sh - the library under TSan, by the victims that have threads
#
# The library alone is built with the sanitizer. Its run-time is preloaded behind it
# and before libc, so that it sees the programs' threads begin and end, and how they
# wait for each other.
set -u

cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL CC CFLAGS
export TSAN_OPTIONS
build=build/tsan
cases=${CASES:-waiters blocking streams families-waiters udp-victims}
passed=0
failed=0

# Reports go to files, and do not change how a row ends: each is a failure below.
# tests/tsan.suppressions says what is not told, and why.
reports=$PWD/$build/reports
TSAN_OPTIONS=exitcode=0:suppressions=$PWD/tests/tsan.suppressions
# Its own handlers lack SA_RESTART, by which a blocking connect goes.
TSAN_OPTIONS=$TSAN_OPTIONS:handle_segv=0:handle_sigbus=0:handle_sigfpe=0
# Rows fork while they have threads, and their handlers call what they need.
TSAN_OPTIONS=$TSAN_OPTIONS:die_after_fork=0:report_signal_unsafe=0

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

if ! make -j2 BUILD=$build SANITIZE=thread WERROR=-Werror all victims; then
	echo "tsan: 0 passed, 1 failed"
	exit 1
fi

rm -rf "$reports"
mkdir -p "$reports"
TSAN_OPTIONS=$TSAN_OPTIONS:log_path=$reports/tsan
# cat, since it has no library that calls ours before the run-time is ready.
# shellcheck disable=SC2002 # whose maps they are matters
runtime=$(LD_PRELOAD=$PWD/$build/libsocksify.so cat /proc/self/maps |
	sed -n '/libtsan/{s|^[^/]*||p;q;}')
if [ -z "$runtime" ]; then
	echo "check-tsan.sh: the library does not bring the sanitizer with it"
	failed=$((failed + 1))
fi
# shellcheck disable=SC2086 # a list
part env BUILD=$build SANITIZER="$runtime" ROWS_AT_ONCE=4 tests/e2e/run $cases
for report in "$reports"/*; do
	if [ -e "$report" ]; then
		head -n 60 "$report"
		failed=$((failed + 1))
	fi
done

echo "tsan: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
