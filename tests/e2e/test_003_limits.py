"""Limits as production has them: who is limited gets a parameter error and is told when to come back."""

import contextlib

import pytest
import redis as redis_module

from harness.calls import DEVICE, PHONE, Account, new_name, new_phone
from harness.d003 import at_once, code

# The defaults of production for what the development profile loosens, but small enough to reach.
LIMITS = {
    "REGISTRARD_LIMITS_PICTURES_PER_MINUTE": "6",
    "REGISTRARD_LIMITS_REGISTRATIONS_PER_HOUR": "2",
    "REGISTRARD_LIMITS_LOGINS_PER_MINUTE": "8",
    "REGISTRARD_LIMITS_LOGINS_PER_NAME_PER_MINUTE": "3",
    "REGISTRARD_LIMITS_LOOKUPS_PER_MINUTE": "4",
}


@pytest.fixture
def limited(server, redis):
    """Starts the limits, with nothing counted yet; nothing of it is left for other tests."""

    def forget():
        with contextlib.suppress(redis_module.ConnectionError):  # a test killed it, and what it had is gone
            for key in redis.scan_iter("*:l:*"):
                redis.delete(key)

    def start(**more):
        server.restart({**LIMITS, **more})
        forget()

    yield start
    forget()


def assert_limited(reply, period=60):
    """The period slides, so that a burst in its middle may have to wait for longer than one."""
    assert code(reply) == 2
    assert 1 <= int(reply.headers["Retry-After"]) <= 2 * period


def login(http, name, kind=DEVICE, password="x"):
    return http.post("/login", {"user_name": name, "password": password, "type": kind})


def test_pictures_per_address(limited, plain_http):
    limited()
    assert all(plain_http.get("/verify_code").headers["Content-Type"] == "image/png" for _ in range(6))
    assert_limited(plain_http.get("/verify_code"))
    assert_limited(plain_http.post("/verify_code"))


def test_registrations_per_address(limited, calls):
    pictures = [calls.picture() for _ in range(3)]
    limited()
    for index, (verify_id, answer) in enumerate(pictures):
        reply = calls.register(Account(DEVICE, new_name(), "x"), verify_id=verify_id, verify_code=answer)
        if index < 2:
            assert code(reply) == 0
        else:
            assert_limited(reply, period=3600)


def test_logins_per_name_right_or_wrong(limited, calls, plain_http):
    lamp, other = calls.new_account(DEVICE), calls.new_account(DEVICE)
    limited()
    assert code(login(plain_http, lamp.name, password="wrong")) == 102
    assert code(login(plain_http, lamp.name, password=lamp.password)) == 0
    assert code(login(plain_http, lamp.name, password="wrong")) == 102
    assert_limited(login(plain_http, lamp.name, password=lamp.password))
    assert code(login(plain_http, other.name, password=other.password)) == 0  # another name is free


def test_a_phones_spellings_are_one_name(limited, plain_http):
    phone = new_phone()
    limited()
    for spelling in (phone, "+86" + phone, "0086" + phone):
        assert code(login(plain_http, spelling, PHONE)) == 5
    assert_limited(login(plain_http, phone, PHONE))


def test_logins_per_address_whatever_the_name(limited, plain_http):
    limited()
    for _ in range(8):
        assert code(login(plain_http, new_name())) == 102
    assert_limited(login(plain_http, new_name()))


def test_lookups_per_account(limited, calls):
    one, other = calls.new_account(DEVICE), calls.new_account(DEVICE)
    tokens = [one.token, calls.log_in(one).token]
    limited()
    for index in range(4):  # another token of the same account does not help
        assert code(calls.get_users(tokens[index % 2], [other.name])) == 0
    reply = calls.get_users(one.token, [other.name])
    assert_limited(reply)
    assert reply.json["user_info_ls"] == []
    assert code(calls.get_users(other.token, [one.name])) == 0


def test_tokens_are_checked_without_a_limit(limited, calls, plain_http):
    lamp = calls.new_account(DEVICE)
    limited()
    assert all(code(plain_http.get("/verify_access_token", {"access_token": lamp.token})) == 0 for _ in range(40))


def test_a_crowd_does_not_get_past(limited, plain_http):
    limited()
    name = new_name()
    replies = at_once([lambda: login(plain_http, name)] * 12)
    assert sorted(code(reply) for reply in replies) == [2] * 9 + [102] * 3


def test_a_limited_call_spends_no_picture(limited, calls, plain_http):
    phone = calls.new_account(PHONE)
    verify_id, answer = calls.picture()
    limited()
    for _ in range(3):
        login(plain_http, phone.name, PHONE)
    limited_call = {
        "user_name": phone.name,
        "password": phone.password,
        "type": 1,
        "verify_id": verify_id,
        "verify_code": answer,
    }
    assert_limited(plain_http.post("/login", limited_call))
    limited()
    assert code(plain_http.post("/login", limited_call)) == 0


def test_counting_is_shared_by_instances(limited, plain_http, another_server, stack):
    limited()
    second = another_server("limited", {**LIMITS, "REGISTRARD_XMPP_COMPONENT": "second." + stack.component})
    second.start(wait=False)
    second.wait_ready("/readyz/login")
    there = type(plain_http)(second.ports, stack.certificate, plain=True)
    name = new_name()
    assert [code(login(http, name)) for http in (plain_http, there, plain_http)] == [102] * 3
    assert_limited(login(there, name))


def test_limits_do_not_say_who(limited, calls, redis):
    phone = calls.new_account(PHONE)
    limited()
    calls.login(phone)
    keys = b"\n".join(redis.scan_iter("*:l:*"))
    assert b"login.name" in keys and phone.name.encode() not in keys


def test_production_starts_with_none_of_the_looseness(server):
    """What make run allows, a production configuration refuses: files with codes, limits off, cheap hashing, secrets of
    development."""
    production = {"REGISTRARD_SERVER_PROFILE": "production", "REGISTRARD_LIMITS_ENABLED": "false"}
    refused = server.command("--check-config", changed=production)
    assert refused.returncode != 0
    told = refused.stdout + refused.stderr
    for key in ("state_dir", "enabled", "memory", "passes"):
        assert key.upper() in told.upper(), told


def test_without_redis_nobody_gets_more_than_a_login(limited, calls, plain_http, stack):
    """Pictures and registrations cannot be counted, so they are refused; a Device's login goes on, because hashing
    bounds how fast anybody can guess."""
    lamp = calls.new_account(DEVICE)
    limited()
    stack.kill("redis")
    assert code(plain_http.get("/verify_code"), 503) == 1
    register = {
        "user_name": new_name(),
        "password": "x",
        "type": 2,
        "device_type": "x",
        "verify_id": "0" * 32,
        "verify_code": "x",
    }
    assert code(plain_http.post("/register", register), 503) == 1
    assert code(calls.get_users(lamp.token, [lamp.name]), 503) == 1
    assert code(login(plain_http, lamp.name, password=lamp.password)) == 0
