# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# gssapi.sh - a realm with a KDC, a proxy that wants GSSAPI, and who has a ticket for it
#
# The KDC is on the proxy host's port 88, by TCP alone. The proxy is proxy.example to the
# client, which has alice's ticket. gssproxy.py logs to $WORK/NAME.requests.

REALM=SOCKS.EXAMPLE

# kerberos COMMAND...: with this realm's files.
kerberos() {
	KRB5_CONFIG=$WORK/krb5.conf KRB5_KDC_PROFILE=$WORK/kdc.conf \
		KRB5_KTNAME=FILE:$WORK/proxy.keytab KRB5RCACHENAME=none: "$@"
}

write_realm() {
	cat >"$WORK/krb5.conf" <<-END
	[libdefaults]
	default_realm = $REALM
	dns_lookup_kdc = false
	dns_lookup_realm = false
	dns_canonicalize_hostname = false
	rdns = false
	udp_preference_limit = 1
	[realms]
	$REALM = {
		kdc = $PROXY:88
	}
	[domain_realm]
	.example = $REALM
	example = $REALM
	END
	cat >"$WORK/kdc.conf" <<-END
	[kdcdefaults]
	kdc_listen = ""
	kdc_tcp_listen = $PROXY:88
	[realms]
	$REALM = {
		database_name = $WORK/principal
		key_stash_file = $WORK/stash
		acl_file = $WORK/kadm5.acl
		max_life = 10h
	}
	[logging]
	kdc = FILE:$WORK/kdc.log
	END
	: >"$WORK/kadm5.acl"
}

# start_kdc: with alice (password: secret) and the proxy's key.
start_kdc() {
	write_realm
	{
		kerberos kdb5_util create -s -r "$REALM" -P master
		kerberos kadmin.local -r "$REALM" -q "addprinc -pw secret alice"
		kerberos kadmin.local -r "$REALM" -q "addprinc -randkey rcmd/proxy.example"
		kerberos kadmin.local -r "$REALM" -q "addprinc -randkey socks/other.example"
		kerberos kadmin.local -r "$REALM" \
			-q "ktadd -k $WORK/proxy.keytab rcmd/proxy.example socks/other.example"
	} >"$WORK/kadmin.log" 2>&1 || bail_out "$(tail -n 5 "$WORK/kadmin.log")"
	kerberos start proxyhost kdc krb5kdc -n -r "$REALM"
	wait_port proxyhost 88 "$WORK/kdc.log"
	ALLOWED_PORTS+=(88)
	echo "$PROXY proxy.example" >>"$WORK/hosts.client"
	export KRB5_CONFIG=$WORK/krb5.conf KRB5CCNAME=FILE:$WORK/ticket
}

# get_ticket: for alice.
get_ticket() {
	in_client kinit alice <<<secret >"$WORK/kinit.log" 2>&1 ||
		bail_out "kinit: $(cat "$WORK/kinit.log")"
}

# start_gssproxy NAME OPTION...: the options are gssproxy.py's.
start_gssproxy() {
	local name=$1 argument port ports=()
	shift
	for argument in "$@"; do
		if [[ $argument = --at=* ]]; then
			port=${argument#--at="$PROXY:"}
			ports+=("${port%%=*}")
		fi
	done
	kerberos start proxyhost "$name" "$PYTHON" "$SUPPORT/gssproxy.py" \
		--log "$WORK/$name.requests" "$@"
	for port in "${ports[@]}"; do
		wait_port proxyhost "$port" "$WORK/$name.log"
	done
	ALLOWED_PORTS+=("${ports[@]}")
}
