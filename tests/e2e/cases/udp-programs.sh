#!/bin/bash
# SPDX-License-Identifier: MIT
# udp-programs.sh - what speaks UDP, over Dante, shadowsocks and v2ray
# time: 180
# shellcheck source=tests/e2e/relays.sh
. "$(dirname "$0")/../relays.sh"
topology
start_danted none
start_shadowsocks
start_v2ray
start_proxy relays --name "www.world.example=$WORLD" \
	--at="$PROXY:1200=udp=41000"
ALLOWED_RELAYS+=(41000)

mkdir -p "$WORK/tftp" "$WORK/snmp"
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
start world iperf3 iperf3 -s
start world chronyd chronyd -d -x -f "$WORK/chrony.conf"
start world snmpd snmpd -f -Lo -C -c "$WORK/snmpd.conf" -p "$WORK/snmpd.pid" \
	"udp:$WORLD:161"
start world tftpd in.tftpd --foreground --secure --user root \
	--address "$WORLD:69" "$WORK/tftp"
start world dtls sh -c "while :; do sleep 1; echo from the world; done |
	openssl s_server -dtls -accept $WORLD:4433 -cert $WORK/dtls.pem \
	-key $WORK/dtls.key"
wait_until "the datagram servers" grep -q listening "$WORK/udp.log"
wait_port world 5201 "$WORK/iperf3.log"
udp_listens() {
	in_world ss -Hlun "sport = :$1" | grep -q .
}
for port in 123 161 69 4433; do
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
setTimeout(() => process.exit(1), 15000);'

# The good programs, each with its own word for it. suite LABEL PROXY-PORT
suite() {
	local url="socks5h://$PROXY:$2" host
	for host in www.world.example "$WORLD"; do
		is "$1: socat to $host" "$(echo hello | through "$url" timeout 20 socat \
			-t 0.5 - "UDP:$host:7000" 2>&1)" hello
		is "$1: node to $host, connected" "$(through "$url" timeout 20 node \
			-e "$node" connected "$host" 2>&1)" "from node 7000"
		is "$1: node to $host" "$(through "$url" timeout 20 node -e "$node" \
			unconnected "$host" 2>&1)" "from node 7000"
	done
	is "$1: nc -u" "$(through "$url" timeout 20 sh -c \
		"(echo hello; sleep 0.5) | nc -u -w 1 www.world.example 7000" 2>&1)" hello
	is "$1: ncat -u" "$(through "$url" timeout 20 sh -c \
		"(echo hello; sleep 0.5) | ncat -u -i 1 www.world.example 7000" \
		2>/dev/null)" hello
	like "$1: snmpget" "$(through "$url" snmpget -v 2c -c public -t 5 \
		www.world.example .1.3.6.1.2.1.1.5.0 2>&1)" \
		'the-world'
	like "$1: chronyd as an NTP client" "$(through "$url" timeout 40 chronyd -Q \
		-t 30 -f /dev/null "server www.world.example iburst maxsamples 1" \
		"cmdport 0" "pidfile $WORK/client.pid" 2>&1)" 'System clock wrong by'
	like "$1: openssl s_client -dtls" "$(through "$url" timeout 20 sh -c \
		"sleep 2 | openssl s_client -dtls -connect www.world.example:4433" \
		2>&1)" 'from the world'
	like "$1: python and asyncio" "$(through "$url" "$PYTHON" \
		"$SUPPORT/dgram.py" talk www.world.example 7000 2>&1)" \
		'asyncio unconnected: same'
}

# iperf_loses LABEL PROXY-PORT [OPTION...]: none of a moderate stream, by its own word.
iperf_loses() {
	local report
	report=$(through "socks5h://$PROXY:$2" timeout 30 iperf3 -u -b 2M -l 1200 -t 2 \
		-c www.world.example -J "${@:3}" 2>&1)
	is "$1: iperf3 -u ${*:3} loses none" "$("$PYTHON" -c '
import json, sys
end = json.load(sys.stdin)["end"]["sum"]
print(end["lost_packets"], end["packets"] > 100)' <<<"$report" 2>&1)" "0 True"
}

capture_start
for server in "danted 1080" "shadowsocks 1084" "v2ray 1085"; do
	# shellcheck disable=SC2086 # two words
	suite $server
	# shellcheck disable=SC2086
	iperf_loses $server
	# shellcheck disable=SC2086
	iperf_loses $server -R
done
# The server answers from a port of its own, which the other proxies keep back.
through "socks5h://$PROXY:1200" timeout 30 sh -c "cd $WORK/home &&
	tftp -m binary www.world.example -c get file" >"$WORK/tftp.log" 2>&1
ok "tftp gets a file" cmp "$WORK/home/file" "$WORK/tftp/file"
like "traceroute and ping are refused with a reason" \
	"$(through "socks5h://$PROXY:1080" "$PYTHON" "$SUPPORT/probe.py" sockets 2>&1)" \
	'refused: a SOCKS5 proxy carries TCP and UDP only'
assert_no_leak "nothing but the proxies' connections and relays was on the link"
done_testing
