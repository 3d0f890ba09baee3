#!/bin/bash
# SPDX-License-Identifier: MIT
# carry.sh - programs that no library covers go through the proxy all the same: static
# ones, Go's, musl's
# time: 150
# shellcheck disable=SC2016 # what is quoted is for the shells that are tested
# shellcheck source=tests/e2e/programs.sh
. "$(dirname "$0")/../programs.sh"
programs_topology
go=("$PROGRAMS/carried-go")
[ -x "${go[0]}" ] || bail_out "${go[0]} is not there: run make programs"
static=$WORK/static musl=$WORK/musl raw=$WORK/raw
cc -D_GNU_SOURCE -static -pthread -o "$static" "$HERE/../victims/carried.c" \
	2>"$WORK/cc.log" || bail_out "$(cat "$WORK/cc.log")"
# The kernel's headers are glibc's neighbours.
for kind in -static -dynamic; do
	musl-gcc -D_GNU_SOURCE "$kind" -pthread -idirafter /usr/include \
		-idirafter "/usr/include/$(cc -print-multiarch)" \
		-o "$musl${kind#-static}" "$HERE/../victims/carried.c" \
		2>"$WORK/cc.log" || bail_out "$(cat "$WORK/cc.log")"
done
cc -D_GNU_SOURCE -static -o "$raw" "$HERE/../victims/raw.c" ||
	bail_out "no static program can be linked"
start_proxy hostile --at="$PROXY:1091=reply.cut=3" --at="$PROXY:1092=reply.reset=3" \
	--at="$PROXY:1093=reply.silent" --at="$PROXY:1094=rep=3" \
	--at="$PROXY:1095=user=alice:secret" --at="$PROXY:1096=reply.delay=900" \
	--at="$PROXY:1097=method.drip=5,reply.drip=5" \
	--at="[$PROXY6]:1098"
ALLOWED_PORTS+=(1099) # where nothing listens
hello="hello from the world"
socksify=("$SOCKSIFY" -x "$DANTE")
by() { through "socks5h://$PROXY:$1" "${@:2}"; }
carry() { through "$DANTE" --guard=carry "$@"; }

# --- pages ---------------------------------------------------------------------

# fetches LABEL COMMAND...: "COMMAND HOST PORT TAG" says "ok", by name and address.
fetches() {
	local label=$1 url
	shift
	for url in "$DANTE" "$SLOW"; do
		new_name
		is "$label by name and $url" \
			"$(through "$url" "$@" "$NAMED" 80 "$NAMED" 2>&1)" ok
		is "and the proxy was asked for the name" \
			"$(asked "$url" "$NAMED" 80)" 1
		is "and the far side saw the proxy host" \
			"$(served "$NAMED")" "1 $OUTSIDE"
	done
	new_name
	is "$label by IPv4 address" \
		"$(through "$DANTE" "$@" "$WORLD" 80 "$NAMED" 2>&1)" ok
	is "$label by IPv6 address" \
		"$(through "$DANTE" "$@" "$WORLD6" 80 "$NAMED" 2>&1)" ok
	is "and the far side saw the proxy host, twice" \
		"$(served "$NAMED" | tr '\n' ' ')" "1 $OUTSIDE 1 $OUTSIDE6 "
}
fetches "static glibc" "$static" get
fetches "static musl" "$musl" get
fetches "dynamic musl" "$musl-dynamic" get
is "busybox, which is static" \
	"$(through "$DANTE" busybox wget -q -O - http://www.world.example/ 2>&1)" \
	"$hello"
new_name
is "Go by address, 50 at once, and whom it is connected to" \
	"$(through "$SLOW" "${go[@]}" 50 "http://$WORLD/?$NAMED" 2>&1)" \
	"50 ok $WORLD:80"
is "and the far side saw the proxy host" "$(served "$NAMED")" "50 $OUTSIDE"
new_name
like "Go by name, 50 at once" \
	"$(through "$SLOW" "${go[@]}" 50 "http://$NAMED/?$NAMED" 2>&1)" \
	'^50 ok 198\.1[89]\.[0-9.]+:80$'
is "and the proxy was asked for the name" "$(asked "$SLOW" "$NAMED" 80)" 50
is "and the far side saw the proxy host" "$(served "$NAMED")" "50 $OUTSIDE"
new_name
is "200 threads at once" \
	"$(through "$SLOW" "$static" threads 200 "$WORLD" 80 "$NAMED" 2>&1)" "200 ok"
is "and the far side saw them all" "$(served "$NAMED")" "200 $OUTSIDE"
is "answers byte by byte" "$(by 1097 "$static" get "$WORLD" 80 x 2>&1)" ok
is "with a login" \
	"$(through "socks5h://alice:secret@$PROXY:1095" "$static" get "$WORLD" 80 x \
		2>&1)" ok
echo "$PROXY theproxy" >>"$WORK/hosts.client"
new_name
is "by a proxy that has a name" \
	"$(through socks5h://theproxy:1080 "$static" get "$NAMED" 80 x 2>&1)" ok
is "a direct rule leads past the proxy" \
	"$(through "$DANTE" -d "$PROXY:1090" "$static" peer "$PROXY" 1090 2>&1)" \
	"connect ok
getpeername ok
$PROXY 1090 16
connect again EISCONN"
is "without waiting, too" \
	"$(through "$DANTE" -d "$PROXY:1090" "$static" nonblocking "$PROXY" 1090 2>&1)" \
	"ok nonblocking"
is "and neither was asked for at the proxy" \
	"$(danted_requests | grep -c "$PROXY\.1090\$")" 0
is "getpeername shows whom the program named" \
	"$(through "$DANTE" "$static" peer "$WORLD" 80 2>&1)" \
	"connect ok
getpeername ok
$WORLD 80 16
connect again EISCONN"
is "a connect that does not wait" \
	"$(by 1090 "$static" nonblocking "$WORLD" 80 2>&1)" "ok nonblocking"
is "a socket that was refused can be connected again" \
	"$(through "$DANTE" -q "$static" again "$WORLD" 80 2>&1)" \
	"first ECONNREFUSED
second ok
served"
is "a timer's handler does not break a connect" \
	"$(by 1096 "$static" alarm "$WORLD" 80 2>&1)" \
	"connect ok
served
alarms"

# --- failures -------------------------------------------------------------------

# fails LABEL ERRNO COMMAND...
fails() {
	is "$1 is $2" "$("${@:3}" 2>"$WORK/said")" "$2"
	like "and one line says why" "$(cat "$WORK/said")" \
		'^socksify: static\[[0-9]+\]: [^'$'\n'']*$'
}
fails "a closed port" ECONNREFUSED through "$DANTE" "$static" get "$WORLD" 81 x
fails "an answer that is cut" ECONNREFUSED by 1091 "$static" get "$WORLD" 80 x
fails "one that is reset" ECONNREFUSED by 1092 "$static" get "$WORLD" 80 x
fails "none in time" ETIMEDOUT by 1093 --timeout 1 "$static" get "$WORLD" 80 x
fails "an unreachable network" ENETUNREACH by 1094 "$static" get "$WORLD" 80 x
fails "no proxy" ECONNREFUSED by 1099 "$static" get "$WORLD" 80 x
fails "what is blocked" EACCES \
	through "$DANTE" -b "$WORLD" "$static" get "$WORLD" 80 x
fails "an IPv4 socket and a proxy of IPv6 only" EHOSTUNREACH \
	through "socks5h://[$PROXY6]:1098" "$static" get "$WORLD" 80 x
new_name
is "but by name it is an IPv6 socket" \
	"$(through "socks5h://[$PROXY6]:1098" "$static" get "$NAMED" 80 x 2>&1)" ok
is "a send timeout is a limit, and is kept" \
	"$(by 1096 -q "$static" limit "$WORLD" 80 2>&1)" \
	"connect ETIMEDOUT
limit kept"
like "Go is told, too" \
	"$(through "$DANTE" -q "${go[@]}" 1 "http://$WORLD:81/" 2>&1)" \
	'connection refused'

# --- what leaks nothing, and what stays here ----------------------------------------

for program in "$static" "$musl"; do
	is "$(basename "$program"): no way past" \
		"$(through "$DANTE" -q "$program" leaks "$WORLD" "$WORLD6" 7 2>&1)" \
		"udp-sendto ENETUNREACH
udp-sendmsg ENETUNREACH
udp-sendmmsg ENETUNREACH
udp-connect ENETUNREACH
udp6-sendto ENETUNREACH
udp6-sendmmsg ENETUNREACH
udp6-connect ENETUNREACH
dns-elsewhere ENETUNREACH
fastopen-sendto EOPNOTSUPP
fastopen-sendmsg EOPNOTSUPP
sendto-unconnected EPIPE
fastopen-connect ENOPROTOOPT
hops EPERM
device EPERM
device-index EPERM
group ENODEV
raw EACCES
ping EACCES
packet EACCES
mptcp EPROTONOSUPPORT
sctp EACCES"
	is "$(basename "$program"): this machine is as without" \
		"$(through "$DANTE" -q "$program" local 2>&1 </dev/null)" \
		"$(in_client "$program" local </dev/null |
			sed 's/\(unix-nscd\).*/\1 ECONNREFUSED/')"
	is "$(basename "$program"): what it has closed is closed" \
		"$(through "$DANTE" -q "$program" closes 2>&1 </dev/null)" \
		$'udp 0\ntcp 0\nunix 0'
done
for name in io_uring_setup io_uring_enter io_uring_register; do
	like "$name does not exist" "$(through "$DANTE" "$raw" table 2>/dev/null)" \
		"$name ENOSYS"
done
is "the token lets the library's own calls pass" \
	"$(carry curl -sS --max-time 10 http://www.world.example/ 2>&1)" "$hello"
is "a covered program's lookup by itself" \
	"$(carry dig +short +tries=1 www.world.example 2>&1 | grep -c '^198')" 1

# --- trees ------------------------------------------------------------------------

is "a shell, and what it starts, covered or not" \
	"$(carry bash -c "$static get www.world.example 80 x
		curl -sS http://www.world.example/
		${go[*]} 1 http://$WORLD/
		exit 5" 2>&1; echo $?)" \
	"ok
$hello
1 ok $WORLD:80
5"
out=$(through "$DANTE" bash -c "$static get $WORLD 80 x" 2>&1)
like "under the deny filter a static child is told the cure" "$out" \
	'keeps it off the network; socksify --guard=carry'
like "and fails" "$out" EBADF
says_why "carry under deny is refused" 126 \
	'cannot be carried: the guard of an outer .*--guard=carry$' \
	through "$DANTE" --guard=deny "${socksify[@]}" "$static" end 0
says_why "so is carry under carry" 126 'an outer socksify carries already' \
	carry "${socksify[@]}" "$static" end 0
is "but a covered program runs there" \
	"$(carry "${socksify[@]}" curl -sS http://www.world.example/ 2>&1)" "$hello"
says_why "where the kernel forbids the filter that is told" 126 \
	'cannot be carried: a filter with user notification: .*not permitted' \
	in_client "$raw" forbid "${socksify[@]}" "$static" end 0
says_why "and where another supervisor has the ear of the kernel" 126 \
	'cannot be carried: an outer program is told of system calls here' \
	in_client "$static" outer "${socksify[@]}" "$static" end 0
is "but a covered program runs there" \
	"$(in_client "$static" outer "${socksify[@]}" curl -sS \
		http://www.world.example/ 2>&1)" "$hello"
says_why "--no-guard refuses" 126 'statically linked' \
	through "$DANTE" --no-guard "$static" end 0
# Nobody is to be had where there is more than one user, and the way is open.
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
users=("unshare --user --map-user=1000 --map-group=1000" "unshare -Ur")
is_nobody=
if "${nobody[@]}" test -x "$static" -a -x "$SOCKSIFY" -a -r "$LIBRARY" 2>/dev/null; then
	is_nobody=yes
	users+=("${nobody[*]}")
fi
for user in "${users[@]}"; do
	for program in "$static" "$musl"; do
		new_name
		# shellcheck disable=SC2086 # a command and its words
		is "$(basename "$program") as ${user%% *} ${user##* }" \
			"$(in_client $user "${socksify[@]}" "$program" get \
				"$NAMED" 80 x 2>&1)" ok
	done
done

is "in a user namespace of the program's own" \
	"$(carry unshare -Ur "$static" get www.world.example 80 x 2>&1)" ok
is "in a pid namespace of its own" \
	"$(carry unshare -f -p "$static" get www.world.example 80 x 2>&1)" ok
if [ -n "$is_nobody" ]; then
	cp "$static" "$WORK/secretive"
	chmod 111 "$WORK/secretive"
	out=$(in_client "${nobody[@]}" "${socksify[@]}" busybox sh -c \
		"$WORK/secretive get $WORLD 80 x" 2>&1)
	like "a child that its user cannot read has no network" "$out" EACCES
	like "and one line says why" "$out" \
		'secretive: refused: .*may not look into it'
fi
for server in "fd11:1::53" 127.0.0.53 ::1; do
	echo "nameserver $server" >"$WORK/resolv.client"
	for program in "$static" "$musl"; do
		new_name
		is "$(basename "$program") asks $server" \
			"$(through "$DANTE" "$program" get "$NAMED" 80 "$NAMED" 2>&1)" ok
	done
	like "and Go" "$(through "$DANTE" "${go[@]}" 1 "http://$NAMED/" 2>&1)" '^1 ok'
done
echo "nameserver $RESOLVER" >"$WORK/resolv.client"

# --- as a process --------------------------------------------------------------------

for status in 0 1 7 126 255; do
	status_is "the exit status $status is the program's" "$status" \
		through "$DANTE" "$static" end "$status"
done
# by_signal N: what the parent of the command sees of a program that dies by it.
by_signal() {
	in_client "$PYTHON" -c 'import subprocess, sys
print(subprocess.run(sys.argv[1:]).returncode)' \
		"${socksify[@]}" "$static" die "$1" 2>&1
}
for signal in 2 9 11 15; do
	is "death by signal $signal, too" "$(by_signal "$signal")" "-$signal"
done
is "what was closed at the start is, and what was open" \
	"$(in_client sh -c '"$@" <&-; echo $?; "$@" <&- >&- 2>&-; echo $?; "$@"; echo $?' \
		- "${socksify[@]}" "$static" closed 2>&1 | tr '\n' ' ')" "6 0 7 "
status_is "a program that cannot be run" 127 through "$DANTE" "$WORK/nothing"

# The command in the background, its words in count.out, its pid in $!.
start_count() {
	rm -f "$WORK/count.out"
	in_client /bin/sh -c 'echo $$ >"$1"; shift; exec "$@"' - "$WORK/count.pid" \
		"${socksify[@]}" "$static" count >"$WORK/count.out" 2>&1 &
	waited=$!
	wait_until "the program" grep -q ready "$WORK/count.out"
	pid=$(cat "$WORK/count.pid")
}
start_count
kill -USR1 "$pid"
wait_until "a signal" grep -q usr1 "$WORK/count.out"
pass "a signal to the command is the program's"
program=$(pgrep -f "^$static count")
kill -STOP "$program"
wait_until "the command to stop" grep -q 'State:.T' "/proc/$pid/status"
pass "a program that stops stops the command"
kill -CONT "$pid"
wait_until "the program to go on" grep -q continued "$WORK/count.out"
wait_until "it to sleep" grep -q 'State:.S' "/proc/$program/status"
wait_until "the command to go on" grep -q 'State:.S' "/proc/$pid/status"
pass "and goes on with it"
kill -TERM "$pid"
wait "$waited"
is "which ends as the program does" $? 7
is "once it had the signal once" "$(grep -c usr1 "$WORK/count.out")" 1
is "a signal to all of the group comes once" "$(in_client "$PYTHON" \
	"$SUPPORT/hangup.py" group 10 "${socksify[@]}" "$static" count)" 10
is "who has lost its terminal ends" "$(in_client "$PYTHON" \
	"$SUPPORT/hangup.py" gone "${socksify[@]}" "$static" count)" ended
start_count
program=$(pgrep -f "^$static count")
kill -KILL "$pid"
wait "$waited" 2>/dev/null
wait_until "the program to be killed, too" not kill -0 "$program"
pass "who kills the command has killed the program"

# shellcheck disable=SC2317 # by ok
typed() {
	cat >"$WORK/script"
	ok "$1" in_client "$PYTHON" "$SUPPORT/typist.py" "$WORK/script" "${@:2}"
}
for name in local inner; do
	printf "PS1='%s> '\nbind 'set enable-bracketed-paste off' 2>/dev/null\n" "$name" \
		>"$WORK/$name.rc"
done
typed "a terminal: ^Z, fg, ^C, a shell that is carried, and the shell goes on" \
	bash --noprofile --rcfile "$WORK/local.rc" -i <<-END
	expect local>
	send ${socksify[*]} $static count\\r
	expect \nready
	send \\x1a
	expect Stopped
	expect local>
	send fg\\r
	expect \ncontinued
	send \\x03
	expect local>
	send echo status \$?\\r
	expect \nstatus 130
	expect local>
	send ${socksify[*]} --guard=carry bash --noprofile --rcfile $WORK/inner.rc -i\\r
	expect \ninner>
	send $static count\\r
	expect \nready
	send \\x1a
	expect Stopped
	expect inner>
	send fg\\r
	expect \ncontinued
	send \\x03
	expect inner>
	send $static get www.world.example 80 x\\r
	expect \nok
	expect inner>
	send exit 9\\r
	expect local>
	send echo status \$?\\r
	expect \nstatus 9
	expect local>
	send exit\\r
	wait
END

out=$(carry sh -c "sleep 5 >/dev/null 2>&1 & echo \$! >$WORK/sleeper; echo ended")
is "the command ends with the program, its pipes too" "$out" ended
ok "while what it left goes on" kill -0 "$(cat "$WORK/sleeper")"
kill "$(cat "$WORK/sleeper")"
new_name
status_is "a program that leaves a daemon" 0 \
	through "$DANTE" "$static" later "$WORK/later" "$WORLD" 80 "$NAMED"
wait_until "the daemon's page" grep -q . "$WORK/later"
is "which is carried when the program is gone" "$(cat "$WORK/later")" ok
is "and the far side saw the proxy host" "$(served "$NAMED")" "1 $OUTSIDE"
# 137 would be the second bound's.
status_is "an interrupt ends a connect that waits" 124 \
	by 1093 --guard=carry timeout -k 20 -s INT 0.3 "$static" get "$WORLD" 80 x
is "a child that is killed in the middle of a connect" \
	"$(by 1093 --guard=carry bash -c "$static get $WORLD 80 x & sleep 0.3
		kill -9 \$!; wait \$!; echo \$?" 2>/dev/null)" 137
wait_until "no supervisor is left" not pgrep -x socksify-carry
pass "and no supervisor is left"
programs_done
