#!/bin/bash
# SPDX-License-Identifier: MIT
# families.sh - proxies that a socket's own family does not reach, and proxies of
# several addresses
# time: 200
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/suites.sh
. "$HERE/suites.sh"
topology
start_danted none
start_web
SIX="socks5h://[$PROXY6]:1080"
FOUR="socks5h://$PROXY:1080"
export BIND=fd11:1::2

# families PROXY-URL WORDS...: what families.py says, the lines joined.
families() {
	through "$1" "$PYTHON" "$SUPPORT/families.py" "${@:2}" \
		2>"$WORK/families.err" | paste -sd '|'
}

capture_start
# Some curls ask for both families with -6, too, and a proxy of IPv4 gives IPv4 only.
for scheme in http https; do
	is "curl -6 $scheme" "$(through "$SIX" "${fetch[@]}" -6 \
		"$scheme://www.world.example/" 2>&1)" "$page"
done
is "a name is an IPv6 address first" "$(through "$SIX" "${fetch[@]}" \
	-o /dev/null -w '%{remote_ip}' http://www.world.example/ 2>&1 |
	grep -c '^fd')" 1
for url in "$SIX" "$FOUR"; do
	for words in "-4 http://www" "http://www" "-4 https://www"; do
		# shellcheck disable=SC2086 # words
		is "curl $words by $url" "$(through "$url" "${fetch[@]}" \
			$words.world.example/ 2>&1)" "$page"
	done
	is "curl to an IPv4 address by $url" \
		"$(through "$url" "${fetch[@]}" "http://$WORLD/" 2>&1)" "$page"
	is "and to an IPv6 address" \
		"$(through "$url" "${fetch[@]}" "http://[$WORLD6]/" 2>&1)" "$page"
	is "20 at once by $url" "$(parallel "$url" http)" "20 $page"
	is "20 at once with curl -4" "$(through "$url" "${fetch[@]}" -4 \
		--no-progress-meter --parallel --parallel-immediate \
		"http://{www,other}.world.example/slow?[1-10]" 2>&1 |
		sort | uniq -c | sed 's/^ *//')" "20 $page"
	like "asyncio by $url" "$(through "$url" "${probe[@]}" \
		asyncio 20 "$WORLD" 80 2>&1)" '^20 ok [0-9]+$'
	like "and with IPv6" "$(through "$url" "${probe[@]}" \
		asyncio 20 "$WORLD6" 80 2>&1)" '^20 ok [0-9]+$'
	like "asyncio, refused, by $url" "$(through "$url" "${probe[@]}" \
		asyncio 5 "$WORLD" 81 2>/dev/null)" '^5 ECONNREFUSED [0-9]+$'
	like "a poll by $url" "$(through "$url" "${probe[@]}" \
		nonblocking "$WORLD" 80 2>&1)" '^EINPROGRESS ready ok '
	like "a poll, refused" "$(through "$url" "${probe[@]}" \
		nonblocking "$WORLD" 81 2>/dev/null)" \
		'^EINPROGRESS ready ECONNREFUSED '
done

# An AF_INET socket and a proxy that has IPv6 only.
is "an IPv4 socket shows IPv4" "$(families "$SIX" seen "$WORLD" 80)" \
	"connect ok|peer $WORLD 80|name 0.0.0.0 with a port|family AF_INET 2|v6only EOPNOTSUPP|page"
is "its options are there after" "$(families "$SIX" options "$WORLD" 80)" \
	"connect ok|page"
is "its epolls report it" "$(families "$SIX" epoll "$WORLD" 80)" \
	"first ['0x14'] connect EINPROGRESS then [(True, '0x4')] ok page|first ['0x14'] connect EINPROGRESS then [(True, '0x4')] ok page|first ['0x14'] connect EINPROGRESS idle [] then [(True, '0x4')] ok page"
is "its source port is kept" "$(families "$SIX" port "$WORLD" 80)" \
	"connect ok|kept page"
like "a source port that is taken is told, and nothing has changed" \
	"$(families "$SIX" taken "$WORLD" 80)" \
	"^connect EADDRNOTAVAIL\|untouched True\|connect ok page$"
like "in words" "$(cat "$WORK/families.err")" \
	"the source port [0-9]+ cannot be had in the family"
is "its duplicate is it" "$(families "$SIX" twin "$WORLD" 80)" \
	"connect EINPROGRESS|ready ['0x4']|inheritable False True|page"
is "it can be used again" "$(families "$SIX" again "$WORLD" 80 81)" \
	"shut ECONNREFUSED|open ok|more EISCONN page|dissolve ok ok page|dissolve ok|local ok 127.0.0.1|same True|shut ECONNREFUSED|listen 127.0.0.1"
like "without a descriptor to spare it fails" \
	"$(families "$SIX" full "$WORLD" 80)" "connect EAFNOSUPPORT"

# AF_INET6 sockets and a proxy that has IPv4 only.
is "an IPv6 socket shows IPv6" "$(families "$FOUR" seen "$WORLD6" 80)" \
	"connect ok|peer $WORLD6 80|name ::ffff:$CLIENT with a port|family AF_INET6 4|v6only 0|page"
for manner in v6only bound; do
	is "$manner: it shows IPv6" \
		"$(families "$FOUR" "seen@$manner" "$WORLD6" 80)" \
		"connect ok|peer $WORLD6 80|name ::ffff:$CLIENT with a port|family AF_INET6 4|v6only 1|page"
	is "$manner: options are there after" \
		"$(families "$FOUR" "options@$manner" "$WORLD6" 80)" \
		"connect ok|page"
	is "$manner: epolls report it" \
		"$(families "$FOUR" "epoll@$manner" "$WORLD6" 80)" \
		"first ['0x14'] connect EINPROGRESS then [(True, '0x4')] ok page|first ['0x14'] connect EINPROGRESS then [(True, '0x4')] ok page|first ['0x14'] connect EINPROGRESS idle [] then [(True, '0x4')] ok page"
	is "$manner: the source port is kept" \
		"$(families "$FOUR" "port@$manner" "$WORLD6" 80)" \
		"connect ok|kept page"
	like "$manner: one that is taken is told" \
		"$(families "$FOUR" "taken@$manner" "$WORLD6" 80)" \
		"connect EADDRNOTAVAIL\|untouched True\|connect ok page"
	is "$manner: a duplicate is it" \
		"$(families "$FOUR" "twin@$manner" "$WORLD6" 80)" \
		"connect EINPROGRESS|ready ['0x4']|inheritable False True|page"
	is "$manner: it can be used again" \
		"$(families "$FOUR" "again@$manner" "$WORLD6" 80 81)" \
		"shut ECONNREFUSED|open ok|more EISCONN page|dissolve ok ok page|dissolve ok"
done

# by_addresses ADDRESSES COMMAND...: by the proxy named "proxy", which has these.
by_addresses() {
	in_client env LD_PRELOAD="$LIBRARY" SOCKSIFY_LOG=stderr \
		SOCKSIFY_PROXY=socks5h://proxy:1080 \
		SOCKSIFY_PROXY_ADDRESS="proxy=$1" "${@:2}" 2>&1
}

# Nothing listens there: the link's own address for names, and one more.
in_proxyhost ip -6 addr add fd11:1::5/64 dev link1
for dead in "$RESOLVER" fd11:1::5; do
	alive=$PROXY
	[[ $dead != *:* ]] || alive=$PROXY6
	is "the first address is dead ($dead): the next one does" \
		"$(by_addresses "$dead,$alive" "${fetch[@]}" \
			http://www.world.example/)" "$page"
	like "and for a blocking socket" \
		"$(by_addresses "$dead,$alive" "${probe[@]}" connect \
			"$WORLD" 80)" '^ok '
	like "and for 20 of asyncio's" \
		"$(by_addresses "$dead,$alive" "${probe[@]}" asyncio 20 \
			"$WORLD6" 80)" '^20 ok '
	status_is "all are dead: refused" 7 by_addresses "$dead" \
		"${fetch[@]}" http://www.world.example/
done
ALLOWED_PORTS+=(1080)
for addresses in "$PROXY,$PROXY6" "$PROXY6,$PROXY"; do
	for target in "$WORLD" "$WORLD6"; do
		like "$addresses: blocking to $target" \
			"$(by_addresses "$addresses" "${probe[@]}" connect \
				"$target" 80)" '^ok '
	done
	like "$addresses: a bound V6ONLY socket keeps its file" \
		"$(by_addresses "$addresses" "$PYTHON" \
			"$SUPPORT/families.py" seen@v6only "$WORLD6" 80 |
			paste -sd '|')" \
		"name fd11:1::2 with a port.*v6only 1.page$"
done
find_leaks
# The dead addresses are the proxy's as well.
LEAKED=$(grep -v -e "> $RESOLVER\.1080: Flags" -e "$RESOLVER\.1080 > " \
	-e 'fd11:1::5' -e "ARP.*$RESOLVER" <<<"$LEAKED")
is "nothing else was on the link" "$LEAKED" ""
done_testing
