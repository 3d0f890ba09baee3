#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compare.py - runs each row of a victim directly and by other ways, and compares

    compare.py --victim PROGRAM --table FILE [--jobs N] [--only ROW]
        --far KIND=ADDRESS:PORT ... --direct COMMAND --way NAME=COMMAND ...

A COMMAND is put before the victim's own words (nsenter ...). The victim's
output by each way must equal its output from the direct run, line by line, but
for what DIFFERENCES says. Prints TAP, a test for each row and way, and writes
the table.
"""

import argparse
import concurrent.futures
import os
import shlex
import subprocess
import sys
import time

ROW_SECONDS = 20
HERE = os.path.dirname(os.path.abspath(__file__))


def read_differences(victim):
    """What may differ, with the reason: tests/victims/VICTIM.differences.

    Each line: ROW WAY KEY VALUE, then "# REASON". WAY may be "*"; VALUE is what
    that way may show instead. Spaces in KEY and VALUE are written as "_".
    """
    path = os.path.join(HERE, "../victims", victim + ".differences")
    known = {}
    if not os.path.exists(path):
        return known
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            words, _, reason = line.partition(" # ")
            if words.strip() and not line.startswith("#"):
                row, way, key, value = words.split()
                known.setdefault((row, way), {})[key] = (value, reason.strip())
    return known


def run(command):
    """Output lines, and how it ended where that was not well."""
    with subprocess.Popen(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          errors="replace", start_new_session=True) as process:
        try:
            text, _ = process.communicate(timeout=ROW_SECONDS)
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            text, _ = process.communicate()
            status = "out of time"
    lines = text.splitlines()
    if status != 0:
        lines.append(f"exit={status}")
    return lines


def keyed(lines):
    """Lines as a list of (key, value): a key that comes again is numbered."""
    seen, out = {}, []
    for line in lines:
        key, _, value = line.partition("=")
        seen[key] = seen.get(key, 0) + 1
        out.append((key if seen[key] == 1 else f"{key}#{seen[key]}", value))
    return out


def order(lines, allowed):
    return [key for key, _ in keyed(lines)
            if key.replace(" ", "_") not in allowed]


def compare(direct, other, allowed):
    """(what differs, what differs as it must), as texts."""
    want, got = dict(keyed(direct)), dict(keyed(other))
    bad, known = [], []
    keys = [key for key, _ in keyed(direct)]
    keys += [key for key in got if key not in want]
    for key in keys:
        a, b = want.get(key, "(absent)"), got.get(key, "(absent)")
        if key.replace(" ", "_") in allowed:
            value, reason = allowed[key.replace(" ", "_")]
            text = f"{key}: direct {a}, here {b}"
            if b.replace(" ", "_") == value:
                if a != b:
                    known.append(f"{text} ({reason})")
            elif a != b:
                bad.append(f"{text}, documented {value}")
        elif a != b:
            bad.append(f"{key}: direct {a}, here {b}")
    if not bad and order(direct, allowed) != order(other, allowed):
        bad.append("the lines come in another order")
    return bad, known


class Rig:
    def __init__(self, options):
        self.options = options
        self.victim = os.path.basename(options.victim)
        self.far = dict(far.split("=", 1) for far in options.far)
        self.ways = dict(way.split("=", 1) for way in options.way)
        self.differences = read_differences(self.victim)

    def rows(self):
        listed = subprocess.run([self.options.victim, "--list"], check=True,
                                capture_output=True, text=True).stdout
        rows = [tuple(line.split()) for line in listed.splitlines()]
        if self.options.only:
            rows = [row for row in rows if row[0] in self.options.only]
        return rows

    def far_words(self, kind):
        words = []
        good = "echo6" if kind.endswith("6") else \
            "echo-mapped" if kind.endswith("mapped") else "echo"
        for one in (self.far[kind], self.far[good]):
            words += list(one.rsplit(":", 1))
        return words

    def run_row(self, name, kind):
        """The lines by each way, the direct one's under the name "direct"."""
        words = [self.options.victim, name, *self.far_words(kind)]
        lines = {"direct": run(shlex.split(self.options.direct) + words)}
        for way, prefix in self.ways.items():
            lines[way] = run(shlex.split(prefix) + words)
        return lines

    def judge(self, name, lines):
        """For each way: (what differs, what differs as documented)."""
        verdicts = {}
        for way in self.ways:
            allowed = dict(self.differences.get((name, "*"), {}))
            allowed.update(self.differences.get((name, way), {}))
            verdicts[way] = compare(lines["direct"], lines[way], allowed)
        return verdicts


def cell(text):
    return text.replace("|", "\\|")


def write_table(path, victim, ways, results):
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"### {victim}\n\n| row | far side | "
                  + " | ".join(ways) + " |\n|---|---|"
                  + "---|" * len(ways) + "\n")
        for name, kind, verdicts in results:
            cells = []
            for way in ways:
                bad, known = verdicts[way]
                if bad:
                    cells.append("**differs**: " + "; ".join(bad))
                elif known:
                    cells.append("equal but for " + "; ".join(known))
                else:
                    cells.append("equal")
            out.write(f"| {name} | {kind} | "
                      + " | ".join(map(cell, cells)) + " |\n")


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--victim", required=True)
    parser.add_argument("--table", required=True)
    parser.add_argument("--far", action="append", default=[])
    parser.add_argument("--direct", required=True)
    parser.add_argument("--way", action="append", default=[])
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--only", action="append")
    parser.add_argument("--lines", help="a directory for what was printed")
    return parser.parse_args()


def keep_lines(directory, name, lines):
    for way, text in lines.items():
        path = os.path.join(directory, f"{name}.{way}")
        with open(path, "w", encoding="utf-8") as out:
            out.write("\n".join(text) + "\n")


def main():
    options = parse_arguments()
    rig = Rig(options)
    rows = rig.rows()
    results, number, failed = [], 0, 0
    started = time.monotonic()
    if options.lines:
        os.makedirs(options.lines, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for (name, kind), lines in zip(rows, pool.map(
                lambda row: rig.run_row(*row), rows)):
            if options.lines:
                keep_lines(options.lines, name, lines)
            verdicts = rig.judge(name, lines)
            results.append((name, kind, verdicts))
            number += 1
            whole = lines["direct"][-1:] == ["end=reached"]
            print(f"{'ok' if whole else 'not ok'} {number} - "
                  f"{rig.victim} {name}, direct, runs to its end")
            if not whole:
                failed += 1
                print("\n".join("# " + line for line in lines["direct"]))
            for way, (bad, known) in verdicts.items():
                number += 1
                print(f"{'not ok' if bad else 'ok'} {number} - "
                      f"{rig.victim} {name}, {way}, is as direct"
                      + (" but for what is documented" if known else ""))
                failed += bool(bad)
                for text in bad + known:
                    print("# " + text)
            sys.stdout.flush()
    write_table(options.table, rig.victim, list(rig.ways), results)
    print(f"# {time.monotonic() - started:.0f} s")
    print(f"1..{number}")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
