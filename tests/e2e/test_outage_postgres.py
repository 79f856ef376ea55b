"""Postgres killed, stopped and restarted: what needs it is answered 503 and 3, what does not goes on, and nothing has
to be restarted when it is back."""

import itertools
import time

import pytest

from harness.calls import DEVICE, PHONE, Account, new_name
from harness.crashes import Background
from harness.d003 import code, meanwhile, metric, wait_until
from harness.outage import SHORT, at_once, check, fresh_token, login, recovered, says, timed, unavailable

WARM = {"REGISTRARD_TOKENS_MEMORY_LIFETIME": "60s"}


@pytest.fixture(autouse=True)
def short_waits(server):
    server.restart({**SHORT, **WARM})


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_what_is_answered_meanwhile(how, server, stack, calls, truth):
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    cold_token = fresh_token(calls, lamp)
    assert check(calls, phone) == check(calls, lamp) == 0
    getattr(stack, how)("postgres")

    for reply in at_once(
        lambda: login(calls, lamp),
        lambda: calls.login(phone),
        lambda: calls.register(Account(DEVICE, new_name(), "x")),
        lambda: calls.cancel(lamp),
        lambda: calls.get_users(lamp.token, [phone.name]),
        lambda: calls.bind(phone, [lamp.name]),
        lambda: calls.unbind(phone, [lamp.name]),
        lambda: calls.bindings(phone),
        lambda: calls.http.get("/verify_access_token", {"access_token": cold_token}),
    ):
        unavailable(reply, 3)
    assert check(calls, lamp) == 0  # warm: from memory
    assert timed(calls.http.get, "/verify_code").status == 200  # Redis alone
    says(server, "/readyz", 503, "postgres")
    says(server, "/readyz/login", 503, "postgres")
    assert server.get_ops("/livez")[0] == 200
    assert metric(server, "postgres_up") == 0 and metric(server, "redis_up") == 1

    stack.cont("postgres")
    stack.start("postgres")
    recovered(server, calls, lamp)
    wait_until(lambda: metric(server, "postgres_up") == 1, what="the last session to find out")
    assert code(calls.bind(phone, [lamp.name])) == 0
    truth.reconnect()
    truth.settle()


def test_a_token_that_redis_alone_knows(server, stack, calls):
    server.restart({**SHORT, "REGISTRARD_TOKENS_MEMORY_ENTRIES": "0"})
    lamp = calls.new_account(DEVICE)
    assert check(calls, lamp) == 0
    stack.kill("postgres")
    assert check(calls, lamp) == 0
    stack.start("postgres")


def test_a_crowd_waits_no_longer_than_one(server, stack, calls):
    """More calls than there are workers: those that wait behind others are answered in time, too."""
    lamp = calls.new_account(DEVICE)
    stack.stop("postgres")
    for reply in at_once(*[lambda: login(calls, lamp)] * 60):
        unavailable(reply, 3 if reply.json["result"] == 3 else 1)  # 1: its deadline passed in the queue
    stack.cont("postgres")
    recovered(server, calls, lamp)


def test_restarted_under_load(server, stack, calls, truth):
    """What was answered 0 is there, however often Postgres went away; the XMPP side is brought in line."""
    lamp, made, counter = calls.new_account(DEVICE), [], itertools.count()

    def register():
        account = Account(DEVICE, new_name(f"load{next(counter)}"), "x")
        reply = timed(calls.register, account)
        if reply.status == 200 and code(reply) == 0:
            made.append(account)
        else:
            assert reply.status == 503 or code(reply) == 101, reply
            time.sleep(0.02)

    with Background(register, register, register):
        for _ in range(3):
            before = len(made)
            wait_until(lambda count=before: len(made) > count + 2, what="some that are registered")
            time.sleep(0.3)
            stack.kill("postgres")
            time.sleep(0.2)
            stack.start("postgres")
        time.sleep(0.5)
    recovered(server, calls, lamp)
    truth.reconnect()
    truth.settle()
    for account in made:
        calls.log_in(account)


def test_stopped_while_a_registration_is_under_way(server, stack, calls, link, truth):
    """Its JID is made while Postgres does not answer: it is undone or finished afterwards, not left."""
    lamp, other = calls.new_account(DEVICE), Account(DEVICE, new_name(), "x")
    link.delay(0.3)
    with meanwhile(timed, calls.register, other) as replies:
        wait_until(lambda: truth.outbox(), what="the registration on its way")
        stack.stop("postgres")
    assert replies[0].status == 503 or code(replies[0]) == 101, replies
    stack.cont("postgres")
    link.heal()
    recovered(server, calls, lamp)
    truth.settle()
    registered = code(calls.register(other))
    assert registered in (0, 103), registered
    calls.log_in(other)
