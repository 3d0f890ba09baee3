# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# waiters.sh - every way of waiting for a connect, compared with direct runs
# time: 400

# shellcheck source=tests/e2e/victims.sh
. "$(dirname "$0")/../victims.sh"

victim_case waiters
