#!/bin/sh
# SPDX-License-Identifier: MIT
# socksify.sh - runs the socksify command of this build tree or installation
#
# It finds the command and becomes it; all else is the command's business. No
# process is started on the way, but a readlink where this file is a link.
here=$0
while [ -h "$here" ]; do
	link=$(readlink -- "$here") || exit 125
	case $link in
	/*) here=$link ;;
	*) here=${here%/*}/$link ;;
	esac
done
case $here in
*/*) here=${here%/*} ;;
*) here=. ;;
esac

for command in "$here/build/socksify" "$here/socksify" "$here/../bin/socksify"
do
	[ -f "$command" ] && [ -x "$command" ] && exec "$command" "$@"
done
echo "socksify.sh: no socksify command in $here/build; run make there" >&2
exit 125
