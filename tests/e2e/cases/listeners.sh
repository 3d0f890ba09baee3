# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# listeners.sh - listeners that wait at the proxy (BIND), compared with direct runs
# time: 300

# shellcheck source=tests/e2e/victims.sh
. "$(dirname "$0")/../victims.sh"

victim_case listeners
