#!/bin/bash
# SPDX-License-Identifier: MIT
# udp-programs.sh - what speaks UDP, over Dante, shadowsocks and v2ray
#
# The programs of a suite run side by side; what each has said is looked at when all have
# ended. None is timed: who asks goes on listening until the answer is there.
# shellcheck source=tests/e2e/relays.sh
. "$(dirname "$0")/../relays.sh"
topology
# Else Dante keeps back what comes from another port than the one that was sent to.
DANTED_OPTIONS="udp.connectdst: no" start_danted none
start_shadowsocks
start_v2ray

mkdir -p "$WORK/tftp" "$WORK/said"
head -c 100000 /dev/urandom >"$WORK/tftp/file"
cat >"$WORK/chrony.conf" <<-END
	local stratum 3
	allow all
	bindcmdaddress /
	cmdport 0
	pidfile $WORK/chrony.pid
	bindaddress $WORLD
END
cat >"$WORK/snmpd.conf" <<-END
	rocommunity public
	sysName the-world
END
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
	-subj /CN=world -keyout "$WORK/dtls.key" -out "$WORK/dtls.pem" \
	2>"$WORK/openssl.log"
start world udp "$PYTHON" "$SUPPORT/dgram.py" serve "$WORLD,$WORLD6" 7000
start world last "$PYTHON" "$SUPPORT/last.py" collect "$WORLD" 7100
start world dns "$PYTHON" "$SUPPORT/dns.py" "$WORLD" --log "$WORK/dns.requests"
start world dns-udp "$PYTHON" "$SUPPORT/dns.py" "$WORLD" --port 5300 \
	--log "$WORK/dns-udp.requests"
start world chronyd chronyd -d -x -f "$WORK/chrony.conf"
start world snmpd snmpd -f -Lo -C -c "$WORK/snmpd.conf" -p "$WORK/snmpd.pid" \
	"udp:$WORLD:161"
start world tftpd in.tftpd --foreground --secure --create --permissive --user root \
	--address "$WORLD:69" "$WORK/tftp"
start world dtls sh -c "while :; do sleep 1; echo from the world; done |
	openssl s_server -dtls -accept $WORLD:4433 -cert $WORK/dtls.pem \
	-key $WORK/dtls.key"
for port in 5201 5202 5203; do
	start world "iperf3-$port" iperf3 -s -p "$port"
	wait_port world "$port" "$WORK/iperf3-$port.log"
done
wait_until "the datagram servers" grep -q listening "$WORK/udp.log"
wait_until "the collector" grep -q listening "$WORK/last.log"
udp_listens() {
	in_world ss -Hlun "sport = :$1" | grep -q .
}
for port in 53 5300 123 161 69 4433; do
	wait_until "port $port of the world" udp_listens "$port"
done

node='const s = require("dgram").createSocket("udp4");
s.on("message", (m, from) => {
	console.log(m.toString(), from.port);
	process.exit(0);
});
const port = 7000, host = process.argv[2];
if (process.argv[1] == "connected")
	s.connect(port, host, () => s.send("from node"));
else
	s.send("from node", port, host);
setTimeout(() => process.exit(1), 30000);'

# In bash a connected socket is made by one process and used by those that it starts.
bash_words="exec 3<>/dev/udp/www.world.example/7000
	echo one >&3
	timeout 20 dd bs=100 count=1 status=none <&3
	timeout 20 sh -c 'echo two >&3; exec dd bs=100 count=1 status=none <&3'
	(exec 5<&3 3<&-; echo three >&5; timeout 20 head -n 1 <&5)"

# --- programs side by side --------------------------------------------------------------

label='' url='' bursts='' at_once=30
declare -A running

# Waits until one more may run.
make_room() {
	local pid
	while [ "${#running[@]}" -ge "$at_once" ]; do
		wait -n -p pid "${!running[@]}"
		unset "running[$pid]"
	done
}

# says NAME COMMAND...: through the proxy, in the background. Its words: said NAME.
says() {
	make_room
	through "$url" timeout 60 "${@:2}" >"$WORK/said/$1" 2>&1 &
	running[$!]=$1
}

# The word, and then nothing, until it has come back.
speak() {
	local tries=600
	echo "$1"
	until grep -qs "$2" "$WORK/said/$3"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || break
		sleep 0.05
	done
}

# spoken NAME WANTED COMMAND...: as says, spoken to until it has said that.
spoken() {
	make_room
	rm -f "$WORK/said/$1" # of the proxy before
	speak hello "$2" "$1" | through "$url" timeout 60 "${@:3}" \
		>"$WORK/said/$1" 2>"$WORK/said/$1.err" &
	running[$!]=$1
}

# tells WHAT COMMAND...: it is given a word, sends it, and ends at once. One at a time: where
# all are busy Dante may see the end before it looks for datagrams.
tells() {
	local word=$label-$1
	echo "$word" | through "$url" timeout 60 "${@:2}" >"$WORK/said/$word" 2>&1
	ok "$label: $1 sends a word and ends" collected "$word"
}

all_have_ended() {
	wait "${!running[@]}"
	running=()
}

said() {
	tr -d '\0' <"$WORK/said/$1"
}

collected() {
	local tries=100
	until grep -qxF "$1" "$WORK/last.log"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.05
	done
}

# start_programs LABEL PROXY-PORT: those that ask and are answered.
start_programs() {
	local host
	label=$1 url="socks5h://$PROXY:$2" at_once=30 bursts=many
	# It loses datagrams of its own where many come together.
	[ "$label" != v2ray ] || at_once=3 bursts=
	for host in www.world.example "$WORLD"; do
		spoken "socat-$host" hello socat -t 0.1 - "UDP:$host:7000"
		says "node-connected-$host" node -e "$node" connected "$host"
		says "node-$host" node -e "$node" unconnected "$host"
	done
	spoken nc hello nc -u -q 0 www.world.example 7000
	spoken ncat hello ncat -u www.world.example 7000
	spoken dtls 'from the world' openssl s_client -dtls \
		-connect www.world.example:4433
	says bash bash -c "$bash_words"
	says dig dig +short @www.world.example www.world.example
	says kdig kdig +short @"$WORLD" world.example MX
	says dig-udp dig +short +notcp +tries=1 +time=20 -p 5300 \
		@www.world.example www.world.example
	says kdig-udp kdig +short +retry=0 +timeout=20 -p 5300 @"$WORLD" \
		world.example MX
	says snmp snmpget -v 2c -c public -r 0 -t 20 www.world.example \
		.1.3.6.1.2.1.1.5.0
	says chrony chronyd -Q -t 40 -f /dev/null \
		"server www.world.example iburst maxsamples 1" "cmdport 0" \
		"pidfile $WORK/client.pid"
	says python "$PYTHON" "$SUPPORT/dgram.py" talk www.world.example 7000 \
		connected unconnected messages files peeked asyncio ${bursts:+"$bursts"}
}

tell_words() {
	tells nc nc -u -q 0 www.world.example 7100
	tells ncat ncat -u --send-only www.world.example 7100
	tells socat socat -u - UDP-SENDTO:www.world.example:7100
	# shellcheck disable=SC2016 # the bash that is started expands it
	tells bash bash -c 'read -r word
		echo -n "$word" >/dev/udp/www.world.example/7100'
	tells python "$PYTHON" -c 'import socket, sys
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(
	sys.stdin.read().encode(), ("www.world.example", 7100))'
}

judge_programs() {
	local host
	for host in www.world.example "$WORLD"; do
		is "$label: socat to $host" "$(said "socat-$host")" hello
		is "$label: node to $host, connected" \
			"$(said "node-connected-$host")" "from node 7000"
		is "$label: node to $host" "$(said "node-$host")" "from node 7000"
	done
	is "$label: nc -u" "$(said nc)" hello
	is "$label: ncat -u" "$(said ncat)" hello
	like "$label: openssl s_client -dtls" "$(said dtls)" 'from the world'
	is "$label: bash, and what it starts" "$(said bash)" "one
two
three"
	is "$label: dig @server" "$(said dig)" "$WORLD"
	is "$label: kdig @server" "$(said kdig | sort)" "10 mx.world.example.
20 mx2.world.example."
	is "$label: dig by UDP" "$(said dig-udp)" "$WORLD"
	is "$label: kdig by UDP" "$(said kdig-udp | sort)" "10 mx.world.example.
20 mx2.world.example."
	like "$label: snmpget" "$(said snmp)" 'the-world'
	like "$label: chronyd as an NTP client" "$(said chrony)" \
		'System clock wrong by'
	is "$label: python and asyncio: every way works" \
		"$(said python | grep -vc ': same$') $(said python | wc -l)" \
		"0 $([ -n "$bursts" ] && echo 13 || echo 11)"
}

capture_start
for server in "Dante 1080" "shadowsocks 1084" "v2ray 1085"; do
	# shellcheck disable=SC2086 # two words
	start_programs $server
	all_have_ended
	judge_programs
	tell_words
done
is "what had to go by UDP did" \
	"$(grep -c "^udp $OUTSIDE" "$WORK/dns-udp.requests")" 6

# --- each over all three, side by side: what is much for a relay's socket ------------------

# By its own word none of a moderate stream is lost.
for way in "" -R; do
	for server in "Dante 1080 5201" "shadowsocks 1084 5202" "v2ray 1085 5203"; do
		read -r label port iperf <<<"$server"
		url="socks5h://$PROXY:$port"
		says "$label.iperf" iperf3 -u -b 600K -l 1200 -t 3 $way -J \
			-c www.world.example -p "$iperf"
	done
	all_have_ended
	for label in Dante shadowsocks v2ray; do
		is "$label: iperf3 -u $way loses none" \
			"$(said "$label.iperf" | "$PYTHON" -c '
import json, sys
end = json.load(sys.stdin)["end"]["sum"]
print(end["lost_packets"], end["packets"] > 100)' 2>&1)" "0 True"
	done
done

get="tftp -m binary www.world.example -c get file"
for server in "Dante 1080" "shadowsocks 1084" "v2ray 1085"; do
	read -r label port <<<"$server"
	url="socks5h://$PROXY:$port"
	mkdir -p "$WORK/$label"
	head -c 60000 /dev/urandom >"$WORK/$label/$label.put"
	says "$label.sizes" env DGRAM_PATIENCE=5 "$PYTHON" "$SUPPORT/dgram.py" talk \
		"$WORLD" 7000 empty large
	says "$label.elsewhere" env DGRAM_PATIENCE=5 "$PYTHON" "$SUPPORT/dgram.py" \
		source "$WORLD" 7002
	[ "$label" = v2ray ] || says "$label.tftp" sh -c "cd $WORK/$label && $get &&
		tftp -m binary $WORLD -c put $label.put"
done
all_have_ended
sizes() {
	said "$1.sizes" | sed 's/ nonblocking//; s/: other:.*/: cut/
		s/: \(Timeout\|BlockingIO\)Error.*/: nothing/' | sort -u
}
is "Dante carries datagrams of any size" "$(sizes Dante)" "empty: same
large: same"
is "shadowsocks drops what is larger than its packets" "$(sizes shadowsocks)" \
	"empty: same
large: nothing"
is "v2ray cuts what is larger than its buffer, and drops what is empty" \
	"$(sizes v2ray)" "empty: nothing
large: cut"
for label in Dante shadowsocks; do
	ok "$label: tftp gets a file" cmp "$WORK/$label/file" "$WORK/tftp/file"
	ok "$label: tftp puts a file" cmp "$WORK/$label/$label.put" \
		"$WORK/tftp/$label.put"
	is "$label tells that an answer came from another port" \
		"$(said "$label.elsewhere")" "another port of $WORLD"
done
# So no tftp: its server answers from a port of its own, where it wants to be answered.
is "v2ray tells of the port that was sent to, whoever answers" \
	"$(said v2ray.elsewhere)" "the same port of $WORLD"

# --- and one that serves ----------------------------------------------------------------------

(while sleep 0.5; do echo from here; done) |
	through "socks5h://$PROXY:1080" timeout 60 openssl s_server -dtls \
		-accept 127.0.0.1:4434 -cert "$WORK/dtls.pem" \
		-key "$WORK/dtls.key" >"$WORK/said/server" 2>&1 &
wait_until "a DTLS server under socksify" in_client sh -c \
	"ss -Hlun 'sport = :4434' | grep -q ."
speak hello 'from here' here | in_client timeout 30 openssl s_client -dtls \
	-connect 127.0.0.1:4434 >"$WORK/said/here" 2>&1
like "a DTLS server under socksify serves its own machine" "$(said here)" 'from here'
assert_no_leak "nothing but the proxies' connections and relays was on the link"
done_testing
