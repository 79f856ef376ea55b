"""A reverse proxy ends TLS: what it says of its client's way, and nobody else, decides whether cookies are for HTTPS only.
Whose X-Forwarded-For counts is in test_codes_attacks.py."""

import pytest

from harness.d000 import Android
from harness.d004 import Client
from harness.http_client import Http, Reply
from harness.sms_file import SmsFile

PROXIED = {"REGISTRARD_HTTP_PROXIES": "127.0.0.0/8"}


class Through(Http):
    """Requests as a proxy sends them on, with a header X-Forwarded-Proto for each of `schemes`."""

    schemes = ()

    def request(self, method, path, body=None, headers=None):
        connection = self.connection()
        connection.putrequest(method, path)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        for scheme in self.schemes:
            connection.putheader("X-Forwarded-Proto", scheme)
        connection.putheader("Content-Length", str(len(body or b"")))
        connection.endheaders(body)
        try:
            return Reply(connection.getresponse())
        finally:
            connection.close()


@pytest.fixture
def secure(server, stack):
    """secure("https"): whether the cookies of 000's registration, 003's picture and 004's second step are for HTTPS only."""

    def ask(*schemes, plain=True):
        http = Through(server.ports, stack.certificate, plain=plain)
        http.schemes = schemes
        app, client = Android(http, SmsFile(stack.var)), Client(http, SmsFile(stack.var))
        replies = [app.register(app.verified()), http.get("/verify_code")]
        client.step_1()
        replies.append(client.step_2())
        return ["; Secure" in reply.headers["Set-Cookie"] for reply in replies]

    return ask


def test_a_proxy_that_is_named_is_believed(server, secure):
    server.restart(PROXIED)
    assert secure("https") == [True] * 3
    assert secure("HTTPS") == [True] * 3
    assert secure("http") == [False] * 3
    assert secure() == [False] * 3


def test_nobody_else_is(server, secure):
    assert secure("https") == [False] * 3
    server.restart({"REGISTRARD_HTTP_PROXIES": "192.0.2.0/24"})  # another one
    assert secure("https") == [False] * 3


@pytest.mark.parametrize("schemes", [("https", "https"), ("https, http",), ("http", "https"), ("https;",), ("",)])
def test_one_word_or_nothing(server, secure, schemes):
    """Of several nobody knows which the client wrote."""
    server.restart(PROXIED)
    assert secure(*schemes) == [False] * 3


def test_https_is_https_whatever_a_header_says(server, secure):
    server.restart(PROXIED)
    assert secure("http", plain=False) == [True] * 3
