"""What one account, or nobody at all, could do to others: each of these was possible once."""

import http.client
import json
import time
import urllib.parse

import pytest

from harness.calls import DEVICE, PHONE, WECHAT, Account, new_name, new_phone
from harness.d003 import at_once, code, fresh, signature, signed

APPLICATION, BACKEND = "first-application-1", "backend-secret-no-1"


def test_binding_calls_are_no_way_around_the_limit_of_lookups(server, calls):
    lamp = calls.new_account(DEVICE)
    server.restart({"REGISTRARD_LIMITS_LOOKUPS_PER_MINUTE": "50"})
    phones = [new_phone() for _ in range(40)]
    reply = calls.bind(lamp, phones)
    assert code(reply) == 104
    assert reply.json["failed"] == phones
    reply = calls.bind(lamp, phones)  # every name counts, and one's own
    assert code(reply) == 2
    assert reply.json["failed"] == []
    assert int(reply.headers["Retry-After"]) >= 1
    assert code(calls.unbind(lamp, phones)) == 2
    assert code(calls.get_users(lamp.token, phones)) == 2


def login_from(address, server, form):
    connection = http.client.HTTPConnection("127.0.0.1", server.ports["http"], source_address=(address, 0), timeout=10)
    connection.request("POST", "/login", urllib.parse.urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})
    reply = json.loads(connection.getresponse().read())
    connection.close()
    return reply["result"]


def test_nobody_is_locked_out_without_a_picture(server, calls):
    phone = calls.new_account(PHONE)
    server.restart({"REGISTRARD_LIMITS_LOGINS_PER_NAME_PER_MINUTE": "3"})
    guess = {"user_name": phone.name, "password": "guess", "type": PHONE}
    assert [login_from("127.0.0.2", server, guess) for _ in range(6)] == [5, 5, 5, 2, 2, 2]
    assert code(calls.login(phone)) == 0  # from 127.0.0.1


def test_a_reply_passes_for_no_request(server, calls, plain_http):
    server.restart({"REGISTRARD_D003_APP_SECRETS": f"first:{APPLICATION}", "REGISTRARD_D003_PARAM_SIGN": "true"})
    refused = plain_http.get("/verify_code")
    assert code(refused) == 6
    echoed = {"result": 6, "param_sign": refused.json["sign"]}
    assert refused.json["sign"] == signature(APPLICATION, "/verify_code", {"result": 6})
    assert code(plain_http.get("/verify_code", echoed)) == 6


@pytest.fixture
def backend_pair(server, calls):
    server.restart({"REGISTRARD_D003_BACKEND_SECRETS": f"backend:{BACKEND}"})
    return calls.new_account(DEVICE), calls.new_account(DEVICE)


def test_a_backends_request_with_a_nonce_counts_once(backend_pair, calls, plain_http):
    one, other = backend_pair
    request = signed(
        BACKEND,
        "/set_user_banding",
        {"user_name": one.name, "user_name_ls": json.dumps([other.name]), "app_id": "backend", **fresh()},
    )
    assert code(plain_http.get("/set_user_banding", request)) == 0
    assert code(calls.unbind(one, [other.name])) == 0
    assert code(plain_http.get("/set_user_banding", request)) == 6
    assert calls.bindings(one).json["roster_item"] == []


def test_a_backends_request_of_long_ago_is_void(backend_pair, plain_http):
    one, other = backend_pair
    request = {"user_name": one.name, "user_name_ls": json.dumps([other.name]), "app_id": "backend"}
    assert (
        code(
            plain_http.get(
                "/set_user_banding", signed(BACKEND, "/set_user_banding", {**request, "timestamp": 1000000000})
            )
        )
        == 4
    )
    assert code(plain_http.get("/set_user_banding", signed(BACKEND, "/set_user_banding", request))) == 0


def test_a_long_list_of_failures_costs_no_more_than_its_size(calls, plain_http):
    """The names that failed were once read again from the whole list, each of them, on the thread that all share."""
    lamp = calls.new_account(DEVICE)
    names = [f"{index:03d}" + "x" * 600 for index in range(98)]

    def took(call):
        started = time.monotonic()
        assert code(call()) == 104
        return time.monotonic() - started

    looked_up = min(took(lambda: calls.get_users(lamp.token, names)) for _ in range(5))
    bound = min(took(lambda: calls.bind(lamp, names)) for _ in range(5))
    assert bound < 3 * looked_up + 0.01


def test_many_bindings_do_not_hold_up_a_registration(calls):
    lamps = [calls.new_account(DEVICE) for _ in range(13)]
    names = [lamp.name for lamp in lamps]
    replies = at_once(
        [
            lambda lamp=lamp: calls.bind(lamp, [name for name in names if name > lamp.name])
            for lamp in lamps
            if lamp.name != max(names)
        ]
    )
    assert all(code(reply) in (0, 109) for reply in replies)
    started = time.monotonic()
    assert code(calls.register(Account(DEVICE, new_name(), "pw"))) == 0
    assert time.monotonic() - started < 3


def test_a_backend_acts_for_a_shared_name_by_its_type(backend_pair, calls, plain_http):
    one, other = backend_pair
    stranger = calls.new_account(WECHAT, one.name)  # the same name, another type
    request = {"user_name": one.name, "user_name_ls": json.dumps([other.name]), "app_id": "backend"}
    assert code(plain_http.get("/set_user_banding", signed(BACKEND, "/set_user_banding", request))) == 2
    typed = {**request, "type": DEVICE}
    assert code(plain_http.get("/set_user_banding", signed(BACKEND, "/set_user_banding", typed))) == 0
    assert [item["user_name"] for item in calls.bindings(one, type=DEVICE).json["roster_item"]] == [other.name]
    assert calls.bindings(stranger, type=WECHAT).json["roster_item"] == []
