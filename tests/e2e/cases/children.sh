#!/bin/bash
# SPDX-License-Identifier: MIT
# children.sh - programs that real programs start: carried with whatever
# environment they are given, or refused, and nothing else is on the link
# time: 200
# shellcheck disable=SC2016 # what is quoted is for the shells that are tested
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start_web

page="hello from the world"
url="socks5h://$PROXY:1080"
site=http://www.world.example/
fetch="curl -sS --max-time 20 $site"
export fetch site

# under COMMAND: by the command, its words and its errors.
under() {
	through "$url" "$@" 2>&1
}

# python CODE: with fetch_it(), which gets the page by name over a socket.
python() {
	under "$PYTHON" -c "
import encodings.idna, os, socket, subprocess, sys, threading
def fetch_it():
    with socket.create_connection(('www.world.example', 80), 15) as s:
        s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
        print(s.makefile().read().splitlines()[-1], flush=True)
CURL = ['/usr/bin/curl', '-sS', '--max-time', '20', '$site']
$1"
}

capture_start

# --- programs that start programs --------------------------------------------
# shellcheck disable=SC2086 # words
{
	is "env -i" "$(under env -i $fetch)" "$page"
	is "env -i in a shell" "$(under sh -c "env -i $fetch")" "$page"
	is "env -u LD_PRELOAD" "$(under env -u LD_PRELOAD $fetch)" "$page"
	is "env -u SOCKSIFY_PROXY" "$(under env -u SOCKSIFY_PROXY $fetch)" "$page"
	is "env -i, twice over" \
		"$(under env -i sh -c "env -i nice $fetch | cat")" "$page"
	is "exec -c of bash" "$(under bash -c "exec -c $fetch")" "$page"
	is "nohup" "$(under nohup $fetch </dev/null)" "$page"
	is "setsid" "$(under setsid --wait $fetch)" "$page"
	is "timeout" "$(under timeout 20 $fetch)" "$page"
	is "nice, ionice and stdbuf" "$(under nice ionice stdbuf -oL $fetch)" \
		"$page"
}
is "xargs -P4" "$(under sh -c "echo $site $site $site $site |
	xargs -n 1 -P 4 curl -sS --max-time 20 | sort | uniq -c |
	sed 's/^ *//'")" "4 $page"
is "find -exec" \
	"$(under find "$WORK/ca.pem" -exec curl -sS --max-time 20 "$site" \;)" \
	"$page"
printf 'all: a b c d\na b c d:\n\t@%s\n' "$fetch" >"$WORK/makefile"
is "make -j" "$(under make -s -j 4 -f "$WORK/makefile" | sort | uniq -c |
	sed 's/^ *//')" "4 $page"
is "a pipeline, a subshell, one in the background" \
	"$(under bash -c "($fetch) | cat; $fetch & wait")" "$page"$'\n'"$page"
printf '#!/bin/sh -e\n%s\n' "$fetch" >"$WORK/script"
printf '#!/usr/bin/env -S -i bash -e\n%s\n' "$fetch" >"$WORK/script.env"
printf '%s\n' "$fetch" >"$WORK/script.plain"
chmod +x "$WORK"/script*
is "a script" "$(under env -i "$WORK/script")" "$page"
is "a script whose first line empties the environment" \
	"$(under sh -c "$WORK/script.env")" "$page"
is "a script without a first line" "$(under env -i "$WORK/script.plain")" \
	"$page"
is "system of Perl" "$(under perl -e '%ENV = (); system "$ARGV[0] 2>&1"' \
	"/usr/bin/$fetch")" "$page"
is "exec of Perl" "$(under perl -e '%ENV = (); exec @ARGV' \
	/usr/bin/curl -sS --max-time 20 "$site")" "$page"
is "backquotes of Perl" "$(under perl -e '%ENV = (); print `$ARGV[0]`' \
	"/usr/bin/$fetch")" "$page"
is "subprocess of Python" "$(python "subprocess.run(CURL, env={})")" "$page"
is "subprocess of Python without vfork" "$(python "
subprocess._USE_VFORK = subprocess._USE_POSIX_SPAWN = False
subprocess.run(CURL, env={})")" "$page"
is "then a connection of the parent's own" "$(python "
subprocess.run(['/bin/true'], env={})
fetch_it()")" "$page"
is "from eight threads at once" "$(python "
def work():
    for i in range(5):
        if subprocess.run(['/bin/true'], env={}).returncode:
            print('bad')
threads = [threading.Thread(target=work) for i in range(8)]
for t in threads: t.start()
for t in threads: t.join()
fetch_it()")" "$page"
is "posix_spawn of Python" "$(python "
pid = os.posix_spawn(CURL[0], CURL, {})
os.waitpid(pid, 0)")" "$page"
is "posix_spawnp of Python, with file actions" "$(python "
pid = os.posix_spawnp('curl', CURL, {}, file_actions=[
    (os.POSIX_SPAWN_DUP2, 1, 9), (os.POSIX_SPAWN_CLOSE, 0)])
os.waitpid(pid, 0)")" "$page"
is "execve of Python" "$(python "os.execve(CURL[0], CURL, {})")" "$page"
is "system of Python, with no environment" "$(python "
os.environ.clear()
os.system(' '.join(CURL))")" "$page"
is "popen of awk" "$(under awk "BEGIN { while (\"$fetch\" | getline) print }")" \
	"$page"
is "a shell in a terminal" \
	"$(under script -qec "$fetch" /dev/null </dev/null | tr -d '\r')" "$page"

# --- what they get --------------------------------------------------------------
is "LD_PRELOAD names the library once" \
	"$(under env -i env -i /usr/bin/env | grep LD_PRELOAD)" \
	"LD_PRELOAD=$LIBRARY"
is "other preloads stay in their order" \
	"$(through "$url" sh -c 'env LD_PRELOAD="a.so b.so:$LD_PRELOAD:c.so" \
		env' 2>/dev/null | grep LD_PRELOAD)" \
	"LD_PRELOAD=a.so b.so:$LIBRARY:c.so"
is "and come after the library if it was taken away" \
	"$(through "$url" sh -c 'env LD_PRELOAD="a.so b.so" env' 2>/dev/null |
		grep LD_PRELOAD)" "LD_PRELOAD=$LIBRARY:a.so:b.so"
is "nothing else is put into an empty environment" \
	"$(under env -i /usr/bin/env | grep -v '^SOCKSIFY_\|^LD_PRELOAD=')" ""
is "a variable of ours that the program sets stays" \
	"$(under env -i SOCKSIFY_TIMEOUT=7 /usr/bin/env |
		grep SOCKSIFY_TIMEOUT)" "SOCKSIFY_TIMEOUT=7"
is "the library alone hands on ALL_PROXY" \
	"$(in_client env LD_PRELOAD="$LIBRARY" ALL_PROXY="$url" \
		sh -c "env -i wget -q -T 10 -t 1 -O - $site" 2>&1)" "$page"
is "socksify under socksify" \
	"$(under env -i "$SOCKSIFY" -x "$url" env -i curl -sS "$site")" "$page"

# --- other users, other roots, daemons ---------------------------------------------
is "after setuid" "$(python "
os.setgroups([]); os.setgid(65534); os.setuid(65534)
fetch_it()")" "$page"
is "after chroot" "$(python "
os.chroot('$WORK/files')
os.chdir('/')
fetch_it()")" "$page"
is "after a name, chroot and setuid" "$(python "
fetch_it()
os.chroot('$WORK/files'); os.chdir('/'); os.setgid(65534); os.setuid(65534)
fetch_it()")" "$page"$'\n'"$page"
is "a daemon that closes everything" "$(python "
r, w = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.dup2(w, 1)
    os.closerange(2, 4096)
    os.chdir('/'); os.umask(0)
    fetch_it()
    os._exit(0)
os.close(w)
print(os.fdopen(r).read(), end='')")" "$page"
like "Dante was asked for the name" "$(danted_requests)" \
	'ATYP: 3 address: www\.world\.example\.80'
unlike "and for nothing else" "$(danted_requests |
	grep -v 'ATYP: 3 address: www\.world\.example\.80')" .
assert_no_leak "nothing else was on the link"

# --- what cannot be covered ----------------------------------------------------------
cat >"$WORK/static.c" <<-END
#include <arpa/inet.h>
#include <sys/socket.h>
int main(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(80) };

	inet_pton(AF_INET, "$WORLD", &a.sin_addr);
	return connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&a, sizeof(a)) != 0;
}
END
gcc -static -o "$WORK/static" "$WORK/static.c" ||
	bail_out "gcc -static does not work here"
printf '#!%s\n' "$WORK/static" >"$WORK/script.static"
chmod +x "$WORK/script.static"

# Without the guard: nothing else would keep them off the network.
unguarded() {
	in_client "$SOCKSIFY" --no-guard -x "$url" "$@"
}

# refused NAME PATTERN COMMAND...: the status is a shell's for what cannot be
# executed, and the library says why in one line.
refused() {
	local name=$1 pattern=$2 status
	shift 2
	unguarded "$@" >"$WORK/out" 2>"$WORK/said"
	status=$?
	is "$name is refused" "$status" 126
	like "$name: the reason" "$(grep ^socksify "$WORK/said")" "$pattern"
	is "$name: in one line" "$(grep -c ^socksify "$WORK/said")" 1
}

capture_start
static="$WORK/static: not started: it is statically linked, .*; use a dynam"
refused "a static program" "$static" sh -c "$WORK/static"
refused "one of env's" "$static" env -i "$WORK/static"
refused "one by PATH" "static: not started: it is statically" \
	env PATH="/nowhere:$WORK:/usr/bin" sh -c static
refused "one of timeout's" "$static" timeout 5 "$WORK/static"
refused "a script that needs one" "$static" sh -c "$WORK/script.static"
is "posix_spawn of one is EACCES" "$(unguarded "$PYTHON" -c "
import os
try:
    os.posix_spawn('$WORK/static', ['static'], {})
except PermissionError:
    print('EACCES')" 2>/dev/null)" EACCES
is "posix_spawnp, too" "$(unguarded "$PYTHON" -c "
import os
os.environ['PATH'] = '$WORK'
try:
    os.posix_spawnp('static', ['static'], {})
except PermissionError:
    print('EACCES')" 2>/dev/null)" EACCES
is "and subprocess" "$(unguarded "$PYTHON" -c "
import subprocess
try:
    subprocess.run(['$WORK/static'], env={})
except PermissionError:
    print('EACCES')" 2>/dev/null)" EACCES
is "a descriptor of one, too" "$(unguarded "$PYTHON" -c "
import os
try:
    os.execve(os.open('$WORK/static', os.O_PATH), ['static'], {})
except PermissionError:
    print('EACCES')" 2>/dev/null)" EACCES
is "a later program of that name in PATH is taken" \
	"$(mkdir -p "$WORK/later" && cp /bin/echo "$WORK/later/static" &&
	unguarded env PATH="$WORK:$WORK/later" static found 2>/dev/null)" \
	found
is "a file that is not executable is the kernel's affair" \
	"$(cp "$WORK/static" "$WORK/static.off" && chmod a-x "$WORK/static.off"
	unguarded sh -c "$WORK/static.off" 2>&1 | grep -c ^socksify)" 0

# Under it they run, if they can do without the network.
out=$(through "$url" sh -c "$WORK/static" 2>&1)
is "under the guard a static program runs, and reaches nothing" $? 1
like "and that is said" "$out" \
	"^socksify: .*static: is statically linked: it runs without .* guard"

# Another root, where the library is not.
mkdir -p "$WORK/root/bin"
cp /bin/sh "$WORK/root/bin"
ldd /bin/sh | grep -o '/[^ ]*' | while read -r file; do
	mkdir -p "$WORK/root$(dirname "$file")"
	cp "$file" "$WORK/root$file"
done
is "the other root works" "$(chroot "$WORK/root" /bin/sh -c 'echo works')" works
status_is "a program in a root without the library is refused" 126 \
	through "$url" chroot "$WORK/root" /bin/sh -c :
like "and the reason" \
	"$(through "$url" chroot "$WORK/root" /bin/sh -c : 2>&1)" \
	'^socksify: chroot\[[0-9]*\]: /bin/sh: not started: .* cannot be read'

# A user who is given another's rights.
if setpriv --reuid=1000 --clear-groups true 2>/dev/null; then
	cp /bin/true "$WORK/setuid"
	chmod 4755 "$WORK/setuid"
	refused "a set-user-ID program" \
		'setuid: not started: it runs as another user .* ignored' \
		setpriv --reuid=1000 --clear-groups sh -c "$WORK/setuid"
	is "not for the user that it runs as" \
		"$(under sh -c "$WORK/setuid && echo started")" started
	is "nor where nothing new is given" \
		"$(under setpriv --reuid=1000 --clear-groups --no-new-privs \
			sh -c "$WORK/setuid && echo started")" started
else
	note "skipped: set-user-ID programs, for want of a second user"
fi

find_leaks
is "not one packet was on the link" "$LEAKED" ""
done_testing
