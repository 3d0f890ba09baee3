#!/bin/sh
# SPDX-License-Identifier: MIT
# bench.sh [--quick] [ROW...] - what the library costs, as ratios in one run
#
# Ratios only: A and B run in turn, and each round is compared. --quick takes three
# minutes, a full run more than twice that. ROW chooses some (--list names them).
# All of it happens in network namespaces of its own, in a pid namespace that
# takes every process along when it ends. BUILD names the build directory
# (build). What is measured and how: docs/performance.md.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
BUILD=$(realpath -m "${BUILD:-$here/build}")
export BUILD

for tool in unshare nsenter ip python3 curl; do
	if ! PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null; then
		echo "bench.sh: $tool is missing: 'make bench' installs it" >&2
		exit 1
	fi
done
if ! [ -c /dev/net/tun ]; then
	echo "bench.sh: there is no /dev/net/tun, of which the slow link is" \
		"made" >&2
	exit 1
fi

set -- python3 "$here/tests/bench/run.py" "$@"
if [ "$(id -u)" -ne 0 ]; then
	set -- --user --map-root-user -- "$@"
else
	set -- -- "$@"
fi
exec unshare --net --mount --pid --ipc --uts --fork --kill-child --mount-proc \
	"$@"
