#!/bin/bash
# SPDX-License-Identifier: MIT
# gssapi-life.sh - the gateway to a proxy that wants GSSAPI: how it starts and ends, who may
# use it, and what is said where it cannot be had
# time: 250
# shellcheck disable=SC2016 # what is quoted is for the shells that are tested
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/gssapi.sh
. "$HERE/gssapi.sh"
topology
start_kdc
start_danted none
start_web
start_gssproxy gss --at="$PROXY:1090" --at="$PROXY:1091=level=1" \
	--at="$PROXY:1092=level=0" --at="$PROXY:1093=method=0" --at="$PROXY:1094=method=255" \
	--at="$PROXY:1095=level.end"
hello="hello from the world"
url=socks5h://proxy.example:1090
page=(curl -sS --max-time 20 http://www.world.example/)
export SOCKSIFY_AUTH=gssapi

gateways() {
	grep -lx socksify-gatewa /proc/[0-9]*/comm 2>/dev/null | wc -l
}

none_left() {
	[ "$(gateways)" -eq 0 ]
}

# gone NAME: all gateways have ended, in a while.
gone() {
	local tries=200
	until none_left || [ $((tries -= 1)) -eq 0 ]; do
		sleep 0.1
	done
	is "$1" "$(gateways)" 0
}

# --- what it says before anything starts ---------------------------------------------

says_why "without a ticket nothing starts" 125 'run kinit$' through "$url" "${page[@]}"
in_client kinit -l 2s alice <<<secret >"$WORK/kinit.log" 2>&1
sleep 2.5
says_why "nor with one that has expired" 125 'run kinit$' through "$url" "${page[@]}"
get_ticket
says_why "nor with a login besides" 125 'take the username and password away' \
	through socks5h://alice:secret@proxy.example:1090 "${page[@]}"
cp "$SOCKSIFY" "$LIBRARY" "$WORK/home"
says_why "nor where the gateway is not installed" 125 'libkrb5-dev' \
	in_client "$WORK/home/socksify" -x "$url" "${page[@]}"
says_why "nor with a wrong word" 125 'is confidentiality, integrity or none$' \
	env SOCKSIFY_GSSAPI_PROTECTION=much "${BASH:-bash}" -c \
	'nsenter "$@"' - --target "${holders[client]}" --net --mount -- \
	"$SOCKSIFY" -x "$url" "${page[@]}"
is "and nothing has asked the proxy" "$(cat "$WORK/gss.requests")" ""
gone "and no gateway is left"

# --- what it says when it cannot connect ----------------------------------------------

ALLOWED_PORTS+=(1099) # where nobody listens
capture_start
refused() {
	local name=$1 pattern=$2 output
	shift 2
	output=$("$@" 2>&1)
	if [ "$(grep -c -E "$pattern" <<<"$output")" -eq 1 ] &&
		[[ $output != *"$hello"* ]] &&
		[[ $output = *"Failed to connect"* || $output = *"onnection refused"* ]]; then
		pass "$name"
	else
		fail "$name" "$output"
	fi
}
refused "a lower level than is configured" \
	'protects by integrity at most; gssapi-protection integrity would accept that' \
	through socks5h://proxy.example:1091 "${page[@]}"
refused "a proxy that ends it when it hears the level" \
	'ended the login when it was asked for gssapi-protection confidentiality' \
	through socks5h://proxy.example:1095 "${page[@]}"
refused "none at all" 'protects by none at most' \
	through socks5h://proxy.example:1092 "${page[@]}"
refused "none at all, for integrity" 'protects by none at most' \
	env SOCKSIFY_GSSAPI_PROTECTION=integrity nsenter --target "${holders[client]}" \
	--net --mount -- "$SOCKSIFY" -x socks5h://proxy.example:1092 "${page[@]}"
refused "a proxy that chooses no login" 'does not take GSSAPI' \
	through socks5h://proxy.example:1093 "${page[@]}"
refused "a proxy that takes none of the methods" 'does not take GSSAPI' \
	through socks5h://proxy.example:1094 "${page[@]}"
refused "a proxy that does not know it" 'does not take GSSAPI' \
	through socks5h://proxy.example:1080 "${page[@]}"
is "which was asked for nothing" "$(danted_requests)" ""
refused "a port where nobody listens" 'proxy\.example:1099 cannot be reached' \
	through socks5h://proxy.example:1099 "${page[@]}"
refused "a service that the KDC does not know" 'not found in Kerberos database' \
	env SOCKSIFY_GSSAPI_SERVICE=imap nsenter --target "${holders[client]}" \
	--net --mount -- "$SOCKSIFY" -x "$url" "${page[@]}"
is "and none of these was asked for a page" \
	"$(grep -c '"command"' "$WORK/gss.requests")" 0
is "only GSSAPI is offered" \
	"$(grep -o '"methods": .*' "$WORK/gss.requests" | sort -u)" '"methods": [1]}'
gone "no gateway is left of them"

# --- how long it lives ------------------------------------------------------------------

# shellcheck disable=SC2034 # seconds
is "one serves all that a program starts" \
	"$(through "$url" sh -c 'for i in 1 2 3 4 5 6 7 8; do '"${page[*]}"' & done; wait
		grep -lx socksify-gatewa /proc/[0-9]*/comm 2>/dev/null | wc -l' 2>&1 |
		sort | uniq -c | sed 's/^ *//')" "1 1
8 $hello"
gone "and ends after it"
through "$url" sh -c "(setsid sh -c 'until [ -e $WORK/go ]; do sleep 0.2; done
	${page[*]} >$WORK/daemon 2>&1' </dev/null >/dev/null 2>&1 &)" 2>/dev/null
sleep 6
is "what lives on keeps it" "$(gateways)" 1
touch "$WORK/go"
wait_until "the page" grep -q . "$WORK/daemon"
is "and has its pages" "$(cat "$WORK/daemon")" "$hello"
gone "it ends with that one"
# setproctitle(3) and its like write over what they were started with.
through "$url" "$PYTHON" -c '
import ctypes, os, re, subprocess, sys, time
if os.fork(): os._exit(0)
os.setsid()
for line in open("/proc/self/stat"):
	fields = line.rsplit(")", 1)[1].split()
start, end = int(fields[47]), int(fields[48])
ctypes.memset(start, 0, end - start)
while not os.path.exists(sys.argv[2]):
	time.sleep(0.2)
with open(sys.argv[1], "w") as out:
	subprocess.run(sys.argv[3:], stdout=out, stderr=out)
' "$WORK/daemon2" "$WORK/go2" "${page[@]}" </dev/null >/dev/null 2>&1
sleep 6
is "so does one that has written over its environment" "$(gateways)" 1
touch "$WORK/go2"
wait_until "the page" grep -q . "$WORK/daemon2"
is "and has its pages, too" "$(cat "$WORK/daemon2")" "$hello"
gone "it ends with that one, too"
is "a program has no child that it has not made" \
	"$(through "$url" "$PYTHON" -c 'import os
try:
	print(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
	print("none")' 2>&1)" none
is "nor a descriptor" \
	"$(through "$url" ls /proc/self/fd 2>&1)" "$(in_client ls /proc/self/fd)"
status_is "and its status is the command's" 7 through "$url" sh -c 'exit 7'

# --- a shell that covers itself ----------------------------------------------------------

is "socksify --export covers what a shell starts" \
	"$(in_client sh -c 'eval "$("$@" --export 2>/dev/null)"
		sleep 3; curl -sS http://www.world.example/
		(curl -sS http://www.world.example/)' - "$SOCKSIFY" -x "$url" 2>&1)" \
	"$hello
$hello"
is "bash's, too" \
	"$(in_client bash -c 'said=$("$@" --export 2>&1); eval "$(grep -v ^socksify: <<<"$said")"
		sleep 3; curl -sS http://www.world.example/' - "$SOCKSIFY" -x "$url" 2>&1)" \
	"$hello"
gone "and ends with it"
is "by the library alone nothing but this machine is reached" \
	"$(in_client env LD_PRELOAD="$LIBRARY" SOCKSIFY_PROXY="$url" SOCKSIFY_LOG=stderr \
		curl -sS http://www.world.example/ 2>&1 | grep -c 'run the program by socksify')" 1

# --- who may use it -----------------------------------------------------------------------

use='import os, socket, sys
key, _, at = os.environ["SOCKSIFY_GATEWAY"].partition("=")
login, _, at = at.partition("://")[2].partition("@")
user, _, word = login.partition(":")
def talk(greeting, login):
	with socket.create_connection(("127.0.0.1", int(at.partition(":")[2]))) as s:
		s.sendall(greeting)
		answer = s.recv(2)
		if answer[1:] == b"\2" and login:
			s.sendall(login)
			answer += s.recv(2)
		print(answer.hex(), s.recv(1) if answer[-1] else "open")
def both(user, word):
	return bytes([1, len(user)]) + user.encode() + bytes([len(word)]) + word.encode()
talk(b"\5\1\0", None)
talk(b"\5\2\0\1", None)
talk(b"\5\2\0\2", both(user, word[:-1] + "x"))
talk(b"\5\1\2", both(user, word))'
is "who knows its secret, and nobody else" \
	"$(through "$url" "$PYTHON" -c "$use" 2>&1)" "05ff b''
05ff b''
05020101 b''
05020100 open"
is "an inner socksify has its own" \
	"$(through "$url" --no-guard "$SOCKSIFY" -x "$url" "${page[@]}" 2>&1)" "$hello"
is "under the outer one's guard the outer one's" \
	"$(through "$url" "$SOCKSIFY" -x "$url" "${page[@]}" 2>&1)" "$hello"
says_why "which for another proxy cannot be" 125 'under the guard of an outer' \
	through "$url" "$SOCKSIFY" -x socks5h://proxy.example:1091 "${page[@]}"
refused "where it was killed nothing is reached, and a line says why" 'gateway.*has ended' \
	through "$url" sh -c 'pid=$(grep -lx socksify-gatewa /proc/[0-9]*/comm | cut -d/ -f3)
		kill -9 $pid
		while ss -Hltn "sport = :${SOCKSIFY_GATEWAY##*:}" | grep -q .; do sleep 0.1; done
		"$@"' - "${page[@]}"
in_client kinit -l 12s alice <<<secret >"$WORK/kinit.log" 2>&1
refused "where the ticket expires meanwhile a line says so" 'run kinit' \
	through "$url" sh -c 'while klist -s; do sleep 0.5; done; sleep 2; "$@"' - "${page[@]}"
find_leaks
is "nothing but the proxy's and the KDC's connections was on the link" "$LEAKED" ""
done_testing
