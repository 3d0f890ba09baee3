# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# lib.sh - what a case is made of: three namespaces, servers, captures, TAP
#
#     client ------ link1 ------ proxyhost ------ link2 ------ world
#        10.11.1.2     10.11.1.1         10.22.2.1     10.22.2.2, .3
#        fd11:1::2     fd11:1::1         fd22:2::1     fd22:2::2, ::3
#
# The proxy host is the client's router by its routes, but forwards nothing:
# whatever leaks is seen on the link and goes no further. Names of the world are
# in the proxy host's /etc/hosts alone; the client's resolv.conf names an address
# on the link, so that a local lookup puts a packet there.
#
# A namespace is kept by a sleeping process; in_client, in_proxyhost and in_world
# run a command in one. run gives each case its own processes and mounts, so
# nothing has to be undone or killed here.

PATH=$PATH:/usr/sbin:/sbin
export PATH LC_ALL=C
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SUPPORT=$(cd "$HERE/../support" && pwd)
NAME=$(basename "$0" .sh)
BUILD=${BUILD:?is set by tests/e2e/run}
WORK=$BUILD/e2e/$NAME
SOCKSIFY=$BUILD/socksify
# shellcheck disable=SC2034 # for the cases
LIBRARY=$BUILD/libsocksify.so
# LD_PRELOAD for victims: scripts/check-asan.sh wants its run-time there, too.
# shellcheck disable=SC2034 # for the cases
PRELOAD=$LIBRARY${SANITIZER:+:$SANITIZER}
# The system's own interpreter, not a wrapper that a user put before it.
PYTHON=/usr/bin/python3
[ -x "$PYTHON" ] || PYTHON=python3

PROXY=10.11.1.1
PROXY6=fd11:1::1
CLIENT=10.11.1.2
RESOLVER=10.11.1.53
# shellcheck disable=SC2034 # for the cases
WORLD=10.22.2.2 WORLD6=fd22:2::2 OTHER=10.22.2.3 OTHER6=fd22:2::3
# The proxy host as the world sees it.
# shellcheck disable=SC2034
OUTSIDE=10.22.2.1 OUTSIDE6=fd22:2::1

# The files of names that other users' programs have left there are not ours.
mount -t tmpfs tmpfs /dev/shm || exit

# --- TAP ---------------------------------------------------------------------

tests=0 failures=0

note() {
	local text=$*
	echo "# ${text//$'\n'/$'\n'# }"
}

pass() {
	tests=$((tests + 1))
	echo "ok $tests - $1"
}

# fail NAME [DIAGNOSTICS...]
fail() {
	tests=$((tests + 1)) failures=$((failures + 1))
	echo "not ok $tests - $1"
	shift
	[ $# -eq 0 ] || note "$*"
}

# ok NAME COMMAND...: the command succeeds.
ok() {
	local name=$1 output status
	shift
	output=$("$@" 2>&1)
	status=$?
	if [ "$status" -eq 0 ]; then
		pass "$name"
	else
		fail "$name" "exit status $status of: $*" $'\n'"$output"
	fi
}

# status_is NAME STATUS COMMAND...: the command exits with this very status.
status_is() {
	local name=$1 wanted=$2 output status
	shift 2
	output=$("$@" 2>&1)
	status=$?
	if [ "$status" -eq "$wanted" ]; then
		pass "$name"
	else
		fail "$name" "exit status $status, not $wanted, of: $*" \
			$'\n'"$output"
	fi
}

# is NAME GOT WANTED
is() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got:    $2" $'\n'"wanted: $3"
	fi
}

# like NAME GOT PATTERN: an extended regular expression matches somewhere.
like() {
	if [[ $2 =~ $3 ]]; then
		pass "$1"
	else
		fail "$1" "wanted a match of: $3"$'\n'"got: $(tail -n 12 <<<"$2")"
	fi
}

# says_why NAME STATUS PATTERN COMMAND...: this status, and one line that matches.
says_why() {
	local name=$1 wanted=$2 pattern=$3 status words
	shift 3
	words=$("$@" 2>&1 >/dev/null)
	status=$?
	if [ "$status" -eq "$wanted" ] && [ "$(wc -l <<<"$words")" -eq 1 ] &&
		[[ $words =~ $pattern ]]; then
		pass "$name"
	else
		fail "$name" "status $status, wanted $wanted; said: $words"
	fi
}

unlike() {
	if [[ $2 =~ $3 ]]; then
		fail "$1" "wanted no match of: $3"$'\n'"got: $(
			grep -E -m 5 -e "$3" <<<"$2")"
	else
		pass "$1"
	fi
}

# at_most NAME NUMBER BOUND: decimal fractions allowed.
at_most() {
	if awk -v n="$2" -v bound="$3" \
		'BEGIN { exit !(n ~ /^[0-9.]+$/ && n + 0 <= bound + 0) }'; then
		pass "$1"
	else
		fail "$1" "got: $2, wanted at most $3"
	fi
}

# The rig itself does not work: nothing more can be said.
bail_out() {
	echo "not ok $((tests + 1)) - the test's own servers and network work"
	note "$*"
	exit 1
}

done_testing() {
	echo "1..$tests"
	[ "$failures" -eq 0 ]
	exit
}

# --- waiting -----------------------------------------------------------------

# wait_until WHAT COMMAND...: asks again for ten seconds, then gives up.
wait_until() {
	local what=$1 tries=500
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || bail_out "waited in vain for $what"
		sleep 0.02
	done
}

# Asks the kernel's list of listeners, so that no server counts a connection.
listens() {
	"in_$1" ss -Hltn "sport = :$2" | grep -q .
}

not() {
	! "$@"
}

# wait_port NAMESPACE PORT [LOG]
wait_port() {
	local tries=500
	until listens "$1" "$2"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] ||
			bail_out "nothing listens on port $2 of $1" \
				"$(tail -n 5 "${3:-/dev/null}")"
		sleep 0.02
	done
}

# --- namespaces --------------------------------------------------------------

declare -A holders

# enter NAMESPACE COMMAND...
enter() {
	nsenter --target "${holders[$1]}" --net --mount --wdns="$WORK" -- \
		"${@:2}"
}

in_client() { enter client "$@"; }
in_proxyhost() { enter proxyhost "$@"; }
in_world() { enter world "$@"; }

# command_in NAMESPACE COMMAND...: enter's words, for another program to put before.
command_in() {
	printf '%q ' nsenter --target "${holders[$1]}" --net --mount \
		--wdns="$WORK" -- "${@:2}"
}

# As a user who is not root, with no privilege: sshd and tcpdump give privileges
# up when they have them, which fails where there is but one user.
as_tester() {
	unshare --user --map-user=1000 --map-group=1000 -- "$@"
}

holder_sleeps() {
	[ "$(cat "/proc/$1/comm")" = sleep ]
}

# make_namespace NAME [HOSTS-LINE...]: with hosts and resolv.conf of its own.
make_namespace() {
	local name=$1
	unshare --net --mount sleep infinity &
	holders[$name]=$!
	wait_until "the namespace $name" holder_sleeps "${holders[$name]}"
	printf '%s\n' '127.0.0.1 localhost' '::1 localhost ip6-localhost' \
		"127.0.1.1 testhost" "${@:2}" >"$WORK/hosts.$name"
	enter "$name" sh -ec "
		mount --bind $WORK/hosts.$name /etc/hosts
		mount --bind $WORK/resolv.$name /etc/resolv.conf
		ip link set lo up
		cd /proc/sys/net
		echo 0 >ipv4/ip_unprivileged_port_start
		echo 0 0 >ipv4/ping_group_range
		echo 0 >ipv4/ip_forward
		echo 0 >ipv6/conf/all/forwarding
		for conf in all default; do
			echo 0 >ipv6/conf/\$conf/accept_dad
			echo 0 >ipv6/conf/\$conf/accept_ra
			echo 0 >ipv6/conf/\$conf/router_solicitations
		done" || bail_out "cannot set up the namespace $name"
}

# What all namespaces of this case see instead of the machine's own.
make_private_files() {
	local target
	mkdir -p "$WORK/home"
	# No name service daemon, no bus; sshd wants its directory.
	target=$(readlink -m /etc/resolv.conf)
	mount -t tmpfs tmpfs /run
	mkdir -p /run/sshd
	if [[ $target = /run/* ]]; then
		mkdir -p "$(dirname "$target")"
		touch "$target"
	fi
	{
		grep -v '^tester:\|^alice:\|:1000:[0-9]*:' /etc/passwd
		echo "tester:x:1000:1000::$WORK/home:/bin/sh"
		echo "alice:x:2000:2000::/:/bin/sh"
	} >"$WORK/passwd"
	{
		echo 'root:*:19000::::::'
		echo "alice:$(openssl passwd -6 secret):19000:0:99999:7:::"
	} >"$WORK/shadow"
	mount --bind "$WORK/passwd" /etc/passwd ||
		bail_out "cannot give this case its own /etc/passwd"
	mount --bind "$WORK/shadow" /etc/shadow ||
		bail_out "cannot give this case its own /etc/shadow"
	echo "nameserver $RESOLVER" >"$WORK/resolv.client"
	: >"$WORK/resolv.proxyhost"
	: >"$WORK/resolv.world"
	hostname testhost
}

# The environment of a user who has set nothing.
clean_environment() {
	local variable
	for variable in $(compgen -e); do
		case $variable in
		SOCKSIFY_*|LD_*|XDG_*|*_proxy|*_PROXY|SSH_*|CURL_*|PYTHON?*)
			unset "$variable" ;;
		esac
	done
	export HOME=$WORK/home
}

topology() {
	clean_environment
	make_private_files
	make_namespace client
	make_namespace proxyhost \
		"$WORLD www.world.example ssh.world.example" \
		"$OTHER other.world.example" \
		"$WORLD dual.world.example" "$WORLD6 dual.world.example" \
		"$WORLD6 v6.world.example"
	make_namespace world
	in_proxyhost sh -ec "
		ip link add link1 type veth peer name eth0 netns ${holders[client]}
		ip link add link2 type veth peer name eth0 netns ${holders[world]}
		ip link set link1 addrgenmode none
		ip link set link2 addrgenmode none
		ip addr add $PROXY/24 dev link1
		ip addr add $RESOLVER/24 dev link1
		ip addr add $PROXY6/64 dev link1
		ip addr add $OUTSIDE/24 dev link2
		ip addr add $OUTSIDE6/64 dev link2
		ip link set link1 up
		ip link set link2 up" || bail_out "cannot link the namespaces"
	in_world sh -ec "
		ip link set eth0 addrgenmode none
		ip addr add $WORLD/24 dev eth0
		ip addr add $WORLD6/64 dev eth0
		ip addr add $OTHER/24 dev eth0
		ip addr add $OTHER6/64 dev eth0
		ip link set eth0 up" || bail_out "cannot set up the world"
	in_client sh -ec "
		ip link set eth0 addrgenmode none
		ip addr add $CLIENT/24 dev eth0
		ip addr add fd11:1::2/64 dev eth0
		ip link set eth0 up
		ip route add default via $PROXY
		ip -6 route add default via $PROXY6" ||
		bail_out "cannot set up the client"
}

# --- captures ----------------------------------------------------------------

# The proxy host's ports that the client may talk to; start_... add theirs.
ALLOWED_PORTS=()
# And where its relays of datagrams are: a port, or a range LOW-HIGH.
ALLOWED_RELAYS=()
declare -A captures

# capture_start: from here on every packet of the client's link and loopback.
capture_start() {
	local interface
	for interface in eth0 lo; do
		# An earlier capture's words are not this one's.
		rm -f "$WORK/capture.$interface.log"
		start client "capture.$interface" "$PYTHON" \
			"$SUPPORT/capture.py" "$interface" "$WORK/$interface.pcap"
		captures[$interface]=$!
	done
	for interface in eth0 lo; do
		wait_until "a capture on $interface" \
			grep -q listening "$WORK/capture.$interface.log"
	done
	# To be found again: a capture that saw nothing proves nothing.
	in_client bash -c 'echo canary >/dev/udp/127.0.0.1/9'
}

# Ends the captures; fails when a packet was lost.
capture_stop() {
	local interface
	for interface in eth0 lo; do
		kill "${captures[$interface]}"
		wait "${captures[$interface]}" ||
			bail_out "$(cat "$WORK/capture.$interface.log")"
	done
}

# packets INTERFACE FILTER: the captured packets that the filter matches.
packets() {
	as_tester tcpdump -nn -e -r "$WORK/$1.pcap" "$2" 2>"$WORK/tcpdump.err"
	grep -q '^reading from' "$WORK/tcpdump.err" ||
		bail_out "tcpdump: $(cat "$WORK/tcpdump.err")"
}

# The filter for what may be on the link: the proxy's connections, its relays'
# datagrams (and each side's word that whom they were for is gone), and the
# neighbours finding each other. Reports of multicast membership are the kernel's own, made when an
# address is set.
allowed_on_link() {
	local port ports='' out='' back='' more
	for port in "${ALLOWED_PORTS[@]}"; do
		ports="${ports:+$ports or }port $port"
	done
	ports="tcp and (${ports:-port 0})"
	for port in "${ALLOWED_RELAYS[@]}"; do
		out="${out:+$out or }dst portrange $port"
		back="${back:+$back or }src portrange $port"
		# The filter's ports are not those behind IPv6's header of a fragment.
		more="ip6[6] = 44 and ip6[42:2] & 0xfff8 = 0 and ip6[40] = 17"
		out="$out or ($more and ip6[50:2] >= ${port%-*} and
			ip6[50:2] <= ${port#*-})"
		back="$back or ($more and ip6[48:2] >= ${port%-*} and
			ip6[48:2] <= ${port#*-})"
	done
	# Of a datagram in fragments the first one is looked at.
	more="(ip[6:2] & 0x1fff != 0) or (ip6[6] = 44 and ip6[42:2] & 0xfff8 != 0)"
	out="(udp or ip6 proto 44) and (${out:-port 0} or $more)"
	back="(udp or ip6 proto 44) and (${back:-port 0} or $more)"
	cat <<-END
	($ports and host $CLIENT and host $PROXY) or
	($ports and host fd11:1::2 and host $PROXY6) or
	($out and src host $CLIENT and dst host $PROXY) or
	($back and src host $PROXY and dst host $CLIENT) or
	($out and src host fd11:1::2 and dst host $PROXY6) or
	($back and src host $PROXY6 and dst host fd11:1::2) or
	(icmp[0] = 3 and icmp[17] = 17 and src host $PROXY and dst host $CLIENT) or
	(icmp[0] = 3 and icmp[1] = 3 and icmp[17] = 17 and
	 src host $CLIENT and dst host $PROXY) or
	(icmp6 and ip6[40] = 1 and ip6[41] = 4 and ip6[54] = 17 and
	 src host fd11:1::2 and dst host $PROXY6) or
	(arp and arp[14:4] = 0x0a0b0101 and arp[24:4] = 0x0a0b0102) or
	(arp and arp[14:4] = 0x0a0b0102 and arp[24:4] = 0x0a0b0101) or
	(icmp6 and (ip6[40] = 135 or ip6[40] = 136) and
	 ip6[48:4] = 0xfd110001 and ip6[52:4] = 0 and ip6[56:4] = 0 and
	 (ip6[60:4] = 1 or ip6[60:4] = 2)) or
	(ip6[6] = 0 and ip6[40] = 58 and ip6[48] = 143)
	END
}

# find_leaks: ends the captures; LEAKED is what leaked since capture_start, a line
# per packet. (Not for $(...): the captures are children of this shell.)
find_leaks() {
	capture_stop
	packets lo 'udp dst port 9' | grep -q . ||
		bail_out "the capture on loopback saw nothing"
	LEAKED=$(
		packets eth0 "not ($(allowed_on_link))"
		packets lo 'port 53'
	)
}

# assert_no_leak NAME: nothing but the proxy's own connections, of which there
# was at least one. Ends the captures.
assert_no_leak() {
	find_leaks
	if [ -n "$LEAKED" ]; then
		fail "$1" "leaked:"$'\n'"$(head -n 20 <<<"$LEAKED")"
	elif ! packets eth0 "tcp and ($(allowed_on_link))" | grep -q .; then
		fail "$1" "the capture saw no packet of the proxy's either"
	else
		pass "$1"
	fi
}

# --- servers -----------------------------------------------------------------

# start NAMESPACE LOGNAME COMMAND...: in the background, its words in LOGNAME.log.
start() {
	nsenter --target "${holders[$1]}" --net --mount --wdns="$WORK" -- \
		"${@:3}" >"$WORK/$2.log" 2>&1 &
}

# start_danted METHOD: Dante on port 1080 of the proxy host, both families;
# METHOD is none, or username: only alice with secret. DANTED_OPTIONS is one more line of
# its configuration. Its words: danted.log,
# danted_requests what it was asked for, $danted its process.
start_danted() {
	local method=$1
	cat >"$WORK/danted.conf" <<-END
	logoutput: $WORK/danted.log
	internal: $PROXY port = 1080
	internal: $PROXY6 port = 1080
	external: link2
	clientmethod: none
	socksmethod: $method
	${DANTED_OPTIONS:-}
	user.privileged: root
	user.notprivileged: root
	client pass { from: 0/0 to: 0/0 }
	client pass { from: ::/0 to: ::/0 }
	socks pass { from: 0/0 to: 0/0 udp.portrange: 40000-40999 log: connect error }
	socks pass { from: ::/0 to: ::/0 udp.portrange: 40000-40999 log: connect error }
	END
	# Only its debugging words name what a client has asked for.
	start proxyhost danted.out danted -d 1 -f "$WORK/danted.conf"
	# shellcheck disable=SC2034 # for the cases
	danted=$!
	wait_port proxyhost 1080 "$WORK/danted.log"
	ALLOWED_PORTS+=(1080)
	ALLOWED_RELAYS+=(40000-40999)
}

# danted_requests: a line per request, as "ATYP: 3 address: www.world.example.80".
danted_requests() {
	sed -n 's/.* dorequest(): .*\(ATYP: .*[^ ]\) *$/\1/p' "$WORK/danted.log"
}

# start_microsocks METHOD: none on port 1081, username (alice, secret) on 1082.
start_microsocks() {
	local port=1081 options=()
	if [ "$1" = username ]; then
		port=1082 options=(-u alice -P secret)
	fi
	start proxyhost "microsocks-$port" microsocks -i "$PROXY" -p "$port" \
		"${options[@]}"
	wait_port proxyhost "$port" "$WORK/microsocks-$port.log"
	ALLOWED_PORTS+=("$port")
}

make_ssh_keys() {
	[ ! -e "$WORK/ssh_key" ] || return 0
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/ssh_host_key"
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/ssh_key"
	cat >"$WORK/sshd_config" <<-END
	Port 22
	HostKey $WORK/ssh_host_key
	AuthorizedKeysFile $WORK/ssh_key.pub
	StrictModes no
	UsePAM no
	PidFile none
	END
	cat >"$WORK/ssh_config" <<-END
	User tester
	IdentityFile $WORK/ssh_key
	IdentitiesOnly yes
	StrictHostKeyChecking no
	UserKnownHostsFile /dev/null
	LogLevel ERROR
	END
}

# start_sshd NAMESPACE: lets tester in with $WORK/ssh_key; ssh -F $WORK/ssh_config.
start_sshd() {
	make_ssh_keys
	start "$1" "sshd-$1" unshare --user --map-user=1000 --map-group=1000 \
		"$(command -v sshd)" -D -e -f "$WORK/sshd_config"
	wait_port "$1" 22 "$WORK/sshd-$1.log"
}

# start_ssh_d: OpenSSH's own SOCKS server on port 1083 of the proxy host.
start_ssh_d() {
	start_sshd proxyhost
	start proxyhost ssh-d ssh -F "$WORK/ssh_config" -N \
		-D "$PROXY:1083" tester@127.0.0.1
	wait_port proxyhost 1083 "$WORK/ssh-d.log"
	ALLOWED_PORTS+=(1083)
}

# start_web: web.py in the world, http and https; $WORK/ca.pem is what to trust,
# $WORK/files/big a file of 24 MiB, $WORK/files/post one of 300 kB.
start_web() {
	mkdir -p "$WORK/files"
	head -c 25165824 /dev/urandom >"$WORK/files/big"
	head -c 300000 "$WORK/files/big" >"$WORK/files/post"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -days 2 -subj /CN=world -keyout "$WORK/web.key" \
		-addext "subjectAltName=DNS:*.world.example,IP:$WORLD,IP:$WORLD6" \
		-out "$WORK/ca.pem" 2>"$WORK/openssl.log" ||
		bail_out "openssl: $(cat "$WORK/openssl.log")"
	start world web "$PYTHON" "$SUPPORT/web.py" "$WORK/files" \
		"$WORK/ca.pem" "$WORK/web.key"
	wait_port world 80 "$WORK/web.log"
	wait_port world 443 "$WORK/web.log"
}

# start_proxy NAME [OPTION...]: the scripted proxy; its options are in
# tests/support/proxy.py, its ports are added to ALLOWED_PORTS from them, its
# requests are in NAME.requests.
start_proxy() {
	local name=$1 argument address port ports=()
	shift
	for argument in "$@"; do
		if [[ $argument = --at=* ]]; then
			address=${argument#--at=}
			address=${address%%=*}
			ports+=("${address##*:}")
		fi
	done
	start proxyhost "$name" "$PYTHON" "$SUPPORT/proxy.py" \
		--log "$WORK/$name.requests" "$@"
	for port in "${ports[@]}"; do
		wait_port proxyhost "$port" "$WORK/$name.log"
	done
	ALLOWED_PORTS+=("${ports[@]}")
}

# --- what is tested ----------------------------------------------------------

# through PROXY-URL COMMAND...: in the client, under socksify.
through() {
	in_client "$SOCKSIFY" -x "$1" "${@:2}"
}
