"""A minute of tests/chaos: two registrards, 64 clients in all dialects, everything killed, stopped and cut off at random."""

import os
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "chaos"))

pytestmark = pytest.mark.alone

SECONDS = 60


@pytest.mark.owns_xmpp
def test_nothing_is_lost_extra_or_one_sided():
    from chaos import run  # pylint: disable=import-outside-toplevel

    seed = int(os.environ.get("TEST_SEED", time.time_ns() % 10**9))
    print(f"TEST_SEED={seed} makes the same choices again")
    assert run(SECONDS, seed), "see above"
