#!/bin/sh
# SPDX-License-Identifier: MIT
# lint.sh - cppcheck, and clang-tidy where it is installed, over our own C
#
# A check that is off has its reason here; a single exception stands in the code.
set -u

cd "$(dirname "$0")/.." || exit 1
failed=0

if ! command -v cppcheck >/dev/null; then
	echo "lint.sh: cppcheck is missing: 'make deps' installs it" >&2
	exit 1
fi

# variableScope: the style of the code is declarations at the head of a block.
# clarifyCalculation: "a & FLAG ? b : c" is common in C.
# preprocessorErrorDirective: without a compiler's own macros every
#	architecture looks unknown.
# missingInclude, missingIncludeSystem, unmatchedSuppression: about cppcheck.
cppcheck --quiet --std=c11 --inline-suppr --error-exitcode=1 \
	--enable=warning,style,performance,portability \
	--suppress=variableScope --suppress=clarifyCalculation \
	--suppress=preprocessorErrorDirective \
	--suppress=missingInclude --suppress=missingIncludeSystem \
	--suppress=unmatchedSuppression \
	-D_GNU_SOURCE -I. core resolver preload launcher relay || failed=1

# Sets of checks, then what is off in them:
# DeprecatedOrUnsafeBufferHandling: wants memcpy_s, which libc does not have.
# insecureAPI.strcpy: lengths are reckoned before.
# easily-swappable-parameters: true of half of libc.
# reserved-identifier, cert-dcl37, cert-dcl51: we define __connect and others.
# narrowing-conversions: -Wconversion's matter; its findings are digits.
# suspicious-string-compare: "if (strcmp(...))" is idiom.
# cert-err33-c: printing to standard error may fail for all we care.
# assignment-in-if-condition: idiom, too.
# valist.Uninitialized: false wherever va_start is in a caller (LLVM 14).
# uninitialized.*, UndefinedBinaryOperatorResult, CallAndMessage: what a system
#	call of ours has written through a pointer is not seen; it is assembly.
# implicit-widening: sizes that are constants and small.
# cert-dcl16-c: the case of a suffix.
# misc-no-recursion: the few that there are have bounds.
# no-int-to-ptr: descriptors travel as pointers' values.
# Padding: small structs, few of them.
# not-null-terminated-result: bytes with a length are no strings.
# misc-unused-parameters: the compiler's matter.
# clang-diagnostic-*: warnings are the compilers' own part.
if command -v clang-tidy >/dev/null; then
	off='clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling'
	for check in clang-analyzer-security.insecureAPI.strcpy \
		bugprone-easily-swappable-parameters \
		bugprone-reserved-identifier cert-dcl37-c cert-dcl51-cpp \
		bugprone-narrowing-conversions \
		bugprone-suspicious-string-compare cert-err33-c \
		bugprone-assignment-in-if-condition \
		clang-analyzer-valist.Uninitialized misc-no-recursion \
		performance-no-int-to-ptr \
		clang-analyzer-optin.performance.Padding \
		bugprone-not-null-terminated-result misc-unused-parameters \
		'clang-analyzer-core.uninitialized.*' \
		clang-analyzer-core.UndefinedBinaryOperatorResult \
		clang-analyzer-core.CallAndMessage \
		bugprone-implicit-widening-of-multiplication-result \
		cert-dcl16-c \
		'clang-diagnostic-*'; do
		off=$off,-$check
	done
	sets='bugprone-*,cert-*,clang-analyzer-*,misc-*,performance-*'
	clang-tidy --quiet --warnings-as-errors='*' \
		--checks="-*,$sets,portability-*,-$off" \
		core/*.c resolver/*.c preload/*.c launcher/*.c relay/*.c -- \
		-std=gnu11 -D_GNU_SOURCE -I. -w \
		-DSOCKSIFY_VERSION='"0"' -DSOCKSIFY_LIBDIR='"/usr/lib"' \
		2>/dev/null || failed=1
else
	echo "lint.sh: clang-tidy is not installed; cppcheck alone was run"
fi

[ "$failed" -eq 0 ]
