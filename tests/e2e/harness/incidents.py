"""What trouble with the XMPP server may cost: one line in the log, bounded memory, and nothing when it is over."""

import re
import time

from harness.calls import DEVICE, PHONE
from harness.d003 import code, metric, wait_until
from harness.log import parse
from harness.outage import RECOVERY, SHORT

# Links that last longer than BACKOFF_MAX are good, so that the next trouble is another one. Nothing is asked of the
# server but what the tests bring about: no accounts are compared. What was freed does not stay in AddressSanitizer's
# quarantine.
BACKOFF_MAX = 0.1
HOSTILE = {
    **SHORT,
    "REGISTRARD_XMPP_PING_INTERVAL": "1s",
    "REGISTRARD_XMPP_BACKOFF": "40ms",
    "REGISTRARD_XMPP_BACKOFF_MAX": f"{BACKOFF_MAX * 1000:.0f}ms",
    "REGISTRARD_RECONCILE_RECHECK": "0ms",
    "REGISTRARD_RECONCILE_PER_SECOND": "0",
    "ASAN_OPTIONS": "quarantine_size_mb=4:thread_local_quarantine_size_kb=64",
}
MEMORY = 64 * 1024  # KiB that no trouble may take


class Incident:
    def __init__(self, server):
        self.server = server
        self.mark = server.log.mark()
        self.pid = server.pid
        self.memory = self._status("VmRSS")
        self.before = server.metrics()

    def complaints(self):
        """Warnings and errors since, each as a dict of its fields."""
        return [line for line in map(parse, self.server.log.lines(self.mark)) if line.get("level") in ("warn", "error")]

    def events(self, name):
        return self.server.log.events(name, self.mark)

    def grown(self, name, **labels):
        """By how much a counter has grown."""
        label = ",".join(f'{key}="{value}"' for key, value in labels.items())
        full = f"registrar_{name}" + (f"{{{label}}}" if label else "")
        return metric(self.server, name, **labels) - self.before.get(full, 0)

    def wait_grown(self, name, by=1, timeout=RECOVERY, **labels):
        wait_until(lambda: self.grown(name, **labels) >= by, timeout, f"{name} {labels} to grow by {by}")

    def said_once(self, event, **fields):
        """One complaint, and it is this one."""
        complaints = self.complaints()
        assert [one["event"] for one in complaints] == [event], complaints
        for name, text in fields.items():
            assert re.fullmatch(text, complaints[0][name]), complaints

    def said_nothing(self):
        assert not self.complaints(), self.complaints()

    def survived(self):
        """The same process, alive, and not larger than it may be, not even for a moment."""
        assert self.server.pid == self.pid and self.server.running()
        status, text = self.server.get_ops("/livez")
        assert status == 200, text
        peak = self._status("VmHWM")
        assert peak - self.memory < MEMORY, f"{self.memory} KiB grew to {peak}"

    def _status(self, name):
        with open(f"/proc/{self.server.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))


def works(server, calls, truth, patience=RECOVERY):
    """Ready by itself; people register and bind; nothing is left half-made. It takes longer than a link needs to be
    good."""
    server.wait_ready(timeout=patience)
    begun = time.monotonic()
    phone = calls.new_account(PHONE)
    while True:
        lamp = calls.new_account(DEVICE)
        assert code(calls.bind(phone, [lamp.name])) == 0
        if time.monotonic() > begun + 2 * BACKOFF_MAX:
            break
    truth.settle(patience)
