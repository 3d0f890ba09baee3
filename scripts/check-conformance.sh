#!/bin/sh
# SPDX-License-Identifier: MIT
# check-conformance.sh - each `file`: `name` of docs/conformance.md is a test that exists
#
# Many names are put together when the test runs: so what is before and behind a ": " is
# looked for apart, without quotes, up to "…". A row of a victim is named by its case.
set -u
cd "$(dirname "$0")/.." || exit 1

# The references, one to a line: the file, a blank, the name.
references()
{
	# shellcheck disable=SC2016 # backticks, as they stand there
	tr '\n' ' ' <docs/conformance.md |
		grep -oE '`[a-z0-9_-]+\.(c|sh)`:( (the rows? )?`[^`]+`(,| and)?)+' |
		awk -F'`' '{ for (i = 4; i < NF; i += 2) print $2, $i }'
}

# FILE: what can hold the names of its tests.
text_of()
{
	files=$(ls "tests/unit/$1" "tests/e2e/$1" "tests/e2e/cases/$1" 2>/dev/null)
	[ -n "$files" ] || return
	# shellcheck disable=SC2086 # one word for each
	victims=$(sed -nE 's|.*/victims/([a-z]+)".*|tests/victims/\1.c|p
		s/^(victim_case|alike) ([a-z]+).*/tests\/victims\/\2.c/p' $files | sort -u)
	# shellcheck disable=SC2086 # likewise
	cat $files $victims | tr -d '"'
}

# FILE NAME
exists()
{
	text=$(text_of "$1")
	printf '%s\n' "$2" | awk '{ gsub(/: /, "\n"); print }' |
		while read -r part; do
			part=${part%%…*}
			case $text in
			*"${part%%...*}"*) ;;
			*) exit 1 ;;
			esac
		done
}

missing=0
checked=0
while read -r file name; do
	checked=$((checked + 1))
	exists "$file" "$name" && continue
	echo "docs/conformance.md: $file has no test \"$name\""
	missing=$((missing + 1))
done <<END
$(references)
END
echo "conformance: $checked tests named, $missing of them missing"
[ "$checked" -gt 0 ] && [ "$missing" -eq 0 ]
