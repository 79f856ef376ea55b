"""A registrard of the tests': started as the servers' user with an environment of its own, watched, ended."""

import os
import pathlib
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

from harness.log import Log
from harness.ports import free_ports

ROOT = pathlib.Path(__file__).resolve().parents[3]

# Tests hash cheaply, try again at once, come from one address, and share a machine that may be slow.
QUICK = {
    "REGISTRARD_PASSWORD_MEMORY": "64",
    "REGISTRARD_PASSWORD_PASSES": "1",
    "REGISTRARD_XMPP_BACKOFF": "50ms",
    "REGISTRARD_XMPP_BACKOFF_MAX": "500ms",
    "REGISTRARD_OUTBOX_BACKOFF": "50ms",
    "REGISTRARD_OUTBOX_BACKOFF_MAX": "500ms",
    "REGISTRARD_LIMITS_PICTURES_PER_MINUTE": "1000000",
    "REGISTRARD_BINDING_WAIT": "5s",
}
# So that a report in the log says where.
SANITIZERS = {"UBSAN_OPTIONS": "print_stacktrace=1"}
PORTS = ("http", "https", "tcp", "ops")


class Registrard:
    """One instance; several may run on one stack. The ports stay the same over restarts."""

    def __init__(self, stack, link, name="registrard", settings=None):
        """`link`: what stands in for the XMPP server's addresses, see link.py."""
        self.stack = stack
        self.name = name
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        self.log = Log(stack.var / "log" / f"{name}.log")
        self.settings = {k: v for k, v in stack.settings.items() if k.startswith("REGISTRARD_")}
        self.settings.update(QUICK, **link)
        if stack.settings.get("REGISTRARD_XMPP_TLS") == "true":
            self.settings.setdefault("REGISTRARD_XMPP_TLS_NAME", stack.settings["REGISTRARD_XMPP_HOST"])
        self.settings.update({f"REGISTRARD_{port.upper()}_PORT": str(number) for port, number in self.ports.items()})
        self.settings.update(settings or {})
        self.changed = {}
        self.process = None
        self.binary = self._install()

    def _install(self):
        """A copy where the servers' user can reach it, wherever the tree lies."""
        source = os.environ.get("REGISTRARD_BIN", str(ROOT / "build/release/registrard"))
        copy = self.stack.var / "bin" / self.name
        shutil.copyfile(source, copy)
        copy.chmod(0o755)
        return copy

    @property
    def https(self):
        return f"https://localhost:{self.ports['https']}"

    @property
    def http(self):
        return f"http://127.0.0.1:{self.ports['http']}"

    @property
    def ops(self):
        return f"http://127.0.0.1:{self.ports['ops']}"

    @property
    def pid(self):
        return self.process.pid

    def environment(self, changed=None):
        """The whole environment of the process: REGISTRARD_* of the caller's, such as REGISTRARD_BIN, are not passed on."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("REGISTRARD_", "TEST_"))}
        settings = {**self.settings, **(changed or {})}
        return {**SANITIZERS, **clean, **{k: v for k, v in settings.items() if v is not None}}

    def start(self, changed=None, wait=True):
        """`changed`: settings for this life only; None takes one away."""
        assert not self.running()
        self.changed = dict(changed or {})
        with open(self.log.path, "ab") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [str(self.binary)], env=self.environment(self.changed), cwd=self.stack.var, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True, **self.stack.as_user(),
            )
        if wait:
            self.wait_ready()

    def command(self, *arguments, changed=None, timeout=20):
        """Runs `registrard arguments…` to its end; for --migrate, --check-config and their like."""
        return subprocess.run(
            [str(self.binary), *arguments], env=self.environment(changed), cwd=self.stack.var, capture_output=True,
            stdin=subprocess.DEVNULL, text=True, timeout=timeout, check=False, **self.stack.as_user(),
        )

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self, number=signal.SIGKILL):
        """Sends a signal; for SIGKILL returns when the process is gone."""
        os.kill(self.process.pid, number)
        if number == signal.SIGKILL:
            self.process.wait(10)

    def stop(self, timeout=10):
        """SIGTERM; must end with 0."""
        if not self.running():
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not end within {timeout} s of SIGTERM") from None
        assert status == 0, f"{self.name} ended with {status} after SIGTERM:\n{self.tail()}"

    def restart(self, changed=None, wait=True):
        self.stop()
        self.start(changed, wait)

    def restore(self, anew=False):
        """Runs with the common settings again, whatever a test did."""
        if self.running() and not self.changed and not anew:
            self.process.send_signal(signal.SIGCONT)
            self.wait_ready()
        else:
            self.restart()

    # The ops port

    def get_ops(self, path, timeout=5):
        """Status and text; status None when nothing answers."""
        try:
            with urllib.request.urlopen(self.ops + path, timeout=timeout) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return None, ""

    def wait_ready(self, path="/readyz", timeout=30):
        deadline = time.monotonic() + timeout
        while True:
            status, text = self.get_ops(path)
            if status == 200:
                return
            assert self.process.poll() is None, f"{self.name} ended with {self.process.poll()}:\n{self.tail()}"
            assert time.monotonic() < deadline, f"{self.name} is not ready: {text}\n{self.tail()}"
            time.sleep(0.02)

    def wait_not_ready(self, timeout=10):
        """What was taken away is missed; before it is given back, or what is ready might be so from before."""
        deadline = time.monotonic() + timeout
        while self.get_ops("/readyz")[0] == 200:
            assert time.monotonic() < deadline, f"{self.name} is ready still\n{self.tail()}"
            time.sleep(0.02)

    def metrics(self):
        """Name with labels, as it stands on /metrics, to value."""
        status, text = self.get_ops("/metrics")
        assert status == 200
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def tail(self, count=30):
        return "\n".join(self.log.lines()[-count:])
