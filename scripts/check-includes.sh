#!/bin/sh
# SPDX-License-Identifier: MIT
# check-includes.sh - imports go one way: core <- resolver <- preload and launcher; core <- relay
set -eu
status=0

# FILES FORBIDDEN: no file may include a header of the forbidden folders.
forbid() {
	# shellcheck disable=SC2086 # patterns
	# shellcheck disable=SC2086 # patterns of files
	found=$(grep -nE "#include \"($2)" $1 /dev/null || :)
	[ -z "$found" ] && return
	echo "an include that goes the wrong way:" >&2
	echo "$found" >&2
	status=1
}

forbid "core/*.[ch]" "resolver/|preload/|launcher/|relay/"
forbid "resolver/*.[ch]" "preload/|launcher/|relay/"
forbid "preload/*.[ch]" "launcher/|relay/"
forbid "launcher/*.[ch]" "preload/|relay/"
forbid "relay/*.[ch]" "resolver/|preload/|launcher/"

# The pure modules make no system call of their own either.
forbid "core/cursor.[ch] core/endpoint.[ch] core/socks5.[ch] core/handshake.[ch] core/rules.[ch] core/elf.[ch] core/envfix.[ch] core/pathlist.[ch] core/fragments.[ch] core/row.[ch] core/heir.[ch] core/segments.[ch] core/gssapi.[ch] resolver/dnswire.[ch] resolver/stub.[ch]" \
	"core/sys\\.h|core/config\\.h"

# One file knows GSSAPI's library, and nothing outside of relay/ is linked with it.
found=$(grep -lE '#include <(gssapi|krb5)' core/*.[ch] resolver/*.[ch] preload/*.[ch] \
	launcher/*.[ch] relay/*.[ch] | grep -v '^relay/security\.c$' || :)
if [ -n "$found" ]; then
	echo "gssapi.h belongs to relay/security.c: $found" >&2
	status=1
fi

# One place for the next definition of a call; resolver/idn.c loads a library of its own.
found=$(grep -nE '\bdlsym\(' preload/*.c core/*.c resolver/*.c |
	grep -vE '^(preload/real|resolver/idn)\.c' || :)
if [ -n "$found" ]; then
	echo "dlsym belongs to preload/real.c:" >&2
	echo "$found" >&2
	status=1
fi
exit $status
