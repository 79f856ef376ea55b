"""What is left of an account that was cancelled: a dump of the whole database and everything in Redis are searched for all
that the account ever said of its owner, in any dialect."""

import secrets
import subprocess

import pytest

from harness.calls import DEVICE, PHONE, WECHAT, Account, new_name, new_phone
from harness.d000 import Android, status
from harness.d003 import code, wait_until
from harness.d004 import Client
from harness.reg_user import Handset, md5, said

CARD = "11010519491231002X"
ELSEWHERE = "198.51.100.77"  # as the proxy tells it


def value_of(redis, key):
    read = {b"string": redis.get, b"hash": redis.hgetall, b"set": redis.smembers, b"list": lambda k: redis.lrange(k, 0, -1),
            b"zset": lambda k: redis.zrange(k, 0, -1, withscores=True)}
    kind = redis.type(key)
    return repr(read[kind](key)) if kind != b"none" else ""


class Kept:
    """What was told to be found nowhere in the end, and where to look."""

    def __init__(self, stack, db, redis):
        self.stack, self.db, self.redis = stack, db, redis
        self.said = []

    def add(self, value):
        self.said.append(value)
        return value

    def word(self, text):
        """Found nowhere else, whatever other tests say."""
        return self.add(text + secrets.token_hex(6))

    def dump(self):
        done = subprocess.run(
            ["pg_dump", f"--dbname={self.stack.postgres_dsn()}"], capture_output=True, text=True, timeout=60, check=True
        )
        assert "COPY public.accounts" in done.stdout
        return done.stdout

    def found(self, text):
        """Also as bytea shows it, and as an account of another type would have the same name."""
        return [value for value in self.said if value in text or value.encode().hex() in text]

    def in_redis(self):
        return "\n".join(f"{key!r} {value_of(self.redis, key)}" for key in self.redis.scan_iter("*"))

    def settled(self):
        def empty():
            with self.db.cursor() as cursor:
                cursor.execute("select count(*) from outbox")
                return cursor.fetchone()[0] == 0

        wait_until(empty, what="rosters and JIDs to be clean")


@pytest.fixture
def kept(server, stack, db, redis):
    server.restart({"REGISTRARD_HTTP_PROXIES": "127.0.0.0/8"})
    redis.flushall()
    return Kept(stack, db, redis)


def cancelled(calls, account):
    assert code(calls.cancel(account)) == 0


def guess(calls, plain_http, name, kind):
    """A wrong password from an address that is found nowhere else."""
    verify_id, answer = calls.picture()
    form = {"user_name": name, "password": "wrong one", "type": kind, "verify_id": verify_id, "verify_code": answer}
    assert code(plain_http.post("/login", form, {"X-Forwarded-For": ELSEWHERE})) == 102


def test_a_phone_of_000_001_and_002(kept, calls, plain_http, stack, sms):
    app = Android(plain_http, sms, phone=kept.add(new_phone()), password=kept.add(new_name("pw")))
    app.account = kept.add(new_name("app"))
    app.registered()
    assert status(app.rename(kept.word("曾用名"), **app.with_cookie)) == 200
    assert status(app.rename(nickname := kept.word("昵称"), **app.with_cookie)) == 200
    for prefix in ("/reg", "/user"):
        handset = Handset(plain_http, stack.var, prefix, phone=app.phone, password=app.password)
        kept.add(handset.xid)
        assert said(handset.login())["code"] == "200"
        kept.add(handset.sec)
    profile = {
        "company_logo": kept.word("https://example.org/曾经/"), "company_name": kept.word("曾经有限公司"),
        "company_address": kept.word("曾经路1号"), "user_name": kept.word("张曾经"), "identity_card": kept.add(CARD),
        "qq_number": kept.add("90817263544"),
    }
    assert said(handset.own("regDetail", **profile))["code"] == "200"
    friend = Handset(plain_http, stack.var, "/user").registered()
    assert said(friend.own("regDetail", **{**profile, **least()}, recommend_user_id=str(app.id)))["code"] == "200"
    assert said(friend.own("getUserInfo"))["recommend_phone"] == app.phone
    assert code(calls.bind(calls.new_account(DEVICE), [app.phone])) == 0
    guess(calls, plain_http, app.phone, PHONE)
    app.get_mes("1")
    for secret in (app.token, app.chat_token, md5(app.password)):
        kept.add(secret)
    kept.settled()
    assert {app.phone, app.account, nickname, profile["company_name"]} <= set(kept.found(kept.dump()))

    cancelled(calls, Account(PHONE, app.phone, app.password))
    kept.settled()
    assert kept.found(kept.dump()) == []
    assert kept.found(kept.in_redis()) == []
    assert said(friend.own("getUserInfo"))["recommend_phone"] == ""


def least():
    """A profile of somebody else."""
    return {"company_logo": "", "company_name": "c", "company_address": "a", "user_name": "u", "identity_card": "110105491231002",
            "qq_number": ""}


def test_a_phone_of_004(kept, calls, plain_http, sms):
    client = Client(plain_http, sms, phone=kept.add(new_phone()))
    password, email = kept.add(new_name("pw")), kept.word("zengjing@example.org")
    client.register(password, email)
    kept.add(client.login(password).json["token"])
    kept.add(client.cookie.split("=")[1])
    assert email in kept.dump()
    cancelled(calls, Account(PHONE, client.phone, password))
    kept.settled()
    assert kept.found(kept.dump()) == []
    assert kept.found(kept.in_redis()) == []


@pytest.mark.parametrize("kind", [PHONE, DEVICE, WECHAT])
def test_an_account_of_003(kept, calls, plain_http, kind):
    account = Account(kind, kept.add(new_phone() if kind == PHONE else new_name()), kept.add(new_name("pw")))
    more = {"device_type": kept.word("lamp-")} if kind == DEVICE else {}
    assert code(calls.register(account, des=(description := kept.word("曾经的说明")), **more)) == 0
    calls.log_in(account)
    kept.add(account.token)
    kept.add(account.jid_password)
    other = calls.new_account(DEVICE)
    assert code(calls.bind(account, [other.name])) == 0
    guess(calls, plain_http, account.name, kind)
    kept.settled()
    before = kept.dump()
    assert {account.name, description} <= set(kept.found(before))
    assert (ELSEWHERE in before) == (kind != PHONE)
    cancelled(calls, account)
    kept.settled()
    after = kept.dump()
    assert kept.found(after) == [] and ELSEWHERE not in after
    assert kept.found(kept.in_redis()) == []  # but for addresses, which are counted for a day at most, and say nothing of names


def test_an_unproved_phone_that_its_owner_displaced(kept, calls, plain_http, sms):
    strangers = Account(PHONE, new_phone(), kept.add(new_name("pw")))
    assert code(calls.register(strangers, des=kept.word("a stranger's description"))) == 0
    kept.add(calls.log_in(strangers).jid_password)
    kept.add(strangers.token)
    Android(plain_http, sms, phone=strangers.name).registered()
    kept.settled()
    assert kept.found(kept.dump()) == []
