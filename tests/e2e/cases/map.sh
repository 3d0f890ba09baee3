#!/bin/bash
# SPDX-License-Identifier: MIT
# map.sh - where the addresses of names are kept: shared by processes, over a drop
# of privileges, and said clearly when there is no place for them
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
names=$BUILD/victims/names
[ -x "$names" ] || bail_out "$names is not there: run make victims"

# under [VARIABLE=VALUE]... COMMAND...: with the library, its words in $WORK/log.
under() {
	in_client env LD_PRELOAD="$PRELOAD" SOCKSIFY_LOG="$WORK/log" \
		SOCKSIFY_PROXY="socks5h://$PROXY:1080" "$@"
}

like "a name of one process is known in forked and in executed ones" \
	"$(under "$names" everywhere www.world.example)" \
	'forked:.*name=www.world.example.*executed:.*name=www.world.example'
address=$(under getent ahostsv4 a.example | awk 'NR == 1 { print $1 }')
like "and in one that only gets the address" \
	"$(under getent hosts "$address")" "^$address +a.example"
like "however many ask at once, they agree" "$(
	for _ in 1 2 3 4 5 6 7 8; do
		under getent ahostsv4 b.example &
	done | awk '$2 == "STREAM" { print $1 }' | sort | uniq -c
)" "^ *8 198\\.1[89]\\.[0-9.]+$"

# Looks names up before and after it gives its privileges up.
drop='
import os, socket, subprocess, sys
first = socket.gethostbyname("a.example")
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
assert socket.gethostbyname("a.example") == first
later = socket.gethostbyname("later.example")
print(socket.gethostbyaddr(first)[0], socket.gethostbyaddr(later)[0])
'
is "a process that gives its privileges up keeps its names" \
	"$(under "$PYTHON" -c "$drop" 2>&1)" "a.example later.example"

# Not root, and afterwards in another root, where there are no files.
sandbox='
import ctypes, encodings.idna, os, socket, sys
PR_SET_NO_NEW_PRIVS, CLONE_NEWUSER = 38, 0x10000000
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
assert libc.unshare(CLONE_NEWUSER) == 0
os.chroot("/proc/self/fdinfo")
later = socket.gethostbyname("sandbox.example")
print(socket.gethostbyaddr(sys.argv[1])[0], socket.gethostbyaddr(later)[0])
'
as_user=(unshare --user --map-user=1000 --map-group=1000 --)
address=$(under "${as_user[@]}" getent ahostsv4 a.example | awk 'NR == 1 { print $1 }')
is "and so does one that puts itself into a sandbox" \
	"$(under "${as_user[@]}" "$PYTHON" -c "$sandbox" "$address" 2>&1)" \
	"a.example sandbox.example"

: >"$WORK/log"
touch "$WORK/no-map"
like "another file is not used" "$(
	under SOCKSIFY_MAP="$WORK/no-map" getent ahostsv4 a.example)" \
	'^198\.1[89]\.'
like "which is said" "$(cat "$WORK/log")" "$WORK/no-map is not used"
is "and it is left as it was" "$(stat -c %s "$WORK/no-map")" 0

: >"$WORK/log"
# All but the directory where the log is.
in_client sh -ec "
	mount -t tmpfs -o ro none /dev/shm
	mount --rbind /tmp /tmp
	mount --bind $WORK $WORK
	mount -o remount,bind,ro /tmp" ||
	bail_out "cannot make places read-only"
status_is "with no place to write to, names are not looked up" 2 \
	under getent hosts a.example
like "the log says so, and why" "$(cat "$WORK/log")" \
	'names cannot be looked up: no place.*Read-only file system'
like "what the machine knows is known" "$(under getent hosts testhost)" \
	'^127\.0\.1\.1 +testhost'
done_testing
