"""Checks that are shell scripts of their own, and the syntax of all scripts."""

import subprocess

import pytest

from sources import ROOT, files


@pytest.mark.parametrize("script", files(".sh", folders=("tests/lint",)), ids=str)
def test_script_passes(script):
    done = subprocess.run(["sh", str(script)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_scripts_parse():
    for script in files(".sh"):
        done = subprocess.run(["bash", "-n", str(ROOT / script)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
