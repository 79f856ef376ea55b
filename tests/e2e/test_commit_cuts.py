"""The COMMIT that nobody heard of: the connection to Postgres is cut exactly before and after it, for each kind of transaction
that a client's call makes; Postgres can be asked at once what became of it, only after a while, or not in time. What was not
told as done is asked for again, and then there is one account, one binding, one of whatever it was.

Each kind is cut before and after; of each function that begins transactions the first kind also where nobody can tell the
outcome. TEST_COMMIT_CUTS=all tries every kind with every moment, here and in test_commit_cuts_jobs.py, which has what no
client waits for.
"""

import time

import pytest

from harness.calls import DEVICE, Account, new_name
from harness.commit_cases import CASES
from harness.commit_stand import ALL, AT_ONCE, MOMENTS, UNCERTAIN, env, own, recovered  # noqa: F401
from harness.commits import AFTER
from harness.d003 import meanwhile, wait_until

# pylint: disable=redefined-outer-name
pytestmark = pytest.mark.owns_xmpp
PATIENCE = 5  # seconds until what is being undone is undone
FIRST = {case.site: case for case in reversed(CASES)}


def moments_of(case):
    """What a statement that stands for itself has done cannot be asked for."""
    if case.alone:
        return AT_ONCE
    if ALL or case is CASES[0]:
        return MOMENTS
    return UNCERTAIN if FIRST[case.site] is case else AT_ONCE


def answer(attempt):
    """None for 503: nobody knows, or it was not done."""
    reply = attempt.act()
    return None if reply.status == 503 else attempt.said(reply)


def ask_again(attempt, *right):
    """As a client would: until it is told."""
    deadline = time.monotonic() + PATIENCE
    while (said := answer(attempt)) not in right:
        assert said is None or said == attempt.passing, f"asked again it says {said}, should say {right}"
        assert time.monotonic() < deadline, f"still {said} after {PATIENCE} s"
        time.sleep(0.05)


@pytest.mark.parametrize("case, moment", [(case, moment) for case in CASES for moment in moments_of(case)],
                         ids=lambda one: getattr(one, "name", one))
def test_cut(case, moment, env, own):
    where, away = MOMENTS[moment]
    attempt = case.make(env)
    cut = own.proxy.plan(case.statement, where, case.alone, away)
    said = answer(attempt)
    assert cut.done.wait(10), f"nothing was cut: {said}"
    assert case.statements <= cut.statements, f"it has run {sorted(cut.statements)}"
    own.proxy.heal()
    done = where == AFTER
    is_told = done and away is not None and not case.alone
    assert said == (attempt.good if is_told else None)
    if not is_told:
        right = attempt.good if attempt.again is None or not done else attempt.again
        ask_again(attempt, right, *([attempt.lost] if away is None and attempt.lost else []))
    env.link.heal()
    env.server.wait_ready()
    recovered(env.calls)
    env.truth.settle()
    effects = attempt.check()
    if attempt.twice:
        assert effects == (2 if done and not is_told else 1), effects


COMMAND = 180  # bytes; a ping has fewer


@pytest.mark.parametrize("moment", ["before", "after", "before, then away", "after, then away"])
def test_what_became_of_a_registration_is_asked_for_as_patiently(moment, env, own):
    """The account is active, and its client is to be told: the connection is cut when registrard looks."""
    lamp = Account(DEVICE, new_name(), "x")
    env.link.stall()
    sent = env.link.sent
    with meanwhile(env.calls.register, lamp) as replies:
        wait_until(lambda: [row for row in env.truth.outbox() if row[3] == 1], 5, "somebody making the JID")
        wait_until(lambda: env.link.sent > sent + COMMAND, 5, "the command for it: the account was loaded")
        where, away = MOMENTS[moment]
        cut = own.proxy.plan("accounts_get", where, True, away)
        env.link.heal()
        assert cut.done.wait(5), "nobody looked"
    assert (replies[0].status, replies[0].json["result"]) == (200, 0)
    own.proxy.heal()
    recovered(env.calls)
    env.expect_accounts(lamp.name, 1)
