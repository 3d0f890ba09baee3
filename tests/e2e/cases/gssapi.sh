#!/bin/bash
# SPDX-License-Identifier: MIT
# gssapi.sh - a proxy that wants GSSAPI: what programs do through it, and that nothing goes
# to it unprotected
# time: 300
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/gssapi.sh
. "$HERE/gssapi.sh"
# shellcheck source=tests/e2e/suites.sh
. "$HERE/suites.sh"
# shellcheck source=tests/e2e/ftp.sh
. "$HERE/ftp.sh"
topology
start_kdc
start_danted none
start_sshd world
start_web
make_ftp_files
start_vsftpd ftp 21
start world udp "$PYTHON" "$SUPPORT/dgram.py" serve \
	"$WORLD,$WORLD6,$OTHER,$OTHER6" 7000
wait_until "the datagram servers" grep -q listening "$WORK/udp.log"
start_gssproxy gss --at="$PROXY:1090" --at="$PROXY:1091=nec" --at="$PROXY:1092=level=3" \
	--at="$PROXY:1093=level=2" --at="$PROXY:1094=udp.none"
ALLOWED_RELAYS+=(32768-60999)
cc -D_GNU_SOURCE -static -pthread -o "$WORK/static" "$HERE/../victims/carried.c" \
	2>"$WORK/cc.log" || bail_out "$(cat "$WORK/cc.log")"
hello="hello from the world"
url=socks5h://proxy.example:1090
export SOCKSIFY_AUTH=gssapi

# protected LEVEL COMMAND...: with this for gssapi-protection.
protected() {
	SOCKSIFY_GSSAPI_PROTECTION=$1 "${@:2}"
}

# levels_are NAME LEVEL: the only one in the proxy's log since the last time.
told=0
levels_are() {
	is "$1" "$(sed "1,${told}d" "$WORK/gss.requests" |
		grep -o '"level": [0-9]' | sort -u)" "\"level\": $2"
	told=$(wc -l <"$WORK/gss.requests")
}

get_ticket
capture_start

# --- confidentiality, as it is unless said ------------------------------------------

curl_suite confidentiality "$url"
levels_are "all of it at level 2" 2
good_programs_suite "programs" "$url"
like "the proxy was asked for names" "$(cat "$WORK/gss.requests")" \
	'"dst": "ssh.world.example", "port": 22'
is "by a proxy that is named by its address, and a service with its name" \
	"$(SOCKSIFY_GSSAPI_SERVICE=rcmd@proxy.example through "socks5h://$PROXY:1090" \
		curl -sS http://www.world.example/ 2>&1)" "$hello"
is "by another key of the proxy's" \
	"$(SOCKSIFY_GSSAPI_SERVICE=socks@other.example through "$url" \
		curl -sS http://www.world.example/ 2>&1)" "$hello"
for how in --guard=auto --guard=carry; do
	is "a static program, $how" \
		"$(through "$url" $how "$WORK/static" get www.world.example 80 x 2>&1)" ok
done
is "DNS of a server that is named, over the proxy" \
	"$(through "$url" "$PYTHON" "$SUPPORT/probe.py" connect "$WORLD" 80 2>&1 |
		cut -d' ' -f1)" ok
for mode in "-P -" --ftp-pasv; do
	# shellcheck disable=SC2086 # two words
	is "ftp, curl $mode" \
		"$(through "$url" curl -sS $mode ftp://www.world.example/data 2>&1 |
			sha256sum)" "$(sha256sum <"$FTP_ROOT/data")"
done
like "and that was a BIND" "$(cat "$WORK/gss.requests")" '"command": 2'

# --- datagrams --------------------------------------------------------------------------

for host in "$WORLD" www.world.example; do
	talked=$(through "$url" "$PYTHON" "$SUPPORT/dgram.py" talk "$host" 7000 2>&1)
	unlike "every way to send datagrams to $host works" "$talked" 'other:|Error|refused'
	like "all of them" "$talked" 'asyncio unconnected: same'
done
is "several names on one socket answer as themselves" \
	"$(through "$url" "$PYTHON" "$SUPPORT/dgram.py" names 7000 www.world.example \
		other.world.example 2>/dev/null)" "same same same same"
is "a proxy without UDP is one" \
	"$(through "socks5h://proxy.example:1094" "$PYTHON" "$SUPPORT/probe.py" \
		udp "$WORLD" 7000 2>/dev/null | cut -d' ' -f2 | sort -u)" ENETUNREACH
find_leaks
is "nothing but the proxy's connections and datagrams was on the link" "$LEAKED" ""
for words in "$hello" "GET /" world.example SSH-2.0 "from $OUTSIDE"; do
	is "none of it could be read: $words" \
		"$(grep -a -c -F "$words" "$WORK/eth0.pcap")" 0
done

# --- the other levels -------------------------------------------------------------------

levels_are "datagrams are at level 2, too" 2
for level in integrity none; do
	is "$level: http" \
		"$(protected $level through "$url" curl -sS http://www.world.example/ 2>&1)" \
		"$hello"
	is "$level: 24 MiB by https" \
		"$(protected $level through "$url" "${fetch[@]}" \
			https://www.world.example/file/big 2>&1 | sha256sum)" \
		"$(sha256sum <"$WORK/files/big")"
	is "$level: ssh carries a megabyte each way" \
		"$(head -c 1000000 "$WORK/files/big" | protected $level through "$url" \
			ssh -F "$WORK/ssh_config" ssh.world.example cat 2>&1 | sha256sum)" \
		"$(head -c 1000000 "$WORK/files/big" | sha256sum)"
	like "$level: datagrams" \
		"$(protected $level through "$url" "$PYTHON" "$SUPPORT/dgram.py" talk \
			"$WORLD" 7000 2>&1)" 'asyncio unconnected: same'
	levels_are "$level: that is what was agreed on" \
		"$([ $level = none ] && echo 0 || echo 1)"
done
is "by NEC's variant" \
	"$(SOCKSIFY_GSSAPI_NEC=yes through socks5h://proxy.example:1091 \
		curl -sS http://www.world.example/ 2>&1)" "$hello"
is "level 3, where integrity is enough: some messages are not encrypted" \
	"$(protected integrity through socks5h://proxy.example:1092 "${fetch[@]}" \
		http://www.world.example/file/big 2>&1 | sha256sum)" \
	"$(sha256sum <"$WORK/files/big")"
is "more than is asked for" \
	"$(protected none through socks5h://proxy.example:1093 \
		curl -sS http://www.world.example/ 2>&1)" "$hello"
unlike "what the proxy got was as it is to be" "$(cat "$WORK/gss.requests")" error
unlike "nor has it broken down" "$(cat "$WORK/gss.log")" Traceback

# --- without it --------------------------------------------------------------------------

is "auth login is as before" \
	"$(SOCKSIFY_AUTH=login through "socks5h://$PROXY:1080" \
		curl -sS http://www.world.example/ 2>&1)" "$hello"
is "and without the variable" \
	"$(in_client env -u SOCKSIFY_AUTH "$SOCKSIFY" -x "socks5h://$PROXY:1080" \
		curl -sS http://www.world.example/ 2>&1)" "$hello"
done_testing
