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
cases=${CASES:-curl dns askers hostile refusals blocking waiters failures listeners udp udp-names udp-odds udp-relay udp-victims udp-bounds gssapi-hostile}
. scripts/sanitizer.sh

# Leaks are the programs' own affair: they exit without freeing.
ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0:$own_handlers
UBSAN_OPTIONS=print_stacktrace=1

if ! make -j2 BUILD=$build SANITIZE=address,undefined WERROR=-Werror \
	all victims; then
	echo "asan: 0 passed, 1 failed"
	exit 1
fi
part make -j2 -s BUILD=$build SANITIZE=address,undefined WERROR=-Werror unit
part make -j2 -s BUILD=$build SANITIZE=address,undefined WERROR=-Werror \
	fuzz-replay

begin_reports
ASAN_OPTIONS=$ASAN_OPTIONS:log_path=$reports/asan
UBSAN_OPTIONS=$UBSAN_OPTIONS:log_path=$reports/ubsan
find_runtime libasan
# shellcheck disable=SC2086 # a list
part env BUILD=$build SANITIZER="$runtime" tests/e2e/run $cases
count_reports
finish asan
