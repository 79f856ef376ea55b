"""Passwords, codes, tokens, keys and whole phone numbers never reach the log, the metrics or an error: every call is
made with values found nowhere else, well and badly, while everything behind it fails; then all that was written is
searched."""

import json
import secrets

import pytest

from harness.calls import DEVICE, PHONE, WECHAT, Account, new_phone
from harness.canaries import Canaries, keep_configuration
from harness.d003 import ROUTES, Accounts, code, fresh, metric, signed, wait_until
from harness.encodings import ENCODINGS
from harness.outage import recovered
from harness.tcp_client import LineClient

APP, BACKEND = secrets.token_hex(20), secrets.token_hex(20)
SETTINGS = {
    "REGISTRARD_LOG_LEVEL": "debug",
    "REGISTRARD_D003_APP_SECRETS": f"app:{APP}",
    "REGISTRARD_D003_BACKEND_SECRETS": f"backend:{BACKEND}",
}


class Of003(Canaries):
    def account(self, kind):
        name = self.add("a phone number", new_phone()) if kind == PHONE else secrets.token_hex(10)
        return Account(kind, name, self.add("a password", secrets.token_hex(12)))

    def took(self, account):
        """After a login."""
        self.add("a token", account.token)
        self.add("a JID's password", account.jid_password)
        return account


@pytest.fixture
def canaries(stack):
    one = keep_configuration(Of003(), stack.settings)
    for what, value in (("an application's secret", APP), ("a backend's secret", BACKEND)):
        one.add(what, value)
    return one


class Watched:
    """Calls whose pictures' ids and answers are canaries."""

    def __init__(self, calls, canaries):
        self.canaries = canaries
        self.read = calls.read_answer
        calls.read_answer = self.read_answer

    def read_answer(self, verify_id):
        self.canaries.add("a picture's id", verify_id)
        return self.canaries.add("a picture's answer", self.read(verify_id))


def good_calls(calls, canaries, http):
    accounts = [canaries.account(kind) for kind in (PHONE, DEVICE, WECHAT)]
    for account in accounts:
        assert code(calls.register(account, des=canaries.add("a description", secrets.token_hex(8)))) == 0
        canaries.took(calls.log_in(account))
    phone, lamp, wechat = accounts
    assert code(calls.bind(phone, [lamp.name, wechat.name])) == 0
    assert code(calls.unbind(lamp, [phone.name])) == 0
    assert code(calls.get_users(phone.token, [account.name for account in accounts])) == 0
    assert code(http.get("/verify_access_token", {"access_token": phone.token})) == 0  # a token in a URL
    assert code(calls.cancel(wechat)) == 0
    return phone, lamp


def bad_calls(calls, canaries, plain_http, phone):
    values = {
        "user_name": phone.name,
        "password": phone.password,
        "type": "1",
        "verify_id": "x",
        "verify_code": secrets.token_hex(3),
        "access_token": phone.token,
        "user_name_ls": json.dumps([phone.name]),
        "device_type": "x",
        "param_sign": phone.token,
    }
    canaries.add("a wrong picture's answer", values["verify_code"])
    pairs = [(name, value.encode()) for name, value in values.items()]
    for path in ROUTES + ("/nothing",):
        for encode in ENCODINGS.values():
            for more in ([], [("x", b"\xff")], pairs):  # a wrong signature, malformed, everything twice
                plain_http.request(*encode(path, pairs + more))
        plain_http.request("PUT", f"{path}?access_token={phone.token}&user_name={phone.name}")
        plain_http.request("POST", path, json.dumps(values).encode()[:-5], {"Content-Type": "application/json"})
        plain_http.request("POST", path, json.dumps(values).encode() * 300, {"Content-Type": "application/json"})
        plain_http.request(
            "GET", f"{path}?access_token={phone.token}", None, {"Cookie": "verify_id=" + phone.token, "X": "x" * 9000}
        )
    wrong = Account(PHONE, phone.name, canaries.add("a wrong password", secrets.token_hex(12)))
    assert code(calls.login(wrong)) == 102
    assert code(calls.register(wrong)) == 103
    assert code(calls.bind(wrong, [phone.name])) == 4


def lines(server, phone):
    for line in (
        b'{"path":"/verify_access_token","access_token":"%s"}',
        b'{"path":"/%s"}',
        b'{"path":"/get_users","access_token":"%s"',
        b'{"path":"/get_users","access_token":"x","user_name_ls":["%s"]}',
        b"%s",
    ):
        for secret in (phone.token, phone.password, phone.name):
            with LineClient(server.ports["tcp"]) as tcp:
                tcp.send(line % secret.encode() + b"\n")
                tcp.line()


def signed_calls(canaries, plain_http, phone):
    lamp = {"user_name": secrets.token_hex(8), "password": canaries.add("a password", secrets.token_hex(12)), "type": 2}
    request = signed(APP, "/register", {**lamp, "device_type": "x", **fresh()})
    canaries.add("a nonce", request["nonce"])
    canaries.add("a signature", request["param_sign"])
    for _ in range(2):
        plain_http.post("/register", request)
    ask = signed(BACKEND, "/get_user_banding", {"user_name": phone.name})
    assert code(plain_http.post("/get_user_banding", ask)) == 0


def faults(calls, canaries, plain_http, stack, link, server, phone):
    link.refuse()
    wait_until(lambda: metric(server, "xmpp_ready") == 0, what="the link down")
    assert code(calls.register(canaries.account(PHONE))) == 101
    canaries.took(calls.log_in(phone))
    link.heal()
    server.wait_ready()
    lamp = calls.new_account(DEVICE)
    for service in ("redis", "postgres"):
        verify_id, answer = calls.picture()
        stack.kill(service)
        for account in (phone, canaries.account(PHONE)):
            for path in ("/login", "/register", "/cancel"):
                plain_http.post(
                    path,
                    {
                        "user_name": account.name,
                        "password": account.password,
                        "type": 1,
                        "verify_id": verify_id,
                        "verify_code": answer,
                    },
                )
            plain_http.post("/get_users", {"access_token": account.token, "user_name_ls": json.dumps([account.name])})
        stack.start(service)
        recovered(server, calls, lamp)


def test_nothing_secret_is_written_anywhere(calls, plain_http, server, stack, link, canaries):
    mark = server.log.mark()
    server.restart(SETTINGS)
    Watched(calls, canaries)
    phone, _ = good_calls(calls, canaries, calls.http)
    bad_calls(calls, canaries, plain_http, phone)
    lines(server, phone)
    signed_calls(canaries, plain_http, phone)
    faults(calls, canaries, plain_http, stack, link, server, phone)
    assert code(calls.cancel(phone)) == 0
    _, metrics = server.get_ops("/metrics")
    server.restart(SETTINGS)  # also what stopping and starting says

    assert len(canaries.known) > 30
    log = server.log.text(mark)
    assert "event=account_registered" in log and "event=stopped" in log
    assert canaries.found_in(log) == []
    assert canaries.found_in(metrics) == []
    for service in stack.services:
        text = (stack.var / "log" / f"{service}.log").read_text(encoding="utf-8", errors="replace")
        assert canaries.found_in(text) == [], service


def test_what_lies_in_the_stores_opens_nothing(calls, canaries, db, redis):
    """Tokens and passwords are kept as hashes, JID passwords sealed, pictures as a MAC; limits do not say who."""
    Watched(calls, canaries)
    phone, lamp = good_calls(calls, canaries, calls.http)
    calls.picture()
    found = canaries.found_in(Accounts(db).everything())
    assert set(found) <= {"a phone number", "a description"}
    kept = []
    for key in redis.scan_iter("*"):
        kept.append(key)
        kept.append(redis.get(key) if redis.type(key) == b"string" else b"")
    text = b"\n".join(kept).decode("latin-1")
    assert set(canaries.found_in(text)) <= {"a picture's id"}
    assert lamp.name not in text


def test_a_cancelled_account_leaves_no_personal_data(calls, canaries, db):
    phone = canaries.account(PHONE)
    description = canaries.add("a description", secrets.token_hex(8))
    assert code(calls.register(phone, des=description)) == 0
    calls.log_in(phone)
    assert canaries.found_in(Accounts(db).everything()) != []
    assert code(calls.cancel(phone)) == 0
    assert canaries.found_in(Accounts(db).everything()) == []
    assert phone.jid_local in Accounts(db).everything()  # which is never used again


@pytest.mark.parametrize("way", ["dump", "check"])
def test_the_configuration_is_told_without_its_secrets(server, canaries, way):
    told = server.command("--dump-config" if way == "dump" else "--check-config", changed=SETTINGS)
    assert told.returncode == 0, told
    assert canaries.found_in(told.stdout + told.stderr) == []
