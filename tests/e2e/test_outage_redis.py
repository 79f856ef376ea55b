"""Redis killed and stopped: pictures and what needs one are answered 503 and 1, logins of Devices and checks of
tokens go on from Postgres, and no revoked token comes back with it."""

import pytest

from harness.calls import DEVICE, PHONE, Account, new_name
from harness.crashes import Truth
from harness.d003 import code, metric, wait_until
from harness.outage import SHORT, at_once, check, fresh_token, login, recovered, says, unavailable


@pytest.fixture(autouse=True)
def short_waits(server):
    server.restart({**SHORT, "REGISTRARD_TOKENS_MEMORY_LIFETIME": "60s"})


def with_picture(calls, path, account, picture):
    """The call with a picture that was drawn before."""
    form = {"user_name": account.name, "password": account.password, "type": account.type, "device_type": "lamp"}
    return calls.http.post(path, {**form, "verify_id": picture[0], "verify_code": picture[1]})


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_what_is_answered_meanwhile(how, server, stack, calls, db):
    truth = Truth(db, stack)
    phone, lamp, fan = calls.new_account(PHONE), calls.new_account(DEVICE), calls.new_account(DEVICE)
    cold_token = fresh_token(calls, lamp)
    pictures = [calls.picture() for _ in range(3)]
    assert check(calls, phone) == 0
    getattr(stack, how)("redis")

    needing = at_once(
        lambda: calls.http.get("/verify_code"),
        lambda: with_picture(calls, "/register", Account(DEVICE, new_name(), "x"), pictures[0]),
        lambda: with_picture(calls, "/login", phone, pictures[1]),
        lambda: with_picture(calls, "/cancel", lamp, pictures[2]),
        lambda: calls.get_users(lamp.token, [phone.name]),  # limited, and limits fail closed
    )
    for reply in needing:
        unavailable(reply, 1)
    going_on = at_once(
        lambda: login(calls, lamp),
        lambda: calls.http.get("/verify_access_token", {"access_token": cold_token}),
        lambda: calls.bind(phone, [lamp.name, fan.name]),
        lambda: calls.bindings(phone),
    )
    for reply in going_on:
        assert code(reply) == 0, reply
    assert check(calls, phone) == 0
    says(server, "/readyz", 503, "redis")
    assert metric(server, "redis_up") == 0 and metric(server, "postgres_up") == metric(server, "xmpp_ready") == 1

    stack.cont("redis")
    stack.start("redis")
    recovered(server, calls, lamp)
    wait_until(lambda: metric(server, "redis_up") == 1, what="the last session to find out")
    assert code(calls.login(phone)) == 0
    truth.settle()


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_token_that_ended_meanwhile_stays_ended(how, server, stack, calls):
    """Redis knows it as good when it goes away, and when it is back."""
    server.restart({**SHORT, "REGISTRARD_TOKENS_PER_ACCOUNT": "1"})
    lamp = calls.new_account(DEVICE)
    assert check(calls, lamp) == 0
    getattr(stack, how)("redis")
    fresh_token(calls, lamp)
    assert check(calls, lamp) == 4
    stack.cont("redis")
    stack.start("redis")
    recovered(server, calls, lamp)
    assert check(calls, lamp) == 4
    server.restart({**SHORT})
    assert check(calls, lamp) == 4
