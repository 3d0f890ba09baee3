# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# relays.sh - lib.sh's servers that are the near end of something longer

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# start_shadowsocks: its client on port 1084 of the proxy host, its server there,
# too. Says success before anything is dialled.
start_shadowsocks() {
	local words=(-s 127.0.0.1 -p 8388 -k secret -m aes-256-gcm -u)
	start proxyhost ss-server ss-server "${words[@]}" -v
	start proxyhost ss-local ss-local "${words[@]}" -b "$PROXY" -l 1084 -v
	wait_port proxyhost 8388 "$WORK/ss-server.log"
	wait_port proxyhost 1084 "$WORK/ss-local.log"
	ALLOWED_PORTS+=(1084)
	ALLOWED_RELAYS+=(1084)
}

# start_v2ray: on port 1085 of the proxy host, and with a password (alice, secret)
# on 1086. Says success before anything is dialled.
start_v2ray() {
	local socks='"protocol": "socks", "settings": {"auth"'
	cat >"$WORK/v2ray.json" <<-END
	{ "log": {"loglevel": "info"}, "inbounds": [
	  {"listen": "$PROXY", "port": 1085, $socks: "noauth",
	   "udp": true, "ip": "$PROXY"}},
	  {"listen": "$PROXY", "port": 1086, $socks: "password",
	   "udp": true, "ip": "$PROXY",
	   "accounts": [{"user": "alice", "pass": "secret"}]}}],
	  "outbounds": [{"protocol": "freedom", "settings": {}}] }
	END
	start proxyhost v2ray v2ray -config "$WORK/v2ray.json"
	wait_port proxyhost 1085 "$WORK/v2ray.log"
	wait_port proxyhost 1086 "$WORK/v2ray.log"
	ALLOWED_PORTS+=(1085 1086)
	ALLOWED_RELAYS+=(1085 1086)
}

# start_tor: its SOCKS port, 1087 of the proxy host. It has no network to make a
# circuit in, gives up after 2 seconds, and takes no addresses.
start_tor() {
	mkdir -m 700 "$WORK/tor"
	cat >"$WORK/torrc" <<-END
	SocksPort $PROXY:1087
	DataDirectory $WORK/tor
	SocksTimeout 2
	SafeSocks 1
	SafeLogging 0
	END
	start proxyhost tor tor -f "$WORK/torrc" --defaults-torrc "$WORK/torrc"
	wait_port proxyhost 1087 "$WORK/tor.log"
	ALLOWED_PORTS+=(1087)
}
