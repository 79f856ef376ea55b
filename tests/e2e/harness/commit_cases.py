"""Each kind of transaction that a client's call makes, for test_commit_cuts.py: how it is brought about, what it answers when it
is done, what when it was done before, and what must be true afterwards."""

import dataclasses
from collections.abc import Callable

from harness.calls import DEVICE, PHONE, Account, new_name
from harness.crashes import ACTIVE
from harness.d000 import Android
from harness.d004 import Client
from harness.reg_user import Handset
from harness.v1 import V1

SERVICE = "component/service/"


@dataclasses.dataclass
class Attempt:
    """`act` makes the request and gives its reply; `said` is what is compared of one that is not 503."""

    act: Callable
    said: Callable
    good: object  # done by this request
    again: object = None  # done by a request before; None: as `good`
    passing: object = None  # while it is being undone
    check: Callable = lambda: None  # one effect
    lost: object = None  # once nobody knows whether it was done, it may be that it cannot be asked for again
    twice: bool = False  # a request that is repeated has another effect, by its nature


@dataclasses.dataclass
class Case:
    name: str
    site: str | None  # file and function that begins it; None for a statement that stands for itself
    statements: set  # that write in it; the first one alphabetically chooses it, unless `by` does
    make: Callable
    by: str | None = None

    @property
    def alone(self):
        return self.site is None

    @property
    def statement(self):
        return self.by or min(self.statements)


CASES = []


def case(name, site, *statements, by=None):
    def add(make):
        CASES.append(Case(name, site and SERVICE + site, set(statements), make, by))
        return make

    return add


def _result(reply):
    return reply.json["result"]


def _status(reply):
    return reply.json["status"]


def _code(reply):
    return reply.json["code"]


def _v1(reply):
    return reply.json.get("error", "ok")


class Env:
    """What a case works with: a registrard whose Postgres is behind a CommitProxy."""

    def __init__(self, server, calls, db, truth, sms, link):
        self.server, self.calls, self.db, self.truth, self.sms, self.link = server, calls, db, truth, sms, link
        self.http = calls.http
        self.var = server.stack.var
        self.v1 = V1(self.http)

    def new(self, kind=DEVICE):
        return self.calls.new_account(kind)

    def handset(self, prefix, **more):
        return Handset(self.http, self.var, prefix, **more)

    def one(self, statement, *values):
        return self.truth.one(statement, *values)[0]

    def expect_accounts(self, name, count):
        found = self.truth.rows("select state from accounts where name = %s and state < 2", name)
        assert found == [(ACTIVE,)] * count, found

    def expect_bound(self, one, other, bound):
        shown = {item["jid"] for item in self.calls.bindings(one).json["roster_item"]}
        assert (other.jid in shown) == bound, shown


# Registrations

REGISTERS = ("registration.c: registration_commit", "accounts_insert", "outbox_add")


@case("003 registers", *REGISTERS, by="accounts_insert")
def _(env):
    lamp = Account(DEVICE, new_name(), "x")
    return Attempt(lambda: env.calls.register(lamp), _result, 0, 0, 103, lambda: env.expect_accounts(lamp.name, 1))


@case("000 registers", *REGISTERS, by="accounts_insert")
def _(env):
    app = Android(env.http, env.sms)
    temp_id = app.verified()
    return Attempt(lambda: app.register(temp_id), _status, 200, 200, 270, lambda: env.expect_accounts("+86" + app.phone, 1))


def _registers_reg_user(env, prefix, **more):
    app = env.handset(prefix, **more)
    code = app.fresh_code()
    return Attempt(lambda: app.reg(yzm=code), _code, "200", "200", "4004", lambda: env.expect_accounts("+86" + app.phone, 1))


@case("001 registers", *REGISTERS, by="accounts_insert")
def _(env):
    return _registers_reg_user(env, "/reg")


@case("002 registers", *REGISTERS, by="accounts_insert")
def _(env):
    return _registers_reg_user(env, "/user")


@case("004 registers", *REGISTERS, by="accounts_insert")
def _(env):
    app = Client(env.http, env.sms).verify()
    assert app.step_3().json["code"] == 1
    return Attempt(app.step_4, _code, 1, 1, 0, lambda: env.expect_accounts("+86" + app.phone, 1))


DISPLACES = ("registration.c: registration_commit", "accounts_insert", "accounts_cancel", "accounts_erase", "outbox_add",
             "sessions_end_all", "bindings_unwant_all", "welcomed_note", "asks_end_all")


@case("an unproved phone is displaced by a registration", *DISPLACES, by="accounts_insert")
def _(env):
    phone, lamp = env.new(PHONE), env.new()
    assert _result(env.calls.bind(phone, [lamp.name])) == 0
    attempt = _registers_reg_user(env, "/reg", phone=phone.name, password="another")

    def check():
        env.expect_accounts("+86" + phone.name, 1)
        env.expect_bound(lamp, phone, False)
        assert _result(env.calls.login(phone)) == 102
        assert _result(env.calls.http.get("/verify_access_token", {"access_token": phone.token})) == 4

    attempt.check = check
    return attempt


@case("an unproved phone is displaced by a reset", *DISPLACES, by="accounts_insert")
def _(env):
    """When nobody knows of it, the new account is undone; the old one has ended. Then there is no phone to be reset."""
    phone = env.new(PHONE)
    app = Android(env.http, env.sms, phone.name)
    temp_id = app.verified("1")
    gone = []

    def said(reply):
        gone[:] = [reply.json["status"] == 500]
        return reply.json["status"]

    return Attempt(lambda: app.reset(temp_id, "another"), said, 200, 500,
                   check=lambda: env.expect_accounts("+86" + phone.name, 0 if gone[0] else 1))


@case("a registration is undone", "registration.c: registration_undo", "accounts_cancel", "accounts_erase", "outbox_add")
def _(env):
    lamp = Account(DEVICE, new_name(), "x")
    env.link.stall()

    def check():
        assert _result(env.calls.register(lamp)) == 0
        env.expect_accounts(lamp.name, 1)

    return Attempt(lambda: env.calls.register(lamp), _result, 101, 101, 103, check)


# The end of an account, passwords


@case("an account is cancelled", "login.c: end_account", "accounts_cancel", "accounts_erase", "bindings_unwant_all",
      "outbox_add", "sessions_end_all", "welcomed_note", "asks_end_all")
def _(env):
    phone, lamp = env.new(PHONE), env.new()
    assert _result(env.calls.bind(phone, [lamp.name])) == 0

    def check():
        env.expect_accounts(lamp.name, 0)
        env.expect_accounts("+86" + phone.name, 1)
        assert env.calls.bindings(phone).json["roster_item"] == []
        assert _result(env.calls.http.get("/verify_access_token", {"access_token": lamp.token})) == 4

    return Attempt(lambda: env.calls.cancel(lamp), _result, 0, 102, check=check)


RESETS = ("phone_password.c: replace_password", "verifiers_replace", "wrong_passwords_end_all", "accounts_set_xid",
          "sessions_end_all")


@case("000 resets a password", *RESETS)
def _(env):
    app = Android(env.http, env.sms).registered()
    temp_id = app.verified("1")

    def check():
        assert _status(app.login("another")) == 200 and _status(app.login("12345")) == 500

    return Attempt(lambda: app.reset(temp_id, "another"), _status, 200, check=check)


def _resets_reg_user(env, prefix, again):
    app = env.handset(prefix).registered()
    code = app.fresh_code()
    app.password = "another"

    def check():
        assert _code(app.login()) == "200"

    return Attempt(lambda: app.pwd(yzm=code), _code, "200", again, check=check)


@case("001 resets a password", *RESETS)
def _(env):
    return _resets_reg_user(env, "/reg", "200")


@case("002 resets a password", *RESETS)
def _(env):
    return _resets_reg_user(env, "/user", "4006")  # it is the same as before, indeed


# What an account has


@case("000 takes a nickname", "nickname.c: commit", "accounts_set_nickname", "bindings_reaffirm_all")
def _(env):
    app = Android(env.http, env.sms).registered()

    def check():
        assert env.one("select nickname from accounts where id = %s", app.id) == "Mei"

    return Attempt(lambda: app.rename("Mei", **app.with_cookie), _status, 200, check=check)


@case("001 shakes", "points.c: commit", "ledger_add", "prize_day_spend")
def _(env):
    app = env.handset("/reg").registered()
    return Attempt(app.shake, _code, "200", twice=True, check=lambda: int(env.one(
        "select count(*) from ledger where account_id = %s and currency = 1 and amount < 0", app.uid)))


@case("002 fills in a profile", None, "profiles_put")
def _(env):
    app = env.handset("/user").registered()
    form = {"company_logo": "https://example.org/logo.png", "company_name": "Name", "company_address": "Street",
            "user_name": "Mei", "identity_card": "11010519491231002X", "qq_number": "12345", "recommend_user_id": ""}

    def check():
        assert app.own("getUserInfo").json["company_name"] == "Name"

    return Attempt(lambda: app.own("regDetail", **form), _code, "200", check=check)


@case("consent is set", None, "accounts_set_consent")
def _(env):
    lamp = env.new()
    return Attempt(lambda: env.v1.consent(lamp, "refuse"), _v1, "ok",
                   check=lambda: env.v1.consent(lamp).json == {"consent": "refuse"})


# Sessions


def _logs_in(env, act, said, good, account):
    def check():
        assert env.one("select count(*) from sessions s join accounts a on a.id = s.account_id where a.name = %s", account) > 0

    return Attempt(act, said, good, check=check)


@case("003 logs in", None, "sessions_open")
def _(env):
    lamp = env.new()
    return _logs_in(env, lambda: env.calls.login(lamp), _result, 0, lamp.name)


@case("000 logs in", None, "sessions_open")
def _(env):
    app = Android(env.http, env.sms).registered()
    return _logs_in(env, app.login, _status, 200, "+86" + app.phone)


def _logs_in_reg_user(env, prefix):
    app = env.handset(prefix).registered()
    return _logs_in(env, lambda: app.call("login", phone=app.phone, xid=app.xid, pwd=app.password, utime=app.utime()),
                    _code, "200", "+86" + app.phone)


@case("001 logs in", None, "sessions_open")
def _(env):
    return _logs_in_reg_user(env, "/reg")


@case("002 logs in", None, "sessions_open")
def _(env):
    return _logs_in_reg_user(env, "/user")


@case("004 logs in", None, "sessions_open")
def _(env):
    app = Client(env.http, env.sms).register()
    return _logs_in(env, app.login, _code, 1, "+86" + app.phone)


@case("a login is noted", None, "comparisons_note_use")
def _(env):
    lamp = env.new()
    return _logs_in(env, lambda: env.calls.login(lamp), _result, 0, lamp.name)


@case("the handset is noted", None, "accounts_set_xid")
def _(env):
    return _logs_in_reg_user(env, "/reg")


@case("001 logs out", None, "sessions_end")
def _(env):
    app = env.handset("/reg").registered()

    def check():
        assert env.one("select count(*) from sessions where account_id = %s", app.uid) == 0

    return Attempt(lambda: app.own("loginout"), _code, "200", "4000", check=check)


@case("a wrong password is counted", None, "wrong_passwords_count")
def _(env):
    lamp = env.new()
    wrong = Account(DEVICE, lamp.name, "wrong")

    def check():
        assert env.one("select sum(count) from wrong_passwords w join accounts a on a.id = w.account_id where a.name = %s",
                       lamp.name) >= 1
        assert _result(env.calls.login(lamp)) == 0

    return Attempt(lambda: env.calls.login(wrong), _result, 102, check=check)


@case("wrong passwords are forgotten", None, "wrong_passwords_end")
def _(env):
    lamp = env.new()
    assert _result(env.calls.login(Account(DEVICE, lamp.name, "wrong"))) == 102
    return _logs_in(env, lambda: env.calls.login(lamp), _result, 0, lamp.name)


# Bindings


@case("a binding is wished", "bind.c: look_and_bind", "bindings_want")
def _(env):
    phone, lamp, fan = env.new(PHONE), env.new(), env.new()

    def check():
        for one in (lamp, fan):
            env.expect_bound(phone, one, True)
            env.expect_bound(one, phone, True)

    return Attempt(lambda: env.calls.bind(phone, [lamp.name, fan.name]), _result, 0, 109, check=check)


@case("a binding is ended", "bind.c: unbind_wish", "bindings_unwant")
def _(env):
    phone, lamp = env.new(PHONE), env.new()
    assert _result(env.calls.bind(phone, [lamp.name])) == 0
    return Attempt(lambda: env.calls.unbind(phone, [lamp.name]), _result, 0, 110,
                   check=lambda: env.expect_bound(lamp, phone, False))


@case("a binding is named", "rename.c: change", "binding_names_set")
def _(env):
    phone, lamp = env.new(PHONE), env.new()
    assert _result(env.calls.bind(phone, [lamp.name])) == 0

    def check():
        [one] = env.v1.bindings(phone).json["bindings"]
        assert one["nickname"] == "Bedside", one

    return Attempt(lambda: env.v1.rename(phone, lamp.jid, "Bedside"), _v1, "ok", check=check)


@case("a claim code is redeemed", "claims.c: bind_to_maker", "bindings_want", "asks_end", by="bindings_want")
def _(env):
    phone, lamp = env.new(PHONE), env.new()
    code = env.v1.new_claim(lamp)

    def check():
        assert len(env.truth.rows("select from bindings b join accounts a on a.id in (low, high) where a.name = %s",
                                  lamp.name)) <= 1

    return Attempt(lambda: env.v1.redeem(phone, code), _v1, "ok", "bound", lost="code", check=check)


def _shy(env):
    lamp = env.new()
    env.v1.set_consent(lamp, "ask")
    return lamp


@case("consent is asked for", "bind.c: look_and_bind", "asks_open")
def _(env):
    phone, lamp = env.new(PHONE), _shy(env)

    def check():
        assert set(env.v1.asked_by(lamp)) == {phone.jid}
        env.expect_bound(phone, lamp, False)

    return Attempt(lambda: env.calls.bind(phone, [lamp.name]), _result, 0, check=check)


@case("consent is given", "asks.c: answer", "bindings_want")
def _(env):
    phone, lamp = env.new(PHONE), _shy(env)
    assert _result(env.calls.bind(phone, [lamp.name])) == 0
    number = env.v1.asked_by(lamp)[phone.jid]
    return Attempt(lambda: env.v1.answer(lamp, number, True), _v1, "ok", "not_found",
                   check=lambda: env.expect_bound(phone, lamp, True))


@case("an ask is withdrawn", "bind.c: unbind_wish", "bindings_unwant", "asks_withdraw")
def _(env):
    phone, lamp = env.new(PHONE), _shy(env)
    assert _result(env.calls.bind(phone, [lamp.name])) == 0

    def check():
        assert env.v1.asked_by(lamp) == {}

    return Attempt(lambda: env.calls.unbind(phone, [lamp.name]), _result, 0, 110, check=check)


@case("consent is refused", None, "asks_refuse")
def _(env):
    phone, lamp = env.new(PHONE), _shy(env)
    assert _result(env.calls.bind(phone, [lamp.name])) == 0
    number = env.v1.asked_by(lamp)[phone.jid]

    def check():
        assert env.v1.asked_by(lamp) == {}
        assert _result(env.calls.bind(phone, [lamp.name])) == 108

    return Attempt(lambda: env.v1.answer(lamp, number, False), _v1, "ok", "not_found", check=check)
