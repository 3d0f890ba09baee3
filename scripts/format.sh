#!/bin/sh
# SPDX-License-Identifier: MIT
# format.sh [COMMIT] - formats the lines of C that changed since COMMIT (HEAD)
#
# Only those: clang-format is right about most lines, and a hand about the rest.
set -eu

cd "$(dirname "$0")/.."
differ=
for name in clang-format-diff clang-format-diff-14 clang-format-diff.py; do
	if command -v "$name" >/dev/null; then
		differ=$name
		break
	fi
done
if [ -z "$differ" ]; then
	echo "format.sh: clang-format-diff is missing:" \
		"apt-get install clang-format" >&2
	exit 1
fi
git diff -U0 --no-color "${1:-HEAD}" -- '*.c' '*.h' | "$differ" -p1 -i
