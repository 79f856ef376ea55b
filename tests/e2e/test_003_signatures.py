"""param_sign and sign: requests and replies signed with an application's secret, checked against an implementation of
the tests' own (harness/d003.py)."""

import json
import time

import pytest

from harness.calls import DEVICE, PHONE, Account, new_name, new_phone
from harness.d003 import OVER_TCP, ROUTES, By, code, fresh, is_signed, signature, signed
from harness.tcp_client import LineClient

FIRST, SECOND, BACKEND, OTHER_BACKEND = (
    "first-application-1",
    "second-application",
    "backend-secret-no-1",
    "backend-secret-no-2",
)
SETTINGS = {
    "REGISTRARD_D003_APP_SECRETS": f"first:{FIRST},second:{SECOND}",
    "REGISTRARD_D003_BACKEND_SECRETS": f"backend:{BACKEND},other:{OTHER_BACKEND}",
}


@pytest.fixture
def with_secrets(server, calls):
    """The server's calls, with the secrets above."""
    server.restart(SETTINGS)
    return calls


@pytest.fixture
def lamp(with_secrets):
    return with_secrets.new_account(DEVICE)


def check(http, secret, parameters, path="/verify_access_token"):
    return http.post(path, signed(secret, path, parameters))


def test_a_request_signed_with_an_applications_secret(lamp, http):
    request = {"access_token": lamp.token}
    assert code(check(http, FIRST, request)) == 0
    assert code(check(http, FIRST, {**request, "app_id": "first"})) == 0
    assert code(check(http, SECOND, {**request, "app_id": "second"})) == 0


def test_app_id_chooses_the_secret(lamp, http):
    request = {"access_token": lamp.token}
    assert code(check(http, SECOND, request)) == 6  # without one it is the first
    assert code(check(http, FIRST, {**request, "app_id": "second"})) == 6
    assert code(check(http, SECOND, {**request, "app_id": "first"})) == 6
    assert code(check(http, FIRST, {**request, "app_id": "third"})) == 6
    assert code(check(http, FIRST, {**request, "app_id": "FIRST"})) == 6


def test_the_digest_is_read_in_either_case(lamp, http):
    request = {"access_token": lamp.token}
    digest = signature(FIRST, "/verify_access_token", request)
    assert code(http.get("/verify_access_token", {**request, "param_sign": digest.upper()})) == 0


@pytest.mark.parametrize("wrong", ["0", "x" * 64, "0" * 63, "0" * 65, "0" * 64, "é" * 32, "0" * 10000])
def test_what_is_no_signature(lamp, http, wrong):
    assert code(http.post("/verify_access_token", {"access_token": lamp.token, "param_sign": wrong})) == 6


def test_everything_is_signed(lamp, http):
    """A parameter changed, added, left out, or another path: each breaks the signature."""
    request = {"access_token": lamp.token, "user_name_ls": json.dumps([lamp.name]), "extra": ""}
    good = signed(FIRST, "/get_users", request)
    assert code(http.post("/get_users", good)) == 0
    assert code(http.post("/get_users", {**good, "extra": "1"})) == 6
    assert code(http.post("/get_users", {**good, "more": ""})) == 6
    assert code(http.post("/get_users", {name: value for name, value in good.items() if name != "extra"})) == 6
    assert code(http.post("/get_user_banding", good)) == 6


@pytest.mark.parametrize("way", By.WAYS)
def test_what_needs_encoding(lamp, http, way):
    """Names and values are percent-encoded before they are sorted, so that the order is the same everywhere."""
    strange = {
        "access_token": lamp.token,
        "a b": "1&2=3",
        "a!": "x+y z",
        "ä": "汉字 🙂",
        "a": "~-._*'()",
        "A": "%41",
        "a-": "",
    }
    assert code(By(http, way).post("/verify_access_token", signed(FIRST, "/verify_access_token", strange))) == 0


def test_json_values_are_signed_as_their_json(lamp, http):
    """Numbers as their digits, arrays as compact JSON; a string holds what it says."""
    request = {"access_token": lamp.token, "user_name_ls": f'["{lamp.name}","{lamp.name}"]', "type": "2"}
    digest = signature(FIRST, "/get_users", request)
    native = {"param_sign": digest, "type": 2, "user_name_ls": [lamp.name, lamp.name], "access_token": lamp.token}
    assert code(http.post_json("/get_users", native)) == 0
    assert code(http.post_json("/get_users", {**native, "type": 1})) == 6


def test_over_tcp_the_path_is_the_one_in_the_line(lamp, server):
    with LineClient(server.ports["tcp"]) as tcp:
        for path in OVER_TCP:
            request = signed(FIRST, path, {"access_token": lamp.token, "user_name_ls": f'["{lamp.name}"]'})
            assert tcp.call(path, **request)["result"] == 0
            assert tcp.call(path, **{**request, "access_token": "x"})["result"] == 6


# Required


def test_when_required_nothing_goes_without(server, calls, http, plain_http):
    lamp = calls.new_account(DEVICE)
    server.restart({**SETTINGS, "REGISTRARD_D003_PARAM_SIGN": "true"})
    for path in ROUTES:
        assert code(plain_http.get(path)) == 6, path
    with LineClient(server.ports["tcp"]) as tcp:
        for path in OVER_TCP:
            assert tcp.call(path, access_token=lamp.token)["result"] == 6
    assert plain_http.get("/verify_access_token", {"access_token": lamp.token}).json == {"result": 6, "validate": False}
    assert code(check(http, FIRST, {"access_token": lamp.token})) == 0
    assert code(check(http, BACKEND, {"access_token": lamp.token})) == 0
    assert plain_http.get("/verify_code", signed(FIRST, "/verify_code", {})).body.startswith(b"\x89PNG")


# In place of a picture


def registration(secret, **more):
    form = {"user_name": new_name(), "password": "x", "type": 2, "device_type": "lamp", **fresh(), **more}
    return signed(secret, "/register", {name: value for name, value in form.items() if value is not None})


@pytest.mark.parametrize("secret, app", [(FIRST, "first"), (SECOND, "second"), (BACKEND, "backend")])
def test_a_device_registers_and_cancels_without_a_picture(with_secrets, http, secret, app):
    request = registration(secret, app_id=app)
    assert code(http.post("/register", request)) == 0
    lamp = {name: request[name] for name in ("user_name", "password", "type")}
    assert code(http.post("/cancel", signed(secret, "/cancel", {**lamp, **fresh(), "app_id": app}))) == 0
    assert code(http.post("/login", lamp)) == 102


def test_a_phone_needs_the_picture_all_the_same(with_secrets, http):
    assert code(http.post("/register", registration(FIRST, user_name=new_phone(), type=1))) == 5
    assert code(http.post("/register", registration(BACKEND, user_name=new_name(), type=3))) == 5


def test_a_nonce_counts_once(with_secrets, http):
    request = registration(FIRST)
    assert code(http.post("/register", request)) == 0
    assert code(http.post("/register", request)) == 5  # recorded and sent again
    again = registration(FIRST, nonce=request["nonce"])
    assert code(http.post("/register", again)) == 5  # for something else
    assert code(http.post("/register", registration(SECOND, app_id="second", nonce=request["nonce"]))) == 0  # another's


@pytest.mark.parametrize("timestamp", [None, "", "x", "-1", "1e9", "9" * 30, 0, "now - 310", "now + 310"])
def test_a_signature_that_is_not_fresh(with_secrets, http, timestamp):
    if str(timestamp).startswith("now"):
        timestamp = int(time.time()) + int(timestamp[3:].replace(" ", ""))
    assert code(http.post("/register", registration(FIRST, timestamp=timestamp))) == 5


@pytest.mark.parametrize("age", [-290, 290])
def test_clocks_may_differ_by_five_minutes(with_secrets, http, age):
    assert code(http.post("/register", registration(FIRST, timestamp=int(time.time()) - age))) == 0


@pytest.mark.parametrize("nonce", [None, "", "n" * 65])
def test_a_signature_without_a_nonce(with_secrets, http, nonce):
    assert code(http.post("/register", registration(FIRST, nonce=nonce))) == 5


def test_a_fresh_signature_that_is_wrong_is_no_picture(with_secrets, http):
    assert code(http.post("/register", {**registration(FIRST), "des": "changed"})) == 6


# In place of a token


def test_a_backend_acts_for_anyone(with_secrets, http):
    one, other = (with_secrets.new_account(DEVICE) for _ in range(2))
    names = {"user_name": one.name, "user_name_ls": json.dumps([other.name])}
    for path, secret in (("/set_user_banding", BACKEND), ("/set_user_unbanding", BACKEND)):
        assert code(check(http, secret, names, path)) == 0
    assert code(check(http, OTHER_BACKEND, {**names, "app_id": "other"}, "/set_user_banding")) == 0
    listed = check(http, BACKEND, {"user_name": other.name}, "/get_user_banding")
    assert [item["jid"] for item in listed.json["roster_item"]] == [one.jid]
    found = check(http, BACKEND, {"user_name_ls": json.dumps([one.name])}, "/get_users")
    assert [(user["jid"], user["jid_pwd"]) for user in found.json["user_info_ls"]] == [(one.jid, "")]


def test_an_applications_signature_is_no_token(with_secrets, http):
    """A secret that is shipped inside apps proves little."""
    one, other = (with_secrets.new_account(DEVICE) for _ in range(2))
    names = {"user_name": one.name, "user_name_ls": json.dumps([other.name])}
    for path in ("/set_user_banding", "/set_user_unbanding", "/get_user_banding", "/get_users"):
        assert code(check(http, FIRST, {**names, **fresh()}, path)) == 4, path
    assert with_secrets.bindings(one).json["roster_item"] == []


def test_a_backends_signature_proves_no_token(with_secrets, http):
    assert check(http, BACKEND, {}).json["validate"] is False
    assert check(http, BACKEND, {"access_token": "x"}).json == {"result": 4, "validate": False}


def test_a_token_beside_a_backends_signature_must_be_good(with_secrets, http):
    one = with_secrets.new_account(DEVICE)
    assert code(check(http, BACKEND, {"user_name": one.name, "access_token": "x" * 43}, "/get_user_banding")) == 4


# Replies


def replies(calls, tcp):
    """Raw bodies of every call that is signed, successes and failures, with the path they answer."""
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    nobody = Account(PHONE, new_phone(), "汉字 & '\"\\")
    yield "/register", calls.register(nobody, des='a "description" & 汉字\\/').body
    yield "/login", calls.login(nobody).body
    yield "/login", calls.login(Account(PHONE, nobody.name, "wrong")).body
    calls.log_in(nobody)
    yield "/get_users", calls.get_users(nobody.token, [nobody.name, phone.name, lamp.name]).body
    yield "/get_users", calls.get_users(nobody.token, ["unknown", "汉字"]).body
    tcp.send({"path": "/get_users", "access_token": nobody.token, "user_name_ls": [nobody.name, "😀"]})
    yield "/get_users", tcp.line()
    yield "/set_user_banding", calls.bind(phone, [lamp.name]).body
    yield "/set_user_banding", calls.bind(phone, ["汉字", "1\t2"]).body
    yield "/get_user_banding", calls.bindings(phone).body
    yield "/get_user_banding", calls.bindings(Account(PHONE, phone.name, "", token="x")).body
    yield "/set_user_unbanding", calls.unbind(phone, [lamp.name]).body
    yield "/cancel", calls.cancel(nobody).body
    yield "/verify_code", calls.http.get("/verify_code", {"param_sign": "wrong"}).body


def test_every_reply_is_signed_over_the_bytes_that_were_sent(with_secrets, server):
    with LineClient(server.ports["tcp"]) as tcp:
        for path, body in replies(with_secrets, tcp):
            assert is_signed(FIRST, path, body), (path, body)
            assert not is_signed(SECOND, path, body)


def test_refusals_with_a_body_are_signed_too(with_secrets, http):
    too_long = http.request("POST", "/login", b"x" * 65537, {"Content-Type": "application/x-www-form-urlencoded"})
    unreadable = http.request("POST", "/login", b"x", {"Content-Type": "text/plain"})
    for status, reply in ((413, too_long), (415, unreadable)):
        assert code(reply, status) == 2
        assert is_signed(FIRST, "/login", reply.body)


def test_verify_access_token_is_not_signed(with_secrets, http, server):
    with LineClient(server.ports["tcp"]) as tcp:
        assert set(tcp.call("/verify_access_token", access_token="x")) == {"result", "validate"}
    assert set(http.get("/verify_access_token").json) == {"result", "validate"}


def test_without_a_secret_the_sign_is_empty(calls, tcp):
    for _, body in replies(calls, tcp):
        assert json.loads(body)["sign"] == ""
