#!/bin/sh
# SPDX-License-Identifier: MIT
# demo.sh - curl fetches a page by name through Debian's SOCKS5 server
#
# A web server, danted and curl, each on a "machine" of its own: a network
# namespace, where they are allowed. The name www.demo.example is in the proxy
# machine's /etc/hosts and nowhere else, so the page can only come if socksify
# hands the name to the proxy, and danted's log shows it doing so. Where
# namespaces are forbidden (a default container) all run on loopback, and danted
# in a chroot of its own, so that again only it knows the name.
#
# Everything it makes is in one directory that it removes, and its processes end
# with it. It takes some seconds, at most a minute.
set -eu

name=www.demo.example
PATH=$PATH:/usr/sbin:/sbin
top=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-build}
case $build in
/*) ;;
*) build=$top/$build ;;
esac

say() {
	printf '\n== %s\n' "$*"
}

complain() {
	echo "demo: $*" >&2
	exit 1
}

# wait_for WHAT COMMAND...: asks again for ten seconds.
wait_for() {
	what=$1 tries=100
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || complain "$what does not start:" \
			"$(tail -n 3 "$dir"/*.log)"
		sleep 0.1
	done
}

# --- the two servers, wherever they run --------------------------------------

# write_nginx_conf ADDRESS:PORT
write_nginx_conf() {
	cat >"$dir/nginx.conf" <<-END
	user root root;
	daemon off;
	master_process off;
	pid $dir/nginx.pid;
	error_log $dir/nginx.log;
	events {}
	http {
		access_log off;
		client_body_temp_path $dir/temp;
		proxy_temp_path $dir/temp;
		fastcgi_temp_path $dir/temp;
		uwsgi_temp_path $dir/temp;
		scgi_temp_path $dir/temp;
		server {
			listen $1;
			default_type text/plain;
			return 200 "Hello from \$host! You came from \$remote_addr.\n";
		}
	}
	END
}

# write_danted_conf FILE DIRECTORY ADDRESS PORT EXTERNAL: the directory is the
# one that danted sees.
write_danted_conf() {
	cat >"$1" <<-END
	debug: 1
	logoutput: $2/danted.log
	internal: $3 port = $4
	external: $5
	clientmethod: none
	socksmethod: none
	user.privileged: root
	user.notprivileged: root
	client pass { from: 0/0 to: 0/0 }
	socks pass { from: 0/0 to: 0/0 log: connect error }
	END
}

# fetch PROXY URL: what all this is for.
fetch() {
	say "curl under socksify, by name:"
	echo "\$ socksify -x $1 curl $2"
	"$build/socksify" -x "$1" curl -sS --max-time 10 "$2" >"$dir/page" ||
		complain "curl failed; the proxy said:" \
			"$(tail -n 3 "$danted_log")"
	cat "$dir/page"
	grep -q "^Hello from $name!" "$dir/page" ||
		complain "this is not the page of $name"

	say "danted's log: it was asked for the name, not for an address"
	grep -m 1 "dorequest.*ATYP: 3 address: $name" "$danted_log" ||
		complain "the name is not in the log of the proxy"
	grep -m 1 'pass.*tcp/connect \[' "$danted_log"
}

# --- three machines in namespaces --------------------------------------------

# machine: a process that keeps a network and a view of the files; its pid is
# left in $holder.
machine() {
	unshare --net --mount sleep infinity &
	holder=$!
	wait_for "a namespace" grep -q sleep "/proc/$holder/comm"
	nsenter -t "$holder" -n ip link set lo up
}

# Runs in the client's own namespaces, as their first process: when it ends, the
# kernel ends all others.
in_namespaces() {
	ip link set lo up
	# No name service of the machine's reaches in here.
	mount -t tmpfs tmpfs /run
	machine
	proxy=$holder
	machine
	world=$holder

	nsenter -t "$proxy" -n sh -ec "
		ip link add to-client type veth peer name to-proxy netns $$
		ip link add to-world type veth peer name to-proxy netns $world
		ip addr add 192.0.2.1/24 dev to-client
		ip addr add 203.0.113.1/24 dev to-world
		ip link set to-client up
		ip link set to-world up"
	ip addr add 192.0.2.2/24 dev to-proxy
	ip link set to-proxy up
	nsenter -t "$world" -n ip addr add 203.0.113.80/24 dev to-proxy
	nsenter -t "$world" -n ip link set to-proxy up

	echo "203.0.113.80 $name" >"$dir/hosts"
	nsenter -t "$proxy" -m mount --bind "$dir/hosts" /etc/hosts

	write_nginx_conf 203.0.113.80:80
	nsenter -t "$world" -n -m nginx -e "$dir/nginx.log" \
		-c "$dir/nginx.conf" 2>"$dir/nginx.err.log" &
	write_danted_conf "$dir/danted.conf" "$dir" 192.0.2.1 1080 to-world
	danted_log=$dir/danted.log
	nsenter -t "$proxy" -n -m danted -f "$dir/danted.conf" \
		-p "$dir/danted.pid" >"$dir/danted.err.log" 2>&1 &
	wait_for nginx test -s "$dir/nginx.pid"
	wait_for danted grep -q running "$danted_log"

	say "three machines: this client 192.0.2.2, the proxy 192.0.2.1 and" \
		"203.0.113.1, the web server 203.0.113.80"
	echo "The client has no way to the web server and does not know its name:"
	echo "\$ curl http://$name/"
	if curl -sS --max-time 10 "http://$name/" 2>&1; then
		complain "it got there without the proxy"
	fi
	fetch socks5h://192.0.2.1:1080 "http://$name/"
}

# --- one machine -------------------------------------------------------------

# A root directory with danted, its libraries and the one file of names.
make_chroot() {
	mkdir -p "$1/etc" "$1/tmp" "$1/dev" "$1/run" "$1/var/run"
	echo "127.0.0.1 $name" >"$1/etc/hosts"
	echo "hosts: files" >"$1/etc/nsswitch.conf"
	echo "root:x:0:0::/:/bin/sh" >"$1/etc/passwd"
	echo "root:x:0:" >"$1/etc/group"
	: >"$1/dev/null"
	for file in $(command -v danted) $(ldd "$(command -v danted)" |
		sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p'); do
		mkdir -p "$1${file%/*}"
		cp -L "$file" "$1$file"
	done
}

on_loopback() {
	trap 'kill $servers 2>/dev/null || :; wait' EXIT
	trap 'exit 1' HUP INT TERM
	servers=
	write_nginx_conf 127.0.0.1:58080
	nginx -e "$dir/nginx.log" -c "$dir/nginx.conf" 2>"$dir/nginx.err.log" &
	servers=$!
	make_chroot "$dir/root"
	write_danted_conf "$dir/root/etc/danted.conf" /tmp 127.0.0.1 51080 lo
	danted_log=$dir/root/tmp/danted.log
	chroot "$dir/root" "$(command -v danted)" -p /tmp/danted.pid \
		>"$dir/danted.err.log" 2>&1 &
	servers="$servers $!"
	wait_for nginx test -s "$dir/nginx.pid"
	wait_for danted grep -q running "$danted_log"

	say "namespaces are forbidden here, so all is on 127.0.0.1: the proxy at" \
		"port 51080, the web server at 58080"
	echo "Only the proxy knows the name $name."
	fetch socks5h://127.0.0.1:51080 "http://$name:58080/"
}

# --- where can it run? -------------------------------------------------------

# The same script goes on inside, with the directory as its second argument.
dir=${2-}
case ${1-} in
--in-namespaces) in_namespaces; exit ;;
--on-loopback) on_loopback; exit ;;
esac

for tool in curl danted nginx unshare nsenter ip; do
	command -v "$tool" >/dev/null ||
		complain "$tool is missing; sh scripts/install-deps.sh demo"
done
[ -x "$build/socksify" ] || complain "$build/socksify is not built; run make"

namespaces="--net --mount --pid --fork --kill-child --mount-proc"
[ "$(id -u)" -eq 0 ] || namespaces="$namespaces --user --map-root-user"
# shellcheck disable=SC2086 # a list
if unshare $namespaces true 2>/dev/null; then
	run="unshare $namespaces" how=--in-namespaces
elif [ "$(id -u)" -eq 0 ]; then
	run='' how=--on-loopback
elif command -v sudo >/dev/null; then
	exec sudo -- env BUILD="$build" sh "$0"
else
	complain "needs namespaces or root, and has neither: run it as root"
fi

# What the user has set for proxies is not for the demo.
for variable in $(env | sed -n 's/^\(SOCKSIFY_[A-Z]*\)=.*/\1/p'); do
	unset "$variable"
done
unset ALL_PROXY all_proxy HTTP_PROXY http_proxy HTTPS_PROXY https_proxy \
	LD_PRELOAD
export XDG_CONFIG_HOME=/nonexistent

dir=$(mktemp -d /tmp/socksify-demo.XXXXXX)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
# The map of names goes there too.
export XDG_RUNTIME_DIR="$dir"
status=0
# shellcheck disable=SC2086 # a list
timeout --foreground --kill-after=5 60 $run sh "$0" "$how" "$dir" || status=$?
[ "$status" -ne 124 ] || complain "took more than a minute and was ended"
[ "$status" -eq 0 ] || exit "$status"
say "done; nothing is left running"
