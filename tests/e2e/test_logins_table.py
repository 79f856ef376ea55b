"""The table of docs/logins.md, cell by cell: which login works after which registration or reset."""

import hashlib
import pathlib
import re

import psycopg2
import pytest

from harness.calls import PHONE, Account, new_phone
from harness.d000 import Android
from harness.d003 import code, meanwhile, wait_until
from harness.d004 import Client, said
from harness.databases import WAITING, run_on
from harness.reg_user import Handset, md5
from harness.sms_file import SmsFile

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIALECTS = ("000", "001", "002", "003", "004")
PREFIXES = {"001": "/reg", "002": "/user"}


def rows():
    """What was done, in order, and whether each dialect's login works then."""
    text = (ROOT / "docs/logins.md").read_text(encoding="utf-8")
    table = re.search(r"^\| password set through \| (.*?) \|\n\|[-|]+\|\n(.*?)\n\n", text, re.M | re.S)
    assert tuple(table.group(1).split(" | ")) == DIALECTS
    for line in table.group(2).splitlines():
        history, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert set(cells) <= {"yes", "no"}
        yield history, [cell == "yes" for cell in cells]


class Person:
    """One phone, through all five dialects."""

    def __init__(self, http, var, calls):
        self.http, self.var, self.calls = http, var, calls
        self.sms = SmsFile(var)
        self.phone = new_phone()

    def android(self, password):
        return Android(self.http, self.sms, self.phone, password)

    def handset(self, dialect, password):
        return Handset(self.http, self.var, PREFIXES[dialect], self.phone, password)

    def set_password(self, step, password):
        """step: "001 reset raw" and the like."""
        dialect, what, *raw = step.split()
        if dialect in PREFIXES:
            app = self.handset(dialect, password)
            act = app.reg if what == "register" else app.pwd
            reply = act(yzm=app.fresh_code(), pwd=password if raw else md5(password))
            assert reply.json["code"] == "200", reply
        elif dialect == "000" and what == "register":
            self.android(password).registered()
        elif dialect == "000":
            app = self.android(password)
            assert app.reset(app.verified("1"), password).json["status"] == 200
        elif dialect == "003":
            assert code(self.calls.register(Account(PHONE, self.phone, password))) == 0
        else:
            Client(self.http, self.sms, self.phone).register(password)

    def login_reply(self, dialect, password):
        if dialect == "000":
            app = self.android(password)
            app.salt = app.get_salt().json["salt"]
            return app.login()
        if dialect in PREFIXES:
            return self.handset(dialect, password).login()
        if dialect == "003":
            return self.calls.login(Account(PHONE, self.phone, password))
        return Client(self.http, self.sms, self.phone).login(password)

    def login(self, dialect, password):
        """What the dialect answers, in its own words."""
        reply = self.login_reply(dialect, password)
        if dialect == "000":
            return reply.json["status"]
        if dialect in PREFIXES:
            by_itself = self.handset(dialect, password).login(pwd=password)
            assert by_itself.json["code"] == reply.json["code"]
            return reply.json["code"]
        return code(reply) if dialect == "003" else said(reply)


RIGHT = {"000": 200, "001": "200", "002": "200", "003": 0, "004": (1, "成功登录")}
WRONG = {"000": 500, "001": "4001", "002": "4003", "003": 102, "004": (0, "密码错误")}


@pytest.mark.parametrize("history, works", rows(), ids=lambda value: value if isinstance(value, str) else "")
def test_row(http, stack, calls, history, works):
    person = Person(http, stack.var, calls)
    passwords = []
    for number, step in enumerate(history.split(", ")):
        passwords.append(f"password {number}")
        person.set_password(step, passwords[-1])
    for dialect, works_there in zip(DIALECTS, works):
        assert person.login(dialect, passwords[-1]) == (RIGHT if works_there else WRONG)[dialect], dialect
        for old in passwords[:-1]:
            assert person.login(dialect, old) == WRONG[dialect], (dialect, old)


def test_the_table_has_every_way():
    """Each way to set a password comes first or last in a row, and each row of dialects.md is there."""
    last = {history.split(", ")[-1].removesuffix(" raw") for history, _ in rows()}
    assert last == {"000 register", "000 reset", "001 register", "001 reset", "002 register", "002 reset", "003 register", "004 register"}


def test_a_reset_ends_all_sessions_of_all_dialects(http, stack, calls):
    person = Person(http, stack.var, calls)
    person.set_password("004 register", "the first")
    person.set_password("000 reset", "the second")
    android = person.android("the second")
    android.salt = android.get_salt().json["salt"]
    assert android.login().json["status"] == 200
    reg, user = person.handset("001", "the second"), person.handset("002", "the second")
    assert reg.login().json["code"] == user.login().json["code"] == "200"
    account = calls.log_in(Account(PHONE, person.phone, "the second"))
    token = Client(http, person.sms, person.phone).login("the second").json["token"]
    assert token and token != account.token

    def living():
        renamed = android.rename("n", **android.with_cookie).json["status"]
        checked = [http.post("/verify_access_token", {"access_token": one}).json["result"] for one in (account.token, token)]
        return [renamed, user.own("checkFinishUserInfo").json["code"], *checked]

    assert living() == [200, "200", 0, 0]
    person.set_password("002 reset", "the third")
    assert living() == [500, "4000", 4, 4]
    assert reg.own("loginout").json["code"] == "4000"


@pytest.mark.parametrize("dialect, kind", [("000", 0), ("001", 1), ("002", 1), ("003", 1), ("004", 4)])
def test_a_login_that_a_reset_overtakes_leaves_no_session(http, stack, calls, db, dialect, kind):
    """The password was right when it was checked; then the reset commits; then the login goes on."""
    person = Person(http, stack.var, calls)
    person.set_password("004 register", "the first")
    person.set_password("000 reset", "the second")
    with psycopg2.connect(stack.postgres_dsn()) as reset, reset.cursor() as cursor:
        cursor.execute("select id from accounts where name = %s and state = 1 for no key update", ("+86" + person.phone,))
        (account_id,) = cursor.fetchone()
        with meanwhile(person.login_reply, dialect, "the second") as replies:
            wait_until(lambda: run_on(stack.postgres_dsn(), WAITING), what="the login at the account's lock")
            cursor.execute("delete from verifiers where account_id = %s and kind = %s", (account_id, kind))
            reset.commit()
        assert replies[0].status == 503 and "token" not in replies[0].text, replies
    with db.cursor() as cursor:
        cursor.execute("select count(*) from sessions where account_id = %s", (account_id,))
        assert cursor.fetchone() == (0,)


def test_the_salt_of_an_account_never_changes(http, stack, calls):
    person = Person(http, stack.var, calls)
    person.set_password("002 register", "first")
    salt = person.android("").get_salt().json["salt"]
    for step in ("000 reset", "001 reset", "000 reset"):
        person.set_password(step, step)
        assert person.android("").get_salt().json["salt"] == salt
    digest = hashlib.md5(("000 reset" + salt).encode()).hexdigest()
    for wrong_salt, answer in ((salt, 200), (salt.swapcase(), 500)):
        form = {"phone": person.phone, "salt": wrong_salt, "password": digest}
        assert http.post("/android/login", form).json["status"] == answer
