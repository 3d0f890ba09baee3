# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# blocking.sh - connects that wait, and what comes between, compared with direct runs
# time: 400

# shellcheck source=tests/e2e/victims.sh
. "$(dirname "$0")/../victims.sh"

victim_case blocking
