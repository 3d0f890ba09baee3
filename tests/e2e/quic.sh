# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# quic.sh - servers of HTTP/3 in the world

# shellcheck source=tests/e2e/relays.sh
. "$(dirname "${BASH_SOURCE[0]}")/relays.sh"

# make_quic_keys: $WORK/quic.pem, for every name of the world, and $WORK/quic.key.
make_quic_keys() {
	mkdir -p "$WORK/files"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -days 2 -subj /CN=world \
		-addext basicConstraints=critical,CA:FALSE \
		-addext "subjectAltName=DNS:*.world.example,IP:$WORLD,IP:$WORLD6" \
		-keyout "$WORK/quic.key" -out "$WORK/quic.pem" \
		2>"$WORK/openssl.log" ||
		bail_out "openssl: $(cat "$WORK/openssl.log")"
}

# The hash of the public key, as a browser takes it.
quic_key_hash() {
	openssl x509 -in "$WORK/quic.pem" -pubkey -noout |
		openssl pkey -pubin -outform der |
		openssl dgst -sha256 -binary | base64
}

udp_listens() {
	"in_$1" ss -Hlun "sport = :$2" | grep -q .
}

# start_caddy: HTTP/1.1, 2 and 3 at port 443 of the world; $WORK/files are its files, and
# /n and /report are answered with nothing.
start_caddy() {
	make_quic_keys
	cat >"$WORK/Caddyfile" <<-END
	{
	    admin off
	    auto_https off
	    skip_install_trust
	}
	https://:443 {
	    tls $WORK/quic.pem $WORK/quic.key
	    respond /n 204
	    respond /report 204
	    root * $WORK/files
	    file_server
	    log {
	        output file $WORK/access.log
	    }
	}
	END
	start world caddy caddy run --config "$WORK/Caddyfile" --adapter caddyfile
	wait_port world 443 "$WORK/caddy.log"
	wait_until "HTTP/3 at port 443 of the world" udp_listens world 443
}

# served PATTERN: what caddy was asked for that matches, as ADDRESS PROTOCOL PATH, by line.
served() {
	[ ! -e "$WORK/access.log" ] ||
		sed -n 's/.*"remote_ip":"\([^"]*\)".*"proto":"\(HTTP[^"]*\)".*"uri":"\([^"]*\)".*/\1 \2 \3/p' \
			"$WORK/access.log" | grep -e "$1"
}

# start_gtlsserver: ngtcp2's server of HTTP/3, at port 4433 of all addresses of the world.
start_gtlsserver() {
	make_quic_keys
	start world gtlsserver gtlsserver -d "$WORK/files" --no-quic-dump \
		--no-http-dump '*' 4433 "$WORK/quic.key" "$WORK/quic.pem"
	wait_until "HTTP/3 at port 4433 of the world" udp_listens world 4433
}
