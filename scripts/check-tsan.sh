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
cases=${CASES:-waiters blocking streams families-waiters udp-victims udp-races}
. scripts/sanitizer.sh

# A report does not change how a row ends; tests/tsan.suppressions says what is not told,
# and why. Rows fork while they have threads, and their handlers call what they need.
TSAN_OPTIONS=exitcode=0:suppressions=$PWD/tests/tsan.suppressions:$own_handlers
TSAN_OPTIONS=$TSAN_OPTIONS:die_after_fork=0:report_signal_unsafe=0

if ! make -j2 BUILD=$build SANITIZE=thread WERROR=-Werror all victims; then
	echo "tsan: 0 passed, 1 failed"
	exit 1
fi

begin_reports
TSAN_OPTIONS=$TSAN_OPTIONS:log_path=$reports/tsan
find_runtime libtsan
# shellcheck disable=SC2086 # a list
part env BUILD=$build SANITIZER="$runtime" ROWS_AT_ONCE=4 tests/e2e/run $cases
count_reports
finish tsan
