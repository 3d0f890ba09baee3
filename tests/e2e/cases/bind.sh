#!/bin/bash
# SPDX-License-Identifier: MIT
# bind.sh - BIND with proxies that have none, or that misbehave; and how it is chosen
# time: 240
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/bind.sh
. "$HERE/bind.sh"
topology
start_callers
start_danted none
start_microsocks none
start_ssh_d

for cut in 0 1 4 5 9; do
	script "bind.cut=$cut"
	script "second.cut=$cut"
done
for split in 1 4 5 7 9; do
	script "bind.split=$split"
	script "second.split=$split"
done
for rep in 1 2 7 8 200; do
	script "bind.rep=$rep"
	script "second.rep=$rep"
done
script bind.rep=7,bind.tail=none
script bind.rep=7,bind.tail=short
script bind.drip=20,second.drip=20
script second.delay=300
script second.reset=3
script second.silent
script second.flip=0
script bind.bound=0.0.0.0:0
script bind.bound=proxy.example:0
script "bind.bound=[fd22:2::1]:0"
script "second.bound=$OTHER:99"
script second.bound=caller.example:20
script second.bound=0.0.0.0:0
script second.append=first
script bind.silent
start_scripts

# forget: the log begins anew.
forget() {
	rm -f "$WORK/said"
	: >"$WORK/said"
}

said() {
	grep -c "$1" "$WORK/said"
}

good="name $OUTSIDE as the control's,accept $WORLD 20 as the control's,data called,data echo"

capture_start
is "Dante, by address" "$(active "socks5h://$PROXY:1080" "$WORLD")" "$good"
is "listen() first" \
	"$(active "socks5h://$PROXY:1080" "$WORLD" listen-first)" "$good"
for way in poll select epoll; do
	like "$way says readable, and nothing else" \
		"$(active "socks5h://$PROXY:1080" "$WORLD" "$way")" \
		"(poll 0x1|select 1 0 0|epoll 0x1),accept $WORLD 20 as"
done
is "three times" "$(active "socks5h://$PROXY:1080" "$WORLD" 3 times)" \
	"$good,$good,$good"
is "by IPv6 address" "$(active "socks5h://$PROXY:1080" "$WORLD6")" \
	"name $OUTSIDE6 as the control's,accept $WORLD6 20 as the control's,data called,data echo"
like "by name, and the program is told its own address of that name" \
	"$(active "socks5h://$PROXY:1080" www.world.example)" \
	"^name $OUTSIDE as the control's,accept 198\.1[89]\.[0-9.]* 20 as the control's,data called"

is "the scripted proxy, by address" "$(active "$(url plain)" "$WORLD")" "$good"
for split in 1 4 5 7 9; do
	is "the first reply in two pieces, the first of $split bytes" \
		"$(active "$(url "bind.split=$split")" "$WORLD")" "$good"
	is "the second in two pieces, the first of $split bytes" \
		"$(active "$(url "second.split=$split")" "$WORLD")" "$good"
done
for way in poll select epoll; do
	like "$way and replies that come byte by byte: readable when all is there" \
		"$(active "$(url bind.drip=20,second.drip=20)" "$WORLD" "$way" \
			nonblocking)" \
		"(poll 0x1|select 1 0 0|epoll 0x1),accept $WORLD 20 as"
done
is "a second reply after a while" \
	"$(active "$(url second.delay=300)" "$WORLD")" "$good"
like "data in the segment of the second reply" \
	"$(active "$(url second.append=first)" "$WORLD")" \
	"accept $WORLD 20 as the control's,data firstcalled,data echo"

# --- no BIND -------------------------------------------------------------------
while read -r what script error; do
	forget
	is "$what: getsockname() fails" \
		"$(active "$(url "$script")" "$WORLD" 3 times)" \
		"getsockname $error,getsockname $error,getsockname $error"
	is "$what: one line says what to do" "$(said 'use passive mode')" 1
	is "$what: listen() fails" \
		"$(active "$(url "$script")" "$WORLD" listen-first)" \
		"listen $error"
done <<-END
	REP-7 bind.rep=7 ENOTSUP
	REP-2 bind.rep=2 EACCES
	REP-1 bind.rep=1 ECONNREFUSED
	REP-8 bind.rep=8 EAFNOSUPPORT
	REP-200 bind.rep=200 ECONNREFUSED
	two-bytes-of-a-reply bind.rep=7,bind.tail=none ENOTSUP
	four-bytes-of-a-reply bind.rep=7,bind.tail=short ENOTSUP
END
is "who has no BIND is asked once by a program" \
	"$(grep -c "\"at\": ${ports[bind.rep=7]},.*\"command\": 2" \
		"$WORK/scripted.requests")" 2
for cut in 0 1 4 5 9; do
	is "a first reply that ends after $cut bytes" \
		"$(active "$(url "bind.cut=$cut")" "$WORLD")" \
		"getsockname ECONNREFUSED"
done
is "no first reply" "$(TIMEOUT=1 active "$(url bind.silent)" "$WORLD")" \
	"getsockname ETIMEDOUT"
forget
is "microsocks" "$(active "socks5h://$PROXY:1081" "$WORLD")" \
	"getsockname ENOTSUP"
is "microsocks: one line says what to do" "$(said 'use passive mode')" 1
forget
is "ssh -D" "$(active "socks5h://$PROXY:1083" "$WORLD" 2 times)" \
	"getsockname ECONNREFUSED,getsockname ECONNREFUSED"
is "ssh -D: one line says what to do" "$(said 'use passive mode')" 1

# --- what the replies say --------------------------------------------------------
like "a first reply without an address: the proxy's own" \
	"$(active "$(url bind.bound=0.0.0.0:0)" "$WORLD" uncalled closes)" \
	"^name $PROXY not as the control's"
like "a first reply with a name: likewise" \
	"$(active "$(url bind.bound=proxy.example:0)" "$WORLD" uncalled closes)" \
	"^name $PROXY not as the control's"
forget
is "an address of the other family fails" \
	"$(active "$(url "bind.bound=[fd22:2::1]:0")" "$WORLD")" \
	"getsockname EAFNOSUPPORT"
is "and says so" "$(said 'use passive mode')" 1
forget
like "another peer than the expected one is shown" \
	"$(active "$(url "second.bound=$OTHER:99")" "$WORLD")" \
	"accept $OTHER 99 not as the control's,data called"
like "and told" "$(cat "$WORK/said")" "$WORLD:21: .* another host .*$OTHER:99"
like "a second reply with a name: the expected peer" \
	"$(active "$(url second.bound=caller.example:20)" "$WORLD")" \
	"accept $WORLD 20 as the control's"
like "a second reply without an address: likewise" \
	"$(active "$(url second.bound=0.0.0.0:0)" "$WORLD")" \
	"accept $WORLD [0-9]* as the control's"

# --- nobody comes ------------------------------------------------------------------
while read -r rep error; do
	like "a second reply of REP $rep" \
		"$(active "$(url "second.rep=$rep")" "$WORLD")" \
		",accept $error,after 0 s$"
done <<-END
	1 ECONNREFUSED
	2 EACCES
	7 ENOTSUP
	8 EAFNOSUPPORT
	200 ECONNREFUSED
END
like "and then a further BIND is asked for, and nothing waits for its time to be over" \
	"$(active "$(url second.rep=1)" "$WORLD" named)" \
	",accept ECONNREFUSED,after 0 s,named $OUTSIDE in time$"
for cut in 0 1 4 5 9; do
	like "a second reply that ends after $cut bytes" \
		"$(active "$(url "second.cut=$cut")" "$WORLD" poll)" \
		"poll 0x1,accept ECONNREFUSED,after 0 s$"
done
like "a second reply that is reset" \
	"$(active "$(url second.reset=3)" "$WORLD" epoll)" \
	",accept ECONNREFUSED,after 0 s$"
like "a second reply of another version" \
	"$(active "$(url second.flip=0)" "$WORLD")" ",accept ECONNREFUSED,after 0 s$"
forget
like "a server that does not connect" \
	"$(TIMEOUT=1 active "socks5h://$PROXY:1080" "$WORLD" uncalled)" \
	"accept ETIMEDOUT,after 1 s"
like "and it is told" "$(cat "$WORK/said")" "nobody has connected .*use passive mode"
like "no second reply" "$(TIMEOUT=1 active "$(url second.silent)" "$WORLD")" \
	"accept ETIMEDOUT,after 1 s"
like "a proxy that cannot be reached any more" \
	"$(active "$(url plain)" "$WORLD" cut-off "$PROXY")" \
	"data echo,accept EHOSTUNREACH,after 0 s$"
in_client ip route del unreachable "$PROXY" || bail_out "no route to the proxy"
like "nobody yet, for a listener that does not wait" \
	"$(active "socks5h://$PROXY:1080" "$WORLD" uncalled nonblocking)" \
	"accept EAGAIN,after 0 s"
active "$(url plain)" "$WORLD" uncalled closes >"$WORK/closes"
ok "a listener that is closed ends the wait at the proxy" \
	wait_until "the proxy to notice" \
	grep -q "\"at\": ${ports[plain]},.*given_up" "$WORK/scripted.requests"

# --- how it is chosen ---------------------------------------------------------------
local_name="name $CLIENT as the control's,accept EAGAIN,after 0 s"
is "bind off: the listener is here" \
	"$(SOCKSIFY_BIND=off active "socks5h://$PROXY:1080" "$WORLD" uncalled \
		nonblocking)" "$local_name"
is "bind-for another port: likewise" \
	"$(SOCKSIFY_BIND_FOR=2121 active "socks5h://$PROXY:1080" "$WORLD" \
		uncalled nonblocking)" "$local_name"
is "a connection to another port: likewise" \
	"$(active "socks5h://$PROXY:1080" "$WORLD" uncalled nonblocking --port 7)" \
	"$local_name"
is "bind-for that port: at the proxy" \
	"$(SOCKSIFY_BIND_FOR=21,7 active "socks5h://$PROXY:1080" "$WORLD" uncalled \
		nonblocking --port 7)" \
	"name $OUTSIDE as the control's,accept EAGAIN,after 0 s"
assert_no_leak "nothing else was on the link"
done_testing
