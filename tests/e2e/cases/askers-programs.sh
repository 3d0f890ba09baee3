#!/bin/bash
# SPDX-License-Identifier: MIT
# askers-programs.sh - programs that speak DNS themselves are answered, and no server of
# this machine or its network hears of it
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/askers.sh
. "$(dirname "$0")/../askers.sh"
topology
start_danted none
start_resolvers
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

# --- name server tools ------------------------------------------------------------

run() {
	through "socks5h://$PROXY:1080" timeout 30 "$@" 2>&1
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

assert_nobody_else_asked
done_testing
