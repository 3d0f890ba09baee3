#!/bin/bash
# SPDX-License-Identifier: MIT
# terminal.sh - telnet, ftp and shells as people use them, at a terminal
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/ftp.sh
. "$HERE/ftp.sh"
topology
start_danted none
start_web
make_ftp_files
start_vsftpd vsftpd 21 anon_max_rate=300000
# Interrupts stay ignored (inetd.py). The first prompt may be lost with the NUL.
cat >"$WORK/login" <<-'END'
	#!/bin/sh
	export PS1='remote> '
	exec /bin/bash --norc --noprofile -i
END
chmod +x "$WORK/login"
start world telnetd "$PYTHON" "$SUPPORT/inetd.py" 23 \
	telnetd -h -a off -E "$WORK/login"
wait_port world 23 "$WORK/telnetd.log"

url=socks5h://$PROXY:1080
page="hello from the world"
cat >"$WORK/bashrc" <<-END
	PS1='local> '
	cd $WORK/down
	bind 'set enable-bracketed-paste off' 2>/dev/null
END

# typed LABEL COMMAND...: what is typed comes from standard input.
typed() {
	cat >"$WORK/script"
	ok "$1" in_client "$PYTHON" "$SUPPORT/typist.py" "$WORK/script" "${@:2}"
}

shell=(bash --noprofile --rcfile "$WORK/bashrc" -i)

capture_start
typed "telnet: a session, and its window" \
	"$SOCKSIFY" -x "$url" inetutils-telnet www.world.example <<-'END'
	size 33 101
	expect Connected to www\.world\.example
	knock remote>
	send stty size\r
	expect \n33 101
	expect remote>
	size 40 120
	send sleep 0.3; stty size\r
	expect \n40 120
	expect remote>
	send echo a$((20+1))b\r
	expect a21b
	send exit\r
	expect Connection closed by foreign host
	wait
END
typed "telnet by address, stopped by its own escape and continued" \
	"${shell[@]}" <<-END
	expect local>
	send $SOCKSIFY -x $url inetutils-telnet $WORLD\\r
	knock remote>
	send \\x1d
	expect telnet>
	send z\\r
	expect Stopped
	expect local>
	send jobs\\r
	expect inetutils-telnet
	send fg\\r
	expect inetutils-telnet
	send \\r
	expect remote>
	send echo still \$((6*7))\\r
	expect still 42
	send exit\\r
	expect closed by foreign host
	expect local>
	send exit\\r
	wait
END
for client in "tnftp -A -n -v" "inetutils-ftp -n -v"; do
	rm -f "$WORK/down/data" "$WORK/down/more"
	typed "$client: prompts, ^C in a transfer, ^Z and fg, and transfers after it" \
		"${shell[@]}" <<-END
		expect local>
		send $SOCKSIFY -x $url $client www.world.example\\r
		expect 220 .*vsFTPd
		expect ftp>
		send user anonymous x\\r
		expect 230
		expect ftp>
		send binary\\r
		expect 200
		expect ftp>
		send get data\\r
		expect 150
		filled $WORK/down/data
		send \\x03
		expect ftp>
		send \\x1a
		expect Stopped
		expect local>
		send fg\\r
		expect $client
		send pwd\\r
		expect (257|Remote directory:) .*/ftp
		expect ftp>
		send get more\\r
		expect 226
		expect ftp>
		send quit\\r
		expect 221
		expect local>
		send exit\\r
		wait
	END
	is "$client: what came after it is whole" \
		"$(sha256sum <"$WORK/down/more")" "$(sha256sum <"$FTP_ROOT/more")"
done

commands() {
	cat <<-END
	send curl -sS http://www.world.example/\\r
	expect $page
	expect local>
	send echo open www.world.example | tnftp -n | cat; echo end of the pipe\\r
	expect \\nend of the pipe
	expect local>
	send rm -f more; curl -sS -P - ftp://$WORLD/more -o more; cmp more $FTP_ROOT/more && echo they match\\r
	expect \\nthey match
	expect local>
	send curl -sS http://other.world.example/ -o page & wait; cat page\\r
	expect $page
	expect local>
	send (sleep 0.2; curl -sS http://$WORLD/peer; echo) | cat\\r
	expect $OUTSIDE
	expect local>
	send inetutils-telnet $WORLD\\r
	knock remote>
	send exit\\r
	expect closed by foreign host
	expect local>
	send exec curl -sS http://www.world.example/\\r
	expect $page
	wait
	END
}

typed "socksify bash, and what is started in it" \
	"$SOCKSIFY" -x "$url" "${shell[@]}" < <(
	echo "expect local>"
	commands)
typed "a shell with LD_PRELOAD, and what is started in it" "${shell[@]}" < <(
	echo "expect local>"
	printf "%s\n" "send export LD_PRELOAD=$LIBRARY SOCKSIFY_PROXY=$url\\r"
	echo "expect local>"
	commands)
assert_no_leak "nothing else was on the link"
done_testing
