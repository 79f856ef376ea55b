"""make bench: registrard beside what the machine and the XMPP server give by themselves; writes docs/benchmarks.md.

Everything runs on this machine over loopback, load generator included, on servers of its own: Postgres, Redis and
Prosody from examples/dev/stack.sh, or the XMPP server that REGISTRARD_XMPP_HOST names (plain component port). Absolute
figures wander with the machine, so each measurement stands right beside its baseline in the same round, a share is
taken in each round, and the median of the rounds is what is shown.
"""

import argparse
import contextlib
import pathlib
import statistics
import sys
import tempfile
import time

import latency_report
import phone_codes
import phone_logins
import report
import traffic
from harness.http_client import Http
from parts import DurableStack, Others, Programs, new_registrard, resident_mib

ACCOUNTS = 150  # that are bound to each other
CLIENTS = 32  # that register, log in, bind at once
CHECKERS = 32  # that check tokens over keep-alive connections
PIPELINE = 16  # lines that a TCP client sends ahead
TOKENS = 16
IDLE_CLIENTS = 1000
CROWDED_ROUNDS = 3


class Bench:
    def __init__(self, stack, server, programs, seconds):
        self.stack = stack
        self.server = server
        self.programs = programs
        self.seconds = seconds
        self.xmpp_server = {}  # what registrard found it to be
        self.figures = {}  # name: a list, one value a round
        self.took_s = 0
        self.others = 0  # what other programs used of the machine meanwhile, as a share of it
        self.people = None  # who log in through the dialects of phones
        self.locals = []  # accounts that were made on the XMPP server behind registrard's back

    def note(self, name, value):
        self.figures.setdefault(name, []).append(value)
        print(f"  {name:40} {value:12,.2f}", flush=True)

    def share(self, name, value, baseline):
        self.note(name, value / baseline)

    def median(self, name):
        return statistics.median(self.figures[name])

    # The XMPP server by itself; registrard is down, because a component's domain has one connection

    def component(self, work, names, *options):
        done = self.programs.run("baseline_component", "-t", self.seconds, *options, self.xmpp_server["driver"], work,
                                 self.programs.file(names))
        if done["failed"]:
            print(f"  baseline_component {work}: {done['failed']} failed")
        return done

    def xmpp_baseline(self):
        names = traffic.device_names(5000)
        added = self.component("add", names)
        self.locals += names[:added["begun"]]
        self.note("JIDs made by a plain component", added["per_second"])
        bound = self.component("bind", names[:min(ACCOUNTS, added["begun"])])
        self.note("bindings made by a plain component", bound["per_second"])
        return added["per_second"], bound["per_second"]

    # registrard

    def load(self, path_port, lines, *options):
        protocol, port = path_port
        done = self.programs.load(protocol, port, lines, "-t", self.seconds, *options)
        if done["wrong"]:
            print(f"  load {protocol}: {done['wrong']} wrong answers")
        return done

    def registrations(self, jids_per_second):
        """Returns the names that were registered."""
        hashes = self.programs.argon2(self.seconds)
        self.note("argon2id hashes", hashes)
        names = traffic.device_names(int(60 * (self.seconds + 1) + 400))
        done = self.load(("http", self.server.ports["http"]), traffic.registrations(names), "-o", "-c", CLIENTS,
                         "-w", 1, "-e", '"result":0')
        self.note("registrations", done["per_second"])
        self.note("registrations, p99 ms", done["p99_ms"])
        self.share("registrations: share", done["per_second"], 1 / (1 / hashes + 1 / jids_per_second))
        return names[:done["right"]]

    def bindings(self, names, bound_per_second):
        most = int(2000 * (self.seconds + 1))
        done = self.load(("http", self.server.ports["http"]), traffic.bindings(names[:ACCOUNTS], most), "-o",
                         "-c", CLIENTS, "-e", '"state":"bound"')
        self.note("bindings", done["per_second"])
        self.note("bindings, p99 ms", done["p99_ms"])
        self.share("bindings: share", done["per_second"], bound_per_second)

    def logins(self, names):
        """Between two measurements of the machine."""
        before = self.programs.argon2(self.seconds)
        done = self.load(("http", self.server.ports["http"]), traffic.logins(names), "-c", CLIENTS,
                         "-e", '"result":0')
        hashes = (before + self.programs.argon2(self.seconds)) / 2
        self.note("argon2id hashes", hashes)
        self.note("logins", done["per_second"])
        self.note("logins, p99 ms", done["p99_ms"])
        self.share("logins: share", done["per_second"], hashes)

    def hello(self, protocol):
        certificate = [self.stack.certificate, self.stack.settings["REGISTRARD_HTTPS_KEY"]]
        with self.programs.serve("baseline_hello", *(certificate if protocol == "https" else [])) as hello:
            done = self.load((protocol, hello.said["port"]), ["GET /"], "-c", CHECKERS)
        self.note(f"libmicrohttpd hello, {protocol}", done["per_second"])
        return done["per_second"]

    def checks(self, tokens):
        right = ["-c", CHECKERS, "-e", '"validate":true']
        hello = self.hello("http")
        done = self.load(("lines", self.server.ports["tcp"]), traffic.check_lines(tokens), *right, "-d", PIPELINE)
        self.note("token checks, TCP, pipelined", done["per_second"])
        self.share("token checks, TCP, pipelined: share", done["per_second"], hello)
        done = self.load(("lines", self.server.ports["tcp"]), traffic.check_lines(tokens), *right)
        self.note("token checks, TCP", done["per_second"])
        self.note("token checks, TCP, p99 ms", done["p99_ms"])
        self.share("token checks, TCP: share", done["per_second"], hello)
        hello = self.hello("https")
        done = self.load(("https", self.server.ports["https"]), traffic.checks(tokens), *right)
        self.note("token checks, HTTPS", done["per_second"])
        self.note("token checks, HTTPS, p99 ms", done["p99_ms"])
        self.share("token checks, HTTPS: share", done["per_second"], hello)

    def tokens(self, names):
        http = Http(self.server.ports, self.stack.certificate, plain=True)
        forms = [{"user_name": name, "password": traffic.PASSWORD, "type": traffic.DEVICE} for name in names[:TOKENS]]
        return [http.post("/login", form).json["access_token"] for form in forms]

    # Memory

    def idle_memory(self):
        """Of a fresh registrard that has proved its link."""
        self.server.start()
        self.xmpp_server = self.server.log.events("xmpp_server")[-1]
        time.sleep(2)
        self.note("memory, idle", resident_mib(self.server.pid)[0])
        self.server.stop()

    def connected_memory(self, tokens):
        """Of one that has done all of the above."""
        requests = self.programs.file(traffic.checks(tokens))
        self.note("memory, after the load", resident_mib(self.server.pid)[0])
        with self.programs.serve("load", "-k", "-w", 0, "-t", 2, "-c", IDLE_CLIENTS, "-e", '"validate":true', "https",
                                 self.server.ports["https"], requests):
            rest, argon2 = resident_mib(self.server.pid)
        self.note("memory, 1,000 HTTPS clients", rest)
        self.note("memory of argon2 beside it", argon2)

    # All of it

    def start(self):
        """What was done lately is compared at each start (reconcile.recheck), which is over before anything is measured."""
        self.server.start()
        deadline = time.monotonic() + 60
        while rows(self.stack, "select low from outbox"):
            if time.monotonic() > deadline:
                sys.exit("the outbox is not empty")
            time.sleep(0.1)

    def round(self, last):
        jids, bound = self.xmpp_baseline()
        self.start()
        names = self.registrations(jids)
        self.bindings(names, bound)
        self.logins(names)
        self.people = self.people or phone_logins.people(self)
        phone_logins.measure(self, self.people)
        phone_codes.measure(self, "codes")
        tokens = self.tokens(names)
        self.checks(tokens)
        if last:
            self.connected_memory(tokens)
        self.server.stop()

    def crowded(self):
        """Codes again, after many numbers have been asked for."""
        self.start()
        phone_codes.crowd(self)
        for _ in range(CROWDED_ROUNDS):
            phone_codes.measure(self, "codes after 1,000,000")
        self.server.stop()

    def leave(self):
        """A server that is not ours gets rid of what was made on it."""
        if self.stack.owns_xmpp or not self.xmpp_server:
            return
        print("removing the accounts", flush=True)
        self.component("delete", self.locals + rows(self.stack, "select jid_local from accounts"), "-w", 0, "-t", 60)


def rows(stack, query):
    """The first column."""
    import psycopg2  # pylint: disable=import-outside-toplevel

    with contextlib.closing(psycopg2.connect(stack.postgres_dsn())) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return [row[0] for row in cursor.fetchall()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", help="the folder of the C programs")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each measurement")
    parser.add_argument("--report", help="docs/benchmarks.md, or with the server's name in it when it is not our own")
    options = parser.parse_args()
    stack = DurableStack()
    try:
        stack.open()
        began, others = time.monotonic(), Others(stack)
        with tempfile.TemporaryDirectory() as scratch:
            programs = Programs(options.programs, pathlib.Path(scratch), stack.xmpp_environment())
            bench = Bench(stack, new_registrard(stack), programs, options.seconds)
            try:
                bench.idle_memory()
                for number in range(options.rounds):
                    print(f"round {number + 1} of {options.rounds}", flush=True)
                    bench.round(number == options.rounds - 1)
                print("after 1,000,000 numbers", flush=True)
                bench.crowded()
                bench.took_s, bench.others = time.monotonic() - began, others.share()
            finally:
                bench.server.stop()
                bench.leave()
    finally:
        stack.close()
    suffix = "" if stack.owns_xmpp else "-" + bench.xmpp_server["driver"]
    path = pathlib.Path(options.report or pathlib.Path(__file__).resolve().parents[2] / f"docs/benchmarks{suffix}.md")
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(report.document(bench, options, latency_report.kept(before)), encoding="utf-8")
    print(report.table(bench))


if __name__ == "__main__":
    main()
