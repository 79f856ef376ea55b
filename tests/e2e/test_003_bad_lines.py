"""Bad input on the TCP port: what is JSON costs a line, what is not costs the connection, nothing costs more."""

import contextlib
import json
import socket

import pytest

from harness.tcp_client import LineClient

WRONG = {"result": 2, "sign": ""}
NO_TOKEN = {"result": 4, "validate": False}


def assert_usable(tcp):
    assert tcp.call("/verify_access_token", access_token="x") == NO_TOKEN


def assert_closed(tcp):
    """The server has closed; what was sent behind the bad line is not read, so that it may be a reset."""
    with contextlib.suppress(ConnectionResetError):
        assert tcp.line() is None


LINES = {
    "no path": {},
    "an unknown path": {"path": "/nothing"},
    "a path of HTTP only": {"path": "/login", "user_name": "x"},
    "a path of another spelling": {"path": "/Get_Users"},
    "an empty path": {"path": ""},
    "a path that is a number": {"path": 1},
    "a path that is null": {"path": None},
    "a path that is a list": {"path": ["/get_users"]},
    "a list": [],
    "a list of requests": [{"path": "/get_users"}],
    "a long path": {"path": "/" * 60000},
    "a control character in the path": {"path": "/get_users\x01"},
}


@pytest.mark.parametrize("what", LINES)
def test_json_that_is_no_request_costs_the_line(tcp, what):
    tcp.send(LINES[what])
    assert tcp.receive() == WRONG
    assert_usable(tcp)


DEEP = b'{"path":"/get_users","access_token":"x","user_name_ls":' + b"[" * 1000 + b"]" * 1000 + b"}"


@pytest.mark.parametrize(
    "line",
    [
        DEEP,
        b'{"path":"/get_users","path":"/get_users"}',
        b'{"path":"/get_users","a":{"b":1,"b":2}}',
        b'{"path":"/get_users"' + b"".join(b',"p%d":1' % number for number in range(70)) + b"}",
    ],
)
def test_json_that_cannot_be_read_as_parameters_costs_the_line(tcp, line):
    tcp.send(line + b"\n")
    assert tcp.receive()["result"] == 2
    assert_usable(tcp)


@pytest.mark.parametrize("path, missing", [("/get_users", 2), ("/verify_access_token", 4)])
def test_parameters_are_checked_as_over_http(tcp, lamp, path, missing):
    assert tcp.call(path)["result"] == missing
    for bad in ([], {}, True, None, "", "x" * 10000, "\x01", "汉字"):
        assert tcp.call(path, access_token=bad, user_name_ls=[lamp.name])["result"] == 4
    for bad in ("[]", [], {}, 5, None, "", [1], [""], ["x"] * 101, "x" * 10000):
        assert tcp.call("/get_users", access_token=lamp.token, user_name_ls=bad)["result"] == 2
    for bad in (0, 4, -1, 1.5, 10**30, "x", True, []):
        assert tcp.call("/get_users", access_token=lamp.token, user_name_ls=["x"], type=bad)["result"] == 2


NO_JSON = {
    "nothing": b"",
    "space": b"   ",
    "text": b"hello",
    "cut": b'{"path":',
    "two objects": b"{}{}",
    "a number": b"5",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "invalid UTF-8": b'{"path":"\xff"}',
    "NUL": b'{"path":"/get_users\0"}',
    "an HTTP request": b"GET / HTTP/1.1\r",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "deeper than any": b"[" * 60000 + b"]" * 5000,
}


@pytest.mark.parametrize("what", NO_JSON)
def test_a_line_that_is_not_json_costs_the_connection(tcp, what, server):
    tcp.send(NO_JSON[what] + b"\n" + b'{"path":"/verify_access_token","access_token":"x"}\n')
    assert tcp.receive() == WRONG
    assert_closed(tcp)
    with LineClient(server.ports["tcp"]) as another:
        assert_usable(another)


def test_a_line_over_the_limit_costs_the_connection(tcp):
    tcp.send(b"x" * 65537)  # its end is not waited for
    assert tcp.receive() == WRONG
    assert_closed(tcp)


def test_a_line_of_just_the_limit_is_read(tcp, lamp):
    line = json.dumps({"path": "/verify_access_token", "access_token": lamp.token}).encode()
    tcp.send(line + b" " * (65536 - len(line)) + b"\n")
    assert tcp.receive() == {"result": 0, "validate": True}
    tcp.send(line + b" " * (65537 - len(line)) + b"\n")
    assert tcp.receive() == WRONG
    assert_closed(tcp)


def test_what_came_before_a_broken_line_is_answered(tcp, lamp):
    good = b'{"path":"/verify_access_token","access_token":"%s"}\n' % lamp.token.encode()
    tcp.send(good * 3 + b"broken\n" + good)
    assert [tcp.receive()["result"] for _ in range(4)] == [0, 0, 0, 2]
    assert_closed(tcp)


def test_half_a_line_and_the_end_is_no_request(tcp):
    tcp.send(b'{"path":"/verify_access_token","access_token":"x"}')
    tcp.socket.shutdown(socket.SHUT_WR)
    assert_closed(tcp)


def test_answers_come_although_the_client_has_finished_sending(tcp, lamp):
    tcp.send(
        b'{"path":"/get_users","access_token":"%s","user_name_ls":["%s"]}\n'
        % (lamp.token.encode(), lamp.name.encode())
        * 5
    )
    tcp.socket.shutdown(socket.SHUT_WR)
    assert [tcp.receive()["result"] for _ in range(5)] == [0] * 5
    assert_closed(tcp)


def test_a_client_that_leaves_in_the_middle_harms_nobody(server, lamp):
    request = b'{"path":"/get_users","access_token":"%s","user_name_ls":["%s"]}\n' % (
        lamp.token.encode(),
        lamp.name.encode(),
    )
    for _ in range(50):
        with LineClient(server.ports["tcp"]) as one:
            one.send(request * 20)
    with LineClient(server.ports["tcp"]) as another:
        assert_usable(another)
