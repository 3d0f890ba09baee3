#!/bin/bash
# shellcheck shell=bash
# living.sh - numbers of descriptors, little room and clones, compared with direct runs
# time: 200

# shellcheck source=tests/e2e/victims.sh
. "$(dirname "$0")/../victims.sh"

victim_case living
