"""examples/000.sh does what it says against a server, and fails when the server does not."""

import re
import subprocess

from harness.process import ROOT


def run(server):
    return subprocess.run(
        ["bash", str(ROOT / "examples/000.sh")],
        env={"PATH": "/usr/bin:/bin", "API": server.http, "VAR": str(server.stack.var)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )


def test_it_registers_and_logs_in(server, db):
    for _ in range(2):  # again and again
        done = run(server)
        assert done.returncode == 0, done.stderr
        said = re.fullmatch(r"000: (\S+) \((\d{11})\) is registered and logged in as (\d+), JID (\S+)@(\S+)\n", done.stdout)
        assert said, done.stdout
        with db.cursor() as cursor:
            cursor.execute("select display_name, name, jid_local, nickname from accounts where id = %s", (said[3],))
            assert cursor.fetchone() == (said[1], "+86" + said[2], said[4], "example")


def test_it_says_when_it_fails(server):
    server.restart({"REGISTRARD_D000_ENABLED": "false"})
    done = run(server)
    assert done.returncode != 0 and "is registered" not in done.stdout
