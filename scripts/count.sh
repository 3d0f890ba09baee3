# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# count.sh - the count that every check ends with; to be sourced
passed=0
failed=0

# count LOG STATUS: adds a part that wrote LOG and ended with STATUS; good and bad are its
# own. The last line "…: N passed, M failed" is what it did. One without such a line is
# itself one test; one that ended badly, or ran nothing, has failed whatever it says.
count() {
	counts=$(sed -n 's/^.*\([^0-9]\|^\)\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\2 \3/p' \
		"$1" | tail -n 1)
	if [ -z "$counts" ]; then
		counts="1 0"
		[ "$2" -eq 0 ] || counts="0 1"
	fi
	good=${counts% *}
	bad=${counts#* }
	if [ "$bad" -eq 0 ] && { [ "$2" -ne 0 ] || [ "$good" -eq 0 ]; }; then
		bad=1
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
}
