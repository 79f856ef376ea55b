"""What a benchmark is made of: the servers, registrard, and the C programs beside this file."""

import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness.link import direct  # noqa: E402  pylint: disable=wrong-import-position
from harness.process import Registrard  # noqa: E402  pylint: disable=wrong-import-position
from harness.stack import STACK, Stack  # noqa: E402  pylint: disable=wrong-import-position

APP_SECRETS = {"bench": "7f3e19ad5b6c4280", "backend": "c05d8e7712ab46f9"}

# The production cost of a password (docs/configuration.md), and nothing that holds a load back.
SETTINGS = {
    "REGISTRARD_PASSWORD_MEMORY": "19456",
    "REGISTRARD_PASSWORD_PASSES": "2",
    "REGISTRARD_LIMITS_ENABLED": "false",
    "REGISTRARD_D003_APP_SECRETS": f"bench:{APP_SECRETS['bench']}",
    "REGISTRARD_D003_BACKEND_SECRETS": f"backend:{APP_SECRETS['backend']}",
}
ARGON2_KIB = int(SETTINGS["REGISTRARD_PASSWORD_MEMORY"])


class DurableStack(Stack):
    """As the tests have it, but Postgres writes through to the disk."""

    def _run(self, command, *services):
        done = subprocess.run(
            ["bash", str(STACK), command, str(self.var), *services], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=120, check=False,
        )
        if done.returncode != 0:
            sys.exit(f"stack.sh {command}: {done.stderr}")
        return done.stdout

    def family(self, service):
        return self._family(service)

    def xmpp_environment(self):
        """Where the XMPP server is, for baseline_component."""
        settings = {k: v for k, v in self.settings.items() if k.startswith("REGISTRARD_XMPP_")}
        if settings.get("REGISTRARD_XMPP_TLS") == "true":
            sys.exit("the baseline speaks plain XEP-0114 only: name the server's plain component port")
        if "REGISTRARD_XMPP_SECRET" not in settings:
            secret = pathlib.Path(settings["REGISTRARD_XMPP_SECRET_FILE"]).read_text(encoding="utf-8")
            settings["REGISTRARD_XMPP_SECRET"] = secret.removesuffix("\n")
        return {**os.environ, **settings}


def new_registrard(stack):
    return Registrard(stack, direct(stack), name="bench", settings=SETTINGS)


class Programs:
    """The C programs; each call runs one and returns the JSON object that it prints."""

    def __init__(self, folder, scratch, environment):
        self.folder = pathlib.Path(folder)
        self.scratch = scratch
        self.environment = environment
        self.written = 0

    def file(self, lines):
        """A file of these lines."""
        self.written += 1
        path = self.scratch / f"lines-{self.written}"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return str(path)

    def run(self, name, *arguments):
        command = [str(self.folder / name), *map(str, arguments)]
        done = subprocess.run(
            command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
            check=False,
        )
        if done.returncode != 0 or done.stderr:
            print(f"{name} {' '.join(command[1:])}: {done.stderr}", file=sys.stderr)
        if done.returncode != 0:
            sys.exit(1)
        return json.loads(done.stdout)

    def load(self, protocol, port, lines, *options):
        return self.run("load", *options, protocol, port, self.file(lines))

    def argon2(self, seconds):
        """Hashes per second on all cores."""
        return self.run("baseline_argon2", seconds)["per_second"]

    def serve(self, name, *arguments):
        return Serving([str(self.folder / name), *map(str, arguments)])


class Serving:
    """A program that prints one object and goes on until its standard input ends: for `with`."""

    def __init__(self, command):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{command[0]} ended")
        self.said = json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(20)


class Others:
    """How much of the machine is used by programs that are not the benchmark's: then its figures are worth less."""

    def __init__(self, stack):
        self.stack = stack
        self.began = self._now()

    def _now(self):
        """All that the machine has had, all that it did, and what of this was ours; in ticks."""
        fields = [int(n) for n in pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
        ours = sum(os.times()[:4]) * os.sysconf("SC_CLK_TCK")
        ours += sum(_ticks(pid) for service in self.stack.services for pid in self.stack.family(service))
        return sum(fields), sum(fields) - fields[3] - fields[4], ours

    def share(self):
        """Since the start, of all cores."""
        whole, busy, ours = (now - then for now, then in zip(self._now(), self.began))
        return max(0, busy - ours) / whole


def _ticks(pid):
    """Of a process and of its children that have ended."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return sum(int(field) for field in stat.rsplit(")", 1)[1].split()[11:15])


def resident_mib(pid):
    """Memory in RAM without what argon2 works in: (without, argon2's)."""
    total = argon2 = size = resident = 0
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text(encoding="ascii", errors="replace").splitlines():
        if match := re.match(r"(Size|Rss): +(\d+) kB", line):
            if match[1] == "Size":
                size = int(match[2])
            else:
                resident = int(match[2])
                total += resident
        elif line.startswith("VmFlags:") and " dd" in line and size % ARGON2_KIB == 0:
            argon2 += resident  # what hashers map is kept out of core dumps, and of this size
    return (total - argon2) / 1024, argon2 / 1024
