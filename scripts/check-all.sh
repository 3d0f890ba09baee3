#!/bin/sh
# SPDX-License-Identifier: MIT
# check-all.sh - every check there is, part by part, and one count at the end
#
# A part's words go to build/check/PART.log; here it has one line, and the end
# of its log where it fails. count.sh says what counts.
set -u

cd "$(dirname "$0")/.." || exit 1
# What "make check" was given is for none of the builds below.
unset MAKEFLAGS MFLAGS MAKELEVEL BUILD CC CFLAGS SANITIZE WERROR

. scripts/count.sh

logs=build/check
mkdir -p "$logs" || exit 1

# part NAME COMMAND...
part() {
	name=$1
	shift
	log=$logs/$name.log
	started=$(date +%s)
	"$@" >"$log" 2>&1 </dev/null
	status=$?
	seconds=$(($(date +%s) - started))
	count "$log" "$status"
	verdict=ok
	[ "$bad" -eq 0 ] || verdict=FAIL
	printf '%-4s %-12s %4d s  %5d passed %3d failed\n' "$verdict" "$name" \
		"$seconds" "$good" "$bad"
	if [ "$bad" -ne 0 ]; then
		tail -n 100 "$log" | sed 's/^/     | /'
	fi
}

build() {
	make -j2 BUILD="build/$1" CC="$1" WERROR=-Werror all victims
}

unit() {
	make -j2 BUILD="build/$1" CC="$1" WERROR=-Werror unit
}

# SC2317: functions that are arguments of others look unreachable.
scripts_are_clean() {
	git ls-files -z --cached --others --exclude-standard -- \
		'*.sh' .ci/run tests/unit/run tests/e2e/run |
		xargs -0 shellcheck -x -P SCRIPTDIR -e SC2317
}

part build-gcc build gcc
part build-clang build clang
part programs make -j2 BUILD=build/gcc programs
part unit-gcc unit gcc
part unit-clang unit clang
part shellcheck scripts_are_clean
part lint sh scripts/lint.sh
part conformance sh scripts/check-conformance.sh
part asan sh scripts/check-asan.sh
part tsan sh scripts/check-tsan.sh
part stress sh scripts/check-stress.sh
part e2e env BUILD=build/gcc tests/e2e/run

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
