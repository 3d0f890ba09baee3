#!/bin/bash
# SPDX-License-Identifier: MIT
# tools.sh - programs as they come from Debian, by name: aria2, curl with a source of
# its own, wget, git, scp, redis, PostgreSQL
# time: 200
# shellcheck source=tests/e2e/programs.sh
. "$(dirname "$0")/../programs.sh"

# --- the world ---------------------------------------------------------------

# Gives files in pieces, and not faster than a few connections are worth.
start_nginx() {
	cat >"$WORK/nginx.conf" <<-END
	daemon off;
	master_process off;
	pid $WORK/nginx.pid;
	error_log stderr;
	events { }
	http {
		access_log $WORK/nginx.access;
		client_body_temp_path $WORK/nginx.tmp;
		proxy_temp_path $WORK/nginx.tmp;
		fastcgi_temp_path $WORK/nginx.tmp;
		uwsgi_temp_path $WORK/nginx.tmp;
		scgi_temp_path $WORK/nginx.tmp;
		server {
			listen 8080;
			root $WORK/files;
			location /big { limit_rate 8m; }
		}
	}
	END
	start world nginx nginx -c "$WORK/nginx.conf"
	wait_port world 8080 "$WORK/nginx.log"
}

# A repository with one file, by git's own protocol, by http and by ssh.
start_git() {
	local tree=$WORK/tree repository=$WORK/files/repository.git
	git init -q "$tree"
	cp "$WORK/files/post" "$tree/post"
	git -C "$tree" add post
	git -C "$tree" -c user.name=tester -c user.email=tester@example \
		commit -q -m 'a file'
	git clone -q --bare "$tree" "$repository"
	git -C "$repository" update-server-info
	start world git-daemon git daemon --export-all \
		--base-path="$WORK/files" --reuseaddr
	wait_port world 9418 "$WORK/git-daemon.log"
}

start_redis() {
	start world redis redis-server --protected-mode no --save '' \
		--bind 0.0.0.0 --dir "$WORK"
	wait_port world 6379 "$WORK/redis.log"
}

# PostgreSQL for the user tester, who needs no password.
start_postgres() {
	local programs data=$WORK/postgres
	programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | tail -n 1)
	in_world unshare --user --map-user=1000 --map-group=1000 -- \
		"$programs/initdb" -D "$data" -A trust -U tester --no-sync \
		-E UTF8 --no-locale >"$WORK/initdb.log" 2>&1 ||
		bail_out "initdb: $(tail -n 5 "$WORK/initdb.log")"
	echo 'host all all all trust' >>"$data/pg_hba.conf"
	start world postgres unshare --user --map-user=1000 --map-group=1000 \
		-- "$programs/postgres" -D "$data" -F -h '*' -k '' \
		-c max_connections=60
	wait_port world 5432 "$WORK/postgres.log"
}

programs_topology
start_sshd world
start_nginx
start_git
start_redis
start_postgres

# --- what is asserted --------------------------------------------------------

# under URL COMMAND...: bounded; words keeps its complaints.
under() {
	echo "\$ $*" >>"$WORK/words"
	through "$1" timeout 60 "${@:2}" 2>>"$WORK/words"
}

sum() {
	sha256sum "$@" | cut -d ' ' -f 1
}

big=$(sum "$WORK/files/big")
post=$(sum "$WORK/files/post")
curl=(curl -sS --max-time 20)

# asked_at_least LABEL URL PORT COUNT: for NAMED.
asked_at_least() {
	local count
	count=$(asked "$2" "$NAMED" "$3")
	if [ "$count" -ge "$4" ]; then
		pass "$1: the proxy was asked for it, $4 times or more"
	else
		fail "$1: the proxy was asked for it, $4 times or more" \
			"it was $count times"
	fi
}

aria2() {
	new_name
	# Its own resolver asks by UDP, which is refused.
	ok "aria2 with 8 connections by $1" through "$1" timeout 60 aria2c -q \
		-x 8 -s 8 -k 1M --async-dns=false --file-allocation=none \
		-d "$WORK" -o "$NAMED" "http://$NAMED:8080/big"
	is "aria2 brings the file" "$(sum "$WORK/$NAMED")" "$big"
	asked_at_least aria2 "$1" 8080 8
	new_name
	seq 20 | sed "s|.*|http://$NAMED/file/post\n out=$NAMED.&|" \
		>"$WORK/$NAMED.list"
	ok "aria2 with 20 files at once by $1" through "$1" timeout 60 aria2c \
		-q -j 20 --async-dns=false --file-allocation=none \
		-d "$WORK/files" -i "$WORK/$NAMED.list"
	is "aria2 brings them all" \
		"$(sum "$WORK/files/$NAMED".* | sort | uniq -c |
			sed 's/^ *//')" "20 $post"
	is "aria2: the proxy was asked for each" "$(asked "$1" "$NAMED" 80)" 20
}

curl_sources() {
	new_name
	is "curl --interface with an address, by $1" \
		"$(under "$1" "${curl[@]}" --interface "$CLIENT" \
			"http://$NAMED/peer")" "$OUTSIDE"
	is "curl --interface with the link's name, by $1" \
		"$(under "$1" "${curl[@]}" --interface eth0 \
			"http://$NAMED/peer")" "$OUTSIDE"
	is "curl --local-port, by $1" \
		"$(under "$1" "${curl[@]}" --local-port 40000-40019 \
			-w '%{local_port}' "http://$NAMED/peer")" \
		"$OUTSIDE"$'\n'"$2"
	is "curl --interface with both, by $1" \
		"$(under "$1" "${curl[@]}" --interface "$CLIENT" \
			--local-port 41000-41019 "http://$NAMED/peer")" \
		"$OUTSIDE"
	is "curl --interface: the proxy was asked for it" \
		"$(asked "$1" "$NAMED" 80)" 4
	status_is "curl --interface and a refused port: 7" 7 \
		through "$1" "${curl[@]}" --interface eth0 "http://$NAMED:81/"
	status_is "curl --local-port and a refused port: 7" 7 \
		through "$1" "${curl[@]}" --local-port 42000-42019 \
		"http://$NAMED:81/"
	status_is "curl --interface with an address that is not here: 45" 45 \
		through "$1" "${curl[@]}" --interface 10.11.1.77 \
		"http://$NAMED/"
}

wget_again() {
	new_name
	status_is "wget that tries a refused port three times, by $1" 4 \
		through "$1" wget -q -t 3 --waitretry=0 --retry-connrefused \
		-O /dev/null "http://$NAMED:81/"
	is "wget: the proxy was asked each time" "$(asked "$1" "$NAMED" 81)" 3
}

# cloned PROTOCOL PROXY-URL PORT URL
cloned() {
	local target=$WORK/cloned.$NAMED.$1
	ok "git clone by $1 and $2" through "$2" timeout 60 git \
		-c "core.sshCommand=ssh -F $WORK/ssh_config" clone -q "$4" \
		"$target"
	is "git brings the file by $1" "$(sum "$target/post")" "$post"
	asked_at_least "git by $1" "$2" "$3" 1
}

git_clones() {
	new_name
	cloned http "$1" 8080 "http://$NAMED:8080/repository.git"
	cloned git "$1" 9418 "git://$NAMED/repository.git"
	cloned ssh "$1" 22 "ssh://$NAMED$WORK/files/repository.git"
	echo more >>"$WORK/cloned.$NAMED.ssh/post"
	ok "git push by ssh and $1" through "$1" timeout 60 \
		git -C "$WORK/cloned.$NAMED.ssh" \
		-c "core.sshCommand=ssh -F $WORK/ssh_config" \
		-c user.name=tester -c user.email=tester@example \
		-c alias.send="!git commit -q -a -m more &&
			git push -q origin HEAD:refs/heads/$NAMED" send
	is "git brings it there" "$(git -C "$WORK/files/repository.git" \
		show "refs/heads/$NAMED:post" | sum)" \
		"$(sum "$WORK/cloned.$NAMED.ssh/post")"
}

scp_both() {
	new_name
	ok "scp there, by $1" through "$1" timeout 60 scp -q -O \
		-F "$WORK/ssh_config" "$WORK/files/big" \
		"$NAMED:$WORK/scp.$NAMED.there"
	is "scp brings the file there" "$(sum "$WORK/scp.$NAMED.there")" "$big"
	ok "scp here, by $1" through "$1" timeout 60 scp -q -O \
		-F "$WORK/ssh_config" "$NAMED:$WORK/files/big" \
		"$WORK/scp.$NAMED.here"
	is "scp brings the file here" "$(sum "$WORK/scp.$NAMED.here")" "$big"
	is "scp: the proxy was asked for it" "$(asked "$1" "$NAMED" 22)" 2
}

redis_talk() {
	local cli
	new_name
	cli=(redis-cli -h "$NAMED")
	is "redis-cli: set, by $1" "$(under "$1" "${cli[@]}" set key "$NAMED")" \
		OK
	is "redis-cli: get" "$(under "$1" "${cli[@]}" get key)" "$NAMED"
	is "redis: called by the proxy host" \
		"$(under "$1" "${cli[@]}" client list |
			sed 's/.* addr=\([^:]*\):.*/\1/')" "$OUTSIDE"
	like "redis-benchmark: 50 connections" \
		"$(under "$1" redis-benchmark -h "$NAMED" -c 50 -n 1000 -q \
			incr "$NAMED" | tr '\r' '\n')" \
		'[0-9.]+ requests per second'
	is "redis: all of it has happened" \
		"$(under "$1" "${cli[@]}" get "$NAMED")" 1000
	asked_at_least redis "$1" 6379 54
	like "redis-cli: a refused port" \
		"$(through "$1" "${cli[@]}" -p 81 ping 2>&1)" \
		'Could not connect to Redis at .*: Connection refused'
}

postgres_talk() {
	local at
	new_name
	at=(-h "$NAMED" -U tester -d postgres)
	is "psql, by $1: called by the proxy host" \
		"$(under "$1" psql "${at[@]}" -At \
			-c 'select host(inet_client_addr())')" "$OUTSIDE"
	is "psql brings a megabyte" \
		"$(under "$1" psql "${at[@]}" -At \
			-c "select repeat('0123456789', 100000)" | sum)" \
		"$(yes 0123456789 | head -n 100000 | tr -d '\n' |
			sed '$s/$/\n/' | sum)"
	is "psql: the proxy was asked for it" "$(asked "$1" "$NAMED" 5432)" 2
	like "psql takes the next of two servers" \
		"$(under "$1" psql -At -c 'select 7' \
			"host=$NAMED,$NAMED port=81,5432 user=tester dbname=postgres connect_timeout=10")" \
		'^7$'
	echo 'select 1;' >"$WORK/one.sql"
	like "pgbench: 20 connections" \
		"$(under "$1" pgbench "${at[@]:0:4}" -n -c 20 -j 4 -t 5 \
			-f "$WORK/one.sql" postgres)" \
		'transactions actually processed: 100/100'
	asked_at_least pgbench "$1" 5432 23
	like "psql: a refused port" \
		"$(through "$1" psql "${at[@]}" -p 81 2>&1)" \
		'Connection refused'
}

for url in "$DANTE" "$SLOW"; do
	aria2 "$url"
	wget_again "$url"
	git_clones "$url"
	scp_both "$url"
	redis_talk "$url"
	postgres_talk "$url"
done
curl_sources "$DANTE" 40000
like "which is where Dante was called from" "$(cat "$WORK/danted.log")" \
	"$CLIENT\\.40000[^0-9]"
curl_sources "$SLOW" 40001
is "the web server was called by the proxy host alone" \
	"$(cut -d ' ' -f 1 "$WORK/nginx.access" "$WORK/web.log" | sort -u)" \
	"$OUTSIDE"
programs_done
