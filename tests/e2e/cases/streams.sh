# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# streams.sh - bytes in and out of a connection, compared with direct runs
# time: 400

# shellcheck source=tests/e2e/victims.sh
. "$(dirname "$0")/../victims.sh"

victim_case streams
