"""A storm of logins: hashing has a bounded queue. What does not fit is told so at once, and nothing else waits."""

import statistics
import threading
import time

import pytest

from harness.calls import DEVICE, Account, new_name
from harness.d003 import at_once, code, metric
from harness.tcp_client import LineClient

pytestmark = pytest.mark.alone

# About a tenth of a second for a hash, on one thread, and one may wait.
TINY = {
    "REGISTRARD_PASSWORD_MEMORY": "65536",
    "REGISTRARD_PASSWORD_PASSES": "3",
    "REGISTRARD_PASSWORD_THREADS": "1",
    "REGISTRARD_PASSWORD_QUEUE": "1",
}


def login(http, name):
    return http.post("/login", {"user_name": name, "password": "x", "type": DEVICE})


def test_more_than_the_queue_holds_is_told_to_come_back(server, plain_http):
    server.restart(TINY)
    begun = time.monotonic()
    assert code(login(plain_http, new_name())) == 102
    one_hash = time.monotonic() - begun
    replies = at_once([lambda: login(plain_http, new_name())] * 16)
    refused = [reply for reply in replies if reply.status == 503]
    answered = [reply for reply in replies if reply.status == 200]
    assert len(refused) >= 10 and len(answered) >= 2
    for reply in refused:
        assert code(reply, 503) == 1
        assert reply.json == {"result": 1, "sign": ""}
        assert 1 <= int(reply.headers["Retry-After"]) <= 60
    assert {code(reply) for reply in answered} == {102}
    assert time.monotonic() - begun < 8 * one_hash + 1  # not sixteen
    assert metric(server, "lane_refused_total", lane="hash") == len(refused)
    assert code(login(plain_http, new_name())) == 102  # and afterwards it works


def test_token_checks_stay_fast_meanwhile(server, lamp, plain_http):
    server.restart(TINY)
    stop = threading.Event()

    def storm():
        while not stop.is_set():
            login(plain_http, new_name())

    threads = [threading.Thread(target=storm, daemon=True) for _ in range(4)]
    with LineClient(server.ports["tcp"]) as tcp:
        assert tcp.call("/verify_access_token", access_token=lamp.token)["validate"]
        for thread in threads:
            thread.start()
        took = []
        until = time.monotonic() + 1
        while time.monotonic() < until:
            begun = time.monotonic()
            assert tcp.call("/verify_access_token", access_token=lamp.token)["validate"]
            took.append(time.monotonic() - begun)
        stop.set()
    for thread in threads:
        thread.join(10)
    assert metric(server, "lane_refused_total", lane="hash") > 0  # there was a storm
    assert len(took) > 50 and statistics.median(took) < 0.01


def test_calls_without_a_hash_go_on(server, lamp, plain_http, calls):
    other = calls.new_account(DEVICE)
    server.restart(TINY)
    stop = threading.Event()

    def storm():
        while not stop.is_set():
            login(plain_http, new_name())

    threads = [threading.Thread(target=storm, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    begun = time.monotonic()
    assert code(calls.bind(lamp, [other.name])) == 0
    assert code(calls.bindings(lamp)) == 0
    assert code(calls.get_users(lamp.token, [other.name])) == 0
    took = time.monotonic() - begun
    stop.set()
    for thread in threads:
        thread.join(10)
    assert took < 2


def test_a_refused_registration_leaves_nothing_behind(server, calls, plain_http):
    server.restart(TINY)
    accounts = [Account(DEVICE, new_name(), "x") for _ in range(8)]
    pictures = [calls.picture() for _ in accounts]

    def register(account, picture):
        return plain_http.post(
            "/register",
            {
                "user_name": account.name,
                "password": "x",
                "type": 2,
                "device_type": "x",
                "verify_id": picture[0],
                "verify_code": picture[1],
            },
        )

    replies = at_once([lambda a=account, p=picture: register(a, p) for account, picture in zip(accounts, pictures)])
    assert {reply.status for reply in replies} == {200, 503}
    for account, reply in zip(accounts, replies):
        if reply.status == 200:
            assert code(reply) == 0
    server.restart()
    for account, reply in zip(accounts, replies):
        assert code(calls.login(account)) == (0 if reply.status == 200 else 102)
