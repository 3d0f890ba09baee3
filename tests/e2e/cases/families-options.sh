# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# families-options.sh - options.sh's rows by a proxy that no IPv4 socket reaches
# time: 400

# shellcheck source=tests/e2e/victims.sh
. "$(dirname "$0")/../victims.sh"

WAYS=six
victim_case options
