# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# suites.sh - what real programs do, the same whichever way they take
#
# Each goes by "through PROXY-URL COMMAND...". controls.sh puts other ways in its
# place: in the proxy host all of it passes, in the client none of it does.

page="hello from the world"
fetch=(curl -sS --max-time 20 --cacert "$WORK/ca.pem")
probe=("$PYTHON" "$SUPPORT/probe.py")

# parallel PROXY-URL SCHEME: how often each line came, from two hosts.
parallel() {
	through "$1" "${fetch[@]}" --no-progress-meter --parallel \
		--parallel-max 20 --parallel-immediate \
		"$2://{www,other}.world.example/slow?[1-10]" 2>&1 |
		sort | uniq -c | sed 's/^ *//'
}

# curl_suite LABEL PROXY-URL: all that curl does.
curl_suite() {
	local label=$1 url=$2
	is "$label: http by name" \
		"$(through "$url" "${fetch[@]}" http://www.world.example/ 2>&1)" \
		"$page"
	is "$label: https by name" \
		"$(through "$url" "${fetch[@]}" https://www.world.example/ 2>&1)" \
		"$page"
	is "$label: a name that has only an IPv6 address" \
		"$(through "$url" "${fetch[@]}" http://v6.world.example/ 2>&1)" \
		"$page"
	is "$label: by IPv4 address, and the far side sees the proxy host" \
		"$(through "$url" "${fetch[@]}" "http://$WORLD/peer" 2>&1)" \
		"$OUTSIDE"
	is "$label: by IPv6 address, and the far side sees the proxy host" \
		"$(through "$url" "${fetch[@]}" "http://[$WORLD6]/peer" 2>&1)" \
		"$OUTSIDE6"
	is "$label: https by address" \
		"$(through "$url" "${fetch[@]}" "https://[$WORLD6]/" 2>&1)" \
		"$page"
	is "$label: curl -4" \
		"$(through "$url" "${fetch[@]}" -4 http://www.world.example/ \
			2>&1)" "$page"
	is "$label: a POST comes back whole" \
		"$(through "$url" "${fetch[@]}" --data-binary @"$WORK/files/post" \
			http://www.world.example/echo 2>&1 | sha256sum)" \
		"$(sha256sum <"$WORK/files/post")"
	is "$label: a file of 24 MiB by http" \
		"$(through "$url" "${fetch[@]}" \
			http://www.world.example/file/big 2>&1 | sha256sum)" \
		"$(sha256sum <"$WORK/files/big")"
	is "$label: a file of 24 MiB by https" \
		"$(through "$url" "${fetch[@]}" \
			https://www.world.example/file/big 2>&1 | sha256sum)" \
		"$(sha256sum <"$WORK/files/big")"
	status_is "$label: a refused port is curl's exit status 7" 7 \
		through "$url" "${fetch[@]}" http://www.world.example:81/
	is "$label: 20 at once by name" "$(parallel "$url" http)" "20 $page"
	is "$label: 20 at once by https" "$(parallel "$url" https)" "20 $page"
}

# program_suite LABEL PROXY-URL: what other programs do. Wants sshd in the world.
program_suite() {
	good_programs_suite "$@"
	like "$1: a refused port" \
		"$(through "$2" "${probe[@]}" connect www.world.example 81)" \
		'^ECONNREFUSED '
}

# good_programs_suite LABEL PROXY-URL: the same but for what is refused, which some
# proxies tell too late.
good_programs_suite() {
	local label=$1 url=$2
	is "$label: curl by name" \
		"$(through "$url" curl -sS http://www.world.example/ 2>&1)" \
		"$page"
	is "$label: curl by IPv4 address" \
		"$(through "$url" curl -sS "http://$WORLD/peer" 2>&1)" \
		"$OUTSIDE"
	is "$label: curl by IPv6 address" \
		"$(through "$url" curl -sS "http://[$WORLD6]/peer" 2>&1)" \
		"$OUTSIDE6"
	is "$label: wget by name" \
		"$(through "$url" wget -q -T 10 -t 1 -O - \
			http://www.world.example/ 2>&1)" "$page"
	is "$label: wget by name and https, 24 MiB" \
		"$(through "$url" wget -q -T 10 -t 1 -O - \
			--ca-certificate "$WORK/ca.pem" \
			https://www.world.example/file/big 2>&1 | sha256sum)" \
		"$(sha256sum <"$WORK/files/big")"
	is "$label: wget by IPv6 address" \
		"$(through "$url" wget -q -T 10 -t 1 -O - \
			"http://[$WORLD6]/peer" 2>&1)" "$OUTSIDE6"
	# shellcheck disable=SC2016 # the far side's variable
	is "$label: ssh by name" \
		"$(through "$url" ssh -F "$WORK/ssh_config" ssh.world.example \
			'echo "$SSH_CLIENT" | cut -d" " -f1' 2>&1)" "$OUTSIDE"
	is "$label: ssh carries a megabyte each way" \
		"$(head -c 1000000 "$WORK/files/big" |
			through "$url" ssh -F "$WORK/ssh_config" \
				ssh.world.example cat 2>&1 | sha256sum)" \
		"$(head -c 1000000 "$WORK/files/big" | sha256sum)"
	like "$label: nc hears the banner" \
		"$(through "$url" timeout 10 nc -w 5 ssh.world.example 22 \
			<<<"bye" 2>&1)" '^SSH-2\.0-OpenSSH'
	is "$label: Python's sockets by name" \
		"$(through "$url" "${probe[@]}" fetch www.world.example 80)" \
		"$page"
	is "$label: Python's sockets by name, IPv6 alone" \
		"$(through "$url" "${probe[@]}" fetch6 dual.world.example 80)" \
		"$page"
	like "$label: Python's sockets, without blocking" \
		"$(through "$url" "${probe[@]}" nonblocking \
			www.world.example 80)" '^EINPROGRESS ready ok '
	like "$label: 50 of asyncio's at once, by name" \
		"$(through "$url" "${probe[@]}" asyncio 50 \
			www.world.example 80)" '^50 ok [0-9]+$'
	like "$label: and by address" \
		"$(through "$url" "${probe[@]}" asyncio 50 "$WORLD" 80)" \
		'^50 ok [0-9]+$'
}
