#!/bin/bash
# SPDX-License-Identifier: MIT
# languages.sh - programs of node, Perl and Python: many connections at once by each
# of their own ways
# time: 200
# shellcheck source=tests/e2e/programs.sh
. "$(dirname "$0")/../programs.sh"
sources=$(cd "$HERE/../programs" && pwd)
node=(/usr/bin/node "$sources/connects.js")
perl=(/usr/bin/perl "$sources/connects.pl")
python=("$PYTHON" "$sources/connects.py")
programs_topology
export NODE_EXTRA_CA_CERTS=$WORK/ca.pem

for kind in net http https fetch; do
	connects node "$kind" 50 "${node[@]}"
done
by_address node net 50 "${node[@]}"
by_address node http 50 "${node[@]}"
refused node net 20 "${node[@]}"
refused node http 20 "${node[@]}"

connects Perl inet 3 "${perl[@]}"
connects Perl ip 3 "${perl[@]}"
connects Perl timeout 3 "${perl[@]}"
connects Perl ip-timeout 3 "${perl[@]}"
connects Perl alarm 3 "${perl[@]}"
connects Perl select 50 "${perl[@]}"
by_address Perl ip 2 "${perl[@]}"
by_address Perl select 20 "${perl[@]}"
for kind in inet ip timeout ip-timeout alarm select; do
	refused Perl "$kind" 2 "${perl[@]}"
done

for kind in select poll epoll threads thread-timeouts urllib; do
	connects Python "$kind" 50 "${python[@]}"
	refused Python "$kind" 20 "${python[@]}"
done
by_address Python epoll 50 "${python[@]}"
by_address Python threads 50 "${python[@]}"
programs_done
