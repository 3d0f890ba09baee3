# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# failures.sh - what is seen of a failed connect, compared with direct runs
# time: 400

# shellcheck source=tests/e2e/victims.sh
. "$(dirname "$0")/../victims.sh"

victim_case failures
