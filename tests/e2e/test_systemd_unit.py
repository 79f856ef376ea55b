"""registrard started as systemd does it by examples/registrard.service: with its command lines and nothing in the environment."""

import configparser
import os
import pathlib
import shlex
import shutil
import signal
import subprocess

import pytest

from harness.calls import DEVICE
from harness.process import ROOT

UNIT = ROOT / "examples/registrard.service"
PROGRAM, FILE = "/usr/local/sbin/registrard", "/etc/registrard/registrard.conf"


@pytest.fixture
def unit():
    """Its [Service] section."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read(UNIT)
    return dict(parser["Service"])


@pytest.fixture
def command(server, stack, unit):  # pylint: disable=redefined-outer-name
    """command("ExecStart"): a process, with the session's settings in the file that is named there."""
    server.stop()
    path = stack.var / "unit.conf"
    sections = {}
    for name, value in server.settings.items():
        section, key = name.removeprefix("REGISTRARD_").lower().split("_", 1)
        sections.setdefault(section, []).append(f"{key} = {value}")
    path.write_text("".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items()), encoding="utf-8")
    shutil.chown(path, stack.user)
    path.chmod(0o400)
    made = []

    def start(key):
        words = [{PROGRAM: str(server.binary), FILE: str(path)}.get(word, word) for word in shlex.split(unit[key])]
        assert {str(server.binary), str(path)} <= set(words), unit[key]
        with open(server.log.path, "ab") as log:
            made.append(subprocess.Popen(  # pylint: disable=consider-using-with
                words, env={}, cwd="/", umask=int(unit["UMask"], 8), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **stack.as_user()))
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.wait()
    path.unlink()


def test_it_is_checked_then_runs_and_stops_in_time(server, unit, command, calls):  # pylint: disable=redefined-outer-name
    assert command("ExecStartPre").wait(20) == 0
    server.process = command("ExecStart")
    server.wait_ready()
    calls.new_account(DEVICE)
    os.kill(server.pid, signal.SIGTERM)
    assert server.process.wait(float(unit["TimeoutStopSec"])) == 0  # else it would be started again


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_each_line(server, tmp_path):
    """It names what it does not know, and says nothing otherwise."""
    tmp_path.chmod(0o755)
    copy = pathlib.Path(tmp_path, UNIT.name)
    copy.write_text(UNIT.read_text(encoding="utf-8").replace(PROGRAM, str(server.binary)), encoding="utf-8")

    def said(path):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True,
                              timeout=60, check=False)
        return [line for line in done.stderr.splitlines() if path.name in line]

    assert said(copy) == []
    copy.write_text(copy.read_text(encoding="utf-8").replace("RestartSec", "RestartSecond"), encoding="utf-8")
    assert said(copy) != []
