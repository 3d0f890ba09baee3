# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# sanitizer.sh - what the checks with a sanitizer have in common; to be sourced
#
# build is the build directory. What the sanitizer finds goes to files below reports,
# since some tests throw the programs' words away; each file is a failure.
. scripts/count.sh

reports=$PWD/${build:?}/reports
# Their own handlers lack SA_RESTART, by which a blocking connect goes.
# shellcheck disable=SC2034 # who sources this uses it
own_handlers=handle_segv=0:handle_sigbus=0:handle_sigfpe=0

# part COMMAND...: runs and counts it.
part() {
	"$@" >"$build/part.log" 2>&1
	status=$?
	cat "$build/part.log"
	count "$build/part.log" "$status"
}

begin_reports() {
	rm -rf "$reports"
	mkdir -p "$reports"
}

count_reports() {
	for report in "$reports"/*; do
		[ -e "$report" ] || continue
		head -n 60 "$report"
		failed=$((failed + 1))
	done
}

# find_runtime NAME: sets runtime to the sanitizer's own library, as the loader finds it.
find_runtime() {
	# cat, since it has no library that calls ours before the run-time is ready.
	# shellcheck disable=SC2002 # whose maps they are matters
	runtime=$(LD_PRELOAD=$PWD/$build/libsocksify.so cat /proc/self/maps |
		sed -n "/$1/{s|^[^/]*||p;q;}")
	if [ -z "$runtime" ]; then
		echo "$0: the library does not bring the sanitizer with it"
		failed=$((failed + 1))
	fi
}

# finish NAME: the last line.
finish() {
	echo "$1: $passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
