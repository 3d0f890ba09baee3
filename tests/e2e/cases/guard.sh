#!/bin/bash
# SPDX-License-Identifier: MIT
# guard.sh - the command's kernel filter: what escapes the library makes no
# packet, and what does not escape it notices nothing
# time: 180
# shellcheck disable=SC2016 # what is quoted is for the shells that are tested
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start_web

raw=$BUILD/victims/raw
url="socks5h://$PROXY:1080"
static=$WORK/raw-static
cc -D_GNU_SOURCE -static -o "$static" "$HERE/../victims/raw.c" ||
	bail_out "no static program can be linked"

page=(curl -sS --max-time 10 http://www.world.example/)
hello="hello from the world"

# without PROXY-URL COMMAND...: in the client, under socksify, unguarded.
without() {
	in_client "$SOCKSIFY" -x "$1" --no-guard "${@:2}"
}

# of_status FIELD: what /proc/self/status says of a program started so.
of_status() {
	"${@:2}" sed -n "s/^$1:[[:space:]]*//p" /proc/self/status 2>&1
}

# --- system call, arguments, verdict -----------------------------------------

native=$(in_client "$raw" table)
guarded=$(through "$url" "$raw" table 2>/dev/null)

# What row NAME of a table says.
row() {
	sed -n "s/^$2 //p" <<<"$1"
}

for name in inet-tcp inet-udp inet-flags inet6-tcp inet6-udp inet-high-bits; do
	is "natively, $name is made" "$(row "$native" $name)" ok
done
for name in inet-tcp inet-udp inet-raw inet-flags inet6-tcp inet6-udp packet \
	unspec key tipc bluetooth can smc xdp domain-46 domain-1000 \
	domain-minus-1 inet-high-bits pair-tipc; do
	is "past the library, $name is EACCES" "$(row "$guarded" $name)" EACCES
done
for name in unix unix-udp unix-high-bits netlink pair-unix getpid; do
	is "$name is to be had" "$(row "$guarded" $name)" ok
done
for name in alg vsock pair-inet no-call; do
	is "$name is as it is natively" "$(row "$guarded" $name)" \
		"$(row "$native" $name)"
done
for name in io_uring_setup io_uring_enter io_uring_register; do
	is "$name does not exist" "$(row "$guarded" $name)" ENOSYS
done
if [ "$(uname -m)" = x86_64 ]; then
	for name in x32-socket-inet x32-getpid; do
		is "$name does not exist" "$(row "$guarded" $name)" ENOSYS
	done
	if [ "$(row "$native" i386)" = none ]; then
		is "i386 has no entry here" "$(row "$guarded" i386)" none
	else
		is "natively, i386 makes a socket" \
			"$(row "$native" i386-socket-inet)" ok
		for name in i386-socket-inet i386-socket-unix i386-getpid; do
			is "$name does not exist" "$(row "$guarded" $name)" \
				ENOSYS
		done
	fi
fi

is "the token counts whole, and in its own place" \
	"$(through "$url" sh -c "exec $raw token \$SOCKSIFY_TOKEN" 2>&1)" \
	"right ok
none EACCES
fourth EACCES
fifth EACCES
low-half EACCES
high-half EACCES
one-bit-off EACCES
top-bit-off EACCES
halves-swapped EACCES"
is "the library leaves no token in the registers" \
	"$(through "$url" "$raw" leftover 2>&1)" $'libc ok\nraw EACCES'
unlike "each run has its own token" \
	"$(through "$url" printenv SOCKSIFY_TOKEN)" \
	"$(through "$url" printenv SOCKSIFY_TOKEN)"

# --- what escapes ------------------------------------------------------------

capture_start
in_client "$raw" send "$WORLD" 7 >"$WORK/native.out"
find_leaks
like "natively, the same TCP is seen on the link" "$LEAKED" \
	'> 10\.22\.2\.2\.7: Flags \[S\]'
like "and the same UDP" "$LEAKED" '> 10\.22\.2\.2\.7: UDP'

nothing="tcp-socket EACCES
tcp-connect EBADF
udp-socket EACCES
udp-send EBADF"
capture_start
for target in "$WORLD 80" "$WORLD6 80" "$RESOLVER 53"; do
	# shellcheck disable=SC2086 # an address and a port
	is "system calls of its own do not reach $target" \
		"$(through "$url" "$raw" send $target 2>&1)" "$nothing"
	# shellcheck disable=SC2086
	is "a static child does not reach $target" \
		"$(through "$url" "$raw" exec "$static" send $target 2>&1)" \
		"$nothing"
done
for dropped in "curl -sS --max-time 5 http://$WORLD/" \
	"curl -sS --max-time 5 http://www.world.example/" \
	"curl -sS --max-time 5 http://[$WORLD6]/"; do
	# shellcheck disable=SC2086
	status=$(through "$url" "$raw" exec /usr/bin/env $dropped \
		>/dev/null 2>&1; echo $?)
	like "without the library and its variables: ${dropped##* } fails" \
		"$status" '^[67]$'
done
is "a program that clears its environment does not get out" \
	"$(through "$url" "$raw" exec "$PYTHON" -c "
import os, socket
os.environ.clear()
try:
    socket.create_connection(('$WORLD', 80), 3)
    print('connected')
except OSError as error:
    print(error.errno)" 2>&1)" 13
is "nor its child after a fork" \
	"$(through "$url" "$raw" exec /bin/sh -c \
		"($static send $WORLD 80) & wait" 2>&1)" "$nothing"
is "a page can be had meanwhile" \
	"$(through "$url" "${page[@]}" 2>&1)" "$hello"
is "and by number" \
	"$(through "$url" curl -sS --max-time 10 "http://$WORLD/" 2>&1)" \
	"$hello"
assert_no_leak "and nothing else was on the link"
is "a child that the library sees started is covered all the same" \
	"$(through "$url" env -u LD_PRELOAD "${page[@]}" 2>&1)" "$hello"

# --- who runs it -------------------------------------------------------------

is "as root, programs keep their power" \
	"$(of_status NoNewPrivs through "$url")" 0
is "under one filter" "$(of_status Seccomp_filters through "$url")" 1
tester=(unshare --user --map-user=1000 --map-group=1000)
is "a user who is not root has them lose it" \
	"$(of_status NoNewPrivs in_client "${tester[@]}" "$SOCKSIFY" -x "$url")" 1
is "and gets a page" \
	"$(in_client "${tester[@]}" "$SOCKSIFY" -x "$url" "${page[@]}" 2>&1)" "$hello"
is "and what escapes fails" \
	"$(in_client "${tester[@]}" "$SOCKSIFY" -x "$url" "$raw" send "$WORLD" 80 2>&1)" \
	"$nothing"
is "root of a user namespace of its own gets a page" \
	"$(in_client unshare -Ur "$SOCKSIFY" -x "$url" "${page[@]}" 2>&1)" \
	"$hello"
is "and from inside the guard, too" \
	"$(through "$url" unshare -Ur "${page[@]}" 2>&1)" "$hello"
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
if "${nobody[@]}" test -x "$raw" -a -x "$SOCKSIFY" -a -r "$LIBRARY"; then
	is "nobody gets a page" \
		"$(in_client "${nobody[@]}" "$SOCKSIFY" -x "$url" \
			"${page[@]}" 2>&1)" "$hello"
	is "and what escapes fails" \
		"$(in_client "${nobody[@]}" "$SOCKSIFY" -x "$url" "$raw" \
			send "$WORLD" 80 2>&1)" "$nothing"
	is "as who becomes nobody under the guard" \
		"$(through "$url" "${nobody[@]}" "${page[@]}" 2>&1)" "$hello"
	says_why "a set-user-ID program is refused, and the guard named" 126 \
		'passwd: .*set-user-ID.*the guard takes .*no_new_privs' \
		in_client "${nobody[@]}" "$SOCKSIFY" -x "$url" passwd
	says_why "without the guard it is not named" 126 \
		'passwd: .*set-user-ID\), so LD_PRELOAD is ignored' \
		in_client "${nobody[@]}" "$SOCKSIFY" --no-guard -x "$url" passwd
fi

# --- socksify under socksify -------------------------------------------------

inner=("$SOCKSIFY" -x "$url")
is "under itself a page can be had" \
	"$(through "$url" "${inner[@]}" "${inner[@]}" "${page[@]}" 2>&1)" "$hello"
is "and one filter does for all" \
	"$(of_status Seccomp_filters through "$url" "${inner[@]}")" 1
is "with --no-guard inside, too" \
	"$(through "$url" "$SOCKSIFY" --no-guard -x "$url" "${page[@]}" 2>&1)" \
	"$hello"
is "which does not end it" \
	"$(through "$url" "$SOCKSIFY" --no-guard -x "$url" "$raw" send \
		"$WORLD" 80 2>&1)" "$nothing"
is "what an outer one has looked up is known to an inner one" \
	"$(through "$url" env SOCKSIFY_PROXY_ADDRESS="nowhere.example=$PROXY" \
		"$SOCKSIFY" -x socks5h://nowhere.example:1080 \
		"${page[@]}" 2>&1)" "$hello"
says_why "what it has not cannot be looked up" 125 'nowhere.*guard of an outer' \
	through "$url" "$SOCKSIFY" -x socks5h://nowhere.example true
for guard in --guard=auto --guard=deny --no-guard; do
	says_why "a lost token is told ($guard)" 125 \
		'outer socksify.*SOCKSIFY_TOKEN is lost' \
		through "$url" "$raw" exec "$SOCKSIFY" "$guard" -x "$url" true
	says_why "a wrong one, too ($guard)" 125 'SOCKSIFY_TOKEN is not its token' \
		through "$url" "$raw" exec /usr/bin/env \
		SOCKSIFY_TOKEN=0123456789abcdef "$SOCKSIFY" "$guard" \
		-x "$url" true
done
says_why "the library tells of a wrong one" 7 'SOCKSIFY_TOKEN is not that of' \
	through "$url" env SOCKSIFY_TOKEN=0123456789abcdef \
	curl -s --max-time 5 "http://$WORLD/"
for stale in 0123456789abcdef 0 '' x 0123456789ABCDEF 0123456789abcdef0; do
	is "the token '$stale' of nobody is replaced" \
		"$(in_client env SOCKSIFY_TOKEN="$stale" "$SOCKSIFY" -x "$url" \
			"${page[@]}" 2>&1)" "$hello"
done
is "and with --no-guard taken away" \
	"$(in_client env SOCKSIFY_TOKEN=0123456789abcdef "$SOCKSIFY" \
		--no-guard -x "$url" sh -c 'echo ${SOCKSIFY_TOKEN-none}')" none
is "the library alone takes one that nobody asks for" \
	"$(in_client env SOCKSIFY_TOKEN=0123456789abcdef SOCKSIFY_PROXY="$url" \
		LD_PRELOAD="$LIBRARY" "${page[@]}" 2>&1)" "$hello"

# --- how it is asked for -----------------------------------------------------

forbidden=("$raw" forbid "$SOCKSIFY" -x "$url")
says_why "where the kernel forbids it, that is told" 0 \
	'no guard: .*Operation not permitted' in_client "${forbidden[@]}" true
is "but not with -q" "$(in_client "${forbidden[@]}" -q true 2>&1)" ""
is "and the program runs" \
	"$(in_client "${forbidden[@]}" -q "${page[@]}" 2>&1)" "$hello"
is "without a token" \
	"$(in_client "${forbidden[@]}" -q sh -c 'echo ${SOCKSIFY_TOKEN-none}')" \
	none
says_why "--guard=deny then fails" 125 '--guard=deny: .*not permitted' \
	in_client "${forbidden[@]}" --guard=deny true
is "--guard=deny is the same filter" \
	"$(through "$url" --guard=deny "$raw" send "$WORLD" 80 2>&1)" "$nothing"
is "--no-guard is none" "$(of_status Seccomp without "$url")" 0
is "and says nothing" "$(without "$url" true 2>&1)" ""
says_why "another word is refused" 125 '--guard=strict: .*auto, deny or carry' \
	through "$url" --guard=strict true
says_why "--export has none to offer" 125 '--export sets no guard' \
	"$SOCKSIFY" -x "$url" --guard=deny --export

# --- other filters, and waits -------------------------------------------------

after=("$raw" after "$SOCKSIFY" -x "$url")
is "behind a filter that was there before, two are in force" \
	"$(of_status Seccomp_filters in_client "${after[@]}")" 2
is "the older one is obeyed" "$(in_client "${after[@]}" "$raw" acct 2>&1)" \
	"acct ENOTTY"
is "a page can be had" "$(in_client "${after[@]}" "${page[@]}" 2>&1)" "$hello"
is "and what escapes fails" \
	"$(in_client "${after[@]}" "$raw" send "$WORLD" 80 2>&1)" "$nothing"
start_proxy mute --at="$PROXY:1095=reply.silent"
is "waits are cancellation points under it" \
	"$(through "socks5h://$PROXY:1095" "$raw" cancel "$WORLD" 80 2>&1)" \
	$'accept cancelled\nconnect cancelled'

# --- what it costs -----------------------------------------------------------

# calls N [OPTION]: system calls of a program that makes N sockets.
calls() {
	strace -qq -o "$WORK/strace" "$SOCKSIFY" -x "$url" "${@:2}" "$raw" \
		sockets "$1" && grep -vc '^[-+]' "$WORK/strace"
}
# In a sandbox of a program's own, questions about sockets may kill it.
passes='import os, socket
a, b = socket.socketpair()
socket.send_fds(a, [b"two"], [a.fileno(), os.open("/dev/null", os.O_RDONLY)])
kinds = [os.fstat(fd).st_mode >> 12 for fd in socket.recv_fds(b, 9, 2)[1]]
print(*kinds, flush=True)
os._exit(0)'
if strace -o /dev/null true 2>/dev/null; then
	is "descriptors come in a message" "$(strace -qq -f -o "$WORK/strace" \
		-e trace=getpeername,getsockname,getsockopt "$SOCKSIFY" -x "$url" \
		"$PYTHON" -c "$passes" 2>&1)" "12 2"
	is "and nobody asks what they are" \
		"$(grep -c 'SO_COOKIE\|getpeername' "$WORK/strace")" 0
	is "a hundred sockets are a hundred calls of socket and close" \
		$(($(calls 101) - $(calls 1))) 200
	is "as without the guard" \
		$(($(calls 101 --no-guard) - $(calls 1 --no-guard))) 200
fi
done_testing
