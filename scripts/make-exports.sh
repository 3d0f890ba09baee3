#!/bin/sh
# SPDX-License-Identifier: MIT
# make-exports.sh CALLS.DEF - the linker's version script from the one list
set -eu
echo "{ global:"
sed -n 's/^CALL([A-Z_]*, *\([A-Za-z0-9_]*\)).*/\t\1;/p' "$1"
echo "  local: *; };"
