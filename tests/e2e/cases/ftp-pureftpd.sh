#!/bin/bash
# SPDX-License-Identifier: MIT
# ftp-pureftpd.sh - FTP with pure-ftpd, which has to change its user: for root only
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/ftp.sh
. "$HERE/ftp.sh"
topology
start_danted none
make_ftp_files
start_pureftpd 21 -W

capture_start
for mode in active passive; do
	for client in curl wget lftp tnftp inetutils python; do
		ftp_transfers "pure-ftpd: $client, $mode, by IPv4 address" \
			"$client" "$mode" "$WORLD"
	done
	for client in curl tnftp python; do
		ftp_transfers "pure-ftpd: $client, $mode, by IPv6 address" \
			"$client" "$mode" "$WORLD6"
		ftp_transfers "pure-ftpd: $client, $mode, by name" \
			"$client" "$mode" www.world.example
	done
done

# Over IPv6 it takes a PORT of IPv4 where FXP is allowed.
for client in tnftp inetutils; do
	ftp_transfers "$client, active, a name reached over IPv6, and FXP allowed" \
		"$client" active dual.world.example
done
assert_no_leak "nothing else was on the link"
done_testing
