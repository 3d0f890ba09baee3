#!/bin/bash
# SPDX-License-Identifier: MIT
# askers.sh - programs that speak DNS themselves: whatever socket they ask by, the answer
# comes from whom they asked, and no server of this machine or its network is asked
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start_microsocks none
echo "nameserver $WORLD" >"$WORK/resolv.proxyhost"
start world dns "$PYTHON" "$SUPPORT/dns.py" --log "$WORK/dns.requests" \
	"$WORLD" "$WORLD6"
wait_port world 53 "$WORK/dns.log"
# Who asks one of these has leaked.
here=(127.0.0.1 127.0.0.11 127.0.0.53 ::1 "$CLIENT")
start client here "$PYTHON" "$SUPPORT/dns.py" --log "$WORK/here.requests" \
	"${here[@]}"
start proxyhost link "$PYTHON" "$SUPPORT/dns.py" --log "$WORK/link.requests" \
	"$RESOLVER"
wait_port client 53 "$WORK/here.log"
wait_port proxyhost 53 "$WORK/link.log"
export SOCKSIFY_DNS=$WORLD

danted="socks5h://$PROXY:1080"
microsocks="socks5h://$PROXY:1081"

# asked HOW SERVER NAME TYPE...: what asker.py was told.
asked() {
	through "${url:-$danted}" timeout 30 "$PYTHON" "$SUPPORT/asker.py" \
		"$@" 2>&1
}

# The answers that the world's zone gives, each from that server; fakes are FAKE.
zone() {
	sed "s/^/$1#53 RCODE0 /" <<-END
	A FAKE
	AAAA
	MX 10:mx.world.example 20:mx2.world.example
	TXT v=spf1 -all
	END
}

masked() {
	sed -E 's/ 198\.1[89]\.[0-9]+\.[0-9]+/ FAKE/'
}

types=(A AAAA MX TXT)

start_web
start_sshd world
cat >"$WORK/Mx.java" <<-'END'
import java.util.Hashtable;
import javax.naming.directory.InitialDirContext;

class Mx {
	public static void main(String[] args) throws Exception {
		Hashtable<String, String> env = new Hashtable<>();

		env.put("java.naming.factory.initial",
			"com.sun.jndi.dns.DnsContextFactory");
		System.out.println(new InitialDirContext(env).getAttributes(
			"dns:/world.example", new String[] { "MX" }));
	}
}
END
capture_start

# --- every way to send, wait and receive ---------------------------------------

for how in blocking timeout rcvtimeo connected readwrite message peek busy \
	select poll epoll edge nested asyncio thread threadpoll threadepoll \
	fork dup reconnect bound fionread disconnect \
	tcp tcpsplit tcpnonblock tcpasyncio tcpselect tcpepoll tcpdup tcphalf; do
	is "by $how" "$(asked "$how" 127.0.0.53 world.example "${types[@]}" |
		masked)" "$(zone 127.0.0.53)"
done
for server in 127.0.0.11 ::1 "$RESOLVER"; do
	is "from $server" "$(asked blocking,connected,tcp "$server" \
		world.example "${types[@]}" | masked)" \
		"$(zone "$server"; zone "$server"; zone "$server")"
done
is "a question that is open is asked once" \
	"$(asked retransmit 127.0.0.53 world.example MX TXT)" \
	"$(zone 127.0.0.53 | tail -n 2)"
is "a socket that is bound to a device is refused" \
	"$(asked device "$RESOLVER" world.example A 2>/dev/null |
		grep -v '^socksify:')" refused
like "what others send is not taken for an answer" \
	"$(asked stranger 127.0.0.53 world.example MX)" '^let in True True'
like "nor let in where it is connected" \
	"$(asked keptout 127.0.0.53 world.example MX)" '^kept out'
is "questions upon questions on one connection" \
	"$(asked tcpmany 127.0.0.53 world.example A AAAA A)" all
is "this machine under no address" \
	"$(asked blocking 0.0.0.0 world.example "${types[@]}" | masked)" \
	"$(zone 127.0.0.1)"
url=$microsocks
is "over microsocks" "$(asked blocking,poll 127.0.0.53 world.example \
	"${types[@]}" | masked)" "$(zone 127.0.0.53; zone 127.0.0.53)"
unset url
is "with udp = block, too" "$(SOCKSIFY_UDP=block asked blocking \
	127.0.0.53 world.example "${types[@]}" | masked)" "$(zone 127.0.0.53)"

is "a server that is named is asked" \
	"$(asked blocking,connected,epoll,tcp "$WORLD" www.world.example A MX)" \
	"$(for _ in 1 2 3 4; do
		echo "$WORLD#53 RCODE0 A $WORLD"
		echo "$WORLD#53 RCODE0 MX"
	done)"
for server in "$WORLD" "$WORLD6"; do
	for how in blocking timeout rcvtimeo connected readwrite message peek \
		busy,select poll,epoll,edge nested,asyncio thread \
		threadpoll,threadepoll dup,fionread tcp,tcpsplit \
		tcpnonblock,tcpasyncio; do
		is "by $how, the same as without, from $server" \
			"$(asked "$how" "$server" world.example "${types[@]}")" \
			"$(in_proxyhost timeout 30 "$PYTHON" \
				"$SUPPORT/asker.py" "$how" "$server" \
				world.example "${types[@]}" 2>&1)"
	done
done
is "one of IPv6 likewise" \
	"$(asked blocking "$WORLD6" dual.world.example A AAAA)" \
	"$WORLD6#53 RCODE0 A $WORLD
$WORLD6#53 RCODE0 AAAA $WORLD6"
is "a direct rule without a port does not lead to a name server" \
	"$(SOCKSIFY_DIRECT='127.0.0.0/8 10.11.1.0/24' asked blocking \
		"$RESOLVER" world.example "${types[@]}" | masked)" \
	"$(zone "$RESOLVER")"
is "real addresses where they shall be real" \
	"$(SOCKSIFY_RESOLVE=tunnel asked blocking,tcp "$RESOLVER" \
		dual.world.example A AAAA)" \
	"$(for _ in 1 2; do
		echo "$RESOLVER#53 RCODE0 A $WORLD"
		echo "$RESOLVER#53 RCODE0 AAAA $WORLD6"
	done)"
is "there is no such name" \
	"$(asked blocking 127.0.0.53 absent.world.example MX)" \
	"127.0.0.53#53 RCODE3 MX"
is "who gets no answer is told so" \
	"$(SOCKSIFY_TIMEOUT=1 asked blocking 127.0.0.53 silent.world.example MX)" \
	"127.0.0.53#53 RCODE2 MX"
is "a long answer is cut to what was asked for" \
	"$(asked blocking 127.0.0.53 big.world.example TXT)" \
	"127.0.0.53#53 RCODE0-TC TXT"

# --- programs --------------------------------------------------------------------

run() {
	through "$danted" timeout 30 "$@" 2>&1
}

mx="10 mx.world.example.
20 mx2.world.example."

for resolv in "$RESOLVER" 127.0.0.53 ::1 ""; do
	echo "${resolv:+nameserver $resolv}" >"$WORK/resolv.client"
	with="with ${resolv:-no name server} in resolv.conf"
	like "dig $with" "$(run dig +notcp www.world.example)" \
		'IN	A	198\.1[89]\..*SERVER: '"${resolv:-::1}#53"
	is "dig of other types $with" "$(run dig +short world.example MX | sort)" \
		"$mx"
	like "host $with" "$(run host world.example)" \
		'has address 198.*handled by 10 mx\.world\.example'
	like "nslookup $with" "$(run nslookup www.world.example)" \
		'Address: 198\.1[89]\.'
	# drill asks nobody then.
	[ -z "$resolv" ] || like "drill $with" \
		"$(run drill www.world.example)" 'IN	A	198\.1[89]\.'
	is "kdig $with" "$(run kdig +short world.example MX | sort)" "$mx"
	is "dig +tcp $with" "$(run dig +tcp +short world.example MX | sort)" \
		"$mx"
	like "getent $with" "$(run getent ahosts www.world.example)" '^198\.1[89]\.'
done

address=$(run dig +short www.world.example)
is "an address goes back to its name" "$(run dig +short -x "$address")" \
	"www.world.example."
is "a real address, too" "$(run dig +short -x "$WORLD")" www.world.example.
is "dig @server" "$(run dig +short @"$WORLD" www.world.example)" "$WORLD"
is "dig @name" "$(run dig +short @www.world.example www.world.example)" \
	"$WORLD"
like "dig SRV" "$(run dig +short _sip._tcp.world.example SRV)" '5060'
like "dig ANY" "$(run dig world.example ANY)" 'SOA.*MX.*TXT'
like "what was cut is had by TCP" "$(run dig +short big.world.example TXT)" \
	'x{250}" "x{250}'

# --- programs that do something with it ---------------------------------------------

is "a name of dig's, an address of curl's" \
	"$(run curl -sS "http://$(run dig +short www.world.example)/")" \
	"hello from the world"
is "likewise of getent's" \
	"$(run curl -sS "http://$(run getent ahosts www.world.example |
		head -n 1 | cut -d ' ' -f 1)/")" "hello from the world"
is "aria2 with its own resolver" "$(cd "$WORK" && run aria2c -q --async-dns=true \
	-d "$WORK" -o aria2.out http://www.world.example/ &&
	cat "$WORK/aria2.out")" "hello from the world"
is "ssh asks for the host's key" "$(run ssh -F "$WORK/ssh_config" \
	-o VerifyHostKeyDNS=yes tester@ssh.world.example echo in)" in
is "git by name" "$(run git ls-remote http://www.world.example/ 2>&1 |
	grep -c 'not found')" 1
like "node's dns module" "$(run node -e '
	const dns = require("dns").promises;
	(async () => {
		console.log((await dns.resolve4("www.world.example"))[0]);
		for (const type of ["Mx", "Txt", "Srv"])
			console.log(JSON.stringify(await dns["resolve" + type](
				type == "Srv" ? "_sip._tcp.world.example" :
				"world.example")));
	})()')" '^198\.1[89]\..*mx2\.world.*v=spf1.*5060'
like "perl's Net::DNS" "$(run perl -MNet::DNS -e '
	my $resolver = Net::DNS::Resolver->new;
	print join(" ", map { $_->exchange } mx($resolver, "world.example"))')" \
	'^mx\.world\.example mx2'
like "java's naming" "$(run java -Xshare:auto "$WORK/Mx.java")" \
	'10 mx\.world\.example'

# --- nobody else was asked ---------------------------------------------------------

is "no server of this machine was asked" "$(cat "$WORK/here.requests")" ""
is "no server of its network was asked" "$(cat "$WORK/link.requests")" ""
unlike "the world's was asked by the proxy alone, over TCP" \
	"$(grep -v "^udp $OUTSIDE\|^udp $WORLD" "$WORK/dns.requests")" \
	'^(udp|tcp 10\.11)'
assert_no_leak "none of it was on the client's link, or at its port 53"
done_testing
