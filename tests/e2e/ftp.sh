# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ftp.sh - FTP servers of the world, and what each client program does with them
#
# A client is a function ftp_NAME MODE HOST: it logs in, fetches data and more to
# $WORK/down, stores $WORK/ftp/data as in/up, in one session where it can, with MODE
# active or passive. It goes by "through", and leaves its words in $WORK/client.log.

FTP_ROOT=$WORK/ftp
FTP_URL=${FTP_URL:-socks5h://$PROXY:1080}
PURE_FTPD=/usr/local/lib/socksify-tests/pure-ftpd

# Files to fetch, of sizes that are no multiple of any buffer's; a place for uploads.
make_ftp_files() {
	mkdir -p "$FTP_ROOT/in" "$WORK/down"
	chmod 777 "$FTP_ROOT/in"
	head -c 1500001 /dev/urandom >"$FTP_ROOT/data"
	head -c 77777 /dev/urandom >"$FTP_ROOT/more"
}

# start_vsftpd NAME PORT [SETTING...]: anonymous, as whoever runs this; its words,
# with every command, in NAME.commands.
start_vsftpd() {
	local name=$1 port=$2
	shift 2
	cat >"$WORK/$name.conf" <<-END
	listen=NO
	listen_ipv6=YES
	listen_port=$port
	background=NO
	run_as_launching_user=YES
	anonymous_enable=YES
	no_anon_password=YES
	ftp_username=root
	anon_root=$FTP_ROOT
	anon_upload_enable=YES
	anon_mkdir_write_enable=YES
	anon_other_write_enable=YES
	anon_world_readable_only=NO
	anon_umask=022
	write_enable=YES
	seccomp_sandbox=NO
	connect_from_port_20=YES
	xferlog_enable=YES
	dual_log_enable=YES
	xferlog_file=$WORK/$name.xfer
	vsftpd_log_file=$WORK/$name.commands
	log_ftp_protocol=YES
	secure_chroot_dir=$FTP_ROOT
	$(printf '%s\n' "$@")
	END
	start world "$name" vsftpd "$WORK/$name.conf"
	wait_port world "$port" "$WORK/$name.log"
}

# start_pureftpd PORT [OPTION...]: anonymous; its user is made in this case's passwd.
start_pureftpd() {
	local port=$1
	shift
	# In place: it is mounted.
	{
		grep -v '^ftp:' "$WORK/passwd"
		echo "ftp:x:1000:1000::$FTP_ROOT:/bin/false"
	} >"$WORK/passwd.new"
	cat "$WORK/passwd.new" >"$WORK/passwd"
	start world "pureftpd-$port" "$PURE_FTPD" -S "$port" -e -M -H -u 0 "$@"
	wait_port world "$port" "$WORK/pureftpd-$port.log"
}

# in_url HOST: an IPv6 address has brackets there.
in_url() {
	case $1 in
	*:*) echo "[$1]" ;;
	*) echo "$1" ;;
	esac
}

ftp_curl() {
	local url how=(-sS -v --max-time 30 --ftp-method nocwd)
	url=ftp://$(in_url "$2")
	[ "$1" = passive ] || how+=(-P -)
	{
		through "$FTP_URL" curl "${how[@]}" \
			-o "$WORK/down/data" "$url/data" \
			-o "$WORK/down/more" "$url/more" &&
		through "$FTP_URL" curl "${how[@]}" --disable-eprt \
			-T "$FTP_ROOT/data" "$url/in/up"
	} >"$WORK/client.log" 2>&1
}

# It only fetches.
ftp_wget() {
	local url how=(-nv -T 30 -t 1)
	url=ftp://$(in_url "$2")
	[ "$1" = passive ] || how+=(--no-passive-ftp)
	{
		through "$FTP_URL" wget "${how[@]}" -P "$WORK/down" \
			"$url/data" "$url/more" &&
		cp "$FTP_ROOT/data" "$FTP_ROOT/in/up"
	} >"$WORK/client.log" 2>&1
}

ftp_lftp() {
	local passive=off
	[ "$1" = active ] || passive=on
	through "$FTP_URL" timeout 60 lftp -c "
		set xfer:log false
		set net:timeout 20
		set net:max-retries 1
		set ftp:passive-mode $passive
		open ftp://$(in_url "$2")
		lcd $WORK/down
		get data more
		put $FTP_ROOT/data -o in/up
		ls" >"$WORK/client.log" 2>&1
}

ftp_ncftp() {
	local how=(-V -t 30)
	[ "$1" = passive ] || how+=(-E)
	[ "$1" = active ] || how+=(-F)
	{
		through "$FTP_URL" ncftpget "${how[@]}" "$2" "$WORK/down" \
			data more &&
		through "$FTP_URL" ncftpput "${how[@]}" -C "$2" \
			"$FTP_ROOT/data" in/up
	} >"$WORK/client.log" 2>&1
}

# In active mode its first transfers are by EPRT, the last by PORT where there is one.
ftp_tnftp() {
	local how=(-n -d -v -p) toggle=
	if [ "$1" = active ]; then
		how=(-n -d -v -A)
		toggle=epsv4
	fi
	printf '%s\n' 'user anonymous x' binary "lcd $WORK/down" 'get data' \
		'get more' "$toggle" "put $FTP_ROOT/data in/up" ls quit |
		through "$FTP_URL" timeout 60 tnftp "${how[@]}" "$2" \
			>"$WORK/client.log" 2>&1
}

ftp_inetutils() {
	local how=(-n -d -v)
	[ "$1" = active ] || how+=(-p)
	printf '%s\n' 'user anonymous x' binary "lcd $WORK/down" \
		'get data' 'get more' "put $FTP_ROOT/data in/up" ls quit |
		through "$FTP_URL" timeout 60 inetutils-ftp "${how[@]}" "$2" \
			>"$WORK/client.log" 2>&1
}

ftp_python() {
	through "$FTP_URL" timeout 60 "$PYTHON" - "$1" "$2" "$FTP_ROOT" \
		"$WORK/down" >"$WORK/client.log" 2>&1 <<-'END'
	import ftplib
	import sys

	mode, host, root, down = sys.argv[1:]
	with ftplib.FTP(host, timeout=30) as ftp:
	    ftp.set_debuglevel(1)
	    ftp.login()
	    ftp.set_pasv(mode == "passive")
	    for name in "data", "more":
	        with open(f"{down}/{name}", "wb") as out:
	            ftp.retrbinary(f"RETR {name}", out.write)
	    with open(f"{root}/data", "rb") as source:
	        ftp.storbinary("STOR in/up", source)
	    ftp.retrlines("LIST")
	END
}

sums() {
	(cd "$1" && sha256sum "$2" "$3" 2>&1)
}

# ftp_transfers LABEL CLIENT MODE HOST: whole files, up and down.
ftp_transfers() {
	local label=$1 client=$2 mode=$3 host=$4 status
	rm -f "$WORK/down/data" "$WORK/down/more" "$FTP_ROOT/in/up"
	"ftp_$client" "$mode" "$host"
	status=$?
	cp "$WORK/client.log" "$WORK/client-$client-$mode-${host//:/_}.log"
	if [ "$(sums "$WORK/down" data more)" = "$(sums "$FTP_ROOT" data more)" ] &&
		cmp -s "$FTP_ROOT/data" "$FTP_ROOT/in/up"; then
		pass "$label"
	else
		fail "$label" "exit status $status"$'\n'"$(
			ls -l "$WORK/down" "$FTP_ROOT/in" 2>&1)"$'\n'"$(
			tail -n 25 "$WORK/client.log")"
	fi
}

# bind_replies: how many connections Dante has accepted for BINDs.
bind_replies() {
	grep -a -c 'info: pass([0-9]*): tcp/bindreply \[' "$WORK/danted.log"
}
