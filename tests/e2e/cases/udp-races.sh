#!/bin/bash
# SPDX-License-Identifier: MIT
# udp-races.sh - what threads do to each other's UDP sockets, and what comes late or never
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_proxy relays \
	--at="$PROXY:1200=udp=0" \
	--at="$PROXY:1201=rep=7" \
	--at="$PROXY:1202=udp=0,udp.end=2" \
	--at="$PROXY:1203=udp=0,reply.silent=1" \
	--at="$PROXY:1204=reply.silent"
ALLOWED_RELAYS+=(1024-65535)
start world udp "$PYTHON" "$SUPPORT/dgram.py" serve "$WORLD" 7000
wait_until "the datagram servers" grep -q listening "$WORK/udp.log"

victim=$BUILD/victims/dgramraces

# under PROXY ROW [COMMAND...]: what the row says, in one line.
under() {
	in_client "${@:3}" env LD_PRELOAD="$PRELOAD" SOCKSIFY_TIMEOUT=1 \
		SOCKSIFY_DIRECT=255.255.255.255 \
		SOCKSIFY_PROXY="socks5h://$1" "$victim" "$2" "$WORLD" 7000 \
		"$RESOLVER" 53 2>"$WORK/$2.err" | paste -sd ' '
}

# asked PORT: how often the proxy was asked for something there.
asked() {
	grep -c "\"at\": $1.*\"command\"" "$WORK/relays.requests"
}

capture_start
# Each send that meets a close is told by a thread sanitizer, of the descriptor, and takes its time.
if [[ -z ${SANITIZER:-} ]]; then
	is "a send that races a close reaches the peer or nobody" \
		"$(under "$PROXY:1200" closed)" "after=19 end=reached"
	is "so it is where there is no UDP" "$(under "$PROXY:1201" closed-refused)" \
		"after=ENETUNREACH end=reached"
	is "no association is left to nobody" "$(under "$PROXY:1200" orphans)" \
		"left=0 end=reached"
fi
is "a send that races a connect to a name server does, too" \
	"$(under "$PROXY:1200" to-server)" "end=reached"
is "of a socket that had a peer, too" \
	"$(under "$PROXY:1200" from-peer-to-server)" "connect=0 send=19 end=reached"
is "and one that races a connect to this machine" \
	"$(under "$PROXY:1200" to-here)" \
	"connect=0 send=19 elsewhere=0 end=reached"
is "after that the socket has the peer that it is connected to" \
	"$(under "$PROXY:1200" apart)" \
	"connect=0 bind=0 before=19 peer=here send=6 heard=6 back=5 far=19 far=19 end=reached"
is "a datagram in parts, for this machine, leads nothing there" \
	"$(under "$PROXY:1200" parts)" \
	"connect=0 before=19 part=3 part=3 send=19 after=19 end=reached"
is "nor does a connect that fails" "$(under "$PROXY:1200" connect-fails)" \
	"connect=0 before=19 connect=EACCES send=19 after=19 send=19 after=19 end=reached"
is "what was connected to this machine stays so when an association comes" \
	"$(under "$PROXY:1200" here)" "elsewhere=0 end=reached"

is "when one side of a fork ends, the other goes on" \
	"$(under "$PROXY:1202" forked)" \
	"connect=0 before=19 before=19 parent=19 turn=1 child=19 child=exit 0 parent=goes on end=reached"
is "a time that is over is not the proxy's word about UDP" \
	"$(under "$PROXY:1203" after-silence)" \
	"silent=ENETUNREACH next=19 connect=0 connected=19 end=reached"
is "a proxy that never answers" "$(under "$PROXY:1204" after-silence)" \
	"silent=ENETUNREACH next=ENETUNREACH connect=0 connected=ENETUNREACH end=reached"
is "is asked once by each" "$(asked 1204)" 3
find_leaks
# The client's word to a relay whose socket is closed is part of the test.
is "nothing of the client's but what goes to the relays was on the link" \
	"$(grep -v "ICMP $CLIENT udp port" <<<"$LEAKED")" ""

# A sanitizer has the handlers run when it sees fit.
if [[ -z ${SANITIZER:-} ]]; then
	# A name server that hears and does not answer.
	echo "options timeout:2 attempts:1" >>"$WORK/resolv.client"
	start proxyhost deaf "$PYTHON" -c "import socket, time
s = socket.socket(type=socket.SOCK_DGRAM)
s.bind(('$RESOLVER', 53))
print('deaf', flush=True)
time.sleep(1000)"
	wait_until "a deaf name server" grep -q deaf "$WORK/deaf.log"
	is "signals come while the proxy's name is looked up" \
		"$(under proxy.example:1200 named)" \
		"send=ENETUNREACH lookup=slow alarm=meanwhile end=reached"
fi

if strace -o /dev/null true 2>/dev/null; then
	is "a socket that was duplicated sends" "$(under "$PROXY:1200" many \
		strace -o "$WORK/strace" -e trace=getsockopt)" \
		"first=19 end=reached"
	at_most "and is not asked for anything with each of 200 datagrams" \
		"$(grep -c getsockopt "$WORK/strace")" 100
fi
done_testing
