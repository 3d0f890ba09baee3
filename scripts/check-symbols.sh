#!/bin/sh
# SPDX-License-Identifier: MIT
# check-symbols.sh BUILD - the exports are the list's; the pure layers are pure
set -eu
build=$1

# 1. What the library exports is calls.def, no more and no less.
expected=$(sed -n 's/^CALL([A-Z_]*, *\([A-Za-z0-9_]*\)).*/\1/p' \
	preload/calls.def | sort)
exported=$(nm -D --defined-only "$build/libsocksify.so" |
	awk '$2 ~ /[TWi]/ { print $3 }' | sort)
if [ "$expected" != "$exported" ]; then
	echo "the exports differ from preload/calls.def (< list, > library):" >&2
	printf '%s\n' "$expected" >"$build/expected.txt"
	printf '%s\n' "$exported" >"$build/exported.txt"
	diff "$build/expected.txt" "$build/exported.txt" >&2 || :
	exit 1
fi

# 2. c-ares is inside and nowhere seen: programs have their own. What it needs of
# libc is looked up when it first asks; our own code needs nothing so late, where a
# signal handler may be running.
if nm -D "$build/libsocksify.so" | grep ares_ >&2; then
	echo "c-ares shows" >&2
	exit 1
fi
cares=${CARES:-$(${CC:-cc} -print-file-name=libcares.a)}
late=$(readelf -rW "$build/libsocksify.so" |
	awk '/JUMP_SL/ { sub(/@.*/, "", $5); print $5 }' | sort -u)
allowed=$({ nm -u "$cares" 2>/dev/null | awk '{ print $2 }'
	echo __register_atfork; } | sort -u)
alien=$(printf '%s\n' "$late" | grep -vxF "$allowed" | grep -Ev '^__(asan|ubsan|tsan)' || :)
if [ -n "$alien" ]; then
	echo "looked up when first called, by code of our own:" >&2
	echo "$alien" >&2
	exit 1
fi

# 3. The pure modules need nothing of the system: bytes and strings only; the
# stub also what judges names, which is handed no message. The sanitizers' runtime
# (in such builds) is no part of that.
pure="core/cursor core/endpoint core/socks5 core/handshake core/rules core/elf
	core/envfix core/pathlist core/fragments core/gssapi resolver/dnswire resolver/stub"
allowed='^(mem(cpy|cmp|set|move|chr)|str(len|cmp|chr|rchr|casecmp|ncasecmp)|strn(cmp|len)|strcspn|bcmp|explicit_bzero|inet_(pton|ntop)|in6addr_.*|strerrordesc_np|log_format|__(asan|ubsan|tsan|sanitizer)_.*|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|(cursor|reader|writer|endpoint|socks5|handshake|rules|elf|envfix|pathlist|fragments|gssapi|text|dnswire)_.*)$'
status=0
for module in $pure; do
	object=$build/$module.o
	[ -f "$object" ] || continue
	alien=$(nm -u "$object" | awk '{ print $2 }' |
		grep -Ev "$allowed" || :)
	[ "$module" = resolver/stub ] &&
		alien=$(printf '%s\n' "$alien" | grep -v '^judge_' || :)
	if [ -n "$alien" ]; then
		# shellcheck disable=SC2086 # on one line
		echo "$module.c is to be pure, but needs:" >&2
		echo "$alien" >&2
		status=1
	fi
done
exit $status
