"""Clients that send a byte now and then, do not read, stall in a handshake, or come in crowds: each costs its
connection until its deadline and nothing else. The deadlines are configured short here; their defaults are
dialects.md's."""

import contextlib
import json
import time

import pytest

from harness.calls import DEVICE
from harness.crashes import Background
from harness.d003 import metric, wait_until
from harness.idle import Process, percentile
from harness.outage import check
from harness.slow import Slow
from harness.tcp_client import LineClient

HEADERS, BODY, SEND = 1.2, 0.6, 0.8
LATE = 0.5  # how much later than its deadline a connection may end on a busy machine
SETTINGS = {
    "REGISTRARD_HTTP_HEADERS_TIMEOUT": f"{HEADERS * 1000:.0f}ms",
    "REGISTRARD_HTTP_BODY_TIMEOUT": f"{BODY * 1000:.0f}ms",
    "REGISTRARD_HTTP_SEND_TIMEOUT": f"{SEND * 1000:.0f}ms",
    "REGISTRARD_TCP_IDLE_TIMEOUT": "1s",
    "ASAN_OPTIONS": "quarantine_size_mb=1",  # what was freed would be taken for the program's memory
}
POST = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"


@pytest.fixture(autouse=True)
def short_deadlines(server):
    server.restart(SETTINGS)


@pytest.fixture
def opened():
    """Makes connections that are closed after the test."""
    with contextlib.ExitStack() as stack:

        def make(*arguments, **named):
            one = Slow(*arguments, **named)
            stack.callback(one.close)
            return one

        yield make


@pytest.fixture
def connect(server, stack, opened):
    """A new connection to the HTTPS port; the HTTP port differs in nothing but TLS."""
    return lambda: opened(server.ports["https"], stack.certificate)


def others_are_served(calls, lamp, seconds):
    """Quickly, for so long."""
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        assert check(calls, lamp) == 0
        times.append(time.monotonic() - begun)
    assert percentile(times, 0.9) < 0.5, times


def test_headers_a_byte_now_and_then(connect, calls, lamp, server):
    slow = [connect() for _ in range(20)]
    begun = slow[0].begun
    for number in range(4):  # with and without a request line that is whole
        for index, one in enumerate(slow):
            if number == 0 and index % 2:
                one.send(b"X" * 20)
            one.send(b"G" if number == 0 else b"E")
        others_are_served(calls, lamp, 0.15)
    assert not any(one.is_ended() for one in slow)
    for one in slow:
        assert HEADERS - 0.1 < one.wait_ended(HEADERS + LATE) < HEADERS + LATE + time.monotonic() - begun
    assert metric(server, "http_connections_cut_total", reason="headers") >= 20


def test_headers_after_the_request_line(connect):
    """From the request line on, the time is the body's."""
    slow = connect()
    slow.send(b"GET /verify_code HTTP/1.1\r\n")
    assert BODY - 0.1 < slow.trickle(b"X-Long: " + b"x" * 1000, 0.05) < BODY + LATE


def test_a_body_a_byte_now_and_then(connect, calls, lamp, server):
    slow = [connect() for _ in range(10)]
    for one in slow:
        one.send(POST)
    with Background(lambda: others_are_served(calls, lamp, 0.1)):
        assert BODY - 0.1 < slow[0].trickle(b"{" + b" " * 998, 0.05) < BODY + LATE
    for one in slow:
        one.wait_ended(LATE)
    assert metric(server, "http_connections_cut_total", reason="body") >= 10


def test_silence_between_requests(connect):
    slow = connect()
    time.sleep(0.5)
    slow.send(b"GET /verify_access_token HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert HEADERS + 0.4 < slow.wait_ended(HEADERS + LATE) < HEADERS + 0.5 + LATE


def test_answers_that_nobody_reads(connect, calls, lamp, server):
    """Pipelined requests with long answers: the server does not read on, keeps little, and cuts in the end."""
    names = json.dumps([lamp.name] * 100).replace('"', "%22").replace(" ", "")
    path = f"/get_users?access_token={lamp.token}&user_name_ls={names}"
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    for number in range(3):
        if number == 1:  # what the first one made it take, it may keep
            memory = Process(server.pid).memory()
        assert connect().flood(request, 64 * 1024 * 1024) < 64 * 1024 * 1024
        others_are_served(calls, lamp, 0.1)
    wait_until(lambda: metric(server, "http_connections_cut_total", reason="send") >= 3, 5, "the cut")
    assert Process(server.pid).memory() - memory < 16


def test_a_client_that_leaves_before_its_answer(connect, calls, lamp, server, link):
    """The call comes back to nobody; SIGPIPE would be deadly."""
    peer = calls.new_account(DEVICE)
    link.stall()  # the binding waits
    form = json.dumps({"access_token": lamp.token, "user_name": lamp.name, "user_name_ls": [peer.name]})
    for _ in range(20):
        one = connect()
        one.send(f"POST /set_user_banding HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 f"Content-Length: {len(form)}\r\n\r\n{form}".encode())
        one.close()
    wait_until(lambda: metric(server, "http_connections") <= 1, 10, "the end of the connections")
    assert check(calls, lamp) == 0


@pytest.mark.parametrize("first", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_a_handshake_that_stalls(first, server, opened, calls, lamp):
    slow = [opened(server.ports["https"]) for _ in range(50)]
    for one in slow:
        one.send(first)
    process = Process(server.pid)
    computed = process.cpu()
    time.sleep(HEADERS - 0.5)
    assert process.cpu() - computed < 0.3, "it computes while it waits"
    others_are_served(calls, lamp, 0.1)
    for one in slow:
        assert HEADERS - 0.1 < one.wait_ended(HEADERS + LATE)


# Crowds


def test_connections_of_one_address(server, stack, opened):
    server.restart({"REGISTRARD_HTTP_CONNECTIONS_PER_ADDRESS": "5", "REGISTRARD_TCP_CONNECTIONS_PER_ADDRESS": "5"})
    for port, certificate in (("http", None), ("https", None), ("tcp", None)):
        kept = [opened(server.ports[port], certificate) for _ in range(5)]
        wait_until(lambda: sum(metric(server, f"{kind}_connections") for kind in ("http", "tcp")) >= 5, what="them")
        opened(server.ports[port]).wait_ended(2)
        other = opened(server.ports[port], source="127.0.0.2")
        time.sleep(0.05)
        assert not other.is_ended() and not any(one.is_ended() for one in kept)
        kept.pop().close()
        wait_until(lambda: _stays_open(opened(server.ports[port])), what="the place that became free")
        for one in [*kept, other]:
            one.close()


def _stays_open(one):
    time.sleep(0.1)
    return not one.is_ended()


def test_connections_in_all(server, opened):
    """HTTP: the next one waits for a place. TCP: it is closed at once."""
    server.restart({"REGISTRARD_HTTP_CONNECTIONS": "5", "REGISTRARD_TCP_CONNECTIONS": "5",
                    "REGISTRARD_HTTP_THREADS": "1"})
    kept = [opened(server.ports["http"]) for _ in range(5)]
    wait_until(lambda: metric(server, "http_connections") == 5, what="all places taken")
    waiting = opened(server.ports["http"])
    waiting.send(b"GET /verify_access_token HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(0.2)
    assert metric(server, "http_connections") == 5
    kept.pop().close()
    waiting.socket.settimeout(5)
    assert b'"result":4' in waiting.socket.recv(4096)

    lines = [opened(server.ports["tcp"]) for _ in range(5)]
    wait_until(lambda: metric(server, "tcp_connections") == 5, what="all places taken")
    opened(server.ports["tcp"]).wait_ended(2)
    assert not any(one.is_ended() for one in lines)


# The TCP port


def test_a_line_a_byte_now_and_then(server, opened, lamp):
    slow = opened(server.ports["tcp"])
    taken = slow.trickle(json.dumps({"path": "/verify_access_token", "access_token": "x" * 500}).encode(), 0.05)
    assert 0.9 < taken < 1 + LATE
    with LineClient(server.ports["tcp"]) as quick:
        assert quick.call("/verify_access_token", access_token=lamp.token)["result"] == 0


def test_lines_whose_answers_nobody_reads(server, opened, lamp):
    line = json.dumps({"path": "/verify_access_token", "access_token": lamp.token}).encode() + b"\n"
    for number in range(2):
        if number == 1:
            memory = Process(server.pid).memory()
        assert opened(server.ports["tcp"]).flood(line * 100, 64 * 1024 * 1024) < 64 * 1024 * 1024
    with LineClient(server.ports["tcp"]) as quick:
        assert quick.call("/verify_access_token", access_token=lamp.token)["result"] == 0
    assert Process(server.pid).memory() - memory < 16


def test_a_handshake_that_stalls_on_the_tcp_port(server, opened):
    server.restart({**SETTINGS, "REGISTRARD_TCP_TLS": "true"})
    slow = [opened(server.ports["tcp"]) for _ in range(20)]
    for one in slow[:10]:
        one.send(b"\x16\x03\x01")
    process = Process(server.pid)
    computed = process.cpu()
    time.sleep(0.5)
    assert process.cpu() - computed < 0.2
    for one in slow:
        assert 0.9 < one.wait_ended(1 + LATE)
