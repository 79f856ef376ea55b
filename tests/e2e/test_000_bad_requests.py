"""Dialect 000 with what no app would send: each call answers with its own word for a bad request, at once, and the log
holds no secret."""

import secrets
import time

import pytest

from harness import encodings
from harness.d000 import BAD, ROUTES, Android, salted, status
from harness.sms_file import SmsFile

CASES = [(path, name) for path, names in ROUTES.items() for name in names]


@pytest.fixture
def app(http, stack):
    return Android(http, SmsFile(stack.var)).registered()


def good(app, path):
    """A request that would succeed (or, for register and resetPassword, be refused for its temp_id only)."""
    values = {
        "phone": app.phone, "account": "a" + secrets.token_hex(8), "password": "a canary's password", "salt": app.salt,
        "temp_id": "3fae806e-94bb-41e5-a2f2-00163e00067a", "sms_code": "123456", "id": str(app.id), "nickname": "n",
    }
    if path.endswith("/login"):
        values["password"] = salted(app.password, app.salt)
    pairs = [(name, values[name].encode()) for name in ROUTES[path]]
    return pairs + [("token", app.token.encode())] if path.endswith("information") else pairs


def without(pairs, name):
    return [pair for pair in pairs if pair[0] != name]


def assert_bad(reply, path, http_status=200):
    assert status(reply, http_status) == BAD[path], reply
    expected = {"status", "temp_id"} if path.endswith("getMes") else {"status"}
    assert set(reply.json) == expected
    assert reply.json.get("temp_id", "") == ""


@pytest.mark.parametrize("path, name", CASES)
def test_a_parameter_that_cannot_be_used(app, http, path, name):
    pairs = good(app, path)
    rest = without(pairs, name)
    value = dict(pairs)[name]
    begun = time.monotonic()
    for encode in (encodings.form, encodings.multipart):
        for bad in ([], [(name, b"")], [(name, b"\xff\xfe")], [(name, b"a\0b")], [(name, value), (name, value)]):
            assert_bad(http.request(*encode(path, rest + bad)), path)
        assert_bad(http.request(*encode(path, rest + [(name, b"9" * 10000)])), path)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("path", ROUTES)
def test_bodies_that_hold_no_request(app, http, path):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"", b"&&&", b"=", b"phone", b"phone=%", b"phone=%zz", b"phone=%c3%28", b"x" * 5000):
        assert_bad(http.request("POST", path, body, form), path)
    assert_bad(http.request("POST", path, b"--x\r\nnothing", {"Content-Type": "multipart/form-data; boundary=x"}), path)
    assert_bad(http.request("POST", path), path)
    another = good(app, path) + [("unknown", b"\xff")]
    assert_bad(http.request(*encodings.form(path, another)), path)


@pytest.mark.parametrize("path", ROUTES)
def test_what_http_refuses(app, http, path):
    pairs = good(app, path)
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        reply = http.request(method, path)
        assert (reply.status, reply.headers["Allow"]) == (405, "POST")
    failure = 250 if path.endswith(("getMes", "/register")) else 500
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded; charset=gbk"},
                    {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}):
        assert status(http.request("POST", path, encodings.form(path, pairs)[2], headers), 415) == failure
    assert status(http.request(*encodings.json_object(path, pairs)), 415) == failure
    assert status(http.request(*encodings.form(path, pairs + [("x", b"x" * 70000)])), 413) == failure
    assert http.request(*encodings.form(path + "/", pairs)).status == 404


@pytest.mark.parametrize("phone", ["1390000123", "139000012345", "+8613900001234", "008613900001234", " 13900001234",
                                   "1390000123x", "１３９００００１２３４"])
def test_what_is_no_phone(app, http, phone):
    for path, names in ROUTES.items():
        if "phone" in names:
            form = {name: value.decode() for name, value in good(app, path)}
            assert_bad(http.post(path, {**form, "phone": phone}), path)


@pytest.mark.parametrize("name, values", {
    "salt": ["x", "AAAAAAAA", "A" * 9, "密码密码密码密码"],
    "password": ["x", "0" * 31, "0" * 33, "g" * 32],
}.items())
def test_what_is_no_login(app, http, name, values):
    for value in values:
        form = {**{k: v.decode() for k, v in good(app, "/android/login")}, name: value}
        assert_bad(http.post("/android/login", form), "/android/login")
    assert status(app.login()) == 200


def test_an_id_that_is_none(app, http):
    for bad in ("0", "-1", "x", "1e3", str(2**63), str(2**64 + app.id), " 1", "1.0"):
        form = {"id": bad, "nickname": "n", "token": app.token}
        assert_bad(http.post("/android/user/modify_information", form), "/android/user/modify_information")


def test_the_log_holds_no_secret(app, http, server):
    mark = server.log.mark()
    password = secrets.token_hex(12)
    app.password = password
    for path in ROUTES:
        pairs = [(name, password.encode() if name == "password" else value) for name, value in good(app, path)]
        for more in ([], [("x", b"\xff")], pairs):
            http.request(*encodings.form(path, pairs + more))
            http.request(*encodings.multipart(path, pairs + more))
        http.request("PUT", f"{path}?token={app.token}&password={password}")
        http.request("POST", path, None, {"Cookie": "registrar_session=" + app.token})
    text = server.log.text(mark) + server.get_ops("/metrics")[1]
    for secret in (password, app.token, app.chat_token, app.phone):
        assert secret not in text
