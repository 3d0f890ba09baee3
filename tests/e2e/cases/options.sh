# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# options.sh - options, flags and kinds of socket, compared with direct runs
# time: 400

# shellcheck source=tests/e2e/victims.sh
. "$(dirname "$0")/../victims.sh"

victim_case options
