#!/bin/bash
# SPDX-License-Identifier: MIT
# names.sh - libc's lookups give what libc gives: every hint and flag, every error,
# for names that the machine knows and for names that stand for nothing here
# time: 240
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
names=$BUILD/victims/names
[ -x "$names" ] || bail_out "$names is not there: run make victims"

# Nobody but /etc/hosts is asked by the direct runs.
echo 'hosts: files' >"$WORK/nsswitch.conf"
cat >>"$WORK/hosts.client" <<'END'
192.0.2.1 one.example one uno
192.0.2.2 one.example
2001:db8::1 one.example
192.0.2.4 four.example
2001:db8::6 six.example
::ffff:192.0.2.7 mapped.example
END
for namespace in client proxyhost; do
	enter "$namespace" mount --bind "$WORK/nsswitch.conf" \
		/etc/nsswitch.conf || bail_out "cannot give it nsswitch.conf"
done

direct() {
	in_client "$names" "$@" 2>&1
}

under() {
	in_client env LD_PRELOAD="$PRELOAD" \
		SOCKSIFY_PROXY="socks5h://$PROXY:1080" "$names" "$@" 2>&1
}

# same WORD...: the victim says the same with the library and without.
same() {
	direct "$@" >"$WORK/direct"
	under "$@" >"$WORK/under"
	ok "the same: $*" diff "$WORK/direct" "$WORK/under"
}

# In whatever order: of two families, libc's own rules of preference know more of
# the machine's addresses.
same_set() {
	local way
	for way in direct under; do
		"$way" "$@" | sed 's/\.[0-9]*=\(.*\) .*/=\1/' | sort \
			>"$WORK/$way"
	done
	ok "the same in some order: $*" diff "$WORK/direct" "$WORK/under"
}

# --- what the machine knows ---------------------------------------------------

services=(80 - http no-such-service 65536 '')
for service in "${services[@]}"; do
	for node in ONE uno four.example six.example testhost 192.0.2.99 127.1 \
		2001:db8::99 fe80::1%lo - '*' '' .. 1.2.3.4.5 'a b'; do
		same shapes "$node" "$service"
	done
	same_set shapes one.example "$service"
done
for node in one.example one four.example six.example 127.1 192.0.2.99 ::1 '' \
	'a b'; do
	same gethostbyname "$node"
	same gethostbyname_r "$node" 4
done
for node in one.example one four.example six.example 127.1 192.0.2.99 ::1 '' \
	'a b'; do
	same gethostbyname2 "$node" 6
	same gethostbyname2_r "$node" 6
done
# How much is too little is libc's own affair; this is.
for size in 0 1 8 20; do
	same gethostbyname_r one.example 4 "$size"
	same gethostbyname2_r six.example 6 "$size"
	same gethostbyaddr_r 192.0.2.1 "$size"
done
for address in 192.0.2.1 192.0.2.7 2001:db8::1 127.0.0.1 ::1 192.0.2.99; do
	same gethostbyaddr "$address"
	same gethostbyaddr_r "$address"
done
same gethostent
for size in 0 20 4096; do
	same gethostent_r "$size"
done

# --- what has a fake address --------------------------------------------------

# As libc answers for a name that has this very address.
fake4=$(under getaddrinfo x.example 80 4 stream | sed -n 's/.*\.0=\([^,]*\),.*/\1/p')
fake6=$(under getaddrinfo x.example 80 6 stream | sed -n 's/.*\.0=\([^,]*\),.*/\1/p')
like "an IPv4 fake" "$fake4" '^198\.1[89]\.'
like "an IPv6 fake" "$fake6" '^fd22:'
cp "$WORK/hosts.proxyhost" "$WORK/hosts.before"
# model FAMILY-PATTERN ADDRESS: shapes of the families that match.
model() {
	cat "$WORK/hosts.before" - >"$WORK/hosts.proxyhost" <<<"$2 x.example"
	for service in 80 - http no-such-service; do
		in_proxyhost "$names" shapes x.example "$service" 2>&1 |
			grep -E "^($1)\\." >"$WORK/direct"
		under shapes x.example "$service" |
			grep -E "^($1)\\." >"$WORK/under"
		ok "a fake $2 for service $service is listed as a real one" \
			diff "$WORK/direct" "$WORK/under"
	done
}
model 'nohints|0|1|2' "$fake4"
model 10 "$fake6"
like "there and back by every pair of calls" "$(under roundtrip x.example)" \
	"v4.same=yes.*v4.getnameinfo=x.example.*v6.gethostbyaddr=x.example"

# --- and leaves nothing behind ------------------------------------------------

is "a million lookups of each kind leave no memory behind" \
	"$(under memory 1000000 x.example)" $'heap=0\ndata=0'
is "nor do those of a known name" \
	"$(under memory 100000 one.example)" $'heap=0\ndata=0'
done_testing
