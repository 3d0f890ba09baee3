#!/bin/sh
# SPDX-License-Identifier: MIT
# check-stress.sh [BUILD...] - random operations by 64 threads, each of which knows
# what it must see; "N passed, M failed" at the end
#
# For STRESS_SECONDS (30) with each build directory: build/asan and build/tsan unless
# others are named, which make has made. STRESS_SEED (1) names the run; the thread
# sanitizer takes part in neither forks nor signals. In a network of its own, where
# nothing is but a proxy that is its own far side (tests/stress/server.c).
set -u

cd "$(dirname "$0")/.." || exit 1
seconds=${STRESS_SECONDS:-30}
seed=${STRESS_SEED:-1}
threads=${STRESS_THREADS:-64}
passed=0
failed=0

if [ "${1-}" != --inside ]; then
	if [ "$(id -u)" -eq 0 ]; then
		exec unshare --net sh "$0" --inside "$@"
	fi
	exec unshare --user --map-root-user --net sh "$0" --inside "$@"
fi
shift
PATH=$PATH:/usr/sbin:/sbin
ip link set lo up || exit 1
[ $# -gt 0 ] || set -- build/asan build/tsan

unset MAKEFLAGS MFLAGS MAKELEVEL CC CFLAGS
ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0
# Its own handlers lack SA_RESTART, by which a blocking connect goes.
ASAN_OPTIONS=$ASAN_OPTIONS:handle_segv=0:handle_sigbus=0:handle_sigfpe=0
# What was freed is kept for a while; that is not to look like growth.
ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=1:thread_local_quarantine_size_kb=16
TSAN_OPTIONS=suppressions=$PWD/tests/tsan.suppressions:exitcode=66
export ASAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS=print_stacktrace=1

# What make is to be told of that build, and stress.
sanitizer_of() {
	case $1 in
	*/asan) echo address,undefined ;;
	*/tsan) echo thread ;;
	esac
}

# Runs the server and the stress with one build; nonzero if anything was wrong.
stress() {
	build=$1
	shift
	"$build/stress/server" 1080 >"$build/stress/server.log" 2>&1 &
	server=$!
	tries=100
	until ss -Hltn 'sport = :1080' | grep -q .; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
	# Address space is not laid out at random: the thread sanitizer's is fixed.
	env LD_PRELOAD="$PWD/$build/libsocksify.so" \
		SOCKSIFY_PROXY=socks5h://127.0.0.1:1080 \
		SOCKSIFY_MAP="$PWD/$build/stress/names.$$" \
		timeout --signal=KILL $((seconds + 120)) setarch -R \
		"$build/stress/stress" -t "$threads" -n "$seconds" -s "$seed" "$@"
	status=$?
	rm -f "$build/stress/names.$$"
	kill "$server"
	wait "$server" || status=1
	tail -n 20 "$build/stress/server.log"
	return "$status"
}

for build; do
	sanitizer=$(sanitizer_of "$build")
	options=
	[ "$sanitizer" != thread ] || options=-q
	# shellcheck disable=SC2086 # none or one
	if make -j2 -s BUILD="$build" SANITIZE="$sanitizer" WERROR=-Werror \
		all stress-programs && stress "$build" $options; then
		passed=$((passed + 1))
	else
		echo "check-stress.sh: $build failed, seed $seed"
		failed=$((failed + 1))
	fi
done
echo "stress: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
