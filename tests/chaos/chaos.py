"""Faults at random under load, and whether everything that was acknowledged is there in the end.

    chaos.py [--minutes 10] [--seed N] [--clients 64] [--registrards 2]

TEST_XMPP_SERVER chooses the XMPP server: prosody (default) or ejabberd. With REGISTRARD_XMPP_HOST it is one that is not ours
(tests/e2e/harness/stack.py): only its links fail then, unless TEST_XMPP_CONTROL names a command that takes kill, start,
stop or cont. More components than REGISTRARD_XMPP_COMPONENT: TEST_XMPP_MORE_COMPONENTS, comma-separated.
"""

import argparse
import os
import pathlib
import random
import ssl
import sys
import threading
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from clients import Client  # noqa: E402
from hands import Hand003, Post  # noqa: E402
from harness.calls import DEVICE, new_name  # noqa: E402
from harness.sealed import jid_password  # noqa: E402
from harness.servers import server_of  # noqa: E402
from harness.stack import Stack  # noqa: E402
from harness.xmpp_client import XmppClients  # noqa: E402
from mailbox import Mailbox  # noqa: E402
from model import Subject  # noqa: E402
from parts import LEASE, Parts  # noqa: E402
from report import Report  # noqa: E402
from schedule import schedule  # noqa: E402
from verdict import Postgres, compare_acknowledged, compare_server  # noqa: E402
from wire import Wire  # noqa: E402

HUBS = 4
BOUND = 10  # seconds from the last recovery until everything is right
AT_MOST = 60  # seconds that are waited for it, to say how long it took
LOGINS = 16  # at once


class Run:
    """`outcome` is filled as it goes on."""

    def __init__(self, seconds, seed, clients, registrards):
        self.seconds, self.seed = seconds, seed
        self.stack = Stack()
        self.stopping = threading.Event()
        self.registrards, self.client_count = registrards, clients
        self.report = Report(seed, seconds, clients)
        self.begun = time.monotonic()

    def clock(self):
        return time.monotonic() - self.begun

    # The parts

    def open(self):
        self.stack.open()
        more = self.stack.settings.get("STACK_MORE_COMPONENTS") or os.environ.get("TEST_XMPP_MORE_COMPONENTS", "")
        names = [self.stack.component, *filter(None, more.split(","))]
        components, self.spare = names[: self.registrards], names[-1]
        assert len(components) == self.registrards, f"{self.registrards} registrards need a component each: {names}"
        self.before = self._jids()
        self.parts = Parts(self.stack, components)
        self.instances = self.parts.instances
        self.tls = ssl.create_default_context(cafile=self.stack.certificate)
        self.post = Post(Mailbox(self.stack.var / "sms.jsonl", "to", "code"),
                         Mailbox(self.stack.var / "captcha.jsonl", "id", "answer"))
        self.parts.start()
        self.hubs = [self._hub() for _ in range(HUBS)]
        self.clients = [Client(number, self, random.Random(f"client {number} {self.seed}"))
                        for number in range(self.client_count)]

    def _jids(self):
        """Those that were there before: administrators, the HTTP API's accounts."""
        server = server_of(self.stack, self.spare)
        try:
            return server.read().keys()
        finally:
            server.close()

    def _hub(self):
        """A device to which all may be bound; it was there before."""
        one = Subject(new_name("hub"), DEVICE, "device", passwords=["x"])
        wire = Wire(self.instances, self.tls, random.Random(self.seed), self.stopping, impatience=0)
        assert Hand003(wire, self.post, one.name, DEVICE).register("x") == "done"
        one.exists = True
        return one

    def close(self, keep):
        self.parts.close()
        if keep:
            self.stack.restore()
            self.stack._run("down")  # pylint: disable=protected-access  # its files stay
        else:
            self.stack.close()

    # Faults

    def fail_and_recover(self):
        """Returns when all that the schedule holds has failed and is back."""
        faults = schedule(self.seed, self.seconds, list(self.parts.processes), list(self.parts.links.addresses), LEASE)
        self.begun = time.monotonic()
        threads = [threading.Thread(target=self._one_fault, args=(fault,), daemon=True) for fault in faults]
        for fault, thread in zip(faults, threads):
            time.sleep(max(0.0, fault.at - self.clock()))
            thread.start()
        for thread in threads:
            thread.join(120)

    def _one_fault(self, fault):
        if not self.parts.claim(fault.target):
            self.report.skipped += 1
            return
        try:
            begun = self.clock()
            self.parts.fail(fault)
            time.sleep(fault.lasts)
            self.parts.recover(fault)
            self.report.fault(fault, begun, self.clock())
        except Exception:  # pylint: disable=broad-except  # whatever it is, the run has failed
            self.report.broken(f"{fault}:\n{traceback.format_exc()}")
        finally:
            self.parts.release(fault.target)

    # The end

    def settle(self):
        """Until nothing differs, or for AT_MOST. The differences that are left."""
        recovered = self.report.last_recovery()
        for client in self.clients:
            client.join(60)
            if client.is_alive():
                self.report.broken(f"{client.name} waits for ever")
            client.world.settle_ended()
        self.report.joined = self.clock() - recovered
        server = server_of(self.stack, self.spare)
        worlds = [client.world for client in self.clients]
        try:
            while True:
                postgres = Postgres(self.stack.postgres_dsn())
                found = compare_acknowledged(worlds, self.hubs, postgres)
                rosters = {jid: roster for jid, roster in server.read().items() if jid not in self.before}
                found += compare_server(postgres, self.stack.domain, rosters)
                self.report.recovery = self.clock() - recovered
                if not found or self.report.recovery > AT_MOST:
                    return found
                self.report.latest = found[0]
                time.sleep(0.1)
        finally:
            server.close()

    def last_words(self):
        """Every account is opened once more, through every dialect and as an XMPP client."""
        threads = [threading.Thread(target=self._last_words_of, args=(client,), daemon=True) for client in self.clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.report.clients_log_in(*self._log_in_all())

    def _last_words_of(self, client):
        try:
            client.last_words()
        except Exception:  # pylint: disable=broad-except
            self.report.broken(f"{client.name}, at the end:\n{traceback.format_exc()}")

    def _log_in_all(self):
        postgres = Postgres(self.stack.postgres_dsn())
        should = postgres.rosters(self.stack.domain)
        rows = [row for row in postgres.rows.values()]
        clients = XmppClients(self.stack.client_address, self.stack.certificate if self.stack.owns_xmpp else None)
        wrong = []
        try:
            for begin in range(0, len(rows), LOGINS):
                wrong += self._log_in(clients, rows[begin : begin + LOGINS], should)
        finally:
            clients.close()
        return len(rows), wrong

    def _log_in(self, clients, rows, should):
        wrong, online = [], []
        for row in rows:
            password = jid_password(self.stack.var / "secrets/seal", row.local, row.sealed)
            online.append((row, clients.connect(f"{row.local}@{self.stack.domain}", password, wait=False)))
        for row, client in online:
            try:
                client.wait_online(30)
                shown = {jid: (item["subscription"], item["name"], tuple(sorted(item["groups"])))
                         for jid, item in client.wait_fetched_roster().items()}
                if shown != should[row.local]:
                    wrong.append(f"{row.local} sees {shown}, should see {should[row.local]}")
            except AssertionError as failure:
                wrong.append(f"{row.local}: {failure}")
        clients.disconnect_all()
        return wrong


def run(seconds, seed, clients=64, registrards=2):
    """True when all is well; the figures, or what is to be known of a failure, on standard output."""
    one = Run(seconds, seed, clients, registrards)
    print(f"chaos: seed {seed}, {seconds:.0f} s, {clients} clients, {registrards} registrard(s), on "
          f"{one.stack.xmpp or 'a server that is not ours'}", flush=True)
    good = False
    try:
        one.open()
        for client in one.clients:
            client.start()
        one.fail_and_recover()
        one.stopping.set()
        one.report.differences = one.settle()
        one.last_words()
        good = one.report.conclude(one, BOUND)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        raise
    finally:
        one.stopping.set()
        one.close(keep=not good)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--registrards", type=int, default=2)
    given = parser.parse_args()
    sys.exit(0 if run(given.minutes * 60, given.seed, given.clients, given.registrards) else 1)


if __name__ == "__main__":
    main()
