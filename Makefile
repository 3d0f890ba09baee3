# SPDX-License-Identifier: MIT
# socksify: one Makefile, no recursion. Local settings go into config.mak.

-include config.mak

VERSION	= 0.1.0

PREFIX	?= /usr/local
LIBDIR	?= $(PREFIX)/lib/socksify
BINDIR	?= $(PREFIX)/bin
MANDIR	?= $(PREFIX)/share/man
DESTDIR	?=

BUILD	?= build
CFLAGS	?= -O2 -g
# Warnings are errors where the tests run, not for users: WERROR=-Werror.
WERROR	?=
# address,undefined or thread
SANITIZE ?=

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wundef -Wvla -Wframe-larger-than=2048
ALL_CFLAGS = -std=gnu11 -fPIC -fvisibility=hidden -fno-plt -pthread \
	     -D_GNU_SOURCE -DSOCKSIFY_VERSION='"$(VERSION)"' \
	     -I. -I$(BUILD)/gen $(WARNINGS) $(WERROR) $(CFLAGS)
ALL_LDFLAGS = -pthread $(LDFLAGS)
ifneq ($(SANITIZE),)
ALL_CFLAGS += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer \
	      -fno-sanitize-recover=undefined
ALL_LDFLAGS += -fsanitize=$(SANITIZE)
# The sanitizers' own bookkeeping makes frames large.
ALL_CFLAGS += -Wno-frame-larger-than
# TSan does not see fences: gcc says so, and that is known.
ALL_CFLAGS += $(if $(filter thread,$(SANITIZE)),-Wno-tsan)
endif

# A line for each step; V=1 shows the commands, -s nothing.
V	?=
Q	 = $(if $(filter 1,$(V)),,@)
say	 = $(if $(filter 1,$(V))$(findstring s,$(firstword -$(MAKEFLAGS))),,@printf \
	   '  %-6s %s\n' '$(1)' '$(2)')

CORE	 := $(wildcard core/*.c)
RESOLVER := $(wildcard resolver/*.c)
PRELOAD	 := $(wildcard preload/*.c)
LAUNCHER := $(wildcard launcher/*.c)
RELAY	 := $(wildcard relay/*.c)
UNIT	 := $(wildcard tests/unit/test_*.c)
VICTIMS	 := $(wildcard tests/victims/*.c)
BENCHES	 := $(filter-out %/nothing.c,$(wildcard tests/bench/*.c))
FUZZERS	 := $(wildcard tests/fuzz/fuzz_*.c)
STRESSES := $(wildcard tests/stress/*.c)

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))

# Linked statically and hidden: programs bring c-ares of their own. What it needs of
# libc is looked up lazily, for few programs ever need it; -fno-plt has all else looked
# up at the start (scripts/check-symbols.sh).
CARES	?= $(shell $(CC) -print-file-name=libcares.a)

LIBRARY	 = $(BUILD)/libsocksify.so
COMMAND	 = $(BUILD)/socksify
# A program of its own, so that nothing else loads Kerberos. Where that is not installed
# the rest is built without it: GSSAPI=no, or yes to have it fail.
GSSAPI	?= $(shell echo '\#include <gssapi/gssapi.h>' | $(CC) -E -x c - >/dev/null 2>&1 && \
	   echo yes || echo no)
GATEWAY	 = $(if $(filter yes,$(GSSAPI)),$(BUILD)/socksify-gateway)
UNITS	 = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT))
VICTIM_PROGRAMS = $(patsubst tests/victims/%.c,$(BUILD)/victims/%,$(VICTIMS))
STRESS_PROGRAMS = $(patsubst tests/stress/%.c,$(BUILD)/stress/%,$(STRESSES))
BENCH_PROGRAMS = $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(BENCHES)) \
		 $(BUILD)/bench/nothing.so

FUZZ_PROGRAMS = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZERS))
REPLAYS	 = $(FUZZ_PROGRAMS:=-replay)

.PHONY: all check unit e2e victims programs asan tsan demo bench format symbols \
	lint fuzz fuzz-replay stress stress-programs bench-programs deps install uninstall clean

all: $(LIBRARY) $(COMMAND) $(GATEWAY) symbols

# --- what is derived from the one list of interposed calls -------------------

$(BUILD)/gen/exports.map: preload/calls.def scripts/make-exports.sh
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)sh scripts/make-exports.sh preload/calls.def > $@.tmp && mv $@.tmp $@

# --- objects and programs ----------------------------------------------------

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Where the command looks for the library once it is installed.
$(call obj,launcher/library.c): ALL_CFLAGS += -DSOCKSIFY_LIBDIR='"$(LIBDIR)"'

# A hook is defined with libc's own name, which fortified inlines would take. And it
# begins on a cache line: where it did by chance only, write cost 8 or 25 ns more.
$(call obj,$(filter preload/hook_%,$(PRELOAD))): \
	ALL_CFLAGS += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0 -falign-functions=64 \
	-Wno-unknown-warning-option -Wno-nonnull-compare

$(BUILD)/libinner.a: $(call obj,$(CORE) $(RESOLVER))
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^

# Each program is to start soon. Our own calls of each other are not looked up, and code,
# constants and tables are one mapping.
QUICK_START = -Wl,-O1 -Wl,-Bsymbolic-functions -Wl,-z,noseparate-code

# Only made where it is missing.
$(CARES):
	@echo "make: no static c-ares: install libc-ares-dev, or say where: CARES=.../libcares.a" >&2
	@exit 1

$(LIBRARY): $(call obj,$(PRELOAD)) $(BUILD)/libinner.a $(BUILD)/gen/exports.map $(CARES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -o $@ $(call obj,$(PRELOAD)) \
		$(BUILD)/libinner.a $(CARES) -Wl,--version-script=$(BUILD)/gen/exports.map \
		-Wl,-z,lazy -Wl,-z,relro -Wl,-soname,libsocksify.so $(QUICK_START) \
		$(if $(SANITIZE),,-Wl,-z,defs) -ldl

$(COMMAND): $(call obj,$(LAUNCHER)) $(BUILD)/libinner.a $(CARES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -pie -o $@ $(call obj,$(LAUNCHER)) $(BUILD)/libinner.a \
		$(CARES) -Wl,-z,lazy

$(BUILD)/socksify-gateway: $(call obj,$(RELAY)) $(BUILD)/libinner.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -pie -o $@ $(call obj,$(RELAY)) $(BUILD)/libinner.a \
		-lgssapi_krb5

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libinner.a
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Wno-frame-larger-than -MMD -MP $(ALL_LDFLAGS) -o $@ \
		$< $(UNIT_OBJECTS) $(BUILD)/libinner.a $(CARES) \
		$$(pkg-config --cflags --libs check)

# Modules of the library and the command that stand alone are tested as the pure ones are.
$(BUILD)/unit/test_sources: UNIT_OBJECTS = $(call obj,preload/sources.c preload/signals.c)
$(BUILD)/unit/test_sources: $(call obj,preload/sources.c preload/signals.c)
$(BUILD)/unit/test_watch: UNIT_OBJECTS = $(call obj,preload/watch.c preload/pending.c preload/fdtable.c)
$(BUILD)/unit/test_watch: $(call obj,preload/watch.c preload/pending.c preload/fdtable.c)
$(BUILD)/unit/test_carry_peers: UNIT_OBJECTS = $(call obj,launcher/carry_peers.c)
$(BUILD)/unit/test_carry_peers: $(call obj,launcher/carry_peers.c)
$(BUILD)/unit/test_carry_group: UNIT_OBJECTS = $(call obj,launcher/carry_group.c)
$(BUILD)/unit/test_carry_group: $(call obj,launcher/carry_group.c)

# Victims are the unmodified programs: nothing of ours is linked.
$(BUILD)/victims/%: tests/victims/%.c $(wildcard tests/victims/*.h)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -I. $(WARNINGS) -Wno-frame-larger-than \
		$(WERROR) $(CFLAGS) -pthread $(VICTIM_FLAGS) -o $@ $< $(VICTIM_LIBS)

# Taking messages apart is libresolv's.
$(BUILD)/victims/resolv: VICTIM_LIBS = -lresolv
$(BUILD)/victims/ownares: VICTIM_LIBS = -rdynamic

victims: $(VICTIM_PROGRAMS)

# Programs of other languages, by Debian's own tools for them.
PROGRAMS = $(addprefix $(BUILD)/programs/,Connects.class connects-rust \
	   quic-rust connects-go carried-go cgo cgo.so)
GO_BUILD = GOCACHE=$(abspath $(BUILD))/programs/gocache GO111MODULE=off go build

programs: $(PROGRAMS)

$(BUILD)/programs/%.class: tests/programs/%.java
	@mkdir -p $(@D)
	$(call say,JAVAC,$@)
	$(Q)javac -d $(@D) $<

$(BUILD)/programs/%-go: tests/programs/%.go
	@mkdir -p $(@D)
	$(call say,GO,$@)
	$(Q)CGO_ENABLED=0 $(GO_BUILD) -o $@ $<

$(BUILD)/programs/cgo: tests/programs/cgo.go
	@mkdir -p $(@D)
	$(call say,GO,$@)
	$(Q)$(GO_BUILD) -o $@ $<

$(BUILD)/programs/cgo.so: tests/programs/cgo.go
	@mkdir -p $(@D)
	$(call say,GO,$@)
	$(Q)$(GO_BUILD) -buildmode=c-shared -o $@ $<

# Crates are Debian's, too.
CARGO_BUILD = CARGO_HOME=$(abspath $(BUILD))/programs/cargo RUSTC=/usr/bin/rustc \
	      /usr/bin/cargo build -q --offline \
	      --config 'source.crates-io.replace-with="debian"' \
	      --config 'source.debian.directory="/usr/share/cargo/registry"'

$(BUILD)/programs/connects-rust: tests/programs/tokio/Cargo.toml \
		tests/programs/tokio/src/main.rs
	@mkdir -p $(@D)/tokio
	$(call say,CARGO,$@)
	$(Q)cp -r tests/programs/tokio/. $(@D)/tokio
	$(Q)cd $(@D)/tokio && $(CARGO_BUILD) --release
	$(Q)cp $(@D)/tokio/target/release/connects $@

$(BUILD)/programs/quic-rust: tests/programs/quinn/Cargo.toml \
		tests/programs/quinn/src/main.rs
	@mkdir -p $(@D)/quinn
	$(call say,CARGO,$@)
	$(Q)cp -r tests/programs/quinn/. $(@D)/quinn
	$(Q)cd $(@D)/quinn && $(CARGO_BUILD)
	$(Q)cp $(@D)/quinn/target/debug/quic $@

# Nor to the stress, which the sanitizers are to see whole, though; not its far side.
$(BUILD)/stress/stress: SEEN = $(if $(SANITIZE),-fsanitize=$(SANITIZE))
$(BUILD)/stress/%: tests/stress/%.c $(wildcard tests/stress/*.h)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -I. $(WARNINGS) -Wno-frame-larger-than \
		$(WERROR) $(CFLAGS) $(SEEN) -pthread -o $@ $<

stress-programs: $(STRESS_PROGRAMS)

# Nor is it to what measures.
$(BUILD)/bench/%: tests/bench/%.c $(wildcard tests/bench/*.h)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -I. $(WARNINGS) -Wno-frame-larger-than \
		$(WERROR) $(CFLAGS) -o $@ $<

$(BUILD)/bench/nothing.so: tests/bench/nothing.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) $(WERROR) $(CFLAGS) -fPIC -shared -o $@ $<

bench-programs: $(BENCH_PROGRAMS)

# --- checks ------------------------------------------------------------------

symbols: $(LIBRARY)
	$(call say,CHECK,$(LIBRARY))
	$(Q)sh scripts/check-symbols.sh $(BUILD)
	$(Q)sh scripts/check-includes.sh

unit: $(UNITS)
	@sh tests/unit/run $(UNITS)

# The programs are built for the cases that run them.
e2e: all victims $(if $(CASES),$(if $(filter java compiled carry carry-dns carry-odds,$(CASES)),programs),programs)
	@BUILD=$(BUILD) tests/e2e/run $(CASES)

# Each fuzzer by libFuzzer for FUZZ_SECONDS; new finds stay in BUILD.
FUZZ_SECONDS ?= 60
$(BUILD)/fuzz/%: tests/fuzz/%.c tests/fuzz/replay.h $(CORE) $(RESOLVER)
	@mkdir -p $(@D)
	$(call say,CLANG,$@)
	$(Q)clang -std=gnu11 -D_GNU_SOURCE -I. -g -O1 \
		-fsanitize=fuzzer,address,undefined -o $@ $< $(CORE) $(RESOLVER) \
		$(CARES)

fuzz: $(FUZZ_PROGRAMS)
	set -e; for f in $(FUZZ_PROGRAMS); do \
		mkdir -p $$f.found; \
		$$f -max_total_time=$(FUZZ_SECONDS) $$f.found \
			tests/fuzz/corpus/$${f##*/fuzz_}; \
	done

# The corpus once through each, by whatever compiler and sanitizer this is.
$(BUILD)/fuzz/%-replay: tests/fuzz/%.c tests/fuzz/replay.h $(BUILD)/libinner.a
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Wno-frame-larger-than -DREPLAY $(ALL_LDFLAGS) -o $@ \
		$< $(BUILD)/libinner.a $(CARES)

fuzz-replay: $(REPLAYS)
	@set -e; n=0; for f in $(REPLAYS); do \
		c=$${f##*/fuzz_}; c=tests/fuzz/corpus/$${c%-replay}; \
		$$f $$c/*; n=$$((n + $$(ls $$c | wc -l))); \
	done; echo "fuzz-replay: $$n passed, 0 failed"

deps:
	@sh scripts/install-deps.sh test

# Installs what is missing, builds, runs every test.
check:
	@sh scripts/install-deps.sh test
	@sh scripts/check-all.sh

# Installs what is missing, builds, and shows the main job.
demo:
	@sh scripts/install-deps.sh demo
	@$(MAKE) --no-print-directory all
	@sh scripts/demo.sh

# The unit tests and the victims' cases under ASan and UBSan.
asan:
	@sh scripts/check-asan.sh

# The victims that have threads, under TSan.
tsan:
	@sh scripts/check-tsan.sh

# Installs what is missing, builds, and compares speed and size with other ways;
# BENCH=--quick is shorter.
bench:
	@sh scripts/install-deps.sh bench
	@$(MAKE) --no-print-directory all bench-programs
	@BUILD=$(BUILD) sh scripts/bench.sh $(BENCH)

# Random operations by 64 threads; the 30 s of make check are under sanitizers.
STRESS_SECONDS ?= 600
stress: all stress-programs
	@STRESS_SECONDS=$(STRESS_SECONDS) sh scripts/check-stress.sh $(BUILD)

lint:
	@sh scripts/lint.sh

format:
	@sh scripts/format.sh

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR) $(DESTDIR)$(MANDIR)/man1 \
		$(DESTDIR)$(MANDIR)/man5
	install -m 755 $(COMMAND) $(DESTDIR)$(BINDIR)/socksify
	install -m 755 $(LIBRARY) $(DESTDIR)$(LIBDIR)/libsocksify.so
	install -m 755 socksify.sh $(DESTDIR)$(BINDIR)/socksify.sh
	$(if $(GATEWAY),install -m 755 $(GATEWAY) $(DESTDIR)$(LIBDIR)/socksify-gateway)
	install -m 644 docs/socksify.1 $(DESTDIR)$(MANDIR)/man1/socksify.1
	install -m 644 docs/socksify.conf.5 $(DESTDIR)$(MANDIR)/man5/socksify.conf.5

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/socksify $(DESTDIR)$(BINDIR)/socksify.sh \
		$(DESTDIR)$(LIBDIR)/libsocksify.so $(DESTDIR)$(LIBDIR)/socksify-gateway \
		$(DESTDIR)$(MANDIR)/man1/socksify.1 \
		$(DESTDIR)$(MANDIR)/man5/socksify.conf.5
	-rmdir $(DESTDIR)$(LIBDIR)

clean:
	rm -rf $(BUILD)

-include $(patsubst %.c,$(BUILD)/%.d,$(CORE) $(RESOLVER) $(PRELOAD) $(LAUNCHER) $(RELAY))
-include $(UNITS:=.d)
