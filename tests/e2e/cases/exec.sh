#!/bin/bash
# SPDX-License-Identifier: MIT
# exec.sh - programs that are started in each way, compared with direct runs, and
# nothing but the proxy on the link meanwhile
# time: 400

# shellcheck source=tests/e2e/victims.sh
. "$(dirname "$0")/../victims.sh"

victim_case exec
