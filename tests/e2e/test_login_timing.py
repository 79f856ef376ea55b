"""A login that fails takes the same time whatever was wrong, where the dialect does not itself tell it: unknown accounts, wrong
passwords, passwords that are not looked at. Medians of many, taken in turns, at the cost that production hashes with."""

import hashlib
import statistics
import time

import pytest

from harness.calls import DEVICE, new_name, new_phone
from harness.d000 import Android
from harness.sms_file import SmsFile

pytestmark = pytest.mark.alone

COST = {
    "REGISTRARD_PASSWORD_MEMORY": "19456",
    "REGISTRARD_PASSWORD_PASSES": "2",
    "REGISTRARD_PASSWORD_SLOW_AFTER": "100000",
    "REGISTRARD_PASSWORD_STOP_AFTER": "100000",
}
ROUNDS = 15
# What a median may differ by: far below a hash, which is what a shorter way would save, and above what a busy machine does.
MARGIN = 0.25


@pytest.fixture
def costly(server):
    server.restart(COST)


def medians(ways):
    """Seconds, by name; each way is a function that makes one call."""
    took = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(ROUNDS):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            took[name].append(time.perf_counter() - begun)
    return {name: statistics.median(times) for name, times in took.items()}


def assert_alike(ways):
    found = medians(ways)
    slow, quick = max(found.values()), min(found.values())
    assert slow - quick < MARGIN * slow, found


def shut(db, name):
    with db.cursor() as cursor:
        cursor.execute("insert into wrong_passwords select id, case type when 1 then '' else '127.0.0.1' end, 50, now() + interval '1 day' "
                       "from accounts where name = %s and state < 2", (name,))
        assert cursor.rowcount == 1


def test_dialect_003(costly, calls, plain_http, db):
    known, other = calls.new_account(DEVICE), calls.new_account(DEVICE)
    shut(db, other.name)

    def login(name, password):
        reply = plain_http.post("/login", {"user_name": name(), "password": password, "type": DEVICE})
        assert reply.json["result"] == 102

    assert_alike({
        "unknown": lambda: login(new_name, "x"),
        "wrong": lambda: login(lambda: known.name, "x"),
        "not looked at": lambda: login(lambda: other.name, other.password),
    })


def test_dialect_000(costly, http, plain_http, stack, calls, db):
    sms = SmsFile(stack.var)
    known, other = Android(http, sms).registered(), Android(http, sms).registered()
    third = new_phone()
    calls.new_account(1, third)
    third_salt = http.post("/android/getSalt", {"phone": third}).json["salt"]
    shut(db, "+86" + other.phone)

    def login(phone, salt, password):
        digest = hashlib.md5((password + salt).encode()).hexdigest()
        reply = plain_http.post("/android/login", {"phone": phone(), "salt": salt, "password": digest})
        assert reply.json["status"] == 500

    assert_alike({
        "unknown": lambda: login(new_phone, "abcdefgh", "x"),
        "wrong password": lambda: login(lambda: known.phone, known.salt, "x"),
        "wrong salt": lambda: login(lambda: known.phone, "abcdefgh", known.password),
        "never opened by 000": lambda: login(lambda: third, third_salt, "x"),
        "not looked at": lambda: login(lambda: other.phone, other.salt, other.password),
    })
