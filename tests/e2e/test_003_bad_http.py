"""What is wrong with a request before its parameters are read: path, method, type, size. The HTTP status says so, and
where it concerns a call of the dialect the body is the dialect's own failure."""

import json
import re
import socket
import time

import pytest

from harness.calls import DEVICE
from harness.d003 import ROUTES, code
from harness.http_client import Reply

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON_REQUEST = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LIMIT = 64 * 1024
AT_ONCE = 3  # seconds


def post(http, path, body, headers):
    return http.request("POST", path, body, headers)


def raw_reply(server, text, timeout=5):
    """What comes back for bytes on the plain port, up to the connection's end or the time-out."""
    with socket.create_connection(("127.0.0.1", server.ports["http"]), timeout) as one:
        one.sendall(text)
        received = b""
        try:
            while data := one.recv(65536):
                received += data
        except (TimeoutError, ConnectionResetError):
            pass
        return received


# Path and method


@pytest.mark.parametrize("method, body", [("GET", None), ("POST", b"x"), ("DELETE", None)])
def test_an_unknown_path_is_404(plain_http, method, body):
    for path in (
        "/",
        "/login/",
        "//login",
        "/Login",
        "/LOGIN",
        "/%6cogin",
        "/login;x",
        "/login%00",
        "/../login",
        "/login/../login",
        "/logins",
        "/" + "x" * 4000,
        "/%E6%B1%89",
        "/android/logon",
        "/livez",
        "/metrics",
    ):
        assert plain_http.request(method, path, body, FORM).status == 404, path


@pytest.mark.parametrize("path", ROUTES)
def test_another_method_is_405_and_says_which(plain_http, path):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "get", "BREW"):
        reply = plain_http.request(method, path)
        assert (reply.status, reply.headers["Allow"]) == (405, "GET, POST"), method


# Content-Type


@pytest.mark.parametrize("path", ROUTES)
def test_an_unreadable_type_is_415(plain_http, path):
    for content_type in (
        "text/plain",
        "application/xml",
        "application/jsonx",
        "multipart/mixed; boundary=x",
        "x",
        "/",
        "application/json; charset=gbk",
        "application/x-www-form-urlencoded; charset=utf-16",
    ):
        assert code(post(plain_http, path, b"user_name=x", {"Content-Type": content_type}), 415) == 2
    assert code(post(plain_http, path, b"user_name=x", {}), 415) == 2  # none at all
    assert code(post(plain_http, path, b"user_name=x", {**FORM, "Content-Encoding": "gzip"}), 415) == 2


def test_types_are_read_as_http_says(plain_http, calls):
    lamp = calls.new_account(DEVICE)
    body = json.dumps({"access_token": lamp.token}).encode()
    for content_type in (
        "application/json",
        "Application/JSON",
        "application/json;charset=UTF-8",
        'application/json ; charset="utf-8"',
    ):
        assert code(post(plain_http, "/verify_access_token", body, {"Content-Type": content_type})) == 0
    assert (
        code(
            post(
                plain_http,
                "/verify_access_token",
                f"access_token={lamp.token}".encode(),
                {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
            )
        )
        == 0
    )


# Size


@pytest.mark.parametrize("path", ROUTES)
def test_a_body_over_the_limit_is_413(plain_http, path):
    assert code(post(plain_http, path, b"x" * (LIMIT + 1), FORM), 413) == 2
    chunks = [b"x" * 1000] * 66
    reply = plain_http.request("POST", path, iter(chunks), FORM)  # not announced: chunked
    assert code(reply, 413) == 2


def test_a_body_of_just_the_limit_is_read(plain_http, calls):
    lamp = calls.new_account(DEVICE)
    body = f"access_token={lamp.token}&x=".encode()
    assert code(post(plain_http, "/verify_access_token", body + b"y" * (LIMIT - len(body)), FORM)) == 0
    body = json.dumps({"access_token": lamp.token}).encode()
    assert (
        code(
            post(
                plain_http,
                "/verify_access_token",
                body + b" " * (LIMIT - len(body)),
                {"Content-Type": "application/json"},
            )
        )
        == 0
    )


@pytest.mark.parametrize("path", ROUTES)
def test_a_gibibyte_is_refused_at_once(plain_http, path):
    connection = plain_http.connection()
    begun = time.monotonic()
    connection.putrequest("POST", path)
    connection.putheader("Content-Type", FORM["Content-Type"])
    connection.putheader("Content-Length", str(1 << 30))
    connection.endheaders()
    connection.send(b"x" * 1000)
    reply = Reply(connection.getresponse())
    connection.close()
    assert code(reply, 413) == 2
    assert time.monotonic() - begun < AT_ONCE


def test_who_waits_to_be_asked_for_a_large_body_is_told_no(server):
    request = JSON_REQUEST + b"Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
    begun = time.monotonic()
    assert raw_reply(server, request).startswith(b"HTTP/1.1 413 ")
    assert time.monotonic() - begun < AT_ONCE


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999999999999999999", "x", "0x10", "1, 2"])
def test_a_content_length_that_is_none(server, length):
    request = JSON_REQUEST + f"Content-Length: {length}\r\nConnection: close\r\n\r\n".encode()
    received = raw_reply(server, request + b"{}")
    assert received.split(b" ")[1] in (b"400", b"413")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_headers_over_the_limit_are_431(plain_http, method):
    assert plain_http.request(method, "/login", None, {"X-Long": "x" * 8192}).status == 431
    assert plain_http.request(method, "/login", None, {f"X-{number}": "x" * 40 for number in range(200)}).status == 431
    assert plain_http.request("GET", "/login?" + "x" * 8192).status in (414, 431)
    assert plain_http.request(method, "/login", None, {"X-Long": "x" * 7000}).status == 200


NO_HTTP = {
    "NULs": b"\0" * 100 + b"\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "one word": b"GET\r\n\r\n",
    "a version of the future": b"GET /login HTTP/9.9\r\n\r\n",
    "no host": b"GET /login HTTP/1.1\r\n\r\n",
    "a header without a colon": b"GET /login HTTP/1.1\r\nHost: x\r\nbroken\r\n\r\n",
    "a NUL in a header": b"GET /login HTTP/1.1\r\nHost: x\r\nA\0B: c\r\n\r\n",
}


@pytest.mark.parametrize("what", NO_HTTP)
def test_what_is_no_http(server, what, plain_http):
    """Refused by a status, closed without one, or, where it can be read all the same, answered as bad parameters."""
    received = raw_reply(server, NO_HTTP[what], timeout=0.3)
    assert received == b"" or received.split(b" ")[1] in (b"400", b"404", b"405", b"505") or b'{"result":2,' in received
    assert plain_http.get("/verify_access_token").status == 200


def test_no_http_on_the_https_port(server, http):
    with socket.create_connection(("127.0.0.1", server.ports["https"]), 5) as one:
        one.sendall(b"GET /verify_access_token HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP/1.1 200" not in one.recv(65536)
    assert http.get("/verify_access_token").status == 200


# The connection afterwards


def test_a_refusal_leaves_the_connection_usable(plain_http, calls):
    lamp = calls.new_account(DEVICE)
    connection = plain_http.connection()
    refusals = [
        ("GET", "/nothing", None, {}, 404),
        ("PUT", "/login", b"x" * 1000, FORM, 405),
        ("POST", "/login", b"x", {"Content-Type": "text/plain"}, 415),
        ("POST", "/login", b"x" * (LIMIT + 1), FORM, 413),
        ("POST", "/login", b"%", FORM, 200),
    ]
    for method, path, body, headers, status in refusals:
        connection.request(method, path, body, headers)
        assert Reply(connection.getresponse()).status == status
        connection.request("GET", f"/verify_access_token?access_token={lamp.token}")
        assert Reply(connection.getresponse()).json == {"result": 0, "validate": True}
    connection.close()


def test_pipelined_requests_are_answered_in_order(server, calls):
    tokens = [calls.new_account(DEVICE).token, "x", calls.new_account(DEVICE).token, "y"]
    requests = "".join(f"GET /verify_access_token?access_token={token} HTTP/1.1\r\nHost: x\r\n\r\n" for token in tokens)
    received = raw_reply(server, requests.encode(), timeout=0.3)
    assert [int(digit) for digit in re.findall(rb'"result":(\d)', received)] == [0, 4, 0, 4]
