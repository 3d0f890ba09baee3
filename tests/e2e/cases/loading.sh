#!/bin/bash
# SPDX-License-Identifier: MIT
# loading.sh - how programs and their libraries are loaded: plugins that bind past
# others, constructors that connect, other libraries that were preloaded
# time: 120
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"
topology
start_danted none
start_web

url="socks5h://$PROXY:1080"
page="hello from the world"
sources=$SUPPORT/loading
made=$WORK/made
mkdir -p "$made/plugins"

# build OUTPUT ARGUMENT...: by the compiler, or the case is over.
build() {
	cc -O1 -o "$made/$1" "${@:2}" || bail_out "$1 cannot be built"
}
build plugins/libbeside.so -shared -fPIC -DBESIDE "$sources/plugin.c"
# shellcheck disable=SC2016 # the loader's
build plugins/plugin.so -shared -fPIC "$sources/plugin.c" \
	-L"$made/plugins" -lbeside '-Wl,-rpath,$ORIGIN'
# shellcheck disable=SC2016
build loads "$sources/loads.c" '-Wl,-rpath,$ORIGIN/plugins'
build early.so -shared -fPIC -DEARLY="\"$WORLD\"" "$sources/early.c" \
	"$made/plugins/plugin.so" -Wl,-rpath,"$made/plugins"
build own "$sources/own.c" "$made/plugins/plugin.so" -rdynamic \
	-Wl,-rpath,"$made/plugins"
build audit.so -shared -fPIC "$sources/audit.c"

# library COMMAND...: under the library alone, which COMMAND may have told more.
library() {
	in_client env SOCKSIFY_PROXY="$url" LD_PRELOAD="$LIBRARY" "$@" 2>&1
}

is "the rig: a plugin connects" \
	"$(in_proxyhost "$made/loads" shallow plugin.so "$WORLD")" "beside $page"
capture_start
for flags in shallow deep; do
	is "a plugin found by \$ORIGIN of who loads it, $flags" \
		"$(library "$made/loads" $flags plugin.so "$WORLD")" \
		"beside $page"
	is "and under the guard" \
		"$(through "$url" "$made/loads" $flags plugin.so "$WORLD" 2>&1)" \
		"beside $page"
done
like "one that is not there is dlerror's affair" \
	"$(library "$made/loads" deep nothing.so "$WORLD")" \
	'nothing.so: cannot open shared object file'
is "with LD_BIND_NOW" \
	"$(library env LD_BIND_NOW=1 "$made/loads" deep plugin.so "$WORLD")" \
	"beside $page"
is "with an auditor of the loader" \
	"$(library env LD_AUDIT="$made/audit.so" "$made/loads" deep plugin.so \
		"$WORLD")" "beside $page"
is "a constructor that comes before ours connects" \
	"$(library env LD_PRELOAD="$LIBRARY:$made/early.so" /bin/true)" \
	"beside $page"
is "and under the guard" \
	"$(through "$url" env LD_PRELOAD="$LIBRARY:$made/early.so" \
		/bin/true 2>&1)" "beside $page"
is "a program with a connect and ares_... of its own" \
	"$(library "$made/own" "$WORLD")" "beside $page"$'\n'"own 1"
is "and under the guard" \
	"$(through "$url" "$made/own" "$WORLD" 2>&1)" \
	"beside $page"$'\n'"own 1"

# others NAME LIBRARY: before the library and behind it, by name and by number.
others() {
	local list
	[ -r "$2" ] || bail_out "$2 is not there: 'make deps' installs it"
	for list in "$LIBRARY:$2" "$2:$LIBRARY"; do
		is "$1 with it: ${list//*\/lib/}" "$(library env \
			LD_PRELOAD="$list" curl -sS --max-time 10 \
			http://www.world.example/ "http://$WORLD/")" \
			"$page"$'\n'"$page"
		is "and under the guard" "$(through "$url" env \
			LD_PRELOAD="$list" curl -sS --max-time 10 \
			http://www.world.example/ 2>&1)" "$page"
	done
}
here=$(dirname "$(cc -print-file-name=libc.so.6)")
others jemalloc "$here/libjemalloc.so.2"
others eatmydata "$here/libeatmydata.so"
others faketime "$here/faketime/libfaketime.so.1"

build asan -fsanitize=address "$sources/own.c" \
	"$made/plugins/plugin.so" -rdynamic -Wl,-rpath,"$made/plugins"
is "a program with the address sanitizer, whose link order is not looked at" \
	"$(library env ASAN_OPTIONS=verify_asan_link_order=0 "$made/asan" \
		"$WORLD")" "beside $page"$'\n'"own 1"
assert_no_leak "nothing else was on the link"
done_testing
