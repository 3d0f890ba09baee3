#!/bin/bash
# SPDX-License-Identifier: MIT
# ftp-servers.sh - FTP with servers that the proxy reaches over IPv6, with proxies that
# have no BIND; transfers that are given up
# time: 240
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/ftp.sh
. "$HERE/ftp.sh"
topology
start_danted none
start_microsocks none
make_ftp_files
start_vsftpd vsftpd 21
start_vsftpd slow 2122 anon_max_rate=200000 ftp_data_port=2020
export SOCKSIFY_BIND_FOR=21,2122

capture_start
# --- a name that the proxy reaches over IPv6, and sockets of IPv4 ------------------
fetch=(curl -sS -v --max-time 20 -P -)
is "a server that takes no other address than the control connection's" \
	"$(through "$FTP_URL" "${fetch[@]}" -o "$WORK/down/x" \
		ftp://dual.world.example:2122/more 2>&1 |
		grep -c -E '^< 500 Illegal (PORT|EPRT) command')" 2
like "the log says what may be the matter" \
	"$(through "$FTP_URL" "${fetch[@]}" -o "$WORK/down/x" \
		ftp://dual.world.example:2122/more 2>&1)" \
	"dual\.world\.example was reached over IPv6.*passive mode"
rm -f "$WORK/down/more"
printf '%s\n' 'user anonymous x' binary "lcd $WORK/down" 'get more' quit |
	through "$FTP_URL" timeout 60 tnftp -6 -A -n dual.world.example 2122 \
		>"$WORK/client.log" 2>&1
is "with sockets of IPv6 it works there, too" \
	"$(sha256sum <"$WORK/down/more")" "$(sha256sum <"$FTP_ROOT/more")"

# --- transfers that are given up ----------------------------------------------------
rm -f "$WORK/down/more"
cat >"$WORK/abort.py" <<-'END'
	import ftplib
	import sys

	with ftplib.FTP() as ftp:
	    ftp.connect(sys.argv[1], 2122, timeout=30)
	    ftp.login()
	    ftp.set_pasv(False)
	    for _ in range(3):
	        data = ftp.transfercmd("RETR data")
	        print(len(data.recv(1000)) > 0)
	        print(ftp.abort())
	        data.close()
	        if not ftp.lastresp.startswith("225"):
	            print(ftp.voidresp())
	    with open(sys.argv[2], "wb") as out:
	        print(ftp.retrbinary("RETR more", out.write))
END
through "$FTP_URL" timeout 60 "$PYTHON" "$WORK/abort.py" "$WORLD" \
	"$WORK/down/more" >"$WORK/abort.log" 2>&1
is "Python: three downloads given up by urgent data, then one that is whole" \
	"$(sha256sum <"$WORK/down/more")" "$(sha256sum <"$FTP_ROOT/more")"
is "the server was told so by ABOR" \
	"$(grep -a -c '"ABOR"' "$WORK/slow.commands")" 3

# --- no BIND ------------------------------------------------------------------------
no_bind=socks5h://$PROXY:1081
for client in curl wget lftp tnftp inetutils python; do
	FTP_URL=$no_bind "ftp_$client" active "$WORLD"
	is "$client, active, with microsocks: one line says what to do" \
		"$(grep -c '^socksify: .*use passive mode' "$WORK/client.log")" 1
	FTP_URL=$no_bind
	ftp_transfers "$client, passive, with microsocks" "$client" passive "$WORLD"
	FTP_URL=socks5h://$PROXY:1080
done
assert_no_leak "nothing else was on the link"
done_testing
