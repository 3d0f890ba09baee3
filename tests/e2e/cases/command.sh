#!/bin/bash
# SPDX-License-Identifier: MIT
# command.sh - the command: its errors, the environment it makes, --export
# shellcheck disable=SC2016 # what is quoted is for the shells that are tested
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

clean_environment
cd "$WORK" || exit
echo '127.0.0.1 localhost testproxy' >hosts
mount --bind hosts /etc/hosts
PROXY_URL=socks5h://127.0.0.1:1080
unset BUILD

# A program that shows that it ran.
cat >ran.sh <<'END'
#!/bin/sh
echo ran >"$WITNESS"
END
chmod +x ran.sh
export WITNESS=$WORK/witness

# refuses NAME STATUS PATTERN COMMAND...: one line on standard error that the
# pattern matches, this status, nothing on standard output, and nothing ran.
refuses() {
	local name=$1 wanted=$2 pattern=$3 status out
	shift 3
	rm -f "$WITNESS"
	out=$("$@" 2>stderr.txt)
	status=$?
	if [ "$status" -ne "$wanted" ] || [ -n "$out" ] ||
		[ "$(wc -l <stderr.txt)" -ne 1 ] || [ -e "$WITNESS" ] ||
		! grep -Eq "^socksify: .*$pattern" stderr.txt; then
		fail "$name" "status $status, wanted $wanted; output '$out';" \
			"standard error:"$'\n'"$(cat stderr.txt)"
		return
	fi
	pass "$name"
}

# prints NAME WANTED COMMAND...: on standard output, and succeeds.
prints() {
	local name=$1 wanted=$2 got
	shift 2
	got=$("$@" 2>stderr.txt) || got="exit status $?: $(cat stderr.txt)"
	is "$name" "$got" "$wanted"
}

with_proxy() {
	"$SOCKSIFY" -x "$PROXY_URL" "$@"
}

# --- mistakes on the command line and in the configuration ------------------

refuses "no program" 125 'no program is named; .*--help' "$SOCKSIFY"
refuses "an unknown long option" 125 "unknown option '--colour'; .*--help" \
	"$SOCKSIFY" --colour ./ran.sh
refuses "an unknown letter" 125 "unknown option '-Z'; .*--help" \
	"$SOCKSIFY" -qZ ./ran.sh
refuses "an option without its value" 125 "--proxy needs a value: .*URL" \
	"$SOCKSIFY" -x
refuses "a value that is not wanted" 125 "--verbose takes no value" \
	"$SOCKSIFY" --verbose=9 ./ran.sh
refuses "no proxy known" 125 "no proxy is known: say -x socks5h://" \
	"$SOCKSIFY" ./ran.sh
refuses "only an HTTP proxy known" 125 "ALL_PROXY names an HTTP proxy" \
	env ALL_PROXY=http://192.0.2.1:3128 "$SOCKSIFY" ./ran.sh
refuses "a URL of another protocol" 125 '-x: "http://.*write socks5h://' \
	"$SOCKSIFY" -x http://192.0.2.1:3128 ./ran.sh
refuses "a URL without a host" 125 '-x: ' "$SOCKSIFY" -x socks5h:// ./ran.sh
refuses "a URL with a bad port" 125 '-x: .*port' \
	"$SOCKSIFY" -x socks5h://192.0.2.1:65536 ./ran.sh
refuses "a bad URL in the environment" 125 'SOCKSIFY_PROXY: ' \
	env SOCKSIFY_PROXY=ftp://192.0.2.1 "$SOCKSIFY" ./ran.sh
long=$(printf '%0256d' 0)
refuses "a password that is too long" 125 '-x: .*1 to 255' \
	"$SOCKSIFY" -x "socks5h://alice:$long@192.0.2.1" ./ran.sh
unlike "and does not show it" "$(cat stderr.txt)" 0000
refuses "a wrong rule" 125 "--block '192.0.2.0/33': .*a rule is HOST" \
	with_proxy -b 192.0.2.0/33 ./ran.sh
refuses "a wrong timeout" 125 "--timeout soon: is seconds" \
	with_proxy --timeout soon ./ran.sh
refuses "a log that cannot be written" 125 \
	"--log /nonexistent/log: cannot be written: .*; name a file" \
	with_proxy --log /nonexistent/log ./ran.sh
refuses "an unknown shell" 125 "--export=csh: unknown shell; say --export" \
	with_proxy --export=csh
refuses "--export with a program" 125 "--export runs no program" \
	with_proxy --export ./ran.sh
refuses "a proxy that is not to be found" 125 \
	"cannot look up the proxy proxy.invalid: .*; check the name" \
	"$SOCKSIFY" -x socks5h://proxy.invalid ./ran.sh

refuses "a missing configuration file" 125 "$WORK/none.conf: cannot be read" \
	with_proxy -c none.conf ./ran.sh
printf '%s\n' "# comment" "proxy $PROXY_URL" "dierct *" >wrong.conf
refuses "a wrong line, by its number" 125 \
	"$WORK/wrong.conf:3: unknown key \"dierct\"" \
	"$SOCKSIFY" -c wrong.conf ./ran.sh
printf '%s\n' "proxy $PROXY_URL" "username alice" "password secret" >secret.conf
chmod 644 secret.conf
refuses "a password that others can read" 125 \
	"$WORK/secret.conf: holds a password .*chmod 600" \
	"$SOCKSIFY" -c secret.conf ./ran.sh
chmod 600 secret.conf
status_is "the same in a private file is fine" 0 \
	"$SOCKSIFY" -c secret.conf ./ran.sh

# --- the library ---------------------------------------------------------------

# install_in DIRECTORY: command and library side by side.
install_in() {
	mkdir -p "$1"
	cp "$SOCKSIFY" "$LIBRARY" "$1"
}

install_in "with space"
refuses "a library path with a space" 125 'has a space.*elsewhere' \
	"with space/socksify" -x "$PROXY_URL" ./ran.sh
install_in with:colon
refuses "a library path with a colon" 125 'has a colon.*elsewhere' \
	with:colon/socksify -x "$PROXY_URL" ./ran.sh
install_in "with\$LIB"
refuses "a library path that ld.so would expand" 125 'has a dollar sign' \
	"with\$LIB/socksify" -x "$PROXY_URL" ./ran.sh
install_in cut
head -c 9000 "$LIBRARY" >cut/libsocksify.so
refuses "a library that is cut short" 125 'no whole shared library.*run make' \
	cut/socksify -x "$PROXY_URL" ./ran.sh
echo text >cut/libsocksify.so
refuses "a library that is none" 125 'no whole shared library.*run make' \
	cut/socksify -x "$PROXY_URL" ./ran.sh
rm cut/libsocksify.so
mkdir cut/libsocksify.so
refuses "a directory in its place" 125 'no shared library.*run make' \
	cut/socksify -x "$PROXY_URL" ./ran.sh
install_in unreadable
chmod 000 unreadable/libsocksify.so
chmod 777 .
refuses "a library that cannot be read" 125 'cannot read .*chmod a\+r' \
	as_tester setpriv --bounding-set=-all unreadable/socksify \
	-x "$PROXY_URL" ./ran.sh
mkdir noexec
mount -t tmpfs -o noexec tmpfs noexec
install_in here
cp "$LIBRARY" noexec
ln -sf "$WORK/noexec/libsocksify.so" here/libsocksify.so
refuses "a library where nothing may be executed" 125 'mounted noexec\?' \
	here/socksify -x "$PROXY_URL" ./ran.sh

# --- programs -------------------------------------------------------------------

refuses "a program that is not in PATH" 127 "'nosuch' is not found in PATH" \
	with_proxy nosuch
refuses "a path that is not there" 127 './nosuch: cannot be run: No such' \
	with_proxy ./nosuch
refuses "an empty name" 127 "'' is not found" with_proxy ""
refuses "a directory" 126 './here: is a directory' with_proxy ./here
echo echo >plain
refuses "a file without x" 126 './plain: is not executable; chmod' \
	with_proxy ./plain
refuses "one of PATH without x" 126 'plain: is not executable' \
	env PATH="$WORK:$PATH" "$SOCKSIFY" -x "$PROXY_URL" plain

cat >tiny.c <<'END'
int main(void) { return 0; }
END
make_programs() {
	cc -o tiny tiny.c && cc -static -o static tiny.c &&
		cc -static-pie -o static-pie tiny.c && : >note &&
		objcopy --add-section .note.go.buildid=note tiny go-dynamic &&
		objcopy --add-section .note.go.buildid=note static go-static
}
make_programs || bail_out "cannot make the programs that are to be refused"

# patched NAME OFFSET BYTES: a copy of tiny with other bytes at that offset.
patched() {
	cp tiny "$1"
	printf '%b' "$3" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
loader_at=$(grep -abo '/lib[0-9]*/ld-linux' tiny | head -n 1 | cut -d: -f1)
patched musl "$loader_at" '/lib/ld-musl-x86_64.so.1\0'
patched otherloader "$loader_at" '/lib/ld-uClibc.so.0\0'
patched bits32 4 '\01'
patched machine 18 '\0363\0'

status_is "(control) the same program as it is" 0 with_proxy ./tiny
refuses "a static program" 126 'static: is statically linked, .*build' \
	with_proxy --guard=deny ./static
refuses "a static-pie program" 126 'is statically linked' \
	with_proxy --guard=deny ./static-pie
refuses "a static Go program" 126 'is a statically linked Go program' \
	with_proxy --guard=deny ./go-static
refuses "a dynamic Go program" 126 'is a Go program, .*past every library' \
	with_proxy --guard=deny ./go-dynamic
refuses "a musl program" 126 'is linked with musl, .*for glibc' \
	with_proxy --guard=deny ./musl
refuses "one for another loader" 126 'for another loader' \
	with_proxy --guard=deny ./otherloader
for name in static static-pie go-static go-dynamic; do
	status_is "by default $name is carried" 0 with_proxy "./$name"
done
refuses "a 32-bit program" 126 'is a 32-bit program, .*64-bit' \
	with_proxy ./bits32
refuses "one for another machine" 126 'for another processor, .*this machine' \
	with_proxy ./machine
head -c 30 tiny >broken
chmod +x broken
refuses "a program that is cut short" 126 'is not a program' \
	with_proxy ./broken

cp tiny own
chmod 6755 own
status_is "set-user-ID to oneself is fine" 0 with_proxy ./own
cp tiny setuid
cp tiny setgid
if chown 1234 setuid 2>/dev/null && chgrp 1234 setgid; then
	setuid=./setuid setgid=./setgid
	chmod 4755 setuid
	chmod 2755 setgid
else
	# Without root all files but ours are another user's.
	setuid=$(command -v su) setgid=$(command -v expiry)
fi
refuses "set-user-ID to another" 126 'set-user-ID.*LD_PRELOAD is ignored' \
	with_proxy "$setuid"
refuses "set-group-ID to another" 126 'set-group-ID.*LD_PRELOAD is ignored' \
	with_proxy "$setgid"
status_is "set-user-ID is fine where it has no effect" 0 \
	setpriv --no-new-privs "$SOCKSIFY" -x "$PROXY_URL" ./setuid
cp tiny capable
"$PYTHON" -c 'import os, struct
os.setxattr("capable", "security.capability",
	    struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))' ||
	bail_out "cannot give a file capabilities"
refuses "file capabilities" 126 'has file capabilities, .*as root' \
	as_tester "$SOCKSIFY" -x "$PROXY_URL" ./capable
cp tiny secretive
chmod 111 secretive
refuses "a program that cannot be read" 126 'cannot be read .*chmod \+r' \
	as_tester setpriv --bounding-set=-all "$SOCKSIFY" -x "$PROXY_URL" \
	./secretive

# script NAME LINE: a script with that first line.
script() {
	printf '%s\n' "$2" 'echo ran >"$WITNESS"' >"$1"
	chmod +x "$1"
}
script by-static "#!$WORK/static"
script by-env-static '#!/usr/bin/env static'
script by-env-split '#!/usr/bin/env -S A=b static -x'
script by-env-empty '#!/usr/bin/env -S -i sh'
script by-env-none '#!/usr/bin/env nosuch'
script by-script "#!$WORK/by-static"
script by-itself "#!$WORK/by-itself"
refuses "a script of a static interpreter" 126 \
	'/static \(which ./by-static needs\): is statically' \
	with_proxy --guard=deny ./by-static
refuses "a script of a script of one" 126 '/static .*is statically' \
	with_proxy --guard=deny ./by-script
for name in by-env-static by-env-split; do
	refuses "$name" 126 "/static \(which ./$name needs\): is statically" \
		env PATH="$WORK:$PATH" "$SOCKSIFY" -x "$PROXY_URL" \
		--guard=deny "./$name"
done
status_is "by default a script of a static interpreter is carried" 0 \
	with_proxy ./by-script
refuses "a script that empties the environment" 126 'take out -i' \
	with_proxy ./by-env-empty
refuses "a script of an interpreter that is not there" 127 \
	"./by-env-none: its interpreter 'nosuch' is not found" \
	with_proxy ./by-env-none
refuses "a script that is its own interpreter" 126 'too deep' \
	with_proxy ./by-itself

# runs NAME COMMAND...: the witness was made.
runs() {
	rm -f "$WITNESS"
	ok "$1" "${@:2}"
	[ -e "$WITNESS" ] || fail "$1: it ran"
}
script by-env '#!/usr/bin/env sh'
script by-nothing ':'
runs "a script of env" with_proxy ./by-env
runs "a script without an interpreter" with_proxy ./by-nothing
status_is "the program's status is the command's" 7 \
	with_proxy sh -c 'exit 7'
prints "the program's options are its own" "-v --help" \
	with_proxy echo -v --help
prints "-- ends the options" "-x" with_proxy -- echo -x

# --- the environment -----------------------------------------------------------

# of VARIABLE COMMAND...: what env prints for it under that command.
of() {
	"${@:2}" env | sed -n "s/^$1=//p"
}
X=(-x "$PROXY_URL")
prints "the library comes first" "$LIBRARY" of LD_PRELOAD with_proxy
other=$(ldconfig -p | sed -n 's/.*libm\.so\.6 .*=> //p' | head -n 1)
prints "other preloads stay" "$LIBRARY:$other libdl.so.2" \
	of LD_PRELOAD env "LD_PRELOAD=$other libdl.so.2" "$SOCKSIFY" "${X[@]}"
prints "the library is not doubled when nested" "$LIBRARY:$other" \
	of LD_PRELOAD env LD_PRELOAD="$other:$LIBRARY" \
	"$SOCKSIFY" "${X[@]}" "$SOCKSIFY" "$SOCKSIFY"
install_in copy
prints "nor is another copy of it" "$LIBRARY" \
	of LD_PRELOAD env LD_PRELOAD="$WORK/copy/libsocksify.so" \
	"$SOCKSIFY" "${X[@]}"
prints "the log is standard error" stderr of SOCKSIFY_LOG with_proxy
prints "-q" 0 of SOCKSIFY_VERBOSE with_proxy -q
prints "-v" 2 of SOCKSIFY_VERBOSE with_proxy -v
prints "-vv" 3 of SOCKSIFY_VERBOSE with_proxy -vv
prints "--log is made absolute" "$WORK/a.log" \
	of SOCKSIFY_LOG with_proxy --log a.log
echo "log $WORK/b.log" >log.conf
prints "a log of the file's stays the file's" "" \
	of SOCKSIFY_LOG with_proxy -c log.conf
prints "-c is made absolute" "$WORK/secret.conf" \
	of SOCKSIFY_CONFIG with_proxy -c secret.conf
prints "rules in the order typed" \
	"direct=.a.example via=127.0.0.0/8 block=*:25" \
	of SOCKSIFY_RULES with_proxy -d .a.example --via 127.0.0.0/8 -b '*:25'
prints "inner rules come first" "block=b.example direct=a.example" \
	of SOCKSIFY_RULES with_proxy -d a.example "$SOCKSIFY" -b b.example
prints "the inner proxy wins" socks5h://192.0.2.9 \
	of SOCKSIFY_PROXY with_proxy "$SOCKSIFY" -x socks5h://192.0.2.9
prints "the inner timeout wins" 5 \
	of SOCKSIFY_TIMEOUT with_proxy --timeout 9 "$SOCKSIFY" --timeout 5
prints "a name is looked up here" testproxy=127.0.0.1 of SOCKSIFY_PROXY_ADDRESS \
	"$SOCKSIFY" -x socks5h://testproxy
prints "under socksify too, and truly" testproxy=127.0.0.1 \
	of SOCKSIFY_PROXY_ADDRESS \
	with_proxy "$SOCKSIFY" -x socks5h://testproxy
prints "an old proxy's address goes" "" of SOCKSIFY_PROXY_ADDRESS \
	env SOCKSIFY_PROXY_ADDRESS=old=192.0.2.3 "$SOCKSIFY" "${X[@]}"

export all_proxy=$PROXY_URL ALL_PROXY=http://192.0.2.1:3128
export NO_PROXY='a.example, *.b.example,192.0.2.0/24,?'
prints "ALL_PROXY is hidden from the program" "" of ALL_PROXY "$SOCKSIFY"
is "and an HTTP one told of" "$(cat stderr.txt)" \
	"socksify: ALL_PROXY names an HTTP proxy and is passed over: socksify speaks SOCKS5"
prints "all_proxy is hidden likewise" "" of all_proxy "$SOCKSIFY" -q
is "and nothing told with -q" "$(cat stderr.txt)" ""
prints "it is handed on as the proxy" "$PROXY_URL" \
	of SOCKSIFY_PROXY "$SOCKSIFY" -q
prints "with NO_PROXY as direct rules" ".a.example .b.example 192.0.2.0/24" \
	of SOCKSIFY_DIRECT "$SOCKSIFY" -q
prints "but not for another proxy" "" of SOCKSIFY_DIRECT with_proxy
unset all_proxy ALL_PROXY NO_PROXY
unlike "no password in the program's arguments" \
	"$("$SOCKSIFY" -x socks5h://alice:secret@127.0.0.1 \
		sh -c 'tr "\0" " " </proc/$$/cmdline')" secret
prints "no process stays behind" same sh -c 'export before=$$; exec "$@"' sh \
	"$SOCKSIFY" "${X[@]}" sh -c '[ "$$" -eq "$before" ] && echo same'

# --- --export, --help --------------------------------------------------------

strange="$WORK/it's \$HOME \`x\` \"q\" \\n !1
two  lines;.log"
: >"$strange"
for shell in dash bash zsh fish; do
	command -v "$shell" >/dev/null || continue
	option=--export
	[ "$shell" != fish ] || option=--export=fish
	with_proxy --log "$strange" "$option" >export.txt 2>hint.txt
	prints "$shell gets every value back" "$strange|$LIBRARY|" \
		env ALL_PROXY=x "$shell" -c 'eval "$(cat export.txt)"
		printf "%s|%s|%s" "$SOCKSIFY_LOG" "$LD_PRELOAD" "$ALL_PROXY"'
done
like "--export says how to cover the shell" "$(cat hint.txt)" \
	'^socksify: .*exec "\$SHELL"$'
prints "a shell's log is off unless asked for" "unset SOCKSIFY_LOG;" \
	sh -c '"$@" | grep SOCKSIFY_LOG' sh "$SOCKSIFY" "${X[@]}" --export
prints "--export twice does not double" "$LIBRARY" bash -c '
	eval "$("$@")" && eval "$("$@")" && echo "$LD_PRELOAD"' bash \
	"$SOCKSIFY" "${X[@]}" --export

prints "--dns reaches the program" 9.9.9.9,1.1.1.1:5353 \
	of SOCKSIFY_DNS with_proxy --dns 9.9.9.9,1.1.1.1:5353
refuses "a DNS server by name" 125 '--dns dns.example: is addresses' \
	"$SOCKSIFY" "${X[@]}" --dns dns.example true

"$SOCKSIFY" --help >help.txt
is "--help succeeds" $? 0
at_most "--help fits 24 lines" "$(wc -l <help.txt)" 24
at_most "--help fits 80 columns" "$(wc -L <help.txt)" 80
like "--version" "$("$SOCKSIFY" -V)" '^socksify [0-9]+\.[0-9]+\.[0-9]+$'

# --- socksify.sh ---------------------------------------------------------------

mkdir -p tree/build links/deep prefix/lib/socksify
cp "$HERE/../../socksify.sh" tree
install_in tree/build
ln -s "$WORK/tree/socksify.sh" links/absolute
ln -s ../../tree/socksify.sh links/deep/relative
ln -s deep/relative links/twice
for path in tree/socksify.sh ./tree/socksify.sh "$WORK/tree/socksify.sh" \
	links/absolute links/deep/relative links/twice; do
	prints "socksify.sh as $path" "$WORK/tree/build/libsocksify.so" \
		of LD_PRELOAD "$path" "${X[@]}"
done
prints "socksify.sh from its own directory" \
	"$WORK/tree/build/libsocksify.so" sh -c '
	cd tree && sh socksify.sh -x "$1" printenv LD_PRELOAD' sh "$PROXY_URL"
prints "socksify.sh from PATH" "$WORK/tree/build/libsocksify.so" \
	env PATH="$WORK/tree:$PATH" socksify.sh "${X[@]}" printenv LD_PRELOAD
prints "socksify.sh keeps arguments" "a  b||c|" \
	tree/socksify.sh "${X[@]}" printf '%s|' 'a  b' '' c
install_in prefix/bin
mv prefix/bin/libsocksify.so prefix/lib/socksify
cp tree/socksify.sh prefix/bin
prints "socksify.sh in an installation" \
	"$WORK/prefix/lib/socksify/libsocksify.so" \
	of LD_PRELOAD prefix/bin/socksify.sh "${X[@]}"
cp tree/socksify.sh "with space"
refuses "socksify.sh in a path with a space" 125 'has a space' \
	"with space/socksify.sh" "${X[@]}" ./ran.sh
cp tree/socksify.sh links
status_is "socksify.sh before the build" 125 links/socksify.sh "${X[@]}" true
like "says what to do" "$(links/socksify.sh true 2>&1)" 'run make there$'

done_testing
