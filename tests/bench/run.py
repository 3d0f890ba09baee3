#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py [--quick] [--list] [ROW...] - measures, and compares with the bars

Started by scripts/bench.sh in namespaces of its own. Two networks are made:

    client --- slow 10.11.1.0/24, TUN devices and delay.c: 20 ms --- proxy host
           --- fast 10.12.1.0/24, veth -----------------------------

The proxy (socks_server.c) and the far side (far.c) are on the proxy host; the
far side is 10.22.1.1 by the slow way and 10.22.2.1 by the fast one. Each
program is run in up to three ways: direct, as a SOCKS5 client of its own
("native"), and under the library, in turn, and compared.
"""

import argparse
import contextlib
import glob
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ["BUILD"]
BENCH = f"{BUILD}/bench"
LIBRARY = f"{BUILD}/libsocksify.so"
COMMAND = f"{BUILD}/socksify"
PYTHON = "/usr/bin/python3"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

PORT = "1080"
ECHO_PORT, SOURCE_PORT, UDP_PORT = "7", "80", "1085"
FAR_OF = {"slow": "10.22.1.1", "fast": "10.22.2.1"}
PROXY_OF = {"slow": "10.11.1.1", "fast": "10.12.1.1"}
NAME = "www.bench.example"

ROUND_TRIP_MS = 20


class Broken(Exception):
    """What was to be measured did not work."""


# --- the network -------------------------------------------------------------


class Network:
    """Client and proxy host, each in the namespace of a sleeping process. All
    that is started dies with the pid namespace."""

    def __init__(self, work):
        self.work = work
        self.servers = []
        self.holders = {}
        for name in ("client", "proxyhost"):
            self.holders[name] = subprocess.Popen(
                ["unshare", "--net", "sleep", "infinity"]).pid
        for name, pid in self.holders.items():
            wait_until(f"the namespace {name}", lambda pid=pid:
                       read(f"/proc/{pid}/comm") == "sleep\n")
            self.shell(name, """
                ip link set lo up
                cd /proc/sys/net
                echo 1024 65535 >ipv4/ip_local_port_range
                echo 64 >ipv4/tcp_max_tw_buckets
                echo 16384 >core/somaxconn
                echo 16384 >ipv4/tcp_max_syn_backlog""")
        self.link_slowly()
        self.link_fast()
        self.start_servers()

    def enter(self, name, *command):
        return ["nsenter", f"--target={self.holders[name]}", "--net", "--",
                *command]

    def shell(self, name, script):
        subprocess.run(self.enter(name, "sh", "-ec", script), check=True)

    def start(self, name, log, *command):
        with open(f"{self.work}/{log}", "w", encoding="utf-8") as out:
            server = subprocess.Popen(self.enter(name, *command), stdout=out,
                                      stderr=out)
        self.servers.append(server.pid)  # nsenter becomes what it starts

    def link_slowly(self):
        self.start("client", "delay", f"{BENCH}/delay", str(ROUND_TRIP_MS // 2),
                   str(self.holders["client"]), "slow",
                   str(self.holders["proxyhost"]), "slow")
        wait_until("the slow link",
                   lambda: read(f"{self.work}/delay") == "linked\n")
        self.shell("proxyhost", """
            ip addr add 10.11.1.1/24 dev slow
            ip addr add 10.22.1.1/32 dev lo
            ip link set slow txqueuelen 10000""")
        self.shell("client", """
            ip addr add 10.11.1.2/24 dev slow
            ip link set slow txqueuelen 10000
            ip route add 10.22.1.0/24 via 10.11.1.1""")

    def link_fast(self):
        self.shell("proxyhost", f"""
            ip link add fast type veth \\
                peer name fast netns {self.holders['client']}
            ip addr add 10.12.1.1/24 dev fast
            ip addr add 10.22.2.1/32 dev lo
            ip link set fast up""")
        self.shell("client", """
            ip addr add 10.12.1.2/24 dev fast
            ip link set fast up
            ip route add 10.22.2.0/24 via 10.12.1.1""")

    def start_servers(self):
        self.start("proxyhost", "far", f"{BENCH}/far", ECHO_PORT, SOURCE_PORT)
        self.start("proxyhost", "socks", f"{BENCH}/socks_server", PORT,
                   FAR_OF["fast"])
        for port in (ECHO_PORT, SOURCE_PORT, PORT):
            wait_until(f"port {port}", lambda port=port: subprocess.run(
                self.enter("proxyhost", "ss", "-Hltn", f"sport = :{port}"),
                check=True, stdout=subprocess.PIPE).stdout)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def wait_until(what, condition):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    raise Broken(f"waited in vain for {what}")


# --- running -----------------------------------------------------------------


class Taken:
    """What the runs of one way gave, a row of numbers each."""

    def __init__(self):
        self.rows = []

    def __getitem__(self, column):
        """The median of a column."""
        if column >= len(self.rows[0]):
            raise IndexError
        return statistics.median(row[column] for row in self.rows)

    def over(self, other, column):
        """The ratio to another way, round by round, and of these the median: so
        other work of the machine that comes and goes counts for both."""
        return statistics.median(
            mine[column] / its[column]
            for mine, its in zip(self.rows, other.rows))


class Least(Taken):
    """The same of many short runs, which all do the same: other work of the machine
    only ever adds to what they take, so the least of each counts."""

    def __getitem__(self, column):
        return min(row[column] for row in self.rows)

    def over(self, other, column):
        return self[column] / other[column]


class Bench:
    def __init__(self, network, quick):
        self.network = network
        self.quick = quick
        self.maps = 0
        self.verdicts = {"met": 0, "MISSED": 0}

    def new_map(self):
        """The path of a map of names that is empty."""
        self.maps += 1
        return f"{self.network.work}/map{self.maps}"

    def times(self, full, quick):
        return quick if self.quick else full

    def run(self, *command, library=None, env=None):
        """What a command in the client prints; library: under it, with the
        proxy at the end of the link of that name."""
        variables = {"PATH": PATH, "HOME": self.network.work, **(env or {})}
        if library:
            variables.update(library_variables(library))
        words = [f"{name}={value}" for name, value in variables.items()]
        done = subprocess.run(
            self.network.enter("client", "env", "-i", *words, *command),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
            text=True, check=False)
        if done.returncode != 0:
            raise Broken(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    @contextlib.contextmanager
    def apart(self):
        """Clients on one CPU, servers on another: where it matters who woke
        whom, and where, it is the same each time."""
        cpus = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cpus[:1])
        for pid in self.network.servers:
            os.sched_setaffinity(pid, cpus[1:] or cpus)
        try:
            yield
        finally:
            for pid in (0, *self.network.servers):
                os.sched_setaffinity(pid, cpus)

    def numbers(self, *command, library=None, env=None):
        return [float(word) for word in
                self.run(*command, library=library, env=env).split()]

    def in_turn(self, rounds, *ways, kind=Taken):
        """Each way (a function that gives numbers) rounds times, in turn: what
        was Taken of each."""
        taken = [kind() for _ in ways]
        for number in range(rounds):
            order = list(zip(ways, taken))
            for way, into in order if number % 2 else reversed(order):
                into.rows.append(way())
        return taken

    def program(self, name, *arguments, library=None):
        return lambda: self.numbers(f"{BENCH}/{name}", *arguments,
                                    library=library)

    def say(self, what, value, unit, bar=None, at_least=False, note=""):
        """One line; the bar is met when value, as printed, is at most (or at
        least) that."""
        verdict = bar_text = ""
        if bar is not None:
            value = round(value, 2)
            met = value >= bar if at_least else value <= bar
            verdict = "met" if met else "MISSED"
            self.verdicts[verdict] += 1
            bar_text = f"{'>=' if at_least else '<='} {bar:g}"
        line = f"{what:<44} {value:8.2f} {unit:<10} {bar_text:<8} {verdict:<7}"
        print(f"{line} {note}".rstrip(), flush=True)


def library_variables(link):
    return {"SOCKSIFY_PROXY": f"socks5h://{PROXY_OF[link]}:{PORT}",
            "LD_PRELOAD": LIBRARY}


def ms(nanoseconds):
    return f"{nanoseconds / 1e6:.0f} ms"


def us(nanoseconds):
    return f"{nanoseconds / 1e3:.{1 if nanoseconds >= 1e4 else 2}f} us"


# --- the rows ----------------------------------------------------------------


def row_connects(bench):
    """200 nonblocking connects at once, a byte there and back, over 20 ms"""
    far, proxy = FAR_OF["slow"], f"{PROXY_OF['slow']}:{PORT}"
    for label, options in (("epoll", ["-d", "epoll"]),
                           ("epoll, registered before", ["-d", "epoll", "-b"]),
                           ("poll", ["-d", "poll"]),
                           ("select", ["-d", "select"])):
        direct, native, ours = bench.in_turn(
            bench.times(11, 5),
            bench.program("connects", *options, far, ECHO_PORT),
            bench.program("connects", *options, "-s", proxy, far, ECHO_PORT),
            bench.program("connects", *options, far, ECHO_PORT, library="slow"))
        bench.say(f"200 connects, {label}", ours.over(native, 0), "x native",
                  1.25, note=f"direct {ms(direct[0])}, native {ms(native[0])}, "
                  f"library {ms(ours[0])}")
        bench.say("    its client CPU", ours.over(native, 1), "x native",
                  note=f"direct {us(direct[1] / 200)}, native "
                  f"{us(native[1] / 200)}, library {us(ours[1] / 200)} each")


def row_spread(bench):
    """1,000 nonblocking connects, five a millisecond: hundreds are under way"""
    far, proxy = FAR_OF["slow"], f"{PROXY_OF['slow']}:{PORT}"
    count = ["-n", "1000", "-g", "200"]
    for name in ("epoll", "poll", "select"):
        native, ours = bench.in_turn(
            bench.times(7, 3),
            bench.program("connects", "-d", name, *count, "-s", proxy, far,
                          ECHO_PORT),
            bench.program("connects", "-d", name, *count, far, ECHO_PORT,
                          library="slow"))
        bench.say(f"1000 connects, spread, {name}", ours.over(native, 0),
                  "x native", note=f"native {ms(native[0])}, library "
                  f"{ms(ours[0])}")
        bench.say("    its client CPU", ours.over(native, 1), "x native",
                  note=f"native {us(native[1] / 1000)}, library "
                  f"{us(ours[1] / 1000)} each")


def row_asyncio(bench):
    """the same by Python's asyncio, against the client in C"""
    far, proxy = FAR_OF["slow"], f"{PROXY_OF['slow']}:{PORT}"
    script = [PYTHON, f"{HERE}/connects_asyncio.py", "200", far, ECHO_PORT]
    in_c, direct, native, ours = bench.in_turn(
        bench.times(9, 5),
        bench.program("connects", "-s", proxy, far, ECHO_PORT),
        lambda: bench.numbers(*script),
        lambda: bench.numbers(*script, proxy),
        lambda: bench.numbers(*script, library="slow"))
    bench.say("200 connects, asyncio", ours.over(in_c, 0), "x native C", 1.25,
              note=f"C {ms(in_c[0])}, Python: direct {ms(direct[0])}, native "
              f"{ms(native[0])}, library {ms(ours[0])}")
    bench.say("    against asyncio's own client", ours.over(native, 0),
              "x native")
    bench.say("    its client CPU", ours.over(native, 1), "x native")


def row_round_trips(bench):
    """round trips of one blocking connect, TCP's own included"""
    far = FAR_OF["slow"]
    direct, ours = bench.in_turn(
        bench.times(9, 5),
        bench.program("sequential", "-n", "4", far, ECHO_PORT),
        bench.program("sequential", "-n", "4", far, ECHO_PORT, library="slow"),
        kind=Least)
    bench.say("round trips of a connect", round(ours.over(direct, 0), 1),
              "x direct", 3,
              note=f"direct {ms(direct[0])}, library {ms(ours[0])}")


def row_cpu(bench):
    """client CPU of blocking connects, one after the other"""
    far, proxy = FAR_OF["fast"], f"{PROXY_OF['fast']}:{PORT}"
    count = ["-n", "300"]
    for label, host, bar in (("address", far, 1.1), ("name", NAME, None)):
        with bench.apart():
            native, ours, again = bench.in_turn(
                bench.times(60, 20),
                bench.program("sequential", *count, "-s", proxy, host,
                              ECHO_PORT),
                bench.program("sequential", *count, host, ECHO_PORT,
                              library="fast"),
                bench.program("sequential", *count, "-s", proxy, host,
                              ECHO_PORT), kind=Least)
        bench.say(f"client CPU of a connect by {label}", ours.over(native, 1),
                  "x native", bar,
                  note=f"native {us(native[1])}, library {us(ours[1])}; "
                  f"native again: {again.over(native, 1):.2f} x")
        bench.say("    by the clock", ours.over(native, 0), "x native",
                  note=f"native {us(native[0])}, library {us(ours[0])}")


def row_start(bench):
    """start-up of true, started by posix_spawn"""
    words = " ".join(f"{name}={value}" for name, value in
                     library_variables("fast").items())
    url = f"socks5h://{PROXY_OF['fast']}:{PORT}"
    # socksify.sh looks for the command beside itself or in build/.
    script = f"{bench.network.work}/socksify.sh"
    shutil.copy(f"{ROOT}/socksify.sh", script)
    if not os.path.exists(f"{bench.network.work}/socksify"):
        for built in (LIBRARY, COMMAND):
            os.symlink(built, f"{bench.network.work}/{os.path.basename(built)}")
    none, empty, library, least, command, shell = bench.numbers(
        f"{BENCH}/spawn", str(bench.times(400, 200)), "/bin/true",
        f"LD_PRELOAD={BENCH}/nothing.so /bin/true",
        f"{words} /bin/true", f"{BENCH}/become {words} /bin/true",
        f"{COMMAND} -x {url} /bin/true",
        f"/bin/sh {script} -x {url} /bin/true")
    bench.say("start-up of true, library alone", library / none, "x none",
              1.10, note=f"none {us(none)}, library {us(library)}")
    bench.say("    a library that does nothing", empty / none, "x none",
              note=us(empty))
    bench.say("    by a command that decides nothing", least / none, "x none",
              note=us(least))
    bench.say("start-up of socksify true", command / none, "x none", 2.0,
              note=us(command))
    bench.say("start-up of socksify.sh true", shell / none, "x none", 3.2,
              note=us(shell))


def row_calls(bench):
    """what a call on a pipe costs more under the library"""
    def calls(library):
        words = bench.run(f"{BENCH}/calls", library=library).split()
        return [float(word) for word in words[1::2]]

    names = bench.run(f"{BENCH}/calls").split()[::2]
    none, ours = bench.in_turn(bench.times(9, 5), lambda: calls(None),
                               lambda: calls("fast"), kind=Least)
    for name, without, under in zip(names, none, ours):
        bar = 20 if name in ("read", "write", "close", "poll") else None
        bench.say(f"hook tax of {name}", under - without, "ns", bar,
                  note=f"none {without:.0f} ns, library {under:.0f} ns")


def row_bulk(bench):
    """a download over one connection"""
    far, proxy = FAR_OF["fast"], f"{PROXY_OF['fast']}:{PORT}"
    mib = 256

    def report(label, native, ours):
        """The ways are functions; native's against itself shows the noise."""
        with bench.apart():
            one, ours, two = bench.in_turn(bench.times(40, 12), native, ours,
                                           native, kind=Least)
        bench.say(f"bulk throughput, {label}", one.over(ours, 0), "x native",
                  0.98, at_least=True,
                  note=f"{mib / 1024 / (ours[0] / 1e9):.2f} GiB/s; "
                  f"native again: {one.over(two, 0):.2f} x")
        bench.say("    its client CPU per GiB", ours.over(one, 1),
                  "x native", 1.03,  # the same, but for the noise
                  note=f"{ours[1] / 1e6 / mib * 1024:.0f} ms; "
                  f"native again: {two.over(one, 1):.2f} x")

    def curl(*options, library=None):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        words = bench.run(
            "/usr/bin/curl", "-sS", "-o", "/dev/null", "-w", "%{time_total}",
            *options, f"http://{far}/{mib << 20}", library=library).split()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = (after.ru_utime + after.ru_stime -
               before.ru_utime - before.ru_stime)
        return float(words[0]) * 1e9, cpu * 1e9

    report("a client in C",
           bench.program("bulk", "-s", proxy, far, SOURCE_PORT, str(mib)),
           bench.program("bulk", far, SOURCE_PORT, str(mib), library="fast"))
    report("curl's own client",
           lambda: curl("--socks5-hostname", proxy),
           lambda: curl(library="fast"))


def row_names(bench):
    """getaddrinfo of names"""
    (fresh, known), = bench.in_turn(
        bench.times(15, 7),
        lambda: bench.numbers(f"{BENCH}/names", "5000", library="fast",
                              env={"SOCKSIFY_MAP": bench.new_map()}),
        kind=Least)
    bench.say("getaddrinfo of a known name", known / 1e3, "us", 2)
    bench.say("getaddrinfo of a new name", fresh / 1e3, "us", 6)


def dante_library():
    """The path of Dante's client library, which scripts/install-deps.sh installs."""
    found = glob.glob("/usr/lib/*/libdsocksd.so.0")
    path = os.environ.get("LIBDSOCKS") or (found[0] if found else "")
    if not os.path.exists(path):
        raise Broken("Dante's client library is not installed")
    return path


def dante_variables(bench):
    """The environment of a program under Dante's client."""
    configuration = f"{bench.network.work}/socks.conf"
    with open(configuration, "w", encoding="utf-8") as file:
        file.write(f"""route {{
  from: 0.0.0.0/0 to: {PROXY_OF['fast']}/32 via: direct
}}
route {{
  from: 0.0.0.0/0 to: 0.0.0.0/0 via: {PROXY_OF['fast']} port = {UDP_PORT}
  protocol: udp
  proxyprotocol: socks_v5
  method: none
}}
""")
    return {"LD_PRELOAD": dante_library(), "SOCKS_CONF": configuration}


# sendmmsg passes Dante's client, and of UDP_SEGMENT it does not know.
NOT_DANTES = ("mmsg", "gso")


def say_of_datagrams(bench, label, native, library, again, dante):
    """again: native once more; dante: None where it cannot do the same."""
    bench.say(f"{label}: CPU", native.over(library, 1), "x native", 0.95,
              at_least=True,
              note=f"native {us(native[1])}, library {us(library[1])}; "
              f"native again: {native.over(again, 1):.2f} x")
    bench.say("    datagrams a second", native.over(library, 0), "x native",
              0.95, at_least=True,
              note=f"library {1e6 / library[0]:.0f} thousand a second; "
              f"native again: {native.over(again, 0):.2f} x")
    if dante is None:
        return
    bench.say("    CPU against Dante's client", dante.over(library, 1),
              "x library", 10, at_least=True,
              note=f"Dante's {us(dante[1])}; native: "
              f"{dante.over(native, 1):.1f} x")
    bench.say("    datagrams a second, likewise", dante.over(library, 0),
              "x Dante's", 10, at_least=True,
              note=f"Dante's {1e6 / dante[0]:.0f} thousand a second; native: "
              f"{dante.over(native, 0):.1f} x")


def row_datagrams(bench):
    """datagrams: round trip and sending and receiving, client CPU"""
    bench.network.start("proxyhost", "udp", f"{BENCH}/udp_relay",
                        PROXY_OF["fast"], UDP_PORT)
    wait_until(f"port {UDP_PORT}", lambda: subprocess.run(
        bench.network.enter("proxyhost", "ss", "-Hltn",
                            f"sport = :{UDP_PORT}"),
        check=True, stdout=subprocess.PIPE).stdout)
    proxy = f"{PROXY_OF['fast']}:{UDP_PORT}"
    theirs = dante_variables(bench)
    ours = {**library_variables("fast"), "SOCKSIFY_PROXY": f"socks5h://{proxy}"}
    rows = [(mode, size, way) for size in ("200", "1400")
            for mode in ("trip", "one", "mmsg", "gso", "receive")
            for way in ([], ["-c"])]
    for mode, size, way in rows:
        command = [f"{BENCH}/datagrams", *way]
        rest = [mode, FAR_OF["fast"], ECHO_PORT, size]
        count = "1000" if mode == "trip" else "4096"
        fewer = "512"

        def by_itself():
            return bench.numbers(*command, "-s", proxy, *rest, count)

        ways = [by_itself,
                lambda: bench.numbers(*command, *rest, count, env=ours),
                by_itself]
        if mode not in NOT_DANTES:
            ways.append(lambda: bench.numbers(*command, *rest, fewer,
                                              env=theirs))
        with bench.apart():
            native, library, again, *dante = bench.in_turn(
                bench.times(25, 15), *ways,
                kind=Taken if mode == "trip" else Least)
        kind = "connected" if way else "unconnected"
        say_of_datagrams(bench, f"{mode}, {size} bytes, {kind}", native,
                         library, again, dante[0] if dante else None)


def row_memory(bench):
    """open proxied connections"""
    # The proxy has two descriptors for each, and may have no more than this.
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = min(bench.times(10000, 2000), limit // 2 - 50)

    def hold(library=None):
        time.sleep(0.5)  # for the servers to close what was there before
        return bench.numbers(f"{BENCH}/hold", str(count), FAR_OF["fast"],
                             ECHO_PORT, library=library)

    direct, ours = bench.in_turn(3, hold, lambda: hold("fast"))
    bench.say(f"memory of {count} connections, each",
              (ours[0] - direct[0]) / count, "bytes", 256)
    bench.say("descriptors of ours, each", ours[1] / count, "", 0)


ROWS = {
    "connects": row_connects,
    "spread": row_spread,
    "asyncio": row_asyncio,
    "round-trips": row_round_trips,
    "cpu": row_cpu,
    "start": row_start,
    "calls": row_calls,
    "bulk": row_bulk,
    "datagrams": row_datagrams,
    "names": row_names,
    "memory": row_memory,
}


def main():
    parser = argparse.ArgumentParser(prog="bench.sh")
    parser.add_argument("--quick", action="store_true",
                        help="fewer repetitions: three minutes")
    parser.add_argument("--list", action="store_true", help="name the rows")
    parser.add_argument("rows", nargs="*", metavar="ROW")
    options = parser.parse_args()
    if options.list:
        for name, row in ROWS.items():
            print(f"{name:<12} {row.__doc__}")
        return 0
    for name in options.rows:
        if name not in ROWS:
            parser.error(f"no row {name}; --list names them")
    status = 0
    # The maps are in memory, as they are where SOCKSIFY_MAP does not say otherwise.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="socksify-bench-",
                                     dir=memory) as work:
        bench = Bench(Network(work), options.quick)
        for name in options.rows or ROWS:
            try:
                ROWS[name](bench)
            except Broken as broken:
                print(f"{name}: not measured: {broken}", flush=True)
                status = 1
        print("bars: {met} met, {MISSED} missed".format(**bench.verdicts))
    return status


if __name__ == "__main__":
    sys.exit(main())
