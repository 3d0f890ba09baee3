#!/bin/bash
# SPDX-License-Identifier: MIT
# java.sh - programs of Java: many connections at once by each of its own ways
# time: 200
# shellcheck source=tests/e2e/programs.sh
. "$(dirname "$0")/../programs.sh"
# What it was started in shall not matter, nor what it keeps for profilers.
java=(java -XX:-UsePerfData -XX:TieredStopAtLevel=1 -cp "$PROGRAMS" Connects)
[ -e "$PROGRAMS/Connects.class" ] ||
	bail_out "$PROGRAMS/Connects.class is not there: run make programs"
programs_topology

for kind in nio blocking client async; do
	connects Java "$kind" 50 "${java[@]}"
done
by_address Java nio 50 "${java[@]}"
by_address Java blocking 20 "${java[@]}"
for kind in nio blocking client async; do
	refused Java "$kind" 20 "${java[@]}"
done
programs_done
