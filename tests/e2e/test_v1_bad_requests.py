"""Dialect v1: what is not a good request, and what is not a good credential."""

import json

import pytest

from harness.d003 import Accounts, code
from harness.v1 import CALLS, answer, error


@pytest.mark.parametrize("path, method, body", CALLS)
def test_every_call_needs_a_token(v1, calls, db, lamp, path, method, body):
    for header in (None, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "},
                   {"Authorization": f"Basic {lamp.token}"}, {"Authorization": lamp.token}):
        reply = v1.call(method, path, None, body, header)
        assert error(reply) == (401, "unauthorized"), header
        assert reply.headers["WWW-Authenticate"] == "Bearer"
    for token in ("x", "A" * 43, lamp.token[:-1], lamp.token + "x"):
        assert error(v1.call(method, path, token, body)) == (401, "token"), token
    assert error(v1.call(method, f"{path}?access_token={lamp.token}", None, body)) == (401, "unauthorized")
    assert error(v1.call(method, path, None, {**(body or {}), "access_token": lamp.token})) == (401, "unauthorized")
    assert v1.call(method, path, None, body, {"Authorization": f"bEARER {lamp.token}"}).status in (200, 404)
    Accounts(db).age_tokens(lamp, "1 hour")
    other = calls.log_in(lamp)
    assert code(calls.cancel(other)) == 0
    assert error(v1.call(method, path, other.token, body)) == (401, "token")


def test_an_expired_token_is_told(v1, server, db, lamp):
    Accounts(db).age_tokens(lamp, "1 hour")
    server.restart()
    assert error(v1.consent(lamp)) == (401, "token_expired")


@pytest.mark.parametrize("path, method, body", CALLS)
def test_other_methods(v1, lamp, path, method, body):
    del body
    mine = {one for there, one, _ in CALLS if there == path}
    for other in {"GET", "POST", "PUT", "DELETE", "PATCH"} - mine:
        reply = v1.call(other, path, lamp.token)
        assert reply.status == 405 and set(reply.headers["Allow"].split(", ")) == mine
    assert method in mine


@pytest.mark.parametrize("path, method, body", [call for call in CALLS if call[2] is not None])
def test_bodies_that_are_none(v1, lamp, path, method, body):
    del body
    for broken in (b"{", b"[]", b"1", b'{"code": "\xff"}', b'{"code": "a", "code": "b"}', b"[" * 100, b'{"a": "\\u0000"}'):
        assert error(v1.call(method, path, lamp.token, broken)) == (400, "invalid"), broken
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        assert error(v1.call(method, path, lamp.token, b"code=1", {"Content-Type": kind})) == (415, "invalid")
    reply = v1.call(method, path, lamp.token, json.dumps({"code": "x" * 70000}).encode())
    assert error(reply) == (413, "too_large")


@pytest.mark.parametrize("path, method, body", [
    ("/v1/claims", "POST", {"format": "gif"}),
    ("/v1/claims", "POST", {"format": ""}),
    ("/v1/claims", "POST", {"format": 1}),
    ("/v1/claims/redeem", "POST", {}),
    ("/v1/claims/redeem", "POST", {"code": ""}),
    ("/v1/claims/redeem", "POST", {"code": None}),
    ("/v1/claims/redeem", "POST", {"code": 1234567890}),
    ("/v1/claims/redeem", "POST", {"code": ["00000-00000"]}),
    ("/v1/claims/redeem", "POST", {"code": "0" * 65}),
    ("/v1/consent", "PUT", {}),
    ("/v1/consent", "PUT", {"consent": "perhaps"}),
    ("/v1/consent", "PUT", {"consent": "Accept"}),
    ("/v1/consent", "PUT", {"consent": 0}),
    ("/v1/consent", "PUT", {"consent": ["ask"]}),
    ("/v1/asks/answer", "POST", {"id": 1}),
    ("/v1/asks/answer", "POST", {"accept": True}),
    ("/v1/asks/answer", "POST", {"id": "1", "accept": True}),
    ("/v1/asks/answer", "POST", {"id": 1, "accept": "true"}),
    ("/v1/asks/answer", "POST", {"id": 1, "accept": 1}),
    ("/v1/asks/answer", "POST", {"id": 0, "accept": True}),
    ("/v1/asks/answer", "POST", {"id": -1, "accept": True}),
    ("/v1/asks/answer", "POST", {"id": 1.5, "accept": True}),
    ("/v1/asks/answer", "POST", {"id": 10**30, "accept": True}),
    ("/v1/bindings/rename", "POST", {"jid": "x@localhost"}),
    ("/v1/bindings/rename", "POST", {"nickname": "x"}),
    ("/v1/bindings/rename", "POST", {"jid": "localhost", "nickname": "x"}),
    ("/v1/bindings/rename", "POST", {"jid": "@localhost", "nickname": "x"}),
    ("/v1/bindings/rename", "POST", {"jid": "x@localhost", "nickname": 1}),
    ("/v1/bindings/rename", "POST", {"jid": "x@localhost", "nickname": None}),
    ("/v1/bindings/rename", "POST", {"jid": "x@localhost", "nickname": "x" * 65}),
    ("/v1/bindings/rename", "POST", {"jid": "x@localhost", "nickname": "a\nb"}),
    ("/v1/bindings/rename", "POST", {"jid": "x@elsewhere.example", "nickname": "a\nb"}),
    ("/v1/bindings/rename", "POST", {"jid": "x@localhost", "nickname": "\uffff"}),
])
def test_parameters_that_are_none(v1, lamp, path, method, body):
    assert error(v1.call(method, path, lamp.token, body)) == (400, "invalid")


def test_tokens_of_a_banned_account_are_worth_nothing(v1, server, db, lamp):
    Accounts(db).set(lamp, "banned_at = now()")
    server.restart()
    reply = v1.claim(lamp)
    assert reply.status in (401, 403), reply


def test_it_can_be_switched_off(v1, server, lamp):
    answer(v1.consent(lamp))
    server.restart({"REGISTRARD_V1_ENABLED": "false"})
    for path, method, body in CALLS:
        assert v1.call(method, path, lamp.token, body).status == 404
