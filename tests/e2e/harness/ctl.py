"""registrarctl as an administrator uses it: on the same machine, with the configuration of a registrard."""

import os
import pathlib
import shutil
import subprocess

from harness.log import parse

DONE, CONFIGURATION, USAGE, NOT_FOUND, PENDING, REFUSED, FAILED = 0, 1, 2, 3, 4, 5, 7


class Answer:
    def __init__(self, done):
        self.status = done.returncode
        self.text = done.stdout
        self.errors = done.stderr
        self.facts = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)

    def audit(self):
        """The fields of the audit's lines."""
        return [fields for fields in map(parse, self.errors.splitlines()) if fields.get("event") == "audit"]

    def __repr__(self):
        return f"status {self.status}\n{self.text}{self.errors}"


class Ctl:
    """`run` gives what came of a command line; the methods expect that it was done."""

    def __init__(self, server):
        self.server = server
        source = pathlib.Path(os.environ.get("REGISTRARD_BIN", "build/release/registrard")).with_name("registrarctl")
        self.binary = server.stack.var / "bin" / "registrarctl"
        if not self.binary.exists():
            shutil.copyfile(source, self.binary)
            self.binary.chmod(0o755)

    def run(self, *words, changed=None, timeout=60):
        return Answer(subprocess.run(
            [str(self.binary), *map(str, words)], env=self.server.environment(changed), cwd=self.server.stack.var,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False,
            **self.server.stack.as_user()))

    def do(self, *words, expect=DONE, **more):
        answer = self.run(*words, **more)
        assert answer.status == expect, answer
        return answer

    def ban(self, name, *options):
        return self.do("ban", name, *options)

    def unban(self, name, *options):
        return self.do("unban", name, *options)
