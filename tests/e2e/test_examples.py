"""The scripts in examples/ are run as they stand; each registers, logs in, and ends with a line that says so."""

import os
import pathlib
import re
import subprocess

import pytest

from harness.ctl import Ctl
from harness.d003 import wait_until

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.sh")), ids=lambda path: path.name)
def test_example(server, stack, tmp_path, script):
    environment = {**os.environ, "API": server.https, "VAR": str(stack.var)}
    done = subprocess.run(["bash", str(script)], cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.match(rf"{script.stem}: .* logged in", done.stdout.splitlines()[-1]), done.stdout
    assert done.stderr == ""


def test_there_is_one_for_each_dialect():
    dialects = {path.stem.lstrip("d") for path in (EXAMPLES.parent / "http/dialects").glob("*[0-9].c")}
    assert "v1" in dialects and {path.stem for path in EXAMPLES.glob("*.sh")} == dialects


def test_the_administrators_tool_with_what_make_run_started(server, stack):
    ctl = Ctl(server)  # puts it where make run does
    wait_until(lambda: "alive" in ctl.do("instances").text, what="a sign of life")
    environment = {name: value for name, value in os.environ.items() if name != "REGISTRARD_BIN"}
    done = subprocess.run(["bash", str(EXAMPLES / "dev/with.sh"), "registrarctl", "instances"], stdin=subprocess.DEVNULL,
                          env={**environment, "VAR": str(stack.var)}, capture_output=True, text=True, timeout=60, check=False)
    name = server.settings["REGISTRARD_XMPP_COMPONENT"]
    assert done.returncode == 0
    assert [line for line in done.stdout.splitlines() if line.startswith(f"{name}: ") and line.endswith("alive")], done
