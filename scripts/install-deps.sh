#!/bin/sh
# SPDX-License-Identifier: MIT
# install-deps.sh ROLE - installs what is missing on Debian 12
#
# ROLE: demo (build, proxy, web server, curl), test (all that the tests run) or bench
# (what is measured, and Dante's client library, with which it is compared).
# Asks dpkg first: where nothing is missing it changes nothing and needs no
# network. Services of new packages are neither started nor enabled.
set -eu

unpacked=
beside=/usr/local/lib/socksify-tests
case ${1-} in
demo)
	packages="gcc make libc6-dev libc-ares-dev dante-server nginx curl iproute2
		util-linux"
	;;
test)
	packages="gcc make libc6-dev libc-ares-dev dante-server nginx curl iproute2
		util-linux
		clang libclang-rt-14-dev pkg-config check valgrind shellcheck
		cppcheck man-db microsocks openssh-server openssh-client tcpdump
		wget netcat-openbsd python3 openssl procps strace
		libeatmydata1 libfaketime libjemalloc2
		nodejs perl openjdk-17-jdk-headless golang-go
		rustc cargo librust-tokio-dev librust-quinn-dev shadowsocks-libev v2ray tor
		bind9-dnsutils bind9-host knot-dnsutils ldnsutils libnet-dns-perl
		aria2 git redis-server redis-tools postgresql
		tnftp inetutils-ftp lftp ncftp vsftpd
		socat ncat iperf3 chrony snmp snmpd tftp-hpa tftpd-hpa
		inetutils-telnet inetutils-telnetd libsodium23 libpam0g
		iputils-ping traceroute mosh
		libkrb5-dev krb5-kdc krb5-admin-server krb5-user python3-gssapi
		ngtcp2-client ngtcp2-server caddy chromium
		musl-tools busybox-static"
	# Packages that conflict with others of the list: only unpacked.
	unpacked="pure-ftpd"
	;;
bench)
	packages="gcc make libc6-dev libc-ares-dev curl iproute2 util-linux python3
		libdsocksd0"
	;;
*)
	echo "usage: install-deps.sh demo|test|bench" >&2
	exit 2
	;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "install-deps.sh: this is no Debian; install by hand:" "$packages" >&2
	exit 1
fi

# The packages of the list that are not wholly installed.
missing() {
	# shellcheck disable=SC2086 # a list
	have=$(dpkg-query -W -f '${Package}=${db:Status-Status} ' $packages \
		2>/dev/null) || :
	for package in $packages; do
		case " $have" in
		*" $package=installed "*) ;;
		*) printf '%s ' "$package" ;;
		esac
	done
}

missing_beside() {
	for package in $unpacked; do
		[ -x "$beside/$package" ] || printf '%s ' "$package"
	done
}

lacking=$(missing)
lacking_beside=$(missing_beside)
[ -n "$lacking$lacking_beside" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null && exec sudo -- sh "$0" "$1"
	echo "install-deps.sh: run this as root: apt-get install" \
		"--no-install-recommends $lacking" >&2
	[ -z "$lacking_beside" ] ||
		echo "and unpack the program of $lacking_beside to $beside" >&2
	exit 1
fi

# Debian starts a new package's service unless this file says no (101).
policy=/usr/sbin/policy-rc.d
if ! [ -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

# unpack PACKAGE: its program of that name, and nothing else of it.
unpack() {
	(
		cd "$(mktemp -d)"
		apt-get -q -o APT::Sandbox::User=root download "$1"
		dpkg-deb --fsys-tarfile "$1"_*.deb |
			tar -x -f - "./usr/sbin/$1"
		install -D -m 755 "usr/sbin/$1" "$beside/$1"
		rm -rf "$PWD"
	)
}

echo "Installing: $lacking$lacking_beside"
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
# shellcheck disable=SC2086 # a list
[ -z "$lacking" ] ||
	apt-get -q install -y --no-install-recommends $lacking </dev/null
for package in $lacking_beside; do
	unpack "$package"
done

# Nor shall they start with the machine: the tests start their own.
[ -d /run/systemd/system ] || exit 0
for package in $lacking; do
	case $package in
	dante-server) systemctl -q disable danted || : ;;
	nginx) systemctl -q disable nginx || : ;;
	microsocks) systemctl -q disable microsocks || : ;;
	openssh-server) systemctl -q disable ssh || : ;;
	shadowsocks-libev) systemctl -q disable shadowsocks-libev || : ;;
	v2ray) systemctl -q disable v2ray || : ;;
	tor) systemctl -q disable tor || : ;;
	redis-server) systemctl -q disable redis-server || : ;;
	postgresql) systemctl -q disable postgresql || : ;;
	vsftpd) systemctl -q disable vsftpd || : ;;
	ngtcp2-server) systemctl -q disable ngtcp2d || : ;;
	caddy) systemctl -q disable caddy || : ;;
	inetutils-telnetd)
		systemctl -q disable inetutils-inetd inetutils-syslogd || : ;;
	esac
done
