#!/bin/bash
# SPDX-License-Identifier: MIT
# ftp.sh - FTP, active and passive, of seven programs, with vsftpd, through Dante
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/ftp.sh
. "$HERE/ftp.sh"
topology
start_danted none
make_ftp_files
start_vsftpd vsftpd 21

capture_start
for mode in active passive; do
	for client in curl wget lftp ncftp tnftp inetutils python; do
		ftp_transfers "$client, $mode, by IPv4 address" \
			"$client" "$mode" "$WORLD"
	done
	for client in curl wget lftp tnftp inetutils python; do
		ftp_transfers "$client, $mode, by IPv6 address" \
			"$client" "$mode" "$WORLD6"
	done
	for client in curl wget lftp ncftp tnftp inetutils python; do
		[ "$client $mode" != "inetutils passive" ] || continue
		ftp_transfers "$client, $mode, by name" \
			"$client" "$mode" www.world.example
	done
done
asked=$(grep -a -c -E '"(PORT|EPRT|LPRT) ' "$WORK/vsftpd.commands")
is "Dante has accepted a connection for each PORT and EPRT" \
	"$(bind_replies)" "$asked"
assert_no_leak "nothing else was on the link"
done_testing
