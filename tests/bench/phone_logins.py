"""Logins of phones in the dialects that have accounts of phones alone: 000, 001, 002 and 004. One set of people for all:
registered through 004 and reset through 000, which leaves every proof (docs/logins.md)."""

import concurrent.futures
import hashlib
import json
import secrets
import time
import urllib.parse

from traffic import PASSWORD  # first: it makes the harness known
from harness.d000 import Android, salted, status
from harness.d004 import LOGIN, Client, challenge
from harness.http_client import Http
from harness.sms_file import SmsFile

PEOPLE = 48
CLIENTS = 32
CHALLENGES_MOST = 12_000  # a second; each is good once


def _person(http, sms):
    """Phone and salt."""
    phone = Client(http, sms).register(PASSWORD).phone
    app = Android(http, sms, phone, PASSWORD)
    assert status(app.reset(app.verified("1"), PASSWORD)) == 200
    return phone, app.get_salt().json["salt"]


def people(bench):
    http = Http(bench.server.ports, bench.stack.certificate, plain=True)
    sms = SmsFile(bench.stack.var)
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        return list(threads.map(lambda _: _person(http, sms), range(PEOPLE)))


def _posts(path, forms):
    return [f"POST {path} {urllib.parse.urlencode(form)}" for form in forms]


def with_salt(known):
    return _posts("/android/login", ({"phone": phone, "salt": salt, "password": salted(PASSWORD, salt)} for phone, salt in known))


def with_md5(path, known):
    digest = hashlib.md5(PASSWORD.encode()).hexdigest()
    return _posts(path, ({"phone": phone, "xid": secrets.token_hex(16), "pwd": digest, "utime": int(time.time())} for phone, _ in known))


def with_challenge(known, count):
    for number in range(count):
        yield f"POST {LOGIN} " + json.dumps(challenge(known[number % len(known)][0], PASSWORD))


def _login(bench, dialect, lines, *options):
    done = bench.load(("http", bench.server.ports["http"]), lines, "-c", CLIENTS, *options)
    bench.note(f"logins, {dialect}", done["per_second"])
    bench.note(f"logins, {dialect}, p99 ms", done["p99_ms"])
    return done["per_second"]


def measure(bench, known):
    """Each between two measurements of the machine, but 004, which hashes nothing."""
    before = bench.programs.argon2(bench.seconds)
    for dialect, lines, right in (
        ("000", with_salt(known), '"status":200'),
        ("001", with_md5("/reg/login", known), '"code":"200"'),
        ("002", with_md5("/user/login", known), '"code":"200"'),
    ):
        rate = _login(bench, dialect, lines, "-e", right)
        after = bench.programs.argon2(bench.seconds)
        bench.note(f"argon2id hashes, {dialect}", (before + after) / 2)
        bench.share(f"logins, {dialect}: share", rate, (before + after) / 2)
        before = after
    _login(bench, "004", with_challenge(known, int(CHALLENGES_MOST * (bench.seconds + 1))), "-o", "-e", '"token":')
