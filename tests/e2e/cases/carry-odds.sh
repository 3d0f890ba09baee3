#!/bin/bash
# SPDX-License-Identifier: MIT
# carry-odds.sh - carried programs that do what is seldom done, and how long the supervisor
# of them holds out
# time: 60
# shellcheck disable=SC2016 # what is quoted is for the shells that are tested
# shellcheck source=tests/e2e/programs.sh
. "$(dirname "$0")/../programs.sh"
programs_topology
go=$PROGRAMS/carried-go
[ -x "$go" ] || bail_out "$go is not there: run make programs"
odds=$WORK/odds
cc -D_GNU_SOURCE -static -pthread -o "$odds" "$HERE/../victims/carriedodds.c" \
	2>"$WORK/cc.log" || bail_out "$(cat "$WORK/cc.log")"
start_proxy hostile --at="$PROXY:1093=reply.silent" --at="$PROXY:1096=reply.delay=900" \
	--at="$PROXY:1094=rep=5"
by() { through "socks5h://$PROXY:$1" "${@:2}"; }

# --- several threads ------------------------------------------------------------

is "who waits in the kernel keeps nobody else waiting" \
	"$(through "$DANTE" "$odds" wrong 2>&1)" "beside it ok"
is "a connect that another thread takes apart while the proxy has not answered" \
	"$(by 1096 --guard=carry "$odds" unmake "$OTHER" "$WORLD" 80 2>&1)" \
	"unmade ok
who waited ECONNABORTED
another ok
$WORLD"
is "other calls go on while a connect waits" \
	"$(by 1093 "$odds" beside "$WORLD" 80 2>&1)" "a hundred calls
and it waits"
is "a thread with descriptors of its own" \
	"$(through "$DANTE" -q "$odds" table "$WORLD" 7 2>&1)" "own table ENETUNREACH"

# --- signals ----------------------------------------------------------------------

# What the call is for which a signal waits: the proxy is silent for a minute.
waits() { by 1093 -q --timeout 60 "$odds" interrupted "$WORLD" 80 "$1" 2>&1; }
is "a handler has the signal while a connect waits, which goes on" "$(waits restarts)" \
	handler
is "a handler that does not want it to go on" "$(waits ends)" "ends EINTR"
is "one that does not come back" "$(waits jumps)" jumped
is "a connect that does not wait is not interrupted" "$(waits not-waiting)" handler
is "a signal for one thread" "$(waits thread)" handler

# What a terminal's ^Z does, and fg.
for how in "" thread; do
	rm -f "$WORK/waits.out" "$WORK/waits.pid"
	# shellcheck disable=SC2086 # a word or none
	in_client sh -c 'echo $$ >"$1"; shift; exec "$@"' - "$WORK/waits.pid" "$SOCKSIFY" -q \
		-x "socks5h://$PROXY:1093" --timeout 60 "$odds" waits "$WORLD" 80 $how \
		>"$WORK/waits.out" 2>&1 &
	waiting=$!
	wait_until "a program that connects" grep -q ready "$WORK/waits.out"
	sleep 0.5
	command=$(cat "$WORK/waits.pid")
	program=$(pgrep -f "^$odds waits")
	kill -TSTP "$program"
	wait_until "the command to stop" grep -q 'State:.T' "/proc/$command/status"
	pass "a stop while a connect waits${how:+ in another thread}"
	kill -CONT "$program"
	wait_until "the command to go on" grep -q 'State:.S' "/proc/$command/status"
	kill -TERM "$command"
	wait "$waiting"
	is "and it goes on with it" "$?,$(head -n 1 "$WORK/waits.out")" "143,ready"
done
is "Go has its signal while its first thread waits" \
	"$(by 1093 -q --timeout 60 "$go" signal "$WORLD:80" 2>&1)" terminated
is "Go collects its garbage meanwhile" \
	"$(by 1096 "$go" busy "http://$WORLD/" 2>&1)" "<nil> true"

# --- sockets ------------------------------------------------------------------------

is "IPV6_V6ONLY is what it was when the connect has failed" \
	"$(by 1094 -q "$odds" only6 "$WORLD6" 80 2>&1)" "connect ECONNREFUSED
only 1"
is "a flow label, which could name hops" "$(through "$DANTE" "$odds" label 2>&1)" \
	"label EPERM"
is "getpeername into no memory" \
	"$(by 1090 "$odds" peer-nowhere "$WORLD" 80 2>&1)" "connect ok
getpeername Bad address"

# --- processes ----------------------------------------------------------------------

is "what the program used is what its caller is told" "$(in_client "$PYTHON" -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime > 0.45)' \
	"$SOCKSIFY" -x "$DANTE" "$odds" burn 500 2>&1)" True
is "LISTEN_PID is the program's" \
	"$(in_client sh -c 'LISTEN_PID=$$ WATCHDOG_PID=1 exec "$@"' - "$SOCKSIFY" -x "$DANTE" \
		busybox sh -c 'test "$LISTEN_PID" = $$ && echo "$WATCHDOG_PID"' 2>&1)" 1

# As a container's runtime sends it to the first process of the container.
rm -f "$WORK/waits.out"
in_client unshare -f -p "$SOCKSIFY" -q -x "socks5h://$PROXY:1093" --timeout 60 "$odds" \
	waits "$WORLD" 80 >"$WORK/waits.out" 2>&1 &
waiting=$!
wait_until "a program in a pid namespace" grep -qs ready "$WORK/waits.out"
kill -TERM "$(pgrep -o -f "^$SOCKSIFY .*waits")"
wait "$waiting"
is "a signal from outside its pid namespace is passed on" $? 143

# The supervisor that has this program for a child.
supervisor_of() { sed -n 's/^PPid:\t//p' "/proc/$(pgrep -o -f "^$odds $1")/status"; }
is_stopped() { grep -q 'State:.T' "/proc/$1/status"; }

# Each sleeps in its turn, so the supervisor ends with a word of the command's unread, and
# the command finds that out before it has read the supervisor's last one.
rm -f "$WORK/waits.out" "$WORK/waits.pid"
in_client sh -c 'echo $$ >"$1"; shift; exec "$@"' - "$WORK/waits.pid" "$SOCKSIFY" -q \
	-x "socks5h://$PROXY:1093" --timeout 60 "$odds" waits "$WORLD" 80 \
	>"$WORK/waits.out" 2>&1 &
waiting=$!
wait_until "a program that connects" grep -qs ready "$WORK/waits.out"
supervisor=$(supervisor_of waits)
kill -STOP "$supervisor"
wait_until "its supervisor to stop" is_stopped "$supervisor"
kill -KILL "$(pgrep -f "^$odds waits")"
command=$(cat "$WORK/waits.pid")
kill -USR1 "$command"
sleep 0.5
kill -STOP "$command"
wait_until "the command to stop" is_stopped "$command"
kill -CONT "$supervisor"
wait_until "the supervisor's end" grep -q 'State:.Z' "/proc/$supervisor/status"
kill -CONT "$command"
wait "$waiting"
is "a signal to the command while the program ends" $? 137

sockets_of() { find "/proc/$1/fd" -lname 'socket:*' | wc -l; }
memory_of() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"; }

mkfifo "$WORK/orphan.in" "$WORK/many.in"
exec 7<>"$WORK/orphan.in" 8<>"$WORK/many.in"
by 1093 -q --timeout 600 "$odds" orphan "$WORLD" 80 <&7 >"$WORK/orphan.out" 2>&1 &
orphan=$!
wait_until "a child that connects" grep -q ready "$WORK/orphan.out"
supervisor=$(supervisor_of orphan)
before=$(sockets_of "$supervisor")
echo >&7
wait_until "its end" grep -q killed "$WORK/orphan.out"
has_let_go() { [ "$(sockets_of "$supervisor")" -lt "$before" ]; }
wait_until "the supervisor to let go of its socket" has_let_go
pass "a child that was killed, and not waited for, holds no connection"
echo >&7
wait "$orphan"

# A second row of them, after the first has filled what is filled once.
for n in 500 3000; do
	rm -f "$WORK/many.out"
	by 1094 -q "$odds" many "$n" "$WORLD" 80 <&8 >"$WORK/many.out" 2>&1 &
	many=$!
	until grep -qs ok "$WORK/many.out"; do
		kill -0 "$many" 2>/dev/null || bail_out "$(cat "$WORK/many.out")"
		sleep 0.05
	done
	supervisor=$(supervisor_of many)
	sockets_of "$supervisor" >"$WORK/many.sockets.$n"
	memory_of "$supervisor" >"$WORK/many.memory.$n"
	echo >&8
	wait "$many"
done
is "after 3000 connects it has as many sockets as after 500" \
	"$(cat "$WORK/many.sockets.3000")" "$(cat "$WORK/many.sockets.500")"
at_most "and about as much memory, in KiB" "$(cat "$WORK/many.memory.3000")" \
	$(($(cat "$WORK/many.memory.500") + 256))

# --- a log that nobody reads ----------------------------------------------------------

mkfifo "$WORK/log"
exec 9<>"$WORK/log"
is "a log that nobody reads keeps nobody waiting" \
	"$(by 1090 -v "$odds" full "$WORLD" 80 2>&9)" "connect ok"
programs_done
