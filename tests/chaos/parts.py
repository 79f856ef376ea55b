"""The parts of a run, and how each fails and comes back: registrards, Postgres, Redis, the XMPP server, and the links."""

import collections
import os
import shlex
import signal
import subprocess
import threading
import time

from harness import link
from harness.outage import SHORT
from harness.process import Registrard
from links import Links
from schedule import KILLED

LEASE = 3  # seconds; outbox.lease
SETTINGS = {
    **SHORT,
    "REGISTRARD_OUTBOX_LEASE": f"{LEASE}s",
    "REGISTRARD_ROSTER_GROUPS_PHONE": "Phones",
    "REGISTRARD_ROSTER_GROUPS_DEVICE": "Things, At home",
    # Clients ask again and again, and a few hundred accounts live a life in a minute.
    **{f"REGISTRARD_LIMITS_{name}": "1000000" for name in (
        "REGISTRATIONS_PER_HOUR", "LOGINS_PER_MINUTE", "LOGINS_PER_NAME_PER_MINUTE", "CODES_PER_PHONE_MINUTE",
        "CODES_PER_ADDRESS_MINUTE", "CODES_PER_HANDLE_MINUTE", "CODES_PER_COUNTRY_MINUTE", "LOOKUPS_PER_MINUTE",
        "NICKNAMES_PER_HOUR")},
}

# What a killed server has forgotten is a moment's work, but here that is a large part of all accounts. Prosody forgets nothing.
FORGETFUL = {"REGISTRARD_RECONCILE_BRAKE_ACCOUNTS": "100000"}


class Instance:
    """One registrard, started again whenever it ends, unless a fault holds it down."""

    def __init__(self, stack, links, number, component):
        self.name = f"registrard-{number}"
        settings = {
            **SETTINGS,
            **({} if stack.xmpp == "prosody" else FORGETFUL),
            "REGISTRARD_XMPP_COMPONENT": component,
            "REGISTRARD_POSTGRES_URL": "host={} port={} dbname=registrard user=registrard".format(
                *links.addresses[f"{self.name} postgres"]),
            "REGISTRARD_REDIS_ADDRESS": "{}:{}".format(*links.addresses[f"{self.name} redis"]),
        }
        way = link.settings(links.addresses[f"{self.name} xmpp"], links.addresses.get(f"{self.name} api"))
        self.registrard = Registrard(stack, way, self.name, settings)
        self.ports = self.registrard.ports
        self.lock = threading.Lock()
        self.held = False
        self.life = 0
        self.begun = self.stopped_at = self.stopped_for = 0.0
        self.unasked = []  # exits that no fault asked for
        self.ending = threading.Event()

    def start(self):
        with self.lock:
            self.held = False
            self.life += 1
            self.begun, self.stopped_at, self.stopped_for = time.monotonic(), None, 0.0
            self.registrard.start(wait=False)

    def watch(self):
        threading.Thread(target=self._watch, daemon=True, name=f"watch {self.name}").start()

    def _watch(self):
        while not self.ending.wait(0.2):
            with self.lock:
                ended = not self.held and not self.registrard.running()
            if ended:
                self.unasked.append(f"{self.name} ended with {self.registrard.process.returncode}")
                self.start()

    def kill(self):
        with self.lock:
            self.held = True
            self.registrard.kill()
            self.life += 1

    def stop(self):
        with self.lock:
            self.stopped_at = time.monotonic()
            os.kill(self.registrard.pid, signal.SIGSTOP)

    def cont(self):
        with self.lock:
            os.kill(self.registrard.pid, signal.SIGCONT)
            self.stopped_for += time.monotonic() - self.stopped_at
            self.stopped_at = None

    # For who hung up

    def moment(self):
        """A point in the life of the process."""
        with self.lock:
            return self.life, self._ran()

    def _ran(self):
        now = self.stopped_at if self.stopped_at is not None else time.monotonic()
        return now - self.begun - self.stopped_for

    def wait_outlived(self, moment, seconds, stopping):
        """Until the process is another one, or has run for so long since, or the run is over."""
        while not stopping.wait(0.05):
            life, ran = self.moment()
            if life != moment[0] or ran > moment[1] + seconds:
                return

    def end(self):
        self.ending.set()
        self.registrard.stop()


class Service:
    """Postgres, Redis, or the XMPP server, of the run's own stack."""

    def __init__(self, stack, name):
        self.stack, self.name = stack, name

    def kill(self):
        self.stack.kill(self.name)

    def start(self):
        self.stack.start(self.name)

    def stop(self):
        self.stack.stop(self.name)

    def cont(self):
        self.stack.cont(self.name)


class Foreign:
    """An XMPP server that is not ours, which TEST_XMPP_CONTROL kills, stops, conts and starts: a command that gets one of these
    words, and returns from `start` when the server answers."""

    name = "xmpp server"

    def __init__(self, command):
        self.command = shlex.split(command)

    def _do(self, what):
        subprocess.run([*self.command, what], check=True, stdin=subprocess.DEVNULL, timeout=120)

    def kill(self):
        self._do("kill")

    def start(self):
        self._do("start")

    def stop(self):
        self._do("stop")

    def cont(self):
        self._do("cont")


class Parts:
    """`stack` is open. Each registrard has links and a component of its own."""

    def __init__(self, stack, components):
        self.stack = stack
        targets = {}
        for number in range(1, len(components) + 1):
            targets[f"registrard-{number} postgres"] = stack.settings["STACK_SOCKETS"] + "/.s.PGSQL.5432"
            targets[f"registrard-{number} redis"] = stack.redis_socket
            targets[f"registrard-{number} xmpp"] = stack.component_address
            if stack.api_address:
                targets[f"registrard-{number} api"] = stack.api_address
        self.links = Links(targets)
        self.instances = [Instance(stack, self.links, *pair) for pair in enumerate(components, 1)]
        self.failing = collections.defaultdict(threading.Lock)
        self.processes = {one.name: one for one in self.instances}
        self.processes.update({name: Service(stack, name) for name in stack.services})
        if not stack.owns_xmpp and os.environ.get("TEST_XMPP_CONTROL"):
            self.processes[Foreign.name] = Foreign(os.environ["TEST_XMPP_CONTROL"])

    def start(self):
        for one in self.instances:
            one.start()
        for one in self.instances:
            one.registrard.wait_ready()
            one.watch()

    def claim(self, target):
        """False: it has not come back from its last fault. A server that starts slowly takes longer than the schedule knows."""
        return self.failing[target].acquire(blocking=False)

    def release(self, target):
        self.failing[target].release()

    def fail(self, fault):
        if fault.target in self.processes:
            part = self.processes[fault.target]
            part.kill() if fault.kind == KILLED else part.stop()
        else:
            self.links.fail(fault.target, fault.kind)

    def recover(self, fault):
        if fault.target in self.processes:
            part = self.processes[fault.target]
            part.start() if fault.kind == KILLED else part.cont()
        else:
            self.links.heal(fault.target)

    def close(self):
        for one in self.instances:
            one.end()
        self.links.close()
