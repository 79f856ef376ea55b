"""The servers behind registrard, started by examples/dev/stack.sh in a directory of the test run's own.

Postgres, Redis and the XMPP server may be killed, stopped (SIGSTOP), continued and started here. The XMPP server is
Prosody, or what TEST_XMPP_SERVER says (prosody, ejabberd). When REGISTRARD_XMPP_HOST is set it is somebody else's: it is
used, never touched.
"""

import os
import pathlib
import signal
import subprocess
import tempfile
import time
import urllib.parse

from harness import ports

STACK = pathlib.Path(__file__).resolve().parents[3] / "examples/dev/stack.sh"
GONE = (None, "Z", "X")  # states of a process


class Stack:
    def __init__(self, xmpp=None):
        """`xmpp`: prosody or ejabberd, whatever the environment says."""
        self.var = pathlib.Path(tempfile.mkdtemp(prefix="registrard-test-", dir="/tmp"))
        self.owns_xmpp = xmpp is not None or self.owns_xmpp_server()
        self.xmpp = (xmpp or os.environ.get("TEST_XMPP_SERVER") or "prosody") if self.owns_xmpp else None
        self.services = ["postgres", "redis"] + ([self.xmpp] if self.owns_xmpp else [])
        self.settings = {}
        self.disturbed = False  # a service was stopped or killed since restore

    @staticmethod
    def owns_xmpp_server():
        return not os.environ.get("REGISTRARD_XMPP_HOST")

    def open(self):
        self._run("up", *self.services)
        lines = self._run("settings", *self.services).splitlines()
        self.settings = dict(line.split("=", 1) for line in lines)
        if not self.owns_xmpp:
            self.settings.update((k, v) for k, v in os.environ.items() if k.startswith("REGISTRARD_XMPP_"))
            self.settings.setdefault("REGISTRARD_XMPP_PORT", "5275")

    def close(self):
        self.restore()
        self._run("discard")

    def _run(self, command, *services):
        done = subprocess.run(
            ["bash", str(STACK), command, str(self.var), *services],
            env={**os.environ, **ports.STACK, "STACK_THROWAWAY": "1"}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120, check=False,
        )
        assert done.returncode == 0, f"stack.sh {command}: {done.stderr}"
        return done.stdout

    # What the tests need to know

    @property
    def user(self):
        """The user that the servers run as; registrard runs as the same one."""
        return self.settings["STACK_USER"]

    @property
    def domain(self):
        return self.settings["REGISTRARD_XMPP_DOMAIN"]

    @property
    def component(self):
        return self.settings["REGISTRARD_XMPP_COMPONENT"]

    @property
    def components(self):
        """Names for a registrard each; the first is the one of all tests."""
        if self.owns_xmpp:
            return [self.component, *self.settings["STACK_MORE_COMPONENTS"].split(",")]
        name, rest = self.component.split(".", 1)
        return [self.component, f"{name}-2.{rest}", f"{name}-3.{rest}"]

    @property
    def component_address(self):
        return self.settings["REGISTRARD_XMPP_HOST"], int(self.settings["REGISTRARD_XMPP_PORT"])

    @property
    def api_address(self):
        """ejabberd's HTTP API; None where there is none."""
        url = self.settings.get("REGISTRARD_XMPP_API_URL")
        return (urllib.parse.urlsplit(url).hostname, urllib.parse.urlsplit(url).port) if url else None

    @property
    def client_address(self):
        """Where XMPP clients connect."""
        if self.owns_xmpp:
            return "127.0.0.1", int(self.settings["STACK_CLIENT_PORT"])
        return self.settings["REGISTRARD_XMPP_HOST"], int(os.environ.get("TEST_XMPP_CLIENT_PORT", "5222"))

    @property
    def redis_socket(self):
        return self.settings["REGISTRARD_REDIS_ADDRESS"]

    @property
    def certificate(self):
        return self.settings["REGISTRARD_HTTPS_CERTIFICATE"]

    def postgres_dsn(self, user="registrard"):
        return f"host={self.settings['STACK_SOCKETS']} dbname=registrard user={user}"

    # Faults

    def pid(self, service):
        try:
            return int((self.var / "run" / f"{service}.pid").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def kill(self, service):
        """SIGKILL, the children included; returns when all are gone."""
        self.disturbed = True
        pids = self._family(service)
        for pid in pids:
            _signal(pid, signal.SIGKILL)
        _wait_gone(pids)

    def stop(self, service):
        """SIGSTOP: it holds its connections and answers nothing."""
        self.disturbed = True
        for pid in self._family(service):
            _signal(pid, signal.SIGSTOP)

    def cont(self, service):
        for pid in self._family(service):
            _signal(pid, signal.SIGCONT)

    def start(self, service):
        """Starts it when it does not run; returns when it answers."""
        self._run("up", service)

    def as_user(self):
        """For subprocess: a program of the servers' user, whoever runs the tests."""
        return {"user": self.user, "group": self.user, "extra_groups": []} if os.geteuid() == 0 else {}

    def down(self, service):
        """An orderly end; returns when it is gone."""
        self._run("down", service)

    def restore(self):
        """Everything runs again, whatever a test did. After each test: so it looks at no process but the servers themselves."""
        self.disturbed = False
        states = {service: _state(self.pid(service)) for service in self.services}
        for service, state in states.items():
            if state == "T":
                self.cont(service)
        if any(state in GONE for state in states.values()):
            self._run("up", *self.services)

    def _family(self, service):
        """The server and its children: Postgres has one for each connection. Empty when it does not run."""
        assert service in self.services, f"{service} is not the tests' own"
        pid = self.pid(service)
        if not _alive(pid):
            return []
        return [pid] + [child for child in _processes() if _parent(child) == pid]


def _processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid):
    """State and parent of a process, or None."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, parent = text.rsplit(")", 1)[1].split()[:2]
    return state, int(parent)


def _state(pid):
    """Of a process, one letter as in proc(5); None where there is none."""
    stat = _stat(pid)
    return stat[0] if stat else None


def _alive(pid):
    return _state(pid) not in GONE


def _parent(pid):
    stat = _stat(pid)
    return stat[1] if stat else None


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _wait_gone(pids, timeout=10):
    deadline = time.monotonic() + timeout
    while any(_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still there after SIGKILL: {pids}"
        time.sleep(0.01)
