"""What a run has to say: figures, and on failure all that is needed to look into it."""

import collections
import threading

DRIFT = ("vanished", "risen", "missing", "subscription", "name", "left_over")
IDLE = ("login", "enter", "enter at the end", "list", "check", "check ended")  # nothing is changed by these
LINES = 40  # of the log, of one account


class Report:
    def __init__(self, seed, seconds, clients):
        self.seed, self.seconds, self.clients = seed, seconds, clients
        self.lock = threading.Lock()
        self.faults = []  # (fault, when it began, when it was over)
        self.skipped = 0  # faults of what had not come back from the one before
        self.failures = []
        self.differences = []
        self.recovery = 0.0  # seconds after the last recovery
        self.joined = 0.0  # likewise, until the last request was answered
        self.latest = None  # the difference that was mended last
        self.logged_in = 0

    def fault(self, fault, begun, over):
        with self.lock:
            self.faults.append((fault, begun, over))

    def broken(self, text):
        with self.lock:
            self.failures.append(text)

    def last_recovery(self):
        with self.lock:
            return max((over for _, _, over in self.faults), default=0.0)

    def clients_log_in(self, count, wrong):
        self.logged_in = count
        for text in wrong:
            self.broken("as an XMPP client: " + text)

    def conclude(self, run, bound):
        for client in run.clients:
            for text in client.violations:
                self.broken(text)
        for one in run.instances:
            for line in one.registrard.log.complaints(expected=("level=error",)):
                self.broken(f"{one.name} said: {line}")
            for text in one.unasked:
                self.broken(text)
        if self.recovery > bound and not self.differences:
            self.broken(f"right only {self.recovery:.1f} s after the last recovery")
        self._figures(run)
        if not self.failures and not self.differences:
            print("chaos: 0 lost, 0 extra, 0 one-sided")
            return True
        self._failure(run)
        return False

    def _figures(self, run):
        counts = sum((client.counts for client in run.clients), collections.Counter())
        print("\noperations by dialect and outcome")
        by_operation = {}
        for (kind, what, answer), number in sorted(counts.items()):
            if number:
                by_operation.setdefault((kind, what), []).append(f"{answer} {number}")
        for (kind, what), answers in by_operation.items():
            print(f"  {kind:7} {what:18} {', '.join(answers)}")
        print("changes acknowledged, by dialect: " + ", ".join(f"{kind} {n}" for kind, n in _acknowledged(counts).items()))
        known = collections.Counter(str(one.exists) for client in run.clients for one in client.world.subjects)
        bound = collections.Counter(str(state) for client in run.clients for state in client.world.bound.values())
        print(f"accounts at the end: there {known['True']}, not there {known['False']}, never answered {known['None']}; "
              f"bindings: {bound['True']}, ended {bound['False']}, never answered {bound['None']}")
        print("faults by target and kind")
        kinds = collections.Counter((fault.target, fault.kind) for fault, _, _ in self.faults)
        for target in sorted({target for target, _ in kinds}):
            print(f"  {target:22} " + ", ".join(f"{kind} {n}" for (where, kind), n in sorted(kinds.items()) if where == target))
        if self.skipped:
            print(f"  left out, because it was not back from the one before: {self.skipped}")
        print(f"errors logged: " + (", ".join(f"{event} {n}" for event, n in _errors(run).items()) or "none"))
        drift = _drift(run)
        print("accounts that differed from the server and were mended: " +
              (", ".join(f"{kind} {n}" for kind, n in drift.items()) or "none"))
        print(f"requests that acted: {_acted(counts)}; faults: {len(self.faults)}; {self.logged_in} JIDs logged in\n"
              f"after the last recovery all requests were answered in {self.joined:.1f} s, and everything was right in "
              f"{self.recovery:.1f} s" + (f" (last: {self.latest.kind}, {self.latest.text})" if self.latest else ""),
              flush=True)

    def _failure(self, run):
        kinds = collections.Counter(one.kind for one in self.differences)
        print(f"\nchaos FAILED, seed {self.seed}: " + (", ".join(f"{n} {kind}" for kind, n in kinds.items()) or "see below"))
        for text in self.failures[:20]:
            print(text)
        if len(self.failures) > 20:
            print(f"... and {len(self.failures) - 20} more")
        for one in self.differences[:10]:
            print(f"\n{one.kind}: {one.text}")
            for subject in filter(None, one.subjects):
                print(f"  {subject}, exists {subject.exists}:\n    " + "\n    ".join(subject.history[-15:]))
            self._log_of(run, one)
        print("faults:")
        for fault, begun, over in sorted(self.faults, key=lambda entry: entry[1])[-30:]:
            print(f"  {begun:8.3f} to {over:8.3f} {fault.target}: {fault.kind}")
        print(f"logs and data are kept in {run.stack.var}", flush=True)

    @staticmethod
    def _log_of(run, difference):
        words = [f"account={number}" for number in difference_ids(run, difference)]
        words += [f"low={number} " for number in difference_ids(run, difference)]
        for one in run.instances:
            lines = [line for line in one.registrard.log.lines() if any(word in line + " " for word in words)]
            for line in lines[-LINES:]:
                print(f"  {one.name}: {line}")


def difference_ids(run, difference):
    """The accounts' numbers, those of ended ones as well."""
    import psycopg2  # pylint: disable=import-outside-toplevel

    names = [subject.stored_name for subject in difference.subjects if subject]
    with psycopg2.connect(run.stack.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("select id from accounts where name = any(%s) or jid_local = any(%s)", (names, list(difference.jids)))
        return [row[0] for row in cursor.fetchall()]


def _errors(run):
    events = collections.Counter()
    for one in run.instances:
        for line in one.registrard.log.lines():
            if "level=error" in line:
                events[line.partition("event=")[2].partition(" ")[0]] += 1
    return events


def _drift(run):
    """What the comparisons found, accounts by kind (docs/reconcile.md)."""
    kinds = collections.Counter()
    for one in run.instances:
        for found in one.registrard.log.events("account_drifted"):
            kinds.update(kind for kind in DRIFT if int(found[kind]) > 0)
    return kinds


def _acknowledged(counts):
    found = collections.Counter()
    for (kind, what, answer), number in sorted(counts.items()):
        if answer in ("done", "0") and what not in IDLE:
            found[kind if kind.isdigit() else "003"] += number
    return found


def _acted(counts):
    return sum(number for (_, what, _), number in counts.items() if what not in IDLE)
